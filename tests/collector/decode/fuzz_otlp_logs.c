/* OTLP logs against protobuf-c: what it accepts is accepted, and a message that it packs
 * is read as the tree it was packed from says. */
#include "collector/decode/log_level.h"
#include "collector/decode/log_service.h"
#include "collector/decode/otlp_logs.h"
#include "collector/decode/otlp_names.h"
#include "collector/decode/otlp_value.h"
#include "proto/otlp_logs.pb-c.h"
#include "tests/collector/decode/oracle.h"

#include "tests/collector/decode/collect_logs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* ---- building ----------------------------------------------------------------------- */

static Otlp__KeyValue **build_attributes(struct entropy *e, size_t *count, int depth);

static Otlp__AnyValue *build_value(struct entropy *e, int depth)
{
    static uint8_t raw[] = {0, 0xff, 'x'};
    Otlp__AnyValue *v = ORACLE_NEW(Otlp__AnyValue);
    otlp__any_value__init(v);
    v->value_case = (Otlp__AnyValue__ValueCase)entropy_below(e, depth > 0 ? 8 : 5);
    switch ((int)v->value_case) {
    case OTLP__ANY_VALUE__VALUE_STRING_VALUE: v->string_value = entropy_text(e); break;
    case OTLP__ANY_VALUE__VALUE_BOOL_VALUE: v->bool_value = entropy_u8(e) & 1; break;
    case OTLP__ANY_VALUE__VALUE_INT_VALUE: v->int_value = (int64_t)entropy_u64(e); break;
    case OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE: v->double_value = entropy_double(e); break;
    case OTLP__ANY_VALUE__VALUE_BYTES_VALUE:
        v->bytes_value = (ProtobufCBinaryData){entropy_below(e, 4), raw};
        break;
    case OTLP__ANY_VALUE__VALUE_ARRAY_VALUE:
        v->array_value = ORACLE_NEW(Otlp__ArrayValue);
        otlp__array_value__init(v->array_value);
        v->array_value->n_values = entropy_below(e, 3);
        v->array_value->values = ORACLE_ARRAY(Otlp__AnyValue *, 3);
        for (size_t i = 0; i < v->array_value->n_values; i++)
            v->array_value->values[i] = build_value(e, depth - 1);
        break;
    case OTLP__ANY_VALUE__VALUE_KVLIST_VALUE:
        v->kvlist_value = ORACLE_NEW(Otlp__KeyValueList);
        otlp__key_value_list__init(v->kvlist_value);
        v->kvlist_value->values = build_attributes(e, &v->kvlist_value->n_values, depth - 1);
        break;
    default: break;
    }
    return v;
}

static Otlp__KeyValue **build_attributes(struct entropy *e, size_t *count, int depth)
{
    static const char *const known[] = {"service.name", "level",          "k8s.pod.name",
                                        "host.name",    "detected_level", "cloud.region"};
    *count = entropy_below(e, 4);
    Otlp__KeyValue **list = ORACLE_ARRAY(Otlp__KeyValue *, *count);
    for (size_t i = 0; i < *count; i++) {
        list[i] = ORACLE_NEW(Otlp__KeyValue);
        otlp__key_value__init(list[i]);
        list[i]->key =
            entropy_u8(e) & 1 ? entropy_text(e) : (char *)(uintptr_t)known[entropy_below(e, 6)];
        list[i]->value = entropy_u8(e) == 9 ? NULL : build_value(e, depth);
    }
    return list;
}

static Otlp__LogRecord *build_record(struct entropy *e)
{
    static uint8_t id[16] = {1};
    Otlp__LogRecord *r = ORACLE_NEW(Otlp__LogRecord);
    otlp__log_record__init(r);
    r->time_unix_nano = entropy_u64(e);
    r->observed_time_unix_nano = entropy_u8(e);
    r->severity_number = (Otlp__SeverityNumber)entropy_below(e, 30);
    r->severity_text = entropy_text(e);
    r->body = entropy_u8(e) == 9 ? NULL : build_value(e, 2);
    r->attributes = build_attributes(e, &r->n_attributes, 2);
    r->dropped_attributes_count = (uint32_t)entropy_below(e, 3);
    r->flags = (uint32_t)entropy_u64(e);
    r->trace_id = (ProtobufCBinaryData){entropy_below(e, 17), id};
    r->span_id = (ProtobufCBinaryData){entropy_below(e, 9), id + entropy_below(e, 2)};
    r->event_name = entropy_text(e);
    return r;
}

