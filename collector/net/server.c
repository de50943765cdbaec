#include "collector/net/server.h"

#include "collector/net/auth.h"
#include "collector/net/conn.h"
#include "collector/net/listener.h"
#include "collector/net/router.h"
#include "collector/net/tls.h"
#include "collector/net/udp_socket.h"
#include "collector/self/log.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/status.h"
#include "tsdb/base/text.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    DRAIN_LOOK_MS = 2,
    RELOAD_LOOK_MS = 1000,
    ENDING_WAIT_MS = 10000, /* for workers to end the answers they hold */
};

struct net {
    struct site site;
    struct fs *fs;
    char *web_config_path; /* owned; NULL: none */
    bool allows_insecure, is_started;
    struct loop_timer look; /* loop 0: has the web config changed */
    _Atomic uint64_t stamp; /* Atomic: of the files last read, also by net_reload */
    struct acceptor *acceptors[LISTENER_COUNT];
    struct udp_socket *udp[LOOPS_MAX], *syslog_udp[LOOPS_MAX];
    struct address addresses[LISTENER_COUNT];
    char texts[LISTENER_COUNT][ADDRESS_TEXT_MAX]; /* empty: the door is off */
    struct mutex reload_lock;
    _Atomic uint64_t reloads, reload_failures; /* Atomic: counters, relaxed */
};

static const char *const door_names[LISTENER_COUNT] = {[LISTENER_HTTP] = "http",
                                                       [LISTENER_GRPC] = "grpc",
                                                       [LISTENER_TCP] = "tcp",
                                                       [LISTENER_UDP] = "udp",
                                                       [LISTENER_SYSLOG_TCP] = "syslog_tcp",
                                                       [LISTENER_SYSLOG_UDP] = "syslog_udp"};

void net_limits_init(struct net_limits *limits)
{
    *limits = (struct net_limits){
        .connections_max = 1024,
        .streams_max = 100,
        .outstanding_max = 64,
        .body_bytes_max = 20 << 20,
        .grpc_bytes_max = 4 << 20,
        .frame_bytes_max = 20 << 20,
        .stream_bytes_max = (1 << 20) + 64,
        .rate_bytes_min = 1024,
        .head_ms = 10000,
        .body_ms = 60000,
        .drain_ms = 60000,
        .idle_ms = 120000,
    };
}

void net_options_init(struct net_options *options)
{
    *options = (struct net_options){0};
    net_limits_init(&options->limits);
}

/* ---- opening ---- */

static bool is_off(const char *address)
{
    return !address || !address[0] || strcmp(address, "off") == 0;
}

static bool is_datagrams(enum listener door)
{
    return door == LISTENER_UDP || door == LISTENER_SYSLOG_UDP;
}

/* Every client shows a certificate. */
static bool has_mutual_tls(const struct net *net)
{
    struct web_config *config = auth_config_ref(net->site.auth);
    bool is_mutual = config->client_auth == CLIENT_REQUIRE_AND_VERIFY;
    web_config_unref(config);
    return is_mutual;
}

static enum tsdb_status safety_check(struct net *net, enum listener door, struct tsdb_error *err)
{
    struct address *a = &net->addresses[door];
    if (net->allows_insecure || address_is_loopback(a))
        return TSDB_OK;
    char text[ADDRESS_TEXT_MAX];
    (void)address_format(a, text);
    const char *lacks = NULL;
    if (!net_has_tls(net) || is_datagrams(door))
        lacks = "TLS";
    else if (door == LISTENER_SYSLOG_TCP ? !has_mutual_tls(net) : !net_has_auth(net))
        lacks = "authentication";
    if (!lacks)
        return TSDB_OK;
    return tsdb_fail(err, TSDB_EINVAL,
                     "%s door: %s is beyond loopback and has no %s; set up the web config, or "
                     "allow insecure listening",
                     door_names[door], text, lacks);
}

/* Puts the door's name before what went wrong. */
static enum tsdb_status name_door(enum listener door, enum tsdb_status st, struct tsdb_error *err)
{
    struct tsdb_error inner = *err;
    (void)tsdb_fail(err, st, "%s door: %.200s", door_names[door], inner.msg);
    err->os_errno = inner.os_errno;
    return st;
}

static enum tsdb_status open_tcp(struct net *net, enum listener door, struct tsdb_error *err)
{
    int fd;
    enum tsdb_status st = address_listen(&net->addresses[door], &fd, err);
    if (st != TSDB_OK)
        return name_door(door, st, err);
    net->acceptors[door] = acceptor_new(&net->site, door, fd);
    return TSDB_OK;
}

