/* scope.h - from the selectors of a look-up (match[]) to selections of the engine. */
#ifndef TSDB_QUERY_SCOPE_H
#define TSDB_QUERY_SCOPE_H

#include "tsdb/base/arena.h"
#include "tsdb/metrics/select.h"
#include "tsdb/query/ast.h"

enum { SCOPE_SELECTORS_MAX = 256 };

struct scope {
    struct metrics_selection *selections; /* owned; matchers too */
    uint32_t count;
    struct arena arena;
};

/* TSDB_EINVAL: a selector is wrong; its text says where. */
TSDB_NODISCARD enum tsdb_status scope_open(struct scope *s, const struct tsdb_scope *in,
                                           struct tsdb_error *err);
/* The selectors of a whole expression. */
TSDB_NODISCARD enum tsdb_status scope_of_query(struct scope *s, struct tsdb_text query,
                                               const struct tsdb_scope *in, struct tsdb_error *err);
void scope_close(struct scope *s);

/* Adds a selection of every series of the tenant. */
void scope_take_all(struct scope *s, const struct tsdb_scope *in);

/* Each series that any of the selections matches, once, in series order. */
TSDB_NODISCARD enum tsdb_status scope_series(const struct scope *s, struct metrics *m,
                                             uint64_t limit, tsdb_series_fn *fn, void *arg,
                                             struct tsdb_error *err);

/* The selector's conditions as owned matchers (matcher_release each, mem_free). */
TSDB_NODISCARD enum tsdb_status scope_matchers(const struct expr_selector *selector,
                                               struct matcher **out, uint32_t *count,
                                               struct tsdb_error *err);

#endif
