#include "collector/api/correlate.h"

#include "collector/api/found_trace.h"
#include "collector/api/loki.h"
#include "collector/api/loki_streams.h"
#include "collector/api/tempo.h"
#include "collector/api/trace_run.h"
#include "collector/api/trace_text.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

enum {
    SERVICES_MAX = 32, /* looked for; a trace may have more */
    LIMIT = 50,
    LIMIT_MAX = 1000,
    SELECTORS = 3, /* of a service: service_name, service, job */
};
#define WINDOW (60 * NS_PER_S)
#define WINDOW_MAX NS_PER_DAY

struct correlation {
    struct request *r;
    bool has_trace, has_span;
    struct tsdb_trace_id trace_id;
    struct tsdb_span_id span_id;
    struct tsdb_text trace_hex, span_hex; /* as logs and exemplars have them */
    int64_t start, end;                   /* ns */
    int64_t window;
    uint64_t limit;
    struct tsdb_trace *trace; /* owned; NULL: not asked for, or not here */
    struct tsdb_text services[SERVICES_MAX];
    uint32_t service_count;
    struct writer text; /* of queries */
};

static struct tsdb_text text_of_writer(const struct writer *w)
{
    return (struct tsdb_text){(const char *)w->at, w->len};
}

/* ---- what is asked ------------------------------------------------------------------------ */

static struct tsdb_text hex_in_arena(struct request *r, const uint8_t *at, size_t len)
{
    char *out = ARENA_ARRAY(request_arena(r), char, 2 * len);
    return out ? (struct tsdb_text){out, hex_encode(at, len, out)} : (struct tsdb_text){"", 0};
}

static bool ask_trace(struct correlation *c)
{
    struct tsdb_text trace = request_param(c->r, "trace_id"), span = request_param(c->r, "span_id");
    struct tsdb_trace_id wide;
    c->has_trace = trace.len > 0;
    c->has_span = span.len > 0;
    if (c->has_trace && !tempo_trace_id(trace, &c->trace_id)) {
        reply_fail(&c->r->reply, REPLY_BAD_DATA, "trace_id is at most 32 hexadecimal digits");
        return false;
    }
    if (c->has_span &&
        (!c->has_trace || span.len > 2 * TSDB_SPAN_ID_BYTES || !tempo_trace_id(span, &wide))) {
        reply_fail(&c->r->reply, REPLY_BAD_DATA,
                   "span_id is at most 16 hexadecimal digits, beside a trace_id");
        return false;
    }
    c->trace_hex = hex_in_arena(c->r, c->trace_id.at, sizeof c->trace_id.at);
    if (c->has_span) {
        memcpy(c->span_id.at, wide.at + sizeof wide.at - sizeof c->span_id.at,
               sizeof c->span_id.at);
        c->span_hex = hex_in_arena(c->r, c->span_id.at, sizeof c->span_id.at);
    }
    return true;
}

static bool ask(struct correlation *c)
{
    struct tsdb_text service = request_param(c->r, "service");
    int64_t time = clock_wall_ns(c->r->api->options.clock);
    c->window = WINDOW;
    c->limit = LIMIT;
    if (!ask_trace(c) || !request_time(c->r, "time", &time) ||
        !request_duration(c->r, "window", &c->window) ||
        !request_count(c->r, "limit", LIMIT_MAX, &c->limit))
        return false;
    if (!c->has_trace == (service.len == 0)) {
        reply_fail(&c->r->reply, REPLY_BAD_DATA, "one of trace_id and service is wanted");
        return false;
    }
    if (c->window <= 0 || c->window > WINDOW_MAX) {
        reply_fail(&c->r->reply, REPLY_BAD_DATA, "window is more than 0 and at most 1d");
        return false;
    }
    c->start = time - c->window;
    c->end = time + c->window;
    if (service.len > 0)
        c->services[c->service_count++] = service;
    return true;
}

/* ---- the trace ---------------------------------------------------------------------------- */

