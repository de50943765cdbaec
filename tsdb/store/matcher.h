/* matcher.h - one condition on one label: name = value, !=, =~, !~.
 *
 * A label that a series does not have counts as the empty value, as in
 * Prometheus: {job=""} and {job=~".*"} select series without a job.  So a
 * matcher is of one of two sorts, and every index treats them so:
 *
 *   refuses ""   the series must have the label, with a value that passes:
 *                the union of the postings of the values that pass
 *   accepts ""   the series must not have a value that fails:
 *                all series less the postings of the values that fail
 *
 * Owner: whoever declared it.  name and value are borrowed and must outlive it;
 * the compiled expression is owned.  Immutable after matcher_init.
 */
#ifndef TSDB_STORE_MATCHER_H
#define TSDB_STORE_MATCHER_H

#include "tsdb/base/regex.h"
#include "tsdb/tsdb.h"

enum matcher_kind { MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NRE };

struct matcher {
    enum matcher_kind kind;
    struct tsdb_text name, value;
    struct regex *regex; /* owned; MATCH_RE and MATCH_NRE only */
    bool accepts_empty;  /* a series without the label passes */
};

/* What an index has to look at to find the values that decide. */
enum matcher_reach {
    MATCHER_NOTHING, /* no value decides: `=~".*"` passes all, `!~".*"` none */
    MATCHER_LISTED,  /* only the values listed */
    MATCHER_ANY,     /* every value there is: `!=""`, `=""`, `=~".+"` */
    MATCHER_TESTED,  /* those for which matcher_test says so */
};

/* TSDB_EINVAL or TSDB_ELIMIT from the pattern, with its text. */
TSDB_NODISCARD enum tsdb_status matcher_init(struct matcher *m, enum matcher_kind kind,
                                             struct tsdb_text name, struct tsdb_text value,
                                             struct tsdb_error *err);
void matcher_release(struct matcher *m);

bool matcher_test(const struct matcher *m, struct tsdb_text value);
/* Do all of them pass?  labels canonical. */
bool matchers_test(const struct matcher *m, uint32_t count, struct tsdb_labels labels);

/* The values that decide are those whose test differs from the test of "".
 * MATCHER_LISTED: *values (borrowed, *count of them) are the only candidates. */
enum matcher_reach matcher_reach(const struct matcher *m, const struct tsdb_text **values,
                                 uint32_t *count);
/* What every deciding value begins with; often empty. */
struct tsdb_text matcher_prefix(const struct matcher *m);

/* The value of a label, or the empty text. */
struct tsdb_text labels_value(struct tsdb_labels labels, struct tsdb_text name);

#endif
