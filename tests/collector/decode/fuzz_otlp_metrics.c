/* OTLP metrics against protobuf-c: what it accepts is accepted, and a message that it
 * packs is read as the tree it was packed from says.  (The tree's C strings end at a
 * NUL, so values are compared on the packed form, not on the input.) */
#include "collector/decode/native_histogram.h"
#include "collector/decode/otlp_metrics.h"
#include "collector/decode/otlp_value.h"
#include "proto/otlp_metrics.pb-c.h"
#include "tests/collector/decode/oracle.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct otlp_options options;

/* ---- building ----------------------------------------------------------------------- */

static Otlp__AnyValue *build_value(struct entropy *e, int depth)
{
    Otlp__AnyValue *v = ORACLE_NEW(Otlp__AnyValue);
    otlp__any_value__init(v);
    switch (entropy_below(e, depth > 0 ? 7 : 5)) {
    case 0:
        v->value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        v->string_value = entropy_text(e);
        break;
    case 1:
        v->value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
        v->int_value = (int64_t)entropy_u64(e);
        break;
    case 2:
        v->value_case = OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
        v->double_value = entropy_double(e);
        break;
    case 3:
        v->value_case = OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
        v->bool_value = entropy_u8(e) & 1;
        break;
    case 5: {
        v->value_case = OTLP__ANY_VALUE__VALUE_ARRAY_VALUE;
        v->array_value = ORACLE_NEW(Otlp__ArrayValue);
        otlp__array_value__init(v->array_value);
        v->array_value->n_values = entropy_below(e, 3);
        v->array_value->values = ORACLE_ARRAY(Otlp__AnyValue *, 3);
        for (size_t i = 0; i < v->array_value->n_values; i++)
            v->array_value->values[i] = build_value(e, depth - 1);
        break;
    }
    case 6: {
        v->value_case = OTLP__ANY_VALUE__VALUE_KVLIST_VALUE;
        v->kvlist_value = ORACLE_NEW(Otlp__KeyValueList);
        otlp__key_value_list__init(v->kvlist_value);
        v->kvlist_value->n_values = 1;
        v->kvlist_value->values = ORACLE_ARRAY(Otlp__KeyValue *, 1);
        v->kvlist_value->values[0] = ORACLE_NEW(Otlp__KeyValue);
        otlp__key_value__init(v->kvlist_value->values[0]);
        v->kvlist_value->values[0]->key = entropy_text(e);
        v->kvlist_value->values[0]->value = build_value(e, depth - 1);
        break;
    }
    default: break;
    }
    return v;
}

static Otlp__KeyValue **build_attributes(struct entropy *e, size_t *count)
{
    static const char *const known[] = {"service.name", "service.namespace", "service.instance.id",
                                        "host.name"};
    *count = entropy_below(e, 4);
    Otlp__KeyValue **list = ORACLE_ARRAY(Otlp__KeyValue *, *count);
    for (size_t i = 0; i < *count; i++) {
        list[i] = ORACLE_NEW(Otlp__KeyValue);
        otlp__key_value__init(list[i]);
        list[i]->key =
            entropy_u8(e) & 1 ? entropy_text(e) : (char *)(uintptr_t)known[entropy_below(e, 4)];
        list[i]->value = build_value(e, 2);
    }
    return list;
}

static Otlp__NumberDataPoint **build_numbers(struct entropy *e, size_t *count)
{
    *count = entropy_below(e, 3);
    Otlp__NumberDataPoint **list = ORACLE_ARRAY(Otlp__NumberDataPoint *, *count);
    for (size_t i = 0; i < *count; i++) {
        Otlp__NumberDataPoint *p = list[i] = ORACLE_NEW(Otlp__NumberDataPoint);
        otlp__number_data_point__init(p);
        p->attributes = build_attributes(e, &p->n_attributes);
        p->time_unix_nano = entropy_u64(e);
        p->start_time_unix_nano = entropy_u8(e);
        p->flags = entropy_u8(e) == 1;
        p->value_case = OTLP__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
        p->as_double = entropy_double(e);
        if (entropy_u8(e) & 1) {
            p->value_case = OTLP__NUMBER_DATA_POINT__VALUE_AS_INT;
            p->as_int = (int64_t)entropy_u64(e);
        }
    }
    return list;
}