static struct tsdb_text service_of(const struct tsdb_span_source *source)
{
    for (uint32_t i = 0; i < source->resource.count; i++) {
        const struct tsdb_field *f = &source->resource.at[i];
        if (f->type == TSDB_FIELD_STRING && text_equal(f->name, text_of("service.name")))
            return f->text;
    }
    return (struct tsdb_text){"", 0};
}

static void add_service(struct correlation *c, struct tsdb_text service)
{
    for (uint32_t i = 0; i < c->service_count; i++)
        if (text_equal(c->services[i], service))
            return;
    if (service.len > 0 && c->service_count < SERVICES_MAX)
        c->services[c->service_count++] = service;
}

static bool is_asked(const struct correlation *c, const struct tsdb_span *s)
{
    return !c->has_span || memcmp(s->span_id.at, c->span_id.at, sizeof c->span_id.at) == 0;
}

/* Services and range of the trace, or of the span of it that was asked for. */
static bool read_trace(struct correlation *c)
{
    if (!c->has_trace)
        return true;
    if (!tempo_read_trace(c->r, &c->trace_id, 0, 0, &c->trace))
        return false;
    int64_t start = INT64_MAX, end = INT64_MIN;
    for (uint32_t i = 0; c->trace && i < c->trace->span_count; i++) {
        const struct tsdb_span *s = &c->trace->spans[i];
        if (!is_asked(c, s))
            continue;
        add_service(c, service_of(&c->trace->sources[s->source]));
        start = s->start < start ? s->start : start;
        end = s->end > end ? s->end : end;
        end = s->start > end ? s->start : end;
    }
    if (start <= end && start > INT64_MIN + c->window && end < INT64_MAX - c->window) {
        c->start = start - c->window;
        c->end = end + c->window;
    }
    return true;
}

/* The trace as a search would show it. */
static void put_read_trace(struct correlation *c)
{
    const struct tsdb_trace *t = c->trace;
    struct tsdb_service_count counts[SERVICES_MAX];
    struct tsdb_found_trace found = {.id = t->id, .services = counts};
    int64_t end = INT64_MIN;
    const struct tsdb_span *root = NULL;
    for (uint32_t i = 0; i < t->span_count; i++) {
        const struct tsdb_span *s = &t->spans[i];
        struct tsdb_text service = service_of(&t->sources[s->source]);
        uint32_t k = 0;
        while (k < found.service_count && !text_equal(counts[k].service, service))
            k++;
        if (k == found.service_count && k < SERVICES_MAX)
            counts[found.service_count++] = (struct tsdb_service_count){.service = service};
        if (k < SERVICES_MAX) {
            counts[k].spans++;
            counts[k].errors += s->status == TSDB_STATUS_ERROR;
        }
        if (!root && memcmp(s->parent_id.at, (struct tsdb_span_id){0}.at, TSDB_SPAN_ID_BYTES) == 0)
            root = s;
        end = s->end > end ? s->end : end;
    }
    found.start = t->spans[0].start;
    found.duration = end > found.start ? end - found.start : 0;
    found.root_name = root ? root->name : text_of("<root span not yet received>");
    found.root_service = root ? service_of(&t->sources[root->source]) : (struct tsdb_text){"", 0};
    found_trace_json(&c->r->reply.json, &found);
}

static enum tsdb_status put_found(void *arg, struct tsdb_trace_query *query, struct tsdb_error *err)
{
    struct correlation *c = arg;
    struct tsdb_found_trace found;
    enum tsdb_status st;
    while ((st = tsdb_trace_query_trace(query, &found, err)) == TSDB_OK)
        found_trace_json(&c->r->reply.json, &found);
    return st == TSDB_END ? TSDB_OK : st;
}

