#include "collector/ingest/ingest.h"

#include "collector/ingest/elastic.h"
#include "collector/ingest/log_doors.h"
#include "collector/ingest/media.h"
#include "collector/ingest/reception.h"
#include "collector/ingest/senders.h"
#include "collector/ingest/span_doors.h"
#include "collector/ingest/syslog_door.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

enum { PEER_ARENA_BYTES = 4096 };

#define SERVICE "opentelemetry.proto.collector.metrics.v1.MetricsService"
#define LOGS_SERVICE "opentelemetry.proto.collector.logs.v1.LogsService"
#define TRACE_SERVICE "opentelemetry.proto.collector.trace.v1.TraceService"

struct ingest {
    struct ingest_options options;
    struct reception reception;
    struct otlp_seen seen;
    struct delta delta;
    struct senders senders;
    struct exchange_family family;
    struct tsdb_text *promoted; /* owned, texts too */
    struct exchange_route *routes;
    size_t route_count;
};

void ingest_limits_init(struct ingest_limits *limits)
{
    *limits = (struct ingest_limits){
        .otlp_bytes_max = (size_t)20 << 20,
        .grpc_bytes_max = (size_t)4 << 20,
        .write_bytes_max = (size_t)32 << 20,
        .frame_bytes_max = (size_t)20 << 20,
        .log_bytes_max = (size_t)20 << 20,
        .arena_bytes_max = (size_t)64 << 20,
        .ratio_max = 200,
        .ratio_free = (size_t)4 << 20,
        .items_max = 100000,
        .waiting_max = 65536,
        .delta_max = 200000,
    };
}

void ingest_options_init(struct ingest_options *options)
{
    *options = (struct ingest_options){.clock = clock_real()};
    ingest_limits_init(&options->limits);
}

/* ---- HTTP and gRPC --------------------------------------------------------------------------- */

static void take_otlp(struct ingest *in, struct exchange *x, enum intake_format format)
{
    struct tsdb_text type = exchange_header(x, "content-type");
    struct intake_source source = {DOOR_OTLP_HTTP, exchange_peer(x), exchange_tenant(x).at};
    struct message message = {.coding = inflate_coding_of(exchange_header(x, "content-encoding")),
                              .raw = exchange_body(x),
                              .bytes_max = in->options.limits.otlp_bytes_max,
                              .is_json = media_is(type, "application/json"),
                              .format = format};
    struct reply reply = reply_to(&in->reception, x, PROTOCOL_OTLP_PROTOBUF, DOOR_OTLP_HTTP);
    reply.outcome.signal = intake_signal(format);
    if (message.is_json)
        reply.protocol = PROTOCOL_OTLP_JSON;
    if (message.is_json || media_is(type, "application/x-protobuf") ||
        media_is(type, "application/protobuf"))
        reception_take(&in->reception, &source, &message, &reply.outcome);
    else
        outcome_refuse(&reply.outcome, OUTCOME_UNSUPPORTED, REASON_UNSUPPORTED,
                       "content type: want application/x-protobuf or application/json");
    reception_settle(&in->reception, &source, &reply);
}

static void on_otlp(void *arg, struct exchange *x)
{
    take_otlp(arg, x, INTAKE_OTLP);
}

static void on_otlp_logs(void *arg, struct exchange *x)
{
    take_otlp(arg, x, INTAKE_OTLP_LOGS);
}

static void on_otlp_trace(void *arg, struct exchange *x)
{
    take_otlp(arg, x, INTAKE_OTLP_TRACE);
}

static void take_grpc(struct ingest *in, struct exchange *x, enum intake_format format)
{
    if (!exchange_is_grpc(x)) {
        take_otlp(in, x, format);
        return;
    }
    struct intake_source source = {DOOR_OTLP_GRPC, exchange_peer(x), exchange_tenant(x).at};
    struct message message = {.coding = INFLATE_IDENTITY,
                              .raw = exchange_body(x),
                              .bytes_max = in->options.limits.grpc_bytes_max,
                              .format = format};
    struct tsdb_text coding = exchange_header(x, "grpc-encoding");
    struct reply reply = reply_to(&in->reception, x, PROTOCOL_OTLP_GRPC, DOOR_OTLP_GRPC);
    if (exchange_is_compressed(x)) /* a flag without a coding is a fault of the sender */
        message.coding = coding.len > 0 ? inflate_coding_of(coding) : INFLATE_UNKNOWN;
    reception_take(&in->reception, &source, &message, &reply.outcome);
    reception_settle(&in->reception, &source, &reply);
}

static void on_grpc(void *arg, struct exchange *x)
{
    take_grpc(arg, x, INTAKE_OTLP);
}

static void on_grpc_logs(void *arg, struct exchange *x)
{
    take_grpc(arg, x, INTAKE_OTLP_LOGS);
}

