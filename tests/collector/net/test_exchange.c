#include "collector/net/exchange.h"

#include "collector/net/carrier.h"
#include "rig.h"

#include <zlib.h>

TestSuite(exchange, .timeout = 60);

static struct rig r;
static struct writer w;
static _Atomic int posted, posted_wrong, writes;
static _Atomic bool is_writing;

static void large(void *arg, struct exchange *x)
{
    (void)arg;
    static char text[200000];
    memset(text, 'L', sizeof text - 1);
    struct exchange_answer answer = {.status = 200, .content_type = "text/plain"};
    exchange_reply(x, &answer, rig_bytes(text));
}

static void note_post(void *arg)
{
    posted_wrong += loop_current() != arg;
    posted++;
}

static void post(void *arg, struct exchange *x)
{
    exchange_post(x, note_post, loop_current());
    rig_hello(arg, x);
}

/* Writes until the peer goes, counting. */
static void *write_for_ever(void *arg)
{
    struct exchange *x = arg;
    struct exchange_answer answer = {.status = 200, .content_type = "application/x-protobuf"};
    static uint8_t block[65536];
    exchange_start(x, &answer);
    is_writing = true;
    while (exchange_write(x, (struct bytes){block, sizeof block}))
        writes++;
    exchange_end(x);
    is_writing = false;
    return NULL;
}

static void endless(void *arg, struct exchange *x)
{
    (void)arg;
    rig_on_worker(write_for_ever, x);
}

/* The request as the handler sees it. */
static void describe(void *arg, struct exchange *x)
{
    (void)arg;
    struct writer out = {0};
    struct tsdb_text m = exchange_method(x), p = exchange_path(x), q = exchange_query(x);
    struct tsdb_text a = exchange_header(x, "x-a"), none = exchange_header(x, "x-none");
    writer_format(&out, "%.*s %.*s %.*s a=%.*s none=%zu/%d peer=%d tls=%d grpc=%d tenant=%zu",
                  (int)m.len, m.at, (int)p.len, p.at, (int)q.len, q.at, (int)a.len, a.at, none.len,
                  none.at != NULL, strncmp(exchange_peer(x).at, "127.0.0.1:", 10) == 0,
                  exchange_is_tls(x), exchange_is_grpc(x), exchange_tenant(x).len);
    cr_assert_not_null(ARENA_ARRAY(exchange_arena(x), char, 100));
    struct exchange_answer answer = {.status = 200};
    exchange_reply(x, &answer, writer_bytes(&out));
    writer_release(&out);
}

static const struct exchange_route routes[] = {
    {"GET", "/large", 0, large, NULL},     {"GET", "/post", 0, post, NULL},
    {"GET", "/endless", 0, endless, NULL}, {"GET POST", "/describe/", 0, describe, NULL},
    {"GET", "/kept", 0, rig_keep, NULL},   {"GET", "/stream", 0, rig_stream, NULL},
};

