#include "tsdb/traceql/part_mask.h"

#include "tsdb/base/text.h"

#include <math.h>
#include <string.h>

enum { CODES_MAX = 65536, HEX_MAX = 32 };

static uint32_t words_of(uint32_t rows)
{
    return (rows + 63) / 64;
}

static uint32_t span_words(const struct span_part *p)
{
    return words_of(p->rows[SPAN_TABLE_SPANS]);
}

uint32_t part_mask_count(const struct span_part *p, const uint64_t *mask)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < span_words(p); i++)
        n += (uint32_t)__builtin_popcountll(mask[i]);
    return n;
}

static bool is_empty(const uint64_t *mask, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++)
        if (mask[i])
            return false;
    return true;
}

/* ---- field op literal ------------------------------------------------------------------------ */

struct comparison {
    const struct traceql_ref *ref;
    uint32_t slot;
    enum traceql_op op; /* the field on the left */
    struct span_value literal;
    const struct regex *regex;
    bool is_typed;
};

static enum traceql_op flipped(enum traceql_op op)
{
    switch ((int)op) {
    case TRACEQL_LT: return TRACEQL_GT;
    case TRACEQL_LE: return TRACEQL_GE;
    case TRACEQL_GT: return TRACEQL_LT;
    case TRACEQL_GE: return TRACEQL_LE;
    default: return op;
    }
}

/* Fields whose columns are their values; ids are digits, and are left to the rows. */
static bool is_column(const struct traceql_ref *ref)
{
    switch ((int)ref->intrinsic) {
    case INTRINSIC_NONE:
    case INTRINSIC_NAME:
    case INTRINSIC_STATUS:
    case INTRINSIC_STATUS_MESSAGE:
    case INTRINSIC_KIND:
    case INTRINSIC_DURATION:
    case INTRINSIC_EVENT_NAME:
    case INTRINSIC_EVENT_TIME_SINCE_START:
    case INTRINSIC_INSTRUMENTATION_NAME:
    case INTRINSIC_INSTRUMENTATION_VERSION: return true;
    default: return false;
    }
}

static bool comparison_of(const struct span_test *t, struct comparison *out)
{
    if (t->kind == FIELD_REF) { /* a boolean */
        *out = (struct comparison){t->ref, t->slot, TRACEQL_EQ, span_bool(true), NULL, true};
        return is_column(t->ref);
    }
    if (t->kind != FIELD_BINARY || !t->is_comparison)
        return false;
    bool is_left = t->left->kind == FIELD_REF && t->right->kind == FIELD_STATIC;
    bool is_right = t->right->kind == FIELD_REF && t->left->kind == FIELD_STATIC && !t->regex;
    if (!is_left && !is_right)
        return false;
    const struct span_test *field = is_left ? t->left : t->right;
    *out = (struct comparison){.ref = field->ref,
                               .slot = field->slot,
                               .op = is_left ? (enum traceql_op)t->op
                                             : flipped((enum traceql_op)t->op),
                               .literal = is_left ? t->right->literal : t->left->literal,
                               .regex = t->regex,
                               .is_typed = t->is_typed};
    return is_column(field->ref);
}

/* trace:id = "...": the id, whose digits lack leading zeros. */
static bool trace_id_of(const struct span_test *t, struct tsdb_trace_id *out)
{
    if (t->kind != FIELD_BINARY || t->op != TRACEQL_EQ)
        return false;
    const struct span_test *field = t->left->kind == FIELD_REF ? t->left : t->right;
    const struct span_test *literal = field == t->left ? t->right : t->left;
    if (field->kind != FIELD_REF || field->ref->intrinsic != INTRINSIC_TRACE_ID ||
        literal->kind != FIELD_STATIC || literal->literal.type != TRACEQL_STRING)
        return false;
    struct tsdb_text digits = literal->literal.text;
    *out = (struct tsdb_trace_id){{0}};
    if (digits.len == 0 || digits.len > HEX_MAX)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.at[digits.len - 1 - i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        uint8_t *at = &out->at[sizeof out->at - 1 - i / 2];
        *at = (uint8_t)(*at | digit << (i % 2 ? 4 : 0));
    }
    return true;
}

