#include "tsdb/logs/engine.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"

#include <stdio.h>

/* The block with the lowest id above `after`, referenced; NULL when there is none. */
static struct block *next_block(struct logs *l, uint64_t after)
{
    struct block_list *list = logs_blocks_ref(l);
    struct block *next = NULL;
    for (uint32_t i = 0; i < list->count; i++) {
        struct block *b = list->blocks[i];
        if (b->entry.id > after && (!next || b->entry.id < next->entry.id))
            next = b;
    }
    if (next)
        log_block_ref(next);
    log_block_list_unref(list);
    return next;
}

uint64_t logs_scrub(struct logs *l, uint64_t after)
{
    struct block *b = next_block(l, after);
    if (!b)
        return 0;
    uint64_t id = b->entry.id;
    struct tsdb_error err = {0};
    if (segment_verify_all(b->segment, &err) != TSDB_OK)
        logs_set_aside(l, &b->entry, err.msg);
    log_block_unref(b);
    return id;
}

struct verify {
    struct fs *fs;
    const char *dir;
    void (*report)(void *arg, const char *line);
    void *arg;
    uint64_t faults, blocks;
};

static void verify_block(struct verify *v, const struct manifest_segment *entry)
{
    char name[SEGMENT_NAME_MAX], path[STORE_PATH_MAX], line[800];
    segment_name_format(name, entry->id, STORE_LOGS);
    if (snprintf(path, sizeof path, "%s/%s", v->dir, name) >= (int)sizeof path)
        return;
    struct block *b = NULL;
    struct tsdb_error err = {0};
    v->blocks++;
    if (log_block_open(v->fs, path, entry, &b, &err) == TSDB_OK &&
        log_block_verify(b, &err) == TSDB_OK) {
        log_block_unref(b);
        return;
    }
    log_block_unref(b);
    (void)snprintf(line, sizeof line, "%s: %s", name, err.msg);
    v->report(v->arg, line);
    v->faults++;
}

enum tsdb_status logs_verify(struct fs *fs, const char *dir,
                             void (*report)(void *arg, const char *line), void *arg,
                             struct tsdb_error *err)
{
    struct manifest *manifest;
    struct fs_frozen frozen; /* opening a manifest also mends it */
    fs = fs_frozen_init(&frozen, fs);
    enum tsdb_status st = manifest_open(fs, dir, NULL, &manifest, err);
    if (st != TSDB_OK)
        return st;
    struct verify v = {.fs = fs, .dir = dir, .report = report, .arg = arg};
    size_t count;
    const struct manifest_segment *segments = manifest_segments(manifest, &count);
    for (size_t i = 0; i < count; i++)
        if (segments[i].signal == STORE_LOGS)
            verify_block(&v, &segments[i]);
    manifest_close(manifest);
    if (v.faults > 0)
        return tsdb_fail(err, TSDB_ECORRUPT, "%s: %llu faults in %llu segments of logs", dir,
                         (unsigned long long)v.faults, (unsigned long long)v.blocks);
    return TSDB_OK;
}
