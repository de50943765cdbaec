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

void reply_init(struct reply *a, struct exchange *x)
{
    static const char plain[] = "/loki/";
    struct tsdb_text path = exchange_path(x);
    *a = (struct reply){.x = x};
    a->is_plain = path.len >= sizeof plain - 1 && memcmp(path.at, plain, sizeof plain - 1) == 0;
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
    int status, plain_status;
} errors[] = {
    [REPLY_BAD_DATA] = {"bad_data", 400, 400},       [REPLY_EXECUTION] = {"execution", 422, 400},
    [REPLY_TIMEOUT] = {"timeout", 503, 504},         [REPLY_CANCELED] = {"canceled", 503, 503},
    [REPLY_UNAVAILABLE] = {"unavailable", 503, 503}, [REPLY_BUSY] = {"unavailable", 503, 429},
    [REPLY_INTERNAL] = {"internal", 500, 500},       [REPLY_NOT_FOUND] = {"not_found", 404, 404},
    [REPLY_UNSUPPORTED] = {"bad_data", 415, 415},
};

static void put_error(struct json *j, enum reply_error error, const char *text)
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

void reply_fail(struct reply *a, enum reply_error error, const char *fmt, ...)
{
    if (a->is_streaming) { /* cut off: no JSON ends here */
        exchange_end(a->x);
        json_release(&a->json);
        return;
    }
    char text[640];
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(text, sizeof text, fmt, args) < 0)
        text[0] = '\0';
    va_end(args);
    struct json *j = &a->json;
    struct exchange *x = a->x;
    json_release(j);
    json_init(j, 0, NULL, NULL);
    if (a->is_plain)
        writer_format(&j->out, "%s\n", text);
    else
        put_error(j, error, text);
    const struct exchange_header retry = {text_of("Retry-After"), text_of("1")};
    struct exchange_answer head = {
        .status = a->is_plain ? errors[error].plain_status : errors[error].status,
        .content_type = a->is_plain ? "text/plain; charset=utf-8" : "application/json",
        .headers = &retry,
        .header_count = error == REPLY_UNAVAILABLE || error == REPLY_BUSY};
    exchange_reply(x, &head, writer_bytes(&j->out));
    json_release(j);
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
