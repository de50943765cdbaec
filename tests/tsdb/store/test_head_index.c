#include "tsdb/store/head_index.h"

#include "tests/tsdb/store/model_series.h"
#include "tsdb/base/budget.h"

#include <criterion/criterion.h>

enum { SERIES_MAX = 4000 };

static void check_select(struct random *r, const struct head_index *ix,
                         const struct model_series *series, uint32_t count, uint32_t *selected)
{
    struct matcher m[MODEL_MATCHERS];
    char texts[MODEL_MATCHERS][2 * MODEL_TEXT];
    uint32_t matchers = (uint32_t)random_below(r, MODEL_MATCHERS + 1);
    for (uint32_t i = 0; i < matchers; i++)
        model_matcher(r, &m[i], texts[i]);
    struct ordinals got = {0}, want = {0};
    struct tsdb_error err = {0};
    model_select(series, count, m, matchers, &want);
    cr_assert_eq(head_index_select(ix, m, matchers, &got, &err), TSDB_OK, "%s", err.msg);
    model_compare(&got, &want, m, matchers);
    *selected += want.count > 0 && want.count < head_index_series(ix);
    for (uint32_t i = 0; i < matchers; i++)
        matcher_release(&m[i]);
    ordinals_release(&got);
    ordinals_release(&want);
}

static void check_labels(const struct head_index *ix, const struct model_series *s, uint32_t ref)
{
    struct tsdb_label out[LABELS_MAX];
    uint32_t count = 77;
    head_index_labels(ix, ref, out, &count);
    cr_assert_eq(count, s->is_alive ? s->count : 0);
    cr_assert_eq(head_index_label_count(ix, ref), count);
    cr_assert_eq(head_index_has(ix, ref), s->is_alive);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert(text_equal(out[i].name, s->labels[i].name));
        cr_assert(text_equal(out[i].value, s->labels[i].value));
    }
}

static void check_texts(const struct head_index *ix, const struct model_series *series,
                        const struct ordinals *refs, bool is_all)
{
    for (uint32_t name = 0; name <= MODEL_NAMES; name++) {
        const char *label = name < MODEL_NAMES ? model_names[name].name : NULL;
        struct model_texts want = model_distinct(series, refs, label), got = {0};
        if (label && is_all)
            head_index_values(ix, text_of(label), model_visit, &got);
        else if (label)
            head_index_values_of(ix, text_of(label), refs, model_visit, &got);
        else if (is_all)
            head_index_names(ix, model_visit, &got);
        else
            head_index_names_of(ix, refs, model_visit, &got);
        cr_assert_eq(got.count, want.count, "%s: got %u, want %u", label ? label : "names",
                     got.count, want.count);
        cr_assert_eq(got.sum, want.sum);
        cr_assert(got.count == 0 || got.is_sorted);
    }
}

/* The living refs, or about one in n of them. */
static void living(struct random *r, const struct model_series *series, uint32_t count, uint32_t n,
                   struct ordinals *out)
{
    ordinals_reset(out);
    for (uint32_t ref = 0; ref < count; ref++) {
        if (series[ref].is_alive && random_below(r, n) == 0)
            ordinals_append(out, ref);
    }
}

/* Goal: whatever is added and removed, the index answers as a plain list does.
 * Method: random series at ascending refs and, now and then, at the refs of removed
 * ones; every step a few random selections; labels and texts in between; at the end
 * everything goes, and with it the memory. */
Test(head_index, answers_as_a_list_of_series_does)
{
    struct random r;
    random_init(&r, model_seed(20240613));
    struct model_series *series = MEM_ARRAY(struct model_series, SERIES_MAX);
    struct budget budget;
    budget_init(&budget, 1 << 30, NULL);
    struct head_index *ix = head_index_new(random_next(&r), &budget);
    struct ordinals refs = {0};
    uint32_t count = 0, selected = 0, again = 0, removed = 0;
    for (int round = 0; round < 60; round++) {
        for (uint64_t n = random_below(&r, 100); n > 0 && count < SERIES_MAX; n--) {
            uint32_t ref = random_below(&r, 3) ? count : (uint32_t)random_below(&r, count + 1);
            if (ref < count && series[ref].is_alive)
                continue;
            again += ref < count;
            count += ref == count;
            model_make(&r, &series[ref]);
            cr_assert_eq(head_index_add(ix, ref, model_labels(&series[ref])), TSDB_OK);
        }
        if (round % 4 == 3) {
            living(&r, series, count, round % 8 == 3 ? 3 : 40, &refs);
            ordinals_append(&refs, count + 1000);
            head_index_remove(ix, &refs);
            for (uint32_t i = 0; i + 1 < refs.count; i++)
                series[refs.at[i]].is_alive = false;
            removed += refs.count - 1;
        }
        for (int k = 0; k < 40; k++)
            check_select(&r, ix, series, count, &selected);
        living(&r, series, count, 1, &refs);
        cr_assert_eq(head_index_series(ix), refs.count);
        check_texts(ix, series, &refs, true);
        living(&r, series, count, 5, &refs);
        check_texts(ix, series, &refs, false);
        for (uint32_t ref = 0; ref < count; ref += 7)
            check_labels(ix, &series[ref], ref);
        cr_assert_geq(budget_used(&budget), head_index_bytes(ix));
        cr_assert_leq(budget_used(&budget), head_index_bytes(ix) + (128 << 10));
    }
    cr_assert_gt(selected, 500, "%u selections were neither empty nor all", selected);
    cr_assert_gt(again, 50);
    cr_assert_gt(removed, 300);

    living(&r, series, count, 1, &refs);
    head_index_remove(ix, &refs);
    cr_assert_eq(head_index_series(ix), 0);
    cr_assert_eq(head_index_pairs(ix), 0);
    cr_assert_leq(head_index_bytes(ix), 200 << 10, "%lu", (unsigned long)head_index_bytes(ix));
    head_index_free(ix);
    cr_assert_eq(budget_used(&budget), 0);
    ordinals_release(&refs);
    mem_free(series);
}

