#include "tsdb/logql/parser.h"

#include "tests/tsdb/logql/prop_logql.h"
#include "tests/tsdb/query/corpus.h"

#include <stdlib.h>

static struct arena arena;

static enum tsdb_status parse(struct tsdb_text text, struct logql *q, struct tsdb_error *err)
{
    arena_release(&arena);
    arena_init(&arena, 64 << 20, NULL);
    return logql_parse(text, &arena, NULL, q, err);
}

static struct logql parsed(const char *text)
{
    struct logql q = {0};
    struct tsdb_error err = {.msg = ""};
    cr_assert_eq(parse(text_of(text), &q, &err), TSDB_OK, "%s: %s", text, err.msg);
    return q;
}

static void check_valid(const char *where, struct tsdb_text input, struct tsdb_text expected)
{
    struct logql q;
    struct tsdb_error err = {.msg = ""};
    struct writer out = {0};
    enum tsdb_status st = parse(input, &q, &err);
    cr_assert_eq(st, TSDB_OK, "%s: %s", where, err.msg);
    logql_format(&q, &out, false);
    struct tsdb_text got = prop_text(&out);
    cr_expect(text_equal(got, expected), "%s: got %.*s, want %.*s", where, (int)got.len, got.at,
              (int)expected.len, expected.at);
    writer_release(&out);
    cr_expect(prop_logql((const uint8_t *)input.at, input.len));
}

static void check_invalid(const char *where, struct tsdb_text input, struct tsdb_text expected)
{
    struct logql q = {0};
    struct tsdb_error err = {.msg = ""};
    cr_expect_eq(parse(input, &q, &err), TSDB_EINVAL, "%s", where);
    cr_expect(!q.logs && !q.metric, "%s: *out must be untouched", where);
    cr_expect(text_equal(text_of(err.msg), expected), "%s: got %s", where, err.msg);
}

Test(logql_parse, reads_what_loki_reads)
{
    int count = each_line("tests/tsdb/logql/valid_queries.txt", check_valid);
    cr_assert_geq(count, 300, "only %d lines", count);
}

Test(logql_parse, refuses_the_rest_in_its_words)
{
    int count = each_line("tests/tsdb/logql/invalid_queries.txt", check_invalid);
    cr_assert_geq(count, 250, "only %d lines", count);
}

Test(logql_parse, counts_lines_and_characters_of_a_fault)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "parse error at line 1, col 1: syntax error: unexpected $end"},
        {"  \n ", "parse error at line 2, col 2: syntax error: unexpected $end"},
        {"# only a remark\n", "parse error at line 2, col 1: syntax error: unexpected $end"},
        {"{a=\"b\"}\n  | json\n  \"x\"",
         "parse error at line 3, col 3: syntax error: unexpected STRING"},
        {"{a=\"\xc3\xa9\"} \xe2\x82\xac",
         "parse error at line 1, col 9: syntax error: unexpected character '\xe2\x82\xac'"},
        {"{a=\"\xff\"}", "parse error at line 1, col 4: invalid UTF-8 rune"},
        {"\xff", "parse error at line 1, col 1: syntax error: unexpected character '\xef\xbf\xbd'"},
        {"sum(\n1)", "parse error at line 2, col 1: expected type instant vector in aggregation "
                     "expression, got scalar"},
        {"{a=\"b\n\"}", "parse error at line 1, col 4: literal not terminated"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_invalid(cases[i].text, text_of(cases[i].text), text_of(cases[i].message));
}

Test(logql_parse, skips_spaces_and_remarks)
{
    check_valid("remarks",
                text_of("# sum\n sum # by\nby\t( # job\r\n job )(\n\nrate({a=\"#\"}[5m]))#"),
                text_of("sum by (job)(rate({a=\"#\"}[5m]))"));
    check_valid("raw string", text_of("{a=`b\nc`}"), text_of("{a=\"b\\nc\"}"));
    check_invalid("zero byte", (struct tsdb_text){"{a=\"b\"} \0", 9},
                  text_of("parse error at line 1, col 9: syntax error: unexpected character "
                          "'\\x00'"));
}

