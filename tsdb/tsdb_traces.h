/* tsdb_traces.h - the traces of a store; a part of tsdb.h, which includes it.
 *
 * A span belongs to a trace by its id and to a source: the resource that made it and
 * the instrumentation scope.  Everything that OTLP says of a span is kept: attributes
 * with their types, events, links, trace state, counts of what the sender dropped.
 * Arrays and maps among attributes are compact JSON text (TSDB_FIELD_JSON), in which a
 * double always has a point or an exponent and an integer has none; bytes inside them are
 * base64 strings.
 *
 * A trace is what has its id, however late and in however many batches it came.
 * Times of queries are half-open: a span is in range when it starts in [start, end).
 */
#ifndef TSDB_TSDB_TRACES_H
#define TSDB_TSDB_TRACES_H

#include "tsdb/tsdb.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TSDB_TRACE_ID_BYTES = 16, TSDB_SPAN_ID_BYTES = 8 };

struct tsdb_trace_id {
    uint8_t at[TSDB_TRACE_ID_BYTES];
};
struct tsdb_span_id {
    uint8_t at[TSDB_SPAN_ID_BYTES];
};

/* As OTLP numbers them. */
enum tsdb_span_kind {
    TSDB_KIND_UNSPECIFIED = 0,
    TSDB_KIND_INTERNAL,
    TSDB_KIND_SERVER,
    TSDB_KIND_CLIENT,
    TSDB_KIND_PRODUCER,
    TSDB_KIND_CONSUMER,
};
enum tsdb_span_status { TSDB_STATUS_UNSET = 0, TSDB_STATUS_OK, TSDB_STATUS_ERROR };

struct tsdb_fields {
    const struct tsdb_field *at;
    uint32_t count;
    uint32_t dropped; /* more that the sender left out */
};

struct tsdb_span_event {
    int64_t ts;
    struct tsdb_text name;
    struct tsdb_fields attributes;
};

struct tsdb_span_link {
    struct tsdb_trace_id trace_id;
    struct tsdb_span_id span_id;
    struct tsdb_text trace_state;
    struct tsdb_fields attributes;
    uint32_t flags;
};

/* Where spans come from: a resource and a scope. */
struct tsdb_span_source {
    struct tsdb_fields resource, scope; /* attributes */
    struct tsdb_text scope_name, scope_version;
    struct tsdb_text resource_schema_url, scope_schema_url;
};

struct tsdb_span {
    struct tsdb_trace_id trace_id;
    struct tsdb_span_id span_id, parent_id; /* no parent: all zero */
    uint32_t source;                        /* index into the batch, or the trace */
    uint32_t flags;
    int64_t start, end; /* an end before the start is kept as it is */
    uint8_t kind;       /* enum tsdb_span_kind; other numbers are kept */
    uint8_t status;     /* enum tsdb_span_status; likewise */
    struct tsdb_text name, status_message, trace_state;
    struct tsdb_fields attributes;
    const struct tsdb_span_event *events;
    const struct tsdb_span_link *links;
    uint32_t event_count, link_count;
    uint32_t dropped_events, dropped_links;
};

/* ---- appending -------------------------------------------------------------- */

enum {
    TSDB_SPAN_BATCH_MAX = 4096,    /* spans */
    TSDB_SPAN_SOURCES_MAX = 1024,  /* of one batch */
    TSDB_SPAN_FIELDS_MAX = 1024,   /* attributes of a span, event, link, resource or scope */
    TSDB_SPAN_CHILDREN_MAX = 4096, /* events, and links, of a span */
    TSDB_SPAN_BYTES_MAX = 1 << 20, /* texts of a span with everything */
};

struct tsdb_span_batch {
    const char *tenant; /* "" is the default tenant */
    const struct tsdb_span_source *sources;
    const struct tsdb_span *spans;
    uint32_t source_count, span_count;
};

