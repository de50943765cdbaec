/* Requests are packed by protobuf-c; expectations follow the OpenTelemetry
 * specification's "Prometheus and OpenMetrics compatibility". */
#include "collector/decode/otlp_metrics.h"

#include "proto/otlp_metrics.pb-c.h"
#include "tests/collector/decode/collect.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#define TS UINT64_C(1700000000123456789)

static struct arena arena;
static struct collect *seen;
static struct decode_tally tally;
static struct tsdb_error err;
static struct otlp_options options;
static const char *tenant = "";

static void set_up(void)
{
    arena_init(&arena, 64 << 20, NULL);
    seen = collect_new();
    options = (struct otlp_options){0};
}

static void tear_down(void)
{
    collect_free(seen);
    arena_release(&arena);
}

TestSuite(otlp_metrics, .init = set_up, .fini = tear_down);

static char *text(const char *t)
{
    return (char *)(uintptr_t)t;
}

/* A request of one resource, one scope and one metric; tests change what they are about. */
struct request {
    Otlp__ExportMetricsServiceRequest request;
    Otlp__ResourceMetrics rm, *rms[1];
    Otlp__ScopeMetrics sm, *sms[1];
    Otlp__Resource resource;
    Otlp__InstrumentationScope scope;
    Otlp__Metric metric, *metrics[1];
    Otlp__Gauge gauge;
    Otlp__Sum sum;
    Otlp__Histogram histogram;
    Otlp__ExponentialHistogram exponential;
    Otlp__Summary summary;
    Otlp__NumberDataPoint number, *numbers[1];
    Otlp__HistogramDataPoint classic, *classics[1];
    Otlp__ExponentialHistogramDataPoint native, *natives[1];
    Otlp__SummaryDataPoint quantiles, *quantiles_list[1];
    Otlp__KeyValue attributes[16], *resource_list[16], *point_list[16];
    Otlp__AnyValue values[16];
    size_t used;
};

static Otlp__KeyValue *attribute(struct request *r, const char *key, const char *value)
{
    size_t i = r->used++;
    otlp__key_value__init(&r->attributes[i]);
    otlp__any_value__init(&r->values[i]);
    r->attributes[i].key = text(key);
    r->attributes[i].value = &r->values[i];
    r->values[i].value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    r->values[i].string_value = text(value);
    return &r->attributes[i];
}

static void on_resource(struct request *r, const char *key, const char *value)
{
    r->resource_list[r->resource.n_attributes++] = attribute(r, key, value);
    r->resource.attributes = r->resource_list;
}

static Otlp__AnyValue *on_number(struct request *r, const char *key, const char *value)
{
    r->point_list[r->number.n_attributes++] = attribute(r, key, value);
    r->number.attributes = r->point_list;
    return &r->values[r->used - 1];
}

static void wire_points(struct request *r)
{
    r->numbers[0] = &r->number;
    r->classics[0] = &r->classic;
    r->natives[0] = &r->native;
    r->quantiles_list[0] = &r->quantiles;
    r->gauge.data_points = r->sum.data_points = r->numbers;
    r->histogram.data_points = r->classics;
    r->exponential.data_points = r->natives;
    r->summary.data_points = r->quantiles_list;
    r->gauge.n_data_points = r->sum.n_data_points = r->histogram.n_data_points = 1;
    r->exponential.n_data_points = r->summary.n_data_points = 1;
    r->sum.aggregation_temporality =
        OTLP__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_CUMULATIVE;
    r->histogram.aggregation_temporality = r->sum.aggregation_temporality;
    r->exponential.aggregation_temporality = r->sum.aggregation_temporality;
    r->number.time_unix_nano = r->classic.time_unix_nano = TS;
    r->native.time_unix_nano = r->quantiles.time_unix_nano = TS;
}

