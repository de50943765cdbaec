#include "collector/api/param.h"
#include "collector/api/tempo.h"
#include "collector/api/trace_text.h"
#include "collector/decode/inflate.h"
#include "collector/decode/pull.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <string.h>

bool tempo_takes_protobuf(const struct exchange *x)
{
    static const char type[] = "application/protobuf";
    struct tsdb_text accept = exchange_header(x, "accept");
    return accept.len > 0 && memmem(accept.at, accept.len, type, sizeof type - 1);
}

/* ---- ranges -------------------------------------------------------------------------------- */

/* Rounds towards the past; wraps nowhere: the remainder is at most the step. */
static int64_t floor_to(int64_t ns, int64_t step)
{
    int64_t rest = ns % step, out;
    if (rest < 0)
        rest += step;
    return __builtin_sub_overflow(ns, rest, &out) ? INT64_MIN : out;
}

static int64_t plus(int64_t a, int64_t b)
{
    int64_t out;
    return __builtin_add_overflow(a, b, &out) ? INT64_MAX : out;
}

void tempo_align(int64_t step, int64_t *start, int64_t *end)
{
    int64_t last = floor_to(*end, step);
    *start = plus(floor_to(*start, step), step);
    *end = last < *end ? plus(last, step) : last;
}

int64_t tempo_step(int64_t start, int64_t end)
{
    static const int64_t grains[] = {NS_PER_HOUR,   5 * NS_PER_MINUTE, NS_PER_MINUTE,
                                     15 * NS_PER_S, 5 * NS_PER_S,      NS_PER_S};
    uint64_t width = (uint64_t)end - (uint64_t)start;
    uint64_t share = width / 240;
    if (width < (uint64_t)NS_PER_MINUTE) {
        uint64_t grain = 50 * NS_PER_MS;
        return (int64_t)(share > grain ? share / grain * grain : grain);
    }
    for (size_t i = 0; i < sizeof grains / sizeof grains[0]; i++)
        if (share > (uint64_t)grains[i])
            return (int64_t)(share / (uint64_t)grains[i] * (uint64_t)grains[i]);
    return NS_PER_S;
}

static int64_t minus(int64_t a, int64_t b)
{
    int64_t out;
    return __builtin_sub_overflow(a, b, &out) ? INT64_MIN : out;
}

bool tempo_ask_range(struct request *r, struct tempo_asked *asked)
{
    int64_t now = clock_wall_ns(r->api->options.clock);
    int64_t since = asked->since > 0 ? asked->since : NS_PER_HOUR;
    if (asked->end == INT64_MAX)
        asked->end = now;
    if (asked->start == INT64_MIN)
        asked->start = minus(asked->end < now ? asked->end : now, since);
    if (asked->start < asked->end)
        return true;
    reply_fail(&r->reply, REPLY_BAD_DATA, "end must be greater than start");
    return false;
}

/* ---- forms --------------------------------------------------------------------------------- */

static bool ask_go_duration(struct request *r, const char *name, int64_t *ns)
{
    struct tsdb_text text = request_param(r, name);
    struct tsdb_error err = {0};
    if (text.len == 0 || param_go_duration(text, ns, &err) == TSDB_OK)
        return true;
    reply_fail(&r->reply, REPLY_BAD_DATA, "invalid %s: %s", name, err.msg);
    return false;
}

/* Seconds, with a fraction if need be, or a duration of Go or of Prometheus. */
static bool ask_step(struct request *r, const char *name, int64_t *ns)
{
    struct tsdb_error err = {0};
    struct tsdb_text text = request_param(r, name);
    if (text.len == 0 || param_go_duration(text, ns, &err) == TSDB_OK)
        return true;
    return request_duration(r, name, ns);
}

/* A positive number, held at what may be asked for. */
static bool ask_number(struct request *r, const char *name, uint64_t *n)
{
    struct tsdb_error err = {0};
    struct tsdb_text text = request_param(r, name);
    if (text.len == 0 || param_limit(text, n, &err) == TSDB_OK)
        return true;
    reply_fail(&r->reply, REPLY_BAD_DATA, "invalid %s: want a number, got \"%.*s\"", name,
               text.len > 100 ? 100 : (int)text.len, text.at);
    return false;
}

