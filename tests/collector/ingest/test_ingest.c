/* T23: the status table of every protocol, and the conservation of counts. */
#include "collector/ingest/ingest.h"

#include "collector/decode/envelope.h"
#include "collector/self/counters.h"
#include "proto/otlp_metrics.pb-c.h"
#include "proto/remote_write.pb-c.h"
#include "proto/remote_write_2.pb-c.h"
#include "proto/rpc_status.pb-c.h"
#include "tests/collector/ingest/fake_engine.h"
#include "tests/collector/ingest/fake_peer.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"

#include <snappy-c.h>
#include <stdlib.h>
#include <zlib.h>

static struct ingest *ingest;
static struct ingest_options options;
static struct budget budget;
static struct clock_sim sim;

static uint64_t start_time; /* of OTLP points, ns; of write_2_body's second sample */

static void set_up(void)
{
    start_time = 0;
    fake_db = (struct tsdb){.synced = UINT64_MAX};
    budget_init(&budget, (uint64_t)256 << 20, NULL);
    clock_sim_init(&sim, INT64_C(1700000000) * NS_PER_S);
    ingest_options_init(&options);
    options.db = &fake_db;
    options.budget = &budget;
    options.clock = &sim.clock;
    ingest = ingest_new(&options);
}

static void tear_down(void)
{
    ingest_abandon(ingest);
    ingest_free(ingest);
    cr_assert_eq(budget_used(&budget), 0, "everything is paid back");
}

TestSuite(ingest, .init = set_up, .fini = tear_down);

static void call(const char *path, struct exchange *x)
{
    size_t count;
    const struct exchange_route *routes = ingest_routes(ingest, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(routes[i].path, path) == 0) {
            routes[i].handler(routes[i].arg, x);
            return;
        }
    }
    cr_assert(false, "no route %s", path);
}

/* ---- requests ---------------------------------------------------------------------- */

static char *text(const char *t)
{
    return (char *)(uintptr_t)t;
}

/* `points` gauge points as OTLP; owned by the caller. */
static struct bytes otlp_body(int points, int temporality)
{
    Otlp__ExportMetricsServiceRequest request = OTLP__EXPORT_METRICS_SERVICE_REQUEST__INIT;
    Otlp__ResourceMetrics rm = OTLP__RESOURCE_METRICS__INIT, *rms[] = {&rm};
    Otlp__ScopeMetrics sm = OTLP__SCOPE_METRICS__INIT, *sms[] = {&sm};
    Otlp__Metric metric = OTLP__METRIC__INIT, *metrics[] = {&metric};
    Otlp__Gauge gauge = OTLP__GAUGE__INIT;
    Otlp__Sum sum = OTLP__SUM__INIT;
    Otlp__NumberDataPoint point[8], *list[8];
    for (int i = 0; i < points; i++) {
        otlp__number_data_point__init(&point[i]);
        point[i].time_unix_nano = (uint64_t)(1700000000000 + i) * 1000000;
        point[i].start_time_unix_nano = start_time;
        point[i].value_case = OTLP__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
        point[i].as_double = i + 1;
        list[i] = &point[i];
    }
    metric.name = text("m");
    gauge.data_points = sum.data_points = list;
    gauge.n_data_points = sum.n_data_points = (size_t)points;
    metric.data_case = OTLP__METRIC__DATA_GAUGE;
    metric.gauge = &gauge;
    if (temporality > 0) {
        metric.data_case = OTLP__METRIC__DATA_SUM;
        metric.sum = &sum;
        sum.aggregation_temporality = (Otlp__AggregationTemporality)temporality;
        sum.is_monotonic = 1;
    }
    sm.metrics = metrics;
    sm.n_metrics = 1;
    rm.scope_metrics = sms;
    rm.n_scope_metrics = 1;
    request.resource_metrics = rms;
    request.n_resource_metrics = 1;
    size_t len = otlp__export_metrics_service_request__get_packed_size(&request);
    uint8_t *at = mem_alloc(len);
    otlp__export_metrics_service_request__pack(&request, at);
    return (struct bytes){at, len};
}

static void body_free(struct bytes b)
{
    mem_free((uint8_t *)(uintptr_t)b.at);
}

static struct bytes snappy(struct bytes in)
{
    size_t len = snappy_max_compressed_length(in.len);
    uint8_t *at = mem_alloc(len);
    (void)snappy_compress((const char *)in.at, in.len, (char *)at, &len);
    return (struct bytes){at, len};
}

