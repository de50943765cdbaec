/* tenant.h - tenants in the label indices, and what labels may be.
 *
 * A tenant other than the default one is a label, TENANT_LABEL, that only the engine sees: no
 * sender may use it, and every selection has a matcher for it. */
#ifndef TSDB_STORE_TENANT_H
#define TSDB_STORE_TENANT_H

#include "tsdb/store/matcher.h"

#define TENANT_LABEL "__tenant__"

/* The matchers (regular expressions borrowed, too) and one for the tenant, NULL or "" being the
 * default one; in an array of the caller's (mem_free). */
struct matcher *matchers_with_tenant(const char *tenant, const struct matcher *matchers,
                                     uint32_t count, uint32_t *out_count);

/* Whether a sender may use the label: TSDB_BAD_LABELS, TSDB_LABEL_LIMIT. */
enum tsdb_verdict label_check(const struct tsdb_limits *limits, struct tsdb_label label);
/* By name, in place; label sets come sorted nearly always. */
void labels_sort(struct tsdb_label *labels, uint32_t count);
/* Of sorted ones. */
bool labels_have_repeats(const struct tsdb_label *labels, uint32_t count);

#endif
