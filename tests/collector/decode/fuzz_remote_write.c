/* Remote write 1.0 against protobuf-c: same accept, same points. */
#include "collector/decode/native_histogram.h"
#include "collector/decode/remote_write.h"
#include "proto/remote_write.pb-c.h"
#include "tests/collector/decode/oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* ---- building ---------------------------------------------------------------------- */

static Prw__Label **build_labels(struct entropy *e, size_t *count)
{
    *count = entropy_below(e, 4);
    Prw__Label **list = ORACLE_ARRAY(Prw__Label *, *count);
    for (size_t i = 0; i < *count; i++) {
        list[i] = ORACLE_NEW(Prw__Label);
        prw__label__init(list[i]);
        list[i]->name = entropy_text(e);
        list[i]->value = entropy_text(e);
    }
    return list;
}

static Prw__Histogram *build_histogram(struct entropy *e)
{
    Prw__Histogram *h = ORACLE_NEW(Prw__Histogram);
    prw__histogram__init(h);
    size_t buckets = entropy_below(e, 4);
    int64_t running = 0;
    uint64_t total = 0;
    h->schema = (int32_t)entropy_below(e, 12) - 4;
    h->timestamp = (int64_t)entropy_u64(e);
    h->sum = entropy_double(e);
    h->n_positive_spans = 1;
    h->positive_spans = ORACLE_ARRAY(Prw__BucketSpan *, 1);
    h->positive_spans[0] = ORACLE_NEW(Prw__BucketSpan);
    prw__bucket_span__init(h->positive_spans[0]);
    h->positive_spans[0]->length = (uint32_t)buckets;
    h->positive_spans[0]->offset = (int32_t)entropy_u8(e) - 128;
    h->positive_deltas = ORACLE_ARRAY(int64_t, buckets);
    h->n_positive_deltas = buckets;
    for (size_t i = 0; i < buckets; i++) {
        h->positive_deltas[i] = (int64_t)entropy_below(e, 5) - (i > 0 ? 2 : 0);
        running += h->positive_deltas[i];
        total += (uint64_t)running;
    }
    h->count_case = PRW__HISTOGRAM__COUNT_COUNT_INT;
    h->count_int = total + (entropy_u8(e) == 77);
    return h;
}

static Prw__TimeSeries *build_series(struct entropy *e)
{
    Prw__TimeSeries *s = ORACLE_NEW(Prw__TimeSeries);
    prw__time_series__init(s);
    s->labels = build_labels(e, &s->n_labels);
    s->n_samples = entropy_below(e, 3);
    s->samples = ORACLE_ARRAY(Prw__Sample *, s->n_samples);
    for (size_t i = 0; i < s->n_samples; i++) {
        s->samples[i] = ORACLE_NEW(Prw__Sample);
        prw__sample__init(s->samples[i]);
        s->samples[i]->value = entropy_double(e);
        s->samples[i]->timestamp = (int64_t)entropy_u64(e);
    }
    s->n_histograms = entropy_below(e, 8) == 7;
    s->histograms = ORACLE_ARRAY(Prw__Histogram *, 1);
    if (s->n_histograms)
        s->histograms[0] = build_histogram(e);
    s->n_exemplars = entropy_below(e, 8) == 7;
    s->exemplars = ORACLE_ARRAY(Prw__Exemplar *, 1);
    if (s->n_exemplars) {
        s->exemplars[0] = ORACLE_NEW(Prw__Exemplar);
        prw__exemplar__init(s->exemplars[0]);
        s->exemplars[0]->labels = build_labels(e, &s->exemplars[0]->n_labels);
        s->exemplars[0]->value = entropy_double(e);
    }
    return s;
}

