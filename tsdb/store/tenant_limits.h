/* tenant_limits.h - the limits of tenants that have their own.
 *
 *   name --hash--> slot --> entry: name, struct tsdb_limits
 *
 * Open addressing over at least twice as many slots as entries: one probe a batch, however
 * many tenants there are.  A struct of zeroes is empty.
 * Immutable after init; the owner guards the struct.
 */
#ifndef TSDB_STORE_TENANT_LIMITS_H
#define TSDB_STORE_TENANT_LIMITS_H

#include "tsdb/tsdb.h"

struct tenant_limits_entry {
    char *tenant; /* owned */
    struct tsdb_limits limits;
};

struct tenant_limits {
    struct tenant_limits_entry *at; /* owned */
    uint32_t *slots;                /* owned; index + 1 into at; 0: free */
    uint32_t count, mask;           /* mask: slots - 1 */
};

/* Copies; of one name the first counts. */
void tenant_limits_init(struct tenant_limits *t, const struct tsdb_tenant_limits *at, size_t count);
void tenant_limits_release(struct tenant_limits *t);
/* NULL: the tenant has none of its own. */
const struct tsdb_limits *tenant_limits_find(const struct tenant_limits *t, const char *tenant);

#endif