static struct bytes write_body(int samples)
{
    Prw__WriteRequest request = PRW__WRITE_REQUEST__INIT;
    Prw__TimeSeries series = PRW__TIME_SERIES__INIT, *list[] = {&series};
    Prw__Label name = PRW__LABEL__INIT, *labels[] = {&name};
    Prw__Sample sample[8], *sample_list[8];
    name.name = text("__name__");
    name.value = text("up");
    for (int i = 0; i < samples; i++) {
        prw__sample__init(&sample[i]);
        sample[i].value = i + 1;
        sample[i].timestamp = 1700000000000 + i;
        sample_list[i] = &sample[i];
    }
    series.labels = labels;
    series.n_labels = 1;
    series.samples = sample_list;
    series.n_samples = (size_t)samples;
    request.timeseries = list;
    request.n_timeseries = 1;
    size_t len = prw__write_request__get_packed_size(&request);
    uint8_t *at = mem_alloc(len);
    prw__write_request__pack(&request, at);
    struct bytes out = snappy((struct bytes){at, len});
    mem_free(at);
    return out;
}

static struct bytes write_2_body(void)
{
    char *symbols[] = {text(""), text("__name__"), text("up"), text("trace_id"), text("abc")};
    Prw2__Request request = PRW2__REQUEST__INIT;
    Prw2__TimeSeries series = PRW2__TIME_SERIES__INIT, *list[] = {&series};
    Prw2__Sample a = PRW2__SAMPLE__INIT, b = PRW2__SAMPLE__INIT, *samples[] = {&a, &b};
    Prw2__Exemplar e = PRW2__EXEMPLAR__INIT, *exemplars[] = {&e};
    Prw2__Metadata metadata = PRW2__METADATA__INIT;
    uint32_t refs[] = {1, 2}, exemplar_refs[] = {3, 4};
    a.value = 1;
    a.timestamp = 1700000000000;
    b.value = 2;
    b.timestamp = 1700000000001;
    b.start_timestamp = (int64_t)(start_time / 1000000);
    metadata.type = PRW2__METADATA__METRIC_TYPE__COUNTER;
    series.metadata = start_time ? &metadata : NULL;
    e.labels_refs = exemplar_refs;
    e.n_labels_refs = 2;
    series.labels_refs = refs;
    series.n_labels_refs = 2;
    series.samples = samples;
    series.n_samples = 2;
    series.exemplars = exemplars;
    series.n_exemplars = 1;
    request.symbols = symbols;
    request.n_symbols = 5;
    request.timeseries = list;
    request.n_timeseries = 1;
    size_t len = prw2__request__get_packed_size(&request);
    uint8_t *at = mem_alloc(len);
    prw2__request__pack(&request, at);
    struct bytes out = snappy((struct bytes){at, len});
    mem_free(at);
    return out;
}

/* ---- the table ------------------------------------------------------------------------ */

enum fault {
    FAULT_NONE,
    FAULT_SOME_INVALID,
    FAULT_GARBAGE,
    FAULT_CODING,
    FAULT_TYPE,
    FAULT_LARGE,
    FAULT_SERIES_LIMIT,
    FAULT_MEMORY,
    FAULT_DISK,
    FAULT_COUNT,
};

enum carrier { OTLP_PROTOBUF, OTLP_JSON, OTLP_GRPC, WRITE_1, WRITE_2, CARRIER_COUNT };

static const char *const carrier_paths[] = {
    "/v1/metrics", "/v1/metrics", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "/api/v1/write", "/api/v1/write"};

/* HTTP status, or minus the gRPC status. */
static const int want[CARRIER_COUNT][FAULT_COUNT] = {
    [OTLP_PROTOBUF] = {200, 200, 400, 415, 415, 413, 429, 503, 503},
    [OTLP_JSON] = {200, 200, 400, 415, 415, 413, 429, 503, 503},
    [OTLP_GRPC] = {0, 0, -3, -12, 0, -8, -8, -14, -14},
    [WRITE_1] = {204, 400, 400, 415, 415, 413, 429, 503, 503},
    [WRITE_2] = {204, 400, 400, 415, 415, 413, 429, 503, 503},
};

static const char json[] =
    "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"m\",\"gauge\":{"
    "\"dataPoints\":[{\"timeUnixNano\":\"1700000000000000000\",\"asDouble\":1},"
    "{\"timeUnixNano\":1700000000001000000,\"asInt\":\"2\"}]}}]}]}]}";

static struct bytes carrier_body(enum carrier carrier)
{
    if (carrier == WRITE_1)
        return write_body(2);
    if (carrier == WRITE_2)
        return write_2_body();
    if (carrier != OTLP_JSON)
        return otlp_body(2, 0);
    uint8_t *at = mem_alloc(sizeof json - 1);
    memcpy(at, json, sizeof json - 1);
    return (struct bytes){at, sizeof json - 1};
}

