#include "collector/ingest/answer.h"

#include "collector/decode/envelope.h"
#include "collector/ingest/elastic.h"
#include "collector/ingest/json_text.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"

#include <stdio.h>

enum { HEADERS_MAX = 6, NUMBER_MAX = 24 };

/* The headers of one answer; the texts lie here. */
struct headers {
    struct exchange_header at[HEADERS_MAX];
    char numbers[HEADERS_MAX][NUMBER_MAX];
    size_t count;
};

/* Answered without a body, or by a status and plain text. */
static bool is_push(enum protocol protocol)
{
    return protocol == PROTOCOL_REMOTE_WRITE || protocol == PROTOCOL_REMOTE_WRITE_2 ||
           protocol == PROTOCOL_LOKI || protocol == PROTOCOL_JSON_LINES ||
           protocol == PROTOCOL_ZIPKIN;
}

int answer_http_status(enum protocol protocol, enum outcome_kind kind)
{
    bool is_write = is_push(protocol);
    bool has_items = protocol == PROTOCOL_ELASTIC;
    switch (kind) {
    case OUTCOME_OK:
        if (protocol == PROTOCOL_ZIPKIN)
            return 202;
        return is_write ? 204 : 200;
    case OUTCOME_PARTIAL: return is_write ? 400 : 200;
    case OUTCOME_INVALID: return 400;
    case OUTCOME_UNSUPPORTED: return protocol == PROTOCOL_LOKI ? 400 : 415;
    case OUTCOME_TOO_LARGE: return 413;
    case OUTCOME_LIMITED: return has_items ? 200 : 429;
    case OUTCOME_UNAUTHORIZED: return 401;
    case OUTCOME_UNAVAILABLE: return 503;
    }
    UNREACHABLE();
}

/* https://grpc.io/docs/guides/status-codes */
int answer_grpc_status(enum outcome_kind kind)
{
    switch (kind) {
    case OUTCOME_OK:
    case OUTCOME_PARTIAL: return 0;
    case OUTCOME_INVALID: return 3;
    case OUTCOME_UNSUPPORTED: return 12;
    case OUTCOME_TOO_LARGE:
    case OUTCOME_LIMITED: return 8;
    case OUTCOME_UNAUTHORIZED: return 16;
    case OUTCOME_UNAVAILABLE: return 14;
    }
    UNREACHABLE();
}

static void header_text(struct headers *h, const char *name, const char *value)
{
    ASSERT(h->count < HEADERS_MAX);
    h->at[h->count++] = (struct exchange_header){text_of(name), text_of(value)};
}

static void header_number(struct headers *h, const char *name, uint64_t value)
{
    ASSERT(h->count < HEADERS_MAX);
    (void)snprintf(h->numbers[h->count], NUMBER_MAX, "%llu", (unsigned long long)value);
    header_text(h, name, h->numbers[h->count]);
}

static void put_message_field(struct writer *w, unsigned number, const void *at, size_t len)
{
    writer_uvarint(w, number << 3 | 2);
    writer_sized(w, at, len);
}

static void put_varint_field(struct writer *w, unsigned number, uint64_t value)
{
    writer_uvarint(w, number << 3);
    writer_uvarint(w, value);
}

/* What JSON calls the items of a signal: "rejectedSpans". */
static const char *items_name(enum signal signal)
{
    if (signal == SIGNAL_TRACES)
        return "Spans";
    return signal == SIGNAL_LOGS ? "LogRecords" : "DataPoints";
}

/* ExportMetricsServiceResponse and its twins: empty, or partial_success with what was refused. */
static void response_write(const struct outcome *o, bool is_json, struct writer *w)
{
    if (o->kind == OUTCOME_OK) {
        writer_text(w, is_json ? "{}" : "");
        return;
    }
    if (is_json) {
        writer_format(w, "{\"partialSuccess\":{\"rejected%s\":\"%llu\",\"errorMessage\":",
                      items_name(o->signal), (unsigned long long)o->rejected);
        json_text_write(w, text_of(o->message));
        writer_text(w, "}}");
        return;
    }
    struct writer partial = {0};
    put_varint_field(&partial, 1, o->rejected);
    put_message_field(&partial, 2, o->message, strlen(o->message));
    put_message_field(w, 1, partial.at, partial.len);
    writer_release(&partial);
}

