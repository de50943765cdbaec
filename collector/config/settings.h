/* settings.h - the one table of settings.
 *
 * Each row is a flag, a YAML key and an environment variable at once, and the
 * source of --help, of range errors and of deploy/andon.yml:
 *
 *   data_dir  ->  --data-dir  =  data_dir:  =  ANDON_DATA_DIR
 *
 * X(member, kind, key, default, low, high, choices, is_reloadable, help).  The
 * default is text, parsed like any other value; low and high are in the kind's
 * unit (ns, bytes, a count); choices are comma-separated, in the order of the
 * enum that holds them; of the help, --help has the first line only.  A setting needs someone who
 * would change it; anything else is a constant in its room.
 */
#ifndef COLLECTOR_CONFIG_SETTINGS_H
#define COLLECTOR_CONFIG_SETTINGS_H

#include "collector/config/config.h"

#include <stddef.h>

enum setting_kind {
    SETTING_TEXT,     /* const char * */
    SETTING_ADDRESS,  /* const char *: host:port, or empty for none */
    SETTING_DURATION, /* int64_t, ns */
    SETTING_SIZE,     /* uint64_t, bytes */
    SETTING_SHARE,    /* uint64_t, bytes; also "80%" of the memory there is */
    SETTING_COUNT,    /* uint64_t */
    SETTING_BOOL,     /* bool */
    SETTING_CHOICE,   /* int: index into choices */
    SETTING_LIST,     /* struct config_list */
};

struct setting {
    const char *key;
    enum setting_kind kind;
    size_t off; /* of the member in struct config */
    const char *fallback;
    int64_t low, high;
    const char *choices; /* or NULL */
    bool is_reloadable;
    const char *help;
};

#define MIB INT64_C(1048576)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define YEAR (INT64_C(365) * 86400 * 1000000000)
#define HOUR (INT64_C(3600) * 1000000000)
#define SECOND INT64_C(1000000000)

