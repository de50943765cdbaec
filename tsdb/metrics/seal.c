/* The metrics' part of sealing (store/sealing.h): hot blocks become blocks.
 *
 *   turn       the generation, and the catalog's
 *   write      series by series, in order, into one block per time window; then live series
 *              and metadata again into the journal, synced: the records that remain do not
 *              need anything from before
 *   publish    readers see the blocks; idle series are hidden; the readers from before are
 *              waited for; hot blocks and what was hidden are dropped */
#include "tsdb/metrics/metrics.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/metrics/order.h"
#include "tsdb/store/window.h"

#include <stdlib.h>
#include <string.h>

enum {
    WINDOWS_MAX = 48,
    DEFINE_AT_ONCE = 1024,
    PREFETCH = 8,
    DEFINE_BYTES = 1 << 20, /* one series may add 16 MiB to that; a record holds 32 */
    IDLE_MINUTES = 15,
};

struct window {
    int64_t start, end; /* [start, end) */
    uint64_t id;
    struct block_writer *writer;
    struct block_facts facts;
    struct block *block;
};

struct seal {
    struct metrics *m;
    int64_t now;
    struct window windows[WINDOWS_MAX];
    uint32_t window_count;
    struct held_exemplar *exemplars;
    uint32_t exemplar_count;
    struct samples samples;
    struct tsdb_error *err;
};

/* ---- windows ------------------------------------------------------------------------ */

/* What merges will end up with: fine while young, coarse when old. */
static void window_of(int64_t now, int64_t ts, int64_t *start, int64_t *end)
{
    int64_t width = 30 * NS_PER_DAY;
    if (ts > now - NS_PER_DAY)
        width = 2 * NS_PER_HOUR;
    else if (ts > now - 30 * NS_PER_DAY)
        width = NS_PER_DAY;
    *start = window_start(ts, width);
    *end = window_end(*start, width);
}

static enum tsdb_status window_open(struct seal *s, int64_t ts, struct window **out)
{
    struct window w = {0};
    window_of(s->now, ts, &w.start, &w.end);
    for (uint32_t i = 0; i < s->window_count; i++) {
        bool is_rest = i == WINDOWS_MAX - 1; /* takes whatever has no window of its own */
        if (is_rest || (s->windows[i].start == w.start && s->windows[i].end == w.end)) {
            *out = &s->windows[i];
            return TSDB_OK;
        }
    }
    char path[STORE_PATH_MAX];
    w.id = store_take_id(s->m->store);
    store_segment_path(s->m->store, w.id, STORE_METRICS, path);
    enum tsdb_status st = block_writer_open(s->m->store->fs, path, w.id, &w.writer, s->err);
    if (st != TSDB_OK)
        return st;
    s->windows[s->window_count] = w;
    *out = &s->windows[s->window_count++];
    return TSDB_OK;
}

/* ---- one series --------------------------------------------------------------------- */

static struct samples slice(const struct samples *s, uint32_t from, uint32_t to)
{
    struct samples part = *s;
    part.ts += from;
    part.values += from;
    part.histograms = s->histograms ? s->histograms + from : NULL;
    part.count = part.cap = to - from;
    return part;
}

/* Exemplars of the ref with a time before `end`; *next moves past them. */
static void write_exemplars(struct seal *s, struct window *w, uint32_t ref, int64_t end,
                            uint32_t *next)
{
    for (; *next < s->exemplar_count; (*next)++) {
        const struct held_exemplar *held = &s->exemplars[*next];
        if (held->ref != ref || held->ts >= end)
            return;
        struct tsdb_label labels[RECORD_LABELS_MAX];
        struct tsdb_exemplar e = {.ts = held->ts, .value = held->value};
        struct bytes encoded = {held->labels, held->labels_len};
        if (record_labels_decode(encoded, labels, &e.labels.count) != TSDB_OK)
            continue;
        e.labels.at = labels;
        block_writer_exemplar(w->writer, &e);
    }
}