static void set_fault(enum fault fault)
{
    set_up();
    if (fault == FAULT_SOME_INVALID || fault == FAULT_SERIES_LIMIT) {
        fake_db.verdict_count = 2;
        fake_db.verdicts[1] = fault == FAULT_SOME_INVALID ? TSDB_TOO_OLD : TSDB_SERIES_LIMIT;
    }
    if (fault == FAULT_MEMORY)
        fake_db.status = TSDB_ELIMIT;
    if (fault == FAULT_DISK)
        fake_db.status = TSDB_EIO;
    if (fault != FAULT_LARGE)
        return;
    ingest_free(ingest);
    options.limits.otlp_bytes_max = options.limits.grpc_bytes_max = 16;
    options.limits.write_bytes_max = 16;
    ingest = ingest_new(&options);
}

static void carry(enum carrier carrier, enum fault fault, struct exchange *x)
{
    struct bytes body = carrier_body(carrier);
    *x = (struct exchange){.body = body, .is_grpc = carrier == OTLP_GRPC};
    const char *type = carrier == OTLP_JSON ? "application/json; charset=utf-8"
                       : carrier == WRITE_2
                           ? "application/x-protobuf; proto=\"io.prometheus.write.v2.Request\""
                           : "application/x-protobuf";
    fake_header(x, "content-type", fault == FAULT_TYPE ? "text/csv" : type);
    if (fault == FAULT_CODING) {
        fake_header(x, carrier == OTLP_GRPC ? "grpc-encoding" : "content-encoding", "br");
        x->is_compressed = true;
    } else if (carrier == WRITE_1 || carrier == WRITE_2) {
        fake_header(x, "content-encoding", "snappy");
    }
    struct bytes garbage = {(const uint8_t *)"\x05\x0a\xff\xff\xff\x7f{", 7};
    if (fault == FAULT_GARBAGE)
        x->body = garbage;
    call(carrier_paths[carrier], x);
    body_free(body);
}

Test(ingest, every_fault_has_its_status)
{
    tear_down();
    for (int carrier = 0; carrier < CARRIER_COUNT; carrier++) {
        for (int fault = 0; fault < FAULT_COUNT; fault++) {
            struct exchange x;
            set_fault((enum fault)fault);
            carry((enum carrier)carrier, (enum fault)fault, &x);
            int got = carrier == OTLP_GRPC ? -x.grpc_status : x.status;
            cr_assert_eq(x.answers, 1);
            cr_assert_eq(got, want[carrier][fault], "carrier %d fault %d: got %d, want %d", carrier,
                         fault, got, want[carrier][fault]);
            bool retries = fault >= FAULT_SERIES_LIMIT;
            bool says = carrier == OTLP_GRPC ? x.retry_after_ms > 0
                                             : strstr(x.headers, "retry-after") != NULL;
            cr_assert_eq(says, retries, "carrier %d fault %d: retry", carrier, fault);
            tear_down();
        }
    }
    set_up();
}

Test(ingest, partial_success_says_how_many_and_why)
{
    struct exchange x;
    tear_down();
    set_fault(FAULT_SOME_INVALID);
    carry(OTLP_PROTOBUF, FAULT_SOME_INVALID, &x);
    Otlp__ExportMetricsServiceResponse *r =
        otlp__export_metrics_service_response__unpack(NULL, x.reply_len, x.reply);
    cr_assert_not_null(r);
    cr_assert_not_null(r->partial_success);
    cr_assert_eq(r->partial_success->rejected_data_points, 1);
    cr_assert_str_eq(r->partial_success->error_message, "too_old: 1");
    otlp__export_metrics_service_response__free_unpacked(r, NULL);
    cr_assert_str_eq(x.content_type, "application/x-protobuf");
    carry(OTLP_JSON, FAULT_SOME_INVALID, &x);
    x.reply[x.reply_len] = '\0';
    cr_assert_str_eq((char *)x.reply, "{\"partialSuccess\":{\"rejectedDataPoints\":\"1\","
                                      "\"errorMessage\":\"too_old: 1\"}}");
}

Test(ingest, full_success_leaves_partial_success_unset)
{
    struct exchange x;
    carry(OTLP_PROTOBUF, FAULT_NONE, &x);
    cr_assert_eq(x.reply_len, 0);
    cr_assert_str_eq(x.headers, "x-durability: synced\n");
    carry(OTLP_JSON, FAULT_NONE, &x);
    cr_assert_eq(x.reply_len, 2);
    cr_assert_eq(memcmp(x.reply, "{}", 2), 0);
    carry(OTLP_GRPC, FAULT_NONE, &x);
    cr_assert_eq(x.reply_len, 0);
    cr_assert_eq(fake_db.points, 6);
}

