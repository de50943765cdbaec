/* text_same.h - whether two short texts are the same, without a call.
 *
 * Values and names have 5 to 30 bytes mostly; loads that overlap see all of them.
 */
#ifndef TSDB_COLUMNS_TEXT_SAME_H
#define TSDB_COLUMNS_TEXT_SAME_H

#include "tsdb/tsdb.h"

#include <string.h>

/* Whether n bytes at a and b, n <= 8, differ: 0 when not. */
static inline uint64_t text_same_part(const char *a, const char *b, size_t n)
{
    uint64_t x = 0, y = 0;
    memcpy(&x, a, n);
    memcpy(&y, b, n);
    return x ^ y;
}

static inline bool text_same(struct tsdb_text a, struct tsdb_text b)
{
    size_t n = a.len;
    if (n != b.len)
        return false;
    if (n > 32)
        return a.at == b.at || memcmp(a.at, b.at, n) == 0;
    if (n > 16) {
        const char *x = a.at + n - 16, *y = b.at + n - 16;
        return (text_same_part(a.at, b.at, 8) | text_same_part(a.at + 8, b.at + 8, 8) |
                text_same_part(x, y, 8) | text_same_part(x + 8, y + 8, 8)) == 0;
    }
    if (n >= 8)
        return (text_same_part(a.at, b.at, 8) | text_same_part(a.at + n - 8, b.at + n - 8, 8)) == 0;
    if (n >= 4)
        return (text_same_part(a.at, b.at, 4) | text_same_part(a.at + n - 4, b.at + n - 4, 4)) == 0;
    /* first, middle, last */
    return n == 0 ||
           (a.at[0] == b.at[0] && a.at[n / 2] == b.at[n / 2] && a.at[n - 1] == b.at[n - 1]);
}

#endif
