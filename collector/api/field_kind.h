/* field_kind.h - what a field's values are, by how they look.
 *
 *   boolean   true false
 *   int       -12
 *   float     1.5  2e9
 *   duration  1h2m3.5s  250ms  (numbers with Go's units ns us ms s m h)
 *   bytes     10MB  1.5 GiB  (a number, perhaps a space, a unit)
 *   string    anything else
 *
 * The names are those of Loki's detected fields.  Pure.
 */
#ifndef COLLECTOR_API_FIELD_KIND_H
#define COLLECTOR_API_FIELD_KIND_H

#include "tsdb/tsdb.h"

enum field_kind {
    FIELD_STRING,
    FIELD_INT,
    FIELD_FLOAT,
    FIELD_DURATION,
    FIELD_BYTES,
    FIELD_BOOLEAN,
    FIELD_KIND_COUNT,
};

enum field_kind field_kind_of(struct tsdb_text value);
/* Of values of these kinds (bits 1 << kind): the one kind, a number for numbers, else a
 * string. */
enum field_kind field_kind_merge(unsigned kinds);
const char *field_kind_name(enum field_kind kind);

#endif
