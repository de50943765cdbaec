#include "collector/ingest/media.h"

#include "tsdb/base/text.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool same(struct tsdb_text t, const char *word)
{
    struct tsdb_text w = text_of(word);
    if (t.len != w.len)
        return false;
    for (size_t i = 0; i < t.len; i++)
        if (lower(t.at[i]) != w.at[i])
            return false;
    return true;
}

static struct tsdb_text trim(struct tsdb_text t, const char *what)
{
    while (t.len > 0 && __builtin_strchr(what, t.at[0]) && t.at[0]) {
        t.at++;
        t.len--;
    }
    while (t.len > 0 && __builtin_strchr(what, t.at[t.len - 1]) && t.at[t.len - 1])
        t.len--;
    return t;
}

/* Cuts at the first c: the part before it; *rest is what follows. */
static struct tsdb_text cut(struct tsdb_text t, char c, struct tsdb_text *rest)
{
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] != c)
            continue;
        *rest = (struct tsdb_text){t.at + i + 1, t.len - i - 1};
        return (struct tsdb_text){t.at, i};
    }
    *rest = (struct tsdb_text){"", 0};
    return t;
}

bool media_is(struct tsdb_text header, const char *type)
{
    struct tsdb_text rest;
    return same(trim(cut(header, ';', &rest), " \t"), type);
}

struct tsdb_text media_parameter(struct tsdb_text header, const char *name)
{
    struct tsdb_text rest;
    (void)cut(header, ';', &rest);
    while (rest.len > 0) {
        struct tsdb_text value, next;
        struct tsdb_text part = cut(rest, ';', &next);
        struct tsdb_text key = trim(cut(part, '=', &value), " \t");
        if (same(key, name))
            return trim(value, " \t\"");
        rest = next;
    }
    return (struct tsdb_text){"", 0};
}

enum media_write media_write_of(struct tsdb_text header)
{
    if (trim(header, " \t").len == 0)
        return MEDIA_WRITE_1;
    if (!media_is(header, "application/x-protobuf") && !media_is(header, "application/protobuf"))
        return MEDIA_WRITE_OTHER;
    struct tsdb_text proto = media_parameter(header, "proto");
    if (proto.len == 0 || same(proto, "prometheus.writerequest"))
        return MEDIA_WRITE_1;
    return same(proto, "io.prometheus.write.v2.request") ? MEDIA_WRITE_2 : MEDIA_WRITE_OTHER;
}
