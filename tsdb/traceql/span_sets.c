#include "tsdb/traceql/span_sets.h"

#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/traceql/span_relation.h"

#include <string.h>

/* ---- the plan -------------------------------------------------------------------------------- */

struct sets_expr {
    enum traceql_spanset_kind kind;
    enum traceql_relation relation;
    const struct sets_expr *left, *right;
    const struct span_test *test;
    uint32_t leaf; /* SPAN_LEAVES_MAX: none */
    const struct sets_pipeline *pipeline;
};

struct sets_scalar {
    enum traceql_scalar_kind kind;
    enum traceql_op op;
    enum traceql_aggregate aggregate;
    const struct sets_scalar *left, *right;
    struct span_value value;
    const struct span_test *test; /* NULL: count() */
    struct tsdb_text label;
};

struct sets_stage {
    enum traceql_stage_kind kind;
    enum traceql_op op;
    const struct sets_expr *expr;
    const struct sets_scalar *left, *right;
    const struct span_test *test; /* GROUP */
    struct tsdb_text label;
};

struct sets_pipeline {
    struct sets_stage *stages;
    uint32_t count;
};

struct planner {
    struct sets_plan *plan;
    const struct traceql *q;
    struct arena *arena;
    struct tsdb_error *err;
};

static enum tsdb_status full(struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_ELIMIT, "query needs more memory than it may have (bytes_max)");
}

static enum tsdb_status plan_pipeline(struct planner *p, const struct traceql_pipeline *in,
                                      const struct sets_pipeline **out);

static bool is_all(const struct span_test *t)
{
    return t->kind == FIELD_STATIC && span_value_is_true(&t->literal);
}

static enum tsdb_status plan_expr(struct planner *p, const struct traceql_spanset *in,
                                  const struct sets_expr **out)
{
    struct sets_expr *e = ARENA_ARRAY(p->arena, struct sets_expr, 1);
    enum tsdb_status st = TSDB_OK;
    if (!e)
        return full(p->err);
    *e = (struct sets_expr){.kind = in->kind, .relation = in->relation, .leaf = SPAN_LEAVES_MAX};
    switch (in->kind) {
    case SPANSET_FILTER:
        st = span_test_new(p->q, in->field, p->arena, &e->test, p->err);
        if (st == TSDB_OK && p->plan->leaf_count < SPAN_LEAVES_MAX) {
            e->leaf = p->plan->leaf_count++;
            p->plan->leaves[e->leaf] = e->test;
        }
        break;
    case SPANSET_RELATION:
        st = plan_expr(p, in->left, &e->left);
        if (st == TSDB_OK)
            st = plan_expr(p, in->right, &e->right);
        break;
    case SPANSET_PIPELINE: st = plan_pipeline(p, in->pipeline, &e->pipeline); break;
    }
    *out = e;
    return st;
}

/* name(field), as sets show it. */
static enum tsdb_status plan_label(struct planner *p, const char *name,
                                   const struct traceql_field *field, struct tsdb_text *out)
{
    struct writer text = {0};
    writer_text(&text, name);
    writer_u8(&text, '(');
    if (field)
        traceql_field_format(p->q, field, &text);
    writer_u8(&text, ')');
    char *kept = ARENA_ARRAY(p->arena, char, text.len);
    if (kept)
        memcpy(kept, text.at, text.len);
    *out = (struct tsdb_text){kept, text.len};
    writer_release(&text);
    return kept ? TSDB_OK : full(p->err);
}

static enum tsdb_status plan_scalar(struct planner *p, const struct traceql_scalar *in,
                                    const struct sets_scalar **out)
{
    static const char *const names[] = {[AGG_COUNT] = "count",
                                        [AGG_MAX] = "max",
                                        [AGG_MIN] = "min",
                                        [AGG_SUM] = "sum",
                                        [AGG_AVG] = "avg"};
    struct sets_scalar *s = ARENA_ARRAY(p->arena, struct sets_scalar, 1);
    enum tsdb_status st = TSDB_OK;
    if (!s)
        return full(p->err);
    *s = (struct sets_scalar){.kind = in->kind, .op = in->op, .aggregate = in->aggregate};
    switch (in->kind) {
    case SCALAR_STATIC: s->value = span_static(&in->value); break;
    case SCALAR_AGGREGATE:
        st = plan_label(p, names[in->aggregate], in->field, &s->label);
        if (st == TSDB_OK && in->field)
            st = span_test_new(p->q, in->field, p->arena, &s->test, p->err);
        break;
    case SCALAR_BINARY:
        st = plan_scalar(p, in->left, &s->left);
        if (st == TSDB_OK)
            st = plan_scalar(p, in->right, &s->right);
        break;
    }
    *out = s;
    return st;
}

