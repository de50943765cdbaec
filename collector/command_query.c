#include "collector/command.h"
#include "collector/command_http.h"
#include "collector/self/period.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPARK_WIDTH = 60, STEPS_WANTED = 60 };

struct query_flags {
    const char *range, *step, *time, *url, *token_file, *timeout;
    bool is_json;
};

/* ---- the question ------------------------------------------------------------------------- */

static void put_seconds(struct writer *form, const char *name, int64_t ns)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%lld.%03d", (long long)(ns / NS_PER_S),
                   (int)(ns % NS_PER_S / NS_PER_MS));
    http_form_put(form, name, text);
}

static int put_range(struct writer *form, const struct query_flags *f)
{
    int64_t range, step;
    if (!period_parse(text_of(f->range), &range) || range == 0)
        return command_fail(COMMAND_USAGE, "--range is \"%s\", want a duration such as 1h",
                            f->range);
    step = range / STEPS_WANTED < NS_PER_S ? NS_PER_S : range / STEPS_WANTED / NS_PER_S * NS_PER_S;
    if (f->step && (!period_parse(text_of(f->step), &step) || step == 0))
        return command_fail(COMMAND_USAGE, "--step is \"%s\", want a duration such as 15s",
                            f->step);
    int64_t now = clock_wall_ns(clock_real());
    put_seconds(form, "start", now - range);
    put_seconds(form, "end", now);
    put_seconds(form, "step", step);
    return COMMAND_OK;
}

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

/* What stands second in [time, value]: a number as text, or a histogram. */
static void put_value(struct writer *w, const json_t *value)
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

static void print_vector(struct writer *out, const json_t *result)
{
    struct writer left = {0};
    size_t column = widest(result, &left);
    for (size_t i = 0; i < json_array_size(result); i++) {
        const json_t *series = json_array_get(result, i);
        writer_reset(&left);
        put_metric(&left, json_object_get(series, "metric"));
        put_row(out, &left, column);
        put_value(out, json_array_get(point_of(series), 1));
        writer_u8(out, '\n');
    }
    writer_release(&left);
}

/* ---- sparklines -------------------------------------------------------------------------------
 */

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

static void print_matrix(struct writer *out, const json_t *result)
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

/* ---- the answer -------------------------------------------------------------------------------
 */

static void warn_all(const json_t *notes, const char *kind)
{
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const char *text = json_string_value(json_array_get(notes, i));
        if (text)
            (void)command_fail(0, "%s: %s", kind, text);
    }
}

static int print_answer(const json_t *root)
{
    const json_t *result = json_object_get(json_object_get(root, "data"), "result");
    const char *kind =
        json_string_value(json_object_get(json_object_get(root, "data"), "resultType"));
    if (!kind || !json_is_array(result))
        return command_fail(COMMAND_FAILED, "the answer is not one of a query API");
    struct writer out = {0};
    if (strcmp(kind, "vector") == 0) {
        print_vector(&out, result);
    } else if (strcmp(kind, "matrix") == 0) {
        print_matrix(&out, result);
    } else {
        put_value(&out, json_array_get(result, 1));
        writer_u8(&out, '\n');
    }
    bool is_written = command_print(&out);
    writer_release(&out);
    warn_all(json_object_get(root, "warnings"), "warning");
    warn_all(json_object_get(root, "infos"), "info");
    return is_written ? COMMAND_OK : COMMAND_FAILED;
}

static int fail_answer(const json_t *root, int status)
{
    const char *type = json_string_value(json_object_get(root, "errorType"));
    const char *text = json_string_value(json_object_get(root, "error"));
    if (!type || !text)
        return command_fail(COMMAND_FAILED, "the server answered HTTP %d", status);
    return command_fail(COMMAND_FAILED, "%s: %s", type, text);
}

static int show(struct http_answer *answer, bool is_json)
{
    if (is_json && answer->status == 200) {
        writer_u8(&answer->body, '\n');
        return command_print(&answer->body) ? COMMAND_OK : COMMAND_FAILED;
    }
    json_t *root = json_loadb((const char *)answer->body.at, answer->body.len, 0, NULL);
    int exit_status =
        answer->status == 200 ? print_answer(root) : fail_answer(root, answer->status);
    json_decref(root);
    return exit_status;
}

static int ask(const struct query_flags *f, struct writer *form, char *token)
{
    struct http_url url;
    struct tsdb_error err = {0};
    int64_t timeout;
    const char *where = f->url ? f->url : getenv("ANDON_URL");
    if (!period_parse(text_of(f->timeout), &timeout) || timeout == 0)
        return command_fail(COMMAND_USAGE, "--timeout is \"%s\", want a duration such as 30s",
                            f->timeout);
    if (http_url_parse(where ? where : "http://127.0.0.1:4318", &url, &err) != TSDB_OK)
        return command_fail(COMMAND_USAGE, "%s", err.msg);
    struct http_ask request = {.url = &url,
                               .path = f->range ? "/api/v1/query_range" : "/api/v1/query",
                               .form = writer_bytes(form),
                               .token = token,
                               .timeout_ns = timeout};
    struct http_answer answer = {0};
    int exit_status = http_post(&request, &answer, &err) == TSDB_OK
                          ? show(&answer, f->is_json)
                          : command_fail(COMMAND_FAILED, "%s", err.msg);
    writer_release(&answer.body);
    return exit_status;
}

int command_query(int argc, const char *const *argv)
{
    const char *expr = NULL;
    struct query_flags f = {.timeout = "2m"};
    const struct command_flag flags[] = {
        {.name = "--range", .value = &f.range},
        {.name = "--step", .value = &f.step},
        {.name = "--time", .value = &f.time},
        {.name = "--url", .value = &f.url},
        {.name = "--json", .is_set = &f.is_json},
        {.name = "--token-file", .value = &f.token_file},
        {.name = "--timeout", .value = &f.timeout},
    };
    const struct command_line line = {
        "query EXPR [--range 1h [--step 15s]] [--time T] [--json] [--url http://127.0.0.1:4318] "
        "[--token-file FILE] [--timeout 2m]",
        flags, sizeof flags / sizeof flags[0], &expr, 1};
    if (!command_parse(argc, argv, &line))
        return COMMAND_USAGE;
    char *token = f.token_file ? command_read_secret(f.token_file) : NULL;
    if (f.token_file && !token)
        return COMMAND_FAILED;
    struct writer form = {0};
    http_form_put(&form, "query", expr);
    int exit_status = COMMAND_OK;
    if (f.range)
        exit_status = put_range(&form, &f);
    else if (f.time)
        http_form_put(&form, "time", f.time);
    if (exit_status == COMMAND_OK)
        exit_status = ask(&f, &form, token);
    writer_release(&form);
    mem_free(token);
    return exit_status;
}
