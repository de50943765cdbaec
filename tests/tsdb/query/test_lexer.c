/* Messages of faults are in invalid_expressions.txt, read by test_parser.c. */
#include "tsdb/query/lexer.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>

/* The kinds of a text's tokens, up to the end or a fault. */
static int kinds_of(const char *text, enum token_kind *kinds, int most)
{
    struct lexer l = lexer_over(text_of(text));
    struct token t;
    int n = 0;
    while (n < most && lexer_next(&l, &t, NULL) == TSDB_OK) {
        cr_expect(text_equal(t.text, (struct tsdb_text){text + t.at, t.text.len}));
        kinds[n++] = t.kind;
        if (t.kind == TOKEN_EOF)
            break;
    }
    return n;
}

Test(lexer, cuts_a_text_into_tokens)
{
    static const struct {
        const char *text;
        enum token_kind kinds[12];
    } cases[] = {
        {"", {TOKEN_EOF}},
        {"a b:c 1 1m \"s\"",
         {TOKEN_IDENTIFIER, TOKEN_METRIC, TOKEN_NUMBER, TOKEN_DURATION, TOKEN_STRING, TOKEN_EOF}},
        {"sum{sum=\"x\"}",
         {TOKEN_AGGREGATE, TOKEN_LEFT_BRACE, TOKEN_IDENTIFIER, TOKEN_EQUAL, TOKEN_STRING,
          TOKEN_RIGHT_BRACE, TOKEN_EOF}},
        {"{a=~'',b!~\"\",c!=``}",
         {TOKEN_LEFT_BRACE, TOKEN_IDENTIFIER, TOKEN_MATCH, TOKEN_STRING, TOKEN_COMMA,
          TOKEN_IDENTIFIER, TOKEN_NOT_MATCH, TOKEN_STRING, TOKEN_COMMA, TOKEN_IDENTIFIER,
          TOKEN_BINARY, TOKEN_STRING}},
        {"a[1m:2m] @",
         {TOKEN_IDENTIFIER, TOKEN_LEFT_BRACKET, TOKEN_DURATION, TOKEN_COLON, TOKEN_DURATION,
          TOKEN_RIGHT_BRACKET, TOKEN_AT, TOKEN_EOF}},
        {"a[step()]",
         {TOKEN_IDENTIFIER, TOKEN_LEFT_BRACKET, TOKEN_STEP, TOKEN_LEFT_PAREN, TOKEN_RIGHT_PAREN,
          TOKEN_RIGHT_BRACKET, TOKEN_EOF}},
        {"BOOL On iGnOrInG group_LEFT GROUP_right",
         {TOKEN_BOOL, TOKEN_ON, TOKEN_IGNORING, TOKEN_GROUP_LEFT, TOKEN_GROUP_RIGHT, TOKEN_EOF}},
        {"by without offset start end inf nan",
         {TOKEN_BY, TOKEN_WITHOUT, TOKEN_OFFSET, TOKEN_START, TOKEN_END, TOKEN_NUMBER, TOKEN_NUMBER,
          TOKEN_EOF}},
        {"fill fill( fill_left (",
         {TOKEN_IDENTIFIER, TOKEN_FILL, TOKEN_LEFT_PAREN, TOKEN_FILL, TOKEN_LEFT_PAREN}},
        {"+-*/%^ == != < <= > >= </ >/",
         {TOKEN_BINARY, TOKEN_BINARY, TOKEN_BINARY, TOKEN_BINARY, TOKEN_BINARY, TOKEN_BINARY,
          TOKEN_BINARY, TOKEN_BINARY, TOKEN_BINARY, TOKEN_BINARY, TOKEN_BINARY, TOKEN_BINARY}},
        {"1 # a \" ' { \n2", {TOKEN_NUMBER, TOKEN_NUMBER, TOKEN_EOF}},
        {"infinity nano sumx", {TOKEN_IDENTIFIER, TOKEN_IDENTIFIER, TOKEN_IDENTIFIER, TOKEN_EOF}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum token_kind kinds[12];
        int n = kinds_of(cases[i].text, kinds, 12);
        for (int k = 0; k < n; k++)
            cr_expect_eq(kinds[k], cases[i].kinds[k], "%s: token %d", cases[i].text, k);
        cr_expect_gt(n, 0);
    }
}

Test(lexer, names_tokens_for_messages)
{
    static const struct {
        const char *text, *name;
    } cases[] = {
        {"", "end of input"},
        {"abc", "identifier \"abc\""},
        {"a:c", "metric identifier \"a:c\""},
        {"12", "number \"12\""},
        {"12345678901", "number \"1234567890\"..."},
        {"5m", "duration \"5m\""},
        {"\"x\"", "string \"\\\"x\\\"\""},
        {"'0123456789'", "string \"'012345678\"..."},
        {"(", "\"(\""},
        {",", "\",\""},
        {"=", "\"=\""},
        {"==", "<op:==>"},
        {"@", "<op:@>"},
        {"AND", "<op:AND>"},
        {"Sum", "<aggr:Sum>"},
        {"by", "<by>"},
        {"start", "\"start\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lexer l = lexer_over(text_of(cases[i].text));
        struct token t;
        enum tsdb_status st = lexer_next(&l, &t, NULL);
        cr_assert_eq(st, TSDB_OK, "%s", cases[i].text);
        cr_expect_str_eq(token_name(&t).at, cases[i].name);
    }
}

Test(lexer, bounds_the_name_of_a_long_token)
{
    static char word[4096];
    memset(word, 'w', sizeof word - 1);
    struct lexer l = lexer_over(text_of(word));
    struct token t;
    enum tsdb_status st = lexer_next(&l, &t, NULL);
    cr_assert_eq(st, TSDB_OK);
    struct quoted q = token_name(&t);
    cr_expect_lt(strlen(q.at), sizeof q.at);
}
