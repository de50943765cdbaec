#include "tsdb/logql/unit_value.h"

#include "tsdb/base/text.h"
#include "tsdb/logql/ast.h"
#include "tsdb/query/go_duration.h"
#include "tsdb/query/quote.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { QUOTED_MAX = 32 }; /* characters of a value that a message shows */

__attribute__((format(printf, 2, 3))) static bool fail(struct unit_fault *why, const char *fmt, ...)
{
    if (!why)
        return false;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(why->why, sizeof why->why, fmt, args);
    va_end(args);
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Up to fifteen digits with a point among them: an integer over a power of ten, both exact. */
static bool plain_number(struct tsdb_text t, double *out)
{
    static const double powers[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    uint64_t v = 0;
    size_t digits = 0, fraction = 0, i = t.len > 0 && t.at[0] == '-';
    bool has_point = false;
    for (; i < t.len && digits <= 15; i++) {
        if (t.at[i] == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (!is_digit(t.at[i]))
            return false;
        v = v * 10 + (uint64_t)(t.at[i] - '0');
        digits++;
        fraction += has_point;
    }
    if (i < t.len || digits == 0 || digits > 15)
        return false;
    double d = (double)v / powers[fraction];
    *out = t.at[0] == '-' ? -d : d;
    return true;
}

bool unit_number(struct tsdb_text text, double *out, struct unit_fault *why)
{
    double v;
    if (plain_number(text, out))
        return true;
    if (!double_parse(text, &v))
        return fail(why, "strconv.ParseFloat: parsing %s: invalid syntax",
                    quoted_text(text, QUOTED_MAX).at);
    if (isinf(v) && text.len > 0 &&
        (is_digit(text.at[text.len - 1]) || text.at[text.len - 1] == '.'))
        return fail(why, "strconv.ParseFloat: parsing %s: value out of range",
                    quoted_text(text, QUOTED_MAX).at);
    *out = v;
    return true;
}

/* ---- why not -------------------------------------------------------------------- */

/* Go names the first part that is wrong. */
static bool duration_fault(struct tsdb_text text, struct unit_fault *why)
{
    struct quoted shown = quoted_text(text, QUOTED_MAX);
    size_t at = text.len > 0 && (text.at[0] == '-' || text.at[0] == '+');
    while (at < text.len) {
        size_t begin = at;
        bool has_digit = false;
        for (; at < text.len && (is_digit(text.at[at]) || text.at[at] == '.'); at++)
            has_digit |= text.at[at] != '.';
        if (!has_digit)
            break;
        begin = at;
        while (at < text.len && !is_digit(text.at[at]) && text.at[at] != '.')
            at++;
        struct tsdb_text unit = {text.at + begin, at - begin};
        if (unit.len == 0)
            return fail(why, "time: missing unit in duration %s", shown.at);
        char one[8] = "1";
        int64_t ns;
        if (unit.len < sizeof one)
            memcpy(one + 1, unit.at, unit.len);
        if (unit.len >= sizeof one ||
            !go_duration_parse((struct tsdb_text){one, unit.len + 1}, &ns))
            return fail(why, "time: unknown unit %s in duration %s", quoted_text(unit, 8).at,
                        shown.at);
    }
    return fail(why, "time: invalid duration %s", shown.at);
}

bool unit_duration(struct tsdb_text text, int64_t *ns, struct unit_fault *why)
{
    return go_duration_parse(text, ns) || (why && duration_fault(text, why));
}

static bool bytes_fault(struct tsdb_text text, struct unit_fault *why)
{
    char digits[64];
    size_t n = 0, at = 0;
    double v;
    for (; at < text.len && (is_digit(text.at[at]) || text.at[at] == '.' || text.at[at] == ',');
         at++)
        if (text.at[at] != ',' && n < sizeof digits)
            digits[n++] = text.at[at];
    if (!unit_number((struct tsdb_text){digits, n}, &v, why))
        return false;
    struct tsdb_text rest = {text.at + at, text.len - at};
    int shown = rest.len < 64 ? (int)rest.len : 64;
    return fail(why, "unhandled size name: %.*s", shown, rest.at);
}

bool unit_bytes(struct tsdb_text text, double *out, struct unit_fault *why)
{
    return logql_bytes(text, out) || (why && bytes_fault(text, why));
}
