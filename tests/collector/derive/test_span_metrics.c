#include "collector/derive/span_metrics.h"

#include "collector/self/counters.h"
#include "rig.h"
#include "tsdb/base/thread.h"

#define SHOP "service=\"shop\",span_kind=\"SPAN_KIND_SERVER\",span_name=\"GET /\","
#define UNSET "status_code=\"STATUS_CODE_UNSET\""

TestSuite(span_metrics, .init = rig_open, .fini = rig_close);

/* ---- series ------------------------------------------------------------------------------------
 */

/* One span: every series it makes, and no other. */
Test(span_metrics, a_span_makes_these_series)
{
    static const char *const below[] = {"0.002", "0.004", "0.008"};
    static const char *const above[] = {"0.016", "0.032", "0.064", "0.128", "0.256",  "0.512",
                                        "1.024", "2.048", "4.096", "8.192", "16.384", "+Inf"};
    char series[256];
    uint32_t shop = rig_source("shop", NULL, NULL);
    rig_span(shop, TSDB_KIND_INTERNAL, "work", 10 * NS_PER_MS);
    rig_observe(sm, "");
    rig_flush();
#define WORK                                                                                       \
    "{job=\"shop\",service=\"shop\",span_kind=\"SPAN_KIND_INTERNAL\",span_name=\"work\"," UNSET
    cr_assert_eq(store_value("traces_spanmetrics_calls_total" WORK "}"), 1.0);
    cr_assert_eq(store_value("traces_spanmetrics_latency_count" WORK "}"), 1.0);
    cr_assert_eq(store_value("traces_spanmetrics_latency_sum" WORK "}"), 0.01);
    cr_assert_gt(store_value("traces_spanmetrics_size_total" WORK "}"), 50.0);
    for (int i = 0; i < 15; i++) {
        const char *le = i < 3 ? below[i] : above[i - 3];
        (void)snprintf(series, sizeof series,
                       "traces_spanmetrics_latency_bucket" WORK ",le=\"%s\"}", le);
        cr_assert_eq(store_value(series), i < 3 ? 0.0 : 1.0, "%s", le);
    }
    cr_assert_eq(rig_db.count, 19);
    cr_assert_eq(rig_db.metadata, 9, "each family is described");
}

Test(span_metrics, kinds_and_statuses_are_named_as_otlp_names_them)
{
    static const char *const kinds[] = {
        "SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER",     "SPAN_KIND_CLIENT",
        "SPAN_KIND_PRODUCER",    "SPAN_KIND_CONSUMER", "SPAN_KIND_UNSPECIFIED"};
    static const char *const statuses[] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK",
                                           "STATUS_CODE_ERROR", "STATUS_CODE_UNSET"};
    char series[256];
    uint32_t shop = rig_source("shop", NULL, NULL);
    for (uint8_t kind = 0; kind < 7; kind++)
        for (uint8_t status = 0; status < 4; status++)
            rig_span(shop, kind == 6 ? 77 : kind, "x", 1)->status = status == 3 ? 200 : status;
    rig_observe(sm, "");
    rig_flush();
    for (int kind = 0; kind < 7; kind++)
        for (int status = 0; status < 4; status++) {
            bool is_odd_kind = kind == 0 || kind == 6, is_odd_status = status == 0 || status == 3;
            (void)snprintf(series, sizeof series,
                           "traces_spanmetrics_calls_total{job=\"shop\",service=\"shop\","
                           "span_kind=\"%s\",span_name=\"x\",status_code=\"%s\"}",
                           kinds[kind], statuses[status]);
            cr_assert_eq(store_value(series), (is_odd_kind ? 2 : 1) * (is_odd_status ? 2 : 1), "%s",
                         series);
        }
}

