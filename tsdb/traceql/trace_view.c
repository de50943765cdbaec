#include "tsdb/traceql/trace_view.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/traceql/span_part.h"

#include <stdlib.h>
#include <string.h>

static const struct tsdb_text no_root = {"<root span not yet received>", 28};
static const struct tsdb_text no_text = {"", 0};

/* ---- parents ------------------------------------------------------------------------------ */

struct id_place {
    struct tsdb_span_id id;
    uint32_t span;
};

static int by_id(const void *a, const void *b)
{
    const struct id_place *x = a, *y = b;
    int sign = memcmp(&x->id, &y->id, sizeof x->id);
    return sign ? sign : (x->span > y->span) - (x->span < y->span);
}

static bool is_root(const struct tsdb_span *s)
{
    static const struct tsdb_span_id none;
    return memcmp(&s->parent_id, &none, sizeof none) == 0;
}

/* The places [from, to) of an id. */
static void find_id(const struct id_place *ids, uint32_t count, const struct tsdb_span_id *id,
                    uint32_t *from, uint32_t *to)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (memcmp(&ids[mid].id, id, sizeof *id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *from = low;
    while (low < count && memcmp(&ids[low].id, id, sizeof *id) == 0)
        low++;
    *to = low;
}

static int32_t parent_of(const struct trace_view *v, const struct id_place *ids, uint32_t span)
{
    const struct tsdb_span *spans = v->trace->spans;
    uint32_t from, to;
    if (is_root(&spans[span]))
        return -1;
    find_id(ids, v->count, &spans[span].parent_id, &from, &to);
    if (from == to)
        return -1;
    uint8_t want = spans[span].kind == TSDB_KIND_SERVER ? TSDB_KIND_CLIENT : TSDB_KIND_SERVER;
    uint32_t found = ids[from].span;
    for (uint32_t i = from; i < to && to - from > 1; i++)
        if (spans[ids[i].span].kind == want) {
            found = ids[i].span;
            break;
        }
    return found == span ? -1 : (int32_t)found;
}

/* Children in the order of the spans. */
static void link_children(struct trace_view *v)
{
    for (uint32_t i = v->count; i > 0; i--) {
        struct trace_node *n = &v->nodes[i - 1];
        if (n->parent < 0)
            continue;
        struct trace_node *parent = &v->nodes[n->parent];
        n->next_sibling = parent->first_child;
        parent->first_child = (int32_t)(i - 1);
        parent->child_count++;
    }
}

/* Depth first, without recursion: down to the first child, else to the next sibling of the
 * nearest span that has one.  A circle of parents is below no root, so this ends. */
static void number(struct trace_view *v, uint32_t root, uint32_t *next)
{
    int32_t at = (int32_t)root;
    v->nodes[root].nested_parent = -1;
    v->nodes[root].left = (*next)++;
    for (;;) {
        struct trace_node *n = &v->nodes[at];
        if (n->first_child >= 0) {
            v->nodes[n->first_child].nested_parent = n->left;
            at = n->first_child;
            v->nodes[at].left = (*next)++;
            continue;
        }
        n->right = (*next)++;
        while (at != (int32_t)root && v->nodes[at].next_sibling < 0) {
            at = v->nodes[at].parent;
            v->nodes[at].right = (*next)++;
        }
        if (at == (int32_t)root)
            return;
        int64_t parent = v->nodes[at].nested_parent;
        at = v->nodes[at].next_sibling;
        v->nodes[at].nested_parent = parent;
        v->nodes[at].left = (*next)++;
    }
}

static void find_parents(struct trace_view *v)
{
    struct id_place *ids = MEM_ARRAY(struct id_place, v->count);
    for (uint32_t i = 0; i < v->count; i++)
        ids[i] = (struct id_place){v->trace->spans[i].span_id, i};
    if (v->count > 1)
        qsort(ids, v->count, sizeof *ids, by_id);
    for (uint32_t i = 0; i < v->count; i++)
        v->nodes[i].parent = parent_of(v, ids, i);
    mem_free(ids);
    link_children(v);
    uint32_t next = 1;
    for (uint32_t i = 0; i < v->count; i++) {
        if (!is_root(&v->trace->spans[i]))
            continue;
        if (v->root < 0)
            v->root = (int32_t)i;
        number(v, i, &next);
    }
}

/* ---- services ----------------------------------------------------------------------------- */

static struct tsdb_text service_of(const struct tsdb_span_source *source)
{
    for (uint32_t i = 0; i < source->resource.count; i++) {
        const struct tsdb_field *f = &source->resource.at[i];
        if (f->type == TSDB_FIELD_STRING && text_equal(f->name, text_of("service.name")))
            return f->text;
    }
    return no_text;
}

static int by_service(const void *a, const void *b)
{
    const struct tsdb_service_count *x = a, *y = b;
    return text_compare(x->service, y->service);
}

static bool count_services(struct trace_view *v, struct arena *arena)
{
    const struct tsdb_trace *t = v->trace;
    struct tsdb_service_count *c =
        ARENA_ARRAY(arena, struct tsdb_service_count, t->source_count + 1);
    if (!c)
        return false;
    for (uint32_t i = 0; i < t->source_count; i++)
        c[i].service = service_of(&t->sources[i]);
    for (uint32_t i = 0; i < v->count; i++) {
        c[t->spans[i].source].spans++;
        c[t->spans[i].source].errors += t->spans[i].status == TSDB_STATUS_ERROR;
    }
    if (t->source_count > 1)
        qsort(c, t->source_count, sizeof *c, by_service);
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->source_count; i++) {
        if (c[i].spans == 0)
            continue;
        if (n > 0 && text_equal(c[n - 1].service, c[i].service)) {
            c[n - 1].spans += c[i].spans;
            c[n - 1].errors += c[i].errors;
        } else {
            c[n++] = c[i];
        }
    }
    v->services = c;
    v->service_count = n;
    return true;
}

