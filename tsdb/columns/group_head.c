#include "tsdb/columns/group_head.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

enum {
    COLUMN_BYTES_MIN = 7, /* of a column in the head: an empty text, and no name */
    PART_BYTES_MIN = 3,
    FLAGS_ALL = COLUMN_GRAMS | COLUMN_VALUES | COLUMN_LINES | COLUMN_FORMS,
    CLEAR_MAX = GROUP_TEXT_MAX + GROUP_TEXT_MAX / 16, /* of a column's parts */
};

#define NO_EXTENT UINT64_C(0x7ff8000000000000) /* the NaN of a column without numbers */

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

/* ---- writing ------------------------------------------------------------------- */

void group_head_start(struct writer *out, uint32_t rows, uint32_t columns)
{
    writer_u8(out, GROUP_VERSION);
    writer_uvarint(out, rows);
    writer_uvarint(out, columns);
}

static void extent_write(struct writer *out, const struct column_info *info)
{
    if (info->kind == COLUMN_INT) {
        writer_svarint(out, info->int_min);
        writer_uvarint(out, (uint64_t)info->int_max - (uint64_t)info->int_min);
    } else if (info->kind == COLUMN_DOUBLE) {
        bool is_nan = info->double_min != info->double_min;
        writer_le64(out, is_nan ? NO_EXTENT : bits_of(info->double_min));
        writer_le64(out, is_nan ? NO_EXTENT : bits_of(info->double_max));
    }
}

static void encoding_write(struct writer *out, const struct column_head *c)
{
    enum column_encoding encoding = c->info.encoding;
    if (encoding == ENCODING_CONST && c->info.kind == COLUMN_DOUBLE)
        writer_le64(out, c->constant_bits);
    else if (encoding == ENCODING_CONST && c->info.kind == COLUMN_TEXT)
        writer_sized(out, c->constant.at, c->constant.len);
    else if (encoding == ENCODING_DICT)
        writer_uvarint(out, c->info.distinct);
    else if (encoding == ENCODING_FIXED || encoding == ENCODING_HEX)
        writer_uvarint(out, c->fixed_bytes);
}

static bool has_pages(enum column_encoding encoding)
{
    return encoding == ENCODING_PAGES || encoding == ENCODING_TEMPLATES;
}

void group_head_column(struct writer *out, const struct column_head *c, const struct part *parts,
                       uint32_t rows)
{
    const struct column_info *info = &c->info;
    uint32_t skip = column_has_presence(c, rows) + column_has_table(c);
    ASSERT(info->present > 0);
    ASSERT(c->part_count >= skip);
    writer_sized(out, info->name.at, info->name.len);
    writer_u8(out, info->tag);
    writer_u8(out, info->kind);
    writer_u8(out, info->encoding);
    writer_u8(out, info->flags);
    writer_uvarint(out, info->present);
    extent_write(out, info);
    encoding_write(out, c);
    if (info->encoding != ENCODING_CONST)
        writer_uvarint(out, c->part_count - skip);
    for (uint32_t i = 0; i < c->part_count; i++) {
        writer_uvarint(out, parts[i].bytes);
        writer_uvarint(out, parts[i].clear);
        writer_u8(out, parts[i].packing);
        if (i >= skip && has_pages(info->encoding))
            writer_uvarint(out, parts[i].values);
    }
}

/* ---- reading ------------------------------------------------------------------- */

static bool extent_read(struct reader *r, struct column_info *info)
{
    if (info->kind == COLUMN_INT) {
        info->int_min = reader_svarint(r);
        uint64_t spread = reader_uvarint(r);
        if (spread > (uint64_t)INT64_MAX - (uint64_t)info->int_min) /* wraps to the distance */
            return false;
        info->int_max = (int64_t)((uint64_t)info->int_min + spread);
    } else if (info->kind == COLUMN_DOUBLE) {
        info->double_min = reader_f64(r);
        info->double_max = reader_f64(r);
        bool is_none =
            bits_of(info->double_min) == NO_EXTENT && bits_of(info->double_max) == NO_EXTENT;
        return is_none || info->double_min <= info->double_max;
    }
    return true;
}

