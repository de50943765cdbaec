/* otlp_metrics.h - OTLP metrics (ExportMetricsServiceRequest) to Prometheus series.
 *
 *   resource ─┐ hash of the raw bytes of each, combined:
 *   scope    ─┤     key(point) = resource . scope . metric . attributes . part
 *   metric   ─┤ part: the value itself, bucket le, sum, count, quantile,
 *   point    ─┘ or target_info (of the resource alone)
 *
 * Only a series that the engine has not met is translated: names and units by
 * otlp_names.h; attributes to labels (keys that collide once translated are
 * joined with ';', in key order); job = service.namespace/service.name and
 * instance = service.instance.id; scope labels otel_scope_*; chosen resource
 * attributes promoted.  Precedence, strongest first: __name__, le, quantile; job,
 * instance; scope; point attributes; promoted.  The options are part of every key.
 *
 * gauge, sum            one series
 * histogram             NAME_bucket{le}, NAME_sum (when sent), NAME_count
 * exponential           one native histogram: scale above 8 halved down to it,
 *                       below -4 refused; bucket i of OTLP is (base^i, base^(i+1)],
 *                       of Prometheus (base^(i-1), base^i]: offsets move by one
 * summary               NAME{quantile}, NAME_sum, NAME_count
 * resource              target_info at its latest time, when it has job or instance
 *                       and any other attribute
 * Delta points are handed over as they are, note.is_delta set; what is cumulative and
 * monotonic (quantiles are not) has note.is_total.  The flag
 * "no recorded value" becomes a stale marker.  Exemplars go to the bucket that
 * holds their value.
 */
#ifndef COLLECTOR_DECODE_OTLP_METRICS_H
#define COLLECTOR_DECODE_OTLP_METRICS_H

#include "collector/decode/otlp_names.h"
#include "collector/decode/sink.h"

#include <stdatomic.h>

enum { OTLP_SEEN_SLOTS = 4096, OTLP_BUCKETS_MAX = 1000, OTLP_EXEMPLARS_MAX = 32 };

/* Remembers which metadata was handed over, so that it is not sent with each
 * request.  Atomic: slots, relaxed; a lost update means one more hand-over. */
struct otlp_seen {
    _Atomic uint64_t slots[OTLP_SEEN_SLOTS];
};

/* What was handed over was not kept: hand it over again. */
void otlp_seen_reset(struct otlp_seen *seen);

struct otlp_options {
    enum otlp_strategy strategy;
    bool has_no_target_info;
    bool has_no_scope_labels;
    bool keeps_identifying;           /* service.* stay in target_info too */
    bool promotes_all;                /* every resource attribute on every series */
    const struct tsdb_text *promoted; /* names of resource attributes */
    uint32_t promoted_count;
    struct otlp_seen *seen; /* NULL: metadata with every request */
};

enum tsdb_status otlp_metrics_decode(const struct decode_task *task,
                                     const struct otlp_options *options, struct bytes in,
                                     struct decode_tally *tally, struct tsdb_error *err);

#endif
