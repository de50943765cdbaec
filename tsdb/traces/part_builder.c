#include "tsdb/traces/part_builder.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"

void made_part_release(struct made_part *p)
{
    made_spans_release(&p->spans);
    *p = (struct made_part){0};
}

void part_builder_init(struct part_builder *b, enum group_form form, made_part_fn *fn, void *arg)
{
    *b = (struct part_builder){
        .spans = span_builder_new(NULL), .form = form, .fn = fn, .arg = arg, .epoch = 1};
}

void part_builder_release(struct part_builder *b)
{
    span_builder_free(b->spans);
    b->spans = NULL;
}

void part_input_init(struct part_input *in, uint32_t source_count)
{
    *in = (struct part_input){.numbers = MEM_ARRAY(uint32_t, source_count),
                              .source_count = source_count};
}

void part_input_release(struct part_input *in)
{
    mem_free(in->numbers);
    in->numbers = NULL;
}

/* The source's number in the group, made when it has none yet; UINT32_MAX: it is full. */
static uint32_t number_of(struct part_builder *b, struct part_input *in, uint32_t source)
{
    if (in->epoch != b->epoch) {
        memset(in->numbers, 0xff, in->source_count * sizeof *in->numbers);
        in->epoch = b->epoch;
    }
    uint32_t *number = &in->numbers[source];
    if (*number == UINT32_MAX) {
        struct span_size size = {0};
        (void)span_source_size_check(&in->sources[source], &size);
        *number = span_builder_source(b->spans, in->tenants ? in->tenants[source] : in->tenant,
                                      &in->sources[source]);
        b->weight += span_source_weight(&size);
    }
    return *number;
}

static bool put(struct part_builder *b, struct part_input *in, const struct tsdb_span *span)
{
    struct tsdb_span numbered = *span;
    numbered.source = number_of(b, in, span->source);
    return numbered.source != UINT32_MAX && span_builder_span(b->spans, &numbered);
}

enum tsdb_status part_builder_put(struct part_builder *b, struct part_input *in,
                                  const struct tsdb_span *span, struct tsdb_error *err)
{
    if (span->source >= in->source_count)
        return tsdb_fail(err, TSDB_ECORRUPT, "span of source %u, of %u", span->source,
                         in->source_count);
    struct span_size size = {0};
    (void)span_size_check(span, &size); /* what is too large is seen below */
    uint64_t weight = span_weight(span, &size);
    enum tsdb_status st = TSDB_OK;
    if (b->weight + weight > PART_WEIGHT_MAX)
        st = part_builder_finish(b, err);
    if (st == TSDB_OK && !put(b, in, span)) {
        st = part_builder_finish(b, err);
        if (st == TSDB_OK && !put(b, in, span))
            return tsdb_fail(err, TSDB_ECORRUPT, "a span that no group can hold");
    }
    b->weight += weight;
    return st;
}

enum tsdb_status part_builder_finish(struct part_builder *b, struct tsdb_error *err)
{
    if (span_builder_spans(b->spans) == 0)
        return TSDB_OK;
    struct made_part made = {.weight = b->weight};
    enum tsdb_status st = span_builder_finish(b->spans, b->form, &made.spans, err);
    b->weight = 0;
    b->epoch++;
    if (st == TSDB_OK)
        st = b->fn(b->arg, &made, err);
    made_part_release(&made);
    return st;
}
