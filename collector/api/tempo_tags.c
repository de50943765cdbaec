#include "collector/api/tempo.h"
#include "collector/api/tempo_answer.h"
#include "collector/net/protobuf.h"
#include "tsdb/base/text.h"

#include <stdlib.h>

/* What can be asked of every span, beside its attributes. */
static const char *const intrinsics[] = {"duration",
                                         "event:name",
                                         "event:timeSinceStart",
                                         "instrumentation:name",
                                         "instrumentation:version",
                                         "kind",
                                         "link:spanID",
                                         "link:traceID",
                                         "name",
                                         "rootName",
                                         "rootServiceName",
                                         "span:duration",
                                         "span:id",
                                         "span:kind",
                                         "span:name",
                                         "span:parentID",
                                         "span:status",
                                         "span:statusMessage",
                                         "status",
                                         "statusMessage",
                                         "trace:duration",
                                         "trace:id",
                                         "trace:rootName",
                                         "trace:rootService",
                                         "traceDuration"};
enum { INTRINSICS = sizeof intrinsics / sizeof intrinsics[0] };

static const char *const place_names[] = {
    [TSDB_PLACE_RESOURCE] = "resource",     [TSDB_PLACE_SPAN] = "span",
    [TSDB_PLACE_EVENT] = "event",           [TSDB_PLACE_LINK] = "link",
    [TSDB_PLACE_SCOPE] = "instrumentation", [TSDB_PLACE_INTRINSIC] = "intrinsic"};

/* The scope that a request names; false and answered when there is no such one. */
static bool ask_place(struct request *r, struct tsdb_text name, enum tsdb_trace_place *out)
{
    *out = TSDB_PLACE_ANY;
    if (name.len == 0 || text_equal(name, text_of("none")))
        return true;
    for (int i = TSDB_PLACE_RESOURCE; i <= TSDB_PLACE_INTRINSIC; i++)
        if (text_equal(name, text_of(place_names[i]))) {
            *out = (enum tsdb_trace_place)i;
            return true;
        }
    reply_fail(&r->reply, REPLY_BAD_DATA, "invalid scope: %.*s",
               name.len > 100 ? 100 : (int)name.len, name.at);
    return false;
}

static struct tsdb_trace_scope scope_of(const struct request *r, const struct tempo_asked *asked)
{
    struct tsdb_trace_scope scope = {.tenant = request_tenant(r),
                                     .start = asked->start,
                                     .end = asked->end,
                                     .query = asked->query};
    if (!asked->has_range) {
        scope.end = INT64_MAX;
        scope.start = clock_wall_ns(r->api->options.clock) - TEMPO_TAGS_SINCE;
    }
    return scope;
}

/* A list being written by a visitor of the engine. */
struct listing {
    struct tempo_answer answer;
    uint64_t limit, count;             /* limit 0: all; of a scope */
    enum tsdb_trace_place place, open; /* open: whose list is being written */
    bool is_keyword;                   /* values are TraceQL's words */
};

static bool admits(struct listing *l)
{
    return (l->limit == 0 || l->count++ < l->limit) && !tempo_answer_is_over(&l->answer);
}

static enum tsdb_status list_tags(struct request *r, const struct tempo_asked *asked,
                                  enum tsdb_trace_place place, tsdb_trace_tag_fn *fn, void *arg,
                                  struct tsdb_error *err)
{
    struct tsdb_trace_scope scope = scope_of(r, asked);
    if (place == TSDB_PLACE_INTRINSIC)
        return TSDB_OK;
    enum tsdb_status st = tsdb_trace_tags(r->api->options.db, &scope, place, fn, arg, err);
    if (st != TSDB_EINVAL || scope.query.len == 0)
        return st;
    /* Editors send what is only half typed: then it filters nothing. */
    scope.query = (struct tsdb_text){0};
    return tsdb_trace_tags(r->api->options.db, &scope, place, fn, arg, err);
}

/* ---- version 2 of tags: by scope ------------------------------------------------------------- */

static void open_place(struct listing *l, enum tsdb_trace_place place)
{
    struct tempo_answer *a = &l->answer;
    l->open = place;
    l->count = 0;
    tempo_answer_item(a);
    if (!a->is_json) {
        protobuf_text(&a->message, 1, text_of(place_names[place]));
        return;
    }
    json_object(tempo_answer_json(a));
    json_key(tempo_answer_json(a), "name");
    json_word(tempo_answer_json(a), place_names[place]);
    json_key(tempo_answer_json(a), "tags");
    json_array(tempo_answer_json(a));
}

