#include "tsdb/store/journal_files.h"

#include "tsdb/base/crc32c.h"
#include "tsdb/base/fs_sim.h"
#include "tsdb/store/journal_record.h"

#include <criterion/criterion.h>
#include <errno.h>

enum { SEGMENT = 3 * 4096, RECORD = 16 + 1008 };

static struct fs_sim *sim;
static struct journal_files *files;
static uint64_t written; /* position */

static void open_files(uint64_t floor)
{
    struct journal_files_options options = {
        .fs = fs_sim_fs(sim), .dir = "j", .segment_bytes = SEGMENT, .floor = floor};
    struct tsdb_error err;
    cr_assert_eq(journal_files_open(&options, &files, &err), TSDB_OK, "%s", err.msg);
    written = journal_files_end(files);
}

static void make(void)
{
    sim = fs_sim_new();
    open_files(0);
}

static void drop(void)
{
    journal_files_close(files);
    fs_sim_free(sim);
}

TestSuite(journal_files, .init = make, .fini = drop);

static enum tsdb_status write_record(size_t *taken)
{
    uint8_t record[RECORD] = {0};
    uint32_t crc = crc32c(journal_files_salt(files), record + 16, RECORD - 16);
    journal_record_header_encode(crc, 1, RECORD - 16, written, record);
    struct tsdb_error err;
    enum tsdb_status st =
        journal_files_write(files, (struct bytes){record, RECORD}, written, taken, &err);
    written += st == TSDB_OK ? *taken : 0;
    return st;
}

static void write_records(unsigned count)
{
    while (count > 0) {
        size_t taken;
        cr_assert_eq(write_record(&taken), TSDB_OK);
        if (taken == 0)
            cr_assert_eq(journal_files_next(files, written, NULL), TSDB_OK);
        else
            count--;
    }
    cr_assert_eq(journal_files_sync(files, NULL), TSDB_OK);
}

static void tend(void)
{
    struct tsdb_error err;
    for (int i = 0; journal_files_tend(files, &err) == TSDB_OK; i++)
        cr_assert_lt(i, 100);
}

static struct journal_stats stats(void)
{
    struct journal_stats s = {0};
    journal_files_stats(files, &s);
    return s;
}

static enum tsdb_status count_record(void *arg, uint64_t position, uint8_t type,
                                     struct bytes payload)
{
    (void)position;
    (void)type;
    (void)payload;
    ++*(unsigned *)arg;
    return TSDB_OK;
}

static unsigned replay(uint64_t from)
{
    unsigned count = 0;
    cr_assert_eq(journal_files_replay(files, from, count_record, &count, NULL), TSDB_OK);
    return count;
}

static void reopen(uint64_t floor)
{
    journal_files_close(files);
    open_files(floor);
}

Test(journal_files, take_whole_records_until_they_are_full)
{
    size_t taken;
    cr_assert_eq(write_record(&taken), TSDB_OK);
    cr_assert_eq(taken, 0, "no file yet");
    cr_assert_eq(journal_files_next(files, 0, NULL), TSDB_OK);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(write_record(&taken), TSDB_OK);
        cr_assert_eq(taken, RECORD);
    }
    cr_assert_eq(write_record(&taken), TSDB_OK);
    cr_assert_eq(taken, 0, "full");
    reopen(0);
    cr_assert_eq(replay(0), 8);
    cr_assert_not(journal_files_has_current(files), "a full one is not continued");
}

Test(journal_files, fill_a_spare_once_there_is_something_to_follow)
{
    tend();
    cr_assert_eq(stats().spares, 0, "an unused journal takes no space");
    write_records(1);
    cr_assert(journal_files_take_wish(files));
    cr_assert_not(journal_files_take_wish(files), "told once");
    tend();
    cr_assert_eq(stats().spares, 1);
    cr_assert(journal_files_has_spare(files));
    cr_assert_eq(stats().disk_bytes, 2 * SEGMENT);
    uint64_t ops = fs_sim_ops(sim);
    write_records(8);
    cr_assert_eq(fs_sim_ops(sim) - ops, 8 + 1 + 1, "records, one header, one sync: no new blocks");
}

Test(journal_files, recycle_what_is_released)
{
    write_records(40);
    uint64_t five = stats().segments;
    cr_assert_eq(five, 5);
    journal_files_release(files, 24 * RECORD);
    tend();
    cr_assert_eq(stats().segments, 2, "%lu", stats().segments);
    cr_assert_eq(stats().spares, 2, "two are kept, the third is unlinked");
    write_records(16);
    reopen(24 * RECORD);
    cr_assert_eq(replay(24 * RECORD), 32);
    cr_assert_eq(stats().damaged_records, 0);
}

Test(journal_files, never_use_a_file_again_whose_header_failed)
{
    write_records(1);
    journal_files_poison(files);
    fs_sim_fail(sim, FS_SIM_WRITE, 1, EIO, FS_SIM_SHORT);
    cr_assert_eq(journal_files_next(files, written, NULL), TSDB_EIO);
    cr_assert_not(journal_files_has_current(files));
    write_records(2);
    reopen(0);
    cr_assert_eq(replay(0), 3);
}

Test(journal_files, poisoned_file_gives_way_to_the_next)
{
    write_records(3);
    journal_files_poison(files);
    written = RECORD; /* the last two were not acknowledged */
    cr_assert_eq(journal_files_next(files, written, NULL), TSDB_OK);
    write_records(4);
    cr_assert_eq(replay(0), 5, "what the next one has again counts once");
    journal_files_release(files, written);
    tend();
    cr_assert_eq(stats().segments, 1);
    struct fs_file *file;
    cr_assert_eq(fs_open(fs_sim_fs(sim), "j/journal-00000001", FS_READ, &file, NULL),
                 TSDB_ENOTFOUND, "it is not recycled");
}

Test(journal_files, lack_of_space_for_a_spare_is_not_fatal)
{
    write_records(1);
    fs_sim_set_space(sim, fs_sim_used(sim) + 100);
    struct tsdb_error err;
    enum tsdb_status st;
    while ((st = journal_files_tend(files, &err)) == TSDB_OK) {
    }
    cr_assert_eq(st, TSDB_EIO);
    cr_assert_eq(err.os_errno, ENOSPC);
    write_records(5);
    fs_sim_set_space(sim, UINT64_MAX);
    tend();
    cr_assert(journal_files_has_spare(files));
}
