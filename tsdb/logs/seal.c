/* The logs' part of a seal: hot groups of the generations before become blocks.
 *
 *   turn      the next generation begins
 *   write     what is still open of those before becomes hot groups; they are taken together
 *             up to a full group's rows, and their rows go, by window of time, into
 *             sealed groups of one block a window
 *   publish   the blocks enter the list and the rows leave the head, in one step
 *
 * Windows are those of store/window.h.  Streams keep the order of their refs: those that came
 * together lie together. */
#include "tsdb/logs/engine.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/logs/regroup.h"
#include "tsdb/store/window.h"

enum { IDLE_MINUTES = 15 };

struct window_file {
    uint64_t id;
    struct block_writer *writer; /* NULL until rows come */
    struct block *block;
};

struct logs_seal {
    struct logs *l;
    uint32_t generation; /* what is of those before is sealed */
    struct windows windows;
    struct window_file files[SEAL_WINDOWS_MAX];
    struct hot_group **hot; /* owned, each referenced */
    uint32_t hot_count;
};

/* ---- writing ------------------------------------------------------------------------- */

/* One window of a chunk. */
struct target {
    struct logs_seal *s;
    uint32_t window;
};

static bool is_in_window(void *arg, int64_t ts)
{
    struct target *t = arg;
    return windows_find(&t->s->windows, ts) == t->window;
}

static enum tsdb_status open_writer(struct logs_seal *s, struct window_file *w,
                                    struct tsdb_error *err)
{
    char path[STORE_PATH_MAX];
    if (w->writer)
        return TSDB_OK;
    w->id = store_take_id(s->l->store);
    store_segment_path(s->l->store, w->id, STORE_LOGS, path);
    return log_block_writer_open(s->l->store->fs, path, w->id, &w->writer, err);
}

/* Refs into ordinals.  The streams are in the head for as long as rows of theirs are. */
static enum tsdb_status number_runs(struct logs_seal *s, struct block_writer *w,
                                    struct made_group *made, struct tsdb_error *err)
{
    struct head *h = &s->l->head;
    enum tsdb_status st = TSDB_OK;
    rwlock_read(&h->streams);
    for (uint32_t i = 0; i < made->run_count && st == TSDB_OK; i++) {
        struct tsdb_label labels[LABELS_MAX];
        uint32_t count, ref = made->runs[i].stream;
        head_index_labels(h->labels, ref, labels, &count);
        st = log_block_writer_stream(w, h->at[ref].hash, (struct tsdb_labels){labels, count},
                                     &made->runs[i].stream, err);
    }
    rwlock_unlock(&h->streams);
    return st;
}

static enum tsdb_status write_group(void *arg, struct made_group *made, struct tsdb_error *err)
{
    struct target *t = arg;
    struct window_file *w = &t->s->files[t->window];
    enum tsdb_status st = open_writer(t->s, w, err);
    if (st == TSDB_OK)
        st = number_runs(t->s, w->writer, made, err);
    if (st != TSDB_OK)
        return st;
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
    return log_block_writer_group(w->writer, &parts, err);
}

/* Which windows the chunk has rows of: bit i for window i. */
static uint64_t windows_of(struct logs_seal *s, const struct regroup *r)
{
    static_assert(SEAL_WINDOWS_MAX == 64, "a set of windows is one word");
    uint64_t set = 0;
    for (uint32_t source = 0; source < r->count; source++) {
        const int64_t *times = regroup_times(r, source);
        for (uint32_t i = 0; i < r->sources[source].run_count; i++) {
            const struct group_run *run = &r->sources[source].runs[i];
            uint32_t first = windows_find(&s->windows, run->ts_min);
            set |= (uint64_t)1 << first;
            if (windows_find(&s->windows, run->ts_max) == first && first != SEAL_WINDOWS_MAX - 1)
                continue;
            for (uint32_t row = run->first; row < run->first + run->rows; row++)
                set |= (uint64_t)1 << windows_find(&s->windows, times[row]);
        }
    }
    return set;
}

