#include "rig.h"

#include "collector/net/frames_conn.h"
#include "collector/net/loop.h"

TestSuite(frames_conn, .timeout = 60);

enum { KEPT_MAX = 256 };

static struct rig r;
static struct clock_sim sim;
static struct writer w;

/* What the sink saw.  Guarded by lock. */
static struct mutex lock;
static struct frame_conn *kept[KEPT_MAX];
static struct writer last;
static _Atomic int seen, kept_count;
static bool keeps, refuses;

static bool sink(void *arg, struct frame_conn *conn, struct bytes frame)
{
    (void)arg;
    mutex_lock(&lock);
    writer_reset(&last);
    writer_put(&last, frame.at, frame.len);
    seen++;
    if (keeps) {
        frame_conn_ref(conn);
        kept[kept_count] = conn;
        kept_count++; /* after: it tells the test that the handle is there */
    }
    mutex_unlock(&lock);
    if (refuses)
        return false;
    if (!keeps)
        frame_conn_send(conn, (struct bytes){frame.at, frame.len < 8 ? frame.len : 8});
    return true;
}

static void up(void)
{
    rig_init(&r);
    mutex_init(&lock);
    w = last = (struct writer){0};
    r.options.tcp = "127.0.0.1:0";
    r.options.frame_sink = sink;
}

static void down(void)
{
    rig_close(&r);
    writer_release(&w);
    writer_release(&last);
}

static bool send_frame(int fd, const char *text)
{
    struct writer out = {0};
    writer_le32(&out, (uint32_t)strlen(text));
    writer_text(&out, text);
    bool is_sent = rig_send_bytes(fd, writer_bytes(&out));
    writer_release(&out);
    return is_sent;
}

/* The next ack; empty at the end of the connection. */
static struct tsdb_text next_ack(int fd)
{
    static char text[64];
    while (w.len < 4 || w.len < 4 + (size_t)w.at[0])
        if (rig_receive(fd, &w, RIG_WAIT_MS) <= 0)
            return (struct tsdb_text){"", 0};
    size_t n = w.at[0];
    memcpy(text, w.at + 4, n);
    memmove(w.at, w.at + 4 + n, w.len - 4 - n);
    w.len -= 4 + n;
    return (struct tsdb_text){text, n};
}

#define EXPECT_ACK(fd, want)                                                                       \
    do {                                                                                           \
        struct tsdb_text got = next_ack(fd);                                                       \
        cr_assert(text_equal(got, text_of(want)), "%.*s, want %s", (int)got.len, got.at, want);    \
    } while (0)

Test(frames_conn, hands_frames_over_and_acks_come_back)
{
    up();
    rig_open(&r);
    int fd = rig_connect_to(&r, LISTENER_TCP);
    cr_assert(send_frame(fd, "one"));
    EXPECT_ACK(fd, "one");
    for (int i = 0; i < 1000; i++)
        cr_assert(send_frame(fd, "two"));
    for (int i = 0; i < 1000; i++)
        EXPECT_ACK(fd, "two");
    RIG_UNTIL(rig_counters(&r).frames == 1001);
    (void)close(fd);
    down();
}

Test(frames_conn, result_does_not_depend_on_where_packets_split)
{
    static const uint8_t wire[] = {2, 0,   0, 0, 'h', 'i', 1,   0,   0,
                                   0, '!', 3, 0, 0,   0,   'a', 'b', 'c'};
    up();
    rig_open(&r);
    for (size_t cut = 0; cut <= sizeof wire; cut++) {
        int fd = rig_connect_to(&r, LISTENER_TCP);
        cr_assert(rig_send_bytes(fd, (struct bytes){wire, cut}));
        rig_sleep_ms(1);
        cr_assert(rig_send_bytes(fd, (struct bytes){wire + cut, sizeof wire - cut}));
        EXPECT_ACK(fd, "hi");
        EXPECT_ACK(fd, "!");
        EXPECT_ACK(fd, "abc");
        (void)close(fd);
    }
    down();
}

