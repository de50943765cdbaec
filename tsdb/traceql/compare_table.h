/* compare_table.h - counts of attribute values, for compare(): by attribute, value, side, step.
 *
 * Everything lies in the table's arena, charged to the query.  Owner: one thread; tables can
 * be added, in any order. */
#ifndef TSDB_TRACEQL_COMPARE_TABLE_H
#define TSDB_TRACEQL_COMPARE_TABLE_H

#include "tsdb/traceql/span_value.h"

enum compare_side { COMPARE_BASELINE, COMPARE_SELECTION, COMPARE_SIDES };

/* An attribute of a place, or an intrinsic. */
struct compare_attribute {
    struct traceql_ref ref;
    uint64_t *totals[COMPARE_SIDES]; /* by step */
};

struct compare_count {
    uint32_t step;
    uint64_t spans[COMPARE_SIDES];
};

struct compare_value {
    uint32_t attribute;
    struct span_value value;
    uint64_t totals[COMPARE_SIDES];
    struct compare_count *counts; /* by step, ascending only once settled */
    uint32_t count, cap;
};

struct compare_table {
    struct arena arena;
    uint32_t steps;
    struct compare_attribute *attributes; /* owned */
    uint32_t attribute_count, attribute_cap;
    struct compare_value *values; /* owned */
    uint32_t count, cap;
    uint32_t *slots; /* owned: value + 1, or 0 */
    uint32_t slot_count;
};

void compare_table_init(struct compare_table *t, uint32_t steps, struct budget *budget);
void compare_table_release(struct compare_table *t);
/* UINT32_MAX: no memory. */
uint32_t compare_table_attribute(struct compare_table *t, const struct traceql_ref *ref);
uint32_t compare_table_value(struct compare_table *t, uint32_t attribute,
                             const struct span_value *value);
/* Counts spans that have the value.  False: no memory. */
bool compare_table_count(struct compare_table *t, uint32_t value, enum compare_side side,
                         uint32_t step, uint64_t spans);
bool compare_table_add(struct compare_table *to, const struct compare_table *from);

#endif
