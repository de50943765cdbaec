#include "collector/radiator/snapshot.h"

#include "tests/collector/radiator/fake_store.h"

static struct tsdb db;
static struct clock_sim sim;
static struct snapshot s;
static struct json j;

static void up(void)
{
    clock_sim_init(&sim, INT64_C(1767225600) * NS_PER_S);
    db.stats = (struct tsdb_stats){.memory_limit = 2000};
    snapshot_init(&s, &db, &sim.clock, 0);
}

static void down(void)
{
    json_release(&j);
}

TestSuite(snapshot, .init = up, .fini = down);

static const char *line(void)
{
    json_release(&j);
    json_init(&j, 0, NULL, NULL);
    snapshot_write(&s, &j);
    writer_u8(&j.out, 0);
    return (const char *)j.out.at;
}

#define ASSERT_HAS(text)                                                                           \
    do {                                                                                           \
        const char *got_ = line();                                                                 \
        cr_assert_not_null(strstr(got_, (text)), "want %s\n in %s", (text), got_);                 \
    } while (0)

static void pass_s(int seconds)
{
    clock_sim_advance(&sim, seconds * NS_PER_S);
}

Test(snapshot, is_one_line_of_json)
{
    db.stats = (struct tsdb_stats){.series_active = 1000,
                                   .series_created = 30,
                                   .journal_syncs = 20,
                                   .journal_sync_ns_last = 300000,
                                   .journal_sync_ns_p99 = 2100000,
                                   .journal_oldest_unsynced_ns = 1500000,
                                   .segments = 2,
                                   .segment_bytes = 77,
                                   .journal_bytes = 5,
                                   .disk_free_bytes = 9,
                                   .memory_bytes = 1000,
                                   .memory_limit = 2000};
    counters_add(ITEMS_RECEIVED, AT(SIGNAL_METRICS, DOOR_TCP), 120);
    counters_add(ITEMS_REJECTED, AT(SIGNAL_METRICS, DOOR_TCP, REASON_TOO_OLD), 5);
    fake_add(&db, "cart", 2, 30);
    pass_s(10);
    snapshot_refresh(&s);
    cr_assert_str_eq(
        line(), "{\"at\":1767225610000,\"started\":1767225600000,\"uptime_s\":10,\"window_s\":10,"
                "\"writable\":true,\"version\":\"" ANDON_VERSION "\","
                "\"arrivals\":[{\"signal\":\"metrics\",\"door\":\"tcp\",\"per_s\":12,\"total\":120}"
                "],"
                "\"rejects\":[{\"door\":\"tcp\",\"reason\":\"too_old\",\"per_s\":0.5,\"total\":5}],"
                "\"series\":{\"active\":1000,\"new_per_s\":3},"
                "\"sync\":{\"last_ms\":0.3,\"p99_ms\":2.1,\"unsynced_ms\":1.5,\"per_s\":2},"
                "\"disk\":{\"segments\":2,\"segment_bytes\":77,\"journal_bytes\":5,"
                "\"free_bytes\":9,\"limit_bytes\":0},"
                "\"memory\":{\"used_bytes\":1000,\"limit_bytes\":2000},"
                "\"services\":[{\"name\":\"cart\",\"series\":2,\"per_s\":1}],"
                "\"services_by\":\"samples\"}");
}

Test(snapshot, whole_messages_that_are_refused_count_with_their_reason)
{
    counters_add(ITEMS_REJECTED, AT(SIGNAL_METRICS, DOOR_UDP, REASON_MALFORMED), 2);
    counters_add(MESSAGES_REJECTED, AT(SIGNAL_LOGS, DOOR_UDP, REASON_MALFORMED), 3);
    ASSERT_HAS("{\"door\":\"udp\",\"reason\":\"malformed\",\"per_s\":0,\"total\":5}");
}

/* 60 items arrive in a burst every 15 s: each second then shows 4 a second, not 60 and 0. */
Test(snapshot, a_sender_with_an_interval_is_a_line_and_not_a_comb)
{
    for (int second = 0; second < 60; second++) {
        if (second % 15 == 0)
            counters_add(ITEMS_RECEIVED, AT(SIGNAL_METRICS, DOOR_OTLP_HTTP), 60);
        pass_s(1);
        const char *got = line();
        if (second >= 15)
            cr_assert_not_null(strstr(got, "\"per_s\":4,"), "second %d: %s", second, got);
    }
}

Test(snapshot, what_stopped_is_zero_after_the_window)
{
    counters_add(ITEMS_RECEIVED, AT(SIGNAL_METRICS, DOOR_TCP), 150);
    for (int second = 1; second <= SNAPSHOT_WINDOW_S; second++) {
        pass_s(1);
        cr_assert_null(strstr(line(), "\"per_s\":0,\"total\":150"), "second %d", second);
    }
    pass_s(1);
    ASSERT_HAS("\"per_s\":0,\"total\":150");
}

