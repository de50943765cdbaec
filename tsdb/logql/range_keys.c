#include "tsdb/logql/range_keys.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/query/eval_labels.h"

#include <stdlib.h>
#include <string.h>

struct range_key_slot {
    uint64_t key; /* stream << 35 | code << 18 | code << 1 | 1: 0 is free */
    uint32_t index;
};

/* The series of a code in the run at hand; stamp says whether it is that run's. */
struct range_code {
    uint32_t stamp, index;
};

enum { BY_MAX = 64, SLOTS_MAX = 1 << 20 };

void range_keys_plan(struct range_keys *k, const struct log_range *node,
                     const struct range_env *env, struct range_table *table)
{
    *k = (struct range_keys){.table = table, .is_without = node->op != RANGE_ABSENT};
    if (node->op == RANGE_ABSENT)
        return;
    if (node->has_grouping) {
        k->names = node->grouping;
        k->is_without = node->is_without;
    }
    for (uint32_t i = 0; i < env->push_count && !node->has_grouping; i++) {
        if (env->pushes[i].node != node)
            continue;
        k->names = env->pushes[i].by->names;
        k->is_without = env->pushes[i].by->is_without;
    }
    if (node->has_unwrap)
        k->unwrap = node->unwrap;
}

static struct range_key_slot *slot_of(struct range_keys *k, uint64_t key)
{
    uint64_t at = (key ^ key >> 32) * 0x9e3779b97f4a7c15u >> 32;
    for (;; at++) {
        struct range_key_slot *s = &k->slots[at & (k->slot_cap - 1)];
        if (s->key == key || s->key == 0)
            return s;
    }
}

static void grow(struct range_keys *k)
{
    struct range_key_slot *old = k->slots;
    uint32_t cap = k->slot_cap;
    k->slot_cap = cap ? cap * 2 : 1024;
    k->slots = MEM_ARRAY(struct range_key_slot, k->slot_cap);
    for (uint32_t i = 0; i < cap; i++)
        if (old[i].key)
            *slot_of(k, old[i].key) = old[i];
    mem_free(old);
}

static bool take_column(struct range_keys *k, struct scan_worker *w, struct tsdb_text name)
{
    if (label_is_made(name))
        return false;
    const struct scan_source *source = scan_source(w, name);
    if (source->column_count == 0)
        return true;
    if (source->column_count > 1 || k->code_count == 2)
        return false;
    const struct group *g = k->part->group;
    uint32_t column = source->columns[0];
    const struct column_info *info = group_column(g, column);
    struct tsdb_error err;
    if (info->kind != COLUMN_TEXT || info->distinct == 0)
        return false;
    if (group_codes(scan_reader(w), column, &k->codes[k->code_count], &err) != TSDB_OK ||
        group_presence(scan_reader(w), column, &k->presence[k->code_count], &err) != TSDB_OK)
        return false;
    k->code_count++;
    return true;
}

bool range_keys_part(struct range_keys *k, struct scan_worker *w)
{
    k->part = scan_rows(w)->part;
    k->run = 0;
    k->code_count = 0;
    k->is_fast = !k->is_without && scan_is_plain(w);
    for (uint32_t i = 0; k->is_fast && i < k->names.count; i++)
        k->is_fast = take_column(k, w, k->names.at[i]);
    k->stamped_run = UINT32_MAX;
    if (k->is_fast && k->code_count == 1 && k->by_code_cap < k->codes[0].count + 1) {
        uint32_t before = k->by_code_cap;
        k->by_code_cap = k->codes[0].count + 1;
        k->by_code = mem_grow(k->by_code, k->by_code_cap, sizeof *k->by_code);
        memset(k->by_code + before, 0, (k->by_code_cap - before) * sizeof *k->by_code);
    }
    if (k->slots && k->slot_count > 0) {
        memset(k->slots, 0, k->slot_cap * sizeof *k->slots);
        k->slot_count = 0;
    }
    return k->is_fast;
}

static int by_name(const void *a, const void *b)
{
    return text_compare(((const struct tsdb_label *)a)->name, ((const struct tsdb_label *)b)->name);
}

/* Labels in order of name, without repeats. */
static uint32_t settle(struct tsdb_label *labels, uint32_t count)
{
    qsort(labels, count, sizeof *labels, by_name);
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        if (n == 0 || !text_equal(labels[n - 1].name, labels[i].name))
            labels[n++] = labels[i];
    return n;
}

static enum tsdb_status put_named(struct range_keys *k, struct scan_worker *w, uint32_t row,
                                  uint32_t *index, struct tsdb_error *err)
{
    struct tsdb_label labels[BY_MAX];
    uint32_t n = 0;
    const struct logs_run *run = &k->part->runs[k->run];
    const struct logs_stream *stream = scan_stream(w, run->stream);
    for (uint32_t i = 0; i < k->names.count && n < BY_MAX; i++) {
        struct tsdb_text value = {0};
        if (k->is_fast) {
            value = label_get(stream->labels, k->names.at[i]);
            if (value.len == 0 && !scan_value(w, row, k->names.at[i], &value))
                value.len = 0;
        } else {
            value = pipeline_label(scan_run(w), k->names.at[i]);
        }
        if (value.len > 0)
            labels[n++] = (struct tsdb_label){k->names.at[i], value};
    }
    n = settle(labels, n);
    return range_table_put(k->table, (struct tsdb_labels){labels, n}, index, err);
}

