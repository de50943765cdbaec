/* Parsers, line_format and label_format of whole queries. */
#include "tests/tsdb/logql/conformance.h"

#define API "app=api fmt=json", NULL
#define KV "app=api fmt=logfmt", "host.name=h1"
#define NGINX "app=nginx fmt=text", NULL

static const struct conformance_row parsed[] = {
    {API, 10,
     "{\"level\":\"info\",\"msg\":\"hi "
     "there\",\"user\":{\"id\":7,\"name\":\"ann\"},\"tags\":[\"x\","
     "\"y\"],\"took\":\"15ms\",\"app\":\"inner\",\"n\":1.5,\"ok\":true,\"nil\":null}",
     NULL},
    {API, 20,
     "{\"level\":\"error\",\"msg\":\"boom \\\"q\\\"\",\"user\":{\"id\":8},\"took\":\"2s\",\"n\":-3,"
     "\"sp ace\":\"v\",\"9x\":1}",
     "level=meta"},
    {API, 30, "not json", NULL},
    {KV, 40,
     "level=info msg=\"hello world\" dur=1.5s size=2KB app=inner user.id=9 flag empty=", NULL},
    {KV, 50, "level=warn msg=\"a \\\"b\\\"\" dur=oops host_name=other level=again", "trace=t1"},
    {NGINX, 60, "10.0.0.1 - ann [24/Nov] \"GET /a?b=1 HTTP/1.1\" 200 512", "level=info"},
    {NGINX, 70, "10.0.0.2 - - [24/Nov] \"POST /b HTTP/2\" 500 0", "level=error method=PUT"},
    {"app=pack", NULL, 80, "{\"pod\":\"p1\",\"_entry\":\"level=info x=1\",\"app\":\"zz\",\"n\":5}",
     NULL},
    {"app=color", NULL, 90, "\x1b[31merror\x1b[0m red \x1b[1;32mgreen\x1b[m", "level=info"},
};

#define JSON "{fmt=\"json\"} "
#define LOGFMT "{fmt=\"logfmt\"} "

Test(conformance_parsers, json)
{
    static const struct conformance_case cases[] = {
        /* Objects are joined with '_', arrays and nulls skipped, a label of the stream makes
         * NAME_extracted. */
        {JSON "| json | __error__=\"\" | n > 0 | line_format \"-\"",
         "10000 {app=api,fmt=json}{}{app_extracted=inner,level=info,msg=hi "
         "there,n=1.5,ok=true,took=15ms,user_id=7,user_name=ann} -\n"},
        /* So does a field of the record; other characters become '_', digits get one in front. */
        {JSON "| json | n < 0 | line_format \"-\" | __error__=\"\"",
         "20000 {app=api,fmt=json}{level=meta}{_9x=1,level_extracted=error,msg=boom "
         "\"q\",n=-3,sp_ace=v,took=2s,user_id=8} -\n"},
        {JSON "| json | __error__=\"JSONParserErr\" | keep app",
         "30000 {app=api}{}{__error__=JSONParserErr,__error_details__=Value looks like object, but "
         "can't find closing '}' symbol} not json\n"},
        {JSON "| json | __error__!=\"\" | drop __error__, __error_details__",
         "30000 {app=api,fmt=json}{}{} not json\n"},
        {JSON "|= \"hi\" | json first=\"tags[0]\", who=\"user.name\", all=\"tags\" | keep first, "
              "who, all | line_format \"-\"",
         "10000 {}{}{all=[\"x\",\"y\"],first=x,who=ann} -\n"},
        {JSON "|= \"hi\" | json user, msg | keep user, msg | line_format \"-\"",
         "10000 {}{}{msg=hi there,user={\"id\":7,\"name\":\"ann\"}} -\n"},
        {JSON
         "|= \"boom\" | json v=`[\"sp ace\"]`, none=\"user.name\" | keep v, none | line_format "
         "\"-\"",
         "20000 {}{}{v=v} -\n"},
        {JSON "|= \"hi\" | json app=\"app\" | keep app, app_extracted | line_format \"-\"",
         "10000 {app=api}{}{app_extracted=inner} -\n"},
        {JSON "| json | took > 1s | keep took | line_format \"-\" | __error__=\"\"",
         "20000 {}{}{took=2s} -\n"},
        {JSON "| json | level=\"info\" | keep level | line_format \"-\"",
         "10000 {}{}{level=info} -\n"},
        {JSON "| json | level=\"meta\" | keep level, level_extracted | line_format \"-\"",
         "20000 {}{level=meta}{level_extracted=error} -\n"},
        {JSON "| json | level_extracted=\"error\" | keep user_id | line_format \"-\"",
         "20000 {}{}{user_id=8} -\n"},
        {JSON "| json | ok=\"true\" | keep ok | line_format \"-\"", "10000 {}{}{ok=true} -\n"},
        {JSON "| json | user_id=~\"7|9\" | keep user_id | line_format \"-\"",
         "10000 {}{}{user_id=7} -\n"},
        {JSON "| json | none=\"x\"", ""},
        {JSON "| json a=\"x[\"", "error: cannot parse expression [x[]"},
        {JSON "| json a=", "error: parse error"},
    };
    CONFORMANCE(parsed, cases, FULL);
}

