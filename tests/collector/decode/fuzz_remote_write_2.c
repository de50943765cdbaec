/* Remote write 2.0 against protobuf-c: same accept, same points. */
#include "collector/decode/native_histogram.h"
#include "collector/decode/remote_write_2.h"
#include "proto/remote_write_2.pb-c.h"
#include "tests/collector/decode/oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct bytes build(struct entropy *e)
{
    Prw2__Request request = PRW2__REQUEST__INIT;
    request.n_symbols = entropy_below(e, 8);
    request.symbols = ORACLE_ARRAY(char *, 8);
    for (size_t i = 0; i < request.n_symbols; i++)
        request.symbols[i] = i == 0 && entropy_u8(e) < 250 ? (char[]){""} : entropy_text(e);
    request.n_timeseries = entropy_below(e, 4);
    request.timeseries = ORACLE_ARRAY(Prw2__TimeSeries *, 4);
    for (size_t i = 0; i < request.n_timeseries; i++) {
        Prw2__TimeSeries *s = request.timeseries[i] = ORACLE_NEW(Prw2__TimeSeries);
        prw2__time_series__init(s);
        s->n_labels_refs = entropy_below(e, 6);
        s->labels_refs = ORACLE_ARRAY(uint32_t, 6);
        for (size_t k = 0; k < s->n_labels_refs; k++)
            s->labels_refs[k] = (uint32_t)entropy_below(e, 8);
        s->n_samples = entropy_below(e, 3);
        s->samples = ORACLE_ARRAY(Prw2__Sample *, 3);
        for (size_t k = 0; k < s->n_samples; k++) {
            s->samples[k] = ORACLE_NEW(Prw2__Sample);
            prw2__sample__init(s->samples[k]);
            s->samples[k]->value = entropy_double(e);
            s->samples[k]->timestamp = (int64_t)entropy_u64(e);
            s->samples[k]->start_timestamp = entropy_u8(e) & 1 ? (int64_t)entropy_u64(e) : 0;
        }
        if (entropy_u8(e) & 1) {
            s->metadata = ORACLE_NEW(Prw2__Metadata);
            prw2__metadata__init(s->metadata);
            s->metadata->help_ref = entropy_u8(e) % 9;
            s->metadata->type = (Prw2__Metadata__MetricType)(entropy_u8(e) % 9);
        }
    }
    size_t len = prw2__request__get_packed_size(&request);
    uint8_t *at = ORACLE_ARRAY(uint8_t, len);
    prw2__request__pack(&request, at);
    oracle_damage(e, at, len);
    return (struct bytes){at, len};
}

/* False: the series is refused. */
static bool labels_of(const Prw2__Request *r, const Prw2__TimeSeries *s, struct tsdb_labels *out)
{
    struct tsdb_label *labels = ORACLE_ARRAY(struct tsdb_label, s->n_labels_refs / 2);
    if (s->n_labels_refs % 2 != 0 || s->n_labels_refs > 2 * DECODE_LABELS_MAX ||
        r->n_symbols == 0 || *r->symbols[0])
        return false;
    for (size_t i = 0; i < s->n_labels_refs; i++)
        if (s->labels_refs[i] >= r->n_symbols)
            return false;
    for (size_t i = 0; i < s->n_labels_refs / 2; i++)
        labels[i] = (struct tsdb_label){text_of(r->symbols[s->labels_refs[2 * i]]),
                                        text_of(r->symbols[s->labels_refs[2 * i + 1]])};
    *out = (struct tsdb_labels){labels, (uint32_t)(s->n_labels_refs / 2)};
    return true;
}

/* Samples only: histograms are the message of 1.0, exemplars depend on batches, and
 * metadata is deduplicated by a lossy table. */
static void keep_samples(struct collect *c)
{
    uint32_t have = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        bool is_sample = c->lines[i][0] == '{' && !strstr(c->lines[i], " schema=");
        if (is_sample)
            c->lines[have++] = c->lines[i];
        else
            mem_free(c->lines[i]);
    }
    c->count = have;
}

static enum tsdb_status decode(struct bytes in, struct collect *got)
{
    struct arena arena;
    struct decode_tally tally;
    arena_init(&arena, (size_t)64 << 20, NULL);
    struct decode_task task = collect_task(got, &arena);
    enum tsdb_status st = remote_write_2_decode(&task, in, &tally, NULL);
    if (st == TSDB_OK) {
        ASSERT(tally.received == tally.handed + tally_rejected(&tally));
        ASSERT(tally.handed == got->items);
    }
    arena_release(&arena);
    return st;
}

static int64_t ns_of(int64_t ms)
{
    int64_t ns;
    if (__builtin_mul_overflow(ms, INT64_C(1000000), &ns))
        return ms < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

static bool is_total(const Prw2__TimeSeries *s, struct tsdb_labels labels)
{
    int type = s->metadata ? (int)s->metadata->type : 0;
    bool has_quantile = false;
    for (uint32_t i = 0; i < labels.count; i++)
        has_quantile |= text_equal(labels.at[i].name, text_of("quantile"));
    return type == TSDB_METRIC_COUNTER || type == TSDB_METRIC_HISTOGRAM ||
           (type == TSDB_METRIC_SUMMARY && !has_quantile);
}

static void put_series(const Prw2__Request *r, const Prw2__TimeSeries *s, struct collect *want)
{
    struct tsdb_labels labels;
    struct writer w = {0};
    for (size_t k = 0; k < s->n_samples && labels_of(r, s, &labels); k++) {
        const Prw2__Sample *p = s->samples[k];
        uint64_t bits = collect_bits(p->value);
        collect_labels(&w, labels);
        writer_format(&w, " %lld %016llx", (long long)ns_of(p->timestamp),
                      (unsigned long long)bits);
        if (p->start_timestamp != 0 && bits != UINT64_C(0x7ff0000000000002) && is_total(s, labels))
            writer_format(&w, " total since %lld", (long long)ns_of(p->start_timestamp));
        collect_line(want, &w);
    }
    writer_release(&w);
}

/* The tree's C strings end at a NUL, so values are compared on what it packs to. */
static void compare_packed(const Prw2__Request *r, struct collect *again, struct collect *want)
{
    size_t len = prw2__request__get_packed_size(r);
    uint8_t *at = ORACLE_ARRAY(uint8_t, len);
    prw2__request__pack(r, at);
    ASSERT(decode((struct bytes){at, len}, again) == TSDB_OK);
    for (size_t i = 0; i < r->n_timeseries; i++)
        put_series(r, r->timeseries[i], want);
    keep_samples(again);
    oracle_compare(again, want);
}

static void check(struct bytes in)
{
    struct collect *got = collect_new(), *again = collect_new(), *want = collect_new();
    enum tsdb_status st = decode(in, got);
    Prw2__Request *r = oracle_may_see(in) ? prw2__request__unpack(NULL, in.len, in.at) : NULL;
    if (r) {
        ASSERT(st == TSDB_OK || oracle_has_long_varint(in));
        if (st == TSDB_OK)
            compare_packed(r, again, want);
        prw2__request__free_unpacked(r, NULL);
    }
    collect_free(got);
    collect_free(again);
    collect_free(want);
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
