/* value_set.h - distinct values, each with a number beside it, in order at the end.
 *
 * Texts are copied into the set's arena.  Owner: one thread. */
#ifndef TSDB_TRACEQL_VALUE_SET_H
#define TSDB_TRACEQL_VALUE_SET_H

#include "tsdb/traceql/span_value.h"

struct tagged_value {
    uint32_t tag;
    struct span_value value;
};

struct value_set {
    struct arena arena;
    struct tagged_value *at; /* owned */
    uint32_t count, cap;
    uint32_t *slots; /* owned: index + 1, or 0 */
    uint32_t slot_count;
};

void value_set_init(struct value_set *s, struct budget *budget);
void value_set_release(struct value_set *s);
/* False: no memory. */
bool value_set_put(struct value_set *s, uint32_t tag, const struct span_value *v);
/* By tag, then as span_value_order has it, but text by text.  Nothing may be put after it. */
void value_set_sort(struct value_set *s);

#endif
