#include "tsdb/logql/json_read.h"

#include <string.h>

static bool fail(struct json_reader *r, const char *why)
{
    r->fault = why;
    return false;
}

char json_peek_far(struct json_reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
    return r->at < r->end ? *r->at : '\0';
}

bool json_enter(struct json_reader *r, char bracket)
{
    if (json_peek(r) != bracket || r->at == r->end)
        return fail(r, bracket == '{' ? "Value looks like object, but can't find closing '}' symbol"
                                      : "Value is array, but can't find closing ']' symbol");
    r->at++;
    return true;
}

bool json_is_closed(struct json_reader *r, char bracket)
{
    if (json_peek(r) != bracket || r->at == r->end)
        return false;
    r->at++;
    return true;
}

bool json_comma(struct json_reader *r, char bracket)
{
    char c = json_peek(r);
    if (c == ',') {
        r->at++;
        return true;
    }
    if (c == bracket && r->at < r->end)
        return true;
    return fail(r, r->at == r->end ? "Value is array, but can't find closing ']' symbol"
                                   : "Value looks like object, but can't find closing '}' symbol");
}

bool line_json_key(struct json_reader *r, struct quoted_span *key)
{
    if (json_peek(r) != '"')
        return fail(r, "Value looks like object, but can't find closing '}' symbol");
    if (!quoted_span_read(r->at + 1, r->end, key))
        return fail(r, "Malformed JSON error");
    r->at = key->raw.at + key->raw.len + 1;
    if (json_peek(r) != ':')
        return fail(r, "Malformed JSON error");
    r->at++;
    return true;
}

static bool ends_token(char c)
{
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(struct tsdb_text t, const char *word, size_t len)
{
    return t.len == len && memcmp(t.at, word, len) == 0;
}

static enum json_kind scalar_kind(struct json_reader *r, struct tsdb_text t)
{
    if ((t.at[0] >= '0' && t.at[0] <= '9') || t.at[0] == '-')
        return JSON_NUMBER;
    if (is_word(t, "true", 4) || is_word(t, "false", 5))
        return JSON_TRUE_FALSE;
    if (is_word(t, "null", 4))
        return JSON_NULL;
    (void)fail(r, "Unknown value type");
    return JSON_FAULT;
}

enum json_kind line_json_value(struct json_reader *r, struct quoted_span *span)
{
    char c = json_peek(r);
    if (r->at == r->end) {
        (void)fail(r, "Malformed JSON error");
        return JSON_FAULT;
    }
    if (c == '{')
        return JSON_OBJECT;
    if (c == '[')
        return JSON_ARRAY;
    if (c == '"') {
        if (!quoted_span_read(r->at + 1, r->end, span)) {
            (void)fail(r, "Value is string, but can't find closing '\"' symbol");
            return JSON_FAULT;
        }
        r->at = span->raw.at + span->raw.len + 1;
        return JSON_STRING;
    }
    const char *from = r->at;
    while (r->at < r->end && !ends_token(*r->at))
        r->at++;
    if (r->at == r->end || r->at == from) {
        (void)fail(r, r->at == from ? "Unknown value type"
                                    : "Value looks like Number/Boolean/None, but can't find its "
                                      "end: ',' or '}' symbol");
        return JSON_FAULT;
    }
    *span = (struct quoted_span){.raw = {from, (size_t)(r->at - from)}};
    return scalar_kind(r, span->raw);
}

bool line_json_skip(struct json_reader *r, struct tsdb_text *block)
{
    const char *from = r->at;
    char open = *from, close = open == '{' ? '}' : ']';
    uint32_t depth = 0;
    while (r->at < r->end) {
        char c = *r->at++;
        if (c == '"') {
            struct quoted_span string;
            if (!quoted_span_read(r->at, r->end, &string))
                break;
            r->at = string.raw.at + string.raw.len + 1;
        } else if (c == open) {
            depth++;
        } else if (c == close && --depth == 0) {
            *block = (struct tsdb_text){from, (size_t)(r->at - from)};
            return true;
        }
    }
    return fail(r, open == '{' ? "Value looks like object, but can't find closing '}' symbol"
                               : "Value is array, but can't find closing ']' symbol");
}
