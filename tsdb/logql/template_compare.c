#include "tsdb/base/text.h"
#include "tsdb/logql/stage_json.h"
#include "tsdb/logql/template_functions.h"

#include <string.h>

/* ---- order ------------------------------------------------------------------------ */

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

/* Of two values of one kind; Go refuses the rest. */
static bool order_of(const struct template_call *c, const struct value *a, const struct value *b,
                     int *order)
{
    if (a->kind != b->kind)
        return template_fail(c->run, "incompatible types for comparison");
    switch (a->kind) {
    case VALUE_TEXT: *order = text_compare(a->text, b->text); return true;
    case VALUE_INT: *order = (a->integer > b->integer) - (a->integer < b->integer); return true;
    case VALUE_FLOAT: *order = (a->number > b->number) - (a->number < b->number); return true;
    case VALUE_NIL:
    case VALUE_BOOL:
    case VALUE_TIME:
    case VALUE_LABELS:
    case VALUE_OBJECT:
    case VALUE_ARRAY: break;
    }
    return template_fail(c->run, "invalid type for comparison");
}

static bool equal(const struct template_call *c, const struct value *a, const struct value *b,
                  bool *is_equal)
{
    int order = 0;
    if (a->kind == VALUE_NIL || b->kind == VALUE_NIL) {
        *is_equal = a->kind == b->kind;
        return true;
    }
    if (a->kind == VALUE_BOOL && b->kind == VALUE_BOOL) {
        *is_equal = a->is_true == b->is_true;
        return true;
    }
    if (a->kind == VALUE_TIME && b->kind == VALUE_TIME) {
        *is_equal = a->time.s == b->time.s && a->time.ns == b->time.ns;
        return true;
    }
    if (!order_of(c, a, b, &order))
        return false;
    *is_equal = order == 0;
    return true;
}

/* eq A B C ...: A is one of the others. */
static bool fn_eq(const struct template_call *c, struct value *out)
{
    bool is_any = false;
    for (uint32_t i = 1; i < c->count && !is_any; i++)
        if (!equal(c, &c->arguments[0], &c->arguments[i], &is_any))
            return false;
    *out = value_bool(is_any);
    return true;
}

static bool fn_ne(const struct template_call *c, struct value *out)
{
    bool is_equal;
    if (!equal(c, &c->arguments[0], &c->arguments[1], &is_equal))
        return false;
    *out = value_bool(!is_equal);
    return true;
}

static bool fn_lt(const struct template_call *c, struct value *out)
{
    int order;
    if (!order_of(c, &c->arguments[0], &c->arguments[1], &order))
        return false;
    *out = value_bool(order < 0);
    return true;
}

static bool fn_le(const struct template_call *c, struct value *out)
{
    int order;
    if (!order_of(c, &c->arguments[0], &c->arguments[1], &order))
        return false;
    *out = value_bool(order <= 0);
    return true;
}

static bool fn_gt(const struct template_call *c, struct value *out)
{
    int order;
    if (!order_of(c, &c->arguments[0], &c->arguments[1], &order))
        return false;
    *out = value_bool(order > 0);
    return true;
}

static bool fn_ge(const struct template_call *c, struct value *out)
{
    int order;
    if (!order_of(c, &c->arguments[0], &c->arguments[1], &order))
        return false;
    *out = value_bool(order >= 0);
    return true;
}

/* ---- logic ------------------------------------------------------------------------ */

/* The first argument that decides, else the last; the walk stops earlier where it can. */
static bool decide(const struct template_call *c, bool on, struct value *out)
{
    for (uint32_t i = 0; i < c->count; i++) {
        *out = c->arguments[i];
        if (value_truth(out, c->run) == on)
            break;
    }
    return true;
}

static bool fn_and(const struct template_call *c, struct value *out)
{
    return decide(c, false, out);
}

static bool fn_or(const struct template_call *c, struct value *out)
{
    return decide(c, true, out);
}

