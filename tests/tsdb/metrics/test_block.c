#include "tests/tsdb/codec/native.h"
#include "tests/tsdb/metrics/prop_block.h"
#include "tests/tsdb/metrics/rig.h"
#include "tsdb/base/text.h"
#include "tsdb/codec/histograms.h"

#include <stdlib.h>

enum { SERIES_MAX = 64, FILE_MAX = 1 << 20 };

/* What goes into a block, and must come out. */
struct source {
    char name[64];
    struct samples samples;
};

struct written {
    struct fs_sim *sim;
    struct block_facts facts;
    struct block *block;
    struct source *sources; /* owned */
    uint32_t count;
    struct native native[16];
};

static void begin(struct written *w)
{
    memset(w, 0, sizeof *w);
    w->sim = fs_sim_new();
    w->sources = calloc(SERIES_MAX, sizeof *w->sources);
}

static struct samples *add(struct written *w, const char *name)
{
    struct source *s = &w->sources[w->count++];
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    samples_init(&s->samples, NULL);
    return &s->samples;
}

static struct tsdb_hash hash_of(const char *name)
{
    struct tsdb_label at[RIG_LABELS_MAX];
    return tsdb_labels_hash(1, (struct tsdb_labels){at, rig_labels(name, at)});
}

static void write_file(struct written *w)
{
    struct block_writer *out;
    struct tsdb_error err = {0};
    cr_assert_eq(block_writer_open(fs_sim_fs(w->sim), "b", 9, &out, &err), TSDB_OK, "%s", err.msg);
    for (uint32_t i = 0; i < w->count; i++) {
        struct tsdb_label at[RIG_LABELS_MAX];
        struct tsdb_labels labels = {at, rig_labels(w->sources[i].name, at)};
        cr_assert_eq(block_writer_series(out, hash_of(w->sources[i].name), labels,
                                         &w->sources[i].samples, &err),
                     TSDB_OK, "%s", err.msg);
        if (i % 3 || w->sources[i].samples.count == 0)
            continue;
        struct tsdb_label trace = {text_of("trace_id"), text_of(w->sources[i].name)};
        struct tsdb_exemplar e = {0, w->sources[i].samples.ts[0], i, {&trace, 1}};
        block_writer_exemplar(out, &e);
    }
    cr_assert_eq(block_writer_seal(out, &w->facts, &err), TSDB_OK, "%s", err.msg);
    if (w->facts.series == 0)
        return;
    struct manifest_segment entry = {.id = 1};
    cr_assert_eq(block_open(fs_sim_fs(w->sim), "b", &entry, &w->block, &err), TSDB_OK, "%s",
                 err.msg);
}

static void end(struct written *w)
{
    for (uint32_t i = 0; i < w->count; i++)
        samples_release(&w->sources[i].samples);
    free(w->sources);
    block_unref(w->block);
    fs_sim_free(w->sim);
}

static void expect_same(const struct samples *got, const struct samples *want, const char *name)
{
    cr_assert_eq(got->count, want->count, "%s: %u samples, want %u", name, got->count, want->count);
    for (uint32_t i = 0; i < want->count; i++) {
        const struct tsdb_histogram *h = want->histograms ? want->histograms[i] : NULL;
        cr_assert_eq(got->ts[i], want->ts[i], "%s: time %u", name, i);
        cr_assert_eq(h != NULL, got->histograms && got->histograms[i], "%s: kind %u", name, i);
        if (h)
            cr_assert(histogram_equal(got->histograms[i], h), "%s: histogram %u", name, i);
        else
            cr_assert_eq(memcmp(&got->values[i], &want->values[i], sizeof(double)), 0,
                         "%s: value %u", name, i);
    }
}

static void check(struct written *w)
{
    struct samples s;
    uint32_t ordinal = 0;
    uint64_t samples = 0;
    samples_init(&s, NULL);
    for (uint32_t i = 0; i < w->count; i++) {
        if (w->sources[i].samples.count == 0)
            continue;
        struct tsdb_hash hash;
        struct tsdb_error err = {0};
        samples_reset(&s);
        cr_assert_eq(block_hash(w->block, ordinal, &hash, &err), TSDB_OK, "%s", err.msg);
        struct tsdb_hash want = hash_of(w->sources[i].name);
        cr_assert_eq(memcmp(&hash, &want, sizeof hash), 0);
        cr_assert_eq(block_samples(w->block, ordinal, INT64_MIN, INT64_MAX, &s, &err), TSDB_OK,
                     "%s", err.msg);
        expect_same(&s, &w->sources[i].samples, w->sources[i].name);
        samples += s.count;
        ordinal++;
    }
    cr_assert_eq(w->facts.series, ordinal);
    cr_assert_eq(w->facts.samples, samples);
    struct tsdb_error err = {0};
    cr_assert_eq(block_verify(w->block, &err), TSDB_OK, "%s", err.msg);
    samples_release(&s);
}

static void put_steady(struct samples *s, int64_t from, int64_t step, uint32_t n, double slope)
{
    for (uint32_t i = 0; i < n; i++)
        samples_put(s, from + i * step, (double)(int64_t)(i * slope));
}

