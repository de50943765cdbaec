#include "tsdb/query/scope.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/metrics/metrics.h"
#include "tsdb/metrics/order.h"

#include <stdlib.h>

enum { SCOPE_ARENA_BYTES = 16 << 20 };

static void release_matchers(struct matcher *m, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        matcher_release(&m[i]);
    mem_free(m);
}

enum tsdb_status scope_matchers(const struct expr_selector *selector, struct matcher **out,
                                uint32_t *count, struct tsdb_error *err)
{
    struct matcher *m = MEM_ARRAY(struct matcher, selector->matcher_count);
    for (uint32_t i = 0; i < selector->matcher_count; i++) {
        const struct expr_matcher *in = &selector->matchers[i];
        enum tsdb_status st =
            matcher_init(&m[i], (enum matcher_kind)in->kind, in->name, in->value, err);
        if (st != TSDB_OK) {
            release_matchers(m, i);
            return st;
        }
    }
    *out = m;
    *count = selector->matcher_count;
    return TSDB_OK;
}

static enum tsdb_status add(struct scope *s, const struct tsdb_scope *in,
                            const struct expr_selector *selector, struct tsdb_error *err)
{
    struct matcher *matchers;
    uint32_t count;
    enum tsdb_status st = scope_matchers(selector, &matchers, &count, err);
    if (st != TSDB_OK)
        return st;
    s->selections = mem_grow(s->selections, (size_t)s->count + 1, sizeof *s->selections);
    s->selections[s->count++] = (struct metrics_selection){.tenant = in->tenant,
                                                           .matchers = matchers,
                                                           .matcher_count = count,
                                                           .start = in->start,
                                                           .end = in->end};
    return TSDB_OK;
}

void scope_take_all(struct scope *s, const struct tsdb_scope *in)
{
    s->selections = mem_grow(s->selections, (size_t)s->count + 1, sizeof *s->selections);
    s->selections[s->count++] =
        (struct metrics_selection){.tenant = in->tenant, .start = in->start, .end = in->end};
}

enum tsdb_status scope_open(struct scope *s, const struct tsdb_scope *in, struct tsdb_error *err)
{
    *s = (struct scope){0};
    arena_init(&s->arena, SCOPE_ARENA_BYTES, NULL);
    if (in->selector_count > SCOPE_SELECTORS_MAX)
        return tsdb_fail(err, TSDB_EINVAL, "%u selectors, at most %d are taken", in->selector_count,
                         SCOPE_SELECTORS_MAX);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < in->selector_count && st == TSDB_OK; i++) {
        struct expr *e;
        st = promql_parse_selector(in->selectors[i], &s->arena, &e, err);
        if (st == TSDB_OK)
            st = add(s, in, &e->selector, err);
    }
    if (st != TSDB_OK)
        scope_close(s);
    return st;
}

struct visit {
    struct scope *scope;
    const struct tsdb_scope *in;
    enum tsdb_status status;
    struct tsdb_error *err;
};

static void add_selector(void *arg, const struct expr *e)
{
    struct visit *v = arg;
    if (v->status == TSDB_OK)
        v->status = add(v->scope, v->in, &e->selector, v->err);
}

enum tsdb_status scope_of_query(struct scope *s, struct tsdb_text query,
                                const struct tsdb_scope *in, struct tsdb_error *err)
{
    *s = (struct scope){0};
    arena_init(&s->arena, SCOPE_ARENA_BYTES, NULL);
    struct expr *e;
    struct visit v = {.scope = s, .in = in, .err = err};
    v.status = promql_parse(query, &s->arena, &e, err);
    if (v.status == TSDB_OK)
        expr_selectors(e, add_selector, &v);
    if (v.status != TSDB_OK)
        scope_close(s);
    return v.status;
}

void scope_close(struct scope *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        release_matchers((struct matcher *)(uintptr_t)s->selections[i].matchers,
                         s->selections[i].matcher_count);
    mem_free(s->selections);
    arena_release(&s->arena);
    *s = (struct scope){0};
}

static int by_order(const void *a, const void *b)
{
    return series_order(*(const struct tsdb_labels *)a, *(const struct tsdb_labels *)b);
}

/* Labels of every set, sorted, each once. */
static enum tsdb_status visit_sets(struct series_set **sets, uint32_t count, uint64_t limit,
                                   tsdb_series_fn *fn, void *arg)
{
    uint64_t total = 0, n = 0, told = 0;
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < count; i++)
        total += series_set_count(sets[i]);
    struct tsdb_labels *all = MEM_ARRAY(struct tsdb_labels, total);
    for (uint32_t i = 0; i < count && st == TSDB_OK; i++) {
        for (uint32_t k = 0; k < series_set_count(sets[i]) && st == TSDB_OK; k++) {
            all[n++] = series_set_labels(sets[i], k);
            if (series_set_is_short(sets[i]))
                st = TSDB_ELIMIT;
        }
    }
    if (n)
        qsort(all, n, sizeof *all, by_order);
    for (uint64_t i = 0; i < n && st == TSDB_OK && (limit == 0 || told < limit); i++) {
        if (all[i].count == 0 || (i > 0 && series_order(all[i - 1], all[i]) == 0))
            continue;
        told++;
        if (!fn(arg, all[i]))
            break;
    }
    mem_free(all);
    return st;
}

enum tsdb_status scope_series(const struct scope *s, struct metrics *m, uint64_t limit,
                              tsdb_series_fn *fn, void *arg, struct tsdb_error *err)
{
    struct series_set **sets = MEM_ARRAY(struct series_set *, s->count);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < s->count && st == TSDB_OK; i++) {
        struct metrics_selection selection = s->selections[i];
        selection.budget = &m->store->budget;
        st = metrics_select(m, &selection, &sets[i], err);
    }
    if (st == TSDB_OK) {
        st = visit_sets(sets, s->count, limit, fn, arg);
        if (st == TSDB_ELIMIT)
            (void)tsdb_fail(err, st, "look-up memory: the series' labels do not fit");
    }
    for (uint32_t i = 0; i < s->count; i++)
        series_set_close(sets[i]);
    mem_free(sets);
    return st;
}
