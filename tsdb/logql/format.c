/* One line, as Loki prints its trees:
 *
 *     sum by (a,b)(count_over_time({c="d"} |= "e" | json[5m] offset 1h))
 *     (x + (y * 2))                              every binary operation in parentheses
 *     | ( a="b" , ( c>5 or d<=1KiB ) )           and of label filters
 *
 * Offsets, durations and sizes are written as PromQL's or as they were, not as Go prints
 * them.  Pretty: as one line while that has at most LINE_MAX_BYTES, else opened, two spaces
 * a level; operations that are opened have parentheses only where precedence wants them.
 */
#include "tsdb/logql/parser.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/query/duration.h"

enum { LINE_MAX_BYTES = 100 };

static void put_text(struct writer *out, struct tsdb_text t)
{
    writer_put(out, t.at, t.len);
}

const char *logql_range_op_name(enum range_op op)
{
    switch (op) {
    case RANGE_COUNT: return "count_over_time";
    case RANGE_RATE: return "rate";
    case RANGE_RATE_COUNTER: return "rate_counter";
    case RANGE_BYTES: return "bytes_over_time";
    case RANGE_BYTES_RATE: return "bytes_rate";
    case RANGE_ABSENT: return "absent_over_time";
    case RANGE_SUM: return "sum_over_time";
    case RANGE_AVG: return "avg_over_time";
    case RANGE_MIN: return "min_over_time";
    case RANGE_MAX: return "max_over_time";
    case RANGE_STDVAR: return "stdvar_over_time";
    case RANGE_STDDEV: return "stddev_over_time";
    case RANGE_QUANTILE: return "quantile_over_time";
    case RANGE_FIRST: return "first_over_time";
    case RANGE_LAST: return "last_over_time";
    }
    UNREACHABLE();
}

static void put_number(struct writer *out, double value)
{
    char text[DOUBLE_TEXT_MAX];
    writer_put(out, text, double_format(value, text));
}

static void put_names(struct writer *out, const struct expr_names *names, const char *between)
{
    writer_u8(out, '(');
    for (uint32_t i = 0; i < names->count; i++) {
        writer_text(out, i > 0 ? between : "");
        put_text(out, names->at[i]);
    }
    writer_u8(out, ')');
}

static void put_grouping(struct writer *out, bool is_without, const struct expr_names *names,
                         const char *between)
{
    writer_text(out, is_without ? " without " : " by ");
    put_names(out, names, between);
}

/* ---- selectors and filters -------------------------------------------------------------- */

static void put_matcher(struct writer *out, const struct expr_matcher *m)
{
    static const char *const ops[] = {[EXPR_MATCH_EQUAL] = "=",
                                      [EXPR_MATCH_NOT_EQUAL] = "!=",
                                      [EXPR_MATCH_REGEX] = "=~",
                                      [EXPR_MATCH_NOT_REGEX] = "!~"};
    put_text(out, m->name);
    writer_text(out, ops[m->kind]);
    quote_put(out, m->value);
}

static void put_selector(struct writer *out, const struct log_expr *e)
{
    writer_u8(out, '{');
    for (uint32_t i = 0; i < e->matcher_count; i++) {
        writer_text(out, i > 0 ? ", " : "");
        put_matcher(out, &e->matchers[i]);
    }
    writer_u8(out, '}');
}

static void put_ip(struct writer *out, struct tsdb_text address)
{
    writer_text(out, "ip(");
    quote_put(out, address);
    writer_u8(out, ')');
}

static void put_line_filter(struct writer *out, const struct line_filter *f)
{
    static const char *const ops[] = {
        [LINE_CONTAINS] = "|=",    [LINE_LACKS] = "!=",   [LINE_MATCHES] = "|~",
        [LINE_MATCHES_NOT] = "!~", [LINE_PATTERN] = "|>", [LINE_PATTERN_NOT] = "!>"};
    writer_text(out, ops[f->op]);
    for (uint32_t i = 0; i < f->count; i++) {
        writer_text(out, i > 0 ? " or " : " ");
        if (f->operands[i].is_ip)
            put_ip(out, f->operands[i].text);
        else
            quote_put(out, f->operands[i].text);
    }
}

