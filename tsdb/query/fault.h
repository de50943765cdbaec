/* fault.h - where in a text a fault is, as Loki and Tempo say it. */
#ifndef TSDB_QUERY_FAULT_H
#define TSDB_QUERY_FAULT_H

#include "tsdb/tsdb.h"

/* "parse error at line L, col C: ..." about the byte at `at`; columns count characters.
 * Answers TSDB_EINVAL. */
enum tsdb_status fault_at(struct tsdb_error *err, struct tsdb_text source, uint32_t at,
                          const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
