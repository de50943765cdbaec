#include "tsdb/columns/text_tokens.h"

#include "tests/tsdb/columns/lines.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *shown(enum text_cut_kind kind, const char *line)
{
    static char out[4096];
    struct tsdb_text vars[TEMPLATE_PLACES_MAX];
    struct text_cut cut;
    cr_assert(text_cut(kind, (struct tsdb_text){line, strlen(line)}, vars, &cut));
    size_t len = 0;
    const char *from = line;
    for (uint32_t k = 0; k < cut.places; k++) {
        len += (size_t)snprintf(out + len, sizeof out - len, "%.*s<%.*s>", (int)(vars[k].at - from),
                                from, (int)vars[k].len, vars[k].at);
        from = vars[k].at + vars[k].len;
    }
    snprintf(out + len, sizeof out - len, "%s", from);
    return out;
}

Test(text_tokens, each_kind_cuts_as_its_header_says)
{
    static const struct {
        enum text_cut_kind kind;
        const char *line, *want;
    } cases[] = {
        {TEXT_CUT_DIGITS, "", ""},
        {TEXT_CUT_DIGITS, "no digits here", "no digits here"},
        {TEXT_CUT_DIGITS, "7", "<7>"},
        {TEXT_CUT_DIGITS, "took 17ms from 10.0.0.7:5432", "took <17ms> from <10.0.0.7>:<5432>"},
        {TEXT_CUT_DIGITS, "a=b7,c=\"d 8\"", "a=<b7>,c=\"d <8>\""},
        {TEXT_CUT_DIGITS, "12:34:56.789 [x-1]", "<12>:<34>:<56.789> [<x-1>]"},
        {TEXT_CUT_DIGITS, "/v1/users/42?q=z", "/<v1>/users/<42>?q=z"},
        {TEXT_CUT_VALUES, "level=info n=5 e=", "level=<info> n=<5> e="},
        {TEXT_CUT_VALUES, "\"GET /a/1 HTTP/1.1\" 200", "\"<GET> </a/1> <HTTP/1.1>\" <200>"},
        {TEXT_CUT_VALUES, "\"one two 3 four\" 200", "\"<one two 3 four>\" <200>"},
        {TEXT_CUT_VALUES, "{\"k\":\"v\",\"n\":12}", "{\"k\":\"<v>\",\"n\":<12>}"},
        {TEXT_CUT_VALUES, "\"\"", "\"<>\""},
        {TEXT_CUT_VALUES, "\"a\\\"b\" 1", "\"<a\\\"b>\" <1>"},
        {TEXT_CUT_VALUES, "\"a\\\\\" 1", "\"<a\\\\>\" <1>"},
        {TEXT_CUT_VALUES, "open \"no end 1 x=y", "open \"no end <1> x=y"},
        {TEXT_CUT_VALUES, "f(a=b)c", "f(a=<b>)c"},
        {TEXT_CUT_PHRASES, "\"one two 3 four\" a=\"b\"", "\"one two <3> four\" a=\"<b>\""},
        {TEXT_CUT_PHRASES, "\"one a=b c d\" a=b", "\"one a=b c d\" a=<b>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_str_eq(shown(cases[i].kind, cases[i].line), cases[i].want);
}

Test(text_tokens, pieces_have_the_hash_of_their_cut)
{
    struct random r;
    random_init(&r, lines_seed());
    struct writer line = {0};
    writer_reserve(&line, 1);
    for (unsigned i = 0; i < 30000; i++) {
        struct tsdb_text vars[TEMPLATE_PLACES_MAX];
        struct text_cut cut;
        writer_reset(&line);
        line_any(&r, &line);
        struct tsdb_text t = {(const char *)line.at, line.len};
        bool is_cut = text_cut(i % TEXT_CUTS, t, vars, &cut);
        const char *from = t.at;
        uint64_t hash = 0;
        for (uint32_t k = 0; k < cut.places; k++) {
            cr_assert(vars[k].at >= from && vars[k].at + vars[k].len <= t.at + t.len);
            hash = text_pieces_hash(hash, from, (size_t)(vars[k].at - from));
            from = vars[k].at + vars[k].len;
        }
        hash = text_pieces_hash(hash, from, (size_t)(t.at + t.len - from));
        if (is_cut)
            cr_assert_eq(cut.hash, text_pieces_finish(hash));
        else
            cr_assert_eq(cut.places, TEMPLATE_PLACES_MAX);
    }
    writer_release(&line);
}

/* At each limit and one past it; and shapes whose cost would be quadratic. */
Test(text_tokens, limits)
{
    static char line[TEMPLATE_LINE_MAX + 1];
    struct tsdb_text vars[TEMPLATE_PLACES_MAX];
    struct text_cut cut;
    memset(line, 'a', sizeof line);
    cr_assert(text_cut(TEXT_CUT_VALUES, (struct tsdb_text){line, TEMPLATE_LINE_MAX}, vars, &cut));
    cr_assert_not(
        text_cut(TEXT_CUT_VALUES, (struct tsdb_text){line, TEMPLATE_LINE_MAX + 1}, vars, &cut));
    for (size_t i = 0; i < sizeof line; i++)
        line[i] = i % 2 ? ' ' : '1';
    for (size_t places = TEMPLATE_PLACES_MAX - 1; places <= TEMPLATE_PLACES_MAX + 1; places++)
        cr_assert_eq(text_cut(TEXT_CUT_DIGITS, (struct tsdb_text){line, places * 2}, vars, &cut),
                     places <= TEMPLATE_PLACES_MAX);
    for (size_t i = 0; i < sizeof line; i++)
        line[i] = i % 2 ? '"' : '\\';
    for (unsigned i = 0; i < 200; i++)
        cr_assert(
            text_cut(TEXT_CUT_PHRASES, (struct tsdb_text){line, TEMPLATE_LINE_MAX}, vars, &cut));
}
