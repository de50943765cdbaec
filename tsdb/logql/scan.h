/* scan.h - one log expression over a snapshot of the logs: which rows pass.
 *
 *   log_scan_open: matchers -> logs_select -> parts; stages -> pipeline
 *   a worker takes one part (a row group) after the other:
 *
 *     part refused by its filter (needles, values)?          nothing is read
 *     rows of the selected streams in the range              bits of a mask; :time only where cut
 *     & equalities on dictionary columns                     by code, no text
 *     & line filters, a page of lines at a time              only pages with rows left
 *     -> the rest of the stages, a row at a time             columns read when asked for
 *
 * Metadata of a row are the attributes of its stream and its fields, by label name
 * ("http.method" is http_method); of two with one name a field wins.
 *
 * Owner: struct log_scan: the query; any number of workers read it at once.  struct
 * scan_worker: one thread.  Memory is charged to the query's budget.
 */
#ifndef TSDB_LOGQL_SCAN_H
#define TSDB_LOGQL_SCAN_H

#include "tsdb/logql/pipeline.h"
#include "tsdb/logs/logs.h"

#include <stdatomic.h>

/* What the scans of one query share. */
struct log_room {
    struct logs *logs;
    struct clock *clock;
    struct budget *budget; /* the query's own */
    const char *tenant;
    int64_t deadline; /* on the monotonic clock */
    uint64_t series_max;
    const _Atomic bool *is_canceled;
    struct log_counts {
        _Atomic uint64_t streams, groups, groups_skipped, records, bytes;
        _Atomic bool is_partial;
    } counts;
};

/* TSDB_ECANCELED when it is time to end. */
TSDB_NODISCARD enum tsdb_status log_room_poll(const struct log_room *room, struct tsdb_error *err);

struct log_scan {
    struct log_room *room;
    const struct log_expr *expr;
    struct pipeline *pipeline;
    struct logs_set *set;
    struct tsdb_labels *streams; /* labels by the set's stream numbers; views */
    struct matcher *matchers;
    uint32_t matcher_count;
    struct matcher *tests; /* of the string tests in the leading label filters, in order */
    uint32_t test_count;
    uint32_t tested_stages; /* the leading stages that are line and label filters */
    int64_t start, end;     /* half-open */
    bool needs_line;        /* some stage reads or gives the line */
};

/* The expression must outlive the scan.  has_line: the caller wants lines. */
TSDB_NODISCARD enum tsdb_status log_scan_open(struct log_room *room, const struct log_expr *expr,
                                              int64_t start, int64_t end, bool has_line,
                                              struct log_scan *out, struct tsdb_error *err);
void log_scan_close(struct log_scan *scan);

/* Matchers of a selector; false in err when a regex is wrong.  Owned: matchers_free. */
TSDB_NODISCARD enum tsdb_status log_matchers(const struct log_expr *e, struct matcher **out,
                                             uint32_t *count, struct tsdb_error *err);
void log_matchers_free(struct matcher *m, uint32_t count);

struct scan_worker;

struct scan_worker *scan_worker_new(const struct log_scan *scan);
void scan_worker_free(struct scan_worker *w);

/* Turns to a part and finds the rows that may pass.  TSDB_END: none. */
TSDB_NODISCARD enum tsdb_status scan_part(struct scan_worker *w, uint32_t part,
                                          struct tsdb_error *err);
/* Of the part: one bit a row, and what the columns say of it. */
struct scan_rows {
    const struct logs_part *part;
    const uint64_t *mask;
    const int64_t *ts;
    uint32_t rows, count; /* of the group; set in the mask */
    bool is_settled;      /* the mask is exact: no stage is left to run */
};
const struct scan_rows *scan_rows(const struct scan_worker *w);
/* The run of a row (index into part->runs). */
uint32_t scan_run_of(const struct scan_worker *w, uint32_t row);
/* The reader of the part's group, for those who read columns themselves. */
struct group_reader *scan_reader(struct scan_worker *w);

const struct logs_stream *scan_stream(const struct scan_worker *w, uint32_t stream);
const struct logs_set *scan_set(const struct scan_worker *w);
/* A stream of the part has a label or an attribute of that name. */
bool scan_is_stream_name(struct scan_worker *w, struct tsdb_text name);
/* No stage changes labels or lines. */
bool scan_is_plain(const struct scan_worker *w);

/* The rows that are asked for next, all of the mask: other lines of their pages need not be made.
 */
void scan_expect(struct scan_worker *w, const uint32_t *rows, uint32_t count);
/* One row of the mask (and of the last scan_expect) through the stages; rows ascending cost least.
 * TSDB_END: refused.  After TSDB_OK pipeline_* of scan_run say what became of it. */
TSDB_NODISCARD enum tsdb_status scan_row(struct scan_worker *w, uint32_t row,
                                         struct tsdb_error *err);
struct pipeline_run *scan_run(struct scan_worker *w);

/* Where the values of a label lie in the part at hand: in the stream's labels, its
 * attributes, or columns (several, when names or types differ). */
enum { SCAN_SOURCES_MAX = 8 };
struct scan_source {
    uint32_t columns[SCAN_SOURCES_MAX];
    uint32_t column_count;
};
const struct scan_source *scan_source(struct scan_worker *w, struct tsdb_text name);
/* The metadata value of a row by that name, as text; false when it has none. */
bool scan_value(struct scan_worker *w, uint32_t row, struct tsdb_text name,
                struct tsdb_text *value);
/* The value of an attribute of the stream, as text. */
bool scan_attribute(struct scan_worker *w, uint32_t stream, struct tsdb_text name,
                    struct tsdb_text *value);

/* Names that the pipeline makes itself: of errors, and of metadata that a stream's label
 * hides.  Columns cannot tell of them. */
bool label_is_made(struct tsdb_text name);
/* Whether a label name is what LogQL makes of an attribute's name. */
bool label_is_name_of(struct tsdb_text label, struct tsdb_text name);

/* A field's value as LogQL shows it: hex ids, base64 bytes, shortest numbers.  What had to
 * be written lies in the arena; empty when that is full. */
struct tsdb_text field_text(const struct tsdb_field *field, struct arena *arena);

#endif
