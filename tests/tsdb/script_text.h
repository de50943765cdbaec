/* script_text.h - numbers and native histograms of a promqltest script.
 *
 *   {{schema:1 sum:3 count:4 z_bucket:1 z_bucket_w:0.01 buckets:[1 2] offset:-1
 *     n_buckets:[1] n_offset:0 custom_values:[1 2] counter_reset_hint:gauge}}
 *
 * Every key may be left out.  Hints: unknown, reset, not_reset, gauge.
 */
#ifndef TESTS_TSDB_SCRIPT_TEXT_H
#define TESTS_TSDB_SCRIPT_TEXT_H

#include "tsdb/base/text.h"
#include "tsdb/query/ast.h"
#include "tsdb/query/histogram_math.h"

#include <strings.h>

struct script_value {
    bool is_omitted;
    bool has_hint; /* the histogram's hint is part of the expectation */
    double value;
    const struct tsdb_histogram *histogram; /* NULL: a float */
};

/* A cursor; `fault` names the first mistake. */
struct script_text {
    const char *at;
    const char *fault;
    struct arena *arena;
};

static inline bool script_fault(struct script_text *t, const char *what)
{
    if (!t->fault)
        t->fault = what;
    return false;
}

static inline bool script_accept(struct script_text *t, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(t->at, word, n) != 0)
        return false;
    t->at += n;
    return true;
}

static inline void script_spaces(struct script_text *t)
{
    while (*t->at == ' ' || *t->at == '\t')
        t->at++;
}

static inline double script_stale(void)
{
    uint64_t bits = UINT64_C(0x7ff0000000000002);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* A signed decimal number, Inf or NaN; "0x3" is the number 0. */
static inline double script_number(struct script_text *t)
{
    const char *p = t->at + (*t->at == '-' || *t->at == '+');
    double v = 0;
    if (strncasecmp(p, "inf", 3) == 0 || strncasecmp(p, "nan", 3) == 0) {
        p += 3;
    } else {
        p += strspn(p, "0123456789");
        if (*p == '.')
            p += 1 + strspn(p + 1, "0123456789");
        if ((*p == 'e' || *p == 'E') && strspn(p + 1, "+-0123456789") > 0) {
            p += 1 + (p[1] == '-' || p[1] == '+');
            p += strspn(p, "0123456789");
        }
    }
    if (!double_parse((struct tsdb_text){t->at, (size_t)(p - t->at)}, &v))
        (void)script_fault(t, "number expected");
    t->at = p;
    return v;
}

/* ---- histograms ---------------------------------------------------------- */

static inline const double *script_bucket_list(struct script_text *t, uint32_t *count)
{
    double *list = ARENA_ARRAY(t->arena, double, 1024);
    *count = 0;
    if (!script_accept(t, "["))
        (void)script_fault(t, "[ expected");
    for (script_spaces(t); !t->fault && !script_accept(t, "]"); script_spaces(t)) {
        if (*count == 1024)
            (void)script_fault(t, "too many buckets");
        else
            list[(*count)++] = script_number(t);
    }
    return list;
}

static inline uint8_t script_hint(struct script_text *t, bool *has_hint)
{
    *has_hint = true;
    if (script_accept(t, "unknown"))
        return TSDB_RESET_UNKNOWN;
    if (script_accept(t, "reset"))
        return TSDB_RESET_YES;
    if (script_accept(t, "not_reset"))
        return TSDB_RESET_NO;
    if (!script_accept(t, "gauge"))
        (void)script_fault(t, "counter reset hint expected");
    return TSDB_RESET_GAUGE;
}

static inline const struct tsdb_bucket_span *script_span(struct script_text *t, double offset,
                                                         uint32_t length, uint32_t *count)
{
    struct tsdb_bucket_span *span = ARENA_ARRAY(t->arena, struct tsdb_bucket_span, 1);
    *span = (struct tsdb_bucket_span){(int32_t)offset, length};
    *count = length > 0;
    return span;
}

/* "{{" is taken. */
static inline struct tsdb_histogram *script_histogram(struct script_text *t, bool *has_hint)
{
    struct tsdb_histogram *h = ARENA_ARRAY(t->arena, struct tsdb_histogram, 1);
    double offset = 0, negative_offset = 0;
    h->is_float = true;
    for (script_spaces(t); !t->fault && !script_accept(t, "}}"); script_spaces(t)) {
        if (script_accept(t, "schema:"))
            h->schema = (int32_t)script_number(t);
        else if (script_accept(t, "sum:"))
            h->sum = script_number(t);
        else if (script_accept(t, "count:"))
            h->count = script_number(t);
        else if (script_accept(t, "z_bucket:"))
            h->zero_count = script_number(t);
        else if (script_accept(t, "z_bucket_w:"))
            h->zero_threshold = script_number(t);
        else if (script_accept(t, "custom_values:"))
            h->custom = script_bucket_list(t, &h->custom_count);
        else if (script_accept(t, "buckets:"))
            h->positive = script_bucket_list(t, &h->positive_count);
        else if (script_accept(t, "n_buckets:"))
            h->negative = script_bucket_list(t, &h->negative_count);
        else if (script_accept(t, "offset:"))
            offset = script_number(t);
        else if (script_accept(t, "n_offset:"))
            negative_offset = script_number(t);
        else if (script_accept(t, "counter_reset_hint:"))
            h->hint = script_hint(t, has_hint);
        else
            (void)script_fault(t, "key of a histogram expected");
    }
    h->positive_spans = script_span(t, offset, h->positive_count, &h->positive_span_count);
    h->negative_spans = script_span(t, negative_offset, h->negative_count, &h->negative_span_count);
    return h;
}

static inline const struct tsdb_histogram *script_added(struct script_text *t,
                                                        const struct tsdb_histogram *h,
                                                        const struct tsdb_histogram *step,
                                                        bool is_negative)
{
    struct histogram_sum sum;
    struct arena scratch;
    arena_init(&scratch, 16 << 20, NULL);
    if (!histogram_sum_init(&sum, t->arena, &scratch, h) ||
        histogram_sum_add(&sum, step, is_negative) != HISTOGRAM_FINE)
        (void)script_fault(t, "histograms do not add up");
    const struct tsdb_histogram *added = t->fault ? h : histogram_sum_take(&sum);
    arena_release(&scratch);
    return added;
}

#endif
