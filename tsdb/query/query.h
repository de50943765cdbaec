/* query.h - one PromQL query over the metrics engine: text to answer.
 *
 *   text -> promql_parse -> tree of operators (eval.h) -> rows -> struct tsdb_result
 *
 * query_open parses, checks and plans; the first query_next runs the whole
 * expression, so that an error comes before the first series and never in the
 * middle of an answer; the following calls hand out series one by one.  The one
 * exception is a bare range selector (TSDB_MATRIX), whose series are read one at
 * a time as they are asked for.
 *
 * Order: a range query and a matrix answer series sorted by labels; an instant
 * vector answers them in the order in which the expression yields them (topk and
 * sort order by value).
 *
 * Limits, from struct tsdb_query_options, 0 meaning these defaults: bytes_max
 * 1 GiB of memory, samples_max 50 M samples read, series_max 500,000 series
 * matched, deadline two minutes.  Passing one is TSDB_ELIMIT and names it;
 * passing the deadline or query_cancel is TSDB_ECANCELED.
 *
 * Owner: one caller at a time.  Atomic: the cancel flag, which any thread may
 * set.  Everything else is guarded by nothing.
 */
#ifndef TSDB_QUERY_QUERY_H
#define TSDB_QUERY_QUERY_H

#include "tsdb/tsdb.h"

struct arena;
struct budget;
struct clock;
struct eval;
struct expr;
struct metrics;
struct query;

#define QUERY_LOOKBACK_NS INT64_C(300000000000)
#define QUERY_DEADLINE_NS INT64_C(120000000000)
#define QUERY_SAMPLES_MAX UINT64_C(50000000)
#define QUERY_SERIES_MAX UINT64_C(500000)
#define QUERY_BYTES_MAX (UINT64_C(1) << 30)
/* Step of a subquery that names none. */
#define QUERY_SUBQUERY_STEP_NS INT64_C(60000000000)

/* What a query needs from the store it runs over. */
struct query_store {
    struct metrics *metrics;
    struct clock *clock;
    struct budget *budget; /* of all queries; may be NULL */
};

/* Another language with the same operators: its parser, and what its leaves read from.
 * The tree lives in the arena and has passed typecheck. */
struct query_language {
    enum tsdb_status (*parse)(void *foreign, struct tsdb_text text, struct arena *arena,
                              struct expr **out, struct tsdb_error *err);
    /* Tells the leaves of the query's state; called once, before parse. */
    void (*begin)(void *foreign, struct eval *ev);
    void *foreign; /* eval.foreign */
};

/* text and options are copied.  TSDB_EINVAL: the text does not parse, or asks
 * for a range where there must be an instant. */
TSDB_NODISCARD enum tsdb_status query_open(const struct query_store *store, struct tsdb_text text,
                                           const struct tsdb_query_options *options,
                                           struct query **out, struct tsdb_error *err);
/* The same in another language. */
TSDB_NODISCARD enum tsdb_status query_open_in(const struct query_store *store,
                                              const struct query_language *language,
                                              struct tsdb_text text,
                                              const struct tsdb_query_options *options,
                                              struct query **out, struct tsdb_error *err);
enum tsdb_value_kind query_kind(const struct query *q);
/* TSDB_OK, TSDB_END or an error, after which the query only closes.  *out is
 * borrowed until the next call. */
TSDB_NODISCARD enum tsdb_status query_next(struct query *q, struct tsdb_result *out,
                                           struct tsdb_error *err);
/* From any thread. */
void query_cancel(struct query *q);
/* Annotations so far: index 0, 1, ... until NULL.  Borrowed until query_close. */
const char *query_warning(const struct query *q, uint32_t index);
const char *query_info(const struct query *q, uint32_t index);
void query_stats(const struct query *q, struct tsdb_query_stats *out);
/* query_close(NULL) is a no-op. */
void query_close(struct query *q);

#endif
