#include "collector/api/jaeger.h"

#include "collector/api/jaeger_trace.h"
#include "collector/api/param.h"
#include "collector/api/tempo.h"
#include "collector/api/trace_text.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <string.h>

void jaeger_begin(struct request *r)
{
    reply_begin_bare(&r->reply);
    json_object(&r->reply.json);
    json_key(&r->reply.json, "data");
    json_array(&r->reply.json);
}

void jaeger_end(struct request *r, uint64_t total)
{
    struct json *j = &r->reply.json;
    json_end_array(j);
    json_key(j, "total");
    json_u64(j, total);
    json_key(j, "limit");
    json_u64(j, 0);
    json_key(j, "offset");
    json_u64(j, 0);
    json_key(j, "errors");
    json_null(j);
    json_end_object(j);
    reply_end(&r->reply);
}

struct tsdb_text jaeger_param(const struct request *r, const char *name, const char *other)
{
    struct tsdb_text text = request_param(r, name);
    return text.len > 0 ? text : request_param(r, other);
}

bool jaeger_time(struct request *r, const char *name, int64_t *ns)
{
    static const struct {
        uint64_t below;
        int64_t unit;
    } units[] = {{UINT64_C(100000000000), NS_PER_S},
                 {UINT64_C(100000000000000), NS_PER_MS},
                 {UINT64_C(100000000000000000), NS_PER_US}};
    uint64_t value;
    struct tsdb_error err = {0};
    struct tsdb_text text = request_param(r, name);
    if (text.len == 0)
        return true;
    if (param_limit(text, &value, &err) != TSDB_OK) {
        reply_fail(&r->reply, REPLY_BAD_DATA,
                   "unable to parse param '%s': want microseconds, got \"%.*s\"", name,
                   text.len > 100 ? 100 : (int)text.len, text.at);
        return false;
    }
    int64_t unit = 1;
    for (size_t i = sizeof units / sizeof units[0]; i-- > 0;)
        if (value < units[i].below)
            unit = units[i].unit;
    if (__builtin_mul_overflow((int64_t)value, unit, ns))
        *ns = INT64_MAX;
    return true;
}

enum tsdb_status jaeger_read(struct request *r, const struct tsdb_found_trace *found,
                             struct tsdb_trace **out, struct tsdb_error *err)
{
    struct tsdb_trace_id id = found->id;
    int64_t end;
    if (__builtin_add_overflow(found->start, found->duration, &end) || end == INT64_MAX)
        end = INT64_MAX - 1;
    return tsdb_trace_read(r->api->options.db, request_tenant(r), &id, found->start, end + 1, 0,
                           out, err);
}

/* ---- services and operations ----------------------------------------------------------------- */

struct listing {
    struct request *r;
    const char *kind; /* of the operations that come; NULL: names only */
    uint64_t count;
};

static bool put_text(void *arg, uint8_t type, struct tsdb_text value)
{
    struct listing *l = arg;
    (void)type;
    l->count++;
    json_text(&l->r->reply.json, value);
    return !reply_is_gone(&l->r->reply);
}

static bool put_operation(void *arg, uint8_t type, struct tsdb_text value)
{
    struct listing *l = arg;
    struct json *j = &l->r->reply.json;
    (void)type;
    l->count++;
    json_object(j);
    json_key(j, "name");
    json_text(j, value);
    json_key(j, "spanKind");
    json_word(j, l->kind);
    json_end_object(j);
    return !reply_is_gone(&l->r->reply);
}

static enum tsdb_status list(struct listing *l, struct tsdb_text query, bool is_service,
                             tsdb_trace_value_fn *fn, struct tsdb_error *err)
{
    struct api *api = l->r->api;
    const struct tsdb_trace_scope scope = {.tenant = request_tenant(l->r),
                                           .start =
                                               clock_wall_ns(api->options.clock) - JAEGER_SINCE,
                                           .end = INT64_MAX,
                                           .query = query};
    return tsdb_trace_tag_values(api->options.db, &scope,
                                 is_service ? TSDB_PLACE_RESOURCE : TSDB_PLACE_INTRINSIC,
                                 text_of(is_service ? "service.name" : "name"), fn, l, err);
}

static enum tsdb_status list_services(struct listing *l, struct tsdb_error *err)
{
    return list(l, (struct tsdb_text){0}, true, put_text, err);
}

/* kind: NULL: any, and then the names are put alone. */
static enum tsdb_status list_operations(struct listing *l, struct tsdb_text service,
                                        const char *kind, struct tsdb_error *err)
{
    struct trace_filter f = {0};
    if (service.len > 0)
        trace_filter_equal(&f, "resource.service.name", service);
    if (kind && strcmp(kind, "internal") == 0)
        trace_filter_raw(&f, "(kind = internal || kind = unspecified)");
    else if (kind)
        trace_filter_word(&f, "kind", kind);
    l->kind = kind;
    enum tsdb_status st =
        list(l, trace_filter_end(&f), false, kind ? put_operation : put_text, err);
    writer_release(&f.text);
    return st;
}

