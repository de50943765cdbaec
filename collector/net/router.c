#include "collector/net/router.h"

#include "collector/net/auth.h"
#include "collector/net/http1.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <stdio.h>
#include <string.h>

enum { ALLOW_TEXT_MAX = 128 };

struct router {
    const struct exchange_route *routes; /* borrowed */
    size_t count;
    const struct exchange_family *family; /* borrowed, or NULL */
    struct exchange_route family_route;
};

static const char *const known_methods[] = {"GET",    "HEAD",    "POST",  "PUT",
                                            "DELETE", "OPTIONS", "PATCH", "TRACE"};

static bool is_known_method(struct tsdb_text method)
{
    for (size_t i = 0; i < sizeof known_methods / sizeof known_methods[0]; i++)
        if (text_equal(method, text_of(known_methods[i])))
            return true;
    return false;
}

/* Whether the word is one of the space-separated methods. */
static bool methods_have(const char *methods, struct tsdb_text word)
{
    while (*methods) {
        size_t n = strcspn(methods, " ");
        if (text_equal((struct tsdb_text){methods, n}, word))
            return true;
        methods += n;
        methods += strspn(methods, " ");
    }
    return false;
}

static enum tsdb_status route_check(const struct exchange_route *route, struct tsdb_error *err)
{
    if (!route->path || route->path[0] != '/' || !route->methods || !route->handler)
        return tsdb_fail(err, TSDB_EINVAL, "route \"%s\": want a path from /, methods, a handler",
                         route->path ? route->path : "");
    if (strlen(route->methods) > ALLOW_TEXT_MAX / 4)
        return tsdb_fail(err, TSDB_EINVAL, "route \"%s\": too many methods", route->path);
    for (const char *m = route->methods; *m; m += strspn(m, " ")) {
        size_t n = strcspn(m, " ");
        if (!is_known_method((struct tsdb_text){m, n}))
            return tsdb_fail(err, TSDB_EINVAL, "route \"%s\": unknown method \"%.*s\"", route->path,
                             (int)n, m);
        m += n;
    }
    return TSDB_OK;
}

enum tsdb_status router_new(const struct exchange_route *routes, size_t count,
                            const struct exchange_family *family, struct router **out,
                            struct tsdb_error *err)
{
    for (size_t i = 0; i < count; i++) {
        enum tsdb_status st = route_check(&routes[i], err);
        if (st != TSDB_OK)
            return st;
    }
    struct router *r = MEM_NEW(struct router);
    *r = (struct router){.routes = routes, .count = count, .family = family};
    if (family)
        r->family_route = (struct exchange_route){
            .path = "/", .scope = family->scope, .handler = family->handler, .arg = family->arg};
    *out = r;
    return TSDB_OK;
}

void router_free(struct router *router)
{
    mem_free(router);
}

/* How well the route covers the path: 0 not, exact most. */
static size_t match(const struct exchange_route *route, struct tsdb_text path)
{
    size_t n = strlen(route->path);
    if (path.len < n || memcmp(route->path, path.at, n) != 0)
        return 0;
    if (path.len == n)
        return SIZE_MAX;
    return route->path[n - 1] == '/' ? n : 0;
}

struct found {
    const struct exchange_route *route; /* NULL: none for the method */
    bool is_path_known;
    char allow[ALLOW_TEXT_MAX];
};

static void allow_add(char allow[ALLOW_TEXT_MAX], struct tsdb_text method)
{
    size_t n = strlen(allow);
    if (strstr(allow, method.at) && method.at[method.len] == 0)
        return;
    (void)snprintf(allow + n, ALLOW_TEXT_MAX - n, "%s%.*s", n ? ", " : "", (int)method.len,
                   method.at);
}

static void allow_list(const struct router *r, struct tsdb_text path, size_t best,
                       char allow[ALLOW_TEXT_MAX])
{
    for (size_t k = 0; k < sizeof known_methods / sizeof known_methods[0]; k++) {
        struct tsdb_text method = text_of(known_methods[k]);
        bool is_head = text_equal(method, text_of("HEAD"));
        bool has = text_equal(method, text_of("OPTIONS"));
        for (size_t i = 0; i < r->count && !has; i++)
            has = match(&r->routes[i], path) == best &&
                  (methods_have(r->routes[i].methods, method) ||
                   (is_head && methods_have(r->routes[i].methods, text_of("GET"))));
        if (has)
            allow_add(allow, method);
    }
}

