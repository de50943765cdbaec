#include "collector/decode/otlp_logs.h"

#include "collector/decode/log_level.h"
#include "collector/decode/log_stage.h"
#include "collector/decode/otlp_fields.h"
#include "collector/decode/otlp_names.h"
#include "collector/decode/otlp_value.h"
#include "collector/decode/pull.h"
#include "tsdb/base/text.h"

enum { RECORD_BYTES_MIN = 2, INDEX_LABELS_MAX = 32 };

/* Resource attributes that are labels: Loki's default list. */
static const char *const index_names[] = {
    "service.name",
    "service.namespace",
    "service.instance.id",
    "deployment.environment",
    "deployment.environment.name",
    "cloud.region",
    "cloud.availability_zone",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
    "container.name",
    "k8s.replicaset.name",
    "k8s.deployment.name",
    "k8s.statefulset.name",
    "k8s.daemonset.name",
    "k8s.cronjob.name",
    "k8s.job.name",
};

enum { INDEX_NAMES = sizeof index_names / sizeof index_names[0] };

struct field_list {
    const struct tsdb_field *at;
    uint32_t count;
};

/* What a stream was made of beyond what the batch says. */
struct source {
    struct field_list fields; /* attributes too long for a stream: of its records */
    bool is_bad;              /* has attributes that cannot be taken */
};

struct walk {
    struct log_stage stage;
    const struct decode_log_task *task;
    struct log_fields context; /* of resources and scopes, in the stage's scratch */
    struct source *sources;    /* one a stream of the batch */
    struct bytes resource, scope;
    bool is_open; /* what follows belongs to this resource, scope and generation */
    uint32_t context_generation, generation;
    uint32_t stream;
    struct field_list tail; /* fields of each record: of its scope, and the source's */
    const char *refusal;    /* why its records cannot be taken; NULL: they can */
};

/* ---- resource --------------------------------------------------------------------------- */

static const char *index_name(struct tsdb_text key)
{
    for (size_t i = 0; i < INDEX_NAMES; i++)
        if (text_equal(key, text_of(index_names[i])))
            return index_names[i];
    return NULL;
}

static bool has_label(const struct tsdb_label *labels, uint32_t count, struct tsdb_text name)
{
    for (uint32_t i = 0; i < count; i++)
        if (text_equal(labels[i].name, name))
            return true;
    return false;
}

/* A label of the attribute, when it is one of those and short; else *is_label is false. */
static enum tsdb_status put_label(struct walk *w, struct bytes in, struct tsdb_label *labels,
                                  uint32_t *count, bool *is_label)
{
    struct tsdb_text key, text;
    struct bytes value;
    struct otlp_any any;
    *is_label = false;
    enum tsdb_status st = otlp_attribute_parse(in, &key, &value);
    const char *known = st == TSDB_OK ? index_name(key) : NULL;
    if (!known || *count == INDEX_LABELS_MAX)
        return st;
    st = otlp_any_parse(value, &any);
    if (st != TSDB_OK || any.is == OTLP_ANY_MAP || any.is == OTLP_ANY_ARRAY)
        return st;
    st = otlp_value_text(value, 1, &w->stage.scratch, &text);
    if (st == TSDB_EINVAL || text.len > DECODE_STREAM_VALUE_MAX)
        return TSDB_OK;
    struct tsdb_text name = otlp_label_name(OTLP_UNDERSCORE, key, &w->stage.scratch);
    if (st != TSDB_OK || !name.at)
        return TSDB_ELIMIT;
    *is_label = !has_label(labels, *count, name);
    if (*is_label)
        labels[(*count)++] = (struct tsdb_label){name, text};
    return TSDB_OK;
}

static bool is_long(const struct tsdb_field *f)
{
    bool is_number =
        f->type == TSDB_FIELD_INT || f->type == TSDB_FIELD_BOOL || f->type == TSDB_FIELD_DOUBLE;
    return !is_number && f->text.len > DECODE_STREAM_VALUE_MAX;
}

/* Takes the long ones out of the fields gathered; they go where records find them. */
static enum tsdb_status split_long(struct walk *w, struct field_list *out)
{
    struct log_fields *f = &w->context;
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->count; i++)
        count += is_long(&f->at[i]);
    *out = (struct field_list){NULL, count};
    if (count == 0)
        return TSDB_OK;
    struct tsdb_field *at = ARENA_ARRAY(&w->stage.scratch, struct tsdb_field, count);
    if (!at)
        return TSDB_ELIMIT;
    out->at = at;
    for (uint32_t i = f->count; i > 0; i--) {
        if (!is_long(&f->at[i - 1]))
            continue;
        at[--count] = f->at[i - 1];
        log_fields_remove(f, i - 1);
    }
    return TSDB_OK;
}

