#include "collector/api/param.h"
#include "collector/api/request.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

#include <string.h>

/* A list being written by a visitor of the engine. */
struct listing {
    struct request *r;
    uint64_t limit, count; /* limit 0: all */
};

/* False when the limit is reached: the visitor stops. */
static bool listing_admits(struct listing *l)
{
    if (l->limit > 0 && l->count == l->limit) {
        reply_warn(&l->r->reply, "results truncated due to limit");
        return false;
    }
    l->count++;
    return !reply_is_gone(&l->r->reply);
}

static bool put_text(void *arg, struct tsdb_text text)
{
    struct listing *l = arg;
    if (!listing_admits(l))
        return false;
    json_text(&l->r->reply.json, text);
    return true;
}

static bool put_labels(void *arg, struct tsdb_labels labels)
{
    struct listing *l = arg;
    if (!listing_admits(l))
        return false;
    json_labels(&l->r->reply.json, labels);
    return true;
}

static void listing_begin(struct listing *l, struct request *r, struct tsdb_scope *scope)
{
    *l = (struct listing){.r = r, .limit = scope->limit};
    if (scope->limit > 0)
        scope->limit++; /* one more tells that there is more */
    reply_begin(&r->reply);
    json_array(&r->reply.json);
}

static void listing_end(struct listing *l, enum tsdb_status st, const struct tsdb_error *err)
{
    if (st != TSDB_OK) {
        request_fail_engine(l->r, st, err, "match[]");
        return;
    }
    json_end_array(&l->r->reply.json);
    reply_end(&l->r->reply);
}

static void run_series(struct request *r)
{
    struct tsdb_scope scope;
    if (!request_scope(r, &scope))
        return;
    if (scope.selector_count == 0) {
        reply_fail(&r->reply, REPLY_BAD_DATA, "no match[] parameter provided");
        return;
    }
    struct listing l;
    struct tsdb_error err = {0};
    listing_begin(&l, r, &scope);
    listing_end(&l, tsdb_series(r->api->options.db, &scope, put_labels, &l, &err), &err);
}

static void run_labels(struct request *r)
{
    struct tsdb_scope scope;
    if (!request_scope(r, &scope))
        return;
    struct listing l;
    struct tsdb_error err = {0};
    listing_begin(&l, r, &scope);
    listing_end(&l, tsdb_label_names(r->api->options.db, &scope, put_text, &l, &err), &err);
}

static void run_label_values(struct request *r)
{
    struct tsdb_text name;
    struct tsdb_scope scope;
    if (!request_path_name(r, "/api/v1/label/", "/values", &name))
        return;
    if (!request_scope(r, &scope))
        return;
    struct listing l;
    struct tsdb_error err = {0};
    listing_begin(&l, r, &scope);
    listing_end(&l, tsdb_label_values(r->api->options.db, name, &scope, put_text, &l, &err), &err);
}

/* ---- metadata -------------------------------------------------------------------------- */

struct metadata_listing {
    struct request *r;
    struct tsdb_text metric;              /* only this one; empty: all */
    bool has_limit, has_limit_per_metric; /* 0 is a limit here */
    uint64_t limit, limit_per_metric;
    uint64_t metrics, entries; /* so far; entries of the open metric */
    struct writer family;      /* of the open metric */
};

static bool take_limit(struct request *r, const char *name, bool *has, uint64_t *limit)
{
    struct tsdb_text text = request_param(r, name);
    *has = text.len > 0;
    if (!*has || param_limit(text, limit, NULL) == TSDB_OK)
        return true;
    reply_fail(&r->reply, REPLY_BAD_DATA, "%s must be a number", name);
    return false;
}

static void put_metadata(struct json *j, const struct tsdb_metadata *m)
{
    static const char *const types[] = {
        [TSDB_METRIC_UNKNOWN] = "unknown",
        [TSDB_METRIC_COUNTER] = "counter",
        [TSDB_METRIC_GAUGE] = "gauge",
        [TSDB_METRIC_HISTOGRAM] = "histogram",
        [TSDB_METRIC_GAUGEHISTOGRAM] = "gaugehistogram",
        [TSDB_METRIC_SUMMARY] = "summary",
        [TSDB_METRIC_INFO] = "info",
        [TSDB_METRIC_STATESET] = "stateset",
    };
    json_object(j);
    json_key(j, "type");
    json_word(j, types[m->type]);
    json_key(j, "help");
    json_text(j, m->help);
    json_key(j, "unit");
    json_text(j, m->unit);
    json_end_object(j);
}

