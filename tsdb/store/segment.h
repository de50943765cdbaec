/* segment.h - the one immutable file for sealed data of every signal.
 *
 *   offset  size  header (64 bytes)          little-endian throughout
 *        0     8  magic "ANDONSEG"
 *        8     4  format version, 1
 *       12     4  lowest reader version that may open it, 1
 *       16     8  feature bits; an unknown one refuses the file
 *       24    36  zero
 *       60     4  crc32c of bytes [0, 60)
 *       64     -  sections, each at a multiple of 64, zeros between
 *        F     -  footer: table of contents, then the page checksums
 *                   per section, in file order: id le32, zero le32,
 *                   offset le64, length le64
 *                   per section, in the same order: crc32c le32 of each
 *                   64 KiB page of it, counted from its first byte
 *  size-64     8  trailer: magic "ANDONEND"
 *      +8      8  F      +16 8 bytes of the footer     +24 8 size of the file
 *     +32     16  content hash of bytes [0, size - 64)
 *     +48      4  sections            +52 4 crc32c of the footer
 *     +56      4  zero                +60 4 crc32c of the trailer's [0, 60)
 *
 * The content hash folds hash128(0, block) over blocks of 64 KiB with
 * hash_combine: it can be computed as a stream, stands in the trailer and in
 * the manifest, and so tells a misplaced or stale file from the right one
 * without reading it.
 *
 * A file is written aside as PATH.tmp, synced, read back and verified in every
 * byte, renamed, and its folder synced; only then does its maker enter it in the
 * manifest.  It is never modified.  A torn write leaves a .tmp file, which
 * openers of a store remove.  A damaged file is moved to quarantine/ with a
 * text beside it that says why, and never deleted.
 *
 * Reading maps the file.  Opening checks header, trailer, footer and that all
 * offsets lie inside; the pages of a section are checked the first time a
 * range over them is asked for, once per open.  What segment_section returns
 * may be read only where segment_check_range has passed.
 *
 * Owner: shared by reference; the last unref unmaps, and unlinks when retired.
 * Immutable after open.  Atomic: the bitmap of checked pages (relaxed: a page
 * checked twice by two threads costs time only).
 * Limits: 64 sections, 2^40 bytes.
 */
#ifndef TSDB_STORE_SEGMENT_H
#define TSDB_STORE_SEGMENT_H

#include "tsdb/base/fs.h"
#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

enum {
    SEGMENT_PAGE_BYTES = 64 * 1024,
    SEGMENT_ALIGN = 64,
    SEGMENT_SECTIONS_MAX = 64,
    SEGMENT_NAME_MAX = 48,
};

enum store_signal { STORE_METRICS = 0, STORE_LOGS, STORE_TRACES, STORE_SIGNAL_COUNT };

/* "seg-0000000000000007-metrics.seg", NUL-terminated. */
void segment_name_format(char out[SEGMENT_NAME_MAX], uint64_t id, enum store_signal signal);
/* False when it is not such a name; nothing is written then. */
bool segment_name_parse(const char *name, uint64_t *id, enum store_signal *signal);

/* ---- writing ------------------------------------------------------------------ */

struct segment_writer;

struct segment_facts {
    uint64_t bytes; /* of the file */
    struct tsdb_hash content;
};

TSDB_NODISCARD enum tsdb_status segment_writer_open(struct fs *fs, const char *path,
                                                    struct segment_writer **out,
                                                    struct tsdb_error *err);
/* One section at a time, each id once. */
void segment_section_begin(struct segment_writer *w, uint32_t section_id);
/* Buffered; a fault sticks, so it may be left to segment_writer_seal to tell. */
enum tsdb_status segment_write(struct segment_writer *w, struct bytes bytes,
                               struct tsdb_error *err);
/* Bytes in the open section so far. */
uint64_t segment_section_bytes(const struct segment_writer *w);
void segment_section_end(struct segment_writer *w);
/* Bytes in the file so far. */
uint64_t segment_writer_bytes(const struct segment_writer *w);
/* Ends and frees the writer, whatever it answers.  On a failure the .tmp file is
 * removed; the final name may be there when only the folder could not be synced. */
TSDB_NODISCARD enum tsdb_status
segment_writer_seal(struct segment_writer *w, struct segment_facts *out, struct tsdb_error *err);
/* Frees the writer and removes the .tmp file.  NULL is a no-op. */
void segment_writer_abort(struct segment_writer *w);

/* ---- reading ------------------------------------------------------------------ */

struct segment;

/* TSDB_ENOTFOUND; TSDB_ECORRUPT; TSDB_EINVAL: written by a newer version. */
TSDB_NODISCARD enum tsdb_status segment_open(struct fs *fs, const char *path, struct segment **out,
                                             struct tsdb_error *err);
struct segment *segment_ref(struct segment *s);
/* segment_unref(NULL) is a no-op. */
void segment_unref(struct segment *s);
/* The last unref unlinks the file too (not its folder entry's durability). */
void segment_retire(struct segment *s);

const char *segment_path(const struct segment *s);
struct segment_facts segment_facts(const struct segment *s); /* as the trailer has them */

/* False, and an empty view, when there is no such section. */
bool segment_section(const struct segment *s, uint32_t section_id, struct bytes *view);
/* [off, off + len) of the section may be read; len 0 always may.  TSDB_ECORRUPT also
 * when the range is not inside or there is no such section. */
TSDB_NODISCARD enum tsdb_status segment_check_range(struct segment *s, uint32_t section_id,
                                                    uint64_t off, uint64_t len,
                                                    struct tsdb_error *err);
/* Every byte of the file, whatever was checked before. */
TSDB_NODISCARD enum tsdb_status segment_verify_all(struct segment *s, struct tsdb_error *err);

/* Moves dir/name to dir/quarantine/ and writes `why` to a .why file beside it. */
TSDB_NODISCARD enum tsdb_status segment_quarantine(struct fs *fs, const char *dir, const char *name,
                                                   const char *why, struct tsdb_error *err);

#endif