Test(ingest, errors_are_google_rpc_status)
{
    struct exchange x;
    carry(OTLP_PROTOBUF, FAULT_GARBAGE, &x);
    Rpc__Status *status = rpc__status__unpack(NULL, x.reply_len, x.reply);
    cr_assert_not_null(status);
    cr_assert_eq(status->code, 3);
    cr_assert_str_eq(status->message, "OTLP metrics request: does not decode after item 0");
    rpc__status__free_unpacked(status, NULL);
    carry(OTLP_JSON, FAULT_GARBAGE, &x);
    cr_assert_eq(memcmp(x.reply, "{\"code\":3,\"message\":\"", 21), 0);
    cr_assert_str_eq(x.content_type, "application/json");
}

Test(ingest, written_headers_for_2_only_and_true)
{
    struct exchange x;
    carry(WRITE_1, FAULT_NONE, &x);
    cr_assert_null(strstr(x.headers, "written:"), "%s", x.headers);
    carry(WRITE_2, FAULT_NONE, &x);
    cr_assert_not_null(strstr(x.headers, "x-prometheus-remote-write-samples-written: 2\n"));
    cr_assert_not_null(strstr(x.headers, "x-prometheus-remote-write-histograms-written: 0\n"));
    cr_assert_not_null(strstr(x.headers, "x-prometheus-remote-write-exemplars-written: 1\n"));
    fake_db.verdict_count = 2;
    fake_db.verdicts[0] = TSDB_DUPLICATE; /* stored already: written all the same */
    fake_db.verdicts[1] = TSDB_CONFLICT;
    fake_db.points = 0;
    carry(WRITE_2, FAULT_NONE, &x);
    cr_assert_eq(x.status, 400);
    cr_assert_not_null(strstr(x.headers, "x-prometheus-remote-write-samples-written: 1\n"));
}

Test(ingest, no_coding_means_snappy_and_no_type_means_1)
{
    struct bytes body = write_body(1);
    struct exchange x = {.body = body};
    call("/api/v1/push", &x);
    cr_assert_eq(x.status, 204);
    cr_assert_eq(fake_db.points, 1);
    cr_assert_str_eq(fake_db.labels, "__name__=up;");
    body_free(body);
}

Test(ingest, gzip_and_its_flag)
{
    struct bytes plain = otlp_body(2, 0);
    uint8_t packed[512];
    z_stream z = {0};
    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (uint8_t *)(uintptr_t)plain.at;
    z.avail_in = (unsigned)plain.len;
    z.next_out = packed;
    z.avail_out = sizeof packed;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    struct bytes body = {packed, z.total_out};
    deflateEnd(&z);
    struct exchange x = {.body = body};
    fake_header(&x, "content-type", "application/x-protobuf");
    fake_header(&x, "content-encoding", "gzip");
    call("/v1/metrics", &x);
    cr_assert_eq(x.status, 200);
    struct exchange g = {.body = body, .is_grpc = true, .is_compressed = true};
    fake_header(&g, "grpc-encoding", "gzip");
    call(carrier_paths[OTLP_GRPC], &g);
    cr_assert_eq(g.grpc_status, 0);
    struct exchange p = {.body = plain, .is_grpc = true}; /* this message is not compressed */
    fake_header(&p, "grpc-encoding", "gzip");
    call(carrier_paths[OTLP_GRPC], &p);
    cr_assert_eq(p.grpc_status, 0);
    cr_assert_eq(fake_db.points, 6);
    body_free(plain);
}

/* A message that is larger than it may be is told so, for a 503 would come back for
 * ever; when it is the process' memory that is short, 503 is the truth. */
Test(ingest, too_large_and_overloaded_are_told_apart)
{
    struct exchange x;
    ingest_free(ingest);
    options.limits.arena_bytes_max = 100;
    ingest = ingest_new(&options);
    carry(WRITE_1, FAULT_NONE, &x);
    cr_assert_eq(x.status, 413);
    ingest_free(ingest);
    options.limits.arena_bytes_max = 1 << 20;
    budget_init(&budget, 20000, NULL);
    ingest = ingest_new(&options);
    carry(WRITE_1, FAULT_NONE, &x);
    cr_assert_eq(x.status, 503);
}

Test(ingest, an_endless_symbol_table_is_too_large)
{
    enum { SYMBOLS = 1100000 };
    uint8_t *raw = mem_alloc(2 * SYMBOLS);
    for (int i = 0; i < SYMBOLS; i++) {
        raw[2 * i] = 0x22;
        raw[2 * i + 1] = 0;
    }
    struct bytes body = snappy((struct bytes){raw, 2 * SYMBOLS});
    struct exchange x = {.body = body};
    fake_header(&x, "content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request");
    call("/api/v1/write", &x);
    cr_assert_eq(x.status, 413);
    body_free(body);
    mem_free(raw);
}

