#include "tsdb/logql/template_value.h"

#include "tsdb/base/digits.h"
#include "tsdb/base/text.h"
#include "tsdb/logql/go_time.h"
#include "tsdb/logql/stage_json.h"
#include "tsdb/logql/template.h"
#include "tsdb/logql/unit_value.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MEMBERS_MAX = 1024 }; /* of an object that is gone through; more fails the run */

bool template_fail(struct template_run *r, const char *fmt, ...)
{
    if (r->has_failed)
        return false;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(r->why, sizeof r->why, fmt, args);
    va_end(args);
    r->has_failed = true;
    return false;
}

bool template_charge(struct template_run *r, size_t bytes)
{
    r->work += 1 + bytes / 64;
    return r->work <= TEMPLATE_WORK_MAX || template_fail(r, "the template does too much");
}

char *template_bytes(struct template_run *r, size_t count)
{
    if (count > PIPELINE_LINE_MAX) {
        (void)template_fail(r, "a text of %zu bytes, at most %d", count, PIPELINE_LINE_MAX);
        return NULL;
    }
    if (!template_charge(r, count))
        return NULL;
    char *at = pass_bytes(r->p, count);
    if (!at)
        (void)template_fail(r, "no memory left");
    return at;
}

bool template_take(struct template_run *r, const struct writer *w, struct value *out)
{
    char *at = r->has_failed ? NULL : template_bytes(r, w->len);
    if (!at)
        return false;
    if (w->len > 0)
        memcpy(at, w->at, w->len);
    *out = value_text((struct tsdb_text){at, w->len});
    return true;
}

const char *value_type(const struct value *v)
{
    static const char *const names[] = {
        [VALUE_NIL] = "<nil>",
        [VALUE_BOOL] = "bool",
        [VALUE_INT] = "int",
        [VALUE_FLOAT] = "float64",
        [VALUE_TEXT] = "string",
        [VALUE_TIME] = "time.Time",
        [VALUE_LABELS] = "map[string]string",
        [VALUE_OBJECT] = "map[string]interface {}",
        [VALUE_ARRAY] = "[]interface {}",
    };
    return names[v->kind];
}

/* ---- JSON ----------------------------------------------------------------------- */

static bool from_token(enum json_kind kind, const struct quoted_span *span, struct json_reader *j,
                       struct template_run *r, struct value *out)
{
    double number;
    struct tsdb_text block;
    switch (kind) {
    case JSON_STRING: *out = value_text(json_string(r->p, span)); return true;
    case JSON_NUMBER:
        if (!unit_number(span->raw, &number, NULL))
            return false;
        *out = value_float(number);
        return true;
    case JSON_TRUE_FALSE: *out = value_bool(span->raw.at[0] == 't'); return true;
    case JSON_NULL: *out = (struct value){.kind = VALUE_NIL}; return true;
    case JSON_OBJECT:
    case JSON_ARRAY:
        if (!line_json_skip(j, &block))
            return false;
        out->kind = kind == JSON_OBJECT ? VALUE_OBJECT : VALUE_ARRAY;
        out->text = block;
        return true;
    case JSON_FAULT: break;
    }
    return false;
}

bool value_from_json(struct tsdb_text text, struct template_run *r, struct value *out)
{
    /* A scalar needs something behind it to end at. */
    char *copy = template_bytes(r, text.len + 1);
    struct quoted_span span;
    if (!copy)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = ' ';
    struct json_reader j = json_reader_over((struct tsdb_text){copy, text.len + 1});
    if (json_peek(&j) == '\0')
        return false;
    enum json_kind kind = line_json_value(&j, &span);
    if (!from_token(kind, &span, &j, r, out))
        return false;
    return json_peek(&j) == '\0' && j.at == j.end;
}

/* Where a JSON block is read: member or element after the other. */
struct block {
    struct json_reader j;
    char close;
    bool is_begun;
};

static bool block_next(struct block *b, struct template_run *r, struct value *key,
                       struct value *out)
{
    struct quoted_span span;
    if (b->is_begun && !json_comma(&b->j, b->close))
        return false;
    b->is_begun = true;
    if (json_is_closed(&b->j, b->close) || !template_charge(r, 0))
        return false;
    if (b->close == '}') {
        if (!line_json_key(&b->j, &span))
            return false;
        *key = value_text(span.has_escape ? json_string(r->p, &span) : span.raw);
    }
    enum json_kind kind = line_json_value(&b->j, &span);
    return from_token(kind, &span, &b->j, r, out);
}