static Otlp__Histogram *build_histogram(struct entropy *e)
{
    Otlp__Histogram *h = ORACLE_NEW(Otlp__Histogram);
    Otlp__HistogramDataPoint *p = ORACLE_NEW(Otlp__HistogramDataPoint);
    otlp__histogram__init(h);
    otlp__histogram_data_point__init(p);
    h->aggregation_temporality = (Otlp__AggregationTemporality)entropy_below(e, 4);
    h->n_data_points = 1;
    h->data_points = ORACLE_ARRAY(Otlp__HistogramDataPoint *, 1);
    h->data_points[0] = p;
    p->attributes = build_attributes(e, &p->n_attributes);
    p->time_unix_nano = entropy_u64(e);
    p->start_time_unix_nano = entropy_u8(e);
    p->count = entropy_u64(e);
    p->n_explicit_bounds = entropy_below(e, 4);
    p->n_bucket_counts = p->n_explicit_bounds + (entropy_u8(e) % 8 != 7);
    p->explicit_bounds = ORACLE_ARRAY(double, 4);
    p->bucket_counts = ORACLE_ARRAY(uint64_t, 5);
    for (size_t i = 0; i < 5; i++)
        p->bucket_counts[i] = entropy_u8(e);
    for (size_t i = 0; i < 4; i++)
        p->explicit_bounds[i] = (double)i + entropy_double(e) * (entropy_u8(e) == 9);
    if (entropy_u8(e) & 1) {
        p->sum_set_case = OTLP__HISTOGRAM_DATA_POINT__SUM_SET_SUM;
        p->sum = entropy_double(e);
    }
    return h;
}

static Otlp__ExponentialHistogram *build_exponential(struct entropy *e)
{
    Otlp__ExponentialHistogram *h = ORACLE_NEW(Otlp__ExponentialHistogram);
    Otlp__ExponentialHistogramDataPoint *p = ORACLE_NEW(Otlp__ExponentialHistogramDataPoint);
    Otlp__ExponentialHistogramDataPoint__Buckets *b =
        ORACLE_NEW(Otlp__ExponentialHistogramDataPoint__Buckets);
    otlp__exponential_histogram__init(h);
    otlp__exponential_histogram_data_point__init(p);
    otlp__exponential_histogram_data_point__buckets__init(b);
    h->aggregation_temporality = (Otlp__AggregationTemporality)(1 + entropy_below(e, 2));
    h->n_data_points = 1;
    h->data_points = ORACLE_ARRAY(Otlp__ExponentialHistogramDataPoint *, 1);
    h->data_points[0] = p;
    p->attributes = build_attributes(e, &p->n_attributes);
    p->scale = (int32_t)entropy_below(e, 20) - 6;
    p->zero_count = entropy_u8(e);
    p->count = p->zero_count;
    b->offset = (int32_t)entropy_u64(e);
    b->n_bucket_counts = entropy_below(e, 5);
    b->bucket_counts = ORACLE_ARRAY(uint64_t, 5);
    for (size_t i = 0; i < b->n_bucket_counts; i++) {
        b->bucket_counts[i] = entropy_u8(e) % 3;
        p->count += b->bucket_counts[i];
    }
    *(entropy_u8(e) & 1 ? &p->negative : &p->positive) = b;
    return h;
}

