/* Seeded generator of request bodies: the same bytes for whoever is measured.
 *
 * usage: gen_metrics MODE OUT END_MS [targets=16] [apps=0] [steps=240] [step_ms=15000]
 *                    [seed=1] [per_request=0] [shuffle=0]
 *
 * MODE: node       remote write 1.0 (snappy), one request a target and step
 *       million    the same with 1,000 targets: a million series, few steps
 *       histogram  the same with 4 apps alone: 64 classic histograms of 14 buckets, sum, count
 *       mixed      the same with 12 nodes and 4 apps
 *       otlp       OTLP ExportMetricsServiceRequest (plain protobuf) of the node series
 *
 * OUT is a sequence of
 *
 *   +-------------+---------------+---------------+
 *   | bytes u32le | samples u32le | body[bytes]   |
 *   +-------------+---------------+---------------+
 *
 * and ends with the step at END_MS: peers drop or hide samples from far away.  A target
 * is scraped at an offset of its own within the step, to the millisecond, and requests
 * are in the order of their timestamps; a step has the same requests in the same places,
 * so a client that deals them out by index keeps each series on one connection.
 * per_request=0: all series of a target in one request.  shuffle=1 puts the series of a request
 * into an order that is random, and stays.
 *
 * A node target has 1,000 series, named and labelled like node_exporter's: 450 constant,
 * 200 slow and 150 fast counters, 100 CPU seconds in steps of 0.01, 70 memory sizes in
 * pages of 4,096 bytes, 20 gauges of two decimals, 10 of full precision.
 */
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/writer.h"

#include <math.h>
#include <snappy-c.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERIES_OF_NODE = 1000, BUCKETS = 14, FAMILIES_OF_APP = 64, LABELS_MAX = 16, TEXT_MAX = 64 };

enum value_kind { CONSTANT, SLOW, FAST, CPU_SECONDS, MEMORY, GAUGE, PRECISE, HISTOGRAM };

struct series {
    enum value_kind kind;
    double value;
    double rate; /* what a step adds, or how far it walks */
    uint32_t labels_off, labels_len;
    char name[TEXT_MAX]; /* without labels; OTLP groups by it */
};

struct target {
    uint64_t offset_ms;
    struct series *series;
    uint32_t count;
    uint32_t index;
    bool is_app;
    struct writer labels; /* encoded, of all its series */
    double latency[FAMILIES_OF_APP], load[FAMILIES_OF_APP];
    uint32_t *order;
};

struct label {
    char name[TEXT_MAX], value[TEXT_MAX];
};

struct generator {
    struct random random;
    const char *mode;
    bool is_otlp, is_shuffled;
    uint32_t targets, apps, steps, per_request;
    uint64_t step_ms, seed, end_ms;
    FILE *out;
    struct target *target;
    struct label labels[LABELS_MAX];
    uint32_t label_count;
    struct writer one, body, packed, message;
    uint64_t requests, samples, bytes, plain;
};

static const double bounds[BUCKETS - 1] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                           1,     2.5,  5,     10,   30,  60};
static const char *const bound_texts[BUCKETS] = {"0.005", "0.01", "0.025", "0.05", "0.1",
                                                 "0.25",  "0.5",  "1",     "2.5",  "5",
                                                 "10",    "30",   "60",    "+Inf"};

static double gauss(struct random *r)
{
    double u = random_unit(r), v = random_unit(r);
    return sqrt(-2 * log(1 - u)) * cos(6.283185307179586 * v);
}

/* Between low and high, evenly by order of magnitude. */
static double log_uniform(struct random *r, double low, double high)
{
    return low * pow(high / low, random_unit(r));
}

/* ---- labels -------------------------------------------------------------------------- */

static void label_put(struct generator *g, const char *name, const char *value)
{
    struct label *l = &g->labels[g->label_count++];
    (void)snprintf(l->name, TEXT_MAX, "%s", name);
    (void)snprintf(l->value, TEXT_MAX, "%s", value);
}

