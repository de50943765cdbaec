#include "tsdb/store/postings.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/writer.h"

enum shape { SHAPE_RUNS, SHAPE_BITMAP, SHAPE_BLOCKS, SHAPE_COUNT };

enum {
    WIDTH_MAX = 32,
    PACKED_MAX = ((POSTINGS_BLOCK - 1) * WIDTH_MAX + 7) / 8,
    PACKED_PAD = 8, /* a read of 64 bits may begin at the last byte */
};

/* ---- sizes --------------------------------------------------------------------- */

static size_t uvarint_bytes(uint64_t v)
{
    size_t n = 1;
    for (; v >= 0x80; v >>= 7)
        n++;
    return n;
}

/* The run that begins at index i: its length. */
static uint32_t run_length(const struct ordinals *set, uint32_t i)
{
    uint32_t n = 1;
    while (i + n < set->count && set->at[i + n] == set->at[i] + n)
        n++;
    return n;
}

static size_t runs_bytes(const struct ordinals *set, uint32_t *runs)
{
    size_t bytes = 0;
    uint32_t end = 0, count = 0;
    for (uint32_t i = 0; i < set->count; count++) {
        uint32_t n = run_length(set, i);
        bytes += uvarint_bytes(set->at[i] - end) + uvarint_bytes(n - 1);
        end = set->at[i] + n;
        i += n;
    }
    *runs = count;
    return bytes + uvarint_bytes(count);
}

static size_t bitmap_bytes(const struct ordinals *set)
{
    uint32_t base = set->at[0] / 8;
    return uvarint_bytes(base) + set->at[set->count - 1] / 8 - base + 1;
}

struct block {
    uint32_t gap, span, count;
    unsigned width;
    size_t packed; /* bytes */
};

/* The block of at most POSTINGS_BLOCK ordinals that begins at index i. */
static struct block block_at(const struct ordinals *set, uint32_t i)
{
    uint32_t left = set->count - i, widest = 0;
    struct block b = {.count = left < POSTINGS_BLOCK ? left : POSTINGS_BLOCK};
    b.gap = i ? set->at[i] - set->at[i - 1] - 1 : set->at[i];
    b.span = set->at[i + b.count - 1] - set->at[i];
    for (uint32_t k = 1; k < b.count; k++)
        widest |= set->at[i + k] - set->at[i + k - 1] - 1;
    b.width = widest ? 32 - (unsigned)__builtin_clz(widest) : 0;
    b.packed = ((size_t)(b.count - 1) * b.width + 7) / 8;
    return b;
}

static size_t blocks_bytes(const struct ordinals *set)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < set->count; i += POSTINGS_BLOCK) {
        struct block b = block_at(set, i);
        bytes += uvarint_bytes(b.gap) + uvarint_bytes(b.span) + 1 + b.packed;
    }
    return bytes;
}

/* ---- encoding ------------------------------------------------------------------ */

static void encode_few(const struct ordinals *set, struct writer *out)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        writer_uvarint(out, set->at[i] - next);
        next = set->at[i] + 1;
    }
}

static void encode_runs(const struct ordinals *set, uint32_t runs, struct writer *out)
{
    uint32_t end = 0;
    writer_uvarint(out, runs);
    for (uint32_t i = 0; i < set->count;) {
        uint32_t n = run_length(set, i);
        writer_uvarint(out, set->at[i] - end);
        writer_uvarint(out, n - 1);
        end = set->at[i] + n;
        i += n;
    }
}

static void encode_bitmap(const struct ordinals *set, struct writer *out)
{
    uint32_t base = set->at[0] / 8;
    size_t bytes = set->at[set->count - 1] / 8 - base + 1;
    writer_uvarint(out, base);
    uint8_t *bits = memset(writer_reserve(out, bytes), 0, bytes);
    for (uint32_t i = 0; i < set->count; i++)
        bits[set->at[i] / 8 - base] |= (uint8_t)(1u << set->at[i] % 8);
    out->len += bytes;
}

static void encode_blocks(const struct ordinals *set, struct writer *out)
{
    for (uint32_t i = 0; i < set->count; i += POSTINGS_BLOCK) {
        struct block b = block_at(set, i);
        writer_uvarint(out, b.gap);
        writer_uvarint(out, b.span);
        writer_u8(out, (uint8_t)b.width);
        uint64_t pending = 0;
        unsigned bits = 0;
        for (uint32_t k = 1; k < b.count; k++) {
            pending |= (uint64_t)(set->at[i + k] - set->at[i + k - 1] - 1) << bits;
            bits += b.width;
            for (; bits >= 8; bits -= 8, pending >>= 8)
                writer_u8(out, (uint8_t)pending);
        }
        if (bits > 0)
            writer_u8(out, (uint8_t)pending);
    }
}

