#include "tsdb/columns/column_fixed.h"

#include "tsdb/base/assert.h"
#include "tsdb/columns/text_ahead.h"

void column_fixed_encode(const struct tsdb_text *texts, uint32_t n, uint32_t bytes,
                         struct writer *out)
{
    uint8_t *to = writer_reserve(out, (size_t)n * bytes);
    for (uint32_t i = 0; i < n; i++, to += bytes) {
        text_ahead(texts, i, n);
        ASSERT(texts[i].len == bytes);
        memcpy(to, texts[i].at, bytes);
    }
    out->len += (size_t)n * bytes;
}

/* ---- hex: eight digits at once, one in each byte of a word ------------------------- */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
enum { WORD_DIGITS = 8, WORD_BYTES = 4, LETTER_STEP = 'a' - '9' - 1 };

static uint64_t digits_of(uint64_t nibbles)
{
    uint64_t letters = (nibbles + EACH(6)) >> 4 & EACH(1); /* 10 and more carry */
    return nibbles + EACH('0') + letters * LETTER_STEP;
}

/* The digits' values, or EACH(255): one is none. */
static uint64_t nibbles_of(uint64_t digits)
{
    uint64_t nibbles = (digits & EACH(15)) + (digits >> 6 & EACH(1)) * 9;
    bool is_hex = (nibbles & EACH(0xf0)) == 0 && digits_of(nibbles) == digits;
    return is_hex ? nibbles : EACH(255);
}

/* The first digit of a pair is the high one and lies lower. */
static uint32_t join(uint64_t nibbles)
{
    uint64_t pairs = (nibbles << 4 | nibbles >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    pairs = (pairs | pairs >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (uint32_t)(pairs | pairs >> 16);
}

static uint64_t part(uint32_t bytes)
{
    uint64_t pairs = (bytes | (uint64_t)bytes << 16) & UINT64_C(0x0000ffff0000ffff);
    pairs = (pairs | pairs << 8) & UINT64_C(0x00ff00ff00ff00ff);
    return (pairs >> 4 | pairs << 8) & EACH(15);
}

/* n <= WORD_DIGITS digits; what is missing reads as '0'. */
static uint64_t digits_load(const char *at, uint32_t n)
{
    uint64_t digits = EACH('0');
    memcpy(&digits, at, n);
    return digits;
}

bool column_hex_encode(const struct tsdb_text *texts, uint32_t n, uint32_t digits,
                       struct writer *out)
{
    ASSERT(digits % 2 == 0);
    uint8_t *to = writer_reserve(out, (size_t)n * digits / 2 + WORD_BYTES);
    for (uint32_t i = 0; i < n; i++) {
        const char *at = texts[i].at;
        text_ahead(texts, i, n);
        ASSERT(texts[i].len == digits);
        for (uint32_t d = 0; d < digits; d += WORD_DIGITS) {
            bool is_whole = digits - d >= WORD_DIGITS;
            uint64_t nibbles = nibbles_of(is_whole ? digits_load(at + d, WORD_DIGITS)
                                                   : digits_load(at + d, digits - d));
            if (nibbles == EACH(255))
                return false;
            uint32_t bytes = join(nibbles);
            memcpy(to, &bytes, sizeof bytes);
            to += is_whole ? WORD_BYTES : (digits - d) / 2;
        }
    }
    out->len += (size_t)n * digits / 2;
    return true;
}

void column_hex_decode(struct bytes in, char *out)
{
    uint32_t bytes = 0;
    uint64_t digits;
    size_t i = 0;
    for (; i + WORD_BYTES <= in.len; i += WORD_BYTES) {
        memcpy(&bytes, in.at + i, WORD_BYTES);
        digits = digits_of(part(bytes));
        memcpy(out + 2 * i, &digits, WORD_DIGITS);
    }
    bytes = 0;
    if (i < in.len)
        memcpy(&bytes, in.at + i, in.len - i);
    digits = digits_of(part(bytes));
    memcpy(out + 2 * i, &digits, 2 * (in.len - i));
}
