/* Names and values of labels, from the indices alone: no sample is read. */
#include "tsdb/metrics/metrics.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <stdlib.h>
#include <string.h>

/* Texts gathered from several indices; sorted and made unique at the end. */
struct texts {
    struct tsdb_text *at; /* owned; the texts in the arena */
    uint32_t count, cap;
    struct arena arena;
    bool is_full;
};

enum { TEXTS_BYTES_MAX = 256 << 20 };

static bool texts_add(void *arg, struct tsdb_text text)
{
    struct texts *t = arg;
    if (text_equal(text, text_of(TENANT_LABEL)))
        return true;
    char *copy = ARENA_ARRAY(&t->arena, char, text.len + 1);
    if (!copy) {
        t->is_full = true;
        return false;
    }
    memcpy(copy, text.at, text.len);
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->at = mem_grow(t->at, t->cap, sizeof *t->at);
    }
    t->at[t->count++] = (struct tsdb_text){copy, text.len};
    return true;
}

static int by_text(const void *a, const void *b)
{
    return text_compare(*(const struct tsdb_text *)a, *(const struct tsdb_text *)b);
}

/* Where a look-up goes: one label's values, or (name.at NULL) the names. */
struct target {
    struct tsdb_text name;
    struct texts texts;
};

static enum tsdb_status from_block(const struct block *b, const struct ordinals *set,
                                   struct target *t, struct tsdb_error *err)
{
    if (t->name.at)
        return label_index_values(b->labels, t->name, set, texts_add, &t->texts, err);
    return label_index_names(b->labels, set, texts_add, &t->texts, err);
}

static void from_head(const struct head_index *ix, const struct ordinals *set, struct target *t)
{
    if (t->name.at && set)
        head_index_values_of(ix, t->name, set, texts_add, &t->texts);
    else if (t->name.at)
        head_index_values(ix, t->name, texts_add, &t->texts);
    else if (set)
        head_index_names_of(ix, set, texts_add, &t->texts);
    else
        head_index_names(ix, texts_add, &t->texts);
}

/* What one selection asks of each index. */
struct question {
    const struct matcher *matchers;
    uint32_t count;
    bool is_all; /* every series of the tenant, which is the default one */
};

static enum tsdb_status look_in_block(const struct block *b, const struct question *q,
                                      struct target *t, struct ordinals *set,
                                      struct tsdb_error *err)
{
    if (q->is_all && !b->has_tenants)
        return from_block(b, NULL, t, err);
    enum tsdb_status st = label_index_select(b->labels, q->matchers, q->count, set, err);
    return st == TSDB_OK ? from_block(b, set, t, err) : st;
}

static enum tsdb_status look_in_head(struct head *h, const struct question *q, struct target *t,
                                     struct ordinals *set, struct tsdb_error *err)
{
    enum tsdb_status st = TSDB_OK;
    rwlock_read(&h->index);
    bool is_whole = q->is_all && h->tenant_count == 1;
    if (!is_whole)
        st = head_index_select(h->labels, q->matchers, q->count, set, err);
    if (st == TSDB_OK)
        from_head(h->labels, is_whole ? NULL : set, t);
    rwlock_unlock(&h->index);
    return st;
}

/* One selection over head and blocks. */
static enum tsdb_status look(struct metrics *m, const struct block_list *list,
                             const struct lookup *lookup, const struct metrics_selection *sel,
                             struct target *t, struct tsdb_error *err)
{
    const char *tenant = lookup->tenant ? lookup->tenant : "";
    struct question q = {.is_all = !sel && !tenant[0]};
    struct matcher *matchers = matchers_with_tenant(tenant, sel ? sel->matchers : NULL,
                                                    sel ? sel->matcher_count : 0, &q.count);
    q.matchers = matchers;
    struct ordinals set = {0};
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < list->count && st == TSDB_OK; i++) {
        const struct block *b = list->blocks[i];
        if (b->entry.ts_max >= lookup->start && b->entry.ts_min <= lookup->end)
            st = look_in_block(b, &q, t, &set, err);
    }
    if (st == TSDB_OK)
        st = look_in_head(&m->head, &q, t, &set, err);
    ordinals_release(&set);
    mem_free(matchers);
    return st;
}

