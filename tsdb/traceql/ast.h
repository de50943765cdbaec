/* ast.h - TraceQL as a tree, and the parser that makes it.
 *
 *   text --parser--> struct traceql:  a search        pipeline
 *                                     a metric query  metric, whose leaves are pipelines
 *                                                     that end in a function
 *
 *   { status = error } >> { .a > 1s } | by(resource.service.name) | count() > 2
 *
 *   pipeline
 *    |- SPANSET >>                stage 0
 *    |   |- FILTER                    status = error
 *    |   `- FILTER                    .a > 1s
 *    |- GROUP                     stage 1
 *    `- SCALAR                    stage 2: count() > 2
 *
 * Attributes and intrinsics are numbered: each distinct one is one entry of refs, and the
 * tree names it by its index, so that an evaluator binds columns by number.  Two spellings
 * of an intrinsic (duration, span:duration) are one ref.
 *
 * What is returned is type-checked, regular expressions are compiled, and what does not
 * depend on the span is computed ({ duration > 2 * 1h } compares with a static).  The
 * language has no array literals; that an attribute holds an array is seen when it is read.
 *
 * The language is Tempo's (https://grafana.com/docs/tempo/latest/traceql/), with its
 * precedence: || and && bind alike, then comparisons and structural operators, + -, !,
 * * / %, ^ (to the right); a minus before a field expression binds as + and - do.
 * Beyond Tempo: pipelines in parentheses stand wherever a span set can; scalar filters
 * compare and compute with any number of aggregates.
 *
 * Limits: TRACEQL_TEXT_MAX bytes of text; TRACEQL_HEIGHT_MAX nodes from root to leaf, so
 * that every walk of a tree may recurse, and about twice as many levels of brackets;
 * TRACEQL_LIST_MAX items in a list (attributes of the query, stages, hints, ...),
 * TRACEQL_REGEX_MAX regular expressions.  Beyond: TSDB_EINVAL.
 */
#ifndef TSDB_TRACEQL_AST_H
#define TSDB_TRACEQL_AST_H

#include "tsdb/base/arena.h"
#include "tsdb/base/regex.h"
#include "tsdb/traceql/reference.h"
#include "tsdb/traceql/value.h"

enum {
    TRACEQL_TEXT_MAX = 64 << 10,
    TRACEQL_HEIGHT_MAX = 512,
    TRACEQL_LIST_MAX = 1024,
    TRACEQL_REGEX_MAX = 256,
    TRACEQL_GROUPS_MAX = 5, /* of a metric function; those with buckets: one less */
    TRACEQL_TOP_MAX = 1000, /* compare() */
};

/* ---- field expressions -------------------------------------------------------------- */

enum traceql_field_kind {
    FIELD_STATIC,
    FIELD_REF,
    FIELD_BINARY,
    FIELD_NEGATE,     /* -left */
    FIELD_NOT,        /* !left */
    FIELD_EXISTS,     /* left != nil */
    FIELD_NOT_EXISTS, /* left = nil */
};

struct traceql_field {
    enum traceql_field_kind kind;
    enum traceql_type type; /* implied; ANY when attributes decide */
    enum traceql_op op;     /* BINARY */
    uint32_t at;            /* byte of the source, for messages */
    uint32_t ref;           /* REF: index into refs */
    uint32_t height;
    const struct traceql_field *left, *right;
    struct traceql_value value; /* STATIC */
    /* MATCH, NOT_MATCH: borrowed from struct traceql; right is the STATIC pattern. */
    const struct regex *regex;
};

/* ---- pipelines ------------------------------------------------------------------------ */

enum traceql_aggregate { AGG_COUNT, AGG_MAX, AGG_MIN, AGG_SUM, AGG_AVG };

enum traceql_scalar_kind { SCALAR_STATIC, SCALAR_AGGREGATE, SCALAR_BINARY };

/* A number that a span set has. */
struct traceql_scalar {
    enum traceql_scalar_kind kind;
    enum traceql_type type;
    enum traceql_op op; /* BINARY: arithmetic */
    uint32_t at, height;
    const struct traceql_scalar *left, *right;
    struct traceql_value value; /* STATIC: INT, FLOAT or DURATION */
    enum traceql_aggregate aggregate;
    const struct traceql_field *field; /* AGGREGATE; NULL: count() */
};

/* AND and OR keep the spans of both sides.  The others keep spans of the right side: those
 * that have such a relative (NOT_: have none) on the left; UNION_ ones keep both of a pair. */
enum traceql_relation {
    RELATION_AND,        /* && */
    RELATION_OR,         /* || */
    RELATION_CHILD,      /* >   the right one is a child of the left one */
    RELATION_PARENT,     /* <   the right one is a parent of the left one */
    RELATION_DESCENDANT, /* >> */
    RELATION_ANCESTOR,   /* << */
    RELATION_SIBLING,    /* ~ */
    RELATION_NOT_CHILD,  /* !>  and so on */
    RELATION_NOT_PARENT,
    RELATION_NOT_DESCENDANT,
    RELATION_NOT_ANCESTOR,
    RELATION_NOT_SIBLING, /* !~ */
    RELATION_UNION_CHILD, /* &> and so on */
    RELATION_UNION_PARENT,
    RELATION_UNION_DESCENDANT,
    RELATION_UNION_ANCESTOR,
    RELATION_UNION_SIBLING,
};

