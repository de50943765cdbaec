/* bench_pipeline.c - nanoseconds of a log query's stages.
 *
 * One JSON object a line.  Pages: 4,096 lines of some 100 bytes, seeded; searches that find
 * little, and one that finds something in every line.  Entries: one line with ten fields, as
 * JSON and as logfmt, metadata of eight labels behind a linear look-up.  Best of several passes.
 */
#include "tsdb/base/arena.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/random.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/logql/pipeline.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINES = 4096, PASSES = 40, PAGE_ROUNDS = 8, ENTRY_ROUNDS = 8000 };

static const char json_line[] =
    "{\"ts\":\"2023-11-14T22:13:20Z\",\"level\":\"info\",\"msg\":\"request "
    "served\",\"method\":\"GET\","
    "\"path\":\"/api/v1/items/42\",\"status\":200,\"duration_ms\":12.75,\"bytes\":5120,"
    "\"user\":\"u-77123\",\"trace\":\"4bf92f3577b34da6\"}";
static const char logfmt_line[] =
    "ts=2023-11-14T22:13:20Z level=info msg=\"request served\" method=GET path=/api/v1/items/42 "
    "status=200 duration_ms=12.75 bytes=5120 user=u-77123 trace=4bf92f3577b34da6";

static struct tsdb_label stream[] = {
    {{"app", 3}, {"shop", 4}}, {{"env", 3}, {"prod", 4}}, {{"pod", 3}, {"shop-1", 6}}};
static struct tsdb_label metadata[] = {{{"severity", 8}, {"info", 4}}, {{"host", 4}, {"h1", 2}},
                                       {{"region", 6}, {"eu", 2}},     {{"zone", 4}, {"a", 1}},
                                       {{"version", 7}, {"1.2", 3}},   {{"scope", 5}, {"web", 3}},
                                       {{"span", 4}, {"00f067aa", 8}}, {{"flags", 5}, {"1", 1}}};
enum { METADATA = sizeof metadata / sizeof metadata[0] };

static bool look_up(void *arg, struct tsdb_text name, struct tsdb_text *value)
{
    (void)arg;
    for (size_t i = 0; i < METADATA; i++) {
        if (text_equal(metadata[i].name, name)) {
            *value = metadata[i].value;
            return true;
        }
    }
    return false;
}

static void each(void *arg, void (*fn)(void *to, struct tsdb_label label), void *to)
{
    (void)arg;
    for (size_t i = 0; i < METADATA; i++)
        fn(to, metadata[i]);
}

static struct pipeline *compiled(const char *stages, struct arena *arena)
{
    struct logql q;
    struct tsdb_error err = {0};
    struct writer text = {0};
    struct pipeline *p = NULL;
    writer_format(&text, "{app=\"shop\"} %s", stages);
    enum tsdb_status st =
        logql_parse((struct tsdb_text){(const char *)text.at, text.len}, arena, NULL, &q, &err);
    if (st == TSDB_OK)
        st = pipeline_new(q.logs, &p, &err);
    if (st != TSDB_OK) {
        (void)fprintf(stderr, "%s: %s\n", stages, err.msg);
        exit(1);
    }
    writer_release(&text);
    return p;
}

struct page {
    struct writer bytes;
    uint32_t starts[LINES + 1];
};

static void page_fill(struct page *page, bool has_took)
{
    static const char *const words[] = {"GET",  "/api/v1/items", "status=200", "served",
                                        "user", "from",          "cache",      "shard=7"};
    struct random r;
    random_init(&r, 7);
    for (uint32_t i = 0; i < LINES; i++) {
        size_t begin = page->bytes.len;
        page->starts[i] = (uint32_t)begin;
        writer_format(&page->bytes, "2023-11-14T22:13:%02u.%03uZ info ", i % 60, i % 1000);
        while (page->bytes.len - begin < 80)
            writer_format(&page->bytes, "%s ", words[random_below(&r, 8)]);
        if (has_took || i % 500 == 0)
            writer_format(&page->bytes, "took %ums", i % 500 == 0 ? 12345 : 12);
        if (i % 1000 == 0)
            writer_text(&page->bytes, " connection refused");
        writer_u8(&page->bytes, '\n');
    }
    page->starts[LINES] = (uint32_t)page->bytes.len;
}

