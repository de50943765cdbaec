#include "collector/decode/json_lines.h"

#include "tests/collector/decode/collect_logs.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;
static struct collect_logs *seen;
static struct decode_tally tally;
static struct tsdb_error err;
static struct json_lines_options options;

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

TestSuite(json_lines, .init = set_up, .fini = tear_down);

static enum tsdb_status decode_bytes(const char *text, size_t len)
{
    struct decode_log_task task = collect_log_task(seen, &arena);
    uint8_t *copy = mem_alloc(len + 1);
    memcpy(copy, text, len);
    seen->base.has_item = false;
    seen->base.items = 0;
    enum tsdb_status st =
        json_lines_decode(&task, &options, (struct bytes){copy, len}, &tally, &err);
    collect_logs_check(seen, &tally, st);
    mem_free(copy);
    return st;
}

static void decode(const char *text)
{
    cr_assert_eq(decode_bytes(text, strlen(text)), TSDB_OK, "%s", err.msg);
}

Test(json_lines, objects_by_default_names)
{
    static const char *const cases[][2] = {
        {"{\"_time\":\"2024-02-29T12:34:56Z\",\"_msg\":\"hi\",\"n\":1}",
         "{service_name=\"unknown_service\"} <> 1709210096000000000 |hi| n=i:1 "
         "detected_level=s:unknown"},
        {"{\"time\":1700000000.123,\"msg\":\"x\",\"level\":30}",
         "{service_name=\"unknown_service\"} <> 1700000000123000000 |x| level=i:30 "
         "detected_level=s:info"},
        {"{\"ts\":\"1700000000123\",\"message\":\"m\",\"msg\":\"other\"}",
         "{service_name=\"unknown_service\"} <> 1700000000123000000 |m| msg=s:other "
         "detected_level=s:unknown"},
        {"{\"a\":{\"b\":[1, 2]}}",
         "{service_name=\"unknown_service\"} <> 1234567890 |{\"a\":{\"b\":[1, 2]}}| a.b=j:[1,2] "
         "detected_level=s:unknown"},
        {"{\"message\":17,\"timestamp\":null}",
         "{service_name=\"unknown_service\"} <> 1234567890 |17| detected_level=s:unknown"},
        {"{\"message\":\"x\",\"service\":{\"name\":\"shop\"},\"app\":\"y\"}",
         "{service_name=\"shop\"} <> 1234567890 |x| service.name=s:shop app=s:y "
         "detected_level=s:unknown"},
        {"{\"message\":\"x\",\"name\":\"Ann\",\"container\":\"c\"}",
         "{service_name=\"c\"} <> 1234567890 |x| name=s:Ann container=s:c "
         "detected_level=s:unknown"},
        {"{}", "{service_name=\"unknown_service\"} <> 1234567890 |{}| detected_level=s:unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        decode(cases[i][0]);
        cr_assert_eq(seen->base.count, i + 1, "%s", tally.message);
        cr_assert_str_eq(seen->base.lines[i], cases[i][1]);
    }
}

Test(json_lines, names_of_the_options)
{
    const struct tsdb_text times[] = {text_of("when")}, messages[] = {text_of("what")};
    const struct log_object_stream streams[] = {{text_of("k8s.pod"), text_of("")},
                                                {text_of("dc"), text_of("region")},
                                                {text_of("app"), text_of("")},
                                                {text_of("9x"), text_of("")},
                                                {text_of("k8s_pod"), text_of("")}};
    options.names = (struct log_object_names){.times = times,
                                              .messages = messages,
                                              .streams = streams,
                                              .time_count = 1,
                                              .message_count = 1,
                                              .stream_count = 5};
    decode("{\"when\":5,\"what\":\"w\",\"k8s\":{\"pod\":\"p\"},\"dc\":3,\"app\":\"a\",\"9x\":\"n\","
           "\"k8s_pod\":\"q\",\"time\":1,\"container\":\"c\"}");
    cr_assert_str_eq(seen->base.lines[0],
                     "{_9x=\"n\",app=\"a\",k8s_pod=\"p\",region=\"3\",service_name=\"a\"} <> "
                     "5000000000 |w| time=i:1 container=s:c detected_level=s:unknown");
}

Test(json_lines, streams_are_found_again)
{
    const struct log_object_stream streams[] = {{text_of("a"), text_of("")},
                                                {text_of("b"), text_of("")}};
    options.names.streams = streams;
    options.names.stream_count = 2;
    struct writer w = {0};
    for (int i = 0; i < 1500; i++)
        writer_format(&w, "{\"%s\":\"%d\",\"time\":%d}\n", i % 2 ? "a" : "b", i % 3, i + 1);
    cr_assert_eq(decode_bytes((char *)w.at, w.len), TSDB_OK);
    cr_assert_eq(seen->streams, 12, "six in each of two batches");
    for (int i = 0; i < 1500; i++) {
        char want[80];
        (void)snprintf(want, sizeof want, "{%s=\"%d\",service_name=\"unknown_service\"} <> %d0000",
                       i % 2 ? "a" : "b", i % 3, i + 1);
        cr_assert(strncmp(seen->base.lines[i], want, strlen(want)) == 0, "%s", seen->base.lines[i]);
    }
    writer_release(&w);
}

Test(json_lines, long_values_are_no_labels)
{
    const struct log_object_stream streams[] = {{text_of("a"), text_of("")},
                                                {text_of("b"), text_of("")}};
    options.names.streams = streams;
    options.names.stream_count = 2;
    for (int len = DECODE_STREAM_VALUE_MAX; len <= DECODE_STREAM_VALUE_MAX + 1; len++) {
        char json[4096], value[DECODE_STREAM_VALUE_MAX + 2];
        memset(value, 'v', (size_t)len);
        value[len] = 0;
        (void)snprintf(json, sizeof json,
                       "{\"a\":\"%s\",\"b\":\"%s\",\"service\":\"%s\",\"msg\":\"\"}", value, value,
                       value);
        uint32_t at = seen->base.count;
        decode(json);
        cr_assert_eq(strstr(seen->base.lines[at], " b=s:v") != NULL, len > DECODE_STREAM_VALUE_MAX);
        cr_assert_eq(strstr(seen->base.lines[at], "service_name=\"v") != NULL,
                     len <= DECODE_STREAM_VALUE_MAX);
    }
}

Test(json_lines, one_bad_line_is_refused_and_the_others_kept)
{
    decode("\xef\xbb\xbf{\"msg\":\"1\"}\r\n\n  \n{\"msg\":\"2\"\n{\"msg\":\"4\"} x\n[1]\nnull\n"
           "{\"msg\":\"\xff\"}\n{\"time\":\"soon\"}\n{\"time\":true}\n  {\"msg\":\"9\"}  ");
    cr_assert_eq(tally.received, 9);
    cr_assert_eq(tally.handed, 2);
    cr_assert_eq(tally.rejected[DECODE_BAD_RECORD], 5);
    cr_assert_eq(tally.rejected[DECODE_BAD_TIME], 2);
    cr_assert_str_eq(tally.message, "line 4: not a JSON object");
    cr_assert_eq(seen->items[0], 0);
    cr_assert_eq(seen->items[1], 8);
    decode("{\"time\":\"soon\"}");
    cr_assert_str_eq(tally.message, "line 1: time is no time: soon");
}

Test(json_lines, an_array_of_objects)
{
    decode(" [ {\"msg\":\"a\"}, 7, {\"msg\":\"b\"} , \"x\", [] ] \n");
    cr_assert_eq(tally.received, 5);
    cr_assert_eq(tally.handed, 2);
    cr_assert_str_eq(tally.message, "element 2: not a JSON object");
    cr_assert_eq(seen->items[1], 2);
    static const char json[] = "[{\"msg\":\"a\"},{\"msg\":\"b\"}]";
    for (size_t len = 1; len < sizeof json - 1; len++)
        cr_assert_eq(decode_bytes(json, len), TSDB_ECORRUPT, "cut at %zu", len);
    cr_assert_eq(decode_bytes("[] x", 4), TSDB_ECORRUPT);
}

Test(json_lines, nothing_is_nothing)
{
    static const char *const cases[] = {"", "\n", " \r\n\t", "[]", "\xef\xbb\xbf"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        decode(cases[i]);
        cr_assert_eq(tally.received, 0);
    }
}

Test(json_lines, truncated_at_every_byte)
{
    static const char json[] =
        "{\"_time\":\"2024-02-29T12:34:56Z\",\"_msg\":\"h\\u00e9\",\"a\":{\"b\":[1]}}";
    for (size_t len = 1; len < sizeof json - 1; len++) {
        cr_assert_eq(decode_bytes(json, len), TSDB_OK);
        cr_assert_eq(tally.rejected[DECODE_BAD_RECORD], 1, "cut at %zu", len);
    }
}

Test(json_lines, as_many_fields_as_the_limit)
{
    for (int count = DECODE_FIELDS_MAX - 1; count <= DECODE_FIELDS_MAX + 1; count++) {
        struct writer w = {0};
        writer_text(&w, "{");
        for (int i = 0; i < count; i++)
            writer_format(&w, "%s\"k%d\":1", i > 0 ? "," : "", i);
        writer_text(&w, "}");
        cr_assert_eq(decode_bytes((char *)w.at, w.len), TSDB_OK);
        cr_assert_eq(tally.handed, count < DECODE_FIELDS_MAX, "%d and detected_level", count);
        writer_release(&w);
    }
}
