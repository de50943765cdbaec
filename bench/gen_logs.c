/* Seeded generator of OTLP log requests: the same bytes for whoever is measured.
 *
 * usage: gen_logs OUT END_MS [records=1000000] [from=0] [count=all] [span_s=3600]
 *                 [per_request=500] [seed=1] [observed=0]
 *
 * OUT is a sequence of
 *
 *   +-------------+---------------+------------------------------------------+
 *   | bytes u32le | records u32le | ExportLogsServiceRequest[bytes]          |
 *   +-------------+---------------+------------------------------------------+
 *
 * as replay sends it (path=/v1/logs coding=none).  `records` of them end at END_MS and lie
 * evenly in the span_s before.  A request depends on the seed and its own index alone, so
 * from=R count=N writes the requests of records R to R + N - 1 and the pieces joined are the
 * whole: a hundred million records need no file of their size.
 *
 * A record is of one of 20 services with 3 pods each; a request has four of these pods,
 * whose records interleave in time.  About 220 bytes: time, severity, one of 48 line
 * templates filled with numbers, identifiers, paths and addresses, a trace and a span id
 * (24 bytes that nothing can shorten), and the attributes user.id, region, and, by the
 * template, http.route, http.request.method, http.status_code (int), duration_ms (double, as the
 * line says it).  1 % are errors, 4 % warnings, 20 % debug.  One record in 100,000 has the word
 * "heisenbug", 8 records from the middle on have the trace id NEEDLE, a line ends in a
 * duration of 10,000 ms or more about 3 times in a million.  observed=1: an observed time
 * besides, as SDKs send it (VictoriaLogs drops it, Andon keeps it).
 */
#include "bench/client.h"
#include "bench/gen_wire.h"
#include "tsdb/base/mem.h"

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))
#define NEEDLE "0af7651916cd43dd8448eb211c80319c"

enum {
    SERVICES = 20,
    PODS = 3,
    BLOCKS = 4, /* ResourceLogs a request */
    RARE_EVERY = 100000,
    RARE_AT = 54321,
    NEEDLE_RECORDS = 8,
    NEEDLE_STRIDE = 97,
    TEXT_MAX = 96,
};

enum level { ERROR, WARN, INFO, DEBUG, LEVELS };

struct template
{
    enum level level;
    const char *text; /* what %x stands for: fill_one */
};