Test(span_metrics, resources_give_job_instance_and_target_info)
{
    uint32_t a = rig_source("cart", "shop", "i-1"), b = rig_source("cart", NULL, NULL);
    rig_resource(a, field_text("host.name", "web1"));
    rig_resource(a, field_text("k8s.pod.name", "p"));
    rig_resource(a, field_int("process.pid", 7));
    rig_resource(a, field_text("host_name", "is the same label: the first counts"));
    rig_span(a, TSDB_KIND_INTERNAL, "x", 1);
    rig_span(a, TSDB_KIND_INTERNAL, "x", 1);
    rig_span(b, TSDB_KIND_INTERNAL, "x", 1);
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(
        store_value("traces_target_info{host_name=\"web1\",instance=\"i-1\",job=\"shop/cart\","
                    "k8s_pod_name=\"p\",process_pid=\"7\"}"),
        1.0);
    cr_assert_eq(store_count("traces_target_info"), 1, "the other has nothing to say");
    cr_assert_eq(
        store_value("traces_spanmetrics_calls_total{instance=\"i-1\",job=\"shop/cart\",service="
                    "\"cart\",span_kind=\"SPAN_KIND_INTERNAL\",span_name=\"x\"," UNSET "}"),
        2.0);
    cr_assert_eq(store_value("traces_spanmetrics_calls_total{job=\"cart\",service=\"cart\",span_"
                             "kind=\"SPAN_KIND_INTERNAL\",span_name=\"x\"," UNSET "}"),
                 1.0);
    cr_assert_eq(rig_db.count, 2 * 19 + 1);
}

Test(span_metrics, instances_and_namespaces_are_told_apart)
{
    static const char *const resources[][2] = {{"a", "1"}, {"a", "2"}, {"b", "1"}, {"a1", ""}};
    for (int i = 0; i < 4; i++)
        rig_span(rig_source("shop", resources[i][0], resources[i][1]), TSDB_KIND_INTERNAL, "x", 1);
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(store_count("traces_spanmetrics_calls_total{instance=\"1\",job=\"a/shop\","), 1);
    cr_assert_eq(store_count("traces_spanmetrics_calls_total{instance=\"2\",job=\"a/shop\","), 1);
    cr_assert_eq(store_count("traces_spanmetrics_calls_total{instance=\"1\",job=\"b/shop\","), 1);
    cr_assert_eq(store_count("traces_spanmetrics_calls_total{job=\"a1/shop\","), 1);
    cr_assert_eq(rig_db.count, 4 * 19);
}

/* A label set has an end; what is beyond is left out, and so are names that the store refuses. */
Test(span_metrics, targets_have_so_many_labels)
{
    static struct tsdb_field fields[1000];
    static char names[1000][300];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(names[i], sizeof names[i], "a%0*d", i == 3 ? 280 : 4, i);
        fields[i] = field_text(names[i], "v");
    }
    fields[0] = field_text("service.name", "shop");
    fields[1].name = text_of("");
    uint32_t shop = rig_source(NULL, NULL, NULL);
    rig.sources[shop].resource = (struct tsdb_fields){fields, 1000, 0};
    rig_span(shop, TSDB_KIND_INTERNAL, "x", 1);
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(store_count("traces_target_info{a0002=\"v\",a0004=\"v\","), 1);
    cr_assert_eq(rig_db.count, 20);
    const char *series = rig_db.kept[0].series;
    if (strncmp(series, "traces_target_info", 18) != 0)
        series = rig_db.kept[rig_db.count - 1].series;
    int labels = 1;
    for (; *series; series++)
        labels += *series == ',';
    cr_assert_eq(labels, 59, "job and 58 attributes; the instance is empty");
}

/* The order of attributes is the sender's whim. */
Test(span_metrics, a_target_is_one_in_any_order)
{
    for (int turn = 0; turn < 2; turn++) {
        uint32_t a = rig_source("cart", NULL, NULL);
        rig_resource(a, turn ? field_text("a", "1") : field_text("b", "2"));
        rig_resource(a, turn ? field_text("b", "2") : field_text("a", "1"));
        rig_span(a, TSDB_KIND_INTERNAL, "x", 1);
        rig_observe(sm, "");
    }
    rig_flush();
    cr_assert_eq(store_value("traces_target_info{a=\"1\",b=\"2\",job=\"cart\"}"), 1.0);
}

Test(span_metrics, spans_without_a_service_count_without_one)
{
    rig_span(rig_source(NULL, "shop", NULL), TSDB_KIND_SERVER, "x", 1);
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(store_value("traces_spanmetrics_calls_total{span_kind=\"SPAN_KIND_SERVER\",span_"
                             "name=\"x\"," UNSET "}"),
                 1.0);
    cr_assert_eq(rig_db.count, 19, "and are no node of the graph");
}

