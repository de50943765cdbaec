#include "tsdb/codec/ints.h"

#include "tsdb/base/assert.h"

#include <stdbool.h>

enum {
    WIDTH_CODE = 63,   /* of a tag */
    TAG_BASE = 64,     /* a base follows */
    TAG_PATCHES = 128, /* patches follow */
    TAG_REST = 255,
    PLACE_EXPLICIT = 128,
    WIDTH_DIRECT = 56,  /* a packed value and its shift fit one 64-bit load */
    WIDTH_PATCHED = 62, /* the widest that may have patches */
    LENGTHS = 65,       /* bit lengths 0..64 */
    NEGATIVE = 72,      /* where the negatives' counts begin in struct lengths */
    LANES = 4,
    LANES_WORTH = 48,
    HEAD_BYTES_MAX = 11,
    PATCH_BYTES_MAX = 11,
};

static_assert((int)INTS_BLOCK <= (int)PLACE_EXPLICIT, "a place fits 7 bits");

/* How many values have which bit length, as differences to a base.  A negative
 * difference counts under the length of its complement. */
struct lengths {
    uint8_t at[2 * NEGATIVE];
    uint64_t positive, negative; /* bit i: length i occurs */
};

static unsigned bit_length(uint64_t x)
{
    return x ? 64 - (unsigned)__builtin_clzll(x) : 0;
}

static unsigned varint_bytes(uint64_t x)
{
    return (bit_length(x | 1) + 6) / 7;
}

static unsigned packed_bytes(unsigned n, unsigned width)
{
    if (width <= WIDTH_DIRECT)
        return (n * width + 7) / 8;
    return 4 * n + (n * (width - 32) + 7) / 8;
}

/* Bytes of a patch whose difference is `over` bits longer than the width.  A
 * positive high part of one bit is 1 and needs no value. */
static unsigned patch_bytes(unsigned over, bool is_negative)
{
    if (over == 1 && !is_negative)
        return 1;
    return 1 + (over + 1 + 6) / 7;
}

/* ---- planning ---------------------------------------------------------------- */

/* Four tables take turns, so that equal neighbours do not wait for each other's
 * increments; a short column is done before four were added up. */
static void lengths_count(struct lengths *out, const int64_t *v, unsigned n, uint64_t base)
{
    uint8_t lanes[LANES][2 * NEGATIVE];
    uint64_t seen[2] = {0};
    unsigned turns = n < LANES_WORTH ? 1 : LANES;
    memset(lanes, 0, turns * sizeof lanes[0]);
    for (unsigned i = 0; i < n; i++) {
        uint64_t x = (uint64_t)v[i] - base; /* wraps */
        unsigned is_negative = (unsigned)(x >> 63);
        x ^= 0 - (uint64_t)is_negative;
        unsigned length = 64 - (unsigned)__builtin_clzll(x | 1) - (x == 0);
        lanes[i & (turns - 1)][length + is_negative * NEGATIVE]++;
        seen[is_negative] |= UINT64_C(1) << length;
    }
    if (turns == 1)
        memcpy(out->at, lanes[0], sizeof out->at);
    for (unsigned i = 0; turns > 1 && i < sizeof out->at; i++)
        out->at[i] = (uint8_t)(lanes[0][i] + lanes[1][i] + lanes[2][i] + lanes[3][i]);
    out->positive = seen[0];
    out->negative = seen[1];
}

static unsigned highest(uint64_t set)
{
    return 63 - (unsigned)__builtin_clzll(set);
}

static size_t patches_cost(const struct lengths *lengths, unsigned width)
{
    size_t bytes = 0;
    for (uint64_t left = lengths->positive >> width >> 1; left; left &= left - 1) {
        unsigned over = 1 + (unsigned)__builtin_ctzll(left);
        bytes += (size_t)lengths->at[width + over] * patch_bytes(over, false);
    }
    for (uint64_t left = lengths->negative; left; left &= left - 1) {
        unsigned length = (unsigned)__builtin_ctzll(left);
        unsigned over = length > width ? length - width : 0;
        bytes += (size_t)lengths->at[NEGATIVE + length] * patch_bytes(over, true);
    }
    return bytes;
}

static unsigned negatives_count(const struct lengths *lengths)
{
    unsigned count = 0;
    for (uint64_t left = lengths->negative; left; left &= left - 1)
        count += lengths->at[NEGATIVE + (unsigned)__builtin_ctzll(left)];
    return count;
}