static void request_init(struct request *r, const char *name)
{
    *r = (struct request){0};
    otlp__export_metrics_service_request__init(&r->request);
    otlp__resource_metrics__init(&r->rm);
    otlp__scope_metrics__init(&r->sm);
    otlp__resource__init(&r->resource);
    otlp__instrumentation_scope__init(&r->scope);
    otlp__metric__init(&r->metric);
    otlp__gauge__init(&r->gauge);
    otlp__sum__init(&r->sum);
    otlp__histogram__init(&r->histogram);
    otlp__exponential_histogram__init(&r->exponential);
    otlp__summary__init(&r->summary);
    otlp__number_data_point__init(&r->number);
    otlp__histogram_data_point__init(&r->classic);
    otlp__exponential_histogram_data_point__init(&r->native);
    otlp__summary_data_point__init(&r->quantiles);
    r->rms[0] = &r->rm;
    r->sms[0] = &r->sm;
    r->metrics[0] = &r->metric;
    r->request.resource_metrics = r->rms;
    r->request.n_resource_metrics = 1;
    r->rm.resource = &r->resource;
    r->rm.scope_metrics = r->sms;
    r->rm.n_scope_metrics = 1;
    r->sm.scope = &r->scope;
    r->sm.metrics = r->metrics;
    r->sm.n_metrics = 1;
    r->metric.name = text(name);
    wire_points(r);
}

static void as_gauge(struct request *r, double value)
{
    r->metric.data_case = OTLP__METRIC__DATA_GAUGE;
    r->metric.gauge = &r->gauge;
    r->number.value_case = OTLP__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
    r->number.as_double = value;
}

static enum tsdb_status decode_bytes(struct bytes in)
{
    struct decode_task task = collect_task(seen, &arena);
    task.tenant = tenant;
    seen->has_item = false;
    seen->items = 0;
    enum tsdb_status st = otlp_metrics_decode(&task, &options, in, &tally, &err);
    if (st == TSDB_OK) {
        cr_assert_eq(tally.received, tally.handed + tally_rejected(&tally));
        cr_assert_eq(tally.handed, seen->items);
    }
    return st;
}

static enum tsdb_status decode(struct request *r)
{
    size_t len = otlp__export_metrics_service_request__get_packed_size(&r->request);
    uint8_t *at = mem_alloc(len);
    otlp__export_metrics_service_request__pack(&r->request, at);
    enum tsdb_status st = decode_bytes((struct bytes){at, len});
    mem_free(at);
    return st;
}

static void expect(const char *line)
{
    char *all = collect_dump(seen);
    cr_assert(collect_has(seen, line), "want %s\ngot\n%s", line, all);
    mem_free(all);
}

Test(otlp_metrics, gauge_with_identity_and_target_info)
{
    struct request r;
    request_init(&r, "process.cpu.load");
    as_gauge(&r, 0.5);
    r.metric.unit = text("1");
    r.metric.description = text("Load.");
    r.scope.name = text("my.lib");
    r.scope.version = text("1.2");
    on_resource(&r, "service.namespace", "shop");
    on_resource(&r, "service.name", "cart");
    on_resource(&r, "service.instance.id", "i-1");
    on_resource(&r, "host.name", "web");
    on_number(&r, "http.method", "GET");
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"process_cpu_load_ratio\",http_method=\"GET\",instance=\"i-1\","
           "job=\"shop/cart\",otel_scope_name=\"my.lib\",otel_scope_version=\"1.2\"} "
           "1700000000123456789 3fe0000000000000");
    expect("{__name__=\"target_info\",host_name=\"web\",instance=\"i-1\",job=\"shop/cart\"} "
           "1700000000123456789 3ff0000000000000");
    expect("metadata process_cpu_load_ratio 2 'Load.' ''");
    cr_assert_eq(tally.received, 1, "target_info is no item");
}

Test(otlp_metrics, no_target_info_without_identity_or_without_more_to_say)
{
    struct request r;
    request_init(&r, "g");
    as_gauge(&r, 1);
    on_resource(&r, "host.name", "web");
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(seen->points, 1, "no job, no instance");
    request_init(&r, "g");
    as_gauge(&r, 1);
    on_resource(&r, "service.name", "cart");
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(seen->points, 2, "nothing else is known of the resource");
}

