/* origin.h - what of a resource the metrics of its spans say.
 *
 *   service    service.name                         label service, client or server
 *   job        [service.namespace/]service.name     label job
 *   instance   service.instance.id                  label instance
 *   target     every other attribute                labels of traces_target_info
 *
 * and the values of the dimensions (settings: names of attributes) that the resource has; those
 * that it has not are looked for in each span.  Two attributes that make one label are one
 * dimension; of those that are there the last named counts.
 *
 * Texts are borrowed from the batch or lie in the arena, cut to SET_TEXT_MAX bytes at a
 * character's end.  They may be any bytes: who makes labels of them checks.
 * Pure.
 */
#ifndef COLLECTOR_DERIVE_ORIGIN_H
#define COLLECTOR_DERIVE_ORIGIN_H

#include "collector/derive/derived_set.h"
#include "tsdb/base/arena.h"

enum { DIMENSIONS_MAX = 16 };

struct dimension {
    struct tsdb_text attribute; /* owned */
    struct tsdb_text label;     /* owned */
    uint32_t slot;              /* of its value: of those with one label the first's index */
};

/* Immutable after dimensions_init. */
struct dimensions {
    struct dimension at[DIMENSIONS_MAX];
    uint32_t count;
};

/* count: at most DIMENSIONS_MAX.  Names that are labels of the metrics already get "__" before
 * them ("__service"). */
void dimensions_init(struct dimensions *d, const struct tsdb_text *names, uint32_t count);
void dimensions_release(struct dimensions *d);
/* Puts the values of attributes that are dimensions; at == NULL where there was none before. */
void dimensions_find(const struct dimensions *d, const struct tsdb_fields *attributes,
                     struct arena *arena, struct tsdb_text out[DIMENSIONS_MAX]);

struct origin {
    struct tsdb_text service, space, instance; /* empty: not there */
    struct tsdb_hash identity;                 /* of these three */
    struct tsdb_hash target;                   /* of all attributes, in any order */
    bool has_target;                           /* there is something to say of it */
    struct tsdb_text dimensions[DIMENSIONS_MAX];
};

void origin_resolve(struct origin *o, const struct tsdb_fields *resource,
                    const struct dimensions *d, uint64_t seed, struct arena *arena);
/* "space/service"; the arena's. */
struct tsdb_text origin_job(const struct origin *o, struct arena *arena);
/* Labels of its traces_target_info; out: SET_LABELS_MAX. */
struct tsdb_labels origin_target_labels(const struct origin *o, const struct tsdb_fields *resource,
                                        struct arena *arena, struct tsdb_label *out);

/* The value as labels show it; empty when the arena is full. */
struct tsdb_text field_label_text(const struct tsdb_field *f, struct arena *arena);
struct tsdb_text label_text_cut(struct tsdb_text text, size_t bytes_max);

#endif
