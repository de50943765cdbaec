/* bench_decode.c - what decoding costs, a sample, when every series is known.
 *
 * Requests of 4000 series, 10 labels each, one sample a series, made from a fixed
 * seed; the sink adds up keys and values and never asks for labels, which is what
 * the engine does with series it knows.  Logs: 4000 records of 8 resources, 6 attributes
 * and a body of 100 bytes; the sink adds up what it is handed.  Traces: 4000 spans of 8
 * resources, 15 attributes (3 of them numbers, one a bool), every tenth with an event; as
 * Zipkin's, 10 tags.
 * Best of 80 short rounds; one JSON line a case.
 */
#include "collector/decode/es_bulk.h"
#include "collector/decode/inflate.h"
#include "collector/decode/json_lines.h"
#include "collector/decode/loki_push.h"
#include "collector/decode/otlp_json.h"
#include "collector/decode/otlp_logs.h"
#include "collector/decode/otlp_metrics.h"
#include "collector/decode/otlp_spans.h"
#include "collector/decode/remote_write.h"
#include "collector/decode/remote_write_2.h"
#include "collector/decode/zipkin.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/writer.h"

#include <snappy-c.h>
#include <stdio.h>
#include <string.h>

enum { SERIES = 4000, LABELS = 10, ROUNDS = 80, REPEATS = 4, TEXT_MAX = 64 };

static const int64_t start_ms = INT64_C(1700000000000);

static const char *const names[LABELS] = {
    "__name__", "cluster", "container", "endpoint", "instance",
    "job",      "le",      "namespace", "pod",      "service",
};

static char values[SERIES][LABELS][TEXT_MAX];
static double samples[SERIES];

static void make_series(void)
{
    struct random r;
    random_init(&r, 20240131);
    for (unsigned i = 0; i < SERIES; i++) {
        unsigned pod = i / 40, metric = i % 40;
        (void)snprintf(values[i][0], TEXT_MAX, "container_metric_number_%u_seconds_total", metric);
        (void)snprintf(values[i][1], TEXT_MAX, "eu-west-1-production");
        (void)snprintf(values[i][2], TEXT_MAX, "app-%u", pod % 7);
        (void)snprintf(values[i][3], TEXT_MAX, "https-metrics");
        (void)snprintf(values[i][4], TEXT_MAX, "10.1.%u.%u:9100", pod / 200, pod % 200);
        (void)snprintf(values[i][5], TEXT_MAX, "kubernetes-pods");
        (void)snprintf(values[i][6], TEXT_MAX, "0.%u", metric);
        (void)snprintf(values[i][7], TEXT_MAX, "team-%u", pod % 11);
        (void)snprintf(values[i][8], TEXT_MAX, "app-%u-5f7d9c-%08x", pod % 7, pod * 2654435761u);
        (void)snprintf(values[i][9], TEXT_MAX, "checkout");
        samples[i] = (double)random_below(&r, 1000000) / 8;
    }
}

struct sum {
    uint64_t keys;
    double values;
    uint64_t points;
};

static enum tsdb_status add_up(void *arg, struct decode_batch *batch)
{
    struct sum *s = arg;
    for (uint32_t i = 0; i < batch->batch.point_count; i++) {
        s->keys += batch->points[i].key.lo; /* wraps */
        s->values += batch->points[i].value;
    }
    s->points += batch->batch.point_count;
    return TSDB_OK;
}

typedef enum tsdb_status decode_fn(const struct decode_task *task, struct bytes in,
                                   struct decode_tally *tally);

static enum tsdb_status run_write(const struct decode_task *task, struct bytes in,
                                  struct decode_tally *tally)
{
    return remote_write_decode(task, in, tally, NULL);
}

static enum tsdb_status run_write_2(const struct decode_task *task, struct bytes in,
                                    struct decode_tally *tally)
{
    return remote_write_2_decode(task, in, tally, NULL);
}