/* The type that numbers of an intrinsic's column have. */
static uint8_t type_of_ints(const struct traceql_ref *ref, uint8_t field_type)
{
    switch ((int)ref->intrinsic) {
    case INTRINSIC_STATUS: return TRACEQL_STATUS;
    case INTRINSIC_KIND: return TRACEQL_KIND;
    case INTRINSIC_DURATION:
    case INTRINSIC_EVENT_TIME_SINCE_START: return TRACEQL_DURATION;
    default: return field_type == TSDB_FIELD_BOOL ? TRACEQL_BOOL : TRACEQL_INT;
    }
}

static bool compares(const struct comparison *c, const struct span_value *v)
{
    return span_value_compare(c->op, v, &c->literal, c->regex, c->is_typed);
}

/* What a row that lacks the column of an intrinsic compares as. */
static bool absent_passes(const struct comparison *c)
{
    struct span_value v = span_nil();
    switch ((int)c->ref->intrinsic) {
    case INTRINSIC_STATUS: v = (struct span_value){.type = TRACEQL_STATUS}; break;
    case INTRINSIC_KIND: v = (struct span_value){.type = TRACEQL_KIND}; break;
    case INTRINSIC_STATUS_MESSAGE:
    case INTRINSIC_INSTRUMENTATION_NAME:
    case INTRINSIC_INSTRUMENTATION_VERSION: v = span_string((struct tsdb_text){"", 0}); break;
    default: break;
    }
    return compares(c, &v);
}

/* ---- by heads and filters -------------------------------------------------------------------- */

static bool ints_may(const struct comparison *c, const struct column_info *info, uint8_t type)
{
    if (c->literal.type == TRACEQL_FLOAT)
        return true;
    uint8_t ints = type_of_ints(c->ref, type);
    bool is_number = ints == TRACEQL_INT || ints == TRACEQL_DURATION;
    if (is_number ? !span_value_is_number(&c->literal) : c->literal.type != ints)
        return false;
    int64_t k = c->literal.integer;
    switch ((int)c->op) {
    case TRACEQL_EQ: return k >= info->int_min && k <= info->int_max;
    case TRACEQL_NE: return info->int_min != k || info->int_max != k;
    case TRACEQL_LT: return info->int_min < k;
    case TRACEQL_LE: return info->int_min <= k;
    case TRACEQL_GT: return info->int_max > k;
    case TRACEQL_GE: return info->int_max >= k;
    default: return true;
    }
}

static bool texts_may(struct span_part *p, const struct comparison *c,
                      const struct field_columns *f, uint32_t i)
{
    const struct column_info *info = span_part_info(p, (enum span_table)f->table, f->at[i].column);
    if (f->at[i].type != TSDB_FIELD_STRING)
        return true;
    if (c->literal.type != TRACEQL_STRING)
        return false;
    return c->op != TRACEQL_EQ || !(info->flags & COLUMN_VALUES) ||
           group_may_have(p->part->tables.at[f->table], f->at[i].column, c->literal.text);
}

static bool columns_may(struct span_part *p, const struct comparison *c,
                        const struct field_columns *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const struct column_info *info =
            span_part_info(p, (enum span_table)f->table, f->at[i].column);
        bool may = info->kind == COLUMN_INT    ? ints_may(c, info, f->at[i].type)
                   : info->kind == COLUMN_TEXT ? texts_may(p, c, f, i)
                                               : span_value_is_number(&c->literal);
        if (may)
            return true;
    }
    return false;
}

