#include "tsdb/traceql/trace_search.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/eval_labels.h"

#include <stdlib.h>
#include <string.h>

enum { SEARCH_LIMIT = 20, SEARCH_SPANS = 3, SEARCH_LIMIT_MAX = 1000000 };

struct trace_search {
    struct trace_room *room;
    const struct traceql *q;
    struct sets_plan plan;
    struct arena arena;     /* the plan, and what is kept */
    struct arena arenas[2]; /* of one trace, of one span */
    int64_t start, end;
    uint32_t limit, spans_per_set;
    struct tsdb_found_trace *found; /* owned */
    uint32_t count, cap, given;
    bool is_run;
};

enum tsdb_status trace_search_new(struct trace_room *room, const struct traceql *q,
                                  const struct tsdb_trace_options *options,
                                  struct trace_search **out, struct tsdb_error *err)
{
    if (options->end < options->start)
        return tsdb_fail(err, TSDB_EINVAL, "end must not be before start");
    struct trace_search *s = MEM_NEW(struct trace_search);
    s->room = room;
    s->q = q;
    s->start = options->start;
    s->end = options->end;
    s->limit = options->limit ? options->limit : SEARCH_LIMIT;
    if (s->limit > SEARCH_LIMIT_MAX)
        s->limit = SEARCH_LIMIT_MAX;
    s->spans_per_set = options->spans_per_set ? options->spans_per_set : SEARCH_SPANS;
    arena_init(&s->arena, SIZE_MAX, room->budget);
    arena_init(&s->arenas[0], SIZE_MAX, room->budget);
    arena_init(&s->arenas[1], SIZE_MAX, room->budget);
    enum tsdb_status st = sets_plan_init(&s->plan, q, q->pipeline, &s->arena, err);
    if (st != TSDB_OK) {
        trace_search_free(s);
        return st;
    }
    *out = s;
    return TSDB_OK;
}

void trace_search_free(struct trace_search *s)
{
    if (!s)
        return;
    arena_release(&s->arenas[1]);
    arena_release(&s->arenas[0]);
    arena_release(&s->arena);
    mem_free(s->found);
    mem_free(s);
}

/* ---- keeping --------------------------------------------------------------------------------- */

/* Fields that every answer has beside its attributes, or that are of the whole trace. */
static bool is_shown(const struct traceql_ref *ref)
{
    switch ((int)ref->intrinsic) {
    case INTRINSIC_NAME:
    case INTRINSIC_DURATION:
    case INTRINSIC_SPAN_ID:
    case INTRINSIC_TRACE_ID:
    case INTRINSIC_TRACE_DURATION:
    case INTRINSIC_ROOT_NAME:
    case INTRINSIC_ROOT_SERVICE: return false;
    default: return true;
    }
}

static struct tsdb_text shown_name(const struct traceql_ref *ref)
{
    return ref->intrinsic == INTRINSIC_NONE ? ref->name
                                            : text_of(traceql_intrinsic_name(ref->intrinsic));
}

static bool keep_field(struct trace_search *s, const struct span_value *v, struct tsdb_text name,
                       struct tsdb_field *out)
{
    if (!span_value_field(v, name, &s->arena, out))
        return false;
    bool is_text = out->type == TSDB_FIELD_STRING || out->type == TSDB_FIELD_JSON;
    if (is_text && (v->type == TRACEQL_STRING || v->type == SPAN_LIST))
        out->text = text_keep(&s->arena, out->text);
    return !is_text || out->text.at;
}

static bool has_field(const struct tsdb_field *fields, uint32_t count, struct tsdb_text name)
{
    for (uint32_t i = 0; i < count; i++)
        if (text_equal(fields[i].name, name))
            return true;
    return false;
}

/* What the query names of a span, where the span has it. */
static bool keep_fields(struct trace_search *s, const struct span_source *source,
                        struct tsdb_fields *out)
{
    struct tsdb_field *fields =
        ARENA_ARRAY(&s->arena, struct tsdb_field, (size_t)s->q->ref_count + 1);
    *out = (struct tsdb_fields){.at = fields};
    if (!fields)
        return false;
    for (uint32_t i = 0; i < s->q->ref_count; i++) {
        const struct traceql_ref *ref = &s->q->refs[i];
        struct span_test field = {.kind = FIELD_REF,
                                  .slot = i,
                                  .ref = ref,
                                  .has_event = traceql_ref_child(ref) == TSDB_PLACE_EVENT,
                                  .has_link = traceql_ref_child(ref) == TSDB_PLACE_LINK};
        if (!is_shown(ref))
            continue;
        struct span_value v = span_test_value(&field, source);
        bool is_nothing = v.type == TRACEQL_NIL || (ref->intrinsic != INTRINSIC_NONE &&
                                                    v.type == TRACEQL_STRING && v.text.len == 0);
        if (is_nothing || has_field(fields, out->count, shown_name(ref)))
            continue;
        if (!keep_field(s, &v, shown_name(ref), &fields[out->count]))
            return false;
        out->count++;
    }
    return true;
}

static bool keep_span(struct trace_search *s, struct trace_view *view, uint32_t index,
                      struct tsdb_found_span *out)
{
    const struct tsdb_span *span = &view->trace->spans[index];
    struct span_source source = trace_view_source(view);
    view->span = index;
    arena_reset(&s->arenas[1]);
    *out = (struct tsdb_found_span){
        .id = span->span_id,
        .name = text_keep(&s->arena, span->name),
        .start = span->start,
        .duration = (int64_t)((uint64_t)span->end - (uint64_t)span->start), /* wraps */
    };
    return out->name.at && keep_fields(s, &source, &out->attributes);
}

