#include "tsdb/logs/batch_record.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/logs/logs.h"
#include "tsdb/logs/stream_labels.h"
#include "tsdb/store/slots.h"

enum { VARINT = 10, NAME_MAX = GROUP_NAME_MAX, FIELD_MIN = 2 };

/* ---- writing ----------------------------------------------------------------------- */

uint64_t batch_record_bound(const struct tsdb_log_record *record)
{
    /* Also the field's name, should it be new, and its entry. */
    enum { ROW = 4 * VARINT, FIELD = 3 * VARINT + 1 };
    uint64_t bytes = ROW + record->line.len;
    for (uint32_t i = 0; i < record->field_count; i++) {
        const struct tsdb_field *f = &record->fields[i];
        bytes += FIELD + f->name.len;
        if (f->type != TSDB_FIELD_INT && f->type != TSDB_FIELD_DOUBLE && f->type != TSDB_FIELD_BOOL)
            bytes += f->text.len;
    }
    return bytes;
}

/* The names of the batch while it is written.  Records of one source have the same fields in
 * the same order, so the name that stood at this place the last time is tried first. */
struct names {
    struct slots slots;
    struct batch_name *at; /* owned; texts borrowed from the batch */
    uint32_t *seen;        /* owned: row + 1 that had the name last */
    uint32_t count, cap;
    uint32_t guess[TSDB_LOG_FIELDS_MAX];
};

static bool is_name(const struct names *n, uint32_t id, const struct tsdb_field *f)
{
    ASSERT(n->at);
    const struct batch_name *name = &n->at[id];
    return name->type == f->type && name->text.len == f->name.len &&
           memcmp(name->text.at, f->name.at, f->name.len) == 0;
}

/* The number of the field's name; UINT32_MAX: it may be nobody's. */
static uint32_t name_put(struct names *n, const struct tsdb_field *f)
{
    uint32_t hash = (uint32_t)hash64(f->type, f->name.at, f->name.len), at = hash, id;
    while ((id = slots_probe(&n->slots, hash, &at)) != SLOTS_NONE)
        if (is_name(n, id, f))
            return id;
    if (f->name.len == 0 || f->name.len > NAME_MAX || f->type >= TSDB_FIELD_TYPE_COUNT ||
        !utf8_check(f->name.at, f->name.len))
        return UINT32_MAX;
    if (n->count == n->cap) {
        n->cap = n->cap ? n->cap * 2 : 64;
        n->at = mem_grow(n->at, n->cap, sizeof *n->at);
        n->seen = mem_grow(n->seen, n->cap, sizeof *n->seen);
    }
    slots_put(&n->slots, hash, n->count);
    n->at[n->count] = (struct batch_name){f->name, f->type};
    n->seen[n->count] = 0;
    return n->count++;
}

static void names_release(struct names *n)
{
    slots_release(&n->slots);
    mem_free(n->at);
    mem_free(n->seen);
}

static size_t put_text(uint8_t *at, struct tsdb_text text)
{
    size_t n = uvarint_encode(text.len, at);
    if (text.len)
        memcpy(at + n, text.at, text.len);
    return n + text.len;
}

static size_t put_value(uint8_t *at, const struct tsdb_field *f)
{
    if (f->type == TSDB_FIELD_INT)
        return uvarint_encode(zigzag(f->integer), at);
    if (f->type == TSDB_FIELD_DOUBLE) {
        memcpy(at, &f->real, sizeof f->real);
        return sizeof f->real;
    }
    if (f->type == TSDB_FIELD_BOOL) {
        *at = f->integer != 0;
        return 1;
    }
    return put_text(at, f->text);
}