static struct tsdb_labels one_label(struct tsdb_label *at, const char *name, const char *value)
{
    *at = (struct tsdb_label){text_of(name), text_of(value)};
    return (struct tsdb_labels){at, 1};
}

Test(head_index, refuses_what_is_there_or_too_long)
{
    struct head_index *ix = head_index_new(1, NULL);
    struct tsdb_label at[LABELS_MAX + 1];
    char names[LABELS_MAX + 1][8];
    static char huge[HEAD_TEXT_BYTES_MAX + 1];
    memset(huge, 'x', sizeof huge);
    cr_assert_eq(head_index_add(ix, 5, one_label(at, "a", "1")), TSDB_OK);
    cr_assert_eq(head_index_add(ix, 5, one_label(at, "a", "2")), TSDB_EINVAL);
    cr_assert_eq(head_index_add(ix, 6, one_label(at, "", "2")), TSDB_EINVAL);
    at[0].name = text_of("a");
    at[0].value = (struct tsdb_text){huge, sizeof huge};
    cr_assert_eq(head_index_add(ix, 6, (struct tsdb_labels){at, 1}), TSDB_EINVAL);
    at[0].value.len--;
    cr_assert_eq(head_index_add(ix, 6, (struct tsdb_labels){at, 1}), TSDB_OK);
    for (int i = 0; i <= LABELS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%03d", i);
        at[i] = (struct tsdb_label){text_of(names[i]), text_of("v")};
    }
    cr_assert_eq(head_index_add(ix, 7, (struct tsdb_labels){at, LABELS_MAX + 1}), TSDB_EINVAL);
    cr_assert_eq(head_index_add(ix, 7, (struct tsdb_labels){at, LABELS_MAX}), TSDB_OK);
    cr_assert_eq(head_index_add(ix, 8, (struct tsdb_labels){at, 0}), TSDB_OK, "no labels at all");
    cr_assert_eq(head_index_label_count(ix, 7), LABELS_MAX);
    cr_assert_eq(head_index_series(ix), 4);
    cr_assert_eq(head_index_add(ix, UINT32_MAX, one_label(at, "a", "1")), TSDB_OK, "any ref");
    cr_assert(head_index_has(ix, UINT32_MAX));
    head_index_free(ix);
    head_index_free(NULL);
}

Test(head_index, a_spent_budget_refuses_and_leaves_nothing_behind)
{
    struct budget budget;
    budget_init(&budget, 600 << 10, NULL);
    struct head_index *ix = head_index_new(1, &budget);
    enum tsdb_status st = TSDB_OK;
    uint32_t ref = 0;
    for (; st == TSDB_OK && ref < 100000; ref++) {
        char value[32];
        struct tsdb_label at;
        (void)snprintf(value, sizeof value, "unique-%u", ref);
        st = head_index_add(ix, ref, one_label(&at, "a", value));
    }
    cr_assert_eq(st, TSDB_ELIMIT);
    cr_assert_gt(ref, 1000);
    cr_assert_eq(head_index_series(ix), ref - 1);
    cr_assert_eq(head_index_pairs(ix), ref - 1);
    cr_assert_not(head_index_has(ix, ref - 1));
    cr_assert_leq(budget_used(&budget), 700 << 10, "at most one growth step above");
    struct ordinals dead = {0};
    ordinals_append_run(&dead, 0, ref);
    head_index_remove(ix, &dead);
    struct tsdb_label at;
    cr_assert_eq(head_index_add(ix, 0, one_label(&at, "a", "b")), TSDB_OK, "memory came back");
    ordinals_release(&dead);
    head_index_free(ix);
    cr_assert_eq(budget_used(&budget), 0);
}

