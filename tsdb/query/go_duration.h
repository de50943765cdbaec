/* go_duration.h - spans of time as Go writes them: "1h30m0s", "1.5s", "-250ms".
 *
 * Units ns us ms s m h, in any order and any number of times, with fractions; int64
 * nanoseconds.  Source: https://pkg.go.dev/time#ParseDuration, #Duration.String.
 */
#ifndef TSDB_QUERY_GO_DURATION_H
#define TSDB_QUERY_GO_DURATION_H

#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

/* The whole text, "0" without a unit too; false, and nothing written: it is none, or passes
 * int64. */
bool go_duration_parse(struct tsdb_text text, int64_t *ns);
/* Reads back as the same, unless it is INT64_MIN. */
void go_duration_format(int64_t ns, struct writer *out);

#endif
