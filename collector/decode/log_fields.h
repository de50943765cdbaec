/* log_fields.h - the typed fields of one record, or of a span, gathered in an arena.
 *
 *   chunk  [ fields of record 1 | of record 2 | of the one being built | room ]
 *                                             at^          at+count^
 *
 * A record's fields lie in a row; one that outgrows its chunk moves to the next.
 * Faults are sticky: TSDB_EINVAL, more than `max` fields; TSDB_ELIMIT, the arena is full;
 * check `status` once per record.  Fields without a name are dropped.
 * Names and texts are borrowed: they lie in the input or in the arena.
 */
#ifndef COLLECTOR_DECODE_LOG_FIELDS_H
#define COLLECTOR_DECODE_LOG_FIELDS_H

#include "collector/decode/log_sink.h"
#include "tsdb/base/text.h"

enum { LOG_FIELDS_CHUNK_MIN = 64, LOG_FIELDS_CHUNK = 2048, LOG_FIELDS_MAX = 1024 };

struct log_fields {
    struct tsdb_field *at; /* of the record being built */
    uint32_t count, max;
    uint32_t room;       /* that fit behind at[count] */
    uint32_t chunk;      /* fields in the last chunk: they double up to LOG_FIELDS_CHUNK */
    size_t bytes;        /* of names and texts of the record */
    struct arena *arena; /* borrowed */
    enum tsdb_status status;
};

/* The arena was reset, or is used for the first time.  max is DECODE_FIELDS_MAX; who wants
 * another sets it, to at most LOG_FIELDS_MAX. */
void log_fields_init(struct log_fields *f, struct arena *arena);

/* Begins a record behind the one before. */
static inline void log_fields_next(struct log_fields *f)
{
    f->at += f->count;
    f->count = 0;
    f->bytes = 0;
    f->status = TSDB_OK;
}

/* Begins the record anew. */
static inline void log_fields_drop(struct log_fields *f)
{
    f->room += f->count;
    f->count = 0;
    f->bytes = 0;
    f->status = TSDB_OK;
}

/* Room for n more; false (and a fault) when there is none. */
bool log_fields_grow(struct log_fields *f, uint32_t n);

static inline struct tsdb_field *log_fields_add(struct log_fields *f, struct tsdb_text name,
                                                enum tsdb_field_type type)
{
    if (name.len == 0 || ((f->room == 0 || f->count == f->max) && !log_fields_grow(f, 1)))
        return NULL;
    struct tsdb_field *field = &f->at[f->count++];
    f->room--;
    f->bytes += name.len;
    field->name = name;
    field->type = (uint8_t)type;
    return field;
}

static inline void log_fields_text(struct log_fields *f, struct tsdb_text name,
                                   enum tsdb_field_type type, struct tsdb_text text)
{
    struct tsdb_field *field = log_fields_add(f, name, type);
    if (!field)
        return;
    field->text = text;
    f->bytes += text.len;
}

static inline void log_fields_integer(struct log_fields *f, struct tsdb_text name,
                                      enum tsdb_field_type type, int64_t integer)
{
    struct tsdb_field *field = log_fields_add(f, name, type);
    if (field)
        field->integer = integer;
}

static inline void log_fields_double(struct log_fields *f, struct tsdb_text name, double real)
{
    struct tsdb_field *field = log_fields_add(f, name, TSDB_FIELD_DOUBLE);
    if (field)
        field->real = real;
}

/* Nearly all names are short and ASCII. */
static inline bool log_fields_is_utf8(struct tsdb_text t)
{
    uint64_t high = 0, word = 0;
    size_t i = 0;
    for (; t.len - i >= sizeof word; i += sizeof word) {
        memcpy(&word, t.at + i, sizeof word);
        high |= word;
    }
    for (; i < t.len; i++)
        high |= (uint8_t)t.at[i];
    return (high & UINT64_C(0x8080808080808080)) == 0 || utf8_check(t.at, t.len);
}

/* The same fields behind those of the record: borrowed texts, copied array. */
void log_fields_copy(struct log_fields *f, const struct tsdb_field *fields, uint32_t count);

/* prefix.key in the arena, or key when the prefix is empty; .len == 0 and a fault when
 * the arena is full. */
struct tsdb_text log_fields_name(struct log_fields *f, struct tsdb_text prefix,
                                 struct tsdb_text key);

/* Index of the first field of that name, or UINT32_MAX. */
uint32_t log_fields_find(const struct log_fields *f, struct tsdb_text name);
/* Takes field i out; the order of the others stays. */
void log_fields_remove(struct log_fields *f, uint32_t i);
/* A field's value as text: itself, or digits in the arena; ids and bytes as they are. */
struct tsdb_text log_fields_value(struct log_fields *f, const struct tsdb_field *field);

#endif
