/* prop_family.h - laws of family.h over bytes. */
#ifndef TESTS_CODEC_PROP_FAMILY_H
#define TESTS_CODEC_PROP_FAMILY_H

#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/codec/family.h"

#include <stdbool.h>

/* Bytes that decode do so column by column too; and what they decode to, if it
 * is integers, encodes to what decodes to the same.  Returns whether they were
 * accepted. */
static inline bool prop_family(const uint8_t *data, size_t len)
{
    struct bytes in = {data, len};
    uint32_t k, n;
    if (family_shape(in, &k, &n) != TSDB_OK || (uint64_t)k * n > 65536)
        return false;
    double *cells = MEM_ARRAY(double, (size_t)k *n), *again = MEM_ARRAY(double, (size_t)k *n);
    double *single = MEM_ARRAY(double, n), *columns[FAMILY_COLUMNS_MAX];
    double *agains[FAMILY_COLUMNS_MAX];
    const double *sources[FAMILY_COLUMNS_MAX];
    for (uint32_t i = 0; i < k; i++) {
        sources[i] = columns[i] = cells + (size_t)i * n;
        agains[i] = again + (size_t)i * n;
    }
    bool accepted = family_decode_all(in, columns, k, n) == TSDB_OK;
    if (accepted) {
        struct writer out = {0};
        for (uint32_t i = 0; i < k; i += k < 8 ? 1 : k / 8) {
            ASSERT(family_decode_column(in, i, single, n) == TSDB_OK);
            ASSERT(memcmp(single, columns[i], n * sizeof *single) == 0);
        }
        ASSERT(family_decode_column(in, k, single, n) == TSDB_ECORRUPT);
        if (family_encode(sources, k, n, &out)) {
            ASSERT(family_decode_all(writer_bytes(&out), agains, k, n) == TSDB_OK);
            ASSERT(memcmp(cells, again, (size_t)k * n * sizeof *cells) == 0);
        }
        writer_release(&out);
    }
    mem_free(cells);
    mem_free(again);
    mem_free(single);
    return accepted;
}

#endif
