#include "collector/api/request.h"

#include "collector/api/param.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <string.h>

struct arena *request_arena(const struct request *r)
{
    return exchange_arena(r->x);
}

struct tsdb_text request_param(const struct request *r, const char *name)
{
    return form_find(&r->form, name);
}

struct tsdb_text exchange_local_path(const struct exchange *x)
{
    static const char *const mounts[] = {"/prometheus", "/tempo", "/jaeger"};
    struct tsdb_text path = exchange_path(x);
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        size_t n = strlen(mounts[i]);
        if (path.len > n && memcmp(path.at, mounts[i], n) == 0 && path.at[n] == '/')
            return (struct tsdb_text){path.at + n, path.len - n};
    }
    return path;
}

/* A POST body counts when it is a form, or says nothing about itself. */
static struct tsdb_text form_body(const struct exchange *x)
{
    static const char form_type[] = "application/x-www-form-urlencoded";
    struct tsdb_text type = exchange_header(x, "content-type");
    struct bytes body = exchange_body(x);
    if (type.len > 0 && (type.len < sizeof form_type - 1 ||
                         strncasecmp(type.at, form_type, sizeof form_type - 1) != 0))
        return (struct tsdb_text){0};
    return (struct tsdb_text){(const char *)body.at, body.len};
}

static bool parse_form(struct request *r)
{
    struct tsdb_text coding = exchange_header(r->x, "content-encoding");
    if (coding.len > 0 && !text_equal(coding, text_of("identity"))) {
        reply_fail(&r->reply, REPLY_UNSUPPORTED, "content-encoding of a query must be identity");
        return false;
    }
    struct tsdb_error err = {0};
    enum tsdb_status st =
        form_parse(request_arena(r), form_body(r->x), exchange_query(r->x), &r->form, &err);
    if (st != TSDB_OK)
        reply_fail(&r->reply, REPLY_BAD_DATA, "error parsing form values: %s", err.msg);
    return st == TSDB_OK;
}

static void run(void *arg)
{
    struct request *r = arg;
    counters_set(QUERIES_WAITING, NOWHERE, (int64_t)pool_waiting(r->api->pool));
    reply_init(&r->reply, r->x, r->errors);
    if (pool_is_stopping(r->api->pool))
        reply_fail(&r->reply, REPLY_UNAVAILABLE, "shutting down");
    else if (!exchange_is_open(r->x))
        reply_fail(&r->reply, REPLY_CANCELED, "the client went away");
    else if (parse_form(r))
        r->work(r);
    mem_free(r);
}

void api_submit(struct api *api, struct exchange *x, void (*work)(struct request *r))
{
    static const char loki[] = "/loki/";
    struct tsdb_text path = exchange_path(x);
    bool is_loki = path.len >= sizeof loki - 1 && memcmp(path.at, loki, sizeof loki - 1) == 0;
    api_submit_as(api, x, is_loki ? REPLY_TEXT : REPLY_PROMETHEUS, work);
}

void api_submit_as(struct api *api, struct exchange *x, enum reply_form form,
                   void (*work)(struct request *r))
{
    struct request *r = MEM_NEW(struct request);
    r->api = api;
    r->x = x;
    r->errors = form;
    r->work = work;
    r->arrived_ns = clock_mono_ns(api->options.clock);
    if (pool_submit(api->pool, run, r))
        return;
    counters_add(QUERIES, AT(ENDING_REFUSED), 1);
    reply_init(&r->reply, x, form);
    reply_fail(&r->reply, REPLY_BUSY, "too many queries are waiting, want at most %d",
               API_WAITING_MAX);
    mem_free(r);
}

/* The raw NAME; nothing when the path is another. */
static struct tsdb_text path_part(struct request *r, const char *before, const char *after)
{
    struct tsdb_text path = exchange_local_path(r->x);
    size_t front = strlen(before), back = strlen(after);
    bool is_path = path.len > front + back && memcmp(path.at, before, front) == 0 &&
                   memcmp(path.at + path.len - back, after, back) == 0;
    return (struct tsdb_text){path.at + front, is_path ? path.len - front - back : 0};
}