static void put_label_filter(struct writer *out, const struct label_filter *f)
{
    switch (f->test) {
    case LABEL_AND:
    case LABEL_OR:
        writer_text(out, "( ");
        put_label_filter(out, f->left);
        writer_text(out, f->test == LABEL_AND ? " , " : " or ");
        put_label_filter(out, f->right);
        writer_text(out, " )");
        break;
    case LABEL_STRING: put_matcher(out, &f->matcher); break;
    case LABEL_IP:
        put_text(out, f->matcher.name);
        writer_text(out, f->matcher.kind == EXPR_MATCH_EQUAL ? "=" : "!=");
        put_ip(out, f->matcher.value);
        break;
    case LABEL_NUMBER:
        put_text(out, f->matcher.name);
        writer_text(out, binary_op_name(f->compare));
        put_number(out, f->number);
        break;
    case LABEL_DURATION:
    case LABEL_BYTES:
        put_text(out, f->matcher.name);
        writer_text(out, binary_op_name(f->compare));
        put_text(out, f->number_text);
        break;
    }
}

/* ---- stages ------------------------------------------------------------------------------- */

static void put_extracts(struct writer *out, const struct stage *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        writer_text(out, i > 0 ? "," : " ");
        put_text(out, s->extracts[i].label);
        writer_u8(out, '=');
        quote_put(out, s->extracts[i].path);
    }
}

static void put_formats(struct writer *out, const struct stage *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        writer_text(out, i > 0 ? "," : " ");
        put_text(out, s->formats[i].label);
        writer_u8(out, '=');
        if (s->formats[i].is_rename)
            put_text(out, s->formats[i].value);
        else
            quote_put(out, s->formats[i].value);
    }
}

static void put_stage_names(struct writer *out, const struct stage *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        writer_text(out, i > 0 ? "," : " ");
        if (s->names[i].has_matcher)
            put_matcher(out, &s->names[i].matcher);
        else
            put_text(out, s->names[i].matcher.name);
    }
}

static void put_stage(struct writer *out, const struct stage *s)
{
    static const char *const names[] = {
        [STAGE_LABEL_FILTER] = "| ",
        [STAGE_JSON] = "| json",
        [STAGE_LOGFMT] = "| logfmt",
        [STAGE_PATTERN] = "| pattern ",
        [STAGE_REGEXP] = "| regexp ",
        [STAGE_UNPACK] = "| unpack",
        [STAGE_LINE_FORMAT] = "| line_format ",
        [STAGE_LABEL_FORMAT] = "| label_format",
        [STAGE_DECOLORIZE] = "| decolorize",
        [STAGE_DROP] = "| drop",
        [STAGE_KEEP] = "| keep",
    };
    if (s->kind != STAGE_LINE_FILTER)
        writer_text(out, names[s->kind]);
    switch (s->kind) {
    case STAGE_LINE_FILTER: put_line_filter(out, &s->line); break;
    case STAGE_LABEL_FILTER: put_label_filter(out, s->label); break;
    case STAGE_LOGFMT:
        writer_text(out, s->is_strict ? " --strict" : "");
        writer_text(out, s->keeps_empty ? " --keep-empty" : "");
        put_extracts(out, s);
        break;
    case STAGE_JSON: put_extracts(out, s); break;
    case STAGE_PATTERN:
    case STAGE_REGEXP:
    case STAGE_LINE_FORMAT: quote_put(out, s->text); break;
    case STAGE_LABEL_FORMAT: put_formats(out, s); break;
    case STAGE_DROP:
    case STAGE_KEEP: put_stage_names(out, s); break;
    case STAGE_UNPACK:
    case STAGE_DECOLORIZE: break;
    }
}

static void put_logs(struct writer *out, const struct log_expr *e)
{
    put_selector(out, e);
    for (uint32_t i = 0; i < e->stage_count; i++) {
        writer_u8(out, ' ');
        put_stage(out, &e->stages[i]);
    }
}

/* ---- range aggregations --------------------------------------------------------------------- */

static void put_unwrap(struct writer *out, const struct log_range *r)
{
    static const char *const calls[] = {
        [UNWRAP_NUMBER] = "", [UNWRAP_DURATION] = "duration(", [UNWRAP_BYTES] = "bytes("};
    writer_text(out, "| unwrap ");
    writer_text(out, calls[r->convert]);
    put_text(out, r->unwrap);
    writer_text(out, r->convert == UNWRAP_NUMBER ? "" : ")");
}