static void find(const struct router *r, const struct exchange *x, struct found *out)
{
    size_t best = 0;
    struct tsdb_text method = x->is_head ? text_of("GET") : x->method;
    *out = (struct found){0};
    for (size_t i = 0; i < r->count; i++) {
        size_t n = match(&r->routes[i], x->path);
        if (n == 0 || n < best)
            continue;
        if (n > best)
            out->route = NULL;
        best = n;
        if (!out->route && (methods_have(r->routes[i].methods, method) ||
                            methods_have(r->routes[i].methods, x->method)))
            out->route = &r->routes[i];
    }
    out->is_path_known = best > 1; /* "/" covers every path, and so knows none */
    if (out->is_path_known && !out->route)
        allow_list(r, x->path, best, out->allow);
}

static enum admission refuse(struct exchange *x, int status, const char *text)
{
    exchange_refuse(x, &(struct refusal){.status = status, .text = text});
    return ADMIT_NO;
}

static enum admission answer_options(struct exchange *x, const char *allow)
{
    struct exchange_header header = {text_of("allow"), text_of(allow)};
    struct exchange_answer answer = {.status = 204, .headers = &header, .header_count = 1};
    exchange_ref(x);
    exchange_reply(x, &answer, (struct bytes){0});
    return ADMIT_NO;
}

static enum admission refuse_method(struct exchange *x, const struct found *found)
{
    if (!is_known_method(x->method))
        return refuse(x, 501, "the method is not known");
    if (!found->is_path_known)
        return refuse(x, 404, "page not found");
    if (text_equal(x->method, text_of("OPTIONS")))
        return answer_options(x, found->allow);
    exchange_refuse(x, &(struct refusal){.status = 405,
                                         .text = "the method is not allowed here",
                                         .name = "allow",
                                         .value = found->allow});
    return ADMIT_NO;
}

/* ---- who may ---- */

static enum admission judge(struct exchange *x, enum auth_verdict verdict)
{
    if (verdict == AUTH_OK && (x->scopes & x->route->scope))
        return ADMIT_YES;
    tally_add(&x->site->tally.auth_failures[x->door], 1);
    if (verdict == AUTH_OK)
        return refuse(x, 403, "the credential does not grant this");
    if (verdict == AUTH_BUSY) {
        exchange_refuse(x, &(struct refusal){.status = 503,
                                             .text = "too many passwords to verify",
                                             .retry_after_s = exchange_retry_after_s()});
        return ADMIT_NO;
    }
    exchange_refuse(x, &(struct refusal){.status = 401,
                                         .text = "a valid credential is wanted",
                                         .name = "www-authenticate",
                                         .value = "Basic realm=\"andon\", Bearer"});
    return ADMIT_NO;
}

struct waiter {
    struct exchange *x; /* a reference */
    struct auth_identity identity;
    enum auth_verdict verdict;
};

static void waiter_resume(void *arg)
{
    struct waiter *w = arg;
    struct exchange *x = w->x;
    if (x->ops) {
        x->scopes = w->identity.scopes;
        if (!auth_tenant_copy(&w->identity, &x->arena, &x->tenant))
            w->verdict = AUTH_BUSY;
        const struct carrier_ops *ops = x->ops;
        void *carrier = x->carrier;
        bool is_admitted = judge(x, w->verdict) == ADMIT_YES;
        if (x->ops)
            ops->admitted(carrier, x, is_admitted);
    }
    auth_identity_release(&w->identity);
    exchange_unref(x);
    mem_free(w);
}

/* On the auth thread. */
static void waiter_done(void *arg, enum auth_verdict verdict, struct auth_identity *identity)
{
    struct waiter *w = arg;
    w->verdict = verdict;
    w->identity = *identity;
    loop_post(w->x->loop, waiter_resume, w);
}

static enum admission authorize(struct exchange *x)
{
    if (x->route->scope == 0)
        return ADMIT_YES;
    struct waiter *w = MEM_NEW(struct waiter);
    w->x = x;
    exchange_ref(x);
    struct auth_identity identity = {0};
    enum auth_verdict verdict =
        auth_check(x->site->auth, exchange_header(x, "authorization"), &identity, waiter_done, w);
    if (verdict == AUTH_PENDING)
        return ADMIT_WAIT;
    exchange_unref(x);
    mem_free(w);
    x->scopes = identity.scopes;
    if (!auth_tenant_copy(&identity, &x->arena, &x->tenant))
        verdict = AUTH_BUSY;
    auth_identity_release(&identity);
    return judge(x, verdict);
}

enum admission router_admit(struct exchange *x)
{
    struct found found;
    const struct router *r = x->site->router;
    tally_add(&x->site->tally.requests, 1);
    if (r->family && is_known_method(x->method) && r->family->has(x)) {
        x->header = &r->family->header;
        x->route = &r->family_route;
        return authorize(x);
    }
    find(r, x, &found);
    if (!found.route)
        return refuse_method(x, &found);
    x->route = found.route;
    return authorize(x);
}

void router_run(struct exchange *x)
{
    ASSERT(x->route != NULL);
    exchange_ref(x);
    x->route->handler(x->route->arg, x);
}
