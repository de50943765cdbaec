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

static const struct exchange_route routes[] = {
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
