/* Merging: the blocks of one window of time become one.
 *
 * A window (a day; 30 days for what does not lie within one) is due when it has ended and
 * holds two blocks; one that was merged before is merged again for late records only when
 * there are enough of them (an eighth, or eight blocks).  A day that is still open is
 * tidied when eight fresh blocks lie in it.
 *
 * Groups that are full and of which nothing is hidden are copied as bytes; the rows of the
 * others are taken together and written anew (regroup.h).  The output goes aside, is
 * verified by its writer, and replaces its inputs in one manifest edit. */
#include "tsdb/logs/merge.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/writer.h"
#include "tsdb/logs/hides.h"
#include "tsdb/logs/regroup.h"

enum {
    MERGE_FRESH_MIN = 8,
    MERGE_LATE_SHARE = 8,
    MERGE_BYTES_MAX = 512 << 20, /* of the inputs: filters wait in memory */
    MERGE_GRACE_MINUTES = 5,
    LEVEL_TIDY = 1,
    LEVEL_WHOLE = 2,
    FULL_ROWS = GROUP_ROWS_MAX / 2,
    FULL_TEXTS = GROUP_TEXTS_MAX / 2,
};

/* ---- choosing ------------------------------------------------------------------------ */

static struct logs_window window_of(const struct block *b)
{
    struct logs_window day = logs_window_of(b->entry.ts_min, b->entry.ts_min);
    if (b->entry.ts_max < day.end)
        return day;
    return logs_window_of(INT64_MAX, b->entry.ts_min);
}

static bool is_due(const struct merge_choice *c, bool has_ended, bool is_forced)
{
    uint32_t fresh = 0, small = 0;
    uint64_t small_bytes = 0, large_bytes = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct manifest_segment *e = &c->inputs[i]->entry;
        fresh += e->level == 0;
        small += e->level < LEVEL_WHOLE;
        small_bytes += e->level < LEVEL_WHOLE ? e->bytes : 0;
        large_bytes += e->level < LEVEL_WHOLE ? 0 : e->bytes;
    }
    if (c->count < 2 || small == 0)
        return false;
    if (is_forced)
        return true;
    if (!has_ended)
        return fresh >= MERGE_FRESH_MIN;
    return small == c->count || small >= MERGE_FRESH_MIN ||
           small_bytes >= large_bytes / MERGE_LATE_SHARE;
}

/* windows: of each block of the list. */
static void gather(const struct block_list *list, const struct logs_window *windows,
                   struct logs_window w, struct merge_choice *out)
{
    uint64_t bytes = 0;
    out->count = 0;
    for (uint32_t i = 0; i < list->count && out->count < MERGE_INPUTS_MAX; i++) {
        struct block *b = list->blocks[i];
        if (windows[i].start != w.start || windows[i].end != w.end ||
            bytes + b->entry.bytes > MERGE_BYTES_MAX)
            continue;
        bytes += b->entry.bytes;
        out->inputs[out->count++] = b;
    }
}

static bool is_touched(const struct tombstones *t, const struct block *b)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (log_tombstone_touches(&t->at[i], b))
            return true;
    return false;
}

static bool choose_window(struct logs *l, const struct block_list *list, bool is_forced,
                          struct merge_choice *out)
{
    int64_t now = clock_wall_ns(l->store->clock);
    struct logs_window *windows = MEM_ARRAY(struct logs_window, list->count);
    bool is_found = false;
    for (uint32_t i = 0; i < list->count; i++)
        windows[i] = window_of(list->blocks[i]);
    for (uint32_t i = 0; i < list->count && !is_found; i++) {
        bool has_ended = windows[i].end < now - MERGE_GRACE_MINUTES * NS_PER_MINUTE;
        gather(list, windows, windows[i], out);
        out->level = has_ended || is_forced ? LEVEL_WHOLE : LEVEL_TIDY;
        is_found = is_due(out, has_ended, is_forced);
    }
    mem_free(windows);
    return is_found;
}

static bool choose(struct logs *l, const struct block_list *list, bool is_forced,
                   struct merge_choice *out)
{
    if (choose_window(l, list, is_forced, out))
        return true;
    /* Asked to finish: also rewrite what has deleted records in it. */
    struct tombstones *t = logs_tombstones_ref(l);
    out->count = 0;
    for (uint32_t i = 0; i < list->count && is_forced && out->count == 0; i++) {
        if (is_touched(t, list->blocks[i])) {
            out->inputs[out->count++] = list->blocks[i];
            out->level = list->blocks[i]->entry.level;
        }
    }
    tombstones_unref(t);
    return out->count > 0;
}

