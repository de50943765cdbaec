#include "tsdb/codec/floats.h"

#include "tsdb/base/assert.h"
#include "tsdb/codec/decimal.h"
#include "tsdb/codec/divisor.h"
#include "tsdb/codec/ints.h"
#include "tsdb/codec/number.h"

#include <stdbool.h>

static_assert((int)FLOATS_EXPONENT_MIN == (int)DECIMAL_EXPONENT_MIN, "one range of exponents");
static_assert((int)FLOATS_EXPONENT_MAX == (int)DECIMAL_EXPONENT_MAX, "one range of exponents");
static_assert((int)FLOATS_MAX <= (int)INTS_PLAN_MAX, "a column can be planned whole");
static_assert((int)FLOATS_MAX <= (int)DECIMAL_MAX, "a column can be scaled whole");

enum { KIND_CONST, KIND_DECIMAL, KIND_IMAGE, KIND_ROTATED };

enum {
    FORM_KIND = 7,
    FORM_ORDER_SHIFT = 3,
    FORM_ORDER = 3 << FORM_ORDER_SHIFT,
    FORM_GCD = 32,
    FORM_PATCHES = 64,
    FORM_UNUSED = 128,
    ORDER_MAX = 2,
    SAMPLE = 128, /* values by which the orders are compared first */
};

/* A column on its way to bytes. */
struct column {
    unsigned kind, order;
    uint32_t n;
    int64_t first, delta;
    uint64_t gcd;
    const int64_t *steps; /* in m or spare */
    struct ints_plan plan;
    struct decimal decimal;
    int64_t m[FLOATS_MAX]; /* integers of the values, then x */
    int64_t spare[FLOATS_MAX];
};

/* The bits of a double as an integer in the order of the doubles; its own
 * inverse. */
static int64_t image(uint64_t bits)
{
    return (int64_t)(bits ^ ((uint64_t)((int64_t)bits >> 63) >> 1));
}

static int64_t rotate(uint64_t bits)
{
    return (int64_t)(bits << 1 | bits >> 63);
}

static uint64_t unrotate(int64_t m)
{
    return (uint64_t)m >> 1 | (uint64_t)m << 63;
}

/* ---- encoding ------------------------------------------------------------------ */

static bool all_bits_equal(const double *v, uint32_t n)
{
    uint64_t first = number_bits(v[0]), different = 0;
    for (uint32_t i = 1; i < n; i++)
        different |= number_bits(v[i]) ^ first;
    return different == 0;
}

/* Turns m[] into x[], the multiples of the gcd above the first. */
static void column_reduce(struct column *c)
{
    c->first = c->m[0];
    for (uint32_t i = 0; i < c->n; i++)
        c->m[i] = (int64_t)((uint64_t)c->m[i] - (uint64_t)c->first); /* wraps */
    c->gcd = divisor_find(c->m, c->n);
    if (c->gcd == 0) /* all alike but for patches */
        c->gcd = 1;
    divisor_apply(c->m, c->n, c->gcd);
}

/* Differences of the n - 1 neighbours. */
static void differences(const int64_t *v, uint32_t n, int64_t *out)
{
    for (uint32_t i = 1; i < n; i++)
        out[i - 1] = (int64_t)((uint64_t)v[i] - (uint64_t)v[i - 1]); /* wraps */
}

/* Costs of one block from the middle, by order. */
static void sample_costs(const struct column *c, size_t costs[ORDER_MAX + 1])
{
    int64_t block[INTS_BLOCK], again[INTS_BLOCK];
    const int64_t *middle = c->m + (c->n - SAMPLE) / 2;
    costs[0] = ints_cost(middle, SAMPLE);
    differences(middle, SAMPLE, block);
    costs[1] = ints_cost(block, SAMPLE - 1);
    differences(block, SAMPLE - 1, again);
    costs[2] = ints_cost(again, SAMPLE - 2);
}

