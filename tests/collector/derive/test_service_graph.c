/* The rules of pairing, as samples show them. */
#include "collector/derive/service_graph.h"

#include "collector/self/counters.h"
#include "rig.h"
#include "tsdb/base/random.h"

TestSuite(service_graph, .init = rig_open, .fini = rig_close);

#define TOTAL "traces_service_graph_request_total"
#define FAILED "traces_service_graph_request_failed_total"
#define SERVER_SECONDS "traces_service_graph_request_server_seconds_"
#define CLIENT_SECONDS "traces_service_graph_request_client_seconds_"
#define MESSAGING_SECONDS "traces_service_graph_request_messaging_system_seconds_"
#define PAIR "{client=\"web\",server=\"api\"}"

/* A request of web (20 ms) to api (10 ms), whose ids are 100 and 101. */
static struct tsdb_span *put_client(uint8_t kind)
{
    struct tsdb_span *s = rig_span(rig_source("web", NULL, NULL), kind, "c", 200 * NS_PER_MS);
    s->span_id = span_id(100);
    return s;
}

static struct tsdb_span *put_server(uint8_t kind)
{
    struct tsdb_span *s = rig_span(rig_source("api", NULL, NULL), kind, "s", 150 * NS_PER_MS);
    s->parent_id = span_id(100);
    s->span_id = span_id(101);
    return s;
}

static uint32_t graph_samples(void)
{
    return store_count("traces_service_graph_");
}

/* Lets everybody who waits wait in vain. */
static void wait_in_vain(void)
{
    clock_sim_advance(&rig.clock, 10 * NS_PER_S);
    span_metrics_tick(sm);
    rig_flush();
}

static void check_pair(void)
{
    rig_flush();
    cr_assert_eq(store_value(TOTAL PAIR), 1.0);
    cr_assert_eq(store_value(FAILED PAIR), 0.0);
    cr_assert_eq(store_value(SERVER_SECONDS "sum" PAIR), 0.15);
    cr_assert_eq(store_value(CLIENT_SECONDS "sum" PAIR), 0.2);
    cr_assert_eq(store_value(SERVER_SECONDS "bucket{client=\"web\",server=\"api\",le=\"0.1\"}"),
                 0.0);
    cr_assert_eq(store_value(SERVER_SECONDS "bucket{client=\"web\",server=\"api\",le=\"0.2\"}"),
                 1.0);
    cr_assert_eq(store_value(CLIENT_SECONDS "bucket{client=\"web\",server=\"api\",le=\"12.8\"}"),
                 1.0);
    cr_assert_eq(store_value(CLIENT_SECONDS "bucket{client=\"web\",server=\"api\",le=\"+Inf\"}"),
                 1.0);
    cr_assert_eq(graph_samples(), 2 + 2 * 11);
    wait_in_vain();
    cr_assert_eq(store_value(TOTAL PAIR), 1.0);
    cr_assert_eq(counters_get(GRAPH_UNPAIRED, NOWHERE), 0);
}

Test(service_graph, sides_meet_in_one_batch)
{
    put_client(TSDB_KIND_CLIENT);
    put_server(TSDB_KIND_SERVER);
    rig_observe(sm, "");
    check_pair();
}

Test(service_graph, sides_meet_in_the_other_order)
{
    put_server(TSDB_KIND_SERVER);
    put_client(TSDB_KIND_CLIENT);
    rig_observe(sm, "");
    check_pair();
}

Test(service_graph, sides_meet_across_batches)
{
    put_client(TSDB_KIND_CLIENT);
    rig_observe(sm, "");
    clock_sim_advance(&rig.clock, 10 * NS_PER_S - 1);
    span_metrics_tick(sm);
    put_server(TSDB_KIND_SERVER);
    rig_observe(sm, "");
    check_pair();
}

Test(service_graph, sides_meet_across_batches_in_the_other_order)
{
    put_server(TSDB_KIND_SERVER);
    rig_observe(sm, "");
    put_client(TSDB_KIND_CLIENT);
    rig_observe(sm, "");
    check_pair();
}

Test(service_graph, other_traces_and_tenants_do_not_meet)
{
    put_client(TSDB_KIND_CLIENT);
    put_server(TSDB_KIND_SERVER)->trace_id.at[0] = 9;
    rig_observe(sm, "a");
    put_server(TSDB_KIND_SERVER);
    rig_observe(sm, "b");
    wait_in_vain();
    cr_assert_eq(graph_samples(), 0);
    cr_assert_eq(counters_get(GRAPH_UNPAIRED, NOWHERE), 3);
}