static enum tsdb_status plan_stage(struct planner *p, const struct traceql_stage *in,
                                   struct sets_stage *out)
{
    enum tsdb_status st = TSDB_OK;
    *out = (struct sets_stage){.kind = in->kind, .op = in->op};
    switch (in->kind) {
    case TRACEQL_STAGE_SPANSET: return plan_expr(p, in->spanset, &out->expr);
    case TRACEQL_STAGE_SCALAR:
        st = plan_scalar(p, in->left, &out->left);
        return st == TSDB_OK ? plan_scalar(p, in->right, &out->right) : st;
    case TRACEQL_STAGE_GROUP:
        st = plan_label(p, "by", in->field, &out->label);
        return st == TSDB_OK ? span_test_new(p->q, in->field, p->arena, &out->test, p->err) : st;
    case TRACEQL_STAGE_COALESCE:
    case TRACEQL_STAGE_SELECT: break;
    }
    return st;
}

static enum tsdb_status plan_pipeline(struct planner *p, const struct traceql_pipeline *in,
                                      const struct sets_pipeline **out)
{
    struct sets_pipeline *pipeline = ARENA_ARRAY(p->arena, struct sets_pipeline, 1);
    enum tsdb_status st = TSDB_OK;
    if (pipeline)
        pipeline->stages = ARENA_ARRAY(p->arena, struct sets_stage, in->count);
    if (!pipeline || !pipeline->stages)
        return full(p->err);
    for (; pipeline->count < in->count && st == TSDB_OK; pipeline->count++)
        st = plan_stage(p, &in->stages[pipeline->count], &pipeline->stages[pipeline->count]);
    *out = pipeline;
    return st;
}

enum tsdb_status sets_plan_init(struct sets_plan *plan, const struct traceql *q,
                                const struct traceql_pipeline *pipeline, struct arena *arena,
                                struct tsdb_error *err)
{
    *plan = (struct sets_plan){0};
    struct planner p = {plan, q, arena, err};
    enum tsdb_status st = plan_pipeline(&p, pipeline, &plan->pipeline);
    if (st != TSDB_OK)
        return st;
    const struct sets_stage *stages = plan->pipeline->stages;
    bool is_only = stages[0].kind == TRACEQL_STAGE_SPANSET &&
                   stages[0].expr->kind == SPANSET_FILTER && !stages[0].expr->test->has_trace;
    for (uint32_t i = 1; i < plan->pipeline->count; i++)
        is_only = is_only && stages[i].kind == TRACEQL_STAGE_SELECT;
    plan->only = is_only ? stages[0].expr->test : NULL;
    return TSDB_OK;
}

/* ---- what a trace must have ------------------------------------------------------------------ */

static bool pipeline_may(const struct sets_pipeline *pipeline, uint32_t leaves);

static bool expr_may(const struct sets_expr *e, uint32_t leaves)
{
    if (e->kind == SPANSET_FILTER)
        return e->leaf == SPAN_LEAVES_MAX || is_all(e->test) || leaves >> e->leaf & 1;
    if (e->kind == SPANSET_PIPELINE)
        return pipeline_may(e->pipeline, leaves);
    bool left = expr_may(e->left, leaves), right = expr_may(e->right, leaves);
    if (e->relation == RELATION_OR)
        return left || right;
    return span_relation_is_negated(e->relation) ? right : left && right;
}

static bool pipeline_may(const struct sets_pipeline *pipeline, uint32_t leaves)
{
    for (uint32_t i = 0; i < pipeline->count; i++)
        if (pipeline->stages[i].kind == TRACEQL_STAGE_SPANSET &&
            !expr_may(pipeline->stages[i].expr, leaves))
            return false;
    return true;
}

bool sets_plan_may(const struct sets_plan *plan, uint32_t leaves)
{
    return pipeline_may(plan->pipeline, leaves);
}

/* ---- running --------------------------------------------------------------------------------- */

struct set_list {
    struct span_set *at;
    uint32_t count, cap;
};

struct run {
    struct trace_view *view;
    struct span_source source;
    struct arena *arena;
    struct tsdb_error *err;
};

static enum tsdb_status add_set(struct run *r, struct set_list *list, const struct span_set *set)
{
    if (list->count == list->cap) {
        uint32_t cap = list->cap ? 2 * list->cap : 4;
        struct span_set *at = ARENA_ARRAY(r->arena, struct span_set, cap);
        if (!at)
            return full(r->err);
        if (list->count > 0)
            memcpy(at, list->at, list->count * sizeof *at);
        list->at = at;
        list->cap = cap;
    }
    list->at[list->count++] = *set;
    return TSDB_OK;
}

