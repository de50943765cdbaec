/* bench_codec.c - bytes and nanoseconds of the codecs over a node-exporter mix.
 *
 * Seeded; each line is one JSON object.  The classes and their shares:
 *   45 % constants, 20 % slow counters, 15 % fast counters, 10 % cpu seconds
 *   with two decimals, 7 % memory in multiples of 4096, 2 % gauges with two
 *   decimals, 1 % full precision.
 * Rates, noise and repeats are set so that XOR coding (xor_bytes: what Gorilla's
 * scheme takes for the same values, counted, not written) costs per class about
 * what is published for node exporters: .4 .5 3.3 5.7 2.1 7.6 bytes.
 * Times are the best of several passes over all columns of a class.
 */
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/codec/family.h"
#include "tsdb/codec/floats.h"
#include "tsdb/codec/histograms.h"
#include "tsdb/codec/ints.h"
#include "tsdb/codec/timestamps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    COLUMNS = 200, /* of the mix: shares in half per cents */
    PASSES = 15,
    SAMPLES_MAX = 1920,
};

enum class { CONSTANT, SLOW, FAST, CPU, MEMORY, GAUGE, FULL, CLASSES };

static const char *const class_names[CLASSES] = {
    "constant", "slow_counter", "fast_counter", "cpu_seconds", "memory", "gauge_2d", "full"};
static const unsigned class_shares[CLASSES] = {90, 40, 30, 20, 14, 4, 2};

static double normal(struct random *r)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += random_unit(r);
    return sum;
}

static double log_uniform(struct random *r, double low, double high)
{
    return low * pow(high / low, random_unit(r));
}

static void fill_counter(struct random *r, double *v, uint32_t n, double rate)
{
    double total = floor(log_uniform(r, 1e4, 1e9)), noise = 0.05 + 0.3 * random_unit(r);
    for (uint32_t i = 0; i < n; i++) {
        v[i] = total;
        double step = floor(rate * (1 + noise * normal(r)));
        total += step > 0 ? step : 0;
    }
}

static void fill_slow(struct random *r, double *v, uint32_t n)
{
    double total = floor(log_uniform(r, 1, 1e5)), chance = log_uniform(r, 0.003, 0.35);
    for (uint32_t i = 0; i < n; i++) {
        v[i] = total;
        if (random_unit(r) < chance)
            total += 1 + (double)random_below(r, 3);
    }
}

static void fill_cpu(struct random *r, double *v, uint32_t n)
{
    int64_t hundredths = (int64_t)log_uniform(r, 1e5, 1e8);
    double share = log_uniform(r, 0.005, 0.9);
    for (uint32_t i = 0; i < n; i++) {
        v[i] = (double)hundredths / 100;
        double step = 1500 * share * (1 + 0.15 * normal(r));
        hundredths += step > 0 ? (int64_t)step : 0;
    }
}

static void fill_memory(struct random *r, double *v, uint32_t n)
{
    double pages = floor(log_uniform(r, 1e4, 8e6)), walk = log_uniform(r, 10, 5000);
    for (uint32_t i = 0; i < n; i++) {
        v[i] = pages * 4096;
        if (random_unit(r) < 0.85)
            pages = fabs(pages + floor(walk * normal(r)));
    }
}

static void fill_gauge(struct random *r, double *v, uint32_t n)
{
    double level = 20 + 60 * random_unit(r);
    for (uint32_t i = 0; i < n; i++) {
        level += 0.13 * normal(r);
        v[i] = round(level * 100) / 100;
    }
}

static void fill(enum class class, struct random *r, double *v, uint32_t n)
{
    double scale = log_uniform(r, 0.1, 1e3);
    double level = random_below(r, 3) ? (double)random_below(r, 2) : floor(log_uniform(r, 2, 1e11));
    switch (class) {
    case CONSTANT:
        for (uint32_t i = 0; i < n; i++)
            v[i] = level;
        break;
    case SLOW: fill_slow(r, v, n); break;
    case FAST: fill_counter(r, v, n, log_uniform(r, 150, 3e6)); break;
    case CPU: fill_cpu(r, v, n); break;
    case MEMORY: fill_memory(r, v, n); break;
    case GAUGE: fill_gauge(r, v, n); break;
    case FULL:
        for (uint32_t i = 0; i < n; i++)
            v[i] = scale * random_unit(r);
        break;
    case CLASSES: break;
    }
}

