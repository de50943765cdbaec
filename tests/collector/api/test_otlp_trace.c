#include "collector/api/otlp_trace.h"

#include "proto/tempo.pb-c.h"
#include "tests/collector/api/sample_trace.h"

#include <criterion/criterion.h>

TestSuite(otlp_trace, .timeout = 60);

static const char *json_of(struct writer *text, const struct tsdb_trace *t, enum otlp_dialect d)
{
    struct json j;
    json_init(&j, 0, NULL, NULL);
    json_array(&j);
    otlp_trace_json(&j, t, d);
    json_end_array(&j);
    *text = j.out;
    writer_u8(text, 0);
    return (const char *)text->at;
}

Test(otlp_trace, json_has_everything_and_ids_in_hex)
{
    struct writer text;
    cr_assert_str_eq(
        json_of(&text, &sample_trace, OTLP_JSON),
        "[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":"
        "\"shop\"}},{\"key\":\"process.pid\",\"value\":{\"intValue\":\"7\"}}],"
        "\"droppedAttributesCount\":3},\"schemaUrl\":\"https://r\",\"scopeSpans\":[{\"scope\":{"
        "\"name\":\"lib\",\"version\":\"1.2\",\"attributes\":[{\"key\":\"scoped\",\"value\":{"
        "\"boolValue\":true}}],\"droppedAttributesCount\":4},\"schemaUrl\":\"https://s\","
        "\"spans\":[{\"traceId\":\"000102030405060708090a0b0c0d0eff\",\"spanId\":"
        "\"a000000000000000\",\"traceState\":\"v=1\",\"flags\":257,\"name\":\"GET /cart\","
        "\"kind\":2,\"startTimeUnixNano\":\"1795521600123456789\",\"endTimeUnixNano\":"
        "\"1795521600125956789\",\"attributes\":[{\"key\":\"http.method\",\"value\":{"
        "\"stringValue\":\"GET\"}},{\"key\":\"big\",\"value\":{\"intValue\":\"9007199254740993\"}}"
        ",{\"key\":\"ratio\",\"value\":{\"doubleValue\":0.5}},{\"key\":\"cached\",\"value\":{"
        "\"boolValue\":false}},{\"key\":\"raw\",\"value\":{\"bytesValue\":\"AQL/\"}},{\"key\":"
        "\"list\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"a\"},{\"intValue\":"
        "\"1\"},{\"doubleValue\":2},{\"boolValue\":true},{},{\"kvlistValue\":{\"values\":[{"
        "\"key\":\"k\",\"value\":{\"arrayValue\":{\"values\":[]}}}]}}]}}}],"
        "\"droppedAttributesCount\":5,\"events\":[{\"timeUnixNano\":\"1795521600123458289\","
        "\"name\":\"exception\",\"attributes\":[{\"key\":\"exception.type\",\"value\":{"
        "\"stringValue\":\"Oops\"}}],\"droppedAttributesCount\":1}],\"droppedEventsCount\":6,"
        "\"links\":[{\"traceId\":\"01000000000000000000000000000000\",\"spanId\":"
        "\"0200000000000000\",\"traceState\":\"l=1\",\"attributes\":[{\"key\":\"n\",\"value\":{"
        "\"intValue\":\"1\"}}],\"droppedAttributesCount\":2,\"flags\":1}],\"droppedLinksCount\":7,"
        "\"status\":{\"message\":\"it broke\",\"code\":2}},{\"traceId\":"
        "\"000102030405060708090a0b0c0d0eff\",\"spanId\":\"c000000000000000\",\"parentSpanId\":"
        "\"b000000000000000\",\"name\":\"odd\",\"kind\":9,\"startTimeUnixNano\":"
        "\"1795521600123459789\",\"endTimeUnixNano\":\"1795521600123457789\",\"status\":{}}]}]},"
        "{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":"
        "\"cart\"}}]},\"scopeSpans\":[{\"scope\":{},\"spans\":[{\"traceId\":"
        "\"000102030405060708090a0b0c0d0eff\",\"spanId\":\"b000000000000000\",\"parentSpanId\":"
        "\"a000000000000000\",\"name\":\"read\",\"kind\":3,\"startTimeUnixNano\":"
        "\"1795521600123457789\",\"endTimeUnixNano\":\"1795521600123458789\",\"status\":{"
        "\"code\":1}}]}]}]");
    writer_release(&text);
}