static bool is_allowed(uint8_t kind, uint8_t encoding)
{
    static const uint8_t allowed[] = {
        [COLUMN_INT] = 1u << ENCODING_CONST | 1u << ENCODING_INTS,
        [COLUMN_DOUBLE] = 1u << ENCODING_CONST | 1u << ENCODING_FLOATS,
        [COLUMN_TEXT] = (1u << ENCODING_COUNT) - 1 - (1u << ENCODING_FLOATS),
    };
    return kind <= COLUMN_TEXT && encoding < ENCODING_COUNT && (allowed[kind] >> encoding & 1);
}

static bool constant_read(struct reader *r, struct column_head *c)
{
    c->info.distinct = 1;
    if (c->info.kind == COLUMN_INT) {
        c->constant_bits = (uint64_t)c->info.int_min;
        return c->info.int_min == c->info.int_max;
    }
    if (c->info.kind == COLUMN_DOUBLE) {
        c->constant_bits = reader_le64(r);
        return true;
    }
    struct bytes text = reader_sized(r);
    c->constant = (struct tsdb_text){text.len ? (const char *)text.at : "", text.len};
    return text.len <= COLUMN_CONST_MAX;
}

static bool encoding_read(struct reader *r, struct column_head *c)
{
    if (c->info.encoding == ENCODING_CONST)
        return constant_read(r, c);
    if (c->info.encoding == ENCODING_DICT) {
        uint64_t distinct = reader_uvarint(r);
        c->info.distinct = (uint32_t)distinct;
        return distinct >= 1 && distinct <= c->info.present;
    }
    if (c->info.encoding == ENCODING_FIXED || c->info.encoding == ENCODING_HEX) {
        uint64_t bytes = reader_uvarint(r);
        c->fixed_bytes = (uint32_t)bytes;
        bool is_whole = c->info.encoding == ENCODING_FIXED || bytes % 2 == 0;
        return bytes >= 1 && bytes <= COLUMN_FIXED_MAX && is_whole;
    }
    return true;
}

/* How many parts of values there must be, or may be of pages. */
static bool part_count_read(struct reader *r, struct column_head *c, uint32_t rows)
{
    uint32_t values = 0, whole = (c->info.present + COLUMN_PART_ROWS - 1) / COLUMN_PART_ROWS;
    if (c->info.encoding != ENCODING_CONST) {
        values = reader_count(r, PART_BYTES_MIN);
        bool is_paged = has_pages(c->info.encoding);
        if (is_paged ? values < whole || values > c->info.present : values != whole)
            return false;
    }
    c->part_count = values + column_has_presence(c, rows) + column_has_table(c);
    return true;
}

static bool part_read(struct reader *r, struct part *part, uint64_t *clear)
{
    uint64_t bytes = reader_uvarint(r), unpacked = reader_uvarint(r);
    part->packing = reader_u8(r);
    *clear += unpacked <= CLEAR_MAX ? unpacked : CLEAR_MAX + 1;
    if (bytes > UINT32_MAX || *clear > CLEAR_MAX || part->packing >= PACKING_COUNT)
        return false;
    if (part->packing == PACKING_RAW && bytes != unpacked)
        return false;
    part->bytes = (uint32_t)bytes;
    part->clear = (uint32_t)unpacked;
    return true;
}

