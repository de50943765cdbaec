#include "tests/collector/api/ask.h"

TestSuite(api, .init = api_up, .fini = api_down);

Test(api, no_route_stands_twice_and_all_have_the_api)
{
    cr_assert_gt(route_count, 50);
    for (size_t i = 0; i < route_count; i++) {
        cr_assert_eq(routes[i].arg, api);
        cr_assert_not_null(routes[i].handler);
        for (size_t j = 0; j < i; j++)
            cr_assert_str_neq(routes[i].path, routes[j].path);
    }
}

Test(api, queries_need_the_query_scope_and_health_none)
{
    for (size_t i = 0; i < route_count; i++) {
        bool is_api = strstr(routes[i].path, "/api/v1/") != NULL;
        if (is_api)
            cr_assert_neq(routes[i].scope, 0, "%s", routes[i].path);
    }
    cr_assert_eq(route_of("/-/ready")->scope, 0);
    cr_assert_eq(route_of("/api/v1/query")->scope, SCOPE_QUERY);
    cr_assert_str_eq(route_of("/api/v1/query")->methods, "GET POST");
}

Test(api, limits_can_be_changed_while_it_runs)
{
    db.kind = TSDB_VECTOR;
    struct api_options options = {
        .query_timeout = 7 * NS_PER_S, .lookback = 9 * NS_PER_S, .samples_max = 11};
    api_configure(api, &options);
    (void)get("/api/v1/query", "query=up");
    cr_assert_eq(db.options.deadline, 7 * NS_PER_S);
    cr_assert_eq(db.options.lookback, 9 * NS_PER_S);
    cr_assert_eq(db.options.samples_max, 11);
    exchange_release(&x);
}

Test(api, free_of_nothing)
{
    api_free(NULL);
}
