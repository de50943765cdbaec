/* Goal: no crash at any operation, in any state that the disk may be left in, loses a
 * record that was acknowledged, shows one that was never sent, or shows one twice; a crash
 * while recovering changes nothing of that.
 * Method: a fixed workload of appends, syncs, seals, groups, merges, a deletion and expiry over
 * simulated files.  Power goes off after the nth operation, for every n; the disk keeps
 * what the mode says; the store is opened again and everything is compared.  Then the same
 * with one EIO or ENOSPC at the nth operation instead. */
#include "tests/tsdb/logs/rig.h"

#include <errno.h>

enum { APPS = 4, STEPS = 24, LINE_MAX = 32 };

struct sent {
    char line[LINE_MAX];
    int64_t ts;
    uint64_t position;
    uint32_t app;
    bool is_acked, may_be_deleted;
};

struct ledger {
    struct sent sent[STEPS * APPS];
    uint32_t count;
};

struct totals {
    uint64_t states, faults, acked, lost, invented, unopened;
};

static const char *const apps[APPS] = {"api", "db", "web", "cron"};

static void ack(struct rig *r, struct ledger *l)
{
    uint64_t synced = journal_synced(r->store.journal);
    for (uint32_t i = 0; i < l->count; i++)
        if (l->sent[i].position <= synced)
            l->sent[i].is_acked = true;
}

static void send_step(struct rig *r, struct ledger *l, int step)
{
    for (uint32_t app = 0; app < APPS; app++) {
        struct sent *s = &l->sent[l->count++];
        int64_t back = step % 7 == 3 && app == 2 ? 40 * NS_PER_DAY : 0; /* late ones too */
        *s = (struct sent){
            .ts = clock_wall_ns(&r->clock.clock) - back, .position = UINT64_MAX, .app = app};
        (void)snprintf(s->line, LINE_MAX, "step %d of %u", step, app);
        struct tsdb_label label = {rig_text("app"), rig_text(apps[app])};
        struct tsdb_log_stream stream = {.labels = {&label, 1}};
        struct tsdb_log_record record = {.ts = s->ts, .line = rig_text(s->line)};
        struct tsdb_log_batch batch = {
            .streams = &stream, .records = &record, .stream_count = 1, .record_count = 1};
        struct tsdb_appended out;
        if (logs_append(r->l, &batch, &out, NULL, NULL) == TSDB_OK)
            s->position = out.position;
    }
}

/* What cron said so far: gone, or, when that failed, gone or not. */
static void delete_cron(struct rig *r, struct ledger *l)
{
    struct matcher m;
    cr_assert_eq(matcher_init(&m, MATCH_EQ, rig_text("app"), rig_text("cron"), NULL), TSDB_OK);
    struct logs_selection sel = {"", &m, 1, INT64_MIN, INT64_MAX};
    (void)!logs_delete(r->l, &sel, NULL);
    matcher_release(&m);
    for (uint32_t i = 0; i < l->count; i++)
        l->sent[i].may_be_deleted = l->sent[i].may_be_deleted || l->sent[i].app == 3;
}

/* Faults are expected: whatever fails, the next step goes on. */
static void work(struct rig *r, struct ledger *l)
{
    for (int step = 0; step < STEPS; step++) {
        bool did;
        send_step(r, l, step);
        if (step % 2) {
            for (int i = 0; i < 4; i++)
                (void)journal_step(r->store.journal);
            ack(r, l);
        }
        if (step % 4 == 2)
            (void)!logs_group_open(r->l, UINT32_MAX, &did, NULL);
        if (step % 6 == 5) {
            (void)!store_seal(&r->store, NULL);
            ack(r, l);
        }
        if (step == 9)
            delete_cron(r, l);
        if (step == 14 || step == 23)
            (void)!logs_merge(r->l, true, &did, NULL);
        if (step == 18)
            (void)!logs_expire(r->l, NULL);
        clock_sim_advance(&r->clock, 17 * NS_PER_MINUTE);
    }
    for (int i = 0; i < 4; i++)
        (void)journal_step(r->store.journal);
    ack(r, l);
}

static bool is_row(const struct rig_row *row, const struct sent *s)
{
    char text[96];
    (void)snprintf(text, sizeof text, "{app=%s,} | %s |", apps[s->app], s->line);
    return row->ts == s->ts && strcmp(row->text, text) == 0;
}

