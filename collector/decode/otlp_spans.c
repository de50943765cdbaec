#include "collector/decode/otlp_spans.h"

#include "collector/decode/otlp_fields.h"
#include "collector/decode/otlp_value.h"
#include "collector/decode/pull.h"
#include "collector/decode/span_stage.h"

enum { SPAN_BYTES_MIN = 2 }; /* tag and length of an empty one */

/* A message that has a resource or a scope, a schema URL, and what belongs to them. */
struct layer {
    struct bytes message; /* resource or scope */
    struct tsdb_text schema_url;
};

struct walk {
    struct span_stage stage;
    const struct decode_span_task *task;
    struct layer resource, scope;
    struct tsdb_fields attributes; /* of the resource, when it is parsed */
    const char *resource_refusal;  /* why its spans cannot be taken; NULL: they can */
    const char *refusal;           /* the same of resource and scope */
    bool has_resource, is_open;    /* parsed; found or made a source; in these generations */
    uint32_t resource_generation, generation;
    uint32_t source;
};

/* ---- resource and scope ------------------------------------------------------------------- */

/* The message and the URL, which is written behind the spans. */
static enum tsdb_status layer_parse(struct walk *w, struct bytes in, struct layer *out)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    uint32_t count = 0;
    *out = (struct layer){{in.at, 0}, {"", 0}};
    while (pull_next(&p, &f)) {
        if (f.number == 1) {
            out->message = pull_bytes(&p, &f);
            count++;
        } else if (f.number == 3) {
            out->schema_url = pull_text(&p, &f);
        }
    }
    if (!pull_done(&p))
        return TSDB_ECORRUPT;
    return count > 1 ? otlp_message_merge(in, 1, w->task->arena, &out->message) : TSDB_OK;
}

/* TSDB_EINVAL: its attributes cannot be taken. */
static enum tsdb_status resource_parse(struct walk *w)
{
    struct log_fields *fields = &w->stage.context;
    struct pull p = pull_over(w->resource.message);
    struct pull_field f;
    uint32_t dropped = 0;
    enum tsdb_status st = TSDB_OK;
    log_fields_next(fields);
    while (st == TSDB_OK && pull_next(&p, &f)) {
        if (f.number == 1)
            st = otlp_span_field_put(fields, pull_bytes(&p, &f));
        else if (f.number == 2)
            dropped = pull_u32(&p, &f);
    }
    if (st == TSDB_OK && !pull_done(&p))
        st = TSDB_ECORRUPT;
    w->attributes = span_stage_taken(&w->stage, dropped);
    return st == TSDB_OK ? fields->status : st;
}

static enum tsdb_status scope_parse(struct walk *w, struct tsdb_span_source *out)
{
    struct log_fields *fields = &w->stage.context;
    struct pull p = pull_over(w->scope.message);
    struct pull_field f;
    uint32_t dropped = 0;
    enum tsdb_status st = TSDB_OK;
    log_fields_next(fields);
    while (st == TSDB_OK && pull_next(&p, &f)) {
        switch (f.number) {
        case 1: out->scope_name = pull_text(&p, &f); break;
        case 2: out->scope_version = pull_text(&p, &f); break;
        case 3: st = otlp_span_field_put(fields, pull_bytes(&p, &f)); break;
        case 4: dropped = pull_u32(&p, &f); break;
        default: break;
        }
    }
    if (st == TSDB_OK && !pull_done(&p))
        st = TSDB_ECORRUPT;
    out->scope = span_stage_taken(&w->stage, dropped);
    return st == TSDB_OK ? fields->status : st;
}

static struct bytes bytes_of(struct tsdb_text t)
{
    return (struct bytes){(const uint8_t *)t.at, t.len};
}

static enum tsdb_status open_resource(struct walk *w)
{
    if (w->has_resource && w->resource_generation == w->stage.generation)
        return TSDB_OK;
    enum tsdb_status st = resource_parse(w);
    if (st != TSDB_OK && st != TSDB_EINVAL)
        return st;
    w->resource_refusal =
        st == TSDB_OK ? NULL : "resource attributes nested too deep, too many or not UTF-8";
    w->resource_generation = w->stage.generation;
    w->has_resource = true;
    return TSDB_OK;
}

