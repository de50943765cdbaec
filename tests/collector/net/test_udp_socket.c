#include "rig.h"

#include "collector/net/udp_socket.h"

#include <netinet/udp.h>

TestSuite(udp_socket, .timeout = 60);

static struct rig r;
static struct mutex lock;
static struct writer order; /* first byte of each datagram; guarded by lock */
static _Atomic uint64_t seen, bytes, calls;
static _Atomic int stall_ms;
static char peer_text[ADDRESS_TEXT_MAX];

static void take(const struct address *peer, struct bytes datagram)
{
    mutex_lock(&lock);
    (void)address_format(peer, peer_text);
    if (datagram.len)
        writer_u8(&order, datagram.at[0]);
    seen++;
    bytes += datagram.len;
    mutex_unlock(&lock);
    if (stall_ms)
        rig_sleep_ms(stall_ms);
}

static void sink(void *arg, const struct udp_datagram *at, size_t count)
{
    (void)arg;
    calls++;
    for (size_t i = 0; i < count; i++)
        take(at[i].peer, at[i].bytes);
}

static int up(void)
{
    rig_init(&r);
    mutex_init(&lock);
    order = (struct writer){0};
    r.options.http = NULL;
    r.options.udp = "127.0.0.1:0";
    r.options.udp_sink = sink;
    rig_open(&r);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = rig_sockaddr(&r, LISTENER_UDP);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void down(int fd)
{
    (void)close(fd);
    rig_close(&r);
    writer_release(&order);
}

Test(udp_socket, hands_datagrams_on_in_order)
{
    int fd = up();
    for (int i = 0; i < 500; i++) {
        uint8_t d[3] = {(uint8_t)i, 1, 2};
        cr_assert_eq(send(fd, d, sizeof d, 0), 3);
    }
    RIG_UNTIL(seen == 500);
    for (size_t i = 0; i < 500; i++)
        cr_assert_eq(order.at[i], (uint8_t)i);
    struct net_counters now = rig_counters(&r);
    cr_assert_eq(now.udp_datagrams, 500);
    cr_assert_eq(now.udp_bytes, 1500);
    cr_assert_eq(strncmp(peer_text, "127.0.0.1:", 10), 0);
    down(fd);
}

Test(udp_socket, takes_the_empty_and_the_largest)
{
    int fd = up();
    static uint8_t d[65507] = {7};
    cr_assert_eq(send(fd, d, 0, 0), 0);
    cr_assert_eq(send(fd, d, sizeof d, 0), (ssize_t)sizeof d);
    RIG_UNTIL(seen == 2);
    cr_assert_eq(bytes, sizeof d);
    cr_assert_eq(rig_counters(&r).udp_truncated, 0);
    down(fd);
}

/* Goal: datagrams that the kernel joined come out one by one.
 * Method: UDP_SEGMENT on the sender: over loopback they arrive joined. */
Test(udp_socket, joined_datagrams_are_cut_apart)
{
    int fd = up();
    int segment = 100;
    if (setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) == -1)
        cr_skip_test("the kernel has no UDP_SEGMENT");
    uint8_t d[1050];
    for (size_t i = 0; i < sizeof d; i++)
        d[i] = (uint8_t)(i / 100);
    cr_assert_eq(send(fd, d, sizeof d, 0), (ssize_t)sizeof d);
    RIG_UNTIL(seen == 11);
    cr_assert_eq(bytes, sizeof d);
    for (size_t i = 0; i < 11; i++)
        cr_assert_eq(order.at[i], i);
    RIG_UNTIL(rig_counters(&r).udp_datagrams == 11);
    down(fd);
}

/* sent = handed on + dropped by the kernel, once a later datagram has brought
 * the count along. */
Test(udp_socket, kernel_drops_are_counted)
{
    enum { SENT = 30000 };
    int fd = up();
    static uint8_t d[1400];
    stall_ms = 300;
    for (int i = 0; i < SENT; i++)
        (void)send(fd, d, sizeof d, 0);
    stall_ms = 0;
    uint64_t before = 0;
    RIG_UNTIL(seen > 0);
    do {
        before = seen;
        rig_sleep_ms(400);
    } while (seen != before);
    cr_assert_eq(send(fd, d, 1, 0), 1);
    RIG_UNTIL(seen == before + 1);
    struct net_counters now = rig_counters(&r);
    cr_assert_gt(now.udp_kernel_drops, 0, "nothing was dropped: the test tests nothing");
    cr_assert_eq(now.udp_datagrams + now.udp_kernel_drops, SENT + 1, "%llu + %llu",
                 (unsigned long long)now.udp_datagrams, (unsigned long long)now.udp_kernel_drops);
    down(fd);
}

/* Syslog's door has its own sink; what one recvmmsg brought comes in one call. */
Test(udp_socket, syslog_has_a_door_of_its_own)
{
    int native = up();
    rig_close(&r);
    (void)close(native);
    rig_init(&r);
    calls = seen = bytes = 0;
    r.options.http = NULL;
    r.options.loops = 1;
    r.options.syslog_udp = "127.0.0.1:0";
    r.options.syslog_datagram_sink = sink;
    rig_open(&r);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = rig_sockaddr(&r, LISTENER_SYSLOG_UDP);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    stall_ms = 100; /* the first holds the loop up, the others gather meanwhile */
    for (int i = 0; i < 30; i++)
        cr_assert_eq(send(fd, "<1>x", 4, 0), 4);
    rig_sleep_ms(50);
    stall_ms = 0;
    RIG_UNTIL(seen == 30);
    cr_assert_lt(calls, 30);
    cr_assert_eq(rig_counters(&r).received_bytes[LISTENER_SYSLOG_UDP], 120);
    cr_assert_eq(rig_counters(&r).received_bytes[LISTENER_UDP], 0);
    down(fd);
}
