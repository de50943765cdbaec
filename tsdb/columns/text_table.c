#include "tsdb/columns/text_table.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/crc32c.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/columns/text_section.h"

enum { SLOTS = 4 * TEMPLATES_MAX, CRC_BYTES = 4, CLEAR_MAX = TABLE_TEXT_MAX + (1 << 20) };

static_assert(TEMPLATES_MAX < UINT16_MAX, "a slot holds any template + 1");

struct text_templates *text_table_new(enum text_cut_kind kind)
{
    struct text_templates *t = MEM_NEW(struct text_templates);
    t->kind = kind;
    t->items = MEM_ARRAY(struct text_template, TEMPLATES_MAX);
    t->slots = MEM_ARRAY(uint16_t, SLOTS);
    return t;
}

void text_templates_free(struct text_templates *t)
{
    if (!t)
        return;
    mem_free(t->items);
    mem_free(t->slots);
    writer_release(&t->text);
    writer_release(&t->lens);
    mem_free(t);
}

uint32_t text_templates_count(const struct text_templates *t)
{
    return t->count;
}

const uint32_t *text_table_lens(const struct text_templates *t, uint32_t template)
{
    const void *lens = t->lens.at; /* only ever uint32_t */
    return (const uint32_t *)lens + t->items[template].piece;
}

const char *text_table_text(const struct text_templates *t, uint32_t template)
{
    return (const char *)t->text.at + t->items[template].text;
}

/* Piece k of a line that is cut: begins at *from, and *from moves behind the variable. */
static struct tsdb_text line_piece(struct tsdb_text line, const struct tsdb_text *vars,
                                   uint32_t places, uint32_t k, const char **from)
{
    const char *end = k < places ? vars[k].at : line.at + line.len;
    struct tsdb_text piece = {*from, (size_t)(end - *from)};
    if (k < places)
        *from = end + vars[k].len;
    return piece;
}

static bool is_template(const struct text_templates *t, uint32_t template, struct tsdb_text line,
                        const struct tsdb_text *vars, const struct text_cut *cut)
{
    const struct text_template *item = &t->items[template];
    if (item->hash != cut->hash || item->places != cut->places)
        return false;
    const uint32_t *lens = text_table_lens(t, template);
    const char *text = text_table_text(t, template), *from = line.at;
    for (uint32_t k = 0; k <= cut->places; k++) {
        struct tsdb_text piece = line_piece(line, vars, cut->places, k, &from);
        if (piece.len != lens[k] || (piece.len && memcmp(piece.at, text, piece.len) != 0))
            return false;
        text += piece.len;
    }
    return true;
}

uint32_t text_table_find(const struct text_templates *t, struct tsdb_text line,
                         const struct tsdb_text *vars, const struct text_cut *cut)
{
    for (uint32_t step = 0; step < TABLE_PROBES; step++) {
        uint32_t entry = t->slots[(cut->hash + step) % SLOTS];
        if (entry == 0)
            break;
        if (is_template(t, entry - 1, line, vars, cut))
            return entry - 1;
    }
    return UINT32_MAX;
}

/* Makes it findable; one that finds no slot is never used. */
static void put_slot(struct text_templates *t, uint32_t template)
{
    for (uint32_t step = 0; step < TABLE_PROBES; step++) {
        uint16_t *slot = &t->slots[(t->items[template].hash + step) % SLOTS];
        if (*slot)
            continue;
        *slot = (uint16_t)(template + 1);
        return;
    }
}

static void put_piece(struct text_templates *t, const char *at, size_t len)
{
    writer_le32(&t->lens, (uint32_t)len);
    writer_put(&t->text, at, len);
}

/* The template whose pieces will be put. */
static struct text_template *begin_template(struct text_templates *t, uint32_t places)
{
    struct text_template *item = &t->items[t->count++];
    *item = (struct text_template){.places = places,
                                   .piece = (uint32_t)(t->lens.len / sizeof(uint32_t)),
                                   .text = (uint32_t)t->text.len};
    return item;
}

static void end_template(struct text_templates *t, struct text_template *item, uint64_t hash)
{
    item->len = (uint32_t)t->text.len - item->text;
    item->hash = hash;
    memset(writer_reserve(&t->text, TEXT_SLACK), 0, TEXT_SLACK);
    put_slot(t, t->count - 1);
}

uint32_t text_table_add(struct text_templates *t, struct tsdb_text line,
                        const struct tsdb_text *vars, const struct text_cut *cut)
{
    if (t->count == TEMPLATES_MAX || line.len > TABLE_TEXT_MAX - t->text.len)
        return UINT32_MAX;
    struct text_template *item = begin_template(t, cut->places);
    const char *from = line.at;
    for (uint32_t k = 0; k <= cut->places; k++) {
        struct tsdb_text piece = line_piece(line, vars, cut->places, k, &from);
        put_piece(t, piece.at, piece.len);
    }
    end_template(t, item, cut->hash);
    return t->count - 1;
}

