/* OTLP/JSON: any bytes are an answer, and what becomes wire form is a message that
 * both decoders read. */
#include "collector/decode/otlp_json.h"

#include "collector/decode/otlp_logs.h"
#include "collector/decode/otlp_metrics.h"
#include "collector/decode/otlp_spans.h"
#include "proto/otlp_metrics.pb-c.h"
#include "proto/otlp_trace.pb-c.h"
#include "tests/collector/decode/oracle.h"

#include "tests/collector/decode/collect_spans.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Fragments, so that the fuzzer meets the schema soon; bytes above pick one. */
static const char *const fragments[] = {
    "{\"resourceMetrics\":[{",
    "\"resource\":{\"attributes\":[",
    "\"scopeMetrics\":[{",
    "\"metrics\":[{",
    "\"name\":\"m\",",
    "\"gauge\":{\"dataPoints\":[{",
    "\"sum\":{\"aggregationTemporality\":2,\"dataPoints\":[{",
    "\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{",
    "\"exponentialHistogram\":{\"aggregationTemporality\":1,\"dataPoints\":[{",
    "\"summary\":{\"dataPoints\":[{",
    "\"asDouble\":1.5",
    "\"asInt\":\"7\"",
    "\"timeUnixNano\":\"1700000000000000000\",",
    "\"attributes\":[{\"key\":\"k\",\"value\":{",
    "\"stringValue\":\"\\u00e9\"",
    "\"arrayValue\":{\"values\":[{",
    "\"bytesValue\":\"AA==\"",
    "\"kvlistValue\":{\"values\":[{\"key\":\"x\",\"value\":{",
    "\"bucketCounts\":[1,\"2\"],",
    "\"explicitBounds\":[0.5],",
    "\"count\":3,",
    "\"positive\":{\"offset\":-1,\"bucketCounts\":[3]},",
    "\"scale\":2,",
    "}]}]}]}]}",
    "}]",
    "}}",
    "]",
    "}",
    ",",
    "null",
    "\"isMonotonic\":true,",
    "{\"resourceLogs\":[{",
    "\"scopeLogs\":[{\"scope\":{\"name\":\"s\"},",
    "\"logRecords\":[{",
    "\"body\":{",
    "\"severityNumber\":\"SEVERITY_NUMBER_WARN2\",",
    "\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",",
    "\"flags\":1,\"eventName\":\"e\",",
    "}]}]}]}",
    "{\"resourceSpans\":[{",
    "\"scopeSpans\":[{\"schemaUrl\":\"u\",",
    "\"spans\":[{",
    "\"spanId\":\"0102030405060708\",\"parentSpanId\":\"\",",
    "\"kind\":\"SPAN_KIND_SERVER\",",
    "\"status\":{\"code\":\"STATUS_CODE_ERROR\",\"message\":\"m\"},",
    "\"events\":[{\"name\":\"e\",",
    "\"links\":[{\"droppedAttributesCount\":1,",
};

static struct bytes compose(struct entropy *e)
{
    char *at = ORACLE_ARRAY(char, ORACLE_BYTES_MAX);
    size_t len = 0;
    while (e->len > 0 && len < ORACLE_BYTES_MAX - 128) {
        uint8_t pick = entropy_u8(e);
        if (pick < 0x80) {
            at[len++] = (char)pick;
            continue;
        }
        const char *f = fragments[pick % (sizeof fragments / sizeof fragments[0])];
        memcpy(at + len, f, strlen(f));
        len += strlen(f);
    }
    return (struct bytes){(const uint8_t *)at, len};
}

static void check(struct bytes in)
{
    static const struct otlp_options options;
    struct payload wire;
    struct arena arena;
    struct decode_tally tally;
    payload_init(&wire, (size_t)1 << 20, NULL);
    arena_init(&arena, (size_t)64 << 20, NULL);
    if (otlp_json_to_wire(in, &wire, NULL) == TSDB_OK) {
        struct collect *got = collect_new();
        struct decode_task task = collect_task(got, &arena);
        struct bytes out = payload_bytes(&wire);
        enum tsdb_status st = otlp_metrics_decode(&task, &options, out, &tally, NULL);
        ASSERT(st == TSDB_OK);
        ASSERT(tally.received == tally.handed + tally_rejected(&tally));
        if (out.len > 0 && out.len <= 8 * ORACLE_BYTES_MAX && oracle_depth(out, 60) < 60) {
            Otlp__ExportMetricsServiceRequest *tree =
                otlp__export_metrics_service_request__unpack(NULL, out.len, out.at);
            ASSERT(tree != NULL);
            otlp__export_metrics_service_request__free_unpacked(tree, NULL);
        }
        collect_free(got);
    }
    payload_release(&wire);
    arena_release(&arena);
}

static void check_logs(struct bytes in)
{
    struct payload wire;
    struct arena arena;
    struct decode_tally tally;
    payload_init(&wire, (size_t)1 << 20, NULL);
    arena_init(&arena, (size_t)64 << 20, NULL);
    if (otlp_json_logs_to_wire(in, &wire, NULL) == TSDB_OK) {
        struct collect_logs *got = collect_logs_new();
        struct decode_log_task task = collect_log_task(got, &arena);
        enum tsdb_status st = otlp_logs_decode(&task, payload_bytes(&wire), &tally, NULL);
        ASSERT(st == TSDB_OK);
        collect_logs_check(got, &tally, st);
        collect_logs_free(got);
    }
    payload_release(&wire);
    arena_release(&arena);
}

static void check_trace(struct bytes in)
{
    struct payload wire;
    struct arena arena;
    struct decode_tally tally;
    payload_init(&wire, (size_t)1 << 20, NULL);
    arena_init(&arena, (size_t)64 << 20, NULL);
    if (otlp_json_trace_to_wire(in, &wire, NULL) == TSDB_OK) {
        struct collect_spans *got = collect_spans_new();
        struct decode_span_task task = collect_span_task(got, &arena);
        struct bytes out = payload_bytes(&wire);
        enum tsdb_status st = otlp_spans_decode(&task, out, &tally, NULL);
        ASSERT(st == TSDB_OK);
        collect_spans_check(got, &tally, st);
        if (out.len > 0 && out.len <= 8 * ORACLE_BYTES_MAX && oracle_depth(out, 60) < 60) {
            Otlp__ExportTraceServiceRequest *tree =
                otlp__export_trace_service_request__unpack(NULL, out.len, out.at);
            ASSERT(tree != NULL);
            otlp__export_trace_service_request__free_unpacked(tree, NULL);
        }
        collect_spans_free(got);
    }
    payload_release(&wire);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct entropy e = {data, len};
    arena_reset(oracle_arena());
    struct bytes in = compose(&e);
    check(in);
    check_logs(in);
    check_trace(in);
    return 0;
}
