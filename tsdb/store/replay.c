#include "tsdb/store/replay.h"

struct replay {
    uint8_t type;
    replay_restore_fn *fn;
    void *arg;
    struct replayed *out;
};

static enum tsdb_status on_record(void *arg, uint64_t position, uint8_t type, struct bytes payload)
{
    struct replay *r = arg;
    if (type != r->type)
        return TSDB_OK;
    enum tsdb_status st = r->fn(r->arg, position, payload);
    if (st == TSDB_ECORRUPT) {
        r->out->damaged++;
        return TSDB_OK;
    }
    r->out->batches++;
    return st;
}

enum tsdb_status store_replay(struct store *s, uint8_t type, replay_restore_fn *fn, void *arg,
                              struct replayed *out, struct tsdb_error *err)
{
    struct replay r = {type, fn, arg, out};
    int64_t began = clock_mono_ns(s->clock);
    *out = (struct replayed){0};
    uint64_t limit = atomic_exchange(&s->budget.limit, UINT64_MAX);
    enum tsdb_status st =
        journal_replay(s->journal, manifest_floor(s->manifest), on_record, &r, err);
    atomic_store(&s->budget.limit, limit);
    out->ns = clock_mono_ns(s->clock) - began;
    return st;
}
