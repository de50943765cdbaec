/* tsdb.h - the engine's one public header.
 *
 * A store is a folder: a journal, immutable segments and a manifest.  Samples
 * go in through tsdb_append, which answers a journal position; once
 * tsdb_synced() has reached it they survive a crash.  Queries see a sample as
 * soon as its append returned.
 *
 * Units: every timestamp and duration is int64 nanoseconds (since the epoch,
 * UTC).  Text is UTF-8, length-counted, not NUL-terminated.
 * Memory: malloc failing aborts the process; what a peer or a query may size is
 * charged to a budget first and answers TSDB_ELIMIT.
 * Threads: every function may be called from any thread unless it says
 * otherwise; a handle other than struct tsdb belongs to one caller at a time.
 */
#ifndef TSDB_TSDB_H
#define TSDB_TSDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TSDB_API __attribute__((visibility("default")))
#define TSDB_NODISCARD __attribute__((warn_unused_result))

/* What the caller should do, not what happened; the text says that. */
enum tsdb_status {
    TSDB_OK = 0,
    TSDB_END,       /* iterator: no more items; not a failure */
    TSDB_ENOTFOUND, /* the named thing does not exist */
    TSDB_ECORRUPT,  /* bytes do not decode; retrying cannot help */
    TSDB_ELIMIT,    /* a configured budget is exhausted; ask for less or retry later */
    TSDB_EIO,       /* the kernel said no; see error.os_errno */
    TSDB_EINVAL,    /* caller-supplied value or query text is wrong */
    TSDB_EEXEC,     /* the query is valid but cannot be answered over these series */
    TSDB_ECANCELED, /* the caller went away, or the deadline passed */
};

struct tsdb_error {
    enum tsdb_status status;
    int os_errno;  /* 0 unless status is TSDB_EIO */
    char msg[512]; /* always NUL-terminated, one line, no trailing dot */
};

struct tsdb_text {
    const char *at;
    size_t len;
};

struct tsdb_label {
    struct tsdb_text name, value;
};

/* A label set.  Canonical: sorted by name (bytewise), no empty values, no
 * repeated names.  What the engine hands out is canonical; what it is handed
 * need not be, and is refused only where a name repeats. */
struct tsdb_labels {
    const struct tsdb_label *at;
    uint32_t count;
};

struct tsdb_hash {
    uint64_t lo, hi;
};

/* ---- native histograms (Prometheus model) --------------------------------- */

enum { TSDB_SCHEMA_CUSTOM = -53 }; /* schema of custom (explicit) bucket bounds */

struct tsdb_bucket_span {
    int32_t offset;  /* gap to the previous span; of the first: its first index */
    uint32_t length; /* consecutive buckets */
};

enum tsdb_reset_hint {
    TSDB_RESET_UNKNOWN = 0,
    TSDB_RESET_YES,
    TSDB_RESET_NO,
    TSDB_RESET_GAUGE,
};

/* One native histogram.  Bucket counts are absolute (not deltas), in span
 * order; integer histograms hold exact integers in the doubles (counts above
 * 2^53 are refused at the door).  All arrays borrowed. */
struct tsdb_histogram {
    int32_t schema; /* -4..8, or TSDB_SCHEMA_CUSTOM */
    uint8_t hint;   /* enum tsdb_reset_hint */
    bool is_float;  /* counts are floats (a float histogram on the wire) */
    double zero_threshold, zero_count;
    double count, sum; /* sum carries the stale marker for a stale histogram */
    uint32_t positive_span_count, negative_span_count;
    uint32_t positive_count, negative_count, custom_count;
    const struct tsdb_bucket_span *positive_spans, *negative_spans;
    const double *positive, *negative;
    const double *custom; /* upper bounds, ascending, without +Inf */
};

/* ---- opening ---------------------------------------------------------------- */

struct tsdb_log_retention; /* tsdb_logs.h */

struct fs;    /* tsdb/base/fs.h: NULL means the real one */
struct clock; /* tsdb/base/clock.h: NULL means the real one */