static void on_grpc_trace(void *arg, struct exchange *x)
{
    take_grpc(arg, x, INTAKE_OTLP_TRACE);
}

/* Senders of 1.0 that name no coding mean snappy. */
static enum inflate_coding write_coding(struct tsdb_text header)
{
    enum inflate_coding coding = header.len > 0 ? inflate_coding_of(header) : INFLATE_SNAPPY;
    bool is_taken = coding == INFLATE_SNAPPY || coding == INFLATE_ZSTD || coding == INFLATE_GZIP;
    return is_taken || coding == INFLATE_IDENTITY ? coding : INFLATE_UNKNOWN;
}

static void on_write(void *arg, struct exchange *x)
{
    struct ingest *in = arg;
    enum media_write media = media_write_of(exchange_header(x, "content-type"));
    bool is_second = media == MEDIA_WRITE_2;
    enum door door = is_second ? DOOR_REMOTE_WRITE_2 : DOOR_REMOTE_WRITE;
    struct intake_source source = {door, exchange_peer(x), exchange_tenant(x).at};
    struct message message = {.coding = write_coding(exchange_header(x, "content-encoding")),
                              .raw = exchange_body(x),
                              .bytes_max = in->options.limits.write_bytes_max,
                              .format = is_second ? INTAKE_REMOTE_WRITE_2 : INTAKE_REMOTE_WRITE};
    struct reply reply = reply_to(
        &in->reception, x, is_second ? PROTOCOL_REMOTE_WRITE_2 : PROTOCOL_REMOTE_WRITE, door);
    if (media == MEDIA_WRITE_OTHER)
        outcome_refuse(&reply.outcome, OUTCOME_UNSUPPORTED, REASON_UNSUPPORTED,
                       "content type: want application/x-protobuf of prometheus.WriteRequest or "
                       "io.prometheus.write.v2.Request");
    else
        reception_take(&in->reception, &source, &message, &reply.outcome);
    reception_settle(&in->reception, &source, &reply);
}

static void reply_json(struct exchange *x, struct writer *w)
{
    static const struct exchange_answer answer = {.status = 200,
                                                  .content_type = "application/json"};
    exchange_reply(x, &answer, writer_bytes(w));
    writer_release(w);
}

static void on_rejects(void *arg, struct exchange *x)
{
    struct ingest *in = arg;
    struct writer w = {0};
    rejects_write_json(&in->reception.rejects, exchange_tenant(x).at, &w);
    reply_json(x, &w);
}

static void on_senders(void *arg, struct exchange *x)
{
    struct ingest *in = arg;
    struct writer w = {0};
    senders_write_json(&in->senders, exchange_tenant(x).at, &w);
    reply_json(x, &w);
}

/* ---- native envelopes --------------------------------------------------------------------------
 */

/* Who sends it, by its token; "" and false when that may not ingest. */
static bool identify(struct ingest *in, struct tsdb_text token,
                     char tenant[EXCHANGE_TENANT_MAX + 1])
{
    struct arena arena;
    struct tsdb_text name = {"", 0};
    tenant[0] = '\0';
    if (!in->options.authorize)
        return true;
    arena_init(&arena, PEER_ARENA_BYTES, in->options.budget);
    bool may = in->options.authorize(in->options.authorize_arg, token, &arena, &name);
    if (may) {
        ASSERT(name.len <= EXCHANGE_TENANT_MAX);
        memcpy(tenant, name.at, name.len);
        tenant[name.len] = '\0';
    }
    arena_release(&arena);
    return may;
}

/* False: a kind that is not taken. */
static bool format_of(const struct envelope *e, enum intake_format *out)
{
    switch (e->kind) {
    case ENVELOPE_METRICS: *out = INTAKE_OTLP; return true;
    case ENVELOPE_LOGS: *out = INTAKE_OTLP_LOGS; return true;
    case ENVELOPE_TRACES: *out = INTAKE_OTLP_TRACE; return true;
    default: return false;
    }
}

/* Opens and appends an envelope. */
static void take_envelope(struct ingest *in, const struct intake_source *source,
                          const struct envelope *e, struct outcome *out)
{
    struct tsdb_error err;
    struct payload opened;
    struct bytes plain;
    struct message message = {.coding = INFLATE_IDENTITY};
    struct inflate_limits limits =
        reception_inflate_limits(&in->reception, in->options.limits.frame_bytes_max);
    *out = (struct outcome){0};
    if (!format_of(e, &message.format)) {
        outcome_refuse(out, OUTCOME_UNSUPPORTED, REASON_UNSUPPORTED,
                       "envelope: only metrics, logs and traces are taken");
        return;
    }
    out->signal = intake_signal(message.format);
    payload_init(&opened, limits.bytes_max + 1, in->options.budget);
    enum tsdb_status st = envelope_open(e, &limits, &opened, &plain, &err);
    if (st == TSDB_OK)
        reception_take_plain(&in->reception, source, &message, plain, out);
    else
        refuse_status(out, st, err.msg);
    payload_release(&opened);
}