/* ---- merging ------------------------------------------------------------------------- */

struct merge {
    struct logs *l;
    const struct merge_choice *choice;
    struct hides hides;
    uint32_t *numbers; /* owned: of the input's streams in the output; HEAD_NONE: not yet */
    struct block_writer *writer;
    struct tombstones *tombstones;
    struct rules *rules;
    int64_t now;
    struct arena arena;
    struct regroup_source *sources; /* owned: small groups that wait; each owns its runs */
    struct regroup_cut *cuts;       /* owned */
    uint32_t source_count, cut_count;
    uint64_t rows, texts; /* of the sources */
    struct tsdb_error *err;
};

static enum tsdb_status write_made(void *arg, struct made_group *made, struct tsdb_error *err)
{
    struct merge *g = arg;
    struct block_group_parts parts = {
        .strings = {writer_bytes(&made->strings.head), writer_bytes(&made->strings.filter),
                    writer_bytes(&made->strings.data)},
        .runs = made->runs,
        .run_count = made->run_count,
        .rows = made->rows,
        .ts_min = made->ts_min,
        .ts_max = made->ts_max,
        .line_bytes = made->line_bytes,
        .text_bytes = made->text_bytes,
    };
    return log_block_writer_group(g->writer, &parts, err);
}

/* Writes the rows of the groups that wait. */
static enum tsdb_status flush(struct merge *g)
{
    struct regroup r;
    struct group_builder b;
    uint32_t bad;
    if (g->source_count == 0)
        return TSDB_OK;
    enum tsdb_status st = regroup_open(&r, g->sources, g->source_count, &bad, g->err);
    if (st == TSDB_OK) {
        r.cuts = g->cuts;
        r.cut_count = g->cut_count;
        group_builder_init(&b, GROUP_SEALED, GROUP_FILTERED, write_made, g);
        st = regroup_write(&r, NULL, NULL, &b, g->err);
        group_builder_release(&b);
    }
    regroup_close(&r);
    for (uint32_t i = 0; i < g->source_count; i++)
        mem_free((struct group_run *)(uintptr_t)g->sources[i].runs);
    g->source_count = g->cut_count = 0;
    g->rows = g->texts = 0;
    return st;
}

static enum tsdb_status number_of(struct merge *g, struct block *b, uint32_t *stream)
{
    uint32_t *number = &g->numbers[*stream];
    enum tsdb_status st = TSDB_OK;
    if (*number == HEAD_NONE) {
        struct tsdb_labels labels;
        arena_reset(&g->arena);
        st = label_index_labels(b->labels, *stream, &g->arena, NULL, &labels, g->err);
        if (st == TSDB_OK)
            st = log_block_writer_stream(g->writer, log_block_hash(b, *stream), labels, number,
                                         g->err);
    }
    *stream = *number;
    return st;
}

static void add_cut(struct merge *g, uint32_t run, int64_t start, int64_t end)
{
    g->cuts = mem_grow(g->cuts, (size_t)g->cut_count + 1, sizeof *g->cuts);
    g->cuts[g->cut_count++] = (struct regroup_cut){g->source_count, run, start, end};
}

/* The group's runs without those that are hidden whole; the others' cuts are noted and their
 * streams numbered. */
static enum tsdb_status keep_runs(struct merge *g, struct block *b, struct group_run *runs,
                                  uint32_t count, uint32_t *kept)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct group_run run = runs[i];
        if (hides_all(&g->hides, &run))
            continue;
        for (uint32_t k = 0; k < g->hides.count; k++)
            if (hides_touch(&g->hides, k, &run))
                add_cut(g, n, g->hides.ranges[k].start, g->hides.ranges[k].end);
        enum tsdb_status st = number_of(g, b, &run.stream);
        if (st != TSDB_OK)
            return st;
        runs[n++] = run;
    }
    *kept = n;
    return TSDB_OK;
}

