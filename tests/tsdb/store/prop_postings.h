/* prop_postings.h - laws of postings.h over any bytes.  The first two bytes say what
 * to filter with, the rest is the list. */
#ifndef TESTS_TSDB_STORE_PROP_POSTINGS_H
#define TESTS_TSDB_STORE_PROP_POSTINGS_H

#include "tsdb/base/assert.h"
#include "tsdb/base/writer.h"
#include "tsdb/store/postings.h"

enum { PROP_UNIVERSE = 40000 };

static inline void prop_filter(struct bytes in, const struct ordinals *list, uint32_t step,
                               bool is_kept)
{
    struct ordinals got = {0}, want = {0};
    for (uint32_t v = step; v < PROP_UNIVERSE; v += 1 + v % (step + 1)) {
        ordinals_append(&got, v);
        ordinals_append(&want, v);
    }
    ASSERT(postings_filter(in, PROP_UNIVERSE, is_kept, &got) == TSDB_OK);
    if (is_kept)
        ordinals_intersect(&want, list);
    else
        ordinals_subtract(&want, list);
    ASSERT(got.count == want.count);
    ASSERT(got.count == 0 || memcmp(got.at, want.at, got.count * sizeof *got.at) == 0);
    ordinals_release(&got);
    ordinals_release(&want);
}

/* Returns whether the bytes are a list. */
static inline bool prop_postings(const uint8_t *data, size_t len)
{
    if (len < 2)
        return false;
    struct bytes in = {data + 2, len - 2};
    struct ordinals list = {0}, again = {0};
    uint32_t count = 0;
    if (postings_decode(in, PROP_UNIVERSE, &list) != TSDB_OK) {
        ASSERT(list.count == 0);
        /* Filtering reads less, so it may not notice; it must stay in bounds. */
        ordinals_append_run(&list, data[0], data[1]);
        (void)!postings_filter(in, PROP_UNIVERSE, data[0] & 1, &list);
        ordinals_release(&list);
        return false;
    }
    ASSERT(postings_count(in, PROP_UNIVERSE, &count) == TSDB_OK && count == list.count);
    for (uint32_t i = 0; i < list.count; i++)
        ASSERT(list.at[i] < PROP_UNIVERSE && (i == 0 || list.at[i - 1] < list.at[i]));
    struct writer w = {0};
    postings_encode(&list, &w);
    ASSERT(w.len <= in.len);
    ASSERT(postings_decode(writer_bytes(&w), PROP_UNIVERSE, &again) == TSDB_OK);
    ASSERT(again.count == list.count);
    ASSERT(list.count == 0 || memcmp(again.at, list.at, list.count * sizeof *list.at) == 0);
    prop_filter(in, &list, data[0], true);
    prop_filter(in, &list, data[1], false);
    writer_release(&w);
    ordinals_release(&list);
    ordinals_release(&again);
    return true;
}

#endif
