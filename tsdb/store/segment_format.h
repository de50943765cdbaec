/* segment_format.h - header, trailer and content hash of a segment file.
 *
 * The layout is drawn in segment.h; this is what its reader and its writer
 * share.  Pure.
 */
#ifndef TSDB_STORE_SEGMENT_FORMAT_H
#define TSDB_STORE_SEGMENT_FORMAT_H

#include "tsdb/base/reader.h"
#include "tsdb/store/segment.h"
#include "tsdb/tsdb.h"

enum {
    SEGMENT_VERSION = 1,
    SEGMENT_HEADER_BYTES = 64,
    SEGMENT_TRAILER_BYTES = 64,
    SEGMENT_TOC_ENTRY_BYTES = 24,
};

struct segment_trailer {
    uint64_t footer_off, footer_len;
    uint64_t bytes; /* of the file */
    struct tsdb_hash content;
    uint32_t section_count;
    uint32_t footer_crc;
};

void segment_header_encode(uint8_t out[SEGMENT_HEADER_BYTES]);
/* TSDB_ECORRUPT; TSDB_EINVAL: a newer version's. */
TSDB_NODISCARD enum tsdb_status segment_header_decode(struct bytes in);

void segment_trailer_encode(const struct segment_trailer *t, uint8_t out[SEGMENT_TRAILER_BYTES]);
TSDB_NODISCARD enum tsdb_status segment_trailer_decode(struct bytes in,
                                                       struct segment_trailer *out);

/* Pages of a section. */
static inline size_t segment_pages(uint64_t len)
{
    return (size_t)((len + SEGMENT_PAGE_BYTES - 1) / SEGMENT_PAGE_BYTES);
}

/* The next block of at most SEGMENT_PAGE_BYTES; begin with zero. */
struct tsdb_hash segment_content_fold(struct tsdb_hash content, const void *at, size_t len);

#endif
