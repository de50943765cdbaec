#include "collector/api/found_trace.h"

#include "proto/tempo.pb-c.h"
#include "tests/collector/api/sample_trace.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(found_trace, .timeout = 60);

static const char *json_of(const struct tsdb_found_trace *t)
{
    static char text[2048];
    struct json j;
    json_init(&j, 0, NULL, NULL);
    found_trace_json(&j, t);
    (void)snprintf(text, sizeof text, "%.*s", (int)j.out.len, (const char *)j.out.at);
    json_release(&j);
    return text;
}

Test(found_trace, json_is_what_strict_readers_know)
{
    cr_assert_str_eq(
        json_of(&sample_found),
        "{\"traceID\":\"000102030405060708090a0b0c0d0eff\",\"rootServiceName\":\"shop\","
        "\"rootTraceName\":\"GET /cart\",\"startTimeUnixNano\":\"1795521600123456789\","
        "\"durationMs\":2,\"spanSets\":[{\"spans\":[{\"spanID\":\"a000000000000000\",\"name\":"
        "\"GET /cart\",\"startTimeUnixNano\":\"1795521600123456789\",\"durationNanos\":"
        "\"2500000\",\"attributes\":[{\"key\":\"span.http.status_code\",\"value\":{\"intValue\":"
        "\"500\"}}]}],\"matched\":2,\"attributes\":[{\"key\":\"count()\",\"value\":{\"intValue\":"
        "\"2\"}}]}],\"serviceStats\":{\"shop\":{\"spanCount\":2,\"errorCount\":1},\"cart\":{"
        "\"spanCount\":1}}}");
}

Test(found_trace, durations_are_held_inside_their_types)
{
    struct tsdb_found_trace t = {.duration = INT64_MAX};
    cr_assert(strstr(json_of(&t), "\"durationMs\":4294967295,"), "%s", json_of(&t));
    struct tsdb_found_span s = {.duration = -5};
    struct tsdb_span_set set = {.spans = &s, .span_count = 1};
    t = (struct tsdb_found_trace){.duration = -1, .sets = &set, .set_count = 1};
    cr_assert(strstr(json_of(&t), "\"durationMs\":0,"), "%s", json_of(&t));
    cr_assert(strstr(json_of(&t), "\"durationNanos\":\"0\""), "%s", json_of(&t));
}

Test(found_trace, the_message_says_the_same)
{
    struct writer w = {0};
    found_trace_protobuf(&w, &sample_found);
    Tempopb__TraceSearchMetadata *t = tempopb__trace_search_metadata__unpack(NULL, w.len, w.at);
    cr_assert(t);
    cr_assert_str_eq(t->trace_id, SAMPLE_ID_HEX);
    cr_assert_str_eq(t->root_service_name, "shop");
    cr_assert_str_eq(t->root_trace_name, "GET /cart");
    cr_assert_eq(t->start_time_unix_nano, SAMPLE_START);
    cr_assert_eq(t->duration_ms, 2);
    cr_assert_null(t->span_set);
    cr_assert_eq(t->n_span_sets, 1);
    const Tempopb__SpanSet *set = t->span_sets[0];
    cr_assert_eq(set->matched, 2);
    cr_assert_str_eq(set->attributes[0]->key, "count()");
    cr_assert_eq(set->n_spans, 1);
    cr_assert_str_eq(set->spans[0]->span_id, "a000000000000000");
    cr_assert_str_eq(set->spans[0]->name, "GET /cart");
    cr_assert_eq(set->spans[0]->duration_nanos, 2500000);
    cr_assert_eq(set->spans[0]->attributes[0]->value->int_value, 500);
    cr_assert_eq(t->n_service_stats, 2);
    cr_assert_str_eq(t->service_stats[0]->key, "shop");
    cr_assert_eq(t->service_stats[0]->value->span_count, 2);
    cr_assert_eq(t->service_stats[0]->value->error_count, 1);
    tempopb__trace_search_metadata__free_unpacked(t, NULL);
    writer_release(&w);
}
