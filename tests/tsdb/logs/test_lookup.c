#include "tests/tsdb/logs/rig.h"

static bool join(void *arg, struct tsdb_text text)
{
    writer_format(arg, "%.*s,", (int)text.len, text.at);
    return true;
}

static bool stop(void *arg, struct tsdb_text text)
{
    (void)text;
    ++*(int *)arg;
    return false;
}

static void put(struct rig *r, const char *tenant, struct tsdb_label extra, int64_t ts)
{
    struct tsdb_label labels[2] = {{rig_text("app"), rig_text("api")}, extra};
    struct tsdb_field attribute = {.name = rig_text("hidden"), .text = rig_text("x")};
    struct tsdb_log_stream stream = {{labels, 2}, &attribute, 1};
    struct tsdb_log_record record = {.ts = ts, .line = rig_text("x")};
    struct tsdb_log_batch batch = {tenant, &stream, &record, 1, 1};
    struct tsdb_appended out;
    cr_assert_eq(logs_append(r->l, &batch, &out, NULL, NULL), TSDB_OK);
}

static void expect(struct rig *r, const char *name, int64_t start, int64_t end, const char *want)
{
    struct writer out = {0};
    struct logs_selection sel[2] = {{.start = start, .end = end}, {.start = start, .end = end}};
    struct matcher m;
    cr_assert_eq(matcher_init(&m, MATCH_EQ, rig_text("app"), rig_text("api"), NULL), TSDB_OK);
    sel[1].matchers = &m;
    sel[1].matcher_count = 1;
    if (name)
        cr_assert_eq(logs_label_values(r->l, rig_text(name), sel, 2, join, &out, NULL), TSDB_OK);
    else
        cr_assert_eq(logs_label_names(r->l, sel, 2, join, &out, NULL), TSDB_OK);
    writer_u8(&out, 0);
    cr_assert_str_eq((const char *)out.at, want);
    writer_release(&out);
    matcher_release(&m);
}

Test(lookup, names_and_values_of_streams_with_data_in_the_range)
{
    struct rig r;
    rig_init(&r);
    put(&r, "", (struct tsdb_label){rig_text("old"), rig_text("1")}, RIG_NOW - NS_PER_HOUR);
    put(&r, "", (struct tsdb_label){rig_text("env"), rig_text("prod")}, RIG_NOW);
    put(&r, "", (struct tsdb_label){rig_text("env"), rig_text("dev")}, RIG_NOW);
    put(&r, "blue", (struct tsdb_label){rig_text("blue"), rig_text("1")}, RIG_NOW);
    for (int sealed = 0; sealed < 2; sealed++) {
        expect(&r, NULL, INT64_MIN, INT64_MAX, "app,env,old,");
        expect(&r, NULL, RIG_NOW, INT64_MAX, "app,env,");
        expect(&r, "env", INT64_MIN, INT64_MAX, "dev,prod,");
        expect(&r, "env", INT64_MIN, RIG_NOW, "");
        expect(&r, "hidden", INT64_MIN, INT64_MAX, "");
        expect(&r, "__tenant__", INT64_MIN, INT64_MAX, "");
        rig_seal(&r);
    }
    int calls = 0;
    struct logs_selection all = {.start = INT64_MIN, .end = INT64_MAX};
    cr_assert_eq(logs_label_names(r.l, &all, 1, stop, &calls, NULL), TSDB_OK);
    cr_assert_eq(calls, 1);
    rig_release(&r);
}
