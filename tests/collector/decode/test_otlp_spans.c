#include "collector/decode/otlp_spans.h"

#include "collector/decode/otlp_json.h"
#include "proto/otlp_trace.pb-c.h"
#include "tests/collector/decode/collect_spans.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;
static struct collect_spans *seen;
static struct decode_tally tally;
static struct tsdb_error err;

static void set_up(void)
{
    arena_init(&arena, 64 << 20, NULL);
    seen = collect_spans_new();
}

static void tear_down(void)
{
    collect_spans_free(seen);
    arena_release(&arena);
}

TestSuite(otlp_spans, .init = set_up, .fini = tear_down);

static enum tsdb_status decode_bytes(struct bytes in)
{
    struct decode_span_task task = collect_span_task(seen, &arena);
    seen->base.has_item = false;
    seen->base.items = 0;
    return otlp_spans_decode(&task, in, &tally, &err);
}

/* Requests are written as JSON, which is made into wire form. */
static struct payload wire_of(const char *json)
{
    struct payload wire;
    payload_init(&wire, 64 << 20, NULL);
    struct bytes in = {(const uint8_t *)json, strlen(json)};
    cr_assert_eq(otlp_json_trace_to_wire(in, &wire, &err), TSDB_OK, "%s", err.msg);
    return wire;
}

static void decode(const char *json)
{
    struct payload wire = wire_of(json);
    cr_assert_eq(decode_bytes(payload_bytes(&wire)), TSDB_OK, "%s", err.msg);
    collect_spans_check(seen, &tally, TSDB_OK);
    payload_release(&wire);
}

static void expect(const char *json, const char *line)
{
    uint32_t before = seen->base.count;
    decode(json);
    cr_assert_eq(seen->base.count, before + 1, "%s", tally.message);
    cr_assert_str_eq(seen->base.lines[before], line);
}

#define TRACE "0102030405060708090a0b0c0d0e0f10"
#define IDS "\"traceId\":\"" TRACE "\",\"spanId\":\"a1a2a3a4a5a6a7a8\""
#define HEAD "<> | @ <> | " TRACE " a1a2a3a4a5a6a7a8 "

#define TYPICAL                                                                                    \
    "{\"resourceSpans\":[{\"resource\":{\"attributes\":["                                          \
    "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}},"                             \
    "{\"key\":\"process.pid\",\"value\":{\"intValue\":\"17\"}}],\"droppedAttributesCount\":1},"    \
    "\"schemaUrl\":\"http://r\",\"scopeSpans\":[{\"scope\":{\"name\":\"lib\",\"version\":\"1.2\"," \
    "\"droppedAttributesCount\":2,"                                                                \
    "\"attributes\":[{\"key\":\"s.a\",\"value\":{\"boolValue\":true}}]},"                          \
    "\"schemaUrl\":\"http://s\",\"spans\":[{" IDS ",\"traceState\":\"a=1\","                       \
    "\"parentSpanId\":\"b1b2b3b4b5b6b7b8\",\"name\":\"GET /cart\",\"kind\":2,"                     \
    "\"startTimeUnixNano\":\"1700000000000000001\",\"endTimeUnixNano\":\"1700000000000000009\","   \
    "\"attributes\":[{\"key\":\"http.method\",\"value\":{\"stringValue\":\"GET\"}},"               \
    "{\"key\":\"n\",\"value\":{\"doubleValue\":1.5}}],\"droppedAttributesCount\":3,"               \
    "\"events\":[{\"timeUnixNano\":\"1700000000000000002\",\"name\":\"retry\","                    \
    "\"attributes\":[{\"key\":\"try\",\"value\":{\"intValue\":2}}],\"droppedAttributesCount\":4}," \
    "{\"timeUnixNano\":5}],\"droppedEventsCount\":5,"                                              \
    "\"links\":[{\"traceId\":\"ffffffffffffffffffffffffffffffff\","                                \
    "\"spanId\":\"eeeeeeeeeeeeeeee\",\"traceState\":\"b=2\",\"flags\":1,"                          \
    "\"attributes\":[{\"key\":\"why\",\"value\":{\"stringValue\":\"batch\"}}],"                    \
    "\"droppedAttributesCount\":6}],\"droppedLinksCount\":7,"                                      \
    "\"status\":{\"code\":2,\"message\":\"it broke\"},\"flags\":257}]}]}]}"

