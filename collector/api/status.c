#include "collector/api/param.h"
#include "collector/api/request.h"
#include "collector/api/tally.h"
#include "collector/self/counters.h"
#include "collector/self/period.h"
#include "collector/self/rfc3339.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"
#include "tsdb/base/writer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- shapes without contents: answered on the loop --------------------------------------- */

static void reply_lists(struct exchange *x, const char *const *keys, size_t count)
{
    struct reply reply;
    reply_init(&reply, x, REPLY_PROMETHEUS);
    reply_begin(&reply);
    json_object(&reply.json);
    for (size_t i = 0; i < count; i++) {
        json_key(&reply.json, keys[i]);
        json_array(&reply.json);
        json_end_array(&reply.json);
    }
    json_end_object(&reply.json);
    reply_end(&reply);
}

void handle_rules(void *arg, struct exchange *x)
{
    (void)arg;
    reply_lists(x, (const char *const[]){"groups"}, 1);
}

void handle_alerts(void *arg, struct exchange *x)
{
    (void)arg;
    reply_lists(x, (const char *const[]){"alerts"}, 1);
}

void handle_targets(void *arg, struct exchange *x)
{
    (void)arg;
    reply_lists(x, (const char *const[]){"activeTargets", "droppedTargets"}, 2);
}

void handle_alertmanagers(void *arg, struct exchange *x)
{
    (void)arg;
    reply_lists(x, (const char *const[]){"activeAlertmanagers", "droppedAlertmanagers"}, 2);
}

void handle_scrape_pools(void *arg, struct exchange *x)
{
    (void)arg;
    reply_lists(x, (const char *const[]){"scrapePools"}, 1);
}

/* ---- what and where we are ------------------------------------------------------------------ */

static void put_pair(struct json *j, const char *key, const char *value)
{
    json_key(j, key);
    json_word(j, value);
}

static void put_count(struct json *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_u64(j, value);
}

/* The version is that of the API we answer as, so that clients which look know
 * what they may ask; ours stands behind the plus.  There is no "features": with
 * it Grafana takes the server for a Mimir. */
void handle_buildinfo(void *arg, struct exchange *x)
{
    (void)arg;
    struct reply reply;
    reply_init(&reply, x, REPLY_PROMETHEUS);
    reply_begin(&reply);
    struct json *j = &reply.json;
    json_object(j);
    put_pair(j, "version", "3.5.0+andon." ANDON_VERSION);
    put_pair(j, "revision", "");
    put_pair(j, "branch", "");
    put_pair(j, "buildUser", "");
    put_pair(j, "buildDate", "");
    put_pair(j, "goVersion", "");
    json_end_object(j);
    reply_end(&reply);
}

static void put_instant(struct json *j, const char *key, int64_t ns)
{
    char text[RFC3339_MAX];
    rfc3339_format(ns, 9, text);
    put_pair(j, key, text);
}

static void put_retention(struct json *j, int64_t ns)
{
    char text[PERIOD_TEXT_MAX] = "for ever";
    if (ns > 0)
        period_format(ns, text);
    put_pair(j, "storageRetention", text);
}

void handle_runtimeinfo(void *arg, struct exchange *x)
{
    struct api *api = arg;
    struct reply reply;
    char folder[1024] = "", host[256] = "";
    if (!getcwd(folder, sizeof folder))
        folder[0] = '\0';
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    struct tsdb_stats stats;
    tsdb_stats(api->options.db, &stats);
    reply_init(&reply, x, REPLY_PROMETHEUS);
    reply_begin(&reply);
    struct json *j = &reply.json;
    json_object(j);
    put_instant(j, "startTime", api->options.started_ns);
    put_pair(j, "CWD", folder);
    put_pair(j, "hostname", host);
    put_instant(j, "serverTime", clock_wall_ns(api->options.clock));
    json_key(j, "reloadConfigSuccess");
    json_bool(j, counters_get(CONFIG_RELOAD_OK, NOWHERE) != 0);
    put_instant(j, "lastConfigTime", counters_get(CONFIG_RELOAD_TIME, NOWHERE));
    put_count(j, "corruptionCount", stats.quarantined);
    put_count(j, "goroutineCount", (uint64_t)counters_get(PROCESS_THREADS, NOWHERE));
    put_count(j, "GOMAXPROCS", thread_cores());
    put_count(j, "GOMEMLIMIT", stats.memory_limit);
    put_pair(j, "GOGC", "");
    put_pair(j, "GODEBUG", "");
    put_retention(j, atomic_load(&api->retention));
    json_end_object(j);
    reply_end(&reply);
}

/* Replay is over before requests are served. */
void handle_walreplay(void *arg, struct exchange *x)
{
    (void)arg;
    struct reply reply;
    reply_init(&reply, x, REPLY_PROMETHEUS);
    reply_begin(&reply);
    json_object(&reply.json);
    put_count(&reply.json, "min", 0);
    put_count(&reply.json, "max", 0);
    put_count(&reply.json, "current", 0);
    json_end_object(&reply.json);
    reply_end(&reply);
}

