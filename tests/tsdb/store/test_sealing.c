#include "tsdb/store/sealing.h"

#include "tsdb/base/fs_sim.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/store/store.h"

#include <criterion/criterion.h>
#include <string.h>

/* A signal that notes in which order it is called: t(urn), w(rite), p(ublish), a(bandon). */
struct part {
    struct store *store;
    char *calls;
    char name;
    bool fails;
};

static void note(struct part *p, char what)
{
    size_t n = strlen(p->calls);
    p->calls[n] = what;
    p->calls[n + 1] = p->name;
}

static void turn(void *arg)
{
    note(arg, 't');
}

static enum tsdb_status write_one(void *arg, struct seal_edit *edit, struct tsdb_error *err)
{
    struct part *p = arg;
    note(p, 'w');
    if (p->fails)
        return tsdb_fail(err, TSDB_EIO, "asked to fail");
    struct segment_writer *w;
    struct segment_facts facts;
    char path[STORE_PATH_MAX];
    uint64_t id = store_take_id(p->store);
    store_segment_path(p->store, id, STORE_LOGS, path);
    cr_assert_eq(segment_writer_open(p->store->fs, path, &w, err), TSDB_OK);
    segment_section_begin(w, 1);
    cr_assert_eq(segment_write(w, (struct bytes){(const uint8_t *)"x", 1}, err), TSDB_OK);
    segment_section_end(w);
    cr_assert_eq(segment_writer_seal(w, &facts, err), TSDB_OK);
    seal_edit_add(edit, &(struct manifest_segment){.id = id,
                                                   .signal = STORE_LOGS,
                                                   .ts_min = 1,
                                                   .ts_max = 2,
                                                   .bytes = facts.bytes,
                                                   .series = 1,
                                                   .samples = 1,
                                                   .content = facts.content});
    return TSDB_OK;
}

static void publish(void *arg)
{
    note(arg, 'p');
}

static void abandon(void *arg, bool may_be_listed)
{
    note(arg, may_be_listed ? 'A' : 'a');
}

struct rig {
    struct fs_sim *sim;
    struct clock_sim clock;
    struct store store;
    struct part parts[2];
    char calls[64];
};

static void setup(struct rig *r, const char *dir)
{
    *r = (struct rig){.sim = fs_sim_new()};
    clock_sim_init(&r->clock, NS_PER_DAY);
    struct tsdb_options options = {.dir = dir,
                                   .fs = fs_sim_fs(r->sim),
                                   .clock = &r->clock.clock,
                                   .limits = {.memory_bytes = 1 << 30},
                                   .has_no_threads = true};
    struct tsdb_error err = {0};
    cr_assert_eq(store_open(&options, &r->store, &err), TSDB_OK, "%s", err.msg);
    for (int i = 0; i < 2; i++) {
        r->parts[i] = (struct part){&r->store, r->calls, (char)('0' + i), false};
        store_add_sealer(&r->store,
                         &(struct sealer){&r->parts[i], turn, write_one, publish, abandon});
    }
}

static void teardown(struct rig *r)
{
    store_close(&r->store);
    fs_sim_free(r->sim);
}

static uint64_t put_record(struct rig *r)
{
    uint64_t position = 0;
    struct bytes part = {(const uint8_t *)"record", 6};
    struct tsdb_error err = {0};
    cr_assert_eq(journal_append(r->store.journal, 1, &part, 1, &position, &err), TSDB_OK);
    return position;
}

Test(sealing, all_signals_share_one_edit_and_one_floor)
{
    struct rig r;
    setup(&r, "a");
    uint64_t position = put_record(&r);
    struct tsdb_error err = {0};
    cr_assert_eq(store_seal(&r.store, &err), TSDB_OK, "%s", err.msg);
    cr_assert_str_eq(r.calls, "t0t1w0w1p0p1");
    size_t count;
    (void)manifest_segments(r.store.manifest, &count);
    cr_assert_eq(count, 2);
    cr_assert_eq(manifest_floor(r.store.manifest), position);
    cr_assert_eq(atomic_load(&r.store.seals), 1);
    teardown(&r);
}

Test(sealing, one_that_fails_stops_all)
{
    struct rig r;
    setup(&r, "b");
    (void)put_record(&r);
    uint64_t floor = manifest_floor(r.store.manifest);
    r.parts[1].fails = true;
    struct tsdb_error err = {0};
    cr_assert_eq(store_seal(&r.store, &err), TSDB_EIO);
    cr_assert_str_eq(r.calls, "t0t1w0w1a0a1");
    size_t count;
    (void)manifest_segments(r.store.manifest, &count);
    cr_assert_eq(count, 0);
    cr_assert_eq(manifest_floor(r.store.manifest), floor);
    cr_assert_eq(atomic_load(&r.store.seals), 0);
    r.parts[1].fails = false;
    r.calls[0] = 0;
    memset(r.calls, 0, sizeof r.calls);
    cr_assert_eq(store_seal(&r.store, &err), TSDB_OK, "%s", err.msg);
    cr_assert_str_eq(r.calls, "t0t1w0w1p0p1");
    teardown(&r);
}
