#include "collector/decode/otlp_logs.h"

#include "collector/decode/otlp_json.h"
#include "collector/decode/otlp_value.h"
#include "tests/collector/decode/collect_logs.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;
static struct collect_logs *seen;
static struct decode_tally tally;
static struct tsdb_error err;

static void set_up(void)
{
    arena_init(&arena, 64 << 20, NULL);
    seen = collect_logs_new();
}

static void tear_down(void)
{
    collect_logs_free(seen);
    arena_release(&arena);
}

TestSuite(otlp_logs, .init = set_up, .fini = tear_down);

static enum tsdb_status decode_bytes(struct bytes in)
{
    struct decode_log_task task = collect_log_task(seen, &arena);
    seen->base.has_item = false;
    seen->base.items = 0;
    enum tsdb_status st = otlp_logs_decode(&task, in, &tally, &err);
    return st;
}

/* Requests are written as JSON, which is made into wire form. */
static struct payload wire_of(const char *json)
{
    struct payload wire;
    payload_init(&wire, 64 << 20, NULL);
    struct bytes in = {(const uint8_t *)json, strlen(json)};
    cr_assert_eq(otlp_json_logs_to_wire(in, &wire, &err), TSDB_OK, "%s", err.msg);
    return wire;
}

static void decode(const char *json)
{
    struct payload wire = wire_of(json);
    cr_assert_eq(decode_bytes(payload_bytes(&wire)), TSDB_OK, "%s", err.msg);
    collect_logs_check(seen, &tally, TSDB_OK);
    payload_release(&wire);
}

static void expect(const char *json, const char *line)
{
    uint32_t before = seen->base.count;
    decode(json);
    cr_assert_eq(seen->base.count, before + 1, "%s", tally.message);
    cr_assert_str_eq(seen->base.lines[before], line);
}

#define TYPICAL                                                                                    \
    "{\"resourceLogs\":[{\"resource\":{\"attributes\":["                                           \
    "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}},"                             \
    "{\"key\":\"host.name\",\"value\":{\"stringValue\":\"h1\"}},"                                  \
    "{\"key\":\"k8s.pod.name\",\"value\":{\"stringValue\":\"shop-1\"}},"                           \
    "{\"key\":\"process.pid\",\"value\":{\"intValue\":\"17\"}}]},"                                 \
    "\"scopeLogs\":[{\"scope\":{\"name\":\"lib\",\"version\":\"1.2\",\"droppedAttributesCount\":"  \
    "2,"                                                                                           \
    "\"attributes\":[{\"key\":\"s.a\",\"value\":{\"boolValue\":true}}]},"                          \
    "\"logRecords\":[{\"timeUnixNano\":\"1700000000000000001\","                                   \
    "\"observedTimeUnixNano\":\"1700000000000000002\",\"severityNumber\":17,"                      \
    "\"severityText\":\"Error\",\"body\":{\"stringValue\":\"it broke\"},"                          \
    "\"attributes\":[{\"key\":\"http.method\",\"value\":{\"stringValue\":\"GET\"}},"               \
    "{\"key\":\"n\",\"value\":{\"doubleValue\":1.5}}],"                                            \
    "\"droppedAttributesCount\":3,\"flags\":1,"                                                    \
    "\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\","            \
    "\"eventName\":\"ev\"}]}]}]}"

#define TYPICAL_LINE                                                                               \
    "{k8s_pod_name=\"shop-1\",service_name=\"shop\"} <host.name=s:h1 process.pid=i:17> "           \
    "1700000000000000001 |it broke| http.method=s:GET n=d:1.5 "                                    \
    "observed_timestamp=i:1700000000000000002 severity_number=i:17 severity_text=s:Error "         \
    "dropped_attributes_count=i:3 flags=i:1 trace_id=x:0102030405060708090a0b0c0d0e0f10 "          \
    "span_id=x:0102030405060708 event_name=s:ev detected_level=s:error s.a=b:1 scope_name=s:lib "  \
    "scope_version=s:1.2 scope_dropped_attributes_count=i:2"