static uint32_t first_exemplar(const struct seal *s, uint32_t ref)
{
    uint32_t low = 0, high = s->exemplar_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (s->exemplars[mid].ref < ref)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct ordered {
    struct tsdb_labels labels;
    struct tsdb_hash hash;
    const struct series *at; /* to fetch it ahead; pages do not move */
    uint32_t ref;
};

static enum tsdb_status write_series(struct seal *s, const struct ordered *series)
{
    uint32_t ref = series->ref;
    struct samples *all = &s->samples;
    samples_reset(all);
    enum tsdb_status st = head_samples(&s->m->head, ref, HEAD_SEALED, INT64_MIN, INT64_MAX, all);
    if (st != TSDB_OK)
        return tsdb_fail(s->err, st, "seal: hot block of series %u does not decode", ref);
    (void)samples_order(all, INT64_MIN, INT64_MAX);
    uint32_t exemplar = first_exemplar(s, ref);
    for (uint32_t from = 0, to; from < all->count; from = to) {
        struct window *w;
        st = window_open(s, all->ts[from], &w);
        if (st != TSDB_OK)
            return st;
        bool is_rest = w == &s->windows[WINDOWS_MAX - 1];
        for (to = from + 1; to < all->count && (is_rest || all->ts[to] < w->end); to++)
            ;
        struct samples part = slice(all, from, to);
        st = block_writer_series(w->writer, series->hash, series->labels, &part, s->err);
        if (st != TSDB_OK)
            return st;
        write_exemplars(s, w, ref, to < all->count ? w->end : INT64_MAX, &exemplar);
    }
    return TSDB_OK;
}

/* ---- all series in order -------------------------------------------------------------- */

static int by_labels(const void *a, const void *b)
{
    return series_order(((const struct ordered *)a)->labels, ((const struct ordered *)b)->labels);
}

/* The series of one metric, in order. */
static enum tsdb_status write_metric(struct seal *s, struct tsdb_text name)
{
    struct head *h = &s->m->head;
    struct matcher is_name = {.kind = MATCH_EQ,
                              .name = text_of("__name__"),
                              .value = name,
                              .accepts_empty = name.len == 0};
    struct ordinals refs = {0};
    struct arena arena;
    arena_init(&arena, SIZE_MAX, NULL);
    rwlock_read(&h->index);
    enum tsdb_status st = head_index_select(h->labels, &is_name, 1, &refs, s->err);
    struct ordered *series = MEM_ARRAY(struct ordered, refs.count);
    for (uint32_t i = 0; i < refs.count && st == TSDB_OK; i++) {
        struct tsdb_label labels[LABELS_MAX];
        uint32_t count;
        head_index_labels(h->labels, refs.at[i], labels, &count);
        struct tsdb_label *copy = ARENA_ARRAY(&arena, struct tsdb_label, count);
        memcpy(copy, labels, count * sizeof *copy);
        const struct series *at = head_series(h, refs.at[i]);
        series[i] = (struct ordered){{copy, count}, at->hash, at, refs.at[i]};
    }
    rwlock_unlock(&h->index);
    if (st == TSDB_OK)
        qsort(series, refs.count, sizeof *series, by_labels);
    for (uint32_t i = 0; i < refs.count && st == TSDB_OK; i++) {
        if (i + PREFETCH < refs.count)
            __builtin_prefetch(series[i + PREFETCH].at);
        st = write_series(s, &series[i]);
    }
    mem_free(series);
    arena_release(&arena);
    ordinals_release(&refs);
    return st;
}

struct names {
    struct tsdb_text *at; /* owned; views into the index, stable until removal */
    uint32_t count, cap;
};

static bool add_name(void *arg, struct tsdb_text text)
{
    struct names *n = arg;
    if (n->count == n->cap) {
        n->cap = n->cap ? n->cap * 2 : 256;
        n->at = mem_grow(n->at, n->cap, sizeof *n->at);
    }
    n->at[n->count++] = text;
    return true;
}

static enum tsdb_status write_all(struct seal *s)
{
    struct names names = {0};
    (void)add_name(&names, (struct tsdb_text){"", 0});
    rwlock_read(&s->m->head.index);
    head_index_values(s->m->head.labels, text_of("__name__"), add_name, &names);
    rwlock_unlock(&s->m->head.index);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < names.count && st == TSDB_OK; i++)
        st = write_metric(s, names.at[i]);
    mem_free(names.at);
    return st;
}

/* ---- definitions ---------------------------------------------------------------------- */

/* A journal that is full for the moment is waited for: this is our own work. */
static enum tsdb_status put_record(struct metrics *m, enum record_type type,
                                   const struct writer *record, struct tsdb_error *err)
{
    struct bytes part = writer_bytes(record);
    uint64_t position;
    enum tsdb_status st =
        journal_append(m->store->journal, (uint8_t)type, &part, 1, &position, err);
    if (st != TSDB_ELIMIT)
        return st;
    st = journal_sync(m->store->journal, err);
    if (st != TSDB_OK)
        return st;
    return journal_append(m->store->journal, (uint8_t)type, &part, 1, &position, err);
}

static bool add_ref(void *arg, uint32_t ref)
{
    ordinals_append(arg, ref);
    return true;
}

/* One record of definitions, of as many of the refs as fit; *taken says how many. */
static enum tsdb_status define_some(struct metrics *m, const uint32_t *refs, uint32_t n,
                                    uint32_t *taken, struct tsdb_error *err)
{
    struct writer items = {0}, record = {0};
    uint32_t i = 0;
    rwlock_read(&m->head.index);
    for (; i < n && i < DEFINE_AT_ONCE && items.len < DEFINE_BYTES; i++) {
        struct tsdb_label labels[LABELS_MAX];
        uint32_t count;
        head_index_labels(m->head.labels, refs[i], labels, &count);
        record_series_item(refs[i], (struct tsdb_labels){labels, count}, &items);
    }
    rwlock_unlock(&m->head.index);
    record_series_encode(i, writer_bytes(&items), &record);
    enum tsdb_status st = put_record(m, RECORD_SERIES, &record, err);
    writer_release(&items);
    writer_release(&record);
    *taken = i;
    return st;
}

