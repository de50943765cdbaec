#include "tsdb/metrics/block.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/codec/family.h"
#include "tsdb/codec/floats.h"
#include "tsdb/codec/histograms.h"
#include "tsdb/codec/timestamps.h"
#include "tsdb/metrics/block_form.h"
#include "tsdb/metrics/head.h"
#include "tsdb/metrics/record.h"

#include <string.h>

static enum tsdb_status damaged(const struct block *b, const char *what, uint32_t ordinal,
                                struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_ECORRUPT, "segment %016llx: series %u: %s",
                     (unsigned long long)b->entry.id, ordinal, what);
}

static bool note_tenant(void *arg, struct tsdb_text tenant)
{
    (void)tenant;
    *(bool *)arg = true;
    return false;
}

static enum tsdb_status load(struct block *b, struct tsdb_error *err)
{
    static const enum block_section wanted[] = {BLOCK_FACTS,  BLOCK_LABELS, BLOCK_OFFSETS,
                                                BLOCK_SERIES, BLOCK_TIMES,  BLOCK_EXEMPLARS};
    struct bytes sections[BLOCK_EXEMPLARS + 1];
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (!segment_section(b->segment, wanted[i], &sections[wanted[i]]))
            return tsdb_fail(err, TSDB_ECORRUPT, "segment %016llx: section %u is missing",
                             (unsigned long long)b->entry.id, (unsigned)wanted[i]);
        /* Series and times are checked page by page as they are read. */
        if (wanted[i] != BLOCK_SERIES && wanted[i] != BLOCK_TIMES) {
            enum tsdb_status st =
                segment_check_range(b->segment, wanted[i], 0, sections[wanted[i]].len, err);
            if (st != TSDB_OK)
                return st;
        }
    }
    struct reader r = reader_over(sections[BLOCK_FACTS]);
    uint32_t version = reader_le32(&r);
    b->series_count = reader_le32(&r);
    (void)reader_le64(&r);
    b->ts_first = (int64_t)reader_le64(&r);
    b->order = reader_le64(&r);
    if (!reader_done(&r) || version != BLOCK_VERSION)
        return tsdb_fail(err, TSDB_ECORRUPT, "segment %016llx: facts of version %u, want %u",
                         (unsigned long long)b->entry.id, version, (unsigned)BLOCK_VERSION);
    b->offsets = sections[BLOCK_OFFSETS];
    b->series = sections[BLOCK_SERIES];
    b->times = sections[BLOCK_TIMES];
    b->exemplars = sections[BLOCK_EXEMPLARS];
    uint64_t groups = (uint64_t)b->series_count / OFFSETS_GROUP + 1;
    if (b->offsets.len != groups * OFFSETS_GROUP_BYTES)
        return tsdb_fail(err, TSDB_ECORRUPT, "segment %016llx: %zu bytes of offsets, want %llu",
                         (unsigned long long)b->entry.id, b->offsets.len,
                         (unsigned long long)groups * OFFSETS_GROUP_BYTES);
    enum tsdb_status st = label_index_open(sections[BLOCK_LABELS], &b->labels, err);
    if (st == TSDB_OK && label_index_series_count(b->labels) != b->series_count)
        return tsdb_fail(err, TSDB_ECORRUPT, "segment %016llx: labels of %u series, want %u",
                         (unsigned long long)b->entry.id, label_index_series_count(b->labels),
                         b->series_count);
    if (st == TSDB_OK)
        st = label_index_values(b->labels, text_of(TENANT_LABEL), NULL, note_tenant,
                                &b->has_tenants, err);
    return st;
}

enum tsdb_status block_open(struct fs *fs, const char *path, const struct manifest_segment *entry,
                            struct block **out, struct tsdb_error *err)
{
    struct segment *segment;
    enum tsdb_status st = segment_open(fs, path, &segment, err);
    if (st != TSDB_OK)
        return st;
    struct block *b = MEM_NEW(struct block);
    b->entry = *entry;
    b->segment = segment;
    atomic_init(&b->refs, 1);
    st = load(b, err);
    if (st != TSDB_OK) {
        block_unref(b);
        return st;
    }
    *out = b;
    return TSDB_OK;
}

void block_ref(struct block *b)
{
    uint32_t was = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    ASSERT(was > 0);
}

