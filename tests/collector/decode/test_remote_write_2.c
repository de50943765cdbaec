/* Inputs are packed by protobuf-c from proto/remote_write_2.proto. */
#include "collector/decode/remote_write_2.h"

#include "collector/decode/remote_write.h"
#include "proto/remote_write.pb-c.h"
#include "proto/remote_write_2.pb-c.h"
#include "tests/collector/decode/collect.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;
static struct collect *seen;
static struct decode_tally tally;
static struct tsdb_error err;

static void set_up(void)
{
    arena_init(&arena, 64 << 20, NULL);
    seen = collect_new();
}

static void tear_down(void)
{
    collect_free(seen);
    arena_release(&arena);
}

TestSuite(remote_write_2, .init = set_up, .fini = tear_down);

enum { SYMBOLS = 10 };

struct one {
    Prw2__Request request;
    char *symbols[SYMBOLS];
    Prw2__TimeSeries series, *series_list[1];
    Prw2__Sample sample, *sample_list[1];
    Prw2__Exemplar exemplar, *exemplar_list[1];
    Prw2__Metadata metadata;
    uint32_t refs[8], exemplar_refs[2];
};

static char *text(const char *t)
{
    return (char *)(uintptr_t)t;
}

static void one_init(struct one *o)
{
    static const char *const symbols[SYMBOLS] = {
        "",  "__name__", "http_seconds_bucket", "job", "node", "trace_id", "abc", "Help.",
        "s", "le"};
    *o = (struct one){.refs = {1, 2, 3, 4}, .exemplar_refs = {5, 6}};
    prw2__request__init(&o->request);
    prw2__time_series__init(&o->series);
    prw2__sample__init(&o->sample);
    prw2__exemplar__init(&o->exemplar);
    prw2__metadata__init(&o->metadata);
    for (int i = 0; i < SYMBOLS; i++)
        o->symbols[i] = text(symbols[i]);
    o->request.symbols = o->symbols;
    o->request.n_symbols = SYMBOLS;
    o->series_list[0] = &o->series;
    o->request.timeseries = o->series_list;
    o->request.n_timeseries = 1;
    o->series.labels_refs = o->refs;
    o->series.n_labels_refs = 4;
    o->sample.value = 1.5;
    o->sample.timestamp = 1000;
    o->sample_list[0] = &o->sample;
    o->series.samples = o->sample_list;
    o->series.n_samples = 1;
    o->exemplar_list[0] = &o->exemplar;
    o->exemplar.labels_refs = o->exemplar_refs;
    o->exemplar.n_labels_refs = 2;
}

static enum tsdb_status decode_bytes(struct bytes in)
{
    struct decode_task task = collect_task(seen, &arena);
    seen->has_item = false;
    seen->items = 0;
    enum tsdb_status st = remote_write_2_decode(&task, in, &tally, &err);
    if (st == TSDB_OK) {
        cr_assert_eq(tally.received, tally.handed + tally_rejected(&tally));
        cr_assert_eq(tally.handed, seen->items);
    }
    return st;
}

static enum tsdb_status decode(const struct one *o)
{
    size_t len = prw2__request__get_packed_size(&o->request);
    uint8_t *at = mem_alloc(len);
    prw2__request__pack(&o->request, at);
    enum tsdb_status st = decode_bytes((struct bytes){at, len});
    mem_free(at);
    return st;
}

Test(remote_write_2, sample_exemplar_and_metadata)
{
    struct one o;
    one_init(&o);
    o.series.exemplars = o.exemplar_list;
    o.series.n_exemplars = 1;
    o.exemplar.value = 0.5;
    o.exemplar.timestamp = 999;
    o.metadata.type = PRW2__METADATA__METRIC_TYPE__HISTOGRAM;
    o.metadata.help_ref = 7;
    o.metadata.unit_ref = 8;
    o.series.metadata = &o.metadata;
    cr_assert_eq(decode(&o), TSDB_OK);
    cr_assert(collect_has(seen, "{__name__=\"http_seconds_bucket\",job=\"node\"} 1000000000 "
                                "3ff8000000000000"));
    cr_assert(collect_has(seen, "exemplar {__name__=\"http_seconds_bucket\",job=\"node\"} "
                                "999000000 0.5 {trace_id=\"abc\"}"));
    cr_assert(collect_has(seen, "metadata http_seconds 3 'Help.' 's'"));
    cr_assert_eq(tally.samples, 1);
    cr_assert_eq(tally.exemplars_handed, 1);
}

