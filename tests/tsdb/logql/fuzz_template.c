/* Templates of any bytes: refused, or run within their limits. */
#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"
#include "tsdb/logql/pipeline.h"
#include "tsdb/logql/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct tsdb_label stream[] = {{{"a", 1}, {"hello 42", 8}},
                                  {{"j", 1}, {"{\"k\":[1,{\"n\":\"x\"}]}", 19}},
                                  {{"n", 1}, {"1.5", 3}}};
    struct stage stage = {.kind = STAGE_LINE_FORMAT, .text = {(const char *)data, len}};
    struct log_expr e = {.stage_count = 1, .stages = &stage};
    struct tsdb_error err = {0};
    struct pipeline *p;
    enum tsdb_status st = pipeline_new(&e, &p, &err);
    if (st != TSDB_OK) {
        ASSERT(err.msg[0] != '\0');
        return 0;
    }
    struct pipeline_run *r = pipeline_run_new(p, NULL);
    struct pipeline_entry entry = {
        .ts = 1700000000, .line = text_of("the line"), .stream = {stream, 3}};
    st = pipeline_entry(r, &entry, &err);
    ASSERT(st == TSDB_OK || st == TSDB_ELIMIT);
    ASSERT(st != TSDB_OK || pipeline_line(r).len <= PIPELINE_LINE_MAX);
    pipeline_run_free(r);
    pipeline_free(p);
    return 0;
}
