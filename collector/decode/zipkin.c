#include "collector/decode/zipkin.h"

#include "collector/decode/log_json.h"
#include "collector/decode/span_stage.h"

#include <math.h>

enum { SPAN_BYTES_MIN = 3, EVENTS_MIN = 8 }; /* "{}," */

enum tag {
    TAG_ERROR,
    TAG_STATUS,
    TAG_DESCRIPTION,
    TAG_SCOPE_NAME,
    TAG_SCOPE_VERSION,
    TAG_LIBRARY_NAME,
    TAG_LIBRARY_VERSION,
    TAG_DROPPED_ATTRIBUTES,
    TAG_DROPPED_EVENTS,
    TAG_DROPPED_LINKS,
    TAG_TRACE_STATE,
    TAG_COUNT,
};

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

/* Tags that are more than attributes. */
static const struct tsdb_text tag_names[TAG_COUNT] = {
    [TAG_ERROR] = TEXT("error"),
    [TAG_STATUS] = TEXT("otel.status_code"),
    [TAG_DESCRIPTION] = TEXT("otel.status_description"),
    [TAG_SCOPE_NAME] = TEXT("otel.scope.name"),
    [TAG_SCOPE_VERSION] = TEXT("otel.scope.version"),
    [TAG_LIBRARY_NAME] = TEXT("otel.library.name"),
    [TAG_LIBRARY_VERSION] = TEXT("otel.library.version"),
    [TAG_DROPPED_ATTRIBUTES] = TEXT("otel.dropped_attributes_count"),
    [TAG_DROPPED_EVENTS] = TEXT("otel.dropped_events_count"),
    [TAG_DROPPED_LINKS] = TEXT("otel.dropped_links_count"),
    [TAG_TRACE_STATE] = TEXT("w3c.tracestate"),
};

struct endpoint {
    struct tsdb_text service, ipv4, ipv6;
    uint64_t port; /* 0: none */
};

struct reading {
    struct tsdb_span span;
    struct tsdb_text trace_id, span_id, parent_id, kind;
    struct endpoint local, remote;
    struct tsdb_text tags[TAG_COUNT]; /* .at NULL: not there, or used */
    struct tsdb_span_event *events;
    uint32_t event_count, event_room, dropped;
    int64_t duration;
    bool has_kind, has_start, is_shared, is_debug;
    enum decode_reason reason;
    const char *why; /* it cannot be taken; NULL: it can */
};

struct walk {
    struct json_pull json;
    struct span_stage stage;
    struct reading r; /* of the span begun */
};

static void refuse(struct walk *w, enum decode_reason reason, const char *why)
{
    if (w->r.why)
        return;
    w->r.reason = reason;
    w->r.why = why;
}

/* ---- values ----------------------------------------------------------------------------- */

static enum tsdb_status skip(struct walk *w, enum json_token token)
{
    return json_skip(&w->json, token) ? TSDB_OK : TSDB_ECORRUPT;
}

/* null is absence. */
static enum tsdb_status skip_odd(struct walk *w, enum json_token token, const char *why)
{
    if (token != JSON_NULL)
        refuse(w, DECODE_BAD_RECORD, why);
    return skip(w, token);
}

static enum tsdb_status take_text(struct walk *w, enum json_token token, struct tsdb_text *out)
{
    if (token == JSON_STRING)
        return log_json_text(&w->json, &w->stage.scratch, out);
    return skip_odd(w, token, "a member is not a string");
}

/* A tag's value: texts, and what others send instead of them. */
static enum tsdb_status take_tag_text(struct walk *w, enum json_token token, struct tsdb_text *out)
{
    if (token == JSON_NUMBER)
        *out = w->json.text;
    else if (token == JSON_TRUE || token == JSON_FALSE)
        *out = text_of(token == JSON_TRUE ? "true" : "false");
    else if (token == JSON_STRING)
        return log_json_text(&w->json, &w->stage.scratch, out);
    else
        return skip_odd(w, token, "a tag is not a string");
    return TSDB_OK;
}

