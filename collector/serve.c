/* The wiring of the server: every room is opened here, in order, and closed in
 * reverse.  Threads: see ARCHITECTURE.md.  The main thread waits for signals and
 * ticks once a second. */
#include "collector/serve.h"

#include "collector/api/api.h"
#include "collector/config/config.h"
#include "collector/config/log_rule.h"
#include "collector/derive/span_metrics.h"
#include "collector/ingest/ingest.h"
#include "collector/ingest/tenants_file.h"
#include "collector/net/server.h"
#include "collector/own_log.h"
#include "collector/own_trace.h"
#include "collector/radiator/radiator.h"
#include "collector/self/counters.h"
#include "collector/self/log.h"
#include "collector/self/period.h"
#include "collector/self_store.h"
#include "collector/waiting_room.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/fs.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/random.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"
#include "tsdb/base/writer.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { DRAIN_MS = 10000, ROUTES_MAX = 256 };

extern char **environ;

struct server {
    int argc;
    const char *const *argv;
    struct mutex reload_lock; /* one reload at a time: what it handed out it then frees */
    struct mutex config_lock; /* guards the next two: a reload swaps them */
    struct config config;
    struct tenants tenants;
    struct budget budget; /* doors and decoding; the engine has its own share */
    struct waiting_room waiting;
    struct tsdb *db;
    struct api *api;
    struct span_metrics *span_metrics;
    struct ingest *ingest;
    struct radiator *radiator;
    struct net *net;
    struct self_store *self;
    struct own_log *own_log;     /* NULL: own lines are not stored */
    struct own_trace *own_trace; /* NULL: own requests are not stored */
    struct exchange_route routes[ROUTES_MAX];
    size_t route_count;
    int64_t started_ns, self_due_ns;
    _Atomic bool is_ready, is_degraded, is_draining;
    _Atomic bool is_reload_wanted;
};

/* ---- settings ------------------------------------------------------------------------ */

static void net_options_of(const struct server *s, struct net_options *out)
{
    const struct config_net *c = &s->config.net;
    net_options_init(out);
    out->http = c->http_listen;
    out->grpc = c->grpc_listen;
    out->udp = c->udp_listen;
    out->tcp = c->tcp_listen;
    out->syslog_udp = c->syslog_udp_listen;
    out->syslog_tcp = c->syslog_tcp_listen;
    out->allow_insecure_listen = c->allow_insecure_listen;
    out->loops = (uint32_t)c->loops;
    out->limits.body_bytes_max = c->max_body_size;
    out->limits.frame_bytes_max = c->max_body_size;
    out->web_config_path = c->web_config_file;
}

enum { LOG_RULES_MAX = 64 };

/* The rules of log retention; checked when the config was loaded. */
static size_t log_rules_of(const struct config *c, struct tsdb_log_retention out[LOG_RULES_MAX])
{
    size_t count = c->store.log_retention.count;
    ASSERT(count <= LOG_RULES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct log_rule rule = {0};
        bool is_rule = log_rule_parse(c->store.log_retention.at[i], &rule);
        ASSERT(is_rule);
        out[i] = (struct tsdb_log_retention){"", rule.selector, rule.period};
    }
    return count;
}

static void ignore_text(void *arg, struct tsdb_text text)
{
    (void)arg;
    (void)text;
}

/* Whether the engine takes the selectors. */
static enum tsdb_status check_log_rules(const struct config *c, struct tsdb_error *err)
{
    struct tsdb_log_retention rules[LOG_RULES_MAX];
    size_t count = log_rules_of(c, rules);
    for (size_t i = 0; i < count; i++) {
        struct tsdb_error inner = {0};
        if (tsdb_log_query_format(text_of(rules[i].selector), ignore_text, NULL, &inner) != TSDB_OK)
            return tsdb_fail(err, TSDB_EINVAL, "log_retention: \"%.80s\": %.120s",
                             rules[i].selector, inner.msg);
    }
    return TSDB_OK;
}

/* Three quarters of the memory are the engine's, the rest is for doors and decoding. */
static void tsdb_options_of(const struct config *c, const struct tenants *tenants,
                            struct tsdb_options *out)
{
    tsdb_options_init(out);
    out->dir = c->store.data_dir;
    out->sync = (enum tsdb_sync)c->store.journal_sync;
    out->retention = c->store.retention;
    out->retention_bytes = c->store.retention_size;
    out->limits.memory_bytes = c->store.memory_limit / 4 * 3;
    out->limits.series_max = c->store.series_max;
    out->limits.series_new_per_s = c->store.series_new_per_s;
    out->limits.future_max = c->store.future_limit;
    out->limits.past_max = c->store.past_limit;
    out->limits.log_line_bytes_max = (uint32_t)c->store.log_line_bytes_max;
    out->limits.log_fields_max = (uint32_t)c->store.log_fields_max;
    if (tenants) {
        out->tenant_limits = tenants->at;
        out->tenant_limits_count = tenants->count;
    }
}

