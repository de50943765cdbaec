#include "tsdb/logs/block.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/logs/logs.h"

static enum tsdb_status damaged(const struct block *b, uint32_t group, const char *what,
                                struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_ECORRUPT, "segment %016llx: group %u: %s",
                     (unsigned long long)b->shelved.entry.id, group, what);
}

static enum tsdb_status load_facts(struct block *b, struct bytes facts, struct tsdb_error *err)
{
    struct reader r = reader_over(facts);
    uint32_t version = reader_le32(&r);
    b->stream_count = reader_le32(&r);
    b->group_count = reader_le32(&r);
    (void)reader_le64(&r); /* rows, which the manifest has */
    b->line_bytes = reader_le64(&r);
    b->shelved.order = reader_le64(&r);
    b->shelved.groups = b->group_count;
    if (!reader_done(&r) || version != BLOCK_VERSION)
        return tsdb_fail(err, TSDB_ECORRUPT, "segment %016llx: facts of version %u, want %u",
                         (unsigned long long)b->shelved.entry.id, version, (unsigned)BLOCK_VERSION);
    return TSDB_OK;
}

/* The next `len` bytes of a section. */
static bool take_span(uint64_t *end, uint64_t len, uint64_t section, struct block_span *out)
{
    *out = (struct block_span){*end, len};
    if (len > section - *end)
        return false;
    *end += len;
    return true;
}

static bool load_group(struct block *b, struct reader *r, uint64_t ends[4], struct block_group *g)
{
    uint64_t rows = reader_uvarint(r), runs = reader_uvarint(r);
    g->ts_min = reader_svarint(r);
    uint64_t length = reader_uvarint(r);
    g->ts_max = (int64_t)((uint64_t)g->ts_min + length);
    g->line_bytes = reader_uvarint(r);
    g->text_bytes = reader_uvarint(r);
    if (r->fault || rows == 0 || rows > GROUP_ROWS_MAX || runs == 0 || runs > rows ||
        g->ts_max < g->ts_min || length > (uint64_t)INT64_MAX - (uint64_t)g->ts_min)
        return false;
    g->rows = (uint32_t)rows;
    g->run_count = (uint32_t)runs;
    return take_span(&ends[0], reader_uvarint(r), b->runs.len, &g->runs) &&
           take_span(&ends[1], reader_uvarint(r), b->heads.len, &g->head) &&
           take_span(&ends[2], reader_uvarint(r), b->filters.len, &g->filter) &&
           take_span(&ends[3], reader_uvarint(r), b->data.len, &g->data);
}

static enum tsdb_status load_groups(struct block *b, struct bytes list, struct tsdb_error *err)
{
    enum { GROUP_MIN = 10 };
    if (b->group_count > list.len / GROUP_MIN)
        return damaged(b, b->group_count, "more than the list can hold", err);
    b->groups = MEM_ARRAY(struct block_group, b->group_count);
    struct reader r = reader_over(list);
    uint64_t ends[4] = {0};
    for (uint32_t i = 0; i < b->group_count; i++)
        if (!load_group(b, &r, ends, &b->groups[i]))
            return damaged(b, i, "out of range", err);
    return reader_done(&r) ? TSDB_OK : damaged(b, b->group_count, "bytes behind the list", err);
}

static enum tsdb_status load(struct block *b, struct tsdb_error *err)
{
    struct bytes sections[BLOCK_DATA + 1];
    for (uint32_t id = BLOCK_FACTS; id <= BLOCK_DATA; id++) {
        if (!segment_section(b->shelved.segment, id, &sections[id]))
            return tsdb_fail(err, TSDB_ECORRUPT, "segment %016llx: section %u is missing",
                             (unsigned long long)b->shelved.entry.id, id);
        enum tsdb_status st = id > BLOCK_GROUPS ? TSDB_OK
                                                : segment_check_range(b->shelved.segment, id, 0,
                                                                      sections[id].len, err);
        if (st != TSDB_OK)
            return st;
    }
    b->hashes = sections[BLOCK_HASHES];
    b->runs = sections[BLOCK_RUNS];
    b->heads = sections[BLOCK_HEADS];
    b->filters = sections[BLOCK_FILTERS];
    b->data = sections[BLOCK_DATA];
    enum tsdb_status st = load_facts(b, sections[BLOCK_FACTS], err);
    if (st == TSDB_OK)
        st = load_groups(b, sections[BLOCK_GROUPS], err);
    if (st == TSDB_OK)
        st = label_index_open(sections[BLOCK_LABELS], &b->labels, err);
    if (st != TSDB_OK)
        return st;
    if (label_index_series_count(b->labels) != b->stream_count ||
        b->hashes.len / BLOCK_HASH_BYTES != b->stream_count)
        return tsdb_fail(err, TSDB_ECORRUPT, "segment %016llx: labels of %u streams, want %u",
                         (unsigned long long)b->shelved.entry.id,
                         label_index_series_count(b->labels), b->stream_count);
    return TSDB_OK;
}

