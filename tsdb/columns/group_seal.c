#include "tsdb/columns/group.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/status.h"
#include "tsdb/columns/column_codes.h"
#include "tsdb/columns/group_decoded.h"
#include "tsdb/columns/group_output.h"

/* A part's bytes packed anew; as they were when that is no shorter. */
static enum tsdb_status repack(struct group_output *o, struct group_reader *r,
                               const struct part *part, struct tsdb_error *err)
{
    struct bytes data = r->group->strings.data, clear;
    if (part->packing == PACKING_ZSTD || part->packing == PACKING_OWN) {
        group_output_copy(o, part, data);
        return TSDB_OK;
    }
    enum tsdb_status st = decoded_part(r, part, false, &clear, err);
    if (st == TSDB_OK)
        group_output_part(o, clear, part->values);
    return st;
}

static bool may_be_templates(const struct column_head *c)
{
    return c->info.flags & (COLUMN_LINES | COLUMN_FORMS) && c->info.encoding == ENCODING_PAGES;
}

/* The only values that are decoded: templates are made of lines. */
static enum tsdb_status lines_seal(struct group_output *o, struct group_reader *r, uint32_t column,
                                   struct tsdb_error *err)
{
    const struct group *g = r->group;
    struct column_head c = g->columns[column];
    const struct tsdb_text *texts;
    const uint64_t *presence;
    struct tsdb_text *values;
    enum tsdb_status st = group_texts(r, column, &texts, err);
    if (st == TSDB_OK)
        st = group_presence(r, column, &presence, err);
    if (st == TSDB_OK && presence)
        st = decoded_take(r, c.info.present, sizeof *values, &values, err);
    if (st == TSDB_OK && presence)
        st = repack(o, r, &g->parts[c.part_first], err);
    if (st != TSDB_OK)
        return st;
    uint32_t n = 0;
    for (uint32_t i = 0; presence && i < g->rows; i++)
        if (presence[i / 64] >> i % 64 & 1)
            values[n++] = texts[i];
    group_output_lines(o, &c, presence ? values : texts, c.info.present);
    group_output_column(o, &c);
    return TSDB_OK;
}

/* Packed bits may be longer than whole bytes, once they are compressed. */
static enum tsdb_status codes_seal(struct group_output *o, struct group_reader *r,
                                   const struct column_head *c, const struct part *part,
                                   struct tsdb_error *err)
{
    uint16_t codes[COLUMN_PART_ROWS];
    struct bytes clear;
    enum tsdb_status st = decoded_part(r, part, false, &clear, err);
    if (st != TSDB_OK)
        return st;
    if (column_codes_decode(clear, codes, part->values, c->info.distinct) != TSDB_OK)
        return decoded_damage((uint32_t)(c - r->group->columns), err);
    group_output_codes(o, codes, part->values, c->info.distinct);
    return TSDB_OK;
}

static enum tsdb_status part_seal(struct group_output *o, struct group_reader *r,
                                  const struct column_head *c, const struct part *part,
                                  struct tsdb_error *err)
{
    if (c->info.encoding == ENCODING_DICT && part->values > 0 && part->packing != PACKING_ZSTD)
        return codes_seal(o, r, c, part, err);
    return repack(o, r, part, err);
}

static enum tsdb_status column_seal(struct group_output *o, struct group_reader *r, uint32_t column,
                                    struct tsdb_error *err)
{
    const struct group *g = r->group;
    const struct column_head *c = &g->columns[column];
    enum tsdb_status st = TSDB_OK;
    if (may_be_templates(c))
        return lines_seal(o, r, column, err);
    for (uint32_t i = 0; st == TSDB_OK && i < c->part_count; i++)
        st = part_seal(o, r, c, &g->parts[c->part_first + i], err);
    if (st == TSDB_OK)
        group_output_column(o, c);
    return st;
}

static void strings_cut(struct group_strings *s, size_t head, size_t filter, size_t data)
{
    s->head.len = head;
    s->filter.len = filter;
    s->data.len = data;
}

enum tsdb_status group_seal(const struct group *in, struct budget *budget,
                            struct group_strings *out, struct tsdb_error *err)
{
    if (budget && !budget_charge(budget, GROUP_SEAL_BYTES))
        return tsdb_fail(err, TSDB_ELIMIT, "group: sealing takes %d bytes, past the budget",
                         (int)GROUP_SEAL_BYTES);
    size_t head = out->head.len, filter = out->filter.len, data = out->data.len;
    struct group_reader *r = group_reader_new(budget);
    struct group_output o;
    group_output_init(&o, out, GROUP_SEALED, in->rows, in->column_count);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; st == TSDB_OK && i < in->column_count; i++) {
        group_reader_open(r, in);
        st = column_seal(&o, r, i, err);
    }
    if (st == TSDB_OK)
        writer_put(&out->filter, in->strings.filter.at, in->strings.filter.len);
    else
        strings_cut(out, head, filter, data);
    group_output_release(&o);
    group_reader_free(r);
    if (budget)
        budget_release(budget, GROUP_SEAL_BYTES);
    return st;
}
