/* journal_record.h - the bytes of a journal file.
 *
 *   offset  size  file                       little-endian throughout
 *        0    64  header
 *     2048    64  the header again: one of them survives a bad sector
 *     4096     -  records
 *
 *   header
 *        0     8  magic "ANDONJNL"
 *        8     4  format version, 1
 *       12     4  lowest reader version that may open it, 1
 *       16     8  feature bits; an unknown one refuses the journal
 *       24     8  sequence: which of two headers is newer
 *       32     8  base: position of the first record of the file
 *       40     8  salt: secret of the store, the same in all its files
 *       48    12  zero
 *       60     4  crc32c of bytes [0, 60)
 *
 *   record, padded with zeros to a multiple of 8
 *        0     4  crc32c, begun with the low half of the salt, of the payload,
 *                 then of bytes [4, 16)
 *        4     4  payload bytes, at most JOURNAL_RECORD_MAX
 *        8     8  bits 0-55: position of the record's first byte, always
 *                 base + (offset in the file - 4096); bits 56-63: type, > 0
 *       16     -  payload
 *
 * Why the position: a file is written again from its start when it is recycled,
 * and what lies behind the new records is old records, intact but at another
 * position.  Why the salt: a payload comes from outside and may hold bytes that
 * look like a record; without the salt it cannot make them check.
 *
 * What does not check is stepped over, 8 bytes at a time, to the next record
 * that does; only a true record ends a gap.  A torn tail is a gap with nothing
 * behind it.  Pure but for reading the file through fs.
 */
#ifndef TSDB_STORE_JOURNAL_RECORD_H
#define TSDB_STORE_JOURNAL_RECORD_H

#include "tsdb/base/fs.h"
#include "tsdb/base/reader.h"

enum {
    JOURNAL_VERSION = 1,
    JOURNAL_HEADER_BYTES = 64,
    JOURNAL_HEADER_COPY_OFF = 2048,
    JOURNAL_DATA_OFF = 4096, /* where the records begin */
    JOURNAL_RECORD_HEADER_BYTES = 16,
};

static const uint64_t JOURNAL_POSITION_MASK = (UINT64_C(1) << 56) - 1;
/* A file that claims more is refused, so no position in a file can pass the mask. */
static const uint64_t JOURNAL_BASE_MAX = UINT64_C(1) << 55;

struct journal_header {
    uint64_t sequence, base, salt;
};

/* The whole first page: both copies, zeros between. */
void journal_header_encode(const struct journal_header *h, uint8_t out[JOURNAL_DATA_OFF]);
/* From the first page or what there is of it.  TSDB_ECORRUPT: no copy checks;
 * TSDB_EINVAL: a newer version's.  Of two that check, the newer. */
TSDB_NODISCARD enum tsdb_status journal_header_decode(struct bytes page,
                                                      struct journal_header *out);

/* Bytes of a record in the log. */
static inline size_t journal_record_bytes(size_t payload)
{
    return JOURNAL_RECORD_HEADER_BYTES + ((payload + 7) & ~(size_t)7);
}

/* payload_crc: crc32c of the payload begun with (uint32_t)salt. */
void journal_record_header_encode(uint32_t payload_crc, uint8_t type, uint32_t len,
                                  uint64_t position, uint8_t out[JOURNAL_RECORD_HEADER_BYTES]);
/* Whole bytes of the record at `at`, which this process wrote; asserts its shape. */
size_t journal_record_size(const uint8_t *at);

struct journal_record {
    uint64_t start, end; /* positions; end is the one that the world knows */
    uint8_t type;
    struct bytes payload; /* borrowed until the next step */
};

/* Reads one file's records in order.  Owner: one caller. */
struct journal_scan {
    struct fs_file *file; /* borrowed */
    struct journal_header header;
    uint64_t size;   /* bytes of the file */
    uint64_t off;    /* of the next byte to look at */
    uint8_t *window; /* owned; bytes [window_off, + window_len) of the file */
    uint64_t window_off;
    size_t window_len, window_cap;
};

void journal_scan_init(struct journal_scan *s, struct fs_file *file, uint64_t size,
                       const struct journal_header *header);
/* TSDB_OK, TSDB_END, TSDB_EIO. */
TSDB_NODISCARD enum tsdb_status
journal_scan_next(struct journal_scan *s, struct journal_record *out, struct tsdb_error *err);
void journal_scan_release(struct journal_scan *s);

#endif
