#include "collector/api/otlp_trace.h"
#include "collector/api/run.h"
#include "collector/api/tempo.h"
#include "collector/api/tempo_answer.h"
#include "collector/net/protobuf.h"
#include "collector/self/counters.h"

#define PARTIAL_TEXT "the trace is not complete: it is too large, or a part is damaged"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

bool tempo_trace_id(struct tsdb_text text, struct tsdb_trace_id *out)
{
    *out = (struct tsdb_trace_id){0};
    if (text.len == 0 || text.len > 2 * sizeof out->at)
        return false;
    for (size_t i = 0; i < text.len; i++) { /* from the end */
        int digit = hex_digit(text.at[text.len - 1 - i]);
        if (digit < 0)
            return false;
        uint8_t *byte = &out->at[sizeof out->at - 1 - i / 2];
        *byte = (uint8_t)(*byte | digit << (i % 2 * 4));
    }
    return true;
}

bool tempo_read_trace(struct request *r, const struct tsdb_trace_id *id, int64_t start, int64_t end,
                      struct tsdb_trace **out)
{
    struct run run;
    struct tsdb_error err = {0};
    int64_t deadline;
    *out = NULL;
    if (!run_prepare(&run, r, &deadline))
        return false;
    int64_t began = clock_mono_ns(r->api->options.clock);
    enum tsdb_status st =
        tsdb_trace_read(r->api->options.db, request_tenant(r), id, start, end, 0, out, &err);
    counters_observe(QUERY_DURATION, AT(STAGE_RUN), clock_mono_ns(r->api->options.clock) - began);
    return run_end(&run, st == TSDB_ENOTFOUND ? TSDB_OK : st, &err);
}

/* False: answered. */
static bool ask_and_read(struct request *r, const char *before, struct tsdb_trace **out)
{
    struct tsdb_text text;
    struct tsdb_trace_id id;
    int64_t start = 0, end = 0;
    if (!request_path_part(r, before, "", &text))
        return false;
    if (!tempo_trace_id(text, &id)) {
        reply_fail(&r->reply, REPLY_BAD_DATA,
                   "trace IDs are at most 32 hexadecimal digits, got \"%.*s\"",
                   text.len > 100 ? 100 : (int)text.len, text.at);
        return false;
    }
    bool has_range = request_param(r, "start").len > 0 || request_param(r, "end").len > 0;
    if (has_range) {
        start = INT64_MIN;
        end = INT64_MAX;
    }
    return request_time(r, "start", &start) && request_time(r, "end", &end) &&
           tempo_read_trace(r, &id, start, end, out);
}

static void put_trace(struct json *j, const char *list, const struct tsdb_trace *trace)
{
    json_object(j);
    if (trace) {
        json_key(j, list);
        json_array(j);
        otlp_trace_json(j, trace, OTLP_PLAIN_JSON);
        json_end_array(j);
    }
    json_end_object(j);
}

/* ---- version 1: the trace, or 404 ----------------------------------------------------------- */

static void run_trace(struct request *r)
{
    static const struct exchange_answer none = {.status = 404};
    struct tsdb_trace *trace;
    if (!ask_and_read(r, "/api/traces/", &trace))
        return;
    if (!trace) {
        exchange_reply(r->x, &none, (struct bytes){0});
    } else if (tempo_takes_protobuf(r->x)) {
        struct writer w = {0};
        otlp_trace_protobuf(&w, 1, trace);
        tempo_answer_message(r->x, writer_bytes(&w));
        writer_release(&w);
    } else {
        reply_begin_bare(&r->reply);
        put_trace(&r->reply.json, "batches", trace);
        reply_end(&r->reply);
    }
    tsdb_trace_free(trace);
}

/* ---- version 2: the trace, perhaps an empty one, and how whole it is ------------------------ */

static void answer_message(struct request *r, const struct tsdb_trace *trace)
{
    struct writer w = {0};
    size_t all = protobuf_begin(&w, 1);
    if (trace)
        otlp_trace_protobuf(&w, 1, trace);
    protobuf_end(&w, all);
    protobuf_end(&w, protobuf_begin(&w, 2));
    if (trace && trace->is_partial) {
        protobuf_u64(&w, 3, 1);
        protobuf_text(&w, 4, (struct tsdb_text){PARTIAL_TEXT, sizeof PARTIAL_TEXT - 1});
    }
    tempo_answer_message(r->x, writer_bytes(&w));
    writer_release(&w);
}

static void answer_json(struct request *r, const struct tsdb_trace *trace)
{
    struct json *j = &r->reply.json;
    reply_begin_bare(&r->reply);
    json_object(j);
    json_key(j, "trace");
    put_trace(j, "resourceSpans", trace);
    json_key(j, "metrics");
    json_object(j);
    json_end_object(j);
    if (trace && trace->is_partial) {
        json_key(j, "status");
        json_word(j, "PARTIAL");
        json_key(j, "message");
        json_word(j, PARTIAL_TEXT);
    }
    json_end_object(j);
    reply_end(&r->reply);
}

static void run_trace_2(struct request *r)
{
    struct tsdb_trace *trace;
    if (!ask_and_read(r, "/api/v2/traces/", &trace))
        return;
    if (tempo_takes_protobuf(r->x))
        answer_message(r, trace);
    else
        answer_json(r, trace);
    tsdb_trace_free(trace);
}

void handle_tempo_trace(void *arg, struct exchange *x)
{
    api_submit_as(arg, x, REPLY_TEXT, run_trace);
}

void handle_tempo_trace_2(void *arg, struct exchange *x)
{
    api_submit_as(arg, x, REPLY_TEXT, run_trace_2);
}
