/* Tempo's streaming querier: messages in, messages and a status out. */
#include "collector/api/tempo.h"
#include "collector/api/tempo_answer.h"
#include "collector/net/protobuf.h"
#include "proto/tempo.pb-c.h"
#include "tests/collector/api/ask.h"
#include "tests/collector/api/sample_trace.h"

#include <zlib.h>

static void set_up(void)
{
    api_up();
    traces.found[0] = sample_found;
    traces.found_count = 1;
    traces.stats = (struct tsdb_trace_stats){.traces = 5, .bytes = 77};
}

TestSuite(tempo_grpc, .init = set_up, .fini = api_down, .timeout = 60);

static void call(const char *method, struct bytes message)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "/tempopb.StreamingQuerier/%s", method);
    exchange_init(&x, path, "");
    x.is_grpc = true;
    x.message = message;
    send_to(&x);
    exchange_wait(&x);
    cr_assert_eq(x.ends, 1);
}

#define PACKED(type, ...)                                                                          \
    struct bytes message;                                                                          \
    static uint8_t packed[1024];                                                                   \
    do {                                                                                           \
        message = (struct bytes){packed, type##__pack(__VA_ARGS__, packed)};                       \
    } while (0)

Test(tempo_grpc, an_empty_search_is_a_health_check)
{
    call("Search", (struct bytes){0});
    cr_assert_eq(x.grpc_status, 0, "%s", x.grpc_message);
    cr_assert_eq(x.writes, 1);
    cr_assert_str_eq(traces.query, "{}");
    Tempopb__SearchResponse *m = tempopb__search_response__unpack(NULL, x.out.len, x.out.at);
    cr_assert(m);
    cr_assert_eq(m->n_traces, 1);
    cr_assert_str_eq(m->traces[0]->trace_id, SAMPLE_ID_HEX);
    cr_assert_eq(m->metrics->inspected_traces, 5);
    cr_assert_eq(m->metrics->completed_jobs, 1);
    tempopb__search_response__free_unpacked(m, NULL);
    exchange_release(&x);
}

Test(tempo_grpc, a_search_says_all_that_a_form_says)
{
    Tempopb__SearchRequest ask = TEMPOPB__SEARCH_REQUEST__INIT;
    char query[] = "{ name = \"a\" }";
    ask.query = query;
    ask.limit = 7;
    ask.spans_per_span_set = 4;
    ask.start = 1000;
    ask.end = 2000;
    PACKED(tempopb__search_request, &ask);
    call("Search", message);
    cr_assert_eq(x.grpc_status, 0, "%s", x.grpc_message);
    cr_assert_str_eq(traces.query, query);
    cr_assert_eq(traces.options.limit, 7);
    cr_assert_eq(traces.options.spans_per_set, 4);
    cr_assert_eq(traces.options.start, 1000 * NS_PER_S);
    cr_assert_eq(traces.options.end, 2000 * NS_PER_S);
    exchange_release(&x);
}

Test(tempo_grpc, tags_and_durations_are_a_filter)
{
    Tempopb__SearchRequest ask = TEMPOPB__SEARCH_REQUEST__INIT;
    Tempopb__SearchRequest__TagsEntry tag = TEMPOPB__SEARCH_REQUEST__TAGS_ENTRY__INIT, *tags = &tag;
    char key[] = "a", value[] = "\"";
    tag.key = key;
    tag.value = value;
    ask.n_tags = 1;
    ask.tags = &tags;
    ask.min_duration_ms = 5;
    PACKED(tempopb__search_request, &ask);
    call("Search", message);
    cr_assert_str_eq(traces.query, "{ .a = \"\\\"\" && traceDuration >= 5000000ns }");
    exchange_release(&x);
}

Test(tempo_grpc, large_answers_are_several_messages)
{
    db.repeat = 4000;
    call("Search", (struct bytes){0});
    cr_assert_eq(x.grpc_status, 0);
    cr_assert_gt(x.writes, 1);
    size_t at = 0, found = 0;
    for (size_t i = 0; i < x.writes; i++) {
        cr_assert_leq(x.messages[i], TEMPO_PART_BYTES + 4096);
        Tempopb__SearchResponse *m =
            tempopb__search_response__unpack(NULL, x.messages[i], x.out.at + at);
        cr_assert(m, "each is whole");
        cr_assert_eq(m->metrics != NULL, i + 1 == x.writes);
        found += m->n_traces;
        at += x.messages[i];
        tempopb__search_response__free_unpacked(m, NULL);
    }
    cr_assert_eq(found, 4001);
    cr_assert_eq(at, x.out.len);
    exchange_release(&x);
}

Test(tempo_grpc, faults_are_a_status_before_and_after_messages)
{
    call("Search", (struct bytes){(const uint8_t *)"\x0a\xff", 2});
    cr_assert_eq(x.grpc_status, 3);
    cr_assert_str_eq(x.grpc_message, "the message does not decode");
    cr_assert_eq(x.writes, 0);
    exchange_release(&x);
    db.repeat = 4000;
    traces.end_status = TSDB_EIO;
    db.message = "disk";
    call("Search", (struct bytes){0});
    cr_assert_eq(x.grpc_status, 13);
    cr_assert_str_eq(x.grpc_message, "disk");
    cr_assert_gt(x.writes, 0);
    cr_assert_eq(x.starts, 1);
    exchange_release(&x);
}

Test(tempo_grpc, requests_may_be_compressed)
{
    uint8_t plain[64], coded[128];
    struct writer w = {0};
    protobuf_text(&w, 8, text_of("{ kind = server }"));
    memcpy(plain, w.at, w.len);
    z_stream z = {
        .next_in = plain, .avail_in = (uInt)w.len, .next_out = coded, .avail_out = sizeof coded};
    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    (void)deflateEnd(&z);
    writer_release(&w);
    for (int i = 0; i < 3; i++) {
        exchange_init(&x, "/tempopb.StreamingQuerier/Search", "");
        x.is_grpc = x.is_compressed = true;
        x.message = (struct bytes){coded, z.total_out - (i == 2)};
        if (i != 1) {
            x.headers[0][0] = "grpc-encoding";
            x.headers[0][1] = "gzip";
        }
        send_to(&x);
        exchange_wait(&x);
        cr_assert_eq(x.grpc_status, i == 0 ? 0 : i == 1 ? 12 : 3, "%d: %s", i, x.grpc_message);
        exchange_release(&x);
    }
    cr_assert_str_eq(traces.query, "{ kind = server }");
}

Test(tempo_grpc, tags_and_values)
{
    traces.tags[0] = (struct fake_tag){TSDB_PLACE_SPAN, "a"};
    traces.values[0] = (struct fake_value){TSDB_FIELD_INT, "5"};
    Tempopb__SearchTagsRequest ask = TEMPOPB__SEARCH_TAGS_REQUEST__INIT;
    char scope[] = "span";
    ask.scope = scope;
    ask.start = 3;
    PACKED(tempopb__search_tags_request, &ask);
    call("SearchTagsV2", message);
    cr_assert_eq(traces.scope.start, 3 * NS_PER_S);
    Tempopb__SearchTagsV2Response *m =
        tempopb__search_tags_v2_response__unpack(NULL, x.out.len, x.out.at);
    cr_assert(m);
    cr_assert_eq(m->n_scopes, 1);
    cr_assert_str_eq(m->scopes[0]->name, "span");
    cr_assert_str_eq(m->scopes[0]->tags[0], "a");
    tempopb__search_tags_v2_response__free_unpacked(m, NULL);
    exchange_release(&x);
    call("SearchTags", message);
    Tempopb__SearchTagsResponse *names =
        tempopb__search_tags_response__unpack(NULL, x.out.len, x.out.at);
    cr_assert_str_eq(names->tag_names[0], "a");
    tempopb__search_tags_response__free_unpacked(names, NULL);
    exchange_release(&x);
}

Test(tempo_grpc, values)
{
    traces.values[0] = (struct fake_value){TSDB_FIELD_INT, "5"};
    Tempopb__SearchTagValuesRequest ask = TEMPOPB__SEARCH_TAG_VALUES_REQUEST__INIT;
    char name[] = "span.code", query[] = "{ kind = server }";
    ask.tag_name = name;
    ask.query = query;
    ask.start = 3;
    ask.end = 9;
    PACKED(tempopb__search_tag_values_request, &ask);
    call("SearchTagValuesV2", message);
    cr_assert_str_eq(traces.name, "code");
    cr_assert_str_eq(traces.query, query);
    cr_assert_eq(traces.scope.end, 9 * NS_PER_S);
    Tempopb__SearchTagValuesV2Response *m =
        tempopb__search_tag_values_v2_response__unpack(NULL, x.out.len, x.out.at);
    cr_assert(m);
    cr_assert_str_eq(m->tag_values[0]->type, "int");
    cr_assert_str_eq(m->tag_values[0]->value, "5");
    tempopb__search_tag_values_v2_response__free_unpacked(m, NULL);
    exchange_release(&x);
    call("SearchTagValues", message);
    Tempopb__SearchTagValuesResponse *plain =
        tempopb__search_tag_values_response__unpack(NULL, x.out.len, x.out.at);
    cr_assert_str_eq(plain->tag_values[0], "5");
    tempopb__search_tag_values_response__free_unpacked(plain, NULL);
    exchange_release(&x);
}

Test(tempo_grpc, metric_queries)
{
    static const int64_t ts[] = {INT64_C(60000000000)};
    static const double values[] = {2.5};
    db.results[0] = (struct tsdb_result){.count = 1, .ts = ts, .values = values};
    db.result_count = 1;
    Tempopb__QueryRangeRequest ask = TEMPOPB__QUERY_RANGE_REQUEST__INIT;
    char query[] = "{} | rate()";
    ask.query = query;
    ask.start = 60 * NS_PER_S;
    ask.end = 120 * NS_PER_S;
    ask.step = 30 * NS_PER_S;
    ask.exemplars = 9;
    PACKED(tempopb__query_range_request, &ask);
    call("MetricsQueryRange", message);
    cr_assert_eq(x.grpc_status, 0, "%s", x.grpc_message);
    cr_assert_eq(traces.options.start, 90 * NS_PER_S);
    cr_assert_eq(traces.options.end, 120 * NS_PER_S);
    cr_assert_eq(traces.options.exemplars, 9);
    Tempopb__QueryRangeResponse *m =
        tempopb__query_range_response__unpack(NULL, x.out.len, x.out.at);
    cr_assert(m);
    cr_assert_eq(m->series[0]->samples[0]->value, 2.5);
    tempopb__query_range_response__free_unpacked(m, NULL);
    exchange_release(&x);
    call("MetricsQueryInstant", message);
    cr_assert_eq(traces.options.step, 0);
    Tempopb__QueryInstantResponse *one =
        tempopb__query_instant_response__unpack(NULL, x.out.len, x.out.at);
    cr_assert(one);
    cr_assert_eq(one->series[0]->value, 2.5);
    tempopb__query_instant_response__free_unpacked(one, NULL);
    exchange_release(&x);
}

Test(tempo_grpc, what_is_no_grpc_is_told_so)
{
    exchange_init(&x, "/tempopb.StreamingQuerier/Search", "");
    x.body = "{}";
    send_to(&x);
    exchange_wait(&x);
    cr_assert_eq(x.status, 415);
    exchange_release(&x);
}