static enum tsdb_status run_pipeline(struct run *r, const struct sets_pipeline *pipeline,
                                     struct set_list in, struct set_list *out);

static enum tsdb_status run_filter(struct run *r, const struct span_test *test,
                                   const struct span_set *in, struct set_list *out)
{
    if (is_all(test))
        return in->count > 0 ? add_set(r, out, in) : TSDB_OK;
    uint32_t *spans = ARENA_ARRAY(r->arena, uint32_t, in->count + 1), count = 0;
    if (!spans)
        return full(r->err);
    for (uint32_t i = 0; i < in->count; i++) {
        r->view->span = in->spans[i];
        arena_reset(r->view->values);
        if (span_test_passes(test, &r->source))
            spans[count++] = in->spans[i];
    }
    struct span_set set = *in;
    set.spans = spans;
    set.count = count;
    return count > 0 ? add_set(r, out, &set) : TSDB_OK;
}

/* The spans of all sets, as bits of the trace's. */
static uint64_t *bits_of(struct run *r, const struct set_list *sets)
{
    uint64_t *bits = ARENA_ARRAY(r->arena, uint64_t, r->view->count / 64 + 1);
    for (uint32_t i = 0; bits && i < sets->count; i++)
        for (uint32_t k = 0; k < sets->at[i].count; k++)
            bits[sets->at[i].spans[k] / 64] |= UINT64_C(1) << sets->at[i].spans[k] % 64;
    return bits;
}

static enum tsdb_status add_bits(struct run *r, const struct span_set *in, const uint64_t *bits,
                                 struct set_list *out)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w <= r->view->count / 64; w++)
        n += (uint32_t)__builtin_popcountll(bits[w]);
    if (n == 0)
        return TSDB_OK;
    uint32_t *spans = ARENA_ARRAY(r->arena, uint32_t, n);
    if (!spans)
        return full(r->err);
    n = 0;
    for (uint32_t w = 0; w <= r->view->count / 64; w++)
        for (uint64_t rest = bits[w]; rest; rest &= rest - 1)
            spans[n++] = w * 64 + (uint32_t)__builtin_ctzll(rest);
    struct span_set set = *in;
    set.spans = spans;
    set.count = n;
    return add_set(r, out, &set);
}

static enum tsdb_status run_expr(struct run *r, const struct sets_expr *e,
                                 const struct span_set *in, struct set_list *out);

static enum tsdb_status run_relation(struct run *r, const struct sets_expr *e,
                                     const struct span_set *in, struct set_list *out)
{
    struct set_list left = {0}, right = {0};
    enum tsdb_status st = run_expr(r, e->left, in, &left);
    if (st == TSDB_OK)
        st = run_expr(r, e->right, in, &right);
    if (st != TSDB_OK)
        return st;
    bool is_both = e->relation == RELATION_AND, is_either = e->relation == RELATION_OR;
    if (right.count == 0 && !is_either)
        return TSDB_OK;
    if (!is_both && !is_either && (left.count > 1 || right.count > 1))
        return tsdb_fail(r->err, TSDB_EEXEC,
                         "spanset operators are not supported for multiple spansets per trace; "
                         "consider using coalesce()");
    if (is_both && left.count == 0)
        return TSDB_OK;
    uint64_t *l = bits_of(r, &left), *k = bits_of(r, &right);
    uint64_t *result = ARENA_ARRAY(r->arena, uint64_t, r->view->count / 64 + 1);
    if (!l || !k || !result)
        return full(r->err);
    if (is_both || is_either) {
        for (uint32_t w = 0; w <= r->view->count / 64; w++)
            result[w] = l[w] | k[w];
    } else if (!span_relation(r->view, e->relation, l, k, result, r->arena)) {
        return full(r->err);
    }
    return add_bits(r, in, result, out);
}

static enum tsdb_status run_expr(struct run *r, const struct sets_expr *e,
                                 const struct span_set *in, struct set_list *out)
{
    switch (e->kind) {
    case SPANSET_FILTER: return run_filter(r, e->test, in, out);
    case SPANSET_RELATION: return run_relation(r, e, in, out);
    case SPANSET_PIPELINE: break;
    }
    struct set_list one = {0};
    enum tsdb_status st = add_set(r, &one, in);
    return st == TSDB_OK ? run_pipeline(r, e->pipeline, one, out) : st;
}

/* ---- aggregates ------------------------------------------------------------------------------ */