static void label_number(struct generator *g, const char *name, const char *prefix, unsigned v)
{
    char text[TEXT_MAX];
    (void)snprintf(text, sizeof text, "%s%u", prefix, v);
    label_put(g, name, text);
}

static int by_name(const void *a, const void *b)
{
    const struct label *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static void put_text(struct writer *w, uint8_t tag, const char *text)
{
    writer_u8(w, tag);
    writer_sized(w, text, strlen(text));
}

/* Remote write: field 1 of TimeSeries, a Label.  OTLP: field 7 of NumberDataPoint, a
 * KeyValue with a string. */
static void encode_labels(struct generator *g, struct target *t, struct series *s)
{
    qsort(g->labels, g->label_count, sizeof g->labels[0], by_name);
    s->labels_off = (uint32_t)t->labels.len;
    for (uint32_t i = 0; i < g->label_count; i++) {
        const struct label *l = &g->labels[i];
        if (g->is_otlp && strcmp(l->name, "__name__") == 0)
            continue;
        uint8_t value[TEXT_MAX + 2];
        size_t len = strlen(l->value);
        writer_u8(&t->labels, g->is_otlp ? 0x3a : 0x0a);
        size_t inner = g->is_otlp ? len + 2 : len; /* AnyValue around it */
        writer_uvarint(&t->labels, 2 + strlen(l->name) + 2 + inner);
        put_text(&t->labels, 0x0a, l->name);
        value[0] = 0x0a;
        value[1] = (uint8_t)len;
        memcpy(value + 2, l->value, len);
        writer_u8(&t->labels, 0x12);
        writer_sized(&t->labels, g->is_otlp ? value : value + 2, inner);
    }
    s->labels_len = (uint32_t)t->labels.len - s->labels_off;
    g->label_count = 0;
}

/* Starts a series; the caller adds what is its own and calls series_end. */
static struct series *series_begin(struct generator *g, struct target *t, const char *name,
                                   enum value_kind kind)
{
    struct series *s = &t->series[t->count++];
    s->kind = kind;
    (void)snprintf(s->name, TEXT_MAX, "%s", name);
    label_put(g, "__name__", name);
    if (g->is_otlp)
        return s; /* the rest is the resource's */
    label_number(g, "cluster", "prod-eu-", t->index % 4);
    label_number(g, "dc", "dc", t->index % 3);
    label_put(g, "env", "production");
    char instance[TEXT_MAX];
    (void)snprintf(instance, sizeof instance, "host-%04u.example.org:9100", t->index);
    label_put(g, "instance", instance);
    label_put(g, "job", t->is_app ? "api" : "node");
    label_number(g, "rack", "r", t->index % 40);
    label_number(g, "team", "team-", t->index % 10);
    return s;
}

/* Where a series of its kind begins, and how fast it goes. */
static void series_end(struct generator *g, struct target *t, struct series *s)
{
    struct random *r = &g->random;
    encode_labels(g, t, s);
    switch (s->kind) {
    case CONSTANT: s->value = (double)random_below(r, 3) * 500; break;
    case SLOW:
        s->value = (double)random_below(r, 10000);
        s->rate = 0.02 + 0.1 * random_unit(r) * random_unit(r);
        break;
    case FAST:
        s->rate = log_uniform(r, 100, 1e6);
        s->value = floor(s->rate * (double)random_below(r, 100000));
        break;
    case CPU_SECONDS:
        s->rate = log_uniform(r, 0.02, 1) * 0.001 * (double)g->step_ms;
        s->value = floor(s->rate * 100 * (double)random_below(r, 10000));
        break;
    case MEMORY:
        s->rate = log_uniform(r, 4, 4000);
        s->value = floor(log_uniform(r, 1e4, 1e7));
        break;
    case GAUGE:
        s->rate = log_uniform(r, 2, 30);
        s->value = floor(log_uniform(r, 100, 9000));
        break;
    case PRECISE:
        s->rate = log_uniform(r, 1e-6, 1);
        s->value = random_unit(r);
        break;
    case HISTOGRAM: break;
    }
}

/* ---- what a node exports ------------------------------------------------------------- */

static const char *const memory_words[] = {
    "Active",       "AnonPages",  "Bounce",      "Buffers",     "Cached",
    "CommitLimit",  "Dirty",      "Inactive",    "KernelStack", "Mapped",
    "MemAvailable", "MemFree",    "MemTotal",    "Mlocked",     "PageTables",
    "SReclaimable", "SUnreclaim", "Shmem",       "Slab",        "SwapCached",
    "SwapFree",     "SwapTotal",  "Unevictable", "Writeback",   NULL};
static const char *const count_words[] = {"InErrors", "OutErrors", "Resets",   "Retries", "Stalls",
                                          "Drops",    "Overflows", "Timeouts", "Faults",  NULL};
static const char *const load_words[] = {"1", "15", "5", NULL};
static const char *const clock_words[] = {"offset", "maxerror", "estimated_error", "skew", NULL};

/* `count` names made of the words, one series each. */
static void plain_names(struct generator *g, struct target *t, const char *prefix,
                        const char *const *words, const char *suffix, enum value_kind kind,
                        uint32_t count)
{
    uint32_t known = 0;
    while (words[known])
        known++;
    for (uint32_t i = 0; i < count; i++) {
        char name[TEXT_MAX], round[TEXT_MAX] = "";
        if (i >= known)
            (void)snprintf(round, sizeof round, "_%u", i / known);
        (void)snprintf(name, sizeof name, "%s%s%.8s%s", prefix, words[i % known], round, suffix);
        series_end(g, t, series_begin(g, t, name, kind));
    }
}

/* Every name with every device. */
static void device_names(struct generator *g, struct target *t, const char *const *names,
                         const char *device, uint32_t devices, enum value_kind kind)
{
    for (; *names; names++)
        for (uint32_t i = 0; i < devices; i++) {
            struct series *s = series_begin(g, t, *names, kind);
            char text[TEXT_MAX];
            bool is_disk = strcmp(device, "sd") == 0;
            (void)snprintf(text, sizeof text, is_disk ? "%s%c" : "%s%u", device,
                           is_disk ? 'a' + i : i);
            label_put(g, "device", text);
            series_end(g, t, s);
        }
}

static void node_cpu(struct generator *g, struct target *t)
{
    static const char *const modes[] = {"idle",    "iowait", "irq",    "nice",
                                        "softirq", "steal",  "system", "user"};
    static const char *const vectors[] = {"NET_RX", "NET_TX", "RCU", "SCHED", "TIMER"};
    for (uint32_t cpu = 0; cpu < 12; cpu++) {
        for (uint32_t m = 0; m < 8; m++) {
            struct series *s = series_begin(g, t, "node_cpu_seconds_total", CPU_SECONDS);
            label_number(g, "cpu", "", cpu);
            label_put(g, "mode", modes[m]);
            series_end(g, t, s);
            if (m == 0)
                s->rate = (0.6 + 0.35 * random_unit(&g->random)) * 0.001 * (double)g->step_ms;
        }
        for (uint32_t v = 0; v < 5; v++) {
            struct series *s = series_begin(g, t, "node_softirqs_total", FAST);
            label_number(g, "cpu", "", cpu);
            label_put(g, "vector", vectors[v]);
            series_end(g, t, s);
        }
    }
    for (uint32_t i = 0; i < 4; i++) {
        struct series *s = series_begin(g, t, "node_cpu_guest_seconds_total", CPU_SECONDS);
        label_number(g, "cpu", "", i / 2);
        label_put(g, "mode", i % 2 ? "user" : "nice");
        series_end(g, t, s);
    }
    series_end(g, t, series_begin(g, t, "node_context_switches_total", FAST));
    series_end(g, t, series_begin(g, t, "node_intr_total", FAST));
}

static void node_devices(struct generator *g, struct target *t)
{
    static const char *const fast_net[] = {
        "node_network_receive_bytes_total", "node_network_receive_packets_total",
        "node_network_transmit_bytes_total", "node_network_transmit_packets_total", NULL};
    static const char *const slow_net[] = {"node_network_receive_compressed_total",
                                           "node_network_receive_drop_total",
                                           "node_network_receive_errs_total",
                                           "node_network_receive_fifo_total",
                                           "node_network_receive_frame_total",
                                           "node_network_receive_multicast_total",
                                           "node_network_transmit_carrier_total",
                                           "node_network_transmit_colls_total",
                                           "node_network_transmit_compressed_total",
                                           "node_network_transmit_drop_total",
                                           "node_network_transmit_errs_total",
                                           "node_network_transmit_fifo_total",
                                           NULL};
    static const char *const fixed_net[] = {"node_network_address_assign_type",
                                            "node_network_carrier",
                                            "node_network_device_id",
                                            "node_network_dormant",
                                            "node_network_flags",
                                            "node_network_iface_id",
                                            "node_network_mtu_bytes",
                                            "node_network_protocol_type",
                                            "node_network_speed_bytes",
                                            "node_network_up",
                                            NULL};
    static const char *const disk[] = {
        "node_disk_read_bytes_total", "node_disk_reads_completed_total",
        "node_disk_writes_completed_total", "node_disk_written_bytes_total", NULL};
    device_names(g, t, fast_net, "eth", 12, FAST);
    device_names(g, t, slow_net, "eth", 12, SLOW);
    device_names(g, t, fixed_net, "eth", 12, CONSTANT);
    device_names(g, t, disk, "sd", 10, FAST);
}

static void node_filesystems(struct generator *g, struct target *t)
{
    static const char *const names[] = {"node_filesystem_avail_bytes", "node_filesystem_free_bytes",
                                        "node_filesystem_size_bytes"};
    static const char *const mounts[] = {"/",    "/boot",    "/home", "/var",
                                         "/tmp", "/var/lib", "/srv",  "/run"};
    for (uint32_t n = 0; n < 3; n++)
        for (uint32_t i = 0; i < 8; i++) {
            struct series *s = series_begin(g, t, names[n], MEMORY);
            label_number(g, "device", "/dev/nvme0n1p", i);
            label_put(g, "fstype", i == 7 ? "tmpfs" : "ext4");
            label_put(g, "mountpoint", mounts[i]);
            series_end(g, t, s);
        }
}

static void node_units(struct generator *g, struct target *t)
{
    static const char *const states[] = {"activating", "active", "deactivating", "failed",
                                         "inactive"};
    for (uint32_t unit = 0; unit < 60; unit++)
        for (uint32_t i = 0; i < 5; i++) {
            struct series *s = series_begin(g, t, "node_systemd_unit_state", CONSTANT);
            char name[TEXT_MAX];
            (void)snprintf(name, sizeof name, "daemon-%u.service", unit);
            label_put(g, "name", name);
            label_put(g, "state", states[i]);
            label_put(g, "type", "simple");
            series_end(g, t, s);
            s->value = i == 1;
        }
}

static void node_series(struct generator *g, struct target *t)
{
    t->series = MEM_ARRAY(struct series, SERIES_OF_NODE);
    node_cpu(g, t);         /* 162 */
    node_devices(g, t);     /* 352 */
    node_filesystems(g, t); /* 24 */
    plain_names(g, t, "node_load", load_words, "", GAUGE, 3);
    plain_names(g, t, "node_memory_", memory_words, "_bytes", MEMORY, 46);
    plain_names(g, t, "node_netstat_", count_words, "", SLOW, 26);
    plain_names(g, t, "node_sysctl_", count_words, "", CONSTANT, 30);
    node_units(g, t); /* 300 */
    for (uint32_t i = 0; i < 17; i++) {
        struct series *s = series_begin(g, t, "node_hwmon_temp_celsius", GAUGE);
        label_put(g, "chip", "platform_coretemp_0");
        label_number(g, "sensor", "temp", i);
        series_end(g, t, s);
    }
    plain_names(g, t, "node_timex_", clock_words, "_seconds", PRECISE, 10);
    plain_names(g, t, "node_vmstat_", count_words, "", SLOW, 30);
    if (t->count != SERIES_OF_NODE) {
        (void)fprintf(stderr, "a node has %u series, want %d\n", t->count, SERIES_OF_NODE);
        exit(1);
    }
}

static void app_series(struct generator *g, struct target *t)
{
    t->series = MEM_ARRAY(struct series, FAMILIES_OF_APP * (BUCKETS + 2));
    for (uint32_t f = 0; f < FAMILIES_OF_APP; f++) {
        for (uint32_t i = 0; i < BUCKETS + 2; i++) {
            static const char *const names[] = {"http_request_duration_seconds_bucket",
                                                "http_request_duration_seconds_count",
                                                "http_request_duration_seconds_sum"};
            uint32_t n = i < BUCKETS ? 0 : i - BUCKETS + 1;
            struct series *s = series_begin(g, t, names[n], HISTOGRAM);
            label_number(g, "service", "service-", f % 8);
            label_number(g, "route", "/api/v1/resource", f / 8);
            if (n == 0)
                label_put(g, "le", bound_texts[i]);
            series_end(g, t, s);
        }
        t->latency[f] = log_uniform(&g->random, 0.004, 2);
        t->load[f] = log_uniform(&g->random, 0.5, 500);
    }
}

/* ---- values -------------------------------------------------------------------------- */

static double next_value(struct series *s, struct random *r)
{
    switch (s->kind) {
    case CONSTANT: return s->value;
    case SLOW:
        if (random_unit(r) < s->rate)
            s->value += 1 + (double)random_below(r, 5);
        return s->value;
    case FAST: s->value += floor(s->rate * (0.9 + 0.2 * random_unit(r))); return s->value;
    case CPU_SECONDS: /* kept in hundredths */
        s->value += floor(fmax(0, s->rate * 100 * (1 + 0.1 * gauss(r))));
        return s->value / 100;
    case MEMORY: s->value = fmax(1, s->value + floor(s->rate * gauss(r))); return s->value * 4096;
    case GAUGE: /* kept in hundredths */
        s->value = fmax(0, s->value + floor(s->rate * gauss(r)));
        return s->value / 100;
    case PRECISE: return s->value + s->rate * gauss(r);
    case HISTOGRAM: return s->value;
    }
    return 0;
}

/* About Poisson with this mean. */
static double draw_count(struct random *r, double mean)
{
    if (mean > 20)
        return fmax(0, floor(mean + sqrt(mean) * gauss(r) + 0.5));
    double limit = exp(-mean), product = random_unit(r), count = 0;
    while (product > limit) {
        product *= random_unit(r);
        count++;
    }
    return count;
}

/* A step of every family: observations with a log-normal latency. */
static void step_histograms(struct generator *g, struct target *t)
{
    for (uint32_t f = 0; f < FAMILIES_OF_APP; f++) {
        struct series *s = &t->series[f * (BUCKETS + 2)];
        double below = 0, seen = 0, sum = 0;
        for (uint32_t b = 0; b < BUCKETS; b++) {
            double p =
                b < BUCKETS - 1 ? 0.5 * erfc(-log(bounds[b] / t->latency[f]) / 1.4142135) : 1;
            double drawn = draw_count(&g->random, t->load[f] * (p - below));
            below = p;
            seen += drawn;
            s[b].value += seen; /* cumulative over the buckets and over time */
            sum += drawn * bounds[b < BUCKETS - 1 ? b : BUCKETS - 2] * random_unit(&g->random);
        }
        s[BUCKETS].value += seen;
        s[BUCKETS + 1].value += sum;
    }
}

/* ---- requests ------------------------------------------------------------------------ */

static void emit(struct generator *g, struct bytes body, uint32_t samples)
{
    struct writer head = {0};
    writer_le32(&head, (uint32_t)body.len);
    writer_le32(&head, samples);
    if (fwrite(head.at, head.len, 1, g->out) != 1 || fwrite(body.at, body.len, 1, g->out) != 1) {
        perror("write");
        exit(1);
    }
    writer_release(&head);
    g->requests++;
    g->samples += samples;
    g->bytes += body.len;
}

static void emit_packed(struct generator *g, uint32_t samples)
{
    g->plain += g->body.len;
    size_t len = snappy_max_compressed_length(g->body.len);
    writer_reset(&g->packed);
    char *out = (char *)writer_reserve(&g->packed, len);
    if (snappy_compress((const char *)g->body.at, g->body.len, out, &len) != SNAPPY_OK) {
        (void)fprintf(stderr, "snappy refused a body\n");
        exit(1);
    }
    emit(g, (struct bytes){g->packed.at, len}, samples);
    writer_reset(&g->body);
}

/* WriteRequest.timeseries { labels 1, samples 2 { value 1, timestamp 2 } } */
static void put_series(struct generator *g, const struct target *t, struct series *s,
                       uint64_t ts_ms)
{
    uint8_t ts[10];
    size_t ts_len = uvarint_encode(ts_ms, ts);
    writer_u8(&g->body, 0x0a);
    writer_uvarint(&g->body, s->labels_len + 2 + 9 + 1 + ts_len);
    writer_put(&g->body, t->labels.at + s->labels_off, s->labels_len);
    writer_u8(&g->body, 0x12);
    writer_uvarint(&g->body, 9 + 1 + ts_len);
    writer_u8(&g->body, 0x09);
    writer_f64(&g->body, next_value(s, &g->random));
    writer_u8(&g->body, 0x10);
    writer_put(&g->body, ts, ts_len);
}

static void request_write(struct generator *g, struct target *t, uint64_t ts_ms)
{
    if (t->is_app)
        step_histograms(g, t);
    uint32_t in_request = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        put_series(g, t, &t->series[t->order ? t->order[i] : i], ts_ms);
        if (++in_request == g->per_request) {
            emit_packed(g, in_request);
            in_request = 0;
        }
    }
    if (in_request)
        emit_packed(g, in_request);
}

