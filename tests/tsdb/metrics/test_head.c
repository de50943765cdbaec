#include "tests/tsdb/metrics/rig.h"

#include "tsdb/base/text.h"
#include "tsdb/metrics/samples.h"

struct bench_head {
    struct budget budget;
    struct head head;
};

static void setup(struct bench_head *b)
{
    budget_init(&b->budget, UINT64_C(1) << 30, NULL);
    head_init(&b->head, 7, &b->budget);
}

static struct tsdb_labels labels_of(const char *text, struct tsdb_label out[RIG_LABELS_MAX])
{
    return (struct tsdb_labels){out, rig_labels(text, out)};
}

static uint32_t put_series(struct head *h, const char *text)
{
    struct tsdb_label at[RIG_LABELS_MAX];
    struct tsdb_labels labels = labels_of(text, at);
    struct tsdb_hash hash = tsdb_labels_hash(h->seed, labels);
    uint32_t ref = head_reserve(h, hash);
    cr_assert_eq(head_create(h, ref, hash, 0, labels), TSDB_OK);
    return ref;
}

static uint32_t find_series(const struct head *h, const char *text)
{
    struct tsdb_label at[RIG_LABELS_MAX];
    return alias_find(&h->aliases, tsdb_labels_hash(h->seed, labels_of(text, at)));
}

static enum tsdb_verdict put(struct head *h, uint32_t ref, int64_t ts, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    mutex_lock(&h->shards[ref & (SHARDS - 1)].lock);
    enum tsdb_verdict verdict = head_apply(h, ref, ts, bits);
    mutex_unlock(&h->shards[ref & (SHARDS - 1)].lock);
    return verdict;
}

static uint32_t count_samples(struct head *h, uint32_t ref, enum head_part part)
{
    struct samples s;
    samples_init(&s, NULL);
    cr_assert_eq(head_samples(h, ref, part, INT64_MIN, INT64_MAX, &s), TSDB_OK);
    uint32_t n = s.count;
    samples_release(&s);
    return n;
}

Test(head, canonical_labels_are_sorted_and_have_no_empty_values)
{
    struct tsdb_limits limits = {.labels_max = 3, .name_bytes_max = 8, .value_bytes_max = 8};
    struct tsdb_label in[RIG_LABELS_MAX], out[RECORD_LABELS_MAX];
    uint32_t n = 0;
    cr_assert_eq(head_canonical(&limits, "", labels_of("m|z=1|b=|a=2", in), out, &n),
                 TSDB_ACCEPTED);
    cr_assert_eq(n, 3u);
    cr_assert(text_equal(out[0].name, text_of("__name__")));
    cr_assert(text_equal(out[1].name, text_of("a")));
    cr_assert(text_equal(out[2].name, text_of("z")));
    cr_assert_eq(head_canonical(&limits, "t", labels_of("m|z=1|a=2", in), out, &n), TSDB_ACCEPTED);
    cr_assert_eq(n, 4u, "the tenant's label does not count against the limit");
}

Test(head, canonical_refuses)
{
    static const struct {
        const char *labels;
        enum tsdb_verdict verdict;
    } cases[] = {
        {"m|a=1|b=2|c=3", TSDB_LABEL_LIMIT}, {"m|ninebytes=1", TSDB_LABEL_LIMIT},
        {"m|a=ninebytes", TSDB_LABEL_LIMIT}, {"m|=1", TSDB_BAD_LABELS},
        {"m|a=1|a=1", TSDB_BAD_LABELS},      {"|a=", TSDB_BAD_LABELS},
        {"m|a=\xc0\x80", TSDB_BAD_LABELS},   {"m|\xff=1", TSDB_BAD_LABELS},
    };
    struct tsdb_limits limits = {.labels_max = 3, .name_bytes_max = 8, .value_bytes_max = 8};
    struct tsdb_label in[RIG_LABELS_MAX], out[RECORD_LABELS_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t n = 77;
        cr_assert_eq(head_canonical(&limits, "", labels_of(cases[i].labels, in), out, &n),
                     cases[i].verdict, "%s", cases[i].labels);
        cr_assert_eq(n, 77u, "%s: count is untouched", cases[i].labels);
    }
}

Test(head, a_sample_is_told_from_the_one_before)
{
    struct bench_head b;
    setup(&b);
    uint32_t ref = put_series(&b.head, "m|x=1");
    cr_assert_eq(put(&b.head, ref, 10, 1), TSDB_ACCEPTED);
    cr_assert_eq(put(&b.head, ref, 10, 1), TSDB_DUPLICATE);
    cr_assert_eq(put(&b.head, ref, 10, 2), TSDB_CONFLICT);
    cr_assert_eq(put(&b.head, ref, 5, 2), TSDB_ACCEPTED, "a late one");
    cr_assert_eq(count_samples(&b.head, ref, HEAD_WHOLE), 2u);
    cr_assert_eq(count_samples(&b.head, ref, HEAD_SEALED), 0u);
    head_release(&b.head);
}

