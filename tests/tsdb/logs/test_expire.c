/* Goal: segments beyond the retention go; records that a rule of their stream ends are hidden at
 * once, head or segment, and removed in time; a clock that jumps ahead deletes nothing. */
#include "tests/tsdb/logs/rig.h"

static uint64_t stored(struct rig *r)
{
    struct tsdb_stats s = {0};
    logs_stats(r->l, &s);
    return s.log_segment_records;
}

static void expire(struct rig *r)
{
    struct tsdb_error err = {0};
    clock_sim_advance(&r->clock, NS_PER_HOUR);
    store_watch_disk(&r->store);
    cr_assert_eq(logs_expire(r->l, &err), TSDB_OK, "%s", err.msg);
}

Test(expire, by_the_time_of_whole_segments)
{
    struct rig r;
    rig_init(&r);
    for (int day = 0; day < 6; day++) {
        char line[2] = {(char)('0' + day), '\0'};
        rig_put(&r, "api", RIG_NOW - day * NS_PER_DAY, line);
    }
    rig_seal(&r);
    cr_assert_eq(r.l->shelf.list->count, 6u);
    r.options.retention = 2 * NS_PER_DAY + NS_PER_HOUR * 2;
    logs_configure(r.l, &r.options);
    expire(&r);
    cr_assert_str_eq(rig_lines(&r, "app", "api", INT64_MIN, INT64_MAX), "2,1,0");
    clock_sim_advance(&r.clock, 1000 * NS_PER_DAY);
    expire(&r);
    cr_assert_str_eq(rig_lines(&r, "app", "api", INT64_MIN, INT64_MAX), "2,1,0",
                     "the clock jumped: the newest record counts");
    rig_reopen(&r);
    cr_assert_eq(stored(&r), 3u);
    rig_release(&r);
}

Test(expire, by_rules_of_streams)
{
    struct rig r;
    rig_init(&r);
    struct tsdb_log_retention rules[] = {{"", "{app=\"audit\"}", 0}, /* for ever */
                                         {"blue", "{app=~\".+\"}", NS_PER_S},
                                         {NULL, "{app=~`a.*|db`}", NS_PER_DAY}};
    r.options.log_retention = rules;
    r.options.log_retention_count = 3;
    logs_configure(r.l, &r.options);
    static const char *const apps[] = {"audit", "api", "db", "web"};
    for (int i = 0; i < 4; i++) {
        rig_put(&r, apps[i], RIG_NOW - 36 * NS_PER_HOUR, "old");
        rig_put(&r, apps[i], RIG_NOW, "new");
    }
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 4; i++)
            cr_assert_str_eq(rig_lines(&r, "app", apps[i], INT64_MIN, INT64_MAX),
                             i == 0 || i == 3 ? "old,new" : "new", "round %d, %s", round, apps[i]);
        if (round == 0)
            rig_seal(&r);
        else if (round == 1)
            rig_merge(&r);
        else if (round == 2)
            expire(&r);
        else
            rig_reopen(&r);
    }
    cr_assert_eq(stored(&r), 6u, "%llu", (unsigned long long)stored(&r));
    rig_release(&r);
}

Test(expire, a_rule_that_does_not_parse)
{
    struct rig r;
    rig_init(&r);
    struct tsdb_log_retention rules[] = {{"", "{app=\"db\"", 1}, {"", "{app=\"api\"}", 1}};
    r.options.log_retention = rules;
    r.options.log_retention_count = 2;
    rig_put(&r, "api", RIG_NOW - 10, "x");
    rig_put(&r, "db", RIG_NOW - 10, "x");
    logs_configure(r.l, &r.options);
    cr_assert_str_eq(rig_lines(&r, "app", "api", INT64_MIN, INT64_MAX), "", "the good one holds");
    cr_assert_str_eq(rig_lines(&r, "app", "db", INT64_MIN, INT64_MAX), "x");
    rig_close(&r);
    struct tsdb_error err = {0};
    cr_assert_eq(rig_try_open(&r, &err), TSDB_EINVAL);
    cr_assert(strstr(err.msg, "selector"), "%s", err.msg);
    r.options.log_retention_count = 0;
    rig_open(&r);
    rig_release(&r);
}
