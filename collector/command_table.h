/* command_table.h - what a metric query answers, for a terminal.
 *
 *   vector   name{label="value"}   42.5              one row a series
 *   matrix   name{label="value"}   a sparkline, its least, greatest and last value
 *
 * Of the JSON that Prometheus' API answers.  What came from the server is escaped.
 */
#ifndef COLLECTOR_COMMAND_TABLE_H
#define COLLECTOR_COMMAND_TABLE_H

#include "tsdb/base/writer.h"

#include <jansson.h>

/* What stands second in [time, value]: a number as text, or a histogram. */
void table_put_value(struct writer *w, const json_t *value);
/* result: an array of series. */
void table_put_vector(struct writer *out, const json_t *result);
void table_put_matrix(struct writer *out, const json_t *result);

#endif
