#include "tsdb/query/call_histogram.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/query/call.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/eval_table.h"
#include "tsdb/query/histogram_math_rank.h"

#include <math.h>
#include <string.h>

/* The buckets of one classic histogram: rows of the table, chained. */
struct classic {
    struct tsdb_labels labels; /* without le and name */
    uint32_t first, count;
    uint8_t *clash; /* steps at which there is a native one as well, or NULL */
};

#define NO_BUCKET UINT32_MAX

struct rank_op {
    struct op op;
    enum function_id id;
    const double *parameters[12]; /* quantiles, or lower and upper; one value a step */
    uint32_t parameter_count;
    uint32_t vector; /* which argument is the vector */
    /* classic */
    struct key_map keys;
    struct classic *classics;
    uint32_t classic_cap;
    struct row_table buckets;
    double *bounds;
    uint32_t *next;
    uint32_t bound_cap, next_cap;
    struct classic_bucket *sorted;
    /* native: parameter_count rows each, in order */
    struct row_table natives;
    struct tsdb_hash *native_keys;
    uint32_t native_cap;
    struct row_table results;
    uint32_t given;
    bool is_ready;
};

/* histogram_fraction takes two parameters for one answer. */
static uint32_t answers(const struct rank_op *r)
{
    ASSERT(r->parameter_count > 0);
    return r->id == FUNCTION_HISTOGRAM_FRACTION ? 1 : r->parameter_count;
}

static uint32_t vector_begin(const struct rank_op *r)
{
    return r->op.expr->call.arguments[r->vector]->begin;
}

/* ---- native ------------------------------------------------------------------- */

static void note_rank(const struct rank_op *r, enum rank_note note)
{
    static const char *const texts[] = {
        [RANK_NAN_RESULT] = "input to histogram_quantile has NaN observations, result is NaN",
        [RANK_NAN_SKEW] =
            "input to histogram_quantile has NaN observations, result is skewed higher",
    };
    const char *text = texts[note];
    if (note == RANK_PLAIN)
        return;
    if (r->id == FUNCTION_HISTOGRAM_FRACTION)
        text = "input to histogram_fraction has NaN observations, which are excluded from all "
               "fractions";
    annotations_add(&r->op.ev->annotations, ANNOTATION_INFO, vector_begin(r), "%s", text);
}

/* False: no memory. */
static bool rank_native(const struct rank_op *r, const struct row *row, uint32_t answer,
                        struct row *to)
{
    struct arena *scratch = &r->op.ev->scratch;
    for (uint32_t i = 0; i < r->op.grid.count; i++) {
        if (row->kinds[i] != POINT_HISTOGRAM)
            continue;
        enum rank_note note;
        bool is_whole = r->id == FUNCTION_HISTOGRAM_FRACTION
                            ? histogram_fraction(r->parameters[0][i], r->parameters[1][i],
                                                 row->histograms[i], scratch, &to->values[i], &note)
                            : histogram_quantile(r->parameters[answer][i], row->histograms[i],
                                                 scratch, &to->values[i], &note);
        if (!is_whole)
            return false;
        note_rank(r, note);
        to->kinds[i] = POINT_FLOAT;
    }
    return true;
}

static bool add_native(struct rank_op *r, const struct row *row)
{
    struct eval *ev = r->op.ev;
    uint32_t index = r->natives.count / answers(r);
    struct tsdb_hash *keys =
        array_room(&ev->arena, r->native_keys, index, &r->native_cap, sizeof *keys);
    if (!keys)
        return false;
    r->native_keys = keys;
    keys[index] = labels_key(&r->op.ev->key_text, row->labels);
    for (uint32_t a = 0; a < answers(r); a++) {
        struct row to;
        if (!row_init(ev, &to, r->op.grid.count, false))
            return false;
        to.labels = row->labels;
        if (!rank_native(r, row, a, &to) ||
            !row_table_append(ev, &r->natives, &to, r->op.grid.count))
            return false;
    }
    return true;
}

/* ---- classic ------------------------------------------------------------------ */

