/* span_limits.h - what spans and sources keep to, so that every one of them can be written.
 *
 * A span that passes fits into an empty builder (span_builder.h); names are checked apart,
 * because a batch has few of them and they come again in every span.
 *
 * Pure, but for a seed.
 */
#ifndef TSDB_TRACES_SPAN_LIMITS_H
#define TSDB_TRACES_SPAN_LIMITS_H

#include "tsdb/traces/span_group.h"

enum {
    /* Columns of attributes in a table: the others are intrinsics. */
    SPAN_ATTRIBUTE_COLUMNS_MAX = GROUP_COLUMNS_MAX - 32,
};

/* What was counted: texts are those of names and values, fields those of everything. */
struct span_size {
    uint64_t text_bytes, fields;
};

/* Everything but the names of attributes.  TSDB_ACCEPTED; TSDB_TOO_LARGE: counts, texts, or
 * events (links) with too many different attributes; TSDB_BAD_LABELS: an id is all zero, a
 * type is none.  *size is set when it is accepted. */
enum tsdb_verdict span_size_check(const struct tsdb_span *span, struct span_size *size);
enum tsdb_verdict span_source_size_check(const struct tsdb_span_source *source,
                                         struct span_size *size);

/* Not empty, UTF-8, at most GROUP_NAME_MAX bytes. */
bool span_name_check(struct tsdb_text name);

/* The same with names: what a batch may hold. */
enum tsdb_verdict span_check(const struct tsdb_span *span);
enum tsdb_verdict span_source_check(const struct tsdb_span_source *source);

#endif
