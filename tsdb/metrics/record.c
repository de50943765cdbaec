#include "tsdb/metrics/record.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/codec/histograms.h"

#include <lz4.h>

enum { SAMPLES_ONE_TIME = 1, SERIES_RAW_BYTES_MAX = 64 << 20, SERIES_LZ4_BYTES_MIN = 512 };

/* Floats among r[0..n), and whether they share one time. */
static uint32_t count_floats(const struct routed *r, uint32_t n, const struct tsdb_point *points,
                             int64_t *ts, bool *has_one_time)
{
    uint32_t count = 0;
    *ts = 0;
    *has_one_time = true;
    for (uint32_t i = 0; i < n; i++) {
        const struct tsdb_point *p = &points[r[i].index];
        if (p->histogram)
            continue;
        if (count++ == 0)
            *ts = p->ts;
        *has_one_time = *has_one_time && p->ts == *ts;
    }
    return count;
}

void record_samples_encode(const struct routed *r, uint32_t n, const struct tsdb_point *points,
                           struct writer *out)
{
    bool has_one_time;
    int64_t ts;
    uint32_t count = count_floats(r, n, points, &ts, &has_one_time);
    if (count == 0)
        return;
    writer_u8(out, has_one_time ? SAMPLES_ONE_TIME : 0);
    writer_uvarint(out, count);
    /* Worst case of each column reserved at once: no bounds checks inside. */
    uint8_t *at = writer_reserve(out, 10 + (size_t)count * (5 + 10 + 8)), *begin = at;
    uint32_t ref = 0;
    if (has_one_time)
        at += uvarint_encode(zigzag(ts), at);
    for (uint32_t i = 0; i < n; i++) {
        if (points[r[i].index].histogram)
            continue;
        at += uvarint_encode(zigzag((int64_t)r[i].ref - (int64_t)ref), at);
        ref = r[i].ref;
    }
    ts = 0;
    for (uint32_t i = 0; i < n && !has_one_time; i++) {
        const struct tsdb_point *p = &points[r[i].index];
        if (p->histogram)
            continue;
        at += uvarint_encode(zigzag((int64_t)((uint64_t)p->ts - (uint64_t)ts)), at);
        ts = p->ts;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct tsdb_point *p = &points[r[i].index];
        if (p->histogram)
            continue;
        memcpy(at, &p->value, sizeof p->value);
        at += sizeof p->value;
    }
    out->len += (size_t)(at - begin);
}

enum tsdb_status record_samples_decode(struct bytes in, record_sample_fn *fn, void *arg)
{
    struct reader refs = reader_over(in);
    uint8_t flags = reader_u8(&refs);
    uint32_t n = reader_count(&refs, 9);
    bool has_one_time = flags & SAMPLES_ONE_TIME;
    int64_t ts = has_one_time ? reader_svarint(&refs) : 0;
    if (refs.fault || flags > SAMPLES_ONE_TIME || (size_t)n * 8 > refs.rest.len)
        return TSDB_ECORRUPT;
    size_t columns = refs.rest.len - (size_t)n * 8;
    struct reader values = reader_over((struct bytes){refs.rest.at + columns, (size_t)n * 8});
    refs.rest.len = columns;
    struct reader times = refs;
    for (uint32_t i = 0; i < n && !has_one_time; i++)
        (void)reader_uvarint(&times); /* past the refs, to where the times begin */
    int64_t ref = 0;
    for (uint32_t i = 0; i < n; i++) {
        ref += reader_svarint(&refs);
        if (!has_one_time)
            ts = (int64_t)((uint64_t)ts + (uint64_t)reader_svarint(&times));
        struct record_sample s = {(uint32_t)ref, ts, reader_le64(&values)};
        if (refs.fault || times.fault || ref < 0 || ref > UINT32_MAX)
            return TSDB_ECORRUPT;
        fn(arg, &s);
    }
    return reader_done(has_one_time ? &refs : &times) ? TSDB_OK : TSDB_ECORRUPT;
}

void record_histograms_encode(const struct routed *r, uint32_t n, const struct tsdb_point *points,
                              struct writer *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        count += points[r[i].index].histogram != NULL;
    if (count == 0)
        return;
    writer_uvarint(out, count);
    struct writer one = {0};
    for (uint32_t i = 0; i < n; i++) {
        const struct tsdb_point *p = &points[r[i].index];
        if (!p->histogram)
            continue;
        writer_reset(&one);
        histogram_encode(p->histogram, &one);
        writer_uvarint(out, r[i].ref);
        writer_svarint(out, p->ts);
        writer_sized(out, one.at, one.len);
    }
    writer_release(&one);
}

