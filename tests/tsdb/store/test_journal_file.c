#include "tsdb/store/journal_file.h"

#include "tsdb/base/crc32c.h"
#include "tsdb/base/fs_sim.h"

#include <criterion/criterion.h>

static const struct journal_header HEADER = {.sequence = 2, .base = 800, .salt = 77};
static uint8_t bytes[JOURNAL_DATA_OFF + 64];
static struct fs_sim *sim;

/* A page with the header, and two records of 5 bytes. */
static void make(void)
{
    sim = fs_sim_new();
    cr_assert_eq(fs_mkdir(fs_sim_fs(sim), "j", NULL), TSDB_OK);
    memset(bytes, 0, sizeof bytes);
    journal_header_encode(&HEADER, bytes);
    for (uint64_t at = 0; at < 48; at += 24) {
        uint8_t *to = bytes + JOURNAL_DATA_OFF + at;
        journal_record_header_encode(crc32c((uint32_t)HEADER.salt, "hello", 5), 9, 5,
                                     HEADER.base + at, to);
        memcpy(to + JOURNAL_RECORD_HEADER_BYTES, "hello", 5);
    }
}

static void drop(void)
{
    fs_sim_free(sim);
}

TestSuite(journal_file, .init = make, .fini = drop);

static struct journal_file *open_file(size_t len)
{
    struct journal_file *file;
    fs_sim_put(sim, "j/journal-00000005", (struct bytes){bytes, len});
    cr_assert_eq(journal_file_open(fs_sim_fs(sim), "j", 5, &file, NULL), TSDB_OK);
    return file;
}

Test(journal_file, numbers_come_from_names_of_the_right_form)
{
    static const char *const names[] = {
        "j/journal-0000000a", "j/journal-0000000A", "j/journal-00a",      "j/journal-0000000a1",
        "j/damaged-000000ff", "j/journal-00000001", "j/xournal-00000002", "j/journal-0000000g"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        fs_sim_put(sim, names[i], (struct bytes){0});
    struct journal_numbers n = {0};
    cr_assert_eq(journal_numbers_list(fs_sim_fs(sim), "j", &n, NULL), TSDB_OK);
    cr_assert_eq(n.count, 2);
    cr_assert(n.at[0] == 1 && n.at[1] == 10);
    cr_assert_eq(n.max, 0xff, "names set aside are not given again");
    journal_numbers_release(&n);
    char path[JOURNAL_PATH_MAX];
    cr_assert_str_eq(journal_file_path("d/e", "journal", 0xab, path), "d/e/journal-000000ab");
}

Test(journal_file, opens_at_any_length)
{
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct journal_file *file = open_file(len);
        uint64_t end = 0;
        cr_assert_eq(file->has_header, len >= JOURNAL_HEADER_BYTES);
        cr_assert_eq(file->size, len);
        if (file->has_header) {
            uint64_t want = HEADER.base;
            want += len >= JOURNAL_DATA_OFF + 21 ? 24 : 0;
            want += len >= JOURNAL_DATA_OFF + 45 ? 24 : 0;
            cr_assert_eq(journal_file_end(file, &end, NULL), TSDB_OK);
            cr_assert_eq(end, want, "%zu bytes: %lu, want %lu", len, end, want);
        }
        journal_file_close(file);
    }
}

Test(journal_file, first_record_tells_where_a_headless_file_belongs)
{
    bool is_found, is_blank;
    memset(bytes, 0, JOURNAL_DATA_OFF);
    struct journal_file *file = open_file(sizeof bytes);
    cr_assert_not(file->has_header);
    cr_assert_eq(journal_file_place(file, HEADER.salt, &is_found, &is_blank, NULL), TSDB_OK);
    cr_assert(is_found && is_blank);
    cr_assert_eq(file->header.base, HEADER.base);
    cr_assert_eq(journal_file_place(file, 78, &is_found, &is_blank, NULL), TSDB_OK);
    cr_assert(!is_found && is_blank, "another salt");
    journal_file_close(file);
    bytes[0] = 1;
    file = open_file(JOURNAL_DATA_OFF + 10);
    cr_assert_eq(journal_file_place(file, HEADER.salt, &is_found, &is_blank, NULL), TSDB_OK);
    cr_assert(!is_found && !is_blank);
    journal_file_close(file);
}

Test(journal_file, grows_by_zeros)
{
    struct journal_file *file = open_file(10);
    cr_assert_eq(journal_file_grow(file, 100000, NULL), TSDB_OK);
    cr_assert_eq(file->size, 100010);
    struct bytes found = fs_sim_get(sim, "j/journal-00000005");
    cr_assert_eq(found.len, 100010);
    cr_assert_eq(memcmp(found.at, bytes, 10), 0);
    cr_assert_eq(found.at[100009], 0);
    fs_sim_set_space(sim, 100020);
    cr_assert_eq(journal_file_grow(file, 100, NULL), TSDB_EIO);
    cr_assert_eq(file->size, 100010, "what is surely there");
    journal_file_close(file);
}

Test(journal_file, lists_keep_their_order)
{
    struct journal_file_list list = {0};
    for (uint32_t i = 0; i < 40; i++) {
        struct journal_file *file = open_file(0);
        file->number = i;
        journal_list_insert(&list, i / 2, file);
    }
    struct journal_file *taken = journal_list_take(&list, 0);
    cr_assert_eq(taken->number, 1);
    journal_file_close(taken);
    cr_assert_eq(list.count, 39);
    cr_assert_eq(list.at[0]->number, 3);
    journal_list_release(&list);
    cr_assert_eq(list.count, 0);
}
