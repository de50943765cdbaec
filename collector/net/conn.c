#include "collector/net/conn.h"

#include "collector/net/frames_conn.h"
#include "collector/net/http1_conn.h"
#include "collector/net/http2_conn.h"
#include "collector/net/streams_conn.h"
#include "collector/net/tls.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

enum {
    CONN_WRITE_ONCE = 256 << 10,
    LIBEVENT_READ_BYTES = 4096, /* what one of its reads takes at most */
};

/* ---- choosing a protocol ---- */

static const char http2_preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum { HTTP2_SNIFF_BYTES = 3 };

/* "PRI" is no method of HTTP/1.1 (RFC 9113, section 3.4). */
static size_t sniff_take(struct conn *c, struct bytes in)
{
    size_t n = in.len < HTTP2_SNIFF_BYTES ? in.len : HTTP2_SNIFF_BYTES;
    if (memcmp(in.at, http2_preface, n) == 0) {
        if (in.len < HTTP2_SNIFF_BYTES)
            return 0; /* wait for the rest */
        http2_conn_start(c);
    } else {
        http1_conn_start(c);
    }
    return c->protocol->take(c, in);
}

static void sniff_late(struct conn *c)
{
    conn_close(c, CLOSING_SLOW);
}

static void sniff_drain(struct conn *c)
{
    conn_close(c, CLOSING_SHUTDOWN);
}

static void ignore(struct conn *c)
{
    (void)c;
}

static const struct protocol sniffing = {
    .take = sniff_take,
    .writable = ignore,
    .late = sniff_late,
    .drain = sniff_drain,
    .gone = ignore,
};

static void choose_protocol(struct conn *c)
{
    c->is_ready = true;
    if (c->door == LISTENER_TCP)
        frames_conn_start(c);
    else if (c->door == LISTENER_SYSLOG_TCP)
        streams_conn_start(c);
    else if (c->is_tls && tls_chose_http2(c->bev))
        http2_conn_start(c);
}

/* ---- deadlines ---- */

static void rearm(struct conn *c)
{
    int64_t due = c->read_due < c->drain_due ? c->read_due : c->drain_due;
    if (due == INT64_MAX || c->is_closing)
        return;
    /* A timer that is set too early only asks again. */
    if (c->timer.slot == 0 || c->timer.due_ns > due)
        loop_timer_set(c->loop, &c->timer, due - loop_now(c->loop));
}

static void on_timer(void *arg)
{
    struct conn *c = arg;
    conn_enter(c);
    int64_t now = loop_now(c->loop);
    if (now >= c->drain_due) {
        int64_t more = (int64_t)(c->drained / CONN_DRAIN_RATE) * NS_PER_S;
        c->drain_due = c->drain_start + c->site->limits.drain_ms * NS_PER_MS + more;
        if (now >= c->drain_due)
            conn_close(c, CLOSING_SLOW);
    }
    if (now >= c->read_due && !c->is_closing) {
        c->read_due = INT64_MAX;
        if (c->is_lingering)
            conn_close(c, c->why);
        else
            c->protocol->late(c);
    }
    rearm(c);
    conn_leave(c);
}

void conn_deadline_at(struct conn *c, int64_t ns)
{
    if (c->is_finishing)
        return;
    c->read_due = ns;
    rearm(c);
}

void conn_deadline(struct conn *c, int64_t ms)
{
    conn_deadline_at(c, ms > 0 ? loop_now(c->loop) + ms * NS_PER_MS : INT64_MAX);
}

/* ---- output ---- */

static void count_sent(struct conn *c, uint64_t n)
{
    c->drained += n;
    tally_add(&c->site->tally.sent_bytes[c->door], n);
}

