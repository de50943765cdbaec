/* Goal: whatever spans go into a builder, a reader of the group has the same ones, in order.
 * Method: random spans with everything odd (span_model.h), sorted here by their whole. */
#include "tests/tsdb/traces/span_rig.h"

#include <criterion/criterion.h>

static const struct span_model *sorting;

/* Trace id, start, span id, arrival. */
static int by_order(const void *x, const void *y)
{
    uint32_t i = *(const uint32_t *)x, k = *(const uint32_t *)y;
    const struct tsdb_span *a = &sorting->spans[i], *b = &sorting->spans[k];
    int order = memcmp(&a->trace_id, &b->trace_id, sizeof a->trace_id);
    if (order == 0)
        order = (a->start > b->start) - (a->start < b->start);
    if (order == 0)
        order = memcmp(&a->span_id, &b->span_id, sizeof a->span_id);
    return order ? order : i < k ? -1 : 1;
}

static void expect_source(struct span_rig *rig, const struct span_model *m, uint32_t source,
                          uint32_t row)
{
    struct tsdb_span_source got;
    struct tsdb_text tenant;
    cr_assert_eq(span_reader_source(rig->reader, row, &rig->arena, &got, &tenant, NULL), TSDB_OK);
    const char *what = sources_differ(&m->sources[source], &got);
    cr_assert_null(what, "%s", what);
    cr_assert(text_equal(tenant, model_tenant(source)));
}

/* The rows of the trace of row `first` are where find says. */
static void expect_found(struct span_rig *rig, const struct tsdb_trace_id *id, uint32_t first,
                         uint32_t count)
{
    uint32_t at, n;
    cr_assert_eq(span_reader_find(rig->reader, id, &at, &n, NULL), TSDB_OK);
    cr_assert_eq(at, first);
    cr_assert_eq(n, count);
    struct tsdb_trace_id other = *id;
    other.at[7] ^= 0x10;
    cr_assert_eq(span_reader_find(rig->reader, &other, &at, &n, NULL), TSDB_ENOTFOUND);
    uint32_t hash = span_trace_hash(id);
    const struct made_spans *made = &rig->made;
    bool is_there = false;
    for (uint32_t i = 0; i < made->hash_count; i++)
        is_there |= made->hashes[i] == hash;
    cr_assert(is_there);
}

static void expect_rows(struct span_rig *rig, const struct span_model *m, uint32_t from,
                        uint32_t count)
{
    uint32_t *order = MEM_ARRAY(uint32_t, count), traces, first = 0, seen = 0;
    const uint32_t *firsts;
    const int64_t *starts;
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (uint32_t i = 0; i < count; i++)
        order[i] = from + i;
    sorting = m;
    qsort(order, count, sizeof *order, by_order);
    cr_assert_eq(rig->made.rows, count);
    cr_assert_eq(span_reader_traces(rig->reader, &firsts, &traces, NULL), TSDB_OK);
    cr_assert_eq(span_reader_starts(rig->reader, &starts, NULL), TSDB_OK);
    for (uint32_t row = 0; row < count; row++) {
        const struct tsdb_span *want = &m->spans[order[row]];
        struct tsdb_span got;
        cr_assert_eq(span_reader_span(rig->reader, row, &rig->arena, &got, NULL), TSDB_OK);
        const char *what = spans_differ(want, &got);
        cr_assert_null(what, "row %u: %s", row, what);
        cr_assert_eq(got.attributes.count, distinct_fields(&want->attributes));
        expect_source(rig, m, want->source, got.source);
        cr_assert_eq(starts[row], want->start);
        low = want->start < low ? want->start : low;
        high = want->start > high ? want->start : high;
        if (row + 1 == count || memcmp(&want->trace_id, &m->spans[order[row + 1]].trace_id,
                                       sizeof want->trace_id) != 0) {
            cr_assert_eq(firsts[seen++], first);
            expect_found(rig, &want->trace_id, first, row + 1 - first);
            first = row + 1;
        }
        if (row % 64 == 0)
            arena_reset(&rig->arena);
    }
    cr_assert_eq(traces, seen);
    cr_assert_eq(firsts[traces], count);
    cr_assert_leq(rig->made.hash_count, traces);
    for (uint32_t i = 1; i < rig->made.hash_count; i++)
        cr_assert_lt(rig->made.hashes[i - 1], rig->made.hashes[i]);
    cr_assert(rig->made.ts_min == low && rig->made.ts_max == high);
    mem_free(order);
}

