/* block_form.h - constants that the writer and the reader of block.h share. */
#ifndef TSDB_METRICS_BLOCK_FORM_H
#define TSDB_METRICS_BLOCK_FORM_H

enum { BLOCK_VERSION = 1, OFFSETS_GROUP = 64, OFFSETS_GROUP_BYTES = 8 + 4 * OFFSETS_GROUP };

/* The low bits of a stamp that is not in milliseconds. */
enum { STAMP_NS = 1, STAMP_WIDE = 3 };

enum chunk_kind {
    CHUNK_FLOATS = 1,
    CHUNK_SUMMARY,
    CHUNK_HISTOGRAMS,
    CHUNK_FAMILY,
    CHUNK_MEMBER,
};

#endif
