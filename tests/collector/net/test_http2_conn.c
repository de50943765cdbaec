#include "h2_rig.h"

#include "collector/net/http2_conn.h"
#include "collector/net/loop.h"

TestSuite(http2_conn, .timeout = 120);

static struct rig r;
static struct h2 h;
static struct clock_sim sim;
static const struct bytes no_body;

static void up(void)
{
    rig_init(&r);
    rig_open(&r);
    h2_open(&h, &r);
}

static void down(void)
{
    h2_close(&h);
    rig_close(&r);
}

Test(http2_conn, answers_requests_by_prior_knowledge)
{
    up();
    struct h2_stream *s = h2_ask(&h, "GET", "/hello?a=b", NULL, no_body);
    cr_assert(strstr(h2_text(&s->head), ":status: 200\n"), "%s", h2_text(&s->head));
    cr_assert(strstr(h2_text(&s->head), "content-length: 6\n"), "%s", h2_text(&s->head));
    cr_assert(strstr(h2_text(&s->head), "x-content-type-options: nosniff\n"));
    cr_assert_str_eq(h2_text(&s->body), "hello\n");
    s = h2_ask(&h, "POST", "/echo", NULL, rig_bytes("abc"));
    cr_assert_str_eq(h2_text(&s->body), "abc");
    s = h2_ask(&h, "HEAD", "/hello", NULL, no_body);
    cr_assert(strstr(h2_text(&s->head), "content-length: 6\n"), "%s", h2_text(&s->head));
    cr_assert_eq(s->body.len, 0);
    s = h2_ask(&h, "GET", "/nowhere", NULL, no_body);
    cr_assert(strstr(h2_text(&s->head), ":status: 404\n"));
    s = h2_ask(&h, "DELETE", "/hello", NULL, no_body);
    cr_assert(strstr(h2_text(&s->head), ":status: 405\n"));
    cr_assert(strstr(h2_text(&s->head), "allow: GET, HEAD, OPTIONS\n"), "%s", h2_text(&s->head));
    cr_assert(h.has_settings_ack);
    down();
}

Test(http2_conn, serves_many_streams_at_once)
{
    up();
    int32_t ids[100];
    for (int i = 0; i < 100; i++)
        ids[i] = h2_submit(&h, "GET", i % 10 ? "/hello" : "/later", NULL, no_body);
    H2_UNTIL(&h, h.closed == 100);
    for (int i = 0; i < 100; i++)
        cr_assert_str_eq(h2_text(&h2_stream(&h, ids[i])->body), "hello\n");
    down();
}

Test(http2_conn, streams_large_answers_and_bodies)
{
    enum { BYTES = 10 << 20 };
    up();
    static uint8_t body[BYTES];
    memset(body, 'q', sizeof body);
    int32_t out = h2_submit(&h, "POST", "/echo", NULL, (struct bytes){body, BYTES});
    int32_t in = h2_submit(&h, "GET", "/stream", NULL, no_body);
    H2_UNTIL(&h, h.closed == 2);
    cr_assert_eq(h2_stream(&h, out)->body.len, BYTES);
    cr_assert_eq(memcmp(h2_stream(&h, out)->body.at, body, BYTES), 0);
    cr_assert_eq(h2_stream(&h, in)->body.len, RIG_STREAM_BYTES);
    down();
}

Test(http2_conn, takes_a_session_in_single_bytes)
{
    rig_init(&r);
    rig_open(&r);
    h2_open(&h, &r);
    (void)h2_submit(&h, "POST", "/echo", NULL, rig_bytes("abc"));
    const uint8_t *at;
    ssize_t n;
    while ((n = nghttp2_session_mem_send(h.session, &at)) > 0)
        for (ssize_t i = 0; i < n; i++)
            cr_assert(rig_send_bytes(h.fd, (struct bytes){at + i, 1}));
    H2_UNTIL(&h, h.closed == 1);
    cr_assert_str_eq(h2_text(&h2_stream(&h, 1)->body), "abc");
    down();
}

