#include "collector/decode/log_object.h"

#include "collector/decode/log_json.h"
#include "collector/decode/log_service.h"
#include "collector/decode/log_time.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

enum { LABELS_MAX = LOG_OBJECT_STREAMS_MAX + 2, KEY_BYTES = 1024 };

/* Where a label's value came from; with the value it names the stream. */
enum { FROM_FIXED = 254, FROM_SERVICE = 255 };

struct object {
    struct log_stage *stage;
    const struct log_object_names *names;
    const struct log_object_place *place;
    int64_t ts;
    struct tsdb_text line;
    struct tsdb_label labels[LABELS_MAX];
    uint8_t from[LABELS_MAX]; /* index of the stream field, or one of the above */
    uint32_t label_count;
    uint32_t service; /* field that names the service, or UINT32_MAX */
};

/* Numbers are formatted first, so that 1700000000.123 is what it reads. */
static bool time_of_field(const struct tsdb_field *field, int64_t *ns)
{
    char digits[DOUBLE_TEXT_MAX];
    switch ((enum tsdb_field_type)field->type) {
    case TSDB_FIELD_STRING: return log_time_parse(field->text, ns);
    case TSDB_FIELD_INT:
        return log_time_parse_epoch((struct tsdb_text){digits, i64_format(field->integer, digits)},
                                    ns);
    case TSDB_FIELD_DOUBLE:
        return log_time_parse_epoch((struct tsdb_text){digits, double_format(field->real, digits)},
                                    ns);
    case TSDB_FIELD_BOOL:
    case TSDB_FIELD_BYTES:
    case TSDB_FIELD_ID:
    case TSDB_FIELD_JSON:
    case TSDB_FIELD_TYPE_COUNT: break;
    }
    return false;
}

/* The first of the names that is a field, or UINT32_MAX. */
static uint32_t find_first(const struct log_fields *f, const struct tsdb_text *names,
                           uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t found = log_fields_find(f, names[i]);
        if (found != UINT32_MAX)
            return found;
    }
    return UINT32_MAX;
}

/* False: the record was refused. */
static bool take_time(struct object *o)
{
    struct log_fields *f = &o->stage->fields;
    uint32_t i = find_first(f, o->names->times, o->names->time_count);
    if (i == UINT32_MAX)
        return true;
    if (!time_of_field(&f->at[i], &o->ts)) {
        struct tsdb_text name = f->at[i].name, value = log_fields_value(f, &f->at[i]);
        log_stage_refuse(o->stage, DECODE_BAD_TIME, "%s %llu: %.*s is no time: %.*s",
                         o->place->what, (unsigned long long)o->place->number,
                         (int)(name.len < 40 ? name.len : 40), name.at,
                         (int)(value.len < 40 ? value.len : 40), value.at);
        return false;
    }
    log_fields_remove(f, i);
    return true;
}

static void take_line(struct object *o, struct bytes in)
{
    struct log_fields *f = &o->stage->fields;
    uint32_t i = find_first(f, o->names->messages, o->names->message_count);
    if (i == UINT32_MAX) {
        o->line = (struct tsdb_text){(const char *)in.at, in.len};
        return;
    }
    o->line = log_fields_value(f, &f->at[i]);
    log_fields_remove(f, i);
}

/* ---- labels ------------------------------------------------------------------------------ */

static bool is_label_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The field's name made into a label name; in the arena, .at NULL when that is full. */
static struct tsdb_text label_name(const struct log_object_stream *stream, struct arena *arena)
{
    if (stream->label.len > 0)
        return stream->label;
    char *at = ARENA_ARRAY(arena, char, stream->field.len + 1);
    size_t n = 0;
    if (!at)
        return (struct tsdb_text){NULL, 0};
    if (stream->field.len > 0 && stream->field.at[0] >= '0' && stream->field.at[0] <= '9')
        at[n++] = '_';
    for (size_t i = 0; i < stream->field.len; i++)
        at[n++] = (char)(is_label_char(stream->field.at[i]) ? stream->field.at[i] : '_');
    return (struct tsdb_text){at, n};
}

static void put_label(struct object *o, uint8_t from, struct tsdb_text name, struct tsdb_text value)
{
    o->from[o->label_count] = from;
    o->labels[o->label_count++] = (struct tsdb_label){name, value};
}

/* Stream fields become labels without names: those are made for new streams only. */
static void take_streams(struct object *o)
{
    struct log_fields *f = &o->stage->fields;
    for (uint32_t k = 0; k < o->names->stream_count; k++) {
        uint32_t i = log_fields_find(f, o->names->streams[k].field);
        if (i == UINT32_MAX)
            continue;
        struct tsdb_text value = log_fields_value(f, &f->at[i]);
        if (value.len == 0 || value.len > DECODE_STREAM_VALUE_MAX)
            continue;
        put_label(o, (uint8_t)k, o->names->streams[k].label, value);
        log_fields_remove(f, i);
    }
}