static bool comparison_may(struct span_part *p, const struct comparison *c)
{
    const struct bound_field *f = span_part_field(p, c->slot);
    if (columns_may(p, c, &f->first) || columns_may(p, c, &f->second))
        return true;
    if (c->ref->intrinsic == INTRINSIC_NONE || !absent_passes(c))
        return false;
    return f->first.count == 0 ||
           span_part_info(p, (enum span_table)f->first.table, f->first.at[0].column)->present <
               p->rows[f->first.table];
}

struct part_look {
    uint32_t number;
    bool is_found;
};

static bool find_part(void *arg, uint32_t part)
{
    struct part_look *look = arg;
    look->is_found = look->is_found || part == look->number;
    return !look->is_found;
}

static bool may_have_trace(struct span_part *p, const struct tsdb_trace_id *id)
{
    struct part_look look = {p->number, false};
    traces_set_find(p->set, id, find_part, &look);
    return look.is_found;
}

static bool may(struct span_part *p, const struct span_test *t, bool wanted)
{
    if (t->kind == FIELD_STATIC)
        return span_value_is_true(&t->literal) == wanted;
    if (t->kind == FIELD_NOT)
        return may(p, t->left, !wanted);
    bool is_and = t->kind == FIELD_BINARY && t->op == TRACEQL_AND;
    bool is_or = t->kind == FIELD_BINARY && t->op == TRACEQL_OR;
    if (is_and || is_or) {
        bool left = may(p, t->left, wanted);
        return is_and == wanted ? left && may(p, t->right, wanted)
                                : left || may(p, t->right, wanted);
    }
    struct comparison c;
    struct tsdb_trace_id id;
    if (t->has_trace || !wanted)
        return true;
    if (trace_id_of(t, &id))
        return may_have_trace(p, &id);
    if (t->kind == FIELD_EXISTS && t->left->kind == FIELD_REF && is_column(t->left->ref) &&
        t->left->ref->intrinsic == INTRINSIC_NONE) {
        const struct bound_field *f = span_part_field(p, t->left->slot);
        return f->first.count + f->second.count > 0;
    }
    return !comparison_of(t, &c) || comparison_may(p, &c);
}

bool part_mask_may(struct span_part *p, const struct span_test *t)
{
    return may(p, t, true);
}

/* ---- columns --------------------------------------------------------------------------------- */

/* Every comparison with a number is a range that the value is in, or is not. */
static void mask_ints(enum traceql_op op, const int64_t *v, int64_t k, uint32_t rows, uint64_t *out)
{
    bool is_least = op == TRACEQL_GT || op == TRACEQL_GE || op == TRACEQL_EQ || op == TRACEQL_NE;
    bool is_most = op == TRACEQL_LT || op == TRACEQL_LE || op == TRACEQL_EQ || op == TRACEQL_NE;
    int64_t least = is_least ? k : INT64_MIN, most = is_most ? k : INT64_MAX;
    bool is_none = __builtin_add_overflow(least, op == TRACEQL_GT, &least) ||
                   __builtin_sub_overflow(most, op == TRACEQL_LT, &most);
    uint64_t flip = op == TRACEQL_NE ? UINT64_MAX : 0;
    for (uint32_t i = 0; i < rows; i += 64) {
        uint64_t word = 0;
        uint32_t n = rows - i < 64 ? rows - i : 64;
        for (uint32_t b = 0; b < n; b++)
            word |= (uint64_t)(v[i + b] >= least && v[i + b] <= most) << b;
        out[i / 64] = is_none ? flip : word ^ flip;
    }
}

