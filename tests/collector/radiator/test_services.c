#include "collector/radiator/services.h"

#include "tests/collector/radiator/fake_store.h"

static struct tsdb db;
static struct clock_sim sim;
static struct services s;
static struct json j;

static void up(void)
{
    clock_sim_init(&sim, INT64_C(1767225600) * NS_PER_S);
    services_init(&s, &db, &sim.clock, "");
}

static void down(void)
{
    json_release(&j);
}

TestSuite(services, .init = up, .fini = down);

static const char *line(void)
{
    json_release(&j);
    json_init(&j, 0, NULL, NULL);
    json_object(&j);
    services_write(&s, &j);
    json_end_object(&j);
    writer_u8(&j.out, 0);
    return (const char *)j.out.at;
}

#define ASSERT_HAS(text)                                                                           \
    do {                                                                                           \
        const char *got_ = line();                                                                 \
        cr_assert_not_null(strstr(got_, (text)), "want %s\n in %s", (text), got_);                 \
    } while (0)

Test(services, are_ranked_by_samples)
{
    fake_add(&db, "many-series", 100, 1);
    fake_add(&db, "busy", 2, 600);
    fake_add(&db, "idle", 1, 0);
    services_refresh(&s);
    ASSERT_HAS("\"services\":[{\"name\":\"busy\",\"series\":2,\"per_s\":20},"
               "{\"name\":\"many-series\",\"series\":100,\"per_s\":1.667},"
               "{\"name\":\"idle\",\"series\":1,\"per_s\":0}],\"services_by\":\"samples\"");
    cr_assert_str_eq(db.expr, "{job!=\"\"}[1m]");
    cr_assert_eq(db.options.start, db.options.end);
    cr_assert_gt(db.options.deadline, 0);
    cr_assert_gt(db.options.samples_max, 0);
}

/* Whether the query is refused at once or on its way. */
Test(services, fall_back_to_series)
{
    fake_add(&db, "many-series", 100, 1);
    fake_add(&db, "busy", 2, 600);
    for (int i = 0; i < 2; i++) {
        db.open_status = i == 0 ? TSDB_ELIMIT : TSDB_OK;
        db.end_status = i == 1 ? TSDB_ELIMIT : TSDB_OK;
        s.due_ns = s.traffic_due_ns = 0;
        services_refresh(&s);
        ASSERT_HAS("\"services\":[{\"name\":\"many-series\",\"series\":100,\"per_s\":null},"
                   "{\"name\":\"busy\",\"series\":2,\"per_s\":null}],\"services_by\":\"series\"");
    }
}

/* As the radiator does. */
static void look_for_a_minute(void)
{
    for (int second = 0; second < 60; second++) {
        if (s.due_ns <= clock_mono_ns(&sim.clock))
            services_refresh(&s);
        clock_sim_advance(&sim, NS_PER_S);
    }
}

Test(services, the_store_is_asked_seldom_and_more_seldom_when_it_is_too_full)
{
    fake_add(&db, "cart", 1, 1);
    look_for_a_minute();
    cr_assert_eq(db.queries, 60 / SERVICES_S);
    db.queries = db.cardinalities = 0;
    db.open_status = TSDB_ELIMIT;
    look_for_a_minute();
    cr_assert_eq(db.queries, 60 / SERVICES_RETRY_S);
    cr_assert_eq(db.cardinalities, 60 / SERVICES_S);
}

Test(services, the_first_eight_of_many_services_are_shown)
{
    char name[32];
    for (uint32_t i = 0; i < FAKE_JOBS_MAX; i++) {
        (void)snprintf(name, sizeof name, "job-%u", i);
        fake_add(&db, name, 1, i);
    }
    services_refresh(&s);
    const char *at = line();
    cr_assert_eq(s.count, SERVICES_MAX);
    for (uint32_t i = 0; i < SERVICES_SHOWN; i++) {
        (void)snprintf(name, sizeof name, "{\"name\":\"job-%u\"", SERVICES_MAX - 1 - i);
        at = strstr(at, name);
        cr_assert_not_null(at, "%s in place %u", name, i);
    }
    cr_assert_null(strstr(at + 1, "{\"name\":"), "no ninth: %s", at);
}

/* 127 bytes and a letter of two: the cut is before it. */
Test(services, long_names_are_cut_between_characters)
{
    char name[160], want[160];
    memset(name, 'a', sizeof name);
    memcpy(name + SERVICE_NAME_MAX - 1, "\xc3\xa9", 3);
    fake_add(&db, name, 1, 60);
    (void)snprintf(want, sizeof want, "{\"name\":\"%.*s\",\"series\":1,\"per_s\":1}",
                   SERVICE_NAME_MAX - 1, name);
    services_refresh(&s);
    ASSERT_HAS(want);
}

Test(services, hostile_names_are_escaped)
{
    fake_add(&db, "</script><img src=x>\n\x01", 1, 60);
    services_refresh(&s);
    ASSERT_HAS("{\"name\":\"\\u003c/script\\u003e\\u003cimg src=x\\u003e\\n\\u0001\"");
    cr_assert_null(strchr(line(), '\n'), "an event is one line");
}

Test(services, are_the_tenants_own)
{
    fake_add(&db, "of-nobody", 1, 60);
    fake_add_for(&db, "acme", "cart");
    fake_add_for(&db, "other", "secret");
    services_init(&s, &db, &sim.clock, "acme");
    for (int i = 0; i < 2; i++) {
        services_refresh(&s);
        cr_assert_str_eq(line(),
                         i == 0 ? "{\"services\":[{\"name\":\"cart\",\"series\":1,\"per_s\":1}],"
                                  "\"services_by\":\"samples\"}"
                                : "{\"services\":[{\"name\":\"cart\",\"series\":1,"
                                  "\"per_s\":null}],\"services_by\":\"series\"}");
        cr_assert_str_eq(db.options.tenant, "acme");
        db.open_status = TSDB_ELIMIT;
    }
    services_init(&s, &db, &sim.clock, "");
    db.open_status = TSDB_OK;
    services_refresh(&s);
    ASSERT_HAS("\"services\":[{\"name\":\"of-nobody\",\"series\":1,\"per_s\":1}]");
}