static struct bytes pack(const Otlp__ExportLogsServiceRequest *request)
{
    size_t len = otlp__export_logs_service_request__get_packed_size(request);
    uint8_t *at = ORACLE_ARRAY(uint8_t, len + 1);
    otlp__export_logs_service_request__pack(request, at);
    return (struct bytes){at, len};
}

static struct bytes build(struct entropy *e)
{
    Otlp__ExportLogsServiceRequest request = OTLP__EXPORT_LOGS_SERVICE_REQUEST__INIT;
    request.n_resource_logs = 1 + entropy_below(e, 3);
    request.resource_logs = ORACLE_ARRAY(Otlp__ResourceLogs *, request.n_resource_logs);
    for (size_t i = 0; i < request.n_resource_logs; i++) {
        Otlp__ResourceLogs *rl = request.resource_logs[i] = ORACLE_NEW(Otlp__ResourceLogs);
        otlp__resource_logs__init(rl);
        if (entropy_u8(e) & 1) {
            rl->resource = ORACLE_NEW(Otlp__Resource);
            otlp__resource__init(rl->resource);
            rl->resource->attributes = build_attributes(e, &rl->resource->n_attributes, 2);
        }
        rl->n_scope_logs = 1;
        rl->scope_logs = ORACLE_ARRAY(Otlp__ScopeLogs *, 1);
        Otlp__ScopeLogs *sl = rl->scope_logs[0] = ORACLE_NEW(Otlp__ScopeLogs);
        otlp__scope_logs__init(sl);
        if (entropy_u8(e) & 1) {
            sl->scope = ORACLE_NEW(Otlp__InstrumentationScope);
            otlp__instrumentation_scope__init(sl->scope);
            sl->scope->name = entropy_text(e);
            sl->scope->version = entropy_text(e);
            sl->scope->attributes = build_attributes(e, &sl->scope->n_attributes, 1);
            sl->scope->dropped_attributes_count = (uint32_t)entropy_below(e, 2);
        }
        sl->n_log_records = entropy_below(e, 3);
        sl->log_records = ORACLE_ARRAY(Otlp__LogRecord *, 3);
        for (size_t k = 0; k < sl->n_log_records; k++)
            sl->log_records[k] = build_record(e);
    }
    struct bytes out = pack(&request);
    oracle_damage(e, (uint8_t *)(uintptr_t)out.at, out.len);
    return out;
}

/* ---- what the tree says, as lines ------------------------------------------------------ */

enum { LIST_MAX = 4096 };

struct list {
    struct tsdb_field at[LIST_MAX];
    uint32_t count;
};

static void add_text(struct list *l, struct tsdb_text name, enum tsdb_field_type type,
                     struct tsdb_text text)
{
    if (name.len > 0 && l->count < LIST_MAX)
        l->at[l->count++] = (struct tsdb_field){.name = name, .type = (uint8_t)type, .text = text};
}

static void add_integer(struct list *l, const char *name, enum tsdb_field_type type, int64_t v)
{
    if (*name && l->count < LIST_MAX)
        l->at[l->count++] =
            (struct tsdb_field){.name = text_of(name), .type = (uint8_t)type, .integer = v};
}

static struct tsdb_text json_text(const Otlp__AnyValue *v)
{
    struct tsdb_text out = {"", 0};
    size_t len = otlp__any_value__get_packed_size(v);
    uint8_t *at = ORACLE_ARRAY(uint8_t, len + 1);
    otlp__any_value__pack(v, at);
    static const struct otlp_json_options options = {.depth = 32, .bytes_max = 1 << 20};
    (void)otlp_value_json((struct bytes){at, len}, &options, oracle_arena(), &out);
    return out;
}

