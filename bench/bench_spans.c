/* bench_spans.c - bytes and nanoseconds of spans: journal records, span groups, reading.
 *
 * Seeded: traces of 6 to 12 spans through ten services, 12 to 20 attributes a span as the
 * semantic conventions of HTTP and databases have them, exceptions and log messages as events,
 * some links.  Each service sends its spans in batches of BATCH, in order of their ends, so a
 * trace comes in pieces.  A group is SPANS spans.  Times are of the CPU, the best of several
 * passes.
 */
#include "tsdb/base/arena.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"
#include "tsdb/columns/group_form.h"
#include "tsdb/traces/span_builder.h"
#include "tsdb/traces/span_reader.h"
#include "tsdb/traces/span_record.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    SPANS = 65000,
    PASSES = 5,
    BATCH = 512,
    SERVICES = 10,
    ATTRIBUTES = 24,
    TRACE_MAX = 12,
    PAYLOADS = SPANS / BATCH + SERVICES + 1,
};

static const char *const services[SERVICES] = {"frontend", "cart",     "checkout", "payment",
                                               "catalog",  "shipping", "email",    "currency",
                                               "accounts", "search"};
static const char *const methods[] = {"GET", "GET", "GET", "POST", "PUT", "DELETE"};
static const char *const tables[] = {"orders", "customers", "items", "carts", "parcels", "prices"};
static const char *const operations[] = {"SELECT", "SELECT", "SELECT", "INSERT", "UPDATE"};

/* ---- making spans --------------------------------------------------------------------- */

struct making {
    struct arena arena;
    struct random random;
    struct tsdb_span_source sources[SERVICES];
    struct tsdb_span *spans; /* by service, see `queues` */
    uint32_t count;
    uint64_t attributes, events;
};

static struct tsdb_text keep(struct making *m, const char *at, size_t len)
{
    char *copy = ARENA_ARRAY(&m->arena, char, len + 1);
    if (!copy)
        abort();
    memcpy(copy, at, len);
    return (struct tsdb_text){copy, len};
}

static __attribute__((format(printf, 2, 3))) struct tsdb_text made(struct making *m,
                                                                   const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return keep(m, text, (size_t)n);
}

static unsigned below(struct making *m, unsigned bound)
{
    return (unsigned)random_below(&m->random, bound);
}

struct fields {
    struct making *m;
    struct tsdb_field *at;
    uint32_t count;
};

static struct fields fields_begin(struct making *m)
{
    struct tsdb_field *at = ARENA_ARRAY(&m->arena, struct tsdb_field, ATTRIBUTES);
    if (!at)
        abort();
    return (struct fields){m, at, 0};
}

static void text(struct fields *f, const char *name, struct tsdb_text value)
{
    f->at[f->count++] = (struct tsdb_field){.name = text_of(name), .text = value};
}

static void number(struct fields *f, const char *name, int64_t value)
{
    f->at[f->count++] =
        (struct tsdb_field){.name = text_of(name), .type = TSDB_FIELD_INT, .integer = value};
}

static struct tsdb_fields fields_end(struct fields *f)
{
    f->m->attributes += f->count;
    return (struct tsdb_fields){f->at, f->count, 0};
}

/* What every span of an instrumented service has. */
static void common(struct fields *f, unsigned service)
{
    struct making *m = f->m;
    number(f, "thread.id", 20 + below(m, 16));
    text(f, "thread.name", made(m, "http-nio-8080-exec-%u", 1 + below(m, 16)));
    text(f, "network.protocol.version", text_of("1.1"));
    if (below(m, 3) == 0)
        text(f, "enduser.id", made(m, "user-%05u", below(m, 5000)));
    if (below(m, 2))
        text(f, "app.tier", text_of(below(m, 5) ? "standard" : "gold"));
    f->at[f->count++] = (struct tsdb_field){
        .name = text_of("app.cached"), .type = TSDB_FIELD_BOOL, .integer = below(m, 4) == 0};
    text(f, "k8s.node.name", made(m, "node-%u", (service * 3 + below(m, 3)) % 12));
}