/* Tries every width with the base and keeps in *best what beats it. */
static void frame_try(struct ints_frame *best, const int64_t *v, unsigned n, uint64_t base)
{
    struct lengths lengths;
    lengths_count(&lengths, v, n, base);
    unsigned head = 1 + (base ? varint_bytes(zigzag((int64_t)base)) : 0);
    unsigned patches = negatives_count(&lengths);
    unsigned width = lengths.positive ? highest(lengths.positive) : 0;
    if (width > WIDTH_PATCHED) {
        patches += lengths.at[width];
        width = WIDTH_PATCHED;
    }
    /* A narrower frame has no fewer patches, of a byte or more each. */
    while (head + patches < best->bytes) {
        size_t bytes = head + packed_bytes(n, width) + (patches > 0);
        if (patches && bytes + patches < best->bytes) /* a patch is a byte at least */
            bytes += patches_cost(&lengths, width);
        else
            bytes += patches;
        if (bytes < best->bytes)
            *best = (struct ints_frame){base, (uint8_t)width, (uint8_t)patches, (uint16_t)bytes};
        if (width == 0)
            break;
        patches += lengths.at[width--];
    }
}

struct extent {
    int64_t min, max;
    int64_t min_positive; /* the least that is not negative; INT64_MAX: none */
    unsigned negatives;
};

static struct extent extent_of(const int64_t *v, unsigned n)
{
    struct extent e = {.min = INT64_MAX, .max = INT64_MIN, .min_positive = INT64_MAX};
    for (unsigned i = 0; i < n; i++) {
        int64_t x = v[i];
        e.min = x < e.min ? x : e.min;
        e.max = x > e.max ? x : e.max;
        int64_t positive = x < 0 ? INT64_MAX : x;
        e.min_positive = positive < e.min_positive ? positive : e.min_positive;
        e.negatives += x < 0;
    }
    return e;
}

/* The base for values that scatter around 0: minus the least power of two that
 * is above the magnitude of fifteen in sixteen. */
static uint64_t centred_base(const int64_t *v, unsigned n)
{
    struct lengths lengths;
    lengths_count(&lengths, v, n, 0);
    unsigned within = 0, length = 0;
    for (; length < 63; length++) {
        within += lengths.at[length] + lengths.at[NEGATIVE + length];
        if (within * 16 >= n * 15)
            break;
    }
    return 0 - (UINT64_C(1) << length);
}

static struct ints_frame frame_plan(const int64_t *v, unsigned n)
{
    struct extent e = extent_of(v, n);
    uint64_t base = (uint64_t)e.min;
    if (e.min == e.max) {
        unsigned bytes = 1 + (base ? varint_bytes(zigzag(e.min)) : 0);
        return (struct ints_frame){.base = base, .bytes = (uint16_t)bytes};
    }
    struct ints_frame best = {.width = 64, .bytes = (uint16_t)(1 + packed_bytes(n, 64))};
    uint64_t range = (uint64_t)e.max - base;
    if (e.min > 0 && bit_length(range) == bit_length((uint64_t)e.max))
        base = 0; /* the same width, and no base to write */
    frame_try(&best, v, n, base);
    if (e.negatives == 0)
        return best;
    if (e.negatives * 16 <= n)
        frame_try(&best, v, n, (uint64_t)e.min_positive);
    else
        frame_try(&best, v, n, centred_base(v, n));
    return best;
}

/* Where the run of equal values at the end begins. */
static uint32_t tail_start(const int64_t *v, uint32_t n)
{
    uint32_t start = n;
    while (start > 0 && v[start - 1] == v[n - 1])
        start--;
    return start;
}

/* Whether the values from here to the end go into one REST. */
static bool is_rest(uint32_t at, uint32_t n, uint32_t tail)
{
    return at >= tail && n - at > INTS_BLOCK;
}

static unsigned block_count(uint32_t at, uint32_t n)
{
    return n - at < INTS_BLOCK ? n - at : INTS_BLOCK;
}

size_t ints_cost(const int64_t *v, uint32_t n)
{
    size_t bytes = 0;
    uint32_t tail = tail_start(v, n);
    for (uint32_t at = 0; at < n; at += INTS_BLOCK) {
        if (is_rest(at, n, tail))
            return bytes + 1 + varint_bytes(zigzag(v[at]));
        bytes += frame_plan(v + at, block_count(at, n)).bytes;
    }
    return bytes;
}

