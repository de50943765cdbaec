#include "collector/api/pattern.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;
static struct patterns p;
static struct writer out;

static void up(void)
{
    arena_init(&arena, 16 << 20, NULL);
    out = (struct writer){0};
    cr_assert(patterns_init(&p, &arena, 3));
}

static void down(void)
{
    writer_release(&out);
    arena_release(&arena);
}

TestSuite(pattern, .init = up, .fini = down);

static const char *shown(const struct pattern *pattern)
{
    writer_reset(&out);
    pattern_write(pattern, &out);
    writer_u8(&out, 0);
    return (const char *)out.at;
}

static struct pattern *add(const char *line)
{
    return patterns_add(&p, text_of(line));
}

Test(pattern, words_with_digits_and_words_that_differ_are_variables)
{
    struct pattern *first = add("request took 35ms for user=alice at 10.0.0.1");
    cr_assert_str_eq(shown(first), "request took <_> for user=alice at <_>.<_>.<_>.<_>");
    cr_assert_eq(add("request took 9s for user=bob at 10.0.0.2"), first);
    cr_assert_str_eq(shown(first), "request took <_> for user=<_> at <_>.<_>.<_>.<_>");
    cr_assert_eq(p.count, 1);
}

Test(pattern, other_words_and_other_gaps_are_other_patterns)
{
    struct pattern *a = add("connection to db lost");
    cr_assert_neq(add("user logged in twice"), a);
    cr_assert_neq(add("connection to  db lost"), a);
    cr_assert_neq(add("connection of db made"), a); /* half of them differ */
    cr_assert_eq(add("connection to db made"), a);  /* a quarter */
    cr_assert_str_eq(shown(a), "connection to db <_>");
    cr_assert_eq(p.count, 4, "%u", p.count);
}

Test(pattern, any_line_has_one_and_never_too_many)
{
    static char line[PATTERN_BYTES_MAX * 2];
    cr_assert_str_eq(shown(add("")), "");
    cr_assert_str_eq(shown(add("   ")), "   ");
    memset(line, 'x', sizeof line - 1);
    size_t len = strlen(shown(add(line)));
    cr_assert_eq(len, PATTERN_BYTES_MAX + 3);
    for (size_t i = 0; i < sizeof line - 1; i += 2)
        line[i] = ' ';
    cr_assert_lt(strlen(shown(add(line))), 4 * PATTERN_WORDS_MAX);
    for (int i = 0; i < 2 * PATTERNS_MAX; i++) {
        char gaps[PATTERNS_MAX * 2 + 2];
        memset(gaps, ' ', (size_t)i);
        gaps[i] = '\0';
        (void)patterns_add(&p, text_of(gaps));
    }
    cr_assert_eq(p.count, PATTERNS_MAX);
    cr_assert(!add("one more of another shape, with (brackets)"));
    cr_assert(add("")); /* known ones still count */
}