static void block_free(struct shelved *s)
{
    struct block *b = log_block_of(s);
    for (uint32_t i = 0; i < b->group_count && b->groups; i++)
        group_free(b->groups[i].group);
    mem_free(b->groups);
    label_index_free(b->labels);
    mutex_release(&b->opening);
    mem_free(b);
}

enum tsdb_status log_block_open(struct fs *fs, const char *path,
                                const struct manifest_segment *entry, struct block **out,
                                struct tsdb_error *err)
{
    struct segment *segment;
    enum tsdb_status st = segment_open(fs, path, &segment, err);
    if (st != TSDB_OK)
        return st;
    struct block *b = MEM_NEW(struct block);
    shelved_init(&b->shelved, entry, segment, block_free);
    mutex_init(&b->opening);
    st = load(b, err);
    if (st != TSDB_OK) {
        shelved_unref(&b->shelved);
        return st;
    }
    *out = b;
    return TSDB_OK;
}

struct tsdb_hash log_block_hash(const struct block *b, uint32_t ordinal)
{
    ASSERT(ordinal < b->stream_count);
    struct reader r = reader_over(
        (struct bytes){b->hashes.at + (size_t)ordinal * BLOCK_HASH_BYTES, BLOCK_HASH_BYTES});
    uint64_t lo = reader_le64(&r);
    return (struct tsdb_hash){lo, reader_le64(&r)};
}

/* The bytes of a span, whose pages are checked. */
static enum tsdb_status span_of(struct block *b, enum block_section section, struct block_span span,
                                struct bytes from, struct bytes *out, struct tsdb_error *err)
{
    enum tsdb_status st = segment_check_range(b->shelved.segment, section, span.off, span.len, err);
    if (st == TSDB_OK)
        *out = (struct bytes){from.at + span.off, (size_t)span.len};
    return st;
}

enum tsdb_status log_block_runs(struct block *b, uint32_t group, struct group_run *out,
                                struct tsdb_error *err)
{
    const struct block_group *g = &b->groups[group];
    struct bytes bytes = {0};
    enum tsdb_status st = span_of(b, BLOCK_RUNS, g->runs, b->runs, &bytes, err);
    if (st != TSDB_OK)
        return st;
    struct reader r = reader_over(bytes);
    uint64_t first = 0, stream = 0, length = (uint64_t)g->ts_max - (uint64_t)g->ts_min;
    for (uint32_t i = 0; i < g->run_count; i++) {
        stream += (uint64_t)reader_svarint(&r); /* wraps */
        uint64_t rows = reader_uvarint(&r), from = reader_uvarint(&r), span = reader_uvarint(&r);
        uint64_t line_bytes = reader_uvarint(&r);
        if (r.fault || stream >= b->stream_count || rows == 0 || rows > g->rows - first ||
            from > length || span > length - from)
            return damaged(b, group, "runs out of range", err);
        int64_t ts_min = (int64_t)((uint64_t)g->ts_min + from);
        out[i] = (struct group_run){.stream = (uint32_t)stream,
                                    .first = (uint32_t)first,
                                    .rows = (uint32_t)rows,
                                    .ts_min = ts_min,
                                    .ts_max = (int64_t)((uint64_t)ts_min + span),
                                    .line_bytes = line_bytes};
        first += rows;
    }
    return reader_done(&r) && first == g->rows ? TSDB_OK
                                               : damaged(b, group, "runs of other rows", err);
}

