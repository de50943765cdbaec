/* span_metrics.h - metrics derived from spans as they come in: the one face of this room.
 *
 *   accepted spans --> span_metrics_observe --> sets in memory --> tick --> tsdb_append
 *                                 \--> service graph --/
 *
 *   traces_spanmetrics_calls_total             service, span_name, span_kind, status_code,
 *   traces_spanmetrics_latency_{bucket,sum,count}     job, instance, configured dimensions
 *   traces_spanmetrics_size_total
 *   traces_target_info                         job, instance, attributes of the resource
 *   traces_service_graph_request_total         client, server, connection_type
 *   traces_service_graph_request_failed_total
 *   traces_service_graph_request_{server,client,messaging_system}_seconds_{bucket,sum,count}
 *
 * Names and labels are those that Grafana's service map and span metrics tables ask Prometheus
 * for, and are Tempo's.  They are the tenant's whose spans they are.
 *
 * A span counts when it comes in, wherever its own time lies.  Totals are kept in memory, begin
 * at 0 with the process and are stored every interval, with the time since when they count, so
 * that rate() knows of restarts.  A set that counted nothing for SPAN_METRICS_IDLE ends with
 * stale markers.  Spans whose name, or what else would be a label, is not UTF-8 count
 * nowhere (SPAN_METRICS_INVALID); limits: derived_table.h, service_graph.h.
 *
 * Threads: observe from any; the lock is held for SPAN_METRICS_CHUNK spans at a time.  tick,
 * flush and free: one thread.  configure: any.
 */
#ifndef COLLECTOR_DERIVE_SPAN_METRICS_H
#define COLLECTOR_DERIVE_SPAN_METRICS_H

#include "tsdb/base/budget.h"
#include "tsdb/base/clock.h"
#include "tsdb/tsdb.h"

#define SPAN_METRICS_IDLE (15 * NS_PER_MINUTE)
enum { SPAN_METRICS_CHUNK = 64, SPAN_METRICS_DIMENSIONS_MAX = 16 };

/* What may change while running. */
struct span_metrics_settings {
    bool is_on; /* false: what there is ends with the next tick */
    int64_t interval;
    uint32_t series_max; /* a tenant's */
    int64_t graph_wait;
    uint32_t graph_items_max;
};

struct span_metrics_options {
    struct tsdb *db;       /* borrowed */
    struct budget *budget; /* borrowed, or NULL */
    struct clock *clock;   /* NULL: the real one */
    struct span_metrics_settings settings;
    const struct tsdb_text *dimensions; /* names of attributes; copied */
    uint32_t dimension_count;           /* at most SPAN_METRICS_DIMENSIONS_MAX */
};

/* Every default, but for db. */
void span_metrics_options_init(struct span_metrics_options *options);

struct span_metrics;

struct span_metrics *span_metrics_new(const struct span_metrics_options *options);
void span_metrics_free(struct span_metrics *sm); /* NULL is a no-op */
void span_metrics_configure(struct span_metrics *sm, const struct span_metrics_settings *settings);

/* Counts the spans that the store has accepted (verdicts: one a span; NULL: all). */
void span_metrics_observe(struct span_metrics *sm, const struct tsdb_span_batch *batch,
                          const uint8_t *verdicts);

/* Ends requests that have waited for long enough and, where the interval has passed, stores
 * all totals.  To be called a few times a second. */
void span_metrics_tick(struct span_metrics *sm);
/* Stores all totals now; at the end, so that the last interval is there. */
void span_metrics_flush(struct span_metrics *sm);
/* Fills the gauges; for counters_on_collect; arg is the struct span_metrics. */
void span_metrics_collect(void *arg);

#endif