Test(otlp_metrics, sums_carry_unit_and_total)
{
    struct request r;
    request_init(&r, "http.server.request.size");
    r.metric.unit = text("By");
    r.metric.data_case = OTLP__METRIC__DATA_SUM;
    r.metric.sum = &r.sum;
    r.sum.is_monotonic = 1;
    r.number.value_case = OTLP__NUMBER_DATA_POINT__VALUE_AS_INT;
    r.number.as_int = 42;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"http_server_request_size_bytes_total\"} 1700000000123456789 "
           "4045000000000000");
    r.sum.is_monotonic = 0;
    r.number.as_int = 0;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"http_server_request_size_bytes\"} 1700000000123456789 0000000000000000");
    expect("metadata http_server_request_size_bytes_total 1 '' 'bytes'");
    r.sum.aggregation_temporality =
        OTLP__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_UNSPECIFIED;
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_TEMPORALITY], 1);
}

Test(otlp_metrics, delta_points_say_so)
{
    struct request r;
    request_init(&r, "hits");
    r.metric.data_case = OTLP__METRIC__DATA_SUM;
    r.metric.sum = &r.sum;
    r.sum.is_monotonic = 1;
    r.sum.aggregation_temporality = OTLP__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_DELTA;
    r.number.value_case = OTLP__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
    r.number.as_double = 2;
    r.number.start_time_unix_nano = 5;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"hits_total\"} 1700000000123456789 4000000000000000 delta since 5");
}

static void as_sum(struct request *r, bool is_monotonic)
{
    as_gauge(r, 2);
    r->metric.data_case = OTLP__METRIC__DATA_SUM;
    r->metric.sum = &r->sum;
    r->sum.is_monotonic = is_monotonic;
}

/* What counts from its start, and what only has one. */
Test(otlp_metrics, monotonic_cumulative_sums_say_since_when)
{
    struct request r;
    request_init(&r, "hits");
    as_sum(&r, true);
    r.number.start_time_unix_nano = 5;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"hits_total\"} 1700000000123456789 4000000000000000 total since 5");
    request_init(&r, "late");
    as_sum(&r, true);
    r.number.start_time_unix_nano = UINT64_MAX;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"late_total\"} 1700000000123456789 4000000000000000 total since "
           "9223372036854775807");
    request_init(&r, "size");
    as_sum(&r, false);
    r.number.start_time_unix_nano = 5;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"size\"} 1700000000123456789 4000000000000000");
    request_init(&r, "level");
    as_gauge(&r, 2);
    r.number.start_time_unix_nano = 5;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"level\"} 1700000000123456789 4000000000000000");
    request_init(&r, "gone");
    as_sum(&r, true);
    r.number.start_time_unix_nano = 5;
    r.number.flags = 1;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"gone_total\"} 1700000000123456789 7ff0000000000002");
}

static double bounds[] = {0.005, 0.1, 10};
static uint64_t counts[] = {1, 2, 0, 4};

static void as_histogram(struct request *r)
{
    r->metric.data_case = OTLP__METRIC__DATA_HISTOGRAM;
    r->metric.histogram = &r->histogram;
    r->classic.count = 7;
    r->classic.sum_set_case = OTLP__HISTOGRAM_DATA_POINT__SUM_SET_SUM;
    r->classic.sum = 1.5;
    r->classic.explicit_bounds = bounds;
    r->classic.n_explicit_bounds = 3;
    r->classic.bucket_counts = counts;
    r->classic.n_bucket_counts = 4;
}

