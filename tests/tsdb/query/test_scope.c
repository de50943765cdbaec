#include "tests/tsdb/metrics/rig.h"

#include "tsdb/base/text.h"
#include "tsdb/query/scope.h"

struct told {
    char text[512];
    uint32_t count, stop_after;
};

static bool note(void *arg, struct tsdb_labels labels)
{
    struct told *t = arg;
    for (uint32_t i = 0; i < labels.count; i++) {
        size_t at = strlen(t->text);
        (void)snprintf(t->text + at, sizeof t->text - at, "%.*s,", (int)labels.at[i].value.len,
                       labels.at[i].value.at);
    }
    strncat(t->text, " ", sizeof t->text - strlen(t->text) - 1);
    return ++t->count != t->stop_after;
}

static struct told series(struct rig *r, const char *const *selectors, uint32_t count,
                          uint64_t limit, uint32_t stop_after)
{
    struct tsdb_text texts[8];
    for (uint32_t i = 0; i < count; i++)
        texts[i] = text_of(selectors[i]);
    struct tsdb_scope in = {
        .selectors = texts, .selector_count = count, .start = INT64_MIN, .end = INT64_MAX};
    struct told told = {.stop_after = stop_after};
    struct scope scope;
    struct tsdb_error err = {0};
    cr_assert_eq(scope_open(&scope, &in, &err), TSDB_OK, "%s", err.msg);
    if (count == 0)
        scope_take_all(&scope, &in);
    cr_assert_eq(scope_series(&scope, r->m, limit, note, &told, &err), TSDB_OK, "%s", err.msg);
    scope_close(&scope);
    return told;
}

static void some_series(struct rig *r)
{
    rig_init(r);
    rig_put(r, "b|x=1", RIG_NOW, 1);
    rig_put(r, "a|x=2", RIG_NOW, 1);
    rig_seal(r);
    rig_put(r, "a|x=1", RIG_NOW, 1);
    rig_put(r, "b|x=1", RIG_NOW + 1, 1);
}

Test(scope, series_of_all_selectors_come_sorted_and_once)
{
    struct rig r;
    some_series(&r);
    const char *two[] = {"{x=\"1\"}", "a"};
    cr_assert_str_eq(series(&r, two, 2, 0, 0).text, "a,1, a,2, b,1, ");
    cr_assert_str_eq(series(&r, two, 1, 0, 0).text, "a,1, b,1, ");
    cr_assert_str_eq(series(&r, two, 0, 0, 0).text, "a,1, a,2, b,1, ", "none: all");
    const char *nothing[] = {"c"};
    cr_assert_str_eq(series(&r, nothing, 1, 0, 0).text, "");
    cr_assert_str_eq(series(&r, two, 2, 2, 0).text, "a,1, a,2, ", "the limit");
    cr_assert_str_eq(series(&r, two, 2, 0, 1).text, "a,1, ", "the visitor's end");
    rig_release(&r);
}

Test(scope, what_is_charged_for_a_look_up_is_released)
{
    struct rig r;
    some_series(&r);
    uint64_t before = budget_used(&r.store.budget);
    const char *all[] = {"{x=~\".+\"}"};
    (void)series(&r, all, 1, 0, 0);
    cr_assert_eq(budget_used(&r.store.budget), before);
    rig_release(&r);
}

Test(scope, wrong_selectors_are_refused_with_their_text)
{
    static const char *const wrong[] = {"", "{", "a[5m]", "{x=~\"(\"}", "{}", "a + b", "{x=\"\"}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct tsdb_text text = text_of(wrong[i]);
        struct tsdb_scope in = {.selectors = &text, .selector_count = 1};
        struct scope scope;
        struct tsdb_error err = {0};
        cr_assert_eq(scope_open(&scope, &in, &err), TSDB_EINVAL, "%s", wrong[i]);
        cr_assert_neq(err.msg[0], '\0', "%s", wrong[i]);
    }
    struct tsdb_scope in = {.selector_count = SCOPE_SELECTORS_MAX + 1};
    struct scope scope;
    cr_assert_eq(scope_open(&scope, &in, NULL), TSDB_EINVAL);
}

Test(scope, a_query_is_taken_apart_into_its_selectors)
{
    struct scope scope;
    struct tsdb_scope in = {.start = 1, .end = 2, .tenant = "t"};
    cr_assert_eq(scope_of_query(&scope, text_of("sum(rate(a{x!=\"1\"}[5m])) / b"), &in, NULL),
                 TSDB_OK);
    cr_assert_eq(scope.count, 2u);
    cr_assert_eq(scope.selections[0].matcher_count, 2u);
    cr_assert_eq(scope.selections[1].start, 1);
    cr_assert_str_eq(scope.selections[1].tenant, "t");
    scope_close(&scope);
    cr_assert_eq(scope_of_query(&scope, text_of("sum("), &in, NULL), TSDB_EINVAL);
    cr_assert_eq(scope_of_query(&scope, text_of("1 + 1"), &in, NULL), TSDB_OK);
    cr_assert_eq(scope.count, 0u);
    scope_close(&scope);
}