Test(logql_parse, tells_log_queries_from_metric_queries)
{
    struct logql q = parsed("{a=\"b\"} |= \"c\"");
    cr_expect(q.logs && !q.metric);
    q = parsed("(rate({a=\"b\"}[5m]))");
    cr_assert(!q.logs && q.metric);
    cr_expect_eq(q.metric->kind, EXPR_FOREIGN, "parentheses are not kept");
}

static enum tsdb_status never_open(struct eval *ev, const struct expr *e, const struct grid *grid,
                                   struct op **out, struct tsdb_error *err)
{
    (void)ev, (void)e, (void)grid, (void)out, (void)err;
    return TSDB_EINVAL;
}

Test(logql_parse, gives_each_leaf_its_open)
{
    struct logql q;
    struct tsdb_error err;
    arena_init(&arena, 1 << 20, NULL);
    cr_assert_eq(logql_parse(text_of("rate({a=\"b\"}[5m]) / 2"), &arena, never_open, &q, &err),
                 TSDB_OK);
    cr_expect_eq(q.metric->binary.left->foreign.open, never_open);
    cr_expect_null(parsed("rate({a=\"b\"}[5m])").metric->foreign.open);
}

Test(logql_parse, makes_promqls_nodes)
{
    const struct expr *e = parsed("topk by (c) (3, sort_desc(rate({a=\"b\"}[5m])))").metric;
    cr_assert_eq(e->kind, EXPR_AGGREGATE);
    cr_expect_eq(e->aggregate.op, AGGREGATE_TOPK);
    cr_expect_eq(e->aggregate.names.count, 1);
    cr_expect_eq(e->aggregate.parameter->number.value, 3);
    cr_expect_eq(e->type, TYPE_VECTOR);
    cr_expect_not(e->is_invariant);
    const struct expr *call = e->aggregate.expr;
    cr_assert_eq(call->kind, EXPR_CALL);
    cr_expect_eq(call->call.function->id, FUNCTION_SORT_DESC);
    cr_expect_eq(call->call.count, 1);

    e = parsed("label_replace(vector(1), \"a\", \"$1\", \"b\", \"(.*)\")").metric;
    cr_assert_eq(e->kind, EXPR_CALL);
    cr_expect_eq(e->call.function->id, FUNCTION_LABEL_REPLACE);
    cr_expect_eq(e->call.count, 5);
    cr_expect(text_equal(e->call.arguments[4]->string, text_of("(.*)")));
    cr_expect(e->is_invariant);

    e = parsed("rate({a=\"b\"}[5m]) * on (c) group_left (d) rate({e=\"f\"}[5m]) or vector(0)")
            .metric;
    cr_assert_eq(e->kind, EXPR_BINARY);
    cr_expect_eq(e->binary.card, CARD_MANY_TO_MANY);
    cr_expect_eq(e->binary.left->binary.card, CARD_MANY_TO_ONE);
    cr_expect(e->binary.left->binary.is_on);
}

/* before, n times `open`, middle, n times `close`, after. */
static enum tsdb_status parse_nested(const char *const texts[5], size_t n, struct tsdb_error *err)
{
    struct writer text = {0};
    struct logql q;
    writer_text(&text, texts[0]);
    for (size_t i = 0; i < n; i++)
        writer_text(&text, texts[1]);
    writer_text(&text, texts[2]);
    for (size_t i = 0; i < n; i++)
        writer_text(&text, texts[3]);
    writer_text(&text, texts[4]);
    enum tsdb_status st = parse(prop_text(&text), &q, err);
    if (st == TSDB_OK)
        cr_expect(prop_logql(text.at, text.len));
    writer_release(&text);
    return st;
}

