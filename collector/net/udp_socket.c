#include "collector/net/udp_socket.h"

#include "collector/self/log.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = UDP_DATAGRAM_MAX + 1,
    CONTROL_BYTES = CMSG_SPACE(sizeof(uint32_t)) + CMSG_SPACE(sizeof(int)),
};

struct udp_socket {
    struct site *site;
    struct event *event;
    enum listener door;
    udp_sink_fn *sink;
    void *arg;
    int fd;
    uint32_t drops; /* the kernel's count, as last seen; wraps */
    struct mmsghdr messages[UDP_BATCH];
    struct iovec pieces[UDP_BATCH];
    struct address peers[UDP_BATCH];
    struct udp_datagram handed[UDP_HANDED_MAX]; /* not yet handed on */
    size_t handed_count;
    _Alignas(struct cmsghdr) uint8_t controls[UDP_BATCH][CONTROL_BYTES];
    uint8_t *buffers; /* owned, charged: UDP_BATCH of BUFFER_BYTES */
};

static void prepare(struct udp_socket *s, unsigned i)
{
    s->pieces[i] = (struct iovec){s->buffers + (size_t)i * BUFFER_BYTES, BUFFER_BYTES};
    s->peers[i].len = sizeof s->peers[i].at;
    s->messages[i].msg_hdr = (struct msghdr){
        .msg_name = &s->peers[i].at,
        .msg_namelen = sizeof s->peers[i].at,
        .msg_iov = &s->pieces[i],
        .msg_iovlen = 1,
        .msg_control = s->controls[i],
        .msg_controllen = CONTROL_BYTES,
    };
}

/* Counts what the kernel dropped; returns the size of the joined datagrams, or 0
 * when it is a single one. */
static size_t read_controls(struct udp_socket *s, struct msghdr *message)
{
    int segment = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
            uint32_t drops;
            memcpy(&drops, CMSG_DATA(c), sizeof drops);
            tally_add(&s->site->tally.udp_kernel_drops, drops - s->drops);
            s->drops = drops;
        } else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
            memcpy(&segment, CMSG_DATA(c), sizeof segment);
        }
    }
    return segment > 0 ? (size_t)segment : 0;
}

static void hand_on(struct udp_socket *s)
{
    if (s->handed_count > 0)
        s->sink(s->arg, s->handed, s->handed_count);
    s->handed_count = 0;
}

static void take(struct udp_socket *s, struct mmsghdr *message, unsigned i)
{
    struct tally *tally = &s->site->tally;
    size_t segment = read_controls(s, &message->msg_hdr);
    struct bytes all = {s->pieces[i].iov_base, message->msg_len};
    s->peers[i].len = message->msg_hdr.msg_namelen;
    tally_add(&tally->udp_bytes, all.len);
    tally_add(&tally->received_bytes[s->door], all.len);
    if (message->msg_hdr.msg_flags & MSG_TRUNC) {
        tally_add(&tally->udp_datagrams, 1);
        tally_add(&tally->udp_truncated, 1);
        return;
    }
    if (segment == 0)
        segment = all.len;
    do {
        struct bytes one = {all.at, all.len < segment ? all.len : segment};
        tally_add(&tally->udp_datagrams, 1);
        s->handed[s->handed_count++] = (struct udp_datagram){&s->peers[i], one};
        if (s->handed_count == UDP_HANDED_MAX)
            hand_on(s);
        all.at += one.len;
        all.len -= one.len;
    } while (all.len > 0);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct udp_socket *s = arg;
    for (int round = 0; round < UDP_ROUNDS; round++) {
        for (unsigned i = 0; i < UDP_BATCH; i++)
            prepare(s, i);
        int n = recvmmsg(fd, s->messages, UDP_BATCH, MSG_DONTWAIT, NULL);
        if (n <= 0)
            return; /* EAGAIN, or an error that the next call reports again */
        for (unsigned i = 0; i < (unsigned)n; i++)
            take(s, &s->messages[i], i);
        hand_on(s);
        if (n < UDP_BATCH)
            return;
    }
}

static void set_options(int fd)
{
    int one = 1, bytes = UDP_SOCKET_BYTES;
    /* The forced form needs CAP_NET_ADMIN; the other stops at rmem_max. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) == -1)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    (void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one);
    (void)setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one); /* since Linux 5.0 */
    int has = 0;
    socklen_t len = sizeof has;
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &has, &len) == 0 && has < bytes)
        log_warn("net", "udp receive buffer is small, raise net.core.rmem_max bytes=%d want=%d",
                 has, bytes);
}

struct udp_socket *udp_socket_new(struct site *site, struct loop *loop, enum listener door, int fd)
{
    struct udp_socket *s = MEM_NEW(struct udp_socket);
    bool is_syslog = door == LISTENER_SYSLOG_UDP;
    s->site = site;
    s->door = door;
    s->sink = is_syslog ? site->syslog_datagram_sink : site->udp_sink;
    s->arg = is_syslog ? site->syslog_arg : site->udp_arg;
    s->fd = fd;
    s->buffers = mem_array(UDP_BATCH, BUFFER_BYTES);
    budget_force(&site->budget, sizeof *s + UDP_BATCH * (size_t)BUFFER_BYTES);
    set_options(fd);
    s->event = event_new(loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, s);
    ASSERT(s->event != NULL);
    (void)event_add(s->event, NULL);
    return s;
}

void udp_socket_free(struct udp_socket *s)
{
    if (!s)
        return;
    event_free(s->event);
    (void)close(s->fd);
    budget_release(&s->site->budget, sizeof *s + UDP_BATCH * (size_t)BUFFER_BYTES);
    mem_free(s->buffers);
    mem_free(s);
}
