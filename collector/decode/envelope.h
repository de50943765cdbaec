/* envelope.h - native frames: Envelope in, Ack out (proto/andon.proto).
 *
 *   Envelope { sender_id 1, sequence 2, kind 3, codec 4, payload 5, token 6,
 *              uncompressed_bytes 7 }
 *   Ack      { sequence 1, status 2, rejected 3, message 4, retry_after_ms 5 }
 *
 * An LZ4 payload is one raw block; uncompressed_bytes bounds it and is not
 * trusted beyond the limit.  Both directions are here: the CLI encodes envelopes
 * and decodes acks.
 */
#ifndef COLLECTOR_DECODE_ENVELOPE_H
#define COLLECTOR_DECODE_ENVELOPE_H

#include "collector/decode/inflate.h"
#include "tsdb/base/writer.h"

enum { ENVELOPE_SENDER_MAX = 64 };

enum envelope_kind {
    ENVELOPE_METRICS = 1,
    ENVELOPE_LOGS = 2,
    ENVELOPE_TRACES = 3,
    ENVELOPE_EVENTS = 4,
};

enum envelope_codec { ENVELOPE_NONE = 0, ENVELOPE_LZ4 = 1 };

struct envelope { /* views borrowed */
    struct tsdb_text sender;
    uint64_t sequence;
    uint32_t kind, codec; /* as sent; may be unknown ones */
    struct bytes payload;
    struct tsdb_text token;
    uint64_t uncompressed_bytes;
};

enum ack_status {
    ACK_OK = 0,
    ACK_PARTIAL,
    ACK_INVALID,
    ACK_TOO_LARGE,
    ACK_UNAUTHENTICATED,
    ACK_LIMITED,
    ACK_UNAVAILABLE,
};

struct ack { /* views borrowed */
    uint64_t sequence;
    uint32_t status;
    uint64_t rejected;
    struct tsdb_text message;
    uint64_t retry_after_ms;
};

enum tsdb_status envelope_decode(struct bytes in, struct envelope *out, struct tsdb_error *err);
void envelope_encode(const struct envelope *envelope, struct writer *out);
/* The payload in the clear in *plain: a view of `out` (initialised as for
 * inflate_body) or of the envelope. */
enum tsdb_status envelope_open(const struct envelope *envelope, const struct inflate_limits *limits,
                               struct payload *out, struct bytes *plain, struct tsdb_error *err);

enum tsdb_status ack_decode(struct bytes in, struct ack *out, struct tsdb_error *err);
void ack_encode(const struct ack *ack, struct writer *out);

#endif
