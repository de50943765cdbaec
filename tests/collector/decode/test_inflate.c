/* T16: every coding round trips, and none produces more than it may. */
#include "collector/decode/inflate.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

static struct budget budget;
static struct tsdb_error err;

static void set_up(void)
{
    budget_init(&budget, (uint64_t)512 << 20, NULL);
}

TestSuite(inflate, .init = set_up);

static struct bytes zlib_pack(struct bytes in, int bits)
{
    z_stream z = {0};
    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t cap = deflateBound(&z, in.len) + 64;
    uint8_t *at = mem_alloc(cap);
    z.next_in = (uint8_t *)(uintptr_t)in.at;
    z.avail_in = (unsigned)in.len;
    z.next_out = at;
    z.avail_out = (unsigned)cap;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    struct bytes out = {at, z.total_out};
    deflateEnd(&z);
    return out;
}

enum packing { GZIP, ZLIB, RAW, ZSTD, SNAPPY, LZ4, PACKINGS };

static const enum inflate_coding codings[] = {INFLATE_GZIP, INFLATE_DEFLATE, INFLATE_DEFLATE,
                                              INFLATE_ZSTD, INFLATE_SNAPPY,  INFLATE_LZ4};

static struct bytes pack(enum packing packing, struct bytes in)
{
    if (packing <= RAW)
        return zlib_pack(in, packing == GZIP ? 31 : packing == ZLIB ? 15 : -15);
    size_t cap = in.len + in.len / 4 + 4096, n = cap;
    uint8_t *at = mem_alloc(cap);
    if (packing == ZSTD)
        n = ZSTD_compress(at, cap, in.at, in.len, 3);
    else if (packing == SNAPPY)
        cr_assert_eq(snappy_compress((const char *)in.at, in.len, (char *)at, &n), SNAPPY_OK);
    else
        n = LZ4F_compressFrame(at, cap, in.at, in.len, NULL);
    return (struct bytes){at, n};
}

static void drop(struct bytes b)
{
    mem_free((uint8_t *)(uintptr_t)b.at);
}

static enum tsdb_status run(enum inflate_coding coding, struct bytes in,
                            const struct inflate_limits *limits, struct payload *out)
{
    payload_init(out, limits->bytes_max + 1, &budget);
    return inflate_body(coding, in, limits, out, &err);
}

static struct bytes sample(size_t len, bool is_random)
{
    struct random r;
    random_init(&r, 7);
    uint8_t *at = mem_alloc(len);
    for (size_t i = 0; i < len; i++)
        at[i] = is_random ? (uint8_t)random_next(&r) : (uint8_t)(i / 100);
    return (struct bytes){at, len};
}

Test(inflate, every_coding_round_trips)
{
    static const size_t sizes[] = {0, 1, 100, 16384, 16385, 300000};
    static const struct inflate_limits limits = {.bytes_max = 1 << 20};
    for (int p = 0; p < PACKINGS; p++) {
        for (size_t i = 0; i < 12; i++) {
            struct bytes plain = sample(sizes[i / 2], i % 2);
            struct bytes packed = pack((enum packing)p, plain);
            struct payload out;
            cr_assert_eq(run(codings[p], packed, &limits, &out), TSDB_OK, "%d %zu: %s", p,
                         plain.len, err.msg);
            cr_assert_eq(out.len, plain.len);
            cr_assert(plain.len == 0 || memcmp(out.at, plain.at, plain.len) == 0);
            payload_release(&out);
            cr_assert_eq(budget_used(&budget), 0);
            drop(plain);
            drop(packed);
        }
    }
}

Test(inflate, the_limit_is_exact)
{
    for (int p = 0; p < PACKINGS; p++) {
        for (size_t max = 49999; max <= 50000; max++) {
            struct bytes plain = sample(50000, false), packed = pack((enum packing)p, plain);
            struct inflate_limits limits = {.bytes_max = max};
            struct payload out;
            cr_assert_eq(run(codings[p], packed, &limits, &out),
                         max == 50000 ? TSDB_OK : TSDB_EINVAL, "%d: %zu", p, max);
            payload_release(&out);
            drop(plain);
            drop(packed);
        }
    }
}

/* A body of zeroes: memory must stay near the limit, whatever the coding claims. */
Test(inflate, bombs_stop_at_the_limit)
{
    static const struct inflate_limits limits = {.bytes_max = 1 << 20};
    struct bytes zeroes = {mem_array(64 << 20, 1), 64 << 20};
    for (int p = 0; p < PACKINGS; p++) {
        struct bytes packed = pack((enum packing)p, zeroes);
        struct payload out;
        budget_init(&budget, 16 << 20, NULL);
        cr_assert_eq(run(codings[p], packed, &limits, &out), TSDB_EINVAL, "%d: %s", p, err.msg);
        cr_assert_leq(out.cap, (1 << 20) + 1);
        payload_release(&out);
        cr_assert_eq(budget_used(&budget), 0);
        drop(packed);
    }
    drop(zeroes);
}

