#include "tsdb/traceql/span_value.h"

#include "tsdb/base/regex.h"
#include "tsdb/base/text.h"
#include "tsdb/query/go_duration.h"

#include <math.h>
#include <string.h>

double span_value_number(const struct span_value *v)
{
    switch (v->type) {
    case TRACEQL_INT:
    case TRACEQL_DURATION: return (double)v->integer;
    case TRACEQL_FLOAT: return v->real;
    default: return (double)NAN;
    }
}

struct span_value span_value_of(const struct tsdb_field *field, struct arena *arena)
{
    switch (field->type) {
    case TSDB_FIELD_STRING: return span_string(field->text);
    case TSDB_FIELD_INT: return span_int(field->integer);
    case TSDB_FIELD_DOUBLE: return span_double(field->real);
    case TSDB_FIELD_BOOL: return span_bool(field->integer != 0);
    case TSDB_FIELD_JSON:
        return field->text.len > 0 && field->text.at[0] == '['
                   ? (struct span_value){.type = SPAN_LIST, .text = field->text}
                   : span_string(field->text);
    default: break;
    }
    bool is_id = field->type == TSDB_FIELD_ID;
    size_t room = is_id ? field->text.len * 2 : (field->text.len + 2) / 3 * 4;
    char *text = ARENA_ARRAY(arena, char, room + 1);
    if (!text)
        return span_nil();
    size_t len = is_id ? hex_encode(field->text.at, field->text.len, text)
                       : base64_encode(field->text.at, field->text.len, text);
    return span_string((struct tsdb_text){text, len});
}

/* ---- lists ----------------------------------------------------------------------------------- */

struct span_list span_list_over(struct tsdb_text json)
{
    struct span_list list = {json.at, json.at + json.len};
    if (json.len > 0 && json.at[0] == '[')
        list.at++;
    else
        list.at = list.end;
    return list;
}

