#include "tsdb/traceql/value_set.h"

#include "tsdb/base/mem.h"

#include <stdlib.h>
#include <string.h>

void value_set_init(struct value_set *s, struct budget *budget)
{
    *s = (struct value_set){0};
    arena_init(&s->arena, SIZE_MAX, budget);
}

void value_set_release(struct value_set *s)
{
    arena_release(&s->arena);
    mem_free(s->at);
    mem_free(s->slots);
    *s = (struct value_set){0};
}

static uint32_t slot_of(const struct value_set *s, uint32_t tag, const struct span_value *v)
{
    uint32_t slot = (uint32_t)span_value_hash(v, tag) & (s->slot_count - 1);
    for (; s->slots[slot]; slot = (slot + 1) & (s->slot_count - 1)) {
        const struct tagged_value *t = &s->at[s->slots[slot] - 1];
        if (t->tag == tag && span_value_same(&t->value, v))
            break;
    }
    return slot;
}

static void grow(struct value_set *s)
{
    mem_free(s->slots);
    s->slot_count = s->slot_count ? 2 * s->slot_count : 256;
    s->slots = MEM_ARRAY(uint32_t, s->slot_count);
    for (uint32_t i = 0; i < s->count; i++)
        s->slots[slot_of(s, s->at[i].tag, &s->at[i].value)] = i + 1;
}

bool value_set_put(struct value_set *s, uint32_t tag, const struct span_value *v)
{
    if (2 * s->count >= s->slot_count)
        grow(s);
    uint32_t slot = slot_of(s, tag, v);
    if (s->slots[slot])
        return true;
    if (s->count == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 64;
        s->at = mem_grow(s->at, s->cap, sizeof *s->at);
    }
    struct span_value kept = *v;
    if (v->type == TRACEQL_STRING || v->type == SPAN_LIST) {
        char *text = ARENA_ARRAY(&s->arena, char, v->text.len + 1);
        if (!text)
            return false;
        if (v->text.len > 0)
            memcpy(text, v->text.at, v->text.len);
        kept.text.at = text;
    }
    s->at[s->count++] = (struct tagged_value){tag, kept};
    s->slots[slot] = s->count;
    return true;
}

static int by_tag(const void *a, const void *b)
{
    const struct tagged_value *x = a, *y = b;
    if (x->tag != y->tag)
        return x->tag < y->tag ? -1 : 1;
    int sign = span_value_order(&x->value, &y->value);
    return sign ? sign : (x->value.type > y->value.type) - (x->value.type < y->value.type);
}

void value_set_sort(struct value_set *s)
{
    if (s->count > 1)
        qsort(s->at, s->count, sizeof *s->at, by_tag);
}
