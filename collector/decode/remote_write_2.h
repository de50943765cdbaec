/* remote_write_2.h - Prometheus remote write 2.0 (io.prometheus.write.v2.Request),
 * decompressed.
 *
 * All texts are indexes into one symbol table.  The table is mapped once; a
 * series' key is the hash of the canonical bytes of its labels (see
 * tsdb_labels_hash), built from the table, so it is the same key that remote
 * write 1.0 arrives at.  A reference past the table, an odd number of them, or a
 * table that does not begin with "" refuses the series (bad_symbol), not the
 * process.  Symbols may lie after the series that use them.
 * Metadata becomes family metadata (the name without _bucket, _sum, _count for
 * histograms and summaries), once per family and request.
 * (Fields: proto/remote_write_2.proto.)
 */
#ifndef COLLECTOR_DECODE_REMOTE_WRITE_2_H
#define COLLECTOR_DECODE_REMOTE_WRITE_2_H

#include "collector/decode/sink.h"

enum tsdb_status remote_write_2_decode(const struct decode_task *task, struct bytes in,
                                       struct decode_tally *tally, struct tsdb_error *err);

#endif
