#include "tests/collector/api/ask.h"

#include "collector/self/counters.h"

TestSuite(status, .init = api_up, .fini = api_down);

#define DATA(text) "{\"status\":\"success\",\"data\":" text "}"

Test(status, shapes_without_contents_are_well_formed)
{
    ASSERT_GET("/api/v1/rules", "", 200, DATA("{\"groups\":[]}"));
    ASSERT_GET("/api/v1/alerts", "", 200, DATA("{\"alerts\":[]}"));
    ASSERT_GET("/api/v1/targets", "", 200, DATA("{\"activeTargets\":[],\"droppedTargets\":[]}"));
    ASSERT_GET("/api/v1/alertmanagers", "", 200,
               DATA("{\"activeAlertmanagers\":[],\"droppedAlertmanagers\":[]}"));
    ASSERT_GET("/api/v1/scrape_pools", "", 200, DATA("{\"scrapePools\":[]}"));
    ASSERT_GET("/api/v1/status/walreplay", "", 200, DATA("{\"min\":0,\"max\":0,\"current\":0}"));
    ASSERT_GET("/api/v1/status/flags", "", 200, DATA("{}"));
    ASSERT_GET("/api/v1/status/config", "", 200, DATA("{\"yaml\":\"\"}"));
}

Test(status, buildinfo_has_no_features)
{
    const char *body = get("/prometheus/api/v1/status/buildinfo", "");
    cr_assert_eq(x.status, 200);
    cr_assert(strstr(body, "\"version\":\"3.5.0+andon." ANDON_VERSION "\""));
    cr_assert(strstr(body, "\"goVersion\":"));
    cr_assert_not(strstr(body, "features"));
    exchange_release(&x);
}

Test(status, runtimeinfo_tells_times_and_retention)
{
    counters_reloaded(true, INT64_C(1795521601000000000));
    const char *body = get("/api/v1/status/runtimeinfo", "");
    cr_assert(strstr(body, "\"startTime\":\"2026-11-24T12:00:00.000000000Z\""), "%s", body);
    cr_assert(strstr(body, "\"serverTime\":\"2026-11-24T12:00:00.123000000Z\""));
    cr_assert(strstr(body, "\"reloadConfigSuccess\":true"));
    cr_assert(strstr(body, "\"lastConfigTime\":\"2026-11-24T12:00:01.000000000Z\""));
    cr_assert(strstr(body, "\"storageRetention\":\"30d\""));
    exchange_release(&x);
    counters_reloaded(false, INT64_C(1795521609000000000));
    body = get("/api/v1/status/runtimeinfo", "");
    cr_assert(strstr(body, "\"reloadConfigSuccess\":false"));
    cr_assert(strstr(body, "\"lastConfigTime\":\"2026-11-24T12:00:01.000000000Z\""));
    exchange_release(&x);
}

Test(status, tsdb_counts_names_and_values)
{
    static const struct tsdb_label pairs[] = {LABEL("__name__", "up"), LABEL("job", "x"),
                                              LABEL("job", "yy")};
    for (uint32_t i = 0; i < 3; i++) /* the fake counts pair i in i + 1 series */
        db.series[i] = (struct tsdb_labels){&pairs[i], 1};
    db.series_count = 3;
    ASSERT_GET("/api/v1/status/tsdb", "limit=2", 200,
               DATA("{\"headStats\":{\"numSeries\":3,\"numLabelPairs\":5,\"chunkCount\":0,"
                    "\"minTime\":1000,\"maxTime\":2000},"
                    "\"seriesCountByMetricName\":[{\"name\":\"up\",\"value\":1}],"
                    "\"labelValueCountByLabelName\":[{\"name\":\"job\",\"value\":2},"
                    "{\"name\":\"__name__\",\"value\":1}],"
                    "\"memoryInBytesByLabelName\":[{\"name\":\"job\",\"value\":3},"
                    "{\"name\":\"__name__\",\"value\":2}],"
                    "\"seriesCountByLabelValuePair\":[{\"name\":\"job=yy\",\"value\":3},"
                    "{\"name\":\"job=x\",\"value\":2}]}"));
    cr_assert_str_eq(db.cardinality_of, "<>");
}

Test(status, tsdb_counts_the_tenants_own)
{
    exchange_init(&x, "/api/v1/status/tsdb", "");
    x.tenant = "acme";
    send_to(&x);
    exchange_wait(&x);
    cr_assert_str_eq(db.cardinality_of, "<acme>");
    exchange_release(&x);
}
