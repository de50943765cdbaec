#include "tests/tsdb/store/model_series.h"
#include "tests/tsdb/store/prop_postings.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* A set whose density changes as it goes, so that every shape comes up. */
static void random_set(struct random *r, struct ordinals *o)
{
    ordinals_reset(o);
    uint32_t at = (uint32_t)random_below(r, 100);
    uint64_t kind = random_below(r, 4), gap = 1 + random_below(r, 300);
    for (uint64_t n = random_below(r, 400); n > 0 && at < PROP_UNIVERSE; n--) {
        ordinals_append(o, at);
        uint64_t step = kind == 0   ? 1
                        : kind == 1 ? 1 + random_below(r, 3)
                                    : 1 + random_below(r, gap);
        if (kind == 3 && random_below(r, 30))
            step = 1;
        at += (uint32_t)step;
    }
}

static uint8_t shape_of(const struct writer *w, uint32_t count)
{
    return count <= POSTINGS_FEW ? 3 : w->at[count < 128 ? 1 : 2];
}

Test(postings, what_is_encoded_decodes_and_filters)
{
    struct random r;
    random_init(&r, model_seed(3));
    uint32_t shapes[4] = {0};
    struct ordinals set = {0};
    struct writer w = {0};
    for (int round = 0; round < 2000; round++) {
        random_set(&r, &set);
        writer_reset(&w);
        writer_u8(&w, (uint8_t)random_next(&r));
        writer_u8(&w, (uint8_t)random_next(&r));
        postings_encode(&set, &w);
        cr_assert(prop_postings(w.at, w.len));
        struct writer list = {w.at + 2, w.len - 2, 0};
        if (set.count > 0)
            shapes[shape_of(&list, set.count)]++;
        struct ordinals again = {0};
        cr_assert_eq(postings_decode(writer_bytes(&list), PROP_UNIVERSE, &again), TSDB_OK);
        cr_assert_eq(again.count, set.count);
        ordinals_release(&again);
    }
    for (int i = 0; i < 4; i++)
        cr_assert_gt(shapes[i], 20, "shape %d came up %u times", i, shapes[i]);
    writer_release(&w);
    ordinals_release(&set);
}

Test(postings, damaged_bytes_are_rejected_or_a_set)
{
    struct random r;
    random_init(&r, model_seed(4));
    struct ordinals set = {0};
    struct writer w = {0};
    int accepted = 0, rejected = 0;
    for (int round = 0; round < 3000; round++) {
        random_set(&r, &set);
        writer_reset(&w);
        writer_le16(&w, (uint16_t)random_next(&r));
        postings_encode(&set, &w);
        for (uint64_t n = 1 + random_below(&r, 3); n > 0; n--)
            w.at[random_below(&r, w.len)] = (uint8_t)random_next(&r);
        size_t len = random_below(&r, 3) ? w.len : random_below(&r, w.len + 1);
        if (prop_postings(w.at, len))
            accepted++;
        else
            rejected++;
    }
    cr_assert_gt(accepted, 100);
    cr_assert_gt(rejected, 1000);
    writer_release(&w);
    ordinals_release(&set);
}

Test(postings, runs_of_a_metric_are_a_few_bytes)
{
    struct ordinals set = {0};
    struct writer w = {0};
    ordinals_append_run(&set, 100000, 50000);
    postings_encode(&set, &w);
    cr_assert_leq(w.len, 11);
    ordinals_release(&set);
    writer_release(&w);
}

Test(postings, decoding_appends_and_takes_back_what_is_wrong)
{
    uint8_t raw[] = {2, 5, 0};
    struct ordinals out = {0};
    ordinals_append(&out, 1);
    cr_assert_eq(postings_decode((struct bytes){raw, 3}, 7, &out), TSDB_OK);
    cr_assert_eq(out.count, 3);
    cr_assert_eq(out.at[1], 5);
    cr_assert_eq(out.at[2], 6);
    cr_assert_eq(postings_decode((struct bytes){raw, 3}, 6, &out), TSDB_ECORRUPT, "6 is not below");
    cr_assert_eq(out.count, 3);
    cr_assert_eq(postings_decode((struct bytes){NULL, 0}, 6, &out), TSDB_OK);
    cr_assert_eq(out.count, 3, "no bytes are no ordinals");
    ordinals_release(&out);
}

struct bad_case {
    char why[40];
    uint8_t len;
    uint8_t raw[24];
};

ParameterizedTestParameters(postings, decode_rejects)
{
    static struct bad_case cases[] = {
        {"a count of none", 1, {0}},
        {"fewer than it says", 2, {2, 1}},
        {"more than it says", 3, {1, 1, 1}},
        {"more than the universe", 3, {0x88, 0x27, 0}},
        {"an unknown shape", 12, {9, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
        {"a few as runs", 5, {8, 0, 1, 0, 7}},
        {"runs that touch", 7, {9, 0, 2, 0, 3, 0, 4}},
        {"runs of too few", 5, {9, 0, 1, 0, 7}},
        {"runs of too many", 5, {9, 0, 1, 0, 9}},
        {"runs past the universe", 7, {9, 0, 1, 0xff, 0xff, 0x0f, 8}},
        {"a bitmap of too few", 5, {9, 1, 0, 0xff, 0x80 >> 7 << 1 | 1}},
        {"a bitmap that begins with nothing", 6, {9, 1, 0, 0, 0xff, 1}},
        {"a bitmap that ends with nothing", 6, {9, 1, 0, 0xff, 1, 0}},
        {"a bitmap past the universe", 6, {9, 1, 0x87, 0x27, 0xff, 3}},
        {"blocks wider than ordinals", 8, {9, 2, 0, 8, 33, 0, 0, 0}},
        {"a span that is not the gaps'", 5, {9, 2, 0, 9, 0}},
        {"padding that is not zero", 7, {10, 2, 0, 9, 1, 0, 2}},
        {"blocks with bytes left", 6, {9, 2, 0, 8, 0, 0}},
        {"blocks past the universe", 7, {9, 2, 0xbf, 0xb8, 0x02, 8, 0}},
        {"blocks cut short", 4, {9, 2, 0, 8}},
    };
    return cr_make_param_array(struct bad_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct bad_case *c, postings, decode_rejects)
{
    struct ordinals out = {0};
    enum tsdb_status st = postings_decode((struct bytes){c->raw, c->len}, 5000, &out);
    cr_assert_eq(st, TSDB_ECORRUPT, "%s", c->why);
    cr_assert_eq(out.count, 0);
    ordinals_release(&out);
}

Test(postings, filtering_nothing_leaves_nothing)
{
    uint8_t raw[] = {2, 5, 0};
    struct ordinals none = {0};
    cr_assert_eq(postings_filter((struct bytes){raw, 3}, 7, true, &none), TSDB_OK);
    cr_assert_eq(postings_filter((struct bytes){raw, 3}, 7, false, &none), TSDB_OK);
    cr_assert_eq(none.count, 0);
}

Test(postings, the_whole_range_of_ordinals_fits)
{
    struct ordinals set = {0}, out = {0};
    struct writer w = {0};
    for (uint32_t i = 0; i < 1000; i++)
        ordinals_append(&set, i < 999 ? i * 4294967u : UINT32_MAX - 1);
    postings_encode(&set, &w);
    cr_assert_eq(postings_decode(writer_bytes(&w), UINT32_MAX, &out), TSDB_OK);
    cr_assert_eq(out.count, 1000);
    cr_assert_eq(memcmp(out.at, set.at, 4000), 0);
    ordinals_release(&set);
    ordinals_release(&out);
    writer_release(&w);
}
