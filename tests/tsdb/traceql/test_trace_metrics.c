/* Goal: metric queries give what TraceQL says, function by function.  Method: the same spans
 * as columns (one filter) and as whole traces (a relation that changes nothing in front);
 * values worked out by hand.  A step at T covers (T - step, T]. */
#include "tests/tsdb/traceql/rig.h"

/* Starts at 0, 5 and 10 s; spans at +0, +1 and +2 s. */
static const char *const traces[] = {
    "1: a get svc=web ms=100 n=4; b db>a svc=db at=1000 ms=50 error x=1.5",
    "2: a get svc=web ms=300 n=8; b db>a svc=db at=1000 ms=150; c log>a svc=web at=2000 ms=20 n=1",
    "3: a put svc=api ms=1000 n=100; b db>a svc=db at=1000 ms=10 x=0.25",
};

struct metric_case {
    const char *query, *want;
};

static const struct metric_case cases[] = {
    {"{ } | rate()", "{__name__=rate} 0:0.2 5:0.4 10:0.6 15:0.2"},
    {"{ } | count_over_time()", "{__name__=count_over_time} 0:1 5:2 10:3 15:1"},
    {"{ status = error } | count_over_time()", "{__name__=count_over_time} 0:0 5:1 10:0 15:0"},
    {"{ name = \"nothing\" } | rate()", "{__name__=rate} 0:0 5:0 10:0 15:0"},
    {"{ } | count_over_time() by (resource.service.name)",
     "{resource.service.name=api} 0:0 5:0 10:1 15:0\n"
     "{resource.service.name=db} 0:0 5:1 10:1 15:1\n"
     "{resource.service.name=web} 0:1 5:1 10:1 15:0"},
    {"{ } | count_over_time() by (name, .service.name)",
     "{.service.name=api, name=put} 0:0 5:0 10:1 15:0\n"
     "{.service.name=db, name=db} 0:0 5:1 10:1 15:1\n"
     "{.service.name=web, name=get} 0:1 5:1 10:0 15:0\n"
     "{.service.name=web, name=log} 0:0 5:0 10:1 15:0"},
    {"{ } | count_over_time() by (span.n)", "{span.n=nil} 0:0 5:1 10:1 15:1\n"
                                            "{span.n=int(1)} 0:0 5:0 10:1 15:0\n"
                                            "{span.n=int(4)} 0:1 5:0 10:0 15:0\n"
                                            "{span.n=int(8)} 0:0 5:1 10:0 15:0\n"
                                            "{span.n=int(100)} 0:0 5:0 10:1 15:0"},
    {"{ name = \"db\" } | count_over_time() by (status, span.x)",
     "{span.x=double(0.25), status=unset} 0:0 5:0 10:0 15:1\n"
     "{span.x=double(1.5), status=error} 0:0 5:1 10:0 15:0\n"
     "{status=unset} 0:0 5:0 10:1 15:0"},
    {"{ } | max_over_time(duration)", "{__name__=max_over_time} 0:0.1 5:0.3 10:1 15:0.01"},
    {"{ } | min_over_time(duration)", "{__name__=min_over_time} 0:0.1 5:0.05 10:0.02 15:0.01"},
    {"{ } | sum_over_time(span.n)", "{__name__=sum_over_time} 0:4 5:8 10:101"},
    {"{ } | avg_over_time(span.n)", "{__name__=avg_over_time} 0:4 5:8 10:50.5"},
    {"{ name = \"db\" } | avg_over_time(duration) by (resource.service.name)",
     "{resource.service.name=db} 5:0.05 10:0.15 15:0.01"},
    {"{ } | min_over_time(span.x) by (name)", "{name=db} 5:1.5 15:0.25"},
    {"{ } | quantile_over_time(duration, .5, 1)",
     "{p=double(0.5)} 0:0.1 5:0.05 10:0.15 15:0.01\n{p=double(1)} 0:0.1 5:0.3 10:1 15:0.01"},
    {"{ name = \"get\" } | histogram_over_time(span.n)",
     "{__bucket=double(4)} 0:1 5:0 10:0 15:0\n{__bucket=double(8)} 0:0 5:1 10:0 15:0"},
    {"{ name = \"log\" } | histogram_over_time(span.n)", ""},
    {"{ name = \"db\" } | histogram_over_time(duration) by (name)",
     "{__bucket=double(0.016777216), name=db} 0:0 5:0 10:0 15:1\n"
     "{__bucket=double(0.067108864), name=db} 0:0 5:1 10:0 15:0\n"
     "{__bucket=double(0.268435456), name=db} 0:0 5:0 10:1 15:0"},
    {"{ } | count_over_time() by (name) | topk(1)", "{name=db} 5:1 10:1 15:1\n{name=get} 0:1"},
    {"{ } | count_over_time() by (name) > 0",
     "{name=db} 5:1 10:1 15:1\n{name=get} 0:1 5:1\n{name=log} 10:1\n{name=put} 10:1"},
    {"{ } | count_over_time() by (name) | bottomk(1)",
     "{name=db} 0:0\n{name=get} 10:0 15:0\n{name=log} 5:0"},
    {"({ } | count_over_time()) * 2", "{__name__=count_over_time} 0:2 5:4 10:6 15:2"},
    {"({ status = error } | count_over_time()) / ({ } | count_over_time())",
     "{__name__=(count_over_time / count_over_time)} 0:0 5:0.5 10:0 15:0"},
    {"({ } | count_over_time() by (name)) / ({ } | count_over_time())",
     "{name=db} 0:0 5:0.5 10:0.3333333333333333 15:1\n"
     "{name=get} 0:1 5:0.5 10:0 15:0\n"
     "{name=log} 0:0 5:0 10:0.3333333333333333 15:0\n"
     "{name=put} 0:0 5:0 10:0.3333333333333333 15:0"},
};