/* Digits from text.at[*i] on, at most `most` of them; the rest are passed over. */
static uint64_t digits_take(struct tsdb_text t, size_t *i, uint32_t most, bool *is_over)
{
    uint64_t v = 0;
    for (; *i < t.len && t.at[*i] >= '0' && t.at[*i] <= '9'; (*i)++)
        if (most > 0) {
            *is_over |= __builtin_mul_overflow(v, 10u, &v) ||
                        __builtin_add_overflow(v, (uint64_t)(t.at[*i] - '0'), &v);
            most--;
        }
    return v;
}

/* Microseconds, perhaps with a fraction, as nanoseconds; clamped; false: no such number. */
static bool micros_parse(struct tsdb_text t, int64_t *out)
{
    size_t i = 0, point;
    bool is_over = false;
    double v;
    uint64_t ns, fraction = 0;
    if (t.len == 0 || t.at[0] < '0' || t.at[0] > '9')
        return false;
    uint64_t whole = digits_take(t, &i, UINT32_MAX, &is_over);
    if (i < t.len && t.at[i] == '.') {
        point = ++i;
        fraction = digits_take(t, &i, 3, &is_over);
        for (size_t n = i - point; n < 3; n++)
            fraction *= 10;
    }
    if (i < t.len) { /* an exponent */
        if (!double_parse(t, &v) || !(v >= 0))
            return false;
        *out = v * 1000 < 0x1p63 ? (int64_t)(v * 1000) : INT64_MAX;
        return true;
    }
    is_over |=
        __builtin_mul_overflow(whole, 1000u, &ns) || __builtin_add_overflow(ns, fraction, &ns);
    *out = is_over ? INT64_MAX : decode_ns(ns);
    return true;
}

static enum tsdb_status take_micros(struct walk *w, enum json_token token, int64_t *out, bool *has)
{
    if (token != JSON_NUMBER && token != JSON_STRING) {
        if (token != JSON_NULL)
            refuse(w, DECODE_BAD_TIME, "a time is not a number");
        return skip(w, token);
    }
    *has = micros_parse(w->json.text, out);
    if (!*has)
        refuse(w, DECODE_BAD_TIME, "a time is not a number of microseconds");
    return TSDB_OK;
}

static enum tsdb_status take_flag(struct walk *w, enum json_token token, bool *out)
{
    *out = token == JSON_TRUE;
    return token == JSON_TRUE || token == JSON_FALSE ? TSDB_OK
                                                     : skip_odd(w, token, "a flag is not a bool");
}

static bool key_is(const struct walk *w, const char *name)
{
    return !w->json.is_escaped && text_equal(w->json.text, text_of(name));
}

/* ---- endpoints ------------------------------------------------------------------------------ */

static enum tsdb_status take_port(struct walk *w, enum json_token token, uint64_t *out)
{
    size_t i = 0;
    bool is_over = false;
    if (token != JSON_NUMBER)
        return skip_odd(w, token, "a port is not a number");
    *out = digits_take(w->json.text, &i, UINT32_MAX, &is_over);
    if (i < w->json.text.len || is_over || *out > UINT16_MAX)
        refuse(w, DECODE_BAD_RECORD, "a port is not one");
    return TSDB_OK;
}

