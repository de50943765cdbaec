#include "rig.h"

#include "collector/net/conn.h"
#include "collector/net/loop.h"

TestSuite(conn, .timeout = 60);

static struct rig r;
static struct writer w;

static void up(void)
{
    w = (struct writer){0};
    rig_init(&r);
    rig_open(&r);
}

static void down(void)
{
    writer_release(&w);
    rig_close(&r);
}

#define LAST(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

/* "P", "PR" and "PRI" could each begin HTTP/2. */
Test(conn, sniffing_waits_for_what_it_needs)
{
    up();
    static const char *const starts[] = {"P", "PO", "PR", "PUT"};
    for (size_t i = 0; i < 4; i++) {
        int fd = rig_connect(&r);
        writer_reset(&w);
        cr_assert(rig_send(fd, starts[i]));
        rig_sleep_ms(10);
        const char *rest = i == 3 ? " /echo" : i == 2 ? "X /echo" : &"POST /echo"[i + 1];
        cr_assert(rig_send(fd, rest));
        cr_assert(rig_send(fd, " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                               "Connection: close\r\n\r\nhi"));
        cr_assert_eq(rig_status(rig_read_all(fd, &w)), i == 2 ? 501 : 200, "%s", starts[i]);
        (void)close(fd);
    }
    down();
}

Test(conn, a_first_byte_that_never_comes_ends_the_connection)
{
    struct clock_sim sim;
    w = (struct writer){0};
    rig_init(&r);
    clock_sim_init(&sim, 0);
    r.options.clock = &sim.clock;
    rig_open(&r);
    int silent = rig_connect(&r), half = rig_connect(&r);
    cr_assert(rig_send(half, "PR"));
    RIG_UNTIL(rig_counters(&r).open[LISTENER_HTTP] == 2);
    RIG_UNTIL(rig_counters(&r).received_bytes[LISTENER_HTTP] == 2);
    for (int s = 0; s < 11; s++) {
        clock_sim_advance(&sim, NS_PER_S);
        rig_sleep_ms(2 * LOOP_SIM_TICK_MS);
    }
    RIG_UNTIL(rig_counters(&r).closed[LISTENER_HTTP][CLOSING_SLOW] == 2);
    (void)close(silent);
    (void)close(half);
    down();
}

/* Goal: the answer to a refused upload arrives, though the client still sends.
 * Method: a body far larger than the socket buffers; a reset would lose it. */
Test(conn, answers_arrive_while_the_peer_still_sends)
{
    enum { BODY = 8 << 20 };
    static uint8_t body[BODY];
    up();
    for (int i = 0; i < 10; i++) {
        int fd = rig_connect(&r);
        writer_reset(&w);
        cr_assert(
            rig_send(fd, "POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n"));
        cr_assert(rig_send_bytes(fd, (struct bytes){body, BODY}), "the upload was reset");
        cr_assert_eq(rig_status(rig_read_all(fd, &w)), 404);
        (void)close(fd);
    }
    down();
}

Test(conn, counts_what_passes)
{
    up();
    const char *request = LAST("/hello");
    (void)rig_ask(&r, request, &w);
    size_t got = w.len;
    RIG_UNTIL(rig_counters(&r).open[LISTENER_HTTP] == 0);
    struct net_counters now = rig_counters(&r);
    cr_assert_eq(now.received_bytes[LISTENER_HTTP], strlen(request));
    cr_assert_eq(now.sent_bytes[LISTENER_HTTP], got);
    cr_assert_eq(now.accepted[LISTENER_HTTP], 1);
    cr_assert_eq(now.closed[LISTENER_HTTP][CLOSING_DONE], 1);
    cr_assert_eq(now.requests, 1);
    down();
}

Test(conn, no_budget_no_connection)
{
    up();
    cr_assert(budget_charge(&r.budget, (256 << 20) - 1000));
    int fd = rig_connect(&r);
    (void)rig_send(fd, LAST("/hello"));
    const char *a = rig_read_all(fd, &w);
    cr_assert_null(strstr(a, "hello"));
    (void)close(fd);
    RIG_UNTIL(rig_counters(&r).closed[LISTENER_HTTP][CLOSING_LIMIT] == 1);
    budget_release(&r.budget, (256 << 20) - 1000);
    cr_assert_eq(rig_status(rig_ask(&r, LAST("/hello"), &w)), 200);
    down();
}