static void reopen_with(const char *a, const char *b, const char *c)
{
    const struct tsdb_text names[] = {text_of(a), text_of(b), text_of(c)};
    rig_options.dimensions = names;
    rig_options.dimension_count = 3;
    rig_reopen();
}

Test(span_metrics, dimensions_come_from_resources_and_spans)
{
    reopen_with("deployment.environment", "http.status_code", "service");
    uint32_t shop = rig_source("shop", NULL, NULL);
    rig_resource(shop, field_text("deployment.environment", "prod"));
    struct tsdb_span *s = rig_span(shop, TSDB_KIND_INTERNAL, "x", 1);
    rig_attribute(s, field_int("http.status_code", 200));
    rig_attribute(s, field_text("deployment.environment", "the resource's counts"));
    s = rig_span(shop, TSDB_KIND_INTERNAL, "x", 1);
    rig_attribute(s, field_text("http.status_code", "200"));
    rig_attribute(s, field_text("service", "has a label of that name"));
    rig_span(shop, TSDB_KIND_INTERNAL, "x", 1);
    rig_observe(sm, "");
    rig_flush();
#define X                                                                                          \
    "job=\"shop\",service=\"shop\",span_kind=\"SPAN_KIND_INTERNAL\",span_name=\"x\"," UNSET "}"
    cr_assert_eq(store_value("traces_spanmetrics_calls_total{deployment_environment=\"prod\",http_"
                             "status_code=\"200\"," X),
                 1.0);
    cr_assert_eq(store_value("traces_spanmetrics_calls_total{__service=\"has a label of that "
                             "name\",deployment_environment=\"prod\",http_status_code=\"200\"," X),
                 1.0);
    cr_assert_eq(store_value("traces_spanmetrics_calls_total{deployment_environment=\"prod\"," X),
                 1.0);
}

/* Text and number that read alike are one label, so they must be one series. */
Test(span_metrics, dimensions_are_told_apart_by_text_alone)
{
    reopen_with("code", "c.d", "c_d");
    uint32_t shop = rig_source("shop", NULL, NULL);
    rig_attribute(rig_span(shop, TSDB_KIND_INTERNAL, "x", 1), field_int("code", 5));
    rig_attribute(rig_span(shop, TSDB_KIND_INTERNAL, "x", 1), field_text("code", "5"));
    rig_attribute(rig_span(shop, TSDB_KIND_INTERNAL, "y", 1), field_text("c.d", "1"));
    rig_attribute(rig_span(shop, TSDB_KIND_INTERNAL, "y", 1), field_text("c_d", "1"));
    struct tsdb_span *s = rig_span(shop, TSDB_KIND_INTERNAL, "z", 1);
    rig_attribute(s, field_text("c_d", "the last named"));
    rig_attribute(s, field_text("c.d", "first"));
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(store_value("traces_spanmetrics_calls_total{code=\"5\"," X), 2.0);
    cr_assert_eq(
        store_value("traces_spanmetrics_calls_total{c_d=\"1\",job=\"shop\",service=\"shop\","
                    "span_kind=\"SPAN_KIND_INTERNAL\",span_name=\"y\"," UNSET "}"),
        2.0);
    cr_assert_eq(
        store_value("traces_spanmetrics_calls_total{c_d=\"the last named\",job=\"shop\","
                    "service=\"shop\",span_kind=\"SPAN_KIND_INTERNAL\",span_name=\"z\"," UNSET "}"),
        1.0);
}

/* ---- counting ---------------------------------------------------------------------------------
 */

Test(span_metrics, refused_spans_count_nowhere)
{
    static const uint8_t verdicts[] = {TSDB_ACCEPTED, TSDB_TOO_OLD, TSDB_BAD_LABELS,
                                       TSDB_DUPLICATE};
    uint32_t shop = rig_source("shop", NULL, NULL);
    for (int i = 0; i < 4; i++)
        rig_span(shop, TSDB_KIND_INTERNAL, "x", 1);
    rig.verdicts = verdicts;
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(store_value("traces_spanmetrics_calls_total{" X), 2.0);
}

