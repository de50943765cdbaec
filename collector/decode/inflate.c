#include "collector/decode/inflate.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <lz4frame.h>
#include <snappy-c.h>
#define ZLIB_CONST
#define ZSTD_STATIC_LINKING_ONLY
#include <zlib.h>
#include <zstd.h>

enum {
    CHUNK_BYTES = 16384,
    ZSTD_WINDOW_LOG_MAX = 23,
    SNAPPY_RATIO_MAX = 22, /* a copy of 64 bytes takes three */
    ZLIB_STATE_BYTES = 48 << 10,
    LZ4_STATE_BYTES = 9 << 20, /* two blocks of 4 MiB and the state */
};

/* One decompression under way. */
struct flow {
    struct bytes in;
    struct payload *out;
    const struct inflate_limits *limits;
    struct tsdb_error *err;
};

static struct tsdb_text trim(struct tsdb_text t)
{
    while (t.len > 0 && (t.at[0] == ' ' || t.at[0] == '\t')) {
        t.at++;
        t.len--;
    }
    while (t.len > 0 && (t.at[t.len - 1] == ' ' || t.at[t.len - 1] == '\t'))
        t.len--;
    return t;
}

static bool same_word(struct tsdb_text t, const char *word)
{
    size_t n = strlen(word);
    if (t.len != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = t.at[i];
        if ((c >= 'A' && c <= 'Z' ? (char)(c + 32) : c) != word[i])
            return false;
    }
    return true;
}

enum inflate_coding inflate_coding_of(struct tsdb_text header)
{
    static const struct {
        const char *word;
        enum inflate_coding coding;
    } table[] = {
        {"", INFLATE_IDENTITY},    {"identity", INFLATE_IDENTITY}, {"none", INFLATE_IDENTITY},
        {"gzip", INFLATE_GZIP},    {"x-gzip", INFLATE_GZIP},       {"deflate", INFLATE_DEFLATE},
        {"zlib", INFLATE_DEFLATE}, {"zstd", INFLATE_ZSTD},         {"snappy", INFLATE_SNAPPY},
        {"lz4", INFLATE_LZ4},
    };
    struct tsdb_text t = trim(header);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (same_word(t, table[i].word))
            return table[i].coding;
    return INFLATE_UNKNOWN;
}

static enum tsdb_status corrupt(struct flow *f, const char *what)
{
    return tsdb_fail(f->err, TSDB_ECORRUPT, "%s body: does not decode after %zu bytes", what,
                     f->out->len);
}

static enum tsdb_status too_large(struct flow *f)
{
    return tsdb_fail(f->err, TSDB_EINVAL, "body: more than %zu bytes once decompressed",
                     f->limits->bytes_max);
}

/* Room for more output, or why there is none. */
static enum tsdb_status room(struct flow *f, size_t want)
{
    enum tsdb_status st = payload_grow(f->out, want);
    if (st == TSDB_ELIMIT)
        return tsdb_fail(f->err, st, "body: no memory left to decompress it");
    return st == TSDB_OK ? TSDB_OK : too_large(f);
}

/* n more bytes were produced. */
static enum tsdb_status produced(struct flow *f, size_t n)
{
    f->out->len += n;
    ASSERT(f->out->len <= f->out->cap);
    if (f->out->len > f->limits->bytes_max)
        return too_large(f);
    if (f->limits->ratio_max > 0 && f->out->len > f->limits->ratio_free &&
        f->out->len / f->limits->ratio_max > f->in.len)
        return tsdb_fail(f->err, TSDB_EINVAL, "body: %zu bytes from %zu, want at most %u to 1",
                         f->out->len, f->in.len, f->limits->ratio_max);
    return TSDB_OK;
}

/* A decompressor's own memory. */
static enum tsdb_status charge(struct flow *f, size_t bytes)
{
    if (!f->out->budget || budget_charge(f->out->budget, bytes))
        return TSDB_OK;
    return tsdb_fail(f->err, TSDB_ELIMIT, "body: no memory left to decompress it");
}

static void pay_back(struct flow *f, size_t bytes)
{
    if (f->out->budget)
        budget_release(f->out->budget, bytes);
}

static uInt zlib_size(size_t n)
{
    return n > UINT32_MAX ? UINT32_MAX : (uInt)n;
}

/* gzip may be several members one after the other. */
static enum tsdb_status zlib_members(struct flow *f, z_stream *z, bool is_gzip)
{
    z->next_in = f->in.at;
    size_t left = f->in.len;
    for (;;) {
        enum tsdb_status st = room(f, CHUNK_BYTES);
        if (st != TSDB_OK)
            return st;
        size_t space = f->out->cap - f->out->len;
        z->next_out = f->out->at + f->out->len;
        z->avail_out = zlib_size(space);
        uInt gave = zlib_size(left), out_gave = z->avail_out;
        z->avail_in = gave;
        int rc = inflate(z, Z_NO_FLUSH);
        left -= gave - z->avail_in;
        st = produced(f, out_gave - z->avail_out);
        if (st != TSDB_OK)
            return st;
        if (rc == Z_STREAM_END) {
            if (left == 0)
                return TSDB_OK;
            if (!is_gzip || inflateReset(z) != Z_OK)
                return corrupt(f, "zlib");
        } else if (rc != Z_OK || (left == 0 && z->avail_out > 0)) {
            return corrupt(f, is_gzip ? "gzip" : "deflate");
        }
    }
}

