/* grpc.h - what gRPC writes into HTTP/2 (grpc.io, PROTOCOL-HTTP2.md).
 *
 *   message:   compressed u8 | length be32 | bytes          unary: exactly one
 *   answer:    :status 200, content-type application/grpc
 *              one message; trailers grpc-status, grpc-message
 *   fault:     the trailers at once, with :status and content-type (Trailers-Only)
 *
 * grpc-message is percent-encoded; with a retry delay grpc-status-details-bin is
 * the base64 of
 *
 *   google.rpc.Status { 1: code  2: message  3: Any { 1: type_url  2: value } }
 *   value = google.rpc.RetryInfo { 1: Duration { 1: seconds  2: nanos } }
 *
 * Pure.
 */
#ifndef COLLECTOR_NET_GRPC_H
#define COLLECTOR_NET_GRPC_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum {
    GRPC_PREFIX_BYTES = 5,
    GRPC_MESSAGE_TEXT_MAX = 1024, /* of grpc-message, before encoding */
};

enum grpc_status {
    GRPC_OK = 0,
    GRPC_CANCELLED = 1,
    GRPC_UNKNOWN = 2,
    GRPC_INVALID_ARGUMENT = 3,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_PERMISSION_DENIED = 7,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
    GRPC_UNAUTHENTICATED = 16,
};

/* "application/grpc", also with "+proto" or parameters. */
bool grpc_is_content_type(struct tsdb_text type);
/* "4986m", "4992970u"; H M S m u n, at most 8 digits. */
bool grpc_timeout_parse(struct tsdb_text text, int64_t *ns);
/* The one message of a unary body; false when it is not exactly one. */
bool grpc_unframe(struct bytes body, struct bytes *message, bool *is_compressed);
void grpc_prefix(size_t len, uint8_t out[GRPC_PREFIX_BYTES]);
/* Appends the trailers' field lines. */
void grpc_trailers(int status, const char *message, int64_t retry_after_ms, struct writer *lines);
/* What a refusal by net means to a gRPC client. */
int grpc_status_of_http(int status);
/* ... and what a gRPC answer would be in HTTP, for counting. */
int grpc_status_to_http(int status);

#endif
