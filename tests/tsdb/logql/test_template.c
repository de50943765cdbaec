#include "tsdb/logql/template.h"

#include "tests/tsdb/logql/stage_cases.h"
#include "tsdb/base/clock.h"

struct template_case {
    const char *text, *want; /* want "! ..." is what the entry's error says, or the refusal */
};

/* The labels: app=x, a=1, word=hello, s="Some Text", n=42.5, j=JSON; the line: "the line". */
static const char *run(const char *text)
{
    static struct writer out;
    struct tsdb_label labels[] = {
        {text_of("a"), text_of("1")},
        {text_of("app"), text_of("x")},
        {text_of("empty"), text_of("")},
        {text_of("j"),
         text_of("{\"k\":\"v\",\"n\":1.5,\"list\":[1,\"two\",null,[3]],\"o\":{\"p\":true}}")},
        {text_of("n"), text_of("42.5")},
        {text_of("s"), text_of("Some Text")},
        {text_of("word"), text_of("hello")},
    };
    struct tsdb_error err = {0};
    struct stage stage = {.kind = STAGE_LINE_FORMAT, .text = text_of(text)};
    struct log_expr e = {.stage_count = 1, .stages = &stage};
    struct pipeline *p;
    writer_reset(&out);
    if (pipeline_new(&e, &p, &err) != TSDB_OK) {
        writer_format(&out, "! %s", err.msg);
    } else {
        struct pipeline_run *r = pipeline_run_new(p, NULL);
        struct pipeline_entry entry = {.ts = INT64_C(1700000000123456789),
                                       .line = text_of("the line"),
                                       .stream = {labels, sizeof labels / sizeof labels[0]}};
        cr_assert_eq(pipeline_entry(r, &entry, &err), TSDB_OK, "%s: %s", text, err.msg);
        bool has_failed = pipeline_error(r).len > 0;
        struct tsdb_text line =
            has_failed ? pipeline_label(r, text_of("__error_details__")) : pipeline_line(r);
        if (has_failed)
            writer_text(&out, "! ");
        writer_put(&out, line.at, line.len);
        pipeline_run_free(r);
        pipeline_free(p);
    }
    writer_u8(&out, '\0');
    return (const char *)out.at;
}

static void check(const struct template_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *got = run(cases[i].text);
        cr_expect_str_eq(got, cases[i].want, "\n template %s\n got      %s\n want     %s",
                         cases[i].text, got, cases[i].want);
    }
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof(cases)[0])

