/* tsdb_tend.h - sealing, deleting, copying, checking, and the figures of a store; a part of
 * tsdb.h, which includes it. */
#ifndef TSDB_TSDB_TEND_H
#define TSDB_TSDB_TEND_H

#include "tsdb/tsdb.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tending ----------------------------------------------------------------- */

/* Seals the heads and finishes every due merge before it returns. */
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_seal(struct tsdb *db, struct tsdb_error *err);
/* Hides the samples of the scope's series in [start, end] at once (durable when
 * it returns); merges remove them. */
TSDB_API TSDB_NODISCARD enum tsdb_status
tsdb_delete(struct tsdb *db, const struct tsdb_scope *scope, struct tsdb_error *err);
/* A consistent copy by hard links under dir/snapshots/NAME; a store by itself. */
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_snapshot(struct tsdb *db, const char *name,
                                                       struct tsdb_error *err);
/* has_no_threads: one bounded step of journal and background work; false when
 * there was nothing to do. */
TSDB_API bool tsdb_step(struct tsdb *db);

struct tsdb_stats {
    uint64_t series_active, series_created, samples_appended, samples_duplicate;
    uint64_t journal_bytes, journal_syncs, journal_pending_bytes;
    int64_t journal_sync_ns_last, journal_sync_ns_p99, journal_oldest_unsynced_ns;
    uint64_t segments, segment_bytes, segment_samples, segment_chunk_bytes, segment_index_bytes;
    uint64_t quarantined, seals, merges, expired, tombstones;
    uint64_t memory_bytes, memory_limit, head_bytes, label_pairs, exemplars;
    int64_t head_ts_min, head_ts_max, seal_ns_total, merge_ns_total, replay_ns;
    uint64_t disk_free_bytes;
    uint64_t log_streams, log_records, log_head_bytes; /* records: ever appended */
    uint64_t log_segments, log_segment_bytes, log_segment_records;
    uint64_t trace_spans, trace_head_bytes; /* spans: ever appended */
    uint64_t trace_segments, trace_segment_bytes, trace_segment_spans;
};
TSDB_API void tsdb_stats(struct tsdb *db, struct tsdb_stats *out);

/* Label pairs of the tenant's active series, in no order.  fn must not call the engine. */
typedef bool tsdb_cardinality_fn(void *arg, struct tsdb_label pair, uint32_t series);
TSDB_API void tsdb_cardinality(struct tsdb *db, const char *tenant, tsdb_cardinality_fn *fn,
                               void *arg);

struct tsdb_segment_info {
    /* "metrics"; "logs": samples are records, series streams; "traces": spans, traces */
    const char *name, *signal;
    uint32_t level;
    int64_t ts_min, ts_max;
    uint64_t bytes, series, samples, chunk_bytes, index_bytes;
};
typedef bool tsdb_segment_fn(void *arg, const struct tsdb_segment_info *info);
TSDB_API void tsdb_segments(struct tsdb *db, tsdb_segment_fn *fn, void *arg);

/* Re-reads every byte under dir and checks every checksum, through `report`
 * (one line a fault).  TSDB_ECORRUPT when there was any. */
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_verify(struct fs *fs, const char *dir,
                                                     void (*report)(void *arg, const char *line),
                                                     void *arg, struct tsdb_error *err);

#ifdef __cplusplus
}
#endif

#endif