Test(block, chunks_of_every_length_come_back)
{
    static const uint32_t lengths[] = {1, 2, 63, 64, 65, 127, 1919, 1920, 1921, 3839, 3840, 10000};
    struct written w;
    begin(&w);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "m%02zu|a=1", i);
        put_steady(add(&w, name), RIG_NOW, 15 * NS_PER_S, lengths[i], 3.7);
    }
    write_file(&w);
    check(&w);
    end(&w);
}

Test(block, only_chunks_that_touch_the_window_are_read)
{
    struct written w;
    begin(&w);
    put_steady(add(&w, "m|a=1"), 0, NS_PER_S, 10 * BLOCK_CHUNK_SAMPLES, 1);
    write_file(&w);
    struct samples s;
    samples_init(&s, NULL);
    cr_assert_eq(block_samples(w.block, 0, 5 * NS_PER_S, 5 * NS_PER_S, &s, NULL), TSDB_OK);
    cr_assert_leq(s.count, 2u * BLOCK_CHUNK_SAMPLES);
    samples_reset(&s);
    cr_assert_eq(block_samples(w.block, 0, -2, -1, &s, NULL), TSDB_OK);
    cr_assert_eq(s.count, 0u);
    samples_release(&s);
    end(&w);
}

Test(block, times_to_the_ends_of_int64_survive)
{
    static const int64_t edges[] = {
        INT64_MIN, INT64_MIN + 1, INT64_MIN / 2 - 1, -NS_PER_DAY - 1, -1,       0,
        1,         RIG_NOW + 1,   INT64_MAX / 2 + 1, INT64_MAX - 1,   INT64_MAX};
    enum { N = sizeof edges / sizeof edges[0] };
    for (int from = 0; from < N; from++) {
        for (int first = 0; first < N; first++) {
            struct written w;
            begin(&w);
            samples_put(add(&w, "a|x=1"), edges[first], 1); /* what stamps count from */
            struct samples *s = add(&w, "b|x=1");
            for (int i = from; i < N; i++)
                samples_put(s, edges[i], i);
            write_file(&w);
            check(&w);
            end(&w);
        }
    }
}

Test(block, values_come_back_bit_for_bit)
{
    struct random random;
    random_init(&random, rig_seed(21));
    struct written w;
    begin(&w);
    for (int k = 0; k < 20; k++) {
        char name[32];
        (void)snprintf(name, sizeof name, "m%02d|a=1", k);
        struct samples *s = add(&w, name);
        uint32_t n = 1 + (uint32_t)random_below(&random, 300);
        int64_t ts = (int64_t)random_next(&random) / 4;
        for (uint32_t i = 0; i < n; i++) {
            uint64_t bits = random_next(&random);
            double v;
            memcpy(&v, &bits, sizeof v);
            samples_put(s, ts += 1 + (int64_t)random_below(&random, k % 2 ? 1 : 1u << 30), v);
        }
    }
    write_file(&w);
    check(&w);
    end(&w);
}

Test(block, buckets_of_a_classic_histogram_are_written_together)
{
    struct written w;
    begin(&w);
    static const char *const les[] = {"0.1", "0.5", "1", "5", "+Inf"};
    uint64_t single = 0;
    for (int together = 0; together < 2; together++) {
        if (together) {
            single = w.facts.bytes;
            end(&w);
            begin(&w);
        }
        for (int k = 0; k < 5; k++) {
            char name[48];
            (void)snprintf(name, sizeof name, together ? "h_bucket|a=1|le=%s" : "h%s|a=1",
                           together ? les[k] : (const char *[]){"0", "1", "2", "3", "4"}[k]);
            struct samples *s = add(&w, name);
            uint64_t noise = 1, total = 0;
            for (uint32_t i = 0; i < 1000; i++) { /* all observations are in the first bucket */
                noise = noise * 6364136223846793005u + 1442695040888963407u;
                total += noise >> 58;
                samples_put(s, RIG_NOW + i * NS_PER_S, (double)total);
            }
        }
        write_file(&w);
        check(&w);
    }
    cr_assert_lt(w.facts.bytes, single);
    end(&w);
}

/* 64 buckets at most share a family; one with other times stands alone. */
Test(block, families_of_odd_shapes_come_back)
{
    struct written w;
    begin(&w);
    for (uint32_t k = 0; k < 60; k++) {
        char name[48];
        (void)snprintf(name, sizeof name, "h_bucket|a=%u|le=%u", k / 20, k % 20 + 1);
        struct samples *s = add(&w, name);
        for (uint32_t i = 0; i < (k == 7 ? 9u : 10u); i++)
            samples_put(s, RIG_NOW + i * NS_PER_S + (k == 13), k == 33 ? 0.5 : (double)(i * k));
    }
    write_file(&w);
    check(&w);
    end(&w);
}

