#include "tsdb/traceql/value.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/query/go_duration.h"
#include "tsdb/query/quote.h"

#include <inttypes.h>

const char *traceql_type_name(enum traceql_type type)
{
    static const char *const names[] = {
        [TRACEQL_NIL] = "nil",           [TRACEQL_ANY] = "attribute", [TRACEQL_INT] = "int",
        [TRACEQL_FLOAT] = "float",       [TRACEQL_STRING] = "string", [TRACEQL_BOOL] = "bool",
        [TRACEQL_DURATION] = "duration", [TRACEQL_STATUS] = "status", [TRACEQL_KIND] = "kind",
    };
    return names[type];
}

const char *traceql_op_name(enum traceql_op op)
{
    static const char *const names[] = {
        [TRACEQL_OR] = "||", [TRACEQL_AND] = "&&",       [TRACEQL_EQ] = "=",
        [TRACEQL_NE] = "!=", [TRACEQL_LT] = "<",         [TRACEQL_LE] = "<=",
        [TRACEQL_GT] = ">",  [TRACEQL_GE] = ">=",        [TRACEQL_MATCH] = "=~",
        [TRACEQL_ADD] = "+", [TRACEQL_NOT_MATCH] = "!~", [TRACEQL_SUB] = "-",
        [TRACEQL_MUL] = "*", [TRACEQL_DIV] = "/",        [TRACEQL_MOD] = "%",
        [TRACEQL_POW] = "^",
    };
    return names[op];
}

bool traceql_types_match(enum traceql_type left, enum traceql_type right)
{
    return left == right || left == TRACEQL_ANY || right == TRACEQL_ANY ||
           (traceql_type_is_number(left) && traceql_type_is_number(right));
}

bool traceql_op_takes(enum traceql_op op, enum traceql_type type)
{
    bool is_equality = op == TRACEQL_EQ || op == TRACEQL_NE;
    bool is_order = op >= TRACEQL_LT && op <= TRACEQL_GE;
    switch (type) {
    case TRACEQL_ANY: return true;
    case TRACEQL_INT:
    case TRACEQL_FLOAT:
    case TRACEQL_DURATION: return is_equality || is_order || traceql_op_is_arithmetic(op);
    case TRACEQL_STRING:
        return is_equality || is_order || op == TRACEQL_MATCH || op == TRACEQL_NOT_MATCH;
    case TRACEQL_BOOL: return is_equality || op == TRACEQL_AND || op == TRACEQL_OR;
    case TRACEQL_NIL:
    case TRACEQL_STATUS:
    case TRACEQL_KIND: return is_equality;
    }
    UNREACHABLE();
}

/* With a point or an exponent, so that it does not read as an int. */
static void put_float(double value, struct writer *out)
{
    char text[DOUBLE_TEXT_MAX];
    size_t len = double_format_g(value, text);
    writer_put(out, text, len);
    if (!memchr(text, '.', len) && !memchr(text, 'e', len))
        writer_text(out, ".0");
}

void traceql_value_format(const struct traceql_value *value, struct writer *out)
{
    static const char *const statuses[] = {"unset", "ok", "error"};
    static const char *const kinds[] = {"unspecified", "internal", "server",
                                        "client",      "producer", "consumer"};
    switch (value->type) {
    case TRACEQL_NIL: writer_text(out, "nil"); return;
    case TRACEQL_INT:
        if (value->integer == INT64_MIN) /* its digits would be out of range */
            writer_text(out, "minInt");
        else
            writer_format(out, "%" PRId64, value->integer);
        return;
    case TRACEQL_FLOAT: put_float(value->number, out); return;
    case TRACEQL_STRING: quote_put(out, value->text); return;
    case TRACEQL_BOOL: writer_text(out, value->integer ? "true" : "false"); return;
    case TRACEQL_DURATION: go_duration_format(value->integer, out); return;
    case TRACEQL_STATUS: writer_text(out, statuses[value->integer]); return;
    case TRACEQL_KIND: writer_text(out, kinds[value->integer]); return;
    case TRACEQL_ANY: break;
    }
    UNREACHABLE();
}
