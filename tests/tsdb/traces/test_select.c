/* Goal: a set is a snapshot of exactly the parts that may matter, and they are told apart by
 * time, tenant and trace. */
#include "tests/tsdb/traces/rig.h"

static struct traces_set *select_all(struct rig *r, const char *tenant, struct budget *budget)
{
    struct traces_selection all = {tenant, INT64_MIN, INT64_MAX};
    struct traces_set *set;
    cr_assert_eq(traces_select(r->t, &all, budget, &set, NULL), TSDB_OK);
    return set;
}

Test(select, a_set_outlives_what_comes_after)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, 1, 1, 0, RIG_NOW, "sealed");
    rig_seal(&r);
    rig_put(&r, 1, 2, 0, RIG_NOW, "hot");
    rig_group(&r);
    rig_put(&r, 1, 3, 0, RIG_NOW, "open");
    struct traces_set *set = select_all(&r, "", NULL);
    cr_assert_eq(traces_set_parts(set), 3u);
    rig_put(&r, 1, 4, 0, RIG_NOW, "after");
    rig_seal(&r);
    rig_merge(&r);
    struct tsdb_trace_id id = rig_trace_id(1);
    struct tsdb_trace *t;
    cr_assert_eq(traces_set_read(set, &id, 0, NULL, &t, NULL), TSDB_OK);
    cr_assert_str_eq(rig_trace_text(t), "1<0 sealed@api, 2<0 hot@api, 3<0 open@api");
    traces_trace_free(t);
    traces_set_close(set);
    rig_release(&r);
}

Test(select, parts_outside_are_left_out)
{
    struct rig r;
    struct rig_rows rows = {0};
    rig_init(&r);
    for (uint32_t day = 0; day < 4; day++)
        rig_put(&r, 1, 1 + day, 0, RIG_NOW - day * NS_PER_DAY, "x");
    rig_seal(&r);
    rig_put(&r, 1, 9, 0, RIG_NOW, "x");
    rig_select(&r, "", RIG_NOW - 2 * NS_PER_DAY, RIG_NOW, &rows);
    cr_assert_eq(rows.count, 2u);
    cr_assert_eq(rows.at[0].span, 2u, "the newest first");
    cr_assert_eq(rows.at[1].span, 3u);
    rig_rows_release(&rows);
    rig_select(&r, "", RIG_NOW, RIG_NOW + 1, &rows);
    cr_assert_eq(rows.count, 2u);
    rig_rows_release(&rows);
    rig_select(&r, "", RIG_NOW, RIG_NOW, &rows);
    cr_assert_eq(rows.count, 0u);
    rig_rows_release(&rows);
    rig_release(&r);
}

Test(select, readers_group_only_what_came_since)
{
    struct rig r;
    const struct hot_spans *first = NULL;
    uint32_t kept = 0;
    rig_init(&r);
    for (uint32_t i = 0; i < 3 * OPEN_GROUPS_MAX; i++) {
        rig_put(&r, 1, 1 + i, 0, RIG_NOW + i, "x");
        struct traces_set *set = select_all(&r, "", NULL);
        cr_assert_leq(traces_set_parts(set), OPEN_GROUPS_MAX);
        uint32_t spans = 0;
        for (uint32_t k = 0; k < traces_set_parts(set); k++)
            spans += traces_set_part(set, k)->rows;
        cr_assert_eq(spans, 1 + i);
        const struct open_spans *cached = r.t->head.cached;
        cr_assert_eq(cached->end, 1 + i);
        kept += cached->groups.at[0] == first;
        first = cached->groups.at[0];
        traces_set_close(set);
        set = select_all(&r, "", NULL);
        cr_assert_eq(r.t->head.cached, cached, "nothing new: used again");
        traces_set_close(set);
    }
    cr_assert_geq(kept, 3u * (OPEN_GROUPS_MAX - 1) - 1);
    rig_group(&r);
    rig_put(&r, 1, 1000, 0, RIG_NOW, "x");
    struct traces_set *set = select_all(&r, "", NULL);
    cr_assert_eq(traces_set_parts(set), 2u);
    traces_set_close(set);
    rig_release(&r);
}

