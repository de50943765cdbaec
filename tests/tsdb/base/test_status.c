#include "tsdb/base/status.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(status, a_failure_is_one_statement)
{
    struct tsdb_error err = {0};
    cr_assert_eq(tsdb_fail(&err, TSDB_EINVAL, "%s: got %d, want %d", "x", 1, 2), TSDB_EINVAL);
    cr_assert_eq(err.status, TSDB_EINVAL);
    cr_assert_eq(err.os_errno, 0);
    cr_assert_str_eq(err.msg, "x: got 1, want 2");
    cr_assert_eq(tsdb_fail(NULL, TSDB_ELIMIT, "nobody asks"), TSDB_ELIMIT);
}

Test(status, the_system_says_why)
{
    struct tsdb_error err = {0};
    errno = ENOENT;
    cr_assert_eq(tsdb_fail_os(&err, "open %s", "/x"), TSDB_EIO);
    cr_assert_eq(err.os_errno, ENOENT);
    cr_assert_eq(strncmp(err.msg, "open /x", 7), 0);
    cr_assert(strstr(err.msg, "No such file"), "%s", err.msg);
    errno = ENOSPC;
    cr_assert_eq(tsdb_fail_os(NULL, "write"), TSDB_EIO);
}

Test(status, long_text_is_cut_and_ends)
{
    struct tsdb_error err = {0};
    char text[1000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    (void)!tsdb_fail(&err, TSDB_EIO, "%s", text);
    cr_assert_eq(strlen(err.msg), sizeof err.msg - 1);
    errno = EIO;
    (void)!tsdb_fail_os(&err, "%s", text);
    cr_assert_lt(strlen(err.msg), sizeof err.msg);
}
