/* span_columns.h - the columns that the tables of a span group have besides attributes
 * (span_group.h), for those who write and read them all.
 */
#ifndef TSDB_TRACES_SPAN_COLUMNS_H
#define TSDB_TRACES_SPAN_COLUMNS_H

#include "tsdb/traces/span_group.h"

enum {
    INTRINSIC_TRACE_ID,
    INTRINSIC_SPAN_ID,
    INTRINSIC_PARENT,
    INTRINSIC_PARENT_ID,
    INTRINSIC_TRACE_START,
    INTRINSIC_START,
    INTRINSIC_DURATION,
    INTRINSIC_NAME,
    INTRINSIC_STATUS_MESSAGE,
    INTRINSIC_TRACE_STATE,
    INTRINSIC_SOURCE,
    INTRINSIC_KIND,
    INTRINSIC_STATUS,
    INTRINSIC_FLAGS,
    INTRINSIC_DROPPED_ATTRIBUTES,
    INTRINSIC_DROPPED_EVENTS,
    INTRINSIC_DROPPED_LINKS,
    INTRINSIC_TENANT,
    INTRINSIC_SCOPE_NAME,
    INTRINSIC_SCOPE_VERSION,
    INTRINSIC_RESOURCE_SCHEMA_URL,
    INTRINSIC_SCOPE_SCHEMA_URL,
    INTRINSIC_RESOURCE_DROPPED,
    INTRINSIC_SCOPE_DROPPED,
    INTRINSIC_ROW,
    INTRINSIC_SPAN,
    INTRINSIC_TIME,
    INTRINSICS,
};

struct intrinsic {
    const char *name;
    enum column_kind kind;
    unsigned flags;
    unsigned tables;   /* bits: those that have it */
    unsigned everyone; /* bits: those where every row has it */
};

extern const struct intrinsic span_intrinsics[INTRINSICS];

#endif
