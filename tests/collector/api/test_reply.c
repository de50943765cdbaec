#include "collector/api/reply.h"

#include "collector/api/api.h"
#include "tests/collector/api/fake_exchange.h"

static struct exchange x;
static struct reply reply;

static void set_up(void)
{
    exchange_init(&x, "/", "");
    reply_init(&reply, &x, REPLY_PROMETHEUS);
}

static void tear_down(void)
{
    exchange_release(&x);
}

TestSuite(reply, .init = set_up, .fini = tear_down);

Test(reply, small_answer_is_whole_and_carries_its_notes)
{
    reply_begin(&reply);
    json_u64(&reply.json, 1);
    reply_warn(&reply, "w");
    reply_inform(&reply, "i<");
    reply_end(&reply);
    exchange_wait(&x);
    cr_assert_eq(x.status, 200);
    cr_assert_str_eq(x.type, "application/json");
    cr_assert_str_eq(exchange_body_text(&x), "{\"status\":\"success\",\"data\":1,"
                                             "\"warnings\":[\"w\"],\"infos\":[\"i\\u003c\"]}");
}

Test(reply, notes_are_bounded)
{
    reply_begin(&reply);
    json_null(&reply.json);
    for (int i = 0; i < REPLY_HELD_BYTES; i++)
        reply_warn(&reply, "w");
    cr_assert_eq(reply.warning_count, REPLY_NOTES_MAX);
    reply_end(&reply);
}

Test(reply, errors_have_type_and_status)
{
    static const struct {
        enum reply_error error;
        int status;
        const char *type;
    } cases[] = {
        {REPLY_BAD_DATA, 400, "bad_data"},       {REPLY_EXECUTION, 422, "execution"},
        {REPLY_TIMEOUT, 503, "timeout"},         {REPLY_CANCELED, 503, "canceled"},
        {REPLY_UNAVAILABLE, 503, "unavailable"}, {REPLY_INTERNAL, 500, "internal"},
        {REPLY_NOT_FOUND, 404, "not_found"},     {REPLY_UNSUPPORTED, 415, "bad_data"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char want[128];
        exchange_release(&x);
        set_up();
        reply_fail(&reply, cases[i].error, "no %s", "<way>");
        exchange_wait(&x);
        (void)snprintf(want, sizeof want,
                       "{\"status\":\"error\",\"errorType\":\"%s\",\"error\":\"no "
                       "\\u003cway\\u003e\"}",
                       cases[i].type);
        cr_assert_str_eq(exchange_body_text(&x), want);
        cr_assert_eq(x.status, cases[i].status);
        cr_assert_str_eq(x.retry_after, cases[i].error == REPLY_UNAVAILABLE ? "1" : "");
    }
}

Test(reply, begun_answer_can_still_become_an_error)
{
    reply_begin(&reply);
    json_array(&reply.json);
    json_word(&reply.json, "half");
    reply_fail(&reply, REPLY_EXECUTION, "late");
    exchange_wait(&x);
    cr_assert_eq(x.status, 422);
    cr_assert_str_eq(exchange_body_text(&x),
                     "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"late\"}");
}

Test(reply, large_answer_is_streamed_and_cut_off_when_it_fails)
{
    reply_begin(&reply);
    json_array(&reply.json);
    for (int i = 0; i < 400000; i++)
        json_u64(&reply.json, 1000000);
    cr_assert(reply.is_streaming);
    size_t sent = x.out.len;
    reply_fail(&reply, REPLY_EXECUTION, "late");
    exchange_wait(&x);
    cr_assert_eq(x.status, 200);
    cr_assert_eq(x.out.len, sent);
    cr_assert_neq(x.out.at[x.out.len - 1], '}');
    cr_assert_eq(x.ends, 1);
}

Test(reply, large_answer_is_streamed_to_its_end)
{
    reply_begin(&reply);
    json_array(&reply.json);
    for (int i = 0; i < 400000; i++)
        json_u64(&reply.json, 1000000);
    json_end_array(&reply.json);
    reply_end(&reply);
    exchange_wait(&x);
    cr_assert_gt(x.writes, 10);
    cr_assert_eq(x.ends, 1);
    cr_assert_eq(x.starts, 1);
    size_t n = x.out.len;
    cr_assert_eq(n, 27 + 400000 * 8 + 2);
    cr_assert_eq(memcmp(x.out.at + n - 3, "0]}", 3), 0);
}

Test(reply, reader_who_goes_is_noticed)
{
    x.is_gone = true;
    reply_begin(&reply);
    json_array(&reply.json);
    for (int i = 0; i < 400000; i++)
        json_u64(&reply.json, 1000000);
    cr_assert(reply_is_gone(&reply));
    reply_end(&reply);
    cr_assert_eq(x.writes, 1);
    cr_assert_eq(x.ends, 1);
}

static void fail_as(enum reply_form form, enum reply_error error)
{
    exchange_release(&x);
    exchange_init(&x, "/", "");
    x.is_grpc = form == REPLY_GRPC;
    reply_init(&reply, &x, form);
    reply_fail(&reply, error, "no %s", "way");
    exchange_wait(&x);
    cr_assert_eq(x.ends, 1);
}

Test(reply, errors_have_the_form_of_their_api)
{
    fail_as(REPLY_TEXT, REPLY_EXECUTION);
    cr_assert_str_eq(exchange_body_text(&x), "no way\n");
    cr_assert_eq(x.status, 400);
    fail_as(REPLY_JAEGER, REPLY_NOT_FOUND);
    cr_assert_str_eq(exchange_body_text(&x), "{\"data\":null,\"total\":0,\"limit\":0,\"offset\":0,"
                                             "\"errors\":[{\"code\":404,\"msg\":\"no way\"}]}");
    cr_assert_eq(x.status, 404);
    fail_as(REPLY_JAEGER_3, REPLY_BAD_DATA);
    cr_assert_str_eq(exchange_body_text(&x),
                     "{\"error\":{\"httpCode\":400,\"message\":\"no way\"}}");
    cr_assert_str_eq(x.type, "application/json");
    fail_as(REPLY_JAEGER_3, REPLY_BUSY);
    cr_assert_eq(x.status, 429);
    cr_assert_str_eq(x.retry_after, "1");
}

Test(reply, grpc_errors_are_a_status_whenever_they_come)
{
    static const struct {
        enum reply_error error;
        int status;
    } cases[] = {{REPLY_BAD_DATA, 3},  {REPLY_EXECUTION, 3},    {REPLY_TIMEOUT, 4},
                 {REPLY_CANCELED, 1},  {REPLY_BUSY, 14},        {REPLY_INTERNAL, 13},
                 {REPLY_NOT_FOUND, 5}, {REPLY_UNSUPPORTED, 12}, {REPLY_UNAVAILABLE, 14}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fail_as(REPLY_GRPC, cases[i].error);
        cr_assert_eq(x.grpc_status, cases[i].status);
        cr_assert_str_eq(x.grpc_message, "no way");
        cr_assert_eq(x.writes, 0);
    }
    exchange_release(&x);
    exchange_init(&x, "/", "");
    x.is_grpc = true;
    reply_init(&reply, &x, REPLY_GRPC);
    exchange_start_grpc(&x);
    reply.is_streaming = true;
    reply_fail(&reply, REPLY_INTERNAL, "later");
    cr_assert_eq(x.starts, 1);
    cr_assert_eq(x.grpc_status, 13);
}
