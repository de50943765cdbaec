/* fake_engine.h - an engine that does as it is told.
 *
 * Defines the tsdb_* functions that the room calls, so that the linker takes none of
 * the real ones.  Each point, record or span is answered with fake_db.verdicts (repeating), or
 * append fails with fake_db.status; what is synced is in the test's hands.
 */
#ifndef TESTS_COLLECTOR_INGEST_FAKE_ENGINE_H
#define TESTS_COLLECTOR_INGEST_FAKE_ENGINE_H

#include "tsdb/base/status.h"
#include "tsdb/tsdb.h"

#include <stdio.h>

struct tsdb {
    enum tsdb_status status; /* of append */
    uint8_t verdicts[8];     /* one a point, again and again */
    uint32_t verdict_count;  /* 0: all accepted */
    uint64_t position, synced;
    bool is_unwritable;
    uint64_t appends, points, exemplars, metadata;
    struct tsdb_point last[64]; /* of the last append */
    int64_t starts[64];         /* its start times; 0 where there are none */
    bool has_starts;
    char labels[512]; /* of its first point or record */
    uint64_t records;
    char lines[1024]; /* of the last append of logs, each with its end */
    char tenant[64];
};

static struct tsdb fake_db;

uint64_t tsdb_seed(const struct tsdb *db)
{
    (void)db;
    return 42;
}

uint64_t tsdb_synced(const struct tsdb *db)
{
    return db->synced;
}

bool tsdb_is_writable(const struct tsdb *db)
{
    return !db->is_unwritable;
}

static void fake_put_labels(struct tsdb *db, struct tsdb_labels labels)
{
    size_t len = 0;
    for (uint32_t i = 0; i < labels.count && len < sizeof db->labels; i++)
        len += (size_t)snprintf(db->labels + len, sizeof db->labels - len, "%.*s=%.*s;",
                                (int)labels.at[i].name.len, labels.at[i].name.at,
                                (int)labels.at[i].value.len, labels.at[i].value.at);
}

static void fake_labels(struct tsdb *db, const struct tsdb_batch *batch)
{
    struct tsdb_labels labels;
    db->labels[0] = '\0';
    if (batch->point_count > 0 && batch->labels(batch->arg, 0, &labels) == TSDB_OK)
        fake_put_labels(db, labels);
}

enum tsdb_status tsdb_log_append(struct tsdb *db, const struct tsdb_log_batch *batch,
                                 struct tsdb_appended *out, uint8_t *verdicts,
                                 struct tsdb_error *err)
{
    size_t len = 0;
    db->appends++;
    if (db->status != TSDB_OK)
        return tsdb_fail(err, db->status, "engine: told to fail");
    *out = (struct tsdb_appended){.position = ++db->position};
    (void)snprintf(db->tenant, sizeof db->tenant, "%s", batch->tenant);
    for (uint32_t i = 0; i < batch->record_count; i++) {
        const struct tsdb_log_record *r = &batch->records[i];
        uint8_t verdict =
            db->verdict_count ? db->verdicts[db->records % db->verdict_count] : TSDB_ACCEPTED;
        db->records++;
        if (verdicts)
            verdicts[i] = verdict;
        out->counts[verdict]++;
        if (i == 0)
            fake_put_labels(db, batch->streams[r->stream].labels);
        if (len < sizeof db->lines)
            len += (size_t)snprintf(db->lines + len, sizeof db->lines - len, "%.*s\n",
                                    (int)r->line.len, r->line.at);
    }
    return TSDB_OK;
}

/* Spans count as records; lines are their names, labels the resource of the first one. */
enum tsdb_status tsdb_span_append(struct tsdb *db, const struct tsdb_span_batch *batch,
                                  struct tsdb_appended *out, uint8_t *verdicts,
                                  struct tsdb_error *err)
{
    size_t len = 0;
    db->appends++;
    if (db->status != TSDB_OK)
        return tsdb_fail(err, db->status, "engine: told to fail");
    *out = (struct tsdb_appended){.position = ++db->position};
    (void)snprintf(db->tenant, sizeof db->tenant, "%s", batch->tenant);
    for (uint32_t i = 0; i < batch->span_count; i++) {
        const struct tsdb_span *s = &batch->spans[i];
        const struct tsdb_fields resource = batch->sources[s->source].resource;
        uint8_t verdict =
            db->verdict_count ? db->verdicts[db->records % db->verdict_count] : TSDB_ACCEPTED;
        db->records++;
        if (verdicts)
            verdicts[i] = verdict;
        out->counts[verdict]++;
        if (i == 0 && resource.count > 0)
            (void)snprintf(db->labels, sizeof db->labels, "%.*s=%.*s;",
                           (int)resource.at[0].name.len, resource.at[0].name.at,
                           (int)resource.at[0].text.len, resource.at[0].text.at);
        if (len < sizeof db->lines)
            len += (size_t)snprintf(db->lines + len, sizeof db->lines - len, "%.*s\n",
                                    (int)s->name.len, s->name.at);
    }
    return TSDB_OK;
}

enum tsdb_status tsdb_append(struct tsdb *db, const struct tsdb_batch *batch,
                             struct tsdb_appended *out, uint8_t *verdicts, struct tsdb_error *err)
{
    db->appends++;
    if (db->status != TSDB_OK)
        return tsdb_fail(err, db->status, "engine: told to fail");
    *out = (struct tsdb_appended){.position = ++db->position};
    db->has_starts = batch->starts != NULL;
    for (uint32_t i = 0; i < batch->point_count; i++) {
        uint8_t verdict =
            db->verdict_count ? db->verdicts[db->points % db->verdict_count] : TSDB_ACCEPTED;
        db->points++;
        if (verdicts)
            verdicts[i] = verdict;
        out->counts[verdict]++;
        int64_t start = batch->starts ? batch->starts[i] : 0;
        out->zeros += start != 0;
        if (i >= 64)
            continue;
        db->last[i] = batch->points[i];
        db->starts[i] = start;
    }
    fake_labels(db, batch);
    db->exemplars += batch->exemplar_count;
    out->exemplars = batch->exemplar_count;
    db->metadata += batch->metadata_count;
    return TSDB_OK;
}

#endif
