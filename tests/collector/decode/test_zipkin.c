#include "collector/decode/zipkin.h"

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

TestSuite(zipkin, .init = set_up, .fini = tear_down);

static enum tsdb_status decode(const char *json, size_t len)
{
    struct decode_span_task task = collect_span_task(seen, &arena);
    seen->base.has_item = false;
    seen->base.items = 0;
    enum tsdb_status st =
        zipkin_decode(&task, (struct bytes){(const uint8_t *)json, len}, &tally, &err);
    collect_spans_check(seen, &tally, st);
    return st;
}

static void expect(const char *json, const char *line)
{
    uint32_t before = seen->base.count;
    cr_assert_eq(decode(json, strlen(json)), TSDB_OK, "%s", err.msg);
    cr_assert_eq(seen->base.count, before + 1, "%s", tally.message);
    cr_assert_str_eq(seen->base.lines[before], line);
}

#define TRACE "0102030405060708090a0b0c0d0e0f10"
#define ID "a1a2a3a4a5a6a7a8"
#define IDS "\"traceId\":\"" TRACE "\",\"id\":\"" ID "\""
#define BASE IDS ",\"timestamp\":1"
#define HEAD "<> | @ <> | " TRACE " " ID " "
#define PLAIN HEAD "'' kind=1 1000..1000 "

#define TYPICAL                                                                                    \
    "[{\"traceId\":\"" TRACE "\",\"parentId\":\"b1b2b3b4b5b6b7b8\",\"id\":\"" ID "\","             \
    "\"kind\":\"CLIENT\",\"name\":\"get /\",\"timestamp\":1795380002131100.8,"                     \
    "\"duration\":207000.25,\"localEndpoint\":{\"serviceName\":\"fr\\u00f6nt\","                   \
    "\"ipv4\":\"10.0.0.1\",\"ipv6\":\"::1\",\"port\":80},"                                         \
    "\"remoteEndpoint\":{\"serviceName\":\"back\",\"ipv6\":\"fe80::1\",\"port\":9000},"            \
    "\"annotations\":[{\"timestamp\":1795380002131101,\"value\":\"sent\"},"                        \
    "{\"value\":\"\\\"retry\\\": {\\\"try\\\": 2, \\\"wait\\\": 1.0, \\\"why\\\": [\\\"a\\\"]}\"," \
    "\"timestamp\":5}],"                                                                           \
    "\"tags\":{\"http.path\":\"/\",\"error\":\"it broke\",\"otel.scope.name\":\"lib\","            \
    "\"otel.library.name\":\"old\",\"otel.library.version\":\"1.2\",\"w3c.tracestate\":\"a=1\","   \
    "\"otel.dropped_attributes_count\":\"3\",\"otel.dropped_events_count\":\"4\",\"otel.dropped_"  \
    "links_count\":\"5\"},"                                                                        \
    "\"shared\":true,\"debug\":true,\"later\":[{\"a\":[]}]}]"

#define TYPICAL_LINE                                                                               \
    "<service.name=s:fr\xc3\xb6nt> | lib@1.2 <> | " TRACE " " ID " parent=b1b2b3b4b5b6b7b8 "       \
    "'get /' kind=3 1795380002131100800..1795380002338101050 status=2:'it broke' state='a=1' "     \
    "<http.path=s:/ net.host.ip=s:10.0.0.1 net.host.port=i:80 peer.service=s:back "                \
    "net.peer.ip=s:fe80::1 net.peer.port=i:9000 zipkin.shared=b:1 zipkin.debug=b:1>+3 "            \
    "event(1795380002131101000 'sent' <>) event(5000 'retry' <try=i:2 wait=d:1 why=j:[\"a\"]>) "   \
    "events+4 links+5"

Test(zipkin, a_typical_span)
{
    expect(TYPICAL, TYPICAL_LINE);
    cr_assert_eq(tally.received, 1);
}

Test(zipkin, truncated_at_every_byte)
{
    for (size_t len = 0; len < sizeof TYPICAL - 1; len++) {
        char *copy = mem_alloc(len + 1);
        memcpy(copy, TYPICAL, len);
        cr_assert_eq(decode(copy, len), TSDB_ECORRUPT, "cut at %zu", len);
        mem_free(copy);
    }
}

