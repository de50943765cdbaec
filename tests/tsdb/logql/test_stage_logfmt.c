#include "tsdb/logql/stage_logfmt.h"

#include "tests/tsdb/logql/stage_cases.h"

#define FAULT(why)                                                                                 \
    "{__error__=LogfmtParserErr,__error_details__=logfmt syntax error at pos " why "}"

Test(stage_logfmt, everything)
{
    static const struct stage_case cases[] = {
        {"| logfmt", NULL, NULL, "a=1 b=two", "a=1 b=two {app=x} {} {a=1,b=two}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "a=\"1 2\" b=\"\" c= d", " {app=x} {} {a=1 2}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "m=\"say \\\"hi\\\"\\n\\u00e9\\'\"",
         " {app=x} {} {m=say \"hi\"\n\xc3\xa9'}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "  a=1\t\tb=2 \n", " {app=x} {} {a=1,b=2}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "a.b=1 c-d=2 9=3",
         " {app=x} {} {_9=3,a_b=1,c_d=2}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "a=1 a=2", " {app=x} {} {a=1}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "app=y", " {app=x} {} {app_extracted=y}"},
        {"| logfmt | line_format \"\"", NULL, "m=1", "m=2", " {app=x} {m=1} {m_extracted=2}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "a=b=c d=1", " {app=x} {} {d=1}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "=x d=1", " {app=x} {} {d=1}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "a\"b=x d=1", " {app=x} {} {d=1}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "a=x\"y d=1", " {app=x} {} {d=1}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "a=\"open d=1", " {app=x} {} {}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "a=\"\\q\" d=1", " {app=x} {} {d=1}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "a=\xff\x41 \xff=1 d=1",
         " {app=x} {} {a= A,d=1}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "\xc3\xa9t\xc3\xa9=1", " {app=x} {} {_t_=1}"},
        {"| logfmt | line_format \"\"", NULL, NULL, "", " {app=x} {} {}"},
        {"| logfmt --keep-empty | line_format \"{{.a}}|{{.b}}|\"", NULL, NULL, "a= b c=1",
         "|| {app=x} {} {c=1}"},
        {"| logfmt | d > 1s | line_format \"\"", NULL, NULL, "d=1500ms", " {app=x} {} {d=1500ms}"},
        {"| logfmt | json | line_format \"\"", NULL, NULL, "a=1",
         " {app=x} {} {__error__=JSONParserErr,__error_details__=Value looks like object, but "
         "can't find closing '}' symbol,a=1}"},
    };
    STAGE_CASES_CHECK(cases);
}

Test(stage_logfmt, strict)
{
    static const struct stage_case cases[] = {
        {"| logfmt --strict | line_format \"\"", NULL, NULL, "a=1 b=2", " {app=x} {} {a=1,b=2}"},
        {"| logfmt --strict | line_format \"\"", NULL, NULL, "a=1 b=\"x d=1",
         " {app=x} {} {__error__=LogfmtParserErr,__error_details__=logfmt syntax error at pos 13 : "
         "unterminated quoted value,a=1}"},
        {"| logfmt --strict | line_format \"\"", NULL, NULL, "a=b=c d=1",
         " {app=x} {} " FAULT("4 : unexpected '='")},
        {"| logfmt --strict | line_format \"\"", NULL, NULL, "=b",
         " {app=x} {} " FAULT("1 : unexpected '='")},
        {"| logfmt --strict | line_format \"\"", NULL, NULL, "x\"",
         " {app=x} {} " FAULT("2 : unexpected '\"'")},
        {"| logfmt --strict | line_format \"\"", NULL, NULL, "a=\"\\q\"",
         " {app=x} {} " FAULT("7 : invalid quoted value")},
        {"| logfmt --strict | line_format \"\"", NULL, NULL, "\xff=1",
         " {app=x} {} " FAULT("2 : invalid key")},
    };
    STAGE_CASES_CHECK(cases);
}

Test(stage_logfmt, asked_for)
{
    static const struct stage_case cases[] = {
        {"| logfmt a | line_format \"\"", NULL, NULL, "a=1 b=2", " {app=x} {} {a=1}"},
        {"| logfmt z=\"a\" | line_format \"\"", NULL, NULL, "a=1 b=2", " {app=x} {} {z=1}"},
        {"| logfmt z=\"a\" | line_format \"\"", NULL, NULL, "a=1 a=2", " {app=x} {} {z=2}"},
        {"| logfmt z=\"none\" | line_format \"\"", NULL, NULL, "a=1", " {app=x} {} {}"},
        {"| logfmt app=\"a\" | line_format \"\"", NULL, NULL, "a=1",
         " {app=x} {} {app_extracted=1}"},
        {"| logfmt a, z=\"b\" | line_format \"\"", NULL, NULL, "b=2 a=1", " {app=x} {} {a=1,z=2}"},
        {"| logfmt --strict z=\"a\" | line_format \"\"", NULL, NULL, "a=1 ==",
         " {app=x} {} {__error__=LogfmtParserErr,__error_details__=logfmt syntax error at pos 5 : "
         "unexpected '=',z=1}"},
        {"| logfmt z=\"a b\"", NULL, NULL, "", "! cannot parse expression [a b]: syntax error"},
    };
    STAGE_CASES_CHECK(cases);
}