/* What tenants have for themselves; the rest is what all have. */
static enum tsdb_status load_tenants(const struct config *c, struct tenants *out,
                                     struct tsdb_error *err)
{
    struct tsdb_options common;
    tsdb_options_of(c, NULL, &common);
    return tenants_read(fs_posix(), c->store.tenants_file, &common.limits, out, err);
}

static void api_options_of(struct server *s, struct api_options *out)
{
    *out = (struct api_options){.db = s->db,
                                .threads = (size_t)s->config.query.concurrency,
                                .query_timeout = s->config.query.timeout,
                                .lookback = s->config.query.lookback,
                                .samples_max = s->config.query.samples_max,
                                .retention = s->config.store.retention,
                                .started_ns = s->started_ns,
                                .arg = s};
}

/* Tokens of frames and datagrams are the web config's, like those of requests. */
static bool authorize(void *arg, struct tsdb_text token, struct arena *arena,
                      struct tsdb_text *tenant)
{
    struct server *s = arg;
    return net_token_check(s->net, token, SCOPE_INGEST, arena, tenant);
}

_Static_assert((int)TRANSLATE_NOTHING == (int)OTLP_UTF8 &&
                   (int)TRANSLATE_ESCAPE_WITHOUT_SUFFIXES == (int)OTLP_UNDERSCORE,
               "the setting's choices are the decoder's, in its order");

static void span_settings_of(const struct config *c, struct span_metrics_settings *out)
{
    *out = (struct span_metrics_settings){.is_on = c->derive.is_on,
                                          .interval = c->derive.interval,
                                          .series_max = (uint32_t)c->derive.series_max,
                                          .graph_wait = c->derive.graph_wait,
                                          .graph_items_max = (uint32_t)c->derive.graph_items_max};
}

static struct span_metrics *open_span_metrics(struct server *s)
{
    const struct config_list *names = &s->config.derive.dimensions;
    struct tsdb_text dimensions[SPAN_METRICS_DIMENSIONS_MAX];
    struct span_metrics_options o;
    ASSERT(names->count <= SPAN_METRICS_DIMENSIONS_MAX);
    span_metrics_options_init(&o);
    o.db = s->db;
    o.budget = &s->budget;
    span_settings_of(&s->config, &o.settings);
    for (size_t i = 0; i < names->count; i++)
        dimensions[i] = text_of(names->at[i]);
    o.dimensions = dimensions;
    o.dimension_count = (uint32_t)names->count;
    return span_metrics_new(&o);
}

static struct ingest *open_ingest(struct server *s)
{
    const struct config *c = &s->config;
    struct ingest_options o;
    ingest_options_init(&o);
    o.db = s->db;
    o.budget = &s->budget;
    o.sync = (enum tsdb_sync)c->store.journal_sync;
    random_secret(&o.random_seed, sizeof o.random_seed);
    o.otlp_strategy = (enum otlp_strategy)c->ingest.otlp_translation;
    o.has_start_zeros = c->ingest.start_timestamps == STARTS_ZERO;
    o.limits.otlp_bytes_max = c->net.max_body_size;
    o.limits.frame_bytes_max = c->net.max_body_size;
    o.limits.log_bytes_max = c->net.max_body_size;
    o.span_metrics = s->span_metrics;
    o.authorize = authorize;
    o.authorize_arg = s;
    struct tsdb_text *promoted = MEM_ARRAY(struct tsdb_text, c->ingest.otlp_promote.count);
    for (size_t i = 0; i < c->ingest.otlp_promote.count; i++)
        promoted[i] = text_of(c->ingest.otlp_promote.at[i]);
    o.otlp_promoted = promoted;
    o.otlp_promoted_count = (uint32_t)c->ingest.otlp_promote.count;
    struct ingest *ingest = ingest_new(&o);
    mem_free(promoted);
    return ingest;
}

static void warn_unreloadable(void *arg, const char *key, bool is_reloadable)
{
    (void)arg;
    if (is_reloadable)
        log_info("config", "reloaded key=%s", key);
    else
        log_warn("config", "key=%s changed: restart to apply it", key);
}

