#include "tsdb/store/pair_table.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <assert.h>
#include <string.h>

enum { LABEL_BYTES = 192 }; /* most that one new label takes beside its texts and slots */

static_assert(sizeof(struct pair) == 32, "what a pair costs beside its text");

void pair_table_init(struct pair_table *t, uint64_t seed)
{
    *t = (struct pair_table){.seed = seed};
}

void pair_table_release(struct pair_table *t)
{
    for (uint32_t i = 0; i < t->pair_limit; i++) {
        if (t->pairs[i])
            ref_list_release(&t->pairs[i]->refs);
        mem_free(t->pairs[i]);
    }
    for (uint32_t i = 0; i < t->name_limit; i++) {
        mem_free(t->names[i].text);
        ordinals_release(&t->names[i].values);
    }
    slots_release(&t->pair_slots);
    slots_release(&t->name_slots);
    ordinals_release(&t->free_pairs);
    ordinals_release(&t->free_names);
    mem_free(t->pairs);
    mem_free(t->names);
    *t = (struct pair_table){0};
}

/* ---- memory --------------------------------------------------------------------- */

static void *take(struct pair_table *t, size_t bytes)
{
    void *block = mem_alloc(bytes);
    t->bytes += mem_usable(block);
    return block;
}

static void drop(struct pair_table *t, void *block)
{
    if (block)
        t->bytes -= mem_usable(block);
    mem_free(block);
}

static void *resize(struct pair_table *t, void *block, size_t count, size_t size)
{
    if (block)
        t->bytes -= mem_usable(block);
    block = mem_grow(block, count, size);
    t->bytes += mem_usable(block);
    return block;
}

static void ids_append(struct pair_table *t, struct ordinals *ids, uint32_t id)
{
    if (ids->count == ids->cap) {
        ids->cap = ids->cap < 4 ? 4 : ids->cap + ids->cap / 2;
        ids->at = resize(t, ids->at, ids->cap, sizeof *ids->at);
    }
    ids->at[ids->count++] = id;
}

static void put_slot(struct pair_table *t, struct slots *slots, uint32_t hash, uint32_t id)
{
    t->bytes -= slots_bytes(slots);
    slots_put(slots, hash, id);
    t->bytes += slots_bytes(slots);
}

uint64_t pair_table_growth(const struct pair_table *t, struct tsdb_labels labels)
{
    uint64_t bytes = slots_growth(&t->pair_slots) + slots_growth(&t->name_slots);
    for (uint32_t i = 0; i < labels.count; i++)
        bytes += LABEL_BYTES + labels.at[i].name.len + labels.at[i].value.len;
    return bytes;
}

/* ---- finding and adding ------------------------------------------------------------ */

static uint32_t name_hash(const struct pair_table *t, struct tsdb_text text)
{
    return (uint32_t)(hash64(t->seed, text.at, text.len) >> 32);
}

uint32_t pair_table_hash(const struct pair_table *t, uint32_t name, struct tsdb_text value)
{
    uint64_t seed = t->seed ^ (name + 1) * 0x9e3779b97f4a7c15u; /* wraps */
    return (uint32_t)(hash64(seed, value.at, value.len) >> 32);
}

static uint32_t find_name(const struct pair_table *t, uint32_t hash, struct tsdb_text text)
{
    uint32_t at = hash, id;
    while ((id = slots_probe(&t->name_slots, hash, &at)) != SLOTS_NONE) {
        if (text_equal(label_name_text(&t->names[id]), text))
            return id;
    }
    return PAIR_NONE;
}

uint32_t pair_table_find_name(const struct pair_table *t, struct tsdb_text text)
{
    return find_name(t, name_hash(t, text), text);
}