/* A few rows in any order, by a reader that has read nothing else. */
static void expect_some_rows(struct span_rig *rig, struct span_model *m, uint32_t count)
{
    uint32_t *order = MEM_ARRAY(uint32_t, count);
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    sorting = m;
    qsort(order, count, sizeof *order, by_order);
    span_reader_open(rig->reader, &rig->tables);
    for (uint32_t i = 0; i < 60; i++) {
        struct tsdb_span got;
        uint32_t row = (uint32_t)below(m, count);
        cr_assert_eq(span_reader_span(rig->reader, row, &rig->arena, &got, NULL), TSDB_OK);
        const char *what = spans_differ(&m->spans[order[row]], &got);
        cr_assert_null(what, "row %u: %s", row, what);
    }
    mem_free(order);
}

/* What spans say of their parents, that the test may know it has met it. */
struct parents {
    uint64_t inside, outside, later, self, none;
};

static void count_parents(struct span_rig *rig, struct parents *p)
{
    const struct group *g = rig->groups[SPAN_TABLE_SPANS];
    struct group_reader *in = span_reader_table(rig->reader, SPAN_TABLE_SPANS);
    uint32_t parent = group_find(g, text_of(SPAN_COLUMN_PARENT), SPAN_TAG_INTRINSIC);
    uint32_t id = group_find(g, text_of(SPAN_COLUMN_PARENT_ID), SPAN_TAG_INTRINSIC);
    p->none += group_rows(g);
    if (parent != UINT32_MAX) {
        const int64_t *up;
        cr_assert_eq(group_ints(in, parent, &up, NULL), TSDB_OK);
        p->inside += group_column(g, parent)->present;
        p->none -= group_column(g, parent)->present;
        for (uint32_t row = 0; row < group_rows(g); row++)
            p->later += up[row] < 0;
    }
    if (id == UINT32_MAX)
        return;
    p->outside += group_column(g, id)->present;
    p->none -= group_column(g, id)->present;
}

Test(span_model, comes_back_from_groups_of_any_spans)
{
    uint64_t seed = span_model_seed();
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    struct parents parents = {0};
    struct budget budget;
    budget_init(&budget, UINT64_MAX, NULL);
    struct span_builder *b = span_builder_new(&budget);
    for (uint32_t round = 0; round < 60; round++) {
        struct span_model m;
        struct span_rig rig = {0};
        span_model_init(&m, seed + round, 1 + round * round / 3);
        cr_assert_eq(span_rig_add(b, &m, 0, m.count), m.count);
        cr_assert_eq(span_builder_spans(b), m.count);
        enum group_form form = round % 2 ? GROUP_SEALED : GROUP_HOT;
        cr_assert_eq(span_builder_finish(b, form, &rig.made, NULL), TSDB_OK);
        cr_assert_eq(span_builder_spans(b), 0);
        span_rig_open(&rig, &budget);
        expect_rows(&rig, &m, 0, m.count);
        count_parents(&rig, &parents);
        expect_some_rows(&rig, &m, m.count);
        span_rig_close(&rig);
        span_model_release(&m);
    }
    span_builder_free(b);
    cr_assert_eq(budget_used(&budget), 0);
    cr_assert(parents.inside > 1000 && parents.outside > 1000 && parents.later > 100 &&
              parents.none > 1000);
}

Test(span_model, groups_are_ended_when_they_are_full)
{
    struct span_model m;
    uint32_t groups = 0;
    span_model_init(&m, span_model_seed(), 3000);
    for (uint32_t i = 0; i < m.count; i += 20) /* with columns of their own */
        m.spans[i].attributes = model_fields(&m, 600);
    struct span_builder *b = span_builder_new(NULL);
    for (uint32_t from = 0, to; from < m.count; from = to, groups++) {
        struct span_rig rig = {0};
        to = span_rig_add(b, &m, from, m.count);
        cr_assert_gt(to, from);
        cr_assert_eq(span_builder_finish(b, GROUP_HOT, &rig.made, NULL), TSDB_OK);
        span_rig_open(&rig, NULL);
        cr_assert_leq(group_columns(rig.groups[SPAN_TABLE_SPANS]), (uint32_t)GROUP_COLUMNS_MAX);
        expect_rows(&rig, &m, from, to - from);
        span_rig_close(&rig);
    }
    cr_assert_gt(groups, 5);
    span_builder_free(b);
    span_model_release(&m);
}
