/* parser.h - the state of one parse, shared by the files that read LogQL.
 *
 * Recursive descent with one token of lookahead.  parser.c reads expressions and their
 * operators, parser_range.c range aggregations with unwrap, parser_stages.c pipelines,
 * parser_labels.c selectors, lists of names and label filters.
 *
 * Three kinds of fault: what the lexer cannot read becomes a token, so that an earlier
 * syntax error is reported first; a syntax error ends the parse; what is wrong with a
 * well-formed part (logql_defer) is reported when all of the text has been read, the first
 * such part of it.
 * Depth: parentheses and right-hand sides nest at most LOGQL_NESTING_MAX deep, trees are
 * at most EXPR_HEIGHT_MAX high; the canonical text of such a tree nests no deeper.
 */
#ifndef TSDB_LOGQL_PARSER_H
#define TSDB_LOGQL_PARSER_H

#include "tsdb/logql/lexer.h"

enum { LOGQL_NESTING_MAX = 2 * EXPR_HEIGHT_MAX + 8 };

struct logql_parser {
    struct tsdb_text source; /* in the arena */
    struct logql_lexer lexer;
    struct logql_token token; /* the next one */
    bool is_fault;            /* ... cannot be read; fault says why */
    struct tsdb_error fault;
    uint32_t end; /* of the last token taken */
    uint32_t depth, regex_count;
    struct arena *arena;
    expr_open_fn *open;
    struct tsdb_error *err;
    bool is_deferred; /* deferred says what is wrong with the finished tree */
    struct tsdb_error deferred;
    enum tsdb_status status; /* of the failure, for callers of logql_list_push */
};

void logql_advance(struct logql_parser *p);
bool logql_is(const struct logql_parser *p, enum logql_token_kind kind);
bool logql_is_binary(const struct logql_parser *p, enum binary_op op);
/* Takes the token if it is of that kind. */
bool logql_accept(struct logql_parser *p, enum logql_token_kind kind);
/* ... and fails if it is not; expecting: for the message, may be NULL. */
TSDB_NODISCARD enum tsdb_status logql_expect(struct logql_parser *p, enum logql_token_kind kind,
                                             const char *expecting);

/* "syntax error: unexpected TOKEN, expecting ..."; expecting may be NULL. */
enum tsdb_status logql_unexpected(struct logql_parser *p, const char *expecting);
enum tsdb_status logql_full(struct logql_parser *p);
/* "parse error : ...", when the text is at its end. */
void logql_defer(struct logql_parser *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* One level deeper; the caller subtracts from p->depth. */
TSDB_NODISCARD enum tsdb_status logql_enter(struct logql_parser *p);

/* One more zeroed item, or NULL: then p->status says why, and it is reported. */
void *logql_list_push(struct logql_parser *p, struct arena_list *list, size_t size, size_t align);
#define LOGQL_PUSH(p, list, type)                                                                  \
    ((type *)logql_list_push((p), (list), sizeof(type), alignof(type)))

/* The token is a string; takes it, unquoted. */
TSDB_NODISCARD enum tsdb_status logql_read_string(struct logql_parser *p, struct tsdb_text *out);
/* "5", "-5": a number with its sign. */
TSDB_NODISCARD enum tsdb_status logql_read_number(struct logql_parser *p, double *out);
TSDB_NODISCARD enum tsdb_status logql_node_new(struct logql_parser *p, enum expr_kind kind,
                                               uint32_t begin, struct expr **out);

/* How tightly an operator binds. */
uint32_t logql_precedence(enum binary_op op);

/* parser_labels.c */
/* "{a="b", ...}". */
TSDB_NODISCARD enum tsdb_status logql_read_selector(struct logql_parser *p, struct log_expr *out);
/* Does some matcher refuse the empty text?  If none does, it is deferred. */
void logql_check_selector(struct logql_parser *p, const struct log_expr *e);
/* Deferred when it does not compile. */
void logql_check_regex(struct logql_parser *p, struct tsdb_text regex, const char *where);
/* A label's name; also a keyword, where nothing but a name can stand. */
TSDB_NODISCARD enum tsdb_status logql_read_name(struct logql_parser *p, struct tsdb_text *out,
                                                const char *expecting);
/* = != =~ !~ and a string, after the name. */
TSDB_NODISCARD enum tsdb_status logql_read_match(struct logql_parser *p, struct expr_matcher *m);
/* "(a, b)", also "()". */
TSDB_NODISCARD enum tsdb_status logql_read_names(struct logql_parser *p, struct expr_names *out);
/* "a="b" and (c > 5 or d <= 1KiB)". */
TSDB_NODISCARD enum tsdb_status logql_read_label_filter(struct logql_parser *p,
                                                        const struct label_filter **out);
/* ip("..."): the word is taken. */
TSDB_NODISCARD enum tsdb_status logql_read_ip(struct logql_parser *p, struct tsdb_text *out);

/* parser_stages.c */
struct logql_pipe {
    bool has_unwrap; /* "| unwrap" came: both are taken, the label follows */
};
/* Stages up to what is none, or up to an unwrap; appends them to the list. */
TSDB_NODISCARD enum tsdb_status logql_read_stages(struct logql_parser *p, struct arena_list *stages,
                                                  struct logql_pipe *pipe);

/* parser_range.c */
/* "rate({...} [5m])" and its like: the token is a range operation. */
TSDB_NODISCARD enum tsdb_status logql_read_range(struct logql_parser *p, struct expr **out);
bool logql_is_grouping(const struct logql_parser *p);
/* "by (a)", "without (a)". */
TSDB_NODISCARD enum tsdb_status logql_read_grouping(struct logql_parser *p, bool *is_without,
                                                    struct expr_names *out);

/* format.c */
const char *logql_range_op_name(enum range_op op);
/* The one line of a leaf. */
void logql_format_range(const struct expr *e, struct writer *out);

#endif
