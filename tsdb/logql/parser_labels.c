#include "tsdb/logql/parser.h"

#include "tsdb/base/regex.h"
#include "tsdb/base/text.h"

/* ---- names ----------------------------------------------------------------------- */

enum tsdb_status logql_read_name(struct logql_parser *p, struct tsdb_text *out,
                                 const char *expecting)
{
    if (p->is_fault || !p->token.is_word)
        return logql_unexpected(p, expecting);
    *out = p->token.text;
    logql_advance(p);
    return TSDB_OK;
}

enum tsdb_status logql_read_names(struct logql_parser *p, struct expr_names *out)
{
    struct arena_list names = {0};
    enum tsdb_status st = logql_expect(p, LOGQL_LEFT_PAREN, "(");
    if (st == TSDB_OK && logql_accept(p, LOGQL_RIGHT_PAREN))
        return TSDB_OK;
    const char *expecting = "IDENTIFIER or )";
    while (st == TSDB_OK) {
        struct tsdb_text *name = LOGQL_PUSH(p, &names, struct tsdb_text);
        if (!name)
            return p->status;
        st = logql_read_name(p, name, expecting);
        if (st != TSDB_OK || !logql_accept(p, LOGQL_COMMA))
            break;
        expecting = "IDENTIFIER";
    }
    if (st == TSDB_OK)
        st = logql_expect(p, LOGQL_RIGHT_PAREN, ", or )");
    if (st == TSDB_OK)
        *out = (struct expr_names){names.at, names.count};
    return st;
}

/* ---- matchers -------------------------------------------------------------------- */

enum tsdb_status logql_read_match(struct logql_parser *p, struct expr_matcher *m)
{
    if (logql_is(p, LOGQL_EQUAL))
        m->kind = EXPR_MATCH_EQUAL;
    else if (logql_is(p, LOGQL_MATCH))
        m->kind = EXPR_MATCH_REGEX;
    else if (logql_is(p, LOGQL_NOT_MATCH))
        m->kind = EXPR_MATCH_NOT_REGEX;
    else if (logql_is_binary(p, BINARY_NE))
        m->kind = EXPR_MATCH_NOT_EQUAL;
    else
        return logql_unexpected(p, "= or =~ or !~ or !=");
    logql_advance(p);
    return logql_read_string(p, &m->value);
}

/* "error parsing regexp: missing ): (". */
static const char *regex_fault(const struct tsdb_error *why)
{
    static const char prefix[] = "regular expression: ";
    bool has_prefix = strncmp(why->msg, prefix, sizeof prefix - 1) == 0;
    return why->msg + (has_prefix ? sizeof prefix - 1 : 0);
}

void logql_check_regex(struct logql_parser *p, struct tsdb_text regex, const char *where)
{
    struct regex *re;
    struct tsdb_error why;
    if (regex_new(regex, &re, &why) == TSDB_OK)
        regex_free(re);
    else
        logql_defer(p, "invalid regex in %s: error parsing regexp: %s", where, regex_fault(&why));
}

/* Learns whether the empty text matches; compiles the expression if it is one. */
static enum tsdb_status settle_matcher(struct logql_parser *p, struct expr_matcher *m, uint32_t at)
{
    bool is_equal = m->kind == EXPR_MATCH_EQUAL || m->kind == EXPR_MATCH_REGEX;
    bool is_empty = m->value.len == 0;
    if (m->kind == EXPR_MATCH_REGEX || m->kind == EXPR_MATCH_NOT_REGEX) {
        struct tsdb_error why;
        struct regex *re;
        if (p->regex_count++ == EXPR_REGEX_MAX)
            return fault_at(p->err, p->source, at, "query has more than %d regexps",
                            EXPR_REGEX_MAX);
        if (regex_new(m->value, &re, &why) != TSDB_OK)
            return fault_at(p->err, p->source, at, "error parsing regexp: %s", regex_fault(&why));
        is_empty = regex_match(re, text_of(""));
        regex_free(re);
    }
    m->matches_empty = is_equal == is_empty;
    return TSDB_OK;
}

