#include "tsdb/codec/number.h"

#include "tsdb/codec/decimal.h"

enum {
    HEAD_BITS = 15,
    HEAD_INTEGER = 128,
};

static const int64_t decimal_limit = INT64_C(1) << 48;

void number_encode(double v, struct writer *out)
{
    int64_t m;
    for (int exponent = 0; exponent <= DECIMAL_EXPONENT_MAX; exponent++) {
        if (!decimal_exact(v, exponent, &m))
            continue;
        if (m <= -decimal_limit || m >= decimal_limit)
            break;
        if (exponent == 0 && m >= 0 && m < 256 - HEAD_INTEGER) {
            writer_u8(out, (uint8_t)(HEAD_INTEGER + m));
            return;
        }
        writer_u8(out, (uint8_t)exponent);
        writer_svarint(out, m);
        return;
    }
    writer_u8(out, HEAD_BITS);
    writer_f64(out, v);
}

double number_decode(struct reader *r)
{
    uint8_t head = reader_u8(r);
    if (head >= HEAD_INTEGER)
        return head - HEAD_INTEGER;
    if (head == HEAD_BITS)
        return reader_f64(r);
    if (head > DECIMAL_EXPONENT_MAX) {
        reader_fail(r);
        return 0;
    }
    return decimal_value(reader_svarint(r), head);
}
