#include "tsdb/query/parser.h"

#include "tsdb/base/regex.h"
#include "tsdb/base/text.h"
#include "tsdb/query/quote.h"
#include "tsdb/query/typecheck.h"

bool token_is_metric(const struct token *t)
{
    switch (t->kind) {
    case TOKEN_IDENTIFIER:
    case TOKEN_METRIC:
    case TOKEN_AGGREGATE:
    case TOKEN_BY:
    case TOKEN_WITHOUT:
    case TOKEN_OFFSET:
    case TOKEN_SMOOTHED:
    case TOKEN_ANCHORED:
    case TOKEN_FILL:
    case TOKEN_START:
    case TOKEN_END:
    case TOKEN_STEP: return true;
    case TOKEN_BINARY: return binary_op_is_set((enum binary_op)t->code);
    case TOKEN_EOF:
    case TOKEN_NUMBER:
    case TOKEN_DURATION:
    case TOKEN_STRING:
    case TOKEN_LEFT_PAREN:
    case TOKEN_RIGHT_PAREN:
    case TOKEN_LEFT_BRACE:
    case TOKEN_RIGHT_BRACE:
    case TOKEN_LEFT_BRACKET:
    case TOKEN_RIGHT_BRACKET:
    case TOKEN_COMMA:
    case TOKEN_COLON:
    case TOKEN_EQUAL:
    case TOKEN_MATCH:
    case TOKEN_NOT_MATCH:
    case TOKEN_AT:
    case TOKEN_BOOL:
    case TOKEN_ON:
    case TOKEN_IGNORING:
    case TOKEN_GROUP_LEFT:
    case TOKEN_GROUP_RIGHT: break;
    }
    return false;
}

static struct expr_matcher name_matcher(struct tsdb_text name)
{
    return (struct expr_matcher){EXPR_MATCH_EQUAL, name.len == 0, text_of("__name__"), name};
}

static bool accept_match(struct parser *p, enum expr_match *out)
{
    if (parser_is(p, TOKEN_EQUAL))
        *out = EXPR_MATCH_EQUAL;
    else if (parser_is(p, TOKEN_MATCH))
        *out = EXPR_MATCH_REGEX;
    else if (parser_is(p, TOKEN_NOT_MATCH))
        *out = EXPR_MATCH_NOT_REGEX;
    else if (parser_is_binary(p, BINARY_NE))
        *out = EXPR_MATCH_NOT_EQUAL;
    else
        return false;
    parser_advance(p);
    return true;
}

/* Learns whether the empty text matches; compiles the expression if it is one. */
static enum tsdb_status settle_matcher(struct parser *p, struct expr_matcher *m, uint32_t at)
{
    bool is_equal = m->kind == EXPR_MATCH_EQUAL || m->kind == EXPR_MATCH_REGEX;
    bool is_empty = m->value.len == 0;
    if (m->kind == EXPR_MATCH_REGEX || m->kind == EXPR_MATCH_NOT_REGEX) {
        static const char prefix[] = "regular expression: ";
        struct tsdb_error why;
        struct regex *re;
        if (p->regex_count++ == EXPR_REGEX_MAX)
            return promql_fail(p->err, p->source, at, "expression has more than %d regexps",
                               EXPR_REGEX_MAX);
        if (regex_new(m->value, &re, &why) != TSDB_OK) {
            bool has_prefix = strncmp(why.msg, prefix, sizeof prefix - 1) == 0;
            return promql_fail(p->err, p->source, at, "error parsing regexp: %s",
                               why.msg + (has_prefix ? sizeof prefix - 1 : 0));
        }
        is_empty = regex_match(re, text_of(""));
        regex_free(re);
    }
    m->matches_empty = is_equal == is_empty;
    return TSDB_OK;
}

