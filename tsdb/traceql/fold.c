#include "tsdb/traceql/fold.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <math.h>

static double number_of(const struct traceql_value *v)
{
    return v->type == TRACEQL_FLOAT ? v->number : (double)v->integer;
}

static struct traceql_value bool_of(bool is_true)
{
    return (struct traceql_value){.type = TRACEQL_BOOL, .integer = is_true};
}

static struct traceql_value int_of(uint64_t wrapped)
{
    return (struct traceql_value){.type = TRACEQL_INT, .integer = (int64_t)wrapped};
}

static const char *float_of(double number, struct traceql_value *out)
{
    if (!isfinite(number))
        return "the value is not finite";
    *out = (struct traceql_value){.type = TRACEQL_FLOAT, .number = number};
    return NULL;
}

/* As a double computes it, saturated. */
static struct traceql_value int_power(int64_t base, int64_t exponent)
{
    double power = pow((double)base, (double)exponent);
    if (power >= 0x1p63 || isnan(power))
        return int_of((uint64_t)INT64_MAX);
    if (power <= -0x1p63)
        return int_of((uint64_t)INT64_MIN);
    return int_of((uint64_t)(int64_t)power);
}

static const char *int_math(enum traceql_op op, int64_t a, int64_t b, struct traceql_value *out)
{
    if ((op == TRACEQL_DIV || op == TRACEQL_MOD) && b == 0)
        return "division by zero";
    uint64_t left = (uint64_t)a, right = (uint64_t)b;
    switch ((int)op) {
    case TRACEQL_ADD: *out = int_of(left + right); break;
    case TRACEQL_SUB: *out = int_of(left - right); break;
    case TRACEQL_MUL: *out = int_of(left * right); break;
    case TRACEQL_DIV: *out = int_of(b == -1 ? 0 - left : (uint64_t)(a / b)); break;
    case TRACEQL_MOD: *out = int_of(b == -1 ? 0 : (uint64_t)(a % b)); break;
    case TRACEQL_POW: *out = int_power(a, b); break;
    default: UNREACHABLE();
    }
    return NULL;
}

static const char *float_math(enum traceql_op op, double a, double b, struct traceql_value *out)
{
    switch ((int)op) {
    case TRACEQL_ADD: return float_of(a + b, out);
    case TRACEQL_SUB: return float_of(a - b, out);
    case TRACEQL_MUL: return float_of(a * b, out);
    case TRACEQL_DIV: return float_of(a / b, out);
    case TRACEQL_MOD: return float_of(fmod(a, b), out);
    case TRACEQL_POW: return float_of(pow(a, b), out);
    default: UNREACHABLE();
    }
}

static int order_of(const struct traceql_value *a, const struct traceql_value *b)
{
    if (a->type == TRACEQL_STRING)
        return text_compare(a->text, b->text);
    if (a->type == TRACEQL_FLOAT || b->type == TRACEQL_FLOAT)
        return (number_of(a) > number_of(b)) - (number_of(a) < number_of(b));
    return (a->integer > b->integer) - (a->integer < b->integer);
}

const char *fold_binary(enum traceql_op op, const struct traceql_value *left,
                        const struct traceql_value *right, const struct regex *regex,
                        struct traceql_value *out)
{
    switch (op) {
    case TRACEQL_OR: *out = bool_of(left->integer || right->integer); return NULL;
    case TRACEQL_AND: *out = bool_of(left->integer && right->integer); return NULL;
    case TRACEQL_EQ: *out = bool_of(order_of(left, right) == 0); return NULL;
    case TRACEQL_NE: *out = bool_of(order_of(left, right) != 0); return NULL;
    case TRACEQL_LT: *out = bool_of(order_of(left, right) < 0); return NULL;
    case TRACEQL_LE: *out = bool_of(order_of(left, right) <= 0); return NULL;
    case TRACEQL_GT: *out = bool_of(order_of(left, right) > 0); return NULL;
    case TRACEQL_GE: *out = bool_of(order_of(left, right) >= 0); return NULL;
    case TRACEQL_MATCH: *out = bool_of(regex_match(regex, left->text)); return NULL;
    case TRACEQL_NOT_MATCH: *out = bool_of(!regex_match(regex, left->text)); return NULL;
    case TRACEQL_ADD:
    case TRACEQL_SUB:
    case TRACEQL_MUL:
    case TRACEQL_DIV:
    case TRACEQL_MOD:
    case TRACEQL_POW: break;
    }
    if (left->type == TRACEQL_INT && right->type == TRACEQL_INT)
        return int_math(op, left->integer, right->integer, out);
    return float_math(op, number_of(left), number_of(right), out);
}

struct traceql_value fold_negate(const struct traceql_value *value)
{
    struct traceql_value v = *value;
    if (v.type == TRACEQL_FLOAT)
        v.number = -v.number;
    else
        v.integer = (int64_t)(0 - (uint64_t)v.integer);
    return v;
}