/* "[5m] offset 1h". */
static void put_span(struct writer *out, const struct log_range *r)
{
    writer_u8(out, '[');
    duration_format(r->range, out);
    writer_u8(out, ']');
    if (r->offset == 0)
        return;
    int64_t offset = r->offset < 0 ? -r->offset : r->offset;
    writer_text(out, r->offset < 0 ? " offset -" : " offset ");
    if (offset % 1000000 == 0)
        duration_format(offset, out);
    else
        writer_format(out, "%lldns", (long long)offset);
}

void logql_format_range(const struct expr *e, struct writer *out)
{
    const struct log_range *r = e->foreign.node;
    writer_text(out, logql_range_op_name(r->op));
    writer_u8(out, '(');
    if (r->op == RANGE_QUANTILE) {
        put_number(out, r->parameter);
        writer_u8(out, ',');
    }
    put_logs(out, r->logs);
    if (r->has_unwrap) {
        writer_u8(out, ' ');
        put_unwrap(out, r);
    }
    for (uint32_t i = 0; i < r->after_count; i++) {
        writer_text(out, " | ");
        put_label_filter(out, r->after[i]);
    }
    put_span(out, r);
    writer_u8(out, ')');
    if (r->has_grouping)
        put_grouping(out, r->is_without, &r->grouping, ",");
}

/* ---- metric queries, one line ------------------------------------------------------------------
 */

static void put_operator(struct writer *out, const struct expr_binary *b, const char *between)
{
    bool is_grouped = b->card == CARD_MANY_TO_ONE || b->card == CARD_ONE_TO_MANY;
    writer_text(out, binary_op_name(b->op));
    writer_text(out, b->is_bool ? " bool" : "");
    if (b->is_on || is_grouped || b->matching.count > 0) {
        writer_text(out, b->is_on ? " on " : " ignoring ");
        put_names(out, &b->matching, between);
    }
    if (is_grouped) {
        writer_text(out, b->card == CARD_MANY_TO_ONE ? " group_left" : " group_right");
        if (b->include.count > 0) {
            writer_u8(out, ' ');
            put_names(out, &b->include, between);
        }
    }
}

static void put_aggregate_head(struct writer *out, const struct expr_aggregate *a,
                               const char *between)
{
    writer_text(out, aggregate_op_name(a->op));
    if (a->is_without || a->names.count > 0)
        put_grouping(out, a->is_without, &a->names, between);
}

/* Stops early once out holds more than `most` bytes: then it is too long. */
static void put_metric(struct writer *out, const struct expr *e, size_t most)
{
    char number[DOUBLE_TEXT_MAX];
    if (out->len > most)
        return;
    switch ((int)e->kind) {
    case EXPR_NUMBER: writer_put(out, number, double_format_g(e->number.value, number)); break;
    case EXPR_STRING: quote_put(out, e->string); break;
    case EXPR_FOREIGN: e->foreign.format(e, out); break;
    case EXPR_BINARY:
        writer_u8(out, '(');
        put_metric(out, e->binary.left, most);
        writer_u8(out, ' ');
        put_operator(out, &e->binary, ",");
        writer_u8(out, ' ');
        put_metric(out, e->binary.right, most);
        writer_u8(out, ')');
        break;
    case EXPR_AGGREGATE:
        put_aggregate_head(out, &e->aggregate, ",");
        writer_u8(out, '(');
        if (e->aggregate.parameter) {
            put_number(out, e->aggregate.parameter->number.value);
            writer_u8(out, ',');
        }
        put_metric(out, e->aggregate.expr, most);
        writer_u8(out, ')');
        break;
    case EXPR_CALL:
        writer_text(out, e->call.function->name);
        for (uint32_t i = 0; i < e->call.count; i++) {
            writer_u8(out, i == 0 ? '(' : ',');
            put_metric(out, e->call.arguments[i], most);
        }
        writer_u8(out, ')');
        break;
    default: UNREACHABLE(); /* the parser makes no others */
    }
}

/* ---- many lines
 * ---------------------------------------------------------------------------------- */

struct pretty {
    struct writer *out;
    struct writer line; /* owned: the text of one node, to measure it */
};

static void indent(struct pretty *p, uint32_t level)
{
    for (uint32_t i = 0; i < level; i++)
        writer_text(p->out, "  ");
}

/* Writes the node in one line if it is short enough. */
static bool put_short(struct pretty *p, const struct expr *e, uint32_t level)
{
    writer_reset(&p->line);
    put_metric(&p->line, e, LINE_MAX_BYTES);
    if (p->line.len > LINE_MAX_BYTES)
        return false;
    indent(p, level);
    writer_put(p->out, p->line.at, p->line.len);
    return true;
}

