/* prop_trace_block.h - any bytes as a segment file are refused, or everything in them can be
 * asked for without a wild access. */
#ifndef TESTS_TSDB_TRACES_PROP_TRACE_BLOCK_H
#define TESTS_TSDB_TRACES_PROP_TRACE_BLOCK_H

#include "tsdb/base/fs_sim.h"
#include "tsdb/base/mem.h"
#include "tsdb/traces/block.h"
#include "tsdb/traces/regroup.h"

static inline enum tsdb_status prop_made(void *arg, struct made_part *made, struct tsdb_error *err)
{
    (void)err;
    *(uint64_t *)arg += made->spans.rows;
    return TSDB_OK;
}

/* What a merge does with a group. */
static inline void prop_regroup(const struct span_tables *tables)
{
    struct span_regroup r;
    uint64_t rows = 0;
    if (span_regroup_open(&r, tables, 1, NULL) == TSDB_OK) {
        struct part_builder b;
        part_builder_init(&b, GROUP_SEALED, prop_made, &rows);
        (void)!span_regroup_write(&r, NULL, NULL, &b, NULL);
        part_builder_release(&b);
    }
    span_regroup_close(&r);
}

static inline bool prop_on_group(void *arg, uint32_t group)
{
    *(uint64_t *)arg += group;
    return true;
}

/* Whether the block opened. */
static inline bool prop_trace_block(struct bytes file)
{
    struct fs_sim *sim = fs_sim_new();
    struct manifest_segment entry = {.id = 1};
    struct trace_block *b;
    uint64_t groups = 0;
    fs_sim_put(sim, "b", file);
    bool is_open = trace_block_open(fs_sim_fs(sim), "b", &entry, &b, NULL) == TSDB_OK;
    for (uint32_t i = 0; is_open && i < b->group_count && i < 64; i++) {
        struct span_tables tables;
        if (trace_block_group_open(b, i, &tables, NULL) == TSDB_OK &&
            trace_block_touch(b, i, NULL) == TSDB_OK)
            prop_regroup(&tables);
    }
    for (uint64_t hash = 0; is_open && hash <= UINT32_MAX; hash += UINT32_MAX / 16)
        (void)!trace_block_find(b, (uint32_t)hash, prop_on_group, &groups, NULL);
    if (is_open) {
        (void)!trace_block_verify(b, NULL);
        shelved_unref(&b->shelved);
    }
    fs_sim_free(sim);
    return is_open;
}

#endif