/* The same; NaN is in no range. */
static void mask_doubles(enum traceql_op op, const double *v, double k, uint32_t rows,
                         uint64_t *out)
{
    bool is_least = op == TRACEQL_GT || op == TRACEQL_GE || op == TRACEQL_EQ || op == TRACEQL_NE;
    bool is_most = op == TRACEQL_LT || op == TRACEQL_LE || op == TRACEQL_EQ || op == TRACEQL_NE;
    double least = is_least ? k : (double)-(double)INFINITY, most = is_most ? k : (double)INFINITY;
    bool is_open = op == TRACEQL_GT || op == TRACEQL_LT; /* the end itself is not in it */
    uint64_t flip = op == TRACEQL_NE ? UINT64_MAX : 0;
    for (uint32_t i = 0; i < rows; i += 64) {
        uint64_t word = 0;
        uint32_t n = rows - i < 64 ? rows - i : 64;
        for (uint32_t b = 0; b < n; b++) {
            double x = v[i + b];
            word |= (uint64_t)(x >= least && x <= most && !(is_open && x == k)) << b;
        }
        out[i / 64] = word ^ flip;
    }
}

static void mask_codes(struct span_part *p, const struct comparison *c, const struct part_column *v,
                       uint8_t type, uint32_t rows, uint64_t *out)
{
    uint8_t passes[CODES_MAX];
    uint32_t count = v->codes.count < CODES_MAX ? v->codes.count : CODES_MAX, passing = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct tsdb_field field = {.type = type, .text = v->codes.values[i]};
        struct span_value value = span_value_of(&field, &p->values);
        passes[i] = compares(c, &value);
        passing += passes[i];
    }
    if (passing == 0 || passing == count || !v->codes.codes) {
        memset(out, passing > 0 && passes[0] ? 0xff : 0, words_of(rows) * sizeof *out);
        return;
    }
    for (uint32_t i = 0; i < rows; i += 64) {
        uint64_t word = 0;
        uint32_t n = rows - i < 64 ? rows - i : 64;
        for (uint32_t b = 0; b < n; b++)
            word |= (uint64_t)passes[v->codes.codes[i + b]] << b;
        out[i / 64] = word;
    }
}

static void mask_values(struct span_part *p, const struct comparison *c,
                        const struct field_columns *f, uint32_t i, const uint64_t *among,
                        uint64_t *out)
{
    uint8_t type = f->at[i].type;
    uint32_t rows = p->rows[f->table];
    const struct part_column *v = span_part_column(p, (enum span_table)f->table, f->at[i].column);
    for (uint32_t word = 0; word < words_of(rows); word++) {
        uint64_t kept = 0;
        for (uint64_t bits = among[word]; bits; bits &= bits - 1) {
            uint32_t bit = (uint32_t)__builtin_ctzll(bits);
            struct span_value value = part_column_value(v, type, word * 64 + bit, &p->values);
            if (type == TSDB_FIELD_INT && value.type == TRACEQL_INT)
                value.type = type_of_ints(c->ref, type);
            if (compares(c, &value))
                kept |= UINT64_C(1) << bit;
        }
        out[word] = kept;
        arena_reset(&p->values);
    }
}

/* Rows of the column's table for which the comparison is true, among `among`. */
static void mask_column(struct span_part *p, const struct comparison *c,
                        const struct field_columns *f, uint32_t i, const uint64_t *among,
                        uint64_t *out)
{
    uint32_t rows = p->rows[f->table], words = words_of(rows);
    uint8_t type = f->at[i].type;
    const struct part_column *v = span_part_column(p, (enum span_table)f->table, f->at[i].column);
    if (!v) {
        memset(out, 0, words * sizeof *out);
        return;
    }
    uint8_t ints = type_of_ints(c->ref, type), k = c->literal.type;
    bool is_int = v->ints && (k == ints || ((k == TRACEQL_INT || k == TRACEQL_DURATION) &&
                                            (ints == TRACEQL_INT || ints == TRACEQL_DURATION)));
    bool is_equality = c->op == TRACEQL_EQ || c->op == TRACEQL_NE;
    if (is_int && (is_equality || k == TRACEQL_INT || k == TRACEQL_DURATION))
        mask_ints(c->op, v->ints, c->literal.integer, rows, out);
    else if (v->doubles && (k == TRACEQL_FLOAT || k == TRACEQL_DURATION))
        mask_doubles(c->op, v->doubles, span_value_number(&c->literal), rows, out);
    else if (v->has_codes)
        mask_codes(p, c, v, type, rows, out);
    else
        mask_values(p, c, f, i, among, out);
    for (uint32_t w = 0; w < words; w++)
        out[w] &= among[w] & (v->presence ? v->presence[w] : UINT64_MAX);
}

