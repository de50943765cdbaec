#include "collector/net/yaml_tree.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <string.h>
#include <yaml.h>

struct builder {
    const char *file;
    yaml_parser_t parser;
    struct arena *arena;
    struct tsdb_error *err;
    struct yaml_node *open[YAML_DEPTH_MAX]; /* the containers around */
    unsigned depth;
    uint32_t nodes;
    struct tsdb_text key; /* waits for its value */
    bool has_key;
    struct yaml_node *root;
};

enum tsdb_status yaml_fail(struct tsdb_error *err, const char *file, const struct yaml_node *node,
                           const char *text)
{
    return tsdb_fail(err, TSDB_EINVAL, "%s:%u:%u: %s", file, node->line, node->column, text);
}

static enum tsdb_status fail_at(struct builder *b, yaml_mark_t at, const char *text)
{
    return tsdb_fail(b->err, TSDB_EINVAL, "%s:%zu:%zu: %s", b->file, at.line + 1, at.column + 1,
                     text);
}

const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key)
{
    for (const struct yaml_node *n = map ? map->first : NULL; n; n = n->next)
        if (text_equal(n->key, text_of(key)))
            return n;
    return NULL;
}

static bool copy_text(struct builder *b, const void *at, size_t len, struct tsdb_text *out)
{
    char *to = ARENA_ARRAY(b->arena, char, len + 1);
    if (!to)
        return false;
    memcpy(to, at, len);
    *out = (struct tsdb_text){to, len};
    return true;
}

static enum tsdb_status attach(struct builder *b, struct yaml_node *n, yaml_mark_t at)
{
    struct yaml_node *parent = b->depth ? b->open[b->depth - 1] : NULL;
    if (!parent) {
        b->root = n;
        return TSDB_OK;
    }
    if (parent->kind == YAML_MAP) {
        if (!b->has_key)
            return fail_at(b, at, "a key must be a plain text");
        n->key = b->key;
        b->has_key = false;
    }
    if (parent->last)
        parent->last->next = n;
    else
        parent->first = n;
    parent->last = n;
    return TSDB_OK;
}

static enum tsdb_status add(struct builder *b, enum yaml_kind kind, yaml_mark_t at,
                            struct yaml_node **out)
{
    if (++b->nodes > YAML_NODES_MAX)
        return fail_at(b, at, "too many entries");
    struct yaml_node *n = ARENA_ARRAY(b->arena, struct yaml_node, 1);
    if (!n)
        return fail_at(b, at, "the file is too large");
    n->kind = kind;
    n->line = (uint32_t)at.line + 1;
    n->column = (uint32_t)at.column + 1;
    *out = n;
    return attach(b, n, at);
}

static enum tsdb_status on_key(struct builder *b, const yaml_event_t *e)
{
    const struct yaml_node *map = b->open[b->depth - 1];
    if (!copy_text(b, e->data.scalar.value, e->data.scalar.length, &b->key))
        return fail_at(b, e->start_mark, "the file is too large");
    if (memchr(b->key.at, 0, b->key.len))
        return fail_at(b, e->start_mark, "a text holds a NUL");
    /* Large maps are users; quadratic, but WEB_CONFIG_BYTES_MAX bounds it. */
    if (yaml_find(map, b->key.at))
        return fail_at(b, e->start_mark, "the key is repeated");
    b->has_key = true;
    return TSDB_OK;
}

static enum tsdb_status on_scalar(struct builder *b, const yaml_event_t *e)
{
    if (e->data.scalar.anchor || e->data.scalar.tag)
        return fail_at(b, e->start_mark, "anchors and tags are not taken");
    if (b->depth && b->open[b->depth - 1]->kind == YAML_MAP && !b->has_key)
        return on_key(b, e);
    struct yaml_node *n;
    enum tsdb_status st = add(b, YAML_SCALAR, e->start_mark, &n);
    if (st != TSDB_OK)
        return st;
    if (!copy_text(b, e->data.scalar.value, e->data.scalar.length, &n->text))
        return fail_at(b, e->start_mark, "the file is too large");
    if (memchr(n->text.at, 0, n->text.len))
        return fail_at(b, e->start_mark, "a text holds a NUL");
    n->is_quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return TSDB_OK;
}

static enum tsdb_status on_open(struct builder *b, const yaml_event_t *e, enum yaml_kind kind)
{
    const yaml_char_t *anchor =
        kind == YAML_MAP ? e->data.mapping_start.anchor : e->data.sequence_start.anchor;
    const yaml_char_t *tag =
        kind == YAML_MAP ? e->data.mapping_start.tag : e->data.sequence_start.tag;
    if (anchor || tag)
        return fail_at(b, e->start_mark, "anchors and tags are not taken");
    if (b->depth == YAML_DEPTH_MAX)
        return fail_at(b, e->start_mark, "nested too deeply");
    struct yaml_node *n;
    enum tsdb_status st = add(b, kind, e->start_mark, &n);
    if (st == TSDB_OK)
        b->open[b->depth++] = n;
    return st;
}

static enum tsdb_status on_event(struct builder *b, const yaml_event_t *e, unsigned *documents)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++*documents > 1)
            return fail_at(b, e->start_mark, "want one document");
        return TSDB_OK;
    case YAML_ALIAS_EVENT: return fail_at(b, e->start_mark, "aliases are not taken");
    case YAML_SCALAR_EVENT: return on_scalar(b, e);
    case YAML_SEQUENCE_START_EVENT: return on_open(b, e, YAML_LIST);
    case YAML_MAPPING_START_EVENT: return on_open(b, e, YAML_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        ASSERT(b->depth > 0);
        b->depth--;
        return TSDB_OK;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT: return TSDB_OK;
    }
    UNREACHABLE();
}

static enum tsdb_status build(struct builder *b)
{
    unsigned documents = 0;
    bool is_end = false;
    enum tsdb_status st = TSDB_OK;
    while (st == TSDB_OK && !is_end) {
        yaml_event_t event;
        if (!yaml_parser_parse(&b->parser, &event))
            return fail_at(b, b->parser.problem_mark,
                           b->parser.problem ? b->parser.problem : "not YAML");
        st = on_event(b, &event, &documents);
        is_end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    return st;
}

enum tsdb_status yaml_tree_parse(const char *file, struct bytes in, struct arena *arena,
                                 struct yaml_node **out, struct tsdb_error *err)
{
    struct builder b = {.file = file, .arena = arena, .err = err};
    if (!yaml_parser_initialize(&b.parser))
        return tsdb_fail(err, TSDB_ELIMIT, "%s: no memory for the YAML parser", file);
    yaml_parser_set_input_string(&b.parser, in.at, in.len);
    enum tsdb_status st = build(&b);
    yaml_parser_delete(&b.parser);
    bool is_empty = !b.root || (b.root->kind == YAML_SCALAR && b.root->text.len == 0);
    if (st == TSDB_OK && is_empty) {
        b.root = ARENA_ARRAY(arena, struct yaml_node, 1);
        if (!b.root)
            return tsdb_fail(err, TSDB_ELIMIT, "%s: the file is too large", file);
        b.root->kind = YAML_MAP;
        b.root->line = b.root->column = 1;
    }
    if (st == TSDB_OK)
        *out = b.root;
    return st;
}