static enum tsdb_status take_endpoint(struct walk *w, enum json_token token, struct endpoint *out)
{
    struct endpoint e = *out;
    enum tsdb_status st = TSDB_OK;
    if (token != JSON_BEGIN_OBJECT)
        return skip_odd(w, token, "an endpoint is not an object");
    while (st == TSDB_OK && (token = json_next(&w->json)) == JSON_KEY) {
        struct tsdb_text *text = NULL;
        bool is_port = key_is(w, "port");
        if (key_is(w, "serviceName"))
            text = &e.service;
        else if (key_is(w, "ipv4"))
            text = &e.ipv4;
        else if (key_is(w, "ipv6"))
            text = &e.ipv6;
        token = json_next(&w->json);
        if (text)
            st = take_text(w, token, text);
        else
            st = is_port ? take_port(w, token, &e.port) : skip(w, token);
    }
    *out = e;
    return st == TSDB_OK && token != JSON_END_OBJECT ? TSDB_ECORRUPT : st;
}

/* ---- tags ------------------------------------------------------------------------------------ */

static enum tsdb_status take_tags(struct walk *w, enum json_token token)
{
    enum tsdb_status st = TSDB_OK;
    if (token != JSON_BEGIN_OBJECT)
        return skip_odd(w, token, "tags are not an object");
    while (st == TSDB_OK && (token = json_next(&w->json)) == JSON_KEY) {
        struct tsdb_text key, value = {NULL, 0};
        st = log_json_text(&w->json, &w->stage.scratch, &key);
        if (st == TSDB_OK)
            st = take_tag_text(w, json_next(&w->json), &value);
        if (st != TSDB_OK || !value.at)
            continue;
        uint32_t tag = 0;
        while (tag < TAG_COUNT && !text_equal(key, tag_names[tag]))
            tag++;
        if (tag < TAG_COUNT)
            w->r.tags[tag] = value;
        else
            log_fields_text(&w->stage.fields, key, TSDB_FIELD_STRING, value);
    }
    return st == TSDB_OK && token != JSON_END_OBJECT ? TSDB_ECORRUPT : st;
}

/* The tag's value, which is then used up; "": none. */
static struct tsdb_text tag_use(struct reading *r, enum tag tag)
{
    struct tsdb_text t = r->tags[tag];
    r->tags[tag] = (struct tsdb_text){NULL, 0};
    return t.at ? t : (struct tsdb_text){"", 0};
}

static bool tag_is(const struct reading *r, enum tag tag, const char *value)
{
    return r->tags[tag].at && text_equal(r->tags[tag], text_of(value));
}

static void use_status(struct reading *r)
{
    struct tsdb_span *s = &r->span;
    bool is_ok = tag_is(r, TAG_STATUS, "OK"), is_error = tag_is(r, TAG_STATUS, "ERROR");
    if (is_ok || is_error) {
        (void)tag_use(r, TAG_STATUS);
        s->status = is_ok ? TSDB_STATUS_OK : TSDB_STATUS_ERROR;
        s->status_message = tag_use(r, TAG_DESCRIPTION);
    }
    if (is_ok || !r->tags[TAG_ERROR].at || tag_is(r, TAG_ERROR, "false"))
        return;
    bool is_mute = tag_is(r, TAG_ERROR, "true") || tag_is(r, TAG_ERROR, "");
    struct tsdb_text error = tag_use(r, TAG_ERROR);
    s->status = TSDB_STATUS_ERROR;
    if (!is_mute)
        s->status_message = error;
}

/* A count that is none stays a tag. */
static uint32_t use_count(struct reading *r, enum tag tag)
{
    size_t i = 0;
    bool is_over = false;
    struct tsdb_text t = r->tags[tag];
    if (!t.at)
        return 0;
    uint64_t v = digits_take(t, &i, UINT32_MAX, &is_over);
    if (t.len == 0 || i < t.len || is_over || v > UINT32_MAX)
        return 0;
    (void)tag_use(r, tag);
    return (uint32_t)v;
}

/* ---- annotations ----------------------------------------------------------------------------- */

/* Room for one more; NULL: the arena is full. */
static struct tsdb_span_event *event_add(struct walk *w)
{
    struct reading *r = &w->r;
    if (r->event_count == r->event_room) {
        uint32_t room = r->event_room ? 2 * r->event_room : EVENTS_MIN;
        struct tsdb_span_event *more = span_stage_events(&w->stage, room);
        if (!more)
            return NULL;
        if (r->event_count > 0)
            memcpy(more, r->events, r->event_count * sizeof *more);
        r->events = more;
        r->event_room = room;
    }
    return &r->events[r->event_count++];
}

