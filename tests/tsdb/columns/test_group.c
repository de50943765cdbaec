#include "tsdb/columns/group.h"

#include "tests/tsdb/columns/group_model.h"

#include <criterion/criterion.h>

static const uint32_t sizes[] = {0, 1, 2, 63, 64, 65, 700, 1024, 3000, 8192, 8193, 20000};

/* Goal: what was written is read, by every function, in both forms and after sealing.
 * Method: random columns of shapes that meet every encoding; TEST_SEED replays. */
Test(group, rows_come_back)
{
    uint64_t seed = model_seed(), seen = 0;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    struct random r;
    random_init(&r, seed);
    struct budget budget;
    budget_init(&budget, UINT64_C(1) << 30, NULL);
    struct group_writer *w = group_writer_new(&budget);
    struct group_reader *reader = group_reader_new(&budget);
    for (int round = 0; round < 60; round++) {
        struct model m;
        model_init(&m, &r, sizes[(size_t)round % (sizeof sizes / sizeof *sizes)]);
        enum group_form form = round % 4 == 3 ? GROUP_SEALED : GROUP_HOT;
        struct group_strings s = {0}, sealed = {0};
        struct group *g, *again;
        model_write(&m, w);
        cr_assert_eq(group_writer_rows(w), m.rows);
        cr_assert_eq(group_writer_finish(w, form, &s, NULL), TSDB_OK);
        cr_assert_eq(group_open(model_bytes_of(&s), &g, NULL), TSDB_OK, "round %d", round);
        group_reader_open(reader, g);
        const char *what = model_group_differs(&m, g, reader);
        cr_assert_null(what, "round %d: %s", round, what);
        cr_assert_eq(group_check(g, NULL), TSDB_OK);
        for (uint32_t i = 0; i < group_columns(g); i++)
            seen |= UINT64_C(1) << group_column(g, i)->encoding;

        cr_assert_eq(group_seal(g, &budget, &sealed, NULL), TSDB_OK);
        cr_assert_eq(group_open(model_bytes_of(&sealed), &again, NULL), TSDB_OK);
        group_reader_open(reader, again);
        what = model_group_differs(&m, again, reader);
        cr_assert_null(what, "round %d, sealed: %s", round, what);
        cr_assert_eq(group_check(again, NULL), TSDB_OK);
        group_reader_open(reader, NULL);
        group_free(g);
        group_free(again);
        group_strings_release(&s);
        group_strings_release(&sealed);
        arena_release(&m.arena);
    }
    group_reader_free(reader);
    group_writer_free(w);
    cr_assert_eq(budget_used(&budget), 0, "all that was charged is given back");
    uint64_t all = (UINT64_C(1) << ENCODING_TEMPLATES) - 1;
    cr_assert_eq(seen & all, all, "encodings met: %llx", (unsigned long long)seen);
}
