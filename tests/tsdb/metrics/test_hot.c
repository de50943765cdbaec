#include "tsdb/metrics/hot.h"

#include "tests/tsdb/metrics/rig.h"
#include "tsdb/metrics/samples.h"

enum { SAMPLES_MAX = 20000 };

struct shape {
    const char *name;
    double bytes_max; /* a sample, over a thousand of them */
};

static const struct shape shapes[] = {
    {"constant", 1.2}, {"counter", 2.5}, {"decimal", 10},  {"noise", 10}, {"nan", 10},
    {"late", 12},      {"jitter", 12},   {"extremes", 20}, {"whole", 12}, {"halves", 12},
};

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static uint64_t value_of(int shape, int i, struct random *random)
{
    switch (shape) {
    case 0: return bits_of(42);
    case 1: return bits_of(i * 3);
    case 2: return bits_of((double)random_below(random, 10000) / 100);
    case 4: return UINT64_C(0x7ff0000000000002) + (i % 3 ? random_below(random, 100) : 0);
    case 7: return random_next(random);
    case 8: return bits_of((double)(random_next(random) >> random_below(random, 52) >> 12));
    case 9: return bits_of((double)random_below(random, 1000) / 2);
    default: return bits_of(random_unit(random));
    }
}

static int64_t time_of(int shape, int i, struct random *random)
{
    int64_t ts = RIG_NOW + (int64_t)i * 15 * NS_PER_S;
    if (shape == 5)
        return ts - (int64_t)random_below(random, 1000) * NS_PER_S;
    if (shape == 6)
        return ts + (int64_t)random_below(random, 1000000);
    if (shape == 7)
        return (int64_t)random_next(random);
    return ts;
}

/* Goal: what is appended comes back, bit for bit and in order, over many blocks. */
Test(hot, gives_back_what_was_appended)
{
    struct random random;
    random_init(&random, rig_seed(3));
    for (int shape = 0; shape < (int)(sizeof shapes / sizeof shapes[0]); shape++) {
        static int64_t ts[SAMPLES_MAX];
        static uint64_t bits[SAMPLES_MAX];
        struct hot *head = NULL;
        struct hot_tail tail = {0};
        size_t bytes = 0;
        int n = 1000;
        for (int i = 0; i < n; i++) {
            ts[i] = time_of(shape, i, &random);
            bits[i] = value_of(shape, i, &random);
            bytes += hot_append(&head, (uint16_t)(i / 300), &tail, ts[i], bits[i]);
        }
        cr_assert_lt((double)bytes / n, shapes[shape].bytes_max + 1, "%s: %g bytes a sample",
                     shapes[shape].name, (double)bytes / n);
        struct samples s;
        samples_init(&s, NULL);
        const struct hot *chain[SAMPLES_MAX];
        int blocks = 0;
        for (const struct hot *h = head; h; h = h->older)
            chain[blocks++] = h;
        cr_assert_geq(blocks, 4, "a generation begins a block");
        while (blocks > 0)
            cr_assert_eq(hot_decode(chain[--blocks], &s), TSDB_OK);
        cr_assert_eq(s.count, (uint32_t)n);
        for (int i = 0; i < n; i++) {
            cr_assert_eq(s.ts[i], ts[i], "%s %d", shapes[shape].name, i);
            cr_assert_eq(bits_of(s.values[i]), bits[i], "%s %d", shapes[shape].name, i);
        }
        cr_assert_eq(hot_free(head), bytes, "what was charged is what is freed");
        samples_release(&s);
    }
}

Test(hot, marks_blocks_with_late_samples)
{
    struct hot *head = NULL;
    struct hot_tail tail = {0};
    (void)hot_append(&head, 0, &tail, 100, 1);
    (void)hot_append(&head, 0, &tail, 200, 1);
    cr_assert_eq(head->is_unsorted, 0);
    (void)hot_append(&head, 0, &tail, 150, 1);
    cr_assert_eq(head->is_unsorted, 1);
    (void)hot_free(head);
}

/* Goal: a block is left out only when none of its samples is wanted.  Late samples at any
 * place of a block, also as its first. */
