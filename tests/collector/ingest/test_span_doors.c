/* The status table of every route of traces, the conservation of counts, and when answers come. */
#include "collector/ingest/span_doors.h"

#include "collector/decode/envelope.h"
#include "collector/derive/span_metrics.h"
#include "collector/ingest/ingest.h"
#include "collector/self/counters.h"
#include "proto/otlp_trace.pb-c.h"
#include "tests/collector/ingest/fake_engine.h"
#include "tests/collector/ingest/fake_peer.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"

static struct ingest *ingest;
static struct ingest_options options;
static struct budget budget;
static struct clock_sim sim;

static void set_up(void)
{
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

TestSuite(span_doors, .init = set_up, .fini = tear_down);

static void call(struct exchange *x)
{
    size_t count;
    const struct exchange_route *routes = ingest_routes(ingest, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(routes[i].path, x->path) == 0 && strcmp(routes[i].methods, "POST") == 0) {
            routes[i].handler(routes[i].arg, x);
            return;
        }
    }
    cr_assert(false, "no route %s", x->path);
}

static const char *answer_of(struct exchange *x)
{
    x->reply[x->reply_len] = '\0';
    return (const char *)x->reply;
}

/* ---- two spans in every format ------------------------------------------------------------ */

static struct bytes bytes_of(const char *t)
{
    return (struct bytes){(const uint8_t *)t, strlen(t)};
}

static char *text(const char *t)
{
    return (char *)(uintptr_t)t;
}

static struct bytes otlp_body(void)
{
    static uint8_t out[1024], id[16] = {1, 2, 3};
    Otlp__AnyValue value = OTLP__ANY_VALUE__INIT;
    Otlp__KeyValue service = OTLP__KEY_VALUE__INIT, *services[] = {&service};
    Otlp__Resource of = OTLP__RESOURCE__INIT;
    Otlp__Span span[2], *spans[] = {&span[0], &span[1]};
    Otlp__ScopeSpans scope = OTLP__SCOPE_SPANS__INIT, *scopes[] = {&scope};
    Otlp__ResourceSpans resource = OTLP__RESOURCE_SPANS__INIT, *resources[] = {&resource};
    Otlp__ExportTraceServiceRequest request = OTLP__EXPORT_TRACE_SERVICE_REQUEST__INIT;
    for (int i = 0; i < 2; i++) {
        otlp__span__init(&span[i]);
        span[i].name = text("hello");
        span[i].trace_id = (ProtobufCBinaryData){16, id};
        span[i].span_id = (ProtobufCBinaryData){8, id + i};
    }
    value.value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    value.string_value = text("shop");
    service.key = text("service.name");
    service.value = &value;
    of.attributes = services;
    of.n_attributes = 1;
    scope.spans = spans;
    scope.n_spans = 2;
    resource.resource = &of;
    resource.scope_spans = scopes;
    resource.n_scope_spans = 1;
    request.resource_spans = resources;
    request.n_resource_spans = 1;
    return (struct bytes){out, otlp__export_trace_service_request__pack(&request, out)};
}

static const char otlp_json[] =
    "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
    "{\"stringValue\":\"shop\"}}]},\"scopeSpans\":[{\"spans\":["
    "{\"traceId\":\"01020300000000000000000000000000\",\"spanId\":\"0102030000000000\","
    "\"name\":\"hello\"},"
    "{\"traceId\":\"01020300000000000000000000000000\",\"spanId\":\"0203000000000000\","
    "\"name\":\"hello\"}]}]}]}";
static const char zipkin[] =
    "[{\"traceId\":\"0102030000000000\",\"id\":\"1\",\"name\":\"hello\",\"timestamp\":1,"
    "\"localEndpoint\":{\"serviceName\":\"shop\"}},"
    "{\"traceId\":\"0102030000000000\",\"id\":\"2\",\"name\":\"hello\",\"timestamp\":2,"
    "\"localEndpoint\":{\"serviceName\":\"shop\"}}]";

enum carrier { OTLP, OTLP_JSON, OTLP_ALIAS, OTLP_MOUNT, OTLP_INSERT, GRPC, ZIPKIN, CARRIER_COUNT };

