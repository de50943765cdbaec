/* Goal: each limit refuses exactly what passes it, with its verdict, and nothing else of the
 * batch; streams are told apart by labels, attributes and tenant; memory is bounded. */
#include "tests/tsdb/logs/rig.h"

/* One record of a stream with these labels and attributes. */
struct one {
    struct tsdb_label labels[LABELS_MAX];
    struct tsdb_field attributes[LABELS_MAX], fields[TSDB_LOG_FIELDS_MAX];
    struct tsdb_log_stream stream;
    struct tsdb_log_record record;
    const char *tenant;
};

static void one_init(struct one *o)
{
    *o = (struct one){.tenant = ""};
    o->labels[0] = (struct tsdb_label){rig_text("app"), rig_text("api")};
    o->stream = (struct tsdb_log_stream){{o->labels, 1}, o->attributes, 0};
    o->record = (struct tsdb_log_record){.ts = RIG_NOW, .line = rig_text("x"), .fields = o->fields};
}

static enum tsdb_verdict send(struct rig *r, const struct one *o)
{
    struct tsdb_log_batch batch = {.tenant = o->tenant,
                                   .streams = &o->stream,
                                   .records = &o->record,
                                   .stream_count = 1,
                                   .record_count = 1};
    struct tsdb_appended out;
    uint8_t verdict[1];
    struct tsdb_error err = {0};
    cr_assert_eq(logs_append(r->l, &batch, &out, verdict, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(out.counts[verdict[0]], 1u);
    cr_assert_eq(out.position > 0, verdict[0] == TSDB_ACCEPTED);
    return (enum tsdb_verdict)verdict[0];
}

Test(append, times)
{
    struct rig r;
    struct one o;
    rig_init(&r);
    one_init(&o);
    o.record.ts = INT64_MIN;
    cr_assert_eq(send(&r, &o), TSDB_ACCEPTED, "no retention, no past_max");
    o.record.ts = RIG_NOW + 10 * NS_PER_MINUTE;
    cr_assert_eq(send(&r, &o), TSDB_ACCEPTED);
    o.record.ts++;
    cr_assert_eq(send(&r, &o), TSDB_TOO_NEW);
    r.options.retention = NS_PER_DAY;
    logs_configure(r.l, &r.options);
    o.record.ts = RIG_NOW - NS_PER_DAY;
    cr_assert_eq(send(&r, &o), TSDB_ACCEPTED);
    o.record.ts--;
    cr_assert_eq(send(&r, &o), TSDB_TOO_OLD);
    r.options.limits.past_max = NS_PER_HOUR;
    logs_configure(r.l, &r.options);
    o.record.ts = RIG_NOW - NS_PER_HOUR - 1;
    cr_assert_eq(send(&r, &o), TSDB_TOO_OLD);
    rig_release(&r);
}

Test(append, sizes)
{
    struct rig r;
    struct one o;
    static char bytes[TSDB_LOG_LINE_MAX + 1];
    rig_init(&r);
    one_init(&o);
    memset(bytes, 'x', sizeof bytes);
    for (uint32_t limit = 256 << 10, i = 0; i < 2; i++, limit = 1000) {
        o.record.field_count = 0;
        o.record.line = (struct tsdb_text){bytes, limit};
        cr_assert_eq(send(&r, &o), TSDB_ACCEPTED);
        o.record.line.len++;
        cr_assert_eq(send(&r, &o), TSDB_TOO_LARGE);
        o.record.line.len = 0;
        cr_assert_eq(send(&r, &o), TSDB_ACCEPTED, "an empty line");
        o.fields[0] = (struct tsdb_field){.name = rig_text("f"), .text = {bytes, limit - 1}};
        o.record.field_count = 1;
        cr_assert_eq(send(&r, &o), TSDB_ACCEPTED);
        o.fields[0].text.len++;
        cr_assert_eq(send(&r, &o), TSDB_TOO_LARGE);
        r.options.limits.log_line_bytes_max = 1000;
        logs_configure(r.l, &r.options);
    }
    r.options.limits.log_line_bytes_max = UINT32_MAX;
    logs_configure(r.l, &r.options);
    o.record.field_count = 0;
    o.record.line = (struct tsdb_text){bytes, TSDB_LOG_LINE_MAX};
    cr_assert_eq(send(&r, &o), TSDB_ACCEPTED);
    o.record.line.len++;
    cr_assert_eq(send(&r, &o), TSDB_TOO_LARGE);
    rig_release(&r);
}

Test(append, fields)
{
    struct rig r;
    struct one o;
    static char names[TSDB_LOG_FIELDS_MAX][8];
    rig_init(&r);
    one_init(&o);
    for (uint32_t i = 0; i < TSDB_LOG_FIELDS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "f%u", i);
        o.fields[i] = (struct tsdb_field){.name = rig_text(names[i]), .type = TSDB_FIELD_INT};
    }
    o.record.field_count = 256;
    cr_assert_eq(send(&r, &o), TSDB_ACCEPTED);
    o.record.field_count = 257;
    cr_assert_eq(send(&r, &o), TSDB_TOO_LARGE);
    r.options.limits.log_fields_max = UINT32_MAX;
    logs_configure(r.l, &r.options);
    o.record.field_count = TSDB_LOG_FIELDS_MAX;
    cr_assert_eq(send(&r, &o), TSDB_ACCEPTED);
    o.record.field_count = 1;
    o.fields[0].name = rig_text("");
    cr_assert_eq(send(&r, &o), TSDB_BAD_LABELS);
    o.fields[0].name = rig_text("\xff");
    cr_assert_eq(send(&r, &o), TSDB_BAD_LABELS);
    rig_release(&r);
}

Test(append, a_repeated_field_is_kept_once)
{
    struct rig r;
    struct one o;
    rig_init(&r);
    one_init(&o);
    o.fields[0] = (struct tsdb_field){.name = rig_text("a"), .type = TSDB_FIELD_INT, .integer = 1};
    o.fields[1] = (struct tsdb_field){.name = rig_text("a"), .text = rig_text("text")};
    o.fields[2] = (struct tsdb_field){.name = rig_text("a"), .type = TSDB_FIELD_INT, .integer = 2};
    o.record.field_count = 3;
    cr_assert_eq(send(&r, &o), TSDB_ACCEPTED);
    struct logs_selection all = {.start = INT64_MIN, .end = INT64_MAX};
    for (int sealed = 0; sealed < 2; sealed++) {
        struct rig_rows rows = {0};
        rig_select(&r, &all, &rows, NULL);
        cr_assert_eq(rows.count, 1u);
        cr_assert_str_eq(rows.at[0].text, "{app=api,} | x | a:0=text a:1=1");
        rig_rows_release(&rows);
        rig_seal(&r);
    }
    rig_release(&r);
}

Test(append, labels)
{
    struct rig r;
    struct one o;
    rig_init(&r);
    one_init(&o);
    o.stream.labels.count = 0;
    cr_assert_eq(send(&r, &o), TSDB_BAD_LABELS, "no labels");
    o.stream.labels.count = 1;
    o.labels[0].value = rig_text("");
    cr_assert_eq(send(&r, &o), TSDB_BAD_LABELS, "none with a value");
    o.labels[0] = (struct tsdb_label){rig_text(""), rig_text("x")};
    cr_assert_eq(send(&r, &o), TSDB_BAD_LABELS, "no name");
    o.labels[0] = (struct tsdb_label){rig_text("a\xff"), rig_text("x")};
    cr_assert_eq(send(&r, &o), TSDB_BAD_LABELS, "not UTF-8");
    o.labels[0] = (struct tsdb_label){rig_text("\x01x"), rig_text("x")};
    cr_assert_eq(send(&r, &o), TSDB_BAD_LABELS, "an attribute's mark");
    o.labels[0] = (struct tsdb_label){rig_text("__tenant__"), rig_text("x")};
    cr_assert_eq(send(&r, &o), TSDB_BAD_LABELS, "the tenant's name");
    o.labels[0] = o.labels[1] = (struct tsdb_label){rig_text("a"), rig_text("x")};
    o.stream.labels.count = 2;
    cr_assert_eq(send(&r, &o), TSDB_BAD_LABELS, "a name twice");
    static char text[5000], names[70][4];
    memset(text, 'x', sizeof text);
    o.stream.labels.count = 1;
    o.labels[0].value = (struct tsdb_text){text, 4096};
    cr_assert_eq(send(&r, &o), TSDB_ACCEPTED);
    o.labels[0].value.len++;
    cr_assert_eq(send(&r, &o), TSDB_LABEL_LIMIT);
    o.labels[0] = (struct tsdb_label){{text, 257}, rig_text("x")};
    cr_assert_eq(send(&r, &o), TSDB_LABEL_LIMIT);
    for (uint32_t i = 0; i < 65; i++) {
        (void)snprintf(names[i], sizeof names[i], "l%u", i);
        o.labels[i] = (struct tsdb_label){rig_text(names[i]), rig_text("x")};
    }
    o.stream.labels.count = 64;
    cr_assert_eq(send(&r, &o), TSDB_ACCEPTED);
    o.stream.labels.count = 65;
    cr_assert_eq(send(&r, &o), TSDB_LABEL_LIMIT);
    rig_release(&r);
}

Test(append, attributes_tell_streams_apart)
{
    struct rig r;
    struct one o;
    rig_init(&r);
    one_init(&o);
    static const double nan_bits = 0x1.8p+3;
    o.attributes[0] = (struct tsdb_field){.name = rig_text("host"), .text = rig_text("")};
    o.attributes[1] =
        (struct tsdb_field){.name = rig_text("cores"), .type = TSDB_FIELD_INT, .integer = -8};
    o.attributes[2] =
        (struct tsdb_field){.name = rig_text("load"), .type = TSDB_FIELD_DOUBLE, .real = nan_bits};
    o.attributes[3] =
        (struct tsdb_field){.name = rig_text("spot"), .type = TSDB_FIELD_BOOL, .integer = 1};
    for (uint32_t n = 0; n <= 4; n++) {
        o.stream.attribute_count = n;
        cr_assert_eq(send(&r, &o), TSDB_ACCEPTED);
        cr_assert_eq(send(&r, &o), TSDB_ACCEPTED);
        cr_assert_eq(r.l->head.live, n + 1);
    }
    struct logs_selection all = {.start = INT64_MIN, .end = INT64_MAX};
    for (int sealed = 0; sealed < 2; sealed++) {
        struct rig_rows rows = {0};
        rig_select(&r, &all, &rows, NULL);
        cr_assert_eq(rows.count, 10u);
        cr_assert_str_eq(rows.at[0].text,
                         "{app=api,} host:0= cores:1=-8 load:2=0x1.8p+3 spot:3=1 | x |");
        rig_rows_release(&rows);
        rig_seal(&r);
    }
    rig_release(&r);
}

Test(append, streams_and_churn_are_limited_by_tenant)
{
    struct rig r;
    struct one o;
    char value[16];
    rig_init(&r);
    one_init(&o);
    struct tsdb_tenant_limits own = {"big", r.options.limits};
    r.options.limits.series_max = 3;
    own.limits.series_max = 5;
    r.options.tenant_limits = &own;
    r.options.tenant_limits_count = 1;
    logs_configure(r.l, &r.options);
    static const char *const tenants[] = {"", "blue", "big"};
    for (uint32_t t = 0; t < 3; t++) {
        uint32_t accepted = 0;
        o.tenant = tenants[t];
        for (uint32_t i = 0; i < 8; i++) {
            (void)snprintf(value, sizeof value, "v%u", i);
            o.labels[0].value = rig_text(value);
            enum tsdb_verdict v = send(&r, &o);
            cr_assert(v == TSDB_ACCEPTED || v == TSDB_SERIES_LIMIT);
            accepted += v == TSDB_ACCEPTED;
        }
        cr_assert_eq(accepted, t == 2 ? 5u : 3u);
    }
    r.options.limits.series_max = 0;
    r.options.limits.series_new_per_s = 2; /* over ten seconds: 20 at once */
    logs_configure(r.l, &r.options);
    uint32_t made = 0;
    o.tenant = "green";
    for (uint32_t i = 0; i < 30; i++) {
        (void)snprintf(value, sizeof value, "w%u", i);
        o.labels[0].value = rig_text(value);
        enum tsdb_verdict v = send(&r, &o);
        cr_assert(v == TSDB_ACCEPTED || v == TSDB_CHURN_LIMIT);
        made += v == TSDB_ACCEPTED;
    }
    cr_assert_eq(made, 20u);
    rig_release(&r);
}

Test(append, memory_is_bounded_and_comes_back)
{
    struct rig r;
    char line[2000];
    rig_init(&r);
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    rig_put(&r, "api", RIG_NOW, "first");
    atomic_store(&r.store.budget.limit, budget_used(&r.store.budget) + 100000);
    enum tsdb_status st = TSDB_OK;
    uint32_t n = 0;
    while (st == TSDB_OK && n < 1000) {
        st = rig_append(&r, "api", RIG_NOW, line, NULL);
        n += st == TSDB_OK;
    }
    cr_assert_eq(st, TSDB_ELIMIT);
    cr_assert(n > 20 && n < 60, "%u", n);
    rig_seal(&r);
    cr_assert_eq(rig_append(&r, "api", RIG_NOW, line, NULL), TSDB_OK);
    rig_release(&r);
    cr_assert_eq(budget_used(&r.store.budget), 0u);
}

Test(append, a_batch_that_the_journal_cannot_hold_is_refused_whole)
{
    struct rig r;
    rig_init(&r);
    static char line[256 << 10];
    static struct tsdb_log_record records[80];
    memset(line, 'x', sizeof line);
    struct tsdb_label label = {rig_text("app"), rig_text("api")};
    struct tsdb_log_stream stream = {.labels = {&label, 1}};
    for (uint32_t i = 0; i < 80; i++)
        records[i] = (struct tsdb_log_record){.ts = RIG_NOW, .line = {line, sizeof line}};
    struct tsdb_log_batch batch = {
        .streams = &stream, .records = records, .stream_count = 1, .record_count = 80};
    struct tsdb_appended out;
    cr_assert_eq(logs_append(r.l, &batch, &out, NULL, NULL), TSDB_EINVAL);
    cr_assert_eq(r.l->head.open_count, 0u);
    batch.record_count = 60;
    cr_assert_eq(logs_append(r.l, &batch, &out, NULL, NULL), TSDB_OK);
    rig_release(&r);
}

Test(append, idle_streams_are_forgotten_after_a_seal)
{
    struct rig r;
    rig_init(&r);
    rig_put(&r, "old", RIG_NOW, "x");
    rig_seal(&r);
    cr_assert_eq(r.l->head.live, 1u, "it may come again");
    clock_sim_advance(&r.clock, 20 * NS_PER_MINUTE);
    rig_put(&r, "new", RIG_NOW, "y");
    cr_assert_eq(r.l->head.live, 2u);
    rig_seal(&r);
    cr_assert_eq(r.l->head.live, 1u, "old has been idle, new has not");
    cr_assert_eq(head_index_series(r.l->head.labels), 1u);
    rig_put(&r, "new", RIG_NOW, "z");
    clock_sim_advance(&r.clock, 20 * NS_PER_MINUTE);
    rig_seal(&r);
    cr_assert_str_eq(rig_lines(&r, "app", "old", INT64_MIN, INT64_MAX), "x");
    rig_put(&r, "old", RIG_NOW, "w");
    cr_assert_str_eq(rig_lines(&r, "app", "old", INT64_MIN, INT64_MAX), "w,x");
    rig_release(&r);
}
