#include "tsdb/store/manifest_edit.h"

#include "tests/tsdb/store/manifest_rig.h"

static struct manifest_state full_state(void)
{
    struct manifest_state s = {.next_id = 1};
    struct manifest_segment segments[3] = {rig_segment(0), rig_segment(5), rig_segment(1u << 30)};
    struct manifest_tombstone tombstones[2] = {{7, {(const uint8_t *)"", 0}},
                                               {9, {(const uint8_t *)"abc", 3}}};
    struct manifest_edit edit = {.added = segments,
                                 .added_count = 3,
                                 .has_floor = true,
                                 .floor = 123456789,
                                 .tombstones_added = tombstones,
                                 .tombstones_added_count = 2};
    cr_assert_eq(manifest_state_check(&s, &edit, NULL), TSDB_OK);
    manifest_state_apply(&s, &edit);
    return s;
}

Test(manifest_edit, state_comes_back_from_nothing)
{
    struct manifest_state s = full_state(), back = {0};
    struct writer w = {0}, again = {0};
    manifest_state_encode(&s, &w);
    cr_assert_eq(manifest_edit_decode(writer_bytes(&w), &back), TSDB_OK);
    cr_assert(back.segment_count == 3 && back.tombstone_count == 2);
    cr_assert(back.floor == s.floor && back.next_id == s.next_id);
    manifest_state_encode(&back, &again);
    cr_assert(w.len == again.len && memcmp(w.at, again.at, w.len) == 0);
    cr_assert_eq(manifest_edit_decode(writer_bytes(&w), &back), TSDB_ECORRUPT,
                 "all of it is there already");
    manifest_state_release(&s);
    manifest_state_release(&back);
    writer_release(&w);
    writer_release(&again);
}

Test(manifest_edit, cut_bytes_are_refused_and_change_nothing)
{
    struct manifest_state s = full_state();
    struct writer w = {0};
    manifest_state_encode(&s, &w);
    unsigned whole = 0;
    for (size_t len = 0; len < w.len; len++) {
        struct manifest_state back = {0};
        if (manifest_edit_decode((struct bytes){w.at, len}, &back) == TSDB_OK)
            whole++; /* cut between two items */
        else
            cr_assert_eq(back.segment_count + back.tombstone_count, 0);
        manifest_state_release(&back);
    }
    cr_assert_eq(whole, 5, "before each item: %u", whole);
    manifest_state_release(&s);
    writer_release(&w);
}

Test(manifest_edit, unknown_items_are_refused)
{
    static const uint8_t raw[] = {1, 0, 5, 0};
    struct manifest_state s = {0};
    cr_assert_eq(manifest_edit_decode((struct bytes){raw, sizeof raw}, &s), TSDB_ECORRUPT);
    cr_assert_eq(manifest_edit_decode((struct bytes){raw, 2}, &s), TSDB_OK);
    manifest_state_release(&s);
}
