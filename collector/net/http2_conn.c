#include "collector/net/http2_conn.h"

#include "collector/net/carrier.h"
#include "collector/net/conn.h"
#include "collector/net/grpc.h"
#include "collector/net/http1.h"
#include "collector/net/http2_answer.h"
#include "collector/net/router.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <nghttp2/nghttp2.h>
#include <string.h>

enum {
    HTTP2_CONN_BYTES = 32 << 10, /* charged: HPACK tables, streams, frames */
    HTTP2_GATHER_BYTES = 64 << 10,
    HTTP2_ACKS_MAX = 100,
    TOKEN = 1000, /* the bucket counts thousandths */
};

enum admitted { NOT_YET, WAITING, ADMITTED, REFUSED };

struct stream {
    struct http2_answer answer; /* its exchange and what is being sent */
    struct conn *conn;
    struct stream *next, **link;
    enum admitted admitted;
    bool is_head_done, is_complete;
    uint32_t header_bytes;
    int fault;        /* status of a head that cannot be taken, or 0 */
    size_t withheld;  /* window not yet given back */
    int64_t start;    /* of the head, then of the body */
    int64_t deadline; /* grpc-timeout; INT64_MAX: none */
};

struct http2_conn {
    nghttp2_session *session;
    struct stream *streams;
    uint32_t stream_count;
    bool is_busy;             /* streams are being walked or fed: frames are sent afterwards */
    enum closing ending;      /* why it will have ended */
    int64_t look;             /* when the streams are looked at again, monotonic */
    int64_t tokens, refilled; /* thousandths; when */
    struct writer out;        /* owned; empty between calls */
};

static void on_answer(void *carrier, struct exchange *x);
static void on_admitted(void *carrier, struct exchange *x, bool is_admitted);

static const struct carrier_ops ops = {.answer = on_answer, .admitted = on_admitted};

static struct http2_conn *state_of(struct conn *c)
{
    return c->state;
}

static struct stream *stream_of(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

/* ---- output ---- */

/* Moves frames into the connection, up to its mark. */
static void send_frames(struct conn *c)
{
    struct http2_conn *h = state_of(c);
    if (h->is_busy || c->is_closing || c->is_finishing)
        return;
    while (conn_queued(c) + h->out.len < CONN_OUTPUT_HIGH) {
        const uint8_t *at;
        ssize_t n = nghttp2_session_mem_send(h->session, &at);
        if (n < 0) {
            conn_close(c, CLOSING_MALFORMED);
            break;
        }
        if (n == 0)
            break;
        writer_put(&h->out, at, (size_t)n);
        if (h->out.len >= HTTP2_GATHER_BYTES && !conn_write(c, writer_bytes(&h->out)))
            break;
        if (h->out.len >= HTTP2_GATHER_BYTES)
            writer_reset(&h->out);
    }
    if (h->out.len > 0)
        (void)conn_write(c, writer_bytes(&h->out)); /* when it fails, it is closing */
    writer_reset(&h->out);
    if (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session))
        conn_finish(c, h->ending);
}

static void go_away(struct conn *c, uint32_t code, enum closing why)
{
    struct http2_conn *h = state_of(c);
    (void)nghttp2_session_terminate_session(h->session, code);
    h->ending = why;
    h->is_busy = false;
    send_frames(c);
    conn_finish(c, why);
}

/* ---- deadlines ---- */

/* The next look at the streams, or sooner when a call's deadline is; new streams
 * do not put it off. */
static void arm(struct conn *c)
{
    struct http2_conn *h = state_of(c);
    if (!h->streams) {
        conn_deadline(c, c->site->limits.idle_ms);
        return;
    }
    int64_t next = h->look;
    for (const struct stream *s = h->streams; s; s = s->next)
        if (s->deadline < next)
            next = s->deadline;
    conn_deadline_at(c, next);
}

static void set_look(struct conn *c)
{
    struct http2_conn *h = state_of(c);
    h->look = loop_now(c->loop) + HTTP2_LOOK_MS * NS_PER_MS;
    arm(c);
}

