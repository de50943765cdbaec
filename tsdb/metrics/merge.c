/* Merging: the blocks of one time window become one.
 *
 * Windows are 2 h, 1 d and 30 d wide (levels 2, 3, 4), aligned to the epoch.  A
 * window is due when it has ended and holds two blocks; one that was merged before
 * is merged again for late data only when there is enough of it (an eighth, or
 * eight blocks).  A 2 h window that is still open is tidied when eight fresh blocks
 * lie in it (level 1).  Blocks are read side by side in series order, so the memory
 * is one series; samples are written again in chunks of full length, without what
 * was deleted.
 *
 * The output goes aside, is verified by its writer, and replaces its inputs in one
 * manifest edit; input files go when their last reader does. */
#include "tsdb/metrics/metrics.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/metrics/order.h"
#include "tsdb/store/window.h"

#include <stdlib.h>
#include <string.h>

enum {
    MERGE_INPUTS_MAX = 256,
    MERGE_FRESH_MIN = 8,
    MERGE_LATE_SHARE = 8,
    LEVEL_TIDY = 1,
    MERGE_GRACE_MINUTES = 5,
};

static const struct {
    int64_t width;
    uint8_t level;
} windows[] = {{2 * NS_PER_HOUR, 2}, {NS_PER_DAY, 3}, {30 * NS_PER_DAY, 4}};

/* ---- choosing ------------------------------------------------------------------------ */

struct choice {
    struct block *inputs[MERGE_INPUTS_MAX]; /* borrowed from the list; by order */
    uint32_t count;
    uint8_t level; /* of the output */
};

static bool is_inside(const struct block *b, int64_t start, int64_t width)
{
    return b->entry.ts_min >= start &&
           (uint64_t)b->entry.ts_max - (uint64_t)start < (uint64_t)width; /* wraps */
}

/* Whether the window's blocks of at most `level` should be merged. */
static bool is_due(const struct choice *c, uint8_t level, bool has_ended, bool is_forced)
{
    uint32_t fresh = 0, small = 0;
    uint64_t small_bytes = 0, large_bytes = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct manifest_segment *e = &c->inputs[i]->entry;
        fresh += e->level == 0;
        if (e->level < level) {
            small++;
            small_bytes += e->bytes;
        } else {
            large_bytes += e->bytes;
        }
    }
    if (c->count < 2 || small == 0)
        return false;
    if (is_forced)
        return true;
    if (!has_ended)
        return level == windows[0].level && fresh >= MERGE_FRESH_MIN;
    return small == c->count || small >= MERGE_FRESH_MIN ||
           small_bytes >= large_bytes / MERGE_LATE_SHARE;
}

/* The window's blocks up to the level. */
static void gather(const struct block_list *list, int64_t start, int64_t width, uint8_t level,
                   struct choice *out)
{
    out->count = 0;
    for (uint32_t i = 0; i < list->count && out->count < MERGE_INPUTS_MAX; i++) {
        struct block *b = list->blocks[i];
        if (b->entry.level <= level && is_inside(b, start, width))
            out->inputs[out->count++] = b;
    }
}

/* Whether what was written first stays first: no block outside the choice came
 * between its inputs and overlaps them. */
static bool is_orderly(const struct block_list *list, const struct choice *c)
{
    uint64_t first = UINT64_MAX, last = 0;
    int64_t ts_min = INT64_MAX, ts_max = INT64_MIN;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct block *b = c->inputs[i];
        first = b->order < first ? b->order : first;
        last = b->order > last ? b->order : last;
        ts_min = b->entry.ts_min < ts_min ? b->entry.ts_min : ts_min;
        ts_max = b->entry.ts_max > ts_max ? b->entry.ts_max : ts_max;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        const struct block *b = list->blocks[i];
        bool is_input = false;
        for (uint32_t k = 0; k < c->count; k++)
            is_input = is_input || c->inputs[k] == b;
        if (!is_input && b->order > first && b->order < last && b->entry.ts_min <= ts_max &&
            b->entry.ts_max >= ts_min)
            return false;
    }
    return true;
}