static void http_common(struct fields *f, unsigned service, bool is_error)
{
    struct making *m = f->m;
    text(f, "http.request.method", text_of(methods[below(m, 6)]));
    number(f, "http.response.status_code", is_error ? 500 : below(m, 30) ? 200 : 404);
    text(f, "server.address", made(m, "%s.shop.svc.cluster.local", services[service]));
    number(f, "server.port", 8080);
    text(f, "network.peer.address", made(m, "10.4.%u.%u", below(m, 4), below(m, 60)));
    number(f, "network.peer.port", 32768 + below(m, 28000));
}

static void server_fields(struct fields *f, unsigned service, bool is_error)
{
    struct making *m = f->m;
    http_common(f, service, is_error);
    text(f, "http.route", made(m, "/api/v1/%s/{id}", services[service]));
    text(f, "url.path", made(m, "/api/v1/%s/%u", services[service], below(m, 20000)));
    text(f, "url.scheme", text_of("http"));
    text(f, "user_agent.original",
         made(m, "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.%u", below(m, 30)));
    number(f, "http.response.body.size", below(m, 4000));
    common(f, service);
}

static void client_fields(struct fields *f, unsigned service, bool is_error)
{
    struct making *m = f->m;
    http_common(f, service, is_error);
    text(f, "url.full",
         made(m, "http://%s.shop.svc.cluster.local:8080/api/v1/%s/%u", services[service],
              services[service], below(m, 20000)));
    number(f, "http.request.body.size", below(m, 600));
    common(f, service);
}

static void db_fields(struct fields *f, unsigned service)
{
    struct making *m = f->m;
    const char *table = tables[below(m, 6)], *operation = operations[below(m, 5)];
    text(f, "db.system.name", text_of("postgresql"));
    text(f, "db.namespace", made(m, "%s", services[service]));
    text(f, "db.operation.name", text_of(operation));
    text(f, "db.collection.name", text_of(table));
    text(f, "db.query.text",
         made(m, "%s id, name, state, created, updated FROM %s WHERE customer = $1 AND state = $%u",
              operation, table, 2 + below(m, 5)));
    text(f, "server.address", made(m, "pg-%u.db.internal", service % 3));
    number(f, "server.port", 5432);
    number(f, "db.response.returned_rows", below(m, 8) ? below(m, 20) : below(m, 1000));
    common(f, service);
}

static void internal_fields(struct fields *f, unsigned service)
{
    struct making *m = f->m;
    unsigned line = below(m, 40);
    text(f, "code.function.name", made(m, "com.shop.%s.Service.step%u", services[service], line));
    text(f, "code.file.path", made(m, "src/main/java/com/shop/%s/Service.java", services[service]));
    number(f, "code.line.number", 100 + line * 17);
    number(f, "app.items", below(m, 12));
    number(f, "app.queue.length", below(m, 50));
    text(f, "app.feature", made(m, "flag-%u", below(m, 9)));
    text(f, "app.region", text_of(below(m, 2) ? "eu-central" : "eu-west"));
    common(f, service);
}

static void add_events(struct making *m, struct tsdb_span *s, bool is_error)
{
    if (!is_error && below(m, 8))
        return;
    struct tsdb_span_event *e = ARENA_ARRAY(&m->arena, struct tsdb_span_event, 1);
    struct fields f = fields_begin(m);
    if (!e)
        abort();
    e->ts = s->start + (s->end - s->start) / 2;
    if (is_error) {
        e->name = text_of("exception");
        text(&f, "exception.type", made(m, "java.io.IOException%u", below(m, 4)));
        text(&f, "exception.message", made(m, "connection to upstream %u was reset", below(m, 50)));
        text(&f, "exception.stacktrace",
             made(m,
                  "java.io.IOException\n\tat com.shop.Client.call(Client.java:%u)\n\tat "
                  "com.shop.Service.step(Service.java:17)\n\tat java.base/run(Thread.java:840)",
                  below(m, 20)));
    } else {
        e->name = text_of("log");
        text(&f, "message", made(m, "reserved %u of %u items", below(m, 9), below(m, 20)));
    }
    e->attributes = fields_end(&f);
    s->events = e;
    s->event_count = 1;
    m->events++;
}