static enum tsdb_status add_attribute(struct run *r, struct span_set *set, struct tsdb_text label,
                                      struct span_value value)
{
    struct set_attribute *at =
        ARENA_ARRAY(r->arena, struct set_attribute, set->attribute_count + 1);
    if (!at)
        return full(r->err);
    if (set->attribute_count > 0)
        memcpy(at, set->attributes, set->attribute_count * sizeof *at);
    if (value.type == TRACEQL_STRING || value.type == SPAN_LIST) {
        char *text = ARENA_ARRAY(r->arena, char, value.text.len + 1);
        if (!text)
            return full(r->err);
        if (value.text.len > 0)
            memcpy(text, value.text.at, value.text.len);
        value.text.at = text;
    }
    at[set->attribute_count++] = (struct set_attribute){label, value};
    set->attributes = at;
    return TSDB_OK;
}

static void fold(enum traceql_aggregate how, struct span_value *to, const struct span_value *v)
{
    if (to->type == TRACEQL_NIL) {
        *to = *v;
    } else if (how == AGG_MAX || how == AGG_MIN) {
        int sign = span_value_order(v, to);
        if (how == AGG_MAX ? sign > 0 : sign < 0)
            *to = *v;
    } else if (to->type == v->type && v->type != TRACEQL_FLOAT) {
        to->integer = (int64_t)((uint64_t)to->integer + (uint64_t)v->integer); /* wraps */
    } else {
        *to = span_double(span_value_number(to) + span_value_number(v));
    }
}

static struct span_value aggregate(struct run *r, const struct sets_scalar *s,
                                   const struct span_set *set)
{
    if (!s->test)
        return span_int(set->count);
    struct span_value out = span_nil();
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        r->view->span = set->spans[i];
        arena_reset(r->view->values);
        struct span_value v = span_test_value(s->test, &r->source);
        if (!span_value_is_number(&v))
            continue;
        fold(s->aggregate, &out, &v);
        count++;
    }
    if (s->aggregate == AGG_COUNT)
        return span_int(count);
    if (s->aggregate != AGG_AVG || count == 0)
        return out;
    if (out.type == TRACEQL_DURATION)
        return span_duration(out.integer / count);
    return span_double(span_value_number(&out) / count);
}

static enum tsdb_status scalar(struct run *r, const struct sets_scalar *s, struct span_set *set,
                               struct span_value *out)
{
    struct span_value left, right;
    enum tsdb_status st;
    switch (s->kind) {
    case SCALAR_STATIC: *out = s->value; return TSDB_OK;
    case SCALAR_AGGREGATE:
        *out = aggregate(r, s, set);
        return out->type == TRACEQL_NIL ? TSDB_OK : add_attribute(r, set, s->label, *out);
    case SCALAR_BINARY: break;
    }
    st = scalar(r, s->left, set, &left);
    if (st == TSDB_OK)
        st = scalar(r, s->right, set, &right);
    if (st == TSDB_OK)
        *out = span_value_math(s->op, &left, &right);
    return st;
}

/* ---- stages ---------------------------------------------------------------------------------- */

static enum tsdb_status run_scalar(struct run *r, const struct sets_stage *stage,
                                   const struct set_list *in, struct set_list *out)
{
    for (uint32_t i = 0; i < in->count; i++) {
        struct span_set set = in->at[i];
        struct span_value left, right;
        enum tsdb_status st = scalar(r, stage->left, &set, &left);
        if (st == TSDB_OK)
            st = scalar(r, stage->right, &set, &right);
        if (st == TSDB_OK && span_value_compare(stage->op, &left, &right, NULL, false))
            st = add_set(r, out, &set);
        if (st != TSDB_OK)
            return st;
    }
    return TSDB_OK;
}

/* Groups of one set, found by the hash of their value. */
struct grouping {
    struct set_list groups;
    uint32_t *slots; /* group + 1, or 0 */
    uint32_t mask;
};

static enum tsdb_status group_of(struct run *r, const struct sets_stage *stage,
                                 const struct span_set *in, struct grouping *g, uint32_t *index)
{
    struct span_value v = span_test_value(stage->test, &r->source);
    uint32_t slot = (uint32_t)span_value_hash(&v, 0) & g->mask;
    for (; g->slots[slot]; slot = (slot + 1) & g->mask) {
        const struct span_set *found = &g->groups.at[g->slots[slot] - 1];
        *index = g->slots[slot] - 1;
        if (span_value_same(&found->attributes[found->attribute_count - 1].value, &v))
            return TSDB_OK;
    }
    struct span_set set = *in;
    set.count = 0;
    enum tsdb_status st = add_attribute(r, &set, stage->label, v);
    if (st == TSDB_OK)
        st = add_set(r, &g->groups, &set);
    *index = g->groups.count - 1;
    g->slots[slot] = g->groups.count;
    return st;
}