static void close_place(struct listing *l)
{
    struct tempo_answer *a = &l->answer;
    if (l->open == TSDB_PLACE_ANY)
        return;
    if (a->is_json) {
        json_end_array(tempo_answer_json(a));
        json_end_object(tempo_answer_json(a));
    }
    tempo_answer_item_end(a);
    l->open = TSDB_PLACE_ANY;
}

/* The visit goes on beyond the limit of one scope: the next one has its own. */
static bool put_scoped(void *arg, enum tsdb_trace_place place, struct tsdb_text name)
{
    struct listing *l = arg;
    if (place != l->open) {
        close_place(l);
        open_place(l, place);
    }
    if (admits(l)) {
        if (l->answer.is_json)
            json_text(tempo_answer_json(&l->answer), name);
        else
            protobuf_bytes_set(&l->answer.message, 2, name.at, name.len);
    }
    return !tempo_answer_is_over(&l->answer);
}

static void run_tags_2(struct request *r)
{
    struct tempo_asked asked;
    struct tsdb_error err = {0};
    struct listing l = {0};
    if (!tempo_ask(r, &asked) || !ask_place(r, asked.scope, &l.place))
        return;
    l.limit = asked.limit;
    tempo_answer_begin(&l.answer, r, "scopes");
    enum tsdb_status st = list_tags(r, &asked, l.place, put_scoped, &l, &err);
    if (st == TSDB_OK && (l.place == TSDB_PLACE_ANY || l.place == TSDB_PLACE_INTRINSIC))
        for (size_t i = 0; i < INTRINSICS; i++)
            (void)put_scoped(&l, TSDB_PLACE_INTRINSIC, text_of(intrinsics[i]));
    close_place(&l);
    if (st == TSDB_OK) {
        tempo_answer_end(&l.answer, NULL);
        return;
    }
    tempo_answer_drop(&l.answer);
    request_fail_engine(r, st, &err, NULL);
}

/* ---- version 1 of tags: names only ---------------------------------------------------------- */

enum { NAMES_MAX = 1 << 16 };

/* The names of all scopes, in the arena of the request. */
struct names {
    struct arena *arena;
    struct tsdb_text *at;
    size_t count;
    bool is_full;
};

static bool collect(void *arg, enum tsdb_trace_place place, struct tsdb_text name)
{
    struct names *n = arg;
    (void)place;
    char *copy = n->count < NAMES_MAX ? ARENA_ARRAY(n->arena, char, name.len + 1) : NULL;
    n->is_full = !copy;
    if (copy)
        n->at[n->count++] = (struct tsdb_text){memcpy(copy, name.at, name.len), name.len};
    return copy != NULL;
}

static int by_text(const void *a, const void *b)
{
    return text_compare(*(const struct tsdb_text *)a, *(const struct tsdb_text *)b);
}

static void put_word(struct listing *l, struct tsdb_text name)
{
    if (l->answer.is_json)
        json_text(tempo_answer_json(&l->answer), name);
    else
        protobuf_bytes_set(&l->answer.message, 1, name.at, name.len);
}

static void put_names(struct listing *l, struct names *n)
{
    if (n->count > 0)
        qsort(n->at, n->count, sizeof *n->at, by_text);
    for (size_t i = 0; i < n->count; i++)
        if ((i == 0 || !text_equal(n->at[i], n->at[i - 1])) && admits(l))
            put_word(l, n->at[i]);
}

static void run_tags(struct request *r)
{
    struct tempo_asked asked;
    struct tsdb_error err = {0};
    struct listing l = {0};
    struct names names = {.arena = request_arena(r)};
    if (!tempo_ask(r, &asked) || !ask_place(r, asked.scope, &l.place))
        return;
    names.at = ARENA_ARRAY(names.arena, struct tsdb_text, NAMES_MAX);
    enum tsdb_status st =
        names.at ? list_tags(r, &asked, l.place, collect, &names, &err) : TSDB_ELIMIT;
    for (size_t i = 0; l.place == TSDB_PLACE_INTRINSIC && names.at && i < INTRINSICS; i++)
        (void)collect(&names, TSDB_PLACE_INTRINSIC, text_of(intrinsics[i]));
    if (st != TSDB_OK || names.is_full) {
        reply_fail(&r->reply, st == TSDB_OK ? REPLY_EXECUTION : reply_error_of(st), "%s",
                   st == TSDB_OK || !names.at ? "there are too many names" : err.msg);
        return;
    }
    l.limit = asked.limit;
    tempo_answer_begin(&l.answer, r, "tagNames");
    put_names(&l, &names);
    tempo_answer_end(&l.answer, NULL);
}

/* ---- values --------------------------------------------------------------------------------- */