static void add_link(struct making *m, struct tsdb_span *s)
{
    if (below(m, 100))
        return;
    struct tsdb_span_link *l = ARENA_ARRAY(&m->arena, struct tsdb_span_link, 1);
    if (!l)
        abort();
    uint64_t id[3] = {random_next(&m->random), random_next(&m->random), random_next(&m->random)};
    memcpy(l->trace_id.at, id, 16);
    memcpy(l->span_id.at, id + 2, 8);
    s->links = l;
    s->link_count = 1;
}

/* A span of the trace whose first one is at `root`. */
static struct tsdb_span span_of(struct making *m, struct tsdb_span *root, uint32_t at)
{
    static const uint8_t kinds[] = {TSDB_KIND_CLIENT, TSDB_KIND_SERVER, TSDB_KIND_INTERNAL,
                                    TSDB_KIND_CLIENT};
    const struct tsdb_span *parent = at ? &root[at - 1 - below(m, at > 2 ? 2 : 1)] : NULL;
    uint64_t id[3] = {random_next(&m->random), random_next(&m->random), random_next(&m->random)};
    struct tsdb_span s = {.kind = at ? kinds[at % 4] : TSDB_KIND_SERVER, .flags = 0x101};
    bool is_error = below(m, 50) == 0, is_db = at % 4 == 0 && at > 0;
    s.source =
        parent ? (s.kind == TSDB_KIND_SERVER ? below(m, SERVICES) : parent->source) : below(m, 2);
    memcpy(s.trace_id.at, parent ? parent->trace_id.at : (uint8_t *)id, 16);
    memcpy(s.span_id.at, id + 2, 8);
    int64_t room = parent ? (parent->end - parent->start) / 2 : 200000000;
    s.start =
        (parent ? parent->start : 0) + (int64_t)random_below(&m->random, (uint64_t)room / 2 + 1);
    s.end = s.start + 1000 + (int64_t)random_below(&m->random, (uint64_t)room + 1);
    if (parent)
        s.parent_id = parent->span_id;
    struct fields f = fields_begin(m);
    if (is_db)
        db_fields(&f, s.source);
    else if (s.kind == TSDB_KIND_SERVER)
        server_fields(&f, s.source, is_error);
    else if (s.kind == TSDB_KIND_CLIENT)
        client_fields(&f, s.source, is_error);
    else
        internal_fields(&f, s.source);
    s.name = is_db ? f.at[4].text : s.kind == TSDB_KIND_INTERNAL ? f.at[0].text : f.at[0].text;
    if (s.kind == TSDB_KIND_SERVER)
        s.name = made(m, "%.*s /api/v1/%s/{id}", (int)f.at[0].text.len, f.at[0].text.at,
                      services[s.source]);
    s.attributes = fields_end(&f);
    s.status = is_error ? TSDB_STATUS_ERROR : TSDB_STATUS_UNSET;
    add_events(m, &s, is_error);
    add_link(m, &s);
    return s;
}

static int by_end(const void *x, const void *y)
{
    const struct tsdb_span *a = x, *b = y;
    return (a->end > b->end) - (a->end < b->end);
}

static struct tsdb_span_source source_of(struct making *m, unsigned service)
{
    struct fields f = fields_begin(m), none = fields_begin(m);
    text(&f, "service.name", text_of(services[service]));
    text(&f, "service.version", made(m, "1.%u.0", service));
    text(&f, "service.namespace", text_of("shop"));
    text(&f, "service.instance.id",
         made(m, "%s-7d9f8b6c5-%05u", services[service], below(m, 99999)));
    text(&f, "deployment.environment.name", text_of("production"));
    text(&f, "telemetry.sdk.name", text_of("opentelemetry"));
    text(&f, "telemetry.sdk.language", text_of("java"));
    text(&f, "telemetry.sdk.version", text_of("1.44.1"));
    text(&f, "host.name", made(m, "node-%u", service % 4));
    number(&f, "process.pid", 1 + below(m, 30000));
    return (struct tsdb_span_source){.resource = fields_end(&f),
                                     .scope = fields_end(&none),
                                     .scope_name = text_of("io.opentelemetry.tomcat-10.0"),
                                     .scope_version = text_of("2.10.0-alpha")};
}