void ints_plan(const int64_t *v, uint32_t n, struct ints_plan *out)
{
    ASSERT(n <= INTS_PLAN_MAX);
    uint32_t tail = tail_start(v, n), at = 0;
    out->n = n;
    out->bytes = out->frame_count = 0;
    for (; at < n && !is_rest(at, n, tail); at += INTS_BLOCK) {
        struct ints_frame frame = frame_plan(v + at, block_count(at, n));
        out->frames[out->frame_count++] = frame;
        out->bytes += frame.bytes;
    }
    if (at < n)
        out->bytes += 1 + varint_bytes(zigzag(v[at]));
}

/* ---- writing ------------------------------------------------------------------- */

static void put64(uint8_t *out, uint64_t word)
{
    memcpy(out, &word, sizeof word);
}

/* Packs the width bits from `skip` on of each difference; may write 8 bytes past
 * the end, which it returns. */
static uint8_t *pack(uint8_t *out, const int64_t *v, unsigned n, uint64_t base, unsigned skip,
                     unsigned width)
{
    if (width == 0)
        return out;
    uint64_t mask = UINT64_MAX >> (64 - width), word = 0;
    unsigned fill = 0;
    for (unsigned i = 0; i < n; i++) {
        uint64_t x = (((uint64_t)v[i] - base) >> skip) & mask;
        word |= x << fill;
        fill += width;
        if (fill >= 64) {
            put64(out, word);
            out += 8;
            fill -= 64;
            word = x >> (width - fill);
        }
    }
    put64(out, word);
    return out + (fill + 7) / 8;
}

static uint8_t *put_low32(uint8_t *out, const int64_t *v, unsigned n, uint64_t base)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t low = (uint32_t)((uint64_t)v[i] - base);
        memcpy(out + (size_t)4 * i, &low, sizeof low);
    }
    return out + (size_t)4 * n;
}

static uint8_t *put_patches(uint8_t *out, const int64_t *v, unsigned n,
                            const struct ints_frame *frame)
{
    *out++ = (uint8_t)frame->patches;
    for (unsigned i = 0; i < n; i++) {
        int64_t high = (int64_t)((uint64_t)v[i] - frame->base) >> frame->width;
        if (high == 0)
            continue;
        if (high == 1) {
            *out++ = (uint8_t)i;
            continue;
        }
        *out++ = (uint8_t)(i | PLACE_EXPLICIT);
        out += uvarint_encode(zigzag(high), out);
    }
    return out;
}

static void block_encode(const int64_t *v, unsigned n, struct ints_frame frame, struct writer *out)
{
    uint8_t *start = writer_reserve(out, HEAD_BYTES_MAX + INTS_BLOCK * (8 + PATCH_BYTES_MAX) + 16);
    uint8_t *at = start;
    unsigned code = frame.width == 64 ? WIDTH_CODE : frame.width;
    *at++ = (uint8_t)(code | (frame.base ? TAG_BASE : 0) | (frame.patches ? TAG_PATCHES : 0));
    if (frame.base)
        at += uvarint_encode(zigzag((int64_t)frame.base), at);
    if (frame.width > WIDTH_DIRECT) {
        at = put_low32(at, v, n, frame.base);
        at = pack(at, v, n, frame.base, 32, frame.width - 32);
    } else {
        at = pack(at, v, n, frame.base, 0, frame.width);
    }
    if (frame.patches)
        at = put_patches(at, v, n, &frame);
    ASSERT((size_t)(at - start) == frame.bytes);
    out->len += frame.bytes;
}

static void rest_encode(int64_t value, struct writer *out)
{
    writer_u8(out, TAG_REST);
    writer_svarint(out, value);
}

void ints_encode_planned(const int64_t *v, const struct ints_plan *plan, struct writer *out)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < plan->frame_count; i++, at += INTS_BLOCK)
        block_encode(v + at, block_count(at, plan->n), plan->frames[i], out);
    if (at < plan->n)
        rest_encode(v[at], out);
}

