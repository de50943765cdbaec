/* The canonical bytes of a label set are those of a remote-write 1.0 TimeSeries'
 * labels (field 1, Label{name=1, value=2}), so a sender whose labels are sorted has
 * its raw bytes hash straight to the canonical key. */
#include "tsdb/base/hash.h"

#include "tsdb/base/writer.h"

static size_t put_field(uint8_t *at, uint8_t tag, struct tsdb_text text)
{
    size_t n = 0;
    at[n++] = tag;
    n += uvarint_encode(text.len, at + n);
    if (text.len)
        memcpy(at + n, text.at, text.len);
    return n + text.len;
}

struct tsdb_hash tsdb_labels_hash(uint64_t seed, struct tsdb_labels labels)
{
    enum { FIELD = 0x0a, VALUE = 0x12, STACK_BYTES = 4096 };
    uint8_t stack[STACK_BYTES];
    struct writer heap = {0};
    size_t total = 0;
    for (uint32_t i = 0; i < labels.count; i++)
        total += labels.at[i].name.len + labels.at[i].value.len + 40;
    uint8_t *bytes = total <= sizeof stack ? stack : writer_reserve(&heap, total);
    size_t n = 0;
    for (uint32_t i = 0; i < labels.count; i++) {
        struct tsdb_label l = labels.at[i];
        size_t inner =
            2 + uvarint_size(l.name.len) + l.name.len + uvarint_size(l.value.len) + l.value.len;
        bytes[n++] = FIELD;
        n += uvarint_encode(inner, bytes + n);
        n += put_field(bytes + n, FIELD, l.name);
        n += put_field(bytes + n, VALUE, l.value);
    }
    struct tsdb_hash hash = hash128(seed, bytes, n);
    writer_release(&heap);
    return hash;
}
