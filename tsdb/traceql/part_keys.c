#include "tsdb/traceql/part_keys.h"

#include "tsdb/base/mem.h"

#include <string.h>

enum { PAIRS_DIRECT = 65536, TEXTS_MAX = 256 << 20 };

void part_keys_init(struct part_keys *k, struct budget *budget)
{
    *k = (struct part_keys){.ids = MEM_ARRAY(uint32_t, GROUP_ROWS_MAX)};
    arena_init(&k->texts, TEXTS_MAX, budget);
}

void part_keys_release(struct part_keys *k)
{
    mem_free(k->ids);
    mem_free(k->values);
    mem_free(k->slots);
    arena_release(&k->texts);
    *k = (struct part_keys){0};
}

/* ---- values ---------------------------------------------------------------------------------- */

static uint32_t add_value(struct part_keys *k, const struct span_value *v)
{
    if (k->count == k->cap) {
        k->cap = k->cap ? 2 * k->cap : 64;
        k->values = mem_grow(k->values, k->cap, sizeof *k->values);
    }
    k->values[k->count] = *v;
    return k->count++;
}

static void reset(struct part_keys *k)
{
    k->count = 0;
    arena_reset(&k->texts);
    if (k->slots)
        memset(k->slots, 0, k->slot_count * sizeof *k->slots);
}

static uint32_t slot_of(const struct part_keys *k, const struct span_value *v)
{
    uint32_t slot = (uint32_t)span_value_hash(v, 0) & (k->slot_count - 1);
    while (k->slots[slot] && !span_value_same(&k->values[k->slots[slot] - 1], v))
        slot = (slot + 1) & (k->slot_count - 1);
    return slot;
}

static void grow_slots(struct part_keys *k)
{
    uint32_t count = k->slot_count ? 2 * k->slot_count : 256;
    mem_free(k->slots);
    k->slots = MEM_ARRAY(uint32_t, count);
    k->slot_count = count;
    for (uint32_t i = 0; i < k->count; i++)
        k->slots[slot_of(k, &k->values[i])] = i + 1;
}

/* The id of the value, whose text is copied when it is new; UINT32_MAX: no memory. */
static uint32_t id_of(struct part_keys *k, const struct span_value *v)
{
    if (2 * k->count >= k->slot_count)
        grow_slots(k);
    uint32_t slot = slot_of(k, v);
    if (k->slots[slot])
        return k->slots[slot] - 1;
    struct span_value kept = *v;
    if (v->type == TRACEQL_STRING || v->type == SPAN_LIST) {
        char *text = ARENA_ARRAY(&k->texts, char, v->text.len + 1);
        if (!text)
            return UINT32_MAX;
        if (v->text.len > 0)
            memcpy(text, v->text.at, v->text.len);
        kept.text.at = text;
    }
    uint32_t id = add_value(k, &kept);
    k->slots[slot] = id + 1;
    return id;
}

/* ---- a field --------------------------------------------------------------------------------- */

/* A column of strings with a dictionary: ids are codes, from 1 on. */
static bool by_code(struct part_keys *k, struct span_part *p, const struct field_columns *f,
                    const uint64_t *mask)
{
    struct span_value nil = span_nil();
    const struct part_column *c = span_part_column(p, (enum span_table)f->table, f->at[0].column);
    if (!c || !c->has_codes)
        return false;
    (void)add_value(k, &nil);
    for (uint32_t i = 0; i < c->codes.count; i++) {
        struct span_value v = span_string(c->codes.values[i]);
        (void)add_value(k, &v);
    }
    PART_MASK_EACH(p, mask, row)
    {
        k->ids[row] = !part_column_has(c, row) ? 0 : c->codes.codes ? c->codes.codes[row] + 1u : 1;
    }
    return true;
}

static bool row_by_row(struct part_keys *k, struct span_part *p, uint32_t slot,
                       const uint64_t *mask)
{
    const struct traceql_ref *ref = span_part_ref(p, slot);
    struct span_source source = span_part_source(p);
    struct span_test field = {.kind = FIELD_REF,
                              .slot = slot,
                              .ref = ref,
                              .has_event = traceql_ref_child(ref) == TSDB_PLACE_EVENT,
                              .has_link = traceql_ref_child(ref) == TSDB_PLACE_LINK};
    PART_MASK_EACH(p, mask, row)
    {
        span_part_row(p, row);
        arena_reset(&p->values);
        struct span_value v = span_test_value(&field, &source);
        k->ids[row] = id_of(k, &v);
        if (k->ids[row] == UINT32_MAX || p->fault != TSDB_OK)
            return p->fault != TSDB_OK;
    }
    return true;
}

