/* tsdb_trace_query.c - the facade of TraceQL: asking, and what there is to ask for. */
#include "tsdb/base/mem.h"
#include "tsdb/db.h"
#include "tsdb/traceql/trace_query.h"
#include "tsdb/traceql/trace_scope.h"

struct tsdb_trace_query {
    struct trace_query *query;
};

static struct trace_store store_of(struct tsdb *db)
{
    return (struct trace_store){db->traces, db->store.clock, &db->store.budget,
                                db->store.has_no_threads};
}

enum tsdb_status tsdb_trace_query_open(struct tsdb *db, struct tsdb_text text,
                                       const struct tsdb_trace_options *options,
                                       struct tsdb_trace_query **out, struct tsdb_error *err)
{
    struct trace_store store = store_of(db);
    struct trace_query *query;
    enum tsdb_status st = trace_query_open(&store, text, options, &query, err);
    if (st != TSDB_OK)
        return st;
    *out = MEM_NEW(struct tsdb_trace_query);
    (*out)->query = query;
    return TSDB_OK;
}

enum tsdb_value_kind tsdb_trace_query_kind(const struct tsdb_trace_query *q)
{
    return trace_query_kind(q->query);
}

enum tsdb_status tsdb_trace_query_trace(struct tsdb_trace_query *q, struct tsdb_found_trace *out,
                                        struct tsdb_error *err)
{
    return trace_query_trace(q->query, out, err);
}

enum tsdb_status tsdb_trace_query_next(struct tsdb_trace_query *q, struct tsdb_result *out,
                                       const uint8_t **label_types, struct tsdb_error *err)
{
    return trace_query_next(q->query, out, label_types, err);
}

uint32_t tsdb_trace_query_exemplars(const struct tsdb_trace_query *q,
                                    const struct tsdb_trace_exemplar **out)
{
    return trace_query_exemplars(q->query, out);
}

void tsdb_trace_query_cancel(struct tsdb_trace_query *q)
{
    trace_query_cancel(q->query);
}

void tsdb_trace_query_stats(const struct tsdb_trace_query *q, struct tsdb_trace_stats *out)
{
    trace_query_stats(q->query, out);
}

void tsdb_trace_query_close(struct tsdb_trace_query *q)
{
    if (!q)
        return;
    trace_query_close(q->query);
    mem_free(q);
}

/* ---- look-ups ------------------------------------------------------------------------- */

enum tsdb_status tsdb_trace_tags(struct tsdb *db, const struct tsdb_trace_scope *scope,
                                 enum tsdb_trace_place place, tsdb_trace_tag_fn *fn, void *arg,
                                 struct tsdb_error *err)
{
    struct trace_store store = store_of(db);
    return trace_scope_tags(&store, scope, place, fn, arg, err);
}

enum tsdb_status tsdb_trace_tag_values(struct tsdb *db, const struct tsdb_trace_scope *scope,
                                       enum tsdb_trace_place place, struct tsdb_text name,
                                       tsdb_trace_value_fn *fn, void *arg, struct tsdb_error *err)
{
    struct trace_store store = store_of(db);
    return trace_scope_values(&store, scope, place, name, fn, arg, err);
}
