/* eval_labels.h - what operators do to label sets.
 *
 * A label set is an array of borrowed texts in canonical order (tsdb.h).  New
 * ones are arrays in the query's arena; the texts stay where they are, unless a
 * value was made here.  Functions that make a set answer false when the arena is
 * full.
 *
 * The name of a metric is the label __name__; operators that change what a value
 * means drop it together with __type__ and __unit__ (Prometheus 3).
 *
 * A key is the 128-bit hash of some of a set's labels: equal keys are equal
 * labels.  Its seed is fixed: keys never leave the query.
 */
#ifndef TSDB_QUERY_EVAL_LABELS_H
#define TSDB_QUERY_EVAL_LABELS_H

#include "tsdb/base/arena.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/writer.h"
#include "tsdb/query/ast.h"

static const struct tsdb_text label_name_text = {"__name__", 8};
static const struct tsdb_text label_le_text = {"le", 2};

bool label_is_metadata(struct tsdb_text name);
struct tsdb_text label_get(struct tsdb_labels labels, struct tsdb_text name);
/* By name, then value, label by label; a prefix comes first. */
int labels_compare(struct tsdb_labels a, struct tsdb_labels b);

/* Without __name__, __type__ and __unit__; often a view, not a copy. */
bool labels_drop_name(struct arena *arena, struct tsdb_labels in, struct tsdb_labels *out);
/* Only those named, or all but those named; is_without also drops the name. */
bool labels_group(struct arena *arena, struct tsdb_labels in, const struct expr_names *names,
                  bool is_without, struct tsdb_labels *out);
/* With one label set to a value; an empty value removes it. */
bool labels_set(struct arena *arena, struct tsdb_labels in, struct tsdb_text name,
                struct tsdb_text value, struct tsdb_labels *out);

/* Key of the whole set. */
struct tsdb_hash labels_key(struct writer *scratch, struct tsdb_labels labels);
/* Key of those named, or of all but those named and the name. */
struct tsdb_hash labels_key_of(struct writer *scratch, struct tsdb_labels labels,
                               const struct expr_names *names, bool is_without);
/* Key of all but one label. */
struct tsdb_hash labels_key_except(struct writer *scratch, struct tsdb_labels labels,
                                   struct tsdb_text name);

/* {a="b", c="d"} as Prometheus prints it, with the name inside. */
void labels_format(struct tsdb_labels labels, struct writer *out);

/* An arena's copy of text; at is NULL when it is full. */
struct tsdb_text text_keep(struct arena *arena, struct tsdb_text text);

#endif
