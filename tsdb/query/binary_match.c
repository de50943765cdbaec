#include "tsdb/query/binary_match.h"

#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/binary.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/eval_table.h"

#include <string.h>

#define NO_ROW UINT32_MAX

/* The rows of the one side that share a key. */
struct match_key {
    uint32_t first;
    uint8_t *present; /* steps at which one of them has a point; NULL: there is one row */
    uint8_t *overlap; /* steps at which two of them have a point, or NULL */
    uint8_t *matched; /* steps at which a row of the many side was met, or NULL */
};

struct match_op {
    struct op op;
    struct op *many, *one; /* the children */
    bool is_swapped;       /* the left side is the one side */
    bool is_streaming;
    struct key_map keys;
    struct match_key *groups;
    uint32_t group_cap;
    struct row_table rows; /* of the one side */
    uint32_t *next;        /* the next row with the same key */
    uint32_t next_cap;
    uint8_t *any_many; /* steps at which the many side has a point */
    struct row row, whole;
    struct arena points;   /* of one row's histograms */
    struct key_map claims; /* group_x: (key, labels) */
    uint8_t **claimed;
    uint32_t claim_cap;
    struct row_table results;
    uint32_t given;
    bool is_loaded, is_whole;
};

static bool drops_name(const struct match_op *m)
{
    const struct expr_binary *b = &m->op.expr->binary;
    return binary_op_drops_name(b->op) || b->is_bool;
}

static struct tsdb_hash key_of(struct match_op *m, struct tsdb_labels labels)
{
    const struct expr_binary *b = &m->op.expr->binary;
    return labels_key_of(&m->op.ev->key_text, labels, &b->matching, !b->is_on);
}

/* ---- the one side ------------------------------------------------------------- */

/* Where the row has points, and where another one of the key had them already. */
static bool note_overlap(struct match_op *m, struct match_key *group, uint32_t added)
{
    uint32_t steps = m->op.grid.count;
    const struct row *row = &m->rows.rows[added], *before = &m->rows.rows[m->next[added]];
    if (!group->present) {
        group->present = ARENA_ARRAY(&m->op.ev->arena, uint8_t, steps);
        if (!group->present)
            return false;
        memcpy(group->present, before->kinds, steps);
    }
    for (uint32_t i = 0; i < steps; i++) {
        if (row->kinds[i] == POINT_NONE)
            continue;
        if (group->present[i] != POINT_NONE && !group->overlap)
            group->overlap = ARENA_ARRAY(&m->op.ev->arena, uint8_t, steps);
        if (group->present[i] != POINT_NONE && !group->overlap)
            return false;
        if (group->present[i] != POINT_NONE)
            group->overlap[i] = 1;
        group->present[i] = row->kinds[i];
    }
    return true;
}

static bool add_one(struct match_op *m, const struct row *row)
{
    struct eval *ev = m->op.ev;
    uint32_t index = m->rows.count;
    if (!row_table_append(ev, &m->rows, row, m->op.grid.count))
        return false;
    uint32_t *next = array_room(&ev->arena, m->next, index, &m->next_cap, sizeof *next);
    if (!next)
        return false;
    m->next = next;
    uint32_t known = m->keys.count;
    uint32_t at = key_map_put(ev, &m->keys, key_of(m, row->labels));
    if (at == KEY_FULL)
        return false;
    struct match_key *groups =
        array_room(&ev->arena, m->groups, at == known ? known : 0, &m->group_cap, sizeof *groups);
    if (!groups)
        return false;
    m->groups = groups;
    if (at == known)
        groups[at] = (struct match_key){.first = NO_ROW};
    next[index] = groups[at].first;
    groups[at].first = index;
    return next[index] == NO_ROW || note_overlap(m, &groups[at], index);
}

static enum tsdb_status load_one(struct match_op *m, struct tsdb_error *err)
{
    struct row *row;
    enum tsdb_status st;
    while ((st = op_next(m->one, &row, err)) == TSDB_OK) {
        if (!add_one(m, row))
            return eval_full(m->op.ev, err);
        st = eval_poll(m->op.ev, m->op.grid.count, err);
        if (st != TSDB_OK)
            return st;
    }
    m->is_loaded = true;
    return st == TSDB_END ? TSDB_OK : st;
}