Test(template, actions)
{
    static const struct template_case cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"{{.word}}", "hello"},
        {"{{ .word }} {{ .a }}", "hello 1"},
        {"{{.none}}", ""},
        {"[{{.none}}]", "[]"},
        {"a {{- .a -}} b", "a1b"},
        {"a {{- \" x \" -}} b", "a x b"},
        {"a {{/* nothing */}} b", "a  b"},
        {"a {{- /* nothing */ -}} b", "ab"},
        {"{{if .a}}yes{{end}}", "yes"},
        {"{{if .none}}yes{{else}}no{{end}}", "no"},
        {"{{if .none}}1{{else if .a}}2{{else}}3{{end}}", "2"},
        {"{{if .none}}1{{else if .none}}2{{else}}3{{end}}", "3"},
        {"{{with .word}}{{.}}!{{end}}", "hello!"},
        {"{{with .none}}{{.}}{{else}}none{{end}}", "none"},
        {"{{with .none}}1{{else with .a}}{{.}}{{end}}", "1"},
        {"{{with .word}}{{$.a}}{{end}}", "1"},
        {"{{$x := .a}}{{$x}}{{$x}}", "11"},
        {"{{$x := .a}}{{if true}}{{$x = .word}}{{end}}{{$x}}", "hello"},
        {"{{$x := .a}}{{if true}}{{$x := .word}}{{$x}}{{end}}{{$x}}", "hello1"},
        {"{{$x := $x}}{{$x}}", "<no value>"},
        {"{{range $i, $e := 0}}{{else}}{{$e}}{{end}}", "0"},
        {"{{range 3}}{{.}}{{end}}", "012"},
        {"{{range $i, $e := fromJson .j | default 0}}{{$i}} {{end}}", "k list n o "},
        {"{{range (fromJson .j).list}}<{{.}}>{{end}}", "<1><two><<no value>><[3]>"},
        {"{{range $i, $e := (fromJson .j).list}}{{$i}}={{$e}},{{end}}",
         "0=1,1=two,2=<no value>,3=[3],"},
        {"{{range $e := (fromJson .j).list}}{{if eq (print $e) "
         "\"two\"}}{{break}}{{end}}{{$e}}{{end}}",
         "1"},
        {"{{range 4}}{{if eq . 2}}{{continue}}{{end}}{{.}}{{end}}", "013"},
        {"{{range 0}}x{{else}}none{{end}}", "none"},
        {"{{(fromJson .j).k}} {{(fromJson .j).o.p}}", "v true"},
        {"{{fromJson .j}}", "map[k:v list:[1 two <nil> [3]] n:1.5 o:map[p:true]]"},
        {"{{fromJson .word}}", "<no value>"},
        {"{{.}}", "map[a:1 app:x empty: "
                  "j:{\"k\":\"v\",\"n\":1.5,\"list\":[1,\"two\",null,[3]],\"o\":{\"p\":true}} "
                  "n:42.5 s:Some Text word:hello]"},
        {"{{__line__}}", "the line"},
        {"{{true}} {{false}} {{1}} {{1.5}} {{'a'}} {{\"q\\tx\"}} {{`r\\a`}} {{0x10}} {{-5}} "
         "{{1e3}}",
         "true false 1 1.5 97 q\tx r\\a 16 -5 1000"},
        {"{{ (\"x\") }}{{ (.word) }}", "xhello"},
        {"{{.word | upper | lower | title}}", "Hello"},
        {"{{.__error__}}|", "|"},
        {"{{ .a }}}}", "1}}"},
        {"{{index . \"word\"}}", "hello"},
        {"{{index (fromJson .j).list 1}}", "two"},
        {"{{index (fromJson .j) \"o\" \"p\"}}", "true"},
        {"{{len .word}} {{len .}} {{len (fromJson .j).list}}", "5 7 4"},
        {"{{slice .word 1 3}}", "el"},
    };
    CHECK(cases);
}

