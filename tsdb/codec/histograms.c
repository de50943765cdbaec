#include "tsdb/codec/histograms.h"

#include "tsdb/base/assert.h"
#include "tsdb/codec/floats.h"
#include "tsdb/codec/histogram_layout.h"
#include "tsdb/codec/ints.h"
#include "tsdb/codec/number.h"

static_assert((int)HISTOGRAMS_MAX <= (int)FLOATS_MAX, "a column of a chunk fits floats");

enum { HINT_MASK = 3 << LAYOUT_HINT_SHIFT };

/* The columns of a chunk, in the order they are written. */
struct columns {
    uint32_t buckets;  /* of both sides, positive first; then zero_count and count */
    uint32_t positive; /* of them of the positive side */
};

static uint32_t column_count(const struct columns *c)
{
    return c->buckets + 2;
}

/* The count in a column. */
static double cell(const struct tsdb_histogram *h, const struct columns *c, uint32_t column)
{
    if (column < c->positive)
        return h->positive[column];
    if (column < c->buckets)
        return h->negative[column - c->positive];
    return column == c->buckets ? h->zero_count : h->count;
}

/* ---- encoding ------------------------------------------------------------------ */

static void floats_sized(const double *v, uint32_t n, struct writer *out)
{
    uint8_t size[10];
    size_t start = out->len;
    floats_encode(v, n, out, NULL);
    size_t bytes = out->len - start, size_bytes = uvarint_encode(bytes, size);
    writer_reserve(out, size_bytes);
    memmove(out->at + start + size_bytes, out->at + start, bytes);
    memcpy(out->at + start, size, size_bytes);
    out->len += size_bytes;
}

/* Columns of integers: the first value less that of the bucket before, then the
 * differences in time.  `count` is less all the others. */
static void integers_encode(const struct tsdb_histogram *h, uint32_t n, const struct columns *c,
                            struct writer *out)
{
    int64_t m[HISTOGRAMS_MAX];
    uint64_t rest[HISTOGRAMS_MAX], before = 0; /* wrap */
    for (uint32_t t = 0; t < n; t++)
        rest[t] = (uint64_t)(int64_t)h[t].count;
    for (uint32_t column = 0; column < column_count(c); column++) {
        bool is_count = column == column_count(c) - 1;
        for (uint32_t t = 0; t < n; t++) {
            m[t] = is_count ? (int64_t)rest[t] : (int64_t)cell(&h[t], c, column);
            rest[t] -= (uint64_t)m[t];
        }
        bool is_first = column == 0 || column >= c->buckets || column == c->positive;
        writer_svarint(out, (int64_t)((uint64_t)m[0] - (is_first ? 0 : before)));
        before = (uint64_t)m[0];
        for (uint32_t t = 0; t + 1 < n; t++)
            m[t] = (int64_t)((uint64_t)m[t + 1] - (uint64_t)m[t]);
        ints_encode(m, n - 1, out);
    }
}

static void numbers_encode(const struct tsdb_histogram *h, uint32_t n, const struct columns *c,
                           struct writer *out)
{
    double v[HISTOGRAMS_MAX];
    for (uint32_t column = 0; column < column_count(c); column++) {
        for (uint32_t t = 0; t < n; t++)
            v[t] = cell(&h[t], c, column);
        floats_sized(v, n, out);
    }
}

static void run_encode(const struct tsdb_histogram *h, uint32_t n, unsigned flags,
                       struct writer *out)
{
    int64_t hints[HISTOGRAMS_MAX];
    double sums[HISTOGRAMS_MAX];
    bool has_hints = false;
    for (uint32_t t = 0; t < n; t++) {
        hints[t] = h[t].hint;
        sums[t] = h[t].sum;
        has_hints |= h[t].hint != h[0].hint;
    }
    if (has_hints)
        flags = (flags & ~(unsigned)HINT_MASK) | LAYOUT_HINTS;
    writer_uvarint(out, n);
    histogram_layout_encode(h, flags, out);
    if (has_hints)
        ints_encode(hints, n, out);
    struct columns c = {h->positive_count + h->negative_count, h->positive_count};
    if (flags & LAYOUT_INTEGRAL)
        integers_encode(h, n, &c, out);
    else
        numbers_encode(h, n, &c, out);
    floats_sized(sums, n, out);
}

/* Whether `next` may share the run that `first`, of those flags, began. */
static bool is_same_run(const struct tsdb_histogram *first, unsigned flags,
                        const struct tsdb_histogram *next)
{
    return histogram_layout_equal(first, next) &&
           ((histogram_layout_flags(next) ^ flags) & LAYOUT_INTEGRAL) == 0;
}

void histograms_encode(const struct tsdb_histogram *h, uint32_t n, struct writer *out)
{
    ASSERT(n <= HISTOGRAMS_MAX);
    writer_uvarint(out, n);
    for (uint32_t start = 0; start < n;) {
        unsigned flags = histogram_layout_flags(&h[start]);
        uint32_t end = start + 1;
        while (end < n && is_same_run(&h[start], flags, &h[end]))
            end++;
        run_encode(h + start, end - start, flags, out);
        start = end;
    }
}

/* ---- decoding ------------------------------------------------------------------ */

/* A run being read: its histograms, and the memory of their buckets, those of
 * one histogram together. */
