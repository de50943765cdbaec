/* fake_traces.h - the traces of the engine of fake_tsdb.h, which includes this: what a test
 * wrote down is found by every search, read by its id, and listed.
 *
 * A query that holds "broken" is TSDB_EINVAL; one that holds "|" a metrics query, which
 * answers db.results. */
#ifndef TESTS_COLLECTOR_API_FAKE_TRACES_H
#define TESTS_COLLECTOR_API_FAKE_TRACES_H

#include "tests/collector/api/fake_tsdb.h"

struct fake_tag {
    enum tsdb_trace_place place;
    const char *name;
};

struct fake_value {
    uint8_t type;
    const char *value;
};

struct fake_traces {
    /* what there is */
    struct tsdb_found_trace found[FAKE_MAX];
    size_t found_count;
    const struct tsdb_trace *whole[FAKE_MAX];
    struct fake_tag tags[FAKE_MAX];
    struct fake_value values[FAKE_MAX];
    const uint8_t *label_types;
    struct tsdb_trace_exemplar exemplars[FAKE_MAX];
    uint32_t exemplar_count;
    enum tsdb_status end_status, read_status, scope_status;
    struct tsdb_trace_stats stats;
    bool blocks; /* searches wait until they are canceled */
    /* what was asked */
    char query[512], name[128], tenant[64];
    struct tsdb_trace_options options;
    struct tsdb_trace_scope scope;
    struct tsdb_trace_id id;
    int64_t start, end;
    enum tsdb_trace_place place;
    atomic_int opened, closed, reads, missed, freed, canceled, lookups;
};

static struct fake_traces traces;

/* What a handler does after its answer was seen. */
static inline bool traces_settle(void)
{
    for (int i = 0; i < 1000; i++) {
        if (traces.opened == traces.closed && traces.reads - traces.missed == traces.freed)
            return true;
        usleep(1000);
    }
    return false;
}

static inline bool text_begins(const char *text, const char *head)
{
    return strncmp(text, head, strlen(head)) == 0;
}

struct tsdb_trace_query {
    struct tsdb *db;
    bool is_metric;
    enum tsdb_value_kind kind;
    size_t at;
    atomic_bool is_canceled;
};

enum tsdb_status tsdb_trace_query_open(struct tsdb *db, struct tsdb_text text,
                                       const struct tsdb_trace_options *options,
                                       struct tsdb_trace_query **out, struct tsdb_error *err)
{
    copy_text(traces.query, sizeof traces.query, text);
    copy_text(traces.tenant, sizeof traces.tenant, text_of(options->tenant));
    traces.options = *options;
    if (strstr(traces.query, "broken"))
        return tsdb_fail(err, TSDB_EINVAL, "parse error at line 1, col 1");
    struct tsdb_trace_query *q = calloc(1, sizeof *q);
    q->db = db;
    q->kind = strchr(traces.query, '|') && !strstr(traces.query, "||")
                  ? (options->step > 0 ? TSDB_MATRIX : TSDB_VECTOR)
                  : TSDB_TRACES;
    traces.opened++;
    *out = q;
    return TSDB_OK;
}

enum tsdb_value_kind tsdb_trace_query_kind(const struct tsdb_trace_query *q)
{
    return q->kind;
}

static inline enum tsdb_status trace_query_end(struct tsdb_trace_query *q, struct tsdb_error *err)
{
    while (traces.blocks && !q->is_canceled)
        usleep(1000);
    if (q->is_canceled)
        return tsdb_fail(err, TSDB_ECANCELED, "canceled");
    if (traces.end_status != TSDB_OK)
        return tsdb_fail(err, traces.end_status, "%s", q->db->message);
    return TSDB_END;
}

enum tsdb_status tsdb_trace_query_trace(struct tsdb_trace_query *q, struct tsdb_found_trace *out,
                                        struct tsdb_error *err)
{
    cr_assert_eq(q->kind, TSDB_TRACES);
    if (q->at == traces.found_count * (1 + q->db->repeat))
        return trace_query_end(q, err);
    *out = traces.found[q->at++ % traces.found_count];
    return TSDB_OK;
}

