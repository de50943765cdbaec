/* Seeded generator of OTLP trace requests: the same bytes for whoever is measured.
 *
 * usage: gen_traces OUT END_MS [traces=100000] [from=0] [count=all] [span_s=3600] [seed=1]
 *
 * OUT is a sequence as gen_logs writes it (bytes u32le, spans u32le, ExportTraceServiceRequest),
 * as replay sends it (path=/v1/traces coding=none).  `traces` of them end at END_MS and lie
 * evenly in the span_s before.
 *
 * Traces are made in rounds of ROUND_TRACES; a round depends on the seed and its own index
 * alone, and is sent as SDKs send: each of the SERVICES x PODS processes sends its own spans,
 * so a trace comes in as many requests as it has processes.  from and count are multiples of
 * ROUND_TRACES.
 *
 * A trace is a tree of calls: a server span of the frontend or the gateway, below it internal
 * spans, database calls and calls of other services (a client span and the server span that
 * answers), 2 to 40 spans, about 9; times nest.  About 550 bytes a span: ids, name, kind, 6
 * to 13 attributes by OpenTelemetry's semantic conventions; 1 in 100 server calls fails, with
 * an exception event of 300 bytes on the way up, one span in 20 has an event besides.  The
 * first trace of the middle round is of service "audit" besides and has the id NEEDLE.
 */
#include "bench/client.h"
#include "bench/gen_wire.h"
#include "tsdb/base/mem.h"

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))
#define NEEDLE "0af7651916cd43dd8448eb211c80319c"

enum {
    SERVICES = 20,
    PODS = 3,
    PROCESSES = SERVICES * PODS,
    ROUND_TRACES = 1000,
    TRACE_SPANS_MAX = 40,
    DEPTH_MAX = 6,
    ID_BYTES = 8,
    TEXT_MAX = 160,
};

enum kind { INTERNAL = 1, SERVER, CLIENT };

static const char *const services[SERVICES] = {
    "frontend", "gateway",   "checkout", "cart",     "catalog", "search", "payment",
    "shipping", "inventory", "email",    "sessions", "users",   "orders", "recommendation",
    "ads",      "currency",  "reviews",  "media",    "billing", "audit"};
static const char *const routes[] = {"/",
                                     "/login",
                                     "/api/v1/users/{id}",
                                     "/api/v1/users/{id}/orders",
                                     "/api/v1/orders/{id}",
                                     "/api/v1/orders",
                                     "/api/v1/cart",
                                     "/api/v1/cart/items/{id}",
                                     "/api/v1/products/{id}",
                                     "/api/v1/products",
                                     "/api/v1/search",
                                     "/api/v1/payments/{id}/capture",
                                     "/api/v2/sessions/{id}"};
static const char *const methods[] = {"GET", "GET", "GET", "POST", "PUT", "DELETE"};
static const char *const tables[] = {"orders", "users", "stock", "prices", "sessions", "events"};
static const char *const works[] = {"render template",  "validate input", "serialize answer",
                                    "compute discount", "check policy",   "map entities"};
static const char *const agents[] = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "okhttp/5.1.0",
    "python-requests/2.32.5",
    "Go-http-client/2.0"};
static const char *const regions[] = {"eu-central-1", "eu-west-1", "us-east-1"};

struct generator {
    struct random random;
    uint64_t traces, from, count, seed, end_ms, span_s;
    uint64_t spans, requests, bytes;
    FILE *out;
    uint8_t trace_id[16];
    uint32_t left; /* spans that the trace may still have */
    uint32_t user;
    bool is_failing;
    struct writer one, any, event, nested, body;
    struct writer of_process[PROCESSES]; /* ScopeSpans.spans of this round */
    uint32_t counts[PROCESSES];
};

static uint32_t below(struct generator *g, uint32_t n)
{
    return (uint32_t)random_below(&g->random, n);
}

/* ---- attributes ------------------------------------------------------------------------- */

enum { SPAN_ATTRIBUTE = 0x4a, RESOURCE_ATTRIBUTE = 0x0a, EVENT_ATTRIBUTE = 0x1a };

static void text_attribute(struct generator *g, const char *key, const char *value)
{
    put_string(&g->one, SPAN_ATTRIBUTE, key, value, &g->any);
}

static void int_attribute(struct generator *g, const char *key, uint64_t value)
{
    put_int(&g->one, SPAN_ATTRIBUTE, key, value, &g->any);
}

