#include "collector/decode/syslog_frame.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/writer.h"

#include <criterion/criterion.h>

/* Feeds the text `step` bytes at a time; the messages, '|' behind each, "!" for a fault. */
static char *frames_of(const char *text, size_t len, size_t limit, size_t step)
{
    struct writer out = {0}, have = {0};
    size_t fed = 0;
    enum tsdb_status st = TSDB_END;
    while (st != TSDB_ECORRUPT) {
        size_t n = len - fed < step ? len - fed : step;
        bool is_last = fed + n == len;
        writer_put(&have, text + fed, n);
        fed += n;
        struct syslog_frame f;
        do {
            uint8_t *copy = mem_alloc(have.len + 1);
            if (have.len > 0)
                memcpy(copy, have.at, have.len);
            st = syslog_frame_next((struct bytes){copy, have.len}, limit, is_last, &f);
            cr_assert(f.used <= have.len);
            if (st == TSDB_OK) {
                writer_put(&out, f.message.at, f.message.len);
                writer_text(&out, f.is_cut ? "~|" : "|");
            }
            mem_free(copy);
            if (st != TSDB_ECORRUPT) {
                have.len -= f.used;
                if (have.len > 0)
                    memmove(have.at, have.at + f.used, have.len);
            }
        } while (st == TSDB_OK);
        if (st == TSDB_END && is_last)
            break;
    }
    writer_text(&out, st == TSDB_ECORRUPT ? "!" : "");
    writer_u8(&out, 0);
    writer_release(&have);
    return (char *)out.at;
}

Test(syslog_frame, streams_however_they_are_cut)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"\n\n", ""},
        {"<1>a\n<2>b\n", "<1>a|<2>b|"},
        {"<1>a\n<2>b", "<1>a|<2>b|"},
        {"4 <1>a5 <2>bc", "<1>a|<2>bc|"},
        {"4 <1>a<2>line\n4 <3>c\n<4>d\n", "<1>a|<2>line|<3>c|<4>d|"},
        {"7 <1>a\nb\nx\n", "<1>a\nb\n|x|"},
        {"12 monkeys\n", "12 monkeys|"},
        {"12monkeys\n4 <1>a", "12monkeys|<1>a|"},
        {"0 <1>a\n", "0 <1>a|"},
        {"1234567890 <1>a\n", "1234567890 <1>a|"},
        {"plain\0next\n", "plain|"},
        {"12", "12|"},
        {"12 ", "12 |"},
        {"20 <1>a", "!"},
        {"21 <1>a", "!"},
        {"abcdefghijklmnopqrstuvwxyz\n", "abcdefghijklmnopqrst~|uvwxyz|"},
        {"abcdefghijklmnopqrst\nu\n", "abcdefghijklmnopqrst|u|"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i][0]);
        for (size_t step = 1; step <= len + 1; step++) {
            char *got = frames_of(cases[i][0], len, 20, step);
            cr_assert_str_eq(got, cases[i][1], "%s by %zu: got %s", cases[i][0], step, got);
            mem_free(got);
        }
    }
}

Test(syslog_frame, a_nul_ends_a_line_too)
{
    char *got = frames_of("a\0b\0", 4, 20, 1);
    cr_assert_str_eq(got, "a|b|");
    mem_free(got);
}

Test(syslog_frame, a_count_of_the_limit_and_one_more)
{
    char *got = frames_of("20 <12345678901234567>x", 23, 20, 100);
    cr_assert_str_eq(got, "<12345678901234567>x|");
    mem_free(got);
    got = frames_of("21 <123456789012345678>x", 24, 20, 100);
    cr_assert_str_eq(got, "!");
    mem_free(got);
}
