/* manifest.h - the list of what belongs to the store.
 *
 *   offset  size  header (96 bytes)          little-endian throughout
 *        0     8  magic "ANDONMAN"
 *        8     4  format version, 1
 *       12     4  lowest reader version that may open it, 1
 *       16     8  feature bits; an unknown one refuses the store
 *       24    16  store id
 *       40     8  seed of series keys
 *       48     8  created, ns since the epoch
 *       56     4  shards
 *       60    32  zero
 *       92     4  crc32c of bytes [0, 92)
 *       96     -  records, each padded with zeros to a multiple of 8:
 *
 *        0     4  crc32c of the rest of the record without the padding
 *        4     4  payload bytes; 0 marks "confirmed"
 *        8     8  sequence: 1 for the first edit after the header, then + 1;
 *                 a confirmation repeats its edit's
 *       16     -  payload: next id uvarint, floor uvarint, then items:
 *                   1 segment added: id uv, signal u8, level u8, ts_min sv,
 *                     ts_max sv, bytes uv, series uv, samples uv, hash le64 x 2
 *                   2 segment removed: id uv
 *                   3 tombstone added: id uv, payload sized
 *                   4 tombstone removed: id uv
 *
 * An edit is appended and synced: it is there whole or not at all.  After
 * the sync a confirmation is written, not synced: a record that does not
 * check is a torn tail when nothing valid lies behind it, and damage
 * (TSDB_ECORRUPT) when something does.  Zeros follow the records, so that edits
 * still fit when the disk is full.  When the file has grown to several times
 * its content it is written aside (MANIFEST.tmp), synced, renamed, folder
 * synced.
 *
 * A failed apply leaves the state in memory as it was.  What is on disk is
 * unknown then: the next apply writes the whole file anew first.  Until an apply
 * has succeeded again the failed edit may be what the next open finds, so the
 * files that it names must stay.
 *
 * Owner: one caller at a time (a lock of the store's).
 */
#ifndef TSDB_STORE_MANIFEST_H
#define TSDB_STORE_MANIFEST_H

#include "tsdb/base/fs.h"
#include "tsdb/base/reader.h"
#include "tsdb/store/segment.h"
#include "tsdb/tsdb.h"

enum {
    MANIFEST_VERSION = 1,
    MANIFEST_TOMBSTONE_MAX = 1024 * 1024, /* payload bytes of one */
    MANIFEST_EDIT_MAX = 256 * 1024 * 1024 /* bytes of one edit */
};

struct manifest;

/* Fixed when the store is made. */
struct manifest_facts {
    struct tsdb_hash store_id;
    uint64_t seed;
    int64_t created; /* ns since the epoch */
    uint32_t shards;
};

struct manifest_segment {
    uint64_t id;
    uint8_t signal; /* enum store_signal */
    uint8_t level;
    int64_t ts_min, ts_max;
    uint64_t bytes, series, samples;
    struct tsdb_hash content;
};

struct manifest_tombstone {
    uint64_t id;
    struct bytes payload; /* owned by the manifest; in an edit: borrowed */
};

/* One atomic change.  Removals come before additions. */
struct manifest_edit {
    const struct manifest_segment *added;
    size_t added_count;
    const uint64_t *removed;
    size_t removed_count;
    bool has_floor;
    uint64_t floor; /* of the journal; never goes back */
    const struct manifest_tombstone *tombstones_added;
    size_t tombstones_added_count;
    const uint64_t *tombstones_removed;
    size_t tombstones_removed_count;
};

/* Opens dir/MANIFEST, or makes it with the facts given (dir must exist); create NULL:
 * TSDB_ENOTFOUND then.
 * TSDB_ECORRUPT: damaged, or missing beside segments.  TSDB_EINVAL: written by a newer version. */
TSDB_NODISCARD enum tsdb_status manifest_open(struct fs *fs, const char *dir,
                                              const struct manifest_facts *create,
                                              struct manifest **out, struct tsdb_error *err);
/* manifest_close(NULL) is a no-op. */
void manifest_close(struct manifest *m);

/* Durable when it answers TSDB_OK.  TSDB_EINVAL: removes what is not there,
 * adds an id twice, moves the floor back; nothing was written. */
TSDB_NODISCARD enum tsdb_status manifest_apply(struct manifest *m, const struct manifest_edit *edit,
                                               struct tsdb_error *err);

/* A fresh id for a segment or tombstone; never given twice once an edit made
 * after it was applied. */
uint64_t manifest_take_id(struct manifest *m);

const struct manifest_facts *manifest_facts(const struct manifest *m);
uint32_t manifest_version(const struct manifest *m);
uint64_t manifest_floor(const struct manifest *m);
uint64_t manifest_next_id(const struct manifest *m);
/* Sorted by id; borrowed until the next apply. */
const struct manifest_segment *manifest_segments(const struct manifest *m, size_t *count);
const struct manifest_segment *manifest_find(const struct manifest *m, uint64_t id); /* or NULL */
const struct manifest_tombstone *manifest_tombstones(const struct manifest *m, size_t *count);

#endif
