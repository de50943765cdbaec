/* What an object becomes is tested through json_lines and es_bulk; here: what it says. */
#include "collector/decode/log_object.h"

#include "tests/collector/decode/collect_logs.h"

#include <criterion/criterion.h>

Test(log_object, refusals_say_where_and_why)
{
    static const struct {
        const char *json;
        enum decode_reason want;
    } cases[] = {{"{\"t\":1}", DECODE_REASON_COUNT},
                 {"{\"t\":\"x\"}", DECODE_BAD_TIME},
                 {"{\"t\":1", DECODE_BAD_RECORD},
                 {"7", DECODE_BAD_RECORD},
                 {"", DECODE_BAD_RECORD}};
    struct arena arena;
    struct collect_logs *seen = collect_logs_new();
    struct decode_tally tally = {0};
    struct log_stage stage;
    arena_init(&arena, 8 << 20, NULL);
    struct decode_log_task task = collect_log_task(seen, &arena);
    const struct tsdb_text times[] = {text_of("t")};
    const struct log_object_names names = {.times = times, .time_count = 1};
    const struct tsdb_label fixed = {text_of("app"), text_of("f")};
    cr_assert_eq(log_stage_init(&stage, &task, &tally, 1000, 1), TSDB_OK);
    for (uint64_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct log_object_place place = {"entry", i};
        enum decode_reason refusal;
        struct bytes in = {(const uint8_t *)cases[i].json, strlen(cases[i].json)};
        cr_assert_eq(log_stage_begin(&stage), TSDB_OK);
        cr_assert_eq(log_object_put(&stage, &names, in, &fixed, &place, &refusal), TSDB_OK);
        cr_assert_eq(refusal, cases[i].want, "%s", cases[i].json);
    }
    cr_assert_eq(log_stage_end(&stage, TSDB_OK, "test", NULL), TSDB_OK);
    cr_assert_str_eq(tally.message, "entry 1: t is no time: x");
    cr_assert_eq(seen->base.count, 1);
    cr_assert_str_eq(seen->base.lines[0],
                     "{app=\"f\",service_name=\"f\"} <> 1000000000 |{\"t\":1}| "
                     "detected_level=s:unknown");
    arena_release(&arena);
    collect_logs_free(seen);
}