static void reset_stream(struct stream *s, uint32_t code)
{
    struct http2_conn *h = state_of(s->conn);
    (void)nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, s->answer.id, code);
}

static void refuse(struct stream *s, const struct refusal *refusal)
{
    s->admitted = REFUSED;
    exchange_refuse(s->answer.x, refusal);
}

static bool is_body_late(const struct stream *s, int64_t now)
{
    const struct net_limits *limits = &s->conn->site->limits;
    int64_t spent = (now - s->start) / NS_PER_MS;
    uint64_t want = limits->rate_bytes_min * (uint64_t)spent / 1000;
    return spent >= limits->body_ms || (spent >= 5000 && s->answer.x->body_len < want);
}

/* The client's deadline passed: the handler's answer will go nowhere. */
static void time_out(struct stream *s)
{
    struct http2_conn *h = state_of(s->conn);
    s->deadline = INT64_MAX;
    if (s->answer.is_submitted) {
        reset_stream(s, NGHTTP2_CANCEL);
        return;
    }
    struct exchange *x = s->answer.x;
    s->answer.x = NULL;
    s->admitted = REFUSED;
    http2_answer_timeout(&s->answer, h->session);
    exchange_detach(x);
}

static void look_at(struct stream *s, int64_t now)
{
    const struct net_limits *limits = &s->conn->site->limits;
    if (!s->answer.x)
        return;
    if (now >= s->deadline)
        time_out(s);
    else if (http2_answer_is_late(&s->answer, now, limits->drain_ms))
        reset_stream(s, NGHTTP2_CANCEL);
    else if (s->is_head_done && !s->is_complete && s->admitted == ADMITTED &&
             !s->answer.is_submitted && is_body_late(s, now))
        refuse(s, &(struct refusal){.status = 408, .text = "the body came too slowly"});
}

static bool is_head_late(const struct stream *s, int64_t now)
{
    return !s->is_head_done && now - s->start >= s->conn->site->limits.head_ms * NS_PER_MS;
}

static void late(struct conn *c)
{
    struct http2_conn *h = state_of(c);
    int64_t now = loop_now(c->loop);
    if (!h->streams) {
        go_away(c, NGHTTP2_NO_ERROR, CLOSING_IDLE);
        return;
    }
    for (struct stream *s = h->streams; s; s = s->next) {
        if (is_head_late(s, now)) { /* HPACK allows no other way out */
            go_away(c, NGHTTP2_ENHANCE_YOUR_CALM, CLOSING_SLOW);
            return;
        }
    }
    h->is_busy = true;
    for (struct stream *s = h->streams; s; s = s->next)
        look_at(s, now);
    h->is_busy = false;
    set_look(c);
    send_frames(c);
}

/* ---- floods ---- */

/* False: the bucket is empty. */
static bool spend(struct conn *c, int64_t tokens)
{
    struct http2_conn *h = state_of(c);
    int64_t now = loop_now(c->loop);
    int64_t most = HTTP2_TOKENS * (int64_t)TOKEN;
    int64_t more = (now - h->refilled) / (NS_PER_S / TOKEN) * HTTP2_TOKENS_PER_S;
    if (more > 0) {
        h->tokens = more > most - h->tokens ? most : h->tokens + more;
        h->refilled = now;
    }
    h->tokens -= tokens * TOKEN;
    return h->tokens >= 0;
}

/* What a frame costs that brings no request forward. */
static int64_t price(const nghttp2_frame *frame)
{
    switch (frame->hd.type) {
    case NGHTTP2_RST_STREAM: return HTTP2_RESET_COST;
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS: return frame->hd.flags & NGHTTP2_FLAG_ACK ? 0 : 1;
    case NGHTTP2_PRIORITY: return 1;
    case NGHTTP2_DATA: return frame->hd.length == 0 && !(frame->hd.flags & 1) ? 1 : 0;
    default: return 0;
    }
}

