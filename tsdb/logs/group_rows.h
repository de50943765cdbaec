/* group_rows.h - rows into row groups: of open batches, and of groups that exist already.
 *
 * Rows are put in order first (row_keys_sort: stream, time, then as they came), then
 * written one by one.  A group ends when it has GROUP_ROWS_MAX rows, when its texts pass
 * GROUP_TEXTS_MAX, or when the next row needs a column too many; so any batch makes as
 * many groups as it takes, each far from the limits of a column.
 *
 *   a batch's row   decoded from the payload; a name becomes a column once a group
 *   a group's row   all columns are decoded, and a list of its columns is made for each row, so
 *                   that the cost is that of the values which are there
 *
 * Owner: one thread.  Texts are borrowed until the group ends: batches and groups stay.
 */
#ifndef TSDB_LOGS_GROUP_ROWS_H
#define TSDB_LOGS_GROUP_ROWS_H

#include "tsdb/base/arena.h"
#include "tsdb/columns/group.h"
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
    made_group_fn *fn;
    void *arg;
    struct made_group made;  /* the one that is being written */
    uint32_t run_cap, epoch; /* epoch: changes when column numbers lose their meaning */
    uint32_t time, line;     /* columns */
};

void group_builder_init(struct group_builder *b, enum group_form form, struct budget *budget,
                        made_group_fn *fn, void *arg);
void group_builder_release(struct group_builder *b);
/* Ends the group, when it has rows, and hands it to fn. */
TSDB_NODISCARD enum tsdb_status group_builder_finish(struct group_builder *b,
                                                     struct tsdb_error *err);

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

/* ---- rows of groups -------------------------------------------------------------- */

struct group_source {
    const struct group *group;   /* borrowed */
    struct group_reader *reader; /* owned */
    const int64_t *times;
    const struct tsdb_text *lines;
    struct source_column *columns; /* owned */
    uint32_t *first, *having;      /* owned: row -> its columns, one after the other */
    uint32_t column_count, epoch;
};
/* Decodes everything.  TSDB_ECORRUPT. */
TSDB_NODISCARD enum tsdb_status group_source_open(struct group_source *s, const struct group *group,
                                                  struct tsdb_error *err);
void group_source_close(struct group_source *s);
/* Adds the rows, in the order of keys; a key's source is an index into sources. */
TSDB_NODISCARD enum tsdb_status group_rows_add(struct group_builder *b,
                                               struct group_source *sources,
                                               const struct row_key *keys, uint32_t count,
                                               struct tsdb_error *err);

#endif
