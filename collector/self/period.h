/* period.h - lengths of time as people write them: "30d", "1h30m", "250ms".
 *
 * One or more whole numbers, each followed by a unit, largest unit first, none
 * twice (the form Prometheus takes, and ns and us besides):
 *
 *   y = 365 d   w = 7 d   d = 24 h   h   m   s   ms   us   ns
 *
 * "0" needs no unit.  Nanoseconds, never negative.  Pure.
 */
#ifndef COLLECTOR_SELF_PERIOD_H
#define COLLECTOR_SELF_PERIOD_H

#include "tsdb/tsdb.h"

enum { PERIOD_TEXT_MAX = 64 };

/* False: not such a text, or beyond int64 nanoseconds (292 years). */
bool period_parse(struct tsdb_text text, int64_t *ns);
/* The shortest such text, NUL-terminated; its length.  ns >= 0. */
size_t period_format(int64_t ns, char out[PERIOD_TEXT_MAX]);

#endif
