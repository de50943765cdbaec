/* ingest.h - every door through which telemetry comes in: the one face of this room.
 *
 *   exchange, frame, datagram
 *     -> content type and coding -> inflate_body -> (JSON to wire) -> intake_run
 *     -> waiting line -> answer, once the journal has it
 *
 * main gives the engine ingest_on_synced (options.on_synced), and net the routes,
 * the family and the sinks.  Handlers run on loop threads and do not block:
 * appending is the engine's memory work.
 *
 *   POST /v1/metrics and its aliases           OTLP/HTTP, protobuf and JSON
 *   .../MetricsService/Export                  OTLP/gRPC
 *   POST /api/v1/write, /api/v1/push           remote write 1.0 and 2.0
 *   POST /v1/logs and its aliases              OTLP/HTTP, protobuf and JSON
 *   .../LogsService/Export                     OTLP/gRPC
 *   POST /v1/traces and its aliases            OTLP/HTTP, protobuf and JSON
 *   .../TraceService/Export                    OTLP/gRPC
 *   POST /api/v2/spans                         Zipkin v2, JSON
 *   POST /loki/api/v1/push, /api/prom/push     Loki, protobuf and JSON
 *   POST /api/v1/import/jsonl, /insert/jsonline       JSON lines
 *   _bulk and what its clients ask first       Elasticsearch (elastic.h): the family
 *   GET  /-/rejects, /-/senders                what was refused; whose datagrams
 *   ingest_frame, ingest_datagrams             andon.Envelope over TCP, UDP
 *   ingest_syslog_stream, _datagrams           syslog over TCP, UDP (syslog_door.h)
 *
 * Limits: struct ingest_limits, all after decompression; memory is charged to
 * `budget` as it is produced.  A failing journal or an exhausted budget is 503,
 * never 500, and never a promise.
 */
#ifndef COLLECTOR_INGEST_INGEST_H
#define COLLECTOR_INGEST_INGEST_H

#include "collector/decode/otlp_names.h"
#include "collector/net/exchange.h"
#include "collector/net/frames.h"
#include "collector/net/streams.h"
#include "collector/net/udp.h"
#include "tsdb/base/clock.h"

struct ingest_limits {
    size_t otlp_bytes_max;  /* OTLP/HTTP, Zipkin: 20 MiB */
    size_t grpc_bytes_max;  /* OTLP/gRPC: 4 MiB */
    size_t write_bytes_max; /* remote write: 32 MiB */
    size_t frame_bytes_max; /* an envelope's payload: 20 MiB */
    size_t log_bytes_max;   /* Loki, bulk, JSON lines: 20 MiB */
    size_t arena_bytes_max; /* scratch of one message: 64 MiB */
    uint32_t ratio_max;     /* 200 output bytes per input byte, beyond ratio_free */
    size_t ratio_free;      /* 4 MiB */
    uint32_t items_max;     /* 100,000 a message */
    uint32_t waiting_max;   /* 65,536 answers wait for the journal */
    uint32_t delta_max;     /* 200,000 delta series are summed up */
};
void ingest_limits_init(struct ingest_limits *limits);

struct ingest_options {
    struct tsdb *db;       /* borrowed */
    struct budget *budget; /* borrowed, or NULL */
    struct clock *clock;   /* NULL: the real one */
    enum tsdb_sync sync;   /* for X-Durability */
    uint64_t random_seed;  /* of Retry-After's jitter */
    struct ingest_limits limits;
    /* OTLP: names; resource attributes put on every series. */
    enum otlp_strategy otlp_strategy;
    const struct tsdb_text *otlp_promoted; /* copied */
    uint32_t otlp_promoted_count;
    bool otlp_promotes_all, otlp_has_no_target_info, otlp_has_no_scope_labels;
    bool has_start_zeros; /* totals get a zero at their start time (tsdb_batch.starts) */
    struct span_metrics *span_metrics; /* borrowed; sees accepted spans; or NULL */
    /* Whether a frame's or datagram's token may ingest; sets *tenant, which lives in
     * the arena.  NULL: every token may, for the default tenant. */
    bool (*authorize)(void *arg, struct tsdb_text token, struct arena *arena,
                      struct tsdb_text *tenant);
    void *authorize_arg;
};
/* Every default. */
void ingest_options_init(struct ingest_options *options);

struct ingest;

struct ingest *ingest_new(const struct ingest_options *options);
/* Nothing may be waiting any more: ingest_abandon first.  ingest_free(NULL) is a
 * no-op. */
void ingest_free(struct ingest *ingest);

/* The routes; as long as ingest. */
const struct exchange_route *ingest_routes(const struct ingest *ingest, size_t *count);
/* The requests of Elasticsearch's clients; as long as ingest. */
const struct exchange_family *ingest_family(const struct ingest *ingest);
/* A frame_sink_fn, two udp_sink_fn, a stream_sink_fn; arg is the struct ingest. */
bool ingest_frame(void *ingest, struct frame_conn *conn, struct bytes frame);
void ingest_datagrams(void *ingest, const struct udp_datagram *at, size_t count);
void ingest_syslog_datagrams(void *ingest, const struct udp_datagram *at, size_t count);
size_t ingest_syslog_stream(void *ingest, const struct stream_piece *piece);
/* tsdb_options.on_synced; cheap, from the engine's thread. */
void ingest_on_synced(void *ingest);
/* Answers everything that waits: what is not synced as unavailable. */
void ingest_abandon(struct ingest *ingest);
/* Fills the gauges; for counters_on_collect. */
void ingest_collect(void *ingest);
/* Answers that wait for the journal now. */
uint32_t ingest_waiting(struct ingest *ingest);

#endif
