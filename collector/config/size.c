#include "collector/config/size.h"

#include "tsdb/base/text.h"

#include <stdio.h>

static const struct {
    const char *name;
    uint64_t bytes;
} units[] = {
    {"", 1},
    {"B", 1},
    {"KiB", UINT64_C(1) << 10},
    {"MiB", UINT64_C(1) << 20},
    {"GiB", UINT64_C(1) << 30},
    {"TiB", UINT64_C(1) << 40},
    {"PiB", UINT64_C(1) << 50},
    {"K", UINT64_C(1) << 10},
    {"M", UINT64_C(1) << 20},
    {"G", UINT64_C(1) << 30},
    {"T", UINT64_C(1) << 40},
    {"P", UINT64_C(1) << 50},
    {"kB", UINT64_C(1000)},
    {"KB", UINT64_C(1000)},
    {"MB", UINT64_C(1000000)},
    {"GB", UINT64_C(1000000000)},
    {"TB", UINT64_C(1000000000000)},
    {"PB", UINT64_C(1000000000000000)},
};
enum { FIRST_BINARY = 2, LAST_BINARY = 6 };

bool size_parse(struct tsdb_text text, uint64_t *bytes)
{
    uint64_t n = 0;
    size_t i = 0;
    for (; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++)
        if (__builtin_mul_overflow(n, UINT64_C(10), &n) ||
            __builtin_add_overflow(n, (uint64_t)(text.at[i] - '0'), &n))
            return false;
    if (i == 0)
        return false;
    struct tsdb_text unit = {text.at + i, text.len - i};
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++)
        if (text_equal(unit, text_of(units[u].name))) {
            uint64_t total;
            if (__builtin_mul_overflow(n, units[u].bytes, &total))
                return false;
            *bytes = total;
            return true;
        }
    return false;
}

size_t size_format(uint64_t bytes, char out[SIZE_TEXT_MAX])
{
    size_t unit = 0;
    for (size_t u = FIRST_BINARY; u <= LAST_BINARY && bytes > 0; u++)
        if (bytes % units[u].bytes == 0)
            unit = u;
    return (size_t)snprintf(out, SIZE_TEXT_MAX, "%llu%s",
                            (unsigned long long)(bytes / units[unit].bytes), units[unit].name);
}
