/* Inputs are packed by protobuf-c from proto/remote_write.proto: another writer
 * than the reader under test. */
#include "collector/decode/remote_write.h"

#include "proto/remote_write.pb-c.h"
#include "tests/collector/decode/collect.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define STALE_BITS UINT64_C(0x7ff0000000000002)

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

TestSuite(remote_write, .init = set_up, .fini = tear_down);

static enum tsdb_status decode(struct bytes in)
{
    struct decode_task task = collect_task(seen, &arena);
    seen->has_item = false;
    seen->items = 0;
    enum tsdb_status st = remote_write_decode(&task, in, &tally, &err);
    if (st == TSDB_OK) {
        cr_assert_eq(tally.received, tally.handed + tally_rejected(&tally));
        cr_assert_eq(tally.handed, seen->items);
    }
    return st;
}

static enum tsdb_status decode_request(const Prw__WriteRequest *request)
{
    size_t len = prw__write_request__get_packed_size(request);
    uint8_t *at = mem_alloc(len);
    prw__write_request__pack(request, at);
    struct bytes in = {at, len};
    enum tsdb_status st = decode(in);
    mem_free(at);
    return st;
}

static void label(Prw__Label *l, const char *name, const char *value)
{
    prw__label__init(l);
    l->name = (char *)(uintptr_t)name;
    l->value = (char *)(uintptr_t)value;
}

struct one_series {
    Prw__WriteRequest request;
    Prw__TimeSeries series, *series_list[1];
    Prw__Label labels[3], *label_list[3];
    Prw__Sample sample, *sample_list[1];
};

static void one_series_init(struct one_series *o, double value, int64_t ts_ms)
{
    prw__write_request__init(&o->request);
    prw__time_series__init(&o->series);
    prw__sample__init(&o->sample);
    label(&o->labels[0], "__name__", "up");
    label(&o->labels[1], "instance", "host:9100");
    label(&o->labels[2], "job", "node");
    for (int i = 0; i < 3; i++)
        o->label_list[i] = &o->labels[i];
    o->series.labels = o->label_list;
    o->series.n_labels = 3;
    o->sample.value = value;
    o->sample.timestamp = ts_ms;
    o->sample_list[0] = &o->sample;
    o->series.samples = o->sample_list;
    o->series.n_samples = 1;
    o->series_list[0] = &o->series;
    o->request.timeseries = o->series_list;
    o->request.n_timeseries = 1;
}

Test(remote_write, hands_over_one_sample)
{
    struct one_series o;
    one_series_init(&o, 1.5, 1700000000123);
    cr_assert_eq(decode_request(&o.request), TSDB_OK);
    cr_assert_eq(seen->count, 1);
    cr_assert_str_eq(seen->lines[0], "{__name__=\"up\",instance=\"host:9100\",job=\"node\"} "
                                     "1700000000123000000 3ff8000000000000");
    cr_assert_eq(tally.samples, 1);
}

Test(remote_write, key_of_sorted_labels_is_the_canonical_hash)
{
    struct one_series o;
    one_series_init(&o, 1, 1);
    cr_assert_eq(decode_request(&o.request), TSDB_OK);
    uint8_t run[256];
    size_t len = 0;
    for (int i = 0; i < 3; i++) { /* the wire form that tsdb_labels_hash defines */
        size_t n = strlen(o.labels[i].name), v = strlen(o.labels[i].value);
        run[len++] = 0x0a;
        run[len++] = (uint8_t)(n + v + 4);
        run[len++] = 0x0a;
        run[len++] = (uint8_t)n;
        memcpy(run + len, o.labels[i].name, n);
        len += n;
        run[len++] = 0x12;
        run[len++] = (uint8_t)v;
        memcpy(run + len, o.labels[i].value, v);
        len += v;
    }
    struct tsdb_hash want = hash128(42, run, len);
    cr_assert(hash_equal(seen->keys[0], want));
}

Test(remote_write, values_are_bit_exact)
{
    static const uint64_t bits[] = {STALE_BITS, 0x7ff8000000000001, 1, 0x3fb999999999999a};
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        struct one_series o;
        double v;
        memcpy(&v, &bits[i], sizeof v);
        one_series_init(&o, v, 5);
        cr_assert_eq(decode_request(&o.request), TSDB_OK);
        char want[64];
        (void)snprintf(want, sizeof want, " 5000000 %016llx", (unsigned long long)bits[i]);
        cr_assert(strstr(seen->lines[seen->count - 1], want), "%s", seen->lines[seen->count - 1]);
    }
}

