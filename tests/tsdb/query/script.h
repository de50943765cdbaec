/* script.h - runs scenario files: series to load, queries, and what they answer.
 *
 * The language is that of Prometheus' own query tests
 * (https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series),
 * so that a file of theirs can be run as it is:
 *
 *   load 1m
 *     x{a="1"} 0+10x5 _ stale NaN
 *     h {{schema:0 sum:5 count:4 buckets:[1 2 1]}}
 *   eval instant at 5m sum(x)
 *     expect no_warn
 *     {} 50
 *   eval range from 0 to 5m step 1m x
 *     x{a="1"} 0 10 20 30 40 50
 *   clear
 *
 * Every instant query is also run as a range query around its time.
 */
#ifndef TESTS_TSDB_QUERY_SCRIPT_H
#define TESTS_TSDB_QUERY_SCRIPT_H

#include "fake_store.h"

#include "tsdb/base/regex.h"
#include "tsdb/base/text.h"
#include "tsdb/query/histogram_math.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SCRIPT_POINTS_MAX = 200000, SCRIPT_EXPECTED_MAX = 512, SCRIPT_RULES_MAX = 32 };

struct script_point {
    bool is_there, has_hint;
    double value;
    const struct tsdb_histogram *histogram;
};

struct script_series {
    struct tsdb_labels labels;
    struct script_point *points;
    uint32_t count;
    bool is_seen;
};

struct script_rule {
    char type[16]; /* warn, info, fail, no_warn, no_info, ordered */
    char how[8];   /* "", msg, regex */
    const char *text;
};

struct script_eval {
    const char *query;
    int64_t start, end, step;
    bool is_range;
    struct script_rule rules[SCRIPT_RULES_MAX];
    uint32_t rule_count;
    struct script_series expected[SCRIPT_EXPECTED_MAX];
    uint32_t expected_count;
    bool has_range_vector;
    int64_t vector_start, vector_step;
    const char *string;
};

struct script {
    const char *path;
    struct metrics *m;
    struct arena arena; /* of one eval */
    struct clock_sim clock;
    char **lines;
    uint32_t line_count, at;
    uint32_t evals, failures;
    bool is_quiet;
    char why[1024];
};

/* ---- words ---------------------------------------------------------------------- */

static inline char *script_skip(char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

/* The word at p ends at a space; cut off and answered, *rest after it. */
static inline char *script_word(char **rest)
{
    char *word = script_skip(*rest), *end = word;
    while (*end && *end != ' ' && *end != '\t')
        end++;
    *rest = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

/* "1m30s", "90", "1.5s" in nanoseconds. */
static inline int64_t script_time(const char *p)
{
    double total = 0, sign = 1;
    if (*p == '-') {
        sign = -1;
        p++;
    }
    while (*p) {
        char *end;
        double v = strtod(p, &end);
        if (end == p)
            return INT64_MIN;
        double unit = 1;
        if (strncmp(end, "ms", 2) == 0) {
            unit = 1e-3;
            end += 2;
        } else if (*end) {
            const char *units = "smhdwy";
            const double seconds[] = {1, 60, 3600, 86400, 604800, 31536000};
            const char *found = strchr(units, *end);
            if (!found)
                return INT64_MIN;
            unit = seconds[found - units];
            end++;
        }
        total += v * unit;
        p = end;
    }
    return (int64_t)llround(sign * total * 1e3) * 1000000;
}

/* ---- histograms ------------------------------------------------------------------ */

/* A number, never a hexadecimal one: in 0x10 the x repeats. */
static inline double script_number(char **p)
{
    char text[64];
    size_t n = 0;
    for (const char *c = *p; *c && n + 1 < sizeof text; c++) {
        bool is_sign =
            (*c == '-' || *c == '+') && n > 0 && text[n - 1] != 'e' && text[n - 1] != 'E';
        if (is_sign || *c == 'x' || *c == ' ' || *c == ']' || *c == '}')
            break;
        text[n++] = *c;
    }
    text[n] = '\0';
    char *end;
    double v = strtod(text, &end);
    *p += end - text;
    return v;
}

static inline uint32_t script_list(struct arena *arena, char **p, double **out)
{
    *out = ARENA_ARRAY(arena, double, 512);
    uint32_t n = 0;
    *p = script_skip(*p) + 1; /* [ */
    for (*p = script_skip(*p); **p && **p != ']'; *p = script_skip(*p))
        (*out)[n++] = script_number(p);
    if (**p)
        (*p)++;
    return n;
}

static inline bool script_key(char **p, const char *key)
{
    size_t n = strlen(key);
    if (strncmp(*p, key, n) != 0 || (*p)[n] != ':')
        return false;
    *p = script_skip(*p + n + 1);
    return true;
}

static inline uint8_t script_hint(char **p)
{
    static const struct {
        const char *name;
        uint8_t hint;
    } names[] = {{"unknown", TSDB_RESET_UNKNOWN},
                 {"reset", TSDB_RESET_YES},
                 {"not_reset", TSDB_RESET_NO},
                 {"gauge", TSDB_RESET_GAUGE}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i].name);
        if (strncmp(*p, names[i].name, n) == 0) {
            *p += n;
            return names[i].hint;
        }
    }
    return TSDB_RESET_UNKNOWN;
}

