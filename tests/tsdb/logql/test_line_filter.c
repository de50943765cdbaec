#include "tsdb/logql/line_filter.h"

#include "tests/tsdb/logql/stage_cases.h"

Test(line_filter, texts)
{
    static const struct stage_case cases[] = {
        {"|= \"err\"", NULL, NULL, "an error", "an error {app=x} {} {}"},
        {"|= \"err\"", NULL, NULL, "fine", "-"},
        {"|= \"err\"", NULL, NULL, "", "-"},
        {"|= \"\"", NULL, NULL, "", " {app=x} {} {}"},
        {"!= \"\"", NULL, NULL, "x", "-"},
        {"!= \"err\"", NULL, NULL, "an error", "-"},
        {"!= \"err\"", NULL, NULL, "fine", "fine {app=x} {} {}"},
        {"|= \"a\" or \"b\"", NULL, NULL, "xbx", "xbx {app=x} {} {}"},
        {"|= \"a\" or \"b\"", NULL, NULL, "xcx", "-"},
        {"!= \"a\" or \"b\"", NULL, NULL, "xbx", "-"},
        {"!= \"a\" or \"b\"", NULL, NULL, "xcx", "xcx {app=x} {} {}"},
        {"|= \"a\" |= \"b\" != \"c\"", NULL, NULL, "ab", "ab {app=x} {} {}"},
        {"|= \"a\" |= \"b\" != \"c\"", NULL, NULL, "abc", "-"},
        {"|= \"Err\"", NULL, NULL, "err", "-"},
        {"|= `\\d`", NULL, NULL, "a\\d", "a\\d {app=x} {} {}"},
        {"|= \"a long needle of more than sixteen bytes\"", NULL, NULL,
         "here is a long needle of more than sixteen bytes",
         "here is a long needle of more than sixteen bytes {app=x} {} {}"},
    };
    STAGE_CASES_CHECK(cases);
}

Test(line_filter, expressions)
{
    static const struct stage_case cases[] = {
        {"|~ \"err.*t\"", NULL, NULL, "an error at", "an error at {app=x} {} {}"},
        {"|~ \"err.*t\"", NULL, NULL, "an error", "-"},
        {"!~ \"err.*t\"", NULL, NULL, "an error at", "-"},
        {"!~ \"err.*t\"", NULL, NULL, "an error", "an error {app=x} {} {}"},
        {"|~ \".*\"", NULL, NULL, "", " {app=x} {} {}"},
        {"|~ \".+\"", NULL, NULL, "", "-"},
        {"|~ \"\"", NULL, NULL, "x", "x {app=x} {} {}"},
        {"|~ \"(?i)ERROR\"", NULL, NULL, "an Error", "an Error {app=x} {} {}"},
        {"|~ \"^a\"", NULL, NULL, "ab", "ab {app=x} {} {}"},
        {"|~ \"^b\"", NULL, NULL, "ab", "-"},
        {"|~ \"b$\"", NULL, NULL, "ab", "ab {app=x} {} {}"},
        {"|~ \"^foo|bar$\"", NULL, NULL, "xbar", "xbar {app=x} {} {}"},
        {"|~ \"^foo|bar$\"", NULL, NULL, "xfoo", "-"},
        {"|~ \"a|b\"", NULL, NULL, "xbx", "xbx {app=x} {} {}"},
        {"|~ \"a|b\"", NULL, NULL, "xcx", "-"},
        {"|~ \"a|\"", NULL, NULL, "c", "c {app=x} {} {}"},
        {"|~ \"took [0-9]{4,}ms\"", NULL, NULL, "took 12ms took 12345ms",
         "took 12ms took 12345ms {app=x} {} {}"},
        {"|~ \"took [0-9]{4,}ms\"", NULL, NULL, "took 12ms", "-"},
        {"|~ \"took.*x\"", NULL, NULL, "took took took took took took x",
         "took took took took took took x {app=x} {} {}"},
        {"|~ \"took.*x\"", NULL, NULL, "took took took took took took y", "-"},
        {"|~ \"a.c\"", NULL, NULL, "a\nc", "-"},
        {"|~ \"(?s)a.c\"", NULL, NULL, "a\nc", "a\nc {app=x} {} {}"},
        {"|~ `\\bword\\b`", NULL, NULL, "a word here", "a word here {app=x} {} {}"},
        {"|~ `\\bword\\b`", NULL, NULL, "swords", "-"},
        {"|~ \"a\" or \"b+\"", NULL, NULL, "xbbx", "xbbx {app=x} {} {}"},
        {"|~ \"(a\"", NULL, NULL, "", "! regular expression: missing ): (?-s)(a"},
        {"|~ \"a)\"", NULL, NULL, "", "! regular expression: unexpected ): (?-s)a)"},
    };
    STAGE_CASES_CHECK(cases);
}

