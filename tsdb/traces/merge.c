/* Merging: the blocks of one window of time become one (store/merging.h).  Groups that are
 * full are copied as bytes; the spans of the others are taken together and written anew
 * (regroup.h), so that a trace that came in pieces lies together. */
#include "tsdb/store/merging.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/traces/engine.h"
#include "tsdb/traces/regroup.h"

#include <stdlib.h>

struct merge {
    struct traces *t;
    struct trace_block_writer *writer;
    struct group_reader *reader; /* owned */
    struct span_tables *waiting; /* owned: of small groups */
    uint32_t waiting_count;
    uint64_t rows, weight; /* of those */
    struct tsdb_error *err;
};

static enum tsdb_status write_made(void *arg, struct made_part *made, struct tsdb_error *err)
{
    struct merge *m = arg;
    struct trace_group_parts parts = made_part_parts(made);
    return trace_block_writer_group(m->writer, &parts, err);
}

/* Writes the spans of the groups that wait. */
static enum tsdb_status flush(struct merge *m)
{
    struct span_regroup r;
    if (m->waiting_count == 0)
        return TSDB_OK;
    enum tsdb_status st = span_regroup_open(&r, m->waiting, m->waiting_count, m->err);
    if (st == TSDB_OK) {
        struct part_builder b;
        part_builder_init(&b, GROUP_SEALED, write_made, m);
        st = span_regroup_write(&r, NULL, NULL, &b, m->err);
        part_builder_release(&b);
    }
    span_regroup_close(&r);
    m->waiting_count = 0;
    m->rows = m->weight = 0;
    return st;
}

static int by_hash(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The group's hashes, ascending, each once, from its column of trace ids. */
static enum tsdb_status hashes_of(struct merge *m, const struct group *spans, uint32_t *out,
                                  uint32_t *count)
{
    uint32_t column = group_find(spans, text_of(SPAN_COLUMN_TRACE_ID), SPAN_TAG_INTRINSIC), n = 0;
    const struct tsdb_text *ids = NULL;
    group_reader_open(m->reader, spans);
    enum tsdb_status st =
        column == UINT32_MAX ? TSDB_ECORRUPT : group_texts(m->reader, column, &ids, m->err);
    for (uint32_t i = 0; st == TSDB_OK && i < group_rows(spans); i++) {
        struct tsdb_trace_id id;
        if (ids[i].len == 0)
            continue;
        if (ids[i].len != sizeof id)
            return tsdb_fail(m->err, TSDB_ECORRUPT, "trace id of %zu bytes", ids[i].len);
        memcpy(&id, ids[i].at, sizeof id);
        out[n++] = span_trace_hash(&id);
    }
    if (n > 0)
        qsort(out, n, sizeof *out, by_hash);
    *count = n > 0;
    for (uint32_t i = 1; i < n; i++)
        if (out[i] != out[*count - 1])
            out[(*count)++] = out[i];
    return st;
}

/* As bytes. */
static enum tsdb_status copy_group(struct merge *m, const struct trace_group *in,
                                   const struct span_tables *tables)
{
    struct trace_group_parts parts = {
        .rows = in->rows, .ts_min = in->ts_min, .ts_max = in->ts_max, .weight = in->weight};
    for (int i = 0; i < SPAN_TABLES; i++)
        if (tables->at[i])
            parts.tables[i] = group_strings_of(tables->at[i]);
    uint32_t *hashes = MEM_ARRAY(uint32_t, in->rows);
    enum tsdb_status st = hashes_of(m, tables->at[SPAN_TABLE_SPANS], hashes, &parts.hash_count);
    parts.hashes = hashes;
    if (st == TSDB_OK)
        st = trace_block_writer_group(m->writer, &parts, m->err);
    mem_free(hashes);
    return st;
}

static enum tsdb_status merge_group(struct merge *m, struct trace_block *b, uint32_t index)
{
    const struct trace_group *in = &b->groups[index];
    struct span_tables tables;
    bool is_full = made_part_is_full(in->rows, in->weight);
    enum tsdb_status st = TSDB_OK;
    if (!is_full &&
        (m->rows + in->rows > GROUP_ROWS_MAX || m->weight + in->weight > PART_WEIGHT_MAX))
        st = flush(m);
    if (st == TSDB_OK)
        st = trace_block_group_open(b, index, &tables, m->err);
    if (st == TSDB_OK)
        st = trace_block_touch(b, index, m->err);
    if (st == TSDB_OK && is_full)
        return copy_group(m, in, &tables);
    if (st != TSDB_OK)
        return st;
    m->waiting = mem_grow(m->waiting, (size_t)m->waiting_count + 1, sizeof *m->waiting);
    m->waiting[m->waiting_count++] = tables;
    m->rows += in->rows;
    m->weight += in->weight;
    return TSDB_OK;
}

static enum tsdb_status merge_blocks(struct merge *m, const struct merge_choice *choice)
{
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < choice->count; i++) {
        struct trace_block *b = trace_block_of(choice->inputs[i]);
        for (uint32_t g = 0; g < b->group_count && st == TSDB_OK; g++)
            st = merge_group(m, b, g);
    }
    return st == TSDB_OK ? flush(m) : st;
}

static enum tsdb_status write_merged(void *arg, const struct merge_choice *choice, uint64_t id,
                                     const char *path, struct shelved **out, struct tsdb_error *err)
{
    struct merge m = {.t = arg, .reader = group_reader_new(NULL), .err = err};
    struct manifest_segment entry;
    struct trace_block *block;
    struct fs *fs = m.t->store->fs;
    enum tsdb_status st =
        trace_block_writer_open(fs, path, choice->inputs[0]->order, &m.writer, err);
    if (st == TSDB_OK)
        st = merge_blocks(&m, choice);
    if (st == TSDB_OK) {
        st = trace_block_writer_seal(m.writer, &entry, err);
        m.writer = NULL;
    }
    trace_block_writer_abort(m.writer);
    group_reader_free(m.reader);
    mem_free(m.waiting);
    if (st != TSDB_OK)
        return st;
    entry.id = id;
    entry.level = choice->level;
    st = trace_block_open(fs, path, &entry, &block, err);
    if (st == TSDB_OK)
        *out = &block->shelved;
    return st;
}

enum tsdb_status traces_merge(struct traces *t, bool is_forced, bool *did, struct tsdb_error *err)
{
    mutex_lock(&t->store->tend);
    enum tsdb_status st = merge_one(&t->shelf, is_forced, write_merged, t, did, err);
    mutex_unlock(&t->store->tend);
    return st;
}