Test(hot, blocks_outside_a_range_are_told)
{
    struct random random;
    random_init(&random, rig_seed(5));
    int outside = 0;
    for (int round = 0; round < 200; round++) {
        struct hot *head = NULL;
        struct hot_tail tail = {0};
        for (int i = 0; i < 1000; i++) {
            uint64_t chance = i % 100 ? 300 : 2; /* of the first of a block, often */
            int64_t late = random_below(&random, chance) ? 0 : (int64_t)random_below(&random, 400);
            uint64_t bits = random_next(&random);
            (void)hot_append(&head, (uint16_t)(i / 100), &tail, i + 1000 - late, bits);
        }
        int64_t start = 600 + (int64_t)random_below(&random, 1500);
        int64_t end = start + (int64_t)random_below(&random, 300);
        const struct hot *newer = NULL;
        struct samples s;
        samples_init(&s, NULL);
        for (const struct hot *h = head; h; newer = h, h = h->older) {
            if (!hot_is_outside(h, newer, start, end))
                continue;
            outside++;
            samples_reset(&s);
            cr_assert_eq(hot_decode(h, &s), TSDB_OK);
            for (uint32_t i = 0; i < s.count; i++)
                cr_assert(s.ts[i] < start || s.ts[i] > end, "%ld in [%ld, %ld]", (long)s.ts[i],
                          (long)start, (long)end);
        }
        samples_release(&s);
        (void)hot_free(head);
    }
    cr_assert_gt(outside, 200, "some blocks are outside: %d", outside);
}

Test(samples, order_cuts_rising_times_to_the_range)
{
    for (int64_t start = -1; start <= 11; start++)
        for (int64_t end = start; end <= 11; end++) {
            struct samples s;
            samples_init(&s, NULL);
            for (int64_t ts = 1; ts < 10; ts += 2)
                samples_put(&s, ts, (double)ts);
            cr_assert_eq(samples_order(&s, start, end), 0u);
            uint32_t n = 0;
            for (int64_t ts = 1; ts < 10; ts += 2) {
                if (ts < start || ts > end)
                    continue;
                cr_assert_eq(s.ts[n], ts);
                cr_assert_eq(s.values[n++], (double)ts);
            }
            cr_assert_eq(s.count, n, "[%ld, %ld]", (long)start, (long)end);
            samples_release(&s);
        }
}

/* Goal: whatever runs come in, times rise afterwards and of equal ones the first is kept. */
Test(samples, order_sorts_runs_and_noise)
{
    struct random random;
    random_init(&random, rig_seed(7));
    for (int round = 0; round < 300; round++) {
        enum { TIMES = 500 };
        double first[TIMES];
        for (int i = 0; i < TIMES; i++)
            first[i] = -1;
        struct samples s;
        samples_init(&s, NULL);
        int64_t ts = 0;
        uint32_t distinct = 0, n = 1 + (uint32_t)random_below(&random, 1000);
        uint64_t run = 1 + random_below(&random, 100);
        for (uint32_t i = 0; i < n; i++) {
            ts = random_below(&random, run) ? ts + (int64_t)random_below(&random, 3)
                                            : (int64_t)random_below(&random, TIMES);
            ts = ts < TIMES ? ts : 0;
            samples_put(&s, ts, i);
            distinct += first[ts] < 0;
            first[ts] = first[ts] < 0 ? i : first[ts];
        }
        cr_assert_eq(samples_order(&s, 0, TIMES), n - distinct);
        cr_assert_eq(s.count, distinct);
        for (uint32_t i = 0; i < s.count; i++) {
            cr_assert(i == 0 || s.ts[i] > s.ts[i - 1]);
            cr_assert_eq(s.values[i], first[s.ts[i]]);
        }
        samples_release(&s);
    }
}

Test(samples, order_keeps_the_first_of_equal_times)
{
    struct samples s;
    samples_init(&s, NULL);
    const int64_t ts[] = {5, 3, 5, 1, 3, 9};
    for (int i = 0; i < 6; i++)
        samples_put(&s, ts[i], i);
    cr_assert_eq(samples_order(&s, 2, 8), 2u);
    cr_assert_eq(s.count, 2u);
    cr_assert_eq(s.ts[0], 3);
    cr_assert_eq(s.values[0], 1);
    cr_assert_eq(s.ts[1], 5);
    cr_assert_eq(s.values[1], 0);
    samples_release(&s);
}
