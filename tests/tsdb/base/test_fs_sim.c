#include "tsdb/base/fs_sim.h"

#include "tests/tsdb/base/fs_contract.h"

#include <errno.h>

static struct fs_sim *sim;
static struct fs *fs;
static struct random dice;

static void make(void)
{
    sim = fs_sim_new();
    fs = fs_sim_fs(sim);
    random_init(&dice, 20240131);
    cr_assert_eq(fs_mkdir(fs, "d", NULL), TSDB_OK);
    cr_assert_eq(fs_sync_dir(fs, ".", NULL), TSDB_OK);
}

static void drop(void)
{
    fs_sim_free(sim);
}

TestSuite(fs_sim, .init = make, .fini = drop);

static struct fs_file *create(const char *path)
{
    struct fs_file *file;
    cr_assert_eq(fs_open(fs, path, FS_WRITE | FS_CREATE, &file, NULL), TSDB_OK);
    return file;
}

static void put(struct fs_file *file, const char *text, uint64_t off)
{
    cr_assert_eq(fs_pwrite(file, text, strlen(text), off, NULL), TSDB_OK);
}

static void expect(const char *path, const char *text)
{
    struct bytes found = fs_sim_get(sim, path);
    cr_assert_eq(found.len, strlen(text), "%s: %zu bytes, want %zu", path, found.len, strlen(text));
    cr_assert(found.len == 0 || memcmp(found.at, text, found.len) == 0, "%s: want %s", path, text);
}

static bool is_there(const char *path)
{
    struct fs_file *file;
    if (fs_open(fs, path, FS_READ, &file, NULL) != TSDB_OK)
        return false;
    fs_close(file);
    return true;
}

Test(fs_sim, keeps_the_contract)
{
    contract_reads_what_was_written(fs, "d");
    contract_names(fs, "d");
    contract_lock_and_space(fs, "d");
}

Test(fs_sim, power_loss_takes_what_was_not_synced)
{
    struct fs_file *file = create("d/a");
    put(file, "kept", 0);
    cr_assert_eq(fs_sync(file, NULL), TSDB_OK);
    cr_assert_eq(fs_sync_dir(fs, "d", NULL), TSDB_OK);
    put(file, "LOST and more", 0);
    struct fs_file *other = create("d/b");
    put(other, "nameless", 0);
    cr_assert_eq(fs_sync(other, NULL), TSDB_OK);
    fs_sim_crash(sim, FS_SIM_LOSE_ALL, &dice);
    expect("d/a", "kept");
    cr_assert_not(is_there("d/b"), "a synced file without a synced name is gone");
    fs_close(file);
    fs_close(other);
}

Test(fs_sim, kept_power_keeps_all)
{
    struct fs_file *file = create("d/a");
    put(file, "kept", 0);
    fs_sim_crash(sim, FS_SIM_KEEP_ALL, &dice);
    expect("d/a", "kept");
    fs_close(file);
}

Test(fs_sim, handles_from_before_a_crash_are_dead)
{
    struct fs_file *file = create("d/a");
    char at;
    uint64_t size;
    fs_sim_crash(sim, FS_SIM_KEEP_ALL, &dice);
    cr_assert_eq(fs_pwrite(file, "x", 1, 0, NULL), TSDB_EIO);
    cr_assert_eq(fs_pread(file, &at, 0, 0, NULL), TSDB_EIO);
    cr_assert_eq(fs_size(file, &size, NULL), TSDB_EIO);
    cr_assert_eq(fs_sync(file, NULL), TSDB_EIO);
    fs_close(file);
    expect("d/a", "");
}

Test(fs_sim, renaming_is_atomic_but_not_durable)
{
    contract_write(fs, "d/old", "old");
    cr_assert_eq(fs_sync_dir(fs, "d", NULL), TSDB_OK);
    contract_write(fs, "d/new", "new");
    cr_assert_eq(fs_rename(fs, "d/new", "d/old", NULL), TSDB_OK);
    struct fs_sim *before = fs_sim_clone(sim);
    cr_assert_eq(fs_sync_dir(fs, "d", NULL), TSDB_OK);
    fs_sim_crash(sim, FS_SIM_LOSE_ALL, &dice);
    expect("d/old", "new");
    fs_sim_crash(before, FS_SIM_LOSE_ALL, &dice);
    struct bytes found = fs_sim_get(before, "d/old");
    cr_assert_eq(memcmp(found.at, "old", 3), 0);
    fs_sim_free(before);
}