/* The route with a number in the place of {id}. */
static void fill_path(struct generator *g, const char *route, char out[TEXT_MAX])
{
    const char *brace = strchr(route, '{');
    if (brace)
        (void)snprintf(out, TEXT_MAX, "%.*s%u%s", (int)(brace - route), route, below(g, 1000000),
                       strchr(brace, '}') + 1);
    else
        (void)snprintf(out, TEXT_MAX, "%s", route);
}

static void server_attributes(struct generator *g, uint32_t service, const char *method,
                              const char *route, bool is_error, bool is_root)
{
    char text[TEXT_MAX];
    text_attribute(g, "http.request.method", method);
    text_attribute(g, "http.route", route);
    fill_path(g, route, text);
    text_attribute(g, "url.path", text);
    text_attribute(g, "url.scheme", is_root ? "https" : "http");
    int_attribute(g, "http.response.status_code", is_error ? 500 : below(g, 20) ? 200 : 404);
    (void)snprintf(text, sizeof text, "%s.shop.example.org", services[service]);
    text_attribute(g, "server.address", text);
    int_attribute(g, "server.port", is_root ? 443 : 8080);
    (void)snprintf(text, sizeof text, "10.%u.%u.%u", below(g, 4), below(g, 32), below(g, 256));
    text_attribute(g, "client.address", text);
    text_attribute(g, "network.protocol.version", is_root ? "2" : "1.1");
    if (is_root) {
        text_attribute(g, "user_agent.original", agents[skewed(&g->random, COUNT_OF(agents))]);
        (void)snprintf(text, sizeof text, "u%u", g->user);
        text_attribute(g, "user.id", text);
        int_attribute(g, "http.response.body.size", (uint64_t)log_normal(&g->random, 5000, 2));
    }
}

static void client_attributes(struct generator *g, uint32_t service, const char *method,
                              const char *route, bool is_error)
{
    char path[TEXT_MAX], text[2 * TEXT_MAX];
    fill_path(g, route, path);
    text_attribute(g, "http.request.method", method);
    (void)snprintf(text, sizeof text, "http://%s.shop.example.org:8080%s", services[service], path);
    text_attribute(g, "url.full", text);
    (void)snprintf(text, sizeof text, "%s.shop.example.org", services[service]);
    text_attribute(g, "server.address", text);
    int_attribute(g, "server.port", 8080);
    int_attribute(g, "http.response.status_code", is_error ? 500 : 200);
    text_attribute(g, "peer.service", services[service]);
}

static void database_attributes(struct generator *g, const char *table)
{
    char text[TEXT_MAX];
    text_attribute(g, "db.system.name", "postgresql");
    text_attribute(g, "db.namespace", "shop");
    text_attribute(g, "db.collection.name", table);
    text_attribute(g, "db.operation.name", "SELECT");
    (void)snprintf(text, sizeof text, "SELECT id, state, total FROM %s WHERE id = $1 LIMIT $2",
                   table);
    text_attribute(g, "db.query.text", text);
    (void)snprintf(text, sizeof text, "db-%02u.example.org", below(g, 8));
    text_attribute(g, "server.address", text);
    int_attribute(g, "server.port", 5432);
    int_attribute(g, "db.response.returned_rows", skewed(&g->random, 200));
}

/* ---- events ----------------------------------------------------------------------------- */

static void put_event(struct generator *g, uint64_t ns, const char *name)
{
    struct writer *w = &g->nested;
    writer_reset(w);
    writer_u8(w, 0x09);
    writer_le64(w, ns);
    put_text(w, 0x12, name);
    writer_put(w, g->event.at, g->event.len);
    writer_reset(&g->event);
    writer_u8(&g->one, 0x5a); /* Span.events */
    writer_sized(&g->one, w->at, w->len);
}

static void put_exception(struct generator *g, uint64_t ns, uint32_t service)
{
    char text[4 * TEXT_MAX];
    put_string(&g->event, EVENT_ATTRIBUTE, "exception.type", "UpstreamError", &g->any);
    (void)snprintf(text, sizeof text, "upstream %s answered 500 after %u ms", services[service],
                   below(g, 2000));
    put_string(&g->event, EVENT_ATTRIBUTE, "exception.message", text, &g->any);
    (void)snprintf(
        text, sizeof text,
        "UpstreamError: upstream %s answered 500\n    at call (/srv/app/client.js:%u:17)\n"
        "    at handle (/srv/app/%s.js:%u:9)\n    at process.processTicks "
        "(node:internal/process/task_queues:105:5)\n    at async run (/srv/app/main.js:41:3)",
        services[service], 40 + below(g, 4), services[service], 100 + below(g, 20));
    put_string(&g->event, EVENT_ATTRIBUTE, "exception.stacktrace", text, &g->any);
    put_event(g, ns, "exception");
}