static enum tsdb_status run_otlp(const struct decode_task *task, struct bytes in,
                                 struct decode_tally *tally)
{
    static struct otlp_seen seen;
    static const struct otlp_options options = {.seen = &seen};
    return otlp_metrics_decode(task, &options, in, tally, NULL);
}

/* JSON is first made into wire form, which is then decoded. */
static enum tsdb_status run_json(const struct decode_task *task, struct bytes in,
                                 struct decode_tally *tally)
{
    struct payload wire;
    payload_init(&wire, (size_t)64 << 20, NULL);
    enum tsdb_status st = otlp_json_to_wire(in, &wire, NULL);
    if (st == TSDB_OK)
        st = run_otlp(task, payload_bytes(&wire), tally);
    payload_release(&wire);
    return st;
}

static void measure(const char *name, decode_fn *fn, struct bytes body, bool is_snappy)
{
    struct writer packed = {0};
    struct bytes in = body;
    if (is_snappy) {
        size_t len = snappy_max_compressed_length(body.len);
        uint8_t *at = writer_reserve(&packed, len);
        (void)snappy_compress((const char *)body.at, body.len, (char *)at, &len);
        in = (struct bytes){at, len};
    }
    struct inflate_limits limits = {.bytes_max = 64 << 20};
    struct arena arena;
    arena_init(&arena, 64 << 20, NULL);
    double best = 0;
    struct sum sum = {0};
    for (int round = 0; round < ROUNDS; round++) {
        sum = (struct sum){0};
        int64_t before = clock_mono_ns(clock_real());
        for (int i = 0; i < REPEATS; i++) {
            struct payload out;
            payload_init(&out, limits.bytes_max + 1, NULL);
            struct bytes plain = in;
            if (is_snappy && inflate_body(INFLATE_SNAPPY, in, &limits, &out, NULL) == TSDB_OK)
                plain = payload_bytes(&out);
            struct decode_task task = {.seed = 7,
                                       .tenant = "",
                                       .arena = &arena,
                                       .sink = {add_up, &sum},
                                       .items_max = 1000000};
            struct decode_tally tally;
            if (fn(&task, plain, &tally) != TSDB_OK)
                printf("{\"name\":\"%s\",\"error\":true}\n", name);
            payload_release(&out);
            arena_reset(&arena);
        }
        double ns = (double)(clock_mono_ns(clock_real()) - before) / (REPEATS * SERIES);
        if (round == 0 || ns < best)
            best = ns;
    }
    printf("{\"name\":\"%s\",\"ns_per_sample\":%.1f,\"bytes_per_sample\":%.1f,\"points\":%llu}\n",
           name, best, (double)body.len / SERIES, (unsigned long long)(sum.points / REPEATS));
    arena_release(&arena);
    writer_release(&packed);
}

/* ---- the requests ------------------------------------------------------------- */

static void put_field(struct writer *w, unsigned number, const void *at, size_t len)
{
    writer_uvarint(w, number << 3 | 2);
    writer_sized(w, at, len);
}

static void make_write(struct writer *out)
{
    struct writer series = {0}, label = {0};
    for (unsigned i = 0; i < SERIES; i++) {
        writer_reset(&series);
        for (unsigned n = 0; n < LABELS; n++) {
            writer_reset(&label);
            put_field(&label, 1, names[n], strlen(names[n]));
            put_field(&label, 2, values[i][n], strlen(values[i][n]));
            put_field(&series, 1, label.at, label.len);
        }
        writer_reset(&label);
        writer_u8(&label, 0x09);
        writer_f64(&label, samples[i]);
        writer_u8(&label, 0x10);
        writer_uvarint(&label, (uint64_t)start_ms);
        put_field(&series, 2, label.at, label.len);
        put_field(out, 1, series.at, series.len);
    }
    writer_release(&series);
    writer_release(&label);
}