/* As tsdb_append; verdicts: one a span, or NULL.  A span is refused as TSDB_TOO_OLD,
 * TSDB_TOO_NEW (its start), TSDB_TOO_LARGE, TSDB_BAD_LABELS (its trace or span id is all
 * zero, or a name is not UTF-8 or empty), TSDB_SERIES_LIMIT (one tenant too many).  A span
 * that came twice is kept twice; answers show it once. */
TSDB_API TSDB_NODISCARD enum tsdb_status
tsdb_span_append(struct tsdb *db, const struct tsdb_span_batch *batch, struct tsdb_appended *out,
                 uint8_t *verdicts, struct tsdb_error *err);

/* ---- one trace ---------------------------------------------------------------- */

struct tsdb_trace {
    struct tsdb_trace_id id;
    const struct tsdb_span *spans;          /* by start, then span id; each span id and kind once */
    const struct tsdb_span_source *sources; /* each once */
    uint32_t span_count, source_count;
    bool is_partial; /* a damaged segment was left out, or bytes_max was reached */
};

/* The whole trace; freed with tsdb_trace_free.  start and end narrow the search to segments
 * that have spans in the range (0, 0: all); the trace comes whole from those.  bytes_max: of
 * the answer, 0: the engine's default.  TSDB_ENOTFOUND. */
TSDB_API TSDB_NODISCARD enum tsdb_status
tsdb_trace_read(struct tsdb *db, const char *tenant, const struct tsdb_trace_id *id, int64_t start,
                int64_t end, uint64_t bytes_max, struct tsdb_trace **out, struct tsdb_error *err);
TSDB_API void tsdb_trace_free(struct tsdb_trace *trace); /* NULL is a no-op */

/* ---- TraceQL -------------------------------------------------------------------- */

struct tsdb_trace_options {
    const char *tenant;
    int64_t start, end;     /* searches: the range; metric queries: the first and the last step */
    int64_t step;           /* metric queries; 0: one value over the whole range */
    uint32_t limit;         /* searches: traces; 0: 20 */
    uint32_t spans_per_set; /* searches: spans shown of a span set; 0: 3 */
    uint32_t exemplars;     /* metric queries: at most so many; 0: none */
    int64_t deadline;       /* ns; 0: two minutes */
    uint64_t bytes_max, series_max; /* 0: the engine's defaults */
};

/* A span of a search's answer, and what of it was asked for. */
struct tsdb_found_span {
    struct tsdb_span_id id;
    struct tsdb_text name;
    int64_t start, duration;
    struct tsdb_fields attributes; /* those that the query names or selects */
};

struct tsdb_span_set {
    const struct tsdb_found_span *spans; /* at most spans_per_set */
    uint32_t span_count;
    uint32_t matched;              /* how many there were */
    struct tsdb_fields attributes; /* of the set: by(...), count() and the like */
};

struct tsdb_service_count {
    struct tsdb_text service;
    uint32_t spans, errors;
};

/* A trace that a search found; borrowed until the next call. */
struct tsdb_found_trace {
    struct tsdb_trace_id id;
    struct tsdb_text root_service, root_name; /* "<root span not yet received>" as name: no root */
    int64_t start, duration;
    const struct tsdb_span_set *sets;
    const struct tsdb_service_count *services;
    uint32_t set_count, service_count;
};

struct tsdb_trace_stats {
    uint64_t groups, groups_skipped; /* skipped: by time, header or filter */
    uint64_t spans;                  /* rows of columns looked at */
    uint64_t spans_read;             /* spans put together whole */
    uint64_t traces;                 /* gathered, to be looked at whole */
    uint64_t bytes;                  /* decoded */
    int64_t exec_ns;
    bool is_partial;
};

struct tsdb_trace_query;

/* Parses and plans TraceQL.  Kinds: TSDB_TRACES (a search), TSDB_MATRIX, TSDB_VECTOR. */
TSDB_API TSDB_NODISCARD enum tsdb_status
tsdb_trace_query_open(struct tsdb *db, struct tsdb_text text,
                      const struct tsdb_trace_options *options, struct tsdb_trace_query **out,
                      struct tsdb_error *err);
