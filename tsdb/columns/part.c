#include "tsdb/columns/part.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

#include <lz4.h>
#include <zstd.h>

enum {
    PACK_MIN = 32,    /* bytes below which packing is not tried */
    PACK_SAVING = 16, /* packed when a 16th is saved */
    ZSTD_LEVEL = 1,   /* level 3 is slower and not smaller on logs */
};

void packer_init(struct packer *p, enum group_form form)
{
    *p = (struct packer){.form = form, .lz4 = mem_array(1, (size_t)LZ4_sizeofState())};
    if (form == GROUP_SEALED) {
        p->zstd = ZSTD_createCCtx();
        ASSERT(p->zstd);
    }
}

void packer_release(struct packer *p)
{
    mem_free(p->lz4);
    (void)ZSTD_freeCCtx(p->zstd); /* has no failure */
    *p = (struct packer){0};
}

struct part packer_put_raw(struct bytes clear, struct writer *out)
{
    writer_put(out, clear.at, clear.len);
    return (struct part){.bytes = (uint32_t)clear.len, .clear = (uint32_t)clear.len};
}

static size_t lz4_pack(struct packer *p, struct bytes clear, uint8_t *out, size_t cap)
{
    int n = LZ4_compress_fast_extState(p->lz4, (const char *)clear.at, (char *)out, (int)clear.len,
                                       (int)cap, 1);
    return n > 0 ? (size_t)n : 0;
}

static size_t zstd_pack(struct packer *p, struct bytes clear, uint8_t *out, size_t cap)
{
    size_t n = ZSTD_compressCCtx(p->zstd, out, cap, clear.at, clear.len, ZSTD_LEVEL);
    return ZSTD_isError(n) ? 0 : n;
}

struct part packer_put(struct packer *p, struct bytes clear, struct writer *out)
{
    ASSERT(clear.len <= LZ4_MAX_INPUT_SIZE);
    if (clear.len < PACK_MIN)
        return packer_put_raw(clear, out);
    size_t cap = clear.len - clear.len / PACK_SAVING; /* more is not worth it */
    uint8_t *at = writer_reserve(out, cap);
    bool is_sealed = p->form == GROUP_SEALED;
    size_t n = is_sealed ? zstd_pack(p, clear, at, cap) : lz4_pack(p, clear, at, cap);
    if (n == 0)
        return packer_put_raw(clear, out);
    out->len += n;
    return (struct part){.bytes = (uint32_t)n,
                         .clear = (uint32_t)clear.len,
                         .packing = is_sealed ? PACKING_ZSTD : PACKING_LZ4};
}

enum tsdb_status part_unpack(const struct part *part, struct bytes data, uint8_t *out)
{
    struct bytes in = part_bytes(part, data);
    size_t got = SIZE_MAX;
    if (part->packing == PACKING_LZ4) {
        int n =
            LZ4_decompress_safe((const char *)in.at, (char *)out, (int)in.len, (int)part->clear);
        got = n < 0 ? SIZE_MAX : (size_t)n;
    } else if (part->packing == PACKING_ZSTD) {
        got = ZSTD_decompress(out, part->clear, in.at, in.len);
    }
    return got == part->clear ? TSDB_OK : TSDB_ECORRUPT;
}
