#include "collector/decode/loki_labels.h"

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

TestSuite(loki_labels, .init = set_up, .fini = tear_down);

static enum tsdb_status parse(const char *text, size_t len, struct writer *w)
{
    char *copy = mem_alloc(len + 1);
    struct tsdb_labels labels = {0};
    memcpy(copy, text, len);
    enum tsdb_status st = loki_labels_parse((struct tsdb_text){copy, len}, &arena, &labels);
    writer_reset(w);
    if (st == TSDB_OK)
        collect_labels(w, labels);
    writer_u8(w, 0);
    mem_free(copy);
    return st;
}

Test(loki_labels, sets)
{
    static const char *const cases[][2] = {
        {"{}", "{}"},
        {" { } ", "{}"},
        {"{a=\"b\"}", "{a=\"b\"}"},
        {"{b=\"2\", a=\"1\"}", "{a=\"1\",b=\"2\"}"},
        {"{ a = \"1\" , _b9 = `r\\aw\"` , }", "{_b9=\"r\\aw\"\",a=\"1\"}"},
        {"{a=\"q\\\"\\\\\\n\\t\\x41\\101\\u00e9\\U0001F600\\'\"}",
         "{a=\"q\"\\\n\tAA\xc3\xa9\xf0\x9f\x98\x80'\"}"},
        {"{a=\"\xc3\xa9\"}", "{a=\"\xc3\xa9\"}"},
        {"{a=\"},{\"}", "{a=\"},{\"}"},
    };
    struct writer w = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(parse(cases[i][0], strlen(cases[i][0]), &w), TSDB_OK, "%s", cases[i][0]);
        cr_assert_str_eq((char *)w.at, cases[i][1]);
    }
    writer_release(&w);
}

Test(loki_labels, texts_that_are_no_set)
{
    static const char *const cases[] = {"",
                                        "{",
                                        "}",
                                        "a=\"b\"",
                                        "{a}",
                                        "{a=}",
                                        "{a=b}",
                                        "{a=\"b}",
                                        "{a=\"b\"",
                                        "{a=\"b\"} x",
                                        "{a!=\"b\"}",
                                        "{a=~\"b\"}",
                                        "{9a=\"b\"}",
                                        "{a.b=\"c\"}",
                                        "{,}",
                                        "{a=\"b\",,}",
                                        "{a=\"b\" c=\"d\"}",
                                        "{a=\"\\q\"}",
                                        "{a=\"\\",
                                        "{a=\"\\x4\"}",
                                        "{a=\"\\400\"}",
                                        "{a=\"\\ud800\"}",
                                        "{a=\"\\U00110000\"}",
                                        "{a=\"\n\"}",
                                        "{a=`b}",
                                        "{a=\"\\xff\"}",
                                        "{a=\"\xff\"}",
                                        "{=\"b\"}"};
    struct writer w = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(parse(cases[i], strlen(cases[i]), &w), TSDB_EINVAL, "%s", cases[i]);
    static const char full[] = "{a=\"q\\n\\u00e9\",b=`x`, c=\"\"}";
    for (size_t len = 0; len < sizeof full - 1; len++)
        cr_assert_eq(parse(full, len, &w), TSDB_EINVAL, "cut at %zu", len);
    writer_release(&w);
}

Test(loki_labels, as_many_as_the_limit)
{
    for (int count = DECODE_LABELS_MAX; count <= DECODE_LABELS_MAX + 1; count++) {
        struct writer text = {0}, w = {0};
        writer_text(&text, "{");
        for (int i = 0; i < count; i++)
            writer_format(&text, "a%d=\"b\",", i);
        writer_text(&text, "}");
        cr_assert_eq(parse((char *)text.at, text.len, &w),
                     count > DECODE_LABELS_MAX ? TSDB_EINVAL : TSDB_OK);
        writer_release(&text);
        writer_release(&w);
    }
}
