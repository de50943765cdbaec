#include "collector/config/load.h"

#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <string.h>

const char *loader_variable(const struct loader *l, const char *name, size_t name_len)
{
    for (const char *const *e = l->env; e && *e; e++)
        if (strncmp(*e, name, name_len) == 0 && (*e)[name_len] == '=')
            return *e + name_len + 1;
    return NULL;
}

static bool is_name(struct tsdb_text name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.len > 0;
}

/* What stands between ${ and }. */
static enum tsdb_status expand_one(struct loader *l, struct tsdb_text inside, const char *place,
                                   struct writer *out)
{
    static const char prefix[] = "env:";
    if (inside.len > 4 && memcmp(inside.at, prefix, 4) == 0) {
        inside.at += 4;
        inside.len -= 4;
    }
    const char *dash = inside.len ? memmem(inside.at, inside.len, ":-", 2) : NULL;
    struct tsdb_text name = {inside.at, dash ? (size_t)(dash - inside.at) : inside.len};
    if (!is_name(name))
        return tsdb_fail(l->err, TSDB_EINVAL, "%s: want ${NAME} or ${NAME:-default}, or $$", place);
    const char *value = loader_variable(l, name.at, name.len);
    if (dash && (!value || !*value)) {
        writer_put(out, dash + 2, inside.len - name.len - 2);
        return TSDB_OK;
    }
    if (!value)
        return tsdb_fail(l->err, TSDB_EINVAL, "%s: ${%.*s} is not set and has no default", place,
                         name.len > 80 ? 80 : (int)name.len, name.at);
    writer_text(out, value);
    return TSDB_OK;
}

enum tsdb_status loader_expand(struct loader *l, struct tsdb_text in, const char *place,
                               struct writer *out)
{
    size_t began = out->len;
    for (size_t i = 0; i < in.len;) {
        char next = i + 1 < in.len ? in.at[i + 1] : '\0';
        if (in.at[i] != '$' || (next != '{' && next != '$')) {
            writer_u8(out, (uint8_t)in.at[i++]);
        } else if (next == '$') {
            writer_u8(out, '$');
            i += 2;
        } else {
            const char *end = memchr(in.at + i, '}', in.len - i);
            if (!end)
                return tsdb_fail(l->err, TSDB_EINVAL, "%s: ${ without }", place);
            struct tsdb_text inside = {in.at + i + 2, (size_t)(end - in.at) - i - 2};
            enum tsdb_status st = expand_one(l, inside, place, out);
            if (st != TSDB_OK)
                return st;
            i = (size_t)(end - in.at) + 1;
        }
        if (out->len - began > CONFIG_VALUE_MAX)
            return tsdb_fail(l->err, TSDB_EINVAL, "%s: value of more than %d bytes", place,
                             CONFIG_VALUE_MAX);
    }
    return TSDB_OK;
}
