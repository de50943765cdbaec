#include "tsdb/logql/line_pattern.h"

#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <string.h>

static bool is_name_byte(char c, bool is_first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!is_first && c >= '0' && c <= '9');
}

/* Length of "<name>" at the front, or 0. */
static size_t capture_len(struct tsdb_text rest)
{
    size_t n = 1;
    if (rest.len < 3 || rest.at[0] != '<')
        return 0;
    while (n < rest.len && is_name_byte(rest.at[n], n == 1))
        n++;
    return n > 1 && n < rest.len && rest.at[n] == '>' ? n + 1 : 0;
}

static struct tsdb_text head_of(struct tsdb_text t, size_t n)
{
    return (struct tsdb_text){t.at, n};
}

/* The next part of the rest; returns its bytes. */
static size_t part_read(struct tsdb_text rest, struct line_pattern_part *out)
{
    size_t n = capture_len(rest);
    *out = (struct line_pattern_part){.is_capture = n > 0};
    if (n > 0) {
        out->name = (struct tsdb_text){rest.at + 1, n - 2};
        if (text_equal(out->name, text_of("_")))
            out->name.len = 0;
        return n;
    }
    while (n < rest.len && capture_len((struct tsdb_text){rest.at + n, rest.len - n}) == 0)
        n++;
    out->literal = needle_of(head_of(rest, n));
    return n;
}

static enum tsdb_status names_check(const struct line_pattern *p, bool is_filter,
                                    struct tsdb_error *err)
{
    for (uint32_t i = 0; i < p->count; i++) {
        const struct line_pattern_part *part = &p->parts[i];
        if (part->is_capture && i + 1 < p->count && p->parts[i + 1].is_capture) {
            struct tsdb_text next = p->parts[i + 1].name, name = part->name;
            return tsdb_fail(err, TSDB_EINVAL,
                             "found consecutive capture '<%.*s><%.*s>': invalid expression",
                             name.len ? (int)name.len : 1, name.len ? name.at : "_",
                             next.len ? (int)next.len : 1, next.len ? next.at : "_");
        }
    }
    for (uint32_t i = 0; i < p->count; i++) {
        struct tsdb_text name = p->parts[i].name;
        if (is_filter && name.len > 0)
            return tsdb_fail(err, TSDB_EINVAL, "named captures are not allowed: found '<%.*s>'",
                             (int)name.len, name.at);
        for (uint32_t j = 0; name.len > 0 && j < i; j++)
            if (text_equal(p->parts[j].name, name))
                return tsdb_fail(err, TSDB_EINVAL,
                                 "duplicate capture name (%.*s): invalid expression", (int)name.len,
                                 name.at);
    }
    return TSDB_OK;
}

enum tsdb_status line_pattern_compile(struct compiler *c, struct tsdb_text text, bool is_filter,
                                      struct line_pattern *out)
{
    struct line_pattern p = {0};
    struct line_pattern_part part;
    uint32_t parts = 0;
    if (!utf8_check(text.at, text.len))
        return tsdb_fail(c->err, TSDB_EINVAL, "pattern: not valid UTF-8");
    for (size_t at = 0; at < text.len; parts++)
        at += part_read((struct tsdb_text){text.at + at, text.len - at}, &part);
    if (parts > LINE_PATTERN_PARTS_MAX)
        return tsdb_fail(c->err, TSDB_EINVAL, "pattern: %u parts, at most %d", parts,
                         LINE_PATTERN_PARTS_MAX);
    struct line_pattern_part *list = COMPILER_ARRAY(c, struct line_pattern_part, parts + 1);
    if (!list)
        return TSDB_ELIMIT;
    p.parts = list;
    for (size_t at = 0; at < text.len; p.count++) {
        at += part_read((struct tsdb_text){text.at + at, text.len - at}, &list[p.count]);
        p.names += list[p.count].name.len > 0;
    }
    if (!is_filter && p.names == 0)
        return tsdb_fail(c->err, TSDB_EINVAL, "at least one capture is required");
    enum tsdb_status st = names_check(&p, is_filter, c->err);
    if (st == TSDB_OK)
        *out = p;
    return st;
}

bool line_pattern_test(const struct line_pattern *p, struct tsdb_text line)
{
    if (line.len == 0 || p->count == 0)
        return line.len == 0 && p->count == 0;
    const char *at = line.at, *end = line.at + line.len;
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->parts[i].is_capture)
            continue;
        const struct needle *piece = &p->parts[i].literal;
        const char *found = needle_find(piece, at, (size_t)(end - at));
        if (!found || (i != 0 && found == at))
            return false;
        at = found + piece->text.len;
    }
    return p->parts[p->count - 1].is_capture == (at != end);
}

uint32_t line_pattern_capture(const struct line_pattern *p, struct tsdb_text line,
                              struct tsdb_text *values)
{
    const char *at = line.at, *end = line.at + line.len;
    uint32_t i = 0, n = 0;
    if (line.len == 0)
        return 0;
    if (!p->parts[0].is_capture) {
        struct tsdb_text first = p->parts[0].literal.text;
        if (first.len > line.len || memcmp(first.at, at, first.len) != 0)
            return 0;
        at += first.len;
        i = 1;
    }
    for (; i < p->count; i += 2) {
        const struct needle *piece = i + 1 < p->count ? &p->parts[i + 1].literal : NULL;
        const char *found = piece ? needle_find(piece, at, (size_t)(end - at)) : NULL;
        const char *until = found ? found : end;
        if (p->parts[i].name.len > 0)
            values[n++] = (struct tsdb_text){at, (size_t)(until - at)};
        if (!found)
            break;
        at = found + piece->text.len;
    }
    return n;
}