uint32_t pair_table_put_name(struct pair_table *t, struct tsdb_text text)
{
    uint32_t hash = name_hash(t, text), id = find_name(t, hash, text);
    if (id != PAIR_NONE)
        return id;
    id = t->name_limit;
    if (t->free_names.count > 0) {
        id = t->free_names.at[--t->free_names.count];
    } else {
        if (id == t->name_cap) {
            t->name_cap = id < 16 ? 16 : id + id / 2;
            t->names = resize(t, t->names, t->name_cap, sizeof *t->names);
        }
        t->name_limit++;
    }
    char *copy = take(t, text.len);
    memcpy(copy, text.at, text.len);
    t->names[id] = (struct label_name){.text = copy, .text_len = (uint32_t)text.len};
    put_slot(t, &t->name_slots, hash, id);
    return id;
}

uint32_t pair_table_find(const struct pair_table *t, uint32_t hash, uint32_t name,
                         struct tsdb_text value)
{
    uint32_t at = hash, id;
    while ((id = slots_probe(&t->pair_slots, hash, &at)) != SLOTS_NONE) {
        if (t->pairs[id]->name == name && text_equal(pair_text(t->pairs[id]), value))
            return id;
    }
    return PAIR_NONE;
}

uint32_t pair_table_put(struct pair_table *t, uint32_t hash, uint32_t name, struct tsdb_text value)
{
    uint32_t id = pair_table_find(t, hash, name, value);
    if (id != PAIR_NONE)
        return id;
    id = t->pair_limit;
    if (t->free_pairs.count > 0) {
        id = t->free_pairs.at[--t->free_pairs.count];
    } else {
        if (id == t->pair_cap) {
            t->pair_cap = id < 64 ? 64 : id + id / 4;
            t->pairs = resize(t, t->pairs, t->pair_cap, sizeof(struct pair *));
        }
        t->pair_limit++;
    }
    struct pair *p = take(t, sizeof *p + value.len);
    *p = (struct pair){.name = name, .text_len = (uint32_t)value.len};
    if (value.len > 0)
        memcpy(p->text, value.at, value.len);
    t->pairs[id] = p;
    put_slot(t, &t->pair_slots, hash, id);
    ids_append(t, &t->names[name].values, id);
    return id;
}

void pair_table_add_ref(struct pair_table *t, uint32_t pair, uint32_t ref)
{
    t->bytes += ref_list_append(&t->pairs[pair]->refs, ref);
}

/* ---- removing ------------------------------------------------------------------------ */

static void remove_pair(struct pair_table *t, uint32_t id)
{
    struct pair *p = t->pairs[id];
    slots_remove(&t->pair_slots, pair_table_hash(t, p->name, pair_text(p)), id);
    drop(t, p);
    t->pairs[id] = NULL;
    ids_append(t, &t->free_pairs, id);
}

static void remove_name(struct pair_table *t, uint32_t id)
{
    struct label_name *n = &t->names[id];
    ASSERT(n->series == 0);
    slots_remove(&t->name_slots, name_hash(t, label_name_text(n)), id);
    drop(t, n->text);
    drop(t, n->values.at);
    *n = (struct label_name){0};
    ids_append(t, &t->free_names, id);
}

/* Forgets the values that are gone. */
static void sweep_name(struct pair_table *t, uint32_t id)
{
    struct ordinals *values = &t->names[id].values;
    uint32_t kept = 0;
    for (uint32_t k = 0; k < values->count; k++) {
        if (t->pairs[values->at[k]])
            values->at[kept++] = values->at[k];
    }
    values->count = kept;
    if (kept == 0) {
        remove_name(t, id);
    } else if (kept < values->cap / 4) {
        values->at = resize(t, values->at, kept, sizeof *values->at);
        values->cap = kept;
    }
}

void pair_table_remove_refs(struct pair_table *t, const struct ordinals *pairs,
                            const struct ordinals *refs)
{
    struct ordinals names = {0};
    for (uint32_t i = 0; i < pairs->count; i++) {
        struct pair *p = t->pairs[pairs->at[i]];
        t->bytes = (uint64_t)((int64_t)t->bytes + ref_list_remove(&p->refs, refs));
        if (p->refs.count == 0) {
            ordinals_append(&names, p->name);
            remove_pair(t, pairs->at[i]);
        }
    }
    ordinals_sort(&names);
    for (uint32_t i = 0; i < names.count; i++)
        sweep_name(t, names.at[i]);
    ordinals_release(&names);
}
