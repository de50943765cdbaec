#include "collector/decode/log_fields.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena, 8 << 20, NULL);
}

static void tear_down(void)
{
    arena_release(&arena);
}

TestSuite(log_fields, .init = set_up, .fini = tear_down);

Test(log_fields, records_of_every_size_lie_in_a_row)
{
    struct log_fields f;
    log_fields_init(&f, &arena);
    const struct tsdb_field *first[DECODE_FIELDS_MAX + 1] = {0};
    for (uint32_t n = 0; n <= DECODE_FIELDS_MAX; n++) {
        for (uint32_t i = 0; i < n; i++)
            log_fields_integer(&f, text_of("n"), TSDB_FIELD_INT, n * 1000 + i);
        cr_assert_eq(f.status, TSDB_OK);
        cr_assert_eq(f.count, n);
        cr_assert_eq(f.bytes, n);
        first[n] = f.at;
        log_fields_next(&f);
    }
    for (uint32_t n = 0; n <= DECODE_FIELDS_MAX; n++)
        for (uint32_t i = 0; i < n; i++)
            cr_assert_eq(first[n][i].integer, n * 1000 + i, "record %u field %u", n, i);
}

Test(log_fields, one_too_many_is_a_fault_until_the_next_record)
{
    struct log_fields f;
    log_fields_init(&f, &arena);
    for (uint32_t i = 0; i <= DECODE_FIELDS_MAX; i++)
        log_fields_text(&f, text_of("a"), TSDB_FIELD_STRING, text_of("b"));
    cr_assert_eq(f.status, TSDB_EINVAL);
    cr_assert_eq(f.count, (uint32_t)DECODE_FIELDS_MAX);
    log_fields_drop(&f);
    log_fields_double(&f, text_of("a"), 1);
    cr_assert_eq(f.status, TSDB_OK);
    cr_assert_eq(f.count, 1);
}

Test(log_fields, nameless_ones_are_dropped)
{
    struct log_fields f;
    log_fields_init(&f, &arena);
    log_fields_text(&f, text_of(""), TSDB_FIELD_STRING, text_of("b"));
    cr_assert_eq(f.count, 0);
    cr_assert_eq(f.status, TSDB_OK);
}

Test(log_fields, a_full_arena_is_a_fault)
{
    struct arena small;
    arena_init(&small, 100, NULL);
    struct log_fields f;
    log_fields_init(&f, &small);
    log_fields_integer(&f, text_of("a"), TSDB_FIELD_INT, 1);
    cr_assert_eq(f.status, TSDB_ELIMIT);
    cr_assert_eq(f.count, 0);
    arena_release(&small);
}

Test(log_fields, find_remove_copy_and_names)
{
    struct log_fields f;
    log_fields_init(&f, &arena);
    const char *names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++)
        log_fields_integer(&f, text_of(names[i]), TSDB_FIELD_INT, i);
    cr_assert_eq(log_fields_find(&f, text_of("c")), 2);
    log_fields_remove(&f, 1);
    cr_assert_eq(log_fields_find(&f, text_of("c")), 1);
    cr_assert_eq(log_fields_find(&f, text_of("b")), UINT32_MAX);
    struct tsdb_field more[] = {
        {.name = text_of("x"), .type = TSDB_FIELD_STRING, .text = text_of("yy")}};
    log_fields_copy(&f, more, 1);
    cr_assert_eq(f.count, 3);
    cr_assert_eq(f.bytes, 1 + 1 + 3);
    cr_assert(text_equal(log_fields_name(&f, text_of("p"), text_of("k")), text_of("p.k")));
    cr_assert(text_equal(log_fields_name(&f, text_of(""), text_of("k")), text_of("k")));
    cr_assert(text_equal(log_fields_name(&f, text_of("p"), text_of("")), text_of("p.")));
}

Test(log_fields, values_as_text)
{
    struct log_fields f;
    log_fields_init(&f, &arena);
    struct tsdb_field i = {.type = TSDB_FIELD_INT, .integer = INT64_MIN};
    struct tsdb_field b = {.type = TSDB_FIELD_BOOL, .integer = 1};
    struct tsdb_field d = {.type = TSDB_FIELD_DOUBLE, .real = 1.5};
    struct tsdb_field s = {.type = TSDB_FIELD_STRING, .text = text_of("s")};
    cr_assert(text_equal(log_fields_value(&f, &i), text_of("-9223372036854775808")));
    cr_assert(text_equal(log_fields_value(&f, &b), text_of("true")));
    cr_assert(text_equal(log_fields_value(&f, &d), text_of("1.5")));
    cr_assert(text_equal(log_fields_value(&f, &s), text_of("s")));
}