static void make(struct making *m)
{
    struct tsdb_span trace[TRACE_MAX];
    int64_t now = INT64_C(1790000000000000000);
    for (unsigned i = 0; i < SERVICES; i++)
        m->sources[i] = source_of(m, i);
    m->attributes = 0;
    m->spans = MEM_ARRAY(struct tsdb_span, SPANS);
    while (m->count < SPANS) {
        uint32_t n = 6 + below(m, 7);
        now += (int64_t)random_below(&m->random, 20000000);
        for (uint32_t i = 0; i < n; i++) {
            trace[i] = span_of(m, trace, i);
            if (i == 0) {
                trace[0].start += now;
                trace[0].end += now;
            }
        }
        for (uint32_t i = 0; i < n && m->count < SPANS; i++)
            m->spans[m->count++] = trace[i];
    }
    qsort(m->spans, m->count, sizeof *m->spans, by_end);
}

/* ---- records ---------------------------------------------------------------------------- */

static void must(enum tsdb_status st)
{
    if (st != TSDB_OK)
        abort();
}

/* The least of PASSES runs. */
struct timing {
    int64_t start;
    double best, sum; /* sum: of a pass that is timed piece by piece */
};

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void begin(struct timing *t)
{
    t->start = cpu_ns();
}

static void end(struct timing *t)
{
    double ns = (double)(cpu_ns() - t->start);
    t->best = t->best == 0 || ns < t->best ? ns : t->best;
}

static void pause_at(struct timing *t)
{
    t->sum += (double)(cpu_ns() - t->start);
}

static void end_sum(struct timing *t)
{
    t->best = t->best == 0 || t->sum < t->best ? t->sum : t->best;
    t->sum = 0;
}

static void line_out(const char *name, const struct timing *t)
{
    printf("{\"name\":\"spans/%s\",\"ns_per_span\":%.1f}\n", name, t->best / SPANS);
}

/* The batches that the services send. */
struct sent {
    struct tsdb_span *spans; /* owned */
    struct tsdb_span_source source;
    uint32_t count;
};

static uint32_t batches_cut(const struct making *m, struct sent *out)
{
    struct sent open[SERVICES] = {{0}};
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        uint32_t service = m->spans[i].source;
        struct sent *s = &open[service];
        if (!s->spans)
            *s = (struct sent){MEM_ARRAY(struct tsdb_span, BATCH), m->sources[service], 0};
        s->spans[s->count] = m->spans[i];
        s->spans[s->count++].source = 0;
        if (s->count == BATCH) {
            out[n++] = *s;
            *s = (struct sent){0};
        }
    }
    for (uint32_t i = 0; i < SERVICES; i++)
        if (open[i].count)
            out[n++] = open[i];
    return n;
}

/* Who writes a record has just made the batch: what is in it is at hand. */
static uint64_t touch(const struct sent *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->count; i++)
        for (uint32_t k = 0; k < s->spans[i].attributes.count; k++) {
            const struct tsdb_field *f = &s->spans[i].attributes.at[k];
            sum += f->name.len + (f->type == TSDB_FIELD_STRING && f->text.len
                                      ? (uint8_t)f->text.at[f->text.len - 1]
                                      : 0);
        }
    return sum;
}