static bool put_traces(struct correlation *c)
{
    struct json *j = &c->r->reply.json;
    bool is_well = true;
    json_key(j, "traces");
    json_array(j);
    if (c->trace && c->trace->span_count > 0) {
        put_read_trace(c);
    } else if (!c->has_trace) {
        struct trace_filter filter = {0};
        trace_filter_equal(&filter, "resource.service.name", c->services[0]);
        struct tsdb_trace_options options = {
            .start = c->start, .end = c->end, .limit = (uint32_t)c->limit};
        const struct trace_work work = {put_found, NULL, c};
        is_well = trace_run(c->r, trace_filter_end(&filter), &options, &work);
        writer_release(&filter.text);
    }
    json_end_array(j);
    return is_well;
}

/* ---- logs ----------------------------------------------------------------------------------- */

static void put_quoted(struct writer *w, struct tsdb_text text)
{
    writer_u8(w, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.at[i];
        if (c < 0x20 || c == 0x7f)
            writer_format(w, "\\x%02x", c);
        else {
            if (c == '"' || c == '\\')
                writer_u8(w, '\\');
            writer_u8(w, c);
        }
    }
    writer_u8(w, '"');
}

/* The text as a regular expression of its own, inside a quoted text. */
static void put_regex(struct writer *w, struct tsdb_text text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.at[i];
        if (c < 0x20 || c == 0x7f || c == '"')
            writer_format(w, "\\\\x%02x", c);
        else {
            if (strchr(".+*?()|[]{}^$\\", c))
                writer_text(w, c == '\\' ? "\\\\\\" : "\\\\");
            writer_u8(w, c);
        }
    }
}

static void write_log_query(struct correlation *c)
{
    struct writer *w = &c->text;
    writer_reset(w);
    writer_text(w, "{service_name=~\"");
    if (c->service_count == 0)
        writer_text(w, ".+");
    for (uint32_t i = 0; i < c->service_count; i++) {
        if (i > 0)
            writer_u8(w, '|');
        put_regex(w, c->services[i]);
    }
    writer_text(w, "\"}");
    if (c->has_trace) {
        writer_text(w, " | trace_id=");
        put_quoted(w, c->trace_hex);
    }
    if (c->has_span) {
        writer_text(w, " | span_id=");
        put_quoted(w, c->span_hex);
    }
}

static bool add_entry(void *arg, const struct tsdb_log_entry *entry)
{
    return loki_streams_add(arg, entry);
}

static bool put_logs(struct correlation *c)
{
    struct json *j = &c->r->reply.json;
    struct tsdb_log_options options = {.start = c->start, .end = c->end, .limit = c->limit};
    struct loki_streams streams;
    write_log_query(c);
    loki_streams_init(&streams, request_arena(c->r), true, false);
    bool is_well = loki_each_entry(c->r, text_of_writer(&c->text), &options, add_entry, &streams);
    if (is_well) {
        json_key(j, "logs");
        json_object(j);
        json_key(j, "query");
        json_text(j, text_of_writer(&c->text));
        json_key(j, "streams");
        loki_streams_write(&streams, j);
        json_end_object(j);
    }
    loki_streams_release(&streams);
    return is_well;
}

/* ---- metrics --------------------------------------------------------------------------------- */

/* The selectors of all services, in the arena. */
static uint32_t write_selectors(struct correlation *c, struct tsdb_text *out)
{
    static const char *const heads[SELECTORS] = {"{service_name=~\"", "{service=~\"",
                                                 "{job=~\"(?:.*/)?(?:"};
    static const char *const tails[SELECTORS] = {"\"}", "\"}", ")\"}"};
    uint32_t count = 0;
    for (uint32_t k = 0; c->service_count > 0 && k < SELECTORS; k++) {
        writer_reset(&c->text);
        writer_text(&c->text, heads[k]);
        for (uint32_t i = 0; i < c->service_count; i++) {
            if (i > 0)
                writer_u8(&c->text, '|');
            put_regex(&c->text, c->services[i]);
        }
        writer_text(&c->text, tails[k]);
        char *at = ARENA_ARRAY(request_arena(c->r), char, c->text.len);
        if (!at)
            break;
        memcpy(at, c->text.at, c->text.len);
        out[count++] = (struct tsdb_text){at, c->text.len};
    }
    return count;
}

