/* go_time.h - times as Go's layouts write and read them.
 *
 *   "2006-01-02T15:04:05.000Z07:00"   the reference time, Mon Jan 2 15:04:05 MST 2006, spelled
 *                                     the way a time shall be spelled
 *
 * Zones: numeric offsets and UTC; a zone's name reads as UTC.  The calendar is the proleptic
 * Gregorian one, years 0 to 9999 when read.  Source: https://pkg.go.dev/time#Layout.  Pure.
 */
#ifndef TSDB_LOGQL_GO_TIME_H
#define TSDB_LOGQL_GO_TIME_H

#include "tsdb/logql/template_value.h"

void go_time_format(const struct value_time *t, struct tsdb_text layout, struct writer *out);
/* False: the text does not fit the layout. */
bool go_time_parse(struct tsdb_text layout, struct tsdb_text text, struct value_time *out);
/* "2006-01-02 15:04:05.999999999 +0000 UTC" */
void go_time_print(const struct value_time *t, struct writer *out);
/* Year 1, what Go gives when nothing was read. */
struct value_time go_time_zero(void);

#endif
