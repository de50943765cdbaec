#include "tsdb/columns/text_section.h"

#include "tsdb/base/assert.h"

#include <zstd.h>

enum { PACKING_NONE, PACKING_ZSTD, PACKINGS, LEVEL = 3, WORTH_TRYING = 32 };

void text_sections_release(struct text_sections *s)
{
    for (unsigned i = 0; i < SECTIONS; i++)
        writer_release(&s->at[i]);
}

static void put_plain(struct bytes clear, struct writer *out)
{
    writer_u8(out, PACKING_NONE);
    writer_sized(out, clear.at, clear.len);
}

static void pack_with(ZSTD_CCtx *zstd, struct bytes clear, struct writer *out)
{
    if (clear.len < WORTH_TRYING) {
        put_plain(clear, out);
        return;
    }
    struct writer packed = {0};
    size_t bound = ZSTD_compressBound(clear.len);
    size_t len =
        ZSTD_compressCCtx(zstd, writer_reserve(&packed, bound), bound, clear.at, clear.len, LEVEL);
    ASSERT(!ZSTD_isError(len));
    if (len + len / 32 >= clear.len) { /* so little gained is not worth the unpacking */
        put_plain(clear, out);
    } else {
        writer_u8(out, PACKING_ZSTD);
        writer_uvarint(out, clear.len);
        writer_sized(out, packed.at, len);
    }
    writer_release(&packed);
}

static ZSTD_CCtx *packer_new(void)
{
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    ASSERT(zstd);
    return zstd;
}

void text_sections_pack(const struct text_sections *s, struct writer *out)
{
    ZSTD_CCtx *zstd = packer_new();
    for (unsigned i = 0; i < SECTIONS; i++) {
        if (i == SECTION_RAW)
            put_plain(writer_bytes(&s->at[i]), out);
        else
            pack_with(zstd, writer_bytes(&s->at[i]), out);
    }
    ZSTD_freeCCtx(zstd);
}

void text_section_pack(struct bytes clear, struct writer *out)
{
    ZSTD_CCtx *zstd = packer_new();
    pack_with(zstd, clear, out);
    ZSTD_freeCCtx(zstd);
}

/* The next section's bytes as they lie there. */
static enum tsdb_status take_section(struct reader *in, size_t clear_max, unsigned *packing,
                                     size_t *clear, struct bytes *out)
{
    *packing = reader_u8(in);
    uint64_t len = reader_uvarint(in);
    if (in->fault || *packing >= PACKINGS || len > clear_max)
        return TSDB_ECORRUPT;
    *out = *packing == PACKING_ZSTD ? reader_sized(in) : reader_take(in, (size_t)len);
    *clear = (size_t)len;
    return in->fault ? TSDB_ECORRUPT : TSDB_OK;
}

static enum tsdb_status skip_section(struct reader *in)
{
    unsigned packing;
    size_t clear;
    struct bytes b;
    return take_section(in, SIZE_MAX, &packing, &clear, &b);
}

static enum tsdb_status unpack_with(ZSTD_DCtx *zstd, struct reader *in, size_t clear_max,
                                    struct writer *out)
{
    unsigned packing;
    size_t len;
    struct bytes b;
    enum tsdb_status st = take_section(in, clear_max, &packing, &len, &b);
    if (st != TSDB_OK)
        return st;
    uint8_t *at = writer_reserve(out, len + TEXT_SLACK);
    if (packing == PACKING_ZSTD) {
        size_t got = ZSTD_decompressDCtx(zstd, at, len, b.at, b.len);
        if (ZSTD_isError(got) || got != len)
            return TSDB_ECORRUPT;
    } else if (len) {
        memcpy(at, b.at, len);
    }
    memset(at + len, 0, TEXT_SLACK);
    out->len = len;
    return TSDB_OK;
}

static ZSTD_DCtx *unpacker_new(void)
{
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    ASSERT(zstd);
    return zstd;
}

enum tsdb_status text_sections_unpack(struct reader *in, size_t clear_max, unsigned which,
                                      struct text_sections *out)
{
    ZSTD_DCtx *zstd = unpacker_new();
    enum tsdb_status st = TSDB_OK;
    for (unsigned i = 0; i < SECTIONS && st == TSDB_OK; i++)
        st = which >> i & 1 ? unpack_with(zstd, in, clear_max, &out->at[i]) : skip_section(in);
    ZSTD_freeDCtx(zstd);
    return st;
}

enum tsdb_status text_section_unpack(struct reader *in, size_t clear_max, struct writer *out)
{
    ZSTD_DCtx *zstd = unpacker_new();
    struct writer w = {0};
    enum tsdb_status st = unpack_with(zstd, in, clear_max, &w);
    ZSTD_freeDCtx(zstd);
    if (st == TSDB_OK)
        *out = w;
    else
        writer_release(&w);
    return st;
}