static void put_pretty_logs(struct pretty *p, const struct log_expr *e, uint32_t level)
{
    indent(p, level);
    writer_reset(&p->line);
    put_logs(&p->line, e);
    if (p->line.len <= LINE_MAX_BYTES) {
        writer_put(p->out, p->line.at, p->line.len);
        return;
    }
    put_selector(p->out, e);
    for (uint32_t i = 0; i < e->stage_count; i++) {
        writer_u8(p->out, '\n');
        indent(p, level + 1);
        put_stage(p->out, &e->stages[i]);
    }
}

static void put_opened_range(struct pretty *p, const struct log_range *r, uint32_t level)
{
    writer_text(p->out, logql_range_op_name(r->op));
    writer_text(p->out, "(\n");
    if (r->op == RANGE_QUANTILE) {
        indent(p, level + 1);
        put_number(p->out, r->parameter);
        writer_text(p->out, ",\n");
    }
    put_pretty_logs(p, r->logs, level + 1);
    if (r->has_unwrap) {
        writer_u8(p->out, '\n');
        indent(p, level + 2);
        put_unwrap(p->out, r);
    }
    for (uint32_t i = 0; i < r->after_count; i++) {
        writer_u8(p->out, '\n');
        indent(p, level + 2);
        writer_text(p->out, "| ");
        put_label_filter(p->out, r->after[i]);
    }
    writer_u8(p->out, ' ');
    put_span(p->out, r);
    writer_u8(p->out, '\n');
    indent(p, level);
    writer_u8(p->out, ')');
    if (r->has_grouping)
        put_grouping(p->out, r->is_without, &r->grouping, ", ");
}

static void put_pretty(struct pretty *p, const struct expr *e, uint32_t level);

/* "(", the children a level deeper, ")". */
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

/* A side of an operation that is opened: in parentheses when it would bind otherwise. */
static void put_side(struct pretty *p, const struct expr *parent, const struct expr *side,
                     uint32_t level)
{
    bool is_left = side == parent->binary.left, is_power = parent->binary.op == BINARY_POW;
    bool is_safe = true;
    if (side->kind == EXPR_BINARY) {
        uint32_t inner = logql_precedence(side->binary.op);
        uint32_t outer = logql_precedence(parent->binary.op);
        is_safe = inner > outer || (inner == outer && is_left != is_power);
    }
    if (is_safe) {
        put_pretty(p, side, level);
    } else if (!put_short(p, side, level)) { /* that has parentheses of its own */
        indent(p, level);
        put_opened(p, &side, 1, level);
    }
}

static void put_split(struct pretty *p, const struct expr *e, uint32_t level)
{
    const struct expr *pair[2];
    if (e->kind == EXPR_BINARY) {
        put_side(p, e, e->binary.left, level + 1);
        writer_u8(p->out, '\n');
        indent(p, level);
        put_operator(p->out, &e->binary, ", ");
        writer_u8(p->out, '\n');
        put_side(p, e, e->binary.right, level + 1);
        return;
    }
    indent(p, level);
    switch ((int)e->kind) {
    case EXPR_FOREIGN: put_opened_range(p, e->foreign.node, level); break;
    case EXPR_AGGREGATE:
        put_aggregate_head(p->out, &e->aggregate, ", ");
        pair[0] = e->aggregate.parameter;
        pair[1] = e->aggregate.expr;
        put_opened(p, pair + !pair[0], pair[0] ? 2 : 1, level);
        break;
    case EXPR_CALL:
        writer_text(p->out, e->call.function->name);
        put_opened(p, e->call.arguments, e->call.count, level);
        break;
    default: put_metric(p->out, e, SIZE_MAX); break;
    }
}

static void put_pretty(struct pretty *p, const struct expr *e, uint32_t level)
{
    if (!put_short(p, e, level))
        put_split(p, e, level);
}

void logql_format(const struct logql *q, struct writer *out, bool is_pretty)
{
    struct pretty p = {.out = out};
    if (!is_pretty && q->logs)
        put_logs(out, q->logs);
    else if (!is_pretty)
        put_metric(out, q->metric, SIZE_MAX);
    else if (q->logs)
        put_pretty_logs(&p, q->logs, 0);
    else
        put_pretty(&p, q->metric, 0);
    writer_release(&p.line);
}