/* "NAME": {...} as name and attributes; false: it is not that.  The text is in scratch then. */
static enum tsdb_status value_split(struct walk *w, struct tsdb_text value,
                                    struct tsdb_span_event *out, bool *is_split)
{
    struct log_fields *fields = &w->stage.context;
    struct json_pull j;
    struct tsdb_text name, key;
    *is_split = false;
    if (value.len < 4 || value.at[0] != '"' || value.at[value.len - 1] != '}')
        return TSDB_OK;
    uint8_t *at = ARENA_ARRAY(&w->stage.scratch, uint8_t, value.len + 2);
    if (!at)
        return TSDB_ELIMIT;
    at[0] = '{';
    memcpy(at + 1, value.at, value.len);
    at[value.len + 1] = '}';
    json_pull_init(&j, (struct bytes){at, value.len + 2});
    (void)json_next(&j);
    if (json_next(&j) != JSON_KEY)
        return TSDB_OK;
    enum tsdb_status st = log_json_text(&j, &w->stage.scratch, &name);
    if (st == TSDB_OK && json_next(&j) != JSON_BEGIN_OBJECT)
        return TSDB_OK;
    enum json_token token = JSON_FAULT;
    while (st == TSDB_OK && (token = json_next(&j)) == JSON_KEY) {
        st = log_json_text(&j, &w->stage.scratch, &key);
        if (st == TSDB_OK)
            st = log_json_value(&j, json_next(&j), fields, key);
    }
    if (st == TSDB_ECORRUPT)
        return TSDB_OK;
    *is_split = st == TSDB_OK && token == JSON_END_OBJECT && json_next(&j) == JSON_END_OBJECT &&
                json_next(&j) == JSON_END;
    if (*is_split)
        out->name = name;
    return st;
}

static enum tsdb_status end_annotation(struct walk *w, struct tsdb_text value,
                                       struct tsdb_span_event *out)
{
    struct log_fields *fields = &w->stage.context;
    bool is_split;
    log_fields_next(fields);
    out->name = value;
    enum tsdb_status st = value_split(w, value, out, &is_split);
    if (!is_split)
        log_fields_drop(fields);
    out->attributes = span_stage_taken(&w->stage, 0);
    w->stage.bytes += out->name.len;
    if (st == TSDB_OK && fields->status == TSDB_EINVAL)
        refuse(w, DECODE_BAD_RECORD, "too many attributes of an annotation");
    else if (st == TSDB_OK)
        st = fields->status;
    return st;
}

static enum tsdb_status take_annotation(struct walk *w)
{
    enum json_token token;
    enum tsdb_status st = TSDB_OK;
    struct tsdb_text value = {"", 0};
    struct tsdb_span_event event = {.name = {"", 0}};
    bool has_time = false;
    while (st == TSDB_OK && (token = json_next(&w->json)) == JSON_KEY) {
        bool is_time = key_is(w, "timestamp"), is_value = key_is(w, "value");
        token = json_next(&w->json);
        if (is_time)
            st = take_micros(w, token, &event.ts, &has_time);
        else
            st = is_value ? take_text(w, token, &value) : skip(w, token);
    }
    if (st != TSDB_OK || token != JSON_END_OBJECT)
        return st == TSDB_OK ? TSDB_ECORRUPT : st;
    if (w->r.event_count == TSDB_SPAN_CHILDREN_MAX) {
        refuse(w, DECODE_BAD_RECORD, "more annotations than there may be");
        return TSDB_OK;
    }
    if (!has_time)
        refuse(w, DECODE_BAD_TIME, "an annotation has no timestamp");
    st = end_annotation(w, value, &event);
    struct tsdb_span_event *out = st == TSDB_OK ? event_add(w) : NULL;
    if (!out)
        return st == TSDB_OK ? TSDB_ELIMIT : st;
    *out = event;
    return TSDB_OK;
}

