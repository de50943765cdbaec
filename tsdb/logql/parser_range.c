#include "tsdb/logql/parser.h"

#include "tsdb/base/status.h"
#include "tsdb/query/typecheck.h"

/* What has been read of the parts that a range aggregation's argument may have. */
struct body {
    struct log_range *range;
    struct log_expr *logs;
    struct arena_list stages, after;
    bool has_offset;
};

/* ---- grouping ---------------------------------------------------------------------- */

bool logql_is_grouping(const struct logql_parser *p)
{
    return logql_is(p, LOGQL_BY) || logql_is(p, LOGQL_WITHOUT);
}

enum tsdb_status logql_read_grouping(struct logql_parser *p, bool *is_without,
                                     struct expr_names *out)
{
    *is_without = logql_is(p, LOGQL_WITHOUT);
    logql_advance(p);
    return logql_read_names(p, out);
}

/* ---- the argument -------------------------------------------------------------------- */

/* "| unwrap" is taken. */
static enum tsdb_status read_unwrap(struct logql_parser *p, struct body *b)
{
    struct log_range *r = b->range;
    r->has_unwrap = true;
    bool is_call = logql_is(p, LOGQL_CONVERT);
    enum tsdb_status st = TSDB_OK;
    if (is_call) {
        r->convert = (enum unwrap_convert)p->token.code;
        logql_advance(p);
        st = logql_expect(p, LOGQL_LEFT_PAREN, "(");
    }
    if (st == TSDB_OK)
        st = logql_read_name(p, &r->unwrap, is_call ? "IDENTIFIER" : NULL);
    if (st == TSDB_OK && is_call)
        st = logql_expect(p, LOGQL_RIGHT_PAREN, ")");
    while (st == TSDB_OK && logql_accept(p, LOGQL_PIPE)) {
        const struct label_filter **slot = LOGQL_PUSH(p, &b->after, const struct label_filter *);
        if (!slot)
            return p->status;
        st = logql_read_label_filter(p, slot);
    }
    return st;
}

static enum tsdb_status read_pipeline(struct logql_parser *p, struct body *b)
{
    struct logql_pipe pipe = {0};
    enum tsdb_status st = logql_read_stages(p, &b->stages, &pipe);
    return st == TSDB_OK && pipe.has_unwrap ? read_unwrap(p, b) : st;
}

static enum tsdb_status read_offset(struct logql_parser *p, struct body *b)
{
    if (b->has_offset || !logql_accept(p, LOGQL_OFFSET))
        return TSDB_OK;
    if (!logql_is(p, LOGQL_DURATION))
        return logql_unexpected(p, "DURATION");
    b->has_offset = true;
    b->range->offset = p->token.span;
    logql_advance(p);
    return TSDB_OK;
}

/* "[5m] offset 1h", and the pipeline when it stands behind. */
static enum tsdb_status read_span(struct logql_parser *p, struct body *b)
{
    b->range->range = p->token.span;
    logql_advance(p);
    enum tsdb_status st = read_offset(p, b);
    if (st == TSDB_OK && b->stages.count == 0 && !b->range->has_unwrap)
        st = read_pipeline(p, b);
    return st == TSDB_OK ? read_offset(p, b) : st;
}

/* Selector, pipeline, range, offset in the orders that Loki has; is_inner: in parentheses,
 * where the range may come after them. */
static enum tsdb_status read_body(struct logql_parser *p, struct body *b, bool is_inner,
                                  const char *expecting)
{
    enum tsdb_status st;
    if (logql_is(p, LOGQL_LEFT_PAREN)) {
        st = logql_enter(p);
        if (st != TSDB_OK)
            return st;
        logql_advance(p);
        st = read_body(p, b, true, NULL);
        if (st == TSDB_OK)
            st = logql_expect(p, LOGQL_RIGHT_PAREN, NULL);
        p->depth--;
        if (b->range->range > 0)
            return st;
    } else if (logql_is(p, LOGQL_LEFT_BRACE)) {
        st = logql_read_selector(p, b->logs);
        if (st == TSDB_OK)
            st = read_pipeline(p, b);
    } else {
        return logql_unexpected(p, expecting);
    }
    if (st != TSDB_OK)
        return st;
    if (logql_is(p, LOGQL_SPAN))
        return read_span(p, b);
    return is_inner && logql_is(p, LOGQL_RIGHT_PAREN) ? TSDB_OK : logql_unexpected(p, NULL);
}

