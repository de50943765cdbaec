#include "collector/net/frames_conn.h"

#include "collector/net/conn.h"
#include "collector/net/frames.h"
#include "collector/net/http1_conn.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"
#include "tsdb/base/writer.h"

#include <string.h>

enum state { STATE_LENGTH, STATE_ENVELOPE };
enum step { STEP_AGAIN, STEP_WAIT };

enum { FRAME_BUFFER_MIN = 4 << 10, BUDGET_LOOK_MS = 50 };

/* Loop thread, but for: refs, outstanding, is_open (atomic, so that any thread
 * may answer) and what lock guards. */
struct frame_conn {
    _Atomic uint32_t refs, outstanding;
    _Atomic bool is_open;
    struct site *site;
    struct loop *loop;
    struct conn *conn; /* NULL once it has gone */
    char peer[ADDRESS_TEXT_MAX];

    enum state state;
    uint32_t len, got; /* of the prefix or the envelope */
    uint8_t prefix[FRAME_PREFIX_BYTES];
    uint8_t *frame; /* owned, charged: an envelope that came in pieces */
    size_t cap;
    int64_t start, look; /* of the present frame, and when it is looked at; monotonic */
    bool is_taking, has_ended, is_starved;

    struct mutex lock;
    struct writer acks; /* guarded by lock */
    bool is_posted, is_gone;
};

/* ---- acks ---- */

void frame_conn_ref(struct frame_conn *conn)
{
    (void)atomic_fetch_add(&conn->refs, 1);
}

void frame_conn_unref(struct frame_conn *conn)
{
    if (atomic_fetch_sub(&conn->refs, 1) > 1)
        return;
    writer_release(&conn->acks);
    mutex_release(&conn->lock);
    mem_free(conn);
}

struct tsdb_text frame_conn_peer(const struct frame_conn *conn)
{
    return text_of(conn->peer);
}

bool frame_conn_is_open(const struct frame_conn *conn)
{
    return atomic_load_explicit(&conn->is_open, memory_order_relaxed);
}

static void send_acks(struct frame_conn *f)
{
    mutex_lock(&f->lock);
    struct writer acks = f->acks;
    f->acks = (struct writer){0};
    f->is_posted = false;
    mutex_unlock(&f->lock);
    if (f->conn && acks.len > 0)
        (void)conn_write(f->conn, writer_bytes(&acks)); /* when it fails, it is closing */
    writer_release(&acks);
}

/* All was answered, and nothing more will come. */
static void finish_if_done(struct frame_conn *f)
{
    bool is_draining = atomic_load_explicit(&f->site->is_draining, memory_order_relaxed);
    if ((!f->has_ended && !is_draining) || atomic_load(&f->outstanding) > 0)
        return;
    send_acks(f); /* an ack is put down before it stops being owed, and sent after */
    if (!f->conn->is_closing)
        conn_finish(f->conn, is_draining ? CLOSING_SHUTDOWN : CLOSING_PEER);
}

static void on_acks(void *arg)
{
    struct frame_conn *f = arg;
    struct conn *c = f->conn;
    if (c) {
        conn_enter(c);
        send_acks(f);
        if (!c->is_closing)
            finish_if_done(f);
        if (!f->is_taking)
            conn_resume(c);
        conn_leave(c);
    }
    frame_conn_unref(f);
}

/* One frame is answered; an empty ack says nothing. */
static void answer(struct frame_conn *f, struct bytes ack)
{
    bool is_mine = loop_current() == f->loop;
    mutex_lock(&f->lock);
    if (ack.len > 0 && !f->is_gone) {
        writer_le32(&f->acks, (uint32_t)ack.len);
        writer_put(&f->acks, ack.at, ack.len);
    }
    uint32_t before = atomic_fetch_sub(&f->outstanding, 1);
    /* Within take, it sends and looks at what is outstanding itself. */
    bool posts = !f->is_gone && !f->is_posted && !(is_mine && f->is_taking);
    f->is_posted = f->is_posted || posts;
    mutex_unlock(&f->lock);
    ASSERT(before > 0);
    if (posts) {
        frame_conn_ref(f);
        loop_post(f->loop, on_acks, f);
    }
    tally_end(&f->site->tally.frames_open);
}

