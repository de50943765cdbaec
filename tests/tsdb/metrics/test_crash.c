/* Goal: no crash at any operation, in any state that the disk may be left in, loses a
 * sample that was acknowledged, or shows one that was never sent; a crash while
 * recovering changes nothing of that.
 * Method: a fixed workload of appends, syncs, seals, merges and a deletion over
 * simulated files.  Power goes off after the nth operation, for every n; the disk
 * keeps what the mode says; the store is opened again and everything is compared.
 * Then the same with one EIO or ENOSPC at the nth operation instead. */
#include "tests/tsdb/metrics/rig.h"

#include <errno.h>
#include <stdlib.h>

enum { SERIES = 5, STEPS = 26 };

struct sent {
    uint32_t series;
    int64_t ts;
    double value;
    uint64_t position;
    bool is_acked;
};

struct ledger {
    struct sent sent[STEPS * SERIES];
    uint32_t count;
};

struct totals {
    uint64_t states, faults, acked, lost, invented, unopened;
};

static const char *const names[SERIES] = {"a|x=1", "a|x=2", "b|x=1", "c|x=1|y=2", "d|x=3"};

static void ack(struct rig *r, struct ledger *l)
{
    uint64_t synced = journal_synced(r->store.journal);
    for (uint32_t i = 0; i < l->count; i++)
        if (l->sent[i].position <= synced)
            l->sent[i].is_acked = true;
}

static void send_step(struct rig *r, struct ledger *l, int step)
{
    for (uint32_t s = 0; s < SERIES; s++) {
        struct rig_batch b = {.series = &names[s]};
        int64_t back = step % 7 == 3 && s == 2 ? 3 * NS_PER_DAY : 0; /* late ones too */
        struct tsdb_point p = {.key = rig_key(r, names[s]),
                               .ts = clock_wall_ns(&r->clock.clock) - back,
                               .value = step * 100 + (double)s};
        struct tsdb_batch batch = {
            .points = &p, .point_count = 1, .labels = rig_labels_of, .arg = &b};
        struct tsdb_appended out;
        struct sent *sent = &l->sent[l->count++];
        *sent = (struct sent){s, p.ts, p.value, UINT64_MAX, false};
        if (metrics_append(r->m, &batch, &out, NULL, NULL) == TSDB_OK)
            sent->position = out.position;
    }
}

/* Faults are expected: whatever fails, the next step goes on. */
static void work(struct rig *r, struct ledger *l)
{
    for (int step = 0; step < STEPS; step++) {
        send_step(r, l, step);
        if (step % 2) {
            for (int i = 0; i < 4; i++)
                (void)journal_step(r->store.journal);
            ack(r, l);
        }
        if (step % 6 == 5) {
            (void)!store_seal(r->m->store, NULL);
            ack(r, l);
        }
        bool did;
        if (step == 14 || step == 25)
            (void)!metrics_merge(r->m, true, &did, NULL);
        clock_sim_advance(&r->clock, 17 * NS_PER_MINUTE);
    }
    for (int i = 0; i < 4; i++)
        (void)journal_step(r->store.journal);
    ack(r, l);
}

static bool find(const struct samples *s, const struct sent *sent)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->ts[i] == sent->ts)
            return s->values[i] == sent->value;
    return false;
}

static void compare(struct rig *r, const struct ledger *l, struct totals *t)
{
    struct samples s;
    samples_init(&s, NULL);
    for (uint32_t which = 0; which < SERIES; which++) {
        struct tsdb_label labels[RIG_LABELS_MAX];
        uint32_t n = rig_labels(names[which], labels), found = 0;
        struct matcher m[RIG_LABELS_MAX];
        for (uint32_t i = 0; i < n; i++)
            cr_assert_eq(matcher_init(&m[i], MATCH_EQ, labels[i].name, labels[i].value, NULL),
                         TSDB_OK);
        struct metrics_selection sel = {
            .matchers = m, .matcher_count = n, .start = INT64_MIN, .end = INT64_MAX};
        struct series_set *set;
        cr_assert_eq(metrics_select(r->m, &sel, &set, NULL), TSDB_OK);
        samples_reset(&s);
        if (series_set_count(set) == 1)
            cr_assert_eq(series_set_samples(set, 0, &s, NULL), TSDB_OK);
        for (uint32_t i = 0; i < l->count; i++) {
            if (l->sent[i].series != which)
                continue;
            bool is_there = find(&s, &l->sent[i]);
            found += is_there;
            t->acked += l->sent[i].is_acked;
            t->lost += l->sent[i].is_acked && !is_there;
        }
        t->invented += s.count - found;
        series_set_close(set);
    }
    samples_release(&s);
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
    printf("crash states %llu | faults %llu | acked samples %llu | acked lost %llu | invented "
           "%llu | unopened %llu\n",
           (unsigned long long)t->states, (unsigned long long)t->faults,
           (unsigned long long)t->acked, (unsigned long long)t->lost,
           (unsigned long long)t->invented, (unsigned long long)t->unopened);
    (void)fflush(stdout);
    cr_assert_eq(t->lost, 0u, "%llu acknowledged samples lost", (unsigned long long)t->lost);
    cr_assert_eq(t->invented, 0u);
    cr_assert_eq(t->unopened, 0u);
}

Test(crash, no_power_cut_loses_an_acknowledged_sample)
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

Test(crash, no_fault_of_the_disk_loses_an_acknowledged_sample)
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
