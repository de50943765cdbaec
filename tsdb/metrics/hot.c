#include "tsdb/metrics/hot.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/writer.h"
#include "tsdb/codec/histograms.h"
#include "tsdb/metrics/samples.h"

#include <string.h>

enum time_form { TIME_STEADY = 0, TIME_STEP_NS, TIME_STEP_MS, TIME_MS, TIME_NS };
enum value_form { VALUE_SAME = 0, VALUE_DELTA, VALUE_XOR };

/* Integers that doubles hold exactly, with room for a difference of two. */
static const double WHOLE_MAX = 0x1p52;

static size_t encode_time(struct hot_tail *tail, bool is_first, int64_t ts, uint8_t *out,
                          enum time_form *form)
{
    uint64_t step = (uint64_t)ts - (uint64_t)tail->ts; /* wraps */
    uint64_t change = step - (uint64_t)tail->step;     /* wraps */
    tail->ts = ts;
    if (is_first) {
        tail->step = 0;
        if (ts % NS_PER_MS != 0) {
            *form = TIME_NS;
            memcpy(out, &ts, sizeof ts);
            return sizeof ts;
        }
        *form = TIME_MS;
        return uvarint_encode(zigzag(ts / NS_PER_MS), out);
    }
    tail->step = (int64_t)step;
    if (change == 0) {
        *form = TIME_STEADY;
        return 0;
    }
    if ((int64_t)change % NS_PER_MS == 0) {
        *form = TIME_STEP_MS;
        return uvarint_encode(zigzag((int64_t)change / NS_PER_MS), out);
    }
    *form = TIME_STEP_NS;
    return uvarint_encode(zigzag((int64_t)change), out);
}

static bool whole_of(uint64_t bits, int64_t *out)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    if (!(v > -WHOLE_MAX && v < WHOLE_MAX))
        return false;
    *out = (int64_t)v;
    double back = (double)*out;
    return memcmp(&back, &v, sizeof v) == 0; /* refuses -0 as well */
}

/* Forms of (kept, trailing), row by trailing 0..4: 2..9, 10..16, 17..22, 23..27, 28..31. */
static const uint8_t xor_form_base[5] = {2, 10, 17, 23, 28};

static size_t encode_xor(uint64_t x, uint8_t *out, uint8_t *form)
{
    unsigned trailing = (unsigned)__builtin_ctzll(x) / 8;
    if (trailing > 4)
        trailing = 4;
    x >>= 8 * trailing;
    unsigned kept = 8 - (unsigned)__builtin_clzll(x) / 8;
    *form = (uint8_t)(xor_form_base[trailing] + kept - 1);
    memcpy(out, &x, sizeof x); /* HOT_SAMPLE_BYTES_MAX leaves room for all 8 */
    return kept;
}

static size_t encode_value(struct hot_tail *tail, uint64_t bits, uint8_t *out, uint8_t *form)
{
    uint64_t before = tail->bits;
    tail->bits = bits;
    if (bits == before) {
        *form = VALUE_SAME;
        return 0;
    }
    int64_t a, b;
    if (whole_of(before, &a) && whole_of(bits, &b)) {
        *form = VALUE_DELTA;
        return uvarint_encode(zigzag(b - a), out);
    }
    return encode_xor(bits ^ before, out, form);
}

static size_t block_bytes(size_t cap)
{
    return sizeof(struct hot) + cap;
}

