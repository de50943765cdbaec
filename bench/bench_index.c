/* bench_index.c - the two series indices at a million series.
 *
 * Series as node_exporter makes them: 1,000 targets, 1,000 series each, ten
 * labels; `unique` gives every series one value of its own besides.  One JSON
 * line a figure; best of three where a figure is a time.
 *
 *     bench_index [targets, default 1000]
 */
#include "tsdb/base/arena.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/regex.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/head_index.h"
#include "tsdb/store/label_index.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METRICS = 125, CPUS = 8, LABELS = 10, TEXT_MAX = 48 };

struct series {
    struct tsdb_label labels[LABELS];
    char text[LABELS][TEXT_MAX];
};

__attribute__((format(printf, 4, 5))) static void label_set(struct series *s, uint32_t i,
                                                            const char *name, const char *form, ...)
{
    va_list args;
    va_start(args, form);
    int len = vsnprintf(s->text[i], TEXT_MAX, form, args);
    va_end(args);
    ASSERT(len > 0 && len < TEXT_MAX);
    s->labels[i] = (struct tsdb_label){text_of(name), {s->text[i], (size_t)len}};
}

/* Series `n` of the target; unique: the pod's uid is the series' own. */
static struct tsdb_labels series_make(struct series *s, uint32_t target, uint32_t n, bool is_unique)
{
    uint32_t metric = n / CPUS, cpu = n % CPUS;
    label_set(s, 0, "__name__", "node_subsystem_metric_%03u_total", metric);
    label_set(s, 1, "az", "eu-west-1%u", target % 3);
    label_set(s, 2, "cluster", "production-%u", target % 7);
    label_set(s, 3, "cpu", "%u", cpu);
    label_set(s, 4, "env", "environment-%u", target % 2);
    label_set(s, 5, "instance", "host-%05u.example.net:9100", target);
    label_set(s, 6, "job", "node-0");
    label_set(s, 7, "mode", "mode-%u", metric % 8);
    label_set(s, 8, "team", "team-%u", target % 12);
    label_set(s, 9, "uid", "b2a7-%08x-4f2e-9b1d", is_unique ? target * METRICS * CPUS + n : target);
    return (struct tsdb_labels){s->labels, LABELS};
}

static int64_t now_ns(void)
{
    return clock_mono_ns(clock_real());
}

static void report(const char *name, double value, const char *unit)
{
    printf("{\"name\":\"%s\",\"value\":%.2f,\"unit\":\"%s\"}\n", name, value, unit);
}

static void report_index(const char *kind, const char *what, bool is_unique, double value,
                         const char *unit)
{
    char name[96];
    (void)snprintf(name, sizeof name, "%s/%s/%s", kind, is_unique ? "unique" : "node", what);
    report(name, value, unit);
}

/* ---- selections, on either kind --------------------------------------------------- */

struct question {
    const char *name;
    struct {
        enum matcher_kind kind;
        const char *label, *value;
    } m[3];
};

static const struct question questions[] = {
    {"metric", {{MATCH_EQ, "__name__", "node_subsystem_metric_007_total"}}},
    {"metric_instance",
     {{MATCH_EQ, "__name__", "node_subsystem_metric_007_total"},
      {MATCH_EQ, "instance", "host-00077.example.net:9100"}}},
    {"instance", {{MATCH_EQ, "instance", "host-00077.example.net:9100"}}},
    {"metric_job_mode",
     {{MATCH_EQ, "__name__", "node_subsystem_metric_007_total"},
      {MATCH_EQ, "job", "node-0"},
      {MATCH_NE, "cpu", "3"}}},
    {"az_and_env", {{MATCH_EQ, "az", "eu-west-11"}, {MATCH_EQ, "env", "environment-1"}}},
    {"az_one", {{MATCH_EQ, "az", "eu-west-11"}}},
    {"instances_listed",
     {{MATCH_RE, "instance", "host-000(11|22|33|44).example.net:9100"},
      {MATCH_RE, "instance", "host-00(011|022|033|044)[.]example[.]net:9100"}}},
    {"metric_instance_regex",
     {{MATCH_EQ, "__name__", "node_subsystem_metric_007_total"},
      {MATCH_RE, "instance", "host-00[0-4].*"}}},
    {"instance_prefix", {{MATCH_RE, "instance", "host-000.*"}}},
    {"uid_regex", {{MATCH_RE, "uid", ".*7f-4f2e.*"}}},
    {"not_az", {{MATCH_NE, "az", "eu-west-11"}}},
};

