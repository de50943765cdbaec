/* random_expr.h - text of random expressions, well-typed by construction.
 *
 * Covers every node, operator, modifier and literal form, with random spaces
 * and remarks between tokens.  Depth bounds the tree; the same seed gives the
 * same text. */
#ifndef TESTS_TSDB_QUERY_RANDOM_EXPR_H
#define TESTS_TSDB_QUERY_RANDOM_EXPR_H

#include "tsdb/base/random.h"
#include "tsdb/base/writer.h"
#include "tsdb/query/ast.h"

struct maker {
    struct random r;
    struct writer out;
};

static inline uint64_t make_below(struct maker *m, uint64_t n)
{
    return random_below(&m->r, n);
}

#define MAKE_ONE_OF(m, ...)                                                                        \
    make_one_of((m), (const char *const[]){__VA_ARGS__},                                           \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static inline void make_one_of(struct maker *m, const char *const *texts, size_t count)
{
    writer_text(&m->out, texts[make_below(m, count)]);
}

/* A token after whatever blank may stand before it. */
static inline void make_text(struct maker *m, const char *text)
{
    static const char *const blanks[] = {" ", "  ", "\n", "\t", " # x\n", " "};
    writer_text(&m->out, blanks[make_below(m, 6)]);
    writer_text(&m->out, text);
}

static inline void make_number(struct maker *m)
{
    writer_u8(&m->out, ' ');
    if (make_below(m, 4) == 0)
        writer_format(&m->out, "%.17g",
                      (double)random_next(&m->r) / (double)(1 + make_below(m, 1000000)));
    else
        MAKE_ONE_OF(m, "0", "1", "2.5", ".5", "1e3", "1e-9", "0x1f", "017", "1_000", "Inf", "NaN",
                    "5m", "1h30m", "1d", "1y2w", "100ms", "0s");
}

static inline void make_string(struct maker *m)
{
    MAKE_ONE_OF(m, "\"\"", "\"a\"", "'b\\n'", "`c\\d`", "\"\\xff\\u00e9\"", "'\\''",
                "\"\xe2\x98\x83\"", "\"dst\"", "\"{}\"");
}

static inline void make_span(struct maker *m)
{
    if (make_below(m, 4) == 0)
        writer_format(&m->out, "%llu.%03llu", (unsigned long long)make_below(m, 100000),
                      (unsigned long long)(1 + make_below(m, 999)));
    else
        MAKE_ONE_OF(m, "5m", "1h", "90", "0.5", "1h30m", "1d12h", "2w", "100ms", "1e3", "0x10");
}

static inline void make_time(struct maker *m)
{
    uint64_t first = make_below(m, 6);
    for (uint64_t i = 0; i < 2; i++) {
        if (first == i || first == 2) {
            make_text(m, "offset");
            writer_text(&m->out, make_below(m, 3) ? " " : " -");
            make_span(m);
            first = 6;
        } else if (first == 3 + i) {
            make_text(m, "@ ");
            MAKE_ONE_OF(m, "start()", "end( )", "0", "1609746000.123", "-5", "5m");
        }
    }
}

static inline void make_name(struct maker *m)
{
    MAKE_ONE_OF(m, "a", "job", "le", "on", "by", "sum", "\"x.y\"", "'q'", "x:y", "and", "offset");
}

static inline void make_names(struct maker *m)
{
    make_text(m, "(");
    for (uint64_t n = make_below(m, 4); n > 0; n--) {
        make_name(m);
        writer_text(&m->out, n > 1 || make_below(m, 4) == 0 ? "," : "");
    }
    writer_text(&m->out, ")");
}

static inline void make_matchers(struct maker *m)
{
    make_text(m, "{");
    for (uint64_t n = make_below(m, 4); n > 0; n--) {
        MAKE_ONE_OF(m, "a", "job", "\"x.y\"", "by", "nan");
        MAKE_ONE_OF(m, "=\"v\"", "!=\"v\"", "=~\"v|w\"", "!~'v.*'", "=`\\`", " = ''");
        writer_text(&m->out, n > 1 || make_below(m, 4) == 0 ? "," : "");
    }
    writer_text(&m->out, "}");
}

static inline void make_selector(struct maker *m)
{
    writer_u8(&m->out, ' ');
    if (make_below(m, 8) == 0) {
        MAKE_ONE_OF(m, "{__name__=~\"u.+\"}", "{\"a.b\"}", "{\"a.b\",c='d'}", "{x!=''}");
        return;
    }
    MAKE_ONE_OF(m, "up", "x:y:z", "sum", "by", "start", "end", "and", "offset", "step", "_",
                "count");
    if (make_below(m, 2))
        make_matchers(m);
}

static inline void make_vector(struct maker *m, uint32_t depth);

static inline void make_scalar(struct maker *m, uint32_t depth)
{
    switch (depth == 0 ? 0 : make_below(m, 7)) {
    case 1:
        make_text(m, "scalar(");
        make_vector(m, depth - 1);
        make_text(m, ")");
        break;
    case 2: MAKE_ONE_OF(m, " time()", " pi( )", " step()", " start()", " end()"); break;
    case 3:
        make_text(m, "(");
        make_scalar(m, depth - 1);
        make_text(m, ")");
        break;
    case 4:
        make_scalar(m, depth - 1);
        make_text(m, "");
        MAKE_ONE_OF(m, "+", "-", "*", "/", "%", "^", "atan2", "== bool", ">= BOOL");
        make_scalar(m, depth - 1);
        break;
    case 5:
        MAKE_ONE_OF(m, "-", "+");
        make_scalar(m, depth - 1);
        break;
    default: make_number(m); break;
    }
}

static inline void make_matrix(struct maker *m, uint32_t depth)
{
    if (depth == 0 || make_below(m, 2)) {
        make_selector(m);
        writer_text(&m->out, "[");
        make_span(m);
        writer_text(&m->out, "]");
    } else {
        make_text(m, "(");
        make_vector(m, depth - 1);
        writer_text(&m->out, ")[");
        make_span(m);
        writer_text(&m->out, ":");
        if (make_below(m, 2))
            make_span(m);
        writer_text(&m->out, "]");
    }
    make_time(m);
}

static inline void make_binary(struct maker *m, uint32_t depth)
{
    make_vector(m, depth - 1);
    make_text(m, "");
    bool is_set = make_below(m, 4) == 0, is_comparison = !is_set && make_below(m, 3) == 0;
    if (is_set)
        MAKE_ONE_OF(m, "and", "or", "unless", "AND");
    else if (is_comparison)
        MAKE_ONE_OF(m, "==", "!=", "<", "<=", ">", ">=");
    else
        MAKE_ONE_OF(m, "+", "-", "*", "/", "%", "^", "atan2", "</", ">/");
    if (is_comparison && make_below(m, 2))
        make_text(m, "bool");
    if (make_below(m, 2)) {
        bool is_on = make_below(m, 2);
        make_text(m, is_on ? "on" : "ignoring");
        make_names(m);
        if (!is_set && make_below(m, 2)) {
            make_text(m, make_below(m, 2) ? "group_left" : "group_right");
            writer_text(&m->out, make_below(m, 2) ? "(extra)" : "()"); /* or "(x)" is a list */
        }
    }
    make_vector(m, depth - 1);
}

static inline void make_aggregate(struct maker *m, uint32_t depth)
{
    uint64_t form = make_below(m, 3), parameter = make_below(m, 4);
    make_text(m, "");
    if (parameter == 0)
        MAKE_ONE_OF(m, "topk", "bottomk", "quantile", "limitk", "limit_ratio", "TOPK");
    else if (parameter == 1)
        writer_text(&m->out, "count_values");
    else
        MAKE_ONE_OF(m, "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar");
    if (form == 1) {
        make_text(m, make_below(m, 2) ? "by" : "without");
        make_names(m);
    }
    make_text(m, "(");
    if (parameter == 0)
        make_scalar(m, depth - 1);
    if (parameter == 1)
        make_string(m);
    writer_text(&m->out, parameter < 2 ? "," : "");
    make_vector(m, depth - 1);
    make_text(m, ")");
    if (form == 2) {
        make_text(m, make_below(m, 2) ? "by" : "without");
        make_names(m);
    }
}

static inline void make_call(struct maker *m, uint32_t depth)
{
    const struct function *f = function_get((enum function_id)make_below(m, FUNCTION_COUNT));
    while (f->result != TYPE_VECTOR || f->id == FUNCTION_INFO)
        f = function_get((enum function_id)make_below(m, FUNCTION_COUNT));
    uint64_t count = f->argument_count;
    if (f->variadic != 0)
        count = count - 1 + make_below(m, f->variadic > 0 ? (uint64_t)f->variadic + 1 : 4);
    make_text(m, f->name);
    writer_text(&m->out, "(");
    for (uint32_t i = 0; i < count; i++) {
        writer_text(&m->out, i > 0 ? "," : "");
        switch (function_argument_type(f, i)) {
        case TYPE_SCALAR: make_scalar(m, depth - 1); break;
        case TYPE_VECTOR: make_vector(m, depth - 1); break;
        case TYPE_MATRIX: make_matrix(m, depth - 1); break;
        case TYPE_STRING: make_string(m); break;
        }
    }
    make_text(m, ")");
}

static inline void make_vector(struct maker *m, uint32_t depth)
{
    switch (depth == 0 ? 0 : make_below(m, 9)) {
    case 1:
    case 2: make_binary(m, depth); break;
    case 3:
    case 4: make_aggregate(m, depth); break;
    case 5:
    case 6: make_call(m, depth); break;
    case 7:
        make_text(m, "(");
        make_vector(m, depth - 1);
        make_text(m, ")");
        break;
    case 8:
        MAKE_ONE_OF(m, " -", " +", " -");
        make_vector(m, depth - 1);
        break;
    default:
        make_selector(m);
        make_time(m);
        break;
    }
}

/* The text is in m->out. */
static inline void make_expr(struct maker *m, uint32_t depth)
{
    writer_reset(&m->out);
    switch (make_below(m, 10)) {
    case 0: make_scalar(m, depth); break;
    case 1: make_string(m); break;
    case 2: make_matrix(m, depth); break;
    default: make_vector(m, depth); break;
    }
}

#endif