/* From "{{" to "}}". */
static inline const struct tsdb_histogram *script_histogram(struct arena *arena, char **p,
                                                            bool *has_hint)
{
    struct tsdb_histogram *h = ARENA_ARRAY(arena, struct tsdb_histogram, 1);
    double offset = 0, n_offset = 0, *list;
    h->is_float = true;
    *p += 2;
    for (*p = script_skip(*p); **p && strncmp(*p, "}}", 2) != 0; *p = script_skip(*p)) {
        if (script_key(p, "schema")) {
            h->schema = (int32_t)script_number(p);
        } else if (script_key(p, "sum")) {
            h->sum = script_number(p);
        } else if (script_key(p, "count")) {
            h->count = script_number(p);
        } else if (script_key(p, "z_bucket")) {
            h->zero_count = script_number(p);
        } else if (script_key(p, "z_bucket_w")) {
            h->zero_threshold = script_number(p);
        } else if (script_key(p, "offset")) {
            offset = script_number(p);
        } else if (script_key(p, "n_offset")) {
            n_offset = script_number(p);
        } else if (script_key(p, "counter_reset_hint")) {
            h->hint = script_hint(p);
            *has_hint = true;
        } else if (script_key(p, "custom_values")) {
            h->custom_count = script_list(arena, p, &list);
            h->custom = list;
        } else if (script_key(p, "buckets")) {
            h->positive_count = script_list(arena, p, &list);
            h->positive = list;
        } else if (script_key(p, "n_buckets")) {
            h->negative_count = script_list(arena, p, &list);
            h->negative = list;
        } else {
            cr_assert_fail("histogram: %s", *p);
        }
    }
    *p += 2;
    struct tsdb_bucket_span *spans = ARENA_ARRAY(arena, struct tsdb_bucket_span, 2);
    spans[0] = (struct tsdb_bucket_span){(int32_t)offset, h->positive_count};
    spans[1] = (struct tsdb_bucket_span){(int32_t)n_offset, h->negative_count};
    h->positive_spans = &spans[0];
    h->negative_spans = &spans[1];
    h->positive_span_count = h->positive_count > 0;
    h->negative_span_count = h->negative_count > 0;
    return h;
}

static inline const struct tsdb_histogram *script_add(struct arena *arena,
                                                      const struct tsdb_histogram *a,
                                                      const struct tsdb_histogram *b, bool is_minus)
{
    static struct arena scratch = {.limit = SIZE_MAX};
    struct histogram_sum s;
    cr_assert(histogram_sum_init(&s, arena, &scratch, a));
    cr_assert_eq(histogram_sum_add(&s, b, is_minus), HISTOGRAM_FINE);
    return histogram_sum_take(&s);
}

/* ---- series ---------------------------------------------------------------------- */

static inline char *script_labels_end(char *p)
{
    char quote = 0;
    int depth = 0;
    for (; *p; p++) {
        if (quote) {
            if (*p == '\\' && quote != '`')
                p++;
            else if (*p == quote)
                quote = 0;
        } else if (*p == '"' || *p == '\'' || *p == '`') {
            quote = *p;
        } else if (*p == '{') {
            depth++;
        } else if (*p == '}') {
            depth--;
        } else if ((*p == ' ' || *p == '\t') && depth == 0) {
            return p;
        }
    }
    return p;
}

struct script_values {
    struct script_point at[SCRIPT_POINTS_MAX];
    uint32_t count;
};