static bool is_touched(const struct tombstones *t, const struct block *b)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (tombstone_touches(&t->at[i], b))
            return true;
    return false;
}

static bool choose(struct metrics *m, const struct block_list *list, bool is_forced,
                   struct choice *out)
{
    int64_t now = clock_wall_ns(m->store->clock);
    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++) {
        int64_t width = windows[w].width;
        for (uint32_t i = 0; i < list->count; i++) {
            int64_t start = window_start(list->blocks[i]->entry.ts_min, width);
            if (!is_inside(list->blocks[i], start, width))
                continue;
            bool has_ended = window_end(start, width) <= now - MERGE_GRACE_MINUTES * NS_PER_MINUTE;
            gather(list, start, width, windows[w].level, out);
            out->level = has_ended || is_forced ? windows[w].level : LEVEL_TIDY;
            if (is_due(out, windows[w].level, has_ended, is_forced && width <= NS_PER_DAY) &&
                is_orderly(list, out))
                return true;
        }
    }
    /* Asked to finish: also rewrite what has deleted samples in it. */
    struct tombstones *t = metrics_tombstones_ref(m);
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

struct input {
    struct block *block;
    uint32_t ordinal;
    struct tsdb_labels labels; /* of `ordinal`, in one of the arenas */
    struct arena arenas[2];    /* the current and the next series' labels, in turn */
    struct block_exemplar_cursor exemplars;
    bool has_exemplar; /* the cursor stands on one */
    bool is_taken;     /* stands on the series that is being written */
};

struct merge {
    struct metrics *m;
    struct input inputs[MERGE_INPUTS_MAX];
    uint32_t count;
    struct tombstones *tombstones;
    struct block_writer *writer;
    struct samples samples;
    uint64_t repeated;
    bool has_samples; /* the series that was written last */
    struct tsdb_error *err;
};

static enum tsdb_status next_exemplar(struct input *in, struct tsdb_error *err)
{
    enum tsdb_status st = block_exemplar_next(&in->exemplars, err);
    in->has_exemplar = st == TSDB_OK;
    return st == TSDB_END ? TSDB_OK : st;
}

static enum tsdb_status load_labels(struct input *in, struct tsdb_error *err)
{
    struct arena *arena = &in->arenas[in->ordinal % 2];
    arena_reset(arena);
    if (in->ordinal == in->block->series_count)
        return TSDB_OK;
    return label_index_labels(in->block->labels, in->ordinal, arena, NULL, &in->labels, err);
}

static enum tsdb_status input_open(struct input *in, struct block *block, struct tsdb_error *err)
{
    in->block = block;
    arena_init(&in->arenas[0], SIZE_MAX, NULL);
    arena_init(&in->arenas[1], SIZE_MAX, NULL);
    block_exemplar_begin(&in->exemplars, block);
    enum tsdb_status st = next_exemplar(in, err);
    return st == TSDB_OK ? load_labels(in, err) : st;
}

static void input_close(struct input *in)
{
    arena_release(&in->arenas[0]);
    arena_release(&in->arenas[1]);
}

static bool has_series(const struct input *in)
{
    return in->ordinal < in->block->series_count;
}

/* The labels that come next over all inputs; NULL at the end. */
static const struct tsdb_labels *smallest(const struct merge *g)
{
    const struct tsdb_labels *least = NULL;
    for (uint32_t i = 0; i < g->count; i++)
        if (has_series(&g->inputs[i]) && (!least || series_order(g->inputs[i].labels, *least) < 0))
            least = &g->inputs[i].labels;
    return least;
}