/* name op "value", "name" op "value", or "metric name". */
static enum tsdb_status parse_matcher(struct parser *p, struct expr_matcher *m)
{
    static const char context[] = "label matching";
    bool is_string = parser_is(p, TOKEN_STRING);
    uint32_t at = p->token.at;
    enum tsdb_status st;
    if (is_string) {
        st = parse_string(p, &m->name);
        if (st != TSDB_OK)
            return st;
    } else if (parser_is(p, TOKEN_IDENTIFIER)) {
        m->name = p->token.text;
        parser_advance(p);
    } else {
        return parser_unexpected(p, context, "identifier or \"}\"");
    }
    if (!accept_match(p, &m->kind)) {
        if (!is_string)
            return parser_unexpected(p, context, "label matching operator");
        *m = name_matcher(m->name);
        return TSDB_OK;
    }
    if (!parser_is(p, TOKEN_STRING))
        return parser_unexpected(p, context, "string");
    st = parse_string(p, &m->value);
    return st == TSDB_OK ? settle_matcher(p, m, at) : st;
}

/* The left brace is taken. */
static enum tsdb_status parse_matchers(struct parser *p, struct arena_list *matchers)
{
    while (!parser_is(p, TOKEN_RIGHT_BRACE)) {
        struct expr_matcher *m = LIST_PUSH(p, matchers, struct expr_matcher);
        if (!m)
            return p->status;
        enum tsdb_status st = parse_matcher(p, m);
        if (st != TSDB_OK)
            return st;
        if (!parser_accept(p, TOKEN_COMMA) && !parser_is(p, TOKEN_RIGHT_BRACE))
            return parser_unexpected(p, "label matching", "\",\" or \"}\"");
    }
    parser_advance(p);
    return TSDB_OK;
}

enum tsdb_status parse_selector(struct parser *p, const struct token *name, struct expr **out)
{
    struct arena_list matchers = {0};
    struct expr *e;
    enum tsdb_status st = node_new(p, EXPR_SELECTOR, name ? name->at : p->token.at, &e);
    if (st != TSDB_OK)
        return st;
    if (parser_accept(p, TOKEN_LEFT_BRACE))
        st = parse_matchers(p, &matchers);
    if (st != TSDB_OK)
        return st;
    if (name) {
        struct expr_matcher *m = LIST_PUSH(p, &matchers, struct expr_matcher);
        if (!m)
            return p->status;
        *m = name_matcher(name->text);
        e->selector.name = name->text;
    }
    e->selector.matchers = matchers.at;
    e->selector.matcher_count = matchers.count;
    e->end = p->end;
    node_settle(e);
    *out = e;
    return TSDB_OK;
}

/* Words that mean something elsewhere are names here. */
static bool token_is_label(const struct token *t)
{
    return t->is_word && t->kind != TOKEN_NUMBER && t->kind != TOKEN_WITHOUT;
}

static enum tsdb_status parse_name(struct parser *p, struct tsdb_text *out)
{
    uint32_t at = p->token.at;
    if (parser_is(p, TOKEN_STRING)) {
        enum tsdb_status st = parse_string(p, out);
        if (st != TSDB_OK)
            return st;
        if (out->len == 0 || !utf8_check(out->at, out->len))
            return promql_fail(p->err, p->source, at, "invalid label name for grouping: %s",
                               quoted_text(*out, SIZE_MAX).at);
        return TSDB_OK;
    }
    if (p->is_fault || !token_is_label(&p->token))
        return parser_unexpected(p, "grouping opts", "label");
    *out = p->token.text;
    parser_advance(p);
    return TSDB_OK;
}

enum tsdb_status parse_names(struct parser *p, struct expr_names *out)
{
    struct arena_list names = {0};
    if (!parser_accept(p, TOKEN_LEFT_PAREN))
        return parser_unexpected(p, "grouping opts", "\"(\"");
    while (!parser_is(p, TOKEN_RIGHT_PAREN)) {
        struct tsdb_text *name = LIST_PUSH(p, &names, struct tsdb_text);
        if (!name)
            return p->status;
        enum tsdb_status st = parse_name(p, name);
        if (st != TSDB_OK)
            return st;
        if (!parser_accept(p, TOKEN_COMMA) && !parser_is(p, TOKEN_RIGHT_PAREN))
            return parser_unexpected(p, "grouping opts", "\",\" or \")\"");
    }
    parser_advance(p);
    *out = (struct expr_names){names.at, names.count};
    return TSDB_OK;
}