enum tsdb_status logql_read_selector(struct logql_parser *p, struct log_expr *out)
{
    struct arena_list matchers = {0};
    enum tsdb_status st = logql_expect(p, LOGQL_LEFT_BRACE, "{");
    const char *expecting = "IDENTIFIER or }";
    if (st == TSDB_OK && logql_accept(p, LOGQL_RIGHT_BRACE))
        return TSDB_OK;
    while (st == TSDB_OK) {
        uint32_t at = p->token.at;
        struct expr_matcher *m = LOGQL_PUSH(p, &matchers, struct expr_matcher);
        if (!m)
            return p->status;
        st = logql_read_name(p, &m->name, expecting);
        if (st == TSDB_OK)
            st = logql_read_match(p, m);
        if (st == TSDB_OK)
            st = settle_matcher(p, m, at);
        if (st != TSDB_OK || !logql_accept(p, LOGQL_COMMA))
            break;
        expecting = "IDENTIFIER";
    }
    if (st == TSDB_OK)
        st = logql_expect(p, LOGQL_RIGHT_BRACE, "} or ,");
    if (st != TSDB_OK)
        return st;
    out->matchers = matchers.at;
    out->matcher_count = matchers.count;
    return TSDB_OK;
}

void logql_check_selector(struct logql_parser *p, const struct log_expr *e)
{
    for (uint32_t i = 0; i < e->matcher_count; i++)
        if (!e->matchers[i].matches_empty)
            return;
    logql_defer(p, "queries require at least one regexp or equality matcher that does not have an "
                   "empty-compatible value. For instance, app=~\".*\" does not meet this "
                   "requirement, but app=~\".+\" will");
}

/* ---- label filters --------------------------------------------------------------- */

/* A filter and how high it is. */
struct filter {
    const struct label_filter *at;
    uint32_t height;
};

enum { FILTER_OR = 1, FILTER_AND = 2 }; /* how tightly they bind */

enum tsdb_status logql_read_ip(struct logql_parser *p, struct tsdb_text *out)
{
    enum tsdb_status st = logql_expect(p, LOGQL_LEFT_PAREN, "(");
    if (st == TSDB_OK)
        st = logql_read_string(p, out);
    return st == TSDB_OK ? logql_expect(p, LOGQL_RIGHT_PAREN, ")") : st;
}

/* What stands right of the comparison: 5, 5m, 5KiB. */
static enum tsdb_status read_quantity(struct logql_parser *p, struct label_filter *f)
{
    uint32_t begin = p->token.at;
    enum tsdb_status st = TSDB_OK;
    if (logql_is(p, LOGQL_DURATION)) {
        f->test = LABEL_DURATION;
        f->number = logql_seconds(p->token.span);
        logql_advance(p);
    } else if (logql_is(p, LOGQL_BYTES)) {
        f->test = LABEL_BYTES;
        f->number = p->token.bytes;
        logql_advance(p);
    } else {
        f->test = LABEL_NUMBER;
        st = logql_read_number(p, &f->number);
    }
    f->number_text = (struct tsdb_text){p->source.at + begin, p->end - begin};
    return st;
}