/* A field of resources or scopes: asked once a source, by way of a row that is of it. */
static bool by_source(struct part_keys *k, struct span_part *p, uint32_t slot, const uint64_t *mask)
{
    const int64_t *source = span_part_ints(p, SPAN_TABLE_SPANS, SPAN_COLUMN_SOURCE);
    uint32_t most = p->rows[SPAN_TABLE_SOURCES];
    if (!source)
        return true;
    uint32_t *ids = MEM_ARRAY(uint32_t, most + 1);
    memset(ids, 0xff, most * sizeof *ids);
    struct span_source values = span_part_source(p);
    bool is_ok = true;
    PART_MASK_EACH(p, mask, row)
    {
        if ((uint64_t)source[row] >= most || !is_ok)
            continue;
        uint32_t *id = &ids[source[row]];
        if (*id == UINT32_MAX) {
            span_part_row(p, row);
            arena_reset(&p->values);
            struct span_value v = values.get(values.arg, slot, span_part_ref(p, slot), 0);
            *id = id_of(k, &v);
            is_ok = *id != UINT32_MAX;
        }
        k->ids[row] = *id;
    }
    mem_free(ids);
    return is_ok;
}

bool part_keys_field(struct part_keys *k, struct span_part *p, uint32_t slot, const uint64_t *mask)
{
    const struct traceql_ref *ref = span_part_ref(p, slot);
    const struct bound_field *f = span_part_field(p, slot);
    reset(k);
    bool is_id = ref->intrinsic == INTRINSIC_SPAN_ID || ref->intrinsic == INTRINSIC_TRACE_ID ||
                 ref->intrinsic == INTRINSIC_PARENT_ID;
    bool is_spans = f->first.table == SPAN_TABLE_SPANS && !is_id;
    if (ref->intrinsic == INTRINSIC_NONE || ref->intrinsic == INTRINSIC_NAME) {
        bool is_one = is_spans && f->first.count == 1 && f->second.count == 0 &&
                      f->first.at[0].type == TSDB_FIELD_STRING;
        if (is_one && by_code(k, p, &f->first, mask))
            return true;
        if (is_spans && f->first.count == 0 && ref->intrinsic == INTRINSIC_NONE)
            return by_source(k, p, slot, mask); /* .a, only of resources; or of nothing */
    }
    if (f->first.table == SPAN_TABLE_SOURCES)
        return by_source(k, p, slot, mask);
    return row_by_row(k, p, slot, mask);
}

/* The slot behind those of the query is bound to the field for the while. */
bool part_keys_ref(struct part_keys *k, struct span_part *p, const struct traceql_ref *ref,
                   const uint64_t *mask)
{
    span_part_borrow(p, ref);
    bool is_ok = part_keys_field(k, p, p->ref_count, mask);
    span_part_borrow(p, NULL);
    return is_ok;
}

/* ---- pairs ----------------------------------------------------------------------------------- */

struct pairs {
    uint64_t *keys; /* pair + 1, or 0 */
    uint32_t *ids;
    uint32_t cap, count;
};

static uint32_t pair_id(struct pairs *m, uint64_t pair)
{
    uint32_t slot = (uint32_t)((pair * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (m->cap - 1);
    while (m->keys[slot] && m->keys[slot] != pair + 1)
        slot = (slot + 1) & (m->cap - 1);
    if (!m->keys[slot]) {
        m->keys[slot] = pair + 1;
        m->ids[slot] = m->count++;
    }
    return m->ids[slot];
}

uint32_t part_keys_combine(struct part_keys *k, const struct span_part *p, const uint64_t *mask,
                           uint32_t *ids, uint32_t count)
{
    if ((uint64_t)count * k->count <= PAIRS_DIRECT) {
        PART_MASK_EACH(p, mask, row)
        {
            ids[row] = ids[row] * k->count + k->ids[row];
        }
        return count * k->count;
    }
    struct pairs m = {.cap = 2 * GROUP_ROWS_MAX};
    m.keys = MEM_ARRAY(uint64_t, m.cap);
    m.ids = MEM_ARRAY(uint32_t, m.cap);
    PART_MASK_EACH(p, mask, row)
    {
        ids[row] = pair_id(&m, (uint64_t)ids[row] << 32 | k->ids[row]);
    }
    mem_free(m.keys);
    mem_free(m.ids);
    return m.count;
}
