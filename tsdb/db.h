/* db.h - what a struct tsdb is; for the facade's own files. */
#ifndef TSDB_DB_H
#define TSDB_DB_H

#include "tsdb/logs/logs.h"
#include "tsdb/metrics/metrics.h"
#include "tsdb/store/driver.h"
#include "tsdb/store/store.h"
#include "tsdb/traces/traces.h"
#include "tsdb/tsdb.h"

struct tsdb {
    struct store store;
    struct metrics *metrics;
    struct logs *logs;
    struct traces *traces;
    struct driver driver;
    uint64_t journal_bytes_max;
    _Atomic uint64_t retention_bytes; /* 0: no bound */
    int64_t sealed_mono_ns, scrubbed_mono_ns, merge_again_mono_ns;
    uint64_t scrubbed_id, scrubbed_log_id, scrubbed_trace_id;
};

/* Drops the oldest segment, of whatever signal, while all together are larger than
 * retention_bytes (segments.c). */
TSDB_NODISCARD enum tsdb_status db_expire_by_size(struct tsdb *db, struct tsdb_error *err);

#endif
