#include "tsdb/columns/group.h"

#include "tests/tsdb/columns/group_model.h"
#include "tests/tsdb/columns/prop_group.h"

#include <criterion/criterion.h>

static const uint32_t sizes[] = {0, 1, 2, 63, 64, 65, 700, 1024, 3000, 8192, 8193, 20000};

static void encodings_note(const struct group *g, uint64_t *seen)
{
    for (uint32_t i = 0; i < group_columns(g); i++)
        *seen |= UINT64_C(1) << group_column(g, i)->encoding;
}

/* Goal: what was written is read, by every function, in both forms and after sealing.
 * Method: random columns of shapes that meet every encoding; TEST_SEED replays. */
Test(group, rows_come_back)
{
    uint64_t seed = model_seed(), seen = 0;
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    struct random r;
    random_init(&r, seed);
    struct budget budget;
    budget_init(&budget, UINT64_C(1) << 30, NULL);
    struct group_writer *w = group_writer_new(&budget);
    struct group_reader *reader = group_reader_new(&budget);
    for (int round = 0; round < 60; round++) {
        struct model m;
        model_init(&m, &r, sizes[(size_t)round % (sizeof sizes / sizeof *sizes)]);
        enum group_form form = round % 4 == 3 ? GROUP_SEALED : GROUP_HOT;
        struct group_strings s = {0}, sealed = {0};
        struct group *g, *again;
        model_write(&m, w);
        cr_assert_eq(group_writer_rows(w), m.rows);
        cr_assert_eq(group_writer_finish(w, form, &s, NULL), TSDB_OK);
        cr_assert_eq(group_open(model_bytes_of(&s), &g, NULL), TSDB_OK, "round %d", round);
        group_reader_open(reader, g);
        const char *what = model_group_differs(&m, g, reader);
        cr_assert_null(what, "round %d: %s", round, what);
        cr_assert_eq(group_check(g, NULL), TSDB_OK);
        encodings_note(g, &seen);

        cr_assert_eq(group_seal(g, &budget, &sealed, NULL), TSDB_OK);
        cr_assert_eq(group_open(model_bytes_of(&sealed), &again, NULL), TSDB_OK);
        group_reader_open(reader, again);
        what = model_group_differs(&m, again, reader);
        cr_assert_null(what, "round %d, sealed: %s", round, what);
        prop_read(g);
        prop_read(again);
        cr_assert_eq(group_check(again, NULL), TSDB_OK);
        encodings_note(again, &seen);
        group_reader_open(reader, NULL);
        group_free(g);
        group_free(again);
        group_strings_release(&s);
        group_strings_release(&sealed);
        arena_release(&m.arena);
    }
    group_reader_free(reader);
    group_writer_free(w);
    cr_assert_eq(budget_used(&budget), 0, "all that was charged is given back");
    uint64_t all = (UINT64_C(1) << ENCODING_COUNT) - 1;
    cr_assert_eq(seen & all, all, "encodings met: %llx", (unsigned long long)seen);
}

/* ---- single columns ------------------------------------------------------------------ */

enum { ROWS = 20000 };

struct single {
    struct group_strings strings;
    struct group *group;
    struct group_reader *reader;
    struct arena arena;
};

typedef struct tsdb_text text_maker(struct random *r, char *out, uint32_t row);

static struct tsdb_text make_few(struct random *r, char *out, uint32_t row)
{
    (void)row;
    return (struct tsdb_text){out, (size_t)sprintf(out, "few%u", (unsigned)random_below(r, 90))};
}

static struct tsdb_text make_unique(struct random *r, char *out, uint32_t row)
{
    return (struct tsdb_text){out,
                              (size_t)sprintf(out, "u%u-%u", (unsigned)random_below(r, 999), row)};
}

static struct tsdb_text make_line(struct random *r, char *out, uint32_t row)
{
    return (struct tsdb_text){out, (size_t)sprintf(out, "level=info cart=%u took %u ms, row %u",
                                                   (unsigned)random_below(r, 99999),
                                                   (unsigned)random_below(r, 900), row)};
}

