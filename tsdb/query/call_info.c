#include "tsdb/query/call_info.h"

#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/eval_math.h"
#include "tsdb/query/eval_table.h"
#include "tsdb/query/select_op.h"

#include <string.h>

enum { INFO_METRICS_MAX = 64 }; /* different info metrics that one row can take from */

#define NO_INFO UINT32_MAX

static const struct tsdb_text identifying[] = {{"instance", 8}, {"job", 3}};
static const struct expr_names identifying_names = {identifying, 2};

struct info_op {
    struct op op;
    struct expr selector;            /* of the info series */
    const struct expr_matcher *data; /* matchers of labels other than the name */
    uint32_t data_count;
    struct matcher *names; /* what makes a series an info metric */
    uint32_t name_count;
    struct row_table base, infos; /* infos: the values are the samples' times */
    struct key_map keys;          /* of the infos, by instance and job */
    uint32_t *first, *next;       /* infos with the same key */
    uint32_t first_cap, next_cap;
    struct row_table results;
    uint32_t given;
    bool is_ready;
};

/* The info series of one base row at one step, at most one of each metric. */
struct choice {
    uint32_t at[INFO_METRICS_MAX];
    uint32_t count;
};

/* ---- what to look for --------------------------------------------------------- */

/* Name matchers of the call; a positive one is needed to name metrics at all. */
static uint32_t take_matchers(struct info_op *n, struct expr_matcher *all, uint32_t *names_at)
{
    const struct expr_call *call = &n->op.expr->call;
    static const struct expr_matcher none_given = {
        .kind = EXPR_MATCH_EQUAL, .name = {"__name__", 8}, .value = {"target_info", 11}};
    static const struct expr_matcher only_negative = {
        .kind = EXPR_MATCH_REGEX, .name = {"__name__", 8}, .value = {".+_info", 7}};
    const struct expr *given = call->count > 1 ? expr_unwrap(call->arguments[1]) : NULL;
    uint32_t count = 0, names = 0, positive = 0;
    for (uint32_t i = 0; given && i < given->selector.matcher_count; i++)
        if (!text_equal(given->selector.matchers[i].name, label_name_text))
            all[count++] = given->selector.matchers[i];
    *names_at = count;
    for (uint32_t i = 0; given && i < given->selector.matcher_count; i++) {
        const struct expr_matcher *m = &given->selector.matchers[i];
        if (!text_equal(m->name, label_name_text))
            continue;
        all[count++] = *m;
        names++;
        positive += m->kind == EXPR_MATCH_EQUAL || m->kind == EXPR_MATCH_REGEX;
    }
    if (names == 0)
        all[count++] = none_given;
    else if (positive == 0)
        all[count++] = only_negative;
    return count;
}

struct look {
    struct expr_time time;
    bool is_found;
};

/* When the first selector below looks; subqueries around it shift that. */
static void find_time(void *arg, const struct expr *e)
{
    struct look *look = arg;
    if (look->is_found)
        return;
    if (e->kind == EXPR_SELECTOR) {
        look->time = e->selector.time;
        look->is_found = true;
        return;
    }
    expr_each_child(e, find_time, look);
    if (!look->is_found || e->kind != EXPR_SUBQUERY || look->time.at != EXPR_AT_NONE)
        return;
    look->time.offset = time_sub(look->time.offset, time_sub(0, e->subquery.time.offset));
    look->time.at = e->subquery.time.at;
    look->time.at_ts = e->subquery.time.at_ts;
}

static enum matcher_kind kind_of(enum expr_match match)
{
    static const enum matcher_kind kinds[] = {[EXPR_MATCH_EQUAL] = MATCH_EQ,
                                              [EXPR_MATCH_NOT_EQUAL] = MATCH_NE,
                                              [EXPR_MATCH_REGEX] = MATCH_RE,
                                              [EXPR_MATCH_NOT_REGEX] = MATCH_NRE};
    return kinds[match];
}

