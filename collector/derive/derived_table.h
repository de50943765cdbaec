/* derived_table.h - every tenant's sets by key, and how many series a tenant may have.
 *
 * A key is a hash of what the set's labels say (span_metrics.c, service_graph.c make them),
 * so a look-up needs no labels.  A tenant that has series_max series gets no more sets:
 * what would need one is counted in one overflow set a kind,
 *   {service="other", metric_overflow="true"}, {client="other", server="other", ...}
 * which is beyond the limit.  Targets have none: they are left out.  A tenant's sets stand
 * in a dense array, so that whoever walks may stop and go on; taking one out moves the last.
 *
 * Memory: sets and tables are charged to the budget; where it says no, it is as if the
 * tenant were full.  At most DERIVED_TENANTS_MAX tenants, kept
 * until the end.
 * Guarded by: the lock of whoever embeds it.
 */
#ifndef COLLECTOR_DERIVE_DERIVED_TABLE_H
#define COLLECTOR_DERIVE_DERIVED_TABLE_H

#include "collector/derive/derived_set.h"
#include "collector/derive/key_table.h"

enum { DERIVED_TENANTS_MAX = 4096 };

struct derived_tenant {
    char *name; /* owned */
    struct key_table keys;
    struct derived_set **sets; /* by ordinal; owned */
    uint32_t set_count, set_cap;
    uint32_t series; /* counted against the limit */
    uint64_t folded; /* spans and requests that overflow sets counted */
};

struct derived_table {
    struct key_table by_name;
    struct derived_tenant **tenants; /* owned */
    uint32_t tenant_count;
    uint32_t series_max; /* a tenant's */
    uint64_t seed;
    struct budget *budget;
};

void derived_table_init(struct derived_table *t, uint64_t seed, uint32_t series_max,
                        struct budget *budget);
void derived_table_release(struct derived_table *t);

/* Made where there is none; NULL when there are too many. */
struct derived_tenant *derived_table_tenant(struct derived_table *t, const char *name);

static inline struct derived_set *derived_tenant_find(const struct derived_tenant *tenant,
                                                      struct tsdb_hash key)
{
    return key_table_find(&tenant->keys, key);
}

/* Whether another set of the kind would pass the limit. */
bool derived_table_is_full(const struct derived_table *t, const struct derived_tenant *tenant,
                           enum set_kind kind);
/* What a set begins with. */
struct set_birth {
    enum set_kind kind;
    struct tsdb_hash key; /* has no set yet */
    struct tsdb_labels labels;
    int64_t start_ns; /* wall */
    bool is_overflow; /* beyond the limit */
};
/* NULL when the budget says no. */
struct derived_set *derived_table_add(struct derived_table *t, struct derived_tenant *tenant,
                                      const struct set_birth *birth);
/* The overflow set of the kind, and counts that it was needed; not SET_TARGET.  NULL when the
 * budget says no. */
struct derived_set *derived_table_overflow(struct derived_table *t, struct derived_tenant *tenant,
                                           enum set_kind kind, int64_t start);
/* The caller frees it; another set may stand at its ordinal now. */
void derived_tenant_take(struct derived_tenant *tenant, struct derived_set *s);
/* Of all tenants. */
uint64_t derived_table_series(const struct derived_table *t);

#endif
