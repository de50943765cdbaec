/* pull.h - protobuf from outside, one field at a time, without a message tree.
 *
 *   field   = tag payload
 *   tag     = uvarint: number << 3 | wire
 *   payload = wire 0: uvarint | 1: 8 bytes | 2: uvarint length, bytes | 5: 4 bytes
 *             (https://protobuf.dev/programming-guides/encoding)
 *
 *   struct pull p = pull_over(in);
 *   struct pull_field f;
 *   while (pull_next(&p, &f))
 *       switch (f.number) {
 *       case 1: name = pull_bytes(&p, &f); break;
 *       }
 *   if (!pull_done(&p)) ... the bytes are not a message
 *
 * Faults are sticky, as in reader.h.  Unknown fields are passed over; groups
 * (wire 3 and 4), field number 0 and tags of more than five bytes are faults; a
 * known field of another wire type than expected is one too.  Overlong varints
 * are legal protobuf and taken; bits above the 64th (of a tag, the 32nd) are dropped.
 * No recursion, no allocation; views are borrowed from the input.
 */
#ifndef COLLECTOR_DECODE_PULL_H
#define COLLECTOR_DECODE_PULL_H

#include "tsdb/base/reader.h"
#include "tsdb/tsdb.h"

enum pull_wire { PULL_VARINT = 0, PULL_FIXED64 = 1, PULL_SIZED = 2, PULL_FIXED32 = 5 };

struct pull {
    struct reader r;
};

struct pull_field {
    uint32_t number;
    uint32_t wire;
    uint64_t value;     /* varint, fixed64, fixed32 */
    struct bytes bytes; /* sized */
    struct bytes whole; /* tag included */
};

/* A varint as protobuf reads it. */
uint64_t pull_varint_slow(struct reader *r);
bool pull_next_slow(struct pull *p, struct pull_field *f);

static inline struct pull pull_over(struct bytes in)
{
    return (struct pull){.r = reader_over(in)};
}

static inline void pull_fail(struct pull *p)
{
    reader_fail(&p->r);
}

/* True when the whole message was read and nothing was wrong. */
static inline bool pull_done(const struct pull *p)
{
    return reader_done(&p->r);
}

static inline uint64_t pull_varint(struct reader *r)
{
    if (r->rest.len > 0 && r->rest.at[0] < 0x80)
        return reader_u8(r);
    return pull_varint_slow(r);
}

/* The next field; false at the end and after a fault.  What nearly every field is -
 * a small number, and a short text or eight bytes - is read here. */
static inline bool pull_next(struct pull *p, struct pull_field *f)
{
    const uint8_t *at = p->r.rest.at;
    size_t len = p->r.rest.len;
    if (len < 2 || at[0] >= 0x80 || at[0] < 8)
        return pull_next_slow(p, f);
    f->number = at[0] >> 3;
    f->wire = at[0] & 7;
    f->value = 0;
    if (f->wire == PULL_SIZED && at[1] < 0x80 && at[1] <= len - 2) {
        f->whole = reader_take(&p->r, 2 + (size_t)at[1]);
        f->bytes = (struct bytes){at + 2, at[1]};
        return true;
    }
    if (f->wire == PULL_FIXED64 && len >= 9) {
        f->whole = reader_take(&p->r, 9);
        f->bytes = (struct bytes){at, 0};
        memcpy(&f->value, at + 1, sizeof f->value);
        return true;
    }
    return pull_next_slow(p, f);
}

/* Passes over the sized fields that lie next, all with this one-byte tag and a
 * length below 128: the labels of a series, in a few instructions each.  Stops
 * before anything else; returns how many bytes it passed. */
static inline size_t pull_skip_run(struct pull *p, uint8_t tag)
{
    const uint8_t *at = p->r.rest.at;
    size_t len = p->r.rest.len, off = 0;
    while (len - off >= 2 && at[off] == tag && at[off + 1] < 0x80) {
        size_t end = off + 2 + at[off + 1];
        if (end > len)
            break;
        off = end;
    }
    (void)reader_take(&p->r, off);
    return off;
}

/* ---- the payload as the field's type wants it --------------------------------- */

static inline bool pull_is(struct pull *p, const struct pull_field *f, enum pull_wire wire)
{
    if (f->wire == wire)
        return true;
    pull_fail(p);
    return false;
}

static inline struct bytes pull_bytes(struct pull *p, const struct pull_field *f)
{
    struct bytes none = {f->whole.at, 0}; /* never NULL: callers may add to it */
    return pull_is(p, f, PULL_SIZED) ? f->bytes : none;
}

static inline struct tsdb_text pull_text(struct pull *p, const struct pull_field *f)
{
    struct bytes b = pull_bytes(p, f);
    return (struct tsdb_text){(const char *)b.at, b.len};
}

static inline uint64_t pull_u64(struct pull *p, const struct pull_field *f)
{
    return pull_is(p, f, PULL_VARINT) ? f->value : 0;
}

static inline int64_t pull_i64(struct pull *p, const struct pull_field *f)
{
    return (int64_t)pull_u64(p, f);
}

/* uint32, int32 and enums: the low half, as protobuf truncates. */
static inline uint32_t pull_u32(struct pull *p, const struct pull_field *f)
{
    return (uint32_t)pull_u64(p, f);
}

static inline int32_t pull_s32(struct pull *p, const struct pull_field *f)
{
    uint32_t v = pull_u32(p, f);
    return (int32_t)((v >> 1) ^ (0 - (v & 1)));
}

static inline uint64_t pull_f64(struct pull *p, const struct pull_field *f)
{
    return pull_is(p, f, PULL_FIXED64) ? f->value : 0;
}

static inline double pull_double(struct pull *p, const struct pull_field *f)
{
    uint64_t bits = pull_f64(p, f);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* ---- repeated scalars: packed, or one field each ------------------------------ */

/* A run of values of one repeated field: call until it is empty. */
struct pull_run {
    struct reader r;
    enum pull_wire wire;
};

/* The values that this field adds.  A packed run of 8-byte values must hold
 * whole ones. */
struct pull_run pull_run_of(struct pull *p, const struct pull_field *f, enum pull_wire wire);
/* How many there are (an unterminated last varint counts too). */
size_t pull_run_count(const struct pull_run *run);
/* False at the end; a value that ends early makes *p fault. */
bool pull_run_next(struct pull *p, struct pull_run *run, uint64_t *value);

#endif