/* ---- acknowledging ------------------------------------------------------------------------ */

Test(ingest, nothing_is_answered_before_it_is_synced)
{
    struct exchange a, b;
    fake_db.synced = 0;
    carry(OTLP_PROTOBUF, FAULT_NONE, &a);
    carry(WRITE_1, FAULT_NONE, &b);
    cr_assert_eq(a.answers + b.answers, 0);
    cr_assert_eq(ingest_waiting(ingest), 2);
    fake_db.synced = 1;
    ingest_on_synced(ingest);
    cr_assert_eq(a.answers, 0, "the engine's thread only posts");
    fake_run_posted(&a);
    cr_assert_eq(a.status, 200);
    cr_assert_eq(b.answers, 0);
    fake_db.synced = 2;
    ingest_on_synced(ingest);
    ingest_on_synced(ingest);
    fake_run_posted(&b);
    cr_assert_eq(b.status, 204);
    cr_assert_eq(ingest_waiting(ingest), 0);
}

Test(ingest, one_post_answers_all_that_are_ready)
{
    struct exchange x[3];
    fake_db.synced = 0;
    for (int i = 0; i < 3; i++)
        carry(WRITE_1, FAULT_NONE, &x[i]);
    fake_db.synced = 3;
    ingest_on_synced(ingest);
    fake_run_posted(&x[0]);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(x[i].answers, 1);
}

Test(ingest, an_unwritable_journal_acknowledges_nothing)
{
    struct exchange a, b;
    fake_db.synced = 0;
    carry(OTLP_GRPC, FAULT_NONE, &a);
    carry(WRITE_1, FAULT_NONE, &b);
    fake_db.is_unwritable = true;
    ingest_on_synced(ingest);
    fake_run_posted(&a);
    cr_assert_eq(a.grpc_status, 14);
    cr_assert_gt(a.retry_after_ms, 0);
    cr_assert_eq(b.status, 503);
}

Test(ingest, a_full_line_is_unavailable)
{
    struct exchange a, b;
    ingest_free(ingest);
    options.limits.waiting_max = 1;
    ingest = ingest_new(&options);
    fake_db.synced = 0;
    carry(WRITE_1, FAULT_NONE, &a);
    carry(WRITE_1, FAULT_NONE, &b);
    cr_assert_eq(a.answers, 0);
    cr_assert_eq(b.status, 503);
    ingest_abandon(ingest);
    cr_assert_eq(a.status, 503);
}

Test(ingest, retry_after_is_spread_and_bounded)
{
    bool differs = false;
    char first[512] = "";
    fake_db.status = TSDB_ELIMIT;
    for (int i = 0; i < 50; i++) {
        struct exchange x;
        carry(OTLP_GRPC, FAULT_NONE, &x);
        char now[512];
        cr_assert(x.retry_after_ms >= 1000 && x.retry_after_ms <= 30000);
        (void)snprintf(now, sizeof now, "%lld", (long long)x.retry_after_ms);
        if (i == 0)
            memcpy(first, now, sizeof now);
        differs |= strcmp(first, now) != 0;
    }
    cr_assert(differs, "all fifty say the same");
}

/* ---- counting ------------------------------------------------------------------------------- */

static int64_t rejected_of(enum door door)
{
    int64_t n = 0;
    for (unsigned r = 0; r < REASON_COUNT; r++)
        n += counters_get(ITEMS_REJECTED, AT(SIGNAL_METRICS, door, r));
    return n;
}

Test(ingest, accepted_and_rejected_are_what_was_received)
{
    fake_db.verdict_count = 3;
    fake_db.verdicts[1] = TSDB_TOO_OLD;
    fake_db.verdicts[2] = TSDB_BAD_LABELS;
    for (int round = 0; round < 7; round++) {
        for (int carrier = 0; carrier < CARRIER_COUNT; carrier++) {
            struct exchange x;
            carry((enum carrier)carrier, FAULT_NONE, &x);
        }
    }
    static const enum door doors[] = {DOOR_OTLP_HTTP, DOOR_OTLP_GRPC, DOOR_REMOTE_WRITE,
                                      DOOR_REMOTE_WRITE_2};
    for (int i = 0; i < 4; i++) {
        int64_t received = counters_get(ITEMS_RECEIVED, AT(SIGNAL_METRICS, doors[i]));
        int64_t accepted = counters_get(ITEMS_ACCEPTED, AT(SIGNAL_METRICS, doors[i]));
        cr_assert_gt(received, 0);
        cr_assert_gt(rejected_of(doors[i]), 0);
        cr_assert_eq(received, accepted + rejected_of(doors[i]));
    }
}