static struct bytes build(struct entropy *e)
{
    Prw__WriteRequest request = PRW__WRITE_REQUEST__INIT;
    request.n_timeseries = entropy_below(e, 4);
    request.timeseries = ORACLE_ARRAY(Prw__TimeSeries *, request.n_timeseries);
    for (size_t i = 0; i < request.n_timeseries; i++)
        request.timeseries[i] = build_series(e);
    Prw__MetricMetadata m = PRW__METRIC_METADATA__INIT, *list[] = {&m};
    m.metric_family_name = entropy_text(e);
    m.help = entropy_text(e);
    m.type = (Prw__MetricMetadata__MetricType)entropy_below(e, 8);
    request.metadata = list;
    request.n_metadata = entropy_below(e, 4) == 3;
    size_t len = prw__write_request__get_packed_size(&request);
    uint8_t *at = ORACLE_ARRAY(uint8_t, len);
    prw__write_request__pack(&request, at);
    oracle_damage(e, at, len);
    return (struct bytes){at, len};
}

/* ---- what protobuf-c read, as lines -------------------------------------------------- */

static struct tsdb_labels labels_of(Prw__Label **list, size_t count)
{
    struct tsdb_label *labels = ORACLE_ARRAY(struct tsdb_label, count);
    for (size_t i = 0; i < count; i++)
        labels[i] = (struct tsdb_label){text_of(list[i]->name), text_of(list[i]->value)};
    return (struct tsdb_labels){labels, (uint32_t)count};
}

static struct tsdb_bucket_span *spans_of(Prw__BucketSpan **list, size_t count)
{
    struct tsdb_bucket_span *spans = ORACLE_ARRAY(struct tsdb_bucket_span, count);
    for (size_t i = 0; i < count; i++)
        spans[i] = (struct tsdb_bucket_span){list[i]->offset, list[i]->length};
    return spans;
}

static bool absolute(const int64_t *deltas, size_t count, double **out)
{
    int64_t running = 0;
    *out = ORACLE_ARRAY(double, count);
    for (size_t i = 0; i < count; i++) {
        if (__builtin_add_overflow(running, deltas[i], &running) || running < 0 ||
            running > INT64_C(1) << 53)
            return false;
        (*out)[i] = (double)running;
    }
    return true;
}

/* False when it is not a valid histogram. */
static bool histogram_of(const Prw__Histogram *h, struct tsdb_histogram *out)
{
    double *positive = h->positive_counts, *negative = h->negative_counts;
    *out = (struct tsdb_histogram){.schema = h->schema,
                                   .hint = h->reset_hint <= 3 ? (uint8_t)h->reset_hint : 0,
                                   .is_float = h->count_case == PRW__HISTOGRAM__COUNT_COUNT_FLOAT,
                                   .zero_threshold = h->zero_threshold,
                                   .sum = h->sum};
    bool is_zero_float = h->zero_count_case == PRW__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_FLOAT;
    bool is_zero_int = h->zero_count_case == PRW__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_INT;
    if (out->is_float) {
        out->count = h->count_float;
        out->zero_count = is_zero_float ? h->zero_count_float : 0;
        out->positive_count = (uint32_t)h->n_positive_counts;
        out->negative_count = (uint32_t)h->n_negative_counts;
    } else {
        uint64_t count = h->count_case == PRW__HISTOGRAM__COUNT_COUNT_INT ? h->count_int : 0;
        uint64_t zero = is_zero_int ? h->zero_count_int : 0;
        if (count > UINT64_C(1) << 53 || zero > UINT64_C(1) << 53)
            return false;
        out->count = (double)count;
        out->zero_count = (double)zero;
        out->positive_count = (uint32_t)h->n_positive_deltas;
        out->negative_count = (uint32_t)h->n_negative_deltas;
        if (!absolute(h->positive_deltas, h->n_positive_deltas, &positive) ||
            !absolute(h->negative_deltas, h->n_negative_deltas, &negative))
            return false;
    }
    out->positive = positive;
    out->negative = negative;
    out->positive_span_count = (uint32_t)h->n_positive_spans;
    out->positive_spans = spans_of(h->positive_spans, h->n_positive_spans);
    out->negative_span_count = (uint32_t)h->n_negative_spans;
    out->negative_spans = spans_of(h->negative_spans, h->n_negative_spans);
    out->custom = h->custom_values;
    out->custom_count = (uint32_t)h->n_custom_values;
    return native_histogram_check(out) == NULL;
}