/* google.rpc.Status: code 1, message 2. */
static void status_write(const struct outcome *o, bool is_json, struct writer *w)
{
    int code = answer_grpc_status(o->kind);
    if (is_json) {
        writer_format(w, "{\"code\":%d,\"message\":", code);
        json_text_write(w, text_of(o->message));
        writer_u8(w, '}');
        return;
    }
    put_varint_field(w, 1, (uint64_t)code);
    put_message_field(w, 2, o->message, strlen(o->message));
}

static void answer_grpc(struct exchange *x, const struct outcome *o)
{
    struct writer body = {0};
    bool is_ok = answer_grpc_status(o->kind) == 0;
    if (is_ok)
        response_write(o, false, &body);
    exchange_reply_grpc(x, answer_grpc_status(o->kind), is_ok ? "" : o->message,
                        writer_bytes(&body), is_ok ? 0 : o->retry_after_ms);
    writer_release(&body);
}

/* The body, and its type. */
static void body_write(struct exchange *x, enum protocol protocol, const struct outcome *o,
                       struct exchange_answer *answer, struct writer *w)
{
    bool is_json = protocol == PROTOCOL_OTLP_JSON;
    if (is_push(protocol)) {
        if (answer->status < 300)
            return;
        answer->content_type = "text/plain; charset=utf-8";
        writer_format(w, "%s\n", o->message);
    } else if (protocol == PROTOCOL_ELASTIC) {
        answer->content_type = elastic_content_type(x);
        if (answer->status == 200)
            writer_put(w, o->body.at, o->body.len);
        else
            elastic_error_write(answer->status, o->message, w);
    } else {
        answer->content_type = is_json ? "application/json" : "application/x-protobuf";
        if (answer->status == 200)
            response_write(o, is_json, w);
        else
            status_write(o, is_json, w);
    }
}

void answer_send(struct exchange *x, enum protocol protocol, const struct outcome *o,
                 const char *durability)
{
    if (protocol == PROTOCOL_OTLP_GRPC) {
        answer_grpc(x, o);
        return;
    }
    struct writer body = {0};
    struct headers headers = {.count = 0};
    struct exchange_answer answer = {.status = answer_http_status(protocol, o->kind)};
    if (answer.status < 300)
        header_text(&headers, "x-durability", durability);
    if (o->retry_after_ms > 0) /* whole seconds, never less than was meant */
        header_number(&headers, "retry-after", ((uint64_t)o->retry_after_ms + 999) / 1000);
    if (protocol == PROTOCOL_REMOTE_WRITE_2) {
        header_number(&headers, "x-prometheus-remote-write-samples-written", o->samples);
        header_number(&headers, "x-prometheus-remote-write-histograms-written", o->histograms);
        header_number(&headers, "x-prometheus-remote-write-exemplars-written", o->exemplars);
    }
    body_write(x, protocol, o, &answer, &body);
    answer.headers = headers.at;
    answer.header_count = headers.count;
    exchange_reply(x, &answer, writer_bytes(&body));
    writer_release(&body);
}

void answer_ack(const struct outcome *o, uint64_t sequence, struct writer *out)
{
    static const enum ack_status statuses[] = {
        [OUTCOME_OK] = ACK_OK,
        [OUTCOME_PARTIAL] = ACK_PARTIAL,
        [OUTCOME_INVALID] = ACK_INVALID,
        [OUTCOME_UNSUPPORTED] = ACK_INVALID,
        [OUTCOME_TOO_LARGE] = ACK_TOO_LARGE,
        [OUTCOME_LIMITED] = ACK_LIMITED,
        [OUTCOME_UNAUTHORIZED] = ACK_UNAUTHENTICATED,
        [OUTCOME_UNAVAILABLE] = ACK_UNAVAILABLE,
    };
    struct ack ack = {.sequence = sequence,
                      .status = statuses[o->kind],
                      .rejected = o->rejected,
                      .message = text_of(o->message),
                      .retry_after_ms = (uint64_t)o->retry_after_ms};
    ack_encode(&ack, out);
}
