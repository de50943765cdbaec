#include "tsdb/codec/family.h"

#include "tsdb/base/assert.h"
#include "tsdb/codec/ints.h"
#include "tsdb/codec/number.h"

/* Whether the column is integers of magnitude up to 2^53; they go to m. */
static bool integers_of(const double *v, uint32_t n, int64_t *m)
{
    uint64_t different = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!(v[i] >= -0x1p53 && v[i] <= 0x1p53))
            return false;
        m[i] = (int64_t)v[i];
        different |= number_bits((double)m[i]) ^ number_bits(v[i]);
    }
    return different == 0;
}

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b); /* wraps */
}

static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b); /* wraps */
}

bool family_encode(const double *const *columns, uint32_t k, uint32_t n, struct writer *out)
{
    ASSERT(k >= 1);
    ASSERT(k <= FAMILY_COLUMNS_MAX);
    ASSERT(n >= 1);
    ASSERT(n <= FAMILY_MAX);
    size_t start = out->len;
    int64_t row[FAMILY_MAX], below[FAMILY_MAX];
    writer_uvarint(out, k);
    writer_uvarint(out, n);
    for (uint32_t i = 0; i < k; i++) {
        if (!integers_of(columns[i], n, row)) {
            out->len = start;
            return false;
        }
        writer_svarint(out, i ? (int64_t)(columns[i][0] - columns[i - 1][0]) : row[0]);
    }
    memset(below, 0, n * sizeof *below);
    for (uint32_t i = 0; i < k; i++) {
        for (uint32_t t = 0; t < n; t++) {
            int64_t count = (int64_t)columns[i][t];
            row[t] = minus(count, below[t]);
            below[t] = count;
        }
        for (uint32_t t = 0; t + 1 < n; t++)
            row[t] = minus(row[t + 1], row[t]);
        ints_encode(row, n - 1, out);
    }
    return true;
}

/* Reads the sizes; a fault of the reader when they are out of bounds. */
static void shape_decode(struct reader *r, uint32_t *k, uint32_t *n)
{
    uint64_t columns = reader_uvarint(r), values = reader_uvarint(r);
    if (columns < 1 || columns > FAMILY_COLUMNS_MAX || values < 1 || values > FAMILY_MAX)
        reader_fail(r);
    *k = (uint32_t)columns;
    *n = (uint32_t)values;
}

enum tsdb_status family_shape(struct bytes in, uint32_t *k, uint32_t *n)
{
    struct reader r = reader_over(in);
    uint32_t columns, values;
    shape_decode(&r, &columns, &values);
    if (r.fault)
        return TSDB_ECORRUPT;
    *k = columns;
    *n = values;
    return TSDB_OK;
}

/* The rows of a family, added up one after another. */
struct rows {
    struct reader r; /* at the next row */
    uint32_t k, n, next;
    int64_t firsts[FAMILY_COLUMNS_MAX];
    int64_t sums[FAMILY_MAX]; /* the bucket of the row read last */
};

static void rows_open(struct rows *rows, struct bytes in)
{
    rows->r = reader_over(in);
    rows->next = 0;
    shape_decode(&rows->r, &rows->k, &rows->n);
    for (uint32_t i = 0; i < rows->k && !rows->r.fault; i++)
        rows->firsts[i] = reader_svarint(&rows->r);
    if (!rows->r.fault)
        memset(rows->sums, 0, rows->n * sizeof rows->sums[0]);
}

static bool rows_next(struct rows *rows)
{
    int64_t steps[FAMILY_MAX], value = rows->firsts[rows->next++];
    if (ints_decode(&rows->r, steps, rows->n - 1) != TSDB_OK)
        return false;
    rows->sums[0] = plus(rows->sums[0], value);
    for (uint32_t t = 1; t < rows->n; t++) {
        value = plus(value, steps[t - 1]);
        rows->sums[t] = plus(rows->sums[t], value);
    }
    return true;
}

static void rows_values(const struct rows *rows, double *v)
{
    for (uint32_t t = 0; t < rows->n; t++)
        v[t] = (double)rows->sums[t];
}

enum tsdb_status family_decode_column(struct bytes in, uint32_t column, double *v, uint32_t n)
{
    struct rows rows;
    rows_open(&rows, in);
    if (rows.r.fault || rows.n != n || column >= rows.k)
        return TSDB_ECORRUPT;
    while (rows.next <= column)
        if (!rows_next(&rows))
            return TSDB_ECORRUPT;
    if (rows.next == rows.k && !reader_done(&rows.r))
        return TSDB_ECORRUPT;
    rows_values(&rows, v);
    return TSDB_OK;
}

enum tsdb_status family_decode_all(struct bytes in, double *const *columns, uint32_t k, uint32_t n)
{
    struct rows rows;
    rows_open(&rows, in);
    if (rows.r.fault || rows.n != n || rows.k != k)
        return TSDB_ECORRUPT;
    while (rows.next < k) {
        if (!rows_next(&rows))
            return TSDB_ECORRUPT;
        rows_values(&rows, columns[rows.next - 1]);
    }
    return reader_done(&rows.r) ? TSDB_OK : TSDB_ECORRUPT;
}