static enum tsdb_status run(struct metrics *m, const struct lookup *lookup, struct target *t,
                            tsdb_text_fn *fn, void *arg, struct tsdb_error *err)
{
    arena_init(&t->texts.arena, TEXTS_BYTES_MAX, &m->store->budget);
    struct block_list *list = block_list_ref(m);
    enum tsdb_status st = TSDB_OK;
    if (lookup->selection_count == 0)
        st = look(m, list, lookup, NULL, t, err);
    for (uint32_t i = 0; i < lookup->selection_count && st == TSDB_OK; i++)
        st = look(m, list, lookup, &lookup->selections[i], t, err);
    block_list_unref(list);
    struct texts *texts = &t->texts;
    if (st == TSDB_OK && texts->is_full)
        st = tsdb_fail(err, TSDB_ELIMIT, "label look-up: more than %d bytes of names",
                       TEXTS_BYTES_MAX);
    if (texts->count)
        qsort(texts->at, texts->count, sizeof *texts->at, by_text);
    for (uint32_t i = 0; i < texts->count && st == TSDB_OK; i++)
        if ((i == 0 || !text_equal(texts->at[i], texts->at[i - 1])) && !fn(arg, texts->at[i]))
            break;
    mem_free(texts->at);
    arena_release(&texts->arena);
    return st;
}

enum tsdb_status metrics_label_names(struct metrics *m, const struct lookup *lookup,
                                     tsdb_text_fn *fn, void *arg, struct tsdb_error *err)
{
    struct target t = {0};
    return run(m, lookup, &t, fn, arg, err);
}

enum tsdb_status metrics_label_values(struct metrics *m, struct tsdb_text name,
                                      const struct lookup *lookup, tsdb_text_fn *fn, void *arg,
                                      struct tsdb_error *err)
{
    static const char empty[] = "";
    struct target t = {.name = {name.at ? name.at : empty, name.len}};
    return run(m, lookup, &t, fn, arg, err);
}

/* ---- pairs of active series ----------------------------------------------------------- */

/* Hides the tenant's label. */
struct cardinality {
    tsdb_cardinality_fn *fn;
    void *arg;
};

static bool on_pair(void *arg, struct tsdb_text name, struct tsdb_text value, uint32_t series)
{
    struct cardinality *c = arg;
    if (text_equal(name, text_of(TENANT_LABEL)))
        return true;
    return c->fn(c->arg, (struct tsdb_label){name, value}, series);
}

static uint64_t tenant_series(const struct head *h, const char *tenant)
{
    for (uint32_t i = 0; i < h->tenant_count; i++)
        if (strcmp(h->tenants[i].name, tenant) == 0)
            return h->tenants[i].series;
    return 0;
}

/* A tenant that is alone needs no look at each series. */
void metrics_cardinality(struct metrics *m, const char *tenant, tsdb_cardinality_fn *fn, void *arg)
{
    struct cardinality c = {fn, arg};
    struct head *h = &m->head;
    struct ordinals refs = {0};
    const char *name = tenant ? tenant : "";
    const struct matcher own = {.kind = MATCH_EQ,
                                .name = text_of(TENANT_LABEL),
                                .value = text_of(name),
                                .accepts_empty = !name[0]};
    rwlock_read(&h->index);
    if (tenant_series(h, name) == head_index_series(h->labels))
        head_index_stats(h->labels, on_pair, &c);
    else if (head_index_select(h->labels, &own, 1, &refs, NULL) == TSDB_OK)
        head_index_stats_of(h->labels, &refs, on_pair, &c);
    rwlock_unlock(&h->index);
    ordinals_release(&refs);
}
