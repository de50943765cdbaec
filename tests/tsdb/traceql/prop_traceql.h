/* prop_traceql.h - the law of formatting: what parses, prints, and what is printed parses to a
 * tree that prints the same and is as high; and what a tree promises to who walks it. */
#ifndef TESTS_TSDB_TRACEQL_PROP_TRACEQL_H
#define TESTS_TSDB_TRACEQL_PROP_TRACEQL_H

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/traceql/ast.h"

static inline void prop_field(const struct traceql *q, const struct traceql_field *f,
                              uint32_t above)
{
    ASSERT(f->height >= 1 && f->height < above);
    ASSERT(f->at < q->source.len);
    ASSERT(f->type != TRACEQL_NIL);
    ASSERT(f->kind != FIELD_STATIC || (f->type == f->value.type && f->type != TRACEQL_ANY));
    ASSERT(f->kind != FIELD_REF || f->ref < q->ref_count);
    bool is_match =
        f->kind == FIELD_BINARY && (f->op == TRACEQL_MATCH || f->op == TRACEQL_NOT_MATCH);
    ASSERT(is_match == (f->regex != NULL));
    ASSERT(!is_match || f->right->kind == FIELD_STATIC);
    ASSERT(!f->left == (f->kind == FIELD_STATIC || f->kind == FIELD_REF));
    ASSERT(!f->right == (f->kind != FIELD_BINARY));
    if (f->left)
        prop_field(q, f->left, f->height);
    if (f->right)
        prop_field(q, f->right, f->height);
    ASSERT(f->kind != FIELD_BINARY || f->left->kind != FIELD_STATIC ||
           f->right->kind != FIELD_STATIC);
}

static inline void prop_filter(const struct traceql *q, const struct traceql_field *f,
                               uint32_t above)
{
    ASSERT(f->type == TRACEQL_BOOL || f->type == TRACEQL_ANY);
    prop_field(q, f, above);
}

static inline void prop_scalar(const struct traceql *q, const struct traceql_scalar *s,
                               uint32_t above)
{
    ASSERT(s->height >= 1 && s->height < above);
    ASSERT(s->kind != SCALAR_STATIC || traceql_type_is_number(s->value.type));
    ASSERT(s->kind != SCALAR_AGGREGATE || !s->field == (s->aggregate == AGG_COUNT));
    if (s->kind == SCALAR_AGGREGATE && s->field)
        prop_field(q, s->field, s->height);
    if (s->kind != SCALAR_BINARY)
        return;
    ASSERT(traceql_op_is_arithmetic(s->op));
    prop_scalar(q, s->left, s->height);
    prop_scalar(q, s->right, s->height);
}

static inline void prop_pipeline(const struct traceql *q, const struct traceql_pipeline *pipeline,
                                 uint32_t above);

static inline void prop_spanset(const struct traceql *q, const struct traceql_spanset *s,
                                uint32_t above)
{
    ASSERT(s->height >= 1 && s->height < above);
    switch (s->kind) {
    case SPANSET_FILTER: prop_filter(q, s->field, s->height); break;
    case SPANSET_PIPELINE: prop_pipeline(q, s->pipeline, s->height); break;
    case SPANSET_RELATION:
        prop_spanset(q, s->left, s->height);
        prop_spanset(q, s->right, s->height);
        break;
    }
}

static inline void prop_refs(const struct traceql *q, const struct traceql_refs *refs)
{
    for (uint32_t i = 0; i < refs->count; i++)
        ASSERT(refs->at[i] < q->ref_count);
}

