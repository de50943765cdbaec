/* http1.h - a strict HTTP/1.1 request parser: bytes in, events out.
 *
 *   START -> LINE -> FIELDS -+-> DONE                        no body
 *                            +-> LENGTH -> DONE              Content-Length
 *                            +-> SIZE -> CHUNK -> CHUNK_END  chunked
 *                                 +-> TRAILERS -> DONE
 *   any -> BAD (stays)
 *
 * RFC 9112, read strictly: whatever two parsers might take differently is
 * refused.  Lines end in CRLF; one empty line may come before a request.  No
 * NUL or other control bytes, no obs-fold, no space before a colon, one
 * Content-Length of digits only, never together with Transfer-Encoding, which
 * may only be exactly "chunked"; exactly one Host in HTTP/1.1.
 *
 *   400 malformed   413 body too large   414 request line   417 expectation
 *   431 fields      501 transfer coding, CONNECT            505 version
 *
 * The events do not depend on how the bytes were cut.  Limits: below; body_max.
 * Pure: no I/O; owns one buffer.  Views in http1_* are valid until the next
 * http1_reset.
 */
#ifndef COLLECTOR_NET_HTTP1_H
#define COLLECTOR_NET_HTTP1_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum {
    HTTP1_LINE_MAX = 8 << 10,    /* request line, without CRLF */
    HTTP1_FIELDS_MAX = 32 << 10, /* all field lines, with CRLFs */
    HTTP1_FIELD_COUNT_MAX = 100,
    HTTP1_CHUNK_LINE_MAX = 256, /* size and extensions */
    HTTP1_TRAILERS_MAX = 8 << 10,
    HTTP1_METHOD_MAX = 32,
};

enum http1_event {
    HTTP1_MORE, /* give more bytes */
    HTTP1_HEAD, /* the head is complete: look at the views */
    HTTP1_BODY, /* *body is the next piece, borrowed from the input */
    HTTP1_DONE, /* the request is complete; http1_reset for the next */
    HTTP1_BAD,  /* answer `status`, then close */
};

enum http1_state {
    HTTP1_AT_START,
    HTTP1_AT_LINE,
    HTTP1_AT_FIELDS,
    HTTP1_AT_LENGTH,
    HTTP1_AT_SIZE,
    HTTP1_AT_CHUNK,
    HTTP1_AT_CHUNK_END,
    HTTP1_AT_TRAILERS,
    HTTP1_AT_DONE,
    HTTP1_AT_BAD,
};

struct http1_field { /* offsets into the head */
    uint32_t name, name_len, value, value_len;
};

struct http1 {
    uint64_t body_max;
    enum http1_state state;
    struct writer head; /* owned: request line and fields, or the line being read */
    size_t line;        /* where the present line starts in it */
    size_t fields_start;
    struct http1_field fields[HTTP1_FIELD_COUNT_MAX];
    uint32_t field_count;
    uint32_t method_len, target, target_len;
    uint32_t host_count, length_count, coding_count;
    uint64_t body_left, body_bytes; /* of the length or chunk; received so far */
    size_t trailer_bytes;
    bool is_1_1, is_chunked, has_body;
    bool keeps_alive, expects_continue;
    bool says_close, says_keep_alive;
    int status;         /* in BAD */
    const char *reason; /* in BAD: for the answer and the log */
};

void http1_init(struct http1 *p, uint64_t body_max);
void http1_release(struct http1 *p);
/* Ready for the next request; keeps the buffer unless it is large. */
void http1_reset(struct http1 *p);
/* Moves *in past what it used; one event. */
enum http1_event http1_parse(struct http1 *p, struct bytes *in, struct bytes *body);
/* Bytes of a request were seen, and it is not complete. */
bool http1_is_midway(const struct http1 *p);

struct tsdb_text http1_method(const struct http1 *p);
/* As sent, in origin form: scheme and authority are taken off. */
struct tsdb_text http1_target(const struct http1 *p);
struct tsdb_text http1_name(const struct http1 *p, uint32_t index); /* lower case */
struct tsdb_text http1_value(const struct http1 *p, uint32_t index);

/* Shared with HTTP/2: bytes of a token (RFC 9110, section 5.6.2), and whether a
 * comma-separated list has `word` (lower case) as an element, parameters aside. */
bool http_is_token(struct tsdb_text text);
bool http_list_has(struct tsdb_text list, const char *word);
bool http_equal_caseless(struct tsdb_text text, const char *lower);

#endif