/* Bits of the values in Gorilla's scheme. */
static double xor_bits(const double *v, uint32_t n)
{
    double bits = 64;
    unsigned lead = 64, trail = 0;
    for (uint32_t i = 1; i < n; i++) {
        uint64_t a, b;
        memcpy(&a, &v[i - 1], 8);
        memcpy(&b, &v[i], 8);
        uint64_t x = a ^ b;
        if (x == 0) {
            bits += 1;
            continue;
        }
        unsigned l = (unsigned)__builtin_clzll(x), t = (unsigned)__builtin_ctzll(x);
        l = l > 31 ? 31 : l;
        if (lead < 64 && l >= lead && t >= trail) {
            bits += 2 + 64 - lead - trail;
            continue;
        }
        lead = l;
        trail = t;
        bits += 2 + 5 + 6 + 64 - l - t;
    }
    return bits;
}

struct tally {
    double encode_ns, decode_ns, scaled_ns, summary_ns; /* of one pass over the class */
    double bytes, summary_bytes, xor_bytes;
    double values;
};

static int64_t now(void)
{
    return clock_mono_ns(clock_real());
}

static void keep_least(double *least, int64_t since)
{
    double ns = (double)(now() - since);
    *least = *least == 0 || ns < *least ? ns : *least;
}

struct column {
    double *v;
    struct writer bytes;
    struct floats_summary summary;
};

static void check(enum tsdb_status status, const char *what)
{
    if (status == TSDB_OK)
        return;
    fprintf(stderr, "%s does not decode\n", what);
    exit(1);
}

static void pass(struct column *columns, unsigned count, uint32_t n, struct tally *t)
{
    static double v[SAMPLES_MAX];
    static int64_t m[SAMPLES_MAX];
    struct writer summary = {0};
    int exponent;

    int64_t since = now();
    for (unsigned i = 0; i < count; i++) {
        writer_reset(&columns[i].bytes);
        floats_encode(columns[i].v, n, &columns[i].bytes, &columns[i].summary);
    }
    keep_least(&t->encode_ns, since);

    since = now();
    for (unsigned i = 0; i < count; i++) {
        check(floats_decode(writer_bytes(&columns[i].bytes), v, n), "column");
        __asm__ volatile("" ::"r"(v) : "memory");
    }
    keep_least(&t->decode_ns, since);

    since = now();
    for (unsigned i = 0; i < count; i++)
        if (floats_decode_scaled(writer_bytes(&columns[i].bytes), m, n, &exponent) == TSDB_ECORRUPT)
            check(TSDB_ECORRUPT, "scaled column");
    keep_least(&t->scaled_ns, since);

    since = now();
    for (unsigned i = 0; i < count; i++)
        floats_summary_encode(&columns[i].summary, &summary);
    keep_least(&t->summary_ns, since);

    t->bytes = 0;
    for (unsigned i = 0; i < count; i++)
        t->bytes += (double)columns[i].bytes.len;
    t->summary_bytes = (double)summary.len;
    writer_release(&summary);
}

static void print(const char *name, uint32_t n, const struct tally *t)
{
    printf("{\"name\":\"floats/%s/%u\",\"bytes_per_item\":%.3f,\"xor_bytes\":%.2f,"
           "\"encode_ns_per_item\":%.2f,\"decode_ns_per_item\":%.2f,\"scaled_ns_per_item\":%.2f,"
           "\"summary_bytes\":%.1f}\n",
           name, n, t->bytes / t->values, t->xor_bytes / t->values, t->encode_ns / t->values,
           t->decode_ns / t->values, t->scaled_ns / t->values, t->summary_bytes / t->values * n);
}

static void add(struct tally *total, const struct tally *t)
{
    total->encode_ns += t->encode_ns;
    total->decode_ns += t->decode_ns;
    total->scaled_ns += t->scaled_ns;
    total->bytes += t->bytes;
    total->summary_bytes += t->summary_bytes;
    total->xor_bytes += t->xor_bytes;
    total->values += t->values;
}

