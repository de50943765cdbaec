/* rate() and its like end a pipeline; behind them come topk(), bottomk() and comparisons.
 * Arithmetic joins metrics in parentheses, and numbers. */
#include "tsdb/traceql/parser.h"

#include "tsdb/base/assert.h"

#include <math.h>

static const struct {
    char name[20];
    bool has_ref, has_buckets; /* of an attribute; one group is the buckets' */
} functions[] = {
    [TRACEQL_RATE] = {"rate", false, false},
    [TRACEQL_COUNT_OVER_TIME] = {"count_over_time", false, false},
    [TRACEQL_MIN_OVER_TIME] = {"min_over_time", true, false},
    [TRACEQL_MAX_OVER_TIME] = {"max_over_time", true, false},
    [TRACEQL_AVG_OVER_TIME] = {"avg_over_time", true, true},
    [TRACEQL_SUM_OVER_TIME] = {"sum_over_time", true, false},
    [TRACEQL_QUANTILE_OVER_TIME] = {"quantile_over_time", true, true},
    [TRACEQL_HISTOGRAM_OVER_TIME] = {"histogram_over_time", true, true},
    [TRACEQL_COMPARE] = {"compare", false, false},
};

enum { FUNCTIONS = sizeof functions / sizeof functions[0], TOP_DEFAULT = 10 };

const char *traceql_function_name(enum traceql_function_kind kind)
{
    return functions[kind].name;
}

static int function_of(const struct traceql_parser *p)
{
    for (int i = 0; i < FUNCTIONS; i++)
        if (traceql_is_word(p, functions[i].name))
            return i;
    return -1;
}

bool traceql_is_function(const struct traceql_parser *p)
{
    return function_of(p) >= 0;
}

bool traceql_is_second_stage(const struct traceql_parser *p)
{
    return traceql_is_word(p, "topk") || traceql_is_word(p, "bottomk");
}

/* ---- functions -------------------------------------------------------------------------- */

static enum tsdb_status read_int(struct traceql_parser *p, int64_t *out)
{
    if (!traceql_is(p, LEX_INT))
        return traceql_unexpected(p, "an integer");
    *out = p->token.value.integer;
    traceql_advance(p);
    return TSDB_OK;
}

static enum tsdb_status read_quantile(struct traceql_parser *p, double *out)
{
    if (!traceql_is(p, LEX_INT) && !traceql_is(p, LEX_FLOAT))
        return traceql_unexpected(p, "a number from 0 to 1");
    const struct traceql_value *v = &p->token.value;
    *out = v->type == TRACEQL_INT ? (double)v->integer : v->number;
    if (*out > 1)
        return traceql_refuse(p, p->token.at, "a quantile is from 0 to 1");
    traceql_advance(p);
    return TSDB_OK;
}

/* ", 0.5, 0.9" */
static enum tsdb_status read_quantiles(struct traceql_parser *p, struct traceql_function *f)
{
    struct arena_list list = {0};
    enum tsdb_status st = traceql_expect(p, LEX_COMMA, "\",\" and quantiles");
    while (st == TSDB_OK) {
        double *item = TRACEQL_PUSH(p, &list, double);
        if (!item)
            return p->status;
        st = read_quantile(p, item);
        if (st == TSDB_OK && !traceql_accept(p, LEX_COMMA))
            break;
    }
    f->quantiles = list.at;
    f->quantile_count = list.count;
    return st;
}

/* "{...}, top, start, end": the last three may be left out, the last two together. */
static enum tsdb_status read_compare(struct traceql_parser *p, struct traceql_function *f)
{
    int64_t top = TOP_DEFAULT;
    uint32_t at = p->token.at;
    bool has_range = false;
    enum tsdb_status st = traceql_read_filter(p, &f->selection);
    if (st == TSDB_OK && traceql_accept(p, LEX_COMMA)) {
        at = p->token.at;
        st = read_int(p, &top);
        has_range = st == TSDB_OK && traceql_accept(p, LEX_COMMA);
    }
    if (st == TSDB_OK && (top < 1 || top > TRACEQL_TOP_MAX))
        return traceql_refuse(p, at, "compare() shows 1 to %d values, not %lld", TRACEQL_TOP_MAX,
                              (long long)top);
    f->top = (uint32_t)top;
    if (!has_range)
        return st;
    at = p->token.at;
    st = read_int(p, &f->start);
    if (st == TSDB_OK)
        st = traceql_expect(p, LEX_COMMA, "\",\" and the end");
    if (st == TSDB_OK)
        st = read_int(p, &f->end);
    if (st == TSDB_OK && f->start == 0 && f->end == 0)
        return TSDB_OK; /* as if left out */
    if (st == TSDB_OK && (f->start == 0 || f->end <= f->start))
        return traceql_refuse(p, at, "compare() needs a start and a later end, in nanoseconds");
    return st;
}