/* The allocator's size classes: 4 steps a doubling from 64 on. */
static size_t cap_for(size_t want)
{
    static const uint16_t sizes[] = {32,
                                     48,
                                     64,
                                     80,
                                     96,
                                     112,
                                     128,
                                     160,
                                     192,
                                     224,
                                     256,
                                     320,
                                     384,
                                     448,
                                     512,
                                     640,
                                     768,
                                     896,
                                     HOT_BLOCK_BYTES_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (sizes[i] >= block_bytes(want))
            return sizes[i] - sizeof(struct hot);
    return (want + 255) / 256 * 256;
}

/* A block with room for `want` more bytes; sets *grown to the bytes it cost. */
static struct hot *room_for(struct hot **head, uint16_t generation, bool is_histogram, size_t want,
                            size_t *grown)
{
    struct hot *h = *head;
    bool is_open = h && h->generation == generation && h->is_histogram == is_histogram &&
                   h->count < HOT_COUNT_MAX;
    size_t limit = is_histogram ? HOT_HISTOGRAM_BYTES_MAX : HOT_BLOCK_BYTES_MAX;
    if (is_open && h->cap - h->len >= (int)want)
        return h;
    if (is_open && block_bytes(h->len + want) <= limit) {
        size_t cap = cap_for(h->len + want);
        *grown += cap - h->cap;
        h = mem_grow(h, block_bytes(cap), 1);
        h->cap = (uint16_t)cap;
        *head = h;
        return h;
    }
    size_t cap = cap_for(want);
    h = mem_alloc(block_bytes(cap));
    *h = (struct hot){.older = *head,
                      .generation = generation,
                      .cap = (uint16_t)cap,
                      .is_histogram = is_histogram};
    *head = h;
    *grown += block_bytes(cap);
    return h;
}

/* Whether a sample appended now opens a block. */
static bool opens_block(const struct hot *h, uint16_t generation, bool is_histogram, size_t want)
{
    if (!h || h->generation != generation || h->is_histogram != is_histogram ||
        h->count >= HOT_COUNT_MAX)
        return true;
    size_t limit = is_histogram ? HOT_HISTOGRAM_BYTES_MAX : HOT_BLOCK_BYTES_MAX;
    return h->cap - h->len < (int)want && block_bytes(h->len + want) > limit;
}

size_t hot_append(struct hot **head, uint16_t generation, struct hot_tail *tail, int64_t ts,
                  uint64_t bits)
{
    uint8_t sample[32];
    bool is_first = opens_block(*head, generation, false, HOT_SAMPLE_BYTES_MAX);
    bool is_late = *head && ts < tail->ts;
    if (is_first)
        tail->bits = 0;
    enum time_form time_form;
    uint8_t value_form;
    size_t n = 1 + encode_time(tail, is_first, ts, sample + 1, &time_form);
    n += encode_value(tail, bits, sample + n, &value_form);
    sample[0] = (uint8_t)((unsigned)time_form << 5 | value_form);
    ASSERT(n <= HOT_SAMPLE_BYTES_MAX);

    size_t grown = 0;
    struct hot *h = *head;
    if (is_first || h->cap - h->len < (int)n)
        h = room_for(head, generation, false, is_first ? HOT_SAMPLE_BYTES_MAX : n, &grown);
    memcpy(h->bytes + h->len, sample, n);
    h->len = (uint16_t)(h->len + n);
    h->count++;
    h->is_unsorted |= is_late;
    return grown;
}

size_t hot_append_histogram(struct hot **head, uint16_t generation, struct hot_tail *tail,
                            int64_t ts, struct bytes encoded)
{
    ASSERT(encoded.len <= HOT_HISTOGRAM_BYTES_MAX);
    size_t want = HOT_SAMPLE_BYTES_MAX + encoded.len;
    bool is_first = opens_block(*head, generation, true, want);
    bool is_late = *head && ts < tail->ts;
    size_t grown = 0;
    struct hot *h = room_for(head, generation, true, want, &grown);
    uint8_t *at = h->bytes + h->len;
    enum time_form time_form;
    size_t n = 1 + encode_time(tail, is_first, ts, at + 1, &time_form);
    at[0] = (uint8_t)((unsigned)time_form << 5);
    n += uvarint_encode(encoded.len, at + n);
    memcpy(at + n, encoded.at, encoded.len);
    h->len = (uint16_t)(h->len + n + encoded.len);
    h->count++;
    h->is_unsorted |= is_late;
    return grown;
}

static int64_t decode_time(struct reader *r, enum time_form form, struct hot_tail *tail)
{
    uint64_t step = (uint64_t)tail->step;
    switch (form) {
    case TIME_STEADY: break;
    case TIME_STEP_NS: step += (uint64_t)reader_svarint(r); break;                       /* wraps */
    case TIME_STEP_MS: step += (uint64_t)reader_svarint(r) * (uint64_t)NS_PER_MS; break; /* wraps */
    case TIME_MS:
        tail->ts = (int64_t)((uint64_t)reader_svarint(r) * (uint64_t)NS_PER_MS);
        tail->step = 0;
        return tail->ts;
    case TIME_NS:
        tail->ts = (int64_t)reader_le64(r);
        tail->step = 0;
        return tail->ts;
    default: reader_fail(r); return 0;
    }
    tail->step = (int64_t)step;
    tail->ts = (int64_t)((uint64_t)tail->ts + step);
    return tail->ts;
}

static uint64_t decode_value(struct reader *r, unsigned form, struct hot_tail *tail)
{
    if (form == VALUE_DELTA) {
        int64_t before = 0;
        (void)whole_of(tail->bits, &before);
        double v = (double)(before + reader_svarint(r));
        memcpy(&tail->bits, &v, sizeof v);
    } else if (form >= VALUE_XOR) {
        unsigned trailing = 4;
        while (form < xor_form_base[trailing])
            trailing--;
        struct bytes kept = reader_take(r, form - xor_form_base[trailing] + 1);
        uint64_t x = 0;
        if (kept.len)
            memcpy(&x, kept.at, kept.len);
        tail->bits ^= x << (8 * trailing);
    }
    return tail->bits;
}

static enum tsdb_status decode_histogram(struct reader *r, int64_t ts, struct samples *out)
{
    struct reader one = reader_over(reader_sized(r));
    struct tsdb_histogram *h = ARENA_ARRAY(&out->arena, struct tsdb_histogram, 1);
    if (!h)
        return TSDB_ELIMIT;
    enum tsdb_status st = histogram_decode(&one, &out->arena, h);
    if (st == TSDB_OK)
        samples_put_histogram(out, ts, h);
    return st;
}

/* ---- the quick way: while a sample cannot reach beyond the block ------------------- */

/* Bytes that the quick way may look at for one sample: control, two varints of 10. */
enum { QUICK_BYTES = 24 };

static inline uint64_t quick_le64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* A varint of at most 8 bytes without a branch on its length; longer ones by the loop. */
static inline uint64_t quick_uvarint(const uint8_t **at)
{
    uint64_t v = quick_le64(*at), ends = ~v & UINT64_C(0x8080808080808080);
    if (ends) {
        *at += __builtin_ctzll(ends) / 8 + 1;
        v &= ends ^ (ends - 1); /* up to the last bit of the last byte */
        v = (v & UINT64_C(0x007f007f007f007f)) | (v & UINT64_C(0x7f007f007f007f00)) >> 1;
        v = (v & UINT64_C(0x00003fff00003fff)) | (v & UINT64_C(0x3fff00003fff0000)) >> 2;
        return (v & UINT64_C(0x0fffffff)) | (v & UINT64_C(0x0fffffff00000000)) >> 4;
    }
    struct reader r = reader_over((struct bytes){*at, 10});
    v = reader_uvarint(&r);
    *at += 10 - r.rest.len;
    return v;
}

/* By value form: bytes kept, and the bits to shift them by. */
static const uint8_t xor_kept[32] = {0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6,
                                     7, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 1, 2, 3, 4};
static const uint8_t xor_shift[32] = {0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  8,
                                      8,  8,  8,  8,  8,  8,  16, 16, 16, 16, 16,
                                      16, 24, 24, 24, 24, 24, 32, 32, 32, 32};

/* Decodes samples of `block` to out until few bytes are left; r and tail then stand
 * behind the last one, or r is at fault.  Returns how many. */
static uint32_t decode_quickly(const struct hot *block, struct samples *out, struct reader *r,
                               struct hot_tail *tail)
{
    const uint8_t *at = block->bytes, *end = at + block->len;
    int64_t *ts = out->ts + out->count;
    double *values = out->values + out->count;
    int64_t whole = 0; /* the value, while is_whole */
    bool is_whole = false;
    uint32_t i = 0;
    for (; i < block->count && end - at >= QUICK_BYTES; i++) {
        unsigned control = *at++, form = control & 31u;
        if (control >> 5 != TIME_STEADY) {
            struct reader time = reader_over((struct bytes){at, (size_t)(end - at)});
            (void)decode_time(&time, control >> 5, tail);
            at = end - time.rest.len;
            if (time.fault) {
                *r = time;
                return i;
            }
        } else {
            tail->ts = (int64_t)((uint64_t)tail->ts + (uint64_t)tail->step);
        }
        if (form == VALUE_DELTA) {
            if (!is_whole && !whole_of(tail->bits, &whole))
                whole = 0;
            is_whole = true;
            whole = (int64_t)((uint64_t)whole + (uint64_t)unzigzag(quick_uvarint(&at)));
            double v = (double)whole;
            memcpy(&tail->bits, &v, sizeof v);
        } else if (form >= VALUE_XOR) {
            unsigned kept = xor_kept[form];
            tail->bits ^= (quick_le64(at) & (UINT64_MAX >> (64 - 8 * kept))) << xor_shift[form];
            at += kept;
            is_whole = false;
        }
        ts[i] = tail->ts;
        memcpy(&values[i], &tail->bits, sizeof values[i]);
    }
    *r = reader_over((struct bytes){at, (size_t)(end - at)});
    return i;
}

enum tsdb_status hot_decode(const struct hot *block, struct samples *out)
{
    struct reader r = reader_over((struct bytes){block->bytes, block->len});
    struct hot_tail tail = {0};
    samples_reserve(out, block->count);
    uint32_t i = 0;
    if (!block->is_histogram && !out->histograms)
        out->count += i = decode_quickly(block, out, &r, &tail);
    for (; i < block->count && !r.fault; i++) {
        uint8_t control = reader_u8(&r);
        int64_t ts = decode_time(&r, control >> 5, &tail);
        if (block->is_histogram) {
            enum tsdb_status st = decode_histogram(&r, ts, out);
            if (st != TSDB_OK)
                return st;
            continue;
        }
        uint64_t bits = decode_value(&r, control & 31u, &tail);
        double v;
        memcpy(&v, &bits, sizeof v);
        samples_put(out, ts, v);
    }
    return reader_done(&r) ? TSDB_OK : TSDB_ECORRUPT;
}

static int64_t first_ts(const struct hot *block)
{
    struct reader r = reader_over((struct bytes){block->bytes, block->len});
    struct hot_tail tail = {0};
    uint8_t control = reader_u8(&r);
    return decode_time(&r, control >> 5, &tail);
}

bool hot_is_outside(const struct hot *block, const struct hot *newer, int64_t start, int64_t end)
{
    if (block->is_unsorted || block->count == 0)
        return false;
    if (first_ts(block) > end)
        return true;
    return newer && !newer->is_unsorted && first_ts(newer) < start;
}

size_t hot_free(struct hot *block)
{
    size_t bytes = 0;
    while (block) {
        struct hot *older = block->older;
        bytes += block_bytes(block->cap);
        mem_free(block);
        block = older;
    }
    return bytes;
}