/* ---- the aggregation ------------------------------------------------------------------- */

static bool may_group(enum range_op op)
{
    return op > RANGE_SUM;
}

static bool may_unwrap(enum range_op op)
{
    return op >= RANGE_SUM || op == RANGE_RATE || op == RANGE_RATE_COUNTER || op == RANGE_ABSENT;
}

static bool may_count(enum range_op op)
{
    return op < RANGE_SUM && op != RANGE_RATE_COUNTER;
}

/* What Loki refuses of a whole aggregation. */
static void check_range(struct logql_parser *p, const struct log_range *r, bool has_parameter)
{
    const char *name = logql_range_op_name(r->op);
    if (r->op == RANGE_QUANTILE && !has_parameter)
        logql_defer(p, "parameter required for operation %s", name);
    if (r->has_grouping && !may_group(r->op))
        logql_defer(p, "grouping not allowed for %s aggregation", name);
    if (r->has_unwrap && !may_unwrap(r->op))
        logql_defer(p, "invalid aggregation %s with unwrap", name);
    if (!r->has_unwrap && !may_count(r->op))
        logql_defer(p, "invalid aggregation %s without unwrap", name);
    logql_check_selector(p, r->logs);
}

/* "0.99," before the argument. */
static enum tsdb_status read_parameter(struct logql_parser *p, struct log_range *r)
{
    struct tsdb_text text = p->token.text;
    enum tsdb_status st = logql_read_number(p, &r->parameter);
    if (r->op != RANGE_QUANTILE)
        logql_defer(p, "parameter %.*s not supported for operation %s", (int)text.len, text.at,
                    logql_range_op_name(r->op));
    return st == TSDB_OK ? logql_expect(p, LOGQL_COMMA, ",") : st;
}

static enum tsdb_status read_grouping(struct logql_parser *p, struct log_range *r)
{
    if (r->has_grouping || !logql_is_grouping(p))
        return TSDB_OK;
    r->has_grouping = true;
    return logql_read_grouping(p, &r->is_without, &r->grouping);
}

enum tsdb_status logql_read_range(struct logql_parser *p, struct expr **out)
{
    struct expr *e;
    struct log_range *r = ARENA_ARRAY(p->arena, struct log_range, 1);
    struct log_expr *logs = ARENA_ARRAY(p->arena, struct log_expr, 1);
    struct body b = {.range = r, .logs = logs};
    if (!r || !logs)
        return logql_full(p);
    enum tsdb_status st = logql_node_new(p, EXPR_FOREIGN, p->token.at, &e);
    if (st != TSDB_OK)
        return st;
    r->op = (enum range_op)p->token.code;
    logql_advance(p);
    st = read_grouping(p, r);
    if (st == TSDB_OK)
        st = logql_expect(p, LOGQL_LEFT_PAREN, "(");
    bool has_parameter = logql_is(p, LOGQL_NUMBER);
    if (st == TSDB_OK && has_parameter)
        st = read_parameter(p, r);
    if (st == TSDB_OK)
        st = read_body(p, &b, false, has_parameter ? "{ or (" : "NUMBER or { or (");
    if (st == TSDB_OK)
        st = logql_expect(p, LOGQL_RIGHT_PAREN, NULL);
    if (st == TSDB_OK)
        st = read_grouping(p, r);
    if (st != TSDB_OK)
        return st;
    logs->stages = b.stages.at;
    logs->stage_count = b.stages.count;
    r->logs = logs;
    r->after = b.after.at;
    r->after_count = b.after.count;
    check_range(p, r, has_parameter);
    e->foreign = (struct expr_foreign){r, p->open, logql_format_range};
    e->end = p->end;
    node_settle(e);
    *out = e;
    return TSDB_OK;
}
