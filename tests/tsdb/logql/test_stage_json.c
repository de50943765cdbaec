#include "tsdb/logql/stage_json.h"

#include "tests/tsdb/logql/stage_cases.h"

#define FAULT(why) "{__error__=JSONParserErr,__error_details__=" why "}"
#define NO_OBJECT "Value looks like object, but can't find closing '}' symbol"

Test(stage_json, everything)
{
    static const struct stage_case cases[] = {
        {"| json", NULL, NULL, "{}", "{} {app=x} {} {}"},
        {"| json", NULL, NULL, "{\"a\":\"1\",\"b\":2}",
         "{\"a\":\"1\",\"b\":2} {app=x} {} {a=1,b=2}"},
        {"| json | line_format \"\"", NULL, NULL, " { \"a\" : true , \"b\":false,\"c\":null } ",
         " {app=x} {} {a=true,b=false}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":{\"b\":{\"c\":1},\"d\":2},\"e\":3}",
         " {app=x} {} {a_b_c=1,a_d=2,e=3}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":[1,{\"x\":\"]\"}],\"b\":1}",
         " {app=x} {} {b=1}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"a b\":1,\"c.d\":2,\"9z\":3,\" t \":4}",
         " {app=x} {} {_9z=3,a_b=1,c_d=2,t=4}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":{\"9\":1,\"\":2},\"\":3,\"5\":{\"6\":7}}",
         " {app=x} {} {_5_6=7,a=2,a_9=1}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":1.50,\"b\":-0,\"c\":1e9}",
         " {app=x} {} {a=1.50,b=-0,c=1e9}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":\"x\\\"y\\n\\u00e9\\ud83d\\ude00\"}",
         " {app=x} {} {a=x\"y\n\xc3\xa9\xf0\x9f\x98\x80}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":\"bad \\q\",\"b\":1}",
         " {app=x} {} {b=1}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":\"half \\ud83d\",\"b\":1}",
         " {app=x} {} {b=1}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":\"\xff\x41\"}", " {app=x} {} {a= A}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"k\\u0041\":1}", " {app=x} {} {kA=1}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":1,\"a\":2}", " {app=x} {} {a=1}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":1,}", " {app=x} {} {a=1}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":1} trailing", " {app=x} {} {a=1}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"app\":\"y\"}",
         " {app=x} {} {app_extracted=y}"},
        {"| json | line_format \"\"", NULL, "m=1", "{\"m\":\"2\",\"n\":3}",
         " {app=x} {m=1} {m_extracted=2,n=3}"},
        {"| json | line_format \"\"", "a_b=s", NULL, "{\"a\":{\"b\":1}}",
         " {a_b=s} {} {a_b_extracted=1}"},
        {"| json | json | line_format \"\"", NULL, NULL, "{\"a\":1}", " {app=x} {} {a=1}"},
        {"| json | a > 0 | line_format \"\"", NULL, NULL, "{\"a\":1}", " {app=x} {} {a=1}"},
        {"| json | a > 1 | line_format \"\"", NULL, NULL, "{\"a\":1}", "-"},
        {"| json | drop a | json | line_format \"\"", NULL, NULL, "{\"a\":1,\"b\":2}",
         " {app=x} {} {b=2}"},
    };
    STAGE_CASES_CHECK(cases);
}

Test(stage_json, faults)
{
    static const struct stage_case cases[] = {
        {"| json", NULL, NULL, "", " {app=x} {} " FAULT(NO_OBJECT)},
        {"| json", NULL, NULL, "text", "text {app=x} {} " FAULT(NO_OBJECT)},
        {"| json", NULL, NULL, "[1]", "[1] {app=x} {} " FAULT(NO_OBJECT)},
        {"| json", NULL, NULL, "{\"a\":1",
         "{\"a\":1 {app=x} {} " FAULT(
             "Value looks like Number/Boolean/None, but can't find its end: ',' or '}' symbol")},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":1 \"b\":2}",
         " {app=x} {} {__error__=JSONParserErr,__error_details__=" NO_OBJECT ",a=1}"},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":\"open",
         " {app=x} {} " FAULT("Value is string, but can't find closing '\"' symbol")},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":xyz}",
         " {app=x} {} " FAULT("Unknown value type")},
        {"| json | line_format \"\"", NULL, NULL, "{a:1}", " {app=x} {} " FAULT(NO_OBJECT)},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\" 1}",
         " {app=x} {} " FAULT("Malformed JSON error")},
        {"| json | line_format \"\"", NULL, NULL, "{\"a\":[1,2}",
         " {app=x} {} " FAULT("Value is array, but can't find closing ']' symbol")},
        {"| json | __error__=\"\"", NULL, NULL, "text", "-"},
        {"| json | __error__=\"JSONParserErr\" | drop __error__,__error_details__", NULL, NULL,
         "text", "text {app=x} {} {}"},
    };
    STAGE_CASES_CHECK(cases);
}