static inline void prop_pipeline(const struct traceql *q, const struct traceql_pipeline *pipeline,
                                 uint32_t above)
{
    ASSERT(pipeline->count > 0);
    for (uint32_t i = 0; i < pipeline->count; i++) {
        const struct traceql_stage *s = &pipeline->stages[i];
        switch (s->kind) {
        case TRACEQL_STAGE_SPANSET:
            /* A pipeline in a pipeline has become its stages. */
            ASSERT(s->spanset->kind != SPANSET_PIPELINE);
            prop_spanset(q, s->spanset, above);
            break;
        case TRACEQL_STAGE_SCALAR:
            ASSERT(s->op >= TRACEQL_EQ && s->op <= TRACEQL_GE);
            ASSERT(s->left->kind != SCALAR_STATIC || s->right->kind != SCALAR_STATIC);
            prop_scalar(q, s->left, above);
            prop_scalar(q, s->right, above);
            break;
        case TRACEQL_STAGE_GROUP: prop_field(q, s->field, above); break;
        case TRACEQL_STAGE_COALESCE: ASSERT(i > 0); break;
        case TRACEQL_STAGE_SELECT: prop_refs(q, &s->refs); break;
        }
    }
}

static inline void prop_metric(const struct traceql *q, const struct traceql_metric *m,
                               uint32_t above)
{
    ASSERT(m->height >= 1 && m->height < above);
    if (m->kind == METRIC_FUNCTION) {
        prop_pipeline(q, m->pipeline, m->height);
        prop_refs(q, &m->function.by);
        ASSERT(m->function.by.count <= TRACEQL_GROUPS_MAX);
        ASSERT(!m->function.selection == (m->function.kind != TRACEQL_COMPARE));
        if (m->function.selection)
            prop_filter(q, m->function.selection, m->height);
        return;
    }
    prop_metric(q, m->left, m->height);
    ASSERT(!m->right == (m->kind != METRIC_BINARY));
    if (m->right)
        prop_metric(q, m->right, m->height);
}

static inline void prop_tree(const struct traceql *q)
{
    ASSERT(!q->pipeline != !q->metric);
    if (q->metric)
        prop_metric(q, q->metric, TRACEQL_HEIGHT_MAX + 1);
    else
        prop_pipeline(q, q->pipeline, TRACEQL_HEIGHT_MAX + 1);
    for (uint32_t i = 0; i < q->ref_count; i++)
        for (uint32_t k = 0; k < i; k++)
            ASSERT(q->refs[i].place != q->refs[k].place ||
                   q->refs[i].intrinsic != q->refs[k].intrinsic ||
                   !text_equal(q->refs[i].name, q->refs[k].name));
}

static inline struct tsdb_text prop_text(const struct writer *w)
{
    return (struct tsdb_text){(const char *)w->at, w->len};
}

static inline void prop_again(struct tsdb_text text)
{
    struct arena arena;
    struct traceql q;
    struct tsdb_error err;
    arena_init(&arena, 64 << 20, NULL);
    enum tsdb_status st = traceql_parse(text, &arena, &q, &err);
    /* Canonical text may be longer than what it came from. */
    ASSERT(st == TSDB_OK || text.len > TRACEQL_TEXT_MAX);
    if (st == TSDB_OK) {
        struct writer out = {0};
        traceql_format(&q, &out);
        ASSERT(text_equal(prop_text(&out), text));
        writer_release(&out);
        traceql_release(&q);
    }
    arena_release(&arena);
}

/* Returns whether the text was accepted, so that a driver can tell that it tested
 * something. */
static inline bool prop_traceql(const uint8_t *data, size_t len)
{
    struct arena arena;
    struct traceql q;
    struct tsdb_error err;
    arena_init(&arena, 64 << 20, NULL);
    enum tsdb_status st =
        traceql_parse((struct tsdb_text){(const char *)data, len}, &arena, &q, &err);
    if (st == TSDB_OK) {
        struct writer out = {0};
        prop_tree(&q);
        traceql_format(&q, &out);
        prop_again(prop_text(&out));
        writer_release(&out);
        traceql_release(&q);
    } else {
        ASSERT(err.status == st && err.msg[0] != '\0');
    }
    arena_release(&arena);
    return st == TSDB_OK;
}

#endif