static enum tsdb_status write_chunk(struct logs_seal *s, uint32_t from, uint32_t to,
                                    struct tsdb_error *err)
{
    struct regroup_source *sources = MEM_ARRAY(struct regroup_source, to - from);
    for (uint32_t i = from; i < to; i++)
        sources[i - from] = (struct regroup_source){s->hot[i]->group, s->hot[i]->made.runs,
                                                    s->hot[i]->made.run_count};
    struct regroup r;
    uint32_t bad;
    enum tsdb_status st = regroup_open(&r, sources, to - from, &bad, err);
    uint64_t windows = st == TSDB_OK ? windows_of(s, &r) : 0;
    bool is_one = (windows & (windows - 1)) == 0;
    for (; windows && st == TSDB_OK; windows &= windows - 1) {
        struct target t = {s, (uint32_t)__builtin_ctzll(windows)};
        struct group_builder b;
        group_builder_init(&b, GROUP_SEALED, GROUP_FILTERED, write_group, &t);
        st = regroup_write(&r, is_one ? NULL : is_in_window, &t, &b, err);
        group_builder_release(&b);
    }
    regroup_close(&r);
    mem_free(sources);
    return st;
}

/* Whether the group makes a good sealed one by itself: its parts are packed anew, and neither
 * rows nor filters are made again. */
static bool is_whole(struct logs_seal *s, const struct hot_group *hot)
{
    const struct made_group *g = &hot->made;
    uint32_t line = group_find(hot->group, text_of(":line"), LOGS_COLUMN_TAG);
    bool is_large = g->rows >= GROUP_ROWS_MAX / 2 || g->text_bytes >= GROUP_TEXTS_MAX / 2;
    return is_large && line != UINT32_MAX &&
           (group_column(hot->group, line)->flags & COLUMN_GRAMS) &&
           windows_find(&s->windows, g->ts_min) == windows_find(&s->windows, g->ts_max);
}

static enum tsdb_status write_whole(struct logs_seal *s, const struct hot_group *hot,
                                    struct tsdb_error *err)
{
    struct made_group made = hot->made;
    struct target t = {s, windows_find(&s->windows, made.ts_min)};
    made.strings = (struct group_strings){0};
    made.runs = MEM_ARRAY(struct group_run, made.run_count);
    memcpy(made.runs, hot->made.runs, made.run_count * sizeof *made.runs);
    enum tsdb_status st = group_seal(hot->group, NULL, &made.strings, err);
    if (st == TSDB_OK)
        st = write_group(&t, &made, err);
    made_group_release(&made);
    return st;
}

static void take_hot(struct logs_seal *s)
{
    struct head *h = &s->l->head;
    mutex_lock(&s->l->shelf.lock);
    s->hot = MEM_ARRAY(struct hot_group *, h->hot_count);
    for (uint32_t i = 0; i < h->hot_count; i++) {
        if (h->hot[i]->generation >= s->generation)
            continue;
        hot_group_ref(h->hot[i]);
        s->hot[s->hot_count++] = h->hot[i];
    }
    mutex_unlock(&s->l->shelf.lock);
}

static enum tsdb_status write_all(struct logs_seal *s, struct tsdb_error *err)
{
    enum tsdb_status st = TSDB_OK;
    for (bool did = true; did && st == TSDB_OK;)
        st = logs_group_open(s->l, s->generation, &did, err);
    if (st != TSDB_OK)
        return st;
    take_hot(s);
    for (uint32_t from = 0, to; from < s->hot_count && st == TSDB_OK; from = to) {
        uint64_t rows = 0, texts = 0;
        if (is_whole(s, s->hot[from])) {
            to = from + 1;
            st = write_whole(s, s->hot[from], err);
            continue;
        }
        for (to = from; to < s->hot_count; to++) {
            const struct made_group *g = &s->hot[to]->made;
            rows += g->rows;
            texts += g->text_bytes;
            if (to > from && (rows > GROUP_ROWS_MAX || texts > GROUP_TEXTS_MAX))
                break;
        }
        st = write_chunk(s, from, to, err);
    }
    return st;
}