/* The orders that a sample leaves in the race, as a set of bits. */
static unsigned orders_worth_trying(const struct column *c)
{
    if (c->n < 2 * SAMPLE)
        return c->n < 3 ? 3 : 7;
    size_t costs[ORDER_MAX + 1], least = SIZE_MAX;
    unsigned orders = 0;
    sample_costs(c, costs);
    for (unsigned i = 0; i <= ORDER_MAX; i++)
        least = costs[i] < least ? costs[i] : least;
    for (unsigned i = 0; i <= ORDER_MAX; i++)
        orders |= (unsigned)(costs[i] <= least + least / 4 + 4) << i;
    return orders;
}

/* Chooses the order of least cost and plans its steps. */
static void column_choose(struct column *c)
{
    struct ints_plan plan;
    unsigned orders = orders_worth_trying(c);
    c->plan.bytes = SIZE_MAX;
    if (orders & 1) {
        ints_plan(c->m + 1, c->n - 1, &c->plan);
        c->order = 0;
        c->steps = c->m + 1;
    }
    if (orders == 1)
        return;
    differences(c->m, c->n, c->spare);
    if (orders & 2) {
        ints_plan(c->spare, c->n - 1, &plan);
        if (plan.bytes < c->plan.bytes) {
            c->plan = plan;
            c->order = 1;
            c->steps = c->spare;
        }
    }
    /* The differences' differences take the place of m, which loses the race. */
    if (!(orders & 4) || (orders & 1 && c->order == 0))
        return;
    uint8_t delta[10];
    c->delta = c->spare[0];
    differences(c->spare, c->n - 1, c->m);
    ints_plan(c->m, c->n - 2, &plan);
    if (plan.bytes + uvarint_encode(zigzag(c->delta), delta) < c->plan.bytes) {
        c->plan = plan;
        c->order = 2;
        c->steps = c->m;
    }
}

static void patches_encode(const struct decimal *decimal, const double *v, struct writer *out)
{
    uint64_t bits = 0;
    uint32_t least = 0;
    writer_uvarint(out, decimal->patch_count);
    for (uint32_t i = 0; i < decimal->patch_count; i++) {
        uint32_t place = decimal->places[i];
        bool same = i > 0 && number_bits(v[place]) == bits;
        bits = number_bits(v[place]);
        writer_uvarint(out, (uint64_t)(place - least) << 1 | same);
        if (!same)
            writer_le64(out, bits);
        least = place + 1;
    }
}

static void column_encode(struct column *c, const double *v, struct writer *out)
{
    column_reduce(c);
    column_choose(c);
    bool has_patches = c->kind == KIND_DECIMAL && c->decimal.patch_count > 0;
    writer_u8(out, (uint8_t)(c->kind | c->order << FORM_ORDER_SHIFT | (c->gcd > 1 ? FORM_GCD : 0) |
                             (has_patches ? FORM_PATCHES : 0)));
    if (c->kind == KIND_DECIMAL)
        writer_u8(out, (uint8_t)(int8_t)c->decimal.exponent);
    if (c->gcd > 1)
        writer_uvarint(out, c->gcd);
    if (has_patches)
        patches_encode(&c->decimal, v, out);
    writer_svarint(out, c->first);
    if (c->order == 2)
        writer_svarint(out, c->delta);
    ints_encode_planned(c->steps, &c->plan, out);
}

/* Of a column of both signs: the magnitudes may be alike where the values are
 * not.  Compares what whole frames would take. */
static bool is_better_rotated(const double *v, uint32_t n)
{
    uint64_t least = UINT64_MAX, most = 0, signs = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bits = number_bits(v[i]), size = bits << 1 >> 1;
        signs |= UINT64_C(1) << (bits >> 63);
        least = size < least ? size : least;
        most = size > most ? size : most;
    }
    return signs == 3 && most - least < (UINT64_C(1) << 60);
}

static void column_take_bits(struct column *c, const double *v)
{
    bool is_rotated = is_better_rotated(v, c->n);
    c->kind = is_rotated ? KIND_ROTATED : KIND_IMAGE;
    for (uint32_t i = 0; i < c->n; i++)
        c->m[i] = is_rotated ? rotate(number_bits(v[i])) : image(number_bits(v[i]));
}