/* NumberDataPoint { attributes 7, time_unix_nano 3, as_double 4 } in field 1 of a Gauge
 * (5) or Sum (7: temporality 2 = cumulative, monotonic 3) of a Metric { name 1 }. */
static void put_metric(struct generator *g, struct target *t, uint32_t from, uint32_t to,
                       uint64_t ts_ms)
{
    const struct series *first = &t->series[from];
    bool is_sum = first->kind == SLOW || first->kind == FAST || first->kind == CPU_SECONDS;
    struct writer *w = &g->one;
    writer_reset(w);
    for (uint32_t i = from; i < to; i++) {
        struct series *s = &t->series[i];
        writer_u8(w, 0x0a);
        writer_uvarint(w, s->labels_len + 18);
        writer_put(w, t->labels.at + s->labels_off, s->labels_len);
        writer_u8(w, 0x19);
        writer_le64(w, ts_ms * 1000000);
        writer_u8(w, 0x21);
        writer_f64(w, next_value(s, &g->random));
    }
    if (is_sum)
        writer_put(w, "\x10\x02\x18\x01", 4);
    writer_reset(&g->packed);
    put_text(&g->packed, 0x0a, first->name);
    writer_u8(&g->packed, is_sum ? 0x3a : 0x2a);
    writer_sized(&g->packed, w->at, w->len);
    writer_u8(&g->message, 0x12); /* ScopeMetrics.metrics */
    writer_sized(&g->message, g->packed.at, g->packed.len);
}