TSDB_API enum tsdb_value_kind tsdb_trace_query_kind(const struct tsdb_trace_query *query);
/* Of TSDB_TRACES: the newest first.  TSDB_OK, TSDB_END or an error. */
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_trace_query_trace(struct tsdb_trace_query *query,
                                                                struct tsdb_found_trace *out,
                                                                struct tsdb_error *err);
/* Of the others, as tsdb_query_next; the names of labels are attributes as TraceQL writes
 * them ("resource.service.name"), and "__name__" is what the function is called where
 * nothing groups.  label_types: one a label (enum tsdb_field_type), for answers that keep
 * types. */
TSDB_API TSDB_NODISCARD enum tsdb_status tsdb_trace_query_next(struct tsdb_trace_query *query,
                                                               struct tsdb_result *out,
                                                               const uint8_t **label_types,
                                                               struct tsdb_error *err);
/* Exemplars of the series that tsdb_trace_query_next gave last. */
struct tsdb_trace_exemplar {
    int64_t ts;
    double value;
    struct tsdb_trace_id trace_id;
    struct tsdb_span_id span_id;
};
TSDB_API uint32_t tsdb_trace_query_exemplars(const struct tsdb_trace_query *query,
                                             const struct tsdb_trace_exemplar **out);
/* From any thread. */
TSDB_API void tsdb_trace_query_cancel(struct tsdb_trace_query *query);
TSDB_API void tsdb_trace_query_stats(const struct tsdb_trace_query *query,
                                     struct tsdb_trace_stats *out);
TSDB_API void tsdb_trace_query_close(struct tsdb_trace_query *query);

/* The canonical form of an expression, handed to `text`. */
TSDB_API TSDB_NODISCARD enum tsdb_status
tsdb_trace_query_format(struct tsdb_text query, void (*text)(void *arg, struct tsdb_text formatted),
                        void *arg, struct tsdb_error *err);

/* ---- what there is to ask for --------------------------------------------------- */

enum tsdb_trace_place {
    TSDB_PLACE_ANY = 0, /* asking: wherever */
    TSDB_PLACE_RESOURCE,
    TSDB_PLACE_SPAN,
    TSDB_PLACE_EVENT,
    TSDB_PLACE_LINK,
    TSDB_PLACE_SCOPE, /* "instrumentation" */
    TSDB_PLACE_INTRINSIC,
};

struct tsdb_trace_scope {
    const char *tenant;
    int64_t start, end;     /* groups that have spans in the range are looked at whole */
    struct tsdb_text query; /* TraceQL: only spans that its first filter lets pass; "": all */
    uint32_t limit;         /* 0: none */
};

typedef bool tsdb_trace_tag_fn(void *arg, enum tsdb_trace_place place, struct tsdb_text name);
/* Attribute names by place, sorted in each; not the intrinsics. */
TSDB_API TSDB_NODISCARD enum tsdb_status
tsdb_trace_tags(struct tsdb *db, const struct tsdb_trace_scope *scope, enum tsdb_trace_place place,
                tsdb_trace_tag_fn *fn, void *arg, struct tsdb_error *err);
/* Values as text, sorted by type, then text.  Of intrinsics: those with few values (name,
 * status, kind, rootName, rootServiceName and their scoped spellings); none of the others. */
typedef bool tsdb_trace_value_fn(void *arg, uint8_t type, struct tsdb_text value);
TSDB_API TSDB_NODISCARD enum tsdb_status
tsdb_trace_tag_values(struct tsdb *db, const struct tsdb_trace_scope *scope,
                      enum tsdb_trace_place place, struct tsdb_text name, tsdb_trace_value_fn *fn,
                      void *arg, struct tsdb_error *err);

#ifdef __cplusplus
}
#endif

#endif
