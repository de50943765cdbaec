#include "tsdb/traceql/parser.h"

#include "tests/tsdb/query/corpus.h"
#include "tests/tsdb/traceql/prop_traceql.h"

#include <stdlib.h>

static struct arena arena;

static enum tsdb_status parse(struct tsdb_text text, struct traceql *q, struct tsdb_error *err)
{
    arena_release(&arena);
    arena_init(&arena, 64 << 20, NULL);
    return traceql_parse(text, &arena, q, err);
}

static struct traceql parsed(const char *text)
{
    struct traceql q = {0};
    struct tsdb_error err = {.msg = ""};
    cr_assert_eq(parse(text_of(text), &q, &err), TSDB_OK, "%s: %s", text, err.msg);
    return q;
}

static const struct traceql_field *filter_of(const struct traceql *q)
{
    cr_assert_eq(q->pipeline->stages[0].kind, TRACEQL_STAGE_SPANSET);
    return q->pipeline->stages[0].spanset->field;
}

/* ---- tables ------------------------------------------------------------------------------ */

static void check_valid(const char *where, struct tsdb_text input, struct tsdb_text expected)
{
    struct traceql q = {0};
    struct tsdb_error err = {.msg = ""};
    struct writer out = {0};
    enum tsdb_status st = parse(input, &q, &err);
    cr_assert_eq(st, TSDB_OK, "%s: %s", where, err.msg);
    traceql_format(&q, &out);
    struct tsdb_text got = prop_text(&out);
    cr_expect(text_equal(got, expected), "%s: got %.*s, want %.*s", where, (int)got.len, got.at,
              (int)expected.len, expected.at);
    writer_release(&out);
    traceql_release(&q);
    cr_expect(prop_traceql((const uint8_t *)input.at, input.len));
}

static void check_invalid(const char *where, struct tsdb_text input, struct tsdb_text expected)
{
    struct traceql q = {0};
    struct tsdb_error err = {.msg = ""};
    cr_expect_eq(parse(input, &q, &err), TSDB_EINVAL, "%s", where);
    cr_expect(!q.pipeline && !q.metric, "%s: *out must be untouched", where);
    cr_expect(text_equal(text_of(err.msg), expected), "%s: got %s", where, err.msg);
}

Test(traceql_parse, reads_what_tempo_reads)
{
    int count = each_line("tests/tsdb/traceql/valid_queries.txt", check_valid);
    cr_assert_geq(count, 500, "only %d lines", count);
}

Test(traceql_parse, says_what_is_wrong_with_the_rest_and_where)
{
    int count = each_line("tests/tsdb/traceql/invalid_queries.txt", check_invalid);
    cr_assert_geq(count, 380, "only %d lines", count);
}

