#include "collector/api/param.h"
#include "collector/api/result.h"
#include "collector/api/run.h"
#include "collector/self/counters.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <stdio.h>

/* One query from its parameters to its answer. */
struct asked {
    struct tsdb_text expr;
    struct tsdb_query_options options;
    uint64_t limit;      /* series in the answer; 0: all */
    int64_t deadline_ns; /* monotonic */
    int64_t waited_ns;   /* for a worker */
    bool has_stats;
};

/* ---- parameters ---------------------------------------------------------------------- */

static bool ask_duration(struct request *r, const char *name, int64_t *ns)
{
    struct tsdb_error err;
    struct tsdb_text text = request_param(r, name);
    if (text.len == 0 || param_duration(text, ns, &err) == TSDB_OK)
        return true;
    request_fail_param(r, name, &err);
    return false;
}

static bool ask_time(struct request *r, const char *name, int64_t *ns)
{
    struct tsdb_error err;
    if (param_time(request_param(r, name), ns, &err) == TSDB_OK)
        return true;
    request_fail_param(r, name, &err);
    return false;
}

/* What instant and range queries share. */
static bool ask(struct request *r, struct asked *q)
{
    struct api *api = r->api;
    int64_t most = atomic_load(&api->query_timeout), timeout = most;
    int64_t lookback = atomic_load(&api->lookback);
    q->options.tenant = request_tenant(r);
    q->options.samples_max = atomic_load(&api->samples_max);
    q->expr = request_param(r, "query");
    q->has_stats = request_param(r, "stats").len > 0;
    if (!request_limit(r, &q->limit) || !ask_duration(r, "timeout", &timeout) ||
        !ask_duration(r, "lookback_delta", &lookback))
        return false;
    q->options.lookback = lookback > 0 ? lookback : atomic_load(&api->lookback);
    if (timeout > most || timeout < 0)
        timeout = most;
    int64_t now = clock_mono_ns(api->options.clock);
    q->deadline_ns = r->arrived_ns + timeout;
    q->waited_ns = now - r->arrived_ns;
    q->options.deadline = q->deadline_ns - now;
    counters_observe(QUERY_DURATION, AT(STAGE_QUEUE), q->waited_ns);
    run_trace_wait(r, now);
    if (q->options.deadline > 0)
        return true;
    counters_add(QUERIES, AT(ENDING_TIMEOUT), 1);
    reply_fail(&r->reply, REPLY_TIMEOUT, "query timed out in query queue");
    return false;
}

static bool ask_instant(struct request *r, struct asked *q)
{
    int64_t at = clock_wall_ns(r->api->options.clock);
    struct tsdb_error err, inner;
    struct tsdb_text text = request_param(r, "time");
    if (text.len > 0 && param_time(text, &at, &inner) != TSDB_OK) {
        (void)tsdb_fail(&err, TSDB_EINVAL, "invalid time value for 'time': %s", inner.msg);
        request_fail_param(r, "time", &err);
        return false;
    }
    q->options.start = q->options.end = at;
    return ask(r, q);
}

static bool fail_step(struct request *r, const char *text)
{
    reply_fail(&r->reply, REPLY_BAD_DATA, "%s", text);
    return false;
}

static bool ask_range(struct request *r, struct asked *q)
{
    struct tsdb_query_options *o = &q->options;
    struct tsdb_error err;
    if (!ask_time(r, "start", &o->start) || !ask_time(r, "end", &o->end))
        return false;
    if (o->end < o->start)
        return fail_step(r,
                         "invalid parameter \"end\": end timestamp must not be before start time");
    if (param_duration(request_param(r, "step"), &o->step, &err) != TSDB_OK) {
        request_fail_param(r, "step", &err);
        return false;
    }
    if (o->step <= 0)
        return fail_step(r, "invalid parameter \"step\": zero or negative query resolution step "
                            "widths are not accepted. Try a positive integer");
    /* Unsigned, because start and end may be all of time apart. */
    if (((uint64_t)o->end - (uint64_t)o->start) / (uint64_t)o->step > API_POINTS_MAX)
        return fail_step(r, "exceeded maximum resolution of 11,000 points per timeseries. Try "
                            "decreasing the query resolution (?step=XX)");
    return ask(r, q);
}

/* ---- answers --------------------------------------------------------------------------- */

/* The items of "result"; TSDB_OK when all were written. */
static enum tsdb_status put_result(struct request *r, const struct asked *q,
                                   struct tsdb_query *query, struct tsdb_error *err)
{
    struct json *j = &r->reply.json;
    enum tsdb_value_kind kind = tsdb_query_kind(query);
    struct tsdb_result s;
    enum tsdb_status st;
    if (kind == TSDB_SCALAR || kind == TSDB_STRING) {
        st = tsdb_query_next(query, &s, err);
        if (st == TSDB_OK && kind == TSDB_SCALAR)
            result_point(j, &s, 0);
        else if (st == TSDB_OK)
            result_string(j, &s);
        return st;
    }
    json_array(j);
    for (uint64_t n = 0; (st = tsdb_query_next(query, &s, err)) == TSDB_OK; n++) {
        if (q->limit > 0 && n == q->limit) {
            reply_warn(&r->reply, "results truncated due to limit");
            break;
        }
        result_series(j, kind, &s);
        if (reply_is_gone(&r->reply))
            return TSDB_ECANCELED;
    }
    json_end_array(j);
    return st == TSDB_END ? TSDB_OK : st;
}

static void put_seconds(struct json *j, const char *key, int64_t ns)
{
    json_key(j, key);
    json_number(j, (double)ns / (double)NS_PER_S);
}

