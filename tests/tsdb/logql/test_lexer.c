#include "tsdb/logql/lexer.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>

#include <stdio.h>

/* The names of all tokens, with a blank behind each; the last may be a fault. */
static const char *lexed(const char *text)
{
    static char out[1024];
    struct logql_lexer l = logql_lexer_over(text_of(text));
    struct logql_token t;
    struct tsdb_error err;
    size_t n = 0;
    out[0] = '\0';
    for (;;) {
        if (logql_lexer_next(&l, &t, &err) != TSDB_OK) {
            (void)snprintf(out + n, sizeof out - n, "%s", err.msg);
            return out;
        }
        if (t.kind == LOGQL_EOF)
            return out;
        n += (size_t)snprintf(out + n, sizeof out - n, "%s ", logql_token_name(&t).at);
    }
}

static struct logql_token first(const char *text)
{
    struct logql_lexer l = logql_lexer_over(text_of(text));
    struct logql_token t;
    struct tsdb_error err = {.msg = ""};
    cr_assert_eq(logql_lexer_next(&l, &t, &err), TSDB_OK, "%s: %s", text, err.msg);
    return t;
}

Test(logql_lexer, cuts_text_into_tokens)
{
    static const struct {
        const char *text, *tokens;
    } cases[] = {
        {"", ""},
        {"{a=\"b\"}", "{ IDENTIFIER = STRING } "},
        {"|=|~|>!=!~!>|", "|= |~ |> != !~ !> | "},
        {"= == =~ > >= < <= + - * / % ^ , . ( )", "= == =~ > >= < <= + - * / % ^ , . ( ) "},
        {"===~", "== =~ "},
        {"| = ~", "| = parse error at line 1, col 5: syntax error: unexpected character '~'"},
        {"`x` \"y\\\"\"", "STRING STRING "},
        {"1 1.5 .5 1e3 1.e-2", "NUMBER NUMBER NUMBER NUMBER NUMBER "},
        {"5m 1h30m 1.5s 10\xc2\xb5s -5m 1d",
         "DURATION DURATION DURATION DURATION DURATION DURATION "},
        {"- 5m -5 -0 -x", "- DURATION - NUMBER - NUMBER - IDENTIFIER "},
        {"5KB 5KiB 1.5MB 5B 5k", "BYTES BYTES BYTES BYTES BYTES "},
        {"5x 5mm 5Kb 5EB",
         "NUMBER IDENTIFIER NUMBER IDENTIFIER BYTES IDENTIFIER NUMBER IDENTIFIER "},
        {"[5m][1h]", "RANGE RANGE "},
        {"--strict --keep-empty --strictly --keep",
         "FUNCTION_FLAG FUNCTION_FLAG - - IDENTIFIER - - keep "},
        {"rate(x) RATE (x) rate x",
         "RATE ( IDENTIFIER ) RATE ( IDENTIFIER ) IDENTIFIER IDENTIFIER "},
        {"sum by (x) sum Without\n(x) sum by",
         "SUM by ( IDENTIFIER ) SUM Without ( IDENTIFIER ) IDENTIFIER by "},
        {"sum byx (", "IDENTIFIER IDENTIFIER ( "},
        {"sum # why\n (", "SUM ( "},
        {"ip ip(", "IDENTIFIER ip ( "},
        {"label_replace( vector( bytes( duration(", "label_replace ( VECTOR ( BYTES ( DURATION ( "},
        {"json JSON and Or unless", "json JSON and Or unless "},
        {"a#b\nc", "IDENTIFIER IDENTIFIER "},
        {"a:b", "IDENTIFIER parse error at line 1, col 2: syntax error: unexpected character ':'"},
        {"\"a", "parse error at line 1, col 1: literal not terminated"},
        {"`a", "parse error at line 1, col 1: literal not terminated"},
        {"\"\\q\"", "parse error at line 1, col 1: unknown escape sequence U+0071 'q'"},
        {"[5m", "parse error at line 1, col 1: missing closing ']' in duration"},
        {"[]", "parse error at line 1, col 1: empty duration string"},
        {"[0s]", "parse error at line 1, col 1: duration must be greater than 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_str_eq(lexed(cases[i].text), cases[i].tokens, "%s: %s", cases[i].text,
                         lexed(cases[i].text));
}

Test(logql_lexer, converts_spans_and_sizes)
{
    cr_expect_eq(first("[1h30m]").span, INT64_C(5400000000000));
    cr_expect_eq(first("1d").span, INT64_C(86400000000000));
    cr_expect_eq(first("-1.5h").span, INT64_C(-5400000000000));
    cr_expect_eq(first("2us").span, 2000);
    cr_expect_eq(first("1.5KiB").bytes, 1536);
    cr_expect_eq(first("5M").bytes, 5e6);
}

Test(logql_lexer, gives_words_their_codes)
{
    struct logql_token t = first("  topk(");
    cr_expect(t.kind == LOGQL_AGGREGATE && t.code == AGGREGATE_TOPK && t.is_word && t.at == 2);
    t = first("approx_topk(");
    cr_expect(t.kind == LOGQL_AGGREGATE && t.code == LOGQL_APPROX_TOPK);
    t = first("rate_counter(");
    cr_expect(t.kind == LOGQL_RANGE_OP && t.code == RANGE_RATE_COUNTER);
    t = first("label_format");
    cr_expect(t.kind == LOGQL_STAGE && t.code == STAGE_LABEL_FORMAT);
    t = first("duration_seconds(");
    cr_expect(t.kind == LOGQL_CONVERT && t.code == UNWRAP_DURATION);
    t = first("!>");
    cr_expect(t.kind == LOGQL_LINE && t.code == LINE_PATTERN_NOT && !t.is_word);
    t = first("sort_desc(");
    cr_expect(t.kind == LOGQL_SORT && t.code == 1);
}
