#include "collector/decode/pull.h"

#include <criterion/criterion.h>

static struct pull over(const void *at, size_t len)
{
    return pull_over((struct bytes){at, len});
}

Test(pull, reads_every_wire_type)
{
    static const uint8_t in[] = {0x08, 0x96, 0x01, 0x11, 1,    2, 3, 4, 5, 6,    7,    8,
                                 0x1a, 2,    'h',  'i',  0x25, 4, 3, 2, 1, 0x82, 0x01, 0};
    struct pull p = over(in, sizeof in);
    struct pull_field f;
    cr_assert(pull_next(&p, &f));
    cr_assert(f.number == 1 && pull_u64(&p, &f) == 150);
    cr_assert(pull_next(&p, &f));
    cr_assert(f.number == 2 && pull_f64(&p, &f) == UINT64_C(0x0807060504030201));
    cr_assert(pull_next(&p, &f));
    cr_assert(f.number == 3 && f.bytes.len == 2 && f.bytes.at[0] == 'h');
    cr_assert(f.whole.len == 4 && f.whole.at == in + 12);
    cr_assert(pull_next(&p, &f));
    cr_assert(f.number == 4 && f.value == 0x01020304);
    cr_assert(pull_next(&p, &f));
    cr_assert(f.number == 16 && f.bytes.len == 0);
    cr_assert_not(pull_next(&p, &f));
    cr_assert(pull_done(&p));
}

Test(pull, faults)
{
    static const struct {
        const char *why;
        uint8_t raw[16], len;
    } cases[] = {
        {"tag without payload", {0x08}, 1},
        {"field number 0", {0x00, 0x00}, 2},
        {"group begins", {0x0b, 0x0c}, 2},
        {"group ends", {0x0c}, 1},
        {"wire type 6", {0x0e, 0}, 2},
        {"wire type 7", {0x0f, 0}, 2},
        {"length past the end", {0x0a, 2, 'x'}, 3},
        {"fixed64 cut", {0x09, 1, 2, 3}, 4},
        {"fixed32 cut", {0x0d, 1, 2, 3}, 4},
        {"varint never ends",
         {0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0},
         12},
        {"tag of six bytes", {0x88, 0x80, 0x80, 0x80, 0x80, 0x00, 0x00}, 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pull p = over(cases[i].raw, cases[i].len);
        struct pull_field f;
        while (pull_next(&p, &f)) {
        }
        cr_assert_not(pull_done(&p), "%s", cases[i].why);
    }
}

Test(pull, overlong_varints_are_legal)
{
    static const uint8_t in[] = {0x08, 0x81, 0x80, 0x00, 0x08, 0xff, 0xff, 0xff,
                                 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
    struct pull p = over(in, sizeof in);
    struct pull_field f;
    cr_assert(pull_next(&p, &f) && f.value == 1);
    cr_assert(pull_next(&p, &f) && f.value == UINT64_MAX, "bits above the 64th drop");
    cr_assert(pull_done(&p));
}

Test(pull, a_known_field_of_another_type_is_a_fault)
{
    static const uint8_t in[] = {0x08, 1};
    struct pull p = over(in, sizeof in);
    struct pull_field f;
    cr_assert(pull_next(&p, &f));
    struct bytes b = pull_bytes(&p, &f);
    cr_assert(b.len == 0 && b.at != NULL);
    cr_assert_not(pull_done(&p));
}

Test(pull, signed_numbers)
{
    static const uint8_t in[] = {0x08, 0x01, 0x08, 0x03, 0x08, 0xff, 0xff, 0xff, 0xff, 0x0f};
    static const int32_t want[] = {-1, -2, INT32_MIN};
    struct pull p = over(in, sizeof in);
    struct pull_field f;
    for (int i = 0; i < 3; i++)
        cr_assert(pull_next(&p, &f) && pull_s32(&p, &f) == want[i], "%d", i);
}

Test(pull, repeated_scalars_packed_or_not)
{
    static const uint8_t in[] = {0x0a, 3, 1, 0x96, 0x01, 0x08, 7, 0x12, 8, 1, 0, 0, 0,
                                 0,    0, 0, 0,    0x11, 2,    0, 0,    0, 0, 0, 0, 0};
    static const uint64_t want[] = {1, 150, 7, 1, 2};
    struct pull p = over(in, sizeof in);
    struct pull_field f;
    int n = 0;
    while (pull_next(&p, &f)) {
        struct pull_run run = pull_run_of(&p, &f, f.number == 1 ? PULL_VARINT : PULL_FIXED64);
        size_t count = pull_run_count(&run);
        uint64_t v;
        for (; pull_run_next(&p, &run, &v); n++, count--)
            cr_assert_eq(v, want[n]);
        cr_assert_eq(count, 0);
    }
    cr_assert(pull_done(&p) && n == 5);
}

Test(pull, packed_values_must_be_whole)
{
    static const uint8_t fixed[] = {0x0a, 7, 0, 0, 0, 0, 0, 0, 0}, varint[] = {0x0a, 1, 0x80};
    struct pull_field f;
    uint64_t v;
    struct pull p = over(fixed, sizeof fixed);
    cr_assert(pull_next(&p, &f));
    (void)pull_run_of(&p, &f, PULL_FIXED64);
    cr_assert_not(pull_done(&p));
    p = over(varint, sizeof varint);
    cr_assert(pull_next(&p, &f));
    struct pull_run run = pull_run_of(&p, &f, PULL_VARINT);
    cr_assert_not(pull_run_next(&p, &run, &v));
    cr_assert_not(pull_done(&p));
}

Test(pull, skips_a_run_of_short_fields_only)
{
    static const uint8_t in[] = {0x0a, 1, 'a', 0x0a, 0, 0x12, 0, 0x0a, 0};
    struct pull p = over(in, sizeof in);
    cr_assert_eq(pull_skip_run(&p, 0x0a), 5);
    cr_assert_eq(pull_skip_run(&p, 0x0a), 0);
    static const uint8_t cut[] = {0x0a, 1, 'a', 0x0a, 2, 'b'};
    p = over(cut, sizeof cut);
    cr_assert_eq(pull_skip_run(&p, 0x0a), 3, "stops before what is cut off");
    p = over("", 0);
    cr_assert_eq(pull_skip_run(&p, 0x0a), 0);
}
