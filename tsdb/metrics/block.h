/* block.h - one segment of metrics: its sections and how a series lies in them.
 *
 * The file is a tsdb/store/segment.h container; series are numbered (ordinals)
 * by metric name, then labels, `le` last and by value.  Sections:
 *
 *   BLOCK_FACTS     le32 version 1; le32 series; le64 samples; le64 first time;
 *                   le64 order: the lowest segment id that its samples came in with
 *   BLOCK_LABELS    tsdb/store/label_index.h
 *   BLOCK_OFFSETS   of each 64 series: le64 base, then 64 le32 offsets from it into
 *                   BLOCK_SERIES; the last group is padded; one entry past the
 *                   last series holds the end
 *   BLOCK_SERIES    of each series: le64 hash.lo, le64 hash.hi, uvarint chunks,
 *                   the chunk heads, the chunk bodies
 *   BLOCK_TIMES     columns of codec/timestamps.h, each once (hash-consed), each
 *                   relative to its first time
 *   BLOCK_EXEMPLARS uvarint n; n of: uvarint ordinal step, then as record.h
 *
 *   chunk head      u8 kind; uvarint n; stamp first (from the facts' first time);
 *                   stamp last (from first); uvarint offset in BLOCK_TIMES;
 *                   uvarint body bytes
 *   stamp           uvarint v: v even: ms, zigzag in v >> 1; v & 3 = 1: ns, zigzag in
 *                   v >> 2; v = 3: ns, le64 follows.  Of differences, which wrap
 *   body            FLOATS     codec/floats.h
 *                   SUMMARY    sized floats_summary, then codec/floats.h
 *                   HISTOGRAMS codec/histograms.h
 *                   FAMILY     codec/family.h of this and the following series
 *                   MEMBER     uvarint ordinals back to the FAMILY, uvarint column
 *                   The last two are the only chunk of their series.  Chunks ascend in
 *                   time and do not overlap
 *
 * Immutable.  A block is shared by reference; see block_ref.
 */
#ifndef TSDB_METRICS_BLOCK_H
#define TSDB_METRICS_BLOCK_H

#include "tsdb/base/fs.h"
#include "tsdb/metrics/record.h"
#include "tsdb/metrics/samples.h"
#include "tsdb/store/label_index.h"
#include "tsdb/store/manifest.h"
#include "tsdb/store/segment.h"

enum block_section {
    BLOCK_FACTS = 1,
    BLOCK_LABELS,
    BLOCK_OFFSETS,
    BLOCK_SERIES,
    BLOCK_TIMES,
    BLOCK_EXEMPLARS,
};

enum {
    BLOCK_CHUNK_SAMPLES = 1920,
    BLOCK_SUMMARY_SAMPLES_MIN = 64,
    BLOCK_FAMILY_COLUMNS_MAX = 64,
    BLOCK_SERIES_SAMPLES_MAX = 1 << 28, /* a reader believes no more */
};

/* ---- writing -------------------------------------------------------------------- */

struct block_writer; /* block_writer.c */

struct block_facts {
    int64_t ts_min, ts_max;
    uint64_t series, samples, bytes;
    struct tsdb_hash content;
};

TSDB_NODISCARD enum tsdb_status block_writer_open(struct fs *fs, const char *path, uint64_t order,
                                                  struct block_writer **out,
                                                  struct tsdb_error *err);
/* Series come in ordinal order, samples ordered and unique (samples_order).
 * Both are copied or encoded before it returns.  A series without samples is
 * left out.  */
TSDB_NODISCARD enum tsdb_status block_writer_series(struct block_writer *w, struct tsdb_hash hash,
                                                    struct tsdb_labels labels,
                                                    const struct samples *samples,
                                                    struct tsdb_error *err);
/* Samples that lie before those of the next block_writer_series, of the same series: for
 * one that is too large to be held at once. */
TSDB_NODISCARD enum tsdb_status
block_writer_part(struct block_writer *w, const struct samples *samples, struct tsdb_error *err);
/* An exemplar of the series added last. */
void block_writer_exemplar(struct block_writer *w, const struct tsdb_exemplar *exemplar);
/* Ends the file and frees the writer, also on error.  facts->series == 0: the
 * file held nothing and was dropped. */
TSDB_NODISCARD enum tsdb_status block_writer_seal(struct block_writer *w, struct block_facts *facts,
                                                  struct tsdb_error *err);
void block_writer_abort(struct block_writer *w);

/* ---- reading -------------------------------------------------------------------- */

struct block {
    struct manifest_segment entry;
    struct segment *segment; /* owned */
    struct label_index *labels;
    struct bytes offsets, series, times, exemplars;
    uint32_t series_count;
    bool has_tenants; /* some series has the label that names a tenant */
    int64_t ts_first; /* what stamps count from */
    uint64_t order;   /* of equal times, the block with the lowest wins */
    _Atomic uint32_t refs;
};

TSDB_NODISCARD enum tsdb_status block_open(struct fs *fs, const char *path,
                                           const struct manifest_segment *entry, struct block **out,
                                           struct tsdb_error *err);
void block_ref(struct block *b);
void block_unref(struct block *b);

TSDB_NODISCARD enum tsdb_status block_hash(const struct block *b, uint32_t ordinal,
                                           struct tsdb_hash *out, struct tsdb_error *err);
/* Appends the samples of the chunks that touch [start, end]. */
TSDB_NODISCARD enum tsdb_status block_samples(const struct block *b, uint32_t ordinal,
                                              int64_t start, int64_t end, struct samples *out,
                                              struct tsdb_error *err);
/* The exemplars one by one, by ordinal.  Labels lie in `room` and the block. */
struct block_exemplar_cursor {
    const struct block *block; /* borrowed */
    struct reader rest;
    uint32_t left, ordinal;
    struct tsdb_exemplar exemplar; /* the current one; of series `ordinal` */
    struct tsdb_label room[RECORD_LABELS_MAX];
};
void block_exemplar_begin(struct block_exemplar_cursor *c, const struct block *b);
/* TSDB_END after the last. */
TSDB_NODISCARD enum tsdb_status block_exemplar_next(struct block_exemplar_cursor *c,
                                                    struct tsdb_error *err);
/* Calls fn for every exemplar, by ordinal; labels borrowed during the call. */
typedef void block_exemplar_fn(void *arg, uint32_t ordinal, const struct tsdb_exemplar *exemplar);
TSDB_NODISCARD enum tsdb_status block_exemplars(const struct block *b, block_exemplar_fn *fn,
                                                void *arg, struct tsdb_error *err);
/* Decodes everything: what tsdb_verify does beyond the checksums. */
TSDB_NODISCARD enum tsdb_status block_verify(const struct block *b, struct tsdb_error *err);

#endif
