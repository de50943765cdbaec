#include "tsdb/query/annotations.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct arena arena = {.limit = SIZE_MAX};

Test(annotations, say_where_and_only_once)
{
    struct annotations a;
    annotations_init(&a, &arena, text_of("rate(x[5m])\n + y"));
    annotations_named(&a, ANNOTATION_INFO, 5, "odd metric:", text_of("x"));
    annotations_named(&a, ANNOTATION_INFO, 15, "odd metric:", text_of("y"));
    annotations_named(&a, ANNOTATION_INFO, 0, "odd metric:", text_of("x"));
    annotations_add(&a, ANNOTATION_WARNING, 0, "%d things", 3);
    cr_assert_str_eq(annotations_get(&a, ANNOTATION_INFO, 0),
                     "PromQL info: odd metric: \"x\" (1:6)");
    cr_assert_str_eq(annotations_get(&a, ANNOTATION_INFO, 1),
                     "PromQL info: odd metric: \"y\" (2:4)");
    cr_assert_null(annotations_get(&a, ANNOTATION_INFO, 2));
    cr_assert_str_eq(annotations_get(&a, ANNOTATION_WARNING, 0), "PromQL warning: 3 things (1:1)");
    cr_assert_null(annotations_get(&a, ANNOTATION_WARNING, 1));
}

Test(annotations, are_so_many_and_no_more)
{
    struct annotations a;
    annotations_init(&a, &arena, text_of("x"));
    for (int i = 0; i <= ANNOTATIONS_MAX; i++)
        annotations_add(&a, ANNOTATION_INFO, 0, "number %d", i);
    cr_assert_not_null(annotations_get(&a, ANNOTATION_INFO, ANNOTATIONS_MAX - 1));
    cr_assert(strstr(annotations_get(&a, ANNOTATION_INFO, ANNOTATIONS_MAX), "omitted"));
    cr_assert_null(annotations_get(&a, ANNOTATION_INFO, ANNOTATIONS_MAX + 1));
}

Test(annotations, monotonicity_is_summed_up)
{
    struct annotations a;
    annotations_init(&a, &arena, text_of("histogram_quantile(0.5, x)"));
    for (int i = 0; i < 4; i++)
        annotations_monotonicity(&a, 24,
                                 &(struct annotation_monotonicity){.ts = i * INT64_C(1000000000),
                                                                   .bucket_min = 2 - i * 0.5,
                                                                   .bucket_max = i,
                                                                   .diff_max = i * 0.125});
    const char *text = annotations_get(&a, ANNOTATION_INFO, 0);
    cr_assert(strstr(text, "from buckets 0.5 to 3, with a max diff of 0.38, over 4 samples from "
                           "1970-01-01T00:00:00Z to 1970-01-01T00:00:03Z (1:25)"),
              "%s", text);
    cr_assert_null(annotations_get(&a, ANNOTATION_INFO, 1));
}

Test(annotations, numbers_are_written_as_clients_know_them)
{
    cr_assert_str_eq(annotation_number((double)NAN).at, "NaN");
    cr_assert_str_eq(annotation_number(HUGE_VAL).at, "+Inf");
    cr_assert_str_eq(annotation_number(-1.5).at, "-1.5");
    cr_assert_str_eq(annotation_number(1e30).at, "1e+30");
}

Test(annotations, a_full_arena_loses_them_only)
{
    struct arena small;
    arena_init(&small, 64, NULL);
    struct annotations a;
    annotations_init(&a, &small, text_of("x"));
    annotations_add(&a, ANNOTATION_INFO, 0, "%s", "a text that takes more than there is");
    cr_assert_null(annotations_get(&a, ANNOTATION_INFO, 0));
    arena_release(&small);
}
