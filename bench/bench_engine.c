/* The engine alone: first sight of a million series, samples of known series, sealing,
 * memory and bytes.  usage: bench_engine DIR [series] [rounds].  Node-exporter-like
 * labels (10 a series) and values.  One JSON line a figure. */
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/tsdb.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BATCH = 1000, LABELS = 10, TEXT = 40 };

struct load {
    struct tsdb *db;
    uint32_t series, from;
    struct tsdb_hash *keys;
    double *values;
    char text[LABELS][TEXT];
    struct tsdb_label labels[LABELS];
};

__attribute__((format(printf, 4, 5))) static void set_label(struct load *l, int i, const char *name,
                                                            const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(l->text[i], TEXT, fmt, args);
    va_end(args);
    l->labels[i] = (struct tsdb_label){{name, strlen(name)}, {l->text[i], (size_t)n}};
}

/* 1,000 series a target; names sorted. */
static struct tsdb_labels labels_of(struct load *l, uint32_t id)
{
    uint32_t target = id / 1000, k = id % 1000;
    set_label(l, 0, "__name__", "node_metric_%u_total", k / 4);
    set_label(l, 1, "cluster", "prod-eu-%u", target % 4);
    set_label(l, 2, "cpu", "%u", k % 4);
    set_label(l, 3, "dc", "dc%u", target % 3);
    set_label(l, 4, "env", "production");
    set_label(l, 5, "instance", "host-%u.example.org:9100", target);
    set_label(l, 6, "job", "node");
    set_label(l, 7, "mode", "m%u", k % 8);
    set_label(l, 8, "rack", "r%u", target % 40);
    set_label(l, 9, "team", "team-%u", target % 10);
    return (struct tsdb_labels){l->labels, LABELS};
}

static enum tsdb_status on_labels(void *arg, uint32_t index, struct tsdb_labels *out)
{
    struct load *l = arg;
    *out = labels_of(l, l->from + index);
    return TSDB_OK;
}

static double cpu_s(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double rss_bytes(void)
{
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    double kib = 0;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Anonymous: %lf", &kib) == 1)
            break;
    if (f)
        (void)fclose(f);
    return kib * 1024;
}

static void round_of(struct load *l, int64_t ts, struct random *random)
{
    static struct tsdb_point points[BATCH];
    for (l->from = 0; l->from < l->series; l->from += BATCH) {
        uint32_t n = l->series - l->from < BATCH ? l->series - l->from : BATCH;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t id = l->from + i;
            if (id % 20 < 9)
                ;
            else if (id % 20 < 17)
                l->values[id] += (double)random_below(random, 1000);
            else
                l->values[id] += (double)random_below(random, 100) / 100;
            points[i] = (struct tsdb_point){l->keys[id], ts, l->values[id], NULL};
        }
        struct tsdb_batch batch = {
            .points = points, .point_count = n, .labels = on_labels, .arg = l};
        struct tsdb_appended out;
        struct tsdb_error err;
        while (tsdb_append(l->db, &batch, &out, NULL, &err) != TSDB_OK)
            (void)usleep(1000);
        if (out.counts[TSDB_ACCEPTED] != n) {
            printf("accepted %u of %u\n", out.counts[TSDB_ACCEPTED], n);
            exit(1);
        }
    }
    while (tsdb_synced(l->db) == 0)
        (void)usleep(1000);
}

static void say(const char *name, double value, const char *unit)
{
    printf("{\"name\":\"%s\",\"value\":%.4g,\"unit\":\"%s\"}\n", name, value, unit);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    struct load l = {.series = argc > 2 ? (uint32_t)atoi(argv[2]) : 1000000};
    int rounds = argc > 3 ? atoi(argv[3]) : 10;
    struct tsdb_options options;
    struct tsdb_error err;
    tsdb_options_init(&options);
    options.dir = argv[1];
    options.limits.memory_bytes = UINT64_C(8) << 30;
    options.limits.series_new_per_s = 0;
    options.journal_bytes_max = UINT64_C(8) << 30;
    if (tsdb_open(&options, &l.db, &err) != TSDB_OK) {
        printf("%s\n", err.msg);
        return 1;
    }
    l.keys = mem_array(l.series, sizeof *l.keys);
    l.values = mem_array(l.series, sizeof *l.values);
    for (uint32_t i = 0; i < l.series; i++)
        l.keys[i] = tsdb_labels_hash(tsdb_seed(l.db), labels_of(&l, i));
    struct random random;
    random_init(&random, 1);
    double rss = rss_bytes(), cpu = cpu_s();
    int64_t ts = clock_wall_ns(clock_real()) - rounds * 15 * NS_PER_S;
    round_of(&l, ts, &random);
    say("first_sight", (cpu_s() - cpu) / l.series * 1e6, "us CPU/series");
    say("memory_after_first", (rss_bytes() - rss) / l.series, "bytes/series");
    cpu = cpu_s();
    for (int i = 1; i < rounds; i++)
        round_of(&l, ts + i * 15 * NS_PER_S, &random);
    say("known_series", (cpu_s() - cpu) / l.series / (rounds - 1) * 1e9, "ns CPU/sample");
    say("memory", (rss_bytes() - rss) / l.series, "bytes/series");
    cpu = cpu_s();
    if (tsdb_seal(l.db, &err) != TSDB_OK)
        printf("%s\n", err.msg);
    say("seal", (cpu_s() - cpu) / l.series / rounds * 1e9, "ns CPU/sample");
    struct tsdb_stats stats;
    tsdb_stats(l.db, &stats);
    say("segments", (double)stats.segment_bytes / (double)stats.segment_samples, "bytes/sample");
    say("index", (double)stats.segment_index_bytes / l.series, "bytes/series");
    tsdb_close(l.db);
    return 0;
}