static enum tsdb_status open_group(struct block *b, uint32_t group, struct tsdb_error *err)
{
    struct block_group *g = &b->groups[group];
    struct group_bytes strings = {.data = {b->data.at + g->data.off, (size_t)g->data.len}};
    enum tsdb_status st = span_of(b, BLOCK_HEADS, g->head, b->heads, &strings.head, err);
    if (st == TSDB_OK)
        st = span_of(b, BLOCK_FILTERS, g->filter, b->filters, &strings.filter, err);
    struct group *opened;
    if (st == TSDB_OK)
        st = group_open(strings, &opened, err);
    if (st != TSDB_OK)
        return st;
    if (group_rows(opened) != g->rows) {
        group_free(opened);
        return damaged(b, group, "of other rows", err);
    }
    g->group = opened;
    return TSDB_OK;
}

enum tsdb_status log_block_group_open(struct block *b, uint32_t group, const struct group **out,
                                      struct tsdb_error *err)
{
    ASSERT(group < b->group_count);
    enum tsdb_status st = TSDB_OK;
    mutex_lock(&b->opening);
    if (!b->groups[group].group)
        st = open_group(b, group, err);
    if (st == TSDB_OK)
        *out = b->groups[group].group;
    mutex_unlock(&b->opening);
    return st;
}

enum tsdb_status log_block_touch(struct block *b, uint32_t group, struct tsdb_error *err)
{
    const struct block_span *data = &b->groups[group].data;
    return segment_check_range(b->shelved.segment, BLOCK_DATA, data->off, data->len, err);
}

/* Times as the runs say. */
static enum tsdb_status verify_times(const struct group *group, const struct group_run *runs,
                                     uint32_t count, struct tsdb_error *err)
{
    struct group_reader *reader = group_reader_new(NULL);
    group_reader_open(reader, group);
    uint32_t column = group_find(group, (struct tsdb_text){":time", 5}, LOGS_COLUMN_TAG);
    const int64_t *times = NULL;
    enum tsdb_status st = column == UINT32_MAX
                              ? tsdb_fail(err, TSDB_ECORRUPT, "group: no column of times")
                              : group_ints(reader, column, &times, err);
    for (uint32_t i = 0; i < count && st == TSDB_OK && times; i++) {
        const struct group_run *run = &runs[i];
        bool is_good =
            times[run->first] == run->ts_min && times[run->first + run->rows - 1] == run->ts_max;
        for (uint32_t row = 1; row < run->rows && is_good; row++)
            is_good = times[run->first + row - 1] <= times[run->first + row];
        if (!is_good)
            st = tsdb_fail(err, TSDB_ECORRUPT, "group: times of run %u are not as it says", i);
    }
    group_reader_free(reader);
    return st;
}

static enum tsdb_status verify_group(struct block *b, uint32_t i, struct tsdb_error *err)
{
    const struct group *group;
    struct group_run *runs = MEM_ARRAY(struct group_run, b->groups[i].run_count);
    enum tsdb_status st = log_block_runs(b, i, runs, err);
    if (st == TSDB_OK)
        st = log_block_group_open(b, i, &group, err);
    if (st == TSDB_OK)
        st = log_block_touch(b, i, err);
    if (st == TSDB_OK)
        st = group_check(group, err);
    if (st == TSDB_OK)
        st = verify_times(group, runs, b->groups[i].run_count, err);
    mem_free(runs);
    return st;
}

enum tsdb_status log_block_verify(struct block *b, struct tsdb_error *err)
{
    enum tsdb_status st = segment_verify_all(b->shelved.segment, err);
    if (st == TSDB_OK)
        st = label_index_check(b->labels, err);
    for (uint32_t i = 0; i < b->group_count && st == TSDB_OK; i++)
        st = verify_group(b, i, err);
    return st;
}

/* ---- as the shelf sees it ------------------------------------------------------------------ */

static enum tsdb_status open_shelved(struct fs *fs, const char *path,
                                     const struct manifest_segment *entry, struct shelved **out,
                                     struct tsdb_error *err)
{
    struct block *b;
    enum tsdb_status st = log_block_open(fs, path, entry, &b, err);
    if (st == TSDB_OK)
        *out = &b->shelved;
    return st;
}

static enum tsdb_status verify_shelved(struct shelved *s, struct tsdb_error *err)
{
    return log_block_verify(log_block_of(s), err);
}

const struct shelf_kind log_shelf_kind = {STORE_LOGS, "logs", open_shelved, verify_shelved};