static void refuse_stranger(struct outcome *out)
{
    outcome_refuse(out, OUTCOME_UNAUTHORIZED, REASON_UNAUTHORIZED,
                   "envelope: token may not ingest");
}

bool ingest_frame(void *arg, struct frame_conn *conn, struct bytes frame)
{
    struct ingest *in = arg;
    struct envelope e = {0};
    struct tsdb_error err;
    char tenant[EXCHANGE_TENANT_MAX + 1] = "";
    struct intake_source source = {DOOR_TCP, frame_conn_peer(conn), tenant};
    struct reply reply = {
        .frame = conn, .door = DOOR_TCP, .received_ns = clock_mono_ns(in->options.clock)};
    counters_add(RECEIVED_BYTES, AT(DOOR_TCP), (int64_t)frame.len);
    enum tsdb_status st = envelope_decode(frame, &e, &err);
    if (st != TSDB_OK)
        refuse_status(&reply.outcome, st, err.msg);
    else if (identify(in, e.token, tenant))
        take_envelope(in, &source, &e, &reply.outcome);
    else
        refuse_stranger(&reply.outcome);
    reply.sequence = e.sequence;
    reception_settle(&in->reception, &source, &reply);
    return true;
}

static void take_datagram(struct ingest *in, const struct address *peer, struct bytes datagram)
{
    struct envelope e = {0};
    struct tsdb_error err;
    char text[ADDRESS_TEXT_MAX], tenant[EXCHANGE_TENANT_MAX + 1] = "";
    size_t len = address_format(peer, text);
    struct intake_source source = {DOOR_UDP, {text, len}, tenant};
    struct outcome outcome = {0};
    counters_add(RECEIVED_BYTES, AT(DOOR_UDP), (int64_t)datagram.len);
    enum tsdb_status st = envelope_decode(datagram, &e, &err);
    if (st != TSDB_OK) {
        refuse_status(&outcome, st, err.msg);
        reception_refused(&in->reception, &source, &outcome);
        return;
    }
    bool may = identify(in, e.token, tenant);
    int64_t missing =
        senders_seen(&in->senders, tenant, e.sender, e.sequence, clock_mono_ns(in->options.clock));
    if (missing > 0)
        counters_add(UDP_SEQUENCE_GAPS, NOWHERE, missing);
    if (may)
        take_envelope(in, &source, &e, &outcome);
    else
        refuse_stranger(&outcome);
    reception_refused(&in->reception, &source, &outcome);
    bool is_whole = outcome.kind >= OUTCOME_INVALID && outcome.kind != OUTCOME_LIMITED;
    if (is_whole || outcome.rejected > 0)
        senders_rejected(&in->senders, tenant, e.sender, outcome.rejected, is_whole);
}

void ingest_datagrams(void *arg, const struct udp_datagram *at, size_t count)
{
    for (size_t i = 0; i < count; i++)
        take_datagram(arg, at[i].peer, at[i].bytes);
}

/* ---- syslog ------------------------------------------------------------------------------- */

void ingest_syslog_datagrams(void *arg, const struct udp_datagram *at, size_t count)
{
    struct ingest *in = arg;
    syslog_door_datagrams(&in->reception, at, count);
}

size_t ingest_syslog_stream(void *arg, const struct stream_piece *piece)
{
    struct ingest *in = arg;
    return syslog_door_stream(&in->reception, piece);
}

/* ---- life
 * ------------------------------------------------------------------------------------------ */

