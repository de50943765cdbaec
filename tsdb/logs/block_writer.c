/* Data goes to the file as it comes; what the other sections hold is kept until the end,
 * since a segment has one section after the other. */
#include "tsdb/logs/block.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/slots.h"

struct block_writer {
    struct segment_writer *file; /* owned */
    struct label_index_builder *labels;
    struct slots by_hash;
    struct writer hashes, groups, runs, heads, filters; /* sections in the making */
    struct block_facts facts;
    uint64_t order;
};

static void writer_end(struct block_writer *w)
{
    label_index_builder_free(w->labels);
    slots_release(&w->by_hash);
    writer_release(&w->hashes);
    writer_release(&w->groups);
    writer_release(&w->runs);
    writer_release(&w->heads);
    writer_release(&w->filters);
    mem_free(w);
}

enum tsdb_status log_block_writer_open(struct fs *fs, const char *path, uint64_t order,
                                       struct block_writer **out, struct tsdb_error *err)
{
    struct segment_writer *file;
    enum tsdb_status st = segment_writer_open(fs, path, &file, err);
    if (st != TSDB_OK)
        return st;
    struct block_writer *w = MEM_NEW(struct block_writer);
    w->file = file;
    w->labels = label_index_builder_new(NULL);
    w->order = order;
    w->facts.ts_min = INT64_MAX;
    w->facts.ts_max = INT64_MIN;
    segment_section_begin(file, BLOCK_DATA);
    *out = w;
    return TSDB_OK;
}

void log_block_writer_abort(struct block_writer *w)
{
    if (!w)
        return;
    segment_writer_abort(w->file);
    writer_end(w);
}

static bool is_hash(const struct block_writer *w, uint32_t ordinal, struct tsdb_hash hash)
{
    return memcmp(w->hashes.at + (size_t)ordinal * BLOCK_HASH_BYTES, &hash, sizeof hash) == 0;
}

enum tsdb_status log_block_writer_stream(struct block_writer *w, struct tsdb_hash hash,
                                         struct tsdb_labels labels, uint32_t *ordinal,
                                         struct tsdb_error *err)
{
    static_assert(sizeof hash == BLOCK_HASH_BYTES, "hashes are two words");
    uint32_t at = (uint32_t)hash.lo, id;
    while ((id = slots_probe(&w->by_hash, (uint32_t)hash.lo, &at)) != SLOTS_NONE) {
        if (is_hash(w, id, hash)) {
            *ordinal = id;
            return TSDB_OK;
        }
    }
    if (w->facts.streams == UINT32_MAX - 1)
        return tsdb_fail(err, TSDB_ELIMIT, "segment: more than %u streams", UINT32_MAX - 1);
    enum tsdb_status st = label_index_builder_add(w->labels, labels);
    if (st != TSDB_OK)
        return tsdb_fail(err, st, "segment: label index: a stream's labels do not fit");
    *ordinal = (uint32_t)w->facts.streams++;
    slots_put(&w->by_hash, (uint32_t)hash.lo, *ordinal);
    writer_le64(&w->hashes, hash.lo);
    writer_le64(&w->hashes, hash.hi);
    return TSDB_OK;
}

static size_t put_runs(struct block_writer *w, const struct block_group_parts *g)
{
    size_t before = w->runs.len;
    uint32_t stream = 0;
    for (uint32_t i = 0; i < g->run_count; i++) {
        const struct group_run *run = &g->runs[i];
        writer_svarint(&w->runs, (int64_t)run->stream - (int64_t)stream);
        writer_uvarint(&w->runs, run->rows);
        writer_uvarint(&w->runs, (uint64_t)run->ts_min - (uint64_t)g->ts_min);
        writer_uvarint(&w->runs, (uint64_t)run->ts_max - (uint64_t)run->ts_min);
        writer_uvarint(&w->runs, run->line_bytes);
        stream = run->stream;
    }
    return w->runs.len - before;
}

enum tsdb_status log_block_writer_group(struct block_writer *w, const struct block_group_parts *g,
                                        struct tsdb_error *err)
{
    ASSERT(g->rows > 0);
    struct writer *list = &w->groups;
    writer_uvarint(list, g->rows);
    writer_uvarint(list, g->run_count);
    writer_svarint(list, g->ts_min);
    writer_uvarint(list, (uint64_t)g->ts_max - (uint64_t)g->ts_min);
    writer_uvarint(list, g->line_bytes);
    writer_uvarint(list, g->text_bytes);
    writer_uvarint(list, put_runs(w, g));
    writer_uvarint(list, g->strings.head.len);
    writer_uvarint(list, g->strings.filter.len);
    writer_uvarint(list, g->strings.data.len);
    writer_put(&w->heads, g->strings.head.at, g->strings.head.len);
    writer_put(&w->filters, g->strings.filter.at, g->strings.filter.len);
    w->facts.rows += g->rows;
    w->facts.groups++;
    w->facts.line_bytes += g->line_bytes;
    w->facts.ts_min = g->ts_min < w->facts.ts_min ? g->ts_min : w->facts.ts_min;
    w->facts.ts_max = g->ts_max > w->facts.ts_max ? g->ts_max : w->facts.ts_max;
    return segment_write(w->file, g->strings.data, err);
}

static enum tsdb_status put_section(struct block_writer *w, enum block_section id,
                                    const struct writer *body, struct tsdb_error *err)
{
    segment_section_begin(w->file, id);
    enum tsdb_status st = segment_write(w->file, writer_bytes(body), err);
    segment_section_end(w->file);
    return st;
}

static enum tsdb_status put_sections(struct block_writer *w, struct tsdb_error *err)
{
    segment_section_end(w->file);
    const struct {
        enum block_section id;
        const struct writer *body;
    } kept[] = {{BLOCK_FILTERS, &w->filters},
                {BLOCK_HEADS, &w->heads},
                {BLOCK_RUNS, &w->runs},
                {BLOCK_GROUPS, &w->groups},
                {BLOCK_HASHES, &w->hashes}};
    enum tsdb_status st = TSDB_OK;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0] && st == TSDB_OK; i++)
        st = put_section(w, kept[i].id, kept[i].body, err);
    struct writer *last = &w->filters; /* written: its room is used again */
    writer_reset(last);
    if (st == TSDB_OK)
        st = label_index_builder_finish(w->labels, last, err);
    if (st == TSDB_OK)
        st = put_section(w, BLOCK_LABELS, last, err);
    writer_reset(last);
    writer_le32(last, BLOCK_VERSION);
    writer_le32(last, (uint32_t)w->facts.streams);
    writer_le32(last, (uint32_t)w->facts.groups);
    writer_le64(last, w->facts.rows);
    writer_le64(last, w->facts.line_bytes);
    writer_le64(last, w->order);
    return st == TSDB_OK ? put_section(w, BLOCK_FACTS, last, err) : st;
}

enum tsdb_status log_block_writer_seal(struct block_writer *w, struct block_facts *facts,
                                       struct tsdb_error *err)
{
    enum tsdb_status st = w->facts.rows ? put_sections(w, err) : TSDB_OK;
    if (st != TSDB_OK || w->facts.rows == 0) {
        *facts = w->facts;
        log_block_writer_abort(w);
        return st;
    }
    struct segment_facts file = {0};
    st = segment_writer_seal(w->file, &file, err);
    w->facts.bytes = file.bytes;
    w->facts.content = file.content;
    *facts = w->facts;
    writer_end(w);
    return st;
}