static const struct carrier_row {
    const char *name, *path, *type;
    enum door door;
    /* status when all is well, of spans refused, over a limit, garbage, overloaded, of an
     * unknown coding */
    int ok, refused, limited, garbage, overloaded, coding;
} carriers[CARRIER_COUNT] = {
    {"OTLP", "/v1/traces", "application/x-protobuf", DOOR_OTLP_HTTP, 200, 200, 429, 400, 503, 415},
    {"JSON", "/v1/traces", "application/json", DOOR_OTLP_HTTP, 200, 200, 429, 400, 503, 415},
    {"alias", "/otlp/v1/traces", "application/protobuf", DOOR_OTLP_HTTP, 200, 200, 429, 400, 503,
     415},
    {"mount", "/opentelemetry/v1/traces", "application/json", DOOR_OTLP_HTTP, 200, 200, 429, 400,
     503, 415},
    {"insert", "/insert/opentelemetry/v1/traces", "application/x-protobuf", DOOR_OTLP_HTTP, 200,
     200, 429, 400, 503, 415},
    {"gRPC", "/opentelemetry.proto.collector.trace.v1.TraceService/Export", "application/grpc",
     DOOR_OTLP_GRPC, 0, 0, 8, 3, 14, 12},
    {"Zipkin", "/api/v2/spans", "application/json", DOOR_ZIPKIN, 202, 400, 429, 400, 503, 415},
};

static void load(enum carrier c, struct exchange *x)
{
    *x = (struct exchange){.path = carriers[c].path, .is_grpc = c == GRPC};
    fake_header(x, "content-type", carriers[c].type);
    if (c == ZIPKIN)
        x->body = bytes_of(zipkin);
    else if (strcmp(carriers[c].type, "application/json") == 0)
        x->body = bytes_of(otlp_json);
    else
        x->body = otlp_body();
}

static int status_of(const struct exchange *x)
{
    return x->is_grpc ? x->grpc_status : x->status;
}

static int carry(enum carrier c, struct exchange *x)
{
    load(c, x);
    call(x);
    return status_of(x);
}

static void verdict(uint8_t first, uint8_t second)
{
    fake_db.verdict_count = 2;
    fake_db.verdicts[0] = first;
    fake_db.verdicts[1] = second;
    fake_db.records = 0;
}

Test(span_doors, the_status_table)
{
    static struct exchange x;
    for (int c = 0; c < CARRIER_COUNT; c++) {
        const struct carrier_row *row = &carriers[c];
        enum carrier at = (enum carrier)c;
        fake_db.labels[0] = fake_db.lines[0] = '\0';
        verdict(TSDB_ACCEPTED, TSDB_DUPLICATE);
        cr_expect_eq(carry(at, &x), row->ok, "%s ok: %d", row->name, status_of(&x));
        cr_expect_eq(fake_db.records, 2, "%s", row->name);
        cr_expect_str_eq(fake_db.lines, "hello\nhello\n", "%s", row->name);
        cr_expect_str_eq(fake_db.labels, "service.name=shop;", "%s", row->name);
        cr_expect_str_eq(answer_of(&x),
                         strcmp(row->type, "application/json") || c == ZIPKIN ? "" : "{}");
        verdict(TSDB_ACCEPTED, TSDB_TOO_OLD);
        cr_expect_eq(carry(at, &x), row->refused, "%s refused: %d", row->name, status_of(&x));
        verdict(TSDB_ACCEPTED, TSDB_SERIES_LIMIT);
        cr_expect_eq(carry(at, &x), row->limited, "%s limited: %d", row->name, status_of(&x));
        load(at, &x);
        x.body = bytes_of("\xff\xff garbage");
        call(&x);
        cr_expect_eq(status_of(&x), row->garbage, "%s garbage: %d", row->name, status_of(&x));
        load(at, &x);
        fake_header(&x, at == GRPC ? "grpc-encoding" : "content-encoding", "br");
        x.is_compressed = true;
        call(&x);
        cr_expect_eq(status_of(&x), row->coding, "%s coding: %d", row->name, status_of(&x));
        fake_db.status = TSDB_ELIMIT;
        cr_expect_eq(carry(at, &x), row->overloaded, "%s overloaded: %d", row->name, status_of(&x));
        fake_db.status = TSDB_OK;
    }
}

Test(span_doors, what_was_refused_is_said_in_the_senders_own_words)
{
    static struct exchange x;
    verdict(TSDB_TOO_LARGE, TSDB_TOO_LARGE);
    cr_expect_eq(carry(OTLP_JSON, &x), 200);
    cr_expect_str_eq(answer_of(&x), "{\"partialSuccess\":{\"rejectedSpans\":\"2\","
                                    "\"errorMessage\":\"too_large: 2\"}}");
    for (int c = 0; c < 2; c++) {
        cr_expect_eq(carry(c ? GRPC : OTLP, &x), carriers[c ? GRPC : OTLP].ok);
        Otlp__ExportTraceServiceResponse *r =
            otlp__export_trace_service_response__unpack(NULL, x.reply_len, x.reply);
        cr_assert_not_null(r);
        cr_assert_not_null(r->partial_success);
        cr_expect_eq(r->partial_success->rejected_spans, 2);
        cr_expect_str_eq(r->partial_success->error_message, "too_large: 2");
        otlp__export_trace_service_response__free_unpacked(r, NULL);
    }
    cr_expect_eq(carry(ZIPKIN, &x), 400);
    cr_expect_str_eq(answer_of(&x), "too_large: 2\n");
    load(ZIPKIN, &x);
    x.body = bytes_of("[{\"traceId\":\"1\",\"id\":\"1\"}]");
    call(&x);
    cr_expect_str_eq(answer_of(&x), "malformed: 1 (element 1: neither a timestamp nor an "
                                    "annotation)\n");
}