void floats_encode(const double *v, uint32_t n, struct writer *out, struct floats_summary *summary)
{
    ASSERT(n <= FLOATS_MAX);
    if (summary)
        floats_summarize(v, n, summary);
    if (n == 0)
        return;
    if (all_bits_equal(v, n)) {
        writer_u8(out, KIND_CONST);
        number_encode(v[0], out);
        return;
    }
    struct column c;
    c.n = n;
    c.kind = KIND_DECIMAL;
    if (!decimal_scale(v, n, c.m, &c.decimal))
        column_take_bits(&c, v);
    column_encode(&c, v, out);
}

/* ---- decoding ------------------------------------------------------------------ */

struct head {
    unsigned kind, order;
    int exponent;
    uint64_t gcd;
    uint32_t patch_count;
    struct reader patches; /* at the first of them */
};

/* Reads a patch; *place is that of the patch before, or UINT32_MAX. */
static void patch_decode(struct reader *r, uint32_t *place, uint64_t *bits)
{
    bool is_first = *place == UINT32_MAX;
    uint64_t coded = reader_uvarint(r);
    if (coded >> 1 > FLOATS_MAX || (is_first && (coded & 1)))
        reader_fail(r);
    *place += 1 + (uint32_t)(coded >> 1); /* wraps from UINT32_MAX to the first */
    if (!(coded & 1)) {
        uint64_t fresh = reader_le64(r);
        if (!is_first && fresh == *bits)
            reader_fail(r);
        *bits = fresh;
    }
}

static void head_decode_patches(struct reader *r, uint32_t n, struct head *h)
{
    uint32_t place = UINT32_MAX;
    uint64_t bits = 0;
    h->patch_count = reader_count(r, 1);
    h->patches = *r;
    if (h->patch_count == 0 || h->patch_count > n)
        reader_fail(r);
    for (uint32_t i = 0; i < h->patch_count && !r->fault; i++) {
        patch_decode(r, &place, &bits);
        if (place >= n)
            reader_fail(r);
    }
}

/* Everything up to `first`; a fault of the reader when it is not sound. */
static void head_decode(struct reader *r, uint32_t n, struct head *h)
{
    uint8_t form = reader_u8(r);
    *h = (struct head){.kind = form & FORM_KIND, .gcd = 1};
    h->order = (unsigned)(form & FORM_ORDER) >> FORM_ORDER_SHIFT;
    if (h->kind == KIND_CONST) {
        if (form != KIND_CONST)
            reader_fail(r);
        return;
    }
    if (h->kind > KIND_ROTATED || h->order > ORDER_MAX || n < 2 || (h->order == 2 && n < 3) ||
        form & FORM_UNUSED || (form & FORM_PATCHES && h->kind != KIND_DECIMAL)) {
        reader_fail(r);
        return;
    }
    if (h->kind == KIND_DECIMAL) {
        h->exponent = reader_u8(r);
        h->exponent -= h->exponent < 128 ? 0 : 256; /* two's complement */
        if (h->exponent < FLOATS_EXPONENT_MIN || h->exponent > FLOATS_EXPONENT_MAX)
            reader_fail(r);
    }
    if (form & FORM_GCD) {
        h->gcd = reader_uvarint(r);
        if (h->gcd < 2)
            reader_fail(r);
    }
    if (form & FORM_PATCHES)
        head_decode_patches(r, n, h);
}

