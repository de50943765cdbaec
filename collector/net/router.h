/* router.h - which handler answers a path, and who may call it.
 *
 * Paths match as they came, percent-encoded: nothing is decoded or normalised
 * between the check and the handler.  An exact path wins over prefixes (paths
 * that end in '/'), a longer prefix over a shorter one; several routes may share
 * a path and differ in their methods.  HEAD is GET without the body.
 *
 *   no such path      404           no such method       405 with Allow
 *   unknown method    501           OPTIONS              204 with Allow
 *   no credential     401           scope not granted    403
 *
 * Admission happens on the head, before a body is read: what may not come in is
 * never buffered.  Immutable after router_new; loop threads only.
 */
#ifndef COLLECTOR_NET_ROUTER_H
#define COLLECTOR_NET_ROUTER_H

#include "collector/net/carrier.h"

enum admission {
    ADMIT_YES,
    ADMIT_NO,   /* answered already */
    ADMIT_WAIT, /* ops->admitted tells */
};

/* Borrowed; family may be NULL. */
TSDB_NODISCARD enum tsdb_status router_new(const struct exchange_route *routes, size_t count,
                                           const struct exchange_family *family,
                                           struct router **out, struct tsdb_error *err);
void router_free(struct router *router);

enum admission router_admit(struct exchange *x);
/* The request is complete: runs the handler. */
void router_run(struct exchange *x);

#endif
