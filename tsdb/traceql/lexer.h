/* lexer.h - TraceQL text, cut into tokens as they are asked for.
 *
 *   .a  span.http.path  resource."a b"   one ATTRIBUTE; its name runs up to a space or one
 *                                        of {}()=~!<>&|^, so that .a-b/c+1 is one name;
 *                                        in quotes anything may stand, \" and \\ escaped
 *   span:  trace:                        a SCOPE; the intrinsic's word follows
 *   1h30m  1.5s  2d                      a DURATION, as Prometheus or as Go writes it
 *   // and slash-star                    comments
 *
 * Tokens are views of the source; nothing is allocated.  The first fault ends the lexer.
 * Source: the token rules of Tempo 2.10 (https://grafana.com/docs/tempo/latest/traceql/).
 * Precondition: the source is UTF-8 without NUL, of at most TRACEQL_TEXT_MAX bytes.
 */
#ifndef TSDB_TRACEQL_LEXER_H
#define TSDB_TRACEQL_LEXER_H

#include "tsdb/query/fault.h"
#include "tsdb/traceql/ast.h"

enum lex_kind {
    LEX_EOF,
    LEX_WORD,      /* keywords, intrinsics, hints: what it means is seen where it stands */
    LEX_STRING,    /* with its quotes; well-formed */
    LEX_INT,       /* value */
    LEX_FLOAT,     /* value */
    LEX_DURATION,  /* value */
    LEX_ATTRIBUTE, /* place; name: as written, well-formed */
    LEX_SCOPE,     /* "span:" */
    LEX_LEFT_BRACE,
    LEX_RIGHT_BRACE,
    LEX_LEFT_PAREN,
    LEX_RIGHT_PAREN,
    LEX_COMMA,
    LEX_PIPE,
    LEX_NOT,
    LEX_OPERATOR, /* what stands between two operands: op, relation */
};

enum { LEX_NONE = 255 }; /* no such op, or relation */

/* How tightly operators bind; a minus before a field expression is PREC_ADD. */
enum lex_precedence { PREC_BOOL = 1, PREC_COMPARE, PREC_ADD, PREC_NOT, PREC_MUL, PREC_POW };

struct lex_token {
    enum lex_kind kind;
    bool is_parent;     /* ATTRIBUTE: parent.a */
    uint8_t op;         /* OPERATOR between values: enum traceql_op, or LEX_NONE */
    uint8_t relation;   /* ... between span sets: enum traceql_relation, or LEX_NONE */
    uint8_t precedence; /* ... enum lex_precedence */
    uint8_t place;      /* ATTRIBUTE: enum tsdb_trace_place */
    uint32_t at;        /* byte offset of text in the source */
    struct tsdb_text text, name;
    struct traceql_value value;
};

/* Private; initialise with lex_over. */
struct lex {
    struct tsdb_text source;
    uint32_t at;
};

struct lex lex_over(struct tsdb_text source);
TSDB_NODISCARD enum tsdb_status lex_next(struct lex *l, struct lex_token *out,
                                         struct tsdb_error *err);

bool lex_is_word(const struct lex_token *t, const char *word);

/* Whether the name of an attribute can stand without quotes. */
bool lex_name_is_plain(struct tsdb_text name);
/* The name of an ATTRIBUTE without quotes and escapes; out has room for name.len bytes.
 * Returns how many were written. */
size_t lex_name_read(struct tsdb_text name, char *out);

/* How operators are written. */
const char *lex_relation_name(enum traceql_relation relation);
enum lex_precedence lex_op_precedence(enum traceql_op op);
enum lex_precedence lex_relation_precedence(enum traceql_relation relation);

#endif
