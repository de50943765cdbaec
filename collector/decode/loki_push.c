#include "collector/decode/loki_push.h"

#include "collector/decode/log_json.h"
#include "collector/decode/log_stage.h"
#include "collector/decode/log_time.h"
#include "collector/decode/loki_labels.h"
#include "collector/decode/pull.h"

enum { ENTRY_BYTES_MIN = 2 };

/* How the labels of a stream were sent. */
enum labels_form {
    LABELS_TEXT,   /* {a="b"} */
    LABELS_STRING, /* the same in a JSON string, between its quotes, with its escapes */
    LABELS_OBJECT, /* {"a":"b"} */
};

struct walk {
    struct log_stage stage;
    struct bytes labels; /* of the stream, as sent: its key */
    enum labels_form form;
    bool is_open, is_refused; /* of the stream */
    uint32_t generation, stream;
};

/* ---- streams ------------------------------------------------------------------------------- */

static void begin_stream(struct walk *w, enum labels_form form, struct bytes labels)
{
    w->labels = labels;
    w->form = form;
    w->is_open = w->is_refused = false;
}

static enum tsdb_status parse_object(struct bytes in, struct arena *arena, struct tsdb_labels *out)
{
    struct tsdb_label found[DECODE_LABELS_MAX];
    struct json_pull j;
    uint32_t count = 0;
    enum tsdb_status st = TSDB_OK;
    json_pull_init(&j, in);
    (void)json_next(&j);
    while (st == TSDB_OK && json_next(&j) == JSON_KEY) {
        if (count == DECODE_LABELS_MAX)
            return TSDB_EINVAL;
        st = log_json_text(&j, arena, &found[count].name);
        if (st == TSDB_OK && json_next(&j) != JSON_STRING)
            return TSDB_EINVAL;
        if (st == TSDB_OK)
            st = log_json_text(&j, arena, &found[count++].value);
    }
    if (st != TSDB_OK)
        return st == TSDB_ECORRUPT ? TSDB_EINVAL : st;
    struct tsdb_label *at = ARENA_ARRAY(arena, struct tsdb_label, count);
    if (!at)
        return TSDB_ELIMIT;
    if (count > 0)
        memcpy(at, found, count * sizeof *at);
    *out = (struct tsdb_labels){at, count};
    return TSDB_OK;
}

static enum tsdb_status parse_labels(struct walk *w, struct tsdb_labels *out)
{
    struct arena *arena = &w->stage.scratch;
    struct tsdb_text text = {(const char *)w->labels.at, w->labels.len};
    if (w->form == LABELS_OBJECT)
        return parse_object(w->labels, arena, out);
    if (w->form == LABELS_STRING) {
        size_t len = 0;
        uint8_t *at = ARENA_ARRAY(arena, uint8_t, text.len + 1);
        if (!at)
            return TSDB_ELIMIT;
        if (!json_unescape(text, at, &len))
            return TSDB_EINVAL;
        text = (struct tsdb_text){(const char *)at, len};
    }
    return loki_labels_parse(text, arena, out);
}

/* Begins an entry; *is_refused: its stream cannot be taken, nor can it. */
static enum tsdb_status begin_entry(struct walk *w, bool *is_refused)
{
    enum tsdb_status st = log_stage_begin(&w->stage);
    if (st != TSDB_OK)
        return st;
    if (!w->is_refused && !(w->is_open && w->generation == w->stage.generation)) {
        struct tsdb_labels labels = {0};
        w->stream = log_stage_find(&w->stage, w->labels);
        if (w->stream == LOG_STAGE_NONE) {
            st = parse_labels(w, &labels);
            w->is_refused = st == TSDB_EINVAL || (st == TSDB_OK && labels.count == 0);
            if (st == TSDB_OK && !w->is_refused)
                st = log_stage_stream(&w->stage, w->labels, labels, NULL, 0, &w->stream);
        }
        w->is_open = true;
        w->generation = w->stage.generation;
    }
    *is_refused = w->is_refused;
    if (w->is_refused)
        log_stage_refuse(&w->stage, DECODE_BAD_STREAM, "stream labels do not parse: %.*s",
                         (int)(w->labels.len < 100 ? w->labels.len : 100),
                         (const char *)w->labels.at);
    return st == TSDB_EINVAL ? TSDB_OK : st;
}

/* ---- protobuf ------------------------------------------------------------------------------ */

