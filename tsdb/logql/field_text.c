#include "tsdb/base/text.h"
#include "tsdb/logql/scan.h"

#include <string.h>

static struct tsdb_text put_hex(struct tsdb_text in, struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    char *at = ARENA_ARRAY(arena, char, in.len * 2);
    for (size_t i = 0; at && i < in.len; i++) {
        uint8_t byte = (uint8_t)in.at[i];
        at[2 * i] = digits[byte >> 4];
        at[2 * i + 1] = digits[byte & 15];
    }
    return (struct tsdb_text){at, at ? in.len * 2 : 0};
}

/* RFC 4648, section 4. */
static struct tsdb_text put_base64(struct tsdb_text in, struct arena *arena)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = (in.len + 2) / 3 * 4;
    char *at = ARENA_ARRAY(arena, char, len);
    for (size_t i = 0, o = 0; at && i < in.len; i += 3) {
        uint32_t bits = 0;
        size_t n = in.len - i < 3 ? in.len - i : 3;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < n ? (uint8_t)in.at[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            at[o++] = k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
    return (struct tsdb_text){at, at ? len : 0};
}

static struct tsdb_text put_number(const char *digits, size_t len, struct arena *arena)
{
    char *at = ARENA_ARRAY(arena, char, len);
    if (at)
        memcpy(at, digits, len);
    return (struct tsdb_text){at, at ? len : 0};
}

struct tsdb_text field_text(const struct tsdb_field *field, struct arena *arena)
{
    char number[DOUBLE_TEXT_MAX];
    switch ((enum tsdb_field_type)field->type) {
    case TSDB_FIELD_BOOL: return text_of(field->integer ? "true" : "false");
    case TSDB_FIELD_INT: return put_number(number, i64_format(field->integer, number), arena);
    case TSDB_FIELD_DOUBLE: return put_number(number, double_format(field->real, number), arena);
    case TSDB_FIELD_ID: return put_hex(field->text, arena);
    case TSDB_FIELD_BYTES: return put_base64(field->text, arena);
    case TSDB_FIELD_STRING:
    case TSDB_FIELD_JSON:
    case TSDB_FIELD_TYPE_COUNT: break;
    }
    return field->text;
}
