#include "collector/api/tempo.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <string.h>

void tempo_submit(void *arg, struct exchange *x, void (*work)(struct request *r))
{
    api_submit_as(arg, x, exchange_is_grpc(x) ? REPLY_GRPC : REPLY_TEXT, work);
}

static void handle_echo(void *arg, struct exchange *x)
{
    (void)arg;
    reply_text(x, 200, "echo");
}

static void handle_buildinfo_of_traces(void *arg, struct exchange *x)
{
    static const char body[] =
        "{\"version\":\"" TEMPO_VERSION "\",\"revision\":\"andon-" ANDON_VERSION
        "\",\"branch\":\"\",\"buildDate\":\"\",\"buildUser\":\"\",\"goVersion\":\"\"}";
    static const struct exchange_answer head = {.status = 200, .content_type = "application/json"};
    (void)arg;
    exchange_reply(x, &head, (struct bytes){(const uint8_t *)body, sizeof body - 1});
}

/* A call of the streaming querier by something that does not speak gRPC. */
static bool is_call(struct exchange *x)
{
    if (!exchange_is_grpc(x))
        reply_text(x, 415, "this is a method of gRPC: want content-type application/grpc\n");
    return exchange_is_grpc(x);
}

#define CALL(name, handler)                                                                        \
    static void call_##name(void *arg, struct exchange *x)                                         \
    {                                                                                              \
        if (is_call(x))                                                                            \
            handler(arg, x);                                                                       \
    }
CALL(search, handle_tempo_search)
CALL(tags, handle_tempo_tags)
CALL(tags_2, handle_tempo_tags_2)
CALL(values, handle_tempo_values)
CALL(values_2, handle_tempo_values_2)
CALL(range, handle_tempo_range)
CALL(instant, handle_tempo_instant)
#undef CALL

#define QUERIER "/tempopb.StreamingQuerier"
#define MOUNTED(methods, path, scope, handler)                                                     \
    {methods, path, scope, handler, NULL},                                                         \
    {                                                                                              \
        methods, "/tempo" path, scope, handler, NULL                                               \
    }

static const struct exchange_route routes[] = {
    MOUNTED("GET", "/api/echo", SCOPE_QUERY, handle_echo),
    MOUNTED("GET", "/api/status/buildinfo", SCOPE_QUERY, handle_buildinfo_of_traces),
    MOUNTED("GET", "/api/v2/traces/", SCOPE_QUERY, handle_tempo_trace_2),
    MOUNTED("GET", "/api/search", SCOPE_QUERY, handle_tempo_search),
    MOUNTED("GET", "/api/search/tags", SCOPE_QUERY, handle_tempo_tags),
    MOUNTED("GET", "/api/search/tag/", SCOPE_QUERY, handle_tempo_values),
    MOUNTED("GET", "/api/v2/search/tags", SCOPE_QUERY, handle_tempo_tags_2),
    MOUNTED("GET", "/api/v2/search/tag/", SCOPE_QUERY, handle_tempo_values_2),
    MOUNTED("GET", "/api/metrics/query_range", SCOPE_QUERY, handle_tempo_range),
    MOUNTED("GET", "/api/metrics/query", SCOPE_QUERY, handle_tempo_instant),
    {"GET", "/tempo/api/traces/", SCOPE_QUERY, handle_tempo_trace, NULL},
    {"GET", "/tempo/ready", 0, handle_ready, NULL},
    {"POST", QUERIER "/Search", SCOPE_QUERY, call_search, NULL},
    {"POST", QUERIER "/SearchTags", SCOPE_QUERY, call_tags, NULL},
    {"POST", QUERIER "/SearchTagsV2", SCOPE_QUERY, call_tags_2, NULL},
    {"POST", QUERIER "/SearchTagValues", SCOPE_QUERY, call_values, NULL},
    {"POST", QUERIER "/SearchTagValuesV2", SCOPE_QUERY, call_values_2, NULL},
    {"POST", QUERIER "/MetricsQueryRange", SCOPE_QUERY, call_range, NULL},
    {"POST", QUERIER "/MetricsQueryInstant", SCOPE_QUERY, call_instant, NULL},
};

static_assert(sizeof routes / sizeof routes[0] <= TEMPO_ROUTES_MAX, "callers have room");

size_t tempo_routes(struct exchange_route *out)
{
    memcpy(out, routes, sizeof routes);
    return sizeof routes / sizeof routes[0];
}
