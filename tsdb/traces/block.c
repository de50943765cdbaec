#include "tsdb/traces/block.h"

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/traces/span_builder.h"
#include "tsdb/traces/span_reader.h"

enum { HASH_BYTES = 4, GROUP_BYTES = 2, ENTRY_BYTES = HASH_BYTES + GROUP_BYTES };

static enum tsdb_status damaged(const struct trace_block *b, uint32_t group, const char *what,
                                struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_ECORRUPT, "segment %016llx: group %u: %s",
                     (unsigned long long)b->shelved.entry.id, group, what);
}

/* ---- opening ------------------------------------------------------------------------- */

static enum tsdb_status load_facts(struct trace_block *b, struct bytes facts,
                                   struct tsdb_error *err)
{
    struct reader r = reader_over(facts);
    uint32_t version = reader_le32(&r);
    b->group_count = reader_le32(&r);
    (void)reader_le32(&r); /* traces and spans, which the manifest has */
    b->entry_count = reader_le32(&r);
    (void)reader_le64(&r);
    b->shelved.order = reader_le64(&r);
    b->shelved.groups = b->group_count;
    unsigned long long id = b->shelved.entry.id;
    if (!reader_done(&r) || version != TRACE_BLOCK_VERSION)
        return tsdb_fail(err, TSDB_ECORRUPT, "segment %016llx: facts of version %u, want %d", id,
                         version, TRACE_BLOCK_VERSION);
    if (b->group_count > TRACE_BLOCK_GROUPS_MAX ||
        b->index.len != (uint64_t)b->entry_count * ENTRY_BYTES)
        return tsdb_fail(err, TSDB_ECORRUPT, "segment %016llx: index of %zu bytes, want %u entries",
                         id, b->index.len, b->entry_count);
    return TSDB_OK;
}

/* The next `len` bytes of a section. */
static bool take_range(uint64_t *end, uint64_t len, uint64_t section, struct trace_range *out)
{
    *out = (struct trace_range){*end, len};
    if (len > section - *end)
        return false;
    *end += len;
    return true;
}

static bool load_group(struct trace_block *b, struct reader *r, uint64_t ends[3],
                       struct trace_group *g)
{
    uint64_t rows = reader_uvarint(r);
    g->ts_min = reader_svarint(r);
    uint64_t length = reader_uvarint(r);
    g->ts_max = (int64_t)((uint64_t)g->ts_min + length);
    g->weight = reader_uvarint(r);
    if (r->fault || rows == 0 || rows > GROUP_ROWS_MAX || g->ts_max < g->ts_min ||
        length > (uint64_t)INT64_MAX - (uint64_t)g->ts_min)
        return false;
    g->rows = (uint32_t)rows;
    for (int i = 0; i < SPAN_TABLES; i++) {
        struct trace_table_range *t = &g->tables[i];
        if (!take_range(&ends[0], reader_uvarint(r), b->heads.len, &t->head) ||
            !take_range(&ends[1], reader_uvarint(r), b->filters.len, &t->filter) ||
            !take_range(&ends[2], reader_uvarint(r), b->data.len, &t->data))
            return false;
    }
    return g->tables[SPAN_TABLE_SPANS].head.len > 0 && g->tables[SPAN_TABLE_SOURCES].head.len > 0;
}

static enum tsdb_status load_groups(struct trace_block *b, struct bytes list,
                                    struct tsdb_error *err)
{
    enum { GROUP_MIN = 4 + 3 * SPAN_TABLES };
    if (b->group_count > list.len / GROUP_MIN)
        return damaged(b, b->group_count, "more than the list can hold", err);
    b->groups = MEM_ARRAY(struct trace_group, b->group_count);
    struct reader r = reader_over(list);
    uint64_t ends[3] = {0};
    for (uint32_t i = 0; i < b->group_count; i++)
        if (!load_group(b, &r, ends, &b->groups[i]))
            return damaged(b, i, "out of range", err);
    return reader_done(&r) ? TSDB_OK : damaged(b, b->group_count, "bytes behind the list", err);
}