static struct tsdb_text make_int(struct random *r, char *out, uint32_t row)
{
    (void)row;
    return (struct tsdb_text){out, i64_format((int64_t)random_next(r) >> 20, out)};
}

static struct tsdb_text make_leading_zero(struct random *r, char *out, uint32_t row)
{
    (void)r;
    return (struct tsdb_text){out, (size_t)sprintf(out, row == ROWS - 1 ? "007" : "%u", row)};
}

static struct tsdb_text make_hex(struct random *r, char *out, uint32_t row)
{
    (void)row;
    return (struct tsdb_text){
        out, (size_t)sprintf(out, "%016llx", (unsigned long long)random_next(r) | 10)};
}

static struct tsdb_text make_upper_hex(struct random *r, char *out, uint32_t row)
{
    struct tsdb_text text = make_hex(r, out, row);
    if (row == ROWS - 1)
        out[7] = 'A';
    return text;
}

static struct tsdb_text make_bytes(struct random *r, char *out, uint32_t row)
{
    (void)row;
    uint64_t bytes = random_next(r);
    memcpy(out, &bytes, sizeof bytes);
    return (struct tsdb_text){out, sizeof bytes};
}

static struct tsdb_text make_same(struct random *r, char *out, uint32_t row)
{
    (void)r;
    (void)row;
    return (struct tsdb_text){out, (size_t)sprintf(out, "same")};
}

static struct tsdb_text make_same_long(struct random *r, char *out, uint32_t row)
{
    (void)r;
    (void)row;
    memset(out, 'x', COLUMN_CONST_MAX + 1);
    return (struct tsdb_text){out, COLUMN_CONST_MAX + 1};
}

static void single_write(struct single *s, text_maker *make, unsigned flags)
{
    static char text[2 * COLUMN_CONST_MAX];
    struct random r;
    random_init(&r, model_seed());
    struct group_writer *w = group_writer_new(NULL);
    arena_init(&s->arena, (size_t)1 << 30, NULL);
    uint32_t column = group_writer_column(w, text_of("a"), 1, COLUMN_TEXT, flags);
    for (uint32_t i = 0; i < ROWS; i++) {
        struct tsdb_text made = make(&r, text, i);
        char *copy = ARENA_ARRAY(&s->arena, char, made.len);
        memcpy(copy, made.at, made.len);
        group_writer_row(w);
        group_writer_text(w, column, (struct tsdb_text){copy, made.len});
    }
    cr_assert_eq(group_writer_finish(w, GROUP_HOT, &s->strings, NULL), TSDB_OK);
    cr_assert_eq(group_open(model_bytes_of(&s->strings), &s->group, NULL), TSDB_OK);
    group_writer_free(w);
}

static void single_release(struct single *s)
{
    group_free(s->group);
    group_strings_release(&s->strings);
    arena_release(&s->arena);
}