Test(line_filter, patterns)
{
    static const struct stage_case cases[] = {
        {"|> \"<_> took <_>ms\"", NULL, NULL, "it took 5ms", "it took 5ms {app=x} {} {}"},
        {"|> \"<_> took <_>ms\"", NULL, NULL, "it took ms", "-"},
        {"|> \"<_> took <_>ms\"", NULL, NULL, "it took 5ms!", "-"},
        {"|> \"<_> took <_>\"", NULL, NULL, "it took 5ms!", "it took 5ms! {app=x} {} {}"},
        {"|> \"\"", NULL, NULL, "", " {app=x} {} {}"},
        {"|> \"\"", NULL, NULL, "x", "-"},
        {"|> \"<_>\"", NULL, NULL, "x", "x {app=x} {} {}"},
        {"|> \"<_>\"", NULL, NULL, "", "-"},
        {"!> \"<_> took <_>ms\"", NULL, NULL, "it took 5ms", "-"},
        {"!> \"<_> took <_>ms\"", NULL, NULL, "other", "other {app=x} {} {}"},
        {"|> \"<_>a<_>\" or \"<_>b<_>\"", NULL, NULL, "xbx", "xbx {app=x} {} {}"},
        {"|> \"<name>\"", NULL, NULL, "", "! named captures are not allowed: found '<name>'"},
        {"|> \"<_><_>\"", NULL, NULL, "",
         "! found consecutive capture '<_><_>': invalid expression"},
    };
    STAGE_CASES_CHECK(cases);
}

Test(line_filter, addresses)
{
    static const struct stage_case cases[] = {
        {"|= ip(\"192.168.4.5\")", NULL, NULL, "from 192.168.4.5:80",
         "from 192.168.4.5:80 {app=x} {} {}"},
        {"|= ip(\"192.168.4.5\")", NULL, NULL, "from 192.168.4.50", "-"},
        {"!= ip(\"192.168.4.5\")", NULL, NULL, "from 192.168.4.5", "-"},
        {"|= ip(\"192.168.4.0/24\")", NULL, NULL, "from 192.168.4.77",
         "from 192.168.4.77 {app=x} {} {}"},
        {"|= ip(\"192.168.4.0/24\")", NULL, NULL, "from 192.168.5.77", "-"},
        {"|= ip(\"10.0.0.1-10.0.0.9\")", NULL, NULL, "a 10.0.0.9 b", "a 10.0.0.9 b {app=x} {} {}"},
        {"|= ip(\"10.0.0.1-10.0.0.9\")", NULL, NULL, "a 10.0.0.10 b", "-"},
        {"|= ip(\"2001:db8::/32\")", NULL, NULL, "x 2001:db8::1 y",
         "x 2001:db8::1 y {app=x} {} {}"},
        {"|= ip(\"::1\")", NULL, NULL, "on ::1", "on ::1 {app=x} {} {}"},
        {"|= ip(\"0.0.0.0/0\")", NULL, NULL, "1.2.3", "-"},
        {"|= ip(\"1.2.3.4\")", NULL, NULL, "no address", "-"},
        {"|= ip(\"1.2.3\")", NULL, NULL, "", "! ip: invalid pattern: \"1.2.3\""},
        {"|= ip(\"10.0.0.9-10.0.0.1\")", NULL, NULL, "",
         "! ip: invalid pattern: \"10.0.0.9-10.0.0.1\""},
        {"|= ip(\"10.0.0.0/33\")", NULL, NULL, "", "! ip: invalid pattern: \"10.0.0.0/33\""},
    };
    STAGE_CASES_CHECK(cases);
}