static Otlp__Summary *build_summary(struct entropy *e)
{
    Otlp__Summary *s = ORACLE_NEW(Otlp__Summary);
    Otlp__SummaryDataPoint *p = ORACLE_NEW(Otlp__SummaryDataPoint);
    otlp__summary__init(s);
    otlp__summary_data_point__init(p);
    s->n_data_points = 1;
    s->data_points = ORACLE_ARRAY(Otlp__SummaryDataPoint *, 1);
    s->data_points[0] = p;
    p->attributes = build_attributes(e, &p->n_attributes);
    p->n_quantile_values = entropy_below(e, 3);
    p->quantile_values = ORACLE_ARRAY(Otlp__SummaryDataPoint__ValueAtQuantile *, 3);
    for (size_t i = 0; i < p->n_quantile_values; i++) {
        p->quantile_values[i] = ORACLE_NEW(Otlp__SummaryDataPoint__ValueAtQuantile);
        otlp__summary_data_point__value_at_quantile__init(p->quantile_values[i]);
        p->quantile_values[i]->quantile = entropy_double(e);
        p->quantile_values[i]->value = entropy_double(e);
    }
    return s;
}

static Otlp__Metric *build_metric(struct entropy *e)
{
    Otlp__Metric *m = ORACLE_NEW(Otlp__Metric);
    otlp__metric__init(m);
    m->name = entropy_text(e);
    m->unit = entropy_text(e);
    m->description = entropy_text(e);
    switch (entropy_below(e, 6)) {
    case 0:
    case 1:
        m->data_case = OTLP__METRIC__DATA_GAUGE;
        m->gauge = ORACLE_NEW(Otlp__Gauge);
        otlp__gauge__init(m->gauge);
        m->gauge->data_points = build_numbers(e, &m->gauge->n_data_points);
        break;
    case 2:
        m->data_case = OTLP__METRIC__DATA_SUM;
        m->sum = ORACLE_NEW(Otlp__Sum);
        otlp__sum__init(m->sum);
        m->sum->aggregation_temporality = (Otlp__AggregationTemporality)entropy_below(e, 4);
        m->sum->is_monotonic = entropy_u8(e) & 1;
        m->sum->data_points = build_numbers(e, &m->sum->n_data_points);
        break;
    case 3:
        m->data_case = OTLP__METRIC__DATA_HISTOGRAM;
        m->histogram = build_histogram(e);
        break;
    case 4:
        m->data_case = OTLP__METRIC__DATA_EXPONENTIAL_HISTOGRAM;
        m->exponential_histogram = build_exponential(e);
        break;
    default: m->data_case = OTLP__METRIC__DATA_SUMMARY; m->summary = build_summary(e);
    }
    return m;
}

static struct bytes pack(const Otlp__ExportMetricsServiceRequest *request)
{
    size_t len = otlp__export_metrics_service_request__get_packed_size(request);
    uint8_t *at = ORACLE_ARRAY(uint8_t, len);
    otlp__export_metrics_service_request__pack(request, at);
    return (struct bytes){at, len};
}

static struct bytes build(struct entropy *e)
{
    Otlp__ExportMetricsServiceRequest request = OTLP__EXPORT_METRICS_SERVICE_REQUEST__INIT;
    Otlp__ResourceMetrics rm = OTLP__RESOURCE_METRICS__INIT, *rms[] = {&rm};
    Otlp__ScopeMetrics sm = OTLP__SCOPE_METRICS__INIT, *sms[] = {&sm};
    Otlp__Resource resource = OTLP__RESOURCE__INIT;
    Otlp__InstrumentationScope scope = OTLP__INSTRUMENTATION_SCOPE__INIT;
    request.resource_metrics = rms;
    request.n_resource_metrics = 1;
    rm.resource = &resource;
    rm.scope_metrics = sms;
    rm.n_scope_metrics = 1;
    resource.attributes = build_attributes(e, &resource.n_attributes);
    if (entropy_u8(e) & 1)
        sm.scope = &scope;
    scope.name = entropy_text(e);
    scope.attributes = build_attributes(e, &scope.n_attributes);
    sm.schema_url = entropy_text(e);
    sm.n_metrics = 1 + entropy_below(e, 3);
    sm.metrics = ORACLE_ARRAY(Otlp__Metric *, sm.n_metrics);
    for (size_t i = 0; i < sm.n_metrics; i++)
        sm.metrics[i] = build_metric(e);
    struct bytes out = pack(&request);
    oracle_damage(e, (uint8_t *)(uintptr_t)out.at, out.len);
    return out;
}

