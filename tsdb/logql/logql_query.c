#include "tsdb/logql/logql_query.h"

#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/logql/entries.h"
#include "tsdb/logql/range_op.h"
#include "tsdb/query/eval_labels.h"
#include "tsdb/query/query.h"

#include <string.h>

struct logql_query {
    struct budget budget; /* of a log query; a metric query has its own */
    struct arena arena;   /* the tree of a log query */
    struct range_env env;
    struct entries *entries; /* NULL: a metric query */
    struct query *metric;
    _Atomic bool is_canceled;
    int64_t exec_ns;
};

/* ---- metric queries ------------------------------------------------------------------ */

static void begin(void *foreign, struct eval *ev)
{
    struct range_env *env = foreign;
    env->room.budget = ev->budget;
    env->room.deadline = ev->deadline;
    env->room.is_canceled = &ev->is_canceled;
    env->room.tenant = ev->tenant;
    env->room.series_max = ev->series_max;
}

static enum tsdb_status parse_metric(void *foreign, struct tsdb_text text, struct arena *arena,
                                     struct expr **out, struct tsdb_error *err)
{
    struct logql parsed;
    enum tsdb_status st = logql_parse(text, arena, range_op_open, &parsed, err);
    if (st != TSDB_OK)
        return st;
    range_env_plan(foreign, parsed.metric);
    *out = parsed.metric;
    return TSDB_OK;
}

static enum tsdb_status open_metric(struct logql_query *q, const struct logql_store *store,
                                    struct tsdb_text text, const struct tsdb_log_options *options,
                                    struct tsdb_error *err)
{
    struct query_store room = {NULL, store->clock, store->budget};
    struct query_language language = {parse_metric, begin, &q->env};
    struct tsdb_query_options o = {
        .tenant = options->tenant,
        .start = options->step ? options->start : options->end,
        .end = options->end,
        .step = options->step,
        .deadline = options->deadline,
        .series_max = options->series_max ? options->series_max : LOGQL_SERIES_MAX,
        .bytes_max = options->bytes_max,
    };
    return query_open_in(&room, &language, text, &o, &q->metric, err);
}

/* ---- log queries ----------------------------------------------------------------------- */

static enum tsdb_status open_entries(struct logql_query *q, const struct log_expr *logs,
                                     const struct tsdb_log_options *options, struct tsdb_error *err)
{
    struct log_room *room = &q->env.room;
    struct tsdb_text tenant = {options->tenant ? options->tenant : "",
                               options->tenant ? strlen(options->tenant) : 0};
    char *kept = ARENA_ARRAY(&q->arena, char, tenant.len + 1);
    if (!kept)
        return tsdb_fail(err, TSDB_ELIMIT, "query needs more memory than there is");
    memcpy(kept, tenant.at, tenant.len);
    room->tenant = kept;
    room->budget = &q->budget;
    room->is_canceled = &q->is_canceled;
    int64_t may_take = options->deadline > 0 ? options->deadline : QUERY_DEADLINE_NS;
    if (__builtin_add_overflow(clock_mono_ns(room->clock), may_take, &room->deadline))
        room->deadline = INT64_MAX;
    struct entries_options o = {.start = options->start,
                                .end = options->end,
                                .limit = options->limit,
                                .interval = options->interval,
                                .is_forward = options->is_forward};
    return entries_new(room, logs, &o, &q->entries, err);
}

enum tsdb_status logql_query_open(const struct logql_store *store, struct tsdb_text text,
                                  const struct tsdb_log_options *options, struct logql_query **out,
                                  struct tsdb_error *err)
{
    struct logql_query *q = MEM_NEW(struct logql_query);
    q->env.room.logs = store->logs;
    q->env.room.clock = store->clock;
    q->env.is_single = store->is_single;
    budget_init(&q->budget, options->bytes_max ? options->bytes_max : QUERY_BYTES_MAX,
                store->budget);
    arena_init(&q->arena, SIZE_MAX, &q->budget);
    struct logql parsed;
    struct tsdb_text kept = text_keep(&q->arena, text);
    enum tsdb_status st = TSDB_OK;
    if (!kept.at)
        st = tsdb_fail(err, TSDB_ELIMIT, "query needs more memory than there is");
    if (st == TSDB_OK)
        st = logql_parse(kept, &q->arena, range_op_open, &parsed, err);
    if (st == TSDB_OK)
        st = parsed.logs ? open_entries(q, parsed.logs, options, err)
                         : open_metric(q, store, kept, options, err);
    if (st != TSDB_OK) {
        logql_query_close(q);
        return st;
    }
    *out = q;
    return TSDB_OK;
}

/* ---- handing out ------------------------------------------------------------------------- */

enum tsdb_value_kind logql_query_kind(const struct logql_query *q)
{
    return q->entries ? TSDB_STREAMS : query_kind(q->metric);
}

enum tsdb_status logql_query_entry(struct logql_query *q, struct tsdb_log_entry *out,
                                   struct tsdb_error *err)
{
    if (!q->entries)
        return tsdb_fail(err, TSDB_EINVAL, "a metric query has no log entries");
    int64_t began = clock_mono_ns(q->env.room.clock);
    enum tsdb_status st = entries_next(q->entries, out, err);
    q->exec_ns += clock_mono_ns(q->env.room.clock) - began;
    return st;
}

enum tsdb_status logql_query_next(struct logql_query *q, struct tsdb_result *out,
                                  struct tsdb_error *err)
{
    if (q->entries)
        return tsdb_fail(err, TSDB_EINVAL, "a log query has no series of samples");
    int64_t began = clock_mono_ns(q->env.room.clock);
    enum tsdb_status st = query_next(q->metric, out, err);
    q->exec_ns += clock_mono_ns(q->env.room.clock) - began;
    return st;
}

void logql_query_cancel(struct logql_query *q)
{
    atomic_store_explicit(&q->is_canceled, true, memory_order_relaxed);
    if (q->metric)
        query_cancel(q->metric);
}

const char *logql_query_warning(const struct logql_query *q, uint32_t index)
{
    return q->metric ? query_warning(q->metric, index) : NULL;
}

void logql_query_stats(const struct logql_query *q, struct tsdb_log_stats *out)
{
    const struct log_counts *c = &q->env.room.counts;
    *out = (struct tsdb_log_stats){.streams = atomic_load(&c->streams),
                                   .groups = atomic_load(&c->groups),
                                   .groups_skipped = atomic_load(&c->groups_skipped),
                                   .records = atomic_load(&c->records),
                                   .bytes = atomic_load(&c->bytes),
                                   .entries = q->entries ? entries_count(q->entries) : 0,
                                   .exec_ns = q->exec_ns,
                                   .is_partial = atomic_load(&c->is_partial)};
}

void logql_query_close(struct logql_query *q)
{
    if (!q)
        return;
    entries_free(q->entries);
    query_close(q->metric);
    arena_release(&q->arena);
    mem_free(q);
}
