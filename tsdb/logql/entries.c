#include "tsdb/logql/entries.h"

#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/query/eval_labels.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_MIN = 256 };

/* One entry in one block: the sets' labels and all texts lie behind it. */
struct kept {
    int64_t key; /* ts, or its complement when oldest come first: greater is wanted more */
    uint64_t sequence;
    size_t bytes;
    struct tsdb_log_entry entry;
    struct tsdb_label labels[];
};

/* A row that may be in the answer. */
struct candidate {
    int64_t key;
    uint32_t row;
};

struct entries {
    struct log_room *room;
    struct entries_options options;
    struct log_scan scan;
    struct scan_worker *worker;
    struct kept **heap; /* owned; the least wanted in front while collecting, sorted after */
    size_t count, cap;
    struct candidate *candidates; /* owned, GROUP_ROWS_MAX */
    uint32_t *rows;               /* owned, of one chunk */
    uint64_t sequence, given, passed;
    struct tsdb_hash *last_keys; /* owned: interval: streams seen, and when */
    int64_t *last_ts;
    size_t last_count, last_cap;
    bool is_run;
};

/* ---- keeping -------------------------------------------------------------------- */

static int64_t key_of(const struct entries *e, int64_t ts)
{
    return e->options.is_forward ? ~ts : ts;
}

/* a is wanted less than b. */
static bool is_less(const struct kept *a, const struct kept *b)
{
    return a->key != b->key ? a->key < b->key : a->sequence > b->sequence;
}

static void sift_down(struct kept **heap, size_t count, size_t i)
{
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++)
            if (is_less(heap[child], heap[least]))
                least = child;
        if (least == i)
            return;
        struct kept *t = heap[i];
        heap[i] = heap[least];
        heap[least] = t;
        i = least;
    }
}

static void sift_up(struct kept **heap, size_t i)
{
    while (i > 0 && is_less(heap[i], heap[(i - 1) / 2])) {
        struct kept *t = heap[i];
        heap[i] = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = t;
        i = (i - 1) / 2;
    }
}

static void drop(struct entries *e, struct kept *k)
{
    budget_release(e->room->budget, k->bytes);
    mem_free(k);
}

static bool is_full(const struct entries *e)
{
    return e->options.limit > 0 && e->options.interval == 0 && e->count >= e->options.limit;
}

/* No entry with this key would be kept. */
static bool is_beyond(const struct entries *e, int64_t key)
{
    return is_full(e) && key <= e->heap[0]->key;
}

static size_t text_bytes(const struct tsdb_labels *set)
{
    size_t n = 0;
    for (uint32_t i = 0; i < set->count; i++)
        n += set->at[i].name.len + set->at[i].value.len;
    return n;
}

static struct tsdb_text put_text(char **at, struct tsdb_text text)
{
    struct tsdb_text out = {*at, text.len};
    if (text.len > 0)
        memcpy(*at, text.at, text.len);
    *at += text.len;
    return out;
}

static struct tsdb_labels put_labels(struct tsdb_label **to, char **at, struct tsdb_labels set)
{
    struct tsdb_labels out = {*to, set.count};
    for (uint32_t i = 0; i < set.count; i++)
        *(*to)++ = (struct tsdb_label){put_text(at, set.at[i].name), put_text(at, set.at[i].value)};
    return out;
}

static enum tsdb_status keep(struct entries *e, const struct tsdb_log_entry *entry,
                             struct tsdb_error *err)
{
    uint32_t labels = entry->stream.count + entry->metadata.count + entry->parsed.count;
    size_t bytes = sizeof(struct kept) + labels * sizeof(struct tsdb_label) + entry->line.len +
                   text_bytes(&entry->stream) + text_bytes(&entry->metadata) +
                   text_bytes(&entry->parsed);
    if (!budget_charge(e->room->budget, bytes))
        return tsdb_fail(err, TSDB_ELIMIT,
                         "the entries of the answer do not fit the query's memory; ask for fewer");
    struct kept *k = (struct kept *)(void *)mem_array(bytes, 1);
    *k = (struct kept){.key = key_of(e, entry->ts), .sequence = e->sequence++, .bytes = bytes};
    struct tsdb_label *to = k->labels;
    char *at = (char *)(k->labels + labels);
    k->entry = (struct tsdb_log_entry){.ts = entry->ts, .line = put_text(&at, entry->line)};
    k->entry.stream = put_labels(&to, &at, entry->stream);
    k->entry.metadata = put_labels(&to, &at, entry->metadata);
    k->entry.parsed = put_labels(&to, &at, entry->parsed);
    if (is_full(e)) {
        drop(e, e->heap[0]);
        e->heap[0] = k;
        sift_down(e->heap, e->count, 0);
        return TSDB_OK;
    }
    if (e->count == e->cap) {
        e->cap = e->cap ? e->cap * 2 : 128;
        e->heap = mem_grow(e->heap, e->cap, sizeof(struct kept *));
    }
    e->heap[e->count++] = k;
    sift_up(e->heap, e->count - 1);
    return TSDB_OK;
}

