#include "tsdb/base/regex.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

static struct regex *compile(const char *pattern)
{
    struct regex *re = NULL;
    struct tsdb_error err = {0};
    cr_assert_eq(regex_new(text_of(pattern), &re, &err), TSDB_OK, "%s: %s", pattern, err.msg);
    return re;
}

static bool matches(const char *pattern, const char *text)
{
    struct regex *re = compile(pattern);
    bool is_match = regex_match(re, text_of(text));
    regex_free(re);
    return is_match;
}

Test(regex, matches_the_whole_text_only)
{
    cr_assert(matches("a.c", "abc"));
    cr_assert(matches("a.c", "a\nc"), "the dot matches a newline");
    cr_assert(matches("a.c", "a\xc3\xa9"
                             "c"),
              "the dot is a character, not a byte");
    cr_assert_not(matches("a.c", "xabc"));
    cr_assert_not(matches("a.c", "abcx"));
    cr_assert_not(matches("a|bc", "abc"));
    cr_assert(matches("a|ab", "ab"), "the longer branch counts when anchored");
    cr_assert(matches("", ""));
    cr_assert_not(matches("", "a"));
    cr_assert(matches("^ab.?$", "abc"));
    cr_assert(matches(".*", ""));
    cr_assert_not(matches(".+", ""));
    cr_assert(matches("(?i)AbC", "aBc"));
}

Test(regex, a_text_may_be_empty_without_an_address)
{
    struct regex *re = compile("a*");
    cr_assert(regex_match(re, (struct tsdb_text){NULL, 0}));
    cr_assert(regex_search(re, (struct tsdb_text){NULL, 0}, NULL, 0));
    regex_free(re);
    regex_free(NULL);
}

Test(regex, search_finds_the_leftmost_match_and_its_groups)
{
    struct regex *re = compile("(a+)(?P<tail>b)?(c)?");
    struct tsdb_text groups[6];
    cr_assert(regex_search(re, text_of("xxaabzz"), groups, 6));
    cr_assert(text_equal(groups[0], text_of("aab")));
    cr_assert(text_equal(groups[1], text_of("aa")));
    cr_assert(text_equal(groups[2], text_of("b")));
    cr_assert_null(groups[3].at, "a group that took no part");
    cr_assert_null(groups[5].at, "a group that is not there");
    cr_assert_not(regex_groups(re, text_of("xxaabzz"), groups, 6), "groups are anchored");
    cr_assert(regex_groups(re, text_of("ac"), groups, 2));
    cr_assert(text_equal(groups[0], text_of("ac")));
    cr_assert_eq(regex_group_count(re), 3);
    cr_assert(text_equal(regex_group_name(re, 2), text_of("tail")));
    cr_assert_eq(regex_group_name(re, 1).len, 0);
    cr_assert_eq(regex_group_find(re, text_of("tail")), 2);
    cr_assert_eq(regex_group_find(re, text_of("head")), 0);
    regex_free(re);
}

Test(regex, wrong_patterns_are_refused_in_words)
{
    static const char *const bad[] = {"(", "a**b(", "[z-a]", "a{1001}", "\\8", "(?<!x)y", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct regex *re = NULL;
        struct tsdb_error err = {0};
        cr_assert_eq(regex_new(text_of(bad[i]), &re, &err), TSDB_EINVAL, "%s", bad[i]);
        cr_assert_null(re);
        cr_assert_eq(strncmp(err.msg, "regular expression: ", 20), 0, "%s", err.msg);
    }
}

Test(regex, large_patterns_are_refused)
{
    char *pattern = mem_alloc(REGEX_PATTERN_BYTES_MAX + 1);
    memset(pattern, 'a', REGEX_PATTERN_BYTES_MAX + 1);
    struct regex *re = NULL;
    struct tsdb_error err = {0};
    struct tsdb_text text = {pattern, REGEX_PATTERN_BYTES_MAX};
    cr_assert_eq(regex_new(text, &re, &err), TSDB_OK, "%s", err.msg);
    cr_assert(regex_match(re, text));
    regex_free(re);
    text.len++;
    cr_assert_eq(regex_new(text, &re, &err), TSDB_ELIMIT);
    cr_assert_str_eq(err.msg, "regular expression: 4097 bytes, at most 4096");

    static const char *const large[] = {"\\pL{1000}", "((a{100}){10}){30}", "(\\pL{50}x){20}",
                                        "(?i)(\\S\\W\\pN){500}"};
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        re = NULL;
        enum tsdb_status st = regex_new(text_of(large[i]), &re, &err);
        cr_assert_neq(st, TSDB_OK, "%s", large[i]);
        cr_assert_null(re);
    }
    mem_free(pattern);
}

