/* protobuf.h - messages of protocol buffers, written field by field.
 *
 *   size_t at = protobuf_begin(w, 1);     a field that is a message
 *   protobuf_text(w, 2, name);
 *   protobuf_end(w, at);                  its length is put in front of it
 *
 * Numbers that are 0 and texts that are empty are left out, as proto3 has it; the
 * forms with _set write them too, for members of a oneof and optional fields.
 * Lengths are in their shortest form: what a message holds is moved up to make room
 * for those beyond 127.
 * (https://protobuf.dev/programming-guides/encoding)
 */
#ifndef COLLECTOR_NET_PROTOBUF_H
#define COLLECTOR_NET_PROTOBUF_H

#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum protobuf_wire {
    PROTOBUF_VARINT = 0,
    PROTOBUF_FIXED64 = 1,
    PROTOBUF_SIZED = 2,
    PROTOBUF_FIXED32 = 5,
};

static inline void protobuf_tag(struct writer *w, unsigned field, enum protobuf_wire wire)
{
    writer_uvarint(w, field << 3 | (unsigned)wire);
}

static inline void protobuf_u64_set(struct writer *w, unsigned field, uint64_t value)
{
    protobuf_tag(w, field, PROTOBUF_VARINT);
    writer_uvarint(w, value);
}

static inline void protobuf_u64(struct writer *w, unsigned field, uint64_t value)
{
    if (value != 0)
        protobuf_u64_set(w, field, value);
}

static inline void protobuf_fixed64(struct writer *w, unsigned field, uint64_t value)
{
    if (value == 0)
        return;
    protobuf_tag(w, field, PROTOBUF_FIXED64);
    writer_le64(w, value);
}

static inline void protobuf_fixed32(struct writer *w, unsigned field, uint32_t value)
{
    if (value == 0)
        return;
    protobuf_tag(w, field, PROTOBUF_FIXED32);
    writer_le32(w, value);
}

static inline void protobuf_double_set(struct writer *w, unsigned field, double value)
{
    protobuf_tag(w, field, PROTOBUF_FIXED64);
    writer_f64(w, value);
}

static inline void protobuf_bytes_set(struct writer *w, unsigned field, const void *at, size_t len)
{
    protobuf_tag(w, field, PROTOBUF_SIZED);
    writer_sized(w, at, len);
}

static inline void protobuf_bytes(struct writer *w, unsigned field, const void *at, size_t len)
{
    if (len > 0)
        protobuf_bytes_set(w, field, at, len);
}

static inline void protobuf_text(struct writer *w, unsigned field, struct tsdb_text text)
{
    protobuf_bytes(w, field, text.at, text.len);
}

/* Where the message begins, for protobuf_end.  Messages nest. */
static inline size_t protobuf_begin(struct writer *w, unsigned field)
{
    protobuf_tag(w, field, PROTOBUF_SIZED);
    writer_u8(w, 0);
    return w->len;
}

static inline void protobuf_end(struct writer *w, size_t at)
{
    size_t len = w->len - at, more = uvarint_size(len) - 1;
    if (more > 0) {
        (void)writer_reserve(w, more);
        memmove(w->at + at + more, w->at + at, len);
        w->len += more;
    }
    (void)uvarint_encode(len, w->at + at - 1);
}

#endif