/* For the two gauges by which people see whether their last edit was taken. */
static void note_load(bool is_taken)
{
    counters_set(CONFIG_RELOAD_OK, NOWHERE, is_taken);
    if (is_taken)
        counters_set(CONFIG_RELOAD_TIME, NOWHERE, clock_wall_ns(clock_real()));
}

/* All or nothing: a bad file leaves everything as it was. */
static enum tsdb_status take_settings(struct server *s, struct tsdb_error *err)
{
    struct config fresh = {0};
    struct tenants tenants = {0};
    enum tsdb_status st = config_load(s->argc, s->argv, (const char *const *)environ, &fresh, err);
    if (st == TSDB_OK)
        st = check_log_rules(&fresh, err);
    if (st == TSDB_OK)
        st = load_tenants(&fresh, &tenants, err);
    if (st == TSDB_OK && s->net)
        st = net_reload(s->net, err);
    if (st != TSDB_OK) {
        tenants_release(&tenants);
        config_release(&fresh);
        counters_reloaded(false, clock_wall_ns(clock_real()));
        log_error("config", "reload refused, the old settings stay: %s", err->msg);
        return st;
    }
    mutex_lock(&s->config_lock);
    struct config old = s->config;
    struct tenants old_tenants = s->tenants;
    config_compare(&old, &fresh, warn_unreloadable, NULL);
    s->config = fresh;
    s->tenants = tenants;
    struct tsdb_options store;
    tsdb_options_of(&s->config, &s->tenants, &store);
    struct tsdb_log_retention rules[LOG_RULES_MAX]; /* texts of fresh: reload_lock keeps them */
    store.log_retention = rules;
    store.log_retention_count = log_rules_of(&s->config, rules);
    struct api_options api;
    api_options_of(s, &api);
    struct span_metrics_settings spans;
    span_settings_of(&s->config, &spans);
    mutex_unlock(&s->config_lock);
    log_set_level((enum log_level)fresh.self.log_level);
    span_metrics_configure(s->span_metrics, &spans);
    tsdb_configure(s->db, &store);
    api_configure(s->api, &api);
    config_release(&old);
    tenants_release(&old_tenants);
    counters_reloaded(true, clock_wall_ns(clock_real()));
    log_info("config", "reload done");
    return TSDB_OK;
}

/* Any thread. */
static enum tsdb_status reload(void *arg, struct tsdb_error *err)
{
    struct server *s = arg;
    mutex_lock(&s->reload_lock);
    enum tsdb_status st = take_settings(s, err);
    mutex_unlock(&s->reload_lock);
    return st;
}

static void print_config(void *arg, struct writer *w)
{
    struct server *s = arg;
    mutex_lock(&s->config_lock);
    config_print(&s->config, w);
    mutex_unlock(&s->config_lock);
}

static void each_setting(void *arg, void (*fn)(void *to, const char *name, struct tsdb_text value),
                         void *to)
{
    struct server *s = arg;
    mutex_lock(&s->config_lock);
    config_each(&s->config, fn, to);
    mutex_unlock(&s->config_lock);
}

static bool is_ready(void *arg, char *why, size_t cap)
{
    struct server *s = arg;
    const char *text = NULL;
    if (atomic_load(&s->is_draining))
        text = "draining: the server is stopping";
    else if (!atomic_load(&s->is_ready))
        text = "starting";
    else if (!tsdb_is_writable(s->db))
        text = "the journal cannot be written; see the log";
    if (text)
        (void)snprintf(why, cap, "%s", text);
    return text == NULL;
}

/* ---- the engine's events --------------------------------------------------------------- */

static void on_event(void *arg, const struct tsdb_event *event)
{
    struct server *s = arg;
    switch (event->kind) {
    case TSDB_EVENT_PROGRESS:
        waiting_room_tell(&s->waiting, event->text);
        log_info("tsdb", "%s", event->text);
        break;
    case TSDB_EVENT_DEGRADED: log_error("tsdb", "not acknowledging: %s", event->text); break;
    case TSDB_EVENT_RECOVERED: log_info("tsdb", "recovered: %s", event->text); break;
    case TSDB_EVENT_QUARANTINE: log_error("tsdb", "quarantine %s", event->text); break;
    case TSDB_EVENT_BACKGROUND: log_warn("tsdb", "%s", event->text); break;
    }
}

static void on_synced(void *arg)
{
    struct server *s = arg;
    if (s->ingest)
        ingest_on_synced(s->ingest);
}

static void collect_engine(void *arg)
{
    struct server *s = arg;
    struct tsdb_stats stats;
    tsdb_stats(s->db, &stats);
    counters_engine(&stats);
    counters_set(ENGINE_WRITABLE, NOWHERE, tsdb_is_writable(s->db));
    counters_process(fs_posix(), s->started_ns);
}

