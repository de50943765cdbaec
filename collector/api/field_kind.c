#include "collector/api/field_kind.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <string.h>

enum { NUMBER_TEXT_MAX = 40 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of "12" or "12.5" at the start; 0: there is none. */
static size_t number_length(struct tsdb_text text, bool *has_point)
{
    size_t i = 0, digits = 0;
    *has_point = false;
    for (; i < text.len && (is_digit(text.at[i]) || (text.at[i] == '.' && !*has_point)); i++) {
        *has_point = *has_point || text.at[i] == '.';
        digits += is_digit(text.at[i]);
    }
    return digits > 0 ? i : 0;
}

static struct tsdb_text after(struct tsdb_text text, size_t n)
{
    return (struct tsdb_text){text.at + n, text.len - n};
}

static size_t unit_length(struct tsdb_text text, const char *const *units, size_t count)
{
    size_t best = 0;
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(units[i]);
        if (n > best && text.len >= n && memcmp(text.at, units[i], n) == 0)
            best = n;
    }
    return best;
}

static bool is_duration(struct tsdb_text text)
{
    static const char *const units[] = {"ns", "us", "\u00b5s", "\u03bcs", "ms", "s", "m", "h"};
    bool has_point;
    if (text.len == 0)
        return false;
    while (text.len > 0) {
        size_t n = number_length(text, &has_point);
        struct tsdb_text rest = after(text, n);
        size_t unit = n ? unit_length(rest, units, sizeof units / sizeof units[0]) : 0;
        if (unit == 0)
            return false;
        text = after(rest, unit);
    }
    return true;
}

static bool is_bytes(struct tsdb_text text)
{
    static const char *const units[] = {"B",   "kB",  "KB",  "MB",  "GB",  "TB",  "PB",  "EB",
                                        "b",   "kb",  "mb",  "gb",  "tb",  "KiB", "MiB", "GiB",
                                        "TiB", "PiB", "EiB", "kib", "mib", "gib", "tib"};
    bool has_point;
    size_t n = number_length(text, &has_point);
    if (n == 0)
        return false;
    text = after(text, n);
    if (text.len > 0 && text.at[0] == ' ')
        text = after(text, 1);
    return text.len > 0 && unit_length(text, units, sizeof units / sizeof units[0]) == text.len;
}

/* Digits with a point or an exponent: no words, no hexadecimal. */
static bool is_float(struct tsdb_text text)
{
    double value;
    for (size_t i = 0; i < text.len; i++)
        if (!is_digit(text.at[i]) && !strchr("+-.eE", text.at[i]))
            return false;
    return text.len <= NUMBER_TEXT_MAX && double_parse(text, &value);
}

enum field_kind field_kind_of(struct tsdb_text value)
{
    struct tsdb_text magnitude = value;
    bool has_point;
    if (text_equal(value, text_of("true")) || text_equal(value, text_of("false")))
        return FIELD_BOOLEAN;
    if (value.len > 0 && value.at[0] == '-')
        magnitude = after(value, 1);
    if (magnitude.len == 0 || memchr(magnitude.at, 0, magnitude.len))
        return FIELD_STRING;
    if (number_length(magnitude, &has_point) == magnitude.len && !has_point &&
        magnitude.len <= NUMBER_TEXT_MAX)
        return FIELD_INT;
    if (is_float(value))
        return FIELD_FLOAT;
    if (is_duration(magnitude))
        return FIELD_DURATION;
    return is_bytes(value) ? FIELD_BYTES : FIELD_STRING;
}

enum field_kind field_kind_merge(unsigned kinds)
{
    for (int kind = 0; kind < FIELD_KIND_COUNT; kind++)
        if (kinds == 1u << kind)
            return (enum field_kind)kind;
    return kinds == (1u << FIELD_INT | 1u << FIELD_FLOAT) ? FIELD_FLOAT : FIELD_STRING;
}

const char *field_kind_name(enum field_kind kind)
{
    static const char *const names[] = {"string", "int", "float", "duration", "bytes", "boolean"};
    ASSERT(kind < FIELD_KIND_COUNT);
    return names[kind];
}
