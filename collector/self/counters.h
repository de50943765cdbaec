/* counters.h - what the process counts about itself.
 *
 * One table, COUNTERS below, declares every family: identifier, kind, name,
 * unit, help and up to three label dimensions.  Dimensions are closed sets (the
 * enums further down): a peer can never create a series here.  Adding to a cell
 * is one relaxed atomic add.
 *
 *   counters_add(ITEMS_REJECTED, AT(SIGNAL_METRICS, DOOR_OTLP_HTTP, REASON_TOO_OLD), 3);
 *   counters_set(CONNECTIONS_OPEN, AT(LISTENER_HTTP), 12);
 *   counters_observe(ACK_LATENCY, AT(DOOR_OTLP_GRPC), ns);
 *
 * Units: a family whose unit is "seconds" holds nanoseconds and is divided on
 * the way out; every other family holds plain integers.  Histograms are
 * durations, in the buckets of counters_bounds_ns.
 * Names: OpenMetrics 1.0 families; a counter's samples end in _total.  A family
 * with many cells shows those that were ever touched (not zero).
 *
 * Process-wide on purpose: a process has one /metrics.  Atomic: every cell,
 * relaxed; they order nothing, and a render may see one add and not the next.
 */
#ifndef COLLECTOR_SELF_COUNTERS_H
#define COLLECTOR_SELF_COUNTERS_H

#include "tsdb/base/fs.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

/* ---- label dimensions: X(identifier, value) ---------------------------------- */

#define SIGNALS(X)                                                                                 \
    X(SIGNAL_METRICS, "metrics")                                                                   \
    X(SIGNAL_LOGS, "logs")                                                                         \
    X(SIGNAL_TRACES, "traces")                                                                     \
    X(SIGNAL_EVENTS, "events")

#define DOORS(X)                                                                                   \
    X(DOOR_OTLP_HTTP, "otlp_http")                                                                 \
    X(DOOR_OTLP_GRPC, "otlp_grpc")                                                                 \
    X(DOOR_REMOTE_WRITE, "remote_write")                                                           \
    X(DOOR_REMOTE_WRITE_2, "remote_write_2")                                                       \
    X(DOOR_TCP, "tcp")                                                                             \
    X(DOOR_UDP, "udp")                                                                             \
    X(DOOR_LOKI, "loki")                                                                           \
    X(DOOR_ELASTIC, "elastic")                                                                     \
    X(DOOR_SYSLOG, "syslog")                                                                       \
    X(DOOR_JSON_LINES, "json_lines")                                                               \
    X(DOOR_ZIPKIN, "zipkin")                                                                       \
    X(DOOR_SELF, "self")                                                                           \
    X(DOOR_SPAN_METRICS, "span_metrics")

/* The first TSDB_VERDICT_COUNT are enum tsdb_verdict, value for value. */
#define REASONS(X)                                                                                 \
    X(REASON_ACCEPTED, "accepted")                                                                 \
    X(REASON_DUPLICATE, "duplicate")                                                               \
    X(REASON_CONFLICT, "conflict")                                                                 \
    X(REASON_TOO_OLD, "too_old")                                                                   \
    X(REASON_TOO_NEW, "too_new")                                                                   \
    X(REASON_BAD_LABELS, "bad_labels")                                                             \
    X(REASON_LABEL_LIMIT, "label_limit")                                                           \
    X(REASON_SERIES_LIMIT, "series_limit")                                                         \
    X(REASON_CHURN_LIMIT, "churn_limit")                                                           \
    X(REASON_BAD_HISTOGRAM, "bad_histogram")                                                       \
    X(REASON_TOO_LARGE, "too_large")                                                               \
    X(REASON_MALFORMED, "malformed")       /* bytes that do not decode */                          \
    X(REASON_UNSUPPORTED, "unsupported")   /* well-formed, not taken */                            \
    X(REASON_OVERLOADED, "overloaded")     /* memory or queue full */                              \
    X(REASON_UNWRITABLE, "unwritable")     /* the journal cannot be written */                     \
    X(REASON_UNAUTHORIZED, "unauthorized") /* bad or missing token */

