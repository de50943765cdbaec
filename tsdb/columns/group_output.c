#include "tsdb/columns/group_output.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/columns/column_codes.h"
#include "tsdb/columns/column_presence.h"
#include "tsdb/columns/group_head.h"

void group_output_init(struct group_output *o, struct group_strings *out, enum group_form form,
                       uint32_t rows, uint32_t columns)
{
    *o = (struct group_output){.out = out, .rows = rows};
    packer_init(&o->packer, form);
    group_head_start(&out->head, rows, columns);
}

void group_output_release(struct group_output *o)
{
    packer_release(&o->packer);
    writer_release(&o->scratch);
    filter_builder_free(o->builder);
    mem_free(o->parts);
    *o = (struct group_output){0};
}

static void part_add(struct group_output *o, struct part part, uint32_t values)
{
    if (o->part_count == o->part_cap) {
        o->part_cap = o->part_cap ? 2 * o->part_cap : 16;
        o->parts = mem_grow(o->parts, o->part_cap, sizeof *o->parts);
    }
    part.values = values;
    o->parts[o->part_count++] = part;
}

void group_output_part(struct group_output *o, struct bytes clear, uint32_t values)
{
    part_add(o, packer_put(&o->packer, clear, &o->out->data), values);
}

void group_output_raw(struct group_output *o, struct bytes clear, uint32_t values)
{
    part_add(o, packer_put_raw(clear, &o->out->data), values);
}

void group_output_own(struct group_output *o, struct bytes packed, uint32_t clear, uint32_t values)
{
    struct part part = packer_put_raw(packed, &o->out->data);
    part.clear = clear;
    part.packing = PACKING_OWN;
    part_add(o, part, values);
}

void group_output_copy(struct group_output *o, const struct part *part, struct bytes data)
{
    struct bytes in = part_bytes(part, data);
    writer_put(&o->out->data, in.at, in.len);
    part_add(o, *part, part->values);
}

void group_output_presence(struct group_output *o, const uint16_t *have, uint32_t n)
{
    writer_reset(&o->scratch);
    column_presence_encode(have, n, o->rows, &o->scratch);
    group_output_part(o, writer_bytes(&o->scratch), 0);
}

void group_output_same_presence(struct group_output *o, uint32_t column)
{
    writer_reset(&o->scratch);
    column_presence_same(column, &o->scratch);
    group_output_raw(o, writer_bytes(&o->scratch), 0);
}

/* Whole bytes are longer, but zstd may make them shorter than packed bits. */
static void codes_sealed(struct group_output *o, const uint16_t *codes, uint32_t n, unsigned width)
{
    struct writer *data = &o->out->data;
    size_t start = data->len;
    group_output_part(o, writer_bytes(&o->scratch), n);
    unsigned whole = width <= 8 ? 8 : 16;
    if (width == 0 || width == whole)
        return;
    struct part narrow = o->parts[o->part_count - 1];
    writer_reset(&o->scratch);
    column_codes_encode(codes, n, whole, &o->scratch);
    struct part wide = packer_put(&o->packer, writer_bytes(&o->scratch), data);
    if (wide.bytes < narrow.bytes) {
        memmove(data->at + start, data->at + start + narrow.bytes, wide.bytes);
        o->part_count--;
        part_add(o, wide, n);
    }
    data->len = start + o->parts[o->part_count - 1].bytes;
}

void group_output_codes(struct group_output *o, const uint16_t *codes, uint32_t n,
                        uint32_t distinct)
{
    unsigned width = column_codes_width(distinct);
    writer_reset(&o->scratch);
    column_codes_encode(codes, n, width, &o->scratch);
    if (o->packer.form == GROUP_SEALED)
        codes_sealed(o, codes, n, width);
    else
        group_output_part(o, writer_bytes(&o->scratch), n);
}

void group_output_column(struct group_output *o, const struct column_head *c)
{
    struct column_head head = *c;
    head.part_first = 0;
    head.part_count = o->part_count;
    group_head_column(&o->out->head, &head, o->parts, o->rows);
    o->part_count = 0;
}
