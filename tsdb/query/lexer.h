/* lexer.h - PromQL text, cut into tokens as they are asked for.
 *
 *   STATEMENT --'{'--> BRACES --'}'--> STATEMENT
 *       `--'['--> DURATION --number--> STATEMENT (in brackets, until ']')
 *
 * Inside braces every word is an identifier; after a left bracket only
 * durations and their operators are read.  Spaces and # comments are skipped.
 * Tokens are views of the source; nothing is allocated.  The first fault ends
 * the lexer: its text is that of Prometheus, with position.
 * Precondition: the source has at most EXPR_TEXT_MAX bytes.
 */
#ifndef TSDB_QUERY_LEXER_H
#define TSDB_QUERY_LEXER_H

#include "tsdb/query/ast.h"
#include "tsdb/query/quote.h"

enum token_kind {
    TOKEN_EOF,
    TOKEN_NUMBER,
    TOKEN_DURATION,
    TOKEN_STRING,     /* with its quotes; well-formed */
    TOKEN_IDENTIFIER, /* no colon in it */
    TOKEN_METRIC,     /* with one */
    TOKEN_LEFT_PAREN,
    TOKEN_RIGHT_PAREN,
    TOKEN_LEFT_BRACE,
    TOKEN_RIGHT_BRACE,
    TOKEN_LEFT_BRACKET,
    TOKEN_RIGHT_BRACKET,
    TOKEN_COMMA,
    TOKEN_COLON,
    TOKEN_EQUAL,
    TOKEN_MATCH,     /* =~ */
    TOKEN_NOT_MATCH, /* !~ */
    TOKEN_AT,
    TOKEN_BINARY,    /* code: enum binary_op; a word for and, or, unless, atan2 */
    TOKEN_AGGREGATE, /* code: enum aggregate_op */
    TOKEN_BOOL,
    TOKEN_BY,
    TOKEN_WITHOUT,
    TOKEN_ON,
    TOKEN_IGNORING,
    TOKEN_GROUP_LEFT,
    TOKEN_GROUP_RIGHT,
    TOKEN_OFFSET,
    TOKEN_SMOOTHED,
    TOKEN_ANCHORED,
    TOKEN_FILL, /* fill, fill_left, fill_right */
    TOKEN_START,
    TOKEN_END,
    TOKEN_STEP, /* step, range, max_of, min_of: words of duration arithmetic */
};

struct token {
    enum token_kind kind;
    uint8_t code;
    bool is_word; /* made of letters: may also be a name */
    struct tsdb_text text;
    uint32_t at; /* byte offset of text in the source */
};

enum lexer_mode { LEXER_STATEMENT, LEXER_BRACES, LEXER_DURATION };

/* Private; initialise with lexer_over. */
struct lexer {
    struct tsdb_text source;
    uint32_t at;    /* next byte to read */
    uint32_t start; /* of the token being read */
    enum lexer_mode mode;
    uint32_t paren_depth;
    bool in_brackets, has_colon, has_duration; /* since the left bracket */
};

struct lexer lexer_over(struct tsdb_text source);
TSDB_NODISCARD enum tsdb_status lexer_next(struct lexer *l, struct token *out,
                                           struct tsdb_error *err);

/* How long the string literal is that t begins with; false: `why` says, without a position,
 * what is wrong with it.  For languages that take PromQL's strings. */
bool string_end(struct tsdb_text t, uint32_t *len, struct tsdb_error *why);

/* How messages call a token: `identifier "foo"`, "<op:+>", "end of input". */
struct quoted token_name(const struct token *t);

#endif
