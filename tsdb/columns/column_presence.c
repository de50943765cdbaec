#include "tsdb/columns/column_presence.h"

#include "tsdb/base/assert.h"
#include "tsdb/codec/ints.h"
#include "tsdb/columns/group.h"

enum { FORM_BITS, FORM_HAVE, FORM_LACK, FORM_SAME };

static void list_encode(const int64_t *skipped, uint32_t n, uint8_t form, struct writer *out)
{
    writer_u8(out, form);
    ints_encode(skipped, n, out);
}

static void have_list(const uint16_t *have, uint32_t n, int64_t *skipped)
{
    int64_t next = 0;
    for (uint32_t i = 0; i < n; i++) {
        skipped[i] = have[i] - next;
        next = have[i] + 1;
    }
}

static uint32_t lack_list(const uint16_t *have, uint32_t n, uint32_t rows, int64_t *skipped)
{
    uint32_t count = 0, row = 0, next = 0;
    for (uint32_t i = 0; i <= n; i++) {
        uint32_t end = i < n ? have[i] : rows;
        for (; row < end; row++) {
            skipped[count++] = (int64_t)row - (int64_t)next;
            next = row + 1;
        }
        row = end + 1;
    }
    return count;
}

static void bits_encode(const uint16_t *have, uint32_t n, uint32_t rows, struct writer *out)
{
    writer_u8(out, FORM_BITS);
    size_t len = ((size_t)rows + 7) / 8;
    uint8_t *bits = writer_reserve(out, len);
    memset(bits, 0, len);
    for (uint32_t i = 0; i < n; i++)
        bits[have[i] / 8] |= (uint8_t)(1u << have[i] % 8);
    out->len += len;
}

void column_presence_encode(const uint16_t *have, uint32_t n, uint32_t rows, struct writer *out)
{
    ASSERT(n > 0);
    ASSERT(n < rows);
    int64_t skipped[COLUMN_PART_ROWS];
    uint32_t lack = rows - n, count = n < lack ? n : lack;
    if (count <= COLUMN_PART_ROWS) {
        if (n <= lack)
            have_list(have, n, skipped);
        else
            lack_list(have, n, rows, skipped);
        if (ints_cost(skipped, count) < ((size_t)rows + 7) / 8) {
            list_encode(skipped, count, n <= lack ? FORM_HAVE : FORM_LACK, out);
            return;
        }
    }
    bits_encode(have, n, rows, out);
}

static enum tsdb_status bits_decode(struct reader *r, uint32_t rows, uint32_t present,
                                    uint64_t *words)
{
    struct bytes bits = reader_take(r, ((size_t)rows + 7) / 8);
    if (!reader_done(r))
        return TSDB_ECORRUPT;
    size_t count = PRESENCE_WORDS(rows);
    words[count - 1] = 0;
    memcpy(words, bits.at, bits.len);
    if (rows % 64 && words[count - 1] >> rows % 64)
        return TSDB_ECORRUPT;
    uint32_t have = 0;
    for (size_t i = 0; i < count; i++)
        have += (uint32_t)__builtin_popcountll(words[i]);
    return have == present ? TSDB_OK : TSDB_ECORRUPT;
}

static enum tsdb_status list_decode(struct reader *r, uint32_t rows, uint32_t n, bool is_have,
                                    uint64_t *words)
{
    int64_t skipped[COLUMN_PART_ROWS];
    if (n > COLUMN_PART_ROWS || ints_decode(r, skipped, n) != TSDB_OK || !reader_done(r))
        return TSDB_ECORRUPT;
    size_t count = PRESENCE_WORDS(rows);
    memset(words, is_have ? 0 : 0xff, count * sizeof *words);
    if (!is_have && rows % 64)
        words[count - 1] = (UINT64_C(1) << rows % 64) - 1;
    uint64_t row = 0;
    for (uint32_t i = 0; i < n; i++, row++) {
        if ((uint64_t)skipped[i] >= rows - row)
            return TSDB_ECORRUPT;
        row += (uint64_t)skipped[i];
        words[row / 64] ^= UINT64_C(1) << row % 64;
        if (row + 1 == rows && i + 1 < n)
            return TSDB_ECORRUPT;
    }
    return TSDB_OK;
}

enum tsdb_status column_presence_decode(struct bytes in, uint32_t rows, uint32_t present,
                                        uint64_t *words)
{
    ASSERT(present > 0);
    ASSERT(present < rows);
    struct reader r = reader_over(in);
    uint8_t form = reader_u8(&r);
    if (form == FORM_BITS)
        return bits_decode(&r, rows, present, words);
    if (form == FORM_HAVE)
        return list_decode(&r, rows, present, true, words);
    if (form == FORM_LACK)
        return list_decode(&r, rows, rows - present, false, words);
    return TSDB_ECORRUPT;
}

void column_presence_same(uint32_t column, struct writer *out)
{
    writer_u8(out, FORM_SAME);
    writer_uvarint(out, column);
}

bool column_presence_is_same(struct bytes in, uint32_t *column)
{
    struct reader r = reader_over(in);
    if (reader_u8(&r) != FORM_SAME || r.fault)
        return false;
    uint64_t of = reader_uvarint(&r);
    *column = reader_done(&r) && of < UINT32_MAX ? (uint32_t)of : UINT32_MAX;
    return true;
}
