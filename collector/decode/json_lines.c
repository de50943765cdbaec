#include "collector/decode/json_lines.h"

#include "collector/decode/json_pull.h"

#include "tsdb/base/text.h"

enum { LINE_BYTES_MIN = 3 }; /* "{}\n" */

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static const struct tsdb_text default_times[] = {TEXT("_time"), TEXT("@timestamp"),
                                                 TEXT("timestamp"), TEXT("time"), TEXT("ts")};
static const struct tsdb_text default_messages[] = {TEXT("_msg"), TEXT("message"), TEXT("msg"),
                                                    TEXT("log"), TEXT("body")};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct bytes trim(struct bytes in)
{
    while (in.len > 0 && is_blank(in.at[0])) {
        in.at++;
        in.len--;
    }
    while (in.len > 0 && is_blank(in.at[in.len - 1]))
        in.len--;
    return in;
}

static enum tsdb_status put_lines(struct log_stage *s, const struct log_object_names *names,
                                  struct bytes in)
{
    struct log_object_place place = {"line", 0};
    enum tsdb_status st = TSDB_OK;
    while (st == TSDB_OK && in.len > 0) {
        const uint8_t *end = memchr(in.at, '\n', in.len);
        size_t len = end ? (size_t)(end - in.at) : in.len, used = len + (end != NULL);
        struct bytes line = trim((struct bytes){in.at, len});
        enum decode_reason refusal;
        in.at += used;
        in.len -= used;
        place.number++;
        if (line.len == 0)
            continue;
        st = log_stage_begin(s);
        if (st == TSDB_OK)
            st = log_object_put(s, names, line, NULL, &place, &refusal);
    }
    return st;
}

static enum tsdb_status put_array(struct log_stage *s, const struct log_object_names *names,
                                  struct bytes in)
{
    struct log_object_place place = {"element", 0};
    struct json_pull j;
    enum json_token token;
    json_pull_init(&j, in);
    (void)json_next(&j);
    enum tsdb_status st = TSDB_OK;
    while (st == TSDB_OK && (token = json_next(&j)) != JSON_END_ARRAY) {
        const uint8_t *begin = j.r.rest.at - 1;
        bool is_object = token == JSON_BEGIN_OBJECT;
        enum decode_reason refusal;
        if (!json_skip(&j, token))
            return TSDB_ECORRUPT;
        struct bytes element = {begin, (size_t)(j.r.rest.at - begin)};
        place.number++;
        st = log_stage_begin(s);
        if (st == TSDB_OK && is_object)
            st = log_object_put(s, names, element, NULL, &place, &refusal);
        else if (st == TSDB_OK)
            log_stage_refuse(s, DECODE_BAD_RECORD, "element %llu: not a JSON object",
                             (unsigned long long)place.number);
    }
    return st == TSDB_OK && json_next(&j) != JSON_END ? TSDB_ECORRUPT : st;
}

enum tsdb_status json_lines_decode(const struct decode_log_task *task,
                                   const struct json_lines_options *options, struct bytes in,
                                   struct decode_tally *tally, struct tsdb_error *err)
{
    static const uint8_t bom[] = {0xef, 0xbb, 0xbf};
    struct log_stage s;
    struct log_object_names names = options->names;
    if (names.time_count == 0) {
        names.times = default_times;
        names.time_count = sizeof default_times / sizeof default_times[0];
    }
    if (names.message_count == 0) {
        names.messages = default_messages;
        names.message_count = sizeof default_messages / sizeof default_messages[0];
    }
    *tally = (struct decode_tally){0};
    if (in.len >= sizeof bom && memcmp(in.at, bom, sizeof bom) == 0)
        in = (struct bytes){in.at + sizeof bom, in.len - sizeof bom};
    enum tsdb_status st = log_stage_init(&s, task, tally, in.len, LINE_BYTES_MIN);
    struct bytes first = trim(in);
    if (st == TSDB_OK && first.len > 0)
        st = first.at[0] == '[' ? put_array(&s, &names, first) : put_lines(&s, &names, in);
    return log_stage_end(&s, st, "JSON lines", err);
}
