#include "tsdb/logql/log_scope.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/logql/scan.h"
#include "tsdb/query/eval_labels.h"

#include <stdlib.h>
#include <string.h>

enum { SCOPE_ARENA_BYTES = 16 << 20 };

enum tsdb_status log_scope_selector(struct tsdb_text text, struct arena *arena,
                                    struct matcher **out, uint32_t *count, struct tsdb_error *err)
{
    struct log_expr parsed = {0};
    struct tsdb_text kept = text_keep(arena, text);
    if (!kept.at)
        return tsdb_fail(err, TSDB_ELIMIT, "selectors need more memory than there is");
    enum tsdb_status st = logql_parse_selector(kept, arena, &parsed, err);
    return st == TSDB_OK ? log_matchers(&parsed, out, count, err) : st;
}

static enum tsdb_status add(struct log_scope *s, const struct tsdb_scope *in,
                            struct tsdb_text selector, struct tsdb_error *err)
{
    struct matcher *matchers = NULL;
    uint32_t count = 0;
    enum tsdb_status st = TSDB_OK;
    if (selector.len > 0)
        st = log_scope_selector(selector, &s->arena, &matchers, &count, err);
    if (st != TSDB_OK)
        return st;
    s->selections = mem_grow(s->selections, (size_t)s->count + 1, sizeof *s->selections);
    s->selections[s->count++] =
        (struct logs_selection){in->tenant, matchers, count, in->start, in->end};
    return TSDB_OK;
}

enum tsdb_status log_scope_open(struct log_scope *s, const struct tsdb_scope *in, bool has_all,
                                struct tsdb_error *err)
{
    *s = (struct log_scope){0};
    arena_init(&s->arena, SCOPE_ARENA_BYTES, NULL);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < in->selector_count && st == TSDB_OK; i++)
        st = add(s, in, in->selectors[i], err);
    if (st == TSDB_OK && in->selector_count == 0 && has_all)
        st = add(s, in, (struct tsdb_text){0}, err);
    if (st != TSDB_OK)
        log_scope_close(s);
    return st;
}

void log_scope_close(struct log_scope *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        /* owned since add made them */
        struct matcher *owned;
        memcpy(&owned, &s->selections[i].matchers, sizeof owned);
        log_matchers_free(owned, s->selections[i].matcher_count);
    }
    mem_free(s->selections);
    arena_release(&s->arena);
    *s = (struct log_scope){0};
}

/* ---- names and values ---------------------------------------------------------------- */

struct limited {
    tsdb_text_fn *fn;
    void *arg;
    uint64_t left;
};

static bool limited_text(void *arg, struct tsdb_text text)
{
    struct limited *l = arg;
    return l->fn(l->arg, text) && --l->left > 0;
}

enum tsdb_status log_scope_names(const struct logql_store *store, const struct tsdb_scope *in,
                                 tsdb_text_fn *fn, void *arg, struct tsdb_error *err)
{
    struct log_scope scope;
    enum tsdb_status st = log_scope_open(&scope, in, true, err);
    if (st != TSDB_OK)
        return st;
    struct limited limited = {fn, arg, in->limit ? in->limit : UINT64_MAX};
    st = logs_label_names(store->logs, scope.selections, scope.count, limited_text, &limited, err);
    log_scope_close(&scope);
    return st;
}

enum tsdb_status log_scope_values(const struct logql_store *store, struct tsdb_text name,
                                  const struct tsdb_scope *in, tsdb_text_fn *fn, void *arg,
                                  struct tsdb_error *err)
{
    struct log_scope scope;
    enum tsdb_status st = log_scope_open(&scope, in, true, err);
    if (st != TSDB_OK)
        return st;
    struct limited limited = {fn, arg, in->limit ? in->limit : UINT64_MAX};
    st = logs_label_values(store->logs, name, scope.selections, scope.count, limited_text, &limited,
                           err);
    log_scope_close(&scope);
    return st;
}

/* ---- volumes --------------------------------------------------------------------------- */

struct tally {
    struct tsdb_log_volume *at; /* owned; labels borrowed from the set */
    uint32_t count;
};

/* What of a run lies in the range: all of it by its header, part of it by its times. */
static bool is_hidden_in(const struct logs_part *part, uint32_t run, int64_t ts)
{
    for (uint32_t i = 0; i < part->hidden_count; i++)
        if (part->hidden[i].run == run && ts >= part->hidden[i].start && ts < part->hidden[i].end)
            return true;
    return false;
}