Test(conformance_parsers, logfmt)
{
    static const struct conformance_case cases[] = {
        /* Bare keys and empty values are left out. */
        {LOGFMT "|= \"hello\" | logfmt | line_format \"-\"",
         "40000 "
         "{app=api,fmt=logfmt}{host_name=h1}{app_extracted=inner,dur=1.5s,level=info,msg=hello "
         "world,size=2KB,user_id=9} -\n"},
        /* The first of two counts; an attribute of the stream makes NAME_extracted. */
        {LOGFMT "| trace=\"t1\" | logfmt | line_format \"-\"",
         "50000 {app=api,fmt=logfmt}{host_name=h1,trace=t1}{dur=oops,host_name_extracted=other,"
         "level=warn,msg=a \"b\"} -\n"},
        {LOGFMT "| logfmt | dur >= 1500ms | keep dur | line_format \"-\" | __error__=\"\"",
         "40000 {}{}{dur=1.5s} -\n"},
        {LOGFMT
         "| logfmt | dur > 1s | __error__=\"LabelFilterErr\" | keep dur | line_format \"-\" | "
         "drop __error_details__",
         "50000 {}{}{__error__=LabelFilterErr,dur=oops} -\n"},
        {LOGFMT "| logfmt | size > 1KB | keep size | line_format \"-\"",
         "40000 {}{}{size=2KB} -\n"},
        {LOGFMT
         "| logfmt level, who=\"user_id\" | keep level, who | line_format \"-\" | level=\"info\"",
         "40000 {}{}{level=info,who=9} -\n"},
        {LOGFMT "| logfmt msg | msg=~\"hello.*\" | keep msg, level, dur | line_format \"-\"",
         "40000 {}{}{msg=hello world} -\n"},
        {LOGFMT
         "| logfmt host_name | host_name=\"h1\" | host_name_extracted=\"other\" | keep trace | "
         "line_format \"-\"",
         "50000 {}{trace=t1}{} -\n"},
        {LOGFMT "| logfmt | level=~\"info|warn\" | msg!=\"\" | keep level | line_format \"-\"",
         "50000 {}{}{level=warn} -\n40000 {}{}{level=info} -\n"},
        {LOGFMT "| logfmt | app=\"api\" | app_extracted=\"inner\" | keep app | line_format \"-\"",
         "40000 {app=api}{}{} -\n"},
        {"{app=\"nginx\"} | level=\"error\" | logfmt | line_format \"-\"",
         /* Not strict: what does not read is passed over. */
         "70000 {app=nginx,fmt=text}{level=error,method=PUT}{} -\n"},
        {"{app=\"nginx\"} | level=\"info\" | logfmt --strict | line_format \"-\" | keep app | drop "
         "__error_details__",
         "60000 {app=nginx}{}{__error__=LogfmtParserErr} -\n"},
        {LOGFMT "| logfmt a=\"x y\"", "error: cannot parse expression [x y]"},
        {LOGFMT "| logfmt --nonsense", "error: parse error"},
    };
    CONFORMANCE(parsed, cases, FULL);
}

#define LINE_60 " 10.0.0.1 - ann [24/Nov] \"GET /a?b=1 HTTP/1.1\" 200 512\n"
#define LINE_70 " 10.0.0.2 - - [24/Nov] \"POST /b HTTP/2\" 500 0\n"

