#include "tsdb/logql/pipeline.h"

#include "tests/tsdb/logql/stage_cases.h"
#include "tsdb/base/budget.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/random.h"

static struct pipeline *compiled(const char *stages, struct arena *arena)
{
    struct writer out = {0};
    arena_init(arena, 4 << 20, NULL);
    struct pipeline *p = case_pipeline(stages, arena, &out);
    cr_assert(p, "%s: %.*s", stages, (int)out.len, (char *)out.at);
    writer_release(&out);
    return p;
}

Test(pipeline, tells_what_a_scan_may_do)
{
    static const struct {
        const char *stages, *needles, *equalities;
        bool is_plain;
        uint32_t page;
    } cases[] = {
        {"", "", "", true, 0},
        {"|= \"a\" |~ \"took [0-9]+ms\"", "a,took ,ms", "", true, 2},
        {"!= \"a\"", "", "", true, 1},
        {"|= \"a\" or \"b\"", "", "", true, 1},
        {"|> \"<_> x <_>\"", " x ", "", true, 1},
        {"|= \"a\" | level=\"e\" |= \"b\"", "a,b", "level=e", true, 1},
        {"| a=\"1\" and b=\"2\" and c > 3", "", "a=1,b=2", true, 0},
        {"| a=\"1\" or b=\"2\"", "", "", true, 0},
        {"| a!=\"1\" | b=~\"2\" | c=\"\"", "", "", true, 0},
        {"| __error__=\"x\" | app_extracted=\"y\"", "", "", true, 0},
        {"| json | a=\"1\" |= \"z\"", "z", "", false, 0},
        {"| a=\"1\" | json | b=\"1\"", "", "a=1", false, 0},
        {"| line_format \"x\" |= \"z\" | a=\"1\"", "", "a=1", false, 0},
        {"| drop a | a=\"1\"", "", "", false, 0},
        {"| decolorize |= \"z\"", "", "", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct writer got = {0};
        uint32_t count;
        uint64_t bits[1];
        static const uint32_t starts[] = {0, 1};
        struct pipeline *p = compiled(cases[i].stages, &arena);
        const struct pipeline_needle *needles = pipeline_needles(p, &count);
        for (uint32_t n = 0; n < count; n++)
            writer_format(&got, "%s%.*s", n ? "," : "", (int)needles[n].text.len,
                          needles[n].text.at);
        writer_u8(&got, '\0');
        cr_expect_str_eq((char *)got.at, cases[i].needles, "%s", cases[i].stages);
        writer_reset(&got);
        const struct tsdb_label *equal = pipeline_equalities(p, &count);
        for (uint32_t n = 0; n < count; n++)
            writer_format(&got, "%s%.*s=%.*s", n ? "," : "", (int)equal[n].name.len,
                          equal[n].name.at, (int)equal[n].value.len, equal[n].value.at);
        writer_u8(&got, '\0');
        cr_expect_str_eq((char *)got.at, cases[i].equalities, "%s", cases[i].stages);
        cr_expect_eq(pipeline_is_plain(p), cases[i].is_plain, "%s", cases[i].stages);
        cr_expect_eq(pipeline_page(p, "\n", starts, 1, bits), cases[i].page, "%s", cases[i].stages);
        pipeline_free(p);
        writer_release(&got);
        arena_release(&arena);
    }
}

static void put_merged(struct pipeline_run *r, struct writer *out)
{
    struct tsdb_labels labels;
    struct tsdb_error err;
    cr_assert_eq(pipeline_merged(r, &labels, &err), TSDB_OK);
    case_put_labels(out, labels);
    writer_u8(out, '\0');
}

Test(pipeline, what_is_not_wanted_is_not_parsed)
{
    static const struct {
        const char *stages, *want, *line, *got;
    } cases[] = {
        {"| json", "b", "{\"a\":1,\"b\":2,\"c\":3}", " {app=x,b=2}"},
        {"| json", "b_c", "{\"a\":1,\"b\":{\"c\":2,\"d\":3}}", " {app=x,b_c=2}"},
        {"| json | a > 0", "b", "{\"a\":1,\"b\":2,\"c\":3}", " {a=1,app=x,b=2}"},
        {"| json", "b", "{\"a\":1,\"b\":2,broken", " {app=x,b=2}"},
        {"| json", "none", "{\"a\":1,\"b\":2}", " {app=x}"},
        {"| json", "app_extracted", "{\"app\":1,\"b\":2}", " {app=x,app_extracted=1}"},
        {"| json", "app", "{\"app\":1,\"b\":2}", " {app=x}"},
        {"| json | line_format \"{{.a}}\"", "b", "{\"a\":1,\"b\":2,\"c\":3}", " {a=1,app=x,b=2}"},
        {"| json | line_format \"{{.}}\"", "b", "{\"a\":1,\"b\":2}", " {a=1,app=x,b=2}"},
        {"| json | label_format z=a", "z", "{\"a\":1,\"b\":2}", " {app=x,z=1}"},
        {"| logfmt", "b", "a=1 b=2 c=3", " {app=x,b=2}"},
        {"| logfmt | json", "b", "a=1 b=2 c=3", " {app=x,b=2}"},
        {"| pattern \"<a> <b>\"", "b", "1 2", " {app=x,b=2}"},
        {"| regexp \"(?P<a>.) (?P<b>.)\"", "b", "1 2", " {app=x,b=2}"},
        {"| unpack", "b", "{\"a\":\"1\",\"b\":\"2\",\"_entry\":\"\"}", " {app=x,b=2}"},
        {"| json | __error__=\"\"", "b", "{\"b\":2,broken", "-"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct writer got = {0};
        struct tsdb_error err;
        struct tsdb_label stream = {text_of("app"), text_of("x")};
        struct tsdb_text want = text_of(cases[i].want);
        struct pipeline *p = compiled(cases[i].stages, &arena);
        pipeline_want(p, &want, 1);
        struct pipeline_run *r = pipeline_run_new(p, NULL);
        struct pipeline_entry entry = {.line = text_of(cases[i].line), .stream = {&stream, 1}};
        if (pipeline_entry(r, &entry, &err) == TSDB_OK)
            put_merged(r, &got);
        else
            writer_put(&got, "-", 2);
        cr_expect_str_eq((char *)got.at, cases[i].got, "%s want %s: %s", cases[i].stages,
                         cases[i].want, (char *)got.at);
        pipeline_run_free(r);
        pipeline_free(p);
        writer_release(&got);
        arena_release(&arena);
    }
}

static uint32_t lookups;

static bool counted_lookup(void *arg, struct tsdb_text name, struct tsdb_text *value)
{
    lookups++;
    return case_lookup(arg, name, value);
}

Test(pipeline, names_known_to_be_absent_are_not_looked_up)
{
    struct arena arena;
    struct case_labels metadata;
    struct tsdb_error err;
    case_labels_read("m=1", &metadata);
    struct pipeline *p = compiled("| json", &arena);
    struct pipeline_run *r = pipeline_run_new(p, NULL);
    struct pipeline_entry entry = {.line = text_of("{\"m\":2,\"n\":3}"),
                                   .lookup = counted_lookup,
                                   .each = case_each,
                                   .arg = &metadata};
    cr_assert_neq(label_name_bit(text_of("m")), label_name_bit(text_of("n")));
    for (int is_known = 0; is_known < 2; is_known++) {
        entry.absent = is_known ? ~(UINT64_C(1) << label_name_bit(text_of("m"))) : 0;
        lookups = 0;
        cr_assert_eq(pipeline_entry(r, &entry, &err), TSDB_OK);
        cr_expect_eq(lookups, is_known ? 1u : 2u);
        struct tsdb_text value = pipeline_label(r, text_of("m_extracted"));
        cr_expect(text_equal(value, text_of("2")));
    }
    pipeline_run_free(r);
    pipeline_free(p);
    arena_release(&arena);
}

Test(unwrap, cases)
{
    static const struct {
        const char *query, *line;
        double value;
        int outcome; /* 0 a sample, 1 none, 2 an error */
    } cases[] = {
        {"unwrap v", "v=1.5", 1.5, 0},
        {"unwrap v", "w=1.5", 0, 1},
        {"unwrap v", "v=abc", 0, 2},
        {"unwrap v | __error__=\"\"", "v=abc", 0, 1},
        {"unwrap v | v > 1", "v=1.5", 1.5, 0},
        {"unwrap v | v > 2", "v=1.5", 0, 1},
        {"unwrap duration(v)", "v=1m30s", 90, 0},
        {"unwrap duration_seconds(v)", "v=250ms", 0.25, 0},
        {"unwrap duration(v)", "v=5", 0, 2},
        {"unwrap bytes(v)", "v=2KiB", 2048, 0},
        {"unwrap bytes(v)", "v=\"1.5 MB\"", 1500000, 0},
        {"unwrap v", "v=-1e3", -1000, 0},
        {"unwrap v", "v=\"\"", 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct writer text = {0};
        struct logql q;
        struct tsdb_error err = {0};
        struct pipeline *p;
        struct unwrap *u;
        double value = -1;
        bool is_error = false;
        arena_init(&arena, 4 << 20, NULL);
        writer_format(&text, "sum_over_time({app=\"x\"} | logfmt | %s [1m])", cases[i].query);
        cr_assert_eq(
            logql_parse((struct tsdb_text){(char *)text.at, text.len}, &arena, NULL, &q, &err),
            TSDB_OK, "%s", err.msg);
        const struct log_range *range = q.metric->foreign.node;
        cr_assert_eq(pipeline_new(range->logs, &p, &err), TSDB_OK);
        cr_assert_eq(unwrap_new(range, &u, &err), TSDB_OK);
        struct pipeline_run *r = pipeline_run_new(p, NULL);
        struct pipeline_entry entry = {.line = text_of(cases[i].line)};
        cr_assert_eq(pipeline_entry(r, &entry, &err), TSDB_OK);
        enum tsdb_status st = pipeline_unwrap(r, u, &value, &is_error, &err);
        cr_expect_eq(st, cases[i].outcome == 1 ? TSDB_END : TSDB_OK, "%s", cases[i].query);
        cr_expect_eq(is_error, cases[i].outcome == 2, "%s", cases[i].query);
        if (cases[i].outcome == 0)
            cr_expect_eq(value, cases[i].value, "%s: %g", cases[i].query, value);
        unwrap_free(u);
        pipeline_run_free(r);
        pipeline_free(p);
        writer_release(&text);
        arena_release(&arena);
    }
}

static const char *const hostile_stages[] = {
    "| json",
    "| logfmt --keep-empty",
    "| pattern \"<a> <b> <c>\"",
    "| regexp \"(?P<a>\\\\w+)\"",
    "| unpack",
    "| decolorize",
    "| json a=\"x.y[0]\"",
    "| logfmt | line_format \"{{.a}} {{__line__}}\"",
    "|~ \"took.*x\"",
    "| json | keep a",
};

/* Goal: no line takes long or too much memory: 1 MB of whatever is worst for each stage. */
Test(pipeline, hostile_lines_take_their_length)
{
    static const char *const units[] = {"{\"a\":", "\"", "\\",       "a=",   "a b ", "\033[",
                                        "took ",   "[",  "a=\"x\" ", "\xff", "=",    "{\"k\":1,"};
    struct writer line = {0};
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        writer_reset(&line);
        if (u % 2)
            writer_text(&line, "{\"a\":\"");
        while (line.len < 1 << 20)
            writer_text(&line, units[u]);
        for (size_t s = 0; s < sizeof hostile_stages / sizeof hostile_stages[0]; s++) {
            struct arena arena;
            struct tsdb_error err;
            struct tsdb_labels labels;
            struct pipeline *p = compiled(hostile_stages[s], &arena);
            struct pipeline_run *r = pipeline_run_new(p, NULL);
            struct pipeline_entry entry = {.line = {(char *)line.at, line.len}};
            int64_t start = clock_mono_ns(clock_real());
            enum tsdb_status st = pipeline_entry(r, &entry, &err);
            if (st == TSDB_OK)
                cr_assert_eq(pipeline_merged(r, &labels, &err), TSDB_OK);
            int64_t took = clock_mono_ns(clock_real()) - start;
            cr_expect_lt(took, NS_PER_S, "%s of %s: %lld ms", hostile_stages[s], units[u],
                         (long long)(took / NS_PER_MS));
            pipeline_run_free(r);
            pipeline_free(p);
            arena_release(&arena);
        }
    }
    writer_release(&line);
}

Test(pipeline, labels_are_limited)
{
    for (int count = PIPELINE_LABELS_MAX; count <= PIPELINE_LABELS_MAX + 1; count++) {
        struct arena arena;
        struct writer line = {0};
        struct tsdb_error err;
        struct tsdb_labels labels;
        for (int i = 0; i < count; i++)
            writer_format(&line, "k%d=1 ", i);
        struct pipeline *p = compiled("| logfmt", &arena);
        struct pipeline_run *r = pipeline_run_new(p, NULL);
        struct pipeline_entry entry = {.line = {(char *)line.at, line.len}};
        cr_assert_eq(pipeline_entry(r, &entry, &err), TSDB_OK);
        cr_assert_eq(pipeline_merged(r, &labels, &err), TSDB_OK);
        bool is_over = count > PIPELINE_LABELS_MAX;
        cr_expect_eq(labels.count, PIPELINE_LABELS_MAX + (is_over ? 2u : 0u));
        cr_expect_eq(pipeline_error(r).len > 0, is_over);
        pipeline_run_free(r);
        pipeline_free(p);
        writer_release(&line);
        arena_release(&arena);
    }
}

Test(pipeline, a_spent_budget_is_said)
{
    struct arena arena;
    struct budget budget;
    struct tsdb_error err;
    struct writer line = {0};
    writer_text(&line, "a=\"");
    for (int i = 0; i < 100000; i++)
        writer_text(&line, "\\\"");
    writer_u8(&line, '"');
    struct pipeline *p = compiled("| logfmt", &arena);
    budget_init(&budget, 100000, NULL);
    struct pipeline_run *r = pipeline_run_new(p, &budget);
    struct pipeline_entry entry = {.line = {(char *)line.at, line.len}};
    cr_expect_eq(pipeline_entry(r, &entry, &err), TSDB_ELIMIT);
    entry.line = text_of("a=1");
    cr_expect_eq(pipeline_entry(r, &entry, &err), TSDB_OK, "the run goes on");
    pipeline_run_free(r);
    cr_expect_eq(budget_used(&budget), 0u);
    pipeline_free(p);
    writer_release(&line);
    arena_release(&arena);
}

Test(pipeline, attribute_names_become_label_names)
{
    static const char *const cases[][2] = {
        {"http.method", "http_method"},
        {"9z", "_9z"},
        {"a-b c", "a_b_c"},
        {"", ""},
        {"ok_1", "ok_1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct writer out = {0};
        label_name_of(text_of(cases[i][0]), &out);
        writer_u8(&out, '\0');
        cr_expect_str_eq((char *)out.at, cases[i][1]);
        writer_release(&out);
    }
}

/* Goal: a run leaves nothing of one entry to the next. */
Test(pipeline, entries_do_not_touch_each_other)
{
    static const char *const lines[] = {"a=1 b=2",     "{\"a\":1}", "",
                                        "c=\"x\\ny\"", "broken \"", "{\"b\":{\"c\":2}}"};
    struct arena arena;
    struct random rnd;
    random_init(&rnd, 11);
    struct pipeline *p =
        compiled("| logfmt | json | label_format d=\"{{.a}}{{.b_c}}\" | drop b", &arena);
    struct pipeline_run *shared = pipeline_run_new(p, NULL);
    for (int i = 0; i < 500; i++) {
        struct writer got = {0}, want = {0};
        struct tsdb_error err;
        struct pipeline_entry entry = {.line = text_of(lines[random_below(&rnd, 6)])};
        struct pipeline_run *fresh = pipeline_run_new(p, NULL);
        cr_assert_eq(pipeline_entry(shared, &entry, &err), TSDB_OK);
        cr_assert_eq(pipeline_entry(fresh, &entry, &err), TSDB_OK);
        put_merged(shared, &got);
        put_merged(fresh, &want);
        cr_assert_str_eq((char *)got.at, (char *)want.at);
        pipeline_run_free(fresh);
        writer_release(&got);
        writer_release(&want);
    }
    pipeline_run_free(shared);
    pipeline_free(p);
    arena_release(&arena);
}