/* Ends the files and opens them as blocks. */
static enum tsdb_status finish(struct logs_seal *s, struct seal_edit *edit, struct tsdb_error *err)
{
    for (uint32_t i = 0; i < s->windows.count; i++) {
        struct window_file *w = &s->files[i];
        struct block_writer *writer = w->writer;
        struct block_facts facts;
        if (!writer)
            continue;
        w->writer = NULL;
        enum tsdb_status st = log_block_writer_seal(writer, &facts, err);
        if (st != TSDB_OK)
            return st;
        ASSERT(facts.rows > 0); /* a writer is opened for a group */
        struct manifest_segment entry = {.id = w->id,
                                         .signal = STORE_LOGS,
                                         .ts_min = facts.ts_min,
                                         .ts_max = facts.ts_max,
                                         .bytes = facts.bytes,
                                         .series = facts.streams,
                                         .samples = facts.rows,
                                         .content = facts.content};
        char path[STORE_PATH_MAX];
        store_segment_path(s->l->store, w->id, STORE_LOGS, path);
        st = log_block_open(s->l->store->fs, path, &entry, &w->block, err);
        if (st != TSDB_OK)
            return st;
        seal_edit_add(edit, &entry);
    }
    return TSDB_OK;
}

/* ---- the sealer ------------------------------------------------------------------------ */

static void turn(void *arg)
{
    struct logs *l = arg;
    ASSERT(!l->seal);
    l->seal = MEM_NEW(struct logs_seal);
    l->seal->l = l;
    l->seal->windows.now = clock_wall_ns(l->store->clock);
    l->seal->generation = ++l->head.generation;
}

static enum tsdb_status write_segments(void *arg, struct seal_edit *edit, struct tsdb_error *err)
{
    struct logs *l = arg;
    enum tsdb_status st = write_all(l->seal, err);
    return st == TSDB_OK ? finish(l->seal, edit, err) : st;
}

static void release(struct logs *l, bool keeps_files)
{
    struct logs_seal *s = l->seal;
    l->seal = NULL;
    for (uint32_t i = 0; i < s->windows.count; i++) {
        log_block_writer_abort(s->files[i].writer);
        struct block *b = s->files[i].block;
        if (b && !keeps_files)
            segment_retire(b->shelved.segment);
        if (b)
            shelved_unref(&b->shelved);
    }
    for (uint32_t i = 0; i < s->hot_count; i++)
        hot_group_unref(s->hot[i]);
    mem_free(s->hot);
    mem_free(s);
}

static void publish(void *arg)
{
    struct logs *l = arg;
    struct logs_seal *s = l->seal;
    struct shelved *blocks[SEAL_WINDOWS_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->windows.count; i++) {
        if (s->files[i].block)
            blocks[n++] = &s->files[i].block->shelved;
        s->files[i].block = NULL;
    }
    mutex_lock(&l->shelf.lock);
    struct shelf_list *old = shelf_swap(&l->shelf, blocks, n, NULL, 0);
    log_head_drop_before(&l->head, s->generation);
    mutex_unlock(&l->shelf.lock);
    shelf_list_unref(old);
    rwlock_write(&l->store->gate);
    log_head_forget_idle(&l->head, clock_mono_ns(l->store->clock) - IDLE_MINUTES * NS_PER_MINUTE);
    rwlock_unlock(&l->store->gate);
    release(l, true);
}

static void abandon(void *arg, bool may_be_listed)
{
    release(arg, may_be_listed);
}

void logs_add_sealer(struct logs *l)
{
    struct sealer sealer = {l, turn, write_segments, publish, abandon};
    store_add_sealer(l->store, &sealer);
}
