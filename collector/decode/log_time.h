/* log_time.h - the times that log senders write.
 *
 *   2024-02-29T12:34:56.789012345Z     RFC 3339 and ISO 8601: 'T', 't' or blank between
 *   2024-02-29 12:34:56,789+0100       date and time, '.' or ',' before the fraction,
 *   2024-02-29                         offset with or without colon, or none (UTC);
 *                                      no seconds, no time: zero
 *   1709210096.789, 1709210096789      since the epoch in s, ms, us or ns, told apart by
 *                                      size: below 1e11 s, 1e14 ms, 1e17 us, else ns
 *
 * A fraction beyond nine digits is cut off; a leap second is the next second.  The
 * whole text must be a time.  Times that int64 nanoseconds do not reach are none.
 * Proleptic Gregorian (civil.h).  Pure.
 */
#ifndef COLLECTOR_DECODE_LOG_TIME_H
#define COLLECTOR_DECODE_LOG_TIME_H

#include "tsdb/tsdb.h"

bool log_time_parse(struct tsdb_text text, int64_t *ns);
/* The ISO 8601 forms alone. */
bool log_time_parse_iso(struct tsdb_text text, int64_t *ns);
/* The epoch forms alone. */
bool log_time_parse_epoch(struct tsdb_text text, int64_t *ns);

#endif
