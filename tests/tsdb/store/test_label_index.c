#include "tsdb/store/label_index.h"

#include "tests/tsdb/store/model_series.h"
#include "tests/tsdb/store/prop_label_index.h"
#include "tsdb/base/writer.h"

#include <criterion/criterion.h>

enum { SERIES_MAX = 3000 };

/* An index of `count` random series; the caller releases all three. */
struct rig {
    struct model_series *series;
    struct writer bytes;
    struct label_index *ix;
    uint32_t count;
};

static void rig_build(struct random *r, struct rig *rig, uint32_t count)
{
    *rig = (struct rig){.series = MEM_ARRAY(struct model_series, count), .count = count};
    struct label_index_builder *b = label_index_builder_new(NULL);
    struct tsdb_error err = {0};
    for (uint32_t i = 0; i < count; i++) {
        model_make(r, &rig->series[i]);
        cr_assert_eq(label_index_builder_add(b, model_labels(&rig->series[i])), TSDB_OK);
    }
    cr_assert_eq(label_index_builder_finish(b, &rig->bytes, &err), TSDB_OK, "%s", err.msg);
    label_index_builder_free(b);
    cr_assert_eq(label_index_open(writer_bytes(&rig->bytes), &rig->ix, &err), TSDB_OK, "%s",
                 err.msg);
}

static void rig_release(struct rig *rig)
{
    label_index_free(rig->ix);
    writer_release(&rig->bytes);
    mem_free(rig->series);
}

static void check_select(struct random *r, const struct rig *rig, uint32_t *selected)
{
    struct matcher m[MODEL_MATCHERS];
    char texts[MODEL_MATCHERS][2 * MODEL_TEXT];
    uint32_t matchers = (uint32_t)random_below(r, MODEL_MATCHERS + 1);
    for (uint32_t i = 0; i < matchers; i++)
        model_matcher(r, &m[i], texts[i]);
    struct ordinals got = {0}, want = {0};
    struct tsdb_error err = {0};
    model_select(rig->series, rig->count, m, matchers, &want);
    cr_assert_eq(label_index_select(rig->ix, m, matchers, &got, &err), TSDB_OK, "%s", err.msg);
    model_compare(&got, &want, m, matchers);
    *selected += want.count > 0 && want.count < rig->count;
    for (uint32_t i = 0; i < matchers; i++)
        matcher_release(&m[i]);
    ordinals_release(&got);
    ordinals_release(&want);
}

static void check_labels(const struct rig *rig, struct label_cache *cache)
{
    struct arena arena;
    arena_init(&arena, 16 << 20, NULL);
    for (uint32_t i = 0; i < rig->count; i++) {
        struct tsdb_labels got, want = model_labels(&rig->series[i]);
        cr_assert_eq(label_index_labels(rig->ix, i, &arena, cache, &got, NULL), TSDB_OK);
        cr_assert_eq(got.count, want.count);
        for (uint32_t k = 0; k < got.count; k++) {
            cr_assert(text_equal(got.at[k].name, want.at[k].name));
            cr_assert(text_equal(got.at[k].value, want.at[k].value));
        }
    }
    if (cache)
        label_cache_release(cache);
    arena_release(&arena);
}

static void check_texts(const struct rig *rig, const struct ordinals *set, bool is_all)
{
    for (uint32_t name = 0; name <= MODEL_NAMES; name++) {
        const char *label = name < MODEL_NAMES ? model_names[name].name : NULL;
        struct model_texts want = model_distinct(rig->series, set, label), got = {0};
        const struct ordinals *in = is_all ? NULL : set;
        enum tsdb_status st =
            label ? label_index_values(rig->ix, text_of(label), in, model_visit, &got, NULL)
                  : label_index_names(rig->ix, in, model_visit, &got, NULL);
        cr_assert_eq(st, TSDB_OK);
        cr_assert_eq(got.count, want.count);
        cr_assert_eq(got.sum, want.sum);
        cr_assert(got.count == 0 || got.is_sorted);
    }
}

