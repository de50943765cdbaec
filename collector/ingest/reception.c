#include "collector/ingest/reception.h"

#include "collector/decode/otlp_json.h"
#include "tsdb/base/text.h"

enum { RETRY_MIN_MS = 1000, RETRY_MAX_MS = 30000 };

void reception_init(struct reception *r, const struct ingest_options *options,
                    const struct intake_room *room)
{
    *r = (struct reception){.options = options, .room = *room};
    rejects_init(&r->rejects);
    waiting_init(&r->waiting, options->db, options->clock, options->limits.waiting_max,
                 options->sync == TSDB_SYNC_ALWAYS ? "synced" : "written");
    mutex_init(&r->random_lock);
    random_init(&r->random, options->random_seed);
    r->room.db = options->db;
    r->room.clock = options->clock;
    r->room.budget = options->budget;
    r->room.rejects = &r->rejects;
    r->room.items_max = options->limits.items_max;
    r->room.arena_bytes_max = options->limits.arena_bytes_max;
}

void reception_release(struct reception *r)
{
    waiting_release(&r->waiting);
    rejects_release(&r->rejects);
    mutex_release(&r->random_lock);
}

/* ---- refusals -------------------------------------------------------------------------- */

/* 1 to 30 s, longer the longer answers wait, jittered so that senders spread out. */
static int64_t retry_after_ms(struct reception *r)
{
    int64_t base = RETRY_MIN_MS + waiting_age_ns(&r->waiting) / NS_PER_MS;
    if (base > RETRY_MAX_MS / 2)
        base = RETRY_MAX_MS / 2;
    mutex_lock(&r->random_lock);
    int64_t more = (int64_t)random_below(&r->random, (uint64_t)base + 1);
    mutex_unlock(&r->random_lock);
    return base + more;
}

/* A message that was refused as a whole: counted, remembered, told when to retry. */
void reception_refused(struct reception *r, const struct intake_source *source, struct outcome *out)
{
    if (out->kind == OUTCOME_UNAVAILABLE || out->kind == OUTCOME_LIMITED)
        out->retry_after_ms = retry_after_ms(r);
    if (out->kind < OUTCOME_INVALID || out->kind == OUTCOME_LIMITED)
        return;
    counters_add(MESSAGES_REJECTED, AT(out->signal, source->door, out->reason), 1);
    rejects_put(&r->rejects, clock_wall_ns(r->options->clock), source, out->reason,
                text_of(out->message));
}

void refuse_status(struct outcome *out, enum tsdb_status st, const char *text)
{
    if (st == TSDB_ECORRUPT)
        outcome_refuse(out, OUTCOME_INVALID, REASON_MALFORMED, text);
    else if (st == TSDB_EINVAL)
        outcome_refuse(out, OUTCOME_TOO_LARGE, REASON_TOO_LARGE, text);
    else
        outcome_refuse(out, OUTCOME_UNAVAILABLE, REASON_OVERLOADED, text);
}

/* ---- a body -------------------------------------------------------------------------------- */

struct inflate_limits reception_inflate_limits(const struct reception *r, size_t bytes_max)
{
    return (struct inflate_limits){.bytes_max = bytes_max,
                                   .ratio_max = r->options->limits.ratio_max,
                                   .ratio_free = r->options->limits.ratio_free};
}

static void run_intake(struct reception *r, const struct intake_source *source,
                       const struct message *message, struct bytes plain, struct outcome *out)
{
    enum signal signal = intake_signal(message->format);
    if (signal == SIGNAL_LOGS)
        log_intake_run(&r->room, source, message->format, message->hints, plain, out);
    else if (signal == SIGNAL_TRACES)
        span_intake_run(&r->room, source, message->format, plain, out);
    else
        intake_run(&r->room, source, message->format, plain, out);
}

/* OTLP/JSON in wire form. */
static enum tsdb_status to_wire(enum intake_format format, struct bytes plain, struct payload *wire,
                                struct tsdb_error *err)
{
    if (format == INTAKE_OTLP_LOGS)
        return otlp_json_logs_to_wire(plain, wire, err);
    if (format == INTAKE_OTLP_TRACE)
        return otlp_json_trace_to_wire(plain, wire, err);
    return otlp_json_to_wire(plain, wire, err);
}

/* Plain bytes of a message: appended, with what became of them. */
void reception_take_plain(struct reception *r, const struct intake_source *source,
                          const struct message *message, struct bytes plain, struct outcome *out)
{
    struct payload wire;
    struct tsdb_error err;
    counters_add(DECODED_BYTES, AT(source->door), (int64_t)plain.len);
    if (!message->is_json) {
        run_intake(r, source, message, plain, out);
        return;
    }
    /* five-byte lengths make the wire form of small messages larger than its JSON */
    payload_init(&wire, 2 * message->bytes_max, r->options->budget);
    enum tsdb_status st = to_wire(message->format, plain, &wire, &err);
    if (st == TSDB_OK)
        run_intake(r, source, message, payload_bytes(&wire), out);
    else
        refuse_status(out, st, err.msg);
    payload_release(&wire);
}

void reception_take(struct reception *r, const struct intake_source *source,
                    const struct message *message, struct outcome *out)
{
    struct payload inflated;
    struct tsdb_error err;
    struct inflate_limits limits = reception_inflate_limits(r, message->bytes_max);
    counters_add(RECEIVED_BYTES, AT(source->door), (int64_t)message->raw.len);
    *out = (struct outcome){.signal = intake_signal(message->format)};
    if (message->coding == INFLATE_UNKNOWN) {
        outcome_refuse(out, OUTCOME_UNSUPPORTED, REASON_UNSUPPORTED,
                       "content coding: want one of gzip, deflate, zstd, snappy, lz4, identity");
        return;
    }
    payload_init(&inflated, message->bytes_max + 1, r->options->budget);
    enum tsdb_status st = inflate_body(message->coding, message->raw, &limits, &inflated, &err);
    bool is_plain = message->coding == INFLATE_IDENTITY;
    if (st == TSDB_OK)
        reception_take_plain(r, source, message, is_plain ? message->raw : payload_bytes(&inflated),
                             out);
    else
        refuse_status(out, st, err.msg);
    payload_release(&inflated);
}

/* Appended or refused: the answer, now or when it is synced. */
void reception_settle(struct reception *r, const struct intake_source *source, struct reply *reply)
{
    reception_refused(r, source, &reply->outcome);
    if (waiting_push(&r->waiting, reply))
        return;
    outcome_refuse(&reply->outcome, OUTCOME_UNAVAILABLE, REASON_OVERLOADED,
                   "too many answers wait for the journal");
    reception_refused(r, source, &reply->outcome);
    reply_send(reply, r->waiting.durability, r->options->clock);
}

struct reply reply_to(const struct reception *r, struct exchange *x, enum protocol protocol,
                      enum door door)
{
    return (struct reply){.exchange = x,
                          .protocol = protocol,
                          .door = door,
                          .received_ns = clock_mono_ns(r->options->clock)};
}
