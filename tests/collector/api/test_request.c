#include "collector/api/request.h"

#include "collector/self/counters.h"
#include "tests/collector/api/ask.h"

TestSuite(request, .init = api_up, .fini = api_down);

enum { BUSY = 2 + API_WAITING_MAX };

Test(request, full_queue_is_answered_at_once)
{
    static struct exchange busy[BUSY];
    db.kind = TSDB_VECTOR;
    db.blocks = true;
    for (int i = 0; i < 2; i++) {
        exchange_init(&busy[i], "/api/v1/query", "query=up");
        send_to(&busy[i]);
    }
    for (int i = 0; i < 5000 && db.running < 2; i++)
        usleep(1000);
    for (int i = 2; i < BUSY; i++) {
        exchange_init(&busy[i], "/api/v1/query", "query=up");
        send_to(&busy[i]);
    }
    const char *body = get("/api/v1/labels", "");
    cr_assert_eq(x.status, 503);
    cr_assert_str_eq(x.retry_after, "1");
    cr_assert_str_eq(body,
                     "{\"status\":\"error\",\"errorType\":\"unavailable\",\"error\":\"too many "
                     "queries are waiting, want at most 20\"}");
    cr_assert_eq(counters_get(QUERIES, AT(ENDING_REFUSED)), 1);
    exchange_release(&x);
    /* Health does not wait behind them. */
    cr_assert_str_eq(get("/-/healthy", ""), "Andon is Healthy.\n");
    exchange_release(&x);
    cr_assert_not(exchange_wait_ms(&busy[0], 1));
    db.blocks = false;
    for (int i = 0; i < BUSY; i++) {
        exchange_wait(&busy[i]);
        cr_assert_eq(busy[i].status, 200);
        exchange_release(&busy[i]);
    }
}

Test(request, stopping_answers_everyone)
{
    static struct exchange busy[4];
    db.kind = TSDB_VECTOR;
    db.blocks = true;
    for (int i = 0; i < 4; i++) {
        exchange_init(&busy[i], "/api/v1/query", "query=up");
        send_to(&busy[i]);
    }
    for (int i = 0; i < 5000 && db.running < 2; i++)
        usleep(1000);
    api_stop(api);
    for (int i = 0; i < 4; i++) {
        exchange_wait(&busy[i]);
        cr_assert_eq(busy[i].status, 503);
        exchange_release(&busy[i]);
    }
    (void)get("/api/v1/query", "query=up");
    cr_assert_eq(x.status, 503);
    exchange_release(&x);
}

Test(request, local_path_has_no_mount)
{
    static const char *const cases[][2] = {{"/api/v1/query", "/api/v1/query"},
                                           {"/prometheus/api/v1/query", "/api/v1/query"},
                                           {"/prometheus", "/prometheus"},
                                           {"/prometheus/", "/"},
                                           {"/prometheusx/a", "/prometheusx/a"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        exchange_init(&x, cases[i][0], "");
        cr_assert(text_equal(exchange_local_path(&x), text_of(cases[i][1])), "%s", cases[i][0]);
        exchange_release(&x);
    }
}