/* The filter of tags and durations, into the arena. */
static bool make_filter(struct request *r, struct trace_filter *f, struct tempo_asked *out)
{
    bool is_ok = true;
    if (f->text.len > 0) {
        struct tsdb_text all = trace_filter_end(f);
        char *at = ARENA_ARRAY(request_arena(r), char, all.len);
        is_ok = at != NULL;
        if (is_ok)
            out->filter = (struct tsdb_text){memcpy(at, all.at, all.len), all.len};
        else
            reply_fail(&r->reply, REPLY_EXECUTION, "the tags are too many");
    }
    writer_release(&f->text);
    return is_ok;
}

static bool put_durations(struct request *r, struct trace_filter *f, int64_t min, int64_t max)
{
    if (min > 0 && max > 0 && min > max) {
        reply_fail(&r->reply, REPLY_BAD_DATA,
                   "invalid maxDuration: must be greater than minDuration");
        return false;
    }
    if (min > 0)
        trace_filter_duration(f, "traceDuration", ">=", min);
    if (max > 0)
        trace_filter_duration(f, "traceDuration", "<=", max);
    return true;
}

static bool ask_filter(struct request *r, struct tempo_asked *out)
{
    int64_t min = 0, max = 0;
    struct trace_filter f = {0};
    if (!ask_go_duration(r, "minDuration", &min) || !ask_go_duration(r, "maxDuration", &max))
        return false;
    bool is_valid = trace_filter_logfmt(&f, request_param(r, "tags"));
    if (!is_valid)
        reply_fail(&r->reply, REPLY_BAD_DATA, "invalid tags: want logfmt, name=value ...");
    if (!is_valid || !put_durations(r, &f, min, max)) {
        writer_release(&f.text);
        return false;
    }
    return make_filter(r, &f, out);
}

static bool check_range(struct request *r, struct tempo_asked *out)
{
    if (!out->has_range || out->start < out->end)
        return true;
    reply_fail(&r->reply, REPLY_BAD_DATA, "parameter start must be before end");
    return false;
}

bool tempo_ask(struct request *r, struct tempo_asked *out)
{
    *out = (struct tempo_asked){.start = INT64_MIN, .end = INT64_MAX};
    if (r->errors == REPLY_GRPC)
        return tempo_ask_message(r, out) && check_range(r, out);
    out->query = request_param(r, "q");
    if (out->query.len == 0)
        out->query = request_param(r, "query");
    out->scope = request_param(r, "scope");
    out->has_range = request_param(r, "start").len > 0 || request_param(r, "end").len > 0;
    return request_time(r, "start", &out->start) && request_time(r, "end", &out->end) &&
           ask_step(r, "since", &out->since) && ask_step(r, "step", &out->step) &&
           ask_number(r, "limit", &out->limit) && ask_number(r, "spss", &out->spans_per_set) &&
           ask_number(r, "exemplars", &out->exemplars) &&
           ask_number(r, "maxSeries", &out->series_max) && check_range(r, out) &&
           ask_filter(r, out);
}

/* ---- messages ------------------------------------------------------------------------------- */

enum part { /* what a field of a message is */
            PART_NONE,
            PART_QUERY,
            PART_SCOPE,
            PART_NAME,
            PART_START_S,
            PART_END_S,
            PART_START,
            PART_END,
            PART_STEP,
            PART_LIMIT,
            PART_SPANS,
            PART_EXEMPLARS,
            PART_SERIES,
            PART_TAG,
            PART_MIN_MS,
            PART_MAX_MS,
};

enum { PARTS_MAX = 18 };

static const struct {
    const char *method;
    uint8_t parts[PARTS_MAX]; /* enum part, by field number */
} requests[] = {
    {"/Search",
     {[1] = PART_TAG,
      [2] = PART_MIN_MS,
      [3] = PART_MAX_MS,
      [4] = PART_LIMIT,
      [5] = PART_START_S,
      [6] = PART_END_S,
      [8] = PART_QUERY,
      [9] = PART_SPANS}},
    {"/SearchTags",
     {[1] = PART_SCOPE, [2] = PART_QUERY, [3] = PART_START_S, [4] = PART_END_S, [5] = PART_LIMIT}},
    {"/SearchTagsV2",
     {[1] = PART_SCOPE, [2] = PART_QUERY, [3] = PART_START_S, [4] = PART_END_S, [5] = PART_LIMIT}},
    {"/SearchTagValues",
     {[1] = PART_NAME, [2] = PART_QUERY, [4] = PART_START_S, [5] = PART_END_S, [6] = PART_LIMIT}},
    {"/SearchTagValuesV2",
     {[1] = PART_NAME, [2] = PART_QUERY, [4] = PART_START_S, [5] = PART_END_S, [6] = PART_LIMIT}},
    {"/MetricsQueryRange",
     {[1] = PART_QUERY,
      [2] = PART_START,
      [3] = PART_END,
      [4] = PART_STEP,
      [16] = PART_EXEMPLARS,
      [17] = PART_SERIES}},
    {"/MetricsQueryInstant", {[1] = PART_QUERY, [2] = PART_START, [3] = PART_END}},
};

