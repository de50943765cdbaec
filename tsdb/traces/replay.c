/* Recovery: the journal back into the head.  Batches stand in the journal with all they need,
 * so one pass does; when many spans are open they become groups on the way, and the memory is
 * what the head held before the crash. */
#include "tsdb/traces/engine.h"

#include "tsdb/base/status.h"

struct replay {
    struct traces *t;
    uint64_t batches, damaged;
};

/* A record that does not decode although its checksum was right is skipped and
 * counted: it must not keep the rest from coming back. */
static enum tsdb_status on_record(void *arg, uint64_t position, uint8_t type, struct bytes payload)
{
    struct replay *r = arg;
    if (type != TRACES_RECORD)
        return TSDB_OK;
    enum tsdb_status st = traces_restore(r->t, position, payload);
    if (st == TSDB_ECORRUPT) {
        r->damaged++;
        return TSDB_OK;
    }
    r->batches++;
    return st;
}

enum tsdb_status traces_replay(struct traces *t, struct tsdb_error *err)
{
    struct store *store = t->store;
    struct replay r = {.t = t};
    struct tsdb_error fault = {0};
    int64_t began = clock_mono_ns(store->clock);
    /* What was acknowledged comes back even when it is more than a limit that was
     * lowered: appends are refused then until sealing has made room. */
    uint64_t limit = atomic_exchange(&store->budget.limit, UINT64_MAX);
    enum tsdb_status st =
        journal_replay(store->journal, manifest_floor(store->manifest), on_record, &r, &fault);
    atomic_store(&store->budget.limit, limit);
    if (st != TSDB_OK)
        return tsdb_fail(err, st, "replay of traces: %s", fault.msg);
    atomic_store(&t->replay_ns, clock_mono_ns(store->clock) - began);
    if (r.batches || r.damaged)
        store_event(store, TSDB_EVENT_PROGRESS,
                    "replay=done signal=traces spans=%llu batches=%llu damaged=%llu ms=%lld",
                    (unsigned long long)t->head.spans, (unsigned long long)r.batches,
                    (unsigned long long)r.damaged,
                    (long long)(atomic_load(&t->replay_ns) / NS_PER_MS));
    return TSDB_OK;
}