static void put_all(struct rig *r)
{
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++) {
        rig_trace_at(r, "", (int64_t)i * 5000, traces[i]);
        rig_group(r);
    }
}

Test(trace_metrics, functions_give_what_they_say)
{
    struct rig r;
    rig_open(&r);
    put_all(&r);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = rig_metric(&r, cases[i].query, 0, 15, 5);
        cr_expect_str_eq(got, cases[i].want, "%s\n  got  %s\n  want %s", cases[i].query, got,
                         cases[i].want);
        cr_expect_eq(r.stats.spans_read, 0, "%s read spans", cases[i].query);
    }
    rig_close(&r);
}

/* "{ x } | f" as "{ x } && { x } | f": columns cannot tell whether both are there. */
static void through_traces(const char *query, char out[512])
{
    const char *end = strchr(query, '}') + 1;
    (void)snprintf(out, 512, "%.*s && %s", (int)(end - query), query, query);
}

/* Every span in a group of its own: no part has all of a trace. */
static void put_pieces(struct rig *r)
{
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++) {
        const char *span = strchr(traces[i], ':') + 1;
        while (*span) {
            char text[512];
            size_t len = strcspn(span, ";");
            (void)snprintf(text, sizeof text, "%zu:%.*s", i + 1, (int)len, span);
            rig_trace_at(r, "", (int64_t)i * 5000, text);
            rig_group(r);
            span += len + (span[len] == ';');
        }
    }
}

static void check_through_traces(struct rig *r, bool is_whole)
{
    char query[512];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i].query[0] == '(')
            continue;
        through_traces(cases[i].query, query);
        const char *got = rig_metric(r, query, 0, 15, 5);
        cr_expect_str_eq(got, cases[i].want, "%s\n  got  %s\n  want %s", query, got, cases[i].want);
        bool finds_none = strstr(query, "nothing") != NULL;
        cr_expect_eq(r->stats.spans_read > 0, is_whole && !finds_none, "%s read %llu spans", query,
                     (unsigned long long)r->stats.spans_read);
    }
}

Test(trace_metrics, traces_of_one_part_give_the_same)
{
    struct rig r;
    rig_open(&r);
    put_all(&r);
    check_through_traces(&r, false);
    rig_close(&r);
}

Test(trace_metrics, whole_traces_give_the_same)
{
    struct rig r;
    rig_open(&r);
    put_pieces(&r);
    check_through_traces(&r, true);
    rig_close(&r);
}

Test(trace_metrics, fields_of_the_trace_and_relations)
{
    struct rig r;
    rig_open(&r);
    put_all(&r);
    cr_expect_str_eq(rig_metric(&r, "{ } | count_over_time() by (rootName)", 0, 15, 5),
                     "{rootName=get} 0:1 5:2 10:2 15:0\n{rootName=put} 0:0 5:0 10:1 15:1");
    cr_expect_str_eq(
        rig_metric(&r, "{ name = \"get\" } > { name = \"db\" } | count_over_time()", 0, 15, 5),
        "{__name__=count_over_time} 0:0 5:1 10:1 15:0");
    cr_expect_str_eq(
        rig_metric(&r, "{ } | max_over_time(traceDuration)", 0, 15, 5),
        "{__name__=max_over_time} 0:1050000000 5:2020000000 10:2020000000 15:1010000000");
    rig_close(&r);
}

Test(trace_metrics, without_a_step_there_is_one_value)
{
    struct rig r;
    rig_open(&r);
    put_all(&r);
    cr_expect_str_eq(rig_metric(&r, "{ } | count_over_time()", -1, 15, 0),
                     "{__name__=count_over_time} 15:7");
    cr_expect_str_eq(rig_metric(&r, "{ } | rate()", 0, 10, 0), "{__name__=rate} 10:0.5");
    rig_close(&r);
}