Test(traceql_parse, counts_lines_and_characters_of_a_fault)
{
    static const struct {
        struct tsdb_text text;
        const char *message;
    } cases[] = {
        {{"", 0},
         "parse error at line 1, col 1: syntax error: unexpected end of query, expecting "
         "a span set, an aggregate or a number"},
        {{"{ .a\n  = \n}", 11},
         "parse error at line 3, col 1: syntax error: unexpected }, "
         "expecting an attribute, an intrinsic or a value"},
        {{"{ .\xc3\xa4 = b }", 11},
         "parse error at line 1, col 8: unknown identifier b: an "
         "attribute begins with a point or its scope"},
        {{"{}\n/* \n */ x", 12},
         "parse error at line 3, col 5: syntax error: unexpected x, "
         "expecting an operator, \"|\" or the end"},
        {{"{ .a\n}\0", 7}, "parse error at line 2, col 2: invalid character NUL"},
        {{"{ .a = \"\xff\" }", 12}, "parse error at line 1, col 9: invalid UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct traceql q;
        struct tsdb_error err = {.msg = ""};
        cr_expect_eq(parse(cases[i].text, &q, &err), TSDB_EINVAL);
        cr_expect_str_eq(err.msg, cases[i].message, "%zu", i);
    }
}

/* ---- the tree ------------------------------------------------------------------------------ */

Test(traceql_parse, numbers_each_attribute_once)
{
    struct traceql q = parsed("{ span.a = .a && .a = resource.a && name = span:name } | "
                              "by(span.a) | select(kind, .\"a\", name) | max(.b) > 1");
    static const struct {
        enum tsdb_trace_place place;
        enum traceql_intrinsic intrinsic;
        const char *name;
    } want[] = {
        {TSDB_PLACE_SPAN, INTRINSIC_NONE, "a"},     {TSDB_PLACE_ANY, INTRINSIC_NONE, "a"},
        {TSDB_PLACE_RESOURCE, INTRINSIC_NONE, "a"}, {TSDB_PLACE_INTRINSIC, INTRINSIC_NAME, ""},
        {TSDB_PLACE_INTRINSIC, INTRINSIC_KIND, ""}, {TSDB_PLACE_ANY, INTRINSIC_NONE, "b"},
    };
    cr_assert_eq(q.ref_count, sizeof want / sizeof want[0]);
    for (uint32_t i = 0; i < q.ref_count; i++) {
        cr_expect_eq(q.refs[i].place, want[i].place, "%u", i);
        cr_expect_eq(q.refs[i].intrinsic, want[i].intrinsic, "%u", i);
        cr_expect(text_equal(q.refs[i].name, text_of(want[i].name)), "%u", i);
    }
    const struct traceql_stage *s = q.pipeline->stages;
    cr_assert_eq(q.pipeline->count, 4);
    cr_expect(s[1].kind == TRACEQL_STAGE_GROUP && s[1].field->ref == 0);
    cr_assert(s[2].kind == TRACEQL_STAGE_SELECT && s[2].refs.count == 3);
    cr_expect(s[2].refs.at[0] == 4 && s[2].refs.at[1] == 1 && s[2].refs.at[2] == 3);
    cr_expect(s[3].kind == TRACEQL_STAGE_SCALAR && s[3].left->field->ref == 5);
    traceql_release(&q);
}

Test(traceql_format, writes_a_field_expression_alone)
{
    struct traceql q = parsed("{ .a } | by(-(span.b + 1)*2)");
    struct writer out = {0};
    traceql_field_format(&q, q.pipeline->stages[1].field, &out);
    cr_expect(text_equal(prop_text(&out), text_of("-(span.b + 1) * 2")));
    writer_release(&out);
    traceql_release(&q);
}

Test(traceql_parse, knows_the_types_of_expressions)
{
    static const struct {
        const char *text;
        enum traceql_type type;
    } cases[] = {
        {".a", TRACEQL_ANY},
        {"name", TRACEQL_STRING},
        {"duration", TRACEQL_DURATION},
        {"status", TRACEQL_STATUS},
        {"kind", TRACEQL_KIND},
        {"span:childCount", TRACEQL_INT},
        {"instrumentation:name", TRACEQL_ANY},
        {".a = 1", TRACEQL_BOOL},
        {".a = nil", TRACEQL_BOOL},
        {".a + .b", TRACEQL_ANY},
        {".a + 1", TRACEQL_INT},
        {"1.5 * .a", TRACEQL_FLOAT},
        {"duration * 2.5", TRACEQL_DURATION},
        {"-.a", TRACEQL_ANY},
        {"-duration", TRACEQL_DURATION},
        {"!.a", TRACEQL_ANY},
        {"!(.a = 1)", TRACEQL_BOOL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "by(%s)", cases[i].text);
        struct traceql q = parsed(text);
        cr_expect_eq(q.pipeline->stages[0].field->type, cases[i].type, "%s", text);
        traceql_release(&q);
    }
}

Test(traceql_parse, compiles_patterns_anchored_at_both_ends)
{
    struct traceql q = parsed("{ .a =~ \"b+\" && .c !~ `\\d` }");
    const struct traceql_field *f = filter_of(&q);
    cr_assert_eq(q.regex_count, 2);
    cr_expect_eq(f->left->regex, q.regexes[0]);
    cr_expect_eq(f->right->regex, q.regexes[1]);
    cr_expect(regex_match(f->left->regex, text_of("bb")));
    cr_expect_not(regex_match(f->left->regex, text_of("abb")));
    cr_expect_not(regex_match(f->left->regex, text_of("bbc")));
    traceql_release(&q);
    cr_expect_eq(q.regex_count, 0);
    traceql_release(&q);
}

Test(traceql_parse, strips_leading_zeros_beside_trace_id)
{
    struct traceql q =
        parsed("{ trace:id = \"00a0\" || span:id = \"00a0\" || trace:id =~ \"00*1\" }");
    const struct traceql_field *f = filter_of(&q);
    cr_expect(text_equal(f->left->left->right->value.text, text_of("a0")));
    cr_expect(text_equal(f->left->right->right->value.text, text_of("00a0")));
    cr_expect(text_equal(f->right->right->value.text, text_of("0*1")));
    cr_expect(regex_match(f->right->regex, text_of("0001")));
    traceql_release(&q);
}

Test(traceql_parse, reads_metrics)
{
    struct traceql q = parsed("100 * ({ .a } | quantile_over_time(duration, .9, 1) by (.b)) > "
                              "250ms | topk(3) with (sample=0.5, exemplars=true, sample=2)");
    const struct traceql_metric *m = q.metric;
    cr_assert(m && m->kind == METRIC_TOPK && m->count == 3);
    m = m->left;
    cr_assert(m->kind == METRIC_FILTER && m->op == TRACEQL_GT && m->value == 0.25);
    m = m->left;
    cr_assert(m->kind == METRIC_SCALE && m->op == TRACEQL_MUL && m->is_value_left &&
              m->value == 100);
    const struct traceql_function *f = &m->left->function;
    cr_assert(m->left->kind == METRIC_FUNCTION && f->kind == TRACEQL_QUANTILE_OVER_TIME);
    cr_expect_eq(q.refs[f->ref].intrinsic, INTRINSIC_DURATION);
    cr_expect(f->quantile_count == 2 && f->quantiles[0] == .9 && f->quantiles[1] == 1);
    cr_expect(f->by.count == 1 && text_equal(q.refs[f->by.at[0]].name, text_of("b")));
    cr_expect_eq(m->left->pipeline->count, 1);
    cr_expect_eq(traceql_hint_find(&q, "sample", TRACEQL_FLOAT)->number, .5);
    cr_expect_eq(traceql_hint_find(&q, "sample", TRACEQL_INT)->integer, 2);
    cr_expect_eq(traceql_hint_find(&q, "exemplars", TRACEQL_BOOL)->integer, 1);
    cr_expect_null(traceql_hint_find(&q, "exemplars", TRACEQL_INT));
    cr_expect_null(traceql_hint_find(&q, "example", TRACEQL_BOOL));
}

Test(traceql_parse, reads_compare)
{
    struct traceql q = parsed("{ .a } | compare({ status = error }, 5, 1700000000000000000, "
                              "1700000060000000000)");
    const struct traceql_function *f = &q.metric->function;
    cr_expect_eq(f->top, 5);
    cr_expect_eq(f->start, INT64_C(1700000000000000000));
    cr_expect_eq(f->end, INT64_C(1700000060000000000));
    cr_expect_eq(f->selection->op, TRACEQL_EQ);
    q = parsed("{} | compare({ .a })");
    cr_expect(q.metric->function.top == 10 && q.metric->function.start == 0 &&
              q.metric->function.end == 0);
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* begin, n times of middle, end */
static enum tsdb_status parse_many(const char *begin, const char *middle, int n, const char *end,
                                   struct tsdb_error *err)
{
    struct writer text = {0};
    struct traceql q = {0};
    writer_text(&text, begin);
    for (int i = 0; i < n; i++)
        writer_text(&text, middle);
    writer_text(&text, end);
    enum tsdb_status st = parse(prop_text(&text), &q, err);
    if (st == TSDB_OK)
        cr_expect(prop_traceql(text.at, text.len));
    traceql_release(&q);
    writer_release(&text);
    return st;
}

Test(traceql_parse, bounds_depth_and_height)
{
    static const struct {
        const char *begin, *middle, *end;
    } chains[] = {
        {"{ .a", " || .a", " }"},      {"{ .a", " + .a", " > 1 }"},
        {"{ .a", " ^ .a", " > 1 }"},   {"{}", " && {}", ""},
        {"{}", " >> {}", ""},          {"max(.a)", " + count()", " > 1"},
        {"({} | rate())", " * 2", ""}, {"({} | rate())", " - ({} | rate())", ""},
        {"{} | rate()", " > 1", ""},   {"{} | rate()", " | topk(2)", ""},
    };
    struct tsdb_error err = {.msg = ""};
    for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
        const char *begin = chains[i].begin, *middle = chains[i].middle, *end = chains[i].end;
        cr_expect_eq(parse_many(begin, middle, 500, end, &err), TSDB_OK, "%s: %s", middle, err.msg);
        cr_expect_eq(parse_many(begin, middle, 512, end, &err), TSDB_EINVAL, "%s", middle);
        cr_expect(strstr(err.msg, "expression is more than 512 levels high"), "%s: %s", middle,
                  err.msg);
        cr_expect_eq(parse_many(begin, middle, 3000, end, &err), TSDB_EINVAL, "%s", middle);
    }
}

Test(traceql_parse, bounds_nesting)
{
    static const struct {
        const char *begin, *middle;
    } nests[] = {
        {"{ ", "("},
        {"{ ", "!"},
        {"{ ", "-"},
        {"{ ", "-("},
        {"", "("},
        {"{} && ", "({} && "},
        {"{} | ", "({} | "},
        {"{ .a", " ^ (.a"},
        {"{ ", "nil = ("},
        {"", "1 + ("},
        {"max(", "("},
        {"by(", "("},
        {"{} | compare({", "!("},
    };
    struct tsdb_error err = {.msg = ""};
    for (size_t i = 0; i < sizeof nests / sizeof nests[0]; i++) {
        const char *begin = nests[i].begin, *middle = nests[i].middle;
        int n = 60000 / (int)strlen(middle);
        cr_expect_eq(parse_many(begin, middle, n, "", &err), TSDB_EINVAL, "%s", middle);
        cr_expect(strstr(err.msg, "query nests deeper than 1032 levels"), "%s: %s", middle,
                  err.msg);
        cr_expect_eq(parse_many(begin, middle, 100000, "", &err), TSDB_EINVAL, "%s", middle);
        cr_expect(strstr(err.msg, "at most 65536"), "%s: %s", middle, err.msg);
    }
}

Test(traceql_parse, reads_trees_that_are_as_high_as_may_be)
{
    static const struct {
        const char *begin, *middle, *inner, *close, *end;
    } nests[] = {
        {"{ ", "-(", ".a", ")", " = 1 }"},
        {"{ ", "!(", ".a", ")", " }"},
        {"{ ", ".a * (-", ".a", ")", " = 1 }"},
        {"{ ", ".a && (.b = (", ".a", "))", " }"},
        {"", "{} && ({} >> (", "{}", "))", ""},
        {"", "({} | count() > 1 | {} >> (", "{} | {}", "))", ""},
        {"", "max(.a) * (1 + (", "count()", "))", " > 1"},
        {"", "2 * (1 + (", "({} | rate())", "))", ""},
    };
    for (size_t i = 0; i < sizeof nests / sizeof nests[0]; i++) {
        struct writer text = {0};
        int accepted = 0;
        for (int n = 200; n < 520; n += 5) {
            writer_reset(&text);
            writer_text(&text, nests[i].begin);
            for (int k = 0; k < n; k++)
                writer_text(&text, nests[i].middle);
            writer_text(&text, nests[i].inner);
            for (int k = 0; k < n; k++)
                writer_text(&text, nests[i].close);
            writer_text(&text, nests[i].end);
            accepted += prop_traceql(text.at, text.len);
        }
        cr_expect(accepted > 0 && accepted < 64, "%s: %d", nests[i].middle, accepted);
        writer_release(&text);
    }
}

Test(traceql_parse, bounds_text_lists_and_patterns)
{
    static const struct {
        const char *begin, *middle, *end;
        int most;
        const char *message;
    } cases[] = {
        {"{}", " ", "", TRACEQL_TEXT_MAX - 2, "query text of 65537 bytes, at most 65536"},
        {"{}", " | {}", "", TRACEQL_LIST_MAX - 1, "list has more than 1024 items"},
        {"select(.a", ",.a", ")", TRACEQL_LIST_MAX - 1, "list has more than 1024 items"},
        {"{} | quantile_over_time(.a", ",1", ")", TRACEQL_LIST_MAX,
         "list has more than 1024 items"},
        {"{} with (a=1", ",a=1", ")", TRACEQL_LIST_MAX - 1, "list has more than 1024 items"},
        {"{}", " | {.a=~\"b\"}", "", TRACEQL_REGEX_MAX,
         "query has more than 256 regular expressions"},
    };
    struct tsdb_error err = {.msg = ""};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *begin = cases[i].begin, *middle = cases[i].middle, *end = cases[i].end;
        cr_expect_eq(parse_many(begin, middle, cases[i].most, end, &err), TSDB_OK, "%s: %s", middle,
                     err.msg);
        cr_expect_eq(parse_many(begin, middle, cases[i].most + 1, end, &err), TSDB_EINVAL, "%s",
                     middle);
        cr_expect(strstr(err.msg, cases[i].message), "%s: %s", middle, err.msg);
    }
}

