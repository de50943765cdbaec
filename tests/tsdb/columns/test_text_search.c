#include "tsdb/columns/text_template.h"

#include "tests/tsdb/columns/lines.h"
#include "tests/tsdb/columns/prop_text_search.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>

enum { LINES_MAX = 1200, NEEDLES = 60 };

struct made {
    struct writer bytes;
    size_t starts[LINES_MAX + 1];
    struct tsdb_text lines[LINES_MAX];
    uint32_t count;
};

static void made_line(struct made *m)
{
    m->starts[++m->count] = m->bytes.len;
}

static void made_end(struct made *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        m->lines[i] = (struct tsdb_text){(const char *)m->bytes.at + m->starts[i],
                                         m->starts[i + 1] - m->starts[i]};
}

static void made_begin(struct made *m)
{
    writer_reset(&m->bytes);
    writer_reserve(&m->bytes, 1);
    m->count = 0;
    m->starts[0] = 0;
}

/* A cut of a line, wherever it falls. */
static struct tsdb_text cut_of(struct random *r, const struct made *m)
{
    struct tsdb_text line = m->lines[random_below(r, m->count)];
    if (line.len == 0)
        return text_of(""); /* in every line */
    size_t from = random_below(r, line.len), most = line.len - from;
    size_t len = 1 + random_below(r, random_below(r, 4) && most > 12 ? 12 : most);
    return (struct tsdb_text){line.at + from, len};
}

/* A cut with a byte of it changed, two cuts joined, digits, or a value of the lines' kind. */
static struct tsdb_text strange_of(struct random *r, const struct made *m, struct writer *out)
{
    struct tsdb_text a = cut_of(r, m), b = cut_of(r, m);
    writer_reset(out);
    switch (random_below(r, 4)) {
    case 0:
        writer_put(out, a.at, a.len);
        if (a.len > 0)
            out->at[random_below(r, a.len)] = (uint8_t)random_next(r);
        break;
    case 1:
        writer_put(out, a.at, a.len);
        writer_put(out, b.at, b.len);
        break;
    case 2: writer_format(out, "%u", (unsigned)random_below(r, 100000)); break;
    default: line_value(r, out); writer_u8(out, '0');
    }
    return (struct tsdb_text){(const char *)out->at, out->len};
}

struct tally {
    unsigned sets, absent, refused; /* needles that no line has, and how many it knew of */
};

static void expect_page(struct random *r, const struct made *m, struct tally *tally)
{
    struct text_templates *t = text_templates_learn(m->lines, m->count);
    if (!t)
        return;
    struct writer page = {0}, made = {0};
    tally->sets++;
    text_templates_encode(t, m->lines, m->count, &page);
    for (unsigned i = 0; i < NEEDLES; i++) {
        cr_assert(prop_search(t, writer_bytes(&page), m->lines, m->count, cut_of(r, m)));
        struct tsdb_text strange = strange_of(r, m, &made);
        bool is_there = false;
        for (uint32_t k = 0; k < m->count && !is_there; k++)
            is_there = strange.len > 0 && m->lines[k].len >= strange.len &&
                       memmem(m->lines[k].at, m->lines[k].len, strange.at, strange.len);
        bool may = prop_search(t, writer_bytes(&page), m->lines, m->count, strange);
        tally->absent += !is_there;
        tally->refused += !may;
    }
    text_templates_free(t);
    writer_release(&page);
    writer_release(&made);
}

Test(text_search, what_a_line_has_is_never_refused)
{
    static struct made m;
    struct random r;
    struct tally tally = {0};
    random_init(&r, lines_seed());
    cr_log_info("TEST_SEED=%llu", (unsigned long long)lines_seed());
    for (unsigned round = 0; round < 120; round++) {
        uint32_t count = 1 + (uint32_t)random_below(&r, round % 8 ? 300 : LINES_MAX);
        made_begin(&m);
        for (uint32_t i = 0; i < count; i++) {
            if (round % 3)
                line_templated(&r, (unsigned)random_below(&r, 1 + round / 3), &m.bytes);
            else
                line_any(&r, &m.bytes);
            made_line(&m);
        }
        made_end(&m);
        expect_page(&r, &m, &tally);
    }
    cr_log_info("%u sets, %u absent needles, %u refused", tally.sets, tally.absent, tally.refused);
    cr_assert_gt(tally.sets, 50);
    cr_assert_gt(tally.refused * 3, tally.absent, "%u of %u", tally.refused, tally.absent);
    writer_release(&m.bytes);
}