Test(trace_metrics, exemplars_are_spans_of_their_series)
{
    struct rig r;
    rig_open(&r);
    put_all(&r);
    r.exemplars = 1;
    const char *one = rig_metric(&r, "{ name = \"put\" } | rate() by (name)", 0, 15, 5);
    cr_expect_str_eq(one, "{name=put} 0:0 5:0 10:0.2 15:0 #3/a");
    r.exemplars = 20;
    cr_expect_str_eq(rig_metric(&r, "{ } | rate() by (name) > 0", 0, 15, 5),
                     "{name=db} 5:0.2 10:0.2 15:0.2 #1/b #2/b #3/b\n"
                     "{name=get} 0:0.2 5:0.2 #1/a #2/a\n"
                     "{name=log} 10:0.2 #2/c\n"
                     "{name=put} 10:0.2 #3/a");
    cr_expect_str_eq(
        rig_metric(&r, "{ } | quantile_over_time(duration, .5, 1) by (name) | topk(9)", 10, 10, 5),
        "{name=db, p=double(0.5)} 10:0.15 #2/b\n{name=db, p=double(1)} 10:0.15\n"
        "{name=log, p=double(0.5)} 10:0.02 #2/c\n{name=log, p=double(1)} 10:0.02\n"
        "{name=put, p=double(0.5)} 10:1 #3/a\n{name=put, p=double(1)} 10:1");
    rig_close(&r);
}

/* Method: one attribute with more values than are asked for, an error to select; through
 * columns, and through traces that must be read. */
Test(trace_metrics, compare_counts_values_on_both_sides)
{
    struct rig r;
    rig_open(&r);
    rig_trace_at(&r, "", 1000,
                 "1: a get svc=web zone=a; b get>a svc=web zone=a; c get>a svc=web zone=b error");
    rig_group(&r);
    rig_trace_at(&r, "", 7000, "2: a get svc=web zone=c; b get>a svc=db zone=a error");
    const char *want = "{__meta_type=baseline, kind=unspecified} 5:2 10:1\n"
                       "{__meta_type=baseline, name=get} 5:2 10:1\n"
                       "{__meta_type=baseline, resource.service.name=web} 5:2 10:1\n"
                       "{__meta_type=baseline, span.zone=a} 5:2 10:0\n"
                       "{__meta_type=baseline, status=unset} 5:2 10:1\n"
                       "{__meta_type=baseline, statusMessage=} 5:2 10:1\n"
                       "{__meta_type=baseline_total, kind=nil} 5:2 10:1\n"
                       "{__meta_type=baseline_total, name=nil} 5:2 10:1\n"
                       "{__meta_type=baseline_total, resource.service.name=nil} 5:2 10:1\n"
                       "{__meta_type=baseline_total, span.zone=nil} 5:2 10:1\n"
                       "{__meta_type=baseline_total, status=nil} 5:2 10:1\n"
                       "{__meta_type=baseline_total, statusMessage=nil} 5:2 10:1\n"
                       "{__meta_type=selection, kind=unspecified} 5:1 10:1\n"
                       "{__meta_type=selection, name=get} 5:1 10:1\n"
                       "{__meta_type=selection, resource.service.name=db} 5:0 10:1\n"
                       "{__meta_type=selection, span.zone=a} 5:0 10:1\n"
                       "{__meta_type=selection, status=error} 5:1 10:1\n"
                       "{__meta_type=selection, statusMessage=} 5:1 10:1\n"
                       "{__meta_type=selection_total, kind=nil} 5:1 10:1\n"
                       "{__meta_type=selection_total, name=nil} 5:1 10:1\n"
                       "{__meta_type=selection_total, resource.service.name=nil} 5:1 10:1\n"
                       "{__meta_type=selection_total, span.zone=nil} 5:1 10:1\n"
                       "{__meta_type=selection_total, status=nil} 5:1 10:1\n"
                       "{__meta_type=selection_total, statusMessage=nil} 5:1 10:1";
    cr_expect_str_eq(rig_metric(&r, "{ } | compare({ status = error }, 1)", 5, 10, 5), want);
    cr_expect_eq(r.stats.spans_read, 0);
    cr_expect_str_eq(rig_metric(&r, "{ } && { } | compare({ status = error }, 1)", 5, 10, 5), want);
    cr_expect_gt(r.stats.spans_read, 0);
    const char *none = rig_metric(&r, "{ } | compare({ status = error }, 1, 1, 2)", 5, 10, 5);
    cr_expect_null(strstr(none, "=selection"), "%s", none);
    rig_close(&r);
}
