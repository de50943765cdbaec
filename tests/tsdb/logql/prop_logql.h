/* prop_logql.h - the law of formatting: what parses, prints, and what is printed parses to
 * a tree that prints the same, on one line and pretty. */
#ifndef TESTS_TSDB_LOGQL_PROP_LOGQL_H
#define TESTS_TSDB_LOGQL_PROP_LOGQL_H

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/logql/ast.h"

static inline void prop_node(void *arg, const struct expr *e)
{
    const struct expr *parent = arg;
    ASSERT(parent->begin <= e->begin && e->begin < e->end);
    ASSERT(e->height >= 1 && e->height < parent->height);
    ASSERT(e->kind != EXPR_FOREIGN || (e->type == TYPE_VECTOR && e->height == 1));
    ASSERT(e->kind != EXPR_FOREIGN || (e->foreign.node && e->foreign.format));
    struct expr copy = *e; /* the visitor takes no const pointer */
    expr_each_child(e, prop_node, &copy);
}

static inline struct tsdb_text prop_text(const struct writer *w)
{
    return (struct tsdb_text){(const char *)w->at, w->len};
}

/* The canonical text of what `text`, which is one, parses to must be `want`. */
static inline void prop_again(struct tsdb_text text, struct tsdb_text want, uint32_t height)
{
    struct arena arena;
    struct logql q;
    struct tsdb_error err;
    struct writer out = {0};
    arena_init(&arena, 64 << 20, NULL);
    enum tsdb_status st = logql_parse(text, &arena, NULL, &q, &err);
    /* Canonical text may be longer than what it came from. */
    ASSERT(st == TSDB_OK || text.len > EXPR_TEXT_MAX);
    if (st == TSDB_OK) {
        logql_format(&q, &out, false);
        ASSERT(text_equal(prop_text(&out), want));
        ASSERT(height == (q.metric ? q.metric->height : 0));
    }
    arena_release(&arena);
    writer_release(&out);
}

/* Returns whether the text was accepted, so that a driver can tell that it tested
 * something. */
static inline bool prop_logql(const uint8_t *data, size_t len)
{
    struct writer line = {0}, pretty = {0};
    struct arena arena;
    struct logql q;
    struct tsdb_error err;
    arena_init(&arena, 64 << 20, NULL);
    enum tsdb_status st =
        logql_parse((struct tsdb_text){(const char *)data, len}, &arena, NULL, &q, &err);
    if (st == TSDB_OK) {
        struct expr above = {.height = EXPR_HEIGHT_MAX + 1};
        ASSERT(!q.logs != !q.metric);
        if (q.metric)
            prop_node(&above, q.metric);
        uint32_t height = q.metric ? q.metric->height : 0;
        logql_format(&q, &line, false);
        logql_format(&q, &pretty, true);
        prop_again(prop_text(&line), prop_text(&line), height);
        prop_again(prop_text(&pretty), prop_text(&line), height);
    } else {
        ASSERT(err.status == st && err.msg[0] != '\0');
    }
    arena_release(&arena);
    writer_release(&line);
    writer_release(&pretty);
    return st == TSDB_OK;
}

#endif