/* A resource of OTLP: service.name, service.instance.id, host.name. */
static void put_resource(struct writer *out, const struct target *t)
{
    static const char *const keys[] = {"service.name", "service.instance.id", "host.name"};
    struct writer resource = {0};
    for (uint32_t i = 0; i < 3; i++) {
        char value[TEXT_MAX];
        if (i == 0)
            (void)snprintf(value, sizeof value, "node");
        else
            (void)snprintf(value, sizeof value, "host-%04u.example.org%s", t->index,
                           i == 1 ? ":9100" : "");
        writer_u8(&resource, 0x0a);
        writer_uvarint(&resource, 2 + strlen(keys[i]) + 4 + strlen(value));
        put_text(&resource, 0x0a, keys[i]);
        writer_u8(&resource, 0x12);
        writer_uvarint(&resource, 2 + strlen(value));
        put_text(&resource, 0x0a, value);
    }
    writer_u8(out, 0x0a);
    writer_sized(out, resource.at, resource.len);
    writer_release(&resource);
}

static void emit_otlp(struct generator *g, const struct target *t, uint32_t samples)
{
    if (samples == 0)
        return;
    writer_reset(&g->one);
    put_resource(&g->one, t);
    writer_u8(&g->one, 0x12); /* ResourceMetrics.scope_metrics */
    writer_sized(&g->one, g->message.at, g->message.len);
    writer_reset(&g->message);
    writer_u8(&g->body, 0x0a);
    writer_sized(&g->body, g->one.at, g->one.len);
    g->plain += g->body.len;
    emit(g, writer_bytes(&g->body), samples);
    writer_reset(&g->body);
}

