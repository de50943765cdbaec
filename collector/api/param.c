#include "collector/api/param.h"

#include "collector/self/period.h"
#include "collector/self/rfc3339.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <math.h>
#include <string.h>

enum { SHOWN_MAX = 100 };

static int shown(struct tsdb_text text)
{
    return text.len > SHOWN_MAX ? SHOWN_MAX : (int)text.len;
}

static int64_t clamp_seconds(double seconds)
{
    if (seconds >= 9.2e9)
        return INT64_MAX;
    if (seconds <= -9.2e9)
        return INT64_MIN;
    double whole = floor(seconds);
    int64_t ms = (int64_t)round((seconds - whole) * 1000);
    return (int64_t)whole * NS_PER_S + ms * NS_PER_MS;
}

enum tsdb_status param_time(struct tsdb_text text, int64_t *ns, struct tsdb_error *err)
{
    static const char least[] = "-292273086-05-16T16:47:06Z";
    static const char greatest[] = "292277025-08-18T07:12:54.999999999Z";
    double seconds;
    if (double_parse(text, &seconds) && !isnan(seconds)) {
        *ns = clamp_seconds(seconds);
        return TSDB_OK;
    }
    if (rfc3339_parse(text, ns))
        return TSDB_OK;
    if (text_equal(text, text_of(least)) || text_equal(text, text_of(greatest))) {
        *ns = text.at[0] == '-' ? INT64_MIN : INT64_MAX;
        return TSDB_OK;
    }
    return tsdb_fail(err, TSDB_EINVAL, "cannot parse \"%.*s\" to a valid timestamp", shown(text),
                     text.len ? text.at : "");
}

enum tsdb_status param_duration(struct tsdb_text text, int64_t *ns, struct tsdb_error *err)
{
    double seconds;
    if (double_parse(text, &seconds) && !isnan(seconds)) {
        double whole = seconds * (double)NS_PER_S;
        if (whole >= 0x1p63 || whole < -0x1p63)
            return tsdb_fail(err, TSDB_EINVAL,
                             "cannot parse \"%.*s\" to a valid duration. It overflows int64",
                             shown(text), text.at);
        *ns = (int64_t)whole;
        return TSDB_OK;
    }
    if (period_parse(text, ns))
        return TSDB_OK;
    return tsdb_fail(err, TSDB_EINVAL, "cannot parse \"%.*s\" to a valid duration", shown(text),
                     text.len ? text.at : "");
}

/* The unit at p; how long it is, or 0. */
static size_t unit_parse(const char *p, size_t left, double *ns)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {/* longer ones first */
                 {"ns", 1},   {"us", 1e3}, {"\u00b5s", 1e3}, {"\u03bcs", 1e3},
                 {"ms", 1e6}, {"s", 1e9},  {"m", 60e9},      {"h", 3600e9}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t n = strlen(units[i].name);
        if (left >= n && memcmp(p, units[i].name, n) == 0) {
            *ns = units[i].ns;
            return n;
        }
    }
    return 0;
}

static size_t digits_parse(const char *p, size_t left, double *value)
{
    size_t n = 0;
    double scale = 1;
    bool has_point = false;
    *value = 0;
    for (; n < left && ((p[n] >= '0' && p[n] <= '9') || (p[n] == '.' && !has_point)); n++) {
        if (p[n] == '.') {
            has_point = true;
            continue;
        }
        *value = *value * 10 + (p[n] - '0');
        scale *= has_point ? 10 : 1;
    }
    *value /= scale;
    return n == 1 && has_point ? 0 : n;
}

enum tsdb_status param_go_duration(struct tsdb_text text, int64_t *ns, struct tsdb_error *err)
{
    double sum = 0, value, unit;
    bool is_valid = text.len > 0;
    for (size_t i = 0; is_valid && i < text.len;) {
        size_t digits = digits_parse(text.at + i, text.len - i, &value);
        size_t name = unit_parse(text.at + i + digits, text.len - i - digits, &unit);
        is_valid = digits > 0 && name > 0;
        sum += is_valid ? value * unit : 0;
        i += digits + name;
    }
    is_valid = is_valid || text_equal(text, text_of("0"));
    if (!is_valid || !(sum < 0x1p63)) /* NaN, too */
        return tsdb_fail(err, TSDB_EINVAL, "cannot parse \"%.*s\" to a valid duration", shown(text),
                         text.len ? text.at : "");
    *ns = (int64_t)llround(sum);
    return TSDB_OK;
}

enum tsdb_status param_limit(struct tsdb_text text, uint64_t *limit, struct tsdb_error *err)
{
    uint64_t n = 0;
    bool is_number = text.len > 0 && text.len < 19;
    for (size_t i = 0; is_number && i < text.len; i++) {
        is_number = text.at[i] >= '0' && text.at[i] <= '9';
        n = n * 10 + (uint64_t)(text.at[i] - '0');
    }
    if (!is_number)
        return tsdb_fail(err, TSDB_EINVAL, "limit must be a non-negative number, got \"%.*s\"",
                         shown(text), text.len ? text.at : "");
    *limit = n;
    return TSDB_OK;
}

static size_t utf8_encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)(n == 2 ? 0xc0 | code : n == 3 ? 0xe0 | code : 0xf0 | code);
    return n;
}

/* The code point of "_2e_" at p; its length, or 0. */
static size_t escape_parse(const char *p, size_t left, uint32_t *code)
{
    *code = 0;
    for (size_t i = 1; i < left && i <= 7; i++) {
        char c = p[i];
        if (c == '_')
            return i > 1 && *code <= 0x10ffff ? i + 1 : 0;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return 0;
        *code = *code << 4 | digit;
    }
    return 0;
}

/* False: not an escaped name after all. */
static bool unescape(struct tsdb_text in, char *out, size_t *len)
{
    *len = 0;
    for (size_t i = 3; i < in.len;) {
        uint32_t code;
        size_t n;
        if (in.at[i] != '_') {
            out[(*len)++] = in.at[i++];
        } else if (i + 1 < in.len && in.at[i + 1] == '_') {
            out[(*len)++] = '_';
            i += 2;
        } else if ((n = escape_parse(in.at + i, in.len - i, &code)) > 0) {
            *len += utf8_encode(code, out + *len); /* never longer than its escape */
            i += n;
        } else {
            return false;
        }
    }
    return true;
}

enum tsdb_status param_label_name(struct arena *arena, struct tsdb_text in, struct tsdb_text *out)
{
    struct tsdb_text name = in;
    if (in.len > 3 && memcmp(in.at, "U__", 3) == 0) {
        char *to = ARENA_ARRAY(arena, char, in.len);
        if (!to)
            return TSDB_ELIMIT;
        size_t len;
        if (unescape(in, to, &len))
            name = (struct tsdb_text){to, len};
    }
    if (name.len == 0 || !utf8_check(name.at, name.len))
        return TSDB_EINVAL;
    *out = name;
    return TSDB_OK;
}
