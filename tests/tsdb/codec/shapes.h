/* shapes.h - columns that codecs meet, and some that they should not.
 *
 * Every shape is a function of the generator's state, so a seed replays it.
 */
#ifndef TESTS_CODEC_SHAPES_H
#define TESTS_CODEC_SHAPES_H

#include "tsdb/base/random.h"
#include "tsdb/codec/number.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define STALE_BITS UINT64_C(0x7ff0000000000002)

/* TEST_SEED of the environment, or a fixed one; printed, so that a failure can
 * be replayed. */
static inline uint64_t shape_seed(void)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20260801;
    fprintf(stderr, "TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* Uniform in bit length, either sign. */
static inline int64_t shape_any_int(struct random *r)
{
    unsigned bits = (unsigned)random_below(r, 65);
    uint64_t x = bits ? random_next(r) >> (64 - bits) : 0;
    return (int64_t)(random_below(r, 2) ? x : 0 - x);
}

enum int_shape {
    INTS_ZERO,
    INTS_EQUAL,
    INTS_NARROW,
    INTS_AROUND_ZERO,
    INTS_SPARSE,
    INTS_OUTLIERS,
    INTS_RESETS,
    INTS_RAMP,
    INTS_ANY,
    INTS_EXTREMES,
    INTS_TAIL,
    INT_SHAPES,
};

static inline void shape_ints(struct random *r, enum int_shape shape, int64_t *v, uint32_t n)
{
    unsigned bits = 1 + (unsigned)random_below(r, 62);
    uint64_t mask = UINT64_MAX >> (64 - bits);
    int64_t base = shape_any_int(r), total = base;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t x = random_next(r) & mask;
        switch (shape) {
        case INTS_ZERO: v[i] = 0; break;
        case INTS_EQUAL: v[i] = base; break;
        case INTS_NARROW: v[i] = (int64_t)((uint64_t)base + x); break;
        case INTS_AROUND_ZERO: v[i] = (int64_t)x - (int64_t)(mask / 2); break;
        case INTS_SPARSE: v[i] = random_below(r, 20) ? 0 : (int64_t)random_below(r, 4); break;
        case INTS_OUTLIERS:
            v[i] = random_below(r, 30) ? (int64_t)(x & 255) : shape_any_int(r);
            break;
        case INTS_RESETS: v[i] = random_below(r, 50) ? (int64_t)(x >> 1) : -(int64_t)x; break;
        case INTS_RAMP: v[i] = total = (int64_t)((uint64_t)total + mask); break;
        case INTS_ANY: v[i] = shape_any_int(r); break;
        case INTS_EXTREMES: v[i] = random_below(r, 2) ? INT64_MAX : INT64_MIN; break;
        case INTS_TAIL: v[i] = i < n / 3 ? (int64_t)x : base; break;
        case INT_SHAPES: break;
        }
    }
}

enum float_shape {
    FLOATS_CONSTANT,
    FLOATS_COUNTER,
    FLOATS_COUNTER_RESETS,
    FLOATS_WALK,
    FLOATS_DECIMALS,
    FLOATS_FULL,
    FLOATS_FULL_SIGNED,
    FLOATS_SINGLE,
    FLOATS_NAN_MIX,
    FLOATS_NAN_RUNS,
    FLOATS_STEPS,
    FLOATS_BITS,
    FLOATS_ODD,
    FLOATS_BIG_ROUND,
    FLOATS_BIG_INTEGERS,
    FLOATS_MOSTLY_DECIMAL,
    FLOAT_SHAPES,
};

/* NaNs with payloads, zeros, infinities, subnormals, limits of integers. */
static inline double shape_odd(struct random *r)
{
    static const uint64_t odd[] = {
        STALE_BITS,
        0x7ff8000000000001,
        0xfff8000000000000,
        0x7ff0000000000000,
        0xfff0000000000000,
        0x8000000000000000,
        0,
        1,
        0x8000000000000001,
        0x000fffffffffffff,
        0x0010000000000000,
        0x7fefffffffffffff,
        0x4340000000000000,
        0x4340000000000001,
        0x433fffffffffffff,
        0x43e0000000000000,
        0xc3e0000000000000,
        0x3fb999999999999a,
        0x3fd3333333333334,
        0x4197d78400000000,
    };
    return number_from_bits(odd[random_below(r, sizeof odd / sizeof odd[0])]);
}

static inline double shape_power(unsigned exponent)
{
    double power = 1;
    while (exponent--)
        power *= 10;
    return power;
}

static inline void shape_floats(struct random *r, enum float_shape shape, double *v, uint32_t n)
{
    double power = shape_power((unsigned)random_below(r, 15));
    double level = (double)(random_next(r) >> (12 + random_below(r, 50)));
    double rate = (double)(random_next(r) >> (40 + random_below(r, 20))), total = level;
    double odd = shape_odd(r);
    for (uint32_t i = 0; i < n; i++) {
        double unit = random_unit(r);
        switch (shape) {
        case FLOATS_CONSTANT: v[i] = odd; break;
        case FLOATS_COUNTER: v[i] = total += floor(rate * unit); break;
        case FLOATS_COUNTER_RESETS:
            v[i] = total = random_below(r, 60) ? total + floor(rate * unit) : floor(rate * unit);
            break;
        case FLOATS_WALK: v[i] = total += rate * (unit - 0.5); break;
        case FLOATS_DECIMALS: v[i] = floor(1e6 * unit - 5e5) / power; break;
        case FLOATS_FULL: v[i] = (1 + rate) * unit; break;
        case FLOATS_FULL_SIGNED: v[i] = (1 + rate) * (unit - 0.5); break;
        case FLOATS_SINGLE: v[i] = (double)(float)(level * unit); break;
        case FLOATS_NAN_MIX:
            v[i] = random_below(r, 25) ? floor(100 * unit) / 100 : shape_odd(r);
            break;
        case FLOATS_NAN_RUNS:
            v[i] = i / 30 % 2 ? number_from_bits(STALE_BITS) : floor(50 * unit);
            break;
        case FLOATS_STEPS:
            v[i] = total = random_below(r, 40) ? total : level + floor(100 * unit);
            break;
        case FLOATS_BITS: v[i] = number_from_bits(random_next(r)); break;
        case FLOATS_ODD: v[i] = shape_odd(r); break;
        case FLOATS_BIG_ROUND: v[i] = floor(1000 * unit) * 1e21; break;
        case FLOATS_BIG_INTEGERS: v[i] = 1.7e18 + floor(1e6 * unit) * 1024; break;
        case FLOATS_MOSTLY_DECIMAL:
            v[i] = random_below(r, 40) ? floor(1000 * unit) / 10 : unit;
            break;
        case FLOAT_SHAPES: break;
        }
    }
}

/* Sizes around what matters: blocks of 128, and the limits. */
static inline uint32_t shape_size(struct random *r, uint32_t max)
{
    static const uint32_t sizes[] = {1,   2,   3,   4,   5,   127, 128, 129,
                                     130, 131, 255, 256, 257, 258, 480};
    if (random_below(r, 3))
        return sizes[random_below(r, sizeof sizes / sizeof sizes[0])];
    if (random_below(r, 40) == 0)
        return max;
    return 1 + (uint32_t)random_below(r, 1000);
}

#endif