static enum tsdb_status resource_parse(struct walk *w, struct tsdb_label *labels, uint32_t *count)
{
    struct pull p = pull_over(w->resource);
    struct pull_field f;
    enum tsdb_status st = TSDB_OK;
    bool is_label;
    *count = 0;
    while (st == TSDB_OK && pull_next(&p, &f)) {
        if (f.number != 1)
            continue;
        struct bytes attribute = pull_bytes(&p, &f);
        st = put_label(w, attribute, labels, count, &is_label);
        if (st == TSDB_OK && !is_label)
            st = otlp_field_put(&w->context, attribute);
    }
    if (st == TSDB_OK && !pull_done(&p))
        st = TSDB_ECORRUPT;
    return st == TSDB_OK ? w->context.status : st;
}

/* The stream of the resource, in this batch. */
static enum tsdb_status open_stream(struct walk *w)
{
    w->stream = log_stage_find(&w->stage, w->resource);
    if (w->stream != LOG_STAGE_NONE)
        return TSDB_OK;
    struct tsdb_label labels[INDEX_LABELS_MAX];
    uint32_t count = 0;
    struct source source = {0};
    log_fields_next(&w->context);
    enum tsdb_status st = resource_parse(w, labels, &count);
    if (st == TSDB_EINVAL) {
        log_fields_drop(&w->context);
        source.is_bad = true;
    } else if (st != TSDB_OK) {
        return st;
    }
    st = split_long(w, &source.fields);
    if (st == TSDB_OK)
        st = log_stage_stream(&w->stage, w->resource, (struct tsdb_labels){labels, count},
                              w->context.at, w->context.count, &w->stream);
    if (st == TSDB_OK)
        w->sources[w->stream] = source;
    return st;
}

/* ---- scope ------------------------------------------------------------------------------- */

static enum tsdb_status scope_parse(struct walk *w)
{
    struct pull p = pull_over(w->scope);
    struct pull_field f;
    struct tsdb_text name = {"", 0}, version = {"", 0};
    uint32_t dropped = 0;
    enum tsdb_status st = TSDB_OK;
    while (st == TSDB_OK && pull_next(&p, &f)) {
        switch (f.number) {
        case 1: name = pull_text(&p, &f); break;
        case 2: version = pull_text(&p, &f); break;
        case 3: st = otlp_field_put(&w->context, pull_bytes(&p, &f)); break;
        case 4: dropped = pull_u32(&p, &f); break;
        default: break;
        }
    }
    if (name.len > 0)
        log_fields_text(&w->context, text_of("scope_name"), TSDB_FIELD_STRING, name);
    if (version.len > 0)
        log_fields_text(&w->context, text_of("scope_version"), TSDB_FIELD_STRING, version);
    if (dropped > 0)
        log_fields_integer(&w->context, text_of("scope_dropped_attributes_count"), TSDB_FIELD_INT,
                           dropped);
    return st == TSDB_OK && !pull_done(&p) ? TSDB_ECORRUPT : st;
}

/* Resource and scope of the records that follow, in the batch that they go to. */
static enum tsdb_status open_context(struct walk *w)
{
    if (w->context_generation != w->stage.generation) {
        log_fields_init(&w->context, &w->stage.scratch);
        w->context_generation = w->stage.generation;
    }
    w->refusal = NULL;
    enum tsdb_status st = open_stream(w);
    if (st != TSDB_OK)
        return st;
    log_fields_next(&w->context);
    st = scope_parse(w);
    log_fields_copy(&w->context, w->sources[w->stream].fields.at,
                    w->sources[w->stream].fields.count);
    if (st == TSDB_OK)
        st = w->context.status;
    if (w->sources[w->stream].is_bad)
        w->refusal = "resource attributes nested too deep, too many or not UTF-8";
    else if (st == TSDB_EINVAL)
        w->refusal = "scope attributes nested too deep, too many or not UTF-8";
    if (st != TSDB_OK && st != TSDB_EINVAL)
        return st;
    w->tail = (struct field_list){w->context.at, w->context.count};
    w->generation = w->stage.generation;
    w->is_open = true;
    return TSDB_OK;
}

