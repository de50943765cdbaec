#include "tsdb/metrics/block.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/codec/family.h"
#include "tsdb/codec/floats.h"
#include "tsdb/codec/histograms.h"
#include "tsdb/codec/timestamps.h"
#include "tsdb/metrics/block_form.h"
#include "tsdb/metrics/record.h"

#include <string.h>

/* A time column that is in the dictionary. */
struct column_slot {
    uint64_t hash;
    uint64_t off_plus_one; /* 0: empty */
    uint32_t len;
};

/* A series of a classic histogram that waits for its siblings. */
struct member {
    struct tsdb_hash hash;
    struct tsdb_labels labels; /* in the group's arena */
    double *values;            /* owned by the group's arena */
};

struct block_writer {
    struct segment_writer *file; /* owned */
    struct label_index_builder *labels;
    struct writer offsets, times, exemplars, heads, bodies, record;
    uint64_t series_bytes, group_base;
    struct column_slot *columns; /* owned, open addressing */
    uint32_t column_mask, column_used;
    int64_t *last_ts; /* the column written last, to find repeats without encoding */
    uint32_t last_count;
    uint64_t last_off;
    struct arena group_arena;
    struct member group[BLOCK_FAMILY_COLUMNS_MAX];
    uint32_t group_count, group_samples;
    int64_t *group_ts; /* in the group's arena */
    uint64_t group_key;
    uint32_t chunks; /* in heads and bodies: of block_writer_part */
    uint32_t exemplar_ordinal, exemplar_count;
    int64_t ts_first;
    uint64_t order;
    struct block_facts facts;
};

enum tsdb_status block_writer_open(struct fs *fs, const char *path, uint64_t order,
                                   struct block_writer **out, struct tsdb_error *err)
{
    struct segment_writer *file;
    enum tsdb_status st = segment_writer_open(fs, path, &file, err);
    if (st != TSDB_OK)
        return st;
    struct block_writer *w = MEM_NEW(struct block_writer);
    w->file = file;
    w->order = order;
    w->labels = label_index_builder_new(NULL);
    w->column_mask = 1023;
    w->columns = MEM_ARRAY(struct column_slot, w->column_mask + 1);
    w->last_ts = MEM_ARRAY(int64_t, BLOCK_CHUNK_SAMPLES);
    arena_init(&w->group_arena, SIZE_MAX, NULL);
    w->facts = (struct block_facts){.ts_min = INT64_MAX, .ts_max = INT64_MIN};
    segment_section_begin(w->file, BLOCK_SERIES);
    *out = w;
    return TSDB_OK;
}

static void writer_free(struct block_writer *w)
{
    label_index_builder_free(w->labels);
    struct writer *all[] = {&w->offsets, &w->times,  &w->exemplars,
                            &w->heads,   &w->bodies, &w->record};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        writer_release(all[i]);
    mem_free(w->columns);
    mem_free(w->last_ts);
    arena_release(&w->group_arena);
    mem_free(w);
}

void block_writer_abort(struct block_writer *w)
{
    if (!w)
        return;
    segment_writer_abort(w->file);
    writer_free(w);
}

/* ---- time columns --------------------------------------------------------------- */

static void columns_grow(struct block_writer *w)
{
    uint32_t mask = w->column_mask * 2 + 1;
    struct column_slot *slots = MEM_ARRAY(struct column_slot, (size_t)mask + 1);
    for (uint32_t i = 0; i <= w->column_mask; i++) {
        if (w->columns[i].off_plus_one == 0)
            continue;
        uint64_t at = w->columns[i].hash;
        while (slots[at & mask].off_plus_one != 0)
            at++;
        slots[at & mask] = w->columns[i];
    }
    mem_free(w->columns);
    w->columns = slots;
    w->column_mask = mask;
}

/* Offset of the column in BLOCK_TIMES; equal columns share one. */
static uint64_t put_column(struct block_writer *w, const int64_t *ts, uint32_t n)
{
    if (w->last_count == n && memcmp(w->last_ts, ts, n * sizeof *ts) == 0)
        return w->last_off;
    int64_t relative[BLOCK_CHUNK_SAMPLES];
    for (uint32_t i = 0; i < n; i++)
        relative[i] = ts[i] - ts[0];
    uint64_t off = w->times.len;
    struct writer *t = &w->times;
    w->record.len = 0;
    timestamps_encode(relative, n, &w->record);
    writer_sized(t, w->record.at, w->record.len);
    uint32_t len = (uint32_t)(t->len - off);
    uint64_t hash = hash64(0, t->at + off, len), at = hash;
    for (;; at++) {
        struct column_slot *slot = &w->columns[at & w->column_mask];
        if (slot->off_plus_one == 0) {
            *slot = (struct column_slot){hash, off + 1, len};
            w->column_used++;
            break;
        }
        if (slot->hash == hash && slot->len == len &&
            memcmp(t->at + slot->off_plus_one - 1, t->at + off, len) == 0) {
            t->len = off; /* there already */
            off = slot->off_plus_one - 1;
            break;
        }
    }
    if (w->column_used > w->column_mask / 4 * 3)
        columns_grow(w);
    memcpy(w->last_ts, ts, n * sizeof *ts);
    w->last_count = n;
    w->last_off = off;
    return off;
}