enum tsdb_status trace_view_init(struct trace_view *v, const struct tsdb_trace *trace,
                                 int64_t start, int64_t end, struct arena *arena,
                                 struct arena *values, struct tsdb_error *err)
{
    *v = (struct trace_view){.trace = trace,
                             .count = trace->span_count,
                             .root = -1,
                             .root_name = no_root,
                             .root_service = no_root,
                             .values = values};
    v->nodes = ARENA_ARRAY(arena, struct trace_node, v->count + 1);
    if (!v->nodes || !count_services(v, arena))
        return tsdb_fail(err, TSDB_ELIMIT,
                         "a trace of %u spans does not fit the query's memory (bytes_max)",
                         v->count);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct tsdb_span *s = &trace->spans[i];
        v->nodes[i] = (struct trace_node){.parent = -1,
                                          .first_child = -1,
                                          .next_sibling = -1,
                                          .is_in_range = s->start >= start && s->start < end};
        if (i == 0 || s->start < v->start)
            v->start = s->start;
        if (i == 0 || s->end > v->end)
            v->end = s->end;
    }
    find_parents(v);
    if (v->root >= 0) {
        v->root_name = trace->spans[v->root].name;
        v->root_service = service_of(&trace->sources[trace->spans[v->root].source]);
    }
    return TSDB_OK;
}

/* ---- values --------------------------------------------------------------------------------- */

static struct span_value find_field(struct tsdb_fields fields, struct tsdb_text name,
                                    struct arena *arena)
{
    const struct tsdb_field *found = NULL;
    for (uint32_t i = 0; i < fields.count; i++) {
        const struct tsdb_field *f = &fields.at[i];
        if (text_equal(f->name, name) && (!found || f->type < found->type))
            found = f; /* of several types the lowest, as columns are asked */
    }
    return found ? span_value_of(found, arena) : span_nil();
}

static struct span_value attribute(const struct trace_view *v, const struct tsdb_span *s,
                                   const struct traceql_ref *ref, uint32_t child)
{
    const struct tsdb_span_source *source = &v->trace->sources[s->source];
    struct span_value value;
    switch (ref->place) {
    case TSDB_PLACE_RESOURCE: return find_field(source->resource, ref->name, v->values);
    case TSDB_PLACE_SCOPE: return find_field(source->scope, ref->name, v->values);
    case TSDB_PLACE_EVENT:
        return child < s->event_count
                   ? find_field(s->events[child].attributes, ref->name, v->values)
                   : span_nil();
    case TSDB_PLACE_LINK:
        return child < s->link_count ? find_field(s->links[child].attributes, ref->name, v->values)
                                     : span_nil();
    case TSDB_PLACE_ANY:
    case TSDB_PLACE_SPAN:
    case TSDB_PLACE_INTRINSIC: break;
    }
    value = find_field(s->attributes, ref->name, v->values);
    if (value.type == TRACEQL_NIL && ref->place == TSDB_PLACE_ANY)
        value = find_field(source->resource, ref->name, v->values);
    return value;
}

