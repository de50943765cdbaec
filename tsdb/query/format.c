/* One line: single spaces around binary operators and after commas, matchers
 * without spaces and in byte order of their text, parentheses as they were
 * written, literals canonical.  Pretty: as one line while that has at most
 * LINE_MAX_BYTES, else opened:
 *
 *     sum by (job) (            a
 *       rate(x[5m])           +
 *     )                         b
 */
#include "tsdb/query/ast.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/query/duration.h"
#include "tsdb/query/quote.h"

#include <math.h>
#include <stdlib.h>

enum { LINE_MAX_BYTES = 100, NS_PER_MS = 1000000 };

/* ---- leaves ------------------------------------------------------------------ */

static void put_text(struct writer *out, struct tsdb_text t)
{
    writer_put(out, t.at, t.len);
}

static void put_number(struct writer *out, const struct expr_number *n)
{
    if (n->is_duration) {
        if (n->value < 0)
            writer_u8(out, '-');
        duration_format((int64_t)round(fabs(n->value) * 1e3) * NS_PER_MS, out);
        return;
    }
    char text[DOUBLE_TEXT_MAX];
    writer_put(out, text, double_format(n->value, text));
}

static void put_time(struct writer *out, const struct expr_time *t)
{
    switch (t->at) {
    case EXPR_AT_NONE: break;
    case EXPR_AT_TIME: {
        int64_t ms = t->at_ts / NS_PER_MS;
        writer_format(out, " @ %s%lld.%03lld", ms < 0 ? "-" : "", llabs(ms) / 1000,
                      llabs(ms) % 1000);
        break;
    }
    case EXPR_AT_START: writer_text(out, " @ start()"); break;
    case EXPR_AT_END: writer_text(out, " @ end()"); break;
    }
    if (t->offset == 0)
        return;
    writer_text(out, t->offset < 0 ? " offset -" : " offset ");
    duration_format(t->offset < 0 ? -t->offset : t->offset, out);
}

static int compare_views(const void *a, const void *b)
{
    const struct tsdb_text *left = a, *right = b;
    return text_compare(*left, *right);
}

/* Does the name before the braces say it? */
static bool is_name_matcher(const struct expr_selector *s, const struct expr_matcher *m)
{
    return s->name.len > 0 && m->kind == EXPR_MATCH_EQUAL &&
           text_equal(m->name, text_of("__name__")) && text_equal(m->value, s->name);
}

/* Writes the matchers one after another, then joins them in order. */
static void put_matchers(struct writer *out, const struct expr_selector *s)
{
    static const char *const ops[] = {[EXPR_MATCH_EQUAL] = "=",
                                      [EXPR_MATCH_NOT_EQUAL] = "!=",
                                      [EXPR_MATCH_REGEX] = "=~",
                                      [EXPR_MATCH_NOT_REGEX] = "!~"};
    struct writer texts = {0};
    struct tsdb_text *views = MEM_ARRAY(struct tsdb_text, s->matcher_count + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->matcher_count; i++) {
        const struct expr_matcher *m = &s->matchers[i];
        size_t before = texts.len;
        if (is_name_matcher(s, m))
            continue;
        name_put(&texts, m->name);
        writer_text(&texts, ops[m->kind]);
        quote_put(&texts, m->value);
        views[count++].len = texts.len - before;
    }
    const char *at = (const char *)texts.at;
    for (uint32_t i = 0; i < count; at += views[i++].len)
        views[i].at = at;
    qsort(views, count, sizeof *views, compare_views);
    for (uint32_t i = 0; i < count; i++) {
        writer_u8(out, i == 0 ? '{' : ',');
        put_text(out, views[i]);
    }
    if (count > 0)
        writer_u8(out, '}');
    writer_release(&texts);
    mem_free(views);
}

static void put_selector(struct writer *out, const struct expr_selector *s)
{
    put_text(out, s->name);
    put_matchers(out, s);
}