static enum tsdb_status prepare(struct info_op *n, struct tsdb_error *err)
{
    struct eval *ev = n->op.ev;
    const struct expr_call *call = &n->op.expr->call;
    uint32_t room =
        call->count > 1 ? expr_unwrap(call->arguments[1])->selector.matcher_count + 1 : 1;
    struct expr_matcher *all = ARENA_ARRAY(&ev->arena, struct expr_matcher, room);
    n->names = ARENA_ARRAY(&ev->arena, struct matcher, room);
    if (!all || !n->names)
        return eval_full(ev, err);
    uint32_t count = take_matchers(n, all, &n->data_count);
    n->data = all;
    for (uint32_t i = n->data_count; i < count; i++) {
        enum tsdb_status st = matcher_init(&n->names[n->name_count], kind_of(all[i].kind),
                                           all[i].name, all[i].value, err);
        if (st != TSDB_OK)
            return st;
        n->name_count++;
    }
    struct look look = {.is_found = false};
    find_time(&look, call->arguments[0]);
    n->selector =
        (struct expr){.kind = EXPR_SELECTOR,
                      .type = TYPE_VECTOR,
                      .selector = {.matchers = all, .matcher_count = count, .time = look.time}};
    return TSDB_OK;
}

/* ---- reading ------------------------------------------------------------------ */

static bool is_info_metric(const struct info_op *n, const struct row *row)
{
    struct tsdb_text name = label_get(row->labels, label_name_text);
    for (uint32_t i = 0; i < n->name_count; i++)
        if (!matcher_test(&n->names[i], name))
            return false;
    return true;
}

/* Some row has an instance or a job, by which it could be joined. */
static bool is_joinable(const struct info_op *n)
{
    for (uint32_t i = 0; i < n->base.count; i++) {
        if (is_info_metric(n, &n->base.rows[i]))
            continue;
        for (size_t k = 0; k < 2; k++)
            if (label_get(n->base.rows[i].labels, identifying[k]).len > 0)
                return true;
    }
    return false;
}

static enum tsdb_status fail_histogram(const struct row *row, struct tsdb_error *err)
{
    struct writer w = {0};
    labels_format(row->labels, &w);
    enum tsdb_status st =
        tsdb_fail(err, TSDB_EEXEC, "this should be an info metric, with float samples: %.*s",
                  (int)w.len, (const char *)w.at);
    writer_release(&w);
    return st;
}

static bool add_info(struct info_op *n, const struct row *row)
{
    struct eval *ev = n->op.ev;
    uint32_t index = n->infos.count, known = n->keys.count;
    struct tsdb_hash key =
        labels_key_of(&n->op.ev->key_text, row->labels, &identifying_names, false);
    uint32_t at = key_map_put(ev, &n->keys, key);
    uint32_t *next = array_room(&ev->arena, n->next, index, &n->next_cap, sizeof *next);
    uint32_t *first =
        array_room(&ev->arena, n->first, at == known ? known : 0, &n->first_cap, sizeof *first);
    if (at == KEY_FULL || !next || !first ||
        !row_table_append(ev, &n->infos, row, n->op.grid.count))
        return false;
    n->next = next;
    n->first = first;
    next[index] = at == known ? NO_INFO : first[at];
    first[at] = index;
    return true;
}

static enum tsdb_status read_all(struct info_op *n, struct op *from, bool is_info,
                                 struct tsdb_error *err)
{
    struct eval *ev = n->op.ev;
    struct row *row;
    enum tsdb_status st;
    while ((st = op_next(from, &row, err)) == TSDB_OK) {
        if (is_info && memchr(row->kinds, POINT_HISTOGRAM, n->op.grid.count))
            return fail_histogram(row, err);
        bool is_whole =
            is_info ? add_info(n, row) : row_table_append(ev, &n->base, row, n->op.grid.count);
        st = is_whole ? eval_poll(ev, n->op.grid.count, err) : eval_full(ev, err);
        if (st != TSDB_OK)
            return st;
    }
    return st == TSDB_END ? TSDB_OK : st;
}

