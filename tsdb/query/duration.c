#include "tsdb/query/duration.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/quote.h"

#include <math.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

static const struct unit {
    char name[4];
    bool is_exact; /* printed only when nothing remains below it */
    int64_t ms;
} units[] = {
    {"y", true, INT64_C(365) * 24 * 3600 * 1000},
    {"w", true, INT64_C(7) * 24 * 3600 * 1000},
    {"d", false, INT64_C(24) * 3600 * 1000},
    {"h", false, INT64_C(3600) * 1000},
    {"m", false, INT64_C(60) * 1000},
    {"s", false, 1000},
    {"ms", false, 1},
};

enum { UNITS = sizeof units / sizeof units[0] };

void duration_format(int64_t ns, struct writer *out)
{
    ASSERT(ns >= 0);
    if (ns % NS_PER_MS != 0) {
        writer_format(out, "%lld.%09lld", (long long)(ns / NS_PER_S), (long long)(ns % NS_PER_S));
        while (out->at[out->len - 1] == '0')
            out->len--;
        return;
    }
    int64_t ms = ns / NS_PER_MS;
    if (ms == 0)
        writer_text(out, "0s");
    for (size_t i = 0; i < UNITS; i++) {
        int64_t count = ms / units[i].ms;
        if (count == 0 || (units[i].is_exact && ms % units[i].ms != 0))
            continue;
        char text[24];
        writer_put(out, text, i64_format(count, text));
        writer_text(out, units[i].name);
        ms -= count * units[i].ms;
    }
}

static size_t run_of(struct tsdb_text text, size_t at, bool is_digits)
{
    size_t n = 0;
    while (at + n < text.len && (text.at[at + n] >= '0' && text.at[at + n] <= '9') == is_digits)
        n++;
    return n;
}

static size_t unit_find(struct tsdb_text name)
{
    size_t i = 0;
    while (i < UNITS && !text_equal(name, text_of(units[i].name)))
        i++;
    return i;
}

static bool add_units(int64_t *ms, struct tsdb_text digits, int64_t unit_ms)
{
    int64_t count = 0, span;
    for (size_t i = 0; i < digits.len; i++)
        if (__builtin_mul_overflow(count, 10, &count) ||
            __builtin_add_overflow(count, digits.at[i] - '0', &count))
            return false;
    return !__builtin_mul_overflow(count, unit_ms, &span) &&
           !__builtin_add_overflow(*ms, span, ms) && *ms <= INT64_MAX / NS_PER_MS;
}

enum tsdb_status duration_parse(struct tsdb_text text, int64_t *ns, struct tsdb_error *err)
{
    int64_t ms = 0;
    size_t at = 0, least = 0; /* the next unit's index is at least that */
    if (text.len == 0)
        return tsdb_fail(err, TSDB_EINVAL, "empty duration string");
    if (text_equal(text, text_of("0"))) {
        *ns = 0;
        return TSDB_OK;
    }
    while (at < text.len) {
        struct tsdb_text digits = {text.at + at, run_of(text, at, true)};
        struct tsdb_text name = {digits.at + digits.len, run_of(text, at + digits.len, false)};
        at += digits.len + name.len;
        size_t unit = unit_find(name);
        if (digits.len > 0 && name.len > 0 && unit == UNITS)
            return tsdb_fail(err, TSDB_EINVAL, "unknown unit %s in duration %s",
                             quoted_text(name, SIZE_MAX).at, quoted_text(text, SIZE_MAX).at);
        if (digits.len == 0 || unit == UNITS || unit < least)
            return tsdb_fail(err, TSDB_EINVAL, "not a valid duration string: %s",
                             quoted_text(text, SIZE_MAX).at);
        least = unit + 1;
        if (!add_units(&ms, digits, units[unit].ms))
            return tsdb_fail(err, TSDB_EINVAL, "duration out of range");
    }
    *ns = ms * NS_PER_MS;
    return TSDB_OK;
}

bool duration_of_seconds(double seconds, int64_t *ns)
{
    if (!(fabs(seconds) < (double)(INT64_MAX / NS_PER_S)))
        return false;
    double whole = trunc(seconds); /* apart: a double holds 104 days of nanoseconds */
    *ns = (int64_t)whole * NS_PER_S + (int64_t)round((seconds - whole) * (double)NS_PER_S);
    return true;
}