static void request_otlp(struct generator *g, struct target *t, uint64_t ts_ms)
{
    uint32_t in_request = 0;
    for (uint32_t i = 0, end; i < t->count; i = end) {
        for (end = i + 1; end < t->count && end - i + in_request < g->per_request &&
                          strcmp(t->series[end].name, t->series[i].name) == 0;)
            end++;
        put_metric(g, t, i, end, ts_ms);
        in_request += end - i;
        if (in_request >= g->per_request) {
            emit_otlp(g, t, in_request);
            in_request = 0;
        }
    }
    emit_otlp(g, t, in_request);
}

/* ---- the run ------------------------------------------------------------------------- */

static int by_series_name(const void *a, const void *b)
{
    const struct series *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->labels_off > y->labels_off) - (x->labels_off < y->labels_off);
}

static int by_offset(const void *a, const void *b)
{
    const struct target *x = a, *y = b;
    return (x->offset_ms > y->offset_ms) - (x->offset_ms < y->offset_ms);
}

static void prepare(struct generator *g)
{
    random_init(&g->random, g->seed);
    g->target = MEM_ARRAY(struct target, g->targets);
    for (uint32_t i = 0; i < g->targets; i++) {
        struct target *t = &g->target[i];
        t->is_app = i >= g->targets - g->apps;
        t->index = t->is_app ? i - (g->targets - g->apps) : i;
        t->offset_ms = random_below(&g->random, g->step_ms);
        if (t->is_app)
            app_series(g, t);
        else
            node_series(g, t);
        qsort(t->series, t->count, sizeof t->series[0], by_series_name);
        if (!g->is_shuffled)
            continue;
        t->order = MEM_ARRAY(uint32_t, t->count);
        for (uint32_t k = 0; k < t->count; k++) {
            uint32_t at = (uint32_t)random_below(&g->random, k + 1);
            t->order[k] = t->order[at];
            t->order[at] = k;
        }
    }
    qsort(g->target, g->targets, sizeof g->target[0], by_offset);
}