/* Rows of the table that have any of the columns. */
static void mask_presence(struct span_part *p, const struct field_columns *f, uint64_t *out)
{
    uint32_t words = words_of(p->rows[f->table]);
    memset(out, 0, words * sizeof *out);
    for (uint32_t i = 0; i < f->count; i++) {
        const struct part_column *v =
            span_part_column(p, (enum span_table)f->table, f->at[i].column);
        for (uint32_t w = 0; v && w < words; w++)
            out[w] |= v->presence ? v->presence[w] : UINT64_MAX;
    }
    if (p->rows[f->table] % 64)
        out[words - 1] &= (UINT64_C(1) << p->rows[f->table] % 64) - 1;
}

/* All columns of one name; a row that has several has the value of the first. */
static void mask_columns(struct span_part *p, const struct comparison *c,
                         const struct field_columns *f, const uint64_t *among, uint64_t *out)
{
    uint64_t one[PART_WORDS], seen[PART_WORDS], rest[PART_WORDS];
    uint32_t words = words_of(p->rows[f->table]);
    struct field_columns before = *f;
    memset(out, 0, words * sizeof *out);
    memcpy(rest, among, words * sizeof *rest);
    for (uint32_t i = 0; i < f->count; i++) {
        mask_column(p, c, f, i, rest, one);
        for (uint32_t w = 0; w < words; w++)
            out[w] |= one[w];
        if (i + 1 == f->count)
            break;
        before.count = i + 1;
        mask_presence(p, &before, seen);
        for (uint32_t w = 0; w < words; w++)
            rest[w] = among[w] & ~seen[w];
    }
    if (c->ref->intrinsic == INTRINSIC_NONE || !absent_passes(c))
        return;
    mask_presence(p, f, seen);
    for (uint32_t w = 0; w < words; w++)
        out[w] |= among[w] & ~seen[w];
}

/* ---- from other tables to spans -------------------------------------------------------------- */

static void all_rows(uint32_t rows, uint64_t *out)
{
    memset(out, 0xff, words_of(rows) * sizeof *out);
    if (rows % 64)
        out[rows / 64] = (UINT64_C(1) << rows % 64) - 1;
}

/* Spans of sources whose bit is set. */
static void from_sources(struct span_part *p, const uint64_t *sources, const uint64_t *among,
                         uint64_t *out)
{
    uint32_t rows = p->rows[SPAN_TABLE_SOURCES], set = 0;
    for (uint32_t w = 0; w < words_of(rows); w++)
        set += (uint32_t)__builtin_popcountll(sources[w]);
    const int64_t *source = NULL;
    if (set > 0 && set < rows)
        source = span_part_ints(p, SPAN_TABLE_SPANS, SPAN_COLUMN_SOURCE);
    for (uint32_t w = 0; w < span_words(p); w++) {
        uint64_t kept = set == rows && rows > 0 ? among[w] : 0;
        for (uint64_t bits = source ? among[w] : 0; bits; bits &= bits - 1) {
            uint32_t bit = (uint32_t)__builtin_ctzll(bits);
            uint64_t s = (uint64_t)source[w * 64 + bit];
            if (s < rows)
                kept |= (sources[s / 64] >> s % 64 & 1) << bit;
        }
        out[w] = kept;
    }
}

