/* window.h - windows of time, aligned to the epoch, over all of int64, and which of them a
 * new segment of logs or traces covers: days; of what is older than a month 30 days, so that a
 * year of late records makes some forty segments and not hundreds. */
#ifndef TSDB_STORE_WINDOW_H
#define TSDB_STORE_WINDOW_H

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

struct time_window {
    int64_t start, end; /* [start, end); of the last one also INT64_MAX */
};

/* The span of time that a segment made at `now` covers, of which ts is one. */
struct time_window segment_window_of(int64_t now, int64_t ts);
/* The window of segments that hold [ts_min, ts_max]: a day, or what is next to it. */
struct time_window segment_window_over(int64_t ts_min, int64_t ts_max);

/* The windows that one seal writes, found again by time. */
enum { SEAL_WINDOWS_MAX = 64 };

struct windows {
    int64_t now;
    struct time_window at[SEAL_WINDOWS_MAX];
    uint32_t count, last; /* last: the one that was found last */
};

/* The index of the time's window; the last one takes whatever has none of its own. */
uint32_t windows_find(struct windows *w, int64_t ts);

#endif