static void put_names(struct writer *out, const struct expr_names *names)
{
    writer_u8(out, '(');
    for (uint32_t i = 0; i < names->count; i++) {
        writer_text(out, i > 0 ? ", " : "");
        name_put(out, names->at[i]);
    }
    writer_u8(out, ')');
}

/* ---- parts that both forms share ----------------------------------------------- */

static void put_operator(struct writer *out, const struct expr_binary *b)
{
    bool is_grouped = b->card == CARD_MANY_TO_ONE || b->card == CARD_ONE_TO_MANY;
    writer_text(out, binary_op_name(b->op));
    writer_text(out, b->is_bool ? " bool" : "");
    if (b->is_on || is_grouped || b->matching.count > 0) {
        writer_text(out, b->is_on ? " on " : " ignoring ");
        put_names(out, &b->matching);
    }
    if (is_grouped) {
        writer_text(out, b->card == CARD_MANY_TO_ONE ? " group_left " : " group_right ");
        put_names(out, &b->include);
    }
}

static void put_aggregate_head(struct writer *out, const struct expr_aggregate *a)
{
    writer_text(out, aggregate_op_name(a->op));
    if (a->is_without || a->names.count > 0) {
        writer_text(out, a->is_without ? " without " : " by ");
        put_names(out, &a->names);
        writer_u8(out, ' ');
    }
}

static void put_subquery_tail(struct writer *out, const struct expr_subquery *s)
{
    writer_u8(out, '[');
    duration_format(s->range, out);
    writer_u8(out, ':');
    if (s->step != 0)
        duration_format(s->step, out);
    writer_u8(out, ']');
    put_time(out, &s->time);
}

/* Inf ^ x: with its sign it would read as +(Inf ^ x), where Prometheus' own text
 * changes each time it is formatted. */
static bool is_power_of_infinity(const struct expr *e)
{
    const struct expr *left = e->binary.left;
    return e->binary.op == BINARY_POW && left->kind == EXPR_NUMBER && isinf(left->number.value);
}

/* ---- one line ---------------------------------------------------------------- */

static void put_line(struct writer *out, const struct expr *e, size_t most);

static void put_arguments(struct writer *out, const struct expr_call *c, size_t most)
{
    writer_text(out, c->function->name);
    writer_u8(out, '(');
    for (uint32_t i = 0; i < c->count; i++) {
        writer_text(out, i > 0 ? ", " : "");
        put_line(out, c->arguments[i], most);
    }
    writer_u8(out, ')');
}

/* Stops early once out holds more than `most` bytes: then it is too long. */
static void put_line(struct writer *out, const struct expr *e, size_t most)
{
    if (out->len > most)
        return;
    switch (e->kind) {
    case EXPR_NUMBER: put_number(out, &e->number); break;
    case EXPR_STRING: quote_put(out, e->string); break;
    case EXPR_SELECTOR:
        put_selector(out, &e->selector);
        put_time(out, &e->selector.time);
        break;
    case EXPR_MATRIX:
        put_selector(out, &e->matrix.selector->selector);
        writer_u8(out, '[');
        duration_format(e->matrix.range, out);
        writer_u8(out, ']');
        put_time(out, &e->matrix.selector->selector.time);
        break;
    case EXPR_SUBQUERY:
        put_line(out, e->subquery.expr, most);
        put_subquery_tail(out, &e->subquery);
        break;
    case EXPR_UNARY:
        writer_u8(out, e->unary.is_negative ? '-' : '+');
        put_line(out, e->unary.expr, most);
        break;
    case EXPR_PAREN:
        writer_u8(out, '(');
        put_line(out, e->paren, most);
        writer_u8(out, ')');
        break;
    case EXPR_BINARY:
        if (is_power_of_infinity(e))
            writer_text(out, "Inf");
        else
            put_line(out, e->binary.left, most);
        writer_u8(out, ' ');
        put_operator(out, &e->binary);
        writer_u8(out, ' ');
        put_line(out, e->binary.right, most);
        break;
    case EXPR_AGGREGATE:
        put_aggregate_head(out, &e->aggregate);
        writer_u8(out, '(');
        if (e->aggregate.parameter) {
            put_line(out, e->aggregate.parameter, most);
            writer_text(out, ", ");
        }
        put_line(out, e->aggregate.expr, most);
        writer_u8(out, ')');
        break;
    case EXPR_CALL: put_arguments(out, &e->call, most); break;
    case EXPR_FOREIGN: e->foreign.format(e, out); break;
    }
}