/* Spans that any of the events, or links, is of. */
static void from_children(struct span_part *p, enum span_table table, const uint64_t *rows,
                          const uint64_t *among, uint64_t *out)
{
    uint64_t spans[PART_WORDS] = {0};
    uint32_t words = words_of(p->rows[table]);
    const int64_t *span = NULL;
    if (!is_empty(rows, words))
        span = span_part_ints(p, table, SPAN_COLUMN_SPAN);
    for (uint32_t w = 0; span && w < words; w++) {
        for (uint64_t bits = rows[w]; bits; bits &= bits - 1) {
            uint64_t s = (uint64_t)span[w * 64 + (uint32_t)__builtin_ctzll(bits)];
            if (s < p->rows[SPAN_TABLE_SPANS])
                spans[s / 64] |= UINT64_C(1) << s % 64;
        }
    }
    for (uint32_t w = 0; w < span_words(p); w++)
        out[w] = spans[w] & among[w];
}

static void to_spans(struct span_part *p, uint8_t table, const uint64_t *rows,
                     const uint64_t *among, uint64_t *out)
{
    switch ((enum span_table)table) {
    case SPAN_TABLE_SPANS:
        for (uint32_t w = 0; w < span_words(p); w++)
            out[w] = rows[w] & among[w];
        break;
    case SPAN_TABLE_SOURCES: from_sources(p, rows, among, out); break;
    case SPAN_TABLE_EVENTS:
    case SPAN_TABLE_LINKS: from_children(p, (enum span_table)table, rows, among, out); break;
    }
}

/* The columns of one table, as spans. */
static void spans_that_compare(struct span_part *p, const struct comparison *c,
                               const struct field_columns *f, const uint64_t *among, uint64_t *out)
{
    uint64_t all[PART_WORDS], rows[PART_WORDS];
    if (f->table == SPAN_TABLE_SPANS) {
        mask_columns(p, c, f, among, out);
        return;
    }
    all_rows(p->rows[f->table], all);
    mask_columns(p, c, f, all, rows);
    to_spans(p, f->table, rows, among, out);
}

static void spans_that_have(struct span_part *p, const struct field_columns *f,
                            const uint64_t *among, uint64_t *out)
{
    uint64_t rows[PART_WORDS];
    mask_presence(p, f, rows);
    to_spans(p, f->table, rows, among, out);
}

/* ---- leaves ---------------------------------------------------------------------------------- */

/* A field that is looked for in two places: where the first has it, the second does not count. */
static void compare_leaf(struct span_part *p, const struct comparison *c, const uint64_t *among,
                         uint64_t *out)
{
    const struct bound_field *f = span_part_field(p, c->slot);
    uint64_t first[PART_WORDS], rest[PART_WORDS], second[PART_WORDS];
    spans_that_compare(p, c, &f->first, among, first);
    if (f->second.count > 0) {
        spans_that_have(p, &f->first, among, second);
        for (uint32_t w = 0; w < span_words(p); w++)
            rest[w] = among[w] & ~second[w];
        spans_that_compare(p, c, &f->second, rest, second);
        for (uint32_t w = 0; w < span_words(p); w++)
            first[w] |= second[w];
    }
    memcpy(out, first, span_words(p) * sizeof *out);
}

static void exists_leaf(struct span_part *p, uint32_t slot, const uint64_t *among, uint64_t *out)
{
    const struct bound_field *f = span_part_field(p, slot);
    uint64_t first[PART_WORDS], second[PART_WORDS];
    spans_that_have(p, &f->first, among, first);
    if (f->second.count > 0) {
        spans_that_have(p, &f->second, among, second);
        for (uint32_t w = 0; w < span_words(p); w++)
            first[w] |= second[w];
    }
    memcpy(out, first, span_words(p) * sizeof *out);
}