/* ---- requests ---- */

static void stream_free(struct stream *s)
{
    struct http2_conn *h = state_of(s->conn);
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    h->stream_count--;
    http2_answer_release(&s->answer);
    mem_free(s);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct conn *c = user;
    struct http2_conn *h = state_of(c);
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct stream *s = MEM_NEW(struct stream);
    s->conn = c;
    s->start = loop_now(c->loop);
    s->deadline = INT64_MAX;
    s->next = h->streams;
    s->link = &h->streams;
    if (s->next)
        s->next->link = &s->next;
    h->streams = s;
    h->stream_count++;
    s->answer = (struct http2_answer){.id = frame->hd.stream_id, .loop = c->loop};
    struct exchange *x = exchange_new(c->site, c->loop, &ops, s);
    s->answer.x = x;
    x->is_tls = c->is_tls;
    x->door = c->door;
    memcpy(x->peer, c->peer, sizeof c->peer);
    if (!exchange_set_headers(x, HTTP2_HEADER_COUNT_MAX + 1))
        s->fault = 503;
    (void)nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, s);
    if (h->stream_count == 1)
        set_look(c);
    return 0;
}

static bool copy_text(struct exchange *x, const uint8_t *at, size_t len, struct tsdb_text *out)
{
    char *to = ARENA_ARRAY(&x->arena, char, len + 1);
    if (!to)
        return false;
    if (len)
        memcpy(to, at, len);
    *out = (struct tsdb_text){to, len};
    return true;
}

/* A pseudo field, or an ordinary one. */
static bool add_field(struct stream *s, struct tsdb_text name, struct tsdb_text value)
{
    struct exchange *x = s->answer.x;
    if (text_equal(name, text_of(":method")))
        x->method = value;
    else if (text_equal(name, text_of(":path")))
        exchange_set_target(x, value);
    else if (text_equal(name, text_of(":authority")))
        x->headers[x->header_count++] = (struct exchange_header){text_of("host"), value};
    else if (name.len > 0 && name.at[0] != ':')
        x->headers[x->header_count++] = (struct exchange_header){name, value};
    return x->header_count <= HTTP2_HEADER_COUNT_MAX;
}

/* NOLINTNEXTLINE(readability-function-size): nghttp2 asks for eight parameters */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    (void)flags;
    (void)user;
    struct stream *s = stream_of(session, frame->hd.stream_id);
    if (!s || s->fault || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0; /* trailers are ignored; nghttp2 bounds them */
    s->header_bytes += (uint32_t)(name_len + value_len) + 32; /* RFC 9113, section 6.5.2 */
    struct tsdb_text n, v;
    if (s->header_bytes > HTTP2_HEADER_LIST_MAX)
        s->fault = 431;
    else if (!copy_text(s->answer.x, name, name_len, &n) ||
             !copy_text(s->answer.x, value, value_len, &v))
        s->fault = 503;
    else if (!add_field(s, n, v))
        s->fault = 431;
    return 0;
}

static int target_fault(const struct exchange *x)
{
    struct tsdb_text path = x->path;
    if (path.len + x->query.len > HTTP1_LINE_MAX)
        return 414;
    if (path.len == 0 || (path.at[0] != '/' && !(path.len == 1 && path.at[0] == '*')))
        return 400;
    for (size_t i = 0; i < path.len; i++)
        if (path.at[i] <= ' ' || path.at[i] >= 0x7f || path.at[i] == '#')
            return 400;
    for (size_t i = 0; i < x->query.len; i++)
        if (x->query.at[i] <= ' ' || x->query.at[i] >= 0x7f || x->query.at[i] == '#')
            return 400;
    return 0;
}

static void refuse_head(struct stream *s)
{
    struct refusal refusal = {.status = s->fault, .text = "the request's head is malformed"};
    if (s->fault == 431)
        refusal.text = "the header fields are too long";
    if (s->fault == 414)
        refusal.text = "the target is too long";
    if (s->fault == 503) {
        refusal.text = "out of memory for the request";
        refusal.retry_after_s = exchange_retry_after_s();
    }
    refuse(s, &refusal);
}

