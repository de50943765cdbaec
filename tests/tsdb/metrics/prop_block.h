/* prop_block.h - any bytes as a segment file are refused, or everything in them can be
 * asked for without a wild access. */
#ifndef TESTS_TSDB_METRICS_PROP_BLOCK_H
#define TESTS_TSDB_METRICS_PROP_BLOCK_H

#include "tsdb/base/assert.h"
#include "tsdb/base/fs_sim.h"
#include "tsdb/metrics/block.h"

static inline void prop_block_exemplar(void *arg, uint32_t ordinal, const struct tsdb_exemplar *e)
{
    uint64_t *sum = arg;
    *sum += ordinal;
    for (uint32_t i = 0; i < e->labels.count; i++)
        for (size_t k = 0; k < e->labels.at[i].value.len; k++)
            *sum += (uint8_t)e->labels.at[i].value.at[k];
}

/* Whether the block opened. */
static inline bool prop_block(struct bytes file)
{
    struct fs_sim *sim = fs_sim_new();
    struct manifest_segment entry = {.id = 1};
    struct block *b;
    fs_sim_put(sim, "b", file);
    bool is_open = block_open(fs_sim_fs(sim), "b", &entry, &b, NULL) == TSDB_OK;
    if (is_open) {
        struct samples s;
        uint64_t sum = 0;
        samples_init(&s, NULL);
        for (uint32_t i = 0; i < b->series_count && i < 4096; i++) {
            struct tsdb_hash hash;
            samples_reset(&s);
            (void)!block_hash(b, i, &hash, NULL);
            if (block_samples(b, i, INT64_MIN, INT64_MAX, &s, NULL) == TSDB_OK)
                for (uint32_t k = 0; k < s.count; k++)
                    sum += (uint64_t)s.ts[k] + (uint64_t)(s.histograms && s.histograms[k]);
            (void)samples_order(&s, INT64_MIN, INT64_MAX);
        }
        (void)!block_exemplars(b, prop_block_exemplar, &sum, NULL);
        (void)!block_verify(b, NULL);
        samples_release(&s);
        block_unref(b);
    }
    fs_sim_free(sim);
    return is_open;
}

#endif
