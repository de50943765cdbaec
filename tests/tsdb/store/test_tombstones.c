#include "tsdb/store/tombstones.h"

#include "tsdb/base/fs_sim.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/damage.h"

#include <criterion/criterion.h>

struct rig {
    struct fs_sim *sim;
    struct clock_sim clock;
    struct tsdb_options options;
    struct store store;
};

static void setup(struct rig *r)
{
    *r = (struct rig){.sim = fs_sim_new()};
    clock_sim_init(&r->clock, NS_PER_DAY);
    r->options = (struct tsdb_options){.dir = "/s",
                                       .fs = fs_sim_fs(r->sim),
                                       .clock = &r->clock.clock,
                                       .has_no_threads = true,
                                       .limits = {.memory_bytes = 1 << 30}};
    struct tsdb_error err = {0};
    cr_assert_eq(store_open(&r->options, &r->store, &err), TSDB_OK, "%s", err.msg);
}

static void teardown(struct rig *r)
{
    store_close(&r->store);
    fs_sim_free(r->sim);
}

static void erase(struct rig *r, enum store_signal signal, const char *value, int64_t end)
{
    struct tsdb_error err = {0};
    struct matcher m;
    cr_assert_eq(matcher_init(&m, MATCH_RE, text_of("job"), text_of(value), &err), TSDB_OK);
    struct deletion d = {signal, "blue", &m, 1, -5, end};
    mutex_lock(&r->store.tend);
    cr_assert_eq(tombstone_add(&r->store, &d, &err), TSDB_OK, "%s", err.msg);
    mutex_unlock(&r->store.tend);
    matcher_release(&m);
}

static struct tombstones *load(struct rig *r, enum store_signal signal)
{
    struct tsdb_error err = {0};
    struct tombstones *t = NULL;
    cr_assert_eq(tombstones_load(&r->store, signal, &t, &err), TSDB_OK, "%s", err.msg);
    return t;
}

Test(tombstones, each_signal_finds_its_own_again)
{
    struct rig r;
    setup(&r);
    erase(&r, STORE_METRICS, "a|b", 10);
    erase(&r, STORE_LOGS, "c", 20);
    erase(&r, STORE_LOGS, "d.*", 30);
    erase(&r, STORE_TRACES, "e", 40);
    for (int open = 0; open < 2; open++) {
        struct tombstones *metrics = load(&r, STORE_METRICS), *logs = load(&r, STORE_LOGS);
        cr_assert_eq(metrics->count, 1);
        cr_assert_eq(metrics->at[0].start, -5);
        cr_assert_eq(metrics->at[0].end, 10);
        cr_assert_eq(logs->count, 2);
        cr_assert_eq(logs->at[1].end, 30);
        cr_assert_lt(logs->at[0].id, logs->at[1].id);
        struct tsdb_label labels[] = {{{"__tenant__", 10}, {"blue", 4}}, {{"job", 3}, {"dog", 3}}};
        cr_assert(matchers_test(logs->at[1].matchers, logs->at[1].matcher_count,
                                (struct tsdb_labels){labels, 2}));
        cr_assert_not(matchers_test(logs->at[1].matchers, logs->at[1].matcher_count,
                                    (struct tsdb_labels){labels + 1, 1}),
                      "another tenant's");
        tombstones_unref(tombstones_ref(metrics));
        tombstones_unref(metrics);
        tombstones_unref(logs);
        store_close(&r.store);
        struct tsdb_error err = {0};
        cr_assert_eq(store_open(&r.options, &r.store, &err), TSDB_OK, "%s", err.msg);
    }
    teardown(&r);
}

static bool is_late(void *arg, const struct tombstone *t)
{
    return t->end > *(const int64_t *)arg;
}

Test(tombstones, those_not_needed_go)
{
    struct rig r;
    setup(&r);
    erase(&r, STORE_LOGS, "a", 10);
    erase(&r, STORE_LOGS, "b", 20);
    erase(&r, STORE_METRICS, "c", 5);
    struct tombstones *t = load(&r, STORE_LOGS);
    int64_t after = 15;
    bool did;
    struct tsdb_error err = {0};
    cr_assert_eq(tombstones_forget(&r.store, t, is_late, &after, &did, &err), TSDB_OK);
    cr_assert(did);
    tombstones_unref(t);
    t = load(&r, STORE_LOGS);
    cr_assert_eq(t->count, 1);
    cr_assert_eq(t->at[0].end, 20);
    cr_assert_eq(tombstones_forget(&r.store, t, is_late, &after, &did, &err), TSDB_OK);
    cr_assert_not(did);
    tombstones_unref(t);
    t = load(&r, STORE_METRICS);
    cr_assert_eq(t->count, 1, "another signal's stay");
    tombstones_unref(t);
    teardown(&r);
}

Test(tombstones, a_payload_that_does_not_decode_is_damage)
{
    struct rig r;
    setup(&r);
    static const uint8_t bad[] = {0x80, 0x00, STORE_LOGS, 2, 4, 1, 9, 1, 'a', 1, 'b'};
    struct manifest_tombstone tombstone = {store_take_id(&r.store), {bad, sizeof bad}};
    struct manifest_edit edit = {.tombstones_added = &tombstone, .tombstones_added_count = 1};
    struct tsdb_error err = {0};
    cr_assert_eq(store_apply(&r.store, &edit, &err), TSDB_OK);
    struct tombstones *t;
    cr_assert_eq(tombstones_load(&r.store, STORE_LOGS, &t, &err), TSDB_ECORRUPT);
    cr_assert_eq(tombstones_load(&r.store, STORE_TRACES, &t, &err), TSDB_OK);
    tombstones_unref(t);
    teardown(&r);
}