static struct span_value of_event(const struct tsdb_span *s, enum traceql_intrinsic intrinsic,
                                  uint32_t child)
{
    if (child >= s->event_count)
        return span_nil();
    const struct tsdb_span_event *e = &s->events[child];
    if (intrinsic == INTRINSIC_EVENT_NAME)
        return span_string(e->name);
    return span_duration((int64_t)((uint64_t)e->ts - (uint64_t)s->start)); /* wraps */
}

static struct span_value of_link(const struct trace_view *v, const struct tsdb_span *s,
                                 enum traceql_intrinsic intrinsic, uint32_t child)
{
    if (child >= s->link_count)
        return span_nil();
    const struct tsdb_span_link *l = &s->links[child];
    if (intrinsic == INTRINSIC_LINK_TRACE_ID)
        return span_id_value(l->trace_id.at, sizeof l->trace_id.at, true, v->values);
    return span_id_value(l->span_id.at, sizeof l->span_id.at, false, v->values);
}

static struct span_value of_trace(const struct trace_view *v, enum traceql_intrinsic intrinsic)
{
    const struct trace_node *n = &v->nodes[v->span];
    switch ((int)intrinsic) {
    case INTRINSIC_CHILD_COUNT: return span_int(n->child_count);
    case INTRINSIC_NESTED_SET_LEFT: return span_int(n->left);
    case INTRINSIC_NESTED_SET_RIGHT: return span_int(n->right);
    case INTRINSIC_NESTED_SET_PARENT: return span_int(n->nested_parent);
    case INTRINSIC_TRACE_DURATION:
        return span_duration((int64_t)((uint64_t)v->end - (uint64_t)v->start));
    case INTRINSIC_ROOT_NAME: return span_string(v->root_name);
    case INTRINSIC_ROOT_SERVICE: return span_string(v->root_service);
    case INTRINSIC_TRACE_ID:
        return span_id_value(v->trace->id.at, sizeof v->trace->id.at, true, v->values);
    default: return span_nil();
    }
}

static struct span_value get(void *arg, uint32_t slot, const struct traceql_ref *ref,
                             uint32_t child)
{
    const struct trace_view *v = arg;
    const struct tsdb_span *s = &v->trace->spans[v->span];
    (void)slot;
    switch ((int)ref->intrinsic) {
    case INTRINSIC_NONE: return attribute(v, s, ref, child);
    case INTRINSIC_DURATION: return span_duration((int64_t)((uint64_t)s->end - (uint64_t)s->start));
    case INTRINSIC_NAME: return span_string(s->name);
    case INTRINSIC_STATUS: return (struct span_value){.type = TRACEQL_STATUS, .integer = s->status};
    case INTRINSIC_KIND: return (struct span_value){.type = TRACEQL_KIND, .integer = s->kind};
    case INTRINSIC_STATUS_MESSAGE: return span_string(s->status_message);
    case INTRINSIC_SPAN_ID:
        return span_id_value(s->span_id.at, sizeof s->span_id.at, false, v->values);
    case INTRINSIC_PARENT_ID:
        return is_root(s)
                   ? span_string(no_text)
                   : span_id_value(s->parent_id.at, sizeof s->parent_id.at, false, v->values);
    case INTRINSIC_INSTRUMENTATION_NAME:
        return span_string(v->trace->sources[s->source].scope_name);
    case INTRINSIC_INSTRUMENTATION_VERSION:
        return span_string(v->trace->sources[s->source].scope_version);
    case INTRINSIC_EVENT_NAME:
    case INTRINSIC_EVENT_TIME_SINCE_START: return of_event(s, ref->intrinsic, child);
    case INTRINSIC_LINK_TRACE_ID:
    case INTRINSIC_LINK_SPAN_ID: return of_link(v, s, ref->intrinsic, child);
    default: return of_trace(v, ref->intrinsic);
    }
}

static uint32_t children(void *arg, enum tsdb_trace_place place)
{
    const struct trace_view *v = arg;
    const struct tsdb_span *s = &v->trace->spans[v->span];
    return place == TSDB_PLACE_EVENT ? s->event_count : s->link_count;
}

struct span_source trace_view_source(struct trace_view *v)
{
    return (struct span_source){get, children, v};
}
