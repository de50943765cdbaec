/* The log engine alone: appending, groups of open rows, sealing, merging; bytes and memory.
 * usage: bench_logs DIR [records [rows a hot group]].  Web-server-like records: 40 streams, a line
 * of some 100 bytes, 8 fields (4 strings, of which one an id, 2 ints, a double, a bool).  One JSON
 * line a figure; ns are CPU time of the calling thread. */
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/logql/log_scope.h"
#include "tsdb/logs/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 1000, STREAMS = 40, FIELDS = 8, LINE = 160, ROOM = 40 };

struct load {
    struct store store;
    struct logs *l;
    struct random random;
    struct tsdb_label labels[STREAMS][3];
    struct tsdb_log_stream streams[STREAMS];
    struct tsdb_log_record records[BATCH];
    struct tsdb_field fields[BATCH][FIELDS];
    char lines[BATCH][LINE], ids[BATCH][ROOM], users[BATCH][ROOM], hosts[STREAMS][ROOM];
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
    (void)fprintf(stderr, "bench_logs: %s\n", err->msg);
    exit(1);
}

static struct tsdb_text text_z(const char *z)
{
    return (struct tsdb_text){z, strlen(z)};
}

static void make_streams(struct load *l)
{
    static const char *const apps[] = {"api", "web", "auth", "cart"};
    for (uint32_t i = 0; i < STREAMS; i++) {
        (void)snprintf(l->hosts[i], ROOM, "host-%02u.example.org", i / 4);
        l->labels[i][0] = (struct tsdb_label){text_z("app"), text_z(apps[i % 4])};
        l->labels[i][1] = (struct tsdb_label){text_z("env"), text_z("production")};
        l->labels[i][2] = (struct tsdb_label){text_z("host"), text_z(l->hosts[i])};
        l->streams[i] = (struct tsdb_log_stream){{l->labels[i], 3}, NULL, 0};
    }
}

static void make_record(struct load *l, uint32_t i)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
    static const char *const routes[] = {"/cart", "/login", "/items", "/health", "/orders"};
    struct tsdb_log_record *r = &l->records[i];
    struct tsdb_field *f = l->fields[i];
    uint32_t route = (uint32_t)random_below(&l->random, 5);
    uint32_t method = (uint32_t)random_below(&l->random, 4);
    int64_t status = random_below(&l->random, 50) ? 200 : 500;
    int64_t bytes = (int64_t)random_below(&l->random, 100000);
    double took = random_unit(&l->random) * 100;
    uint64_t user = random_below(&l->random, 5000);
    (void)snprintf(l->ids[i], ROOM, "%016llx%016llx", (unsigned long long)random_next(&l->random),
                   (unsigned long long)random_next(&l->random));
    (void)snprintf(l->users[i], ROOM, "user-%llu", (unsigned long long)user);
    int len =
        snprintf(l->lines[i], LINE,
                 "level=info msg=\"request served\" method=%s route=%s status=%lld bytes=%lld "
                 "user=user-%llu took=%.3fms",
                 methods[method], routes[route], (long long)status, (long long)bytes,
                 (unsigned long long)user, took);
    *r = (struct tsdb_log_record){.stream = (uint32_t)random_below(&l->random, STREAMS),
                                  .field_count = FIELDS,
                                  .ts = l->now += 50000 + (int64_t)random_below(&l->random, 1000),
                                  .line = {l->lines[i], (size_t)len},
                                  .fields = f};
    f[0] = (struct tsdb_field){text_z("bytes"), TSDB_FIELD_INT, {.integer = bytes}};
    f[1] = (struct tsdb_field){text_z("cached"), TSDB_FIELD_BOOL, {.integer = bytes % 2}};
    f[2] =
        (struct tsdb_field){text_z("method"), TSDB_FIELD_STRING, {.text = text_z(methods[method])}};
    f[3] = (struct tsdb_field){text_z("route"), TSDB_FIELD_STRING, {.text = text_z(routes[route])}};
    f[4] = (struct tsdb_field){text_z("status"), TSDB_FIELD_INT, {.integer = status}};
    f[5] = (struct tsdb_field){text_z("took"), TSDB_FIELD_DOUBLE, {.real = took}};
    f[6] = (struct tsdb_field){text_z("trace_id"), TSDB_FIELD_ID, {.text = text_z(l->ids[i])}};
    f[7] = (struct tsdb_field){text_z("user"), TSDB_FIELD_STRING, {.text = text_z(l->users[i])}};
}

