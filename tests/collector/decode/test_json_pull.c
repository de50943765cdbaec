#include "collector/decode/json_pull.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct json_pull over(const char *z)
{
    struct json_pull j;
    json_pull_init(&j, (struct bytes){(const uint8_t *)z, strlen(z)});
    return j;
}

/* Walks it all: the last token, JSON_END or JSON_FAULT. */
static enum json_token walk(const char *z)
{
    size_t len = strlen(z);
    uint8_t *copy = mem_alloc(len); /* exactly as long: a step past it is seen */
    memcpy(copy, z, len);
    struct json_pull j;
    json_pull_init(&j, (struct bytes){copy, len});
    enum json_token t;
    do {
        t = json_next(&j);
    } while (t != JSON_END && t != JSON_FAULT);
    mem_free(copy);
    return t;
}

Test(json_pull, tokens_in_order)
{
    static const enum json_token want[] = {
        JSON_BEGIN_OBJECT, JSON_KEY,        JSON_BEGIN_ARRAY, JSON_NUMBER,    JSON_STRING,
        JSON_TRUE,         JSON_FALSE,      JSON_NULL,        JSON_END_ARRAY, JSON_KEY,
        JSON_BEGIN_OBJECT, JSON_END_OBJECT, JSON_END_OBJECT,  JSON_END,       JSON_END};
    struct json_pull j = over(" {\"a\" : [ -1.5e+3 , \"x\\\"y\",true,false , null],\n\"b\":{}}\t");
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        cr_assert_eq(json_next(&j), want[i], "token %zu", i);
        if (i == 3)
            cr_assert(text_equal(j.text, text_of("-1.5e+3")));
        if (i == 4)
            cr_assert(j.is_escaped && text_equal(j.text, text_of("x\\\"y")));
    }
}

Test(json_pull, accepts_and_refuses)
{
    static const char *const good[] = {
        "0",    "-0",    "1.5", "1e5", "\"\"", "[]", "{}", "[[],[]]", "{\"a\":1,\"a\":2}",
        "true", " null "};
    static const char *const bad[] = {
        "",     " ",       "01",        "1.",    ".5",         "-",     "+1",    "1e",       "[1,]",
        "[,1]", "{\"a\"}", "{\"a\":}",  "{a:1}", "{\"a\":1,}", "[1 2]", "\"a",   "\"\x01\"", "tru",
        "[1]]", "1 2",     "{\"a\":1]", "[}",    "nul",        "\"\\",  "/**/1", "NaN",      "'a'"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_assert_eq(walk(good[i]), JSON_END, "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(walk(bad[i]), JSON_FAULT, "%s", bad[i]);
}

Test(json_pull, nesting_is_limited_exactly)
{
    char text[2 * JSON_DEPTH_MAX + 8];
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    text[2 * JSON_DEPTH_MAX] = '\0';
    cr_assert_eq(walk(text), JSON_END);
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    text[2 * JSON_DEPTH_MAX + 2] = '\0';
    cr_assert_eq(walk(text), JSON_FAULT);
}

Test(json_pull, skips_values_whole)
{
    struct json_pull j = over("[{\"a\":[1,{\"b\":[]}]},7]");
    cr_assert_eq(json_next(&j), JSON_BEGIN_ARRAY);
    cr_assert(json_skip(&j, json_next(&j)));
    cr_assert_eq(json_next(&j), JSON_NUMBER);
    cr_assert_eq(json_next(&j), JSON_END_ARRAY);
    j = over("[{\"a\":");
    cr_assert_eq(json_next(&j), JSON_BEGIN_ARRAY);
    cr_assert_not(json_skip(&j, json_next(&j)));
}

static bool unescape(const char *z, const char *want)
{
    uint8_t out[64];
    size_t len = 0;
    if (!json_unescape(text_of(z), out, &len))
        return false;
    cr_assert(len == strlen(want) && memcmp(out, want, len) == 0, "%s", z);
    return true;
}

Test(json_pull, strings)
{
    cr_assert(unescape("plain", "plain"));
    cr_assert(unescape("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"));
    cr_assert(unescape("\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac"));
    cr_assert(unescape("\\ud83d\\ude00", "\xf0\x9f\x98\x80"));
    static const char *const bad[] = {"\\",           "\\x",      "\\u12",          "\\ud83d",
                                      "\\ude00",      "\\ud83dx", "\\ud83d\\u0041", "\xff",
                                      "\xed\xa0\x80", "\xc0\x80", "\\u00g0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(unescape(bad[i], ""), "%s", bad[i]);
}