enum tsdb_sync {
    TSDB_SYNC_ALWAYS = 0, /* positions advance only over synced bytes */
    TSDB_SYNC_INTERVAL,   /* ... over written bytes; synced every second */
    TSDB_SYNC_OS,         /* ... over written bytes; synced by the kernel */
};

struct tsdb_limits {
    uint64_t memory_bytes;     /* whole engine: heads, journal buffers, queries */
    uint64_t series_max;       /* active series per tenant */
    uint64_t series_new_per_s; /* churn per tenant, averaged over 10 s */
    uint32_t labels_max;       /* labels a series */
    uint32_t name_bytes_max, value_bytes_max;
    int64_t future_max;                          /* a sample may lie this far ahead */
    int64_t past_max;                            /* ... and this far back; 0: the retention */
    uint32_t log_line_bytes_max, log_fields_max; /* of one record; fields may have as many bytes */
};

/* A tenant's own, instead of the common ones; memory_bytes is the engine's alone. */
struct tsdb_tenant_limits {
    const char *tenant;
    struct tsdb_limits limits;
};

enum tsdb_event_kind {
    TSDB_EVENT_PROGRESS, /* replay, sealing, merging: text says how far */
    TSDB_EVENT_DEGRADED, /* can no longer acknowledge; text says why */
    TSDB_EVENT_RECOVERED,
    TSDB_EVENT_QUARANTINE, /* a damaged file was set aside */
    TSDB_EVENT_BACKGROUND, /* a seal, merge or retention step ended */
};

struct tsdb_event {
    enum tsdb_event_kind kind;
    const char *text; /* one line; valid during the call */
};

struct tsdb_options {
    const char *dir;
    struct fs *fs;
    struct clock *clock;
    enum tsdb_sync sync;
    int64_t retention;          /* 0: for ever */
    uint64_t retention_bytes;   /* 0: no bound */
    uint64_t journal_bytes_max; /* seals when the journal holds more; 0: 512 MiB */
    bool has_no_threads;        /* simulation: the caller drives tsdb_step() */
    bool is_read_only;
    const struct tsdb_log_retention *log_retention; /* the first that matches counts; copied */
    size_t log_retention_count;
    struct tsdb_limits limits;
    const struct tsdb_tenant_limits *tenant_limits; /* copied */
    size_t tenant_limits_count;
    /* Called from the engine's threads, with no lock held. */
    void (*on_event)(void *arg, const struct tsdb_event *event);
    /* tsdb_synced() advanced, or acknowledging became (im)possible. */
    void (*on_synced)(void *arg);
    void *arg;
};

struct tsdb;

/* Fills in every default. */
TSDB_API void tsdb_options_init(struct tsdb_options *options);

/* Creates or recovers the store.  TSDB_EINVAL when another process holds it. */
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_open(const struct tsdb_options *options,
                                                   struct tsdb **out, struct tsdb_error *err);
/* Syncs what is pending, stops the threads, leaves the journal for the next
 * open.  tsdb_close(NULL) is a no-op. */
TSDB_API void tsdb_close(struct tsdb *db);

/* New limits and retention from now on. */
TSDB_API void tsdb_configure(struct tsdb *db, const struct tsdb_options *options);

/* ---- appending -------------------------------------------------------------- */

/* The seed of series keys: kept in the store, the same for its whole life. */
TSDB_API uint64_t tsdb_seed(const struct tsdb *db);

/* One sample as a sender names it.  `key` is any 128-bit hash, seeded with
 * tsdb_seed, of bytes that always mean the same label set; the engine asks for
 * the labels only when it has not met the key.  The hash of the canonical
 * labels (tsdb_labels_hash) is such a key. */
struct tsdb_point {
    struct tsdb_hash key;
    int64_t ts;
    double value;                           /* bit-exact, NaN payloads included */
    const struct tsdb_histogram *histogram; /* NULL for a float sample */
};

struct tsdb_exemplar {
    uint32_t point; /* index into the batch: names the series */
    int64_t ts;
    double value;
    struct tsdb_labels labels;
};

