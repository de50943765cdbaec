/* parser.h - the state of one parse, shared by the files that read PromQL.
 *
 * Recursive descent with one token of lookahead; binary operators by
 * precedence climbing.  parser.c reads expressions, selector.c names, matchers
 * and label lists, literal.c numbers, durations and strings.
 * A fault of the lexer becomes a token, so that it is reported where the text
 * is wrong first: what comes before it may be wrong as well.
 * Every function reports through p->err and leaves p unusable when it fails.
 */
#ifndef TSDB_QUERY_PARSER_H
#define TSDB_QUERY_PARSER_H

#include "tsdb/query/lexer.h"

struct parser {
    struct tsdb_text source; /* in the arena */
    struct lexer lexer;
    struct token token; /* the next one */
    bool is_fault;      /* ... cannot be read; fault says why */
    struct tsdb_error fault;
    uint32_t end; /* of the last token taken */
    uint32_t depth;
    uint32_t aggregations; /* open around the token */
    uint32_t regex_count;
    struct arena *arena;
    struct tsdb_error *err;
    enum tsdb_status status; /* of the failure, for callers of list_push */
};

/* The next token moves up. */
void parser_advance(struct parser *p);
bool parser_is(const struct parser *p, enum token_kind kind);
bool parser_is_binary(const struct parser *p, enum binary_op op);
/* Takes the token if it is of that kind. */
bool parser_accept(struct parser *p, enum token_kind kind);

/* "unexpected TOKEN in CONTEXT, expected WHAT"; either may be NULL.  Without a
 * context it is that of the innermost construct that Prometheus names. */
enum tsdb_status parser_unexpected(struct parser *p, const char *context, const char *expected);
/* The arena's limit. */
enum tsdb_status parser_full(struct parser *p);
enum tsdb_status parser_fail(struct parser *p, uint32_t at, const char *text);

/* One more zeroed item, or NULL when list or arena are full: then p->status
 * says which, and it is reported. */
void *list_push(struct parser *p, struct arena_list *list, size_t size, size_t align);
#define LIST_PUSH(p, list, type) ((type *)list_push((p), (list), sizeof(type), alignof(type)))

TSDB_NODISCARD enum tsdb_status node_new(struct parser *p, enum expr_kind kind, uint32_t begin,
                                         struct expr **out);

/* selector.c */
/* `x`, `x{...}` or `{...}`; name is the token before, already taken, or NULL. */
TSDB_NODISCARD enum tsdb_status parse_selector(struct parser *p, const struct token *name,
                                               struct expr **out);
/* "(a, b)" of by, without, on, ignoring, group_left, group_right. */
TSDB_NODISCARD enum tsdb_status parse_names(struct parser *p, struct expr_names *out);
/* May the token be a metric's name? */
bool token_is_metric(const struct token *t);

/* literal.c */
/* The token is a number or a duration; takes it. */
TSDB_NODISCARD enum tsdb_status parse_number(struct parser *p, struct expr_number *out);
TSDB_NODISCARD enum tsdb_status parse_string(struct parser *p, struct tsdb_text *out);
/* "@ 12", "@ start()": the @ is taken. */
TSDB_NODISCARD enum tsdb_status parse_at(struct parser *p, const struct expr *of,
                                         struct expr_time *out);
/* "offset -5m": the word is taken. */
TSDB_NODISCARD enum tsdb_status parse_offset(struct parser *p, int64_t *out);
/* A range or step: positive.  context and expected: for the message. */
TSDB_NODISCARD enum tsdb_status parse_range(struct parser *p, const char *context,
                                            const char *expected, int64_t *out);

#endif