/* A machine that slept: the rate is over the time since, not over an older window. */
Test(snapshot, after_a_pause_the_last_mark_is_the_base)
{
    pass_s(1);
    (void)line();
    counters_add(ITEMS_RECEIVED, AT(SIGNAL_METRICS, DOOR_TCP), 1000);
    pass_s(100);
    ASSERT_HAS("\"per_s\":10,\"total\":1000");
}

Test(snapshot, a_store_that_cannot_acknowledge_says_so)
{
    db.is_unwritable = true;
    ASSERT_HAS("\"writable\":false");
}

Test(snapshot, the_disk_limit_is_told)
{
    snapshot_init(&s, &db, &sim.clock, 4096);
    ASSERT_HAS("\"limit_bytes\":4096},\"memory\"");
}

Test(snapshot, services_are_ranked_by_samples)
{
    fake_add(&db, "many-series", 100, 1);
    fake_add(&db, "busy", 2, 600);
    fake_add(&db, "idle", 1, 0);
    snapshot_refresh(&s);
    ASSERT_HAS("\"services\":[{\"name\":\"busy\",\"series\":2,\"per_s\":20},"
               "{\"name\":\"many-series\",\"series\":100,\"per_s\":1.667},"
               "{\"name\":\"idle\",\"series\":1,\"per_s\":0}],\"services_by\":\"samples\"");
    cr_assert_str_eq(db.expr, "{job!=\"\"}[1m]");
    cr_assert_eq(db.options.start, db.options.end);
    cr_assert_gt(db.options.deadline, 0);
    cr_assert_gt(db.options.samples_max, 0);
}

/* Whether the query is refused at once or on its way. */
Test(snapshot, services_fall_back_to_series)
{
    fake_add(&db, "many-series", 100, 1);
    fake_add(&db, "busy", 2, 600);
    for (int i = 0; i < 2; i++) {
        db.open_status = i == 0 ? TSDB_ELIMIT : TSDB_OK;
        db.end_status = i == 1 ? TSDB_ELIMIT : TSDB_OK;
        s.services_due_ns = s.traffic_due_ns = 0;
        snapshot_refresh(&s);
        ASSERT_HAS("\"services\":[{\"name\":\"many-series\",\"series\":100,\"per_s\":null},"
                   "{\"name\":\"busy\",\"series\":2,\"per_s\":null}],\"services_by\":\"series\"");
    }
}

Test(snapshot, the_store_is_asked_seldom_and_more_seldom_when_it_is_too_full)
{
    fake_add(&db, "cart", 1, 1);
    for (int second = 0; second < 60; second++) {
        snapshot_refresh(&s);
        pass_s(1);
    }
    cr_assert_eq(db.queries, 60 / SNAPSHOT_SERVICES_S);
    db.queries = db.cardinalities = 0;
    db.open_status = TSDB_ELIMIT;
    for (int second = 0; second < 60; second++) {
        snapshot_refresh(&s);
        pass_s(1);
    }
    cr_assert_eq(db.queries, 60 / SNAPSHOT_RETRY_S);
    cr_assert_eq(db.cardinalities, 60 / SNAPSHOT_SERVICES_S);
}

Test(snapshot, the_first_eight_of_many_services_are_shown)
{
    char name[32];
    for (uint32_t i = 0; i < FAKE_JOBS_MAX; i++) {
        (void)snprintf(name, sizeof name, "job-%u", i);
        fake_add(&db, name, 1, i);
    }
    snapshot_refresh(&s);
    const char *at = line();
    cr_assert_eq(s.service_count, SNAPSHOT_SERVICES_MAX);
    for (uint32_t i = 0; i < SNAPSHOT_SERVICES; i++) {
        (void)snprintf(name, sizeof name, "{\"name\":\"job-%u\"", SNAPSHOT_SERVICES_MAX - 1 - i);
        at = strstr(at, name);
        cr_assert_not_null(at, "%s in place %u", name, i);
    }
    cr_assert_null(strstr(at + 1, "{\"name\":"), "no ninth: %s", at);
}

/* 127 bytes and a letter of two: the cut is before it. */
Test(snapshot, long_names_are_cut_between_characters)
{
    char name[160], want[160];
    memset(name, 'a', sizeof name);
    memcpy(name + SERVICE_NAME_MAX - 1, "\xc3\xa9", 3);
    fake_add(&db, name, 1, 60);
    (void)snprintf(want, sizeof want, "{\"name\":\"%.*s\",\"series\":1,\"per_s\":1}",
                   SERVICE_NAME_MAX - 1, name);
    snapshot_refresh(&s);
    ASSERT_HAS(want);
}

Test(snapshot, hostile_names_are_escaped)
{
    fake_add(&db, "</script><img src=x>\n\x01", 1, 60);
    snapshot_refresh(&s);
    ASSERT_HAS("{\"name\":\"\\u003c/script\\u003e\\u003cimg src=x\\u003e\\n\\u0001\"");
    cr_assert_null(strchr(line(), '\n'), "an event is one line");
}