/* The source of the spans that follow, in the batch that they go to. */
static enum tsdb_status open_source(struct walk *w)
{
    const struct span_stage_key key = {{w->resource.message, bytes_of(w->resource.schema_url),
                                        w->scope.message, bytes_of(w->scope.schema_url)}};
    w->refusal = NULL;
    w->generation = w->stage.generation;
    w->source = span_stage_find(&w->stage, &key);
    w->is_open = true;
    if (w->source != SPAN_STAGE_NONE)
        return TSDB_OK;
    struct tsdb_span_source source = {.scope_name = {"", 0},
                                      .scope_version = {"", 0},
                                      .resource_schema_url = w->resource.schema_url,
                                      .scope_schema_url = w->scope.schema_url};
    enum tsdb_status st = open_resource(w);
    if (st != TSDB_OK)
        return st;
    source.resource = w->attributes;
    w->refusal = w->resource_refusal;
    st = scope_parse(w, &source);
    if (st == TSDB_EINVAL && !w->refusal)
        w->refusal = "scope attributes nested too deep, too many or not UTF-8";
    if (st != TSDB_OK && st != TSDB_EINVAL)
        return st;
    if (!w->refusal)
        w->source = span_stage_source(&w->stage, &key, &source);
    return TSDB_OK;
}

/* ---- events and links ------------------------------------------------------------------------ */

struct reading {
    struct tsdb_span span;
    struct tsdb_span_event *events;
    struct tsdb_span_link *links;
    struct bytes trace_id, span_id, parent_id;
    uint32_t event_room, link_room, dropped;
    const char *why; /* it cannot be taken; NULL: it can */
};

static void refuse(struct reading *r, const char *why)
{
    if (!r->why)
        r->why = why;
}

static inline enum tsdb_status take_attribute(struct log_fields *fields, struct reading *r,
                                              struct bytes in)
{
    enum tsdb_status st = otlp_span_field_put(fields, in);
    if (st != TSDB_EINVAL)
        return st;
    refuse(r, "attribute nested too deep, too long or not UTF-8");
    return TSDB_OK;
}

/* What the attributes of an event or a link ended as. */
static enum tsdb_status end_child(struct walk *w, struct reading *r, const struct pull *p)
{
    if (!pull_done(p))
        return TSDB_ECORRUPT;
    if (w->stage.context.status == TSDB_EINVAL)
        refuse(r, "too many attributes of an event or a link");
    else if (w->stage.context.status != TSDB_OK)
        return w->stage.context.status;
    return TSDB_OK;
}

static uint32_t fixed32(struct pull *p, const struct pull_field *f)
{
    return pull_is(p, f, PULL_FIXED32) ? (uint32_t)f->value : 0;
}

/* False: of another length.  None at all is all zero. */
static bool take_id(struct bytes in, uint8_t *out, size_t len)
{
    if (in.len == len)
        memcpy(out, in.at, len);
    return in.len == len || in.len == 0;
}

/* Fields of this number from here to the end, this one included. */
static uint32_t count_rest(const struct pull *from, uint32_t number)
{
    struct pull p = *from;
    struct pull_field f;
    uint32_t count = 1;
    while (pull_next(&p, &f))
        count += f.number == number;
    return count;
}

static enum tsdb_status event_parse(struct walk *w, struct reading *r, struct bytes in,
                                    struct tsdb_span_event *out)
{
    struct log_fields *fields = &w->stage.context;
    struct pull p = pull_over(in);
    struct pull_field f;
    uint32_t dropped = 0;
    enum tsdb_status st = TSDB_OK;
    log_fields_next(fields);
    out->name = (struct tsdb_text){"", 0};
    while (st == TSDB_OK && pull_next(&p, &f)) {
        switch (f.number) {
        case 1: out->ts = decode_ns(pull_f64(&p, &f)); break;
        case 2: out->name = pull_text(&p, &f); break;
        case 3: st = take_attribute(fields, r, pull_bytes(&p, &f)); break;
        case 4: dropped = pull_u32(&p, &f); break;
        default: break;
        }
    }
    w->stage.bytes += out->name.len;
    out->attributes = span_stage_taken(&w->stage, dropped);
    return st == TSDB_OK ? end_child(w, r, &p) : st;
}

