/* needle.h - one text searched for in many bytes.
 *
 * Two bytes of the needle that are rare in logs are compared sixteen positions at a time;
 * where both fit, the whole is compared.  Some ten GB/s while the pair is rare, never worse
 * than needle length times bytes.  Where there is no SSE2: memmem.
 * Immutable after needle_of; the text is borrowed.
 */
#ifndef TSDB_LOGQL_NEEDLE_H
#define TSDB_LOGQL_NEEDLE_H

#include "tsdb/tsdb.h"

struct needle {
    struct tsdb_text text;
    size_t first, second; /* offsets of the two bytes looked for, first <= second */
};

struct needle needle_of(struct tsdb_text text);
/* Where the first occurrence is, or NULL.  An empty needle is found at once. */
const char *needle_find(const struct needle *n, const char *at, size_t len);

#endif