/* The first socket is bound alone, so that an address in use is noticed. */
static enum tsdb_status open_udp(struct net *net, enum listener door, struct tsdb_error *err)
{
    int fd;
    struct address *a = &net->addresses[door];
    struct udp_socket **sockets = door == LISTENER_UDP ? net->udp : net->syslog_udp;
    enum tsdb_status st = address_bind_udp(a, false, &fd, err);
    if (st == TSDB_OK)
        (void)close(fd);
    for (unsigned i = 0; st == TSDB_OK && i < net->site.loop_count; i++) {
        st = address_bind_udp(a, true, &fd, err);
        if (st == TSDB_OK)
            sockets[i] = udp_socket_new(&net->site, net->site.loops[i], door, fd);
    }
    return st == TSDB_OK ? st : name_door(door, st, err);
}

static enum tsdb_status open_door(struct net *net, enum listener door, const char *text,
                                  struct tsdb_error *err)
{
    if (is_off(text))
        return TSDB_OK;
    struct address *a = &net->addresses[door];
    enum tsdb_status st = address_parse(text_of(text), a, err);
    if (st != TSDB_OK)
        return name_door(door, st, err);
    st = safety_check(net, door, err);
    if (st != TSDB_OK)
        return st;
    st = is_datagrams(door) ? open_udp(net, door, err) : open_tcp(net, door, err);
    if (st == TSDB_OK)
        (void)address_format(a, net->texts[door]);
    return st;
}

static void make_loops(struct net *net, uint32_t wanted)
{
    uint32_t count = wanted ? wanted : thread_cores();
    if (count > LOOPS_MAX)
        count = LOOPS_MAX;
    for (unsigned i = 0; i < count; i++)
        net->site.loops[i] = loop_new(i, net->site.clock);
    net->site.loop_count = count;
}

static enum tsdb_status read_web_config(struct net *net, struct tsdb_error *err)
{
    struct web_config *config;
    enum tsdb_status st = web_config_read(net->fs, net->web_config_path, &config, err);
    if (st != TSDB_OK)
        return st;
    if (config->cert_file)
        st = tls_new(config, &net->site.tls, err);
    atomic_store(&net->stamp, web_config_stamp(config));
    if (st == TSDB_OK)
        net->site.auth = auth_new(net->site.clock, config);
    else
        web_config_unref(config);
    return st;
}

static enum tsdb_status options_check(const struct net_options *o, struct tsdb_error *err)
{
    if (!is_off(o->tcp) && !o->frame_sink)
        return tsdb_fail(err, TSDB_EINVAL, "tcp door: no sink for its frames");
    if (!is_off(o->udp) && !o->udp_sink)
        return tsdb_fail(err, TSDB_EINVAL, "udp door: no sink for its datagrams");
    if ((!is_off(o->syslog_tcp) && !o->syslog_stream_sink) ||
        (!is_off(o->syslog_udp) && !o->syslog_datagram_sink))
        return tsdb_fail(err, TSDB_EINVAL, "syslog doors: no sink for their messages");
    if (o->limits.connections_max == 0 || o->limits.streams_max == 0 ||
        o->limits.outstanding_max == 0)
        return tsdb_fail(err, TSDB_EINVAL, "net: a limit of 0 would let nobody in");
    return TSDB_OK;
}

enum tsdb_status net_open(const struct net_options *options, struct net **out,
                          struct tsdb_error *err)
{
    struct tsdb_error ignored;
    err = err ? err : &ignored;
    enum tsdb_status st = options_check(options, err);
    if (st != TSDB_OK)
        return st;
    struct net *net = MEM_NEW(struct net);
    struct site *site = &net->site;
    mutex_init(&net->reload_lock);
    site->limits = options->limits;
    budget_init(&site->budget, UINT64_MAX, options->budget);
    site->clock = options->clock ? options->clock : clock_real();
    site->frame_sink = options->frame_sink;
    site->frame_arg = options->frame_arg;
    site->udp_sink = options->udp_sink;
    site->udp_arg = options->udp_arg;
    site->syslog_stream_sink = options->syslog_stream_sink;
    site->syslog_datagram_sink = options->syslog_datagram_sink;
    site->syslog_arg = options->syslog_arg;
    net->fs = options->fs ? options->fs : fs_posix();
    net->allows_insecure = options->allow_insecure_listen;
    if (options->web_config_path && options->web_config_path[0])
        net->web_config_path = mem_text(options->web_config_path, strlen(options->web_config_path));
    make_loops(net, options->loops);

    st = router_new(options->routes, options->route_count, options->family, &site->router, err);
    if (st == TSDB_OK)
        st = read_web_config(net, err);
    const char *const texts[LISTENER_COUNT] = {[LISTENER_HTTP] = options->http,
                                               [LISTENER_GRPC] = options->grpc,
                                               [LISTENER_TCP] = options->tcp,
                                               [LISTENER_UDP] = options->udp,
                                               [LISTENER_SYSLOG_TCP] = options->syslog_tcp,
                                               [LISTENER_SYSLOG_UDP] = options->syslog_udp};
    for (unsigned door = 0; st == TSDB_OK && door < LISTENER_COUNT; door++)
        st = open_door(net, (enum listener)door, texts[door], err);
    if (st == TSDB_OK)
        *out = net;
    else
        net_close(net);
    return st;
}