static enum tsdb_status copy_group(struct merge *g, const struct block_group *in,
                                   const struct group *group, const struct group_run *runs)
{
    struct block_group_parts parts = {.strings = group_strings_of(group),
                                      .runs = runs,
                                      .run_count = in->run_count,
                                      .rows = in->rows,
                                      .ts_min = in->ts_min,
                                      .ts_max = in->ts_max,
                                      .line_bytes = in->line_bytes,
                                      .text_bytes = in->text_bytes};
    return log_block_writer_group(g->writer, &parts, g->err);
}

/* Takes over runs. */
static void add_source(struct merge *g, const struct block_group *in, const struct group *group,
                       struct group_run *runs, uint32_t count)
{
    g->sources = mem_grow(g->sources, (size_t)g->source_count + 1, sizeof *g->sources);
    g->sources[g->source_count++] = (struct regroup_source){group, runs, count};
    g->rows += in->rows;
    g->texts += in->text_bytes;
}

static enum tsdb_status merge_group(struct merge *g, struct block *b, uint32_t index)
{
    const struct block_group *in = &b->groups[index];
    const struct group *group = NULL;
    enum tsdb_status st = TSDB_OK;
    if (g->rows + in->rows > GROUP_ROWS_MAX || g->texts + in->text_bytes > GROUP_TEXTS_MAX)
        st = flush(g);
    struct group_run *runs = MEM_ARRAY(struct group_run, in->run_count);
    uint32_t kept = 0, cuts = g->cut_count;
    if (st == TSDB_OK)
        st = log_block_group_open(b, index, &group, g->err);
    if (st == TSDB_OK)
        st = log_block_touch(b, index, g->err);
    if (st == TSDB_OK)
        st = log_block_runs(b, index, runs, g->err);
    if (st == TSDB_OK)
        st = keep_runs(g, b, runs, in->run_count, &kept);
    bool is_whole = kept == in->run_count && g->cut_count == cuts;
    bool is_full = in->rows >= FULL_ROWS || in->text_bytes >= FULL_TEXTS;
    if (st == TSDB_OK && kept > 0 && !(is_whole && is_full)) {
        add_source(g, in, group, runs, kept);
        return st;
    }
    if (st == TSDB_OK && kept > 0)
        st = copy_group(g, in, group, runs);
    mem_free(runs);
    return st;
}

static enum tsdb_status merge_block(struct merge *g, struct block *b)
{
    enum tsdb_status st = hides_load(b, g->tombstones, g->rules, g->now, &g->hides, g->err);
    if (st != TSDB_OK)
        return st;
    g->numbers = mem_alloc((size_t)b->stream_count * sizeof *g->numbers + 1);
    memset(g->numbers, 0xff, (size_t)b->stream_count * sizeof *g->numbers);
    for (uint32_t i = 0; i < b->group_count && st == TSDB_OK; i++)
        st = merge_group(g, b, i);
    mem_free(g->numbers);
    hides_release(&g->hides);
    return st;
}

static enum tsdb_status commit(struct merge *g, uint64_t id, const char *path)
{
    struct block_facts facts = {0};
    struct block_writer *writer = g->writer;
    const struct merge_choice *choice = g->choice;
    g->writer = NULL;
    enum tsdb_status st = log_block_writer_seal(writer, &facts, g->err);
    if (st != TSDB_OK)
        return st;
    struct manifest_segment entry = {.id = id,
                                     .signal = STORE_LOGS,
                                     .level = choice->level,
                                     .ts_min = facts.ts_min,
                                     .ts_max = facts.ts_max,
                                     .bytes = facts.bytes,
                                     .series = facts.streams,
                                     .samples = facts.rows,
                                     .content = facts.content};
    bool is_empty = facts.rows == 0; /* everything was hidden */
    struct block *block = NULL;
    if (!is_empty)
        st = log_block_open(g->l->store->fs, path, &entry, &block, g->err);
    if (st != TSDB_OK)
        return st;
    uint64_t removed[MERGE_INPUTS_MAX];
    for (uint32_t i = 0; i < choice->count; i++)
        removed[i] = choice->inputs[i]->entry.id;
    struct manifest_edit edit = {.added = &entry,
                                 .added_count = is_empty ? 0 : 1,
                                 .removed = removed,
                                 .removed_count = choice->count};
    st = store_apply(g->l->store, &edit, g->err);
    if (st != TSDB_OK) {
        if (block && st == TSDB_EINVAL) /* nothing was written */
            segment_retire(block->segment);
        log_block_unref(block);
        return st;
    }
    mutex_lock(&g->l->lists);
    struct block_list *old =
        logs_blocks_swap(g->l, &block, is_empty ? 0 : 1, removed, choice->count);
    mutex_unlock(&g->l->lists);
    log_block_list_unref(old);
    return TSDB_OK;
}

