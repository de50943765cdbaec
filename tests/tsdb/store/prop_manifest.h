/* prop_manifest.h - the law of a manifest's bytes: they are refused, or opening
 * twice gives the same, the ids are in order, and an edit can follow. */
#ifndef TESTS_TSDB_STORE_PROP_MANIFEST_H
#define TESTS_TSDB_STORE_PROP_MANIFEST_H

#include "tsdb/base/assert.h"
#include "tsdb/base/fs_sim.h"
#include "tsdb/store/manifest.h"

/* Whether the bytes were accepted. */
static inline bool prop_manifest(const uint8_t *data, size_t len)
{
    struct fs_sim *sim = fs_sim_new();
    struct manifest_facts facts = {0};
    struct manifest *m;
    size_t counts[2] = {0};
    fs_sim_put(sim, "MANIFEST", (struct bytes){data, len});
    enum tsdb_status st = TSDB_OK;
    for (int i = 0; i < 2 && st == TSDB_OK; i++) {
        st = manifest_open(fs_sim_fs(sim), ".", &facts, &m, NULL);
        ASSERT(st == TSDB_OK || st == TSDB_ECORRUPT || st == TSDB_EINVAL);
        if (st != TSDB_OK)
            break;
        const struct manifest_segment *s = manifest_segments(m, &counts[i]);
        for (size_t k = 1; k < counts[i]; k++)
            ASSERT(s[k - 1].id < s[k].id);
        ASSERT(counts[i] == 0 || s[counts[i] - 1].id < manifest_next_id(m));
        ASSERT(i == 0 || counts[0] == counts[1]);
        struct manifest_edit nothing = {0};
        enum tsdb_status applied = manifest_apply(m, &nothing, NULL);
        ASSERT(applied == TSDB_OK);
        manifest_close(m);
    }
    fs_sim_free(sim);
    return st == TSDB_OK;
}

#endif
