#include "collector/ingest/log_doors.h"

#include "collector/ingest/elastic.h"
#include "collector/ingest/media.h"
#include "collector/ingest/reception.h"
#include "collector/net/form.h"
#include "tsdb/base/text.h"

#include <string.h>

enum { NAMES_MAX = 32 }; /* of one parameter; more are left out */
static_assert((int)NAMES_MAX <= (int)LOG_OBJECT_STREAMS_MAX,
              "every stream field that a request can name");

static struct intake_source source_of(const struct exchange *x, enum door door)
{
    return (struct intake_source){door, exchange_peer(x), exchange_tenant(x).at};
}

static struct message message_of(const struct reception *r, const struct exchange *x,
                                 enum intake_format format)
{
    return (struct message){.coding = inflate_coding_of(exchange_header(x, "content-encoding")),
                            .raw = exchange_body(x),
                            .bytes_max = r->options->limits.log_bytes_max,
                            .format = format};
}

/* What the path or the query string says does not decode. */
static void refuse_target(struct outcome *out, enum tsdb_status st)
{
    if (st == TSDB_EINVAL)
        outcome_refuse(out, OUTCOME_INVALID, REASON_MALFORMED, "request target: bad %XX");
    else
        outcome_refuse(out, OUTCOME_UNAVAILABLE, REASON_OVERLOADED, "request target: no memory");
}

void log_door_loki(void *arg, struct exchange *x)
{
    struct reception *r = arg;
    bool is_json = media_is(exchange_header(x, "content-type"), "application/json");
    struct intake_source source = source_of(x, DOOR_LOKI);
    struct message message = message_of(r, x, is_json ? INTAKE_LOKI_JSON : INTAKE_LOKI);
    struct reply reply = reply_to(r, x, PROTOCOL_LOKI, DOOR_LOKI);
    if (!is_json && exchange_header(x, "content-encoding").len == 0)
        message.coding = INFLATE_SNAPPY;
    reception_take(r, &source, &message, &reply.outcome);
    reception_settle(r, &source, &reply);
}

/* ---- JSON lines --------------------------------------------------------------------------- */

struct names {
    struct tsdb_text times[NAMES_MAX], messages[NAMES_MAX];
    struct log_object_stream streams[NAMES_MAX];
};

/* The names between commas, empty ones left out. */
static uint32_t split(struct tsdb_text list, struct tsdb_text out[NAMES_MAX])
{
    uint32_t count = 0;
    while (list.len > 0 && count < NAMES_MAX) {
        const char *end = memchr(list.at, ',', list.len);
        size_t n = end ? (size_t)(end - list.at) : list.len, used = n + (end != NULL);
        if (n > 0)
            out[count++] = (struct tsdb_text){list.at, n};
        list.at += used;
        list.len -= used;
    }
    return count;
}

static enum tsdb_status read_names(struct exchange *x, struct names *names,
                                   struct log_object_names *out)
{
    struct tsdb_text streams[NAMES_MAX];
    struct form form;
    struct tsdb_error err;
    struct tsdb_text none = {"", 0};
    *out = (struct log_object_names){.times = names->times, .messages = names->messages};
    enum tsdb_status st = form_parse(exchange_arena(x), none, exchange_query(x), &form, &err);
    if (st != TSDB_OK)
        return st;
    out->time_count = split(form_find(&form, "_time_field"), names->times);
    out->message_count = split(form_find(&form, "_msg_field"), names->messages);
    out->stream_count = split(form_find(&form, "_stream_fields"), streams);
    for (uint32_t i = 0; i < out->stream_count; i++)
        names->streams[i] = (struct log_object_stream){.field = streams[i], .label = {"", 0}};
    out->streams = names->streams;
    return TSDB_OK;
}

void log_door_json_lines(void *arg, struct exchange *x)
{
    struct reception *r = arg;
    struct names names;
    struct log_hints hints = {0};
    struct intake_source source = source_of(x, DOOR_JSON_LINES);
    struct message message = message_of(r, x, INTAKE_JSON_LINES);
    struct reply reply = reply_to(r, x, PROTOCOL_JSON_LINES, DOOR_JSON_LINES);
    message.hints = &hints;
    reply.outcome.signal = SIGNAL_LOGS;
    enum tsdb_status st = read_names(x, &names, &hints.json_lines.names);
    if (st == TSDB_OK)
        reception_take(r, &source, &message, &reply.outcome);
    else
        refuse_target(&reply.outcome, st);
    reception_settle(r, &source, &reply);
}

/* ---- Elasticsearch ------------------------------------------------------------------------- */

static void take_bulk(struct reception *r, struct exchange *x, struct tsdb_text index)
{
    struct log_hints hints = {.answer = exchange_arena(x)};
    struct intake_source source = source_of(x, DOOR_ELASTIC);
    struct message message = message_of(r, x, INTAKE_ES_BULK);
    struct reply reply = reply_to(r, x, PROTOCOL_ELASTIC, DOOR_ELASTIC);
    message.hints = &hints;
    reply.outcome.signal = SIGNAL_LOGS;
    enum tsdb_status st = percent_decode(exchange_arena(x), index, false, &hints.bulk.index);
    if (st == TSDB_OK)
        reception_take(r, &source, &message, &reply.outcome);
    else
        refuse_target(&reply.outcome, st);
    reception_settle(r, &source, &reply);
}

void log_door_elastic(void *arg, struct exchange *x)
{
    struct reception *r = arg;
    struct tsdb_text index, method = exchange_method(x);
    if (!elastic_is_bulk(x, &index))
        elastic_answer_probe(x);
    else if (text_equal(method, text_of("POST")) || text_equal(method, text_of("PUT")))
        take_bulk(r, x, index);
    else
        elastic_refuse_method(x);
}