/* Zipkin's two sides of a request may have one id; their parent is the client's. */
Test(service_graph, sides_that_share_their_id_meet)
{
    for (int turn = 0; turn < 2; turn++) {
        struct tsdb_field shared = {
            .name = text_of("zipkin.shared"), .type = TSDB_FIELD_BOOL, .integer = 1};
        if (turn)
            put_client(TSDB_KIND_CLIENT);
        struct tsdb_span *s = put_server(TSDB_KIND_SERVER);
        s->span_id = span_id(100);
        s->parent_id = span_id(turn ? 0 : 7);
        rig_attribute(s, shared);
        if (!turn)
            put_client(TSDB_KIND_CLIENT);
        rig_observe(sm, "");
    }
    rig_flush();
    cr_assert_eq(store_value(TOTAL PAIR), 2.0);
    cr_assert_eq(graph_samples(), 24);
}

Test(service_graph, either_side_may_fail)
{
    for (int side = 0; side < 3; side++) {
        struct tsdb_span *c = put_client(TSDB_KIND_CLIENT), *s = put_server(TSDB_KIND_SERVER);
        (side == 1 ? c : s)->status = side ? TSDB_STATUS_ERROR : TSDB_STATUS_OK;
        rig_observe(sm, "");
        rig_flush();
        cr_assert_eq(store_value(FAILED PAIR), side);
    }
    cr_assert_eq(store_value(TOTAL PAIR), 3.0);
}

Test(service_graph, messages_have_a_latency_of_their_own)
{
#define QUEUE "{client=\"web\",connection_type=\"messaging_system\",server=\"api\"}"
    put_client(TSDB_KIND_PRODUCER); /* ends at 0.2 s */
    put_server(TSDB_KIND_CONSUMER)->start = NOW + 500 * NS_PER_MS;
    rig_observe(sm, "");
    put_server(TSDB_KIND_CONSUMER); /* starts before that: their clocks differ */
    put_client(TSDB_KIND_PRODUCER);
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(store_value(TOTAL QUEUE), 2.0);
    cr_assert_eq(store_value(MESSAGING_SECONDS "count" QUEUE), 1.0);
    cr_assert_eq(store_value(MESSAGING_SECONDS "sum" QUEUE), 0.3);
    cr_assert_eq(graph_samples(), 2 + 3 * 11);
}

/* ---- databases ----------------------------------------------------------------------------------
 */

struct database_case {
    const char *attributes[8]; /* name, value, ... */
    const char *server;        /* NULL: of no database */
};

Test(service_graph, databases_are_named_by_what_the_client_says)
{
    static const struct database_case cases[] = {
        {{"db.system", "postgresql"}, "postgresql"},
        {{"db.system.name", "mysql"}, "mysql"},
        {{"db.system", "postgresql", "db.name", "orders"}, "orders"},
        {{"db.name", "orders", "db.namespace", "shop"}, "shop"},
        {{"db.name", "orders", "peer.service", "pg"}, "pg"},
        {{"server.address", "db1", "db.name", "orders"}, "db1"},
        {{"network.peer.port", "5432", "db.name", "o", "network.peer.address", "10.0.0.1"},
         "10.0.0.1:5432"},
        {{"db.name", "o", "network.peer.address", "10.0.0.1"}, "10.0.0.1"},
        {{"server.address", "db1"}, NULL},
        {{"db.statement", "select 1"}, NULL},
    };
    char series[256];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rig_reopen();
        struct tsdb_span *s = put_client(TSDB_KIND_CLIENT);
        for (int a = 0; cases[i].attributes[a]; a += 2)
            rig_attribute(s, field_text(cases[i].attributes[a], cases[i].attributes[a + 1]));
        rig_observe(sm, "");
        rig_flush();
        if (!cases[i].server) {
            cr_assert_eq(graph_samples(), 0, "case %zu", i);
            continue;
        }
        (void)snprintf(series, sizeof series,
                       TOTAL "{client=\"web\",connection_type=\"database\",server=\"%s\"}",
                       cases[i].server);
        cr_assert_eq(store_value(series), 1.0, "case %zu", i);
        (void)snprintf(series, sizeof series,
                       SERVER_SECONDS
                       "sum{client=\"web\",connection_type=\"database\",server=\"%s\"}",
                       cases[i].server);
        cr_assert_eq(store_value(series), 0.2, "as the client measured it");
    }
}

Test(service_graph, ports_may_be_numbers)
{
    struct tsdb_span *s = put_client(TSDB_KIND_CLIENT);
    rig_attribute(s, field_text("db.name", "o"));
    rig_attribute(s, field_text("network.peer.address", "::1"));
    rig_attribute(s, field_int("network.peer.port", 5432));
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(
        store_value(TOTAL "{client=\"web\",connection_type=\"database\",server=\"::1:5432\"}"),
        1.0);
}