static void compare(struct rig *r, const struct ledger *l, struct totals *t)
{
    struct rig_rows rows = {0};
    struct logs_selection all = {.tenant = "", .start = INT64_MIN, .end = INT64_MAX};
    rig_select(r, &all, &rows, NULL);
    uint32_t found = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct sent *s = &l->sent[i];
        bool is_there = false;
        for (uint32_t k = 0; k < rows.count && !is_there; k++)
            is_there = is_row(&rows.at[k], s);
        found += is_there;
        t->acked += s->is_acked;
        t->lost += s->is_acked && !s->may_be_deleted && !is_there;
    }
    t->invented += rows.count - found; /* those that came twice too: lines differ */
    rig_rows_release(&rows);
}

/* Opens what the crash left and compares; again after a second crash on the way. */
static void recover(struct rig *r, const struct ledger *l, enum fs_sim_mode mode,
                    struct random *random, struct totals *t)
{
    uint64_t again = random_below(random, 40);
    fs_sim_power_off_after(r->sim, again);
    if (rig_try_open(r, NULL) == TSDB_OK)
        rig_close(r);
    fs_sim_crash(r->sim, mode, random);
    struct tsdb_error err = {0};
    enum tsdb_status st = rig_try_open(r, &err);
    t->states++;
    if (st != TSDB_OK) {
        cr_log_error("does not open: %s", err.msg);
        t->unopened++;
        return;
    }
    compare(r, l, t);
    rig_close(r);
}

static void crash_at(uint64_t op, enum fs_sim_mode mode, struct random *random, struct totals *t)
{
    struct ledger l = {0};
    struct rig r;
    rig_init(&r);
    fs_sim_power_off_after(r.sim, op);
    work(&r, &l);
    rig_close(&r);
    fs_sim_crash(r.sim, mode, random);
    recover(&r, &l, mode, random, t);
    fs_sim_free(r.sim);
}

static void fault_at(uint64_t op, int os_errno, enum fs_sim_how how, struct random *random,
                     struct totals *t)
{
    struct ledger l = {0};
    struct rig r;
    rig_init(&r);
    fs_sim_fail(r.sim, FS_SIM_ANY_CHANGE, op, os_errno, how);
    work(&r, &l);
    t->faults += fs_sim_faults(r.sim);
    rig_close(&r);
    fs_sim_heal(r.sim);
    fs_sim_crash(r.sim, FS_SIM_LOSE_ALL, random);
    recover(&r, &l, FS_SIM_LOSE_ALL, random, t);
    fs_sim_free(r.sim);
}

static uint64_t count_ops(void)
{
    struct ledger l = {0};
    struct rig r;
    rig_init(&r);
    uint64_t before = fs_sim_ops(r.sim);
    work(&r, &l);
    uint64_t ops = fs_sim_ops(r.sim) - before;
    rig_release(&r);
    return ops;
}

static void report(const struct totals *t)
{
    printf("logs: crash states %llu | faults %llu | acked records %llu | acked lost %llu | "
           "invented %llu | unopened %llu\n",
           (unsigned long long)t->states, (unsigned long long)t->faults,
           (unsigned long long)t->acked, (unsigned long long)t->lost,
           (unsigned long long)t->invented, (unsigned long long)t->unopened);
    (void)fflush(stdout);
    cr_assert_eq(t->lost, 0u, "%llu acknowledged records lost", (unsigned long long)t->lost);
    cr_assert_eq(t->invented, 0u);
    cr_assert_eq(t->unopened, 0u);
}

Test(crash, no_power_cut_loses_an_acknowledged_record)
{
    struct random random;
    random_init(&random, rig_seed(7));
    struct totals t = {0};
    uint64_t ops = count_ops();
    cr_assert_gt(ops, 100u, "the workload does something: %llu", (unsigned long long)ops);
    for (uint64_t op = 1; op <= ops; op++)
        crash_at(op, (enum fs_sim_mode)(op % FS_SIM_MODE_COUNT), &random, &t);
    for (uint64_t op = 2; op <= ops; op += 5)
        crash_at(op, FS_SIM_LOSE_ALL, &random, &t);
    report(&t);
}

Test(crash, no_fault_of_the_disk_loses_an_acknowledged_record)
{
    struct random random;
    random_init(&random, rig_seed(8));
    struct totals t = {0};
    uint64_t ops = count_ops();
    for (uint64_t op = 1; op <= ops; op += 2) {
        fault_at(op, EIO, FS_SIM_ONCE, &random, &t);
        fault_at(op + 1, ENOSPC, op % 3 ? FS_SIM_SHORT : FS_SIM_FOR_EVER, &random, &t);
    }
    cr_assert_gt(t.faults, 50u);
    report(&t);
}