Test(otlp_metrics, histograms_are_cumulative_buckets)
{
    struct request r;
    request_init(&r, "latency");
    r.metric.unit = text("s");
    as_histogram(&r);
    cr_assert_eq(decode(&r), TSDB_OK);
    expect(
        "{__name__=\"latency_seconds_bucket\",le=\"0.005\"} 1700000000123456789 3ff0000000000000");
    expect("{__name__=\"latency_seconds_bucket\",le=\"0.1\"} 1700000000123456789 4008000000000000");
    expect("{__name__=\"latency_seconds_bucket\",le=\"10\"} 1700000000123456789 4008000000000000");
    expect(
        "{__name__=\"latency_seconds_bucket\",le=\"+Inf\"} 1700000000123456789 401c000000000000");
    expect("{__name__=\"latency_seconds_sum\"} 1700000000123456789 3ff8000000000000");
    expect("{__name__=\"latency_seconds_count\"} 1700000000123456789 401c000000000000");
    cr_assert_eq(tally.received, 1);
    cr_assert_eq(seen->points, 6);

    r.classic.sum_set_case = OTLP__HISTOGRAM_DATA_POINT__SUM_SET__NOT_SET;
    r.classic.n_bucket_counts = 0;
    r.classic.n_explicit_bounds = 0;
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(seen->points, 8, "+Inf and the count, no sum");
}

Test(otlp_metrics, histograms_and_summaries_say_since_when)
{
    struct request r;
    request_init(&r, "latency");
    as_histogram(&r);
    r.classic.start_time_unix_nano = 5;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"latency_bucket\",le=\"10\"} 1700000000123456789 4008000000000000 total "
           "since 5");
    expect("{__name__=\"latency_bucket\",le=\"+Inf\"} 1700000000123456789 401c000000000000 "
           "total since 5");
    expect("{__name__=\"latency_sum\"} 1700000000123456789 3ff8000000000000 total since 5");
    expect("{__name__=\"latency_count\"} 1700000000123456789 401c000000000000 total since 5");
    r.histogram.aggregation_temporality =
        OTLP__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_DELTA;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"latency_sum\"} 1700000000123456789 3ff8000000000000 delta since 5");

    request_init(&r, "size");
    r.metric.data_case = OTLP__METRIC__DATA_EXPONENTIAL_HISTOGRAM;
    r.metric.exponential_histogram = &r.exponential;
    r.native.start_time_unix_nano = 6;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"size\"} 1700000000123456789 hi schema=0 hint=0 count=0 "
           "sum=0000000000000000 zero=0<=1.0000000000000001e-128 | | total since 6");

    request_init(&r, "wait");
    Otlp__SummaryDataPoint__ValueAtQuantile q = OTLP__SUMMARY_DATA_POINT__VALUE_AT_QUANTILE__INIT;
    Otlp__SummaryDataPoint__ValueAtQuantile *list[] = {&q};
    r.metric.data_case = OTLP__METRIC__DATA_SUMMARY;
    r.metric.summary = &r.summary;
    r.quantiles.start_time_unix_nano = 7;
    r.quantiles.quantile_values = list;
    r.quantiles.n_quantile_values = 1;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"wait\",quantile=\"0\"} 1700000000123456789 0000000000000000");
    expect("{__name__=\"wait_sum\"} 1700000000123456789 0000000000000000 total since 7");
    expect("{__name__=\"wait_count\"} 1700000000123456789 0000000000000000 total since 7");
}

Test(otlp_metrics, refuses_histograms_that_contradict_themselves)
{
    struct request r;
    request_init(&r, "latency");
    as_histogram(&r);
    r.classic.n_bucket_counts = 3;
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_BAD_POINT], 1);
    cr_assert_str_eq(tally.message, "histogram: 3 bucket counts, want 4");
    r.classic.n_bucket_counts = 4;
    double shuffled[] = {1, 3, 2};
    r.classic.explicit_bounds = shuffled;
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_BAD_POINT], 1);
    cr_assert_str_eq(tally.message, "histogram: bounds do not ascend");
    cr_assert_eq(seen->points, 0);
}

Test(otlp_metrics, buckets_past_the_limit_are_refused)
{
    enum { MANY = OTLP_BUCKETS_MAX + 1 };
    static double many_bounds[MANY];
    static uint64_t many_counts[MANY + 1];
    for (int i = 0; i < MANY; i++)
        many_bounds[i] = i;
    struct request r;
    request_init(&r, "latency");
    as_histogram(&r);
    r.classic.explicit_bounds = many_bounds;
    r.classic.bucket_counts = many_counts;
    r.classic.n_explicit_bounds = MANY - 1;
    r.classic.n_bucket_counts = MANY;
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(seen->points, MANY + 2);
    r.classic.n_explicit_bounds = MANY;
    r.classic.n_bucket_counts = MANY + 1;
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_BAD_POINT], 1);
}