/* Goal: a range takes nothing that is wanted away, whatever came late. */
Test(head, a_range_leaves_out_only_what_is_not_wanted)
{
    struct bench_head b;
    setup(&b);
    struct random random;
    random_init(&random, rig_seed(6));
    uint32_t ref = put_series(&b.head, "m|x=1");
    for (int64_t i = 0; i < 5000; i++) {
        int64_t late = random_below(&random, 500) ? 0 : (int64_t)random_below(&random, 3000);
        (void)put(&b.head, ref, 10000 + i - late, random_unit(&random));
    }
    struct samples all, some;
    samples_init(&all, NULL);
    samples_init(&some, NULL);
    for (int round = 0; round < 50; round++) {
        int64_t start = 8000 + (int64_t)random_below(&random, 8000);
        int64_t end = start + (int64_t)random_below(&random, 500);
        samples_reset(&all);
        samples_reset(&some);
        cr_assert_eq(head_samples(&b.head, ref, HEAD_WHOLE, INT64_MIN, INT64_MAX, &all), TSDB_OK);
        cr_assert_eq(head_samples(&b.head, ref, HEAD_WHOLE, start, end, &some), TSDB_OK);
        cr_assert_lt(some.count, all.count);
        (void)samples_order(&all, start, end);
        (void)samples_order(&some, start, end);
        cr_assert_eq(some.count, all.count);
        cr_assert_eq(memcmp(some.ts, all.ts, all.count * sizeof *all.ts), 0);
        cr_assert_eq(memcmp(some.values, all.values, all.count * sizeof *all.values), 0);
    }
    samples_release(&all);
    samples_release(&some);
    head_release(&b.head);
}

Test(head, turning_splits_what_is_sealed_from_what_comes_later)
{
    struct bench_head b;
    setup(&b);
    uint32_t ref = put_series(&b.head, "m|x=1");
    for (int64_t ts = 0; ts < 1000; ts++)
        cr_assert_eq(put(&b.head, ref, ts, (double)ts / 7), TSDB_ACCEPTED);
    head_turn(&b.head);
    cr_assert_eq(put(&b.head, ref, 1000, 1), TSDB_ACCEPTED);
    cr_assert_eq(count_samples(&b.head, ref, HEAD_SEALED), 1000u);
    cr_assert_eq(count_samples(&b.head, ref, HEAD_WHOLE), 1001u);
    head_drop(&b.head);
    cr_assert_eq(count_samples(&b.head, ref, HEAD_WHOLE), 1u);
    head_turn(&b.head);
    head_drop(&b.head);
    cr_assert_eq(head_hot_bytes(&b.head), 0u);
    head_release(&b.head);
}

Test(head, what_is_charged_for_samples_is_released_to_the_byte)
{
    struct bench_head b;
    setup(&b);
    uint32_t refs[50];
    char name[16];
    for (int i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof name, "m|x=%d", i);
        refs[i] = put_series(&b.head, name);
    }
    uint64_t before = budget_used(&b.budget);
    for (int64_t ts = 0; ts < 5000; ts++)
        (void)put(&b.head, refs[ts % 50], ts * ts, (double)ts * 0.1);
    cr_assert_gt(budget_used(&b.budget), before + 10000);
    head_turn(&b.head);
    head_drop(&b.head);
    cr_assert_eq(budget_used(&b.budget), before);
    head_release(&b.head);
}

Test(head, idle_series_are_hidden_at_once_and_their_refs_given_again_later)
{
    struct bench_head b;
    setup(&b);
    uint32_t idle = put_series(&b.head, "m|x=1"), busy = put_series(&b.head, "m|x=2");
    cr_assert_eq(put(&b.head, idle, 10, 1), TSDB_ACCEPTED);
    struct ordinals hidden = {0};
    for (int turn = 0; turn < 2; turn++) {
        head_hide_idle(&b.head, 1000, &hidden);
        cr_assert_eq(hidden.count, 0u, "turn %d: not yet", turn);
        head_turn(&b.head);
        cr_assert_eq(put(&b.head, busy, 20 + turn, 1), TSDB_ACCEPTED);
        head_drop(&b.head);
    }
    head_hide_idle(&b.head, 10, &hidden);
    cr_assert_eq(hidden.count, 0u, "its sample is not older");
    head_hide_idle(&b.head, 11, &hidden);
    cr_assert_eq(hidden.count, 1u);
    cr_assert_eq(find_series(&b.head, "m|x=1"), ALIAS_NONE);
    cr_assert_eq(find_series(&b.head, "m|x=2"), busy);
    cr_assert_eq(head_series_count(&b.head), 1u);
    uint32_t again = put_series(&b.head, "m|x=1");
    cr_assert_neq(again, idle, "a set may still read by the old ref");
    struct tsdb_label labels[LABELS_MAX];
    uint32_t n;
    head_index_labels(b.head.labels, idle, labels, &n);
    cr_assert_eq(n, 2u, "and its labels");
    head_forget(&b.head, &hidden);
    cr_assert(!head_index_has(b.head.labels, idle));
    cr_assert_eq(find_series(&b.head, "m|x=1"), again);
    ordinals_release(&hidden);
    head_release(&b.head);
}

static void restore(struct head *h, uint32_t ref, const char *text)
{
    struct tsdb_label at[RIG_LABELS_MAX];
    cr_assert_eq(head_restore(h, ref, labels_of(text, at)), TSDB_OK);
}

Test(head, of_two_definitions_the_later_counts)
{
    struct bench_head b;
    setup(&b);
    restore(&b.head, 9, "m|x=1");
    restore(&b.head, 9, "m|x=1");
    cr_assert_eq(head_series_count(&b.head), 1u, "defined again");
    restore(&b.head, 17, "m|x=1");
    cr_assert_eq(head_series_count(&b.head), 1u, "one series, whatever its refs were");
    cr_assert_eq(find_series(&b.head, "m|x=1"), 17u);
    cr_assert(!head_index_has(b.head.labels, 9));
    restore(&b.head, 17, "m|x=2");
    cr_assert_eq(find_series(&b.head, "m|x=1"), ALIAS_NONE);
    cr_assert_eq(find_series(&b.head, "m|x=2"), 17u);
    cr_assert_eq(head_series_count(&b.head), 1u);
    head_release(&b.head);
}