static void rows_leaf(struct span_part *p, const struct span_test *t, const uint64_t *among,
                      uint64_t *out)
{
    struct span_source source = span_part_source(p);
    for (uint32_t w = 0; w < span_words(p); w++) {
        uint64_t kept = 0;
        for (uint64_t bits = p->fault == TSDB_OK ? among[w] : 0; bits; bits &= bits - 1) {
            uint32_t bit = (uint32_t)__builtin_ctzll(bits);
            span_part_row(p, w * 64 + bit);
            arena_reset(&p->values);
            if (span_test_passes(t, &source))
                kept |= UINT64_C(1) << bit;
        }
        out[w] = kept;
    }
}

static void trace_leaf(struct span_part *p, const struct tsdb_trace_id *id, uint64_t *out)
{
    uint32_t first, count;
    struct tsdb_error err = {0};
    memset(out, 0, span_words(p) * sizeof *out);
    enum tsdb_status st = span_reader_find(p->reader, id, &first, &count, &err);
    if (st != TSDB_OK && st != TSDB_ENOTFOUND)
        span_part_fail(p, st, &err);
    for (uint32_t row = 0; st == TSDB_OK && row < count; row++)
        out[(first + row) / 64] |= UINT64_C(1) << (first + row) % 64;
}

static void leaf(struct span_part *p, const struct span_test *t, bool wanted, const uint64_t *among,
                 uint64_t *out, bool *is_exact)
{
    uint64_t passing[PART_WORDS];
    struct comparison c;
    struct tsdb_trace_id id;
    bool is_presence = (t->kind == FIELD_EXISTS || t->kind == FIELD_NOT_EXISTS) &&
                       t->left->kind == FIELD_REF && t->left->ref->intrinsic == INTRINSIC_NONE;
    if (t->has_trace) {
        *is_exact = false;
        memmove(out, among, span_words(p) * sizeof *out);
        return;
    }
    if (t->kind == FIELD_STATIC) {
        memset(passing, span_value_is_true(&t->literal) ? 0xff : 0, sizeof passing);
    } else if (is_presence) {
        exists_leaf(p, t->left->slot, among, passing);
        wanted = wanted == (t->kind == FIELD_EXISTS);
    } else if (trace_id_of(t, &id)) {
        trace_leaf(p, &id, passing);
    } else if (comparison_of(t, &c)) {
        if (t->kind == FIELD_REF && !wanted) { /* not true, but there */
            c.literal = span_bool(false);
            wanted = true;
        }
        compare_leaf(p, &c, among, passing);
    } else {
        rows_leaf(p, t, among, passing);
    }
    for (uint32_t w = 0; w < span_words(p); w++)
        out[w] = among[w] & (wanted ? passing[w] : ~passing[w]);
}

static void mask(struct span_part *p, const struct span_test *t, bool wanted, const uint64_t *among,
                 uint64_t *out, bool *is_exact)
{
    uint32_t words = span_words(p);
    if (t->kind == FIELD_NOT) {
        mask(p, t->left, !wanted, among, out, is_exact);
        return;
    }
    if (t->kind != FIELD_BINARY || t->op > TRACEQL_AND) {
        leaf(p, t, wanted, among, out, is_exact);
        return;
    }
    uint64_t *left = span_part_take(p), *rest = span_part_take(p);
    mask(p, t->left, wanted, among, left, is_exact);
    if ((t->op == TRACEQL_AND) == wanted) { /* both must hold */
        if (is_empty(left, words))
            memset(out, 0, words * sizeof *out);
        else
            mask(p, t->right, wanted, left, out, is_exact);
        p->masks_used -= 2;
        return;
    }
    for (uint32_t w = 0; w < words; w++)
        rest[w] = among[w] & ~left[w];
    if (!is_empty(rest, words))
        mask(p, t->right, wanted, rest, rest, is_exact);
    for (uint32_t w = 0; w < words; w++)
        out[w] = left[w] | rest[w];
    p->masks_used -= 2;
}

void part_mask(struct span_part *p, const struct span_test *t, const uint64_t *among, uint64_t *out,
               bool *is_exact)
{
    *is_exact = true;
    mask(p, t, true, among, out, is_exact);
    arena_reset(&p->values);
}
