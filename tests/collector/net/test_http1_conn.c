#include "rig.h"

#include "collector/net/http1_conn.h"

TestSuite(http1_conn, .timeout = 120);

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define LAST(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static struct rig r;
static struct writer w;
static struct clock_sim sim;

static void up(void)
{
    w = (struct writer){0};
    rig_init(&r);
}

static void up_with_simulated_clock(void)
{
    up();
    clock_sim_init(&sim, INT64_C(1700000000) * NS_PER_S);
    r.options.clock = &sim.clock;
    rig_open(&r);
}

static void down(void)
{
    writer_release(&w);
    rig_close(&r);
}

Test(http1_conn, answers_pipelined_requests_in_order)
{
    up();
    rig_open(&r);
    int fd = rig_connect(&r);
    cr_assert(rig_send(fd, GET("/later") GET("/page") "POST /echo HTTP/1.1\r\nHost: x\r\n"
                                                      "Content-Length: 3\r\n\r\nabc" GET("/none")
                                                          LAST("/hello")));
    const char *all = rig_read_all(fd, &w);
    const char *later = strstr(all, "hello\n"), *page = strstr(all, "<p>\n");
    const char *echo = strstr(all, "\r\n\r\nabc"), *none = strstr(all, "HTTP/1.1 404");
    cr_assert(later && page && echo && none, "%s", all);
    cr_assert(later < page && page < echo && echo < none, "%s", all);
    cr_assert(strstr(none, "hello\n"), "%s", none);
    (void)close(fd);
    down();
}

Test(http1_conn, answers_thousands_of_pipelined_requests)
{
    up();
    rig_open(&r);
    int fd = rig_connect(&r);
    for (int i = 0; i < 20; i++)
        for (int k = 0; k < 100; k++)
            cr_assert(rig_send(fd, GET("/hello")));
    cr_assert(rig_read_until(fd, &w, "hello\n", 2000));
    (void)close(fd);
    down();
}

Test(http1_conn, takes_a_request_in_single_bytes)
{
    up();
    rig_open(&r);
    int fd = rig_connect(&r);
    const char *request = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                          "Connection: close\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
    for (const char *at = request; *at; at++)
        cr_assert(rig_send_bytes(fd, (struct bytes){(const uint8_t *)at, 1}));
    const char *all = rig_read_all(fd, &w);
    cr_assert_eq(rig_status(all), 200, "%s", all);
    cr_assert(strstr(all, "\r\n\r\nabc"), "%s", all);
    (void)close(fd);
    down();
}

Test(http1_conn, says_continue_before_a_body_that_is_wanted)
{
    up();
    rig_open(&r);
    int fd = rig_connect(&r);
    cr_assert(rig_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                           "Content-Length: 3\r\nConnection: close\r\n\r\n"));
    cr_assert(rig_read_until(fd, &w, "HTTP/1.1 100 Continue\r\n\r\n", 1));
    cr_assert(rig_send(fd, "abc"));
    cr_assert(strstr(rig_read_all(fd, &w), "\r\n\r\nabc"));
    (void)close(fd);
    writer_reset(&w);
    fd = rig_connect(&r);
    cr_assert(rig_send(fd, "POST /none HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                           "Content-Length: 3\r\n\r\n"));
    const char *all = rig_read_all(fd, &w);
    cr_assert_eq(rig_status(all), 404, "no body may be asked for: %s", all);
    (void)close(fd);
    down();
}

Test(http1_conn, keeps_alive_as_the_version_says)
{
    up();
    rig_open(&r);
    const char *a = rig_ask(&r, "GET /hello HTTP/1.0\r\n\r\n", &w);
    cr_assert(strstr(a, "\r\nconnection: close\r\n"), "%s", a);
    int fd = rig_connect(&r);
    writer_reset(&w);
    for (int i = 1; i <= 2; i++) {
        cr_assert(rig_send(fd, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
        cr_assert(rig_read_until(fd, &w, "connection: keep-alive", i));
        cr_assert(rig_read_until(fd, &w, "hello\n", i));
    }
    (void)close(fd);
    down();
}

Test(http1_conn, streams_in_chunks_or_to_the_end)
{
    up();
    rig_open(&r);
    const char *a = rig_ask(&r, LAST("/stream"), &w);
    cr_assert(strstr(a, "\r\ntransfer-encoding: chunked\r\n"));
    cr_assert_gt(w.len, RIG_STREAM_BYTES);
    cr_assert_str_eq(a + w.len - 5, "0\r\n\r\n");
    a = rig_ask(&r, "GET /stream HTTP/1.0\r\n\r\n", &w);
    const char *body = strstr(a, "\r\n\r\n");
    cr_assert_not_null(body);
    cr_assert_eq(w.len - (size_t)(body + 4 - a), RIG_STREAM_BYTES);
    cr_assert_null(strstr(a, "transfer-encoding"));
    down();
}

Test(http1_conn, head_has_the_length_and_no_body)
{
    up();
    rig_open(&r);
    const char *a = rig_ask(&r, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n" LAST("/page"), &w);
    cr_assert(strstr(a, "\r\ncontent-length: 6\r\n"), "%s", a);
    cr_assert_null(strstr(a, "hello"), "%s", a);
    cr_assert(strstr(a, "<p>\n"), "%s", a);
    down();
}

Test(http1_conn, malformed_requests_are_answered_and_closed)
{
    up();
    rig_open(&r);
    const char *a = rig_ask(&r, "GET / HTTP/1.1\r\nHost: x\nHost: y\r\n\r\n" GET("/hello"), &w);
    cr_assert_eq(rig_status(a), 400, "%s", a);
    cr_assert(strstr(a, "connection: close\r\n"), "%s", a);
    cr_assert_null(strstr(a, "hello"), "%s", a);
    RIG_UNTIL(rig_counters(&r).closed[LISTENER_HTTP][CLOSING_MALFORMED] == 1);
    down();
}

Test(http1_conn, bodies_over_the_limit_are_413)
{
    up();
    r.options.limits.body_bytes_max = 10;
    rig_open(&r);
    const char *a = rig_ask(&r,
                            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n"
                            "01234567890",
                            &w);
    cr_assert_eq(rig_status(a), 413, "%s", a);
    a = rig_ask(&r,
                "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                "6\r\n012345\r\n5\r\n01234\r\n0\r\n\r\n",
                &w);
    cr_assert_eq(rig_status(a), 413, "%s", a);
    a = rig_ask(&r,
                "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n"
                "Connection: close\r\n\r\n0123456789",
                &w);
    cr_assert_eq(rig_status(a), 200, "%s", a);
    down();
}

/* Announcing much costs nothing; sending more than fits is refused. */
Test(http1_conn, bodies_that_do_not_fit_the_budget_are_503)
{
    up();
    budget_init(&r.budget, 1 << 20, NULL);
    rig_open(&r);
    int idle[8];
    for (int i = 0; i < 8; i++) {
        idle[i] = rig_connect(&r);
        cr_assert(rig_send(idle[i], "POST /echo HTTP/1.1\r\nHost: x\r\n"
                                    "Content-Length: 20000000\r\n\r\nx"));
    }
    RIG_UNTIL(rig_counters(&r).exchanges_open == 8);
    cr_assert_lt(budget_used(&r.budget), 500000);
    int fd = rig_connect(&r);
    uint8_t block[65536] = {0};
    cr_assert(rig_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n"));
    for (int i = 0; i < 32; i++)
        if (!rig_send_bytes(fd, (struct bytes){block, sizeof block}))
            break;
    const char *a = rig_read_all(fd, &w);
    cr_assert_eq(rig_status(a), 503, "%s", a);
    cr_assert(strstr(a, "\r\nretry-after: "), "%s", a);
    (void)close(fd);
    for (int i = 0; i < 8; i++)
        (void)close(idle[i]);
    down();
}

Test(http1_conn, slow_heads_are_cut_off_in_total_time)
{
    up_with_simulated_clock();
    int fd = rig_connect(&r);
    const char *drip = "GET /hello HTTP/1.1\r\nHost: x\r\nA: bcdefghijklmnopqrstuvwxyz";
    int seconds = 0;
    for (; seconds < 30 && rig_send_bytes(fd, (struct bytes){(const uint8_t *)drip + seconds, 1});
         seconds++) {
        rig_sleep_ms(3 * LOOP_SIM_TICK_MS);
        clock_sim_advance(&sim, NS_PER_S);
        if (rig_receive(fd, &w, 0) >= 0)
            break;
    }
    const char *a = rig_read_all(fd, &w);
    cr_assert(seconds >= 9 && seconds <= 12, "cut off after %d s", seconds);
    cr_assert_eq(rig_status(a), 408, "%s", a);
    (void)close(fd);
    RIG_UNTIL(rig_counters(&r).closed[LISTENER_HTTP][CLOSING_SLOW] == 1);
    down();
}

Test(http1_conn, slow_bodies_are_cut_off_by_rate_and_in_total_time)
{
    up_with_simulated_clock();
    r.options.limits.rate_bytes_min = 1024;
    int slow = rig_connect(&r), steady = rig_connect(&r);
    const char *head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n";
    static uint8_t block[3000];
    cr_assert(rig_send(slow, head));
    cr_assert(rig_send(steady, head));
    RIG_UNTIL(rig_counters(&r).exchanges_open == 2);
    int slow_s = 0, steady_s = 0;
    for (int s = 1; s <= 80 && (!slow_s || !steady_s); s++) {
        if (!slow_s)
            (void)rig_send_bytes(slow, (struct bytes){block, 100});
        if (!steady_s)
            (void)rig_send_bytes(steady, (struct bytes){block, sizeof block});
        rig_sleep_ms(3 * LOOP_SIM_TICK_MS);
        clock_sim_advance(&sim, NS_PER_S);
        rig_sleep_ms(2 * LOOP_SIM_TICK_MS);
        if (!slow_s && rig_receive(slow, &w, 0) >= 0)
            slow_s = s;
        if (!steady_s && rig_receive(steady, &w, 0) >= 0)
            steady_s = s;
    }
    cr_assert(slow_s >= 5 && slow_s <= 8, "100 B/s was cut off after %d s", slow_s);
    cr_assert(steady_s >= 59 && steady_s <= 66, "3 kB/s was cut off after %d s", steady_s);
    (void)close(slow);
    (void)close(steady);
    down();
}

Test(http1_conn, idle_connections_end_and_slow_readers_too)
{
    up_with_simulated_clock();
    int idle = rig_connect(&r), reader = rig_connect(&r);
    int bytes = 4096;
    (void)setsockopt(reader, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    cr_assert(rig_send(idle, GET("/hello")));
    cr_assert(rig_read_until(idle, &w, "hello\n", 1));
    cr_assert(rig_send(reader, LAST("/stream")));
    RIG_UNTIL(rig_counters(&r).sent_bytes[LISTENER_HTTP] > 10000);
    rig_sleep_ms(50);
    for (int s = 0; s < 130; s++) { /* nothing is read meanwhile */
        clock_sim_advance(&sim, NS_PER_S);
        rig_sleep_ms(LOOP_SIM_TICK_MS + 1);
        if (s == 55)
            cr_expect_eq(rig_counters(&r).open[LISTENER_HTTP], 2, "too early");
    }
    struct net_counters now = rig_counters(&r);
    cr_expect_eq(now.closed[LISTENER_HTTP][CLOSING_IDLE], 1);
    cr_expect_eq(now.closed[LISTENER_HTTP][CLOSING_SLOW], 1);
    RIG_UNTIL(rig_counters(&r).exchanges_open == 0); /* the worker noticed */
    (void)close(idle);
    (void)close(reader);
    down();
}

Test(http1_conn, a_peer_that_goes_is_told_to_the_handler)
{
    up();
    rig_open(&r);
    int fd = rig_connect(&r);
    cr_assert(rig_send(fd, GET("/kept")));
    RIG_UNTIL(rig_kept != NULL);
    cr_assert(exchange_is_open(rig_kept));
    (void)close(fd);
    RIG_UNTIL(rig_gone == 1);
    cr_assert_not(exchange_is_open(rig_kept));
    rig_hello(NULL, rig_kept); /* goes nowhere, harms nobody */
    RIG_UNTIL(rig_counters(&r).exchanges_open == 0);
    RIG_UNTIL(rig_counters(&r).closed[LISTENER_HTTP][CLOSING_ABORTED] == 1);
    down();
}

/* Goal: a thousand connections that drip bytes do not keep a good client out.
 * Method: 1,000 half-sent heads, then requests on another connection. */
Test(http1_conn, a_good_client_is_served_among_a_thousand_slow_ones)
{
    enum { SLOW = 1000 };
    up();
    rig_open(&r);
    static int slow[SLOW];
    for (int i = 0; i < SLOW; i++) {
        slow[i] = rig_connect(&r);
        cr_assert(rig_send(slow[i], "GET /hello HTTP/1.1\r\nHo"));
    }
    RIG_UNTIL(rig_counters(&r).open[LISTENER_HTTP] == SLOW);
    int64_t worst = 0;
    for (int i = 0; i < 200; i++) {
        int64_t start = clock_mono_ns(clock_real());
        cr_assert(rig_send(slow[i], "s"));
        cr_assert_eq(rig_status(rig_ask(&r, LAST("/hello"), &w)), 200);
        int64_t took = clock_mono_ns(clock_real()) - start;
        worst = took > worst ? took : worst;
    }
    cr_assert_lt(worst, NS_PER_S, "the slowest answer took %lld ms",
                 (long long)(worst / NS_PER_MS));
    for (int i = 0; i < SLOW; i++)
        (void)close(slow[i]);
    down();
}
