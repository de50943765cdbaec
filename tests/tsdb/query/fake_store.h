/* fake_store.h - a metrics engine of a few series in memory, for tests.
 *
 * Defines what tsdb/metrics/select.h declares, over `struct metrics` of its own,
 * so that a test links without the real engine.  Series come in the order in
 * which they were added, samples sorted by time.  Everything lives in one arena
 * that ends with the store.
 */
#ifndef TESTS_TSDB_QUERY_FAKE_STORE_H
#define TESTS_TSDB_QUERY_FAKE_STORE_H

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/metrics/select.h"
#include "tsdb/query/eval.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/query.h"

#include <string.h>

enum { FAKE_SERIES_MAX = 20000 };

struct fake_sample {
    int64_t ts;
    double value;
    const struct tsdb_histogram *histogram;
};

struct fake_series {
    struct tsdb_labels labels;
    struct fake_sample *samples;
    uint32_t count, cap;
};

struct metrics {
    struct arena arena;
    struct fake_series series[FAKE_SERIES_MAX];
    uint32_t count;
    uint32_t open_sets;
    bool is_partial;
};

struct series_set {
    struct metrics *m;
    int64_t start, end;
    uint32_t *found;
    uint32_t count;
};

static inline struct metrics *fake_new(void)
{
    struct metrics *m = MEM_NEW(struct metrics);
    arena_init(&m->arena, SIZE_MAX, NULL);
    return m;
}

static inline void fake_clear(struct metrics *m)
{
    arena_reset(&m->arena);
    m->count = 0;
}

static inline void fake_free(struct metrics *m)
{
    ASSERT(m->open_sets == 0);
    arena_release(&m->arena);
    mem_free(m);
}

/* "x{a=\"1\"}" to labels; the selector's matchers, all equal. */
static inline struct tsdb_labels fake_labels(struct arena *arena, struct tsdb_text text)
{
    struct tsdb_labels labels = {0};
    if (text.len == 2 && memcmp(text.at, "{}", 2) == 0)
        return labels;
    struct expr *e = NULL;
    enum tsdb_status st = promql_parse_selector(text, arena, &e, NULL);
    ASSERT(st == TSDB_OK);
    for (uint32_t i = 0; i < e->selector.matcher_count; i++) {
        const struct expr_matcher *m = &e->selector.matchers[i];
        bool is_set = labels_set(arena, labels, m->name, m->value, &labels);
        ASSERT(is_set);
    }
    return labels;
}

/* The series with these labels, made when new. */
static inline struct fake_series *fake_series(struct metrics *m, struct tsdb_labels labels)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (labels_compare(m->series[i].labels, labels) == 0)
            return &m->series[i];
    ASSERT(m->count < FAKE_SERIES_MAX);
    m->series[m->count] = (struct fake_series){.labels = labels};
    return &m->series[m->count++];
}

static inline void fake_append(struct metrics *m, struct fake_series *s, struct fake_sample sample)
{
    if (s->count == s->cap) {
        uint32_t cap = s->cap ? 2 * s->cap : 16;
        struct fake_sample *samples = ARENA_ARRAY(&m->arena, struct fake_sample, cap);
        if (s->count)
            memcpy(samples, s->samples, s->count * sizeof *samples);
        s->samples = samples;
        s->cap = cap;
    }
    uint32_t at = s->count;
    while (at > 0 && s->samples[at - 1].ts > sample.ts) {
        s->samples[at] = s->samples[at - 1];
        at--;
    }
    if (at > 0 && s->samples[at - 1].ts == sample.ts) { /* the last one written stays */
        s->samples[at - 1] = sample;
        memmove(s->samples + at, s->samples + at + 1, (s->count - at) * sizeof sample);
        return;
    }
    s->samples[at] = sample;
    s->count++;
}

/* name{...} with floats at 0, step, 2 step, ... */
static inline void fake_load(struct metrics *m, const char *name, int64_t step,
                             const double *values, uint32_t count)
{
    struct tsdb_text kept = text_keep(&m->arena, (struct tsdb_text){name, strlen(name)});
    struct fake_series *s = fake_series(m, fake_labels(&m->arena, kept));
    for (uint32_t i = 0; i < count; i++)
        fake_append(m, s, (struct fake_sample){.ts = step * i, .value = values[i]});
}

/* ---- tsdb/metrics/select.h ----------------------------------------------------- */

void samples_init(struct samples *s, struct budget *budget)
{
    *s = (struct samples){0};
    arena_init(&s->arena, SIZE_MAX, budget);
}

void samples_release(struct samples *s)
{
    mem_free(s->ts);
    mem_free(s->values);
    mem_free(s->histograms);
    arena_release(&s->arena);
    *s = (struct samples){0};
}

enum tsdb_status metrics_select(struct metrics *m, const struct metrics_selection *selection,
                                struct series_set **out, struct tsdb_error *err)
{
    struct series_set *set = MEM_NEW(struct series_set);
    *set = (struct series_set){.m = m, .start = selection->start, .end = selection->end};
    set->found = MEM_ARRAY(uint32_t, m->count + 1);
    for (uint32_t i = 0; i < m->count; i++) {
        const struct fake_series *s = &m->series[i];
        bool is_there = false;
        for (uint32_t k = 0; k < s->count && !is_there; k++)
            is_there = s->samples[k].ts >= set->start && s->samples[k].ts <= set->end;
        if (is_there && matchers_test(selection->matchers, selection->matcher_count, s->labels))
            set->found[set->count++] = i;
    }
    m->open_sets++;
    if (selection->series_max && set->count > selection->series_max) {
        series_set_close(set);
        return tsdb_fail(err, TSDB_ELIMIT, "query matches more than series_max of %llu",
                         (unsigned long long)selection->series_max);
    }
    *out = set;
    return TSDB_OK;
}

uint32_t series_set_count(const struct series_set *set)
{
    return set->count;
}

struct tsdb_labels series_set_labels(struct series_set *set, uint32_t i)
{
    return set->m->series[set->found[i]].labels;
}

enum tsdb_status series_set_samples(struct series_set *set, uint32_t i, struct samples *out,
                                    struct tsdb_error *err)
{
    (void)err;
    const struct fake_series *s = &set->m->series[set->found[i]];
    arena_reset(&out->arena);
    if (out->cap < s->count) {
        out->cap = s->count;
        out->ts = mem_grow(out->ts, out->cap, sizeof *out->ts);
        out->values = mem_grow(out->values, out->cap, sizeof *out->values);
        mem_free(out->histograms);
        out->histograms = NULL;
    }
    mem_free(out->histograms);
    out->histograms = NULL;
    out->count = 0;
    for (uint32_t k = 0; k < s->count; k++) {
        const struct fake_sample *from = &s->samples[k];
        if (from->ts < set->start || from->ts > set->end)
            continue;
        out->ts[out->count] = from->ts;
        out->values[out->count] = from->value;
        if (from->histogram && !out->histograms)
            out->histograms = mem_array(out->cap, sizeof(void *));
        if (from->histogram) /* a copy that dies with the next series */
            out->histograms[out->count] = histogram_copy(&out->arena, from->histogram);
        out->count++;
    }
    return TSDB_OK;
}

bool series_set_is_partial(const struct series_set *set)
{
    return set->m->is_partial;
}

void series_set_close(struct series_set *set)
{
    set->m->open_sets--;
    mem_free(set->found);
    mem_free(set);
}

#endif
