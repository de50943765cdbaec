#include "collector/decode/log_fields.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/text.h"

#include <assert.h>

void log_fields_init(struct log_fields *f, struct arena *arena)
{
    *f = (struct log_fields){.arena = arena, .max = DECODE_FIELDS_MAX};
}

static bool stop(struct log_fields *f, enum tsdb_status status)
{
    if (f->status == TSDB_OK)
        f->status = status;
    return false;
}

bool log_fields_grow(struct log_fields *f, uint32_t n)
{
    if (f->status != TSDB_OK)
        return false;
    if (n > f->max - f->count)
        return stop(f, TSDB_EINVAL);
    if (n <= f->room)
        return true;
    /* moved at most every other time it doubles, whatever the record's size */
    static_assert(LOG_FIELDS_CHUNK >= 2 * LOG_FIELDS_MAX, "a record fits a fresh chunk");
    uint32_t size = 2 * f->chunk, want = 2 * (f->count + n);
    size = size < LOG_FIELDS_CHUNK_MIN ? LOG_FIELDS_CHUNK_MIN : size;
    size = size < want ? want : size;
    size = size > LOG_FIELDS_CHUNK ? LOG_FIELDS_CHUNK : size;
    struct tsdb_field *chunk = ARENA_ARRAY(f->arena, struct tsdb_field, size);
    if (!chunk)
        return stop(f, TSDB_ELIMIT);
    if (f->count > 0)
        memcpy(chunk, f->at, f->count * sizeof *chunk);
    f->chunk = size;
    f->at = chunk;
    f->room = size - f->count;
    return true;
}

static size_t text_bytes(const struct tsdb_field *field)
{
    bool is_number = field->type == TSDB_FIELD_INT || field->type == TSDB_FIELD_BOOL ||
                     field->type == TSDB_FIELD_DOUBLE;
    return field->name.len + (is_number ? 0 : field->text.len);
}

void log_fields_copy(struct log_fields *f, const struct tsdb_field *fields, uint32_t count)
{
    if (count == 0 || !log_fields_grow(f, count))
        return;
    memcpy(f->at + f->count, fields, count * sizeof *fields);
    f->count += count;
    f->room -= count;
    for (uint32_t i = 0; i < count; i++)
        f->bytes += text_bytes(&fields[i]);
}

struct tsdb_text log_fields_name(struct log_fields *f, struct tsdb_text prefix,
                                 struct tsdb_text key)
{
    if (prefix.len == 0)
        return key;
    char *at = ARENA_ARRAY(f->arena, char, prefix.len + 1 + key.len);
    if (!at) {
        (void)stop(f, TSDB_ELIMIT);
        return (struct tsdb_text){"", 0};
    }
    memcpy(at, prefix.at, prefix.len);
    at[prefix.len] = '.';
    if (key.len)
        memcpy(at + prefix.len + 1, key.at, key.len);
    return (struct tsdb_text){at, prefix.len + 1 + key.len};
}

uint32_t log_fields_find(const struct log_fields *f, struct tsdb_text name)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (text_equal(f->at[i].name, name))
            return i;
    return UINT32_MAX;
}

void log_fields_remove(struct log_fields *f, uint32_t i)
{
    ASSERT(i < f->count);
    f->bytes -= text_bytes(&f->at[i]);
    memmove(&f->at[i], &f->at[i + 1], (f->count - i - 1) * sizeof f->at[0]);
    f->count--;
    f->room++;
}

struct tsdb_text log_fields_value(struct log_fields *f, const struct tsdb_field *field)
{
    if (field->type == TSDB_FIELD_BOOL)
        return text_of(field->integer ? "true" : "false");
    if (field->type != TSDB_FIELD_INT && field->type != TSDB_FIELD_DOUBLE)
        return field->text;
    char digits[DOUBLE_TEXT_MAX];
    size_t len = field->type == TSDB_FIELD_INT ? i64_format(field->integer, digits)
                                               : double_format_g(field->real, digits);
    char *at = ARENA_ARRAY(f->arena, char, len);
    if (!at) {
        (void)stop(f, TSDB_ELIMIT);
        return (struct tsdb_text){"", 0};
    }
    memcpy(at, digits, len);
    return (struct tsdb_text){at, len};
}
