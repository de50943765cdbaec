#include "collector/decode/otlp_value.h"

#include "proto/otlp.pb-c.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <math.h>

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena, 8 << 20, NULL);
}

static void tear_down(void)
{
    arena_release(&arena);
}

TestSuite(otlp_value, .init = set_up, .fini = tear_down);

static void expect(const Otlp__AnyValue *v, const char *want)
{
    size_t len = otlp__any_value__get_packed_size(v);
    uint8_t *at = mem_alloc(len);
    otlp__any_value__pack(v, at);
    struct tsdb_text got;
    cr_assert_eq(otlp_value_text((struct bytes){at, len}, 32, &arena, &got), TSDB_OK);
    cr_assert(text_equal(got, text_of(want)), "got %.*s, want %s", (int)got.len, got.at, want);
    mem_free(at);
}

static Otlp__AnyValue of_double(double d)
{
    Otlp__AnyValue v = OTLP__ANY_VALUE__INIT;
    v.value_case = OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
    v.double_value = d;
    return v;
}

static Otlp__AnyValue of_text(const char *t)
{
    Otlp__AnyValue v = OTLP__ANY_VALUE__INIT;
    v.value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    v.string_value = (char *)(uintptr_t)t;
    return v;
}

Test(otlp_value, doubles_are_shortest)
{
    static const struct {
        double d;
        const char *want;
    } cases[] = {{0, "0"},
                 {1, "1"},
                 {-1.5, "-1.5"},
                 {0.1, "0.1"},
                 {1e20, "100000000000000000000"},
                 {1e21, "1e+21"},
                 {1e-6, "0.000001"},
                 {1e-7, "1e-07"},
                 {NAN, "NaN"},
                 {INFINITY, "+Inf"},
                 {1.0 / 3, "0.3333333333333333"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Otlp__AnyValue v = of_double(cases[i].d);
        expect(&v, cases[i].want);
    }
}

Test(otlp_value, arrays_and_maps_are_json_with_sorted_keys)
{
    Otlp__AnyValue text = of_text("q\"\\\n\x01"), number = of_double(NAN);
    Otlp__AnyValue nothing = OTLP__ANY_VALUE__INIT, bytes = OTLP__ANY_VALUE__INIT;
    uint8_t raw[] = {0xff, 0, 1, 2};
    bytes.value_case = OTLP__ANY_VALUE__VALUE_BYTES_VALUE;
    bytes.bytes_value = (ProtobufCBinaryData){4, raw};
    Otlp__KeyValue b = OTLP__KEY_VALUE__INIT, a = OTLP__KEY_VALUE__INIT;
    char key_b[] = "b", key_a[] = "a";
    b.key = key_b;
    b.value = &bytes;
    a.key = key_a;
    a.value = &nothing;
    Otlp__KeyValue *entries[] = {&b, &a};
    Otlp__KeyValueList list = OTLP__KEY_VALUE_LIST__INIT;
    list.values = entries;
    list.n_values = 2;
    Otlp__AnyValue map = OTLP__ANY_VALUE__INIT;
    map.value_case = OTLP__ANY_VALUE__VALUE_KVLIST_VALUE;
    map.kvlist_value = &list;
    Otlp__AnyValue *items[] = {&text, &number, &map};
    Otlp__ArrayValue array = OTLP__ARRAY_VALUE__INIT;
    array.values = items;
    array.n_values = 3;
    Otlp__AnyValue v = OTLP__ANY_VALUE__INIT;
    v.value_case = OTLP__ANY_VALUE__VALUE_ARRAY_VALUE;
    v.array_value = &array;
    expect(&v, "[\"q\\\"\\\\\\n\\u0001\",\"NaN\",{\"a\":null,\"b\":\"/wABAg==\"}]");
    expect(&bytes, "/wABAg==");
    expect(&nothing, "");
}

/* AnyValue.array_value holding ArrayValue.values, `depth` times. */
static struct bytes nested(unsigned depth, uint8_t *room, size_t size)
{
    size_t off = size;
    for (unsigned i = 0; i < depth; i++) {
        for (int level = 0; level < 2; level++) {
            size_t len = size - off;
            cr_assert_lt(len, 128 * 128);
            if (len >= 128) {
                room[--off] = (uint8_t)(len >> 7);
                room[--off] = (uint8_t)(len | 0x80);
            } else {
                room[--off] = (uint8_t)len;
            }
            room[--off] = level == 0 ? 0x0a : 0x2a;
        }
    }
    return (struct bytes){room + off, size - off};
}

Test(otlp_value, depth_is_limited_exactly)
{
    static uint8_t room[4096];
    struct tsdb_text got;
    cr_assert_eq(otlp_value_text(nested(32, room, sizeof room), 32, &arena, &got), TSDB_OK);
    cr_assert_eq(got.len, 32 * 2 + 4, "null in 32 brackets");
    cr_assert_eq(otlp_value_text(nested(33, room, sizeof room), 32, &arena, &got), TSDB_EINVAL);
}

Test(otlp_value, long_text_is_refused)
{
    size_t len = OTLP_VALUE_MAX;
    uint8_t *at = mem_array(len + 16, 1);
    struct tsdb_text got;
    at[0] = 0x3a; /* bytes_value: base64 makes it a third longer */
    at[1] = 0x80 | (len & 0x7f);
    at[2] = 0x80 | (len >> 7 & 0x7f);
    at[3] = (uint8_t)(len >> 14);
    cr_assert_eq(otlp_value_text((struct bytes){at, len + 4}, 32, &arena, &got), TSDB_EINVAL);
    mem_free(at);
}
