/* call_sort.h - sort, sort_desc, sort_by_label, sort_by_label_desc.
 *
 * They order an instant vector; a range query's answer is ordered by labels
 * whatever they say, which is worth a warning.  By value: NaN last, histograms
 * go.  By label: runs of digits compare as numbers, ties by the whole label set.
 */
#ifndef TSDB_QUERY_CALL_SORT_H
#define TSDB_QUERY_CALL_SORT_H

#include "tsdb/query/eval.h"

TSDB_NODISCARD enum tsdb_status call_sort_new(struct eval *ev, const struct expr *e,
                                              const struct grid *grid, struct op **out,
                                              struct tsdb_error *err);

/* "a2" before "a10": <0, 0, >0. */
int text_compare_natural(struct tsdb_text a, struct tsdb_text b);

#endif
