#include "tsdb/query/eval_labels.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <string.h>

static struct arena arena = {.limit = SIZE_MAX};
static struct writer scratch;

/* "a=1,b=2" */
static struct tsdb_labels labels_of(const char *text)
{
    struct tsdb_labels labels = {0};
    while (*text) {
        size_t n = strcspn(text, "="), m = strcspn(text + n + 1, ",");
        cr_assert(labels_set(&arena, labels, (struct tsdb_text){text, n},
                             (struct tsdb_text){text + n + 1, m}, &labels));
        text += n + 1 + m;
        text += *text == ',';
    }
    return labels;
}

static void expect(struct tsdb_labels got, const char *want)
{
    cr_assert_eq(labels_compare(got, labels_of(want)), 0, "want %s, got %u labels", want,
                 got.count);
}

Test(eval_labels, the_name_goes_wherever_it_is)
{
    static const char *const cases[][2] = {
        {"__name__=x,a=1", "a=1"},
        {"A=1,__name__=x", "A=1"},
        {"A=1,__name__=x,b=2", "A=1,b=2"},
        {"__name__=x,__type__=counter,__unit__=s,a=1", "a=1"},
        {"A=1,__name__=x,__other__=y,__unit__=s", "A=1,__other__=y"},
        {"__name__=x", ""},
        {"a=1", "a=1"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tsdb_labels out;
        cr_assert(labels_drop_name(&arena, labels_of(cases[i][0]), &out));
        expect(out, cases[i][1]);
    }
}

Test(eval_labels, a_label_is_set_in_its_place)
{
    struct tsdb_labels out, in = labels_of("b=1,d=2");
    cr_assert(labels_set(&arena, in, text_of("c"), text_of("x"), &out));
    expect(out, "b=1,c=x,d=2");
    cr_assert_eq(out.at[1].name.at[0], 'c');
    cr_assert(labels_set(&arena, in, text_of("d"), text_of("x"), &out));
    expect(out, "b=1,d=x");
    cr_assert(labels_set(&arena, in, text_of("b"), text_of(""), &out));
    expect(out, "d=2");
    cr_assert(labels_set(&arena, in, text_of("e"), text_of(""), &out));
    expect(out, "b=1,d=2");
    cr_assert_eq(label_get(in, text_of("d")).at[0], '2');
    cr_assert_eq(label_get(in, text_of("z")).len, 0);
}

Test(eval_labels, groups_keep_or_drop)
{
    const struct tsdb_text names[] = {{"b", 1}, {"z", 1}};
    const struct expr_names list = {names, 2};
    struct tsdb_labels out, in = labels_of("__name__=x,a=1,b=2,c=3");
    cr_assert(labels_group(&arena, in, &list, false, &out));
    expect(out, "b=2");
    cr_assert(labels_group(&arena, in, &list, true, &out));
    expect(out, "a=1,c=3");
}

Test(eval_labels, equal_keys_are_equal_labels)
{
    const struct tsdb_text names[] = {{"b", 1}};
    const struct expr_names list = {names, 1};
    struct tsdb_labels x = labels_of("__name__=x,a=1,b=2"), y = labels_of("__name__=y,a=1,b=3");
    cr_assert(hash_equal(labels_key_of(&scratch, x, &list, true),
                         labels_key_of(&scratch, y, &list, true)));
    cr_assert_not(hash_equal(labels_key_of(&scratch, x, &list, false),
                             labels_key_of(&scratch, y, &list, false)));
    cr_assert_not(hash_equal(labels_key(&scratch, x), labels_key(&scratch, y)));
    cr_assert(hash_equal(labels_key_except(&scratch, x, text_of("b")),
                         labels_key(&scratch, labels_of("__name__=x,a=1"))));
    /* Where one text ends and the next begins counts. */
    cr_assert_not(hash_equal(labels_key(&scratch, labels_of("a=bc")),
                             labels_key(&scratch, labels_of("ab=c"))));
}

Test(eval_labels, are_ordered_label_by_label)
{
    static const char *const ordered[] = {"", "a=1", "a=1,b=1", "a=1,b=2", "a=2", "b=0"};
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < 6; k++) {
            int order = labels_compare(labels_of(ordered[i]), labels_of(ordered[k]));
            cr_assert_eq((order > 0) - (order < 0), (i > k) - (i < k), "%s, %s", ordered[i],
                         ordered[k]);
        }
}

Test(eval_labels, are_written_with_quotes)
{
    struct writer w = {0};
    struct tsdb_labels in = labels_of("a=x\"y\\z");
    labels_format(in, &w);
    writer_u8(&w, 0);
    cr_assert_str_eq((const char *)w.at, "{a=\"x\\\"y\\\\z\"}");
    writer_release(&w);
}