static enum tsdb_status link_parse(struct walk *w, struct reading *r, struct bytes in,
                                   struct tsdb_span_link *out)
{
    struct log_fields *fields = &w->stage.context;
    struct pull p = pull_over(in);
    struct pull_field f;
    struct bytes trace_id = {in.at, 0}, span_id = {in.at, 0};
    uint32_t dropped = 0;
    enum tsdb_status st = TSDB_OK;
    log_fields_next(fields);
    out->trace_state = (struct tsdb_text){"", 0};
    while (st == TSDB_OK && pull_next(&p, &f)) {
        switch (f.number) {
        case 1: trace_id = pull_bytes(&p, &f); break;
        case 2: span_id = pull_bytes(&p, &f); break;
        case 3: out->trace_state = pull_text(&p, &f); break;
        case 4: st = take_attribute(fields, r, pull_bytes(&p, &f)); break;
        case 5: dropped = pull_u32(&p, &f); break;
        case 6: out->flags = fixed32(&p, &f); break;
        default: break;
        }
    }
    if (!take_id(trace_id, out->trace_id.at, sizeof out->trace_id.at) ||
        !take_id(span_id, out->span_id.at, sizeof out->span_id.at))
        refuse(r, "link to a trace id that is not 16 bytes, or a span id that is not 8");
    w->stage.bytes += out->trace_state.len;
    out->attributes = span_stage_taken(&w->stage, dropped);
    return st == TSDB_OK ? end_child(w, r, &p) : st;
}

/* Room is made when the first one comes; beyond the most there may be, they are passed over. */
static enum tsdb_status take_event(struct walk *w, struct reading *r, const struct pull *p,
                                   struct bytes in)
{
    if (!r->events) {
        uint32_t count = count_rest(p, 11);
        if (count > TSDB_SPAN_CHILDREN_MAX)
            refuse(r, "more events than there may be");
        r->event_room = count > TSDB_SPAN_CHILDREN_MAX ? TSDB_SPAN_CHILDREN_MAX : count;
        r->events = span_stage_events(&w->stage, r->event_room);
        if (!r->events)
            return TSDB_ELIMIT;
    }
    if (r->span.event_count == r->event_room)
        return TSDB_OK;
    return event_parse(w, r, in, &r->events[r->span.event_count++]);
}

static enum tsdb_status take_link(struct walk *w, struct reading *r, const struct pull *p,
                                  struct bytes in)
{
    if (!r->links) {
        uint32_t count = count_rest(p, 13);
        if (count > TSDB_SPAN_CHILDREN_MAX)
            refuse(r, "more links than there may be");
        r->link_room = count > TSDB_SPAN_CHILDREN_MAX ? TSDB_SPAN_CHILDREN_MAX : count;
        r->links = span_stage_links(&w->stage, r->link_room);
        if (!r->links)
            return TSDB_ELIMIT;
    }
    if (r->span.link_count == r->link_room)
        return TSDB_OK;
    return link_parse(w, r, in, &r->links[r->span.link_count++]);
}

/* ---- spans ------------------------------------------------------------------------------- */

static uint8_t small(uint32_t number)
{
    return number > UINT8_MAX ? 0 : (uint8_t)number;
}

/* Several of them are one message: what is set in a later one counts. */
static enum tsdb_status status_parse(struct bytes in, struct tsdb_span *out)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    while (pull_next(&p, &f)) {
        if (f.number == 2)
            out->status_message = pull_text(&p, &f);
        else if (f.number == 3)
            out->status = small(pull_u32(&p, &f));
    }
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

/* Fields of the message; its attributes are put to the stage's fields. */
static enum tsdb_status span_parse(struct walk *w, struct bytes in, struct reading *r)
{
    struct tsdb_span *s = &r->span;
    struct pull p = pull_over(in);
    struct pull_field f;
    enum tsdb_status st = TSDB_OK;
    while (st == TSDB_OK && pull_next(&p, &f)) {
        switch (f.number) {
        case 1: r->trace_id = pull_bytes(&p, &f); break;
        case 2: r->span_id = pull_bytes(&p, &f); break;
        case 3: s->trace_state = pull_text(&p, &f); break;
        case 4: r->parent_id = pull_bytes(&p, &f); break;
        case 5: s->name = pull_text(&p, &f); break;
        case 6: s->kind = small(pull_u32(&p, &f)); break;
        case 7: s->start = decode_ns(pull_f64(&p, &f)); break;
        case 8: s->end = decode_ns(pull_f64(&p, &f)); break;
        case 9: st = take_attribute(&w->stage.fields, r, pull_bytes(&p, &f)); break;
        case 10: r->dropped = pull_u32(&p, &f); break;
        case 11: st = take_event(w, r, &p, pull_bytes(&p, &f)); break;
        case 12: s->dropped_events = pull_u32(&p, &f); break;
        case 13: st = take_link(w, r, &p, pull_bytes(&p, &f)); break;
        case 14: s->dropped_links = pull_u32(&p, &f); break;
        case 15: st = status_parse(pull_bytes(&p, &f), s); break;
        case 16: s->flags = fixed32(&p, &f); break;
        default: break;
        }
    }
    return st == TSDB_OK && !pull_done(&p) ? TSDB_ECORRUPT : st;
}

