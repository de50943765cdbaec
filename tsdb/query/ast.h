/* ast.h - a parsed PromQL expression.
 *
 * promql_parse makes the tree of one expression in the caller's arena; nothing
 * in it points anywhere else (the source text is copied), nothing is freed
 * singly, and it is immutable once parsed: any number of threads may read it.
 *
 *   sum by (job) (rate(x{a="b"}[5m] offset 1m)) > 3
 *
 *   BINARY >                          types: vector
 *    |- AGGREGATE sum by (job)               vector
 *    |   `- CALL rate                        vector
 *    |       `- MATRIX [5m]                  matrix
 *    |           `- SELECTOR x{a="b"}        vector   time.offset = 1m
 *    `- NUMBER 3                             scalar
 *
 * What promql_parse returns is type-checked: every child has the type its
 * parent needs, calls have as many arguments as their function takes, a MATRIX
 * has a SELECTOR below it, and every regular expression compiles (it is kept as
 * text; the plan compiles it again).
 *
 * Limits: EXPR_TEXT_MAX bytes of text; EXPR_NESTING_MAX levels of brackets,
 * signs and right-hand powers; EXPR_HEIGHT_MAX nodes from root to leaf, so that
 * every walk of a tree may recurse; EXPR_LIST_MAX items in any list; EXPR_REGEX_MAX
 * regular expressions.  Beyond:
 * TSDB_EINVAL.  The arena's own limit: TSDB_ELIMIT.
 *
 * Units: offsets, ranges, steps and @ timestamps are int64 nanoseconds.
 * Grammar, precedence, types and message texts are those of Prometheus 3
 * (https://prometheus.io/docs/prometheus/latest/querying/basics/).
 */
#ifndef TSDB_QUERY_AST_H
#define TSDB_QUERY_AST_H

#include "tsdb/base/arena.h"
#include "tsdb/base/writer.h"
#include "tsdb/query/functions.h"

enum {
    EXPR_TEXT_MAX = 64 << 10,
    EXPR_NESTING_MAX = 128,
    EXPR_HEIGHT_MAX = 512,
    EXPR_LIST_MAX = 4096,
    EXPR_REGEX_MAX = 512, /* each is compiled to check it */
};

enum expr_kind {
    EXPR_NUMBER,
    EXPR_STRING,
    EXPR_SELECTOR,
    EXPR_MATRIX,
    EXPR_SUBQUERY,
    EXPR_UNARY,
    EXPR_PAREN,
    EXPR_BINARY,
    EXPR_AGGREGATE,
    EXPR_CALL,
    EXPR_FOREIGN, /* another language's leaf; PromQL's text never makes one */
};

enum expr_match { EXPR_MATCH_EQUAL, EXPR_MATCH_NOT_EQUAL, EXPR_MATCH_REGEX, EXPR_MATCH_NOT_REGEX };

/* One of a selector's conditions.  x{} is the matcher __name__ = "x". */
struct expr_matcher {
    enum expr_match kind;
    bool matches_empty;           /* also series without the label */
    struct tsdb_text name, value; /* unquoted */
};

/* A list of label names, as written (order and repeats kept). */
struct expr_names {
    const struct tsdb_text *at;
    uint32_t count;
};

enum expr_at { EXPR_AT_NONE, EXPR_AT_TIME, EXPR_AT_START, EXPR_AT_END };

/* When a selector or subquery looks: at `at` (or the evaluation time), minus
 * offset (negative: forward). */
struct expr_time {
    int64_t offset;
    enum expr_at at;
    int64_t at_ts; /* EXPR_AT_TIME */
};

enum binary_op {
    BINARY_ADD,
    BINARY_SUB,
    BINARY_MUL,
    BINARY_DIV,
    BINARY_MOD,
    BINARY_POW,
    BINARY_ATAN2,
    BINARY_EQ,
    BINARY_NE,
    BINARY_LT,
    BINARY_LE,
    BINARY_GT,
    BINARY_GE,
    BINARY_TRIM_UPPER, /* histogram </ scalar: keep the observations below */
    BINARY_TRIM_LOWER, /* histogram >/ scalar: keep those above */
    BINARY_AND,
    BINARY_OR,
    BINARY_UNLESS,
};

enum binary_card {
    CARD_ONE_TO_ONE,
    CARD_MANY_TO_ONE,  /* group_left */
    CARD_ONE_TO_MANY,  /* group_right */
    CARD_MANY_TO_MANY, /* and, or, unless */
};

enum aggregate_op {
    AGGREGATE_SUM,
    AGGREGATE_AVG,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_COUNT,
    AGGREGATE_GROUP,
    AGGREGATE_STDDEV,
    AGGREGATE_STDVAR,
    AGGREGATE_TOPK,
    AGGREGATE_BOTTOMK,
    AGGREGATE_QUANTILE,
    AGGREGATE_COUNT_VALUES,
    AGGREGATE_LIMITK,
    AGGREGATE_LIMIT_RATIO,
};