static const struct template templates[] = {
    {INFO, "%m %p %s %b bytes took %dms"},
    {INFO, "request completed method=%m path=%p status=%s duration=%dms"},
    {INFO, "handled %m %r for user %i in %dms"},
    {INFO, "user %i logged in from %a"},
    {INFO, "user %i logged out after %n seconds"},
    {INFO, "order %o created for user %i: %c items, total %n.%c EUR"},
    {INFO, "order %o moved to state shipped by worker %c"},
    {INFO, "payment %u authorized for order %o in %dms"},
    {INFO, "cache refreshed: %n entries in %dms, hit ratio 0.%c"},
    {INFO, "published message %h to topic %q partition %c offset %n"},
    {INFO, "consumed %c messages from topic %q in %dms, lag %n"},
    {INFO, "connection from %a:%n accepted"},
    {INFO, "connection from %a:%n closed after %dms, %b bytes in, %b bytes out"},
    {INFO, "job %h finished: %n rows processed, %c skipped, took %dms"},
    {INFO, "checkpoint %n complete: wrote %b bytes in %dms"},
    {INFO, "health check of %t ok in %dms"},
    {INFO, "session %u started for user %i from %a"},
    {INFO, "email %u queued for user %i with template welcome-%c"},
    {INFO, "uploaded /srv/objects/%h/%h.bin (%b bytes) in %dms"},
    {INFO, "config reloaded from /etc/app/config-%c.yaml, %c settings changed"},
    {INFO, "gc pause %dms, heap %b bytes of %b"},
    {INFO, "scheduled task cleanup-%c started on %t"},
    {INFO, "inventory of sku-%n updated: %c left in warehouse %c"},
    {INFO, "search for '%q' by user %i: %n hits in %dms"},
    {DEBUG, "cache hit for key user:%i:profile"},
    {DEBUG, "cache miss for key user:%i:cart, loading from %t"},
    {DEBUG, "sql: SELECT * FROM orders WHERE user_id = %i LIMIT %c -- %c rows, %dms"},
    {DEBUG, "sql: UPDATE stock SET count = count - %c WHERE sku = %n -- %dms"},
    {DEBUG, "acquired lock %q/%n after %dms"},
    {DEBUG, "dns lookup of %t: %a ttl %c"},
    {DEBUG, "retry budget at 0.%c for upstream %t"},
    {DEBUG, "decoded frame type=%c flags=0x%h len=%b"},
    {DEBUG, "token %h of user %i is valid for %n more seconds"},
    {WARN, "slow request: %m %p took %dms, threshold 500ms"},
    {WARN, "retrying call to %t: attempt %c of 5 after %dms"},
    {WARN, "rate limit near for %a: %n requests in the last minute"},
    {WARN, "queue %q is %c%% full"},
    {WARN, "deprecated api version v%c used by user %i from %a"},
    {WARN, "disk /dev/nvme%cn1 is %c%% full on %t"},
    {WARN, "clock skew of %dms against %t"},
    {ERROR, "%m %p failed with status 500 after %dms: upstream %t refused"},
    {ERROR, "payment %u declined for order %o: code %n"},
    {ERROR, "connection to %t:%n failed: timeout after %dms"},
    {ERROR, "could not write /srv/objects/%h/%h.bin: no space left on device"},
    {ERROR, "panic in handler %r: index %n out of range with length %c"},
    {ERROR, "deadlock detected between transactions %n and %n, rolling back %h"},
    {ERROR, "consumer of %q lost partition %c at offset %n"},
    {ERROR, "certificate of %t expired %n seconds ago"},
};
static const char rare_text[] = "replica %t reported a heisenbug in shard %c, took %dms";

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
                                     "/api/v2/sessions/{id}",
                                     "/static/js/{id}.js",
                                     "/healthz"};
static const char *const methods[] = {"GET", "GET", "GET", "GET", "POST", "POST", "PUT", "DELETE"};
static const char *const topics[] = {"orders",   "payments", "clicks",       "mail-out",
                                     "shipping", "audit",    "stock-levels", "sessions"};
static const char *const regions[] = {"eu-central-1", "eu-west-1", "us-east-1", "ap-southeast-2"};
static const uint32_t statuses[] = {200, 200, 200, 200, 200, 200, 200, 201,
                                    201, 204, 204, 302, 304, 304, 400, 404};
static const struct {
    uint8_t number;
    const char *text;
} levels[LEVELS] = {{17, "ERROR"}, {13, "WARN"}, {9, "INFO"}, {5, "DEBUG"}};

/* What one record is about: the line and its attributes agree. */
struct record {
    uint32_t user, status;
    double duration_ms;
    const char *method, *route;
};

struct generator {
    struct random random;
    uint64_t records, from, count, per_request, seed, end_ms, span_s;
    uint64_t written, requests, bytes, line_bytes;
    bool is_observed;
    FILE *out;
    uint8_t needle[16];
    /* of each service, its templates by level; the common ones come first and often */
    uint8_t of_service[SERVICES][LEVELS][COUNT_OF(templates)], counts[SERVICES][LEVELS];
    struct writer line, one, block, resource, body, attribute;
};

/* ---- chance --------------------------------------------------------------------------- */

static uint32_t below(struct generator *g, uint32_t n)
{
    return (uint32_t)random_below(&g->random, n);
}

static void choose_templates(struct generator *g)
{
    for (uint32_t s = 0; s < SERVICES; s++)
        for (uint32_t t = 0; t < COUNT_OF(templates); t++) {
            enum level l = templates[t].level;
            if (t < 3 || (s * 7 + t * 5) % 3 == 0 || g->counts[s][l] == 0)
                g->of_service[s][l][g->counts[s][l]++] = (uint8_t)t;
        }
}

