#include "tsdb/query/call_info.h"

#include "tsdb/base/status.h"

enum tsdb_status call_info_new(struct eval *ev, const struct expr *e, const struct grid *grid,
                               struct op **out, struct tsdb_error *err)
{
    (void)ev;
    (void)e;
    (void)grid;
    (void)out;
    return tsdb_fail(err, TSDB_EEXEC, "function info is not available");
}
