/* logql_query.h - one LogQL query: text to answer; and the look-ups and tails beside it.
 *
 *   log query      logql_parse -> entries.h
 *   metric query   logql_parse -> tree -> PromQL's query (query.h) with range_op.h as leaves
 *
 * Limits as in query.h.  Owner: one caller at a time; cancel from any thread.
 */
#ifndef TSDB_LOGQL_LOGQL_QUERY_H
#define TSDB_LOGQL_LOGQL_QUERY_H

#include "tsdb/tsdb.h"

struct budget;
struct clock;
struct logs;
struct logql_query;

struct logql_store {
    struct logs *logs;
    struct clock *clock;
    struct budget *budget; /* of all queries; may be NULL */
    bool is_single;        /* no threads beside the caller's */
};

enum { LOGQL_SERIES_MAX = 100000 };

TSDB_NODISCARD enum tsdb_status logql_query_open(const struct logql_store *store,
                                                 struct tsdb_text text,
                                                 const struct tsdb_log_options *options,
                                                 struct logql_query **out, struct tsdb_error *err);
enum tsdb_value_kind logql_query_kind(const struct logql_query *q);
TSDB_NODISCARD enum tsdb_status logql_query_entry(struct logql_query *q, struct tsdb_log_entry *out,
                                                  struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status logql_query_next(struct logql_query *q, struct tsdb_result *out,
                                                 struct tsdb_error *err);
void logql_query_cancel(struct logql_query *q);
const char *logql_query_warning(const struct logql_query *q, uint32_t index);
void logql_query_stats(const struct logql_query *q, struct tsdb_log_stats *out);
void logql_query_close(struct logql_query *q); /* NULL is a no-op */

#endif
