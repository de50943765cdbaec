/* call_info.h - info(v, {...}): adds the labels of info metrics to v's rows. */
#ifndef TSDB_QUERY_CALL_INFO_H
#define TSDB_QUERY_CALL_INFO_H

#include "tsdb/query/eval.h"

TSDB_NODISCARD enum tsdb_status call_info_new(struct eval *ev, const struct expr *e,
                                              const struct grid *grid, struct op **out,
                                              struct tsdb_error *err);

#endif