#define SETTINGS(X)                                                                                \
    X(store.data_dir, TEXT, "data_dir", "./andon-data", 1, 4000, NULL, false,                      \
      "folder of the store")                                                                       \
    X(file, TEXT, "config", "", 0, 4000, NULL, false, "settings file (YAML); none by default")     \
    X(net.http_listen, ADDRESS, "http_listen", "127.0.0.1:4318", 0, 0, NULL, false,                \
      "HTTP: ingest, queries, boards; off: none")                                                  \
    X(net.grpc_listen, ADDRESS, "grpc_listen", "127.0.0.1:4317", 0, 0, NULL, false,                \
      "OTLP over gRPC; off: none")                                                                 \
    X(net.udp_listen, ADDRESS, "udp_listen", "127.0.0.1:4319", 0, 0, NULL, false,                  \
      "native frames over UDP; off: none")                                                         \
    X(net.tcp_listen, ADDRESS, "tcp_listen", "127.0.0.1:4319", 0, 0, NULL, false,                  \
      "native frames over TCP; off: none")                                                         \
    X(net.syslog_udp_listen, ADDRESS, "syslog_udp_listen", "off", 0, 0, NULL, false,               \
      "syslog over UDP, such as 127.0.0.1:5514; off: none")                                        \
    X(net.syslog_tcp_listen, ADDRESS, "syslog_tcp_listen", "off", 0, 0, NULL, false,               \
      "syslog over TCP, such as 127.0.0.1:5514; off: none")                                        \
    X(net.web_config_file, TEXT, "web_config_file", "", 0, 4000, NULL, false,                      \
      "TLS and users, in Prometheus' web.config format")                                           \
    X(net.allow_insecure_listen, BOOL, "allow_insecure_listen", "false", 0, 0, NULL, false,        \
      "listen beyond loopback without web_config_file")                                            \
    X(net.loops, COUNT, "loops", "0", 0, 64, NULL, false, "event loops; 0: one per core")          \
    X(net.max_body_size, SIZE, "max_body_size", "20MiB", 65536, GIB, NULL, true,                   \
      "largest request body, decompressed")                                                        \
    X(store.journal_sync, CHOICE, "journal_sync", "always", 0, 0, "always,interval,os", false,     \
      "when the journal is synced")                                                                \
    X(store.retention, DURATION, "retention", "30d", 0, 100 * YEAR, NULL, true,                    \
      "how long samples are kept; 0: for ever")                                                    \
    X(store.retention_size, SIZE, "retention_size", "0", 0, 1024 * 1024 * TIB, NULL, true,         \
      "most bytes of segments, oldest go first; 0: no bound")                                      \
    X(store.memory_limit, SHARE, "memory_limit", "80%", 64 * MIB, 1024 * TIB, NULL, true,          \
      "memory budget; a size, or % of RAM or cgroup limit")                                        \
    X(store.series_max, COUNT, "series_max", "2000000", 1, 1000000000, NULL, true,                 \
      "active series")                                                                             \
    X(store.series_new_per_s, COUNT, "series_new_per_s", "100000", 1, 1000000000, NULL, true,      \
      "new series per second, averaged over 10 s")                                                 \
    X(store.future_limit, DURATION, "future_limit", "10m", 0, 10 * YEAR, NULL, true,               \
      "how far ahead of the clock a sample may lie")                                               \
    X(store.past_limit, DURATION, "past_limit", "0", 0, 100 * YEAR, NULL, true,                    \
      "how far back a sample may lie; 0: the retention")                                           \
    X(store.tenants_file, TEXT, "tenants_file", "", 0, 4000, NULL, true,                           \
      "limits of single tenants (YAML); none by default")                                          \
    X(store.log_line_bytes_max, SIZE, "log_line_bytes_max", "256KiB", 1024, MIB, NULL, true,       \
      "longest line of a log record\n"                                                             \
      "its fields together may have as many bytes")                                                \
    X(store.log_fields_max, COUNT, "log_fields_max", "256", 1, 512, NULL, true,                    \
      "most fields of a log record")                                                               \
    X(store.log_retention, LIST, "log_retention", "", 0, 64, NULL, true,                           \
      "periods of some logs, such as '7d {level=\"debug\"}'\n"                                     \
      "each: how long records of streams that the selector matches are kept, where that is\n"      \
      "shorter than the retention; the first that matches counts")                                 \
    X(ingest.otlp_translation, CHOICE, "otlp_translation", "UnderscoreEscapingWithSuffixes", 0, 0, \
      "UnderscoreEscapingWithSuffixes,UnderscoreEscapingWithoutSuffixes,"                          \
      "NoUTF8EscapingWithSuffixes,NoTranslation",                                                  \
      false, "how OTLP names are translated")                                                      \
    X(ingest.otlp_promote, LIST, "otlp_promote_resource_attributes", "", 0, 128, NULL, false,      \
      "resource attributes that become labels")                                                    \
    X(ingest.start_timestamps, CHOICE, "start_timestamps", "ignore", 0, 0, "ignore,zero", false,   \
      "zeros where counters say they start\n"                                                      \
      "zero: increase() and rate() see the first increment, and the one after a reset\n"           \
      "ignore: stored is what was sent, as in Prometheus by default; a start that the sender\n"    \
      "guessed (where it first saw the counter) would make an increase that never was")            \
    X(derive.is_on, BOOL, "span_metrics", "true", 0, 0, NULL, true,                                \
      "metrics of spans and of the service graph\n"                                                \
      "traces_spanmetrics_*, traces_service_graph_*, traces_target_info")                          \
    X(derive.interval, DURATION, "span_metrics_interval", "15s", SECOND, HOUR, NULL, true,         \
      "how often metrics of spans are stored")                                                     \
    X(derive.dimensions, LIST, "span_metrics_dimensions", "", 0, 16, NULL, false,                  \
      "attributes that become labels of span metrics")                                             \
    X(derive.series_max, COUNT, "span_metrics_series_max", "200000", 0, 100000000, NULL, true,     \
      "series derived from a tenant's spans\n"                                                     \
      "what is beyond is counted in overflow series (metric_overflow=\"true\")")                   \
    X(derive.graph_wait, DURATION, "service_graph_wait", "10s", SECOND, HOUR, NULL, true,          \
      "how long a span waits for its request's other side")                                        \
    X(derive.graph_items_max, COUNT, "service_graph_items_max", "10000", 0, 100000000, NULL, true, \
      "spans that wait for their request's other side")                                            \
    X(query.timeout, DURATION, "query_timeout", "2m", 10000000, 24 * HOUR, NULL, true,             \
      "longest a query may take")                                                                  \
    X(query.concurrency, COUNT, "query_concurrency", "0", 0, 256, NULL, false,                     \
      "queries at a time; 0: one per core")                                                        \
    X(query.samples_max, COUNT, "query_samples_max", "50000000", 1, 1000000000000, NULL, true,     \
      "samples one query may hold")                                                                \
    X(query.lookback, DURATION, "query_lookback", "5m", SECOND, 24 * HOUR, NULL, true,             \
      "age at which a sample no longer answers a query")                                           \
    X(self.interval, DURATION, "self_interval", "15s", 0, HOUR, NULL, false,                       \
      "how often own metrics are stored; 0: never")                                                \
    X(self.has_records, BOOL, "self_records", "true", 0, 0, NULL, false,                           \
      "own log lines and requests are stored, as \"andon\"\n"                                      \
      "lines as logs; as traces the requests that fail, take a second or are sampled by their\n"   \
      "caller (traceparent), and ten a second besides")                                            \
    X(self.log_level, CHOICE, "log_level", "info", 0, 0, "error,warn,info,debug", true,            \
      "least important log line written")

extern const struct setting settings[];
extern const size_t setting_count;

/* The row of the key, or NULL. */
const struct setting *setting_find(struct tsdb_text key);
/* The key most like it, or NULL when none is close. */
const char *setting_nearest(struct tsdb_text key);
/* "--data-dir" and "ANDON_DATA_DIR"; out holds SETTING_NAME_MAX bytes. */
enum { SETTING_NAME_MAX = 64 };
void setting_flag(const struct setting *s, char *out);
void setting_variable(const struct setting *s, char *out);
/* What a value must be, for errors and help: "a duration from 0s to 100y". */
void setting_range(const struct setting *s, char *out, size_t cap);

#endif
