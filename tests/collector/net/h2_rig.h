/* h2_rig.h - an HTTP/2 client over a blocking socket, by nghttp2's client side. */
#ifndef TESTS_COLLECTOR_NET_H2_RIG_H
#define TESTS_COLLECTOR_NET_H2_RIG_H

#include "rig.h"

#include <nghttp2/nghttp2.h>

enum { H2_STREAMS = 512 };

struct h2_stream {
    struct writer head, body, trailers; /* "name: value\n"; NUL-terminated when closed */
    struct bytes out;                   /* what is left of the request's body */
    bool is_closed, is_refused;
    uint32_t error;
};

struct h2 {
    int fd;
    nghttp2_session *session;
    struct h2_stream streams[H2_STREAMS]; /* by (id - 1) / 2 */
    uint32_t closed;
    bool has_goaway, has_settings_ack, has_ended;
    uint32_t goaway, pings;
};

static inline struct h2_stream *h2_stream(struct h2 *h, int32_t id)
{
    cr_assert(id > 0 && id / 2 < H2_STREAMS);
    return &h->streams[id / 2];
}

static inline int h2_on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name,
                               size_t name_len, const uint8_t *value, size_t value_len,
                               uint8_t flags, void *user)
{
    (void)s;
    (void)flags;
    struct h2_stream *st = h2_stream(user, frame->hd.stream_id);
    bool is_head = frame->headers.cat == NGHTTP2_HCAT_RESPONSE;
    writer_format(is_head ? &st->head : &st->trailers, "%.*s: %.*s\n", (int)name_len, name,
                  (int)value_len, value);
    return 0;
}

static inline int h2_on_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *at,
                             size_t len, void *user)
{
    (void)s;
    (void)flags;
    writer_put(&h2_stream(user, id)->body, at, len);
    return 0;
}

static inline int h2_on_close(nghttp2_session *s, int32_t id, uint32_t code, void *user)
{
    (void)s;
    struct h2 *h = user;
    struct h2_stream *st = h2_stream(h, id);
    st->is_closed = true;
    st->error = code;
    *writer_reserve(&st->head, 1) = 0;
    *writer_reserve(&st->body, 1) = 0;
    *writer_reserve(&st->trailers, 1) = 0;
    h->closed++;
    return 0;
}

static inline int h2_on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *user)
{
    (void)s;
    struct h2 *h = user;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        h->has_goaway = true;
        h->goaway = frame->goaway.error_code;
    }
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK))
        h->pings++;
    if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK))
        h->has_settings_ack = true;
    return 0;
}

static inline void h2_init(struct h2 *h, int fd, bool reads_slowly)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    *h = (struct h2){.fd = fd};
    cr_assert_eq(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, h2_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, h2_on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, h2_on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, h2_on_frame);
    cr_assert_eq(nghttp2_option_new(&option), 0);
    nghttp2_option_set_no_auto_window_update(option, reads_slowly);
    cr_assert_eq(nghttp2_session_client_new2(&h->session, callbacks, h, option), 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    (void)nghttp2_submit_settings(h->session, 0, NULL, 0);
}

static inline void h2_open(struct h2 *h, const struct rig *r)
{
    h2_init(h, rig_connect(r), false);
}

static inline void h2_close(struct h2 *h)
{
    nghttp2_session_del(h->session);
    (void)close(h->fd);
    for (int i = 0; i < H2_STREAMS; i++) {
        writer_release(&h->streams[i].head);
        writer_release(&h->streams[i].body);
        writer_release(&h->streams[i].trailers);
    }
}

static inline ssize_t h2_read_body(nghttp2_session *s, int32_t id, uint8_t *out, size_t room,
                                   uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)s;
    (void)id;
    (void)user;
    struct bytes *left = source->ptr;
    size_t n = left->len < room ? left->len : room;
    if (n)
        memcpy(out, left->at, n);
    left->at += n;
    left->len -= n;
    if (left->len == 0)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static inline nghttp2_nv h2_nv(const char *name, const char *value)
{
    nghttp2_nv nv = {.namelen = strlen(name), .valuelen = strlen(value)};
    memcpy(&nv.name, &name, sizeof name);
    memcpy(&nv.value, &value, sizeof value);
    return nv;
}

/* extra: name, value, name, value, ..., NULL.  body.at NULL: none. */
static inline int32_t h2_submit(struct h2 *h, const char *method, const char *path,
                                const char *const *extra, struct bytes body)
{
    nghttp2_nv nva[128] = {h2_nv(":method", method), h2_nv(":scheme", "http"),
                           h2_nv(":authority", "x"), h2_nv(":path", path)};
    size_t count = 4;
    for (; extra && *extra; extra += 2)
        nva[count++] = h2_nv(extra[0], extra[1]);
    int32_t next = (int32_t)nghttp2_session_get_next_stream_id(h->session);
    struct bytes *left = &h2_stream(h, next)->out;
    *left = body;
    nghttp2_data_provider data = {.source.ptr = left, .read_callback = h2_read_body};
    int32_t id = nghttp2_submit_request(h->session, NULL, nva, count, body.at ? &data : NULL, NULL);
    cr_assert_gt(id, 0);
    return id;
}

static inline void h2_flush(struct h2 *h)
{
    const uint8_t *at;
    ssize_t n;
    while ((n = nghttp2_session_mem_send(h->session, &at)) > 0)
        if (!rig_send_bytes(h->fd, (struct bytes){at, (size_t)n}))
            h->has_ended = true;
}

/* Sends what is due and reads once; false when nothing came in time. */
static inline bool h2_turn(struct h2 *h, int wait_ms)
{
    struct writer in = {0};
    h2_flush(h);
    ssize_t n = rig_receive(h->fd, &in, wait_ms);
    if (n > 0)
        (void)nghttp2_session_mem_recv(h->session, in.at, in.len);
    if (n == 0)
        h->has_ended = true;
    writer_release(&in);
    h2_flush(h);
    return n > 0;
}

#define H2_UNTIL(h, condition)                                                                     \
    do {                                                                                           \
        while (!(condition) && h2_turn((h), RIG_WAIT_MS))                                          \
            continue;                                                                              \
        cr_assert(condition, "in vain: %s", #condition);                                           \
    } while (0)

/* One request, its whole answer. */
static inline struct h2_stream *h2_ask(struct h2 *h, const char *method, const char *path,
                                       const char *const *extra, struct bytes body)
{
    int32_t id = h2_submit(h, method, path, extra, body);
    H2_UNTIL(h, h2_stream(h, id)->is_closed);
    return h2_stream(h, id);
}

static inline const char *h2_text(const struct writer *w)
{
    return w->at ? (const char *)w->at : "";
}

/* A unary call with one framed message. */
static inline struct h2_stream *h2_call(struct h2 *h, const char *path, const char *timeout,
                                        const char *message)
{
    static uint8_t framed[8 << 20];
    size_t n = strlen(message);
    const char *extra[] = {"content-type",
                           "application/grpc+proto",
                           "te",
                           "trailers",
                           timeout ? "grpc-timeout" : NULL,
                           timeout,
                           NULL};
    for (int i = 0; i < 5; i++)
        framed[i] = (uint8_t)(i == 0 ? 0 : n >> (32 - 8 * i));
    memcpy(framed + 5, message, n);
    return h2_ask(h, "POST", path, extra, (struct bytes){framed, 5 + n});
}

#endif
