#include "tsdb/logql/unit_value.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"
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

/* ---- durations ------------------------------------------------------------------ */

static bool unit_ns(struct tsdb_text unit, int64_t *ns)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {
        {"ns", 1},         {"us", NS_PER_US}, {"\xc2\xb5s", NS_PER_US}, {"\xce\xbcs", NS_PER_US},
        {"ms", NS_PER_MS}, {"s", NS_PER_S},   {"m", NS_PER_MINUTE},     {"h", NS_PER_HOUR},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (text_equal(unit, text_of(units[i].name))) {
            *ns = units[i].ns;
            return true;
        }
    }
    return false;
}

struct span_text {
    const char *at, *end;
};

enum part_fault { PART_OK, PART_INVALID, PART_NO_UNIT, PART_UNKNOWN_UNIT };

/* "1.5h" at the front, as ns added to *total (at most 2^63). */
static enum part_fault part_read(struct span_text *s, uint64_t *total, struct tsdb_text *unit)
{
    const uint64_t most = UINT64_C(1) << 63;
    uint64_t whole = 0, fraction = 0, ns;
    double scale = 1;
    const char *from = s->at;
    for (; s->at < s->end && is_digit(*s->at); s->at++) {
        if (whole > most / 10)
            return PART_INVALID;
        whole = whole * 10 + (uint64_t)(*s->at - '0');
    }
    bool has_digits = s->at > from;
    if (s->at < s->end && *s->at == '.') {
        const char *point = s->at++;
        for (; s->at < s->end && is_digit(*s->at); s->at++) {
            if (fraction > (most - 1) / 10)
                continue; /* digits that no longer count */
            fraction = fraction * 10 + (uint64_t)(*s->at - '0');
            scale *= 10;
        }
        has_digits |= s->at > point + 1;
    }
    if (!has_digits || whole > most)
        return PART_INVALID;
    unit->at = s->at;
    while (s->at < s->end && *s->at != '.' && !is_digit(*s->at))
        s->at++;
    unit->len = (size_t)(s->at - unit->at);
    int64_t one;
    if (unit->len == 0)
        return PART_NO_UNIT;
    if (!unit_ns(*unit, &one))
        return PART_UNKNOWN_UNIT;
    if (__builtin_mul_overflow(whole, (uint64_t)one, &ns) || ns > most)
        return PART_INVALID;
    ns += (uint64_t)((double)fraction * ((double)one / scale));
    if (ns > most || *total > most - ns)
        return PART_INVALID;
    *total += ns;
    return PART_OK;
}

bool unit_duration(struct tsdb_text text, int64_t *ns, struct unit_fault *why)
{
    struct span_text s = {text.at, text.at + text.len};
    struct tsdb_text unit = {0};
    uint64_t total = 0;
    bool is_negative = text.len > 0 && *s.at == '-';
    if (text.len > 0 && (*s.at == '-' || *s.at == '+'))
        s.at++;
    if (s.end - s.at == 1 && *s.at == '0') {
        *ns = 0;
        return true;
    }
    enum part_fault fault = s.at == s.end ? PART_INVALID : PART_OK;
    while (fault == PART_OK && s.at < s.end)
        fault = part_read(&s, &total, &unit);
    if (fault == PART_OK && total > (uint64_t)INT64_MAX && !is_negative)
        fault = PART_INVALID;
    struct quoted shown = quoted_text(text, QUOTED_MAX);
    switch (fault) {
    case PART_OK: break;
    case PART_INVALID: return fail(why, "time: invalid duration %s", shown.at);
    case PART_NO_UNIT: return fail(why, "time: missing unit in duration %s", shown.at);
    case PART_UNKNOWN_UNIT:
        return fail(why, "time: unknown unit %s in duration %s", quoted_text(unit, 8).at, shown.at);
    }
    *ns = is_negative ? (int64_t)(0 - total) : (int64_t)total; /* -2^63 wraps to itself */
    return true;
}

/* ---- sizes -------------------------------------------------------------------- */

/* "kib", "k", "kb": letter and base; false: no size. */
static bool size_factor(struct tsdb_text unit, double *factor)
{
    static const char letters[] = "kmgtpe";
    if (unit.len == 0 || text_equal(unit, text_of("b"))) {
        *factor = 1;
        return true;
    }
    const char *letter = unit.at[0] != '\0' ? strchr(letters, unit.at[0]) : NULL;
    struct tsdb_text rest = {unit.at + 1, unit.len - 1};
    bool is_binary = text_equal(rest, text_of("i")) || text_equal(rest, text_of("ib"));
    if (!letter || (!is_binary && rest.len > 0 && !text_equal(rest, text_of("b"))))
        return false;
    *factor = 1;
    for (const char *l = letters; l <= letter; l++)
        *factor *= is_binary ? 1024 : 1000;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The unit behind the number, trimmed and in lower case, cut to what no unit reaches. */
static struct tsdb_text size_unit(struct tsdb_text rest, char out[QUOTED_MAX])
{
    size_t n = 0;
    while (rest.len > 0 && is_blank(rest.at[0])) {
        rest.at++;
        rest.len--;
    }
    while (rest.len > 0 && is_blank(rest.at[rest.len - 1]))
        rest.len--;
    for (; n < rest.len && n < QUOTED_MAX; n++)
        out[n] = rest.at[n] >= 'A' && rest.at[n] <= 'Z' ? (char)(rest.at[n] + 32) : rest.at[n];
    return (struct tsdb_text){out, n};
}

bool unit_bytes(struct tsdb_text text, double *out, struct unit_fault *why)
{
    char digits[64], letters[QUOTED_MAX];
    size_t n = 0, i = 0;
    for (; i < text.len && (is_digit(text.at[i]) || text.at[i] == '.' || text.at[i] == ','); i++) {
        if (text.at[i] != ',' && n < sizeof digits)
            digits[n++] = text.at[i];
    }
    double v, factor;
    if (n == sizeof digits || !unit_number((struct tsdb_text){digits, n}, &v, why))
        return fail(why, "strconv.ParseFloat: parsing %s: invalid syntax",
                    quoted_text((struct tsdb_text){digits, n}, QUOTED_MAX).at);
    struct tsdb_text unit = size_unit((struct tsdb_text){text.at + i, text.len - i}, letters);
    if (!size_factor(unit, &factor))
        return fail(why, "unhandled size name: %.*s", (int)unit.len, unit.at);
    v *= factor;
    if (v >= 18446744073709551616.0)
        return fail(why, "too large: %.*s", (int)(text.len < 64 ? text.len : 64), text.at);
    *out = floor(v);
    return true;
}