static struct block block_over(const struct value *v)
{
    struct block b = {.j = json_reader_over(v->text), .close = v->kind == VALUE_OBJECT ? '}' : ']'};
    b.j.at++;
    return b;
}

bool value_field(const struct value *v, struct tsdb_text name, struct template_run *r,
                 struct value *out)
{
    if (v->kind == VALUE_LABELS) {
        struct tsdb_text text = {"", 0};
        if (label_set_get(&r->p->labels, name, &text) == LABEL_NONE) {
            text = (struct tsdb_text){"", 0};
            if (text_equal(name, text_of(LABEL_ERROR)))
                text = r->p->labels.error;
            else if (text_equal(name, text_of(LABEL_ERROR_DETAILS)))
                text = r->p->labels.error_details;
        }
        *out = value_text(text);
        return true;
    }
    if (v->kind == VALUE_NIL)
        return template_fail(r, "nil pointer evaluating interface {}.%.*s", (int)name.len, name.at);
    if (v->kind != VALUE_OBJECT)
        return template_fail(r, "can't evaluate field %.*s in type %s", (int)name.len, name.at,
                             value_type(v));
    if (!template_charge(r, v->text.len))
        return false;
    struct block b = block_over(v);
    struct value key, element, found = {.kind = VALUE_NIL};
    while (block_next(&b, r, &key, &element))
        if (text_equal(key.text, name))
            found = element; /* of a repeated name the last counts, as in Go */
    *out = found;
    return !r->has_failed;
}

bool value_element(const struct value *v, uint64_t index, struct template_run *r, struct value *out)
{
    struct block b = block_over(v);
    struct value key, element;
    if (!template_charge(r, v->text.len))
        return false;
    for (uint64_t i = 0; block_next(&b, r, &key, &element); i++) {
        if (i == index) {
            *out = element;
            return true;
        }
    }
    return false;
}

static void count_label(void *arg, struct tsdb_label label, enum label_origin origin)
{
    (void)label;
    (void)origin;
    ++*(int64_t *)arg;
}

int64_t value_length(const struct value *v, struct template_run *r)
{
    struct value key, element;
    int64_t n = 0;
    switch (v->kind) {
    case VALUE_TEXT: return (int64_t)v->text.len;
    case VALUE_LABELS:
        label_set_each(&r->p->labels, count_label, &n);
        return n + (r->p->labels.error.len > 0) + (r->p->labels.error_details.len > 0);
    case VALUE_OBJECT:
    case VALUE_ARRAY: {
        struct block b = block_over(v);
        if (!template_charge(r, v->text.len))
            return -1;
        while (block_next(&b, r, &key, &element))
            n++;
        return n;
    }
    case VALUE_NIL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
    case VALUE_TIME: break;
    }
    return -1;
}

/* ---- going through ---------------------------------------------------------------- */

struct member {
    struct value key, element;
};

struct members {
    struct template_run *r;
    struct member *at; /* in the arena */
    uint32_t count;
};

static bool member_add(struct members *m, const struct value *key, const struct value *element)
{
    if (m->count == MEMBERS_MAX)
        return template_fail(m->r, "more than %d members", MEMBERS_MAX);
    m->at[m->count++] = (struct member){*key, *element};
    return true;
}

static void label_add(void *arg, struct tsdb_label label, enum label_origin origin)
{
    struct members *m = arg;
    if (origin == LABEL_OF_METADATA) {
        char *copy = template_bytes(m->r, label.name.len);
        if (!copy)
            return;
        memcpy(copy, label.name.at, label.name.len);
        label.name.at = copy;
    }
    struct value key = value_text(label.name), element = value_text(label.value);
    (void)member_add(m, &key, &element);
}

static int by_key(const void *a, const void *b)
{
    const struct member *left = a, *right = b;
    return text_compare(left->key.text, right->key.text);
}

static void members_fill(const struct value *v, struct members *m)
{
    struct value key, element;
    if (v->kind == VALUE_LABELS) {
        const struct label_set *s = &m->r->p->labels;
        label_set_each(s, label_add, m);
        if (s->error.len > 0)
            label_add(m, (struct tsdb_label){text_of(LABEL_ERROR), s->error}, LABEL_OF_STAGE);
        if (s->error_details.len > 0)
            label_add(m, (struct tsdb_label){text_of(LABEL_ERROR_DETAILS), s->error_details},
                      LABEL_OF_STAGE);
        return;
    }
    struct block b = block_over(v);
    while (block_next(&b, m->r, &key, &element) && member_add(m, &key, &element))
        ;
}

