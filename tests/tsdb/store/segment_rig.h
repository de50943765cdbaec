/* segment_rig.h - segment files whose bytes follow from section and offset. */
#ifndef TESTS_TSDB_STORE_SEGMENT_RIG_H
#define TESTS_TSDB_STORE_SEGMENT_RIG_H

#include "tsdb/base/fs_sim.h"
#include "tsdb/base/mem.h"
#include "tsdb/store/segment.h"

#include <criterion/criterion.h>
#include <stdio.h>

static inline uint8_t segment_rig_byte(uint32_t id, size_t k)
{
    return (uint8_t)(k * 7 + k / 251 + id * 13);
}

/* Sections 1 to count, each of `len` bytes. */
static inline enum tsdb_status segment_rig_try(struct fs *fs, const char *path, size_t len,
                                               uint32_t count, struct segment_facts *facts)
{
    struct segment_writer *w;
    enum tsdb_status st = segment_writer_open(fs, path, &w, NULL);
    if (st != TSDB_OK)
        return st;
    uint8_t *bytes = mem_alloc(len);
    for (uint32_t id = 1; id <= count; id++) {
        for (size_t k = 0; k < len; k++)
            bytes[k] = segment_rig_byte(id, k);
        segment_section_begin(w, id);
        (void)segment_write(w, (struct bytes){bytes, len}, NULL); /* sealing tells */
        segment_section_end(w);
    }
    mem_free(bytes);
    return segment_writer_seal(w, facts, NULL);
}

static inline struct segment_facts segment_rig_write(struct fs *fs, const char *path, size_t len,
                                                     uint32_t count)
{
    struct segment_facts facts = {0};
    cr_assert_eq(segment_rig_try(fs, path, len, count, &facts), TSDB_OK);
    return facts;
}

#endif