Test(http2_conn, refuses_large_bodies_and_heads)
{
    rig_init(&r);
    r.options.limits.body_bytes_max = 1 << 20;
    rig_open(&r);
    h2_open(&h, &r);
    static uint8_t body[4 << 20];
    struct h2_stream *s = h2_ask(&h, "POST", "/echo", NULL, (struct bytes){body, sizeof body});
    cr_assert(strstr(h2_text(&s->head), ":status: 413\n"), "%s", h2_text(&s->head));
    static char value[40000];
    memset(value, 'v', 20000);
    const char *large[] = {"a", value, "b", value, NULL};
    s = h2_ask(&h, "GET", "/hello", large, no_body);
    cr_assert(strstr(h2_text(&s->head), ":status: 431\n"), "%s", h2_text(&s->head));
    const char *many[2 * 101 + 1] = {0};
    for (int i = 0; i < 202; i += 2) {
        many[i] = "f";
        many[i + 1] = "v";
    }
    s = h2_ask(&h, "GET", "/hello", many, no_body);
    cr_assert(strstr(h2_text(&s->head), ":status: 431\n"), "%s", h2_text(&s->head));
    s = h2_ask(&h, "GET", "/a\xc3\xa4", NULL, no_body);
    cr_assert(s->error != 0 || strstr(h2_text(&s->head), ":status: 400\n"));
    s = h2_ask(&h, "GET", "/hello", NULL, no_body);
    cr_assert_str_eq(h2_text(&s->body), "hello\n", "the connection must go on");
    down();
}

Test(http2_conn, refuses_early_and_stops_the_upload)
{
    up();
    static uint8_t body[8 << 20];
    struct h2_stream *s = h2_ask(&h, "POST", "/nowhere", NULL, (struct bytes){body, sizeof body});
    cr_assert(strstr(h2_text(&s->head), ":status: 404\n"));
    cr_assert_eq(s->error, NGHTTP2_NO_ERROR);
    RIG_UNTIL(rig_counters(&r).received_bytes[LISTENER_HTTP] > 0);
    cr_assert_lt(rig_counters(&r).received_bytes[LISTENER_HTTP], 4 << 20);
    down();
}

Test(http2_conn, acknowledges_pings)
{
    up();
    (void)h2_ask(&h, "GET", "/hello", NULL, no_body);
    for (int i = 0; i < 20; i++)
        (void)nghttp2_submit_ping(h.session, 0, NULL);
    H2_UNTIL(&h, h.pings == 20);
    down();
}

Test(http2_conn, a_reset_is_told_to_the_handler)
{
    up();
    int32_t id = h2_submit(&h, "GET", "/kept", NULL, no_body);
    h2_flush(&h);
    RIG_UNTIL(rig_kept != NULL);
    (void)nghttp2_submit_rst_stream(h.session, 0, id, NGHTTP2_CANCEL);
    h2_flush(&h);
    RIG_UNTIL(rig_gone == 1);
    cr_assert_not(exchange_is_open(rig_kept));
    rig_hello(NULL, rig_kept);
    struct h2_stream *s = h2_ask(&h, "GET", "/hello", NULL, no_body);
    cr_assert_str_eq(h2_text(&s->body), "hello\n");
    down();
}

static void flood_until_goodbye(void (*once)(void))
{
    for (int i = 0; i < 20000 && !h.has_goaway && !h.has_ended; i++) {
        once();
        h2_flush(&h);
        if (i % 20 == 19)
            (void)h2_turn(&h, 5);
    }
    while (!h.has_ended && h2_turn(&h, RIG_WAIT_MS))
        continue;
    cr_assert(h.has_ended, "the flood was endured");
    struct net_counters now;
    (void)shutdown(h.fd, SHUT_RDWR);
    RIG_UNTIL((now = rig_counters(&r)).received_bytes[LISTENER_HTTP] > 0 &&
              now.open[LISTENER_HTTP] == 0);
    cr_assert_eq(
        now.closed[LISTENER_HTTP][CLOSING_LIMIT] + now.closed[LISTENER_HTTP][CLOSING_MALFORMED], 1);
}

static void reset_rapidly(void)
{
    int32_t id = h2_submit(&h, "GET", "/later", NULL, no_body);
    h2_flush(&h);
    if (id > 300) /* enough for one burst: let a slow server come to it */
        rig_sleep_ms(5);
    if (id / 2 >= H2_STREAMS - 1)
        cr_assert_fail("five hundred resets were endured");
    (void)nghttp2_submit_rst_stream(h.session, 0, id, NGHTTP2_CANCEL);
}

static void ping(void)
{
    (void)nghttp2_submit_ping(h.session, 0, NULL);
}

static void send_settings(void)
{
    (void)nghttp2_submit_settings(h.session, 0, NULL, 0);
}

