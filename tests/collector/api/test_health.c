#include "tests/collector/api/ask.h"

static bool is_up;

static bool ready(void *arg, char *why, size_t cap)
{
    (void)arg;
    (void)snprintf(why, cap, "replaying 3 of 7");
    return is_up;
}

static void up(void)
{
    struct api_options options = {.db = &db, .threads = 1, .ready = ready};
    api = api_new(&options);
    route_count = api_routes(api, routes);
}

TestSuite(health, .init = up, .fini = api_down);

Test(health, readiness_says_why_not)
{
    static const char *const paths[] = {"/-/ready", "/ready", "/readyz", "/prometheus/-/ready"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        is_up = false;
        ASSERT_GET(paths[i], "", 503, "Andon is not ready: replaying 3 of 7\n");
        is_up = true;
        ASSERT_GET(paths[i], "", 200, "Andon is Ready.\n");
    }
    static const char *const live[] = {"/-/healthy", "/healthz", "/livez"};
    for (size_t i = 0; i < sizeof live / sizeof live[0]; i++)
        ASSERT_GET(live[i], "", 200, "Andon is Healthy.\n");
}

Test(health, json_form_passes_and_fails)
{
    is_up = true;
    ASSERT_GET("/health", "", 200,
               "{\"name\":\"andon\",\"message\":\"ready\",\"status\":\"pass\",\"version\":"
               "\"" ANDON_VERSION "\"}");
    is_up = false;
    (void)get("/health", "");
    cr_assert_eq(x.status, 503);
    cr_assert(strstr(exchange_body_text(&x), "\"status\":\"fail\""));
    exchange_release(&x);
}

Test(health, metrics_come_in_the_form_asked_for)
{
    const char *body = get("/metrics", "");
    cr_assert_str_eq(x.type, "text/plain; version=0.0.4; charset=utf-8");
    cr_assert(strstr(body, "# TYPE andon_queries_total counter\n"));
    exchange_release(&x);
    exchange_init(&x, "/metrics", "");
    x.accept = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.3";
    send_to(&x);
    exchange_wait(&x);
    body = exchange_body_text(&x);
    cr_assert_str_eq(x.type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    cr_assert_str_eq(body + strlen(body) - 6, "# EOF\n");
    exchange_release(&x);
}
