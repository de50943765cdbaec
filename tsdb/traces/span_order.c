#include "tsdb/traces/span_order.h"

#include <string.h>

enum {
    BUCKET_BITS = 12,
    BUCKETS = 1 << BUCKET_BITS,
    INSERT_MAX = 24, /* keys; more are merged */
    DIGIT_BITS = 11,
    DIGITS = 1 << DIGIT_BITS,
};

static uint64_t load_be64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return __builtin_bswap64(v);
}

struct span_key span_key_of(const struct tsdb_span *span, uint32_t at, uint32_t entries)
{
    return (struct span_key){load_be64(span->trace_id.at),
                             load_be64(span->trace_id.at + 8),
                             span->start,
                             load_be64(span->span_id.at),
                             at,
                             entries};
}

static inline bool is_less(const struct span_key *a, const struct span_key *b)
{
    if (a->hi != b->hi)
        return a->hi < b->hi;
    if (a->lo != b->lo)
        return a->lo < b->lo;
    if (a->start != b->start)
        return a->start < b->start;
    return a->id != b->id ? a->id < b->id : a->at < b->at;
}

static void insert_sort(struct span_key *keys, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        struct span_key key = keys[i];
        uint32_t at = i;
        for (; at > 0 && is_less(&key, &keys[at - 1]); at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

static void merge(const struct span_key *in, uint32_t mid, uint32_t n, struct span_key *out)
{
    uint32_t i = 0, k = mid, at = 0;
    while (i < mid && k < n)
        out[at++] = is_less(&in[k], &in[i]) ? in[k++] : in[i++];
    memcpy(out + at, in + i, (mid - i) * sizeof *in);
    memcpy(out + at + (mid - i), in + k, (n - k) * sizeof *in);
}

/* Bottom up, from pieces that were sorted by insertion. */
static void merge_sort(struct span_key *keys, struct span_key *scratch, uint32_t n)
{
    struct span_key *in = keys, *out = scratch;
    for (uint32_t from = 0; from < n; from += INSERT_MAX)
        insert_sort(in + from, n - from < INSERT_MAX ? n - from : INSERT_MAX);
    for (uint32_t width = INSERT_MAX; width < n; width *= 2) {
        for (uint32_t from = 0; from < n; from += 2 * width) {
            uint32_t rest = n - from, mid = rest < width ? rest : width;
            merge(in + from, mid, rest < 2 * width ? rest : 2 * width, out + from);
        }
        struct span_key *turn = in;
        in = out;
        out = turn;
    }
    if (in != keys)
        memcpy(keys, in, n * sizeof *keys);
}

static void bucket_sort(struct span_key *keys, struct span_key *scratch, uint32_t n)
{
    if (n <= INSERT_MAX)
        insert_sort(keys, n);
    else
        merge_sort(keys, scratch, n);
}

/* The bits of the trace id from `shift` on; what is above them is the same in all. */
static inline uint32_t bucket_of(const struct span_key *key, unsigned shift)
{
    uint64_t bits = key->hi >> (shift & 63);
    if (shift < 64)
        bits = shift ? key->hi << (64 - shift) | key->lo >> shift : key->lo;
    else if (shift >= 128)
        bits = 0;
    return (uint32_t)bits & (BUCKETS - 1);
}

/* The lowest of the bits that tell the buckets apart. */
static unsigned bucket_shift(const struct span_key *keys, uint32_t n)
{
    uint64_t hi = 0, lo = 0;
    for (uint32_t i = 1; i < n; i++) {
        hi |= keys[i].hi ^ keys[0].hi;
        lo |= keys[i].lo ^ keys[0].lo;
    }
    unsigned top =
        hi ? 128 - (unsigned)__builtin_clzll(hi) : 64 - (lo ? (unsigned)__builtin_clzll(lo) : 64);
    return top > BUCKET_BITS ? top - BUCKET_BITS : 0;
}

void span_keys_sort(struct span_key *keys, struct span_key *scratch, uint32_t n)
{
    if (n <= INSERT_MAX) {
        insert_sort(keys, n);
        return;
    }
    uint32_t starts[BUCKETS + 1] = {0};
    unsigned shift = bucket_shift(keys, n);
    for (uint32_t i = 0; i < n; i++)
        starts[bucket_of(&keys[i], shift) + 1]++;
    for (uint32_t i = 0; i < BUCKETS; i++)
        starts[i + 1] += starts[i];
    for (uint32_t i = 0; i < n; i++)
        scratch[starts[bucket_of(&keys[i], shift)]++] = keys[i];
    for (uint32_t i = 0, from = 0; i < BUCKETS; from = starts[i++])
        bucket_sort(scratch + from, keys + from, starts[i] - from);
    memcpy(keys, scratch, n * sizeof *keys);
}

uint32_t span_hashes_sort(uint32_t *hashes, uint32_t *scratch, uint32_t n)
{
    uint32_t *in = hashes, *out = scratch, kept = 0;
    for (unsigned shift = 0; shift < 32; shift += DIGIT_BITS) {
        uint32_t starts[DIGITS] = {0};
        for (uint32_t i = 0; i < n; i++)
            starts[in[i] >> shift & (DIGITS - 1)]++;
        for (uint32_t i = 0, sum = 0; i < DIGITS; i++) {
            uint32_t count = starts[i];
            starts[i] = sum;
            sum += count;
        }
        for (uint32_t i = 0; i < n; i++)
            out[starts[in[i] >> shift & (DIGITS - 1)]++] = in[i];
        uint32_t *turn = in;
        in = out;
        out = turn;
    }
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || hashes[kept - 1] != in[i])
            hashes[kept++] = in[i];
    return kept;
}
