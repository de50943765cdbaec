#include "tsdb/traceql/span_test.h"

#include "tsdb/base/status.h"

/* ---- making ---------------------------------------------------------------------------------- */

bool traceql_ref_is_trace(const struct traceql_ref *ref)
{
    switch ((int)ref->intrinsic) {
    case INTRINSIC_CHILD_COUNT:
    case INTRINSIC_NESTED_SET_LEFT:
    case INTRINSIC_NESTED_SET_RIGHT:
    case INTRINSIC_NESTED_SET_PARENT:
    case INTRINSIC_TRACE_DURATION:
    case INTRINSIC_ROOT_NAME:
    case INTRINSIC_ROOT_SERVICE: return true;
    default: return false;
    }
}

enum tsdb_trace_place traceql_ref_child(const struct traceql_ref *ref)
{
    switch ((int)ref->intrinsic) {
    case INTRINSIC_NONE: break;
    case INTRINSIC_EVENT_NAME:
    case INTRINSIC_EVENT_TIME_SINCE_START: return TSDB_PLACE_EVENT;
    case INTRINSIC_LINK_TRACE_ID:
    case INTRINSIC_LINK_SPAN_ID: return TSDB_PLACE_LINK;
    default: return TSDB_PLACE_ANY;
    }
    return ref->place == TSDB_PLACE_EVENT || ref->place == TSDB_PLACE_LINK ? ref->place
                                                                           : TSDB_PLACE_ANY;
}

static bool is_attribute(const struct span_test *t)
{
    return t->kind == FIELD_REF && t->ref->intrinsic == INTRINSIC_NONE;
}

static void look_below(struct span_test *t, const struct span_test *below)
{
    if (!below)
        return;
    t->has_event |= below->has_event;
    t->has_link |= below->has_link;
    t->has_trace |= below->has_trace;
    t->has_field |= below->has_field;
}

enum tsdb_status span_test_new(const struct traceql *q, const struct traceql_field *field,
                               struct arena *arena, const struct span_test **out,
                               struct tsdb_error *err)
{
    struct span_test *t = ARENA_ARRAY(arena, struct span_test, 1);
    if (!t)
        return tsdb_fail(err, TSDB_ELIMIT, "query needs more memory than it may have");
    enum tsdb_status st = TSDB_OK;
    *t = (struct span_test){
        .kind = (uint8_t)field->kind, .op = (uint8_t)field->op, .regex = field->regex};
    if (field->kind == FIELD_STATIC)
        t->literal = span_static(&field->value);
    if (field->kind == FIELD_REF) {
        t->slot = field->ref;
        t->ref = &q->refs[field->ref];
        t->has_field = true;
        t->has_trace = traceql_ref_is_trace(t->ref);
        t->has_event = traceql_ref_child(t->ref) == TSDB_PLACE_EVENT;
        t->has_link = traceql_ref_child(t->ref) == TSDB_PLACE_LINK;
    }
    if (field->left)
        st = span_test_new(q, field->left, arena, &t->left, err);
    if (st == TSDB_OK && field->right)
        st = span_test_new(q, field->right, arena, &t->right, err);
    if (st != TSDB_OK)
        return st;
    look_below(t, t->left);
    look_below(t, t->right);
    if (t->kind == FIELD_BINARY) {
        t->is_comparison = t->op >= TRACEQL_EQ && t->op <= TRACEQL_NOT_MATCH;
        t->is_typed = (is_attribute(t->left) && t->right->kind == FIELD_STATIC) ||
                      (is_attribute(t->right) && t->left->kind == FIELD_STATIC);
    }
    *out = t;
    return TSDB_OK;
}

/* ---- a span at a time ------------------------------------------------------------------------ */

/* Which event and link fields of events and links mean. */
struct child {
    uint32_t event, link;
};

typedef bool child_fn(const struct span_test *t, const struct span_source *source, struct child at);

static bool passes(const struct span_test *t, const struct span_source *source);

