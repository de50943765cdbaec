/* stage_unpack.h - | unpack: what Promtail's pack stage made of a line and its labels.
 *
 *   {"app": "x", "_entry": "the line"}     the line is "the line", app = x
 *
 * Only strings count.  Without "_entry" nothing changes.  A line that is no object sets
 * __error__ = JSONParserErr.
 */
#ifndef TSDB_LOGQL_STAGE_UNPACK_H
#define TSDB_LOGQL_STAGE_UNPACK_H

#include "tsdb/logql/pass.h"

void stage_unpack_run(struct pass *p);

#endif
