#include "tsdb/query/parser.h"

#include "tests/tsdb/query/lines.h"

static struct arena arena;

static enum tsdb_status parse(struct tsdb_text text, struct expr **e, struct tsdb_error *err)
{
    arena_release(&arena);
    arena_init(&arena, 64 << 20, NULL);
    return promql_parse(text, &arena, e, err);
}

static void check_valid(const char *where, struct tsdb_text input, struct tsdb_text expected)
{
    struct expr *e;
    struct tsdb_error err = {.msg = ""};
    struct writer out = {0};
    enum tsdb_status st = parse(input, &e, &err);
    cr_assert_eq(st, TSDB_OK, "%s: %s", where, err.msg);
    promql_format(e, &out, false);
    struct tsdb_text got = {(const char *)out.at, out.len};
    cr_expect(text_equal(got, expected), "%s: got %.*s, want %.*s", where, (int)got.len, got.at,
              (int)expected.len, expected.at);
    writer_release(&out);
}

static void check_invalid(const char *where, struct tsdb_text input, struct tsdb_text expected)
{
    struct expr *e = NULL;
    struct tsdb_error err = {.msg = ""};
    cr_expect_eq(parse(input, &e, &err), TSDB_EINVAL, "%s", where);
    cr_expect_null(e, "%s: *out must be untouched", where);
    cr_expect(text_equal(text_of(err.msg), expected), "%s: got %s", where, err.msg);
}

Test(promql_parse, reads_what_prometheus_reads)
{
    int count = each_line("tests/tsdb/query/valid_expressions.txt", check_valid);
    cr_assert_geq(count, 300, "only %d lines", count);
}

Test(promql_parse, refuses_the_rest_in_its_words)
{
    int count = each_line("tests/tsdb/query/invalid_expressions.txt", check_invalid);
    cr_assert_geq(count, 300, "only %d lines", count);
}

Test(promql_parse, counts_lines_and_columns_of_a_fault)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "unknown position: parse error: no expression found in input"},
        {"  \n ", "1:1: parse error: no expression found in input"},
        {"# only a remark\n", "1:1: parse error: no expression found in input"},
        {"a +\n  b b", "2:5: parse error: unexpected identifier \"b\""},
        {"a +\n# why\n\n rate(b)",
         "4:7: parse error: expected type range vector in call to function \"rate\", got instant "
         "vector"},
        {"a\r\n  ==\n1 2", "3:3: parse error: unexpected number \"2\""},
        {"sum(\n  a,\n)", "2:4: parse error: trailing commas not allowed in function call args"},
        {"\"a\nb\"", "1:1: parse error: unterminated quoted string"},
        {"a{b=\"\xff\"}", "1:5: parse error: invalid UTF-8 rune"},
        {"`\xff`", "1:1: parse error: invalid UTF-8 rune"},
        {"\xff", "1:1: parse error: unexpected character: '\xef\xbf\xbd'"},
        {"\"\xc3\xa9\" \xe2\x82\xac", "1:6: parse error: unexpected character: '\xe2\x82\xac'"},
        {"a\tb", "1:3: parse error: unexpected identifier \"b\""},
        {"a\vb", "1:2: parse error: unexpected character: '\\v'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_invalid(cases[i].text, text_of(cases[i].text), text_of(cases[i].message));
}

Test(promql_parse, skips_spaces_and_remarks)
{
    check_valid("remarks", text_of("# sum\n sum # by\nby\t( # job\r\n job )(\n\nup)#end"),
                text_of("sum by (job) (up)"));
    check_valid("in braces", text_of("up{ # labels\n a = \"#\" , # more\n }"),
                text_of("up{a=\"#\"}"));
    check_valid("raw string", text_of("`a\nb`"), text_of("\"a\\nb\""));
    check_valid("zero byte in a string", (struct tsdb_text){"\"a\0b\"", 5}, text_of("\"a\\x00b\""));
}

Test(promql_parse, stops_at_a_byte_that_is_zero)
{
    check_invalid("zero", (struct tsdb_text){"a \0 b", 5},
                  text_of("1:3: parse error: unexpected character: '\\x00'"));
}

