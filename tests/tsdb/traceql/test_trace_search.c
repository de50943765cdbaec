/* Goal: searches give what TraceQL says, for every operator.  Method: a few traces written as
 * text, a table of queries and the spans that each must find, worked out by hand; asked of
 * spans that are open, of a hot group each, and sealed. */
#include "tests/tsdb/traceql/rig.h"

static const char *const traces[] = {
    "1: a GET svc=web server ms=100 http.status=200 path=/cart user=\"ann\"; "
    "b cart>a svc=cart client ms=40 at=5 retry=true n=3 price=9.99; "
    "c query>b svc=db ms=20 at=10 error message=timeout db.rows=12",
    "2: a POST svc=web server ms=300 http.status=500 error path=/pay; "
    "b pay>a svc=pay ms=250 at=10 ev=exception:20 ev.kind=\"io\" ev=retry:50; "
    "c audit>a svc=audit ms=30 at=20 ln=1:b; "
    "d query>b svc=db ms=10 at=30 db.rows=3 tags=[\"x\",\"y\"]",
    "3: a cron svc=job ms=5000 r.zone=\"eu\" zone=\"us\"; b step>a svc=job ms=2000 at=1 "
    "r.zone=\"eu\" "
    "scope=lib s.v=2; c step>a svc=job ms=1000 at=2001 r.zone=\"eu\"",
};

struct search_case {
    const char *query, *want;
};