/* Adds the input's samples of its current series, cut by the tombstones. */
static enum tsdb_status add_samples(struct merge *g, struct input *in, int64_t start, int64_t end)
{
    struct samples *all = &g->samples;
    uint32_t before = all->count;
    enum tsdb_status st = block_samples(in->block, in->ordinal, start, end, all, g->err);
    if (st != TSDB_OK)
        return st;
    struct samples tail = *all;
    tail.ts += before;
    tail.values += before;
    tail.histograms = all->histograms ? all->histograms + before : NULL;
    tail.count -= before;
    tombstones_apply(g->tombstones, in->block->entry.id, in->labels, &tail);
    all->count = before + tail.count;
    return TSDB_OK;
}

static enum tsdb_status write_exemplars(struct merge *g, struct input *in)
{
    enum tsdb_status st = TSDB_OK;
    while (in->has_exemplar && in->exemplars.ordinal <= in->ordinal && st == TSDB_OK) {
        if (in->exemplars.ordinal == in->ordinal && g->has_samples)
            block_writer_exemplar(g->writer, &in->exemplars.exemplar);
        st = next_exemplar(in, g->err);
    }
    return st;
}

/* The samples in [start, end] of the inputs that stand on the series.  TSDB_ELIMIT: more
 * histograms than may be held at once. */
static enum tsdb_status read_window(struct merge *g, int64_t start, int64_t end)
{
    samples_reset(&g->samples);
    for (uint32_t i = 0; i < g->count; i++) {
        if (!g->inputs[i].is_taken)
            continue;
        enum tsdb_status st = add_samples(g, &g->inputs[i], start, end);
        if (st != TSDB_OK)
            return st;
    }
    g->repeated += samples_order(&g->samples, start, end);
    return TSDB_OK;
}

/* Window by window, each half as long as the one that did not fit. */
static enum tsdb_status write_in_parts(struct merge *g, int64_t start, int64_t end)
{
    uint64_t length = (uint64_t)end - (uint64_t)start; /* wraps; to the last time, inclusive */
    for (;;) {
        uint64_t left = (uint64_t)end - (uint64_t)start;
        length = length < left ? length : left;
        int64_t last = (int64_t)((uint64_t)start + length);
        enum tsdb_status st = read_window(g, start, last);
        if (st == TSDB_ELIMIT && length > 0) {
            length /= 2;
            continue;
        }
        if (st == TSDB_OK)
            st = block_writer_part(g->writer, &g->samples, g->err);
        if (st != TSDB_OK || last == end)
            return st;
        g->has_samples = g->has_samples || g->samples.count > 0;
        start = last + 1;
    }
}

static enum tsdb_status write_samples(struct merge *g, struct tsdb_hash hash,
                                      struct tsdb_labels labels)
{
    g->has_samples = false;
    enum tsdb_status st = read_window(g, INT64_MIN, INT64_MAX);
    if (st == TSDB_ELIMIT) {
        int64_t start = INT64_MAX, end = INT64_MIN;
        for (uint32_t i = 0; i < g->count; i++) {
            const struct manifest_segment *e = &g->inputs[i].block->entry;
            start = g->inputs[i].is_taken && e->ts_min < start ? e->ts_min : start;
            end = g->inputs[i].is_taken && e->ts_max > end ? e->ts_max : end;
        }
        st = write_in_parts(g, start, end);
        g->has_samples = g->has_samples || g->samples.count > 0;
        samples_reset(&g->samples);
    }
    if (st != TSDB_OK)
        return st;
    g->has_samples = g->has_samples || g->samples.count > 0;
    return block_writer_series(g->writer, hash, labels, &g->samples, g->err);
}