typedef enum tsdb_status select_fn(const void *index, const struct matcher *m, uint32_t count,
                                   struct ordinals *out);

static enum tsdb_status select_head(const void *index, const struct matcher *m, uint32_t count,
                                    struct ordinals *out)
{
    return head_index_select(index, m, count, out, NULL);
}

static enum tsdb_status select_sealed(const void *index, const struct matcher *m, uint32_t count,
                                      struct ordinals *out)
{
    return label_index_select(index, m, count, out, NULL);
}

static void bench_question(const char *kind, bool is_unique, const struct question *q,
                           select_fn *fn, const void *index)
{
    struct matcher m[3];
    uint32_t count = 0;
    for (; count < 3 && q->m[count].label; count++) {
        enum tsdb_status st = matcher_init(&m[count], q->m[count].kind, text_of(q->m[count].label),
                                           text_of(q->m[count].value), NULL);
        ASSERT(st == TSDB_OK);
    }
    struct ordinals out = {0};
    double best = 1e18;
    for (int round = 0; round < 3; round++) {
        int64_t start = now_ns();
        enum tsdb_status st = fn(index, m, count, &out);
        double took = (double)(now_ns() - start);
        ASSERT(st == TSDB_OK);
        best = took < best ? took : best;
    }
    printf("{\"name\":\"%s/%s/select/%s\",\"value\":%.1f,\"unit\":\"us\",\"series\":%u}\n", kind,
           is_unique ? "unique" : "node", q->name, best / 1e3, out.count);
    ordinals_release(&out);
    for (uint32_t i = 0; i < count; i++)
        matcher_release(&m[i]);
}

static void bench_questions(const char *kind, bool is_unique, select_fn *fn, const void *index)
{
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
        bench_question(kind, is_unique, &questions[i], fn, index);
}

/* ---- the head ------------------------------------------------------------------------ */

static void bench_head(uint32_t targets, bool is_unique)
{
    struct series *batch = MEM_ARRAY(struct series, METRICS * CPUS);
    struct tsdb_labels *labels = MEM_ARRAY(struct tsdb_labels, METRICS * CPUS);
    struct head_index *ix = head_index_new(42, NULL);
    int64_t spent = 0;
    uint32_t ref = 0;
    for (uint32_t target = 0; target < targets; target++) {
        for (uint32_t n = 0; n < METRICS * CPUS; n++)
            labels[n] = series_make(&batch[n], target, n, is_unique);
        int64_t start = now_ns();
        for (uint32_t n = 0; n < METRICS * CPUS; n++) {
            enum tsdb_status st = head_index_add(ix, ref++, labels[n]);
            ASSERT(st == TSDB_OK);
        }
        spent += now_ns() - start;
    }
    report_index("head", "add", is_unique, (double)spent / ref, "ns/series");
    report_index("head", "memory", is_unique, (double)head_index_bytes(ix) / ref, "B/series");
    report_index("head", "pairs", is_unique, head_index_pairs(ix), "pairs");
    bench_questions("head", is_unique, select_head, ix);

    struct tsdb_label out[LABELS_MAX];
    uint32_t count = 0;
    size_t sum = 0;
    int64_t start = now_ns();
    for (uint32_t i = 0; i < ref; i += 10) {
        head_index_labels(ix, i, out, &count);
        sum += out[count - 1].value.len;
    }
    ASSERT(sum > 0);
    report_index("head", "labels", is_unique, (double)(now_ns() - start) / (ref / 10.0),
                 "ns/series");

    struct ordinals dead = {0};
    for (uint32_t i = 0; i < ref; i += 100)
        ordinals_append(&dead, i);
    start = now_ns();
    head_index_remove(ix, &dead);
    report_index("head", "remove_1_percent", is_unique, (double)(now_ns() - start) / 1e6, "ms");
    ordinals_release(&dead);
    head_index_free(ix);
    mem_free(batch);
    mem_free(labels);
}