/* The same series, their texts in a table. */
static void make_write_2(struct writer *out)
{
    struct writer series = {0}, part = {0};
    uint32_t count = 1;
    put_field(out, 4, "", 0);
    for (unsigned n = 0; n < LABELS; n++, count++)
        put_field(out, 4, names[n], strlen(names[n]));
    static uint32_t refs[SERIES][LABELS];
    for (unsigned i = 0; i < SERIES; i++) {
        for (unsigned n = 0; n < LABELS; n++) {
            unsigned k = i > 400 ? i - 400 : 0; /* values repeat nearby */
            while (k < i && strcmp(values[k][n], values[i][n]) != 0)
                k++;
            refs[i][n] = k < i ? refs[k][n] : count++;
            if (k == i)
                put_field(out, 4, values[i][n], strlen(values[i][n]));
        }
    }
    for (unsigned i = 0; i < SERIES; i++) {
        writer_reset(&series);
        writer_reset(&part);
        for (unsigned n = 0; n < LABELS; n++) {
            writer_uvarint(&part, n + 1);
            writer_uvarint(&part, refs[i][n]);
        }
        put_field(&series, 1, part.at, part.len);
        writer_reset(&part);
        writer_u8(&part, 0x09);
        writer_f64(&part, samples[i]);
        writer_u8(&part, 0x10);
        writer_uvarint(&part, (uint64_t)start_ms);
        put_field(&series, 2, part.at, part.len);
        put_field(out, 5, series.at, series.len);
    }
    writer_release(&series);
    writer_release(&part);
}

static void put_attribute(struct writer *out, unsigned number, const char *key, const char *value)
{
    struct writer any = {0}, kv = {0};
    put_field(&any, 1, value, strlen(value));
    put_field(&kv, 1, key, strlen(key));
    put_field(&kv, 2, any.at, any.len);
    put_field(out, number, kv.at, kv.len);
    writer_release(&any);
    writer_release(&kv);
}

/* One resource a pod, one gauge a metric with ten points of five attributes. */
static void make_otlp(struct writer *out)
{
    struct writer resource = {0}, scope = {0}, metric = {0}, gauge = {0}, point = {0};
    for (unsigned i = 0; i < SERIES; i += 40) {
        writer_reset(&resource);
        writer_reset(&scope);
        writer_reset(&point);
        for (unsigned n = 1; n <= 5; n++)
            put_attribute(&point, 1, names[n], values[i][n]);
        put_field(&resource, 1, point.at, point.len);
        for (unsigned m = 0; m < 4; m++) {
            writer_reset(&metric);
            writer_reset(&gauge);
            put_field(&metric, 1, values[i + 10 * m][0], strlen(values[i + 10 * m][0]));
            put_field(&metric, 3, "s", 1);
            for (unsigned k = 0; k < 10; k++) {
                writer_reset(&point);
                writer_u8(&point, 0x19);
                writer_le64(&point, (uint64_t)start_ms * 1000000);
                writer_u8(&point, 0x21);
                writer_f64(&point, samples[i + 10 * m + k]);
                for (unsigned n = 5; n < LABELS; n++)
                    put_attribute(&point, 7, names[n], values[i + 10 * m + k][n]);
                put_field(&gauge, 1, point.at, point.len);
            }
            put_field(&metric, 5, gauge.at, gauge.len);
            put_field(&scope, 2, metric.at, metric.len);
        }
        put_field(&resource, 2, scope.at, scope.len);
        put_field(out, 1, resource.at, resource.len);
    }
    struct writer *all[] = {&resource, &scope, &metric, &gauge, &point};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        writer_release(all[i]);
}

static void put_json_attribute(struct writer *out, const char *between, unsigned i, unsigned n)
{
    writer_format(out, "%s{\"key\":\"%s\",\"value\":{\"stringValue\":\"%s\"}}", between, names[n],
                  values[i][n]);
}