/* ---- joining ------------------------------------------------------------------ */

static enum tsdb_status fail_duplicate(const struct row *a, const struct row *b, uint32_t step,
                                       struct tsdb_error *err)
{
    struct writer x = {0}, y = {0};
    labels_format(a->labels, &x);
    labels_format(b->labels, &y);
    long long ms = (long long)(a->values[step] * 1000);
    enum tsdb_status st =
        tsdb_fail(err, TSDB_EEXEC,
                  "found duplicate series for info metric: existing %.*s @ %lld, new %.*s @ %lld",
                  (int)x.len, (const char *)x.at, ms, (int)y.len, (const char *)y.at, ms);
    writer_release(&x);
    writer_release(&y);
    return st;
}

/* Puts the info row in, against the one of the same metric that is there. */
static enum tsdb_status choose_one(const struct info_op *n, struct choice *c, uint32_t info,
                                   uint32_t step, struct tsdb_error *err)
{
    const struct row *row = &n->infos.rows[info];
    struct tsdb_text name = label_get(row->labels, label_name_text);
    for (uint32_t i = 0; i < c->count; i++) {
        const struct row *other = &n->infos.rows[c->at[i]];
        if (!text_equal(label_get(other->labels, label_name_text), name))
            continue;
        if (other->values[step] < row->values[step])
            c->at[i] = info;
        else if (other->values[step] <= row->values[step])
            return fail_duplicate(other, row, step, err);
        return TSDB_OK;
    }
    if (c->count == INFO_METRICS_MAX)
        return tsdb_fail(err, TSDB_ELIMIT, "info() joins more than %d info metrics",
                         INFO_METRICS_MAX);
    c->at[c->count++] = info;
    return TSDB_OK;
}

static enum tsdb_status choose(const struct info_op *n, uint32_t key, uint32_t step,
                               struct choice *c, struct tsdb_error *err)
{
    c->count = 0;
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = key == KEY_FULL ? NO_INFO : n->first[key]; i != NO_INFO && st == TSDB_OK;
         i = n->next[i])
        if (n->infos.rows[i].kinds[step] != POINT_NONE)
            st = choose_one(n, c, i, step, err);
    return st;
}

static bool is_wanted(const struct info_op *n, struct tsdb_text name)
{
    for (uint32_t i = 0; i < n->data_count; i++)
        if (text_equal(n->data[i].name, name))
            return true;
    return n->data_count == 0;
}

static enum tsdb_status add_labels(const struct info_op *n, struct tsdb_labels base,
                                   struct tsdb_labels info, struct tsdb_labels *out,
                                   struct tsdb_error *err)
{
    for (uint32_t i = 0; i < info.count; i++) {
        struct tsdb_text name = info.at[i].name, value = info.at[i].value;
        if (text_equal(name, label_name_text) || !is_wanted(n, name) ||
            label_get(base, name).len > 0)
            continue;
        struct tsdb_text before = label_get(*out, name);
        if (before.len > 0 && !text_equal(before, value))
            return tsdb_fail(err, TSDB_EEXEC, "conflicting label: %.*s", (int)name.len, name.at);
        if (!labels_set(&n->op.ev->arena, *out, name, value, out))
            return eval_full(n->op.ev, err);
    }
    return TSDB_OK;
}

static bool wants_a_label(const struct info_op *n)
{
    for (uint32_t i = 0; i < n->data_count; i++)
        if (!n->data[i].matches_empty)
            return true;
    return false;
}