static void take_ids(struct reading *r)
{
    struct tsdb_span *s = &r->span;
    if (!take_id(r->trace_id, s->trace_id.at, sizeof s->trace_id.at))
        refuse(r, "trace id is not 16 bytes");
    else if (span_stage_is_zero(s->trace_id.at, sizeof s->trace_id.at))
        refuse(r, "trace id is all zero, or none");
    if (!take_id(r->span_id, s->span_id.at, sizeof s->span_id.at))
        refuse(r, "span id is not 8 bytes");
    else if (span_stage_is_zero(s->span_id.at, sizeof s->span_id.at))
        refuse(r, "span id is all zero, or none");
    if (!take_id(r->parent_id, s->parent_id.at, sizeof s->parent_id.at))
        refuse(r, "parent span id is not 8 bytes");
}

static enum tsdb_status put_span(struct walk *w, struct bytes in)
{
    struct bytes none = {in.at, 0};
    struct reading r = {
        .trace_id = none,
        .span_id = none,
        .parent_id = none,
        .span = {.name = {"", 0}, .status_message = {"", 0}, .trace_state = {"", 0}}};
    enum tsdb_status st = span_stage_begin(&w->stage);
    if (st == TSDB_OK && (!w->is_open || w->generation != w->stage.generation))
        st = open_source(w);
    if (st != TSDB_OK)
        return st;
    r.why = w->refusal;
    r.span.source = w->source;
    st = span_parse(w, in, &r);
    if (st != TSDB_OK)
        return st;
    take_ids(&r);
    r.span.events = r.events;
    r.span.links = r.links;
    st = r.why ? TSDB_EINVAL : span_stage_span(&w->stage, &r.span, r.dropped);
    if (st != TSDB_EINVAL)
        return st;
    span_stage_refuse(&w->stage, DECODE_BAD_RECORD, "%s", r.why ? r.why : "too many attributes");
    return TSDB_OK;
}

/* ---- the request ---------------------------------------------------------------------------- */

static enum tsdb_status put_scope(struct walk *w, struct bytes in)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    enum tsdb_status st = layer_parse(w, in, &w->scope);
    w->is_open = false;
    while (st == TSDB_OK && pull_next(&p, &f))
        if (f.number == 2)
            st = put_span(w, pull_bytes(&p, &f));
    return st == TSDB_OK && !pull_done(&p) ? TSDB_ECORRUPT : st;
}

static enum tsdb_status put_resource(struct walk *w, struct bytes in)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    enum tsdb_status st = layer_parse(w, in, &w->resource);
    w->has_resource = false;
    while (st == TSDB_OK && pull_next(&p, &f))
        if (f.number == 2)
            st = put_scope(w, pull_bytes(&p, &f));
    return st == TSDB_OK && !pull_done(&p) ? TSDB_ECORRUPT : st;
}

enum tsdb_status otlp_spans_decode(const struct decode_span_task *task, struct bytes in,
                                   struct decode_tally *tally, struct tsdb_error *err)
{
    struct walk w = {.task = task};
    *tally = (struct decode_tally){0};
    enum tsdb_status st = span_stage_init(&w.stage, task, tally, in.len, SPAN_BYTES_MIN);
    struct pull p = pull_over(in);
    struct pull_field f;
    while (st == TSDB_OK && pull_next(&p, &f))
        if (f.number == 1)
            st = put_resource(&w, pull_bytes(&p, &f));
    if (st == TSDB_OK && !pull_done(&p))
        st = TSDB_ECORRUPT;
    return span_stage_end(&w.stage, st, "OTLP trace request", err);
}
