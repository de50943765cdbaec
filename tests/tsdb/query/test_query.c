#include "fake_store.h"

#include <criterion/criterion.h>

#include "tsdb/base/text.h"

#include <criterion/parameterized.h>
#include <stdio.h>

struct rig {
    struct metrics *m;
    struct clock_sim clock;
    struct budget budget;
    struct query_store store;
};

static void rig_init(struct rig *r, uint32_t series, uint32_t samples)
{
    r->m = fake_new();
    clock_sim_init(&r->clock, 0);
    budget_init(&r->budget, UINT64_MAX, NULL);
    r->store = (struct query_store){r->m, &r->clock.clock, &r->budget};
    double *values = MEM_ARRAY(double, samples);
    for (uint32_t i = 0; i < samples; i++)
        values[i] = i;
    for (uint32_t i = 0; i < series; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "x{i=\"%u\"}", i);
        fake_load(r->m, name, NS_PER_S, values, samples);
    }
    mem_free(values);
}

static void rig_release(struct rig *r)
{
    cr_assert_eq(budget_used(&r->budget), 0, "memory is left");
    fake_free(r->m);
}

/* How the query ends; TSDB_END is well. */
static enum tsdb_status end_of(struct rig *r, const char *text,
                               const struct tsdb_query_options *options, struct tsdb_error *err)
{
    struct query *q = NULL;
    struct tsdb_result got;
    enum tsdb_status st = query_open(&r->store, text_of(text), options, &q, err);
    while (st == TSDB_OK)
        st = query_next(q, &got, err);
    query_close(q);
    return st;
}

Test(query, limits_name_themselves)
{
    struct rig r;
    rig_init(&r, 100, 1000);
    struct tsdb_error err;
    struct tsdb_query_options options = {.start = 600 * NS_PER_S, .end = 600 * NS_PER_S};
    cr_assert_eq(end_of(&r, "sum(rate(x[10m]))", &options, &err), TSDB_END);
    options.samples_max = 100 * 600;
    cr_assert_eq(end_of(&r, "sum(rate(x[10m]))", &options, &err), TSDB_END);
    options.samples_max--;
    cr_assert_eq(end_of(&r, "sum(rate(x[10m]))", &options, &err), TSDB_ELIMIT);
    cr_assert(strstr(err.msg, "samples_max of 59999"), "%s", err.msg);
    options.samples_max = 0;
    options.series_max = 99;
    cr_assert_eq(end_of(&r, "x", &options, &err), TSDB_ELIMIT);
    cr_assert(strstr(err.msg, "series_max of 99"), "%s", err.msg);
    options.series_max = 150;
    cr_assert_eq(end_of(&r, "x", &options, &err), TSDB_END);
    cr_assert_eq(end_of(&r, "x + x", &options, &err), TSDB_ELIMIT);
    options.series_max = 0;
    options.bytes_max = 20000;
    cr_assert_eq(end_of(&r, "sum by (i) (x + x)", &options, &err), TSDB_ELIMIT);
    cr_assert(strstr(err.msg, "bytes_max of 20000"), "%s", err.msg);
    options.bytes_max = 0;
    cr_assert_eq(end_of(&r, "sum_over_time(x[1y:1ms])", &options, &err), TSDB_ELIMIT);
    rig_release(&r);
}

Test(query, a_deadline_ends_it)
{
    struct rig r;
    rig_init(&r, 100, 1000);
    struct query *q;
    struct tsdb_error err;
    struct tsdb_result got;
    struct tsdb_query_options options = {
        .start = 600 * NS_PER_S, .end = 600 * NS_PER_S, .deadline = NS_PER_S};
    cr_assert_eq(query_open(&r.store, text_of("count_over_time(x[10m])"), &options, &q, &err),
                 TSDB_OK);
    clock_sim_advance(&r.clock, NS_PER_S + 1);
    cr_assert_eq(query_next(q, &got, &err), TSDB_ECANCELED);
    cr_assert(strstr(err.msg, "timed out"), "%s", err.msg);
    query_close(q);
    rig_release(&r);
}

Test(query, cancelling_ends_it)
{
    struct rig r;
    rig_init(&r, 100, 1000);
    struct query *q;
    struct tsdb_error err;
    struct tsdb_result got;
    struct tsdb_query_options options = {.start = 600 * NS_PER_S, .end = 600 * NS_PER_S};
    cr_assert_eq(query_open(&r.store, text_of("x[10m]"), &options, &q, &err), TSDB_OK);
    cr_assert_eq(query_next(q, &got, &err), TSDB_OK);
    cr_assert_eq(got.count, 600);
    query_cancel(q);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < 10 && st == TSDB_OK; i++)
        st = query_next(q, &got, &err);
    cr_assert_eq(st, TSDB_ECANCELED);
    cr_assert(strstr(err.msg, "canceled"), "%s", err.msg);
    query_close(q);
    rig_release(&r);
}

