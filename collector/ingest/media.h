/* media.h - what a request says its body is: Content-Type, loosely read.
 *
 *   type/subtype; name=value; name="value"     case and spaces do not matter
 */
#ifndef COLLECTOR_INGEST_MEDIA_H
#define COLLECTOR_INGEST_MEDIA_H

#include "tsdb/tsdb.h"

/* Whether the header's type (without parameters) is `type`, in lower case. */
bool media_is(struct tsdb_text header, const char *type);
/* Value of a parameter without its quotes; empty when there is none. */
struct tsdb_text media_parameter(struct tsdb_text header, const char *name);

enum media_write { MEDIA_WRITE_1, MEDIA_WRITE_2, MEDIA_WRITE_OTHER };
/* Which remote write message a Content-Type names; none at all means 1.0. */
enum media_write media_write_of(struct tsdb_text header);

#endif
