/* derived_set.h - the series that share a label set, counted in memory.
 *
 *   labels  --  counters[]   calls, bytes; requests, failed ones
 *           \-  latencies[]  classic histograms: buckets, sum
 *
 * A kind says which families a set has (set_shapes); series number i of a set is its i-th
 * counter, then of each histogram the buckets, the sum and the count.  Bounds double: bucket
 * i holds what took at most unit_ns << i, the last one the rest.  Defaults of Tempo's
 * metrics generator:
 *   spans  0.002 ... 16.384 s, 14 bounds    edges  0.1 ... 12.8 s, 8 bounds
 *
 * Values count from 0 since start_ns.  Exemplars: one a bucket since they were last taken,
 * at most LATENCY_EXEMPLARS_MAX a histogram; of more, those of the slower buckets.
 *
 * Labels are immutable; everything else is guarded by the lock of whoever holds the set.
 */
#ifndef COLLECTOR_DERIVE_DERIVED_SET_H
#define COLLECTOR_DERIVE_DERIVED_SET_H

#include "tsdb/base/budget.h"
#include "tsdb/tsdb.h"

enum set_kind {
    SET_SPANS,           /* by service, span name, kind, status */
    SET_EDGES,           /* by client, server */
    SET_MESSAGING_EDGES, /* likewise, through a messaging system */
    SET_TARGET,          /* a resource */
    SET_KIND_COUNT,
};

enum {
    SET_COUNTERS_MAX = 2,
    SET_LATENCIES_MAX = 3,
    SET_SERIES_MAX = 40,
    SET_LABELS_MAX = 60,
    SET_TEXT_MAX = 1024, /* bytes of a label's value; longer ones are cut */
    LATENCY_BUCKETS_MAX = 15,
    LATENCY_EXEMPLARS_MAX = 4,
};

struct derived_family {
    const char *name, *help;
    enum tsdb_metric_type type;
};

struct set_shape {
    struct derived_family counters[SET_COUNTERS_MAX];
    struct derived_family latencies[SET_LATENCIES_MAX];
    uint8_t counter_count, latency_count;
    uint8_t bucket_count; /* with the last, which has no bound */
    int64_t unit_ns;      /* of the first bucket */
};

extern const struct set_shape set_shapes[SET_KIND_COUNT];

/* Counters, and for each histogram its buckets, sum and count. */
static inline uint32_t set_series_count(enum set_kind kind)
{
    const struct set_shape *s = &set_shapes[kind];
    return s->counter_count + s->latency_count * (s->bucket_count + 2u);
}

/* Whose duration it was, and when it was counted. */
struct span_mark {
    struct tsdb_trace_id trace_id;
    struct tsdb_span_id span_id;
    int64_t ts;
};

struct latency_exemplar {
    struct span_mark mark;
    double value; /* seconds */
    uint8_t bucket;
};

struct latency {
    double sum;      /* seconds */
    uint16_t marked; /* bit i: bucket i has its exemplar, or did without */
    uint8_t exemplar_count;
    uint64_t buckets[LATENCY_BUCKETS_MAX]; /* each on its own, not cumulative */
    struct latency_exemplar exemplars[LATENCY_EXEMPLARS_MAX];
};

struct derived_set {
    double counters[SET_COUNTERS_MAX];
    int64_t seen_ns;  /* monotonic: when it last counted */
    int64_t start_ns; /* wall */
    enum set_kind kind;
    bool is_overflow;
    uint32_t ordinal;           /* in its tenant */
    uint32_t label_count;       /* sorted by name, no empty values */
    uint64_t bytes;             /* charged */
    struct tsdb_hash key;       /* in its tenant's table */
    struct tsdb_hash identity;  /* of the labels */
    struct tsdb_label *labels;  /* in this block, texts too */
    struct latency latencies[]; /* shape's count */
};

/* A set with these labels, in any order; empty values are left out, names do not repeat.
 * NULL when the budget says no.  seed: of identity. */
struct derived_set *derived_set_new(enum set_kind kind, struct tsdb_labels labels, uint64_t seed,
                                    struct budget *budget);
void derived_set_free(struct derived_set *s, struct budget *budget);

void latency_mark(struct latency *l, unsigned bucket, double seconds, const struct span_mark *mark);

/* ns: not negative. */
static inline unsigned latency_bucket(const struct set_shape *shape, int64_t ns)
{
    if (ns <= shape->unit_ns)
        return 0;
    uint64_t units = (uint64_t)(ns - 1) / (uint64_t)shape->unit_ns;
    unsigned i = 64 - (unsigned)__builtin_clzll(units);
    return i < shape->bucket_count ? i : shape->bucket_count - 1u;
}

static inline void latency_add(struct latency *l, const struct set_shape *shape, int64_t ns,
                               const struct span_mark *mark)
{
    unsigned bucket = latency_bucket(shape, ns);
    double seconds = (double)ns / 1e9;
    l->buckets[bucket]++;
    l->sum += seconds;
    if (!(l->marked >> bucket & 1))
        latency_mark(l, bucket, seconds, mark);
}

/* The values of all series, in their order; which series a bucket is. */
void derived_set_values(const struct derived_set *s, double out[SET_SERIES_MAX]);
uint32_t derived_set_bucket_series(enum set_kind kind, unsigned latency, unsigned bucket);

/* The name of series i and, where it is a bucket, its bound ("0.002", "+Inf"; else ""). */
enum { SERIES_NAME_MAX = 96, SERIES_BOUND_MAX = 32 };
struct series_name {
    char name[SERIES_NAME_MAX], bound[SERIES_BOUND_MAX];
    uint8_t name_len, bound_len;
};
void series_name_format(enum set_kind kind, uint32_t series, struct series_name *out);

#endif