static void bench_page(const char *name, const char *stages, const struct page *page)
{
    struct arena arena;
    static uint64_t passes[LINES / 64 + 1];
    int64_t best = INT64_MAX;
    uint32_t found = 0;
    arena_init(&arena, 4 << 20, NULL);
    struct pipeline *p = compiled(stages, &arena);
    for (int pass = 0; pass < PASSES; pass++) {
        int64_t start = clock_mono_ns(clock_real());
        for (int i = 0; i < PAGE_ROUNDS; i++)
            (void)pipeline_page(p, (const char *)page->bytes.at, page->starts, LINES, passes);
        int64_t took = clock_mono_ns(clock_real()) - start;
        best = took < best ? took : best;
    }
    for (uint32_t i = 0; i < LINES / 64 + 1; i++)
        found += (uint32_t)__builtin_popcountll(passes[i]);
    double bytes = (double)page->bytes.len * PAGE_ROUNDS;
    printf("{\"name\":\"page/%s\",\"gb_per_s\":%.2f,\"ns_per_line\":%.2f,\"found\":%u}\n", name,
           bytes / (double)best, (double)best / (LINES * PAGE_ROUNDS), found);
    pipeline_free(p);
    arena_release(&arena);
}

/* Told which names the metadata lacks, parsers do not ask for them. */
static uint64_t absent;

static void bench_entry(const char *name, const char *stages, const char *line, const char *want)
{
    struct arena arena;
    struct tsdb_error err = {0};
    int64_t best = INT64_MAX;
    uint64_t passed = 0;
    arena_init(&arena, 4 << 20, NULL);
    struct pipeline *p = compiled(stages, &arena);
    struct tsdb_text name_wanted = want ? text_of(want) : (struct tsdb_text){0};
    if (want)
        pipeline_want(p, &name_wanted, 1);
    struct pipeline_run *r = pipeline_run_new(p, NULL);
    struct pipeline_entry entry = {.ts = 1,
                                   .line = text_of(line),
                                   .stream = {stream, sizeof stream / sizeof stream[0]},
                                   .lookup = look_up,
                                   .each = each,
                                   .absent = absent};
    for (int pass = 0; pass < PASSES; pass++) {
        int64_t start = clock_mono_ns(clock_real());
        for (int i = 0; i < ENTRY_ROUNDS; i++)
            passed += pipeline_entry(r, &entry, &err) == TSDB_OK;
        int64_t took = clock_mono_ns(clock_real()) - start;
        best = took < best ? took : best;
    }
    printf("{\"name\":\"entry/%s\",\"ns\":%.1f,\"passed\":%.2f}\n", name,
           (double)best / ENTRY_ROUNDS, (double)passed / ((double)ENTRY_ROUNDS * PASSES));
    pipeline_run_free(r);
    pipeline_free(p);
    arena_release(&arena);
}

int main(void)
{
    static struct page rare, dense;
    page_fill(&rare, false);
    page_fill(&dense, true);
    bench_page("contains", "|= \"connection refused\"", &rare);
    bench_page("lacks", "!= \"connection refused\"", &rare);
    bench_page("contains_common_bytes", "|= \" tea \"", &rare);
    bench_page("word_list", "|~ \"connection refused|panic|fatal\"", &rare);
    bench_page("regex_rare", "|~ \"took [0-9]{4,}ms\"", &rare);
    bench_page("regex_dense", "|~ \"took [0-9]{4,}ms\"", &dense);
    bench_page("regex_no_needle", "|~ \"[0-9]{5}ms\"", &dense);
    bench_page("regex_fold", "|~ \"(?i)REFUSED\"", &rare);
    bench_page("regex_anchor", "|~ \"refused$\"", &rare);
    bench_page("pattern", "|> \"<_> connection <_>\"", &rare);
    bench_entry("line_and_label", "|= \"served\" | severity=\"info\"", logfmt_line, NULL);
    bench_entry("label_only", "| severity=\"warn\"", logfmt_line, NULL);
    bench_entry("json", "| json", json_line, NULL);
    bench_entry("json_one_wanted", "| json", json_line, "status");
    bench_entry("json_path", "| json status", json_line, NULL);
    bench_entry("logfmt", "| logfmt", logfmt_line, NULL);
    bench_entry("logfmt_one_wanted", "| logfmt", logfmt_line, "status");
    absent = UINT64_MAX;
    for (size_t i = 0; i < METADATA; i++)
        absent &= ~(UINT64_C(1) << label_name_bit(metadata[i].name));
    bench_entry("json_absent_known", "| json", json_line, NULL);
    bench_entry("logfmt_absent_known", "| logfmt", logfmt_line, NULL);
    bench_entry("pattern", "| pattern \"ts=<ts> level=<level> msg=<_> method=<method> <_>\"",
                logfmt_line, NULL);
    bench_entry("regexp", "| regexp \"status=(?P<status>[0-9]+)\"", logfmt_line, NULL);
    bench_entry("line_format", "| line_format \"{{.severity}} {{.host | upper}} {{.zone}}\"",
                logfmt_line, NULL);
    writer_release(&rare.bytes);
    writer_release(&dense.bytes);
    return 0;
}
