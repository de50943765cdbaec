/* trace_room.h - what the parts of one TraceQL query share: its budget, its end, its counts. */
#ifndef TSDB_TRACEQL_TRACE_ROOM_H
#define TSDB_TRACEQL_TRACE_ROOM_H

#include "tsdb/base/clock.h"
#include "tsdb/traceql/span_part.h"

#include <stdatomic.h>

struct trace_room {
    struct traces *traces;
    struct clock *clock;
    struct budget *budget; /* the query's own */
    const char *tenant;
    int64_t deadline; /* on the monotonic clock */
    uint64_t bytes_max, series_max;
    const _Atomic bool *is_canceled;
    bool is_single; /* no threads: simulation */
    struct trace_counts {
        _Atomic uint64_t groups, groups_skipped, spans, spans_read, traces, bytes;
        _Atomic bool is_partial;
    } counts;
};

/* TSDB_ECANCELED when it is time to end. */
TSDB_NODISCARD enum tsdb_status trace_room_poll(const struct trace_room *room,
                                                struct tsdb_error *err);
/* TSDB_ELIMIT, in the words of every place that runs out of the query's memory. */
enum tsdb_status trace_room_full(const struct trace_room *room, struct tsdb_error *err);
/* Counts a part that was looked at, its spans and the bytes decoded. */
void trace_room_count(struct trace_room *room, struct span_part *part, bool is_skipped);
/* A snapshot of the parts with spans in [start, end). */
TSDB_NODISCARD enum tsdb_status trace_room_select(struct trace_room *room, int64_t start,
                                                  int64_t end, struct traces_set **out,
                                                  struct tsdb_error *err);
/* The whole trace, counted.  TSDB_ENOTFOUND. */
TSDB_NODISCARD enum tsdb_status trace_room_read(struct trace_room *room, struct traces_set *set,
                                                const struct tsdb_trace_id *id,
                                                struct tsdb_trace **out, struct tsdb_error *err);

#endif
