/* server.h - the doors of the collector: the one face of this room.
 *
 *   door   speaks                                        hands over
 *   http   HTTP/1.1, HTTP/2 (prior knowledge or ALPN)    exchanges, by route
 *   grpc   the same; a second address for the same routes
 *   tcp    length-prefixed envelopes (frames.h)          frames to frame_sink
 *   udp    one envelope a datagram (udp.h)               datagrams to udp_sink
 *   syslog_tcp   bytes that someone else frames (streams.h)   pieces to syslog_stream_sink
 *   syslog_udp   datagrams (udp.h)                            to syslog_datagram_sink
 *
 *   net_open    binds every door, reads the web config; nothing runs yet
 *   net_start   starts the loop threads
 *   net_stop_accepting, net_drain, net_close    the way down
 *
 * Threads: `loops` threads named net/0, net/1, ...; each owns its event base,
 * its connections and its timers.  Loop 0 accepts and deals connections out in
 * turn.  Handlers, sinks and on_gone run on loop threads.  One more thread,
 * net/auth, verifies passwords (bcrypt), and only when there are any.
 *
 * Safety: an address beyond loopback is refused unless there are both TLS and
 * authentication (a web config file with certificate and users, tokens or verified
 * client certificates), or allow_insecure_listen.  The udp and tcp doors carry no TLS: beyond
 * loopback they want allow_insecure_listen, or, for tcp, the web config's TLS.  Syslog has no
 * credentials: beyond loopback its tcp door wants verified client certificates as well.
 *
 * net_start ignores SIGPIPE for the process.
 *
 * Limits: struct net_limits; every byte buffered is charged to `budget`.
 */
#ifndef COLLECTOR_NET_SERVER_H
#define COLLECTOR_NET_SERVER_H

#include "collector/net/exchange.h"
#include "collector/net/frames.h"
#include "collector/net/streams.h"
#include "collector/net/udp.h"
#include "collector/self/counters.h"
#include "tsdb/base/clock.h"

struct net_limits {
    uint32_t connections_max;  /* all TCP doors together */
    uint32_t streams_max;      /* of one HTTP/2 connection */
    uint32_t outstanding_max;  /* unanswered frames of one tcp connection */
    uint64_t body_bytes_max;   /* HTTP */
    uint64_t grpc_bytes_max;   /* one gRPC message */
    uint64_t frame_bytes_max;  /* one tcp frame */
    uint64_t stream_bytes_max; /* what a stream's sink may leave unused */
    uint64_t rate_bytes_min;   /* per second, averaged over a body */
    int64_t head_ms, body_ms, drain_ms, idle_ms;
};

/* 1,024 connections, 100 streams, 64 frames; 20 MiB, 4 MiB, 20 MiB, 1 MiB + 64 B;
 * 1 KiB/s; 10 s, 60 s, 60 s, 120 s. */
void net_limits_init(struct net_limits *limits);

struct net_options {
    /* "host:port", "[::1]:port", ":port" (every address), "off" or NULL.
     * Hosts are IP addresses or "localhost"; port 0: any free one. */
    const char *http, *grpc, *udp, *tcp, *syslog_tcp, *syslog_udp;
    bool allow_insecure_listen;
    uint32_t loops; /* 0: one a core, at most 8 */
    struct net_limits limits;
    struct budget *budget;               /* borrowed; NULL: none */
    struct clock *clock;                 /* NULL: the real one */
    struct fs *fs;                       /* NULL: the real one */
    const char *web_config_path;         /* NULL or "": no TLS, no authentication */
    const struct exchange_route *routes; /* borrowed until net_close */
    size_t route_count;
    const struct exchange_family *family; /* borrowed until net_close; NULL: none */
    frame_sink_fn *frame_sink;
    void *frame_arg;
    udp_sink_fn *udp_sink;
    void *udp_arg;
    stream_sink_fn *syslog_stream_sink;
    udp_sink_fn *syslog_datagram_sink;
    void *syslog_arg; /* of both */
};

/* Every default; doors are off. */
void net_options_init(struct net_options *options);

struct net;

/* TSDB_EINVAL: an address, a route or the web config is wrong, or not safe;
 * TSDB_EIO: the kernel refused.  The text names the door and why. */
TSDB_NODISCARD enum tsdb_status net_open(const struct net_options *options, struct net **out,
                                         struct tsdb_error *err);
void net_start(struct net *net);

/* The address in use, "127.0.0.1:4318", with the port that the kernel chose;
 * empty when the door is off.  As long as net. */
struct tsdb_text net_address(const struct net *net, enum listener door);
bool net_has_auth(const struct net *net);
bool net_has_tls(const struct net *net);
bool net_is_loopback(struct tsdb_text host); /* "127.0.0.1", "::1", "localhost" */

/* Reads the web config again now, whatever its time stamps; the old one stays
 * when the new is bad. */
TSDB_NODISCARD enum tsdb_status net_reload(struct net *net, struct tsdb_error *err);

/* Whether a token (of a frame or datagram) grants any of `scope`; tenant is
 * then set, and lives as long as `arena`.  True with an empty tenant where no
 * authentication is configured.  Any thread. */
bool net_token_check(struct net *net, struct tsdb_text token, unsigned scope, struct arena *arena,
                     struct tsdb_text *tenant);

/* Closes the listening sockets; connections end after what they are doing. */
void net_stop_accepting(struct net *net);
/* After net_stop_accepting: waits until every connection has ended; false when
 * the time passed first: the rest was cut off then. */
bool net_drain(struct net *net, int64_t timeout_ms);
/* Ends what is left, stops the threads.  Exchanges still kept are told that
 * their peer has gone; it waits a while for workers to end them (and the frames
 * they hold), then frees what they would need.  net_close(NULL) is a no-op. */
void net_close(struct net *net);

/* What the doors count; see collector/self/counters.h for the words. */
struct net_counters {
    uint64_t accepted[LISTENER_COUNT], open[LISTENER_COUNT];
    uint64_t closed[LISTENER_COUNT][CLOSING_COUNT];
    uint64_t received_bytes[LISTENER_COUNT], sent_bytes[LISTENER_COUNT];
    uint64_t auth_failures[LISTENER_COUNT];
    uint64_t requests, requests_refused; /* refused: by net, before a handler */
    uint64_t exchanges_open;
    uint64_t frames, frames_open;
    uint64_t udp_datagrams, udp_bytes, udp_kernel_drops, udp_truncated;
    uint64_t accept_pauses; /* out of file descriptors */
    uint64_t tls_reloads, tls_reload_failures;
};
void net_counters(const struct net *net, struct net_counters *out);
/* A collector for counters_on_collect, arg its struct net *: sets the families of FAMILIES_NET. */
void net_collect(void *arg);

#endif