static bool classic_init(struct rank_op *r, struct classic *c, struct tsdb_labels labels)
{
    struct arena *arena = &r->op.ev->arena;
    *c = (struct classic){.first = NO_BUCKET};
    struct tsdb_labels without;
    return labels_set(arena, labels, label_le_text, (struct tsdb_text){"", 0}, &without) &&
           labels_drop_name(arena, without, &c->labels);
}

static bool add_bucket(struct rank_op *r, const struct row *row, double bound)
{
    struct eval *ev = r->op.ev;
    uint32_t known = r->keys.count, index = r->buckets.count;
    uint32_t at = key_map_put(ev, &r->keys,
                              labels_key_except(&r->op.ev->key_text, row->labels, label_le_text));
    struct classic *classics = array_room(&ev->arena, r->classics, at == known ? known : 0,
                                          &r->classic_cap, sizeof *classics);
    double *bounds = array_room(&ev->arena, r->bounds, index, &r->bound_cap, sizeof *bounds);
    uint32_t *next = array_room(&ev->arena, r->next, index, &r->next_cap, sizeof *next);
    if (at == KEY_FULL || !classics || !bounds || !next)
        return false;
    r->classics = classics;
    r->bounds = bounds;
    r->next = next;
    if (at == known && !classic_init(r, &classics[at], row->labels))
        return false;
    if (!row_table_append(ev, &r->buckets, row, r->op.grid.count))
        return false;
    bounds[index] = bound;
    next[index] = classics[at].first;
    classics[at].first = index;
    classics[at].count++;
    return true;
}

static uint32_t gather(struct rank_op *r, const struct classic *c, uint32_t step)
{
    uint32_t n = 0;
    for (uint32_t b = c->first; b != NO_BUCKET; b = r->next[b])
        if (r->buckets.rows[b].kinds[step] == POINT_FLOAT)
            r->sorted[n++] = (struct classic_bucket){r->bounds[b], r->buckets.rows[b].values[step]};
    return n;
}

static double rank_classic(struct rank_op *r, uint32_t answer, uint32_t step, uint32_t n)
{
    if (r->id == FUNCTION_HISTOGRAM_FRACTION)
        return classic_fraction(r->parameters[0][step], r->parameters[1][step], r->sorted, n);
    struct classic_fix fix;
    double v = classic_quantile(r->parameters[answer][step], r->sorted, n, &fix);
    if (fix.is_forced)
        annotations_monotonicity(&r->op.ev->annotations, vector_begin(r),
                                 &(struct annotation_monotonicity){
                                     .ts = grid_at(&r->op.grid, step),
                                     .bucket_min = fix.bucket_min,
                                     .bucket_max = fix.bucket_max,
                                     .diff_max = fix.diff_max,
                                 });
    return v;
}

static enum tsdb_status rank_row(struct rank_op *r, const struct classic *c, uint32_t answer,
                                 struct row *to, struct tsdb_error *err)
{
    for (uint32_t i = 0; i < r->op.grid.count; i++) {
        uint32_t n = c->clash && c->clash[i] ? 0 : gather(r, c, i);
        if (n == 0)
            continue;
        to->kinds[i] = POINT_FLOAT;
        to->values[i] = rank_classic(r, answer, i, n);
        enum tsdb_status st = eval_poll(r->op.ev, n, err);
        if (st != TSDB_OK)
            return st;
    }
    return TSDB_OK;
}

/* ---- both --------------------------------------------------------------------- */

