/* template_value.h - what templates compute with, and the run that they belong to.
 *
 * Texts lie in the entry, the template or the pass's arena.  Objects and arrays of fromJson
 * are views of JSON text, read when they are looked into.
 */
#ifndef TSDB_LOGQL_TEMPLATE_VALUE_H
#define TSDB_LOGQL_TEMPLATE_VALUE_H

#include "tsdb/base/writer.h"
#include "tsdb/logql/json_read.h"
#include "tsdb/logql/pass.h"

enum value_kind {
    VALUE_NIL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_FLOAT,
    VALUE_TEXT,
    VALUE_TIME,
    VALUE_LABELS, /* the entry's: the outermost dot */
    VALUE_OBJECT, /* JSON, in text */
    VALUE_ARRAY,
};

enum { VALUE_FLOAT_MAX = 32 };

struct value_time {
    int64_t s;          /* since the epoch; year 1 is far before it */
    int32_t ns, offset; /* 0..999999999; seconds east of UTC */
};

struct value {
    enum value_kind kind;
    union {
        bool is_true;
        int64_t integer;
        double number;
        struct tsdb_text text;
        struct value_time time;
    };
};

struct template_run {
    struct pass *p;
    uint64_t work;
    bool has_failed;
    char why[256]; /* when it has failed */
};

/* Ends the run; answers false. */
bool template_fail(struct template_run *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Counts work over that many bytes; false: it was too much. */
bool template_charge(struct template_run *r, size_t bytes);
/* Room in the arena for that many bytes, charged; NULL: the run has failed. */
char *template_bytes(struct template_run *r, size_t count);
/* A copy of what was written, as a value. */
bool template_take(struct template_run *r, const struct writer *w, struct value *out);

static inline struct value value_text(struct tsdb_text text)
{
    return (struct value){.kind = VALUE_TEXT, .text = text};
}
static inline struct value value_int(int64_t v)
{
    return (struct value){.kind = VALUE_INT, .integer = v};
}
static inline struct value value_float(double v)
{
    return (struct value){.kind = VALUE_FLOAT, .number = v};
}
static inline struct value value_bool(bool v)
{
    return (struct value){.kind = VALUE_BOOL, .is_true = v};
}

/* "string", "int", "float64", "map[string]interface {}" ... */
const char *value_type(const struct value *v);
/* As Go's templates take it in if, and, or, default. */
bool value_truth(const struct value *v, struct template_run *r);
/* Go's %g: with an exponent below -4 and from 6 on (1e+06).  At most VALUE_FLOAT_MAX bytes. */
size_t value_float_text(double v, char *out);
/* As %v prints it. */
void value_print(const struct value *v, struct template_run *r, struct writer *out);
/* .name of labels or an object: VALUE_NIL where an object lacks it; false: failed. */
bool value_field(const struct value *v, struct tsdb_text name, struct template_run *r,
                 struct value *out);
/* Element of an array; false: there is none, or failed. */
bool value_element(const struct value *v, uint64_t index, struct template_run *r,
                   struct value *out);
/* Elements, members, bytes; -1: it has no length. */
int64_t value_length(const struct value *v, struct template_run *r);
/* One JSON value of the text; false: it is none. */
bool value_from_json(struct tsdb_text text, struct template_run *r, struct value *out);

/* Elements or members in turn, members by name; fn answers false to stop. */
typedef bool value_fn(void *arg, const struct value *key, const struct value *element);
void value_each(const struct value *v, struct template_run *r, value_fn *fn, void *arg);

#endif
