#include "collector/self/period.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/clock.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    {"y", 365 * NS_PER_DAY}, {"w", 7 * NS_PER_DAY}, {"d", NS_PER_DAY},
    {"h", NS_PER_HOUR},      {"m", NS_PER_MINUTE},  {"s", NS_PER_S},
    {"ms", NS_PER_MS},       {"us", NS_PER_US},     {"ns", 1},
};
enum { UNIT_COUNT = sizeof units / sizeof units[0] };

/* The unit that the n letters at p name, or UNIT_COUNT. */
static size_t unit_find(const char *p, size_t n)
{
    size_t i = 0;
    while (i < UNIT_COUNT && (strlen(units[i].name) != n || memcmp(units[i].name, p, n) != 0))
        i++;
    return i;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool period_parse(struct tsdb_text text, int64_t *ns)
{
    if (text.len == 1 && *text.at == '0') {
        *ns = 0;
        return true;
    }
    int64_t total = 0;
    size_t next_unit = 0, i = 0;
    while (i < text.len) {
        int64_t n = 0;
        size_t digits = i;
        for (; i < text.len && is_digit(text.at[i]); i++)
            if (__builtin_mul_overflow(n, 10, &n) ||
                __builtin_add_overflow(n, text.at[i] - '0', &n))
                return false;
        size_t letters = i;
        while (i < text.len && !is_digit(text.at[i]))
            i++;
        size_t unit = unit_find(text.at + letters, i - letters);
        if (letters == digits || unit >= UNIT_COUNT || unit < next_unit)
            return false;
        next_unit = unit + 1;
        if (__builtin_mul_overflow(n, units[unit].ns, &n) ||
            __builtin_add_overflow(total, n, &total))
            return false;
    }
    if (text.len == 0)
        return false;
    *ns = total;
    return true;
}

size_t period_format(int64_t ns, char out[PERIOD_TEXT_MAX])
{
    ASSERT(ns >= 0);
    size_t len = 0;
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        /* A week or a year only where it says all: people count in days. */
        bool is_rare = units[i].ns > NS_PER_DAY;
        if (ns < units[i].ns || (is_rare && (len > 0 || ns % units[i].ns != 0)))
            continue;
        len += (size_t)snprintf(out + len, PERIOD_TEXT_MAX - len, "%lld%s",
                                (long long)(ns / units[i].ns), units[i].name);
        ns %= units[i].ns;
    }
    if (len == 0)
        len = (size_t)snprintf(out, PERIOD_TEXT_MAX, "0s");
    return len;
}
