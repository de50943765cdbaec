#include "collector/derive/service_graph.h"

#include "collector/derive/origin.h"
#include "collector/self/counters.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <string.h>

const char *const edge_type_names[EDGE_TYPE_COUNT] = {"", "messaging_system", "database",
                                                      "virtual_node"};

struct graph_half {
    struct graph_half *before, *after;
    struct tsdb_hash key;
    void *tenant;
    int64_t since;                /* monotonic */
    int64_t start, end, duration; /* of the span */
    struct tsdb_trace_id trace_id;
    struct tsdb_span_id span_id;
    bool is_client, is_failed, is_messaging;
    uint32_t service_len, peer_len;
    char texts[]; /* service, peer */
};

void service_graph_init(struct service_graph *g, uint64_t seed, struct budget *budget)
{
    *g = (struct service_graph){.seed = seed, .budget = budget};
    key_table_init(&g->waiting, budget);
}

/* ---- those that wait ------------------------------------------------------------------------ */

static uint64_t half_bytes(const struct graph_half *h)
{
    return sizeof *h + h->service_len + h->peer_len;
}

static void half_unlink(struct service_graph *g, struct graph_half *h)
{
    *(h->before ? &h->before->after : &g->first) = h->after;
    *(h->after ? &h->after->before : &g->last) = h->before;
    key_table_remove(&g->waiting, h->key);
}

static void half_free(struct service_graph *g, struct graph_half *h)
{
    if (g->budget)
        budget_release(g->budget, half_bytes(h));
    mem_free(h);
}

void service_graph_release(struct service_graph *g)
{
    while (g->first) {
        struct graph_half *h = g->first;
        half_unlink(g, h);
        half_free(g, h);
    }
    key_table_release(&g->waiting);
}

static struct tsdb_text half_service(const struct graph_half *h)
{
    return (struct tsdb_text){h->texts, h->service_len};
}

static struct tsdb_text half_peer(const struct graph_half *h)
{
    return (struct tsdb_text){h->texts + h->service_len, h->peer_len};
}

/* ---- attributes ------------------------------------------------------------------------------ */

/* In the order of precedence of a peer's name, then of a database's server. */
enum peer_attribute {
    PEER_SERVICE,
    DB_NAME,
    DB_SYSTEM,
    DB_SYSTEM_NAME,
    DB_NAMESPACE,
    SERVER_ADDRESS,
    NETWORK_PEER_ADDRESS,
    NETWORK_PEER_PORT,
    ZIPKIN_SHARED,
    PEER_ATTRIBUTE_COUNT,
};

/* The only one that it can be, by its length and its first letter. */
static enum peer_attribute candidate_of(struct tsdb_text name)
{
    switch (name.len) {
    case 7: return DB_NAME;
    case 9: return DB_SYSTEM;
    case 12: return name.at[0] == 'p' ? PEER_SERVICE : DB_NAMESPACE;
    case 13: return ZIPKIN_SHARED;
    case 14: return name.at[0] == 'd' ? DB_SYSTEM_NAME : SERVER_ADDRESS;
    case 17: return NETWORK_PEER_PORT;
    case 20: return NETWORK_PEER_ADDRESS;
    default: return PEER_ATTRIBUTE_COUNT;
    }
}

static enum peer_attribute attribute_of(struct tsdb_text name)
{
    static const char *const names[PEER_ATTRIBUTE_COUNT] = {
        [PEER_SERVICE] = "peer.service",
        [DB_NAME] = "db.name",
        [DB_SYSTEM] = "db.system",
        [DB_SYSTEM_NAME] = "db.system.name",
        [DB_NAMESPACE] = "db.namespace",
        [SERVER_ADDRESS] = "server.address",
        [NETWORK_PEER_ADDRESS] = "network.peer.address",
        [NETWORK_PEER_PORT] = "network.peer.port",
        [ZIPKIN_SHARED] = "zipkin.shared",
    };
    enum peer_attribute a = candidate_of(name);
    if (a == PEER_ATTRIBUTE_COUNT || name.at[0] != names[a][0] ||
        memcmp(name.at, names[a], name.len) != 0)
        return PEER_ATTRIBUTE_COUNT;
    return a;
}

struct peer {
    const struct tsdb_field *at[PEER_ATTRIBUTE_COUNT];
    char address[SET_TEXT_MAX + 32]; /* host:port */
};

/* Of an attribute that repeats the first counts. */
static void peer_find(struct peer *p, const struct tsdb_fields *attributes)
{
    memset(p->at, 0, sizeof p->at);
    for (uint32_t i = 0; i < attributes->count; i++) {
        enum peer_attribute a = attribute_of(attributes->at[i].name);
        if (a < PEER_ATTRIBUTE_COUNT && !p->at[a])
            p->at[a] = &attributes->at[i];
    }
}

/* The attribute's text; names that are numbers are not names. */
static struct tsdb_text peer_text(const struct peer *p, enum peer_attribute a)
{
    const struct tsdb_field *f = p->at[a];
    if (!f || f->type != TSDB_FIELD_STRING)
        return (struct tsdb_text){"", 0};
    return label_text_cut(f->text, SET_TEXT_MAX);
}