static void make_json(struct writer *out)
{
    writer_text(out, "{\"resourceMetrics\":[");
    for (unsigned i = 0; i < SERIES; i += 40) {
        writer_format(out, "%s{\"resource\":{\"attributes\":[", i > 0 ? "," : "");
        for (unsigned n = 1; n <= 5; n++)
            put_json_attribute(out, n > 1 ? "," : "", i, n);
        writer_text(out, "]},\"scopeMetrics\":[{\"metrics\":[");
        for (unsigned m = 0; m < 4; m++) {
            writer_format(out, "%s{\"name\":\"%s\",\"unit\":\"s\",\"gauge\":{\"dataPoints\":[",
                          m > 0 ? "," : "", values[i + 10 * m][0]);
            for (unsigned k = 0; k < 10; k++) {
                writer_format(out, "%s{\"timeUnixNano\":\"%lld\",\"asDouble\":%g,\"attributes\":[",
                              k > 0 ? "," : "", (long long)start_ms * 1000000,
                              samples[i + 10 * m + k]);
                for (unsigned n = 5; n < LABELS; n++)
                    put_json_attribute(out, n > 5 ? "," : "", i + 10 * m + k, n);
                writer_text(out, "]}");
            }
            writer_text(out, "]}}");
        }
        writer_text(out, "]}]}");
    }
    writer_text(out, "]}");
}

/* ---- logs ---------------------------------------------------------------------- */

static void make_logs(struct writer *out)
{
    static const char body[] = "user 4711 bought 3 items for 17.95 EUR, cart 0f3a9c, payment "
                               "accepted after 2 attempts by bank 1234";
    struct writer any = {0}, record = {0}, scope = {0}, resource = {0}, part = {0};
    put_field(&any, 1, body, 100);
    for (unsigned i = 0; i < SERIES; i += SERIES / 8) {
        writer_reset(&scope);
        writer_reset(&resource);
        writer_reset(&part);
        put_attribute(&part, 1, "service.name", "checkout");
        put_attribute(&part, 1, "host.name", values[i][4]);
        put_attribute(&part, 1, "k8s.pod.name", values[i][8]);
        put_field(&resource, 1, part.at, part.len);
        writer_reset(&part);
        put_field(&part, 1, "com.example.checkout", 20);
        put_field(&scope, 1, part.at, part.len);
        for (unsigned k = i; k < i + SERIES / 8; k++) {
            writer_reset(&record);
            writer_u8(&record, 0x09);
            writer_le64(&record, (uint64_t)start_ms * 1000000 + k);
            writer_u8(&record, 0x59);
            writer_le64(&record, (uint64_t)start_ms * 1000000 + k + 1000);
            writer_text(&record, "\x10\x09");
            put_field(&record, 3, "INFO", 4);
            put_field(&record, 5, any.at, any.len);
            for (unsigned n = 4; n < LABELS; n++)
                put_attribute(&record, 6, names[n], values[k][n]);
            put_field(&record, 9, values[k][0], 16);
            put_field(&record, 10, values[k][0], 8);
            put_field(&scope, 2, record.at, record.len);
        }
        put_field(&resource, 2, scope.at, scope.len);
        put_field(out, 1, resource.at, resource.len);
    }
    struct writer *all[] = {&any, &record, &scope, &resource, &part};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        writer_release(all[i]);
}

static enum tsdb_status add_records(void *arg, const struct decode_log_batch *batch)
{
    struct sum *s = arg;
    for (uint32_t i = 0; i < batch->batch.record_count; i++)
        s->keys += batch->batch.records[i].field_count;
    s->points += batch->batch.record_count;
    return TSDB_OK;
}

typedef enum tsdb_status decode_log_fn(const struct decode_log_task *task, struct bytes in,
                                       struct decode_tally *tally, struct tsdb_error *err);