enum tsdb_status record_histograms_decode(struct bytes in, record_histogram_fn *fn, void *arg)
{
    struct reader r = reader_over(in);
    uint32_t n = reader_count(&r, 3);
    for (uint32_t i = 0; i < n && !r.fault; i++) {
        uint64_t ref = reader_uvarint(&r);
        int64_t ts = reader_svarint(&r);
        struct bytes encoded = reader_sized(&r);
        if (r.fault || ref > UINT32_MAX)
            return TSDB_ECORRUPT;
        fn(arg, (uint32_t)ref, ts, encoded);
    }
    return reader_done(&r) ? TSDB_OK : TSDB_ECORRUPT;
}

void record_labels_encode(struct tsdb_labels labels, struct writer *out)
{
    writer_uvarint(out, labels.count);
    for (uint32_t i = 0; i < labels.count; i++) {
        writer_sized(out, labels.at[i].name.at, labels.at[i].name.len);
        writer_sized(out, labels.at[i].value.at, labels.at[i].value.len);
    }
}

static struct tsdb_text text_take(struct reader *r)
{
    struct bytes b = reader_sized(r);
    return (struct tsdb_text){(const char *)b.at, b.len};
}

enum tsdb_status record_labels_decode(struct bytes in, struct tsdb_label *out, uint32_t *count)
{
    struct reader r = reader_over(in);
    uint32_t n = reader_count(&r, 2);
    if (n > RECORD_LABELS_MAX)
        return TSDB_ECORRUPT;
    for (uint32_t i = 0; i < n; i++) {
        out[i].name = text_take(&r);
        out[i].value = text_take(&r);
    }
    if (!reader_done(&r))
        return TSDB_ECORRUPT;
    *count = n;
    return TSDB_OK;
}

static size_t labels_bytes(struct tsdb_labels labels)
{
    size_t n = uvarint_size(labels.count);
    for (uint32_t i = 0; i < labels.count; i++) {
        struct tsdb_label l = labels.at[i];
        n += uvarint_size(l.name.len) + l.name.len + uvarint_size(l.value.len) + l.value.len;
    }
    return n;
}

void record_series_item(uint32_t ref, struct tsdb_labels labels, struct writer *out)
{
    writer_uvarint(out, ref);
    writer_uvarint(out, labels_bytes(labels));
    record_labels_encode(labels, out);
}

/* Items compressed into *lz4, with their count; 0: that does not pay. */
static size_t series_compress(uint32_t n, struct bytes items, struct writer *lz4, size_t *raw)
{
    struct writer plain = {0};
    writer_uvarint(&plain, n);
    writer_put(&plain, items.at, items.len);
    ASSERT(plain.len <= SERIES_RAW_BYTES_MAX);
    int bound = LZ4_compressBound((int)plain.len);
    int packed = LZ4_compress_default(
        (const char *)plain.at, (char *)writer_reserve(lz4, (size_t)bound), (int)plain.len, bound);
    *raw = plain.len;
    writer_release(&plain);
    return packed > 0 && (size_t)packed < *raw ? (size_t)packed : 0;
}

void record_series_encode(uint32_t n, struct bytes items, struct writer *out)
{
    struct writer lz4 = {0};
    size_t raw = 0, packed = 0;
    if (items.len >= SERIES_LZ4_BYTES_MIN)
        packed = series_compress(n, items, &lz4, &raw);
    if (packed > 0) {
        writer_uvarint(out, raw);
        writer_put(out, lz4.at, packed);
    } else {
        writer_uvarint(out, 0);
        writer_uvarint(out, n);
        writer_put(out, items.at, items.len);
    }
    writer_release(&lz4);
}

static enum tsdb_status series_items(struct bytes in, record_series_fn *fn, void *arg)
{
    struct reader r = reader_over(in);
    uint32_t n = reader_count(&r, 3);
    for (uint32_t i = 0; i < n && !r.fault; i++) {
        uint64_t ref = reader_uvarint(&r);
        struct bytes encoded = reader_sized(&r);
        struct tsdb_label labels[RECORD_LABELS_MAX];
        uint32_t count;
        if (r.fault || ref >= UINT32_MAX ||
            record_labels_decode(encoded, labels, &count) != TSDB_OK)
            return TSDB_ECORRUPT;
        enum tsdb_status st = fn(arg, (uint32_t)ref, (struct tsdb_labels){labels, count});
        if (st != TSDB_OK)
            return st;
    }
    return reader_done(&r) ? TSDB_OK : TSDB_ECORRUPT;
}

enum tsdb_status record_series_decode(struct bytes in, record_series_fn *fn, void *arg)
{
    struct reader r = reader_over(in);
    uint64_t raw = reader_uvarint(&r);
    if (r.fault || raw > SERIES_RAW_BYTES_MAX || r.rest.len > INT32_MAX)
        return TSDB_ECORRUPT;
    if (raw == 0)
        return series_items(r.rest, fn, arg);
    uint8_t *plain = mem_alloc(raw);
    int n = LZ4_decompress_safe((const char *)r.rest.at, (char *)plain, (int)r.rest.len, (int)raw);
    enum tsdb_status st =
        n == (int)raw ? series_items((struct bytes){plain, raw}, fn, arg) : TSDB_ECORRUPT;
    mem_free(plain);
    return st;
}
