/* fake_tsdb.h - an engine that answers what a test wrote down.
 *
 * Included by one test file a binary: its functions stand in for the engine's. */
#ifndef TESTS_COLLECTOR_API_FAKE_TSDB_H
#define TESTS_COLLECTOR_API_FAKE_TSDB_H

#include "tsdb/base/hash.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"
#include "tsdb/tsdb.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FAKE_MAX = 16 };

struct tsdb {
    char cardinality_of[32]; /* "<tenant>" */
    /* queries */
    enum tsdb_value_kind kind;
    struct tsdb_result results[FAKE_MAX];
    size_t result_count, repeat; /* the results, so many times more */
    enum tsdb_status open_status, end_status;
    const char *message; /* with either */
    const char *warnings[FAKE_MAX], *infos[FAKE_MAX];
    struct tsdb_query_stats stats;
    atomic_bool blocks; /* next waits until canceled or unblocked */
    atomic_int running, canceled;
    /* look-ups */
    const char *texts[FAKE_MAX];
    struct tsdb_labels series[FAKE_MAX];
    size_t series_count;
    struct tsdb_metadata metadata[FAKE_MAX];
    size_t metadata_count;
    struct tsdb_exemplar exemplars[FAKE_MAX]; /* of series[exemplar.point] */
    size_t exemplar_count;
    enum tsdb_status scope_status;
    /* what was asked */
    char expr[256], name[128], selectors[512], snapshot[128];
    struct tsdb_query_options options;
    struct tsdb_scope scope;
    int seals, deletes;
};

struct tsdb_query {
    struct tsdb *db;
    size_t at;
    atomic_bool is_canceled;
};

#define LABELS(...)                                                                                \
    ((struct tsdb_labels){(const struct tsdb_label[]){__VA_ARGS__},                                \
                          sizeof((const struct tsdb_label[]){__VA_ARGS__}) /                       \
                              sizeof(struct tsdb_label)})
/* The same as an initialiser, for what must outlive the block it stands in. */
#define LABELS_AT(...)                                                                             \
    {                                                                                              \
        (const struct tsdb_label[]){__VA_ARGS__},                                                  \
            sizeof((const struct tsdb_label[]){__VA_ARGS__}) / sizeof(struct tsdb_label)           \
    }
#define LABEL(name, value)                                                                         \
    {                                                                                              \
        {(name), sizeof(name) - 1},                                                                \
        {                                                                                          \
            (value), sizeof(value) - 1                                                             \
        }                                                                                          \
    }

static inline void copy_text(char *out, size_t cap, struct tsdb_text text)
{
    (void)snprintf(out, cap, "%.*s", (int)text.len, text.len ? text.at : "");
}

enum tsdb_status tsdb_query_open(struct tsdb *db, struct tsdb_text text,
                                 const struct tsdb_query_options *options, struct tsdb_query **out,
                                 struct tsdb_error *err)
{
    static struct tsdb_query queries[1024];
    static atomic_int next;
    static struct mutex lock = {PTHREAD_MUTEX_INITIALIZER};
    mutex_lock(&lock);
    copy_text(db->expr, sizeof db->expr, text);
    db->options = *options;
    mutex_unlock(&lock);
    if (db->open_status != TSDB_OK)
        return tsdb_fail(err, db->open_status, "%s", db->message);
    struct tsdb_query *q = &queries[next++ % 1024];
    *q = (struct tsdb_query){.db = db};
    *out = q;
    return TSDB_OK;
}

enum tsdb_value_kind tsdb_query_kind(const struct tsdb_query *q)
{
    return q->db->kind;
}

enum tsdb_status tsdb_query_next(struct tsdb_query *q, struct tsdb_result *out,
                                 struct tsdb_error *err)
{
    struct tsdb *db = q->db;
    db->running++;
    while (db->blocks && !q->is_canceled)
        usleep(1000);
    db->running--;
    if (q->is_canceled)
        return tsdb_fail(err, TSDB_ECANCELED, "canceled");
    if (q->at < db->result_count * (db->repeat + 1)) {
        *out = db->results[q->at++ % db->result_count];
        return TSDB_OK;
    }
    if (db->end_status != TSDB_OK)
        return tsdb_fail(err, db->end_status, "%s", db->message);
    return TSDB_END;
}

void tsdb_query_cancel(struct tsdb_query *q)
{
    q->is_canceled = true;
    q->db->canceled++;
}

const char *tsdb_query_warning(const struct tsdb_query *q, uint32_t index)
{
    return q->db->warnings[index];
}

const char *tsdb_query_info(const struct tsdb_query *q, uint32_t index)
{
    return q->db->infos[index];
}

void tsdb_query_stats(const struct tsdb_query *q, struct tsdb_query_stats *out)
{
    *out = q->db->stats;
}

void tsdb_query_close(struct tsdb_query *q)
{
    q->db = NULL; /* using it again crashes */
}

enum tsdb_status tsdb_query_format(struct tsdb_text query,
                                   void (*text)(void *arg, struct tsdb_text formatted), void *arg,
                                   struct tsdb_error *err)
{
    if (query.len == 0)
        return tsdb_fail(err, TSDB_EINVAL, "no expression found in input");
    text(arg, query);
    return TSDB_OK;
}

