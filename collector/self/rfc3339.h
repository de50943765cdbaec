/* rfc3339.h - timestamps as people write them (RFC 3339, section 5.6).
 *
 * Format: UTC, ending in Z.  Parse: any offset, a fraction of up to nine digits
 * (further digits are dropped), years 0001 to 9999 as far as an int64 of
 * nanoseconds reaches (1677-09-21 to 2262-04-11); a leap second :60 is taken as
 * the next second.  Proleptic Gregorian (civil.h).  Pure.
 */
#ifndef COLLECTOR_SELF_RFC3339_H
#define COLLECTOR_SELF_RFC3339_H

#include "tsdb/tsdb.h"

enum { RFC3339_MAX = 40 }; /* bytes, NUL included */

/* With `digits` (0 to 9) decimals of a second, cut off, not rounded; returns the
 * length without the NUL. */
size_t rfc3339_format(int64_t ns, unsigned digits, char out[RFC3339_MAX]);
/* False: not such a time, or beyond int64 nanoseconds. */
bool rfc3339_parse(struct tsdb_text text, int64_t *ns);

#endif