Test(otlp_metrics, exemplars_go_to_the_bucket_of_their_value)
{
    struct request r;
    request_init(&r, "latency");
    as_histogram(&r);
    Otlp__Exemplar e = OTLP__EXEMPLAR__INIT, *list[] = {&e};
    uint8_t trace[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xff}, span[8] = {0xab};
    e.time_unix_nano = 77;
    e.value_case = OTLP__EXEMPLAR__VALUE_AS_DOUBLE;
    e.as_double = 0.07;
    e.trace_id = (ProtobufCBinaryData){sizeof trace, trace};
    e.span_id = (ProtobufCBinaryData){sizeof span, span};
    r.classic.exemplars = list;
    r.classic.n_exemplars = 1;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("exemplar {__name__=\"latency_bucket\",le=\"0.1\"} 77 0.070000000000000007 "
           "{span_id=\"ab00000000000000\",trace_id=\"0102030405060708090a0b0c0d0e0fff\"}");
}

Test(otlp_metrics, exponential_becomes_native)
{
    struct request r;
    request_init(&r, "size");
    Otlp__ExponentialHistogramDataPoint__Buckets up =
        OTLP__EXPONENTIAL_HISTOGRAM_DATA_POINT__BUCKETS__INIT;
    uint64_t up_counts[] = {1, 0, 2, 3};
    up.offset = -1;
    up.bucket_counts = up_counts;
    up.n_bucket_counts = 4;
    r.metric.data_case = OTLP__METRIC__DATA_EXPONENTIAL_HISTOGRAM;
    r.metric.exponential_histogram = &r.exponential;
    r.native.scale = 3;
    r.native.count = 8;
    r.native.zero_count = 2;
    r.native.zero_threshold = 0.25;
    r.native.sum_set_case = OTLP__EXPONENTIAL_HISTOGRAM_DATA_POINT__SUM_SET_SUM;
    r.native.sum = 12;
    r.native.positive = &up;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"size\"} 1700000000123456789 hi schema=3 hint=0 count=8 "
           "sum=4028000000000000 zero=2<=0.25 | 0:1 2:2 3:3 |");

    r.native.scale = 9; /* one step finer than native histograms go: pairs merge */
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"size\"} 1700000000123456789 hi schema=8 hint=0 count=8 "
           "sum=4028000000000000 zero=2<=0.25 | 0:1 1:2 2:3 |");

    r.native.scale = -5;
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_BAD_HISTOGRAM], 1);
    r.native.scale = 0;
    r.native.count = 9;
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_BAD_HISTOGRAM], 1);
}

Test(otlp_metrics, summaries_with_and_without_quantiles)
{
    struct request r;
    request_init(&r, "wait");
    Otlp__SummaryDataPoint__ValueAtQuantile q = OTLP__SUMMARY_DATA_POINT__VALUE_AT_QUANTILE__INIT;
    Otlp__SummaryDataPoint__ValueAtQuantile *list[] = {&q};
    q.quantile = 0.99;
    q.value = 3;
    r.metric.data_case = OTLP__METRIC__DATA_SUMMARY;
    r.metric.summary = &r.summary;
    r.quantiles.count = 2;
    r.quantiles.sum = 4;
    r.quantiles.quantile_values = list;
    r.quantiles.n_quantile_values = 1;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"wait\",quantile=\"0.99\"} 1700000000123456789 4008000000000000");
    expect("{__name__=\"wait_sum\"} 1700000000123456789 4010000000000000");
    expect("{__name__=\"wait_count\"} 1700000000123456789 4000000000000000");
    r.quantiles.n_quantile_values = 0;
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(tally.handed, 1);
}

