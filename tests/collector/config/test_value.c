#include "collector/config/load.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>

static bool takes(const char *key, const char *text)
{
    struct config c = {0};
    struct tsdb_error err;
    arena_init(&c.texts, 1 << 20, NULL);
    struct loader l = {&c, NULL, &err};
    bool is_taken = loader_put(&l, setting_find(text_of(key)), text_of(text), "here") == TSDB_OK;
    config_release(&c);
    return is_taken;
}

Test(value, ranges_hold_at_their_ends)
{
    cr_assert(takes("loops", "0"));
    cr_assert(takes("loops", "64"));
    cr_assert_not(takes("loops", "65"));
    cr_assert_not(takes("loops", "-1"));
    cr_assert_not(takes("loops", ""));
    cr_assert_not(takes("loops", "2K"));
    cr_assert_not(takes("loops", "99999999999999999999999"));
    cr_assert(takes("series_max", "1"));
    cr_assert_not(takes("series_max", "0"));
    cr_assert(takes("retention", "100y"));
    cr_assert(takes("retention", "0"));
    cr_assert_not(takes("retention", "100y1ns"));
    cr_assert_not(takes("retention", "30"));
    cr_assert(takes("max_body_size", "64KiB"));
    cr_assert(takes("max_body_size", "1GiB"));
    cr_assert_not(takes("max_body_size", "65535"));
    cr_assert_not(takes("max_body_size", "1073741825"));
    cr_assert_not(takes("max_body_size", "80%"));
}

Test(value, memory_is_a_size_or_a_share)
{
    cr_assert(takes("memory_limit", "8GiB"));
    cr_assert(takes("memory_limit", "100%"));
    cr_assert_not(takes("memory_limit", "101%"));
    cr_assert_not(takes("memory_limit", "0%"));
    cr_assert_not(takes("memory_limit", "%"));
    cr_assert_not(takes("memory_limit", "1MiB"));
}

Test(value, addresses_are_numbers_and_ports)
{
    static const char *const good[] = {"",          "127.0.0.1:4318", ":0",         ":65535",
                                       "[::]:4318", "localhost:1",    "[fe80::1]:2"};
    static const char *const bad[] = {
        "127.0.0.1", ":65536", "example.com:80", "::1:4318",       "[::1:4318", "127.0.0:1",
        ":",         ":+1",    "[]:1",           "1.2.3.4:123456", "a:b"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_assert(takes("http_listen", good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(takes("http_listen", bad[i]), "%s", bad[i]);
}

Test(value, lists_have_no_empty_items)
{
    cr_assert(takes("otlp_promote_resource_attributes", ""));
    cr_assert(takes("otlp_promote_resource_attributes", "a"));
    cr_assert(takes("otlp_promote_resource_attributes", "a,b"));
    cr_assert_not(takes("otlp_promote_resource_attributes", ",b"));
    cr_assert_not(takes("otlp_promote_resource_attributes", "a,,b"));
}

/* Flags and variables: commas within a selector do not part it. */
Test(value, lists_are_not_split_within_quotes_and_braces)
{
    static const struct {
        const char *text;
        size_t count;
        const char *last;
    } rows[] = {
        {"7d {a=\"b\",c=\"d\"},1h {e=\"},\\\",\"}", 2, "1h {e=\"},\\\",\"}"},
        {"7d {a=`b,\\`},x", 2, "x"},
        {"a},b", 2, "b"},
        {"{a,b", 1, "{a,b"},
        {"\"a,b", 1, "\"a,b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config c = {0};
        struct tsdb_error err;
        arena_init(&c.texts, 1 << 20, NULL);
        struct loader l = {&c, NULL, &err};
        cr_assert_eq(
            loader_put(&l, setting_find(text_of("log_retention")), text_of(rows[i].text), "here"),
            TSDB_OK);
        const struct config_list *list = &c.store.log_retention;
        cr_expect_eq(list->count, rows[i].count, "%s: %zu", rows[i].text, list->count);
        cr_expect_str_eq(list->at[list->count - 1], rows[i].last);
        config_release(&c);
    }
}