/* Answers of a native histogram stay where no classic one has buckets. */
static bool resolve(struct rank_op *r, uint32_t native)
{
    uint32_t at = key_map_find(&r->keys, r->native_keys[native]);
    if (at == KEY_FULL)
        return true;
    struct classic *c = &r->classics[at];
    uint32_t steps = r->op.grid.count;
    for (uint32_t i = 0; i < steps; i++) {
        bool is_both = false;
        for (uint32_t b = c->first; b != NO_BUCKET && !is_both; b = r->next[b])
            is_both = r->buckets.rows[b].kinds[i] == POINT_FLOAT &&
                      r->natives.rows[(size_t)native * answers(r)].kinds[i] != POINT_NONE;
        if (!is_both)
            continue;
        if (!c->clash)
            c->clash = ARENA_ARRAY(&r->op.ev->arena, uint8_t, steps);
        if (!c->clash)
            return false;
        c->clash[i] = 1;
        for (uint32_t a = 0; a < answers(r); a++)
            r->natives.rows[(size_t)native * answers(r) + a].kinds[i] = POINT_NONE;
        annotations_add(&r->op.ev->annotations, ANNOTATION_WARNING, vector_begin(r),
                        "vector contains a mix of classic and native histograms");
    }
    return true;
}

/* histogram_quantiles: the quantile as a label; else the labels as they are. */
static bool answer_labels(struct rank_op *r, struct row *row, uint32_t answer, uint32_t step)
{
    if (r->id != FUNCTION_HISTOGRAM_QUANTILES)
        return true;
    char digits[DOUBLE_TEXT_MAX + 2];
    double q = r->parameters[answer][step];
    size_t len = double_format_g(q, digits);
    /* As OpenMetrics writes a float: 1 is 1.0. */
    if (isfinite(q) && !memchr(digits, '.', len) && !memchr(digits, 'e', len)) {
        digits[len++] = '.';
        digits[len++] = '0';
    }
    struct arena *arena = &r->op.ev->arena;
    struct tsdb_text value = text_keep(arena, (struct tsdb_text){digits, len});
    return value.at &&
           labels_set(arena, row->labels, call_text(r->op.expr, 1), value, &row->labels);
}

/* The quantile may change from step to step, and with it the label. */
static enum tsdb_status deliver(struct rank_op *r, struct row *row, uint32_t answer,
                                struct tsdb_error *err)
{
    struct eval *ev = r->op.ev;
    uint32_t steps = r->op.grid.count;
    struct tsdb_labels labels = row->labels;
    for (uint32_t from = 0; from < steps;) {
        uint32_t to = from + 1;
        const double *q = r->parameters[answer];
        bool splits = r->id == FUNCTION_HISTOGRAM_QUANTILES;
        while (to < steps && (!splits || bits_of(q[to]) == bits_of(q[from])))
            to++;
        struct row part;
        if (!row_init(ev, &part, steps, false))
            return eval_full(ev, err);
        part.labels = labels;
        memcpy(part.kinds + from, row->kinds + from, to - from);
        memcpy(part.values + from, row->values + from, (to - from) * sizeof *row->values);
        if (!row_is_empty(&part, steps)) {
            if (!answer_labels(r, &part, answer, from))
                return eval_full(ev, err);
            enum tsdb_status st = row_table_merge(ev, &r->results, &part, &r->op.grid, false, err);
            if (st != TSDB_OK)
                return st;
        }
        from = to;
    }
    return TSDB_OK;
}

static enum tsdb_status deliver_natives(struct rank_op *r, struct tsdb_error *err)
{
    for (uint32_t n = 0; n < r->natives.count; n++) {
        struct row *row = &r->natives.rows[n];
        if (n % answers(r) == 0 && !resolve(r, n / answers(r)))
            return eval_full(r->op.ev, err);
        if (!labels_drop_name(&r->op.ev->arena, row->labels, &row->labels))
            return eval_full(r->op.ev, err);
        enum tsdb_status st = deliver(r, row, n % answers(r), err);
        if (st != TSDB_OK)
            return st;
    }
    return TSDB_OK;
}

static enum tsdb_status deliver_classics(struct rank_op *r, struct tsdb_error *err)
{
    struct eval *ev = r->op.ev;
    r->sorted = ARENA_ARRAY(&ev->arena, struct classic_bucket, r->buckets.count);
    if (!r->sorted)
        return eval_full(ev, err);
    for (uint32_t c = 0; c < r->keys.count; c++) {
        for (uint32_t a = 0; a < answers(r); a++) {
            struct row row;
            if (!row_init(ev, &row, r->op.grid.count, false))
                return eval_full(ev, err);
            enum tsdb_status st = rank_row(r, &r->classics[c], a, &row, err);
            row.labels = r->classics[c].labels;
            if (st == TSDB_OK)
                st = deliver(r, &row, a, err);
            if (st != TSDB_OK)
                return st;
        }
    }
    return TSDB_OK;
}