static void add_value(struct list *l, const char *name, const Otlp__AnyValue *v)
{
    struct tsdb_text n = text_of(name);
    int which = v ? (int)v->value_case : 0;
    if (which == OTLP__ANY_VALUE__VALUE_STRING_VALUE) {
        add_text(l, n, TSDB_FIELD_STRING, text_of(v->string_value));
    } else if (which == OTLP__ANY_VALUE__VALUE_BOOL_VALUE) {
        add_integer(l, name, TSDB_FIELD_BOOL, v->bool_value != 0);
    } else if (which == OTLP__ANY_VALUE__VALUE_INT_VALUE) {
        add_integer(l, name, TSDB_FIELD_INT, v->int_value);
    } else if (which == OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE) {
        if (n.len > 0 && l->count < LIST_MAX)
            l->at[l->count++] =
                (struct tsdb_field){.name = n, .type = TSDB_FIELD_DOUBLE, .real = v->double_value};
    } else if (which == OTLP__ANY_VALUE__VALUE_BYTES_VALUE) {
        add_text(l, n, TSDB_FIELD_BYTES,
                 (struct tsdb_text){(const char *)v->bytes_value.data, v->bytes_value.len});
    } else if (which == OTLP__ANY_VALUE__VALUE_ARRAY_VALUE) {
        add_text(l, n, TSDB_FIELD_JSON, json_text(v));
    } else if (which == OTLP__ANY_VALUE__VALUE_KVLIST_VALUE) {
        const Otlp__KeyValueList *map = v->kvlist_value;
        if (map->n_values == 0)
            add_text(l, n, TSDB_FIELD_JSON, text_of("{}"));
        for (size_t i = 0; i < map->n_values; i++) {
            const char *key = map->values[i]->key;
            char *full = ORACLE_ARRAY(char, n.len + strlen(key) + 2);
            (void)sprintf(full, "%s%s%s", name, *name ? "." : "", key);
            add_value(l, full, map->values[i]->value);
        }
    } else {
        add_text(l, n, TSDB_FIELD_STRING, text_of(""));
    }
}

static bool is_index(const char *key)
{
    static const char list[] =
        " service.name service.namespace service.instance.id deployment.environment "
        "deployment.environment.name cloud.region cloud.availability_zone k8s.cluster.name "
        "k8s.namespace.name k8s.pod.name k8s.container.name container.name k8s.replicaset.name "
        "k8s.deployment.name k8s.statefulset.name k8s.daemonset.name k8s.cronjob.name "
        "k8s.job.name ";
    char *padded = ORACLE_ARRAY(char, strlen(key) + 3);
    (void)sprintf(padded, " %s ", key);
    return *key && !strchr(key, ' ') && strstr(list, padded);
}

