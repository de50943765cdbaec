/* parameter.h - parts of a request target, decoded (WHATWG URL, section 5).
 *
 * Pairs at &, + is a space, %XX a byte; the first pair of the name counts.
 */
#ifndef COLLECTOR_INGEST_PARAMETER_H
#define COLLECTOR_INGEST_PARAMETER_H

#include "tsdb/base/arena.h"
#include "tsdb/tsdb.h"

enum { PARAMETER_NAMES_MAX = 32 };

/* Undoes %XX and, in forms, +. */
TSDB_NODISCARD enum tsdb_status parameter_decode(struct tsdb_text in, bool is_form,
                                                 struct arena *arena, struct tsdb_text *out);
/* The value, in the arena; empty when it is not there.  EINVAL: a bad %XX; ELIMIT. */
TSDB_NODISCARD enum tsdb_status parameter_find(struct tsdb_text query, const char *name,
                                               struct arena *arena, struct tsdb_text *out);
/* The parts between commas, empty ones left out; the first PARAMETER_NAMES_MAX. */
uint32_t parameter_split(struct tsdb_text list, struct tsdb_text out[PARAMETER_NAMES_MAX]);

#endif