/* A sender that moves from 1.0 to 2.0 names the same series with the same keys. */
Test(remote_write_2, keys_are_those_of_1)
{
    struct one o;
    one_init(&o);
    cr_assert_eq(decode(&o), TSDB_OK);
    Prw__WriteRequest request = PRW__WRITE_REQUEST__INIT;
    Prw__TimeSeries series = PRW__TIME_SERIES__INIT, *list[] = {&series};
    Prw__Label name = PRW__LABEL__INIT, job = PRW__LABEL__INIT, *labels[] = {&name, &job};
    Prw__Sample sample = PRW__SAMPLE__INIT, *samples[] = {&sample};
    name.name = text("__name__");
    name.value = text("http_seconds_bucket");
    job.name = text("job");
    job.value = text("node");
    series.labels = labels;
    series.n_labels = 2;
    series.samples = samples;
    series.n_samples = 1;
    request.timeseries = list;
    request.n_timeseries = 1;
    uint8_t raw[256];
    size_t len = prw__write_request__pack(&request, raw);
    struct decode_task task = collect_task(seen, &arena);
    seen->has_item = false;
    cr_assert_eq(remote_write_decode(&task, (struct bytes){raw, len}, &tally, &err), TSDB_OK);
    cr_assert(hash_equal(seen->keys[0], seen->keys[1]));
}

/* What made Prometheus' handler panic. */
Test(remote_write_2, bad_references_refuse_the_series)
{
    struct one o;
    one_init(&o);
    o.refs[3] = SYMBOLS;
    cr_assert_eq(decode(&o), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_BAD_SYMBOL], 1);
    one_init(&o);
    o.refs[0] = UINT32_MAX;
    cr_assert_eq(decode(&o), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_BAD_SYMBOL], 1);
    one_init(&o);
    o.series.n_labels_refs = 3;
    cr_assert_eq(decode(&o), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_BAD_SYMBOL], 1, "odd");
    one_init(&o);
    o.request.n_symbols = 0;
    cr_assert_eq(decode(&o), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_BAD_SYMBOL], 1, "no table");
    one_init(&o);
    o.symbols[0] = text("x");
    cr_assert_eq(decode(&o), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_BAD_SYMBOL], 1, "symbols[0] is not empty");
    one_init(&o);
    o.series.exemplars = o.exemplar_list;
    o.series.n_exemplars = 1;
    o.exemplar_refs[0] = 77;
    o.metadata.type = PRW2__METADATA__METRIC_TYPE__GAUGE;
    o.metadata.help_ref = 77;
    o.series.metadata = &o.metadata;
    cr_assert_eq(decode(&o), TSDB_OK);
    cr_assert_eq(tally.handed, 1, "the sample is fine");
    cr_assert_eq(tally.exemplars_handed, 0);
    cr_assert_eq(tally.metadata, 0);
}

Test(remote_write_2, start_times_and_histograms)
{
    struct one o;
    one_init(&o);
    Prw2__Histogram h = PRW2__HISTOGRAM__INIT, *list[] = {&h};
    h.count_case = PRW2__HISTOGRAM__COUNT_COUNT_INT;
    h.count_int = 2;
    h.zero_count_case = PRW2__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_INT;
    h.zero_count_int = 2;
    h.timestamp = 2000;
    o.series.histograms = list;
    o.series.n_histograms = 1;
    cr_assert_eq(decode(&o), TSDB_OK);
    cr_assert_eq(tally.samples, 1);
    cr_assert_eq(tally.histograms, 1);
    h.count_int = 3;
    cr_assert_eq(decode(&o), TSDB_OK);
    cr_assert_eq(tally.rejected[DECODE_BAD_HISTOGRAM], 1);
    cr_assert_eq(tally.handed, 1);
}

