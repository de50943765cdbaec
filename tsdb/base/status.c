#include "tsdb/base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static void
fill(struct tsdb_error *err, enum tsdb_status status, const char *fmt, va_list args)
{
    err->status = status;
    err->os_errno = 0;
    if (vsnprintf(err->msg, sizeof err->msg, fmt, args) < 0)
        err->msg[0] = '\0';
    for (char *c = err->msg; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
}

enum tsdb_status tsdb_fail(struct tsdb_error *err, enum tsdb_status status, const char *fmt, ...)
{
    if (!err)
        return status;
    va_list args;
    va_start(args, fmt);
    fill(err, status, fmt, args);
    va_end(args);
    return status;
}

enum tsdb_status tsdb_fail_os(struct tsdb_error *err, const char *fmt, ...)
{
    int os_errno = errno;
    if (!err)
        return TSDB_EIO;
    va_list args;
    va_start(args, fmt);
    fill(err, TSDB_EIO, fmt, args);
    va_end(args);
    err->os_errno = os_errno;
    size_t used = strlen(err->msg);
    char text[96];
    const char *why = strerror_r(os_errno, text, sizeof text); /* the GNU form */
    (void)snprintf(err->msg + used, sizeof err->msg - used, ": %s", why);
    return TSDB_EIO;
}
