/* entries.h - the answer of a log query: entries in order of time, at most `limit`.
 *
 * Parts are visited from the end of time that is asked for; once `limit` entries are
 * held, parts that lie wholly beyond the last of them are not visited.  Inside a part the
 * rows that might be among the answer are tried in chunks, best time first.
 * What is held is charged to the query's budget.  Owner: one query.
 */
#ifndef TSDB_LOGQL_ENTRIES_H
#define TSDB_LOGQL_ENTRIES_H

#include "tsdb/logql/scan.h"

struct entries;

struct entries_options {
    int64_t start, end; /* half-open */
    uint64_t limit;     /* 0: none */
    int64_t interval;   /* 0: none */
    bool is_forward;
};

TSDB_NODISCARD enum tsdb_status entries_new(struct log_room *room, const struct log_expr *expr,
                                            const struct entries_options *options,
                                            struct entries **out, struct tsdb_error *err);
void entries_free(struct entries *e); /* NULL is a no-op */
/* The first call runs the query.  TSDB_END after the last. */
TSDB_NODISCARD enum tsdb_status entries_next(struct entries *e, struct tsdb_log_entry *out,
                                             struct tsdb_error *err);
uint64_t entries_count(const struct entries *e);

#endif