static enum tsdb_status put_all(struct range_keys *k, struct scan_worker *w, uint32_t *index,
                                struct tsdb_error *err)
{
    struct tsdb_labels all, rest;
    struct eval *ev = k->table->ev;
    enum tsdb_status st = pipeline_merged(scan_run(w), &all, err);
    if (st != TSDB_OK)
        return st;
    if (k->names.count == 0 && k->unwrap.len == 0)
        return range_table_put(k->table, all, index, err);
    arena_reset(&ev->scratch);
    struct tsdb_label *kept = ARENA_ARRAY(&ev->scratch, struct tsdb_label, all.count);
    if (!kept)
        return eval_full(ev, err);
    uint32_t n = 0;
    for (uint32_t i = 0; i < all.count; i++) {
        bool is_named = k->unwrap.len > 0 && text_equal(all.at[i].name, k->unwrap);
        for (uint32_t m = 0; m < k->names.count && !is_named; m++)
            is_named = text_equal(all.at[i].name, k->names.at[m]);
        if (!is_named)
            kept[n++] = all.at[i];
    }
    rest = (struct tsdb_labels){kept, n};
    return range_table_put(k->table, rest, index, err);
}

static bool is_column(const struct group *g, struct tsdb_text name)
{
    for (uint32_t i = 0; i < group_columns(g); i++)
        if (label_is_name_of(name, group_column(g, i)->name))
            return true;
    return false;
}

bool range_keys_of_streams(struct range_keys *k, struct scan_worker *w, uint32_t part)
{
    const struct logs_set *set = scan_set(w);
    k->part = logs_set_part(set, part);
    k->set = set;
    if (k->is_without)
        return false;
    for (uint32_t i = 0; i < k->names.count; i++) {
        if (label_is_made(k->names.at[i]) || is_column(k->part->group, k->names.at[i]))
            return false;
        for (uint32_t r = 0; r < k->part->run_count; r++) {
            const struct logs_stream *s = logs_set_stream(set, k->part->runs[r].stream);
            for (uint32_t a = 0; a < s->attribute_count; a++)
                if (label_is_name_of(k->names.at[i], s->attributes[a].name))
                    return false;
        }
    }
    return true;
}

enum tsdb_status range_keys_stream(struct range_keys *k, uint32_t stream, uint32_t *index,
                                   struct tsdb_error *err)
{
    struct tsdb_label labels[BY_MAX];
    uint32_t n = 0;
    if (!k->by_stream)
        k->by_stream = MEM_ARRAY(uint32_t, logs_set_streams(k->set));
    if (k->by_stream[stream]) {
        *index = k->by_stream[stream] - 1;
        return TSDB_OK;
    }
    const struct logs_stream *s = logs_set_stream(k->set, stream);
    for (uint32_t i = 0; i < k->names.count && n < BY_MAX; i++) {
        struct tsdb_text value = label_get(s->labels, k->names.at[i]);
        if (value.len > 0)
            labels[n++] = (struct tsdb_label){k->names.at[i], value};
    }
    n = settle(labels, n);
    enum tsdb_status st = range_table_put(k->table, (struct tsdb_labels){labels, n}, index, err);
    if (st == TSDB_OK)
        k->by_stream[stream] = *index + 1;
    return st;
}

static enum tsdb_status row_by_code(struct range_keys *k, struct scan_worker *w, uint32_t row,
                                    uint32_t *index, struct tsdb_error *err)
{
    if (k->stamped_run != k->run) {
        k->stamped_run = k->run;
        k->stamp++;
    }
    bool is_there = !k->presence[0] || (k->presence[0][row / 64] >> row % 64 & 1);
    uint32_t code = !is_there ? 0 : 1u + (k->codes[0].codes ? k->codes[0].codes[row] : 0);
    struct range_code *c = &k->by_code[code];
    if (c->stamp == k->stamp) {
        *index = c->index;
        return TSDB_OK;
    }
    enum tsdb_status st = put_named(k, w, row, index, err);
    if (st == TSDB_OK)
        *c = (struct range_code){k->stamp, *index};
    return st;
}

enum tsdb_status range_keys_row(struct range_keys *k, struct scan_worker *w, uint32_t row,
                                uint32_t *index, struct tsdb_error *err)
{
    if (k->is_without)
        return put_all(k, w, index, err);
    const struct logs_run *runs = k->part->runs;
    if (row < runs[k->run].first || row - runs[k->run].first >= runs[k->run].rows)
        k->run = scan_run_of(w, row);
    if (!k->is_fast)
        return put_named(k, w, row, index, err);
    if (k->code_count == 1)
        return row_by_code(k, w, row, index, err);
    uint64_t key = (uint64_t)runs[k->run].stream << 35 | 1;
    for (uint32_t i = 0; i < k->code_count; i++) {
        bool is_there = !k->presence[i] || (k->presence[i][row / 64] >> row % 64 & 1);
        uint64_t code =
            !is_there ? 0 : 1 + (uint64_t)(k->codes[i].codes ? k->codes[i].codes[row] : 0);
        key += code << (i == 0 ? 1 : 18);
    }
    if (k->slot_count * 2 >= k->slot_cap)
        grow(k);
    struct range_key_slot *s = slot_of(k, key);
    if (s->key == key) {
        *index = s->index;
        return TSDB_OK;
    }
    enum tsdb_status st = put_named(k, w, row, index, err);
    if (st == TSDB_OK) {
        *s = (struct range_key_slot){key, *index};
        k->slot_count++;
    }
    return st;
}

void range_keys_release(struct range_keys *k)
{
    mem_free(k->slots);
    mem_free(k->by_code);
    mem_free(k->by_stream);
    k->by_stream = NULL;
    k->by_code = NULL;
    k->slots = NULL;
}
