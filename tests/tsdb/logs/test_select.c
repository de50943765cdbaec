/* Goal: a set holds what matches and lies in the range, each stream under one number, whole as
 * long as it is open, within its memory. */
#include "tests/tsdb/logs/rig.h"

static struct logs_set *select_all(struct rig *r, int64_t start, int64_t end)
{
    struct logs_selection sel = {.start = start, .end = end};
    struct logs_set *set;
    struct tsdb_error err = {0};
    cr_assert_eq(logs_select(r->l, &sel, NULL, &set, &err), TSDB_OK, "%s", err.msg);
    return set;
}

Test(select, a_stream_has_one_number_wherever_it_is)
{
    struct rig r;
    bool did;
    rig_init(&r);
    rig_put(&r, "api", RIG_NOW, "segment");
    rig_seal(&r);
    rig_put(&r, "api", RIG_NOW, "another");
    rig_put(&r, "db", RIG_NOW, "another");
    rig_seal(&r);
    rig_put(&r, "api", RIG_NOW, "hot");
    cr_assert_eq(logs_group_open(r.l, UINT32_MAX, &did, NULL), TSDB_OK);
    rig_put(&r, "api", RIG_NOW, "open");
    struct logs_set *set = select_all(&r, INT64_MIN, INT64_MAX);
    cr_assert_eq(logs_set_parts(set), 4u);
    cr_assert_eq(logs_set_streams(set), 2u);
    logs_set_close(set);
    cr_assert_str_eq(rig_lines(&r, "app", "api", RIG_NOW, RIG_NOW + 1), "another,hot,open,segment");
    rig_release(&r);
}

Test(select, a_set_outlives_what_comes_after)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, "api", RIG_NOW, "one");
    struct logs_set *open = select_all(&r, INT64_MIN, INT64_MAX);
    rig_seal(&r);
    struct logs_set *sealed = select_all(&r, INT64_MIN, INT64_MAX);
    rig_put(&r, "api", RIG_NOW + 1, "two");
    rig_seal(&r);
    rig_merge(&r);
    clock_sim_advance(&r.clock, NS_PER_DAY);
    rig_seal(&r); /* the stream is forgotten */
    struct logs_set *sets[] = {open, sealed};
    for (int i = 0; i < 2; i++) {
        struct rig_rows rows = {0};
        cr_assert_eq(logs_set_parts(sets[i]), 1u);
        cr_assert_eq(logs_set_touch(sets[i], 0, NULL), TSDB_OK);
        rig_read_part(sets[i], logs_set_part(sets[i], 0), INT64_MIN, INT64_MAX, &rows);
        cr_assert_eq(rows.count, 1u);
        cr_assert_str_eq(rows.at[0].text, "{app=api,} | one |");
        rig_rows_release(&rows);
        logs_set_close(sets[i]);
    }
    rig_release(&r);
}

Test(select, parts_outside_are_left_out)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, "api", RIG_NOW - NS_PER_DAY, "a");
    rig_put(&r, "api", RIG_NOW, "b");
    rig_seal(&r);
    static const struct {
        int64_t start, end;
        uint32_t parts;
    } cases[] = {{INT64_MIN, INT64_MAX, 2},
                 {RIG_NOW, INT64_MAX, 1},
                 {RIG_NOW + 1, INT64_MAX, 0},
                 {INT64_MIN, RIG_NOW, 1},
                 {INT64_MIN, RIG_NOW - NS_PER_DAY, 0},
                 {RIG_NOW, RIG_NOW, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct logs_set *set = select_all(&r, cases[i].start, cases[i].end);
        cr_assert_eq(logs_set_parts(set), cases[i].parts, "case %zu", i);
        logs_set_close(set);
    }
    rig_release(&r);
}

Test(select, the_cached_group_is_used_until_rows_come)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, "api", RIG_NOW, "a");
    logs_set_close(select_all(&r, INT64_MIN, INT64_MAX));
    struct open_groups *cached = r.l->head.cached;
    logs_set_close(select_all(&r, INT64_MIN, INT64_MAX));
    cr_assert_eq(r.l->head.cached, cached);
    rig_put(&r, "api", RIG_NOW, "b");
    logs_set_close(select_all(&r, RIG_NOW + 1, INT64_MAX));
    cr_assert_eq(r.l->head.cached, cached, "nothing open lies in the range");
    cr_assert_str_eq(rig_lines(&r, "app", "api", INT64_MIN, INT64_MAX), "a,b");
    cr_assert_neq(r.l->head.cached->end, 1u);
    rig_seal(&r);
    cr_assert_null(r.l->head.cached);
    rig_release(&r);
}

Test(select, memory_is_charged_and_given_back)
{
    struct rig r;
    char app[16];
    rig_init(&r);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(app, sizeof app, "app%d", i);
        rig_put(&r, app, RIG_NOW, "x");
    }
    for (int sealed = 0; sealed < 2; sealed++) {
        struct logs_selection sel = {.start = INT64_MIN, .end = INT64_MAX};
        struct logs_set *set;
        struct budget budget;
        uint64_t need = 0;
        for (uint64_t limit = 1000;; limit += limit / 2) {
            budget_init(&budget, limit, NULL);
            enum tsdb_status st = logs_select(r.l, &sel, &budget, &set, NULL);
            cr_assert(st == TSDB_OK || st == TSDB_ELIMIT);
            need = limit;
            if (st == TSDB_OK)
                break;
            cr_assert_eq(budget_used(&budget), 0u);
        }
        cr_assert(need > 10000 && need < 2000000, "%llu", (unsigned long long)need);
        cr_assert_eq(logs_set_streams(set), 300u);
        logs_set_close(set);
        cr_assert_eq(budget_used(&budget), 0u);
        rig_seal(&r);
    }
    rig_release(&r);
}

Test(select, tenants_see_their_own)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, "api", RIG_NOW, "default");
    struct tsdb_label label = {rig_text("app"), rig_text("api")};
    struct tsdb_log_stream stream = {.labels = {&label, 1}};
    struct tsdb_log_record record = {.ts = RIG_NOW, .line = rig_text("blue")};
    struct tsdb_log_batch batch = {"blue", &stream, &record, 1, 1};
    struct tsdb_appended out;
    cr_assert_eq(logs_append(r.l, &batch, &out, NULL, NULL), TSDB_OK);
    for (int sealed = 0; sealed < 2; sealed++) {
        static const char *const tenants[] = {"", "blue", "green"};
        for (uint32_t t = 0; t < 3; t++) {
            struct logs_selection sel = {.tenant = tenants[t], .end = INT64_MAX};
            struct rig_rows rows = {0};
            rig_select(&r, &sel, &rows, NULL);
            cr_assert_eq(rows.count, t < 2 ? 1u : 0u);
            if (t < 2)
                cr_assert_str_eq(rows.at[0].text,
                                 t ? "{app=api,} | blue |" : "{app=api,} | default |");
            rig_rows_release(&rows);
        }
        rig_seal(&r);
    }
    rig_release(&r);
}
