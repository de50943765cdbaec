/* part.h - runs of bytes of a group's data, packed one by one.
 *
 * A part is stored raw, lz4 or zstd, whichever is shorter among those the form may take;
 * raw when packing does not save a sixteenth (reading it then costs nothing).  Parts under
 * 32 bytes are raw.
 *
 * Owner: one thread each.  A packer holds the state of both compressors (about 1.5 MiB
 * when sealing), charged by its owner.
 */
#ifndef TSDB_COLUMNS_PART_H
#define TSDB_COLUMNS_PART_H

#include "tsdb/columns/group.h"

/* OWN: pages of templates, which text_template.h packs itself. */
enum part_packing { PACKING_RAW, PACKING_LZ4, PACKING_ZSTD, PACKING_OWN, PACKING_COUNT };

struct part {
    uint64_t offset;       /* in data; not stored */
    uint32_t bytes, clear; /* as stored, and unpacked */
    uint32_t values;       /* of value parts; else 0 */
    uint32_t first;        /* values before it; not stored */
    uint8_t packing;
};

struct packer {
    enum group_form form;
    void *lz4;  /* owned state */
    void *zstd; /* owned context, when sealing */
};

void packer_init(struct packer *p, enum group_form form);
void packer_release(struct packer *p);
/* Appends the bytes to out, packed. */
struct part packer_put(struct packer *p, struct bytes clear, struct writer *out);
/* Appends the bytes as they are. */
struct part packer_put_raw(struct bytes clear, struct writer *out);

/* Unpacks into out[0 .. part->clear), for parts that are not raw.
 * TSDB_ECORRUPT: the bytes are damaged, out is unspecified. */
TSDB_NODISCARD enum tsdb_status part_unpack(const struct part *part, struct bytes data,
                                            uint8_t *out);

static inline struct bytes part_bytes(const struct part *part, struct bytes data)
{
    return (struct bytes){data.at + part->offset, part->bytes};
}

#endif
