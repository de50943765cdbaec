/* tsdb.c - the facade: opens the rooms in order, hands calls through, and drives the
 * background work. */
#include "tsdb/tsdb.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"
#include "tsdb/db.h"
#include "tsdb/logql/log_scope.h"
#include "tsdb/query/query.h"
#include "tsdb/query/scope.h"

#include <string.h>

struct tsdb_query {
    struct query *query;
};

/* A head is sealed at least this often, so that a restart replays little. */
enum { SEAL_EVERY_HOURS = 2, SCRUB_EVERY_S = 60, RETRY_S = 10 };

void tsdb_options_init(struct tsdb_options *o)
{
    *o = (struct tsdb_options){
        .dir = "andon-data",
        .sync = TSDB_SYNC_ALWAYS,
        .retention = 30 * NS_PER_DAY,
        .journal_bytes_max = UINT64_C(512) << 20,
        .limits = {.memory_bytes = UINT64_C(2) << 30,
                   .series_max = 5000000,
                   .series_new_per_s = 100000,
                   .labels_max = 64,
                   .name_bytes_max = 256,
                   .value_bytes_max = 4096,
                   .future_max = 10 * NS_PER_MINUTE,
                   .log_line_bytes_max = 256 << 10,
                   .log_fields_max = 256},
    };
}

/* ---- background ------------------------------------------------------------------- */

static void report(struct tsdb *db, const char *what, enum tsdb_status st,
                   const struct tsdb_error *err)
{
    if (st != TSDB_OK)
        store_event(&db->store, TSDB_EVENT_BACKGROUND, "%s does not succeed: %s", what, err->msg);
}

static bool is_seal_due(struct tsdb *db)
{
    struct journal_stats journal;
    journal_stats(db->store.journal, &journal);
    if (journal.live_bytes == 0)
        return false;
    if (journal.live_bytes >= db->journal_bytes_max)
        return true;
    uint64_t limit = atomic_load(&db->store.budget.limit);
    uint64_t hot = head_hot_bytes(&db->metrics->head) + logs_head_bytes(db->logs) +
                   traces_head_bytes(db->traces);
    bool is_tight = budget_used(&db->store.budget) > limit - limit / 4;
    if (hot > limit / 4 || (is_tight && hot > limit / 32))
        return true;
    return clock_mono_ns(db->store.clock) - db->sealed_mono_ns >= SEAL_EVERY_HOURS * NS_PER_HOUR;
}

/* A fault is reported once and tried again after a while. */
static bool seal_if_due(struct tsdb *db)
{
    if (!is_seal_due(db))
        return false;
    struct tsdb_error err = {0};
    enum tsdb_status st = store_seal(&db->store, &err);
    report(db, "sealing", st, &err);
    int64_t now = clock_mono_ns(db->store.clock);
    db->sealed_mono_ns = now;
    if (st != TSDB_OK)
        db->sealed_mono_ns = now - SEAL_EVERY_HOURS * NS_PER_HOUR + RETRY_S * NS_PER_S;
    return st == TSDB_OK;
}

static bool merge_if_due(struct tsdb *db)
{
    struct tsdb_error err = {0};
    bool did = false;
    int64_t now = clock_mono_ns(db->store.clock);
    if (now < db->merge_again_mono_ns)
        return false;
    enum tsdb_status st = metrics_merge(db->metrics, false, &did, &err);
    if (st == TSDB_OK && !did)
        st = logs_merge(db->logs, false, &did, &err);
    if (st == TSDB_OK && !did)
        st = traces_merge(db->traces, false, &did, &err);
    report(db, "merging", st, &err);
    if (st != TSDB_OK)
        db->merge_again_mono_ns = now + RETRY_S * NS_PER_S;
    return did;
}

