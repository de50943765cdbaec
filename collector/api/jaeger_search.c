#include "collector/api/attribute.h"
#include "collector/api/jaeger.h"
#include "collector/api/jaeger_trace.h"
#include "collector/api/otlp_trace.h"
#include "collector/api/param.h"
#include "collector/api/tempo.h"
#include "collector/api/trace_run.h"
#include "collector/api/trace_text.h"
#include "collector/self/rfc3339.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <string.h>

/* One search and its answer. */
struct search {
    struct request *r;
    struct trace_filter filter; /* released when the search has ended */
    struct tsdb_trace_options options;
    uint64_t found;
};

static bool ask_duration(struct request *r, struct tsdb_text text, const char *name, int64_t *ns)
{
    struct tsdb_error err = {0};
    if (text.len == 0 || param_go_duration(text, ns, &err) == TSDB_OK)
        return true;
    reply_fail(&r->reply, REPLY_BAD_DATA, "malformed parameter %s: %s", name, err.msg);
    return false;
}

static bool ask_limit(struct search *s, struct tsdb_text text, const char *name)
{
    uint64_t limit = JAEGER_LIMIT;
    struct tsdb_error err = {0};
    bool is_number = text.len == 0 || param_limit(text, &limit, &err) == TSDB_OK;
    s->options.limit = (uint32_t)limit;
    if (is_number && limit >= 1 && limit <= JAEGER_LIMIT_MAX)
        return true;
    reply_fail(&s->r->reply, REPLY_BAD_DATA, "malformed parameter %s: want 1 to %d", name,
               JAEGER_LIMIT_MAX);
    return false;
}

static bool check_range(const struct search *s)
{
    if (s->options.start < s->options.end)
        return true;
    reply_fail(&s->r->reply, REPLY_BAD_DATA, "the start of the search must be before its end");
    return false;
}

static void filter_durations(struct search *s, int64_t min, int64_t max)
{
    if (min > 0)
        trace_filter_duration(&s->filter, "duration", ">=", min);
    if (max > 0)
        trace_filter_duration(&s->filter, "duration", "<=", max);
}

static void filter_names(struct search *s, struct tsdb_text service, struct tsdb_text operation)
{
    if (service.len > 0)
        trace_filter_equal(&s->filter, "resource.service.name", service);
    if (operation.len > 0)
        trace_filter_equal(&s->filter, "name", operation);
}

static bool filter_object(struct search *s, struct tsdb_text object, const char *name)
{
    if (object.len == 0 || trace_filter_json(&s->filter, object))
        return true;
    reply_fail(&s->r->reply, REPLY_BAD_DATA,
               "malformed parameter %s: want an object of texts in JSON", name);
    return false;
}

/* ---- parameters of version 1 --------------------------------------------------------------- */

/* tag=name:value, as often as it is there. */
static bool filter_tags(struct search *s)
{
    for (size_t i = 0; i < s->r->form.count; i++) {
        const struct form_pair *pair = &s->r->form.pairs[i];
        if (!text_equal(pair->name, text_of("tag")))
            continue;
        const char *colon = memchr(pair->value.at, ':', pair->value.len);
        size_t n = colon ? (size_t)(colon - pair->value.at) : 0;
        if (n == 0) {
            reply_fail(&s->r->reply, REPLY_BAD_DATA, "malformed parameter tag: want name:value");
            return false;
        }
        trace_filter_tag(&s->filter, (struct tsdb_text){pair->value.at, n},
                         (struct tsdb_text){colon + 1, pair->value.len - n - 1}, TAG_JAEGER);
    }
    return true;
}

static bool ask(struct search *s)
{
    struct request *r = s->r;
    int64_t min = 0, max = 0;
    s->options.end = clock_wall_ns(r->api->options.clock);
    if (!jaeger_time(r, "end", &s->options.end))
        return false;
    s->options.start = s->options.end - 2 * NS_PER_DAY;
    filter_names(s, request_param(r, "service"), request_param(r, "operation"));
    if (!jaeger_time(r, "start", &s->options.start) || !check_range(s) ||
        !ask_limit(s, request_param(r, "limit"), "limit") ||
        !ask_duration(r, request_param(r, "minDuration"), "minDuration", &min) ||
        !ask_duration(r, request_param(r, "maxDuration"), "maxDuration", &max) || !filter_tags(s) ||
        !filter_object(s, request_param(r, "tags"), "tags"))
        return false;
    filter_durations(s, min, max);
    return true;
}