static size_t lead_bytes(const uint32_t *lens, uint32_t lead)
{
    size_t bytes = 0;
    for (uint32_t k = 0; k < lead; k++)
        bytes += lens[k];
    return bytes;
}

bool text_table_share(struct text_templates *t, uint32_t lead)
{
    if (lead > 0 && (t->count == 0 || lead > t->items[0].places))
        return false;
    t->lead = lead;
    for (uint32_t i = 0; i < t->count && lead > 0; i++) {
        const uint32_t *first = text_table_lens(t, 0), *lens = text_table_lens(t, i);
        struct text_template *item = &t->items[i];
        item->has_lead =
            item->places >= lead && memcmp(first, lens, lead * sizeof *lens) == 0 &&
            memcmp(text_table_text(t, 0), text_table_text(t, i), lead_bytes(lens, lead)) == 0;
    }
    return true;
}

void text_templates_write(const struct text_templates *t, struct writer *out)
{
    struct writer clear = {0};
    size_t start = out->len;
    writer_uvarint(&clear, t->count);
    writer_uvarint(&clear, t->lead);
    for (uint32_t i = 0; i < t->count; i++) {
        const uint32_t *lens = text_table_lens(t, i);
        writer_uvarint(&clear, t->items[i].places);
        for (uint32_t k = 0; k <= t->items[i].places; k++)
            writer_uvarint(&clear, lens[k]);
        writer_put(&clear, text_table_text(t, i), t->items[i].len);
    }
    writer_u8(out, TABLE_VERSION);
    writer_u8(out, (uint8_t)t->kind);
    text_section_pack(writer_bytes(&clear), out);
    writer_le32(out, crc32c(0, out->at + start, out->len - start));
    writer_release(&clear);
}

static bool read_template(struct text_templates *t, struct reader *r)
{
    uint64_t places = reader_uvarint(r);
    if (r->fault || places > TEMPLATE_PLACES_MAX)
        return false;
    uint32_t lens[TEMPLATE_PLACES_MAX + 1];
    size_t total = 0;
    for (uint64_t k = 0; k <= places; k++) {
        uint64_t len = reader_uvarint(r);
        if (len > TEMPLATE_LINE_MAX)
            return false;
        lens[k] = (uint32_t)len;
        total += (size_t)len;
    }
    struct bytes text = reader_take(r, total);
    if (r->fault || total > TEMPLATE_LINE_MAX || total > TABLE_TEXT_MAX - t->text.len)
        return false;
    struct text_template *item = begin_template(t, (uint32_t)places);
    const char *at = (const char *)text.at;
    uint64_t hash = 0;
    for (uint64_t k = 0; k <= places; k++) {
        put_piece(t, at, lens[k]);
        hash = text_pieces_hash(hash, at, lens[k]);
        at += lens[k];
    }
    end_template(t, item, text_pieces_finish(hash));
    return true;
}

static bool read_templates(struct text_templates *t, struct bytes clear)
{
    struct reader r = reader_over(clear);
    uint32_t count = reader_count(&r, 2);
    uint64_t lead = reader_uvarint(&r);
    if (r.fault || count > TEMPLATES_MAX || lead > TEMPLATE_PLACES_MAX)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_template(t, &r))
            return false;
    }
    return reader_done(&r) && text_table_share(t, (uint32_t)lead);
}

enum tsdb_status text_templates_read(struct bytes in, struct text_templates **out,
                                     struct tsdb_error *err)
{
    struct reader r = reader_over(in);
    struct bytes body = reader_take(&r, in.len < CRC_BYTES ? in.len : in.len - CRC_BYTES);
    if (reader_le32(&r) != crc32c(0, body.at, body.len) || !reader_done(&r))
        return tsdb_fail(err, TSDB_ECORRUPT, "templates: %zu bytes, crc differs", in.len);
    r = reader_over(body);
    unsigned version = reader_u8(&r), kind = reader_u8(&r);
    if (version != TABLE_VERSION || kind >= TEXT_CUTS)
        return tsdb_fail(err, TSDB_ECORRUPT, "templates: version %u, cut %u, want version %d",
                         version, kind, TABLE_VERSION);
    struct writer clear = {0};
    struct text_templates *t = text_table_new(kind);
    bool is_good = text_section_unpack(&r, CLEAR_MAX, &clear) == TSDB_OK && reader_done(&r) &&
                   read_templates(t, writer_bytes(&clear));
    writer_release(&clear);
    if (!is_good) {
        text_templates_free(t);
        return tsdb_fail(err, TSDB_ECORRUPT, "templates: the table does not decode");
    }
    *out = t;
    return TSDB_OK;
}