enum traceql_spanset_kind { SPANSET_FILTER, SPANSET_RELATION, SPANSET_PIPELINE };

struct traceql_pipeline;

struct traceql_spanset {
    enum traceql_spanset_kind kind;
    enum traceql_relation relation;
    uint32_t at, height;
    const struct traceql_spanset *left, *right;
    const struct traceql_field *field; /* FILTER; {}: the static true */
    const struct traceql_pipeline
        *pipeline; /* in parentheses; it is given what its stage is given */
};

enum traceql_stage_kind {
    TRACEQL_STAGE_SPANSET,
    TRACEQL_STAGE_SCALAR,   /* left op right: a comparison */
    TRACEQL_STAGE_GROUP,    /* by(field) */
    TRACEQL_STAGE_COALESCE, /* coalesce() */
    TRACEQL_STAGE_SELECT,   /* select(refs) */
};

struct traceql_refs {
    const uint32_t *at; /* indices into refs, in the order written, repeats kept */
    uint32_t count;
};

struct traceql_stage {
    enum traceql_stage_kind kind;
    enum traceql_op op; /* SCALAR: EQ to GE */
    uint32_t at;
    union {
        const struct traceql_spanset *spanset;
        struct {
            const struct traceql_scalar *left, *right;
        };
        const struct traceql_field *field;
        struct traceql_refs refs;
    };
};

/* The first stage is given all spans of the trace as one set. */
struct traceql_pipeline {
    const struct traceql_stage *stages;
    uint32_t count; /* at least 1 */
};

/* ---- metrics --------------------------------------------------------------------------- */

enum traceql_function_kind {
    TRACEQL_RATE,
    TRACEQL_COUNT_OVER_TIME,
    TRACEQL_MIN_OVER_TIME,
    TRACEQL_MAX_OVER_TIME,
    TRACEQL_AVG_OVER_TIME,
    TRACEQL_SUM_OVER_TIME,
    TRACEQL_QUANTILE_OVER_TIME,
    TRACEQL_HISTOGRAM_OVER_TIME,
    TRACEQL_COMPARE,
};

struct traceql_function {
    enum traceql_function_kind kind;
    uint32_t at;
    uint32_t ref;            /* MIN_ to HISTOGRAM_OVER_TIME */
    struct traceql_refs by;  /* at most TRACEQL_GROUPS_MAX */
    const double *quantiles; /* QUANTILE_OVER_TIME: 0 to 1, in the order written */
    uint32_t quantile_count;
    const struct traceql_field *selection; /* COMPARE */
    uint32_t top;                          /* COMPARE: 1 to TRACEQL_TOP_MAX; 10 when not said */
    int64_t start, end;                    /* COMPARE: of the selection, ns; 0, 0: not said */
};

enum traceql_metric_kind {
    METRIC_FUNCTION, /* of pipeline */
    METRIC_BINARY,   /* left op right: + - * / */
    METRIC_SCALE,    /* left op value, or value op left: + - * / */
    METRIC_FILTER,   /* keeps left's points that compare so with value: EQ to GE */
    METRIC_TOPK,     /* of left, count series a step */
    METRIC_BOTTOMK,
};

struct traceql_metric {
    enum traceql_metric_kind kind;
    enum traceql_op op;
    uint32_t at, height;
    const struct traceql_metric *left, *right;
    double value;                 /* of durations: seconds */
    struct traceql_value operand; /* value as it was written, for the canonical text */
    bool is_value_left;           /* SCALE */
    uint32_t count;               /* TOPK, BOTTOMK: at least 1 */
    const struct traceql_pipeline *pipeline;
    struct traceql_function function;
};

/* ---- the query --------------------------------------------------------------------------- */

struct traceql_hint {
    struct tsdb_text name;
    struct traceql_value value;
};

struct traceql {
    struct tsdb_text source;                 /* in the arena */
    const struct traceql_pipeline *pipeline; /* a search; NULL: a metric query */
    const struct traceql_metric *metric;
    const struct traceql_ref *refs;
    uint32_t ref_count;
    const struct traceql_hint *hints; /* with (...) */
    uint32_t hint_count;
    struct regex **regexes; /* owned; borrowed by the tree */
    uint32_t regex_count;
};

/* Everything but the regular expressions lies in the arena.  TSDB_EINVAL: err holds "parse
 * error at line L, col C: ...".  TSDB_ELIMIT: the arena is full.  On TSDB_OK the caller
 * calls traceql_release before the arena ends. */
TSDB_NODISCARD enum tsdb_status traceql_parse(struct tsdb_text text, struct arena *arena,
                                              struct traceql *out, struct tsdb_error *err);
/* Of a zeroed struct: a no-op. */
void traceql_release(struct traceql *q);

/* The canonical text, on one line; it reads back as the same tree. */
void traceql_format(const struct traceql *q, struct writer *out);
/* A field expression alone. */
void traceql_field_format(const struct traceql *q, const struct traceql_field *field,
                          struct writer *out);
const char *traceql_function_name(enum traceql_function_kind kind);
/* The first hint of that name and type; NULL: none. */
const struct traceql_value *traceql_hint_find(const struct traceql *q, const char *name,
                                              enum traceql_type type);

#endif