static enum tsdb_status merge(struct logs *l, const struct merge_choice *choice, int64_t now,
                              struct tsdb_error *err)
{
    struct merge g = {.l = l,
                      .choice = choice,
                      .tombstones = logs_tombstones_ref(l),
                      .rules = logs_rules_ref(l),
                      .now = now,
                      .err = err};
    uint64_t id = store_take_id(l->store);
    char path[STORE_PATH_MAX];
    arena_init(&g.arena, SIZE_MAX, NULL);
    store_segment_path(l->store, id, STORE_LOGS, path);
    enum tsdb_status st =
        log_block_writer_open(l->store->fs, path, choice->inputs[0]->order, &g.writer, err);
    for (uint32_t i = 0; i < choice->count && st == TSDB_OK; i++)
        st = merge_block(&g, choice->inputs[i]);
    if (st == TSDB_OK)
        st = flush(&g);
    if (st == TSDB_OK)
        st = commit(&g, id, path);
    log_block_writer_abort(g.writer);
    for (uint32_t i = 0; i < g.source_count; i++)
        mem_free((struct group_run *)(uintptr_t)g.sources[i].runs);
    mem_free(g.sources);
    mem_free(g.cuts);
    arena_release(&g.arena);
    tombstones_unref(g.tombstones);
    rules_unref(g.rules);
    return st;
}

/* Room for the output beside its inputs, and the reserve. */
static bool has_room(const struct logs *l, const struct merge_choice *c)
{
    uint64_t want = STORE_DISK_RESERVE_BYTES;
    for (uint32_t i = 0; i < c->count; i++)
        want += c->inputs[i]->entry.bytes;
    return atomic_load(&l->store->disk_free_bytes) > want;
}

/* An input that does not decode is set aside, so that the next try goes without. */
static enum tsdb_status set_damage_aside(struct logs *l, const struct merge_choice *c,
                                         enum tsdb_status st)
{
    if (st != TSDB_ECORRUPT)
        return st;
    for (uint32_t i = 0; i < c->count; i++) {
        struct tsdb_error err = {0};
        if (log_block_verify(c->inputs[i], &err) == TSDB_OK)
            continue;
        logs_set_aside(l, &c->inputs[i]->entry, err.msg);
        st = TSDB_OK;
    }
    return st;
}

enum tsdb_status logs_merge_blocks(struct logs *l, const struct merge_choice *choice, bool *did,
                                   struct tsdb_error *err)
{
    struct tsdb_error fault = {0};
    *did = false;
    if (!has_room(l, choice))
        return TSDB_OK;
    struct block_list *list = logs_blocks_ref(l);
    int64_t now = logs_reached(l, list);
    enum tsdb_status st = store_settle(l->store, &fault);
    if (st == TSDB_OK)
        st = merge(l, choice, now, &fault);
    *did = st == TSDB_OK;
    if (*did)
        (void)atomic_fetch_add(&l->merges, 1);
    st = set_damage_aside(l, choice, st);
    log_block_list_unref(list);
    if (st != TSDB_OK && err)
        *err = fault;
    return st;
}

enum tsdb_status logs_merge(struct logs *l, bool is_forced, bool *did, struct tsdb_error *err)
{
    *did = false;
    struct merge_choice *choice = MEM_NEW(struct merge_choice);
    mutex_lock(&l->store->tend);
    int64_t began = clock_mono_ns(l->store->clock);
    struct block_list *list = logs_blocks_ref(l);
    enum tsdb_status st = TSDB_OK;
    if (choose(l, list, is_forced, choice))
        st = logs_merge_blocks(l, choice, did, err);
    log_block_list_unref(list);
    if (st == TSDB_OK && *did)
        st = logs_forget_tombstones(l, err);
    (void)atomic_fetch_add(&l->merge_ns, clock_mono_ns(l->store->clock) - began);
    mutex_unlock(&l->store->tend);
    mem_free(choice);
    return st;
}
