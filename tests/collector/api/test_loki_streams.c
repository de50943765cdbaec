#include "collector/api/loki_streams.h"

#include "tests/collector/api/fake_exchange.h"
#include "tests/collector/api/fake_tsdb.h"

static const struct tsdb_log_entry entries[] = {
    {1,
     {"one", 3},
     LABELS_AT(LABEL("app", "a"), LABEL("z", "1")),
     LABELS_AT(LABEL("id", "x")),
     {0}},
    {2, {"two", 3}, LABELS_AT(LABEL("app", "b")), {0}, LABELS_AT(LABEL("aa", "p"))},
    {3,
     {"thr\xff\x1b", 5},
     LABELS_AT(LABEL("app", "a"), LABEL("z", "1")),
     LABELS_AT(LABEL("id", "x")),
     {0}},
    {4,
     {"<4>", 3},
     LABELS_AT(LABEL("app", "a"), LABEL("z", "1")),
     LABELS_AT(LABEL("id", "y")),
     {0}},
};

static void write_all(bool is_categorized, bool is_reversed, struct writer *out)
{
    struct arena arena;
    struct loki_streams s;
    struct json j;
    arena_init(&arena, 1 << 20, NULL);
    json_init(&j, 0, NULL, NULL);
    loki_streams_init(&s, &arena, is_categorized, is_reversed);
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        cr_assert(loki_streams_add(&s, &entries[i]));
    cr_assert_eq(s.entry_count, 4);
    loki_streams_write(&s, &j);
    writer_reset(out);
    writer_put(out, j.out.at, j.out.len);
    writer_u8(out, 0);
    json_release(&j);
    loki_streams_release(&s);
    arena_release(&arena);
}

Test(loki_streams, merged_streams_have_all_labels_in_order)
{
    struct writer out = {0};
    write_all(false, false, &out);
    cr_assert_str_eq((const char *)out.at,
                     "[{\"stream\":{\"app\":\"a\",\"id\":\"x\",\"z\":\"1\"},"
                     "\"values\":[[\"1\",\"one\"],[\"3\",\"thr\\ufffd\\u001b\"]]},"
                     "{\"stream\":{\"aa\":\"p\",\"app\":\"b\"},\"values\":[[\"2\",\"two\"]]},"
                     "{\"stream\":{\"app\":\"a\",\"id\":\"y\",\"z\":\"1\"},\"values\":[[\"4\","
                     "\"\\u003c4\\u003e\"]]}]");
    writer_release(&out);
}

Test(loki_streams, categorized_entries_carry_what_is_not_the_streams)
{
    struct writer out = {0};
    write_all(true, true, &out);
    cr_assert_str_eq(
        (const char *)out.at,
        "[{\"stream\":{\"app\":\"a\",\"z\":\"1\"},\"values\":["
        "[\"4\",\"\\u003c4\\u003e\",{\"structuredMetadata\":{\"id\":\"y\"}}],"
        "[\"3\",\"thr\\ufffd\\u001b\",{\"structuredMetadata\":{\"id\":\"x\"}}],"
        "[\"1\",\"one\",{\"structuredMetadata\":{\"id\":\"x\"}}]]},"
        "{\"stream\":{\"app\":\"b\"},\"values\":[[\"2\",\"two\",{\"parsed\":{\"aa\":\"p\"}}]]}]");
    writer_release(&out);
}

Test(loki_streams, many_streams_stay_apart_and_the_arena_bounds_them)
{
    struct arena arena;
    struct loki_streams s;
    char name[16];
    arena_init(&arena, 1 << 20, NULL);
    loki_streams_init(&s, &arena, false, false);
    uint64_t n = 0;
    for (;; n++) {
        size_t len = (size_t)snprintf(name, sizeof name, "%llu", (unsigned long long)(n % 1000));
        struct tsdb_label label = {{"n", 1}, {name, len}};
        struct tsdb_log_entry e = {(int64_t)n, {"line", 4}, {&label, 1}, {0}, {0}};
        if (!loki_streams_add(&s, &e))
            break;
    }
    cr_assert_eq(s.entry_count, n);
    cr_assert_gt(n, 5000);
    cr_assert_eq(s.stream_count, 1000);
    loki_streams_release(&s);
    arena_release(&arena);
}