void frame_conn_send(struct frame_conn *conn, struct bytes ack)
{
    ASSERT(ack.len <= UINT32_MAX);
    answer(conn, ack);
}

void frame_conn_skip(struct frame_conn *conn)
{
    answer(conn, (struct bytes){0});
}

/* ---- frames ---- */

static void expect(struct frame_conn *f, enum state state, uint32_t len)
{
    f->state = state;
    f->len = len;
    f->got = 0;
}

/* The frame is looked at again then; bytes that come meanwhile do not move it. */
static void set_look(struct frame_conn *f)
{
    int64_t body_ms = f->site->limits.body_ms;
    f->look = loop_now(f->loop) + (body_ms < RATE_LOOK_MS ? body_ms : RATE_LOOK_MS) * NS_PER_MS;
}

static void arm(struct frame_conn *f)
{
    bool is_midway = f->state == STATE_ENVELOPE || f->got > 0;
    if (f->is_starved)
        conn_deadline(f->conn, BUDGET_LOOK_MS);
    else if (is_midway)
        conn_deadline_at(f->conn, f->look);
    else
        conn_deadline(f->conn, f->site->limits.idle_ms);
    f->conn->is_half_sent = is_midway;
}

static enum step hand_over(struct frame_conn *f, struct bytes frame)
{
    (void)atomic_fetch_add(&f->outstanding, 1);
    tally_add(&f->site->tally.frames, 1);
    tally_add(&f->site->tally.frames_open, 1);
    expect(f, STATE_LENGTH, FRAME_PREFIX_BYTES);
    if (f->site->frame_sink(f->site->frame_arg, f, frame))
        return STEP_AGAIN;
    (void)atomic_fetch_sub(&f->outstanding, 1);
    tally_end(&f->site->tally.frames_open);
    conn_close(f->conn, CLOSING_MALFORMED);
    return STEP_WAIT;
}

static struct bytes cut(struct frame_conn *f, struct bytes *in)
{
    size_t n = f->len - f->got;
    if (n > in->len)
        n = in->len;
    struct bytes piece = {in->at, n};
    in->at += n;
    in->len -= n;
    f->got += (uint32_t)n;
    return piece;
}

static enum step on_length(struct frame_conn *f, struct bytes *in)
{
    if (f->got == 0) {
        f->start = loop_now(f->loop);
        set_look(f);
    }
    size_t at = f->got;
    struct bytes piece = cut(f, in);
    memcpy(f->prefix + at, piece.at, piece.len);
    if (f->got < f->len)
        return STEP_WAIT;
    struct reader r = reader_over((struct bytes){f->prefix, sizeof f->prefix});
    uint32_t len = reader_le32(&r);
    if (len == 0 || len > f->site->limits.frame_bytes_max) {
        conn_close(f->conn, len ? CLOSING_TOO_LARGE : CLOSING_MALFORMED);
        return STEP_WAIT;
    }
    expect(f, STATE_ENVELOPE, len);
    return STEP_AGAIN;
}

/* Room for what has come, never for what was announced. */
static bool make_room(struct frame_conn *f, size_t n)
{
    if (n <= f->cap)
        return true;
    size_t cap = f->cap ? 2 * f->cap : FRAME_BUFFER_MIN;
    if (cap < n)
        cap = n;
    if (cap > f->len)
        cap = f->len > n ? f->len : n;
    if (!budget_charge(&f->site->budget, cap - f->cap))
        return false;
    f->frame = mem_grow(f->frame, cap, 1);
    f->cap = cap;
    return true;
}

static void drop_buffer(struct frame_conn *f)
{
    budget_release(&f->site->budget, f->cap);
    mem_free(f->frame);
    f->frame = NULL;
    f->cap = 0;
}