static bool fn_not(const struct template_call *c, struct value *out)
{
    *out = value_bool(!value_truth(&c->arguments[0], c->run));
    return true;
}

/* default FALLBACK [GIVEN] */
static bool fn_default(const struct template_call *c, struct value *out)
{
    bool is_given = c->count > 1 && value_truth(&c->arguments[1], c->run);
    *out = c->arguments[is_given ? 1 : 0];
    return true;
}

/* ---- looking into ----------------------------------------------------------------- */

static bool fn_len(const struct template_call *c, struct value *out)
{
    int64_t n = value_length(&c->arguments[0], c->run);
    if (n < 0)
        return template_fail(c->run, "error calling len: len of type %s",
                             value_type(&c->arguments[0]));
    *out = value_int(n);
    return true;
}

static bool index_one(const struct template_call *c, const struct value *of,
                      const struct value *index, struct value *out)
{
    bool has_names = of->kind == VALUE_LABELS || of->kind == VALUE_OBJECT;
    if (has_names && index->kind == VALUE_TEXT)
        return value_field(of, index->text, c->run, out);
    if (has_names || !is_number(index))
        return template_fail(c->run, "error calling index: value has type %s", value_type(index));
    int64_t i = template_to_int(index);
    if (of->kind == VALUE_TEXT && i >= 0 && (uint64_t)i < of->text.len) {
        *out = value_int((unsigned char)of->text.at[i]);
        return true;
    }
    if (of->kind == VALUE_ARRAY && i >= 0 && value_element(of, (uint64_t)i, c->run, out))
        return true;
    if (of->kind != VALUE_TEXT && of->kind != VALUE_ARRAY)
        return template_fail(c->run, "error calling index: can't index item of type %s",
                             value_type(of));
    return template_fail(c->run, "error calling index: index out of range: %lld", (long long)i);
}

static bool fn_index(const struct template_call *c, struct value *out)
{
    struct value from = c->arguments[0];
    *out = from;
    for (uint32_t i = 1; i < c->count; i++) {
        if (!index_one(c, &from, &c->arguments[i], out))
            return false;
        from = *out;
    }
    return true;
}

/* slice TEXT [FROM [TO]] */
static bool fn_slice(const struct template_call *c, struct value *out)
{
    struct tsdb_text t = c->arguments[0].text;
    int64_t from = c->count > 1 ? c->arguments[1].integer : 0;
    int64_t to = c->count > 2 ? c->arguments[2].integer : (int64_t)t.len;
    if (from < 0 || to < from || to > (int64_t)t.len)
        return template_fail(c->run, "error calling slice: index out of range");
    *out = value_text((struct tsdb_text){t.at + from, (size_t)(to - from)});
    return true;
}

static bool fn_from_json(const struct template_call *c, struct value *out)
{
    if (!value_from_json(c->arguments[0].text, c->run, out))
        *out = (struct value){.kind = VALUE_NIL}; /* as sprig: no value, no error */
    return !c->run->has_failed;
}

static bool fn_line(const struct template_call *c, struct value *out)
{
    *out = value_text(c->line);
    return true;
}

const struct template_function template_compare_functions[] = {
    {"eq", "vvv+", fn_eq, false},        {"ne", "vv", fn_ne, false},
    {"lt", "vv", fn_lt, false},          {"le", "vv", fn_le, false},
    {"gt", "vv", fn_gt, false},          {"ge", "vv", fn_ge, false},
    {"and", "vv+", fn_and, false},       {"or", "vv+", fn_or, false},
    {"not", "v", fn_not, false},         {"default", "vv?", fn_default, false},
    {"len", "v", fn_len, false},         {"index", "vv+", fn_index, false},
    {"slice", "si?i?", fn_slice, false}, {"fromJson", "s", fn_from_json, false},
    {"__line__", "", fn_line, false},    {0},
};
