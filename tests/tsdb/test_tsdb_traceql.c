#include "tsdb/base/text.h"
#include "tsdb/tsdb.h"

#include <criterion/criterion.h>

#include <stdio.h>

static char formatted[256];

static void keep(void *arg, struct tsdb_text text)
{
    ++*(int *)arg;
    (void)snprintf(formatted, sizeof formatted, "%.*s", (int)text.len, text.at);
}

Test(tsdb_trace_query_format, hands_over_the_canonical_text)
{
    struct tsdb_error err = {.msg = ""};
    int calls = 0;
    struct tsdb_text query = text_of("{.a=~`b`&&duration>90s}|rate()by(span:name)");
    cr_assert_eq(tsdb_trace_query_format(query, keep, &calls, &err), TSDB_OK, "%s", err.msg);
    cr_expect_str_eq(formatted, "{ .a =~ \"b\" && duration > 1m30s } | rate() by(name)");
    cr_expect_eq(calls, 1);
}

Test(tsdb_trace_query_format, says_what_is_wrong)
{
    struct tsdb_error err = {.msg = ""};
    int calls = 0;
    cr_expect_eq(tsdb_trace_query_format(text_of("{ a }"), keep, &calls, &err), TSDB_EINVAL);
    cr_expect_str_eq(err.msg, "parse error at line 1, col 3: unknown identifier a: an attribute "
                              "begins with a point or its scope");
    cr_expect_eq(calls, 0);
}
