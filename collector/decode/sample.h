/* sample.h - remote write's Sample message: value 1 (double), timestamp 2 (int64, ms),
 * and in 2.0 start_timestamp 3.
 */
#ifndef COLLECTOR_DECODE_SAMPLE_H
#define COLLECTOR_DECODE_SAMPLE_H

#include "collector/decode/pull.h"

struct sample {
    double value;
    int64_t ts_ms, start_ms;
};

/* As every sender writes it: the value, then the time, nothing else. */
static inline bool sample_parse_plain(struct bytes in, struct sample *out)
{
    struct reader r = reader_over(in);
    if (reader_u8(&r) != (1 << 3 | PULL_FIXED64))
        return false;
    out->value = reader_f64(&r);
    if (reader_u8(&r) != (2 << 3 | PULL_VARINT))
        return false;
    out->ts_ms = (int64_t)pull_varint_slow(&r);
    out->start_ms = 0;
    return reader_done(&r);
}

/* Any legal form; false when it is none. */
bool sample_parse(struct bytes in, struct sample *out);

#endif
