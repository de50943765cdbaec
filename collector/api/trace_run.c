#include "collector/api/trace_run.h"

static void cancel(void *query)
{
    tsdb_trace_query_cancel(query);
}

bool trace_run(struct request *r, struct tsdb_text text, struct tsdb_trace_options *options,
               const struct trace_work *work)
{
    struct run run;
    struct tsdb_trace_query *query = NULL;
    struct tsdb_error err = {0};
    struct tsdb_trace_stats stats = {0};
    options->tenant = request_tenant(r);
    if (!run_prepare(&run, r, &options->deadline))
        return false;
    run.language = "query TraceQL";
    run.text = text;
    enum tsdb_status st = tsdb_trace_query_open(r->api->options.db, text, options, &query, &err);
    if (st == TSDB_OK) {
        run_enter(&run, (struct watch_target){cancel, query});
        st = work->read(work->arg, query, &err);
        tsdb_trace_query_stats(query, &stats);
        run_leave(&run, stats.exec_ns);
    }
    bool is_ok = run_end(&run, st, &err);
    if (is_ok && work->finish)
        work->finish(work->arg, &stats);
    tsdb_trace_query_close(query);
    return is_ok;
}