static bool keep_set(struct trace_search *s, struct trace_view *view, const struct span_set *in,
                     struct tsdb_span_set *out)
{
    uint32_t shown = in->count < s->spans_per_set ? in->count : s->spans_per_set;
    struct tsdb_found_span *spans = ARENA_ARRAY(&s->arena, struct tsdb_found_span, shown);
    struct tsdb_field *fields =
        ARENA_ARRAY(&s->arena, struct tsdb_field, (size_t)in->attribute_count + 1);
    if (!spans || !fields)
        return false;
    for (uint32_t i = 0; i < shown; i++)
        if (!keep_span(s, view, in->spans[i], &spans[i]))
            return false;
    for (uint32_t i = 0; i < in->attribute_count; i++)
        if (!keep_field(s, &in->attributes[i].value, in->attributes[i].label, &fields[i]))
            return false;
    *out = (struct tsdb_span_set){.spans = spans,
                                  .span_count = shown,
                                  .matched = in->count,
                                  .attributes = {.at = fields, .count = in->attribute_count}};
    return true;
}

static bool keep_trace(struct trace_search *s, struct trace_view *view, const struct span_set *sets,
                       uint32_t count)
{
    struct tsdb_span_set *kept = ARENA_ARRAY(&s->arena, struct tsdb_span_set, count);
    struct tsdb_service_count *services =
        ARENA_ARRAY(&s->arena, struct tsdb_service_count, (size_t)view->service_count + 1);
    if (!kept || !services)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!keep_set(s, view, &sets[i], &kept[i]))
            return false;
    for (uint32_t i = 0; i < view->service_count; i++) {
        services[i] = view->services[i];
        services[i].service = text_keep(&s->arena, services[i].service);
        if (!services[i].service.at)
            return false;
    }
    if (s->count == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 32;
        s->found = mem_grow(s->found, s->cap, sizeof *s->found);
    }
    struct tsdb_found_trace *f = &s->found[s->count++];
    *f = (struct tsdb_found_trace){
        .id = view->trace->id,
        .root_service = text_keep(&s->arena, view->root_service),
        .root_name = text_keep(&s->arena, view->root_name),
        .start = view->start,
        .duration = (int64_t)((uint64_t)view->end - (uint64_t)view->start), /* wraps */
        .sets = kept,
        .services = services,
        .set_count = count,
        .service_count = view->service_count,
    };
    return f->root_service.at && f->root_name.at;
}

/* ---- running --------------------------------------------------------------------------------- */

static enum tsdb_status try_trace(struct trace_search *s, struct traces_set *set,
                                  const struct tsdb_trace_id *id, struct tsdb_error *err)
{
    struct tsdb_trace *trace;
    struct trace_view view;
    const struct span_set *sets;
    uint32_t count;
    enum tsdb_status st = trace_room_poll(s->room, err);
    if (st == TSDB_OK)
        st = trace_room_read(s->room, set, id, &trace, err);
    if (st != TSDB_OK)
        return st == TSDB_ENOTFOUND ? TSDB_OK : st;
    arena_reset(&s->arenas[0]);
    st = trace_view_init(&view, trace, s->start, s->end, s->arenas, err);
    if (st == TSDB_OK)
        st = sets_plan_run(&s->plan, &view, &s->arenas[0], &sets, &count, err);
    if (st == TSDB_OK && count > 0 && !keep_trace(s, &view, sets, count))
        st = trace_room_full(s->room, err);
    traces_trace_free(trace);
    return st;
}

static int by_start(const void *a, const void *b)
{
    const struct tsdb_found_trace *x = a, *y = b;
    return x->start != y->start ? (x->start > y->start ? -1 : 1)
                                : memcmp(&x->id, &y->id, sizeof x->id);
}

static enum tsdb_status run(struct trace_search *s, struct tsdb_error *err)
{
    struct traces_set *set;
    s->is_run = true;
    enum tsdb_status st = trace_room_select(s->room, s->start, s->end, &set, err);
    if (st != TSDB_OK)
        return st;
    struct trace_candidates *c =
        trace_candidates_new(s->room, s->q, &s->plan, set, s->start, s->end);
    while (st == TSDB_OK && s->count < s->limit) {
        struct tsdb_trace_id id;
        st = trace_candidates_next(c, &id, err);
        if (st == TSDB_OK)
            st = try_trace(s, set, &id, err);
    }
    trace_candidates_free(c);
    if (traces_set_is_partial(set))
        atomic_store(&s->room->counts.is_partial, true);
    traces_set_close(set);
    if (s->count > 1)
        qsort(s->found, s->count, sizeof *s->found, by_start);
    return st == TSDB_END ? TSDB_OK : st;
}

enum tsdb_status trace_search_next(struct trace_search *s, struct tsdb_found_trace *out,
                                   struct tsdb_error *err)
{
    enum tsdb_status st = s->is_run ? TSDB_OK : run(s, err);
    if (st != TSDB_OK) {
        s->count = 0;
        return st;
    }
    if (s->given == s->count)
        return TSDB_END;
    *out = s->found[s->given++];
    return TSDB_OK;
}