static void put_flag(void *to, const char *name, struct tsdb_text value)
{
    struct json *j = to;
    json_key(j, name);
    json_text(j, value);
}

void handle_status_flags(void *arg, struct exchange *x)
{
    struct api *api = arg;
    struct reply reply;
    reply_init(&reply, x, REPLY_PROMETHEUS);
    reply_begin(&reply);
    json_object(&reply.json);
    if (api->options.flags)
        api->options.flags(api->options.arg, put_flag, &reply.json);
    json_end_object(&reply.json);
    reply_end(&reply);
}

void handle_status_config(void *arg, struct exchange *x)
{
    struct api *api = arg;
    struct reply reply;
    struct writer text = {0};
    if (api->options.config)
        api->options.config(api->options.arg, &text);
    reply_init(&reply, x, REPLY_PROMETHEUS);
    reply_begin(&reply);
    json_object(&reply.json);
    json_key(&reply.json, "yaml");
    json_text(&reply.json, (struct tsdb_text){(const char *)text.at, text.len});
    json_end_object(&reply.json);
    reply_end(&reply);
    writer_release(&text);
}

/* ---- status/tsdb: which names and values are many ---------------------------------------------
 */

struct cardinality {
    struct tally metrics, pairs, values, bytes;
    struct writer pair; /* "name=value" */
};

static bool count_pair(void *arg, struct tsdb_label label, uint32_t series)
{
    struct cardinality *c = arg;
    if (text_equal(label.name, text_of("__name__")))
        tally_add(&c->metrics, label.value, series);
    tally_add(&c->values, label.name, 1);
    tally_add(&c->bytes, label.name, label.value.len);
    writer_reset(&c->pair);
    writer_put(&c->pair, label.name.at, label.name.len);
    writer_u8(&c->pair, '=');
    writer_put(&c->pair, label.value.at, label.value.len);
    tally_add(&c->pairs, (struct tsdb_text){(const char *)c->pair.at, c->pair.len}, series);
    return true;
}

static void put_top(struct json *j, const char *key, struct tally *t, uint32_t limit)
{
    uint32_t count = tally_top(t, limit);
    json_key(j, key);
    json_array(j);
    for (uint32_t i = 0; i < count; i++) {
        json_object(j);
        json_key(j, "name");
        json_text(j, t->entries[i].name);
        json_key(j, "value");
        json_u64(j, t->entries[i].count);
        json_end_object(j);
    }
    json_end_array(j);
}

static void put_head(struct json *j, struct tsdb *db)
{
    struct tsdb_stats stats;
    tsdb_stats(db, &stats);
    json_key(j, "headStats");
    json_object(j);
    put_count(j, "numSeries", stats.series_active);
    put_count(j, "numLabelPairs", stats.label_pairs);
    put_count(j, "chunkCount", 0);
    json_key(j, "minTime");
    json_i64(j, stats.head_ts_min / NS_PER_MS);
    json_key(j, "maxTime");
    json_i64(j, stats.head_ts_max / NS_PER_MS);
    json_end_object(j);
}

static void reply_cardinality(struct request *r, struct cardinality *c, uint32_t limit)
{
    struct json *j = &r->reply.json;
    tsdb_cardinality(r->api->options.db, request_tenant(r), count_pair, c);
    reply_begin(&r->reply);
    json_object(j);
    put_head(j, r->api->options.db);
    put_top(j, "seriesCountByMetricName", &c->metrics, limit);
    put_top(j, "labelValueCountByLabelName", &c->values, limit);
    put_top(j, "memoryInBytesByLabelName", &c->bytes, limit);
    put_top(j, "seriesCountByLabelValuePair", &c->pairs, limit);
    json_end_object(j);
    reply_end(&r->reply);
}

static void run_status_tsdb(struct request *r)
{
    enum { ARENA_BYTES = 64 << 20, TOP = 10 };
    uint64_t limit;
    if (!request_limit(r, &limit))
        return;
    if (limit == 0)
        limit = TOP;
    struct cardinality c = {0};
    struct arena arena;
    arena_init(&arena, ARENA_BYTES, NULL);
    if (tally_init(&c.metrics, &arena) && tally_init(&c.pairs, &arena) &&
        tally_init(&c.values, &arena) && tally_init(&c.bytes, &arena))
        reply_cardinality(r, &c, limit < TALLY_TOP_MAX ? (uint32_t)limit : TALLY_TOP_MAX);
    else
        reply_fail(&r->reply, REPLY_UNAVAILABLE, "out of memory for statistics");
    writer_release(&c.pair);
    arena_release(&arena);
}

void handle_status_tsdb(void *arg, struct exchange *x)
{
    api_submit(arg, x, run_status_tsdb);
}
