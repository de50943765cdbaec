/* Names and values of labels, of the streams that a selection finds with records in its range:
 * from label indices and runs, no column is read. */
#include "tsdb/logs/engine.h"

#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <stdlib.h>

/* Texts gathered from several sets; sorted and made unique at the end. */
struct texts {
    struct tsdb_text *at; /* owned; the texts in the arena */
    uint32_t count, cap;
    struct arena arena;
    bool is_full;
    struct slots known; /* most texts come again and again */
};

enum { TEXTS_BYTES_MAX = 256 << 20 };

static bool is_known(const struct texts *t, uint32_t hash, struct tsdb_text text)
{
    uint32_t at = hash, id;
    while ((id = slots_probe(&t->known, hash, &at)) != SLOTS_NONE)
        if (text_equal(t->at[id], text))
            return true;
    return false;
}

static void texts_add(struct texts *t, struct tsdb_text text)
{
    uint32_t hash = (uint32_t)hash64(0, text.at, text.len);
    if (t->is_full || is_known(t, hash, text))
        return;
    char *copy = ARENA_ARRAY(&t->arena, char, text.len + 1);
    if (!copy) {
        t->is_full = true;
        return;
    }
    memcpy(copy, text.at, text.len);
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->at = mem_grow(t->at, t->cap, sizeof *t->at);
    }
    slots_put(&t->known, hash, t->count);
    t->at[t->count++] = (struct tsdb_text){copy, text.len};
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

static void add_stream(struct target *t, struct tsdb_labels labels)
{
    for (uint32_t i = 0; i < labels.count; i++) {
        if (!t->name.at)
            texts_add(&t->texts, labels.at[i].name);
        else if (text_equal(labels.at[i].name, t->name))
            texts_add(&t->texts, labels.at[i].value);
    }
}

static void add_set(struct target *t, const struct logs_set *set)
{
    uint32_t n = logs_set_streams(set);
    bool *is_seen = MEM_ARRAY(bool, n);
    for (uint32_t i = 0; i < logs_set_parts(set); i++) {
        const struct logs_part *part = logs_set_part(set, i);
        for (uint32_t k = 0; k < part->run_count; k++)
            is_seen[part->runs[k].stream] = true;
    }
    for (uint32_t i = 0; i < n; i++)
        if (is_seen[i])
            add_stream(t, logs_set_stream(set, i)->labels);
    mem_free(is_seen);
}

static enum tsdb_status run(struct logs *l, const struct logs_selection *selections, uint32_t count,
                            struct target *t, struct tsdb_error *err)
{
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < count && st == TSDB_OK; i++) {
        struct logs_set *set;
        st = logs_select(l, &selections[i], &l->store->budget, &set, err);
        if (st != TSDB_OK)
            break;
        add_set(t, set);
        logs_set_close(set);
    }
    if (st == TSDB_OK && t->texts.is_full)
        st = tsdb_fail(err, TSDB_ELIMIT, "label look-up: more than %d bytes of names",
                       TEXTS_BYTES_MAX);
    return st;
}

static enum tsdb_status answer(struct logs *l, const struct logs_selection *selections,
                               uint32_t count, struct target *t, struct tsdb_error *err)
{
    arena_init(&t->texts.arena, TEXTS_BYTES_MAX, &l->store->budget);
    enum tsdb_status st = run(l, selections, count, t, err);
    if (t->texts.count)
        qsort(t->texts.at, t->texts.count, sizeof *t->texts.at, by_text);
    return st;
}

static void visit(struct target *t, enum tsdb_status st, tsdb_text_fn *fn, void *arg)
{
    struct texts *texts = &t->texts;
    for (uint32_t i = 0; i < texts->count && st == TSDB_OK; i++)
        if (!fn(arg, texts->at[i]))
            break;
    slots_release(&texts->known);
    mem_free(texts->at);
    arena_release(&texts->arena);
}

enum tsdb_status logs_label_names(struct logs *l, const struct logs_selection *selections,
                                  uint32_t count, tsdb_text_fn *fn, void *arg,
                                  struct tsdb_error *err)
{
    struct target t = {0};
    enum tsdb_status st = answer(l, selections, count, &t, err);
    visit(&t, st, fn, arg);
    return st;
}

/* NOLINTNEXTLINE(readability-function-size): as its twin, and the name */
enum tsdb_status logs_label_values(struct logs *l, struct tsdb_text name,
                                   const struct logs_selection *selections, uint32_t count,
                                   tsdb_text_fn *fn, void *arg, struct tsdb_error *err)
{
    struct target t = {.name = {name.at ? name.at : "", name.len}};
    enum tsdb_status st = answer(l, selections, count, &t, err);
    visit(&t, st, fn, arg);
    return st;
}
