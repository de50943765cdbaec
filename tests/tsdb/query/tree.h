/* tree.h - the tree of an expression that a test knows to be right. */
#ifndef TESTS_TSDB_QUERY_TREE_H
#define TESTS_TSDB_QUERY_TREE_H

#include "tsdb/base/text.h"
#include "tsdb/query/ast.h"

#include <criterion/criterion.h>

/* Lives until the test's process ends. */
static inline const struct expr *tree_of(const char *text)
{
    static struct arena arena;
    struct expr *e;
    struct tsdb_error err = {.msg = ""};
    if (arena.limit == 0)
        arena_init(&arena, 64 << 20, NULL);
    enum tsdb_status st = promql_parse(text_of(text), &arena, &e, &err);
    cr_assert_eq(st, TSDB_OK, "%s: %s", text, err.msg);
    return e;
}

#endif