Test(logql_parse, bounds_nesting_and_height)
{
    static const struct {
        const char *texts[5];
        size_t most;
    } cases[] = {
        {{"", "(", "{a=\"b\"}", ")", ""}, LOGQL_NESTING_MAX},
        {{"", "(", "1", ")", ""}, LOGQL_NESTING_MAX},
        {{"rate(", "(", "{a=\"b\"}[1m]", ")", ")"}, LOGQL_NESTING_MAX},
        {{"", "sum(", "vector(1)", ")", ""}, EXPR_HEIGHT_MAX - 2},
        {{"", "1 ^ ", "1", "", ""}, EXPR_HEIGHT_MAX - 1},
        {{"", "1 + (", "1", ")", ""}, EXPR_HEIGHT_MAX - 1},
        {{"", "", "1", " + 1", ""}, EXPR_HEIGHT_MAX - 1},
        {{"{a=\"b\"} | ", "(", "c=5", ")", ""}, LOGQL_NESTING_MAX},
        {{"{a=\"b\"} | ", "", "c=5", " or c=5", ""}, EXPR_HEIGHT_MAX - 1},
        {{"{a=\"b\"} | ", "c=5, ", "c=5", "", ""}, EXPR_HEIGHT_MAX - 1},
        {{"{a=\"b\"} | ", "c=5 ", "c=5", "", ""}, EXPR_HEIGHT_MAX - 1},
        {{"{a=\"b\"}", "", "", " | json", ""}, LOGQL_STAGES_MAX},
        {{"rate({a=\"b\"}", "", "", " |= \"x\"", "[5m])"}, LOGQL_STAGES_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tsdb_error err = {.msg = ""};
        cr_expect_eq(parse_nested(cases[i].texts, cases[i].most, &err), TSDB_OK, "%zu: %s", i,
                     err.msg);
        cr_expect_eq(parse_nested(cases[i].texts, cases[i].most + 1, &err), TSDB_EINVAL, "%zu", i);
        cr_expect(strstr(err.msg, "levels") || strstr(err.msg, "stages"), "%s", err.msg);
        cr_expect_eq(parse_nested(cases[i].texts, 5000, &err), TSDB_EINVAL, "%zu", i);
    }
}

Test(logql_parse, bounds_text_lists_and_regexps)
{
    struct tsdb_error err;
    struct logql q;
    struct writer text = {0};
    for (int i = 0; i < EXPR_TEXT_MAX - 1; i++)
        writer_u8(&text, ' ');
    writer_text(&text, "1");
    cr_expect_eq(parse(prop_text(&text), &q, &err), TSDB_OK);
    writer_text(&text, "1");
    cr_expect_eq(parse(prop_text(&text), &q, &err), TSDB_EINVAL);
    cr_expect_str_eq(err.msg, "parse error : input size too long (65537 > 65536)");

    writer_reset(&text);
    writer_text(&text, "{a=\"b\"} | drop a");
    for (int i = 1; i < EXPR_LIST_MAX; i++)
        writer_text(&text, ",a");
    cr_expect_eq(parse(prop_text(&text), &q, &err), TSDB_OK);
    writer_text(&text, ",a");
    cr_expect_eq(parse(prop_text(&text), &q, &err), TSDB_EINVAL);
    cr_expect(strstr(err.msg, "list has more than 4096 items"), "%s", err.msg);

    writer_reset(&text);
    writer_text(&text, "{a=\"b\"");
    for (int i = 0; i < EXPR_REGEX_MAX; i++)
        writer_text(&text, ",b!~\"d\"");
    writer_text(&text, "}");
    cr_expect_eq(parse(prop_text(&text), &q, &err), TSDB_OK);
    text.len--;
    writer_text(&text, ",e=~\"f\"}");
    cr_expect_eq(parse(prop_text(&text), &q, &err), TSDB_EINVAL);
    cr_expect(strstr(err.msg, "more than 512 regexps"), "%s", err.msg);
    writer_release(&text);
}

Test(logql_parse, answers_a_full_arena)
{
    struct tsdb_text text =
        text_of("sum by (a, b) (quantile_over_time(0.9, {x=\"z\\n\"} |= \"a\" or \"b\" | json "
                "c=\"d\" | e=5 "
                "and f=\"g\" | label_format h=i | drop j, k=\"l\" | unwrap m | n=1 [5m]) by (o)) + "
                "topk(3, label_replace(vector(1), \"a\", \"b\", \"c\", \"d\")) > 1");
    size_t limit = 0;
    for (;; limit += 8) {
        struct arena small;
        struct logql q = {0};
        struct tsdb_error err = {.msg = ""};
        arena_init(&small, limit, NULL);
        enum tsdb_status st = logql_parse(text, &small, NULL, &q, &err);
        arena_release(&small);
        if (st == TSDB_OK)
            break;
        cr_assert_eq(st, TSDB_ELIMIT, "%zu: %s", limit, err.msg);
        cr_assert(!q.logs && !q.metric);
    }
    cr_assert_gt(limit, text.len);
}

static const char long_text[] =
    "sum by (a, c) (rate({b=\"\\u00e9\", d=~`e.*`} |= \"x\" or ip(\"::1\") | logfmt --strict "
    "f=\"g\" | h>5m and (i<=1KiB or j=~\"k\") | line_format \"{{.l}}\" | label_format m=n,o=\"p\" "
    "| drop q=\"r\" | unwrap bytes(s) | t!=ip(\"1.2.3.0/24\") [5m] offset -1h2m)) ^ -1.5e-3 == "
    "bool on (a) group_left () label_replace(vector(1), \"u\", \"$1\", \"v\", \"\") or "
    "topk(2, count_over_time({w=\"x\"}[1m] !~ \"y\" | pattern `<z>`)) # done";

/* Every prefix of a long query is answered, and none reads past its end. */
Test(logql_parse, survives_every_truncation)
{
    for (size_t len = 0; len < sizeof long_text; len++) {
        char *copy = mem_alloc(len + 1);
        memcpy(copy, long_text, len);
        struct logql q;
        struct tsdb_error err = {.msg = ""};
        enum tsdb_status st = parse((struct tsdb_text){copy, len}, &q, &err);
        cr_expect(st == TSDB_OK || err.msg[0] != '\0', "%zu bytes", len);
        mem_free(copy);
    }
}

/* ---- random mutations ------------------------------------------------------------------ */

Test(logql_parse, mutations_are_refused_or_keep_the_law_of_formatting)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20240817;
    struct random r;
    struct writer text = {0};
    uint32_t accepted = 0;
    random_init(&r, seed);
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    corpus_read("tests/tsdb/logql/valid_queries.txt");
    for (int i = 0; i < 20000; i++) {
        writer_reset(&text);
        corpus_mutation(&r, &text);
        accepted += prop_logql(text.at, text.len);
    }
    cr_expect_gt(accepted, 1000, "TEST_SEED=%llu: only %u of 20000", (unsigned long long)seed,
                 accepted);
    writer_release(&text);
    corpus_release();
}

