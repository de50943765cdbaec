#include "tsdb/store/tenant_limits.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(tenant_limits, none_are_none)
{
    struct tenant_limits t;
    tenant_limits_init(&t, NULL, 0);
    cr_assert_null(tenant_limits_find(&t, ""));
    cr_assert_null(tenant_limits_find(&t, "acme"));
    tenant_limits_release(&t);
    tenant_limits_release(&t);
}

/* Every count up to some powers of two: the table is never full. */
Test(tenant_limits, each_name_has_its_own_and_others_have_none)
{
    enum { MAX = 300 };
    static struct tsdb_tenant_limits at[MAX];
    static char names[MAX][16];
    for (uint32_t i = 0; i < MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "t%u", i);
        at[i] = (struct tsdb_tenant_limits){names[i], {.series_max = i + 1}};
    }
    for (uint32_t count = 1; count <= MAX; count++) {
        struct tenant_limits t;
        tenant_limits_init(&t, at, count);
        cr_assert_geq(t.mask + 1, 2 * count);
        for (uint32_t i = 0; i < count; i++)
            cr_assert_eq(tenant_limits_find(&t, names[i])->series_max, i + 1);
        cr_assert_null(tenant_limits_find(&t, "t"));
        cr_assert_null(tenant_limits_find(&t, "t300"));
        cr_assert_null(tenant_limits_find(&t, ""));
        tenant_limits_release(&t);
    }
}

Test(tenant_limits, are_copied_and_the_first_of_a_name_counts)
{
    char name[] = "acme";
    struct tsdb_tenant_limits at[] = {
        {name, {.series_max = 1}}, {"acme", {.series_max = 2}}, {NULL, {.series_max = 3}}};
    struct tenant_limits t;
    tenant_limits_init(&t, at, 3);
    name[0] = 'x';
    at[0].limits.series_max = 9;
    cr_assert_eq(t.count, 2);
    cr_assert_eq(tenant_limits_find(&t, "acme")->series_max, 1);
    cr_assert_eq(tenant_limits_find(&t, "")->series_max, 3, "the default tenant may have some");
    tenant_limits_release(&t);
}
