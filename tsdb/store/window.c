#include "tsdb/store/window.h"

#include "tsdb/base/clock.h"

#include <stdbool.h>

enum { FINE_DAYS = 31, COARSE_DAYS = 30 };

static struct time_window window_at(int64_t ts, int64_t width)
{
    int64_t start = window_start(ts, width);
    return (struct time_window){start, window_end(start, width)};
}

struct time_window segment_window_of(int64_t now, int64_t ts)
{
    bool is_fine = now < INT64_MIN + FINE_DAYS * NS_PER_DAY || ts > now - FINE_DAYS * NS_PER_DAY;
    return window_at(ts, is_fine ? NS_PER_DAY : COARSE_DAYS * NS_PER_DAY);
}

struct time_window segment_window_over(int64_t ts_min, int64_t ts_max)
{
    struct time_window day = window_at(ts_min, NS_PER_DAY);
    return ts_max < day.end ? day : window_at(ts_min, COARSE_DAYS * NS_PER_DAY);
}

uint32_t windows_find(struct windows *w, int64_t ts)
{
    const struct time_window *last = &w->at[w->last];
    struct time_window of = segment_window_of(w->now, ts);
    if (w->count > 0 && last->start == of.start && last->end == of.end)
        return w->last;
    for (uint32_t i = 0; i < w->count; i++)
        if (w->at[i].start == of.start && w->at[i].end == of.end)
            return w->last = i;
    if (w->count == SEAL_WINDOWS_MAX)
        return SEAL_WINDOWS_MAX - 1;
    w->at[w->count] = of;
    return w->last = w->count++;
}
