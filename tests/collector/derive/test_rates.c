/* Against the engine: what queries make of the samples. */
#include "collector/derive/span_metrics.h"

#include "tsdb/base/fs_sim.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define NOW (INT64_C(1767225600) * NS_PER_S)

static struct fs_sim *sim;
static struct clock_sim sim_clock;
static struct tsdb *db;
static struct span_metrics *sm;

static void start(void)
{
    struct tsdb_options options;
    struct span_metrics_options derive;
    struct tsdb_error err = {0};
    tsdb_options_init(&options);
    options.dir = "/store";
    options.fs = fs_sim_fs(sim);
    options.clock = &sim_clock.clock;
    options.has_no_threads = true;
    cr_assert_eq(tsdb_open(&options, &db, &err), TSDB_OK, "%s", err.msg);
    span_metrics_options_init(&derive);
    derive.db = db;
    derive.clock = &sim_clock.clock;
    sm = span_metrics_new(&derive);
}

static void stop(void)
{
    span_metrics_flush(sm);
    span_metrics_free(sm);
    tsdb_close(db);
}

static void set_up(void)
{
    sim = fs_sim_new();
    clock_sim_init(&sim_clock, NOW);
    start();
}

static void tear_down(void)
{
    stop();
    fs_sim_free(sim);
}

TestSuite(rates, .init = set_up, .fini = tear_down);

static void observe(const char *tenant, uint32_t count)
{
    static struct tsdb_span spans[64];
    struct tsdb_field name = {
        .name = text_of("service.name"), .type = TSDB_FIELD_STRING, .text = text_of("api")};
    struct tsdb_span_source source = {.resource = {&name, 1, 0}};
    for (uint32_t i = 0; i < count; i++)
        spans[i] = (struct tsdb_span){.kind = TSDB_KIND_SERVER,
                                      .name = text_of("GET /"),
                                      .start = 1,
                                      .end = 1 + 5 * NS_PER_MS,
                                      .trace_id = {{1}},
                                      .span_id = {{1}}};
    const struct tsdb_span_batch batch = {tenant, &source, spans, 1, count};
    span_metrics_observe(sm, &batch, NULL);
}

/* Seconds go by, with ticks. */
static void pass(int seconds)
{
    for (int i = 0; i < seconds; i++) {
        clock_sim_advance(&sim_clock, NS_PER_S);
        span_metrics_tick(sm);
    }
}

/* The one value that the query has now; -1: none. */
static double ask(const char *tenant, const char *text)
{
    struct tsdb_query *query;
    struct tsdb_error err = {0};
    struct tsdb_result result;
    int64_t now = clock_wall_ns(&sim_clock.clock);
    const struct tsdb_query_options options = {.tenant = tenant, .start = now, .end = now};
    cr_assert_eq(tsdb_query_open(db, text_of(text), &options, &query, &err), TSDB_OK, "%s",
                 err.msg);
    enum tsdb_status st = tsdb_query_next(query, &result, &err);
    double value = st == TSDB_OK ? result.values[0] : -1;
    cr_assert(st == TSDB_OK || st == TSDB_END, "%s", err.msg);
    if (st == TSDB_OK)
        cr_assert_eq(tsdb_query_next(query, &result, &err), TSDB_END, "one series");
    tsdb_query_close(query);
    return value;
}

/* The first increment is seen, and the first after a restart: counters start at 0 where they
 * say they start. */
Test(rates, restarts_are_resets)
{
    observe("", 40);
    pass(60);
    cr_assert_eq(ask("", "traces_spanmetrics_calls_total"), 40.0);
    cr_assert_float_eq(ask("", "increase(traces_spanmetrics_calls_total[61s])"), 40, 2);
    observe("", 10);
    pass(5);
    stop(); /* the last interval is stored at the end */
    start();
    cr_assert_eq(ask("", "traces_spanmetrics_calls_total"), 50.0);
    clock_sim_advance(&sim_clock, 5 * NS_PER_S);
    observe("", 60); /* more than there were: only the zero tells of the reset */
    pass(30);
    cr_assert_eq(ask("", "traces_spanmetrics_calls_total"), 60.0);
    cr_assert_eq(ask("", "resets(traces_spanmetrics_calls_total[10m])"), 1.0);
    cr_assert_float_eq(ask("", "increase(traces_spanmetrics_calls_total[101s])"), 110, 6);
    cr_assert_float_eq(ask("", "increase(traces_spanmetrics_latency_bucket{le=\"0.008\"}[101s])"),
                       110, 6);
}

Test(rates, what_grafana_asks_is_answered)
{
    observe("", 60);
    pass(60);
    cr_assert_float_eq(ask("", "histogram_quantile(.9, sum(rate(traces_spanmetrics_latency_bucket{"
                               "span_kind=\"SPAN_KIND_SERVER\"}[2m])) by (le))"),
                       0.0076, 1e-9);
    cr_assert_float_eq(ask("", "sum by (client, server) (rate(traces_service_graph_request_total["
                               "2m]))"),
                       0.5, 0.2);
    cr_assert_eq(ask("", "traces_service_graph_request_server_seconds_count{client=\"user\",server="
                         "\"api\",connection_type=\"virtual_node\"}"),
                 60.0);
    cr_assert_eq(ask("", "sum(rate(traces_service_graph_request_failed_total[2m]))"), 0.0);
}

Test(rates, a_tenant_sees_its_own)
{
    observe("b", 3);
    pass(20);
    cr_assert_eq(ask("", "traces_spanmetrics_calls_total"), -1.0);
    cr_assert_eq(ask("b", "traces_spanmetrics_calls_total"), 3.0);
}

static bool count_exemplar(void *arg, struct tsdb_labels series, const struct tsdb_exemplar *e)
{
    (void)series;
    cr_assert(text_equal(e->labels.at[1].value, text_of("01000000000000000000000000000000")));
    ++*(int *)arg;
    return true;
}

static bool count_family(void *arg, const struct tsdb_metadata *m)
{
    (void)m;
    ++*(int *)arg;
    return true;
}

Test(rates, exemplars_and_metadata_are_there)
{
    int exemplars = 0, families = 0;
    struct tsdb_error err = {0};
    const struct tsdb_scope scope = {.tenant = "", .start = NOW, .end = NOW + NS_PER_HOUR};
    observe("", 3);
    pass(20);
    cr_assert_eq(tsdb_exemplars(db, text_of("traces_spanmetrics_latency_bucket"), &scope,
                                count_exemplar, &exemplars, &err),
                 TSDB_OK);
    cr_assert_eq(exemplars, 1);
    tsdb_metadata(db, "", count_family, &families);
    cr_assert_eq(families, 9);
}

/* After a quarter of an hour without spans the series is gone at once, not five minutes later. */
Test(rates, idle_series_are_stale)
{
    observe("", 3);
    pass(15 * 60 - 20);
    cr_assert_eq(ask("", "traces_spanmetrics_calls_total"), 3.0);
    pass(40);
    cr_assert_eq(ask("", "traces_spanmetrics_calls_total"), -1.0);
    observe("", 2);
    pass(20);
    cr_assert_eq(ask("", "traces_spanmetrics_calls_total"), 2.0);
}