static bool parts_read(struct reader *r, struct group *g, struct column_head *c, uint64_t *offset)
{
    uint32_t skip = column_values_first(c, g->rows) - c->part_first, left = c->info.present;
    uint64_t clear = 0;
    for (uint32_t i = 0; i < c->part_count; i++) {
        struct part *part = &g->parts[c->part_first + i];
        *part = (struct part){.offset = *offset, .first = c->info.present - left};
        if (!part_read(r, part, &clear) || part->bytes > g->strings.data.len - *offset)
            return false;
        bool is_own = i >= skip && c->info.encoding == ENCODING_TEMPLATES;
        if (is_own != (part->packing == PACKING_OWN))
            return false;
        *offset += part->bytes;
        if (i < skip)
            continue;
        uint64_t values = left < COLUMN_PART_ROWS ? left : COLUMN_PART_ROWS;
        if (has_pages(c->info.encoding)) {
            uint64_t given = reader_uvarint(r);
            if (given < 1 || given > values)
                return false;
            values = given;
        }
        part->values = (uint32_t)values;
        left -= part->values;
    }
    return !r->fault && (left == 0 || c->info.encoding == ENCODING_CONST);
}

static bool is_after(const struct column_info *a, const struct column_info *b)
{
    int order = text_compare(a->name, b->name);
    return order > 0 || (order == 0 && a->tag > b->tag);
}

static void parts_reserve(struct group *g, uint32_t *cap, uint32_t more)
{
    if (g->part_count + more <= *cap)
        return;
    *cap = *cap ? *cap : 64;
    while (g->part_count + more > *cap)
        *cap *= 2;
    g->parts = mem_grow(g->parts, *cap, sizeof *g->parts);
}

static bool column_read(struct reader *r, struct group *g, struct column_head *c, uint64_t *offset,
                        uint32_t *cap)
{
    struct bytes name = reader_sized(r);
    c->info.name = (struct tsdb_text){name.len ? (const char *)name.at : "", name.len};
    c->info.tag = reader_u8(r);
    c->info.kind = reader_u8(r);
    c->info.encoding = reader_u8(r);
    c->info.flags = reader_u8(r);
    uint64_t present = reader_uvarint(r);
    if (r->fault || name.len > GROUP_NAME_MAX || c->info.flags > FLAGS_ALL ||
        !is_allowed(c->info.kind, c->info.encoding) || present < 1 || present > g->rows)
        return false;
    c->info.present = (uint32_t)present;
    if (!extent_read(r, &c->info) || !encoding_read(r, c) || !part_count_read(r, c, g->rows) ||
        c->part_count > r->rest.len / PART_BYTES_MIN)
        return false;
    parts_reserve(g, cap, c->part_count);
    c->part_first = g->part_count;
    g->part_count += c->part_count;
    return parts_read(r, g, c, offset);
}

enum tsdb_status group_head_read(struct group *g, struct tsdb_error *err)
{
    struct reader r = reader_over(g->strings.head);
    uint8_t version = reader_u8(&r);
    if (!r.fault && version != GROUP_VERSION)
        return tsdb_fail(err, TSDB_ECORRUPT, "group: version %u, want %d", version, GROUP_VERSION);
    uint64_t rows = reader_uvarint(&r), offset = 0;
    uint32_t columns = reader_count(&r, COLUMN_BYTES_MIN), cap = 0;
    if (r.fault || rows > GROUP_ROWS_MAX || columns > GROUP_COLUMNS_MAX)
        return tsdb_fail(err, TSDB_ECORRUPT, "group: head of %zu bytes is damaged",
                         g->strings.head.len);
    g->rows = (uint32_t)rows;
    g->columns = MEM_ARRAY(struct column_head, columns ? columns : 1);
    g->column_count = columns;
    for (uint32_t i = 0; i < columns; i++) {
        struct column_head *c = &g->columns[i];
        if (!column_read(&r, g, c, &offset, &cap) ||
            (i > 0 && !is_after(&c->info, &g->columns[i - 1].info)))
            return tsdb_fail(err, TSDB_ECORRUPT, "group: column %u of %u is damaged", i, columns);
    }
    if (!reader_done(&r) || offset != g->strings.data.len)
        return tsdb_fail(err, TSDB_ECORRUPT, "group: %zu bytes of data, want %llu",
                         g->strings.data.len, (unsigned long long)offset);
    return TSDB_OK;
}
