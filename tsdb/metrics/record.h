/* record.h - what the metrics engine writes to the journal.
 *
 *   RECORD_SERIES      uvarint raw bytes (0: stored plain), then plain or LZ4:
 *                      uvarint n; n of: uvarint ref, sized labels, where labels
 *                      are uvarint count, then sized name and sized value each
 *   RECORD_SAMPLES     u8 flags (1: one time for all); uvarint n; [svarint ts];
 *                      n svarint ref steps; [n svarint ts steps]; n le64 value bits
 *   RECORD_HISTOGRAMS  uvarint n; n of: uvarint ref, svarint ts, sized
 *                      codec/histograms.h value
 *   RECORD_EXEMPLARS   uvarint n; n of: uvarint ref, svarint ts, le64 value bits,
 *                      sized labels
 *   RECORD_METADATA    uvarint n; n of: sized tenant, family, help, unit; u8 type
 *
 * A ref names a series from its RECORD_SERIES on until the engine drops the
 * series, which it does only when no sample record above the floor names it; a
 * record may stand before the one that defines its refs, so replay reads all
 * definitions first.
 * Times in nanoseconds.  Ours alone: records are checksummed by the journal, yet
 * decoded as if they were not.
 */
#ifndef TSDB_METRICS_RECORD_H
#define TSDB_METRICS_RECORD_H

#include "tsdb/base/arena.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum record_type {
    RECORD_SERIES = 1,
    RECORD_SAMPLES,
    RECORD_HISTOGRAMS,
    RECORD_EXEMPLARS,
    RECORD_METADATA,
};

enum { RECORD_LABELS_MAX = 128 };

/* A point of a batch and the series that it belongs to. */
struct routed {
    uint32_t ref;
    uint32_t index; /* into the batch's points */
};

/* Float samples, then (in a second record) histograms, of points[r[i].index];
 * either may come out empty (len 0). */
void record_samples_encode(const struct routed *r, uint32_t n, const struct tsdb_point *points,
                           struct writer *out);
void record_histograms_encode(const struct routed *r, uint32_t n, const struct tsdb_point *points,
                              struct writer *out);

struct record_sample {
    uint32_t ref;
    int64_t ts;
    uint64_t bits;
};

/* Calls fn for each sample in order. */
typedef void record_sample_fn(void *arg, const struct record_sample *sample);
enum tsdb_status record_samples_decode(struct bytes in, record_sample_fn *fn, void *arg);

typedef void record_histogram_fn(void *arg, uint32_t ref, int64_t ts, struct bytes encoded);
enum tsdb_status record_histograms_decode(struct bytes in, record_histogram_fn *fn, void *arg);

void record_labels_encode(struct tsdb_labels labels, struct writer *out);
/* out has room for RECORD_LABELS_MAX; views into the input. */
enum tsdb_status record_labels_decode(struct bytes in, struct tsdb_label *out, uint32_t *count);

/* One item of a RECORD_SERIES body, without count and wrapping. */
void record_series_item(uint32_t ref, struct tsdb_labels labels, struct writer *out);
/* Wraps n items into a record; compresses when that pays. */
void record_series_encode(uint32_t n, struct bytes items, struct writer *out);
typedef enum tsdb_status record_series_fn(void *arg, uint32_t ref, struct tsdb_labels labels);
enum tsdb_status record_series_decode(struct bytes in, record_series_fn *fn, void *arg);

#endif
