#include "collector/api/param.h"
#include "collector/command.h"
#include "collector/command_socket.h"
#include "proto/andon.pb-c.h"
#include "proto/otlp_logs.pb-c.h"
#include "proto/otlp_metrics.pb-c.h"
#include "proto/otlp_trace.pb-c.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"

#include <stdio.h>
#include <string.h>

enum { ACK_MAX = 4096, LABELS_MAX = 64, TIMEOUT_S = 10, DATAGRAM_MAX = 65000 };

struct send_flags {
    const char *type, *unit, *to, *service, *token_file, *level;
    const char *duration, *kind, *status, *message, *parent; /* of a span */
    struct command_list labels, fields;
};

struct sample {
    const char *name;
    double value;
};

/* Texts that protobuf-c does not change, though its fields are not const. */
static char *unchanged(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* ---- the message --------------------------------------------------------------------------- */

/* One attribute whose texts are owned. */
struct attribute {
    Otlp__KeyValue pair;
    Otlp__AnyValue value;
};

static void attribute_set(struct attribute *a, const char *key, size_t key_len, const char *value)
{
    otlp__key_value__init(&a->pair);
    otlp__any_value__init(&a->value);
    a->pair.key = mem_text(key, key_len);
    a->pair.value = &a->value;
    a->value.value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    a->value.string_value = mem_text(value, strlen(value));
}

static void attribute_release(struct attribute *a)
{
    mem_free(a->pair.key);
    mem_free(a->value.string_value);
}

/* The attributes of a list of k=v, and what messages point to. */
struct attributes {
    struct attribute at[LABELS_MAX + 1]; /* of a resource: its service besides */
    Otlp__KeyValue *pairs[LABELS_MAX + 1];
    size_t count;
};

static void attributes_release(struct attributes *a)
{
    while (a->count > 0)
        attribute_release(&a->at[--a->count]);
}

static void attributes_add(struct attributes *a, const char *key, size_t key_len, const char *value)
{
    attribute_set(&a->at[a->count], key, key_len, value);
    a->pairs[a->count] = &a->at[a->count].pair;
    a->count++;
}

/* k=v of every such flag, behind what is there; false (and said why) when one is not. */
static bool attributes_parse(const char *flag, const struct command_list *list,
                             struct attributes *out)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *equals = strchr(list->at[i], '=');
        if (!equals || equals == list->at[i]) {
            (void)command_fail(COMMAND_USAGE, "%s is \"%s\", want name=value", flag, list->at[i]);
            return false;
        }
        attributes_add(out, list->at[i], (size_t)(equals - list->at[i]), equals + 1);
    }
    return true;
}

/* The layers of OTLP around the one metric, packed. */
static void pack_request(Otlp__Metric *metric, const char *service_name, struct writer *out)
{
    Otlp__ScopeMetrics scope, *scopes = &scope;
    otlp__scope_metrics__init(&scope);
    scope.metrics = &metric;
    scope.n_metrics = 1;
    struct attribute service;
    attribute_set(&service, "service.name", strlen("service.name"), service_name);
    Otlp__KeyValue *services = &service.pair;
    Otlp__Resource resource;
    otlp__resource__init(&resource);
    resource.attributes = &services;
    resource.n_attributes = 1;
    Otlp__ResourceMetrics of_resource, *resources = &of_resource;
    otlp__resource_metrics__init(&of_resource);
    of_resource.resource = &resource;
    of_resource.scope_metrics = &scopes;
    of_resource.n_scope_metrics = 1;
    Otlp__ExportMetricsServiceRequest request;
    otlp__export_metrics_service_request__init(&request);
    request.resource_metrics = &resources;
    request.n_resource_metrics = 1;
    size_t len = otlp__export_metrics_service_request__get_packed_size(&request);
    out->len += otlp__export_metrics_service_request__pack(&request, writer_reserve(out, len));
    attribute_release(&service);
}

