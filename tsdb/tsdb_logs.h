/* tsdb_logs.h - the logs of a store; a part of tsdb.h, which includes it.
 *
 * A record is a time, a line of any bytes and fields: typed attributes that this
 * record alone has.  It belongs to a stream: a label set, by which logs are
 * selected, and the attributes that all its records share (of their resource).
 * What comes in comes out: the line byte for byte, every attribute with its type.
 *
 * Field names are kept as they came ("http.method"); LogQL sees them made into
 * label names ("http_method").  Nested maps come in flattened, their keys joined
 * by dots; arrays are JSON text.
 *
 * Times of queries are half-open, as in Loki: start <= ts < end.
 */
#ifndef TSDB_TSDB_LOGS_H
#define TSDB_TSDB_LOGS_H

#include "tsdb/tsdb.h"

#ifdef __cplusplus
extern "C" {
#endif

enum tsdb_field_type {
    TSDB_FIELD_STRING = 0,
    TSDB_FIELD_INT,
    TSDB_FIELD_DOUBLE,
    TSDB_FIELD_BOOL,  /* integer: 0 or 1 */
    TSDB_FIELD_BYTES, /* shown as base64 */
    TSDB_FIELD_ID,    /* trace and span ids: bytes, shown as lower-case hex */
    TSDB_FIELD_JSON,  /* arrays and empty maps: compact JSON */
    TSDB_FIELD_TYPE_COUNT,
};

struct tsdb_field {
    struct tsdb_text name; /* UTF-8, not empty */
    uint8_t type;          /* enum tsdb_field_type */
    union {
        struct tsdb_text text; /* STRING, BYTES, ID, JSON */
        int64_t integer;       /* INT, BOOL */
        double real;           /* DOUBLE, bit-exact */
    };
};

/* ---- appending -------------------------------------------------------------- */

struct tsdb_log_stream {
    struct tsdb_labels labels; /* at least one; need not be canonical */
    const struct tsdb_field *attributes;
    uint32_t attribute_count;
};

struct tsdb_log_record {
    uint32_t stream; /* index into the batch */
    uint32_t field_count;
    int64_t ts;
    struct tsdb_text line;
    const struct tsdb_field *fields; /* a repeated (name, type) is kept once, the first */
};

enum {
    TSDB_LOG_BATCH_MAX = 4096,   /* records */
    TSDB_LOG_STREAMS_MAX = 4096, /* of one batch */
    TSDB_LOG_LINE_MAX = 1024 * 1024 /* bytes; the limit may be lower */,
    TSDB_LOG_FIELDS_MAX = 512,
};

struct tsdb_log_batch {
    const char *tenant; /* "" is the default tenant */
    const struct tsdb_log_stream *streams;
    const struct tsdb_log_record *records;
    uint32_t stream_count, record_count;
};

/* As tsdb_append; verdicts: one a record, or NULL.  A record is refused as
 * TSDB_TOO_OLD, TSDB_TOO_NEW, TSDB_TOO_LARGE (its line or fields), or for its stream
 * as TSDB_BAD_LABELS, TSDB_LABEL_LIMIT, TSDB_SERIES_LIMIT. */
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_log_append(struct tsdb *db,
                                                         const struct tsdb_log_batch *batch,
                                                         struct tsdb_appended *out,
                                                         uint8_t *verdicts, struct tsdb_error *err);

/* ---- asking ------------------------------------------------------------------ */

struct tsdb_log_options {
    const char *tenant;
    int64_t start,
        end;      /* log queries: start <= ts < end; metric queries: the first and the last step */
    int64_t step; /* metric queries; 0: an instant query at end */
    int64_t interval; /* log queries: at most one entry a stream in so many ns; 0: all */
    uint64_t limit;   /* log queries: entries; 0: no limit */
    bool is_forward;  /* oldest first; else newest first */
    int64_t deadline; /* ns; 0: two minutes */
    uint64_t bytes_max, series_max; /* 0: the engine's defaults */
};

/* One line of an answer, borrowed until the next call.  The three sets are
 * disjoint: a label that a stage set hides the one before. */
struct tsdb_log_entry {
    int64_t ts;
    struct tsdb_text line;
    struct tsdb_labels stream, metadata, parsed; /* each canonical; values as text */
};

struct tsdb_log_stats {
    uint64_t streams, groups, groups_skipped; /* skipped: by time, stream or filter */
    uint64_t records, bytes;                  /* looked at; bytes of lines in the clear */
    uint64_t entries;                         /* in the answer */
    int64_t exec_ns;
    bool is_partial; /* a damaged segment was left out */
};

struct tsdb_log_query;

/* Parses and plans LogQL. */
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_log_query_open(struct tsdb *db, struct tsdb_text text,
                                                             const struct tsdb_log_options *options,
                                                             struct tsdb_log_query **out,
                                                             struct tsdb_error *err);
/* TSDB_STREAMS, or what PromQL answers. */
TSDB_API enum tsdb_value_kind tsdb_log_query_kind(const struct tsdb_log_query *query);
/* Of TSDB_STREAMS: entries in order of time.  TSDB_OK, TSDB_END or an error. */
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_log_query_entry(struct tsdb_log_query *query,
                                                              struct tsdb_log_entry *out,
                                                              struct tsdb_error *err);
/* Of the others, as tsdb_query_next. */
TSDB_API TSDB_NODISCARD enum tsdb_status
tsdb_log_query_next(struct tsdb_log_query *query, struct tsdb_result *out, struct tsdb_error *err);
/* From any thread. */
TSDB_API void tsdb_log_query_cancel(struct tsdb_log_query *query);
TSDB_API const char *tsdb_log_query_warning(const struct tsdb_log_query *query, uint32_t index);
TSDB_API void tsdb_log_query_stats(const struct tsdb_log_query *query, struct tsdb_log_stats *out);
TSDB_API void tsdb_log_query_close(struct tsdb_log_query *query);

/* The canonical form of an expression, handed to `text`. */
TSDB_API TSDB_NODISCARD enum tsdb_status
tsdb_log_query_format(struct tsdb_text query, void (*text)(void *arg, struct tsdb_text formatted),
                      void *arg, struct tsdb_error *err);

/* As their twins of metrics; the scope's selectors are LogQL stream selectors, its
 * times half-open.  Attributes of streams are not labels. */
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_log_label_names(struct tsdb *db,
                                                              const struct tsdb_scope *scope,
                                                              tsdb_text_fn *fn, void *arg,
                                                              struct tsdb_error *err);
TSDB_API TSDB_NODISCARD enum tsdb_status
tsdb_log_label_values(struct tsdb *db, struct tsdb_text name, const struct tsdb_scope *scope,
                      tsdb_text_fn *fn, void *arg, struct tsdb_error *err);
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_log_streams(struct tsdb *db,
                                                          const struct tsdb_scope *scope,
                                                          tsdb_series_fn *fn, void *arg,
                                                          struct tsdb_error *err);

/* What a stream holds in a range, from headers alone where they tell it.  Streams
 * come sorted by labels; bytes are those of the lines. */
struct tsdb_log_volume {
    struct tsdb_labels labels;
    uint64_t entries, bytes, groups;
};
typedef bool tsdb_log_volume_fn(void *arg, const struct tsdb_log_volume *volume);
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_log_volumes(struct tsdb *db,
                                                          const struct tsdb_scope *scope,
                                                          tsdb_log_volume_fn *fn, void *arg,
                                                          struct tsdb_error *err);

/* ---- following ----------------------------------------------------------------- */

struct tsdb_log_tail;

/* Every record that is appended from now on and that the log query (no metric one)
 * lets pass, once it is durable. */
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_log_tail_open(struct tsdb *db, const char *tenant,
                                                            struct tsdb_text text,
                                                            struct tsdb_log_tail **out,
                                                            struct tsdb_error *err);
/* Does not wait: TSDB_END when there is nothing more at the moment. */
TSDB_API TSDB_NODISCARD enum tsdb_status
tsdb_log_tail_next(struct tsdb_log_tail *tail, struct tsdb_log_entry *out, struct tsdb_error *err);
/* Records lost because the reader was too slow, since the last call. */
TSDB_API uint64_t tsdb_log_tail_dropped(struct tsdb_log_tail *tail);
TSDB_API void tsdb_log_tail_close(struct tsdb_log_tail *tail);

/* ---- tending ------------------------------------------------------------------- */

/* Hides the records of the scope's streams in [start, end) at once. */
TSDB_API TSDB_NODISCARD enum tsdb_status
tsdb_log_delete(struct tsdb *db, const struct tsdb_scope *scope, struct tsdb_error *err);

/* Records of streams that match the selector are kept for `period`, where that is
 * shorter than the retention. */
struct tsdb_log_retention {
    const char *tenant, *selector;
    int64_t period;
};

#ifdef __cplusplus
}
#endif

#endif