#define LISTENERS(X)                                                                               \
    X(LISTENER_HTTP, "http")                                                                       \
    X(LISTENER_GRPC, "grpc")                                                                       \
    X(LISTENER_TCP, "tcp")                                                                         \
    X(LISTENER_UDP, "udp")                                                                         \
    X(LISTENER_SYSLOG_TCP, "syslog_tcp")                                                           \
    X(LISTENER_SYSLOG_UDP, "syslog_udp")

/* Why a connection ended, or a datagram was not handed on. */
#define CLOSINGS(X)                                                                                \
    X(CLOSING_PEER, "peer")       /* the other side, between requests */                           \
    X(CLOSING_ABORTED, "aborted") /* the other side, in a request or an answer */                  \
    X(CLOSING_DONE, "done")       /* we said "Connection: close", or all was answered */           \
    X(CLOSING_IDLE, "idle")                                                                        \
    X(CLOSING_SLOW, "slow") /* a header, body or drain deadline */                                 \
    X(CLOSING_MALFORMED, "malformed")                                                              \
    X(CLOSING_TOO_LARGE, "too_large")                                                              \
    X(CLOSING_LIMIT, "limit") /* too many connections, streams or resets */                        \
    X(CLOSING_TLS, "tls")                                                                          \
    X(CLOSING_SHUTDOWN, "shutdown")

#define ROUTES(X)                                                                                  \
    X(ROUTE_OTLP, "otlp")                                                                          \
    X(ROUTE_REMOTE_WRITE, "remote_write")                                                          \
    X(ROUTE_LOGS, "logs")         /* Loki's push, bulk requests, JSON lines */                     \
    X(ROUTE_SPANS, "spans")       /* Zipkin's */                                                   \
    X(ROUTE_QUERY, "query")       /* query, query_range, query_exemplars */                        \
    X(ROUTE_METADATA, "metadata") /* series, labels, values, metadata, rules, ... */               \
    X(ROUTE_STATUS, "status")                                                                      \
    X(ROUTE_ADMIN, "admin")                                                                        \
    X(ROUTE_HEALTH, "health")                                                                      \
    X(ROUTE_METRICS, "metrics")                                                                    \
    X(ROUTE_LIVE, "live")                                                                          \
    X(ROUTE_PAGE, "page")                                                                          \
    X(ROUTE_NONE, "none") /* answered 404, or before there was a path */

#define CODES(X)                                                                                   \
    X(CODE_1XX, "1xx")                                                                             \
    X(CODE_2XX, "2xx")                                                                             \
    X(CODE_3XX, "3xx")                                                                             \
    X(CODE_4XX, "4xx")                                                                             \
    X(CODE_5XX, "5xx")

#define ENDINGS(X)                                                                                 \
    X(ENDING_OK, "ok")                                                                             \
    X(ENDING_INVALID, "invalid")                                                                   \
    X(ENDING_FAILED, "failed")                                                                     \
    X(ENDING_LIMIT, "limit")                                                                       \
    X(ENDING_CANCELED, "canceled")                                                                 \
    X(ENDING_TIMEOUT, "timeout")                                                                   \
    X(ENDING_REFUSED, "refused") /* the queue was full */

#define STAGES(X)                                                                                  \
    X(STAGE_QUEUE, "queue")                                                                        \
    X(STAGE_PLAN, "plan")                                                                          \
    X(STAGE_RUN, "run")

#define VERSIONS(X) X(VERSION_THIS, ANDON_VERSION)

