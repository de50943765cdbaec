#include "tsdb/columns/column_codes.h"

#include "tsdb/base/assert.h"

enum {
    WIDTH_MAX = 16,
    TURN = 8,  /* codes unpacked at once: they end on a byte, whatever the width */
    SPARE = 8, /* bytes behind a turn that its loads may touch */
    /* Not unpacked in place: less than SPARE bytes of whole turns, one turn, part of one. */
    REST_CODES = 64,
    REST_BYTES = 2 * WIDTH_MAX + SPARE,
};

unsigned column_codes_width(uint32_t count)
{
    ASSERT(count >= 1);
    return count == 1 ? 0 : 32 - (unsigned)__builtin_clz(count - 1);
}

void column_codes_encode(const uint16_t *codes, uint32_t n, unsigned width, struct writer *out)
{
    ASSERT(width <= WIDTH_MAX);
    size_t len = ((size_t)n * width + 7) / 8;
    uint8_t *to = writer_reserve(out, 1 + len + sizeof(uint64_t));
    *to++ = (uint8_t)width;
    uint64_t word = 0;
    unsigned fill = 0;
    for (uint32_t i = 0; width > 0 && i < n; i++) {
        word |= (uint64_t)codes[i] << fill;
        fill += width;
        if (fill >= 32) {
            memcpy(to, &word, sizeof word);
            to += 4;
            word >>= 32;
            fill -= 32;
        }
    }
    memcpy(to, &word, sizeof word);
    out->len += 1 + len;
}

/* One turn; the width is a constant where this is inlined, so each load and shift is.
 * A load sees four codes of up to 15 bits that begin within a byte, or eight of 8. */
static inline __attribute__((always_inline)) void turn_unpack(const uint8_t *at, uint16_t *codes,
                                                              unsigned width)
{
    uint32_t mask = (1u << width) - 1;
    unsigned each = width <= 8 ? TURN : TURN / 2; /* codes a load sees */
    for (unsigned i = 0; i < TURN; i += each) {
        uint64_t word;
        memcpy(&word, at + i * width / 8, sizeof word);
        word >>= i * width % 8;
        for (unsigned j = 0; j < each; j++, word >>= width)
            codes[i + j] = (uint16_t)(word & mask);
    }
}

/* turns_N: as many turns of N bits a code; loads touch up to SPARE bytes past the last. */
#define TURNS(width)                                                                               \
    static void turns_##width(const uint8_t *at, uint16_t *codes, uint32_t turns)                  \
    {                                                                                              \
        for (; turns > 0; turns--, at += (width), codes += TURN)                                   \
            turn_unpack(at, codes, width);                                                         \
    }
TURNS(1)
TURNS(2)
TURNS(3)
TURNS(4)
TURNS(5)
TURNS(6)
TURNS(7)
TURNS(8)
TURNS(9)
TURNS(10)
TURNS(11)
TURNS(12)
TURNS(13)
TURNS(14)
TURNS(15)
TURNS(16)

static void turns_unpack(const uint8_t *at, uint16_t *codes, uint32_t turns, unsigned width)
{
    static void (*const by_width[])(const uint8_t *, uint16_t *, uint32_t) = {
        NULL,    turns_1,  turns_2,  turns_3,  turns_4,  turns_5,  turns_6,  turns_7, turns_8,
        turns_9, turns_10, turns_11, turns_12, turns_13, turns_14, turns_15, turns_16};
    ASSERT(width >= 1);
    ASSERT(width <= WIDTH_MAX);
    by_width[width](at, codes, turns);
}

/* The last codes, from a copy with room behind it. */
static bool rest_unpack(struct bytes in, uint16_t *codes, uint32_t n, unsigned width)
{
    uint8_t copy[REST_BYTES + SPARE] = {0};
    uint16_t out[REST_CODES];
    uint32_t turns = (n + TURN - 1) / TURN;
    ASSERT(turns * TURN <= REST_CODES);
    ASSERT(turns * width <= REST_BYTES);
    if (in.len)
        memcpy(copy, in.at, in.len);
    turns_unpack(copy, out, turns, width);
    if (n)
        memcpy(codes, out, n * sizeof *codes);
    return n * width % 8 == 0 || copy[in.len - 1] >> (n * width % 8) == 0;
}

/* Eight maxima side by side, which compilers make one register of. */
static enum tsdb_status most_check(const uint16_t *codes, uint32_t n, uint32_t count)
{
    uint16_t most[TURN] = {0};
    uint32_t i = 0;
    for (; i + TURN <= n; i += TURN)
        for (unsigned lane = 0; lane < TURN; lane++)
            most[lane] = codes[i + lane] > most[lane] ? codes[i + lane] : most[lane];
    for (; i < n; i++)
        most[0] = codes[i] > most[0] ? codes[i] : most[0];
    for (unsigned lane = 0; lane < TURN; lane++)
        if (most[lane] >= count)
            return TSDB_ECORRUPT;
    return TSDB_OK;
}

enum tsdb_status column_codes_decode(struct bytes in, uint16_t *codes, uint32_t n, uint32_t count)
{
    struct reader r = reader_over(in);
    unsigned width = reader_u8(&r), least = column_codes_width(count);
    size_t len = r.rest.len;
    if (r.fault || (width != least && width != 8 && width != 16) || width < least ||
        len != ((size_t)n * width + 7) / 8)
        return TSDB_ECORRUPT;
    if (width == 0) {
        memset(codes, 0, n * sizeof *codes);
        return TSDB_OK;
    }
    uint32_t turns = len < SPARE ? 0 : (uint32_t)((len - SPARE) / width);
    turns = turns < n / TURN ? turns : n / TURN;
    turns_unpack(r.rest.at, codes, turns, width);
    (void)reader_take(&r, (size_t)turns * width);
    if (!rest_unpack(r.rest, codes + (size_t)turns * TURN, n - turns * TURN, width))
        return TSDB_ECORRUPT;
    return width == least && count == 1u << width ? TSDB_OK : most_check(codes, n, count);
}
