/* Goal: names and values of attributes, by place, filter, tenant and range; none of another
 * tenant's.  Method: two tenants in one group, asked for as text. */
#include "tests/tsdb/traceql/rig.h"

#include "tsdb/traceql/trace_scope.h"

static bool put_tag(void *arg, enum tsdb_trace_place place, struct tsdb_text name)
{
    static const char *const places[] = {"any", "resource", "span", "event", "link", "scope"};
    struct writer *out = arg;
    writer_format(out, "%s%s:%.*s", out->len ? " " : "", places[place], (int)name.len, name.at);
    return true;
}

static bool put_value(void *arg, uint8_t type, struct tsdb_text value)
{
    static const char *const types[] = {"", "i:", "d:", "b:", "bytes:", "id:", "json:"};
    struct writer *out = arg;
    writer_format(out, "%s%s%.*s", out->len ? " " : "", types[type], (int)value.len, value.at);
    return true;
}

static struct tsdb_trace_scope scope_of(const char *tenant, const char *query)
{
    return (struct tsdb_trace_scope){.tenant = tenant,
                                     .start = RIG_NOW - NS_PER_DAY,
                                     .end = RIG_NOW + NS_PER_DAY,
                                     .query = text_of(query)};
}

static const char *tags(struct rig *r, const struct tsdb_trace_scope *scope,
                        enum tsdb_trace_place place)
{
    struct trace_store store = rig_store(r);
    struct tsdb_error err = {0};
    writer_reset(&r->text);
    if (trace_scope_tags(&store, scope, place, put_tag, &r->text, &err) != TSDB_OK)
        writer_format(&r->text, "error: %s", err.msg);
    return rig_text(r);
}

static const char *values(struct rig *r, const struct tsdb_trace_scope *scope,
                          enum tsdb_trace_place place, const char *name)
{
    struct trace_store store = rig_store(r);
    struct tsdb_error err = {0};
    writer_reset(&r->text);
    if (trace_scope_values(&store, scope, place, text_of(name), put_value, &r->text, &err) !=
        TSDB_OK)
        writer_format(&r->text, "error: %s", err.msg);
    return rig_text(r);
}

static void fill(struct rig *r)
{
    rig_open(r);
    rig_trace_at(r, "", 0,
                 "1: a GET svc=web server http.status=200 ev=log ev.level=\"info\"; "
                 "b query>a svc=db r.zone=eu http.status=404 error x=1.5 s.v=2 scope=lib");
    rig_trace_at(r, "", 5000, "2: a POST svc=web x=\"text\" x2=true tags=[1] ln=1:a");
    rig_trace_at(r, "other", 0, "3: a SECRET svc=hidden r.theirs=1 theirs=2 http.status=999 error");
}

static void check(struct rig *r)
{
    struct tsdb_trace_scope all = scope_of("", "");
    cr_expect_str_eq(tags(r, &all, TSDB_PLACE_ANY),
                     "resource:service.name resource:zone span:http.status span:tags span:x "
                     "span:x2 event:level scope:v");
    cr_expect_str_eq(tags(r, &all, TSDB_PLACE_RESOURCE), "resource:service.name resource:zone");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_SPAN, "http.status"), "i:200 i:404");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_SPAN, "x"), "text d:1.5");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_ANY, "x2"), "b:true");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_ANY, "tags"), "json:[1]");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_RESOURCE, "service.name"), "db web");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_EVENT, "level"), "info");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_SCOPE, "v"), "i:2");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_SPAN, "service.name"), "");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_INTRINSIC, "name"), "GET POST query");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_INTRINSIC, "span:status"), "error unset");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_INTRINSIC, "kind"), "server unspecified");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_INTRINSIC, "rootName"), "GET POST");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_INTRINSIC, "trace:rootService"), "web");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_INTRINSIC, "event:name"), "log");
    cr_expect_str_eq(values(r, &all, TSDB_PLACE_INTRINSIC, "duration"), "");
    struct tsdb_trace_scope errors = scope_of("", "{ status = error } | rate()");
    cr_expect_str_eq(tags(r, &errors, TSDB_PLACE_ANY),
                     "resource:service.name resource:zone span:http.status span:x scope:v");
    cr_expect_str_eq(values(r, &errors, TSDB_PLACE_SPAN, "http.status"), "i:404");
    cr_expect_str_eq(values(r, &errors, TSDB_PLACE_RESOURCE, "service.name"), "db");
    cr_expect_str_eq(values(r, &errors, TSDB_PLACE_INTRINSIC, "rootName"), "");
    struct tsdb_trace_scope none = scope_of("", "{ name = \"SECRET\" }");
    cr_expect_str_eq(tags(r, &none, TSDB_PLACE_ANY), "");
    struct tsdb_trace_scope other = scope_of("other", "");
    cr_expect_str_eq(tags(r, &other, TSDB_PLACE_ANY),
                     "resource:service.name resource:theirs span:http.status span:theirs");
    cr_expect_str_eq(values(r, &other, TSDB_PLACE_SPAN, "http.status"), "i:999");
}

Test(trace_scope, names_and_values_of_one_tenant)
{
    struct rig r;
    fill(&r);
    check(&r);
    rig_group(&r);
    check(&r);
    rig_seal(&r);
    check(&r);
    rig_close(&r);
}

Test(trace_scope, limits_ranges_and_wrong_queries)
{
    struct rig r;
    fill(&r);
    struct tsdb_trace_scope scope = scope_of("", "");
    scope.limit = 2;
    cr_expect_str_eq(values(&r, &scope, TSDB_PLACE_INTRINSIC, "name"), "GET POST");
    cr_expect_str_eq(tags(&r, &scope, TSDB_PLACE_ANY), "resource:service.name resource:zone");
    scope = scope_of("", "");
    scope.end = RIG_NOW - NS_PER_HOUR;
    cr_expect_str_eq(tags(&r, &scope, TSDB_PLACE_ANY), "");
    scope = scope_of("", "{ status = ");
    cr_expect_eq(strncmp(tags(&r, &scope, TSDB_PLACE_ANY), "error: parse error", 18), 0);
    rig_close(&r);
}