static enum tsdb_status load(struct trace_block *b, struct tsdb_error *err)
{
    struct bytes sections[TRACE_INDEX + 1];
    for (uint32_t id = TRACE_FACTS; id <= TRACE_INDEX; id++) {
        if (!segment_section(b->shelved.segment, id, &sections[id]))
            return tsdb_fail(err, TSDB_ECORRUPT, "segment %016llx: section %u is missing",
                             (unsigned long long)b->shelved.entry.id, id);
        enum tsdb_status st = id > TRACE_GROUPS ? TSDB_OK
                                                : segment_check_range(b->shelved.segment, id, 0,
                                                                      sections[id].len, err);
        if (st != TSDB_OK)
            return st;
    }
    b->heads = sections[TRACE_HEADS];
    b->filters = sections[TRACE_FILTERS];
    b->data = sections[TRACE_DATA];
    b->index = sections[TRACE_INDEX];
    enum tsdb_status st = load_facts(b, sections[TRACE_FACTS], err);
    return st == TSDB_OK ? load_groups(b, sections[TRACE_GROUPS], err) : st;
}

static void block_free(struct shelved *s)
{
    struct trace_block *b = trace_block_of(s);
    for (uint32_t i = 0; i < b->group_count && b->groups; i++)
        for (int table = 0; table < SPAN_TABLES; table++)
            group_free(b->groups[i].opened[table]);
    mem_free(b->groups);
    mutex_release(&b->opening);
    mem_free(b);
}

