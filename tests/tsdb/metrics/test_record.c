#include "tests/tsdb/codec/native.h"
#include "tests/tsdb/metrics/prop_record.h"
#include "tests/tsdb/metrics/rig.h"
#include "tsdb/base/text.h"
#include "tsdb/codec/histograms.h"

enum { POINTS = 300 };

struct expected {
    const struct tsdb_point *points;
    const struct routed *routed;
    uint32_t at, count;
};

static void expect_sample(void *arg, const struct record_sample *s)
{
    struct expected *e = arg;
    while (e->points[e->routed[e->at].index].histogram)
        e->at++;
    const struct tsdb_point *p = &e->points[e->routed[e->at].index];
    cr_assert_eq(s->ref, e->routed[e->at].ref);
    cr_assert_eq(s->ts, p->ts);
    cr_assert_eq(memcmp(&s->bits, &p->value, sizeof s->bits), 0);
    e->at++;
    e->count++;
}

static void expect_histogram(void *arg, uint32_t ref, int64_t ts, struct bytes encoded)
{
    struct expected *e = arg;
    while (!e->points[e->routed[e->at].index].histogram)
        e->at++;
    const struct tsdb_point *p = &e->points[e->routed[e->at].index];
    cr_assert_eq(ref, e->routed[e->at].ref);
    cr_assert_eq(ts, p->ts);
    struct writer w = {0};
    histogram_encode(p->histogram, &w);
    cr_assert_eq(w.len, encoded.len);
    cr_assert_eq(memcmp(w.at, encoded.at, w.len), 0);
    writer_release(&w);
    e->at++;
    e->count++;
}

static int64_t some_time(struct random *r)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    return random_below(r, 3) ? edges[random_below(r, 7)] : (int64_t)random_next(r);
}

static void check_round(struct random *r, bool has_one_time, unsigned histograms)
{
    static struct native native[8];
    struct tsdb_point points[POINTS];
    struct routed routed[POINTS];
    int64_t ts = some_time(r);
    for (int i = 0; i < 8; i++)
        native_make(r, &native[i]);
    uint32_t n = (uint32_t)random_below(r, POINTS), floats = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bits = random_next(r);
        points[i] = (struct tsdb_point){.ts = has_one_time ? ts : some_time(r)};
        memcpy(&points[i].value, &bits, sizeof bits);
        if (random_below(r, 10) < histograms)
            points[i].histogram = &native[random_below(r, 8)].h;
        floats += !points[i].histogram;
        routed[i] = (struct routed){(uint32_t)random_below(r, UINT32_MAX), n - 1 - i};
    }
    struct writer w = {0};
    struct expected e = {points, routed, 0, 0};
    record_samples_encode(routed, n, points, &w);
    cr_assert_eq(w.len == 0, floats == 0);
    if (w.len)
        cr_assert_eq(record_samples_decode(writer_bytes(&w), expect_sample, &e), TSDB_OK);
    cr_assert_eq(e.count, floats);
    writer_reset(&w);
    e = (struct expected){points, routed, 0, 0};
    record_histograms_encode(routed, n, points, &w);
    if (w.len)
        cr_assert_eq(record_histograms_decode(writer_bytes(&w), expect_histogram, &e), TSDB_OK);
    cr_assert_eq(e.count, n - floats);
    writer_release(&w);
}

Test(record, samples_and_histograms_come_back_as_they_were)
{
    struct random random;
    random_init(&random, rig_seed(11));
    for (int round = 0; round < 200; round++)
        check_round(&random, round % 2, (unsigned)round % 5 * 2);
}

Test(record, a_steady_batch_costs_about_nine_bytes_a_sample)
{
    struct tsdb_point points[POINTS];
    struct routed routed[POINTS];
    for (uint32_t i = 0; i < POINTS; i++) {
        points[i] = (struct tsdb_point){.ts = RIG_NOW, .value = 1};
        routed[i] = (struct routed){i * 8, i};
    }
    struct writer w = {0};
    record_samples_encode(routed, POINTS, points, &w);
    cr_assert_leq(w.len, POINTS * 9u + 20, "%zu bytes", w.len);
    writer_release(&w);
}