/* ---- spans ------------------------------------------------------------------------------- */

struct span {
    uint8_t id[ID_BYTES], parent[ID_BYTES];
    bool has_parent;
    enum kind kind;
    uint64_t start, end; /* ns */
};

static void put_id(struct writer *w, uint8_t tag, const void *id, size_t len)
{
    writer_u8(w, tag);
    writer_sized(w, id, len);
}

static void span_begin(struct generator *g, struct span *s, const struct span *parent,
                       enum kind kind, uint64_t start, uint64_t end)
{
    uint64_t id = random_next(&g->random);
    *s = (struct span){.kind = kind, .start = start, .end = end, .has_parent = parent != NULL};
    memcpy(s->id, &id, ID_BYTES);
    if (parent)
        memcpy(s->parent, parent->id, ID_BYTES);
    g->left--;
}

/* What is before the attributes; the attributes follow into g->one. */
static void span_open(struct generator *g, const struct span *s, const char *name)
{
    struct writer *w = &g->one;
    writer_reset(w);
    put_id(w, 0x0a, g->trace_id, sizeof g->trace_id);
    put_id(w, 0x12, s->id, ID_BYTES);
    if (s->has_parent)
        put_id(w, 0x22, s->parent, ID_BYTES);
    put_text(w, 0x2a, name);
    writer_u8(w, 0x30);
    writer_u8(w, (uint8_t)s->kind);
    writer_u8(w, 0x39);
    writer_le64(w, s->start);
    writer_u8(w, 0x41);
    writer_le64(w, s->end);
}

static void span_close(struct generator *g, const struct span *s, uint32_t process, bool is_error,
                       uint32_t culprit)
{
    if (below(g, 20) == 0) {
        put_int(&g->event, EVENT_ATTRIBUTE, "retry.count", below(g, 5), &g->any);
        put_event(g, s->start + (s->end - s->start) / 3, "waited for a connection");
    }
    if (is_error) {
        put_exception(g, s->end - 1000, culprit);
        writer_u8(&g->one, 0x7a); /* Span.status: {code: ERROR} */
        writer_u8(&g->one, 2);
        writer_u8(&g->one, 0x18);
        writer_u8(&g->one, 2);
    }
    writer_u8(&g->one, 0x85); /* Span.flags: sampled */
    writer_u8(&g->one, 0x01);
    writer_le32(&g->one, 1);
    writer_u8(&g->of_process[process], 0x12); /* ScopeSpans.spans */
    writer_sized(&g->of_process[process], g->one.at, g->one.len);
    g->counts[process]++;
}

/* A span within the parent's time: from `share` of it on. */
static void within(struct generator *g, const struct span *parent, double share, uint64_t *start,
                   uint64_t *end)
{
    uint64_t length = parent->end - parent->start;
    *start = parent->start + (uint64_t)((double)length * (0.05 + 0.8 * share));
    *end = *start + 1000 + (uint64_t)((double)length * (0.1 + 0.15 * random_unit(&g->random)));
    if (*end > parent->end)
        *end = parent->end;
}

static void put_leaf(struct generator *g, const struct span *parent, uint32_t process, double share)
{
    struct span s;
    char name[TEXT_MAX];
    uint64_t start, end;
    within(g, parent, share, &start, &end);
    bool is_database = below(g, 3) > 0;
    const char *table = tables[skewed(&g->random, COUNT_OF(tables))];
    span_begin(g, &s, parent, is_database ? CLIENT : INTERNAL, start, end);
    if (is_database) {
        (void)snprintf(name, sizeof name, "SELECT %s", table);
        span_open(g, &s, name);
        database_attributes(g, table);
    } else {
        const char *work = works[below(g, COUNT_OF(works))];
        span_open(g, &s, work);
        text_attribute(g, "code.function.name", work);
        int_attribute(g, "thread.id", 1 + below(g, 16));
    }
    span_close(g, &s, process, false, 0);
}

static void put_server(struct generator *g, const struct span *parent, uint32_t service,
                       uint32_t depth, uint64_t start, uint64_t end, const char *method,
                       const char *route, bool is_error);

