#include "collector/decode/es_bulk.h"

#include "tests/collector/decode/collect_logs.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;
static struct collect_logs *seen;
static struct decode_tally tally;
static struct tsdb_error err;
static struct es_bulk_results results;
static struct es_bulk_options options;

static void set_up(void)
{
    arena_init(&arena, 64 << 20, NULL);
    seen = collect_logs_new();
    options.index = text_of("");
}

static void tear_down(void)
{
    collect_logs_free(seen);
    arena_release(&arena);
}

TestSuite(es_bulk, .init = set_up, .fini = tear_down);

static uint8_t *body; /* of the last request: results borrow from it */

static enum tsdb_status decode_bytes(const char *text, size_t len)
{
    struct decode_log_task task = collect_log_task(seen, &arena);
    body = ARENA_ARRAY(&arena, uint8_t, len + 1);
    memcpy(body, text, len);
    seen->base.has_item = false;
    seen->base.items = 0;
    enum tsdb_status st =
        es_bulk_decode(&task, &options, (struct bytes){body, len}, &results, &tally, &err);
    collect_logs_check(seen, &tally, st);
    if (st == TSDB_OK)
        cr_assert_eq(results.count, tally.received);
    return st;
}

static void decode(const char *text)
{
    cr_assert_eq(decode_bytes(text, strlen(text)), TSDB_OK, "%s", err.msg);
}

static void expect_result(uint32_t i, enum es_bulk_action action, const char *index,
                          unsigned status)
{
    const struct es_bulk_result *r = &results.at[i];
    cr_assert_eq(r->action, action, "%u", i);
    cr_assert(text_equal(r->index, text_of(index)), "%u: %.*s", i, (int)r->index.len, r->index.at);
    cr_assert_eq(r->status, status, "%u: %u", i, r->status);
    cr_assert_eq(r->reason == DECODE_REASON_COUNT, status == 201);
}

Test(es_bulk, documents_of_real_senders)
{
    static const char *const cases[][2] = {
        /* Filebeat */
        {"{\"create\":{\"_index\":\"logs-web-prod\"}}\n{\"@timestamp\":\"2024-02-29T12:34:56."
         "789Z\","
         "\"message\":\"hi\",\"host\":{\"name\":\"h1\"},\"service\":{\"name\":\"web\"},\"log\":{"
         "\"level\":\"warn\"}}\n",
         "{host=\"h1\",index=\"logs-web-prod\",service_name=\"web\"} <> 1709210096789000000 |hi| "
         "service.name=s:web log.level=s:warn detected_level=s:warn"},
        /* pino-elasticsearch */
        {"{\"index\":{\"_index\":\"pino\",\"op_type\":\"create\"}}\n{\"level\":50,\"time\":"
         "\"2024-02-29T12:34:56Z\",\"pid\":7,\"hostname\":\"h\",\"msg\":\"oops\"}\n",
         "{index=\"pino\",service_name=\"unknown_service\"} <> 1709210096000000000 |oops| "
         "level=i:50 pid=i:7 hostname=s:h detected_level=s:error"},
        /* Fluent Bit; no line end */
        {"{\"create\":{\"_index\":\"fb\",\"_id\":\"1\",\"data_stream\":{\"x\":[1]}}}\n{\"@"
         "timestamp\":"
         "1700000000123,\"log\":\"l\",\"host\":\"h2\",\"app\":\"a\"}",
         "{host=\"h2\",index=\"fb\",service_name=\"a\"} <> 1700000000123000000 |l| app=s:a "
         "detected_level=s:unknown"},
    };
    static const enum es_bulk_action actions[] = {ES_BULK_CREATE, ES_BULK_CREATE, ES_BULK_CREATE};
    static const char *const indices[] = {"logs-web-prod", "pino", "fb"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        decode(cases[i][0]);
        cr_assert_eq(seen->base.count, i + 1, "%s", tally.message);
        cr_assert_str_eq(seen->base.lines[i], cases[i][1]);
        cr_assert_eq(results.count, 1);
        expect_result(0, actions[i], indices[i], 201);
    }
}