static bool visit_metadata(void *arg, const struct tsdb_metadata *m)
{
    struct metadata_listing *l = arg;
    struct json *j = &l->r->reply.json;
    if (l->metric.len > 0 && !text_equal(l->metric, m->family))
        return true;
    struct tsdb_text open = {(const char *)l->family.at, l->family.len};
    if (l->metrics == 0 || !text_equal(open, m->family)) {
        if (l->has_limit && l->metrics == l->limit)
            return false;
        if (l->metrics++ > 0)
            json_end_array(j);
        writer_reset(&l->family);
        writer_put(&l->family, m->family.at, m->family.len);
        l->entries = 0;
        json_key_text(j, m->family);
        json_array(j);
    }
    if (!l->has_limit_per_metric || l->entries++ < l->limit_per_metric)
        put_metadata(j, m);
    return !reply_is_gone(&l->r->reply);
}

static void run_metadata(struct request *r)
{
    struct metadata_listing l = {.r = r, .metric = request_param(r, "metric")};
    if (!take_limit(r, "limit", &l.has_limit, &l.limit) ||
        !take_limit(r, "limit_per_metric", &l.has_limit_per_metric, &l.limit_per_metric))
        return;
    struct json *j = &r->reply.json;
    reply_begin(&r->reply);
    json_object(j);
    tsdb_metadata(r->api->options.db, request_tenant(r), visit_metadata, &l);
    if (l.metrics > 0)
        json_end_array(j);
    json_end_object(j);
    reply_end(&r->reply);
    writer_release(&l.family);
}

/* ---- exemplars ------------------------------------------------------------------------- */

struct exemplar_listing {
    struct request *r;
    uint64_t seed;
    bool is_open; /* a series has begun */
    struct tsdb_hash series;
};

static bool visit_exemplar(void *arg, struct tsdb_labels series, const struct tsdb_exemplar *e)
{
    struct exemplar_listing *l = arg;
    struct json *j = &l->r->reply.json;
    struct tsdb_hash hash = tsdb_labels_hash(l->seed, series);
    if (!l->is_open || hash.lo != l->series.lo || hash.hi != l->series.hi) {
        if (l->is_open) {
            json_end_array(j);
            json_end_object(j);
        }
        l->is_open = true;
        l->series = hash;
        json_object(j);
        json_key(j, "seriesLabels");
        json_labels(j, series);
        json_key(j, "exemplars");
        json_array(j);
    }
    json_object(j);
    json_key(j, "labels");
    json_labels(j, e->labels);
    json_key(j, "value");
    json_value(j, e->value);
    json_key(j, "timestamp");
    json_time(j, e->ts);
    json_end_object(j);
    return !reply_is_gone(&l->r->reply);
}

static void run_exemplars(struct request *r)
{
    struct tsdb_scope scope;
    if (!request_scope(r, &scope))
        return;
    struct exemplar_listing l = {.r = r, .seed = tsdb_seed(r->api->options.db)};
    struct json *j = &r->reply.json;
    struct tsdb_error err = {0};
    reply_begin(&r->reply);
    json_array(j);
    enum tsdb_status st = tsdb_exemplars(r->api->options.db, request_param(r, "query"), &scope,
                                         visit_exemplar, &l, &err);
    if (st != TSDB_OK) {
        request_fail_engine(r, st, &err, "query");
        return;
    }
    if (l.is_open) {
        json_end_array(j);
        json_end_object(j);
    }
    json_end_array(j);
    reply_end(&r->reply);
}

void handle_series(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_series);
}

void handle_labels(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_labels);
}

void handle_label_values(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_label_values);
}

void handle_metadata(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_metadata);
}

void handle_exemplars(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_exemplars);
}
