#include "collector/decode/loki_push.h"

#include "proto/loki_push.pb-c.h"
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

TestSuite(loki_push, .init = set_up, .fini = tear_down);

static enum tsdb_status decode(struct bytes in, bool is_json)
{
    struct decode_log_task task = collect_log_task(seen, &arena);
    uint8_t *copy = mem_alloc(in.len + 1);
    if (in.len > 0)
        memcpy(copy, in.at, in.len);
    in.at = copy;
    seen->base.has_item = false;
    seen->base.items = 0;
    enum tsdb_status st =
        (is_json ? loki_push_json_decode : loki_push_decode)(&task, in, &tally, &err);
    collect_logs_check(seen, &tally, st);
    mem_free(copy);
    return st;
}

static enum tsdb_status decode_json(const char *json)
{
    return decode((struct bytes){(const uint8_t *)json, strlen(json)}, true);
}

static struct bytes packed(const Loki__PushRequest *r)
{
    size_t len = loki__push_request__get_packed_size(r);
    uint8_t *at = ARENA_ARRAY(&arena, uint8_t, len + 1);
    loki__push_request__pack(r, at);
    return (struct bytes){at, len};
}

/* One stream with one entry of one pair of metadata. */
static struct bytes one_entry(const char *labels, int64_t seconds, int32_t nanos, const char *line)
{
    Loki__PushRequest r = LOKI__PUSH_REQUEST__INIT;
    Loki__Stream s = LOKI__STREAM__INIT, *streams[] = {&s};
    Loki__Entry e = LOKI__ENTRY__INIT, *entries[] = {&e};
    Loki__Timestamp t = LOKI__TIMESTAMP__INIT;
    Loki__LabelPair p = LOKI__LABEL_PAIR__INIT, *pairs[] = {&p};
    t.seconds = seconds;
    t.nanos = nanos;
    p.name = (char *)(uintptr_t) "trace_id";
    p.value = (char *)(uintptr_t) "abc";
    e.timestamp = &t;
    e.line = (char *)(uintptr_t)line;
    e.structured_metadata = pairs;
    e.n_structured_metadata = 1;
    s.labels = (char *)(uintptr_t)labels;
    s.entries = entries;
    s.n_entries = 1;
    s.hash = 7;
    r.streams = streams;
    r.n_streams = 1;
    return packed(&r);
}

Test(loki_push, protobuf)
{
    struct bytes in = one_entry("{app=\"web\", env=\"p\"}", 1700000000, 5, "level=warn x");
    cr_assert_eq(decode(in, false), TSDB_OK);
    cr_assert_str_eq(seen->base.lines[0],
                     "{app=\"web\",env=\"p\",service_name=\"web\"} <> 1700000000000000005 "
                     "|level=warn x| trace_id=s:abc detected_level=s:warn");
    for (size_t len = 0; len < in.len; len++)
        cr_assert_eq(decode((struct bytes){in.at, len}, false), len > 0 ? TSDB_ECORRUPT : TSDB_OK);
}

