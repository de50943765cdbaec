#include "collector/decode/log_stage.h"

#include "tests/collector/decode/collect_logs.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;
static struct collect_logs *seen;
static struct decode_tally tally;
static struct tsdb_error err;
static struct log_stage stage;
static struct decode_log_task task;

static void set_up(void)
{
    arena_init(&arena, 64 << 20, NULL);
    seen = collect_logs_new();
    task = collect_log_task(seen, &arena);
    tally = (struct decode_tally){0};
    cr_assert_eq(log_stage_init(&stage, &task, &tally, 1 << 20, 1), TSDB_OK);
}

static void tear_down(void)
{
    collect_logs_free(seen);
    arena_release(&arena);
}

TestSuite(log_stage, .init = set_up, .fini = tear_down);

static struct bytes key_of(const char *key)
{
    return (struct bytes){(const uint8_t *)key, strlen(key)};
}

static uint32_t open_stream(const char *key)
{
    uint32_t stream = log_stage_find(&stage, key_of(key));
    struct tsdb_label label = {text_of("k"), text_of(key)};
    if (stream == LOG_STAGE_NONE)
        cr_assert_eq(log_stage_stream(&stage, key_of(key), (struct tsdb_labels){&label, 1}, NULL, 0,
                                      &stream),
                     TSDB_OK);
    return stream;
}

static void put(const char *key, int64_t ts, const char *line)
{
    cr_assert_eq(log_stage_begin(&stage), TSDB_OK);
    uint32_t stream = open_stream(key);
    cr_assert_eq(log_stage_record_level(&stage, stream, ts, text_of(line)), TSDB_OK);
}

static void end(void)
{
    cr_assert_eq(log_stage_end(&stage, TSDB_OK, "test", &err), TSDB_OK);
    collect_logs_check(seen, &tally, TSDB_OK);
}

Test(log_stage, records_of_one_stream_share_it)
{
    put("a", 1, "x");
    put("b", 2, "[error] y");
    put("a", 0, "z");
    end();
    cr_assert_eq(seen->streams, 2);
    cr_assert_eq(seen->base.count, 3);
    cr_assert_str_eq(
        seen->base.lines[0],
        "{k=\"a\",service_name=\"unknown_service\"} <> 1 |x| detected_level=s:unknown");
    cr_assert_str_eq(
        seen->base.lines[1],
        "{k=\"b\",service_name=\"unknown_service\"} <> 2 |[error] y| detected_level=s:error");
    cr_assert_eq(seen->ts[2], COLLECT_NOW);
}

Test(log_stage, a_batch_is_full_at_its_records)
{
    for (int i = 0; i < 2 * DECODE_BATCH_RECORDS + 1; i++)
        put("a", i + 1, "x");
    end();
    cr_assert_eq(seen->base.batches, 3);
    cr_assert_eq(seen->streams, 3, "one a batch");
    cr_assert_eq(tally.handed, 2 * DECODE_BATCH_RECORDS + 1);
}

Test(log_stage, a_batch_is_full_at_its_streams)
{
    static char keys[2 * DECODE_BATCH_STREAMS + 1][8];
    for (int i = 0; i < 2 * DECODE_BATCH_STREAMS + 1; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "k%d", i);
        put(keys[i], i + 1, "x");
        cr_assert_neq(log_stage_find(&stage, key_of(keys[i])), LOG_STAGE_NONE);
    }
    end();
    cr_assert_eq(seen->base.batches, 3);
    cr_assert_eq(seen->streams, 2 * DECODE_BATCH_STREAMS + 1);
}

Test(log_stage, a_batch_is_full_at_its_bytes)
{
    size_t len = DECODE_BATCH_BYTES / 2;
    char *line = mem_alloc(len + 1);
    memset(line, 'x', len);
    line[len] = 0;
    for (int i = 0; i < 3; i++)
        put("a", i + 1, line);
    end();
    cr_assert_eq(seen->base.batches, 2);
    mem_free(line);
}

Test(log_stage, refused_items_keep_their_ordinal_and_the_first_message)
{
    put("a", 1, "x");
    cr_assert_eq(log_stage_begin(&stage), TSDB_OK);
    log_fields_text(&stage.fields, text_of("f"), TSDB_FIELD_STRING, text_of("lost"));
    log_stage_refuse(&stage, DECODE_BAD_TIME, "time %d", 1);
    cr_assert_eq(log_stage_begin(&stage), TSDB_OK);
    log_stage_refuse(&stage, DECODE_BAD_RECORD, "time %d", 2);
    put("a", 2, "y");
    end();
    cr_assert_eq(tally.received, 4);
    cr_assert_eq(tally.rejected[DECODE_BAD_TIME], 1);
    cr_assert_str_eq(tally.message, "time 1");
    cr_assert_eq(seen->items[0], 0);
    cr_assert_eq(seen->items[1], 3);
    cr_assert(strstr(seen->base.lines[1], "lost") == NULL);
}

Test(log_stage, too_many_fields_refuse_the_record)
{
    cr_assert_eq(log_stage_begin(&stage), TSDB_OK);
    uint32_t stream = open_stream("a");
    for (int i = 0; i <= DECODE_FIELDS_MAX; i++)
        log_fields_integer(&stage.fields, text_of("f"), TSDB_FIELD_INT, i);
    cr_assert_eq(log_stage_record(&stage, stream, 1, text_of("x")), TSDB_OK);
    put("a", 2, "y");
    end();
    cr_assert_eq(tally.rejected[DECODE_BAD_RECORD], 1);
    cr_assert_eq(tally.handed, 1);
}

Test(log_stage, a_level_that_is_said_is_not_put_twice)
{
    cr_assert_eq(log_stage_begin(&stage), TSDB_OK);
    uint32_t stream = open_stream("a");
    log_fields_text(&stage.fields, text_of("detected_level"), TSDB_FIELD_STRING, text_of("warn"));
    cr_assert_eq(log_stage_record_level(&stage, stream, 1, text_of("[error]")), TSDB_OK);
    end();
    cr_assert(strstr(seen->base.lines[0], "|[error]| detected_level=s:warn") != NULL);
    cr_assert(strstr(seen->base.lines[0], "s:error") == NULL);
}

Test(log_stage, items_beyond_the_limit_end_the_request)
{
    task.items_max = 2;
    put("a", 1, "x");
    put("a", 2, "x");
    enum tsdb_status st = log_stage_begin(&stage);
    cr_assert_eq(st, TSDB_EINVAL);
    cr_assert_eq(log_stage_end(&stage, st, "test", &err), TSDB_EINVAL);
    cr_assert_str_eq(err.msg, "test: more than 2 items");
}

Test(log_stage, what_the_sink_answers_is_returned)
{
    seen->base.answer = TSDB_ELIMIT;
    err.msg[0] = 0;
    put("a", 1, "x");
    cr_assert_eq(log_stage_end(&stage, TSDB_OK, "test", &err), TSDB_ELIMIT);
    cr_assert_str_eq(err.msg, "");
    cr_assert_eq(tally.handed, 0);
}
