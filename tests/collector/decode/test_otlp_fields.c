#include "collector/decode/otlp_fields.h"

#include "proto/otlp.pb-c.h"
#include "tests/collector/decode/collect_logs.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena, 8 << 20, NULL);
}

static void tear_down(void)
{
    arena_release(&arena);
}

TestSuite(otlp_fields, .init = set_up, .fini = tear_down);

static enum tsdb_status put(const Otlp__KeyValue *kv, char *out, size_t cap)
{
    size_t len = otlp__key_value__get_packed_size(kv);
    uint8_t *at = mem_alloc(len + 1);
    otlp__key_value__pack(kv, at);
    struct log_fields f;
    struct writer w = {0};
    log_fields_init(&f, &arena);
    enum tsdb_status st = otlp_field_put(&f, (struct bytes){at, len});
    for (uint32_t i = 0; i < f.count; i++) {
        writer_text(&w, i > 0 ? " " : "");
        collect_field(&w, &f.at[i]);
    }
    writer_u8(&w, 0);
    (void)snprintf(out, cap, "%s", (char *)w.at);
    writer_release(&w);
    mem_free(at);
    arena_reset(&arena);
    return st;
}

/* Keys and texts around the lengths at which the short form ends. */
Test(otlp_fields, strings_of_every_length)
{
    for (size_t key_len = 0; key_len<140; key_len += key_len> 3 && key_len < 120 ? 29 : 1) {
        for (size_t len = 0; len < 140; len++) {
            char key[160], text[160], got[400], want[400];
            memset(key, 'k', key_len);
            memset(text, 't', len);
            key[key_len] = text[len] = 0;
            Otlp__AnyValue v = OTLP__ANY_VALUE__INIT;
            Otlp__KeyValue kv = OTLP__KEY_VALUE__INIT;
            v.value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
            v.string_value = text;
            kv.key = key;
            kv.value = &v;
            cr_assert_eq(put(&kv, got, sizeof got), TSDB_OK);
            (void)snprintf(want, sizeof want, "%s=s:%s", key, text);
            cr_assert_str_eq(got, key_len > 0 ? want : "");
        }
    }
}

Test(otlp_fields, names_must_be_utf8)
{
    char got[64], bad[] = "name.of.eight.\xff", good[] = "\xc3\xa9t\xc3\xa9";
    Otlp__AnyValue v = OTLP__ANY_VALUE__INIT;
    Otlp__KeyValue kv = OTLP__KEY_VALUE__INIT;
    v.value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    v.string_value = bad; /* values may be anything */
    kv.value = &v;
    kv.key = bad;
    cr_assert_eq(put(&kv, got, sizeof got), TSDB_EINVAL);
    kv.key = good;
    cr_assert_eq(put(&kv, got, sizeof got), TSDB_OK);
    cr_assert_str_eq(got, "\xc3\xa9t\xc3\xa9=s:name.of.eight.\xff");
}

Test(otlp_fields, bytes_that_are_no_attribute)
{
    struct log_fields f;
    log_fields_init(&f, &arena);
    static const uint8_t cut[] = {0x0a, 1, 'k', 0x12, 4, 0x0a, 3, 't'};
    for (size_t len = 1; len < sizeof cut; len++) {
        if (len == 3) /* a key alone */
            continue;
        cr_assert_eq(otlp_field_put(&f, (struct bytes){cut, len}), TSDB_ECORRUPT, "%zu", len);
    }
}

/* Numbers around the sizes at which the short form ends, of both kinds of fields. */
Test(otlp_fields, numbers_of_every_size)
{
    for (unsigned shift = 0; shift < 64; shift++) {
        for (int64_t add = -1; add <= 1; add++) {
            char got[100], want[100], key[] = "key";
            Otlp__AnyValue v = OTLP__ANY_VALUE__INIT;
            Otlp__KeyValue kv = OTLP__KEY_VALUE__INIT;
            v.value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
            v.int_value = (int64_t)((UINT64_C(1) << shift) + (uint64_t)add); /* wraps */
            kv.key = key;
            kv.value = &v;
            cr_assert_eq(put(&kv, got, sizeof got), TSDB_OK);
            (void)snprintf(want, sizeof want, "key=i:%lld", (long long)v.int_value);
            cr_assert_str_eq(got, want);
        }
    }
    static const struct {
        const char *wire;
        size_t len;
        const char *want; /* NULL: not an attribute */
    } cases[] = {
        {"\x0a\x01k\x12\x02\x10\x01", 7, "k=b:1"},
        {"\x0a\x01k\x12\x02\x10\x00", 7, "k=b:0"},
        {"\x0a\x01k\x12\x02\x10\x07", 7, "k=b:1"},
        {"\x0a\x01k\x12\x03\x18\x80\x00", 8, "k=i:0"}, /* overlong */
        {"\x0a\x01k\x12\x02\x18\x80", 7, NULL},
        {"\x0a\x01k\x12\x01\x18", 6, NULL},
        {"\x0a\x01k\x12\x04\x18\x01\x10\x01", 9, "k=b:1"}, /* the last one counts */
        {"\x0a\x01k\x12\x09\x21\0\0\0\0\0\0\xf0\x3f", 14, "k=d:1"},
        {"\x0a\x01k\x12\x08\x21\0\0\0\0\0\0\xf0", 13, NULL},
        {"\x0a\x01k\x12\x00", 5, "k=s:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct log_fields f;
        struct writer w = {0};
        struct bytes in = {(const uint8_t *)cases[i].wire, cases[i].len};
        log_fields_init(&f, &arena);
        enum tsdb_status st = otlp_span_field_put(&f, in);
        cr_assert_eq(st, cases[i].want ? TSDB_OK : TSDB_ECORRUPT, "%zu", i);
        if (!cases[i].want)
            continue;
        collect_field(&w, &f.at[0]);
        writer_u8(&w, 0);
        cr_assert_str_eq((char *)w.at, cases[i].want);
        writer_release(&w);
    }
}
