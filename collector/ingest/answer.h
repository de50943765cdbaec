/* answer.h - an outcome in the words of each protocol.
 *
 *   outcome        OTLP/HTTP               OTLP/gRPC                remote write   frame
 *   OK             200                     OK                       204            OK
 *   PARTIAL        200 + partial_success   OK + partial_success     400            PARTIAL
 *   INVALID        400                     3 INVALID_ARGUMENT       400            INVALID
 *   UNSUPPORTED    415                     12 UNIMPLEMENTED         415            INVALID
 *   TOO_LARGE      413                     8 RESOURCE_EXHAUSTED     413            TOO_LARGE
 *   LIMITED        429 + Retry-After       8 + RetryInfo            429            LIMITED
 *   UNAVAILABLE    503 + Retry-After       14 + RetryInfo           503            UNAVAILABLE
 *
 * Loki's push, JSON lines and Zipkin answer as remote write 1.0 does, but that Loki says 400
 * where a type is not taken, and Zipkin 202 where all is well.  A bulk request whose items were
 * judged is answered 200 (elastic.h).
 *
 * OTLP/HTTP answers in the request's own type; an error's body is a
 * google.rpc.Status.  Remote write's is one line of text; 2.0 adds the
 * X-Prometheus-Remote-Write-*-Written headers to every answer, 1.0 has none.
 * A 2xx of HTTP carries X-Durability.
 * (OTLP 1.x, "OTLP/HTTP response"; Prometheus remote write 2.0, "Responses".)
 */
#ifndef COLLECTOR_INGEST_ANSWER_H
#define COLLECTOR_INGEST_ANSWER_H

#include "collector/ingest/outcome.h"
#include "collector/net/exchange.h"
#include "tsdb/base/writer.h"

enum protocol {
    PROTOCOL_OTLP_PROTOBUF,
    PROTOCOL_OTLP_JSON,
    PROTOCOL_OTLP_GRPC,
    PROTOCOL_REMOTE_WRITE,
    PROTOCOL_REMOTE_WRITE_2,
    PROTOCOL_LOKI,
    PROTOCOL_JSON_LINES,
    PROTOCOL_ELASTIC,
    PROTOCOL_ZIPKIN,
};

/* Ends the exchange.  durability: "synced" or "written". */
void answer_send(struct exchange *x, enum protocol protocol, const struct outcome *outcome,
                 const char *durability);
/* The Ack of a frame, without its length prefix. */
void answer_ack(const struct outcome *outcome, uint64_t sequence, struct writer *out);

/* HTTP and gRPC status of an outcome, for logs and tests. */
int answer_http_status(enum protocol protocol, enum outcome_kind kind);
int answer_grpc_status(enum outcome_kind kind);

#endif
