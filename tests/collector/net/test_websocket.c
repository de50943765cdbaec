#include "rig.h"

#include "collector/net/websocket.h"

TestSuite(websocket, .timeout = 60);

/* ---- the reader ------------------------------------------------------------------------ */

enum { CAP = 70000 };

/* Events of the bytes, cut in pieces of `piece`, as a line of text. */
static void read_all(bool is_of_client, struct bytes in, size_t piece, struct writer *out)
{
    static uint8_t buffer[CAP];
    static const char names[][8] = {"more", "text", "binary", "ping", "pong", "close", "bad"};
    struct websocket_reader r;
    websocket_reader_init(&r, is_of_client, buffer, sizeof buffer);
    writer_reset(out);
    while (in.len > 0) {
        struct bytes part = {in.at, in.len < piece ? in.len : piece}, payload;
        in.at += part.len;
        in.len -= part.len;
        enum websocket_event event;
        while ((event = websocket_read(&r, &part, &payload)) != WEBSOCKET_MORE) {
            writer_format(out, "%s", names[event]);
            if (event == WEBSOCKET_CLOSE || event == WEBSOCKET_BAD)
                writer_format(out, " %u", r.code);
            if (payload.len > 64)
                writer_format(out, ":%zu bytes", payload.len);
            else if (payload.len > 0 && event != WEBSOCKET_BAD)
                writer_format(out, ":%.*s", (int)payload.len, (const char *)payload.at);
            writer_text(out, ";");
        }
        cr_assert_eq(part.len, 0);
    }
    writer_u8(out, 0);
}

struct frame_case {
    bool is_of_client;
    const char *bytes;
    size_t len;
    const char *want;
};

#define CASE(is_of_client, bytes, want)                                                            \
    {                                                                                              \
        is_of_client, bytes, sizeof bytes - 1, want                                                \
    }
#define MASK "\1\2\3\4"

Test(websocket, reader_takes_what_is_right_and_nothing_else)
{
    static const struct frame_case cases[] = {
        CASE(false, "\x81\x02hi", "text:hi;"),
        CASE(false, "\x82\x02hi\x81\x00", "binary:hi;text;"),
        CASE(true, "\x81\x82" MASK "ik", "text:hi;"), /* h^1 i^2 */
        CASE(true, "\x89\x80" MASK "\x8a\x80" MASK, "ping;pong;"),
        CASE(false, "\x89\x04ping", "ping:ping;"),
        CASE(false, "\x01\x01h\x89\x01p\x80\x01i", "ping:p;text:hi;"),
        CASE(false, "\x01\x01h\x00\x01i\x80\x00", "text:hi;"),
        CASE(false, "\x88\x00\x81\x01x", "close 1005;"),
        CASE(false,
             "\x88\x05\x03\xe8"
             "bye",
             "close 1000:bye;"),
        CASE(false, "\x88\x02\x0b\xb8", "close 3000;"),
        /* not so */
        CASE(true, "\x81\x02hi", "bad 1002;"),          /* a client that does not mask */
        CASE(false, "\x81\x82" MASK "ik", "bad 1002;"), /* a server that does */
        CASE(false, "\xc1\x01x", "bad 1002;"),          /* reserved bits */
        CASE(false, "\x83\x01x", "bad 1002;"),          /* reserved operations */
        CASE(false, "\x8b\x00", "bad 1002;"),
        CASE(false, "\x80\x01x", "bad 1002;"),          /* a continuation of nothing */
        CASE(false, "\x01\x01h\x81\x01i", "bad 1002;"), /* a message in a message */
        CASE(false, "\x09\x00", "bad 1002;"),           /* a ping in pieces */
        CASE(false, "\x89\x7e\x00\x7e", "bad 1002;"),   /* a long ping */
        CASE(false, "\x81\x7e\x00\x7d", "bad 1002;"),   /* lengths not in their shortest form */
        CASE(false, "\x81\x7f\0\0\0\0\0\0\xff\xff", "bad 1002;"),
        CASE(false, "\x81\x7f\x80\0\0\0\0\0\0\0", "bad 1002;"),
        CASE(false, "\x81\x7f\0\0\0\0\0\x01\x11\x71", "bad 1009;"), /* CAP + 1 */
        CASE(false, "\x88\x01\x03", "bad 1002;"),
        CASE(false, "\x88\x02\x03\xed", "bad 1002;"), /* 1005 may not be sent */
        CASE(false, "\x88\x02\x03\xe7", "bad 1002;"), /* 999 */
        CASE(false, "\x88\x03\x03\xe8\xff", "bad 1007;"),
        CASE(false, "\x81\x01\xff\x81\x01x", "bad 1007;"),
    };
    struct writer out = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t piece = 1; piece <= cases[i].len; piece++) {
            struct bytes in = {(const uint8_t *)cases[i].bytes, cases[i].len};
            read_all(cases[i].is_of_client, in, piece, &out);
            cr_assert_str_eq((const char *)out.at, cases[i].want, "case %zu, pieces of %zu", i,
                             piece);
        }
    writer_release(&out);
}