Test(span_metrics, durations_are_never_negative_nor_wrap)
{
    uint32_t shop = rig_source("shop", NULL, NULL);
    rig_span(shop, TSDB_KIND_INTERNAL, "x", -5 * NS_PER_S);
    struct tsdb_span *s = rig_span(shop, TSDB_KIND_INTERNAL, "x", 0);
    s->start = INT64_MIN;
    s->end = INT64_MAX;
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(store_value("traces_spanmetrics_latency_bucket{job=\"shop\",service=\"shop\",span_"
                             "kind=\"SPAN_KIND_INTERNAL\",span_name=\"x\"," UNSET ",le=\"0.002\"}"),
                 1.0);
    cr_assert_eq(store_value("traces_spanmetrics_latency_bucket{job=\"shop\",service=\"shop\",span_"
                             "kind=\"SPAN_KIND_INTERNAL\",span_name=\"x\"," UNSET
                             ",le=\"16.384\"}"),
                 1.0);
    cr_assert_float_eq(store_value("traces_spanmetrics_latency_sum{" X), (double)INT64_MAX / 1e9,
                       1);
}

Test(span_metrics, totals_go_on_and_say_since_when)
{
    for (int turn = 1; turn <= 3; turn++) {
        rig_span(rig_source("shop", NULL, NULL), TSDB_KIND_INTERNAL, "x", 1);
        rig_observe(sm, "");
        rig_flush();
        const struct kept_sample *k = store_find("", "traces_spanmetrics_calls_total{" X);
        cr_assert_not_null(k);
        cr_assert_eq(k->value, turn);
        cr_assert_eq(k->start, NOW, "since it was first seen");
        cr_assert_eq(k->ts, NOW + turn * NS_PER_S);
    }
    rig_flush();
    cr_assert_eq(store_value("traces_spanmetrics_calls_total{" X), 3.0,
                 "quiet ones are stored, too");
}

Test(span_metrics, ticks_store_every_interval)
{
    rig_span(rig_source("shop", NULL, NULL), TSDB_KIND_INTERNAL, "x", 1);
    rig_observe(sm, "");
    clock_sim_advance(&rig.clock, 15 * NS_PER_S - 1);
    span_metrics_tick(sm);
    cr_assert_eq(rig_db.count, 0);
    clock_sim_advance(&rig.clock, 1);
    span_metrics_tick(sm);
    cr_assert_eq(rig_db.count, 19);
    span_metrics_tick(sm);
    cr_assert_eq(rig_db.count, 19);
    rig_options.settings.interval = NS_PER_S;
    span_metrics_configure(sm, &rig_options.settings);
    clock_sim_advance(&rig.clock, NS_PER_S);
    span_metrics_tick(sm);
    cr_assert_eq(rig_db.count, 38, "a shorter interval counts at once");
}

Test(span_metrics, exemplars_are_one_a_series_and_interval)
{
    static const char bucket[] =
        "traces_spanmetrics_latency_bucket{job=\"shop\",service=\"shop\","
        "span_kind=\"SPAN_KIND_INTERNAL\",span_name=\"x\"," UNSET ",le=\"0.016\"}";
    uint32_t shop = rig_source("shop", NULL, NULL);
    for (int i = 0; i < 100; i++)
        rig_span(shop, TSDB_KIND_INTERNAL, "x", 10 * NS_PER_MS);
    rig_observe(sm, "");
    rig_flush();
    cr_assert_str_eq(store_find("", bucket)->exemplar,
                     "00000000000000000000000000000001 0000000000000001 0.01");
    cr_assert_eq(rig_db.exemplars, 1);
    rig_flush();
    cr_assert_eq(rig_db.exemplars, 0, "it was of the last interval");
    rig_span(rig_source("shop", NULL, NULL), TSDB_KIND_INTERNAL, "x", 11 * NS_PER_MS);
    rig_observe(sm, "");
    rig_flush();
    cr_assert_str_eq(store_find("", bucket)->exemplar,
                     "00000000000000000000000000000001 0000000000000065 0.011");
}

/* More buckets than places: the slow ones are worth more. */
Test(span_metrics, exemplars_of_slow_buckets_stay)
{
    uint32_t shop = rig_source("shop", NULL, NULL);
    for (int i = 0; i < 8; i++)
        rig_span(shop, TSDB_KIND_INTERNAL, "x", (2 * NS_PER_MS << i));
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(rig_db.exemplars, 4);
    for (uint32_t i = 0; i < rig_db.count; i++)
        if (rig_db.kept[i].exemplar[0])
            cr_assert_gt(rig_db.kept[i].value, 4.0, "%s", rig_db.kept[i].series);
}

