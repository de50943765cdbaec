#include "tsdb/columns/column_ints.h"

#include "tsdb/base/assert.h"
#include "tsdb/codec/divisor.h"
#include "tsdb/codec/ints.h"
#include "tsdb/columns/group.h"

enum {
    FORM_STEPS = 1,
    FORM_SHARES = 2,
    FORMS = 4,
    SURE_BITS = 16, /* by which steps are shorter, so that blocks cannot make up for it */
};

static_assert((int)COLUMN_PART_ROWS <= (int)INTS_PLAN_MAX, "a part can be planned");

/* ---- writing ------------------------------------------------------------------- */

/* Differences to the first or to the one before; n - 1 of them. */
static void differences(const int64_t *v, uint32_t n, bool is_steps, int64_t *out)
{
    if (is_steps) {
        for (uint32_t i = 1; i < n; i++)
            out[i - 1] = (int64_t)((uint64_t)v[i] - (uint64_t)v[i - 1]);
    } else {
        for (uint32_t i = 1; i < n; i++)
            out[i - 1] = (int64_t)((uint64_t)v[i] - (uint64_t)v[0]);
    }
}

enum steps_worth { STEPS_NO, STEPS_MAYBE, STEPS_SURE };

/* Steps pay where they are much smaller than the values' spread; a look at their sizes
 * spares planning both. */
static enum steps_worth steps_pay(const int64_t *v, uint32_t n, const int64_t *steps)
{
    uint64_t low = 0, sum = 0, spread;
    int64_t min = v[0], max = v[0];
    for (uint32_t i = 1; i < n; i++) {
        min = v[i] < min ? v[i] : min;
        max = v[i] > max ? v[i] : max;
        uint64_t size = zigzag(steps[i - 1]);
        low |= size;
        sum += size < UINT32_MAX ? size : UINT32_MAX;
    }
    spread = (uint64_t)max - (uint64_t)min;
    if (n < 2)
        return STEPS_NO;
    uint64_t mean = sum / (n - 1) + 1;
    if (n > INTS_BLOCK && mean < spread >> SURE_BITS)
        return STEPS_SURE;
    return mean < spread / 2 || low == 0 ? STEPS_MAYBE : STEPS_NO;
}

void column_ints_encode(const int64_t *v, uint32_t n, struct writer *out)
{
    ASSERT(n >= 1);
    ASSERT(n <= COLUMN_PART_ROWS);
    int64_t d[COLUMN_PART_ROWS];
    struct ints_plan plain, other;
    differences(v, n, true, d);
    uint64_t gcd = divisor_find(d, n - 1);
    enum steps_worth steps = steps_pay(v, n, d);
    uint8_t form = steps ? FORM_STEPS : 0;
    plain.bytes = SIZE_MAX;
    if (steps != STEPS_SURE)
        ints_plan(v, n, &plain);
    if (!form && gcd > 1)
        differences(v, n, false, d);
    if (gcd > 1) {
        form |= FORM_SHARES;
        divisor_apply(d, n - 1, gcd);
    }
    if (form) {
        ints_plan(d, n - 1, &other);
        size_t extra = uvarint_size(zigzag(v[0])) + (gcd > 1 ? uvarint_size(gcd) : 0);
        if (other.bytes + extra >= plain.bytes)
            form = 0;
    }
    writer_u8(out, form);
    if (!form) {
        ints_encode_planned(v, &plain, out);
        return;
    }
    writer_svarint(out, v[0]);
    if (form & FORM_SHARES)
        writer_uvarint(out, gcd);
    ints_encode_planned(d, &other, out);
}

/* ---- reading ------------------------------------------------------------------- */

static void add_up(int64_t *v, uint32_t n, bool is_steps, uint64_t gcd)
{
    uint64_t first = (uint64_t)v[0], sum = first;
    if (!is_steps) {
        for (uint32_t i = 1; i < n; i++)
            v[i] = (int64_t)(first + (uint64_t)v[i] * gcd); /* wraps */
        return;
    }
    for (uint32_t i = 1; i < n; i++) {
        sum += (uint64_t)v[i] * gcd; /* wraps */
        v[i] = (int64_t)sum;
    }
}

enum tsdb_status column_ints_decode(struct bytes in, int64_t *v, uint32_t n)
{
    ASSERT(n >= 1);
    struct reader r = reader_over(in);
    uint8_t form = reader_u8(&r);
    if (form >= FORMS)
        return TSDB_ECORRUPT;
    uint32_t skip = form != 0;
    uint64_t gcd = 1;
    if (form)
        v[0] = reader_svarint(&r);
    if (form & FORM_SHARES) {
        gcd = reader_uvarint(&r);
        if (gcd < 2)
            return TSDB_ECORRUPT;
    }
    if (ints_decode(&r, v + skip, n - skip) != TSDB_OK || !reader_done(&r))
        return TSDB_ECORRUPT;
    if (form)
        add_up(v, n, form & FORM_STEPS, gcd);
    return TSDB_OK;
}

/* ---- texts --------------------------------------------------------------------- */

bool int_text_parse(struct tsdb_text text, int64_t *out)
{
    if (text.len == 0 || text.len > INT_TEXT_MAX)
        return false;
    bool is_negative = text.at[0] == '-';
    size_t digits = text.len - is_negative;
    const char *at = text.at + is_negative;
    if (digits == 0 || (at[0] == '0' && (digits > 1 || is_negative)))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        unsigned digit = (unsigned)(unsigned char)at[i] - '0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (value > (uint64_t)INT64_MAX + is_negative)
        return false;
    *out = (int64_t)(is_negative ? 0 - value : value);
    return true;
}