Test(es_bulk, one_result_an_action_in_order)
{
    options.index = text_of("deflt");
    decode("{\"index\":{}}\n{\"msg\":\"0\"}\r\n"
           "{\"delete\":{\"_index\":\"d\",\"_id\":\"x\"}}\n"
           "\n"
           "{\"update\":{\"_index\":\"u\"}}\n{\"doc\":{}}\n"
           "{\"create\":{\"_index\":\"c\\u00e9\"}}\n{\"msg\":\"3\"\n"
           "{\"create\":{\"_index\":\"c\"}}\n{\"time\":\"x\"}\n"
           "{\"create\":{\"_index\":null}}\n\n"
           "{\"index\":{\"_index\":\"i\",\"_id\":7}}\n{\"msg\":\"6\"}\n");
    cr_assert_eq(results.count, 7);
    expect_result(0, ES_BULK_INDEX, "deflt", 201);
    expect_result(1, ES_BULK_DELETE, "d", 400);
    expect_result(2, ES_BULK_UPDATE, "u", 400);
    expect_result(3, ES_BULK_CREATE, "c\xc3\xa9", 400);
    expect_result(4, ES_BULK_CREATE, "c", 400);
    expect_result(5, ES_BULK_CREATE, "deflt", 400);
    expect_result(6, ES_BULK_INDEX, "i", 201);
    cr_assert(text_equal(results.at[1].id, text_of("x")));
    cr_assert_eq(results.at[3].reason, DECODE_BAD_RECORD);
    cr_assert_eq(results.at[4].reason, DECODE_BAD_TIME);
    cr_assert_eq(tally.rejected[DECODE_UNSUPPORTED], 2);
    cr_assert_eq(tally.handed, 2);
    cr_assert_eq(seen->items[1], 6);
    cr_assert_str_eq(tally.message, "line 3: deletes are not taken");
}

Test(es_bulk, without_any_index_nothing_is_taken)
{
    decode("{\"index\":{}}\n{\"msg\":\"0\"}\n");
    expect_result(0, ES_BULK_INDEX, "", 400);
    cr_assert_eq(tally.rejected[DECODE_BAD_STREAM], 1);
}

Test(es_bulk, bad_action_lines_end_the_request)
{
    static const char *const cases[] = {"x\n{}\n",
                                        "{}\n{}\n",
                                        "{\"put\":{}}\n{}\n",
                                        "{\"index\":1}\n{}\n",
                                        "{\"index\":{}\n{}\n",
                                        "{\"index\":{}} x\n{}\n",
                                        "{\"index\":{},\"create\":{}}\n{}\n",
                                        "{\"index\":{\"_index\":\"\xff\"}}\n{}\n",
                                        "{\"index\":{\"_index\":\"x\"}}\n",
                                        "{\"index\":{\"_index\":\"x\"}}"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(decode_bytes(cases[i], strlen(cases[i])), TSDB_ECORRUPT, "%s", cases[i]);
    decode("");
    cr_assert_eq(results.count, 0);
}

Test(es_bulk, truncated_at_every_byte)
{
    static const char text[] =
        "{\"create\":{\"_index\":\"x\"}}\n{\"message\":\"\\u00e9\",\"a\":{\"b\":[1]}}";
    size_t action = (size_t)(strchr(text, '\n') - text) + 1;
    for (size_t len = 1; len < sizeof text - 1; len++) {
        enum tsdb_status st = decode_bytes(text, len);
        cr_assert_eq(st, len <= action ? TSDB_ECORRUPT : TSDB_OK, "cut at %zu", len);
        cr_assert(st != TSDB_OK || results.at[0].status == 400);
    }
}

/* Statuses that a sink sets while results still grow are where they belong. */
static enum tsdb_status set_statuses(void *arg, const struct decode_log_batch *b)
{
    struct es_bulk_results *r = arg;
    for (uint32_t i = 0; i < b->batch.record_count; i++) {
        ASSERT(b->items[i] < r->count);
        if (b->batch.records[i].ts % 2 == 0)
            r->at[b->items[i]].status = 429;
    }
    return TSDB_OK;
}

Test(es_bulk, verdicts_of_the_sink_go_to_their_results)
{
    struct writer w = {0};
    for (int i = 0; i < 3000; i++)
        writer_format(&w, "{\"index\":{\"_index\":\"x\"}}\n{\"time\":%s%d}\n",
                      i % 3 == 0 ? "true" : "170000000012345678", i % 3 == 0 ? i : i % 10);
    struct decode_log_task task = {.tenant = "",
                                   .arena = &arena,
                                   .sink = {set_statuses, &results},
                                   .items_max = 3000,
                                   .now = 1};
    cr_assert_eq(es_bulk_decode(&task, &options, writer_bytes(&w), &results, &tally, &err),
                 TSDB_OK);
    cr_assert_eq(results.count, 3000);
    for (int i = 0; i < 3000; i++) {
        unsigned want = i % 3 == 0 ? 400 : i % 2 == 0 ? 429 : 201;
        cr_assert_eq(results.at[i].status, want, "%d: %u", i, results.at[i].status);
    }
    task.items_max = 2999;
    cr_assert_eq(es_bulk_decode(&task, &options, writer_bytes(&w), &results, &tally, &err),
                 TSDB_EINVAL);
    writer_release(&w);
}