static const char *type_name(const struct listing *l, uint8_t type)
{
    static const char *const names[TSDB_FIELD_TYPE_COUNT] = {"string", "int",    "float", "bool",
                                                             "string", "string", "string"};
    return l->is_keyword ? "keyword" : names[type];
}

static bool put_typed(void *arg, uint8_t type, struct tsdb_text value)
{
    struct listing *l = arg;
    struct tempo_answer *a = &l->answer;
    if (!admits(l))
        return false;
    tempo_answer_item(a);
    if (a->is_json) {
        json_object(tempo_answer_json(a));
        json_key(tempo_answer_json(a), "type");
        json_word(tempo_answer_json(a), type_name(l, type));
        json_key(tempo_answer_json(a), "value");
        json_text(tempo_answer_json(a), value);
        json_end_object(tempo_answer_json(a));
    } else {
        protobuf_text(&a->message, 1, text_of(type_name(l, type)));
        protobuf_text(&a->message, 2, value);
    }
    tempo_answer_item_end(a);
    return true;
}

static bool put_untyped(void *arg, uint8_t type, struct tsdb_text value)
{
    struct listing *l = arg;
    (void)type;
    if (!admits(l))
        return false;
    put_word(l, value);
    return true;
}

static bool is_keyword(struct tsdb_text name)
{
    static const char *const words[] = {"status", "kind", "span:status", "span:kind"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (text_equal(name, text_of(words[i])))
            return true;
    return false;
}

static void end_values(struct request *r, struct listing *l, const struct tempo_asked *asked,
                       struct tsdb_text name, tsdb_trace_value_fn *fn)
{
    struct tsdb_error err = {0};
    struct tsdb_trace_scope scope = scope_of(r, asked);
    struct tsdb *db = r->api->options.db;
    scope.limit = asked->limit > UINT32_MAX ? UINT32_MAX : (uint32_t)asked->limit;
    l->limit = asked->limit;
    l->is_keyword = l->place == TSDB_PLACE_INTRINSIC && is_keyword(name);
    tempo_answer_begin(&l->answer, r, "tagValues");
    enum tsdb_status st = tsdb_trace_tag_values(db, &scope, l->place, name, fn, l, &err);
    if (st == TSDB_EINVAL && scope.query.len > 0) { /* half typed */
        scope.query = (struct tsdb_text){0};
        st = tsdb_trace_tag_values(db, &scope, l->place, name, fn, l, &err);
    }
    if (st == TSDB_OK) {
        tempo_answer_end(&l->answer, NULL);
        return;
    }
    tempo_answer_drop(&l->answer);
    request_fail_engine(r, st, &err, NULL);
}

/* The name in a path, or in a message. */
static bool ask_name(struct request *r, const char *before, struct tempo_asked *asked)
{
    return tempo_ask(r, asked) &&
           (r->errors == REPLY_GRPC || request_path_part(r, before, "/values", &asked->name));
}

static void run_values_2(struct request *r)
{
    struct tempo_asked asked;
    struct tsdb_text name;
    struct listing l = {0};
    if (!ask_name(r, "/api/v2/search/tag/", &asked))
        return;
    if (tempo_identifier(asked.name, request_arena(r), &l.place, &name))
        end_values(r, &l, &asked, name, put_typed);
    else
        reply_fail(&r->reply, REPLY_BAD_DATA,
                   "please provide a valid tagName: an attribute with its scope, or an intrinsic");
}

/* Names of version 1 have no scope. */
static void run_values(struct request *r)
{
    struct tempo_asked asked;
    struct tsdb_text name;
    struct listing l = {0};
    if (!ask_name(r, "/api/search/tag/", &asked))
        return;
    if (text_equal(asked.name, text_of("status.code")))
        asked.name = text_of("status");
    if (!tempo_identifier(asked.name, request_arena(r), &l.place, &name) ||
        l.place != TSDB_PLACE_INTRINSIC) {
        l.place = TSDB_PLACE_ANY;
        name = asked.name;
    }
    if (name.len > 0)
        end_values(r, &l, &asked, name, put_untyped);
    else
        reply_fail(&r->reply, REPLY_BAD_DATA, "please provide a non-empty tagName");
}

/* ---- handlers -------------------------------------------------------------------------------- */

void handle_tempo_tags(void *arg, struct exchange *x)
{
    tempo_submit(arg, x, run_tags);
}

void handle_tempo_tags_2(void *arg, struct exchange *x)
{
    tempo_submit(arg, x, run_tags_2);
}

void handle_tempo_values(void *arg, struct exchange *x)
{
    tempo_submit(arg, x, run_values);
}

void handle_tempo_values_2(void *arg, struct exchange *x)
{
    tempo_submit(arg, x, run_values_2);
}
