/* label_index.h - the immutable index of the series of one segment, as bytes.
 *
 * Series are ordinals 0..series_count-1 in the order they were added.  Names are
 * sorted, the values of a name are sorted, and pairs (name, value) are numbered
 * through in that order: a pair id says its name by range.
 *
 *   offset  size  field                        all integers little-endian
 *        0     4  magic "ALX1"
 *        4     4  version       le32, 1
 *        8     4  name_count    le32
 *       12     4  pair_count    le32
 *       16     4  block_count   le32, blocks of up to 16 values
 *       20     4  series_count  le32
 *       24     4  names_bytes   le32
 *       28     4  values_bytes  le32
 *       32     4  lists_bytes   le32
 *       36     4  series_bytes  le32
 *       40     -  names:    name_count x 16:
 *                   le32 where its text ends in the text, le32 its first pair,
 *                   le32 its first block, le32 series that have it
 *        -     -  names text, names_bytes
 *        -     -  blocks:   block_count x le32, where each starts in the values
 *        -     -  values, values_bytes: blocks
 *        -     -  lists:    (pair_count + 1) x le32, where each starts
 *        -     -  lists, lists_bytes: postings.h
 *        -     -  series:   ceil(series_count / 16) x le32, where each 16th starts
 *        -     -  series, series_bytes: records
 *
 *   block of values: n <= 16 (the last of a name has the rest)
 *     [uv bytes of the first value] the first value
 *     n - 1 x { [uv bytes shared with the first] [uv bytes of the rest] the rest }
 *   record of a series: [uv bytes] [uv first pair] [uv gap - 1]...
 *
 * Every section starts where the one before ends, and the last ends the index.
 * No checksum: the segment's section has one.  A new layout is a new version.
 *
 * The reader borrows the bytes (a mapped section) and trusts none of them: the
 * header and the names are checked at open, the rest where it is read; damage is
 * TSDB_ECORRUPT, never a wild access.  Immutable after open: any thread.
 * Limits: 4 GiB a section, LABELS_MAX labels a series.
 */
#ifndef TSDB_STORE_LABEL_INDEX_H
#define TSDB_STORE_LABEL_INDEX_H

#include "tsdb/base/reader.h"
#include "tsdb/store/select.h"

struct arena;
struct budget;
struct label_index;
struct label_index_builder;
struct writer;

enum {
    LABEL_INDEX_VERSION = 1,
    LABEL_INDEX_HEADER_BYTES = 40,
    LABEL_INDEX_NAME_BYTES = 16,
    LABEL_INDEX_BLOCK = 16, /* values in a block, series in a stride */
};

/* ---- writing ------------------------------------------------------------------ */

struct label_index_builder *label_index_builder_new(struct budget *budget);
void label_index_builder_free(struct label_index_builder *b);
/* The next ordinal's labels, canonical.  TSDB_ELIMIT: the budget is spent. */
TSDB_NODISCARD enum tsdb_status label_index_builder_add(struct label_index_builder *b,
                                                        struct tsdb_labels labels);
/* Appends the index to out.  TSDB_ELIMIT: a section would pass 4 GiB.  The
 * builder is spent: only label_index_builder_free may follow. */
TSDB_NODISCARD enum tsdb_status label_index_builder_finish(struct label_index_builder *b,
                                                           struct writer *out,
                                                           struct tsdb_error *err);

/* ---- reading ------------------------------------------------------------------ */

/* in is borrowed until label_index_free. */
TSDB_NODISCARD enum tsdb_status label_index_open(struct bytes in, struct label_index **out,
                                                 struct tsdb_error *err);
void label_index_free(struct label_index *ix);
uint32_t label_index_series_count(const struct label_index *ix);
uint32_t label_index_pair_count(const struct label_index *ix);

/* Ordinals ascending; replaces the contents of out. */
TSDB_NODISCARD enum tsdb_status label_index_select(const struct label_index *ix,
                                                   const struct matcher *m, uint32_t count,
                                                   struct ordinals *out, struct tsdb_error *err);

/* Texts met before, by pair id, so that a query decodes a value once for all its
 * series.  One per index and query; {0} is empty; not thread-safe. */
struct label_cache {
    struct label_cached *at; /* owned */
    uint32_t count, mask;
};
void label_cache_release(struct label_cache *cache);

/* The labels of a series.  The array is the arena's; texts lie in the arena or in
 * the index's bytes and last as long as both.  cache may be NULL; a cache lives no
 * longer than the arena it was used with.  TSDB_ELIMIT: the arena is full. */
TSDB_NODISCARD enum tsdb_status label_index_labels(const struct label_index *ix, uint32_t ordinal,
                                                   struct arena *arena, struct label_cache *cache,
                                                   struct tsdb_labels *out, struct tsdb_error *err);

/* Sorted; set NULL: of the whole index. */
TSDB_NODISCARD enum tsdb_status label_index_names(const struct label_index *ix,
                                                  const struct ordinals *set, tsdb_text_fn *fn,
                                                  void *arg, struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status label_index_values(const struct label_index *ix,
                                                   struct tsdb_text name,
                                                   const struct ordinals *set, tsdb_text_fn *fn,
                                                   void *arg, struct tsdb_error *err);
/* Every label pair with how many series have it, by name and value. */
TSDB_NODISCARD enum tsdb_status label_index_stats(const struct label_index *ix, select_stat_fn *fn,
                                                  void *arg, struct tsdb_error *err);

/* Reads everything: values and pairs ascend, and lists and records tell of the
 * same series (by a 64-bit sum).  For the scrub; costs in the order of the bytes. */
TSDB_NODISCARD enum tsdb_status label_index_check(const struct label_index *ix,
                                                  struct tsdb_error *err);

#endif
