#include "collector/api/loki.h"

#include "collector/self/log.h"
#include "collector/self/period.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <string.h>

/* ---- formatting and deletion ------------------------------------------------------------ */

static void put_formatted(void *arg, struct tsdb_text formatted)
{
    struct reply *reply = arg;
    reply_begin(reply);
    json_text(&reply->json, formatted);
    reply_end(reply);
}

static void run_format(struct request *r)
{
    struct tsdb_error err = {0};
    enum tsdb_status st =
        tsdb_log_query_format(request_param(r, "query"), put_formatted, &r->reply, &err);
    if (st != TSDB_OK)
        request_fail_engine(r, st, &err, NULL);
}

/* Done when it returns: there are no requests to list, wait for or cancel. */
static void run_delete(struct request *r)
{
    static const struct exchange_answer no_content = {.status = 204};
    struct tsdb_text selector = request_param(r, "query");
    struct tsdb_scope scope = {.tenant = request_tenant(r),
                               .selectors = &selector,
                               .selector_count = 1,
                               .end = clock_wall_ns(r->api->options.clock)};
    struct tsdb_error err = {0};
    if (selector.len == 0 || request_param(r, "start").len == 0) {
        reply_fail(&r->reply, REPLY_BAD_DATA, "%s not set",
                   selector.len == 0 ? "query" : "start time");
        return;
    }
    if (!request_time(r, "start", &scope.start) || !request_time(r, "end", &scope.end))
        return;
    if (scope.start >= scope.end) {
        reply_fail(&r->reply, REPLY_BAD_DATA, "start time can't be at or after the end time");
        return;
    }
    enum tsdb_status st = tsdb_log_delete(r->api->options.db, &scope, &err);
    if (st != TSDB_OK) {
        request_fail_engine(r, st, &err, NULL);
        return;
    }
    log_info("api", "logs deleted start=%lld end=%lld", (long long)scope.start,
             (long long)scope.end);
    exchange_reply(r->x, &no_content, (struct bytes){0});
}

/* ---- what never changes ----------------------------------------------------------------- */

static void reply_whole(struct exchange *x, const char *type, struct bytes body)
{
    const struct exchange_answer answer = {.status = 200, .content_type = type};
    exchange_reply(x, &answer, body);
}

/* There are no rules of logs: a dictionary of no namespaces. */
static void handle_rules_of_logs(void *arg, struct exchange *x)
{
    (void)arg;
    reply_whole(x, "application/yaml", (struct bytes){(const uint8_t *)"{}\n", 3});
}

static void reply_json(struct exchange *x, struct json *j)
{
    reply_whole(x, "application/json", writer_bytes(&j->out));
    json_release(j);
}

static void put_pair(struct json *j, const char *key, const char *value)
{
    json_key(j, key);
    json_word(j, value);
}

static void put_flag(struct json *j, const char *key, bool value)
{
    json_key(j, key);
    json_bool(j, value);
}

static void put_limit(struct json *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_u64(j, value);
}

static void handle_buildinfo_of_logs(void *arg, struct exchange *x)
{
    (void)arg;
    struct json j;
    json_init(&j, 0, NULL, NULL);
    json_object(&j);
    put_pair(&j, "version", LOKI_VERSION);
    put_pair(&j, "revision", "andon-" ANDON_VERSION);
    put_pair(&j, "branch", "");
    put_pair(&j, "buildUser", "");
    put_pair(&j, "buildDate", "");
    put_pair(&j, "goVersion", "");
    json_end_object(&j);
    reply_json(x, &j);
}

static void put_words(struct json *j, const char *key, const char *const *words, size_t count)
{
    json_key(j, key);
    json_array(j);
    for (size_t i = 0; i < count; i++)
        json_word(j, words[i]);
    json_end_array(j);
}

static void put_period(struct json *j, const char *key, int64_t ns)
{
    char text[PERIOD_TEXT_MAX];
    (void)period_format(ns, text);
    put_pair(j, key, ns > 0 ? text : "0s");
}

