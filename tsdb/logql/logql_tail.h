/* logql_tail.h - a log query over what comes in from now on.
 *
 *   logs_tail (durable records, in order) -> matchers -> stages -> entries
 *
 * Owner: one caller at a time. */
#ifndef TSDB_LOGQL_LOGQL_TAIL_H
#define TSDB_LOGQL_LOGQL_TAIL_H

#include "tsdb/logql/logql_query.h"

struct logql_tail;

TSDB_NODISCARD enum tsdb_status logql_tail_open(const struct logql_store *store, const char *tenant,
                                                struct tsdb_text text, struct logql_tail **out,
                                                struct tsdb_error *err);
/* TSDB_END: nothing more at the moment. */
TSDB_NODISCARD enum tsdb_status logql_tail_next(struct logql_tail *t, struct tsdb_log_entry *out,
                                                struct tsdb_error *err);
uint64_t logql_tail_dropped(struct logql_tail *t);
void logql_tail_close(struct logql_tail *t); /* NULL is a no-op */

#endif
