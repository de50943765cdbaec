#include "random_query.h"

#include <criterion/criterion.h>

#include "tsdb/base/text.h"

#include <stdlib.h>

enum { INSTANTS = 7 };

static uint64_t seed_of(uint64_t fallback)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : fallback;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    return seed;
}

struct answer {
    enum tsdb_status st; /* TSDB_END: whole */
    struct tsdb_error err;
    struct query *q;
    struct metrics *m;
    /* of a whole answer, in its own arena */
    struct arena arena;
    struct tsdb_result *series;
    uint32_t count;
};

static void keep(struct answer *a, const struct tsdb_result *got)
{
    if (a->count % 64 == 0) {
        struct tsdb_result *more = ARENA_ARRAY(&a->arena, struct tsdb_result, a->count + 64);
        if (a->count)
            memcpy(more, a->series, a->count * sizeof *more);
        a->series = more;
    }
    struct tsdb_result *to = &a->series[a->count++];
    int64_t *ts = ARENA_ARRAY(&a->arena, int64_t, got->count);
    double *values = ARENA_ARRAY(&a->arena, double, got->count);
    memcpy(ts, got->ts, got->count * sizeof *ts);
    memcpy(values, got->values, got->count * sizeof *values);
    *to = (struct tsdb_result){
        .labels = got->labels, .count = got->count, .ts = ts, .values = values};
    if (!got->histograms)
        return;
    const struct tsdb_histogram **h =
        ARENA_ARRAY(&a->arena, const struct tsdb_histogram *, got->count);
    for (uint32_t i = 0; i < got->count; i++)
        h[i] = got->histograms[i] ? histogram_copy(&a->arena, got->histograms[i]) : NULL;
    to->histograms = h;
}

static struct answer ask(struct metrics *m, struct budget *budget, const char *text, int64_t start,
                         int64_t end, int64_t step)
{
    static struct clock_sim clock;
    clock_sim_init(&clock, 0);
    struct answer a = {.m = m};
    arena_init(&a.arena, SIZE_MAX, NULL);
    struct query_store store = {.metrics = m, .clock = &clock.clock, .budget = budget};
    struct tsdb_query_options options = {.start = start, .end = end, .step = step};
    a.st = query_open(&store, text_of(text), &options, &a.q, &a.err);
    struct tsdb_result got;
    while (a.st == TSDB_OK && (a.st = query_next(a.q, &got, &a.err)) == TSDB_OK)
        keep(&a, &got);
    return a;
}

static void answer_release(struct answer *a)
{
    query_close(a->q);
    arena_release(&a->arena);
}

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

static bool same_point(const struct tsdb_result *a, uint32_t i, const struct tsdb_result *b,
                       uint32_t k)
{
    const struct tsdb_histogram *x = a->histograms ? a->histograms[i] : NULL;
    const struct tsdb_histogram *y = b->histograms ? b->histograms[k] : NULL;
    if (!x || !y)
        return x == y && same_number(a->values[i], b->values[k]);
    return same_number(x->count, y->count) && same_number(x->sum, y->sum) &&
           x->schema == y->schema && x->positive_count == y->positive_count;
}

/* The points of a range query at one time are what an instant query answers. */
static void compare_at(const struct answer *range, const struct answer *instant, int64_t ts,
                       const char *text)
{
    uint32_t points = 0;
    for (uint32_t i = 0; i < range->count; i++) {
        const struct tsdb_result *series = &range->series[i];
        for (uint32_t k = 0; k < series->count; k++) {
            if (series->ts[k] != ts)
                continue;
            points++;
            bool is_found = false;
            for (uint32_t n = 0; n < instant->count && !is_found; n++)
                is_found = labels_compare(instant->series[n].labels, series->labels) == 0 &&
                           same_point(&instant->series[n], 0, series, k);
            cr_assert(is_found, "%s: series %u at %lld is not in the instant answer", text, i,
                      (long long)(ts / NS_PER_S));
        }
    }
    cr_assert_eq(points, instant->count, "%s at %lld: %u points in the range, %u at the instant",
                 text, (long long)(ts / NS_PER_S), points, instant->count);
}

