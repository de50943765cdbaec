#include "tsdb/store/select.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <stdlib.h>

/* Costs in steps of reading one posting, some 1.5 ns (bench/bench_index.c). */
enum {
    SERIES_STEPS = 40, /* to look at one candidate's labels */
    VALUE_STEPS = 60,  /* to test one value */
    MEMO_SLOTS_MIN = 64,
    MEMO_SLOTS_MAX = 65536,
};

/* One matcher, as far as it is known which pairs decide it. */
struct term {
    const struct matcher *m;
    uint32_t name;
    enum matcher_reach reach;
    bool is_resolved, is_used;
    struct ordinals pairs; /* that decide, once resolved */
    uint64_t series;       /* that have them; of an unresolved term, at most */
    uint64_t steps;        /* to apply it by postings */
    uint32_t *memo;        /* owned; unresolved: pair + 1 and verdict, see term_verdict */
    uint32_t memo_mask;
};

struct selection {
    struct select_index in;
    struct term *terms; /* owned */
    uint32_t count;
    bool is_empty; /* nothing can match */
    struct ordinals *out, scratch;
};

static enum tsdb_status damaged(struct tsdb_error *err, enum tsdb_status st)
{
    return tsdb_fail(err, st, "label index: damaged");
}

/* ---- what decides a matcher ---------------------------------------------------- */

static enum tsdb_status term_append(struct selection *s, struct term *t, uint32_t pair)
{
    uint32_t series = 0, steps = 0;
    enum tsdb_status st = s->in.face->pair_series(s->in.index, pair, &series, &steps);
    if (st != TSDB_OK)
        return st;
    ordinals_append(&t->pairs, pair);
    t->series += series;
    t->steps += steps;
    return TSDB_OK;
}

static enum tsdb_status term_look_up(struct selection *s, struct term *t,
                                     const struct tsdb_text *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t pair = SELECT_NONE;
        enum tsdb_status st = s->in.face->pair_find(s->in.index, t->name, values[i], &pair);
        if (st == TSDB_OK && pair != SELECT_NONE)
            st = term_append(s, t, pair);
        if (st != TSDB_OK)
            return st;
    }
    ordinals_sort(&t->pairs);
    t->is_resolved = true;
    return TSDB_OK;
}

struct resolving {
    struct selection *s;
    struct term *t;
};

static enum tsdb_status resolve_pair(void *arg, uint32_t pair, struct tsdb_text value)
{
    struct resolving *r = arg;
    const struct matcher *m = r->t->m;
    if (r->t->reach == MATCHER_TESTED && matcher_test(m, value) == m->accepts_empty)
        return TSDB_OK;
    return term_append(r->s, r->t, pair);
}

/* Walks the values of the name. */
static enum tsdb_status term_resolve(struct selection *s, struct term *t)
{
    if (t->is_resolved)
        return TSDB_OK;
    struct resolving r = {s, t};
    t->series = 0;
    t->steps = 0;
    enum tsdb_status st =
        s->in.face->pair_each(s->in.index, t->name, matcher_prefix(t->m), resolve_pair, &r);
    ordinals_sort(&t->pairs);
    t->is_resolved = true;
    return st;
}

/* A matcher that all or no series pass needs no term. */
static void settle(struct selection *s, bool passes_all)
{
    s->is_empty |= !passes_all;
}

