#include "collector/net/router.h"

#include "files_rig.h"
#include "h2_rig.h"

TestSuite(router, .timeout = 60);

static struct rig r;
static struct writer w;

static void up(const char *config)
{
    files_open();
    rig_init(&r);
    w = (struct writer){0};
    if (config)
        r.options.web_config_path = files_write("web.yml", config);
    rig_open(&r);
}

static void down(void)
{
    rig_close(&r);
    writer_release(&w);
    files_close();
}

static const char *ask(const char *method, const char *path, const char *authorization)
{
    char request[1024];
    (void)snprintf(request, sizeof request,
                   "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s%s%s"
                   "Content-Length: 2\r\n\r\nhi",
                   method, path, authorization ? "Authorization: " : "",
                   authorization ? authorization : "", authorization ? "\r\n" : "");
    return rig_ask(&r, request, &w);
}

Test(router, the_longest_match_answers)
{
    up(NULL);
    cr_expect(strstr(ask("GET", "/files/a", NULL), "<p>"));
    cr_expect(strstr(ask("GET", "/files/", NULL), "<p>"));
    cr_expect(strstr(ask("GET", "/files/deep/a?q", NULL), "hello"));
    cr_expect(strstr(ask("GET", "/files/deep", NULL), "<p>"));
    static const char *const unknown[] = {"/files",   "/hello/", "/Hello",    "/hell",   "/",
                                          "/%68ello", "//hello", "/files%2f", "/./hello"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        cr_expect_eq(rig_status(ask("GET", unknown[i], NULL)), 404, "%s", unknown[i]);
    down();
}

Test(router, methods_are_checked)
{
    up(NULL);
    const char *a = ask("DELETE", "/echo", NULL);
    cr_expect_eq(rig_status(a), 405);
    cr_expect(strstr(a, "\r\nallow: POST, PUT, OPTIONS\r\n"), "%s", a);
    a = ask("OPTIONS", "/hello", NULL);
    cr_expect_eq(rig_status(a), 204);
    cr_expect(strstr(a, "\r\nallow: GET, HEAD, OPTIONS\r\n"), "%s", a);
    cr_expect_null(strstr(a, "access-control"), "%s", a);
    cr_expect_eq(rig_status(ask("HEAD", "/echo", NULL)), 405);
    cr_expect_eq(rig_status(ask("TRACE", "/hello", NULL)), 405);
    cr_expect_eq(rig_status(ask("BREW", "/hello", NULL)), 501);
    cr_expect_eq(rig_status(ask("PUT", "/echo", NULL)), 200);
    down();
}

Test(router, a_route_for_everything_makes_no_path_known)
{
    static struct exchange_route routes[sizeof rig_routes / sizeof rig_routes[0] + 1];
    memcpy(routes, rig_routes, sizeof rig_routes);
    routes[sizeof rig_routes / sizeof rig_routes[0]] = rig_routes[6];
    routes[sizeof rig_routes / sizeof rig_routes[0]].path = "/";
    files_open();
    rig_init(&r);
    w = (struct writer){0};
    r.options.routes = routes;
    r.options.route_count++;
    rig_open(&r);
    cr_expect_eq(rig_status(ask("GET", "/any/thing", NULL)), 200);
    cr_expect_eq(rig_status(ask("POST", "/any/thing", NULL)), 404, "not 405");
    cr_expect_eq(rig_status(ask("DELETE", "/echo", NULL)), 405, "a path of its own");
    cr_expect_eq(rig_status(ask("POST", "/", NULL)), 405, "the path itself");
    down();
}

Test(router, refusals_take_the_form_of_the_api)
{
    up(NULL);
    const char *a = ask("GET", "/api/v1/none", NULL);
    cr_expect(strstr(a, "content-type: application/json\r\n"), "%s", a);
    cr_expect(strstr(a, "{\"status\":\"error\",\"errorType\":\"http_404\""), "%s", a);
    a = ask("GET", "/none", NULL);
    cr_expect(strstr(a, "content-type: text/plain"), "%s", a);
    down();
}

/* Goal: every route answers every kind of caller as its scope says.
 * Method: the cells of rig_routes x callers, over both HTTP versions. */
Test(router, every_route_asks_for_its_scope)
{
    static const struct {
        const char *name, *authorization;
        unsigned scopes;
        bool is_known;
    } callers[] = {
        {"nobody", NULL, 0, false},
        {"wrong token", "Bearer wrong-wrong-wrong-wrong", 0, false},
        {"wrong scheme", "Digest ingest-ingest-ingest", 0, false},
        {"ingest token", "Bearer ingest-ingest-ingest", SCOPE_INGEST, true},
        {"query token", "Bearer query-query-query-qu", SCOPE_QUERY, true},
        {"admin token", "Bearer admin-admin-admin-ad", SCOPE_ADMIN, true},
        {"expired token", "Bearer expired-expired-expired", 0, false},
        {"alice", "Basic YWxpY2U6c2VjcmV0", 7, true},
        {"alice, wrong password", "Basic YWxpY2U6c2VjcmVU", 0, false},
        {"bob", "Basic Ym9iOnNlY3JldA==", 0, false},
    };
    char config[2048];
    (void)snprintf(config, sizeof config,
                   "basic_auth_users: {alice: \"%s\"}\n"
                   "tokens:\n"
                   "- {token_sha256: %s, scopes: [ingest]}\n"
                   "- {token_sha256: %s, scopes: [query]}\n",
                   files_bcrypt("secret"), files_sha256("ingest-ingest-ingest"),
                   files_sha256("query-query-query-qu"));
    size_t n = strlen(config);
    (void)snprintf(config + n, sizeof config - n,
                   "- {token_sha256: %s, scopes: [admin]}\n"
                   "- {token_sha256: %s, scopes: [ingest, query, admin], "
                   "expires: 2020-01-01T00:00:00Z}\n",
                   files_sha256("admin-admin-admin-ad"), files_sha256("expired-expired-expired"));
    up(config);
    static struct h2 h;
    h2_open(&h, &r);
    int cells = 0, refused = 0;
    for (size_t i = 0; i < sizeof rig_routes / sizeof rig_routes[0]; i++) {
        const struct exchange_route *route = &rig_routes[i];
        char method[8];
        (void)snprintf(method, sizeof method, "%.*s", (int)strcspn(route->methods, " "),
                       route->methods);
        if (strcmp(route->path, "/kept") == 0 || strcmp(route->path, "/stream") == 0)
            continue;
        for (size_t k = 0; k < sizeof callers / sizeof callers[0]; k++) {
            int want = 200;
            if (route->scope && !(callers[k].scopes & route->scope))
                want = callers[k].is_known ? 403 : 401;
            const char *a = ask(method, route->path, callers[k].authorization);
            cr_expect_eq(rig_status(a), want, "%s %s by %s: %s", method, route->path,
                         callers[k].name, a);
            cr_expect_eq(strstr(a, "\r\nwww-authenticate: ") != NULL, want == 401);
            const char *extra[] = {callers[k].authorization ? "authorization" : NULL,
                                   callers[k].authorization, NULL};
            struct h2_stream *s = h2_ask(&h, method, route->path, extra, rig_bytes("hi"));
            char status[24];
            (void)snprintf(status, sizeof status, ":status: %d\n", want);
            cr_expect(strstr(h2_text(&s->head), status), "%s %s by %s: %s", method, route->path,
                      callers[k].name, h2_text(&s->head));
            cells += 2;
            refused += want == 200 ? 0 : 2;
        }
    }
    cr_assert_gt(cells, 150);
    RIG_UNTIL(rig_counters(&r).auth_failures[LISTENER_HTTP] == (uint64_t)refused);
    const char *grpc[] = {"content-type", "application/grpc", NULL};
    struct h2_stream *s = h2_ask(&h, "POST", "/rig.Echo/Call", grpc, rig_bytes("\0\0\0\0\0"));
    cr_assert(strstr(h2_text(&s->head), "grpc-status: 16\n"), "%s", h2_text(&s->head));
    const char *denied[] = {"content-type", "application/grpc", "authorization",
                            "Bearer query-query-query-qu", NULL};
    s = h2_ask(&h, "POST", "/rig.Echo/Call", denied, rig_bytes("\0\0\0\0\0"));
    cr_assert(strstr(h2_text(&s->head), "grpc-status: 7\n"), "%s", h2_text(&s->head));
    h2_close(&h);
    down();
}

/* A body that nobody may send is not read. */
Test(router, strangers_cannot_make_us_buffer)
{
    char config[256];
    (void)snprintf(config, sizeof config, "tokens: [{token_sha256: %s, scopes: [ingest]}]\n",
                   files_sha256("ingest-ingest-ingest"));
    up(config);
    int fd = rig_connect(&r);
    cr_assert(rig_send(fd, "POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n"));
    const char *a = rig_read_all(fd, &w);
    cr_assert_eq(rig_status(a), 401, "%s", a);
    (void)close(fd);
    down();
}

Test(router, malformed_routes_stop_the_start)
{
    static const struct exchange_route bad[] = {
        {"GET", "hello", 0, rig_hello, NULL},
        {"FETCH", "/hello", 0, rig_hello, NULL},
        {"GET", "/hello", 0, NULL, NULL},
        {NULL, "/hello", 0, rig_hello, NULL},
    };
    struct router *router;
    struct tsdb_error err;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_eq(router_new(&bad[i], 1, NULL, &router, &err), TSDB_EINVAL, "route %zu", i);
}

static bool is_foreign(const struct exchange *x)
{
    struct tsdb_text path = exchange_path(x);
    return (path.len > 5 && memcmp(path.at + path.len - 5, "/bulk", 5) == 0) ||
           text_equal(exchange_header(x, "x-who"), text_of("foreign"));
}

static void answer_foreign(void *arg, struct exchange *x)
{
    (void)arg;
    struct exchange_answer answer = {.status = 200, .content_type = "text/plain"};
    exchange_reply(x, &answer, rig_bytes("foreign\n"));
}

Test(router, a_family_comes_first_and_marks_its_answers)
{
    char text[256];
    const struct exchange_family family = {.has = is_foreign,
                                           .scope = SCOPE_INGEST,
                                           .handler = answer_foreign,
                                           .header = {text_of("x-product"), text_of("Foreign")}};
    files_open();
    (void)snprintf(text, sizeof text, "tokens: [{token_sha256: %s, scopes: [ingest]}]\n",
                   files_sha256("ingest-ingest-ingest"));
    rig_init(&r);
    w = (struct writer){0};
    r.options.family = &family;
    r.options.web_config_path = files_write("web.yml", text);
    rig_open(&r);
    static const char good[] = "Bearer ingest-ingest-ingest";
    static const char *const methods[] = {"GET", "POST", "DELETE"};
    for (size_t i = 0; i < 3; i++) {
        const char *a = ask(methods[i], "/any/bulk", good);
        cr_expect(strstr(a, "foreign\n") && strstr(a, "\r\nx-product: Foreign\r\n"), "%s", a);
    }
    cr_expect_eq(rig_status(ask("HEAD", "/any/bulk", good)), 200);
    const char *a = ask("POST", "/hello/bulk", NULL);
    cr_expect_eq(rig_status(a), 401);
    cr_expect(strstr(a, "\r\nx-product: Foreign\r\n"), "%s", a);
    a = ask("GET", "/hello", good);
    cr_expect(strstr(a, "hello") && !strstr(a, "x-product"), "%s", a);
    a = ask("GET", "/hello", "Bearer ingest-ingest-ingest\r\nX-Who: foreign");
    cr_expect(strstr(a, "foreign\n"), "the same path, by what the client says: %s", a);
    cr_expect_eq(rig_status(ask("BREW", "/any/bulk", good)), 501);
    down();
}