Test(stage_json, paths)
{
    static const struct stage_case cases[] = {
        {"| json a | line_format \"\"", NULL, NULL, "{\"a\":1,\"b\":2}", " {app=x} {} {a=1}"},
        {"| json z=\"a\" | line_format \"\"", NULL, NULL, "{\"a\":\"v\"}", " {app=x} {} {z=v}"},
        {"| json z=\"a.b\" | line_format \"\"", NULL, NULL, "{\"a\":{\"b\":5}}",
         " {app=x} {} {z=5}"},
        {"| json z=\"a[1]\" | line_format \"\"", NULL, NULL, "{\"a\":[5,6]}", " {app=x} {} {z=6}"},
        {"| json z=\"a[1].b\" | line_format \"\"", NULL, NULL, "{\"a\":[5,{\"b\":7}]}",
         " {app=x} {} {z=7}"},
        {"| json z=\"a[9]\" | line_format \"\"", NULL, NULL, "{\"a\":[5]}", " {app=x} {} {}"},
        {"| json z=\"[\\\"a b\\\"]\" | line_format \"\"", NULL, NULL, "{\"a b\":5}",
         " {app=x} {} {z=5}"},
        {"| json z=`h[\"User-Agent\"]` | line_format \"\"", NULL, NULL,
         "{\"h\":{\"User-Agent\":\"c\"}}", " {app=x} {} {z=c}"},
        {"| json z=\"a\" | line_format \"\"", NULL, NULL, "{\"a\":{\"b\":[1]}}",
         " {app=x} {} {z={\"b\":[1]}}"},
        {"| json z=\"a\" | line_format \"\"", NULL, NULL, "{\"a\":[1, 2]}",
         " {app=x} {} {z=[1, 2]}"},
        {"| json z=\"a\" | line_format \"\"", NULL, NULL, "{\"a\":null}", " {app=x} {} {}"},
        {"| json z=\"a\" | line_format \"\"", NULL, NULL, "{\"a\":\"\\u0041\"}",
         " {app=x} {} {z=A}"},
        {"| json app=\"a\" | line_format \"\"", NULL, NULL, "{\"a\":1}",
         " {app=x} {} {app_extracted=1}"},
        {"| json a=\"x\", b=\"y\" | line_format \"\"", NULL, NULL, "{\"y\":2,\"x\":1}",
         " {app=x} {} {a=1,b=2}"},
        {"| json a=\"x\" | line_format \"\"", NULL, NULL, "no json",
         " {app=x} {} {__error__=JSONParserErr}"},
        {"| json a=\"x\"", NULL, NULL, "", " {app=x} {} {}"},
        {"| json a=\"x..y\"", NULL, NULL, "",
         "! cannot parse expression [x..y]: syntax error at 2"},
        {"| json a=\"x[\"", NULL, NULL, "", "! cannot parse expression [x[]: syntax error at 2"},
        {"| json a=\"x[1.5]\"", NULL, NULL, "",
         "! cannot parse expression [x[1.5]]: syntax error at 3"},
        {"| json a=\"\"", NULL, NULL, "", "! cannot parse expression []: syntax error at 0"},
    };
    STAGE_CASES_CHECK(cases);
}

Test(stage_json, depth_is_limited)
{
    for (int depth = JSON_READ_DEPTH_MAX - 1; depth <= JSON_READ_DEPTH_MAX + 1; depth++) {
        struct arena arena;
        struct writer line = {0}, out = {0};
        arena_init(&arena, 4 << 20, NULL);
        for (int i = 1; i < depth; i++)
            writer_text(&line, "{\"a\":");
        writer_text(&line, "{\"a\":1}");
        for (int i = 1; i < depth; i++)
            writer_u8(&line, '}');
        struct pipeline *p = case_pipeline("| json | line_format \"\"", &arena, &out);
        struct pipeline_entry entry = {.line = {(const char *)line.at, line.len}};
        case_run(p, &entry, &out);
        writer_u8(&out, '\0');
        bool is_refused = strstr((const char *)out.at, "more than 128 levels") != NULL;
        cr_expect_eq(is_refused, depth > JSON_READ_DEPTH_MAX, "%d: %s", depth, (char *)out.at);
        pipeline_free(p);
        writer_release(&line);
        writer_release(&out);
        arena_release(&arena);
    }
}

Test(stage_unpack, cases)
{
    static const struct stage_case cases[] = {
        {"| unpack", NULL, NULL, "{\"a\":\"1\",\"_entry\":\"the \\\"line\\\"\"}",
         "the \"line\" {app=x} {} {a=1}"},
        {"| unpack", NULL, NULL, "{\"a\":\"1\"}", "{\"a\":\"1\"} {app=x} {} {}"},
        {"| unpack", NULL, NULL, "{\"a\":1,\"b\":[],\"c\":{},\"_entry\":\"l\"}", "l {app=x} {} {}"},
        {"| unpack", NULL, NULL, "{\"app\":\"y\",\"_entry\":\"l\"}",
         "l {app=x} {} {app_extracted=y}"},
        {"| unpack", NULL, NULL, "", " {app=x} {} {}"},
        {"| unpack", NULL, NULL, "text",
         "text {app=x} {} " FAULT("expecting json object(6), but it is not")},
        {"| unpack", NULL, NULL, "{\"a\"", "{\"a\" {app=x} {} " FAULT("Malformed JSON error")},
        {"| unpack |= \"li\"", NULL, NULL, "{\"_entry\":\"line\"}", "line {app=x} {} {}"},
        {"| unpack |= \"_entry\"", NULL, NULL, "{\"_entry\":\"line\"}", "-"},
    };
    STAGE_CASES_CHECK(cases);
}
