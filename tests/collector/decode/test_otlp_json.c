/* JSON and protobuf of the same request must come out of the decoder alike. */
#include "collector/decode/otlp_json.h"

#include "collector/decode/otlp_metrics.h"
#include "tests/collector/decode/collect.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;
static struct collect *seen;
static struct decode_tally tally;
static struct tsdb_error err;

static void set_up(void)
{
    arena_init(&arena, 64 << 20, NULL);
    seen = collect_new();
}

static void tear_down(void)
{
    collect_free(seen);
    arena_release(&arena);
}

TestSuite(otlp_json, .init = set_up, .fini = tear_down);

static enum tsdb_status decode_limited(const char *json, size_t limit)
{
    struct payload wire;
    size_t len = strlen(json);
    uint8_t *copy = mem_alloc(len);
    memcpy(copy, json, len);
    payload_init(&wire, limit, NULL);
    enum tsdb_status st = otlp_json_to_wire((struct bytes){copy, len}, &wire, &err);
    if (st == TSDB_OK) {
        static const struct otlp_options options;
        struct decode_task task = collect_task(seen, &arena);
        seen->has_item = false;
        st = otlp_metrics_decode(&task, &options, payload_bytes(&wire), &tally, &err);
        cr_assert_eq(st, TSDB_OK, "%s: our own wire form must decode", err.msg);
    }
    payload_release(&wire);
    mem_free(copy);
    return st;
}

static enum tsdb_status decode(const char *json)
{
    return decode_limited(json, 1 << 20);
}

static void expect(const char *line)
{
    char *all = collect_dump(seen);
    cr_assert(collect_has(seen, line), "want %s\ngot\n%s", line, all);
    mem_free(all);
}

#define METRIC(data)                                                                               \
    "{\"resourceMetrics\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"    \
    "{\"stringValue\":\"cart\"}}]},\"scopeMetrics\":[{\"scope\":{\"name\":\"lib\"},\"metrics\":["  \
    "{\"name\":\"m\"," data "}]}]}]}"
#define LABELS "{__name__=\"m\",job=\"cart\",otel_scope_name=\"lib\"}"

Test(otlp_json, numbers_as_strings_and_as_numbers)
{
    cr_assert_eq(decode(METRIC("\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":\"5\",\"asInt\":"
                               "\"-9223372036854775808\"},{\"timeUnixNano\":6,\"asInt\":7},"
                               "{\"timeUnixNano\":\"7\",\"asDouble\":\"NaN\"},{\"timeUnixNano\":8,"
                               "\"asDouble\":-1.5e3},{\"timeUnixNano\":1e3,\"asDouble\":"
                               "\"-Infinity\"}]}")),
                 TSDB_OK, "%s", err.msg);
    expect(LABELS " 5 c3e0000000000000");
    expect(LABELS " 6 401c000000000000");
    expect(LABELS " 7 7ff8000000000000");
    expect(LABELS " 8 c097700000000000");
    expect(LABELS " 1000 fff0000000000000");
}

Test(otlp_json, snake_case_unknown_fields_and_nulls)
{
    cr_assert_eq(decode("{\"resource_metrics\":[{\"future\":{\"deep\":[1,{\"x\":null}]},"
                        "\"scope_metrics\":[{\"metrics\":[{\"name\":\"m\",\"unit\":null,\"gauge\":"
                        "{\"data_points\":[{\"time_unix_nano\":\"5\",\"as_double\":1}]}}]}]}]}"),
                 TSDB_OK, "%s", err.msg);
    expect("{__name__=\"m\"} 5 3ff0000000000000");
    cr_assert_eq(decode("{}"), TSDB_OK);
    cr_assert_eq(decode("{\"resourceMetrics\":null}"), TSDB_OK);
}

Test(otlp_json, sums_histograms_and_their_exemplars)
{
    cr_assert_eq(decode(METRIC("\"sum\":{\"isMonotonic\":true,\"aggregationTemporality\":2,"
                               "\"dataPoints\":[{\"timeUnixNano\":\"5\",\"asInt\":\"1\"}]}")),
                 TSDB_OK);
    expect("{__name__=\"m_total\",job=\"cart\",otel_scope_name=\"lib\"} 5 3ff0000000000000");
    cr_assert_eq(
        decode(METRIC("\"histogram\":{\"aggregationTemporality\":"
                      "\"AGGREGATION_TEMPORALITY_CUMULATIVE\",\"dataPoints\":[{\"timeUnixNano\":"
                      "\"5\",\"count\":\"3\",\"sum\":4.5,\"bucketCounts\":[\"1\",2],"
                      "\"explicitBounds\":[0.5],\"exemplars\":[{\"timeUnixNano\":\"4\","
                      "\"asDouble\":0.25,\"traceId\":\"0102030405060708090A0b0c0d0e0f10\","
                      "\"spanId\":\"0102030405060708\"}]}]}")),
        TSDB_OK, "%s", err.msg);
    expect("{__name__=\"m_bucket\",job=\"cart\",le=\"0.5\",otel_scope_name=\"lib\"} 5 "
           "3ff0000000000000");
    expect("{__name__=\"m_sum\",job=\"cart\",otel_scope_name=\"lib\"} 5 4012000000000000");
    expect(
        "exemplar {__name__=\"m_bucket\",job=\"cart\",le=\"0.5\",otel_scope_name=\"lib\"} 4 0.25 "
        "{span_id=\"0102030405060708\",trace_id=\"0102030405060708090a0b0c0d0e0f10\"}");
}