/* ---- chunks ----------------------------------------------------------------------- */

static void put_stamp(struct writer *out, int64_t t)
{
    uint64_t ns = zigzag(t);
    if (t % NS_PER_MS == 0) {
        writer_uvarint(out, zigzag(t / NS_PER_MS) << 1);
    } else if (ns >> 62 == 0) {
        writer_uvarint(out, ns << 2 | STAMP_NS);
    } else {
        writer_u8(out, STAMP_WIDE);
        writer_le64(out, (uint64_t)t);
    }
}

static void put_head(struct block_writer *w, enum chunk_kind kind, const int64_t *ts, uint32_t n,
                     size_t body_bytes)
{
    if (w->facts.samples == 0)
        w->ts_first = ts[0];
    writer_u8(&w->heads, (uint8_t)kind);
    writer_uvarint(&w->heads, n);
    put_stamp(&w->heads, ts[0] - w->ts_first);
    put_stamp(&w->heads, ts[n - 1] - ts[0]);
    writer_uvarint(&w->heads, put_column(w, ts, n));
    writer_uvarint(&w->heads, body_bytes);
    w->facts.samples += n;
    if (ts[0] < w->facts.ts_min)
        w->facts.ts_min = ts[0];
    if (ts[n - 1] > w->facts.ts_max)
        w->facts.ts_max = ts[n - 1];
}

static void put_floats(struct block_writer *w, const int64_t *ts, const double *values, uint32_t n)
{
    size_t before = w->bodies.len;
    struct floats_summary summary;
    enum chunk_kind kind = CHUNK_FLOATS;
    w->record.len = 0;
    floats_encode(values, n, &w->record, &summary);
    if (n >= BLOCK_SUMMARY_SAMPLES_MIN) {
        struct writer sized = {0};
        floats_summary_encode(&summary, &sized);
        writer_sized(&w->bodies, sized.at, sized.len);
        writer_release(&sized);
        kind = CHUNK_SUMMARY;
    }
    writer_put(&w->bodies, w->record.at, w->record.len);
    put_head(w, kind, ts, n, w->bodies.len - before);
}

static void put_histograms(struct block_writer *w, const struct samples *s, uint32_t from,
                           uint32_t n)
{
    struct tsdb_histogram *column = MEM_ARRAY(struct tsdb_histogram, n);
    for (uint32_t i = 0; i < n; i++)
        column[i] = *s->histograms[from + i];
    size_t before = w->bodies.len;
    histograms_encode(column, n, &w->bodies);
    put_head(w, CHUNK_HISTOGRAMS, s->ts + from, n, w->bodies.len - before);
    mem_free(column);
}

/* How many samples from `from` on make the next chunk: all of one kind. */
static uint32_t run_length(const struct samples *s, uint32_t from)
{
    uint32_t left = s->count - from, n = 1;
    if (left > BLOCK_CHUNK_SAMPLES)
        left = left < 2 * BLOCK_CHUNK_SAMPLES ? left / 2 : BLOCK_CHUNK_SAMPLES;
    if (!s->histograms)
        return left;
    bool is_histogram = s->histograms[from] != NULL;
    while (n < left && (s->histograms[from + n] != NULL) == is_histogram)
        n++;
    return n;
}

static void put_offset(struct block_writer *w)
{
    if (w->facts.series % OFFSETS_GROUP == 0) {
        w->group_base = w->series_bytes;
        writer_le64(&w->offsets, w->group_base);
    }
    writer_le32(&w->offsets, (uint32_t)(w->series_bytes - w->group_base));
}

/* Writes the record whose chunks are in heads and bodies. */
static enum tsdb_status put_record(struct block_writer *w, struct tsdb_hash hash,
                                   struct tsdb_labels labels, uint32_t chunks,
                                   struct tsdb_error *err)
{
    w->record.len = 0;
    writer_le64(&w->record, hash.lo);
    writer_le64(&w->record, hash.hi);
    writer_uvarint(&w->record, chunks);
    writer_put(&w->record, w->heads.at, w->heads.len);
    writer_put(&w->record, w->bodies.at, w->bodies.len);
    w->heads.len = 0;
    w->bodies.len = 0;
    if (w->facts.series == UINT32_MAX)
        return tsdb_fail(err, TSDB_ELIMIT, "segment: more than %u series", UINT32_MAX);
    put_offset(w);
    enum tsdb_status st = segment_write(w->file, writer_bytes(&w->record), err);
    if (st != TSDB_OK)
        return st;
    st = label_index_builder_add(w->labels, labels);
    if (st != TSDB_OK)
        return tsdb_fail(err, st, "segment: label index: out of its budget");
    w->series_bytes += w->record.len;
    w->facts.series++;
    return TSDB_OK;
}

