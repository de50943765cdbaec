/* fake_logs.h - the logs of the engine of fake_tsdb.h, which includes this: a few records
 * that every log query finds, by time, limit and direction only.
 *
 * A query that ends in "| logfmt" shows `logfmt` as the parsed labels of its entries, one
 * in "| json" shows `json`; others show the entry's own. */
#ifndef TESTS_COLLECTOR_API_FAKE_LOGS_H
#define TESTS_COLLECTOR_API_FAKE_LOGS_H

#include "tests/collector/api/fake_tsdb.h"

struct fake_logs {
    /* what there is */
    struct tsdb_log_entry entries[FAKE_MAX]; /* oldest first */
    struct tsdb_labels json[FAKE_MAX], logfmt[FAKE_MAX];
    size_t entry_count;
    bool is_metric; /* queries are; they answer db.results */
    enum tsdb_status end_status;
    struct tsdb_log_stats stats;
    /* what was asked */
    char expr[256];
    struct tsdb_log_options options;
    struct tsdb_scope scope;
    atomic_int opened, closed, tails_open, volume_calls;
    /* tails: guarded by lock */
    struct mutex lock;
    struct tsdb_log_entry tail[FAKE_MAX * 4];
    size_t tail_count, tail_at;
    uint64_t tail_dropped;
    enum tsdb_status tail_status;
};

static struct fake_logs logs = {.lock = {PTHREAD_MUTEX_INITIALIZER}};

struct tsdb_log_query {
    struct tsdb *db;
    struct tsdb_log_options options;
    size_t at, result_at;
    uint64_t given;
    const struct tsdb_labels *parsed; /* instead of the entries' own */
    atomic_bool is_canceled;
    struct tsdb_log_entry shown;
};

struct tsdb_log_tail {
    struct tsdb *db;
};

static inline bool text_ends(struct tsdb_text text, const char *end)
{
    size_t n = strlen(end);
    return text.len >= n && memcmp(text.at + text.len - n, end, n) == 0;
}

enum tsdb_status tsdb_log_query_open(struct tsdb *db, struct tsdb_text text,
                                     const struct tsdb_log_options *options,
                                     struct tsdb_log_query **out, struct tsdb_error *err)
{
    copy_text(logs.expr, sizeof logs.expr, text);
    logs.options = *options;
    if (db->open_status != TSDB_OK)
        return tsdb_fail(err, db->open_status, "%s", db->message);
    struct tsdb_log_query *q = calloc(1, sizeof *q);
    q->db = db;
    q->options = *options;
    q->at = options->is_forward ? 0 : logs.entry_count;
    q->parsed = text_ends(text, "| json")     ? logs.json
                : text_ends(text, "| logfmt") ? logs.logfmt
                                              : NULL;
    logs.opened++;
    *out = q;
    return TSDB_OK;
}

enum tsdb_value_kind tsdb_log_query_kind(const struct tsdb_log_query *q)
{
    return logs.is_metric ? q->db->kind : TSDB_STREAMS;
}

enum tsdb_status tsdb_log_query_entry(struct tsdb_log_query *q, struct tsdb_log_entry *out,
                                      struct tsdb_error *err)
{
    while (q->db->blocks && !q->is_canceled)
        usleep(1000);
    if (q->is_canceled)
        return tsdb_fail(err, TSDB_ECANCELED, "canceled");
    while (q->options.is_forward ? q->at < logs.entry_count : q->at > 0) {
        size_t i = q->options.is_forward ? q->at++ : --q->at;
        struct tsdb_log_entry *e = &logs.entries[i];
        if (e->ts < q->options.start || e->ts >= q->options.end)
            continue;
        if (q->options.limit > 0 && q->given++ == q->options.limit)
            break;
        q->shown = *e;
        if (q->parsed)
            q->shown.parsed = q->parsed[i];
        *out = q->shown;
        return TSDB_OK;
    }
    if (logs.end_status != TSDB_OK)
        return tsdb_fail(err, logs.end_status, "%s", q->db->message);
    return TSDB_END;
}

enum tsdb_status tsdb_log_query_next(struct tsdb_log_query *q, struct tsdb_result *out,
                                     struct tsdb_error *err)
{
    if (q->result_at < q->db->result_count) {
        *out = q->db->results[q->result_at++];
        return TSDB_OK;
    }
    if (logs.end_status != TSDB_OK)
        return tsdb_fail(err, logs.end_status, "%s", q->db->message);
    return TSDB_END;
}

