#include "tsdb/logql/needle.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* How common a byte is in log lines, coarsely: 0 rare, 9 everywhere. */
static unsigned commonness(unsigned char c)
{
    if (c == ' ' || c == 'e' || c == 't' || c == '0' || c == '1')
        return 9;
    if (c != '\0' && strchr("aoinsrlcd", c))
        return 8;
    if (c != '\0' && strchr("23456789mpu=\":.-/", c))
        return 7;
    if (c >= 'a' && c <= 'z')
        return c == 'j' || c == 'q' || c == 'x' || c == 'z' ? 3 : 5;
    if (c == '_' || c == ',' || c == '{' || c == '}' || c == '\n')
        return 6;
    if (c >= 'A' && c <= 'Z')
        return 4;
    return c >= 0x80 ? 2 : 1;
}

struct needle needle_of(struct tsdb_text text)
{
    struct needle n = {.text = text};
    for (size_t i = 1; i < text.len; i++)
        if (commonness((unsigned char)text.at[i]) < commonness((unsigned char)text.at[n.first]))
            n.first = i;
    n.second = n.first == 0 && text.len > 1 ? 1 : 0;
    for (size_t i = 0; i < text.len; i++)
        if (i != n.first &&
            commonness((unsigned char)text.at[i]) < commonness((unsigned char)text.at[n.second]))
            n.second = i;
    if (n.second < n.first) {
        size_t first = n.second;
        n.second = n.first;
        n.first = first;
    }
    return n;
}

#ifdef __SSE2__

/* Bit i: both bytes are where they must be when the needle begins at at + i. */
static unsigned candidates(const struct needle *n, const char *at, __m128i first, __m128i second)
{
    __m128i a = _mm_loadu_si128((const __m128i_u *)(const void *)(at + n->first));
    __m128i b = _mm_loadu_si128((const __m128i_u *)(const void *)(at + n->second));
    __m128i both = _mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, second));
    return (unsigned)_mm_movemask_epi8(both);
}

const char *needle_find(const struct needle *n, const char *at, size_t len)
{
    size_t want = n->text.len;
    if (want == 0)
        return at;
    if (want > len)
        return NULL;
    if (want == 1)
        return memchr(at, n->text.at[0], len);
    __m128i first = _mm_set1_epi8(n->text.at[n->first]);
    __m128i second = _mm_set1_epi8(n->text.at[n->second]);
    size_t i = 0, starts = len - want + 1; /* where a needle may begin */
    while (i + 32 <= starts) {
        unsigned mask =
            candidates(n, at + i, first, second) | candidates(n, at + i + 16, first, second) << 16;
        for (; mask; mask &= mask - 1) {
            const char *found = at + i + (unsigned)__builtin_ctz(mask);
            if (memcmp(found, n->text.at, want) == 0)
                return found;
        }
        i += 32;
    }
    for (; i < starts; i++)
        if (at[i + n->first] == n->text.at[n->first] && memcmp(at + i, n->text.at, want) == 0)
            return at + i;
    return NULL;
}

#else

const char *needle_find(const struct needle *n, const char *at, size_t len)
{
    return n->text.len == 0 ? at : memmem(at, len, n->text.at, n->text.len);
}

#endif