static inline void script_push(struct script_values *v, struct script_point point)
{
    cr_assert_lt(v->count, SCRIPT_POINTS_MAX);
    v->at[v->count++] = point;
}

static inline uint32_t script_times(char **p)
{
    if (**p != 'x')
        return 0;
    (*p)++;
    return (uint32_t)strtoul(*p, p, 10);
}

static inline void script_histograms(struct arena *arena, struct script_values *v, char **p)
{
    struct script_point point = {.is_there = true};
    point.histogram = script_histogram(arena, p, &point.has_hint);
    const struct tsdb_histogram *by = NULL;
    bool is_minus = **p == '-', ignored = false;
    if ((**p == '+' || **p == '-') && (*p)[1] == '{') {
        (*p)++;
        by = script_histogram(arena, p, &ignored);
    }
    uint32_t times = script_times(p);
    script_push(v, point);
    for (uint32_t i = 0; i < times; i++) {
        if (by)
            point.histogram = script_add(arena, point.histogram, by, is_minus);
        script_push(v, point);
    }
}

static inline void script_numbers(struct script_values *v, char **p)
{
    struct script_point point = {.is_there = true, .value = script_number(p)};
    double by = 0;
    if (**p == '+' || **p == '-')
        by = script_number(p);
    uint32_t times = script_times(p);
    script_push(v, point);
    for (uint32_t i = 0; i < times; i++) {
        point.value += by;
        script_push(v, point);
    }
}

static inline void script_values(struct arena *arena, struct script_values *v, char *p)
{
    v->count = 0;
    for (p = script_skip(p); *p && *p != '#'; p = script_skip(p)) {
        char *began = p;
        if (*p == '_') {
            p++;
            uint32_t times = script_times(&p);
            for (uint32_t i = 0; i < (times ? times : 1); i++)
                script_push(v, (struct script_point){0});
        } else if (strncmp(p, "stale", 5) == 0) {
            uint64_t bits = STALE_BITS;
            struct script_point point = {.is_there = true};
            memcpy(&point.value, &bits, sizeof bits);
            p += 5;
            uint32_t times = script_times(&p);
            for (uint32_t i = 0; i <= times; i++)
                script_push(v, point);
        } else if (strncmp(p, "{{", 2) == 0) {
            script_histograms(arena, v, &p);
        } else {
            script_numbers(v, &p);
        }
        cr_assert(p > began, "values: %s", p);
    }
}

/* ---- lines ----------------------------------------------------------------------- */

static inline char *script_line(struct script *s)
{
    return s->at < s->line_count ? s->lines[s->at] : NULL;
}

static inline bool script_is_body(const char *line)
{
    return line && (line[0] == ' ' || line[0] == '\t') && *script_skip((char *)(uintptr_t)line);
}

static inline bool script_is_comment(const char *line)
{
    const char *p = line;
    while (*p == ' ' || *p == '\t')
        p++;
    return *p == '#';
}

static inline void script_convert(struct metrics *m);

/* What a store finds out about resets when samples come in. */
static inline void script_hints(struct metrics *m)
{
    static struct arena scratch = {.limit = SIZE_MAX};
    for (uint32_t i = 0; i < m->count; i++) {
        const struct tsdb_histogram *before = NULL;
        for (uint32_t k = 0; k < m->series[i].count; k++) {
            const struct tsdb_histogram *h = m->series[i].samples[k].histogram;
            if (h && before && h->hint == TSDB_RESET_UNKNOWN) {
                struct tsdb_histogram *hinted = ARENA_ARRAY(&m->arena, struct tsdb_histogram, 1);
                *hinted = *h;
                hinted->hint =
                    histogram_is_reset(h, before, &scratch) ? TSDB_RESET_YES : TSDB_RESET_NO;
                m->series[i].samples[k].histogram = hinted;
            }
            before = h;
        }
    }
}

