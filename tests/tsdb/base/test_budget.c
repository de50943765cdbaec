#include "tsdb/base/budget.h"

#include <criterion/criterion.h>

Test(budget, a_charge_fits_every_ancestor_or_changes_none)
{
    struct budget top, middle, low;
    budget_init(&top, 100, NULL);
    budget_init(&middle, 80, &top);
    budget_init(&low, UINT64_MAX, &middle);
    cr_assert(budget_charge(&low, 80));
    cr_assert_not(budget_charge(&low, 1));
    cr_assert_eq(budget_used(&low), 80u);
    cr_assert(budget_charge(&top, 20));
    cr_assert_not(budget_charge(&top, 1));
    budget_release(&low, 80);
    cr_assert(budget_charge(&top, 80));
    cr_assert_not(budget_charge(&low, 1), "the top is full");
    cr_assert_eq(budget_used(&middle), 0u);
    cr_assert_eq(budget_used(&low), 0u);
}

Test(budget, edges)
{
    struct budget b;
    budget_init(&b, 10, NULL);
    cr_assert(budget_charge(&b, 0));
    cr_assert_not(budget_charge(&b, 11));
    cr_assert_not(budget_charge(&b, UINT64_MAX));
    cr_assert(budget_charge(&b, 10));
    cr_assert(budget_charge(&b, 0));
    budget_init(&b, UINT64_MAX, NULL);
    cr_assert(budget_charge(&b, UINT64_MAX));
    cr_assert_not(budget_charge(&b, 1), "no wrapping");
}

Test(budget, force_may_pass_the_limit_and_counts)
{
    struct budget top, low;
    budget_init(&top, 10, NULL);
    budget_init(&low, 10, &top);
    budget_force(&low, 25);
    cr_assert_eq(budget_used(&top), 25u);
    cr_assert_not(budget_charge(&low, 1));
    budget_release(&low, 20);
    cr_assert(budget_charge(&low, 5));
    atomic_store(&top.limit, 5);
    cr_assert_not(budget_charge(&low, 1), "a limit may be lowered");
}