enum tsdb_metric_type {
    TSDB_METRIC_UNKNOWN = 0,
    TSDB_METRIC_COUNTER,
    TSDB_METRIC_GAUGE,
    TSDB_METRIC_HISTOGRAM,
    TSDB_METRIC_GAUGEHISTOGRAM,
    TSDB_METRIC_SUMMARY,
    TSDB_METRIC_INFO,
    TSDB_METRIC_STATESET,
};

struct tsdb_metadata {
    struct tsdb_text family, help, unit;
    enum tsdb_metric_type type;
};

enum tsdb_verdict {
    TSDB_ACCEPTED = 0,
    TSDB_DUPLICATE, /* same series, time and value: stored once; counts as accepted */
    TSDB_CONFLICT,  /* same series and time, another value: the first stays */
    TSDB_TOO_OLD,
    TSDB_TOO_NEW,
    TSDB_BAD_LABELS,   /* repeated or empty name, not UTF-8, no labels at all */
    TSDB_LABEL_LIMIT,  /* too many or too long */
    TSDB_SERIES_LIMIT, /* the tenant's active series, or memory for another one */
    TSDB_CHURN_LIMIT,  /* the tenant's new series per second */
    TSDB_BAD_HISTOGRAM,
    TSDB_TOO_LARGE, /* a log record's line or fields */
    TSDB_VERDICT_COUNT,
};

/* Name of a verdict for counters and answers: "too_old". */
TSDB_API const char *tsdb_verdict_name(enum tsdb_verdict verdict);

enum { TSDB_BATCH_POINTS_MAX = 4096 };

struct tsdb_batch {
    const char *tenant; /* "" is the default tenant */
    const struct tsdb_point *points;
    uint32_t point_count; /* at most TSDB_BATCH_POINTS_MAX */
    /* Of each point: since when the series has counted from 0; 0: not known, or nothing that
     * counts.  NULL: of none.  A series that holds nothing at or after that time gets a zero
     * there (a float, or an empty histogram), before the point, where it lies before the
     * point by at most a day and is not too old; a start that gives none refuses nothing. */
    const int64_t *starts;
    const struct tsdb_exemplar *exemplars;
    uint32_t exemplar_count;
    const struct tsdb_metadata *metadata;
    uint32_t metadata_count;
    /* The labels of points[index]; borrowed until the next call.  Anything but
     * TSDB_OK rejects the point as TSDB_BAD_LABELS. */
    enum tsdb_status (*labels)(void *arg, uint32_t index, struct tsdb_labels *out);
    void *arg;
};

struct tsdb_appended {
    uint64_t position; /* acknowledge when tsdb_synced() >= position */
    uint32_t counts[TSDB_VERDICT_COUNT];
    uint32_t exemplars; /* kept */
    uint32_t zeros;     /* put at start times; in none of the counts */
};

/* verdicts: one per point, or NULL.  TSDB_ELIMIT: memory or journal buffers are
 * full, nothing of the batch was taken, retry later.  TSDB_EIO: the journal
 * cannot be written; nothing may be acknowledged until tsdb_is_writable(). */
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_append(struct tsdb *db,
                                                     const struct tsdb_batch *batch,
                                                     struct tsdb_appended *out, uint8_t *verdicts,
                                                     struct tsdb_error *err);

/* Every position up to this one is durable as the sync mode defines it. */
TSDB_API uint64_t tsdb_synced(const struct tsdb *db);
TSDB_API bool tsdb_is_writable(const struct tsdb *db);

/* ---- asking ------------------------------------------------------------------ */

struct tsdb_query_options {
    const char *tenant;
    int64_t start, end; /* inclusive; instant query: start == end and step == 0 */
    int64_t step;
    int64_t lookback; /* 0: five minutes */
    int64_t deadline; /* nanoseconds the query may take; 0: two minutes */
    uint64_t samples_max, series_max, bytes_max; /* 0: the engine's defaults */
};

enum tsdb_value_kind {
    TSDB_SCALAR,
    TSDB_STRING,
    TSDB_VECTOR,
    TSDB_MATRIX,
    TSDB_STREAMS,
    TSDB_TRACES,
};

/* One series of the answer; borrowed until the next tsdb_query_next. */
struct tsdb_result {
    struct tsdb_labels labels;
    uint32_t count;
    const int64_t *ts;
    const double *values;                           /* where histograms[i] is NULL */
    const struct tsdb_histogram *const *histograms; /* NULL: none in this series */
    struct tsdb_text string;                        /* TSDB_STRING */
};