/* Lines as services print them: words, ids, numbers, addresses; one in ten fits no template. */
static struct text_templates *learn_service(struct made *m, struct random *r)
{
    static const char *const shops[] = {"cart", "stock", "login"};
    made_begin(m);
    for (uint32_t i = 0; i < LINES_MAX; i++) {
        uint64_t id = random_next(r);
        writer_format(&m->bytes, "2024-03-07 10:%02u:%02u ", i / 60 % 60, i % 60);
        if (i % 10 == 0)
            line_bytes(r, 30, &m->bytes);
        else if (i % 2)
            writer_format(&m->bytes, "INFO request %016llx for user%u from 10.0.%u.7 took %ums",
                          (unsigned long long)id, (unsigned)(id % 50), (unsigned)(id >> 8 & 255),
                          (unsigned)(id >> 16 & 1023));
        else
            writer_format(&m->bytes, "WARN shop=\"%s\" key v%ux%u is stale", shops[id % 3],
                          (unsigned)(id >> 8 & 4095), (unsigned)(id >> 20 & 4095));
        made_line(m);
    }
    made_end(m);
    for (uint32_t i = 0; i < m->count; i++) /* one line is one line */
        for (size_t k = 0; k < m->lines[i].len; k++)
            if (m->lines[i].at[k] == '\n')
                m->bytes.at[m->starts[i] + k] = '_';
    struct text_templates *t = text_templates_learn(m->lines, m->count);
    cr_assert(t);
    return t;
}

Test(text_search, absent_words_are_refused)
{
    static const char *const words[] = {
        "heisenbug", "deadlock", "OutOfMemory", "user77x",   "userx",     "carts",
        "tooks",     "stale7",   "abcdefgh",    "timeout",   "took9 ms",  "INFO WARN",
        "is  stale", "UPPER",    "panic:",      "exception", "stockcart", "xx",
    };
    static struct made m;
    struct random r;
    random_init(&r, lines_seed());
    struct text_templates *t = learn_service(&m, &r);
    struct writer page = {0};
    text_templates_encode(t, m.lines, m.count, &page);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        cr_assert_not(prop_search(t, writer_bytes(&page), m.lines, m.count, text_of(words[i])),
                      "%s", words[i]);
    text_templates_free(t);
    writer_release(&m.bytes);
    writer_release(&page);
}

Test(text_search, words_of_every_part_are_found)
{
    /* of pieces, values, dictionaries, numbers, ids, and across them */
    static const char *const words[] = {
        "INFO",      "request ", "for user4", "r4",    "from 10.0.", ".7 took ", "ms",
        "shop=\"st", "stock\"",  "\" key v",  " is s", "e",          "\" key",   "2024-03-07 10:1",
    };
    static struct made m;
    struct random r;
    random_init(&r, lines_seed());
    struct text_templates *t = learn_service(&m, &r);
    struct writer page = {0};
    text_templates_encode(t, m.lines, m.count, &page);
    struct bytes in = writer_bytes(&page);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        cr_assert(prop_search(t, in, m.lines, m.count, text_of(words[i])), "%s", words[i]);
    for (uint32_t i = 0; i < m.count; i++) /* whole lines, longer than a state has bits */
        cr_assert(m.lines[i].len == 0 || prop_search(t, in, m.lines, m.count, m.lines[i]));
    text_templates_free(t);
    writer_release(&m.bytes);
    writer_release(&page);
}

/* Whether the page is refused as a whole. */
static enum tsdb_status ask_word(const struct text_templates *t, struct bytes in, uint32_t count,
                                 size_t bytes_max, uint64_t *rows)
{
    struct tsdb_text word = text_of("heisenbug");
    struct text_wanted wanted = {rows, &word, 1, true};
    memset(rows, 0xff, (LINES_MAX / 64 + 1) * sizeof *rows);
    return text_templates_decode(t, in, count, bytes_max, &wanted, NULL, NULL, NULL);
}

