#include "tests/tsdb/logql/rig.h"

#include "tsdb/logql/scan.h"

Test(field_text, every_type_reads_as_loki_shows_it)
{
    struct arena arena;
    arena_init(&arena, 1 << 20, NULL);
    const struct {
        struct tsdb_field field;
        const char *text;
    } cases[] = {
        {{.type = TSDB_FIELD_STRING, .text = {"a\0b", 3}}, "a"},
        {{.type = TSDB_FIELD_INT, .integer = INT64_MIN}, "-9223372036854775808"},
        {{.type = TSDB_FIELD_DOUBLE, .real = 0.1}, "0.1"},
        {{.type = TSDB_FIELD_DOUBLE, .real = 1e21}, "1000000000000000000000"},
        {{.type = TSDB_FIELD_BOOL, .integer = 1}, "true"},
        {{.type = TSDB_FIELD_BOOL, .integer = 0}, "false"},
        {{.type = TSDB_FIELD_ID, .text = {"\x00\xff\x1a", 3}}, "00ff1a"},
        {{.type = TSDB_FIELD_BYTES, .text = {"", 0}}, ""},
        {{.type = TSDB_FIELD_BYTES, .text = {"f", 1}}, "Zg=="},
        {{.type = TSDB_FIELD_BYTES, .text = {"fo", 2}}, "Zm8="},
        {{.type = TSDB_FIELD_BYTES, .text = {"foo", 3}}, "Zm9v"},
        {{.type = TSDB_FIELD_BYTES, .text = {"\xff\xfe\xfd\xfc", 4}}, "//79/A=="},
        {{.type = TSDB_FIELD_JSON, .text = {"[1,\"x\"]", 7}}, "[1,\"x\"]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tsdb_text got = field_text(&cases[i].field, &arena);
        size_t want = i == 0 ? 3 : strlen(cases[i].text);
        cr_assert(got.len == want && memcmp(got.at, cases[i].text, i == 0 ? 1 : want) == 0,
                  "case %zu: %.*s", i, (int)got.len, got.at);
    }
    arena_release(&arena);
}

Test(field_text, a_full_arena_gives_nothing)
{
    struct arena arena;
    arena_init(&arena, 0, NULL);
    struct tsdb_field field = {.type = TSDB_FIELD_INT, .integer = 5};
    cr_assert_eq(field_text(&field, &arena).len, 0);
    arena_release(&arena);
}