Test(regex, groups_have_a_limit)
{
    char pattern[4 * REGEX_GROUPS_MAX + 8] = "";
    size_t len = 0;
    for (int i = 0; i < REGEX_GROUPS_MAX; i++, len += 3)
        memcpy(pattern + len, "(a)", 3);
    struct regex *re = NULL;
    cr_assert_eq(regex_new((struct tsdb_text){pattern, len}, &re, NULL), TSDB_OK);
    regex_free(re);
    memcpy(pattern + len, "(a)", 3);
    cr_assert_eq(regex_new((struct tsdb_text){pattern, len + 3}, &re, NULL), TSDB_ELIMIT);
}

struct prefix_case {
    char pattern[24], prefix[16];
};

ParameterizedTestParameters(regex, prefix_is_what_every_match_begins_with)
{
    static struct prefix_case cases[] = {
        {"foo.*", "foo"},      {"foo.+bar", "foo"},  {"foo(bar|baz).*", "fooba"},
        {"(foo.*)?", ""},      {".*foo", ""},        {"foo.*|bar.*", ""},
        {"foo.*|fog.*", "fo"}, {"fo*.*", "f"},       {"^node_cpu.*$", "node_cpu"},
        {"(?i)foo.*", ""},     {"\\.x[0-9]+", ".x"},
    };
    return cr_make_param_array(struct prefix_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct prefix_case *c, regex, prefix_is_what_every_match_begins_with)
{
    struct regex *re = compile(c->pattern);
    struct tsdb_text prefix = regex_prefix(re);
    cr_assert(text_equal(prefix, text_of(c->prefix)), "%s: got %.*s, want %s", c->pattern,
              (int)prefix.len, prefix.at, c->prefix);
    regex_free(re);
}

/* A random pattern over a small alphabet, so that random texts often match. */
static void random_pattern(struct random *r, char *out, size_t cap)
{
    static const char *const parts[] = {"a",    "b",  "ab", "(a|b)", "(?:ab|)",   "[ab]",
                                        "a?",   "b?", "|",  "\\.",   ".",         "a*",
                                        "(b.)", "^",  "$",  "a+",    "(a|(b|c))?"};
    size_t len = 0;
    for (uint64_t n = 1 + random_below(r, 5); n > 0; n--) {
        const char *part = parts[random_below(r, sizeof parts / sizeof parts[0])];
        size_t add = strlen(part);
        if (len + add + 1 > cap)
            break;
        memcpy(out + len, part, add);
        len += add;
    }
    out[len] = '\0';
}

/* Goal: literals and prefix never disagree with RE2's own verdict.
 * Method: random patterns, every text of up to four letters, regex_groups (which
 * uses neither short cut) as the judge. */
Test(regex, short_cuts_agree_with_the_automaton)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20240607;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    struct random r;
    random_init(&r, seed);
    int listed = 0, prefixed = 0, matched = 0;
    for (int round = 0; round < 1500; round++) {
        char pattern[64];
        random_pattern(&r, pattern, sizeof pattern);
        struct regex *re = NULL;
        if (regex_new(text_of(pattern), &re, NULL) != TSDB_OK)
            continue;
        uint32_t count;
        listed += regex_literals(re, &count) != NULL;
        struct tsdb_text prefix = regex_prefix(re);
        prefixed += prefix.len > 0;
        for (unsigned code = 0; code < 4 * 4 * 4 * 4; code++) {
            char text[4];
            size_t len = 0;
            for (unsigned rest = code; rest > 0; rest /= 4)
                text[len++] = "abc."[rest % 4];
            struct tsdb_text t = {text, len};
            bool want = regex_groups(re, t, NULL, 0);
            cr_assert_eq(regex_match(re, t), want, "%s on %.*s", pattern, (int)len, text);
            matched += want;
            if (want)
                cr_assert(len >= prefix.len && memcmp(text, prefix.at, prefix.len) == 0, "%s",
                          pattern);
        }
        regex_free(re);
    }
    cr_assert_gt(listed, 300);
    cr_assert_gt(prefixed, 100);
    cr_assert_gt(matched, 3000);
}