static void put_series(struct collect *c, const Prw__TimeSeries *s, struct writer *w)
{
    struct tsdb_labels labels = labels_of(s->labels, s->n_labels);
    for (size_t i = 0; i < s->n_samples; i++) {
        collect_labels(w, labels);
        int64_t ns;
        if (__builtin_mul_overflow(s->samples[i]->timestamp, INT64_C(1000000), &ns))
            ns = s->samples[i]->timestamp < 0 ? INT64_MIN : INT64_MAX;
        writer_format(w, " %lld %016llx", (long long)ns,
                      (unsigned long long)collect_bits(s->samples[i]->value));
        collect_line(c, w);
    }
    for (size_t i = 0; i < s->n_histograms; i++) {
        struct tsdb_histogram h;
        int64_t ns;
        if (!histogram_of(s->histograms[i], &h))
            continue;
        if (__builtin_mul_overflow(s->histograms[i]->timestamp, INT64_C(1000000), &ns))
            ns = s->histograms[i]->timestamp < 0 ? INT64_MIN : INT64_MAX;
        collect_labels(w, labels);
        writer_format(w, " %lld ", (long long)ns);
        collect_histogram(w, &h);
        collect_line(c, w);
    }
}

static void put_metadata(struct collect *c, const Prw__MetricMetadata *m, struct writer *w)
{
    int type = m->type >= 0 && m->type <= 7 ? (int)m->type : 0;
    if (!*m->metric_family_name)
        return;
    writer_format(w, "metadata %s %d '%s' '%s'", m->metric_family_name, type, m->help, m->unit);
    collect_line(c, w);
}

/* Exemplars depend on which samples share a batch: tests look at them, not this. */
static void drop_exemplars(struct collect *c)
{
    uint32_t have = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        if (strncmp(c->lines[i], "exemplar", 8) == 0)
            mem_free(c->lines[i]);
        else
            c->lines[have++] = c->lines[i];
    }
    c->count = have;
}

static void check(struct bytes in)
{
    struct arena arena;
    struct collect *got = collect_new(), *want = collect_new();
    struct decode_tally tally;
    struct writer w = {0};
    arena_init(&arena, (size_t)64 << 20, NULL);
    struct decode_task task = collect_task(got, &arena);
    enum tsdb_status st = remote_write_decode(&task, in, &tally, NULL);
    if (st == TSDB_OK) {
        ASSERT(tally.received == tally.handed + tally_rejected(&tally));
        ASSERT(tally.handed == got->items);
    }
    Prw__WriteRequest *r =
        oracle_may_see(in) ? prw__write_request__unpack(NULL, in.len, in.at) : NULL;
    if (r) {
        ASSERT(st == TSDB_OK || oracle_has_long_varint(in));
        for (size_t i = 0; i < r->n_timeseries; i++)
            put_series(want, r->timeseries[i], &w);
        for (size_t i = 0; i < r->n_metadata; i++)
            put_metadata(want, r->metadata[i], &w);
        drop_exemplars(got);
        if (st == TSDB_OK && !got->has_nul)
            oracle_compare(got, want);
        prw__write_request__free_unpacked(r, NULL);
    } /* what protobuf-c refuses may pass here: labels are read when they are asked for */
    writer_release(&w);
    collect_free(got);
    collect_free(want);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct entropy e = {data, len};
    if (len == 0)
        return 0;
    arena_reset(oracle_arena());
    if (entropy_u8(&e) & 1)
        check(build(&e));
    else
        check((struct bytes){e.at, e.len});
    return 0;
}