Test(group, the_encoding_is_the_one_that_fits)
{
    static const struct {
        text_maker *make;
        unsigned flags;
        enum column_encoding encoding;
        size_t bytes_most; /* a row */
    } cases[] = {
        {make_few, 0, ENCODING_DICT, 1},           {make_few, COLUMN_LINES, ENCODING_PAGES, 4},
        {make_unique, 0, ENCODING_PAGES, 10},      {make_int, 0, ENCODING_INTS, 6},
        {make_leading_zero, 0, ENCODING_PAGES, 5}, {make_hex, 0, ENCODING_HEX, 8},
        {make_upper_hex, 0, ENCODING_FIXED, 16},   {make_bytes, 0, ENCODING_FIXED, 8},
        {make_same, 0, ENCODING_CONST, 0},         {make_same, COLUMN_LINES, ENCODING_CONST, 0},
        {make_same_long, 0, ENCODING_DICT, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct single s = {0};
        single_write(&s, cases[i].make, cases[i].flags);
        const struct column_info *info = group_column(s.group, 0);
        cr_assert_eq(info->encoding, cases[i].encoding, "case %zu: %u", i, info->encoding);
        size_t most = cases[i].bytes_most * ROWS + 100;
        cr_assert_leq(s.strings.data.len, most, "case %zu: %zu bytes", i, s.strings.data.len);
        if (cases[i].encoding == ENCODING_DICT)
            cr_assert_leq(info->distinct, 90);
        single_release(&s);
    }
}

Test(group, short_texts_in_pages_stay_compact)
{
    struct single s = {0};
    single_write(&s, make_few, COLUMN_LINES);
    cr_assert_lt(s.strings.data.len, 4 * ROWS, "%zu", s.strings.data.len);
    cr_assert_eq(group_page_count(s.group, 0), (ROWS + COLUMN_PART_ROWS - 1) / COLUMN_PART_ROWS);
    single_release(&s);
}

/* Goal: a reader may be turned away after its group is gone.
 * Method: a group of templates, which are what a reader frees itself; ASan watches. */
Test(group, a_reader_may_outlive_its_group)
{
    struct single s = {0};
    struct group_strings sealed = {0};
    struct group *g;
    struct text_page page;
    single_write(&s, make_line, COLUMN_LINES);
    cr_assert_eq(group_seal(s.group, NULL, &sealed, NULL), TSDB_OK);
    cr_assert_eq(group_open(model_bytes_of(&sealed), &g, NULL), TSDB_OK);
    cr_assert_eq(group_column(g, 0)->encoding, ENCODING_TEMPLATES);
    cr_assert_lt(sealed.data.len, s.strings.data.len);
    struct group_reader *r = group_reader_new(NULL);
    group_reader_open(r, g);
    cr_assert_eq(group_page(r, 0, 0, &page, NULL), TSDB_OK);
    group_free(g);
    group_strings_release(&sealed);
    group_reader_open(r, s.group);
    cr_assert_eq(group_page(r, 0, 0, &page, NULL), TSDB_OK);
    single_release(&s);
    group_reader_free(r);
}

Test(group, times_in_order_cost_their_steps)
{
    struct group_writer *w = group_writer_new(NULL);
    struct group_strings s = {0};
    uint32_t column = group_writer_column(w, text_of("ts"), 0, COLUMN_INT, 0);
    struct random r;
    random_init(&r, model_seed());
    int64_t ts = INT64_C(1790000000000000000);
    for (uint32_t i = 0; i < GROUP_ROWS_MAX; i++) {
        group_writer_row(w);
        group_writer_int(w, column, ts += (int64_t)random_below(&r, 200) * 1000000);
    }
    cr_assert_eq(group_writer_finish(w, GROUP_HOT, &s, NULL), TSDB_OK);
    cr_assert_lt(s.data.len, GROUP_ROWS_MAX * 9 / 8, "milliseconds below 200: 8 bits");
    group_strings_release(&s);
    group_writer_free(w);
}

/* ---- the edges ----------------------------------------------------------------------- */

Test(group, the_most_rows_and_a_long_text)
{
    struct group_writer *w = group_writer_new(NULL);
    struct group_strings s = {0};
    struct group *g;
    size_t len = 3 * COLUMN_PAGE_BYTES;
    char *text = mem_alloc(len);
    memset(text, 'y', len);
    uint32_t lines = group_writer_column(w, text_of("line"), 0, COLUMN_TEXT, COLUMN_LINES);
    uint32_t codes = group_writer_column(w, text_of("code"), 0, COLUMN_TEXT, 0);
    for (uint32_t i = 0; i < GROUP_ROWS_MAX; i++) {
        group_writer_row(w);
        group_writer_text(w, lines, (struct tsdb_text){text, i == 5000 ? len : i % 7});
        group_writer_text(w, codes, (struct tsdb_text){text + i / 4, 1 + i % 4 * 1000});
    }
    cr_assert_eq(group_writer_finish(w, GROUP_HOT, &s, NULL), TSDB_ELIMIT, "98 MB of codes");
    cr_assert_eq(group_writer_rows(w), GROUP_ROWS_MAX, "the rows are still there");
    group_writer_free(w);

    w = group_writer_new(NULL);
    lines = group_writer_column(w, text_of("line"), 0, COLUMN_TEXT, COLUMN_LINES);
    for (uint32_t i = 0; i < GROUP_ROWS_MAX; i++) {
        group_writer_row(w);
        group_writer_text(w, lines, (struct tsdb_text){text, i == 5000 ? len : i % 7});
    }
    cr_assert_eq(group_writer_finish(w, GROUP_HOT, &s, NULL), TSDB_OK);
    cr_assert_eq(group_open(model_bytes_of(&s), &g, NULL), TSDB_OK);
    struct group_reader *r = group_reader_new(NULL);
    const struct tsdb_text *texts;
    group_reader_open(r, g);
    cr_assert_eq(group_texts(r, 0, &texts, NULL), TSDB_OK);
    for (uint32_t i = 0; i < GROUP_ROWS_MAX; i++)
        cr_assert_eq(texts[i].len, i == 5000 ? len : i % 7);
    group_reader_free(r);
    group_free(g);
    group_strings_release(&s);
    group_writer_free(w);
    mem_free(text);
}

Test(group, the_first_value_of_a_row_counts)
{
    struct group_writer *w = group_writer_new(NULL);
    struct group_strings s = {0};
    struct group *g;
    uint32_t column = group_writer_column(w, text_of("a"), 2, COLUMN_INT, 0);
    group_writer_row(w);
    group_writer_int(w, column, 1);
    group_writer_int(w, column, 2);
    group_writer_row(w);
    group_writer_int(w, column, 3);
    cr_assert_eq(group_writer_finish(w, GROUP_HOT, &s, NULL), TSDB_OK);
    cr_assert_eq(group_open(model_bytes_of(&s), &g, NULL), TSDB_OK);
    struct group_reader *r = group_reader_new(NULL);
    const int64_t *v;
    const double *doubles;
    struct tsdb_error err;
    group_reader_open(r, g);
    cr_assert_eq(group_ints(r, 0, &v, NULL), TSDB_OK);
    cr_assert(v[0] == 1 && v[1] == 3);
    cr_assert_eq(group_doubles(r, 0, &doubles, &err), TSDB_EINVAL);
    cr_assert_str_eq(err.msg, "group: column 0 is of kind 0, want 1");
    group_reader_free(r);
    group_free(g);
    group_strings_release(&s);
    group_writer_free(w);
}

Test(group, columns_are_found_by_name_and_tag)
{
    struct group_writer *w = group_writer_new(NULL);
    struct group_strings s = {0};
    struct group *g;
    static const char *const names[] = {"b", "a", "ab", "", "b"};
    group_writer_row(w);
    for (uint8_t i = 0; i < 5; i++) {
        uint32_t column = group_writer_column(w, text_of(names[i]), i, COLUMN_INT, 0);
        cr_assert_eq(column, i);
        group_writer_int(w, column, i);
    }
    for (uint8_t i = 0; i < 5; i++)
        cr_assert_eq(group_writer_column(w, text_of(names[i]), i, COLUMN_INT, 0), i);
    cr_assert_eq(group_writer_finish(w, GROUP_HOT, &s, NULL), TSDB_OK);
    cr_assert_eq(group_writer_rows(w), 0);
    cr_assert_eq(group_open(model_bytes_of(&s), &g, NULL), TSDB_OK);
    cr_assert_eq(group_columns(g), 5);
    for (uint8_t i = 0; i < 5; i++) {
        uint32_t at = group_find(g, text_of(names[i]), i);
        cr_assert_lt(at, 5);
        cr_assert_eq(group_column(g, at)->int_min, i);
        cr_assert_eq(group_find(g, text_of(names[i]), 9), UINT32_MAX);
    }
    uint32_t b = group_find_name(g, text_of("b"));
    cr_assert_eq(group_column(g, b)->tag, 0);
    cr_assert_eq(group_column(g, b + 1)->tag, 4);
    cr_assert_eq(group_find_name(g, text_of("c")), UINT32_MAX);
    cr_assert_eq(group_find_name(g, text_of("aa")), UINT32_MAX);
    group_free(g);
    group_strings_release(&s);
    group_writer_free(w);
}

Test(group, the_least_of_columns_opens)
{
    struct group_writer *w = group_writer_new(NULL);
    for (size_t name = 0; name < 4; name++) {
        struct group_strings s = {0};
        struct group *g;
        uint32_t column =
            group_writer_column(w, (struct tsdb_text){"abc", name}, 1, COLUMN_TEXT, 0);
        group_writer_row(w);
        group_writer_text(w, column, (struct tsdb_text){NULL, 0});
        cr_assert_eq(group_writer_finish(w, GROUP_HOT, &s, NULL), TSDB_OK);
        cr_assert_eq(group_open(model_bytes_of(&s), &g, NULL), TSDB_OK, "%zu", name);
        cr_assert_eq(group_columns(g), 1);
        group_free(g);
        group_strings_release(&s);
    }
    group_writer_free(w);
}

/* Texts by number, among others put as they are: whether the dictionary pays or not. */
Test(group, numbered_texts_are_those_that_were_numbered)
{
    enum { NUMBERED = 20000 };
    static char texts[NUMBERED][16];
    static uint32_t numbers[NUMBERED];
    static const uint32_t pools[] = {1, 50, 900, 5000, NUMBERED};
    for (uint32_t p = 0; p < 5; p++) {
        struct group_writer *w = group_writer_new(NULL);
        struct group_strings s = {0};
        struct group *g;
        struct group_reader *r = group_reader_new(NULL);
        const struct tsdb_text *got;
        uint32_t column = group_writer_column(w, text_of("c"), 1, COLUMN_TEXT, COLUMN_VALUES);
        uint32_t none = 0;
        for (uint32_t i = 0; i < NUMBERED; i++) {
            bool repeats = p == 4 && i < 2000; /* given up when numbers are out already */
            snprintf(texts[i], sizeof texts[i], "text %u", repeats ? i % 500 : i * 7919 % pools[p]);
            numbers[i] = group_writer_number(w, column, text_of(texts[i]), i + 1);
            none += numbers[i] == UINT32_MAX;
        }
        cr_assert(pools[p] > 900 ? none > NUMBERED / 2 : none == 0, "%u of %u", none, pools[p]);
        for (uint32_t i = 0; i < NUMBERED; i++) {
            group_writer_row(w);
            if (numbers[i] == UINT32_MAX)
                group_writer_text(w, column, text_of(texts[i]));
            else
                group_writer_numbered(w, column, numbers[i]);
            group_writer_numbered(w, column, 0); /* the row has it already */
        }
        cr_assert_eq(group_writer_finish(w, GROUP_HOT, &s, NULL), TSDB_OK);
        cr_assert_eq(group_open(model_bytes_of(&s), &g, NULL), TSDB_OK);
        group_reader_open(r, g);
        cr_assert_eq(group_texts(r, 0, &got, NULL), TSDB_OK);
        for (uint32_t i = 0; i < NUMBERED; i++)
            cr_assert(text_equal(got[i], text_of(texts[i])));
        group_reader_free(r);
        group_free(g);
        group_writer_free(w);
        group_strings_release(&s);
    }
}

/* Goal: rows that several columns share are written once, and no column leads in a circle. */
Test(group, columns_of_the_same_rows_share_their_presence)
{
    struct group_writer *w = group_writer_new(NULL);
    struct group_strings one = {0}, all = {0};
    struct group_strings *const outs[] = {&one, &all};
    struct group *g;
    struct group_reader *r = group_reader_new(NULL);
    struct group_value value;
    const uint64_t *a, *b;
    struct random random;
    for (int round = 0; round < 2; round++) {
        random_init(&random, 3);
        for (uint32_t row = 0; row < 20000; row++) {
            bool has = random_below(&random, 2);
            group_writer_row(w);
            for (char name = 'a'; has && name <= (round ? 'j' : 'a'); name++)
                group_writer_int(
                    w, group_writer_column(w, (struct tsdb_text){&name, 1}, 0, COLUMN_INT, 0), 5);
        }
        cr_assert_eq(group_writer_finish(w, GROUP_SEALED, outs[round], NULL), TSDB_OK);
    }
    cr_assert_lt(all.data.len, one.data.len + 9 * 4);
    cr_assert_eq(group_open(model_bytes_of(&all), &g, NULL), TSDB_OK);
    group_reader_open(r, g);
    cr_assert_eq(group_presence(r, 9, &a, NULL), TSDB_OK);
    cr_assert_eq(group_presence(r, 0, &b, NULL), TSDB_OK);
    cr_assert_eq(a, b);
    prop_read(g);
    group_free(g);
    /* The second column's part is the last two bytes but those of the columns after it. */
    uint8_t *second = all.data.at + one.data.len;
    cr_assert(second[0] == 3 && second[1] == 0);
    for (uint8_t other = 1; other < 12; other++) { /* itself, one that refers, one behind it */
        second[1] = other;
        cr_assert_eq(group_open(model_bytes_of(&all), &g, NULL), TSDB_OK);
        group_reader_open(r, g);
        cr_assert_eq(group_presence(r, 1, &a, NULL), TSDB_ECORRUPT);
        cr_assert_eq(group_value(r, 1, 0, &value, NULL), TSDB_ECORRUPT);
        group_free(g);
    }
    second[1] = 0;
    second[3] = 1; /* the third refers to the second, which refers */
    cr_assert_eq(group_open(model_bytes_of(&all), &g, NULL), TSDB_OK);
    group_reader_open(r, g);
    cr_assert_eq(group_presence(r, 2, &a, NULL), TSDB_ECORRUPT);
    group_reader_free(r);
    group_free(g);
    group_writer_free(w);
    group_strings_release(&one);
    group_strings_release(&all);
}

Test(group, columns_end_at_their_limit)
{
    struct group_writer *w = group_writer_new(NULL);
    char name[16];
    for (uint32_t i = 0; i <= GROUP_COLUMNS_MAX; i++) {
        snprintf(name, sizeof name, "c%u", i);
        uint32_t column = group_writer_column(w, text_of(name), 0, COLUMN_INT, 0);
        cr_assert_eq(column, i < GROUP_COLUMNS_MAX ? i : UINT32_MAX);
    }
    group_writer_free(w);
}

/* ---- memory -------------------------------------------------------------------------- */

Test(group, rows_wait_for_the_budget)
{
    struct budget budget;
    struct group_strings s = {0};
    budget_init(&budget, 100000, NULL);
    struct group_writer *w = group_writer_new(&budget);
    for (uint32_t i = 0; i < ROWS; i++) {
        group_writer_row(w);
        group_writer_int(w, group_writer_column(w, text_of("a"), 0, COLUMN_INT, 0), i);
    }
    cr_assert_eq(group_writer_finish(w, GROUP_HOT, &s, NULL), TSDB_ELIMIT);
    cr_assert_eq(group_writer_finish(w, GROUP_HOT, &s, NULL), TSDB_ELIMIT);
    cr_assert_eq(s.head.len, 0);
    atomic_store(&budget.limit, 10 << 20);
    cr_assert_eq(group_writer_finish(w, GROUP_HOT, &s, NULL), TSDB_OK);
    cr_assert_eq(budget_used(&budget), 0);

    struct group *g;
    const int64_t *v;
    cr_assert_eq(group_open(model_bytes_of(&s), &g, NULL), TSDB_OK);
    struct group_reader *r = group_reader_new(&budget);
    atomic_store(&budget.limit, 8 * ROWS / 2);
    group_reader_open(r, g);
    cr_assert_eq(group_ints(r, 0, &v, NULL), TSDB_ELIMIT);
    cr_assert_leq(budget_used(&budget), 8 * ROWS / 2);
    atomic_store(&budget.limit, 10 << 20);
    cr_assert_eq(group_ints(r, 0, &v, NULL), TSDB_OK);
    cr_assert_eq(v[ROWS - 1], ROWS - 1);
    cr_assert_geq(budget_used(&budget), 8 * ROWS);
    group_reader_free(r);
    cr_assert_eq(budget_used(&budget), 0);
    group_free(g);
    group_strings_release(&s);
    group_writer_free(w);
}

Test(group, a_written_group_leaves_others_in_the_strings_alone)
{
    struct group_strings s = {0};
    struct group_writer *w = group_writer_new(NULL);
    struct group *g;
    writer_text(&s.head, "head");
    writer_text(&s.filter, "filter");
    writer_text(&s.data, "data");
    for (uint32_t i = 0; i < 100; i++) {
        group_writer_row(w);
        group_writer_text(w, group_writer_column(w, text_of("a"), 0, COLUMN_TEXT, COLUMN_GRAMS),
                          text_of(i % 2 ? "one thing" : "and another"));
    }
    cr_assert_eq(group_writer_finish(w, GROUP_HOT, &s, NULL), TSDB_OK);
    struct group_bytes in = {{s.head.at + 4, s.head.len - 4},
                             {s.filter.at + 6, s.filter.len - 6},
                             {s.data.at + 4, s.data.len - 4}};
    cr_assert_eq(group_open(in, &g, NULL), TSDB_OK);
    cr_assert_eq(group_check(g, NULL), TSDB_OK);
    cr_assert(group_may_contain(g, text_of("another")));
    cr_assert_not(group_may_contain(g, text_of("missing")));
    group_free(g);
    group_strings_release(&s);
    group_writer_free(w);
}

/* ---- damage -------------------------------------------------------------------------- */

/* Each string into memory of its exact size, so that ASan sees a byte too far. */
static struct bytes exact(const struct writer *w, size_t len)
{
    uint8_t *copy = mem_alloc(len);
    if (len)
        memcpy(copy, w->at, len);
    return (struct bytes){copy, len};
}

static void damage_rounds(const struct group_strings *s, struct random *r, uint32_t rounds)
{
    uint32_t opened = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        struct group_bytes in = {exact(&s->head, s->head.len), exact(&s->filter, s->filter.len),
                                 exact(&s->data, s->data.len)};
        uint64_t pick = random_below(r, 4);
        struct bytes *hit = pick == 0 && in.filter.len ? &in.filter
                            : pick == 1 && in.data.len ? &in.data
                                                       : &in.head;
        uint8_t *at = (uint8_t *)(uintptr_t)hit->at;
        if (random_below(r, 8) == 0)
            hit->len = random_below(r, hit->len);
        else
            at[random_below(r, hit->len)] ^= (uint8_t)(1u << random_below(r, 8));
        opened += prop_group(in);
        mem_free((void *)(uintptr_t)in.head.at);
        mem_free((void *)(uintptr_t)in.filter.at);
        mem_free((void *)(uintptr_t)in.data.at);
    }
    cr_assert(rounds < 100 || opened > rounds / 20, "only %u of %u opened", opened, rounds);
}

