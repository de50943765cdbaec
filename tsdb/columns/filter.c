#include "tsdb/columns/filter.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"

#include <zstd.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    VERSION = 2,
    VERSION_WITHOUT_WORDS = 1,
    GRAM = 3, /* bytes */
    WORD = 5, /* letters */
    GRAM_TURN = 4,
    BITS_MIN = 10,
    BITS_MAX = 18,
    DENSITY = 8, /* at most one bit in so many is set, where BITS_MAX allows it */
    BLOCK_BYTES = 64,
    BLOCK_BITS = 8 * BLOCK_BYTES,
    VALUE_BITS = 10, /* room for a value */
    PROBES = 6,
    PROBE_BITS = 9, /* of the hash, for a place in a block */
    RECENT = 8192,  /* hashes remembered, so that repeated values count once */
    WORDS = 1 << (BITS_MAX - 6),
    WORD_BITS_MAX = 16, /* of a block of rows */
    BLOCK_WORDS = 1 << (WORD_BITS_MAX - 6),
    ZSTD_LEVEL = 1,
};

struct filter_builder {
    uint64_t grams[WORDS], words[FILTER_BLOCKS_MAX][BLOCK_WORDS];
    bool has_texts;
    uint32_t word_blocks; /* used */
    uint64_t recent[RECENT];
    uint64_t *hashes; /* owned */
    size_t count, cap;
    void *zstd; /* owned context */
};

struct filter_builder *filter_builder_new(void)
{
    struct filter_builder *b = MEM_NEW(struct filter_builder);
    b->zstd = ZSTD_createCCtx();
    ASSERT(b->zstd);
    return b;
}

void filter_builder_free(struct filter_builder *b)
{
    if (!b)
        return;
    (void)ZSTD_freeCCtx(b->zstd); /* has no failure */
    mem_free(b->hashes);
    mem_free(b);
}

/* The three bytes in the upper three of a word. */
static inline uint32_t gram_at(struct tsdb_text text, size_t i)
{
    const unsigned char *at = (const unsigned char *)text.at + i;
    return (uint32_t)at[0] << 8 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 24;
}

/* An odd factor permutes the 24 bits; the upper ones depend on all of them, so a smaller
 * filter takes fewer from above. */
static inline uint32_t gram_bit(uint32_t gram)
{
    return (gram * 0x9e3779b1u) >> (32 - BITS_MAX);
}

