#include "tsdb/traceql/metric_rows.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct tsdb_text name_label = {"__name__", 8};

struct metric_row *metric_rows_add(struct metric_rows *rows, uint32_t labels, uint32_t steps,
                                   struct arena *arena)
{
    if (rows->count == rows->cap) {
        uint32_t cap = rows->cap ? 2 * rows->cap : 16;
        struct metric_row *at = ARENA_ARRAY(arena, struct metric_row, cap);
        if (!at)
            return NULL;
        if (rows->count > 0)
            memcpy(at, rows->at, rows->count * sizeof *at);
        rows->at = at;
        rows->cap = cap;
    }
    struct metric_row *row = &rows->at[rows->count];
    *row = (struct metric_row){
        .labels = ARENA_ARRAY(arena, struct metric_label, (size_t)labels + 1),
        .values = ARENA_ARRAY(arena, double, (size_t)steps + 1),
    };
    if (!row->labels || !row->values)
        return NULL;
    for (uint32_t i = 0; i < steps; i++)
        row->values[i] = (double)NAN;
    rows->count++;
    return row;
}

void metric_row_label(struct metric_row *row, struct tsdb_text name, struct span_value value)
{
    uint32_t i = row->label_count;
    for (; i > 0; i--) {
        int sign = text_compare(name, row->labels[i - 1].name);
        if (sign == 0)
            return; /* said twice: by(a, a) */
        if (sign > 0)
            break;
    }
    memmove(row->labels + i + 1, row->labels + i, (row->label_count - i) * sizeof *row->labels);
    row->labels[i] = (struct metric_label){name, value};
    row->label_count++;
}

/* ---- order and identity ---------------------------------------------------------------------- */

static int compare_labels(const struct metric_row *a, const struct metric_row *b)
{
    for (uint32_t i = 0; i < a->label_count && i < b->label_count; i++) {
        int sign = text_compare(a->labels[i].name, b->labels[i].name);
        if (sign == 0)
            sign = span_value_order(&a->labels[i].value, &b->labels[i].value);
        if (sign == 0 && a->labels[i].value.type != b->labels[i].value.type)
            sign = a->labels[i].value.type < b->labels[i].value.type ? -1 : 1;
        if (sign)
            return sign;
    }
    return (a->label_count > b->label_count) - (a->label_count < b->label_count);
}

static int by_labels(const void *a, const void *b)
{
    return compare_labels(a, b);
}

void metric_rows_settle(struct metric_rows *rows, uint32_t steps)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        bool has_any = false;
        for (uint32_t k = 0; k < steps && !has_any; k++)
            has_any = !isnan(rows->at[i].values[k]);
        if (has_any)
            rows->at[kept++] = rows->at[i];
    }
    rows->count = kept;
    if (kept > 1)
        qsort(rows->at, kept, sizeof *rows->at, by_labels);
}

/* ---- one side -------------------------------------------------------------------------------- */

static bool compares(enum traceql_op op, double a, double b)
{
    switch ((int)op) {
    case TRACEQL_EQ: return a == b;
    case TRACEQL_NE: return a != b;
    case TRACEQL_LT: return a < b;
    case TRACEQL_LE: return a <= b;
    case TRACEQL_GT: return a > b;
    case TRACEQL_GE: return a >= b;
    default: return false;
    }
}

void metric_rows_filter(struct metric_rows *rows, uint32_t steps, enum traceql_op op, double value)
{
    for (uint32_t i = 0; i < rows->count; i++)
        for (uint32_t k = 0; k < steps; k++)
            if (!compares(op, rows->at[i].values[k], value))
                rows->at[i].values[k] = (double)NAN;
    metric_rows_settle(rows, steps);
}

static double compute(enum traceql_op op, double a, double b)
{
    switch ((int)op) {
    case TRACEQL_ADD: return a + b;
    case TRACEQL_SUB: return a - b;
    case TRACEQL_MUL: return a * b;
    case TRACEQL_DIV: return b == 0 ? (double)NAN : a / b;
    default: return (double)NAN;
    }
}

void metric_rows_scale(struct metric_rows *rows, uint32_t steps, enum traceql_op op, double value,
                       bool is_value_left)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        struct metric_row *row = &rows->at[i];
        for (uint32_t k = 0; k < steps; k++)
            row->values[k] = is_value_left ? compute(op, value, row->values[k])
                                           : compute(op, row->values[k], value);
        for (uint32_t k = 0; k < row->exemplar_count; k++)
            row->exemplars[k].value = is_value_left ? compute(op, value, row->exemplars[k].value)
                                                    : compute(op, row->exemplars[k].value, value);
    }
    metric_rows_settle(rows, steps);
}

struct ranked {
    double value; /* negated for the least */
    uint32_t row; /* rows are in order of labels */
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

void metric_rows_top(struct metric_rows *rows, uint32_t steps, uint32_t count, bool is_bottom)
{
    if (rows->count <= count)
        return;
    struct ranked *ranked = MEM_ARRAY(struct ranked, rows->count);
    for (uint32_t k = 0; k < steps; k++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < rows->count; i++) {
            double v = rows->at[i].values[k];
            if (!isnan(v))
                ranked[n++] = (struct ranked){is_bottom ? -v : v, i};
        }
        if (n <= count)
            continue;
        qsort(ranked, n, sizeof *ranked, by_rank);
        for (uint32_t i = count; i < n; i++)
            rows->at[ranked[i].row].values[k] = (double)NAN;
    }
    mem_free(ranked);
    metric_rows_settle(rows, steps);
}