static void forget(void)
{
    collect_free(seen);
    seen = collect_new();
}

/* Of each type, one sample with a start time: which count from it. */
Test(remote_write_2, start_times_are_of_what_counts)
{
    static const bool want[] = {false, true, false, true, false, true, false, false};
    for (int type = 0; type < 8; type++) {
        for (int variant = 0; variant < 3; variant++) {
            struct one o;
            one_init(&o);
            o.metadata.type = (Prw2__Metadata__MetricType)type;
            o.series.metadata = &o.metadata;
            o.sample.start_timestamp = 600;
            if (variant == 1)
                o.symbols[3] = text("quantile");
            if (variant == 2) {
                uint64_t bits = DECODE_STALE_BITS;
                memcpy(&o.sample.value, &bits, sizeof bits);
            }
            forget();
            cr_assert_eq(decode(&o), TSDB_OK);
            bool is_quantile = variant == 1 && type == TSDB_METRIC_SUMMARY;
            bool is_total = strstr(seen->lines[0], " total since 600000000") != NULL;
            cr_assert_eq(is_total, want[type] && !is_quantile && variant != 2, "type %d: %s", type,
                         seen->lines[0]);
        }
    }
    struct one o;
    one_init(&o);
    o.metadata.type = PRW2__METADATA__METRIC_TYPE__COUNTER;
    o.series.metadata = &o.metadata;
    forget();
    cr_assert_eq(decode(&o), TSDB_OK);
    cr_assert_null(strstr(seen->lines[0], "total"), "no start time");
}

Test(remote_write_2, native_histograms_count_unless_they_are_gauges)
{
    struct one o;
    Prw2__Histogram h = PRW2__HISTOGRAM__INIT, *list[] = {&h};
    one_init(&o);
    h.count_case = PRW2__HISTOGRAM__COUNT_COUNT_INT;
    h.zero_count_case = PRW2__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_INT;
    h.timestamp = 2000;
    h.start_timestamp = 600;
    o.series.n_samples = 0;
    o.series.histograms = list;
    o.series.n_histograms = 1;
    for (int hint = 0; hint < 4; hint++) {
        for (int type = 0; type < 6; type++) {
            o.metadata.type = (Prw2__Metadata__MetricType)type;
            o.series.metadata = type > 0 ? &o.metadata : NULL;
            h.reset_hint = (Prw2__Histogram__ResetHint)hint;
            forget();
            cr_assert_eq(decode(&o), TSDB_OK);
            bool is_gauge = hint == TSDB_RESET_GAUGE || type == TSDB_METRIC_GAUGE ||
                            type == TSDB_METRIC_GAUGEHISTOGRAM;
            bool is_total = strstr(seen->lines[0], " total since 600000000") != NULL;
            cr_assert_eq(is_total, !is_gauge, "hint %d type %d: %s", hint, type, seen->lines[0]);
        }
    }
}

/* Legal protobuf: the table after the series that use it. */
Test(remote_write_2, symbols_may_come_last)
{
    static const uint8_t in[] = {0x2a, 17,   0x0a, 2, 1,    2, 0x12, 11, 0x09, 0,    0, 0,  0, 0, 0,
                                 0xf0, 0x3f, 0x10, 1, 0x22, 0, 0x22, 1,  'a',  0x22, 1, 'b'};
    cr_assert_eq(decode_bytes((struct bytes){in, sizeof in}), TSDB_OK);
    cr_assert_str_eq(seen->lines[0], "{a=\"b\"} 1000000 3ff0000000000000");
}

Test(remote_write_2, every_truncation_is_an_answer)
{
    struct one o;
    one_init(&o);
    size_t len = prw2__request__get_packed_size(&o.request);
    uint8_t *at = mem_alloc(len);
    prw2__request__pack(&o.request, at);
    for (size_t cut = 1; cut < len; cut++) {
        uint8_t *copy = mem_alloc(cut);
        memcpy(copy, at, cut);
        (void)decode_bytes((struct bytes){copy, cut});
        mem_free(copy);
    }
    mem_free(at);
}
