#include "tsdb/query/fault.h"

#include "tsdb/base/status.h"

#include <stdarg.h>
#include <stdio.h>

enum tsdb_status fault_at(struct tsdb_error *err, struct tsdb_text source, uint32_t at,
                          const char *fmt, ...)
{
    char text[sizeof err->msg];
    uint32_t line = 1, column = 1;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (uint32_t i = 0; i < at && i < source.len; i++) {
        column += ((unsigned char)source.at[i] & 0xc0) != 0x80;
        if (source.at[i] == '\n') {
            line++;
            column = 1;
        }
    }
    return tsdb_fail(err, TSDB_EINVAL, "parse error at line %u, col %u: %s", line, column, text);
}
