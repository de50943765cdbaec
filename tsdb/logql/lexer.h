/* lexer.h - LogQL text, cut into tokens as they are asked for.
 *
 * Words are keywords without regard to case, but the name of a function is one only before
 * "(" or a grouping: `sum by (rate) (...)` groups by a label.  A bracket is read with its
 * range as one token: [5m].  A number with a unit behind it is a DURATION or BYTES; a minus
 * sign that touches such a duration belongs to it.  Spaces and # comments are skipped.
 * Tokens are views of the source; nothing is allocated.  The first fault ends the lexer.
 * Source: the token rules of Loki 3 (https://grafana.com/docs/loki/latest/query/).
 * Precondition: the source has at most EXPR_TEXT_MAX bytes.
 */
#ifndef TSDB_LOGQL_LEXER_H
#define TSDB_LOGQL_LEXER_H

#include "tsdb/logql/ast.h"
#include "tsdb/query/fault.h"
#include "tsdb/query/quote.h"

enum logql_token_kind {
    LOGQL_EOF,
    LOGQL_IDENTIFIER,
    LOGQL_STRING, /* with its quotes; well-formed */
    LOGQL_NUMBER, /* whatever begins with a digit; it may still be no number */
    LOGQL_DURATION,
    LOGQL_BYTES,
    LOGQL_SPAN, /* [5m] */
    LOGQL_FLAG, /* --strict, --keep-empty */
    LOGQL_LEFT_BRACE,
    LOGQL_RIGHT_BRACE,
    LOGQL_LEFT_PAREN,
    LOGQL_RIGHT_PAREN,
    LOGQL_COMMA,
    LOGQL_DOT,
    LOGQL_EQUAL,     /* = */
    LOGQL_MATCH,     /* =~ */
    LOGQL_NOT_MATCH, /* !~ */
    LOGQL_LINE,      /* |= |~ |> !>; code: enum line_op */
    LOGQL_PIPE,
    LOGQL_BINARY,    /* code: enum binary_op; != is BINARY_NE */
    LOGQL_RANGE_OP,  /* code: enum range_op */
    LOGQL_AGGREGATE, /* code: enum aggregate_op; approx_topk: LOGQL_APPROX_TOPK */
    LOGQL_SORT,      /* code: 1 for sort_desc */
    LOGQL_VECTOR,
    LOGQL_LABEL_REPLACE,
    LOGQL_CONVERT, /* code: enum unwrap_convert */
    LOGQL_IP,
    LOGQL_STAGE, /* code: enum stage_kind */
    LOGQL_UNWRAP,
    LOGQL_BOOL,
    LOGQL_BY,
    LOGQL_WITHOUT,
    LOGQL_ON,
    LOGQL_IGNORING,
    LOGQL_GROUP_LEFT,
    LOGQL_GROUP_RIGHT,
    LOGQL_OFFSET,
};

enum { LOGQL_APPROX_TOPK = 255 };

struct logql_token {
    enum logql_token_kind kind;
    uint8_t code;
    bool is_word; /* made of letters: may also be a name */
    struct tsdb_text text;
    uint32_t at;  /* byte offset of text in the source */
    int64_t span; /* DURATION, SPAN: ns */
    double bytes; /* BYTES */
};

/* Private; initialise with logql_lexer_over. */
struct logql_lexer {
    struct tsdb_text source;
    uint32_t at, start;
};

struct logql_lexer logql_lexer_over(struct tsdb_text source);
TSDB_NODISCARD enum tsdb_status logql_lexer_next(struct logql_lexer *l, struct logql_token *out,
                                                 struct tsdb_error *err);

/* How messages call a token: "IDENTIFIER", "RATE", "|=", "$end". */
struct quoted logql_token_name(const struct logql_token *t);

#endif