struct message {
    struct tempo_asked *out;
    struct trace_filter filter;
    uint32_t min_ms, max_ms;
};

static void take_tag(struct pull *p, const struct pull_field *f, struct message *m)
{
    struct tsdb_text name = {0}, value = {0};
    struct pull entry = pull_over(pull_bytes(p, f));
    struct pull_field e;
    while (pull_next(&entry, &e)) {
        if (e.number == 1)
            name = pull_text(&entry, &e);
        else if (e.number == 2)
            value = pull_text(&entry, &e);
    }
    if (!pull_done(&entry))
        pull_fail(p);
    else
        trace_filter_tag(&m->filter, name, value, TAG_TEMPO);
}

/* 0 is not said. */
static void take_time(struct message *m, int64_t *to, uint64_t value, int64_t unit)
{
    if (value == 0)
        return;
    m->out->has_range = true;
    *to = value > (uint64_t)(INT64_MAX / unit) ? INT64_MAX : (int64_t)value * unit;
}

static void take_part(struct pull *p, const struct pull_field *f, enum part part, struct message *m)
{
    struct tempo_asked *out = m->out;
    uint64_t step;
    switch (part) {
    case PART_NONE: return;
    case PART_QUERY: out->query = pull_text(p, f); return;
    case PART_SCOPE: out->scope = pull_text(p, f); return;
    case PART_NAME: out->name = pull_text(p, f); return;
    case PART_START_S: take_time(m, &out->start, pull_u32(p, f), NS_PER_S); return;
    case PART_END_S: take_time(m, &out->end, pull_u32(p, f), NS_PER_S); return;
    case PART_START: take_time(m, &out->start, pull_u64(p, f), 1); return;
    case PART_END: take_time(m, &out->end, pull_u64(p, f), 1); return;
    case PART_STEP:
        step = pull_u64(p, f);
        out->step = step > INT64_MAX ? INT64_MAX : (int64_t)step;
        return;
    case PART_LIMIT: out->limit = pull_u32(p, f); return;
    case PART_SPANS: out->spans_per_set = pull_u32(p, f); return;
    case PART_EXEMPLARS: out->exemplars = pull_u32(p, f); return;
    case PART_SERIES: out->series_max = pull_u32(p, f); return;
    case PART_TAG: take_tag(p, f, m); return;
    case PART_MIN_MS: m->min_ms = pull_u32(p, f); return;
    case PART_MAX_MS: m->max_ms = pull_u32(p, f); return;
    }
    UNREACHABLE();
}

static const uint8_t *parts_of(const struct exchange *x)
{
    struct tsdb_text path = exchange_path(x);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        size_t n = strlen(requests[i].method);
        if (path.len > n && memcmp(path.at + path.len - n, requests[i].method, n) == 0)
            return requests[i].parts;
    }
    UNREACHABLE(); /* the routes are these */
}