static void generate(struct generator *g)
{
    uint64_t first_ms = g->end_ms / g->step_ms * g->step_ms - g->steps * g->step_ms;
    for (uint32_t step = 0; step < g->steps; step++)
        for (uint32_t i = 0; i < g->targets; i++) {
            uint64_t ts_ms = first_ms + step * g->step_ms + g->target[i].offset_ms;
            if (g->is_otlp)
                request_otlp(g, &g->target[i], ts_ms);
            else
                request_write(g, &g->target[i], ts_ms);
        }
    (void)printf("{\"mode\":\"%s\",\"seed\":%llu,\"targets\":%u,\"series\":%llu,\"steps\":%u,"
                 "\"step_ms\":%llu,\"first_ms\":%llu,\"end_ms\":%llu,\"requests\":%llu,"
                 "\"samples\":%llu,\"body_bytes\":%llu,\"plain_bytes\":%llu,\"is_shuffled\":%d}\n",
                 g->mode, (unsigned long long)g->seed, g->targets,
                 (unsigned long long)(g->samples / g->steps), g->steps,
                 (unsigned long long)g->step_ms, (unsigned long long)first_ms,
                 (unsigned long long)(first_ms + g->steps * g->step_ms),
                 (unsigned long long)g->requests, (unsigned long long)g->samples,
                 (unsigned long long)g->bytes, (unsigned long long)g->plain, g->is_shuffled);
}

