#include "collector/api/field_kind.h"

#include "tsdb/base/text.h"

#include <criterion/criterion.h>

Test(field_kind, values_are_known_by_their_looks)
{
    static const struct {
        const char *value, *want;
    } cases[] = {
        {"true", "boolean"},      {"false", "boolean"},
        {"True", "string"},       {"0", "int"},
        {"-12", "int"},           {"12345678901", "int"},
        {"-", "string"},          {"", "string"},
        {"1.5", "float"},         {"-0.25", "float"},
        {"1e9", "float"},         {".5", "float"},
        {"1.2.3", "string"},      {"0x10", "string"},
        {"Inf", "string"},        {"NaN", "string"},
        {"1s", "duration"},       {"250ms", "duration"},
        {"1h2m3.5s", "duration"}, {"-3us", "duration"},
        {"7\u00b5s", "duration"}, {"1h2", "string"},
        {"s", "string"},          {"10MB", "bytes"},
        {"1.5 GiB", "bytes"},     {"3B", "bytes"},
        {"3 b x", "string"},      {"10.0.0.1", "string"},
        {"GET", "string"},        {"5m", "duration"},
        {"+1", "float"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_str_eq(field_kind_name(field_kind_of(text_of(cases[i].value))), cases[i].want,
                         "%s", cases[i].value);
    cr_assert_eq(field_kind_of((struct tsdb_text){"1\0", 2}), FIELD_STRING);
}

Test(field_kind, mixed_kinds_are_what_covers_them)
{
    cr_assert_eq(field_kind_merge(1u << FIELD_DURATION), FIELD_DURATION);
    cr_assert_eq(field_kind_merge(1u << FIELD_INT | 1u << FIELD_FLOAT), FIELD_FLOAT);
    cr_assert_eq(field_kind_merge(1u << FIELD_INT | 1u << FIELD_BOOLEAN), FIELD_STRING);
    cr_assert_eq(field_kind_merge(0), FIELD_STRING);
}