#define TYPICAL_LINE                                                                               \
    "<service.name=s:shop process.pid=i:17>+1 url='http://r' | lib@1.2 <s.a=b:1>+2 "               \
    "url='http://s' | " TRACE " a1a2a3a4a5a6a7a8 parent=b1b2b3b4b5b6b7b8 'GET /cart' kind=2 "      \
    "1700000000000000001..1700000000000000009 status=2:'it broke' state='a=1' flags=257 "          \
    "<http.method=s:GET n=d:1.5>+3 event(1700000000000000002 'retry' <try=i:2>+4) event(5 '' <>) " \
    "events+5 link(ffffffffffffffffffffffffffffffff eeeeeeeeeeeeeeee state='b=2' flags=1 "         \
    "<why=s:batch>+6) links+7"

Test(otlp_spans, a_typical_span)
{
    expect(TYPICAL, TYPICAL_LINE);
    cr_assert_eq(tally.received, 1);
    cr_assert_eq(tally.handed, 1);
}

Test(otlp_spans, truncated_at_every_byte)
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

/* Owned by the caller. */
static char *span_of(const char *members)
{
    struct writer w = {0};
    writer_format(&w, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{%s}]}]}]}", members);
    writer_u8(&w, 0);
    return (char *)w.at;
}

static void expect_span(const char *members, const char *rest)
{
    char *json = span_of(members);
    char line[1024];
    (void)snprintf(line, sizeof line, "%s%s", HEAD, rest);
    expect(json, line);
    mem_free(json);
}

static void expect_refused(const char *members, const char *why)
{
    char *json = span_of(members);
    decode(json);
    cr_assert_eq(tally.received, 1);
    cr_assert_eq(tally.handed, 0, "%s", members);
    cr_assert_eq(tally.rejected[DECODE_BAD_RECORD], 1);
    cr_assert_str_eq(tally.message, why);
    mem_free(json);
}