Test(template, refusals)
{
    static const struct template_case cases[] = {
        {"{{nope}}", "! template: line:1: function \"nope\" not defined"},
        {"a\n{{.x | nope}}", "! template: line:2: function \"nope\" not defined"},
        {"{{", "! template: line:1: unclosed action"},
        {"{{.x", "! template: line:1: unexpected '\\x00' in operand"},
        {"{{}}", "! template: line:1: missing value for command"},
        {"{{.x |}}", "! template: line:1: missing value for command"},
        {"{{if .x}}", "! template: line:1: unexpected EOF"},
        {"{{end}}", "! template: line:1: unexpected {{end}}"},
        {"{{else}}", "! template: line:1: unexpected {{else}}"},
        {"{{if .x}}{{else}}{{else}}{{end}}", "! template: line:1: unexpected {{else}}"},
        {"{{$x}}", "! template: line:1: undefined variable \"$x\""},
        {"{{if $x := .a}}{{end}}{{$x}}", "! template: line:1: undefined variable \"$x\""},
        {"{{\"open}}", "! template: line:1: unterminated quoted string"},
        {"{{\"\\x4\"}}", "! template: line:1: invalid escape sequence"},
        {"{{\"\\ud800\"}}", "! template: line:1: invalid escape sequence"},
        {"{{\"\\400\"}}", "! template: line:1: invalid escape sequence"},
        {"{{\"\\q\"}}", "! template: line:1: invalid escape sequence"},
        {"{{\"\\x41\\u00e9\\101\\U0001f600\"}}", "A\xc3\xa9\x41\xf0\x9f\x98\x80"},
        {"{{`open}}", "! template: line:1: unterminated raw quoted string"},
        {"{{(.x}}", "! template: line:1: unexpected '}' in operand"},
        {"{{.x)}}", "! template: line:1: unexpected right paren"},
        {"{{.x | 1}}", "! template: line:1: non executable command in pipeline stage 2"},
        {"{{break}}", "! template: line:1: {{break}} outside {{range}}"},
        {"{{define \"t\"}}{{end}}", "! template: line:1: {{define}} is not supported"},
        {"{{/* open", "! template: line:1: unclosed comment"},
        {"{{1x}}", "! template: line:1: bad number syntax: \"1x\""},
        {"{{regexReplaceAll \"(\" .a \"\"}}", "! regular expression: missing ): (?-s)("},
        {"{{.a.b}}", "! template: can't evaluate field b in type string"},
        {"{{.a 1}}", "! template: can't give argument to non-function"},
        {"{{upper 5}}",
         "! template: error calling upper: wrong type for value; expected string; got int"},
        {"{{upper}}", "! template: wrong number of args for upper: want 1 got 0"},
        {"{{upper .a .a}}", "! template: wrong number of args for upper: want 1 got 2"},
        {"{{lt 1 \"a\"}}", "! template: incompatible types for comparison"},
        {"{{div 1 0}}", "! template: error calling div: runtime error: integer divide by zero"},
        {"{{mod 1 0}}", "! template: error calling mod: runtime error: integer divide by zero"},
        {"{{divf 1 0}}", "! template: error calling divf: decimal division by 0"},
        {"{{bytes .word}}",
         "! template: error calling bytes: strconv.ParseFloat: parsing \"\": invalid syntax"},
        {"{{duration .word}}",
         "! template: error calling duration: time: invalid duration \"hello\""},
        {"{{urldecode \"%zz\"}}",
         "! template: error calling urldecode: invalid URL escape \"%zz\""},
        {"{{unixToTime \"12\"}}",
         "! template: error calling unixToTime: unable to parse time '12'"},
        {"{{index (fromJson .j).list 9}}",
         "! template: error calling index: index out of range: 9"},
        {"{{range .a}}{{end}}", "! template: range can't iterate over a string"},
        {"{{substr 4 99 \"abc\"}}", "! template: error calling substr: slice bounds out of range"},
    };
    CHECK(cases);
}