static inline void script_load(struct script *s, const char *verb, char *rest)
{
    int64_t step = script_time(script_word(&rest));
    static struct script_values values;
    for (s->at++; script_is_body(script_line(s)); s->at++) {
        if (script_is_comment(script_line(s)))
            continue;
        struct arena *arena = &s->m->arena;
        struct tsdb_text line = {script_line(s), strlen(script_line(s))};
        char *copy = (char *)(uintptr_t)text_keep(arena, line).at;
        char *name = script_skip(copy), *end = script_labels_end(name);
        struct tsdb_text text = {name, (size_t)(end - name)};
        struct fake_series *series = fake_series(s->m, fake_labels(arena, text));
        script_values(arena, &values, end);
        for (uint32_t i = 0; i < values.count; i++)
            if (values.at[i].is_there)
                fake_append(s->m, series,
                            (struct fake_sample){.ts = step * i,
                                                 .value = values.at[i].value,
                                                 .histogram = values.at[i].histogram});
    }
    if (strcmp(verb, "load_with_nhcb") == 0)
        script_convert(s->m);
    script_hints(s->m);
}

/* Where in the converted histogram's series a classic bucket belongs: the labels
 * without le, the name without _bucket.  False: not a bucket. */
static inline bool script_bucket(struct arena *arena, const struct fake_series *s,
                                 struct tsdb_labels *base, double *le)
{
    struct tsdb_text name = label_get(s->labels, label_name_text);
    struct tsdb_text bound = label_get(s->labels, label_le_text);
    if (name.len < 7 || memcmp(name.at + name.len - 7, "_bucket", 7) != 0 ||
        !double_parse(bound, le))
        return false;
    name.len -= 7;
    return labels_set(arena, s->labels, label_le_text, (struct tsdb_text){"", 0}, base) &&
           labels_set(arena, *base, label_name_text, name, base);
}

static inline const struct tsdb_histogram *script_customized(struct arena *arena, double *bounds,
                                                             double *counts, uint32_t n, double sum)
{
    for (uint32_t i = 1; i < n; i++) { /* by bound */
        for (uint32_t k = i; k > 0 && bounds[k - 1] > bounds[k]; k--) {
            double b = bounds[k], c = counts[k];
            bounds[k] = bounds[k - 1];
            counts[k] = counts[k - 1];
            bounds[k - 1] = b;
            counts[k - 1] = c;
        }
    }
    struct tsdb_histogram *h = ARENA_ARRAY(arena, struct tsdb_histogram, 1);
    struct tsdb_bucket_span *span = ARENA_ARRAY(arena, struct tsdb_bucket_span, 1);
    double *custom = ARENA_ARRAY(arena, double, n), *positive = ARENA_ARRAY(arena, double, n + 1);
    uint32_t kept = 0;
    double below = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0 && bounds[i] == bounds[i - 1])
            continue;
        if (!isinf(bounds[i]))
            custom[kept] = bounds[i];
        positive[kept++] = counts[i] - below;
        below = counts[i];
    }
    bool has_inf = n > 0 && isinf(bounds[n - 1]);
    *span = (struct tsdb_bucket_span){0, kept};
    *h = (struct tsdb_histogram){.schema = TSDB_SCHEMA_CUSTOM,
                                 .is_float = true,
                                 .count = below,
                                 .sum = sum,
                                 .positive_span_count = 1,
                                 .positive_spans = span,
                                 .positive_count = kept,
                                 .positive = positive,
                                 .custom = custom,
                                 .custom_count = has_inf ? kept - 1 : kept};
    return h;
}

/* Of the series name_sum with the labels of name. */
static inline double script_sum_at(struct metrics *m, uint32_t loaded, struct tsdb_labels base,
                                   uint32_t k)
{
    char name[256];
    struct tsdb_text was = label_get(base, label_name_text);
    int len = snprintf(name, sizeof name, "%.*s_sum", (int)was.len, was.at);
    struct tsdb_labels labels;
    cr_assert(labels_set(&m->arena, base, label_name_text, (struct tsdb_text){name, (size_t)len},
                         &labels));
    for (uint32_t i = 0; i < loaded; i++)
        if (labels_compare(m->series[i].labels, labels) == 0 && k < m->series[i].count)
            return m->series[i].samples[k].value;
    return 0;
}

