#include "collector/config/size.h"

#include "tsdb/base/random.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>

Test(size, parses_binary_and_decimal_units)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        {"0", 0},
        {"17", 17},
        {"17B", 17},
        {"8GiB", UINT64_C(8) << 30},
        {"8G", UINT64_C(8) << 30},
        {"500MB", 500000000},
        {"1kB", 1000},
        {"16383PiB", UINT64_C(16383) << 50},
        {"18446744073709551615", UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t bytes = 77;
        cr_assert(size_parse(text_of(cases[i].text), &bytes), "%s", cases[i].text);
        cr_assert_eq(bytes, cases[i].bytes, "%s", cases[i].text);
    }
}

Test(size, rejects_what_is_no_size)
{
    static const char *const cases[] = {"",
                                        "B",
                                        "-1",
                                        "1.5GiB",
                                        "1 GiB",
                                        "1gib",
                                        "1GiB ",
                                        "16384PiB",
                                        "+1",
                                        "0x10",
                                        "18446744073709551616"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t bytes = 77;
        cr_assert_not(size_parse(text_of(cases[i]), &bytes), "%s", cases[i]);
        cr_assert_eq(bytes, 77);
    }
}

Test(size, parse_of_format_is_identity)
{
    struct random r;
    random_init(&r, 7);
    for (int i = 0; i < 100000; i++) {
        uint64_t bytes = random_next(&r) >> random_below(&r, 64) << random_below(&r, 40), back = 1;
        char out[SIZE_TEXT_MAX];
        size_t n = size_format(bytes, out);
        cr_assert(size_parse((struct tsdb_text){out, n}, &back), "%s", out);
        cr_assert_eq(back, bytes, "%s", out);
    }
    char out[SIZE_TEXT_MAX];
    size_format(UINT64_C(20) << 20, out);
    cr_assert_str_eq(out, "20MiB");
    size_format(0, out);
    cr_assert_str_eq(out, "0");
}
