extern "C" {
#include "tsdb/base/digits.h"
}

#include <charconv>

size_t digits_shortest(double v, char digits[DIGITS_MAX], int *exponent)
{
    char text[32]; /* 24 are enough: d.dddddddddddddddde-308 */
    std::to_chars_result end =
        std::to_chars(text, text + sizeof text, v, std::chars_format::scientific);
    size_t n = 0;
    const char *p = text;
    for (; p < end.ptr && *p != 'e'; p++)
        if (*p != '.')
            digits[n++] = *p;
    int e = 0;
    bool is_negative = p[1] == '-';
    for (p += 2; p < end.ptr; p++)
        e = e * 10 + (*p - '0');
    *exponent = (is_negative ? -e : e) + 1;
    return n;
}
