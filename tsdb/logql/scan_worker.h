/* scan_worker.h - what the files of a scan's worker share: scan.c and scan_mask.c. */
#ifndef TSDB_LOGQL_SCAN_WORKER_H
#define TSDB_LOGQL_SCAN_WORKER_H

#include "tsdb/logql/scan.h"

enum {
    MASK_WORDS = GROUP_ROWS_MAX / 64,
    ROW_ARENA_MAX = 64 << 20,
    SOURCES_MAX = 64,
    SOURCE_NAME_MAX = 64,
    ID_BYTES_MAX = 16,
    CODES_MAX = 65536,
    ASKS_LEAST = 16, /* pages asked for the needles before the answers' worth is judged */
    ASKS_SHARE = 8,  /* one line of so many must be refused; one page of so many is asked anyway */

};

/* A column of the part at hand, opened when a row is first asked for it. */
struct column_view {
    bool is_open, has_codes;
    const uint64_t *presence; /* NULL: every row has it */
    struct column_codes codes;
    const struct tsdb_text *texts;
    const int64_t *ints;
    const double *doubles;
};

struct named_source {
    char name[SOURCE_NAME_MAX];
    size_t name_len;
    uint64_t part; /* serial it was filled for */
    struct scan_source source;
};

struct scan_worker {
    const struct log_scan *scan;
    struct group_reader *reader;
    struct pipeline_run *run;
    const struct logs_part *part;
    uint32_t part_index;
    const struct group *group;
    struct scan_rows rows;
    uint64_t *mask;     /* MASK_WORDS */
    uint64_t *expected; /* owned, MASK_WORDS: the lines that rows will ask for; if has_expected */
    uint64_t *made;     /* owned, MASK_WORDS: of the page at hand, which lines are there */
    bool has_expected;
    uint32_t stages_done;
    uint32_t pages_asked; /* for the needles, of all parts */
    uint64_t lines_asked, lines_refused;
    uint64_t serial; /* of the part */
    uint32_t time, line, column_count;
    struct column_view *columns; /* owned; of the part */
    uint32_t column_cap;
    struct tsdb_text *names; /* label names of the columns, in name_text; lazily */
    uint32_t name_cap;
    uint64_t named_part;
    uint64_t absent, absent_part; /* pipeline_entry.absent, and the part it is of */
    struct writer name_text;
    struct named_source sources[SOURCES_MAX];
    uint32_t source_count;
    struct scan_source loose; /* of a name that found no place */
    struct text_page page;
    bool has_page;
    uint32_t page_index, run_hint;
    struct arena values; /* texts of one row */
    uint32_t row;
    uint32_t stream;        /* of the row */
    enum tsdb_status fault; /* of a callback that cannot answer one */
    struct tsdb_error fault_text;
};

static inline bool column_has_row(const struct column_view *v, uint32_t row)
{
    return !v->presence || (v->presence[row / 64] >> row % 64 & 1);
}

/* Decodes the column, the first time. */
TSDB_NODISCARD enum tsdb_status scan_open_column(struct scan_worker *w, uint32_t column,
                                                 struct column_view **out, struct tsdb_error *err);

/* Decodes the times of the part, the first time: a part whose rows are all refused needs none. */
TSDB_NODISCARD enum tsdb_status scan_open_times(struct scan_worker *w, struct tsdb_error *err);

/* ---- scan_mask.c ---------------------------------------------------------------------- */

/* Rows [from, to) leave the mask. */
void scan_mask_clear(uint64_t *mask, uint32_t from, uint32_t to);
uint32_t scan_mask_count(const uint64_t *mask, uint32_t rows);
/* The rows of the runs in the range that are not hidden. */
TSDB_NODISCARD enum tsdb_status scan_mask_runs(struct scan_worker *w, struct tsdb_error *err);
/* False: by the value filters no row can have what the pipeline's equalities ask for. */
bool scan_mask_values(struct scan_worker *w);
/* Takes out rows that label filters over columns refuse, as far as the stages behind the page's
 * line filters are such; true: nothing is left for the stages to do. */
bool scan_mask_labels(struct scan_worker *w);

#endif