/* Follows the bufferevent's output, whoever fills and empties it. */
static void on_output(struct evbuffer *out, const struct evbuffer_cb_info *change, void *arg)
{
    (void)out;
    struct conn *c = arg;
    if (change->n_added) {
        budget_force(&c->site->budget, change->n_added);
        if (c->queued == 0) {
            c->drain_start = loop_now(c->loop);
            c->drained = 0;
            c->drain_due = c->drain_start + c->site->limits.drain_ms * NS_PER_MS;
            rearm(c);
        }
        c->queued += change->n_added;
    }
    if (change->n_deleted) {
        budget_release(&c->site->budget, change->n_deleted);
        c->queued -= change->n_deleted;
        count_sent(c, change->n_deleted);
    }
    if (c->queued == 0)
        c->drain_due = INT64_MAX;
}

bool conn_write(struct conn *c, struct bytes out)
{
    ASSERT(c->depth > 0);
    if (c->is_closing || c->is_lingering)
        return false;
    if (!c->is_tls && c->queued == 0) {
        ssize_t n = send(c->fd, out.at, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            count_sent(c, (uint64_t)n);
            out.at += n;
            out.len -= (size_t)n;
        } else if (n == -1 && errno != EAGAIN && errno != EINTR) {
            conn_close(c, CLOSING_ABORTED);
            return false;
        }
    }
    if (out.len > 0)
        (void)bufferevent_write(c->bev, out.at, out.len);
    return true;
}

/* Everything was written: say so to the peer, and read on for a while, as a
 * close with unread input would destroy what is still under way to it. */
static void linger(struct conn *c)
{
    c->is_lingering = true;
    if (c->is_tls)
        tls_say_goodbye(c->bev);
    if (c->has_ended || shutdown(c->fd, SHUT_WR) == -1) {
        conn_close(c, c->why);
        return;
    }
    bool is_draining = atomic_load_explicit(&c->site->is_draining, memory_order_relaxed);
    int64_t linger_ms = is_draining ? CONN_LINGER_DRAIN_MS : CONN_LINGER_MS;
    c->read_due = loop_now(c->loop) + linger_ms * NS_PER_MS;
    rearm(c);
}

void conn_finish(struct conn *c, enum closing why)
{
    ASSERT(c->depth > 0);
    if (c->is_finishing || c->is_closing)
        return;
    c->is_finishing = true;
    c->why = why;
    c->read_due = INT64_MAX;
    bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
    if (c->queued == 0)
        linger(c);
}

/* ---- input ---- */

/* False: the protocol wants no more for now. */
static bool offer(struct conn *c, struct bytes in, size_t *used)
{
    *used = in.len;
    if (c->is_finishing)
        return true; /* read and forgotten */
    *used = c->protocol->take(c, in);
    ASSERT(*used <= in.len);
    return *used == in.len;
}

static bool feed_buffered(struct conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    while (!c->is_closing && evbuffer_get_length(in) > 0) {
        struct evbuffer_iovec part;
        if (evbuffer_peek(in, -1, NULL, &part, 1) < 1)
            return false;
        size_t used;
        bool is_all = offer(c, (struct bytes){part.iov_base, part.iov_len}, &used);
        (void)evbuffer_drain(in, used);
        if (!is_all) {
            /* A protocol that waits for more must see it in one piece. */
            if (used == 0 && evbuffer_get_length(in) > part.iov_len && c->protocol == &sniffing)
                (void)evbuffer_pullup(in, -1);
            else
                return false;
        }
    }
    return !c->is_closing;
}

static void peer_ended(struct conn *c)
{
    c->has_ended = true;
    if (!c->is_finishing && c->protocol->ended && c->protocol->ended(c))
        (void)bufferevent_disable(c->bev, EV_READ);
    else if (!c->is_finishing)
        conn_close(c, c->is_half_sent ? CLOSING_ABORTED : CLOSING_PEER);
    else if (c->is_lingering)
        conn_close(c, c->why);
    else
        (void)bufferevent_disable(c->bev, EV_READ); /* what is queued still goes out */
}

/* Only the bufferevent itself may add to its input, unless it is unfrozen. */
static void keep(struct conn *c, struct bytes rest)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    (void)evbuffer_unfreeze(in, 0);
    int rc = evbuffer_add(in, rest.at, rest.len);
    ASSERT(rc == 0);
    (void)evbuffer_freeze(in, 0);
}