Test(span_doors, nothing_is_answered_before_it_is_synced)
{
    for (int c = 0; c < CARRIER_COUNT; c++) {
        static struct exchange x;
        fake_db.synced = fake_db.position;
        load((enum carrier)c, &x);
        call(&x);
        cr_expect_eq(x.answers, 0, "%s", carriers[c].name);
        fake_db.synced = fake_db.position;
        ingest_on_synced(ingest);
        fake_run_posted(&x);
        cr_expect_eq(status_of(&x), carriers[c].ok, "%s", carriers[c].name);
        load((enum carrier)c, &x);
        call(&x);
        fake_db.is_unwritable = true;
        ingest_on_synced(ingest);
        fake_run_posted(&x);
        cr_expect_eq(status_of(&x), carriers[c].overloaded, "%s", carriers[c].name);
        fake_db.is_unwritable = false;
    }
}

Test(span_doors, accepted_and_rejected_are_what_was_received)
{
    static struct exchange x;
    verdict(TSDB_TOO_LARGE, TSDB_ACCEPTED);
    for (int round = 0; round < 3; round++)
        for (int c = 0; c < CARRIER_COUNT; c++)
            (void)carry((enum carrier)c, &x);
    for (int c = 0; c < CARRIER_COUNT; c++) {
        enum door door = carriers[c].door;
        int64_t rejected = 0;
        for (unsigned r = 0; r < REASON_COUNT; r++)
            rejected += counters_get(ITEMS_REJECTED, AT(SIGNAL_TRACES, door, r));
        int64_t received = counters_get(ITEMS_RECEIVED, AT(SIGNAL_TRACES, door));
        int64_t accepted = counters_get(ITEMS_ACCEPTED, AT(SIGNAL_TRACES, door));
        cr_expect(received > 0 && rejected > 0);
        cr_expect_eq(received, accepted + rejected, "%s", carriers[c].name);
    }
}

Test(span_doors, messages_that_are_refused_are_those_of_traces)
{
    static struct exchange x;
    load(ZIPKIN, &x);
    x.body = bytes_of("[]]");
    call(&x);
    cr_expect_eq(counters_get(MESSAGES_REJECTED, AT(SIGNAL_TRACES, DOOR_ZIPKIN, REASON_MALFORMED)),
                 1);
    load(ZIPKIN, &x);
    x.values[0] = "application/x-protobuf";
    call(&x);
    cr_expect_eq(x.status, 415);
    cr_expect_eq(
        counters_get(MESSAGES_REJECTED, AT(SIGNAL_TRACES, DOOR_ZIPKIN, REASON_UNSUPPORTED)), 1);
    load(ZIPKIN, &x);
    x.values[0] = "text/plain"; /* and others say nothing sensible */
    call(&x);
    cr_expect_eq(x.status, 202);
    load(OTLP, &x);
    x.values[0] = "text/csv";
    call(&x);
    cr_expect_eq(x.status, 415);
    cr_expect_eq(
        counters_get(MESSAGES_REJECTED, AT(SIGNAL_TRACES, DOOR_OTLP_HTTP, REASON_UNSUPPORTED)), 1);
}

Test(span_doors, a_reject_names_the_service_and_the_span)
{
    static struct exchange x;
    verdict(TSDB_TOO_OLD, TSDB_TOO_OLD);
    (void)carry(OTLP, &x);
    x = (struct exchange){.path = "/-/rejects"};
    size_t count;
    const struct exchange_route *routes = ingest_routes(ingest, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(routes[i].path, x.path) == 0)
            routes[i].handler(routes[i].arg, &x);
    cr_expect(strstr(answer_of(&x), "\"reason\":\"too_old\",\"text\":\"shop: hello "
                                    "trace=01020300000000000000000000000000 "
                                    "span=0102030000000000 start=0\""),
              "%s", answer_of(&x));
}

