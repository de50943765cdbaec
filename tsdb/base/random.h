/* random.h - the one source of randomness: a seeded generator (xoshiro256**,
 * https://prng.di.unimi.it), and the kernel's for secrets and seeds.  A
 * simulation replaces the seed, and everything that follows repeats. */
#ifndef TSDB_BASE_RANDOM_H
#define TSDB_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t s[4];
};

void random_init(struct random *r, uint64_t seed);
uint64_t random_next(struct random *r);
/* Uniform in [0, bound); bound > 0. */
uint64_t random_below(struct random *r, uint64_t bound);
/* Uniform in [0, 1). */
double random_unit(struct random *r);
/* From the kernel; aborts when it has none. */
void random_secret(void *out, size_t len);

#endif
