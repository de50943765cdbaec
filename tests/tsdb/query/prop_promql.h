/* prop_promql.h - the law of formatting: what parses, prints, and what is
 * printed parses to a tree that prints the same, on one line and pretty. */
#ifndef TESTS_TSDB_QUERY_PROP_PROMQL_H
#define TESTS_TSDB_QUERY_PROP_PROMQL_H

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/query/ast.h"

static inline void prop_node(void *arg, const struct expr *e)
{
    const struct expr *parent = arg;
    ASSERT(e->begin < e->end);
    ASSERT(parent->begin <= e->begin && e->height < parent->height);
    ASSERT(e->height >= 1 && e->height <= EXPR_HEIGHT_MAX);
    struct expr copy = *e; /* the visitor takes no const pointer */
    expr_each_child(e, prop_node, &copy);
}

/* The canonical text of what `text` parses to; it must parse. */
static inline void prop_again(struct tsdb_text text, struct writer *out)
{
    struct arena arena;
    struct expr *e;
    struct tsdb_error err;
    arena_init(&arena, 64 << 20, NULL);
    enum tsdb_status st = promql_parse(text, &arena, &e, &err);
    /* Canonical text may be longer than what it came from. */
    ASSERT(st == TSDB_OK || text.len > EXPR_TEXT_MAX);
    if (st == TSDB_OK)
        promql_format(e, out, false);
    arena_release(&arena);
}

static inline struct tsdb_text prop_text(const struct writer *w)
{
    return (struct tsdb_text){(const char *)w->at, w->len};
}

/* Returns whether the text was accepted, so that a driver can tell that it
 * tested something. */
static inline bool prop_promql(const uint8_t *data, size_t len)
{
    struct writer line = {0}, pretty = {0}, again = {0}, from_pretty = {0};
    struct arena arena;
    struct expr *e;
    struct tsdb_error err;
    arena_init(&arena, 64 << 20, NULL);
    enum tsdb_status st =
        promql_parse((struct tsdb_text){(const char *)data, len}, &arena, &e, &err);
    if (st == TSDB_OK) {
        struct expr above = {.height = EXPR_HEIGHT_MAX + 1};
        prop_node(&above, e);
        ASSERT(e->end <= len);
        promql_format(e, &line, false);
        promql_format(e, &pretty, true);
        prop_again(prop_text(&line), &again);
        prop_again(prop_text(&pretty), &from_pretty);
        ASSERT(again.len == 0 || text_equal(prop_text(&line), prop_text(&again)));
        ASSERT(from_pretty.len == 0 || text_equal(prop_text(&line), prop_text(&from_pretty)));
    } else {
        ASSERT(err.status == st && err.msg[0] != '\0');
    }
    arena_release(&arena);
    writer_release(&line);
    writer_release(&pretty);
    writer_release(&again);
    writer_release(&from_pretty);
    return st == TSDB_OK;
}

#endif
