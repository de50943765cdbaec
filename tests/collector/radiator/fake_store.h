/* fake_store.h - an engine with a few services in it, for the radiator's tests.
 *
 * Included by one test file a binary: its functions stand in for the engine's. */
#ifndef TESTS_COLLECTOR_RADIATOR_FAKE_STORE_H
#define TESTS_COLLECTOR_RADIATOR_FAKE_STORE_H

#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/tsdb.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { FAKE_JOBS_MAX = 600 };

struct fake_job {
    char tenant[16];
    char name[200];
    uint32_t series;
    uint32_t samples; /* of each series, in the last minute */
};

struct tsdb {
    struct fake_job jobs[FAKE_JOBS_MAX];
    uint32_t job_count;
    struct tsdb_stats stats;
    bool is_unwritable;
    enum tsdb_status open_status, end_status; /* of queries */
    /* what was asked */
    int queries, cardinalities;
    char expr[64];
    struct tsdb_query_options options;
};

struct tsdb_query {
    struct tsdb *db;
    uint32_t job, series;
    char tenant[16];
};

static inline void fake_add(struct tsdb *db, const char *name, uint32_t series, uint32_t samples)
{
    struct fake_job *job = &db->jobs[db->job_count++];
    (void)snprintf(job->name, sizeof job->name, "%s", name);
    job->series = series;
    job->samples = samples;
}

static inline void fake_add_for(struct tsdb *db, const char *tenant, const char *name)
{
    (void)snprintf(db->jobs[db->job_count].tenant, sizeof db->jobs[0].tenant, "%s", tenant);
    fake_add(db, name, 1, 60);
}

enum tsdb_status tsdb_query_open(struct tsdb *db, struct tsdb_text text,
                                 const struct tsdb_query_options *options, struct tsdb_query **out,
                                 struct tsdb_error *err)
{
    static struct tsdb_query query;
    db->queries++;
    (void)snprintf(db->expr, sizeof db->expr, "%.*s", (int)text.len, text.at);
    db->options = *options;
    if (db->open_status != TSDB_OK)
        return tsdb_fail(err, db->open_status, "no");
    query = (struct tsdb_query){.db = db};
    (void)snprintf(query.tenant, sizeof query.tenant, "%s", options->tenant);
    *out = &query;
    return TSDB_OK;
}

enum tsdb_status tsdb_query_next(struct tsdb_query *q, struct tsdb_result *out,
                                 struct tsdb_error *err)
{
    static struct tsdb_label labels[2];
    struct tsdb *db = q->db;
    while (q->job < db->job_count && (q->series == db->jobs[q->job].series ||
                                      strcmp(db->jobs[q->job].tenant, q->tenant) != 0)) {
        q->job++;
        q->series = 0;
    }
    if (q->job == db->job_count)
        return db->end_status == TSDB_OK ? TSDB_END : tsdb_fail(err, db->end_status, "no");
    q->series++;
    labels[0] = (struct tsdb_label){text_of("__name__"), text_of("x")};
    labels[1] = (struct tsdb_label){text_of("job"), text_of(db->jobs[q->job].name)};
    *out = (struct tsdb_result){.labels = {labels, 2}, .count = db->jobs[q->job].samples};
    return TSDB_OK;
}

void tsdb_query_close(struct tsdb_query *q)
{
    q->db = NULL; /* using it again crashes */
}

void tsdb_cardinality(struct tsdb *db, const char *tenant, tsdb_cardinality_fn *fn, void *arg)
{
    db->cardinalities++;
    struct tsdb_label other = {text_of("instance"), text_of("a")};
    bool goes_on = fn(arg, other, 1);
    for (uint32_t i = 0; goes_on && i < db->job_count; i++) {
        struct tsdb_label pair = {text_of("job"), text_of(db->jobs[i].name)};
        if (strcmp(db->jobs[i].tenant, tenant) == 0)
            goes_on = fn(arg, pair, db->jobs[i].series);
    }
}

void tsdb_stats(struct tsdb *db, struct tsdb_stats *out)
{
    *out = db->stats;
}

bool tsdb_is_writable(const struct tsdb *db)
{
    return !db->is_unwritable;
}

#endif