static enum tsdb_status group_set(struct run *r, const struct sets_stage *stage,
                                  const struct span_set *set, struct set_list *out)
{
    struct grouping g = {.mask = 15};
    while (g.mask / 2 < set->count)
        g.mask = 2 * g.mask + 1;
    uint32_t *which = ARENA_ARRAY(r->arena, uint32_t, set->count + 1);
    uint32_t *spans = ARENA_ARRAY(r->arena, uint32_t, set->count + 1);
    g.slots = ARENA_ARRAY(r->arena, uint32_t, (size_t)g.mask + 1);
    if (!which || !spans || !g.slots)
        return full(r->err);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < set->count && st == TSDB_OK; i++) {
        r->view->span = set->spans[i];
        arena_reset(r->view->values);
        st = group_of(r, stage, set, &g, &which[i]);
        if (st == TSDB_OK)
            g.groups.at[which[i]].count++;
    }
    uint32_t *ends = ARENA_ARRAY(r->arena, uint32_t, g.groups.count + 1), first = 0;
    if (!ends)
        return full(r->err);
    for (uint32_t i = 0; i < g.groups.count; i++) {
        g.groups.at[i].spans = spans + first;
        ends[i] = first;
        first += g.groups.at[i].count;
    }
    for (uint32_t i = 0; i < set->count && st == TSDB_OK; i++)
        spans[ends[which[i]]++] = set->spans[i];
    for (uint32_t i = 0; i < g.groups.count && st == TSDB_OK; i++)
        st = add_set(r, out, &g.groups.at[i]);
    return st;
}

static enum tsdb_status run_group(struct run *r, const struct sets_stage *stage,
                                  const struct set_list *in, struct set_list *out)
{
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < in->count && st == TSDB_OK; i++)
        st = group_set(r, stage, &in->at[i], out);
    return st;
}

static enum tsdb_status run_stage(struct run *r, const struct sets_stage *stage,
                                  const struct set_list *in, struct set_list *out)
{
    enum tsdb_status st = TSDB_OK;
    switch (stage->kind) {
    case TRACEQL_STAGE_SPANSET:
        for (uint32_t i = 0; i < in->count && st == TSDB_OK; i++)
            st = run_expr(r, stage->expr, &in->at[i], out);
        return st;
    case TRACEQL_STAGE_SCALAR: return run_scalar(r, stage, in, out);
    case TRACEQL_STAGE_GROUP: return run_group(r, stage, in, out);
    case TRACEQL_STAGE_COALESCE: {
        const uint64_t *bits = bits_of(r, in);
        return bits ? add_bits(r, &(struct span_set){0}, bits, out) : full(r->err);
    }
    case TRACEQL_STAGE_SELECT: break;
    }
    *out = *in;
    return TSDB_OK;
}

static enum tsdb_status run_pipeline(struct run *r, const struct sets_pipeline *pipeline,
                                     struct set_list in, struct set_list *out)
{
    struct set_list sets = in;
    for (uint32_t i = 0; i < pipeline->count && sets.count > 0; i++) {
        struct set_list next = {0};
        enum tsdb_status st = run_stage(r, &pipeline->stages[i], &sets, &next);
        if (st != TSDB_OK)
            return st;
        sets = next;
    }
    for (uint32_t i = 0; i < sets.count; i++) {
        enum tsdb_status st = add_set(r, out, &sets.at[i]);
        if (st != TSDB_OK)
            return st;
    }
    return TSDB_OK;
}

enum tsdb_status sets_plan_run(const struct sets_plan *plan, struct trace_view *view,
                               struct arena *arena, const struct span_set **out, uint32_t *count,
                               struct tsdb_error *err)
{
    struct run r = {view, trace_view_source(view), arena, err};
    uint32_t *all = ARENA_ARRAY(arena, uint32_t, view->count + 1), n = 0;
    if (!all)
        return full(err);
    for (uint32_t i = 0; i < view->count; i++)
        if (view->nodes[i].is_in_range)
            all[n++] = i;
    struct set_list in = {0}, sets = {0};
    struct span_set whole = {.spans = all, .count = n};
    enum tsdb_status st = n > 0 ? add_set(&r, &in, &whole) : TSDB_OK;
    if (st == TSDB_OK)
        st = run_pipeline(&r, plan->pipeline, in, &sets);
    *out = sets.at;
    *count = sets.count;
    return st;
}
