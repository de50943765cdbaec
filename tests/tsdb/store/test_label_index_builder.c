#include "tests/tsdb/store/model_series.h"
#include "tsdb/base/arena.h"
#include "tsdb/base/budget.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/label_index.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const char golden_path[] = "tests/golden/label_index/v1/series.bin";

/* Small, but with every part of the format: blocks that are full, a run, a bitmap,
 * blocks of gaps, short lists, shared and unshared values, a series without labels. */
static void golden_build(struct writer *out)
{
    struct label_index_builder *b = label_index_builder_new(NULL);
    for (uint32_t i = 0; i < 700; i++) {
        char instance[32], le[16];
        struct tsdb_label at[4] = {{text_of("__name__"), text_of(i < 600 ? "a_total" : "up")}};
        (void)snprintf(instance, sizeof instance, "host-%02u:9100", i * 7 % 40);
        (void)snprintf(le, sizeof le, "%u", i % 3);
        uint32_t count = 1;
        at[count++] = (struct tsdb_label){text_of("instance"), text_of(instance)};
        if (i % 5 > 1)
            at[count++] = (struct tsdb_label){text_of("le"), text_of(le)};
        if (i % 97 == 0)
            at[count++] = (struct tsdb_label){text_of("zone"), text_of("\xc3\xa9")};
        struct tsdb_labels labels = {at, i == 699 ? 0 : count};
        cr_assert_eq(label_index_builder_add(b, labels), TSDB_OK);
    }
    cr_assert_eq(label_index_builder_finish(b, out, NULL), TSDB_OK);
    label_index_builder_free(b);
}

static size_t golden_read(uint8_t *out, size_t cap)
{
    FILE *file = fopen(golden_path, "rb");
    cr_assert_not_null(file, "%s", golden_path);
    size_t len = fread(out, 1, cap, file);
    cr_assert_eq(fclose(file), 0);
    return len;
}

/* UPDATE_GOLDEN=1 writes the file anew; a difference is a new version. */
Test(label_index_builder, writes_the_bytes_of_version_1)
{
    struct writer w = {0};
    golden_build(&w);
    if (getenv("UPDATE_GOLDEN")) {
        FILE *file = fopen(golden_path, "wb");
        cr_assert_not_null(file);
        cr_assert_eq(fwrite(w.at, 1, w.len, file), w.len);
        cr_assert_eq(fclose(file), 0);
    }
    static uint8_t golden[1 << 16];
    size_t len = golden_read(golden, sizeof golden);
    cr_assert_eq(len, w.len);
    cr_assert_eq(memcmp(golden, w.at, len), 0);
    writer_release(&w);
}

Test(label_index_builder, the_bytes_of_version_1_read_as_they_did)
{
    static uint8_t golden[1 << 16];
    struct bytes in = {golden, golden_read(golden, sizeof golden)};
    struct label_index *ix = NULL;
    struct tsdb_error err = {0};
    cr_assert_eq(label_index_open(in, &ix, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(label_index_check(ix, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(label_index_series_count(ix), 700);
    cr_assert_eq(label_index_pair_count(ix), 2 + 40 + 3 + 1);

    struct arena arena;
    struct tsdb_labels labels;
    arena_init(&arena, 1 << 20, NULL);
    cr_assert_eq(label_index_labels(ix, 679, &arena, NULL, &labels, NULL), TSDB_OK);
    cr_assert_eq(labels.count, 4);
    cr_assert(text_equal(labels.at[0].value, text_of("up")));
    cr_assert(text_equal(labels.at[1].name, text_of("instance")));
    cr_assert(text_equal(labels.at[1].value, text_of("host-33:9100")));
    cr_assert(text_equal(labels.at[2].value, text_of("1")));
    cr_assert(text_equal(labels.at[3].value, text_of("\xc3\xa9")));
    cr_assert_eq(label_index_labels(ix, 699, &arena, NULL, &labels, NULL), TSDB_OK);
    cr_assert_eq(labels.count, 0);

    struct matcher m;
    struct ordinals out = {0};
    cr_assert_eq(matcher_init(&m, MATCH_EQ, text_of("zone"), text_of("\xc3\xa9"), NULL), TSDB_OK);
    cr_assert_eq(label_index_select(ix, &m, 1, &out, NULL), TSDB_OK);
    cr_assert_eq(out.count, 8);
    cr_assert_eq(out.at[7], 679);
    matcher_release(&m);
    ordinals_release(&out);
    arena_release(&arena);
    label_index_free(ix);
}

Test(label_index_builder, the_bytes_do_not_depend_on_chance)
{
    struct writer a = {0}, b = {0};
    golden_build(&a);
    golden_build(&b);
    cr_assert_eq(a.len, b.len);
    cr_assert_eq(memcmp(a.at, b.at, a.len), 0);
    writer_release(&a);
    writer_release(&b);
}

Test(label_index_builder, a_spent_budget_is_a_limit)
{
    struct budget budget;
    budget_init(&budget, 300 << 10, NULL);
    struct label_index_builder *b = label_index_builder_new(&budget);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < 100000 && st == TSDB_OK; i++) {
        char value[16];
        (void)snprintf(value, sizeof value, "%u", i);
        struct tsdb_label at = {text_of("a"), text_of(value)};
        st = label_index_builder_add(b, (struct tsdb_labels){&at, 1});
    }
    cr_assert_eq(st, TSDB_ELIMIT);
    label_index_builder_free(b);
    label_index_builder_free(NULL);
    cr_assert_eq(budget_used(&budget), 0);
}