/* Goal: a sealed index answers as a plain list of its series does.
 * Method: indices of many sizes, around blocks of 16 too; random selections, labels
 * with and without a cache, names and values of all and of some. */
Test(label_index, answers_as_a_list_of_series_does)
{
    struct random r;
    random_init(&r, model_seed(20240614));
    static const uint32_t sizes[] = {0, 1, 2, 15, 16, 17, 33, 300, SERIES_MAX};
    uint32_t selected = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct rig rig;
        struct ordinals set = {0};
        struct label_cache cache = {0};
        struct tsdb_error err = {0};
        rig_build(&r, &rig, sizes[i]);
        cr_assert_eq(label_index_series_count(rig.ix), sizes[i]);
        cr_assert_eq(label_index_check(rig.ix, &err), TSDB_OK, "%s", err.msg);
        for (int k = 0; k < 400; k++)
            check_select(&r, &rig, &selected);
        check_labels(&rig, NULL);
        check_labels(&rig, &cache);
        ordinals_append_run(&set, 0, sizes[i]);
        check_texts(&rig, &set, true);
        uint32_t kept = 0;
        for (uint32_t k = 0; k < set.count; k++) {
            if (random_below(&r, 5) == 0)
                set.at[kept++] = set.at[k];
        }
        set.count = kept;
        check_texts(&rig, &set, false);
        ordinals_release(&set);
        rig_release(&rig);
    }
    cr_assert_gt(selected, 300);
}

Test(label_index, a_visitor_that_says_stop_is_asked_no_more)
{
    struct random r;
    random_init(&r, model_seed(9));
    struct rig rig;
    rig_build(&r, &rig, 100);
    struct model_texts seen = {0};
    cr_assert_eq(label_index_names(rig.ix, NULL, model_visit_one, &seen, NULL), TSDB_OK);
    cr_assert_eq(label_index_values(rig.ix, text_of("job"), NULL, model_visit_one, &seen, NULL),
                 TSDB_OK);
    cr_assert_eq(label_index_values(rig.ix, text_of("none"), NULL, model_visit_one, &seen, NULL),
                 TSDB_OK);
    cr_assert_eq(seen.count, 2);
    rig_release(&rig);
}

Test(label_index, a_full_arena_is_a_limit_not_a_crash)
{
    struct random r;
    random_init(&r, model_seed(9));
    struct rig rig;
    rig_build(&r, &rig, 50);
    struct arena arena;
    arena_init(&arena, 300, NULL);
    struct tsdb_error err = {0};
    struct tsdb_labels labels;
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < 50 && st == TSDB_OK; i++)
        st = label_index_labels(rig.ix, i, &arena, NULL, &labels, &err);
    cr_assert_eq(st, TSDB_ELIMIT);
    cr_assert_str_eq(err.msg, "labels: the memory of the query is spent");
    arena_release(&arena);
    rig_release(&rig);
}

Test(label_index, too_many_matchers_are_a_limit)
{
    struct random r;
    random_init(&r, model_seed(9));
    struct rig rig;
    rig_build(&r, &rig, 20);
    static struct matcher m[SELECT_MATCHERS_MAX + 1];
    for (size_t i = 0; i <= SELECT_MATCHERS_MAX; i++)
        cr_assert_eq(matcher_init(&m[i], MATCH_NE, text_of("job"), text_of("x"), NULL), TSDB_OK);
    struct ordinals out = {0};
    cr_assert_eq(label_index_select(rig.ix, m, SELECT_MATCHERS_MAX, &out, NULL), TSDB_OK);
    cr_assert_eq(out.count, 20);
    cr_assert_eq(label_index_select(rig.ix, m, SELECT_MATCHERS_MAX + 1, &out, NULL), TSDB_ELIMIT);
    ordinals_release(&out);
    rig_release(&rig);
}

/* Goal: damage is an answer, and the scrub sees nearly all of it.
 * Method: every byte of a small index changed in turn, every length cut off, and
 * random damage to a larger one.  Under ASan a wild access ends the test. */
