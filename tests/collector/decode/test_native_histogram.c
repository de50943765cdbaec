#include "collector/decode/native_histogram.h"

#include "proto/remote_write.pb-c.h"
#include "tsdb/base/mem.h"

#include <criterion/criterion.h>
#include <math.h>

static struct arena arena;
static const char *why;

static void set_up(void)
{
    arena_init(&arena, 16 << 20, NULL);
}

static void tear_down(void)
{
    arena_release(&arena);
}

TestSuite(native_histogram, .init = set_up, .fini = tear_down);

struct sample {
    Prw__Histogram h;
    Prw__BucketSpan spans[3], *span_list[3];
    int64_t deltas[8];
    double counts[8], bounds[4];
};

/* Buckets 1 2 3 at indexes 0 1 5, zero bucket 4: ten in all. */
static void sample_init(struct sample *s)
{
    *s = (struct sample){.deltas = {1, 1, 1}, .counts = {1, 2, 3}, .bounds = {1, 2, 3}};
    prw__histogram__init(&s->h);
    for (int i = 0; i < 3; i++) {
        prw__bucket_span__init(&s->spans[i]);
        s->span_list[i] = &s->spans[i];
    }
    s->spans[0].length = 2;
    s->spans[1].offset = 3;
    s->spans[1].length = 1;
    s->h.count_case = PRW__HISTOGRAM__COUNT_COUNT_INT;
    s->h.count_int = 10;
    s->h.zero_count_case = PRW__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_INT;
    s->h.zero_count_int = 4;
    s->h.zero_threshold = 0.001;
    s->h.sum = 5;
    s->h.schema = 2;
    s->h.positive_spans = s->span_list;
    s->h.n_positive_spans = 2;
    s->h.positive_deltas = s->deltas;
    s->h.n_positive_deltas = 3;
}

static void as_custom(struct sample *s)
{
    sample_init(s);
    s->h.schema = -53;
    s->h.zero_threshold = 0;
    s->h.zero_count_int = 0;
    s->h.count_int = 6;
    s->spans[1].offset = 0;
    s->h.custom_values = s->bounds;
    s->h.n_custom_values = 3;
}

static void as_float(struct sample *s)
{
    sample_init(s);
    s->h.count_case = PRW__HISTOGRAM__COUNT_COUNT_FLOAT;
    s->h.count_float = 10.5;
    s->h.zero_count_case = PRW__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_FLOAT;
    s->h.zero_count_float = 4.5;
    s->h.positive_counts = s->counts;
    s->h.n_positive_counts = 3;
    s->h.n_positive_deltas = 0;
}

static enum tsdb_status decode(const struct sample *s, struct native_histogram *out)
{
    size_t len = prw__histogram__get_packed_size(&s->h);
    uint8_t *at = mem_alloc(len);
    prw__histogram__pack(&s->h, at);
    why = NULL;
    enum tsdb_status st = native_histogram_decode((struct bytes){at, len}, &arena, out, &why);
    mem_free(at);
    return st;
}

Test(native_histogram, integer_float_and_custom)
{
    struct sample s;
    struct native_histogram n;
    sample_init(&s);
    cr_assert_eq(decode(&s, &n), TSDB_OK, "%s", why);
    cr_assert(n.h.count == 10 && n.h.zero_count == 4 && !n.h.is_float && n.h.schema == 2);
    cr_assert(n.h.positive_count == 3 && n.h.positive[0] == 1 && n.h.positive[2] == 3);
    as_float(&s);
    cr_assert_eq(decode(&s, &n), TSDB_OK, "%s", why);
    cr_assert(n.h.is_float && n.h.count == 10.5 && n.h.zero_count == 4.5);
    cr_assert(n.h.positive[1] == 2);
    as_custom(&s);
    cr_assert_eq(decode(&s, &n), TSDB_OK, "%s", why);
    cr_assert(n.h.schema == TSDB_SCHEMA_CUSTOM && n.h.custom_count == 3 && n.h.custom[2] == 3);
}

static void expect_bad(const struct sample *s, const char *want)
{
    struct native_histogram n;
    cr_assert_eq(decode(s, &n), TSDB_EINVAL, "%s", want);
    cr_assert_str_eq(why, want);
}

Test(native_histogram, contradictions)
{
    struct sample s;
    sample_init(&s);
    s.h.schema = 9;
    expect_bad(&s, "schema is neither -4..8 nor -53");
    sample_init(&s);
    s.h.n_positive_deltas = 2;
    expect_bad(&s, "spans and buckets differ in number");
    sample_init(&s);
    s.spans[0].length = UINT32_MAX;
    expect_bad(&s, "bucket index past 32 bits");
    sample_init(&s);
    s.spans[1].offset = -1;
    expect_bad(&s, "negative span offset");
    sample_init(&s);
    s.deltas[1] = -2;
    expect_bad(&s, "negative bucket count");
    sample_init(&s);
    s.deltas[1] = INT64_MAX;
    expect_bad(&s, "bucket count above 2^53");
    sample_init(&s);
    s.h.count_int = 11;
    expect_bad(&s, "count is not the sum of the buckets");
    sample_init(&s);
    s.h.count_int = (UINT64_C(1) << 53) + 1;
    expect_bad(&s, "count above 2^53");
    sample_init(&s);
    s.h.zero_threshold = -1;
    expect_bad(&s, "negative zero threshold");
    sample_init(&s);
    s.h.custom_values = s.bounds;
    s.h.n_custom_values = 1;
    expect_bad(&s, "custom bounds without schema -53");
    as_float(&s);
    s.counts[0] = -1;
    expect_bad(&s, "negative bucket count");
}

Test(native_histogram, custom_contradictions)
{
    struct sample s;
    as_custom(&s);
    s.bounds[1] = 1;
    expect_bad(&s, "custom bounds do not ascend");
    as_custom(&s);
    s.bounds[2] = (double)INFINITY;
    expect_bad(&s, "custom bound is not finite");
    as_custom(&s);
    s.h.n_custom_values = 1;
    expect_bad(&s, "more custom buckets than bounds");
    as_custom(&s);
    s.h.zero_threshold = 1;
    expect_bad(&s, "custom buckets with a zero bucket");
}

Test(native_histogram, a_nan_sum_may_count_more_than_its_buckets)
{
    struct sample s;
    struct native_histogram n;
    sample_init(&s);
    s.h.sum = (double)NAN;
    s.h.count_int = 12;
    cr_assert_eq(decode(&s, &n), TSDB_OK, "%s", why);
    s.h.count_int = 9;
    expect_bad(&s, "count is not the sum of the buckets");
}

/* Two bytes a span claim four billion buckets: nothing may be made for the claim. */
Test(native_histogram, too_many_buckets)
{
    enum { MANY = NATIVE_BUCKETS_MAX + 1 };
    struct sample s;
    struct native_histogram n;
    sample_init(&s);
    int64_t *zeroes = MEM_ARRAY(int64_t, MANY);
    s.h.positive_deltas = zeroes;
    s.h.n_positive_deltas = MANY;
    s.spans[0].length = MANY - 1;
    s.h.count_int = 4;
    expect_bad(&s, "too many buckets");
    s.h.n_positive_deltas = MANY - 1;
    s.spans[0].length = MANY - 2;
    cr_assert_eq(decode(&s, &n), TSDB_OK, "%s", why);
    mem_free(zeroes);
}