Test(block, histograms_and_floats_may_alternate)
{
    struct random random;
    random_init(&random, rig_seed(22));
    struct written w;
    begin(&w);
    for (int i = 0; i < 16; i++)
        native_make(&random, &w.native[i]);
    for (int k = 0; k < 8; k++) {
        char name[32];
        (void)snprintf(name, sizeof name, "m%d|a=1", k);
        struct samples *s = add(&w, name);
        for (uint32_t i = 0; i < 400; i++) {
            bool is_histogram = k < 2 ? k == 1 : i / (1u << k) % 2;
            if (is_histogram)
                samples_put_histogram(s, RIG_NOW + i, &w.native[i / 40].h);
            else
                samples_put(s, RIG_NOW + i, i);
        }
    }
    write_file(&w);
    check(&w);
    end(&w);
}

static void note_exemplar(void *arg, uint32_t ordinal, const struct tsdb_exemplar *e)
{
    uint32_t *count = arg;
    cr_assert_eq(ordinal, (uint32_t)e->value);
    cr_assert_eq(e->labels.count, 1u);
    ++*count;
}

Test(block, exemplars_stand_beside_their_series)
{
    struct written w;
    begin(&w);
    for (int k = 0; k < 20; k++) {
        char name[48];
        (void)snprintf(name, sizeof name, "h_bucket|le=%d", k + 1);
        samples_put(add(&w, name), RIG_NOW, k);
    }
    write_file(&w);
    uint32_t count = 0;
    cr_assert_eq(block_exemplars(w.block, note_exemplar, &count, NULL), TSDB_OK);
    cr_assert_eq(count, 7u);
    end(&w);
}

Test(block, a_block_without_samples_is_no_file)
{
    struct written w;
    begin(&w);
    (void)add(&w, "a|x=1");
    write_file(&w);
    cr_assert_eq(w.facts.series, 0u);
    cr_assert_null(fs_sim_get(w.sim, "b").at);
    end(&w);
}

static void some_of_everything(struct written *w)
{
    struct random random;
    random_init(&random, 99);
    begin(w);
    native_make(&random, &w->native[0]);
    put_steady(add(w, "counter|a=1"), RIG_NOW, 15 * NS_PER_S, 200, 2.5);
    put_steady(add(w, "counter|a=2"), RIG_NOW, 15 * NS_PER_S, 200, 0);
    for (int k = 0; k < 4; k++) {
        char name[48];
        (void)snprintf(name, sizeof name, "h_bucket|a=1|le=%d", k + 1);
        put_steady(add(w, name), RIG_NOW, 15 * NS_PER_S, 20, k + 1);
    }
    struct samples *s = add(w, "native|a=1");
    for (int i = 0; i < 10; i++)
        samples_put_histogram(s, RIG_NOW + i * NS_PER_S, &w->native[0].h);
    s = add(w, "odd|a=1");
    samples_put(s, INT64_MIN, -0.0);
    samples_put(s, -1, 1e-310);
    samples_put(s, INT64_MAX, 0.1);
    write_file(w);
}

Test(block, every_truncation_and_every_flip_is_found_or_harmless)
{
    struct written w;
    some_of_everything(&w);
    struct bytes file = fs_sim_get(w.sim, "b");
    uint8_t *copy = malloc(file.len);
    for (size_t len = 0; len < file.len; len += 1 + len / 64)
        cr_assert_not(prop_block((struct bytes){file.at, len}), "%zu bytes", len);
    uint32_t opened = 0;
    for (size_t off = 0; off < file.len; off += 3) {
        memcpy(copy, file.at, file.len);
        copy[off] ^= 0x20;
        opened += prop_block((struct bytes){copy, file.len});
    }
    cr_assert_gt(opened, 0u, "pages of samples are checked when read");
    cr_assert(prop_block(file));
    free(copy);
    end(&w);
}

/* Goal: the format does not drift.  UPDATE_GOLDEN=1 writes the file anew. */
Test(block, v1_is_written_in_the_same_bytes)
{
    static const char path[] = "tests/golden/block/v1/block.seg";
    static uint8_t golden[FILE_MAX];
    struct written w;
    some_of_everything(&w);
    struct bytes file = fs_sim_get(w.sim, "b");
    if (getenv("UPDATE_GOLDEN")) {
        FILE *f = fopen(path, "wb");
        cr_assert(f && fwrite(file.at, 1, file.len, f) == file.len, "%s", path);
        (void)fclose(f);
    }
    FILE *f = fopen(path, "rb");
    cr_assert(f, "%s is missing; UPDATE_GOLDEN=1 makes it", path);
    size_t len = fread(golden, 1, sizeof golden, f);
    (void)fclose(f);
    cr_assert_eq(len, file.len, "%zu bytes, want %zu", file.len, len);
    cr_assert_eq(memcmp(golden, file.at, len), 0);
    check(&w);
    fs_sim_put(w.sim, "golden", (struct bytes){golden, len});
    block_unref(w.block);
    struct manifest_segment entry = {.id = 1};
    cr_assert_eq(block_open(fs_sim_fs(w.sim), "golden", &entry, &w.block, NULL), TSDB_OK);
    check(&w);
    end(&w);
}