/* n times `open`, "a", n times `close`. */
static enum tsdb_status parse_nested(const char *open, const char *close, size_t n,
                                     struct tsdb_error *err)
{
    struct writer text = {0};
    struct expr *e;
    for (size_t i = 0; i < n; i++)
        writer_text(&text, open);
    writer_text(&text, "a");
    for (size_t i = 0; i < n; i++)
        writer_text(&text, close);
    enum tsdb_status st = parse((struct tsdb_text){(const char *)text.at, text.len}, &e, err);
    writer_release(&text);
    return st;
}

Test(promql_parse, bounds_nesting)
{
    static const struct {
        const char *open, *close;
        size_t most;
    } cases[] = {
        {"(", ")", EXPR_NESTING_MAX},       {"-", "", EXPR_NESTING_MAX},
        {"abs(", ")", EXPR_NESTING_MAX},    {"sum(", ")", EXPR_NESTING_MAX},
        {"1 + (", ")", EXPR_NESTING_MAX},   {"a ^ ", "", EXPR_NESTING_MAX},
        {"-(", ")", EXPR_NESTING_MAX / 2},  {"", " + a", EXPR_HEIGHT_MAX - 1},
        {"", " or a", EXPR_HEIGHT_MAX - 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tsdb_error err = {.msg = ""};
        cr_expect_eq(parse_nested(cases[i].open, cases[i].close, cases[i].most, &err), TSDB_OK,
                     "%s: %s", cases[i].open, err.msg);
        cr_expect_eq(parse_nested(cases[i].open, cases[i].close, cases[i].most + 1, &err),
                     TSDB_EINVAL, "%s%s", cases[i].open, cases[i].close);
        cr_expect(strstr(err.msg, "levels"), "%s", err.msg);
    }
}

/* Goal: nesting costs the same per level, however deep.
 * Method: what a parse takes from the arena is what it builds; twice the levels
 * take twice as much, and a chain far past the limit no more than the limit. */
Test(promql_parse, costs_the_same_for_each_level)
{
    struct tsdb_error err;
    size_t used[3];
    static const size_t levels[] = {32, 64, 30000};
    for (size_t i = 0; i < 3; i++) {
        (void)parse_nested("(", ")", levels[i], &err);
        used[i] = arena.used;
    }
    size_t each = (used[1] - used[0]) / 32;
    cr_expect_leq(used[0], 33 * each + 256, "32 levels: %zu bytes, %zu each", used[0], each);
    cr_expect_leq(used[2], 60002 + 130 * each, "30000 levels: %zu bytes", used[2]);
}

Test(promql_parse, bounds_text_lists_and_regexps)
{
    struct tsdb_error err;
    struct expr *e;
    struct writer text = {0};
    for (int i = 0; i < EXPR_TEXT_MAX - 1; i++)
        writer_u8(&text, ' ');
    writer_text(&text, "a");
    cr_expect_eq(parse((struct tsdb_text){(const char *)text.at, text.len}, &e, &err), TSDB_OK);
    writer_text(&text, "a");
    cr_expect_eq(parse((struct tsdb_text){(const char *)text.at, text.len}, &e, &err), TSDB_EINVAL);

    writer_reset(&text);
    writer_text(&text, "sum by (a");
    for (int i = 1; i < EXPR_LIST_MAX; i++)
        writer_text(&text, ",a");
    writer_text(&text, ") (a)");
    cr_expect_eq(parse((struct tsdb_text){(const char *)text.at, text.len}, &e, &err), TSDB_OK);
    memcpy(text.at + text.len - 5, "x,a)(", 5);
    writer_text(&text, "a)");
    cr_expect_eq(parse((struct tsdb_text){(const char *)text.at, text.len}, &e, &err), TSDB_EINVAL);
    cr_expect(strstr(err.msg, "list has more than 4096 items"), "%s", err.msg);

    writer_reset(&text);
    writer_text(&text, "a{b=~\"c\"");
    for (int i = 1; i < EXPR_REGEX_MAX; i++)
        writer_text(&text, ",b!~\"d\"");
    writer_text(&text, "}");
    cr_expect_eq(parse((struct tsdb_text){(const char *)text.at, text.len}, &e, &err), TSDB_OK);
    text.len--;
    writer_text(&text, ",e=~\"f\"}");
    cr_expect_eq(parse((struct tsdb_text){(const char *)text.at, text.len}, &e, &err), TSDB_EINVAL);
    cr_expect(strstr(err.msg, "more than 512 regexps"), "%s", err.msg);
    writer_release(&text);
}

Test(promql_parse, answers_a_full_arena)
{
    struct tsdb_text text = text_of("sum by (a, b) (rate(x{y=\"z\\n\"}[5m])) + topk(3, q) > 0x1f");
    size_t limit = 0;
    for (;; limit += 8) {
        struct arena small;
        struct expr *e = NULL;
        struct tsdb_error err = {.msg = ""};
        arena_init(&small, limit, NULL);
        enum tsdb_status st = promql_parse(text, &small, &e, &err);
        arena_release(&small);
        if (st == TSDB_OK)
            break;
        cr_assert_eq(st, TSDB_ELIMIT, "%zu: %s", limit, err.msg);
        cr_assert_null(e);
    }
    cr_assert_gt(limit, text.len);
}

/* Every prefix of a long expression is answered, and none reads past its end. */
Test(promql_parse, survives_every_truncation)
{
    static const char text[] =
        "sum by (\"a.b\", c) (rate({\"x.y\", d=~\"e.*\", f!=`g`}[5m:30s] @ start() offset -1h2m)) "
        "^ -0x1F == bool on (a) group_left () label_replace(q offset 5, \"\\u00e9\", '\\'', "
        "\"z\", \"\") or topk(2, vector(1e-3)) </ 5 # done";
    for (size_t len = 0; len < sizeof text; len++) {
        char *copy = mem_alloc(len + 1);
        memcpy(copy, text, len);
        struct expr *e;
        struct tsdb_error err = {.msg = ""};
        enum tsdb_status st = parse((struct tsdb_text){copy, len}, &e, &err);
        cr_expect(st == TSDB_OK || err.msg[0] != '\0', "%zu bytes", len);
        mem_free(copy);
    }
}

Test(promql_parse_selector, takes_one_selector_and_nothing_else)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"up", NULL},
        {"sum", NULL},
        {"{a=\"b\"}", NULL},
        {"up{a=~\".*\"}", NULL},
        {"{\"x.y\"}", NULL},
        {"", "unknown position: parse error: unexpected end of input"},
        {"up offset 5m", "1:4: parse error: unexpected <offset>"},
        {"up[5m]", "1:3: parse error: unexpected \"[\""},
        {"up or down", "1:4: parse error: unexpected <op:or>"},
        {"1", "1:1: parse error: unexpected number \"1\""},
        {"abs(up)", "1:4: parse error: unexpected \"(\""},
        {"{}", "match[] must contain at least one non-empty matcher"},
        {"{a=~\".*\"}", "match[] must contain at least one non-empty matcher"},
        {"up{a=~\"(\"}", "1:4: parse error: error parsing regexp: missing ): ("},
        {"up{", "1:4: parse error: unexpected end of input inside braces"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tsdb_error err = {.msg = ""};
        struct expr *e = NULL;
        arena_release(&arena);
        arena_init(&arena, 1 << 20, NULL);
        enum tsdb_status st = promql_parse_selector(text_of(cases[i].text), &arena, &e, &err);
        cr_expect_eq(st, cases[i].message ? TSDB_EINVAL : TSDB_OK, "%s", cases[i].text);
        cr_expect_str_eq(err.msg, cases[i].message ? cases[i].message : "", "%s", cases[i].text);
        cr_expect(!e == !!cases[i].message);
    }
}

Test(promql_parse, may_be_asked_without_an_error)
{
    struct expr *e;
    cr_expect_eq(parse(text_of("a b"), &e, NULL), TSDB_EINVAL);
    cr_expect_eq(parse(text_of("$"), &e, NULL), TSDB_EINVAL);
    cr_expect_eq(parse(text_of("rate(a)"), &e, NULL), TSDB_EINVAL);
}