static void bench_floats(uint32_t n)
{
    struct random r;
    random_init(&r, 20260801);
    struct tally mix = {0};
    for (enum class class = 0; class < CLASSES; class ++) {
        unsigned count = class_shares[class];
        struct column *columns = MEM_ARRAY(struct column, count);
        struct tally t = {.values = (double)count * n};
        for (unsigned i = 0; i < count; i++) {
            columns[i].v = MEM_ARRAY(double, n);
            fill(class, &r, columns[i].v, n);
            t.xor_bytes += xor_bits(columns[i].v, n) / 8;
        }
        for (int i = 0; i < PASSES; i++)
            pass(columns, count, n, &t);
        print(class_names[class], n, &t);
        add(&mix, &t);
        for (unsigned i = 0; i < count; i++) {
            mem_free(columns[i].v);
            writer_release(&columns[i].bytes);
        }
        mem_free(columns);
    }
    print("mix", n, &mix);
}

static void bench_ints(unsigned bits)
{
    enum { N = 8192 };
    static int64_t v[N], back[N];
    struct random r;
    random_init(&r, bits);
    for (uint32_t i = 0; i < N; i++)
        v[i] = bits ? (int64_t)(random_next(&r) >> (64 - bits)) : 0;
    struct writer out = {0};
    double encode_ns = 0, decode_ns = 0;
    for (int i = 0; i < PASSES; i++) {
        writer_reset(&out);
        int64_t since = now();
        ints_encode(v, N, &out);
        keep_least(&encode_ns, since);
        since = now();
        struct reader in = reader_over(writer_bytes(&out));
        check(ints_decode(&in, back, N), "ints");
        keep_least(&decode_ns, since);
    }
    printf("{\"name\":\"ints/%u\",\"bytes_per_item\":%.3f,\"encode_ns_per_item\":%.2f,"
           "\"decode_ns_per_item\":%.2f}\n",
           bits, (double)out.len / N, encode_ns / N, decode_ns / N);
    writer_release(&out);
}

static void bench_timestamps(const char *name, uint32_t n, int64_t jitter, int64_t unit)
{
    static int64_t ts[SAMPLES_MAX], back[SAMPLES_MAX];
    struct random r;
    random_init(&r, n);
    for (uint32_t i = 0; i < n; i++) {
        int64_t late = jitter ? (int64_t)random_below(&r, (uint64_t)jitter) : 0;
        ts[i] = (INT64_C(1790000000000) + 15000 * (int64_t)i) * NS_PER_MS + late * unit;
    }
    struct writer out = {0};
    double encode_ns = 0, decode_ns = 0;
    uint32_t count;
    for (int i = 0; i < PASSES; i++) {
        writer_reset(&out);
        int64_t since = now();
        timestamps_encode(ts, n, &out);
        keep_least(&encode_ns, since);
        since = now();
        check(timestamps_decode(writer_bytes(&out), back, n, &count), "timestamps");
        keep_least(&decode_ns, since);
    }
    printf("{\"name\":\"timestamps/%s/%u\",\"bytes\":%zu,\"bytes_per_item\":%.3f,"
           "\"encode_ns_per_item\":%.2f,\"decode_ns_per_item\":%.2f}\n",
           name, n, out.len, (double)out.len / n, encode_ns / n, decode_ns / n);
    writer_release(&out);
}

/* A histogram of 14 buckets with so many observations an interval, the bucket
 * of each drawn from a bell over the bounds. */