static bool step(void *arg)
{
    struct tsdb *db = arg;
    struct tsdb_error err = {0};
    store_watch_disk(&db->store);
    if (seal_if_due(db))
        return true;
    bool has_grouped = logs_group_step(db->logs);
    has_grouped = traces_group_step(db->traces) || has_grouped;
    if (has_grouped || merge_if_due(db))
        return true;
    enum tsdb_status st = metrics_expire(db->metrics, &err);
    report(db, "retention", st, &err);
    st = logs_expire(db->logs, &err);
    report(db, "retention", st, &err);
    st = traces_expire(db->traces, &err);
    report(db, "retention", st, &err);
    st = db_expire_by_size(db, &err);
    report(db, "retention", st, &err);
    st = metrics_forget_tombstones(db->metrics, &err);
    report(db, "forgetting deletions", st, &err);
    int64_t now = clock_mono_ns(db->store.clock);
    if (now - db->scrubbed_mono_ns >= SCRUB_EVERY_S * NS_PER_S) {
        db->scrubbed_mono_ns = now;
        db->scrubbed_id = metrics_scrub(db->metrics, db->scrubbed_id);
        db->scrubbed_log_id = logs_scrub(db->logs, db->scrubbed_log_id);
        db->scrubbed_trace_id = traces_scrub(db->traces, db->scrubbed_trace_id);
    }
    return false;
}

bool tsdb_step(struct tsdb *db)
{
    if (db->store.is_read_only)
        return false;
    bool did = journal_step(db->store.journal);
    return step(db) || did;
}

/* ---- opening ---------------------------------------------------------------------- */

enum tsdb_status tsdb_open(const struct tsdb_options *options, struct tsdb **out,
                           struct tsdb_error *err)
{
    struct tsdb *db = MEM_NEW(struct tsdb);
    db->journal_bytes_max =
        options->journal_bytes_max ? options->journal_bytes_max : UINT64_C(512) << 20;
    atomic_store(&db->retention_bytes, options->retention_bytes);
    enum tsdb_status st = store_open(options, &db->store, err);
    if (st == TSDB_OK)
        st = metrics_open(&db->store, options, &db->metrics, err);
    if (st == TSDB_OK)
        st = logs_open(&db->store, options, log_scope_selector, &db->logs, err);
    if (st == TSDB_OK)
        st = traces_open(&db->store, options, &db->traces, err);
    if (st != TSDB_OK) {
        tsdb_close(db);
        return st;
    }
    db->sealed_mono_ns = clock_mono_ns(db->store.clock);
    if (!options->has_no_threads && !options->is_read_only)
        driver_start(&db->driver, db->store.clock, step, db);
    *out = db;
    return TSDB_OK;
}

void tsdb_close(struct tsdb *db)
{
    if (!db)
        return;
    driver_stop(&db->driver);
    struct tsdb_error err = {0};
    if (db->store.journal && journal_sync(db->store.journal, &err) != TSDB_OK)
        store_event(&db->store, TSDB_EVENT_DEGRADED, "last sync: %s", err.msg);
    traces_close(db->traces);
    logs_close(db->logs);
    metrics_close(db->metrics);
    store_close(&db->store);
    mem_free(db);
}

void tsdb_configure(struct tsdb *db, const struct tsdb_options *options)
{
    atomic_store(&db->retention_bytes, options->retention_bytes);
    metrics_configure(db->metrics, options);
    logs_configure(db->logs, options);
    traces_configure(db->traces, options);
    driver_kick(&db->driver);
}

/* ---- appending -------------------------------------------------------------------- */

uint64_t tsdb_seed(const struct tsdb *db)
{
    return db->metrics->head.seed;
}

enum tsdb_status tsdb_append(struct tsdb *db, const struct tsdb_batch *batch,
                             struct tsdb_appended *out, uint8_t *verdicts, struct tsdb_error *err)
{
    enum tsdb_status st = metrics_append(db->metrics, batch, out, verdicts, err);
    if (st == TSDB_ELIMIT)
        driver_kick(&db->driver); /* sealing is what makes room */
    return st;
}

uint64_t tsdb_synced(const struct tsdb *db)
{
    return db->store.journal ? journal_synced(db->store.journal) : 0;
}

bool tsdb_is_writable(const struct tsdb *db)
{
    return db->store.journal && journal_is_writable(db->store.journal) &&
           !atomic_load(&db->store.is_disk_full);
}

/* ---- asking ----------------------------------------------------------------------- */

enum tsdb_status tsdb_query_open(struct tsdb *db, struct tsdb_text text,
                                 const struct tsdb_query_options *options, struct tsdb_query **out,
                                 struct tsdb_error *err)
{
    struct query_store store = {db->metrics, db->store.clock, &db->store.budget};
    struct query *query;
    enum tsdb_status st = query_open(&store, text, options, &query, err);
    if (st != TSDB_OK)
        return st;
    *out = MEM_NEW(struct tsdb_query);
    (*out)->query = query;
    return TSDB_OK;
}