/* ---- records ------------------------------------------------------------------------------ */

struct record {
    uint64_t time, observed;
    uint32_t severity, dropped, flags;
    struct tsdb_text severity_text, event_name;
    struct bytes body, trace, span;
    bool is_bad; /* an attribute cannot be taken */
};

static inline enum tsdb_status take_attribute(struct walk *w, struct record *r, struct bytes in)
{
    enum tsdb_status st = otlp_field_put(&w->stage.fields, in);
    if (st != TSDB_EINVAL)
        return st;
    r->is_bad = true;
    return TSDB_OK;
}

static uint32_t fixed32(struct pull *p, const struct pull_field *f)
{
    return pull_is(p, f, PULL_FIXED32) ? (uint32_t)f->value : 0;
}

/* Fields of the message; its attributes are put to the stage's fields. */
static enum tsdb_status record_parse(struct walk *w, struct bytes in, struct record *r)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    enum tsdb_status st = TSDB_OK;
    while (st == TSDB_OK && pull_next(&p, &f)) {
        switch (f.number) {
        case 1: r->time = pull_f64(&p, &f); break;
        case 2: r->severity = pull_u32(&p, &f); break;
        case 3: r->severity_text = pull_text(&p, &f); break;
        case 5: r->body = pull_bytes(&p, &f); break;
        case 6: st = take_attribute(w, r, pull_bytes(&p, &f)); break;
        case 7: r->dropped = pull_u32(&p, &f); break;
        case 8: r->flags = fixed32(&p, &f); break;
        case 9: r->trace = pull_bytes(&p, &f); break;
        case 10: r->span = pull_bytes(&p, &f); break;
        case 11: r->observed = pull_f64(&p, &f); break;
        case 12: r->event_name = pull_text(&p, &f); break;
        default: break;
        }
    }
    return st == TSDB_OK && !pull_done(&p) ? TSDB_ECORRUPT : st;
}

/* The level that the record's own attributes say; *is_said: they hold it already. */
static struct tsdb_text level_of_attributes(const struct log_fields *f, bool *is_said)
{
    struct tsdb_text found = {"", 0}, name = text_of("detected_level");
    *is_said = false;
    for (uint32_t i = 0; i < f->count; i++) {
        const struct tsdb_field *field = &f->at[i];
        if (found.len == 0 && log_level_is_name(field->name))
            found = log_level_of_field(field);
        if (field->name.len == name.len && memcmp(field->name.at, name.at, name.len) == 0)
            *is_said = true;
    }
    return found;
}

static struct tsdb_text level_of(const struct record *r, struct tsdb_text said,
                                 struct tsdb_text line)
{
    if (said.len > 0)
        return said;
    struct tsdb_text known = log_level_of_text(r->severity_text);
    if (known.len > 0)
        return known;
    if (r->severity > 0)
        return log_level_of_number(r->severity);
    return r->severity_text.len > 0 ? r->severity_text : log_level_of_line(line);
}

static void put_id(struct log_fields *f, struct tsdb_text name, struct bytes id)
{
    uint8_t any = 0;
    for (size_t i = 0; i < id.len; i++)
        any |= id.at[i];
    if (any)
        log_fields_text(f, name, TSDB_FIELD_ID, (struct tsdb_text){(const char *)id.at, id.len});
}

static void put_fields(struct walk *w, const struct record *r, struct tsdb_text line)
{
    struct log_fields *f = &w->stage.fields;
    bool is_said;
    struct tsdb_text said = level_of_attributes(f, &is_said);
    if (r->time && r->observed && r->observed != r->time)
        log_fields_integer(f, text_of("observed_timestamp"), TSDB_FIELD_INT,
                           decode_ns(r->observed));
    if (r->severity)
        log_fields_integer(f, text_of("severity_number"), TSDB_FIELD_INT, (int32_t)r->severity);
    if (r->severity_text.len > 0)
        log_fields_text(f, text_of("severity_text"), TSDB_FIELD_STRING, r->severity_text);
    if (r->dropped)
        log_fields_integer(f, text_of("dropped_attributes_count"), TSDB_FIELD_INT, r->dropped);
    if (r->flags)
        log_fields_integer(f, text_of("flags"), TSDB_FIELD_INT, r->flags);
    put_id(f, text_of("trace_id"), r->trace);
    put_id(f, text_of("span_id"), r->span);
    if (r->event_name.len > 0)
        log_fields_text(f, text_of("event_name"), TSDB_FIELD_STRING, r->event_name);
    if (!is_said)
        log_fields_text(f, text_of("detected_level"), TSDB_FIELD_STRING, level_of(r, said, line));
    log_fields_copy(f, w->tail.at, w->tail.count);
}

