/* ast.h - LogQL as a tree, and the parser that makes it.
 *
 *   text --parser--> struct logql:  a log query      struct log_expr
 *                                   a metric query   struct expr (tsdb/query/ast.h) whose
 *                                                    leaves are EXPR_FOREIGN: struct log_range
 *
 * Metric queries are PromQL's trees, so that PromQL's operators evaluate them: sum by (x),
 * binary operators and matching, label_replace, vector(), sort, topk and numbers are the
 * same nodes.  Only range aggregations over logs are LogQL's own.
 *
 * The language is Loki 3's (https://grafana.com/docs/loki/latest/query/).  Everything lives
 * in the arena; texts are unquoted.  Depth is limited to EXPR_HEIGHT_MAX, stages to
 * LOGQL_STAGES_MAX, lists to EXPR_LIST_MAX, text to EXPR_TEXT_MAX; beyond: TSDB_EINVAL.
 *
 * What Loki settles when it parses: parentheses are not kept (the tree says it), a
 * comparison of two numbers is one with `bool`, approx_topk is topk, and label filters
 * bind as in its grammar: `or` weaker than `and`; a comma or a blank takes all that
 * follows as its right side ("a or b, c" is "a or (b, c)").  Beyond Loki: keywords are
 * names wherever only a name can stand, {json="x"}.
 */
#ifndef TSDB_LOGQL_AST_H
#define TSDB_LOGQL_AST_H

#include "tsdb/base/arena.h"
#include "tsdb/base/writer.h"
#include "tsdb/query/ast.h"

enum { LOGQL_STAGES_MAX = 128 };

/* ---- filters -------------------------------------------------------------------- */

enum line_op {
    LINE_CONTAINS,    /* |= */
    LINE_LACKS,       /* != */
    LINE_MATCHES,     /* |~ */
    LINE_MATCHES_NOT, /* !~ */
    LINE_PATTERN,     /* |> */
    LINE_PATTERN_NOT, /* !> */
};

struct line_operand {
    struct tsdb_text text;
    bool is_ip; /* ip("...") */
};

/* Of |= |~ |>: passes when any operand does; of the negated: when none does. */
struct line_filter {
    enum line_op op;
    const struct line_operand *operands; /* joined by `or` */
    uint32_t count;
};

enum label_test {
    LABEL_AND, /* of left and right: "and", a comma, or a blank */
    LABEL_OR,
    LABEL_STRING, /* matcher */
    LABEL_IP,     /* matcher.kind EXPR_EQUAL or EXPR_NOT_EQUAL, value an address, range or CIDR */
    LABEL_NUMBER,
    LABEL_DURATION, /* number: seconds */
    LABEL_BYTES,    /* number: bytes */
};

struct label_filter {
    enum label_test test;
    const struct label_filter *left, *right;
    struct expr_matcher matcher; /* the name in every leaf; matches_empty is of selectors only */
    enum binary_op compare;      /* NUMBER, DURATION, BYTES */
    double number;
    struct tsdb_text number_text; /* as written, with its sign: "250ms", "1KiB", "-3" */
};

/* ---- stages --------------------------------------------------------------------- */

enum stage_kind {
    STAGE_LINE_FILTER,
    STAGE_LABEL_FILTER,
    STAGE_JSON,
    STAGE_LOGFMT,
    STAGE_PATTERN,
    STAGE_REGEXP,
    STAGE_UNPACK,
    STAGE_LINE_FORMAT,
    STAGE_LABEL_FORMAT,
    STAGE_DECOLORIZE,
    STAGE_DROP,
    STAGE_KEEP,
};

/* json a="x.y[0]", b   logfmt a="key": the label and what it is taken from. */
struct stage_extract {
    struct tsdb_text label, path;
};

/* label_format a=b (rename), a="{{...}}" (template). */
struct stage_format {
    struct tsdb_text label, value;
    bool is_rename;
};

/* drop a, b="x"   keep c=~"y": a name, perhaps with a condition. */
struct stage_name {
    bool has_matcher;
    struct expr_matcher matcher; /* the name always */
};