/* ---- what the tree says, as lines ------------------------------------------------------ */

/* Everything around a point. */
struct around {
    struct collect *out;
    struct writer w;
    Otlp__KeyValue **resource;
    size_t resource_count;
    const Otlp__ScopeMetrics *sm;
    const Otlp__Metric *metric;
    struct tsdb_text family;
    int64_t latest;
    bool is_delta, is_total;
};

struct set {
    struct tsdb_label at[256];
    uint32_t count;
};

static struct tsdb_text value_text(const Otlp__AnyValue *v)
{
    struct tsdb_text out = {"", 0};
    if (!v)
        return out;
    size_t len = otlp__any_value__get_packed_size(v);
    uint8_t *at = ORACLE_ARRAY(uint8_t, len);
    otlp__any_value__pack(v, at);
    ASSERT(otlp_value_text((struct bytes){at, len}, 32, oracle_arena(), &out) == TSDB_OK);
    return out;
}

enum mode { JOIN, OVERWRITE };

static void set_put(struct set *s, struct tsdb_text name, struct tsdb_text value, enum mode mode)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (!text_equal(s->at[i].name, name))
            continue;
        if (mode == JOIN) {
            struct tsdb_text old = s->at[i].value;
            char *joined = ORACLE_ARRAY(char, old.len + value.len + 1);
            memcpy(joined, old.at, old.len);
            joined[old.len] = ';';
            memcpy(joined + old.len + 1, value.at, value.len);
            value = (struct tsdb_text){joined, old.len + value.len + 1};
        }
        s->at[i].value = value;
        return;
    }
    ASSERT(s->count < 256);
    s->at[s->count++] = (struct tsdb_label){name, value};
}

/* Stable, by key. */
static void sort_attributes(Otlp__KeyValue **list, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && strcmp(list[k - 1]->key, list[k]->key) > 0; k--) {
            Otlp__KeyValue *moved = list[k];
            list[k] = list[k - 1];
            list[k - 1] = moved;
        }
}

static void put_attributes(struct set *s, Otlp__KeyValue **list, size_t count, const char *prefix,
                           enum mode mode)
{
    sort_attributes(list, count);
    for (size_t i = 0; i < count; i++) {
        char *key = ORACLE_ARRAY(char, strlen(prefix) + strlen(list[i]->key) + 1);
        (void)sprintf(key, "%s%s", prefix, list[i]->key);
        set_put(s, otlp_label_name(options.strategy, text_of(key), oracle_arena()),
                value_text(list[i]->value), mode);
    }
}

static const Otlp__AnyValue *find(const struct around *a, const char *key)
{
    for (size_t i = 0; i < a->resource_count; i++)
        if (strcmp(a->resource[i]->key, key) == 0)
            return a->resource[i]->value;
    return NULL;
}

/* job and instance; whether there is either. */
static bool put_identity(struct set *s, const struct around *a)
{
    struct tsdb_text space = value_text(find(a, "service.namespace"));
    struct tsdb_text name = value_text(find(a, "service.name"));
    struct tsdb_text instance = value_text(find(a, "service.instance.id"));
    if (name.len > 0 && space.len > 0) {
        char *job = ORACLE_ARRAY(char, name.len + space.len + 1);
        memcpy(job, space.at, space.len);
        job[space.len] = '/';
        memcpy(job + space.len + 1, name.at, name.len);
        name = (struct tsdb_text){job, name.len + space.len + 1};
    }
    if (name.len > 0)
        set_put(s, text_of("job"), name, OVERWRITE);
    if (instance.len > 0)
        set_put(s, text_of("instance"), instance, OVERWRITE);
    return name.len > 0 || instance.len > 0;
}

