/* prop_segment.h - the law of a segment file's bytes: opening refuses them or
 * every view lies inside the file, and verifying reads no further. */
#ifndef TESTS_TSDB_STORE_PROP_SEGMENT_H
#define TESTS_TSDB_STORE_PROP_SEGMENT_H

#include "tsdb/base/assert.h"
#include "tsdb/base/fs_sim.h"
#include "tsdb/store/segment.h"

/* Whether the file was opened. */
static inline bool prop_segment(const uint8_t *data, size_t len)
{
    struct fs_sim *sim = fs_sim_new();
    struct segment *s;
    fs_sim_put(sim, "s", (struct bytes){data, len});
    enum tsdb_status st = segment_open(fs_sim_fs(sim), "s", &s, NULL);
    ASSERT(st == TSDB_OK || st == TSDB_ECORRUPT || st == TSDB_EINVAL);
    if (st == TSDB_OK) {
        ASSERT(segment_facts(s).bytes == len);
        for (uint32_t id = 0; id < 8; id++) {
            struct bytes view;
            bool is_there = segment_section(s, id, &view);
            ASSERT(is_there || view.len == 0);
            ASSERT(view.len <= len);
            enum tsdb_status all = segment_check_range(s, id, 0, view.len, NULL);
            for (uint64_t off = 0; off < view.len; off += SEGMENT_PAGE_BYTES)
                if (segment_check_range(s, id, off, 1, NULL) != TSDB_OK)
                    ASSERT(all != TSDB_OK);
        }
        st = segment_verify_all(s, NULL);
        ASSERT(st == TSDB_OK || st == TSDB_ECORRUPT);
        segment_unref(s);
        st = TSDB_OK;
    }
    fs_sim_free(sim);
    return st == TSDB_OK;
}

#endif
