/* status.h - fills struct tsdb_error where a fault is detected.
 *
 * Message form: subject first, lower case, got/want, no "failed to", no dot.
 * Frames above return the code untouched.
 */
#ifndef TSDB_BASE_STATUS_H
#define TSDB_BASE_STATUS_H

#include "tsdb/tsdb.h"

/* Describe the fault and return its status: `return tsdb_fail(err, ...);`.
 * err may be NULL.  The _os form is for failed system calls: TSDB_EIO, and
 * errno's text is appended. */
enum tsdb_status tsdb_fail(struct tsdb_error *err, enum tsdb_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
enum tsdb_status tsdb_fail_os(struct tsdb_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
