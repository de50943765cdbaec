#include "tsdb/codec/decimal.h"

#include "tsdb/codec/number.h"

#include <math.h>
#include <string.h>

static const double power[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

double decimal_value(int64_t m, int exponent)
{
    return exponent < 0 ? (double)m * power[-exponent] : (double)m / power[exponent];
}

void decimal_values(const int64_t *m, uint32_t n, int exponent, double *v)
{
    if (exponent == 0) {
        for (uint32_t i = 0; i < n; i++)
            v[i] = (double)m[i];
        return;
    }
    if (exponent < 0) {
        for (uint32_t i = 0; i < n; i++)
            v[i] = (double)m[i] * power[-exponent];
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        v[i] = (double)m[i] / power[exponent];
}

bool decimal_exact(double v, int exponent, int64_t *m)
{
    double scaled = v * power[exponent];
    double limit = exponent == 0 ? 0x1p63 : 0x1p53;
    if (!(scaled > -limit && scaled < limit))
        return false;
    int64_t nearest = (int64_t)(exponent == 0 ? scaled : scaled + copysign(0.5, scaled));
    if (number_bits((double)nearest / power[exponent]) != number_bits(v))
        return false;
    *m = nearest;
    return true;
}

/* The same with a negative exponent: a multiple of a power of ten. */
static bool multiple_exact(double v, int exponent, int64_t *m)
{
    double scaled = v / power[-exponent];
    if (!(scaled > -0x1p53 && scaled < 0x1p53))
        return false;
    int64_t nearest = (int64_t)(scaled + copysign(0.5, scaled));
    if (number_bits((double)nearest * power[-exponent]) != number_bits(v))
        return false;
    *m = nearest;
    return true;
}

static bool exact(double v, int exponent, int64_t *m)
{
    return exponent < 0 ? multiple_exact(v, exponent, m) : decimal_exact(v, exponent, m);
}

/* What has been seen of a column while its exponent is sought. */
struct search {
    int exponent;
    uint32_t fresh_max;                        /* patches whose bits do not repeat */
    uint32_t longer[DECIMAL_EXPONENT_MAX + 1]; /* exact from this exponent on only */
};

/* Raises the exponent until few enough of the values met ask for a higher one. */
static bool search_raise(struct search *s)
{
    uint32_t above = 0;
    int exponent = DECIMAL_EXPONENT_MAX, before = s->exponent;
    while (exponent > s->exponent && above + s->longer[exponent] <= s->fresh_max / 2)
        above += s->longer[exponent--];
    s->exponent = exponent;
    return exponent > before;
}

/* Whether a value that is not exact yet raises the exponent. */
static bool search_meet(struct search *s, double v)
{
    int64_t m;
    if (s->exponent < 0 || !isfinite(v))
        return false;
    for (int exponent = s->exponent + 1; exponent <= DECIMAL_EXPONENT_MAX; exponent++) {
        if (decimal_exact(v, exponent, &m)) {
            s->longer[exponent]++;
            return search_raise(s);
        }
    }
    return false;
}

enum outcome { SCALED, RAISED, REFUSED };

/* Scales with the exponent so far, until a value raises it. */
static enum outcome scale(const double *v, uint32_t n, int64_t *m, struct decimal *out,
                          struct search *s)
{
    uint32_t fresh = 0, first = n;
    uint64_t bits = 0;
    int64_t last = 0;
    out->exponent = s->exponent;
    out->patch_count = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (exact(v[i], s->exponent, &last)) {
            first = first == n ? i : first;
        } else {
            if (search_meet(s, v[i]))
                return RAISED;
            fresh += out->patch_count == 0 || number_bits(v[i]) != bits;
            bits = number_bits(v[i]);
            out->places[out->patch_count++] = (uint16_t)i;
            if (fresh > s->fresh_max)
                return REFUSED;
        }
        m[i] = last;
    }
    for (uint32_t i = 0; i < first && first < n; i++)
        m[i] = m[first];
    return out->patch_count <= n - n / 4 ? SCALED : REFUSED;
}

/* Values past 2^63: the power of ten that brings the greatest below 2^53; 0 when
 * there are none. */
static int exponent_of_great(const double *v, uint32_t n)
{
    double greatest = 0;
    for (uint32_t i = 0; i < n; i++)
        if (isfinite(v[i]) && fabs(v[i]) > greatest)
            greatest = fabs(v[i]);
    if (greatest < 0x1p63)
        return 0;
    int exponent = 0;
    while (exponent > DECIMAL_EXPONENT_MIN && greatest / power[-exponent] >= 0x1p53)
        exponent--;
    return exponent;
}

bool decimal_scale(const double *v, uint32_t n, int64_t *m, struct decimal *out)
{
    enum outcome outcome;
    struct search s = {.fresh_max = n / 16 + 1};
    do {
        memset(s.longer, 0, sizeof s.longer);
        outcome = scale(v, n, m, out, &s);
    } while (outcome == RAISED);
    if (outcome == SCALED)
        return true;
    s.exponent = exponent_of_great(v, n);
    return s.exponent < 0 && scale(v, n, m, out, &s) == SCALED;
}
