#include "collector/ingest/span_doors.h"

#include "collector/ingest/media.h"
#include "collector/ingest/reception.h"

/* Senders that say nothing, or something general, send JSON. */
static bool is_json(struct tsdb_text type)
{
    return !media_is(type, "application/x-protobuf") && !media_is(type, "application/protobuf") &&
           !media_is(type, "application/x-thrift");
}

void span_door_zipkin(void *arg, struct exchange *x)
{
    struct reception *r = arg;
    struct intake_source source = {DOOR_ZIPKIN, exchange_peer(x), exchange_tenant(x).at};
    struct message message = {.coding = inflate_coding_of(exchange_header(x, "content-encoding")),
                              .raw = exchange_body(x),
                              .bytes_max = r->options->limits.otlp_bytes_max,
                              .format = INTAKE_ZIPKIN};
    struct reply reply = reply_to(r, x, PROTOCOL_ZIPKIN, DOOR_ZIPKIN);
    reply.outcome.signal = SIGNAL_TRACES;
    if (is_json(exchange_header(x, "content-type")))
        reception_take(r, &source, &message, &reply.outcome);
    else
        outcome_refuse(&reply.outcome, OUTCOME_UNSUPPORTED, REASON_UNSUPPORTED,
                       "content type: want application/json of Zipkin v2");
    reception_settle(r, &source, &reply);
}