Test(otlp_trace, plain_json_has_base64_and_names)
{
    struct writer text;
    const struct tsdb_trace small = {.id = SAMPLE_ID,
                                     .spans = &sample_spans[1],
                                     .sources = sample_sources,
                                     .span_count = 1,
                                     .source_count = 2};
    cr_assert_str_eq(
        json_of(&text, &small, OTLP_PLAIN_JSON),
        "[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":"
        "\"cart\"}}]},\"scopeSpans\":[{\"scope\":{},\"spans\":[{\"traceId\":"
        "\"AAECAwQFBgcICQoLDA0O/w==\",\"spanId\":\"sAAAAAAAAAA=\",\"parentSpanId\":"
        "\"oAAAAAAAAAA=\",\"name\":\"read\",\"kind\":\"SPAN_KIND_CLIENT\",\"startTimeUnixNano\":"
        "\"1795521600123457789\",\"endTimeUnixNano\":\"1795521600123458789\",\"status\":{"
        "\"code\":\"STATUS_CODE_OK\"}}]}]}]");
    writer_release(&text);
}

static void check_first_span(const Otlp__Span *s)
{
    cr_assert_eq(s->trace_id.len, 16);
    cr_assert_eq(s->trace_id.data[15], 255);
    cr_assert_eq(s->span_id.len, 8);
    cr_assert_eq(s->parent_span_id.len, 0, "a root has no parent at all");
    cr_assert_str_eq(s->trace_state, "v=1");
    cr_assert_str_eq(s->name, "GET /cart");
    cr_assert_eq(s->kind, OTLP__SPAN__SPAN_KIND__SPAN_KIND_SERVER);
    cr_assert_eq(s->start_time_unix_nano, SAMPLE_START);
    cr_assert_eq(s->end_time_unix_nano, SAMPLE_START + 2500000);
    cr_assert_eq(s->n_attributes, 6);
    cr_assert_eq(s->attributes[5]->value->array_value->n_values, 6);
    cr_assert_eq(s->dropped_attributes_count, 5);
    cr_assert_eq(s->n_events, 1);
    cr_assert_str_eq(s->events[0]->name, "exception");
    cr_assert_eq(s->events[0]->time_unix_nano, SAMPLE_START + 1500);
    cr_assert_str_eq(s->events[0]->attributes[0]->key, "exception.type");
    cr_assert_eq(s->events[0]->dropped_attributes_count, 1);
    cr_assert_eq(s->dropped_events_count, 6);
    cr_assert_eq(s->n_links, 1);
    cr_assert_eq(s->links[0]->span_id.data[0], 2);
    cr_assert_str_eq(s->links[0]->trace_state, "l=1");
    cr_assert_eq(s->links[0]->attributes[0]->value->int_value, 1);
    cr_assert_eq(s->links[0]->dropped_attributes_count, 2);
    cr_assert_eq(s->links[0]->flags, 1);
    cr_assert_eq(s->dropped_links_count, 7);
    cr_assert_str_eq(s->status->message, "it broke");
    cr_assert_eq(s->status->code, OTLP__STATUS__STATUS_CODE__STATUS_CODE_ERROR);
    cr_assert_eq(s->flags, 0x101);
}

Test(otlp_trace, messages_have_everything)
{
    struct writer w = {0};
    otlp_trace_protobuf(&w, 1, &sample_trace);
    Tempopb__Trace *t = tempopb__trace__unpack(NULL, w.len, w.at);
    cr_assert(t);
    cr_assert_eq(t->n_resource_spans, 2);
    const Otlp__ResourceSpans *r = t->resource_spans[0];
    cr_assert_eq(r->resource->n_attributes, 2);
    cr_assert_eq(r->resource->dropped_attributes_count, 3);
    cr_assert_str_eq(r->schema_url, "https://r");
    cr_assert_eq(r->n_scope_spans, 1);
    const Otlp__ScopeSpans *scope = r->scope_spans[0];
    cr_assert_str_eq(scope->scope->name, "lib");
    cr_assert_str_eq(scope->scope->version, "1.2");
    cr_assert_eq(scope->scope->attributes[0]->value->bool_value, 1);
    cr_assert_eq(scope->scope->dropped_attributes_count, 4);
    cr_assert_str_eq(scope->schema_url, "https://s");
    cr_assert_eq(scope->n_spans, 2);
    check_first_span(scope->spans[0]);
    cr_assert_eq(scope->spans[1]->parent_span_id.data[0], 0xb0);
    cr_assert_eq((int)scope->spans[1]->kind, 9);
    cr_assert_str_eq(t->resource_spans[1]->scope_spans[0]->spans[0]->name, "read");
    tempopb__trace__free_unpacked(t, NULL);
    writer_release(&w);
}
