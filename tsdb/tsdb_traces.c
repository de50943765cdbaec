/* tsdb_traces.c - the facade's third part: traces. */
#include "tsdb/tsdb_traces.h"

#include "tsdb/db.h"

enum tsdb_status tsdb_span_append(struct tsdb *db, const struct tsdb_span_batch *batch,
                                  struct tsdb_appended *out, uint8_t *verdicts,
                                  struct tsdb_error *err)
{
    enum tsdb_status st = traces_append(db->traces, batch, out, verdicts, err);
    if (st == TSDB_ELIMIT)
        driver_kick(&db->driver); /* sealing is what makes room */
    return st;
}

/* NOLINTNEXTLINE(readability-function-size): public */
enum tsdb_status tsdb_trace_read(struct tsdb *db, const char *tenant,
                                 const struct tsdb_trace_id *id, int64_t start, int64_t end,
                                 uint64_t bytes_max, struct tsdb_trace **out,
                                 struct tsdb_error *err)
{
    return traces_read(db->traces, tenant, id, start, end, bytes_max, out, err);
}

void tsdb_trace_free(struct tsdb_trace *trace)
{
    traces_trace_free(trace);
}