static void bench_family(uint32_t n, double observations)
{
    enum { K = 14 };
    static double v[K][SAMPLES_MAX], back[K][SAMPLES_MAX];
    const double *columns[K];
    double *backs[K], counts[K] = {0};
    struct random r;
    random_init(&r, n);
    for (uint32_t i = 0; i < n; i++) {
        double spread = sqrt(observations) * normal(&r);
        double due = observations < 10 ? (random_unit(&r) < observations - floor(observations))
                                       : round(spread);
        for (double left = floor(observations) + due; left > 0; left--) {
            double place = 6 + 2 * normal(&r);
            counts[place < 0 ? 0 : place > K - 1 ? K - 1 : (int)place]++;
        }
        double sum = 0;
        for (unsigned k = 0; k < K; k++)
            v[k][i] = sum += counts[k];
    }
    for (unsigned k = 0; k < K; k++) {
        columns[k] = v[k];
        backs[k] = back[k];
    }
    struct writer out = {0}, single = {0};
    double encode_ns = 0, decode_ns = 0;
    for (int i = 0; i < PASSES; i++) {
        writer_reset(&out);
        int64_t since = now();
        if (!family_encode(columns, K, n, &out))
            exit(1);
        keep_least(&encode_ns, since);
        since = now();
        check(family_decode_all(writer_bytes(&out), backs, K, n), "family");
        keep_least(&decode_ns, since);
    }
    for (unsigned k = 0; k < K; k++)
        floats_encode(v[k], n, &single, NULL);
    double values = (double)n * K;
    printf("{\"name\":\"family/%g/%u\",\"bytes_per_item\":%.3f,\"singly_bytes_per_item\":%.3f,"
           "\"encode_ns_per_item\":%.2f,\"decode_ns_per_item\":%.2f}\n",
           observations, n, (double)out.len / values, (double)single.len / values,
           encode_ns / values, decode_ns / values);
    writer_release(&out);
    writer_release(&single);
}

/* A native histogram of 30 buckets, 20 observations an interval. */
static void bench_histograms(uint32_t n)
{
    enum { BUCKETS = 30 };
    static const struct tsdb_bucket_span span = {-15, BUCKETS};
    static double counts[SAMPLES_MAX][BUCKETS];
    static struct tsdb_histogram h[SAMPLES_MAX];
    struct random r;
    random_init(&r, n);
    for (uint32_t i = 0; i < n; i++) {
        double sum = i ? h[i - 1].sum : 0;
        for (unsigned k = 0; i && k < BUCKETS; k++)
            counts[i][k] = counts[i - 1][k];
        for (int k = 0; k < 20; k++) {
            double place = 15 + 4 * normal(&r);
            counts[i][place < 0 ? 0 : place >= BUCKETS ? BUCKETS - 1 : (int)place]++;
            sum += (double)random_below(&r, 1000) / 1024;
        }
        h[i] = (struct tsdb_histogram){.schema = 3,
                                       .zero_threshold = 0x1p-128,
                                       .count = 20.0 * (i + 1),
                                       .sum = sum,
                                       .positive_spans = &span,
                                       .positive_span_count = 1,
                                       .positive = counts[i],
                                       .positive_count = BUCKETS};
    }
    struct writer out = {0}, single = {0};
    struct arena arena;
    arena_init(&arena, 16 << 20, NULL);
    double encode_ns = 0, decode_ns = 0;
    for (int i = 0; i < PASSES; i++) {
        struct tsdb_histogram *back;
        uint32_t count;
        writer_reset(&out);
        arena_reset(&arena);
        int64_t since = now();
        histograms_encode(h, n, &out);
        keep_least(&encode_ns, since);
        since = now();
        check(histograms_decode(writer_bytes(&out), &arena, &back, &count), "histograms");
        keep_least(&decode_ns, since);
    }
    for (uint32_t i = 0; i < n; i++)
        histogram_encode(&h[i], &single);
    printf("{\"name\":\"histograms/%u\",\"bytes_per_item\":%.2f,\"singly_bytes_per_item\":%.2f,"
           "\"encode_ns_per_item\":%.0f,\"decode_ns_per_item\":%.0f}\n",
           n, (double)out.len / n, (double)single.len / n, encode_ns / n, decode_ns / n);
    arena_release(&arena);
    writer_release(&out);
    writer_release(&single);
}

int main(void)
{
    static const uint32_t sizes[] = {120, 480, 1920};
    static const unsigned widths[] = {0, 1, 4, 7, 12, 20, 33, 52, 60, 64};
    static const double observations[] = {0.5, 5, 50, 1000};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        bench_floats(sizes[i]);
        bench_timestamps("steady", sizes[i], 0, 1);
        bench_timestamps("5ms", sizes[i], 10, NS_PER_MS);
        bench_timestamps("5ms_in_ns", sizes[i], 10 * NS_PER_MS, 1);
        for (unsigned k = 0; k < sizeof observations / sizeof observations[0]; k++)
            bench_family(sizes[i], observations[k]);
        bench_histograms(sizes[i]);
    }
    for (unsigned i = 0; i < sizeof widths / sizeof widths[0]; i++)
        bench_ints(widths[i]);
    return 0;
}