Test(otlp_metrics, no_recorded_value_is_a_stale_marker)
{
    struct request r;
    request_init(&r, "g");
    as_gauge(&r, 1);
    r.number.flags = 1;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"g\"} 1700000000123456789 7ff0000000000002");
    request_init(&r, "latency");
    as_histogram(&r);
    r.classic.flags = 1;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"latency_bucket\",le=\"10\"} 1700000000123456789 7ff0000000000002");
    expect("{__name__=\"latency_sum\"} 1700000000123456789 7ff0000000000002");
}

Test(otlp_metrics, colliding_keys_join_in_key_order)
{
    struct request r;
    request_init(&r, "g");
    as_gauge(&r, 1);
    on_number(&r, "a_b", "under");
    on_number(&r, "a.b", "dot");
    on_number(&r, "a-b", "minus");
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"g\",a_b=\"minus;dot;under\"} 1700000000123456789 3ff0000000000000");
}

Test(otlp_metrics, attribute_values_are_exact)
{
    struct request r;
    request_init(&r, "g");
    as_gauge(&r, 1);
    Otlp__AnyValue *v = on_number(&r, "int", "");
    v->value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
    v->int_value = INT64_MIN;
    v = on_number(&r, "yes", "");
    v->value_case = OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
    v->bool_value = 1;
    v = on_number(&r, "pi", "");
    v->value_case = OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
    v->double_value = 0.1;
    v = on_number(&r, "nothing", "");
    v->value_case = OTLP__ANY_VALUE__VALUE__NOT_SET;
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"g\",int=\"-9223372036854775808\",pi=\"0.1\",yes=\"true\"} "
           "1700000000123456789 3ff0000000000000");
}

Test(otlp_metrics, promoted_attributes_and_no_translation)
{
    static const struct tsdb_text promoted[] = {{"host.name", 9}};
    options.strategy = OTLP_UTF8;
    options.promoted = promoted;
    options.promoted_count = 1;
    struct request r;
    request_init(&r, "my.gauge");
    as_gauge(&r, 1);
    r.metric.unit = text("s");
    on_resource(&r, "host.name", "web");
    on_number(&r, "http.method", "GET");
    cr_assert_eq(decode(&r), TSDB_OK);
    expect("{__name__=\"my.gauge\",host.name=\"web\",http.method=\"GET\"} 1700000000123456789 "
           "3ff0000000000000");
}

Test(otlp_metrics, keys_tell_series_apart_and_repeat)
{
    struct request r;
    request_init(&r, "latency");
    as_histogram(&r);
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(seen->key_count, 12);
    for (uint32_t i = 0; i < 6; i++) {
        cr_assert(hash_equal(seen->keys[i], seen->keys[i + 6]));
        for (uint32_t k = 0; k < i; k++)
            cr_assert_not(hash_equal(seen->keys[i], seen->keys[k]));
    }
    struct tsdb_hash before = seen->keys[0];
    on_resource(&r, "service.name", "x");
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_not(hash_equal(seen->keys[12], before), "another resource");
    options.strategy = OTLP_UTF8;
    r.resource.n_attributes = 0;
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_not(hash_equal(seen->keys[18], before), "other options name other series");
}

Test(otlp_metrics, metadata_is_sent_once)
{
    static struct otlp_seen memory;
    options.seen = &memory;
    struct request r;
    request_init(&r, "g");
    as_gauge(&r, 1);
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(tally.metadata, 1);
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(tally.metadata, 0);
    tenant = "other";
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(tally.metadata, 1, "another tenant has not seen it");
    tenant = "";
    r.metric.description = text("new");
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(tally.metadata, 1);
}

Test(otlp_metrics, names_without_a_valid_character_are_refused)
{
    struct request r;
    request_init(&r, "\xe3\x82\x88\xe3\x81\x86");
    as_gauge(&r, 1);
    cr_assert_eq(decode(&r), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_NO_NAME], 1);
    cr_assert_eq(tally.handed, 0);
}