/* The message in the clear, in the arena where it was compressed. */
static bool plain_message(struct request *r, struct bytes *out)
{
    static const struct inflate_limits limits = {.bytes_max = TEMPO_REQUEST_MAX};
    struct payload inflated;
    struct tsdb_error err = {0};
    *out = exchange_body(r->x);
    if (!exchange_is_compressed(r->x))
        return true;
    struct tsdb_text header = exchange_header(r->x, "grpc-encoding");
    enum inflate_coding coding = header.len > 0 ? inflate_coding_of(header) : INFLATE_UNKNOWN;
    if (coding == INFLATE_UNKNOWN) {
        reply_fail(&r->reply, REPLY_UNSUPPORTED, "grpc-encoding: want gzip or another known one");
        return false;
    }
    payload_init(&inflated, limits.bytes_max + 1, NULL);
    enum tsdb_status st = inflate_body(coding, *out, &limits, &inflated, &err);
    char *at = ARENA_ARRAY(request_arena(r), char, inflated.len + 1);
    if (st == TSDB_OK && at && coding != INFLATE_IDENTITY)
        *out =
            (struct bytes){inflated.len ? memcpy(at, inflated.at, inflated.len) : at, inflated.len};
    payload_release(&inflated);
    if (st != TSDB_OK || !at)
        reply_fail(&r->reply, REPLY_BAD_DATA, "the message: %s", at ? err.msg : "too large");
    return st == TSDB_OK && at;
}

bool tempo_ask_message(struct request *r, struct tempo_asked *out)
{
    struct bytes body;
    struct message m = {.out = out};
    struct pull_field f;
    const uint8_t *parts = parts_of(r->x);
    if (!plain_message(r, &body))
        return false;
    struct pull p = pull_over(body);
    while (pull_next(&p, &f))
        if (f.number < PARTS_MAX)
            take_part(&p, &f, parts[f.number], &m);
    bool is_valid = pull_done(&p);
    if (!is_valid)
        reply_fail(&r->reply, REPLY_BAD_DATA, "the message does not decode");
    if (!is_valid || !put_durations(r, &m.filter, m.min_ms * NS_PER_MS, m.max_ms * NS_PER_MS)) {
        writer_release(&m.filter.text);
        return false;
    }
    return make_filter(r, &m.filter, out);
}

/* ---- identifiers ---------------------------------------------------------------------------- */

static const struct {
    const char *prefix;
    enum tsdb_trace_place place;
} places[] = {
    {"resource.", TSDB_PLACE_RESOURCE},     {"span.", TSDB_PLACE_SPAN},
    {"event.", TSDB_PLACE_EVENT},           {"link.", TSDB_PLACE_LINK},
    {"instrumentation.", TSDB_PLACE_SCOPE}, {".", TSDB_PLACE_ANY},
};

static const char *const bare_intrinsics[] = {"duration", "name",           "status",
                                              "kind",     "statusMessage",  "traceDuration",
                                              "rootName", "rootServiceName"};
static const char *const scoped_intrinsics[] = {
    "span:", "trace:", "event:", "link:", "instrumentation:"};

static bool is_intrinsic(struct tsdb_text text)
{
    for (size_t i = 0; i < sizeof bare_intrinsics / sizeof bare_intrinsics[0]; i++)
        if (text_equal(text, text_of(bare_intrinsics[i])))
            return true;
    for (size_t i = 0; i < sizeof scoped_intrinsics / sizeof scoped_intrinsics[0]; i++) {
        size_t n = strlen(scoped_intrinsics[i]);
        if (text.len > n && memcmp(text.at, scoped_intrinsics[i], n) == 0)
            return true;
    }
    return false;
}

/* What stands between quotes, if it does; false: the quotes do not fit. */
static bool unquote(struct tsdb_text in, struct arena *arena, struct tsdb_text *out)
{
    *out = in;
    if (in.len == 0 || in.at[0] != '"')
        return in.len > 0 && memchr(in.at, '"', in.len) == NULL;
    char *at = ARENA_ARRAY(arena, char, in.len);
    size_t n = 0, i = 1;
    if (!at)
        return false;
    for (; i < in.len && in.at[i] != '"'; i++) {
        i += in.at[i] == '\\';
        if (i < in.len)
            at[n++] = in.at[i];
    }
    *out = (struct tsdb_text){at, n};
    return i + 1 == in.len && n > 0;
}

bool tempo_identifier(struct tsdb_text text, struct arena *arena, enum tsdb_trace_place *place,
                      struct tsdb_text *name)
{
    if (is_intrinsic(text)) {
        *place = TSDB_PLACE_INTRINSIC;
        *name = text;
        return true;
    }
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        size_t n = strlen(places[i].prefix);
        if (text.len <= n || memcmp(text.at, places[i].prefix, n) != 0)
            continue;
        *place = places[i].place;
        return unquote((struct tsdb_text){text.at + n, text.len - n}, arena, name);
    }
    return false;
}