struct run {
    struct tsdb_histogram *h;
    uint32_t n;
    double *counts; /* n * buckets of the arena */
    struct columns columns;
};

static void cell_set(const struct run *run, uint32_t t, uint32_t column, double count)
{
    const struct columns *c = &run->columns;
    if (column < c->buckets)
        run->counts[(size_t)t * c->buckets + column] = count;
    else if (column == c->buckets)
        run->h[t].zero_count = count;
    else
        run->h[t].count = count;
}

static bool integers_decode(struct reader *r, const struct run *run)
{
    const struct columns *c = &run->columns;
    int64_t steps[HISTOGRAMS_MAX], again;
    uint64_t rest[HISTOGRAMS_MAX], before = 0; /* wrap; rest is what the buckets hold */
    memset(rest, 0, run->n * sizeof *rest);
    for (uint32_t column = 0; column < column_count(c); column++) {
        bool is_count = column == column_count(c) - 1;
        bool is_first = column == 0 || column >= c->buckets || column == c->positive;
        uint64_t m = (uint64_t)reader_svarint(r) + (is_first ? 0 : before);
        before = m;
        if (ints_decode(r, steps, run->n - 1) != TSDB_OK)
            return false;
        for (uint32_t t = 0; t < run->n; t++) {
            m += t ? (uint64_t)steps[t - 1] : 0;
            uint64_t value = is_count ? m + rest[t] : m;
            rest[t] += m;
            double count = (double)(int64_t)value;
            if (!histogram_integer(count, &again) || (uint64_t)again != value)
                return false;
            cell_set(run, t, column, count);
        }
    }
    return true;
}

static bool numbers_decode(struct reader *r, const struct run *run)
{
    double v[HISTOGRAMS_MAX];
    for (uint32_t column = 0; column < column_count(&run->columns); column++) {
        if (floats_decode(reader_sized(r), v, run->n) != TSDB_OK)
            return false;
        for (uint32_t t = 0; t < run->n; t++)
            cell_set(run, t, column, v[t]);
    }
    return true;
}

static bool hints_decode(struct reader *r, const struct run *run)
{
    int64_t hints[HISTOGRAMS_MAX];
    if (ints_decode(r, hints, run->n) != TSDB_OK)
        return false;
    bool has_hints = false;
    for (uint32_t t = 0; t < run->n; t++) {
        if (hints[t] < 0 || hints[t] > TSDB_RESET_GAUGE)
            return false;
        run->h[t].hint = (uint8_t)hints[t];
        has_hints |= hints[t] != hints[0];
    }
    return has_hints;
}

static bool sums_decode(struct reader *r, const struct run *run)
{
    double sums[HISTOGRAMS_MAX];
    if (floats_decode(reader_sized(r), sums, run->n) != TSDB_OK)
        return false;
    for (uint32_t t = 0; t < run->n; t++)
        run->h[t].sum = sums[t];
    return true;
}

static enum tsdb_status run_decode(struct reader *r, struct arena *arena, struct run *run)
{
    unsigned flags;
    struct tsdb_histogram layout;
    enum tsdb_status st = histogram_layout_decode(r, arena, &layout, &flags);
    if (st != TSDB_OK)
        return st;
    uint32_t buckets = layout.positive_count + layout.negative_count;
    run->columns = (struct columns){buckets, layout.positive_count};
    if (buckets > r->rest.len) /* each column has a byte at least */
        return TSDB_ECORRUPT;
    if (buckets) {
        run->counts = ARENA_ARRAY(arena, double, (size_t)run->n *buckets);
        if (!run->counts)
            return TSDB_ELIMIT;
    }
    for (uint32_t t = 0; t < run->n; t++) {
        run->h[t] = layout;
        if (layout.positive_count)
            run->h[t].positive = run->counts + (size_t)t * buckets;
        if (layout.negative_count)
            run->h[t].negative = run->counts + (size_t)t * buckets + layout.positive_count;
    }
    if (flags & LAYOUT_HINTS && (flags & HINT_MASK || !hints_decode(r, run)))
        return TSDB_ECORRUPT;
    bool is_sound = flags & LAYOUT_INTEGRAL ? integers_decode(r, run) : numbers_decode(r, run);
    return is_sound && sums_decode(r, run) ? TSDB_OK : TSDB_ECORRUPT;
}

enum tsdb_status histograms_decode(struct bytes in, struct arena *arena,
                                   struct tsdb_histogram **out, uint32_t *n)
{
    struct reader r = reader_over(in);
    uint64_t count = reader_uvarint(&r);
    struct tsdb_histogram *h = NULL;
    if (r.fault || count > HISTOGRAMS_MAX)
        return TSDB_ECORRUPT;
    if (count) {
        h = ARENA_ARRAY(arena, struct tsdb_histogram, count);
        if (!h)
            return TSDB_ELIMIT;
    }
    for (uint32_t at = 0; at < count;) {
        uint64_t length = reader_uvarint(&r);
        if (length == 0 || length > count - at)
            return TSDB_ECORRUPT;
        struct run run = {.h = h + at, .n = (uint32_t)length};
        enum tsdb_status st = run_decode(&r, arena, &run);
        if (st != TSDB_OK)
            return st;
        at += run.n;
    }
    if (!reader_done(&r))
        return TSDB_ECORRUPT;
    *out = h;
    *n = (uint32_t)count;
    return TSDB_OK;
}