void block_unref(struct block *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    label_index_free(b->labels);
    segment_unref(b->segment);
    mem_free(b);
}

static uint64_t offset_of(const struct block *b, uint32_t i)
{
    struct bytes group = {b->offsets.at + (size_t)(i / OFFSETS_GROUP) * OFFSETS_GROUP_BYTES,
                          OFFSETS_GROUP_BYTES};
    struct reader r = reader_over(group);
    uint64_t base = reader_le64(&r);
    (void)reader_take(&r, (size_t)(i % OFFSETS_GROUP) * 4);
    return base + reader_le32(&r);
}

/* The record of a series, its pages checked. */
static enum tsdb_status record_of(const struct block *b, uint32_t ordinal, struct reader *out,
                                  struct tsdb_error *err)
{
    ASSERT(ordinal < b->series_count);
    uint64_t from = offset_of(b, ordinal), to = offset_of(b, ordinal + 1);
    if (from > to || to > b->series.len)
        return damaged(b, "offsets out of range", ordinal, err);
    enum tsdb_status st =
        segment_check_range(b->segment, BLOCK_SERIES, from, (size_t)(to - from), err);
    if (st != TSDB_OK)
        return st;
    *out = reader_over((struct bytes){b->series.at + from, (size_t)(to - from)});
    return TSDB_OK;
}

enum tsdb_status block_hash(const struct block *b, uint32_t ordinal, struct tsdb_hash *out,
                            struct tsdb_error *err)
{
    struct reader r = {0};
    enum tsdb_status st = record_of(b, ordinal, &r, err);
    if (st != TSDB_OK)
        return st;
    struct tsdb_hash hash;
    hash.lo = reader_le64(&r);
    hash.hi = reader_le64(&r);
    if (r.fault)
        return damaged(b, "record too short", ordinal, err);
    *out = hash;
    return TSDB_OK;
}

struct chunk_head {
    enum chunk_kind kind;
    uint32_t n;
    int64_t first, last;
    uint64_t times_off, bytes;
};

static int64_t take_stamp(struct reader *r)
{
    uint64_t v = reader_uvarint(r);
    if ((v & 1) == 0)
        return (int64_t)((uint64_t)unzigzag(v >> 1) * (uint64_t)NS_PER_MS); /* wraps */
    if ((v & 3) == STAMP_NS)
        return unzigzag(v >> 2);
    if (v != STAMP_WIDE)
        reader_fail(r);
    return (int64_t)reader_le64(r);
}

static bool take_head(const struct block *b, struct reader *r, struct chunk_head *h)
{
    uint8_t kind = reader_u8(r);
    uint64_t n = reader_uvarint(r);
    h->first = (int64_t)((uint64_t)b->ts_first + (uint64_t)take_stamp(r)); /* wraps */
    h->last = (int64_t)((uint64_t)h->first + (uint64_t)take_stamp(r));     /* wraps */
    h->times_off = reader_uvarint(r);
    h->bytes = reader_uvarint(r);
    h->kind = (enum chunk_kind)kind;
    h->n = (uint32_t)n;
    return !r->fault && kind >= CHUNK_FLOATS && kind <= CHUNK_MEMBER && n >= 1 &&
           n <= BLOCK_CHUNK_SAMPLES && h->times_off < b->times.len && h->last >= h->first;
}

/* Decodes the chunk's time column behind out's samples, without counting them. */
static enum tsdb_status take_times(const struct block *b, const struct chunk_head *h, int64_t *ts,
                                   struct tsdb_error *err)
{
    enum { COLUMN_HEAD_MAX = 10 };
    struct bytes rest = {b->times.at + h->times_off, b->times.len - (size_t)h->times_off};
    size_t head = rest.len < COLUMN_HEAD_MAX ? rest.len : COLUMN_HEAD_MAX;
    enum tsdb_status st = segment_check_range(b->segment, BLOCK_TIMES, h->times_off, head, err);
    if (st != TSDB_OK)
        return st;
    struct reader r = reader_over(rest);
    struct bytes column = reader_sized(&r);
    if (r.fault)
        return TSDB_ECORRUPT;
    st = segment_check_range(b->segment, BLOCK_TIMES, h->times_off, rest.len - r.rest.len, err);
    if (st != TSDB_OK)
        return st;
    uint32_t n;
    st = timestamps_decode(column, ts, h->n, &n);
    if (st != TSDB_OK || n != h->n)
        return TSDB_ECORRUPT;
    for (uint32_t i = 0; i < n; i++)
        ts[i] = (int64_t)((uint64_t)ts[i] + (uint64_t)h->first); /* wraps */
    return TSDB_OK;
}

