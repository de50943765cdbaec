#include "tsdb/codec/timestamps.h"

#include "tsdb/base/assert.h"
#include "tsdb/codec/ints.h"

#include <stdbool.h>

enum { FORM_ALONE, FORM_STEADY, FORM_DELTAS, FORM_CHANGES };

enum {
    UNIT_MASK = 15,
    UNIT_MAX = 9,
    FORM_SHIFT = 4,
};

static const int64_t unit_ns[UNIT_MAX + 1] = {1,      10,      100,      1000,      10000,
                                              100000, 1000000, 10000000, 100000000, 1000000000};

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b); /* wraps */
}

static uint64_t magnitude(int64_t x)
{
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

static uint64_t gcd_of(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The exact quotient; a divisor of 2^63 has no int64 of its own. */
static int64_t quotient(int64_t x, uint64_t divisor)
{
    if (divisor >> 63)
        return x ? 1 : 0;
    return x / (int64_t)divisor;
}

/* The greatest divisor of all deltas (0: all are 0). */
static uint64_t deltas_of(const int64_t *ts, uint32_t n, int64_t *deltas)
{
    uint64_t gcd = 0;
    for (uint32_t i = 1; i < n; i++) {
        deltas[i - 1] = minus(ts[i], ts[i - 1]);
        if (gcd != 1 && deltas[i - 1] != deltas[i > 1 ? i - 2 : 0])
            gcd = gcd_of(gcd, magnitude(deltas[i - 1]));
        else if (i == 1)
            gcd = magnitude(deltas[0]);
    }
    return gcd;
}

/* The greatest power of ten, up to a second, that divides both. */
static unsigned unit_of(int64_t first, uint64_t gcd)
{
    unsigned unit = UNIT_MAX;
    while (first % unit_ns[unit] || gcd % (uint64_t)unit_ns[unit])
        unit--;
    return unit;
}

static bool is_steady(const int64_t *deltas, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if (deltas[i] != deltas[0])
            return false;
    return true;
}

static void put_head(unsigned form, unsigned unit, int64_t first, struct writer *out)
{
    writer_u8(out, (uint8_t)(form << FORM_SHIFT | unit));
    writer_svarint(out, first / unit_ns[unit]);
}

void timestamps_encode(const int64_t *ts, uint32_t n, struct writer *out)
{
    ASSERT(n <= TIMESTAMPS_MAX);
    writer_uvarint(out, n);
    if (n == 0)
        return;
    int64_t deltas[TIMESTAMPS_MAX], changes[TIMESTAMPS_MAX];
    uint64_t gcd = deltas_of(ts, n, deltas);
    unsigned unit = unit_of(ts[0], gcd);
    if (n == 1) {
        put_head(FORM_ALONE, unit, ts[0], out);
        return;
    }
    if (is_steady(deltas, n - 1)) {
        put_head(FORM_STEADY, unit, ts[0], out);
        writer_svarint(out, deltas[0] / unit_ns[unit]);
        return;
    }
    for (uint32_t i = 0; i < n - 1; i++)
        deltas[i] = quotient(deltas[i], gcd);
    for (uint32_t i = 1; i < n - 1; i++)
        changes[i - 1] = minus(deltas[i], deltas[i - 1]);
    struct ints_plan plan, other;
    ints_plan(deltas, n - 1, &plan);
    ints_plan(changes, n - 2, &other);
    bool is_smaller = other.bytes < plan.bytes;
    put_head(is_smaller ? FORM_CHANGES : FORM_DELTAS, unit, ts[0], out);
    writer_uvarint(out, gcd / (uint64_t)unit_ns[unit]);
    if (is_smaller) {
        writer_svarint(out, deltas[0]);
        ints_encode_planned(changes, &other, out);
    } else {
        ints_encode_planned(deltas, &plan, out);
    }
}

/* The deltas into ts[1..n), still divided; a fault of the reader when not sound. */
static void deltas_decode(struct reader *r, unsigned form, uint64_t gcd, int64_t *ts, uint32_t n)
{
    uint32_t from = 1;
    uint64_t delta = 0, sum = (uint64_t)ts[0];
    if (form == FORM_CHANGES) {
        delta = (uint64_t)reader_svarint(r) * gcd; /* wraps, as all below */
        sum += delta;
        ts[1] = (int64_t)sum;
        from = 2;
    }
    if (ints_decode(r, ts + from, n - from) != TSDB_OK)
        return;
    for (uint32_t i = from; i < n; i++) {
        uint64_t step = (uint64_t)ts[i] * gcd;
        delta = form == FORM_CHANGES ? delta + step : step;
        sum += delta;
        ts[i] = (int64_t)sum;
    }
}

/* What follows the head. */
static void body_decode(struct reader *r, unsigned form, unsigned unit, int64_t *ts, uint32_t n)
{
    uint64_t scale = (uint64_t)unit_ns[unit];
    if (form == FORM_STEADY) {
        uint64_t delta = (uint64_t)reader_svarint(r) * scale; /* wraps, as below */
        for (uint32_t i = 1; i < n; i++)
            ts[i] = (int64_t)((uint64_t)ts[i - 1] + delta);
    } else if (form != FORM_ALONE) {
        uint64_t gcd = reader_uvarint(r);
        if (gcd == 0)
            reader_fail(r);
        deltas_decode(r, form, gcd * scale, ts, n);
    }
}

enum tsdb_status timestamps_decode(struct bytes in, int64_t *ts, uint32_t n_max, uint32_t *n)
{
    struct reader r = reader_over(in);
    uint64_t count = reader_uvarint(&r);
    if (count > n_max || count > TIMESTAMPS_MAX)
        return TSDB_ECORRUPT;
    if (count > 0) {
        uint8_t head = reader_u8(&r);
        unsigned unit = head & UNIT_MASK, form = head >> FORM_SHIFT;
        int64_t first = reader_svarint(&r);
        if (unit > UNIT_MAX || form > FORM_CHANGES || (form == FORM_ALONE) != (count == 1) ||
            (form > FORM_STEADY && count < 3))
            return TSDB_ECORRUPT;
        ts[0] = (int64_t)((uint64_t)first * (uint64_t)unit_ns[unit]); /* wraps */
        body_decode(&r, form, unit, ts, (uint32_t)count);
    }
    if (!reader_done(&r))
        return TSDB_ECORRUPT;
    *n = (uint32_t)count;
    return TSDB_OK;
}