static enum tsdb_status term_begin(struct selection *s, const struct matcher *m)
{
    const struct select_face *face = s->in.face;
    const struct tsdb_text *values = NULL;
    uint32_t listed = 0;
    struct term t = {.m = m, .name = face->name_find(s->in.index, m->name)};
    t.reach = matcher_reach(m, &values, &listed);
    if (t.reach == MATCHER_NOTHING || t.name == SELECT_NONE) {
        settle(s, m->accepts_empty);
        return TSDB_OK;
    }
    t.series = face->name_series(s->in.index, t.name);
    if (t.reach == MATCHER_ANY && t.series == face->series_count(s->in.index)) {
        settle(s, !m->accepts_empty);
        return TSDB_OK;
    }
    uint64_t per_value = t.reach == MATCHER_TESTED ? VALUE_STEPS : 2;
    t.steps = t.series + per_value * face->name_values(s->in.index, t.name);
    if (t.reach == MATCHER_LISTED) {
        t.series = 0;
        t.steps = 0;
        enum tsdb_status st = term_look_up(s, &t, values, listed);
        bool is_all = t.series == face->series_count(s->in.index);
        if (st != TSDB_OK || t.pairs.count == 0 || is_all) {
            ordinals_release(&t.pairs);
            if (st == TSDB_OK)
                settle(s, is_all != m->accepts_empty);
            return st;
        }
    }
    s->terms[s->count++] = t;
    return TSDB_OK;
}

/* ---- by postings --------------------------------------------------------------- */

static enum tsdb_status pairs_unite(struct selection *s, const struct ordinals *pairs,
                                    struct ordinals *out)
{
    ordinals_reset(out);
    for (uint32_t i = 0; i < pairs->count; i++) {
        enum tsdb_status st = s->in.face->pair_refs(s->in.index, pairs->at[i], out);
        if (st != TSDB_OK)
            return st;
        if (out->count > s->in.face->series_count(s->in.index))
            return TSDB_ECORRUPT; /* a series has one value of a name */
    }
    if (pairs->count > 1)
        ordinals_sort(out);
    return TSDB_OK;
}

/* The smallest set to begin with: looked up if there is one, else resolved. */
static enum tsdb_status selection_begin(struct selection *s)
{
    struct term *best = NULL;
    for (uint32_t i = 0; i < s->count; i++) {
        struct term *t = &s->terms[i];
        if (t->m->accepts_empty)
            continue;
        bool is_better = !best || (t->is_resolved && !best->is_resolved) ||
                         (t->is_resolved == best->is_resolved && t->series < best->series);
        if (is_better)
            best = t;
    }
    if (!best) {
        s->in.face->all(s->in.index, s->out);
        return TSDB_OK;
    }
    best->is_used = true;
    enum tsdb_status st = term_resolve(s, best);
    return st == TSDB_OK ? pairs_unite(s, &best->pairs, s->out) : st;
}

static enum tsdb_status term_apply(struct selection *s, struct term *t)
{
    bool is_kept = !t->m->accepts_empty;
    enum tsdb_status st = term_resolve(s, t);
    if (st != TSDB_OK)
        return st;
    if (t->pairs.count == 1)
        return s->in.face->pair_filter(s->in.index, t->pairs.at[0], is_kept, s->out);
    st = pairs_unite(s, &t->pairs, &s->scratch);
    if (st != TSDB_OK)
        return st;
    if (is_kept)
        ordinals_intersect(s->out, &s->scratch);
    else
        ordinals_subtract(s->out, &s->scratch);
    return TSDB_OK;
}

static int by_steps(const void *a, const void *b)
{
    const struct term *x = a, *y = b;
    return (x->steps > y->steps) - (x->steps < y->steps);
}

/* Cheapest first; what is cheaper by the candidates' labels is left. */
static enum tsdb_status selection_narrow(struct selection *s)
{
    qsort(s->terms, s->count, sizeof *s->terms, by_steps);
    for (uint32_t i = 0; i < s->count && s->out->count > 0; i++) {
        struct term *t = &s->terms[i];
        if (t->is_used || (uint64_t)s->out->count * SERIES_STEPS < t->steps)
            continue;
        t->is_used = true;
        enum tsdb_status st = term_apply(s, t);
        if (st != TSDB_OK)
            return st;
    }
    return TSDB_OK;
}

/* ---- by labels ----------------------------------------------------------------- */

enum verdict { VERDICT_OTHER, VERDICT_PLAIN, VERDICT_DECIDES }; /* other: not the name's */

