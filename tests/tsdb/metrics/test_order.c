#include "tests/tsdb/metrics/rig.h"

#include "tsdb/metrics/order.h"

static int compare(const char *a, const char *b)
{
    struct tsdb_label x[RIG_LABELS_MAX], y[RIG_LABELS_MAX];
    int order = series_order((struct tsdb_labels){x, rig_labels(a, x)},
                             (struct tsdb_labels){y, rig_labels(b, y)});
    return (order > 0) - (order < 0);
}

Test(order, by_name_then_labels_then_le_by_its_number)
{
    static const char *const ascending[] = {
        "|a=1",      "m",        "m|le=0.5", "m|le=1", "m|le=1.0",   "m|le=2",    "m|le=10",
        "m|le=+Inf", "m|le=NaN", "m|le=x",   "m|a=1",  "m|a=1|le=5", "m|a=1|b=2", "m|a=1|b=2|le=5",
        "m|a=10",    "m|b=0",    "ma",       "n",
    };
    enum { N = sizeof ascending / sizeof ascending[0] };
    /* What has no number lies behind what has; a series without `le` has none. */
    static const int place[N] = {0, 7, 1, 2, 3, 4, 5, 6, 8, 9, 11, 10, 13, 12, 14, 15, 16, 17};
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            cr_assert_eq(compare(ascending[i], ascending[k]),
                         (place[i] > place[k]) - (place[i] < place[k]), "%s and %s", ascending[i],
                         ascending[k]);
}

Test(order, is_a_total_order_over_random_label_sets)
{
    static const char *const names[] = {"a", "b", "le", "z"};
    static const char *const values[] = {"1", "1.0", "0x1", "+Inf", "x", "", "10"};
    struct random random;
    random_init(&random, rig_seed(3));
    char sets[60][64];
    for (int i = 0; i < 60; i++) {
        int at = snprintf(sets[i], sizeof sets[i], "m%u", (unsigned)random_below(&random, 2));
        for (int k = 0; k < 4; k++) {
            const char *value = values[random_below(&random, 7)];
            if (random_below(&random, 2) && value[0])
                at +=
                    snprintf(sets[i] + at, sizeof sets[i] - (size_t)at, "|%s=%s", names[k], value);
        }
    }
    for (int i = 0; i < 60; i++)
        for (int k = 0; k < 60; k++) {
            cr_assert_eq(compare(sets[i], sets[k]), -compare(sets[k], sets[i]));
            cr_assert_eq(compare(sets[i], sets[k]) == 0, strcmp(sets[i], sets[k]) == 0, "%s %s",
                         sets[i], sets[k]);
            for (int n = 0; n < 60; n++)
                if (compare(sets[i], sets[k]) < 0 && compare(sets[k], sets[n]) < 0)
                    cr_assert_lt(compare(sets[i], sets[n]), 0);
        }
}
