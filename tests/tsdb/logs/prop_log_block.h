/* prop_log_block.h - any bytes as a segment file are refused, or everything in them can be
 * asked for without a wild access. */
#ifndef TESTS_TSDB_LOGS_PROP_LOG_BLOCK_H
#define TESTS_TSDB_LOGS_PROP_LOG_BLOCK_H

#include "tsdb/base/fs_sim.h"
#include "tsdb/base/mem.h"
#include "tsdb/logs/block.h"
#include "tsdb/logs/regroup.h"

static inline enum tsdb_status prop_made(void *arg, struct made_group *made, struct tsdb_error *err)
{
    (void)err;
    *(uint64_t *)arg += made->rows;
    return TSDB_OK;
}

/* What a merge does with a group. */
static inline void prop_regroup(const struct group *group, const struct group_run *runs,
                                uint32_t count)
{
    struct regroup_source source = {group, runs, count};
    struct regroup r;
    struct group_builder b;
    uint32_t bad;
    uint64_t rows = 0;
    if (regroup_open(&r, &source, 1, &bad, NULL) == TSDB_OK) {
        group_builder_init(&b, GROUP_SEALED, GROUP_FILTERED, prop_made, &rows);
        (void)!regroup_write(&r, NULL, NULL, &b, NULL);
        group_builder_release(&b);
    }
    regroup_close(&r);
}

/* Whether the block opened. */
static inline bool prop_log_block(struct bytes file)
{
    struct fs_sim *sim = fs_sim_new();
    struct manifest_segment entry = {.id = 1};
    struct block *b;
    fs_sim_put(sim, "b", file);
    bool is_open = log_block_open(fs_sim_fs(sim), "b", &entry, &b, NULL) == TSDB_OK;
    for (uint32_t i = 0; is_open && i < b->group_count && i < 64; i++) {
        const struct group *group;
        struct group_run *runs = MEM_ARRAY(struct group_run, b->groups[i].run_count);
        if (log_block_runs(b, i, runs, NULL) == TSDB_OK &&
            log_block_group_open(b, i, &group, NULL) == TSDB_OK &&
            log_block_touch(b, i, NULL) == TSDB_OK)
            prop_regroup(group, runs, b->groups[i].run_count);
        mem_free(runs);
    }
    if (is_open) {
        (void)!log_block_verify(b, NULL);
        shelved_unref(&b->shelved);
    }
    fs_sim_free(sim);
    return is_open;
}

#endif