static void feed_socket(struct conn *c)
{
    uint8_t *scratch = loop_scratch(c->loop);
    for (size_t left = CONN_WAKEUP_BYTES; left > 0 && !c->is_closing;) {
        ssize_t n = recv(c->fd, scratch, LOOP_SCRATCH_BYTES, MSG_DONTWAIT);
        if (n == 0) {
            peer_ended(c);
            return;
        }
        if (n == -1) {
            if (errno != EAGAIN && errno != EINTR)
                conn_close(c, CLOSING_ABORTED);
            return;
        }
        tally_add(&c->site->tally.received_bytes[c->door], (uint64_t)n);
        size_t used;
        if (!offer(c, (struct bytes){scratch, (size_t)n}, &used)) {
            keep(c, (struct bytes){scratch + used, (size_t)n - used});
            return;
        }
        if (n < LOOP_SCRATCH_BYTES)
            return;
        left = left > (size_t)n ? left - (size_t)n : 0;
    }
}

/* may_have_more: the bufferevent's read was cut off at its 4 KiB. */
static void feed(struct conn *c, bool may_have_more)
{
    if (!c->is_ready)
        return;
    if (feed_buffered(c) && !c->is_tls && may_have_more)
        feed_socket(c);
    size_t held = c->is_closing ? 0 : evbuffer_get_length(bufferevent_get_input(c->bev));
    if (held > c->held)
        budget_force(&c->site->budget, held - c->held);
    else if (held < c->held)
        budget_release(&c->site->budget, c->held - held);
    c->held = held;
}

void conn_resume(struct conn *c)
{
    ASSERT(c->depth > 0);
    c->is_resumed = true;
}

