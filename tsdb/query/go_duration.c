#include "tsdb/query/go_duration.h"

#include "tsdb/base/text.h"

#include <inttypes.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

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

bool go_duration_parse(struct tsdb_text text, int64_t *ns)
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

/* value / unit, with as many digits behind the point as it takes. */
static void put_fraction(uint64_t value, uint64_t unit, const char *name, struct writer *out)
{
    writer_format(out, "%" PRIu64, value / unit);
    uint64_t rest = value % unit;
    if (rest > 0)
        writer_u8(out, '.');
    while (rest > 0) {
        unit /= 10;
        writer_u8(out, (uint8_t)('0' + rest / unit));
        rest %= unit;
    }
    writer_text(out, name);
}

void go_duration_format(int64_t ns, struct writer *out)
{
    const uint64_t second = 1000000000;
    uint64_t left = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    if (ns < 0)
        writer_u8(out, '-');
    if (left == 0)
        writer_text(out, "0s");
    else if (left < 1000)
        put_fraction(left, 1, "ns", out);
    else if (left < 1000000)
        put_fraction(left, 1000, "\xc2\xb5s", out);
    else if (left < second)
        put_fraction(left, 1000000, "ms", out);
    else {
        if (left >= 3600 * second)
            writer_format(out, "%" PRIu64 "h", left / (3600 * second));
        if (left >= 60 * second)
            writer_format(out, "%" PRIu64 "m", left / (60 * second) % 60);
        put_fraction(left % (60 * second), second, "s", out);
    }
}