static void pack_sample(const struct sample *sample, const struct send_flags *f,
                        struct attributes *labels, struct writer *out)
{
    Otlp__NumberDataPoint point, *points = &point;
    otlp__number_data_point__init(&point);
    point.time_unix_nano = (uint64_t)clock_wall_ns(clock_real());
    point.value_case = OTLP__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
    point.as_double = sample->value;
    point.attributes = labels->pairs;
    point.n_attributes = labels->count;
    Otlp__Gauge gauge;
    otlp__gauge__init(&gauge);
    gauge.data_points = &points;
    gauge.n_data_points = 1;
    Otlp__Sum sum;
    otlp__sum__init(&sum);
    sum.data_points = &points;
    sum.n_data_points = 1;
    sum.is_monotonic = 1;
    sum.aggregation_temporality = OTLP__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_CUMULATIVE;
    Otlp__Metric metric;
    otlp__metric__init(&metric);
    metric.name = unchanged(sample->name);
    metric.unit = unchanged(f->unit);
    bool is_counter = strcmp(f->type, "counter") == 0;
    metric.data_case = is_counter ? OTLP__METRIC__DATA_SUM : OTLP__METRIC__DATA_GAUGE;
    if (is_counter)
        metric.sum = &sum;
    else
        metric.gauge = &gauge;
    pack_request(&metric, f->service, out);
}

/* ---- a log record --------------------------------------------------------------------------- */

struct level {
    const char *name;
    Otlp__SeverityNumber number;
};

/* NULL: none of that name. */
static const struct level *level_find(const char *name)
{
    static const struct level levels[] = {
        {"trace", OTLP__SEVERITY_NUMBER__SEVERITY_NUMBER_TRACE},
        {"debug", OTLP__SEVERITY_NUMBER__SEVERITY_NUMBER_DEBUG},
        {"info", OTLP__SEVERITY_NUMBER__SEVERITY_NUMBER_INFO},
        {"warn", OTLP__SEVERITY_NUMBER__SEVERITY_NUMBER_WARN},
        {"error", OTLP__SEVERITY_NUMBER__SEVERITY_NUMBER_ERROR},
        {"fatal", OTLP__SEVERITY_NUMBER__SEVERITY_NUMBER_FATAL},
    };
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(levels[i].name, name) == 0)
            return &levels[i];
    return NULL;
}

static void pack_record(const char *message, const struct level *level, struct attributes *resource,
                        struct attributes *fields, struct writer *out)
{
    Otlp__AnyValue body;
    otlp__any_value__init(&body);
    body.value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    body.string_value = unchanged(message);
    Otlp__LogRecord record, *records = &record;
    otlp__log_record__init(&record);
    record.time_unix_nano = (uint64_t)clock_wall_ns(clock_real());
    record.body = &body;
    record.attributes = fields->pairs;
    record.n_attributes = fields->count;
    if (level) {
        record.severity_number = level->number;
        record.severity_text = unchanged(level->name);
    }
    Otlp__ScopeLogs scope, *scopes = &scope;
    otlp__scope_logs__init(&scope);
    scope.log_records = &records;
    scope.n_log_records = 1;
    Otlp__Resource of;
    otlp__resource__init(&of);
    of.attributes = resource->pairs;
    of.n_attributes = resource->count;
    Otlp__ResourceLogs logs, *all = &logs;
    otlp__resource_logs__init(&logs);
    logs.resource = &of;
    logs.scope_logs = &scopes;
    logs.n_scope_logs = 1;
    Otlp__ExportLogsServiceRequest request;
    otlp__export_logs_service_request__init(&request);
    request.resource_logs = &all;
    request.n_resource_logs = 1;
    size_t len = otlp__export_logs_service_request__get_packed_size(&request);
    out->len += otlp__export_logs_service_request__pack(&request, writer_reserve(out, len));
}

/* ---- a span -----------------------------------------------------------------------------------
 */

enum { TRACE_BYTES = 16, SPAN_BYTES = 8, PARENT_TEXT = 55 };

struct span {
    const char *name;
    int64_t duration;
    Otlp__Span__SpanKind kind;
    Otlp__Status__StatusCode status;
    uint8_t trace[TRACE_BYTES], id[SPAN_BYTES], parent[SPAN_BYTES];
    bool has_parent;
};

/* Its index in the list, which ends with NULL, or -1. */
static int word_find(const char *const *list, const char *word)
{
    for (int i = 0; list[i]; i++)
        if (strcmp(list[i], word) == 0)
            return i;
    return -1;
}