Test(conformance_parsers, pattern_and_regexp)
{
    static const struct conformance_case cases[] = {
        {"{app=\"nginx\"} | pattern `<ip> - <user> [<_>] \"<method> <path> <_>\" <status> <bytes>` "
         "| "
         "status >= 500",
         "70000 {app=nginx,fmt=text}{level=error,method=PUT}{bytes=0,ip=10.0.0.2,"
         "method_extracted=POST,path=/b,status=500,user=-}" LINE_70},
        {"{app=\"nginx\"} | pattern `<ip> - <user> [<_>] \"<method> <path> <_>\" <status> <bytes>` "
         "| "
         "method=\"GET\" | keep ip, user, method, path, status, bytes",
         "60000 {}{}{bytes=512,ip=10.0.0.1,method=GET,path=/a?b=1,status=200,user=ann}" LINE_60},
        {"{app=\"nginx\"} | pattern `<ip> - <_>` | ip=ip(\"10.0.0.2\") | keep ip",
         "70000 {}{}{ip=10.0.0.2}" LINE_70},
        {"{app=\"nginx\"} | pattern `<_>\"<method> <_>` | method=\"POST\"", ""},
        {"{app=\"nginx\"} | pattern `<_>\"<method> <_>` | method_extracted=\"POST\" | keep method, "
         "method_extracted",
         "70000 {}{method=PUT}{method_extracted=POST}" LINE_70},
        {"{app=\"nginx\"} | pattern `<a><b>`", "error: found consecutive capture"},
        {"{app=\"nginx\"} | pattern `nothing`", "error: at least one capture"},
        {"{app=\"nginx\"} | regexp `\"(?P<verb>\\w+) (?P<path>[^ ?]+)` | path=\"/a\" | keep verb, "
         "path",
         "60000 {}{}{path=/a,verb=GET}" LINE_60},
        {"{app=\"nginx\"} | regexp `(?P<status>\\d{3}) (?P<bytes>\\d+)$` | bytes > 0 | keep "
         "status, "
         "bytes",
         "60000 {}{}{bytes=512,status=200}" LINE_60},
        {"{app=\"nginx\"} | regexp `\"(?P<method>\\w+) ` | method_extracted=\"POST\" | keep "
         "method_extracted",
         "70000 {}{}{method_extracted=POST}" LINE_70},
        /* A line that does not match is left as it is. */
        {"{app=\"nginx\"} | regexp `(?P<x>nowhere)` | level=\"info\" | keep app, x",
         "60000 {app=nginx}{}{}" LINE_60},
        {"{app=\"nginx\"} | regexp `(x)`", "error: at least one named capture"},
        {"{app=\"nginx\"} | regexp `(?P<a>`", "error: missing"},
        {"{app=\"nginx\"} | regexp `(?P<user>ann)` | user=\"ann\" | label_format who=user | keep "
         "user, "
         "who",
         "60000 {}{}{who=ann}" LINE_60},
    };
    CONFORMANCE(parsed, cases, FULL);
}