enum tsdb_status trace_block_open(struct fs *fs, const char *path,
                                  const struct manifest_segment *entry, struct trace_block **out,
                                  struct tsdb_error *err)
{
    struct segment *segment;
    enum tsdb_status st = segment_open(fs, path, &segment, err);
    if (st != TSDB_OK)
        return st;
    struct trace_block *b = MEM_NEW(struct trace_block);
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

/* ---- groups --------------------------------------------------------------------------- */

/* The bytes of a range, whose pages are checked. */
static enum tsdb_status range_of(struct trace_block *b, enum trace_section section,
                                 struct trace_range range, struct bytes *out,
                                 struct tsdb_error *err)
{
    enum tsdb_status st =
        segment_check_range(b->shelved.segment, section, range.off, range.len, err);
    if (st == TSDB_OK)
        *out = (struct bytes){(section == TRACE_HEADS ? b->heads : b->filters).at + range.off,
                              (size_t)range.len};
    return st;
}

static enum tsdb_status open_table(struct trace_block *b, const struct trace_table_range *t,
                                   struct group **out, struct tsdb_error *err)
{
    struct group_bytes strings = {.data = {b->data.at + t->data.off, (size_t)t->data.len}};
    *out = NULL;
    if (t->head.len == 0)
        return TSDB_OK;
    enum tsdb_status st = range_of(b, TRACE_HEADS, t->head, &strings.head, err);
    if (st == TSDB_OK)
        st = range_of(b, TRACE_FILTERS, t->filter, &strings.filter, err);
    return st == TSDB_OK ? group_open(strings, out, err) : st;
}

static enum tsdb_status open_group(struct trace_block *b, uint32_t group, struct tsdb_error *err)
{
    struct trace_group *g = &b->groups[group];
    struct group *opened[SPAN_TABLES] = {0};
    enum tsdb_status st = TSDB_OK;
    for (int i = 0; i < SPAN_TABLES && st == TSDB_OK; i++)
        st = open_table(b, &g->tables[i], &opened[i], err);
    if (st == TSDB_OK && group_rows(opened[SPAN_TABLE_SPANS]) != g->rows)
        st = damaged(b, group, "of other rows", err);
    if (st != TSDB_OK) {
        for (int i = 0; i < SPAN_TABLES; i++)
            group_free(opened[i]);
        return st;
    }
    memcpy(g->opened, opened, sizeof opened);
    g->is_open = true;
    return TSDB_OK;
}

enum tsdb_status trace_block_group_open(struct trace_block *b, uint32_t group,
                                        struct span_tables *out, struct tsdb_error *err)
{
    ASSERT(group < b->group_count);
    enum tsdb_status st = TSDB_OK;
    mutex_lock(&b->opening);
    if (!b->groups[group].is_open)
        st = open_group(b, group, err);
    for (int i = 0; i < SPAN_TABLES && st == TSDB_OK; i++)
        out->at[i] = b->groups[group].opened[i];
    mutex_unlock(&b->opening);
    return st;
}

enum tsdb_status trace_block_touch(struct trace_block *b, uint32_t group, struct tsdb_error *err)
{
    /* The tables' data lie one after the other. */
    const struct trace_table_range *first = &b->groups[group].tables[0];
    const struct trace_table_range *last = &b->groups[group].tables[SPAN_TABLES - 1];
    return segment_check_range(b->shelved.segment, TRACE_DATA, first->data.off,
                               last->data.off + last->data.len - first->data.off, err);
}

/* ---- the index -------------------------------------------------------------------------- */

static enum tsdb_status hash_at(struct trace_block *b, uint32_t i, uint32_t *out,
                                struct tsdb_error *err)
{
    uint64_t off = (uint64_t)i * HASH_BYTES;
    enum tsdb_status st =
        segment_check_range(b->shelved.segment, TRACE_INDEX, off, HASH_BYTES, err);
    if (st == TSDB_OK)
        memcpy(out, b->index.at + off, HASH_BYTES);
    return st;
}

static enum tsdb_status group_at(struct trace_block *b, uint32_t i, uint32_t *out,
                                 struct tsdb_error *err)
{
    uint64_t off = (uint64_t)b->entry_count * HASH_BYTES + (uint64_t)i * GROUP_BYTES;
    uint16_t group = 0;
    enum tsdb_status st =
        segment_check_range(b->shelved.segment, TRACE_INDEX, off, GROUP_BYTES, err);
    if (st != TSDB_OK)
        return st;
    memcpy(&group, b->index.at + off, GROUP_BYTES);
    *out = group;
    return group < b->group_count ? TSDB_OK : damaged(b, group, "named by the index", err);
}

/* The first entry whose hash is not below.  Hashes spread evenly, so that the second guess is
 * mostly within a page of it; every other step halves what is left, whatever they do. */
static enum tsdb_status lower_bound(struct trace_block *b, uint32_t hash, uint32_t *out,
                                    struct tsdb_error *err)
{
    uint32_t low = 0, high = b->entry_count;              /* it is in [low, high] */
    uint64_t low_hash = 0, high_hash = UINT64_C(1) << 32; /* of what is left */
    for (bool halves = false; low < high; halves = !halves) {
        uint32_t middle = low + (high - low) / 2, at;
        if (!halves && hash > low_hash && hash < high_hash)
            middle = low + (uint32_t)((high - low) * (hash - low_hash) / (high_hash - low_hash));
        enum tsdb_status st = hash_at(b, middle, &at, err);
        if (st != TSDB_OK)
            return st;
        if (at < hash) {
            low = middle + 1;
            low_hash = at;
        } else {
            high = middle;
            high_hash = at;
        }
    }
    *out = low;
    return TSDB_OK;
}

enum tsdb_status trace_block_find(struct trace_block *b, uint32_t hash, trace_group_fn *fn,
                                  void *arg, struct tsdb_error *err)
{
    uint32_t i, at, group;
    enum tsdb_status st = lower_bound(b, hash, &i, err);
    for (bool goes_on = true; st == TSDB_OK && goes_on && i < b->entry_count; i++) {
        st = hash_at(b, i, &at, err);
        if (st != TSDB_OK || at != hash)
            break;
        st = group_at(b, i, &group, err);
        goes_on = st == TSDB_OK && fn(arg, group);
    }
    return st;
}

/* ---- verifying ---------------------------------------------------------------------------- */

struct verify {
    struct trace_block *block;
    uint32_t group;
    bool is_there;
};

static bool on_group(void *arg, uint32_t group)
{
    struct verify *v = arg;
    v->is_there = v->is_there || group == v->group;
    return !v->is_there;
}

/* Starts are in range and every trace is in the index. */
static enum tsdb_status verify_spans(struct verify *v, struct span_reader *r, struct arena *arena,
                                     struct tsdb_error *err)
{
    const struct trace_group *g = &v->block->groups[v->group];
    const int64_t *starts;
    const uint32_t *firsts;
    uint32_t count;
    enum tsdb_status st = span_reader_starts(r, &starts, err);
    if (st == TSDB_OK)
        st = span_reader_traces(r, &firsts, &count, err);
    for (uint32_t i = 0; st == TSDB_OK && i < g->rows; i++)
        if (starts[i] < g->ts_min || starts[i] > g->ts_max)
            return damaged(v->block, v->group, "a span starts outside of its range", err);
    for (uint32_t i = 0; st == TSDB_OK && i < count; i++) {
        struct tsdb_span span;
        arena_reset(arena);
        st = span_reader_span(r, firsts[i], arena, &span, err);
        v->is_there = false;
        if (st == TSDB_OK)
            st = trace_block_find(v->block, span_trace_hash(&span.trace_id), on_group, v, err);
        if (st == TSDB_OK && !v->is_there)
            st = damaged(v->block, v->group, "a trace that the index does not have", err);
    }
    return st;
}

static enum tsdb_status verify_group(struct verify *v, struct tsdb_error *err)
{
    struct span_tables tables;
    enum tsdb_status st = trace_block_group_open(v->block, v->group, &tables, err);
    if (st == TSDB_OK)
        st = trace_block_touch(v->block, v->group, err);
    for (int i = 0; i < SPAN_TABLES && st == TSDB_OK; i++)
        if (tables.at[i])
            st = group_check(tables.at[i], err);
    if (st != TSDB_OK)
        return st;
    struct span_reader *r = span_reader_new(NULL);
    struct arena arena;
    arena_init(&arena, SIZE_MAX, NULL);
    span_reader_open(r, &tables);
    st = verify_spans(v, r, &arena, err);
    span_reader_free(r);
    arena_release(&arena);
    return st;
}

static enum tsdb_status verify_index(struct trace_block *b, struct tsdb_error *err)
{
    uint32_t before = 0, hash = 0, group;
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < b->entry_count && st == TSDB_OK; i++, before = hash) {
        st = hash_at(b, i, &hash, err);
        if (st == TSDB_OK)
            st = group_at(b, i, &group, err);
        if (st == TSDB_OK && hash < before)
            st = damaged(b, group, "the index is out of order", err);
    }
    return st;
}

enum tsdb_status trace_block_verify(struct trace_block *b, struct tsdb_error *err)
{
    struct verify v = {.block = b};
    enum tsdb_status st = segment_verify_all(b->shelved.segment, err);
    if (st == TSDB_OK)
        st = verify_index(b, err);
    for (; v.group < b->group_count && st == TSDB_OK; v.group++)
        st = verify_group(&v, err);
    return st;
}

/* ---- as the shelf sees it ------------------------------------------------------------------ */

static enum tsdb_status open_shelved(struct fs *fs, const char *path,
                                     const struct manifest_segment *entry, struct shelved **out,
                                     struct tsdb_error *err)
{
    struct trace_block *b;
    enum tsdb_status st = trace_block_open(fs, path, entry, &b, err);
    if (st == TSDB_OK)
        *out = &b->shelved;
    return st;
}

static enum tsdb_status verify_shelved(struct shelved *s, struct tsdb_error *err)
{
    return trace_block_verify(trace_block_of(s), err);
}

const struct shelf_kind trace_shelf_kind = {STORE_TRACES, "traces", open_shelved, verify_shelved};
