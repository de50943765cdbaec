/* trace_series.h - a series of a TraceQL metric query, as Tempo's TimeSeries and InstantSeries.
 *
 *   TimeSeries     labels 1 (KeyValue), samples 2 { value 1, timestampMs 2 },
 *                  exemplars 4 { labels 1, value 2, timestampMs 3 }
 *   InstantSeries  labels 1, value 2
 *
 * Labels keep the types of the attributes they are made of.  An exemplar's labels are the
 * intrinsics "trace:id" and "span:id".  Pure.
 */
#ifndef COLLECTOR_API_TRACE_SERIES_H
#define COLLECTOR_API_TRACE_SERIES_H

#include "collector/api/json.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

struct trace_series {
    struct tsdb_result result;
    const uint8_t *label_types; /* one a label */
    const struct tsdb_trace_exemplar *exemplars;
    uint32_t exemplar_count;
    bool is_instant; /* its last value is the answer */
};

void trace_series_json(struct json *j, const struct trace_series *s);
/* The fields of the message, without tag and length. */
void trace_series_protobuf(struct writer *w, const struct trace_series *s);

#endif
