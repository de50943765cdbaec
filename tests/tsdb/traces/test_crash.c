/* Goal: no crash at any operation, in any state that the disk may be left in, loses a span
 * that was acknowledged, shows one that was never sent, or shows one twice; a crash while
 * recovering changes nothing of that.
 * Method: a fixed workload of appends, syncs, seals, groups, merges and expiry over simulated
 * files.  Power goes off after the nth operation, for every n; the disk keeps what the mode
 * says; the store is opened again and everything is compared, span by span and trace by trace.
 * Then the same with one EIO or ENOSPC at the nth operation instead. */
#include "tests/tsdb/traces/rig.h"

#include <errno.h>

enum { TRACES = 4, STEPS = 36 };

struct sent {
    int64_t start;
    uint64_t position;
    uint32_t trace, span;
    bool is_acked;
};

struct ledger {
    struct sent sent[STEPS * TRACES];
    uint32_t count;
};

struct totals {
    uint64_t states, faults, acked, lost, invented, torn, unopened;
};

static void ack(struct rig *r, struct ledger *l)
{
    uint64_t synced = journal_synced(r->store.journal);
    for (uint32_t i = 0; i < l->count; i++)
        if (l->sent[i].position <= synced)
            l->sent[i].is_acked = true;
}

/* One span of each trace; those of an old one, of which every step has a span, come late. */
static void send_step(struct rig *r, struct ledger *l, uint32_t step)
{
    for (uint32_t trace = 0; trace < TRACES; trace++) {
        struct sent *s = &l->sent[l->count++];
        int64_t back = step % 7 == 3 && trace == 2 ? 40 * NS_PER_DAY : 0;
        *s = (struct sent){.start = clock_wall_ns(&r->clock.clock) - back,
                           .position = UINT64_MAX,
                           .trace = trace + 1,
                           .span = step + 1};
        struct tsdb_span span = rig_span(s->trace, s->span, step, s->start, "step");
        struct tsdb_appended out;
        if (rig_append_all(r, "", "api", &span, 1, &out, NULL) == TSDB_OK)
            s->position = out.position;
    }
}

/* Faults are expected: whatever fails, the next step goes on. */
static void work(struct rig *r, struct ledger *l)
{
    for (uint32_t step = 0; step < STEPS; step++) {
        bool did;
        send_step(r, l, step);
        if (step % 2) {
            for (int i = 0; i < 4; i++)
                (void)journal_step(r->store.journal);
            ack(r, l);
        }
        if (step % 4 == 2)
            (void)!traces_group_open(r->t, UINT32_MAX, &did, NULL);
        if (step % 6 == 5) {
            (void)!store_seal(&r->store, NULL);
            ack(r, l);
        }
        if (step % 14 == 13)
            (void)!traces_merge(r->t, true, &did, NULL);
        if (step == 18)
            (void)!traces_expire(r->t, NULL);
        clock_sim_advance(&r->clock, 17 * NS_PER_MINUTE);
    }
    for (int i = 0; i < 4; i++)
        (void)journal_step(r->store.journal);
    ack(r, l);
}

static uint32_t times_found(const struct rig_rows *rows, const struct sent *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < rows->count; i++)
        n += rows->at[i].trace == s->trace && rows->at[i].span == s->span &&
             rows->at[i].start == s->start;
    return n;
}

/* Each trace by its id has what the parts have of it. */
static uint64_t torn_traces(struct rig *r, const struct rig_rows *rows)
{
    uint64_t torn = 0;
    for (uint32_t trace = 1; trace <= TRACES; trace++) {
        struct tsdb_trace_id id = rig_trace_id(trace);
        struct tsdb_trace *t = NULL;
        uint32_t want = 0;
        for (uint32_t i = 0; i < rows->count; i++)
            want += rows->at[i].trace == trace;
        enum tsdb_status st = traces_read(r->t, "", &id, 0, 0, 0, &t, NULL);
        torn += want == 0 ? st != TSDB_ENOTFOUND : st != TSDB_OK || t->span_count != want;
        traces_trace_free(t);
    }
    return torn;
}

static void compare(struct rig *r, const struct ledger *l, struct totals *t)
{
    struct rig_rows rows = {0};
    rig_select(r, "", INT64_MIN, INT64_MAX, &rows);
    uint32_t found = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        uint32_t n = times_found(&rows, &l->sent[i]);
        found += n > 0;
        t->acked += l->sent[i].is_acked;
        t->lost += l->sent[i].is_acked && n == 0;
    }
    t->invented += rows.count - found; /* those that came twice too */
    t->torn += torn_traces(r, &rows);
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
    printf("traces: crash states %llu | faults %llu | acked spans %llu | acked lost %llu | "
           "invented %llu | torn traces %llu | unopened %llu\n",
           (unsigned long long)t->states, (unsigned long long)t->faults,
           (unsigned long long)t->acked, (unsigned long long)t->lost,
           (unsigned long long)t->invented, (unsigned long long)t->torn,
           (unsigned long long)t->unopened);
    (void)fflush(stdout);
    cr_assert_eq(t->lost, 0u, "%llu acknowledged spans lost", (unsigned long long)t->lost);
    cr_assert_eq(t->invented, 0u);
    cr_assert_eq(t->torn, 0u);
    cr_assert_eq(t->unopened, 0u);
}

Test(crash, no_power_cut_loses_an_acknowledged_span)
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

Test(crash, no_fault_of_the_disk_loses_an_acknowledged_span)
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
