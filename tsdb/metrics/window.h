/* window.h - windows of time, aligned to the epoch, over all of int64. */
#ifndef TSDB_METRICS_WINDOW_H
#define TSDB_METRICS_WINDOW_H

#include <stdint.h>

/* The start of the window of `width` > 0 in which ts lies; the first one is cut off by
 * INT64_MIN. */
static inline int64_t window_start(int64_t ts, int64_t width)
{
    int64_t into = ts % width;
    if (into < 0)
        into += width;
    return ts < INT64_MIN + into ? INT64_MIN : ts - into;
}

/* Its end, the first time that is not in it any more; of the last one INT64_MAX. */
static inline int64_t window_end(int64_t start, int64_t width)
{
    return start > INT64_MAX - width ? INT64_MAX : start + width;
}

#endif
