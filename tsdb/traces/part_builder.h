/* part_builder.h - spans of many inputs into as many span groups as it takes.
 *
 * An input is a batch, or a group that exists already: spans and the sources that they name.
 * A group ends when the builder of spans is full, or when its weight passes PART_WEIGHT_MAX.
 *
 * The weight of a span is about what it takes in the clear while it is worked on, and no less
 * than what it takes in a journal record: a bound for memory that is known before any is
 * spent.
 *
 * Owner: one thread.  Texts and arrays are borrowed until the group ends: the inputs stay.
 */
#ifndef TSDB_TRACES_PART_BUILDER_H
#define TSDB_TRACES_PART_BUILDER_H

#include "tsdb/traces/span_builder.h"
#include "tsdb/traces/span_limits.h"

enum {
    PART_WEIGHT_MAX = 128 << 20,
    /* A group that has so much is good as it is. */
    PART_FULL_ROWS = GROUP_ROWS_MAX / 2,
    PART_FULL_WEIGHT = PART_WEIGHT_MAX / 2,
    SPAN_WEIGHT = 128, /* and its fields and texts */
    SPAN_FIELD_WEIGHT = 32,
    SPAN_CHILD_WEIGHT = 64,
};

/* size: of the span, as span_limits.h counts. */
static inline uint64_t span_weight(const struct tsdb_span *span, const struct span_size *size)
{
    return SPAN_WEIGHT + size->text_bytes + size->fields * SPAN_FIELD_WEIGHT +
           ((uint64_t)span->event_count + span->link_count) * SPAN_CHILD_WEIGHT;
}
static inline uint64_t span_source_weight(const struct span_size *size)
{
    return SPAN_WEIGHT + size->text_bytes + size->fields * SPAN_FIELD_WEIGHT;
}

struct made_part {
    struct made_spans spans;
    uint64_t weight;
};
void made_part_release(struct made_part *p);
static inline bool made_part_is_full(uint32_t rows, uint64_t weight)
{
    return rows >= PART_FULL_ROWS || weight >= PART_FULL_WEIGHT;
}
/* May take over what was made, leaving zeros. */
typedef enum tsdb_status made_part_fn(void *arg, struct made_part *made, struct tsdb_error *err);

struct part_builder {
    struct span_builder *spans; /* owned */
    enum group_form form;
    made_part_fn *fn;
    void *arg;
    uint64_t weight;
    uint32_t epoch; /* of numbers of sources; never 0 */
};

void part_builder_init(struct part_builder *b, enum group_form form, made_part_fn *fn, void *arg);
void part_builder_release(struct part_builder *b);

struct part_input {
    const struct tsdb_span_source *sources; /* borrowed */
    const struct tsdb_text *tenants;        /* borrowed; one a source, or NULL: `tenant` */
    struct tsdb_text tenant;
    uint32_t *numbers; /* owned: of its sources in the group that is being made */
    uint32_t source_count, epoch;
};
/* The rest is the caller's to fill. */
void part_input_init(struct part_input *in, uint32_t source_count);
void part_input_release(struct part_input *in);

/* The next span; its source is one of the input's.  TSDB_ECORRUPT: no group can hold it. */
TSDB_NODISCARD enum tsdb_status part_builder_put(struct part_builder *b, struct part_input *in,
                                                 const struct tsdb_span *span,
                                                 struct tsdb_error *err);
/* Ends the group, when it has spans, and hands it to fn. */
TSDB_NODISCARD enum tsdb_status part_builder_finish(struct part_builder *b, struct tsdb_error *err);

#endif