/* A database that sends spans itself is one request, whichever comes first. */
Test(service_graph, a_database_counts_once)
{
    for (int turn = 0; turn < 2; turn++) {
        struct tsdb_span *s = NULL;
        if (turn)
            put_server(TSDB_KIND_SERVER);
        s = put_client(TSDB_KIND_CLIENT);
        rig_attribute(s, field_text("db.name", "orders"));
        if (!turn)
            put_server(TSDB_KIND_SERVER);
        rig_observe(sm, "");
        wait_in_vain();
    }
    cr_assert_eq(
        store_value(TOTAL "{client=\"web\",connection_type=\"database\",server=\"orders\"}"), 2.0);
    cr_assert_eq(graph_samples(), 24);
    cr_assert_eq(counters_get(GRAPH_UNPAIRED, NOWHERE), 1,
                 "a server that came first does not wait on");
}

/* ---- virtual nodes ------------------------------------------------------------------------------
 */

Test(service_graph, peers_that_send_no_spans_are_virtual)
{
#define STRIPE "{client=\"web\",connection_type=\"virtual_node\",server=\"stripe\"}"
    rig_attribute(put_client(TSDB_KIND_CLIENT), field_text("peer.service", "stripe"));
    rig_observe(sm, "");
    wait_in_vain();
    cr_assert_eq(graph_samples(), 24);
    cr_assert_eq(store_value(TOTAL STRIPE), 1.0);
    cr_assert_eq(store_value(SERVER_SECONDS "sum" STRIPE), 0.2);
    cr_assert_eq(store_value(CLIENT_SECONDS "sum" STRIPE), 0.2);
    cr_assert_eq(counters_get(GRAPH_UNPAIRED, NOWHERE), 0);
}

Test(service_graph, spans_wait_as_long_as_they_are_told)
{
    rig_attribute(put_client(TSDB_KIND_CLIENT), field_text("peer.service", "stripe"));
    rig_observe(sm, "");
    clock_sim_advance(&rig.clock, 10 * NS_PER_S - 1);
    span_metrics_tick(sm);
    cr_assert_eq(counters_get(GRAPH_EDGES, NOWHERE), 0);
    span_metrics_collect(sm);
    cr_assert_eq(counters_get(GRAPH_WAITING, NOWHERE), 1);
    clock_sim_advance(&rig.clock, 1);
    span_metrics_tick(sm);
    cr_assert_eq(counters_get(GRAPH_EDGES, NOWHERE), 1);
    span_metrics_collect(sm);
    cr_assert_eq(counters_get(GRAPH_WAITING, NOWHERE), 0);
    put_client(TSDB_KIND_CLIENT);
    rig_observe(sm, "");
    rig_options.settings.graph_wait = NS_PER_S;
    span_metrics_configure(sm, &rig_options.settings);
    clock_sim_advance(&rig.clock, NS_PER_S);
    span_metrics_tick(sm);
    cr_assert_eq(counters_get(GRAPH_UNPAIRED, NOWHERE), 1, "nothing is known of its peer");
}

Test(service_graph, roots_are_asked_by_users)
{
#define USER "{client=\"user\",connection_type=\"virtual_node\",server=\"api\"}"
    put_server(TSDB_KIND_SERVER)->parent_id = span_id(0);
    struct tsdb_span *s = put_server(TSDB_KIND_CONSUMER);
    s->parent_id = span_id(0);
    rig_attribute(s, field_text("peer.service", "cron"));
    rig_observe(sm, "");
    wait_in_vain();
    cr_assert_eq(store_value(TOTAL USER), 1.0);
    cr_assert_eq(store_value(SERVER_SECONDS "sum" USER), 0.15);
    cr_assert_eq(store_value(CLIENT_SECONDS "count" USER), 0.0, "nobody measured that");
    cr_assert_eq(
        store_value(TOTAL "{client=\"cron\",connection_type=\"virtual_node\",server=\"api\"}"),
        1.0);
}

Test(service_graph, spans_inside_a_service_are_no_requests)
{
    uint32_t api = rig_source("api", NULL, NULL);
    rig_span(api, TSDB_KIND_INTERNAL, "x", 1);
    rig_span(api, TSDB_KIND_UNSPECIFIED, "x", 1);
    rig_span(api, 99, "x", 1);
    rig_observe(sm, "");
    wait_in_vain();
    cr_assert_eq(graph_samples(), 0);
    cr_assert_eq(counters_get(GRAPH_UNPAIRED, NOWHERE), 0);
}

/* ---- limits -------------------------------------------------------------------------------------
 */