/* ---- running ---- */

/* Once a second: a file that changed is read again, and again when it changes
 * again; a bad one is reported once. */
static void look_for_changes(void *arg)
{
    struct net *net = arg;
    struct web_config *config = auth_config_ref(net->site.auth);
    uint64_t stamp = web_config_stamp(config);
    web_config_unref(config);
    if (stamp != atomic_load(&net->stamp)) {
        struct tsdb_error err = {0};
        atomic_store(&net->stamp, stamp);
        if (net_reload(net, &err) == TSDB_OK)
            log_info("net", "web config was read again path=%s", net->web_config_path);
        else
            log_error("net", "web config is bad, the old one stays error=\"%s\"", err.msg);
    }
    loop_timer_set(net->site.loops[0], &net->look, RELOAD_LOOK_MS * NS_PER_MS);
}

void net_start(struct net *net)
{
    ASSERT(!net->is_started);
    net->is_started = true;
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    for (unsigned door = 0; door < LISTENER_COUNT; door++) {
        if (net->texts[door][0])
            log_info("net", "listening door=%s address=%s", door_names[door], net->texts[door]);
        if (net->acceptors[door])
            acceptor_start(net->acceptors[door]);
    }
    net->look = (struct loop_timer){.fn = look_for_changes, .arg = net};
    if (net->web_config_path)
        loop_timer_set(net->site.loops[0], &net->look, RELOAD_LOOK_MS * NS_PER_MS);
    for (unsigned i = 0; i < net->site.loop_count; i++)
        loop_start(net->site.loops[i]);
}

struct tsdb_text net_address(const struct net *net, enum listener door)
{
    return text_of(net->texts[door]);
}

bool net_has_auth(const struct net *net)
{
    return has_mutual_tls(net) || auth_is_on(net->site.auth);
}

bool net_has_tls(const struct net *net)
{
    return net->site.tls != NULL;
}

enum tsdb_status net_reload(struct net *net, struct tsdb_error *err)
{
    struct web_config *config;
    mutex_lock(&net->reload_lock);
    enum tsdb_status st = web_config_read(net->fs, net->web_config_path, &config, err);
    bool is_read = st == TSDB_OK;
    if (st == TSDB_OK && !config->cert_file != !net->site.tls)
        st = tsdb_fail(err, TSDB_EINVAL, "web config: TLS is switched on and off by a restart");
    else if (st == TSDB_OK && net->site.tls)
        st = tls_set_config(net->site.tls, config, err);
    mutex_unlock(&net->reload_lock);
    if (st == TSDB_OK) {
        atomic_store(&net->stamp, web_config_stamp(config));
        auth_set_config(net->site.auth, config);
    } else if (is_read) {
        web_config_unref(config);
    }
    tally_add(st == TSDB_OK ? &net->reloads : &net->reload_failures, 1);
    return st;
}

bool net_token_check(struct net *net, struct tsdb_text token, unsigned scope, struct arena *arena,
                     struct tsdb_text *tenant)
{
    struct auth_identity identity = {0};
    enum auth_verdict verdict = auth_check_token(net->site.auth, token, &identity);
    bool is_granted = verdict == AUTH_OK && (identity.scopes & scope) &&
                      auth_tenant_copy(&identity, arena, tenant);
    auth_identity_release(&identity);
    return is_granted;
}

/* ---- the way down ---- */

static void stop_accepting(void *arg)
{
    struct net *net = arg;
    for (unsigned door = 0; door < LISTENER_COUNT; door++) {
        acceptor_free(net->acceptors[door]);
        net->acceptors[door] = NULL;
    }
}

struct visit {
    struct net *net;
    unsigned loop;
};

static void drain_loop(void *arg)
{
    struct visit *v = arg;
    conn_drain_all(&v->net->site, v->net->site.loops[v->loop]);
    mem_free(v);
}

static void close_loop(void *arg)
{
    struct visit *v = arg;
    conn_close_all(&v->net->site, v->net->site.loops[v->loop]);
    udp_socket_free(v->net->udp[v->loop]);
    udp_socket_free(v->net->syslog_udp[v->loop]);
    v->net->udp[v->loop] = v->net->syslog_udp[v->loop] = NULL;
    mem_free(v);
}