static bool hex_read(const char *text, uint8_t *out, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t any = 0;
    for (size_t i = 0; i < 2 * len; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit)
            return false;
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | (digit - digits));
        any |= out[i / 2];
    }
    return any != 0;
}

/* 00-TRACE-SPAN-FLAGS (https://www.w3.org/TR/trace-context/#traceparent-header) */
static bool parent_read(const char *text, struct span *out)
{
    uint8_t flags[1] = {0};
    if (strlen(text) != PARENT_TEXT || strncmp(text, "00-", 3) != 0 || text[35] != '-' ||
        text[52] != '-')
        return false;
    out->has_parent = true;
    bool is_hex = hex_read(text + 53, flags, sizeof flags) || strcmp(text + 53, "00") == 0;
    return is_hex && hex_read(text + 3, out->trace, sizeof out->trace) &&
           hex_read(text + 36, out->parent, sizeof out->parent);
}

static void pack_span(const struct span *s, const char *message, struct attributes *resource,
                      struct attributes *fields, struct writer *out)
{
    Otlp__Status status;
    otlp__status__init(&status);
    status.code = s->status;
    status.message = unchanged(message);
    Otlp__Span span, *spans = &span;
    otlp__span__init(&span);
    span.trace_id = (ProtobufCBinaryData){sizeof s->trace, (uint8_t *)(uintptr_t)s->trace};
    span.span_id = (ProtobufCBinaryData){sizeof s->id, (uint8_t *)(uintptr_t)s->id};
    if (s->has_parent)
        span.parent_span_id =
            (ProtobufCBinaryData){sizeof s->parent, (uint8_t *)(uintptr_t)s->parent};
    span.name = unchanged(s->name);
    span.kind = s->kind;
    span.end_time_unix_nano = (uint64_t)clock_wall_ns(clock_real());
    span.start_time_unix_nano = span.end_time_unix_nano - (uint64_t)s->duration;
    span.attributes = fields->pairs;
    span.n_attributes = fields->count;
    span.status = &status;
    span.flags = 1; /* sampled */
    Otlp__ScopeSpans scope, *scopes = &scope;
    otlp__scope_spans__init(&scope);
    scope.spans = &spans;
    scope.n_spans = 1;
    Otlp__Resource of;
    otlp__resource__init(&of);
    of.attributes = resource->pairs;
    of.n_attributes = resource->count;
    Otlp__ResourceSpans all_spans, *all = &all_spans;
    otlp__resource_spans__init(&all_spans);
    all_spans.resource = &of;
    all_spans.scope_spans = &scopes;
    all_spans.n_scope_spans = 1;
    Otlp__ExportTraceServiceRequest request;
    otlp__export_trace_service_request__init(&request);
    request.resource_spans = &all;
    request.n_resource_spans = 1;
    size_t len = otlp__export_trace_service_request__get_packed_size(&request);
    out->len += otlp__export_trace_service_request__pack(&request, writer_reserve(out, len));
}

/* ---- the envelope -----------------------------------------------------------------------------
 */

static void pack_envelope(Andon__Envelope__Kind kind, const struct writer *payload,
                          const char *token, struct writer *out)
{
    char sender[32];
    uint64_t unique;
    random_secret(&unique, sizeof unique);
    (void)snprintf(sender, sizeof sender, "andon-send-%016llx", (unsigned long long)unique);
    Andon__Envelope envelope;
    andon__envelope__init(&envelope);
    envelope.sender_id = sender;
    envelope.sequence = 1;
    envelope.kind = kind;
    envelope.payload = (ProtobufCBinaryData){payload->len, payload->at};
    if (token)
        envelope.token = unchanged(token);
    size_t len = andon__envelope__get_packed_size(&envelope);
    out->len += andon__envelope__pack(&envelope, writer_reserve(out, len));
}

/* ---- the wire ----------------------------------------------------------------------------------
 */

static enum tsdb_status read_exactly(struct command_socket *s, uint8_t *out, size_t len,
                                     struct tsdb_error *err)
{
    while (len > 0) {
        size_t n;
        enum tsdb_status st = command_read(s, out, len, &n, err);
        if (st == TSDB_END) {
            (void)snprintf(err->msg, sizeof err->msg, "the server closed without an answer");
            return TSDB_EIO;
        }
        if (st != TSDB_OK)
            return st;
        out += n;
        len -= n;
    }
    return TSDB_OK;
}

