#include "tests/tsdb/base/fs_contract.h"

#include <stdlib.h>
#include <unistd.h>

static void with_folder(void (*run)(struct fs *fs, const char *dir))
{
    char dir[] = "/tmp/andon-fs-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    run(fs_posix(), dir);
    char sub[CONTRACT_PATH_MAX];
    (void)rmdir(contract_path(dir, "sub", sub));
    cr_assert_eq(rmdir(dir), 0, "the test left files");
}

Test(fs_posix, reads_what_was_written)
{
    with_folder(contract_reads_what_was_written);
}

Test(fs_posix, names_follow_their_files)
{
    with_folder(contract_names);
}

Test(fs_posix, lock_is_exclusive)
{
    with_folder(contract_lock_and_space);
}

Test(fs_posix, does_not_follow_a_symbolic_link)
{
    char dir[] = "/tmp/andon-fs-XXXXXX", path[CONTRACT_PATH_MAX];
    struct fs_file *file;
    cr_assert_not_null(mkdtemp(dir));
    contract_path(dir, "link", path);
    cr_assert_eq(symlink("/dev/null", path), 0);
    cr_assert_eq(fs_open(fs_posix(), path, FS_READ, &file, NULL), TSDB_EIO);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(rmdir(dir), 0);
}
