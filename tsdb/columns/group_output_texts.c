#include "tsdb/columns/group_output.h"

#include "tsdb/columns/column_fixed.h"
#include "tsdb/columns/column_ints.h"

/* What all texts have in common. */
struct text_shape {
    bool is_int, is_even; /* even: all of one length */
};

static struct text_shape shape_of(const struct tsdb_text *texts, uint32_t n)
{
    struct text_shape shape = {true, true};
    int64_t value;
    for (uint32_t i = 0; i < n && (shape.is_int || shape.is_even); i++) {
        shape.is_even = shape.is_even && texts[i].len == texts[0].len;
        shape.is_int = shape.is_int && int_text_parse(texts[i], &value);
    }
    shape.is_even &= n > 0 && texts[0].len >= 1 && texts[0].len <= COLUMN_FIXED_MAX;
    return shape;
}

static uint32_t part_of(uint32_t at, uint32_t n)
{
    return n - at < COLUMN_PART_ROWS ? n - at : COLUMN_PART_ROWS;
}

static void put_ints(struct group_output *o, const struct tsdb_text *texts, uint32_t n)
{
    int64_t v[COLUMN_PART_ROWS];
    for (uint32_t at = 0, count; at < n; at += count) {
        count = part_of(at, n);
        for (uint32_t i = 0; i < count; i++)
            if (!int_text_parse(texts[at + i], &v[i]))
                v[i] = 0; /* cannot be: shape_of has parsed it */
        writer_reset(&o->scratch);
        column_ints_encode(v, count, &o->scratch);
        if (o->packer.form == GROUP_SEALED)
            group_output_part(o, writer_bytes(&o->scratch), count);
        else
            group_output_raw(o, writer_bytes(&o->scratch), count);
    }
}

/* Ids are random or not, all of a column: hot, the first part tells. */
static void put_ids(struct group_output *o, struct bytes ids, uint32_t at, uint32_t count)
{
    bool is_random = at > 0 && o->parts[o->part_count - 1].packing == PACKING_RAW;
    if (is_random && o->packer.form == GROUP_HOT)
        group_output_raw(o, ids, count);
    else
        group_output_part(o, ids, count);
}

static void put_fixed(struct group_output *o, const struct tsdb_text *texts, uint32_t n)
{
    for (uint32_t at = 0, count; at < n; at += count) {
        count = part_of(at, n);
        writer_reset(&o->scratch);
        column_fixed_encode(texts + at, count, (uint32_t)texts[0].len, &o->scratch);
        put_ids(o, writer_bytes(&o->scratch), at, count);
    }
}

/* False, and nothing written, unless all are hex; all of them are read before a part goes. */
static bool put_hex(struct group_output *o, const struct tsdb_text *texts, uint32_t n)
{
    uint32_t digits = (uint32_t)texts[0].len;
    writer_reset(&o->scratch);
    if (digits % 2 || !column_hex_encode(texts, n, digits, &o->scratch))
        return false;
    struct reader r = reader_over(writer_bytes(&o->scratch));
    for (uint32_t at = 0, count; at < n; at += count) {
        count = part_of(at, n);
        put_ids(o, reader_take(&r, (size_t)count * digits / 2), at, count);
    }
    return true;
}

void group_output_texts(struct group_output *o, struct column_head *c,
                        const struct tsdb_text *texts, uint32_t n)
{
    if (c->info.flags & COLUMN_LINES) {
        group_output_lines(o, c, texts, n);
        return;
    }
    struct text_shape shape = shape_of(texts, n);
    c->fixed_bytes = (uint32_t)texts[0].len;
    if (shape.is_int) {
        c->info.encoding = ENCODING_INTS;
        put_ints(o, texts, n);
    } else if (shape.is_even && put_hex(o, texts, n)) {
        c->info.encoding = ENCODING_HEX;
    } else if (shape.is_even) {
        c->info.encoding = ENCODING_FIXED;
        put_fixed(o, texts, n);
    } else {
        group_output_lines(o, c, texts, n);
    }
}
