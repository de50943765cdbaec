/* trace_scope.h - what there is to ask for: names of attributes, and their values.
 *
 *   names    the heads of the parts' columns; values: their dictionaries
 *   where a filter is asked, or a part has spans of other tenants: of the rows that pass
 *
 * Parts that have spans in the range are looked at whole.  At most SCOPE_VALUES_MAX values are
 * collected, from the newest parts on.
 */
#ifndef TSDB_TRACEQL_TRACE_SCOPE_H
#define TSDB_TRACEQL_TRACE_SCOPE_H

#include "tsdb/traceql/trace_query.h"

enum { SCOPE_VALUES_MAX = 200000, SCOPE_BYTES_MAX = 256 << 20 };

/* tsdb_trace_tags */
TSDB_NODISCARD enum tsdb_status trace_scope_tags(const struct trace_store *store,
                                                 const struct tsdb_trace_scope *scope,
                                                 enum tsdb_trace_place place, tsdb_trace_tag_fn *fn,
                                                 void *arg, struct tsdb_error *err);
/* tsdb_trace_tag_values */
TSDB_NODISCARD enum tsdb_status trace_scope_values(const struct trace_store *store,
                                                   const struct tsdb_trace_scope *scope,
                                                   enum tsdb_trace_place place,
                                                   struct tsdb_text name, tsdb_trace_value_fn *fn,
                                                   void *arg, struct tsdb_error *err);

#endif