Test(label_index, damaged_bytes_are_refused_or_answer_in_bounds)
{
    struct random r;
    random_init(&r, model_seed(10));
    struct rig rig;
    rig_build(&r, &rig, 20);
    uint32_t sound = 0, changed = 0;
    for (size_t i = 0; i < rig.bytes.len; i++) {
        uint8_t was = rig.bytes.at[i];
        for (int bit = 0; bit < 8; bit += 3, changed++) {
            rig.bytes.at[i] = (uint8_t)(was ^ 1u << bit);
            sound += prop_label_index(rig.bytes.at, rig.bytes.len);
        }
        rig.bytes.at[i] = was;
        cr_assert_not(prop_label_index(rig.bytes.at, i), "cut to %zu bytes", i);
    }
    cr_assert(prop_label_index(rig.bytes.at, rig.bytes.len));
    /* What passes is a changed letter in a name or value that leaves the order. */
    cr_assert_lt(sound, changed / 4, "%u of %u changes went unseen", sound, changed);
    rig_release(&rig);

    rig_build(&r, &rig, 400);
    uint8_t *copy = mem_alloc(rig.bytes.len);
    for (int round = 0; round < 150; round++) {
        memcpy(copy, rig.bytes.at, rig.bytes.len);
        for (int k = 0; k < 3; k++)
            copy[random_below(&r, rig.bytes.len)] = (uint8_t)random_next(&r);
        (void)prop_label_index(copy, rig.bytes.len);
    }
    mem_free(copy);
    rig_release(&rig);
}

/* A run list of six bytes may name every series: many of them must not add up to
 * more memory than the index has series. */
Test(label_index, lists_that_overlap_are_damage)
{
    struct label_index_builder *b = label_index_builder_new(NULL);
    char values[64][8];
    for (uint32_t i = 0; i < 64; i++) {
        (void)snprintf(values[i], 8, "v%02u", i);
        struct tsdb_label at[] = {{text_of("a"), {values[i], 3}}, {text_of("b"), text_of("1")}};
        cr_assert_eq(label_index_builder_add(b, (struct tsdb_labels){at, i % 2 ? 2 : 1}), TSDB_OK);
    }
    struct writer bytes = {0};
    cr_assert_eq(label_index_builder_finish(b, &bytes, NULL), TSDB_OK);
    label_index_builder_free(b);
    /* Point every second list of "a" at that of "b", which 32 series have. */
    struct reader header = reader_over((struct bytes){bytes.at + 8, 24});
    uint32_t names = reader_le32(&header), pairs = reader_le32(&header);
    uint32_t blocks = reader_le32(&header);
    (void)reader_le32(&header);
    uint32_t text_bytes = reader_le32(&header), value_bytes = reader_le32(&header);
    uint8_t *offs = bytes.at + 40 + 16 * names + text_bytes + 4 * blocks + value_bytes;
    for (uint32_t i = 0; i < pairs - 1; i++)
        memcpy(offs + 4 * (size_t)i, offs + 4 * (size_t)(i % 2 ? pairs : pairs - 1), 4);
    struct label_index *ix = NULL;
    cr_assert_eq(label_index_open(writer_bytes(&bytes), &ix, NULL), TSDB_OK);
    struct matcher m;
    struct ordinals out = {0};
    struct tsdb_error err = {0};
    cr_assert_eq(matcher_init(&m, MATCH_RE, text_of("a"), text_of("v[0-5][02468].*"), NULL),
                 TSDB_OK);
    cr_assert_eq(label_index_select(ix, &m, 1, &out, &err), TSDB_ECORRUPT);
    cr_assert_str_eq(err.msg, "label index: damaged");
    cr_assert_eq(label_index_check(ix, &err), TSDB_ECORRUPT);
    matcher_release(&m);
    ordinals_release(&out);
    label_index_free(ix);
    writer_release(&bytes);
}
