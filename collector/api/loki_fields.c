/* Which fields the records of a query have: their own, and those that a parser would find
 * in their lines.  The engine's parsers are asked over a sample: the query once with
 * "| json" at its end, and, for the lines that are no JSON, once with "| logfmt". */
#include "collector/api/field_kind.h"
#include "collector/api/loki.h"
#include "collector/api/tally.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/text.h"

#include <string.h>

enum {
    SAMPLE_LINES = 1000,
    SAMPLE_LINES_MAX = 5000,
    FIELDS_MAX = 1000,
    FIELD_SLOTS = 4096, /* a power of two, at most half full */
    FIELD_VALUES = 1000,
};

enum { FROM_JSON = 1, FROM_LOGFMT = 2 };

struct field {
    struct tsdb_text name;
    unsigned parsers; /* FROM_*; 0: structured metadata */
    unsigned kinds;   /* 1 << enum field_kind */
    uint64_t cardinality;
    bool is_top_level; /* a key of the line's JSON, not a flattened path */
};

/* What the sample tells.  Values are counted as "name\0value". */
struct fields {
    struct request *r;
    struct field *at;
    uint32_t *slots; /* index plus one */
    uint32_t count;
    struct tally values;
    struct writer scratch; /* owned */
    int64_t *plain;        /* times of the lines that are no JSON, in order of the answer */
    uint32_t plain_count, plain_at;
    unsigned parser; /* of the pass under way */
    uint64_t lines;
};

static bool fields_init(struct fields *f, struct request *r)
{
    struct arena *arena = request_arena(r);
    *f = (struct fields){.r = r};
    f->at = ARENA_ARRAY(arena, struct field, FIELDS_MAX);
    f->slots = ARENA_ARRAY(arena, uint32_t, FIELD_SLOTS);
    f->plain = ARENA_ARRAY(arena, int64_t, SAMPLE_LINES_MAX);
    if (f->at && f->slots && f->plain && tally_init(&f->values, arena))
        return true;
    reply_fail(&r->reply, REPLY_UNAVAILABLE, "out of memory for the request");
    return false;
}

/* NULL: there are too many, or the arena is full; the answer is a hint, not an account. */
static struct field *field_of(struct fields *f, struct tsdb_text name)
{
    uint64_t slot = hash64(0, name.at, name.len);
    for (;; slot++) {
        uint32_t index = f->slots[slot & (FIELD_SLOTS - 1)];
        if (index == 0)
            break;
        if (text_equal(f->at[index - 1].name, name))
            return &f->at[index - 1];
    }
    char *copy =
        f->count < FIELDS_MAX ? ARENA_ARRAY(request_arena(f->r), char, name.len + 1) : NULL;
    if (!copy)
        return NULL;
    memcpy(copy, name.at, name.len);
    f->at[f->count] = (struct field){.name = {copy, name.len}};
    f->slots[slot & (FIELD_SLOTS - 1)] = ++f->count;
    return &f->at[f->count - 1];
}

static bool is_key_of(struct tsdb_text line, struct tsdb_text name)
{
    const char *at = line.at, *end = line.at + line.len;
    while ((at = memmem(at, (size_t)(end - at), name.at, name.len))) {
        const char *next = at + name.len;
        if (at > line.at && at[-1] == '"' && next < end && *next == '"')
            return true;
        at = next;
    }
    return false;
}

static void add_field(struct fields *f, const struct tsdb_label *label, unsigned parser,
                      struct tsdb_text line)
{
    struct field *field = field_of(f, label->name);
    if (!field)
        return;
    field->parsers |= parser;
    field->kinds |= 1u << field_kind_of(label->value);
    if (parser == FROM_JSON && !field->is_top_level)
        field->is_top_level = is_key_of(line, label->name);
    writer_reset(&f->scratch);
    writer_put(&f->scratch, label->name.at, label->name.len);
    writer_u8(&f->scratch, 0);
    writer_put(&f->scratch, label->value.at, label->value.len);
    uint32_t before = f->values.count;
    tally_add(&f->values, (struct tsdb_text){(const char *)f->scratch.at, f->scratch.len}, 1);
    field->cardinality += f->values.count > before;
}

static bool is_error(struct tsdb_text name)
{
    return text_equal(name, text_of("__error__")) || text_equal(name, text_of("__error_details__"));
}

static bool has_error(struct tsdb_labels labels)
{
    for (uint32_t i = 0; i < labels.count; i++)
        if (is_error(labels.at[i].name))
            return true;
    return false;
}

static void add_fields(struct fields *f, const struct tsdb_log_entry *e)
{
    for (uint32_t i = 0; i < e->parsed.count; i++)
        if (!is_error(e->parsed.at[i].name))
            add_field(f, &e->parsed.at[i], f->parser, e->line);
}

static bool visit_json(void *arg, const struct tsdb_log_entry *e)
{
    struct fields *f = arg;
    f->lines++;
    for (uint32_t i = 0; i < e->metadata.count; i++)
        if (!is_error(e->metadata.at[i].name))
            add_field(f, &e->metadata.at[i], 0, e->line);
    if (!has_error(e->parsed) && !has_error(e->metadata))
        add_fields(f, e);
    else if (f->plain_count < SAMPLE_LINES_MAX)
        f->plain[f->plain_count++] = e->ts;
    return true;
}

