/* Goal: appending, selecting, grouping, sealing and merging at once lose nothing and show nothing
 * twice (also under TSan). */
#include "tests/tsdb/logs/rig.h"

enum { WRITERS = 2, BATCHES = 300, RECORDS = 40 };

struct work {
    struct rig *r;
    uint32_t which;
    _Atomic uint32_t *running;
    uint64_t appended;
};

static void *append(void *arg)
{
    struct work *w = arg;
    char app[8], line[RECORDS][24];
    (void)snprintf(app, sizeof app, "app%u", w->which);
    struct tsdb_label label = {rig_text("app"), rig_text(app)};
    struct tsdb_log_stream stream = {.labels = {&label, 1}};
    struct tsdb_log_record records[RECORDS];
    for (uint32_t i = 0; i < BATCHES; i++) {
        for (uint32_t k = 0; k < RECORDS; k++) {
            (void)snprintf(line[k], sizeof line[k], "%u of %u", k, i);
            records[k] = (struct tsdb_log_record){.ts = RIG_NOW + i * RECORDS + k,
                                                  .line = rig_text(line[k])};
        }
        struct tsdb_log_batch batch = {"", &stream, records, 1, RECORDS};
        struct tsdb_appended out;
        cr_assert_eq(logs_append(w->r->l, &batch, &out, NULL, NULL), TSDB_OK);
        w->appended += out.counts[TSDB_ACCEPTED];
    }
    (void)atomic_fetch_sub(w->running, 1);
    return NULL;
}

static uint64_t rows_of(const struct logs_set *set)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < logs_set_parts(set); i++)
        for (uint32_t k = 0; k < logs_set_part(set, i)->run_count; k++)
            rows += logs_set_part(set, i)->runs[k].rows;
    return rows;
}

static uint64_t count_rows(struct rig *r)
{
    struct logs_selection all = {.start = INT64_MIN, .end = INT64_MAX};
    struct logs_set *set;
    cr_assert_eq(logs_select(r->l, &all, NULL, &set, NULL), TSDB_OK);
    uint64_t rows = rows_of(set);
    logs_set_close(set);
    return rows;
}

static void *read_on(void *arg)
{
    struct work *w = arg;
    uint64_t before = 0;
    while (atomic_load(w->running) > 0) {
        uint64_t now = count_rows(w->r);
        cr_assert_geq(now, before, "%llu after %llu", (unsigned long long)now,
                      (unsigned long long)before);
        before = now;
    }
    return NULL;
}

Test(seal, everything_at_once, .timeout = 120)
{
    struct rig r;
    rig_init(&r);
    _Atomic uint32_t running = WRITERS;
    struct thread threads[WRITERS + 1];
    struct work works[WRITERS + 1];
    for (uint32_t i = 0; i <= WRITERS; i++) {
        works[i] = (struct work){.r = &r, .which = i, .running = &running};
        thread_start(&threads[i], "work", i < WRITERS ? append : read_on, &works[i]);
    }
    for (uint32_t i = 0; atomic_load(&running) > 0; i++) {
        bool did;
        rig_sync(&r);
        if (i % 4 == 0)
            rig_seal(&r);
        else if (i % 4 == 1)
            cr_assert_eq(logs_merge(r.l, true, &did, NULL), TSDB_OK);
        else
            cr_assert_eq(logs_group_open(r.l, UINT32_MAX, &did, NULL), TSDB_OK);
    }
    for (uint32_t i = 0; i <= WRITERS; i++)
        thread_join(&threads[i]);
    cr_assert_eq(works[0].appended + works[1].appended, (uint64_t)WRITERS * BATCHES * RECORDS);
    cr_assert_eq(count_rows(&r), (uint64_t)WRITERS * BATCHES * RECORDS);
    rig_seal(&r);
    cr_assert_eq(count_rows(&r), (uint64_t)WRITERS * BATCHES * RECORDS);
    rig_release(&r);
}

Test(seal, a_failure_leaves_everything_in_the_head)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, "api", RIG_NOW, "one");
    for (int i = 1; i < 12; i++) {
        fs_sim_fail(r.sim, FS_SIM_ANY_CHANGE, (uint64_t)i, 28, FS_SIM_ONCE);
        enum tsdb_status st = store_seal(&r.store, NULL);
        fs_sim_heal(r.sim);
        cr_assert_str_eq(rig_lines(&r, "app", "api", INT64_MIN, INT64_MAX), "one", "%d", i);
        if (st == TSDB_OK)
            break;
        rig_sync(&r);
    }
    rig_seal(&r);
    rig_put(&r, "api", RIG_NOW, "two");
    rig_reopen(&r);
    cr_assert_str_eq(rig_lines(&r, "app", "api", INT64_MIN, INT64_MAX), "one,two");
    rig_release(&r);
}

Test(seal, generations_are_kept_apart)
{
    struct rig r;
    bool did;
    rig_init(&r);
    rig_put(&r, "api", RIG_NOW, "one");
    r.l->head.generation++; /* as a seal whose write failed leaves it */
    rig_put(&r, "api", RIG_NOW, "two");
    cr_assert_eq(logs_group_open(r.l, UINT32_MAX, &did, NULL), TSDB_OK);
    cr_assert_eq(r.l->head.hot_count, 1u);
    cr_assert_eq(r.l->head.open_count, 1u);
    cr_assert_eq(logs_group_open(r.l, 1, &did, NULL), TSDB_OK);
    cr_assert(!did);
    cr_assert_str_eq(rig_lines(&r, "app", "api", INT64_MIN, INT64_MAX), "one,two");
    rig_seal(&r);
    cr_assert_str_eq(rig_lines(&r, "app", "api", INT64_MIN, INT64_MAX), "one,two");
    rig_release(&r);
}