static enum tsdb_status add_row(struct rank_op *r, const struct row *row, struct tsdb_error *err)
{
    uint32_t steps = r->op.grid.count;
    if (row->histograms && memchr(row->kinds, POINT_HISTOGRAM, steps) && !add_native(r, row))
        return eval_full(r->op.ev, err);
    if (!memchr(row->kinds, POINT_FLOAT, steps))
        return TSDB_OK;
    struct tsdb_text le = label_get(row->labels, label_le_text);
    double bound;
    if (!double_parse(le, &bound)) {
        annotations_add(&r->op.ev->annotations, ANNOTATION_WARNING, vector_begin(r),
                        "bucket label \"le\" is missing or has a malformed value of \"%.*s\"",
                        (int)le.len, le.at);
        return TSDB_OK;
    }
    return add_bucket(r, row, bound) ? TSDB_OK : eval_full(r->op.ev, err);
}

static enum tsdb_status rank_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct rank_op *r = (struct rank_op *)op;
    while (!r->is_ready) {
        struct row *row;
        enum tsdb_status st = op_next(op->children[0], &row, err);
        if (st == TSDB_OK)
            st = add_row(r, row, err);
        if (st == TSDB_OK)
            st = eval_poll(op->ev, op->grid.count, err);
        if (st == TSDB_END) {
            r->is_ready = true;
            st = deliver_natives(r, err);
            if (st == TSDB_OK)
                st = deliver_classics(r, err);
        }
        if (st != TSDB_OK)
            return st;
    }
    if (r->given == r->results.count)
        return TSDB_END;
    *out = &r->results.rows[r->given++];
    return TSDB_OK;
}

/* ---- the operator ------------------------------------------------------------- */

static void check_quantile(const struct rank_op *r, const double *q, uint32_t begin)
{
    for (uint32_t i = 0; i < r->op.grid.count; i++)
        if (isnan(q[i]) || q[i] < 0 || q[i] > 1)
            annotations_add(&r->op.ev->annotations, ANNOTATION_WARNING, begin,
                            "quantile value should be between 0 and 1, got %s",
                            annotation_number(q[i]).at);
}

static enum tsdb_status take_arguments(struct rank_op *r, struct tsdb_error *err)
{
    const struct expr_call *call = &r->op.expr->call;
    bool is_fraction = r->id == FUNCTION_HISTOGRAM_FRACTION;
    for (uint32_t i = 0; i < call->count; i++) {
        const struct expr *argument = call->arguments[i];
        if (argument->type == TYPE_VECTOR)
            r->vector = i;
        if (argument->type != TYPE_SCALAR)
            continue;
        if (r->parameter_count == sizeof r->parameters / sizeof r->parameters[0])
            break;
        const double **slot = &r->parameters[r->parameter_count++];
        enum tsdb_status st = scalar_values(r->op.ev, argument, &r->op.grid, slot, err);
        if (st != TSDB_OK)
            return st;
        if (!is_fraction)
            check_quantile(r, *slot, argument->begin);
    }
    return op_new(r->op.ev, call->arguments[r->vector], &r->op.grid, &r->op.children[0], err);
}

enum tsdb_status call_rank_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                               struct op **out, struct tsdb_error *err)
{
    struct rank_op *r = OP_NEW(struct rank_op, ev, e, grid);
    if (!r)
        return eval_full(ev, err);
    r->id = e->call.function->id;
    enum tsdb_status st = take_arguments(r, err);
    if (st != TSDB_OK)
        return st;
    r->op.next = rank_next;
    r->op.is_name_fixed = r->id != FUNCTION_HISTOGRAM_QUANTILES;
    *out = &r->op;
    return TSDB_OK;
}