static enum tsdb_status add_run(struct tally *t, const struct logs_part *part, uint32_t number,
                                const struct logs_selection *selection, struct group_reader *reader,
                                struct tsdb_error *err)
{
    const struct logs_run *run = &part->runs[number];
    struct tsdb_log_volume *v = &t->at[run->stream];
    if (run->ts_min >= selection->start && run->ts_max < selection->end &&
        part->hidden_count == 0) {
        v->entries += run->rows;
        v->bytes += run->line_bytes;
        v->groups++;
        return TSDB_OK;
    }
    uint32_t time = group_find(part->group, text_of(":time"), LOGS_COLUMN_TAG), n = 0;
    const int64_t *ts;
    group_reader_open(reader, part->group);
    enum tsdb_status st = group_ints(reader, time, &ts, err);
    for (uint32_t i = 0; i < run->rows && st == TSDB_OK; i++)
        n += ts[run->first + i] >= selection->start && ts[run->first + i] < selection->end &&
             !is_hidden_in(part, number, ts[run->first + i]);
    v->entries += n;
    v->bytes += run->rows ? run->line_bytes * n / run->rows : 0;
    v->groups += n > 0;
    return st;
}

static int by_labels(const void *a, const void *b)
{
    return labels_compare(((const struct tsdb_log_volume *)a)->labels,
                          ((const struct tsdb_log_volume *)b)->labels);
}

/* Streams that differ in attributes only are one. */
static void unite(struct tally *t)
{
    uint32_t n = 0;
    if (t->count > 1)
        qsort(t->at, t->count, sizeof *t->at, by_labels);
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->at[i].entries == 0)
            continue;
        if (n > 0 && labels_compare(t->at[n - 1].labels, t->at[i].labels) == 0) {
            t->at[n - 1].entries += t->at[i].entries;
            t->at[n - 1].bytes += t->at[i].bytes;
            t->at[n - 1].groups += t->at[i].groups;
        } else {
            t->at[n++] = t->at[i];
        }
    }
    t->count = n;
}

static enum tsdb_status tally_selection(const struct logql_store *store,
                                        const struct logs_selection *selection,
                                        struct logs_set **set, struct tally *t,
                                        struct tsdb_error *err)
{
    enum tsdb_status st = logs_select(store->logs, selection, store->budget, set, err);
    if (st != TSDB_OK)
        return st;
    t->count = logs_set_streams(*set);
    t->at = MEM_ARRAY(struct tsdb_log_volume, t->count);
    for (uint32_t i = 0; i < t->count; i++)
        t->at[i].labels = logs_set_stream(*set, i)->labels;
    struct group_reader *reader = group_reader_new(store->budget);
    for (uint32_t i = 0; i < logs_set_parts(*set) && st == TSDB_OK; i++) {
        const struct logs_part *part = logs_set_part(*set, i);
        st = logs_set_touch(*set, i, err);
        for (uint32_t k = 0; k < part->run_count && st == TSDB_OK; k++)
            st = add_run(t, part, k, selection, reader, err);
        if (st == TSDB_ECORRUPT) /* set aside; what is left is told */
            st = TSDB_OK;
    }
    group_reader_free(reader);
    unite(t);
    return st;
}

static bool is_told(const struct log_scope *scope, uint32_t before, struct tsdb_labels labels)
{
    for (uint32_t i = 0; i < before; i++)
        if (matchers_test(scope->selections[i].matchers, scope->selections[i].matcher_count,
                          labels))
            return true;
    return false;
}

enum tsdb_status log_scope_volumes(const struct logql_store *store, const struct tsdb_scope *in,
                                   tsdb_log_volume_fn *fn, void *arg, struct tsdb_error *err)
{
    struct log_scope scope;
    enum tsdb_status st = log_scope_open(&scope, in, true, err);
    uint64_t left = in->limit ? in->limit : UINT64_MAX;
    if (st != TSDB_OK)
        return st;
    for (uint32_t i = 0; i < scope.count && st == TSDB_OK && left > 0; i++) {
        struct logs_set *set = NULL;
        struct tally t = {0};
        st = tally_selection(store, &scope.selections[i], &set, &t, err);
        for (uint32_t k = 0; k < t.count && st == TSDB_OK && left > 0; k++) {
            if (is_told(&scope, i, t.at[k].labels))
                continue;
            left = fn(arg, &t.at[k]) ? left - 1 : 0;
        }
        mem_free(t.at);
        logs_set_close(set);
    }
    log_scope_close(&scope);
    return st;
}
