#include "collector/api/run.h"

#include "collector/self/counters.h"
#include "collector/self/trace.h"

void run_trace_wait(struct request *r, int64_t now_ns)
{
    trace_step(exchange_trace(r->x), &(struct trace_step){.name = "wait for a worker",
                                                          .start_ns = r->arrived_ns,
                                                          .end_ns = now_ns});
}

void run_trace_query(struct request *r, const char *name, struct tsdb_text text, int64_t exec_ns,
                     bool is_error)
{
    int64_t now = clock_mono_ns(r->api->options.clock);
    trace_step(exchange_trace(r->x), &(struct trace_step){.name = name,
                                                          .key = "db.query.text",
                                                          .text = text,
                                                          .start_ns = now - exec_ns,
                                                          .end_ns = now,
                                                          .is_error = is_error});
}

bool run_prepare(struct run *run, struct request *r, int64_t *deadline)
{
    int64_t now = clock_mono_ns(r->api->options.clock);
    *run = (struct run){.r = r,
                        .deadline_ns = r->arrived_ns + atomic_load(&r->api->query_timeout),
                        .waited_ns = now - r->arrived_ns};
    *deadline = run->deadline_ns - now;
    counters_observe(QUERY_DURATION, AT(STAGE_QUEUE), run->waited_ns);
    run_trace_wait(r, now);
    if (*deadline > 0)
        return true;
    counters_add(QUERIES, AT(ENDING_TIMEOUT), 1);
    reply_fail(&r->reply, REPLY_TIMEOUT, "query timed out in the queue");
    return false;
}

void run_enter(struct run *run, struct watch_target target)
{
    run->place = watch_enter(run->r->api->watch, target, run->r->x, run->deadline_ns);
    counters_add(QUERIES_RUNNING, NOWHERE, 1);
}

void run_leave(struct run *run, int64_t exec_ns)
{
    counters_add(QUERIES_RUNNING, NOWHERE, -1);
    run->verdict = watch_leave(run->r->api->watch, run->place);
    if (run->language)
        run_trace_query(run->r, run->language, run->text, exec_ns, false);
    counters_observe(QUERY_DURATION, AT(STAGE_RUN), exec_ns);
}

bool run_end(struct run *run, enum tsdb_status st, const struct tsdb_error *err)
{
    struct request *r = run->r;
    if (st == TSDB_ECANCELED && reply_is_gone(&r->reply))
        run->verdict = WATCH_GONE;
    enum ending ending = request_ending(st, run->verdict);
    counters_add(QUERIES, AT(ending), 1);
    if (ending == ENDING_TIMEOUT)
        reply_fail(&r->reply, REPLY_TIMEOUT, "query timed out");
    else if (ending == ENDING_CANCELED)
        reply_fail(&r->reply, REPLY_CANCELED, "the request was canceled");
    else if (st != TSDB_OK)
        request_fail_engine(r, st, err, NULL);
    return st == TSDB_OK;
}