Test(conformance_parsers, unpack_decolorize_and_chains)
{
    static const struct conformance_case cases[] = {
        /* Strings become labels, _entry the line. */
        {"{app=\"pack\"} | unpack", "80000 {app=pack}{}{app_extracted=zz,pod=p1} level=info x=1\n"},
        {"{app=\"pack\"} | unpack | logfmt",
         "80000 {app=pack}{}{app_extracted=zz,level=info,pod=p1,x=1} level=info x=1\n"},
        {"{app=\"pack\"} | unpack |= \"_entry\"", ""},
        {"{app=\"pack\"} |= \"_entry\" | unpack | pod=\"p1\" | keep pod",
         "80000 {}{}{pod=p1} level=info x=1\n"},
        {"{app=\"pack\"} | unpack | pod=\"p2\"", ""},
        {"{fmt=\"text\"} | level=\"error\" | unpack | keep app | drop __error_details__",
         "70000 {app=nginx}{}{__error__=JSONParserErr}" LINE_70},
        {"{app=\"color\"} | decolorize", "90000 {app=color}{level=info}{} error red green\n"},
        {"{app=\"color\"} | decolorize |= \"error red green\" | keep app",
         "90000 {app=color}{}{} error red green\n"},
        {"{app=\"color\"} |= \"error red\"", ""},
        {"{app=\"color\"} | decolorize | pattern \"<first> <rest>\" | keep first, rest",
         "90000 {}{}{first=error,rest=red green} error red green\n"},
        {LOGFMT
         "|= \"hello\" | logfmt | line_format \"{{.msg}}\" | pattern \"<a> <b>\" | keep a, b",
         "40000 {}{}{a=hello,b=world} hello world\n"},
        {JSON "|= \"hi\" | json | line_format \"{{.user_name}}={{.user_id}}\" | logfmt | keep ann, "
              "user_id",
         "10000 {}{}{ann=7,user_id=7} ann=7\n"},
        /* A second parser finds a name that the first has set: the first stays. */
        {JSON "|= \"hi\" | json n=\"user.id\" | json | keep n | line_format \"-\"",
         "10000 {}{}{n=7} -\n"},
        {JSON "|= \"hi\" | json | label_format id=user_id, took=\"{{.took}}!\" | keep id, took, "
              "user_id | line_format \"-\"",
         "10000 {}{}{id=7,took=15ms!} -\n"},
        {JSON "|= \"hi\" | json | label_format app=app_extracted | keep app, app_extracted | "
              "line_format \"-\"",
         "10000 {}{}{app=inner} -\n"},
        {JSON
         "|= \"hi\" | json | drop user_id, msg=\"no\", n=~\"1.*\" | keep user_id, msg, n, ok | "
         "line_format \"-\"",
         "10000 {}{}{msg=hi there,ok=true} -\n"},
        {JSON
         "| json | line_format \"{{if .__error__}}bad {{__line__}}{{else}}{{.took}}{{end}}\" | "
         "keep fmt | drop __error__, __error_details__",
         "30000 {fmt=json}{}{} bad not json\n20000 {fmt=json}{}{} 2s\n10000 {fmt=json}{}{} 15ms\n"},
        {LOGFMT
         "| logfmt | label_format dur=\"{{duration .dur}}\" | keep dur | drop __error_details__ "
         "| line_format \"-\"",
         "50000 {}{}{__error__=TemplateFormatErr,dur=oops} -\n40000 {}{}{dur=1.5} -\n"},
        {LOGFMT "| label_format a=\"1\",a=\"2\"", "error: multiple label name 'a'"},
        {LOGFMT "| label_format __error__=\"x\"", "error: __error__ cannot be formatted"},
        {LOGFMT "| line_format \"{{.x\"", "error: "},
        {LOGFMT "| line_format \"{{nope .x}}\"", "error: function \"nope\" not defined"},
        {LOGFMT "| nonsense", "error: parse error"},
    };
    CONFORMANCE(parsed, cases, FULL);
}

/* ---- templates: each example of the documentation, through a query ------------------- */

static const struct conformance_row one[] = {
    {"app=t query=select", NULL, 50, "the line",
     "method=GET path=/a/B/c n:i=7 share:d=0.25 j:j={\"k\":\"v\",\"l\":[1,2]} size=2KB took=1m30s"},
};

struct template_row {
    const char *text, *want;
};