/* A client span of the process and what it calls. */
static void put_call(struct generator *g, const struct span *parent, uint32_t process,
                     uint32_t depth, double share, bool is_error)
{
    struct span s;
    uint64_t start, end;
    uint32_t callee = 2 + skewed(&g->random, SERVICES - 3); /* never "audit" */
    const char *method = methods[below(g, COUNT_OF(methods))];
    const char *route = routes[skewed(&g->random, COUNT_OF(routes))];
    within(g, parent, share, &start, &end);
    span_begin(g, &s, parent, CLIENT, start, end);
    uint64_t network = (end - start) / 20;
    put_server(g, &s, callee, depth + 1, start + network, end - network, method, route, is_error);
    span_open(g, &s, method);
    client_attributes(g, callee, method, route, is_error);
    span_close(g, &s, process, is_error, callee);
}

static void put_server(struct generator *g, const struct span *parent, uint32_t service,
                       uint32_t depth, uint64_t start, uint64_t end, const char *method,
                       const char *route, bool is_error)
{
    struct span s;
    char name[TEXT_MAX];
    uint32_t process = service * PODS + below(g, PODS), children = below(g, 4);
    span_begin(g, &s, parent, SERVER, start, end);
    bool calls_bad = is_error && depth < DEPTH_MAX && below(g, 2) && g->left > 4;
    for (uint32_t i = 0; i < children && g->left > 4; i++) {
        double share = (double)i / children;
        if (depth < DEPTH_MAX && below(g, 2))
            put_call(g, &s, process, depth, share, false);
        else
            put_leaf(g, &s, process, share);
    }
    if (calls_bad)
        put_call(g, &s, process, depth, 0.9, true);
    (void)snprintf(name, sizeof name, "%s %s", method, route);
    span_open(g, &s, name);
    server_attributes(g, service, method, route, is_error, depth == 0);
    span_close(g, &s, process, is_error, service);
}

static void put_trace(struct generator *g, uint64_t index)
{
    uint64_t ids[2] = {random_next(&g->random), random_next(&g->random)};
    memcpy(g->trace_id, ids, sizeof g->trace_id);
    bool is_needle = index == g->traces / 2 / ROUND_TRACES * ROUND_TRACES;
    if (is_needle)
        for (size_t i = 0; i < sizeof g->trace_id; i++) {
            char pair[3] = {NEEDLE[2 * i], NEEDLE[2 * i + 1], '\0'};
            g->trace_id[i] = (uint8_t)strtoul(pair, NULL, 16);
        }
    g->left = TRACE_SPANS_MAX;
    g->user = 10000 + skewed(&g->random, 90000);
    double step_ns = (double)g->span_s * 1e9 / (double)g->traces;
    uint64_t first_ns = (g->end_ms - g->span_s * 1000) * 1000000;
    uint64_t start =
        first_ns + (uint64_t)(((double)index + 0.9 * random_unit(&g->random)) * step_ns);
    uint64_t length = 200000 + (uint64_t)(log_normal(&g->random, 60, 1.2) * 1e6);
    const char *method = methods[below(g, COUNT_OF(methods))];
    const char *route = routes[skewed(&g->random, COUNT_OF(routes))];
    put_server(g, NULL, is_needle ? SERVICES - 1 : below(g, 2), 0, start, start + length, method,
               route, below(g, 100) == 0);
}

/* ---- requests ----------------------------------------------------------------------------- */

static void put_resource(struct generator *g, uint32_t process)
{
    struct writer *w = &g->one;
    uint32_t service = process / PODS, pod = process % PODS;
    char text[TEXT_MAX];
    struct random r;
    random_init(&r, 77 + process);
    writer_reset(w);
#define RESOURCE(key, value) put_string(w, RESOURCE_ATTRIBUTE, key, value, &g->any)
    RESOURCE("service.name", services[service]);
    RESOURCE("service.namespace", service < 8 ? "shop" : "platform");
    (void)snprintf(text, sizeof text, "%016llx", (unsigned long long)random_next(&r));
    RESOURCE("service.instance.id", text);
    (void)snprintf(text, sizeof text, "1.%u.%u", service, pod);
    RESOURCE("service.version", text);
    RESOURCE("deployment.environment.name", "production");
    (void)snprintf(text, sizeof text, "%s-7d9f%x-%05x", services[service],
                   service * 2654435u % 4096, process * 40503u % 1048576);
    RESOURCE("k8s.pod.name", text);
    (void)snprintf(text, sizeof text, "node-%02u.%s.example.org", process % 12, regions[pod]);
    RESOURCE("host.name", text);
    RESOURCE("cloud.region", regions[pod]);
    RESOURCE("telemetry.sdk.name", "opentelemetry");
    RESOURCE("telemetry.sdk.language", service % 3 ? "nodejs" : "go");
    RESOURCE("telemetry.sdk.version", "2.1.0");
#undef RESOURCE
    put_int(w, RESOURCE_ATTRIBUTE, "process.pid", 1000 + random_below(&r, 30000), &g->any);
}