bool request_path_part(struct request *r, const char *before, const char *after,
                       struct tsdb_text *part)
{
    struct tsdb_text raw = path_part(r, before, after);
    if (raw.len > 0 && percent_decode(request_arena(r), raw, false, part) == TSDB_OK)
        return true;
    reply_fail(&r->reply, raw.len > 0 ? REPLY_BAD_DATA : REPLY_NOT_FOUND, "want %sNAME%s", before,
               after);
    return false;
}

bool request_path_name(struct request *r, const char *before, const char *after,
                       struct tsdb_text *name)
{
    struct tsdb_text raw = path_part(r, before, after);
    if (raw.len == 0 || memchr(raw.at, '/', raw.len)) {
        reply_fail(&r->reply, REPLY_NOT_FOUND, "want %sNAME%s", before, after);
        return false;
    }
    if (percent_decode(request_arena(r), raw, false, name) == TSDB_OK &&
        param_label_name(request_arena(r), *name, name) == TSDB_OK)
        return true;
    reply_fail(&r->reply, REPLY_BAD_DATA, "invalid label name: \"%.*s\"",
               raw.len > 200 ? 200 : (int)raw.len, raw.at);
    return false;
}

void request_fail_param(struct request *r, const char *name, const struct tsdb_error *err)
{
    reply_fail(&r->reply, REPLY_BAD_DATA, "invalid parameter \"%s\": %s", name, err->msg);
}

void request_fail_engine(struct request *r, enum tsdb_status st, const struct tsdb_error *err,
                         const char *param)
{
    if (st == TSDB_EINVAL && param)
        request_fail_param(r, param, err);
    else
        reply_fail(&r->reply, reply_error_of(st), "%s", err->msg);
}

const char *request_tenant(const struct request *r)
{
    struct tsdb_text own = exchange_tenant(r->x);
    return own.len > 0 ? own.at : r->api->options.tenant;
}

bool request_limit(struct request *r, uint64_t *limit)
{
    struct tsdb_text text = request_param(r, "limit");
    struct tsdb_error err;
    *limit = 0;
    if (text.len == 0)
        return true;
    if (param_limit(text, limit, &err) == TSDB_OK)
        return true;
    request_fail_param(r, "limit", &err);
    return false;
}

static bool scope_time(struct request *r, const char *name, int64_t *ns)
{
    struct tsdb_text text = request_param(r, name);
    struct tsdb_error err, inner;
    if (text.len == 0 || param_time(text, ns, &inner) == TSDB_OK)
        return true;
    (void)tsdb_fail(&err, TSDB_EINVAL, "invalid time value for '%s': %s", name, inner.msg);
    request_fail_param(r, name, &err);
    return false;
}

bool request_scope(struct request *r, struct tsdb_scope *out)
{
    *out = (struct tsdb_scope){.tenant = request_tenant(r), .start = INT64_MIN, .end = INT64_MAX};
    if (!scope_time(r, "start", &out->start) || !scope_time(r, "end", &out->end) ||
        !request_limit(r, &out->limit))
        return false;
    if (out->end < out->start) {
        reply_fail(&r->reply, REPLY_BAD_DATA, "end timestamp must not be before start timestamp");
        return false;
    }
    struct tsdb_text *selectors =
        ARENA_ARRAY(request_arena(r), struct tsdb_text, API_SELECTORS_MAX);
    size_t count = selectors ? form_collect(&r->form, "match[]", selectors, API_SELECTORS_MAX) : 0;
    if (!selectors || count > API_SELECTORS_MAX) {
        reply_fail(&r->reply, REPLY_BAD_DATA, "too many match[] parameters, want at most %d",
                   API_SELECTORS_MAX);
        return false;
    }
    out->selectors = selectors;
    out->selector_count = (uint32_t)count;
    return true;
}

enum ending request_ending(enum tsdb_status st, enum watch_verdict verdict)
{
    switch (st) {
    case TSDB_OK: return ENDING_OK;
    case TSDB_EINVAL: return ENDING_INVALID;
    case TSDB_ELIMIT: return ENDING_LIMIT;
    case TSDB_ECANCELED: return verdict == WATCH_GONE ? ENDING_CANCELED : ENDING_TIMEOUT;
    case TSDB_END:
    case TSDB_ENOTFOUND:
    case TSDB_ECORRUPT:
    case TSDB_EIO:
    case TSDB_EEXEC: return ENDING_FAILED;
    }
    UNREACHABLE();
}
