#include "collector/command_trace.h"

#include "collector/command.h"
#include "collector/command_table.h"
#include "collector/self/rfc3339.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT_MAX = 40, NAME_MAX_SHOWN = 200 };

static const char *text_member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void put_text(struct writer *w, const char *text)
{
    command_put_text(w, text_of(text));
}

/* "1.5ms" */
static void put_duration(struct writer *w, double ns)
{
    static const struct {
        double ns;
        const char *unit;
    } units[] = {{60e9, "min"}, {1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
    size_t i = 0;
    while (i + 1 < sizeof units / sizeof units[0] && fabs(ns) < units[i].ns)
        i++;
    writer_format(w, "%.4g%s", ns / units[i].ns, units[i].unit);
}

static void pad_from(struct writer *w, size_t from, size_t width)
{
    do
        writer_u8(w, ' ');
    while (w->len < from + width);
}

/* ---- searches ------------------------------------------------------------------------------- */

static void put_found(struct writer *w, const json_t *t)
{
    char start[RFC3339_MAX];
    size_t matched = 0;
    const json_t *sets = json_object_get(t, "spanSets");
    for (size_t i = 0; i < json_array_size(sets); i++)
        matched += (size_t)json_integer_value(json_object_get(json_array_get(sets, i), "matched"));
    (void)rfc3339_format((int64_t)strtoll(text_member(t, "startTimeUnixNano"), NULL, 10), 3, start);
    put_text(w, text_member(t, "traceID"));
    writer_format(w, "  %s  ", start);
    size_t from = w->len;
    put_duration(w, (double)json_integer_value(json_object_get(t, "durationMs")) * 1e6);
    pad_from(w, from, 10);
    from = w->len;
    writer_format(w, "%zu", matched);
    pad_from(w, from, 6);
    put_text(w, text_member(t, "rootServiceName"));
    writer_text(w, ": ");
    put_text(w, text_member(t, "rootTraceName"));
    writer_u8(w, '\n');
}

static void put_search(struct writer *w, const json_t *root)
{
    const json_t *found = json_object_get(root, "traces");
    if (json_array_size(found) == 0)
        return;
    writer_text(w, "trace                             start                     duration  spans "
                   "root\n");
    for (size_t i = 0; i < json_array_size(found); i++)
        put_found(w, json_array_get(found, i));
}

/* ---- metric queries ------------------------------------------------------------------------- */

static int append(const char *at, size_t len, void *w)
{
    writer_put(w, at, len);
    return 0;
}

/* A value that was parsed, as JSON again; numbers and truth values as texts. */
static void put_json(struct writer *w, const json_t *value)
{
    if (json_is_string(value))
        (void)json_dump_callback(value, append, w, JSON_ENCODE_ANY); /* append never fails */
    else if (json_is_boolean(value))
        writer_text(w, json_is_true(value) ? "\"true\"" : "\"false\"");
    else
        writer_format(w, "\"%.17g\"", json_number_value(value));
}

/* The one member of a KeyValue's value. */
static const json_t *any_value(const json_t *value)
{
    static const char *const members[] = {"stringValue", "intValue", "boolValue", "doubleValue"};
    const json_t *v = NULL;
    for (size_t i = 0; i < sizeof members / sizeof members[0] && !v; i++)
        v = json_object_get(value, members[i]);
    return v;
}

/* A series as Prometheus' API has it; times do not matter to a table.  (Text that is parsed
 * again: jansson's functions that make values have the names of the API's writer.) */
static void write_series(struct writer *w, const json_t *in)
{
    const json_t *labels = json_object_get(in, "labels");
    const json_t *samples = json_object_get(in, "samples");
    writer_text(w, "{\"metric\":{");
    for (size_t i = 0; i < json_array_size(labels); i++) {
        const json_t *label = json_array_get(labels, i);
        writer_text(w, i > 0 ? "," : "");
        put_json(w, json_object_get(label, "key"));
        writer_u8(w, ':');
        put_json(w, any_value(json_object_get(label, "value")));
    }
    writer_text(w, samples ? "},\"values\":[" : "},\"value\":[0,");
    for (size_t i = 0; i < json_array_size(samples); i++) {
        writer_text(w, i > 0 ? ",[0," : "[0,");
        put_json(w, json_object_get(json_array_get(samples, i), "value"));
        writer_u8(w, ']');
    }
    if (!samples)
        put_json(w, json_object_get(in, "value"));
    writer_text(w, "]}");
}

static void put_series(struct writer *w, const json_t *root, bool has_range)
{
    struct writer text = {0};
    const json_t *series = json_object_get(root, "series");
    for (size_t i = 0; i < json_array_size(series); i++) {
        writer_u8(&text, i > 0 ? ',' : '[');
        write_series(&text, json_array_get(series, i));
    }
    writer_text(&text, text.len > 0 ? "]" : "[]");
    json_t *result = json_loadb((const char *)text.at, text.len, 0, NULL);
    (has_range ? table_put_matrix : table_put_vector)(w, result);
    json_decref(result);
    writer_release(&text);
}

/* ---- asking --------------------------------------------------------------------------------- */

/* The one line of an error, as text or in Jaeger's form. */
static int fail(const struct http_answer *answer)
{
    struct tsdb_text text = {(const char *)answer->body.at, answer->body.len};
    json_t *root = json_loadb(text.at ? text.at : "", text.len, 0, NULL);
    const char *msg = text_member(json_array_get(json_object_get(root, "errors"), 0), "msg");
    if (msg[0])
        (void)command_fail(0, "%s", msg);
    else if (text.len > 0)
        (void)command_fail(0, "%.*s", (int)(text.len > 1000 ? 1000 : text.len - 1), text.at);
    else
        (void)command_fail(0, "the server answered HTTP %d", answer->status);
    json_decref(root);
    return COMMAND_FAILED;
}

static int print(struct writer *w)
{
    bool is_written = command_print(w);
    writer_release(w);
    return is_written ? COMMAND_OK : COMMAND_FAILED;
}

static int show(struct http_answer *answer, bool is_metric, bool has_range, bool is_json)
{
    struct writer out = {0};
    if (answer->status != 200)
        return fail(answer);
    if (is_json) {
        writer_u8(&answer->body, '\n');
        return command_print(&answer->body) ? COMMAND_OK : COMMAND_FAILED;
    }
    json_t *root = json_loadb((const char *)answer->body.at, answer->body.len, 0, NULL);
    if (!root)
        return command_fail(COMMAND_FAILED, "the answer is no JSON");
    if (is_metric)
        put_series(&out, root, has_range);
    else
        put_search(&out, root);
    json_decref(root);
    return print(&out);
}

/* Whether a search was refused because the query is one of metrics. */
static bool is_metric_query(const struct http_answer *answer)
{
    static const char refusal[] = "a metrics query";
    return answer->status == 400 && answer->body.len > sizeof refusal &&
           memcmp(answer->body.at, refusal, sizeof refusal - 1) == 0;
}

int trace_query(const struct server *server, struct bytes form, bool has_range, bool is_json)
{
    struct http_answer answer = {0};
    struct server_question question = {.path = "/tempo/api/search", .form = form, .is_get = true};
    int exit_status = server_ask(server, &question, &answer);
    bool is_metric = exit_status == COMMAND_OK && is_metric_query(&answer);
    if (is_metric) {
        writer_release(&answer.body);
        answer = (struct http_answer){0};
        question.path = has_range ? "/tempo/api/metrics/query_range" : "/tempo/api/metrics/query";
        exit_status = server_ask(server, &question, &answer);
    }
    if (exit_status == COMMAND_OK)
        exit_status = show(&answer, is_metric, has_range, is_json);
    writer_release(&answer.body);
    return exit_status;
}

/* ---- a tree of spans ------------------------------------------------------------------------ */

/* Indexes are those of the answer's spans; -1: none. */
struct tree {
    const json_t *spans, *processes;
    size_t count;
    long *parent, *first, *last, *next; /* owned: children as lists, in the answer's order */
    bool *is_shown;                     /* owned */
};

struct named {
    const char *id;
    size_t index;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->id, ((const struct named *)b)->id);
}

static const char *parent_id(const json_t *span)
{
    const json_t *references = json_object_get(span, "references");
    for (size_t i = 0; i < json_array_size(references); i++) {
        const json_t *r = json_array_get(references, i);
        if (strcmp(text_member(r, "refType"), "CHILD_OF") == 0 &&
            strcmp(text_member(r, "traceID"), text_member(span, "traceID")) == 0)
            return text_member(r, "spanID");
    }
    return "";
}

static void tree_link(struct tree *t, size_t i, long parent)
{
    t->parent[i] = parent;
    t->next[i] = -1;
    if (parent < 0)
        return;
    if (t->last[parent] < 0)
        t->first[parent] = (long)i;
    else
        t->next[t->last[parent]] = (long)i;
    t->last[parent] = (long)i;
}

static void tree_init(struct tree *t, const json_t *trace)
{
    t->spans = json_object_get(trace, "spans");
    t->processes = json_object_get(trace, "processes");
    t->count = json_array_size(t->spans);
    t->parent = MEM_ARRAY(long, t->count);
    t->first = MEM_ARRAY(long, t->count);
    t->last = MEM_ARRAY(long, t->count);
    t->next = MEM_ARRAY(long, t->count);
    t->is_shown = MEM_ARRAY(bool, t->count);
    struct named *names = MEM_ARRAY(struct named, t->count);
    for (size_t i = 0; i < t->count; i++) {
        t->first[i] = t->last[i] = -1;
        names[i] = (struct named){text_member(json_array_get(t->spans, i), "spanID"), i};
    }
    qsort(names, t->count, sizeof *names, by_id);
    for (size_t i = 0; i < t->count; i++) {
        struct named want = {.id = parent_id(json_array_get(t->spans, i))};
        const struct named *found =
            want.id[0] ? bsearch(&want, names, t->count, sizeof *names, by_id) : NULL;
        tree_link(t, i, found && found->index != i ? (long)found->index : -1);
    }
    mem_free(names);
}

static void tree_release(struct tree *t)
{
    mem_free(t->parent);
    mem_free(t->first);
    mem_free(t->last);
    mem_free(t->next);
    mem_free(t->is_shown);
}

static const char *tag(const json_t *span, const char *key)
{
    const json_t *tags = json_object_get(span, "tags");
    for (size_t i = 0; i < json_array_size(tags); i++)
        if (strcmp(text_member(json_array_get(tags, i), "key"), key) == 0)
            return text_member(json_array_get(tags, i), "value");
    return "";
}

static double us(const json_t *span, const char *key)
{
    return json_number_value(json_object_get(span, key));
}

static void put_span(struct writer *w, const struct tree *t, size_t i, unsigned depth, double start)
{
    const json_t *span = json_array_get(t->spans, i);
    const json_t *process = json_object_get(t->processes, text_member(span, "processID"));
    const char *kind = tag(span, "span.kind"), *status = tag(span, "otel.status_code");
    size_t from = w->len;
    put_duration(w, (us(span, "startTime") - start) * 1e3);
    pad_from(w, from, 10);
    from = w->len;
    put_duration(w, us(span, "duration") * 1e3);
    pad_from(w, from, 10);
    for (unsigned d = 0; d < depth && d < INDENT_MAX; d++)
        writer_text(w, "  ");
    put_text(w, text_member(process, "serviceName"));
    writer_text(w, ": ");
    put_text(w, text_member(span, "operationName"));
    if (kind[0]) {
        writer_text(w, "  ");
        put_text(w, kind);
    }
    if (strcmp(status, "ERROR") == 0) {
        writer_text(w, "  ERROR ");
        put_text(w, tag(span, "otel.status_description"));
    }
    writer_u8(w, '\n');
}

/* Depth first, without recursion: a trace may be as deep as it is long.  A ring of parents
 * is entered once. */
static void put_branch(struct writer *w, struct tree *t, size_t root, double start)
{
    unsigned depth = 0;
    long i = (long)root;
    while (i >= 0) {
        if (!t->is_shown[i]) {
            t->is_shown[i] = true;
            put_span(w, t, (size_t)i, depth, start);
            if (t->first[i] >= 0) {
                i = t->first[i];
                depth++;
                continue;
            }
        }
        while (i >= 0 && i != (long)root && t->next[i] < 0) {
            i = t->parent[i];
            depth--;
        }
        i = i < 0 || i == (long)root ? -1 : t->next[i];
    }
}

static void put_tree(struct writer *w, const json_t *trace)
{
    struct tree t = {0};
    double start = (double)INFINITY, end = 0;
    char when[RFC3339_MAX];
    tree_init(&t, trace);
    for (size_t i = 0; i < t.count; i++) {
        const json_t *span = json_array_get(t.spans, i);
        start = fmin(start, us(span, "startTime"));
        end = fmax(end, us(span, "startTime") + us(span, "duration"));
    }
    (void)rfc3339_format(t.count ? (int64_t)(start * 1e3) : 0, 3, when);
    put_text(w, text_member(trace, "traceID"));
    writer_format(w, "  %zu spans  %s  ", t.count, when);
    put_duration(w, t.count ? (end - start) * 1e3 : 0);
    writer_u8(w, '\n');
    for (size_t i = 0; i < t.count; i++)
        if (t.parent[i] < 0)
            put_branch(w, &t, i, start);
    for (size_t i = 0; i < t.count; i++) /* what hangs in a ring */
        if (!t.is_shown[i])
            put_branch(w, &t, i, start);
    tree_release(&t);
}

static int show_trace(struct http_answer *answer, bool is_json)
{
    struct writer out = {0};
    if (answer->status != 200)
        return fail(answer);
    if (is_json) {
        writer_u8(&answer->body, '\n');
        return command_print(&answer->body) ? COMMAND_OK : COMMAND_FAILED;
    }
    json_t *root = json_loadb((const char *)answer->body.at, answer->body.len, 0, NULL);
    const json_t *trace = json_array_get(json_object_get(root, "data"), 0);
    if (!trace) {
        json_decref(root);
        return command_fail(COMMAND_FAILED, "the answer is not one of a trace API");
    }
    put_tree(&out, trace);
    const json_t *warnings = json_object_get(trace, "warnings");
    for (size_t i = 0; i < json_array_size(warnings); i++)
        (void)command_fail(0, "warning: %s",
                           json_string_value(json_array_get(warnings, i))
                               ? json_string_value(json_array_get(warnings, i))
                               : "");
    json_decref(root);
    return print(&out);
}

int command_trace(int argc, const char *const *argv)
{
    const char *id = NULL;
    bool is_json = false;
    struct server server = {.timeout = "2m"};
    const struct command_flag flags[] = {
        {.name = "--json", .is_set = &is_json},
        {.name = "--url", .value = &server.url},
        {.name = "--token-file", .value = &server.token_file},
        {.name = "--timeout", .value = &server.timeout},
    };
    const struct command_line line = {
        "trace ID [--json] [--url http://127.0.0.1:4318] [--token-file FILE] [--timeout 2m]", flags,
        sizeof flags / sizeof flags[0], &id, 1};
    if (!command_parse(argc, argv, &line))
        return COMMAND_USAGE;
    char path[64];
    if (strlen(id) > 32 || id[strspn(id, "0123456789abcdefABCDEF")] || !id[0])
        return command_fail(COMMAND_USAGE,
                            "\"%.*s\" is no trace id: want up to 32 hexadecimal digits",
                            NAME_MAX_SHOWN, id);
    (void)snprintf(path, sizeof path, "/jaeger/api/traces/%s", id);
    struct http_answer answer = {0};
    const struct server_question question = {.path = path, .is_get = true};
    int exit_status = server_ask(&server, &question, &answer);
    if (exit_status == COMMAND_OK)
        exit_status = show_trace(&answer, is_json);
    writer_release(&answer.body);
    return exit_status;
}