static enum tsdb_status define_metadata(struct metrics *m, struct tsdb_error *err)
{
    enum tsdb_status st = TSDB_OK;
    struct writer record = {0};
    for (uint32_t next = 0; st == TSDB_OK;) {
        writer_reset(&record);
        next = catalog_metadata_record(&m->catalog, next, &record);
        if (record.len == 0)
            break;
        st = put_record(m, RECORD_METADATA, &record, err);
    }
    writer_release(&record);
    return st;
}

static enum tsdb_status define_again(struct metrics *m, struct tsdb_error *err)
{
    struct ordinals refs = {0};
    head_each(&m->head, add_ref, &refs);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0, n; i < refs.count && st == TSDB_OK; i += n)
        st = define_some(m, refs.at + i, refs.count - i, &n, err);
    ordinals_release(&refs);
    if (st == TSDB_OK)
        st = define_metadata(m, err);
    return st == TSDB_OK ? journal_sync(m->store->journal, err) : st;
}

/* ---- the steps --------------------------------------------------------------------------- */

static void turn(void *arg)
{
    struct metrics *m = arg;
    ASSERT(m->seal == NULL);
    struct seal *s = MEM_NEW(struct seal);
    s->m = m;
    s->now = clock_wall_ns(m->store->clock);
    samples_init(&s->samples, NULL);
    s->samples.arena.limit = SIZE_MAX; /* the head holds a quarter of the memory at most */
    head_turn(&m->head);
    catalog_turn(&m->catalog);
    m->seal = s;
}

/* Ends the files and opens them as blocks. */
static enum tsdb_status finish(struct seal *s, struct seal_edit *edit)
{
    for (uint32_t i = 0; i < s->window_count; i++) {
        struct window *w = &s->windows[i];
        struct block_writer *writer = w->writer;
        w->writer = NULL;
        enum tsdb_status st = block_writer_seal(writer, &w->facts, s->err);
        if (st != TSDB_OK)
            return st;
        ASSERT(w->facts.series > 0); /* a window is opened for a sample */
        struct manifest_segment entry = {.id = w->id,
                                         .signal = STORE_METRICS,
                                         .ts_min = w->facts.ts_min,
                                         .ts_max = w->facts.ts_max,
                                         .bytes = w->facts.bytes,
                                         .series = w->facts.series,
                                         .samples = w->facts.samples,
                                         .content = w->facts.content};
        char path[STORE_PATH_MAX];
        store_segment_path(s->m->store, w->id, STORE_METRICS, path);
        st = block_open(s->m->store->fs, path, &entry, &w->block, s->err);
        if (st != TSDB_OK)
            return st;
        seal_edit_add(edit, &entry);
    }
    return TSDB_OK;
}

static enum tsdb_status write_segments(void *arg, struct seal_edit *edit, struct tsdb_error *err)
{
    struct metrics *m = arg;
    struct seal *s = m->seal;
    s->err = err;
    s->exemplars = catalog_sealed(&m->catalog, &s->exemplar_count);
    enum tsdb_status st = write_all(s);
    if (st == TSDB_OK)
        st = define_again(m, err);
    return st == TSDB_OK ? finish(s, edit) : st;
}

static void release(struct metrics *m, bool keeps_files)
{
    struct seal *s = m->seal;
    m->seal = NULL;
    for (uint32_t i = 0; i < s->window_count; i++) {
        struct window *w = &s->windows[i];
        block_writer_abort(w->writer);
        if (w->block && !keeps_files)
            segment_retire(w->block->segment);
        block_unref(w->block);
    }
    samples_release(&s->samples);
    mem_free(s->exemplars);
    mem_free(s);
}

static void publish(void *arg)
{
    struct metrics *m = arg;
    struct seal *s = m->seal;
    struct block *blocks[WINDOWS_MAX];
    for (uint32_t i = 0; i < s->window_count; i++) {
        blocks[i] = s->windows[i].block;
        s->windows[i].block = NULL;
    }
    block_list_swap(m, blocks, s->window_count, NULL, 0);
    struct ordinals idle = {0};
    rwlock_write(&m->store->gate);
    head_hide_idle(&m->head, s->now - IDLE_MINUTES * NS_PER_MINUTE, &idle);
    rwlock_unlock(&m->store->gate);
    series_sets_wait(m);
    head_drop(&m->head);
    head_forget(&m->head, &idle);
    ordinals_release(&idle);
    catalog_drop_sealed(&m->catalog);
    release(m, true);
}

static void abandon(void *arg, bool may_be_listed)
{
    release(arg, may_be_listed);
}

void metrics_add_sealer(struct metrics *m)
{
    struct sealer sealer = {m, turn, write_segments, publish, abandon};
    store_add_sealer(m->store, &sealer);
}
