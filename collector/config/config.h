/* config.h - what the process was told, by whom, and whether it makes sense.
 *
 *   default  <  settings file (YAML)  <  ANDON_* environment  <  --flags
 *
 * The file is a flat YAML mapping of the keys in settings.h.  It is strict:
 * unknown or repeated keys, wrong types and ranges, anchors, tags and second
 * documents are errors with file:line:column; so are unknown flags.  (Unknown
 * ANDON_* variables are not: orchestrators set such names on their own.)
 * Scalars may hold ${VAR}, ${VAR:-default} (also ${env:VAR}); $$ is a dollar.
 *
 * Checks across settings: a listener beyond loopback needs web_config_file or
 * allow_insecure_listen; rules of log retention have a period and a selector.
 *
 * Immutable after config_load; texts belong to the config and end with it.
 * Limits: a file of CONFIG_FILE_MAX bytes, a value of CONFIG_VALUE_MAX.
 * Units: durations ns, sizes bytes.
 */
#ifndef COLLECTOR_CONFIG_CONFIG_H
#define COLLECTOR_CONFIG_CONFIG_H

#include "collector/self/log.h"
#include "tsdb/base/arena.h"
#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

enum {
    CONFIG_FILE_MAX = 1 << 20,
    CONFIG_VALUE_MAX = 4096,
    CONFIG_SETTINGS_MAX = 64,
};

struct config_list {
    const char *const *at;
    size_t count;
};

enum otlp_translation { /* Prometheus' translation strategies */
                        TRANSLATE_ESCAPE_WITH_SUFFIXES,
                        TRANSLATE_ESCAPE_WITHOUT_SUFFIXES,
                        TRANSLATE_UTF8_WITH_SUFFIXES,
                        TRANSLATE_NOTHING,
};

struct config_net {
    const char *http_listen, *grpc_listen, *udp_listen, *tcp_listen; /* "" and "off": none */
    const char *syslog_udp_listen, *syslog_tcp_listen;
    const char *web_config_file; /* "": none */
    bool allow_insecure_listen;
    uint64_t loops; /* 0: one per core */
    uint64_t max_body_size;
};

struct config_store {
    const char *data_dir;
    int journal_sync; /* enum tsdb_sync */
    int64_t retention;
    uint64_t retention_size, memory_limit;
    uint64_t series_max, series_new_per_s;
    int64_t future_limit, past_limit;
    const char *tenants_file; /* "": no tenant has limits of its own */
    uint64_t log_line_bytes_max, log_fields_max;
    struct config_list log_retention; /* log_rule.h */
};

enum start_timestamps { STARTS_IGNORE, STARTS_ZERO };

struct config_ingest {
    int otlp_translation; /* enum otlp_translation */
    struct config_list otlp_promote;
    int start_timestamps; /* enum start_timestamps */
};

struct config_derive { /* metrics of spans */
    bool is_on;
    int64_t interval, graph_wait;
    struct config_list dimensions; /* names of attributes */
    uint64_t series_max, graph_items_max;
};

struct config_query {
    int64_t timeout, lookback;
    uint64_t concurrency, samples_max; /* concurrency 0: one per core */
};

struct config_self {
    int64_t interval; /* 0: own metrics are not stored */
    bool has_records; /* own log lines and requests are stored */
    int log_level;    /* enum log_level */
};

enum config_origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_VARIABLE, ORIGIN_FLAG };

struct config_source {
    enum config_origin origin;
    unsigned line; /* ORIGIN_FILE */
};

struct config {
    const char *file; /* "": none */
    struct config_net net;
    struct config_store store;
    struct config_ingest ingest;
    struct config_derive derive;
    struct config_query query;
    struct config_self self;

    /* private */
    struct arena texts;
    struct config_source sources[CONFIG_SETTINGS_MAX]; /* by row of settings.h */
};

/* argv: without the program and the subcommand.  env: environ.  The config need
 * not be initialised; on anything but TSDB_OK it holds nothing. */
TSDB_NODISCARD enum tsdb_status config_load(int argc, const char *const *argv,
                                            const char *const *env, struct config *out,
                                            struct tsdb_error *err);
/* Defaults and one file, for `andon check config`. */
TSDB_NODISCARD enum tsdb_status config_load_file(const char *path, const char *const *env,
                                                 struct config *out, struct tsdb_error *err);
/* The same from text; `name` stands in messages. */
TSDB_NODISCARD enum tsdb_status config_load_text(struct tsdb_text text, const char *name,
                                                 const char *const *env, struct config *out,
                                                 struct tsdb_error *err);
void config_release(struct config *c);

/* Every setting in the file's form, each with where it came from. */
void config_print(const struct config *c, struct writer *w);
/* The effective value of one key, as config_print writes it; ENOTFOUND. */
TSDB_NODISCARD enum tsdb_status config_value(const struct config *c, const char *key,
                                             struct writer *w);
/* Every key with its value, as config_print writes it. */
void config_each(const struct config *c,
                 void (*fn)(void *to, const char *key, struct tsdb_text value), void *to);
/* Each setting that differs; is_reloadable says whether `now` may act on it. */
void config_compare(const struct config *before, const struct config *now,
                    void (*fn)(void *arg, const char *key, bool is_reloadable), void *arg);
/* One line a setting: flag, default, help. */
void config_help(struct writer *w);
/* deploy/andon.yml: every setting with its default, commented out. */
void config_sample(struct writer *w);

/* The smaller of the machine's memory and the process' cgroup limit. */
struct fs;
uint64_t memory_available(struct fs *fs);

#endif
