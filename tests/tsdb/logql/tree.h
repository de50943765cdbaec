/* tree.h - the tree of a query that a test knows to be right. */
#ifndef TESTS_TSDB_LOGQL_TREE_H
#define TESTS_TSDB_LOGQL_TREE_H

#include "tsdb/base/text.h"
#include "tsdb/logql/ast.h"

#include <criterion/criterion.h>

/* Lives until the test's process ends. */
static inline struct logql query_of(const char *text)
{
    static struct arena arena;
    struct logql q = {0};
    struct tsdb_error err = {.msg = ""};
    if (arena.limit == 0)
        arena_init(&arena, 64 << 20, NULL);
    enum tsdb_status st = logql_parse(text_of(text), &arena, NULL, &q, &err);
    cr_assert_eq(st, TSDB_OK, "%s: %s", text, err.msg);
    return q;
}

static inline const struct log_expr *logs_of(const char *text)
{
    struct logql q = query_of(text);
    cr_assert_not_null(q.logs, "%s", text);
    return q.logs;
}

#define expect_text(got, want)                                                                     \
    cr_expect(text_equal((got), text_of(want)), "got %.*s, want %s", (int)(got).len, (got).at, want)

#endif
