#include "collector/api/loki.h"
#include "tsdb/base/text.h"

/* A list being written by a visitor of the engine. */
struct listing {
    struct json *json;
    uint64_t limit, count; /* limit 0: all */
};

static bool admits(struct listing *l)
{
    return (l->limit == 0 || l->count++ < l->limit) && !l->json->is_gone;
}

static bool put_text(void *arg, struct tsdb_text text)
{
    struct listing *l = arg;
    if (!admits(l))
        return false;
    json_text(l->json, text);
    return true;
}

static bool put_stream(void *arg, struct tsdb_labels labels)
{
    struct listing *l = arg;
    if (!admits(l))
        return false;
    json_labels(l->json, labels);
    return true;
}

static struct listing begin(struct request *r, const struct tsdb_scope *scope)
{
    reply_begin(&r->reply);
    json_array(&r->reply.json);
    return (struct listing){.json = &r->reply.json, .limit = scope->limit};
}

static void end(struct request *r, enum tsdb_status st, const struct tsdb_error *err)
{
    if (st != TSDB_OK) {
        request_fail_engine(r, st, err, NULL);
        return;
    }
    json_end_array(&r->reply.json);
    reply_end(&r->reply);
}

static void run_labels(struct request *r)
{
    struct tsdb_scope scope;
    struct tsdb_error err = {0};
    if (!loki_ask_scope(r, "query", &scope))
        return;
    struct listing l = begin(r, &scope);
    end(r, tsdb_log_label_names(r->api->options.db, &scope, put_text, &l, &err), &err);
}

static void run_label_values(struct request *r)
{
    struct tsdb_scope scope;
    struct tsdb_text name;
    struct tsdb_error err = {0};
    if (!request_path_name(r, LOKI_API "/label/", "/values", &name) ||
        !loki_ask_scope(r, "query", &scope))
        return;
    struct listing l = begin(r, &scope);
    end(r, tsdb_log_label_values(r->api->options.db, name, &scope, put_text, &l, &err), &err);
}

static void run_series(struct request *r)
{
    struct tsdb_scope scope;
    struct tsdb_error err = {0};
    const char *param = form_find(&r->form, "match[]").at ? "match[]" : "match";
    if (!loki_ask_scope(r, param, &scope))
        return;
    struct listing l = begin(r, &scope);
    end(r, tsdb_log_streams(r->api->options.db, &scope, put_stream, &l, &err), &err);
}

void handle_loki_labels(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_labels);
}

void handle_loki_label_values(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_label_values);
}

void handle_loki_series(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_series);
}