Test(inflate, ratio_is_limited_beyond_what_is_free)
{
    struct inflate_limits limits = {.bytes_max = 1 << 26, .ratio_max = 200, .ratio_free = 1 << 20};
    struct bytes zeroes = {mem_array(4 << 20, 1), 4 << 20};
    struct bytes packed = pack(ZSTD, zeroes);
    struct payload out;
    cr_assert_eq(run(INFLATE_ZSTD, packed, &limits, &out), TSDB_EINVAL);
    cr_assert_leq(out.len, 2 << 20);
    payload_release(&out);
    limits.ratio_free = 8 << 20;
    cr_assert_eq(run(INFLATE_ZSTD, packed, &limits, &out), TSDB_OK);
    payload_release(&out);
    drop(zeroes);
    drop(packed);
}

Test(inflate, memory_is_paid_for_or_refused)
{
    struct inflate_limits limits = {.bytes_max = 64 << 20};
    for (int p = 0; p < PACKINGS; p++) {
        struct bytes plain = sample(10 << 20, false), packed = pack((enum packing)p, plain);
        struct payload out;
        budget_init(&budget, 3 << 20, NULL);
        cr_assert_eq(run(codings[p], packed, &limits, &out), TSDB_ELIMIT, "%d: %s", p, err.msg);
        payload_release(&out);
        cr_assert_eq(budget_used(&budget), 0);
        drop(plain);
        drop(packed);
    }
}

/* Twelve bytes that claim four gigabytes: nothing may be allocated for the claim. */
Test(inflate, snappy_claims_are_not_believed)
{
    static const uint8_t claim[] = {0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t modest[] = {0xff, 0xff, 0x3f, 0, 0, 0};
    struct inflate_limits limits = {.bytes_max = 32 << 20};
    struct payload out;
    cr_assert_eq(run(INFLATE_SNAPPY, (struct bytes){claim, sizeof claim}, &limits, &out),
                 TSDB_EINVAL);
    cr_assert_eq(out.cap, 0);
    payload_release(&out);
    cr_assert_eq(run(INFLATE_SNAPPY, (struct bytes){modest, sizeof modest}, &limits, &out),
                 TSDB_ECORRUPT);
    cr_assert_eq(out.cap, 0);
    payload_release(&out);
}

Test(inflate, every_truncation_and_trailing_byte_is_refused)
{
    static const struct inflate_limits limits = {.bytes_max = 1 << 20};
    struct bytes plain = sample(2000, true);
    for (int p = 0; p < PACKINGS; p++) {
        struct bytes packed = pack((enum packing)p, plain);
        for (size_t cut = 0; cut < packed.len; cut += 1 + packed.len / 97) {
            struct payload out;
            enum tsdb_status st = run(codings[p], (struct bytes){packed.at, cut}, &limits, &out);
            cr_assert_neq(st, TSDB_OK, "%d cut at %zu", p, cut);
            payload_release(&out);
        }
        uint8_t *longer = mem_alloc(packed.len + 1);
        memcpy(longer, packed.at, packed.len);
        longer[packed.len] = 0x55;
        struct payload out;
        cr_assert_neq(run(codings[p], (struct bytes){longer, packed.len + 1}, &limits, &out),
                      TSDB_OK, "%d with a byte more", p);
        payload_release(&out);
        mem_free(longer);
        drop(packed);
    }
    drop(plain);
}

Test(inflate, gzip_may_have_members)
{
    static const struct inflate_limits limits = {.bytes_max = 1 << 20};
    struct bytes a = pack(GZIP, (struct bytes){(const uint8_t *)"one", 3});
    uint8_t twice[128];
    memcpy(twice, a.at, a.len);
    memcpy(twice + a.len, a.at, a.len);
    struct payload out;
    cr_assert_eq(run(INFLATE_GZIP, (struct bytes){twice, 2 * a.len}, &limits, &out), TSDB_OK);
    cr_assert(out.len == 6 && memcmp(out.at, "oneone", 6) == 0);
    payload_release(&out);
    drop(a);
}

Test(inflate, codings_by_name)
{
    cr_assert_eq(inflate_coding_of(text_of("")), INFLATE_IDENTITY);
    cr_assert_eq(inflate_coding_of(text_of(" GZip ")), INFLATE_GZIP);
    cr_assert_eq(inflate_coding_of(text_of("zlib")), INFLATE_DEFLATE);
    cr_assert_eq(inflate_coding_of(text_of("zstd")), INFLATE_ZSTD);
    cr_assert_eq(inflate_coding_of(text_of("gzip, gzip")), INFLATE_UNKNOWN, "a chain");
    cr_assert_eq(inflate_coding_of(text_of("br")), INFLATE_UNKNOWN);
}
