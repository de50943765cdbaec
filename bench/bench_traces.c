/* The trace engine alone: appending, groups of open batches, sealing, merging, whole traces by id;
 * bytes and memory.
 * usage: bench_traces DIR [spans].  Traces of 10 spans through 10 services, 14 attributes a span
 * (8 strings, 5 ints, a bool), in batches of 510 spans as a collector sends them, the last span
 * of a trace two batches late.  One JSON line a figure; ns are CPU time of the calling thread. */
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"
#include "tsdb/traces/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SERVICES = 10, TRACE = 10, TRACES = 51, BATCH = TRACES * TRACE, FIELDS = 14, ROOM = 64 };

static const char *const services[SERVICES] = {"frontend", "cart",     "checkout", "payment",
                                               "catalog",  "shipping", "email",    "currency",
                                               "accounts", "search"};
static const char *const methods[] = {"GET", "GET", "POST", "PUT", "DELETE"};

struct load {
    struct store store;
    struct traces *t;
    struct random random;
    struct tsdb_field resources[SERVICES][3];
    struct tsdb_span_source sources[SERVICES];
    struct tsdb_span spans[BATCH];
    struct tsdb_field fields[BATCH][FIELDS];
    char texts[BATCH][6][ROOM];
    struct tsdb_trace_id late[2][TRACES]; /* of the last two batches */
    struct tsdb_span_id roots[2][TRACES];
    struct tsdb_trace_id *known; /* one a batch */
    uint32_t known_count;
    int64_t now;
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

static void check(enum tsdb_status st, const struct tsdb_error *err)
{
    if (st == TSDB_OK)
        return;
    (void)fprintf(stderr, "bench_traces: %s\n", err->msg);
    exit(1);
}

/* ---- spans ------------------------------------------------------------------------------- */

static uint32_t below(struct load *l, uint32_t bound)
{
    return (uint32_t)random_below(&l->random, bound);
}

static struct tsdb_field text(const char *name, const char *value)
{
    return (struct tsdb_field){
        .name = text_of(name), .type = TSDB_FIELD_STRING, .text = text_of(value)};
}

static struct tsdb_field number(const char *name, int64_t value)
{
    return (struct tsdb_field){.name = text_of(name), .type = TSDB_FIELD_INT, .integer = value};
}

static void make_sources(struct load *l)
{
    for (uint32_t i = 0; i < SERVICES; i++) {
        l->resources[i][0] = text("service.name", services[i]);
        l->resources[i][1] = text("service.version", "1.14.2");
        l->resources[i][2] = text("telemetry.sdk.language", i % 2 ? "java" : "go");
        l->sources[i] = (struct tsdb_span_source){.resource = {l->resources[i], 3, 0},
                                                  .scope_name = text_of("io.opentelemetry.http")};
    }
}

static void make_fields(struct load *l, uint32_t i, uint32_t service)
{
    struct tsdb_field *f = l->fields[i];
    char(*t)[ROOM] = l->texts[i];
    (void)snprintf(t[0], ROOM, "/api/v1/%s/{id}", services[service]);
    (void)snprintf(t[1], ROOM, "/api/v1/%s/%u", services[service], below(l, 20000));
    (void)snprintf(t[2], ROOM, "10.4.%u.%u", below(l, 4), below(l, 60));
    (void)snprintf(t[3], ROOM, "user-%05u", below(l, 5000));
    (void)snprintf(t[4], ROOM, "%s.shop.svc.cluster.local", services[service]);
    (void)snprintf(t[5], ROOM, "node-%u", below(l, 12));
    f[0] = text("http.request.method", methods[below(l, 5)]);
    f[1] = text("http.route", t[0]);
    f[2] = text("url.path", t[1]);
    f[3] = text("network.peer.address", t[2]);
    f[4] = text("enduser.id", t[3]);
    f[5] = text("server.address", t[4]);
    f[6] = text("k8s.node.name", t[5]);
    f[7] = text("app.tier", below(l, 5) ? "standard" : "gold");
    f[8] = number("http.response.status_code", below(l, 50) ? 200 : 500);
    f[9] = number("http.response.body.size", below(l, 4000));
    f[10] = number("network.peer.port", 32768 + below(l, 28000));
    f[11] = number("server.port", 8080);
    f[12] = number("thread.id", 20 + below(l, 16));
    f[13] = (struct tsdb_field){
        .name = text_of("app.cached"), .type = TSDB_FIELD_BOOL, .integer = below(l, 4) == 0};
}

static void random_bytes(struct load *l, uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t word = random_next(&l->random);
        memcpy(at + i, &word, 8);
    }
}

static void make_span(struct load *l, uint32_t trace, uint32_t at)
{
    uint32_t i = trace * TRACE + at, service = at % SERVICES;
    struct tsdb_span *s = &l->spans[i], *root = &l->spans[trace * TRACE];
    *s = (struct tsdb_span){.source = service,
                            .flags = 0x101,
                            .start = l->now + (int64_t)at * 100000 + below(l, 90000),
                            .kind = at % 2 ? TSDB_KIND_CLIENT : TSDB_KIND_SERVER,
                            .status = below(l, 50) ? TSDB_STATUS_UNSET : TSDB_STATUS_ERROR};
    s->end = s->start + 1000 + below(l, 5000000);
    random_bytes(l, s->span_id.at, sizeof s->span_id.at);
    if (at == 0)
        random_bytes(l, s->trace_id.at, sizeof s->trace_id.at);
    else
        s->trace_id = root->trace_id;
    if (at > 0)
        s->parent_id = l->spans[trace * TRACE + below(l, at)].span_id;
    if (at == TRACE - 1) { /* of a trace that came two batches ago */
        struct tsdb_trace_id id = l->late[0][trace];
        struct tsdb_span_id parent = l->roots[0][trace];
        l->late[0][trace] = l->late[1][trace];
        l->roots[0][trace] = l->roots[1][trace];
        l->late[1][trace] = root->trace_id;
        l->roots[1][trace] = root->span_id;
        s->trace_id = id.at[0] || id.at[1] ? id : root->trace_id;
        s->parent_id = id.at[0] || id.at[1] ? parent : root->span_id;
    }
    make_fields(l, i, service);
    s->name = l->fields[i][1].text;
    s->attributes = (struct tsdb_fields){l->fields[i], FIELDS, 0};
}