static enum tsdb_status run_lines(const struct decode_log_task *task, struct bytes in,
                                  struct decode_tally *tally, struct tsdb_error *err)
{
    static const struct json_lines_options options;
    return json_lines_decode(task, &options, in, tally, err);
}

static enum tsdb_status run_bulk(const struct decode_log_task *task, struct bytes in,
                                 struct decode_tally *tally, struct tsdb_error *err)
{
    static const struct es_bulk_options options = {.index = {"", 0}};
    struct es_bulk_results results;
    return es_bulk_decode(task, &options, in, &results, tally, err);
}

/* The same six attributes as members. */
static void make_lines(struct writer *out, const char *action)
{
    for (unsigned i = 0; i < SERIES; i++) {
        writer_format(out, "%s{\"@timestamp\":\"2024-02-29T12:34:56.789Z\",\"level\":\"info\",",
                      action);
        for (unsigned n = 4; n < LABELS; n++)
            writer_format(out, "\"%s\":\"%s\",", names[n], values[i][n]);
        writer_format(out,
                      "\"message\":\"user 4711 bought 3 items for 17.95 EUR, cart 0f3a9c, payment "
                      "accepted after 2 attempts by bank %04u\"}\n",
                      i);
    }
}

static void make_push(struct writer *out)
{
    writer_text(out, "{\"streams\":[{\"stream\":{\"app\":\"checkout\"},\"values\":[");
    for (unsigned i = 0; i < SERIES; i++) {
        writer_format(
            out,
            "%s[\"1700000000%09u\",\"level=info user 4711 bought 3 items for 17.95 EUR, cart "
            "0f3a9c, payment accepted after 2 attempts\",{",
            i > 0 ? "," : "", i);
        for (unsigned n = 4; n < LABELS; n++)
            writer_format(out, "%s\"%s\":\"%s\"", n > 4 ? "," : "", names[n], values[i][n]);
        writer_text(out, "}]");
    }
    writer_text(out, "]}]}");
}

static void measure_logs(const char *name, decode_log_fn *fn, struct bytes in)
{
    struct arena arena;
    arena_init(&arena, 64 << 20, NULL);
    double best = 0;
    struct sum sum = {0};
    for (int round = 0; round < ROUNDS; round++) {
        sum = (struct sum){0};
        int64_t before = clock_mono_ns(clock_real());
        for (int i = 0; i < REPEATS; i++) {
            struct decode_log_task task = {.tenant = "",
                                           .arena = &arena,
                                           .sink = {add_records, &sum},
                                           .items_max = 1000000,
                                           .now = start_ms * 1000000};
            struct decode_tally tally;
            if (fn(&task, in, &tally, NULL) != TSDB_OK)
                printf("{\"name\":\"%s\",\"error\":true}\n", name);
            arena_reset(&arena);
        }
        double ns = (double)(clock_mono_ns(clock_real()) - before) / (REPEATS * SERIES);
        if (round == 0 || ns < best)
            best = ns;
    }
    printf("{\"name\":\"%s\",\"ns_per_record\":%.1f,\"bytes_per_record\":%.1f,\"records\":%llu,"
           "\"fields\":%.1f}\n",
           name, best, (double)in.len / SERIES, (unsigned long long)(sum.points / REPEATS),
           (double)sum.keys / (double)sum.points);
    arena_release(&arena);
}

/* ---- traces -------------------------------------------------------------------- */

enum { SPAN_TEXTS = 11, SPAN_NUMBERS = 4 };

static void put_number_attribute(struct writer *out, unsigned number, const char *key,
                                 unsigned member, uint64_t value)
{
    struct writer any = {0}, kv = {0};
    writer_uvarint(&any, member << 3);
    writer_uvarint(&any, value);
    put_field(&kv, 1, key, strlen(key));
    put_field(&kv, 2, any.at, any.len);
    put_field(out, number, kv.at, kv.len);
    writer_release(&any);
    writer_release(&kv);
}