static void bench_records(const struct sent *sent, uint32_t n, struct writer *payloads,
                          struct arena *arena, struct tsdb_span_batch *batches)
{
    struct timing write = {0}, read = {0};
    uint64_t bytes = 0, touched = 0;
    for (int pass = 0; pass < PASSES; pass++) {
        for (uint32_t i = 0; i < n; i++) {
            struct tsdb_span_batch batch = {"", &sent[i].source, sent[i].spans, 1, sent[i].count};
            writer_reset(&payloads[i]);
            touched += touch(&sent[i]);
            begin(&write);
            must(span_record_write(&batch, NULL, &payloads[i]));
            pause_at(&write);
        }
        end_sum(&write);
        arena_release(arena);
        arena_init(arena, (size_t)1 << 30, NULL);
        begin(&read);
        for (uint32_t i = 0; i < n; i++)
            must(span_record_read(writer_bytes(&payloads[i]), arena, &batches[i], NULL));
        end(&read);
    }
    for (uint32_t i = 0; i < n; i++)
        bytes += payloads[i].len;
    if (touched == 0)
        abort();
    line_out("record_write", &write);
    line_out("record_read", &read);
    printf("{\"name\":\"spans/record\",\"bytes_per_span\":%.1f}\n", (double)bytes / SPANS);
}

/* ---- groups ----------------------------------------------------------------------------- */

static void add(struct span_builder *b, const struct tsdb_span_batch *batches, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t source = span_builder_source(b, text_of(""), batches[i].sources);
        for (uint32_t k = 0; k < batches[i].span_count; k++) {
            struct tsdb_span span = batches[i].spans[k];
            span.source = source;
            if (!span_builder_span(b, &span))
                abort();
        }
    }
}

static struct group_bytes bytes_of(const struct group_strings *s)
{
    return (struct group_bytes){writer_bytes(&s->head), writer_bytes(&s->filter),
                                writer_bytes(&s->data)};
}

struct opened {
    struct group *groups[SPAN_TABLES];
    struct span_tables tables;
};

static void open_tables(const struct made_spans *made, struct opened *out)
{
    *out = (struct opened){0};
    for (int i = 0; i < SPAN_TABLES; i++)
        if (made->tables[i].head.len) {
            must(group_open(bytes_of(&made->tables[i]), &out->groups[i], NULL));
            out->tables.at[i] = out->groups[i];
        }
}

static void close_tables(struct opened *o)
{
    for (int i = 0; i < SPAN_TABLES; i++)
        group_free(o->groups[i]);
}

static void bytes_out(const char *form, const struct made_spans *made, bool with_columns)
{
    static const char *const names[SPAN_TABLES] = {"spans", "sources", "events", "links"};
    struct opened o;
    double total = 0;
    open_tables(made, &o);
    for (int i = 0; i < SPAN_TABLES; i++) {
        const struct group_strings *s = &made->tables[i];
        total += (double)(s->head.len + s->filter.len + s->data.len);
        printf("{\"name\":\"spans/%s/%s\",\"bytes_per_span\":%.2f,\"head\":%zu,\"filter\":%zu,"
               "\"data\":%zu}\n",
               form, names[i], (double)(s->head.len + s->filter.len + s->data.len) / SPANS,
               s->head.len, s->filter.len, s->data.len);
        for (uint32_t c = 0; with_columns && s->head.len && c < group_columns(o.groups[i]); c++) {
            const struct column_head *head = &o.groups[i]->columns[c];
            uint64_t bytes = 0;
            for (uint32_t p = 0; p < head->part_count; p++)
                bytes += o.groups[i]->parts[head->part_first + p].bytes;
            printf("{\"name\":\"spans/%s/%s/%.*s\",\"bytes_per_span\":%.3f,\"present\":%u,"
                   "\"distinct\":%u,\"encoding\":%u}\n",
                   form, names[i], (int)head->info.name.len, head->info.name.at,
                   (double)bytes / SPANS, head->info.present, head->info.distinct,
                   head->info.encoding);
        }
    }
    printf("{\"name\":\"spans/%s\",\"bytes_per_span\":%.2f}\n", form, total / SPANS);
    close_tables(&o);
}

static void seal(const struct made_spans *hot, struct made_spans *out)
{
    struct opened o;
    open_tables(hot, &o);
    for (int i = 0; i < SPAN_TABLES; i++)
        if (o.groups[i])
            must(group_seal(o.groups[i], NULL, &out->tables[i], NULL));
    close_tables(&o);
}

