#include "tsdb/codec/decimal.h"

#include "tsdb/codec/number.h"

#include <math.h>

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
    uint32_t patches_max;                      /* whose bits do not repeat */
    uint32_t patches, repeats;                 /* inexact with every exponent */
    uint32_t longer[DECIMAL_EXPONENT_MAX + 1]; /* exact from this exponent on only */
    uint64_t bits;                             /* of the last of `patches` */
};

/* Raises the exponent until few enough values ask for a higher one. */
static void search_raise(struct search *s)
{
    uint32_t above = 0;
    int exponent = DECIMAL_EXPONENT_MAX;
    while (exponent > s->exponent && above + s->longer[exponent] <= s->patches_max / 2)
        above += s->longer[exponent--];
    s->exponent = exponent;
}

/* Counts a value that is not exact with the exponent so far. */
static void search_meet(struct search *s, double v)
{
    int64_t m;
    for (int exponent = s->exponent + 1; exponent <= DECIMAL_EXPONENT_MAX && isfinite(v);
         exponent++) {
        if (decimal_exact(v, exponent, &m)) {
            s->longer[exponent]++;
            search_raise(s);
            return;
        }
    }
    if (s->patches && s->bits == number_bits(v))
        s->repeats++;
    else
        s->patches++;
    s->bits = number_bits(v);
}

/* Values past 2^63: the power of ten that brings the greatest below 2^53. */
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

/* False when too many values are exact with no exponent. */
static bool exponent_find(const double *v, uint32_t n, struct search *s)
{
    int64_t m;
    for (uint32_t i = 0; i < n; i++) {
        if (decimal_exact(v[i], s->exponent, &m))
            continue;
        search_meet(s, v[i]);
        if (s->patches > s->patches_max)
            return false;
    }
    return true;
}

bool decimal_scale(const double *v, uint32_t n, int64_t *m, struct decimal *out)
{
    struct search s = {.patches_max = n / 16 + 1};
    if (!exponent_find(v, n, &s)) {
        s.exponent = exponent_of_great(v, n);
        if (s.exponent == 0)
            return false;
    }
    out->exponent = s.exponent;
    out->patch_count = 0;
    uint32_t fresh = 0, first = n;
    uint64_t bits = 0;
    int64_t last = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (exact(v[i], s.exponent, &last)) {
            first = first == n ? i : first;
        } else {
            fresh += out->patch_count == 0 || number_bits(v[i]) != bits;
            bits = number_bits(v[i]);
            out->places[out->patch_count++] = (uint16_t)i;
            if (fresh > s.patches_max)
                return false;
        }
        m[i] = last;
    }
    for (uint32_t i = 0; i < first && first < n; i++)
        m[i] = m[first];
    return out->patch_count <= n - n / 4;
}