/* Steps from..to of the row, whose info series are the same, to the results. */
static enum tsdb_status deliver(struct info_op *n, const struct row *row, uint32_t from,
                                uint32_t to, const struct choice *c, struct tsdb_error *err)
{
    struct eval *ev = n->op.ev;
    if (c->count == 0 && wants_a_label(n))
        return TSDB_OK;
    struct row part;
    if (!row_copy(ev, &part, row, n->op.grid.count))
        return eval_full(ev, err);
    for (uint32_t i = 0; i < n->op.grid.count; i++)
        if (i < from || i >= to)
            part.kinds[i] = POINT_NONE;
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < c->count && st == TSDB_OK; i++)
        st = add_labels(n, row->labels, n->infos.rows[c->at[i]].labels, &part.labels, err);
    if (st == TSDB_OK && !row_is_empty(&part, n->op.grid.count))
        st = row_table_merge(ev, &n->results, &part, &n->op.grid, false, err);
    return st;
}

static bool same_choice(const struct choice *a, const struct choice *b)
{
    return a->count == b->count && memcmp(a->at, b->at, a->count * sizeof a->at[0]) == 0;
}

static enum tsdb_status join_row(struct info_op *n, const struct row *row, struct tsdb_error *err)
{
    uint32_t steps = n->op.grid.count, from = 0;
    struct choice now, before = {.count = 0};
    struct tsdb_hash key =
        labels_key_of(&n->op.ev->key_text, row->labels, &identifying_names, false);
    uint32_t at = key_map_find(&n->keys, key);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < steps && st == TSDB_OK; i++) {
        st = choose(n, at, i, &now, err);
        if (st != TSDB_OK || (i > 0 && same_choice(&now, &before)))
            continue;
        if (i > 0)
            st = deliver(n, row, from, i, &before, err);
        from = i;
        before = now;
    }
    if (st == TSDB_OK)
        st = eval_poll(n->op.ev, steps, err);
    return st == TSDB_OK ? deliver(n, row, from, steps, &before, err) : st;
}

static enum tsdb_status join(struct info_op *n, struct tsdb_error *err)
{
    enum tsdb_status st = read_all(n, n->op.children[0], false, err);
    if (st == TSDB_OK && is_joinable(n))
        st = select_new(n->op.ev, &n->selector, &n->op.grid, true, &n->op.children[1], err);
    if (st == TSDB_OK && n->op.children[1])
        st = read_all(n, n->op.children[1], true, err);
    for (uint32_t i = 0; i < n->base.count && st == TSDB_OK; i++) {
        const struct row *row = &n->base.rows[i];
        if (is_info_metric(n, row))
            st = row_table_merge(n->op.ev, &n->results, row, &n->op.grid, false, err);
        else
            st = join_row(n, row, err);
    }
    return st;
}

/* ---- the operator ------------------------------------------------------------- */

static enum tsdb_status info_next(struct op *op, struct row **out, struct tsdb_error *err)
{
    struct info_op *n = (struct info_op *)op;
    if (!n->is_ready) {
        enum tsdb_status st = join(n, err);
        if (st != TSDB_OK)
            return st;
        n->is_ready = true;
    }
    if (n->given == n->results.count)
        return TSDB_END;
    *out = &n->results.rows[n->given++];
    return TSDB_OK;
}

static void info_close(struct op *op)
{
    struct info_op *n = (struct info_op *)op;
    for (uint32_t i = 0; i < n->name_count; i++)
        matcher_release(&n->names[i]);
    n->name_count = 0;
}

enum tsdb_status call_info_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                               struct op **out, struct tsdb_error *err)
{
    struct info_op *n = OP_NEW(struct info_op, ev, e, grid);
    if (!n)
        return eval_full(ev, err);
    n->op.next = info_next;
    n->op.close = info_close;
    enum tsdb_status st = prepare(n, err);
    if (st == TSDB_OK)
        st = op_new(ev, e->call.arguments[0], grid, &n->op.children[0], err);
    if (st != TSDB_OK) {
        op_close(&n->op);
        return st;
    }
    *out = &n->op;
    return TSDB_OK;
}