static uint64_t number(int argc, char **argv, const char *key, uint64_t fallback)
{
    size_t len = strlen(key);
    for (int i = 4; i < argc; i++)
        if (strncmp(argv[i], key, len) == 0 && argv[i][len] == '=')
            return strtoull(argv[i] + len + 1, NULL, 10);
    return fallback;
}

static void release(struct generator *g)
{
    for (uint32_t i = 0; i < g->targets; i++) {
        writer_release(&g->target[i].labels);
        mem_free(g->target[i].series);
        mem_free(g->target[i].order);
    }
    mem_free(g->target);
    writer_release(&g->one);
    writer_release(&g->body);
    writer_release(&g->packed);
    writer_release(&g->message);
}

static bool mode_defaults(const char *mode, uint32_t *nodes, uint32_t *apps, uint32_t *steps)
{
    static const struct {
        const char *mode;
        uint32_t nodes, apps, steps;
    } modes[] = {{"node", 16, 0, 240},
                 {"million", 1000, 0, 4},
                 {"histogram", 0, 4, 240},
                 {"mixed", 12, 4, 240},
                 {"otlp", 16, 0, 240}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(mode, modes[i].mode) == 0) {
            *nodes = modes[i].nodes;
            *apps = modes[i].apps;
            *steps = modes[i].steps;
            return true;
        }
    return false;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fprintf(stderr, "usage: gen_metrics node|million|histogram|mixed|otlp OUT END_MS "
                              "[targets=N] [apps=N] [steps=N] [step_ms=N] [seed=N] [per_request=N] "
                              "[shuffle=0|1]\n");
        return 2;
    }
    struct generator g = {.mode = argv[1]};
    uint32_t nodes, apps, steps = 240;
    if (!mode_defaults(g.mode, &nodes, &apps, &steps)) {
        (void)fprintf(stderr, "%s: no such mode\n", g.mode);
        return 2;
    }
    g.is_otlp = strcmp(g.mode, "otlp") == 0;
    g.end_ms = strtoull(argv[3], NULL, 10);
    g.apps = (uint32_t)number(argc, argv, "apps", apps);
    g.targets = (uint32_t)number(argc, argv, "targets", nodes) + g.apps;
    g.steps = (uint32_t)number(argc, argv, "steps", steps);
    g.step_ms = number(argc, argv, "step_ms", 15000);
    g.seed = number(argc, argv, "seed", 1);
    g.per_request = (uint32_t)number(argc, argv, "per_request", 0);
    g.is_shuffled = number(argc, argv, "shuffle", 0);
    if (g.targets == 0 || g.steps == 0 || g.step_ms == 0 || (g.is_otlp && g.apps)) {
        (void)fprintf(stderr, "targets, steps and step_ms begin at 1; otlp has no apps\n");
        return 2;
    }
    if (g.per_request == 0)
        g.per_request = UINT32_MAX;
    g.out = fopen(argv[2], "wb");
    if (!g.out) {
        perror(argv[2]);
        return 1;
    }
    prepare(&g);
    generate(&g);
    release(&g);
    if (fclose(g.out) != 0) {
        perror(argv[2]);
        return 1;
    }
    return 0;
}