static const struct search_case cases[] = {
    {"{ }", "3{a b c} 2{a b c d} 1{a b c}"},
    {"{ true }", "3{a b c} 2{a b c d} 1{a b c}"},
    {"{ false }", ""},
    {"{ name = \"query\" }", "2{d} 1{c}"},
    {"{ name != \"query\" }", "3{a b c} 2{a b c} 1{a b}"},
    {"{ name =~ \"q.*\" }", "2{d} 1{c}"},
    {"{ name =~ \"uer\" }", ""},
    {"{ name !~ \"q.*|step|cron\" }", "2{a b c} 1{a b}"},
    {"{ status = error }", "2{a(status=error)} 1{c(status=error)}"},
    {"{ status != error && name = \"query\" }", "2{d(status=unset)}"},
    {"{ kind = server }", "2{a(kind=server)} 1{a(kind=server)}"},
    {"{ kind = client || kind = server }", "2{a(kind=server)} 1{a(kind=server) b(kind=client)}"},
    {"{ duration > 250ms }", "3{a b c} 2{a}"},
    {"{ duration >= 250ms && duration < 1s }", "2{a b}"},
    {"{ statusMessage = \"timeout\" }", "1{c(statusMessage=timeout)}"},
    {"{ span.http.status = 200 }", "1{a(http.status=200)}"},
    {"{ span.http.status >= 200 }", "2{a(http.status=500)} 1{a(http.status=200)}"},
    {"{ span.http.status != 200 }", "2{a(http.status=500)}"},
    {"{ 300 > span.http.status }", "1{a(http.status=200)}"},
    {"{ span.price > 9 }", ""},
    {"{ span.price > 9.0 }", "1{b(price=9.99)}"},
    {"{ span.n > 2.5 }", ""},
    {"{ span.n = 3 }", "1{b(n=3)}"},
    {"{ span.n + 1 = 4 }", "1{b(n=3)}"},
    {"{ span.n * 2.5 > span.price - 3 }", "1{b(n=3 price=9.99)}"},
    {"{ span.n ^ 2 = 9 }", "1{b(n=3)}"},
    {"{ span.n % 2 = 1 }", "1{b(n=3)}"},
    {"{ -span.n = -3 }", "1{b(n=3)}"},
    {"{ span.retry }", "1{b(retry=true)}"},
    {"{ span.retry = false }", ""},
    {"{ !span.retry }", ""},
    {"{ !(span.retry = false) && name = \"cart\" }", "1{b(retry=true)}"},
    {"{ span.path != nil }", "2{a(path=/pay)} 1{a(path=/cart)}"},
    {"{ span.path = nil && kind = client }", "1{b(kind=client)}"},
    {"{ span.path < \"/d\" }", "1{a(path=/cart)}"},
    {"{ resource.service.name = \"db\" }", "2{d(service.name=db)} 1{c(service.name=db)}"},
    {"{ resource.service.name =~ \"d.|pay\" }",
     "2{b(service.name=pay) d(service.name=db)} 1{c(service.name=db)}"},
    {"{ .service.name = \"db\" && .db.rows > 5 }", "1{c(service.name=db db.rows=12)}"},
    {"{ .zone = \"eu\" }", "3{b(zone=eu) c(zone=eu)}"},
    {"{ .zone = \"us\" }", "3{a(zone=us)}"},
    {"{ resource.zone = \"eu\" && name = \"cron\" }", "3{a(zone=eu)}"},
    {"{ event:name = \"retry\" }", "2{b(event:name=exception)}"},
    {"{ event:name = \"retry\" && event.kind = \"io\" }", "2{b(event:name=exception kind=io)}"},
    {"{ event.kind = nil && name = \"pay\" }", ""},
    {"{ event:timeSinceStart > 30ms }", "2{b(event:timeSinceStart=20ms)}"},
    {"{ event:timeSinceStart > 50ms }", ""},
    {"{ link:spanID != \"\" }", "2{c(link:spanID=6200000000000000)}"},
    {"{ link:traceID = \"ab000000000000000000000000000001\" }",
     "2{c(link:traceID=ab000000000000000000000000000001)}"},
    {"{ span.tags = \"y\" }", "2{d(tags=[\"x\",\"y\"])}"},
    {"{ span.tags != \"x\" }", "2{d(tags=[\"x\",\"y\"])}"},
    {"{ span.tags =~ \"z|x\" }", "2{d(tags=[\"x\",\"y\"])}"},
    {"{ span.tags = \"z\" }", ""},
    {"{ instrumentation:name = \"lib\" }", "3{b(instrumentation:name=lib)}"},
    {"{ instrumentation.v = 2 }", "3{b(v=2)}"},
    {"{ trace:id = \"ab000000000000000000000000000002\" && name = \"pay\" }", "2{b}"},
    {"{ span:id = \"6300000000000000\" }", "3{c} 2{c} 1{c}"},
    {"{ span:parentID = \"6200000000000000\" }",
     "2{d(span:parentID=6200000000000000)} 1{c(span:parentID=6200000000000000)}"},
    {"{ nestedSetParent < 0 }",
     "3{a(nestedSetParent=-1)} 2{a(nestedSetParent=-1)} 1{a(nestedSetParent=-1)}"},
    {"{ span:childCount = 2 }", "3{a(span:childCount=2)} 2{a(span:childCount=2)}"},
    {"{ rootName = \"POST\" && name = \"query\" }", "2{d}"},
    {"{ rootServiceName = \"web\" && status = error }", "2{a(status=error)} 1{c(status=error)}"},
    {"{ traceDuration > 1s }", "3{a b c}"},
    {"{ rootName = \"POST\" } | count() > 3", "2{a b c d}[count()=4]"},
    {"{ span.http.status = 200 } && { name = \"query\" }", "1{a(http.status=200) c}"},
    {"{ span.http.status = 200 } || { name = \"query\" }", "2{d} 1{a(http.status=200) c}"},
    {"{ name = \"cart\" } > { name = \"query\" }", "1{c}"},
    {"{ kind = server } > { name = \"query\" }", ""},
    {"{ kind = server } >> { name = \"query\" }", "2{d(kind=unspecified)} 1{c(kind=unspecified)}"},
    {"{ name = \"query\" } < { }", "2{b} 1{b}"},
    {"{ name = \"query\" } << { }", "2{a b} 1{a b}"},
    {"{ name = \"pay\" } ~ { }", "2{c}"},
    {"{ name = \"step\" } ~ { name = \"step\" }", "3{b c}"},
    {"{ kind = server } !> { name = \"query\" || name = \"audit\" }",
     "2{d(kind=unspecified)} 1{c(kind=unspecified)}"},
    {"{ kind = server } !>> { name =~ \"query|step\" }",
     "3{b(kind=unspecified) c(kind=unspecified)}"},
    {"{ name = \"query\" } !< { kind = server }", "2{a(kind=server)} 1{a(kind=server)}"},
    {"{ name = \"query\" } !<< { name != \"cron\" && name != \"step\" }", "2{c d} 1{c}"},
    {"{ name = \"pay\" } !~ { name = \"audit\" || name = \"query\" }", "2{d} 1{c}"},
    {"{ kind = server } &> { name = \"audit\" }", "2{a(kind=server) c(kind=unspecified)}"},
    {"{ name = \"GET\" || name = \"POST\" } &>> { name = \"query\" }", "2{a d} 1{a c}"},
    {"{ name = \"query\" } &< { }", "2{b d} 1{b c}"},
    {"{ name = \"query\" } &<< { name =~ \"GET|POST\" }", "2{a d} 1{a c}"},
    {"{ name = \"pay\" } &~ { }", "2{b c}"},
    {"{ name = \"query\" } | select(.db.rows, resource.service.name)",
     "2{d(db.rows=3 service.name=db)} 1{c(db.rows=12 service.name=db)}"},
    {"{ } | count() = 3", "3{a b c}[count()=3] 1{a b c}[count()=3]"},
    {"{ resource.service.name = \"job\" } | avg(duration) > 2s",
     "3{a(service.name=job) b(service.name=job) c(service.name=job)}[avg(duration)=2.666666666s]"},
    {"{ } | max(duration) < 200ms", "1{a b c}[max(duration)=100ms]"},
    {"{ } | min(duration) < 15ms", "2{a b c d}[min(duration)=10ms]"},
    {"{ .db.rows > 0 } | sum(.db.rows) > 5", "1{c(db.rows=12)}[sum(.db.rows)=12]"},
    {"{ } | by(resource.service.name) | count() > 1",
     "3{a(service.name=job) b(service.name=job) c(service.name=job)}[by(resource.service.name)="
     "job count()=3]"},
    {"{ name =~ \"cart|query\" } | by(name)",
     "2{d}[by(name)=query] 1{b}[by(name)=cart]{c}[by(name)=query]"},
    {"{ name =~ \"cart|query\" } | by(name) | coalesce() | count() = 2", "1{b c}[count()=2]"},
    {"({ name = \"cart\" } | count() = 1) && { name = \"query\" }", "1{b c}"},
};

static void check(struct rig *r, const char *what)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = rig_search(r, cases[i].query);
        cr_expect_str_eq(got, cases[i].want, "%s, %s\n  got  %s\n  want %s", what, cases[i].query,
                         got, cases[i].want);
    }
}

static void put_all(struct rig *r, bool in_groups)
{
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++) {
        rig_trace_at(r, "", (int64_t)i * 10000, traces[i]);
        if (in_groups)
            rig_group(r);
    }
}

Test(trace_search, finds_what_the_query_says)
{
    struct rig r;
    rig_open(&r);
    put_all(&r, false);
    check(&r, "open");
    rig_seal(&r);
    check(&r, "sealed");
    rig_close(&r);
}

Test(trace_search, finds_the_same_over_several_groups)
{
    struct rig r;
    rig_open(&r);
    put_all(&r, true);
    check(&r, "groups");
    rig_close(&r);
}