Test(remote_write, times_past_the_range_are_clamped)
{
    struct one_series o;
    one_series_init(&o, 1, INT64_MAX);
    cr_assert_eq(decode_request(&o.request), TSDB_OK);
    o.sample.timestamp = INT64_MIN;
    cr_assert_eq(decode_request(&o.request), TSDB_OK);
    cr_assert(strstr(seen->lines[0], "9223372036854775807"));
    cr_assert(strstr(seen->lines[1], "-9223372036854775808"));
}

/* Labels before, between and after the sample name one series all the same. */
Test(remote_write, labels_may_lie_in_pieces)
{
    static const uint8_t split[] = {0x0a, 27,                                     /* TimeSeries */
                                    0x0a, 6,    0x0a, 1,    'a', 0x12, 1,    '1', /* a=1 */
                                    0x12, 9,    0x09, 0,    0,   0,    0,    0,   0,  0xf0,
                                    0x3f, 0x0a, 6,    0x0a, 1,   'b',  0x12, 1,   '2'};
    static const uint8_t whole[] = {0x0a, 27, 0x0a, 6, 0x0a, 1,    'a', 0x12, 1,    '1',
                                    0x0a, 6,  0x0a, 1, 'b',  0x12, 1,   '2',  0x12, 9,
                                    0x09, 0,  0,    0, 0,    0,    0,   0xf0, 0x3f};
    cr_assert_eq(decode((struct bytes){split, sizeof split}), TSDB_OK);
    struct tsdb_hash key = seen->keys[0];
    cr_assert_str_eq(seen->lines[0], "{a=\"1\",b=\"2\"} 0 3ff0000000000000");
    cr_assert_eq(decode((struct bytes){whole, sizeof whole}), TSDB_OK);
    cr_assert(hash_equal(key, seen->keys[1]));
}

Test(remote_write, many_samples_cross_batches)
{
    struct one_series o;
    one_series_init(&o, 1, 1);
    enum { MANY = 2500 };
    Prw__Sample **list = MEM_ARRAY(Prw__Sample *, MANY);
    for (int i = 0; i < MANY; i++) {
        list[i] = MEM_NEW(Prw__Sample);
        prw__sample__init(list[i]);
        list[i]->value = i;
        list[i]->timestamp = i;
    }
    o.series.samples = list;
    o.series.n_samples = MANY;
    cr_assert_eq(decode_request(&o.request), TSDB_OK);
    cr_assert_eq(seen->count, MANY);
    cr_assert_eq(seen->batches, 3);
    cr_assert_eq(tally.handed, MANY);
    for (int i = 0; i < MANY; i++)
        mem_free(list[i]);
    mem_free(list);
}

Test(remote_write, metadata_alone_is_fine)
{
    Prw__WriteRequest request = PRW__WRITE_REQUEST__INIT;
    Prw__MetricMetadata m = PRW__METRIC_METADATA__INIT, *list[] = {&m};
    m.type = PRW__METRIC_METADATA__METRIC_TYPE__COUNTER;
    m.metric_family_name = (char[]){"http_requests_total"};
    m.help = (char[]){"Requests."};
    m.unit = (char[]){"requests"};
    request.metadata = list;
    request.n_metadata = 1;
    cr_assert_eq(decode_request(&request), TSDB_OK);
    cr_assert_str_eq(seen->lines[0], "metadata http_requests_total 1 'Requests.' 'requests'");
    cr_assert_eq(tally.received, 0);
    cr_assert_eq(tally.metadata, 1);
}

Test(remote_write, empty_request_is_fine)
{
    cr_assert_eq(decode((struct bytes){(const uint8_t *)"", 0}), TSDB_OK);
    cr_assert_eq(seen->batches, 0);
}

/* Prometheus sends the exemplar as a series of its own, after the sample's. */
Test(remote_write, exemplar_of_a_series_without_sample_finds_it)
{
    struct one_series o;
    one_series_init(&o, 1, 1000);
    Prw__TimeSeries apart = o.series, *series[] = {&o.series, &apart};
    Prw__Exemplar e = PRW__EXEMPLAR__INIT, *list[] = {&e};
    Prw__Label trace, *trace_list[] = {&trace};
    label(&trace, "trace_id", "abc");
    e.labels = trace_list;
    e.n_labels = 1;
    e.value = 0.25;
    e.timestamp = 999;
    apart.n_samples = 0;
    apart.exemplars = list;
    apart.n_exemplars = 1;
    o.request.timeseries = series;
    o.request.n_timeseries = 2;
    cr_assert_eq(decode_request(&o.request), TSDB_OK);
    cr_assert(collect_has(seen, "exemplar {__name__=\"up\",instance=\"host:9100\",job=\"node\"} "
                                "999000000 0.25 {trace_id=\"abc\"}"));
    cr_assert_eq(tally.exemplars, 1);
    cr_assert_eq(tally.exemplars_handed, 1);
    o.request.timeseries = series + 1;
    o.request.n_timeseries = 1;
    cr_assert_eq(decode_request(&o.request), TSDB_OK);
    cr_assert_eq(tally.exemplars, 1);
    cr_assert_eq(tally.exemplars_handed, 0, "no sample, nothing to hang it on");
}