/* The trap of rename before sync: the name is there, the bytes are not. */
Test(fs_sim, names_may_outlive_their_bytes)
{
    struct fs_file *file = create("d/a.tmp");
    put(file, "content", 0);
    cr_assert_eq(fs_rename(fs, "d/a.tmp", "d/a", NULL), TSDB_OK);
    cr_assert_eq(fs_sync_dir(fs, "d", NULL), TSDB_OK);
    fs_close(file);
    int empty = 0, zeros = 0;
    for (int i = 0; i < 32; i++) {
        struct fs_sim *copy = fs_sim_clone(sim);
        fs_sim_crash(copy, FS_SIM_LOSE_DATA, &dice);
        struct bytes found = fs_sim_get(copy, "d/a");
        empty += found.len == 0;
        zeros += found.len == 7 && found.at[0] == 0;
        fs_sim_free(copy);
    }
    cr_assert_eq(empty + zeros, 32);
    cr_assert(empty > 0 && zeros > 0, "%d empty, %d zeros", empty, zeros);
}

Test(fs_sim, failed_sync_drops_the_pages_and_the_next_one_lies)
{
    struct fs_file *file = create("d/a");
    cr_assert_eq(fs_sync_dir(fs, "d", NULL), TSDB_OK);
    put(file, "gone", 0);
    fs_sim_fail(sim, FS_SIM_SYNC, 1, EIO, FS_SIM_ONCE);
    struct tsdb_error err;
    cr_assert_eq(fs_sync(file, &err), TSDB_EIO);
    cr_assert_eq(err.os_errno, EIO);
    expect("d/a", "gone");
    put(file, "+", 4);
    cr_assert_eq(fs_sync(file, NULL), TSDB_OK, "says the kernel");
    fs_sim_crash(sim, FS_SIM_KEEP_ALL, &dice);
    struct bytes found = fs_sim_get(sim, "d/a");
    cr_assert_eq(found.len, 5);
    cr_assert_eq(memcmp(found.at, "\0\0\0\0+", 5), 0);
    cr_assert_eq(fs_sim_faults(sim), 1);
    fs_close(file);
}

Test(fs_sim, short_faults_do_half)
{
    struct fs_file *file = create("d/a");
    fs_sim_fail(sim, FS_SIM_WRITE, 2, EIO, FS_SIM_SHORT);
    put(file, "one", 0);
    cr_assert_eq(fs_pwrite(file, "1234", 4, 3, NULL), TSDB_EIO);
    expect("d/a", "one12");
    put(file, "34", 5);
    expect("d/a", "one1234");
    fs_close(file);
}

