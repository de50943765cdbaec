#include "collector/net/http2_answer.h"

#include "h2_rig.h"

TestSuite(http2_answer, .timeout = 60);

static struct rig r;
static struct h2 h;

/* Many fields, an empty body, and status 204. */
static void many(void *arg, struct exchange *x)
{
    (void)arg;
    struct exchange_header headers[100];
    for (size_t i = 0; i < 100; i++)
        headers[i] = (struct exchange_header){text_of("x-f"), text_of("v")};
    struct exchange_answer answer = {.status = 200, .headers = headers, .header_count = 100};
    exchange_reply(x, &answer, (struct bytes){0});
}

static void nothing(void *arg, struct exchange *x)
{
    (void)arg;
    struct exchange_header header = {text_of("X-Upper"), text_of("kept: with colon")};
    struct exchange_answer answer = {.status = 204, .headers = &header, .header_count = 1};
    exchange_reply(x, &answer, rig_bytes("not sent"));
}

/* A stream that ends without a byte. */
static void silent(void *arg, struct exchange *x)
{
    (void)arg;
    struct exchange_answer answer = {.status = 200};
    exchange_start(x, &answer);
    exchange_end(x);
}

static void pieces(void *arg, struct exchange *x)
{
    (void)arg;
    struct exchange_answer answer = {.status = 200};
    exchange_start(x, &answer);
    for (int i = 0; i < 1000; i++)
        cr_assert(exchange_write(x, rig_bytes("0123456789")));
    exchange_end(x);
}

/* Three messages, one of them empty, one longer than a window; then the status that was asked. */
static void messages(void *arg, struct exchange *x)
{
    (void)arg;
    static uint8_t large[200000];
    int status = exchange_body(x).len > 0 ? 13 : 0;
    exchange_start_grpc(x);
    cr_assert(exchange_write_grpc(x, rig_bytes("first")));
    cr_assert(exchange_write_grpc(x, (struct bytes){0}));
    cr_assert(exchange_write_grpc(x, (struct bytes){large, sizeof large}));
    exchange_end_grpc(x, status, status ? "broke off" : NULL);
}

static void *messages_later(void *arg)
{
    messages(NULL, arg);
    return NULL;
}

static struct thread worker;

static void messages_from_a_worker(void *arg, struct exchange *x)
{
    (void)arg;
    thread_start(&worker, "worker", messages_later, x);
}

static const struct exchange_route routes[] = {
    {"POST", "/rig.Stream/Call", 0, messages, NULL},
    {"POST", "/rig.Stream/Later", 0, messages_from_a_worker, NULL},
    {"GET", "/many", 0, many, NULL},
    {"GET", "/nothing", 0, nothing, NULL},
    {"GET", "/silent", 0, silent, NULL},
    {"GET", "/pieces", 0, pieces, NULL},
};

Test(http2_answer, odd_answers_are_well_formed)
{
    rig_init(&r);
    r.options.routes = routes;
    r.options.route_count = sizeof routes / sizeof routes[0];
    rig_open(&r);
    h2_open(&h, &r);
    struct h2_stream *s = h2_ask(&h, "GET", "/many", NULL, (struct bytes){0});
    cr_assert(strstr(h2_text(&s->head), ":status: 200\n"));
    cr_assert(strstr(h2_text(&s->head), "content-length: 0\n"), "%s", h2_text(&s->head));
    s = h2_ask(&h, "GET", "/nothing", NULL, (struct bytes){0});
    cr_assert(strstr(h2_text(&s->head), ":status: 204\n"));
    cr_assert(strstr(h2_text(&s->head), "x-upper: kept: with colon\n"), "%s", h2_text(&s->head));
    cr_assert_null(strstr(h2_text(&s->head), "content-length"));
    cr_assert_eq(s->body.len, 0);
    s = h2_ask(&h, "GET", "/silent", NULL, (struct bytes){0});
    cr_assert(s->is_closed && s->error == 0 && s->body.len == 0);
    s = h2_ask(&h, "GET", "/pieces", NULL, (struct bytes){0});
    cr_assert_eq(s->body.len, 10000);
    h2_close(&h);
    rig_close(&r);
}

static void check_stream(const char *path, const char *body, const char *trailers)
{
    struct h2_stream *s = h2_call(&h, path, "5S", body);
    cr_assert(strstr(h2_text(&s->head), ":status: 200\n"));
    cr_assert(strstr(h2_text(&s->head), "content-type: application/grpc\n"));
    cr_assert_null(strstr(h2_text(&s->head), "grpc-status"));
    cr_assert_eq(s->body.len, 3 * 5 + 5 + 200000);
    cr_assert_eq(memcmp(s->body.at, "\0\0\0\0\5first\0\0\0\0\0\0\0\3\x0d\x40\0", 21), 0);
    cr_assert_str_eq(h2_text(&s->trailers), trailers);
}

Test(http2_answer, a_stream_of_messages_ends_in_its_status)
{
    rig_init(&r);
    r.options.routes = routes;
    r.options.route_count = sizeof routes / sizeof routes[0];
    rig_open(&r);
    h2_open(&h, &r);
    check_stream("/rig.Stream/Call", "", "grpc-status: 0\n");
    check_stream("/rig.Stream/Call", "x", "grpc-status: 13\ngrpc-message: broke off\n");
    check_stream("/rig.Stream/Later", "", "grpc-status: 0\n");
    thread_join(&worker);
    h2_close(&h);
    rig_close(&r);
}
