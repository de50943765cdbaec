/* service_graph.h - spans of two sides of a request to one edge between two services.
 *
 * A client (or producer) span and the server (or consumer) span whose parent it is, or which
 * has its id (Zipkin's shared spans), are one request.  They come in any order, in one batch or in
 * two; the first waits, by the hash of (tenant, trace id, the client's span id), for the other:
 *
 *   client + server                    ""                  (the two services)
 *   producer + consumer                "messaging_system"
 *   client of a database               "database"          at once: nobody else will tell.
 *                                      Its server: peer.service, server.address,
 *                                      network.peer.address[:port], the database's name
 *   client, nobody answered in `wait`  "virtual_node"      where it names its peer: server =
 *                                      peer.service, db.name, db.system, db.system.name
 *   root server or consumer            "virtual_node"      at once: no client can come.
 *                                      client = its peer attribute, or "user"
 *
 * Other spans that waited in vain are counted (GRAPH_UNPAIRED) and make nothing.  A virtual
 * server's and a database's duration is the client's, the only one that was measured; of a
 * virtual client nothing is known, so its histogram gets nothing.
 * Sources: OpenTelemetry's semantic conventions, and what Tempo documents of its service graphs.
 *
 * Limits: items_max spans wait, each with its names (SET_TEXT_MAX bytes at most), charged to
 * the budget; what finds no room is counted (GRAPH_DROPPED).  Each call is O(1): those that
 * wait stand in the order of their time.
 * Guarded by: the lock of whoever embeds it.
 */
#ifndef COLLECTOR_DERIVE_SERVICE_GRAPH_H
#define COLLECTOR_DERIVE_SERVICE_GRAPH_H

#include "collector/derive/derived_set.h"
#include "collector/derive/key_table.h"

enum edge_type { EDGE_DIRECT, EDGE_MESSAGING, EDGE_DATABASE, EDGE_VIRTUAL, EDGE_TYPE_COUNT };

/* As the label connection_type has it. */
extern const char *const edge_type_names[EDGE_TYPE_COUNT];

/* A request.  Texts are valid during the call. */
struct service_edge {
    void *tenant; /* as it was given */
    struct tsdb_text client, server;
    enum edge_type type;
    bool is_failed;
    int64_t server_ns, client_ns, messaging_ns; /* -1: not known */
    struct tsdb_trace_id trace_id;
    struct tsdb_span_id span_id; /* of the side that was last */
};

typedef void service_edge_fn(void *arg, const struct service_edge *edge);

struct graph_half; /* a span that waits */

struct service_graph {
    struct key_table waiting;
    struct graph_half *first, *last; /* in the order in which they came; owned */
    uint32_t items_max;
    int64_t wait_ns;
    uint64_t seed;
    struct budget *budget; /* borrowed, or NULL */
    service_edge_fn *on_edge;
    void *arg;
};

void service_graph_init(struct service_graph *g, uint64_t seed, struct budget *budget);
void service_graph_release(struct service_graph *g);

/* One span of a service that has a name. */
struct graph_span {
    void *tenant;
    uint64_t tenant_id; /* hashed: one a tenant */
    struct tsdb_text service;
    const struct tsdb_span *span;
    int64_t now; /* monotonic */
};
void service_graph_add(struct service_graph *g, const struct graph_span *in);
/* Ends what has waited for long enough, at most `count`; how many. */
uint32_t service_graph_expire(struct service_graph *g, int64_t now, uint32_t count);
static inline uint32_t service_graph_waiting(const struct service_graph *g)
{
    return g->waiting.count;
}

/* Not negative; an end before the start is 0. */
static inline int64_t span_duration(const struct tsdb_span *s)
{
    if (s->end <= s->start)
        return 0;
    uint64_t ns = (uint64_t)s->end - (uint64_t)s->start;
    return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

#endif