static void make_routes(struct ingest *in)
{
    static const struct {
        const char *methods, *path;
        unsigned scope;
        exchange_handler_fn *handler;
    } table[] = {
        {"POST", "/v1/metrics", SCOPE_INGEST, on_otlp},
        {"POST", "/otlp/v1/metrics", SCOPE_INGEST, on_otlp},
        {"POST", "/api/v1/otlp/v1/metrics", SCOPE_INGEST, on_otlp},
        {"POST", "/opentelemetry/v1/metrics", SCOPE_INGEST, on_otlp},
        {"POST", "/opentelemetry/api/v1/push", SCOPE_INGEST, on_otlp},
        {"POST", "/" SERVICE "/Export", SCOPE_INGEST, on_grpc},
        {"POST", "/v1/logs", SCOPE_INGEST, on_otlp_logs},
        {"POST", "/otlp/v1/logs", SCOPE_INGEST, on_otlp_logs},
        {"POST", "/opentelemetry/v1/logs", SCOPE_INGEST, on_otlp_logs},
        {"POST", "/insert/opentelemetry/v1/logs", SCOPE_INGEST, on_otlp_logs},
        {"POST", "/" LOGS_SERVICE "/Export", SCOPE_INGEST, on_grpc_logs},
        {"POST", "/v1/traces", SCOPE_INGEST, on_otlp_trace},
        {"POST", "/otlp/v1/traces", SCOPE_INGEST, on_otlp_trace},
        {"POST", "/opentelemetry/v1/traces", SCOPE_INGEST, on_otlp_trace},
        {"POST", "/insert/opentelemetry/v1/traces", SCOPE_INGEST, on_otlp_trace},
        {"POST", "/" TRACE_SERVICE "/Export", SCOPE_INGEST, on_grpc_trace},
        {"POST", "/api/v1/write", SCOPE_INGEST, on_write},
        {"POST", "/api/v1/push", SCOPE_INGEST, on_write},
        {"GET", "/-/rejects", SCOPE_ADMIN, on_rejects},
        {"GET", "/-/senders", SCOPE_ADMIN, on_senders},
    };
    struct reception *r = &in->reception;
    const struct exchange_route others[] = {
        {"POST", "/loki/api/v1/push", SCOPE_INGEST, log_door_loki, r},
        {"POST", "/api/prom/push", SCOPE_INGEST, log_door_loki, r},
        {"POST", "/api/v1/import/jsonl", SCOPE_INGEST, log_door_json_lines, r},
        {"POST", "/insert/jsonline", SCOPE_INGEST, log_door_json_lines, r},
        {"POST", "/api/v2/spans", SCOPE_INGEST, span_door_zipkin, r},
    };
    size_t count = sizeof table / sizeof table[0];
    in->route_count = count + sizeof others / sizeof others[0];
    in->routes = MEM_ARRAY(struct exchange_route, in->route_count);
    for (size_t i = 0; i < count; i++)
        in->routes[i] = (struct exchange_route){table[i].methods, table[i].path, table[i].scope,
                                                table[i].handler, in};
    memcpy(in->routes + count, others, sizeof others);
    in->family = (struct exchange_family){
        .has = elastic_has,
        .scope = SCOPE_INGEST,
        .handler = log_door_elastic,
        .arg = r,
        .header = {text_of("x-elastic-product"), text_of("Elasticsearch")},
    };
}

struct ingest *ingest_new(const struct ingest_options *options)
{
    struct ingest *in = MEM_NEW(struct ingest);
    ASSERT(options->db);
    in->options = *options;
    if (!in->options.clock)
        in->options.clock = clock_real();
    in->promoted = MEM_ARRAY(struct tsdb_text, options->otlp_promoted_count);
    for (uint32_t i = 0; i < options->otlp_promoted_count; i++) {
        struct tsdb_text t = options->otlp_promoted[i];
        in->promoted[i] = (struct tsdb_text){mem_text(t.at, t.len), t.len};
    }
    in->options.otlp_promoted = in->promoted;
    delta_init(&in->delta, options->limits.delta_max, options->budget, in->options.clock);
    senders_init(&in->senders);
    const struct intake_room room = {
        .otlp = {.strategy = options->otlp_strategy,
                 .has_no_target_info = options->otlp_has_no_target_info,
                 .has_no_scope_labels = options->otlp_has_no_scope_labels,
                 .promotes_all = options->otlp_promotes_all,
                 .promoted = in->promoted,
                 .promoted_count = options->otlp_promoted_count,
                 .seen = &in->seen},
        .delta = &in->delta,
        .span_metrics = options->span_metrics,
        .has_start_zeros = options->has_start_zeros,
    };
    reception_init(&in->reception, &in->options, &room);
    make_routes(in);
    return in;
}

void ingest_free(struct ingest *in)
{
    if (!in)
        return;
    reception_release(&in->reception);
    senders_release(&in->senders);
    delta_release(&in->delta);
    for (uint32_t i = 0; i < in->options.otlp_promoted_count; i++)
        mem_free((char *)(uintptr_t)in->promoted[i].at);
    mem_free(in->promoted);
    mem_free(in->routes);
    mem_free(in);
}

const struct exchange_route *ingest_routes(const struct ingest *in, size_t *count)
{
    *count = in->route_count;
    return in->routes;
}

const struct exchange_family *ingest_family(const struct ingest *in)
{
    return &in->family;
}

void ingest_on_synced(void *arg)
{
    struct ingest *in = arg;
    waiting_on_synced(&in->reception.waiting);
}

void ingest_abandon(struct ingest *in)
{
    waiting_abandon(&in->reception.waiting);
}

void ingest_collect(void *arg)
{
    struct ingest *in = arg;
    counters_set(ACKS_WAITING, NOWHERE, waiting_count(&in->reception.waiting));
    counters_set(UDP_SENDERS, NOWHERE, senders_count(&in->senders));
}

uint32_t ingest_waiting(struct ingest *in)
{
    return waiting_count(&in->reception.waiting);
}
