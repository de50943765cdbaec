#include "rig.h"

#include "collector/net/streams_conn.h"

TestSuite(streams_conn, .timeout = 60);

/* Takes what ends in '\n'; an 'X' at the front is a fault. */
static struct rig r;
static struct mutex lock;
static struct writer taken; /* guarded by lock */
static _Atomic uint64_t lines, lasts, calls;
static _Atomic size_t seen_most;

static size_t sink(void *arg, const struct stream_piece *p)
{
    (void)arg;
    struct bytes in = p->bytes;
    calls++;
    cr_assert_leq(p->seen, in.len);
    if (p->seen > seen_most)
        seen_most = p->seen;
    if (in.at[0] == 'X')
        return STREAM_FAULT;
    const uint8_t *end = memrchr(in.at, '\n', in.len);
    size_t n = end ? (size_t)(end - in.at) + 1 : 0;
    if (p->is_last)
        n = in.len;
    mutex_lock(&lock);
    writer_put(&taken, in.at, n);
    for (size_t i = 0; i < n; i++)
        lines += in.at[i] == '\n';
    mutex_unlock(&lock);
    lasts += p->is_last; /* after what the tests then look at */
    return n;
}

static int up(void)
{
    rig_init(&r);
    mutex_init(&lock);
    taken = (struct writer){0};
    r.options.http = NULL;
    r.options.syslog_tcp = "127.0.0.1:0";
    r.options.syslog_stream_sink = sink;
    r.options.limits.stream_bytes_max = 100000;
    r.options.limits.body_ms = 5000;
    return 0;
}

static int connect_to(void)
{
    rig_open(&r);
    return rig_connect_to(&r, LISTENER_SYSLOG_TCP);
}

static void down(int fd)
{
    (void)close(fd);
    rig_close(&r);
    writer_release(&taken);
}

static bool is_closed(int fd)
{
    struct writer w = {0};
    ssize_t n = rig_receive(fd, &w, RIG_WAIT_MS);
    writer_release(&w);
    return n == 0;
}

Test(streams_conn, hands_over_what_comes_and_keeps_the_rest)
{
    (void)up();
    int fd = connect_to();
    cr_assert(rig_send(fd, "one\ntw"));
    RIG_UNTIL(lines == 1);
    cr_assert(rig_send(fd, "o\nthree"));
    RIG_UNTIL(lines == 2);
    RIG_UNTIL(calls == 2 || calls == 3);
    (void)shutdown(fd, SHUT_WR);
    RIG_UNTIL(lasts == 1);
    cr_assert_eq(taken.len, strlen("one\ntwo\nthree"));
    cr_assert_eq(memcmp(taken.at, "one\ntwo\nthree", taken.len), 0);
    cr_assert(is_closed(fd));
    RIG_UNTIL(rig_counters(&r).closed[LISTENER_SYSLOG_TCP][CLOSING_PEER] == 1);
    down(fd);
}

/* Goal: nothing is lost or doubled, however it is cut.
 * Method: half a megabyte in pieces of every size up to 5000. */
Test(streams_conn, every_byte_comes_once)
{
    (void)up();
    int fd = connect_to();
    struct writer w = {0};
    uint64_t sent = 0;
    for (int i = 0; w.len < 500000; i++, sent++)
        writer_format(&w, "%d%*s\n", i, i % 300, "x");
    for (size_t at = 0, n = 1; at < w.len; at += n, n = n % 5000 + 1) {
        size_t rest = w.len - at;
        n = n < rest ? n : rest;
        cr_assert(rig_send_bytes(fd, (struct bytes){w.at + at, n}));
    }
    RIG_UNTIL(lines == sent);
    cr_assert_eq(taken.len, w.len);
    cr_assert_eq(memcmp(taken.at, w.at, w.len), 0);
    cr_assert_gt(seen_most, 0);
    writer_release(&w);
    down(fd);
}

Test(streams_conn, more_than_the_limit_is_too_large)
{
    (void)up();
    int fd = connect_to();
    static uint8_t many[100001];
    memset(many, 'a', sizeof many);
    many[99998] = '\n';
    cr_assert(rig_send_bytes(fd, (struct bytes){many, 99999}), "limit - 1");
    RIG_UNTIL(lines == 1);
    many[99998] = 'a';
    (void)rig_send_bytes(fd, (struct bytes){many, sizeof many});
    RIG_UNTIL(rig_counters(&r).closed[LISTENER_SYSLOG_TCP][CLOSING_TOO_LARGE] == 1);
    down(fd);
}

Test(streams_conn, a_fault_closes)
{
    (void)up();
    int fd = connect_to();
    cr_assert(rig_send(fd, "fine\n"));
    RIG_UNTIL(lines == 1);
    cr_assert(rig_send(fd, "X"));
    RIG_UNTIL(rig_counters(&r).closed[LISTENER_SYSLOG_TCP][CLOSING_MALFORMED] == 1);
    down(fd);
}

/* A quiet sender stays; one that does not finish its message goes. */
Test(streams_conn, only_half_a_message_is_late)
{
    (void)up();
    r.options.limits.body_ms = 200;
    r.options.limits.idle_ms = 100;
    r.options.limits.head_ms = 100;
    int quiet = connect_to();
    int slow = rig_connect_to(&r, LISTENER_SYSLOG_TCP);
    cr_assert(rig_send(slow, "half"));
    RIG_UNTIL(rig_counters(&r).closed[LISTENER_SYSLOG_TCP][CLOSING_SLOW] == 1);
    rig_sleep_ms(300);
    cr_assert_eq(rig_counters(&r).open[LISTENER_SYSLOG_TCP], 1);
    cr_assert(rig_send(quiet, "one\n"));
    RIG_UNTIL(lines == 1);
    (void)close(slow);
    down(quiet);
}

/* While the budget is full the bytes wait, and nothing is lost. */
Test(streams_conn, a_full_budget_is_back_pressure)
{
    (void)up();
    int fd = connect_to();
    cr_assert(rig_send(fd, "one\n"));
    RIG_UNTIL(lines == 1);
    uint64_t free_bytes = (256 << 20) - budget_used(&r.budget);
    cr_assert(budget_charge(&r.budget, free_bytes));
    cr_assert(rig_send(fd, "tw"));
    rig_sleep_ms(120);
    budget_release(&r.budget, free_bytes);
    cr_assert(rig_send(fd, "o\n"));
    RIG_UNTIL(lines == 2);
    cr_assert_eq(memcmp(taken.at, "one\ntwo\n", 8), 0);
    down(fd);
}
