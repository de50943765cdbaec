/* oracle.h - what the differential fuzz targets share.
 *
 * An input is either taken as it is, or drives a builder that packs a message with
 * protobuf-c (so that the fuzzer starts from well-formed ones) and then damages a few
 * bytes of it.  Both decoders read the same bytes; protobuf-c, which recurses and
 * multiplies memory, only ever sees at most ORACLE_BYTES_MAX of them, nested at most
 * ORACLE_DEPTH_MAX deep.
 */
#ifndef TESTS_COLLECTOR_DECODE_ORACLE_H
#define TESTS_COLLECTOR_DECODE_ORACLE_H

#define COLLECT_MAX 5000

#include "collector/decode/pull.h"
#include "tests/collector/decode/collect.h"

#include <stdio.h>

enum { ORACLE_BYTES_MAX = 8192, ORACLE_DEPTH_MAX = 48 };

/* A stream of decisions; zeroes when it is used up. */
struct entropy {
    const uint8_t *at;
    size_t len;
};

static inline uint8_t entropy_u8(struct entropy *e)
{
    if (e->len == 0)
        return 0;
    e->len--;
    return *e->at++;
}

static inline uint64_t entropy_u64(struct entropy *e)
{
    uint64_t v = 0;
    for (unsigned n = entropy_u8(e) % 9; n > 0; n--)
        v = v << 8 | entropy_u8(e);
    return v;
}

static inline double entropy_double(struct entropy *e)
{
    static const double usual[] = {0, 1, -1, 0.1, 1e300, 5e-324};
    uint8_t pick = entropy_u8(e);
    if (pick < 200)
        return usual[pick % 6];
    uint64_t bits = entropy_u64(e);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline size_t entropy_below(struct entropy *e, size_t bound)
{
    return entropy_u8(e) % bound;
}

/* One of a few texts, so that names meet again. */
static inline char *entropy_text(struct entropy *e)
{
    static const char *const texts[] = {"",         "__name__", "job", "a",       "a.b",
                                        "a_b",      "le",       "x",   "total",   "By/s",
                                        "\xc3\xa9", "1",        "s",   "instance"};
    return (char *)(uintptr_t)texts[entropy_u8(e) % (sizeof texts / sizeof texts[0])];
}

/* What the builders allocate: all freed by the next reset. */
static inline struct arena *oracle_arena(void)
{
    static struct arena arena = {.limit = (size_t)64 << 20};
    return &arena;
}

#define ORACLE_NEW(type) ARENA_ARRAY(oracle_arena(), type, 1)
#define ORACLE_ARRAY(type, n) ARENA_ARRAY(oracle_arena(), type, n)

/* Damages up to three bytes. */
static inline void oracle_damage(struct entropy *e, uint8_t *at, size_t len)
{
    for (size_t n = entropy_below(e, 4); n > 0 && len > 0; n--)
        at[entropy_u64(e) % len] = entropy_u8(e);
}

/* Deepest nesting if every sized field that looks like a message is one. */
static inline unsigned oracle_depth(struct bytes in, unsigned limit)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    unsigned deepest = 0;
    if (limit == 0)
        return 1;
    while (pull_next(&p, &f)) {
        if (f.wire != PULL_SIZED)
            continue;
        unsigned depth = oracle_depth(f.bytes, limit - 1);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

/* protobuf-c takes field number 0 when its tag is written overlong; nobody else does. */
static inline bool oracle_has_zero_tag(struct bytes in)
{
    for (size_t i = 0; i + 1 < in.len; i++) {
        if ((in.at[i] & 0xf8) != 0x80)
            continue;
        size_t k = i + 1;
        while (k < in.len && in.at[k] == 0x80)
            k++;
        if (k < in.len && in.at[k] == 0)
            return true;
    }
    return false;
}

/* protobuf-c drops the bits of a tag beyond 32, so it may take what has none of our
 * fields.  True where some varint is that long: it need not be a tag, so ask only when
 * the two disagree. */
static inline bool oracle_has_long_varint(struct bytes in)
{
    unsigned run = 0;
    for (size_t i = 0; i < in.len; i++) {
        if (run >= 4 && (in.at[i] & 0x70))
            return true;
        run = in.at[i] & 0x80 ? run + 1 : 0;
    }
    return false;
}

static inline bool oracle_may_see(struct bytes in)
{
    return !oracle_has_zero_tag(in) && in.len <= ORACLE_BYTES_MAX &&
           oracle_depth(in, ORACLE_DEPTH_MAX) < ORACLE_DEPTH_MAX;
}

/* The same lines, whatever their order. */
static inline void oracle_compare(struct collect *got, struct collect *want)
{
    collect_sort(got);
    collect_sort(want);
    uint32_t n = got->count < want->count ? got->count : want->count;
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(got->lines[i], want->lines[i]) == 0)
            continue;
        fprintf(stderr, "got  %s\nwant %s\n", got->lines[i], want->lines[i]);
        ASSERT(!"the decoders read different things");
    }
    if (got->count != want->count)
        fprintf(stderr, "got %u lines, want %u; first beyond: %s\n", got->count, want->count,
                got->count > n ? got->lines[n] : want->lines[n]);
    ASSERT(got->count == want->count);
}

#endif
