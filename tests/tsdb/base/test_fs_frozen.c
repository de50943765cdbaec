#include "tsdb/base/fs_frozen.h"

#include "tsdb/base/fs_sim.h"

#include <criterion/criterion.h>

static bool count(void *arg, const char *name)
{
    (void)name;
    ++*(int *)arg;
    return true;
}

Test(fs_frozen, nothing_that_is_done_through_it_changes_anything)
{
    struct fs_sim *sim = fs_sim_new();
    struct fs_frozen frozen;
    struct fs *fs = fs_frozen_init(&frozen, fs_sim_fs(sim));
    cr_assert_eq(fs_mkdir(fs_sim_fs(sim), "d", NULL), TSDB_OK);
    fs_sim_put(sim, "d/a", (struct bytes){(const uint8_t *)"abc", 3});
    uint64_t before = fs_sim_digest(sim);
    struct fs_file *file;
    cr_assert_eq(fs_open(fs, "d/a", FS_WRITE, &file, NULL), TSDB_OK);
    char text[4] = "";
    cr_assert_eq(fs_pread(file, text, 3, 0, NULL), TSDB_OK);
    cr_assert_str_eq(text, "abc");
    struct bytes map;
    cr_assert_eq(fs_map(file, &map, NULL), TSDB_OK);
    fs_unmap(fs, map);
    cr_assert_eq(fs_sync(file, NULL), TSDB_OK);
    cr_assert_eq(fs_pwrite(file, "x", 1, 0, NULL), TSDB_EINVAL);
    fs_close(file);
    cr_assert_eq(fs_open(fs, "d/b", FS_WRITE | FS_CREATE, &file, NULL), TSDB_EINVAL);
    cr_assert_eq(fs_open(fs, "d/a", FS_WRITE | FS_TRUNCATE, &file, NULL), TSDB_EINVAL);
    cr_assert_eq(fs_open(fs, "d/b", FS_WRITE, &file, NULL), TSDB_ENOTFOUND);
    cr_assert_eq(fs_rename(fs, "d/a", "d/b", NULL), TSDB_OK);
    cr_assert_eq(fs_unlink(fs, "d/a", NULL), TSDB_OK);
    cr_assert_eq(fs_link(fs, "d/a", "d/c", NULL), TSDB_EINVAL);
    cr_assert_eq(fs_mkdir(fs, "e", NULL), TSDB_OK);
    cr_assert_eq(fs_sync_dir(fs, "d", NULL), TSDB_OK);
    int n = 0;
    cr_assert_eq(fs_list(fs, "d", count, &n, NULL), TSDB_OK);
    cr_assert_eq(n, 1);
    cr_assert_eq(fs_list(fs, "e", count, &n, NULL), TSDB_OK, "a missing folder is empty");
    cr_assert_eq(n, 1);
    cr_assert_eq(fs_sim_digest(sim), before);
    fs_sim_free(sim);
}
