#include "tsdb/traceql/trace_view.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <stdlib.h>
#include <string.h>

static const struct tsdb_text no_root = {"<root span not yet received>", 28};
static const struct tsdb_text no_text = {"", 0};

static enum tsdb_status no_room(uint32_t count, struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_ELIMIT,
                     "a trace of %u spans does not fit the query's memory (bytes_max)", count);
}

/* ---- parents --------------------------------------------------------------------------------- */

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
}

/* Once parents are known: children and numbers. */
static void finish_nodes(struct trace_view *v)
{
    uint32_t next = 1;
    link_children(v);
    for (uint32_t i = 0; i < v->count; i++) {
        if (!v->nodes[i].is_root)
            continue;
        if (v->root < 0)
            v->root = (int32_t)i;
        number(v, i, &next);
    }
}

/* ---- services -------------------------------------------------------------------------------- */

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
                                 int64_t start, int64_t end, struct arena arenas[2],
                                 struct tsdb_error *err)
{
    *v = (struct trace_view){.trace = trace,
                             .id = trace->id,
                             .count = trace->span_count,
                             .root = -1,
                             .root_name = no_root,
                             .root_service = no_root,
                             .values = &arenas[1]};
    v->nodes = ARENA_ARRAY(&arenas[0], struct trace_node, v->count + 1);
    if (!v->nodes || !count_services(v, &arenas[0]))
        return no_room(v->count, err);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct tsdb_span *s = &trace->spans[i];
        v->nodes[i] = (struct trace_node){.parent = -1,
                                          .first_child = -1,
                                          .next_sibling = -1,
                                          .is_root = is_root(s),
                                          .is_in_range = s->start >= start && s->start < end};
        if (i == 0 || s->start < v->start)
            v->start = s->start;
        if (i == 0 || s->end > v->end)
            v->end = s->end;
    }
    find_parents(v);
    finish_nodes(v);
    if (v->root >= 0) {
        v->root_name = trace->spans[v->root].name;
        v->root_service = service_of(&trace->sources[trace->spans[v->root].source]);
    }
    return TSDB_OK;
}

/* ---- of a part ------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Some span id is there twice, or cannot be read. */
static bool has_repeats(struct span_part *p, uint32_t first, uint32_t count, uint64_t *ids)
{
    for (uint32_t i = 0; i < count; i++) {
        struct tsdb_span_id id;
        if (!span_part_span_id(p, first + i, &id))
            return true;
        memcpy(&ids[i], &id, sizeof id);
    }
    if (count > 1)
        qsort(ids, count, sizeof *ids, by_number);
    for (uint32_t i = 1; i < count; i++)
        if (ids[i - 1] == ids[i])
            return true;
    return false;
}

/* The column of the group, if it has it. */
static const struct part_column *column_of(struct span_part *p, const char *name)
{
    uint32_t column = span_part_intrinsic(p, SPAN_TABLE_SPANS, name);
    return column == UINT32_MAX ? NULL : span_part_column(p, SPAN_TABLE_SPANS, column);
}

/* The spans that are the tenant's, and which of the trace's rows is which of them. */
static uint32_t own_rows(const struct span_part *p, uint32_t first, uint32_t count, uint32_t *rows,
                         int32_t *spans)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_own = !p->has_others || p->own[(first + i) / 64] >> (first + i) % 64 & 1;
        spans[i] = is_own ? (int32_t)n : -1;
        if (is_own)
            rows[n++] = first + i;
    }
    return n;
}

static struct tsdb_text service_of_row(struct span_part *p, uint32_t row)
{
    const struct group *g = p->part->tables.at[SPAN_TABLE_SOURCES];
    const int64_t *source = span_part_ints(p, SPAN_TABLE_SPANS, SPAN_COLUMN_SOURCE);
    uint32_t column = g ? group_find(g, text_of("service.name"),
                                     span_attribute_tag(TSDB_PLACE_RESOURCE, TSDB_FIELD_STRING))
                        : UINT32_MAX;
    if (!source || column == UINT32_MAX || (uint64_t)source[row] >= p->rows[SPAN_TABLE_SOURCES])
        return no_text;
    const struct part_column *c = span_part_column(p, SPAN_TABLE_SOURCES, column);
    uint32_t at = (uint32_t)source[row];
    return c && part_column_has(c, at) ? part_column_text(c, at) : no_text;
}

