#include "tsdb/logql/page_filter.h"

#include "tests/tsdb/logql/stage_cases.h"
#include "tsdb/base/random.h"

#include <stdlib.h>

enum { LINES_MAX = 200 };

struct page {
    struct writer bytes;
    uint32_t starts[LINES_MAX + 1], count;
};

static void page_end_line(struct page *p)
{
    writer_u8(&p->bytes, '\n');
    p->starts[++p->count] = (uint32_t)p->bytes.len;
}

/* Short lines of few letters, so that texts repeat, touch line ends and span them; some lines
 * hold newlines, NULs and bytes that are no UTF-8. */
static void page_random(struct page *p, struct random *r)
{
    static const char letters[] = "aaabbc 09\n\0\xff\xc3\xa9zA";
    writer_reset(&p->bytes);
    p->count = 0;
    p->starts[0] = 0;
    uint32_t lines = (uint32_t)random_below(r, LINES_MAX + 1);
    uint32_t most = random_below(r, 8) == 0 ? 300 : 12;
    for (uint32_t i = 0; i < lines; i++) {
        uint64_t len = random_below(r, most);
        for (uint64_t j = 0; j < len; j++)
            writer_u8(&p->bytes, (uint8_t)letters[random_below(r, sizeof letters - 1)]);
        page_end_line(p);
    }
}

static const char *const filters[] = {
    "|= \"ab\"",
    "|= \"a\"",
    "|= \"b\\na\"",
    "|= \"\\n\"",
    "!= \"ab\"",
    "!= \"c 0\"",
    "|= \"ab\" or \"ba\"",
    "!= \"ab\" or \"ba\"",
    "|= \"aaabbc\"",
    "|= \"a\" |= \"b\" != \"c\"",
    "|~ \"ab+c\"",
    "|~ \"ab*c\"",
    "|~ \"a[^b]c\"",
    "|~ \"a[^b]*c\"",
    "|~ \"a\\\\sb\"",
    "|~ \"a.b\"",
    "|~ \"(?s)a.b\"",
    "|~ \"^a\"",
    "|~ \"a$\"",
    "|~ \"^$\"",
    "|~ \"(?m)^a\"",
    "|~ \"(?i)AB\"",
    "|~ \"[0-9]{2}\"",
    "|~ \"[0-9]{2}a\"",
    "|~ \"ab|ba\"",
    "|~ \"a|^b\"",
    "|~ \"ab|\"",
    "|~ \"x*\"",
    "|~ \"a{2,}b?\"",
    "|~ \"(ab)+c\"",
    "|~ \"a(b|c)0\"",
    "|~ \"\\\\bab\"",
    "|~ \"b\\\\b\"",
    "|~ \"\\\\Ba\"",
    "|~ \"ab.*c\"",
    "!~ \"ab+c\"",
    "!~ \"[0-9]\"",
    "!~ \"^a\" !~ \"b\"",
    "|~ \"\\xc3\\xa9\"",
    "|~ \"[a-c]z\"",
    "|> \"<_>ab<_>\"",
    "!> \"<_>ab<_>\"",
    "|> \"a<_>b\"",
    "|> \"\"",
    "|= ip(\"0.0.0.0/0\")",
    "|~ \"a+b\" |= \"c\" |~ \"z|A\"",
    "|~ \"a0\" or \"b9\" or \"c \"",
};

/* Goal: pipeline_page answers what line by line does, for every filter and any page.
 * Method: random pages, against line_filter_test by way of pipeline_entry. */
Test(page_filter, a_page_is_its_lines)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20261124, passed = 0, refused = 0;
    struct random r;
    struct page page = {0};
    random_init(&r, seed);
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    for (size_t f = 0; f < sizeof filters / sizeof filters[0]; f++) {
        struct arena arena;
        struct writer out = {0};
        arena_init(&arena, 4 << 20, NULL);
        struct pipeline *p = case_pipeline(filters[f], &arena, &out);
        cr_assert(p, "%s: %.*s", filters[f], (int)out.len, (char *)out.at);
        struct pipeline_run *run = pipeline_run_new(p, NULL);
        for (int round = 0; round < 60; round++) {
            uint64_t bits[LINES_MAX / 64 + 1];
            struct tsdb_error err;
            page_random(&page, &r);
            uint32_t covered =
                pipeline_page(p, (const char *)page.bytes.at, page.starts, page.count, bits);
            cr_assert_eq(covered, pipeline_stage_count(p));
            for (uint32_t i = 0; i < page.count; i++) {
                struct pipeline_entry entry = {
                    .line = {(const char *)page.bytes.at + page.starts[i],
                             page.starts[i + 1] - 1 - page.starts[i]}};
                bool want = pipeline_entry(run, &entry, &err) == TSDB_OK;
                bool got = bits[i / 64] >> i % 64 & 1;
                cr_assert_eq(got, want, "%s, seed %llu, round %d: line %u of %u", filters[f],
                             (unsigned long long)seed, round, i, page.count);
                passed += want;
                refused += !want;
            }
            for (uint32_t i = page.count; i < (page.count / 64 + 1) * 64; i++)
                cr_assert_eq(bits[i / 64] >> i % 64 & 1, 0u, "bits behind the lines");
        }
        pipeline_run_free(run);
        pipeline_free(p);
        writer_release(&out);
        arena_release(&arena);
    }
    writer_release(&page.bytes);
    cr_assert_gt(passed, 10000u);
    cr_assert_gt(refused, 10000u);
}