Test(ingest, refusals_can_be_read)
{
    struct exchange x, r = {0};
    fake_db.verdict_count = 1;
    fake_db.verdicts[0] = TSDB_TOO_OLD;
    carry(WRITE_1, FAULT_NONE, &x);
    carry(OTLP_PROTOBUF, FAULT_GARBAGE, &x);
    call("/-/rejects", &r);
    r.reply[r.reply_len] = '\0';
    const char *all = (const char *)r.reply;
    cr_assert_eq(memcmp(all, "{\"total\":2,\"rejects\":[{", 23), 0, "%s", all);
    cr_assert_not_null(
        strstr(all,
               "\"door\":\"remote_write\",\"tenant\":\"\",\"peer\":\"127.0.0.1:5123\",\"reason\":"
               "\"too_old\",\"text\":\"{__name__=\\\"up\\\"} 1 "
               "1700000000000000000\""),
        "%s", all);
    cr_assert_not_null(strstr(all, "\"reason\":\"malformed\""));
    cr_assert_not_null(strstr(all, "\"time\":\"2023-11-14T22:13:20.000Z\""));
}

/* ---- delta ------------------------------------------------------------------------------------
 */

static void send_points(struct exchange *x, int points, int temporality)
{
    struct bytes body = otlp_body(points, temporality);
    *x = (struct exchange){.body = body};
    fake_header(x, "content-type", "application/x-protobuf");
    call("/v1/metrics", x);
    body_free(body);
}

Test(ingest, deltas_become_totals)
{
    struct exchange x;
    send_points(&x, 3, 1); /* 1, 2, 3 at three times */
    cr_assert_eq(x.status, 200);
    cr_assert_eq(fake_db.last[0].value, 1.0);
    cr_assert_eq(fake_db.last[1].value, 3.0);
    cr_assert_eq(fake_db.last[2].value, 6.0);
    fake_db.points = 0;
    send_points(&x, 3, 1); /* the same again: earlier ones cannot be placed, the last repeats */
    cr_assert_eq(x.reply_len > 0, true, "partial success");
    cr_assert_eq(fake_db.points, 1);
    cr_assert_eq(fake_db.last[0].value, 6.0);
}

/* ---- start times ---------------------------------------------------------------------------- */

#define START UINT64_C(1699999990000000000)

static void with_starts(bool is_on)
{
    ingest_free(ingest);
    options.has_start_zeros = is_on;
    ingest = ingest_new(&options);
    start_time = START;
}

static int64_t zeros(enum door door)
{
    return counters_get(START_ZEROS, AT(door));
}

Test(ingest, start_times_of_totals_reach_the_engine_when_wanted)
{
    for (int is_on = 0; is_on < 2; is_on++) {
        struct exchange x;
        with_starts(is_on);
        int64_t start = is_on ? (int64_t)START : 0, otlp = zeros(DOOR_OTLP_HTTP),
                write_2 = zeros(DOOR_REMOTE_WRITE_2);
        int64_t accepted = counters_get(ITEMS_ACCEPTED, AT(SIGNAL_METRICS, DOOR_OTLP_HTTP));
        send_points(&x, 2, 2);
        cr_assert_eq(x.status, 200);
        cr_assert_eq(fake_db.starts[0], start);
        cr_assert_eq(fake_db.starts[1], start);
        cr_assert_eq(zeros(DOOR_OTLP_HTTP) - otlp, is_on ? 2 : 0);
        cr_assert_eq(counters_get(ITEMS_ACCEPTED, AT(SIGNAL_METRICS, DOOR_OTLP_HTTP)) - accepted, 2,
                     "zeros are no items");
        send_points(&x, 2, 0);
        cr_assert_eq(fake_db.has_starts, false, "gauges");
        carry(WRITE_2, FAULT_NONE, &x);
        cr_assert_eq(x.status, 204);
        cr_assert_eq(fake_db.starts[0], 0, "not said");
        cr_assert_eq(fake_db.starts[1], start);
        cr_assert_eq(zeros(DOOR_REMOTE_WRITE_2) - write_2, is_on);
        start_time = 0;
        carry(WRITE_2, FAULT_NONE, &x);
        cr_assert_eq(fake_db.has_starts, false);
    }
}

