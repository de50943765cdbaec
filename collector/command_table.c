#include "collector/command_table.h"

#include "collector/command.h"
#include "tsdb/base/text.h"

#include <math.h>
#include <string.h>

enum { SPARK_WIDTH = 60 };

/* ---- tables --------------------------------------------------------------------------------- */

/* name{a="b"} */
static void put_metric(struct writer *w, const json_t *metric)
{
    const char *key;
    const json_t *value;
    const char *name = json_string_value(json_object_get(metric, "__name__"));
    bool is_first = true;
    if (name)
        command_put_text(w, text_of(name));
    json_object_foreach((json_t *)(uintptr_t)metric, key, value)
    {
        if (strcmp(key, "__name__") == 0 || !json_is_string(value))
            continue;
        writer_text(w, is_first ? "{" : ", ");
        is_first = false;
        command_put_text(w, text_of(key));
        writer_text(w, "=\"");
        command_put_text(w, text_of(json_string_value(value)));
        writer_u8(w, '"');
    }
    if (!is_first)
        writer_u8(w, '}');
    else if (!name)
        writer_text(w, "{}");
}

void table_put_value(struct writer *w, const json_t *value)
{
    if (json_is_string(value)) {
        command_put_text(w, text_of(json_string_value(value)));
        return;
    }
    const char *count = json_string_value(json_object_get(value, "count"));
    const char *sum = json_string_value(json_object_get(value, "sum"));
    writer_text(w, "count=");
    command_put_text(w, text_of(count ? count : "?"));
    writer_text(w, " sum=");
    command_put_text(w, text_of(sum ? sum : "?"));
}

static const json_t *point_of(const json_t *series)
{
    const json_t *value = json_object_get(series, "value");
    return value ? value : json_object_get(series, "histogram");
}

/* Characters, not bytes: what a terminal counts. */
static size_t width_of(const struct writer *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->len; i++)
        n += (w->at[i] & 0xc0) != 0x80;
    return n;
}

static void put_row(struct writer *out, const struct writer *left, size_t column)
{
    writer_put(out, left->at, left->len);
    for (size_t i = width_of(left); i < column + 2; i++)
        writer_u8(out, ' ');
}

static size_t widest(const json_t *result, struct writer *scratch)
{
    size_t most = 0;
    for (size_t i = 0; i < json_array_size(result); i++) {
        writer_reset(scratch);
        put_metric(scratch, json_object_get(json_array_get(result, i), "metric"));
        size_t width = width_of(scratch);
        most = width > most ? width : most;
    }
    return most;
}

void table_put_vector(struct writer *out, const json_t *result)
{
    struct writer left = {0};
    size_t column = widest(result, &left);
    for (size_t i = 0; i < json_array_size(result); i++) {
        const json_t *series = json_array_get(result, i);
        writer_reset(&left);
        put_metric(&left, json_object_get(series, "metric"));
        put_row(out, &left, column);
        table_put_value(out, json_array_get(point_of(series), 1));
        writer_u8(out, '\n');
    }
    writer_release(&left);
}

/* ---- sparklines ----------------------------------------------------------------------------- */

struct spark {
    double cells[SPARK_WIDTH]; /* mean of what fell into the column; NaN: nothing */
    double low, high, last;
    size_t columns, points;
};

static void spark_fill(struct spark *s, const json_t *values)
{
    double sums[SPARK_WIDTH] = {0};
    size_t counts[SPARK_WIDTH] = {0};
    s->points = json_array_size(values);
    s->columns = s->points < SPARK_WIDTH ? s->points : SPARK_WIDTH;
    s->low = (double)INFINITY;
    s->high = -(double)INFINITY;
    s->last = (double)NAN;
    for (size_t i = 0; i < s->points; i++) {
        const char *text = json_string_value(json_array_get(json_array_get(values, i), 1));
        if (!text || !double_parse(text_of(text), &s->last) || !isfinite(s->last))
            continue;
        size_t column = i * s->columns / s->points;
        sums[column] += s->last;
        counts[column]++;
        s->low = fmin(s->low, s->last);
        s->high = fmax(s->high, s->last);
    }
    for (size_t i = 0; i < s->columns; i++)
        s->cells[i] = counts[i] ? sums[i] / (double)counts[i] : (double)NAN;
}

static void put_spark(struct writer *w, const struct spark *s)
{
    static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    double span = s->high - s->low;
    for (size_t i = 0; i < s->columns; i++) {
        if (isnan(s->cells[i])) {
            writer_u8(w, ' ');
            continue;
        }
        double share = span > 0 ? (s->cells[i] - s->low) / span : 0;
        int level = (int)(share * 7.999);
        writer_text(w, blocks[level < 0 ? 0 : level > 7 ? 7 : level]);
    }
}

void table_put_matrix(struct writer *out, const json_t *result)
{
    struct writer left = {0};
    size_t column = widest(result, &left);
    for (size_t i = 0; i < json_array_size(result); i++) {
        const json_t *series = json_array_get(result, i);
        const json_t *values = json_object_get(series, "values");
        struct spark s;
        writer_reset(&left);
        put_metric(&left, json_object_get(series, "metric"));
        put_row(out, &left, column);
        if (!values) {
            writer_format(out, "%zu histograms\n",
                          json_array_size(json_object_get(series, "histograms")));
            continue;
        }
        spark_fill(&s, values);
        put_spark(out, &s);
        if (isfinite(s.low))
            writer_format(out, "  min %.6g  max %.6g  last %.6g", s.low, s.high, s.last);
        writer_u8(out, '\n');
    }
    writer_release(&left);
}