/* ---- ends ---------------------------------------------------------------------------------------
 */

static bool is_stale(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits == UINT64_C(0x7ff0000000000002);
}

Test(span_metrics, idle_series_end_and_may_begin_again)
{
    uint32_t shop = rig_source("shop", NULL, NULL);
    rig_resource(shop, field_text("host.name", "web1"));
    rig_span(shop, TSDB_KIND_SERVER, "x", 1);
    rig_observe(sm, "");
    clock_sim_advance(&rig.clock, SPAN_METRICS_IDLE - 2 * NS_PER_S);
    rig_flush();
    cr_assert_eq(rig_db.count, 19 + 24 + 1);
    cr_assert(!is_stale(rig_db.kept[0].value));
    rig_flush();
    cr_assert_eq(rig_db.count, 19 + 24 + 1);
    for (uint32_t i = 0; i < rig_db.count; i++) {
        cr_assert(is_stale(rig_db.kept[i].value), "%s", rig_db.kept[i].series);
        cr_assert_eq(rig_db.kept[i].start, 0);
    }
    rig_flush();
    cr_assert_eq(rig_db.count, 0, "and that was all");
    rig_span(rig_source("shop", NULL, NULL), TSDB_KIND_INTERNAL, "x", 1);
    rig_observe(sm, "");
    int64_t again = clock_wall_ns(&rig.clock.clock);
    rig_flush();
    const struct kept_sample *k = store_find("", "traces_spanmetrics_calls_total{" X);
    cr_assert_eq(k->value, 1.0);
    cr_assert_eq(k->start, again);
}

Test(span_metrics, switched_off_everything_ends)
{
    uint32_t shop = rig_source("shop", NULL, NULL);
    rig_attribute(rig_span(shop, TSDB_KIND_CLIENT, "x", 1), field_text("peer.service", "p"));
    rig_observe(sm, "");
    rig_options.settings.is_on = false;
    span_metrics_configure(sm, &rig_options.settings);
    rig_flush();
    cr_assert_eq(rig_db.count, 19);
    cr_assert(is_stale(rig_db.kept[0].value));
    rig_span(rig_source("shop", NULL, NULL), TSDB_KIND_INTERNAL, "x", 1);
    rig_observe(sm, "");
    clock_sim_advance(&rig.clock, NS_PER_MINUTE);
    store_forget();
    span_metrics_tick(sm); /* what waited ends unseen */
    cr_assert_eq(rig_db.count, 0);
    rig_options.settings.is_on = true;
    span_metrics_configure(sm, &rig_options.settings);
    rig_span(rig_source("shop", NULL, NULL), TSDB_KIND_INTERNAL, "x", 1);
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(store_value("traces_spanmetrics_calls_total{" X), 1.0);
    cr_assert_eq(rig_db.count, 19);
}

/* The store is full or its disk is: the totals are in the next samples. */
Test(span_metrics, a_failing_store_loses_no_counts)
{
    rig_span(rig_source("shop", NULL, NULL), TSDB_KIND_INTERNAL, "x", 1);
    rig_observe(sm, "");
    rig_db.status = TSDB_ELIMIT;
    rig_flush();
    cr_assert_eq(
        counters_get(ITEMS_REJECTED, AT(SIGNAL_METRICS, DOOR_SPAN_METRICS, REASON_OVERLOADED)), 19);
    rig_db.status = TSDB_OK;
    rig_span(rig_source("shop", NULL, NULL), TSDB_KIND_INTERNAL, "x", 1);
    rig_observe(sm, "");
    rig_flush();
    const struct kept_sample *k = store_find("", "traces_spanmetrics_calls_total{" X);
    cr_assert_eq(k->value, 2.0);
    cr_assert_eq(k->start, NOW);
    cr_assert_eq(counters_get(ITEMS_RECEIVED, AT(SIGNAL_METRICS, DOOR_SPAN_METRICS)), 38);
    cr_assert_eq(counters_get(ITEMS_ACCEPTED, AT(SIGNAL_METRICS, DOOR_SPAN_METRICS)), 19);
}