static inline enum tsdb_status scope_take(struct tsdb *db, const struct tsdb_scope *scope,
                                          struct tsdb_error *err)
{
    db->scope = *scope;
    db->selectors[0] = '\0';
    for (uint32_t i = 0; i < scope->selector_count; i++) {
        size_t n = strlen(db->selectors);
        (void)snprintf(db->selectors + n, sizeof db->selectors - n, "%.*s;",
                       (int)scope->selectors[i].len, scope->selectors[i].at);
    }
    if (db->scope_status != TSDB_OK)
        return tsdb_fail(err, db->scope_status, "%s", db->message);
    return TSDB_OK;
}

static inline enum tsdb_status each_text(struct tsdb *db, const struct tsdb_scope *scope,
                                         tsdb_text_fn *fn, void *arg, struct tsdb_error *err)
{
    enum tsdb_status st = scope_take(db, scope, err);
    for (size_t i = 0; st == TSDB_OK && db->texts[i]; i++)
        if ((scope->limit > 0 && i == scope->limit) || !fn(arg, text_of(db->texts[i])))
            break;
    return st;
}

enum tsdb_status tsdb_label_names(struct tsdb *db, const struct tsdb_scope *scope, tsdb_text_fn *fn,
                                  void *arg, struct tsdb_error *err)
{
    return each_text(db, scope, fn, arg, err);
}

enum tsdb_status tsdb_label_values(struct tsdb *db, struct tsdb_text name,
                                   const struct tsdb_scope *scope, tsdb_text_fn *fn, void *arg,
                                   struct tsdb_error *err)
{
    copy_text(db->name, sizeof db->name, name);
    return each_text(db, scope, fn, arg, err);
}

enum tsdb_status tsdb_series(struct tsdb *db, const struct tsdb_scope *scope, tsdb_series_fn *fn,
                             void *arg, struct tsdb_error *err)
{
    enum tsdb_status st = scope_take(db, scope, err);
    for (size_t i = 0; st == TSDB_OK && i < db->series_count; i++)
        if ((scope->limit > 0 && i == scope->limit) || !fn(arg, db->series[i]))
            break;
    return st;
}

enum tsdb_status tsdb_exemplars(struct tsdb *db, struct tsdb_text query,
                                const struct tsdb_scope *scope, tsdb_exemplar_fn *fn, void *arg,
                                struct tsdb_error *err)
{
    copy_text(db->expr, sizeof db->expr, query);
    enum tsdb_status st = scope_take(db, scope, err);
    for (size_t i = 0; st == TSDB_OK && i < db->exemplar_count; i++)
        if (!fn(arg, db->series[db->exemplars[i].point], &db->exemplars[i]))
            break;
    return st;
}

void tsdb_metadata(struct tsdb *db, const char *tenant, tsdb_metadata_fn *fn, void *arg)
{
    (void)tenant;
    for (size_t i = 0; i < db->metadata_count; i++)
        if (!fn(arg, &db->metadata[i]))
            break;
}

uint64_t tsdb_seed(const struct tsdb *db)
{
    (void)db;
    return 42;
}

struct tsdb_hash tsdb_labels_hash(uint64_t seed, struct tsdb_labels labels)
{
    struct tsdb_hash h = {seed, labels.count};
    for (uint32_t i = 0; i < labels.count; i++) {
        h = hash_combine(h, hash128(seed, labels.at[i].name.at, labels.at[i].name.len));
        h = hash_combine(h, hash128(seed, labels.at[i].value.at, labels.at[i].value.len));
    }
    return h;
}

enum tsdb_status tsdb_seal(struct tsdb *db, struct tsdb_error *err)
{
    db->seals++;
    return db->end_status == TSDB_OK ? TSDB_OK : tsdb_fail(err, db->end_status, "%s", db->message);
}

enum tsdb_status tsdb_delete(struct tsdb *db, const struct tsdb_scope *scope,
                             struct tsdb_error *err)
{
    db->deletes++;
    return scope_take(db, scope, err);
}

enum tsdb_status tsdb_snapshot(struct tsdb *db, const char *name, struct tsdb_error *err)
{
    (void)err;
    (void)snprintf(db->snapshot, sizeof db->snapshot, "%s", name);
    return TSDB_OK;
}

void tsdb_cardinality(struct tsdb *db, const char *tenant, tsdb_cardinality_fn *fn, void *arg)
{
    (void)snprintf(db->cardinality_of, sizeof db->cardinality_of, "<%s>", tenant);
    for (size_t i = 0; i < db->series_count; i++)
        for (uint32_t k = 0; k < db->series[i].count; k++)
            if (!fn(arg, db->series[i].at[k], (uint32_t)i + 1))
                return;
}

void tsdb_stats(struct tsdb *db, struct tsdb_stats *out)
{
    (void)db;
    *out = (struct tsdb_stats){.series_active = 3,
                               .label_pairs = 5,
                               .head_ts_min = INT64_C(1000000000),
                               .head_ts_max = INT64_C(2000000000)};
}

#include "tests/collector/api/fake_logs.h"
#include "tests/collector/api/fake_traces.h"

#endif
