/* Any text, asked as an instant and as a range query over a small random store:
 * it answers or it fails, and leaves nothing behind.  The first byte chooses the
 * store and the times. */
#include "random_query.h"

#include <stdlib.h>

static void ask(struct metrics *m, struct tsdb_text text, int64_t step)
{
    static struct clock_sim clock;
    struct budget budget;
    struct query *q = NULL;
    struct tsdb_error err;
    struct tsdb_result got;
    clock_sim_init(&clock, 0);
    budget_init(&budget, 4 << 20, NULL);
    struct query_store store = {.metrics = m, .clock = &clock.clock, .budget = &budget};
    struct tsdb_query_options options = {.start = 300 * NS_PER_S,
                                         .end = (step ? 500 : 300) * NS_PER_S,
                                         .step = step,
                                         .samples_max = 200000};
    enum tsdb_status st = query_open(&store, text, &options, &q, &err);
    while (st == TSDB_OK)
        st = query_next(q, &got, &err);
    query_close(q);
    ASSERT(st != TSDB_EIO && st != TSDB_ECORRUPT && st != TSDB_ENOTFOUND);
    ASSERT(budget_used(&budget) == 0);
    ASSERT(m->open_sets == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct metrics *stores[4];
    if (len == 0)
        return 0;
    struct metrics **m = &stores[data[0] % 4];
    if (!*m) {
        struct random r;
        random_init(&r, data[0] % 4);
        *m = random_store(&r);
    }
    struct tsdb_text text = {(const char *)data + 1, len - 1};
    ask(*m, text, 0);
    ask(*m, text, (1 + data[0] / 4) * NS_PER_S);
    return 0;
}
