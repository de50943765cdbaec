#include "collector/ingest/delta.h"

#include "collector/ingest/delta_histogram.h"
#include "tsdb/base/mem.h"

#include <criterion/criterion.h>

static struct delta delta;
static struct clock_sim sim;
static struct budget budget;
static struct arena arena;
static const char *tenant = "";

static void set_up(void)
{
    clock_sim_init(&sim, 0);
    budget_init(&budget, 1 << 20, NULL);
    arena_init(&arena, 1 << 20, NULL);
    delta_init(&delta, 4, &budget, &sim.clock);
}

static void tear_down(void)
{
    delta_release(&delta);
    arena_release(&arena);
    cr_assert_eq(budget_used(&budget), 0);
}

TestSuite(delta, .init = set_up, .fini = tear_down);

/* One increment; its verdict, the total in *value. */
static uint8_t add(uint64_t key, int64_t ts, double *value, const struct tsdb_histogram *h)
{
    struct tsdb_point point = {.key = {key, key * 7}, .ts = ts, .value = *value, .histogram = h};
    struct decode_note note = {.is_delta = true};
    struct decode_batch batch = {.batch = {.tenant = tenant, .points = &point, .point_count = 1},
                                 .points = &point,
                                 .notes = &note};
    uint8_t verdict = TSDB_ACCEPTED;
    delta_apply(&delta, &batch, &verdict, &arena);
    *value = point.value;
    return verdict;
}

static double total(uint64_t key, int64_t ts, double value)
{
    cr_assert_eq(add(key, ts, &value, NULL), TSDB_ACCEPTED);
    return value;
}

Test(delta, sums_up_by_series)
{
    cr_assert_eq(total(1, 10, 2), 2.0);
    cr_assert_eq(total(2, 10, 5), 5.0);
    cr_assert_eq(total(1, 20, 3), 5.0);
    cr_assert_eq(total(2, 30, 1), 6.0);
    cr_assert_eq(delta_count(&delta), 2);
}

/* The sender did not hear our answer and sends again: not counted twice. */
Test(delta, a_repeat_is_the_same_total)
{
    cr_assert_eq(total(1, 10, 2), 2.0);
    cr_assert_eq(total(1, 20, 3), 5.0);
    cr_assert_eq(total(1, 20, 3), 5.0);
    cr_assert_eq(total(1, 30, 1), 6.0);
}

Test(delta, the_past_cannot_be_placed)
{
    double v = 7;
    cr_assert_eq(total(1, 20, 3), 3.0);
    cr_assert_eq(add(1, 19, &v, NULL), TSDB_TOO_OLD);
    cr_assert_eq(total(1, 30, 1), 4.0, "and is not in the total");
}

/* Two tenants may name the same labels, and then have the same key. */
Test(delta, tenants_do_not_share_totals)
{
    cr_assert_eq(total(1, 10, 2), 2.0);
    tenant = "other";
    cr_assert_eq(total(1, 10, 5), 5.0);
    tenant = "";
    cr_assert_eq(total(1, 20, 1), 3.0);
}

Test(delta, full_refuses_new_series_until_old_ones_are_idle)
{
    double v = 1;
    for (uint64_t key = 1; key <= 4; key++)
        (void)total(key, 1, 1);
    cr_assert_eq(add(5, 1, &v, NULL), TSDB_SERIES_LIMIT);
    cr_assert_eq(total(1, 2, 1), 2.0, "known ones go on");
    clock_sim_advance(&sim, DELTA_IDLE - 1);
    cr_assert_eq(total(1, 3, 1), 3.0);
    clock_sim_advance(&sim, 2);
    cr_assert_eq(total(5, 1, 1), 1.0);
    cr_assert_eq(delta_count(&delta), 2, "the three idle ones went");
    cr_assert_eq(total(1, 4, 1), 4.0, "the busy one stayed");
}

Test(delta, grows_past_its_first_table)
{
    delta_release(&delta);
    budget_init(&budget, 8 << 20, NULL);
    delta_init(&delta, 5000, &budget, &sim.clock);
    for (int round = 1; round <= 2; round++)
        for (uint64_t key = 1; key <= 5000; key++)
            cr_assert_eq(total(key, round, 1), (double)round);
    cr_assert_eq(delta_count(&delta), 5000);
}