/* ---- faults ------------------------------------------------------------------- */

static enum tsdb_status fail_duplicate(struct match_op *m, const struct match_key *group,
                                       uint32_t step, struct tsdb_error *err)
{
    const struct expr_binary *b = &m->op.expr->binary;
    struct tsdb_labels found[2] = {{0}}, matched;
    uint32_t n = 0;
    for (uint32_t r = group->first; r != NO_ROW && n < 2; r = m->next[r])
        if (m->rows.rows[r].kinds[step] != POINT_NONE)
            found[n++] = m->rows.rows[r].labels;
    if (!labels_group(&m->op.ev->arena, found[0], &b->matching, !b->is_on, &matched))
        return eval_full(m->op.ev, err);
    struct writer texts[3] = {{0}};
    labels_format(found[0], &texts[0]);
    labels_format(found[1], &texts[1]);
    labels_format(matched, &texts[2]);
    struct tsdb_text a = {(const char *)texts[0].at, texts[0].len};
    struct tsdb_text c = {(const char *)texts[1].at, texts[1].len};
    if (text_compare(a, c) > 0) {
        struct tsdb_text swapped = a;
        a = c;
        c = swapped;
    }
    enum tsdb_status st = tsdb_fail(
        err, TSDB_EEXEC,
        "found duplicate series for the match group %.*s on the %s hand-side of the operation: "
        "[%.*s, %.*s];many-to-many matching not allowed: matching labels must be unique on one "
        "side",
        (int)texts[2].len, (const char *)texts[2].at, m->is_swapped ? "left" : "right", (int)a.len,
        a.at, (int)c.len, c.at);
    for (size_t i = 0; i < 3; i++)
        writer_release(&texts[i]);
    return st;
}

/* Two rows of the one side share a key at a step at which the many side has any
 * point at all. */
static enum tsdb_status check_one(struct match_op *m, struct tsdb_error *err)
{
    for (uint32_t g = 0; g < m->keys.count; g++)
        for (uint32_t i = 0; m->groups[g].overlap && i < m->op.grid.count; i++)
            if (m->groups[g].overlap[i] && m->any_many[i])
                return fail_duplicate(m, &m->groups[g], i, err);
    return TSDB_OK;
}

/* Marks the steps at which the many row meets the one row; a step may be marked
 * once only. */
static bool mark(uint8_t *marks, const struct row *many, const struct row *one, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) {
        if (many->kinds[i] == POINT_NONE || one->kinds[i] == POINT_NONE)
            continue;
        if (marks[i])
            return false;
        marks[i] = 1;
    }
    return true;
}

/* ---- results ------------------------------------------------------------------ */

static bool is_listed(const struct expr_names *names, struct tsdb_text name)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (text_equal(names->at[i], name))
            return true;
    return false;
}

static bool result_labels(struct match_op *m, struct tsdb_labels many, struct tsdb_labels one,
                          struct tsdb_labels *out)
{
    const struct expr_binary *b = &m->op.expr->binary;
    struct arena *arena = &m->op.ev->arena;
    *out = many;
    if (drops_name(m) && !labels_drop_name(arena, many, out))
        return false;
    if (b->card == CARD_ONE_TO_ONE && (b->is_on || b->matching.count > 0)) {
        struct tsdb_label *kept = ARENA_ARRAY(arena, struct tsdb_label, out->count);
        if (!kept)
            return false;
        uint32_t n = 0;
        for (uint32_t i = 0; i < out->count; i++)
            if (is_listed(&b->matching, out->at[i].name) == b->is_on)
                kept[n++] = out->at[i];
        *out = (struct tsdb_labels){kept, n};
    }
    for (uint32_t i = 0; i < b->include.count; i++)
        if (!labels_set(arena, *out, b->include.at[i], label_get(one, b->include.at[i]), out))
            return false;
    return true;
}

static enum tsdb_status combine(struct match_op *m, struct row *many, const struct row *one,
                                struct row *to, struct tsdb_error *err)
{
    struct binary_rows b = {.ev = m->op.ev,
                            .e = m->op.expr,
                            .arena = &m->points,
                            .left = m->is_swapped ? one : many,
                            .right = m->is_swapped ? many : one,
                            .to = to};
    return binary_rows_apply(&b, m->op.grid.count, err);
}