static int show_ack(const Andon__Ack *ack)
{
    static const char *const names[] = {
        "ok", "partial", "invalid", "too_large", "unauthenticated", "limited", "unavailable"};
    bool is_known = ack->status >= 0 && (size_t)ack->status < sizeof names / sizeof names[0];
    struct writer w = {0};
    writer_format(&w, "ack sequence=%llu status=%s rejected=%llu",
                  (unsigned long long)ack->sequence, is_known ? names[ack->status] : "unknown",
                  (unsigned long long)ack->rejected);
    if (ack->retry_after_ms > 0)
        writer_format(&w, " retry_after_ms=%llu", (unsigned long long)ack->retry_after_ms);
    if (ack->message && *ack->message) {
        writer_text(&w, " message=\"");
        command_put_text(&w, text_of(ack->message));
        writer_u8(&w, '"');
    }
    writer_u8(&w, '\n');
    bool is_written = command_print(&w);
    writer_release(&w);
    return is_written && ack->status == ANDON__ACK__STATUS__OK ? COMMAND_OK : COMMAND_FAILED;
}

/* An Ack is flat and at most ACK_MAX bytes, so protobuf-c may see it. */
static int await_ack(struct command_socket *s)
{
    struct tsdb_error err = {0};
    uint8_t prefix[4], frame[ACK_MAX];
    enum tsdb_status st = read_exactly(s, prefix, sizeof prefix, &err);
    struct reader r = reader_over((struct bytes){prefix, sizeof prefix});
    uint32_t len = st == TSDB_OK ? reader_le32(&r) : 0;
    if (st == TSDB_OK && len > sizeof frame)
        return command_fail(COMMAND_FAILED, "the answer has %u bytes, want at most %d",
                            (unsigned)len, ACK_MAX);
    if (st == TSDB_OK)
        st = read_exactly(s, frame, len, &err);
    if (st != TSDB_OK)
        return command_fail(COMMAND_FAILED, "%s", err.msg);
    Andon__Ack *ack = andon__ack__unpack(NULL, len, frame);
    if (!ack)
        return command_fail(COMMAND_FAILED, "the answer does not decode");
    int exit_status = show_ack(ack);
    andon__ack__free_unpacked(ack, NULL);
    return exit_status;
}

static int send_envelope(const char *to, const struct writer *envelope)
{
    bool is_datagram = strncmp(to, "udp://", 6) == 0;
    char host[256], port[8];
    if ((!is_datagram && strncmp(to, "tcp://", 6) != 0) ||
        !command_address(text_of(to + 6), host, port))
        return command_fail(COMMAND_USAGE,
                            "--to is \"%s\", want tcp://HOST:PORT or udp://HOST:PORT", to);
    if (is_datagram && envelope->len > DATAGRAM_MAX)
        return command_fail(COMMAND_FAILED, "%zu bytes are too many for a datagram", envelope->len);
    struct command_socket s;
    struct tsdb_error err = {0};
    if (command_connect(host, port, is_datagram, TIMEOUT_S * NS_PER_S, &s, &err) != TSDB_OK)
        return command_fail(COMMAND_FAILED, "%s", err.msg);
    struct writer frame = {0};
    if (!is_datagram)
        writer_le32(&frame, (uint32_t)envelope->len);
    writer_put(&frame, envelope->at, envelope->len);
    int exit_status = COMMAND_OK;
    if (command_write(&s, writer_bytes(&frame), &err) != TSDB_OK)
        exit_status = command_fail(COMMAND_FAILED, "%s", err.msg);
    else if (!is_datagram)
        exit_status = await_ack(&s);
    command_disconnect(&s);
    writer_release(&frame);
    return exit_status;
}

/* Around a packed request. */
static int send_request(Andon__Envelope__Kind kind, const struct writer *request,
                        const struct send_flags *f)
{
    char *token = f->token_file ? command_read_secret(f->token_file) : NULL;
    if (f->token_file && !token)
        return COMMAND_FAILED;
    struct writer envelope = {0};
    pack_envelope(kind, request, token, &envelope);
    int exit_status = send_envelope(f->to, &envelope);
    writer_release(&envelope);
    mem_free(token);
    return exit_status;
}

