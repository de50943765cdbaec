/* reference.h - what a query says of a span: its attributes and intrinsics.
 *
 * An attribute has a place (span.a, resource.a, ...) or none (.a: wherever it is found).
 * Two spellings of an intrinsic (duration, span:duration) are one; it is written as Tempo
 * writes it.
 */
#ifndef TSDB_TRACEQL_REFERENCE_H
#define TSDB_TRACEQL_REFERENCE_H

#include "tsdb/base/arena.h"
#include "tsdb/traceql/value.h"

enum traceql_intrinsic {
    INTRINSIC_NONE = 0,
    INTRINSIC_DURATION,                /* DURATION */
    INTRINSIC_NAME,                    /* STRING */
    INTRINSIC_STATUS,                  /* STATUS */
    INTRINSIC_STATUS_MESSAGE,          /* STRING */
    INTRINSIC_KIND,                    /* KIND */
    INTRINSIC_CHILD_COUNT,             /* INT */
    INTRINSIC_SPAN_ID,                 /* STRING: lower-case hex */
    INTRINSIC_PARENT_ID,               /* likewise */
    INTRINSIC_NESTED_SET_LEFT,         /* INT */
    INTRINSIC_NESTED_SET_RIGHT,        /* INT */
    INTRINSIC_NESTED_SET_PARENT,       /* INT */
    INTRINSIC_TRACE_ID,                /* STRING: hex; compared without leading zeros, which
                                        * statics that stand beside it have lost */
    INTRINSIC_TRACE_DURATION,          /* DURATION */
    INTRINSIC_ROOT_NAME,               /* STRING */
    INTRINSIC_ROOT_SERVICE,            /* STRING */
    INTRINSIC_EVENT_NAME,              /* STRING */
    INTRINSIC_EVENT_TIME_SINCE_START,  /* DURATION */
    INTRINSIC_LINK_TRACE_ID,           /* STRING */
    INTRINSIC_LINK_SPAN_ID,            /* STRING */
    INTRINSIC_INSTRUMENTATION_NAME,    /* STRING; typed ANY, as in Tempo */
    INTRINSIC_INSTRUMENTATION_VERSION, /* likewise */
    INTRINSICS,
};

struct traceql_ref {
    enum tsdb_trace_place place; /* ANY: not said (.a); INTRINSIC */
    enum traceql_intrinsic intrinsic;
    struct tsdb_text name; /* of attributes; unquoted */
};

/* ANY where the type is not known beforehand. */
enum traceql_type traceql_intrinsic_type(enum traceql_intrinsic intrinsic);
/* "duration", "trace:id". */
const char *traceql_intrinsic_name(enum traceql_intrinsic intrinsic);
/* As TraceQL writes it: "span.http.path", ".\"a b\"", "duration". */
void traceql_ref_format(const struct traceql_ref *ref, struct writer *out);
/* One attribute or intrinsic, as it stands in a query. */
TSDB_NODISCARD enum tsdb_status traceql_ref_parse(struct tsdb_text text, struct arena *arena,
                                                  struct traceql_ref *out, struct tsdb_error *err);

#endif
