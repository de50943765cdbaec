/* filter.h - what texts may contain: trigrams for substrings, a Bloom filter for values.
 *
 * LogQL's line filters ask for substrings, not words: a filter of words could not refuse
 * "rror" nor, safely, "error" ("xerrors" holds it).  So a group keeps
 *
 *   grams    one bit per hashed trigram (three consecutive bytes) of its searched texts;
 *            2^k bits, k the least of 10..18 with at most 1 bit in 8 set.  The bit is the
 *            upper k bits of (b0 << 8 | b1 << 16 | b2 << 24) * 0x9e3779b1 modulo 2^32
 *   values   a blocked Bloom filter (Putze, Sanders, Singler 2007): blocks of 512 bits, 6
 *            bits a value, 10 bits of room for each.  h = XXH3-64 of the value, seeded
 *            with a salt that names the column; the block is (h >> 32) * blocks >> 32, the
 *            bits six times 9 bits of h * 0xd6e8feb86659fd93 >> 10, the lowest first
 *
 *   u8 version 1, u8 k (0: no grams), uv packed bytes, the grams' 2^k / 8 bytes (zstd when
 *   that is shorter, else raw), uv blocks, blocks x 64 bytes; bit i is bit i % 8 of byte i / 8
 *
 * A needle of three bytes or more is refused when any of its trigrams is missing.  False
 * positives cost a look; false negatives do not exist.  Pure.
 */
#ifndef TSDB_COLUMNS_FILTER_H
#define TSDB_COLUMNS_FILTER_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

struct filter_builder;

struct filter_builder *filter_builder_new(void);
void filter_builder_free(struct filter_builder *b);
/* Trigrams of one text.  Hot: about 1 ns a byte at most. */
void filter_add_text(struct filter_builder *b, struct tsdb_text text);
/* A value of a column; salt names the column. */
void filter_add_value(struct filter_builder *b, uint64_t salt, struct tsdb_text value);
/* Appends the filter; empties the builder. */
void filter_builder_finish(struct filter_builder *b, struct writer *out);

/* The opened filter: owned grams (packed ones are unpacked once), borrowed blocks. */
struct filter {
    uint8_t *owned;
    const uint8_t *grams;
    unsigned gram_bits; /* k; 0: everything may be contained */
    const uint8_t *blocks;
    uint32_t block_count; /* 0: every value may be there */
};
TSDB_NODISCARD enum tsdb_status filter_open(struct bytes in, struct filter *out,
                                            struct tsdb_error *err);
void filter_release(struct filter *f);
bool filter_may_contain(const struct filter *f, struct tsdb_text needle);
bool filter_may_have(const struct filter *f, uint64_t salt, struct tsdb_text value);

#endif
