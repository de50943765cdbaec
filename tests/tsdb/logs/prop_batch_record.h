/* prop_batch_record.h - any bytes are refused, or every stream and row that they are said to
 * hold is inside them and can be read. */
#ifndef TESTS_TSDB_LOGS_PROP_BATCH_RECORD_H
#define TESTS_TSDB_LOGS_PROP_BATCH_RECORD_H

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/logs/batch_record.h"
#include "tsdb/logs/stream_labels.h"

static inline uint64_t prop_sum(struct tsdb_text t)
{
    uint64_t sum = t.len;
    for (size_t i = 0; i < t.len; i++)
        sum += (uint8_t)t.at[i];
    return sum;
}

static inline uint64_t prop_batch_streams(const struct batch_tables *t, bool *is_good)
{
    static struct stream_parts parts;
    struct reader r = reader_over(t->streams);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < t->stream_count && *is_good; i++) {
        struct tsdb_label labels[LABELS_MAX];
        uint32_t count;
        *is_good = batch_stream_next(&r, labels, &count) == TSDB_OK;
        if (!*is_good)
            break;
        stream_split((struct tsdb_labels){labels, count}, &parts);
        ASSERT(parts.label_count > 0 && parts.label_count + parts.attribute_count == count);
        for (uint32_t k = 0; k < count; k++)
            sum += prop_sum(labels[k].name) + prop_sum(labels[k].value);
    }
    return sum;
}

/* Whether it was accepted; *sum: every byte was touched. */
static inline bool prop_batch_record(struct bytes in, uint64_t *sum)
{
    struct batch_tables t;
    if (batch_tables_decode(in, &t) != TSDB_OK)
        return false;
    struct batch_row *rows = MEM_ARRAY(struct batch_row, t.row_count);
    uint64_t line_bytes = 0;
    bool is_good = batch_rows_decode(&t, rows, &line_bytes) == TSDB_OK;
    *sum = prop_sum(t.tenant) + prop_batch_streams(&t, &is_good);
    for (uint32_t i = 0; i < t.row_count && is_good; i++) {
        struct reader r = {0};
        uint32_t fields;
        struct tsdb_text line = batch_row_open(in, rows[i].off, &r, &fields);
        ASSERT(rows[i].stream < t.stream_count && fields <= TSDB_LOG_FIELDS_MAX);
        *sum += prop_sum(line);
        line_bytes -= line.len;
        for (uint32_t k = 0; k < fields; k++) {
            struct batch_field f = {0};
            batch_field_next(&r, t.names, t.name_count, &f);
            ASSERT(!r.fault);
            bool is_text = t.names[f.name].type != TSDB_FIELD_INT &&
                           t.names[f.name].type != TSDB_FIELD_DOUBLE &&
                           t.names[f.name].type != TSDB_FIELD_BOOL;
            *sum += prop_sum(t.names[f.name].text) + (is_text ? prop_sum(f.text) : 0);
        }
    }
    ASSERT(!is_good || line_bytes == 0);
    mem_free(rows);
    batch_tables_release(&t);
    return is_good;
}

#endif
