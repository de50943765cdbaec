/* decimal.h - doubles that are decimal numbers, as scaled integers.
 *
 * A double v is the decimal m / 10^e when the nearest double of that quotient
 * is v, bit for bit.  One exponent serves a whole column: the least with which
 * all but a few values are exact.  The few (and NaN, infinities, -0) are
 * patches: their places are listed and m repeats the neighbour there.
 *
 * Patches are refused past one in sixteen, not counting those whose bits repeat
 * the patch before; those may be three of four values.
 * Pure: no allocation, no I/O, no globals.
 */
#ifndef TSDB_CODEC_DECIMAL_H
#define TSDB_CODEC_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    DECIMAL_EXPONENT_MIN = -22, /* 10^22 is the last power exact in a double */
    DECIMAL_EXPONENT_MAX = 14,
    DECIMAL_MAX = 8192, /* values in a column */
};

struct decimal {
    int exponent;
    uint32_t patch_count;
    uint16_t places[DECIMAL_MAX];
};

/* m / 10^exponent, or m * 10^-exponent when it is negative. */
double decimal_value(int64_t m, int exponent);
void decimal_values(const int64_t *m, uint32_t n, int exponent, double *v);

/* Whether v is exact with the exponent (0..DECIMAL_EXPONENT_MAX); then *m is
 * its integer, of magnitude below 2^53, with exponent 0 below 2^63. */
bool decimal_exact(double v, int exponent, int64_t *m);

/* False when the column is not decimal; then m[] and *out are unspecified. */
bool decimal_scale(const double *v, uint32_t n, int64_t *m, struct decimal *out);

#endif