static void put_scope(struct set *s, const struct around *a)
{
    const Otlp__InstrumentationScope *scope = a->sm->scope;
    if (scope) {
        put_attributes(s, scope->attributes, scope->n_attributes, "otel_scope_", OVERWRITE);
        if (*scope->name)
            set_put(s, text_of("otel_scope_name"), text_of(scope->name), OVERWRITE);
        if (*scope->version)
            set_put(s, text_of("otel_scope_version"), text_of(scope->version), OVERWRITE);
    }
    if (*a->sm->schema_url)
        set_put(s, text_of("otel_scope_schema_url"), text_of(a->sm->schema_url), OVERWRITE);
}

/* One series of a point: its labels, up to the value. */
static void begin_line(struct around *a, Otlp__KeyValue **attributes, size_t count,
                       const char *suffix, const char *extra, double number, uint64_t time)
{
    struct set s = {.count = 0};
    char *name = ORACLE_ARRAY(char, a->family.len + 16);
    char *text = ORACLE_ARRAY(char, DOUBLE_TEXT_MAX);
    int64_t ts = time > INT64_MAX ? INT64_MAX : (int64_t)time;
    put_attributes(&s, attributes, count, "", JOIN);
    put_scope(&s, a);
    (void)put_identity(&s, a);
    (void)sprintf(name, "%.*s%s", (int)a->family.len, a->family.at, suffix);
    set_put(&s, text_of("__name__"), text_of(name), OVERWRITE);
    if (extra)
        set_put(&s, text_of(extra), (struct tsdb_text){text, double_format(number, text)},
                OVERWRITE);
    collect_labels(&a->w, (struct tsdb_labels){s.at, s.count});
    writer_format(&a->w, " %lld ", (long long)ts);
    a->latest = ts > a->latest ? ts : a->latest;
}

static void end_line(struct around *a, bool is_stale, uint64_t start)
{
    long long since = start > INT64_MAX ? INT64_MAX : (long long)start;
    if (a->is_delta && !is_stale)
        writer_format(&a->w, " delta since %lld", since);
    if (a->is_total && !is_stale && since != 0)
        writer_format(&a->w, " total since %lld", since);
    collect_line(a->out, &a->w);
}

static void put_value(struct around *a, double v, uint32_t flags, uint64_t start)
{
    uint64_t bits = flags & 1 ? UINT64_C(0x7ff0000000000002) : collect_bits(v);
    writer_format(&a->w, "%016llx", (unsigned long long)bits);
    end_line(a, flags & 1, start);
}

static void put_number(struct around *a, const Otlp__NumberDataPoint *p)
{
    double v = 0;
    if (p->value_case == OTLP__NUMBER_DATA_POINT__VALUE_AS_DOUBLE)
        v = p->as_double;
    else if (p->value_case == OTLP__NUMBER_DATA_POINT__VALUE_AS_INT)
        v = (double)p->as_int;
    begin_line(a, p->attributes, p->n_attributes, "", NULL, 0, p->time_unix_nano);
    put_value(a, v, p->flags, p->start_time_unix_nano);
}

static bool is_classic_valid(const Otlp__HistogramDataPoint *p)
{
    size_t n = p->n_explicit_bounds;
    if (n > OTLP_BUCKETS_MAX)
        return false;
    if (p->n_bucket_counts != n + 1 && (n > 0 || p->n_bucket_counts > 0))
        return false;
    for (size_t i = 0; i < n; i++)
        if (isnan(p->explicit_bounds[i]) ||
            (i > 0 && !(p->explicit_bounds[i] > p->explicit_bounds[i - 1])))
            return false;
    return true;
}