void postings_encode(const struct ordinals *set, struct writer *out)
{
    if (set->count == 0)
        return;
    writer_uvarint(out, set->count);
    if (set->count <= POSTINGS_FEW) {
        encode_few(set, out);
        return;
    }
    uint32_t runs;
    size_t bytes[SHAPE_COUNT] = {
        [SHAPE_RUNS] = runs_bytes(set, &runs),
        [SHAPE_BITMAP] = bitmap_bytes(set),
        [SHAPE_BLOCKS] = blocks_bytes(set),
    };
    enum shape best = SHAPE_RUNS;
    for (unsigned shape = 1; shape < SHAPE_COUNT; shape++) {
        if (bytes[shape] < bytes[best])
            best = (enum shape)shape;
    }
    writer_u8(out, (uint8_t)best);
    switch (best) {
    case SHAPE_RUNS: encode_runs(set, runs, out); return;
    case SHAPE_BITMAP: encode_bitmap(set, out); return;
    case SHAPE_BLOCKS: encode_blocks(set, out); return;
    case SHAPE_COUNT: break;
    }
    UNREACHABLE();
}

/* ---- walking ------------------------------------------------------------------- */

/* A list as it is read; `next` is the smallest ordinal that may follow. */
struct walk {
    struct reader r;
    uint64_t next;
    uint32_t universe, left; /* ordinals still to come */
};

static bool walk_begin(struct walk *w, struct bytes in, uint32_t universe, enum shape *shape)
{
    *w = (struct walk){.r = reader_over(in), .universe = universe};
    uint64_t count = in.len ? reader_uvarint(&w->r) : 0;
    if (w->r.fault || count > universe || (in.len && count == 0))
        return false;
    w->left = (uint32_t)count;
    *shape = SHAPE_COUNT;
    if (count > POSTINGS_FEW)
        *shape = (enum shape)reader_u8(&w->r);
    return !w->r.fault && (unsigned)*shape <= SHAPE_COUNT;
}

/* [*first, *first + count), gap after what came before. */
static bool walk_step(struct walk *w, uint64_t gap, uint64_t count, uint32_t *first)
{
    uint64_t at = w->next + gap; /* gap < 2^32 below, so it cannot wrap */
    if (w->r.fault || gap > UINT32_MAX || count > w->universe || at > w->universe - count)
        return false;
    *first = (uint32_t)at;
    w->next = at + count;
    return true;
}

static bool walk_run(struct walk *w, bool is_first, uint32_t *first, uint32_t *count)
{
    uint64_t gap = reader_uvarint(&w->r), rest = reader_uvarint(&w->r);
    if (rest >= w->left || (gap == 0 && !is_first) || !walk_step(w, gap, rest + 1, first))
        return false;
    *count = (uint32_t)rest + 1;
    w->left -= *count;
    return true;
}

static bool walk_bitmap(struct walk *w, uint32_t *base, struct bytes *bits)
{
    uint64_t from = reader_uvarint(&w->r);
    *bits = reader_take(&w->r, w->r.rest.len);
    if (w->r.fault || bits->len == 0 || bits->len > w->universe || from > w->universe / 8 ||
        w->left > 8 * bits->len)
        return false;
    uint8_t last = bits->at[bits->len - 1];
    if (bits->at[0] == 0 || last == 0)
        return false;
    uint64_t end = 8 * (from + bits->len) - (unsigned)__builtin_clz((unsigned)last << 24);
    *base = (uint32_t)from;
    return end <= w->universe;
}

/* The head of the next block and its packed bytes. */
static bool walk_block(struct walk *w, struct block *b, uint32_t *first, struct bytes *packed)
{
    uint64_t gap = reader_uvarint(&w->r), span = reader_uvarint(&w->r);
    b->width = reader_u8(&w->r);
    b->count = w->left < POSTINGS_BLOCK ? w->left : POSTINGS_BLOCK;
    if (b->width > WIDTH_MAX || span > UINT32_MAX)
        return false;
    *packed = reader_take(&w->r, ((size_t)(b->count - 1) * b->width + 7) / 8);
    b->span = (uint32_t)span;
    w->left -= b->count;
    return walk_step(w, gap, span + 1, first);
}