/* A needle that the pipeline promises is in every line that passes. */
Test(page_filter, needles_are_in_every_line_that_passes)
{
    struct random r;
    struct page page = {0};
    uint64_t seen = 0;
    random_init(&r, 5);
    for (size_t f = 0; f < sizeof filters / sizeof filters[0]; f++) {
        struct arena arena;
        struct writer out = {0};
        uint32_t count;
        arena_init(&arena, 4 << 20, NULL);
        struct pipeline *p = case_pipeline(filters[f], &arena, &out);
        const struct pipeline_needle *needles = pipeline_needles(p, &count);
        for (int round = 0; round < 20; round++) {
            uint64_t bits[LINES_MAX / 64 + 1];
            page_random(&page, &r);
            (void)pipeline_page(p, (const char *)page.bytes.at, page.starts, page.count, bits);
            for (uint32_t i = 0; i < page.count; i++) {
                for (uint32_t n = 0; n < count && (bits[i / 64] >> i % 64 & 1); n++, seen++)
                    cr_assert(memmem(page.bytes.at + page.starts[i],
                                     page.starts[i + 1] - 1 - page.starts[i], needles[n].text.at,
                                     needles[n].text.len),
                              "%s: %.*s", filters[f], (int)needles[n].text.len, needles[n].text.at);
            }
        }
        pipeline_free(p);
        writer_release(&out);
        arena_release(&arena);
    }
    writer_release(&page.bytes);
    cr_assert_gt(seen, 500u);
}

Test(regex_facts, of_patterns)
{
    static const struct {
        const char *pattern, *needles;
        bool is_first, is_bound;
    } cases[] = {
        {"took [0-9]{4,}ms", "took ,ms", true, true},
        {"abc", "abc", true, true},
        {"ab?c", "a,c", true, true},
        {"ab*", "a", true, true},
        {"ab+c", "ab,c", true, true},
        {"ab{0,2}c", "a,c", true, true},
        {"ab{2}c", "ab,c", true, true},
        {"ab+?c", "ab,c", true, true},
        {"(ab)c", "c", false, true},
        {"a(b|c)d", "a,d", true, true},
        {"a|b", "", false, true},
        {"(?i)abc", "", false, true},
        {".abc", "abc", false, true},
        {"a\\.b", "a.b", true, true},
        {"a\\sb", "a,b", true, false},
        {"a[^x]b", "a,b", true, false},
        {"a\\nb", "a\nb", true, false},
        {"\\babc", "abc", false, true},
        {"^abc", "", false, false},
        {"abc$", "", false, false},
        {"a\\x41", "", false, false},
        {"a\\pLb", "", false, false},
        {"(?s)a.b", "", false, false},
        {"(?:ab)c", "c", false, true},
        {"(?P<n>ab)c", "c", false, true},
        {"a[]x]b", "a,b", true, true},
        {"a[[:space:]]b", "a,b", true, false},
        {"a{x", "", false, false},
        {"\xc3\xa9?a", "a", false, true},
        {"", "", false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct writer got = {0};
        arena_init(&arena, 1 << 20, NULL);
        struct regex_facts f = regex_facts_of(text_of(cases[i].pattern), &arena);
        for (uint32_t n = 0; n < f.count; n++) {
            if (n > 0)
                writer_u8(&got, ',');
            writer_put(&got, f.needles[n].at, f.needles[n].len);
        }
        writer_u8(&got, '\0');
        cr_expect_str_eq((char *)got.at, cases[i].needles, "%s: %s", cases[i].pattern,
                         (char *)got.at);
        if (f.count > 0)
            cr_expect_eq(f.begins_with_first, cases[i].is_first, "%s", cases[i].pattern);
        cr_expect_eq(f.is_line_bound, cases[i].is_bound, "%s", cases[i].pattern);
        writer_release(&got);
        arena_release(&arena);
    }
}

Test(needle, is_found_where_memmem_finds_it)
{
    struct random r;
    random_init(&r, 3);
    for (int round = 0; round < 20000; round++) {
        char text[200], want[12];
        size_t len = random_below(&r, sizeof text), n = random_below(&r, sizeof want);
        for (size_t i = 0; i < len; i++)
            text[i] = (char)('a' + random_below(&r, 3));
        for (size_t i = 0; i < n; i++)
            want[i] = (char)('a' + random_below(&r, 3));
        struct needle needle = needle_of((struct tsdb_text){want, n});
        const char *found = needle_find(&needle, text, len);
        cr_assert_eq(found, n ? memmem(text, len, want, n) : text);
    }
}
