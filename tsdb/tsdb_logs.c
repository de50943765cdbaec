/* tsdb_logs.c - the facade's second half: logs. */
#include "tsdb/tsdb_logs.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/writer.h"
#include "tsdb/db.h"
#include "tsdb/logql/ast.h"
#include "tsdb/logql/log_scope.h"
#include "tsdb/logql/logql_query.h"
#include "tsdb/logql/logql_tail.h"

struct tsdb_log_query {
    struct logql_query *query;
};

struct tsdb_log_tail {
    struct logql_tail *tail;
};

static struct logql_store store_of(struct tsdb *db)
{
    return (struct logql_store){db->logs, db->store.clock, &db->store.budget,
                                db->store.has_no_threads};
}

enum tsdb_status tsdb_log_append(struct tsdb *db, const struct tsdb_log_batch *batch,
                                 struct tsdb_appended *out, uint8_t *verdicts,
                                 struct tsdb_error *err)
{
    enum tsdb_status st = logs_append(db->logs, batch, out, verdicts, err);
    if (st == TSDB_ELIMIT)
        driver_kick(&db->driver); /* sealing is what makes room */
    return st;
}

/* ---- asking -------------------------------------------------------------------------- */

enum tsdb_status tsdb_log_query_open(struct tsdb *db, struct tsdb_text text,
                                     const struct tsdb_log_options *options,
                                     struct tsdb_log_query **out, struct tsdb_error *err)
{
    struct logql_store store = store_of(db);
    struct logql_query *query;
    enum tsdb_status st = logql_query_open(&store, text, options, &query, err);
    if (st != TSDB_OK)
        return st;
    *out = MEM_NEW(struct tsdb_log_query);
    (*out)->query = query;
    return TSDB_OK;
}

enum tsdb_value_kind tsdb_log_query_kind(const struct tsdb_log_query *q)
{
    return logql_query_kind(q->query);
}

enum tsdb_status tsdb_log_query_entry(struct tsdb_log_query *q, struct tsdb_log_entry *out,
                                      struct tsdb_error *err)
{
    return logql_query_entry(q->query, out, err);
}

enum tsdb_status tsdb_log_query_next(struct tsdb_log_query *q, struct tsdb_result *out,
                                     struct tsdb_error *err)
{
    return logql_query_next(q->query, out, err);
}

void tsdb_log_query_cancel(struct tsdb_log_query *q)
{
    logql_query_cancel(q->query);
}

const char *tsdb_log_query_warning(const struct tsdb_log_query *q, uint32_t index)
{
    return logql_query_warning(q->query, index);
}

void tsdb_log_query_stats(const struct tsdb_log_query *q, struct tsdb_log_stats *out)
{
    logql_query_stats(q->query, out);
}

void tsdb_log_query_close(struct tsdb_log_query *q)
{
    if (!q)
        return;
    logql_query_close(q->query);
    mem_free(q);
}

enum tsdb_status tsdb_log_query_format(struct tsdb_text query,
                                       void (*text)(void *arg, struct tsdb_text formatted),
                                       void *arg, struct tsdb_error *err)
{
    enum { FORMAT_ARENA_BYTES = 64 << 20 };
    struct arena arena;
    arena_init(&arena, FORMAT_ARENA_BYTES, NULL);
    struct logql parsed;
    enum tsdb_status st = logql_parse(query, &arena, NULL, &parsed, err);
    if (st == TSDB_OK) {
        struct writer out = {0};
        logql_format(&parsed, &out, true);
        text(arg, (struct tsdb_text){(const char *)out.at, out.len});
        writer_release(&out);
    }
    arena_release(&arena);
    return st;
}

/* ---- look-ups ------------------------------------------------------------------------- */

enum tsdb_status tsdb_log_label_names(struct tsdb *db, const struct tsdb_scope *scope,
                                      tsdb_text_fn *fn, void *arg, struct tsdb_error *err)
{
    struct logql_store store = store_of(db);
    return log_scope_names(&store, scope, fn, arg, err);
}

enum tsdb_status tsdb_log_label_values(struct tsdb *db, struct tsdb_text name,
                                       const struct tsdb_scope *scope, tsdb_text_fn *fn, void *arg,
                                       struct tsdb_error *err)
{
    struct logql_store store = store_of(db);
    return log_scope_values(&store, name, scope, fn, arg, err);
}

enum tsdb_status tsdb_log_volumes(struct tsdb *db, const struct tsdb_scope *scope,
                                  tsdb_log_volume_fn *fn, void *arg, struct tsdb_error *err)
{
    struct logql_store store = store_of(db);
    return log_scope_volumes(&store, scope, fn, arg, err);
}

struct stream_visit {
    tsdb_series_fn *fn;
    void *arg;
};

static bool visit_stream(void *arg, const struct tsdb_log_volume *volume)
{
    struct stream_visit *v = arg;
    return v->fn(v->arg, volume->labels);
}

enum tsdb_status tsdb_log_streams(struct tsdb *db, const struct tsdb_scope *scope,
                                  tsdb_series_fn *fn, void *arg, struct tsdb_error *err)
{
    struct stream_visit v = {fn, arg};
    return tsdb_log_volumes(db, scope, visit_stream, &v, err);
}

/* ---- following ------------------------------------------------------------------------- */

enum tsdb_status tsdb_log_tail_open(struct tsdb *db, const char *tenant, struct tsdb_text text,
                                    struct tsdb_log_tail **out, struct tsdb_error *err)
{
    struct logql_store store = store_of(db);
    struct logql_tail *tail;
    enum tsdb_status st = logql_tail_open(&store, tenant, text, &tail, err);
    if (st != TSDB_OK)
        return st;
    *out = MEM_NEW(struct tsdb_log_tail);
    (*out)->tail = tail;
    return TSDB_OK;
}

enum tsdb_status tsdb_log_tail_next(struct tsdb_log_tail *t, struct tsdb_log_entry *out,
                                    struct tsdb_error *err)
{
    return logql_tail_next(t->tail, out, err);
}

uint64_t tsdb_log_tail_dropped(struct tsdb_log_tail *t)
{
    return logql_tail_dropped(t->tail);
}

void tsdb_log_tail_close(struct tsdb_log_tail *t)
{
    if (!t)
        return;
    logql_tail_close(t->tail);
    mem_free(t);
}

/* ---- tending --------------------------------------------------------------------------- */

enum tsdb_status tsdb_log_delete(struct tsdb *db, const struct tsdb_scope *in,
                                 struct tsdb_error *err)
{
    struct log_scope scope;
    enum tsdb_status st = log_scope_open(&scope, in, false, err);
    if (st != TSDB_OK)
        return st;
    if (scope.count == 0)
        st = tsdb_fail(err, TSDB_EINVAL, "deletion needs at least one selector");
    for (uint32_t i = 0; i < scope.count && st == TSDB_OK; i++)
        st = logs_delete(db->logs, &scope.selections[i], err);
    log_scope_close(&scope);
    return st;
}