/* Adds the samples' chunks to the record in the making. */
static void put_chunks(struct block_writer *w, const struct samples *s)
{
    for (uint32_t from = 0, n; from < s->count; from += n, w->chunks++) {
        n = run_length(s, from);
        if (s->histograms && s->histograms[from])
            put_histograms(w, s, from, n);
        else
            put_floats(w, s->ts + from, s->values + from, n);
    }
}

static enum tsdb_status put_single(struct block_writer *w, struct tsdb_hash hash,
                                   struct tsdb_labels labels, const struct samples *s,
                                   struct tsdb_error *err)
{
    put_chunks(w, s);
    uint32_t chunks = w->chunks;
    w->chunks = 0;
    return put_record(w, hash, labels, chunks, err);
}

/* ---- classic histogram families --------------------------------------------------- */

static enum tsdb_status put_member(struct block_writer *w, const struct member *m, uint32_t column,
                                   const struct writer *family, struct tsdb_error *err)
{
    if (column == 0) {
        writer_put(&w->bodies, family->at, family->len);
        put_head(w, CHUNK_FAMILY, w->group_ts, w->group_samples, family->len);
    } else {
        writer_uvarint(&w->bodies, column);
        writer_uvarint(&w->bodies, column);
        put_head(w, CHUNK_MEMBER, w->group_ts, w->group_samples, w->bodies.len);
    }
    return put_record(w, m->hash, m->labels, 1, err);
}

static enum tsdb_status flush_group(struct block_writer *w, struct tsdb_error *err)
{
    enum { FAMILY_COLUMNS_MIN = 3 };
    if (w->group_count == 0)
        return TSDB_OK;
    const double *columns[BLOCK_FAMILY_COLUMNS_MAX];
    for (uint32_t i = 0; i < w->group_count; i++)
        columns[i] = w->group[i].values;
    struct writer family = {0};
    bool is_family = w->group_count >= FAMILY_COLUMNS_MIN &&
                     family_encode(columns, w->group_count, w->group_samples, &family);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < w->group_count && st == TSDB_OK; i++) {
        const struct member *m = &w->group[i];
        struct samples s = {.ts = w->group_ts, .values = m->values, .count = w->group_samples};
        st = is_family ? put_member(w, m, i, &family, err)
                       : put_single(w, m->hash, m->labels, &s, err);
    }
    writer_release(&family);
    w->group_count = 0;
    arena_reset(&w->group_arena);
    return st;
}

/* Hash of the labels without `le`; 0 when there is none. */
static uint64_t family_key(struct tsdb_labels labels)
{
    uint64_t key = 1;
    bool has_le = false;
    for (uint32_t i = 0; i < labels.count; i++) {
        if (text_equal(labels.at[i].name, text_of("le"))) {
            has_le = true;
            continue;
        }
        key = hash64(key, labels.at[i].name.at, labels.at[i].name.len);
        key = hash64(key, labels.at[i].value.at, labels.at[i].value.len);
    }
    return has_le ? key | 1 : 0;
}

static struct tsdb_text copy_text(struct arena *a, struct tsdb_text t)
{
    char *at = ARENA_ARRAY(a, char, t.len + 1);
    ASSERT(at);
    memcpy(at, t.at, t.len);
    return (struct tsdb_text){at, t.len};
}

static void join_group(struct block_writer *w, struct tsdb_hash hash, struct tsdb_labels labels,
                       const struct samples *s, uint64_t key)
{
    struct arena *a = &w->group_arena;
    if (w->group_count == 0) {
        w->group_key = key;
        w->group_samples = s->count;
        w->group_ts = ARENA_ARRAY(a, int64_t, s->count);
        ASSERT(w->group_ts);
        memcpy(w->group_ts, s->ts, s->count * sizeof *s->ts);
    }
    struct tsdb_label *copy = ARENA_ARRAY(a, struct tsdb_label, labels.count);
    double *values = ARENA_ARRAY(a, double, s->count);
    ASSERT(copy && values);
    for (uint32_t i = 0; i < labels.count; i++)
        copy[i] =
            (struct tsdb_label){copy_text(a, labels.at[i].name), copy_text(a, labels.at[i].value)};
    memcpy(values, s->values, s->count * sizeof *values);
    w->group[w->group_count++] = (struct member){hash, {copy, labels.count}, values};
}

