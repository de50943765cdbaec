/* eval.h - operators: how an expression becomes rows.
 *
 * The plan turns every node of the tree into an operator over a grid of times.
 * An operator hands out one row at a time: the labels of one output series and
 * its points at all steps of the grid.  A row is
 *
 *        step      0      1      2      3
 *     kinds[]   FLOAT  NONE   FLOAT  HISTOGRAM
 *    values[]    1.5     -     2.0      -
 *  histograms[]   -      -      -       *          (NULL: no histogram in the row)
 *
 * so a query never holds all samples of all series: selectors, range functions,
 * arithmetic with scalars and the like pass rows on; only aggregation keeps its
 * accumulators, and sides of binary operators, sort and topk keep what they must.
 *
 * A row belongs to the operator that handed it out and lives until its next
 * op_next; meanwhile the caller may overwrite its points.  Labels (arrays and
 * text) live as long as the query: in the series set or in the query's arena.
 * A scalar is an operator with one row without labels and a float at every step.
 *
 * Same at every step (numbers, @): planned over one step and repeated by
 * broadcast_new.  is_name_fixed says that all rows of an operator have the same
 * name, or none, so that dropping it cannot make two rows equal; without it, who
 * drops names passes its rows through merge_new.
 *
 * Depth: op_next recurses as deep as the tree is high (EXPR_HEIGHT_MAX).
 * Memory: everything is charged to eval.budget; full is TSDB_ELIMIT.  Every loop
 * over samples reports to eval_poll, which ends the query at its deadline.
 * Owner: one query, one thread at a time.
 */
#ifndef TSDB_QUERY_EVAL_H
#define TSDB_QUERY_EVAL_H

#include "tsdb/base/arena.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/hash.h"
#include "tsdb/metrics/select.h"
#include "tsdb/query/annotations.h"
#include "tsdb/query/ast.h"

#include <stdatomic.h>

/* Times start, start + step, ...; count may be 0. */
struct grid {
    int64_t start, step;
    uint32_t count;
};

static inline int64_t grid_at(const struct grid *g, uint32_t i)
{
    return g->start + (int64_t)i * g->step;
}

enum point_kind { POINT_NONE, POINT_FLOAT, POINT_HISTOGRAM };

struct row {
    struct tsdb_labels labels;
    uint8_t *kinds; /* enum point_kind, one a step */
    double *values;
    const struct tsdb_histogram **histograms; /* NULL: no histogram in the row */
};

/* What one query shares between its operators. */
struct eval {
    struct metrics *metrics;
    void *foreign; /* what the EXPR_FOREIGN leaves read from; NULL: there are none */
    struct clock *clock;
    struct budget *budget;  /* the query's own */
    struct arena arena;     /* lives as long as the query */
    struct arena scratch;   /* of one computation; who uses it resets it */
    struct writer key_text; /* of one key */
    struct annotations annotations;
    const char *tenant;
    struct grid grid; /* of the query */
    int64_t end;      /* of the query: where @ end() looks; the grid may stop before */
    int64_t lookback;
    int64_t deadline; /* on the monotonic clock */
    uint64_t samples_max, series_max, bytes_max;
    uint64_t samples, samples_held, samples_peak, series, bytes_peak;
    uint32_t unpolled; /* samples since the clock was asked */
    bool is_partial;
    _Atomic bool is_canceled;
};

struct op {
    enum tsdb_status (*next)(struct op *op, struct row **out, struct tsdb_error *err);
    void (*close)(struct op *op); /* NULL: nothing beyond the children */
    struct eval *ev;
    const struct expr *expr;
    struct grid grid;
    bool is_name_fixed;
    struct op *children[2]; /* owned; closed with the operator */
};

/* ---- operators ---------------------------------------------------------------- */

/* The operator of an expression that is a scalar or an instant vector. */
TSDB_NODISCARD enum tsdb_status op_new(struct eval *ev, const struct expr *e,
                                       const struct grid *grid, struct op **out,
                                       struct tsdb_error *err);
/* Ends operators that op_new made, also half-made ones; NULL is a no-op. */
void op_close(struct op *op);
static inline enum tsdb_status op_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    return op->next(op, out, err);
}

