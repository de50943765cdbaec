/* prop_span_record.h - any bytes are refused, or are a batch of which every text can be read,
 * and which is written and read again. */
#ifndef TESTS_TSDB_TRACES_PROP_SPAN_RECORD_H
#define TESTS_TSDB_TRACES_PROP_SPAN_RECORD_H

#include "tests/tsdb/traces/span_model.h"
#include "tsdb/base/mem.h"
#include "tsdb/traces/span_limits.h"
#include "tsdb/traces/span_record.h"

static inline void prop_same_batches(const struct tsdb_span_batch *a,
                                     const struct tsdb_span_batch *b)
{
    ASSERT(a->span_count == b->span_count);
    ASSERT(strcmp(a->tenant, b->tenant) == 0);
    for (uint32_t i = 0; i < a->span_count; i++) {
        ASSERT(spans_differ(&a->spans[i], &b->spans[i]) == NULL);
        ASSERT(sources_differ(&a->sources[a->spans[i].source], &b->sources[b->spans[i].source]) ==
               NULL);
    }
}

/* Names read may not be UTF-8: then they cannot be written again. */
static inline bool prop_names_are_good(const struct tsdb_span_batch *b)
{
    for (uint32_t i = 0; i < b->span_count; i++)
        if (span_check(&b->spans[i]) != TSDB_ACCEPTED ||
            span_source_check(&b->sources[b->spans[i].source]) != TSDB_ACCEPTED)
            return false;
    return true;
}

/* Whether they were accepted. */
static inline bool prop_span_record(struct bytes in)
{
    struct arena arena;
    struct tsdb_span_batch batch, again;
    struct writer out = {0};
    arena_init(&arena, (size_t)64 << 20, NULL);
    enum tsdb_status st = span_record_read(in, &arena, &batch, NULL);
    ASSERT(st == TSDB_OK || st == TSDB_ECORRUPT || st == TSDB_ELIMIT);
    if (st == TSDB_OK) {
        bool is_good = prop_names_are_good(&batch);
        enum tsdb_status written = span_record_write(&batch, NULL, &out);
        ASSERT(written == (is_good ? TSDB_OK : TSDB_EINVAL));
        if (is_good && span_record_read(writer_bytes(&out), &arena, &again, NULL) == TSDB_OK)
            prop_same_batches(&batch, &again);
    }
    writer_release(&out);
    arena_release(&arena);
    return st == TSDB_OK;
}

#endif
