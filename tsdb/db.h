/* db.h - what a struct tsdb is; for the facade's own files. */
#ifndef TSDB_DB_H
#define TSDB_DB_H

#include "tsdb/logs/logs.h"
#include "tsdb/metrics/metrics.h"
#include "tsdb/store/driver.h"
#include "tsdb/store/store.h"
#include "tsdb/tsdb.h"

struct tsdb {
    struct store store;
    struct metrics *metrics;
    struct logs *logs;
    struct driver driver;
    uint64_t journal_bytes_max;
    int64_t sealed_mono_ns, scrubbed_mono_ns, merge_again_mono_ns;
    uint64_t scrubbed_id, scrubbed_log_id;
};

#endif
