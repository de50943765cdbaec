#include "tsdb/logql/parser.h"

/* ---- line filters ---------------------------------------------------------------- */

static bool is_line_filter(const struct logql_parser *p)
{
    return logql_is(p, LOGQL_LINE) || logql_is(p, LOGQL_NOT_MATCH) || logql_is_binary(p, BINARY_NE);
}

/* "|= "a" or ip("b") or "c"". */
static enum tsdb_status read_line_filter(struct logql_parser *p, struct stage *s)
{
    struct arena_list operands = {0};
    s->kind = STAGE_LINE_FILTER;
    s->line.op = logql_is(p, LOGQL_LINE)        ? (enum line_op)p->token.code
                 : logql_is(p, LOGQL_NOT_MATCH) ? LINE_MATCHES_NOT
                                                : LINE_LACKS;
    do {
        logql_advance(p);
        struct line_operand *operand = LOGQL_PUSH(p, &operands, struct line_operand);
        if (!operand)
            return p->status;
        operand->is_ip = logql_is(p, LOGQL_IP);
        if (!operand->is_ip && !logql_is(p, LOGQL_STRING))
            return logql_unexpected(p, "STRING or ip");
        if (operand->is_ip)
            logql_advance(p);
        enum tsdb_status st = operand->is_ip ? logql_read_ip(p, &operand->text)
                                             : logql_read_string(p, &operand->text);
        if (st != TSDB_OK)
            return st;
        bool is_contains = s->line.op == LINE_CONTAINS || s->line.op == LINE_LACKS;
        if (operand->is_ip && !is_contains)
            logql_defer(p, "ip: invalid operation, only |= and != take addresses");
    } while (logql_is_binary(p, BINARY_OR));
    s->line.operands = operands.at;
    s->line.count = operands.count;
    return TSDB_OK;
}

/* ---- lists of labels --------------------------------------------------------------- */

/* a="x.y", b: the label is its own path when none is written. */
static enum tsdb_status read_extracts(struct logql_parser *p, struct stage *s)
{
    struct arena_list extracts = {0};
    enum tsdb_status st;
    do {
        struct stage_extract *e = LOGQL_PUSH(p, &extracts, struct stage_extract);
        if (!e)
            return p->status;
        st = logql_read_name(p, &e->label, "IDENTIFIER");
        e->path = e->label;
        if (st == TSDB_OK && logql_accept(p, LOGQL_EQUAL))
            st = logql_read_string(p, &e->path);
        if (st != TSDB_OK)
            return st;
    } while (logql_accept(p, LOGQL_COMMA));
    s->extracts = extracts.at;
    s->count = extracts.count;
    return TSDB_OK;
}

static enum tsdb_status read_parser(struct logql_parser *p, struct stage *s)
{
    while (s->kind == STAGE_LOGFMT && logql_is(p, LOGQL_FLAG)) {
        if (p->token.code == 0)
            s->is_strict = true;
        else
            s->keeps_empty = true;
        logql_advance(p);
    }
    return logql_is(p, LOGQL_IDENTIFIER) ? read_extracts(p, s) : TSDB_OK;
}

/* label_format a=b, c="{{.d}}". */
static enum tsdb_status read_formats(struct logql_parser *p, struct stage *s)
{
    struct arena_list formats = {0};
    enum tsdb_status st;
    do {
        struct stage_format *f = LOGQL_PUSH(p, &formats, struct stage_format);
        if (!f)
            return p->status;
        st = logql_read_name(p, &f->label, "IDENTIFIER");
        if (st == TSDB_OK)
            st = logql_expect(p, LOGQL_EQUAL, "=");
        if (st != TSDB_OK)
            return st;
        f->is_rename = !logql_is(p, LOGQL_STRING);
        st = f->is_rename ? logql_read_name(p, &f->value, "STRING or IDENTIFIER")
                          : logql_read_string(p, &f->value);
        if (st != TSDB_OK)
            return st;
    } while (logql_accept(p, LOGQL_COMMA));
    s->formats = formats.at;
    s->count = formats.count;
    return TSDB_OK;
}

/* drop a, b="x". */
static enum tsdb_status read_stage_names(struct logql_parser *p, struct stage *s)
{
    struct arena_list names = {0};
    enum tsdb_status st;
    do {
        struct stage_name *n = LOGQL_PUSH(p, &names, struct stage_name);
        if (!n)
            return p->status;
        st = logql_read_name(p, &n->matcher.name, "IDENTIFIER");
        n->has_matcher = logql_is(p, LOGQL_EQUAL) || logql_is(p, LOGQL_MATCH) ||
                         logql_is(p, LOGQL_NOT_MATCH) || logql_is_binary(p, BINARY_NE);
        if (st == TSDB_OK && n->has_matcher)
            st = logql_read_match(p, &n->matcher);
        if (st != TSDB_OK)
            return st;
    } while (logql_accept(p, LOGQL_COMMA));
    s->names = names.at;
    s->count = names.count;
    return TSDB_OK;
}

/* ---- stages ------------------------------------------------------------------------ */

/* What follows "|". */
static enum tsdb_status read_stage(struct logql_parser *p, struct stage *s)
{
    if (!logql_is(p, LOGQL_STAGE)) {
        s->kind = STAGE_LABEL_FILTER;
        return logql_read_label_filter(p, &s->label);
    }
    s->kind = (enum stage_kind)p->token.code;
    logql_advance(p);
    switch (s->kind) {
    case STAGE_JSON:
    case STAGE_LOGFMT: return read_parser(p, s);
    case STAGE_PATTERN:
    case STAGE_REGEXP:
    case STAGE_LINE_FORMAT: return logql_read_string(p, &s->text);
    case STAGE_LABEL_FORMAT: return read_formats(p, s);
    case STAGE_DROP:
    case STAGE_KEEP: return read_stage_names(p, s);
    case STAGE_LINE_FILTER:
    case STAGE_LABEL_FILTER:
    case STAGE_UNPACK:
    case STAGE_DECOLORIZE: break;
    }
    return TSDB_OK;
}

enum tsdb_status logql_read_stages(struct logql_parser *p, struct arena_list *stages,
                                   struct logql_pipe *pipe)
{
    while (is_line_filter(p) || logql_is(p, LOGQL_PIPE)) {
        uint32_t begin = p->token.at;
        bool is_line = is_line_filter(p);
        if (!is_line) {
            logql_advance(p);
            pipe->has_unwrap = logql_accept(p, LOGQL_UNWRAP);
            if (pipe->has_unwrap)
                return TSDB_OK;
        }
        if (stages->count == LOGQL_STAGES_MAX)
            return fault_at(p->err, p->source, begin, "query has more than %d stages",
                            LOGQL_STAGES_MAX);
        struct stage *s = LOGQL_PUSH(p, stages, struct stage);
        if (!s)
            return p->status;
        s->begin = begin;
        enum tsdb_status st = is_line ? read_line_filter(p, s) : read_stage(p, s);
        if (st != TSDB_OK)
            return st;
        s->end = p->end;
    }
    return TSDB_OK;
}
