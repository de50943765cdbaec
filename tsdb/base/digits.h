/* digits.h - the fewest decimal digits that name a double.
 *
 * The C++ library's std::to_chars (Ryu: Ulf Adams, PLDI 2018) behind a C face: some
 * 50 ns a number, where trying %.15g to %.17g and reading back takes a microsecond.
 * Pure.
 */
#ifndef TSDB_BASE_DIGITS_H
#define TSDB_BASE_DIGITS_H

#include <stddef.h>

enum { DIGITS_MAX = 17 };

/* Of a finite v >= 0: v = 0.d1d2d3... * 10^exponent; returns how many digits, without
 * zeros at the end (0 has one digit). */
size_t digits_shortest(double v, char digits[DIGITS_MAX], int *exponent);

#endif
