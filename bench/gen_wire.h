/* gen_wire.h - what the generators of OTLP requests share: chance, and protobuf by hand. */
#ifndef BENCH_GEN_WIRE_H
#define BENCH_GEN_WIRE_H

#include "tsdb/base/random.h"
#include "tsdb/base/writer.h"

#include <math.h>
#include <string.h>

static inline double log_normal(struct random *r, double median, double sigma)
{
    double u = random_unit(r), v = random_unit(r);
    return median * exp(sigma * sqrt(-2 * log(1 - u)) * cos(6.283185307179586 * v));
}

/* Small ones more often than large ones. */
static inline uint32_t skewed(struct random *r, uint32_t n)
{
    double u = random_unit(r);
    return (uint32_t)(u * u * n);
}

static inline void put_text(struct writer *w, uint8_t tag, const char *text)
{
    writer_u8(w, tag);
    writer_sized(w, text, strlen(text));
}

/* KeyValue into the field `tag` of w; `any` has the AnyValue and is emptied. */
static inline void put_attribute(struct writer *w, uint8_t tag, const char *key, struct writer *any)
{
    size_t key_len = strlen(key), len = any->len;
    writer_u8(w, tag);
    writer_uvarint(w, 1 + uvarint_size(key_len) + key_len + 1 + uvarint_size(len) + len);
    put_text(w, 0x0a, key);
    writer_u8(w, 0x12);
    writer_sized(w, any->at, len);
    writer_reset(any);
}

static inline void put_string(struct writer *w, uint8_t tag, const char *key, const char *value,
                              struct writer *any)
{
    put_text(any, 0x0a, value);
    put_attribute(w, tag, key, any);
}

static inline void put_int(struct writer *w, uint8_t tag, const char *key, uint64_t value,
                           struct writer *any)
{
    writer_u8(any, 0x18);
    writer_uvarint(any, value);
    put_attribute(w, tag, key, any);
}

#endif