static enum tsdb_status take_histograms(struct bytes body, uint32_t n, const int64_t *ts,
                                        struct samples *out)
{
    struct tsdb_histogram *column;
    uint32_t count;
    enum tsdb_status st = histograms_decode(body, &out->arena, &column, &count);
    if (st != TSDB_OK)
        return st;
    if (count != n)
        return TSDB_ECORRUPT;
    for (uint32_t i = 0; i < n; i++)
        samples_put_histogram(out, ts[i], &column[i]);
    return TSDB_OK;
}

/* The body of the one chunk of the family's first series. */
static enum tsdb_status family_body(const struct block *b, uint32_t ordinal, struct bytes *out,
                                    struct tsdb_error *err)
{
    struct reader r = {0};
    enum tsdb_status st = record_of(b, ordinal, &r, err);
    if (st != TSDB_OK)
        return st;
    (void)reader_take(&r, sizeof(struct tsdb_hash));
    struct chunk_head h = {0};
    if (reader_count(&r, 6) != 1 || !take_head(b, &r, &h) || h.kind != CHUNK_FAMILY)
        return damaged(b, "is not a histogram family", ordinal, err);
    *out = reader_take(&r, h.bytes);
    return r.fault ? damaged(b, "chunk beyond the record", ordinal, err) : TSDB_OK;
}

static enum tsdb_status take_values(const struct block *b, const struct chunk_head *h,
                                    struct bytes body, uint32_t ordinal, double *out,
                                    struct tsdb_error *err)
{
    struct reader r = reader_over(body);
    enum tsdb_status st;
    switch (h->kind) {
    case CHUNK_FLOATS: return floats_decode(body, out, h->n);
    case CHUNK_SUMMARY: (void)reader_sized(&r); return floats_decode(r.rest, out, h->n);
    case CHUNK_FAMILY: return family_decode_column(body, 0, out, h->n);
    case CHUNK_MEMBER: {
        uint64_t back = reader_uvarint(&r), column = reader_uvarint(&r);
        if (!reader_done(&r) || back == 0 || back > ordinal || column >= BLOCK_FAMILY_COLUMNS_MAX)
            return TSDB_ECORRUPT;
        struct bytes family = {0};
        st = family_body(b, ordinal - (uint32_t)back, &family, err);
        if (st != TSDB_OK)
            return st;
        return family_decode_column(family, (uint32_t)column, out, h->n);
    }
    case CHUNK_HISTOGRAMS: break;
    }
    return TSDB_ECORRUPT;
}

static enum tsdb_status take_chunk(const struct block *b, const struct chunk_head *h,
                                   struct bytes body, uint32_t ordinal, struct samples *out,
                                   struct tsdb_error *err)
{
    samples_reserve(out, h->n);
    int64_t *ts = out->ts + out->count;
    enum tsdb_status st = take_times(b, h, ts, err);
    if (st != TSDB_OK)
        return st == TSDB_ECORRUPT ? damaged(b, "bad time column", ordinal, err) : st;
    if (h->kind == CHUNK_HISTOGRAMS) {
        int64_t times[BLOCK_CHUNK_SAMPLES]; /* samples_put_histogram may move ts */
        memcpy(times, ts, h->n * sizeof *ts);
        st = take_histograms(body, h->n, times, out);
    } else {
        st = take_values(b, h, body, ordinal, out->values + out->count, err);
        if (st == TSDB_OK) {
            if (out->histograms)
                memset(out->histograms + out->count, 0, h->n * sizeof *out->histograms);
            out->count += h->n;
        }
    }
    return st == TSDB_ECORRUPT ? damaged(b, "bad chunk body", ordinal, err) : st;
}

