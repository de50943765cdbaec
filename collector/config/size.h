/* size.h - byte counts as people write them: "20MiB", "8GiB", "500MB", "0".
 *
 * A whole number and a unit: B or nothing, KiB MiB GiB TiB PiB (1024), kB KB MB
 * GB TB PB (1000); K M G T P mean KiB and so on.  No fractions.  Pure.
 */
#ifndef COLLECTOR_CONFIG_SIZE_H
#define COLLECTOR_CONFIG_SIZE_H

#include "tsdb/tsdb.h"

enum { SIZE_TEXT_MAX = 32 };

/* False: not such a text, or beyond 64 bits. */
bool size_parse(struct tsdb_text text, uint64_t *bytes);
/* With the largest binary unit that divides it; NUL-terminated; its length. */
size_t size_format(uint64_t bytes, char out[SIZE_TEXT_MAX]);

#endif