Test(remote_write, native_histograms_become_absolute)
{
    struct one_series o;
    one_series_init(&o, 1, 1000);
    Prw__Histogram h = PRW__HISTOGRAM__INIT, *list[] = {&h};
    Prw__BucketSpan s0 = PRW__BUCKET_SPAN__INIT, s1 = PRW__BUCKET_SPAN__INIT;
    Prw__BucketSpan *spans[] = {&s0, &s1};
    int64_t deltas[] = {2, -1, 3};
    s0.offset = -1;
    s0.length = 2;
    s1.offset = 3;
    s1.length = 1;
    h.count_case = PRW__HISTOGRAM__COUNT_COUNT_INT;
    h.count_int = 8;
    h.zero_count_case = PRW__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_INT;
    h.zero_count_int = 1;
    h.zero_threshold = 0.5;
    h.sum = 12;
    h.schema = 3;
    h.timestamp = 1000;
    h.positive_spans = spans;
    h.n_positive_spans = 2;
    h.positive_deltas = deltas;
    h.n_positive_deltas = 3;
    h.reset_hint = PRW__HISTOGRAM__RESET_HINT__NO;
    o.series.n_samples = 0;
    o.series.histograms = list;
    o.series.n_histograms = 1;
    cr_assert_eq(decode_request(&o.request), TSDB_OK);
    cr_assert_str_eq(seen->lines[0],
                     "{__name__=\"up\",instance=\"host:9100\",job=\"node\"} 1000000000 "
                     "hi schema=3 hint=2 count=8 sum=4028000000000000 zero=1<=0.5 | -1:2 0:1 4:4 "
                     "|");
    cr_assert_eq(tally.histograms, 1);

    h.count_int = 9; /* one more than the buckets hold */
    cr_assert_eq(decode_request(&o.request), TSDB_OK);
    cr_assert_eq(tally.handed, 0);
    cr_assert_eq(tally.rejected[DECODE_BAD_HISTOGRAM], 1);
    cr_assert_str_eq(tally.message, "native histogram: count is not the sum of the buckets");
}

Test(remote_write, every_truncation_is_an_answer)
{
    struct one_series o;
    one_series_init(&o, 1, 1000);
    size_t len = prw__write_request__get_packed_size(&o.request);
    uint8_t *at = mem_alloc(len);
    prw__write_request__pack(&o.request, at);
    for (size_t cut = 1; cut < len; cut++) {
        uint8_t *copy = mem_alloc(cut); /* exactly as long, so that ASan sees a step past it */
        memcpy(copy, at, cut);
        cr_assert_eq(decode((struct bytes){copy, cut}), TSDB_ECORRUPT, "cut at %zu", cut);
        cr_assert_eq(seen->count, 0);
        mem_free(copy);
    }
    mem_free(at);
}

Test(remote_write, refuses_more_items_than_allowed)
{
    struct one_series o;
    one_series_init(&o, 1, 1000);
    Prw__TimeSeries *twice[] = {&o.series, &o.series};
    o.request.timeseries = twice;
    o.request.n_timeseries = 2;
    size_t len = prw__write_request__get_packed_size(&o.request);
    uint8_t *at = mem_alloc(len);
    prw__write_request__pack(&o.request, at);
    struct decode_task task = collect_task(seen, &arena);
    task.items_max = 2;
    cr_assert_eq(remote_write_decode(&task, (struct bytes){at, len}, &tally, &err), TSDB_OK);
    task.items_max = 1;
    cr_assert_eq(remote_write_decode(&task, (struct bytes){at, len}, &tally, &err), TSDB_EINVAL);
    cr_assert_str_eq(err.msg, "remote write request: more than 1 items");
    mem_free(at);
}

Test(remote_write, ends_with_what_the_sink_answers)
{
    struct one_series o;
    one_series_init(&o, 1, 1000);
    seen->answer = TSDB_EIO;
    cr_assert_eq(decode_request(&o.request), TSDB_EIO);
    cr_assert_eq(tally.handed, 0);
}

Test(remote_write, memory_comes_out_of_the_budget)
{
    struct budget budget;
    budget_init(&budget, 1 << 10, NULL);
    struct arena small;
    arena_init(&small, 64 << 20, &budget);
    struct decode_task task = collect_task(seen, &small);
    static const uint8_t series[] = {0x0a, 0};
    cr_assert_eq(remote_write_decode(&task, (struct bytes){series, 2}, &tally, &err), TSDB_ELIMIT);
    arena_release(&small);
    cr_assert_eq(budget_used(&budget), 0);
}
