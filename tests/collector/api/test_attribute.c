#include "collector/api/attribute.h"

#include "proto/otlp.pb-c.h"
#include "tests/collector/api/sample_trace.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

TestSuite(attribute, .timeout = 60);

static const char *json_of(const struct tsdb_field *f)
{
    static char text[1024];
    struct json j;
    json_init(&j, 0, NULL, NULL);
    attribute_value_json(&j, f);
    (void)snprintf(text, sizeof text, "%.*s", (int)j.out.len, (const char *)j.out.at);
    json_release(&j);
    return text;
}

static Otlp__AnyValue *message_of(const struct tsdb_field *f)
{
    struct writer w = {0};
    attribute_value_protobuf(&w, f);
    Otlp__AnyValue *v = otlp__any_value__unpack(NULL, w.len, w.at);
    writer_release(&w);
    cr_assert(v, "not a message");
    return v;
}

Test(attribute, values_have_their_types_in_json)
{
    static const struct {
        struct tsdb_field field;
        const char *want;
    } cases[] = {
        {FIELD_TEXT("a", TSDB_FIELD_STRING, "x\"<"), "{\"stringValue\":\"x\\\"\\u003c\"}"},
        {FIELD_TEXT("a", TSDB_FIELD_STRING, ""), "{\"stringValue\":\"\"}"},
        {FIELD_INT("a", INT64_MIN), "{\"intValue\":\"-9223372036854775808\"}"},
        {FIELD_DOUBLE("a", 9.0), "{\"doubleValue\":9}"},
        {FIELD_DOUBLE("a", -(double)INFINITY), "{\"doubleValue\":\"-Infinity\"}"},
        {FIELD_DOUBLE("a", (double)NAN), "{\"doubleValue\":\"NaN\"}"},
        {FIELD_BOOL("a", 1), "{\"boolValue\":true}"},
        {FIELD_BOOL("a", 0), "{\"boolValue\":false}"},
        {FIELD_TEXT("a", TSDB_FIELD_BYTES, "\x01\x02\xff"), "{\"bytesValue\":\"AQL/\"}"},
        {FIELD_TEXT("a", TSDB_FIELD_ID, "\x0a\xff"), "{\"stringValue\":\"0aff\"}"},
        {FIELD_TEXT("a", TSDB_FIELD_JSON, "[]"), "{\"arrayValue\":{\"values\":[]}}"},
        {FIELD_TEXT("a", TSDB_FIELD_JSON, "[\"a\\n\",1,2.0,1e3,true,null]"),
         "{\"arrayValue\":{\"values\":[{\"stringValue\":\"a\\n\"},{\"intValue\":\"1\"},"
         "{\"doubleValue\":2},{\"doubleValue\":1000},{\"boolValue\":true},{}]}}"},
        {FIELD_TEXT("a", TSDB_FIELD_JSON, "{\"k\":{\"l\":[-5]}}"),
         "{\"kvlistValue\":{\"values\":[{\"key\":\"k\",\"value\":{\"kvlistValue\":{\"values\":[{"
         "\"key\":\"l\",\"value\":{\"arrayValue\":{\"values\":[{\"intValue\":\"-5\"}]}}}]}}}]}}"},
        {FIELD_TEXT("a", TSDB_FIELD_JSON, "[-9223372036854775808,9223372036854775808]"),
         "{\"arrayValue\":{\"values\":[{\"intValue\":\"-9223372036854775808\"},"
         "{\"doubleValue\":9223372036854776000}]}}"},
        {FIELD_TEXT("a", TSDB_FIELD_JSON, "[1,"), "{\"stringValue\":\"[1,\"}"},
        {FIELD_TEXT("a", TSDB_FIELD_JSON, "[\"\\ud800\"]"),
         "{\"stringValue\":\"[\\\"\\\\ud800\\\"]\"}"},
        {FIELD_TEXT("a", TSDB_FIELD_JSON, "[1] x"), "{\"stringValue\":\"[1] x\"}"},
        {FIELD_TEXT("a", TSDB_FIELD_JSON, ""), "{\"stringValue\":\"\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_str_eq(json_of(&cases[i].field), cases[i].want);
}

Test(attribute, values_have_their_types_in_messages)
{
    static const struct tsdb_field text = FIELD_TEXT("a", TSDB_FIELD_STRING, "");
    Otlp__AnyValue *v = message_of(&text);
    cr_assert_eq(v->value_case, OTLP__ANY_VALUE__VALUE_STRING_VALUE, "an empty text is a text");
    otlp__any_value__free_unpacked(v, NULL);
    static const struct tsdb_field zero = FIELD_INT("a", 0), real = FIELD_DOUBLE("a", 0.0),
                                   no = FIELD_BOOL("a", 0),
                                   raw = FIELD_TEXT("a", TSDB_FIELD_BYTES, "\x01\xff"),
                                   id = FIELD_TEXT("a", TSDB_FIELD_ID, "\x0a\xff");
    v = message_of(&zero);
    cr_assert_eq(v->value_case, OTLP__ANY_VALUE__VALUE_INT_VALUE);
    otlp__any_value__free_unpacked(v, NULL);
    v = message_of(&real);
    cr_assert_eq(v->value_case, OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE);
    otlp__any_value__free_unpacked(v, NULL);
    v = message_of(&no);
    cr_assert_eq(v->value_case, OTLP__ANY_VALUE__VALUE_BOOL_VALUE);
    otlp__any_value__free_unpacked(v, NULL);
    v = message_of(&raw);
    cr_assert_eq(v->value_case, OTLP__ANY_VALUE__VALUE_BYTES_VALUE);
    cr_assert_eq(v->bytes_value.len, 2);
    otlp__any_value__free_unpacked(v, NULL);
    v = message_of(&id);
    cr_assert_str_eq(v->string_value, "0aff");
    otlp__any_value__free_unpacked(v, NULL);
}

Test(attribute, json_text_becomes_lists_and_maps)
{
    static const struct tsdb_field list = FIELD_TEXT(
        "a", TSDB_FIELD_JSON, "{\"k\\u00e9\":[\"a\",-1,2.5,false,null],\"m\":{\"n\":\"\"}}");
    static const struct tsdb_field broken = FIELD_TEXT("a", TSDB_FIELD_JSON, "{\"k\":[1,}");
    Otlp__AnyValue *v = message_of(&list);
    cr_assert_eq(v->value_case, OTLP__ANY_VALUE__VALUE_KVLIST_VALUE);
    cr_assert_eq(v->kvlist_value->n_values, 2);
    cr_assert_str_eq(v->kvlist_value->values[0]->key, "k\u00e9");
    Otlp__ArrayValue *a = v->kvlist_value->values[0]->value->array_value;
    cr_assert_eq(a->n_values, 5);
    cr_assert_str_eq(a->values[0]->string_value, "a");
    cr_assert_eq(a->values[1]->int_value, -1);
    cr_assert_eq(a->values[2]->double_value, 2.5);
    cr_assert_eq(a->values[3]->value_case, OTLP__ANY_VALUE__VALUE_BOOL_VALUE);
    cr_assert_eq(a->values[4]->value_case, OTLP__ANY_VALUE__VALUE__NOT_SET);
    otlp__any_value__free_unpacked(v, NULL);
    v = message_of(&broken);
    cr_assert_str_eq(v->string_value, "{\"k\":[1,}");
    otlp__any_value__free_unpacked(v, NULL);
}

Test(attribute, numbers_beyond_int64_are_written_whole)
{
    struct json j;
    json_init(&j, 0, NULL, NULL);
    json_array(&j);
    attribute_u64_json(&j, UINT64_MAX);
    attribute_u64_json(&j, 7);
    json_end_array(&j);
    cr_assert_eq(memcmp(j.out.at, "[\"18446744073709551615\",\"7\"]", j.out.len), 0);
    json_release(&j);
}