static enum tsdb_status read_groups(struct traceql_parser *p, struct traceql_function *f)
{
    uint32_t at = p->token.at;
    uint32_t most = TRACEQL_GROUPS_MAX - (functions[f->kind].has_buckets ? 1 : 0);
    if (f->kind == TRACEQL_COMPARE || !traceql_is_word(p, "by"))
        return TSDB_OK;
    traceql_advance(p);
    enum tsdb_status st = traceql_read_refs(p, &f->by);
    if (st == TSDB_OK && f->by.count > most)
        return traceql_refuse(p, at, "%s() groups by at most %u attributes, got %u",
                              functions[f->kind].name, most, f->by.count);
    return st;
}

static struct traceql_metric *metric_new(struct traceql_parser *p, enum traceql_metric_kind kind,
                                         uint32_t at)
{
    struct traceql_metric *m = TRACEQL_TAKE(p, struct traceql_metric);
    if (m) {
        m->kind = kind;
        m->at = at;
    }
    return m;
}

enum tsdb_status traceql_read_function(struct traceql_parser *p,
                                       const struct traceql_pipeline *pipeline, uint32_t height,
                                       struct operand *out)
{
    struct traceql_metric *m = metric_new(p, METRIC_FUNCTION, p->token.at);
    if (!m)
        return p->status;
    struct traceql_function *f = &m->function;
    m->pipeline = pipeline;
    f->kind = (enum traceql_function_kind)function_of(p);
    f->at = p->token.at;
    traceql_advance(p);
    enum tsdb_status st = traceql_expect(p, LEX_LEFT_PAREN, "\"(\"");
    if (st == TSDB_OK && functions[f->kind].has_ref)
        st = traceql_read_ref(p, &f->ref);
    if (st == TSDB_OK && f->kind == TRACEQL_QUANTILE_OVER_TIME)
        st = read_quantiles(p, f);
    if (st == TSDB_OK && f->kind == TRACEQL_COMPARE)
        st = read_compare(p, f);
    if (st == TSDB_OK)
        st = traceql_expect(p, LEX_RIGHT_PAREN, "\")\"");
    if (st == TSDB_OK)
        st = read_groups(p, f);
    if (st == TSDB_OK)
        st = traceql_height(p, m->at, height, f->selection ? f->selection->height : 0, &m->height);
    *out = (struct operand){.kind = OPERAND_METRIC, .at = m->at, .metric = m};
    return st;
}

/* ---- what follows ------------------------------------------------------------------------- */

/* compare() answers series of its own kind. */
static enum tsdb_status refuse_compare(struct traceql_parser *p, uint32_t at,
                                       const struct traceql_metric *m)
{
    if (m->kind != METRIC_FUNCTION || m->function.kind != TRACEQL_COMPARE)
        return TSDB_OK;
    return traceql_refuse(p, at, "compare() takes no second stage and no arithmetic");
}

/* A metric made of another and a value. */
static enum tsdb_status wrap(struct traceql_parser *p, struct traceql_metric *m,
                             struct operand *metric)
{
    m->left = metric->metric;
    enum tsdb_status st = refuse_compare(p, m->at, m->left);
    if (st == TSDB_OK)
        st = traceql_height(p, m->at, m->left->height, 0, &m->height);
    *metric = (struct operand){.kind = OPERAND_METRIC, .at = metric->at, .metric = m};
    return st;
}

static double value_of(const struct traceql_value *v)
{
    if (v->type == TRACEQL_FLOAT)
        return v->number;
    return v->type == TRACEQL_DURATION ? (double)v->integer / 1e9 : (double)v->integer;
}