Test(frames_conn, takes_large_frames_and_closes_on_larger)
{
    enum { MOST = 3 << 20 };
    up();
    r.options.limits.frame_bytes_max = MOST;
    rig_open(&r);
    static char text[MOST + 2];
    memset(text, 'z', MOST);
    int fd = rig_connect_to(&r, LISTENER_TCP);
    cr_assert(send_frame(fd, text));
    EXPECT_ACK(fd, "zzzzzzzz");
    cr_assert_eq(last.len, MOST);
    cr_assert_eq(memcmp(last.at, text, MOST), 0);
    static const uint8_t above[4] = {1, 0, MOST >> 16, 0};
    cr_assert(rig_send_bytes(fd, (struct bytes){above, sizeof above}));
    EXPECT_ACK(fd, "");
    (void)close(fd);
    fd = rig_connect_to(&r, LISTENER_TCP);
    static const uint8_t none[4] = {0, 0, 0, 0};
    cr_assert(rig_send_bytes(fd, (struct bytes){none, sizeof none}));
    EXPECT_ACK(fd, "");
    (void)close(fd);
    RIG_UNTIL(rig_counters(&r).closed[LISTENER_TCP][CLOSING_TOO_LARGE] == 1);
    RIG_UNTIL(rig_counters(&r).closed[LISTENER_TCP][CLOSING_MALFORMED] == 1);
    cr_assert_eq(seen, 1);
    down();
}

Test(frames_conn, acks_come_in_any_order_from_any_thread)
{
    up();
    keeps = true;
    rig_open(&r);
    int fd = rig_connect_to(&r, LISTENER_TCP);
    for (int i = 0; i < 3; i++)
        cr_assert(send_frame(fd, "x"));
    RIG_UNTIL(kept_count == 3);
    static const char *const acks[] = {"c", "", "a"};
    for (int i = 0; i < 3; i++) {
        if (acks[i][0])
            frame_conn_send(kept[i], rig_bytes(acks[i]));
        else
            frame_conn_skip(kept[i]);
        cr_assert(frame_conn_is_open(kept[i]));
        frame_conn_unref(kept[i]);
    }
    EXPECT_ACK(fd, "c");
    EXPECT_ACK(fd, "a");
    (void)close(fd);
    down();
}

Test(frames_conn, unanswered_frames_stop_the_reading)
{
    up();
    keeps = true;
    r.options.limits.outstanding_max = 4;
    rig_open(&r);
    int fd = rig_connect_to(&r, LISTENER_TCP);
    for (int i = 0; i < 10; i++)
        cr_assert(send_frame(fd, "x"));
    RIG_UNTIL(kept_count == 4);
    rig_sleep_ms(50);
    cr_assert_eq(kept_count, 4, "%d frames were handed over", kept_count);
    for (int i = 0; i < 10; i++) {
        RIG_UNTIL(kept_count > i);
        frame_conn_send(kept[i], rig_bytes("k"));
        frame_conn_unref(kept[i]);
        EXPECT_ACK(fd, "k");
    }
    (void)close(fd);
    down();
}

