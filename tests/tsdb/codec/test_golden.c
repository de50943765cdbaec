#include "tsdb/codec/family.h"
#include "tsdb/codec/floats.h"
#include "tsdb/codec/histograms.h"
#include "tsdb/codec/ints.h"
#include "tsdb/codec/number.h"
#include "tsdb/codec/timestamps.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Goal: formats do not drift.
 * Method: tests/golden/codec/v1 holds bytes and the text of what they mean.  The
 * bytes must decode to the text, and the same values must encode to the bytes.
 * UPDATE_GOLDEN=1 rewrites both; the difference is for a reviewer. */

enum { N = 300, K = 5, FILE_MAX = 1 << 20 };

#define FOLDER "tests/golden/codec/v1/"

static struct bytes load(const char *name, const char *ending, uint8_t *room)
{
    char path[256];
    snprintf(path, sizeof path, FOLDER "%s.%s", name, ending);
    FILE *f = fopen(path, "rb");
    cr_assert(f, "%s is missing; UPDATE_GOLDEN=1 makes it", path);
    size_t len = fread(room, 1, FILE_MAX, f);
    fclose(f);
    return (struct bytes){room, len};
}

static void save(const char *name, const char *ending, const struct writer *w)
{
    char path[256];
    snprintf(path, sizeof path, FOLDER "%s.%s", name, ending);
    FILE *f = fopen(path, "wb");
    cr_assert(f, "%s", path);
    cr_assert(w->len == 0 || fwrite(w->at, 1, w->len, f) == w->len);
    fclose(f);
}

