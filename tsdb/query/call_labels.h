/* call_labels.h - label_replace and label_join: one label set anew in every row.
 *
 * Rows whose labels become equal are one row afterwards.
 */
#ifndef TSDB_QUERY_CALL_LABELS_H
#define TSDB_QUERY_CALL_LABELS_H

#include "tsdb/query/eval.h"

TSDB_NODISCARD enum tsdb_status call_labels_new(struct eval *ev, const struct expr *e,
                                                const struct grid *grid, struct op **out,
                                                struct tsdb_error *err);

#endif