static struct tsdb_text first_text(const struct peer *p, const enum peer_attribute *order,
                                   size_t count)
{
    struct tsdb_text text = {"", 0};
    for (size_t i = 0; i < count && text.len == 0; i++)
        text = peer_text(p, order[i]);
    return text;
}

static struct tsdb_text peer_name(const struct peer *p)
{
    static const enum peer_attribute order[] = {PEER_SERVICE, DB_NAME, DB_SYSTEM, DB_SYSTEM_NAME};
    return first_text(p, order, sizeof order / sizeof order[0]);
}

static struct tsdb_text peer_address(struct peer *p)
{
    struct tsdb_text host = peer_text(p, NETWORK_PEER_ADDRESS);
    const struct tsdb_field *port = p->at[NETWORK_PEER_PORT];
    if (host.len == 0 || !port)
        return host;
    size_t len = host.len;
    memcpy(p->address, host.at, len);
    p->address[len++] = ':';
    if (port->type == TSDB_FIELD_INT) {
        len += i64_format(port->integer, p->address + len);
    } else if (port->type == TSDB_FIELD_STRING && port->text.len <= 24) {
        memcpy(p->address + len, port->text.at, port->text.len);
        len += port->text.len;
    } else {
        len--;
    }
    return (struct tsdb_text){p->address, len};
}

/* The database's node; empty when the span is of no database. */
static struct tsdb_text database_name(struct peer *p)
{
    static const enum peer_attribute of_database[] = {DB_NAMESPACE, DB_NAME, DB_SYSTEM,
                                                      DB_SYSTEM_NAME};
    static const enum peer_attribute of_server[] = {PEER_SERVICE, SERVER_ADDRESS};
    struct tsdb_text name = first_text(p, of_database, sizeof of_database / sizeof of_database[0]);
    if (name.len == 0)
        return name;
    struct tsdb_text server = first_text(p, of_server, sizeof of_server / sizeof of_server[0]);
    if (server.len == 0)
        server = peer_address(p);
    return server.len > 0 ? server : name;
}

/* ---- pairing --------------------------------------------------------------------------------- */

static bool is_zero(const struct tsdb_span_id *id)
{
    static const struct tsdb_span_id zero;
    return memcmp(id, &zero, sizeof zero) == 0;
}

static struct tsdb_hash key_of(const struct service_graph *g, const struct graph_span *in,
                               const struct tsdb_span_id *client)
{
    uint8_t bytes[TSDB_TRACE_ID_BYTES + TSDB_SPAN_ID_BYTES];
    memcpy(bytes, in->span->trace_id.at, TSDB_TRACE_ID_BYTES);
    memcpy(bytes + TSDB_TRACE_ID_BYTES, client->at, TSDB_SPAN_ID_BYTES);
    return hash128(g->seed ^ in->tenant_id, bytes, sizeof bytes);
}

static void emit(const struct service_graph *g, struct service_edge *edge)
{
    counters_add(GRAPH_EDGES, NOWHERE, 1);
    g->on_edge(g->arg, edge);
}

/* An edge of which the span is all that there is. */
static struct service_edge lone_edge(const struct graph_span *in, enum edge_type type)
{
    const struct tsdb_span *s = in->span;
    return (struct service_edge){.tenant = in->tenant,
                                 .client = in->service,
                                 .server = in->service,
                                 .type = type,
                                 .is_failed = s->status == TSDB_STATUS_ERROR,
                                 .server_ns = span_duration(s),
                                 .client_ns = -1,
                                 .messaging_ns = -1,
                                 .trace_id = s->trace_id,
                                 .span_id = s->span_id};
}

/* The half that waited and the span that came, which is of the other side. */
static void pair(const struct service_graph *g, const struct graph_half *h,
                 const struct graph_span *in)
{
    const struct tsdb_span *s = in->span;
    bool is_messaging =
        h->is_messaging || s->kind == TSDB_KIND_PRODUCER || s->kind == TSDB_KIND_CONSUMER;
    struct service_edge edge = lone_edge(in, is_messaging ? EDGE_MESSAGING : EDGE_DIRECT);
    edge.is_failed |= h->is_failed;
    int64_t client_end, server_start;
    if (h->is_client) {
        edge.client = half_service(h);
        edge.client_ns = h->duration;
        client_end = h->end;
        server_start = s->start;
    } else {
        edge.server = half_service(h);
        edge.client_ns = edge.server_ns;
        edge.server_ns = h->duration;
        client_end = s->end;
        server_start = h->start;
    }
    if (is_messaging && server_start > client_end) { /* else their clocks differ */
        uint64_t ns = (uint64_t)server_start - (uint64_t)client_end;
        edge.messaging_ns = ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
    }
    emit(g, &edge);
}