Test(otlp_spans, attributes_keep_their_types)
{
    static const char *const cases[][2] = {
        {"{\"stringValue\":\"v\"}", "k=s:v"},
        {"{\"stringValue\":\"\"}", "k=s:"},
        {"{\"boolValue\":false}", "k=b:0"},
        {"{\"intValue\":\"-9223372036854775808\"}", "k=i:-9223372036854775808"},
        {"{\"doubleValue\":1}", "k=d:1"},
        {"{\"doubleValue\":\"NaN\"}", "k=d:NaN"},
        {"{\"bytesValue\":\"AP8=\"}", "k=y:00ff"},
        {"{}", "k=s:"},
        {"null", "k=s:"},
        {"{\"arrayValue\":{}}", "k=j:[]"},
        {"{\"arrayValue\":{\"values\":[{\"intValue\":1},{\"doubleValue\":1},{\"doubleValue\":-0.0},"
         "{\"doubleValue\":1e30},{\"doubleValue\":1e20},{\"doubleValue\":0.5},"
         "{\"doubleValue\":\"Infinity\"},{\"stringValue\":\"1\"},{\"bytesValue\":\"AP8=\"},{}]}}",
         "k=j:[1,1.0,-0.0,1e+30,100000000000000000000.0,0.5,\"+Inf\",\"1\",\"AP8=\",null]"},
        {"{\"kvlistValue\":{}}", "k=j:{}"},
        {"{\"kvlistValue\":{\"values\":[{\"key\":\"z\",\"value\":{\"doubleValue\":2}},"
         "{\"key\":\"a\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"b\",\"value\":"
         "{\"boolValue\":true}}]}}},{\"key\":\"\\\"\"}]}}",
         "k=j:{\"z\":2.0,\"a\":{\"b\":true},\"\\\"\":null}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char members[1024], rest[512];
        (void)snprintf(members, sizeof members,
                       IDS ",\"attributes\":[{\"key\":\"k\",\"value\":%s}]", cases[i][0]);
        (void)snprintf(rest, sizeof rest, "'' kind=0 0..0 <%s>", cases[i][1]);
        expect_span(members, rest);
    }
}

Test(otlp_spans, names_and_kinds)
{
    expect_span(IDS ",\"kind\":\"SPAN_KIND_CONSUMER\",\"status\":{\"code\":\"STATUS_CODE_OK\"}",
                "'' kind=5 0..0 status=1:'' <>");
    expect_span(IDS ",\"kind\":255,\"status\":{\"code\":\"7\"}", "'' kind=255 0..0 status=7:'' <>");
    expect_span(IDS ",\"kind\":256,\"status\":{\"code\":256}", "'' kind=0 0..0 <>");
    expect_span(IDS ",\"startTimeUnixNano\":\"18446744073709551615\",\"endTimeUnixNano\":1",
                "'' kind=0 9223372036854775807..1 <>");
    expect_span(IDS ",\"parentSpanId\":\"\",\"links\":[{}]",
                "'' kind=0 0..0 <> link(00000000000000000000000000000000 0000000000000000 <>)");
    expect_span(IDS ",\"attributes\":[{\"key\":\"\",\"value\":{\"intValue\":1}}]",
                "'' kind=0 0..0 <>"); /* nameless */
}

Test(otlp_spans, ids_that_are_none)
{
    expect_refused("\"spanId\":\"0102030405060708\"", "trace id is all zero, or none");
    expect_refused("\"traceId\":\"00000000000000000000000000000000\"",
                   "trace id is all zero, or none");
    expect_refused("\"traceId\":\"01\"", "trace id is not 16 bytes");
    expect_refused("\"traceId\":\"" TRACE "01\"", "trace id is not 16 bytes");
    expect_refused("\"traceId\":\"" TRACE "\"", "span id is all zero, or none");
    expect_refused("\"traceId\":\"" TRACE "\",\"spanId\":\"0000000000000000\"",
                   "span id is all zero, or none");
    expect_refused("\"traceId\":\"" TRACE "\",\"spanId\":\"01020304050607\"",
                   "span id is not 8 bytes");
    expect_refused(IDS ",\"parentSpanId\":\"01\"", "parent span id is not 8 bytes");
    expect_refused(IDS ",\"links\":[{\"traceId\":\"01\"}]",
                   "link to a trace id that is not 16 bytes, or a span id that is not 8");
    expect_refused(IDS ",\"links\":[{\"spanId\":\"010203040506070809\"}]",
                   "link to a trace id that is not 16 bytes, or a span id that is not 8");
}

/* ---- limits --------------------------------------------------------------------------------- */

static char *repeated(const char *before, const char *item, int count, const char *after)
{
    struct writer w = {0};
    writer_text(&w, before);
    for (int i = 0; i < count; i++)
        writer_format(&w, "%s%s", i > 0 ? "," : "", item);
    writer_text(&w, after);
    writer_u8(&w, 0);
    return (char *)w.at;
}

#define ATTRIBUTE "{\"key\":\"k\",\"value\":{\"intValue\":1}}"

Test(otlp_spans, one_too_many_refuses_the_span)
{
    static const struct {
        const char *before, *item, *after, *why;
        int most;
    } cases[] = {
        {IDS ",\"attributes\":[", ATTRIBUTE, "]", "too many attributes", TSDB_SPAN_FIELDS_MAX},
        {IDS ",\"events\":[{\"attributes\":[", ATTRIBUTE, "]}]",
         "too many attributes of an event or a link", TSDB_SPAN_FIELDS_MAX},
        {IDS ",\"links\":[{\"attributes\":[", ATTRIBUTE, "]}]",
         "too many attributes of an event or a link", TSDB_SPAN_FIELDS_MAX},
        {IDS ",\"events\":[", "{}", "]", "more events than there may be", TSDB_SPAN_CHILDREN_MAX},
        {IDS ",\"links\":[", "{}", "]", "more links than there may be", TSDB_SPAN_CHILDREN_MAX},
        {IDS "}]}],\"resource\":{\"attributes\":[", ATTRIBUTE, "]},\"x\":[{\"x\":[{",
         "resource attributes nested too deep, too many or not UTF-8", TSDB_SPAN_FIELDS_MAX},
        {IDS "}],\"scope\":{\"attributes\":[", ATTRIBUTE, "]},\"x\":[{",
         "scope attributes nested too deep, too many or not UTF-8", TSDB_SPAN_FIELDS_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *members = repeated(cases[i].before, cases[i].item, cases[i].most, cases[i].after);
        char *json = span_of(members);
        decode(json);
        cr_assert_eq(tally.handed, 1, "%zu: %s", i, tally.message);
        mem_free(json);
        mem_free(members);
        members = repeated(cases[i].before, cases[i].item, cases[i].most + 1, cases[i].after);
        expect_refused(members, cases[i].why);
        mem_free(members);
    }
}

static void put_field(struct writer *w, unsigned number, struct bytes in)
{
    writer_uvarint(w, number << 3 | 2);
    writer_sized(w, in.at, in.len);
}

/* A span with an attribute that is an array in an array, `depth` times. */
static void decode_nested(unsigned depth)
{
    struct writer w = {0}, next = {0};
    for (unsigned i = 0; i < 2 * depth + 5; i++) {
        static const unsigned around[] = {2, 9, 2, 2, 1};
        writer_reset(&next);
        if (i == 2 * depth)
            writer_text(&next, "\x0a\x01k");
        if (i == 2 * depth + 1)
            writer_text(&next, "\x0a\x10"
                               "0123456789abcdef\x12\x08"
                               "01234567");
        put_field(&next, i < 2 * depth ? (i % 2 ? 5 : 1) : around[i - 2 * depth], writer_bytes(&w));
        struct writer swap = w;
        w = next;
        next = swap;
    }
    cr_assert_eq(decode_bytes(writer_bytes(&w)), TSDB_OK);
    cr_assert_eq(tally.received, 1);
    writer_release(&w);
    writer_release(&next);
}

Test(otlp_spans, nesting_beyond_the_limit_refuses_the_span)
{
    decode_nested(DECODE_DEPTH_MAX);
    cr_assert_eq(tally.handed, 1, "%s", tally.message);
    decode_nested(DECODE_DEPTH_MAX + 1);
    cr_assert_eq(tally.handed, 0);
    cr_assert_str_eq(tally.message, "attribute nested too deep, too long or not UTF-8");
    decode_nested(2000);
    cr_assert_eq(tally.rejected[DECODE_BAD_RECORD], 1);
}

Test(otlp_spans, items_beyond_the_limit_end_the_request)
{
    struct payload wire =
        wire_of("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" IDS "},{" IDS "}]}]}]}");
    for (uint32_t most = 1; most <= 2; most++) {
        struct decode_span_task task = collect_span_task(seen, &arena);
        task.items_max = most;
        seen->base.has_item = false;
        enum tsdb_status st = otlp_spans_decode(&task, payload_bytes(&wire), &tally, &err);
        cr_assert_eq(st, most < 2 ? TSDB_EINVAL : TSDB_OK);
    }
    payload_release(&wire);
}

Test(otlp_spans, an_arena_that_is_full_says_so)
{
    struct payload wire = wire_of(TYPICAL);
    int full = 0;
    for (size_t limit = 0; limit < 60000; limit += 97) {
        struct arena small;
        arena_init(&small, limit, NULL);
        struct decode_span_task task = collect_span_task(seen, &small);
        seen->base.has_item = false;
        enum tsdb_status st = otlp_spans_decode(&task, payload_bytes(&wire), &tally, &err);
        cr_assert(st == TSDB_OK || st == TSDB_ELIMIT, "limit %zu: %d", limit, st);
        full += st == TSDB_ELIMIT;
        arena_release(&small);
    }
    cr_assert_gt(full, 10);
    payload_release(&wire);
}

/* ---- sources -------------------------------------------------------------------------------- */

/* `count` spans of their own ResourceSpans each; of `sources` different ones, in turn. */
static void decode_many(int count, int sources)
{
    struct writer w = {0};
    writer_text(&w, "{\"resourceSpans\":[");
    for (int i = 0; i < count; i++)
        writer_format(&w,
                      "%s{\"resource\":{\"attributes\":[{\"key\":\"i\",\"value\":{\"intValue\":%d}"
                      "}]},\"scopeSpans\":[{\"spans\":[{" IDS ",\"startTimeUnixNano\":%d}]}]}",
                      i > 0 ? "," : "", i % sources, i);
    writer_text(&w, "]}");
    writer_u8(&w, 0);
    seen->sources = 0;
    seen->base.batches = 0;
    decode((char *)w.at);
    writer_release(&w);
}

Test(otlp_spans, equal_resources_are_one_source_of_the_batch)
{
    decode_many(1000, 7);
    cr_assert_eq(seen->base.batches, 1);
    cr_assert_eq(seen->sources, 7);
    for (int i = 0; i < 1000; i++) {
        char want[200];
        (void)snprintf(want, sizeof want,
                       "<i=i:%d> | @ <> | " TRACE " a1a2a3a4a5a6a7a8 '' kind=0 %d..0 <>", i % 7, i);
        cr_assert_str_eq(seen->base.lines[i], want);
    }
    decode_many(3000, 5); /* batches: sources are found anew in each */
    cr_assert_eq(seen->base.batches, 3);
    cr_assert_eq(seen->sources, 15);
    cr_assert_eq(seen->base.count, 4000);
    decode_many(600, 600);
    cr_assert_eq(seen->base.batches, 3, "%d sources fill a batch", DECODE_BATCH_SOURCES);
    cr_assert_eq(seen->sources, 600);
    for (int i = 0; i < 600; i++)
        cr_assert_eq(strncmp(seen->base.lines[4000 + i], "<i=i:", 5), 0);
}

/* The same bytes cut differently among resource, URLs and scope are different sources. */
Test(otlp_spans, sources_differ_by_each_of_their_parts)
{
    decode("{\"resourceSpans\":["
           "{\"scopeSpans\":[{\"scope\":{\"name\":\"a\"},\"spans\":[{" IDS "}]},"
           "{\"scope\":{\"name\":\"a\"},\"schemaUrl\":\"u\",\"spans\":[{" IDS "}]},"
           "{\"scope\":{\"name\":\"a\"},\"spans\":[{" IDS "}]}]},"
           "{\"schemaUrl\":\"u\",\"scopeSpans\":[{\"scope\":{\"name\":\"a\"},\"spans\":[{" IDS
           "}]}]},"
           "{\"schemaUrl\":\"u\",\"scopeSpans\":[{\"spans\":[{" IDS "}]}]},"
           "{\"resource\":{},\"scopeSpans\":[{\"scope\":{},\"schemaUrl\":\"u\",\"spans\":[{" IDS
           "}]}]}]}");
    cr_assert_eq(seen->sources, 5);
    static const char *const starts[] = {"<> | a@ <> |",        "<> | a@ <> url='u' |",
                                         "<> | a@ <> |",        "<> url='u' | a@ <> |",
                                         "<> url='u' | @ <> |", "<> | @ <> url='u' |"};
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(strncmp(seen->base.lines[i], starts[i], strlen(starts[i])), 0, "%s",
                     seen->base.lines[i]);
}

/* Protobuf merges a message field that is there twice. */
Test(otlp_spans, messages_that_come_in_pieces_are_one)
{
    static const uint8_t wire[] = {
        0x0a, 55,                                                  /* ResourceSpans */
        0x0a, 9,   0x0a, 7,   0x0a, 1,   'a',  0x12, 2,   0x18, 1, /* Resource */
        0x12, 31,  0x12, 29,                                       /* ScopeSpans, Span */
        0x0a, 16,  '0',  '1', '2',  '3', '4',  '5',  '6', '7',  '8',
        '9',  'a', 'b',  'c', 'd',  'e', 'f',  0x12, 1,   'x',     /* an id, not the last */
        0x7a, 2,   0x18, 2,   0x7a, 2,   0x12, 0,                  /* Status, twice */
        0x0a, 9,   0x0a, 7,   0x0a, 1,   'b',  0x12, 2,   0x10, 1, /* Resource */
    };
    cr_assert_eq(decode_bytes((struct bytes){wire, sizeof wire}), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_BAD_RECORD], 1);
    cr_assert_str_eq(tally.message, "span id is not 8 bytes");
    uint8_t good[sizeof wire + 7];
    memcpy(good, wire, 36);
    good[1] = 55 + 7;
    good[14] = 31 + 7;
    good[16] = 29 + 7;
    good[36] = 8;
    memcpy(good + 37, "12345678", 8);
    memcpy(good + 45, wire + 38, sizeof wire - 38);
    cr_assert_eq(decode_bytes((struct bytes){good, sizeof good}), TSDB_OK);
    cr_assert_eq(tally.handed, 1, "%s", tally.message);
    cr_assert_str_eq(seen->base.lines[0],
                     "<a=i:1 b=b:1> | @ <> | 30313233343536373839616263646566 3132333435363738 '' "
                     "kind=0 0..0 status=2:'' <>");
}

Test(otlp_spans, a_name_that_is_not_utf8_refuses_the_span)
{
    Otlp__KeyValue kv = OTLP__KEY_VALUE__INIT, *kvs[] = {&kv};
    Otlp__Span span = OTLP__SPAN__INIT, *spans[] = {&span};
    Otlp__ScopeSpans scope = OTLP__SCOPE_SPANS__INIT, *scopes[] = {&scope};
    Otlp__ResourceSpans resource = OTLP__RESOURCE_SPANS__INIT, *resources[] = {&resource};
    Otlp__ExportTraceServiceRequest request = OTLP__EXPORT_TRACE_SERVICE_REQUEST__INIT;
    uint8_t id[16] = {1}, out[200];
    char bad[] = "\xff";
    kv.key = bad;
    span.trace_id = (ProtobufCBinaryData){16, id};
    span.span_id = (ProtobufCBinaryData){8, id};
    span.attributes = kvs;
    span.n_attributes = 1;
    scope.spans = spans;
    scope.n_spans = 1;
    resource.scope_spans = scopes;
    resource.n_scope_spans = 1;
    request.resource_spans = resources;
    request.n_resource_spans = 1;
    size_t len = otlp__export_trace_service_request__pack(&request, out);
    cr_assert_eq(decode_bytes((struct bytes){out, len}), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_BAD_RECORD], 1);
    bad[0] = 'g';
    len = otlp__export_trace_service_request__pack(&request, out);
    cr_assert_eq(decode_bytes((struct bytes){out, len}), TSDB_OK);
    cr_assert_eq(tally.handed, 1);
}