static void put_classic(struct around *a, const Otlp__HistogramDataPoint *p)
{
    uint64_t running = 0, start = p->start_time_unix_nano;
    if (!is_classic_valid(p))
        return;
    for (size_t i = 0; i < p->n_explicit_bounds; i++) {
        running += p->bucket_counts[i];
        begin_line(a, p->attributes, p->n_attributes, "_bucket", "le", p->explicit_bounds[i],
                   p->time_unix_nano);
        put_value(a, (double)running, p->flags, start);
    }
    begin_line(a, p->attributes, p->n_attributes, "_bucket", "le", (double)INFINITY,
               p->time_unix_nano);
    put_value(a, (double)p->count, p->flags, start);
    if (p->sum_set_case == OTLP__HISTOGRAM_DATA_POINT__SUM_SET_SUM) {
        begin_line(a, p->attributes, p->n_attributes, "_sum", NULL, 0, p->time_unix_nano);
        put_value(a, p->sum, p->flags, start);
    }
    begin_line(a, p->attributes, p->n_attributes, "_count", NULL, 0, p->time_unix_nano);
    put_value(a, (double)p->count, p->flags, start);
}

/* Another way than the decoder's: one span a bucket, merged by index. */
static bool side_of(const Otlp__ExponentialHistogramDataPoint__Buckets *b, unsigned down,
                    struct tsdb_bucket_span **spans, double **counts, uint32_t *have)
{
    size_t n = b ? b->n_bucket_counts : 0;
    int64_t *indexes = ORACLE_ARRAY(int64_t, n);
    *spans = ORACLE_ARRAY(struct tsdb_bucket_span, n);
    *counts = ORACLE_ARRAY(double, n);
    *have = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t index = (int64_t)b->offset + (int64_t)i;
        for (unsigned k = 0; k < down; k++) /* floor(index / 2) */
            index = (index - ((index % 2) != 0 && index < 0)) / 2;
        index++;
        if (b->bucket_counts[i] == 0)
            continue;
        if (index > INT32_MAX || index < INT32_MIN)
            return false;
        if (*have > 0 && indexes[*have - 1] == index) {
            (*counts)[*have - 1] += (double)b->bucket_counts[i];
            continue;
        }
        int64_t next = *have > 0 ? indexes[*have - 1] + 1 : 0;
        (*spans)[*have] = (struct tsdb_bucket_span){(int32_t)(index - next), 1};
        indexes[*have] = index;
        (*counts)[(*have)++] = (double)b->bucket_counts[i];
    }
    return true;
}

static void put_exponential(struct around *a, const Otlp__ExponentialHistogramDataPoint *p)
{
    struct tsdb_bucket_span *positive_spans, *negative_spans;
    double *positive, *negative;
    struct tsdb_histogram h = {.schema = p->scale > 8 ? 8 : p->scale,
                               .zero_threshold =
                                   p->zero_threshold != 0 ? p->zero_threshold : 1e-128,
                               .zero_count = (double)p->zero_count,
                               .count = (double)p->count};
    unsigned down = p->scale > 8 ? (unsigned)(p->scale - 8) : 0;
    down = down > 62 ? 62 : down;
    if (p->sum_set_case == OTLP__EXPONENTIAL_HISTOGRAM_DATA_POINT__SUM_SET_SUM)
        h.sum = p->sum;
    if (p->scale < -4 || p->count > UINT64_C(1) << 53 || p->zero_count > UINT64_C(1) << 53 ||
        (p->positive && p->positive->n_bucket_counts > NATIVE_BUCKETS_MAX) ||
        (p->negative && p->negative->n_bucket_counts > NATIVE_BUCKETS_MAX) ||
        !side_of(p->positive, down, &positive_spans, &positive, &h.positive_count) ||
        !side_of(p->negative, down, &negative_spans, &negative, &h.negative_count))
        return;
    h.positive_spans = positive_spans;
    h.negative_spans = negative_spans;
    h.positive = positive;
    h.negative = negative;
    h.positive_span_count = h.positive_count;
    h.negative_span_count = h.negative_count;
    if (native_histogram_check(&h))
        return;
    if (p->flags & 1) {
        uint64_t stale = UINT64_C(0x7ff0000000000002);
        h = (struct tsdb_histogram){.schema = h.schema, .zero_threshold = h.zero_threshold};
        memcpy(&h.sum, &stale, sizeof stale);
    }
    begin_line(a, p->attributes, p->n_attributes, "", NULL, 0, p->time_unix_nano);
    collect_histogram(&a->w, &h);
    end_line(a, p->flags & 1, p->start_time_unix_nano);
}

