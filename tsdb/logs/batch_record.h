/* batch_record.h - what the log engine writes to the journal: one batch, self-contained.
 *
 *   u8 version 1; le16 rows; the rows; the tables; le32 offset of the tables
 *
 *   row      uv stream, svarint time - that of the row before (0), sized line, uv fields, and of
 * each uv name, then its value: INT svarint, DOUBLE le64 bits, BOOL u8, others sized tables   sized
 * tenant; uv names, of each u8 type, sized name; uv streams, of each uv labels, of each sized name,
 * sized value
 *
 * Streams are as stream_labels.h has them, without the tenant.  Names and streams are
 * numbered within the batch.  The tables come last because they are known last, and the
 * bytes stay in memory as they are: an open row is a time, a stream and the offset of
 * its line in here (8 fields and a line of 100 bytes: some 200 bytes).
 *
 * Decoding trusts nothing and checks everything once; batch_row_open then reads bytes
 * that are known to be good.
 * Limits: those of a batch (tsdb_logs.h), LOGS_BATCH_BYTES_MAX.
 */
#ifndef TSDB_LOGS_BATCH_RECORD_H
#define TSDB_LOGS_BATCH_RECORD_H

#include "tsdb/base/reader.h"
#include "tsdb/store/select.h"
#include "tsdb/tsdb.h"

struct writer;

enum { BATCH_RECORD_VERSION = 1 };
#define BATCH_STREAM_NONE UINT32_MAX

struct batch_name {
    struct tsdb_text text; /* into the payload */
    uint8_t type;          /* enum tsdb_field_type */
};

struct batch_row {
    int64_t ts;
    uint32_t stream; /* of the batch; the head puts its ref here */
    uint32_t off;    /* of the line in the payload */
};

/* ---- writing -------------------------------------------------------------------- */

struct batch_source {
    const char *tenant;
    const struct tsdb_log_batch *batch;
    const uint32_t *streams;           /* one a stream of the batch: its number in here */
    const struct tsdb_labels *written; /* by that number */
    uint32_t written_count;
};

/* Most bytes that a record of the batch takes. */
uint64_t batch_record_bound(const struct tsdb_log_record *record);
struct batch_written {
    uint32_t rows;
    uint64_t line_bytes;
};
/* Appends the payload of the records whose verdict is TSDB_ACCEPTED to an empty writer and
 * fills rows, which has room for them all.  A record whose field has a bad name (empty, or
 * not UTF-8) becomes TSDB_BAD_LABELS and is left out. */
void batch_record_encode(const struct batch_source *in, uint8_t *verdicts, struct writer *out,
                         struct batch_row *rows, struct batch_written *written);

/* ---- reading -------------------------------------------------------------------- */

struct batch_tables {
    struct bytes payload; /* borrowed */
    struct tsdb_text tenant;
    struct batch_name *names; /* owned */
    uint32_t name_count;
    struct bytes streams; /* of each, one after the other; batch_stream_next reads them */
    uint32_t stream_count, row_count;
    size_t rows_off, tables_off;
};

/* Reads and checks the tables; TSDB_ECORRUPT.  Nothing is owned then. */
enum tsdb_status batch_tables_decode(struct bytes payload, struct batch_tables *out);
void batch_tables_release(struct batch_tables *t);
/* The next stream's labels, checked (stream_check). */
enum tsdb_status batch_stream_next(struct reader *r, struct tsdb_label out[LABELS_MAX],
                                   uint32_t *count);
/* Checks every row and fills rows (room for row_count). */
enum tsdb_status batch_rows_decode(const struct batch_tables *t, struct batch_row *rows,
                                   uint64_t *line_bytes);

struct batch_field {
    uint32_t name;
    union {
        struct tsdb_text text;
        int64_t integer;
        double real;
    };
};

/* A row's line and how many fields follow; the reader stands on the first. */
static inline struct tsdb_text batch_row_open(struct bytes payload, uint32_t off, struct reader *r,
                                              uint32_t *fields)
{
    *r = reader_over((struct bytes){payload.at + off, payload.len - off});
    struct bytes line = reader_sized(r);
    *fields = reader_count(r, 2);
    return (struct tsdb_text){(const char *)line.at, line.len};
}

static inline void batch_field_next(struct reader *r, const struct batch_name *names,
                                    uint32_t name_count, struct batch_field *out)
{
    uint64_t name = reader_uvarint(r);
    if (name >= name_count) {
        reader_fail(r);
        name = 0;
    }
    out->name = (uint32_t)name;
    if (r->fault)
        return;
    switch (names[name].type) {
    case TSDB_FIELD_INT: out->integer = reader_svarint(r); return;
    case TSDB_FIELD_DOUBLE: {
        uint64_t bits = reader_le64(r);
        memcpy(&out->real, &bits, sizeof bits);
        return;
    }
    case TSDB_FIELD_BOOL: out->integer = reader_u8(r); return;
    default: {
        struct bytes b = reader_sized(r);
        out->text = (struct tsdb_text){(const char *)b.at, b.len};
    }
    }
}

#endif
