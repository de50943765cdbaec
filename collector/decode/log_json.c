#include "collector/decode/log_json.h"

#include "tsdb/base/text.h"

#include <math.h>

enum tsdb_status log_json_text(const struct json_pull *j, struct arena *arena,
                               struct tsdb_text *out)
{
    if (!j->is_escaped) {
        *out = j->text;
        return log_fields_is_utf8(j->text) ? TSDB_OK : TSDB_ECORRUPT;
    }
    size_t len = 0;
    uint8_t *at = ARENA_ARRAY(arena, uint8_t, j->text.len + 1);
    if (!at)
        return TSDB_ELIMIT;
    if (!json_unescape(j->text, at, &len))
        return TSDB_ECORRUPT;
    *out = (struct tsdb_text){(const char *)at, len};
    return TSDB_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Valid JSON without its blanks: copies what is not one; out NULL: counts. */
static size_t compact(struct tsdb_text t, char *out)
{
    size_t n = 0;
    bool is_string = false;
    for (size_t i = 0; i < t.len; i++) {
        char c = t.at[i];
        if (!is_string && is_blank(c))
            continue;
        if (c == '"')
            is_string = !is_string;
        if (out)
            out[n] = c;
        n++;
        if (c == '\\' && i + 1 < t.len) {
            if (out)
                out[n] = t.at[i + 1];
            n++;
            i++;
        }
    }
    return n;
}

/* The array or object whose first token was just read, as text. */
static enum tsdb_status put_raw(struct json_pull *j, enum json_token token, struct log_fields *f,
                                struct tsdb_text name)
{
    const char *begin = (const char *)j->r.rest.at - 1;
    if (!json_skip(j, token))
        return TSDB_ECORRUPT;
    struct tsdb_text text = {begin, (size_t)((const char *)j->r.rest.at - begin)};
    if (!log_fields_is_utf8(text))
        return TSDB_ECORRUPT;
    size_t len = compact(text, NULL);
    if (len < text.len) {
        char *at = ARENA_ARRAY(f->arena, char, len);
        if (!at)
            return TSDB_ELIMIT;
        (void)compact(text, at);
        text = (struct tsdb_text){at, len};
    }
    log_fields_text(f, name, TSDB_FIELD_JSON, text);
    return TSDB_OK;
}

static bool integer_parse(struct tsdb_text t, int64_t *out)
{
    bool is_negative = t.len > 0 && t.at[0] == '-';
    int64_t v = 0;
    for (size_t i = is_negative; i < t.len; i++) {
        int digit = t.at[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, is_negative ? -digit : digit, &v))
            return false;
    }
    *out = v;
    return true;
}

static void put_number(struct log_fields *f, struct tsdb_text name, struct tsdb_text text)
{
    int64_t integer;
    double real;
    bool has_fraction = false;
    for (size_t i = 0; i < text.len; i++)
        has_fraction |= text.at[i] == '.' || text.at[i] == 'e' || text.at[i] == 'E';
    if (integer_parse(text, &integer))
        log_fields_integer(f, name, TSDB_FIELD_INT, integer);
    else if (has_fraction && double_parse(text, &real) && isfinite(real))
        log_fields_double(f, name, real);
    else
        log_fields_text(f, name, TSDB_FIELD_JSON, text);
}

enum tsdb_status log_json_value(struct json_pull *j, enum json_token token, struct log_fields *f,
                                struct tsdb_text name)
{
    struct tsdb_text text;
    enum tsdb_status st = TSDB_OK;
    switch (token) {
    case JSON_STRING:
        st = log_json_text(j, f->arena, &text);
        if (st == TSDB_OK)
            log_fields_text(f, name, TSDB_FIELD_STRING, text);
        return st;
    case JSON_NUMBER: put_number(f, name, j->text); return TSDB_OK;
    case JSON_TRUE:
    case JSON_FALSE:
        log_fields_integer(f, name, TSDB_FIELD_BOOL, token == JSON_TRUE);
        return TSDB_OK;
    case JSON_NULL: return TSDB_OK;
    case JSON_BEGIN_OBJECT:
    case JSON_BEGIN_ARRAY: return put_raw(j, token, f, name);
    case JSON_KEY:
    case JSON_END:
    case JSON_END_OBJECT:
    case JSON_END_ARRAY:
    case JSON_FAULT: break;
    }
    return TSDB_ECORRUPT;
}

/* One open object. */
struct frame {
    struct tsdb_text prefix;
    bool has_members;
};

enum tsdb_status log_json_fields(struct json_pull *j, struct log_fields *f)
{
    struct frame stack[DECODE_DEPTH_MAX] = {{.prefix = {"", 0}}};
    uint32_t depth = 1;
    while (depth > 0) {
        struct frame *top = &stack[depth - 1];
        struct tsdb_text key;
        enum json_token token = json_next(j);
        if (token == JSON_END_OBJECT) {
            if (!top->has_members && depth > 1)
                log_fields_text(f, top->prefix, TSDB_FIELD_JSON, text_of("{}"));
            depth--;
            continue;
        }
        if (token != JSON_KEY)
            return TSDB_ECORRUPT;
        top->has_members = true;
        enum tsdb_status st = log_json_text(j, f->arena, &key);
        if (st != TSDB_OK)
            return st;
        struct tsdb_text name = log_fields_name(f, top->prefix, key);
        token = json_next(j);
        if (token == JSON_BEGIN_OBJECT && depth < DECODE_DEPTH_MAX)
            stack[depth++] = (struct frame){.prefix = name};
        else
            st = log_json_value(j, token, f, name);
        if (st != TSDB_OK)
            return st;
    }
    return f->status;
}
