#include "tsdb/codec/timestamps.h"

#include "tsdb/base/assert.h"
#include "tsdb/codec/divisor.h"
#include "tsdb/codec/ints.h"

#include <stdbool.h>

enum { FORM_ALONE, FORM_STEADY, FORM_DELTAS, FORM_CHANGES, FORM_GRID, FORM_COUNT };

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

/* Ways to write the divided deltas, and the best so far. */
struct choice {
    unsigned form;
    int64_t step;   /* CHANGES: the first delta; GRID: the interval */
    uint32_t spare; /* which of the arrays is free */
    struct ints_plan plan;
    int64_t v[2][TIMESTAMPS_MAX];
};

/* Enters what is in the spare array into the race. */
static void choice_try(struct choice *c, unsigned form, int64_t step, uint32_t n)
{
    struct ints_plan plan;
    ints_plan(c->v[c->spare], n, &plan);
    if (c->form != FORM_COUNT && plan.bytes >= c->plan.bytes)
        return;
    c->form = form;
    c->step = step;
    c->plan = plan;
    c->spare = !c->spare;
}

/* deltas: n of them, divided by their gcd. */
static void choose(struct choice *c, const int64_t *deltas, uint32_t n)
{
    c->form = FORM_COUNT;
    c->spare = 0;
    memcpy(c->v[c->spare], deltas, n * sizeof *deltas);
    choice_try(c, FORM_DELTAS, 0, n);

    int64_t *changes = c->v[c->spare];
    for (uint32_t i = 1; i < n; i++)
        changes[i - 1] = minus(deltas[i], deltas[i - 1]);
    choice_try(c, FORM_CHANGES, deltas[0], n - 1);

    int64_t *off = c->v[c->spare];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (uint64_t)deltas[i];                     /* wraps, as below */
    int64_t step = (int64_t)(sum + n / 2) / (int64_t)n; /* rounded, when the sum is positive */
    sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += (uint64_t)deltas[i] - (uint64_t)step;
        off[i] = (int64_t)sum;
    }
    choice_try(c, FORM_GRID, step, n);
}

void timestamps_encode(const int64_t *ts, uint32_t n, struct writer *out)
{
    ASSERT(n <= TIMESTAMPS_MAX);
    writer_uvarint(out, n);
    if (n == 0)
        return;
    int64_t deltas[TIMESTAMPS_MAX];
    for (uint32_t i = 1; i < n; i++)
        deltas[i - 1] = minus(ts[i], ts[i - 1]);
    uint64_t gcd = divisor_find(deltas, n - 1);
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
    divisor_apply(deltas, n - 1, gcd);
    struct choice c;
    choose(&c, deltas, n - 1);
    put_head(c.form, unit, ts[0], out);
    writer_uvarint(out, gcd / (uint64_t)unit_ns[unit]);
    if (c.form != FORM_DELTAS)
        writer_svarint(out, c.step);
    ints_encode_planned(c.v[!c.spare], &c.plan, out);
}

/* The uneven forms, behind gcd (times unit); a fault of the reader when not
 * sound.  All arithmetic wraps. */
static void uneven_decode(struct reader *r, unsigned form, uint64_t gcd, int64_t *ts, uint32_t n)
{
    uint32_t from = form == FORM_CHANGES ? 2 : 1;
    uint64_t step = form == FORM_DELTAS ? 0 : (uint64_t)reader_svarint(r) * gcd;
    uint64_t sum = (uint64_t)ts[0];
    if (form == FORM_CHANGES) {
        sum += step;
        ts[1] = (int64_t)sum;
    }
    if (ints_decode(r, ts + from, n - from) != TSDB_OK)
        return;
    for (uint32_t i = from; i < n; i++) {
        uint64_t x = (uint64_t)ts[i] * gcd;
        if (form == FORM_GRID) {
            sum += step;
            ts[i] = (int64_t)(sum + x);
            continue;
        }
        step = form == FORM_CHANGES ? step + x : x;
        sum += step;
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
        uneven_decode(r, form, gcd * scale, ts, n);
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
        if (unit > UNIT_MAX || form >= FORM_COUNT || (form == FORM_ALONE) != (count == 1) ||
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