Test(frames_conn, acks_after_the_peer_has_gone_harm_nobody)
{
    up();
    keeps = true;
    rig_open(&r);
    int fd = rig_connect_to(&r, LISTENER_TCP);
    cr_assert(send_frame(fd, "x"));
    RIG_UNTIL(kept_count == 1);
    struct linger hard = {.l_onoff = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    (void)close(fd);
    RIG_UNTIL(!frame_conn_is_open(kept[0]));
    cr_assert_gt(frame_conn_peer(kept[0]).len, 8);
    frame_conn_send(kept[0], rig_bytes("k"));
    frame_conn_unref(kept[0]);
    RIG_UNTIL(rig_counters(&r).frames_open == 0);
    down();
}

Test(frames_conn, a_sender_that_says_it_is_done_still_gets_its_acks)
{
    up();
    keeps = true;
    rig_open(&r);
    int fd = rig_connect_to(&r, LISTENER_TCP);
    cr_assert(send_frame(fd, "x"));
    RIG_UNTIL(kept_count == 1);
    (void)shutdown(fd, SHUT_WR);
    rig_sleep_ms(20);
    frame_conn_send(kept[0], rig_bytes("late"));
    frame_conn_unref(kept[0]);
    EXPECT_ACK(fd, "late");
    EXPECT_ACK(fd, "");
    RIG_UNTIL(rig_counters(&r).open[LISTENER_TCP] == 0);
    (void)close(fd);
    down();
}

Test(frames_conn, a_refusing_sink_ends_the_connection)
{
    up();
    refuses = true;
    rig_open(&r);
    int fd = rig_connect_to(&r, LISTENER_TCP);
    cr_assert(send_frame(fd, "x"));
    EXPECT_ACK(fd, "");
    RIG_UNTIL(rig_counters(&r).frames_open == 0);
    (void)close(fd);
    down();
}

Test(frames_conn, slow_frames_and_idle_senders_are_cut_off)
{
    up();
    clock_sim_init(&sim, INT64_C(1700000000) * NS_PER_S);
    r.options.clock = &sim.clock;
    rig_open(&r);
    int slow = rig_connect_to(&r, LISTENER_TCP), idle = rig_connect_to(&r, LISTENER_TCP);
    static const uint8_t head[8] = {0, 0, 1, 0, 'a', 'b', 'c', 'd'};
    cr_assert(rig_send_bytes(slow, (struct bytes){head, sizeof head}));
    RIG_UNTIL(rig_counters(&r).received_bytes[LISTENER_TCP] == 8);
    RIG_UNTIL(rig_counters(&r).open[LISTENER_TCP] == 2);
    for (int s = 0; s < 130; s++) {
        (void)rig_send_bytes(slow, (struct bytes){head, 1});
        clock_sim_advance(&sim, NS_PER_S);
        rig_sleep_ms(LOOP_SIM_TICK_MS + 1);
        if (s == 20)
            cr_expect_eq(rig_counters(&r).closed[LISTENER_TCP][CLOSING_SLOW], 1);
    }
    cr_expect_eq(rig_counters(&r).closed[LISTENER_TCP][CLOSING_IDLE], 1);
    (void)close(slow);
    (void)close(idle);
    down();
}

Test(frames_conn, a_frame_waits_for_the_budget)
{
    enum { BYTES = 1 << 20 };
    up();
    budget_init(&r.budget, 3 << 19, NULL);
    rig_open(&r);
    static char text[BYTES + 1];
    memset(text, 'z', BYTES);
    cr_assert(budget_charge(&r.budget, 1 << 20));
    int fd = rig_connect_to(&r, LISTENER_TCP);
    struct writer out = {0};
    writer_le32(&out, BYTES);
    writer_text(&out, text);
    size_t half = out.len / 2;
    cr_assert(rig_send_bytes(fd, (struct bytes){out.at, half}));
    rig_sleep_ms(100);
    cr_assert_eq(seen, 0);
    cr_assert_eq(rig_counters(&r).open[LISTENER_TCP], 1, "it must wait");
    budget_release(&r.budget, 1 << 20);
    cr_assert(rig_send_bytes(fd, (struct bytes){out.at + half, out.len - half}));
    EXPECT_ACK(fd, "zzzzzzzz");
    writer_release(&out);
    (void)close(fd);
    down();
}

Test(frames_conn, draining_waits_for_the_answers_owed)
{
    up();
    keeps = true;
    rig_open(&r);
    int fd = rig_connect_to(&r, LISTENER_TCP);
    cr_assert(send_frame(fd, "x"));
    RIG_UNTIL(kept_count == 1);
    net_stop_accepting(r.net);
    rig_sleep_ms(20);
    cr_assert(frame_conn_is_open(kept[0]));
    frame_conn_send(kept[0], rig_bytes("bye"));
    frame_conn_unref(kept[0]);
    EXPECT_ACK(fd, "bye");
    EXPECT_ACK(fd, "");
    cr_assert(net_drain(r.net, RIG_WAIT_MS));
    (void)close(fd);
    down();
}