enum tsdb_value_kind tsdb_query_kind(const struct tsdb_query *q)
{
    return query_kind(q->query);
}

enum tsdb_status tsdb_query_next(struct tsdb_query *q, struct tsdb_result *out,
                                 struct tsdb_error *err)
{
    return query_next(q->query, out, err);
}

void tsdb_query_cancel(struct tsdb_query *q)
{
    query_cancel(q->query);
}

const char *tsdb_query_warning(const struct tsdb_query *q, uint32_t index)
{
    return query_warning(q->query, index);
}

const char *tsdb_query_info(const struct tsdb_query *q, uint32_t index)
{
    return query_info(q->query, index);
}

void tsdb_query_stats(const struct tsdb_query *q, struct tsdb_query_stats *out)
{
    query_stats(q->query, out);
}

void tsdb_query_close(struct tsdb_query *q)
{
    if (!q)
        return;
    query_close(q->query);
    mem_free(q);
}

enum tsdb_status tsdb_query_format(struct tsdb_text query,
                                   void (*text)(void *arg, struct tsdb_text formatted), void *arg,
                                   struct tsdb_error *err)
{
    enum { FORMAT_ARENA_BYTES = 64 << 20 };
    struct arena arena;
    arena_init(&arena, FORMAT_ARENA_BYTES, NULL);
    struct expr *e;
    enum tsdb_status st = promql_parse(query, &arena, &e, err);
    if (st == TSDB_OK) {
        struct writer out = {0};
        promql_format(e, &out, true);
        text(arg, (struct tsdb_text){(const char *)out.at, out.len});
        writer_release(&out);
    }
    arena_release(&arena);
    return st;
}

/* ---- look-ups --------------------------------------------------------------------- */

static struct lookup lookup_of(const struct tsdb_scope *in, const struct scope *scope)
{
    return (struct lookup){in->tenant, scope->selections, scope->count, in->start, in->end};
}

/* Stops a visitor at the limit. */
struct limited {
    tsdb_text_fn *fn;
    void *arg;
    uint64_t left;
};

static bool limited_text(void *arg, struct tsdb_text text)
{
    struct limited *l = arg;
    return l->fn(l->arg, text) && --l->left > 0;
}

enum tsdb_status tsdb_label_names(struct tsdb *db, const struct tsdb_scope *in, tsdb_text_fn *fn,
                                  void *arg, struct tsdb_error *err)
{
    struct scope scope;
    enum tsdb_status st = scope_open(&scope, in, err);
    if (st != TSDB_OK)
        return st;
    struct lookup lookup = lookup_of(in, &scope);
    struct limited limited = {fn, arg, in->limit ? in->limit : UINT64_MAX};
    st = metrics_label_names(db->metrics, &lookup, limited_text, &limited, err);
    scope_close(&scope);
    return st;
}

enum tsdb_status tsdb_label_values(struct tsdb *db, struct tsdb_text name,
                                   const struct tsdb_scope *in, tsdb_text_fn *fn, void *arg,
                                   struct tsdb_error *err)
{
    struct scope scope;
    enum tsdb_status st = scope_open(&scope, in, err);
    if (st != TSDB_OK)
        return st;
    struct lookup lookup = lookup_of(in, &scope);
    struct limited limited = {fn, arg, in->limit ? in->limit : UINT64_MAX};
    st = metrics_label_values(db->metrics, name, &lookup, limited_text, &limited, err);
    scope_close(&scope);
    return st;
}

enum tsdb_status tsdb_series(struct tsdb *db, const struct tsdb_scope *in, tsdb_series_fn *fn,
                             void *arg, struct tsdb_error *err)
{
    struct scope scope;
    enum tsdb_status st = scope_open(&scope, in, err);
    if (st != TSDB_OK)
        return st;
    if (scope.count == 0)
        scope_take_all(&scope, in);
    st = scope_series(&scope, db->metrics, in->limit, fn, arg, err);
    scope_close(&scope);
    return st;
}

/* Passes on what no earlier selection has told already. */
struct exemplar_visit {
    const struct scope *scope;
    uint32_t selection;
    tsdb_exemplar_fn *fn;
    void *arg;
    bool has_enough;
};