/* Line and fields of a row, at `at`; 0: a field has a bad name. */
static size_t put_row(struct names *names, const struct tsdb_log_record *r, uint32_t row,
                      uint8_t *at)
{
    uint32_t ids[TSDB_LOG_FIELDS_MAX], kept = 0;
    for (uint32_t i = 0; i < r->field_count; i++) {
        uint32_t id = names->guess[i];
        if (id >= names->count || !is_name(names, id, &r->fields[i]))
            names->guess[i] = id = name_put(names, &r->fields[i]);
        ids[i] = id;
        if (id == UINT32_MAX)
            return 0;
    }
    for (uint32_t i = 0; i < r->field_count; i++) {
        if (names->seen[ids[i]] == row + 1)
            ids[i] = UINT32_MAX; /* the name a second time */
        else
            names->seen[ids[i]] = row + 1, kept++;
    }
    size_t n = put_text(at, r->line);
    n += uvarint_encode(kept, at + n);
    for (uint32_t i = 0; i < r->field_count; i++) {
        if (ids[i] == UINT32_MAX)
            continue;
        n += uvarint_encode(ids[i], at + n);
        n += put_value(at + n, &r->fields[i]);
    }
    return n;
}

static void put_tables(const struct batch_source *in, const struct names *names, struct writer *out)
{
    size_t off = out->len;
    writer_sized(out, in->tenant, strlen(in->tenant));
    writer_uvarint(out, names->count);
    for (uint32_t i = 0; i < names->count; i++) {
        writer_u8(out, names->at[i].type);
        writer_sized(out, names->at[i].text.at, names->at[i].text.len);
    }
    writer_uvarint(out, in->written_count);
    for (uint32_t s = 0; s < in->written_count; s++) {
        writer_uvarint(out, in->written[s].count);
        for (uint32_t i = 0; i < in->written[s].count; i++) {
            const struct tsdb_label *l = &in->written[s].at[i];
            writer_sized(out, l->name.at, l->name.len);
            writer_sized(out, l->value.at, l->value.len);
        }
    }
    writer_le32(out, (uint32_t)off);
}

void batch_record_encode(const struct batch_source *in, uint8_t *verdicts, struct writer *out,
                         struct batch_row *rows, struct batch_written *written)
{
    const struct tsdb_log_batch *batch = in->batch;
    struct names names = {0};
    int64_t before = 0;
    *written = (struct batch_written){0};
    writer_u8(out, BATCH_RECORD_VERSION);
    writer_le16(out, 0); /* rows, known at the end */
    for (uint32_t i = 0; i < batch->record_count; i++) {
        const struct tsdb_log_record *r = &batch->records[i];
        if (verdicts[i] != TSDB_ACCEPTED)
            continue;
        uint8_t *begin = writer_reserve(out, batch_record_bound(r));
        uint32_t stream = in->streams[r->stream];
        size_t n = uvarint_encode(stream, begin);
        n += uvarint_encode(zigzag((int64_t)((uint64_t)r->ts - (uint64_t)before)), begin + n);
        size_t row = put_row(&names, r, written->rows, begin + n);
        if (row == 0) {
            verdicts[i] = TSDB_BAD_LABELS;
            continue;
        }
        rows[written->rows++] = (struct batch_row){r->ts, stream, (uint32_t)(out->len + n)};
        written->line_bytes += r->line.len;
        before = r->ts;
        out->len += n + row;
    }
    uint16_t count = (uint16_t)written->rows;
    memcpy(out->at + 1, &count, sizeof count);
    put_tables(in, &names, out);
    names_release(&names);
}

/* ---- reading ----------------------------------------------------------------------- */

static struct tsdb_text text_from(struct bytes b)
{
    return (struct tsdb_text){(const char *)b.at, b.len};
}

static bool take_names(struct reader *r, struct batch_tables *out)
{
    out->name_count = reader_count(r, FIELD_MIN);
    out->names = MEM_ARRAY(struct batch_name, out->name_count);
    for (uint32_t i = 0; i < out->name_count; i++) {
        uint8_t type = reader_u8(r);
        out->names[i] = (struct batch_name){text_from(reader_sized(r)), type};
        size_t len = out->names[i].text.len;
        if (r->fault || type >= TSDB_FIELD_TYPE_COUNT || len == 0 || len > NAME_MAX)
            return false;
    }
    return true;
}