/* One series from every input that has it. */
static enum tsdb_status merge_series(struct merge *g, struct tsdb_labels labels)
{
    struct tsdb_hash hash = {0};
    for (uint32_t i = 0; i < g->count; i++) {
        struct input *in = &g->inputs[i];
        in->is_taken = has_series(in) && series_order(in->labels, labels) == 0;
        enum tsdb_status st =
            in->is_taken ? block_hash(in->block, in->ordinal, &hash, g->err) : TSDB_OK;
        if (st != TSDB_OK)
            return st;
    }
    enum tsdb_status st = write_samples(g, hash, labels);
    for (uint32_t i = 0; i < g->count && st == TSDB_OK; i++) {
        if (!g->inputs[i].is_taken)
            continue;
        st = write_exemplars(g, &g->inputs[i]);
        g->inputs[i].ordinal++;
        if (st == TSDB_OK)
            st = load_labels(&g->inputs[i], g->err);
    }
    return st;
}

static enum tsdb_status merge_all(struct merge *g, const struct choice *choice)
{
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < choice->count && st == TSDB_OK; i++) {
        g->count++;
        st = input_open(&g->inputs[i], choice->inputs[i], g->err);
    }
    for (const struct tsdb_labels *next; st == TSDB_OK && (next = smallest(g)) != NULL;)
        st = merge_series(g, *next);
    return st;
}

static enum tsdb_status commit(struct merge *g, const struct choice *choice, uint64_t id,
                               const char *path)
{
    struct block_facts facts;
    struct block_writer *writer = g->writer;
    g->writer = NULL;
    enum tsdb_status st = block_writer_seal(writer, &facts, g->err);
    if (st != TSDB_OK)
        return st;
    struct manifest_segment entry = {.id = id,
                                     .signal = STORE_METRICS,
                                     .level = choice->level,
                                     .ts_min = facts.ts_min,
                                     .ts_max = facts.ts_max,
                                     .bytes = facts.bytes,
                                     .series = facts.series,
                                     .samples = facts.samples,
                                     .content = facts.content};
    bool is_empty = facts.series == 0; /* everything was deleted */
    struct block *block = NULL;
    if (!is_empty)
        st = block_open(g->m->store->fs, path, &entry, &block, g->err);
    if (st != TSDB_OK)
        return st;
    uint64_t removed[MERGE_INPUTS_MAX];
    for (uint32_t i = 0; i < choice->count; i++)
        removed[i] = choice->inputs[i]->entry.id;
    struct manifest_edit edit = {.added = &entry,
                                 .added_count = is_empty ? 0 : 1,
                                 .removed = removed,
                                 .removed_count = choice->count};
    st = store_apply(g->m->store, &edit, g->err);
    if (st != TSDB_OK) {
        if (block && st == TSDB_EINVAL) /* nothing was written */
            segment_retire(block->segment);
        block_unref(block);
        return st;
    }
    block_list_swap(g->m, &block, is_empty ? 0 : 1, removed, choice->count);
    (void)atomic_fetch_add(&g->m->samples_merged, facts.samples);
    return TSDB_OK;
}

static enum tsdb_status merge(struct metrics *m, const struct choice *choice,
                              struct tsdb_error *err)
{
    struct merge *g = MEM_NEW(struct merge);
    g->m = m;
    g->err = err;
    g->tombstones = metrics_tombstones_ref(m);
    samples_init(&g->samples, NULL);
    g->samples.arena.limit = m->merge_bytes_max;
    uint64_t id = store_take_id(m->store);
    char path[STORE_PATH_MAX];
    store_segment_path(m->store, id, STORE_METRICS, path);
    enum tsdb_status st =
        block_writer_open(m->store->fs, path, choice->inputs[0]->order, &g->writer, err);
    if (st == TSDB_OK)
        st = merge_all(g, choice);
    if (st == TSDB_OK)
        st = commit(g, choice, id, path);
    block_writer_abort(g->writer);
    for (uint32_t i = 0; i < g->count; i++)
        input_close(&g->inputs[i]);
    tombstones_unref(g->tombstones);
    samples_release(&g->samples);
    mem_free(g);
    return st;
}

/* Room for the output beside its inputs, and the reserve. */
static bool has_room(const struct metrics *m, const struct choice *c)
{
    uint64_t want = STORE_DISK_RESERVE_BYTES;
    for (uint32_t i = 0; i < c->count; i++)
        want += c->inputs[i]->entry.bytes;
    return atomic_load(&m->store->disk_free_bytes) > want;
}