/* Labels and attributes of the stream as text; long attributes to `tail`. */
static void put_stream(struct writer *w, const Otlp__Resource *resource, struct list *tail)
{
    struct tsdb_label labels[64];
    struct list *attributes = ORACLE_NEW(struct list);
    uint32_t count = 0;
    for (size_t i = 0; resource && i < resource->n_attributes; i++) {
        const Otlp__KeyValue *kv = resource->attributes[i];
        int which = kv->value ? (int)kv->value->value_case : 0;
        struct tsdb_text name = otlp_label_name(OTLP_UNDERSCORE, text_of(kv->key), oracle_arena());
        bool is_taken = which == OTLP__ANY_VALUE__VALUE_ARRAY_VALUE ||
                        which == OTLP__ANY_VALUE__VALUE_KVLIST_VALUE || !is_index(kv->key);
        for (uint32_t k = 0; k < count; k++)
            is_taken |= text_equal(labels[k].name, name);
        struct tsdb_text text = is_taken || !kv->value ? text_of("") : json_text(kv->value);
        if (is_taken || text.len > DECODE_STREAM_VALUE_MAX || count == 32)
            add_value(attributes, kv->key, kv->value);
        else
            labels[count++] = (struct tsdb_label){name, text};
    }
    struct tsdb_text service = log_service_find((struct tsdb_labels){labels, count});
    if (service.len > 0) {
        uint32_t at = count;
        for (uint32_t k = 0; k < count; k++)
            at = text_equal(labels[k].name, text_of("service_name")) ? k : at;
        labels[at] = (struct tsdb_label){text_of("service_name"), service};
        count += at == count;
    }
    collect_labels(w, (struct tsdb_labels){labels, count});
    writer_text(w, " <");
    bool any = false;
    for (uint32_t i = 0; i < attributes->count; i++) {
        const struct tsdb_field *f = &attributes->at[i];
        bool is_text =
            f->type != TSDB_FIELD_INT && f->type != TSDB_FIELD_BOOL && f->type != TSDB_FIELD_DOUBLE;
        if (is_text && f->text.len > DECODE_STREAM_VALUE_MAX) {
            add_text(tail, f->name, (enum tsdb_field_type)f->type, f->text);
            continue;
        }
        writer_text(w, any ? " " : "");
        any = true;
        collect_field(w, f);
    }
    writer_text(w, "> ");
}

static struct tsdb_text level_of(const Otlp__LogRecord *r, const struct list *l,
                                 struct tsdb_text line)
{
    for (uint32_t i = 0; i < l->count; i++) {
        struct tsdb_text found =
            log_level_is_name(l->at[i].name) ? log_level_of_field(&l->at[i]) : text_of("");
        if (found.len > 0)
            return found;
    }
    struct tsdb_text known = log_level_of_text(text_of(r->severity_text));
    if (known.len > 0)
        return known;
    if (r->severity_number)
        return log_level_of_number((uint32_t)r->severity_number);
    return *r->severity_text ? text_of(r->severity_text) : log_level_of_line(line);
}

static void add_id(struct list *l, const char *name, ProtobufCBinaryData id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.data[i]) {
            add_text(l, text_of(name), TSDB_FIELD_ID,
                     (struct tsdb_text){(const char *)id.data, id.len});
            return;
        }
}

static struct tsdb_text line_of(const Otlp__AnyValue *body)
{
    int which = body ? (int)body->value_case : 0;
    if (which == OTLP__ANY_VALUE__VALUE_BYTES_VALUE)
        return (struct tsdb_text){(const char *)body->bytes_value.data, body->bytes_value.len};
    return which ? json_text(body) : text_of("");
}