Test(service_graph, more_than_may_wait_are_dropped_and_counted)
{
    rig_options.settings.graph_items_max = 10;
    rig_reopen();
    uint32_t web = rig_source("web", NULL, NULL);
    for (int i = 0; i < 25; i++)
        rig_span(web, TSDB_KIND_CLIENT, "c", 1);
    rig_observe(sm, "");
    cr_assert_eq(counters_get(GRAPH_DROPPED, NOWHERE), 15);
    span_metrics_collect(sm);
    cr_assert_eq(counters_get(GRAPH_WAITING, NOWHERE), 10);
    wait_in_vain();
    cr_assert_eq(counters_get(GRAPH_UNPAIRED, NOWHERE), 10);
    rig_span(rig_source("web", NULL, NULL), TSDB_KIND_CLIENT, "c", 1);
    rig_observe(sm, "");
    cr_assert_eq(counters_get(GRAPH_DROPPED, NOWHERE), 15, "there is room again");
}

Test(service_graph, a_span_that_comes_twice_waits_once)
{
    for (int i = 0; i < 3; i++)
        put_client(TSDB_KIND_CLIENT);
    rig_observe(sm, "");
    span_metrics_collect(sm);
    cr_assert_eq(counters_get(GRAPH_WAITING, NOWHERE), 1);
    put_server(TSDB_KIND_SERVER);
    rig_observe(sm, "");
    rig_flush();
    cr_assert_eq(store_value(TOTAL PAIR), 1.0);
}

/* Goal: what is counted does not depend on the order in which spans come, nor on how batches cut
 * them.  Method: requests of random kinds between random services, shuffled and cut anew in
 * each round; TEST_SEED replays. */
enum { TRIES = 200, SERVICES = 4 };

static void put_request(struct random *r, int i)
{
    uint64_t shape = random_below(r, 6);
    uint32_t client = (uint32_t)random_below(r, SERVICES);
    uint32_t server = (uint32_t)random_below(r, SERVICES);
    bool is_message = shape == 1;
    struct tsdb_span *c = rig_span(client, is_message ? TSDB_KIND_PRODUCER : TSDB_KIND_CLIENT, "c",
                                   (int64_t)random_below(r, 20) * 100 * NS_PER_MS);
    c->span_id = span_id(1000 + 2 * (uint64_t)i);
    c->status = (uint8_t)random_below(r, 3);
    if (shape == 2)
        rig_attribute(c, field_text("db.name", "orders"));
    if (shape == 3)
        rig_attribute(c, field_text("peer.service", "stripe"));
    if (shape >= 3 && shape <= 4)
        return;
    struct tsdb_span *s = rig_span(server, is_message ? TSDB_KIND_CONSUMER : TSDB_KIND_SERVER, "s",
                                   (int64_t)random_below(r, 20) * 100 * NS_PER_MS);
    s->span_id = span_id(1001 + 2 * (uint64_t)i);
    s->parent_id = shape == 5 ? span_id(0) : c->span_id;
    s->start += (int64_t)random_below(r, 5) * NS_PER_S;
    s->end += 5 * NS_PER_S;
}

static int by_series(const void *a, const void *b)
{
    return strcmp(((const struct kept_sample *)a)->series, ((const struct kept_sample *)b)->series);
}

Test(service_graph, the_order_of_spans_does_not_matter)
{
    static struct tsdb_span all[2 * TRIES], batch[2 * TRIES];
    static const char *const services[SERVICES] = {"a", "b", "c", "d"};
    static char expected[1 << 20], got[1 << 20];
    struct random r;
    const char *env = getenv("TEST_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20260607;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    random_init(&r, seed);
    for (int round = 0; round < 20; round++) {
        struct random same;
        random_init(&same, seed);
        rig_reopen();
        for (int i = 0; i < SERVICES; i++)
            (void)rig_source(services[i], NULL, NULL);
        for (int i = 0; i < TRIES; i++)
            put_request(&same, i);
        uint32_t count = rig.span_count;
        memcpy(all, rig.spans, count * sizeof *all);
        for (uint32_t i = count - 1; i > 0; i--) {
            uint64_t j = random_below(&r, i + 1);
            struct tsdb_span kept = all[i];
            all[i] = all[j];
            all[j] = kept;
        }
        for (uint32_t i = 0; i < count;) {
            uint32_t n = 1 + (uint32_t)random_below(&r, count - i);
            memcpy(batch, all + i, n * sizeof *batch);
            const struct tsdb_span_batch b = {"", rig.sources, batch, SERVICES, n};
            span_metrics_observe(sm, &b, NULL);
            i += n;
        }
        rig.span_count = rig.source_count = 0;
        wait_in_vain();
        qsort(rig_db.kept, rig_db.count, sizeof *rig_db.kept, by_series);
        size_t len = 0;
        for (uint32_t i = 0; i < rig_db.count; i++)
            len += (size_t)snprintf(got + len, sizeof got - len, "%s %.9g\n", rig_db.kept[i].series,
                                    rig_db.kept[i].value);
        if (round == 0) {
            memcpy(expected, got, len + 1);
            cr_assert_gt(graph_samples(), 20 * 24, "it made edges");
        }
        cr_assert_str_eq(got, expected, "round %d", round);
    }
}
