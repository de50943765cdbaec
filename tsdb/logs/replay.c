/* Recovery: the journal back into the head.  Batches stand in the journal with their streams, so
 * one pass does; when many rows are open they become groups on the way, and the memory is
 * what the head held before the crash. */
#include "tsdb/store/replay.h"

#include "tsdb/base/status.h"
#include "tsdb/logs/engine.h"

static enum tsdb_status restore(void *arg, uint64_t position, struct bytes payload)
{
    return logs_restore(arg, position, payload);
}

enum tsdb_status logs_replay(struct logs *l, struct tsdb_error *err)
{
    struct store *store = l->store;
    struct replayed done;
    struct tsdb_error fault = {0};
    enum tsdb_status st = store_replay(store, LOGS_RECORD, restore, l, &done, &fault);
    if (st != TSDB_OK)
        return tsdb_fail(err, st, "replay of logs: %s", fault.msg);
    atomic_store(&l->replay_ns, done.ns);
    if (done.batches || done.damaged)
        store_event(store, TSDB_EVENT_PROGRESS,
                    "replay=done signal=logs records=%llu batches=%llu damaged=%llu ms=%lld",
                    (unsigned long long)l->head.records, (unsigned long long)done.batches,
                    (unsigned long long)done.damaged, (long long)(done.ns / NS_PER_MS));
    return TSDB_OK;
}
