/* span_rig.h - spans made a group and opened to be read. */
#ifndef TESTS_TSDB_TRACES_SPAN_RIG_H
#define TESTS_TSDB_TRACES_SPAN_RIG_H

#include "tests/tsdb/traces/span_model.h"
#include "tsdb/base/mem.h"
#include "tsdb/traces/span_builder.h"
#include "tsdb/traces/span_reader.h"

struct span_rig {
    struct made_spans made;
    struct group *groups[SPAN_TABLES];
    struct span_tables tables;
    struct span_reader *reader;
    struct arena arena; /* for what is read */
};

static inline struct group_bytes rig_bytes(const struct group_strings *s)
{
    return (struct group_bytes){writer_bytes(&s->head), writer_bytes(&s->filter),
                                writer_bytes(&s->data)};
}

/* Opens what was made; it must be whole. */
static inline void span_rig_open(struct span_rig *rig, struct budget *budget)
{
    for (int i = 0; i < SPAN_TABLES; i++) {
        rig->groups[i] = NULL;
        if (rig->made.tables[i].head.len == 0)
            continue;
        enum tsdb_status st = group_open(rig_bytes(&rig->made.tables[i]), &rig->groups[i], NULL);
        ASSERT(st == TSDB_OK);
        ASSERT(group_check(rig->groups[i], NULL) == TSDB_OK);
        rig->tables.at[i] = rig->groups[i];
    }
    rig->reader = span_reader_new(budget);
    span_reader_open(rig->reader, &rig->tables);
    arena_init(&rig->arena, (size_t)1 << 30, NULL);
}

static inline void span_rig_close(struct span_rig *rig)
{
    span_reader_free(rig->reader);
    for (int i = 0; i < SPAN_TABLES; i++)
        group_free(rig->groups[i]);
    made_spans_release(&rig->made);
    arena_release(&rig->arena);
    *rig = (struct span_rig){0};
}

/* Adds the model's spans [from, to) until the group is full; answers how far it came. */
static inline uint32_t span_rig_add(struct span_builder *b, const struct span_model *m,
                                    uint32_t from, uint32_t to)
{
    uint32_t rows[MODEL_SOURCES], at = from;
    for (uint32_t i = 0; i < MODEL_SOURCES; i++)
        rows[i] = span_builder_source(b, model_tenant(i), &m->sources[i]);
    for (; at < to; at++) {
        struct tsdb_span span = m->spans[at];
        span.source = rows[span.source];
        if (span.source == UINT32_MAX || !span_builder_span(b, &span))
            break;
    }
    return at;
}

#endif