static enum tsdb_status claim(struct match_op *m, struct match_key *group, struct row *many,
                              const struct row *one, struct tsdb_error *err)
{
    struct eval *ev = m->op.ev;
    uint32_t steps = m->op.grid.count;
    if (m->op.expr->binary.card == CARD_ONE_TO_ONE) {
        if (!group->matched)
            group->matched = ARENA_ARRAY(&ev->arena, uint8_t, steps);
        if (!group->matched)
            return eval_full(ev, err);
        if (!mark(group->matched, many, one, steps))
            return tsdb_fail(err, TSDB_EEXEC,
                             "multiple matches for labels: many-to-one matching must be explicit "
                             "(group_left/group_right)");
        return TSDB_OK;
    }
    uint32_t known = m->claims.count;
    struct tsdb_hash key =
        hash_combine(key_of(m, many->labels), labels_key(&m->op.ev->key_text, m->row.labels));
    uint32_t at = key_map_put(ev, &m->claims, key);
    uint8_t **claimed =
        array_room(&ev->arena, m->claimed, at == known ? known : 0, &m->claim_cap, sizeof *claimed);
    if (at == KEY_FULL || !claimed)
        return eval_full(ev, err);
    m->claimed = claimed;
    if (at == known)
        claimed[at] = ARENA_ARRAY(&ev->arena, uint8_t, steps);
    if (!claimed[at])
        return eval_full(ev, err);
    if (!mark(claimed[at], many, one, steps))
        return tsdb_fail(err, TSDB_EEXEC,
                         "multiple matches for labels: grouping labels must ensure unique "
                         "matches");
    return TSDB_OK;
}

/* One pair of rows, into the table of results. */
static enum tsdb_status pair_up(struct match_op *m, struct match_key *group, struct row *many,
                                const struct row *one, struct tsdb_error *err)
{
    if (!result_labels(m, many->labels, one->labels, &m->row.labels))
        return eval_full(m->op.ev, err);
    enum tsdb_status st = claim(m, group, many, one, err);
    if (st == TSDB_OK)
        st = combine(m, many, one, &m->row, err);
    if (st == TSDB_OK && !row_is_empty(&m->row, m->op.grid.count))
        st = row_table_merge(m->op.ev, &m->results, &m->row, &m->op.grid, false, err);
    return st;
}

/* A row of the many side, and the rows that share its key; NULL: none. */
static enum tsdb_status next_many(struct match_op *m, struct row **many, struct match_key **group,
                                  struct tsdb_error *err)
{
    enum tsdb_status st = op_next(m->many, many, err);
    if (st != TSDB_OK)
        return st;
    uint32_t steps = m->op.grid.count;
    for (uint32_t i = 0; i < steps; i++)
        m->any_many[i] |= (*many)->kinds[i];
    uint32_t at = key_map_find(&m->keys, key_of(m, (*many)->labels));
    *group = at == KEY_FULL ? NULL : &m->groups[at];
    for (uint32_t i = 0; *group && (*group)->overlap && i < steps; i++)
        if ((*group)->overlap[i] && (*many)->kinds[i] != POINT_NONE)
            return fail_duplicate(m, *group, i, err);
    arena_reset(&m->points);
    return eval_poll(m->op.ev, steps, err);
}

/* ---- handing on --------------------------------------------------------------- */

/* The rows of the group laid over each other: they do not overlap. */
static enum tsdb_status combine_all(struct match_op *m, struct match_key *group, struct row *many,
                                    struct row **out, struct tsdb_error *err)
{
    const struct row *first = &m->rows.rows[group->first];
    if (m->next[group->first] == NO_ROW) {
        *out = many;
        return combine(m, many, first, many, err);
    }
    struct row whole;
    if (!row_init(m->op.ev, &whole, m->op.grid.count, false))
        return eval_full(m->op.ev, err);
    for (uint32_t r = group->first; r != NO_ROW; r = m->next[r]) {
        enum tsdb_status st = combine(m, many, &m->rows.rows[r], &m->row, err);
        if (st != TSDB_OK)
            return st;
        for (uint32_t i = 0; i < m->op.grid.count; i++) {
            if (m->row.kinds[i] == POINT_NONE)
                continue;
            whole.kinds[i] = m->row.kinds[i];
            whole.values[i] = m->row.values[i];
            if (m->row.kinds[i] != POINT_HISTOGRAM)
                continue;
            if (!row_add_histograms(m->op.ev, &whole, m->op.grid.count))
                return eval_full(m->op.ev, err);
            whole.histograms[i] = m->row.histograms[i];
        }
    }
    whole.labels = many->labels;
    m->whole = whole;
    *out = &m->whole;
    return TSDB_OK;
}