static void put_rune(struct writer *out, uint32_t c)
{
    if (c < 0x80) {
        writer_u8(out, (uint8_t)c);
    } else if (c < 0x800) {
        writer_u8(out, (uint8_t)(0xc0 | c >> 6));
        writer_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        writer_u8(out, (uint8_t)(0xe0 | c >> 12));
        writer_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        writer_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        writer_u8(out, (uint8_t)(0xf0 | c >> 18));
        writer_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        writer_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        writer_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

static uint32_t hex4(const char *at, const char *end)
{
    uint32_t v = 0;
    if (end - at < 4)
        return 0xfffd;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return 0xfffd;
        v = v << 4 | (uint32_t)digit;
    }
    return v;
}

/* One escape, list->at behind its backslash. */
static void put_escape(struct span_list *list, struct writer *out)
{
    static const char plain[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    char c = *list->at++;
    if (c == 'u') {
        uint32_t rune = hex4(list->at, list->end);
        list->at += list->end - list->at < 4 ? list->end - list->at : 4;
        if (rune >= 0xd800 && rune < 0xdc00 && list->end - list->at >= 6 && list->at[0] == '\\' &&
            list->at[1] == 'u') {
            uint32_t low = hex4(list->at + 2, list->end);
            if (low >= 0xdc00 && low < 0xe000) {
                rune = 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00);
                list->at += 6;
            }
        }
        put_rune(out, rune >= 0xd800 && rune < 0xe000 ? 0xfffd : rune);
        return;
    }
    for (const char *p = plain; *p; p += 2)
        if (*p == c)
            c = p[1];
    writer_u8(out, (uint8_t)c);
}

/* list->at is behind the opening quote. */
static struct tsdb_text take_string(struct span_list *list, struct writer *scratch)
{
    const char *from = list->at;
    while (list->at < list->end && *list->at != '"' && *list->at != '\\')
        list->at++;
    if (list->at == list->end || *list->at == '"') {
        struct tsdb_text text = {from, (size_t)(list->at - from)};
        list->at += list->at < list->end;
        return text;
    }
    writer_reset(scratch);
    writer_put(scratch, from, (size_t)(list->at - from));
    while (list->at < list->end && *list->at != '"') {
        char c = *list->at++;
        if (c == '\\' && list->at < list->end)
            put_escape(list, scratch);
        else
            writer_u8(scratch, (uint8_t)c);
    }
    list->at += list->at < list->end;
    return (struct tsdb_text){(const char *)scratch->at, scratch->len};
}

/* Past an array or object, list->at at its bracket. */
static void skip_block(struct span_list *list)
{
    uint32_t depth = 0;
    while (list->at < list->end) {
        char c = *list->at++;
        if (c == '"') {
            for (; list->at < list->end && *list->at != '"'; list->at++)
                list->at += *list->at == '\\' && list->at + 1 < list->end;
            list->at += list->at < list->end;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if ((c == ']' || c == '}') && --depth == 0) {
            return;
        }
    }
}

static struct span_value take_word(struct span_list *list)
{
    const char *from = list->at;
    bool is_real = false;
    while (list->at < list->end && *list->at != ',' && *list->at != ']') {
        is_real |= *list->at == '.' || *list->at == 'e' || *list->at == 'E';
        list->at++;
    }
    struct tsdb_text word = {from, (size_t)(list->at - from)};
    if (text_equal(word, text_of("true")))
        return span_bool(true);
    if (text_equal(word, text_of("false")))
        return span_bool(false);
    double real;
    if (!double_parse(word, &real))
        return span_nil();
    if (is_real)
        return span_double(real);
    bool is_negative = word.len > 0 && word.at[0] == '-';
    uint64_t v = 0;
    for (size_t i = is_negative; i < word.len; i++) {
        if (word.at[i] < '0' || word.at[i] > '9' || v > (UINT64_MAX - 9) / 10)
            return span_double(real);
        v = v * 10 + (uint64_t)(word.at[i] - '0');
    }
    if (v > (uint64_t)INT64_MAX + is_negative)
        return span_double(real);
    return span_int(is_negative ? (int64_t)(0 - v) : (int64_t)v); /* wraps at INT64_MIN */
}

bool span_list_next(struct span_list *list, struct writer *scratch, struct span_value *out)
{
    while (list->at < list->end && (*list->at == ',' || (unsigned char)*list->at <= ' '))
        list->at++;
    if (list->at == list->end || *list->at == ']')
        return false;
    if (*list->at == '"') {
        list->at++;
        *out = span_string(take_string(list, scratch));
    } else if (*list->at == '[' || *list->at == '{') {
        skip_block(list);
        *out = span_nil();
    } else {
        *out = take_word(list);
    }
    return true;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static bool by_sign(enum traceql_op op, int sign)
{
    switch ((int)op) {
    case TRACEQL_EQ: return sign == 0;
    case TRACEQL_NE: return sign != 0;
    case TRACEQL_LT: return sign < 0;
    case TRACEQL_LE: return sign <= 0;
    case TRACEQL_GT: return sign > 0;
    case TRACEQL_GE: return sign >= 0;
    default: return false;
    }
}

static bool compare_doubles(enum traceql_op op, double a, double b)
{
    if (a != a || b != b)
        return op == TRACEQL_NE;
    return by_sign(op, (a > b) - (a < b));
}

static bool compare_numbers(enum traceql_op op, const struct span_value *a,
                            const struct span_value *b, bool is_typed)
{
    if (a->type != TRACEQL_FLOAT && b->type != TRACEQL_FLOAT)
        return by_sign(op, (a->integer > b->integer) - (a->integer < b->integer));
    bool is_duration = a->type == TRACEQL_DURATION || b->type == TRACEQL_DURATION;
    if (is_typed && a->type != b->type && !is_duration)
        return false;
    return compare_doubles(op, span_value_number(a), span_value_number(b));
}

/* What all matches begin with is looked at first. */
static bool matches(const struct regex *re, struct tsdb_text text)
{
    struct tsdb_text prefix = regex_prefix(re);
    if (prefix.len > 0 && (text.len < prefix.len || memcmp(text.at, prefix.at, prefix.len) != 0))
        return false;
    return regex_match(re, text);
}

static bool compare_scalars(enum traceql_op op, const struct span_value *a,
                            const struct span_value *b, const struct regex *re, bool is_typed)
{
    if (span_value_is_number(a) && span_value_is_number(b))
        return op < TRACEQL_MATCH && compare_numbers(op, a, b, is_typed);
    if (a->type != b->type || a->type == TRACEQL_NIL || a->type == SPAN_LIST)
        return false;
    if (a->type != TRACEQL_STRING)
        return op <= TRACEQL_NE && (a->integer == b->integer) == (op == TRACEQL_EQ);
    if (op == TRACEQL_MATCH || op == TRACEQL_NOT_MATCH)
        return re && matches(re, a->text) == (op == TRACEQL_MATCH);
    if (op <= TRACEQL_NE)
        return text_equal(a->text, b->text) == (op == TRACEQL_EQ);
    return by_sign(op, text_compare(a->text, b->text));
}

bool span_value_compare(enum traceql_op op, const struct span_value *a, const struct span_value *b,
                        const struct regex *re, bool is_typed)
{
    bool is_left = a->type == SPAN_LIST;
    if (is_left == (b->type == SPAN_LIST))
        return !is_left && compare_scalars(op, a, b, re, is_typed);
    struct span_list list = span_list_over(is_left ? a->text : b->text);
    struct writer scratch = {0};
    struct span_value element;
    bool is_found = false;
    while (!is_found && span_list_next(&list, &scratch, &element))
        is_found =
            compare_scalars(op, is_left ? &element : a, is_left ? b : &element, re, is_typed);
    writer_release(&scratch);
    return is_found;
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

static struct span_value math_ints(enum traceql_op op, int64_t a, int64_t b)
{
    switch ((int)op) {
    case TRACEQL_ADD: return span_int((int64_t)((uint64_t)a + (uint64_t)b)); /* wraps, as Go */
    case TRACEQL_SUB: return span_int((int64_t)((uint64_t)a - (uint64_t)b));
    case TRACEQL_MUL: return span_int((int64_t)((uint64_t)a * (uint64_t)b));
    case TRACEQL_DIV:
        if (b == 0)
            return span_nil();
        return span_int(b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b);
    case TRACEQL_MOD:
        if (b == 0)
            return span_nil();
        return span_int(b == -1 ? 0 : a % b);
    default: break;
    }
    double v = pow((double)a, (double)b);
    return v > -9.2e18 && v < 9.2e18 ? span_int((int64_t)v) : span_double(v);
}

struct span_value span_value_math(enum traceql_op op, const struct span_value *a,
                                  const struct span_value *b)
{
    if (!span_value_is_number(a) || !span_value_is_number(b))
        return span_nil();
    if (a->type == TRACEQL_INT && b->type == TRACEQL_INT)
        return math_ints(op, a->integer, b->integer);
    double x = span_value_number(a), y = span_value_number(b);
    switch ((int)op) {
    case TRACEQL_ADD: return span_double(x + y);
    case TRACEQL_SUB: return span_double(x - y);
    case TRACEQL_MUL: return span_double(x * y);
    case TRACEQL_DIV: return span_double(x / y);
    case TRACEQL_MOD: return span_double(fmod(x, y));
    default: return span_double(pow(x, y));
    }
}

struct span_value span_value_negate(const struct span_value *v)
{
    if (v->type == TRACEQL_FLOAT)
        return span_double(-v->real);
    if (!span_value_is_number(v))
        return span_nil();
    struct span_value out = *v;
    out.integer = (int64_t)(0 - (uint64_t)v->integer); /* wraps at INT64_MIN */
    return out;
}

/* ---- identity and order ---------------------------------------------------------------------- */

bool span_value_same(const struct span_value *a, const struct span_value *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case TRACEQL_NIL: return true;
    case TRACEQL_STRING:
    case SPAN_LIST: return text_equal(a->text, b->text);
    case TRACEQL_FLOAT: return memcmp(&a->real, &b->real, sizeof a->real) == 0;
    default: return a->integer == b->integer;
    }
}

uint64_t span_value_hash(const struct span_value *v, uint64_t seed)
{
    seed += v->type * UINT64_C(0x9e3779b97f4a7c15); /* wraps */
    switch (v->type) {
    case TRACEQL_NIL: return hash64(seed, NULL, 0);
    case TRACEQL_STRING:
    case SPAN_LIST: return hash64(seed, v->text.at, v->text.len);
    case TRACEQL_FLOAT: return hash64(seed, &v->real, sizeof v->real);
    default: return hash64(seed, &v->integer, sizeof v->integer);
    }
}

int span_value_order(const struct span_value *a, const struct span_value *b)
{
    bool is_number = span_value_is_number(a) && span_value_is_number(b);
    if (a->type != b->type && !is_number)
        return a->type < b->type ? -1 : 1;
    if (a->type == TRACEQL_STRING || a->type == SPAN_LIST)
        return text_compare(a->text, b->text);
    if (a->type == TRACEQL_NIL)
        return 0;
    if (a->type == TRACEQL_FLOAT || b->type == TRACEQL_FLOAT) {
        double x = span_value_number(a), y = span_value_number(b);
        if (x != x || y != y)
            return (y != y) - (x != x);
        return (x > y) - (x < y);
    }
    return (a->integer > b->integer) - (a->integer < b->integer);
}

/* ---- showing --------------------------------------------------------------------------------- */

const char *span_status_name(int64_t status)
{
    return status == TSDB_STATUS_ERROR ? "error" : status == TSDB_STATUS_OK ? "ok" : "unset";
}

const char *span_kind_name(int64_t kind)
{
    static const char *const names[] = {"unspecified", "internal", "server",
                                        "client",      "producer", "consumer"};
    return kind >= 0 && kind <= TSDB_KIND_CONSUMER ? names[kind] : names[0];
}

void span_value_put(const struct span_value *v, struct writer *out)
{
    char digits[DOUBLE_TEXT_MAX];
    switch (v->type) {
    case TRACEQL_NIL: writer_text(out, "nil"); break;
    case TRACEQL_STRING:
    case SPAN_LIST: writer_put(out, v->text.at, v->text.len); break;
    case TRACEQL_INT: writer_put(out, digits, i64_format(v->integer, digits)); break;
    case TRACEQL_FLOAT: writer_put(out, digits, double_format(v->real, digits)); break;
    case TRACEQL_BOOL: writer_text(out, v->integer ? "true" : "false"); break;
    case TRACEQL_DURATION: go_duration_format(v->integer, out); break;
    case TRACEQL_STATUS: writer_text(out, span_status_name(v->integer)); break;
    case TRACEQL_KIND: writer_text(out, span_kind_name(v->integer)); break;
    default: break;
    }
}

bool span_value_field(const struct span_value *v, struct tsdb_text name, struct arena *arena,
                      struct tsdb_field *out)
{
    *out = (struct tsdb_field){.name = name, .type = TSDB_FIELD_STRING};
    switch (v->type) {
    case TRACEQL_INT:
        out->type = TSDB_FIELD_INT;
        out->integer = v->integer;
        return true;
    case TRACEQL_BOOL:
        out->type = TSDB_FIELD_BOOL;
        out->integer = v->integer;
        return true;
    case TRACEQL_FLOAT:
        out->type = TSDB_FIELD_DOUBLE;
        out->real = v->real;
        return true;
    case TRACEQL_NIL: out->text = text_of("nil"); return true;
    case TRACEQL_STATUS: out->text = text_of(span_status_name(v->integer)); return true;
    case TRACEQL_KIND: out->text = text_of(span_kind_name(v->integer)); return true;
    case SPAN_LIST: out->type = TSDB_FIELD_JSON; break;
    case TRACEQL_DURATION: {
        struct writer text = {0};
        go_duration_format(v->integer, &text);
        char *kept = ARENA_ARRAY(arena, char, text.len + 1);
        if (kept)
            memcpy(kept, text.at, text.len);
        out->text = (struct tsdb_text){kept, text.len};
        writer_release(&text);
        return kept != NULL;
    }
    default: break;
    }
    out->text = v->text;
    return true;
}