struct stage {
    enum stage_kind kind;
    uint32_t begin, end;         /* bytes of the source */
    bool is_strict, keeps_empty; /* logfmt --strict, --keep-empty */
    uint32_t count;              /* of extracts, formats or names */
    union {
        struct line_filter line;
        const struct label_filter *label;
        const struct stage_extract *extracts; /* JSON, LOGFMT; count 0: everything */
        struct tsdb_text text;                /* PATTERN, REGEXP, LINE_FORMAT */
        const struct stage_format *formats;
        const struct stage_name *names;
    };
};

struct log_expr {
    const struct expr_matcher *matchers; /* at least one that refuses "" */
    uint32_t matcher_count, stage_count;
    const struct stage *stages;
};

/* ---- range aggregations ------------------------------------------------------------ */

enum range_op {
    RANGE_COUNT,        /* count_over_time */
    RANGE_RATE,         /* of entries; with unwrap: sum per second */
    RANGE_RATE_COUNTER, /* unwrap only, as PromQL's rate */
    RANGE_BYTES,        /* bytes_over_time */
    RANGE_BYTES_RATE,
    RANGE_ABSENT,
    RANGE_SUM, /* from here on: unwrap only */
    RANGE_AVG,
    RANGE_MIN,
    RANGE_MAX,
    RANGE_STDVAR,
    RANGE_STDDEV,
    RANGE_QUANTILE,
    RANGE_FIRST,
    RANGE_LAST,
};

enum unwrap_convert { UNWRAP_NUMBER, UNWRAP_DURATION /* seconds */, UNWRAP_BYTES };

struct log_range {
    enum range_op op;
    double parameter; /* RANGE_QUANTILE */
    const struct log_expr *logs;
    int64_t range, offset; /* ns */
    bool has_unwrap;
    enum unwrap_convert convert;
    struct tsdb_text unwrap;           /* label */
    const struct label_filter **after; /* filters behind unwrap */
    uint32_t after_count;
    bool has_grouping, is_without; /* avg_over_time(...) by (a), unwrap ones only */
    struct expr_names grouping;
};

struct logql {
    const struct log_expr *logs; /* NULL: a metric query */
    struct expr *metric;
};

/* Parses and checks types.  open: set in every EXPR_FOREIGN leaf; NULL when nothing will be
 * evaluated.  TSDB_EINVAL: err holds "parse error at line L, col C: ..." or, of what is
 * wrong with a whole part, "parse error : ...", as near to Loki's texts as it is sensible:
 * a selector without a matcher that refuses "", unwrap where it must or must not be,
 * parameters and groupings.  Regular expressions are compiled in selectors and
 * label_replace only: line filters, stages and label filters are pipeline_new's to check.
 * TSDB_ELIMIT: the arena is full. */
TSDB_NODISCARD enum tsdb_status logql_parse(struct tsdb_text text, struct arena *arena,
                                            expr_open_fn *open, struct logql *out,
                                            struct tsdb_error *err);
/* A lone stream selector {...}; an empty one {} is taken here. */
TSDB_NODISCARD enum tsdb_status logql_parse_selector(struct tsdb_text text, struct arena *arena,
                                                     struct log_expr *out, struct tsdb_error *err);
/* The canonical text: one line as Loki prints its trees, or pretty as its format_query lays
 * it out (a part is split when its line would pass 100 bytes).  Reads back as the same tree. */
void logql_format(const struct logql *q, struct writer *out, bool is_pretty);

/* Durations "1h30m", "-250ms", "1.5s" to seconds and sizes "1KiB", "10MB", "42" to whole
 * bytes as Go's time.ParseDuration and humanize.ParseBytes read them; false, and nothing
 * written, when they are none. */
bool logql_duration(struct tsdb_text text, double *seconds);
/* As Go's Duration.Seconds rounds. */
double logql_seconds(int64_t ns);
bool logql_bytes(struct tsdb_text text, double *bytes);

#endif