/* `bytes` of a struct whose first member is a struct op; NULL: no memory. */
void *op_alloc(struct eval *ev, size_t bytes, const struct expr *e, const struct grid *grid);
#define OP_NEW(type, ev, e, grid) ((type *)op_alloc((ev), sizeof(type), (e), (grid)))

/* The child's one step at every step of the grid. */
TSDB_NODISCARD enum tsdb_status broadcast_new(struct eval *ev, const struct expr *e,
                                              const struct grid *grid, struct op **out,
                                              struct tsdb_error *err);
/* The same value at every step. */
TSDB_NODISCARD enum tsdb_status constant_new(struct eval *ev, const struct expr *e, double value,
                                             const struct grid *grid, struct op **out,
                                             struct tsdb_error *err);
/* Rows of equal labels become one.  TSDB_EEXEC when two have a point at the same
 * step, or, is_strict, at all.  Takes the child, also when it fails. */
TSDB_NODISCARD enum tsdb_status merge_new(struct op *child, bool is_strict, struct op **out,
                                          struct tsdb_error *err);
/* The value of a scalar expression at every step of the grid; ends the operator. */
TSDB_NODISCARD enum tsdb_status scalar_values(struct eval *ev, const struct expr *e,
                                              const struct grid *grid, const double **out,
                                              struct tsdb_error *err);

/* ---- shared state ------------------------------------------------------------- */

/* TSDB_ELIMIT with a text that names bytes_max. */
enum tsdb_status eval_full(const struct eval *ev, struct tsdb_error *err);
/* `samples` more were looked at.  TSDB_ECANCELED when it is time to end. */
TSDB_NODISCARD enum tsdb_status eval_poll(struct eval *ev, uint32_t samples,
                                          struct tsdb_error *err);
/* `samples` more were read from the store: against samples_max, then as above. */
TSDB_NODISCARD enum tsdb_status eval_read(struct eval *ev, uint32_t samples,
                                          struct tsdb_error *err);
/* Where `time` looks at step i of the grid. */
int64_t eval_time_at(const struct eval *ev, const struct expr_time *time, const struct grid *grid,
                     uint32_t i);

/* ---- rows --------------------------------------------------------------------- */

/* All points NONE; room for histograms only when asked.  False: no memory. */
bool row_init(struct eval *ev, struct row *row, uint32_t steps, bool has_histograms);
/* Gives the row room for histograms, when it has none.  False: no memory. */
bool row_add_histograms(struct eval *ev, struct row *row, uint32_t steps);
bool row_is_empty(const struct row *row, uint32_t steps);
/* Copies points; histograms deeply, to the arena.  False: no memory. */
bool row_copy(struct eval *ev, struct row *to, const struct row *from, uint32_t steps);
/* A deep copy in the arena; NULL: no memory. */
const struct tsdb_histogram *histogram_copy(struct arena *arena, const struct tsdb_histogram *h);

#define STALE_BITS UINT64_C(0x7ff0000000000002)
static inline bool value_is_stale(double v)
{
    uint64_t bits;
    __builtin_memcpy(&bits, &v, sizeof bits);
    return bits == STALE_BITS;
}

static inline bool sample_is_stale(const struct samples *s, uint32_t i)
{
    const struct tsdb_histogram *h = s->histograms ? s->histograms[i] : NULL;
    return value_is_stale(h ? h->sum : s->values[i]);
}

/* a - b, stopping at the ends of time instead of wrapping. */
static inline int64_t time_sub(int64_t a, int64_t b)
{
    int64_t r;
    if (__builtin_sub_overflow(a, b, &r))
        return b < 0 ? INT64_MAX : INT64_MIN;
    return r;
}

/* Seconds since the epoch, or of a duration, as Prometheus computes them from
 * its milliseconds: exact to the last bit where ns is a whole number of those. */
static inline double seconds_of(int64_t ns)
{
    if (ns % 1000000 == 0)
        return (double)(int64_t)(ns / 1000000) / 1000.0;
    return (double)((long double)ns / 1e9L);
}

#endif