/* Goal: no stack and no heap for nesting: the value is refused, the request lives. */
Test(otlp_metrics, deep_values_refuse_their_point_only)
{
    static uint8_t nested[64 * 1024];
    size_t len = 0;
    for (int depth = 0; depth < 5000; depth++) { /* innermost first, growing outwards */
        uint8_t head[16];
        size_t n = 0;
        uint8_t inner_len[10], outer_len[10];
        size_t a = uvarint_encode(len, inner_len);
        head[n++] = 0x0a; /* ArrayValue.values */
        memcpy(head + n, inner_len, a);
        n += a;
        uint8_t wrapped[16];
        size_t b = uvarint_encode(n + len, outer_len), m = 0;
        wrapped[m++] = 0x2a; /* AnyValue.array_value */
        memcpy(wrapped + m, outer_len, b);
        m += b;
        memcpy(wrapped + m, head, n);
        m += n;
        if (len + m > sizeof nested)
            break;
        memmove(nested + m, nested, len);
        memcpy(nested, wrapped, m);
        len += m;
    }
    struct writer attribute_bytes = {0}, point = {0}, gauge = {0}, metric = {0}, scope = {0};
    struct writer resource = {0}, request = {0};
    writer_text(&attribute_bytes, "\x0a\x01k\x12");
    writer_sized(&attribute_bytes, nested, len);
    writer_u8(&point, 0x3a);
    writer_sized(&point, attribute_bytes.at, attribute_bytes.len);
    writer_u8(&gauge, 0x0a);
    writer_sized(&gauge, point.at, point.len);
    writer_text(&metric, "\x0a\x01g\x2a");
    writer_sized(&metric, gauge.at, gauge.len);
    writer_u8(&scope, 0x12);
    writer_sized(&scope, metric.at, metric.len);
    writer_u8(&resource, 0x12);
    writer_sized(&resource, scope.at, scope.len);
    writer_u8(&request, 0x0a);
    writer_sized(&request, resource.at, resource.len);
    cr_assert_eq(decode_bytes(writer_bytes(&request)), TSDB_OK);
    cr_assert_eq(seen->count, 2, "the point and its metadata");
    expect("{bad 6} 0 0000000000000000");
    struct writer *all[] = {&attribute_bytes, &point, &gauge, &metric, &scope, &resource, &request};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        writer_release(all[i]);
}

/* Goal: amplification.  A megabyte of empty things must not cost a gigabyte. */
Test(otlp_metrics, empty_things_cost_nothing)
{
    struct budget budget;
    struct arena small;
    budget_init(&budget, 2 << 20, NULL);
    arena_init(&small, 2 << 20, &budget);
    struct writer w = {0}, scope = {0}, resource = {0};
    for (int i = 0; i < 200000; i++)
        writer_put(&scope, "\x12\x00", 2); /* empty metrics */
    for (int i = 0; i < 100000; i++)
        writer_put(&resource, "\x12\x00", 2); /* empty scopes */
    writer_u8(&resource, 0x12);
    writer_sized(&resource, scope.at, scope.len);
    for (int i = 0; i < 100000; i++)
        writer_put(&w, "\x0a\x00", 2); /* empty resources */
    writer_u8(&w, 0x0a);
    writer_sized(&w, resource.at, resource.len);
    struct decode_task task = collect_task(seen, &small);
    cr_assert_eq(otlp_metrics_decode(&task, &options, writer_bytes(&w), &tally, &err), TSDB_OK);
    cr_assert_eq(tally.received, 0);
    arena_release(&small);
    cr_assert_eq(budget_used(&budget), 0);
    writer_release(&w);
    writer_release(&scope);
    writer_release(&resource);
}

Test(otlp_metrics, every_truncation_is_an_answer)
{
    struct request r;
    request_init(&r, "latency");
    as_histogram(&r);
    on_resource(&r, "service.name", "x");
    size_t len = otlp__export_metrics_service_request__get_packed_size(&r.request);
    uint8_t *at = mem_alloc(len);
    otlp__export_metrics_service_request__pack(&r.request, at);
    for (size_t cut = 1; cut < len; cut++) {
        uint8_t *copy = mem_alloc(cut);
        memcpy(copy, at, cut);
        cr_assert_eq(decode_bytes((struct bytes){copy, cut}), TSDB_ECORRUPT, "cut at %zu", cut);
        mem_free(copy);
    }
    mem_free(at);
}
