#include "tsdb/columns/column_fixed.h"

#include "tsdb/base/assert.h"

void column_fixed_encode(const struct tsdb_text *texts, uint32_t n, uint32_t bytes,
                         struct writer *out)
{
    uint8_t *to = writer_reserve(out, (size_t)n * bytes);
    for (uint32_t i = 0; i < n; i++, to += bytes) {
        ASSERT(texts[i].len == bytes);
        memcpy(to, texts[i].at, bytes);
    }
    out->len += (size_t)n * bytes;
}

static uint8_t hex_value(char digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

void column_hex_encode(const struct tsdb_text *texts, uint32_t n, uint32_t digits,
                       struct writer *out)
{
    uint8_t *to = writer_reserve(out, (size_t)n * digits / 2);
    for (uint32_t i = 0; i < n; i++) {
        const char *at = texts[i].at;
        ASSERT(texts[i].len == digits);
        for (uint32_t d = 0; d < digits; d += 2)
            *to++ = (uint8_t)(hex_value(at[d]) << 4 | hex_value(at[d + 1]));
    }
    out->len += (size_t)n * digits / 2;
}

void column_hex_decode(struct bytes in, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < in.len; i++) {
        *out++ = digits[in.at[i] >> 4];
        *out++ = digits[in.at[i] & 15];
    }
}

bool is_hex_text(struct tsdb_text text)
{
    if (text.len == 0 || text.len % 2)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return true;
}