struct expr_number {
    double value;     /* a duration literal: its seconds */
    bool is_duration; /* written as one: "5m" */
};

struct expr_selector {
    struct tsdb_text name; /* written before the braces; empty: none.  It is also a matcher */
    const struct expr_matcher *matchers;
    uint32_t matcher_count;
    struct expr_time time; /* of a MATRIX's selector: of the matrix */
};

struct expr_matrix {
    const struct expr *selector; /* EXPR_SELECTOR */
    int64_t range;
};

struct expr_subquery {
    const struct expr *expr;
    int64_t range;
    int64_t step; /* 0: the default evaluation interval */
    struct expr_time time;
};

struct expr_unary {
    const struct expr *expr;
    bool is_negative; /* else a plus sign, which does nothing */
};

/* Unless both sides are vectors, matching and include are empty. */
struct expr_binary {
    enum binary_op op;
    bool is_bool; /* "bool" written */
    bool is_on;   /* on (...), else ignoring (...), also when neither is written */
    enum binary_card card;
    struct expr_names matching; /* of on or ignoring */
    struct expr_names include;  /* of group_left or group_right */
    const struct expr *left, *right;
};

struct expr_aggregate {
    enum aggregate_op op;
    bool is_without; /* without (...), else by (...), also when neither is written */
    struct expr_names names;
    const struct expr *parameter; /* topk, bottomk, quantile, limitk, limit_ratio: a scalar;
                                     count_values: a string; else NULL */
    const struct expr *expr;
};

struct expr_call {
    const struct function *function;
    const struct expr *const *arguments;
    uint32_t count;
};

struct expr;
struct eval;
struct grid;
struct op;

/* The operator of a foreign leaf (tsdb/query/eval.h). */
typedef enum tsdb_status expr_open_fn(struct eval *ev, const struct expr *e,
                                      const struct grid *grid, struct op **out,
                                      struct tsdb_error *err);
typedef void expr_format_fn(const struct expr *e, struct writer *out);

/* An instant vector that another language reads from its own store: LogQL's range
 * aggregations, so that sums, binary operators and the like over them are PromQL's. */
struct expr_foreign {
    const void *node;
    expr_open_fn *open;     /* NULL: the tree is only for printing */
    expr_format_fn *format; /* one line */
};

struct expr {
    enum expr_kind kind;
    enum expr_type type;
    uint16_t height;     /* 1: a leaf */
    bool is_invariant;   /* same value at every step of a range query */
    uint32_t begin, end; /* bytes [begin, end) of the source */
    union {
        struct expr_number number;
        struct tsdb_text string;
        struct expr_selector selector;
        struct expr_matrix matrix;
        struct expr_subquery subquery;
        struct expr_unary unary;
        const struct expr *paren;
        struct expr_binary binary;
        struct expr_aggregate aggregate;
        struct expr_call call;
        struct expr_foreign foreign;
    };
};

/* Parses and type-checks.  TSDB_EINVAL: err holds "LINE:COL: parse error: ...",
 * the texts of Prometheus.  *out lives as long as the arena. */
TSDB_NODISCARD enum tsdb_status promql_parse(struct tsdb_text text, struct arena *arena,
                                             struct expr **out, struct tsdb_error *err);
/* The same for a lone instant selector, as match[] takes: no offset, no @. */
TSDB_NODISCARD enum tsdb_status promql_parse_selector(struct tsdb_text text, struct arena *arena,
                                                      struct expr **out, struct tsdb_error *err);

/* The canonical text: one line, or as /api/v1/format_query lays it out (two
 * spaces a level, a node is split when its line would pass 100 bytes). */
void promql_format(const struct expr *e, struct writer *out, bool is_pretty);

/* e without the parentheses around it. */
const struct expr *expr_unwrap(const struct expr *e);

/* Children in source order: aggregate parameter first, a matrix's selector too. */
typedef void expr_fn(void *arg, const struct expr *child);
void expr_each_child(const struct expr *e, expr_fn *fn, void *arg);
/* Every EXPR_SELECTOR in the tree, left to right. */
void expr_selectors(const struct expr *e, expr_fn *fn, void *arg);

/* "1:5" of a byte offset, as messages and annotations print positions. */
struct expr_position {
    uint32_t line, column; /* from 1; bytes */
};
struct expr_position expr_position(struct tsdb_text source, uint32_t offset);

/* As written: "+", "atan2", "unless"; "sum", "count_values". */
const char *binary_op_name(enum binary_op op);
const char *aggregate_op_name(enum aggregate_op op);
bool binary_op_is_comparison(enum binary_op op);
bool binary_op_is_set(enum binary_op op);
/* topk, bottomk, quantile, count_values, limitk, limit_ratio. */
bool aggregate_op_has_parameter(enum aggregate_op op);

/* "LINE:COL: parse error: ..." about the byte at `at` of the source; answers
 * TSDB_EINVAL. */
enum tsdb_status promql_fail(struct tsdb_error *err, struct tsdb_text source, uint32_t at,
                             const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
