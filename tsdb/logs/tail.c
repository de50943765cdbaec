/* Following: batches wait, referenced, until the journal has them on disk and the reader comes. */
#include "tsdb/logs/engine.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

struct logs_tail {
    struct logs_tail *next;     /* guarded by tailing, like the next four */
    struct log_batch **waiting; /* owned, each referenced; by position */
    uint32_t count, cap;
    uint64_t bytes, dropped;
    struct logs *l;
    char *tenant;            /* owned */
    struct log_batch *batch; /* referenced: the one that is being read; NULL: none */
    struct bytes *streams;   /* owned: where the batch's streams begin */
    struct reader rows;
    uint32_t row, stream; /* stream: the one in parts, or BATCH_STREAM_NONE */
    int64_t ts;
    struct tsdb_label labels[LABELS_MAX];
    struct stream_parts parts;
    struct tsdb_field fields[TSDB_LOG_FIELDS_MAX];
};

enum tsdb_status logs_tail_open(struct logs *l, const char *tenant, struct logs_tail **out,
                                struct tsdb_error *err)
{
    (void)err;
    struct logs_tail *t = MEM_NEW(struct logs_tail);
    t->l = l;
    t->tenant = mem_text(tenant ? tenant : "", tenant ? strlen(tenant) : 0);
    mutex_lock(&l->tailing);
    t->next = l->tails;
    l->tails = t;
    atomic_fetch_add(&l->tail_count, 1);
    mutex_unlock(&l->tailing);
    *out = t;
    return TSDB_OK;
}

/* The oldest that waits leaves. */
static struct log_batch *take_first(struct logs_tail *t)
{
    struct log_batch *b = t->waiting[0];
    t->count--;
    memmove(t->waiting, t->waiting + 1, t->count * sizeof(struct log_batch *));
    t->bytes -= b->tables.payload.len;
    return b;
}

/* Batches may come a little out of order: the journal's is the one that counts. */
static void put(struct logs_tail *t, struct log_batch *b)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->waiting = mem_grow(t->waiting, t->cap, sizeof(struct log_batch *));
    }
    uint32_t at = t->count++;
    for (; at > 0 && t->waiting[at - 1]->position > b->position; at--)
        t->waiting[at] = t->waiting[at - 1];
    t->waiting[at] = b;
    log_batch_ref(b);
    t->bytes += b->tables.payload.len;
}

void logs_tails_push(struct logs *l, struct log_batch *batch)
{
    mutex_lock(&l->tailing);
    for (struct logs_tail *t = l->tails; t; t = t->next) {
        if (!text_equal(batch->tables.tenant, text_of(t->tenant)))
            continue;
        put(t, batch);
        while (t->bytes > LOGS_TAIL_BYTES) {
            struct log_batch *oldest = take_first(t);
            t->dropped += oldest->row_count;
            log_batch_unref(oldest);
        }
    }
    mutex_unlock(&l->tailing);
}

static void close_batch(struct logs_tail *t)
{
    log_batch_unref(t->batch);
    mem_free(t->streams);
    t->batch = NULL;
    t->streams = NULL;
}

/* The bytes were written by us, or checked when they came back. */
static void open_batch(struct logs_tail *t, struct log_batch *b)
{
    const struct batch_tables *tables = &b->tables;
    t->batch = b;
    t->streams = MEM_ARRAY(struct bytes, tables->stream_count);
    struct reader r = reader_over(tables->streams);
    for (uint32_t i = 0; i < tables->stream_count; i++) {
        uint32_t count;
        t->streams[i] = r.rest;
        enum tsdb_status st = batch_stream_next(&r, t->labels, &count);
        ASSERT(st == TSDB_OK);
    }
    t->rows = reader_over((struct bytes){tables->payload.at + tables->rows_off,
                                         tables->tables_off - tables->rows_off});
    t->row = 0;
    t->ts = 0;
    t->stream = BATCH_STREAM_NONE;
}

static bool next_batch(struct logs_tail *t)
{
    uint64_t synced = journal_synced(t->l->store->journal);
    struct log_batch *b = NULL;
    mutex_lock(&t->l->tailing);
    if (t->count > 0 && t->waiting[0]->position <= synced)
        b = take_first(t);
    mutex_unlock(&t->l->tailing);
    if (b)
        open_batch(t, b);
    return b != NULL;
}

static void turn_to_stream(struct logs_tail *t, uint32_t stream)
{
    struct reader r = reader_over(t->streams[stream]);
    uint32_t count;
    enum tsdb_status st = batch_stream_next(&r, t->labels, &count);
    ASSERT(st == TSDB_OK);
    stream_split((struct tsdb_labels){t->labels, count}, &t->parts);
    t->stream = stream;
}

static void read_field(const struct batch_tables *tables, struct reader *r, struct tsdb_field *out)
{
    struct batch_field f = {0};
    batch_field_next(r, tables->names, tables->name_count, &f);
    const struct batch_name *name = &tables->names[f.name];
    *out = (struct tsdb_field){.name = name->text, .type = name->type};
    switch (field_kind(name->type)) {
    case COLUMN_INT: out->integer = f.integer; break;
    case COLUMN_DOUBLE: out->real = f.real; break;
    case COLUMN_TEXT: out->text = f.text; break;
    }
}

enum tsdb_status logs_tail_next(struct logs_tail *t, struct logs_stream *stream,
                                struct tsdb_log_record *record, struct tsdb_error *err)
{
    (void)err;
    if (t->batch && t->row == t->batch->row_count)
        close_batch(t);
    if (!t->batch && !next_batch(t))
        return TSDB_END;
    const struct batch_tables *tables = &t->batch->tables;
    struct reader *r = &t->rows;
    uint32_t number = (uint32_t)reader_uvarint(r);
    t->ts = (int64_t)((uint64_t)t->ts + (uint64_t)reader_svarint(r)); /* wraps */
    struct bytes line = reader_sized(r);
    uint32_t fields = reader_count(r, 2);
    for (uint32_t i = 0; i < fields; i++)
        read_field(tables, r, &t->fields[i]);
    ASSERT(!r->fault);
    t->row++;
    if (number != t->stream)
        turn_to_stream(t, number);
    *stream = (struct logs_stream){
        {t->parts.labels, t->parts.label_count}, t->parts.attributes, t->parts.attribute_count};
    *record = (struct tsdb_log_record){.ts = t->ts,
                                       .line = {(const char *)line.at, line.len},
                                       .fields = t->fields,
                                       .field_count = fields};
    return TSDB_OK;
}

uint64_t logs_tail_dropped(struct logs_tail *t)
{
    mutex_lock(&t->l->tailing);
    uint64_t dropped = t->dropped;
    t->dropped = 0;
    mutex_unlock(&t->l->tailing);
    return dropped;
}

void logs_tail_close(struct logs_tail *t)
{
    if (!t)
        return;
    struct logs *l = t->l;
    mutex_lock(&l->tailing);
    struct logs_tail **link = &l->tails;
    while (*link != t)
        link = &(*link)->next;
    *link = t->next;
    atomic_fetch_sub(&l->tail_count, 1);
    mutex_unlock(&l->tailing);
    for (uint32_t i = 0; i < t->count; i++)
        log_batch_unref(t->waiting[i]);
    close_batch(t);
    mem_free(t->waiting);
    mem_free(t->tenant);
    mem_free(t);
}
