#include "tests/tsdb/logs/rig.h"

/* Goal: a record of the journal that does not decode is passed over, the others come back. */
Test(replay, passes_over_what_does_not_decode)
{
    struct rig r;
    uint64_t position;
    rig_init(&r);
    rig_put(&r, "api", RIG_NOW, "one");
    static const uint8_t bad[] = {1, 1, 0, 0xff, 0xff};
    struct bytes payload = {bad, sizeof bad};
    cr_assert_eq(journal_append(r.store.journal, LOGS_RECORD, &payload, 1, &position, NULL),
                 TSDB_OK);
    cr_assert_eq(journal_append(r.store.journal, 1, &payload, 1, &position, NULL), TSDB_OK,
                 "a record of another signal");
    rig_put(&r, "api", RIG_NOW, "two");
    rig_reopen(&r);
    cr_assert_str_eq(rig_lines(&r, "app", "api", INT64_MIN, INT64_MAX), "one,two");
    rig_release(&r);
}

Test(replay, comes_back_even_when_a_limit_was_lowered)
{
    struct rig r;
    char line[1000];
    rig_init(&r);
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    for (int i = 0; i < 100; i++)
        rig_put(&r, "api", RIG_NOW - NS_PER_DAY, line);
    rig_sync(&r);
    r.options.limits.memory_bytes = 80000;
    r.options.limits.log_line_bytes_max = 10;
    r.options.limits.labels_max = 0;
    r.options.retention = NS_PER_HOUR;
    rig_reopen(&r);
    cr_assert_eq(r.l->head.records, 100u);
    cr_assert_eq(rig_append(&r, "api", RIG_NOW, "x", NULL), TSDB_ELIMIT);
    rig_seal(&r);
    r.options.limits.labels_max = 1;
    logs_configure(r.l, &r.options);
    rig_put(&r, "api", RIG_NOW, "x");
    rig_release(&r);
}

Test(replay, a_read_only_store_answers_from_segments)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, "api", RIG_NOW, "sealed");
    rig_seal(&r);
    rig_sync(&r);
    rig_close(&r);
    r.options.is_read_only = true;
    rig_open(&r);
    cr_assert_str_eq(rig_lines(&r, "app", "api", INT64_MIN, INT64_MAX), "sealed");
    cr_assert_eq(rig_append(&r, "api", RIG_NOW, "x", NULL), TSDB_EINVAL);
    rig_release(&r);
}
