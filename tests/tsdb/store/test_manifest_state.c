#include "tsdb/store/manifest_state.h"

#include "tests/tsdb/store/manifest_rig.h"

/* Random edits against a table of what should be there. */
Test(manifest_state, follows_a_model)
{
    enum { IDS = 40 };
    bool is_there[IDS] = {0};
    struct manifest_state s = {.next_id = 1};
    struct random dice;
    unsigned applied = 0, refused = 0;
    random_init(&dice, 3);
    for (int round = 0; round < 20000; round++) {
        struct manifest_segment added[4];
        uint64_t removed[4];
        struct manifest_edit edit = {.added = added, .removed = removed};
        bool after[IDS], fits = true;
        memcpy(after, is_there, sizeof after);
        edit.removed_count = random_below(&dice, 3);
        edit.added_count = random_below(&dice, 3);
        for (size_t i = 0; i < edit.removed_count; i++) {
            removed[i] = random_below(&dice, IDS);
            fits = fits && after[removed[i]];
            after[removed[i]] = false;
        }
        for (size_t i = 0; i < edit.added_count; i++) {
            added[i] = rig_segment(random_below(&dice, IDS));
            fits = fits && !after[added[i].id];
            after[added[i].id] = true;
        }
        enum tsdb_status st = manifest_state_check(&s, &edit, NULL);
        cr_assert_eq(st == TSDB_OK, fits, "round %d", round);
        if (fits) {
            manifest_state_apply(&s, &edit);
            memcpy(is_there, after, sizeof after);
        }
        applied += fits;
        refused += !fits;
        size_t count = 0;
        for (uint64_t id = 0; id < IDS; id++) {
            cr_assert_eq(manifest_state_find(&s, id) != NULL, is_there[id]);
            count += is_there[id];
        }
        cr_assert_eq(s.segment_count, count);
    }
    cr_assert(applied > 1000 && refused > 1000, "%u applied, %u refused", applied, refused);
    cr_assert_eq(s.next_id, IDS);
    manifest_state_release(&s);
}

Test(manifest_state, last_id_cannot_be_taken)
{
    struct manifest_state s = {.next_id = 1};
    struct manifest_segment last = rig_segment(UINT64_MAX);
    struct manifest_edit edit = {.added = &last, .added_count = 1};
    cr_assert_eq(manifest_state_check(&s, &edit, NULL), TSDB_EINVAL);
    last.id--;
    cr_assert_eq(manifest_state_check(&s, &edit, NULL), TSDB_OK);
    manifest_state_apply(&s, &edit);
    cr_assert_eq(s.next_id, UINT64_MAX);
    manifest_state_release(&s);
}