Test(head_index, churn_beside_a_series_that_stays_takes_no_memory)
{
    struct head_index *ix = head_index_new(9, NULL);
    struct tsdb_label at;
    cr_assert_eq(head_index_add(ix, 0, one_label(&at, "a", "stays")), TSDB_OK);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        char value[32];
        uint32_t ref = 1 + i % 3;
        struct ordinals dead = {&ref, 1, 1};
        (void)snprintf(value, sizeof value, "value-%u", i);
        cr_assert_eq(head_index_add(ix, ref, one_label(&at, "a", value)), TSDB_OK);
        head_index_remove(ix, &dead);
        if (i == 100)
            bytes = head_index_bytes(ix);
    }
    cr_assert_leq(head_index_bytes(ix), bytes + 64);
    cr_assert_eq(head_index_pairs(ix), 1);
    head_index_free(ix);
}

Test(head_index, views_outlive_other_changes)
{
    struct head_index *ix = head_index_new(9, NULL);
    struct tsdb_label at, out[LABELS_MAX];
    uint32_t count;
    cr_assert_eq(head_index_add(ix, 3, one_label(&at, "stable", "value")), TSDB_OK);
    head_index_labels(ix, 3, out, &count);
    struct ordinals dead = {0};
    for (uint32_t i = 0; i < 2000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "name%u", i);
        cr_assert_eq(head_index_add(ix, 10 + i, one_label(&at, name, name)), TSDB_OK);
        ordinals_append(&dead, 10 + i);
    }
    head_index_remove(ix, &dead);
    cr_assert(text_equal(out[0].name, text_of("stable")));
    cr_assert(text_equal(out[0].value, text_of("value")));
    ordinals_release(&dead);
    head_index_free(ix);
}

static bool add_stat(void *arg, struct tsdb_text name, struct tsdb_text value, uint32_t series)
{
    uint32_t *sums = arg;
    sums[0]++;
    sums[1] += series;
    return name.len > 0 && value.len > 0;
}

Test(head_index, stats_count_every_pair)
{
    struct random r;
    random_init(&r, model_seed(8));
    struct head_index *ix = head_index_new(9, NULL);
    uint32_t labels = 0, sums[2] = {0};
    for (uint32_t ref = 0; ref < 500; ref++) {
        struct model_series s;
        model_make(&r, &s);
        labels += s.count;
        cr_assert_eq(head_index_add(ix, ref, model_labels(&s)), TSDB_OK);
    }
    head_index_stats(ix, add_stat, sums);
    cr_assert_eq(sums[0], head_index_pairs(ix));
    cr_assert_eq(sums[1], labels);
    head_index_free(ix);
}

/* Two sets that make up the whole have its sums, however pairs are shared. */
Test(head_index, stats_of_a_set_count_its_series_only)
{
    struct random r;
    random_init(&r, model_seed(8));
    struct head_index *ix = head_index_new(9, NULL);
    struct ordinals halves[2] = {0}, none = {0};
    uint32_t labels[2] = {0}, sums[2] = {0};
    for (uint32_t ref = 0; ref < 500; ref++) {
        struct model_series s;
        model_make(&r, &s);
        labels[ref % 3 == 0] += s.count;
        ordinals_append(&halves[ref % 3 == 0], ref);
        cr_assert_eq(head_index_add(ix, ref, model_labels(&s)), TSDB_OK);
    }
    ordinals_append(&halves[1], 501); /* not there */
    for (int i = 0; i < 2; i++) {
        sums[1] = 0;
        head_index_stats_of(ix, &halves[i], add_stat, sums);
        cr_assert_eq(sums[1], labels[i]);
        ordinals_release(&halves[i]);
    }
    cr_assert_gt(sums[0], head_index_pairs(ix), "some are in both");
    sums[0] = 0;
    head_index_stats_of(ix, &none, add_stat, sums);
    cr_assert_eq(sums[0], 0);
    head_index_free(ix);
}

Test(head_index, ten_labels_fit_the_memory_promised)
{
    struct head_index *ix = head_index_new(9, NULL);
    enum { COUNT = 40000 };
    for (uint32_t ref = 0; ref < COUNT; ref++) {
        struct tsdb_label at[10];
        char names[10][16], values[10][32];
        for (uint32_t i = 0; i < 10; i++) {
            (void)snprintf(names[i], 16, "label_%u", i);
            (void)snprintf(values[i], 32, "value-%u", i == 0 ? ref / 1000 : ref % (i * 40));
            at[i] = (struct tsdb_label){text_of(names[i]), text_of(values[i])};
        }
        cr_assert_eq(head_index_add(ix, ref, (struct tsdb_labels){at, 10}), TSDB_OK);
    }
    cr_assert_leq(head_index_bytes(ix) / COUNT, 70, "%lu bytes a series",
                  (unsigned long)head_index_bytes(ix) / COUNT);
    head_index_free(ix);
}
