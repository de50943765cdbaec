#include "collector/api/request.h"
#include "collector/self/log.h"
#include "collector/self/rfc3339.h"
#include "tsdb/base/random.h"

#include <stdio.h>
#include <string.h>

static const struct exchange_answer no_content = {.status = 204};

static void run_delete(struct request *r)
{
    struct tsdb_scope scope;
    if (!request_scope(r, &scope))
        return;
    if (scope.selector_count == 0) {
        reply_fail(&r->reply, REPLY_BAD_DATA, "no match[] parameter provided");
        return;
    }
    struct tsdb_error err = {0};
    enum tsdb_status st = tsdb_delete(r->api->options.db, &scope, &err);
    if (st != TSDB_OK) {
        request_fail_engine(r, st, &err, "match[]");
        return;
    }
    log_info("api", "series deleted selectors=%u", (unsigned)scope.selector_count);
    exchange_reply(r->x, &no_content, (struct bytes){0});
}

static void run_clean(struct request *r)
{
    struct tsdb_error err = {0};
    enum tsdb_status st = tsdb_seal(r->api->options.db, &err);
    if (st == TSDB_OK)
        exchange_reply(r->x, &no_content, (struct bytes){0});
    else
        request_fail_engine(r, st, &err, NULL);
}

/* "20261124T120000Z-0123456789abcdef", as Prometheus names them. */
static void snapshot_name(int64_t wall_ns, char out[64])
{
    char time[RFC3339_MAX], compact[RFC3339_MAX];
    size_t len = 0;
    rfc3339_format(wall_ns, 0, time);
    for (const char *p = time; *p; p++)
        if (*p != '-' && *p != ':')
            compact[len++] = *p;
    compact[len] = '\0';
    uint64_t unique;
    random_secret(&unique, sizeof unique);
    (void)snprintf(out, 64, "%s-%016llx", compact, (unsigned long long)unique);
}

static void run_snapshot(struct request *r)
{
    char name[64];
    snapshot_name(clock_wall_ns(r->api->options.clock), name);
    struct tsdb_error err = {0};
    enum tsdb_status st = tsdb_snapshot(r->api->options.db, name, &err);
    if (st != TSDB_OK) {
        request_fail_engine(r, st, &err, NULL);
        return;
    }
    log_info("api", "snapshot taken name=%s", name);
    reply_begin(&r->reply);
    json_object(&r->reply.json);
    json_key(&r->reply.json, "name");
    json_word(&r->reply.json, name);
    json_end_object(&r->reply.json);
    reply_end(&r->reply);
}

static void run_seal(struct request *r)
{
    struct tsdb_error err = {0};
    enum tsdb_status st = tsdb_seal(r->api->options.db, &err);
    if (st == TSDB_OK)
        reply_text(r->x, 200, "sealed\n");
    else
        request_fail_engine(r, st, &err, NULL);
}

static void run_reload(struct request *r)
{
    struct api_options *o = &r->api->options;
    struct tsdb_error err = {0};
    char text[sizeof err.msg + 64];
    if (!o->reload) {
        reply_text(r->x, 404, "there is nothing to reload\n");
        return;
    }
    if (o->reload(o->arg, &err) == TSDB_OK) {
        reply_text(r->x, 200, "reloaded\n");
        return;
    }
    (void)snprintf(text, sizeof text, "the old configuration stays: %s\n", err.msg);
    reply_text(r->x, 400, text);
}

void handle_delete_series(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_delete);
}

void handle_clean_tombstones(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_clean);
}

void handle_snapshot(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_snapshot);
}

void handle_seal(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_seal);
}

void handle_reload(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_reload);
}