void ints_encode(const int64_t *v, uint32_t n, struct writer *out)
{
    uint32_t tail = tail_start(v, n);
    for (uint32_t at = 0; at < n; at += INTS_BLOCK) {
        if (is_rest(at, n, tail)) {
            rest_encode(v[at], out);
            return;
        }
        unsigned count = block_count(at, n);
        block_encode(v + at, count, frame_plan(v + at, count), out);
    }
}

/* ---- reading ------------------------------------------------------------------- */

/* The packed bits of a block, with room behind for whole words to be loaded. */
struct packing {
    uint8_t at[INTS_BLOCK * 8 + 8];
};

static uint64_t load64(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static void unpack(const struct packing *p, unsigned width, uint64_t base, int64_t *v, unsigned n)
{
    uint64_t mask = width ? UINT64_MAX >> (64 - width) : 0;
    size_t bit = 0;
    for (unsigned i = 0; i < n; i++, bit += width)
        v[i] = (int64_t)(base + ((load64(p->at + (bit >> 3)) >> (bit & 7)) & mask)); /* wraps */
}

/* False when bytes are missing or bits behind the last value are set. */
static bool take_packing(struct reader *r, unsigned n, unsigned width, struct packing *out)
{
    size_t bits = (size_t)n * width, len = (bits + 7) / 8;
    struct bytes b = reader_take(r, len);
    if (r->fault)
        return false;
    if (len)
        memcpy(out->at, b.at, len);
    memset(out->at + len, 0, 8);
    return bits % 8 == 0 || out->at[len - 1] >> (bits % 8) == 0;
}

static bool wide_decode(struct reader *r, int64_t *v, unsigned n, unsigned width, uint64_t base)
{
    struct packing low, high;
    if (!take_packing(r, n, 32, &low) || !take_packing(r, n, width - 32, &high))
        return false;
    unpack(&high, width - 32, 0, v, n);
    for (unsigned i = 0; i < n; i++) {
        uint64_t word = load64(low.at + (size_t)4 * i) & UINT32_MAX;
        v[i] = (int64_t)(base + ((uint64_t)v[i] << 32 | word)); /* wraps */
    }
    return true;
}

static bool patches_decode(struct reader *r, int64_t *v, unsigned n, unsigned width)
{
    unsigned count = reader_u8(r), least = 0;
    if (count == 0)
        return false;
    for (unsigned i = 0; i < count; i++) {
        unsigned byte = reader_u8(r), place = byte & (PLACE_EXPLICIT - 1);
        int64_t high = 1;
        if (byte & PLACE_EXPLICIT) {
            high = reader_svarint(r);
            if (high == 0 || high == 1)
                return false;
        }
        if (r->fault || place < least || place >= n)
            return false;
        v[place] = (int64_t)((uint64_t)v[place] + ((uint64_t)high << width)); /* wraps */
        least = place + 1;
    }
    return true;
}

static bool block_decode(struct reader *r, uint8_t tag, int64_t *v, unsigned n)
{
    unsigned width = tag & WIDTH_CODE;
    uint64_t base = 0;
    if (width == WIDTH_CODE) {
        if (tag != WIDTH_CODE)
            return false;
        width = 64;
    }
    if (tag & TAG_BASE) {
        base = (uint64_t)reader_svarint(r);
        if (base == 0)
            return false;
    }
    if (width > WIDTH_DIRECT) {
        if (!wide_decode(r, v, n, width, base))
            return false;
    } else {
        struct packing p;
        if (!take_packing(r, n, width, &p))
            return false;
        unpack(&p, width, base, v, n);
    }
    return !(tag & TAG_PATCHES) || patches_decode(r, v, n, width);
}

static bool rest_decode(struct reader *r, int64_t *v, uint32_t n)
{
    int64_t value = reader_svarint(r);
    if (n <= INTS_BLOCK)
        return false;
    for (uint32_t i = 0; i < n; i++)
        v[i] = value;
    return true;
}

enum tsdb_status ints_decode(struct reader *r, int64_t *v, uint32_t n)
{
    for (uint32_t at = 0; at < n && !r->fault; at += INTS_BLOCK) {
        uint8_t tag = reader_u8(r);
        if (tag == TAG_REST) {
            if (!rest_decode(r, v + at, n - at))
                reader_fail(r);
            break;
        }
        if (!block_decode(r, tag, v + at, block_count(at, n)))
            reader_fail(r);
    }
    return r->fault ? TSDB_ECORRUPT : TSDB_OK;
}
