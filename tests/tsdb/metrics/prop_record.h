/* prop_record.h - any bytes are refused or decode in bounds, whatever the record. */
#ifndef TESTS_TSDB_METRICS_PROP_RECORD_H
#define TESTS_TSDB_METRICS_PROP_RECORD_H

#include "tsdb/base/assert.h"
#include "tsdb/metrics/record.h"

struct prop_record_seen {
    uint64_t items, sum; /* sum: every byte was touched */
};

static inline void prop_record_touch(struct prop_record_seen *seen, const void *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        seen->sum += ((const uint8_t *)at)[i];
}

static inline void prop_record_sample(void *arg, const struct record_sample *s)
{
    struct prop_record_seen *seen = arg;
    seen->items++;
    seen->sum += s->ref + (uint64_t)s->ts + s->bits;
}

static inline void prop_record_histogram(void *arg, uint32_t ref, int64_t ts, struct bytes encoded)
{
    struct prop_record_seen *seen = arg;
    seen->items++;
    seen->sum += ref + (uint64_t)ts;
    prop_record_touch(seen, encoded.at, encoded.len);
}

static inline enum tsdb_status prop_record_series(void *arg, uint32_t ref,
                                                  struct tsdb_labels labels)
{
    struct prop_record_seen *seen = arg;
    seen->items++;
    seen->sum += ref;
    ASSERT(labels.count <= RECORD_LABELS_MAX);
    for (uint32_t i = 0; i < labels.count; i++) {
        prop_record_touch(seen, labels.at[i].name.at, labels.at[i].name.len);
        prop_record_touch(seen, labels.at[i].value.at, labels.at[i].value.len);
    }
    return TSDB_OK;
}

/* Returns how many of the decoders accepted the bytes. */
static inline int prop_record(struct bytes in)
{
    struct prop_record_seen seen = {0};
    int accepted = 0;
    accepted += record_samples_decode(in, prop_record_sample, &seen) == TSDB_OK;
    ASSERT(seen.items <= in.len / 8);
    accepted += record_histograms_decode(in, prop_record_histogram, &seen) == TSDB_OK;
    accepted += record_series_decode(in, prop_record_series, &seen) == TSDB_OK;
    struct tsdb_label labels[RECORD_LABELS_MAX];
    uint32_t count = UINT32_MAX;
    if (record_labels_decode(in, labels, &count) == TSDB_OK) {
        (void)prop_record_series(&seen, 0, (struct tsdb_labels){labels, count});
        accepted++;
    } else {
        ASSERT(count == UINT32_MAX); /* untouched */
    }
    return accepted;
}

#endif