static void visit_loops(struct net *net, loop_fn *fn)
{
    for (unsigned i = 0; i < net->site.loop_count; i++) {
        struct visit *v = MEM_NEW(struct visit);
        *v = (struct visit){net, i};
        loop_post(net->site.loops[i], fn, v);
    }
}

void net_stop_accepting(struct net *net)
{
    atomic_store(&net->site.is_draining, true);
    loop_post(net->site.loops[0], stop_accepting, net);
    visit_loops(net, drain_loop);
}

/* Waits for the count to fall to 0. */
static bool wait_for_none(const _Atomic uint64_t *count, int64_t timeout_ms)
{
    int64_t end = clock_mono_ns(clock_real()) + timeout_ms * NS_PER_MS;
    const struct timespec pause = {.tv_nsec = DRAIN_LOOK_MS * NS_PER_MS};
    while (atomic_load(count) > 0) {
        if (clock_mono_ns(clock_real()) >= end)
            return false;
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

bool net_drain(struct net *net, int64_t timeout_ms)
{
    if (wait_for_none(&net->site.conn_count, timeout_ms))
        return true;
    visit_loops(net, close_loop); /* writers that wait for slow peers wake up */
    return false;
}

void net_close(struct net *net)
{
    if (!net)
        return;
    struct site *site = &net->site;
    if (net->is_started) {
        net_stop_accepting(net);
        auth_stop(site->auth); /* while the loops still take its answers */
        visit_loops(net, close_loop);
        if (!wait_for_none(&site->tally.exchanges_open, ENDING_WAIT_MS) ||
            !wait_for_none(&site->tally.frames_open, ENDING_WAIT_MS))
            log_error("net", "answers are still owed exchanges=%llu frames=%llu",
                      (unsigned long long)tally_get(&site->tally.exchanges_open),
                      (unsigned long long)tally_get(&site->tally.frames_open));
    }
    for (unsigned i = 0; i < site->loop_count; i++)
        loop_stop(site->loops[i]);
    stop_accepting(net);
    for (unsigned i = 0; i < site->loop_count; i++) {
        udp_socket_free(net->udp[i]);
        udp_socket_free(net->syslog_udp[i]);
        loop_free(site->loops[i]);
    }
    router_free(site->router);
    tls_free(site->tls);
    auth_free(site->auth);
    mutex_release(&net->reload_lock);
    mem_free(net->web_config_path);
    mem_free(net);
}

/* ---- counting ---- */

void net_counters(const struct net *net, struct net_counters *out)
{
    const struct tally *t = &net->site.tally;
    for (unsigned door = 0; door < LISTENER_COUNT; door++) {
        out->accepted[door] = tally_get(&t->accepted[door]);
        out->open[door] = tally_get(&t->open[door]);
        out->received_bytes[door] = tally_get(&t->received_bytes[door]);
        out->sent_bytes[door] = tally_get(&t->sent_bytes[door]);
        out->auth_failures[door] = tally_get(&t->auth_failures[door]);
        for (unsigned why = 0; why < CLOSING_COUNT; why++)
            out->closed[door][why] = tally_get(&t->closed[door][why]);
    }
    out->requests = tally_get(&t->requests);
    out->requests_refused = tally_get(&t->requests_refused);
    out->exchanges_open = tally_get(&t->exchanges_open);
    out->frames = tally_get(&t->frames);
    out->frames_open = tally_get(&t->frames_open);
    out->udp_datagrams = tally_get(&t->udp_datagrams);
    out->udp_bytes = tally_get(&t->udp_bytes);
    out->udp_kernel_drops = tally_get(&t->udp_kernel_drops);
    out->udp_truncated = tally_get(&t->udp_truncated);
    out->accept_pauses = tally_get(&t->accept_pauses);
    out->tls_reloads = tally_get(&net->reloads);
    out->tls_reload_failures = tally_get(&net->reload_failures);
}

void net_collect(void *arg)
{
    const struct net *net = arg;
    struct net_counters now;
    net_counters(net, &now);
    for (unsigned door = 0; door < LISTENER_COUNT; door++) {
        counters_set(CONNECTIONS_OPEN, AT(door), (int64_t)now.open[door]);
        counters_set(CONNECTIONS_ACCEPTED, AT(door), (int64_t)now.accepted[door]);
        counters_set(SENT_BYTES, AT(door), (int64_t)now.sent_bytes[door]);
        counters_set(AUTH_FAILURES, AT(door), (int64_t)now.auth_failures[door]);
        for (unsigned why = 0; why < CLOSING_COUNT; why++)
            counters_set(CONNECTIONS_CLOSED, AT(door, why), (int64_t)now.closed[door][why]);
    }
    counters_set(UDP_DATAGRAMS, NOWHERE, (int64_t)now.udp_datagrams);
    counters_set(UDP_KERNEL_DROPS, NOWHERE, (int64_t)now.udp_kernel_drops);
}