Test(http2_conn, rapid_resets_end_the_connection)
{
#ifdef __SANITIZE_THREAD__
    cr_skip_test("slowed down like this they are not rapid");
#endif
    up();
    flood_until_goodbye(reset_rapidly);
    down();
}

Test(http2_conn, floods_of_pings_end_the_connection)
{
    up();
    flood_until_goodbye(ping);
    down();
}

Test(http2_conn, floods_of_settings_end_the_connection)
{
    up();
    flood_until_goodbye(send_settings);
    down();
}

Test(http2_conn, endless_continuations_end_the_connection)
{
    up();
    (void)h2_ask(&h, "GET", "/hello", NULL, no_body);
    uint8_t head[9] = {0, 0, 0, NGHTTP2_HEADERS, 0, 0, 0, 0, 3};
    uint8_t more[9] = {0, 0, 0, 9 /* CONTINUATION */, 0, 0, 0, 0, 3};
    struct writer in = {0};
    cr_assert(rig_send_bytes(h.fd, (struct bytes){head, sizeof head}));
    int sent = 0;
    while (sent < 1000 && rig_send_bytes(h.fd, (struct bytes){more, sizeof more}) &&
           rig_receive(h.fd, &in, 2) < 0)
        sent++;
    cr_assert(sent < 100, "%d CONTINUATION frames were taken", sent);
    writer_release(&in);
    down();
}

Test(http2_conn, a_closed_window_ends_in_a_reset)
{
    rig_init(&r);
    clock_sim_init(&sim, INT64_C(1700000000) * NS_PER_S);
    r.options.clock = &sim.clock;
    rig_open(&r);
    h2_init(&h, rig_connect(&r), true);
    int32_t id = h2_submit(&h, "GET", "/stream", NULL, no_body);
    h2_flush(&h);
    RIG_UNTIL(rig_counters(&r).exchanges_open == 1);
    H2_UNTIL(&h, h2_stream(&h, id)->body.len >= 65535);
    for (int s = 0; s < 75 && !h2_stream(&h, id)->is_closed; s++) {
        clock_sim_advance(&sim, NS_PER_S);
        (void)h2_turn(&h, 2 * LOOP_SIM_TICK_MS);
    }
    cr_assert(h2_stream(&h, id)->is_closed);
    cr_assert_eq(h2_stream(&h, id)->error, NGHTTP2_CANCEL);
    RIG_UNTIL(rig_counters(&r).exchanges_open == 0);
    down();
}

Test(http2_conn, slow_heads_slow_bodies_and_idling_end)
{
    rig_init(&r);
    clock_sim_init(&sim, INT64_C(1700000000) * NS_PER_S);
    r.options.clock = &sim.clock;
    rig_open(&r);
    h2_open(&h, &r);
    (void)h2_ask(&h, "GET", "/hello", NULL, no_body);
    for (int s = 0; s < 130 && !h.has_ended; s++) {
        clock_sim_advance(&sim, NS_PER_S);
        (void)h2_turn(&h, LOOP_SIM_TICK_MS + 2);
    }
    cr_assert(h.has_ended, "an idle connection stayed");
    h2_close(&h);
    RIG_UNTIL(rig_counters(&r).closed[LISTENER_HTTP][CLOSING_IDLE] == 1);

    h2_open(&h, &r);
    (void)h2_ask(&h, "GET", "/hello", NULL, no_body);
    uint8_t head[10] = {0, 0, 1, NGHTTP2_HEADERS, 0, 0, 0, 0, 3, 0x82};
    cr_assert(rig_send_bytes(h.fd, (struct bytes){head, sizeof head}));
    RIG_UNTIL(rig_counters(&r).exchanges_open == 1);
    for (int s = 0; s < 15 && !h.has_ended; s++) {
        clock_sim_advance(&sim, NS_PER_S);
        (void)h2_turn(&h, LOOP_SIM_TICK_MS + 2);
    }
    cr_assert(h.has_goaway, "half a head stayed");
    h2_close(&h);

    h2_open(&h, &r);
    const char *length[] = {"content-length", "5000", NULL};
    nghttp2_nv nva[5] = {h2_nv(":method", "POST"), h2_nv(":scheme", "http"),
                         h2_nv(":path", "/echo"), h2_nv(":authority", "x"),
                         h2_nv(length[0], length[1])};
    int32_t id = nghttp2_submit_headers(h.session, 0, -1, NULL, nva, 5, NULL);
    h2_flush(&h);
    RIG_UNTIL(rig_counters(&r).exchanges_open == 1);
    for (int s = 0; s < 15 && h2_stream(&h, id)->head.len == 0; s++) {
        clock_sim_advance(&sim, NS_PER_S);
        (void)h2_turn(&h, LOOP_SIM_TICK_MS + 2);
    }
    *writer_reserve(&h2_stream(&h, id)->head, 1) = 0;
    cr_assert(strstr(h2_text(&h2_stream(&h, id)->head), ":status: 408\n"));
    down();
}