void conn_yield(struct conn *c)
{
    bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

/* ---- the loop's entries ---- */

static void on_readable(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;
    conn_enter(c);
    size_t has = evbuffer_get_length(bufferevent_get_input(bev));
    size_t got = has > c->held ? has - c->held : 0;
    if (got > 0)
        tally_add(&c->site->tally.received_bytes[c->door], got);
    feed(c, got >= LIBEVENT_READ_BYTES);
    conn_leave(c);
}

static void on_writable(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct conn *c = arg;
    conn_enter(c);
    if (c->is_finishing && c->queued == 0 && !c->is_lingering)
        linger(c);
    else if (!c->is_finishing && c->is_ready)
        c->protocol->writable(c);
    conn_leave(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    struct conn *c = arg;
    conn_enter(c);
    if (what & BEV_EVENT_CONNECTED) {
        choose_protocol(c);
        feed(c, false);
    } else if (!c->is_ready) {
        conn_close(c, CLOSING_TLS);
    } else if (c->is_lingering) {
        conn_close(c, c->why);
    } else if (what & BEV_EVENT_EOF) {
        peer_ended(c);
    } else if (what & BEV_EVENT_ERROR) {
        conn_close(c, CLOSING_ABORTED);
    }
    conn_leave(c);
}

/* ---- life ---- */

static void destroy(struct conn *c)
{
    struct site *site = c->site;
    c->protocol->gone(c);
    loop_timer_clear(c->loop, &c->timer);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    if (c->is_tls && c->is_ready && !c->is_lingering)
        tls_say_goodbye(c->bev);
    (void)evbuffer_remove_cb(bufferevent_get_output(c->bev), on_output, c);
    budget_release(&site->budget,
                   c->queued + c->held + CONN_BYTES + (c->is_tls ? CONN_TLS_BYTES : 0));
    bufferevent_free(c->bev);
    tally_sub(&site->tally.open[c->door], 1);
    tally_add(&site->tally.closed[c->door][c->why], 1);
    mem_free(c);
    (void)atomic_fetch_sub(&site->conn_count, 1);
}

void conn_enter(struct conn *c)
{
    ASSERT_SLOW(loop_current() == c->loop);
    c->depth++;
}

void conn_leave(struct conn *c)
{
    ASSERT(c->depth > 0);
    while (c->depth == 1 && c->is_resumed && !c->is_closing) {
        c->is_resumed = false;
        feed(c, false); /* what is in the socket wakes the loop by itself */
    }
    c->depth--;
    if (c->depth == 0 && c->is_closing)
        destroy(c);
}

void conn_close(struct conn *c, enum closing why)
{
    ASSERT(c->depth > 0);
    if (c->is_closing)
        return;
    c->is_closing = true;
    c->why = why;
}

static struct bufferevent *bufferevent_over(struct site *site, struct loop *loop, int fd,
                                            bool is_tls)
{
    if (is_tls)
        return tls_accept(site->tls, loop_base(loop), fd);
    return bufferevent_socket_new(loop_base(loop), fd, BEV_OPT_CLOSE_ON_FREE);
}

static void link_up(struct conn *c)
{
    struct conn **head = &c->site->conns[loop_index(c->loop)];
    c->next = *head;
    c->link = head;
    if (c->next)
        c->next->link = &c->next;
    *head = c;
}

void conn_open(struct site *site, struct loop *loop, enum listener door, int fd,
               const struct address *peer)
{
    bool is_tls = site->tls != NULL;
    uint64_t bytes = CONN_BYTES + (is_tls ? CONN_TLS_BYTES : 0);
    struct bufferevent *bev = NULL;
    bool is_draining = atomic_load(&site->is_draining);
    bool is_charged = !is_draining && budget_charge(&site->budget, bytes);
    if (is_charged)
        bev = bufferevent_over(site, loop, fd, is_tls);
    if (!bev) {
        if (is_charged)
            budget_release(&site->budget, bytes);
        (void)close(fd);
        enum closing why = is_draining  ? CLOSING_SHUTDOWN
                           : is_charged ? CLOSING_TLS
                                        : CLOSING_LIMIT;
        tally_add(&site->tally.closed[door][why], 1);
        (void)atomic_fetch_sub(&site->conn_count, 1);
        return;
    }
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* a delay at worst */

    struct conn *c = MEM_NEW(struct conn);
    *c = (struct conn){.site = site, .loop = loop, .door = door, .bev = bev, .fd = fd};
    c->is_tls = is_tls;
    c->protocol = &sniffing;
    c->read_due = c->drain_due = INT64_MAX;
    c->timer = (struct loop_timer){.fn = on_timer, .arg = c};
    (void)address_format(peer, c->peer);
    link_up(c);
    tally_add(&site->tally.open[door], 1);

    conn_enter(c);
    bufferevent_setcb(bev, on_readable, on_writable, on_event, c);
    (void)evbuffer_add_cb(bufferevent_get_output(bev), on_output, c);
    bufferevent_setwatermark(bev, EV_READ, 0, CONN_INPUT_MAX);
    bufferevent_setwatermark(bev, EV_WRITE, CONN_OUTPUT_LOW, 0);
    (void)bufferevent_set_max_single_write(bev, CONN_WRITE_ONCE);
    conn_deadline(c, site->limits.head_ms);
    if (!is_tls)
        choose_protocol(c);
    (void)bufferevent_enable(bev, EV_READ | EV_WRITE);
    conn_leave(c);
}

void conn_drain_all(struct site *site, struct loop *loop)
{
    struct conn *next;
    for (struct conn *c = site->conns[loop_index(loop)]; c; c = next) {
        next = c->next;
        conn_enter(c);
        if (!c->is_finishing && !c->is_closing)
            c->protocol->drain(c);
        conn_leave(c);
    }
}

void conn_close_all(struct site *site, struct loop *loop)
{
    struct conn *next;
    for (struct conn *c = site->conns[loop_index(loop)]; c; c = next) {
        next = c->next;
        conn_enter(c);
        conn_close(c, CLOSING_SHUTDOWN);
        conn_leave(c);
    }
}