static __attribute__((noinline, cold)) void gram_first(uint64_t *grams, uint32_t bit)
{
    grams[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* Nearly all bits are set already, which a branch foretells; to store anyway would make
 * equal neighbours wait for each other. */
static inline void gram_set(uint64_t *grams, uint32_t gram)
{
    uint32_t bit = gram_bit(gram);
    if (__builtin_expect(!(grams[bit / 64] >> bit % 64 & 1), 0))
        gram_first(grams, bit);
}

/* ---- words ----------------------------------------------------------------------- */

static inline uint32_t word_bit(const char *at)
{
    uint32_t four;
    memcpy(&four, at, sizeof four);
    uint64_t letters = four | (uint64_t)(uint8_t)at[4] << 32;
    return (uint32_t)(letters * UINT64_C(0x9e3779b97f4a7c15) >> (64 - WORD_BITS_MAX));
}

static inline bool is_letter(char c)
{
    return (unsigned)((uint8_t)c | 0x20) - 'a' < 26;
}

enum { WINDOW = 16, WINDOW_TURN = WINDOW - WORD + 1 };

/* Bit i: byte i of WINDOW is a letter. */
#ifdef __SSE2__
static inline unsigned letters_of(const char *at)
{
    __m128i low =
        _mm_or_si128(_mm_loadu_si128((const __m128i_u *)(const void *)at), _mm_set1_epi8(0x20));
    __m128i is_letter = _mm_and_si128(_mm_cmpgt_epi8(low, _mm_set1_epi8('a' - 1)),
                                      _mm_cmplt_epi8(low, _mm_set1_epi8('z' + 1)));
    return (unsigned)_mm_movemask_epi8(is_letter);
}
#else
static inline unsigned letters_of(const char *at)
{
    unsigned letters = 0;
    for (unsigned i = 0; i < WINDOW; i++)
        letters |= (unsigned)is_letter(at[i]) << i;
    return letters;
}
#endif

/* Nearly all are set already, as trigrams are. */
static inline void word_set(uint64_t *words, const char *at)
{
    uint32_t bit = word_bit(at);
    if (__builtin_expect(!(words[bit / 64] >> bit % 64 & 1), 0))
        gram_first(words, bit);
}

/* The words that lie in the window. */
static inline void window_words(uint64_t *words, const char *at)
{
    unsigned l = letters_of(at), pairs = l & l >> 1;
    for (unsigned begins = pairs & pairs >> 2 & l >> 4; begins; begins &= begins - 1)
        word_set(words, at + (unsigned)__builtin_ctz(begins));
}

static void add_words(uint64_t *words, struct tsdb_text text)
{
    if (text.len < WINDOW) {
        char padded[WINDOW] = {0}; /* no letters */
        if (text.len)
            memcpy(padded, text.at, text.len);
        window_words(words, padded);
        return;
    }
    size_t last = text.len - WINDOW; /* overlaps what is before it, to no harm */
    for (size_t i = 0; i < last; i += WINDOW_TURN)
        window_words(words, text.at + i);
    window_words(words, text.at + last);
}

void filter_add_text(struct filter_builder *b, uint32_t row, struct tsdb_text text)
{
    uint64_t *grams = b->grams;
    size_t i = 0;
    uint32_t block = row / FILTER_BLOCK_ROWS;
    ASSERT(block < FILTER_BLOCKS_MAX);
    b->has_texts = true;
    b->word_blocks = block < b->word_blocks ? b->word_blocks : block + 1;
    add_words(b->words[block], text);
    for (; i + GRAM + GRAM_TURN <= text.len; i += GRAM_TURN) {
#pragma GCC unroll 4
        for (size_t g = 0; g < GRAM_TURN; g++) {
            uint32_t word; /* a byte too many is loaded, and shifted out */
            memcpy(&word, text.at + i + g, sizeof word);
            gram_set(grams, word << 8);
        }
    }
    for (; i + GRAM <= text.len; i++)
        gram_set(grams, gram_at(text, i));
}

void filter_add_value(struct filter_builder *b, uint64_t salt, struct tsdb_text value)
{
    uint64_t hash = hash64(salt, value.at, value.len);
    uint64_t *recent = &b->recent[hash % RECENT];
    if (*recent == hash)
        return;
    *recent = hash;
    if (b->count == b->cap) {
        b->cap = b->cap ? 2 * b->cap : 64;
        b->hashes = mem_grow(b->hashes, b->cap, sizeof *b->hashes);
    }
    b->hashes[b->count++] = hash;
}

/* ---- writing ------------------------------------------------------------------- */

static uint32_t bits_set(const uint64_t *words, uint32_t count)
{
    uint32_t set = 0;
    for (uint32_t i = 0; i < count; i++)
        set += (uint32_t)__builtin_popcountll(words[i]);
    return set;
}

/* Each two neighbours become one, in the lower half of the word. */
static uint64_t pairs_join(uint64_t word)
{
    static const uint64_t masks[] = {UINT64_C(0x5555555555555555), UINT64_C(0x3333333333333333),
                                     UINT64_C(0x0f0f0f0f0f0f0f0f), UINT64_C(0x00ff00ff00ff00ff),
                                     UINT64_C(0x0000ffff0000ffff), UINT64_C(0x00000000ffffffff)};
    word = (word | word >> 1) & masks[0];
    for (unsigned i = 1; i < sizeof masks / sizeof *masks; i++)
        word = (word | word >> (1u << (i - 1))) & masks[i];
    return word;
}

/* Folds the 2^k bits while they stay sparse; returns what k is then. */
static unsigned bits_fold(uint64_t *words, unsigned k)
{
    while (k > BITS_MIN) {
        uint64_t folded[WORDS / 2];
        uint32_t half = 1u << (k - 1 - 6);
        for (uint32_t i = 0; i < half; i++)
            folded[i] = pairs_join(words[(size_t)2 * i]) | pairs_join(words[(size_t)2 * i + 1])
                                                               << 32;
        if (bits_set(folded, half) > (64 * half) / DENSITY)
            break;
        memcpy(words, folded, half * sizeof *folded);
        k--;
    }
    return k;
}

static void bits_finish(struct filter_builder *b, uint64_t *words, unsigned k_max,
                        struct writer *out)
{
    if (!b->has_texts) {
        writer_u8(out, 0);
        writer_uvarint(out, 0);
        return;
    }
    unsigned k = bits_fold(words, k_max);
    size_t len = (size_t)1 << (k - 3);
    writer_u8(out, (uint8_t)k);
    uint8_t packed[WORDS * 8];
    size_t n = ZSTD_compressCCtx(b->zstd, packed, len - 1, words, len, ZSTD_LEVEL);
    if (ZSTD_isError(n))
        writer_sized(out, words, len);
    else
        writer_sized(out, packed, n);
}

/* Where a value's bits are: a block, and six places in it from the mixed hash. */
static inline uint32_t block_of(uint64_t hash, uint32_t count)
{
    return (uint32_t)(((hash >> 32) * count) >> 32);
}

static inline uint64_t places_of(uint64_t hash)
{
    return (hash * UINT64_C(0xd6e8feb86659fd93)) >> (64 - PROBES * PROBE_BITS);
}

static void values_finish(struct filter_builder *b, struct writer *out)
{
    uint32_t count = (uint32_t)((b->count * VALUE_BITS + BLOCK_BITS - 1) / BLOCK_BITS);
    writer_uvarint(out, count);
    size_t len = (size_t)count * BLOCK_BYTES;
    uint8_t *blocks = writer_reserve(out, len);
    memset(blocks, 0, len);
    for (size_t i = 0; i < b->count; i++) {
        uint8_t *block = blocks + (size_t)block_of(b->hashes[i], count) * BLOCK_BYTES;
        uint64_t places = places_of(b->hashes[i]);
        for (int p = 0; p < PROBES; p++, places >>= PROBE_BITS) {
            unsigned bit = places & (BLOCK_BITS - 1);
            block[bit / 8] |= (uint8_t)(1u << bit % 8);
        }
    }
    out->len += len;
}

void filter_builder_finish(struct filter_builder *b, struct writer *out)
{
    writer_u8(out, VERSION);
    bits_finish(b, b->grams, BITS_MAX, out);
    writer_u8(out, (uint8_t)b->word_blocks);
    for (uint32_t i = 0; i < b->word_blocks; i++)
        bits_finish(b, b->words[i], WORD_BITS_MAX, out);
    values_finish(b, out);
    memset(b->grams, 0, sizeof b->grams);
    memset(b->words, 0, b->word_blocks * sizeof b->words[0]);
    b->word_blocks = 0;
    memset(b->recent, 0, sizeof b->recent);
    b->has_texts = false;
    b->count = 0;
}

/* ---- reading ------------------------------------------------------------------- */

static void bits_open(struct reader *r, unsigned k_max, struct filter_bits *out)
{
    unsigned k = reader_u8(r);
    struct bytes packed = reader_sized(r);
    if (r->fault || (k == 0 && packed.len == 0))
        return;
    if (k < BITS_MIN || k > k_max) {
        reader_fail(r);
        return;
    }
    size_t len = (size_t)1 << (k - 3);
    *out = (struct filter_bits){NULL, packed.at, k};
    if (packed.len == len)
        return;
    out->at = out->owned = mem_alloc(len);
    if (ZSTD_decompress(out->owned, len, packed.at, packed.len) != len)
        reader_fail(r);
}

static void words_open(struct reader *r, struct filter *out)
{
    uint32_t blocks = reader_u8(r);
    if (blocks > FILTER_BLOCKS_MAX)
        reader_fail(r);
    for (uint32_t i = 0; i < blocks && !r->fault; i++, out->word_blocks++)
        bits_open(r, WORD_BITS_MAX, &out->words[i]);
}

enum tsdb_status filter_open(struct bytes in, struct filter *out, struct tsdb_error *err)
{
    struct reader r = reader_over(in);
    struct filter f = {0};
    uint8_t version = reader_u8(&r);
    if (!r.fault && version != VERSION && version != VERSION_WITHOUT_WORDS)
        return tsdb_fail(err, TSDB_ECORRUPT, "filter: version %u, want %d", version, VERSION);
    bits_open(&r, BITS_MAX, &f.grams);
    if (version == VERSION)
        words_open(&r, &f);
    uint64_t blocks = reader_uvarint(&r);
    if (r.fault || r.rest.len % BLOCK_BYTES != 0 || blocks != r.rest.len / BLOCK_BYTES ||
        blocks > UINT32_MAX) {
        filter_release(&f);
        return tsdb_fail(err, TSDB_ECORRUPT, "filter: damaged, %zu bytes", in.len);
    }
    f.blocks = r.rest.at;
    f.block_count = (uint32_t)blocks;
    *out = f;
    return TSDB_OK;
}

void filter_release(struct filter *f)
{
    mem_free(f->grams.owned);
    for (uint32_t i = 0; i < f->word_blocks; i++)
        mem_free(f->words[i].owned);
    *f = (struct filter){0};
}

static inline bool has_bit(const struct filter_bits *b, uint32_t bit)
{
    return b->at[bit / 8] >> bit % 8 & 1;
}

static bool words_may_contain(const struct filter_bits *words, struct tsdb_text needle)
{
    unsigned run = 0;
    for (size_t i = 0; words->k && i < needle.len; i++) {
        run = is_letter(needle.at[i]) ? run + 1 : 0;
        if (run < WORD)
            continue;
        uint32_t bit = word_bit(needle.at + i + 1 - WORD);
        if (!has_bit(words, bit >> (WORD_BITS_MAX - words->k)))
            return false;
    }
    return true;
}

bool filter_rows_may_contain(const struct filter *f, uint32_t first, uint32_t rows,
                             struct tsdb_text needle)
{
    ASSERT(rows > 0);
    if (f->word_blocks == 0)
        return true;
    uint32_t last = (first + rows - 1) / FILTER_BLOCK_ROWS;
    for (uint32_t i = first / FILTER_BLOCK_ROWS; i <= last && i < f->word_blocks; i++)
        if (words_may_contain(&f->words[i], needle))
            return true;
    return last >= f->word_blocks; /* of which nothing is known */
}

bool filter_may_contain(const struct filter *f, struct tsdb_text needle)
{
    for (size_t i = 0; f->grams.k && i + GRAM <= needle.len; i++)
        if (!has_bit(&f->grams, gram_bit(gram_at(needle, i)) >> (BITS_MAX - f->grams.k)))
            return false;
    return f->word_blocks == 0 ||
           filter_rows_may_contain(f, 0, f->word_blocks * FILTER_BLOCK_ROWS, needle);
}

bool filter_may_have(const struct filter *f, uint64_t salt, struct tsdb_text value)
{
    if (f->block_count == 0)
        return true;
    uint64_t hash = hash64(salt, value.at, value.len);
    const uint8_t *block = f->blocks + (size_t)block_of(hash, f->block_count) * BLOCK_BYTES;
    uint64_t places = places_of(hash);
    for (int p = 0; p < PROBES; p++, places >>= PROBE_BITS) {
        unsigned bit = places & (BLOCK_BITS - 1);
        if (!(block[bit / 8] >> bit % 8 & 1))
            return false;
    }
    return true;
}
