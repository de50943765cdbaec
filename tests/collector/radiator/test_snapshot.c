#include "collector/radiator/snapshot.h"

#include "tests/collector/radiator/fake_store.h"

static struct tsdb db;
static struct clock_sim sim;
static struct snapshot s;
static struct services services;
static struct json j;

static void up(void)
{
    clock_sim_init(&sim, INT64_C(1767225600) * NS_PER_S);
    db.stats = (struct tsdb_stats){.memory_limit = 2000};
    snapshot_init(&s, &db, &sim.clock, 0);
    services_init(&services, &db, &sim.clock, "");
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
    snapshot_take(&s);
    snapshot_write(&s, &services, &j);
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
                                   .segment_bytes = 70,
                                   .log_segment_bytes = 7,
                                   .journal_bytes = 5,
                                   .disk_free_bytes = 9,
                                   .memory_bytes = 1000,
                                   .memory_limit = 2000};
    counters_add(ITEMS_RECEIVED, AT(SIGNAL_METRICS, DOOR_TCP), 120);
    counters_add(ITEMS_REJECTED, AT(SIGNAL_METRICS, DOOR_TCP, REASON_TOO_OLD), 5);
    fake_add(&db, "cart", 2, 30);
    pass_s(10);
    services_refresh(&services);
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

/* Each board is written from one look, so that their rates are the same. */
Test(snapshot, writing_takes_no_mark)
{
    counters_add(ITEMS_RECEIVED, AT(SIGNAL_METRICS, DOOR_TCP), 10);
    pass_s(1);
    char first[2000];
    (void)snprintf(first, sizeof first, "%s", line());
    pass_s(1);
    json_release(&j);
    json_init(&j, 0, NULL, NULL);
    snapshot_write(&s, &services, &j);
    writer_u8(&j.out, 0);
    cr_assert_str_eq((const char *)j.out.at, first);
}