Test(otlp_json, exponential_histograms_and_summaries)
{
    cr_assert_eq(decode(METRIC("\"exponentialHistogram\":{\"aggregationTemporality\":2,"
                               "\"dataPoints\":[{\"timeUnixNano\":\"5\",\"count\":4,\"sum\":3,"
                               "\"scale\":-2,\"zeroCount\":\"1\",\"positive\":{\"offset\":-1,"
                               "\"bucketCounts\":[\"3\"]}}]}")),
                 TSDB_OK);
    expect(LABELS " 5 hi schema=-2 hint=0 count=4 sum=4008000000000000 "
                  "zero=1<=1.0000000000000001e-128 | 0:3 |");
    cr_assert_eq(decode(METRIC("\"summary\":{\"dataPoints\":[{\"timeUnixNano\":5,\"count\":2,"
                               "\"sum\":3,\"quantileValues\":[{\"quantile\":0.5,\"value\":1}]}]}")),
                 TSDB_OK);
    expect("{__name__=\"m\",job=\"cart\",otel_scope_name=\"lib\",quantile=\"0.5\"} 5 "
           "3ff0000000000000");
}

Test(otlp_json, attribute_values_of_every_kind)
{
    cr_assert_eq(
        decode(METRIC("\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":1,\"asInt\":1,\"attributes\":["
                      "{\"key\":\"b\",\"value\":{\"boolValue\":true}},"
                      "{\"key\":\"i\",\"value\":{\"intValue\":\"9007199254740993\"}},"
                      "{\"key\":\"d\",\"value\":{\"doubleValue\":0.1}},"
                      "{\"key\":\"a\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":"
                      "\"x\\u00e9\"},{\"intValue\":1}]}}},"
                      "{\"key\":\"m\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"k\","
                      "\"value\":{\"boolValue\":false}}]}}},"
                      "{\"key\":\"y\",\"value\":{\"bytesValue\":\"AP8\"}}]}]}")),
        TSDB_OK, "%s", err.msg);
    expect("{__name__=\"m\",a=\"[\"x\xc3\xa9\",1]\",b=\"true\",d=\"0.1\",i=\"9007199254740993\","
           "job=\"cart\",m=\"{\"k\":false}\",otel_scope_name=\"lib\",y=\"AP8=\"} 1 "
           "3ff0000000000000");
}

Test(otlp_json, refuses)
{
    static const char *const bad[] = {
        "",
        "[]",
        "null",
        "{\"resourceMetrics\":{}}",
        "{\"resourceMetrics\":[1]}",
        "{\"resourceMetrics\":[{}]",
        METRIC("\"gauge\":{\"dataPoints\":[{\"asInt\":1.5}]}"),
        METRIC("\"gauge\":{\"dataPoints\":[{\"asInt\":\"9223372036854775808\"}]}"),
        METRIC("\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":-1}]}"),
        METRIC("\"gauge\":{\"dataPoints\":[{\"asDouble\":\"nan\"}]}"),
        METRIC("\"gauge\":{\"dataPoints\":[{\"asDouble\":\"0x1p3\"}]}"),
        METRIC("\"gauge\":{\"dataPoints\":[{\"exemplars\":[{\"traceId\":\"abc\"}]}]}"),
        METRIC("\"gauge\":{\"dataPoints\":[{\"attributes\":[{\"key\":\"\\ud800\"}]}]}"),
        METRIC("\"sum\":{\"isMonotonic\":1}"),
        METRIC("\"unit\":5"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(decode(bad[i]), TSDB_ECORRUPT, "%s", bad[i]);
}

Test(otlp_json, nesting_has_an_end)
{
    struct writer w = {0};
    writer_text(&w, "{\"resourceMetrics\":[{\"resource\":{\"attributes\":[{\"value\":");
    for (int i = 0; i < 100000; i++)
        writer_text(&w, "{\"arrayValue\":{\"values\":[");
    writer_u8(&w, 0);
    cr_assert_eq(decode((const char *)w.at), TSDB_ECORRUPT);
    writer_release(&w);
}

Test(otlp_json, the_limit_is_kept)
{
    const char *json = METRIC("\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":5,\"asInt\":1}]}");
    size_t need = 0;
    for (size_t limit = 1; limit < 300 && need == 0; limit++)
        if (decode_limited(json, limit) == TSDB_OK)
            need = limit;
    cr_assert_gt(need, 50);
    cr_assert_eq(decode_limited(json, need - 1), TSDB_EINVAL);
}

Test(otlp_json, every_truncation_is_refused)
{
    const char *json = METRIC("\"gauge\":{\"dataPoints\":[{\"timeUnixNano\":5,\"asInt\":1}]}");
    for (size_t cut = 0; cut < strlen(json); cut++) {
        char *part = mem_text(json, cut);
        cr_assert_eq(decode(part), TSDB_ECORRUPT, "cut at %zu", cut);
        mem_free(part);
    }
}
