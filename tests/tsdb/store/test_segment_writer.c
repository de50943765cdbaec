#include "tests/tsdb/store/segment_rig.h"
#include "tsdb/store/segment_format.h"

/* The layout that segment.h draws, byte by byte. */
Test(segment_writer, layout_is_the_one_drawn)
{
    struct fs_sim *sim = fs_sim_new();
    (void)segment_rig_write(fs_sim_fs(sim), "a", 100, 2);
    struct bytes file = fs_sim_get(sim, "a");
    struct segment_trailer t;
    cr_assert_eq(memcmp(file.at, "ANDONSEG", 8), 0);
    cr_assert_eq(file.at[64], segment_rig_byte(1, 0));
    cr_assert_eq(file.at[64 + 128], segment_rig_byte(2, 0), "sections are aligned");
    for (size_t i = 64 + 100; i < 64 + 128; i++)
        cr_assert_eq(file.at[i], 0);
    struct bytes tail = {file.at + file.len - SEGMENT_TRAILER_BYTES, SEGMENT_TRAILER_BYTES};
    cr_assert_eq(segment_trailer_decode(tail, &t), TSDB_OK);
    cr_assert_eq(t.footer_off, 64 + 256);
    cr_assert_eq(t.footer_len, 2 * SEGMENT_TOC_ENTRY_BYTES + 2 * 4);
    cr_assert_eq(t.bytes, file.len);
    cr_assert_eq(t.section_count, 2);
    struct reader r = reader_over((struct bytes){file.at + t.footer_off, t.footer_len});
    for (uint32_t id = 1; id <= 2; id++) {
        cr_assert_eq(reader_le32(&r), id);
        cr_assert_eq(reader_le32(&r), 0);
        cr_assert_eq(reader_le64(&r), 64 + 128 * (id - 1));
        cr_assert_eq(reader_le64(&r), 100);
    }
    fs_sim_free(sim);
}

Test(segment_writer, buffers_its_writes)
{
    struct fs_sim *sim = fs_sim_new();
    uint64_t before = fs_sim_ops(sim);
    struct segment_writer *w;
    struct segment_facts facts;
    cr_assert_eq(segment_writer_open(fs_sim_fs(sim), "a", &w, NULL), TSDB_OK);
    segment_section_begin(w, 1);
    for (int i = 0; i < 100000; i++)
        cr_assert_eq(segment_write(w, (struct bytes){(const uint8_t *)"12345678", 8}, NULL),
                     TSDB_OK);
    segment_section_end(w);
    cr_assert_eq(segment_writer_seal(w, &facts, NULL), TSDB_OK);
    cr_assert_leq(fs_sim_ops(sim) - before, 1 + 4 + 3, "create, writes, sync, rename, folder");
    fs_sim_free(sim);
}
