#include "collector/api/loki.h"
#include "collector/api/loki_streams.h"
#include "collector/api/result.h"
#include "collector/api/run.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

/* One query from its parameters to its answer. */
struct asked {
    struct request *r;
    struct tsdb_text expr;
    struct tsdb_log_options options;
    struct run run;
    bool is_instant;
};

/* ---- running ---------------------------------------------------------------------------- */

static void cancel(void *query)
{
    tsdb_log_query_cancel(query);
}

/* Fills in what all queries share; false when the time is over already. */
static bool prepare(struct request *r, struct asked *q)
{
    q->r = r;
    q->options.tenant = request_tenant(r);
    if (!run_prepare(&q->run, r, &q->options.deadline))
        return false;
    q->run.language = "query LogQL";
    q->run.text = q->expr;
    return true;
}

/* What is done with a query: under the watch; then, where that went well and before the
 * query is closed, what ends the exchange. */
struct query_work {
    enum tsdb_status (*read)(void *arg, struct tsdb_log_query *query, struct tsdb_error *err);
    void (*finish)(void *arg, const struct tsdb_log_query *query,
                   const struct tsdb_log_stats *stats); /* or NULL */
    void *arg;
};

/* False: it was answered that it failed. */
static bool run(struct asked *q, const struct query_work *work)
{
    struct tsdb_log_query *query = NULL;
    struct tsdb_error err = {0};
    struct tsdb_log_stats stats = {0};
    enum tsdb_status st =
        tsdb_log_query_open(q->r->api->options.db, q->expr, &q->options, &query, &err);
    if (st == TSDB_OK) {
        run_enter(&q->run, (struct watch_target){cancel, query});
        st = work->read(work->arg, query, &err);
        tsdb_log_query_stats(query, &stats);
        run_leave(&q->run, stats.exec_ns);
    }
    if (run_end(&q->run, st, &err) && work->finish)
        work->finish(work->arg, query, &stats);
    tsdb_log_query_close(query);
    return st == TSDB_OK;
}

/* ---- entries for other handlers ------------------------------------------------------------ */

struct entry_visit {
    loki_entry_fn *fn;
    void *arg;
};

static enum tsdb_status visit_entries(void *arg, struct tsdb_log_query *query,
                                      struct tsdb_error *err)
{
    struct entry_visit *v = arg;
    struct tsdb_log_entry entry;
    if (tsdb_log_query_kind(query) != TSDB_STREAMS)
        return tsdb_fail(err, TSDB_EINVAL, "a log query is wanted here, not a metric query");
    enum tsdb_status st;
    while ((st = tsdb_log_query_entry(query, &entry, err)) == TSDB_OK)
        if (!v->fn(v->arg, &entry))
            return TSDB_OK;
    return st == TSDB_END ? TSDB_OK : st;
}