/* ---- limits -----------------------------------------------------------------------------------
 */

static void observe_names(const char *tenant, int from, int to)
{
    static char names[64][16];
    uint32_t shop = rig_source("shop", NULL, NULL);
    for (int i = from; i < to; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%d", i);
        rig_span(shop, TSDB_KIND_INTERNAL, names[i], 1);
    }
    rig_observe(sm, tenant);
}

Test(span_metrics, series_beyond_the_limit_are_folded_into_one)
{
    static const char other[] =
        "traces_spanmetrics_calls_total{metric_overflow=\"true\",service=\"other\"}";
    rig_options.settings.series_max = 3 * 19;
    rig_reopen();
    observe_names("", 0, 3);
    cr_assert_eq(counters_get(SPAN_METRICS_FOLDED, NOWHERE), 0);
    observe_names("", 0, 10);
    rig_flush();
    cr_assert_eq(store_value(other), 7.0);
    cr_assert_eq(rig_db.count, 4 * 19);
    cr_assert_eq(counters_get(SPAN_METRICS_FOLDED, NOWHERE), 7);
    span_metrics_collect(sm);
    cr_assert_eq(counters_get(SPAN_METRICS_SERIES, NOWHERE), 57);
    observe_names("other", 0, 3);
    cr_assert_eq(counters_get(SPAN_METRICS_FOLDED, NOWHERE), 7, "another tenant has its own limit");

    clock_sim_advance(&rig.clock, SPAN_METRICS_IDLE);
    rig_flush();
    observe_names("", 20, 22);
    rig_flush();
    cr_assert_eq(store_count("traces_spanmetrics_calls_total{"), 2, "idle ones make room");
    cr_assert_null(store_find("", other));
}

Test(span_metrics, requests_and_targets_are_folded_too)
{
    rig_options.settings.series_max = 1;
    rig_reopen();
    uint32_t shop = rig_source("shop", NULL, NULL);
    rig_resource(shop, field_text("host.name", "web1"));
    rig_span(shop, TSDB_KIND_SERVER, "x", 1);
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(store_value("traces_service_graph_request_total{client=\"other\",metric_overflow="
                             "\"true\",server=\"other\"}"),
                 1.0);
    cr_assert_eq(store_count("traces_target_info"), 1, "one fits");
    rig_options.settings.series_max = 0;
    span_metrics_configure(sm, &rig_options.settings);
    uint32_t b = rig_source("b", NULL, NULL);
    rig_resource(b, field_text("host.name", "web2"));
    rig_span(b, TSDB_KIND_INTERNAL, "x", 1);
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(store_count("traces_target_info"), 1, "targets beyond it are left out");
}

Test(span_metrics, tenants_do_not_share_series)
{
    for (int turn = 0; turn < 3; turn++) {
        rig_span(rig_source("shop", NULL, NULL), TSDB_KIND_INTERNAL, "x", 1);
        rig_observe(sm, turn ? "b" : "a");
    }
    rig_flush();
    cr_assert_eq(store_find("a", "traces_spanmetrics_calls_total{" X)->value, 1.0);
    cr_assert_eq(store_find("b", "traces_spanmetrics_calls_total{" X)->value, 2.0);
    cr_assert_null(store_find("", "traces_spanmetrics_calls_total{" X));
}

Test(span_metrics, what_is_not_utf8_counts_nowhere)
{
    uint32_t shop = rig_source("shop", NULL, NULL), bad = rig_source("sh\xffop", NULL, NULL);
    rig_span(shop, TSDB_KIND_INTERNAL, "\xff", 1);
    rig_span(shop, TSDB_KIND_INTERNAL, "cut \xe2\x82", 1);
    rig_span(bad, TSDB_KIND_INTERNAL, "x", 1);
    rig_span(bad, TSDB_KIND_SERVER, "x", 1); /* as a span, and as a request */
    rig_span(shop, TSDB_KIND_INTERNAL, "x", 1);
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(rig_db.count, 19);
    cr_assert_eq(counters_get(SPAN_METRICS_INVALID, NOWHERE), 5);
}