/* A slot for every value that may come up, within bounds. */
static void memo_begin(const struct selection *s, struct term *t)
{
    uint32_t values = s->in.face->name_values(s->in.index, t->name);
    uint32_t want = values < s->out->count ? values : s->out->count;
    uint32_t slots = MEMO_SLOTS_MIN;
    while (slots < want && slots < MEMO_SLOTS_MAX)
        slots *= 2;
    t->memo = MEM_ARRAY(uint32_t, (size_t)slots * 2);
    t->memo_mask = slots - 1;
}

/* Does the pair decide the term?  Remembered in a small direct-mapped table of
 * pair + 1 and verdict, since neighbouring series share most pairs. */
static enum tsdb_status term_verdict(struct selection *s, struct term *t, uint32_t pair,
                                     enum verdict *out)
{
    if (t->is_resolved) {
        bool decides =
            t->pairs.count == 1 ? t->pairs.at[0] == pair : ordinals_have(&t->pairs, pair);
        *out = decides ? VERDICT_DECIDES : VERDICT_OTHER;
        return TSDB_OK;
    }
    if (!t->memo)
        memo_begin(s, t);
    uint32_t *memo = &t->memo[(size_t)(pair & t->memo_mask) * 2];
    if (memo[0] == pair + 1) {
        *out = (enum verdict)memo[1];
        return TSDB_OK;
    }
    /* Other names' pairs are not remembered: they would push out this name's. */
    *out = VERDICT_OTHER;
    if (s->in.face->pair_name(s->in.index, pair) == t->name) {
        bool passes = !t->m->accepts_empty; /* MATCHER_ANY: every value decides */
        if (t->reach == MATCHER_TESTED) {
            enum tsdb_status st = s->in.face->pair_test(s->in.index, pair, t->m, &passes);
            if (st != TSDB_OK)
                return st;
        }
        *out = passes == t->m->accepts_empty ? VERDICT_PLAIN : VERDICT_DECIDES;
        memo[0] = pair + 1;
        memo[1] = *out;
    }
    return TSDB_OK;
}

static enum tsdb_status term_passes(struct selection *s, struct term *t, const uint32_t *pairs,
                                    uint32_t count, bool *passes)
{
    enum verdict verdict = VERDICT_OTHER;
    for (uint32_t i = 0; i < count && verdict == VERDICT_OTHER; i++) {
        enum tsdb_status st = term_verdict(s, t, pairs[i], &verdict);
        if (st != TSDB_OK)
            return st;
    }
    *passes = (verdict == VERDICT_DECIDES) != t->m->accepts_empty;
    return TSDB_OK;
}

static enum tsdb_status series_passes(struct selection *s, uint32_t ref, bool *passes)
{
    uint32_t pairs[LABELS_MAX], count = 0;
    enum tsdb_status st = s->in.face->series_pairs(s->in.index, ref, pairs, &count);
    *passes = true;
    for (uint32_t i = 0; st == TSDB_OK && *passes && i < s->count; i++) {
        if (!s->terms[i].is_used)
            st = term_passes(s, &s->terms[i], pairs, count, passes);
    }
    return st;
}

static enum tsdb_status selection_filter(struct selection *s)
{
    bool is_needed = false;
    for (uint32_t i = 0; i < s->count; i++)
        is_needed |= !s->terms[i].is_used;
    uint32_t kept = 0;
    for (uint32_t i = 0; is_needed && i < s->out->count; i++) {
        bool passes = false;
        enum tsdb_status st = series_passes(s, s->out->at[i], &passes);
        if (st != TSDB_OK)
            return st;
        if (passes)
            s->out->at[kept++] = s->out->at[i];
    }
    if (is_needed)
        s->out->count = kept;
    return TSDB_OK;
}

/* ---- the whole ----------------------------------------------------------------- */

