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