/* "name op value". */
static enum tsdb_status read_test(struct logql_parser *p, struct label_filter *f)
{
    f->matcher.name = p->token.text;
    logql_advance(p);
    bool is_equal = logql_is(p, LOGQL_EQUAL), is_unequal = logql_is_binary(p, BINARY_NE);
    bool is_comparison =
        logql_is(p, LOGQL_BINARY) && binary_op_is_comparison((enum binary_op)p->token.code);
    f->matcher.kind = is_unequal ? EXPR_MATCH_NOT_EQUAL : EXPR_MATCH_EQUAL;
    f->compare = is_comparison ? (enum binary_op)p->token.code : BINARY_EQ;
    if (logql_is(p, LOGQL_MATCH) || logql_is(p, LOGQL_NOT_MATCH)) {
        f->test = LABEL_STRING;
        return logql_read_match(p, &f->matcher);
    }
    if (!is_equal && !is_comparison)
        return logql_unexpected(p, NULL);
    logql_advance(p);
    if ((is_equal || is_unequal) && logql_is(p, LOGQL_STRING)) {
        f->test = LABEL_STRING;
        enum tsdb_status st = logql_read_string(p, &f->matcher.value);
        f->matcher.matches_empty = is_equal == (f->matcher.value.len == 0);
        return st;
    }
    if ((is_equal || is_unequal) && logql_accept(p, LOGQL_IP)) {
        f->test = LABEL_IP;
        return logql_read_ip(p, &f->matcher.value);
    }
    return read_quantity(p, f);
}

static enum tsdb_status read_filter(struct logql_parser *p, uint32_t precedence,
                                    struct filter *out);

/* A test, or a filter in parentheses. */
static enum tsdb_status read_operand(struct logql_parser *p, struct filter *out)
{
    enum tsdb_status st;
    if (logql_is(p, LOGQL_LEFT_PAREN)) {
        st = logql_enter(p);
        if (st != TSDB_OK)
            return st;
        logql_advance(p);
        st = read_filter(p, 0, out);
        p->depth--;
        return st == TSDB_OK ? logql_expect(p, LOGQL_RIGHT_PAREN, NULL) : st;
    }
    if (!logql_is(p, LOGQL_IDENTIFIER))
        return logql_unexpected(p, NULL);
    struct label_filter *f = ARENA_ARRAY(p->arena, struct label_filter, 1);
    if (!f)
        return logql_full(p);
    *out = (struct filter){f, 1};
    return read_test(p, f);
}

/* `left` and what follows its operator, which is taken, as one. */
static enum tsdb_status join(struct logql_parser *p, enum label_test test, uint32_t precedence,
                             struct filter *left)
{
    struct filter right = {0};
    enum tsdb_status st = logql_enter(p);
    if (st == TSDB_OK)
        st = read_filter(p, precedence, &right);
    if (st != TSDB_OK)
        return st;
    p->depth--;
    uint32_t height = (left->height > right.height ? left->height : right.height) + 1;
    if (height > EXPR_HEIGHT_MAX)
        return fault_at(p->err, p->source, p->end, "label filter is more than %d levels high",
                        EXPR_HEIGHT_MAX);
    struct label_filter *f = ARENA_ARRAY(p->arena, struct label_filter, 1);
    if (!f)
        return logql_full(p);
    f->test = test;
    f->left = left->at;
    f->right = right.at;
    *left = (struct filter){f, height};
    return TSDB_OK;
}

/* Operators that bind at least as tightly as `precedence`; a comma or a blank always does,
 * and takes everything that follows. */
static enum tsdb_status read_filter(struct logql_parser *p, uint32_t precedence, struct filter *out)
{
    enum tsdb_status st = read_operand(p, out);
    while (st == TSDB_OK) {
        if (logql_accept(p, LOGQL_COMMA) || logql_is(p, LOGQL_IDENTIFIER) ||
            logql_is(p, LOGQL_LEFT_PAREN)) {
            st = join(p, LABEL_AND, 0, out);
        } else if (logql_is_binary(p, BINARY_AND) && precedence <= FILTER_AND) {
            logql_advance(p);
            st = join(p, LABEL_AND, FILTER_AND + 1, out);
        } else if (logql_is_binary(p, BINARY_OR) && precedence <= FILTER_OR) {
            logql_advance(p);
            st = join(p, LABEL_OR, FILTER_OR + 1, out);
        } else {
            break;
        }
    }
    return st;
}

enum tsdb_status logql_read_label_filter(struct logql_parser *p, const struct label_filter **out)
{
    struct filter f = {0};
    enum tsdb_status st = read_filter(p, 0, &f);
    if (st == TSDB_OK)
        *out = f.at;
    return st;
}
