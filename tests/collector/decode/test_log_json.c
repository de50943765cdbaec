#include "collector/decode/log_json.h"

#include "tests/collector/decode/collect_logs.h"

#include <criterion/criterion.h>

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena, 8 << 20, NULL);
}

static void tear_down(void)
{
    arena_release(&arena);
}

TestSuite(log_json, .init = set_up, .fini = tear_down);

/* The fields as text, owned by the caller; "ERROR" and the status. */
static char *fields_of(const char *json, size_t len)
{
    struct log_fields f;
    struct json_pull j;
    struct writer w = {0};
    uint8_t *copy = mem_alloc(len + 1);
    memcpy(copy, json, len);
    log_fields_init(&f, &arena);
    json_pull_init(&j, (struct bytes){copy, len});
    enum tsdb_status st =
        json_next(&j) == JSON_BEGIN_OBJECT ? log_json_fields(&j, &f) : TSDB_ECORRUPT;
    if (st != TSDB_OK)
        writer_format(&w, "ERROR %d", st);
    for (uint32_t i = 0; st == TSDB_OK && i < f.count; i++) {
        writer_text(&w, i > 0 ? " " : "");
        collect_field(&w, &f.at[i]);
    }
    writer_u8(&w, 0);
    mem_free(copy);
    return (char *)w.at;
}

Test(log_json, members_become_typed_fields)
{
    static const char *const cases[][2] = {
        {"{}", ""},
        {"{\"a\":\"x\",\"b\":1,\"c\":1.5,\"d\":true,\"e\":false,\"f\":null}",
         "a=s:x b=i:1 c=d:1.5 d=b:1 e=b:0"},
        {"{\"a\":{\"b\":{\"c\":-7}},\"d\":\"e\"}", "a.b.c=i:-7 d=s:e"},
        {"{\"a.b\":1,\"a\":{\"b\":2}}", "a.b=i:1 a.b=i:2"},
        {"{\"a\":{}}", "a=j:{}"},
        {"{\"a\":{\"b\":{}, \"c\":[]}}", "a.b=j:{} a.c=j:[]"},
        {"{\"a\":[1, \"x  y\\\"\\\\\", { \"b\" : null } ]}",
         "a=j:[1,\"x  y\\\"\\\\\",{\"b\":null}]"},
        {"{\"a\":[1,2]}", "a=j:[1,2]"},
        {"{\"\":1}", ""},
        {"{\"a\":\"\\u00e9\\n\"}", "a=s:\xc3\xa9\n"},
        {"{\"\\u0061\":1}", "a=i:1"},
        {"{\"a\":9223372036854775807,\"b\":-9223372036854775808}",
         "a=i:9223372036854775807 b=i:-9223372036854775808"},
        {"{\"a\":9223372036854775808}", "a=j:9223372036854775808"},
        {"{\"a\":1e400,\"b\":1E2,\"c\":-0}", "a=j:1e400 b=d:100 c=i:0"},
        {"{\"a\":\"\xff\"}", "ERROR 3"},
        {"{\"a\":[\"\xff\"]}", "ERROR 3"},
        {"{\"a\":\"\\ud800\"}", "ERROR 3"},
        {"{\"a\":1", "ERROR 3"},
        {"{\"a\"}", "ERROR 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *got = fields_of(cases[i][0], strlen(cases[i][0]));
        cr_assert_str_eq(got, cases[i][1], "%s: got %s", cases[i][0], got);
        mem_free(got);
    }
}

Test(log_json, truncated_at_every_byte)
{
    static const char json[] = "{\"a\":{\"b\":[1,{\"c\":\"\\u00e9\"}]},\"d\":-1.5e3,\"e\":true}";
    for (size_t len = 0; len < sizeof json - 1; len++) {
        char *got = fields_of(json, len);
        cr_assert_str_eq(got, "ERROR 3", "cut at %zu", len);
        mem_free(got);
    }
}

Test(log_json, deep_objects_are_json_text)
{
    for (int depth = DECODE_DEPTH_MAX - 1; depth <= DECODE_DEPTH_MAX; depth++) {
        struct writer json = {0}, want = {0};
        for (int i = 0; i < depth; i++)
            writer_text(&json, "{\"k\":");
        writer_text(&json, "{\"z\":1}");
        for (int i = 0; i < depth; i++)
            writer_text(&json, "}");
        for (int i = 0; i < depth; i++)
            writer_text(&want, i > 0 ? ".k" : "k");
        writer_text(&want, depth < DECODE_DEPTH_MAX ? ".z=i:1" : "=j:{\"z\":1}");
        writer_u8(&want, 0);
        char *got = fields_of((char *)json.at, json.len);
        cr_assert_str_eq(got, (char *)want.at);
        mem_free(got);
        writer_release(&json);
        writer_release(&want);
    }
}

Test(log_json, too_many_members)
{
    for (int count = DECODE_FIELDS_MAX; count <= DECODE_FIELDS_MAX + 1; count++) {
        struct writer json = {0};
        writer_text(&json, "{");
        for (int i = 0; i < count; i++)
            writer_format(&json, "%s\"k%d\":1", i > 0 ? "," : "", i);
        writer_text(&json, "}");
        char *got = fields_of((char *)json.at, json.len);
        cr_assert_eq(strncmp(got, "ERROR 6", 7) == 0, count > DECODE_FIELDS_MAX, "%.20s", got);
        mem_free(got);
        writer_release(&json);
    }
}