static void on_head(struct stream *s)
{
    struct exchange *x = s->answer.x;
    s->is_head_done = true;
    s->start = loop_now(s->conn->loop);
    exchange_look(x);
    int64_t timeout;
    if (x->is_grpc && grpc_timeout_parse(exchange_header(x, "grpc-timeout"), &timeout)) {
        if (timeout < INT64_MAX - s->start)
            s->deadline = s->start + timeout;
        arm(s->conn);
    }
    if (!s->fault)
        s->fault = target_fault(x);
    if (s->fault) {
        refuse_head(s);
        return;
    }
    switch (router_admit(x)) {
    case ADMIT_YES: s->admitted = ADMITTED; return;
    case ADMIT_NO: s->admitted = REFUSED; return;
    case ADMIT_WAIT: s->admitted = WAITING; return;
    }
    UNREACHABLE();
}

static void run(struct stream *s)
{
    struct exchange *x = s->answer.x;
    exchange_began(x);
    x->message = (struct bytes){x->body, x->body_len};
    if (x->is_grpc && !grpc_unframe(x->message, &x->message, &x->is_compressed))
        refuse(s, &(struct refusal){.status = 400, .text = "want one length-prefixed message"});
    else
        router_run(x);
}

static void on_complete(struct stream *s)
{
    s->is_complete = true;
    if (s->admitted == ADMITTED && s->answer.x)
        run(s);
}

static void on_admitted(void *carrier, struct exchange *x, bool is_admitted)
{
    struct stream *s = carrier;
    struct conn *c = s->conn;
    struct http2_conn *h = state_of(c);
    ASSERT(s->answer.x == x);
    conn_enter(c);
    s->admitted = is_admitted ? ADMITTED : REFUSED;
    s->start = loop_now(c->loop); /* the wait was ours */
    if (s->withheld > 0)
        (void)nghttp2_session_consume_stream(h->session, s->answer.id, s->withheld);
    s->withheld = 0;
    if (is_admitted && s->is_complete)
        run(s);
    send_frames(c);
    conn_leave(c);
}

static void add_body(struct stream *s, struct bytes piece)
{
    struct exchange *x = s->answer.x;
    const struct net_limits *limits = &s->conn->site->limits;
    uint64_t most =
        x->is_grpc ? limits->grpc_bytes_max + GRPC_PREFIX_BYTES : limits->body_bytes_max;
    if (piece.len > most - x->body_len)
        refuse(s, &(struct refusal){.status = 413, .text = "the body is too large"});
    else if (!exchange_add_body(x, piece, 0))
        refuse(s, &(struct refusal){.status = 503,
                                    .text = "out of memory for the body",
                                    .retry_after_s = exchange_retry_after_s()});
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *at,
                   size_t len, void *user)
{
    (void)flags;
    (void)user;
    struct stream *s = stream_of(session, id);
    (void)nghttp2_session_consume_connection(session, len);
    if (s && s->answer.x && (s->admitted == ADMITTED || s->admitted == WAITING))
        add_body(s, (struct bytes){at, len});
    if (s && s->admitted == WAITING)
        s->withheld += len;
    else
        (void)nghttp2_session_consume_stream(session, id, len);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct conn *c = user;
    int64_t cost = price(frame);
    if (cost > 0 && !spend(c, cost))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    struct stream *s = stream_of(session, frame->hd.stream_id);
    if (!s)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        on_head(s);
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        on_complete(s);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    (void)code;
    struct conn *c = user;
    struct http2_conn *h = state_of(c);
    struct stream *s = stream_of(session, id);
    if (!s)
        return 0;
    stream_free(s);
    c->is_half_sent = h->streams != NULL;
    if (!h->streams)
        arm(c);
    return 0;
}

