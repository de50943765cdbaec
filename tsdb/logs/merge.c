/* Merging: the blocks of one window of time become one (store/merging.h).
 *
 * Groups that are full and of which nothing is hidden are copied as bytes; the rows of the
 * others are taken together and written anew (regroup.h). */
#include "tsdb/logs/merge.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/writer.h"
#include "tsdb/logs/hides.h"
#include "tsdb/logs/regroup.h"

enum { FULL_ROWS = GROUP_ROWS_MAX / 2, FULL_TEXTS = GROUP_TEXTS_MAX / 2 };

/* ---- choosing ------------------------------------------------------------------------ */

static bool is_touched(const struct tombstones *t, const struct block *b)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (log_tombstone_touches(&t->at[i], b))
            return true;
    return false;
}

/* Besides what is due: what has deleted records in it is written anew. */
static bool choose_touched(struct logs *l, const struct shelf_list *list, struct merge_choice *out)
{
    struct tombstones *t = logs_tombstones_ref(l);
    out->count = 0;
    for (uint32_t i = 0; i < list->count && out->count == 0; i++) {
        if (is_touched(t, log_block_of(list->at[i]))) {
            out->inputs[out->count++] = list->at[i];
            out->level = list->at[i]->entry.level;
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

static enum tsdb_status finish(struct merge *g, uint64_t id, const char *path, struct shelved **out)
{
    struct block_facts facts = {0};
    struct block_writer *writer = g->writer;
    g->writer = NULL;
    enum tsdb_status st = log_block_writer_seal(writer, &facts, g->err);
    if (st != TSDB_OK || facts.rows == 0) /* everything was hidden */
        return st;
    struct manifest_segment entry = {.id = id,
                                     .signal = STORE_LOGS,
                                     .level = g->choice->level,
                                     .ts_min = facts.ts_min,
                                     .ts_max = facts.ts_max,
                                     .bytes = facts.bytes,
                                     .series = facts.streams,
                                     .samples = facts.rows,
                                     .content = facts.content};
    return log_shelf_kind.open(g->l->store->fs, path, &entry, out, g->err);
}

static enum tsdb_status write_merged(void *arg, const struct merge_choice *choice, uint64_t id,
                                     const char *path, struct shelved **out, struct tsdb_error *err)
{
    struct logs *l = arg;
    struct shelf_list *list = shelf_ref(&l->shelf);
    struct merge g = {.l = l,
                      .choice = choice,
                      .tombstones = logs_tombstones_ref(l),
                      .rules = logs_rules_ref(l),
                      .now = shelf_reached(&l->shelf, list),
                      .err = err};
    shelf_list_unref(list);
    arena_init(&g.arena, SIZE_MAX, NULL);
    enum tsdb_status st =
        log_block_writer_open(l->store->fs, path, choice->inputs[0]->order, &g.writer, err);
    for (uint32_t i = 0; i < choice->count && st == TSDB_OK; i++)
        st = merge_block(&g, log_block_of(choice->inputs[i]));
    if (st == TSDB_OK)
        st = flush(&g);
    if (st == TSDB_OK)
        st = finish(&g, id, path, out);
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

enum tsdb_status logs_merge_blocks(struct logs *l, const struct merge_choice *choice, bool *did,
                                   struct tsdb_error *err)
{
    return merge_run(&l->shelf, choice, write_merged, l, did, err);
}

/* Asked to finish: also what merge_one has no reason to touch. */
static enum tsdb_status merge_touched(struct logs *l, bool *did, struct tsdb_error *err)
{
    struct merge_choice *choice = MEM_NEW(struct merge_choice);
    struct shelf_list *list = shelf_ref(&l->shelf);
    enum tsdb_status st = TSDB_OK;
    if (choose_touched(l, list, choice))
        st = logs_merge_blocks(l, choice, did, err);
    shelf_list_unref(list);
    mem_free(choice);
    return st;
}

enum tsdb_status logs_merge(struct logs *l, bool is_forced, bool *did, struct tsdb_error *err)
{
    mutex_lock(&l->store->tend);
    enum tsdb_status st = merge_one(&l->shelf, is_forced, write_merged, l, did, err);
    if (st == TSDB_OK && !*did && is_forced)
        st = merge_touched(l, did, err);
    if (st == TSDB_OK && *did)
        st = logs_forget_tombstones(l, err);
    mutex_unlock(&l->store->tend);
    return st;
}