static int send_sample(const struct sample *sample, const struct send_flags *f)
{
    struct attributes labels = {.count = 0};
    int exit_status = COMMAND_USAGE;
    if (attributes_parse("--label", &f->labels, &labels)) {
        struct writer request = {0};
        pack_sample(sample, f, &labels, &request);
        exit_status = send_request(ANDON__ENVELOPE__KIND__METRICS, &request, f);
        writer_release(&request);
    }
    attributes_release(&labels);
    return exit_status;
}

static int send_record(const char *message, const struct level *level, const struct send_flags *f)
{
    struct attributes resource = {.count = 0}, fields = {.count = 0};
    int exit_status = COMMAND_USAGE;
    attributes_add(&resource, "service.name", strlen("service.name"), f->service);
    if (attributes_parse("--label", &f->labels, &resource) &&
        attributes_parse("--field", &f->fields, &fields)) {
        struct writer request = {0};
        pack_record(message, level, &resource, &fields, &request);
        exit_status = send_request(ANDON__ENVELOPE__KIND__LOGS, &request, f);
        writer_release(&request);
    }
    attributes_release(&resource);
    attributes_release(&fields);
    return exit_status;
}

/* What a child of the span is told. */
static bool show_parent(const struct span *span)
{
    char trace[2 * TRACE_BYTES], id[2 * SPAN_BYTES];
    struct writer w = {0};
    writer_text(&w, "traceparent=00-");
    writer_put(&w, trace, hex_encode(span->trace, sizeof span->trace, trace));
    writer_u8(&w, '-');
    writer_put(&w, id, hex_encode(span->id, sizeof span->id, id));
    writer_text(&w, "-01\n");
    bool is_written = command_print(&w);
    writer_release(&w);
    return is_written;
}

static int send_span(const struct span *span, const struct send_flags *f)
{
    struct attributes resource = {.count = 0}, fields = {.count = 0};
    int exit_status = COMMAND_USAGE;
    attributes_add(&resource, "service.name", strlen("service.name"), f->service);
    if (attributes_parse("--label", &f->labels, &resource) &&
        attributes_parse("--field", &f->fields, &fields)) {
        struct writer request = {0};
        pack_span(span, f->message, &resource, &fields, &request);
        exit_status = send_request(ANDON__ENVELOPE__KIND__TRACES, &request, f);
        writer_release(&request);
    }
    attributes_release(&resource);
    attributes_release(&fields);
    if (exit_status == COMMAND_OK && !show_parent(span))
        exit_status = COMMAND_FAILED;
    return exit_status;
}

static int send_metric(int argc, const char *const *argv)
{
    const char *words[3];
    struct send_flags f = {
        .type = "gauge", .unit = "", .to = "tcp://127.0.0.1:4319", .service = "andon-send"};
    const struct command_flag flags[] = {
        {.name = "--label", .list = &f.labels},
        {.name = "--type", .value = &f.type},
        {.name = "--unit", .value = &f.unit},
        {.name = "--to", .value = &f.to},
        {.name = "--service", .value = &f.service},
        {.name = "--token-file", .value = &f.token_file},
    };
    const struct command_line line = {
        "send metric NAME VALUE [--label k=v]... [--type gauge|counter] [--unit U] [--service S] "
        "[--to tcp://127.0.0.1:4319|udp://...] [--token-file FILE]; or send log, send span, see "
        "--help there",
        flags, sizeof flags / sizeof flags[0], words, 3};
    if (!command_parse(argc, argv, &line))
        return COMMAND_USAGE;
    struct sample sample = {.name = words[1]};
    if (strcmp(words[0], "metric") != 0)
        return command_fail(COMMAND_USAGE, "cannot send \"%s\"; usage: andon %s", words[0],
                            line.usage);
    if (!double_parse(text_of(words[2]), &sample.value))
        return command_fail(COMMAND_USAGE, "the value is \"%s\", want a number", words[2]);
    if (strcmp(f.type, "gauge") != 0 && strcmp(f.type, "counter") != 0)
        return command_fail(COMMAND_USAGE, "--type is \"%s\", want gauge or counter", f.type);
    return send_sample(&sample, &f);
}