static enum tsdb_status zlib_run(struct flow *f, bool is_gzip)
{
    z_stream z = {0};
    int bits = 15 + 16;
    if (!is_gzip) {
        const uint8_t *p = f->in.at; /* RFC 1950 section 2.2: CMF, FLG */
        bool has_header = f->in.len >= 2 && (p[0] & 15) == 8 && ((p[0] << 8) + p[1]) % 31 == 0;
        bits = has_header ? 15 : -15;
    }
    enum tsdb_status st = charge(f, ZLIB_STATE_BYTES);
    if (st != TSDB_OK)
        return st;
    if (inflateInit2(&z, bits) != Z_OK)
        st = tsdb_fail(f->err, TSDB_ELIMIT, "body: no memory left to decompress it");
    else
        st = zlib_members(f, &z, is_gzip);
    (void)inflateEnd(&z);
    pay_back(f, ZLIB_STATE_BYTES);
    return st;
}

static enum tsdb_status zstd_frames(struct flow *f, ZSTD_DCtx *z)
{
    ZSTD_inBuffer in = {f->in.at, f->in.len, 0};
    size_t hint = 1;
    for (;;) {
        enum tsdb_status st = room(f, CHUNK_BYTES);
        if (st != TSDB_OK)
            return st;
        ZSTD_outBuffer out = {f->out->at + f->out->len, f->out->cap - f->out->len, 0};
        hint = ZSTD_decompressStream(z, &out, &in);
        if (ZSTD_isError(hint))
            return corrupt(f, "zstd");
        st = produced(f, out.pos);
        if (st != TSDB_OK)
            return st;
        if (in.pos == in.size && (hint == 0 || out.pos < out.size))
            return hint == 0 ? TSDB_OK : corrupt(f, "zstd");
    }
}

static enum tsdb_status zstd_run(struct flow *f)
{
    ZSTD_frameHeader header;
    if (ZSTD_getFrameHeader(&header, f->in.at, f->in.len) != 0)
        return corrupt(f, "zstd");
    if (header.windowSize > (uint64_t)1 << ZSTD_WINDOW_LOG_MAX)
        return tsdb_fail(f->err, TSDB_EINVAL, "zstd body: window of %llu bytes, want at most %u",
                         header.windowSize, 1u << ZSTD_WINDOW_LOG_MAX);
    size_t own = ZSTD_estimateDStreamSize((size_t)header.windowSize);
    enum tsdb_status st = charge(f, own);
    if (st != TSDB_OK)
        return st;
    ZSTD_DCtx *z = ZSTD_createDCtx();
    if (!z || ZSTD_isError(ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX)))
        st = tsdb_fail(f->err, TSDB_ELIMIT, "body: no memory left to decompress it");
    else
        st = zstd_frames(f, z);
    (void)ZSTD_freeDCtx(z);
    pay_back(f, own);
    return st;
}

static enum tsdb_status snappy_run(struct flow *f)
{
    size_t len = 0;
    const char *in = (const char *)f->in.at;
    if (snappy_uncompressed_length(in, f->in.len, &len) != SNAPPY_OK)
        return corrupt(f, "snappy");
    if (len > f->limits->bytes_max)
        return too_large(f);
    if (len / SNAPPY_RATIO_MAX > f->in.len)
        return tsdb_fail(f->err, TSDB_ECORRUPT, "snappy body: %zu bytes cannot hold %zu", f->in.len,
                         len);
    if (len == 0)
        return f->in.len == 1 ? TSDB_OK : corrupt(f, "snappy");
    enum tsdb_status st = room(f, len);
    if (st != TSDB_OK)
        return st;
    if (snappy_uncompress(in, f->in.len, (char *)f->out->at, &len) != SNAPPY_OK)
        return corrupt(f, "snappy");
    return produced(f, len);
}

static enum tsdb_status lz4_frames(struct flow *f, LZ4F_dctx *z)
{
    size_t at = 0, hint = 1;
    for (;;) {
        enum tsdb_status st = room(f, CHUNK_BYTES);
        if (st != TSDB_OK)
            return st;
        size_t space = f->out->cap - f->out->len, out = space, in = f->in.len - at;
        hint = LZ4F_decompress(z, f->out->at + f->out->len, &out, f->in.at + at, &in, NULL);
        if (LZ4F_isError(hint))
            return corrupt(f, "lz4");
        at += in;
        st = produced(f, out);
        if (st != TSDB_OK)
            return st;
        if (at == f->in.len && (hint == 0 || out < space))
            return hint == 0 ? TSDB_OK : corrupt(f, "lz4");
        if (in == 0 && out == 0)
            return corrupt(f, "lz4");
    }
}

static enum tsdb_status lz4_run(struct flow *f)
{
    LZ4F_dctx *z = NULL;
    enum tsdb_status st = charge(f, LZ4_STATE_BYTES);
    if (st != TSDB_OK)
        return st;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&z, LZ4F_VERSION)))
        st = tsdb_fail(f->err, TSDB_ELIMIT, "body: no memory left to decompress it");
    else
        st = lz4_frames(f, z);
    (void)LZ4F_freeDecompressionContext(z);
    pay_back(f, LZ4_STATE_BYTES);
    return st;
}

enum tsdb_status inflate_body(enum inflate_coding coding, struct bytes in,
                              const struct inflate_limits *limits, struct payload *out,
                              struct tsdb_error *err)
{
    struct flow f = {in, out, limits, err};
    switch (coding) {
    case INFLATE_GZIP: return zlib_run(&f, true);
    case INFLATE_DEFLATE: return zlib_run(&f, false);
    case INFLATE_ZSTD: return zstd_run(&f);
    case INFLATE_SNAPPY: return snappy_run(&f);
    case INFLATE_LZ4: return lz4_run(&f);
    case INFLATE_IDENTITY: return in.len > limits->bytes_max ? too_large(&f) : TSDB_OK;
    case INFLATE_UNKNOWN: break;
    }
    UNREACHABLE();
}