static bool block_unpack(const struct block *b, uint32_t first, struct bytes packed, uint32_t *out)
{
    uint8_t padded[PACKED_MAX + PACKED_PAD];
    if (packed.len > 0)
        memcpy(padded, packed.at, packed.len);
    memset(padded + packed.len, 0, PACKED_PAD);
    uint64_t mask = ((uint64_t)1 << b->width) - 1, at = first;
    size_t bit = 0;
    out[0] = first;
    for (uint32_t k = 1; k < b->count; k++, bit += b->width) {
        uint64_t word;
        memcpy(&word, padded + bit / 8, sizeof word);
        at += (word >> bit % 8 & mask) + 1;
        out[k] = (uint32_t)at;
    }
    bool is_padding_zero = bit % 8 == 0 || padded[bit / 8] >> bit % 8 == 0;
    return at == (uint64_t)first + b->span && is_padding_zero;
}

/* ---- decoding ------------------------------------------------------------------ */

static bool decode_few(struct walk *w, struct ordinals *out)
{
    uint32_t first;
    for (; w->left > 0; w->left--) {
        if (!walk_step(w, reader_uvarint(&w->r), 1, &first))
            return false;
        ordinals_append(out, first);
    }
    return reader_done(&w->r);
}

static bool decode_runs(struct walk *w, struct ordinals *out)
{
    uint32_t runs = reader_count(&w->r, 2), first = 0, count = 0;
    for (uint32_t i = 0; i < runs; i++) {
        if (!walk_run(w, i == 0, &first, &count))
            return false;
        ordinals_append_run(out, first, count);
    }
    return w->left == 0 && reader_done(&w->r);
}

static bool decode_bitmap(struct walk *w, struct ordinals *out)
{
    uint32_t base, left = w->left;
    struct bytes bits;
    if (!walk_bitmap(w, &base, &bits))
        return false;
    ordinals_reserve(out, w->left);
    uint32_t *to = out->at + out->count;
    for (size_t i = 0; i < bits.len; i++) {
        uint32_t from = 8 * (base + (uint32_t)i);
        for (unsigned rest = bits.at[i]; rest; rest &= rest - 1) {
            if (left-- == 0)
                return false;
            *to++ = from + (uint32_t)__builtin_ctz(rest);
        }
    }
    out->count += w->left;
    return left == 0;
}

static bool decode_blocks(struct walk *w, struct ordinals *out)
{
    /* A block takes 3 bytes at least: what the bytes cannot hold is not reserved. */
    if (w->left / POSTINGS_BLOCK > w->r.rest.len / 3)
        return false;
    ordinals_reserve(out, w->left);
    while (w->left > 0) {
        struct block b;
        struct bytes packed;
        uint32_t first = 0;
        if (!walk_block(w, &b, &first, &packed) ||
            !block_unpack(&b, first, packed, out->at + out->count))
            return false;
        out->count += b.count;
    }
    return reader_done(&w->r);
}

enum tsdb_status postings_count(struct bytes in, uint32_t universe, uint32_t *out)
{
    struct walk w;
    enum shape shape;
    if (!walk_begin(&w, in, universe, &shape))
        return TSDB_ECORRUPT;
    *out = w.left;
    return TSDB_OK;
}

enum tsdb_status postings_decode(struct bytes in, uint32_t universe, struct ordinals *out)
{
    struct walk w;
    enum shape shape;
    uint32_t before = out->count;
    bool fits = false;
    if (!walk_begin(&w, in, universe, &shape))
        return TSDB_ECORRUPT;
    switch (shape) {
    case SHAPE_RUNS: fits = decode_runs(&w, out); break;
    case SHAPE_BITMAP: fits = decode_bitmap(&w, out); break;
    case SHAPE_BLOCKS: fits = decode_blocks(&w, out); break;
    case SHAPE_COUNT: fits = w.left <= POSTINGS_FEW && decode_few(&w, out); break;
    }
    if (!fits)
        out->count = before;
    return fits ? TSDB_OK : TSDB_ECORRUPT;
}

/* ---- filtering ----------------------------------------------------------------- */

/* A set that is read at `from` and rewritten at `to` <= from. */
struct sieve {
    struct ordinals *set;
    uint32_t from, to;
    bool is_kept; /* what the list has; else what it has not */
};

