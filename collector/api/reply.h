/* reply.h - one JSON answer in Prometheus' envelope, streamed or whole.
 *
 *   reply_begin(a);  json_...(&a->json) the value of "data" ...  reply_end(a);
 *   reply_fail(a, REPLY_BAD_DATA, "invalid parameter ...");
 *
 *   reply_begin_bare(a);  json_... one value without the envelope  reply_end(a);
 *
 * Either end is called exactly once and ends the exchange; reply_fail may come
 * after reply_begin.  Errors have the form of the API that was asked:
 *
 *   REPLY_PROMETHEUS  {"status":"error","errorType":...,"error":TEXT}
 *   REPLY_TEXT        one line, with Loki's and Tempo's codes
 *   REPLY_JAEGER      {"data":null,...,"errors":[{"code":404,"msg":TEXT}]}
 *   REPLY_JAEGER_3    {"error":{"httpCode":404,"message":TEXT}}
 *   REPLY_GRPC        a status; of a stream that has begun, too
 *
 * Private to the room.  Owner: the worker of the request.
 */
#ifndef COLLECTOR_API_REPLY_H
#define COLLECTOR_API_REPLY_H

#include "collector/api/json.h"
#include "collector/net/exchange.h"

enum reply_form { REPLY_PROMETHEUS, REPLY_TEXT, REPLY_JAEGER, REPLY_JAEGER_3, REPLY_GRPC };

enum reply_error {                    /* Prometheus', all others' */
                   REPLY_BAD_DATA,    /* 400 */
                   REPLY_EXECUTION,   /* 422, 400 */
                   REPLY_TIMEOUT,     /* 503, 504 */
                   REPLY_CANCELED,    /* 503 */
                   REPLY_UNAVAILABLE, /* 503, with Retry-After */
                   REPLY_BUSY,        /* 503, 429, with Retry-After */
                   REPLY_INTERNAL,    /* 500 */
                   REPLY_NOT_FOUND,   /* 404 */
                   REPLY_UNSUPPORTED, /* 415, as bad_data */
};

enum { REPLY_NOTES_MAX = 16 };

struct reply {
    struct exchange *x;
    struct json json;
    enum reply_form form;
    bool is_streaming; /* the head has gone out */
    bool is_bare;      /* no envelope */
    /* Of the envelope; borrowed until reply_end. */
    const char *warnings[REPLY_NOTES_MAX], *infos[REPLY_NOTES_MAX];
    size_t warning_count, info_count;
};

void reply_init(struct reply *a, struct exchange *x, enum reply_form form);
/* {"status":"success","data": */
void reply_begin(struct reply *a);
void reply_begin_bare(struct reply *a);
void reply_warn(struct reply *a, const char *text);
void reply_inform(struct reply *a, const char *text);
/* The reader has gone: what follows goes nowhere. */
static inline bool reply_is_gone(const struct reply *a)
{
    return a->json.is_gone;
}
void reply_end(struct reply *a);
void reply_fail(struct reply *a, enum reply_error error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The envelope's error for a status of the engine. */
enum reply_error reply_error_of(enum tsdb_status status);
/* A short answer of text. */
void reply_text(struct exchange *x, int status, const char *text);

#endif
