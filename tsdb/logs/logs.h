/* logs.h - the log engine of one store.
 *
 *   append:  batch -> streams found or made -> journal record (batch_record.h), whole and
 *            self-contained -> open rows of the head
 *   group:   16 Ki open rows or more -> one hot row group in memory (columns/group.h)
 *   seal:    hot groups and open rows of the generations before -> sealed groups of up to
 *            64 Ki rows, sorted by day, stream, time -> one segment a UTC day -> manifest
 *   merge:   segments of a day -> one; full groups are copied as bytes, small ones written anew
 *   select:  head + segments -> logs_set: parts, each a row group with the runs of the
 *            selected streams
 *
 * A row group of logs has the rows sorted by (stream, time), these columns and the fields:
 *   ":time" INT   ":line" TEXT (COLUMN_LINES | COLUMN_GRAMS), both of tag LOGS_COLUMN_TAG
 *   a field: its name, tag its type
 *   (INT, BOOL: COLUMN_INT; DOUBLE: COLUMN_DOUBLE; others TEXT; ID and STRING COLUMN_VALUES)
 * and beside it a table of runs: which stream has which rows.
 *
 * A stream's attributes are kept as labels whose names begin with a byte 1 + type, so
 * that one label index serves both; TENANT_LABEL ("__tenant__") hides the tenant likewise.
 * stream_labels.h takes them apart.
 *
 * Locks, in this order: store.tend (sealing, merging, deleting), the store's gate, head.streams
 * (label index of the head), head.grouping (one maker of groups at a time); `lists` is a leaf:
 * open rows, hot groups, blocks and tombstones, so that a snapshot has each record once.
 */
#ifndef TSDB_LOGS_LOGS_H
#define TSDB_LOGS_LOGS_H

#include "tsdb/base/arena.h"
#include "tsdb/columns/group.h"
#include "tsdb/store/matcher.h"
#include "tsdb/store/store.h"
#include "tsdb/tsdb.h"

struct logs;

enum {
    LOGS_RECORD = 16,                /* journal record type: one batch */
    LOGS_COLUMN_TAG = 255,           /* of ":time" and ":line": no field's */
    LOGS_BATCH_BYTES_MAX = 16 << 20, /* of one batch in the journal; more answers TSDB_EINVAL */
    LOGS_OPEN_ROWS_MAX = 65536,      /* open rows before appending makes a group itself */
    LOGS_GROUP_ROWS = 16384,         /* open rows that the background makes a group of */
};

/* Opens the segments, reads the journal back and registers the sealer.  TSDB_EINVAL also for
 * a stream rule whose selector does not parse. */
/* Makes matchers of "{a=\"b\"}", the selectors of retention rules: the language is above this
 * room.  *out is the caller's (matcher_release each, mem_free); texts lie in the arena. */
typedef enum tsdb_status logs_selector_fn(struct tsdb_text text, struct arena *arena,
                                          struct matcher **out, uint32_t *count,
                                          struct tsdb_error *err);

TSDB_NODISCARD enum tsdb_status logs_open(struct store *store, const struct tsdb_options *options,
                                          logs_selector_fn *selector, struct logs **out,
                                          struct tsdb_error *err);
void logs_close(struct logs *l);
/* A rule that does not parse is left out, with an event. */
void logs_configure(struct logs *l, const struct tsdb_options *options);

/* tsdb_log_append. */
TSDB_NODISCARD enum tsdb_status logs_append(struct logs *l, const struct tsdb_log_batch *batch,
                                            struct tsdb_appended *out, uint8_t *verdicts,
                                            struct tsdb_error *err);
/* Reads the journal back into the head; logs_open has done it. */
TSDB_NODISCARD enum tsdb_status logs_replay(struct logs *l, struct tsdb_error *err);

/* ---- selecting -------------------------------------------------------------------- */

struct logs_selection {
    const char *tenant;
    const struct matcher *matchers;
    uint32_t matcher_count;
    int64_t start, end; /* half-open */
};

/* Rows [first, first + rows) of the part belong to one stream, times ascending. */
struct logs_run {
    uint32_t stream; /* query-wide: logs_set_stream */
    uint32_t first, rows;
    int64_t ts_min, ts_max; /* inclusive */
    uint64_t line_bytes;
};

/* Rows of a run in [start, end) are deleted. */
struct logs_hidden {
    uint32_t run;
    int64_t start, end;
};

struct logs_part {
    const struct group *group;
    const struct logs_run *runs;      /* of the selected streams, by first row */
    const struct logs_hidden *hidden; /* by run */
    uint32_t run_count, hidden_count;
    int64_t ts_min, ts_max; /* of the runs, inclusive */
};