Test(websocket, what_is_put_is_read_at_every_length)
{
    static const size_t lengths[] = {0, 1, 100, 125, 126, 127, 65535, 65536, CAP};
    static const uint8_t mask[4] = {0xde, 0xad, 0xbe, 0xef};
    static uint8_t payload[CAP];
    struct writer w = {0}, out = {0};
    char want[64];
    memset(payload, 'x', sizeof payload);
    for (size_t i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
        size_t len = lengths[i / 2];
        writer_reset(&w);
        websocket_put(&w, WEBSOCKET_OP_TEXT, i % 2 ? mask : NULL, (struct bytes){payload, len});
        read_all(i % 2, writer_bytes(&w), 1000, &out);
        if (len > 64)
            (void)snprintf(want, sizeof want, "text:%zu bytes;", len);
        else
            (void)snprintf(want, sizeof want, "text%s%.*s;", len ? ":" : "", (int)len, payload);
        cr_assert_str_eq((const char *)out.at, want, "%zu", len);
    }
    writer_release(&w);
    writer_release(&out);
}

Test(websocket, the_key_is_answered_as_the_rfc_does)
{
    char out[32];
    websocket_accept_key(text_of("dGhlIHNhbXBsZSBub25jZQ=="), out);
    cr_assert_str_eq(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

/* ---- over a socket ----------------------------------------------------------------------- */

static struct rig r;
static struct writer w;
static struct websocket *_Atomic opened;

static void on_socket(void *arg, struct exchange *x)
{
    (void)arg;
    if (websocket_check(x))
        opened = websocket_accept(x);
}

static void *accept_later(void *arg)
{
    rig_sleep_ms(20);
    opened = websocket_accept(arg);
    return NULL;
}

static void on_later(void *arg, struct exchange *x)
{
    (void)arg;
    if (websocket_check(x))
        rig_on_worker(accept_later, x);
}

static const struct exchange_route routes[] = {
    {"GET POST", "/ws", 0, on_socket, NULL},
    {"GET", "/later", 0, on_later, NULL},
    {"GET", "/hello", 0, rig_hello, NULL},
};

static void up(void)
{
    w = (struct writer){0};
    opened = NULL;
    rig_init(&r);
    r.options.routes = routes;
    r.options.route_count = sizeof routes / sizeof routes[0];
    rig_open(&r);
}

static void down(void)
{
    writer_release(&w);
    rig_close(&r);
}

#define HANDSHAKE(path)                                                                            \
    "GET " path " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, "           \
    "Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static struct websocket *wait_opened(void)
{
    for (int i = 0; i < 5000 && !opened; i++)
        rig_sleep_ms(1);
    cr_assert(opened, "no socket");
    return opened;
}

static void wait_over(struct websocket *s)
{
    for (int i = 0; i < 5000 && websocket_is_open(s); i++)
        rig_sleep_ms(1);
    cr_assert(!websocket_is_open(s));
}

static void send_raw(int fd, const char *bytes, size_t len)
{
    cr_assert_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Everything until the end, as it lies after the head. */
static struct bytes after_head(int fd)
{
    (void)rig_read_all(fd, &w);
    uint8_t *end = memmem(w.at, w.len, "\r\n\r\n", 4);
    cr_assert(end, "%.*s", (int)w.len, (const char *)w.at);
    return (struct bytes){end + 4, w.len - (size_t)(end + 4 - w.at)};
}

#define ASSERT_BYTES(got, want)                                                                    \
    do {                                                                                           \
        struct bytes g = (got);                                                                    \
        cr_assert_eq(g.len, sizeof(want) - 1, "%zu bytes: %.*s", g.len, (int)g.len,                \
                     (const char *)g.at);                                                          \
        cr_assert_arr_eq(g.at, (want), g.len);                                                     \
    } while (0)

Test(websocket, messages_go_out_and_the_owner_closes)
{
    up();
    int fd = rig_connect(&r);
    cr_assert(rig_send(fd, HANDSHAKE("/ws") "\r\n"));
    struct websocket *s = wait_opened();
    websocket_send(s, rig_bytes("one"));
    websocket_ping(s);
    websocket_send(s, rig_bytes("two"));
    websocket_close(s, WEBSOCKET_GOING_AWAY);
    ASSERT_BYTES(after_head(fd), "\x81\x03one\x89\x00\x81\x03two\x88\x02\x03\xe9");
    cr_assert(strstr((const char *)w.at, "HTTP/1.1 101 Switching Protocols\r\n"));
    cr_assert(strstr((const char *)w.at, "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    cr_assert(!strstr((const char *)w.at, "transfer-encoding"));
    cr_assert(!strstr((const char *)w.at, "connection: close"));
    (void)close(fd);
    down();
}

Test(websocket, frames_sent_with_the_handshake_are_read_after_it)
{
    up();
    int fd = rig_connect(&r);
    static const char both[] = HANDSHAKE("/later") "\r\n\x89\x82" MASK "ik\x88\x82" MASK "\x02\xea";
    send_raw(fd, both, sizeof both - 1);
    struct websocket *s = wait_opened();
    wait_over(s);
    websocket_send(s, rig_bytes("too late"));
    websocket_close(s, WEBSOCKET_INTERNAL);
    ASSERT_BYTES(after_head(fd), "\x8a\x02hi\x88\x02\x03\xe8"); /* the peer's own code */
    (void)close(fd);
    down();
}

Test(websocket, what_breaks_the_protocol_ends_it_with_a_reason)
{
    up();
    int fd = rig_connect(&r);
    cr_assert(rig_send(fd, HANDSHAKE("/ws") "\r\n"));
    struct websocket *s = wait_opened();
    send_raw(fd, "\x81\x02hi", 4); /* no mask */
    wait_over(s);
    websocket_close(s, WEBSOCKET_NORMAL);
    ASSERT_BYTES(after_head(fd), "\x88\x02\x03\xea");
    (void)close(fd);
    down();
}

Test(websocket, a_peer_that_goes_is_noticed)
{
    up();
    int fd = rig_connect(&r);
    cr_assert(rig_send(fd, HANDSHAKE("/ws") "\r\n"));
    struct websocket *s = wait_opened();
    (void)close(fd);
    wait_over(s);
    websocket_send(s, rig_bytes("nobody"));
    websocket_close(s, WEBSOCKET_NORMAL);
    down();
}

/* Goal: the owner is never held up.  Method: a peer that reads nothing, and more than its
 * queue and every kernel buffer take. */
Test(websocket, sending_does_not_wait_for_a_slow_peer)
{
    static uint8_t block[1 << 20];
    up();
    int fd = rig_connect(&r);
    cr_assert(rig_send(fd, HANDSHAKE("/ws") "\r\n"));
    struct websocket *s = wait_opened();
    for (int i = 0; i < 24; i++)
        websocket_send(s, (struct bytes){block, sizeof block});
    cr_assert_gt(websocket_queued(s), 4u << 20);
    (void)close(fd);
    wait_over(s);
    websocket_close(s, WEBSOCKET_NORMAL);
    down();
}

Test(websocket, handshakes_that_are_none_are_refused)
{
    static const struct {
        const char *request, *want;
    } cases[] = {
        {"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 400"},
        {"GET /ws HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "HTTP/1.1 400"},
        {"POST /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: close, Upgrade\r\n"
         "Content-Length: 0\r\n\r\n",
         "HTTP/1.1 400"},
        {"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n"
         "Sec-WebSocket-Version: 8\r\n\r\n",
         "HTTP/1.1 426"},
        {"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short==\r\n\r\n",
         "HTTP/1.1 400"},
        {"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
         "Origin: http://evil.example\r\n\r\n",
         "HTTP/1.1 403"},
    };
    up();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        writer_reset(&w);
        int fd = rig_connect(&r);
        cr_assert(rig_send(fd, cases[i].request));
        const char *all = rig_read_all(fd, &w);
        cr_assert(strncmp(all, cases[i].want, 12) == 0, "case %zu: %s", i, all);
        cr_assert(strncmp(all, "HTTP/1.1 426", 12) != 0 || strstr(all, "sec-websocket-version: 13"),
                  "%s", all);
        (void)close(fd);
    }
    cr_assert(!opened);
    down();
}

Test(websocket, the_own_origin_is_taken)
{
    up();
    int fd = rig_connect(&r);
    cr_assert(rig_send(fd, HANDSHAKE("/ws") "Origin: https://x\r\n\r\n"));
    websocket_close(wait_opened(), WEBSOCKET_NORMAL);
    ASSERT_BYTES(after_head(fd), "\x88\x02\x03\xe8");
    (void)close(fd);
    down();
}
