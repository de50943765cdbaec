#include "collector/api/found_trace.h"
#include "collector/api/tempo.h"
#include "collector/api/tempo_answer.h"
#include "collector/api/trace_run.h"
#include "collector/api/trace_series.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

/* One query and its answer. */
struct asked {
    struct request *r;
    struct tempo_answer answer;
    struct tsdb_trace_options options;
    uint64_t series_max; /* 0: all */
    bool is_instant;
};

static enum tsdb_status over(const struct tempo_answer *a, struct tsdb_error *err)
{
    if (a->is_full)
        return tsdb_fail(err, TSDB_ELIMIT, "the answer is larger than %d bytes", TEMPO_MESSAGE_MAX);
    return TSDB_ECANCELED;
}

static void finish(void *arg, const struct tsdb_trace_stats *stats)
{
    struct asked *q = arg;
    tempo_answer_end(&q->answer, stats);
}

static void run(struct asked *q, struct tsdb_text query, const char *list,
                enum tsdb_status (*read)(void *arg, struct tsdb_trace_query *query,
                                         struct tsdb_error *err))
{
    const struct trace_work work = {read, finish, q};
    tempo_answer_begin(&q->answer, q->r, list);
    if (!trace_run(q->r, query, &q->options, &work))
        tempo_answer_drop(&q->answer);
}

/* ---- searches -------------------------------------------------------------------------------- */

static void put_found(struct tempo_answer *a, const struct tsdb_found_trace *t)
{
    tempo_answer_item(a);
    if (a->is_json)
        found_trace_json(tempo_answer_json(a), t);
    else
        found_trace_protobuf(&a->message, t);
    tempo_answer_item_end(a);
}

static enum tsdb_status read_found(void *arg, struct tsdb_trace_query *query,
                                   struct tsdb_error *err)
{
    struct asked *q = arg;
    struct tsdb_found_trace t;
    enum tsdb_status st;
    if (tsdb_trace_query_kind(query) != TSDB_TRACES)
        return tsdb_fail(err, TSDB_EINVAL,
                         "a metrics query is no search: ask /api/metrics/query_range");
    while ((st = tsdb_trace_query_trace(query, &t, err)) == TSDB_OK) {
        put_found(&q->answer, &t);
        if (tempo_answer_is_over(&q->answer))
            return over(&q->answer, err);
    }
    return st == TSDB_END ? TSDB_OK : st;
}

/* Not said: the engine's default; more than there may be: as many as there may be. */
static uint32_t held(uint64_t n, uint32_t most)
{
    return n > most ? most : (uint32_t)n;
}

static void run_search(struct request *r)
{
    struct tempo_asked asked;
    struct asked q = {.r = r};
    if (!tempo_ask(r, &asked))
        return;
    if (asked.limit > TEMPO_LIMIT_MAX) {
        reply_fail(&r->reply, REPLY_BAD_DATA, "invalid limit: %llu, want at most %d",
                   (unsigned long long)asked.limit, TEMPO_LIMIT_MAX);
        return;
    }
    q.options.start = asked.start > 0 ? asked.start : 0;
    q.options.end = asked.end;
    q.options.limit = (uint32_t)asked.limit;
    q.options.spans_per_set = held(asked.spans_per_set, TEMPO_SPANS_MAX);
    struct tsdb_text query = asked.query.len > 0 ? asked.query : asked.filter;
    run(&q, query.len > 0 ? query : text_of("{}"), "traces", read_found);
}

/* ---- metric queries -------------------------------------------------------------------------- */

static void put_series(struct tempo_answer *a, const struct trace_series *s)
{
    tempo_answer_item(a);
    if (a->is_json)
        trace_series_json(tempo_answer_json(a), s);
    else
        trace_series_protobuf(&a->message, s);
    tempo_answer_item_end(a);
}

static enum tsdb_status read_series(void *arg, struct tsdb_trace_query *query,
                                    struct tsdb_error *err)
{
    struct asked *q = arg;
    struct trace_series s = {.is_instant = q->is_instant};
    enum tsdb_status st = TSDB_OK;
    if (tsdb_trace_query_kind(query) == TSDB_TRACES)
        return tsdb_fail(err, TSDB_EINVAL,
                         "the query is no metrics query: it wants a function, such as | rate()");
    for (uint64_t n = 0; q->series_max == 0 || n < q->series_max; n++) {
        st = tsdb_trace_query_next(query, &s.result, &s.label_types, err);
        if (st != TSDB_OK)
            break;
        s.exemplar_count = tsdb_trace_query_exemplars(query, &s.exemplars);
        if (s.result.count > 0)
            put_series(&q->answer, &s);
        if (tempo_answer_is_over(&q->answer))
            return over(&q->answer, err);
    }
    return st == TSDB_END ? TSDB_OK : st;
}

static bool check_query(struct request *r, const struct tempo_asked *asked)
{
    if (asked->query.len == 0)
        reply_fail(&r->reply, REPLY_BAD_DATA, "the parameter q is missing");
    return asked->query.len > 0;
}

static void run_range(struct request *r)
{
    struct tempo_asked asked;
    struct asked q = {.r = r};
    if (!tempo_ask(r, &asked) || !check_query(r, &asked) || !tempo_ask_range(r, &asked))
        return;
    int64_t step = asked.step > 0 ? asked.step : tempo_step(asked.start, asked.end);
    /* Unsigned, because start and end may be all of time apart. */
    if (((uint64_t)asked.end - (uint64_t)asked.start) / (uint64_t)step > API_POINTS_MAX) {
        reply_fail(&r->reply, REPLY_BAD_DATA, "a range of more than %d steps: make the step longer",
                   API_POINTS_MAX);
        return;
    }
    tempo_align(step, &asked.start, &asked.end);
    q.series_max = asked.series_max;
    q.options.start = asked.start;
    q.options.end = asked.end;
    q.options.step = step;
    q.options.exemplars = held(asked.exemplars, TEMPO_EXEMPLARS_MAX);
    run(&q, asked.query, "series", read_series);
}

static void run_instant(struct request *r)
{
    struct tempo_asked asked;
    struct asked q = {.r = r, .is_instant = true};
    if (!tempo_ask(r, &asked) || !check_query(r, &asked) || !tempo_ask_range(r, &asked))
        return;
    q.series_max = asked.series_max;
    q.options.start = asked.start;
    q.options.end = asked.end;
    run(&q, asked.query, "series", read_series);
}

/* ---- handlers -------------------------------------------------------------------------------- */

void handle_tempo_search(void *arg, struct exchange *x)
{
    tempo_submit(arg, x, run_search);
}

void handle_tempo_range(void *arg, struct exchange *x)
{
    tempo_submit(arg, x, run_range);
}

void handle_tempo_instant(void *arg, struct exchange *x)
{
    tempo_submit(arg, x, run_instant);
}