Test(select, tenants_see_their_own)
{
    struct rig r;
    rig_init(&r);
    static const char *const tenants[] = {"", "blue", "green"};
    for (int i = 0; i < 3; i++) {
        for (uint32_t k = 0; k < 3; k++) {
            struct tsdb_span span = rig_span(1, (uint32_t)(1 + i), k, RIG_NOW, "x");
            if (k != (uint32_t)i) /* each pair of tenants shares a part */
                cr_assert_eq(rig_append(&r, tenants[k], &span), TSDB_ACCEPTED);
        }
        rig_group(&r);
    }
    for (int state = 0; state < 3; state++) {
        for (uint32_t k = 0; k < 3; k++) {
            struct rig_rows rows = {0};
            rig_select(&r, tenants[k], INT64_MIN, INT64_MAX, &rows);
            cr_assert_eq(rows.count, 2u);
            for (uint32_t i = 0; i < rows.count; i++)
                cr_assert_neq(rows.at[i].span, 1 + k);
            rig_rows_release(&rows);
            struct traces_set *set = select_all(&r, tenants[k], NULL);
            cr_assert_eq(traces_set_parts(set), state == 0 ? 2u : 1u, "the third is not ours");
            traces_set_close(set);
        }
        struct traces_set *none = select_all(&r, "red", NULL);
        cr_assert_eq(traces_set_parts(none), 0u);
        traces_set_close(none);
        if (state == 0)
            rig_seal(&r);
        else
            rig_reopen(&r);
    }
    rig_release(&r);
}

Test(select, memory_is_charged_and_given_back)
{
    struct rig r;
    struct budget budget;
    rig_init(&r);
    for (uint32_t i = 0; i < 40; i++) {
        rig_put(&r, 1, 1 + i, 0, RIG_NOW, "x");
        rig_group(&r);
    }
    budget_init(&budget, 1 << 20, NULL);
    struct traces_set *set = select_all(&r, "", &budget);
    cr_assert_gt(budget_used(&budget), 0u);
    traces_set_close(set);
    cr_assert_eq(budget_used(&budget), 0u);
    budget_init(&budget, 100, NULL);
    struct traces_selection all = {"", INT64_MIN, INT64_MAX};
    cr_assert_eq(traces_select(r.t, &all, &budget, &set, NULL), TSDB_ELIMIT);
    cr_assert_eq(budget_used(&budget), 0u);
    rig_release(&r);
}

struct found {
    const struct traces_set *set;
    uint32_t count;
    uint64_t ids;
};

static bool count_part(void *arg, uint32_t part)
{
    struct found *f = arg;
    f->count++;
    f->ids |= (uint64_t)1 << traces_set_part(f->set, part)->id;
    return true;
}

Test(select, the_indices_name_the_parts_of_a_trace)
{
    struct rig r;
    rig_init(&r);
    for (uint32_t i = 0; i < 4; i++) { /* trace 10 is in all, trace i in one */
        rig_put(&r, 10, 1 + i, 0, RIG_NOW + i, "x");
        rig_put(&r, 1 + i, 1, 0, RIG_NOW + i, "x");
        if (i < 2)
            rig_seal(&r);
        else if (i == 2)
            rig_group(&r);
    }
    struct traces_set *set = select_all(&r, "", NULL);
    cr_assert_eq(traces_set_parts(set), 4u);
    for (uint32_t trace = 1; trace < 12; trace++) {
        struct found f = {set, 0, 0};
        struct tsdb_trace_id id = rig_trace_id(trace);
        traces_set_find(set, &id, count_part, &f);
        cr_assert_eq(f.count,
                     trace == 10 ? 4u
                     : trace < 5 ? 1u
                                 : 0u,
                     "trace %u: %u", trace, f.count);
        cr_assert_eq(f.ids, trace == 10 ? 15u : trace < 5 ? (uint64_t)1 << (trace - 1) : 0u);
    }
    traces_set_close(set);
    rig_release(&r);
}

Test(select, what_is_another_tenants_alone_is_left_out)
{
    struct rig r;
    rig_init(&r);
    struct tsdb_span span = rig_span(1, 1, 0, RIG_NOW, "x");
    cr_assert_eq(rig_append(&r, "blue", &span), TSDB_ACCEPTED);
    rig_group(&r);
    rig_put(&r, 1, 2, 0, RIG_NOW, "the default one's");
    rig_group(&r);
    static const struct {
        const char *tenant;
        uint32_t parts;
    } want[] = {{"", 1}, {"blue", 1}, {"green", 0}};
    for (int i = 0; i < 3; i++) {
        struct traces_set *set = select_all(&r, want[i].tenant, NULL);
        cr_assert_eq(traces_set_parts(set), want[i].parts, "%s", want[i].tenant);
        traces_set_close(set);
    }
    rig_release(&r);
}