static void sieve_keep(struct sieve *s, uint32_t end)
{
    uint32_t n = end - s->from;
    if (n == 0)
        return;
    memmove(s->set->at + s->to, s->set->at + s->from, n * sizeof *s->set->at);
    s->to += n;
    s->from = end;
}

/* The list has nothing below the value that was not told before. */
static void sieve_miss(struct sieve *s, uint64_t below)
{
    uint32_t end = s->set->count;
    if (below <= UINT32_MAX)
        end = ordinals_seek(s->set, s->from, (uint32_t)below);
    if (s->is_kept)
        s->from = end;
    else
        sieve_keep(s, end);
}

/* The list has [first, last]. */
static void sieve_hit(struct sieve *s, uint32_t first, uint32_t last)
{
    sieve_miss(s, first);
    uint32_t end = ordinals_seek(s->set, s->from, last);
    end += end < s->set->count && s->set->at[end] == last;
    if (s->is_kept)
        sieve_keep(s, end);
    else
        s->from = end;
}

static bool sieve_is_done(const struct sieve *s)
{
    return s->from == s->set->count;
}

static bool filter_few(struct walk *w, struct sieve *s)
{
    uint32_t first = 0;
    for (; w->left > 0; w->left--) {
        if (!walk_step(w, reader_uvarint(&w->r), 1, &first))
            return false;
        sieve_hit(s, first, first);
    }
    return reader_done(&w->r);
}

static bool filter_runs(struct walk *w, struct sieve *s)
{
    uint32_t runs = reader_count(&w->r, 2), first = 0, count = 0;
    for (uint32_t i = 0; i < runs && !sieve_is_done(s); i++) {
        if (!walk_run(w, i == 0, &first, &count))
            return false;
        sieve_hit(s, first, first + (count - 1));
    }
    return !w->r.fault;
}

static bool filter_bitmap(struct walk *w, struct sieve *s)
{
    uint32_t base;
    struct bytes bits;
    if (!walk_bitmap(w, &base, &bits))
        return false;
    sieve_miss(s, (uint64_t)base * 8);
    while (!sieve_is_done(s)) {
        uint32_t at = s->set->at[s->from], byte = at / 8 - base;
        if (byte >= bits.len)
            break;
        bool is_there = bits.at[byte] >> at % 8 & 1;
        if (is_there == s->is_kept)
            s->set->at[s->to++] = at;
        s->from++;
    }
    return true;
}

static bool filter_blocks(struct walk *w, struct sieve *s)
{
    uint32_t ordinals[POSTINGS_BLOCK];
    while (w->left > 0 && !sieve_is_done(s)) {
        struct block b;
        struct bytes packed;
        uint32_t first = 0;
        if (!walk_block(w, &b, &first, &packed))
            return false;
        sieve_miss(s, first);
        if (sieve_is_done(s) || s->set->at[s->from] > first + b.span)
            continue;
        if (!block_unpack(&b, first, packed, ordinals))
            return false;
        struct ordinals block = {ordinals, b.count, POSTINGS_BLOCK};
        uint32_t k = 0;
        while (!sieve_is_done(s) && s->set->at[s->from] <= first + b.span) {
            uint32_t at = s->set->at[s->from];
            k = ordinals_seek(&block, k, at);
            bool is_there = ordinals[k] == at; /* at <= the last, so k < count */
            if (is_there == s->is_kept)
                s->set->at[s->to++] = at;
            s->from++;
        }
    }
    return true;
}

enum tsdb_status postings_filter(struct bytes in, uint32_t universe, bool is_kept,
                                 struct ordinals *a)
{
    struct walk w;
    enum shape shape;
    struct sieve s = {.set = a, .is_kept = is_kept};
    bool fits = false;
    if (!walk_begin(&w, in, universe, &shape))
        return TSDB_ECORRUPT;
    switch (shape) {
    case SHAPE_RUNS: fits = filter_runs(&w, &s); break;
    case SHAPE_BITMAP: fits = filter_bitmap(&w, &s); break;
    case SHAPE_BLOCKS: fits = filter_blocks(&w, &s); break;
    case SHAPE_COUNT: fits = w.left <= POSTINGS_FEW && filter_few(&w, &s); break;
    }
    if (!fits)
        return TSDB_ECORRUPT;
    sieve_miss(&s, UINT64_MAX);
    a->count = s.to;
    return TSDB_OK;
}
