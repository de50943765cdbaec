/* annotations.h - warnings and infos that a query's answer carries.
 *
 * An annotation is a line of text with the place in the query that it is about:
 *   PromQL info: metric might not be a counter, name does not end in
 *   _total/_sum/_count/_bucket: "x" (1:6)
 * The same text is kept once, however many steps and series cause it.  Texts
 * are those of Prometheus 3, which clients show as they are.
 *
 * Limit: ANNOTATIONS_MAX different ones of each kind; further ones are counted
 * and become one last line.  Owner: one query.  Memory: the arena's, and when
 * that is full an annotation is lost, never the query.
 */
#ifndef TSDB_QUERY_ANNOTATIONS_H
#define TSDB_QUERY_ANNOTATIONS_H

#include "tsdb/base/arena.h"
#include "tsdb/tsdb.h"

enum { ANNOTATIONS_MAX = 100, ANNOTATION_TEXT_MAX = 400 };

enum annotation_kind { ANNOTATION_WARNING, ANNOTATION_INFO, ANNOTATION_KINDS };

struct annotation;

struct annotations {
    struct arena *arena;     /* borrowed */
    struct tsdb_text source; /* the query's text; borrowed */
    struct annotation *lists[ANNOTATION_KINDS], *last[ANNOTATION_KINDS];
    uint32_t counts[ANNOTATION_KINDS];
    uint32_t dropped[ANNOTATION_KINDS];
};

/* Bytes at which the buckets of a classic histogram had to be made monotonic. */
struct annotation_monotonicity {
    int64_t ts;
    double bucket_min, bucket_max, diff_max;
};

void annotations_init(struct annotations *a, struct arena *arena, struct tsdb_text source);
/* begin: byte of the source.  The text comes without "PromQL warning: ". */
void annotations_add(struct annotations *a, enum annotation_kind kind, uint32_t begin,
                     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* text "name" */
void annotations_named(struct annotations *a, enum annotation_kind kind, uint32_t begin,
                       const char *text, struct tsdb_text name);
/* A number as Prometheus prints it: NaN, +Inf, 1.5, 1e+21; for %s in a text. */
struct annotation_number {
    char at[40];
};
struct annotation_number annotation_number(double v);
/* The one annotation that sums up what it met: range of times, of buckets. */
void annotations_monotonicity(struct annotations *a, uint32_t begin,
                              const struct annotation_monotonicity *met);
/* NULL past the end. */
const char *annotations_get(const struct annotations *a, enum annotation_kind kind, uint32_t index);

#endif
