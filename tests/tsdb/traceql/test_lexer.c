#include "tsdb/traceql/lexer.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>

#include <stdio.h>

/* All tokens as their kind and text, with a blank behind each; the last may be a fault. */
static const char *lexed(const char *text)
{
    static const char *const kinds[] = {
        [LEX_EOF] = "",        [LEX_WORD] = "word",      [LEX_STRING] = "string",
        [LEX_INT] = "int",     [LEX_FLOAT] = "float",    [LEX_DURATION] = "duration",
        [LEX_SCOPE] = "scope", [LEX_ATTRIBUTE] = "attr", [LEX_OPERATOR] = "op",
    };
    static char out[1024];
    struct lex l = lex_over(text_of(text));
    struct lex_token t;
    struct tsdb_error err;
    size_t n = 0;
    out[0] = '\0';
    for (;;) {
        if (lex_next(&l, &t, &err) != TSDB_OK) {
            (void)snprintf(out + n, sizeof out - n, "%s", err.msg);
            return out;
        }
        if (t.kind == LEX_EOF)
            return out;
        bool has_kind = t.kind <= LEX_SCOPE || t.kind == LEX_OPERATOR;
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s%.*s ", has_kind ? kinds[t.kind] : "",
                              has_kind ? ":" : "", (int)t.text.len, t.text.at);
    }
}

static struct lex_token first(const char *text)
{
    struct lex l = lex_over(text_of(text));
    struct lex_token t;
    struct tsdb_error err = {.msg = ""};
    cr_assert_eq(lex_next(&l, &t, &err), TSDB_OK, "%s: %s", text, err.msg);
    return t;
}

Test(traceql_lexer, cuts_text_into_tokens)
{
    static const struct {
        const char *text, *tokens;
    } cases[] = {
        {"", ""},
        {" \t\r\n", ""},
        {"{}(),|!", "{ } ( ) , | ! "},
        {"&&||", "op:&& op:|| "},
        {"|||", "op:|| | "},
        {"= != =~ !~ < <= > >=", "op:= op:!= op:=~ op:!~ op:< op:<= op:> op:>= "},
        {"+-*/%^", "op:+ op:- op:* op:/ op:% op:^ "},
        {">><<~", "op:>> op:<< op:~ "},
        {"!>!<!>>!<<", "op:!> op:!< op:!>> op:!<< "},
        {"&>&<&>>&<<&~", "op:&> op:&< op:&>> op:&<< op:&~ "},
        {"!>= ==~ !!~ >>>", "op:!> op:= op:= op:=~ ! op:!~ op:>> op:> "},
        {"a b_1 rate", "word:a word:b_1 word:rate "},
        {"1 0 1.5 .5 5. 1e3 1E-2 .5e+1", "int:1 int:0 float:1.5 float:.5 float:5. float:1e3 "
                                         "float:1E-2 float:.5e+1 "},
        {"5m 1h30m 1.5s .5ms 1d 2w 1y 10\xc2\xb5s 3ns",
         "duration:5m duration:1h30m duration:1.5s duration:.5ms duration:1d duration:2w "
         "duration:1y duration:10\xc2\xb5s duration:3ns "},
        {"5-5", "int:5 op:- int:5 "},
        {"5m-5s", "duration:5m op:- duration:5s "},
        {"\"a\" `b` \"\\\"\"", "string:\"a\" string:`b` string:\"\\\"\" "},
        {".a .a.b .a-b/c+d:e", "attr:.a attr:.a.b attr:.a-b/c+d:e "},
        {".a=.b", "attr:.a op:= attr:.b "},
        {".a}.b).c,.d|.e&.", "attr:.a } attr:.b ) attr:.c , attr:.d | attr:.e parse error at "
                             "line 1, col 15: unexpected character '&'"},
        {"span.a resource.b event.c link.d instrumentation.e parent.f",
         "attr:span.a attr:resource.b attr:event.c attr:link.d attr:instrumentation.e "
         "attr:parent.f "},
        {"span .a trace.a", "word:span attr:.a word:trace attr:.a "},
        {"spanner.a myspan.a", "word:spanner attr:.a word:myspan attr:.a "},
        {"span:name trace:id event: name", "scope:span: word:name scope:trace: word:id "
                                           "scope:event: word:name "},
        {"parent parent:a", "word:parent word:parent parse error at line 1, col 14: unexpected "
                            "character ':'"},
        {".\"a b\" .a.\"b}\".c .\"\\\"\\\\\"",
         "attr:.\"a b\" attr:.a.\"b}\".c attr:.\"\\\"\\\\\" "},
        {".a\xc2\xa0.b .a\xe2\x80\x83.b", "attr:.a parse error at line 1, col 3: unexpected "
                                          "character '\\u00a0'"},
        {"a // b\nc", "word:a word:c "},
        {"a /* b\n */ c //", "word:a word:c "},
        {"a / b /**/ /***/ c", "word:a op:/ word:b word:c "},
        {".a/*b .a//b", "attr:.a/*b attr:.a//b "},
        {"/* a", "parse error at line 1, col 1: comment not terminated"},
        {"/*/", "parse error at line 1, col 1: comment not terminated"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_str_eq(lexed(cases[i].text), cases[i].tokens, "%s: %s", cases[i].text,
                         lexed(cases[i].text));
}

Test(traceql_lexer, reads_values)
{
    cr_expect_eq(first("42").value.integer, 42);
    cr_expect_eq(first("9223372036854775807").value.integer, INT64_MAX);
    cr_expect_eq(first("0042").value.integer, 42);
    cr_expect_eq(first("1.5").value.number, 1.5);
    cr_expect_eq(first("5.").value.number, 5);
    cr_expect_eq(first("1e3").value.number, 1000);
    cr_expect_eq(first("1d").value.integer, INT64_C(86400000000000));
    cr_expect_eq(first("1w").value.integer, INT64_C(604800000000000));
    cr_expect_eq(first("1y").value.integer, INT64_C(31536000000000000));
    cr_expect_eq(first("1h1m1s").value.integer, INT64_C(3661000000000));
    cr_expect_eq(first("1.5us").value.integer, 1500);
    cr_expect_eq(first("1.5us").value.type, TRACEQL_DURATION);
}

Test(traceql_lexer, knows_what_operators_are)
{
    struct lex_token t = first("!~");
    cr_expect(t.op == TRACEQL_NOT_MATCH && t.relation == RELATION_NOT_SIBLING);
    t = first(">");
    cr_expect(t.op == TRACEQL_GT && t.relation == RELATION_CHILD);
    t = first("<<");
    cr_expect(t.op == LEX_NONE && t.relation == RELATION_ANCESTOR);
    t = first("+");
    cr_expect(t.op == TRACEQL_ADD && t.relation == LEX_NONE && t.precedence == PREC_ADD);
    for (int op = TRACEQL_OR; op <= TRACEQL_POW; op++) {
        t = first(traceql_op_name((enum traceql_op)op));
        cr_expect_eq(t.op, op, "%d", op);
        cr_expect_eq(t.precedence, lex_op_precedence((enum traceql_op)op), "%d", op);
    }
    for (int r = RELATION_AND; r <= RELATION_UNION_SIBLING; r++) {
        t = first(lex_relation_name((enum traceql_relation)r));
        cr_expect_eq(t.relation, r, "%d", r);
        cr_expect_eq(t.precedence, lex_relation_precedence((enum traceql_relation)r), "%d", r);
    }
}