/* ---- one part ---------------------------------------------------------------------- */

static enum tsdb_status try_row(struct entries *e, uint32_t row, struct tsdb_error *err)
{
    enum tsdb_status st = scan_row(e->worker, row, err);
    if (st != TSDB_OK)
        return st == TSDB_END ? TSDB_OK : st;
    struct pipeline_run *run = scan_run(e->worker);
    struct tsdb_log_entry entry = {.ts = scan_rows(e->worker)->ts[row], .line = pipeline_line(run)};
    st = pipeline_labels(run, &entry.stream, &entry.metadata, &entry.parsed, err);
    return st == TSDB_OK ? keep(e, &entry, err) : st;
}

static void candidate_down(struct candidate *heap, uint32_t count, uint32_t i)
{
    for (;;) {
        uint32_t best = i;
        for (uint32_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++)
            if (heap[child].key > heap[best].key)
                best = child;
        if (best == i)
            return;
        struct candidate t = heap[i];
        heap[i] = heap[best];
        heap[best] = t;
        i = best;
    }
}

static int by_row(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t gather(struct entries *e)
{
    const struct scan_rows *rows = scan_rows(e->worker);
    uint32_t n = 0;
    for (uint32_t word = 0; word < (rows->rows + 63) / 64; word++) {
        for (uint64_t bits = rows->mask[word]; bits; bits &= bits - 1) {
            uint32_t row = word * 64 + (uint32_t)__builtin_ctzll(bits);
            int64_t key = key_of(e, rows->ts[row]);
            if (!is_beyond(e, key))
                e->candidates[n++] = (struct candidate){key, row};
        }
    }
    return n;
}

static enum tsdb_status try_part(struct entries *e, struct tsdb_error *err)
{
    uint32_t n = gather(e);
    bool has_limit = e->options.limit > 0 && e->options.interval == 0;
    uint64_t chunk = has_limit && e->options.limit < GROUP_ROWS_MAX ? e->options.limit : n;
    if (chunk < CHUNK_MIN)
        chunk = CHUNK_MIN;
    for (uint32_t i = n / 2; i > 0 && n > chunk; i--)
        candidate_down(e->candidates, n, i - 1);
    while (n > 0 && !is_beyond(e, n > chunk ? e->candidates[0].key : INT64_MAX)) {
        uint32_t taken = 0;
        if (n <= chunk) {
            for (; taken < n; taken++)
                e->rows[taken] = e->candidates[taken].row;
            n = 0;
        }
        for (; n > 0 && taken < chunk; taken++) {
            e->rows[taken] = e->candidates[0].row;
            e->candidates[0] = e->candidates[--n];
            candidate_down(e->candidates, n, 0);
        }
        qsort(e->rows, taken, sizeof *e->rows, by_row);
        scan_expect(e->worker, e->rows, taken);
        for (uint32_t i = 0; i < taken; i++) {
            enum tsdb_status st = TSDB_OK;
            if (!is_beyond(e, key_of(e, scan_rows(e->worker)->ts[e->rows[i]])))
                st = try_row(e, e->rows[i], err);
            if (st == TSDB_OK && i % 1024 == 1023)
                st = log_room_poll(e->room, err);
            if (st != TSDB_OK)
                return st;
        }
        chunk = chunk < GROUP_ROWS_MAX / 4 ? chunk * 4 : GROUP_ROWS_MAX;
    }
    return TSDB_OK;
}

/* ---- all parts ----------------------------------------------------------------------- */

static int by_key_then_sequence(const void *a, const void *b)
{
    const struct kept *x = *(struct kept *const *)a, *y = *(struct kept *const *)b;
    return is_less(y, x) ? -1 : 1;
}

struct place {
    int64_t key; /* the best that is in the part */
    uint32_t part;
};

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return x->key != y->key ? (x->key > y->key ? -1 : 1)
                            : (x->part > y->part) - (x->part < y->part);
}

