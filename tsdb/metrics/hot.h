/* hot.h - the samples of one series that are not in a segment yet.
 *
 * A chain of small blocks, newest first.  A block is a byte stream; a sample is
 *
 *   control   1 byte: time form in bits 5-7, value form in bits 0-4
 *   time      form 0  as the previous step
 *             form 1  svarint of the change of step, ns
 *             form 2  the same in milliseconds
 *             form 3  svarint of the time itself, ms
 *             form 4  the time itself, le64 ns
 *   value     form 0  the bits of the previous sample
 *             form 1  both are integers: svarint of the difference
 *             form 2+ the xor with the previous bits, without its zero bytes:
 *                     (n, t) of n kept and t trailing zero bytes, n + t <= 8
 *   histogram blocks: value form 0, then codec/histograms.h, length first.
 *
 * Each block begins with form 3 or 4 and the xor against 0, so it decodes by
 * itself.  A steady series costs 1 byte a sample, a small counter 2, a full
 * precision gauge 8 or 9; appending is some 10 ns and never re-reads.
 * Late samples are appended like any other; the block is then marked unsorted
 * and whoever reads it sorts.  A block whose first sample is late is marked too,
 * so a block that is not marked begins no earlier than the one before it ended.
 *
 * Guarded by the lock of the series' shard.  Sealed blocks (of an older
 * generation) are immutable until they are freed.
 */
#ifndef TSDB_METRICS_HOT_H
#define TSDB_METRICS_HOT_H

#include "tsdb/base/reader.h"
#include "tsdb/metrics/select.h"

enum { HOT_BLOCK_BYTES_MAX = 1024, HOT_COUNT_MAX = 8191, HOT_SAMPLE_BYTES_MAX = 20 };

struct hot {
    struct hot *older; /* owned */
    uint16_t generation;
    uint16_t len, cap; /* of bytes[] */
    uint16_t count : 13;
    uint16_t is_histogram : 1;
    uint16_t is_unsorted : 1;
    uint8_t bytes[];
};

/* What the next sample is coded against. */
struct hot_tail {
    int64_t ts, step;
    uint64_t bits;
};

/* Appends to *head, growing or adding a block where needed.  Returns by how
 * many allocated bytes the chain grew. */
size_t hot_append(struct hot **head, uint16_t generation, struct hot_tail *tail, int64_t ts,
                  uint64_t bits);
/* The same for an encoded histogram of at most HOT_HISTOGRAM_BYTES_MAX bytes. */
enum { HOT_HISTOGRAM_BYTES_MAX = 32768 };
size_t hot_append_histogram(struct hot **head, uint16_t generation, struct hot_tail *tail,
                            int64_t ts, struct bytes encoded);

/* Appends the block's samples to `out` as they lie.  TSDB_ECORRUPT never
 * happens to blocks that hot_append made. */
enum tsdb_status hot_decode(const struct hot *block, struct samples *out);

/* Whether no sample of the block lies in [start, end], as far as that shows without
 * decoding it.  newer: the block whose `older` it is, or NULL. */
bool hot_is_outside(const struct hot *block, const struct hot *newer, int64_t start, int64_t end);

/* Frees the chain from `block` on; returns the bytes that it held. */
size_t hot_free(struct hot *block);

#endif
