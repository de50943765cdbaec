/* filter.h - what texts may contain: trigrams and words for substrings, a Bloom filter for values.
 *
 * LogQL's line filters ask for substrings, not words: a filter of words could not refuse
 * "rror" nor, safely, "error" ("xerrors" holds it).  So a group keeps
 *
 *   grams    one bit per hashed trigram (three consecutive bytes) of its searched texts;
 *            2^k bits, k the least of 10..18 with at most 1 bit in 8 set.  The bit is the
 *            upper k bits of (b0 << 8 | b1 << 16 | b2 << 24) * 0x9e3779b1 modulo 2^32
 *   words    likewise one bit per hashed five consecutive letters (A-Z a-z), by themselves for each
 *            FILTER_BLOCK_ROWS rows: numbers and ids have none, so that they are few, and tell
 *            rows apart whose trigrams are everywhere; k at most 16.  The bit is the upper k of
 *            (b0 | b1 << 8 .. | b4 << 32) * 0x9e3779b97f4a7c15 modulo 2^64
 *   values   a blocked Bloom filter (Putze, Sanders, Singler 2007): blocks of 512 bits, 6
 *            bits a value, 10 bits of room for each.  h = XXH3-64 of the value, seeded
 *            with a salt that names the column; the block is (h >> 32) * blocks >> 32, the
 *            bits six times 9 bits of h * 0xd6e8feb86659fd93 >> 10, the lowest first
 *
 *   u8 version 2, grams, u8 blocks of rows (0: nothing is known of words), words of each, uv
 *   blocks, blocks x 64 bytes; bit i is bit i % 8 of byte i / 8
 *   grams, words: u8 k (0: none were kept), uv packed bytes, the 2^k / 8 bytes (zstd when that is
 *   shorter, else raw)
 *   version 1 has no blocks of rows
 *
 * A needle of three bytes or more is refused when any of its trigrams, or of its five letters in a
 * row, is missing.  False positives cost a look; false negatives do not exist.  Pure.
 */
#ifndef TSDB_COLUMNS_FILTER_H
#define TSDB_COLUMNS_FILTER_H

#include "tsdb/base/reader.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum {
    FILTER_BLOCK_ROWS = 4096,
    FILTER_BLOCKS_MAX = 16, /* of rows */
};

struct filter_builder;

struct filter_builder *filter_builder_new(void);
void filter_builder_free(struct filter_builder *b);
/* Trigrams and words of the text of a row, below FILTER_BLOCKS_MAX blocks.  Hot: about 1 ns a
 * byte at most. */
void filter_add_text(struct filter_builder *b, uint32_t row, struct tsdb_text text);
/* A value of a column; salt names the column. */
void filter_add_value(struct filter_builder *b, uint64_t salt, struct tsdb_text value);
/* Appends the filter; empties the builder. */
void filter_builder_finish(struct filter_builder *b, struct writer *out);

struct filter_bits {
    uint8_t *owned; /* NULL: they lie in the filter's bytes as they are */
    const uint8_t *at;
    unsigned k; /* 0: everything may be contained */
};

/* The opened filter: bits (packed ones are unpacked once), borrowed blocks. */
struct filter {
    struct filter_bits grams, words[FILTER_BLOCKS_MAX];
    uint32_t word_blocks; /* 0: nothing is known of words */
    const uint8_t *blocks;
    uint32_t block_count; /* 0: every value may be there */
};
TSDB_NODISCARD enum tsdb_status filter_open(struct bytes in, struct filter *out,
                                            struct tsdb_error *err);
void filter_release(struct filter *f);
bool filter_may_contain(const struct filter *f, struct tsdb_text needle);
/* The same of the rows [first, first + rows) alone; rows > 0. */
bool filter_rows_may_contain(const struct filter *f, uint32_t first, uint32_t rows,
                             struct tsdb_text needle);
bool filter_may_have(const struct filter *f, uint64_t salt, struct tsdb_text value);

#endif