static enum tsdb_status run(struct entries *e, struct tsdb_error *err)
{
    e->is_run = true;
    enum tsdb_status st =
        log_scan_open(e->room, e->scan.expr, e->options.start, e->options.end, true, &e->scan, err);
    if (st != TSDB_OK)
        return st;
    e->worker = scan_worker_new(&e->scan);
    e->candidates = MEM_ARRAY(struct candidate, GROUP_ROWS_MAX);
    e->rows = MEM_ARRAY(uint32_t, GROUP_ROWS_MAX);
    uint32_t parts = logs_set_parts(e->scan.set);
    struct place *places = MEM_ARRAY(struct place, parts);
    for (uint32_t i = 0; i < parts; i++) {
        const struct logs_part *p = logs_set_part(e->scan.set, i);
        places[i] = (struct place){key_of(e, e->options.is_forward ? p->ts_min : p->ts_max), i};
    }
    if (parts > 0)
        qsort(places, parts, sizeof *places, by_place);
    for (uint32_t i = 0; i < parts && st == TSDB_OK && !is_beyond(e, places[i].key); i++) {
        st = scan_part(e->worker, places[i].part, err);
        if (st == TSDB_OK)
            st = try_part(e, err);
        else if (st == TSDB_END)
            st = TSDB_OK;
    }
    mem_free(places);
    if (st == TSDB_OK && e->count > 1)
        qsort(e->heap, e->count, sizeof(struct kept *), by_key_then_sequence);
    return st;
}

enum tsdb_status entries_new(struct log_room *room, const struct log_expr *expr,
                             const struct entries_options *options, struct entries **out,
                             struct tsdb_error *err)
{
    if (options->end < options->start)
        return tsdb_fail(err, TSDB_EINVAL, "end timestamp must not be before start time");
    struct entries *e = MEM_NEW(struct entries);
    e->room = room;
    e->options = *options;
    e->scan.expr = expr;
    *out = e;
    return TSDB_OK;
}

void entries_free(struct entries *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->count; i++)
        drop(e, e->heap[i]);
    scan_worker_free(e->worker);
    log_scan_close(&e->scan);
    mem_free(e->heap);
    mem_free(e->candidates);
    mem_free(e->rows);
    mem_free(e->last_keys);
    mem_free(e->last_ts);
    mem_free(e);
}

/* ---- handing out ------------------------------------------------------------------------ */

/* Whether the stream gave an entry less than `interval` ago. */
static bool is_too_soon(struct entries *e, const struct tsdb_log_entry *entry)
{
    struct writer scratch = {0};
    struct tsdb_hash key = labels_key(&scratch, entry->stream);
    writer_release(&scratch);
    for (size_t i = 0; i < e->last_count; i++) {
        if (!hash_equal(e->last_keys[i], key))
            continue;
        int64_t apart =
            entry->ts > e->last_ts[i] ? entry->ts - e->last_ts[i] : e->last_ts[i] - entry->ts;
        if (apart < e->options.interval)
            return true;
        e->last_ts[i] = entry->ts;
        return false;
    }
    if (e->last_count == e->last_cap) {
        e->last_cap = e->last_cap ? e->last_cap * 2 : 64;
        e->last_keys = mem_grow(e->last_keys, e->last_cap, sizeof *e->last_keys);
        e->last_ts = mem_grow(e->last_ts, e->last_cap, sizeof *e->last_ts);
    }
    e->last_keys[e->last_count] = key;
    e->last_ts[e->last_count++] = entry->ts;
    return false;
}

enum tsdb_status entries_next(struct entries *e, struct tsdb_log_entry *out, struct tsdb_error *err)
{
    if (!e->is_run) {
        enum tsdb_status st = run(e, err);
        if (st != TSDB_OK)
            return st;
    }
    while (e->given < e->count) {
        if (e->options.limit > 0 && e->passed == e->options.limit)
            return TSDB_END;
        *out = e->heap[e->given++]->entry;
        if (e->options.interval > 0 && is_too_soon(e, out))
            continue;
        e->passed++;
        return TSDB_OK;
    }
    return TSDB_END;
}

uint64_t entries_count(const struct entries *e)
{
    return e->passed;
}