Test(template, texts)
{
    static const struct template_case cases[] = {
        {"{{lower .s}} {{upper .s}} {{ToLower .s}} {{ToUpper .s}}",
         "some text SOME TEXT some text SOME TEXT"},
        {"{{upper \"\xc3\xa9\xce\xb1\xd0\xb6\"}}", "\xc3\x89\xce\x91\xd0\x96"},
        {"{{title \"two words\"}}", "Two Words"},
        {"{{trunc 3 .word}} {{trunc -3 .word}} {{trunc 99 .word}}", "hel llo hello"},
        {"{{substr 1 3 .word}} {{substr -1 3 .word}} {{substr 1 -1 .word}} {{substr 2 99 .word}}",
         "el hel ello llo"},
        {"{{replace \"l\" \"L\" .word}} {{Replace .word \"l\" \"L\" 1}} {{Replace .word \"l\" "
         "\"L\" -1}}",
         "heLLo heLlo heLLo"},
        {"{{replace \"\" \"-\" \"ab\"}}", "-a-b-"},
        {"{{trim \"  x y  \"}}|{{TrimSpace \"\\tx\\n\"}}|", "x y|x|"},
        {"{{trimAll \"$\" \"$5$\"}} {{Trim \"$5$\" \"$\"}} {{TrimLeft \"xxaxx\" \"x\"}} "
         "{{TrimRight \"xxaxx\" \"x\"}}",
         "5 5 axx xxa"},
        {"{{trimPrefix \"he\" .word}} {{trimSuffix \"lo\" .word}} {{TrimPrefix .word \"he\"}} "
         "{{TrimSuffix .word \"lo\"}}",
         "llo hel llo hel"},
        {"{{trimPrefix \"xx\" .word}}", "hello"},
        {"{{alignLeft 8 .word}}|{{alignRight 8 .word}}|{{alignLeft 3 .word}}|{{alignRight 3 "
         ".word}}",
         "hello   |   hello|hel|llo"},
        {"{{alignLeft 3 \"\xc3\xa9\"}}|", "\xc3\xa9  |"},
        {"{{indent 2 \"a\\nb\"}}", "  a\n  b"},
        {"{{nindent 2 \"a\\nb\"}}", "\n  a\n  b"},
        {"{{repeat 3 \"ab\"}}|{{repeat 0 \"ab\"}}|", "ababab||"},
        {"{{contains \"ell\" .word}} {{contains \"x\" .word}} {{hasPrefix \"he\" .word}} "
         "{{hasSuffix \"lo\" .word}} {{hasSuffix \"x\" .word}}",
         "true false true true false"},
        {"{{regexReplaceAll \"l+\" .word \"[$0]\"}}", "he[ll]o"},
        {"{{regexReplaceAll \"(h)(e)\" .word \"$2$1\"}}", "ehllo"},
        {"{{regexReplaceAllLiteral \"l+\" .word \"$0\"}}", "he$0o"},
        {"{{regexReplaceAll \"x*\" \"abc\" \"-\"}}", "-a-b-c-"},
        {"{{regexReplaceAll \"a*\" \"baac\" \"-\"}}", "-b-c-"},
        {"{{regexReplaceAll .word \"say hello\" \"X\"}}", "say X"},
        {"{{count \"l\" .word}} {{count \"z\" .word}} {{.word | count \"[a-z]\"}}", "2 0 5"},
        {"{{urlencode \"a b&c=/\xc3\xa9\"}} {{urldecode \"a+b%26\"}}", "a+b%26c%3D%2F%C3%A9 a b&"},
        {"{{b64enc \"hello\"}} {{b64dec \"aGVsbG8=\"}} {{b64dec \"aGVsbG8\"}} {{b64enc \"\"}}|",
         "aGVsbG8= hello hello |"},
        {"{{b64dec \"a*\"}}", "illegal base64 data at input byte 1"},
        {"{{b64enc \"a\"}} {{b64enc \"ab\"}} {{b64enc \"abc\"}}", "YQ== YWI= YWJj"},
        {"{{default \"d\" .none}} {{default \"d\" .word}} {{.none | default 5}}", "d hello 5"},
        {"{{html \"<a b='c'>\"}}", "&lt;a b=&#39;c&#39;&gt;"},
        {"{{print 1 2 \"a\" 3}} {{println \"a\" 1}}|", "1 2a3 a 1\n|"},
    };
    CHECK(cases);
}

