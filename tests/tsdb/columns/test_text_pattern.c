#include "tests/tsdb/columns/lines.h"
#include "tsdb/columns/text_template.h"

#include <criterion/criterion.h>
#include <string.h>

Test(text_pattern, shows_what_stays)
{
    static const struct {
        const char *line, *want;
    } cases[] = {
        {"", ""},
        {"nothing varies", "nothing varies"},
        {"GET /cart/42 took 17ms", "GET /cart/<_> took <_>ms"},
        {"17ms 4.5s 12abcd 1a2b", "<_>ms <_>s <_> <_>"},
        {"at 12:34:56,789 from 10.0.0.1:80", "at <_> from <_>"},
        {"1 2", "<_> <_>"},
        {"12 x 4ms:5", "<_> x <_>ms:<_>"},
        {"user42", "<_>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct writer out = {0};
        writer_text(&out, "p:");
        text_pattern((struct tsdb_text){cases[i].line, strlen(cases[i].line)}, &out);
        writer_u8(&out, 0);
        cr_assert_str_eq((const char *)out.at + 2, cases[i].want);
        writer_release(&out);
    }
}

Test(text_pattern, is_bounded_for_any_line)
{
    struct random r;
    random_init(&r, lines_seed());
    struct writer line = {0}, out = {0};
    writer_reserve(&line, 1);
    for (unsigned i = 0; i < 20000; i++) {
        writer_reset(&line);
        writer_reset(&out);
        for (uint64_t n = random_below(&r, 8); n > 0; n--)
            line_any(&r, &line);
        text_pattern((struct tsdb_text){(const char *)line.at, line.len}, &out);
        cr_assert_leq(out.len, 1024);
    }
    writer_reset(&line);
    for (unsigned i = 0; i < 400000; i++)
        writer_text(&line, "\xc3\xa9 ");
    writer_reset(&out);
    text_pattern((struct tsdb_text){(const char *)line.at + 1, line.len - 1}, &out);
    cr_assert(out.len > 1000 && out.len <= 1024);
    cr_assert(out.at[out.len - 1] != 0xc3, "no half of a character at the end");
    writer_release(&line);
    writer_release(&out);
}