static void put_summary(struct around *a, const Otlp__SummaryDataPoint *p)
{
    if (p->n_quantile_values > OTLP_BUCKETS_MAX)
        return;
    for (size_t i = 0; i < p->n_quantile_values; i++) {
        begin_line(a, p->attributes, p->n_attributes, "", "quantile",
                   p->quantile_values[i]->quantile, p->time_unix_nano);
        put_value(a, p->quantile_values[i]->value, p->flags, 0);
    }
    begin_line(a, p->attributes, p->n_attributes, "_sum", NULL, 0, p->time_unix_nano);
    put_value(a, p->sum, p->flags, p->start_time_unix_nano);
    begin_line(a, p->attributes, p->n_attributes, "_count", NULL, 0, p->time_unix_nano);
    put_value(a, (double)p->count, p->flags, p->start_time_unix_nano);
}

/* Number of points, what Prometheus calls the type, and the temporality. */
static size_t kind_of(const Otlp__Metric *m, int *type, int *temporality)
{
    *temporality = 2;
    switch (m->data_case) {
    case OTLP__METRIC__DATA_GAUGE: *type = TSDB_METRIC_GAUGE; return m->gauge->n_data_points;
    case OTLP__METRIC__DATA_SUM:
        *type = m->sum->is_monotonic ? TSDB_METRIC_COUNTER : TSDB_METRIC_GAUGE;
        *temporality = (int)m->sum->aggregation_temporality;
        return m->sum->n_data_points;
    case OTLP__METRIC__DATA_HISTOGRAM:
        *type = TSDB_METRIC_HISTOGRAM;
        *temporality = (int)m->histogram->aggregation_temporality;
        return m->histogram->n_data_points;
    case OTLP__METRIC__DATA_EXPONENTIAL_HISTOGRAM:
        *type = TSDB_METRIC_HISTOGRAM;
        *temporality = (int)m->exponential_histogram->aggregation_temporality;
        return m->exponential_histogram->n_data_points;
    case OTLP__METRIC__DATA_SUMMARY: *type = TSDB_METRIC_SUMMARY; return m->summary->n_data_points;
    default: return 0;
    }
}

static void put_points(struct around *a, size_t points)
{
    const Otlp__Metric *m = a->metric;
    for (size_t i = 0; i < points; i++) {
        if (m->data_case == OTLP__METRIC__DATA_GAUGE)
            put_number(a, m->gauge->data_points[i]);
        else if (m->data_case == OTLP__METRIC__DATA_SUM)
            put_number(a, m->sum->data_points[i]);
        else if (m->data_case == OTLP__METRIC__DATA_HISTOGRAM)
            put_classic(a, m->histogram->data_points[i]);
        else if (m->data_case == OTLP__METRIC__DATA_EXPONENTIAL_HISTOGRAM)
            put_exponential(a, m->exponential_histogram->data_points[i]);
        else
            put_summary(a, m->summary->data_points[i]);
    }
}

