#include "collector/net/streams_conn.h"

#include "collector/net/conn.h"
#include "collector/net/streams.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <string.h>
#include <sys/socket.h>

enum { STREAM_BUFFER_MIN = 4 << 10, BUDGET_LOOK_MS = 50 };

/* Loop thread. */
struct stream_conn {
    struct site *site;
    struct conn *conn;
    uint8_t *kept; /* owned, charged: what the sink has seen and not used */
    size_t len, cap;
    int64_t start; /* of the message that is not complete; monotonic */
    bool is_starved;
};

static void arm(struct stream_conn *s)
{
    if (s->is_starved)
        conn_deadline(s->conn, BUDGET_LOOK_MS);
    else if (s->len > 0)
        conn_deadline_at(s->conn, s->start + s->site->limits.body_ms * NS_PER_MS);
    else
        conn_deadline(s->conn, 0);
    s->conn->is_half_sent = s->len > 0 || s->is_starved;
}

static bool make_room(struct stream_conn *s, size_t n)
{
    if (n <= s->cap)
        return true;
    size_t cap = s->cap ? 2 * s->cap : STREAM_BUFFER_MIN;
    if (cap > s->site->limits.stream_bytes_max)
        cap = s->site->limits.stream_bytes_max;
    if (cap < n)
        cap = n;
    if (!budget_charge(&s->site->budget, cap - s->cap))
        return false;
    s->kept = mem_grow(s->kept, cap, 1);
    s->cap = cap;
    return true;
}

static void drop_buffer(struct stream_conn *s)
{
    budget_release(&s->site->budget, s->cap);
    mem_free(s->kept);
    s->kept = NULL;
    s->len = s->cap = 0;
}

/* How many bytes the sink used; closes when it found a fault. */
static size_t offer(struct stream_conn *s, struct bytes in, size_t seen, bool is_last)
{
    const struct stream_piece piece = {
        .peer = text_of(s->conn->peer), .bytes = in, .seen = seen, .is_last = is_last};
    size_t used = s->site->syslog_stream_sink(s->site->syslog_arg, &piece);
    if (used == STREAM_FAULT) {
        conn_close(s->conn, CLOSING_MALFORMED);
        return 0;
    }
    if (used > 0)
        s->start = loop_now(s->conn->loop);
    return used;
}

/* Takes what fits behind what is kept, and offers it all. */
static size_t extend(struct stream_conn *s, struct bytes in)
{
    size_t left = s->site->limits.stream_bytes_max - s->len, seen = s->len;
    size_t n = in.len < left ? in.len : left;
    s->is_starved = !make_room(s, s->len + n);
    if (s->is_starved)
        return 0;
    memcpy(s->kept + s->len, in.at, n);
    s->len += n;
    size_t used = offer(s, (struct bytes){s->kept, s->len}, seen, false);
    s->len -= used;
    memmove(s->kept, s->kept + used, s->len);
    if (s->len == s->site->limits.stream_bytes_max)
        conn_close(s->conn, CLOSING_TOO_LARGE);
    else if (s->len == 0)
        drop_buffer(s);
    return n;
}

/* Whole messages go on without a copy; the rest is kept. */
static size_t begin(struct stream_conn *s, struct bytes in)
{
    size_t used = offer(s, in, 0, false);
    struct bytes rest = {in.at + used, in.len - used};
    if (s->conn->is_closing || rest.len == 0)
        return used;
    if (used == 0)
        s->start = loop_now(s->conn->loop);
    if (rest.len >= s->site->limits.stream_bytes_max) {
        conn_close(s->conn, CLOSING_TOO_LARGE);
        return used;
    }
    s->is_starved = !make_room(s, rest.len);
    if (s->is_starved)
        return used;
    memcpy(s->kept, rest.at, rest.len);
    s->len = rest.len;
    return in.len;
}

static size_t take(struct conn *c, struct bytes in)
{
    struct stream_conn *s = c->state;
    size_t all = in.len;
    s->is_starved = false;
    while (in.len > 0 && !c->is_closing && !s->is_starved) {
        size_t n = s->len > 0 ? extend(s, in) : begin(s, in);
        in.at += n;
        in.len -= n;
    }
    if (!c->is_closing)
        arm(s);
    return all - in.len;
}

static void ignore(struct conn *c)
{
    (void)c;
}

static void late(struct conn *c)
{
    struct stream_conn *s = c->state;
    int64_t due = s->start + s->site->limits.body_ms * NS_PER_MS;
    if (s->len > 0 && loop_now(c->loop) >= due) {
        conn_close(c, CLOSING_SLOW);
        return;
    }
    if (s->is_starved)
        conn_resume(c);
    arm(s);
}

static bool ended(struct conn *c)
{
    struct stream_conn *s = c->state;
    if (s->len > 0)
        (void)offer(s, (struct bytes){s->kept, s->len}, s->len, true); /* nothing comes after it */
    c->is_half_sent = false;
    return false;
}

static void drain(struct conn *c)
{
    conn_finish(c, CLOSING_SHUTDOWN);
}

static void gone(struct conn *c)
{
    struct stream_conn *s = c->state;
    drop_buffer(s);
    mem_free(s);
}

static const struct protocol protocol = {
    .take = take,
    .writable = ignore,
    .late = late,
    .ended = ended,
    .drain = drain,
    .gone = gone,
};

void streams_conn_start(struct conn *c)
{
    struct stream_conn *s = MEM_NEW(struct stream_conn);
    int one = 1;
    *s = (struct stream_conn){.site = c->site, .conn = c, .start = loop_now(c->loop)};
    (void)setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one); /* or they stay open */
    c->state = s;
    c->protocol = &protocol;
    arm(s);
}