/* For each pair of an event and a link that the node looks at, until true. */
static bool any_child(const struct span_test *t, const struct span_source *source,
                      child_fn *is_true)
{
    uint32_t events = t->has_event ? source->children(source->arg, TSDB_PLACE_EVENT) : 1;
    uint32_t links = t->has_link ? source->children(source->arg, TSDB_PLACE_LINK) : 1;
    for (uint32_t e = 0; e < events; e++)
        for (uint32_t l = 0; l < links; l++)
            if (is_true(t, source, (struct child){e, l}))
                return true;
    return false;
}

static bool is_logic(const struct span_test *t)
{
    return t->kind == FIELD_NOT || t->kind == FIELD_EXISTS || t->kind == FIELD_NOT_EXISTS ||
           (t->kind == FIELD_BINARY && t->op <= TRACEQL_NOT_MATCH);
}

static struct span_value value_at(const struct span_test *t, const struct span_source *source,
                                  struct child at)
{
    if (t->kind == FIELD_STATIC)
        return t->literal;
    if (is_logic(t))
        return span_bool(passes(t, source));
    if (t->kind == FIELD_REF)
        return source->get(source->arg, t->slot, t->ref, t->has_event ? at.event : at.link);
    struct span_value left = value_at(t->left, source, at);
    if (t->kind == FIELD_NEGATE)
        return span_value_negate(&left);
    struct span_value right = value_at(t->right, source, at);
    return span_value_math((enum traceql_op)t->op, &left, &right);
}

static bool compare_at(const struct span_test *t, const struct span_source *source, struct child at)
{
    struct span_value left = value_at(t->left, source, at);
    if (left.type == TRACEQL_NIL)
        return false;
    struct span_value right = value_at(t->right, source, at);
    return span_value_compare((enum traceql_op)t->op, &left, &right, t->regex, t->is_typed);
}

static bool exists_at(const struct span_test *t, const struct span_source *source, struct child at)
{
    return value_at(t->left, source, at).type != TRACEQL_NIL;
}

static bool true_at(const struct span_test *t, const struct span_source *source, struct child at)
{
    struct span_value v = value_at(t, source, at);
    return span_value_is_true(&v);
}

/* A field that is no boolean is neither true nor false. */
static bool is_false(const struct span_test *t, const struct span_source *source)
{
    if (t->kind != FIELD_REF)
        return !passes(t, source);
    struct span_value v = span_test_value(t, source);
    return v.type == TRACEQL_BOOL && v.integer == 0;
}

static bool passes(const struct span_test *t, const struct span_source *source)
{
    switch (t->kind) {
    case FIELD_NOT: return is_false(t->left, source);
    case FIELD_EXISTS: return any_child(t, source, exists_at);
    case FIELD_NOT_EXISTS: return !any_child(t, source, exists_at);
    case FIELD_BINARY:
        if (t->op == TRACEQL_AND)
            return passes(t->left, source) && passes(t->right, source);
        if (t->op == TRACEQL_OR)
            return passes(t->left, source) || passes(t->right, source);
        if (t->is_comparison)
            return any_child(t, source, compare_at);
        break;
    default: break;
    }
    return any_child(t, source, true_at);
}

bool span_test_passes(const struct span_test *t, const struct span_source *source)
{
    return passes(t, source);
}

struct span_value span_test_value(const struct span_test *t, const struct span_source *source)
{
    if (is_logic(t) || (!t->has_event && !t->has_link))
        return value_at(t, source, (struct child){0, 0});
    uint32_t events = t->has_event ? source->children(source->arg, TSDB_PLACE_EVENT) : 1;
    uint32_t links = t->has_link ? source->children(source->arg, TSDB_PLACE_LINK) : 1;
    for (uint32_t e = 0; e < events; e++) {
        for (uint32_t l = 0; l < links; l++) {
            struct span_value v = value_at(t, source, (struct child){e, l});
            if (v.type != TRACEQL_NIL)
                return v;
        }
    }
    return span_nil();
}
