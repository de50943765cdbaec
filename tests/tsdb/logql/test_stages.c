#include "tsdb/logql/decolorize.h"
#include "tsdb/logql/drop_keep.h"
#include "tsdb/logql/stage_pattern.h"
#include "tsdb/logql/stage_regexp.h"

#include "tests/tsdb/logql/stage_cases.h"

Test(stage_pattern, cases)
{
    static const struct stage_case cases[] = {
        {"| pattern \"<ip> - <user> <_> [<ts>]\" | line_format \"\"", NULL, NULL,
         "1.2.3.4 - bob x [now]", " {app=x} {} {ip=1.2.3.4,ts=now,user=bob}"},
        {"| pattern \"<a> <b>\" | line_format \"\"", NULL, NULL, "one two three",
         " {app=x} {} {a=one,b=two three}"},
        {"| pattern \"x <a>\" | line_format \"\"", NULL, NULL, "x y", " {app=x} {} {a=y}"},
        {"| pattern \"x <a>\" | line_format \"\"", NULL, NULL, "z y", " {app=x} {} {}"},
        {"| pattern \"<a> - <b>\" | line_format \"\"", NULL, NULL, "nothing",
         " {app=x} {} {a=nothing}"},
        {"| pattern \"<a>,<b>\" | line_format \"\"", NULL, NULL, ",v", " {app=x} {} {b=v}"},
        {"| pattern \"<app> <b>\" | line_format \"\"", NULL, NULL, "p q",
         " {app=x} {} {app_extracted=p,b=q}"},
        {"| pattern \"<a>\" | line_format \"\"", NULL, NULL, "", " {app=x} {} {}"},
        {"| pattern \"<1> <a>\" | line_format \"\"", NULL, NULL, "<1> v", " {app=x} {} {a=v}"},
        {"| pattern \"<_>\"", NULL, NULL, "", "! at least one capture is required"},
        {"| pattern \"text\"", NULL, NULL, "", "! at least one capture is required"},
        {"| pattern \"<a><b>\"", NULL, NULL, "",
         "! found consecutive capture '<a><b>': invalid expression"},
        {"| pattern \"<a> <a>\"", NULL, NULL, "",
         "! duplicate capture name (a): invalid expression"},
    };
    STAGE_CASES_CHECK(cases);
}

Test(stage_regexp, cases)
{
    static const struct stage_case cases[] = {
        {"| regexp \"(?P<m>\\\\w+) (?P<p>\\\\S+)\" | line_format \"\"", NULL, NULL, "GET /x",
         " {app=x} {} {m=GET,p=/x}"},
        {"| regexp `(?<m>\\w+) [(?<]*(?<p>\\S+)` | line_format \"\"", NULL, NULL, "GET /x",
         " {app=x} {} {m=GET,p=/x}"},
        {"| regexp \"(?P<a>x)|(?P<b>y)\" | line_format \"\"", NULL, NULL, "y", " {app=x} {} {b=y}"},
        {"| regexp \"(?P<a>\\\\d+)\" | line_format \"\"", NULL, NULL, "none", " {app=x} {} {}"},
        {"| regexp \"(?P<app>.)\" | line_format \"\"", NULL, NULL, "z",
         " {app=x} {} {app_extracted=z}"},
        {"| regexp \"(?P<a>.*)\" | line_format \"\"", NULL, NULL, "l1\nl2", " {app=x} {} {a=l1}"},
        {"| regexp \"(a)\"", NULL, NULL, "", "! at least one named capture must be supplied"},
        {"| regexp \"a\"", NULL, NULL, "", "! at least one named capture must be supplied"},
    };
    STAGE_CASES_CHECK(cases);
}