static void check_order(const struct answer *a, const char *text)
{
    for (uint32_t i = 1; i < a->count; i++)
        cr_assert_lt(labels_compare(a->series[i - 1].labels, a->series[i].labels), 0,
                     "%s: series %u is out of order or repeated", text, i);
}

/* Goal: the law that a range query is many instant queries, and that whatever
 * is asked, nothing is left behind: no memory, no open snapshot.
 * Method: random expressions over a random store; a range that fails must fail
 * at one of its instants or have met labels that collide over time. */
Test(eval, a_range_query_is_many_instant_queries)
{
    struct random r;
    random_init(&r, seed_of(20261124));
    struct metrics *m = random_store(&r);
    struct budget budget;
    budget_init(&budget, UINT64_MAX, NULL);
    uint32_t whole = 0, points = 0;
    for (uint32_t round = 0; round < 3000; round++) {
        struct writer text = {0};
        random_vector(&r, &text, 3);
        writer_u8(&text, 0);
        const char *query = (const char *)text.at;
        int64_t step = (int64_t)(1 + random_below(&r, 90)) * NS_PER_S;
        int64_t start = (int64_t)random_below(&r, 600) * NS_PER_S;
        struct answer range = ask(m, &budget, query, start, start + (INSTANTS - 1) * step, step);
        check_order(&range, query);
        for (int64_t i = 0; i < INSTANTS && range.st == TSDB_END; i++) {
            struct answer one = ask(m, &budget, query, start + i * step, start + i * step, 0);
            /* A NaN among the parameters of a range goes unseen where all others
             * say that nothing is wanted. */
            bool is_nan = one.st == TSDB_EEXEC && strstr(one.err.msg, "value is NaN");
            cr_assert(is_nan || one.st == TSDB_END, "%s: %s", query, one.err.msg);
            if (!is_nan)
                compare_at(&range, &one, start + i * step, query);
            points += one.count;
            answer_release(&one);
        }
        cr_assert(range.st == TSDB_END || range.st == TSDB_EEXEC, "%s: %s", query, range.err.msg);
        whole += range.st == TSDB_END;
        answer_release(&range);
        writer_release(&text);
        cr_assert_eq(budget_used(&budget), 0, "%s: memory is left", query);
        cr_assert_eq(m->open_sets, 0);
    }
    cr_assert_gt(whole, 1500, "only %u of 3000 queries were answered", whole);
    cr_assert_gt(points, 20000, "only %u points were compared", points);
    fake_free(m);
}

/* Goal: a query that may use little memory ends with TSDB_ELIMIT, wherever the
 * memory ends, and gives it all back. */
Test(eval, memory_may_end_anywhere)
{
    struct random r;
    random_init(&r, seed_of(5));
    struct metrics *m = random_store(&r);
    uint32_t limited = 0, whole = 0;
    for (uint32_t round = 0; round < 400; round++) {
        struct writer text = {0};
        random_vector(&r, &text, 3);
        writer_u8(&text, 0);
        for (uint64_t limit = 16384; limit < 4 << 20; limit = limit * 5 / 4) {
            struct budget budget;
            budget_init(&budget, limit, NULL);
            struct answer a =
                ask(m, &budget, (const char *)text.at, 0, 600 * NS_PER_S, 10 * NS_PER_S);
            limited += a.st == TSDB_ELIMIT;
            cr_assert(a.st == TSDB_END || a.st == TSDB_EEXEC || a.st == TSDB_ELIMIT, "%s: %s",
                      (const char *)text.at, a.err.msg);
            bool is_end = a.st != TSDB_ELIMIT;
            whole += a.st == TSDB_END;
            answer_release(&a);
            cr_assert_eq(budget_used(&budget), 0);
            cr_assert_eq(m->open_sets, 0);
            if (is_end)
                break;
        }
        writer_release(&text);
    }
    cr_assert_gt(limited, 1000);
    cr_assert_gt(whole, 200);
    fake_free(m);
}
