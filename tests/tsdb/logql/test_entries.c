#include "tsdb/logql/entries.h"

#include "tests/tsdb/logql/rig.h"
#include "tsdb/base/random.h"

#include <stdlib.h>

enum { RECORDS = 600 };

struct model {
    int64_t ms;
    uint32_t number;
};

static int by_time(const void *a, const void *b)
{
    const struct model *x = a, *y = b;
    return x->ms != y->ms ? (x->ms < y->ms ? -1 : 1)
                          : (x->number > y->number) - (x->number < y->number);
}

/* Times of an answer, in order; ties may come in any order. */
static uint32_t times_of(const char *text, int64_t *out)
{
    uint32_t n = 0;
    for (; *text; text = strchr(text, '\n') + 1)
        out[n++] = strtoll(text, NULL, 10);
    return n;
}

Test(entries, any_limit_and_direction_equals_a_sorted_list)
{
    uint64_t seed = 20261124;
    struct random random;
    random_init(&random, seed);
    struct rig r;
    rig_open(&r);
    static struct model all[RECORDS];
    for (uint32_t i = 0; i < RECORDS; i++) {
        char line[64], labels[32];
        all[i] = (struct model){(int64_t)random_below(&random, 900000), i};
        (void)snprintf(labels, sizeof labels, "app=a%u", i % 7);
        (void)snprintf(line, sizeof line, "line %u %s", i, i % 3 ? "even" : "odd");
        rig_put(&r, labels, all[i].ms, line, i % 2 ? "k=v" : "");
        if (i % 150 == 149)
            rig_seal(&r);
    }
    qsort(all, RECORDS, sizeof all[0], by_time);
    for (int round = 0; round < 60; round++) {
        int64_t base = RIG_NOW - 1000 * NS_PER_S;
        int64_t start = (int64_t)random_below(&random, 900000),
                end = start + (int64_t)random_below(&random, 900000);
        struct tsdb_log_options o = {.start = base + start * NS_PER_MS,
                                     .end = base + end * NS_PER_MS,
                                     .limit =
                                         random_below(&random, 3) ? random_below(&random, 300) : 0,
                                     .is_forward = random_below(&random, 2)};
        bool has_filter = random_below(&random, 2);
        const char *text =
            rig_ask_with(&r, has_filter ? "{app=~\"a.*\"} |= \"odd\"" : "{app=~\"a.*\"}", o);
        static int64_t got[RECORDS];
        uint32_t n = times_of(text, got), k = 0;
        for (uint32_t i = 0; i < RECORDS && (o.limit == 0 || k < o.limit); i++) {
            const struct model *m = &all[o.is_forward ? i : RECORDS - 1 - i];
            if (m->ms < start || m->ms >= end || (has_filter && m->number % 3))
                continue;
            cr_assert(k < n && got[k] == m->ms, "seed %llu round %d entry %u: want %lld",
                      (unsigned long long)seed, round, k, (long long)m->ms);
            k++;
        }
        cr_assert_eq(n, k, "seed %llu round %d: %u entries, want %u", (unsigned long long)seed,
                     round, n, k);
    }
    rig_close(&r);
}

Test(entries, interval_thins_each_stream)
{
    struct rig r;
    rig_open(&r);
    for (int i = 0; i < 10; i++) {
        rig_put(&r, "app=a", i * 1000, "x", "");
        rig_put(&r, "app=b", i * 1000, "y", "");
    }
    struct tsdb_log_options o = {.start = RIG_NOW - 1000 * NS_PER_S,
                                 .end = RIG_NOW,
                                 .interval = 3 * NS_PER_S,
                                 .is_forward = true};
    int64_t got[32];
    cr_assert_eq(times_of(rig_ask_with(&r, "{app=~\".+\"}", o), got), 8);
    cr_assert_eq(got[0], 0);
    cr_assert_eq(got[2], 3000);
    cr_assert_eq(got[7], 9000);
    o.limit = 3;
    cr_assert_eq(times_of(rig_ask_with(&r, "{app=~\".+\"}", o), got), 3);
    rig_close(&r);
}

Test(entries, the_query_budget_holds)
{
    struct rig r;
    rig_open(&r);
    static char line[4001];
    memset(line, 'x', sizeof line - 1);
    for (int i = 0; i < 300; i++)
        rig_put(&r, "app=a", i, line, "");
    struct tsdb_log_options o = {
        .start = RIG_NOW - 1000 * NS_PER_S, .end = RIG_NOW, .bytes_max = 800000};
    cr_assert(strstr(rig_ask_with(&r, "{app=\"a\"}", o), "error: "));
    o.limit = 5;
    int64_t got[8];
    o.bytes_max = 64 << 20;
    cr_assert_eq(times_of(rig_ask_with(&r, "{app=\"a\"}", o), got), 5);
    rig_close(&r);
}
