#include "collector/net/form.h"

#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum tsdb_status percent_decode(struct arena *arena, struct tsdb_text in, bool is_form,
                                struct tsdb_text *out)
{
    char *to = ARENA_ARRAY(arena, char, in.len + 1);
    if (!to)
        return TSDB_ELIMIT;
    size_t len = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.at[i];
        if (c == '%') {
            int high = in.len - i > 2 ? hex_digit(in.at[i + 1]) : -1;
            int low = in.len - i > 2 ? hex_digit(in.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return TSDB_EINVAL;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && is_form) {
            c = ' ';
        }
        to[len++] = c;
    }
    *out = (struct tsdb_text){to, len};
    return TSDB_OK;
}

static size_t count_pairs(struct tsdb_text text)
{
    size_t n = text.len > 0;
    for (size_t i = 0; i < text.len; i++)
        n += text.at[i] == '&';
    return n;
}

static enum tsdb_status parse_pairs(struct arena *arena, struct tsdb_text text,
                                    struct form_pair *pairs, size_t *count, struct tsdb_error *err)
{
    for (size_t i = 0; i < text.len;) {
        const char *amp = memchr(text.at + i, '&', text.len - i);
        size_t end = amp ? (size_t)(amp - text.at) : text.len;
        struct tsdb_text pair = {text.at + i, end - i};
        i = end + 1;
        if (pair.len == 0)
            continue;
        const char *equals = memchr(pair.at, '=', pair.len);
        struct tsdb_text name = {pair.at, equals ? (size_t)(equals - pair.at) : pair.len};
        struct tsdb_text value = {name.at + name.len, 0};
        if (equals)
            value = (struct tsdb_text){equals + 1, pair.len - name.len - 1};
        enum tsdb_status st = percent_decode(arena, name, true, &pairs[*count].name);
        if (st == TSDB_OK)
            st = percent_decode(arena, value, true, &pairs[*count].value);
        if (st != TSDB_OK)
            return tsdb_fail(err, st, "%s",
                             st == TSDB_EINVAL ? "invalid URL escape" : "request too large");
        ++*count;
    }
    return TSDB_OK;
}

enum tsdb_status form_parse(struct arena *arena, struct tsdb_text body, struct tsdb_text query,
                            struct form *out, struct tsdb_error *err)
{
    if (body.len > FORM_BYTES_MAX || query.len > FORM_BYTES_MAX)
        return tsdb_fail(err, TSDB_ELIMIT, "form of more than %d bytes", FORM_BYTES_MAX);
    size_t most = count_pairs(body) + count_pairs(query), count = 0;
    if (most > FORM_PAIRS_MAX)
        return tsdb_fail(err, TSDB_ELIMIT, "form of more than %d parameters", FORM_PAIRS_MAX);
    struct form_pair *pairs = ARENA_ARRAY(arena, struct form_pair, most + 1);
    if (!pairs)
        return tsdb_fail(err, TSDB_ELIMIT, "request too large");
    enum tsdb_status st = parse_pairs(arena, body, pairs, &count, err);
    if (st == TSDB_OK)
        st = parse_pairs(arena, query, pairs, &count, err);
    if (st == TSDB_OK)
        *out = (struct form){pairs, count};
    return st;
}

struct tsdb_text form_find(const struct form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++)
        if (text_equal(form->pairs[i].name, text_of(name)))
            return form->pairs[i].value;
    return (struct tsdb_text){0};
}

size_t form_collect(const struct form *form, const char *name, struct tsdb_text *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < form->count; i++)
        if (text_equal(form->pairs[i].name, text_of(name)) && n++ < cap)
            out[n - 1] = form->pairs[i].value;
    return n;
}
