/* TraceQL over sealed traces: what searches and metric functions take.
 * usage: bench_traceql DIR [spans].  Traces of 12 spans through ten services, ten attributes a
 * span; a tenth of the spans' names and one of a thousand statuses are asked for.  One JSON
 * line a query: the best of several passes, wall time. */
#include "tsdb/base/clock.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"
#include "tsdb/traceql/trace_query.h"
#include "tsdb/traces/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1200, TRACE = 12, SERVICES = 10, FIELDS = 10, ROOM = 48, PASSES = 5 };

struct load {
    struct store store;
    struct traces *traces;
    struct random random;
    struct tsdb_field services[SERVICES];
    struct tsdb_span_source sources[SERVICES];
    struct tsdb_span spans[BATCH];
    struct tsdb_field fields[BATCH][FIELDS];
    char texts[BATCH][4][ROOM];
    int64_t begin, now;
};

static void check(enum tsdb_status st, const struct tsdb_error *err)
{
    if (st == TSDB_OK)
        return;
    (void)fprintf(stderr, "bench_traceql: %s\n", err->msg);
    exit(1);
}

static uint32_t below(struct load *l, uint32_t n)
{
    return (uint32_t)random_below(&l->random, n);
}

static void put_text(struct tsdb_field *f, const char *name, const char *value)
{
    *f = (struct tsdb_field){text_of(name), TSDB_FIELD_STRING, {.text = text_of(value)}};
}

static void put_int(struct tsdb_field *f, const char *name, int64_t value)
{
    *f = (struct tsdb_field){text_of(name), TSDB_FIELD_INT, {.integer = value}};
}

static void make_fields(struct load *l, uint32_t i, bool is_error)
{
    static const char *const methods[] = {"GET", "GET", "POST", "PUT"};
    struct tsdb_field *f = l->fields[i];
    (void)snprintf(l->texts[i][0], ROOM, "/api/v1/items/%u", below(l, 20000));
    (void)snprintf(l->texts[i][1], ROOM, "user-%05u", below(l, 5000));
    (void)snprintf(l->texts[i][2], ROOM, "10.4.%u.%u", below(l, 4), below(l, 60));
    put_text(&f[0], "http.request.method", methods[below(l, 4)]);
    put_int(&f[1], "http.response.status_code", is_error ? 500 : below(l, 30) ? 200 : 404);
    put_text(&f[2], "url.path", l->texts[i][0]);
    put_text(&f[3], "enduser.id", l->texts[i][1]);
    put_text(&f[4], "network.peer.address", l->texts[i][2]);
    put_int(&f[5], "network.peer.port", 32768 + below(l, 28000));
    put_int(&f[6], "thread.id", 20 + below(l, 16));
    put_text(&f[7], "app.tier", below(l, 5) ? "standard" : "gold");
    put_int(&f[8], "http.response.body.size", below(l, 4000));
    f[9] = (struct tsdb_field){text_of("app.cached"), TSDB_FIELD_BOOL, {.integer = below(l, 2)}};
}

static void make_span(struct load *l, uint32_t i)
{
    static const char *const names[] = {"GET /items", "GET /cart", "POST /pay", "SELECT items",
                                        "publish",    "consume",   "render",    "authorize",
                                        "lookup",     "compute"};
    struct tsdb_span *s = &l->spans[i];
    bool is_error = below(l, 1000) == 0;
    uint64_t id = random_next(&l->random);
    *s = (struct tsdb_span){.source = below(l, SERVICES),
                            .start = l->now + below(l, 100) * NS_PER_MS,
                            .kind = (uint8_t)(1 + below(l, 5)),
                            .status = is_error ? TSDB_STATUS_ERROR : TSDB_STATUS_UNSET,
                            .name = text_of(names[below(l, 10)]),
                            .attributes = {l->fields[i], FIELDS, 0}};
    s->end = s->start + (int64_t)below(l, 200000) * 1000;
    memcpy(s->span_id.at, &id, sizeof id);
    if (i % TRACE == 0) {
        for (uint32_t k = 0; k < 2; k++) {
            id = random_next(&l->random);
            memcpy(s->trace_id.at + 8 * k, &id, sizeof id);
        }
    } else {
        s->trace_id = l->spans[i - i % TRACE].trace_id;
        s->parent_id = l->spans[i - i % TRACE + below(l, i % TRACE)].span_id;
    }
    make_fields(l, i, is_error);
}

static void append_all(struct load *l, uint32_t spans)
{
    struct tsdb_error err = {0};
    struct tsdb_span_batch batch = {"", l->sources, l->spans, SERVICES, BATCH};
    for (uint32_t done = 0; done < spans; done += BATCH) {
        struct tsdb_appended out;
        for (uint32_t i = 0; i < BATCH; i++) {
            if (i % TRACE == 0)
                l->now += 5 * NS_PER_MS;
            make_span(l, i);
        }
        check(traces_append(l->traces, &batch, &out, NULL, &err), &err);
        while (traces_group_step(l->traces))
            ;
    }
}