static void make_batch(struct load *l)
{
    for (uint32_t trace = 0; trace < TRACES; trace++) {
        l->now += 2000000;
        for (uint32_t at = 0; at < TRACE; at++)
            make_span(l, trace, at);
    }
    l->known[l->known_count++] = l->spans[below(l, TRACES) * TRACE].trace_id;
}

/* ---- the engine ---------------------------------------------------------------------------- */

struct totals {
    int64_t append_ns, group_ns;
};

static void append_all(struct load *l, uint32_t spans, struct totals *t)
{
    struct tsdb_error err = {0};
    struct tsdb_span_batch batch = {"", l->sources, l->spans, SERVICES, BATCH};
    for (uint32_t done = 0; done < spans; done += BATCH) {
        struct tsdb_appended out;
        make_batch(l);
        int64_t began = cpu_ns();
        check(traces_append(l->t, &batch, &out, NULL, &err), &err);
        t->append_ns += cpu_ns() - began;
        if (done == 15 * BATCH)
            figure("open", (double)traces_head_bytes(l->t) / 16 / BATCH, "bytes/span in memory");
        began = cpu_ns();
        (void)traces_group_step(l->t);
        t->group_ns += cpu_ns() - began;
        while (journal_step(l->store.journal))
            ;
    }
}

/* CPU time of reading traces one by one. */
static void read_some(struct load *l, const char *name)
{
    enum { TIMES = 200 };
    struct tsdb_error err = {0};
    uint64_t spans = 0;
    for (int pass = 0; pass < 2; pass++) {
        int64_t began = cpu_ns();
        for (int i = 0; i < TIMES; i++) {
            struct tsdb_trace *t;
            const struct tsdb_trace_id *id = &l->known[random_below(&l->random, l->known_count)];
            check(traces_read(l->t, "", id, 0, 0, 0, &t, &err), &err);
            spans += t->span_count;
            traces_trace_free(t);
        }
        if (pass == 1)
            figure(name, (double)(cpu_ns() - began) / TIMES / 1000, "us/trace");
    }
    if (spans < TIMES)
        exit(1);
}

static uint64_t section_bytes(struct traces *t, int which)
{
    struct shelf_list *list = shelf_ref(&t->shelf);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct trace_block *b = trace_block_of(list->at[i]);
        bytes += which == 0   ? b->data.len
                 : which == 1 ? b->filters.len
                 : which == 2 ? b->heads.len
                              : b->index.len;
    }
    shelf_list_unref(list);
    return bytes;
}

static void segments(struct load *l, uint32_t spans)
{
    static const char *const names[] = {"data", "filters", "heads", "index"};
    struct tsdb_stats stats = {0};
    traces_stats(l->t, &stats);
    figure("segments", (double)stats.trace_segment_bytes / spans, "bytes/span");
    for (int i = 0; i < 4; i++)
        figure(names[i], (double)section_bytes(l->t, i) / spans, "bytes/span");
}

static void run(struct load *l, uint32_t spans)
{
    struct totals t = {0};
    struct tsdb_error err = {0};
    append_all(l, spans, &t);
    figure("append", (double)t.append_ns / spans, "ns/span");
    figure("group", (double)t.group_ns / spans, "ns/span");
    figure("hot", (double)traces_head_bytes(l->t) / spans, "bytes/span in memory");
    read_some(l, "read hot");
    int64_t began = cpu_ns();
    check(store_seal(&l->store, &err), &err);
    figure("seal", (double)(cpu_ns() - began) / spans, "ns/span");
    segments(l, spans);
    read_some(l, "read sealed");
    append_all(l, spans / 10, &t);
    check(store_seal(&l->store, &err), &err);
    store_watch_disk(&l->store);
    bool did = true;
    began = cpu_ns();
    check(traces_merge(l->t, true, &did, &err), &err);
    figure("merge", (double)(cpu_ns() - began) / (spans + spans / 10), "ns/span");
    read_some(l, "read merged");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "usage: bench_traces DIR [spans]\n");
        return 2;
    }
    uint32_t spans = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000000;
    struct load *l = MEM_NEW(struct load);
    struct tsdb_error err = {0};
    struct tsdb_options options = {
        .dir = argv[1],
        .sync = TSDB_SYNC_OS,
        .has_no_threads = true,
        .limits = {.memory_bytes = UINT64_C(4) << 30, .future_max = NS_PER_DAY},
    };
    random_init(&l->random, 1);
    l->now = clock_wall_ns(clock_real()) / NS_PER_DAY * NS_PER_DAY;
    l->known = MEM_ARRAY(struct tsdb_trace_id, (size_t)spans / BATCH * 2 + 16);
    make_sources(l);
    check(store_open(&options, &l->store, &err), &err);
    check(traces_open(&l->store, &options, &l->t, &err), &err);
    run(l, spans);
    traces_close(l->t);
    store_close(&l->store);
    mem_free(l->known);
    mem_free(l);
    return 0;
}
