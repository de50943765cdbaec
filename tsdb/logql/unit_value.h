/* unit_value.h - label values that are numbers, durations and sizes.
 *
 *   number    Go's strconv.ParseFloat       "1.5" "1e3" "+Inf" "0x1p-2"
 *   duration  Go's time.ParseDuration       "1h15m30.918s" "-1.5h" "250us" "0"   in ns
 *   size      go-humanize's ParseBytes      "42" "1.5 KiB" "10MB" "1,000b"       in bytes
 *
 * Durations and sizes are read by go_duration_parse and logql_bytes.  Where a text is none, `why`
 * says so in the words that Loki puts into __error_details__. Pure.
 */
#ifndef TSDB_LOGQL_UNIT_VALUE_H
#define TSDB_LOGQL_UNIT_VALUE_H

#include "tsdb/tsdb.h"

struct unit_fault {
    char why[192];
};

/* On false *out is untouched.  why may be NULL. */
bool unit_number(struct tsdb_text text, double *out, struct unit_fault *why);
bool unit_duration(struct tsdb_text text, int64_t *ns, struct unit_fault *why);
/* A whole number of bytes. */
bool unit_bytes(struct tsdb_text text, double *out, struct unit_fault *why);

#endif
