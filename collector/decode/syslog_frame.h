/* syslog_frame.h - messages out of a syslog stream over TCP or TLS (RFC 6587).
 *
 *   octet counting   11 <34>message      digits, a blank, so many bytes
 *   line framing     <34>message\n       up to a line feed (a NUL ends one too)
 *
 * Told apart by the first byte of each frame: 1 to 9 begins a count, anything else a
 * line.  Digits that no blank follows are a line after all.  Line feeds and NULs between
 * frames are passed over.  A count of more than SYSLOG_FRAME_MAX is a fault: the place of
 * the next frame is unknown or too far; a longer line comes in pieces of that size, all
 * but the last marked by is_cut.
 *
 * Pure and incremental: the caller keeps the bytes; each call looks at what there is and
 * says how much of it is used up.  It needs at most limit + 16 bytes at a time.
 */
#ifndef COLLECTOR_DECODE_SYSLOG_FRAME_H
#define COLLECTOR_DECODE_SYSLOG_FRAME_H

#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

enum { SYSLOG_FRAME_MAX = 1024 * 1024 };

struct syslog_frame {
    struct bytes message; /* borrowed from the input */
    size_t used;          /* bytes of the input, to be dropped */
    bool is_cut;          /* a line longer than the limit: the rest follows as another */
};

/* TSDB_OK: a message; TSDB_END: more bytes are needed (used may be above 0: what lies
 * between frames); TSDB_ECORRUPT: not such a stream, close it.  `is_last`: no more bytes will come,
 * so a line without an end is a message. */
enum tsdb_status syslog_frame_next(struct bytes in, size_t limit, bool is_last,
                                   struct syslog_frame *out);

#endif
