#include "collector/api/trace_series.h"

#include "proto/tempo.pb-c.h"
#include "tests/collector/api/sample_trace.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

TestSuite(trace_series, .timeout = 60);

static const struct tsdb_label labels[] = {{T("resource.service.name"), T("shop")},
                                           {T("span.code"), T("-500")},
                                           {T("span.ratio"), T("0.5")},
                                           {T("span.hit"), T("true")},
                                           {T("span.odd"), T("1.5")}};
static const uint8_t types[] = {TSDB_FIELD_STRING, TSDB_FIELD_INT, TSDB_FIELD_DOUBLE,
                                TSDB_FIELD_BOOL, TSDB_FIELD_INT};
static const int64_t ts[] = {INT64_C(1795521600000000000), INT64_C(1795521660500000000)};
static const double values[] = {1.5, (double)NAN};
static const struct tsdb_trace_exemplar exemplars[] = {
    {.ts = INT64_C(1795521630123456789), .value = 0.25, .trace_id = SAMPLE_ID, .span_id = {{9}}}};
static struct trace_series series = {
    .result = {.labels = {labels, 5}, .count = 2, .ts = ts, .values = values},
    .label_types = types,
    .exemplars = exemplars,
    .exemplar_count = 1};

static const char *json_of(const struct trace_series *s)
{
    static char text[2048];
    struct json j;
    json_init(&j, 0, NULL, NULL);
    trace_series_json(&j, s);
    (void)snprintf(text, sizeof text, "%.*s", (int)j.out.len, (const char *)j.out.at);
    json_release(&j);
    return text;
}

#define LABELS_JSON                                                                                \
    "\"labels\":[{\"key\":\"resource.service.name\",\"value\":{\"stringValue\":\"shop\"}},"        \
    "{\"key\":\"span.code\",\"value\":{\"intValue\":\"-500\"}},{\"key\":\"span.ratio\",\"value\":" \
    "{\"doubleValue\":0.5}},{\"key\":\"span.hit\",\"value\":{\"boolValue\":true}},"                \
    "{\"key\":\"span.odd\",\"value\":{\"stringValue\":\"1.5\"}}]"

Test(trace_series, json_has_typed_labels_samples_and_exemplars)
{
    cr_assert_str_eq(json_of(&series),
                     "{" LABELS_JSON
                     ",\"samples\":[{\"timestampMs\":\"1795521600000\",\"value\":1.5},"
                     "{\"timestampMs\":\"1795521660500\",\"value\":\"NaN\"}],\"exemplars\":[{"
                     "\"labels\":[{\"key\":\"trace:id\",\"value\":{\"stringValue\":"
                     "\"000102030405060708090a0b0c0d0eff\"}},{\"key\":\"span:id\",\"value\":{"
                     "\"stringValue\":\"0900000000000000\"}}],\"timestampMs\":\"1795521630123\","
                     "\"value\":0.25}]}");
}

Test(trace_series, an_instant_is_one_value)
{
    struct trace_series instant = series;
    instant.is_instant = true;
    instant.result.count = 1;
    cr_assert_str_eq(json_of(&instant), "{" LABELS_JSON ",\"value\":1.5}");
    struct writer w = {0};
    trace_series_protobuf(&w, &instant);
    Tempopb__InstantSeries *s = tempopb__instant_series__unpack(NULL, w.len, w.at);
    cr_assert(s);
    cr_assert_eq(s->value, 1.5);
    cr_assert_eq(s->n_labels, 5);
    tempopb__instant_series__free_unpacked(s, NULL);
    writer_release(&w);
}

Test(trace_series, the_message_says_the_same)
{
    struct writer w = {0};
    trace_series_protobuf(&w, &series);
    Tempopb__TimeSeries *s = tempopb__time_series__unpack(NULL, w.len, w.at);
    cr_assert(s);
    cr_assert_eq(s->n_labels, 5);
    cr_assert_eq(s->labels[1]->value->int_value, -500);
    cr_assert_eq(s->labels[2]->value->double_value, 0.5);
    cr_assert_str_eq(s->labels[4]->value->string_value, "1.5");
    cr_assert_eq(s->n_samples, 2);
    cr_assert_eq(s->samples[0]->value, 1.5);
    cr_assert_eq(s->samples[1]->timestamp_ms, INT64_C(1795521660500));
    cr_assert(isnan(s->samples[1]->value));
    cr_assert_eq(s->n_exemplars, 1);
    cr_assert_str_eq(s->exemplars[0]->labels[0]->value->string_value, SAMPLE_ID_HEX);
    cr_assert_eq(s->exemplars[0]->value, 0.25);
    cr_assert_eq(s->exemplars[0]->timestamp_ms, INT64_C(1795521630123));
    tempopb__time_series__free_unpacked(s, NULL);
    writer_release(&w);
}