Test(text_search, damage_is_told_and_refuses_no_line)
{
    static struct made m;
    uint64_t rows[LINES_MAX / 64 + 1];
    struct random r;
    random_init(&r, lines_seed());
    struct text_templates *t = learn_service(&m, &r);
    struct writer page = {0};
    text_templates_encode(t, m.lines, m.count, &page);
    struct bytes in = writer_bytes(&page);
    cr_assert_eq(ask_word(t, in, m.count, m.bytes.len + m.count, rows), TSDB_OK);
    cr_assert_eq(rows[0], 0);
    cr_assert_eq(ask_word(t, in, m.count, m.bytes.len + m.count - 1, rows), TSDB_ECORRUPT);
    cr_assert_eq(ask_word(t, in, m.count + 1, INT32_MAX, rows), TSDB_ECORRUPT);
    cr_assert_eq(ask_word(t, (struct bytes){in.at, 0}, m.count, INT32_MAX, rows), TSDB_ECORRUPT);
    for (size_t i = 0; i < in.len; i += 1 + i / 8) {
        page.at[i] ^= 4;
        cr_assert_eq(ask_word(t, in, m.count, INT32_MAX, rows), TSDB_ECORRUPT);
        cr_assert_eq(rows[0], UINT64_MAX);
        page.at[i] ^= 4;
    }
    text_templates_free(t);
    writer_release(&m.bytes);
    writer_release(&page);
}

static uint32_t count_left(const struct text_templates *t, struct bytes page, const struct made *m,
                           const char *word)
{
    struct writer out = {0};
    uint32_t starts[LINES_MAX + 1], left = 0;
    uint64_t rows[LINES_MAX / 64 + 1];
    struct tsdb_text needle = text_of(word);
    struct text_wanted wanted = {rows, &needle, 1, false};
    memset(rows, 0xff, sizeof rows);
    cr_assert_eq(text_templates_decode(t, page, m->count, INT32_MAX, &wanted, &out, starts, NULL),
                 TSDB_OK);
    for (uint32_t i = 0; i < m->count; i++)
        left += text_is_wanted(rows, i);
    writer_release(&out);
    return left;
}

static void expect_few(struct made *m, const char *const *words, size_t count)
{
    struct text_templates *t = text_templates_learn(m->lines, m->count);
    struct writer page = {0};
    cr_assert(t);
    text_templates_encode(t, m->lines, m->count, &page);
    for (size_t i = 0; i < count; i++) {
        uint32_t has = 0, left = count_left(t, writer_bytes(&page), m, words[i]);
        for (uint32_t k = 0; k < m->count; k++)
            has += prop_has(m->lines[k], text_of(words[i]));
        cr_expect_leq(has, left, "%s", words[i]);
        cr_expect_leq(left, has + m->count / 8, "%s: %u lines have it, %u were made", words[i], has,
                      left);
    }
    text_templates_free(t);
    writer_release(&page);
}

Test(text_search, lines_of_templates_that_lack_it_are_not_made)
{
    static const char *const words[] = {"took", "stale", "shop=\"cart", "deadb", "4095x"};
    static struct made m;
    struct random r;
    random_init(&r, lines_seed());
    text_templates_free(learn_service(&m, &r));
    expect_few(&m, words, sizeof words / sizeof words[0]);
    writer_release(&m.bytes);
}

Test(text_search, lines_whose_numbers_lack_it_are_not_made)
{
    static const char *const words[] = {"717", "-31", "a7b", "123456"};
    static struct made m;
    struct random r;
    random_init(&r, lines_seed());
    made_begin(&m);
    for (uint32_t i = 0; i < LINES_MAX; i++) {
        uint64_t v = random_next(&r);
        writer_format(&m.bytes,
                      i % 2 ? "job %u of %08x took %ums" : "sum %d at %04u.%u of 10.9.%u.3",
                      i % 2 ? (unsigned)(v & 65535) : (unsigned)(v & 65535) - 32768,
                      i % 2 ? (unsigned)(v >> 16) : (unsigned)(v >> 16) % 10000,
                      (unsigned)(v >> 50) % 100, (unsigned)(v >> 48) % 256);
        made_line(&m);
    }
    made_end(&m);
    expect_few(&m, words, sizeof words / sizeof words[0]);
    writer_release(&m.bytes);
}
