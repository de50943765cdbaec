/* Expectations: OpenTelemetry specification, "Prometheus and OpenMetrics
 * compatibility", and the names that Prometheus 3 gives the same metrics. */
#include "collector/decode/otlp_names.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <string.h>

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena, 1 << 20, NULL);
}

static void tear_down(void)
{
    arena_release(&arena);
}

TestSuite(otlp_names, .init = set_up, .fini = tear_down);

struct metric_case {
    const char *name, *unit;
    enum otlp_type type;
    const char *escaped, *plain, *utf8;
};

static const struct metric_case metrics[] = {
    {"http.server.duration", "s", OTLP_OTHER, "http_server_duration_seconds",
     "http_server_duration", "http.server.duration_seconds"},
    {"requests", "1", OTLP_COUNTER, "requests_total", "requests", "requests_total"},
    {"requests.total", "", OTLP_COUNTER, "requests_total", "requests_total", "requests_total"},
    {"total.requests", "", OTLP_COUNTER, "requests_total", "total_requests",
     "total.requests_total"},
    {"load", "1", OTLP_GAUGE, "load_ratio", "load", "load_ratio"},
    {"load", "1", OTLP_OTHER, "load", "load", "load"},
    {"io", "By/s", OTLP_GAUGE, "io_bytes_per_second", "io", "io_bytes_per_second"},
    {"io", "{packet}/s", OTLP_GAUGE, "io_per_second", "io", "io_per_second"},
    {"speed", "m/m", OTLP_GAUGE, "speed_meters_per_minute", "speed", "speed_meters_per_minute"},
    {"queue", "{item}", OTLP_GAUGE, "queue", "queue", "queue"},
    {"size_bytes", "By", OTLP_GAUGE, "size_bytes", "size_bytes", "size_bytes"},
    {"cpu.time", "ms", OTLP_COUNTER, "cpu_time_milliseconds_total", "cpu_time",
     "cpu.time_milliseconds_total"},
    {"a..b__c", "", OTLP_GAUGE, "a_b_c", "a_b__c", "a..b__c"},
    {"2xx", "", OTLP_GAUGE, "_2xx", "_2xx", "2xx"},
    {"disk", "KiBy", OTLP_GAUGE, "disk_kibibytes", "disk", "disk_kibibytes"},
    {"disk", "widgets", OTLP_GAUGE, "disk_widgets", "disk", "disk_widgets"},
    {"fill", "%", OTLP_GAUGE, "fill_percent", "fill", "fill_percent"},
    {"odd", "a b/c-d", OTLP_GAUGE, "odd_a_b_per_c_d", "odd", "odd_a b_per_c-d"},
};

static void expect(struct tsdb_text got, const char *want, const char *what)
{
    cr_assert(text_equal(got, text_of(want)), "%s: got %.*s, want %s", what, (int)got.len, got.at,
              want);
}

Test(otlp_names, metrics)
{
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        const struct metric_case *c = &metrics[i];
        struct tsdb_text name = text_of(c->name), unit = text_of(c->unit);
        expect(otlp_metric_name(OTLP_UNDERSCORE_WITH_SUFFIXES, name, unit, c->type, &arena),
               c->escaped, c->name);
        expect(otlp_metric_name(OTLP_UNDERSCORE, name, unit, c->type, &arena), c->plain, c->name);
        expect(otlp_metric_name(OTLP_UTF8_WITH_SUFFIXES, name, unit, c->type, &arena), c->utf8,
               c->name);
        expect(otlp_metric_name(OTLP_UTF8, name, unit, c->type, &arena), c->name, c->name);
    }
}

Test(otlp_names, labels)
{
    static const struct {
        const char *key, *want;
    } cases[] = {
        {"http.method", "http_method"},
        {"already_good", "already_good"},
        {"2nd", "key_2nd"},
        {"_one", "key_one"},
        {"__two", "__two"},
        {"a:b", "a_b"},
        {"caf\xc3\xa9", "caf_"},
        {"Capital", "Capital"},
        {"a-b/c d", "a_b_c_d"},
        {".x", "key_x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tsdb_text key = text_of(cases[i].key);
        expect(otlp_label_name(OTLP_UNDERSCORE, key, &arena), cases[i].want, cases[i].key);
        expect(otlp_label_name(OTLP_UTF8, key, &arena), cases[i].key, cases[i].key);
    }
}

Test(otlp_names, units_in_words)
{
    expect(otlp_unit_name(text_of("By/s"), &arena), "bytes_per_second", "By/s");
    expect(otlp_unit_name(text_of("1"), &arena), "", "1");
    expect(otlp_unit_name(text_of(""), &arena), "", "none");
    expect(otlp_unit_name(text_of("/h"), &arena), "per_hour", "/h");
}

Test(otlp_names, strategies_by_name)
{
    enum otlp_strategy s = OTLP_UTF8;
    cr_assert(otlp_strategy_parse(text_of("UnderscoreEscapingWithSuffixes"), &s));
    cr_assert_eq(s, OTLP_UNDERSCORE_WITH_SUFFIXES);
    cr_assert(otlp_strategy_parse(text_of("UnderscoreEscapingWithoutSuffixes"), &s));
    cr_assert_eq(s, OTLP_UNDERSCORE);
    cr_assert(otlp_strategy_parse(text_of("NoUTF8EscapingWithSuffixes"), &s));
    cr_assert_eq(s, OTLP_UTF8_WITH_SUFFIXES);
    cr_assert(otlp_strategy_parse(text_of("NoTranslation"), &s));
    cr_assert_eq(s, OTLP_UTF8);
    cr_assert_not(otlp_strategy_parse(text_of("Underscore"), &s));
}

Test(otlp_names, a_full_arena_is_told)
{
    struct arena none;
    arena_init(&none, 4, NULL);
    cr_assert_null(otlp_metric_name(OTLP_UNDERSCORE_WITH_SUFFIXES, text_of("a.b"), text_of("s"),
                                    OTLP_GAUGE, &none)
                       .at);
    cr_assert_null(otlp_label_name(OTLP_UNDERSCORE, text_of("a.b.c.d.e"), &none).at);
    arena_release(&none);
}