static enum tsdb_status timestamp_parse(struct bytes in, int64_t *ns)
{
    struct pull p = pull_over(in);
    struct pull_field f;
    int64_t seconds = 0, whole;
    int32_t nanos = 0;
    while (pull_next(&p, &f)) {
        if (f.number == 1)
            seconds = pull_i64(&p, &f);
        else if (f.number == 2)
            nanos = (int32_t)pull_u32(&p, &f);
    }
    if (__builtin_mul_overflow(seconds, INT64_C(1000000000), &whole) ||
        __builtin_add_overflow(whole, nanos, &whole))
        whole = seconds < 0 ? INT64_MIN : INT64_MAX;
    *ns = whole;
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

static enum tsdb_status put_pair(struct log_fields *f, struct bytes in, bool *is_bad)
{
    struct pull p = pull_over(in);
    struct pull_field field;
    struct tsdb_text name = {"", 0}, value = {"", 0};
    while (pull_next(&p, &field)) {
        if (field.number == 1)
            name = pull_text(&p, &field);
        else if (field.number == 2)
            value = pull_text(&p, &field);
    }
    if (log_fields_is_utf8(name))
        log_fields_text(f, name, TSDB_FIELD_STRING, value);
    else
        *is_bad = true;
    return pull_done(&p) ? TSDB_OK : TSDB_ECORRUPT;
}

static enum tsdb_status put_entry(struct walk *w, struct bytes in)
{
    bool is_refused, is_bad = false;
    int64_t ts = 0;
    struct tsdb_text line = {"", 0};
    enum tsdb_status st = begin_entry(w, &is_refused);
    struct pull p = pull_over(in);
    struct pull_field f;
    while (st == TSDB_OK && pull_next(&p, &f)) {
        switch (f.number) {
        case 1: st = timestamp_parse(pull_bytes(&p, &f), &ts); break;
        case 2: line = pull_text(&p, &f); break;
        case 3: st = put_pair(&w->stage.fields, pull_bytes(&p, &f), &is_bad); break;
        default: break;
        }
    }
    if (st == TSDB_OK && !pull_done(&p))
        st = TSDB_ECORRUPT;
    if (st != TSDB_OK || is_refused)
        return st;
    if (is_bad) {
        log_stage_refuse(&w->stage, DECODE_BAD_RECORD, "name of structured metadata is not UTF-8");
        return TSDB_OK;
    }
    return log_stage_record_level(&w->stage, w->stream, ts, line);
}

/* Labels may lie behind the entries. */
static enum tsdb_status put_stream(struct walk *w, struct bytes in)
{
    struct bytes labels = {in.at, 0};
    struct pull p = pull_over(in);
    struct pull_field f;
    while (pull_next(&p, &f))
        if (f.number == 1)
            labels = pull_bytes(&p, &f);
    if (!pull_done(&p))
        return TSDB_ECORRUPT;
    begin_stream(w, LABELS_TEXT, labels);
    enum tsdb_status st = TSDB_OK;
    p = pull_over(in);
    while (st == TSDB_OK && pull_next(&p, &f))
        if (f.number == 2)
            st = put_entry(w, pull_bytes(&p, &f));
    return st == TSDB_OK && !pull_done(&p) ? TSDB_ECORRUPT : st;
}

enum tsdb_status loki_push_decode(const struct decode_log_task *task, struct bytes in,
                                  struct decode_tally *tally, struct tsdb_error *err)
{
    struct walk w = {.is_open = false};
    *tally = (struct decode_tally){0};
    enum tsdb_status st = log_stage_init(&w.stage, task, tally, in.len, ENTRY_BYTES_MIN);
    struct pull p = pull_over(in);
    struct pull_field f;
    while (st == TSDB_OK && pull_next(&p, &f))
        if (f.number == 1)
            st = put_stream(&w, pull_bytes(&p, &f));
    if (st == TSDB_OK && !pull_done(&p))
        st = TSDB_ECORRUPT;
    return log_stage_end(&w.stage, st, "loki push request", err);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

/* An entry as it is being read. */
struct entry {
    int64_t ts;
    struct tsdb_text line;
    const char *refusal; /* of a text that is none */
    bool has_ts;
};

static enum tsdb_status take_time(const struct json_pull *j, enum json_token token, bool is_iso,
                                  struct entry *e)
{
    bool is_negative = j->text.len > 0 && j->text.at[0] == '-';
    int64_t v = 0;
    if (token != JSON_STRING && token != JSON_NUMBER)
        return TSDB_ECORRUPT;
    if (is_iso) {
        e->has_ts = log_time_parse_iso(j->text, &e->ts);
        return TSDB_OK;
    }
    e->has_ts = j->text.len > is_negative;
    for (size_t i = is_negative; i < j->text.len && e->has_ts; i++) {
        int digit = j->text.at[i] - '0';
        e->has_ts = digit >= 0 && digit <= 9 && !__builtin_mul_overflow(v, 10, &v) &&
                    !__builtin_add_overflow(v, is_negative ? -digit : digit, &v);
    }
    e->ts = v;
    return TSDB_OK;
}

static enum tsdb_status take_line(struct walk *w, const struct json_pull *j, enum json_token token,
                                  struct entry *e)
{
    if (token != JSON_STRING)
        return TSDB_ECORRUPT;
    enum tsdb_status st = log_json_text(j, &w->stage.scratch, &e->line);
    if (st != TSDB_ECORRUPT)
        return st;
    e->refusal = "line is not UTF-8";
    return TSDB_OK;
}

static enum tsdb_status take_metadata(struct walk *w, struct json_pull *j, enum json_token token)
{
    if (token == JSON_NULL)
        return TSDB_OK;
    if (token != JSON_BEGIN_OBJECT)
        return TSDB_ECORRUPT;
    enum tsdb_status st = log_json_fields(j, &w->stage.fields);
    return st == TSDB_EINVAL ? TSDB_OK : st; /* too many: the stage refuses the record */
}

static enum tsdb_status end_entry(struct walk *w, const struct entry *e)
{
    if (e->refusal)
        log_stage_refuse(&w->stage, DECODE_BAD_RECORD, "%s", e->refusal);
    else if (!e->has_ts)
        log_stage_refuse(&w->stage, DECODE_BAD_TIME, "entry without a timestamp that is one");
    else
        return log_stage_record_level(&w->stage, w->stream, e->ts, e->line);
    return TSDB_OK;
}

/* ["ns", "line", {metadata}], its bracket read. */
static enum tsdb_status put_tuple(struct walk *w, struct json_pull *j)
{
    struct entry e = {.line = {"", 0}};
    bool is_refused;
    enum tsdb_status st = begin_entry(w, &is_refused);
    enum json_token token = JSON_FAULT;
    uint32_t index = 0;
    for (; st == TSDB_OK && (token = json_next(j)) != JSON_END_ARRAY; index++) {
        if (index == 0)
            st = take_time(j, token, false, &e);
        else if (index == 1)
            st = take_line(w, j, token, &e);
        else
            st = index == 2 ? take_metadata(w, j, token) : TSDB_ECORRUPT;
    }
    if (st == TSDB_OK && index < 2)
        st = TSDB_ECORRUPT;
    return st != TSDB_OK || is_refused ? st : end_entry(w, &e);
}

/* {"ts":..., "line":...}, its brace read. */
static enum tsdb_status put_object(struct walk *w, struct json_pull *j)
{
    struct entry e = {.line = {"", 0}};
    bool is_refused;
    enum tsdb_status st = begin_entry(w, &is_refused);
    enum json_token token = JSON_FAULT;
    while (st == TSDB_OK && (token = json_next(j)) == JSON_KEY) {
        struct tsdb_text key = j->text;
        token = json_next(j);
        if (text_equal(key, text_of("ts")) || text_equal(key, text_of("timestamp")))
            st = take_time(j, token, true, &e);
        else if (text_equal(key, text_of("line")))
            st = take_line(w, j, token, &e);
        else if (text_equal(key, text_of("structuredMetadata")))
            st = take_metadata(w, j, token);
        else if (!json_skip(j, token))
            st = TSDB_ECORRUPT;
    }
    if (st == TSDB_OK && token != JSON_END_OBJECT)
        st = TSDB_ECORRUPT;
    return st != TSDB_OK || is_refused ? st : end_entry(w, &e);
}

/* The array of entries, its bracket read; *j ends behind it. */
static enum tsdb_status put_entries(struct walk *w, struct json_pull *j)
{
    enum json_token token = JSON_FAULT;
    enum tsdb_status st = TSDB_OK;
    while (st == TSDB_OK && (token = json_next(j)) != JSON_END_ARRAY) {
        if (token == JSON_BEGIN_ARRAY)
            st = put_tuple(w, j);
        else
            st = token == JSON_BEGIN_OBJECT ? put_object(w, j) : TSDB_ECORRUPT;
    }
    return st;
}

/* "stream" or "labels", the value's first token read. */
static enum tsdb_status take_labels(struct walk *w, struct json_pull *j, enum json_token token)
{
    if (token == JSON_STRING) {
        begin_stream(w, LABELS_STRING, (struct bytes){(const uint8_t *)j->text.at, j->text.len});
        return TSDB_OK;
    }
    const uint8_t *begin = j->r.rest.at - 1;
    if (token != JSON_BEGIN_OBJECT || !json_skip(j, token))
        return TSDB_ECORRUPT;
    begin_stream(w, LABELS_OBJECT, (struct bytes){begin, (size_t)(j->r.rest.at - begin)});
    return TSDB_OK;
}

/* Entries that came before the labels: a copy of the pull is the way back to them. */
struct later {
    struct json_pull json;
    bool is_set;
};

/* "values" or "entries", the value's first token read. */
static enum tsdb_status take_entries(struct walk *w, struct json_pull *j, enum json_token token,
                                     bool has_labels, struct later *later)
{
    if (token == JSON_NULL)
        return TSDB_OK;
    if (token != JSON_BEGIN_ARRAY || later->is_set)
        return TSDB_ECORRUPT;
    if (has_labels)
        return put_entries(w, j);
    *later = (struct later){*j, true};
    return json_skip(j, token) ? TSDB_OK : TSDB_ECORRUPT;
}

/* One stream, its brace read. */
static enum tsdb_status put_stream_json(struct walk *w, struct json_pull *j)
{
    struct later later = {.is_set = false};
    bool has_labels = false;
    enum tsdb_status st = TSDB_OK;
    enum json_token token = JSON_FAULT;
    begin_stream(w, LABELS_STRING, (struct bytes){j->r.rest.at, 0});
    while (st == TSDB_OK && (token = json_next(j)) == JSON_KEY) {
        struct tsdb_text key = j->text;
        token = json_next(j);
        if (text_equal(key, text_of("stream")) || text_equal(key, text_of("labels"))) {
            st = has_labels ? TSDB_ECORRUPT : take_labels(w, j, token);
            has_labels = true;
        } else if (text_equal(key, text_of("values")) || text_equal(key, text_of("entries"))) {
            st = take_entries(w, j, token, has_labels, &later);
        } else if (!json_skip(j, token)) {
            st = TSDB_ECORRUPT;
        }
    }
    if (st == TSDB_OK && token != JSON_END_OBJECT)
        st = TSDB_ECORRUPT;
    return st == TSDB_OK && later.is_set ? put_entries(w, &later.json) : st;
}

static enum tsdb_status put_streams(struct walk *w, struct json_pull *j, enum json_token token)
{
    enum tsdb_status st = TSDB_OK;
    if (token == JSON_NULL)
        return TSDB_OK;
    if (token != JSON_BEGIN_ARRAY)
        return TSDB_ECORRUPT;
    while (st == TSDB_OK && (token = json_next(j)) != JSON_END_ARRAY)
        st = token == JSON_BEGIN_OBJECT ? put_stream_json(w, j) : TSDB_ECORRUPT;
    return st;
}

enum tsdb_status loki_push_json_decode(const struct decode_log_task *task, struct bytes in,
                                       struct decode_tally *tally, struct tsdb_error *err)
{
    struct walk w = {.is_open = false};
    struct json_pull j;
    enum json_token token = JSON_FAULT;
    *tally = (struct decode_tally){0};
    enum tsdb_status st = log_stage_init(&w.stage, task, tally, in.len, ENTRY_BYTES_MIN);
    json_pull_init(&j, in);
    if (st == TSDB_OK && json_next(&j) != JSON_BEGIN_OBJECT)
        st = TSDB_ECORRUPT;
    while (st == TSDB_OK && (token = json_next(&j)) == JSON_KEY) {
        bool is_streams = text_equal(j.text, text_of("streams"));
        token = json_next(&j);
        if (is_streams)
            st = put_streams(&w, &j, token);
        else if (!json_skip(&j, token))
            st = TSDB_ECORRUPT;
    }
    if (st == TSDB_OK && (token != JSON_END_OBJECT || json_next(&j) != JSON_END))
        st = TSDB_ECORRUPT;
    return log_stage_end(&w.stage, st, "loki push request", err);
}