enum tsdb_status block_writer_series(struct block_writer *w, struct tsdb_hash hash,
                                     struct tsdb_labels labels, const struct samples *s,
                                     struct tsdb_error *err)
{
    if (s->count == 0 && w->chunks == 0)
        return TSDB_OK;
    bool is_single = w->chunks > 0 || s->histograms || s->count > BLOCK_CHUNK_SAMPLES;
    uint64_t key = is_single ? 0 : family_key(labels);
    bool joins = key != 0 && w->group_count > 0 && w->group_count < BLOCK_FAMILY_COLUMNS_MAX &&
                 key == w->group_key && s->count == w->group_samples &&
                 memcmp(s->ts, w->group_ts, s->count * sizeof *s->ts) == 0;
    if (!joins) {
        enum tsdb_status st = flush_group(w, err);
        if (st != TSDB_OK)
            return st;
    }
    if (key == 0)
        return put_single(w, hash, labels, s, err);
    join_group(w, hash, labels, s, key);
    return TSDB_OK;
}

enum tsdb_status block_writer_part(struct block_writer *w, const struct samples *s,
                                   struct tsdb_error *err)
{
    if (w->chunks == 0) {
        enum tsdb_status st = flush_group(w, err);
        if (st != TSDB_OK)
            return st;
    }
    put_chunks(w, s);
    return TSDB_OK;
}

void block_writer_exemplar(struct block_writer *w, const struct tsdb_exemplar *e)
{
    ASSERT(w->facts.series + w->group_count > 0);
    uint32_t ordinal = (uint32_t)(w->facts.series + w->group_count - 1);
    writer_uvarint(&w->exemplars, ordinal - w->exemplar_ordinal);
    writer_svarint(&w->exemplars, e->ts);
    writer_f64(&w->exemplars, e->value);
    w->record.len = 0;
    record_labels_encode(e->labels, &w->record);
    writer_sized(&w->exemplars, w->record.at, w->record.len);
    w->exemplar_ordinal = ordinal;
    w->exemplar_count++;
}

/* ---- the end ---------------------------------------------------------------------- */

static enum tsdb_status put_section(struct block_writer *w, uint32_t id, const struct writer *body,
                                    struct tsdb_error *err)
{
    segment_section_begin(w->file, id);
    enum tsdb_status st = segment_write(w->file, writer_bytes(body), err);
    segment_section_end(w->file);
    return st;
}

static enum tsdb_status put_sections(struct block_writer *w, struct tsdb_error *err)
{
    put_offset(w);
    while (w->offsets.len % OFFSETS_GROUP_BYTES != 0)
        writer_le32(&w->offsets, 0);
    segment_section_end(w->file);
    enum tsdb_status st = put_section(w, BLOCK_OFFSETS, &w->offsets, err);
    if (st == TSDB_OK)
        st = put_section(w, BLOCK_TIMES, &w->times, err);
    w->record.len = 0;
    writer_uvarint(&w->record, w->exemplar_count);
    writer_put(&w->record, w->exemplars.at, w->exemplars.len);
    if (st == TSDB_OK)
        st = put_section(w, BLOCK_EXEMPLARS, &w->record, err);
    w->record.len = 0;
    if (st == TSDB_OK)
        st = label_index_builder_finish(w->labels, &w->record, err);
    if (st == TSDB_OK)
        st = put_section(w, BLOCK_LABELS, &w->record, err);
    w->record.len = 0;
    writer_le32(&w->record, BLOCK_VERSION);
    writer_le32(&w->record, (uint32_t)w->facts.series);
    writer_le64(&w->record, w->facts.samples);
    writer_le64(&w->record, (uint64_t)w->ts_first);
    writer_le64(&w->record, w->order);
    if (st == TSDB_OK)
        st = put_section(w, BLOCK_FACTS, &w->record, err);
    return st;
}

enum tsdb_status block_writer_seal(struct block_writer *w, struct block_facts *facts,
                                   struct tsdb_error *err)
{
    enum tsdb_status st = flush_group(w, err);
    if (st != TSDB_OK || w->facts.series == 0) {
        *facts = w->facts;
        block_writer_abort(w);
        return st;
    }
    st = put_sections(w, err);
    if (st != TSDB_OK) {
        block_writer_abort(w);
        return st;
    }
    struct segment_facts file;
    st = segment_writer_seal(w->file, &file, err);
    w->facts.bytes = file.bytes;
    w->facts.content = file.content;
    *facts = w->facts;
    writer_free(w);
    return st;
}
