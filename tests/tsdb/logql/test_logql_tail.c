#include "tsdb/logql/logql_tail.h"

#include "tests/tsdb/logql/rig.h"

static void settle(struct rig *r)
{
    while (journal_step(r->store.journal))
        ;
}

Test(logql_tail, gives_what_passes_once_it_is_durable)
{
    struct rig r;
    rig_open(&r);
    rig_put(&r, "app=cart", 1000, "before", "");
    struct logql_store store = rig_store(&r);
    struct logql_tail *tail;
    struct tsdb_log_entry e;
    struct tsdb_error err = {0};
    cr_assert_eq(logql_tail_open(&store, "",
                                 text_of("{app=\"cart\"} |= \"order\" | level=\"error\""), &tail,
                                 &err),
                 TSDB_OK, "%s", err.msg);
    settle(&r);
    cr_assert_eq(logql_tail_next(tail, &e, &err), TSDB_END);
    rig_put(&r, "app=cart", 2000, "order 1", "level=error http.status:i=500");
    rig_put(&r, "app=cart", 3000, "order 2", "level=info");
    rig_put(&r, "app=web", 4000, "order 3", "level=error");
    rig_put(&r, "app=cart", 5000, "nothing", "level=error");
    cr_assert_eq(logql_tail_next(tail, &e, &err), TSDB_END, "nothing is durable yet");
    settle(&r);
    cr_assert_eq(logql_tail_next(tail, &e, &err), TSDB_OK, "%s", err.msg);
    cr_assert(text_equal(e.line, text_of("order 1")));
    cr_assert_eq(e.metadata.count, 2);
    cr_assert(text_equal(e.metadata.at[0].name, text_of("http_status")));
    cr_assert(text_equal(e.metadata.at[0].value, text_of("500")));
    cr_assert_eq(logql_tail_next(tail, &e, &err), TSDB_END);
    cr_assert_eq(logql_tail_dropped(tail), 0);
    logql_tail_close(tail);
    rig_close(&r);
}

Test(logql_tail, metric_queries_cannot_be_followed)
{
    struct rig r;
    rig_open(&r);
    struct logql_store store = rig_store(&r);
    struct logql_tail *tail;
    struct tsdb_error err = {0};
    cr_assert_eq(logql_tail_open(&store, "", text_of("rate({a=\"b\"}[5m])"), &tail, &err),
                 TSDB_EINVAL);
    cr_assert(strstr(err.msg, "log queries"));
    rig_close(&r);
}