/* ---- many lines -------------------------------------------------------------- */

struct pretty {
    struct writer *out;
    struct writer line; /* owned: the text of one node, to measure it */
    bool is_inline;     /* the next indent is left out: a sign stands before */
};

static void indent(struct pretty *p, uint32_t level)
{
    for (uint32_t i = 0; i < level && !p->is_inline; i++)
        writer_text(p->out, "  ");
    p->is_inline = false;
}

static void put_pretty(struct pretty *p, const struct expr *e, uint32_t level);

/* "head(", the children a level deeper, ")". */
static void put_opened(struct pretty *p, const struct expr *const *children, uint32_t count,
                       uint32_t level)
{
    writer_text(p->out, "(\n");
    for (uint32_t i = 0; i < count; i++) {
        put_pretty(p, children[i], level + 1);
        writer_text(p->out, i + 1 < count ? ",\n" : "\n");
    }
    indent(p, level);
    writer_u8(p->out, ')');
}

static void put_split(struct pretty *p, const struct expr *e, uint32_t level)
{
    const struct expr *pair[2];
    switch (e->kind) {
    case EXPR_NUMBER:
    case EXPR_STRING:
    case EXPR_SELECTOR:
    case EXPR_MATRIX:
    case EXPR_FOREIGN:
        indent(p, level);
        put_line(p->out, e, SIZE_MAX);
        break;
    case EXPR_SUBQUERY:
        put_pretty(p, e->subquery.expr, level);
        put_subquery_tail(p->out, &e->subquery);
        break;
    case EXPR_UNARY:
        indent(p, level);
        writer_u8(p->out, e->unary.is_negative ? '-' : '+');
        p->is_inline = true;
        put_pretty(p, e->unary.expr, level);
        break;
    case EXPR_PAREN:
        indent(p, level);
        put_opened(p, &e->paren, 1, level);
        break;
    case EXPR_BINARY:
        if (is_power_of_infinity(e)) {
            indent(p, level + 1);
            writer_text(p->out, "Inf");
        } else {
            put_pretty(p, e->binary.left, level + 1);
        }
        writer_u8(p->out, '\n');
        indent(p, level);
        put_operator(p->out, &e->binary);
        writer_u8(p->out, '\n');
        put_pretty(p, e->binary.right, level + 1);
        break;
    case EXPR_AGGREGATE:
        indent(p, level);
        put_aggregate_head(p->out, &e->aggregate);
        pair[0] = e->aggregate.parameter;
        pair[1] = e->aggregate.expr;
        put_opened(p, pair + !pair[0], pair[0] ? 2 : 1, level);
        break;
    case EXPR_CALL:
        indent(p, level);
        writer_text(p->out, e->call.function->name);
        put_opened(p, e->call.arguments, e->call.count, level);
        break;
    }
}

static void put_pretty(struct pretty *p, const struct expr *e, uint32_t level)
{
    writer_reset(&p->line);
    put_line(&p->line, e, LINE_MAX_BYTES);
    if (p->line.len > LINE_MAX_BYTES) {
        put_split(p, e, level);
        return;
    }
    indent(p, level);
    put_text(p->out, (struct tsdb_text){(const char *)p->line.at, p->line.len});
}

void promql_format(const struct expr *e, struct writer *out, bool is_pretty)
{
    if (!is_pretty) {
        put_line(out, e, SIZE_MAX);
        return;
    }
    struct pretty p = {.out = out};
    put_pretty(&p, e, 0);
    writer_release(&p.line);
}