static void put_record(struct collect *out, const Otlp__ResourceLogs *rl, const Otlp__ScopeLogs *sl,
                       const Otlp__LogRecord *r)
{
    struct writer w = {0};
    struct list *l = ORACLE_NEW(struct list), *tail = ORACLE_NEW(struct list);
    struct tsdb_text line = line_of(r->body);
    uint64_t time = r->time_unix_nano ? r->time_unix_nano : r->observed_time_unix_nano;
    bool is_said = false;
    put_stream(&w, rl->resource, tail);
    time = time > INT64_MAX ? INT64_MAX : time;
    writer_format(&w, "%lld |", (long long)(time ? (int64_t)time : COLLECT_NOW));
    writer_put(&w, line.at, line.len);
    writer_text(&w, "|");
    for (size_t i = 0; i < r->n_attributes; i++)
        add_value(l, r->attributes[i]->key, r->attributes[i]->value);
    for (uint32_t i = 0; i < l->count; i++)
        is_said |= text_equal(l->at[i].name, text_of("detected_level"));
    struct tsdb_text level = level_of(r, l, line);
    uint64_t observed = r->observed_time_unix_nano;
    if (r->time_unix_nano && observed && observed != r->time_unix_nano)
        add_integer(l, "observed_timestamp", TSDB_FIELD_INT,
                    observed > INT64_MAX ? INT64_MAX : (int64_t)observed);
    if (r->severity_number)
        add_integer(l, "severity_number", TSDB_FIELD_INT, r->severity_number);
    if (*r->severity_text)
        add_text(l, text_of("severity_text"), TSDB_FIELD_STRING, text_of(r->severity_text));
    if (r->dropped_attributes_count)
        add_integer(l, "dropped_attributes_count", TSDB_FIELD_INT, r->dropped_attributes_count);
    if (r->flags)
        add_integer(l, "flags", TSDB_FIELD_INT, r->flags);
    add_id(l, "trace_id", r->trace_id);
    add_id(l, "span_id", r->span_id);
    if (*r->event_name)
        add_text(l, text_of("event_name"), TSDB_FIELD_STRING, text_of(r->event_name));
    if (!is_said)
        add_text(l, text_of("detected_level"), TSDB_FIELD_STRING, level);
    const Otlp__InstrumentationScope *scope = sl->scope;
    for (size_t i = 0; scope && i < scope->n_attributes; i++)
        add_value(l, scope->attributes[i]->key, scope->attributes[i]->value);
    if (scope && *scope->name)
        add_text(l, text_of("scope_name"), TSDB_FIELD_STRING, text_of(scope->name));
    if (scope && *scope->version)
        add_text(l, text_of("scope_version"), TSDB_FIELD_STRING, text_of(scope->version));
    if (scope && scope->dropped_attributes_count)
        add_integer(l, "scope_dropped_attributes_count", TSDB_FIELD_INT,
                    scope->dropped_attributes_count);
    for (uint32_t i = 0; i < l->count + tail->count; i++) {
        writer_u8(&w, ' ');
        collect_field(&w, i < l->count ? &l->at[i] : &tail->at[i - l->count]);
    }
    collect_line(out, &w);
    writer_release(&w);
}

/* ---- both -------------------------------------------------------------------------------- */

static enum tsdb_status decode(struct bytes in, struct collect_logs *got,
                               struct decode_tally *tally)
{
    struct arena arena;
    arena_init(&arena, (size_t)64 << 20, NULL);
    struct decode_log_task task = collect_log_task(got, &arena);
    enum tsdb_status st = otlp_logs_decode(&task, in, tally, NULL);
    collect_logs_check(got, tally, st);
    arena_release(&arena);
    return st;
}

static void check(struct bytes in)
{
    struct collect_logs *raw = collect_logs_new(), *got = collect_logs_new();
    struct collect *want = collect_new();
    struct decode_tally tally;
    enum tsdb_status st = decode(in, raw, &tally);
    Otlp__ExportLogsServiceRequest *r =
        oracle_may_see(in) ? otlp__export_logs_service_request__unpack(NULL, in.len, in.at) : NULL;
    if (r) {
        struct bytes packed = pack(r);
        /* protobuf-c takes a bool of any wire type; what it would pack itself, never */
        ASSERT(st == TSDB_OK || packed.len != in.len || memcmp(packed.at, in.at, in.len) != 0);
        ASSERT(decode(packed, got, &tally) == TSDB_OK);
        for (size_t i = 0; i < r->n_resource_logs; i++)
            for (size_t k = 0; k < r->resource_logs[i]->n_scope_logs; k++)
                for (size_t n = 0; n < r->resource_logs[i]->scope_logs[k]->n_log_records; n++)
                    put_record(want, r->resource_logs[i], r->resource_logs[i]->scope_logs[k],
                               r->resource_logs[i]->scope_logs[k]->log_records[n]);
        if (tally.handed == tally.received && !got->base.has_nul)
            oracle_compare(&got->base, want);
        otlp__export_logs_service_request__free_unpacked(r, NULL);
    }
    collect_logs_free(raw);
    collect_logs_free(got);
    collect_free(want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct entropy e = {data, len};
    if (len == 0)
        return 0;
    arena_reset(oracle_arena());
    if (entropy_u8(&e) & 1)
        check(build(&e));
    else
        check((struct bytes){e.at, e.len});
    return 0;
}