static enum tsdb_status selection_run(struct selection *s, const struct matcher *m, uint32_t count)
{
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; st == TSDB_OK && !s->is_empty && i < count; i++)
        st = term_begin(s, &m[i]);
    if (st != TSDB_OK || s->is_empty)
        return st;
    st = selection_begin(s);
    if (st == TSDB_OK)
        st = selection_narrow(s);
    if (st == TSDB_OK)
        st = selection_filter(s);
    return st;
}

enum tsdb_status select_series(struct select_index in, const struct matcher *m, uint32_t count,
                               struct ordinals *out, struct tsdb_error *err)
{
    if (count > SELECT_MATCHERS_MAX)
        return tsdb_fail(err, TSDB_ELIMIT, "%u matchers, at most %d", count, SELECT_MATCHERS_MAX);
    struct selection s = {.in = in, .out = out};
    s.terms = MEM_ARRAY(struct term, count);
    ordinals_reset(out);
    enum tsdb_status st = selection_run(&s, m, count);
    for (uint32_t i = 0; i < s.count; i++) {
        ordinals_release(&s.terms[i].pairs);
        mem_free(s.terms[i].memo);
    }
    mem_free(s.terms);
    ordinals_release(&s.scratch);
    return st == TSDB_OK ? TSDB_OK : damaged(err, st);
}

/* ---- names and values ----------------------------------------------------------- */

static bool bit_is_set(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> i % 64 & 1;
}

enum tsdb_status select_pairs_of(struct select_index in, const struct ordinals *set,
                                 uint64_t **bits, struct tsdb_error *err)
{
    uint32_t pairs[LABELS_MAX], count = 0;
    uint64_t *found = MEM_ARRAY(uint64_t, (size_t)in.face->pair_limit(in.index) / 64 + 1);
    for (uint32_t i = 0; i < set->count; i++) {
        enum tsdb_status st = in.face->series_pairs(in.index, set->at[i], pairs, &count);
        if (st != TSDB_OK) {
            mem_free(found);
            return damaged(err, st);
        }
        for (uint32_t k = 0; k < count; k++)
            found[pairs[k] / 64] |= (uint64_t)1 << pairs[k] % 64;
    }
    *bits = found;
    return TSDB_OK;
}

/* Texts on their way to a visitor, sorted before they leave. */
struct texts {
    struct text_key {
        uint64_t first; /* eight bytes, big-endian: most comparisons end here */
        struct tsdb_text text;
    } * at; /* owned */
    uint32_t count, cap;
};

static void texts_append(struct texts *t, struct tsdb_text text)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->at = mem_grow(t->at, t->cap, sizeof *t->at);
    }
    struct text_key *key = &t->at[t->count++];
    *key = (struct text_key){.text = text};
    for (size_t i = 0; i < 8; i++)
        key->first = key->first << 8 | (i < text.len ? (uint8_t)text.at[i] : 0);
}

static int by_text(const void *a, const void *b)
{
    const struct text_key *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return text_compare(x->text, y->text);
}

/* Sorts unless they are, visits, frees. */
static void texts_visit(struct texts *t, bool is_sorted, tsdb_text_fn *fn, void *arg)
{
    if (!is_sorted && t->count > 1)
        qsort(t->at, t->count, sizeof *t->at, by_text);
    for (uint32_t i = 0; i < t->count && fn(arg, t->at[i].text); i++)
        continue;
    mem_free(t->at);
}

/* One bit a name, from one bit a pair. */
static uint64_t *names_of(struct select_index in, const uint64_t *pairs)
{
    uint64_t *names = MEM_ARRAY(uint64_t, (size_t)in.face->name_limit(in.index) / 64 + 1);
    uint32_t words = in.face->pair_limit(in.index) / 64 + 1;
    for (uint32_t w = 0; w < words; w++) {
        for (uint64_t rest = pairs[w]; rest; rest &= rest - 1) {
            uint32_t pair = w * 64 + (uint32_t)__builtin_ctzll(rest);
            uint32_t name = in.face->pair_name(in.index, pair);
            names[name / 64] |= (uint64_t)1 << name % 64;
        }
    }
    return names;
}

