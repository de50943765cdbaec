#include "tsdb/traces/regroup.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"

struct regroup_group {
    struct span_reader *reader; /* owned */
    struct part_input input;
    const int64_t *starts; /* the reader's */
    uint32_t rows;
};

static enum tsdb_status no_memory(struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_ELIMIT, "spans of a group do not fit into memory");
}

static enum tsdb_status load_sources(struct span_regroup *r, struct regroup_group *g,
                                     struct tsdb_error *err)
{
    uint32_t n = g->input.source_count;
    struct tsdb_span_source *sources = ARENA_ARRAY(&r->arena, struct tsdb_span_source, n);
    struct tsdb_text *tenants = ARENA_ARRAY(&r->arena, struct tsdb_text, n);
    enum tsdb_status st = sources && tenants ? TSDB_OK : no_memory(err);
    for (uint32_t i = 0; i < n && st == TSDB_OK; i++)
        st = span_reader_source(g->reader, i, &r->arena, &sources[i], &tenants[i], err);
    g->input.sources = sources;
    g->input.tenants = tenants;
    return st;
}

static enum tsdb_status open_group(struct span_regroup *r, const struct span_tables *tables,
                                   struct tsdb_error *err)
{
    struct regroup_group *g = &r->groups[r->count++];
    const struct group *sources = tables->at[SPAN_TABLE_SOURCES];
    g->reader = span_reader_new(NULL);
    part_input_init(&g->input, sources ? group_rows(sources) : 0);
    g->rows = group_rows(tables->at[SPAN_TABLE_SPANS]);
    span_reader_open(g->reader, tables);
    enum tsdb_status st = load_sources(r, g, err);
    return st == TSDB_OK ? span_reader_starts(g->reader, &g->starts, err) : st;
}

enum tsdb_status span_regroup_open(struct span_regroup *r, const struct span_tables *groups,
                                   uint32_t count, struct tsdb_error *err)
{
    *r = (struct span_regroup){.groups = MEM_ARRAY(struct regroup_group, count)};
    arena_init(&r->arena, SIZE_MAX, NULL);
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < count && st == TSDB_OK; i++)
        st = open_group(r, &groups[i], err);
    return st;
}

void span_regroup_close(struct span_regroup *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        span_reader_free(r->groups[i].reader);
        part_input_release(&r->groups[i].input);
    }
    mem_free(r->groups);
    arena_release(&r->arena);
}

const int64_t *span_regroup_starts(const struct span_regroup *r, uint32_t group, uint32_t *count)
{
    *count = r->groups[group].rows;
    return r->groups[group].starts;
}

enum tsdb_status span_regroup_write(struct span_regroup *r, span_regroup_fn *has, void *arg,
                                    struct part_builder *b, struct tsdb_error *err)
{
    enum tsdb_status st = TSDB_OK;
    for (uint32_t i = 0; i < r->count; i++) {
        struct regroup_group *g = &r->groups[i];
        g->input.epoch = 0; /* another builder's */
        for (uint32_t row = 0; row < g->rows && st == TSDB_OK; row++) {
            struct tsdb_span span;
            if (has && !has(arg, g->starts[row]))
                continue;
            st = span_reader_span(g->reader, row, &r->arena, &span, err);
            if (st == TSDB_OK)
                st = part_builder_put(b, &g->input, &span, err);
        }
    }
    return st == TSDB_OK ? part_builder_finish(b, err) : st;
}