/* The integers of the column, behind its head. */
static enum tsdb_status integers_decode(struct reader *r, const struct head *h, uint32_t n,
                                        int64_t *m)
{
    uint64_t value = (uint64_t)reader_svarint(r), delta = 0;
    m[0] = (int64_t)value;
    if (h->order == 2) {
        delta = (uint64_t)reader_svarint(r) * h->gcd; /* wraps, as all below */
        value += delta;
        m[1] = (int64_t)value;
    }
    uint32_t from = h->order == 2 ? 2 : 1;
    if (ints_decode(r, m + from, n - from) != TSDB_OK || !reader_done(r))
        return TSDB_ECORRUPT;
    if (h->order == 0) {
        for (uint32_t i = 1; i < n; i++)
            m[i] = (int64_t)(value + (uint64_t)m[i] * h->gcd);
    } else if (h->order == 1) {
        for (uint32_t i = 1; i < n; i++) {
            value += (uint64_t)m[i] * h->gcd;
            m[i] = (int64_t)value;
        }
    } else {
        for (uint32_t i = 2; i < n; i++) {
            delta += (uint64_t)m[i] * h->gcd;
            value += delta;
            m[i] = (int64_t)value;
        }
    }
    return TSDB_OK;
}

static void values_from(const struct head *h, const int64_t *m, uint32_t n, double *v)
{
    if (h->kind == KIND_DECIMAL) {
        decimal_values(m, n, h->exponent, v);
        return;
    }
    if (h->kind == KIND_ROTATED) {
        for (uint32_t i = 0; i < n; i++)
            v[i] = number_from_bits(unrotate(m[i]));
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        v[i] = number_from_bits((uint64_t)image((uint64_t)m[i]));
}

static void patches_apply(const struct head *h, double *v)
{
    struct reader r = h->patches;
    uint32_t place = UINT32_MAX;
    uint64_t bits = 0;
    for (uint32_t i = 0; i < h->patch_count; i++) {
        patch_decode(&r, &place, &bits);
        v[place] = number_from_bits(bits);
    }
}

enum tsdb_status floats_decode(struct bytes in, double *v, uint32_t n)
{
    ASSERT(n <= FLOATS_MAX);
    if (n == 0)
        return in.len == 0 ? TSDB_OK : TSDB_ECORRUPT;
    struct reader r = reader_over(in);
    struct head h;
    head_decode(&r, n, &h);
    if (h.kind == KIND_CONST) {
        double value = number_decode(&r);
        for (uint32_t i = 0; i < n; i++)
            v[i] = value;
        return reader_done(&r) ? TSDB_OK : TSDB_ECORRUPT;
    }
    int64_t m[FLOATS_MAX];
    if (r.fault || integers_decode(&r, &h, n, m) != TSDB_OK)
        return TSDB_ECORRUPT;
    values_from(&h, m, n, v);
    patches_apply(&h, v);
    return TSDB_OK;
}

enum tsdb_status floats_decode_scaled(struct bytes in, int64_t *v, uint32_t n, int *exponent10)
{
    ASSERT(n <= FLOATS_MAX);
    if (n == 0)
        return in.len == 0 ? TSDB_ENOTFOUND : TSDB_ECORRUPT;
    struct reader r = reader_over(in);
    struct head h;
    head_decode(&r, n, &h);
    if (h.kind == KIND_CONST) {
        double value = number_decode(&r);
        if (!reader_done(&r))
            return TSDB_ECORRUPT;
        struct decimal decimal;
        if (!decimal_scale(&value, 1, v, &decimal) || decimal.patch_count)
            return TSDB_ENOTFOUND;
        for (uint32_t i = 1; i < n; i++)
            v[i] = v[0];
        *exponent10 = decimal.exponent;
        return TSDB_OK;
    }
    if (r.fault)
        return TSDB_ECORRUPT;
    if (h.kind != KIND_DECIMAL || h.patch_count)
        return TSDB_ENOTFOUND;
    if (integers_decode(&r, &h, n, v) != TSDB_OK)
        return TSDB_ECORRUPT;
    *exponent10 = h.exponent;
    return TSDB_OK;
}

void floats_unscale(const int64_t *scaled, uint32_t n, int exponent10, double *v)
{
    ASSERT(exponent10 >= FLOATS_EXPONENT_MIN);
    ASSERT(exponent10 <= FLOATS_EXPONENT_MAX);
    decimal_values(scaled, n, exponent10, v);
}