/* ---- the segment --------------------------------------------------------------------- */

static void bench_labels(const struct label_index *ix, bool is_unique)
{
    struct arena arena;
    arena_init(&arena, (size_t)1 << 30, NULL);
    struct label_cache cache = {0};
    uint32_t series = label_index_series_count(ix), count = series < 100000 ? series : 100000;
    int64_t start = now_ns();
    for (uint32_t i = 0; i < count; i++) {
        struct tsdb_labels labels;
        enum tsdb_status st = label_index_labels(ix, (uint32_t)((uint64_t)i * series / count),
                                                 &arena, &cache, &labels, NULL);
        ASSERT(st == TSDB_OK);
    }
    report_index("segment", "labels_of_100k", is_unique, (double)(now_ns() - start) / count,
                 "ns/series");
    label_cache_release(&cache);
    arena_release(&arena);
}

/* In segment order: by metric, then target. */
static void bench_segment(uint32_t targets, bool is_unique)
{
    struct label_index_builder *b = label_index_builder_new(NULL);
    struct series s;
    struct writer out = {0};
    int64_t start = now_ns();
    for (uint32_t n = 0; n < METRICS * CPUS; n++) {
        for (uint32_t target = 0; target < targets; target++) {
            enum tsdb_status st = label_index_builder_add(b, series_make(&s, target, n, is_unique));
            ASSERT(st == TSDB_OK);
        }
    }
    enum tsdb_status st = label_index_builder_finish(b, &out, NULL);
    ASSERT(st == TSDB_OK);
    double series = (double)targets * METRICS * CPUS;
    report_index("segment", "build_with_making_labels", is_unique,
                 (double)(now_ns() - start) / series, "ns/series");
    report_index("segment", "size", is_unique, (double)out.len / series, "B/series");
    label_index_builder_free(b);

    struct label_index *ix;
    start = now_ns();
    st = label_index_open(writer_bytes(&out), &ix, NULL);
    ASSERT(st == TSDB_OK);
    report_index("segment", "open", is_unique, (double)(now_ns() - start) / 1e3, "us");
    bench_questions("segment", is_unique, select_sealed, ix);
    bench_labels(ix, is_unique);
    start = now_ns();
    st = label_index_check(ix, NULL);
    ASSERT(st == TSDB_OK);
    report_index("segment", "check", is_unique, (double)(now_ns() - start) / series, "ns/series");
    label_index_free(ix);
    writer_release(&out);
}

/* ---- regular expressions --------------------------------------------------------------- */

static void bench_regex(void)
{
    static const char *const slow[] = {"(\\S){1000}",      "(\\pL){100}",
                                       "((a{30}){30}){5}", "(?i)(foo|bar|baz).*{0,900}",
                                       "(.{0,500}x){2}",   "\\pN{40}\\pL{40}"};
    double worst = 0;
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
        struct regex *re = NULL;
        int64_t start = now_ns();
        if (regex_new(text_of(slow[i]), &re, NULL) == TSDB_OK)
            regex_free(re);
        double took = (double)(now_ns() - start) / 1e6;
        worst = took > worst ? took : worst;
    }
    report("regex/slowest_compile", worst, "ms");
}

int main(int argc, char **argv)
{
    uint32_t targets = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000;
    for (int is_unique = 0; is_unique < 2; is_unique++) {
        bench_head(targets, is_unique);
        bench_segment(targets, is_unique);
    }
    bench_regex();
    return 0;
}
