/* log_scope.h - look-ups over streams: what tsdb_log_* hands through.
 *
 * A scope's selectors are LogQL stream selectors, none: every stream of the tenant. */
#ifndef TSDB_LOGQL_LOG_SCOPE_H
#define TSDB_LOGQL_LOG_SCOPE_H

#include "tsdb/base/arena.h"
#include "tsdb/logql/logql_query.h"
#include "tsdb/logs/logs.h"

struct log_scope {
    struct logs_selection *selections; /* owned, with their matchers */
    uint32_t count;
    struct arena arena;
};

/* A logs_selector_fn: a LogQL stream selector to matchers. */
logs_selector_fn log_scope_selector;

/* has_all: no selector selects everything; else there is no selection then. */
TSDB_NODISCARD enum tsdb_status log_scope_open(struct log_scope *s, const struct tsdb_scope *in,
                                               bool has_all, struct tsdb_error *err);
void log_scope_close(struct log_scope *s);

TSDB_NODISCARD enum tsdb_status log_scope_names(const struct logql_store *store,
                                                const struct tsdb_scope *in, tsdb_text_fn *fn,
                                                void *arg, struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status log_scope_values(const struct logql_store *store,
                                                 struct tsdb_text name, const struct tsdb_scope *in,
                                                 tsdb_text_fn *fn, void *arg,
                                                 struct tsdb_error *err);
/* Streams with data in the range, each label set once, sorted; with what they hold. */
TSDB_NODISCARD enum tsdb_status log_scope_volumes(const struct logql_store *store,
                                                  const struct tsdb_scope *in,
                                                  tsdb_log_volume_fn *fn, void *arg,
                                                  struct tsdb_error *err);

#endif