Test(otlp_logs, a_typical_record)
{
    expect(TYPICAL, TYPICAL_LINE);
    cr_assert_eq(tally.received, 1);
    cr_assert_eq(tally.handed, 1);
}

Test(otlp_logs, truncated_at_every_byte)
{
    struct payload wire = wire_of(TYPICAL);
    struct bytes in = payload_bytes(&wire);
    for (size_t len = 0; len < in.len; len++) {
        uint8_t *copy = mem_alloc(len + 1);
        memcpy(copy, in.at, len);
        enum tsdb_status st = decode_bytes((struct bytes){copy, len});
        cr_assert_eq(st, len == 0 ? TSDB_OK : TSDB_ECORRUPT, "cut at %zu", len);
        mem_free(copy);
    }
    payload_release(&wire);
}

/* One record in a resource and scope without attributes. */
static char *record(const char *members)
{
    struct writer w = {0};
    writer_format(&w, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{%s}]}]}]}", members);
    writer_u8(&w, 0);
    return (char *)w.at;
}

Test(otlp_logs, records)
{
    static const char *const cases[][2] = {
        {"", "1234567890 || detected_level=s:unknown"},
        {"\"observedTimeUnixNano\":\"5\"", "5 || detected_level=s:unknown"},
        {"\"timeUnixNano\":\"5\",\"observedTimeUnixNano\":\"5\"", "5 || detected_level=s:unknown"},
        {"\"timeUnixNano\":\"18446744073709551615\"",
         "9223372036854775807 || detected_level=s:unknown"},
        {"\"traceId\":\"00000000000000000000000000000000\",\"spanId\":\"\"",
         "1234567890 || detected_level=s:unknown"},
        {"\"severityNumber\":\"SEVERITY_NUMBER_INFO2\"",
         "1234567890 || severity_number=i:10 detected_level=s:info"},
        {"\"severityText\":\"Strange\"",
         "1234567890 || severity_text=s:Strange detected_level=s:Strange"},
        {"\"severityText\":\"Strange\",\"severityNumber\":21",
         "1234567890 || severity_number=i:21 severity_text=s:Strange detected_level=s:fatal"},
        {"\"body\":{\"stringValue\":\"level=warn x\"}",
         "1234567890 |level=warn x| detected_level=s:warn"},
        {"\"body\":{\"intValue\":7}", "1234567890 |7| detected_level=s:unknown"},
        {"\"body\":{\"boolValue\":true}", "1234567890 |true| detected_level=s:unknown"},
        {"\"body\":{\"doubleValue\":0.5}", "1234567890 |0.5| detected_level=s:unknown"},
        {"\"body\":{\"bytesValue\":\"aGk=\"}", "1234567890 |hi| detected_level=s:unknown"},
        {"\"body\":{}", "1234567890 || detected_level=s:unknown"},
        {"\"body\":{\"kvlistValue\":{\"values\":[{\"key\":\"z\",\"value\":{\"intValue\":1}},{"
         "\"key\":\"a\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"q\\\"\"},{}]}}}]}"
         "}",
         "1234567890 |{\"z\":1,\"a\":[\"q\\\"\",null]}| detected_level=s:unknown"},
        {"\"attributes\":[{\"key\":\"m\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"a\","
         "\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"b\",\"value\":{\"intValue\":-1}},{"
         "\"key\":\"e\",\"value\":{\"kvlistValue\":{}}}]}}},{\"key\":\"l\",\"value\":{"
         "\"arrayValue\":{\"values\":[{\"kvlistValue\":{\"values\":[{\"key\":\"y\"},{\"key\":"
         "\"x\"}]}}]}}}]}}}]",
         "1234567890 || m.a.b=i:-1 m.a.e=j:{} m.l=j:[{\"y\":null,\"x\":null}] "
         "detected_level=s:unknown"},
        {"\"attributes\":[{\"key\":\"y\",\"value\":{\"bytesValue\":\"AAE=\"}},{\"key\":\"v\"},{"
         "\"key\":\"\",\"value\":{\"intValue\":1}}]",
         "1234567890 || y=y:0001 v=s: detected_level=s:unknown"},
        {"\"attributes\":[{\"key\":\"level\",\"value\":{\"stringValue\":\"WARNING\"}}],"
         "\"severityNumber\":9",
         "1234567890 || level=s:WARNING severity_number=i:9 detected_level=s:warn"},
        {"\"attributes\":[{\"key\":\"detected_level\",\"value\":{\"stringValue\":\"mine\"}}]",
         "1234567890 || detected_level=s:mine"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *json = record(cases[i][0]);
        char want[512];
        (void)snprintf(want, sizeof want, "{service_name=\"unknown_service\"} <> %s", cases[i][1]);
        expect(json, want);
        mem_free(json);
    }
}

static char *resource(const char *attributes)
{
    struct writer w = {0};
    writer_format(&w,
                  "{\"resourceLogs\":[{\"resource\":{\"attributes\":[%s]},\"scopeLogs\":[{"
                  "\"logRecords\":[{\"timeUnixNano\":\"1\",\"severityNumber\":1}]}]}]}",
                  attributes);
    writer_u8(&w, 0);
    return (char *)w.at;
}

Test(otlp_logs, resources)
{
    static const char *const cases[][2] = {
        {"{\"key\":\"k8s.container.name\",\"value\":{\"stringValue\":\"c\"}}",
         "{k8s_container_name=\"c\",service_name=\"c\"} <>"},
        {"{\"key\":\"service.name\",\"value\":{\"intValue\":\"7\"}}", "{service_name=\"7\"} <>"},
        {"{\"key\":\"service.name\",\"value\":{\"stringValue\":\"\"}}",
         "{service_name=\"unknown_service\"} <>"},
        {"{\"key\":\"service.name\",\"value\":{\"stringValue\":\"a\"}},{\"key\":\"service.name\","
         "\"value\":{\"stringValue\":\"b\"}}",
         "{service_name=\"a\"} <service.name=s:b>"},
        {"{\"key\":\"cloud.region\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"a\","
         "\"value\":{\"intValue\":1}}]}}}",
         "{service_name=\"unknown_service\"} <cloud.region.a=i:1>"},
        {"{\"key\":\"deployment.environment.name\",\"value\":{\"stringValue\":\"p\"}},{\"key\":"
         "\"tags\",\"value\":{\"arrayValue\":{\"values\":[{\"intValue\":1}]}}}",
         "{deployment_environment_name=\"p\",service_name=\"unknown_service\"} <tags=j:[1]>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *json = resource(cases[i][0]);
        char want[512];
        (void)snprintf(want, sizeof want, "%s 1 || severity_number=i:1 detected_level=s:trace",
                       cases[i][1]);
        expect(json, want);
        mem_free(json);
    }
}

Test(otlp_logs, long_resource_attributes_go_to_the_records)
{
    for (size_t len = DECODE_STREAM_VALUE_MAX; len <= DECODE_STREAM_VALUE_MAX + 1; len++) {
        char attribute[2 * DECODE_STREAM_VALUE_MAX], value[DECODE_STREAM_VALUE_MAX + 2];
        memset(value, 'v', len);
        value[len] = 0;
        (void)snprintf(attribute, sizeof attribute,
                       "{\"key\":\"cmd\",\"value\":{\"stringValue\":\"%s\"}},"
                       "{\"key\":\"n\",\"value\":{\"intValue\":1}}",
                       value);
        char *json = resource(attribute);
        uint32_t at = seen->base.count;
        decode(json);
        bool is_of_stream = strstr(seen->base.lines[at], "<cmd=s:v") != NULL;
        bool is_of_record = strstr(seen->base.lines[at], "detected_level=s:trace cmd=s:v") != NULL;
        cr_assert_eq(is_of_stream, len == DECODE_STREAM_VALUE_MAX);
        cr_assert_eq(is_of_record, len > DECODE_STREAM_VALUE_MAX);
        cr_assert(strstr(seen->base.lines[at], "n=i:1>") != NULL);
        mem_free(json);
    }
}

Test(otlp_logs, equal_resources_are_one_stream_in_every_batch)
{
    struct writer w = {0};
    writer_text(&w, "{\"resourceLogs\":[");
    for (int i = 0; i < 3; i++) {
        writer_format(&w, "%s{\"scopeLogs\":[{\"logRecords\":[", i > 0 ? "," : "");
        for (int k = 0; k < 1000; k++)
            writer_format(&w, "%s{\"timeUnixNano\":%d}", k > 0 ? "," : "", i * 1000 + k + 1);
        /* the resource may come last */
        writer_format(&w,
                      "]}],\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
                      "\"stringValue\":\"s%d\"}}]}}",
                      i % 2);
    }
    writer_text(&w, "]}");
    writer_u8(&w, 0);
    decode((char *)w.at);
    cr_assert_eq(tally.handed, 3000);
    cr_assert_eq(seen->base.batches, 3);
    cr_assert_eq(seen->streams, 2 + 2 + 1);
    for (int i = 0; i < 3000; i++) {
        char want[64];
        (void)snprintf(want, sizeof want, "{service_name=\"s%d\"} <> %d ", i / 1000 % 2, i + 1);
        cr_assert(strncmp(seen->base.lines[i], want, strlen(want)) == 0, "%s", seen->base.lines[i]);
    }
    writer_release(&w);
}

static char *nested(int depth)
{
    struct writer w = {0};
    writer_text(&w, "\"attributes\":[{\"key\":\"k\",\"value\":");
    for (int i = 0; i < depth; i++)
        writer_text(&w, "{\"kvlistValue\":{\"values\":[{\"key\":\"k\",\"value\":");
    writer_text(&w, "{\"intValue\":1}");
    for (int i = 0; i < depth; i++)
        writer_text(&w, "}]}}");
    writer_text(&w, "}]");
    writer_u8(&w, 0);
    char *json = record((char *)w.at);
    writer_release(&w);
    return json;
}

/* The JSON form nests 64 messages at most, three a map; wire form is wrapped by hand. */
static void put_field(struct writer *out, unsigned number, struct bytes in)
{
    writer_uvarint(out, number << 3 | 2);
    writer_sized(out, in.at, in.len);
}

static void nest_wire(int depth, bool is_body)
{
    struct writer value = {0}, next = {0};
    writer_text(&value, "\x18\x01");
    for (int i = 0; i < depth; i++) {
        writer_reset(&next);
        writer_text(&next, "\x0a\x01k");
        put_field(&next, 2, writer_bytes(&value)); /* KeyValue */
        writer_reset(&value);
        put_field(&value, 1, writer_bytes(&next)); /* KeyValueList */
        writer_reset(&next);
        put_field(&next, 6, writer_bytes(&value)); /* AnyValue */
        struct writer swap = value;
        value = next;
        next = swap;
    }
    if (!is_body) {
        writer_reset(&next);
        writer_text(&next, "\x0a\x01k");
        put_field(&next, 2, writer_bytes(&value));
        struct writer swap = value;
        value = next;
        next = swap;
    }
    const unsigned around[] = {is_body ? 5 : 6, 2, 2, 1};
    for (int i = 0; i < 4; i++) {
        writer_reset(&next);
        put_field(&next, around[i], writer_bytes(&value));
        struct writer swap = value;
        value = next;
        next = swap;
    }
    cr_assert_eq(decode_bytes(writer_bytes(&value)), TSDB_OK);
    writer_release(&value);
    writer_release(&next);
}

Test(otlp_logs, nesting_beyond_the_limit_refuses_the_record)
{
    char *json = nested(10);
    decode(json);
    cr_assert(strstr(seen->base.lines[0], " k.k.k.k.k.k.k.k.k.k.k=i:1 ") != NULL);
    mem_free(json);
    for (int is_body = 0; is_body < 2; is_body++) {
        nest_wire(DECODE_DEPTH_MAX, is_body);
        cr_assert_eq(tally.handed, 1);
        nest_wire(DECODE_DEPTH_MAX + 1, is_body);
        cr_assert_eq(tally.handed, 0);
        cr_assert_eq(tally.rejected[DECODE_BAD_RECORD], 1);
        nest_wire(2000, is_body);
        cr_assert_eq(tally.rejected[DECODE_BAD_RECORD], 1);
    }
}

static char *many_attributes(int count)
{
    struct writer w = {0};
    for (int i = 0; i < count; i++)
        writer_format(&w, "%s{\"key\":\"a%d\",\"value\":{\"intValue\":1}}", i > 0 ? "," : "", i);
    writer_u8(&w, 0);
    return (char *)w.at;
}

Test(otlp_logs, more_fields_than_the_limit_refuse_the_record)
{
    for (int more = 0; more < 2; more++) {
        char *list = many_attributes(DECODE_FIELDS_MAX - 1 + more); /* and detected_level */
        struct writer w = {0};
        writer_format(&w, "\"attributes\":[%s]", list);
        writer_u8(&w, 0);
        char *json = record((char *)w.at);
        decode(json);
        cr_assert_eq(tally.rejected[DECODE_BAD_RECORD], (uint64_t)more);
        mem_free(json);
        writer_release(&w);
        mem_free(list);
        list = many_attributes(DECODE_FIELDS_MAX + more);
        json = resource(list);
        decode(json);
        cr_assert_eq(tally.rejected[DECODE_BAD_RECORD], (uint64_t)more);
        mem_free(json);
        mem_free(list);
    }
}

Test(otlp_logs, a_name_that_is_not_utf8_refuses_the_record)
{
    /* request { resource { scope { record { attribute { key "\xff" } }, record {} } } } */
    static const uint8_t wire[] = {0x0a, 13, 0x12, 11,   0x12, 7,    0x32, 5,
                                   0x0a, 1,  0xff, 0x12, 0,    0x12, 0};
    cr_assert_eq(decode_bytes((struct bytes){wire, sizeof wire}), TSDB_OK);
    cr_assert_eq(tally.received, 2);
    cr_assert_eq(tally.handed, 1);
    cr_assert_eq(tally.rejected[DECODE_BAD_RECORD], 1);
}

Test(otlp_logs, items_beyond_the_limit_end_the_request)
{
    struct payload wire = wire_of(
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"flags\":1},{\"flags\":1}]}]}]}");
    for (uint32_t most = 1; most <= 2; most++) {
        struct decode_log_task task = collect_log_task(seen, &arena);
        task.items_max = most;
        seen->base.has_item = false;
        enum tsdb_status st = otlp_logs_decode(&task, payload_bytes(&wire), &tally, &err);
        cr_assert_eq(st, most < 2 ? TSDB_EINVAL : TSDB_OK);
    }
    payload_release(&wire);
}

Test(otlp_logs, an_arena_that_is_full_says_so)
{
    struct payload wire = wire_of(TYPICAL);
    for (size_t limit = 0; limit < 40000; limit += 97) {
        struct arena small;
        arena_init(&small, limit, NULL);
        struct decode_log_task task = collect_log_task(seen, &small);
        seen->base.has_item = false;
        enum tsdb_status st = otlp_logs_decode(&task, payload_bytes(&wire), &tally, &err);
        cr_assert(st == TSDB_OK || st == TSDB_ELIMIT, "limit %zu: %d", limit, st);
        arena_release(&small);
    }
    payload_release(&wire);
}

Test(otlp_logs, json_that_is_not_of_this_shape)
{
    static const char *const cases[] = {
        "[]",
        "{\"resourceLogs\":{}}",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"severityNumber\":\"SEVERITY_NUMBER_"
        "LOUD\"}]}]}]}",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"severityNumber\":\"SEVERITY_NUMBER_"
        "\"}]}]}]}",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"flags\":4294967296}]}]}]}",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"traceId\":\"xyz0\"}]}]}]}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct payload wire;
        payload_init(&wire, 1 << 20, NULL);
        struct bytes in = {(const uint8_t *)cases[i], strlen(cases[i])};
        cr_assert_eq(otlp_json_logs_to_wire(in, &wire, &err), TSDB_ECORRUPT, "%s", cases[i]);
        payload_release(&wire);
    }
    expect(
        "{\"resource_logs\":[{\"scope_logs\":[{\"log_records\":[{\"time_unix_nano\":3,"
        "\"severity_number\":24}]}]}]}",
        "{service_name=\"unknown_service\"} <> 3 || severity_number=i:24 detected_level=s:fatal");
}
