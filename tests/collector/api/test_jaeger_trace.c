#include "collector/api/jaeger_trace.h"

#include "tests/collector/api/sample_trace.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(jaeger_trace, .timeout = 60);

static const char *json_of(const struct tsdb_trace *t)
{
    static char text[8192];
    struct json j;
    json_init(&j, 0, NULL, NULL);
    jaeger_trace_json(&j, t);
    (void)snprintf(text, sizeof text, "%.*s", (int)j.out.len, (const char *)j.out.at);
    json_release(&j);
    return text;
}

Test(jaeger_trace, everything_has_a_place)
{
    cr_assert_str_eq(
        json_of(&sample_trace),
        "{\"traceID\":\"000102030405060708090a0b0c0d0eff\",\"spans\":[{\"traceID\":"
        "\"000102030405060708090a0b0c0d0eff\",\"spanID\":\"a000000000000000\",\"flags\":1,"
        "\"operationName\":\"GET /cart\",\"references\":[{\"refType\":\"FOLLOWS_FROM\","
        "\"traceID\":\"01000000000000000000000000000000\",\"spanID\":\"0200000000000000\"}],"
        "\"startTime\":1795521600123456,\"duration\":2500,\"tags\":[{\"key\":\"otel.scope.name\","
        "\"type\":\"string\",\"value\":\"lib\"},{\"key\":\"otel.scope.version\",\"type\":"
        "\"string\",\"value\":\"1.2\"},{\"key\":\"http.method\",\"type\":\"string\",\"value\":"
        "\"GET\"},{\"key\":\"big\",\"type\":\"int64\",\"value\":\"9007199254740993\"},{\"key\":"
        "\"ratio\",\"type\":\"float64\",\"value\":0.5},{\"key\":\"cached\",\"type\":\"bool\","
        "\"value\":false},{\"key\":\"raw\",\"type\":\"binary\",\"value\":\"AQL/\"},{\"key\":"
        "\"list\",\"type\":\"string\",\"value\":\"[\\\"a\\\",1,2.0,true,null,{\\\"k\\\":[]}]\"},"
        "{\"key\":\"span.kind\",\"type\":\"string\",\"value\":\"server\"},{\"key\":"
        "\"otel.status_code\",\"type\":\"string\",\"value\":\"ERROR\"},{\"key\":\"error\","
        "\"type\":\"bool\",\"value\":true},{\"key\":\"otel.status_description\",\"type\":"
        "\"string\",\"value\":\"it broke\"},{\"key\":\"w3c.tracestate\",\"type\":\"string\","
        "\"value\":\"v=1\"}],\"logs\":[{\"timestamp\":1795521600123458,\"fields\":[{\"key\":"
        "\"event\",\"type\":\"string\",\"value\":\"exception\"},{\"key\":\"exception.type\","
        "\"type\":\"string\",\"value\":\"Oops\"}]}],\"processID\":\"p1\",\"warnings\":null},{"
        "\"traceID\":\"000102030405060708090a0b0c0d0eff\",\"spanID\":\"b000000000000000\","
        "\"flags\":0,\"operationName\":\"read\",\"references\":[{\"refType\":\"CHILD_OF\","
        "\"traceID\":\"000102030405060708090a0b0c0d0eff\",\"spanID\":\"a000000000000000\"}],"
        "\"startTime\":1795521600123457,\"duration\":1,\"tags\":[{\"key\":\"span.kind\",\"type\":"
        "\"string\",\"value\":\"client\"},{\"key\":\"otel.status_code\",\"type\":\"string\","
        "\"value\":\"OK\"}],\"logs\":[],\"processID\":\"p2\",\"warnings\":null},{\"traceID\":"
        "\"000102030405060708090a0b0c0d0eff\",\"spanID\":\"c000000000000000\",\"flags\":0,"
        "\"operationName\":\"odd\",\"references\":[{\"refType\":\"CHILD_OF\",\"traceID\":"
        "\"000102030405060708090a0b0c0d0eff\",\"spanID\":\"b000000000000000\"}],\"startTime\":"
        "1795521600123459,\"duration\":0,\"tags\":[{\"key\":\"otel.scope.name\",\"type\":"
        "\"string\",\"value\":\"lib\"},{\"key\":\"otel.scope.version\",\"type\":\"string\","
        "\"value\":\"1.2\"}],\"logs\":[],\"processID\":\"p1\",\"warnings\":null}],\"processes\":{"
        "\"p1\":{\"serviceName\":\"shop\",\"tags\":[{\"key\":\"process.pid\",\"type\":\"int64\","
        "\"value\":7}]},\"p2\":{\"serviceName\":\"cart\",\"tags\":[]}},\"warnings\":null}");
}

Test(jaeger_trace, a_source_without_a_service_has_a_name_nevertheless)
{
    static const struct tsdb_field number[] = {FIELD_INT("service.name", 5)};
    const struct tsdb_span_source none = {0}, odd = {.resource = {number, 1, 0}};
    struct tsdb_text name = jaeger_service(&none);
    cr_assert_eq(memcmp(name.at, JAEGER_NO_SERVICE, name.len), 0);
    name = jaeger_service(&odd);
    cr_assert_eq(memcmp(name.at, JAEGER_NO_SERVICE, name.len), 0);
}

Test(jaeger_trace, part_of_a_trace_is_said_to_be_that)
{
    struct tsdb_trace part = sample_trace;
    part.is_partial = true;
    cr_assert(strstr(json_of(&part), "},\"warnings\":[\"the trace is not complete"));
}

Test(jaeger_trace, links_may_say_that_they_are_parents_and_events_what_they_are)
{
    static const struct tsdb_field type[] = {
        FIELD_TEXT("opentracing.ref_type", TSDB_FIELD_STRING, "child_of")};
    static const struct tsdb_field named[] = {FIELD_TEXT("event", TSDB_FIELD_STRING, "own")};
    static const struct tsdb_span_link link = {.span_id = {{2}}, .attributes = {type, 1, 0}};
    static const struct tsdb_span_event event = {
        .ts = -5, .name = T("name"), .attributes = {named, 1, 0}};
    static const struct tsdb_span span = {.span_id = {{1}},
                                          .name = T("s"),
                                          .links = &link,
                                          .link_count = 1,
                                          .events = &event,
                                          .event_count = 1};
    static const struct tsdb_span_source source = {0};
    const struct tsdb_trace t = {
        .spans = &span, .sources = &source, .span_count = 1, .source_count = 1};
    cr_assert(strstr(json_of(&t), "\"references\":[{\"refType\":\"CHILD_OF\""));
    cr_assert(strstr(json_of(&t), "\"logs\":[{\"timestamp\":0,\"fields\":[{\"key\":\"event\","
                                  "\"type\":\"string\",\"value\":\"own\"}]}]"));
}