static void up(void)
{
    w = (struct writer){0};
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

Test(exchange, shows_the_request)
{
    up();
    const char *a = rig_ask(&r,
                            "GET /describe/%20x?a=b?c HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nX-A: 2\r\n"
                            "Connection: close\r\n\r\n",
                            &w);
    cr_assert(
        strstr(a, "\r\n\r\nGET /describe/%20x a=b?c a=1 none=0/1 peer=1 tls=0 grpc=0 tenant=0"),
        "%s", a);
    a = rig_ask(&r,
                "POST /describe/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\n"
                "Connection: close\r\nContent-Length: 0\r\n\r\n",
                &w);
    cr_assert(strstr(a, "grpc=0"), "gRPC needs HTTP/2: %s", a);
    down();
}

/* Unchunks in place; returns the length. */
static size_t unchunk(uint8_t *at)
{
    uint8_t *in = at, *out = at;
    for (;;) {
        char *end;
        size_t n = strtoul((char *)in, &end, 16);
        in = (uint8_t *)end + 2;
        if (n == 0)
            return (size_t)(out - at);
        memmove(out, in, n);
        out += n;
        in += n + 2;
    }
}

static size_t inflated(uint8_t *at, size_t len)
{
    static uint8_t out[10 << 20];
    z_stream z = {.next_in = at, .avail_in = (uInt)len, .next_out = out, .avail_out = sizeof out};
    cr_assert_eq(inflateInit2(&z, 15 + 16), Z_OK);
    cr_assert_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
    (void)inflateEnd(&z);
    return z.total_out;
}

Test(exchange, large_answers_and_streams_are_compressed_when_asked)
{
    up();
    static const struct {
        const char *accept;
        bool is_coded;
    } cases[] = {{"gzip", true},      {"deflate, gzip;q=0.5", true},
                 {"gzip;q=0", false}, {"gzip;q=0.000", false},
                 {"br", false},       {"identity", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char request[256];
        (void)snprintf(request, sizeof request,
                       "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       "Accept-Encoding: %s\r\n\r\n",
                       cases[i].accept);
        const char *a = rig_ask(&r, request, &w);
        cr_assert_eq(strstr(a, "content-encoding: gzip") != NULL, cases[i].is_coded, "%s",
                     cases[i].accept);
        char *body = strstr((char *)w.at, "\r\n\r\n") + 4;
        size_t len = w.len - (size_t)(body - (char *)w.at);
        if (cases[i].is_coded)
            len = inflated((uint8_t *)body, len);
        cr_assert_eq(len, 199999);
    }
    (void)rig_ask(&r,
                  "GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                  "Accept-Encoding: gzip\r\n\r\n",
                  &w);
    char *body = strstr((char *)w.at, "\r\n\r\n") + 4;
    cr_assert_lt(w.len, RIG_STREAM_BYTES / 10);
    cr_assert_eq(inflated((uint8_t *)body, unchunk((uint8_t *)body)), RIG_STREAM_BYTES);
    down();
}

Test(exchange, posts_run_on_the_loop)
{
    up();
    (void)rig_ask(&r, "GET /post HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &w);
    RIG_UNTIL(posted == 1);
    cr_assert_eq(posted_wrong, 0);
    down();
}

Test(exchange, a_writer_waits_for_its_peer_and_wakes_when_it_goes)
{
    up();
    int fd = rig_connect(&r);
    cr_assert(rig_send(fd, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n"));
    int before;
    RIG_UNTIL(is_writing);
    do {
        before = writes;
        rig_sleep_ms(200);
    } while (writes != before);
    cr_assert_gt(writes, EXCHANGE_QUEUE_MAX / 65536 - 2);
    cr_assert_lt(writes, 400, "%d blocks of 64 KiB were queued", writes);
    cr_assert_lt(budget_used(&r.budget), 12 << 20);
    for (int i = 0; i < 100; i++) {
        writer_reset(&w);
        cr_assert_gt(rig_receive(fd, &w, RIG_WAIT_MS), 0);
    }
    RIG_UNTIL(writes > before); /* reading lets it go on */
    (void)close(fd);
    RIG_UNTIL(!is_writing);
    down();
}

Test(exchange, closing_the_server_wakes_writers)
{
    up();
    int fd = rig_connect(&r);
    cr_assert(rig_send(fd, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n"));
    RIG_UNTIL(is_writing);
    rig_sleep_ms(50);
    net_stop_accepting(r.net);
    cr_assert_not(net_drain(r.net, 50));
    RIG_UNTIL(!is_writing);
    (void)close(fd);
    down();
}

Test(exchange, an_answer_that_does_not_fit_the_budget_is_503)
{
    up();
    cr_assert(budget_charge(&r.budget, (256 << 20) - budget_used(&r.budget) - 100000));
    const char *a = rig_ask(&r, "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &w);
    cr_assert_eq(rig_status(a), 503, "%.200s", a);
    RIG_UNTIL(rig_counters(&r).open[LISTENER_HTTP] == 0);
    budget_release(&r.budget, budget_used(&r.budget));
    budget_force(&r.budget, 0);
    writer_release(&w);
    net_close(r.net);
}

Test(exchange, gone_before_anybody_asked)
{
    up();
    int fd = rig_connect(&r);
    cr_assert(rig_send(fd, "GET /kept HTTP/1.1\r\nHost: x\r\n\r\n"));
    RIG_UNTIL(rig_kept != NULL);
    (void)close(fd);
    RIG_UNTIL(rig_gone == 1);
    exchange_on_gone(rig_kept, rig_note_gone, NULL);
    RIG_UNTIL(rig_gone == 2); /* told at once */
    rig_hello(NULL, rig_kept);
    down();
}

Test(exchange, retry_after_is_spread)
{
    unsigned seen = 0;
    for (int i = 0; i < 200; i++) {
        int64_t s = exchange_retry_after_s();
        cr_assert(s >= 1 && s <= 5);
        seen |= 1u << s;
    }
    cr_assert_eq(seen, 0x3e);
}