/* Points that delta_apply refuses leave the batch, the starts of the others stay theirs. */
Test(ingest, deltas_have_no_start_and_take_none_away)
{
    struct exchange x;
    with_starts(true);
    send_points(&x, 3, 1);
    cr_assert_eq(fake_db.has_starts, false);
    struct bytes delta = otlp_body(3, 1), total = otlp_body(2, 2);
    uint8_t *both = mem_alloc(delta.len + total.len); /* requests merge as messages do */
    memcpy(both, delta.at, delta.len);
    memcpy(both + delta.len, total.at, total.len);
    x = (struct exchange){.body = {both, delta.len + total.len}};
    fake_header(&x, "content-type", "application/x-protobuf");
    call("/v1/metrics", &x);
    cr_assert_eq(x.status, 200);
    cr_assert_eq(fake_db.starts[0], 0, "the repeated delta");
    cr_assert_eq(fake_db.starts[1], (int64_t)START);
    cr_assert_eq(fake_db.starts[2], (int64_t)START);
    mem_free(both);
    body_free(delta);
    body_free(total);
}

/* ---- native envelopes
 * ----------------------------------------------------------------------------- */

static struct writer envelope_of(uint64_t sequence, uint32_t kind, struct bytes payload)
{
    struct writer w = {0};
    struct envelope e = {
        .sender = text_of("probe-1"), .sequence = sequence, .kind = kind, .payload = payload};
    envelope_encode(&e, &w);
    return w;
}

static struct ack ack_of(const struct frame_conn *conn)
{
    struct ack ack;
    struct tsdb_error err;
    cr_assert_eq(ack_decode((struct bytes){conn->ack, conn->ack_len}, &ack, &err), TSDB_OK);
    return ack;
}

Test(ingest, frames_are_acknowledged_when_synced)
{
    struct frame_conn conn = {0};
    struct bytes payload = otlp_body(2, 0);
    struct writer w = envelope_of(7, ENVELOPE_METRICS, payload);
    fake_db.synced = 0;
    cr_assert(ingest_frame(ingest, &conn, writer_bytes(&w)));
    cr_assert_eq(conn.acks, 0);
    cr_assert_eq(conn.refs, 1);
    fake_db.synced = 1;
    ingest_on_synced(ingest);
    cr_assert_eq(conn.acks, 1);
    cr_assert_eq(conn.refs, 0);
    struct ack ack = ack_of(&conn);
    cr_assert_eq(ack.sequence, 7);
    cr_assert_eq(ack.status, (uint32_t)ACK_OK);
    writer_release(&w);
    body_free(payload);
}

Test(ingest, frames_say_what_is_wrong)
{
    struct frame_conn conn = {0};
    struct writer w = envelope_of(3, ENVELOPE_EVENTS, (struct bytes){(const uint8_t *)"", 0});
    cr_assert(ingest_frame(ingest, &conn, writer_bytes(&w)));
    cr_assert_eq(ack_of(&conn).status, (uint32_t)ACK_INVALID);
    cr_assert_eq(ack_of(&conn).sequence, 3);
    cr_assert(ingest_frame(ingest, &conn, (struct bytes){(const uint8_t *)"\xff", 1}));
    cr_assert_eq(ack_of(&conn).status, (uint32_t)ACK_INVALID);
    writer_release(&w);
    fake_db.status = TSDB_EIO;
    struct bytes payload = otlp_body(1, 0);
    w = envelope_of(4, ENVELOPE_METRICS, payload);
    cr_assert(ingest_frame(ingest, &conn, writer_bytes(&w)));
    cr_assert_eq(ack_of(&conn).status, (uint32_t)ACK_UNAVAILABLE);
    cr_assert_gt(ack_of(&conn).retry_after_ms, 0);
    writer_release(&w);
    body_free(payload);
}

static bool refuse_all(void *arg, struct tsdb_text token, struct arena *arena,
                       struct tsdb_text *tenant)
{
    (void)arg;
    (void)arena;
    (void)tenant;
    return token.len == 6;
}

Test(ingest, frames_need_a_good_token)
{
    ingest_free(ingest);
    options.authorize = refuse_all;
    ingest = ingest_new(&options);
    struct frame_conn conn = {0};
    struct bytes payload = otlp_body(1, 0);
    struct writer w = envelope_of(1, ENVELOPE_METRICS, payload);
    cr_assert(ingest_frame(ingest, &conn, writer_bytes(&w)));
    cr_assert_eq(ack_of(&conn).status, (uint32_t)ACK_UNAUTHENTICATED);
    writer_release(&w);
    struct envelope e = {.kind = ENVELOPE_METRICS, .payload = payload, .token = text_of("secret")};
    w = (struct writer){0};
    envelope_encode(&e, &w);
    cr_assert(ingest_frame(ingest, &conn, writer_bytes(&w)));
    cr_assert_eq(ack_of(&conn).status, (uint32_t)ACK_OK);
    writer_release(&w);
    body_free(payload);
}

