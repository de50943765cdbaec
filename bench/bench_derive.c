/* The metrics of spans alone: CPU a span, with and without the service graph, with two loops
 * that do nothing else, and a flush.
 * usage: bench_derive [rounds].  A shop of 15 services, 8 operations each, spans with 20
 * attributes, half of them pairs of a client and a server, batches of 512 spans from 4 resources.
 * One JSON line a figure; ns are CPU time of the calling thread. */
#include "collector/derive/span_metrics.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SERVICES = 15, OPERATIONS = 8, BATCH = 512, BATCHES = 64, FIELDS = 20, RESOURCE = 10 };

struct load {
    struct random random;
    struct tsdb_span_source sources[SERVICES];
    struct tsdb_field resources[SERVICES][RESOURCE];
    struct tsdb_field fields[FIELDS];
    struct tsdb_span spans[BATCHES][BATCH];
    char services[SERVICES][32], operations[OPERATIONS][64];
};

static int64_t cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void figure(const char *name, double value, const char *unit)
{
    (void)printf("{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"%s\"}\n", name, value, unit);
    (void)fflush(stdout);
}

static void make_sources(struct load *l)
{
    static const char *const names[RESOURCE] = {
        "service.name",       "service.namespace",    "service.instance.id",
        "host.name",          "telemetry.sdk.name",   "k8s.pod.name",
        "k8s.namespace.name", "process.runtime.name", "os.type",
        "container.id"};
    for (uint32_t i = 0; i < SERVICES; i++) {
        (void)snprintf(l->services[i], sizeof l->services[i], "service-%u", i);
        for (uint32_t f = 0; f < RESOURCE; f++)
            l->resources[i][f] = (struct tsdb_field){
                .name = text_of(names[f]), .text = text_of(f == 1 ? "shop" : l->services[i])};
        l->sources[i].resource = (struct tsdb_fields){l->resources[i], RESOURCE, 0};
    }
    for (uint32_t i = 0; i < OPERATIONS; i++)
        (void)snprintf(l->operations[i], sizeof l->operations[i], "GET /api/v1/things/%u", i);
    static const char *const attributes[FIELDS] = {
        "http.request.method", "url.path",    "url.scheme",    "http.response.status_code",
        "http.route",          "user.id",     "client.port",   "network.protocol.version",
        "thread.id",           "thread.name", "code.function", "code.namespace",
        "server.port",         "session.id",  "app.order.id",  "app.user.currency",
        "rpc.system",          "rpc.service", "rpc.method",    "user_agent.original"};
    for (uint32_t i = 0; i < FIELDS; i++)
        l->fields[i] = (struct tsdb_field){.name = text_of(attributes[i]),
                                           .text = text_of("a value of some length")};
}

static void make_span(struct load *l, uint32_t batch, uint32_t i)
{
    struct tsdb_span *s = &l->spans[batch][i];
    uint32_t service = (batch * 4 + i % 4) % SERVICES;
    int64_t took = (int64_t)random_below(&l->random, 200) * NS_PER_MS;
    *s = (struct tsdb_span){.source = service,
                            .kind = TSDB_KIND_INTERNAL,
                            .status = random_below(&l->random, 100) == 0 ? TSDB_STATUS_ERROR : 0,
                            .name = text_of(l->operations[random_below(&l->random, OPERATIONS)]),
                            .start = NS_PER_S,
                            .end = NS_PER_S + took,
                            .attributes = {l->fields, FIELDS, 0}};
    for (int b = 0; b < TSDB_SPAN_ID_BYTES; b++)
        s->span_id.at[b] = (uint8_t)random_next(&l->random);
    for (int b = 0; b < TSDB_TRACE_ID_BYTES; b++)
        s->trace_id.at[b] = (uint8_t)random_next(&l->random);
}

/* The second of four is a client, whose server comes half a batch later. */
static void make_pairs(struct tsdb_span *spans)
{
    for (uint32_t i = 1; i < BATCH / 2; i += 2) {
        struct tsdb_span *client = &spans[i], *server = &spans[i + BATCH / 2];
        client->kind = TSDB_KIND_CLIENT;
        server->kind = TSDB_KIND_SERVER;
        server->trace_id = client->trace_id;
        server->parent_id = client->span_id;
    }
}

static double run(struct span_metrics *sm, const struct load *l, uint32_t rounds)
{
    int64_t best = INT64_MAX;
    for (uint32_t round = 0; round < rounds; round++) {
        int64_t since = cpu_ns();
        for (uint32_t i = 0; i < BATCHES; i++) {
            const struct tsdb_span_batch batch = {"", l->sources, l->spans[i], SERVICES, BATCH};
            span_metrics_observe(sm, &batch, NULL);
        }
        int64_t took = cpu_ns() - since;
        best = took < best ? took : best;
    }
    return (double)best / (BATCH * BATCHES);
}

/* One of two loops that share the sets. */
struct loop {
    struct thread thread;
    struct span_metrics *sm;
    const struct load *load;
    uint32_t rounds;
    double ns;
};

static void *run_loop(void *arg)
{
    struct loop *l = arg;
    l->ns = run(l->sm, l->load, l->rounds);
    return NULL;
}

static double run_two(struct span_metrics *sm, const struct load *load, uint32_t rounds)
{
    struct loop loops[2];
    for (int i = 0; i < 2; i++) {
        loops[i] = (struct loop){.sm = sm, .load = load, .rounds = rounds};
        thread_start(&loops[i].thread, "loop", run_loop, &loops[i]);
    }
    for (int i = 0; i < 2; i++)
        thread_join(&loops[i].thread);
    return (loops[0].ns + loops[1].ns) / 2;
}

int main(int argc, char **argv)
{
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 50;
    struct load *l = MEM_NEW(struct load);
    struct tsdb *db;
    struct tsdb_error err = {0};
    struct tsdb_options options;
    struct span_metrics_options derive;
    char dir[] = "/tmp/bench_derive_XXXXXX";
    tsdb_options_init(&options);
    options.dir = mkdtemp(dir);
    if (!options.dir || tsdb_open(&options, &db, &err) != TSDB_OK) {
        (void)fprintf(stderr, "bench_derive: %s: %s\n", dir, err.msg);
        return 1;
    }
    random_init(&l->random, 1);
    make_sources(l);
    for (uint32_t i = 0; i < BATCHES; i++)
        for (uint32_t j = 0; j < BATCH; j++)
            make_span(l, i, j);
    span_metrics_options_init(&derive);
    derive.db = db;
    struct span_metrics *sm = span_metrics_new(&derive);
    figure("derive_span_ns", run(sm, l, rounds), "ns/span");
    for (uint32_t i = 0; i < BATCHES; i++)
        make_pairs(l->spans[i]);
    figure("derive_span_with_graph_ns", run(sm, l, rounds), "ns/span");
    figure("derive_span_with_graph_two_loops_ns", run_two(sm, l, rounds), "ns/span");
    span_metrics_flush(sm);
    int64_t since = cpu_ns();
    span_metrics_flush(sm);
    figure("derive_flush_us", (double)(cpu_ns() - since) / 1e3, "us");
    span_metrics_free(sm);
    const struct tsdb_text dimensions[] = {text_of("http.route"), text_of("rpc.method")};
    derive.dimensions = dimensions;
    derive.dimension_count = 2;
    sm = span_metrics_new(&derive);
    figure("derive_span_with_two_dimensions_ns", run(sm, l, rounds), "ns/span");
    span_metrics_free(sm);
    tsdb_close(db);
    mem_free(l);
    return 0;
}
