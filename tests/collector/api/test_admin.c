#include "tests/collector/api/ask.h"

static enum tsdb_status reload_status;
static int reloads;

static enum tsdb_status reload(void *arg, struct tsdb_error *err)
{
    (void)arg;
    reloads++;
    return reload_status == TSDB_OK ? TSDB_OK : tsdb_fail(err, reload_status, "andon.yml:1:1: bad");
}

static void up(void)
{
    clock_sim_init(&wall, INT64_C(1795521600123000000));
    struct api_options options = {
        .db = &db, .clock = &wall.clock, .threads = 1, .reload = reload, .query_timeout = NS_PER_S};
    api = api_new(&options);
    route_count = api_routes(api, routes);
}

TestSuite(admin, .init = up, .fini = api_down);

Test(admin, all_of_it_needs_the_admin_scope)
{
    static const char *const paths[] = {"/api/v1/admin/tsdb/delete_series",
                                        "/api/v1/admin/tsdb/snapshot",
                                        "/api/v1/admin/tsdb/clean_tombstones",
                                        "/prometheus/api/v1/admin/tsdb/delete_series",
                                        "/-/reload",
                                        "/-/seal",
                                        "/prometheus/-/reload"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        cr_assert_eq(route_of(paths[i])->scope, SCOPE_ADMIN, "%s", paths[i]);
        cr_assert_not(strstr(route_of(paths[i])->methods, "GET"), "%s", paths[i]);
    }
}

Test(admin, delete_wants_selectors)
{
    ASSERT_GET("/api/v1/admin/tsdb/delete_series", "", 400,
               "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"no match[] parameter "
               "provided\"}");
    cr_assert_eq(db.deletes, 0);
    ASSERT_GET("/api/v1/admin/tsdb/delete_series", "match[]=up&start=1&end=2", 204, "");
    cr_assert_eq(db.deletes, 1);
    cr_assert_str_eq(db.selectors, "up;");
    cr_assert_eq(db.scope.end, 2 * NS_PER_S);
}

Test(admin, snapshot_has_a_dated_name)
{
    const char *body = get("/api/v1/admin/tsdb/snapshot", "");
    cr_assert_eq(strncmp(db.snapshot, "20261124T120000Z-", 17), 0, "%s", db.snapshot);
    cr_assert_eq(strlen(db.snapshot), 17 + 16);
    cr_assert(strstr(body, db.snapshot));
    exchange_release(&x);
}

Test(admin, seal_and_clean_seal)
{
    ASSERT_GET("/-/seal", "", 200, "sealed\n");
    ASSERT_GET("/api/v1/admin/tsdb/clean_tombstones", "", 204, "");
    cr_assert_eq(db.seals, 2);
    db.end_status = TSDB_EIO;
    db.message = "disk";
    ASSERT_GET("/-/seal", "", 500,
               "{\"status\":\"error\",\"errorType\":\"internal\",\"error\":\"disk\"}");
}

Test(admin, reload_says_why_not)
{
    ASSERT_GET("/-/reload", "", 200, "reloaded\n");
    reload_status = TSDB_EINVAL;
    ASSERT_GET("/-/reload", "", 400, "the old configuration stays: andon.yml:1:1: bad\n");
    cr_assert_eq(reloads, 2);
}