/* ---- parameters of version 3 --------------------------------------------------------------- */

/* A plus that was not escaped is a space by now: "2026-01-02T03:04:05 02:00". */
static bool parse_time(struct tsdb_text text, int64_t *ns)
{
    char copy[RFC3339_MAX];
    if (text.len < sizeof "00:00" || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.at, text.len);
    char *sign = &copy[text.len - sizeof "00:00"];
    if (*sign == ' ')
        *sign = '+';
    return rfc3339_parse((struct tsdb_text){copy, text.len}, ns);
}

static bool ask_time_3(struct request *r, const char *name, const char *other, bool is_wanted,
                       int64_t *ns)
{
    struct tsdb_text text = jaeger_param(r, name, other);
    if (text.len == 0 && !is_wanted)
        return true;
    if (text.len == 0)
        reply_fail(&r->reply, REPLY_BAD_DATA, "%s is required", name);
    else if (parse_time(text, ns))
        return true;
    else
        reply_fail(&r->reply, REPLY_BAD_DATA,
                   "malformed parameter %s: want a time of RFC 3339, got \"%.*s\"", name,
                   text.len > 100 ? 100 : (int)text.len, text.at);
    return false;
}

static bool ask_3(struct search *s)
{
    struct request *r = s->r;
    int64_t min = 0, max = 0;
    struct tsdb_text depth = jaeger_param(r, "query.searchDepth", "query.search_depth");
    if (depth.len == 0)
        depth = request_param(r, "query.num_traces");
    filter_names(s, jaeger_param(r, "query.serviceName", "query.service_name"),
                 jaeger_param(r, "query.operationName", "query.operation_name"));
    if (!ask_time_3(r, "query.startTimeMin", "query.start_time_min", true, &s->options.start) ||
        !ask_time_3(r, "query.startTimeMax", "query.start_time_max", true, &s->options.end) ||
        !check_range(s) || !ask_limit(s, depth, "query.searchDepth") ||
        !ask_duration(r, jaeger_param(r, "query.durationMin", "query.duration_min"),
                      "query.durationMin", &min) ||
        !ask_duration(r, jaeger_param(r, "query.durationMax", "query.duration_max"),
                      "query.durationMax", &max) ||
        !filter_object(s, request_param(r, "query.attributes"), "query.attributes"))
        return false;
    filter_durations(s, min, max);
    return true;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* Each trace that was found, whole; those that have gone meanwhile are passed over. */
static enum tsdb_status read_traces(struct search *s, struct tsdb_trace_query *query,
                                    void (*put)(struct search *s, const struct tsdb_trace *trace),
                                    struct tsdb_error *err)
{
    struct tsdb_found_trace found;
    enum tsdb_status st;
    while ((st = tsdb_trace_query_trace(query, &found, err)) == TSDB_OK) {
        struct tsdb_trace *trace = NULL;
        st = jaeger_read(s->r, &found, &trace, err);
        if (st == TSDB_ENOTFOUND)
            continue;
        if (st != TSDB_OK)
            return st;
        put(s, trace);
        s->found++;
        tsdb_trace_free(trace);
        if (reply_is_gone(&s->r->reply))
            return TSDB_ECANCELED;
    }
    return st == TSDB_END ? TSDB_OK : st;
}

static void put_jaeger(struct search *s, const struct tsdb_trace *trace)
{
    jaeger_trace_json(&s->r->reply.json, trace);
}

static enum tsdb_status read_search(void *arg, struct tsdb_trace_query *query,
                                    struct tsdb_error *err)
{
    struct search *s = arg;
    jaeger_begin(s->r);
    return read_traces(s, query, put_jaeger, err);
}

static void finish_search(void *arg, const struct tsdb_trace_stats *stats)
{
    struct search *s = arg;
    (void)stats;
    jaeger_end(s->r, s->found);
}

static void begin_result(struct request *r)
{
    reply_begin_bare(&r->reply);
    json_object(&r->reply.json);
    json_key(&r->reply.json, "result");
    json_object(&r->reply.json);
    json_key(&r->reply.json, "resourceSpans");
    json_array(&r->reply.json);
}

static void end_result(struct request *r)
{
    json_end_array(&r->reply.json);
    json_end_object(&r->reply.json);
    json_end_object(&r->reply.json);
    reply_end(&r->reply);
}

static void put_otlp(struct search *s, const struct tsdb_trace *trace)
{
    if (s->found == 0)
        begin_result(s->r);
    otlp_trace_json(&s->r->reply.json, trace, OTLP_JSON);
}

static enum tsdb_status read_search_3(void *arg, struct tsdb_trace_query *query,
                                      struct tsdb_error *err)
{
    return read_traces(arg, query, put_otlp, err);
}

static void finish_search_3(void *arg, const struct tsdb_trace_stats *stats)
{
    struct search *s = arg;
    (void)stats;
    if (s->found == 0)
        reply_fail(&s->r->reply, REPLY_NOT_FOUND, "No traces found");
    else
        end_result(s->r);
}

/* ---- summaries ------------------------------------------------------------------------------ */

static void put_count(struct json *j, const char *key, uint64_t n)
{
    json_key(j, key);
    json_u64(j, n);
}

static void put_services(struct json *j, const struct tsdb_found_trace *t)
{
    json_key(j, "services");
    json_array(j);
    for (uint32_t i = 0; i < t->service_count; i++) {
        json_object(j);
        json_key(j, "name");
        json_text(j, t->services[i].service);
        put_count(j, "spanCount", t->services[i].spans);
        put_count(j, "errorSpanCount", t->services[i].errors);
        json_end_object(j);
    }
    json_end_array(j);
}

static void put_summary(struct json *j, const struct tsdb_found_trace *t)
{
    int64_t end;
    uint64_t spans = 0, errors = 0;
    if (__builtin_add_overflow(t->start, t->duration, &end))
        end = INT64_MAX;
    for (uint32_t i = 0; i < t->service_count; i++) {
        spans += t->services[i].spans;
        errors += t->services[i].errors;
    }
    json_object(j);
    json_key(j, "traceId");
    attribute_hex_json(j, t->id.at, sizeof t->id.at);
    json_key(j, "rootServiceName");
    json_text(j, t->root_service);
    json_key(j, "rootOperationName");
    json_text(j, t->root_name);
    json_key(j, "minStartTimeUnixNano");
    attribute_i64_json(j, t->start);
    json_key(j, "maxEndTimeUnixNano");
    attribute_i64_json(j, end);
    put_count(j, "spanCount", spans);
    put_count(j, "errorSpanCount", errors);
    put_services(j, t);
    json_end_object(j);
}

static enum tsdb_status read_summaries(void *arg, struct tsdb_trace_query *query,
                                       struct tsdb_error *err)
{
    struct search *s = arg;
    struct tsdb_found_trace t;
    enum tsdb_status st;
    reply_begin_bare(&s->r->reply);
    json_object(&s->r->reply.json);
    json_key(&s->r->reply.json, "summaries");
    json_array(&s->r->reply.json);
    while ((st = tsdb_trace_query_trace(query, &t, err)) == TSDB_OK) {
        put_summary(&s->r->reply.json, &t);
        if (reply_is_gone(&s->r->reply))
            return TSDB_ECANCELED;
    }
    return st == TSDB_END ? TSDB_OK : st;
}

static void finish_summaries(void *arg, const struct tsdb_trace_stats *stats)
{
    struct search *s = arg;
    (void)stats;
    json_end_array(&s->r->reply.json);
    json_end_object(&s->r->reply.json);
    reply_end(&s->r->reply);
}

/* ---- running -------------------------------------------------------------------------------- */

static void run(struct request *r, bool (*ask_all)(struct search *s), const struct trace_work *how)
{
    struct search s = {.r = r};
    struct trace_work work = *how;
    work.arg = &s;
    s.options.spans_per_set = 1; /* none is shown */
    if (ask_all(&s))
        (void)trace_run(r, trace_filter_end(&s.filter), &s.options, &work); /* answered anyway */
    writer_release(&s.filter.text);
}

/* traceID=ID, as often as it is there: these, and no search.  False: answered. */
static bool put_named(struct request *r, uint64_t *count)
{
    struct tsdb_trace *trace;
    struct tsdb_trace_id id;
    for (size_t i = 0; i < r->form.count && *count < JAEGER_LIMIT_MAX; i++) {
        const struct form_pair *pair = &r->form.pairs[i];
        if (!text_equal(pair->name, text_of("traceID")))
            continue;
        if (!tempo_trace_id(pair->value, &id)) {
            reply_fail(&r->reply, REPLY_BAD_DATA, "malformed parameter traceID");
            return false;
        }
        if (!tempo_read_trace(r, &id, 0, 0, &trace))
            return false;
        if (trace)
            jaeger_trace_json(&r->reply.json, trace);
        *count += trace != NULL;
        tsdb_trace_free(trace);
    }
    return true;
}

static void run_search(struct request *r)
{
    static const struct trace_work work = {read_search, finish_search, NULL};
    uint64_t count = 0;
    if (request_param(r, "traceID").len == 0) {
        run(r, ask, &work);
        return;
    }
    jaeger_begin(r);
    if (put_named(r, &count))
        jaeger_end(r, count);
}

static void run_search_3(struct request *r)
{
    static const struct trace_work work = {read_search_3, finish_search_3, NULL};
    run(r, ask_3, &work);
}

static void run_summaries(struct request *r)
{
    static const struct trace_work work = {read_summaries, finish_summaries, NULL};
    run(r, ask_3, &work);
}

/* ---- one trace ------------------------------------------------------------------------------ */

/* False: answered; that there is none, too. */
static bool read_one(struct request *r, struct tsdb_text text, int64_t start, int64_t end,
                     struct tsdb_trace **out)
{
    struct tsdb_trace_id id;
    if (!tempo_trace_id(text, &id)) {
        reply_fail(&r->reply, REPLY_BAD_DATA,
                   "malformed trace ID: want at most 32 hexadecimal digits, got \"%.*s\"",
                   text.len > 100 ? 100 : (int)text.len, text.at);
        return false;
    }
    if (!tempo_read_trace(r, &id, start, end, out))
        return false;
    if (!*out)
        reply_fail(&r->reply, REPLY_NOT_FOUND, "trace not found");
    return *out != NULL;
}

/* Without a range: 0, 0; with half of one, the other half is all of time. */
static void open_range(bool has_range, int64_t *start, int64_t *end)
{
    *start = has_range ? INT64_MIN : 0;
    *end = has_range ? INT64_MAX : 0;
}

static void run_trace(struct request *r)
{
    struct tsdb_text id;
    struct tsdb_trace *trace;
    int64_t start, end;
    open_range(request_param(r, "start").len > 0 || request_param(r, "end").len > 0, &start, &end);
    if (!request_path_part(r, "/api/traces/", "", &id) || !jaeger_time(r, "start", &start) ||
        !jaeger_time(r, "end", &end) || !read_one(r, id, start, end, &trace))
        return;
    jaeger_begin(r);
    jaeger_trace_json(&r->reply.json, trace);
    jaeger_end(r, 1);
    tsdb_trace_free(trace);
}

static void run_trace_3(struct request *r)
{
    struct tsdb_text id;
    struct tsdb_trace *trace;
    int64_t start, end;
    open_range(jaeger_param(r, "startTime", "start_time").len > 0 ||
                   jaeger_param(r, "endTime", "end_time").len > 0,
               &start, &end);
    if (!request_path_part(r, "/api/v3/traces/", "", &id) ||
        !ask_time_3(r, "startTime", "start_time", false, &start) ||
        !ask_time_3(r, "endTime", "end_time", false, &end) || !read_one(r, id, start, end, &trace))
        return;
    begin_result(r);
    otlp_trace_json(&r->reply.json, trace, OTLP_JSON);
    end_result(r);
    tsdb_trace_free(trace);
}

/* ---- handlers -------------------------------------------------------------------------------- */

void handle_jaeger_traces(void *arg, struct exchange *x)
{
    api_submit_as(arg, x, REPLY_JAEGER, run_search);
}

void handle_jaeger_traces_3(void *arg, struct exchange *x)
{
    api_submit_as(arg, x, REPLY_JAEGER_3, run_search_3);
}

void handle_jaeger_summaries(void *arg, struct exchange *x)
{
    api_submit_as(arg, x, REPLY_JAEGER_3, run_summaries);
}

void handle_jaeger_trace(void *arg, struct exchange *x)
{
    api_submit_as(arg, x, REPLY_JAEGER, run_trace);
}

void handle_jaeger_trace_3(void *arg, struct exchange *x)
{
    api_submit_as(arg, x, REPLY_JAEGER_3, run_trace_3);
}
