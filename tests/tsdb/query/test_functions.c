#include "tsdb/query/functions.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>

Test(functions, are_found_by_name_and_by_id)
{
    for (int id = 0; id < FUNCTION_COUNT; id++) {
        const struct function *f = function_get((enum function_id)id);
        cr_expect_eq((int)f->id, id);
        cr_expect_eq(function_find(text_of(f->name)), f, "%s", f->name);
        cr_expect_leq(f->argument_count, FUNCTION_ARGUMENTS);
        cr_expect(f->result == TYPE_SCALAR || f->result == TYPE_VECTOR);
    }
    cr_expect_null(function_find(text_of("Rate")));
    cr_expect_null(function_find(text_of("")));
    cr_expect_null(function_find(text_of("rat")));
}

Test(functions, take_what_prometheus_says)
{
    static const struct {
        const char *name;
        uint8_t count;
        int8_t variadic;
        enum expr_type first, last, result;
    } cases[] = {
        {"rate", 1, 0, TYPE_MATRIX, TYPE_MATRIX, TYPE_VECTOR},
        {"round", 2, 1, TYPE_VECTOR, TYPE_SCALAR, TYPE_VECTOR},
        {"label_join", 4, -1, TYPE_VECTOR, TYPE_STRING, TYPE_VECTOR},
        {"label_replace", 5, 0, TYPE_VECTOR, TYPE_STRING, TYPE_VECTOR},
        {"histogram_quantile", 2, 0, TYPE_SCALAR, TYPE_VECTOR, TYPE_VECTOR},
        {"quantile_over_time", 2, 0, TYPE_SCALAR, TYPE_MATRIX, TYPE_VECTOR},
        {"scalar", 1, 0, TYPE_VECTOR, TYPE_VECTOR, TYPE_SCALAR},
        {"hour", 1, 1, TYPE_VECTOR, TYPE_VECTOR, TYPE_VECTOR},
        {"predict_linear", 2, 0, TYPE_MATRIX, TYPE_SCALAR, TYPE_VECTOR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct function *f = function_find(text_of(cases[i].name));
        cr_assert_not_null(f, "%s", cases[i].name);
        cr_expect_eq(f->argument_count, cases[i].count, "%s", f->name);
        cr_expect_eq(f->variadic, cases[i].variadic, "%s", f->name);
        cr_expect_eq(function_argument_type(f, 0), cases[i].first, "%s", f->name);
        cr_expect_eq(function_argument_type(f, 20), cases[i].last, "%s", f->name);
        cr_expect_eq(f->result, cases[i].result, "%s", f->name);
    }
}

Test(functions, mark_what_prometheus_hides_behind_a_flag)
{
    static const char *const experimental[] = {
        "double_exponential_smoothing", "info",  "mad_over_time",      "sort_by_label", "max_of",
        "ts_of_max_over_time",          "start", "histogram_quantiles"};
    for (size_t i = 0; i < sizeof experimental / sizeof experimental[0]; i++)
        cr_expect(function_find(text_of(experimental[i]))->is_experimental, "%s", experimental[i]);
    cr_expect(!function_get(FUNCTION_RATE)->is_experimental);
}

Test(functions, name_types)
{
    cr_expect_str_eq(expr_type_name(TYPE_SCALAR), "scalar");
    cr_expect_str_eq(expr_type_name(TYPE_VECTOR), "instant vector");
    cr_expect_str_eq(expr_type_name(TYPE_MATRIX), "range vector");
    cr_expect_str_eq(expr_type_name(TYPE_STRING), "string");
}