static bool is_same(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Reads bytes, writes their meaning. */
typedef void meaning_fn(struct bytes in, struct writer *text);

static void expect_golden(const char *name, const struct writer *encoded, meaning_fn *meaning)
{
    static uint8_t room[FILE_MAX];
    struct writer text = {0};
    if (getenv("UPDATE_GOLDEN")) {
        meaning(writer_bytes(encoded), &text);
        save(name, "bin", encoded);
        save(name, "txt", &text);
        writer_reset(&text);
    }
    struct bytes golden = load(name, "bin", room);
    cr_expect(is_same(golden, writer_bytes(encoded)), "%s: encodes to other bytes", name);
    meaning(golden, &text);
    struct bytes expected = load(name, "txt", room);
    cr_expect(is_same(expected, writer_bytes(&text)), "%s: decodes to other values", name);
    writer_release(&text);
}

static void put_double(struct writer *text, double v)
{
    writer_format(text, "%016" PRIx64 " %.17g\n", number_bits(v), v);
}

/* A sequence that needs no generator: the same everywhere, for ever. */
static uint64_t scatter(uint64_t i)
{
    uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    return x ^ x >> 29;
}

/* ---- ints ------------------------------------------------------------------------ */

static void ints_meaning(struct bytes in, struct writer *text)
{
    int64_t v[N];
    struct reader r = reader_over(in);
    cr_assert_eq(ints_decode(&r, v, N), TSDB_OK);
    cr_assert(reader_done(&r));
    for (int i = 0; i < N; i++)
        writer_format(text, "%" PRId64 "\n", v[i]);
}

Test(golden, ints)
{
    static const char *const names[] = {"ints_zero",   "ints_narrow", "ints_patched",
                                        "ints_signed", "ints_wide",   "ints_rest"};
    for (int shape = 0; shape < 6; shape++) {
        int64_t v[N];
        struct writer out = {0};
        for (uint32_t i = 0; i < N; i++) {
            uint64_t x = scatter(i);
            switch (shape) {
            case 0: v[i] = 0; break;
            case 1: v[i] = 1000000 + (int64_t)(x >> 57); break;
            case 2: v[i] = i % 37 ? (int64_t)(x >> 60) : (int64_t)(x >> 30) - (1 << 30); break;
            case 3: v[i] = (int64_t)(x >> 50) - (1 << 13); break;
            case 4: v[i] = (int64_t)(i < 128 ? x >> 4 : x); break;
            default: v[i] = i < 40 ? (int64_t)(x >> 44) : -7; break;
            }
        }
        ints_encode(v, N, &out);
        expect_golden(names[shape], &out, ints_meaning);
        writer_release(&out);
    }
}

/* ---- timestamps ------------------------------------------------------------------ */

static void timestamps_meaning(struct bytes in, struct writer *text)
{
    int64_t ts[N];
    uint32_t n;
    cr_assert_eq(timestamps_decode(in, ts, N, &n), TSDB_OK);
    for (uint32_t i = 0; i < n; i++)
        writer_format(text, "%" PRId64 "\n", ts[i]);
}

Test(golden, timestamps)
{
    static const char *const names[] = {"timestamps_none",    "timestamps_one",
                                        "timestamps_steady",  "timestamps_deltas",
                                        "timestamps_changes", "timestamps_grid"};
    static const uint32_t sizes[] = {0, 1, N, N, N, N};
    for (int shape = 0; shape < 6; shape++) {
        int64_t ts[N], at = INT64_C(1790000000123000000);
        struct writer out = {0};
        for (uint32_t i = 0; i < sizes[shape]; i++) {
            int64_t x = (int64_t)(scatter(i) >> 60) * 1000000;
            ts[i] = shape == 5 ? INT64_C(1790000000123000000) + i * INT64_C(15000000000) + x : at;
            at += shape == 2   ? INT64_C(15000000000)
                  : shape == 3 ? 1000000000 + x * 100
                               : i * INT64_C(1000000000) + x;
        }
        timestamps_encode(ts, sizes[shape], &out);
        expect_golden(names[shape], &out, timestamps_meaning);
        writer_release(&out);
    }
}

/* ---- floats ---------------------------------------------------------------------- */

static void floats_meaning(struct bytes in, struct writer *text)
{
    double v[N];
    cr_assert_eq(floats_decode(in, v, N), TSDB_OK);
    for (int i = 0; i < N; i++)
        put_double(text, v[i]);
}

enum golden_floats { CONSTANT, COUNTER, DECIMAL, PATCHED, MULTIPLE, IMAGE, ROTATED, SINGLE, KINDS };

static double golden_float(enum golden_floats kind, uint32_t i)
{
    uint64_t x = scatter(i);
    double unit = (double)(x >> 11) / 9007199254740992.0;
    switch (kind) {
    case CONSTANT: return 42.5;
    case COUNTER: return (i < 200 ? 123456 + 1500.0 * i : 1500.0 * (i - 200)) + (double)(x >> 58);
    case DECIMAL: return (double)(int64_t)(x >> 52) / 100;
    case PATCHED:
        return i % 50 == 3    ? number_from_bits(0x7ff0000000000002)
               : i % 100 == 7 ? -0.0
                              : (double)i / 10;
    case MULTIPLE: return (double)(x >> 56) * 1e21;
    case IMAGE: return 100 + unit;
    case ROTATED: return unit - 0.5;
    case SINGLE: return (double)(float)unit;
    case KINDS: break;
    }
    return 0;
}

Test(golden, floats)
{
    static const char *const names[KINDS] = {"floats_constant", "floats_counter",  "floats_decimal",
                                             "floats_patched",  "floats_multiple", "floats_image",
                                             "floats_rotated",  "floats_single"};
    for (enum golden_floats kind = 0; kind < KINDS; kind++) {
        double v[N];
        struct writer out = {0};
        for (uint32_t i = 0; i < N; i++)
            v[i] = golden_float(kind, i);
        floats_encode(v, N, &out, NULL);
        expect_golden(names[kind], &out, floats_meaning);
        writer_release(&out);
    }
}

static void summary_meaning(struct bytes in, struct writer *text)
{
    struct reader r = reader_over(in);
    struct floats_summary s;
    while (r.rest.len) {
        cr_assert_eq(floats_summary_decode(&r, &s), TSDB_OK);
        writer_format(text, "count %u nan %u resets %u\n", s.count, s.nan_count, s.resets);
        const double *fields = &s.min;
        for (int i = 0; i < 6; i++)
            put_double(text, fields[i]);
    }
}

Test(golden, floats_summary)
{
    struct writer out = {0};
    for (enum golden_floats kind = 0; kind < KINDS; kind++) {
        double v[N];
        struct floats_summary s;
        for (uint32_t i = 0; i < N; i++)
            v[i] = golden_float(kind, i);
        floats_summarize(v, N, &s);
        floats_summary_encode(&s, &out);
    }
    expect_golden("floats_summary", &out, summary_meaning);
    writer_release(&out);
}

/* ---- family ---------------------------------------------------------------------- */

static void family_meaning(struct bytes in, struct writer *text)
{
    static double cells[K][N];
    double *columns[K];
    for (int k = 0; k < K; k++)
        columns[k] = cells[k];
    cr_assert_eq(family_decode_all(in, columns, K, N), TSDB_OK);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < K; k++)
            writer_format(text, "%.17g%c", cells[k][i], k < K - 1 ? ' ' : '\n');
}

Test(golden, family)
{
    static double cells[K][N];
    const double *columns[K];
    double counts[K] = {0};
    struct writer out = {0};
    for (uint32_t i = 0; i < N; i++) {
        double sum = 0;
        for (uint32_t k = 0; k < K; k++) {
            columns[k] = cells[k];
            counts[k] += (double)(scatter(i * K + k) >> (60 + k % 3));
            cells[k][i] = sum += counts[k];
        }
    }
    cr_assert(family_encode(columns, K, N, &out));
    expect_golden("family", &out, family_meaning);
    writer_release(&out);
}

