#include "collector/decode/es_bulk.h"

#include "collector/decode/log_json.h"
#include "collector/decode/log_object.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <assert.h>

enum { ACTION_BYTES_MIN = 10, RESULTS_MIN = 64 };

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static const struct tsdb_text times[] = {TEXT("@timestamp"), TEXT("timestamp"), TEXT("time")};
static const struct tsdb_text messages[] = {TEXT("message"), TEXT("msg"), TEXT("log")};
static const struct log_object_stream streams[] = {{TEXT("host.name"), TEXT("host")},
                                                   {TEXT("host"), TEXT("host")}};

static const struct log_object_names names = {
    .times = times,
    .messages = messages,
    .streams = streams,
    .time_count = sizeof times / sizeof times[0],
    .message_count = sizeof messages / sizeof messages[0],
    .stream_count = sizeof streams / sizeof streams[0],
};

struct walk {
    struct log_stage stage;
    struct arena *arena; /* of the results */
    const struct es_bulk_options *options;
    struct es_bulk_results *results;
    struct bytes rest;
    struct log_object_place place;
};

const char *es_bulk_action_name(enum es_bulk_action action)
{
    static const char *const texts[] = {"create", "index", "update", "delete"};
    ASSERT(action <= ES_BULK_DELETE);
    return texts[action];
}

/* The next line without its end; false when there is none. */
static bool take_line(struct walk *w, struct bytes *out)
{
    if (w->rest.len == 0)
        return false;
    const uint8_t *end = memchr(w->rest.at, '\n', w->rest.len);
    size_t len = end ? (size_t)(end - w->rest.at) : w->rest.len, used = len + (end != NULL);
    *out = (struct bytes){w->rest.at, len};
    w->rest.at += used;
    w->rest.len -= used;
    w->place.number++;
    while (out->len > 0 && (out->at[out->len - 1] == '\r' || out->at[out->len - 1] == ' '))
        out->len--;
    return true;
}

/* The result of one more action, or NULL when the arena is full. */
static struct es_bulk_result *add_result(struct walk *w)
{
    struct es_bulk_results *r = w->results;
    if (r->count == r->cap) {
        uint32_t cap = r->cap < RESULTS_MIN ? RESULTS_MIN : 2 * r->cap;
        struct es_bulk_result *at = ARENA_ARRAY(w->arena, struct es_bulk_result, cap);
        if (!at)
            return NULL;
        if (r->count > 0)
            memcpy(at, r->at, r->count * sizeof *at);
        r->at = at;
        r->cap = cap;
    }
    r->at[r->count] = (struct es_bulk_result){
        .index = w->options->index, .id = {"", 0}, .status = 201, .reason = DECODE_REASON_COUNT};
    return &r->at[r->count++];
}

static bool action_of(struct tsdb_text name, uint8_t *out)
{
    for (unsigned i = 0; i <= ES_BULK_DELETE; i++) {
        *out = (uint8_t)i;
        if (text_equal(name, text_of(es_bulk_action_name((enum es_bulk_action)i))))
            return true;
    }
    return false;
}

static enum tsdb_status take_member(struct walk *w, struct json_pull *j, struct es_bulk_result *out)
{
    struct tsdb_text key = j->text, text;
    enum json_token token = json_next(j);
    bool is_index = text_equal(key, text_of("_index")), is_id = text_equal(key, text_of("_id"));
    bool is_type = text_equal(key, text_of("op_type"));
    if (token == JSON_STRING && (is_index || is_id || is_type)) {
        enum tsdb_status st = log_json_text(j, w->arena, &text);
        if (st == TSDB_OK && is_type && out->action == ES_BULK_INDEX &&
            text_equal(text, text_of("create")))
            out->action = ES_BULK_CREATE;
        else if (st == TSDB_OK && !is_type)
            *(is_index ? &out->index : &out->id) = text;
        return st;
    }
    return json_skip(j, token) ? TSDB_OK : TSDB_ECORRUPT;
}

/* {"create":{"_index":"x"}} */
static enum tsdb_status action_parse(struct walk *w, struct bytes in, struct es_bulk_result *out)
{
    struct json_pull j;
    enum tsdb_status st = TSDB_OK;
    enum json_token token = JSON_FAULT;
    json_pull_init(&j, in);
    if (json_next(&j) != JSON_BEGIN_OBJECT || json_next(&j) != JSON_KEY ||
        !action_of(j.text, &out->action) || json_next(&j) != JSON_BEGIN_OBJECT)
        return TSDB_ECORRUPT;
    while (st == TSDB_OK && (token = json_next(&j)) == JSON_KEY)
        st = take_member(w, &j, out);
    if (st == TSDB_OK &&
        (token != JSON_END_OBJECT || json_next(&j) != JSON_END_OBJECT || json_next(&j) != JSON_END))
        st = TSDB_ECORRUPT;
    return st;
}

static void refuse(struct walk *w, struct es_bulk_result *r, enum decode_reason reason,
                   const char *why)
{
    r->status = 400;
    r->reason = (uint8_t)reason;
    log_stage_refuse(&w->stage, reason, "line %llu: %s", (unsigned long long)w->place.number, why);
}

static enum tsdb_status put_source(struct walk *w, struct bytes source)
{
    struct es_bulk_result *r = &w->results->at[w->results->count - 1];
    struct tsdb_label index = {text_of("index"), r->index};
    enum decode_reason refusal;
    if (r->action == ES_BULK_UPDATE) {
        refuse(w, r, DECODE_UNSUPPORTED, "updates are not taken");
        return TSDB_OK;
    }
    if (r->index.len == 0) {
        refuse(w, r, DECODE_BAD_STREAM, "no index");
        return TSDB_OK;
    }
    enum tsdb_status st = log_object_put(&w->stage, &names, source, &index, &w->place, &refusal);
    if (st == TSDB_OK && refusal != DECODE_REASON_COUNT) {
        r->status = 400;
        r->reason = (uint8_t)refusal;
    }
    return st;
}

static enum tsdb_status put_action(struct walk *w, struct bytes line)
{
    struct bytes source;
    /* results and items go in step: a hand-over in between must see none without the other */
    enum tsdb_status st = log_stage_begin(&w->stage);
    struct es_bulk_result *r = st == TSDB_OK ? add_result(w) : NULL;
    if (st == TSDB_OK)
        st = r ? action_parse(w, line, r) : TSDB_ELIMIT;
    if (st != TSDB_OK)
        return st;
    if (r->action == ES_BULK_DELETE) {
        refuse(w, r, DECODE_UNSUPPORTED, "deletes are not taken");
        return TSDB_OK;
    }
    return take_line(w, &source) ? put_source(w, source) : TSDB_ECORRUPT;
}

enum tsdb_status es_bulk_decode(const struct decode_log_task *task,
                                const struct es_bulk_options *options, struct bytes in,
                                struct es_bulk_results *results, struct decode_tally *tally,
                                struct tsdb_error *err)
{
    static_assert(DECODE_REASON_COUNT <= UINT8_MAX, "reasons fit es_bulk_result.reason");
    struct walk w = {.arena = task->arena,
                     .options = options,
                     .results = results,
                     .rest = in,
                     .place = {"line", 0}};
    struct bytes line;
    *tally = (struct decode_tally){0};
    *results = (struct es_bulk_results){0};
    enum tsdb_status st = log_stage_init(&w.stage, task, tally, in.len, ACTION_BYTES_MIN);
    while (st == TSDB_OK && take_line(&w, &line))
        if (line.len > 0)
            st = put_action(&w, line);
    return log_stage_end(&w.stage, st, "bulk request", err);
}