static enum step on_envelope(struct frame_conn *f, struct bytes *in)
{
    if (in->len == 0)
        return STEP_WAIT;
    if (f->got == 0 && in->len >= f->len)
        return hand_over(f, cut(f, in)); /* whole: no copy */
    size_t at = f->got;
    size_t n = f->len - f->got < in->len ? f->len - f->got : in->len;
    f->is_starved = !make_room(f, at + n);
    if (f->is_starved)
        return STEP_WAIT;
    struct bytes piece = cut(f, in);
    memcpy(f->frame + at, piece.at, piece.len);
    if (f->got < f->len)
        return STEP_WAIT;
    enum step step = hand_over(f, (struct bytes){f->frame, f->len});
    drop_buffer(f);
    return step;
}

/* The only switch over the state. */
static enum step step(struct frame_conn *f, struct bytes *in)
{
    switch (f->state) {
    case STATE_LENGTH: return in->len ? on_length(f, in) : STEP_WAIT;
    case STATE_ENVELOPE: return on_envelope(f, in);
    }
    UNREACHABLE();
}

static size_t take(struct conn *c, struct bytes in)
{
    struct frame_conn *f = c->state;
    struct bytes rest = in;
    enum step next = STEP_AGAIN;
    bool is_draining = atomic_load_explicit(&f->site->is_draining, memory_order_relaxed);
    f->is_taking = true;
    while (next == STEP_AGAIN && !c->is_closing && !is_draining) {
        if (atomic_load(&f->outstanding) >= f->site->limits.outstanding_max)
            break; /* resumed by the next ack */
        next = step(f, &rest);
    }
    f->is_taking = false;
    send_acks(f);
    /* An ack that came from elsewhere since the check has posted its resume. */
    if (!c->is_closing && !c->is_finishing)
        arm(f);
    return in.len - rest.len;
}

/* ---- the rest of the protocol ---- */

static void ignore(struct conn *c)
{
    (void)c;
}

static void late(struct conn *c)
{
    struct frame_conn *f = c->state;
    const struct net_limits *limits = &f->site->limits;
    if (atomic_load(&f->outstanding) >= limits->outstanding_max) { /* we are the slow side */
        f->start = loop_now(f->loop);
        set_look(f);
        arm(f);
        return;
    }
    if (f->state == STATE_LENGTH && f->got == 0) {
        if (atomic_load(&f->outstanding) == 0)
            conn_close(c, CLOSING_IDLE);
        else
            arm(f);
        return;
    }
    int64_t spent = (loop_now(f->loop) - f->start) / NS_PER_MS;
    uint64_t want = limits->rate_bytes_min * (uint64_t)spent / 1000;
    uint64_t has = f->state == STATE_ENVELOPE ? f->got : 0;
    if (spent >= limits->body_ms || (!f->is_starved && spent >= RATE_LOOK_MS && has < want)) {
        conn_close(c, CLOSING_SLOW);
        return;
    }
    if (f->is_starved)
        conn_resume(c);
    else
        set_look(f);
    arm(f);
}

static bool ended(struct conn *c)
{
    struct frame_conn *f = c->state;
    f->has_ended = true;
    finish_if_done(f);
    return true;
}

static void drain(struct conn *c)
{
    finish_if_done(c->state);
}

static void gone(struct conn *c)
{
    struct frame_conn *f = c->state;
    drop_buffer(f);
    f->conn = NULL;
    atomic_store_explicit(&f->is_open, false, memory_order_relaxed);
    mutex_lock(&f->lock);
    f->is_gone = true;
    mutex_unlock(&f->lock);
    frame_conn_unref(f);
}

static const struct protocol protocol = {
    .take = take,
    .writable = ignore,
    .late = late,
    .ended = ended,
    .drain = drain,
    .gone = gone,
};

void frames_conn_start(struct conn *c)
{
    struct frame_conn *f = MEM_NEW(struct frame_conn);
    atomic_init(&f->refs, 1);
    atomic_init(&f->outstanding, 0);
    atomic_init(&f->is_open, true);
    f->site = c->site;
    f->loop = c->loop;
    f->conn = c;
    memcpy(f->peer, c->peer, sizeof f->peer);
    mutex_init(&f->lock);
    expect(f, STATE_LENGTH, FRAME_PREFIX_BYTES);
    c->state = f;
    c->protocol = &protocol;
    arm(f);
}