static const char *choose_text(struct generator *g, uint32_t service, enum level *level)
{
    uint32_t dice = below(g, 100);
    *level = dice < 1 ? ERROR : dice < 5 ? WARN : dice < 25 ? DEBUG : INFO;
    uint32_t k = skewed(&g->random, g->counts[service][*level]);
    return templates[g->of_service[service][*level][k]].text;
}

/* ---- lines ---------------------------------------------------------------------------- */

static void fill_path(struct generator *g, const char *route)
{
    const char *brace = strchr(route, '{');
    if (!brace) {
        writer_text(&g->line, route);
        return;
    }
    writer_put(&g->line, route, (size_t)(brace - route));
    writer_format(&g->line, "%u", below(g, 1000000));
    writer_text(&g->line, strchr(brace, '}') + 1);
}

static void fill_uuid(struct generator *g)
{
    uint64_t a = random_next(&g->random), b = random_next(&g->random);
    writer_format(&g->line, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
                  (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
                  (unsigned)(0x8000 | (b >> 48 & 0x3fff)),
                  (unsigned long long)(b & 0xffffffffffff));
}

static void fill_one(struct generator *g, const struct record *r, char what)
{
    struct writer *w = &g->line;
    switch (what) {
    case 'a': writer_format(w, "10.%u.%u.%u", below(g, 4), below(g, 32), below(g, 256)); break;
    case 'b': writer_format(w, "%.0f", floor(log_normal(&g->random, 5000, 2))); break;
    case 'c': writer_format(w, "%u", below(g, 100)); break;
    case 'd': writer_format(w, "%.0f", floor(r->duration_ms)); break;
    case 'h': writer_format(w, "%08x", below(g, UINT32_MAX)); break;
    case 'i': writer_format(w, "%u", r->user); break;
    case 'm': writer_text(w, r->method); break;
    case 'n': writer_format(w, "%u", below(g, 1000000)); break;
    case 'o': writer_format(w, "ORD-%08u", below(g, 100000000)); break;
    case 'p': fill_path(g, r->route); break;
    case 'q': writer_text(w, topics[below(g, COUNT_OF(topics))]); break;
    case 'r': writer_text(w, r->route); break;
    case 's': writer_format(w, "%u", r->status); break;
    case 't':
        writer_format(w, "node-%02u.%s.example.org", below(g, 40), regions[below(g, 4)]);
        break;
    case 'u': fill_uuid(g); break;
    default: writer_u8(w, (uint8_t)what); break;
    }
}

static void fill_line(struct generator *g, const struct record *r, const char *text)
{
    writer_reset(&g->line);
    for (; *text; text++)
        if (*text == '%')
            fill_one(g, r, *++text);
        else
            writer_u8(&g->line, (uint8_t)*text);
}

/* ---- protobuf ------------------------------------------------------------------------- */

static void put_record_attributes(struct generator *g, const struct record *r, const char *text)
{
    enum { TAG = 0x32 }; /* LogRecord.attributes */
    struct writer *w = &g->one;
    char number[TEXT_MAX];
    bool is_http = strstr(text, "%m") || strstr(text, "%r");
    if (is_http) {
        put_string(w, TAG, "http.route", r->route, &g->attribute);
        put_string(w, TAG, "http.request.method", r->method, &g->attribute);
        put_int(w, TAG, "http.status_code", r->status, &g->attribute);
    }
    if (is_http || strstr(text, "%d")) {
        writer_u8(&g->attribute, 0x21);
        writer_f64(&g->attribute, r->duration_ms);
        put_attribute(w, TAG, "duration_ms", &g->attribute);
    }
    (void)snprintf(number, sizeof number, "u%u", r->user);
    put_string(w, TAG, "user.id", number, &g->attribute);
    put_string(w, TAG, "region", regions[r->user % COUNT_OF(regions)], &g->attribute);
}

static void put_ids(struct generator *g, uint64_t index)
{
    uint64_t ids[3] = {random_next(&g->random), random_next(&g->random), random_next(&g->random)};
    uint64_t middle = g->records / 2, past = index - middle;
    bool is_needle =
        index >= middle && past % NEEDLE_STRIDE == 0 && past / NEEDLE_STRIDE < NEEDLE_RECORDS;
    writer_u8(&g->one, 0x4a);
    writer_sized(&g->one, is_needle ? (const void *)g->needle : ids, 16);
    writer_u8(&g->one, 0x52);
    writer_sized(&g->one, &ids[2], 8);
}

static uint64_t time_of(struct generator *g, uint64_t index)
{
    double step_ns = (double)g->span_s * 1e9 / (double)g->records;
    uint64_t first_ns = (g->end_ms - g->span_s * 1000) * 1000000;
    return first_ns + (uint64_t)(((double)index + 0.9 * random_unit(&g->random)) * step_ns);
}

/* One LogRecord to g->block. */
static void put_record(struct generator *g, uint32_t service, uint64_t index)
{
    enum level level;
    const char *text = choose_text(g, service, &level);
    if (index % RARE_EVERY == RARE_AT)
        text = rare_text;
    struct record r = {.user = 10000 + skewed(&g->random, 90000),
                       .method = methods[below(g, COUNT_OF(methods))],
                       .route = routes[skewed(&g->random, COUNT_OF(routes))],
                       .status = level == ERROR ? 500 : statuses[below(g, COUNT_OF(statuses))]};
    r.duration_ms = floor(log_normal(&g->random, 20, 1.4) * 1000) / 1000;
    fill_line(g, &r, text);
    g->line_bytes += g->line.len;
    uint64_t ns = time_of(g, index);
    struct writer *w = &g->one;
    writer_reset(w);
    writer_u8(w, 0x09);
    writer_le64(w, ns);
    writer_u8(w, 0x10);
    writer_u8(w, levels[level].number);
    put_text(w, 0x1a, levels[level].text);
    writer_u8(w, 0x2a);
    writer_uvarint(w, 1 + uvarint_size(g->line.len) + g->line.len);
    writer_u8(w, 0x0a);
    writer_sized(w, g->line.at, g->line.len);
    put_record_attributes(g, &r, text);
    put_ids(g, index);
    if (g->is_observed) {
        writer_u8(w, 0x59);
        writer_le64(w, ns + 1000000 + below(g, 4000000));
    }
    writer_u8(&g->block, 0x12); /* ScopeLogs.log_records */
    writer_sized(&g->block, w->at, w->len);
}

static void put_resource(struct generator *g, uint32_t service, uint32_t pod)
{
    enum { TAG = 0x0a }; /* Resource.attributes */
    struct writer *w = &g->one;
    char text[TEXT_MAX];
    writer_reset(w);
    put_string(w, TAG, "service.name", services[service], &g->attribute);
    put_string(w, TAG, "service.namespace", service < 8 ? "shop" : "platform", &g->attribute);
    put_string(w, TAG, "deployment.environment", "production", &g->attribute);
    (void)snprintf(text, sizeof text, "%s-7d9f%x-%05x", services[service],
                   service * 2654435u % 4096, (service * 3 + pod) * 40503u % 1048576);
    put_string(w, TAG, "k8s.pod.name", text, &g->attribute);
    put_string(w, TAG, "cloud.region", regions[pod], &g->attribute);
    (void)snprintf(text, sizeof text, "1.%u.%u", service, pod);
    put_string(w, TAG, "service.version", text, &g->attribute);
    writer_u8(&g->resource, 0x0a); /* ResourceLogs.resource */
    writer_sized(&g->resource, w->at, w->len);
}

/* ResourceLogs to g->body: every fourth record of the request. */
static void put_block(struct generator *g, uint64_t first, uint64_t end)
{
    static const char scope[] = "example.org/logger";
    uint32_t service = skewed(&g->random, SERVICES), pod = below(g, PODS);
    writer_reset(&g->resource);
    put_resource(g, service, pod);
    writer_reset(&g->block);
    writer_u8(&g->block, 0x0a); /* ScopeLogs.scope */
    writer_u8(&g->block, 1 + 1 + sizeof scope - 1);
    put_text(&g->block, 0x0a, scope);
    for (uint64_t i = first; i < end; i += BLOCKS)
        put_record(g, service, i);
    writer_u8(&g->resource, 0x12); /* ResourceLogs.scope_logs */
    writer_sized(&g->resource, g->block.at, g->block.len);
    writer_u8(&g->body, 0x0a);
    writer_sized(&g->body, g->resource.at, g->resource.len);
}

static void emit_request(struct generator *g, uint64_t request)
{
    uint64_t first = request * g->per_request;
    uint64_t end = first + g->per_request < g->records ? first + g->per_request : g->records;
    random_init(&g->random, g->seed * 0x9e3779b97f4a7c15u + request);
    writer_reset(&g->body);
    for (uint64_t k = 0; k < BLOCKS && first + k < end; k++)
        put_block(g, first + k, end);
    uint32_t head[2] = {(uint32_t)g->body.len, (uint32_t)(end - first)};
    if (fwrite(head, sizeof head, 1, g->out) != 1 ||
        fwrite(g->body.at, g->body.len, 1, g->out) != 1) {
        perror("write");
        exit(1);
    }
    g->requests++;
    g->written += end - first;
    g->bytes += g->body.len;
}

static void read_needle(struct generator *g)
{
    for (size_t i = 0; i < sizeof g->needle; i++) {
        char pair[3] = {NEEDLE[2 * i], NEEDLE[2 * i + 1], '\0'};
        g->needle[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

static void release(struct generator *g)
{
    writer_release(&g->line);
    writer_release(&g->one);
    writer_release(&g->block);
    writer_release(&g->resource);
    writer_release(&g->body);
    writer_release(&g->attribute);
}

int main(int argc, char **argv)
{
    static struct generator g;
    if (argc < 3) {
        (void)fprintf(stderr, "usage: gen_logs OUT END_MS [records=N] [from=N] [count=N] "
                              "[span_s=N] [per_request=N] [seed=N] [observed=0|1]\n");
        return 2;
    }
    g.end_ms = strtoull(argv[2], NULL, 10);
    g.records = option_number(argc, argv, "records", 1000000);
    g.from = option_number(argc, argv, "from", 0);
    g.count = option_number(argc, argv, "count", g.records);
    g.span_s = option_number(argc, argv, "span_s", 3600);
    g.per_request = option_number(argc, argv, "per_request", 500);
    g.seed = option_number(argc, argv, "seed", 1);
    g.is_observed = option_number(argc, argv, "observed", 0);
    if (g.per_request == 0 || g.records == 0 || g.from % g.per_request ||
        g.end_ms < g.span_s * 1000) {
        (void)fprintf(stderr, "records and per_request begin at 1, from is a multiple of the "
                              "latter, END_MS is milliseconds since 1970\n");
        return 2;
    }
    g.out = fopen(argv[1], "wb");
    if (!g.out) {
        perror(argv[1]);
        return 1;
    }
    read_needle(&g);
    choose_templates(&g);
    uint64_t end = g.count < g.records - g.from ? g.from + g.count : g.records;
    for (uint64_t r = g.from / g.per_request; r * g.per_request < end; r++)
        emit_request(&g, r);
    (void)printf(
        "{\"seed\":%llu,\"records\":%llu,\"requests\":%llu,\"body_bytes\":%llu,"
        "\"line_bytes\":%llu,\"end_ms\":%llu,\"span_s\":%llu,\"trace_id\":\"" NEEDLE "\"}\n",
        (unsigned long long)g.seed, (unsigned long long)g.written, (unsigned long long)g.requests,
        (unsigned long long)g.bytes, (unsigned long long)g.line_bytes, (unsigned long long)g.end_ms,
        (unsigned long long)g.span_s);
    release(&g);
    if (fclose(g.out) != 0) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