static void handle_drilldown_limits(void *arg, struct exchange *x)
{
    static const char *const names[] = {"service_name"};
    static const char *const levels[] = {"detected_level", "level", "severity_text"};
    struct api *api = arg;
    struct json j;
    json_init(&j, 0, NULL, NULL);
    json_object(&j);
    json_key(&j, "limits");
    json_object(&j);
    put_flag(&j, "discover_log_levels", true);
    put_words(&j, "discover_service_name", names, sizeof names / sizeof names[0]);
    put_words(&j, "log_level_fields", levels, sizeof levels / sizeof levels[0]);
    put_limit(&j, "max_entries_limit_per_query", LOKI_LIMIT_MAX);
    put_limit(&j, "max_line_size", TSDB_LOG_LINE_MAX);
    put_flag(&j, "max_line_size_truncate", false);
    put_pair(&j, "max_query_bytes_read", "0B");
    put_pair(&j, "max_query_length", "0s");
    put_pair(&j, "max_query_lookback", "0s");
    put_pair(&j, "max_query_range", "0s");
    put_flag(&j, "metric_aggregation_enabled", false);
    put_flag(&j, "pattern_persistence_enabled", false);
    put_period(&j, "query_timeout", atomic_load(&api->query_timeout));
    put_period(&j, "retention_period", atomic_load(&api->retention));
    put_flag(&j, "volume_enabled", true);
    json_end_object(&j);
    put_flag(&j, "pattern_ingester_enabled", true);
    put_pair(&j, "version", LOKI_VERSION);
    json_end_object(&j);
    reply_json(x, &j);
}

static void handle_format(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_format);
}

/* Read, the list of what is still to be done: nothing. */
static void handle_delete(void *arg, struct exchange *x)
{
    if (text_equal(exchange_method(x), text_of("POST")) ||
        text_equal(exchange_method(x), text_of("PUT")))
        api_submit(arg, x, run_delete);
    else
        reply_whole(x, "application/json", (struct bytes){(const uint8_t *)"[]\n", 3});
}

/* ---- the routes ----------------------------------------------------------------------------- */

static const struct exchange_route routes[] = {
    {"GET POST", LOKI_API "/query", SCOPE_QUERY, handle_loki_query, NULL},
    {"GET POST", LOKI_API "/query_range", SCOPE_QUERY, handle_loki_query_range, NULL},
    {"GET POST", LOKI_API "/labels", SCOPE_QUERY, handle_loki_labels, NULL},
    {"GET POST", LOKI_API "/label", SCOPE_QUERY, handle_loki_labels, NULL},
    {"GET POST", LOKI_API "/label/", SCOPE_QUERY, handle_loki_label_values, NULL},
    {"GET POST", LOKI_API "/series", SCOPE_QUERY, handle_loki_series, NULL},
    {"GET POST", LOKI_API "/index/stats", SCOPE_QUERY, handle_loki_stats, NULL},
    {"GET POST", LOKI_API "/index/volume", SCOPE_QUERY, handle_loki_volume, NULL},
    {"GET POST", LOKI_API "/index/volume_range", SCOPE_QUERY, handle_loki_volume_range, NULL},
    {"GET POST", LOKI_API "/patterns", SCOPE_QUERY, handle_loki_patterns, NULL},
    {"GET POST", LOKI_API "/detected_labels", SCOPE_QUERY, handle_loki_detected_labels, NULL},
    {"GET POST", LOKI_API "/detected_fields", SCOPE_QUERY, handle_loki_detected_fields, NULL},
    {"GET POST", LOKI_API "/detected_field/", SCOPE_QUERY, handle_loki_field_values, NULL},
    {"GET POST", LOKI_API "/format_query", SCOPE_QUERY, handle_format, NULL},
    {"GET", LOKI_API "/tail", SCOPE_QUERY, handle_loki_tail, NULL},
    {"GET", LOKI_API "/drilldown-limits", SCOPE_QUERY, handle_drilldown_limits, NULL},
    {"GET", LOKI_API "/status/buildinfo", SCOPE_QUERY, handle_buildinfo_of_logs, NULL},
    {"GET", LOKI_API "/rules", SCOPE_QUERY, handle_rules_of_logs, NULL},
    {"GET POST PUT", LOKI_API "/delete", SCOPE_ADMIN, handle_delete, NULL},
};

static_assert(sizeof routes / sizeof routes[0] <= LOKI_ROUTES_MAX, "callers have room");

size_t loki_routes(struct exchange_route *out)
{
    memcpy(out, routes, sizeof routes);
    return sizeof routes / sizeof routes[0];
}