void value_each(const struct value *v, struct template_run *r, value_fn *fn, void *arg)
{
    if (v->kind == VALUE_ARRAY) {
        struct block b = block_over(v);
        struct value ignored, element;
        for (int64_t i = 0; template_charge(r, 64) && block_next(&b, r, &ignored, &element); i++) {
            struct value key = value_int(i);
            if (!fn(arg, &key, &element))
                return;
        }
        return;
    }
    struct members m = {.r = r};
    m.at = (struct member *)arena_get(&r->p->arena, MEMBERS_MAX, sizeof *m.at,
                                      _Alignof(struct member));
    if (!m.at || !template_charge(r, MEMBERS_MAX * sizeof *m.at)) {
        (void)template_fail(r, "no memory left");
        return;
    }
    members_fill(v, &m);
    qsort(m.at, m.count, sizeof *m.at, by_key);
    for (uint32_t i = 0; i < m.count && !r->has_failed; i++)
        if (!fn(arg, &m.at[i].key, &m.at[i].element))
            return;
}

/* ---- printing --------------------------------------------------------------------- */

bool value_truth(const struct value *v, struct template_run *r)
{
    switch (v->kind) {
    case VALUE_NIL: return false;
    case VALUE_BOOL: return v->is_true;
    case VALUE_INT: return v->integer != 0;
    case VALUE_FLOAT: return v->number != 0;
    case VALUE_TEXT: return v->text.len > 0;
    case VALUE_TIME: return true;
    case VALUE_LABELS:
    case VALUE_OBJECT:
    case VALUE_ARRAY: break;
    }
    return value_length(v, r) > 0;
}

size_t value_float_text(double v, char *out)
{
    char digits[DIGITS_MAX];
    int exponent;
    size_t n = 0;
    if (isfinite(v)) {
        size_t count = digits_shortest(fabs(v), digits, &exponent);
        exponent--; /* of d.ddd */
        if (v == 0 || (exponent >= -4 && exponent < 6) || count == 0) {
            char text[DOUBLE_TEXT_MAX]; /* short, as it is within the bounds */
            n = double_format(v, text);
            memcpy(out, text, n);
            return n;
        }
        if (v < 0)
            out[n++] = '-';
        out[n++] = digits[0];
        if (count > 1) {
            out[n++] = '.';
            memcpy(out + n, digits + 1, count - 1);
            n += count - 1;
        }
        int tail = snprintf(out + n, 8, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        return n + (size_t)tail;
    }
    const char *name = isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf";
    memcpy(out, name, strlen(name));
    return strlen(name);
}

struct print {
    struct template_run *r;
    struct writer *out;
    bool has_keys, is_begun;
    unsigned depth;
};

static void print_depth(const struct value *v, struct template_run *r, struct writer *out,
                        unsigned depth);

static bool print_member(void *arg, const struct value *key, const struct value *element)
{
    struct print *p = arg;
    if (p->is_begun)
        writer_u8(p->out, ' ');
    p->is_begun = true;
    if (p->has_keys) {
        writer_put(p->out, key->text.at, key->text.len);
        writer_u8(p->out, ':');
    }
    if (element->kind == VALUE_NIL)
        writer_text(p->out, "<nil>");
    else
        print_depth(element, p->r, p->out, p->depth + 1);
    return !p->r->has_failed && p->out->len <= PIPELINE_LINE_MAX;
}

/* Recursion: at most JSON_READ_DEPTH_MAX levels. */
static void print_depth(const struct value *v, struct template_run *r, struct writer *out,
                        unsigned depth)
{
    char text[VALUE_FLOAT_MAX];
    struct print p = {r, out, v->kind != VALUE_ARRAY, false, depth};
    switch (v->kind) {
    case VALUE_NIL: writer_text(out, "<no value>"); break;
    case VALUE_BOOL: writer_text(out, v->is_true ? "true" : "false"); break;
    case VALUE_INT: writer_put(out, text, i64_format(v->integer, text)); break;
    case VALUE_FLOAT: writer_put(out, text, value_float_text(v->number, text)); break;
    case VALUE_TEXT: writer_put(out, v->text.at, v->text.len); break;
    case VALUE_TIME: go_time_print(&v->time, out); break;
    case VALUE_LABELS:
    case VALUE_OBJECT:
    case VALUE_ARRAY:
        if (depth == JSON_READ_DEPTH_MAX) {
            (void)template_fail(r, "more than %d levels", JSON_READ_DEPTH_MAX);
            break;
        }
        writer_text(out, p.has_keys ? "map[" : "[");
        value_each(v, r, print_member, &p);
        writer_u8(out, ']');
        break;
    }
}

void value_print(const struct value *v, struct template_run *r, struct writer *out)
{
    print_depth(v, r, out, 0);
}