/* All spans, and one trace by a reader that has decoded nothing. */
static void bench_reads(const char *form, const struct made_spans *made,
                        const struct tsdb_trace_id *id)
{
    struct opened o;
    struct arena arena;
    struct tsdb_span span;
    struct timing all = {0}, find = {0}, one = {0};
    struct span_reader *r = span_reader_new(NULL);
    char name[64];
    open_tables(made, &o);
    arena_init(&arena, (size_t)1 << 30, NULL);
    for (int pass = 0; pass < PASSES; pass++) {
        uint32_t first, count;
        span_reader_open(r, &o.tables);
        begin(&find);
        begin(&one);
        must(span_reader_find(r, id, &first, &count, NULL));
        end(&find);
        for (uint32_t i = 0; i < count; i++)
            must(span_reader_span(r, first + i, &arena, &span, NULL));
        end(&one);
        begin(&all);
        for (uint32_t row = 0; row < made->rows; row++) {
            must(span_reader_span(r, row, &arena, &span, NULL));
            if (row % 16 == 0)
                arena_reset(&arena);
        }
        end(&all);
    }
    snprintf(name, sizeof name, "%s/read", form);
    line_out(name, &all);
    printf("{\"name\":\"spans/%s/find\",\"ns\":%.0f}\n", form, find.best);
    printf("{\"name\":\"spans/%s/one_trace\",\"ns\":%.0f}\n", form, one.best);
    arena_release(&arena);
    span_reader_free(r);
    close_tables(&o);
}

static void bench_groups(const struct tsdb_span_batch *batches, uint32_t n)
{
    struct timing adds = {0}, hot_time = {0}, seal_time = {0}, sealed_time = {0};
    struct span_builder *b = span_builder_new(NULL);
    struct made_spans hot = {0}, resealed = {0}, sealed = {0};
    for (int pass = 0; pass < PASSES; pass++) {
        made_spans_release(&hot);
        made_spans_release(&resealed);
        made_spans_release(&sealed);
        begin(&adds);
        add(b, batches, n);
        end(&adds);
        begin(&hot_time);
        must(span_builder_finish(b, GROUP_HOT, &hot, NULL));
        end(&hot_time);
        begin(&seal_time);
        seal(&hot, &resealed);
        end(&seal_time);
        add(b, batches, n);
        begin(&sealed_time);
        must(span_builder_finish(b, GROUP_SEALED, &sealed, NULL));
        end(&sealed_time);
    }
    line_out("add", &adds);
    line_out("finish_hot", &hot_time);
    line_out("seal", &seal_time);
    line_out("finish_sealed", &sealed_time);
    bytes_out("hot", &hot, false);
    bytes_out("sealed", &sealed, true);
    bytes_out("resealed", &resealed, false);
    bench_reads("hot", &hot, &batches[0].spans[0].trace_id);
    bench_reads("sealed", &sealed, &batches[0].spans[0].trace_id);
    made_spans_release(&hot);
    made_spans_release(&resealed);
    made_spans_release(&sealed);
    span_builder_free(b);
}

int main(void)
{
    static struct making m;
    static struct sent sent[PAYLOADS];
    static struct writer payloads[PAYLOADS];
    static struct tsdb_span_batch batches[PAYLOADS];
    struct arena arena;
    random_init(&m.random, 7);
    arena_init(&m.arena, (size_t)1 << 30, NULL);
    arena_init(&arena, (size_t)1 << 30, NULL);
    make(&m);
    uint32_t n = batches_cut(&m, sent);
    printf("{\"name\":\"spans\",\"spans\":%u,\"attributes_per_span\":%.1f,\"events_per_span\":%.2f,"
           "\"batches\":%u}\n",
           m.count, (double)m.attributes / m.count, (double)m.events / m.count, n);
    bench_records(sent, n, payloads, &arena, batches);
    bench_groups(batches, n);
    for (uint32_t i = 0; i < n; i++) {
        writer_release(&payloads[i]);
        mem_free(sent[i].spans);
    }
    mem_free(m.spans);
    arena_release(&arena);
    arena_release(&m.arena);
    return 0;
}
