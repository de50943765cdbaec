#include "tsdb/codec/divisor.h"

#include "tsdb/base/assert.h"

#include <stdbool.h>

static uint64_t magnitude(int64_t x)
{
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

static bool is_power_of_two(uint64_t x)
{
    return x && (x & (x - 1)) == 0;
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

uint64_t divisor_find(const int64_t *v, uint32_t n)
{
    uint64_t gcd = 0;
    int64_t before = 0;
    for (uint32_t i = 0; i < n && gcd != 1; i++) {
        if (v[i] == before)
            continue;
        before = v[i];
        uint64_t x = magnitude(before);
        /* Mostly it divides; a mask or one division tells. */
        bool divides = is_power_of_two(gcd) ? (x & (gcd - 1)) == 0 : gcd && x % gcd == 0;
        if (!divides)
            gcd = gcd_of(x, gcd);
    }
    return gcd;
}

void divisor_apply(int64_t *v, uint32_t n, uint64_t divisor)
{
    ASSERT(divisor > 0);
    if (divisor == 1)
        return;
    if (is_power_of_two(divisor)) {
        unsigned shift = (unsigned)__builtin_ctzll(divisor);
        for (uint32_t i = 0; i < n; i++)
            v[i] >>= shift;
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        v[i] /= (int64_t)divisor;
}