enum tsdb_status tsdb_trace_query_next(struct tsdb_trace_query *q, struct tsdb_result *out,
                                       const uint8_t **label_types, struct tsdb_error *err)
{
    cr_assert_neq(q->kind, TSDB_TRACES);
    if (q->at == q->db->result_count)
        return trace_query_end(q, err);
    *out = q->db->results[q->at++];
    *label_types = traces.label_types;
    return TSDB_OK;
}

uint32_t tsdb_trace_query_exemplars(const struct tsdb_trace_query *q,
                                    const struct tsdb_trace_exemplar **out)
{
    (void)q;
    *out = traces.exemplars;
    return traces.exemplar_count;
}

void tsdb_trace_query_cancel(struct tsdb_trace_query *q)
{
    q->is_canceled = true;
    traces.canceled++;
}

void tsdb_trace_query_stats(const struct tsdb_trace_query *q, struct tsdb_trace_stats *out)
{
    (void)q;
    *out = traces.stats;
}

void tsdb_trace_query_close(struct tsdb_trace_query *q)
{
    traces.closed += q != NULL;
    free(q);
}

enum tsdb_status tsdb_trace_read(struct tsdb *db, const char *tenant,
                                 const struct tsdb_trace_id *id, int64_t start, int64_t end,
                                 uint64_t bytes_max, struct tsdb_trace **out,
                                 struct tsdb_error *err)
{
    (void)bytes_max;
    copy_text(traces.tenant, sizeof traces.tenant, text_of(tenant));
    traces.id = *id;
    traces.start = start;
    traces.end = end;
    traces.reads++;
    if (traces.read_status != TSDB_OK) {
        traces.missed++;
        return tsdb_fail(err, traces.read_status, "%s", db->message);
    }
    for (size_t i = 0; i < FAKE_MAX && traces.whole[i]; i++) {
        if (memcmp(&traces.whole[i]->id, id, sizeof *id) != 0)
            continue;
        *out = calloc(1, sizeof **out);
        **out = *traces.whole[i];
        return TSDB_OK;
    }
    traces.missed++;
    return tsdb_fail(err, TSDB_ENOTFOUND, "no such trace");
}

void tsdb_trace_free(struct tsdb_trace *trace)
{
    traces.freed += trace != NULL;
    free(trace);
}

static inline enum tsdb_status trace_scope_take(struct tsdb *db,
                                                const struct tsdb_trace_scope *scope,
                                                enum tsdb_trace_place place, struct tsdb_error *err)
{
    copy_text(traces.query, sizeof traces.query, scope->query);
    copy_text(traces.tenant, sizeof traces.tenant, text_of(scope->tenant));
    traces.scope = *scope;
    traces.place = place;
    traces.lookups++;
    if (strstr(traces.query, "broken"))
        return tsdb_fail(err, TSDB_EINVAL, "parse error at line 1, col 1");
    return traces.scope_status == TSDB_OK ? TSDB_OK
                                          : tsdb_fail(err, traces.scope_status, "%s", db->message);
}

enum tsdb_status tsdb_trace_tags(struct tsdb *db, const struct tsdb_trace_scope *scope,
                                 enum tsdb_trace_place place, tsdb_trace_tag_fn *fn, void *arg,
                                 struct tsdb_error *err)
{
    enum tsdb_status st = trace_scope_take(db, scope, place, err);
    for (size_t i = 0; st == TSDB_OK && i < FAKE_MAX && traces.tags[i].name; i++)
        if ((place == TSDB_PLACE_ANY || place == traces.tags[i].place) &&
            !fn(arg, traces.tags[i].place, text_of(traces.tags[i].name)))
            break;
    return st;
}

enum tsdb_status tsdb_trace_tag_values(struct tsdb *db, const struct tsdb_trace_scope *scope,
                                       enum tsdb_trace_place place, struct tsdb_text name,
                                       tsdb_trace_value_fn *fn, void *arg, struct tsdb_error *err)
{
    enum tsdb_status st = trace_scope_take(db, scope, place, err);
    copy_text(traces.name, sizeof traces.name, name);
    for (size_t i = 0; st == TSDB_OK && i < FAKE_MAX && traces.values[i].value; i++)
        if (!fn(arg, traces.values[i].type, text_of(traces.values[i].value)))
            break;
    return st;
}

#endif
