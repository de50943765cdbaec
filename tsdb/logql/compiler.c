#include "tsdb/logql/compiler.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"

#include <string.h>

void compiler_init(struct compiler *c, struct tsdb_error *err)
{
    *c = (struct compiler){.err = err};
    arena_init(&c->arena, COMPILER_BYTES_MAX, NULL);
}

void compiler_release(struct compiler *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        regex_free(c->regexes[i]);
    mem_free(c->regexes);
    arena_release(&c->arena);
    *c = (struct compiler){0};
}

void *compiler_get(struct compiler *c, size_t count, size_t size, size_t align)
{
    void *at = arena_get(&c->arena, count, size, align);
    if (!at)
        (void)tsdb_fail(c->err, TSDB_ELIMIT, "stages: more than %d bytes compiled",
                        COMPILER_BYTES_MAX);
    return at;
}

struct tsdb_text compiler_text(struct compiler *c, struct tsdb_text text)
{
    char *at = compiler_get(c, text.len + 1, 1, 1);
    if (!at)
        return (struct tsdb_text){"", 0};
    if (text.len > 0)
        memcpy(at, text.at, text.len);
    return (struct tsdb_text){at, text.len};
}

static void list_regex(struct compiler *c, struct regex *re)
{
    if (c->count == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 4;
        c->regexes = mem_grow(c->regexes, c->cap, sizeof(struct regex *));
    }
    c->regexes[c->count++] = re;
}

enum tsdb_status compiler_regex(struct compiler *c, struct tsdb_text pattern,
                                const struct regex **out)
{
    struct regex *re;
    enum tsdb_status st = regex_new(pattern, &re, c->err);
    if (st != TSDB_OK)
        return st;
    list_regex(c, re);
    *out = re;
    return TSDB_OK;
}

/* Go's "(?<name>" as RE2's "(?P<name>"; bytes written to out, which may be NULL. */
static size_t groups_rewrite(struct tsdb_text p, char *out)
{
    size_t n = 0;
    bool is_class = false;
    for (size_t i = 0; i < p.len; i++) {
        char c = p.at[i];
        bool is_pair = c == '\\' && i + 1 < p.len;
        bool is_group = !is_class && p.len - i > 3 && memcmp(p.at + i, "(?<", 3) == 0 &&
                        p.at[i + 3] != '=' && p.at[i + 3] != '!';
        const char *put = is_group ? "(?P" : p.at + i;
        size_t len = is_group ? 3 : is_pair ? 2 : 1;
        if (out)
            memcpy(out + n, put, len);
        n += len;
        i += is_group || is_pair; /* of a group, "<" is still to come */
        if (!is_pair)
            is_class = is_class ? c != ']' : c == '[';
    }
    return n;
}

enum tsdb_status compiler_line_regex(struct compiler *c, struct tsdb_text pattern,
                                     const struct regex **out)
{
    static const char flags[] = "(?-s)";
    size_t len = groups_rewrite(pattern, NULL);
    char *text = compiler_get(c, len + sizeof flags, 1, 1);
    if (!text)
        return TSDB_ELIMIT;
    memcpy(text, flags, sizeof flags - 1);
    (void)groups_rewrite(pattern, text + sizeof flags - 1);
    return compiler_regex(c, (struct tsdb_text){text, len + sizeof flags - 1}, out);
}

enum tsdb_status compiler_matcher(struct compiler *c, const struct expr_matcher *m,
                                  struct matcher *out)
{
    static const enum matcher_kind kinds[] = {
        [EXPR_MATCH_EQUAL] = MATCH_EQ,
        [EXPR_MATCH_NOT_EQUAL] = MATCH_NE,
        [EXPR_MATCH_REGEX] = MATCH_RE,
        [EXPR_MATCH_NOT_REGEX] = MATCH_NRE,
    };
    enum tsdb_status st = matcher_init(out, kinds[m->kind], m->name, m->value, c->err);
    if (st == TSDB_OK && out->regex)
        list_regex(c, out->regex);
    return st;
}