static enum tsdb_status stream_next(struct match_op *m, struct row **out, struct tsdb_error *err)
{
    for (;;) {
        struct row *many;
        struct match_key *group;
        enum tsdb_status st = next_many(m, &many, &group, err);
        if (st == TSDB_END) {
            st = check_one(m, err);
            return st == TSDB_OK ? TSDB_END : st;
        }
        if (st == TSDB_OK && group)
            st = combine_all(m, group, many, out, err);
        if (st != TSDB_OK)
            return st;
        if (!group || row_is_empty(*out, m->op.grid.count))
            continue;
        if (drops_name(m) && !labels_drop_name(&m->op.ev->arena, (*out)->labels, &(*out)->labels))
            return eval_full(m->op.ev, err);
        return TSDB_OK;
    }
}

static enum tsdb_status gather(struct match_op *m, struct tsdb_error *err)
{
    for (;;) {
        struct row *many;
        struct match_key *group;
        enum tsdb_status st = next_many(m, &many, &group, err);
        if (st == TSDB_END) {
            m->is_whole = true;
            return check_one(m, err);
        }
        if (st != TSDB_OK)
            return st;
        for (uint32_t r = group ? group->first : NO_ROW; st == TSDB_OK && r != NO_ROW;
             r = m->next[r])
            st = pair_up(m, group, many, &m->rows.rows[r], err);
        if (st != TSDB_OK)
            return st;
    }
}

static enum tsdb_status match_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct match_op *m = (struct match_op *)op;
    enum tsdb_status st = m->is_loaded ? TSDB_OK : load_one(m, err);
    if (st != TSDB_OK)
        return st;
    if (m->is_streaming)
        return stream_next(m, out, err);
    if (!m->is_whole)
        st = gather(m, err);
    if (st != TSDB_OK)
        return st;
    if (m->given == m->results.count)
        return TSDB_END;
    *out = &m->results.rows[m->given++];
    return TSDB_OK;
}

static void match_close(struct op *op)
{
    struct match_op *m = (struct match_op *)op;
    arena_release(&m->points);
}

enum tsdb_status match_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                           struct op **out, struct tsdb_error *err)
{
    const struct expr_binary *b = &e->binary;
    struct match_op *m = OP_NEW(struct match_op, ev, e, grid);
    if (!m || !row_init(ev, &m->row, grid->count, false) ||
        !(m->any_many = ARENA_ARRAY(&ev->arena, uint8_t, grid->count)))
        return eval_full(ev, err);
    arena_init(&m->points, SIZE_MAX, ev->budget);
    enum tsdb_status st = op_new(ev, b->left, grid, &m->op.children[0], err);
    if (st == TSDB_OK)
        st = op_new(ev, b->right, grid, &m->op.children[1], err);
    if (st != TSDB_OK) {
        op_close(&m->op);
        return st;
    }
    m->is_swapped = b->card == CARD_ONE_TO_MANY;
    m->many = m->op.children[m->is_swapped ? 1 : 0];
    m->one = m->op.children[m->is_swapped ? 0 : 1];
    bool keeps_labels =
        b->card == CARD_ONE_TO_ONE ? !b->is_on && b->matching.count == 0 : b->include.count == 0;
    m->is_streaming = keeps_labels && m->many->is_name_fixed;
    m->op.next = match_next;
    m->op.close = match_close;
    m->op.is_name_fixed =
        (drops_name(m) || m->many->is_name_fixed) && !is_listed(&b->include, label_name_text);
    *out = &m->op;
    return TSDB_OK;
}