/* ---- start ------------------------------------------------------------------------------ */

static enum tsdb_status open_store(struct server *s, struct tsdb_error *err)
{
    struct tsdb_options options;
    tsdb_options_of(&s->config, &s->tenants, &options);
    struct tsdb_log_retention rules[LOG_RULES_MAX];
    options.log_retention = rules;
    options.log_retention_count = log_rules_of(&s->config, rules);
    options.on_event = on_event;
    options.on_synced = on_synced;
    options.arg = s;
    return tsdb_open(&options, &s->db, err);
}

static enum tsdb_status open_doors(struct server *s, struct tsdb_error *err)
{
    struct api_options api;
    api_options_of(s, &api);
    api.ready = is_ready;
    api.reload = reload;
    api.config = print_config;
    api.flags = each_setting;
    s->api = api_new(&api);
    s->span_metrics = open_span_metrics(s);
    s->ingest = open_ingest(s);
    s->radiator = radiator_new(
        &(struct radiator_options){.db = s->db, .disk_limit = s->config.store.retention_size});
    s->route_count = api_routes(s->api, s->routes);
    s->route_count += radiator_routes(s->radiator, s->routes + s->route_count);
    size_t count;
    const struct exchange_route *ingest = ingest_routes(s->ingest, &count);
    ASSERT(s->route_count + count <= ROUTES_MAX);
    memcpy(s->routes + s->route_count, ingest, count * sizeof *ingest);
    s->route_count += count;
    struct net_options net;
    net_options_of(s, &net);
    net.budget = &s->budget;
    net.routes = s->routes;
    net.route_count = s->route_count;
    net.frame_sink = ingest_frame;
    net.frame_arg = s->ingest;
    net.udp_sink = ingest_datagrams;
    net.udp_arg = s->ingest;
    net.family = ingest_family(s->ingest);
    net.syslog_stream_sink = ingest_syslog_stream;
    net.syslog_datagram_sink = ingest_syslog_datagrams;
    net.syslog_arg = s->ingest;
    return net_open(&net, &s->net, err);
}

static void print_banner(const struct server *s)
{
    struct writer w = {0};
    struct tsdb_text http = net_address(s->net, LISTENER_HTTP);
    const char *scheme = net_has_tls(s->net) ? "https" : "http";
    writer_format(&w, "\n  Andon %s\n", ANDON_VERSION);
    if (http.len > 0)
        writer_format(&w, "  board      %s://%.*s/        explore  %s://%.*s/explore\n", scheme,
                      (int)http.len, http.at, scheme, (int)http.len, http.at);
    static const char *const doors[LISTENER_COUNT] = {"http      ", "otlp grpc ", "tcp frames",
                                                      "udp frames", "syslog tcp", "syslog udp"};
    for (int i = 0; i < LISTENER_COUNT; i++) {
        struct tsdb_text a = net_address(s->net, (enum listener)i);
        if (a.len == 0 && i >= LISTENER_SYSLOG_TCP)
            continue; /* off, as they are when nobody asks */
        writer_format(&w, "  %s %.*s\n", doors[i], a.len ? (int)a.len : 3, a.len ? a.at : "off");
    }
    if (http.len > 0)
        writer_format(&w, "  grafana    %s://%.*s/-/grafana/provisioning.yaml (its data sources)\n",
                      scheme, (int)http.len, http.at);
    char kept[PERIOD_TEXT_MAX];
    period_format(s->config.store.retention, kept);
    writer_format(&w, "  data       %s, kept %s\n", s->config.store.data_dir,
                  s->config.store.retention ? kept : "for ever");
    writer_format(&w, "  memory     %llu MiB budget, %llu MiB of it for the store\n",
                  (unsigned long long)(s->config.store.memory_limit >> 20),
                  (unsigned long long)(s->config.store.memory_limit / 4 * 3 >> 20));
    if (http.len > 0)
        writer_format(&w, "  try        curl '%s://%.*s/api/v1/query?query=up'\n\n", scheme,
                      (int)http.len, http.at);
    (void)fwrite(w.at, 1, w.len, stderr);
    (void)fflush(stderr);
    writer_release(&w);
}

