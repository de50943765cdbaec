/* Durations and sizes as Go's time.ParseDuration and humanize.ParseBytes read them. */
#include "tsdb/logql/ast.h"

#include "tsdb/base/text.h"

#include <math.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- durations ----------------------------------------------------------------- */

static const struct {
    const char *name;
    int64_t ns;
} duration_units[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000}, /* micro sign */
    {"\xce\xbcs", 1000}, /* Greek mu */
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", INT64_C(60000000000)},
    {"h", INT64_C(3600000000000)},
};

static int64_t duration_unit(struct tsdb_text name)
{
    for (size_t i = 0; i < sizeof duration_units / sizeof duration_units[0]; i++)
        if (text_equal(name, text_of(duration_units[i].name)))
            return duration_units[i].ns;
    return 0;
}

/* The whole digits at text.at[*at], moved over; false: they pass int64. */
static bool take_digits(struct tsdb_text text, size_t *at, int64_t *out)
{
    *out = 0;
    for (; *at < text.len && is_digit(text.at[*at]); ++*at)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, text.at[*at] - '0', out))
            return false;
    return true;
}

/* What stands behind the point: digits, and ten to the power of how many.  Those that pass
 * int64 count for less than a nanosecond. */
struct fraction {
    double digits, scale;
};

static struct fraction take_fraction(struct tsdb_text text, size_t *at)
{
    int64_t value = 0;
    double scale = 1;
    for (; *at < text.len && is_digit(text.at[*at]); ++*at) {
        if (value > (INT64_MAX - 9) / 10)
            continue;
        value = value * 10 + (text.at[*at] - '0');
        scale *= 10;
    }
    return (struct fraction){(double)value, scale};
}

/* "1.5h" at *at; false: it is none, or the sum passes int64. */
static bool take_span(struct tsdb_text text, size_t *at, int64_t *sum)
{
    size_t begin = *at;
    int64_t whole, span;
    struct fraction fraction = {0, 1};
    if (!take_digits(text, at, &whole))
        return false;
    size_t digits = *at - begin;
    if (*at < text.len && text.at[*at] == '.') {
        size_t point = ++*at;
        fraction = take_fraction(text, at);
        digits += *at - point;
    }
    size_t unit_at = *at;
    while (*at < text.len && !is_digit(text.at[*at]) && text.at[*at] != '.')
        ++*at;
    int64_t unit = duration_unit((struct tsdb_text){text.at + unit_at, *at - unit_at});
    return digits > 0 && unit > 0 && !__builtin_mul_overflow(whole, unit, &span) &&
           !__builtin_add_overflow(
               span, (int64_t)(fraction.digits * ((double)unit / fraction.scale)), &span) &&
           !__builtin_add_overflow(*sum, span, sum);
}

bool logql_duration_ns(struct tsdb_text text, int64_t *ns)
{
    size_t at = 0;
    int64_t sum = 0;
    bool is_negative = text.len > 0 && text.at[0] == '-';
    if (text.len > 0 && (text.at[0] == '-' || text.at[0] == '+'))
        at++;
    if (text.len - at == 1 && text.at[at] == '0')
        at++;
    else if (at == text.len)
        return false;
    while (at < text.len)
        if (!take_span(text, &at, &sum))
            return false;
    *ns = is_negative ? -sum : sum;
    return true;
}

double logql_seconds(int64_t ns)
{
    int64_t whole = ns / 1000000000;
    return (double)whole + (double)(ns % 1000000000) / 1e9;
}

bool logql_duration(struct tsdb_text text, double *seconds)
{
    int64_t ns;
    if (!logql_duration_ns(text, &ns))
        return false;
    *seconds = logql_seconds(ns);
    return true;
}

/* ---- sizes --------------------------------------------------------------------- */

enum { SIZE_NUMBER_MAX = 64 };

/* 1000 or 1024 to the power that the unit's letter says; 0: no unit. */
static double size_unit(struct tsdb_text unit)
{
    static const char letters[] = "kmgtpe";
    char lower[4] = "";
    size_t n = 0;
    if (unit.len > 3)
        return 0;
    for (; n < unit.len; n++)
        lower[n] = (char)(unit.at[n] >= 'A' && unit.at[n] <= 'Z' ? unit.at[n] | 0x20 : unit.at[n]);
    if (n == 0 || (n == 1 && lower[0] == 'b'))
        return 1;
    const char *letter = strchr(letters, lower[0]);
    const char *rest = lower + 1;
    bool is_binary = *rest == 'i';
    rest += is_binary;
    if (!letter || (*rest != '\0' && strcmp(rest, "b") != 0))
        return 0;
    return pow(is_binary ? 1024 : 1000, (double)(letter - letters + 1));
}

bool logql_bytes(struct tsdb_text text, double *bytes)
{
    char number[SIZE_NUMBER_MAX];
    size_t at = 0, n = 0;
    double value;
    for (; at < text.len && (is_digit(text.at[at]) || text.at[at] == '.' || text.at[at] == ',');
         at++) {
        if (text.at[at] == ',')
            continue;
        if (n == sizeof number)
            return false;
        number[n++] = text.at[at];
    }
    if (n == 0 || !double_parse((struct tsdb_text){number, n}, &value))
        return false;
    while (at < text.len && text.at[at] == ' ')
        at++;
    while (at < text.len && text.at[text.len - 1] == ' ')
        text.len--;
    double unit = size_unit((struct tsdb_text){text.at + at, text.len - at});
    if (unit == 0 || !(value * unit < 0x1p64))
        return false;
    *bytes = trunc(value * unit);
    return true;
}
