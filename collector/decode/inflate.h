/* inflate.h - content codings of request bodies.
 *
 *   gzip deflate(zlib or raw) zstd snappy(block) lz4(frame) identity
 *
 * What a body claims of itself is never trusted: output grows as bytes are
 * produced, charged to the budget, up to inflate_limits.bytes_max; snappy's
 * declared length is checked against that before anything is allocated, and
 * against what its input could hold.  A body that grows beyond ratio_max times
 * its length (once past ratio_free bytes) is a bomb.  zstd windows are at most
 * 8 MiB (RFC 8878 section 3.1.1.1.2).  A chain of codings is refused.
 */
#ifndef COLLECTOR_DECODE_INFLATE_H
#define COLLECTOR_DECODE_INFLATE_H

#include "collector/decode/payload.h"

enum inflate_coding {
    INFLATE_IDENTITY = 0,
    INFLATE_GZIP,
    INFLATE_DEFLATE,
    INFLATE_ZSTD,
    INFLATE_SNAPPY,
    INFLATE_LZ4,
    INFLATE_UNKNOWN, /* the client must be told: 415 */
};

/* Of a Content-Encoding or grpc-encoding value; "" is identity. */
enum inflate_coding inflate_coding_of(struct tsdb_text header);

struct inflate_limits {
    size_t bytes_max;   /* of the output */
    uint32_t ratio_max; /* output bytes per input byte; 0: any */
    size_t ratio_free;  /* output up to this is never a bomb */
};

/* Writes to `out`, which the caller has initialised with the budget and a limit
 * one byte above bytes_max, and releases whatever happens.  Identity writes
 * nothing: the plain bytes are `in`.
 * TSDB_ECORRUPT: does not decode.  TSDB_EINVAL: too large, or a bomb.
 * TSDB_ELIMIT: the budget is spent.  coding is not INFLATE_UNKNOWN. */
enum tsdb_status inflate_body(enum inflate_coding coding, struct bytes in,
                              const struct inflate_limits *limits, struct payload *out,
                              struct tsdb_error *err);

#endif