static enum tsdb_status expect_series(void *arg, uint32_t ref, struct tsdb_labels labels)
{
    uint32_t *next = arg;
    char text[24];
    cr_assert_eq(ref, *next * 8);
    (void)snprintf(text, sizeof text, "%u", *next);
    cr_assert_eq(labels.count, 2u);
    cr_assert(text_equal(labels.at[1].value, text_of(text)));
    ++*next;
    return TSDB_OK;
}

/* One is stored plain, many are compressed. */
Test(record, definitions_come_back_plain_and_compressed)
{
    static const uint32_t counts[] = {1, 3, 1000};
    for (size_t c = 0; c < 3; c++) {
        struct writer items = {0}, w = {0};
        for (uint32_t i = 0; i < counts[c]; i++) {
            struct tsdb_label at[RIG_LABELS_MAX];
            char text[32];
            (void)snprintf(text, sizeof text, "some_metric_total|id=%u", i);
            record_series_item(i * 8, (struct tsdb_labels){at, rig_labels(text, at)}, &items);
        }
        record_series_encode(counts[c], writer_bytes(&items), &w);
        if (counts[c] == 1000)
            cr_assert_lt(w.len * 2, items.len, "%zu of %zu bytes", w.len, items.len);
        uint32_t next = 0;
        cr_assert_eq(record_series_decode(writer_bytes(&w), expect_series, &next), TSDB_OK);
        cr_assert_eq(next, counts[c]);
        for (size_t cut = 0; cut < w.len; cut += 1 + w.len / 100) {
            struct prop_record_seen seen = {0};
            cr_assert_eq(record_series_decode((struct bytes){w.at, cut}, prop_record_series, &seen),
                         TSDB_ECORRUPT, "%zu of %zu bytes", cut, w.len);
        }
        writer_release(&items);
        writer_release(&w);
    }
}

Test(record, too_many_labels_are_refused)
{
    struct writer w = {0};
    writer_uvarint(&w, RECORD_LABELS_MAX + 1);
    for (int i = 0; i <= RECORD_LABELS_MAX; i++) {
        writer_sized(&w, "a", 1);
        writer_sized(&w, "b", 1);
    }
    struct tsdb_label labels[RECORD_LABELS_MAX];
    uint32_t count = 7;
    cr_assert_eq(record_labels_decode(writer_bytes(&w), labels, &count), TSDB_ECORRUPT);
    cr_assert_eq(count, 7u);
    writer_release(&w);
}

/* Goal: the law of prop_record.h over damage to good records, and over noise. */
Test(record, damaged_bytes_are_refused_or_decode_in_bounds)
{
    struct random random;
    random_init(&random, rig_seed(12));
    struct tsdb_point points[20];
    struct routed routed[20];
    for (uint32_t i = 0; i < 20; i++) {
        points[i] = (struct tsdb_point){.ts = (int64_t)i * i, .value = i};
        routed[i] = (struct routed){i * 3, i};
    }
    int accepted = 0;
    for (int round = 0; round < 20000; round++) {
        struct writer w = {0};
        if (round % 2) {
            record_samples_encode(routed, 1 + (uint32_t)random_below(&random, 20), points, &w);
            for (uint64_t n = random_below(&random, 4); n > 0; n--)
                w.at[random_below(&random, w.len)] ^= (uint8_t)(1u << random_below(&random, 8));
        } else {
            for (uint64_t n = 1 + random_below(&random, 40); n > 0; n--)
                writer_u8(&w, (uint8_t)random_below(&random, random_below(&random, 2) ? 256 : 6));
        }
        accepted += prop_record(writer_bytes(&w));
        writer_release(&w);
    }
    cr_assert_gt(accepted, 2000, "only %d accepted", accepted);
}