/* 1 MB, of characters of three bytes: cut at 1,024 bytes, between two. */
Test(span_metrics, long_names_are_cut_between_characters)
{
    enum { BYTES = 3 << 18 };
    char *name = malloc(BYTES + 1);
    for (int i = 0; i < BYTES; i += 3)
        memcpy(name + i, "\xe2\x82\xac", 3);
    name[BYTES] = '\0';
    uint32_t shop = rig_source("shop", NULL, NULL);
    rig_span(shop, TSDB_KIND_INTERNAL, name, 1);
    name[BYTES - 1] = '\xad';
    rig_span(shop, TSDB_KIND_INTERNAL, name, 1);
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(rig_db.count, 19, "they read alike, so they are one series");
    cr_assert_eq(rig_db.kept[0].value, 2.0);
    const char *at = strstr(rig_db.kept[0].series, "span_name=\"");
    cr_assert_eq(strcspn(at + 11, "\""), 1023);
    free(name);
}

Test(span_metrics, memory_is_paid_for)
{
    for (uint64_t bytes = 0; bytes < 40000; bytes += 1000) {
        rig_reopen();
        span_metrics_free(sm);
        budget_init(&rig_budget, bytes, NULL);
        sm = span_metrics_new(&rig_options);
        observe_names("", 0, 64);
        rig_flush();
        double counted = 0;
        for (uint32_t i = 0; i < rig_db.count; i++)
            if (strncmp(rig_db.kept[i].series, "traces_spanmetrics_calls_total", 30) == 0)
                counted += rig_db.kept[i].value;
        cr_assert_leq(counted, 64);
        cr_assert_leq(budget_used(&rig_budget), bytes);
        if (bytes > 30000)
            cr_assert_gt(counted, 0);
    }
}

/* ---- threads ------------------------------------------------------------------------------------
 */

enum { LOOPS = 4, TURNS = 200, SPANS = 100 };

/* One loop's batches: its own spans, of names that all loops share. */
static void *run_loop(void *arg)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    uint64_t loop = (uint64_t)(uintptr_t)arg;
    struct tsdb_span *spans = calloc(SPANS, sizeof *spans);
    struct tsdb_field name = field_text("service.name", loop % 2 ? "odd" : "even");
    struct tsdb_span_source source = {.resource = {&name, 1, 0}};
    const struct tsdb_span_batch batch = {"", &source, spans, 1, SPANS};
    for (uint64_t turn = 0; turn < TURNS; turn++) {
        for (uint64_t i = 0; i < SPANS; i++) {
            uint64_t id = loop << 32 | turn << 16 | i;
            spans[i] = (struct tsdb_span){.kind = i % 2 ? TSDB_KIND_SERVER : TSDB_KIND_CLIENT,
                                          .name = text_of(names[i % 5]),
                                          .start = 1,
                                          .end = 2,
                                          .span_id = span_id(id + 1)};
            if (i % 2)
                spans[i].parent_id = span_id(id);
        }
        span_metrics_observe(sm, &batch, NULL);
    }
    free(spans);
    return NULL;
}

Test(span_metrics, loops_count_at_once)
{
    struct thread loops[LOOPS];
    double calls = 0, requests = 0;
    for (int i = 0; i < LOOPS; i++)
        thread_start(&loops[i], "loop", run_loop, (void *)(uintptr_t)i);
    for (int i = 0; i < 20; i++) {
        rig_flush();
        span_metrics_tick(sm);
        span_metrics_collect(sm);
        span_metrics_configure(sm, &rig_options.settings);
    }
    for (int i = 0; i < LOOPS; i++)
        thread_join(&loops[i]);
    rig_flush();
    for (uint32_t i = 0; i < rig_db.count; i++) {
        const struct kept_sample *k = &rig_db.kept[i];
        if (strncmp(k->series, "traces_spanmetrics_calls_total", 30) == 0)
            calls += k->value;
        if (strncmp(k->series, "traces_service_graph_request_total", 34) == 0)
            requests += k->value;
    }
    cr_assert_eq(calls, LOOPS * TURNS * SPANS);
    cr_assert_eq(requests, LOOPS * TURNS * SPANS / 2);
    cr_assert_eq(counters_get(SPAN_METRICS_SPANS, NOWHERE), LOOPS * TURNS * SPANS);
}