struct totals {
    int64_t append_ns, group_ns;
    uint64_t line_bytes, group_rows; /* group_rows: how many open rows make a group */
};

static void append_all(struct load *l, uint32_t records, struct totals *t)
{
    struct tsdb_error err = {0};
    struct tsdb_log_batch batch = {.streams = l->streams,
                                   .records = l->records,
                                   .stream_count = STREAMS,
                                   .record_count = BATCH};
    for (uint32_t done = 0; done < records; done += BATCH) {
        struct tsdb_appended out;
        for (uint32_t i = 0; i < BATCH; i++) {
            make_record(l, i);
            t->line_bytes += l->records[i].line.len;
        }
        int64_t began = cpu_ns();
        check(logs_append(l->l, &batch, &out, NULL, &err), &err);
        t->append_ns += cpu_ns() - began;
        uint64_t open = logs_head_bytes(l->l);
        if (done + BATCH == 16 * BATCH)
            figure("open", (double)open / 16 / BATCH, "bytes/record in memory");
        began = cpu_ns();
        if (l->l->head.open_rows >= t->group_rows)
            (void)logs_group_step(l->l);
        t->group_ns += cpu_ns() - began;
    }
}

static uint64_t data_bytes(struct logs *l)
{
    struct shelf_list *list = shelf_ref(&l->shelf);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < list->count; i++)
        bytes += log_block_of(list->at[i])->data.len;
    shelf_list_unref(list);
    return bytes;
}

/* Batches of few records: what a batch costs. */
static void append_small(struct load *l, uint32_t size, const char *name)
{
    enum { TIMES = 20000 };
    struct tsdb_error err = {0};
    struct tsdb_log_batch batch = {.streams = l->streams, .stream_count = STREAMS};
    int64_t ns = 0;
    for (uint32_t i = 0; i < TIMES; i++) {
        struct tsdb_appended out;
        if (i * size % BATCH == 0)
            for (uint32_t k = 0; k < BATCH; k++)
                make_record(l, k);
        batch.records = l->records + i * size % BATCH;
        batch.record_count = size;
        int64_t began = cpu_ns();
        check(logs_append(l->l, &batch, &out, NULL, &err), &err);
        ns += cpu_ns() - began;
        (void)logs_group_step(l->l);
    }
    figure(name, (double)ns / TIMES / size, "ns/record");
}

int main(int argc, char **argv)
{
    static struct load l;
    if (argc < 2) {
        (void)fprintf(stderr, "usage: bench_logs DIR [records [rows a hot group]]\n");
        return 2;
    }
    uint32_t records = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000000;
    records = (records + BATCH - 1) / BATCH * BATCH;
    struct tsdb_options options;
    struct tsdb_error err = {0};
    struct totals t = {.group_rows = argc > 3 ? strtoull(argv[3], NULL, 10) : LOGS_GROUP_ROWS};
    tsdb_options_init(&options);
    options.dir = argv[1];
    options.limits.memory_bytes = UINT64_C(4) << 30;
    options.sync = TSDB_SYNC_OS;
    check(store_open(&options, &l.store, &err), &err);
    check(logs_open(&l.store, &options, log_scope_selector, &l.l, &err), &err);
    store_watch_disk(&l.store);
    random_init(&l.random, 1);
    l.now = clock_wall_ns(clock_real()) - NS_PER_HOUR;
    make_streams(&l);
    append_all(&l, records, &t);
    figure("append", (double)t.append_ns / records, "ns/record");
    figure("group", (double)t.group_ns / records, "ns/record");
    figure("head", (double)logs_head_bytes(l.l) / records, "bytes/record in memory");
    figure("line", (double)t.line_bytes / records, "bytes/record");
    int64_t began = cpu_ns();
    check(store_seal(&l.store, &err), &err);
    figure("seal", (double)(cpu_ns() - began) / records, "ns/record");
    struct tsdb_stats stats = {0};
    logs_stats(l.l, &stats);
    figure("disk", (double)stats.log_segment_bytes / records, "bytes/record");
    figure("disk_without_data", (double)(stats.log_segment_bytes - data_bytes(l.l)) / records,
           "bytes/record");
    append_all(&l, records, &t);
    check(store_seal(&l.store, &err), &err);
    append_small(&l, 1, "append_1");
    append_small(&l, 10, "append_10");
    bool did;
    began = cpu_ns();
    check(logs_merge(l.l, true, &did, &err), &err);
    figure("merge", (double)(cpu_ns() - began) / 2 / records, "ns/record");
    logs_close(l.l);
    store_close(&l.store);
    return 0;
}