Test(delta, memory_is_paid_for)
{
    double v = 1;
    delta_release(&delta);
    budget_init(&budget, 100, NULL);
    delta_init(&delta, 5000, &budget, &sim.clock);
    cr_assert_eq(add(1, 1, &v, NULL), TSDB_SERIES_LIMIT);
}

/* ---- histograms --------------------------------------------------------------------- */

static struct tsdb_histogram histogram(int32_t schema, const struct tsdb_bucket_span *span,
                                       const double *counts)
{
    struct tsdb_histogram h = {.schema = schema,
                               .zero_threshold = 0.5,
                               .zero_count = 1,
                               .count = 1,
                               .sum = 2,
                               .positive_span_count = 1,
                               .positive_spans = span,
                               .positive_count = span->length,
                               .positive = counts};
    for (uint32_t i = 0; i < span->length; i++)
        h.count += counts[i];
    return h;
}

Test(delta, histograms_add_bucket_by_bucket)
{
    static const struct tsdb_bucket_span low = {0, 2}, high = {1, 2};
    static const double counts[] = {1, 2};
    struct tsdb_histogram a = histogram(3, &low, counts), b = histogram(3, &high, counts);
    struct tsdb_point point = {.key = {9, 9}, .ts = 1, .histogram = &a};
    struct decode_note note = {.is_delta = true};
    struct decode_batch batch = {.batch = {.tenant = tenant, .points = &point, .point_count = 1},
                                 .points = &point,
                                 .notes = &note};
    uint8_t verdict = TSDB_ACCEPTED;
    delta_apply(&delta, &batch, &verdict, &arena);
    point.histogram = &b;
    point.ts = 2;
    delta_apply(&delta, &batch, &verdict, &arena);
    cr_assert_eq(verdict, TSDB_ACCEPTED);
    const struct tsdb_histogram *h = point.histogram; /* indexes 0 1 2: 1, 2 + 1, 2 */
    cr_assert(h->positive_count == 3 && h->positive_span_count == 1);
    cr_assert(h->positive_spans[0].offset == 0 && h->positive_spans[0].length == 3);
    cr_assert(h->positive[0] == 1 && h->positive[1] == 3 && h->positive[2] == 2);
    cr_assert(h->count == 8 && h->sum == 4 && h->zero_count == 2);
    cr_assert_eq(point.value, 4.0);
}

Test(delta, histograms_of_two_resolutions_meet_at_the_coarser)
{
    static const struct tsdb_bucket_span at = {1, 4}, one = {1, 1};
    static const double counts[] = {1, 2, 3, 4}, five[] = {5};
    struct tsdb_histogram fine = histogram(4, &at, counts), coarse = histogram(3, &one, five);
    struct delta_histogram *d = delta_histogram_new(&budget);
    cr_assert(delta_histogram_add(d, &fine, &budget));
    cr_assert(delta_histogram_add(d, &coarse, &budget));
    cr_assert(delta_histogram_add(d, &fine, &budget));
    const struct tsdb_histogram *h = delta_histogram_get(d, &arena);
    /* indexes 1 2 3 4 of schema 4 are 1 1 2 2 of schema 3 */
    cr_assert(h->schema == 3 && h->positive_count == 2);
    cr_assert(h->positive[0] == 3 + 5 + 3 && h->positive[1] == 7 + 7);
    cr_assert_eq(h->count, 1 + 10 + 1 + 5 + 1 + 10);
    delta_histogram_free(d, &budget);
}

Test(delta, wide_histograms_lose_resolution_not_counts)
{
    enum { WIDE = DELTA_BUCKETS_MAX + 1 };
    static const struct tsdb_bucket_span at = {-500, WIDE};
    static double counts[WIDE];
    for (int i = 0; i < WIDE; i++)
        counts[i] = 1;
    struct tsdb_histogram wide = histogram(2, &at, counts);
    struct delta_histogram *d = delta_histogram_new(&budget);
    cr_assert(delta_histogram_add(d, &wide, &budget));
    const struct tsdb_histogram *h = delta_histogram_get(d, &arena);
    double sum = 0;
    for (uint32_t i = 0; i < h->positive_count; i++)
        sum += h->positive[i];
    cr_assert(h->schema == 1 && sum == WIDE && h->positive_count <= DELTA_BUCKETS_MAX);
    delta_histogram_free(d, &budget);
}