static enum tsdb_status take_annotations(struct walk *w, enum json_token token)
{
    enum tsdb_status st = TSDB_OK;
    if (token != JSON_BEGIN_ARRAY)
        return skip_odd(w, token, "annotations are not a list");
    while (st == TSDB_OK && (token = json_next(&w->json)) != JSON_END_ARRAY) {
        if (token == JSON_BEGIN_OBJECT)
            st = take_annotation(w);
        else
            st = skip_odd(w, token, "an annotation is not an object");
    }
    return st;
}

/* ---- spans ------------------------------------------------------------------------------------
 */

/* The member whose key was just read. */
static enum tsdb_status take_member(struct walk *w)
{
    static const struct tsdb_text names[] = {TEXT("traceId"),        TEXT("id"),
                                             TEXT("parentId"),       TEXT("name"),
                                             TEXT("kind"),           TEXT("timestamp"),
                                             TEXT("duration"),       TEXT("tags"),
                                             TEXT("annotations"),    TEXT("localEndpoint"),
                                             TEXT("remoteEndpoint"), TEXT("shared"),
                                             TEXT("debug")};
    struct reading *r = &w->r;
    size_t i = 0;
    bool has;
    while (i < sizeof names / sizeof names[0] && !text_equal(w->json.text, names[i]))
        i++;
    enum json_token token = json_next(&w->json);
    switch (i) {
    case 0: return take_text(w, token, &r->trace_id);
    case 1: return take_text(w, token, &r->span_id);
    case 2: return take_text(w, token, &r->parent_id);
    case 3: return take_text(w, token, &r->span.name);
    case 4: r->has_kind = token != JSON_NULL; return take_text(w, token, &r->kind);
    case 5: return take_micros(w, token, &r->span.start, &r->has_start);
    case 6: return take_micros(w, token, &r->duration, &has);
    case 7: return take_tags(w, token);
    case 8: return take_annotations(w, token);
    case 9: return take_endpoint(w, token, &r->local);
    case 10: return take_endpoint(w, token, &r->remote);
    case 11: return take_flag(w, token, &r->is_shared);
    case 12: return take_flag(w, token, &r->is_debug);
    default: return skip(w, token);
    }
}

/* Hex, at the right end of an id; false: too long, or no hex.  Empty is all zero. */
static bool id_parse(struct tsdb_text t, uint8_t *out, size_t len)
{
    if (t.len > 2 * len)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        char c = (char)(t.at[i] >= 'A' && t.at[i] <= 'F' ? t.at[i] + 32 : t.at[i]);
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        size_t nibble = 2 * len - t.len + i;
        if (digit < 0)
            return false;
        out[nibble / 2] = (uint8_t)(out[nibble / 2] | digit << (nibble % 2 ? 0 : 4));
    }
    return true;
}

static void end_ids(struct walk *w)
{
    struct reading *r = &w->r;
    struct tsdb_span *s = &r->span;
    if (!id_parse(r->trace_id, s->trace_id.at, sizeof s->trace_id.at) ||
        span_stage_is_zero(s->trace_id.at, sizeof s->trace_id.at))
        refuse(w, DECODE_BAD_RECORD, "traceId is not 16 or 32 hex digits, or all zero");
    if (!id_parse(r->span_id, s->span_id.at, sizeof s->span_id.at) ||
        span_stage_is_zero(s->span_id.at, sizeof s->span_id.at))
        refuse(w, DECODE_BAD_RECORD, "id is not 16 hex digits, or all zero");
    if (!id_parse(r->parent_id, s->parent_id.at, sizeof s->parent_id.at))
        refuse(w, DECODE_BAD_RECORD, "parentId is not 16 hex digits");
    if (memcmp(&s->parent_id, &s->span_id, sizeof s->span_id) == 0)
        s->parent_id = (struct tsdb_span_id){{0}};
}

