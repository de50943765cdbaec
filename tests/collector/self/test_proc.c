#include "collector/self/proc.h"

#include <criterion/criterion.h>
#include <string.h>

Test(proc, reads_what_has_no_size)
{
    char text[4096];
    cr_assert(proc_read(fs_posix(), "/proc/self/status", text, sizeof text));
    cr_assert(strstr(text, "\nPid:"));
    char tiny[5];
    cr_assert(proc_read(fs_posix(), "/proc/self/status", tiny, sizeof tiny));
    cr_assert_str_eq(tiny, "Name");
}

Test(proc, missing_file_is_nothing)
{
    char text[16] = "left over";
    cr_assert_not(proc_read(fs_posix(), "/proc/self/nothing-here", text, sizeof text));
    cr_assert_str_eq(text, "");
}