struct kind_case {
    char text[24];
    bool is_range;
    enum tsdb_status st;
    enum tsdb_value_kind kind;
};

ParameterizedTestParameters(query, has_a_kind)
{
    static struct kind_case cases[] = {
        {"1 + 1", false, TSDB_OK, TSDB_SCALAR},     {"'a'", false, TSDB_OK, TSDB_STRING},
        {"x", false, TSDB_OK, TSDB_VECTOR},         {"x[1m]", false, TSDB_OK, TSDB_MATRIX},
        {"x[1m:10s]", false, TSDB_OK, TSDB_MATRIX}, {"1 + 1", true, TSDB_OK, TSDB_MATRIX},
        {"x", true, TSDB_OK, TSDB_MATRIX},          {"'a'", true, TSDB_EINVAL, TSDB_STRING},
        {"x[1m]", true, TSDB_EINVAL, TSDB_MATRIX},  {"x[", false, TSDB_EINVAL, TSDB_MATRIX},
    };
    return cr_make_param_array(struct kind_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct kind_case *c, query, has_a_kind)
{
    struct rig r;
    rig_init(&r, 2, 100);
    struct query *q = NULL;
    struct tsdb_error err;
    struct tsdb_query_options options = {.start = 60 * NS_PER_S,
                                         .end = (c->is_range ? 70 : 60) * NS_PER_S,
                                         .step = c->is_range ? NS_PER_S : 0};
    cr_assert_eq(query_open(&r.store, text_of(c->text), &options, &q, &err), c->st, "%s: %s",
                 c->text, err.msg);
    if (c->st == TSDB_OK)
        cr_assert_eq(query_kind(q), c->kind, "%s", c->text);
    query_close(q);
    rig_release(&r);
}

Test(query, times_must_make_sense)
{
    struct rig r;
    rig_init(&r, 1, 10);
    struct tsdb_error err;
    struct tsdb_query_options backwards = {.start = 5, .end = 4, .step = 1};
    cr_assert_eq(end_of(&r, "x", &backwards, &err), TSDB_EINVAL);
    struct tsdb_query_options no_step = {.start = 4, .end = 5};
    cr_assert_eq(end_of(&r, "x", &no_step, &err), TSDB_EINVAL);
    struct tsdb_query_options wide = {.start = INT64_MIN, .end = INT64_MAX, .step = 1};
    cr_assert_eq(end_of(&r, "x", &wide, &err), TSDB_ELIMIT);
    struct tsdb_query_options early = {.start = INT64_MIN, .end = INT64_MIN};
    cr_assert_eq(
        end_of(&r, "x offset 1h + rate(x[5m] @ 1) + sum_over_time(x[5m:1s])", &early, &err),
        TSDB_END);
    struct tsdb_query_options late = {.start = INT64_MAX, .end = INT64_MAX};
    cr_assert_eq(end_of(&r, "x offset -1h + rate(x[5m]) + max_over_time(x[5m:])", &late, &err),
                 TSDB_END);
    rig_release(&r);
}

Test(query, counts_what_it_read)
{
    struct rig r;
    rig_init(&r, 3, 1000);
    r.m->is_partial = true;
    struct query *q;
    struct tsdb_error err;
    struct tsdb_result got;
    struct tsdb_query_stats stats;
    struct tsdb_query_options options = {.start = 600 * NS_PER_S, .end = 600 * NS_PER_S};
    cr_assert_eq(query_open(&r.store, text_of("rate(x[1m])"), &options, &q, &err), TSDB_OK);
    while (query_next(q, &got, &err) == TSDB_OK)
        cr_assert_eq(got.count, 1);
    query_stats(q, &stats);
    cr_assert_eq(stats.series, 3);
    cr_assert_eq(stats.samples, 180);
    cr_assert_geq(stats.samples_peak, 60);
    cr_assert_gt(stats.bytes_peak, 0);
    cr_assert(stats.is_partial);
    cr_assert_str_eq(query_info(q, 0), "PromQL info: metric might not be a counter, name does not "
                                       "end in _total/_sum/_count/_bucket: \"x\" (1:6)");
    cr_assert_null(query_info(q, 1));
    cr_assert_null(query_warning(q, 0));
    query_close(q);
    query_close(NULL);
    rig_release(&r);
}

/* A lookback of its own, to the nanosecond. */
Test(query, lookback_may_be_set)
{
    struct rig r;
    rig_init(&r, 1, 10);
    struct query *q;
    struct tsdb_error err;
    struct tsdb_result got;
    for (int64_t late = 0; late < 2; late++) {
        struct tsdb_query_options options = {.start = 19 * NS_PER_S - 1 + late,
                                             .end = 19 * NS_PER_S - 1 + late,
                                             .lookback = 10 * NS_PER_S};
        cr_assert_eq(query_open(&r.store, text_of("x"), &options, &q, &err), TSDB_OK);
        cr_assert_eq(query_next(q, &got, &err), late ? TSDB_END : TSDB_OK);
        query_close(q);
    }
    rig_release(&r);
}