static uint8_t kind_of(const struct reading *r)
{
    static const char *const names[] = {
        [TSDB_KIND_SERVER] = "SERVER",
        [TSDB_KIND_CLIENT] = "CLIENT",
        [TSDB_KIND_PRODUCER] = "PRODUCER",
        [TSDB_KIND_CONSUMER] = "CONSUMER",
    };
    for (unsigned i = TSDB_KIND_SERVER; i <= TSDB_KIND_CONSUMER; i++)
        if (text_equal(r->kind, text_of(names[i])))
            return (uint8_t)i;
    return r->has_kind ? TSDB_KIND_UNSPECIFIED : TSDB_KIND_INTERNAL;
}

static void end_times(struct walk *w)
{
    struct reading *r = &w->r;
    if (!r->has_start && r->event_count == 0)
        refuse(w, DECODE_BAD_TIME, "neither a timestamp nor an annotation");
    else if (!r->has_start)
        r->span.start = r->events[0].ts;
    if (__builtin_add_overflow(r->span.start, r->duration, &r->span.end))
        r->span.end = INT64_MAX;
}

static void put_text(struct log_fields *f, const char *name, struct tsdb_text text)
{
    if (text.len > 0 && log_fields_find(f, text_of(name)) == UINT32_MAX)
        log_fields_text(f, text_of(name), TSDB_FIELD_STRING, text);
}

static void put_port(struct log_fields *f, const char *name, uint64_t port)
{
    if (port > 0 && log_fields_find(f, text_of(name)) == UINT32_MAX)
        log_fields_integer(f, text_of(name), TSDB_FIELD_INT, (int64_t)port);
}

/* What is not a tag, or was not used. */
static void put_others(struct walk *w)
{
    struct log_fields *f = &w->stage.fields;
    const struct reading *r = &w->r;
    for (int i = 0; i < TAG_COUNT; i++)
        if (r->tags[i].at)
            log_fields_text(f, tag_names[i], TSDB_FIELD_STRING, r->tags[i]);
    put_text(f, "net.host.ip", r->local.ipv4.len > 0 ? r->local.ipv4 : r->local.ipv6);
    put_port(f, "net.host.port", r->local.port);
    put_text(f, "peer.service", r->remote.service);
    put_text(f, "net.peer.ip", r->remote.ipv4.len > 0 ? r->remote.ipv4 : r->remote.ipv6);
    put_port(f, "net.peer.port", r->remote.port);
    if (r->is_shared)
        log_fields_integer(f, text_of("zipkin.shared"), TSDB_FIELD_BOOL, true);
    if (r->is_debug)
        log_fields_integer(f, text_of("zipkin.debug"), TSDB_FIELD_BOOL, true);
}

static struct bytes bytes_of(struct tsdb_text t)
{
    return (struct bytes){(const uint8_t *)t.at, t.len};
}

/* TSDB_ELIMIT: the arena is full. */
static enum tsdb_status find_source(struct walk *w)
{
    struct reading *r = &w->r;
    struct log_fields *fields = &w->stage.context;
    struct tsdb_text name = tag_use(r, TAG_SCOPE_NAME), version = tag_use(r, TAG_SCOPE_VERSION);
    struct tsdb_text old_name = tag_use(r, TAG_LIBRARY_NAME);
    struct tsdb_text old_version = tag_use(r, TAG_LIBRARY_VERSION);
    struct tsdb_span_source source = {.scope_name = name.len > 0 ? name : old_name,
                                      .scope_version = version.len > 0 ? version : old_version,
                                      .resource_schema_url = {"", 0},
                                      .scope_schema_url = {"", 0}};
    const struct span_stage_key key = {{bytes_of(r->local.service), bytes_of(source.scope_name),
                                        bytes_of(source.scope_version), bytes_of(text_of(""))}};
    r->span.source = span_stage_find(&w->stage, &key);
    if (r->span.source != SPAN_STAGE_NONE)
        return TSDB_OK;
    log_fields_next(fields);
    if (r->local.service.len > 0)
        log_fields_text(fields, text_of("service.name"), TSDB_FIELD_STRING, r->local.service);
    source.resource = span_stage_taken(&w->stage, 0);
    if (fields->status != TSDB_OK)
        return fields->status;
    r->span.source = span_stage_source(&w->stage, &key, &source);
    return TSDB_OK;
}