Test(otlp_spans, json_that_is_not_of_this_shape)
{
    static const char *const members[] = {
        "\"kind\":\"SPAN_KIND_LOUD\"",
        "\"kind\":-1",
        "\"kind\":2147483648",
        "\"traceId\":\"0\"",
        "\"traceId\":\"zz\"",
        "\"status\":[]",
        "\"status\":{\"code\":\"\"}",
        "\"events\":{}",
        "\"links\":[1]",
        "\"flags\":4294967296",
        "\"startTimeUnixNano\":\"-1\"",
        "\"attributes\":[{\"key\":1}]",
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        struct payload wire;
        char *json = span_of(members[i]);
        payload_init(&wire, 1 << 20, NULL);
        struct bytes in = {(const uint8_t *)json, strlen(json)};
        cr_assert_eq(otlp_json_trace_to_wire(in, &wire, &err), TSDB_ECORRUPT, "%s", members[i]);
        payload_release(&wire);
        mem_free(json);
    }
}

/* What the sink answers ends the decoding, and is the answer. */
Test(otlp_spans, the_sink_has_the_last_word)
{
    struct payload wire = wire_of(TYPICAL);
    seen->base.answer = TSDB_EIO;
    cr_assert_eq(decode_bytes(payload_bytes(&wire)), TSDB_EIO);
    cr_assert_eq(tally.handed, 0);
    payload_release(&wire);
}
