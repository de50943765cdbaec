/* Recovery: the journal back into the head.  Batches stand in the journal with all they need,
 * so one pass does; when many spans are open they become groups on the way, and the memory is
 * what the head held before the crash. */
#include "tsdb/store/replay.h"

#include "tsdb/base/status.h"
#include "tsdb/traces/engine.h"

static enum tsdb_status restore(void *arg, uint64_t position, struct bytes payload)
{
    return traces_restore(arg, position, payload);
}

enum tsdb_status traces_replay(struct traces *t, struct tsdb_error *err)
{
    struct store *store = t->store;
    struct replayed done;
    struct tsdb_error fault = {0};
    enum tsdb_status st = store_replay(store, TRACES_RECORD, restore, t, &done, &fault);
    if (st != TSDB_OK)
        return tsdb_fail(err, st, "replay of traces: %s", fault.msg);
    atomic_store(&t->replay_ns, done.ns);
    if (done.batches || done.damaged)
        store_event(store, TSDB_EVENT_PROGRESS,
                    "replay=done signal=traces spans=%llu batches=%llu damaged=%llu ms=%lld",
                    (unsigned long long)t->head.spans, (unsigned long long)done.batches,
                    (unsigned long long)done.damaged, (long long)(done.ns / NS_PER_MS));
    return TSDB_OK;
}
