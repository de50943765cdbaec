/* The traces' part of a seal: hot groups of the generations before become blocks.
 *
 *   turn      the next generation begins
 *   write     what is still open of those before becomes hot groups; full ones of one window
 *             are packed anew as they are, the others taken together up to a full group's
 *             spans, which go, by window of time (store/window.h), into sealed groups of
 *             one block a window
 *   publish   the blocks enter the list and the spans leave the head, in one step */
#include "tsdb/traces/engine.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/window.h"
#include "tsdb/traces/regroup.h"

struct window_file {
    uint64_t id;
    struct trace_block_writer *writer; /* NULL until spans come */
    struct trace_block *block;
};

struct traces_seal {
    struct traces *t;
    uint32_t generation; /* what is of those before is sealed */
    struct windows windows;
    struct window_file files[SEAL_WINDOWS_MAX];
    struct hot_list hot; /* references */
};

struct trace_group_parts made_part_parts(const struct made_part *made)
{
    const struct made_spans *spans = &made->spans;
    struct trace_group_parts parts = {.hashes = spans->hashes,
                                      .hash_count = spans->hash_count,
                                      .rows = spans->rows,
                                      .ts_min = spans->ts_min,
                                      .ts_max = spans->ts_max,
                                      .weight = made->weight};
    for (int i = 0; i < SPAN_TABLES; i++)
        parts.tables[i] = (struct group_bytes){writer_bytes(&spans->tables[i].head),
                                               writer_bytes(&spans->tables[i].filter),
                                               writer_bytes(&spans->tables[i].data)};
    return parts;
}

/* ---- writing ------------------------------------------------------------------------- */

/* One window of a chunk. */
struct target {
    struct traces_seal *s;
    uint32_t window;
};

static bool is_in_window(void *arg, int64_t start)
{
    struct target *t = arg;
    return windows_find(&t->s->windows, start) == t->window;
}

static enum tsdb_status open_writer(struct traces_seal *s, struct window_file *w,
                                    struct tsdb_error *err)
{
    char path[STORE_PATH_MAX];
    if (w->writer)
        return TSDB_OK;
    w->id = store_take_id(s->t->store);
    store_segment_path(s->t->store, w->id, STORE_TRACES, path);
    return trace_block_writer_open(s->t->store->fs, path, w->id, &w->writer, err);
}

static enum tsdb_status write_part(void *arg, struct made_part *made, struct tsdb_error *err)
{
    struct target *t = arg;
    struct window_file *w = &t->s->files[t->window];
    enum tsdb_status st = open_writer(t->s, w, err);
    if (st != TSDB_OK)
        return st;
    struct trace_group_parts parts = made_part_parts(made);
    return trace_block_writer_group(w->writer, &parts, err);
}

/* Which windows the chunk has spans of: bit i for window i. */
static uint64_t windows_of(struct traces_seal *s, const struct span_regroup *r)
{
    static_assert(SEAL_WINDOWS_MAX == 64, "a set of windows is one word");
    uint64_t set = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        uint32_t rows;
        const int64_t *starts = span_regroup_starts(r, i, &rows);
        for (uint32_t row = 0; row < rows; row++)
            set |= (uint64_t)1 << windows_find(&s->windows, starts[row]);
    }
    return set;
}

/* The hot groups [from, to). */
static enum tsdb_status write_chunk(struct traces_seal *s, uint32_t from, uint32_t to,
                                    struct tsdb_error *err)
{
    struct span_tables *tables = MEM_ARRAY(struct span_tables, to - from);
    for (uint32_t i = from; i < to; i++)
        tables[i - from] = hot_spans_tables(s->hot.at[i]);
    struct span_regroup r;
    enum tsdb_status st = span_regroup_open(&r, tables, to - from, err);
    uint64_t windows = st == TSDB_OK ? windows_of(s, &r) : 0;
    bool is_one = (windows & (windows - 1)) == 0;
    for (; windows && st == TSDB_OK; windows &= windows - 1) {
        struct target t = {s, (uint32_t)__builtin_ctzll(windows)};
        struct part_builder b;
        part_builder_init(&b, GROUP_SEALED, write_part, &t);
        st = span_regroup_write(&r, is_one ? NULL : is_in_window, &t, &b, err);
        part_builder_release(&b);
    }
    span_regroup_close(&r);
    mem_free(tables);
    return st;
}

/* Whether the group makes a good sealed one by itself: its columns are packed anew, and spans
 * are not made again. */
static bool is_whole(struct traces_seal *s, const struct hot_spans *hot)
{
    const struct made_spans *m = &hot->made.spans;
    return made_part_is_full(m->rows, hot->made.weight) &&
           windows_find(&s->windows, m->ts_min) == windows_find(&s->windows, m->ts_max);
}