static bool put_series(void *arg, struct tsdb_labels labels)
{
    struct json *j = arg;
    json_labels(j, labels);
    return !j->is_gone;
}

struct exemplar_visit {
    struct correlation *c;
    uint64_t count;
};

static bool put_exemplar(void *arg, struct tsdb_labels series, const struct tsdb_exemplar *e)
{
    struct exemplar_visit *v = arg;
    struct json *j = &v->c->r->reply.json;
    for (uint32_t i = 0; i < e->labels.count; i++) {
        if (!text_equal(e->labels.at[i].name, text_of("trace_id")) ||
            !text_equal(e->labels.at[i].value, v->c->trace_hex))
            continue;
        json_object(j);
        json_key(j, "seriesLabels");
        json_labels(j, series);
        json_key(j, "labels");
        json_labels(j, e->labels);
        json_key(j, "value");
        json_value(j, e->value);
        json_key(j, "timestamp");
        json_time(j, e->ts);
        json_end_object(j);
        v->count++;
    }
    return v->count < v->c->limit && !j->is_gone;
}

static enum tsdb_status put_exemplars(struct correlation *c, const struct tsdb_scope *scope,
                                      struct tsdb_error *err)
{
    struct exemplar_visit visit = {c, 0};
    if (!c->has_trace || scope->selector_count == 0)
        return TSDB_OK;
    writer_reset(&c->text);
    for (uint32_t i = 0; i < scope->selector_count; i++) {
        if (i > 0)
            writer_text(&c->text, " or ");
        writer_put(&c->text, scope->selectors[i].at, scope->selectors[i].len);
    }
    return tsdb_exemplars(c->r->api->options.db, text_of_writer(&c->text), scope, put_exemplar,
                          &visit, err);
}

static bool put_metrics(struct correlation *c)
{
    struct json *j = &c->r->reply.json;
    struct tsdb_error err = {0};
    struct tsdb_text selectors[SELECTORS];
    struct tsdb_scope scope = {.tenant = request_tenant(c->r),
                               .selectors = selectors,
                               .selector_count = write_selectors(c, selectors),
                               .start = c->start,
                               .end = c->end,
                               .limit = c->limit};
    json_key(j, "metrics");
    json_object(j);
    json_key(j, "queries");
    json_array(j);
    for (uint32_t i = 0; i < scope.selector_count; i++)
        json_text(j, selectors[i]);
    json_end_array(j);
    json_key(j, "series");
    json_array(j);
    enum tsdb_status st = TSDB_OK;
    if (scope.selector_count > 0)
        st = tsdb_series(c->r->api->options.db, &scope, put_series, j, &err);
    json_end_array(j);
    json_end_object(j);
    json_key(j, "exemplars");
    json_array(j);
    if (st == TSDB_OK)
        st = put_exemplars(c, &scope, &err);
    json_end_array(j);
    if (st != TSDB_OK)
        request_fail_engine(c->r, st, &err, NULL);
    return st == TSDB_OK;
}

/* ---- the answer --------------------------------------------------------------------------------
 */

static void put_head(struct correlation *c)
{
    struct json *j = &c->r->reply.json;
    json_key(j, "range");
    json_object(j);
    json_key(j, "start");
    json_time(j, c->start);
    json_key(j, "end");
    json_time(j, c->end);
    json_end_object(j);
    json_key(j, "services");
    json_array(j);
    for (uint32_t i = 0; i < c->service_count; i++)
        json_text(j, c->services[i]);
    json_end_array(j);
}

static void run_correlate(struct request *r)
{
    struct correlation c = {.r = r};
    if (ask(&c) && read_trace(&c)) {
        reply_begin(&r->reply);
        json_object(&r->reply.json);
        put_head(&c);
        if (put_traces(&c) && put_logs(&c) && put_metrics(&c)) {
            json_end_object(&r->reply.json);
            reply_end(&r->reply);
        }
    }
    tsdb_trace_free(c.trace);
    writer_release(&c.text);
}

void handle_correlate(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_correlate);
}