/* load_with_nhcb: every classic histogram also as one with custom bounds. */
static inline void script_convert(struct metrics *m)
{
    uint32_t loaded = m->count;
    double bounds[64], counts[64], le;
    struct tsdb_labels base, other;
    for (uint32_t i = 0; i < loaded; i++) {
        if (!script_bucket(&m->arena, &m->series[i], &base, &le))
            continue;
        uint32_t before = m->count;
        struct fake_series *to = fake_series(m, base);
        if (m->count == before)
            continue; /* done with an earlier bucket */
        for (uint32_t k = 0; k < m->series[i].count; k++) {
            int64_t ts = m->series[i].samples[k].ts;
            uint32_t n = 0;
            for (uint32_t j = i; j < loaded; j++)
                if (script_bucket(&m->arena, &m->series[j], &other, &le) &&
                    labels_compare(base, other) == 0 && k < m->series[j].count && n < 64) {
                    bounds[n] = le;
                    counts[n++] = m->series[j].samples[k].value;
                }
            fake_append(m, to,
                        (struct fake_sample){
                            .ts = ts,
                            .histogram = script_customized(&m->arena, bounds, counts, n,
                                                           script_sum_at(m, loaded, base, k))});
        }
    }
}

/* ---- comparing -------------------------------------------------------------------- */

static inline bool script_close(double a, double b)
{
    if (a == b || (isnan(a) && isnan(b)))
        return true;
    double sum = fabs(a) + fabs(b), difference = fabs(a - b);
    if (a == 0 || b == 0 || sum < DBL_MIN)
        return difference < 1e-6 * DBL_MIN;
    return difference / fmin(sum, DBL_MAX) < 1e-6;
}

static inline bool script_same_histogram(struct arena *arena, const struct script_point *expected,
                                         const struct tsdb_histogram *b)
{
    const struct tsdb_histogram *a = histogram_multiplied(expected->histogram, 1, arena);
    b = histogram_multiplied(b, 1, arena);
    bool is_same = a->schema == b->schema && script_close(a->count, b->count) &&
                   script_close(a->sum, b->sum) && a->zero_threshold == b->zero_threshold &&
                   script_close(a->zero_count, b->zero_count) &&
                   a->positive_count == b->positive_count &&
                   a->negative_count == b->negative_count && a->custom_count == b->custom_count &&
                   (!expected->has_hint || a->hint == b->hint);
    uint32_t n = 0, k = 0;
    const struct histogram_bucket *x = histogram_buckets(a, arena, &n);
    const struct histogram_bucket *y = histogram_buckets(b, arena, &k);
    is_same = is_same && n == k;
    for (uint32_t i = 0; is_same && i < n; i++)
        is_same = x[i].lower == y[i].lower && x[i].upper == y[i].upper &&
                  script_close(x[i].count, y[i].count);
    return is_same;
}