static void make_span(struct writer *out, unsigned i)
{
    static const char *const texts[SPAN_TEXTS][2] = {
        {"http.request.method", "POST"},
        {"http.route", "/api/v1/cart/{id}/items"},
        {"url.scheme", "https"},
        {"url.path", "/api/v1/cart/4711/items"},
        {"server.address", "checkout.shop.example.com"},
        {"client.address", "10.1.200.17"},
        {"network.protocol.version", "1.1"},
        {"user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"},
        {"app.user.id", "b8b2a3f0-5b7e-4ad5-9f3c-0fd3dbf0e1a2"},
        {"app.session.id", "3f2c8a17-9f5e-4b7d-8a54-5d1e6f708192"},
        {"thread.name", "http-nio-8080-exec-7"},
    };
    uint64_t trace[2] = {i / 12 + 1, 0x9e3779b97f4a7c15}, span = i + 1, parent = i;
    uint64_t start = (uint64_t)start_ms * 1000000 + i;
    struct writer event = {0};
    put_field(out, 1, trace, sizeof trace);
    put_field(out, 2, &span, sizeof span);
    put_field(out, 4, &parent, i % 12 ? sizeof parent : 0);
    put_field(out, 5, "POST /api/v1/cart/{id}/items", 28);
    writer_text(out, "\x30\x02\x39");
    writer_le64(out, start);
    writer_u8(out, 0x41);
    writer_le64(out, start + 1000000);
    for (unsigned n = 0; n < SPAN_TEXTS; n++)
        put_attribute(out, 9, texts[n][0], texts[n][1]);
    put_number_attribute(out, 9, "http.response.status_code", 3, 200);
    put_number_attribute(out, 9, "server.port", 3, 8443);
    put_number_attribute(out, 9, "http.request.body.size", 3, i);
    put_number_attribute(out, 9, "app.is_member", 2, i & 1);
    if (i % 10 == 0) {
        writer_u8(&event, 0x09);
        writer_le64(&event, start + 10);
        put_field(&event, 2, "exception", 9);
        put_attribute(&event, 3, "exception.type", "TimeoutError");
        put_attribute(&event, 3, "exception.message", "no answer within 2 s");
        put_field(out, 11, event.at, event.len);
    }
    put_field(out, 15, "", 0);
    writer_text(out, "\x85\x01");
    writer_le32(out, 257);
    writer_release(&event);
}

static void make_trace(struct writer *out)
{
    struct writer span = {0}, scope = {0}, resource = {0}, part = {0};
    for (unsigned i = 0; i < SERIES; i += SERIES / 8) {
        writer_reset(&scope);
        writer_reset(&resource);
        writer_reset(&part);
        put_attribute(&part, 1, "service.name", "checkout");
        put_attribute(&part, 1, "host.name", values[i][4]);
        put_attribute(&part, 1, "k8s.pod.name", values[i][8]);
        put_field(&resource, 1, part.at, part.len);
        writer_reset(&part);
        put_field(&part, 1, "com.example.checkout", 20);
        put_field(&scope, 1, part.at, part.len);
        for (unsigned k = i; k < i + SERIES / 8; k++) {
            writer_reset(&span);
            make_span(&span, k);
            put_field(&scope, 2, span.at, span.len);
        }
        put_field(&resource, 2, scope.at, scope.len);
        put_field(out, 1, resource.at, resource.len);
    }
    struct writer *all[] = {&span, &scope, &resource, &part};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        writer_release(all[i]);
}

static void make_zipkin(struct writer *out)
{
    writer_u8(out, '[');
    for (unsigned i = 0; i < SERIES; i++) {
        writer_format(
            out,
            "%s{\"traceId\":\"9e3779b97f4a7c15%016x\",\"id\":\"%016x\",\"parentId\":\"%016x\","
            "\"kind\":\"SERVER\",\"name\":\"post /api/v1/cart\",\"timestamp\":%lld,"
            "\"duration\":1000,\"localEndpoint\":{\"serviceName\":\"checkout\"},\"tags\":{",
            i > 0 ? "," : "", i / 12 + 1, i + 1, i, (long long)start_ms * 1000 + i);
        for (unsigned n = 0; n < LABELS; n++)
            writer_format(out, "%s\"%s\":\"%s\"", n > 0 ? "," : "", names[n], values[i][n]);
        writer_text(out, "}}");
    }
    writer_u8(out, ']');
}