enum tsdb_status batch_tables_decode(struct bytes payload, struct batch_tables *out)
{
    enum { HEAD = 3, TAIL = 4 };
    *out = (struct batch_tables){.payload = payload, .rows_off = HEAD};
    if (payload.len < HEAD + TAIL || payload.len > (size_t)LOGS_BATCH_BYTES_MAX * 2)
        return TSDB_ECORRUPT;
    struct reader head = reader_over((struct bytes){payload.at, HEAD});
    uint8_t version = reader_u8(&head);
    uint16_t rows = reader_le16(&head);
    struct reader tail = reader_over((struct bytes){payload.at + payload.len - TAIL, TAIL});
    uint32_t off = reader_le32(&tail);
    if (version != BATCH_RECORD_VERSION || rows > TSDB_LOG_BATCH_MAX || off < HEAD ||
        off > payload.len - TAIL)
        return TSDB_ECORRUPT;
    out->row_count = rows;
    out->tables_off = off;
    struct reader r = reader_over((struct bytes){payload.at + off, payload.len - TAIL - off});
    out->tenant = text_from(reader_sized(&r));
    bool is_good = !r.fault && memchr(out->tenant.at, 0, out->tenant.len) == NULL &&
                   out->tenant.len <= HEAD_TEXT_BYTES_MAX && take_names(&r, out);
    out->stream_count = is_good ? reader_count(&r, FIELD_MIN) : 0;
    out->streams = r.rest;
    if (is_good && !r.fault && out->stream_count <= TSDB_LOG_STREAMS_MAX)
        return TSDB_OK;
    batch_tables_release(out);
    return TSDB_ECORRUPT;
}

void batch_tables_release(struct batch_tables *t)
{
    mem_free(t->names);
    t->names = NULL;
}

enum tsdb_status batch_stream_next(struct reader *r, struct tsdb_label out[LABELS_MAX],
                                   uint32_t *count)
{
    uint32_t n = reader_count(r, FIELD_MIN);
    if (n >= LABELS_MAX)
        return TSDB_ECORRUPT;
    for (uint32_t i = 0; i < n; i++) {
        out[i].name = text_from(reader_sized(r));
        out[i].value = text_from(reader_sized(r));
    }
    if (r->fault || !stream_check((struct tsdb_labels){out, n}))
        return TSDB_ECORRUPT;
    *count = n;
    return TSDB_OK;
}

/* A row's line and fields; false: damaged. */
static bool check_row(const struct batch_tables *t, struct reader *r, uint64_t *line_bytes)
{
    struct bytes line = reader_sized(r);
    uint32_t fields = reader_count(r, FIELD_MIN);
    if (r->fault || line.len > TSDB_LOG_LINE_MAX || fields > TSDB_LOG_FIELDS_MAX)
        return false;
    *line_bytes += line.len;
    for (uint32_t i = 0; i < fields; i++) {
        struct batch_field field;
        batch_field_next(r, t->names, t->name_count, &field);
    }
    return !r->fault;
}

enum tsdb_status batch_rows_decode(const struct batch_tables *t, struct batch_row *rows,
                                   uint64_t *line_bytes)
{
    struct reader r =
        reader_over((struct bytes){t->payload.at + t->rows_off, t->tables_off - t->rows_off});
    int64_t ts = 0;
    uint64_t lines = 0;
    for (uint32_t i = 0; i < t->row_count; i++) {
        uint64_t stream = reader_uvarint(&r);
        ts = (int64_t)((uint64_t)ts + (uint64_t)reader_svarint(&r)); /* wraps */
        if (r.fault || stream >= t->stream_count)
            return TSDB_ECORRUPT;
        rows[i] = (struct batch_row){ts, (uint32_t)stream, (uint32_t)(r.rest.at - t->payload.at)};
        if (!check_row(t, &r, &lines))
            return TSDB_ECORRUPT;
    }
    *line_bytes = lines;
    return reader_done(&r) ? TSDB_OK : TSDB_ECORRUPT;
}
