#include "collector/api/reply.h"

#include "collector/api/api.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct exchange_answer success = {.status = 200, .content_type = "application/json"};

static bool send_part(void *arg, struct bytes part)
{
    struct reply *a = arg;
    if (!a->is_streaming) {
        exchange_start(a->x, &success);
        a->is_streaming = true;
        a->json.flush_bytes = REPLY_PART_BYTES;
    }
    return exchange_write(a->x, part);
}

void reply_init(struct reply *a, struct exchange *x, enum reply_form form)
{
    *a = (struct reply){.x = x, .form = form};
    json_init(&a->json, REPLY_HELD_BYTES, send_part, a);
}

void reply_begin(struct reply *a)
{
    json_object(&a->json);
    json_key(&a->json, "status");
    json_word(&a->json, "success");
    json_key(&a->json, "data");
}

void reply_begin_bare(struct reply *a)
{
    a->is_bare = true;
}

void reply_warn(struct reply *a, const char *text)
{
    if (a->warning_count < REPLY_NOTES_MAX)
        a->warnings[a->warning_count++] = text;
}

void reply_inform(struct reply *a, const char *text)
{
    if (a->info_count < REPLY_NOTES_MAX)
        a->infos[a->info_count++] = text;
}

static void put_notes(struct json *j, const char *key, const char *const *notes, size_t count)
{
    if (count == 0)
        return;
    json_key(j, key);
    json_array(j);
    for (size_t i = 0; i < count; i++)
        json_word(j, notes[i]);
    json_end_array(j);
}

void reply_end(struct reply *a)
{
    if (!a->is_bare) {
        put_notes(&a->json, "warnings", a->warnings, a->warning_count);
        put_notes(&a->json, "infos", a->infos, a->info_count);
        json_end_object(&a->json);
    }
    if (a->is_streaming) {
        if (!a->json.is_gone && a->json.out.len > 0)
            (void)exchange_write(a->x, writer_bytes(&a->json.out)); /* the end comes anyway */
        exchange_end(a->x);
    } else {
        exchange_reply(a->x, &success, writer_bytes(&a->json.out));
    }
    json_release(&a->json);
}

static const struct {
    const char *type;
    int status, other_status;
    int grpc; /* https://grpc.io/docs/guides/status-codes */
} errors[] = {
    [REPLY_BAD_DATA] = {"bad_data", 400, 400, 3},
    [REPLY_EXECUTION] = {"execution", 422, 400, 3},
    [REPLY_TIMEOUT] = {"timeout", 503, 504, 4},
    [REPLY_CANCELED] = {"canceled", 503, 503, 1},
    [REPLY_UNAVAILABLE] = {"unavailable", 503, 503, 14},
    [REPLY_BUSY] = {"unavailable", 503, 429, 14},
    [REPLY_INTERNAL] = {"internal", 500, 500, 13},
    [REPLY_NOT_FOUND] = {"not_found", 404, 404, 5},
    [REPLY_UNSUPPORTED] = {"bad_data", 415, 415, 12},
};

static void put_envelope(struct json *j, enum reply_error error, const char *text)
{
    json_object(j);
    json_key(j, "status");
    json_word(j, "error");
    json_key(j, "errorType");
    json_word(j, errors[error].type);
    json_key(j, "error");
    json_word(j, text);
    json_end_object(j);
}

static void put_jaeger(struct json *j, enum reply_error error, const char *text)
{
    json_object(j);
    json_key(j, "data");
    json_null(j);
    json_key(j, "total");
    json_u64(j, 0);
    json_key(j, "limit");
    json_u64(j, 0);
    json_key(j, "offset");
    json_u64(j, 0);
    json_key(j, "errors");
    json_array(j);
    json_object(j);
    json_key(j, "code");
    json_i64(j, errors[error].other_status);
    json_key(j, "msg");
    json_word(j, text);
    json_end_object(j);
    json_end_array(j);
    json_end_object(j);
}

static void put_jaeger_3(struct json *j, enum reply_error error, const char *text)
{
    json_object(j);
    json_key(j, "error");
    json_object(j);
    json_key(j, "httpCode");
    json_i64(j, errors[error].other_status);
    json_key(j, "message");
    json_word(j, text);
    json_end_object(j);
    json_end_object(j);
}

static void put_error(struct json *j, enum reply_form form, enum reply_error error,
                      const char *text)
{
    switch (form) {
    case REPLY_PROMETHEUS: put_envelope(j, error, text); return;
    case REPLY_JAEGER: put_jaeger(j, error, text); return;
    case REPLY_JAEGER_3: put_jaeger_3(j, error, text); return;
    case REPLY_TEXT: writer_format(&j->out, "%s\n", text); return;
    case REPLY_GRPC: break;
    }
    UNREACHABLE();
}

static void fail_grpc(struct reply *a, enum reply_error error, const char *text)
{
    bool is_later = error == REPLY_UNAVAILABLE || error == REPLY_BUSY;
    if (a->is_streaming)
        exchange_end_grpc(a->x, errors[error].grpc, text);
    else
        exchange_reply_grpc(a->x, errors[error].grpc, text, (struct bytes){0}, is_later ? 1000 : 0);
}

static void fail_http(struct reply *a, enum reply_error error, const char *text)
{
    if (a->is_streaming) { /* cut off: no JSON ends here */
        exchange_end(a->x);
        return;
    }
    struct json j;
    json_init(&j, 0, NULL, NULL);
    put_error(&j, a->form, error, text);
    const struct exchange_header retry = {text_of("Retry-After"), text_of("1")};
    struct exchange_answer head = {
        .status = a->form == REPLY_PROMETHEUS ? errors[error].status : errors[error].other_status,
        .content_type = a->form == REPLY_TEXT ? "text/plain; charset=utf-8" : "application/json",
        .headers = &retry,
        .header_count = error == REPLY_UNAVAILABLE || error == REPLY_BUSY};
    exchange_reply(a->x, &head, writer_bytes(&j.out));
    json_release(&j);
}

void reply_fail(struct reply *a, enum reply_error error, const char *fmt, ...)
{
    char text[640];
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(text, sizeof text, fmt, args) < 0)
        text[0] = '\0';
    va_end(args);
    json_release(&a->json);
    if (a->form == REPLY_GRPC)
        fail_grpc(a, error, text);
    else
        fail_http(a, error, text);
}

enum reply_error reply_error_of(enum tsdb_status status)
{
    switch (status) {
    case TSDB_EINVAL: return REPLY_BAD_DATA;
    case TSDB_EEXEC:
    case TSDB_ELIMIT: return REPLY_EXECUTION;
    case TSDB_ECANCELED: return REPLY_CANCELED;
    case TSDB_ENOTFOUND: return REPLY_NOT_FOUND;
    case TSDB_ECORRUPT:
    case TSDB_EIO: return REPLY_INTERNAL;
    case TSDB_OK:
    case TSDB_END: break;
    }
    UNREACHABLE();
}

void reply_text(struct exchange *x, int status, const char *text)
{
    struct exchange_answer head = {.status = status, .content_type = "text/plain; charset=utf-8"};
    exchange_reply(x, &head, (struct bytes){(const uint8_t *)text, strlen(text)});
}
