#include "tsdb/traceql/compare_table.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <string.h>

enum { COUNTS_MIN = 2 };

void compare_table_init(struct compare_table *t, uint32_t steps, struct budget *budget)
{
    *t = (struct compare_table){.steps = steps};
    arena_init(&t->arena, SIZE_MAX, budget);
}

void compare_table_release(struct compare_table *t)
{
    arena_release(&t->arena);
    mem_free(t->attributes);
    mem_free(t->values);
    mem_free(t->slots);
    *t = (struct compare_table){0};
}

static char *keep(struct compare_table *t, struct tsdb_text text)
{
    char *kept = ARENA_ARRAY(&t->arena, char, text.len + 1);
    if (kept && text.len > 0)
        memcpy(kept, text.at, text.len);
    return kept;
}

uint32_t compare_table_attribute(struct compare_table *t, const struct traceql_ref *ref)
{
    for (uint32_t i = 0; i < t->attribute_count; i++) {
        const struct traceql_ref *at = &t->attributes[i].ref;
        if (at->place == ref->place && at->intrinsic == ref->intrinsic &&
            text_equal(at->name, ref->name))
            return i;
    }
    if (t->attribute_count == t->attribute_cap) {
        t->attribute_cap = t->attribute_cap ? 2 * t->attribute_cap : 64;
        t->attributes = mem_grow(t->attributes, t->attribute_cap, sizeof *t->attributes);
    }
    struct compare_attribute a = {.ref = *ref};
    a.ref.name.at = keep(t, ref->name);
    for (int side = 0; side < COMPARE_SIDES; side++)
        a.totals[side] = ARENA_ARRAY(&t->arena, uint64_t, t->steps);
    if (!a.ref.name.at || !a.totals[0] || !a.totals[1])
        return UINT32_MAX;
    t->attributes[t->attribute_count] = a;
    return t->attribute_count++;
}

static uint32_t slot_of(const struct compare_table *t, uint32_t attribute,
                        const struct span_value *value)
{
    uint32_t slot = (uint32_t)span_value_hash(value, attribute) & (t->slot_count - 1);
    for (; t->slots[slot]; slot = (slot + 1) & (t->slot_count - 1)) {
        const struct compare_value *v = &t->values[t->slots[slot] - 1];
        if (v->attribute == attribute && span_value_same(&v->value, value))
            break;
    }
    return slot;
}

static void grow_slots(struct compare_table *t)
{
    mem_free(t->slots);
    t->slot_count = t->slot_count ? 2 * t->slot_count : 1024;
    t->slots = MEM_ARRAY(uint32_t, t->slot_count);
    for (uint32_t i = 0; i < t->count; i++)
        t->slots[slot_of(t, t->values[i].attribute, &t->values[i].value)] = i + 1;
}

uint32_t compare_table_value(struct compare_table *t, uint32_t attribute,
                             const struct span_value *value)
{
    if (2 * t->count >= t->slot_count)
        grow_slots(t);
    uint32_t slot = slot_of(t, attribute, value);
    if (t->slots[slot])
        return t->slots[slot] - 1;
    if (t->count == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 256;
        t->values = mem_grow(t->values, t->cap, sizeof *t->values);
    }
    struct compare_value v = {.attribute = attribute, .value = *value, .cap = COUNTS_MIN};
    v.counts = ARENA_ARRAY(&t->arena, struct compare_count, COUNTS_MIN);
    if (!v.counts)
        return UINT32_MAX;
    if (value->type == TRACEQL_STRING || value->type == SPAN_LIST) {
        v.value.text.at = keep(t, value->text);
        if (!v.value.text.at)
            return UINT32_MAX;
    }
    t->values[t->count++] = v;
    t->slots[slot] = t->count;
    return t->count - 1;
}

/* Spans of neighbours start at about the same time: the step asked for last is asked for
 * again, and steps mostly come in order. */
static struct compare_count *count_at(struct compare_table *t, struct compare_value *v,
                                      uint32_t step)
{
    uint32_t from = 0, to = v->count;
    if (to > 0 && v->counts[to - 1].step <= step)
        from = v->counts[to - 1].step == step ? to - 1 : to;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        if (v->counts[mid].step < step)
            from = mid + 1;
        else
            to = mid;
    }
    if (from < v->count && v->counts[from].step == step)
        return &v->counts[from];
    if (v->count == v->cap) {
        struct compare_count *counts =
            ARENA_ARRAY(&t->arena, struct compare_count, (size_t)2 * v->cap);
        if (!counts)
            return NULL;
        memcpy(counts, v->counts, v->count * sizeof *counts);
        v->counts = counts;
        v->cap *= 2;
    }
    memmove(v->counts + from + 1, v->counts + from, (v->count - from) * sizeof *v->counts);
    v->counts[from] = (struct compare_count){.step = step};
    v->count++;
    return &v->counts[from];
}

bool compare_table_count(struct compare_table *t, uint32_t value, enum compare_side side,
                         uint32_t step, uint64_t spans)
{
    struct compare_value *v = &t->values[value];
    struct compare_count *c = count_at(t, v, step);
    if (!c)
        return false;
    c->spans[side] += spans;
    v->totals[side] += spans;
    t->attributes[v->attribute].totals[side][step] += spans;
    return true;
}

bool compare_table_add(struct compare_table *to, const struct compare_table *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        const struct compare_value *v = &from->values[i];
        uint32_t attribute = compare_table_attribute(to, &from->attributes[v->attribute].ref);
        if (attribute == UINT32_MAX)
            return false;
        uint32_t value = compare_table_value(to, attribute, &v->value);
        if (value == UINT32_MAX)
            return false;
        for (uint32_t k = 0; k < v->count; k++)
            for (int side = 0; side < COMPARE_SIDES; side++)
                if (v->counts[k].spans[side] > 0 &&
                    !compare_table_count(to, value, (enum compare_side)side, v->counts[k].step,
                                         v->counts[k].spans[side]))
                    return false;
    }
    return true;
}
