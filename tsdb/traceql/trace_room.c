#include "tsdb/traceql/trace_room.h"

#include "tsdb/base/status.h"

enum tsdb_status trace_room_poll(const struct trace_room *room, struct tsdb_error *err)
{
    if (room->is_canceled && atomic_load_explicit(room->is_canceled, memory_order_relaxed))
        return tsdb_fail(err, TSDB_ECANCELED, "query was canceled");
    if (clock_mono_ns(room->clock) > room->deadline)
        return tsdb_fail(err, TSDB_ECANCELED, "query timed out");
    return TSDB_OK;
}

enum tsdb_status trace_room_full(const struct trace_room *room, struct tsdb_error *err)
{
    return tsdb_fail(err, TSDB_ELIMIT,
                     "query needs more than the %llu bytes of memory that it may have (bytes_max)",
                     (unsigned long long)room->bytes_max);
}

void trace_room_count(struct trace_room *room, struct span_part *part, bool is_skipped)
{
    (void)atomic_fetch_add(&room->counts.groups, 1);
    if (is_skipped)
        (void)atomic_fetch_add(&room->counts.groups_skipped, 1);
    else
        (void)atomic_fetch_add(&room->counts.spans, part->rows[SPAN_TABLE_SPANS]);
    (void)atomic_fetch_add(&room->counts.bytes, part->bytes);
    part->bytes = 0;
}

enum tsdb_status trace_room_select(struct trace_room *room, int64_t start, int64_t end,
                                   struct traces_set **out, struct tsdb_error *err)
{
    struct traces_selection selection = {room->tenant, start, end};
    enum tsdb_status st = traces_select(room->traces, &selection, room->budget, out, err);
    if (st == TSDB_OK && traces_set_is_partial(*out))
        atomic_store(&room->counts.is_partial, true);
    return st;
}

enum tsdb_status trace_room_read(struct trace_room *room, struct traces_set *set,
                                 const struct tsdb_trace_id *id, struct tsdb_trace **out,
                                 struct tsdb_error *err)
{
    enum tsdb_status st = traces_set_read(set, id, room->bytes_max, room->budget, out, err);
    if (st != TSDB_OK)
        return st;
    (void)atomic_fetch_add(&room->counts.traces, 1);
    (void)atomic_fetch_add(&room->counts.spans_read, (*out)->span_count);
    if ((*out)->is_partial)
        atomic_store(&room->counts.is_partial, true);
    return TSDB_OK;
}