/* "> 5" */
static enum tsdb_status read_comparison(struct traceql_parser *p, struct operand *metric)
{
    struct operand value = {.kind = OPERAND_NUMBER};
    struct traceql_metric *m = metric_new(p, METRIC_FILTER, p->token.at);
    if (!m)
        return p->status;
    m->op = (enum traceql_op)p->token.op;
    traceql_advance(p);
    enum tsdb_status st = traceql_read_operand(p, PREC_COMPARE + 1, &value);
    if (st != TSDB_OK)
        return st;
    if (value.kind != OPERAND_NUMBER)
        return traceql_refuse(p, value.at, "a metric is compared with a number");
    m->operand = value.scalar->value;
    m->value = value_of(&m->operand);
    return wrap(p, m, metric);
}

/* "topk(5)" */
static enum tsdb_status read_topk(struct traceql_parser *p, struct operand *metric)
{
    bool is_top = traceql_is_word(p, "topk");
    int64_t count = 0;
    struct traceql_metric *m = metric_new(p, is_top ? METRIC_TOPK : METRIC_BOTTOMK, p->token.at);
    if (!m)
        return p->status;
    if (!traceql_is_second_stage(p))
        return traceql_unexpected(p, "topk() or bottomk()");
    traceql_advance(p);
    enum tsdb_status st = traceql_expect(p, LEX_LEFT_PAREN, "\"(\"");
    uint32_t at = p->token.at;
    if (st == TSDB_OK)
        st = read_int(p, &count);
    if (st == TSDB_OK && (count < 1 || count > UINT32_MAX))
        return traceql_refuse(p, at, "%s() keeps 1 to %u series, not %lld",
                              is_top ? "topk" : "bottomk", UINT32_MAX, (long long)count);
    if (st == TSDB_OK)
        st = traceql_expect(p, LEX_RIGHT_PAREN, "\")\"");
    m->count = (uint32_t)count;
    return st == TSDB_OK ? wrap(p, m, metric) : st;
}

enum tsdb_status traceql_read_second_stages(struct traceql_parser *p, struct operand *metric)
{
    enum tsdb_status st = TSDB_OK;
    while (st == TSDB_OK) {
        if (traceql_accept(p, LEX_PIPE))
            st = read_topk(p, metric);
        else if (traceql_is(p, LEX_OPERATOR) && p->token.op >= TRACEQL_EQ &&
                 p->token.op <= TRACEQL_GE)
            st = read_comparison(p, metric);
        else
            break;
    }
    return st;
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

static enum tsdb_status scale(struct traceql_parser *p, struct traceql_metric *m,
                              const struct operand *left, const struct operand *right,
                              struct operand *out)
{
    m->kind = METRIC_SCALE;
    m->is_value_left = left->kind == OPERAND_NUMBER;
    m->operand = (m->is_value_left ? left : right)->scalar->value;
    if (m->operand.type == TRACEQL_DURATION)
        return traceql_refuse(p, m->at, "a duration cannot be used in arithmetic of metrics");
    m->value = value_of(&m->operand);
    *out = m->is_value_left ? *right : *left;
    out->at = left->at;
    return wrap(p, m, out);
}

enum tsdb_status traceql_join_metrics(struct traceql_parser *p, const struct lex_token *op,
                                      const struct operand *left, const struct operand *right,
                                      struct operand *out)
{
    if (op->op < TRACEQL_ADD || op->op > TRACEQL_DIV)
        return traceql_refuse(p, op->at, "%.*s cannot join metrics", (int)op->text.len,
                              op->text.at);
    struct traceql_metric *m = metric_new(p, METRIC_BINARY, op->at);
    if (!m)
        return p->status;
    m->op = (enum traceql_op)op->op;
    if (left->kind == OPERAND_NUMBER || right->kind == OPERAND_NUMBER)
        return scale(p, m, left, right, out);
    m->left = left->metric;
    m->right = right->metric;
    enum tsdb_status st = refuse_compare(p, op->at, m->left);
    if (st == TSDB_OK)
        st = refuse_compare(p, op->at, m->right);
    *out = (struct operand){.kind = OPERAND_METRIC, .at = left->at, .metric = m};
    return st == TSDB_OK ? traceql_height(p, m->at, m->left->height, m->right->height, &m->height)
                         : st;
}