Test(span_doors, the_tenant_is_the_credentials)
{
    for (int c = 0; c < CARRIER_COUNT; c++) {
        static struct exchange x;
        load((enum carrier)c, &x);
        x.tenant = "acme";
        call(&x);
        cr_expect_str_eq(fake_db.tenant, "acme", "%s", carriers[c].name);
        (void)carry((enum carrier)c, &x);
        cr_expect_str_eq(fake_db.tenant, "", "%s", carriers[c].name);
    }
}

Test(span_doors, limits_of_bytes_and_items)
{
    static struct exchange x;
    ingest_abandon(ingest);
    ingest_free(ingest);
    options.limits.items_max = 1;
    ingest = ingest_new(&options);
    for (int c = 0; c < CARRIER_COUNT; c++)
        cr_expect_eq(carry((enum carrier)c, &x), c == GRPC ? 8 : 413, "%s", carriers[c].name);
    ingest_free(ingest);
    options.limits.items_max = 2;
    options.limits.otlp_bytes_max = options.limits.grpc_bytes_max = 60;
    ingest = ingest_new(&options);
    for (int c = 0; c < CARRIER_COUNT; c++)
        cr_expect_eq(carry((enum carrier)c, &x), c == GRPC ? 8 : 413, "%s", carriers[c].name);
}

/* ---- native envelopes ------------------------------------------------------------------------ */

Test(span_doors, envelopes_of_traces_over_both_doors)
{
    struct frame_conn conn = {0};
    struct writer w = {0};
    struct ack ack;
    struct tsdb_error err;
    struct address peer;
    struct envelope e = {
        .sender = text_of("probe"), .sequence = 1, .kind = ENVELOPE_TRACES, .payload = otlp_body()};
    envelope_encode(&e, &w);
    verdict(TSDB_ACCEPTED, TSDB_TOO_NEW);
    fake_db.synced = 0;
    cr_expect(ingest_frame(ingest, &conn, writer_bytes(&w)));
    cr_expect_eq(conn.acks, 0);
    fake_db.synced = 1;
    ingest_on_synced(ingest);
    cr_assert_eq(ack_decode((struct bytes){conn.ack, conn.ack_len}, &ack, &err), TSDB_OK);
    cr_expect_eq(ack.status, (uint32_t)ACK_PARTIAL);
    cr_expect_eq(ack.rejected, 1);
    cr_assert_eq(address_parse(text_of("10.0.0.7:4319"), &peer, NULL), TSDB_OK);
    ingest_datagrams(ingest, &(struct udp_datagram){&peer, writer_bytes(&w)}, 1);
    cr_expect_eq(counters_get(ITEMS_RECEIVED, AT(SIGNAL_TRACES, DOOR_UDP)), 2);
    cr_expect_eq(counters_get(ITEMS_ACCEPTED, AT(SIGNAL_TRACES, DOOR_UDP)), 1);
    cr_expect_eq(counters_get(ITEMS_REJECTED, AT(SIGNAL_TRACES, DOOR_UDP, REASON_TOO_NEW)), 1);
    e.codec = 9;
    writer_reset(&w);
    envelope_encode(&e, &w);
    ingest_datagrams(ingest, &(struct udp_datagram){&peer, writer_bytes(&w)}, 1);
    cr_expect_eq(counters_get(MESSAGES_REJECTED, AT(SIGNAL_TRACES, DOOR_UDP, REASON_MALFORMED)), 1);
    writer_release(&w);
}

/* ---- metrics of spans ------------------------------------------------------------------------ */

Test(span_doors, accepted_spans_are_counted_by_span_metrics)
{
    static struct exchange x;
    struct span_metrics_options derive;
    span_metrics_options_init(&derive);
    derive.db = &fake_db;
    derive.budget = &budget;
    derive.clock = &sim.clock;
    options.span_metrics = span_metrics_new(&derive);
    ingest_free(ingest);
    ingest = ingest_new(&options);
    int64_t before = counters_get(SPAN_METRICS_SPANS, NOWHERE);
    for (int c = 0; c < CARRIER_COUNT; c++) {
        verdict(TSDB_ACCEPTED, TSDB_TOO_OLD);
        (void)carry((enum carrier)c, &x);
    }
    cr_assert_eq(counters_get(SPAN_METRICS_SPANS, NOWHERE) - before, CARRIER_COUNT);
    fake_db.verdict_count = 0;
    fake_db.points = 0;
    span_metrics_flush(options.span_metrics);
    cr_assert_eq(fake_db.points, 2 * 19, "of OTLP's and Zipkin's kinds: calls, latency, size");
    cr_assert_eq(fake_db.last[0].value + fake_db.last[19].value, CARRIER_COUNT);
    span_metrics_free(options.span_metrics);
}
