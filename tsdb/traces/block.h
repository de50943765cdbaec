/* block.h - one segment of traces: its sections and how span groups lie in them.
 *
 * The file is a tsdb/store/segment.h container; span groups (span_group.h) are numbered in the
 * order in which they were written, which is about that of arrival.  Little-endian.  Sections:
 *
 *   TRACE_FACTS    le32 version 1; le32 groups; le32 traces (different hashes);
 *                  le32 entries of the index; le64 spans; le64 order: the lowest segment id
 *                  that its spans came in with
 *   TRACE_GROUPS   of each group: uv spans, svarint ts_min (of starts), uv ts_max - ts_min,
 *                  uv weight (part_builder.h), and of each of its
 *                  four tables (enum span_table) what lies in the next three sections, one
 *                  table's after the other's: uv bytes of its head, filter, data.  A table
 *                  without rows has 0 of each
 *   TRACE_HEADS    TRACE_FILTERS   TRACE_DATA: the strings of columns/group.h
 *   TRACE_INDEX    entries: le32 hash of a trace id (span_trace_hash), ascending;
 *                  then, in the same order, le16 group; of one hash by group, each once
 *
 * The facts and the list of groups are checked when the block is opened, heads and filters
 * when a group is, the data when it is touched, the index page by page as a search comes by.
 *
 * Immutable but for groups that are opened once and kept; guarded by `opening`.  Shared by
 * reference (shelf.h).
 */
#ifndef TSDB_TRACES_BLOCK_H
#define TSDB_TRACES_BLOCK_H

#include "tsdb/base/thread.h"
#include "tsdb/store/segment.h"
#include "tsdb/store/shelf.h"
#include "tsdb/traces/span_group.h"

enum trace_section {
    TRACE_FACTS = 1,
    TRACE_GROUPS,
    TRACE_HEADS,
    TRACE_FILTERS,
    TRACE_DATA,
    TRACE_INDEX,
};

enum { TRACE_BLOCK_VERSION = 1, TRACE_BLOCK_GROUPS_MAX = 65535 };

/* ---- writing -------------------------------------------------------------------- */

struct trace_block_writer; /* block_writer.c */

TSDB_NODISCARD enum tsdb_status trace_block_writer_open(struct fs *fs, const char *path,
                                                        uint64_t order,
                                                        struct trace_block_writer **out,
                                                        struct tsdb_error *err);
/* The next group, of which hashes are ascending, each once.  TSDB_ELIMIT: it would be the
 * 65,536th. */
struct trace_group_parts {
    struct group_bytes tables[SPAN_TABLES]; /* empty: no such rows */
    const uint32_t *hashes;
    uint32_t hash_count, rows;
    int64_t ts_min, ts_max;
    uint64_t weight;
};
TSDB_NODISCARD enum tsdb_status trace_block_writer_group(struct trace_block_writer *w,
                                                         const struct trace_group_parts *group,
                                                         struct tsdb_error *err);
/* Ends the file and frees the writer, also on error.  entry: what the manifest is told but for
 * id and level; samples 0: the file held nothing and was dropped. */
TSDB_NODISCARD enum tsdb_status trace_block_writer_seal(struct trace_block_writer *w,
                                                        struct manifest_segment *entry,
                                                        struct tsdb_error *err);
void trace_block_writer_abort(struct trace_block_writer *w); /* NULL is a no-op */

/* ---- reading -------------------------------------------------------------------- */

struct trace_range {
    uint64_t off, len; /* in a section */
};

struct trace_table_range {
    struct trace_range head, filter, data;
};

struct trace_group {
    uint32_t rows;
    int64_t ts_min, ts_max;
    uint64_t weight;
    struct trace_table_range tables[SPAN_TABLES];
    bool is_open;
    struct group *opened[SPAN_TABLES]; /* owned; NULL: not opened yet, or no such table */
};

struct trace_block {
    struct shelved shelved; /* first: a struct shelved of the shelf is one of these */
    struct bytes heads, filters, data, index;
    uint32_t group_count, entry_count;
    struct trace_group *groups; /* owned */
    struct mutex opening;
};

/* Of a shelf's lists. */
static inline struct trace_block *trace_block_of(struct shelved *s)
{
    return (struct trace_block *)s;
}

extern const struct shelf_kind trace_shelf_kind;

TSDB_NODISCARD enum tsdb_status trace_block_open(struct fs *fs, const char *path,
                                                 const struct manifest_segment *entry,
                                                 struct trace_block **out, struct tsdb_error *err);
/* The group's tables, kept by the block.  Their data may be read once trace_block_touch has
 * passed. */
TSDB_NODISCARD enum tsdb_status trace_block_group_open(struct trace_block *b, uint32_t group,
                                                       struct span_tables *out,
                                                       struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status trace_block_touch(struct trace_block *b, uint32_t group,
                                                  struct tsdb_error *err);
/* Calls fn with the groups that may have the trace, ascending, while it says to go on. */
typedef bool trace_group_fn(void *arg, uint32_t group);
TSDB_NODISCARD enum tsdb_status trace_block_find(struct trace_block *b, uint32_t hash,
                                                 trace_group_fn *fn, void *arg,
                                                 struct tsdb_error *err);
/* Decodes everything: what tsdb_verify does beyond the checksums. */
TSDB_NODISCARD enum tsdb_status trace_block_verify(struct trace_block *b, struct tsdb_error *err);

#endif
