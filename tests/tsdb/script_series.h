/* script_series.h - a line of a promqltest script that names a series and its
 * values:
 *
 *   http_requests{job="api", instance="0"}  0+10x5 _ stale 7x2 {{sum:1 count:2}}x3
 *
 *   v, vxN          once, or N + 1 times      _, _xN      no sample, N of them
 *   a+bxN, a-bxN    a, a + b, ... N + 1 of them            stale    the marker
 *   a value may be a native histogram, {{...}}, see script_text.h
 *
 * Source: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series
 * Everything lives in the script's arena.
 */
#ifndef TESTS_TSDB_SCRIPT_SERIES_H
#define TESTS_TSDB_SCRIPT_SERIES_H

#include "tests/tsdb/script_text.h"

#include <stdlib.h>

struct script_series {
    struct tsdb_labels labels; /* canonical */
    struct script_value *values;
    uint32_t count, cap;
};

/* ---- values ---------------------------------------------------------------- */

static inline void script_push(struct script_text *t, struct script_series *s,
                               struct script_value v)
{
    if (s->count == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 16;
        struct script_value *values = ARENA_ARRAY(t->arena, struct script_value, cap);
        if (!values) {
            (void)script_fault(t, "too many values");
            return;
        }
        if (s->count > 0)
            memcpy(values, s->values, s->count * sizeof *values);
        s->values = values;
        s->cap = cap;
    }
    s->values[s->count++] = v;
}

static inline uint32_t script_times(struct script_text *t)
{
    char *end;
    unsigned long n = strtoul(t->at, &end, 10);
    if (end == t->at || n > 1000000)
        (void)script_fault(t, "repetition expected");
    t->at = end;
    return t->fault ? 0 : (uint32_t)n;
}

static inline void script_histograms(struct script_text *t, struct script_series *s)
{
    struct script_value v = {0};
    const struct tsdb_histogram *step = NULL;
    bool is_negative = false, has_step_hint = false;
    v.histogram = script_histogram(t, &v.has_hint);
    is_negative = *t->at == '-';
    if (script_accept(t, "+{{") || script_accept(t, "-{{"))
        step = script_histogram(t, &has_step_hint);
    uint32_t n = script_accept(t, "x") ? script_times(t) : 0;
    for (uint32_t i = 0; i <= n && !t->fault; i++) {
        script_push(t, s, v);
        if (step && i < n)
            v.histogram = script_added(t, v.histogram, step, is_negative);
    }
}

static inline void script_floats(struct script_text *t, struct script_series *s)
{
    struct script_value v = {0};
    double step = 0;
    v.value = script_accept(t, "stale") ? script_stale() : script_number(t);
    if (*t->at == '+' || *t->at == '-')
        step = script_number(t);
    uint32_t n = script_accept(t, "x") ? script_times(t) : 0;
    for (uint32_t i = 0; i <= n && !t->fault; i++) {
        script_push(t, s, v);
        if (i < n && step != 0) /* adding would quieten the stale marker */
            v.value += step;
    }
}

static inline void script_values(struct script_text *t, struct script_series *s)
{
    for (script_spaces(t); !t->fault && *t->at; script_spaces(t)) {
        if (script_accept(t, "_")) {
            uint32_t n = script_accept(t, "x") ? script_times(t) : 1;
            for (uint32_t i = 0; i < n; i++)
                script_push(t, s, (struct script_value){.is_omitted = true});
        } else if (script_accept(t, "{{")) {
            script_histograms(t, s);
        } else {
            script_floats(t, s);
        }
        if (*t->at && *t->at != ' ' && *t->at != '\t')
            (void)script_fault(t, "space expected between values");
    }
}

/* ---- the series' name --------------------------------------------------------- */

static inline int script_label_order(const void *a, const void *b)
{
    const struct tsdb_label *left = a, *right = b;
    return text_compare(left->name, right->name);
}

/* Length of the name and braces at the start of a line. */
static inline size_t script_metric_length(const char *line)
{
    char quote = 0;
    bool is_open = false;
    size_t n = 0;
    for (; line[n]; n++) {
        char c = line[n];
        if (quote && c == '\\' && quote != '`' && line[n + 1])
            n++;
        else if (quote)
            quote = c == quote ? 0 : quote;
        else if (is_open && strchr("\"'`", c))
            quote = c;
        else if (c == '{')
            is_open = true;
        else if (is_open && c == '}')
            return n + 1;
        else if (!is_open && (c == ' ' || c == '\t'))
            break;
    }
    return n;
}

/* Labels of name{a="b"}; {} has none. */
static inline void script_metric(struct script_text *t, struct script_series *s)
{
    struct tsdb_text text = {t->at, script_metric_length(t->at)};
    struct expr *e;
    t->at += text.len;
    if (text_equal(text, text_of("{}")))
        return;
    if (promql_parse_selector(text, t->arena, &e, NULL) != TSDB_OK) {
        (void)script_fault(t, "series expected");
        return;
    }
    uint32_t count = 0;
    struct tsdb_label *labels = ARENA_ARRAY(t->arena, struct tsdb_label, 64);
    for (uint32_t i = 0; i < e->selector.matcher_count && i < 64; i++) {
        const struct expr_matcher *m = &e->selector.matchers[i];
        if (m->kind != EXPR_MATCH_EQUAL)
            (void)script_fault(t, "label=\"value\" expected");
        if (m->value.len > 0)
            labels[count++] = (struct tsdb_label){m->name, m->value};
    }
    qsort(labels, count, sizeof *labels, script_label_order);
    s->labels = (struct tsdb_labels){labels, count};
}

/* Reads a whole line; NULL, or what is wrong with it. */
static inline const char *script_series_read(const char *line, struct arena *arena,
                                             struct script_series *s)
{
    struct script_text t = {.at = line, .arena = arena};
    *s = (struct script_series){.count = 0};
    script_metric(&t, s);
    script_values(&t, s);
    return t.fault;
}

#endif
