#include "tsdb/store/journal_record.h"

#include "tsdb/base/crc32c.h"
#include "tsdb/base/fs_sim.h"
#include "tsdb/store/journal.h"

#include <criterion/criterion.h>

static const struct journal_header HEADER = {
    .sequence = 7, .base = 4096, .salt = 0x1122334455667788};

Test(journal_record, header_comes_back_from_either_copy)
{
    uint8_t page[JOURNAL_DATA_OFF];
    struct journal_header h;
    journal_header_encode(&HEADER, page);
    for (size_t bit = 0; bit < 8 * JOURNAL_HEADER_BYTES; bit++)
        for (size_t copy = 0; copy <= JOURNAL_HEADER_COPY_OFF; copy += JOURNAL_HEADER_COPY_OFF) {
            page[copy + bit / 8] ^= (uint8_t)(1u << bit % 8);
            cr_assert_eq(journal_header_decode((struct bytes){page, sizeof page}, &h), TSDB_OK);
            cr_assert(h.sequence == 7 && h.base == 4096 && h.salt == HEADER.salt);
            page[copy + bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
}

Test(journal_record, newer_of_two_headers_counts)
{
    uint8_t page[JOURNAL_DATA_OFF], older[JOURNAL_DATA_OFF];
    struct journal_header h, old = {.sequence = 3, .base = 8, .salt = HEADER.salt};
    journal_header_encode(&HEADER, page);
    journal_header_encode(&old, older);
    memcpy(page, older, JOURNAL_HEADER_BYTES);
    cr_assert_eq(journal_header_decode((struct bytes){page, sizeof page}, &h), TSDB_OK);
    cr_assert_eq(h.sequence, 7);
}

Test(journal_record, header_of_any_length_is_rejected_or_whole)
{
    uint8_t page[JOURNAL_DATA_OFF];
    struct journal_header h;
    journal_header_encode(&HEADER, page);
    for (size_t len = 0; len <= sizeof page; len++)
        cr_assert_eq(journal_header_decode((struct bytes){page, len}, &h),
                     len < JOURNAL_HEADER_BYTES ? TSDB_ECORRUPT : TSDB_OK);
}

static void reseal(uint8_t page[JOURNAL_DATA_OFF])
{
    uint32_t crc = crc32c(0, page, 60);
    memcpy(page + 60, &crc, 4);
    memcpy(page + JOURNAL_HEADER_COPY_OFF, page, JOURNAL_HEADER_BYTES);
}

Test(journal_record, newer_format_is_refused_not_repaired)
{
    uint8_t page[JOURNAL_DATA_OFF];
    struct journal_header h;
    journal_header_encode(&HEADER, page);
    page[8] = 9; /* written by a newer version that still lets us read */
    reseal(page);
    cr_assert_eq(journal_header_decode((struct bytes){page, sizeof page}, &h), TSDB_OK);
    page[12] = 2;
    reseal(page);
    cr_assert_eq(journal_header_decode((struct bytes){page, sizeof page}, &h), TSDB_EINVAL);
    page[12] = 1;
    page[16] = 1;
    reseal(page);
    cr_assert_eq(journal_header_decode((struct bytes){page, sizeof page}, &h), TSDB_EINVAL);
}

Test(journal_record, positions_that_could_overflow_are_refused)
{
    uint8_t page[JOURNAL_DATA_OFF];
    struct journal_header h = HEADER;
    h.base = JOURNAL_BASE_MAX;
    journal_header_encode(&h, page);
    cr_assert_eq(journal_header_decode((struct bytes){page, sizeof page}, &h), TSDB_OK);
    h.base = JOURNAL_BASE_MAX + 8;
    journal_header_encode(&h, page);
    cr_assert_eq(journal_header_decode((struct bytes){page, sizeof page}, &h), TSDB_ECORRUPT);
    h.base = 4;
    journal_header_encode(&h, page);
    cr_assert_eq(journal_header_decode((struct bytes){page, sizeof page}, &h), TSDB_ECORRUPT);
}

/* ---- scanning ------------------------------------------------------------------- */

static size_t add_record(uint8_t *at, uint64_t position, uint8_t type, const char *text)
{
    size_t len = strlen(text);
    memset(at, 0, journal_record_bytes(len));
    journal_record_header_encode(crc32c((uint32_t)HEADER.salt, text, len), type, (uint32_t)len,
                                 position, at);
    memcpy(at + JOURNAL_RECORD_HEADER_BYTES, text, len);
    cr_assert_eq(journal_record_size(at), journal_record_bytes(len));
    return journal_record_bytes(len);
}

static unsigned scan(const uint8_t *at, size_t len, char *texts)
{
    struct fs_sim *sim = fs_sim_new();
    struct fs_file *file;
    struct journal_scan s;
    struct journal_record r;
    unsigned count = 0;
    enum tsdb_status st;
    fs_sim_put(sim, "f", (struct bytes){at, len});
    cr_assert_eq(fs_open(fs_sim_fs(sim), "f", FS_READ, &file, NULL), TSDB_OK);
    journal_scan_init(&s, file, len, &HEADER);
    texts[0] = '\0';
    while ((st = journal_scan_next(&s, &r, NULL)) == TSDB_OK) {
        cr_assert_eq(r.end, r.start + journal_record_bytes(r.payload.len));
        strncat(texts, (const char *)r.payload.at, r.payload.len);
        count++;
    }
    cr_assert_eq(st, TSDB_END);
    journal_scan_release(&s);
    fs_close(file);
    fs_sim_free(sim);
    return count;
}

static uint8_t file_bytes[JOURNAL_DATA_OFF + 512];

/* abc, an empty one, defghijk, l; returns the length of all. */
static size_t make_file(void)
{
    uint64_t at = HEADER.base;
    uint8_t *to = file_bytes + JOURNAL_DATA_OFF;
    memset(file_bytes, 0, sizeof file_bytes);
    journal_header_encode(&HEADER, file_bytes);
    const char *texts[] = {"abc", "", "defghijk", "l"};
    for (size_t i = 0; i < 4; i++) {
        size_t n = add_record(to, at, (uint8_t)(1 + i), texts[i]);
        to += n;
        at += n;
    }
    return (size_t)(to - file_bytes);
}

Test(journal_record, scan_reads_all_in_order)
{
    char texts[64];
    size_t len = make_file();
    cr_assert_eq(scan(file_bytes, len, texts), 4);
    cr_assert_str_eq(texts, "abcdefghijkl");
    cr_assert_eq(scan(file_bytes, sizeof file_bytes, texts), 4, "zeros behind");
    cr_assert_eq(scan(file_bytes, JOURNAL_DATA_OFF, texts), 0);
    cr_assert_eq(scan(file_bytes, 10, texts), 0);
}

Test(journal_record, scan_stops_at_a_cut_anywhere)
{
    char texts[64];
    size_t len = make_file();
    static const size_t ends[] = {19, 40, 64, 81}; /* of each record without padding */
    for (size_t cut = JOURNAL_DATA_OFF; cut <= len; cut++) {
        unsigned want = 0;
        for (size_t i = 0; i < 4; i++)
            want += cut - JOURNAL_DATA_OFF >= ends[i];
        cr_assert_eq(scan(file_bytes, cut, texts), want, "cut at %zu", cut);
    }
}

Test(journal_record, flipped_bit_loses_its_record_only)
{
    char texts[64];
    size_t len = make_file();
    unsigned lost[4] = {0};
    for (size_t bit = 8 * JOURNAL_DATA_OFF; bit < 8 * len; bit++) {
        file_bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        unsigned count = scan(file_bytes, len, texts);
        file_bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert(count == 3 || count == 4, "bit %zu: %u records", bit, count);
        cr_assert(count == 4
                      ? strcmp(texts, "abcdefghijkl") == 0
                      : strcmp(texts, "defghijkl") == 0 || strcmp(texts, "abcl") == 0 ||
                            strcmp(texts, "abcdefghijk") == 0 || strcmp(texts, "abcdefghijkl") == 0,
                  "bit %zu: %s", bit, texts);
        lost[0] += count == 3;
    }
    cr_assert_gt(lost[0], 8 * 70, "padding apart, every bit matters");
}

Test(journal_record, records_of_an_earlier_life_are_not_taken)
{
    char texts[64];
    size_t len = make_file();
    (void)add_record(file_bytes + JOURNAL_DATA_OFF, HEADER.base - 4096, 1, "abc");
    cr_assert_eq(scan(file_bytes, len, texts), 3, "another position");
    make_file();
    uint8_t *at = file_bytes + JOURNAL_DATA_OFF;
    journal_record_header_encode(crc32c(99, "abc", 3), 1, 3, HEADER.base, at);
    cr_assert_eq(scan(file_bytes, len, texts), 3, "another store's salt");
}