#define DIMENSION_ID(id, text) id,
enum signal { SIGNALS(DIMENSION_ID) SIGNAL_COUNT };
enum door { DOORS(DIMENSION_ID) DOOR_COUNT };
enum reason { REASONS(DIMENSION_ID) REASON_COUNT };
enum listener { LISTENERS(DIMENSION_ID) LISTENER_COUNT };
enum closing { CLOSINGS(DIMENSION_ID) CLOSING_COUNT };
enum route_class { ROUTES(DIMENSION_ID) ROUTE_COUNT };
enum code_class { CODES(DIMENSION_ID) CODE_COUNT };
enum ending { ENDINGS(DIMENSION_ID) ENDING_COUNT };
enum stage { STAGES(DIMENSION_ID) STAGE_COUNT };
enum version { VERSIONS(DIMENSION_ID) VERSION_COUNT };
enum { NONE_COUNT = 1 }; /* the dimension of an unlabelled family */
#undef DIMENSION_ID

static_assert((int)REASON_BAD_HISTOGRAM == (int)TSDB_BAD_HISTOGRAM, "reasons begin as verdicts");
static_assert((int)REASON_MALFORMED == (int)TSDB_VERDICT_COUNT, "reasons begin as verdicts");

/* ---- families: X(identifier, kind, name, unit, dimensions a, b, c, help) ------- */

#include "collector/self/families.h"

#define FAMILY_ID(id, kind, name, unit, a, b, c, help) id,
enum family { FAMILIES(FAMILY_ID) FAMILY_COUNT };
#undef FAMILY_ID

/* One cell of a family: the value of each of its dimensions. */
struct cell {
    unsigned at[3];
};
#define AT(...) ((struct cell){{__VA_ARGS__}})
#define NOWHERE AT(0) /* the cell of an unlabelled family */

enum { HISTOGRAM_BOUNDS = 16 };
extern const int64_t counters_bounds_ns[HISTOGRAM_BOUNDS]; /* upper, inclusive, ascending */

/* Counters and gauges; n may be negative for gauges only. */
void counters_add(enum family id, struct cell where, int64_t n);
/* Gauges, and counters whose total is kept elsewhere. */
void counters_set(enum family id, struct cell where, int64_t value);
void counters_observe(enum family id, struct cell where, int64_t ns);
int64_t counters_get(enum family id, struct cell where); /* of a histogram: its count */

/* One answered request: REQUESTS and REQUEST_DURATION.  path as it came. */
void counters_request(struct tsdb_text path, int status, int64_t duration_ns);
enum route_class route_class_of(struct tsdb_text path);

/* ---- reading -------------------------------------------------------------------- */

/* Called before every reading, to fill gauges; at most COLLECTORS_MAX, set up
 * before threads start, never removed but all at once. */
enum { COLLECTORS_MAX = 16 };
void counters_on_collect(void (*fn)(void *arg), void *arg);
void counters_forget_collectors(void);
/* Collectors to register: the engine's numbers, handed in by whoever holds the
 * store; and the process' own from /proc (started_ns: wall time of the start). */
void counters_engine(const struct tsdb_stats *stats);
void counters_process(struct fs *fs, int64_t started_ns);
/* The configuration was (re)loaded at this wall time, or refused. */
void counters_reloaded(bool is_taken, int64_t wall_ns);

enum counters_form { FORM_PROMETHEUS_TEXT, FORM_OPENMETRICS };
/* Appends the whole page (text format 0.0.4, or OpenMetrics 1.0.0). */
void counters_render(struct writer *w, enum counters_form form);
const char *counters_content_type(enum counters_form form);

/* One sample as a store takes it: name is the sample's ("..._total",
 * "..._bucket"), labels (without the name, sorted) and texts are borrowed
 * during the call. */
struct counter_sample {
    struct tsdb_text family, name, unit, help;
    struct tsdb_labels labels;
    double value;
    enum tsdb_metric_type type;
};
void counters_each(void (*fn)(void *arg, const struct counter_sample *sample), void *arg);

#endif
