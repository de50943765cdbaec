/* rig.h - a store with a metrics engine over simulated files and a simulated clock,
 * and the small batches that tests append. */
#ifndef TESTS_TSDB_METRICS_RIG_H
#define TESTS_TSDB_METRICS_RIG_H

#include "tsdb/base/fs_sim.h"
#include "tsdb/metrics/metrics.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { RIG_LABELS_MAX = 8 };

struct rig {
    struct fs_sim *sim;
    struct clock_sim clock;
    struct tsdb_options options;
    struct store store;
    struct metrics *m;
};

#define RIG_NOW (INT64_C(1767225600) * NS_PER_S) /* 2026-01-01 */

static inline enum tsdb_status rig_try_open(struct rig *r, struct tsdb_error *err)
{
    enum tsdb_status st = store_open(&r->options, &r->store, err);
    if (st == TSDB_OK) {
        st = metrics_open(&r->store, &r->options, &r->m, err);
        if (st != TSDB_OK)
            store_close(&r->store);
    }
    return st;
}

static inline void rig_open(struct rig *r)
{
    struct tsdb_error err = {0};
    cr_assert_eq(rig_try_open(r, &err), TSDB_OK, "%s", err.msg);
}

static inline void rig_init(struct rig *r)
{
    *r = (struct rig){.sim = fs_sim_new()};
    clock_sim_init(&r->clock, RIG_NOW);
    r->options = (struct tsdb_options){
        .dir = "/store",
        .fs = fs_sim_fs(r->sim),
        .clock = &r->clock.clock,
        .has_no_threads = true,
        .limits = {.memory_bytes = UINT64_C(1) << 30,
                   .labels_max = 64,
                   .name_bytes_max = 256,
                   .value_bytes_max = 4096,
                   .future_max = 10 * NS_PER_MINUTE},
    };
    rig_open(r);
}

static inline void rig_close(struct rig *r)
{
    metrics_close(r->m);
    store_close(&r->store);
    r->m = NULL;
}

static inline void rig_release(struct rig *r)
{
    rig_close(r);
    fs_sim_free(r->sim);
}

static inline void rig_sync(struct rig *r)
{
    while (journal_step(r->store.journal))
        ;
}

/* "name|k=v|k=v" -> labels, sorted as written. */
static inline uint32_t rig_labels(const char *text, struct tsdb_label out[RIG_LABELS_MAX])
{
    uint32_t n = 0;
    const char *at = strchr(text, '|');
    size_t name = at ? (size_t)(at - text) : strlen(text);
    if (name > 0)
        out[n++] = (struct tsdb_label){{"__name__", 8}, {text, name}};
    while (at) {
        const char *key = at + 1, *eq = strchr(key, '=');
        at = strchr(key, '|');
        size_t value = at ? (size_t)(at - eq - 1) : strlen(eq + 1);
        out[n++] = (struct tsdb_label){{key, (size_t)(eq - key)}, {eq + 1, value}};
    }
    return n;
}

struct rig_batch {
    const char *const *series;
    struct tsdb_label labels[RIG_LABELS_MAX];
};

static inline enum tsdb_status rig_labels_of(void *arg, uint32_t index, struct tsdb_labels *out)
{
    struct rig_batch *b = arg;
    out->count = rig_labels(b->series[index], b->labels);
    out->at = b->labels;
    return TSDB_OK;
}

static inline struct tsdb_hash rig_key(const struct rig *r, const char *series)
{
    struct tsdb_label labels[RIG_LABELS_MAX];
    uint32_t n = rig_labels(series, labels);
    return tsdb_labels_hash(r->m->head.seed, (struct tsdb_labels){labels, n});
}

static inline enum tsdb_status rig_append(struct rig *r, const char *series, int64_t ts, double v,
                                          enum tsdb_verdict *verdict)
{
    struct rig_batch b = {.series = &series};
    struct tsdb_point p = {.key = rig_key(r, series), .ts = ts, .value = v};
    struct tsdb_batch batch = {.points = &p, .point_count = 1, .labels = rig_labels_of, .arg = &b};
    struct tsdb_appended out;
    uint8_t verdicts[1];
    struct tsdb_error err = {0};
    enum tsdb_status st = metrics_append(r->m, &batch, &out, verdicts, &err);
    if (st == TSDB_OK && verdict)
        *verdict = (enum tsdb_verdict)verdicts[0];
    return st;
}

static inline void rig_put(struct rig *r, const char *series, int64_t ts, double v)
{
    enum tsdb_verdict verdict;
    cr_assert_eq(rig_append(r, series, ts, v, &verdict), TSDB_OK);
    cr_assert(verdict == TSDB_ACCEPTED, "%s: %s", series, tsdb_verdict_name(verdict));
}

static inline void rig_seal(struct rig *r)
{
    struct tsdb_error err = {0};
    cr_assert_eq(store_seal(r->m->store, &err), TSDB_OK, "%s", err.msg);
}

/* Selects with one matcher name=value. */
static inline struct series_set *rig_select(struct rig *r, const char *name, const char *value,
                                            int64_t start, int64_t end)
{
    struct matcher m;
    cr_assert_eq(matcher_init(&m, MATCH_EQ, (struct tsdb_text){name, strlen(name)},
                              (struct tsdb_text){value, strlen(value)}, NULL),
                 TSDB_OK);
    struct metrics_selection sel = {.matchers = &m, .matcher_count = 1, .start = start, .end = end};
    struct series_set *set;
    struct tsdb_error err = {0};
    cr_assert_eq(metrics_select(r->m, &sel, &set, &err), TSDB_OK, "%s", err.msg);
    matcher_release(&m);
    return set;
}

static inline uint64_t rig_seed(uint64_t otherwise)
{
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : otherwise;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    return seed;
}

#endif