static void put_metric(struct around *a, const Otlp__Metric *m)
{
    int type = 0, temporality = 0;
    size_t points = kind_of(m, &type, &temporality);
    if (points == 0 || (temporality != 1 && temporality != 2) ||
        !otlp_metric_is_named(options.strategy, text_of(m->name)))
        return;
    enum otlp_type suffix = OTLP_OTHER;
    if (m->data_case == OTLP__METRIC__DATA_GAUGE)
        suffix = OTLP_GAUGE;
    else if (type == TSDB_METRIC_COUNTER)
        suffix = OTLP_COUNTER;
    a->metric = m;
    a->is_delta = temporality == 1;
    a->is_total = temporality == 2 && type != TSDB_METRIC_GAUGE;
    a->family = otlp_metric_name(options.strategy, text_of(m->name), text_of(m->unit), suffix,
                                 oracle_arena());
    struct tsdb_text unit = otlp_unit_name(text_of(m->unit), oracle_arena());
    writer_format(&a->w, "metadata %.*s %d '%s' '%.*s'", (int)a->family.len, a->family.at, type,
                  m->description, (int)unit.len, unit.at);
    collect_line(a->out, &a->w);
    put_points(a, points);
}

static void put_target_info(struct around *a)
{
    struct set s = {.count = 0};
    Otlp__KeyValue **rest = ORACLE_ARRAY(Otlp__KeyValue *, a->resource_count);
    size_t count = 0;
    for (size_t i = 0; i < a->resource_count; i++) {
        const char *key = a->resource[i]->key;
        if (strcmp(key, "service.name") != 0 && strcmp(key, "service.namespace") != 0 &&
            strcmp(key, "service.instance.id") != 0)
            rest[count++] = a->resource[i];
    }
    put_attributes(&s, rest, count, "", JOIN);
    if (!put_identity(&s, a) || count == 0 || a->latest == 0)
        return;
    set_put(&s, text_of("__name__"), text_of("target_info"), OVERWRITE);
    collect_labels(&a->w, (struct tsdb_labels){s.at, s.count});
    writer_format(&a->w, " %lld %016llx", (long long)a->latest,
                  (unsigned long long)collect_bits(1));
    collect_line(a->out, &a->w);
}

/* ---- the law ------------------------------------------------------------------------------ */

static enum tsdb_status decode(struct bytes in, struct collect *got)
{
    struct arena arena;
    struct decode_tally tally;
    arena_init(&arena, (size_t)64 << 20, NULL);
    struct decode_task task = collect_task(got, &arena);
    enum tsdb_status st = otlp_metrics_decode(&task, &options, in, &tally, NULL);
    if (st == TSDB_OK) {
        ASSERT(tally.received == tally.handed + tally_rejected(&tally));
        ASSERT(tally.handed == got->items);
    }
    arena_release(&arena);
    return st;
}

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

static void compare(const Otlp__ExportMetricsServiceRequest *tree)
{
    struct collect *got = collect_new(), *want = collect_new();
    ASSERT(decode(pack(tree), got) == TSDB_OK);
    for (size_t r = 0; r < tree->n_resource_metrics; r++) {
        const Otlp__ResourceMetrics *rm = tree->resource_metrics[r];
        struct around a = {.out = want};
        if (rm->resource) {
            a.resource = rm->resource->attributes;
            a.resource_count = rm->resource->n_attributes;
        }
        for (size_t s = 0; s < rm->n_scope_metrics; s++) {
            a.sm = rm->scope_metrics[s];
            for (size_t m = 0; m < a.sm->n_metrics; m++)
                put_metric(&a, a.sm->metrics[m]);
        }
        put_target_info(&a);
        writer_release(&a.w);
    }
    drop_exemplars(got);
    oracle_compare(got, want);
    collect_free(got);
    collect_free(want);
}

static void check(struct bytes in)
{
    struct collect *got = collect_new();
    enum tsdb_status st = decode(in, got);
    Otlp__ExportMetricsServiceRequest *tree =
        oracle_may_see(in) ? otlp__export_metrics_service_request__unpack(NULL, in.len, in.at)
                           : NULL;
    if (tree) {
        /* protobuf-c takes a bool of any wire type; what it would pack itself, never */
        if (st != TSDB_OK) {
            struct bytes packed = pack(tree);
            ASSERT(packed.len != in.len || memcmp(packed.at, in.at, in.len) != 0);
        }
        compare(tree);
        otlp__export_metrics_service_request__free_unpacked(tree, NULL);
    }
    collect_free(got);
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