static void put_stats(struct json *j, const struct asked *q, const struct tsdb_query_stats *stats)
{
    json_key(j, "stats");
    json_object(j);
    json_key(j, "timings");
    json_object(j);
    put_seconds(j, "evalTotalTime", stats->exec_ns + stats->plan_ns);
    put_seconds(j, "resultSortTime", 0);
    put_seconds(j, "queryPreparationTime", stats->plan_ns);
    put_seconds(j, "innerEvalTime", stats->exec_ns);
    put_seconds(j, "execQueueTime", q->waited_ns);
    put_seconds(j, "execTotalTime", stats->exec_ns + stats->plan_ns + q->waited_ns);
    json_end_object(j);
    json_key(j, "samples");
    json_object(j);
    json_key(j, "totalQueryableSamples");
    json_u64(j, stats->samples);
    json_key(j, "peakSamples");
    json_u64(j, stats->samples_peak);
    json_end_object(j);
    json_end_object(j);
}

static void put_notes(struct reply *reply, const struct tsdb_query *query,
                      const struct tsdb_query_stats *stats)
{
    const char *text;
    for (uint32_t i = 0; i < REPLY_NOTES_MAX && (text = tsdb_query_warning(query, i)); i++)
        reply_warn(reply, text);
    for (uint32_t i = 0; i < REPLY_NOTES_MAX && (text = tsdb_query_info(query, i)); i++)
        reply_inform(reply, text);
    if (stats->is_partial)
        reply_warn(reply, "partial answer: a damaged segment was left out");
}

static void count_query(struct request *r, const struct tsdb_query_stats *stats, enum ending ending)
{
    (void)r;
    counters_add(QUERIES, AT(ending), 1);
    counters_add(QUERY_SAMPLES, NOWHERE, (int64_t)(stats->samples & INT64_MAX));
    counters_observe(QUERY_DURATION, AT(STAGE_PLAN), stats->plan_ns);
    counters_observe(QUERY_DURATION, AT(STAGE_RUN), stats->exec_ns);
}

static void fail_query(struct request *r, enum tsdb_status st, const struct tsdb_error *err,
                       enum ending ending)
{
    if (ending == ENDING_TIMEOUT)
        reply_fail(&r->reply, REPLY_TIMEOUT, "query timed out in expression evaluation");
    else if (ending == ENDING_CANCELED)
        reply_fail(&r->reply, REPLY_CANCELED, "query was canceled in expression evaluation");
    else
        request_fail_engine(r, st, err, NULL);
}

static void answer(struct request *r, const struct asked *q, struct tsdb_query *query)
{
    static const char *const kinds[] = {"scalar", "string", "vector", "matrix"};
    struct json *j = &r->reply.json;
    struct tsdb_error err = {0};
    struct tsdb_query_stats stats = {0};
    unsigned place = watch_enter(r->api->watch, (struct watch_target){watch_cancel_query, query},
                                 r->x, q->deadline_ns);
    counters_add(QUERIES_RUNNING, NOWHERE, 1);
    reply_begin(&r->reply);
    json_object(j);
    json_key(j, "resultType");
    json_word(j, kinds[tsdb_query_kind(query)]);
    json_key(j, "result");
    enum tsdb_status st = put_result(r, q, query, &err);
    tsdb_query_stats(query, &stats);
    counters_add(QUERIES_RUNNING, NOWHERE, -1);
    enum watch_verdict verdict = watch_leave(r->api->watch, place);
    if (st == TSDB_ECANCELED && reply_is_gone(&r->reply))
        verdict = WATCH_GONE;
    enum ending ending = request_ending(st, verdict);
    count_query(r, &stats, ending);
    run_trace_query(r, "query PromQL", q->expr, stats.plan_ns + stats.exec_ns, st != TSDB_OK);
    if (st != TSDB_OK) {
        fail_query(r, st, &err, ending);
        return;
    }
    if (q->has_stats)
        put_stats(j, q, &stats);
    json_end_object(j);
    put_notes(&r->reply, query, &stats);
    reply_end(&r->reply);
}

static void run_asked(struct request *r, const struct asked *q)
{
    struct tsdb_query *query = NULL;
    struct tsdb_error err = {0};
    enum tsdb_status st = tsdb_query_open(r->api->options.db, q->expr, &q->options, &query, &err);
    if (st != TSDB_OK) {
        counters_add(QUERIES, AT(request_ending(st, WATCH_RUNNING)), 1);
        request_fail_engine(r, st, &err, "query");
        return;
    }
    answer(r, q, query); /* its texts are the query's: close it last */
    tsdb_query_close(query);
}

static void run_instant(struct request *r)
{
    struct asked q = {0};
    if (ask_instant(r, &q))
        run_asked(r, &q);
}

static void run_range(struct request *r)
{
    struct asked q = {0};
    if (ask_range(r, &q))
        run_asked(r, &q);
}

static void put_formatted(void *arg, struct tsdb_text formatted)
{
    struct reply *reply = arg;
    reply_begin(reply);
    json_text(&reply->json, formatted);
    reply_end(reply);
}

static void run_format(struct request *r)
{
    struct tsdb_error err = {0};
    enum tsdb_status st =
        tsdb_query_format(request_param(r, "query"), put_formatted, &r->reply, &err);
    if (st != TSDB_OK)
        request_fail_engine(r, st, &err, "query");
}

void handle_query(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_instant);
}

void handle_query_range(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_range);
}

void handle_format_query(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_format);
}