static bool on_exemplar(void *arg, struct tsdb_labels series, const struct tsdb_exemplar *exemplar)
{
    struct exemplar_visit *v = arg;
    for (uint32_t i = 0; i < v->selection; i++)
        if (matchers_test(v->scope->selections[i].matchers, v->scope->selections[i].matcher_count,
                          series))
            return true;
    v->has_enough = !v->fn(v->arg, series, exemplar);
    return !v->has_enough;
}

enum tsdb_status tsdb_exemplars(struct tsdb *db, struct tsdb_text query,
                                const struct tsdb_scope *in, tsdb_exemplar_fn *fn, void *arg,
                                struct tsdb_error *err)
{
    struct scope scope;
    enum tsdb_status st = scope_of_query(&scope, query, in, err);
    if (st != TSDB_OK)
        return st;
    struct exemplar_visit v = {.scope = &scope, .fn = fn, .arg = arg};
    for (; v.selection < scope.count && st == TSDB_OK && !v.has_enough; v.selection++) {
        struct metrics_selection selection = scope.selections[v.selection];
        struct series_set *set;
        selection.budget = &db->store.budget;
        st = metrics_select(db->metrics, &selection, &set, err);
        if (st != TSDB_OK)
            break;
        st = series_set_exemplars(set, on_exemplar, &v, err);
        series_set_close(set);
    }
    scope_close(&scope);
    return st;
}

void tsdb_metadata(struct tsdb *db, const char *tenant, tsdb_metadata_fn *fn, void *arg)
{
    catalog_metadata_each(&db->metrics->catalog, tenant, fn, arg);
}

/* ---- tending ---------------------------------------------------------------------- */

enum tsdb_status tsdb_seal(struct tsdb *db, struct tsdb_error *err)
{
    enum tsdb_status st = store_seal(&db->store, err);
    bool did = st == TSDB_OK;
    while (did && st == TSDB_OK)
        st = metrics_merge(db->metrics, true, &did, err);
    for (did = st == TSDB_OK; did && st == TSDB_OK;)
        st = logs_merge(db->logs, true, &did, err);
    for (did = st == TSDB_OK; did && st == TSDB_OK;)
        st = traces_merge(db->traces, true, &did, err);
    return st == TSDB_OK ? metrics_forget_tombstones(db->metrics, err) : st;
}

enum tsdb_status tsdb_delete(struct tsdb *db, const struct tsdb_scope *in, struct tsdb_error *err)
{
    struct scope scope;
    enum tsdb_status st = scope_open(&scope, in, err);
    if (st != TSDB_OK)
        return st;
    if (scope.count == 0)
        st = tsdb_fail(err, TSDB_EINVAL, "deletion needs at least one selector");
    for (uint32_t i = 0; i < scope.count && st == TSDB_OK; i++)
        st = metrics_delete(db->metrics, &scope.selections[i], err);
    scope_close(&scope);
    return st;
}

enum tsdb_status tsdb_snapshot(struct tsdb *db, const char *name, struct tsdb_error *err)
{
    enum tsdb_status st = store_seal(&db->store, err);
    return st == TSDB_OK ? store_snapshot(&db->store, name, err) : st;
}

void tsdb_stats(struct tsdb *db, struct tsdb_stats *out)
{
    *out = (struct tsdb_stats){0};
    metrics_stats(db->metrics, out);
    logs_stats(db->logs, out);
    traces_stats(db->traces, out);
    out->memory_bytes = budget_used(&db->store.budget);
    out->memory_limit = atomic_load(&db->store.budget.limit);
    out->disk_free_bytes = atomic_load(&db->store.disk_free_bytes);
    if (!db->store.journal)
        return;
    struct journal_stats journal;
    journal_stats(db->store.journal, &journal);
    out->journal_bytes = journal.disk_bytes;
    out->journal_syncs = journal.syncs;
    out->journal_pending_bytes = journal.pending_bytes;
    out->journal_sync_ns_last = journal.sync_ns_last;
    out->journal_sync_ns_p99 = journal.sync_ns_p99;
    out->journal_oldest_unsynced_ns = journal.oldest_unsynced_ns;
}

void tsdb_cardinality(struct tsdb *db, const char *tenant, tsdb_cardinality_fn *fn, void *arg)
{
    metrics_cardinality(db->metrics, tenant, fn, arg);
}