void tsdb_log_query_cancel(struct tsdb_log_query *q)
{
    q->is_canceled = true;
    q->db->canceled++;
}

const char *tsdb_log_query_warning(const struct tsdb_log_query *q, uint32_t index)
{
    return q->db->warnings[index];
}

void tsdb_log_query_stats(const struct tsdb_log_query *q, struct tsdb_log_stats *out)
{
    (void)q;
    *out = logs.stats;
}

void tsdb_log_query_close(struct tsdb_log_query *q)
{
    logs.closed += q != NULL;
    free(q);
}

enum tsdb_status tsdb_log_query_format(struct tsdb_text query,
                                       void (*text)(void *arg, struct tsdb_text formatted),
                                       void *arg, struct tsdb_error *err)
{
    return tsdb_query_format(query, text, arg, err);
}

enum tsdb_status tsdb_log_label_names(struct tsdb *db, const struct tsdb_scope *scope,
                                      tsdb_text_fn *fn, void *arg, struct tsdb_error *err)
{
    return tsdb_label_names(db, scope, fn, arg, err);
}

enum tsdb_status tsdb_log_label_values(struct tsdb *db, struct tsdb_text name,
                                       const struct tsdb_scope *scope, tsdb_text_fn *fn, void *arg,
                                       struct tsdb_error *err)
{
    return tsdb_label_values(db, name, scope, fn, arg, err);
}

enum tsdb_status tsdb_log_streams(struct tsdb *db, const struct tsdb_scope *scope,
                                  tsdb_series_fn *fn, void *arg, struct tsdb_error *err)
{
    return tsdb_series(db, scope, fn, arg, err);
}

/* One volume an entry: callers add them up. */
enum tsdb_status tsdb_log_volumes(struct tsdb *db, const struct tsdb_scope *scope,
                                  tsdb_log_volume_fn *fn, void *arg, struct tsdb_error *err)
{
    enum tsdb_status st = scope_take(db, scope, err);
    logs.volume_calls++;
    for (size_t i = 0; st == TSDB_OK && i < logs.entry_count; i++) {
        const struct tsdb_log_entry *e = &logs.entries[i];
        struct tsdb_log_volume v = {e->stream, 1, e->line.len, 2};
        if (e->ts >= scope->start && e->ts < scope->end && !fn(arg, &v))
            break;
    }
    return st;
}

enum tsdb_status tsdb_log_delete(struct tsdb *db, const struct tsdb_scope *scope,
                                 struct tsdb_error *err)
{
    return tsdb_delete(db, scope, err);
}

enum tsdb_status tsdb_log_tail_open(struct tsdb *db, const char *tenant, struct tsdb_text text,
                                    struct tsdb_log_tail **out, struct tsdb_error *err)
{
    (void)tenant;
    copy_text(logs.expr, sizeof logs.expr, text);
    if (db->open_status != TSDB_OK)
        return tsdb_fail(err, db->open_status, "%s", db->message);
    *out = calloc(1, sizeof **out);
    (*out)->db = db;
    mutex_lock(&logs.lock);
    logs.tails_open++;
    mutex_unlock(&logs.lock);
    return TSDB_OK;
}

enum tsdb_status tsdb_log_tail_next(struct tsdb_log_tail *tail, struct tsdb_log_entry *out,
                                    struct tsdb_error *err)
{
    (void)tail;
    mutex_lock(&logs.lock);
    enum tsdb_status st = logs.tail_status != TSDB_OK ? logs.tail_status : TSDB_END;
    if (logs.tail_at < logs.tail_count) {
        *out = logs.tail[logs.tail_at++];
        st = TSDB_OK;
    }
    mutex_unlock(&logs.lock);
    return st > TSDB_END ? tsdb_fail(err, st, "broken") : st;
}

uint64_t tsdb_log_tail_dropped(struct tsdb_log_tail *tail)
{
    (void)tail;
    mutex_lock(&logs.lock);
    uint64_t dropped = logs.tail_dropped;
    logs.tail_dropped = 0;
    mutex_unlock(&logs.lock);
    return dropped;
}

void tsdb_log_tail_close(struct tsdb_log_tail *tail)
{
    mutex_lock(&logs.lock);
    logs.tails_open -= tail != NULL;
    mutex_unlock(&logs.lock);
    free(tail);
}

static inline void tail_append(const struct tsdb_log_entry *entry)
{
    mutex_lock(&logs.lock);
    logs.tail[logs.tail_count++] = *entry;
    mutex_unlock(&logs.lock);
}

#endif