Test(zipkin, members_one_by_one)
{
    static const char *const cases[][2] = {
        {BASE, PLAIN "<>"},
        {"\"traceId\":\"7\",\"id\":\"A\",\"timestamp\":\"1\"",
         "<> | @ <> | 00000000000000000000000000000007 000000000000000a '' kind=1 1000..1000 <>"},
        {"\"traceId\":\"090a0b0c0d0e0f10\",\"id\":\"" ID "\",\"timestamp\":1",
         "<> | @ <> | 0000000000000000090a0b0c0d0e0f10 " ID " '' kind=1 1000..1000 <>"},
        {BASE ",\"kind\":\"SERVER\"", HEAD "'' kind=2 1000..1000 <>"},
        {BASE ",\"kind\":\"PRODUCER\"", HEAD "'' kind=4 1000..1000 <>"},
        {BASE ",\"kind\":\"CONSUMER\"", HEAD "'' kind=5 1000..1000 <>"},
        {BASE ",\"kind\":\"server\"", HEAD "'' kind=0 1000..1000 <>"},
        {BASE ",\"kind\":null,\"name\":null,\"duration\":null,\"tags\":null,\"parentId\":null,"
              "\"annotations\":null,\"localEndpoint\":null,\"shared\":null",
         PLAIN "<>"},
        {BASE ",\"parentId\":\"" ID "\"", PLAIN "<>"},
        {BASE ",\"parentId\":\"0000000000000000\"", PLAIN "<>"},
        {BASE ",\"shared\":false,\"debug\":false", PLAIN "<>"},
        /* times */
        {IDS ",\"timestamp\":1.0", PLAIN "<>"},
        {IDS ",\"timestamp\":0.0019", HEAD "'' kind=1 1..1 <>"},
        {IDS ",\"timestamp\":1.05,\"duration\":1e3", HEAD "'' kind=1 1050..1001050 <>"},
        {IDS ",\"timestamp\":1.7e15", HEAD "'' kind=1 1700000000000000000..1700000000000000000 <>"},
        {IDS ",\"timestamp\":99999999999999999999999",
         HEAD "'' kind=1 9223372036854775807..9223372036854775807 <>"},
        {IDS ",\"timestamp\":9223372036854775,\"duration\":9223372036854775",
         HEAD "'' kind=1 9223372036854775000..9223372036854775807 <>"},
        {IDS
         ",\"duration\":2,\"annotations\":[{\"timestamp\":7,\"value\":\"a\"},{\"timestamp\":6}]",
         HEAD "'' kind=1 7000..9000 <> event(7000 'a' <>) event(6000 '' <>)"},
        /* tags */
        {BASE ",\"tags\":{\"a\":\"\",\"n\":17.50,\"b\":true,\"none\":null,\"\":\"nameless\"}",
         PLAIN "<a=s: n=s:17.50 b=s:true>"},
        {BASE ",\"tags\":{\"error\":\"true\"}", HEAD "'' kind=1 1000..1000 status=2:'' <>"},
        {BASE ",\"tags\":{\"error\":\"\"}", HEAD "'' kind=1 1000..1000 status=2:'' <>"},
        {BASE ",\"tags\":{\"error\":\"false\"}", PLAIN "<error=s:false>"},
        {BASE ",\"tags\":{\"otel.status_code\":\"OK\",\"error\":\"x\"}",
         HEAD "'' kind=1 1000..1000 status=1:'' <error=s:x>"},
        {BASE ",\"tags\":{\"otel.status_code\":\"ERROR\",\"error\":\"true\","
              "\"otel.status_description\":\"d\"}",
         HEAD "'' kind=1 1000..1000 status=2:'d' <>"},
        {BASE ",\"tags\":{\"otel.status_code\":\"ERROR\"}",
         HEAD "'' kind=1 1000..1000 status=2:'' <>"},
        {BASE ",\"tags\":{\"otel.status_code\":\"UNSET\",\"otel.status_description\":\"d\"}",
         PLAIN "<otel.status_code=s:UNSET otel.status_description=s:d>"},
        {BASE ",\"tags\":{\"otel.dropped_events_count\":\"-1\","
              "\"otel.dropped_attributes_count\":\"4294967296\"}",
         PLAIN "<otel.dropped_attributes_count=s:4294967296 otel.dropped_events_count=s:-1>"},
        {BASE ",\"tags\":{\"peer.service\":\"mine\",\"net.peer.port\":\"1\"},"
              "\"remoteEndpoint\":{\"serviceName\":\"theirs\",\"port\":2,\"later\":{}}",
         PLAIN "<peer.service=s:mine net.peer.port=s:1>"},
        {BASE ",\"localEndpoint\":{\"serviceName\":\"\",\"port\":0,\"ipv6\":\"::1\"}",
         PLAIN "<net.host.ip=s:::1>"},
        /* annotations that nearly have attributes */
        {BASE ",\"annotations\":[{\"timestamp\":1,\"value\":\"\\\"a\\\": {\\\"b\\\":1\"}]",
         PLAIN "<> event(1000 '\"a\": {\"b\":1' <>)"},
        {BASE ",\"annotations\":[{\"timestamp\":1,\"value\":\"\\\"a\\\": {\\\"b\\\":}\"}]",
         PLAIN "<> event(1000 '\"a\": {\"b\":}' <>)"},
        {BASE ",\"annotations\":[{\"timestamp\":1,\"value\":\"\\\"a\\\": {}}\"}]",
         PLAIN "<> event(1000 '\"a\": {}}' <>)"},
        {BASE ",\"annotations\":[{\"timestamp\":1,\"value\":\"\\\"a\\\": 7}\"}]",
         PLAIN "<> event(1000 '\"a\": 7}' <>)"},
        {BASE ",\"annotations\":[{\"timestamp\":1,\"value\":\"\\\"a\\\":{},\\\"b\\\":{}\"}]",
         PLAIN "<> event(1000 '\"a\":{},\"b\":{}' <>)"},
        {BASE ",\"annotations\":[{\"timestamp\":1,\"value\":\"\\\"a\\\":{}\",\"later\":1}]",
         PLAIN "<> event(1000 'a' <>)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char json[1024];
        (void)snprintf(json, sizeof json, "[{%s}]", cases[i][0]);
        expect(json, cases[i][1]);
    }
}

Test(zipkin, spans_that_are_refused_one_by_one)
{
    static const struct {
        const char *members, *why;
        enum decode_reason reason;
    } cases[] = {
        {"\"id\":\"" ID "\",\"timestamp\":1", "traceId is not 16 or 32 hex digits, or all zero",
         DECODE_BAD_RECORD},
        {"\"traceId\":\"" TRACE "0\",\"id\":\"" ID "\",\"timestamp\":1",
         "traceId is not 16 or 32 hex digits, or all zero", DECODE_BAD_RECORD},
        {"\"traceId\":\"" TRACE "\",\"timestamp\":1", "id is not 16 hex digits, or all zero",
         DECODE_BAD_RECORD},
        {"\"traceId\":\"" TRACE "\",\"id\":\"00000\",\"timestamp\":1",
         "id is not 16 hex digits, or all zero", DECODE_BAD_RECORD},
        {"\"traceId\":\"" TRACE "\",\"id\":\"g\",\"timestamp\":1",
         "id is not 16 hex digits, or all zero", DECODE_BAD_RECORD},
        {BASE ",\"parentId\":\"x\"", "parentId is not 16 hex digits", DECODE_BAD_RECORD},
        {IDS, "neither a timestamp nor an annotation", DECODE_BAD_TIME},
        {IDS ",\"timestamp\":-1", "a time is not a number of microseconds", DECODE_BAD_TIME},
        {IDS ",\"timestamp\":\"1x\"", "a time is not a number of microseconds", DECODE_BAD_TIME},
        {IDS ",\"timestamp\":\"\"", "a time is not a number of microseconds", DECODE_BAD_TIME},
        {IDS ",\"timestamp\":{}", "a time is not a number", DECODE_BAD_TIME},
        {BASE ",\"annotations\":[{\"value\":\"x\"}]", "an annotation has no timestamp",
         DECODE_BAD_TIME},
        {BASE ",\"annotations\":[1]", "an annotation is not an object", DECODE_BAD_RECORD},
        {BASE ",\"annotations\":{}", "annotations are not a list", DECODE_BAD_RECORD},
        {BASE ",\"tags\":[]", "tags are not an object", DECODE_BAD_RECORD},
        {BASE ",\"tags\":{\"a\":[1]}", "a tag is not a string", DECODE_BAD_RECORD},
        {BASE ",\"name\":7", "a member is not a string", DECODE_BAD_RECORD},
        {BASE ",\"debug\":1", "a flag is not a bool", DECODE_BAD_RECORD},
        {BASE ",\"localEndpoint\":\"x\"", "an endpoint is not an object", DECODE_BAD_RECORD},
        {BASE ",\"localEndpoint\":{\"port\":65536}", "a port is not one", DECODE_BAD_RECORD},
        {BASE ",\"localEndpoint\":{\"port\":1.5}", "a port is not one", DECODE_BAD_RECORD},
        {BASE ",\"localEndpoint\":{\"port\":\"1\"}", "a port is not a number", DECODE_BAD_RECORD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char json[1024], why[200];
        (void)snprintf(json, sizeof json, "[{%s},{" BASE "}]", cases[i].members);
        (void)snprintf(why, sizeof why, "element 1: %s", cases[i].why);
        cr_assert_eq(decode(json, strlen(json)), TSDB_OK, "%s: %s", json, err.msg);
        cr_assert_eq(tally.handed, 1, "%s", json);
        cr_assert_eq(tally.rejected[cases[i].reason], 1, "%s", json);
        cr_assert_str_eq(tally.message, why);
    }
    cr_assert_eq(decode("[7,null,\"x\",{" BASE "}]", strlen("[7,null,\"x\",{" BASE "}]")), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_BAD_RECORD], 3);
    cr_assert_eq(tally.handed, 1);
    cr_assert_str_eq(tally.message, "element 1: not a JSON object");
}

Test(zipkin, what_is_no_list_is_refused_whole)
{
    static const char *const cases[] = {
        "",
        "{}",
        "{" BASE "}",
        "[{" BASE "}",
        "[{" BASE "}]x",
        "[{" BASE "},]",
        "[{",
        "[{\"a\"",
        "[}",
        "null",
        "[{\"name\":\"\\ud800\"}]",
        "[{\"tags\":{\"\xff\":\"x\"}}]",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(decode(cases[i], strlen(cases[i])), TSDB_ECORRUPT, "%s", cases[i]);
    cr_assert_eq(decode("[]", 2), TSDB_OK);
    cr_assert_eq(tally.received, 0);
}

static void expect_limit(const char *before, const char *item, int most, const char *after,
                         const char *why)
{
    for (int more = 0; more < 2; more++) {
        struct writer w = {0};
        writer_text(&w, before);
        for (int i = 0; i < most + more; i++)
            writer_format(&w, "%s%s", i > 0 ? "," : "", item);
        writer_text(&w, after);
        cr_assert_eq(decode((char *)w.at, w.len), TSDB_OK);
        cr_assert_eq(tally.handed, (uint64_t)!more, "%s", tally.message);
        cr_assert_str_eq(tally.message, more ? why : "");
        writer_release(&w);
    }
}

Test(zipkin, one_too_many_refuses_the_span)
{
    expect_limit("[{" BASE ",\"tags\":{", "\"a\":\"b\"", TSDB_SPAN_FIELDS_MAX, "}}]",
                 "element 1: too many tags");
    expect_limit("[{" BASE ",\"annotations\":[", "{\"timestamp\":1}", TSDB_SPAN_CHILDREN_MAX, "]}]",
                 "element 1: more annotations than there may be");
    expect_limit("[{" BASE ",\"annotations\":[{\"timestamp\":1,\"value\":\"\\\"a\\\":{",
                 "\\\"a\\\":1", TSDB_SPAN_FIELDS_MAX, "}\"}]}]",
                 "element 1: too many attributes of an annotation");
}

Test(zipkin, equal_services_are_one_source)
{
    struct writer w = {0};
    writer_text(&w, "[");
    for (int i = 0; i < 300; i++)
        writer_format(&w,
                      "%s{" BASE ",\"localEndpoint\":{\"serviceName\":\"s%d\"},\"tags\":{"
                      "\"otel.scope.name\":\"l%d\"}}",
                      i > 0 ? "," : "", i % 3, i % 2);
    writer_text(&w, "]");
    cr_assert_eq(decode((char *)w.at, w.len), TSDB_OK);
    cr_assert_eq(seen->base.batches, 1);
    cr_assert_eq(seen->sources, 6);
    for (int i = 0; i < 300; i++) {
        char want[100];
        int len = snprintf(want, sizeof want, "<service.name=s:s%d> | l%d@ <> |", i % 3, i % 2);
        cr_assert_eq(strncmp(seen->base.lines[i], want, (size_t)len), 0, "%s", seen->base.lines[i]);
    }
    writer_release(&w);
}

Test(zipkin, an_arena_that_is_full_says_so)
{
    int full = 0;
    for (size_t limit = 0; limit < 200000; limit += 301) {
        struct arena small;
        arena_init(&small, limit, NULL);
        struct decode_span_task task = collect_span_task(seen, &small);
        struct bytes in = {(const uint8_t *)TYPICAL, sizeof TYPICAL - 1};
        seen->base.has_item = false;
        enum tsdb_status st = zipkin_decode(&task, in, &tally, &err);
        cr_assert(st == TSDB_OK || st == TSDB_ELIMIT, "limit %zu: %d", limit, st);
        full += st == TSDB_ELIMIT;
        arena_release(&small);
    }
    cr_assert_gt(full, 10);
}