/* ---- two sides ------------------------------------------------------------------------------- */

static bool is_name(const struct metric_label *label)
{
    return text_equal(label->name, name_label);
}

/* Labels of the same names and values, but for the name. */
static int compare_keys(const struct metric_row *a, const struct metric_row *b)
{
    uint32_t i = 0, k = 0;
    for (;; i++, k++) {
        i += i < a->label_count && is_name(&a->labels[i]);
        k += k < b->label_count && is_name(&b->labels[k]);
        if (i >= a->label_count || k >= b->label_count)
            return (i < a->label_count) - (k < b->label_count);
        int sign = text_compare(a->labels[i].name, b->labels[k].name);
        if (sign == 0)
            sign = span_value_order(&a->labels[i].value, &b->labels[k].value);
        if (sign)
            return sign;
    }
}

static int by_keys(const void *a, const void *b)
{
    return compare_keys(*(const struct metric_row *const *)a, *(const struct metric_row *const *)b);
}

static bool is_bare(const struct metric_row *row)
{
    return row->label_count == 0 || (row->label_count == 1 && is_name(&row->labels[0]));
}

/* One side, by keys, and its row without labels. */
struct side {
    const struct metric_row **rows; /* owned */
    uint32_t count;
    const struct metric_row *bare;
};

static void side_init(struct side *s, const struct metric_rows *rows)
{
    *s = (struct side){.rows = MEM_ARRAY(const struct metric_row *, (size_t)rows->count + 1)};
    for (uint32_t i = 0; i < rows->count; i++) {
        s->rows[s->count++] = &rows->at[i];
        if (is_bare(&rows->at[i]))
            s->bare = &rows->at[i];
    }
    if (s->count > 1)
        qsort(s->rows, s->count, sizeof *s->rows, by_keys);
}

static const struct metric_row *side_find(const struct side *s, const struct metric_row *key)
{
    uint32_t from = 0, to = s->count;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        int sign = compare_keys(key, s->rows[mid]);
        if (sign == 0)
            return s->rows[mid];
        if (sign < 0)
            to = mid;
        else
            from = mid + 1;
    }
    return s->bare;
}

static const struct span_value *name_of(const struct metric_row *row)
{
    for (uint32_t i = 0; i < row->label_count; i++)
        if (is_name(&row->labels[i]))
            return &row->labels[i].value;
    return NULL;
}

/* "(rate + rate)", where both sides have a name. */
static bool put_name(struct metric_row *to, const struct metric_row *left,
                     const struct metric_row *right, enum traceql_op op, struct arena *arena)
{
    const struct span_value *l = name_of(left), *r = name_of(right);
    if (!l || !r)
        return true;
    struct writer text = {0};
    writer_u8(&text, '(');
    span_value_put(l, &text);
    writer_format(&text, " %s ", traceql_op_name(op));
    span_value_put(r, &text);
    writer_u8(&text, ')');
    char *kept = ARENA_ARRAY(arena, char, text.len);
    if (kept) {
        memcpy(kept, text.at, text.len);
        metric_row_label(to, name_label, span_string((struct tsdb_text){kept, text.len}));
    }
    writer_release(&text);
    return kept != NULL;
}

static bool put_exemplars(struct metric_row *to, const struct metric_row *left,
                          const struct metric_row *right, struct arena *arena)
{
    uint32_t count = left->exemplar_count + right->exemplar_count;
    if (count == 0)
        return true;
    to->exemplars = ARENA_ARRAY(arena, struct tsdb_trace_exemplar, count);
    if (!to->exemplars)
        return false;
    for (uint32_t i = 0; i < left->exemplar_count; i++)
        to->exemplars[to->exemplar_count++] = left->exemplars[i];
    for (uint32_t i = 0; i < right->exemplar_count; i++)
        to->exemplars[to->exemplar_count++] = right->exemplars[i];
    return true;
}

static bool join(const struct metric_row *left, const struct metric_row *right, enum traceql_op op,
                 uint32_t steps, struct arena *arena, struct metric_rows *out)
{
    struct metric_row *row =
        metric_rows_add(out, left->label_count + right->label_count + 1, steps, arena);
    if (!row)
        return false;
    for (uint32_t i = 0; i < left->label_count; i++)
        if (!is_name(&left->labels[i]))
            metric_row_label(row, left->labels[i].name, left->labels[i].value);
    for (uint32_t i = 0; i < right->label_count; i++)
        if (!is_name(&right->labels[i]))
            metric_row_label(row, right->labels[i].name, right->labels[i].value);
    for (uint32_t k = 0; k < steps; k++)
        row->values[k] = compute(op, left->values[k], right->values[k]);
    return put_name(row, left, right, op, arena) && put_exemplars(row, left, right, arena);
}

bool metric_rows_join(const struct metric_rows *left, const struct metric_rows *right,
                      enum traceql_op op, uint32_t steps, struct arena *arena,
                      struct metric_rows *out)
{
    struct side l, r;
    side_init(&l, left);
    side_init(&r, right);
    const struct metric_rows *target = r.bare ? left : right;
    bool is_ok = true;
    for (uint32_t i = 0; i < target->count && is_ok; i++) {
        const struct metric_row *a = side_find(&l, &target->at[i]);
        const struct metric_row *b = side_find(&r, &target->at[i]);
        if (a && b)
            is_ok = join(a, b, op, steps, arena, out);
    }
    mem_free(l.rows);
    mem_free(r.rows);
    if (is_ok)
        metric_rows_settle(out, steps);
    return is_ok;
}
