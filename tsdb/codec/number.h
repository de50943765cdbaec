/* number.h - one double, bit for bit, short where it is short in decimal.
 *
 *   u8 head
 *     128..255  the integer head - 128
 *     0..14     svarint m follows; the number is m / 10^head
 *     15        le64 bits follow
 *     else      refused
 *
 * The encoder takes the first form that gives back the very bits, decimals
 * with |m| < 2^48 only (above, the bits are as short).
 * Pure: no allocation besides the writer, no I/O, no globals.
 */
#ifndef TSDB_CODEC_NUMBER_H
#define TSDB_CODEC_NUMBER_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"

#include <stdint.h>

enum { NUMBER_BYTES_MAX = 9 };

void number_encode(double v, struct writer *out);
/* Anything odd is a fault of the reader. */
double number_decode(struct reader *r);

/* The bits of a double, and back. */
static inline uint64_t number_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline double number_from_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

#endif