Test(ingest, lost_datagrams_are_a_number)
{
    struct address peer;
    cr_assert_eq(address_parse(text_of("10.0.0.7:4319"), &peer, NULL), TSDB_OK);
    static const uint64_t sequences[] = {1, 2, 5, 6, 9};
    for (size_t i = 0; i < 5; i++) {
        struct bytes payload = otlp_body(1, 0);
        struct writer w = envelope_of(sequences[i], ENVELOPE_METRICS, payload);
        ingest_datagrams(ingest, &(struct udp_datagram){&peer, writer_bytes(&w)}, 1);
        writer_release(&w);
        body_free(payload);
    }
    const struct udp_datagram garbage = {&peer, {(const uint8_t *)"\xff\xff", 2}};
    ingest_datagrams(ingest, &garbage, 1);
    cr_assert_eq(counters_get(UDP_SEQUENCE_GAPS, NOWHERE), 4);
    cr_assert_eq(counters_get(ITEMS_ACCEPTED, AT(SIGNAL_METRICS, DOOR_UDP)), 5);
    cr_assert_eq(counters_get(MESSAGES_REJECTED, AT(SIGNAL_METRICS, DOOR_UDP, REASON_MALFORMED)),
                 1);
    struct exchange x = {0};
    call("/-/senders", &x);
    x.reply[x.reply_len] = '\0';
    cr_assert_not_null(strstr((char *)x.reply, "\"id\":\"probe-1\",\"received\":5,\"lost\":4"),
                       "%s", (char *)x.reply);
}

/* A token is the name of its tenant; none may not. */
static bool by_token(void *arg, struct tsdb_text token, struct arena *arena,
                     struct tsdb_text *tenant)
{
    (void)arg;
    char *name = ARENA_ARRAY(arena, char, token.len + 1);
    memcpy(name, token.at, token.len);
    *tenant = (struct tsdb_text){name, token.len};
    return token.len > 0;
}

static void send_datagram(const char *sender, const char *token)
{
    struct address peer;
    cr_assert_eq(address_parse(text_of("10.0.0.7:4319"), &peer, NULL), TSDB_OK);
    struct envelope e = {.sender = text_of(sender),
                         .sequence = 1,
                         .kind = 99,
                         .payload = {(const uint8_t *)"x", 1},
                         .token = text_of(token)};
    struct writer w = {0};
    envelope_encode(&e, &w);
    ingest_datagrams(ingest, &(struct udp_datagram){&peer, writer_bytes(&w)}, 1);
    struct frame_conn conn = {0};
    cr_assert(ingest_frame(ingest, &conn, writer_bytes(&w)));
    writer_release(&w);
}

static const char *read_as(const char *path, const char *tenant, struct exchange *x)
{
    *x = (struct exchange){.tenant = tenant};
    call(path, x);
    x->reply[x->reply_len] = '\0';
    return (const char *)x->reply;
}

Test(ingest, a_tenant_sees_its_own_rejects_and_senders)
{
    static struct exchange x;
    ingest_free(ingest);
    options.authorize = by_token;
    ingest = ingest_new(&options);
    send_datagram("probe-a", "acme");
    send_datagram("probe-b", "other");
    send_datagram("probe-c", "");
    const char *own = read_as("/-/rejects", "acme", &x);
    cr_assert_not_null(strstr(own, "{\"total\":2,"), "%s", own);
    cr_assert_not_null(strstr(own, "\"door\":\"tcp\",\"tenant\":\"acme\""), "%s", own);
    cr_assert_null(strstr(own, "other"), "%s", own);
    cr_assert_null(strstr(own, "unauthorized"), "%s", own);
    const char *all = read_as("/-/rejects", "", &x);
    cr_assert_not_null(strstr(all, "{\"total\":6,"), "%s", all);
    cr_assert_not_null(strstr(all, "\"tenant\":\"other\""), "%s", all);
    cr_assert_not_null(strstr(all, "unauthorized"), "%s", all);
    own = read_as("/-/senders", "other", &x);
    cr_assert_not_null(strstr(own, "\"tenant\":\"other\",\"id\":\"probe-b\",\"received\":1,"), "%s",
                       own);
    cr_assert_null(strstr(own, "probe-a"), "%s", own);
    cr_assert_null(strstr(own, "probe-c"), "%s", own);
    all = read_as("/-/senders", "", &x);
    for (size_t i = 0; i < 3; i++)
        cr_assert_not_null(strstr(all, (const char *[]){"probe-a", "probe-b", "probe-c"}[i]));
}
