/* divisor.h - the greatest common divisor of a column of int64.
 *
 * Milliseconds in nanoseconds, pages in bytes, float32 in doubles: what all
 * values share costs nothing once it is divided away.
 * Pure: no allocation, no I/O, no globals.
 */
#ifndef TSDB_CODEC_DIVISOR_H
#define TSDB_CODEC_DIVISOR_H

#include <stdint.h>

/* 0 when all values are 0; up to 2^63, the magnitude of INT64_MIN. */
uint64_t divisor_find(const int64_t *v, uint32_t n);

/* Divides each by what divides it.  By 2^63 is the one that gives -1 for
 * INT64_MIN: multiplied back modulo 2^64 it is the same. */
void divisor_apply(int64_t *v, uint32_t n, uint64_t divisor);

#endif