/* Runs the query; returns how many traces, or points, it gave. */
static uint64_t run(struct load *l, const char *text, int64_t step, struct tsdb_trace_stats *stats)
{
    struct trace_store store = {l->traces, clock_real(), &l->store.budget, false};
    struct tsdb_trace_options options = {
        .tenant = "", .start = l->begin, .end = l->now + NS_PER_S, .step = step};
    struct trace_query *q;
    struct tsdb_error err = {0};
    struct tsdb_found_trace trace;
    struct tsdb_result row;
    const uint8_t *types;
    uint64_t given = 0;
    enum tsdb_status st;
    check(trace_query_open(&store, text_of(text), &options, &q, &err), &err);
    if (trace_query_kind(q) == TSDB_TRACES) {
        while ((st = trace_query_trace(q, &trace, &err)) == TSDB_OK)
            given++;
    } else {
        while ((st = trace_query_next(q, &row, &types, &err)) == TSDB_OK)
            given += row.count;
    }
    check(st == TSDB_END ? TSDB_OK : st, &err);
    trace_query_stats(q, stats);
    trace_query_close(q);
    return given;
}

static void measure(struct load *l, const char *text)
{
    struct tsdb_trace_stats stats;
    uint64_t given = 0;
    int64_t best = INT64_MAX;
    for (int i = 0; i < PASSES; i++) {
        int64_t began = clock_mono_ns(clock_real());
        given = run(l, text, 15 * NS_PER_S, &stats);
        int64_t took = clock_mono_ns(clock_real()) - began;
        best = took < best ? took : best;
    }
    (void)printf("{\"query\":\"");
    for (const char *p = text; *p; p++)
        (void)printf(*p == '"' ? "\\\"" : "%c", *p);
    (void)printf("\",\"ms\":%.1f,\"given\":%llu,\"groups\":%llu,\"skipped\":%llu,\"spans\":%llu,"
                 "\"spans_read\":%llu,\"mspans_s\":%.1f}\n",
                 (double)best / 1e6, (unsigned long long)given, (unsigned long long)stats.groups,
                 (unsigned long long)stats.groups_skipped, (unsigned long long)stats.spans,
                 (unsigned long long)stats.spans_read,
                 (double)stats.spans / ((double)best / 1e9) / 1e6);
    (void)fflush(stdout);
}

static const char *const queries[] = {
    "{ } | rate()",
    "{ status = error } | rate()",
    "{ } | rate() by (resource.service.name)",
    "{ } | rate() by (resource.service.name, name)",
    "{ span.http.response.status_code >= 400 } | count_over_time() by (name)",
    "{ span.url.path =~ \"/api/v1/items/12.*\" } | rate()",
    "{ span.enduser.id = \"user-00042\" } | rate()",
    "{ resource.service.name = \"service-3\" && span.app.tier = \"gold\" } | rate()",
    "{ } | quantile_over_time(duration, .5, .99) by (resource.service.name)",
    "{ } | histogram_over_time(duration)",
    "{ } | avg_over_time(span.http.response.body.size) by (name)",
    "{ }",
    "{ status = error }",
    "{ span.enduser.id = \"user-00042\" && status = error }",
    "{ span.enduser.id = \"nobody\" }",
    "{ name = \"publish\" } >> { status = error }",
    "{ status = error } && { span.app.tier = \"gold\" && name = \"render\" }",
    "{ duration > 199900us } | count() > 1",
    "{ name = \"publish\" } > { name = \"consume\" } | rate()",
};

int main(int argc, char **argv)
{
    static struct load l;
    static char names[SERVICES][ROOM];
    if (argc < 2) {
        (void)fprintf(stderr, "usage: bench_traceql DIR [spans]\n");
        return 2;
    }
    uint32_t spans = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 2000000;
    struct tsdb_options options;
    struct tsdb_error err = {0};
    tsdb_options_init(&options);
    options.dir = argv[1];
    options.limits.memory_bytes = UINT64_C(4) << 30;
    options.sync = TSDB_SYNC_OS;
    check(store_open(&options, &l.store, &err), &err);
    check(traces_open(&l.store, &options, &l.traces, &err), &err);
    store_watch_disk(&l.store);
    random_init(&l.random, 1);
    l.begin = l.now = clock_wall_ns(clock_real()) - 3 * NS_PER_HOUR;
    for (uint32_t i = 0; i < SERVICES; i++) {
        (void)snprintf(names[i], ROOM, "service-%u", i);
        put_text(&l.services[i], "service.name", names[i]);
        l.sources[i].resource = (struct tsdb_fields){&l.services[i], 1, 0};
    }
    append_all(&l, spans);
    check(store_seal(&l.store, &err), &err);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        measure(&l, queries[i]);
    traces_close(l.traces);
    store_close(&l.store);
    return 0;
}
