#include "collector/ingest/parameter.h"

#include "tsdb/base/text.h"

#include <string.h>

/* Cuts at the first c; what follows is left in *rest. */
static struct tsdb_text cut(struct tsdb_text *rest, char c)
{
    const char *end = rest->len ? memchr(rest->at, c, rest->len) : NULL;
    size_t n = end ? (size_t)(end - rest->at) : rest->len, used = n + (end != NULL);
    struct tsdb_text part = {rest->at, n};
    rest->at += used;
    rest->len -= used;
    return part;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

enum tsdb_status parameter_decode(struct tsdb_text in, bool is_form, struct arena *arena,
                                  struct tsdb_text *out)
{
    char *at = ARENA_ARRAY(arena, char, in.len + 1);
    size_t len = 0;
    if (!at)
        return TSDB_ELIMIT;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.at[i];
        if (c == '+' && is_form)
            c = ' ';
        if (c == '%') {
            int high = in.len - i > 2 ? hex(in.at[i + 1]) : -1;
            int low = high >= 0 ? hex(in.at[i + 2]) : -1;
            if (low < 0)
                return TSDB_EINVAL;
            c = (char)(high << 4 | low);
            i += 2;
        }
        at[len++] = c;
    }
    *out = (struct tsdb_text){at, len};
    return TSDB_OK;
}

enum tsdb_status parameter_find(struct tsdb_text query, const char *name, struct arena *arena,
                                struct tsdb_text *out)
{
    while (query.len > 0) {
        struct tsdb_text value = cut(&query, '&');
        if (text_equal(cut(&value, '='), text_of(name)))
            return parameter_decode(value, true, arena, out);
    }
    *out = (struct tsdb_text){"", 0};
    return TSDB_OK;
}

uint32_t parameter_split(struct tsdb_text list, struct tsdb_text out[PARAMETER_NAMES_MAX])
{
    uint32_t count = 0;
    while (list.len > 0 && count < PARAMETER_NAMES_MAX) {
        struct tsdb_text part = cut(&list, ',');
        if (part.len > 0)
            out[count++] = part;
    }
    return count;
}
