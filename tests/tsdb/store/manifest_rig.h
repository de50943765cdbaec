/* manifest_rig.h - edits that follow from a number, and a state as one number. */
#ifndef TESTS_TSDB_STORE_MANIFEST_RIG_H
#define TESTS_TSDB_STORE_MANIFEST_RIG_H

#include "tsdb/base/fs_sim.h"
#include "tsdb/base/hash.h"
#include "tsdb/store/manifest.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static const struct manifest_facts RIG_FACTS = {
    .store_id = {11, 22}, .seed = 33, .created = -44, .shards = 8};

static inline struct manifest_segment rig_segment(uint64_t id)
{
    return (struct manifest_segment){
        .id = id,
        .signal = (uint8_t)(id % STORE_SIGNAL_COUNT),
        .level = (uint8_t)id,
        .ts_min = -(int64_t)id,
        .ts_max = INT64_MAX - (int64_t)id,
        .bytes = id * 1000,
        .series = id,
        .samples = UINT64_MAX - id,
        .content = {id, ~id},
    };
}

/* Adds a segment and a tombstone; every third edit removes older ones. */
static inline enum tsdb_status rig_apply(struct manifest *m, uint64_t n, struct tsdb_error *err)
{
    uint64_t id = manifest_take_id(m);
    struct manifest_segment added = rig_segment(id);
    char text[40];
    int len = snprintf(text, sizeof text, "tombstone %lu", (unsigned long)id);
    struct manifest_tombstone tombstone = {id, {(const uint8_t *)text, (size_t)len}};
    struct manifest_edit edit = {
        .added = &added,
        .added_count = 1,
        .has_floor = n % 2 == 0,
        .floor = manifest_floor(m) + n,
        .tombstones_added = &tombstone,
        .tombstones_added_count = n % 4 == 1,
    };
    size_t count;
    const struct manifest_segment *segments = manifest_segments(m, &count);
    uint64_t removed[2], removed_tombstone;
    if (n % 3 == 2 && count > 3) {
        removed[0] = segments[2].id;
        removed[1] = segments[0].id;
        edit.removed = removed;
        edit.removed_count = 2;
    }
    const struct manifest_tombstone *tombstones = manifest_tombstones(m, &count);
    if (n % 7 == 6 && count > 0) {
        removed_tombstone = tombstones[0].id;
        edit.tombstones_removed = &removed_tombstone;
        edit.tombstones_removed_count = 1;
    }
    return manifest_apply(m, &edit, err);
}

static inline uint64_t rig_digest(const struct manifest *m)
{
    size_t count;
    uint64_t digest = hash64(1, &(uint64_t){manifest_floor(m)}, 8);
    const struct manifest_segment *s = manifest_segments(m, &count);
    for (size_t i = 0; i < count; i++) {
        uint64_t fields[10] = {s[i].id,         s[i].signal,    s[i].level,   (uint64_t)s[i].ts_min,
                               s[i].bytes,      s[i].series,    s[i].samples, (uint64_t)s[i].ts_max,
                               s[i].content.lo, s[i].content.hi};
        digest = hash64(digest, fields, sizeof fields);
    }
    const struct manifest_tombstone *t = manifest_tombstones(m, &count);
    for (size_t i = 0; i < count; i++)
        digest = hash64(digest + t[i].id, t[i].payload.at, t[i].payload.len); /* wraps */
    return digest;
}

#endif
