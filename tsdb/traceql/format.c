/* One line; parentheses where precedence wants them, and around metrics that are operands:
 *
 *     { .a = 1 && (.b || .c) } >> { } | by(resource.service.name) | count() > 2
 *     ({ } | rate() by(.a)) / ({ } | rate()) * 100 > 5 | topk(3) with(sample=true)
 */
#include "tsdb/traceql/parser.h"

#include "tsdb/base/assert.h"

enum { PREC_LEAF = PREC_POW + 1 };

static void put_open(struct writer *out, bool is_wrapped)
{
    writer_text(out, is_wrapped ? "(" : "");
}

static void put_close(struct writer *out, bool is_wrapped)
{
    writer_text(out, is_wrapped ? ")" : "");
}

/* " op " */
static void put_between(struct writer *out, const char *op)
{
    writer_format(out, " %s ", op);
}

static void put_refs(const struct traceql *q, struct writer *out, const char *name,
                     const struct traceql_refs *refs)
{
    writer_text(out, name);
    for (uint32_t i = 0; i < refs->count; i++) {
        writer_text(out, i > 0 ? ", " : "(");
        traceql_ref_format(&q->refs[refs->at[i]], out);
    }
    writer_u8(out, ')');
}

/* ---- field expressions ---------------------------------------------------------------- */

static int field_precedence(const struct traceql_field *f)
{
    switch (f->kind) {
    case FIELD_STATIC:
        if (traceql_type_is_number(f->type) && f->value.integer != INT64_MIN &&
            (f->type == TRACEQL_FLOAT ? __builtin_signbit(f->value.number) : f->value.integer < 0))
            return PREC_ADD; /* reads back as the negation of a number */
        return PREC_LEAF;
    case FIELD_REF: return PREC_LEAF;
    case FIELD_BINARY: return (int)lex_op_precedence(f->op);
    case FIELD_NEGATE: return PREC_ADD;
    case FIELD_NOT: return PREC_NOT;
    case FIELD_EXISTS:
    case FIELD_NOT_EXISTS: return PREC_COMPARE;
    }
    UNREACHABLE();
}

static void put_field(const struct traceql *q, struct writer *out, const struct traceql_field *f,
                      int precedence);

static void put_binary(const struct traceql *q, struct writer *out, const struct traceql_field *f)
{
    int own = (int)lex_op_precedence(f->op);
    bool is_right = f->op == TRACEQL_POW; /* groups to the right */
    put_field(q, out, f->left, is_right ? own + 1 : own);
    put_between(out, traceql_op_name(f->op));
    put_field(q, out, f->right, is_right ? own : own + 1);
}

static void put_field(const struct traceql *q, struct writer *out, const struct traceql_field *f,
                      int precedence)
{
    bool is_wrapped = field_precedence(f) < precedence;
    put_open(out, is_wrapped);
    switch (f->kind) {
    case FIELD_STATIC: traceql_value_format(&f->value, out); break;
    case FIELD_REF: traceql_ref_format(&q->refs[f->ref], out); break;
    case FIELD_BINARY: put_binary(q, out, f); break;
    case FIELD_NEGATE:
        writer_u8(out, '-');
        put_field(q, out, f->left, PREC_NOT);
        break;
    case FIELD_NOT:
        writer_u8(out, '!');
        put_field(q, out, f->left, PREC_MUL);
        break;
    case FIELD_EXISTS:
    case FIELD_NOT_EXISTS:
        put_field(q, out, f->left, PREC_COMPARE);
        writer_text(out, f->kind == FIELD_EXISTS ? " != nil" : " = nil");
        break;
    }
    put_close(out, is_wrapped);
}

static void put_filter(const struct traceql *q, struct writer *out, const struct traceql_field *f)
{
    writer_text(out, "{ ");
    if (f->kind != FIELD_STATIC || !f->value.integer) {
        put_field(q, out, f, PREC_BOOL);
        writer_u8(out, ' ');
    }
    writer_u8(out, '}');
}

/* ---- pipelines --------------------------------------------------------------------------- */

static void put_pipeline(const struct traceql *q, struct writer *out,
                         const struct traceql_pipeline *pipeline);

static void put_spanset(const struct traceql *q, struct writer *out,
                        const struct traceql_spanset *s, int precedence)
{
    int own = s->kind == SPANSET_RELATION ? (int)lex_relation_precedence(s->relation) : PREC_LEAF;
    bool is_wrapped = own < precedence || s->kind == SPANSET_PIPELINE;
    put_open(out, is_wrapped);
    switch (s->kind) {
    case SPANSET_FILTER: put_filter(q, out, s->field); break;
    case SPANSET_PIPELINE: put_pipeline(q, out, s->pipeline); break;
    case SPANSET_RELATION:
        put_spanset(q, out, s->left, own);
        put_between(out, lex_relation_name(s->relation));
        put_spanset(q, out, s->right, own + 1);
        break;
    }
    put_close(out, is_wrapped);
}