Test(traceql_parse, bounds_attributes)
{
    for (int n = TRACEQL_LIST_MAX; n <= TRACEQL_LIST_MAX + 1; n++) {
        struct writer text = {0};
        struct traceql q;
        struct tsdb_error err = {.msg = ""};
        for (int i = 0; i < n; i++)
            writer_format(&text, "%s.a%d%s",
                          i % 2   ? " && "
                          : i > 0 ? " | { "
                                  : "{ ",
                          i, i % 2 || i == n - 1 ? " }" : "");
        bool fits = n == TRACEQL_LIST_MAX;
        cr_expect_eq(parse(prop_text(&text), &q, &err), fits ? TSDB_OK : TSDB_EINVAL, "%s",
                     err.msg);
        cr_expect(fits || strstr(err.msg, "query names more than 1024 attributes"), "%s", err.msg);
        cr_expect(!fits || q.ref_count == TRACEQL_LIST_MAX);
        writer_release(&text);
    }
}

static const char long_text[] =
    "({ span.\"a b\" =~ \"c.*\" && !(.d = nil) || duration > 1h30m * 2 } >> { name != `e` } | "
    "by(resource.f + 1) | coalesce() | select(.g, trace:id) | max(-.h) ^ 2 - count() > 3s | "
    "quantile_over_time(span:duration, 0.5, .99) by (kind, event.i) | topk(4) <= -5e3) / 2.5 + "
    "7 * ({} | compare({ status = error }, 8, 9, 10)) with (sample=true, j=\"k\") // done";