/* nghttp2 ends a session by itself, too. */
static void note_goaway(struct conn *c, uint32_t code)
{
    struct http2_conn *h = state_of(c);
    if (h->ending == CLOSING_DONE && code != NGHTTP2_NO_ERROR)
        h->ending = code == NGHTTP2_ENHANCE_YOUR_CALM ? CLOSING_LIMIT : CLOSING_MALFORMED;
}

/* Answered before the body was read: tell the peer to stop sending it. */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    if (frame->hd.type == NGHTTP2_GOAWAY)
        note_goaway(user, frame->goaway.error_code);
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) ||
        (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
        return 0;
    struct stream *s = stream_of(session, frame->hd.stream_id);
    if (s && !s->is_complete)
        reset_stream(s, NGHTTP2_NO_ERROR);
    return 0;
}

static void on_answer(void *carrier, struct exchange *x)
{
    struct stream *s = carrier;
    struct conn *c = s->conn;
    ASSERT(s->answer.x == x);
    conn_enter(c);
    http2_answer_pump(&s->answer, state_of(c)->session);
    send_frames(c);
    conn_leave(c);
}

/* ---- the protocol ---- */

static size_t take(struct conn *c, struct bytes in)
{
    struct http2_conn *h = state_of(c);
    h->is_busy = true;
    ssize_t n = nghttp2_session_mem_recv(h->session, in.at, in.len);
    h->is_busy = false;
    c->is_half_sent = h->streams != NULL;
    if (n == NGHTTP2_ERR_CALLBACK_FAILURE || n == NGHTTP2_ERR_FLOODED)
        go_away(c, NGHTTP2_ENHANCE_YOUR_CALM, CLOSING_LIMIT);
    else if (n < 0)
        go_away(c, NGHTTP2_PROTOCOL_ERROR, CLOSING_MALFORMED);
    else
        send_frames(c);
    return in.len;
}

static void drain(struct conn *c)
{
    struct http2_conn *h = state_of(c);
    h->ending = CLOSING_SHUTDOWN;
    int32_t last = nghttp2_session_get_last_proc_stream_id(h->session);
    (void)nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
    send_frames(c);
    if (!h->streams)
        conn_finish(c, CLOSING_SHUTDOWN);
}

static void gone(struct conn *c)
{
    struct http2_conn *h = state_of(c);
    while (h->streams)
        stream_free(h->streams);
    nghttp2_session_del(h->session);
    writer_release(&h->out);
    budget_release(&c->site->budget, HTTP2_CONN_BYTES);
    mem_free(h);
}

static const struct protocol protocol = {
    .take = take,
    .writable = send_frames,
    .late = late,
    .drain = drain,
    .gone = gone,
};

static nghttp2_session *session_new(struct conn *c)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_session *session;
    int rc = nghttp2_session_callbacks_new(&callbacks);
    ASSERT(rc == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    rc = nghttp2_option_new(&option);
    ASSERT(rc == 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_outbound_ack(option, HTTP2_ACKS_MAX);
    rc = nghttp2_session_server_new2(&session, callbacks, c, option);
    ASSERT(rc == 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return session;
}

void http2_conn_start(struct conn *c)
{
    struct http2_conn *h = MEM_NEW(struct http2_conn);
    budget_force(&c->site->budget, HTTP2_CONN_BYTES);
    h->tokens = HTTP2_TOKENS * (int64_t)TOKEN;
    h->refilled = loop_now(c->loop);
    h->session = session_new(c);
    h->ending = CLOSING_DONE;
    c->state = h;
    c->protocol = &protocol;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, c->site->limits.streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_WINDOW_BYTES},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP2_HEADER_LIST_MAX},
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
    };
    int rc = nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
                                     sizeof settings / sizeof settings[0]);
    ASSERT(rc == 0);
    rc = nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
                                               HTTP2_CONN_WINDOW_BYTES);
    ASSERT(rc == 0);
    conn_deadline(c, c->site->limits.idle_ms);
    send_frames(c);
}