/* An input that does not decode is set aside, so that the next try goes without. */
static enum tsdb_status set_damage_aside(struct metrics *m, const struct choice *c,
                                         enum tsdb_status st)
{
    if (st != TSDB_ECORRUPT)
        return st;
    for (uint32_t i = 0; i < c->count; i++) {
        struct tsdb_error err = {0};
        if (block_verify(c->inputs[i], &err) == TSDB_OK)
            continue;
        damage_note(&m->damage, &c->inputs[i]->entry);
        store_quarantine(m->store, &c->inputs[i]->entry, err.msg);
        block_list_forget(m, c->inputs[i]->entry.id);
        st = TSDB_OK;
    }
    return st;
}

enum tsdb_status metrics_merge(struct metrics *m, bool is_forced, bool *did, struct tsdb_error *err)
{
    *did = false;
    struct choice *choice = MEM_NEW(struct choice);
    struct tsdb_error fault = {0};
    mutex_lock(&m->store->tend);
    int64_t began = clock_mono_ns(m->store->clock);
    struct block_list *list = block_list_ref(m);
    enum tsdb_status st = TSDB_OK;
    if (choose(m, list, is_forced, choice) && has_room(m, choice)) {
        st = store_settle(m->store, &fault);
        if (st == TSDB_OK)
            st = merge(m, choice, &fault);
        *did = st == TSDB_OK;
        if (*did)
            (void)atomic_fetch_add(&m->merges, 1);
        st = set_damage_aside(m, choice, st);
    }
    block_list_unref(list);
    (void)atomic_fetch_add(&m->merge_ns, clock_mono_ns(m->store->clock) - began);
    mutex_unlock(&m->store->tend);
    mem_free(choice);
    if (st != TSDB_OK && err)
        *err = fault;
    return st;
}

/* ---- retention ------------------------------------------------------------------------ */

/* The present, but no later than the newest sample: a clock that jumps ahead must not
 * delete what it thinks is old. */
static int64_t reached(struct metrics *m, const struct block_list *list)
{
    int64_t now = clock_wall_ns(m->store->clock), newest = INT64_MIN;
    for (uint32_t i = 0; i < list->count; i++)
        if (list->blocks[i]->entry.ts_max > newest)
            newest = list->blocks[i]->entry.ts_max;
    return newest < now ? newest : now;
}

static uint32_t find_expired(struct metrics *m, const struct block_list *list, uint64_t *ids,
                             uint32_t max)
{
    mutex_lock(&m->config);
    int64_t retention = m->retention;
    mutex_unlock(&m->config);
    int64_t now = reached(m, list);
    int64_t oldest = retention > 0 && now > INT64_MIN + retention ? now - retention : INT64_MIN;
    uint32_t n = 0;
    for (uint32_t i = 0; i < list->count && n < max; i++)
        if (list->blocks[i]->entry.ts_max < oldest)
            ids[n++] = list->blocks[i]->entry.id;
    return n;
}

enum tsdb_status metrics_expire(struct metrics *m, struct tsdb_error *err)
{
    uint64_t ids[MERGE_INPUTS_MAX];
    mutex_lock(&m->store->tend);
    struct block_list *list = block_list_ref(m);
    uint32_t n = find_expired(m, list, ids, MERGE_INPUTS_MAX);
    enum tsdb_status st = TSDB_OK;
    if (n > 0) {
        struct manifest_edit edit = {.removed = ids, .removed_count = n};
        st = store_apply(m->store, &edit, err);
        if (st == TSDB_OK) {
            block_list_swap(m, NULL, 0, ids, n);
            (void)atomic_fetch_add(&m->expired, n);
        }
    }
    block_list_unref(list);
    mutex_unlock(&m->store->tend);
    return st;
}
