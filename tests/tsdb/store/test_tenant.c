#include "tsdb/store/tenant.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>

Test(tenant, every_selection_has_its_matcher)
{
    struct tsdb_error err = {0};
    struct matcher m;
    uint32_t count;
    cr_assert_eq(matcher_init(&m, MATCH_EQ, text_of("a"), text_of("b"), &err), TSDB_OK);
    struct tsdb_label labels[] = {{{"__tenant__", 10}, {"blue", 4}}, {{"a", 1}, {"b", 1}}};
    struct tsdb_labels blue = {labels, 2}, nobody = {labels + 1, 1};
    struct matcher *all = matchers_with_tenant("blue", &m, 1, &count);
    cr_assert_eq(count, 2);
    cr_assert(matchers_test(all, count, blue));
    cr_assert_not(matchers_test(all, count, nobody));
    mem_free(all);
    all = matchers_with_tenant(NULL, &m, 1, &count);
    cr_assert_not(matchers_test(all, count, blue), "the default tenant sees its own only");
    cr_assert(matchers_test(all, count, nobody));
    mem_free(all);
    all = matchers_with_tenant("", NULL, 0, &count);
    cr_assert_eq(count, 1);
    cr_assert(matchers_test(all, count, nobody));
    mem_free(all);
    matcher_release(&m);
}

Test(tenant, labels_are_checked_against_the_limits)
{
    static const struct tsdb_limits limits = {.name_bytes_max = 4, .value_bytes_max = 6};
    static const struct {
        struct tsdb_label label;
        enum tsdb_verdict verdict;
    } cases[] = {
        {{{"name", 4}, {"valued", 6}}, TSDB_ACCEPTED},
        {{{"names", 5}, {"v", 1}}, TSDB_LABEL_LIMIT},
        {{{"name", 4}, {"valuedx", 7}}, TSDB_LABEL_LIMIT},
        {{{"", 0}, {"v", 1}}, TSDB_BAD_LABELS},
        {{{"__tenant__", 10}, {"v", 1}}, TSDB_BAD_LABELS},
        {{{"a", 1}, {"\xff", 1}}, TSDB_BAD_LABELS},
        {{{"\xff", 1}, {"v", 1}}, TSDB_BAD_LABELS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(label_check(&limits, cases[i].label), cases[i].verdict, "%zu", i);
}

Test(tenant, labels_are_sorted_and_repeats_found)
{
    struct tsdb_label l[] = {{{"b", 1}, {"1", 1}}, {{"a", 1}, {"2", 1}}, {{"c", 1}, {"3", 1}}};
    labels_sort(l, 3);
    cr_assert_eq(l[0].name.at[0], 'a');
    cr_assert_eq(l[2].name.at[0], 'c');
    cr_assert_not(labels_have_repeats(l, 3));
    l[1].name = l[0].name;
    cr_assert(labels_have_repeats(l, 3));
    cr_assert_not(labels_have_repeats(l, 1));
    cr_assert_not(labels_have_repeats(l, 0));
}
