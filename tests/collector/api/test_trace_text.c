#include "collector/api/trace_text.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(trace_text, .timeout = 60);

static const char *end(struct trace_filter *f)
{
    static char text[1024];
    struct tsdb_text all = trace_filter_end(f);
    (void)snprintf(text, sizeof text, "%.*s", (int)all.len, all.at);
    writer_release(&f->text);
    *f = (struct trace_filter){0};
    return text;
}

static const char *tag(const char *name, const char *value, enum tag_manner manner)
{
    struct trace_filter f = {0};
    trace_filter_tag(&f, text_of(name), text_of(value), manner);
    return end(&f);
}

Test(trace_text, conditions_are_joined)
{
    struct trace_filter f = {0};
    cr_assert_str_eq(end(&f), "{}");
    trace_filter_equal(&f, "resource.service.name", text_of("shop"));
    trace_filter_equal(&f, "name", text_of("GET /"));
    trace_filter_duration(&f, "duration", ">=", 1200000000);
    trace_filter_raw(&f, "status = ok");
    cr_assert_str_eq(end(&f), "{ resource.service.name = \"shop\" && name = \"GET /\" && duration "
                              ">= 1200000000ns && status = ok }");
}

Test(trace_text, tags_are_looked_for_in_every_type_they_may_have)
{
    static const char *const cases[][3] = {
        {"http.method", "GET", "{ .http.method = \"GET\" }"},
        {"code", "500", "{ (.code = \"500\" || .code = 500 || .code = 500.0) }"},
        {"code", "-5", "{ (.code = \"-5\" || .code = -5 || .code = -5.0) }"},
        {"ratio", "0.25", "{ (.ratio = \"0.25\" || .ratio = 0.25) }"},
        {"hit", "true", "{ (.hit = \"true\" || .hit = true) }"},
        {"hit", "False", "{ .hit = \"False\" }"},
        {"v", "1.2.3", "{ .v = \"1.2.3\" }"},
        {"v", "5.", "{ .v = \"5.\" }"},
        {"v", ".5", "{ .v = \".5\" }"},
        {"v", "-", "{ .v = \"-\" }"},
        {"v", "1e5", "{ .v = \"1e5\" }"},
        {"v", "", "{ .v = \"\" }"},
        {"v", "1234567890123456789", "{ .v = \"1234567890123456789\" }"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_str_eq(tag(cases[i][0], cases[i][1], TAG_JAEGER), cases[i][2]);
}

Test(trace_text, what_people_type_stays_text)
{
    cr_assert_str_eq(tag("a", "\" } || { true", TAG_JAEGER), "{ .a = \"\\\" } || { true\" }");
    cr_assert_str_eq(tag("a", "\\\"", TAG_JAEGER), "{ .a = \"\\\\\\\"\" }");
    cr_assert_str_eq(tag("a", "x\ny\tz", TAG_JAEGER), "{ .a = \"x\\ny\\tz\" }");
    cr_assert_str_eq(tag("a b", "x", TAG_JAEGER), "{ .\"a b\" = \"x\" }");
    cr_assert_str_eq(tag("a=1 } | {", "x", TAG_JAEGER), "{ .\"a=1 } | {\" = \"x\" }");
    cr_assert_str_eq(tag("q\"uote", "x", TAG_JAEGER), "{ .\"q\\\"uote\" = \"x\" }");
    cr_assert_str_eq(tag(".x", "x", TAG_JAEGER), "{ .\".x\" = \"x\" }");
    cr_assert_str_eq(tag("", "x", TAG_JAEGER), "{}");
}

Test(trace_text, some_tags_are_what_spans_have)
{
    cr_assert_str_eq(tag("error", "true", TAG_JAEGER), "{ status = error }");
    cr_assert_str_eq(tag("error", "false", TAG_JAEGER), "{ status != error }");
    cr_assert_str_eq(tag("error", "oops", TAG_JAEGER), "{ .error = \"oops\" }");
    cr_assert_str_eq(tag("span.kind", "server", TAG_JAEGER), "{ kind = server }");
    cr_assert_str_eq(tag("span.kind", "odd", TAG_JAEGER), "{ .span.kind = \"odd\" }");
    cr_assert_str_eq(tag("otel.status_code", "ERROR", TAG_JAEGER), "{ status = error }");
    cr_assert_str_eq(tag("otel.scope.name", "lib", TAG_JAEGER),
                     "{ instrumentation:name = \"lib\" }");
    cr_assert_str_eq(tag("otel.scope.name", "lib", TAG_TEMPO), "{ .otel.scope.name = \"lib\" }");
    cr_assert_str_eq(tag("name", "GET", TAG_TEMPO), "{ name = \"GET\" }");
    cr_assert_str_eq(tag("name", "GET", TAG_JAEGER), "{ .name = \"GET\" }");
    cr_assert_str_eq(tag("root.service.name", "a", TAG_TEMPO), "{ rootServiceName = \"a\" }");
    cr_assert_str_eq(tag("status.code", "ok", TAG_TEMPO), "{ status = ok }");
}

static const char *logfmt(const char *text)
{
    struct trace_filter f = {0};
    bool is_valid = trace_filter_logfmt(&f, text_of(text));
    const char *out = end(&f);
    return is_valid ? out : "no";
}

Test(trace_text, logfmt_is_a_list_of_tags)
{
    cr_assert_str_eq(logfmt(""), "{}");
    cr_assert_str_eq(logfmt("  service.name=foo error=true "),
                     "{ .service.name = \"foo\" && status = error }");
    cr_assert_str_eq(logfmt("a=\"x y\\\"z\" b="), "{ .a = \"x y\\\"z\" && .b = \"\" }");
    cr_assert_str_eq(logfmt("a"), "no");
    cr_assert_str_eq(logfmt("=a"), "no");
    cr_assert_str_eq(logfmt("a=\"x"), "no");
    cr_assert_str_eq(logfmt("a=\"x\"y"), "no");
    cr_assert_str_eq(logfmt("a=x\"y"), "no");
    cr_assert_str_eq(logfmt("a=\"\\q\""), "no");
}

static const char *json(const char *text)
{
    struct trace_filter f = {0};
    bool is_valid = trace_filter_json(&f, text_of(text));
    const char *out = end(&f);
    return is_valid ? out : "no";
}

Test(trace_text, an_object_is_a_list_of_tags)
{
    cr_assert_str_eq(json("{}"), "{}");
    cr_assert_str_eq(
        json("{\"a\":\"x\",\"b\":true,\"c\":5}"),
        "{ .a = \"x\" && (.b = \"true\" || .b = true) && (.c = \"5\" || .c = 5 || .c = "
        "5.0) }");
    cr_assert_str_eq(json("{\"a\\u0020b\":\"\\\"\"}"), "{ .\"a b\" = \"\\\"\" }");
    cr_assert_str_eq(json(""), "no");
    cr_assert_str_eq(json("[]"), "no");
    cr_assert_str_eq(json("{\"a\":null}"), "no");
    cr_assert_str_eq(json("{\"a\":{}}"), "no");
    cr_assert_str_eq(json("{\"a\":\"x\""), "no");
    cr_assert_str_eq(json("{} x"), "no");
    cr_assert_str_eq(json("{\"a\":\"\\ud800\"}"), "no");
}