static inline void script_say(struct script *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static inline void script_say(struct script *s, const char *fmt, ...)
{
    if (s->why[0])
        return;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(s->why, sizeof s->why, fmt, args);
    va_end(args);
}

static inline const char *script_show(struct tsdb_labels labels)
{
    static struct writer w[2];
    static int which;
    which = !which;
    writer_reset(&w[which]);
    labels_format(labels, &w[which]);
    writer_u8(&w[which], 0);
    return (const char *)w[which].at;
}

static inline void script_compare_point(struct script *s, const struct script_point *expected,
                                        const struct tsdb_result *got, uint32_t i, uint32_t step)
{
    const struct tsdb_histogram *h = got->histograms ? got->histograms[i] : NULL;
    if (!expected->histogram != !h) {
        script_say(s, "%s step %u: %s, want %s", script_show(got->labels), step,
                   h ? "histogram" : "float", h ? "float" : "histogram");
    } else if (!h && !script_close(expected->value, got->values[i])) {
        script_say(s, "%s step %u: %.17g, want %.17g", script_show(got->labels), step,
                   got->values[i], expected->value);
    } else if (h && !script_same_histogram(&s->arena, expected, h)) {
        struct writer a = {0}, b = {0};
        histogram_format(expected->histogram, &s->arena, &a);
        histogram_format(h, &s->arena, &b);
        script_say(s, "%s step %u: %.*s hint %u schema %d zw %g, want %.*s hint %u schema %d zw %g",
                   script_show(got->labels), step, (int)b.len, (char *)b.at, h->hint, h->schema,
                   h->zero_threshold, (int)a.len, (char *)a.at, expected->histogram->hint,
                   expected->histogram->schema, expected->histogram->zero_threshold);
        writer_release(&a);
        writer_release(&b);
    }
}

static inline struct script_series *script_find(struct script_eval *e, struct tsdb_labels labels)
{
    for (uint32_t i = 0; i < e->expected_count; i++)
        if (labels_compare(e->expected[i].labels, labels) == 0)
            return &e->expected[i];
    return NULL;
}

/* Points of one series against those expected at start, start + step, ... */
static inline void script_compare_series(struct script *s, const struct script_series *expected,
                                         const struct tsdb_result *got, int64_t start, int64_t step)
{
    uint32_t i = 0;
    for (uint32_t k = 0; k < expected->count; k++) {
        int64_t ts = start + step * k;
        bool is_there = i < got->count && got->ts[i] == ts;
        if (is_there != expected->points[k].is_there) {
            script_say(s, "%s step %u: %s", script_show(got->labels), k,
                       is_there ? "unexpected point" : "no point");
            return;
        }
        if (is_there)
            script_compare_point(s, &expected->points[k], got, i++, k);
    }
    if (i < got->count)
        script_say(s, "%s: more points than expected", script_show(got->labels));
}

/* ---- running ---------------------------------------------------------------------- */

static inline bool script_has(const struct script_eval *e, const char *type)
{
    for (uint32_t i = 0; i < e->rule_count; i++)
        if (strcmp(e->rules[i].type, type) == 0)
            return true;
    return false;
}

static inline bool script_rule_fits(const struct script_rule *rule, const char *text)
{
    if (strcmp(rule->how, "msg") == 0) /* an error's text may be cut off */
        return strncmp(rule->text, text, 239) == 0;
    if (strcmp(rule->how, "regex") != 0)
        return true;
    struct regex *re = NULL;
    if (regex_new(text_of(rule->text), &re, NULL) != TSDB_OK)
        return false;
    bool fits = regex_search(re, text_of(text), NULL, 0);
    regex_free(re);
    return fits;
}

static inline void script_check_notes(struct script *s, const struct script_eval *e,
                                      const struct query *q, const char *type)
{
    bool is_warn = strcmp(type, "warn") == 0;
    const char *none = is_warn ? "no_warn" : "no_info";
    const char *first = is_warn ? query_warning(q, 0) : query_info(q, 0);
    if (script_has(e, none) && first)
        script_say(s, "unexpected %s: %s", type, first);
    for (uint32_t i = 0; i < e->rule_count; i++) {
        if (strcmp(e->rules[i].type, type) != 0)
            continue;
        bool fits = false;
        const char *text = NULL;
        for (uint32_t k = 0; (text = is_warn ? query_warning(q, k) : query_info(q, k)); k++)
            fits = fits || script_rule_fits(&e->rules[i], text);
        if (!fits)
            script_say(s, "no %s that fits: %s (first: %s)", type,
                       e->rules[i].text ? e->rules[i].text : "", first ? first : "none");
    }
}

static inline void script_check_fault(struct script *s, const struct script_eval *e,
                                      const struct tsdb_error *err)
{
    if (!script_has(e, "fail")) {
        script_say(s, "failed: %s", err->msg);
        return;
    }
    for (uint32_t i = 0; i < e->rule_count; i++)
        if (strcmp(e->rules[i].type, "fail") == 0 && !script_rule_fits(&e->rules[i], err->msg))
            script_say(s, "failed with %s, want %s", err->msg, e->rules[i].text);
}

static inline enum tsdb_status script_open(struct script *s, const struct script_eval *e,
                                           bool is_range, struct query **q, struct tsdb_error *err)
{
    struct query_store store = {.metrics = s->m, .clock = &s->clock.clock};
    struct tsdb_query_options options = {.start = e->start, .end = e->end, .step = e->step};
    if (is_range && !e->is_range) { /* an instant query as the middle of a range */
        options.step = 60 * NS_PER_S;
        options.start = e->start - options.step;
        options.end = e->start + options.step;
    }
    return query_open(&store, text_of(e->query), &options, q, err);
}

/* The one point at the instant, of a range query's series. */
static inline void script_compare_middle(struct script *s, struct script_eval *e,
                                         const struct tsdb_result *got)
{
    for (uint32_t i = 0; i < got->count; i++) {
        if (got->ts[i] != e->start)
            continue;
        struct script_series *expected = script_find(e, got->labels);
        if (!expected) {
            script_say(s, "as range: unexpected %s", script_show(got->labels));
            return;
        }
        expected->is_seen = true;
        script_compare_point(s, &expected->points[0], got, i, 0);
    }
}

static inline void script_compare_one(struct script *s, struct script_eval *e,
                                      const struct tsdb_result *got, uint32_t nth)
{
    struct script_series *expected = script_find(e, got->labels);
    if (!expected) {
        script_say(s, "unexpected %s = %g", script_show(got->labels),
                   got->count ? got->values[0] : 0);
        return;
    }
    if (script_has(e, "ordered") && expected != &e->expected[nth])
        script_say(s, "%s is number %u", script_show(got->labels), nth);
    expected->is_seen = true;
    if (e->is_range)
        script_compare_series(s, expected, got, e->start, e->step);
    else if (e->has_range_vector)
        script_compare_series(s, expected, got, e->vector_start, e->vector_step);
    else if (got->count != 1 || got->ts[0] != e->start)
        script_say(s, "%s: no single point at the instant", script_show(got->labels));
    else
        script_compare_point(s, &expected->points[0], got, 0, 0);
}

static inline void script_run(struct script *s, struct script_eval *e, bool is_range)
{
    struct query *q = NULL;
    struct tsdb_error err = {0};
    enum tsdb_status st = script_open(s, e, is_range, &q, &err);
    bool is_extra = is_range && !e->is_range;
    struct tsdb_result got;
    for (uint32_t i = 0; i < e->expected_count; i++)
        e->expected[i].is_seen = false;
    for (uint32_t n = 0; st == TSDB_OK; n++) {
        st = query_next(q, &got, &err);
        if (st != TSDB_OK)
            break;
        if (query_kind(q) == TSDB_STRING) {
            if (!e->string || !text_equal(got.string, text_of(e->string)))
                script_say(s, "string %.*s", (int)got.string.len, got.string.at);
        } else if (is_extra) {
            script_compare_middle(s, e, &got);
        } else {
            script_compare_one(s, e, &got, n);
        }
    }
    if (st != TSDB_END) {
        if (!is_extra)
            script_check_fault(s, e, &err);
    } else if (script_has(e, "fail") && !is_extra) {
        script_say(s, "did not fail");
    } else {
        for (uint32_t i = 0; i < e->expected_count; i++)
            if (!e->expected[i].is_seen)
                script_say(s, "%smissing %s", is_extra ? "as range: " : "",
                           script_show(e->expected[i].labels));
        if (!is_extra) {
            script_check_notes(s, e, q, "warn");
            script_check_notes(s, e, q, "info");
        }
    }
    query_close(q);
}

/* ---- eval ------------------------------------------------------------------------- */

static inline void script_expect(struct script_eval *e, char *rest)
{
    if (strncmp(rest, "string ", 7) == 0) {
        char *p = script_skip(rest + 7);
        p[strlen(p) - 1] = '\0';
        e->string = p + 1;
        return;
    }
    if (strncmp(rest, "range vector from ", 18) == 0) {
        char *p = rest + 18;
        e->has_range_vector = true;
        e->vector_start = script_time(script_word(&p));
        (void)script_word(&p);
        (void)script_word(&p);
        (void)script_word(&p);
        e->vector_step = script_time(script_word(&p));
        return;
    }
    struct script_rule *rule = &e->rules[e->rule_count++];
    *rule = (struct script_rule){.text = NULL};
    (void)snprintf(rule->type, sizeof rule->type, "%s", script_word(&rest));
    rest = script_skip(rest);
    if (strncmp(rest, "msg:", 4) == 0 || strncmp(rest, "regex:", 6) == 0) {
        char *colon = strchr(rest, ':');
        *colon = '\0';
        (void)snprintf(rule->how, sizeof rule->how, "%s", rest);
        rule->text = script_skip(colon + 1);
    }
}

static inline void script_expected(struct script *s, struct script_eval *e, char *line)
{
    static struct script_values values;
    if (strncmp(line, "expect ", 7) == 0) {
        script_expect(e, script_skip(line + 7));
        return;
    }
    if (strncmp(line, "expected_fail", 13) == 0)
        return;
    cr_assert_lt(e->expected_count, SCRIPT_EXPECTED_MAX);
    struct script_series *series = &e->expected[e->expected_count++];
    *series = (struct script_series){0};
    char *values_at = line;
    if (!(isdigit((unsigned char)line[0]) || line[0] == '-' || line[0] == '+' ||
          strncmp(line, "{{", 2) == 0 || strncmp(line, "NaN", 3) == 0 ||
          strncmp(line, "Inf", 3) == 0)) {
        values_at = script_labels_end(line);
        struct tsdb_text text = {line, (size_t)(values_at - line)};
        series->labels = fake_labels(&s->arena, text);
    }
    script_values(&s->arena, &values, values_at);
    series->count = values.count;
    series->points = ARENA_ARRAY(&s->arena, struct script_point, values.count);
    memcpy(series->points, values.at, values.count * sizeof *values.at);
}

static inline bool script_eval_head(struct script_eval *e, char *rest)
{
    char *word = script_word(&rest);
    if (strcmp(word, "instant") == 0) {
        (void)script_word(&rest); /* at */
        e->start = e->end = script_time(script_word(&rest));
    } else if (strcmp(word, "range") == 0) {
        e->is_range = true;
        (void)script_word(&rest); /* from */
        e->start = script_time(script_word(&rest));
        (void)script_word(&rest); /* to */
        e->end = script_time(script_word(&rest));
        (void)script_word(&rest); /* step */
        e->step = script_time(script_word(&rest));
    } else {
        return false;
    }
    e->query = script_skip(rest);
    return true;
}

static inline void script_eval(struct script *s, const char *verb, char *rest)
{
    static struct script_eval e;
    memset(&e, 0, sizeof e);
    arena_reset(&s->arena);
    uint32_t line = s->at + 1;
    cr_assert(script_eval_head(&e, rest), "%s:%u", s->path, line);
    const char *kinds[] = {"fail", "warn", "info", "ordered"};
    for (size_t i = 0; i < 4; i++) {
        if (strncmp(verb, "eval_", 5) != 0 || strcmp(verb + 5, kinds[i]) != 0)
            continue;
        (void)snprintf(e.rules[e.rule_count++].type, sizeof e.rules[0].type, "%s", kinds[i]);
    }
    for (s->at++; script_is_body(script_line(s)); s->at++)
        if (!script_is_comment(script_line(s)))
            script_expected(s, &e, script_skip(script_line(s)));
    s->why[0] = '\0';
    script_run(s, &e, e.is_range);
    /* start(), end(), range() and step() ask about the query itself. */
    bool is_vector = !e.is_range && !e.has_range_vector && !e.string && !strstr(e.query, "()");
    if (is_vector && !s->why[0] && !script_has(&e, "fail") && !script_has(&e, "ordered"))
        script_run(s, &e, true);
    s->evals++;
    if (s->why[0]) {
        s->failures++;
        if (!s->is_quiet)
            cr_log_error("%s:%u: %s: %s", s->path, line, e.query, s->why);
    }
}

static inline void script_lines(struct script *s, char *text)
{
    uint32_t count = 1;
    for (char *p = text; *p; p++)
        count += *p == '\n';
    s->lines = MEM_ARRAY(char *, count + 1);
    for (char *p = text; p;) {
        char *end = strchr(p, '\n');
        if (end)
            *end = '\0';
        s->lines[s->line_count++] = p;
        p = end ? end + 1 : NULL;
    }
}

/* Runs the whole text, which it cuts up.  Counts go to evals and failures. */
static inline void script_run_text(struct script *s, const char *path, char *text)
{
    *s = (struct script){.path = path, .m = fake_new(), .is_quiet = s->is_quiet};
    arena_init(&s->arena, SIZE_MAX, NULL);
    clock_sim_init(&s->clock, 0);
    script_lines(s, text);
    while (s->at < s->line_count) {
        char *rest = script_line(s);
        if (!*script_skip(rest) || script_is_comment(rest)) {
            s->at++;
            continue;
        }
        char *verb = script_word(&rest);
        if (strncmp(verb, "load", 4) == 0) {
            script_load(s, verb, rest);
        } else if (strcmp(verb, "clear") == 0) {
            fake_clear(s->m);
            s->at++;
        } else if (strncmp(verb, "eval", 4) == 0) {
            script_eval(s, verb, rest);
        } else {
            cr_assert_fail("%s:%u: %s", path, s->at + 1, verb);
        }
    }
    fake_free(s->m);
    arena_release(&s->arena);
    mem_free(s->lines);
}

static inline char *script_read(const char *path)
{
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    struct writer w = {0};
    size_t n;
    do {
        n = fread(writer_reserve(&w, 65536), 1, 65536, f);
        w.len += n;
    } while (n > 0);
    fclose(f);
    writer_u8(&w, 0);
    return (char *)w.at;
}

#endif