Test(fs_sim, faults_for_ever_last_until_healed)
{
    struct fs_file *file = create("d/a");
    fs_sim_fail(sim, FS_SIM_ANY_CHANGE, 2, EROFS, FS_SIM_FOR_EVER);
    put(file, "x", 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(fs_pwrite(file, "y", 1, 0, NULL), TSDB_EIO);
    cr_assert(is_there("d/a"), "reading goes on");
    fs_sim_heal(sim);
    put(file, "z", 0);
    expect("d/a", "z");
    fs_close(file);
}

Test(fs_sim, space_ends_in_the_middle_of_a_write)
{
    struct fs_file *file = create("d/a");
    struct tsdb_error err;
    uint64_t free_bytes;
    put(file, "1234", 0);
    fs_sim_set_space(sim, 6);
    cr_assert_eq(fs_free_bytes(fs, "d", &free_bytes, NULL), TSDB_OK);
    cr_assert_eq(free_bytes, 2);
    cr_assert_eq(fs_pwrite(file, "56789", 5, 4, &err), TSDB_EIO);
    cr_assert_eq(err.os_errno, ENOSPC);
    expect("d/a", "123456");
    put(file, "abcdef", 0);
    cr_assert_eq(fs_sim_used(sim), 6);
    fs_close(file);
    cr_assert_eq(fs_unlink(fs, "d/a", NULL), TSDB_OK);
    cr_assert_eq(fs_sim_used(sim), 0);
}

Test(fs_sim, power_stops_before_the_operation_asked_for)
{
    struct fs_file *file = create("d/a");
    uint64_t before = fs_sim_ops(sim);
    fs_sim_power_off_after(sim, 2);
    put(file, "a", 0);
    put(file, "b", 1);
    cr_assert_eq(fs_pwrite(file, "c", 1, 2, NULL), TSDB_EIO);
    cr_assert_eq(fs_sync(file, NULL), TSDB_EIO);
    cr_assert_not(is_there("d/a"), "nothing answers without power");
    cr_assert_eq(fs_sim_ops(sim) - before, 2);
    fs_sim_crash(sim, FS_SIM_KEEP_ALL, &dice);
    expect("d/a", "ab");
    fs_close(file);
}

/* Every subset of two writes and every set of sectors turns up. */
Test(fs_sim, random_modes_lose_reorder_and_tear)
{
    static char sectors[1024];
    memset(sectors, 'x', sizeof sectors);
    struct fs_file *file = create("d/a");
    cr_assert_eq(fs_sync_dir(fs, "d", NULL), TSDB_OK);
    cr_assert_eq(fs_pwrite(file, sectors, sizeof sectors, 0, NULL), TSDB_OK);
    put(file, "tail", sizeof sectors);
    fs_close(file);
    unsigned some = 0, torn = 0;
    for (int i = 0; i < 100; i++) {
        struct fs_sim *copy = fs_sim_clone(sim);
        enum fs_sim_mode mode = i % 2 ? FS_SIM_TORN : FS_SIM_KEEP_SOME;
        fs_sim_crash(copy, mode, &dice);
        struct bytes b = fs_sim_get(copy, "d/a");
        unsigned kept = (b.len > 0 && b.at[0] == 'x') + 2u * (b.len > 512 && b.at[512] == 'x') +
                        4u * (b.len > 1024);
        cr_assert(mode == FS_SIM_TORN || kept % 4 == 0 || kept % 4 == 3, "a write is whole");
        *(mode == FS_SIM_TORN ? &torn : &some) |= 1u << kept;
        fs_sim_free(copy);
    }
    cr_assert_eq(some, 1u << 0 | 1u << 3 | 1u << 4 | 1u << 7, "%x", some);
    cr_assert_eq(torn, 0xff, "%x", torn);
}

static void count_ops(void *arg, struct fs_sim *at, enum fs_sim_op op, const char *path)
{
    unsigned *seen = arg;
    seen[op]++;
    cr_assert_not_null(path);
    fs_sim_free(fs_sim_clone(at));
}

Test(fs_sim, watch_sees_every_operation_and_may_copy)
{
    unsigned seen[FS_SIM_ANY + 1] = {0};
    fs_sim_watch(sim, count_ops, seen);
    contract_write(fs, "d/a", "text");
    cr_assert_eq(fs_link(fs, "d/a", "d/b", NULL), TSDB_OK);
    cr_assert_eq(fs_rename(fs, "d/a", "d/c", NULL), TSDB_OK);
    cr_assert_eq(fs_unlink(fs, "d/b", NULL), TSDB_OK);
    cr_assert_eq(fs_sync_dir(fs, "d", NULL), TSDB_OK);
    cr_assert_eq(fs_mkdir(fs, "e", NULL), TSDB_OK);
    fs_sim_watch(sim, NULL, NULL);
    for (unsigned op = 0; op < FS_SIM_ANY_CHANGE; op++)
        cr_assert_eq(seen[op], 1, "operation %u: %u", op, seen[op]);
    cr_assert_eq(seen[FS_SIM_READ] + seen[FS_SIM_OPEN], 0);
}

Test(fs_sim, damage_is_durable_at_once)
{
    fs_sim_put(sim, "d/a", (struct bytes){(const uint8_t *)"abcdef", 6});
    fs_sim_flip(sim, "d/a", 1, 1);
    fs_sim_truncate(sim, "d/a", 3);
    uint64_t digest = fs_sim_digest(sim);
    fs_sim_crash(sim, FS_SIM_LOSE_ALL, &dice);
    expect("d/a", "acc");
    cr_assert_eq(fs_sim_digest(sim), digest);
    fs_sim_flip(sim, "d/a", 1, 1);
    cr_assert_neq(fs_sim_digest(sim), digest);
}

Test(fs_sim, here_is_no_folder_of_its_own)
{
    contract_write(fs, "./a", "text");
    expect("a", "text");
    cr_assert_eq(fs_rename(fs, "a", "./d/b", NULL), TSDB_OK);
    expect("././d/b", "text");
}
