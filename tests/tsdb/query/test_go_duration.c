#include "tsdb/query/go_duration.h"

#include "tsdb/base/random.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>

static struct tsdb_text formatted(int64_t ns, struct writer *out)
{
    writer_reset(out);
    go_duration_format(ns, out);
    return (struct tsdb_text){(const char *)out->at, out->len};
}

Test(go_duration, is_written_as_go_writes_it)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {1, "1ns"},
        {999, "999ns"},
        {1100, "1.1\xc2\xb5s"},
        {2200000, "2.2ms"},
        {3300000000, "3.3s"},
        {60000000000, "1m0s"},
        {245000000000, "4m5s"},
        {245001000000, "4m5.001s"},
        {18367001000000, "5h6m7.001s"},
        {480000000001, "8m0.000000001s"},
        {-1500000000, "-1.5s"},
        {INT64_MAX, "2562047h47m16.854775807s"},
        {INT64_MIN, "-2562047h47m16.854775808s"},
    };
    struct writer out = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tsdb_text got = formatted(cases[i].ns, &out);
        cr_expect(text_equal(got, text_of(cases[i].text)), "%s: got %.*s", cases[i].text,
                  (int)got.len, got.at);
    }
    writer_release(&out);
}

Test(go_duration, reads_back_what_it_writes)
{
    struct random random;
    struct writer out = {0};
    random_init(&random, 7);
    for (int i = 0; i < 20000; i++) {
        int64_t ns = (int64_t)random_next(&random) >> random_next(&random) % 63;
        int64_t got = 77;
        if (ns == INT64_MIN)
            continue;
        cr_assert(go_duration_parse(formatted(ns, &out), &got));
        cr_assert_eq(got, ns, "%lld", (long long)ns);
    }
    writer_release(&out);
}
