/* Lines through every parser: any bytes, no fault but those that are said, and a result that is
 * canonical.  The first byte chooses the stages. */
#include "tsdb/base/arena.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/logql/pipeline.h"

static const char *const queries[] = {
    "{a=\"b\"} | json",
    "{a=\"b\"} | json x=\"p.q[1]\", y=\"[0]\"",
    "{a=\"b\"} | logfmt --keep-empty",
    "{a=\"b\"} | logfmt --strict",
    "{a=\"b\"} | logfmt x=\"p\", q",
    "{a=\"b\"} | pattern \"<x> - <_> [<y>] <z>\"",
    "{a=\"b\"} | regexp \"(?P<x>[a-z]+)=(?P<y>.*)\"",
    "{a=\"b\"} | unpack | decolorize",
    "{a=\"b\"} | json | logfmt | d > 5s or s > 1KB or n < 7 | keep d, n=\"1\"",
    "{a=\"b\"} | json | line_format \"{{.x | upper}} {{fromJson __line__}}\"",
    "{a=\"b\"} | logfmt | label_format x=y, z=\"{{.a | trunc 5}}\"",
    "{a=\"b\"} |= ip(\"10.0.0.0/8\")",
    "{a=\"b\"} |> \"<_>a<_>b\"",
};
enum { QUERIES = sizeof queries / sizeof queries[0] };

static struct pipeline *pipelines[QUERIES];

static void compile_all(void)
{
    static struct arena arena;
    arena_init(&arena, 16 << 20, NULL);
    for (size_t i = 0; i < QUERIES; i++) {
        struct logql q;
        struct tsdb_error err = {0};
        ASSERT(logql_parse(text_of(queries[i]), &arena, NULL, &q, &err) == TSDB_OK);
        ASSERT(pipeline_new(q.logs, &pipelines[i], &err) == TSDB_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct tsdb_label stream = {{"a", 1}, {"b", 1}};
    struct tsdb_labels labels;
    struct tsdb_error err;
    if (!pipelines[0])
        compile_all();
    if (len == 0)
        return 0;
    struct pipeline_run *r = pipeline_run_new(pipelines[data[0] % QUERIES], NULL);
    struct pipeline_entry entry = {.line = {(const char *)data + 1, len - 1},
                                   .stream = {&stream, 1}};
    if (pipeline_entry(r, &entry, &err) == TSDB_OK &&
        pipeline_merged(r, &labels, &err) == TSDB_OK) {
        for (uint32_t i = 0; i < labels.count; i++) {
            ASSERT(labels.at[i].value.len > 0 && labels.at[i].name.len > 0);
            ASSERT(i == 0 || text_compare(labels.at[i - 1].name, labels.at[i].name) < 0);
        }
    }
    pipeline_run_free(r);
    return 0;
}