Test(loki_push, protobuf_times_are_clamped)
{
    static const struct {
        int64_t seconds;
        int32_t nanos;
        int64_t want;
    } cases[] = {{0, 0, COLLECT_NOW},
                 {-1, 1, -999999999},
                 {INT64_MAX, 0, INT64_MAX},
                 {INT64_MIN, 0, INT64_MIN},
                 {9223372036, 854775807, INT64_MAX},
                 {9223372036, 854775808, INT64_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes in = one_entry("{a=\"b\"}", cases[i].seconds, cases[i].nanos, "");
        cr_assert_eq(decode(in, false), TSDB_OK);
        cr_assert_eq(seen->ts[i], cases[i].want, "%zu", i);
    }
}

Test(loki_push, streams_whose_labels_do_not_parse_are_refused)
{
    static const char *const cases[] = {"", "{}", "{a=\"b\"", "nonsense", "{a=\"\xff\"}"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(decode(one_entry(cases[i], 1, 0, "x"), false), TSDB_OK);
        cr_assert_eq(tally.rejected[DECODE_BAD_STREAM], 1);
        cr_assert_eq(tally.handed, 0);
    }
}

Test(loki_push, json)
{
    static const char *const cases[][2] = {
        {"{\"streams\":[{\"stream\":{\"app\":\"web\"},\"values\":[[\"1700000000000000001\",\"hi\"]]"
         "}"
         "]}",
         "{app=\"web\",service_name=\"web\"} <> 1700000000000000001 |hi| detected_level=s:unknown"},
        {"{\"streams\":[{\"values\":[[\"5\",\"[error] "
         "\\u00e9\",{\"k\":\"v\",\"n\":7,\"d\":0.5,\"o\":"
         "{\"p\":true}}]],\"stream\":{\"a\":\"\\\"\"}}]}",
         "{a=\"\"\",service_name=\"unknown_service\"} <> 5 |[error] \xc3\xa9| k=s:v n=i:7 d=d:0.5 "
         "o.p=b:1 detected_level=s:error"},
        {"{\"streams\":[{\"labels\":\"{job=\\\"j\\\"}\",\"entries\":[{\"ts\":"
         "\"2024-02-29T12:34:56.5Z\",\"line\":\"x\",\"more\":[1]}]}]}",
         "{job=\"j\",service_name=\"j\"} <> 1709210096500000000 |x| detected_level=s:unknown"},
        {"{\"x\":[{}],\"streams\":[{\"x\":1,\"stream\":{\"a\":\"b\"},\"values\":[[7,\"x\",null]]}]"
         "}",
         "{a=\"b\",service_name=\"unknown_service\"} <> 7 |x| detected_level=s:unknown"},
        {"{\"streams\":[{\"stream\":{\"a\":\"b\",\"level\":\"err\"},\"values\":[[\"-7\",\"info\"]]}"
         "]}",
         "{a=\"b\",level=\"err\",service_name=\"unknown_service\"} <> -7 |info| "
         "detected_level=s:error"},
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(decode_json(cases[i][0]), TSDB_OK, "%s: %s", cases[i][0], err.msg);
        cr_assert_eq(seen->base.count, i + 1, "%s", tally.message);
        cr_assert_str_eq(seen->base.lines[i], cases[i][1]);
    }
}

Test(loki_push, json_truncated_at_every_byte)
{
    static const char json[] =
        "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"1\",\"x\",{\"k\":[1]}]]},{"
        "\"labels\":"
        "\"{a=\\\"b\\\"}\",\"entries\":[{\"ts\":\"2024-02-29T12:34:56Z\",\"line\":\"y\"}]}]}";
    for (size_t len = 0; len < sizeof json - 1; len++)
        cr_assert_eq(decode((struct bytes){(const uint8_t *)json, len}, true), TSDB_ECORRUPT,
                     "cut at %zu", len);
    cr_assert_eq(decode_json(json), TSDB_OK);
    cr_assert_eq(tally.handed, 2);
}

Test(loki_push, json_entries_that_cannot_be_taken)
{
    static const struct {
        const char *json;
        enum decode_reason reason;
    } cases[] = {
        {"{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"x\",\"l\"]]}]}", DECODE_BAD_TIME},
        {"{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"\",\"l\"]]}]}", DECODE_BAD_TIME},
        {"{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"9223372036854775808\",\"l\"]]}]}",
         DECODE_BAD_TIME},
        {"{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[1.5,\"l\"]]}]}", DECODE_BAD_TIME},
        {"{\"streams\":[{\"labels\":\"{a=\\\"b\\\"}\",\"entries\":[{\"line\":\"l\"}]}]}",
         DECODE_BAD_TIME},
        {"{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"1\",\"\\ud800\"]]}]}",
         DECODE_BAD_RECORD},
        {"{\"streams\":[{\"stream\":{},\"values\":[[\"1\",\"l\"]]}]}", DECODE_BAD_STREAM},
        {"{\"streams\":[{\"values\":[[\"1\",\"l\"]]}]}", DECODE_BAD_STREAM},
        {"{\"streams\":[{\"stream\":{\"a\":1},\"values\":[[\"1\",\"l\"]]}]}", DECODE_BAD_STREAM},
        {"{\"streams\":[{\"stream\":{\"a\":{}},\"values\":[[\"1\",\"l\"]]}]}", DECODE_BAD_STREAM},
        {"{\"streams\":[{\"labels\":\"{a}\",\"entries\":[{\"ts\":\"2024-02-29T12:34:56Z\"}]}]}",
         DECODE_BAD_STREAM},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(decode_json(cases[i].json), TSDB_OK, "%s", cases[i].json);
        cr_assert_eq(tally.rejected[cases[i].reason], 1, "%s: %s", cases[i].json, tally.message);
    }
}

Test(loki_push, json_of_another_shape)
{
    static const char *const cases[] = {
        "[]",
        "{\"streams\":{}}",
        "{\"streams\":[1]}",
        "{} x",
        "{\"streams\":[{\"stream\":[],\"values\":[]}]}",
        "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":{}}]}",
        "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[]]}]}",
        "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"1\"]]}]}",
        "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"1\",2]]}]}",
        "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[true,\"l\"]]}]}",
        "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"1\",\"l\",[]]]}]}",
        "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"1\",\"l\",{},1]]}]}",
        "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"stream\":{\"a\":\"b\"}}]}"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(decode_json(cases[i]), TSDB_ECORRUPT, "%s", cases[i]);
    static const char *const empty[] = {
        "{}", "{\"streams\":null}", "{\"streams\":[]}",
        "{\"streams\":[{\"stream\":{\"a\":\"b\"},\"values\":null}]}"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        cr_assert_eq(decode_json(empty[i]), TSDB_OK, "%s", empty[i]);
        cr_assert_eq(tally.received, 0);
    }
}

Test(loki_push, streams_survive_hand_overs)
{
    struct writer w = {0};
    writer_text(&w, "{\"streams\":[");
    for (int s = 0; s < 2; s++) {
        writer_format(&w, "%s{\"stream\":{\"app\":\"a%d\"},\"values\":[", s > 0 ? "," : "", s);
        for (int i = 0; i < 1500; i++)
            writer_format(&w, "%s[\"%d\",\"x\"]", i > 0 ? "," : "", s * 1500 + i + 1);
        writer_text(&w, "]}");
    }
    writer_text(&w, "]}");
    cr_assert_eq(decode(writer_bytes(&w), true), TSDB_OK);
    cr_assert_eq(tally.handed, 3000);
    cr_assert_eq(seen->streams, 1 + 2 + 1);
    for (int i = 0; i < 3000; i++) {
        char want[80];
        (void)snprintf(want, sizeof want, "{app=\"a%d\",service_name=\"a%d\"} <> %d ", i / 1500,
                       i / 1500, i + 1);
        cr_assert(strncmp(seen->base.lines[i], want, strlen(want)) == 0);
    }
    writer_release(&w);
}