/* ---- selectors --------------------------------------------------------------------------- */

Test(logql_parse_selector, takes_one_selector_and_nothing_else)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{a=\"b\"}", NULL},
        {"{a=\"b\", c=~\".*\"}", NULL},
        {"{}", NULL},
        {"{a=~\".*\"}", NULL},
        {"", "parse error at line 1, col 1: syntax error: unexpected $end, expecting {"},
        {"a", "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER, expecting {"},
        {"({a=\"b\"})", "parse error at line 1, col 1: syntax error: unexpected (, expecting {"},
        {"{a=\"b\"} |= \"c\"", "parse error at line 1, col 9: syntax error: unexpected |="},
        {"{a=\"b\"}[5m]", "parse error at line 1, col 8: syntax error: unexpected RANGE"},
        {"{a=~\"(\"}", "parse error at line 1, col 2: error parsing regexp: missing ): ("},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tsdb_error err = {.msg = ""};
        struct log_expr e = {.stage_count = 7};
        arena_release(&arena);
        arena_init(&arena, 1 << 20, NULL);
        enum tsdb_status st = logql_parse_selector(text_of(cases[i].text), &arena, &e, &err);
        cr_expect_eq(st, cases[i].message ? TSDB_EINVAL : TSDB_OK, "%s", cases[i].text);
        cr_expect_str_eq(err.msg, cases[i].message ? cases[i].message : "", "%s", cases[i].text);
        cr_expect_eq(e.stage_count, cases[i].message ? 7 : 0);
    }
}

Test(logql_parse, may_be_asked_without_an_error)
{
    struct logql q;
    cr_expect_eq(parse(text_of("a b"), &q, NULL), TSDB_EINVAL);
    cr_expect_eq(parse(text_of("$"), &q, NULL), TSDB_EINVAL);
    cr_expect_eq(parse(text_of("{}"), &q, NULL), TSDB_EINVAL);
    cr_expect_eq(parse(text_of("sum(1)"), &q, NULL), TSDB_EINVAL);
}
