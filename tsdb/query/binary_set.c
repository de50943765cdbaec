#include "tsdb/query/binary_set.h"

#include "tsdb/query/eval_labels.h"
#include "tsdb/query/eval_table.h"

struct set_op {
    struct op op;
    struct key_map keys;
    uint8_t **presence; /* one row of bytes a key */
    uint32_t presence_count, presence_cap;
    struct row_table results; /* or */
    uint32_t given;
    bool is_ready;
};

static struct tsdb_hash key_of(struct set_op *s, struct tsdb_labels labels)
{
    const struct expr_binary *b = &s->op.expr->binary;
    return labels_key_of(&s->op.ev->key_text, labels, &b->matching, !b->is_on);
}

/* The key's presence row, made when new; NULL: no memory. */
static uint8_t *presence_put(struct set_op *s, struct tsdb_labels labels)
{
    struct eval *ev = s->op.ev;
    uint32_t at = key_map_put(ev, &s->keys, key_of(s, labels));
    if (at == KEY_FULL)
        return NULL;
    if (at == s->presence_count) {
        uint8_t **rows = array_room(&ev->arena, s->presence, at, &s->presence_cap, sizeof *rows);
        if (!rows)
            return NULL;
        s->presence = rows;
        rows[at] = ARENA_ARRAY(&ev->arena, uint8_t, s->op.grid.count);
        if (!rows[at])
            return NULL;
        s->presence_count++;
    }
    return s->presence[at];
}

/* NULL: no row of the other side has the key. */
static const uint8_t *presence_find(struct set_op *s, struct tsdb_labels labels)
{
    uint32_t at = key_map_find(&s->keys, key_of(s, labels));
    return at == KEY_FULL ? NULL : s->presence[at];
}

/* Reads one side to its end; keeps its rows when asked. */
static enum tsdb_status read_presence(struct set_op *s, struct op *side, bool keeps_rows,
                                      struct tsdb_error *err)
{
    struct eval *ev = s->op.ev;
    uint32_t steps = s->op.grid.count;
    struct row *row;
    enum tsdb_status st;
    while ((st = op_next(side, &row, err)) == TSDB_OK) {
        uint8_t *presence = presence_put(s, row->labels);
        if (!presence)
            return eval_full(ev, err);
        for (uint32_t i = 0; i < steps; i++)
            presence[i] |= row->kinds[i];
        if (keeps_rows)
            st = row_table_merge(ev, &s->results, row, &s->op.grid, false, err);
        if (st == TSDB_OK)
            st = eval_poll(ev, steps, err);
        if (st != TSDB_OK)
            return st;
    }
    return st == TSDB_END ? TSDB_OK : st;
}

/* Points stay where the presence is as wanted. */
static void mask(struct row *row, const uint8_t *presence, bool is_wanted, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++)
        if ((presence && presence[i] != POINT_NONE) != is_wanted)
            row->kinds[i] = POINT_NONE;
}

static enum tsdb_status filter_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct set_op *s = (struct set_op *)op;
    if (!s->is_ready) {
        enum tsdb_status st = read_presence(s, op->children[1], false, err);
        if (st != TSDB_OK)
            return st;
        s->is_ready = true;
    }
    for (;;) {
        enum tsdb_status st = op_next(op->children[0], out, err);
        if (st != TSDB_OK)
            return st;
        mask(*out, presence_find(s, (*out)->labels), op->expr->binary.op == BINARY_AND,
             op->grid.count);
        if (!row_is_empty(*out, op->grid.count))
            return TSDB_OK;
    }
}

static enum tsdb_status read_both(struct set_op *s, struct tsdb_error *err)
{
    enum tsdb_status st = read_presence(s, s->op.children[0], true, err);
    if (st != TSDB_OK)
        return st;
    struct row *row;
    while ((st = op_next(s->op.children[1], &row, err)) == TSDB_OK) {
        mask(row, presence_find(s, row->labels), false, s->op.grid.count);
        if (!row_is_empty(row, s->op.grid.count))
            st = row_table_merge(s->op.ev, &s->results, row, &s->op.grid, false, err);
        if (st == TSDB_OK)
            st = eval_poll(s->op.ev, s->op.grid.count, err);
        if (st != TSDB_OK)
            return st;
    }
    return st == TSDB_END ? TSDB_OK : st;
}

static enum tsdb_status or_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct set_op *s = (struct set_op *)op;
    if (!s->is_ready) {
        enum tsdb_status st = read_both(s, err);
        if (st != TSDB_OK)
            return st;
        s->is_ready = true;
    }
    if (s->given == s->results.count)
        return TSDB_END;
    *out = &s->results.rows[s->given++];
    return TSDB_OK;
}

enum tsdb_status set_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                         struct op **out, struct tsdb_error *err)
{
    struct set_op *s = OP_NEW(struct set_op, ev, e, grid);
    if (!s)
        return eval_full(ev, err);
    enum tsdb_status st = op_new(ev, e->binary.left, grid, &s->op.children[0], err);
    if (st == TSDB_OK)
        st = op_new(ev, e->binary.right, grid, &s->op.children[1], err);
    if (st != TSDB_OK) {
        op_close(&s->op);
        return st;
    }
    bool is_or = e->binary.op == BINARY_OR;
    s->op.next = is_or ? or_next : filter_next;
    s->op.is_name_fixed = !is_or && s->op.children[0]->is_name_fixed;
    *out = &s->op;
    return TSDB_OK;
}