enum tsdb_status select_names(struct select_index in, const struct ordinals *set, tsdb_text_fn *fn,
                              void *arg, struct tsdb_error *err)
{
    uint64_t *names = NULL;
    if (set) {
        uint64_t *pairs;
        enum tsdb_status st = select_pairs_of(in, set, &pairs, err);
        if (st != TSDB_OK)
            return st;
        names = names_of(in, pairs);
        mem_free(pairs);
    }
    struct texts texts = {0};
    for (uint32_t name = 0; name < in.face->name_limit(in.index); name++) {
        struct tsdb_text text = in.face->name_text(in.index, name);
        if (text.len > 0 && (!names || bit_is_set(names, name)))
            texts_append(&texts, text);
    }
    mem_free(names);
    texts_visit(&texts, in.face->is_sorted, fn, arg);
    return TSDB_OK;
}

struct visiting {
    const uint64_t *pairs; /* NULL: all */
    struct texts texts;    /* when they need sorting */
    bool is_sorted;
    tsdb_text_fn *fn;
    void *arg;
};

static enum tsdb_status visit_value(void *arg, uint32_t pair, struct tsdb_text value)
{
    struct visiting *v = arg;
    if (v->pairs && !bit_is_set(v->pairs, pair))
        return TSDB_OK;
    if (v->is_sorted)
        return v->fn(v->arg, value) ? TSDB_OK : TSDB_END;
    texts_append(&v->texts, value);
    return TSDB_OK;
}

enum tsdb_status select_values(struct select_index in, struct tsdb_text name,
                               const struct ordinals *set, tsdb_text_fn *fn, void *arg,
                               struct tsdb_error *err)
{
    uint32_t id = in.face->name_find(in.index, name);
    uint64_t *pairs = NULL;
    if (id == SELECT_NONE)
        return TSDB_OK;
    enum tsdb_status st = set ? select_pairs_of(in, set, &pairs, err) : TSDB_OK;
    if (st != TSDB_OK)
        return st;
    struct visiting v = {.pairs = pairs, .is_sorted = in.face->is_sorted, .fn = fn, .arg = arg};
    st = in.face->pair_each(in.index, id, (struct tsdb_text){"", 0}, visit_value, &v);
    mem_free(pairs);
    texts_visit(&v.texts, false, fn, arg);
    if (st == TSDB_END)
        return TSDB_OK;
    return st == TSDB_OK ? TSDB_OK : damaged(err, st);
}

struct counting {
    struct select_index in;
    struct tsdb_text name;
    select_stat_fn *fn;
    void *arg;
};

static enum tsdb_status count_pair(void *arg, uint32_t pair, struct tsdb_text value)
{
    struct counting *c = arg;
    uint32_t series = 0, steps = 0;
    enum tsdb_status st = c->in.face->pair_series(c->in.index, pair, &series, &steps);
    if (st != TSDB_OK)
        return st;
    return c->fn(c->arg, c->name, value, series) ? TSDB_OK : TSDB_END;
}

enum tsdb_status select_stats(struct select_index in, select_stat_fn *fn, void *arg,
                              struct tsdb_error *err)
{
    struct counting c = {.in = in, .fn = fn, .arg = arg};
    for (uint32_t name = 0; name < in.face->name_limit(in.index); name++) {
        c.name = in.face->name_text(in.index, name);
        if (c.name.len == 0)
            continue;
        enum tsdb_status st =
            in.face->pair_each(in.index, name, (struct tsdb_text){"", 0}, count_pair, &c);
        if (st == TSDB_END)
            return TSDB_OK;
        if (st != TSDB_OK)
            return damaged(err, st);
    }
    return TSDB_OK;
}