static enum tsdb_status write_whole(struct traces_seal *s, const struct hot_spans *hot,
                                    struct tsdb_error *err)
{
    struct group_strings tables[SPAN_TABLES] = {0};
    struct made_part made = hot->made;
    enum tsdb_status st = TSDB_OK;
    for (int i = 0; i < SPAN_TABLES && st == TSDB_OK; i++)
        if (hot->groups[i])
            st = group_seal(hot->groups[i], NULL, &tables[i], err);
    memcpy(made.spans.tables, tables, sizeof tables);
    struct target t = {s, windows_find(&s->windows, made.spans.ts_min)};
    if (st == TSDB_OK)
        st = write_part(&t, &made, err);
    for (int i = 0; i < SPAN_TABLES; i++)
        group_strings_release(&tables[i]);
    return st;
}

static void take_hot(struct traces_seal *s)
{
    const struct hot_list *hot = &s->t->head.hot;
    mutex_lock(&s->t->shelf.lock);
    for (uint32_t i = 0; i < hot->count; i++) {
        if (hot->at[i]->generation >= s->generation)
            continue;
        hot_spans_ref(hot->at[i]);
        hot_list_push(&s->hot, hot->at[i]);
    }
    mutex_unlock(&s->t->shelf.lock);
}

static enum tsdb_status write_all(struct traces_seal *s, struct tsdb_error *err)
{
    enum tsdb_status st = TSDB_OK;
    for (bool did = true; did && st == TSDB_OK;)
        st = traces_group_open(s->t, s->generation, &did, err);
    if (st != TSDB_OK)
        return st;
    take_hot(s);
    for (uint32_t from = 0, to; from < s->hot.count && st == TSDB_OK; from = to) {
        uint64_t rows = 0, weight = 0;
        to = from + 1;
        if (is_whole(s, s->hot.at[from])) {
            st = write_whole(s, s->hot.at[from], err);
            continue;
        }
        for (to = from; to < s->hot.count; to++) {
            rows += s->hot.at[to]->made.spans.rows;
            weight += s->hot.at[to]->made.weight;
            if (to > from && (rows > GROUP_ROWS_MAX || weight > PART_WEIGHT_MAX))
                break;
        }
        st = write_chunk(s, from, to, err);
    }
    return st;
}

/* Ends the files and opens them as blocks. */
static enum tsdb_status finish(struct traces_seal *s, struct seal_edit *edit,
                               struct tsdb_error *err)
{
    for (uint32_t i = 0; i < s->windows.count; i++) {
        struct window_file *w = &s->files[i];
        struct trace_block_writer *writer = w->writer;
        struct manifest_segment entry;
        if (!writer)
            continue;
        w->writer = NULL;
        enum tsdb_status st = trace_block_writer_seal(writer, &entry, err);
        if (st != TSDB_OK)
            return st;
        ASSERT(entry.samples > 0); /* a writer is opened for a group */
        entry.id = w->id;
        char path[STORE_PATH_MAX];
        store_segment_path(s->t->store, w->id, STORE_TRACES, path);
        st = trace_block_open(s->t->store->fs, path, &entry, &w->block, err);
        if (st != TSDB_OK)
            return st;
        seal_edit_add(edit, &entry);
    }
    return TSDB_OK;
}

/* ---- the sealer ------------------------------------------------------------------------ */

static void turn(void *arg)
{
    struct traces *t = arg;
    ASSERT(!t->seal);
    t->seal = MEM_NEW(struct traces_seal);
    t->seal->t = t;
    t->seal->windows.now = clock_wall_ns(t->store->clock);
    t->seal->generation = ++t->head.generation;
}

static enum tsdb_status write_segments(void *arg, struct seal_edit *edit, struct tsdb_error *err)
{
    struct traces *t = arg;
    enum tsdb_status st = write_all(t->seal, err);
    return st == TSDB_OK ? finish(t->seal, edit, err) : st;
}

static void release(struct traces *t, bool keeps_files)
{
    struct traces_seal *s = t->seal;
    t->seal = NULL;
    for (uint32_t i = 0; i < s->windows.count; i++) {
        struct window_file *w = &s->files[i];
        trace_block_writer_abort(w->writer);
        if (!w->block)
            continue;
        if (!keeps_files)
            segment_retire(w->block->shelved.segment);
        shelved_unref(&w->block->shelved);
    }
    hot_list_release(&s->hot);
    mem_free(s);
}

static void publish(void *arg)
{
    struct traces *t = arg;
    struct traces_seal *s = t->seal;
    struct shelved *blocks[SEAL_WINDOWS_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->windows.count; i++) {
        if (s->files[i].block)
            blocks[n++] = &s->files[i].block->shelved;
        s->files[i].block = NULL;
    }
    mutex_lock(&t->shelf.lock);
    struct shelf_list *old = shelf_swap(&t->shelf, blocks, n, NULL, 0);
    trace_head_drop_before(&t->head, s->generation);
    mutex_unlock(&t->shelf.lock);
    shelf_list_unref(old);
    release(t, true);
}

static void abandon(void *arg, bool may_be_listed)
{
    release(arg, may_be_listed);
}

void traces_add_sealer(struct traces *t)
{
    struct sealer sealer = {t, turn, write_segments, publish, abandon};
    store_add_sealer(t->store, &sealer);
}
