/* samples.h - filling and ordering struct samples (declared in select.h). */
#ifndef TSDB_METRICS_SAMPLES_H
#define TSDB_METRICS_SAMPLES_H

#include "tsdb/metrics/select.h"

/* Room for n more. */
void samples_reserve(struct samples *s, uint32_t n);
void samples_reset(struct samples *s);
/* The budget is passed: growing charges it, but does not fail. */
bool samples_is_over(const struct samples *s);

/* The histogram is borrowed, usually from s->arena. */
void samples_put_histogram(struct samples *s, int64_t ts, const struct tsdb_histogram *h);

static inline void samples_put(struct samples *s, int64_t ts, double v)
{
    if (s->count == s->cap)
        samples_reserve(s, 1);
    s->ts[s->count] = ts;
    s->values[s->count] = v;
    if (s->histograms)
        s->histograms[s->count] = NULL;
    s->count++;
}

/* Sorts by time, keeping of equal times the one that was put first, and drops
 * what lies outside [start, end].  Linear when already sorted.  Returns how many
 * repeated times were dropped. */
uint32_t samples_order(struct samples *s, int64_t start, int64_t end);
/* Drops the samples in [start, end]. */
void samples_cut(struct samples *s, int64_t start, int64_t end);

#endif