struct logs_stream {
    struct tsdb_labels labels; /* canonical, without tenant and attributes */
    const struct tsdb_field *attributes;
    uint32_t attribute_count;
};

/* A snapshot: everything it gives out stays until it is closed.  Parts that lie outside the
 * range or have none of the streams are left out; what is open is made a group first.
 * Rows of equal times of one stream: within a part in the order in which they came.
 * Sharing: any number of threads may touch and read the parts at once. */
struct logs_set;
TSDB_NODISCARD enum tsdb_status logs_select(struct logs *l, const struct logs_selection *selection,
                                            struct budget *budget, struct logs_set **out,
                                            struct tsdb_error *err);
uint32_t logs_set_parts(const struct logs_set *set);
/* By ts_max, newest first. */
const struct logs_part *logs_set_part(const struct logs_set *set, uint32_t part);
/* To be called before the part's columns are read; what stands in the group's head and
 * filter (group_column, group_may_contain) may be asked before, so that a part that they
 * rule out is never read from disk.  TSDB_ECORRUPT: damaged, was set aside and the set is
 * partial from now on: go on without the part. */
TSDB_NODISCARD enum tsdb_status logs_set_touch(struct logs_set *set, uint32_t part,
                                               struct tsdb_error *err);
/* The part's columns turned out damaged while they were read (TSDB_ECORRUPT of group_*): its
 * segment is set aside and the set is partial from now on. */
void logs_set_damaged(struct logs_set *set, uint32_t part, const char *why);
/* Streams of equal labels and attributes have one number, whatever part they are in.  One of
 * which everything is hidden may be there without a run. */
uint32_t logs_set_streams(const struct logs_set *set);
const struct logs_stream *logs_set_stream(const struct logs_set *set, uint32_t stream);
bool logs_set_is_partial(const struct logs_set *set);
void logs_set_close(struct logs_set *set); /* NULL is a no-op */

/* Label names and values, of streams that have data in the range; attributes are none. */
TSDB_NODISCARD enum tsdb_status logs_label_names(struct logs *l,
                                                 const struct logs_selection *selections,
                                                 uint32_t count, tsdb_text_fn *fn, void *arg,
                                                 struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status logs_label_values(struct logs *l, struct tsdb_text name,
                                                  const struct logs_selection *selections,
                                                  uint32_t count, tsdb_text_fn *fn, void *arg,
                                                  struct tsdb_error *err);

/* ---- following -------------------------------------------------------------------- */

/* Batches that come in from now on, in order, once they are durable.  A reader that
 * falls behind LOGS_TAIL_BYTES loses the oldest, counted. */
enum { LOGS_TAIL_BYTES = 16 << 20 };

struct logs_tail;
TSDB_NODISCARD enum tsdb_status logs_tail_open(struct logs *l, const char *tenant,
                                               struct logs_tail **out, struct tsdb_error *err);
/* The next record (tenant's, any stream); borrowed until the next call.  TSDB_END: nothing
 * more yet. */
TSDB_NODISCARD enum tsdb_status logs_tail_next(struct logs_tail *tail, struct logs_stream *stream,
                                               struct tsdb_log_record *record,
                                               struct tsdb_error *err);
uint64_t logs_tail_dropped(struct logs_tail *tail); /* since the last call */
void logs_tail_close(struct logs_tail *tail);

/* ---- tending ---------------------------------------------------------------------- */

/* Makes groups of open rows, when there are enough; true when it did something. */
bool logs_group_step(struct logs *l);
/* One due merge; *did says whether there was one. */
TSDB_NODISCARD enum tsdb_status logs_merge(struct logs *l, bool is_forced, bool *did,
                                           struct tsdb_error *err);
/* Drops segments beyond the retention by time; hides and in time removes what stream rules
 * say has ended. */
TSDB_NODISCARD enum tsdb_status logs_expire(struct logs *l, struct tsdb_error *err);
/* As metrics_scrub, and the segments' part of tsdb_verify. */
uint64_t logs_scrub(struct logs *l, uint64_t after);
TSDB_NODISCARD enum tsdb_status logs_verify(struct fs *fs, const char *dir,
                                            void (*report)(void *arg, const char *line), void *arg,
                                            struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status logs_delete(struct logs *l, const struct logs_selection *selection,
                                            struct tsdb_error *err);
uint64_t logs_head_bytes(struct logs *l);
/* Takes the segment out of the list and its file out of the folder (retention by size; the
 * manifest's edit is the caller's). */
void logs_forget_segment(struct logs *l, uint64_t id);

/* Adds what logs have to the figures of the store. */
void logs_stats(struct logs *l, struct tsdb_stats *out);

#endif