Test(http2_conn, shutting_down_lets_streams_finish)
{
    up();
    (void)h2_submit(&h, "GET", "/kept", NULL, no_body);
    h2_flush(&h);
    RIG_UNTIL(rig_kept != NULL);
    net_stop_accepting(r.net);
    H2_UNTIL(&h, h.has_goaway);
    cr_assert_eq(h.goaway, NGHTTP2_NO_ERROR);
    rig_hello(NULL, rig_kept);
    H2_UNTIL(&h, h.closed == 1);
    cr_assert_str_eq(h2_text(&h2_stream(&h, 1)->body), "hello\n");
    cr_assert(net_drain(r.net, RIG_WAIT_MS));
    down();
}

/* ---- gRPC ---- */

Test(http2_conn, grpc_calls_answer_message_and_trailers)
{
    up();
    struct h2_stream *s = h2_call(&h, "/rig.Echo/Call", "5S", "hi");
    cr_assert(strstr(h2_text(&s->head), ":status: 200\n"), "%s", h2_text(&s->head));
    cr_assert(strstr(h2_text(&s->head), "content-type: application/grpc\n"));
    cr_assert_null(strstr(h2_text(&s->head), "grpc-status"));
    cr_assert_eq(s->body.len, 7);
    cr_assert_eq(memcmp(s->body.at, "\0\0\0\0\2hi", 7), 0);
    cr_assert_str_eq(h2_text(&s->trailers), "grpc-status: 0\n");
    s = h2_call(&h, "/rig.Echo/Call", NULL, "");
    cr_assert_eq(s->body.len, 5, "an empty message is five zero bytes");
    cr_assert_eq(memcmp(s->body.at, "\0\0\0\0\0", 5), 0);
    down();
}

Test(http2_conn, grpc_faults_are_trailers_only)
{
    up();
    struct h2_stream *s = h2_call(&h, "/rig.Echo/Call", NULL, "fail");
    cr_assert_eq(s->body.len, 0);
    cr_assert_eq(s->trailers.len, 0);
    cr_assert(strstr(h2_text(&s->head), ":status: 200\n"));
    cr_assert(strstr(h2_text(&s->head), "grpc-status: 8\n"), "%s", h2_text(&s->head));
    cr_assert(strstr(h2_text(&s->head), "grpc-message: over 100%25 %C3%A4\n"));
    cr_assert(strstr(h2_text(&s->head), "grpc-status-details-bin: "));
    s = h2_call(&h, "/no.Such/Call", NULL, "x");
    cr_assert(strstr(h2_text(&s->head), "grpc-status: 12\n"), "%s", h2_text(&s->head));
    const char *grpc[] = {"content-type", "application/grpc", NULL};
    s = h2_ask(&h, "POST", "/rig.Echo/Call", grpc, rig_bytes("\0\0"));
    cr_assert(strstr(h2_text(&s->head), "grpc-status: 3\n"), "%s", h2_text(&s->head));
    static char large[5 << 20];
    memset(large, 'l', sizeof large - 1);
    s = h2_call(&h, "/rig.Echo/Call", NULL, large);
    cr_assert(strstr(h2_text(&s->head), "grpc-status: 8\n"), "%s", h2_text(&s->head));
    cr_assert_null(strstr(h2_text(&s->head), "details-bin"), "too large must not be retried");
    down();
}

Test(http2_conn, grpc_deadlines_answer_four)
{
    up();
    struct h2_stream *s = h2_call(&h, "/rig.Echo/Call", "50m", "keep");
    cr_assert(strstr(h2_text(&s->head), "grpc-status: 4\n"), "%s", h2_text(&s->head));
    cr_assert_eq(rig_gone, 1);
    cr_assert_not(exchange_is_open(rig_kept));
    exchange_reply_grpc(rig_kept, 0, NULL, no_body, 0);
    s = h2_call(&h, "/rig.Echo/Call", "4992970u", "hi");
    cr_assert_str_eq(h2_text(&s->trailers), "grpc-status: 0\n");
    down();
}
