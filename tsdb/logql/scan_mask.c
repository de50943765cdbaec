#include "tsdb/logql/scan_worker.h"

#include "tsdb/base/text.h"

#include <string.h>

/* ---- the mask ------------------------------------------------------------------ */

static void mask_range(uint64_t *mask, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to;) {
        uint32_t bit = i % 64, n = 64 - bit < to - i ? 64 - bit : to - i;
        uint64_t ones = n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
        mask[i / 64] |= ones << bit;
        i += n;
    }
}

void scan_mask_clear(uint64_t *mask, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        mask[i / 64] &= ~(UINT64_C(1) << i % 64);
}

uint32_t scan_mask_count(const uint64_t *mask, uint32_t rows)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < (rows + 63) / 64; i++)
        n += (uint32_t)__builtin_popcountll(mask[i]);
    return n;
}

/* The first row in [from, to) with a time >= ts; times ascend there. */
static uint32_t first_at(const int64_t *times, uint32_t from, uint32_t to, int64_t ts)
{
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        if (times[mid] < ts)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

/* Whether times say which rows of the run are asked for. */
static bool is_cut(const struct scan_worker *w, uint32_t i, uint32_t hidden)
{
    const struct logs_run *run = &w->part->runs[i];
    return run->ts_min < w->scan->start || run->ts_max >= w->scan->end ||
           (hidden < w->part->hidden_count && w->part->hidden[hidden].run == i);
}

enum tsdb_status scan_mask_runs(struct scan_worker *w, struct tsdb_error *err)
{
    const struct logs_part *part = w->part;
    uint32_t hidden = 0;
    for (uint32_t i = 0; i < part->run_count; i++) {
        const struct logs_run *run = &part->runs[i];
        uint32_t from = run->first, to = run->first + run->rows;
        enum tsdb_status st = is_cut(w, i, hidden) ? scan_open_times(w, err) : TSDB_OK;
        if (st != TSDB_OK)
            return st;
        if (run->ts_min < w->scan->start)
            from = first_at(w->rows.ts, from, to, w->scan->start);
        if (run->ts_max >= w->scan->end)
            to = first_at(w->rows.ts, from, to, w->scan->end);
        mask_range(w->mask, from, to);
        for (; hidden < part->hidden_count && part->hidden[hidden].run == i; hidden++)
            scan_mask_clear(w->mask, first_at(w->rows.ts, from, to, part->hidden[hidden].start),
                            first_at(w->rows.ts, from, to, part->hidden[hidden].end));
    }
    return TSDB_OK;
}

/* ---- names ------------------------------------------------------------------------- */

/* No stream label or attribute may have the name: then the column would not be asked. */
bool scan_is_stream_name(struct scan_worker *w, struct tsdb_text name)
{
    for (uint32_t i = 0; i < w->part->run_count; i++) {
        const struct logs_stream *s = logs_set_stream(w->scan->set, w->part->runs[i].stream);
        struct tsdb_text value;
        for (uint32_t k = 0; k < s->labels.count; k++)
            if (text_equal(s->labels.at[k].name, name))
                return true;
        if (scan_attribute(w, w->part->runs[i].stream, name, &value))
            return true;
    }
    return false;
}

/* ---- values by the filter ------------------------------------------------------------ */

/* The bytes that lower-case hex stands for; false when it is none, or too long. */
static bool bytes_of_hex(struct tsdb_text hex, char out[ID_BYTES_MAX], size_t *len)
{
    if (hex.len % 2 || hex.len / 2 > ID_BYTES_MAX)
        return false;
    for (size_t i = 0; i < hex.len; i++) {
        char c = hex.at[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        out[i / 2] = (char)(i % 2 ? out[i / 2] | digit : digit << 4);
    }
    *len = hex.len / 2;
    return true;
}

static bool may_have(struct scan_worker *w, uint32_t column, struct tsdb_text value)
{
    char bytes[ID_BYTES_MAX];
    size_t len;
    const struct column_info *info = group_column(w->group, column);
    if (info->tag == TSDB_FIELD_STRING)
        return group_may_have(w->group, column, value);
    if (info->tag != TSDB_FIELD_ID)
        return true;
    return bytes_of_hex(value, bytes, &len) &&
           group_may_have(w->group, column, (struct tsdb_text){bytes, len});
}

bool scan_mask_values(struct scan_worker *w)
{
    uint32_t count;
    const struct tsdb_label *want = pipeline_equalities(w->scan->pipeline, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (want[i].value.len == 0 || label_is_made(want[i].name) ||
            scan_is_stream_name(w, want[i].name))
            continue;
        const struct scan_source *source = scan_source(w, want[i].name);
        bool may = false;
        for (uint32_t k = 0; k < source->column_count && !may; k++)
            may = may_have(w, source->columns[k], want[i].value);
        if (!may)
            return false;
    }
    return true;
}

/* ---- label filters on columns ---------------------------------------------------------- */

typedef bool keep_fn(const void *test, const struct column_view *v, uint32_t row);

/* Rows whose bit is set stay where keep says so. */
static void mask_keep(struct scan_worker *w, const struct column_view *v, keep_fn *keep,
                      const void *test)
{
    for (uint32_t word = 0; word < (w->rows.rows + 63) / 64; word++) {
        uint64_t kept = w->mask[word];
        for (uint64_t bits = kept; bits; bits &= bits - 1) {
            uint32_t bit = (uint32_t)__builtin_ctzll(bits);
            if (!keep(test, v, word * 64 + bit))
                kept &= ~(UINT64_C(1) << bit);
        }
        w->mask[word] = kept;
    }
}

/* Verdicts by code; of rows without the column: what "" gives. */
struct code_test {
    const uint8_t *passes;
    bool accepts_empty;
};

static bool keep_code(const void *test, const struct column_view *v, uint32_t row)
{
    const struct code_test *t = test;
    if (!column_has_row(v, row))
        return t->accepts_empty;
    return t->passes[v->codes.codes ? v->codes.codes[row] : 0];
}

static bool keep_text(const void *test, const struct column_view *v, uint32_t row)
{
    const struct matcher *m = test;
    struct tsdb_text none = {"", 0};
    return matcher_test(m, column_has_row(v, row) ? v->texts[row] : none);
}

/* An id's bytes, or what can be none of them. */
struct id_test {
    char bytes[ID_BYTES_MAX];
    size_t len;
};

static bool keep_id(const void *test, const struct column_view *v, uint32_t row)
{
    const struct id_test *t = test;
    struct tsdb_text at = {NULL, 0};
    if (column_has_row(v, row))
        at = v->has_codes ? v->codes.values[v->codes.codes ? v->codes.codes[row] : 0]
                          : v->texts[row];
    return at.len == t->len && memcmp(at.at, t->bytes, t->len) == 0;
}

static bool compare(enum binary_op op, double a, double b)
{
    return op == BINARY_EQ   ? a == b
           : op == BINARY_NE ? a != b
           : op == BINARY_LT ? a < b
           : op == BINARY_LE ? a <= b
           : op == BINARY_GT ? a > b
                             : a >= b;
}

static bool keep_number(const void *test, const struct column_view *v, uint32_t row)
{
    const struct label_filter *f = test;
    if (!column_has_row(v, row))
        return false;
    return compare(f->compare, v->ints ? (double)v->ints[row] : v->doubles[row], f->number);
}

static bool mask_codes(struct scan_worker *w, const struct column_view *v, const struct matcher *m)
{
    uint8_t passes[CODES_MAX];
    if (v->codes.count > CODES_MAX)
        return false;
    for (uint32_t i = 0; i < v->codes.count; i++)
        passes[i] = matcher_test(m, v->codes.values[i]);
    struct code_test test = {passes, m->accepts_empty};
    mask_keep(w, v, keep_code, &test);
    return true;
}

static bool mask_string(struct scan_worker *w, const struct matcher *m, uint32_t column)
{
    struct column_view *v;
    struct tsdb_error err = {0};
    const struct column_info *info = group_column(w->group, column);
    if (info->kind != COLUMN_TEXT || (info->tag == TSDB_FIELD_ID && m->kind != MATCH_EQ) ||
        (info->tag != TSDB_FIELD_STRING && info->tag != TSDB_FIELD_ID) ||
        scan_open_column(w, column, &v, &err) != TSDB_OK)
        return false;
    if (info->tag == TSDB_FIELD_ID) {
        struct id_test test;
        if (m->value.len == 0 || !bytes_of_hex(m->value, test.bytes, &test.len))
            return false;
        mask_keep(w, v, keep_id, &test);
        return true;
    }
    if (v->has_codes)
        return mask_codes(w, v, m);
    mask_keep(w, v, keep_text, m);
    return true;
}

static bool mask_number(struct scan_worker *w, const struct label_filter *f, uint32_t column)
{
    struct column_view *v;
    struct tsdb_error err = {0};
    uint8_t tag = group_column(w->group, column)->tag;
    if ((tag != TSDB_FIELD_INT && tag != TSDB_FIELD_DOUBLE) ||
        scan_open_column(w, column, &v, &err) != TSDB_OK)
        return false;
    mask_keep(w, v, keep_number, f);
    return true;
}

/* One label filter; true: the mask says of every row what the filter would. */
static bool mask_filter(struct scan_worker *w, const struct label_filter *f, uint32_t *test)
{
    if (f->test == LABEL_AND) {
        bool left = mask_filter(w, f->left, test);
        return mask_filter(w, f->right, test) && left;
    }
    bool is_string = f->test == LABEL_STRING;
    const struct matcher *m = is_string ? &w->scan->tests[(*test)++] : NULL;
    if ((!is_string && f->test != LABEL_NUMBER) || label_is_made(f->matcher.name) ||
        scan_is_stream_name(w, f->matcher.name))
        return false;
    const struct scan_source *source = scan_source(w, f->matcher.name);
    if (source->column_count == 0) { /* no row has the label */
        if (!is_string || !m->accepts_empty)
            memset(w->mask, 0, MASK_WORDS * sizeof *w->mask);
        return true;
    }
    if (source->column_count > 1)
        return false;
    return is_string ? mask_string(w, m, source->columns[0])
                     : mask_number(w, f, source->columns[0]);
}

bool scan_mask_labels(struct scan_worker *w)
{
    const struct log_expr *e = w->scan->expr;
    uint32_t test = 0, stage = 0;
    bool is_settled = true;
    for (; stage < w->scan->tested_stages; stage++) {
        if (e->stages[stage].kind == STAGE_LABEL_FILTER)
            is_settled = mask_filter(w, e->stages[stage].label, &test) && is_settled;
        else
            is_settled = is_settled && stage < w->stages_done;
    }
    return is_settled && stage == e->stage_count;
}