static void wait_for_other(struct service_graph *g, const struct graph_span *in,
                           struct tsdb_hash key, struct tsdb_text peer)
{
    const struct tsdb_span *s = in->span;
    uint64_t bytes = sizeof(struct graph_half) + in->service.len + peer.len;
    if (g->waiting.count >= g->items_max || (g->budget && !budget_charge(g->budget, bytes))) {
        counters_add(GRAPH_DROPPED, NOWHERE, 1);
        return;
    }
    struct graph_half *h = mem_alloc(bytes);
    *h = (struct graph_half){
        .before = g->last,
        .key = key,
        .tenant = in->tenant,
        .since = in->now,
        .start = s->start,
        .end = s->end,
        .duration = span_duration(s),
        .trace_id = s->trace_id,
        .span_id = s->span_id,
        .is_client = s->kind == TSDB_KIND_CLIENT || s->kind == TSDB_KIND_PRODUCER,
        .is_failed = s->status == TSDB_STATUS_ERROR,
        .is_messaging = s->kind == TSDB_KIND_PRODUCER || s->kind == TSDB_KIND_CONSUMER,
        .service_len = (uint32_t)in->service.len,
        .peer_len = (uint32_t)peer.len,
    };
    memcpy(h->texts, in->service.at, in->service.len);
    memcpy(h->texts + in->service.len, peer.at, peer.len);
    if (!key_table_put(&g->waiting, key, h)) {
        counters_add(GRAPH_DROPPED, NOWHERE, 1);
        half_free(g, h);
        return;
    }
    *(g->last ? &g->last->after : &g->first) = h;
    g->last = h;
}

/* True when the other side was there.  A span that comes again finds itself and is nothing. */
static bool meet(struct service_graph *g, const struct graph_span *in, struct tsdb_hash key,
                 bool is_client)
{
    struct graph_half *h = key_table_find(&g->waiting, key);
    if (!h)
        return false;
    if (h->is_client == is_client)
        return true;
    pair(g, h, in);
    half_unlink(g, h);
    half_free(g, h);
    return true;
}

static void add_client(struct service_graph *g, const struct graph_span *in)
{
    struct tsdb_hash key = key_of(g, in, &in->span->span_id);
    struct peer peer;
    peer_find(&peer, &in->span->attributes);
    struct tsdb_text database = {"", 0};
    if (in->span->kind == TSDB_KIND_CLIENT)
        database = database_name(&peer);
    if (database.len > 0) {
        struct graph_half *h = key_table_find(&g->waiting, key);
        struct service_edge edge = lone_edge(in, EDGE_DATABASE);
        edge.server = database;
        edge.client_ns = edge.server_ns;
        emit(g, &edge);
        if (h) { /* its server came first: the same request */
            half_unlink(g, h);
            half_free(g, h);
        }
        return;
    }
    if (!meet(g, in, key, true))
        wait_for_other(g, in, key, peer_name(&peer));
}

/* The client's span id; all zero: it has none. */
static const struct tsdb_span_id *client_id(const struct tsdb_span *server, const struct peer *p)
{
    const struct tsdb_field *shared = p->at[ZIPKIN_SHARED];
    bool is_shared = shared && shared->type == TSDB_FIELD_BOOL && shared->integer;
    return is_shared ? &server->span_id : &server->parent_id;
}

static void add_server(struct service_graph *g, const struct graph_span *in)
{
    struct peer peer;
    peer_find(&peer, &in->span->attributes);
    const struct tsdb_span_id *client = client_id(in->span, &peer);
    if (!is_zero(client)) {
        struct tsdb_hash key = key_of(g, in, client);
        if (!meet(g, in, key, false))
            wait_for_other(g, in, key, (struct tsdb_text){"", 0});
        return;
    }
    struct service_edge edge = lone_edge(in, EDGE_VIRTUAL);
    edge.client = peer_name(&peer);
    if (edge.client.len == 0)
        edge.client = text_of("user");
    emit(g, &edge);
}

void service_graph_add(struct service_graph *g, const struct graph_span *in)
{
    ASSERT(in->service.len > 0 && in->service.len <= SET_TEXT_MAX);
    switch (in->span->kind) {
    case TSDB_KIND_CLIENT:
    case TSDB_KIND_PRODUCER: add_client(g, in); break;
    case TSDB_KIND_SERVER:
    case TSDB_KIND_CONSUMER: add_server(g, in); break;
    default: break;
    }
}

static void expire(struct service_graph *g, const struct graph_half *h)
{
    if (!h->is_client || h->peer_len == 0) {
        counters_add(GRAPH_UNPAIRED, NOWHERE, 1);
        return;
    }
    struct service_edge edge = {.tenant = h->tenant,
                                .client = half_service(h),
                                .server = half_peer(h),
                                .type = EDGE_VIRTUAL,
                                .is_failed = h->is_failed,
                                .server_ns = h->duration,
                                .client_ns = h->duration,
                                .messaging_ns = -1,
                                .trace_id = h->trace_id,
                                .span_id = h->span_id};
    emit(g, &edge);
}

uint32_t service_graph_expire(struct service_graph *g, int64_t now, uint32_t count)
{
    uint32_t n = 0;
    for (; n < count && g->first && now - g->first->since >= g->wait_ns; n++) {
        struct graph_half *h = g->first;
        expire(g, h);
        half_unlink(g, h);
        half_free(g, h);
    }
    return n;
}
