#include "rig.h"

#include "collector/net/listener.h"

#include <sys/resource.h>

TestSuite(listener, .timeout = 60);

static struct rig r;
static struct writer w;

#define LAST "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

Test(listener, one_above_the_limit_gets_503)
{
    enum { LIMIT = 10 };
    int fds[LIMIT];
    w = (struct writer){0};
    rig_init(&r);
    r.options.limits.connections_max = LIMIT;
    rig_open(&r);
    for (int i = 0; i < LIMIT; i++)
        fds[i] = rig_connect(&r);
    RIG_UNTIL(rig_counters(&r).open[LISTENER_HTTP] == LIMIT);
    int fd = rig_connect(&r);
    const char *a = rig_read_all(fd, &w);
    cr_assert_eq(rig_status(a), 503, "%s", a);
    cr_assert(strstr(a, "retry-after: "), "%s", a);
    (void)close(fd);
    RIG_UNTIL(rig_counters(&r).closed[LISTENER_HTTP][CLOSING_LIMIT] == 1);
    (void)close(fds[0]);
    RIG_UNTIL(rig_counters(&r).open[LISTENER_HTTP] == LIMIT - 1);
    cr_assert_eq(rig_status(rig_ask(&r, LAST, &w)), 200);
    for (int i = 1; i < LIMIT; i++)
        (void)close(fds[i]);
    writer_release(&w);
    rig_close(&r);
}

static int64_t cpu_ns(void)
{
    struct rusage now;
    (void)getrusage(RUSAGE_SELF, &now);
    return (now.ru_utime.tv_sec + now.ru_stime.tv_sec) * NS_PER_S +
           (now.ru_utime.tv_usec + now.ru_stime.tv_usec) * NS_PER_US;
}

/* Goal: without descriptors the loop neither spins nor forgets to come back.
 * Method: RLIMIT_NOFILE just above what is open; clients queue up; then room. */
Test(listener, running_out_of_descriptors_pauses)
{
    enum { CLIENTS = 20 };
    int fds[CLIENTS];
    w = (struct writer){0};
    rig_init(&r);
    rig_open(&r);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int next = dup(0);
    (void)close(next);
    struct rlimit before, low;
    (void)getrlimit(RLIMIT_NOFILE, &before);
    low = (struct rlimit){(rlim_t)next + 4, before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    struct sockaddr_in to = rig_sockaddr(&r, LISTENER_HTTP);
    for (int i = 0; i < CLIENTS; i++)
        cr_assert_eq(connect(fds[i], (struct sockaddr *)&to, sizeof to), 0);
    RIG_UNTIL(rig_counters(&r).accept_pauses > 0);
    int64_t start = cpu_ns();
    rig_sleep_ms(500);
    cr_assert_lt(cpu_ns() - start, 100 * NS_PER_MS, "it spins");
    cr_assert_leq(rig_counters(&r).accept_pauses, 12);
    (void)setrlimit(RLIMIT_NOFILE, &before);
    for (int i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
    cr_assert_eq(rig_status(rig_ask(&r, LAST, &w)), 200);
    writer_release(&w);
    rig_close(&r);
}

Test(listener, connections_are_dealt_out_in_turn)
{
    w = (struct writer){0};
    rig_init(&r);
    r.options.loops = 3;
    rig_open(&r);
    int fds[9];
    for (int i = 0; i < 9; i++) {
        fds[i] = rig_connect(&r);
        writer_reset(&w);
        cr_assert(rig_send(fds[i], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
        cr_assert(rig_read_until(fds[i], &w, "hello", 1));
    }
    RIG_UNTIL(rig_counters(&r).open[LISTENER_HTTP] == 9);
    for (int i = 0; i < 9; i++)
        (void)close(fds[i]);
    writer_release(&w);
    rig_close(&r);
}