Test(template, numbers)
{
    static const struct template_case cases[] = {
        {"{{add 1 2 3}} {{sub 5 2}} {{mul 2 3 4}} {{div 7 2}} {{mod 7 3}} {{div -7 2}}",
         "6 3 24 3 1 -3"},
        {"{{add .a \"2\" \"x\"}} {{add \"3.0\" 1.9}}", "3 4"},
        {"{{addf 0.1 0.2}} {{subf 1 0.9}} {{mulf 1.1 1.1}} {{divf 1 3}} {{divf 10 4}}",
         "0.3 0.1 1.21 0.3333333333333333 2.5"},
        {"{{max 1 5 3}} {{min 4 2 9}} {{maxf 1.5 2.5}} {{minf 1.5 2.5}}", "5 2 2.5 1.5"},
        {"{{ceil 1.2}} {{floor 1.8}} {{round 1.25 1}} {{round 123.5555 3}} {{round .n 0}}",
         "2 1 1.3 123.556 43"},
        {"{{round 1.24 1 0.3}}", "1.3"},
        {"{{int .n}} {{int \"42\"}} {{float64 .n}} {{int \"x\"}}", "0 42 42.5 0"},
        {"{{bytes \"2 KB\"}} {{bytes \"1KiB\"}} {{duration \"1h30m\"}} {{duration_seconds "
         "\"250ms\"}}",
         "2000 1024 5400 0.25"},
        {"{{eq .a \"1\"}} {{eq 1 2 1}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}}",
         "true true true true true false true"},
        {"{{lt \"a\" \"b\"}} {{gt 1.5 0.5}} {{eq true true}} {{eq .none \"\"}}",
         "true true true true"},
        {"{{and 1 0 2}} {{and 1 2}} {{or 0 3 4}} {{or 0 \"\"}}| {{not 1}} {{not .none}}",
         "0 2 3 | false true"},
        {"{{and .none (div 1 0)}}|{{or 1 (div 1 0)}}", "|1"},
        {"{{max .a 0 | add 4}}", "5"},
        {"{{1e21}} {{1e20}} {{0.00001}} {{float64 3}} {{1000000.0}} {{123456.5}} {{1234567.5}}",
         "1e+21 1e+20 1e-05 3 1e+06 123456.5 1.2345675e+06"},
        {"{{9223372036854775807 | add 1}}", "-9223372036854775808"},
        {"{{div -9223372036854775808 -1}}", "-9223372036854775808"},
        {"{{unixEpoch __timestamp__}} {{unixEpochMillis __timestamp__}} {{unixEpochNanos "
         "__timestamp__}}",
         "1700000000 1700000000123 1700000000123456789"},
        {"{{__timestamp__}}", "2023-11-14 22:13:20.123456789 +0000 UTC"},
        {"{{date \"2006-01-02T15:04:05.000Z07:00\" __timestamp__}}", "2023-11-14T22:13:20.123Z"},
        {"{{date \"Mon Jan _2 3:04PM 06\" 0}}", "Thu Jan  1 12:00AM 70"},
        {"{{date \"Monday January 2 pm -0700 MST .99 002 01/02\" 951868800}}",
         "Wednesday March 1 am +0000 UTC  061 03/01"},
        {"{{date \"15:04:05.999\" (unixToTime \"1700000000120\")}}", "22:13:20.12"},
        {"{{unixToTime \"19675\" | unixEpoch}} {{unixToTime \"1700000000\" | unixEpoch}} "
         "{{unixToTime \"1700000000123456\" | unixEpochNanos}}",
         "1699920000 1700000000 1700000000123456000"},
        {"{{toDate \"2006-01-02\" \"2023-11-14\" | unixEpoch}}", "1699920000"},
        {"{{toDate \"2006-01-02T15:04:05Z07:00\" \"2023-11-14T22:13:20+01:00\" | unixEpoch}}",
         "1699996400"},
        {"{{toDate \"2006-01-02T15:04:05Z\" \"2023-11-14T22:13:20.5Z\" | unixEpochMillis}}",
         "1700000000500"},
        {"{{toDate \"Jan _2 2006 3:04pm\" \"Nov 14 2023 10:13PM\" | unixEpoch}}", "1699999980"},
        {"{{toDate \"2006-01-02\" \"2023-02-30\"}}", "0001-01-01 00:00:00 +0000 UTC"},
        {"{{toDate \"2006-01-02\" \"2024-02-29\" | date \"02.01.2006\"}}", "29.02.2024"},
        {"{{toDateInZone \"2006-01-02\" \"UTC\" \"2023-11-14\" | unixEpoch}}", "1699920000"},
        {"{{toDate \"2006-01-02 -0700\" \"2023-11-14 +0530\"}}", "2023-11-14 00:00:00 +0530 +0530"},
    };
    CHECK(cases);
}