static void parents_of_rows(struct trace_view *v, struct span_part *p, uint32_t first,
                            uint32_t count, const int32_t *spans)
{
    const struct part_column *parent = column_of(p, SPAN_COLUMN_PARENT);
    const struct part_column *outside = column_of(p, SPAN_COLUMN_PARENT_ID);
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t row = v->rows[i];
        struct trace_node *n = &v->nodes[i];
        bool has_parent = parent && parent->ints && part_column_has(parent, row);
        int64_t at = has_parent ? (int64_t)row - parent->ints[row] - (int64_t)first : -1;
        *n = (struct trace_node){
            .parent = at >= 0 && at < (int64_t)count ? spans[at] : -1,
            .first_child = -1,
            .next_sibling = -1,
            .is_root = !has_parent && !(outside && part_column_has(outside, row)),
            .is_in_range = p->rows_in[row / 64] >> row % 64 & 1,
        };
    }
}

static void times_of_rows(struct trace_view *v, struct span_part *p)
{
    const int64_t *starts = span_part_starts(p);
    const int64_t *durations = span_part_ints(p, SPAN_TABLE_SPANS, SPAN_COLUMN_DURATION);
    for (uint32_t i = 0; starts && durations && i < v->count; i++) {
        int64_t start = starts[v->rows[i]];
        int64_t end = (int64_t)((uint64_t)start + (uint64_t)durations[v->rows[i]]); /* wraps */
        if (i == 0 || start < v->start)
            v->start = start;
        if (i == 0 || end > v->end)
            v->end = end;
    }
}

enum tsdb_status trace_view_of_part(struct trace_view *v, struct span_part *p, uint32_t first,
                                    uint32_t count, struct arena *arena, struct tsdb_error *err)
{
    uint64_t *ids = ARENA_ARRAY(arena, uint64_t, count + 1);
    uint32_t *rows = ARENA_ARRAY(arena, uint32_t, count + 1);
    int32_t *spans = ARENA_ARRAY(arena, int32_t, count + 1);
    *v = (struct trace_view){.part = p,
                             .rows = rows,
                             .root = -1,
                             .root_name = no_root,
                             .root_service = no_root,
                             .values = &p->values};
    v->nodes = ARENA_ARRAY(arena, struct trace_node, count + 1);
    if (!ids || !rows || !spans || !v->nodes)
        return no_room(count, err);
    if (!span_part_trace_id(p, first, &v->id) || has_repeats(p, first, count, ids))
        return TSDB_END;
    v->count = own_rows(p, first, count, rows, spans);
    parents_of_rows(v, p, first, count, spans);
    times_of_rows(v, p);
    finish_nodes(v);
    if (v->root >= 0) {
        const struct part_column *name = column_of(p, SPAN_COLUMN_NAME);
        v->root_service = service_of_row(p, rows[v->root]);
        v->root_name = no_text;
        if (name && !name->ints && part_column_has(name, rows[v->root]))
            v->root_name = part_column_text(name, rows[v->root]);
    }
    return p->fault == TSDB_OK ? TSDB_OK : TSDB_END;
}

bool trace_view_span(struct trace_view *v, uint32_t span, int64_t *start, struct tsdb_span_id *id)
{
    if (v->trace) {
        *start = v->trace->spans[span].start;
        *id = v->trace->spans[span].span_id;
        return true;
    }
    const int64_t *starts = span_part_starts(v->part);
    if (!starts)
        return false;
    *start = starts[v->rows[span]];
    return span_part_span_id(v->part, v->rows[span], id);
}

/* ---- values ---------------------------------------------------------------------------------- */

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
    case INTRINSIC_TRACE_ID: return span_id_value(v->id.at, sizeof v->id.at, true, v->values);
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

/* ---- values of a part's rows ----------------------------------------------------------------- */

static struct span_value get_row(void *arg, uint32_t slot, const struct traceql_ref *ref,
                                 uint32_t child)
{
    const struct trace_view *v = arg;
    if (traceql_ref_is_trace(ref) || ref->intrinsic == INTRINSIC_TRACE_ID)
        return of_trace(v, ref->intrinsic);
    struct span_source source = span_part_source(v->part);
    span_part_row(v->part, v->rows[v->span]);
    return source.get(source.arg, slot, ref, child);
}

static uint32_t children_of_row(void *arg, enum tsdb_trace_place place)
{
    const struct trace_view *v = arg;
    struct span_source source = span_part_source(v->part);
    span_part_row(v->part, v->rows[v->span]);
    return source.children(source.arg, place);
}

struct span_source trace_view_source(struct trace_view *v)
{
    if (!v->trace)
        return (struct span_source){get_row, children_of_row, v};
    return (struct span_source){get, children, v};
}
