/* remote_write.h - Prometheus remote write 1.0 (prometheus.WriteRequest), decompressed.
 *
 * One pass.  A series is named by the run of its label entries exactly as they
 * lie in the request (field 1 of TimeSeries: 0A len 0A len name 12 len value ...):
 * the key is the 128-bit hash of those bytes.  Labels that are sorted and in
 * shortest form, as every sender writes them, so hash straight to the canonical
 * key; any other order is an alias that the engine resolves once.  Labels that do
 * not lie in one run are gathered first.
 * Samples and histograms are wire items; exemplars of a series without a sample
 * in the request (Prometheus sends them apart, right after the sample) are put to
 * the sample among the last 64 points, or counted and dropped.
 * (Fields: proto/remote_write.proto; https://prometheus.io/docs/specs/prw/remote_write_spec/)
 */
#ifndef COLLECTOR_DECODE_REMOTE_WRITE_H
#define COLLECTOR_DECODE_REMOTE_WRITE_H

#include "collector/decode/sink.h"

enum tsdb_status remote_write_decode(const struct decode_task *task, struct bytes in,
                                     struct decode_tally *tally, struct tsdb_error *err);

#endif
