/* text.h - small facts about text: UTF-8, numbers, comparison.
 *
 * double_format writes the shortest decimal that reads back as the same
 * double, in Go's strconv.FormatFloat(v, 'f', -1) form ("0.1", "1e+21" never;
 * "NaN", "+Inf", "-Inf"), which is what Prometheus clients parse.
 */
#ifndef TSDB_BASE_TEXT_H
#define TSDB_BASE_TEXT_H

#include "tsdb/tsdb.h"

enum { DOUBLE_TEXT_MAX = 352 }; /* -2^-1074 in full: sign, "0.", 323 + 17 digits */

static inline struct tsdb_text text_of(const char *z)
{
    return (struct tsdb_text){z, __builtin_strlen(z)};
}

bool text_equal(struct tsdb_text a, struct tsdb_text b);
/* Bytewise; <0, 0, >0. */
int text_compare(struct tsdb_text a, struct tsdb_text b);
/* Well-formed per Unicode 15 table 3-7 (no surrogates, no overlong forms). */
bool utf8_check(const char *at, size_t len);

/* RFC 4648, section 4: the digits, and in text with padding.  out has room for
 * BASE64_BYTES(len), or 2 * len for lower-case hex; returns the length, without a NUL. */
#define BASE64_BYTES(len) (((len) + 2) / 3 * 4)
extern const char base64_digits[65];
size_t base64_encode(const void *at, size_t len, char *out);
size_t hex_encode(const void *at, size_t len, char *out);

/* Returns the length; out is not NUL-terminated. */
size_t double_format(double v, char out[DOUBLE_TEXT_MAX]);
/* With an exponent where Go's 'g' form has one (exponent < -4 or >= 21). */
size_t double_format_g(double v, char out[DOUBLE_TEXT_MAX]);
size_t i64_format(int64_t v, char out[24]);
/* The whole text must be a number (also Inf, NaN, hex); locale-free. */
bool double_parse(struct tsdb_text text, double *out);

#endif
