/* otlp_context.h - what one OTLP metrics request is walked with.
 *
 * A point is named by four things around it: its resource, its scope, its metric
 * and its own attributes.  Each has a context that lives in the request's arena as
 * long as points refer to it; one that named no point is used again, so that a
 * request of a million empty metrics costs nothing.
 *
 * otlp_labels.c makes labels of a (metric context, raw point, part); otlp_points.c
 * and otlp_exponential.c turn data points into staged ones; otlp_metrics.c walks.
 */
#ifndef COLLECTOR_DECODE_OTLP_CONTEXT_H
#define COLLECTOR_DECODE_OTLP_CONTEXT_H

#include "collector/decode/otlp_metrics.h"
#include "collector/decode/pull.h"
#include "collector/decode/stage.h"

/* Field numbers of Metric.data, used as the kind of a metric. */
enum otlp_kind {
    OTLP_KIND_NONE = 0,
    OTLP_KIND_GAUGE = 5,
    OTLP_KIND_SUM = 7,
    OTLP_KIND_HISTOGRAM = 9,
    OTLP_KIND_EXPONENTIAL = 10,
    OTLP_KIND_SUMMARY = 11,
};

enum otlp_temporality { OTLP_UNSPECIFIED = 0, OTLP_DELTA = 1, OTLP_CUMULATIVE = 2 };

/* Which of an item's series; stage_source.part. */
enum otlp_part {
    OTLP_VALUE = 0,
    OTLP_BUCKET, /* bits: the upper bound */
    OTLP_SUM,
    OTLP_COUNT,
    OTLP_QUANTILE,    /* bits: the quantile */
    OTLP_TARGET_INFO, /* context: a struct otlp_resource */
};

struct otlp_resource {
    struct tsdb_hash hash;
    struct bytes raw;
    bool is_resolved, has_other;    /* other attributes than job and instance are made of */
    struct tsdb_text job, instance; /* "" when not said */
    int64_t latest;                 /* newest time of its points */
};

struct otlp_scope {
    struct tsdb_hash hash;
    struct bytes raw;
    struct tsdb_text schema_url;
    struct otlp_resource *resource;
};

struct otlp_metric {
    struct tsdb_hash hash;
    struct tsdb_text name, unit, description;
    enum otlp_kind kind;
    enum otlp_temporality temporality;
    bool is_monotonic;
    struct bytes data;
    const struct otlp_scope *scope;
    struct tsdb_text family; /* translated; .at NULL until needed */
};

struct otlp_walk {
    struct stage stage;
    const struct decode_task *task;
    const struct otlp_options *options;
    struct tsdb_hash domain; /* of the options: other names, other keys */
};

/* ---- otlp_labels.c -------------------------------------------------------------- */

/* Job, instance, has_other. */
enum tsdb_status otlp_resource_resolve(struct otlp_resource *resource, struct arena *arena);
/* The translated family name; empty when nothing is left of it. */
enum tsdb_status otlp_family(const struct otlp_walk *walk, struct otlp_metric *metric);
/* A stage_labels_fn; arg: struct otlp_walk. */
enum tsdb_status otlp_labels(void *arg, const struct stage_source *source, struct arena *names,
                             struct tsdb_labels *out);
/* trace_id, span_id and filtered attributes (where all together are at most 128
 * characters) of one Exemplar message. */
enum tsdb_status otlp_exemplar_labels(const struct otlp_walk *walk, struct bytes in,
                                      struct arena *arena, struct tsdb_labels *out);

/* ---- otlp_points.c, otlp_exponential.c ------------------------------------------ */

/* What all data points have. */
struct otlp_point {
    struct bytes raw;
    struct tsdb_hash attributes; /* of their raw bytes */
    int64_t ts, start_ts;
    uint32_t exemplars; /* how many there are */
    bool is_stale;
};

/* Numbers of the fields that all data points have but number differently. */
struct otlp_point_fields {
    uint32_t attributes, exemplars, flags;
};

const struct otlp_point_fields *otlp_point_fields(enum otlp_kind kind);
/* Walks the point once for the above. */
enum tsdb_status otlp_point_scan(const struct otlp_walk *walk, const struct otlp_metric *metric,
                                 struct bytes in, struct otlp_point *out);
/* Key of one of its series. */
struct tsdb_hash otlp_point_key(const struct otlp_metric *metric, const struct otlp_point *point,
                                enum otlp_part part, uint64_t bits);
/* Stages one series of the point, notes included; its index. */
uint32_t otlp_stage(struct otlp_walk *walk, const struct otlp_metric *metric,
                    const struct otlp_point *point, enum otlp_part part, uint64_t bits,
                    double value);
/* Exemplars of the point, each to the staged index that `place` answers. */
typedef uint32_t otlp_place_fn(const void *arg, double value);
enum tsdb_status otlp_exemplars(struct otlp_walk *walk, const struct otlp_metric *metric,
                                const struct otlp_point *point, otlp_place_fn *place,
                                const void *arg);

/* One data point of the metric's kind. */
enum tsdb_status otlp_put_number(struct otlp_walk *walk, const struct otlp_metric *metric,
                                 struct bytes in);
enum tsdb_status otlp_put_histogram(struct otlp_walk *walk, const struct otlp_metric *metric,
                                    struct bytes in);
enum tsdb_status otlp_put_summary(struct otlp_walk *walk, const struct otlp_metric *metric,
                                  struct bytes in);
enum tsdb_status otlp_put_exponential(struct otlp_walk *walk, const struct otlp_metric *metric,
                                      struct bytes in);

#endif
