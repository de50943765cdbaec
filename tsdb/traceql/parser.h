/* parser.h - the state of one parse, shared by the files that read TraceQL.
 *
 * Recursive descent with one token of lookahead; binary operators by precedence.  Types are
 * checked as nodes are made, so that a message points at the operator.
 *
 *   parser.c            tokens, limits, operands, pipelines, the whole
 *   parser_field.c      what stands in {...} and in the parentheses of functions
 *   parser_scalar.c     aggregates, and arithmetic between them and numbers
 *   parser_metric.c     rate() and its like, what follows them, arithmetic between them
 *
 * Outside of {...} the parentheses do not say what is in them: span sets, pipelines, numbers
 * and metrics share operators and precedence.  An operand is any of them; what an operator
 * may join is decided when both sides are known.
 *
 * Depth: an operand or field expression within another counts one; at most
 * TRACEQL_DEPTH_MAX, which the canonical text of any accepted tree stays below.
 */
#ifndef TSDB_TRACEQL_PARSER_H
#define TSDB_TRACEQL_PARSER_H

#include "tsdb/traceql/lexer.h"

enum { TRACEQL_DEPTH_MAX = 2 * TRACEQL_HEIGHT_MAX + 8 };

struct traceql_parser {
    struct lex lexer;
    struct tsdb_text source; /* in the arena */
    struct lex_token token;  /* the next one */
    bool is_fault;           /* ... cannot be read; fault says why */
    struct tsdb_error fault;
    uint32_t depth;
    struct arena *arena;
    struct arena_list refs, regexes, hints;
    struct tsdb_error *err;
    enum tsdb_status status; /* of the failure, for callers of what answers pointers */
};

enum operand_kind {
    OPERAND_SPANSET,
    OPERAND_NUMBER, /* scalar: static */
    OPERAND_SCALAR, /* scalar: with an aggregate in it */
    OPERAND_FILTER, /* stage: a comparison of scalars */
    OPERAND_METRIC,
};

struct operand {
    enum operand_kind kind;
    uint32_t at;
    union {
        const struct traceql_spanset *spanset;
        const struct traceql_scalar *scalar;
        const struct traceql_metric *metric;
        struct traceql_stage stage;
    };
};

/* ---- parser.c ----------------------------------------------------------------------- */

void traceql_advance(struct traceql_parser *p);
bool traceql_is(const struct traceql_parser *p, enum lex_kind kind);
bool traceql_is_op(const struct traceql_parser *p, enum traceql_op op);
bool traceql_is_word(const struct traceql_parser *p, const char *word);
/* Takes the token if it is of that kind. */
bool traceql_accept(struct traceql_parser *p, enum lex_kind kind);
/* ... and fails if it is not; expecting: for the message. */
TSDB_NODISCARD enum tsdb_status traceql_expect(struct traceql_parser *p, enum lex_kind kind,
                                               const char *expecting);
/* "syntax error: unexpected TOKEN, expecting ..."; or why the token cannot be read. */
enum tsdb_status traceql_unexpected(struct traceql_parser *p, const char *expecting);
/* "parse error at line L, col C: ..." */
#define traceql_refuse(p, at, ...) ((p)->status = fault_at((p)->err, (p)->source, at, __VA_ARGS__))
/* One level deeper; the caller subtracts from p->depth. */
TSDB_NODISCARD enum tsdb_status traceql_enter(struct traceql_parser *p);
/* The height of a node above these; a fault when there are too many. */
TSDB_NODISCARD enum tsdb_status traceql_height(struct traceql_parser *p, uint32_t at, uint32_t left,
                                               uint32_t right, uint32_t *out);
/* Zeroed, or NULL: the arena is full, which is reported. */
void *traceql_take(struct traceql_parser *p, size_t size, size_t align);
#define TRACEQL_TAKE(p, type) ((type *)traceql_take((p), sizeof(type), alignof(type)))
/* One more zeroed item, or NULL: reported. */
void *traceql_push(struct traceql_parser *p, struct arena_list *list, size_t size, size_t align);
#define TRACEQL_PUSH(p, list, type) ((type *)traceql_push((p), (list), sizeof(type), alignof(type)))

/* An operand with the operators that bind at least so tightly. */
TSDB_NODISCARD enum tsdb_status traceql_read_operand(struct traceql_parser *p, int precedence,
                                                     struct operand *out);
/* "{...}": the brace is next. */
TSDB_NODISCARD enum tsdb_status traceql_read_filter(struct traceql_parser *p,
                                                    const struct traceql_field **out);

/* ---- parser_field.c ------------------------------------------------------------------ */

TSDB_NODISCARD enum tsdb_status traceql_read_field(struct traceql_parser *p, int precedence,
                                                   const struct traceql_field **out);
/* A static value; the token is one. */
bool traceql_is_static(const struct traceql_parser *p);
TSDB_NODISCARD enum tsdb_status traceql_read_static(struct traceql_parser *p,
                                                    struct traceql_value *out);
/* An attribute or intrinsic, numbered. */
bool traceql_is_ref(const struct traceql_parser *p);
TSDB_NODISCARD enum tsdb_status traceql_read_ref(struct traceql_parser *p, uint32_t *out);
/* "(a, b)" */
TSDB_NODISCARD enum tsdb_status traceql_read_refs(struct traceql_parser *p,
                                                  struct traceql_refs *out);

/* ---- parser_scalar.c ------------------------------------------------------------------ */

bool traceql_is_aggregate(const struct traceql_parser *p);
TSDB_NODISCARD enum tsdb_status traceql_read_aggregate(struct traceql_parser *p,
                                                       struct operand *out);
/* A number, with its sign. */
TSDB_NODISCARD enum tsdb_status traceql_read_number(struct traceql_parser *p, struct operand *out);
/* Of numbers and scalars: arithmetic, or a comparison that makes a FILTER. */
TSDB_NODISCARD enum tsdb_status
traceql_join_scalars(struct traceql_parser *p, const struct lex_token *op,
                     const struct operand *left, const struct operand *right, struct operand *out);
const char *traceql_aggregate_name(enum traceql_aggregate aggregate);

/* ---- parser_metric.c ------------------------------------------------------------------- */

bool traceql_is_function(const struct traceql_parser *p);
/* "topk", "bottomk". */
bool traceql_is_second_stage(const struct traceql_parser *p);
/* "rate() by (...)", of the pipeline. */
TSDB_NODISCARD enum tsdb_status traceql_read_function(struct traceql_parser *p,
                                                      const struct traceql_pipeline *pipeline,
                                                      uint32_t height, struct operand *out);
/* Comparisons, "| topk(5)": as many as there are. */
TSDB_NODISCARD enum tsdb_status traceql_read_second_stages(struct traceql_parser *p,
                                                           struct operand *metric);
/* One of them is a metric, the other too, or a number. */
TSDB_NODISCARD enum tsdb_status
traceql_join_metrics(struct traceql_parser *p, const struct lex_token *op,
                     const struct operand *left, const struct operand *right, struct operand *out);

#endif