static enum tsdb_status add_spans(void *arg, const struct decode_span_batch *batch)
{
    struct sum *s = arg;
    for (uint32_t i = 0; i < batch->batch.span_count; i++)
        s->keys += batch->batch.spans[i].attributes.count;
    s->points += batch->batch.span_count;
    return TSDB_OK;
}

typedef enum tsdb_status decode_span_fn(const struct decode_span_task *task, struct bytes in,
                                        struct decode_tally *tally, struct tsdb_error *err);

static void measure_trace(const char *name, decode_span_fn *fn, struct bytes in)
{
    struct arena arena;
    arena_init(&arena, 64 << 20, NULL);
    double best = 0;
    struct sum sum = {0};
    for (int round = 0; round < ROUNDS; round++) {
        sum = (struct sum){0};
        int64_t before = clock_mono_ns(clock_real());
        for (int i = 0; i < REPEATS; i++) {
            struct decode_span_task task = {
                .tenant = "", .arena = &arena, .sink = {add_spans, &sum}, .items_max = 1000000};
            struct decode_tally tally;
            if (fn(&task, in, &tally, NULL) != TSDB_OK)
                printf("{\"name\":\"%s\",\"error\":true}\n", name);
            arena_reset(&arena);
        }
        double ns = (double)(clock_mono_ns(clock_real()) - before) / (REPEATS * SERIES);
        if (round == 0 || ns < best)
            best = ns;
    }
    printf("{\"name\":\"%s\",\"ns_per_span\":%.1f,\"bytes_per_span\":%.1f,\"spans\":%llu,"
           "\"attributes\":%.1f}\n",
           name, best, (double)in.len / SERIES, (unsigned long long)(sum.points / REPEATS),
           (double)sum.keys / (double)sum.points);
    arena_release(&arena);
}

int main(void)
{
    make_series();
    struct writer w = {0};
    make_write(&w);
    measure("remote_write", run_write, writer_bytes(&w), false);
    measure("remote_write_snappy", run_write, writer_bytes(&w), true);
    writer_reset(&w);
    make_write_2(&w);
    measure("remote_write_2", run_write_2, writer_bytes(&w), false);
    measure("remote_write_2_snappy", run_write_2, writer_bytes(&w), true);
    writer_reset(&w);
    make_otlp(&w);
    measure("otlp_metrics", run_otlp, writer_bytes(&w), false);
    writer_reset(&w);
    make_json(&w);
    measure("otlp_metrics_json", run_json, writer_bytes(&w), false);
    writer_reset(&w);
    make_logs(&w);
    measure_logs("otlp_logs", otlp_logs_decode, writer_bytes(&w));
    writer_reset(&w);
    make_push(&w);
    measure_logs("loki_push_json", loki_push_json_decode, writer_bytes(&w));
    writer_reset(&w);
    make_lines(&w, "");
    measure_logs("json_lines", run_lines, writer_bytes(&w));
    writer_reset(&w);
    make_lines(&w, "{\"create\":{\"_index\":\"logs-web-prod\"}}\n");
    measure_logs("es_bulk", run_bulk, writer_bytes(&w));
    writer_reset(&w);
    make_trace(&w);
    measure_trace("otlp_trace", otlp_spans_decode, writer_bytes(&w));
    writer_reset(&w);
    make_zipkin(&w);
    measure_trace("zipkin", zipkin_decode, writer_bytes(&w));
    writer_release(&w);
    return 0;
}