static void put_scalar(const struct traceql *q, struct writer *out, const struct traceql_scalar *s,
                       int precedence)
{
    int own = s->kind == SCALAR_BINARY ? (int)lex_op_precedence(s->op) : PREC_LEAF;
    bool is_right = s->kind == SCALAR_BINARY && s->op == TRACEQL_POW;
    put_open(out, own < precedence);
    switch (s->kind) {
    case SCALAR_STATIC: traceql_value_format(&s->value, out); break;
    case SCALAR_AGGREGATE:
        writer_format(out, "%s(", traceql_aggregate_name(s->aggregate));
        if (s->field)
            put_field(q, out, s->field, PREC_BOOL);
        writer_u8(out, ')');
        break;
    case SCALAR_BINARY:
        put_scalar(q, out, s->left, is_right ? own + 1 : own);
        put_between(out, traceql_op_name(s->op));
        put_scalar(q, out, s->right, is_right ? own : own + 1);
        break;
    }
    put_close(out, own < precedence);
}

static void put_stage(const struct traceql *q, struct writer *out, const struct traceql_stage *s)
{
    switch (s->kind) {
    case TRACEQL_STAGE_SPANSET: put_spanset(q, out, s->spanset, PREC_BOOL); break;
    case TRACEQL_STAGE_SCALAR:
        put_scalar(q, out, s->left, PREC_ADD);
        put_between(out, traceql_op_name(s->op));
        put_scalar(q, out, s->right, PREC_ADD);
        break;
    case TRACEQL_STAGE_GROUP:
        writer_text(out, "by(");
        put_field(q, out, s->field, PREC_BOOL);
        writer_u8(out, ')');
        break;
    case TRACEQL_STAGE_COALESCE: writer_text(out, "coalesce()"); break;
    case TRACEQL_STAGE_SELECT: put_refs(q, out, "select", &s->refs); break;
    }
}

static void put_pipeline(const struct traceql *q, struct writer *out,
                         const struct traceql_pipeline *pipeline)
{
    for (uint32_t i = 0; i < pipeline->count; i++) {
        writer_text(out, i > 0 ? " | " : "");
        put_stage(q, out, &pipeline->stages[i]);
    }
}

/* ---- metrics ------------------------------------------------------------------------------- */

static void put_function(const struct traceql *q, struct writer *out,
                         const struct traceql_function *f)
{
    writer_format(out, "%s(", traceql_function_name(f->kind));
    if (f->kind >= TRACEQL_MIN_OVER_TIME && f->kind <= TRACEQL_HISTOGRAM_OVER_TIME)
        traceql_ref_format(&q->refs[f->ref], out);
    for (uint32_t i = 0; i < f->quantile_count; i++) {
        struct traceql_value quantile = {.type = TRACEQL_FLOAT, .number = f->quantiles[i]};
        writer_text(out, ", ");
        traceql_value_format(&quantile, out);
    }
    if (f->kind == TRACEQL_COMPARE) {
        put_filter(q, out, f->selection);
        writer_format(out, ", %u", f->top);
        if (f->end > 0)
            writer_format(out, ", %lld, %lld", (long long)f->start, (long long)f->end);
    }
    writer_u8(out, ')');
    if (f->by.count > 0)
        put_refs(q, out, " by", &f->by);
}

static int metric_precedence(const struct traceql_metric *m)
{
    return m->kind == METRIC_BINARY || m->kind == METRIC_SCALE ? (int)lex_op_precedence(m->op) : 0;
}

static void put_metric(const struct traceql *q, struct writer *out, const struct traceql_metric *m,
                       int precedence)
{
    int own = metric_precedence(m);
    bool is_wrapped = own < precedence;
    put_open(out, is_wrapped);
    switch (m->kind) {
    case METRIC_FUNCTION:
        put_pipeline(q, out, m->pipeline);
        writer_text(out, " | ");
        put_function(q, out, &m->function);
        break;
    case METRIC_BINARY:
        put_metric(q, out, m->left, own);
        put_between(out, traceql_op_name(m->op));
        put_metric(q, out, m->right, own + 1);
        break;
    case METRIC_SCALE:
        if (m->is_value_left) {
            traceql_value_format(&m->operand, out);
            put_between(out, traceql_op_name(m->op));
            put_metric(q, out, m->left, own + 1);
            break;
        }
        put_metric(q, out, m->left, own);
        put_between(out, traceql_op_name(m->op));
        traceql_value_format(&m->operand, out);
        break;
    case METRIC_FILTER:
        put_metric(q, out, m->left, 0);
        put_between(out, traceql_op_name(m->op));
        traceql_value_format(&m->operand, out);
        break;
    case METRIC_TOPK:
    case METRIC_BOTTOMK:
        put_metric(q, out, m->left, 0);
        writer_format(out, " | %s(%u)", m->kind == METRIC_TOPK ? "topk" : "bottomk", m->count);
        break;
    }
    put_close(out, is_wrapped);
}

void traceql_format(const struct traceql *q, struct writer *out)
{
    if (q->metric)
        put_metric(q, out, q->metric, 0);
    else
        put_pipeline(q, out, q->pipeline);
    for (uint32_t i = 0; i < q->hint_count; i++) {
        writer_text(out, i > 0 ? ", " : " with(");
        writer_put(out, q->hints[i].name.at, q->hints[i].name.len);
        writer_u8(out, '=');
        traceql_value_format(&q->hints[i].value, out);
    }
    writer_text(out, q->hint_count > 0 ? ")" : "");
}

void traceql_field_format(const struct traceql *q, const struct traceql_field *field,
                          struct writer *out)
{
    put_field(q, out, field, 0);
}