struct tsdb_query_stats {
    uint64_t series, samples, samples_peak, bytes_peak;
    int64_t plan_ns, exec_ns;
    bool is_partial; /* a damaged segment was left out */
};

struct tsdb_query;

/* Parses and plans PromQL. */
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_query_open(struct tsdb *db, struct tsdb_text text,
                                                         const struct tsdb_query_options *options,
                                                         struct tsdb_query **out,
                                                         struct tsdb_error *err);
TSDB_API enum tsdb_value_kind tsdb_query_kind(const struct tsdb_query *query);
/* TSDB_OK, TSDB_END or an error.  Range queries answer series sorted by labels. */
TSDB_API TSDB_NODISCARD enum tsdb_status
tsdb_query_next(struct tsdb_query *query, struct tsdb_result *out, struct tsdb_error *err);
/* From any thread: the running tsdb_query_next ends soon with TSDB_ECANCELED. */
TSDB_API void tsdb_query_cancel(struct tsdb_query *query);
/* Annotations so far: index 0, 1, ... until NULL. */
TSDB_API const char *tsdb_query_warning(const struct tsdb_query *query, uint32_t index);
TSDB_API const char *tsdb_query_info(const struct tsdb_query *query, uint32_t index);
TSDB_API void tsdb_query_stats(const struct tsdb_query *query, struct tsdb_query_stats *out);
TSDB_API void tsdb_query_close(struct tsdb_query *query);

/* The canonical multi-line form of an expression, handed to `text`. */
TSDB_API TSDB_NODISCARD enum tsdb_status
tsdb_query_format(struct tsdb_text query, void (*text)(void *arg, struct tsdb_text formatted),
                  void *arg, struct tsdb_error *err);

/* What a look-up covers: series matched by any of the selectors (PromQL
 * instant selectors; none: all) with data in [start, end]. */
struct tsdb_scope {
    const char *tenant;
    const struct tsdb_text *selectors;
    uint32_t selector_count;
    int64_t start, end;
    uint64_t limit; /* 0: none */
};

/* Each visitor returns false to stop.  Names and values come sorted. */
typedef bool tsdb_text_fn(void *arg, struct tsdb_text text);
typedef bool tsdb_series_fn(void *arg, struct tsdb_labels labels);
typedef bool tsdb_exemplar_fn(void *arg, struct tsdb_labels series,
                              const struct tsdb_exemplar *exemplar);
typedef bool tsdb_metadata_fn(void *arg, const struct tsdb_metadata *metadata);

TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_label_names(struct tsdb *db,
                                                          const struct tsdb_scope *scope,
                                                          tsdb_text_fn *fn, void *arg,
                                                          struct tsdb_error *err);
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_label_values(struct tsdb *db, struct tsdb_text name,
                                                           const struct tsdb_scope *scope,
                                                           tsdb_text_fn *fn, void *arg,
                                                           struct tsdb_error *err);
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_series(struct tsdb *db,
                                                     const struct tsdb_scope *scope,
                                                     tsdb_series_fn *fn, void *arg,
                                                     struct tsdb_error *err);
/* Exemplars of the series that the query's selectors name, by series, then time. */
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_exemplars(struct tsdb *db, struct tsdb_text query,
                                                        const struct tsdb_scope *scope,
                                                        tsdb_exemplar_fn *fn, void *arg,
                                                        struct tsdb_error *err);
TSDB_API void tsdb_metadata(struct tsdb *db, const char *tenant, tsdb_metadata_fn *fn, void *arg);

/* Seeded hash of a label set in canonical order; see tsdb_point. */
TSDB_API struct tsdb_hash tsdb_labels_hash(uint64_t seed, struct tsdb_labels labels);

#ifdef __cplusplus
}
#endif

#include "tsdb/tsdb_logs.h"   /* the rest of it: logs, */
#include "tsdb/tsdb_tend.h"   /* ... and tending */
#include "tsdb/tsdb_traces.h" /* traces */

#endif