Test(drop_keep, cases)
{
    static const struct stage_case cases[] = {
        {"| drop a", "a=1,b=2", NULL, "l", "l {b=2} {} {}"},
        {"| drop a,b", "a=1,b=2,c=3", "m=4", "l", "l {c=3} {m=4} {}"},
        {"| drop m", "a=1", "m=4,n=5", "l", "l {a=1} {n=5} {}"},
        {"| drop a=\"1\"", "a=1,b=2", NULL, "l", "l {b=2} {} {}"},
        {"| drop a=\"2\"", "a=1,b=2", NULL, "l", "l {a=1,b=2} {} {}"},
        {"| drop a=~\"[12]\"", "a=1,b=2", NULL, "l", "l {b=2} {} {}"},
        {"| drop a | a=\"\"", "a=1", NULL, "l", "l {} {} {}"},
        {"| drop a | a=\"1\"", "a=1", NULL, "l", "-"},
        {"| drop none", "a=1", NULL, "l", "l {a=1} {} {}"},
        {"| keep a", "a=1,b=2", "m=4", "l", "l {a=1} {} {}"},
        {"| keep m", "a=1,b=2", "m=4,n=5", "l", "l {} {m=4} {}"},
        {"| keep a=\"1\"", "a=1,b=2", NULL, "l", "l {a=1} {} {}"},
        {"| keep a=\"2\"", "a=1,b=2", NULL, "l", "l {} {} {}"},
        {"| keep a, b=\"9\"", "a=1,b=2", NULL, "l", "l {a=1} {} {}"},
        {"| logfmt | keep p", "a=1", NULL, "p=1 q=2", "p=1 q=2 {} {} {p=1}"},
        {"| json | keep a", "a=1,b=2", NULL, "l",
         "l {a=1} {} {__error__=JSONParserErr,__error_details__=Value looks like object, but can't "
         "find closing '}' symbol}"},
        {"| drop __error__=\"x\", __error_details__ | json | drop __error__=\"x\", "
         "__error_details__",
         "a=1", NULL, "l", "l {a=1} {} {__error__=JSONParserErr}"},
        {"| keep app_extracted", NULL, "app=m,z=1", "l", "l {} {app_extracted=m} {}"},
        {"| keep z", NULL, "app=m,z=1", "l", "l {} {z=1} {}"},
    };
    STAGE_CASES_CHECK(cases);
}

Test(decolorize, cases)
{
    static const struct stage_case cases[] = {
        {"| decolorize", NULL, NULL, "\033[31mred\033[0m", "red {app=x} {} {}"},
        {"| decolorize", NULL, NULL, "plain", "plain {app=x} {} {}"},
        {"| decolorize", NULL, NULL, "", " {app=x} {} {}"},
        {"| decolorize", NULL, NULL, "\033[1;38;5;12mx", "x {app=x} {} {}"},
        {"| decolorize", NULL, NULL,
         "\xc2\x9b"
         "31mx",
         "x {app=x} {} {}"},
        {"| decolorize", NULL, NULL, "a\033]0;title\ab", "ab {app=x} {} {}"},
        {"| decolorize", NULL, NULL, "a\033(Bb", "ab {app=x} {} {}"},
        {"| decolorize", NULL, NULL, "a\033[31", "a\033[31 {app=x} {} {}"},
        {"| decolorize", NULL, NULL, "a\033", "a\033 {app=x} {} {}"},
        {"| decolorize", NULL, NULL, "\xc2\xa9 \xc3\xa9", "\xc2\xa9 \xc3\xa9 {app=x} {} {}"},
        {"| decolorize |= \"red\"", NULL, NULL, "r\033[0med", "red {app=x} {} {}"},
    };
    STAGE_CASES_CHECK(cases);
}

Test(label_format, cases)
{
    static const struct stage_case cases[] = {
        {"| label_format b=a", "a=1", NULL, "l", "l {} {} {b=1}"},
        {"| label_format b=none", "a=1", NULL, "l", "l {a=1} {} {}"},
        {"| label_format b=\"{{.a}}-x\"", "a=1", NULL, "l", "l {a=1} {} {b=1-x}"},
        {"| label_format a=\"{{.a}}!\"", "a=1", NULL, "l", "l {} {} {a=1!}"},
        {"| label_format m=\"{{.m}}!\"", "a=1", "m=2", "l", "l {a=1} {} {m=2!}"},
        {"| label_format b=m", "a=1", "m=2", "l", "l {a=1} {} {b=2}"},
        {"| label_format b=a,c=\"{{.b}}\"", "a=1", NULL, "l", "l {} {} {b=1,c=1}"},
        {"| label_format c=\"{{.a}}\",b=a,d=\"{{.b}}{{.c}}\"", "a=1", NULL, "l",
         "l {} {} {b=1,c=1}"},
        {"| label_format b=\"{{.a | repeat -1}}\"", "a=1", NULL, "l",
         "l {a=1} {} {__error__=TemplateFormatErr,__error_details__=template: error calling "
         "repeat: negative Repeat count}"},
        {"| label_format b=\"1\",b=\"2\"", NULL, NULL, "l",
         "! multiple label name 'b' not allowed in a single format operation"},
        {"| label_format __error__=\"1\"", NULL, NULL, "l", "! __error__ cannot be formatted"},
        {"| label_format b=\"{{nope .a}}\"", NULL, NULL, "l",
         "! template: label:1: function \"nope\" not defined"},
        {"| label_format a=\"9\" | logfmt | line_format \"\"", NULL, NULL, "a=1 b=2",
         " {app=x} {} {a=9,b=2}"},
    };
    STAGE_CASES_CHECK(cases);
}
