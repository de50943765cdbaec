/* group_rows.h - rows into row groups.
 *
 * Rows are put in order first (row_keys_sort: stream, time, then as they came), then
 * written one by one.  A group ends when it has GROUP_ROWS_MAX rows, when its texts pass
 * GROUP_TEXTS_MAX, or when the next row needs a column too many; so any batch makes as
 * many groups as it takes, each far from the limits of a column.
 *
 * A batch's row is decoded from the payload; a name becomes a column once a batch and
 * group.  Rows of groups that exist already: regroup.h.
 *
 * Owner: one thread.  Texts are borrowed until the group ends: the batches stay.
 */
#ifndef TSDB_LOGS_GROUP_ROWS_H
#define TSDB_LOGS_GROUP_ROWS_H

#include "tsdb/base/arena.h"
#include "tsdb/columns/field_kind.h"
#include "tsdb/logs/batch_record.h"

enum { GROUP_TEXTS_MAX = 24 << 20 };

/* Rows [first, first + rows) of a group belong to one stream, whatever numbers it. */
struct group_run {
    uint32_t stream, first, rows;
    int64_t ts_min, ts_max;
    uint64_t line_bytes;
};

struct made_group {
    struct group_strings strings; /* owned */
    struct group_run *runs;       /* owned */
    uint32_t run_count, rows;
    int64_t ts_min, ts_max;
    uint64_t line_bytes, text_bytes;
};
void made_group_release(struct made_group *g);
/* May take over the strings and runs, leaving zeros. */
typedef enum tsdb_status made_group_fn(void *arg, struct made_group *made, struct tsdb_error *err);

struct group_builder {
    struct group_writer *writer; /* owned */
    enum group_form form;
    bool has_filters;
    made_group_fn *fn;
    void *arg;
    struct made_group made;  /* the one that is being written */
    uint32_t run_cap, epoch; /* epoch: changes when column numbers lose their meaning */
    uint32_t time, line;     /* columns */
};

/* Filters are a third of the work, so groups that will not last are made without; queries
 * look into all of their rows then. */
enum group_filters { GROUP_BARE, GROUP_FILTERED };
void group_builder_init(struct group_builder *b, enum group_form form, enum group_filters filters,
                        made_group_fn *fn, void *arg);
void group_builder_release(struct group_builder *b);
/* Ends the group, when it has rows, and hands it to fn. */
TSDB_NODISCARD enum tsdb_status group_builder_finish(struct group_builder *b,
                                                     struct tsdb_error *err);

bool group_builder_is_full(const struct group_builder *b);
/* The next row, with its time and line; finish it first when it is full. */
void group_builder_row(struct group_builder *b, uint32_t stream, int64_t ts, struct tsdb_text line);

/* Of a field's column (field_kind.h). */
static inline unsigned field_flags(const struct group_builder *b, uint8_t type)
{
    bool is_looked_up = type == TSDB_FIELD_STRING || type == TSDB_FIELD_ID;
    return b->has_filters && is_looked_up ? COLUMN_VALUES : 0;
}

/* A row on its way. */
struct row_key {
    int64_t ts;
    uint32_t stream, source, at; /* at: row or offset in the source */
};
/* By stream, then time; stable.  scratch: n more. */
void row_keys_sort(struct row_key *rows, struct row_key *scratch, uint32_t n);

/* ---- rows of batches ------------------------------------------------------------ */

struct log_batch; /* head.h */
/* All rows of the batches, ordered by their refs; whole groups go to fn. */
TSDB_NODISCARD enum tsdb_status batches_group(struct log_batch *const *batches, uint32_t count,
                                              struct group_builder *b, struct tsdb_error *err);

#endif
