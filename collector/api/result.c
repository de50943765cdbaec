#include "collector/api/result.h"

#include "collector/api/bucket.h"
#include "tsdb/base/assert.h"

static void put_bucket(void *arg, const struct bucket *b)
{
    struct json *j = arg;
    json_array(j);
    json_u64(j, b->rule);
    json_value(j, b->low);
    json_value(j, b->high);
    json_value(j, b->count);
    json_end_array(j);
}

static void put_histogram(struct json *j, const struct tsdb_histogram *h)
{
    json_object(j);
    json_key(j, "count");
    json_value(j, h->count);
    json_key(j, "sum");
    json_value(j, h->sum);
    json_key(j, "buckets");
    json_array(j);
    bucket_each(h, put_bucket, j);
    json_end_array(j);
    json_end_object(j);
}

void result_point(struct json *j, const struct tsdb_result *s, uint32_t i)
{
    json_array(j);
    json_time(j, s->ts[i]);
    if (s->histograms && s->histograms[i])
        put_histogram(j, s->histograms[i]);
    else
        json_value(j, s->values[i]);
    json_end_array(j);
}

static uint32_t count_histograms(const struct tsdb_result *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; s->histograms && i < s->count; i++)
        n += s->histograms[i] != NULL;
    return n;
}

static void put_points(struct json *j, const struct tsdb_result *s, bool are_histograms)
{
    json_key(j, are_histograms ? "histograms" : "values");
    json_array(j);
    for (uint32_t i = 0; i < s->count; i++)
        if ((s->histograms && s->histograms[i]) == are_histograms)
            result_point(j, s, i);
    json_end_array(j);
}

void result_series(struct json *j, enum tsdb_value_kind kind, const struct tsdb_result *s)
{
    json_object(j);
    json_key(j, "metric");
    json_labels(j, s->labels);
    uint32_t histograms = count_histograms(s);
    if (kind == TSDB_VECTOR) {
        ASSERT(s->count == 1);
        json_key(j, histograms ? "histogram" : "value");
        result_point(j, s, 0);
    } else {
        if (histograms < s->count)
            put_points(j, s, false);
        if (histograms > 0)
            put_points(j, s, true);
    }
    json_end_object(j);
}

void result_string(struct json *j, const struct tsdb_result *s)
{
    json_array(j);
    json_time(j, s->ts[0]);
    json_text(j, s->string);
    json_end_array(j);
}