/* Those of one kind, or of each. */
static enum tsdb_status list_kinds(struct listing *l, struct tsdb_text service,
                                   struct tsdb_text want, struct tsdb_error *err)
{
    enum tsdb_status st = TSDB_OK;
    for (unsigned kind = TSDB_KIND_INTERNAL; kind <= TSDB_KIND_CONSUMER && st == TSDB_OK; kind++)
        if (want.len == 0 || text_equal(want, text_of(jaeger_kind(kind))))
            st = list_operations(l, service, jaeger_kind(kind), err);
    return st;
}

static void end(struct listing *l, enum tsdb_status st, const struct tsdb_error *err)
{
    if (st == TSDB_OK)
        jaeger_end(l->r, l->count);
    else
        request_fail_engine(l->r, st, err, NULL);
}

static void run_services(struct request *r)
{
    struct tsdb_error err = {0};
    struct listing l = {.r = r};
    jaeger_begin(r);
    end(&l, list_services(&l, &err), &err);
}

static void run_names(struct request *r)
{
    struct tsdb_error err = {0};
    struct tsdb_text service;
    struct listing l = {.r = r};
    if (!request_path_part(r, "/api/services/", "/operations", &service))
        return;
    jaeger_begin(r);
    end(&l, list_operations(&l, service, NULL, &err), &err);
}

static void run_operations(struct request *r)
{
    struct tsdb_error err = {0};
    struct listing l = {.r = r};
    struct tsdb_text service = request_param(r, "service");
    if (service.len == 0) {
        reply_fail(&r->reply, REPLY_BAD_DATA, "parameter 'service' is required");
        return;
    }
    jaeger_begin(r);
    end(&l, list_kinds(&l, service, request_param(r, "spanKind"), &err), &err);
}

/* ---- the same, version 3 -------------------------------------------------------------------- */

static void begin_3(struct request *r, const char *key)
{
    reply_begin_bare(&r->reply);
    json_object(&r->reply.json);
    json_key(&r->reply.json, key);
    json_array(&r->reply.json);
}

static void end_3(struct request *r, enum tsdb_status st, const struct tsdb_error *err)
{
    if (st != TSDB_OK) {
        request_fail_engine(r, st, err, NULL);
        return;
    }
    json_end_array(&r->reply.json);
    json_end_object(&r->reply.json);
    reply_end(&r->reply);
}

static void run_services_3(struct request *r)
{
    struct tsdb_error err = {0};
    struct listing l = {.r = r};
    begin_3(r, "services");
    end_3(r, list_services(&l, &err), &err);
}

static void run_operations_3(struct request *r)
{
    struct tsdb_error err = {0};
    struct listing l = {.r = r};
    begin_3(r, "operations");
    end_3(
        r,
        list_kinds(&l, request_param(r, "service"), jaeger_param(r, "spanKind", "span_kind"), &err),
        &err);
}

/* ---- handlers -------------------------------------------------------------------------------- */

static void handle_services(void *arg, struct exchange *x)
{
    api_submit_as(arg, x, REPLY_JAEGER, run_services);
}

static void handle_names(void *arg, struct exchange *x)
{
    api_submit_as(arg, x, REPLY_JAEGER, run_names);
}

static void handle_operations(void *arg, struct exchange *x)
{
    api_submit_as(arg, x, REPLY_JAEGER, run_operations);
}

static void handle_services_3(void *arg, struct exchange *x)
{
    api_submit_as(arg, x, REPLY_JAEGER_3, run_services_3);
}

static void handle_operations_3(void *arg, struct exchange *x)
{
    api_submit_as(arg, x, REPLY_JAEGER_3, run_operations_3);
}

/* At the root the path is Tempo's as well. */
static void handle_trace(void *arg, struct exchange *x)
{
    (tempo_takes_protobuf(x) ? handle_tempo_trace : handle_jaeger_trace)(arg, x);
}

#define MOUNTED(path, handler)                                                                     \
    {"GET", path, SCOPE_QUERY, handler, NULL},                                                     \
    {                                                                                              \
        "GET", "/jaeger" path, SCOPE_QUERY, handler, NULL                                          \
    }

static const struct exchange_route routes[] = {
    MOUNTED("/api/services", handle_services),
    MOUNTED("/api/services/", handle_names),
    MOUNTED("/api/operations", handle_operations),
    MOUNTED("/api/traces", handle_jaeger_traces),
    MOUNTED("/api/dependencies", handle_jaeger_dependencies),
    MOUNTED("/api/v3/services", handle_services_3),
    MOUNTED("/api/v3/operations", handle_operations_3),
    MOUNTED("/api/v3/traces", handle_jaeger_traces_3),
    MOUNTED("/api/v3/traces/", handle_jaeger_trace_3),
    MOUNTED("/api/v3/trace-summaries", handle_jaeger_summaries),
    {"GET", "/api/traces/", SCOPE_QUERY, handle_trace, NULL},
    {"GET", "/jaeger/api/traces/", SCOPE_QUERY, handle_jaeger_trace, NULL},
};

static_assert(sizeof routes / sizeof routes[0] <= JAEGER_ROUTES_MAX, "callers have room");

size_t jaeger_routes(struct exchange_route *out)
{
    memcpy(out, routes, sizeof routes);
    return sizeof routes / sizeof routes[0];
}
