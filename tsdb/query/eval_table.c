#include "tsdb/query/eval_table.h"

#include "tsdb/base/status.h"
#include "tsdb/query/eval_labels.h"

#include <string.h>

struct key_slot {
    struct tsdb_hash key;
    uint32_t index;
    bool is_taken;
};

static struct key_slot *slot_of(const struct key_map *m, struct tsdb_hash key)
{
    uint32_t mask = m->cap - 1;
    uint32_t at = (uint32_t)key.lo & mask;
    while (m->slots[at].is_taken && !hash_equal(m->slots[at].key, key))
        at = (at + 1) & mask;
    return &m->slots[at];
}

static bool key_map_grow(struct eval *ev, struct key_map *m)
{
    struct key_map bigger = {.count = m->count, .cap = m->cap ? 2 * m->cap : 16};
    bigger.slots = ARENA_ARRAY(&ev->arena, struct key_slot, bigger.cap);
    if (!bigger.slots)
        return false;
    for (uint32_t i = 0; i < m->cap; i++)
        if (m->slots[i].is_taken)
            *slot_of(&bigger, m->slots[i].key) = m->slots[i];
    *m = bigger;
    return true;
}

uint32_t key_map_put(struct eval *ev, struct key_map *m, struct tsdb_hash key)
{
    if (2 * m->count >= m->cap && !key_map_grow(ev, m))
        return KEY_FULL;
    struct key_slot *slot = slot_of(m, key);
    if (!slot->is_taken)
        *slot = (struct key_slot){.key = key, .index = m->count++, .is_taken = true};
    return slot->index;
}

uint32_t key_map_find(const struct key_map *m, struct tsdb_hash key)
{
    if (m->cap == 0)
        return KEY_FULL;
    const struct key_slot *slot = slot_of(m, key);
    return slot->is_taken ? slot->index : KEY_FULL;
}

void *array_room(struct arena *arena, void *at, uint32_t count, uint32_t *cap, size_t size)
{
    if (count < *cap)
        return at;
    uint32_t wider = *cap ? 2 * *cap : 8;
    void *made = arena_get(arena, wider, size, alignof(max_align_t));
    if (!made)
        return NULL;
    if (count > 0)
        memcpy(made, at, count * size);
    *cap = wider;
    return made;
}

bool row_table_append(struct eval *ev, struct row_table *t, const struct row *row, uint32_t steps)
{
    struct row *rows = array_room(&ev->arena, t->rows, t->count, &t->cap, sizeof *rows);
    if (!rows)
        return false;
    t->rows = rows;
    if (!row_copy(ev, &rows[t->count], row, steps))
        return false;
    t->count++;
    ev->samples_held += steps;
    if (ev->samples_held > ev->samples_peak)
        ev->samples_peak = ev->samples_held;
    return true;
}

/* False: a step has a point in both. */
static bool lay_over(struct eval *ev, struct row *to, const struct row *from, uint32_t steps,
                     bool *is_full)
{
    for (uint32_t i = 0; i < steps; i++) {
        if (from->kinds[i] == POINT_NONE)
            continue;
        if (to->kinds[i] != POINT_NONE)
            return false;
        if (from->kinds[i] == POINT_HISTOGRAM) {
            *is_full = !row_add_histograms(ev, to, steps) ||
                       !(to->histograms[i] = histogram_copy(&ev->arena, from->histograms[i]));
            if (*is_full)
                return true;
        }
        to->kinds[i] = from->kinds[i];
        to->values[i] = from->values[i];
    }
    return true;
}

enum tsdb_status row_table_merge(struct eval *ev, struct row_table *t, const struct row *row,
                                 const struct grid *grid, bool is_strict, struct tsdb_error *err)
{
    uint32_t at = key_map_put(ev, &t->map, labels_key(&ev->key_text, row->labels));
    if (at == KEY_FULL)
        return eval_full(ev, err);
    if (at == t->count)
        return row_table_append(ev, t, row, grid->count) ? TSDB_OK : eval_full(ev, err);
    bool is_full = false;
    if (is_strict || !lay_over(ev, &t->rows[at], row, grid->count, &is_full))
        return tsdb_fail(err, TSDB_EEXEC, "vector cannot contain metrics with the same labelset");
    return is_full ? eval_full(ev, err) : TSDB_OK;
}