static const struct template_row templates[] = {
    {"{{.method}} {{.path}}", "GET /a/B/c"},
    {"{{ .n }} {{ .share }}", "7 0.25"},
    {"{{ .method | ToLower }} {{ .path | ToUpper }}", "get /A/B/C"},
    {"{{ lower .method }}{{ upper \"x\" }}{{ title \"hello\" }}", "getXHello"},
    {"{{ Replace .path \"/\" \"-\" -1 }} {{ Replace .path \"/\" \"-\" 1 }}", "-a-B-c -a/B/c"},
    {"{{ .path | replace \"/\" \".\" }}", ".a.B.c"},
    {"{{ Trim \"!!x!\" \"!\" }} {{ TrimLeft \"xxy\" \"x\" }} {{ TrimRight \"yxx\" \"x\" }}",
     "x y y"},
    {"{{ TrimPrefix .path \"/a\" }} {{ TrimSuffix .path \"/c\" }}", "/B/c /a/B"},
    {"{{ TrimSpace \" a \" }}{{ trim \" b \" }}{{ trimAll \"$\" \"$5.00$\" }}", "ab5.00"},
    {"{{ trimPrefix \"-\" \"-hello\" }} {{ trimSuffix \"-\" \"hello-\" }}", "hello hello"},
    {"{{ alignLeft 5 \"hello world\" }}|{{ alignRight 5 \"hi\" }}|", "hello|   hi|"},
    {"{{ b64enc \"hello\" }} {{ b64dec \"aGVsbG8=\" }}", "aGVsbG8= hello"},
    {"{{ contains \"GE\" .method }} {{ hasPrefix \"/a\" .path }} {{ hasSuffix \"/x\" .path }}",
     "true true false"},
    {"{{ count \"[a-z]\" .path }}", "2"},
    {"{{ regexReplaceAll \"(a*)bc\" \"aabc\" \"${1}a\" }}", "aaa"},
    {"{{ regexReplaceAllLiteral \"(ts=)\" \"ts=1\" \"t:$1\" }}", "t:$11"},
    {"{{ substr 0 5 \"hello world\" }} {{ trunc 5 \"hello world\" }} {{ trunc -5 \"hello world\" "
     "}}",
     "hello hello world"},
    {"{{ repeat 3 \"hello\" }}", "hellohellohello"},
    {"{{ indent 2 \"x\" }}|{{ nindent 1 \"y\" }}", "  x|\n y"},
    {"{{ urlencode \"a b&\" }} {{ urldecode \"a%20b%26\" }}", "a+b%26 a b&"},
    {"{{ add 3 2 }} {{ add 3 2 5 }} {{ sub 5 2 }} {{ mul 5 2 3 }} {{ div 10 2 }} {{ mod 10 3 }}",
     "5 10 3 30 5 1"},
    {"{{ addf 3.5 2 }} {{ subf 5.5 1.5 }} {{ mulf 5.5 2 2.5 }} {{ divf 5.5 2 4 }}",
     "5.5 4 27.5 0.6875"},
    {"{{ max 1 2 3 }} {{ min 1 2 3 }} {{ maxf 1 2.5 5.5 }} {{ minf 1 2.5 1.5 }}", "3 1 5.5 1"},
    {"{{ ceil 123.001 }} {{ floor 123.9999 }} {{ round 123.555555 3 }}", "124 123 123.556"},
    {"{{ int \"3\" }} {{ float64 \"3.5\" }} {{ add .n 1 }}", "3 3.5 8"},
    {"{{ bytes .size }} {{ duration .took }} {{ duration_seconds \"1h3s\" }}", "2000 90 3603"},
    {"{{ default \"-\" .none }} {{ .method | default \"-\" }}", "- GET"},
    {"{{ with fromJson .j }}{{ .k }}{{ range .l }},{{ . }}{{ end }}{{ end }}", "v,1,2"},
    {"{{ if eq .method \"GET\" }}read{{ else }}write{{ end }}", "read"},
    {"{{ if and (eq .method \"GET\") (contains \"x\" .path) }}1{{ else if or .none .n }}2{{ end }}",
     "2"},
    {"{{ printf \"%-5s|%5.2f|%03d\" .method 1.5 7 }}", "GET  | 1.50|007"},
    {"{{ range $i, $p := fromJson \"[4,5]\" }}{{ $i }}:{{ $p }} {{ end }}", "0:4 1:5 "},
    {"{{ $x := .method }}{{ $x }}{{ $x }}", "GETGET"},
    {"{{ __line__ }} {{ .query }}", "the line select"},
    {"{{ len .method }} {{ not .none }} {{ index (fromJson .j) \"k\" }}", "3 true v"},
    {"{{ toDate \"2006-01-02\" \"2021-11-02\" | date \"02/01/2006\" }}", "02/11/2021"},
    {"{{ toDate \"2006-01-02T15:04:05Z\" \"2021-11-02T08:00:00Z\" | unixEpoch }}", "1635840000"},
    {"{{ unixToTime \"1679577215\" | date \"2006-01-02 15:04:05\" }}", "2023-03-23 13:13:35"},
    /* The entry's time: second 50 of the rig. */
    {"{{ __timestamp__ | unixEpoch }} {{ __timestamp__ | date \"15:04:05\" }}", "999050 13:30:50"},
    {"{{ unixEpochMillis __timestamp__ }}", "999050000"},
};

Test(conformance_parsers, templates)
{
    for (size_t phase = 0; phase < 2; phase++) {
        struct rig r;
        const char *name = conformance_fill(&r, phase, one, 1);
        for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++) {
            char query[512], want[256];
            struct conformance_case c = {query, want};
            (void)snprintf(query, sizeof query, "{app=\"t\"} | line_format `%s` | keep app",
                           templates[i].text);
            (void)snprintf(want, sizeof want, "50000 {app=t}{}{} %s\n", templates[i].want);
            conformance_check(rig_ask(&r, query), &c, FULL, name);
            (void)snprintf(query, sizeof query, "{app=\"t\"} | label_format x=`%s` | keep x",
                           templates[i].text);
            (void)snprintf(want, sizeof want, "50000 {}{}{x=%s} the line\n", templates[i].want);
            conformance_check(rig_ask(&r, query), &c, FULL, name);
        }
        rig_close(&r);
    }
}