Test(template, printf)
{
    static const struct template_case cases[] = {
        {"{{printf \"%s %d %v %v\" .word 5 1.5 true}}", "hello 5 1.5 true"},
        {"{{printf \"%5d|%-5d|%05d|%+d\" 42 42 42 42}}", "   42|42   |00042|+42"},
        {"{{printf \"%05d|%x|%X|%#x|%o|%b|%c|%U\" -42 255 255 255 8 5 65 233}}",
         "-0042|ff|FF|0xff|10|101|A|U+00E9"},
        {"{{printf \"%8s|%-8s|%.2s|%q|%x\" .word .word .word .word \"hi\"}}",
         "   hello|hello   |he|\"hello\"|6869"},
        {"{{printf \"%f|%.2f|%8.2f|%e|%g|%.3g\" 1.5 1.5 1.5 1.5 1.5 1.23456}}",
         "1.500000|1.50|    1.50|1.500000e+00|1.5|1.23"},
        {"{{printf \"%+.1f|%08.2f\" 1.5 -1.5}}", "+1.5|-0001.50"},
        {"{{printf \"%t|%T|%T|%%\" true .a 1}}", "true|string|int|%"},
        {"{{printf \"%d|%s|%t\" .word 5 5}}", "%!d(string=hello)|%!s(int=5)|%!t(int=5)"},
        {"{{printf \"%f\" 5}}", "%!f(int=5)"},
        {"{{printf \"%d\"}}", "%!d(MISSING)"},
        {"{{printf \"x\" 1 \"a\"}}", "x%!(EXTRA int=1, string=a)"},
        {"{{printf \"%\"}}", "%!(NOVERB)"},
        {"{{printf \"%*d\" 5 42}}", "   42"},
        {"{{printf \"%z\" 1}}", "%!z(int=1)"},
        {"{{.word | printf \"%s:%s\" .a}}", "1:hello"},
        {"{{printf \"%v %v\" (fromJson .j).list nil}}", "[1 two <nil> [3]] <nil>"},
        {"{{printf \"%6.2f%%\" 12.345}}", " 12.35%"},
    };
    CHECK(cases);
}

/* Goal: no template takes long, however it loops, nests or grows. */
Test(template, work_and_output_are_limited)
{
    static const char *const texts[] = {
        "{{range 99999999999}}{{end}}",
        "{{range 99999999999}}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{{end}}",
        "{{$x := .word}}{{range 100}}{{$x = print $x $x}}{{end}}",
        "{{repeat 9999999 .word}}",
        "{{range 1000000}}{{count .word __line__}}{{end}}",
        "{{range 100000}}{{alignLeft 100000 \"x\" | len}}{{end}}",
        "{{range 100000}}{{repeat 1000 .word | regexReplaceAll \"h.*o\" .word}}{{end}}",
        "{{printf \"%4096d%4096d%4096d\" 1 2 3 | repeat 9999}}",
        "{{range 9999999}}{{fromJson $.j}}{{end}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t start = clock_mono_ns(clock_real());
        const char *got = run(texts[i]);
        int64_t took = clock_mono_ns(clock_real()) - start;
        cr_expect(got[0] == '!', "%s: %.80s", texts[i], got);
        cr_expect_lt(took, 3 * NS_PER_S, "%s: %lld ms", texts[i], (long long)(took / NS_PER_MS));
    }
}

static const char *nested(const char *open, const char *middle, const char *close, int times)
{
    static struct writer text;
    writer_reset(&text);
    for (int i = 0; i < times; i++)
        writer_text(&text, open);
    writer_text(&text, middle);
    for (int i = 0; i < times; i++)
        writer_text(&text, close);
    writer_u8(&text, '\0');
    return (const char *)text.at;
}

Test(template, depth_is_limited)
{
    cr_expect_str_eq(run(nested("{{if 1}}", "x", "{{end}}", TEMPLATE_DEPTH_MAX)), "x");
    cr_expect_neq(strstr(run(nested("{{if 1}}", "x", "{{end}}", TEMPLATE_DEPTH_MAX + 1)), "levels"),
                  NULL);
    struct writer text = {0};
    writer_format(&text, "{{%s}}", nested("(", ".a", ")", TEMPLATE_DEPTH_MAX));
    writer_u8(&text, '\0');
    cr_expect_str_eq(run((const char *)text.at), "1");
    writer_reset(&text);
    writer_format(&text, "{{%s}}", nested("(", ".a", ")", TEMPLATE_DEPTH_MAX + 1));
    writer_u8(&text, '\0');
    cr_expect_neq(strstr(run((const char *)text.at), "levels"), NULL);
    writer_release(&text);
    cr_expect_neq(strstr(run(nested("{{.a}}", "", "", TEMPLATE_TEXT_MAX / 6 + 1)), "at most"),
                  NULL);
}
