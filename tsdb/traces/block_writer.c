/* Data goes to the file as it comes; what the other sections hold is kept until the end,
 * since a segment has one section after the other.  The index is put in order by its hashes
 * then: entries come by group, so two stable passes over halves of the hash do it. */
#include "tsdb/traces/block.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/writer.h"

struct entry {
    uint32_t hash;
    uint16_t group;
};

struct trace_block_writer {
    struct segment_writer *file;          /* owned */
    struct writer groups, heads, filters; /* sections in the making */
    struct entry *entries;                /* owned; by group, then hash */
    uint32_t entry_count, entry_cap, traces, group_count;
    uint64_t order, spans;
    int64_t ts_min, ts_max;
};

static void writer_end(struct trace_block_writer *w)
{
    writer_release(&w->groups);
    writer_release(&w->heads);
    writer_release(&w->filters);
    mem_free(w->entries);
    mem_free(w);
}

enum tsdb_status trace_block_writer_open(struct fs *fs, const char *path, uint64_t order,
                                         struct trace_block_writer **out, struct tsdb_error *err)
{
    struct segment_writer *file;
    enum tsdb_status st = segment_writer_open(fs, path, &file, err);
    if (st != TSDB_OK)
        return st;
    struct trace_block_writer *w = MEM_NEW(struct trace_block_writer);
    w->file = file;
    w->order = order;
    w->ts_min = INT64_MAX;
    w->ts_max = INT64_MIN;
    segment_section_begin(file, TRACE_DATA);
    *out = w;
    return TSDB_OK;
}

void trace_block_writer_abort(struct trace_block_writer *w)
{
    if (!w)
        return;
    segment_writer_abort(w->file);
    writer_end(w);
}

static void put_entries(struct trace_block_writer *w, const struct trace_group_parts *g)
{
    if (w->entry_cap - w->entry_count < g->hash_count) {
        w->entry_cap = w->entry_cap * 2 + g->hash_count;
        w->entries = mem_grow(w->entries, w->entry_cap, sizeof *w->entries);
    }
    for (uint32_t i = 0; i < g->hash_count; i++)
        w->entries[w->entry_count++] = (struct entry){g->hashes[i], (uint16_t)w->group_count};
}

enum tsdb_status trace_block_writer_group(struct trace_block_writer *w,
                                          const struct trace_group_parts *g, struct tsdb_error *err)
{
    ASSERT(g->rows > 0 && g->hash_count <= g->rows);
    if (w->group_count == TRACE_BLOCK_GROUPS_MAX)
        return tsdb_fail(err, TSDB_ELIMIT, "segment: more than %d groups", TRACE_BLOCK_GROUPS_MAX);
    writer_uvarint(&w->groups, g->rows);
    writer_svarint(&w->groups, g->ts_min);
    writer_uvarint(&w->groups, (uint64_t)g->ts_max - (uint64_t)g->ts_min);
    writer_uvarint(&w->groups, g->weight);
    enum tsdb_status st = TSDB_OK;
    for (int i = 0; i < SPAN_TABLES && st == TSDB_OK; i++) {
        const struct group_bytes *table = &g->tables[i];
        writer_uvarint(&w->groups, table->head.len);
        writer_uvarint(&w->groups, table->filter.len);
        writer_uvarint(&w->groups, table->data.len);
        writer_put(&w->heads, table->head.at, table->head.len);
        writer_put(&w->filters, table->filter.at, table->filter.len);
        st = segment_write(w->file, table->data, err);
    }
    put_entries(w, g);
    w->group_count++;
    w->spans += g->rows;
    w->ts_min = g->ts_min < w->ts_min ? g->ts_min : w->ts_min;
    w->ts_max = g->ts_max > w->ts_max ? g->ts_max : w->ts_max;
    return st;
}

/* One pass of a radix sort: stable, by 16 bits of the hash. */
static void sort_pass(const struct entry *in, struct entry *out, uint32_t count, unsigned shift)
{
    uint32_t *at = MEM_ARRAY(uint32_t, (1 << 16) + 1);
    for (uint32_t i = 0; i < count; i++)
        at[(in[i].hash >> shift & 0xffff) + 1]++;
    for (uint32_t i = 1; i <= 1 << 16; i++)
        at[i] += at[i - 1];
    for (uint32_t i = 0; i < count; i++)
        out[at[in[i].hash >> shift & 0xffff]++] = in[i];
    mem_free(at);
}

static void sort_entries(struct trace_block_writer *w)
{
    struct entry *scratch = MEM_ARRAY(struct entry, w->entry_count);
    sort_pass(w->entries, scratch, w->entry_count, 0);
    sort_pass(scratch, w->entries, w->entry_count, 16);
    mem_free(scratch);
}

static enum tsdb_status put_index(struct trace_block_writer *w, struct tsdb_error *err)
{
    struct writer out = {0};
    (void)writer_reserve(&out, (size_t)w->entry_count * 6);
    sort_entries(w);
    for (uint32_t i = 0; i < w->entry_count; i++) {
        w->traces += i == 0 || w->entries[i - 1].hash != w->entries[i].hash;
        writer_le32(&out, w->entries[i].hash);
    }
    for (uint32_t i = 0; i < w->entry_count; i++)
        writer_le16(&out, w->entries[i].group);
    segment_section_begin(w->file, TRACE_INDEX);
    enum tsdb_status st = segment_write(w->file, writer_bytes(&out), err);
    segment_section_end(w->file);
    writer_release(&out);
    return st;
}

static enum tsdb_status put_section(struct trace_block_writer *w, enum trace_section id,
                                    const struct writer *body, struct tsdb_error *err)
{
    segment_section_begin(w->file, id);
    enum tsdb_status st = segment_write(w->file, writer_bytes(body), err);
    segment_section_end(w->file);
    return st;
}

static enum tsdb_status put_sections(struct trace_block_writer *w, struct tsdb_error *err)
{
    segment_section_end(w->file);
    enum tsdb_status st = put_section(w, TRACE_FILTERS, &w->filters, err);
    if (st == TSDB_OK)
        st = put_section(w, TRACE_HEADS, &w->heads, err);
    if (st == TSDB_OK)
        st = put_index(w, err);
    if (st == TSDB_OK)
        st = put_section(w, TRACE_GROUPS, &w->groups, err);
    struct writer *facts = &w->filters; /* written: its room is used again */
    writer_reset(facts);
    writer_le32(facts, TRACE_BLOCK_VERSION);
    writer_le32(facts, w->group_count);
    writer_le32(facts, w->traces);
    writer_le32(facts, w->entry_count);
    writer_le64(facts, w->spans);
    writer_le64(facts, w->order);
    return st == TSDB_OK ? put_section(w, TRACE_FACTS, facts, err) : st;
}

enum tsdb_status trace_block_writer_seal(struct trace_block_writer *w,
                                         struct manifest_segment *entry, struct tsdb_error *err)
{
    enum tsdb_status st = w->spans ? put_sections(w, err) : TSDB_OK;
    *entry = (struct manifest_segment){.signal = STORE_TRACES,
                                       .ts_min = w->ts_min,
                                       .ts_max = w->ts_max,
                                       .series = w->traces,
                                       .samples = w->spans};
    if (st != TSDB_OK || w->spans == 0) {
        trace_block_writer_abort(w);
        return st;
    }
    struct segment_facts file = {0};
    st = segment_writer_seal(w->file, &file, err);
    entry->bytes = file.bytes;
    entry->content = file.content;
    writer_end(w);
    return st;
}