static enum tsdb_status start(struct server *s, struct tsdb_error *err)
{
    struct net_options net;
    net_options_of(s, &net);
    waiting_room_open(&s->waiting, &net);
    enum tsdb_status st = open_store(s, err);
    waiting_room_close(&s->waiting);
    if (st == TSDB_OK)
        st = open_doors(s, err);
    if (st != TSDB_OK)
        return st;
    struct tsdb_text http = net_address(s->net, LISTENER_HTTP);
    char instance[128];
    (void)snprintf(instance, sizeof instance, "%.*s", (int)http.len, http.at ? http.at : "");
    s->self = self_store_new(s->db, instance[0] ? instance : "andon");
    counters_on_collect(collect_engine, s);
    counters_on_collect(net_collect, s->net);
    counters_on_collect(ingest_collect, s->ingest);
    counters_on_collect(span_metrics_collect, s->span_metrics);
    net_start(s->net);
    counters_reloaded(true, s->started_ns);
    note_load(true);
    atomic_store(&s->is_ready, true);
    print_banner(s);
    log_info("serve", "ready http=%s data_dir=%s", instance, s->config.store.data_dir);
    return TSDB_OK;
}

/* ---- running ---------------------------------------------------------------------------- */

static void tick(struct server *s)
{
    int64_t now = clock_mono_ns(clock_real());
    mutex_lock(&s->config_lock);
    int64_t interval = s->config.self.interval;
    mutex_unlock(&s->config_lock);
    own_log_drain(s->own_log, s->db);
    own_trace_drain(s->own_trace, s->db);
    span_metrics_tick(s->span_metrics);
    if (interval == 0 || now < s->self_due_ns)
        return;
    s->self_due_ns = now + interval;
    self_store_append(s->self, clock_wall_ns(clock_real()));
}

/* Returns the signal that ends the server. */
static int run(struct server *s)
{
    for (;;) {
        int sig = thread_wait_signal(250 * NS_PER_MS);
        if (sig == SIGTERM || sig == SIGINT)
            return sig;
        struct tsdb_error err = {0};
        if (sig == SIGHUP)
            (void)!reload(s, &err); /* logged there; the old settings stay */
        tick(s);
    }
}

/* Stops in the order in which nothing that was acknowledged, or is being answered,
 * can be lost. */
static void stop(struct server *s)
{
    atomic_store(&s->is_draining, true);
    if (s->radiator)
        radiator_stop(s->radiator); /* boards and tails would hold the drain up */
    if (s->api)
        api_end_tails(s->api);
    if (s->net) {
        net_stop_accepting(s->net);
        if (!net_drain(s->net, DRAIN_MS))
            log_warn("serve", "connections left after %d ms are cut", DRAIN_MS);
    }
    counters_forget_collectors();
    if (s->api)
        api_stop(s->api);
    if (s->ingest)
        ingest_abandon(s->ingest);
    net_close(s->net);
    radiator_free(s->radiator);
    api_free(s->api);
    if (s->span_metrics)
        span_metrics_flush(s->span_metrics); /* what was counted since the last tick */
    if (s->db) {
        own_trace_drain(s->own_trace, s->db);
        own_log_drain(s->own_log, s->db);
    }
    tsdb_close(s->db);
    ingest_free(s->ingest);
    span_metrics_free(s->span_metrics);
    self_store_free(s->self);
    own_trace_free(s->own_trace);
    own_log_free(s->own_log);
}

int serve(int argc, const char *const *argv)
{
    static struct server s; /* the one root of the process */
    struct tsdb_error err = {0};
    s.argc = argc;
    s.argv = argv;
    enum tsdb_status st = config_load(argc, argv, (const char *const *)environ, &s.config, &err);
    if (st == TSDB_OK)
        st = check_log_rules(&s.config, &err);
    if (st == TSDB_OK)
        st = load_tenants(&s.config, &s.tenants, &err);
    if (st != TSDB_OK) {
        (void)fprintf(stderr, "andon: %s\n", err.msg);
        return 2;
    }
    thread_block_signals();
    mutex_init(&s.reload_lock);
    mutex_init(&s.config_lock);
    log_set_level((enum log_level)s.config.self.log_level);
    budget_init(&s.budget, s.config.store.memory_limit / 4, NULL);
    s.started_ns = clock_wall_ns(clock_real());
    if (s.config.self.has_records) {
        s.own_log = own_log_new();
        s.own_trace = own_trace_new();
    }
    int status = 0;
    if (start(&s, &err) != TSDB_OK) {
        log_error("serve", "does not start: %s", err.msg);
        status = 1;
    } else {
        int sig = run(&s);
        log_info("serve", "stopping signal=%s", sig == SIGTERM ? "TERM" : "INT");
    }
    stop(&s);
    config_release(&s.config);
    tenants_release(&s.tenants);
    mutex_release(&s.config_lock);
    mutex_release(&s.reload_lock);
    log_info("serve", "stopped status=%d", status);
    return status;
}