/* The line; TSDB_EINVAL: the body cannot be taken. */
static enum tsdb_status body_text(struct walk *w, struct bytes in, struct tsdb_text *line)
{
    struct otlp_any any;
    enum tsdb_status st = otlp_any_parse(in, &any);
    if (st != TSDB_OK)
        return st;
    if (any.is == OTLP_ANY_STRING || any.is == OTLP_ANY_BYTES) {
        *line = (struct tsdb_text){(const char *)any.bytes.at, any.bytes.len};
        return TSDB_OK;
    }
    static const struct otlp_json_options options = {.depth = DECODE_DEPTH_MAX,
                                                     .bytes_max = TSDB_LOG_LINE_MAX};
    return otlp_value_json(in, &options, &w->stage.scratch, line);
}

static enum tsdb_status put_record(struct walk *w, struct bytes in)
{
    struct record r = {.body = {in.at, 0}};
    struct tsdb_text line = {"", 0};
    enum tsdb_status st = log_stage_begin(&w->stage);
    if (st == TSDB_OK && (!w->is_open || w->generation != w->stage.generation))
        st = open_context(w);
    if (st == TSDB_OK)
        st = record_parse(w, in, &r);
    if (st != TSDB_OK)
        return st;
    st = body_text(w, r.body, &line);
    if (st != TSDB_OK && st != TSDB_EINVAL)
        return st;
    const char *why = w->refusal;
    if (!why && r.is_bad)
        why = "record attribute nested too deep or not UTF-8";
    if (!why && st == TSDB_EINVAL)
        why = "body nested too deep or too large";
    if (why) {
        log_stage_refuse(&w->stage, DECODE_BAD_RECORD, "%s", why);
        return TSDB_OK;
    }
    put_fields(w, &r, line);
    return log_stage_record(&w->stage, w->stream, decode_ns(r.time ? r.time : r.observed), line);
}

/* ---- the request ---------------------------------------------------------------------------- */

static enum tsdb_status put_scope(struct walk *w, struct bytes in)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    enum tsdb_status st = otlp_message_merge(in, 1, w->task->arena, &w->scope);
    w->is_open = false;
    while (st == TSDB_OK && pull_next(&p, &f)) {
        if (f.number == 2)
            st = put_record(w, pull_bytes(&p, &f));
        else if (f.number == 3)
            (void)pull_bytes(&p, &f);
    }
    return st == TSDB_OK && !pull_done(&p) ? TSDB_ECORRUPT : st;
}

static enum tsdb_status put_resource(struct walk *w, struct bytes in)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    enum tsdb_status st = otlp_message_merge(in, 1, w->task->arena, &w->resource);
    while (st == TSDB_OK && pull_next(&p, &f)) {
        if (f.number == 2)
            st = put_scope(w, pull_bytes(&p, &f));
        else if (f.number == 3)
            (void)pull_bytes(&p, &f);
    }
    return st == TSDB_OK && !pull_done(&p) ? TSDB_ECORRUPT : st;
}

enum tsdb_status otlp_logs_decode(const struct decode_log_task *task, struct bytes in,
                                  struct decode_tally *tally, struct tsdb_error *err)
{
    struct walk w = {.task = task, .context_generation = UINT32_MAX};
    *tally = (struct decode_tally){0};
    enum tsdb_status st = log_stage_init(&w.stage, task, tally, in.len, RECORD_BYTES_MIN);
    w.sources = ARENA_ARRAY(task->arena, struct source, DECODE_BATCH_STREAMS);
    if (!w.sources)
        st = TSDB_ELIMIT;
    struct pull p = pull_over(in);
    struct pull_field f;
    while (st == TSDB_OK && pull_next(&p, &f))
        if (f.number == 1)
            st = put_resource(&w, pull_bytes(&p, &f));
    if (st == TSDB_OK && !pull_done(&p))
        st = TSDB_ECORRUPT;
    return log_stage_end(&w.stage, st, "OTLP logs request", err);
}
