/* ask.h - one request through a route of the API, over both fakes. */
#ifndef TESTS_COLLECTOR_API_ASK_H
#define TESTS_COLLECTOR_API_ASK_H

#include "collector/api/api.h"
#include "tests/collector/api/fake_exchange.h"
#include "tests/collector/api/fake_tsdb.h"

static struct tsdb db;
static struct clock_sim wall;
static struct api *api;
static struct exchange x;
static struct exchange_route routes[API_ROUTES_MAX];
static size_t route_count;

static inline void api_up(void)
{
    clock_sim_init(&wall, INT64_C(1795521600123000000));
    struct api_options options = {.db = &db,
                                  .clock = &wall.clock,
                                  .threads = 2,
                                  .query_timeout = 120 * NS_PER_S,
                                  .lookback = 300 * NS_PER_S,
                                  .samples_max = 1000,
                                  .retention = 30 * NS_PER_DAY,
                                  .started_ns = INT64_C(1795521600000000000)};
    api = api_new(&options);
    route_count = api_routes(api, routes);
}

static inline void api_down(void)
{
    api_free(api);
}

/* The route that net would choose: the longest path that is one, or a prefix. */
static inline const struct exchange_route *route_of(const char *path)
{
    const struct exchange_route *best = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < route_count; i++) {
        size_t n = strlen(routes[i].path);
        bool is_prefix = routes[i].path[n - 1] == '/';
        bool fits =
            is_prefix ? strncmp(path, routes[i].path, n) == 0 : strcmp(path, routes[i].path) == 0;
        if (fits && n > longest) {
            longest = n;
            best = &routes[i];
        }
    }
    cr_assert(best, "no route for %s", path);
    return best;
}

static inline void send_to(struct exchange *to)
{
    const struct exchange_route *route = route_of(to->path);
    route->handler(route->arg, to);
}

/* A GET, answered; the body. */
static inline const char *get(const char *path, const char *query)
{
    exchange_init(&x, path, query);
    send_to(&x);
    exchange_wait(&x);
    cr_assert_eq(x.ends, 1);
    return exchange_body_text(&x);
}

#define ASSERT_GET(path, query, want_status, want_body)                                            \
    do {                                                                                           \
        cr_assert_str_eq(get((path), (query)), (want_body));                                       \
        cr_assert_eq(x.status, (want_status), "%s: %d", (query), x.status);                        \
        exchange_release(&x);                                                                      \
    } while (0)

#endif
