#include "tsdb/base/text.h"
#include "tsdb/logql/scan.h"

#include <string.h>

static struct tsdb_text put_hex(struct tsdb_text in, struct arena *arena)
{
    char *at = ARENA_ARRAY(arena, char, in.len * 2);
    return (struct tsdb_text){at, at ? hex_encode(in.at, in.len, at) : 0};
}

static struct tsdb_text put_base64(struct tsdb_text in, struct arena *arena)
{
    char *at = ARENA_ARRAY(arena, char, BASE64_BYTES(in.len));
    return (struct tsdb_text){at, at ? base64_encode(in.at, in.len, at) : 0};
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