static enum tsdb_status end_span(struct walk *w)
{
    struct reading *r = &w->r;
    enum tsdb_status st = TSDB_OK;
    end_ids(w);
    end_times(w);
    use_status(r);
    r->span.kind = kind_of(r);
    r->span.trace_state = tag_use(r, TAG_TRACE_STATE);
    r->span.dropped_events = use_count(r, TAG_DROPPED_EVENTS);
    r->span.dropped_links = use_count(r, TAG_DROPPED_LINKS);
    r->dropped = use_count(r, TAG_DROPPED_ATTRIBUTES);
    if (!r->why)
        st = find_source(w);
    if (st != TSDB_OK)
        return st;
    put_others(w);
    r->span.events = r->events;
    r->span.event_count = r->event_count;
    st = r->why ? TSDB_EINVAL : span_stage_span(&w->stage, &r->span, r->dropped);
    if (st != TSDB_EINVAL)
        return st;
    if (!r->why)
        refuse(w, DECODE_BAD_RECORD, "too many tags");
    span_stage_refuse(&w->stage, r->reason, "element %u: %s", w->stage.item, r->why);
    return TSDB_OK;
}

static enum tsdb_status take_span(struct walk *w, enum json_token token)
{
    struct tsdb_text none = {"", 0};
    enum tsdb_status st = span_stage_begin(&w->stage);
    if (st != TSDB_OK)
        return st;
    w->r = (struct reading){
        .span = {.name = none, .status_message = none, .trace_state = none},
        .trace_id = none,
        .span_id = none,
        .parent_id = none,
        .kind = none,
        .local = {.service = none, .ipv4 = none, .ipv6 = none},
        .remote = {.service = none, .ipv4 = none, .ipv6 = none},
    };
    if (token != JSON_BEGIN_OBJECT) {
        span_stage_refuse(&w->stage, DECODE_BAD_RECORD, "element %u: not a JSON object",
                          w->stage.item);
        return skip(w, token);
    }
    while (st == TSDB_OK && (token = json_next(&w->json)) == JSON_KEY)
        st = take_member(w);
    if (st == TSDB_OK && token != JSON_END_OBJECT)
        st = TSDB_ECORRUPT;
    return st == TSDB_OK ? end_span(w) : st;
}

enum tsdb_status zipkin_decode(const struct decode_span_task *task, struct bytes in,
                               struct decode_tally *tally, struct tsdb_error *err)
{
    struct walk w;
    enum json_token token;
    *tally = (struct decode_tally){0};
    json_pull_init(&w.json, in);
    enum tsdb_status st = span_stage_init(&w.stage, task, tally, in.len, SPAN_BYTES_MIN);
    if (st == TSDB_OK && json_next(&w.json) != JSON_BEGIN_ARRAY)
        st = TSDB_ECORRUPT;
    while (st == TSDB_OK && (token = json_next(&w.json)) != JSON_END_ARRAY)
        st = take_span(&w, token);
    if (st == TSDB_OK && json_next(&w.json) != JSON_END)
        st = TSDB_ECORRUPT;
    return span_stage_end(&w.stage, st, "Zipkin spans", err);
}
