#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/metrics/metrics.h"

#include <stdio.h>

/* The block with the lowest id above `after`, referenced; NULL when there is none. */
static struct block *next_block(struct metrics *m, uint64_t after)
{
    struct block_list *list = block_list_ref(m);
    struct block *next = NULL;
    for (uint32_t i = 0; i < list->count; i++) {
        struct block *b = list->blocks[i];
        if (b->entry.id > after && (!next || b->entry.id < next->entry.id))
            next = b;
    }
    if (next)
        block_ref(next);
    block_list_unref(list);
    return next;
}

uint64_t metrics_scrub(struct metrics *m, uint64_t after)
{
    struct block *b = next_block(m, after);
    if (!b)
        return 0;
    uint64_t id = b->entry.id;
    struct tsdb_error err = {0};
    if (segment_verify_all(b->segment, &err) != TSDB_OK) {
        damage_note(&m->damage, &b->entry);
        store_quarantine(m->store, &b->entry, err.msg);
        block_list_forget(m, id);
    }
    block_unref(b);
    return id;
}

struct verify {
    struct fs *fs;
    const char *dir;
    void (*report)(void *arg, const char *line);
    void *arg;
    uint64_t faults, blocks;
};

static void fault(struct verify *v, const char *name, const char *why)
{
    char line[800];
    (void)snprintf(line, sizeof line, "%s: %s", name, why);
    v->report(v->arg, line);
    v->faults++;
}

static void verify_block(struct verify *v, const struct manifest_segment *entry)
{
    char name[SEGMENT_NAME_MAX], path[STORE_PATH_MAX];
    segment_name_format(name, entry->id, (enum store_signal)entry->signal);
    if (snprintf(path, sizeof path, "%s/%s", v->dir, name) >= (int)sizeof path)
        return;
    struct block *b;
    struct tsdb_error err = {0};
    v->blocks++;
    if (block_open(v->fs, path, entry, &b, &err) != TSDB_OK) {
        fault(v, name, err.msg);
        return;
    }
    if (block_verify(b, &err) != TSDB_OK)
        fault(v, name, err.msg);
    block_unref(b);
}

static enum tsdb_status ignore_record(void *arg, uint64_t position, uint8_t type,
                                      struct bytes payload)
{
    (void)arg;
    (void)position;
    (void)type;
    (void)payload;
    return TSDB_OK;
}

static void on_journal_event(void *arg, const char *text, bool is_degraded)
{
    if (is_degraded)
        fault(arg, "journal", text);
}

static enum tsdb_status verify_journal(struct verify *v, uint64_t floor, struct tsdb_error *err)
{
    char path[STORE_PATH_MAX];
    if (snprintf(path, sizeof path, "%s/journal", v->dir) >= (int)sizeof path)
        return tsdb_fail(err, TSDB_EINVAL, "%s: path too long", v->dir);
    struct journal_options options = {
        .fs = v->fs, .dir = path, .has_no_threads = true, .on_event = on_journal_event, .arg = v};
    struct journal *journal;
    enum tsdb_status st = journal_open(&options, floor, &journal, err);
    if (st != TSDB_OK)
        return st;
    st = journal_replay(journal, floor, ignore_record, NULL, err);
    struct journal_stats stats;
    journal_stats(journal, &stats);
    if (stats.damaged_records > 0) {
        char why[96];
        (void)snprintf(why, sizeof why, "%llu damaged places, %llu bytes",
                       (unsigned long long)stats.damaged_records,
                       (unsigned long long)stats.damaged_bytes);
        fault(v, "journal", why);
    }
    journal_close(journal);
    return st;
}

enum tsdb_status metrics_verify(struct fs *fs, const char *dir,
                                void (*report)(void *arg, const char *line), void *arg,
                                struct tsdb_error *err)
{
    struct manifest *manifest;
    struct fs_frozen frozen; /* opening a journal or manifest also mends it */
    fs = fs_frozen_init(&frozen, fs);
    enum tsdb_status st = manifest_open(fs, dir, NULL, &manifest, err);
    if (st != TSDB_OK)
        return st;
    struct verify v = {.fs = fs, .dir = dir, .report = report, .arg = arg};
    size_t count;
    const struct manifest_segment *segments = manifest_segments(manifest, &count);
    for (size_t i = 0; i < count; i++)
        if (segments[i].signal == STORE_METRICS)
            verify_block(&v, &segments[i]);
    st = verify_journal(&v, manifest_floor(manifest), err);
    manifest_close(manifest);
    if (st != TSDB_OK)
        return st;
    if (v.faults > 0)
        return tsdb_fail(err, TSDB_ECORRUPT, "%s: %llu faults in %llu segments and the journal",
                         dir, (unsigned long long)v.faults, (unsigned long long)v.blocks);
    return TSDB_OK;
}