Test(group, damage_is_told_or_harmless)
{
    uint64_t seed = model_seed();
    cr_log_info("TEST_SEED=%llu", (unsigned long long)seed);
    struct random r;
    random_init(&r, seed);
    for (int round = 0; round < 24; round++) {
        struct model m;
        struct group_strings s = {0};
        model_init(&m, &r, 1 + (uint32_t)random_below(&r, round % 8 ? 300 : 9000));
        struct group_writer *w = group_writer_new(NULL);
        model_write(&m, w);
        cr_assert_eq(group_writer_finish(w, round % 2 ? GROUP_SEALED : GROUP_HOT, &s, NULL),
                     TSDB_OK);
        damage_rounds(&s, &r, round % 8 ? 250 : 20);
        group_strings_release(&s);
        group_writer_free(w);
        arena_release(&m.arena);
    }
}

Test(group, a_cut_head_does_not_open)
{
    struct model m;
    struct random r;
    random_init(&r, 5);
    struct group_strings s = {0};
    model_init(&m, &r, 200);
    struct group_writer *w = group_writer_new(NULL);
    model_write(&m, w);
    cr_assert_eq(group_writer_finish(w, GROUP_HOT, &s, NULL), TSDB_OK);
    for (size_t len = 0; len < s.head.len; len++) {
        struct group_bytes in = model_bytes_of(&s);
        struct group *g;
        in.head = exact(&s.head, len);
        cr_assert_eq(group_open(in, &g, NULL), TSDB_ECORRUPT, "%zu bytes", len);
        mem_free((void *)(uintptr_t)in.head.at);
    }
    group_strings_release(&s);
    group_writer_free(w);
    arena_release(&m.arena);
}