/* The same lines once more; what is no JSON is known by its time. */
static bool visit_logfmt(void *arg, const struct tsdb_log_entry *e)
{
    struct fields *f = arg;
    if (f->plain_at == f->plain_count)
        return false;
    if (e->ts != f->plain[f->plain_at])
        return true;
    f->plain_at++;
    add_fields(f, e);
    return true;
}

static struct tsdb_text with_stage(struct fields *f, struct tsdb_text query, const char *stage)
{
    char *text = ARENA_ARRAY(request_arena(f->r), char, query.len + strlen(stage));
    if (!text)
        return (struct tsdb_text){0};
    memcpy(text, query.at, query.len);
    memcpy(text + query.len, stage, strlen(stage));
    return (struct tsdb_text){text, query.len + strlen(stage)};
}

/* False: it was answered why not. */
static bool sample(struct fields *f)
{
    struct request *r = f->r;
    struct loki_range range;
    struct tsdb_text query = request_param(r, "query");
    struct tsdb_log_options options = {.limit = SAMPLE_LINES};
    if (query.len == 0) {
        reply_fail(&r->reply, REPLY_BAD_DATA, "the parameter \"query\" is missing");
        return false;
    }
    if (!loki_ask_range(r, NS_PER_HOUR, &range) ||
        !request_count(r, "line_limit", SAMPLE_LINES_MAX, &options.limit))
        return false;
    options.start = range.start;
    options.end = range.end;
    /* A line break ends a comment that the query may end in. */
    f->parser = FROM_JSON;
    if (!loki_each_entry(r, with_stage(f, query, "\n| json"), &options, visit_json, f))
        return false;
    f->parser = FROM_LOGFMT;
    return f->plain_count == 0 ||
           loki_each_entry(r, with_stage(f, query, "\n| logfmt"), &options, visit_logfmt, f);
}

/* ---- detected_fields --------------------------------------------------------------------------
 */

static void put_parsers(struct json *j, const struct field *field)
{
    json_key(j, "parsers");
    if (field->parsers == 0) {
        json_null(j);
        return;
    }
    json_array(j);
    if (field->parsers & FROM_JSON)
        json_word(j, "json");
    if (field->parsers & FROM_LOGFMT)
        json_word(j, "logfmt");
    json_end_array(j);
}

static void put_field(struct json *j, const struct field *field)
{
    json_object(j);
    json_key(j, "label");
    json_text(j, field->name);
    json_key(j, "type");
    json_word(j, field_kind_name(field_kind_merge(field->kinds)));
    json_key(j, "cardinality");
    json_u64(j, field->cardinality);
    put_parsers(j, field);
    if (field->is_top_level) {
        json_key(j, "jsonPath");
        json_array(j);
        json_text(j, field->name);
        json_end_array(j);
    }
    json_end_object(j);
}

static void run_fields(struct request *r)
{
    struct fields f;
    uint64_t limit = FIELDS_MAX;
    if (!request_count(r, "limit", FIELDS_MAX, &limit) || !fields_init(&f, r))
        return;
    if (sample(&f)) {
        struct json *j = &r->reply.json;
        reply_begin_bare(&r->reply);
        json_object(j);
        json_key(j, "fields");
        json_array(j);
        for (uint32_t i = 0; i < f.count && i < limit; i++)
            put_field(j, &f.at[i]);
        json_end_array(j);
        json_key(j, "limit");
        json_u64(j, limit);
        json_end_object(j);
        reply_end(&r->reply);
    }
    writer_release(&f.scratch);
}

/* ---- detected_field/NAME/values ----------------------------------------------------------------
 */

static void put_values(struct json *j, struct fields *f, struct tsdb_text name, uint64_t limit)
{
    uint32_t count = tally_top(&f->values, TALLY_NAMES_MAX);
    for (uint32_t i = 0; i < count && limit > 0; i++) {
        struct tsdb_text pair = f->values.entries[i].name;
        if (pair.len <= name.len || pair.at[name.len] != '\0' ||
            memcmp(pair.at, name.at, name.len) != 0)
            continue;
        json_text(j, (struct tsdb_text){pair.at + name.len + 1, pair.len - name.len - 1});
        limit--;
    }
}

static void run_field_values(struct request *r)
{
    struct fields f;
    struct tsdb_text name;
    uint64_t limit = FIELD_VALUES;
    if (!request_path_name(r, LOKI_API "/detected_field/", "/values", &name) ||
        !request_count(r, "limit", TALLY_NAMES_MAX, &limit) || !fields_init(&f, r))
        return;
    if (sample(&f)) {
        struct json *j = &r->reply.json;
        reply_begin_bare(&r->reply);
        json_object(j);
        json_key(j, "values");
        json_array(j);
        put_values(j, &f, name, limit);
        json_end_array(j);
        json_key(j, "limit");
        json_u64(j, limit);
        json_end_object(j);
        reply_end(&r->reply);
    }
    writer_release(&f.scratch);
}

void handle_loki_detected_fields(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_fields);
}

void handle_loki_field_values(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_field_values);
}