bool loki_each_entry(struct request *r, struct tsdb_text query,
                     const struct tsdb_log_options *options, loki_entry_fn *fn, void *arg)
{
    struct asked q = {.expr = query, .options = *options};
    struct entry_visit v = {fn, arg};
    const struct query_work work = {visit_entries, NULL, &v};
    return prepare(r, &q) && run(&q, &work);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void put_rate(struct json *j, const char *key, uint64_t n, double seconds)
{
    double rate = seconds > 0 ? (double)n / seconds : 0;
    json_key(j, key);
    json_u64(j, rate < 1e18 ? (uint64_t)rate : 0);
}

static void put_count(struct json *j, const char *key, uint64_t n)
{
    json_key(j, key);
    json_u64(j, n);
}

static void put_stats(struct json *j, const struct asked *q, const struct tsdb_log_stats *stats)
{
    double seconds = (double)stats->exec_ns / (double)NS_PER_S;
    json_key(j, "stats");
    json_object(j);
    json_key(j, "summary");
    json_object(j);
    put_rate(j, "bytesProcessedPerSecond", stats->bytes, seconds);
    put_rate(j, "linesProcessedPerSecond", stats->records, seconds);
    put_count(j, "totalBytesProcessed", stats->bytes);
    put_count(j, "totalLinesProcessed", stats->records);
    json_key(j, "execTime");
    json_number(j, seconds);
    json_key(j, "queueTime");
    json_number(j, (double)q->run.waited_ns / (double)NS_PER_S);
    put_count(j, "subqueries", 0);
    put_count(j, "totalEntriesReturned", stats->entries);
    json_end_object(j);
    json_end_object(j);
}

static void put_encoding_flags(struct json *j)
{
    json_key(j, "encodingFlags");
    json_array(j);
    json_word(j, "categorize-labels");
    json_end_array(j);
}

/* The streams are complete before a byte of them is written: an error is a whole one. */
static enum tsdb_status put_streams(struct asked *q, struct tsdb_log_query *query,
                                    struct tsdb_error *err)
{
    struct json *j = &q->r->reply.json;
    struct loki_streams streams;
    struct tsdb_log_entry entry;
    enum tsdb_status st;
    loki_streams_init(&streams, request_arena(q->r), loki_is_categorized(q->r), false);
    while ((st = tsdb_log_query_entry(query, &entry, err)) == TSDB_OK)
        if (!loki_streams_add(&streams, &entry)) {
            st = tsdb_fail(err, TSDB_ELIMIT,
                           "the answer is too large after %llu entries: lower the limit or narrow "
                           "the query",
                           (unsigned long long)streams.entry_count);
            break;
        }
    if (st == TSDB_END) {
        if (streams.is_categorized)
            put_encoding_flags(j);
        json_key(j, "result");
        loki_streams_write(&streams, j);
        st = reply_is_gone(&q->r->reply) ? TSDB_ECANCELED : TSDB_OK;
    }
    loki_streams_release(&streams);
    return st;
}

static enum tsdb_status put_series(struct asked *q, struct tsdb_log_query *query,
                                   enum tsdb_value_kind kind, struct tsdb_error *err)
{
    struct json *j = &q->r->reply.json;
    struct tsdb_result s;
    enum tsdb_status st;
    json_key(j, "result");
    json_array(j);
    while ((st = tsdb_log_query_next(query, &s, err)) == TSDB_OK) {
        result_series(j, kind, &s);
        if (reply_is_gone(&q->r->reply))
            return TSDB_ECANCELED;
    }
    json_end_array(j);
    return st == TSDB_END ? TSDB_OK : st;
}

static enum tsdb_status put_single(struct asked *q, struct tsdb_log_query *query,
                                   enum tsdb_value_kind kind, struct tsdb_error *err)
{
    struct tsdb_result s;
    json_key(&q->r->reply.json, "result");
    enum tsdb_status st = tsdb_log_query_next(query, &s, err);
    if (st == TSDB_OK && kind == TSDB_SCALAR)
        result_point(&q->r->reply.json, &s, 0);
    else if (st == TSDB_OK)
        result_string(&q->r->reply.json, &s);
    return st;
}

static enum tsdb_status put_result(struct asked *q, struct tsdb_log_query *query,
                                   struct tsdb_error *err)
{
    enum tsdb_value_kind kind = tsdb_log_query_kind(query);
    switch (kind) {
    case TSDB_STREAMS: return put_streams(q, query, err);
    case TSDB_VECTOR:
    case TSDB_MATRIX: return put_series(q, query, kind, err);
    case TSDB_SCALAR:
    case TSDB_STRING: return put_single(q, query, kind, err);
    case TSDB_TRACES: break; /* no LogQL answers them */
    }
    UNREACHABLE();
}

static enum tsdb_status read_answer(void *arg, struct tsdb_log_query *query, struct tsdb_error *err)
{
    static const char *const kinds[] = {"scalar", "string", "vector", "matrix", "streams"};
    struct asked *q = arg;
    struct reply *reply = &q->r->reply;
    enum tsdb_value_kind kind = tsdb_log_query_kind(query);
    if (q->is_instant && kind == TSDB_STREAMS)
        return tsdb_fail(err, TSDB_EINVAL,
                         "log queries are not supported as an instant query type, please change "
                         "your query to a range query type");
    reply_begin(reply);
    json_object(&reply->json);
    json_key(&reply->json, "resultType");
    json_word(&reply->json, kinds[kind]);
    return put_result(q, query, err);
}

/* The notes are the query's texts. */
static void finish_answer(void *arg, const struct tsdb_log_query *query,
                          const struct tsdb_log_stats *stats)
{
    struct asked *q = arg;
    struct reply *reply = &q->r->reply;
    put_stats(&reply->json, q, stats);
    json_end_object(&reply->json);
    const char *text;
    for (uint32_t i = 0; i < REPLY_NOTES_MAX && (text = tsdb_log_query_warning(query, i)); i++)
        reply_warn(reply, text);
    if (stats->is_partial)
        reply_warn(reply, "partial answer: a damaged segment was left out");
    reply_end(reply);
}

static void run_asked(struct asked *q)
{
    const struct query_work work = {read_answer, finish_answer, q};
    (void)run(q, &work); /* answered either way */
}

/* ---- parameters ------------------------------------------------------------------------------ */

static bool ask_direction(struct request *r, bool *is_forward)
{
    struct tsdb_text text = request_param(r, "direction");
    *is_forward = text_equal(text, text_of("forward")) || text_equal(text, text_of("FORWARD"));
    if (*is_forward || text.len == 0 || text_equal(text, text_of("backward")) ||
        text_equal(text, text_of("BACKWARD")))
        return true;
    reply_fail(&r->reply, REPLY_BAD_DATA, "invalid direction \"%.*s\", want forward or backward",
               text.len > 100 ? 100 : (int)text.len, text.at);
    return false;
}

static void run_instant(struct request *r)
{
    int64_t at = clock_wall_ns(r->api->options.clock);
    struct asked q = {.expr = request_param(r, "query"), .is_instant = true};
    q.options.limit = LOKI_LIMIT;
    if (!request_time(r, "time", &at) ||
        !request_count(r, "limit", LOKI_LIMIT_MAX, &q.options.limit) ||
        !ask_direction(r, &q.options.is_forward) || !prepare(r, &q))
        return;
    q.options.start = q.options.end = at;
    run_asked(&q);
}

static void run_range(struct request *r)
{
    struct loki_range range;
    struct asked q = {.expr = request_param(r, "query")};
    q.options.limit = LOKI_LIMIT;
    if (!loki_ask_range(r, NS_PER_HOUR, &range) || !loki_ask_step(r, API_POINTS_MAX, &range) ||
        !request_count(r, "limit", LOKI_LIMIT_MAX, &q.options.limit) ||
        !request_duration(r, "interval", &q.options.interval) ||
        !ask_direction(r, &q.options.is_forward) || !prepare(r, &q))
        return;
    q.options.start = range.start;
    q.options.end = range.end;
    q.options.step = range.step;
    run_asked(&q);
}

void handle_loki_query(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_instant);
}

void handle_loki_query_range(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_range);
}
