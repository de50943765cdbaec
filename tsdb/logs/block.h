/* block.h - one segment of logs: its sections and how groups lie in them.
 *
 * The file is a tsdb/store/segment.h container; streams are numbered (ordinals) as they
 * were met, groups lie in the order in which they were written.  Sections:
 *
 *   BLOCK_FACTS    le32 version 1; le32 streams; le32 groups; le64 rows; le64 bytes of lines;
 *                  le64 order: the lowest segment id that its rows came in with
 *   BLOCK_LABELS   tsdb/store/label_index.h; labels, attributes and tenants (stream_labels.h)
 *   BLOCK_HASHES   of each stream: le64 x 2, stream_hash
 *   BLOCK_GROUPS   of each group: uv rows, uv runs, svarint ts_min, uv ts_max - ts_min,
 *                  uv bytes of lines, uv bytes of texts, and of what lies in the next four
 *                  sections, one group's after the other's: uv bytes of its runs, head,
 *                  filter, data
 *   BLOCK_RUNS     of each run: svarint stream - the run's before (0), uv rows,
 *                  uv ts_min - the group's, uv ts_max - ts_min, uv bytes of lines
 *   BLOCK_HEADS    BLOCK_FILTERS   BLOCK_DATA: the strings of columns/group.h
 *
 * Rows of a group are sorted by stream, then time; a run's rows follow those of the run before.
 * The facts, labels, hashes and the list of groups are checked when the block is opened, runs,
 * heads and filters when a group is, the data when it is touched.
 *
 * Immutable but for groups that are opened once and kept; guarded by `opening`.  Shared by
 * reference (shelf.h).
 */
#ifndef TSDB_LOGS_BLOCK_H
#define TSDB_LOGS_BLOCK_H

#include "tsdb/base/fs.h"
#include "tsdb/base/thread.h"
#include "tsdb/logs/group_rows.h"
#include "tsdb/store/label_index.h"
#include "tsdb/store/segment.h"
#include "tsdb/store/shelf.h"

enum block_section {
    BLOCK_FACTS = 1,
    BLOCK_LABELS,
    BLOCK_HASHES,
    BLOCK_GROUPS,
    BLOCK_RUNS,
    BLOCK_HEADS,
    BLOCK_FILTERS,
    BLOCK_DATA,
};

enum { BLOCK_VERSION = 1, BLOCK_HASH_BYTES = 16 };

/* ---- writing -------------------------------------------------------------------- */

struct block_writer; /* block_writer.c */

struct block_facts {
    int64_t ts_min, ts_max;
    uint64_t streams, rows, groups, line_bytes, bytes;
    struct tsdb_hash content;
};

TSDB_NODISCARD enum tsdb_status log_block_writer_open(struct fs *fs, const char *path,
                                                      uint64_t order, struct block_writer **out,
                                                      struct tsdb_error *err);
/* The ordinal of the stream: the former one, or the next. */
TSDB_NODISCARD enum tsdb_status log_block_writer_stream(struct block_writer *w,
                                                        struct tsdb_hash hash,
                                                        struct tsdb_labels labels,
                                                        uint32_t *ordinal, struct tsdb_error *err);
/* The next group; runs' streams are ordinals. */
struct block_group_parts {
    struct group_bytes strings;
    const struct group_run *runs;
    uint32_t run_count, rows;
    int64_t ts_min, ts_max;
    uint64_t line_bytes, text_bytes;
};
TSDB_NODISCARD enum tsdb_status log_block_writer_group(struct block_writer *w,
                                                       const struct block_group_parts *group,
                                                       struct tsdb_error *err);
/* Ends the file and frees the writer, also on error.  facts->rows == 0: the file held
 * nothing and was dropped. */
TSDB_NODISCARD enum tsdb_status
log_block_writer_seal(struct block_writer *w, struct block_facts *facts, struct tsdb_error *err);
void log_block_writer_abort(struct block_writer *w); /* NULL is a no-op */

/* ---- reading -------------------------------------------------------------------- */

struct block_span {
    uint64_t off, len;
};

struct block_group {
    uint32_t rows, run_count;
    int64_t ts_min, ts_max;
    uint64_t line_bytes, text_bytes;
    struct block_span runs, head, filter, data; /* in their sections */
    struct group *group;                        /* owned; NULL: not opened yet */
};

struct block {
    struct shelved shelved; /* first: a struct shelved of the shelf is one of these */
    struct label_index *labels;
    struct bytes hashes, runs, heads, filters, data;
    uint32_t stream_count, group_count;
    uint64_t line_bytes;
    struct block_group *groups; /* owned */
    struct mutex opening;
    int64_t look_mono_ns; /* when expiring looks at it next; guarded by store.tend */
};

/* Of a shelf's lists. */
static inline struct block *log_block_of(struct shelved *s)
{
    return (struct block *)s;
}

extern const struct shelf_kind log_shelf_kind;

TSDB_NODISCARD enum tsdb_status log_block_open(struct fs *fs, const char *path,
                                               const struct manifest_segment *entry,
                                               struct block **out, struct tsdb_error *err);

struct tsdb_hash log_block_hash(const struct block *b, uint32_t ordinal);
/* All runs of the group; out has room for run_count. */
TSDB_NODISCARD enum tsdb_status log_block_runs(struct block *b, uint32_t group,
                                               struct group_run *out, struct tsdb_error *err);
/* Kept by the block.  Its data may be read once block_touch has passed. */
TSDB_NODISCARD enum tsdb_status log_block_group_open(struct block *b, uint32_t group,
                                                     const struct group **out,
                                                     struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status log_block_touch(struct block *b, uint32_t group,
                                                struct tsdb_error *err);
/* Decodes everything: what tsdb_verify does beyond the checksums. */
TSDB_NODISCARD enum tsdb_status log_block_verify(struct block *b, struct tsdb_error *err);

#endif