static void take_service(struct object *o)
{
    const struct log_fields *f = &o->stage->fields;
    unsigned best = LOG_SERVICE_NONE;
    struct tsdb_text service = {"", 0};
    for (uint32_t i = 0; i < f->count; i++) {
        const struct tsdb_field *field = &f->at[i];
        if (field->type != TSDB_FIELD_STRING || field->text.len == 0 ||
            field->text.len > DECODE_STREAM_VALUE_MAX || text_equal(field->name, text_of("name")))
            continue;
        unsigned rank = log_service_rank(field->name);
        if (rank < best) {
            best = rank;
            service = field->text;
        }
    }
    for (uint32_t i = 0; i < o->label_count; i++) {
        uint8_t from = o->from[i];
        bool is_named = from == FROM_FIXED || o->labels[i].name.len > 0;
        struct tsdb_text name = is_named ? o->labels[i].name : o->names->streams[from].field;
        if (log_service_rank(name) <= best)
            return; /* the stage finds it among the labels */
    }
    if (best != LOG_SERVICE_NONE)
        put_label(o, FROM_SERVICE, text_of("service_name"), service);
}

/* What tells streams apart: sources and values, in `room` when they fit there. */
static struct bytes key_of(const struct object *o, uint8_t room[KEY_BYTES])
{
    size_t len = 0;
    for (uint32_t i = 0; i < o->label_count; i++)
        len += 1 + sizeof(uint32_t) + o->labels[i].value.len;
    uint8_t *at = len <= KEY_BYTES ? room : ARENA_ARRAY(&o->stage->scratch, uint8_t, len);
    size_t n = 0;
    for (uint32_t i = 0; at && i < o->label_count; i++) {
        uint32_t value_len = (uint32_t)o->labels[i].value.len;
        at[n++] = o->from[i];
        memcpy(at + n, &value_len, sizeof value_len);
        n += sizeof value_len;
        memcpy(at + n, o->labels[i].value.at, value_len);
        n += value_len;
    }
    return (struct bytes){at, n};
}

/* Names to labels that have none, and each name once: the first stays. */
static bool name_labels(struct object *o)
{
    uint32_t have = 0;
    for (uint32_t i = 0; i < o->label_count; i++) {
        struct tsdb_label l = o->labels[i];
        uint32_t same = 0;
        if (o->from[i] < LOG_OBJECT_STREAMS_MAX)
            l.name = label_name(&o->names->streams[o->from[i]], &o->stage->scratch);
        if (!l.name.at)
            return false;
        while (same < have && !text_equal(o->labels[same].name, l.name))
            same++;
        if (same == have)
            o->labels[have++] = l;
    }
    o->label_count = have;
    return true;
}

static enum tsdb_status find_stream(struct object *o, uint32_t *stream)
{
    uint8_t room[KEY_BYTES];
    struct bytes key = key_of(o, room);
    if (!key.at)
        return TSDB_ELIMIT;
    *stream = log_stage_find(o->stage, key);
    if (*stream != LOG_STAGE_NONE)
        return TSDB_OK;
    if (key.at == room) {
        uint8_t *kept = ARENA_ARRAY(&o->stage->scratch, uint8_t, key.len + 1);
        if (!kept)
            return TSDB_ELIMIT;
        memcpy(kept, room, key.len);
        key.at = kept;
    }
    if (!name_labels(o))
        return TSDB_ELIMIT;
    return log_stage_stream(o->stage, key, (struct tsdb_labels){o->labels, o->label_count}, NULL, 0,
                            stream);
}

/* ---- the object ---------------------------------------------------------------------------- */

static enum tsdb_status parse(struct log_stage *s, struct bytes in)
{
    struct json_pull j;
    json_pull_init(&j, in);
    if (json_next(&j) != JSON_BEGIN_OBJECT)
        return TSDB_ECORRUPT;
    enum tsdb_status st = log_json_fields(&j, &s->fields);
    return st == TSDB_OK && json_next(&j) != JSON_END ? TSDB_ECORRUPT : st;
}

static enum tsdb_status refuse(struct log_stage *s, const struct log_object_place *place,
                               const char *why)
{
    log_stage_refuse(s, DECODE_BAD_RECORD, "%s %llu: %s", place->what,
                     (unsigned long long)place->number, why);
    return TSDB_OK;
}

enum tsdb_status log_object_put(struct log_stage *s, const struct log_object_names *names,
                                struct bytes in, const struct tsdb_label *fixed,
                                const struct log_object_place *place, enum decode_reason *refusal)
{
    struct object o = {.stage = s, .names = names, .place = place};
    uint32_t stream;
    ASSERT(names->stream_count <= LOG_OBJECT_STREAMS_MAX);
    *refusal = DECODE_BAD_RECORD;
    enum tsdb_status st = parse(s, in);
    if (st == TSDB_ECORRUPT)
        return refuse(s, place, "not a JSON object");
    if (st == TSDB_EINVAL)
        return refuse(s, place, "too many fields");
    if (st != TSDB_OK)
        return st;
    if (!take_time(&o)) {
        *refusal = DECODE_BAD_TIME;
        return s->fields.status;
    }
    take_line(&o, in);
    if (fixed)
        put_label(&o, FROM_FIXED, fixed->name, fixed->value);
    take_streams(&o);
    take_service(&o);
    st = s->fields.status;
    if (st == TSDB_OK)
        st = find_stream(&o, &stream);
    if (st != TSDB_OK)
        return st;
    uint64_t before = s->tally->rejected[DECODE_BAD_RECORD];
    st = log_stage_record_level(s, stream, o.ts, o.line);
    if (s->tally->rejected[DECODE_BAD_RECORD] == before)
        *refusal = DECODE_REASON_COUNT;
    return st;
}
