/* JSON lines and bulk requests may be any bytes; items are conserved, results are one an
 * action. */
#include "collector/decode/es_bulk.h"
#include "collector/decode/json_lines.h"
#include "tests/collector/decode/oracle.h"

#include "tests/collector/decode/collect_logs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct log_object_stream streams[] = {{{"a", 1}, {"", 0}}, {{"b.c", 3}, {"x", 1}}};

static void check_lines(struct bytes in, bool has_streams)
{
    struct arena arena;
    struct collect_logs *got = collect_logs_new();
    struct decode_tally tally;
    struct json_lines_options options = {.names = {.streams = streams}};
    options.names.stream_count = has_streams ? 2 : 0;
    arena_init(&arena, (size_t)64 << 20, NULL);
    struct decode_log_task task = collect_log_task(got, &arena);
    collect_logs_check(got, &tally, json_lines_decode(&task, &options, in, &tally, NULL));
    arena_release(&arena);
    collect_logs_free(got);
}

static void check_bulk(struct bytes in)
{
    struct arena arena;
    struct collect_logs *got = collect_logs_new();
    struct decode_tally tally;
    struct es_bulk_results results;
    struct es_bulk_options options = {.index = {"i", 1}};
    arena_init(&arena, (size_t)64 << 20, NULL);
    struct decode_log_task task = collect_log_task(got, &arena);
    enum tsdb_status st = es_bulk_decode(&task, &options, in, &results, &tally, NULL);
    collect_logs_check(got, &tally, st);
    ASSERT(st != TSDB_OK || results.count == tally.received);
    uint64_t taken = 0;
    for (uint32_t i = 0; i < results.count; i++)
        taken += results.at[i].status == 201;
    ASSERT(st != TSDB_OK || taken == tally.handed);
    arena_release(&arena);
    collect_logs_free(got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    struct bytes in = {data + 1, len - 1};
    if (data[0] % 3 == 0)
        check_bulk(in);
    else
        check_lines(in, data[0] % 3 == 1);
    return 0;
}