enum tsdb_status block_samples(const struct block *b, uint32_t ordinal, int64_t start, int64_t end,
                               struct samples *out, struct tsdb_error *err)
{
    struct reader heads = {0};
    enum tsdb_status st = record_of(b, ordinal, &heads, err);
    if (st != TSDB_OK)
        return st;
    (void)reader_take(&heads, sizeof(struct tsdb_hash));
    uint32_t chunks = reader_count(&heads, 6);
    struct reader bodies = heads;
    struct chunk_head h;
    uint64_t total = 0;
    int64_t before = INT64_MIN;
    for (uint32_t i = 0; i < chunks; i++) {
        if (!take_head(b, &bodies, &h) || (i > 0 && h.first <= before))
            return damaged(b, "bad chunk head", ordinal, err);
        if (chunks > 1 && (h.kind == CHUNK_FAMILY || h.kind == CHUNK_MEMBER))
            return damaged(b, "family in more than one chunk", ordinal, err);
        before = h.last;
        total += h.n;
    }
    if (total > BLOCK_SERIES_SAMPLES_MAX)
        return damaged(b, "too many samples", ordinal, err);
    for (uint32_t i = 0; i < chunks; i++) {
        (void)take_head(b, &heads, &h);
        struct bytes body = reader_take(&bodies, h.bytes);
        if (bodies.fault)
            return damaged(b, "chunk beyond the record", ordinal, err);
        if (h.last < start || h.first > end)
            continue;
        st = take_chunk(b, &h, body, ordinal, out, err);
        if (st != TSDB_OK)
            return st;
    }
    return chunks > 0 ? TSDB_OK : damaged(b, "has no chunk", ordinal, err);
}

void block_exemplar_begin(struct block_exemplar_cursor *c, const struct block *b)
{
    c->block = b;
    c->rest = reader_over(b->exemplars);
    c->left = reader_count(&c->rest, 11);
    c->ordinal = 0;
}

enum tsdb_status block_exemplar_next(struct block_exemplar_cursor *c, struct tsdb_error *err)
{
    struct reader *r = &c->rest;
    if (c->left == 0)
        return reader_done(r) ? TSDB_END : damaged(c->block, "bad exemplars", c->ordinal, err);
    c->left--;
    uint64_t step = reader_uvarint(r);
    struct tsdb_exemplar e = {.ts = reader_svarint(r), .value = reader_f64(r)};
    struct bytes encoded = reader_sized(r);
    if (r->fault || step >= c->block->series_count - (uint64_t)c->ordinal ||
        record_labels_decode(encoded, c->room, &e.labels.count) != TSDB_OK)
        return damaged(c->block, "bad exemplar", c->ordinal, err);
    e.labels.at = c->room;
    c->ordinal += (uint32_t)step;
    c->exemplar = e;
    return TSDB_OK;
}

enum tsdb_status block_exemplars(const struct block *b, block_exemplar_fn *fn, void *arg,
                                 struct tsdb_error *err)
{
    struct block_exemplar_cursor c;
    enum tsdb_status st;
    block_exemplar_begin(&c, b);
    while ((st = block_exemplar_next(&c, err)) == TSDB_OK)
        fn(arg, c.ordinal, &c.exemplar);
    return st == TSDB_END ? TSDB_OK : st;
}

static void ignore_exemplar(void *arg, uint32_t ordinal, const struct tsdb_exemplar *exemplar)
{
    (void)arg;
    (void)ordinal;
    (void)exemplar;
}

enum tsdb_status block_verify(const struct block *b, struct tsdb_error *err)
{
    struct samples s;
    samples_init(&s, NULL);
    struct arena arena;
    arena_init(&arena, SIZE_MAX, NULL);
    enum tsdb_status st = segment_verify_all(b->segment, err);
    for (uint32_t i = 0; i < b->series_count && st == TSDB_OK; i++) {
        struct tsdb_labels labels;
        samples_reset(&s);
        arena_reset(&arena);
        st = label_index_labels(b->labels, i, &arena, NULL, &labels, err);
        if (st == TSDB_OK)
            st = block_samples(b, i, INT64_MIN, INT64_MAX, &s, err);
    }
    if (st == TSDB_OK)
        st = block_exemplars(b, ignore_exemplar, NULL, err);
    arena_release(&arena);
    samples_release(&s);
    return st;
}
