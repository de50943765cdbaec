#include "tsdb/base/fs_disk.h"

#include <criterion/criterion.h>

static struct random dice;

/* Goal: name operations on one name keep their order, whatever is lost.
 * Method: create, rename away, create again; a crash never shows the second
 * file under the old name without the first rename. */
Test(fs_disk, operations_on_one_name_are_not_reordered)
{
    random_init(&dice, 7);
    unsigned seen = 0;
    for (int i = 0; i < 200; i++) {
        struct disk d = {0};
        struct disk_node *first = disk_create(&d, "a", false);
        disk_node_put(first, "1", 1);
        disk_name(&d, "a", "b", first);
        struct disk_node *second = disk_create(&d, "a", false);
        disk_node_put(second, "22", 2);
        disk_crash(&d, FS_SIM_KEEP_SOME, &dice);
        struct disk_node *a = disk_find(&d, "a"), *b = disk_find(&d, "b");
        unsigned state = (a ? (unsigned)a->now.len : 0) + 4u * (b ? (unsigned)b->now.len : 0);
        seen |= 1u << state;
        cr_assert(state == 0 || state == 1 || state == 4 || state == 6, "a and b: %u", state);
        disk_release(&d);
    }
    cr_assert_eq(seen, 1u << 0 | 1u << 1 | 1u << 4 | 1u << 6);
}

Test(fs_disk, syncing_a_folder_brings_what_its_names_depend_on)
{
    random_init(&dice, 7);
    struct disk d = {0};
    (void)disk_create(&d, "x", true);
    (void)disk_create(&d, "y", true);
    disk_sync_all_names(&d);
    struct disk_node *n = disk_create(&d, "x/f", false);
    disk_name(&d, "x/f", "y/f", n);
    struct disk_node *other = disk_create(&d, "x/g", false);
    (void)other;
    disk_sync_dir(&d, "y");
    disk_crash(&d, FS_SIM_LOSE_ALL, &dice);
    cr_assert_not_null(disk_find(&d, "y/f"));
    cr_assert_null(disk_find(&d, "x/f"));
    cr_assert_null(disk_find(&d, "x/g"), "its folder was not synced");
    disk_release(&d);
}

Test(fs_disk, a_lost_folder_takes_its_files_along)
{
    random_init(&dice, 7);
    struct disk d = {0};
    (void)disk_create(&d, "x", true);
    struct disk_node *n = disk_create(&d, "x/f", false);
    disk_node_put(n, "1", 1);
    disk_sync_dir(&d, "x");
    disk_crash(&d, FS_SIM_LOSE_ALL, &dice);
    cr_assert_null(disk_find(&d, "x/f"));
    cr_assert_eq(d.node_count, 0);
    disk_release(&d);
}
