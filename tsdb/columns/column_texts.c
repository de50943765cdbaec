#include "tsdb/columns/column_texts.h"

#include "tsdb/codec/ints.h"
#include "tsdb/columns/group.h"
#include "tsdb/columns/text_ahead.h"

static uint32_t run_of(uint32_t at, uint32_t n)
{
    return n - at < COLUMN_PART_ROWS ? n - at : COLUMN_PART_ROWS;
}

void column_texts_encode(const struct tsdb_text *texts, uint32_t n, struct writer *out)
{
    int64_t lengths[COLUMN_PART_ROWS];
    size_t total = 0;
    for (uint32_t at = 0, run; at < n; at += run) {
        run = run_of(at, n);
        for (uint32_t i = 0; i < run; i++) {
            lengths[i] = (int64_t)texts[at + i].len;
            total += texts[at + i].len + 1;
        }
        ints_encode(lengths, run, out);
    }
    uint8_t *to = writer_reserve(out, total);
    for (uint32_t i = 0; i < n; i++) {
        text_ahead(texts, i, n);
        if (texts[i].len)
            memcpy(to, texts[i].at, texts[i].len);
        to += texts[i].len;
        *to++ = '\n';
    }
    out->len += total;
}

enum tsdb_status column_texts_decode(struct bytes in, uint32_t n, uint32_t *starts,
                                     struct bytes *body)
{
    int64_t lengths[COLUMN_PART_ROWS];
    struct reader r = reader_over(in);
    uint64_t total = 0;
    for (uint32_t at = 0, run; at < n; at += run) {
        run = run_of(at, n);
        enum tsdb_status st = ints_decode(&r, lengths, run);
        if (st != TSDB_OK)
            return st;
        uint64_t worst = 0;
        for (uint32_t i = 0; i < run; i++) {
            starts[at + i] = (uint32_t)total;
            worst |= (uint64_t)lengths[i];
            total += (uint64_t)lengths[i] + 1; /* wraps only when `worst` shows it */
        }
        if (worst > UINT32_MAX || total > r.rest.len)
            return TSDB_ECORRUPT;
    }
    starts[n] = (uint32_t)total;
    if (total != r.rest.len)
        return TSDB_ECORRUPT;
    const uint8_t *at = r.rest.at;
    bool is_ended = true;
    for (uint32_t i = 0; i < n; i++)
        is_ended &= at[starts[i + 1] - 1] == '\n';
    if (!is_ended)
        return TSDB_ECORRUPT;
    *body = r.rest;
    return TSDB_OK;
}