Test(traceql_parse, answers_a_full_arena)
{
    static const char text[] =
        "({ span.\"a b\" =~ \"c.*\" && !(.d = nil) } >> { name != `e` } | by(resource.f + 1) | "
        "coalesce() | select(.g) | max(-.h) ^ 2 - count() > 3s | quantile_over_time(duration, .5) "
        "by (kind) | topk(4) <= -5) / 2.5 + ({} | rate()) with (sample=true)";
    size_t limit = 0;
    for (;; limit += 8) {
        struct arena small;
        struct traceql q = {0};
        struct tsdb_error err = {.msg = ""};
        arena_init(&small, limit, NULL);
        enum tsdb_status st = traceql_parse(text_of(text), &small, &q, &err);
        if (st != TSDB_OK)
            cr_assert(!q.pipeline && !q.metric);
        traceql_release(&q);
        arena_release(&small);
        if (st == TSDB_OK)
            break;
        cr_assert_eq(st, TSDB_ELIMIT, "%zu: %s", limit, err.msg);
    }
    cr_assert_gt(limit, sizeof text);
}

/* Every prefix of a long query is answered, and none reads past its end. */
Test(traceql_parse, survives_every_truncation)
{
    for (size_t len = 0; len < sizeof long_text; len++) {
        char *copy = mem_alloc(len + 1);
        memcpy(copy, long_text, len);
        struct traceql q = {0};
        struct tsdb_error err = {.msg = ""};
        enum tsdb_status st = parse((struct tsdb_text){copy, len}, &q, &err);
        cr_expect(st == TSDB_OK || err.msg[0] != '\0', "%zu bytes", len);
        traceql_release(&q);
        mem_free(copy);
    }
}

Test(traceql_parse, mutations_are_refused_or_keep_the_laws)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20240817;
    struct random r;
    struct writer text = {0};
    uint32_t accepted = 0;
    random_init(&r, seed);
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    corpus_read("tests/tsdb/traceql/valid_queries.txt");
    for (int i = 0; i < 20000; i++) {
        writer_reset(&text);
        corpus_mutation(&r, &text);
        accepted += prop_traceql(text.at, text.len);
    }
    cr_expect_gt(accepted, 1000, "TEST_SEED=%llu: only %u of 20000", (unsigned long long)seed,
                 accepted);
    writer_release(&text);
    corpus_release();
}

Test(traceql_parse, may_be_asked_without_an_error)
{
    struct traceql q;
    cr_expect_eq(parse(text_of("{ a }"), &q, NULL), TSDB_EINVAL);
    cr_expect_eq(parse(text_of("$"), &q, NULL), TSDB_EINVAL);
    cr_expect_eq(parse(text_of("{ 1 }"), &q, NULL), TSDB_EINVAL);
    cr_expect_eq(parse(text_of("{ .a =~ \"(\" }"), &q, NULL), TSDB_EINVAL);
}