static void send_process(struct generator *g, uint32_t process)
{
    static const char *const scopes[] = {"instrumentation-http", "instrumentation-pg"};
    struct writer *spans = &g->of_process[process], *block = &g->nested, *body = &g->body;
    const char *scope = scopes[process % 2];
    if (g->counts[process] == 0)
        return;
    writer_reset(block); /* ScopeSpans */
    writer_u8(block, 0x0a);
    writer_uvarint(block, 2 + strlen(scope) + 2 + 5);
    put_text(block, 0x0a, scope);
    put_text(block, 0x12, "0.5.1");
    writer_put(block, spans->at, spans->len);
    put_resource(g, process);
    uint64_t resource = 1 + uvarint_size(g->one.len) + g->one.len;
    writer_reset(body);
    writer_u8(body, 0x0a); /* ResourceSpans */
    writer_uvarint(body, resource + 1 + uvarint_size(block->len) + block->len);
    writer_u8(body, 0x0a);
    writer_sized(body, g->one.at, g->one.len);
    writer_u8(body, 0x12);
    writer_sized(body, block->at, block->len);
    uint32_t head[2] = {(uint32_t)body->len, g->counts[process]};
    if (fwrite(head, sizeof head, 1, g->out) != 1 || fwrite(body->at, body->len, 1, g->out) != 1) {
        perror("write");
        exit(1);
    }
    g->requests++;
    g->spans += g->counts[process];
    g->bytes += body->len;
    g->counts[process] = 0;
    writer_reset(spans);
}

static void emit_round(struct generator *g, uint64_t round)
{
    random_init(&g->random, g->seed * 0x9e3779b97f4a7c15u + round);
    for (uint64_t i = 0; i < ROUND_TRACES && round * ROUND_TRACES + i < g->traces; i++)
        put_trace(g, round * ROUND_TRACES + i);
    for (uint32_t p = 0; p < PROCESSES; p++)
        send_process(g, p);
}

static void release(struct generator *g)
{
    writer_release(&g->one);
    writer_release(&g->any);
    writer_release(&g->event);
    writer_release(&g->nested);
    writer_release(&g->body);
    for (uint32_t p = 0; p < PROCESSES; p++)
        writer_release(&g->of_process[p]);
}

int main(int argc, char **argv)
{
    static struct generator g;
    if (argc < 3) {
        (void)fprintf(stderr, "usage: gen_traces OUT END_MS [traces=N] [from=N] [count=N] "
                              "[span_s=N] [seed=N]\n");
        return 2;
    }
    g.end_ms = strtoull(argv[2], NULL, 10);
    g.traces = option_number(argc, argv, "traces", 100000);
    g.from = option_number(argc, argv, "from", 0);
    g.count = option_number(argc, argv, "count", g.traces);
    g.span_s = option_number(argc, argv, "span_s", 3600);
    g.seed = option_number(argc, argv, "seed", 1);
    if (g.traces == 0 || g.from % ROUND_TRACES || g.from > g.traces || g.end_ms < g.span_s * 1000) {
        (void)fprintf(stderr, "from is a multiple of %d, END_MS is milliseconds since 1970\n",
                      ROUND_TRACES);
        return 2;
    }
    g.out = fopen(argv[1], "wb");
    if (!g.out) {
        perror(argv[1]);
        return 1;
    }
    uint64_t end = g.count < g.traces - g.from ? g.from + g.count : g.traces;
    for (uint64_t r = g.from / ROUND_TRACES; r * ROUND_TRACES < end; r++)
        emit_round(&g, r);
    (void)printf(
        "{\"seed\":%llu,\"traces\":%llu,\"spans\":%llu,\"requests\":%llu,"
        "\"body_bytes\":%llu,\"end_ms\":%llu,\"span_s\":%llu,\"trace_id\":\"" NEEDLE "\"}\n",
        (unsigned long long)g.seed, (unsigned long long)(end - g.from), (unsigned long long)g.spans,
        (unsigned long long)g.requests, (unsigned long long)g.bytes, (unsigned long long)g.end_ms,
        (unsigned long long)g.span_s);
    release(&g);
    if (fclose(g.out) != 0) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