/* ---- native histograms ----------------------------------------------------------- */

static void put_histogram(struct writer *text, const struct tsdb_histogram *h)
{
    writer_format(text, "schema %d hint %u float %d threshold %.17g\n", h->schema, h->hint,
                  h->is_float, h->zero_threshold);
    for (uint32_t i = 0; i < h->positive_span_count; i++)
        writer_format(text, "+%d:%u ", h->positive_spans[i].offset, h->positive_spans[i].length);
    for (uint32_t i = 0; i < h->negative_span_count; i++)
        writer_format(text, "-%d:%u ", h->negative_spans[i].offset, h->negative_spans[i].length);
    for (uint32_t i = 0; i < h->custom_count; i++)
        writer_format(text, "le %.17g ", h->custom[i]);
    for (uint32_t i = 0; i < h->positive_count; i++)
        writer_format(text, "%.17g ", h->positive[i]);
    for (uint32_t i = 0; i < h->negative_count; i++)
        writer_format(text, "%.17g ", h->negative[i]);
    writer_format(text, "zero %.17g count %.17g sum ", h->zero_count, h->count);
    put_double(text, h->sum);
}

enum { NATIVES = 40 };

/* Integers, then floats, then custom bounds, then the stale marker. */
static void make_natives(struct tsdb_histogram h[NATIVES])
{
    static struct tsdb_bucket_span positive[] = {{-3, 3}, {2, 2}}, negative[] = {{1, 2}};
    static struct tsdb_bucket_span custom_spans[] = {{0, 3}};
    static double counts[NATIVES][5], others[NATIVES][2], custom[] = {0.1, 2.5};
    for (uint32_t i = 0; i < NATIVES; i++) {
        double total = 0;
        for (uint32_t k = 0; k < 5; k++)
            total += counts[i][k] = (double)(i * 7 + (scatter(i * 8 + k) >> 61));
        for (uint32_t k = 0; k < 2; k++)
            others[i][k] = (double)(i * k);
        h[i] = (struct tsdb_histogram){.schema = 3, .zero_threshold = 0x1p-128};
        h[i].sum = i * 2.25;
        h[i].hint = i < 3 ? TSDB_RESET_UNKNOWN : TSDB_RESET_NO;
        h[i].positive = counts[i];
        if (i == NATIVES - 1) {
            h[i].sum = number_from_bits(0x7ff0000000000002);
        } else if (i >= 30) {
            h[i].schema = TSDB_SCHEMA_CUSTOM;
            h[i].zero_threshold = 0;
            h[i].positive_spans = custom_spans;
            h[i].positive_span_count = 1;
            h[i].positive_count = 3;
            h[i].custom = custom;
            h[i].custom_count = 2;
            h[i].count = counts[i][0] + counts[i][1] + counts[i][2];
        } else {
            h[i].positive_spans = positive;
            h[i].positive_span_count = 2;
            h[i].positive_count = 5;
            h[i].negative = others[i];
            h[i].negative_spans = negative;
            h[i].negative_span_count = 1;
            h[i].negative_count = 2;
            h[i].zero_count = i;
            h[i].count = total + others[i][0] + others[i][1] + i;
            h[i].is_float = i >= 20;
            counts[i][0] += i >= 20 ? 0.5 : 0;
        }
    }
}

static void histogram_meaning(struct bytes in, struct writer *text)
{
    struct reader r = reader_over(in);
    struct arena arena;
    arena_init(&arena, FILE_MAX, NULL);
    while (r.rest.len) {
        struct tsdb_histogram h;
        cr_assert_eq(histogram_decode(&r, &arena, &h), TSDB_OK);
        put_histogram(text, &h);
    }
    arena_release(&arena);
}

static void histograms_meaning(struct bytes in, struct writer *text)
{
    struct arena arena;
    struct tsdb_histogram *h;
    uint32_t n;
    arena_init(&arena, FILE_MAX, NULL);
    cr_assert_eq(histograms_decode(in, &arena, &h, &n), TSDB_OK);
    for (uint32_t i = 0; i < n; i++)
        put_histogram(text, &h[i]);
    arena_release(&arena);
}

Test(golden, native_histograms)
{
    static struct tsdb_histogram h[NATIVES];
    struct writer single = {0}, chunk = {0};
    make_natives(h);
    for (uint32_t i = 0; i < NATIVES; i++)
        histogram_encode(&h[i], &single);
    histograms_encode(h, NATIVES, &chunk);
    expect_golden("histogram", &single, histogram_meaning);
    expect_golden("histograms", &chunk, histograms_meaning);
    writer_release(&single);
    writer_release(&chunk);
}