static int send_log(int argc, const char *const *argv)
{
    const char *words[2];
    struct send_flags f = {.to = "tcp://127.0.0.1:4319", .service = "andon-send"};
    const struct command_flag flags[] = {
        {.name = "--label", .list = &f.labels},
        {.name = "--field", .list = &f.fields},
        {.name = "--level", .value = &f.level},
        {.name = "--to", .value = &f.to},
        {.name = "--service", .value = &f.service},
        {.name = "--token-file", .value = &f.token_file},
    };
    const struct command_line line = {
        "send log MESSAGE [--level trace|debug|info|warn|error|fatal] [--label k=v]... "
        "[--field k=v]... [--service S] [--to tcp://127.0.0.1:4319|udp://...] [--token-file FILE]",
        flags, sizeof flags / sizeof flags[0], words, 2};
    if (!command_parse(argc, argv, &line))
        return COMMAND_USAGE;
    const struct level *level = f.level ? level_find(f.level) : NULL;
    if (f.level && !level)
        return command_fail(COMMAND_USAGE,
                            "--level is \"%s\", want trace, debug, info, warn, error or fatal",
                            f.level);
    return send_record(words[1], level, &f);
}

static int read_span(int argc, const char *const *argv)
{
    static const char *const kinds[] = {"internal", "server",   "client",
                                        "producer", "consumer", NULL};
    static const char *const codes[] = {"unset", "ok", "error", NULL};
    const char *words[2];
    struct send_flags f = {.to = "tcp://127.0.0.1:4319",
                           .service = "andon-send",
                           .duration = "0",
                           .kind = "internal",
                           .status = "unset",
                           .message = ""};
    const struct command_flag flags[] = {
        {.name = "--duration", .value = &f.duration},
        {.name = "--kind", .value = &f.kind},
        {.name = "--status", .value = &f.status},
        {.name = "--message", .value = &f.message},
        {.name = "--traceparent", .value = &f.parent},
        {.name = "--label", .list = &f.labels},
        {.name = "--field", .list = &f.fields},
        {.name = "--to", .value = &f.to},
        {.name = "--service", .value = &f.service},
        {.name = "--token-file", .value = &f.token_file},
    };
    const struct command_line line = {
        "send span NAME [--duration 1.5|300ms] [--kind internal|server|client|producer|consumer] "
        "[--status ok|error] [--message TEXT] [--traceparent 00-TRACE-SPAN-01] [--label k=v]... "
        "[--field k=v]... [--service S] [--to tcp://127.0.0.1:4319|udp://...] [--token-file FILE]",
        flags, sizeof flags / sizeof flags[0], words, 2};
    if (!command_parse(argc, argv, &line))
        return COMMAND_USAGE;
    struct span span = {.name = words[1]};
    struct tsdb_error err;
    int kind = word_find(kinds, f.kind), code = word_find(codes, f.status);
    if (param_duration(text_of(f.duration), &span.duration, &err) != TSDB_OK || span.duration < 0)
        return command_fail(COMMAND_USAGE, "--duration is \"%s\", want seconds, or such as 5m",
                            f.duration);
    if (kind < 0)
        return command_fail(COMMAND_USAGE,
                            "--kind is \"%s\", want internal, server, client, producer or consumer",
                            f.kind);
    if (code < 0)
        return command_fail(COMMAND_USAGE, "--status is \"%s\", want ok or error", f.status);
    if (f.parent && !parent_read(f.parent, &span))
        return command_fail(COMMAND_USAGE, "--traceparent is \"%s\", want 00-TRACE-SPAN-FLAGS",
                            f.parent);
    if (!f.parent)
        random_secret(span.trace, sizeof span.trace);
    random_secret(span.id, sizeof span.id);
    span.kind = (Otlp__Span__SpanKind)(kind + 1);
    span.status = (Otlp__Status__StatusCode)code;
    return send_span(&span, &f);
}

/* The first word that is neither a flag nor a flag's value. */
static const char *first_word(int argc, const char *const *argv)
{
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0)
            return argv[i];
        if (argv[i][2]) /* not the end of the flags */
            i += strchr(argv[i], '=') == NULL;
    }
    return "";
}

int command_send(int argc, const char *const *argv)
{
    const char *what = first_word(argc, argv);
    if (strcmp(what, "log") == 0)
        return send_log(argc, argv);
    return (strcmp(what, "span") == 0 ? read_span : send_metric)(argc, argv);
}
