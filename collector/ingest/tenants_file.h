/* tenants_file.h - the limits of single tenants, from a YAML file.
 *
 *   tenants:
 *     acme:
 *       series_max: 100000          active series
 *       series_new_per_s: 1000      averaged over 10 s
 *       labels_max: 30              of one series
 *       name_bytes_max: 256         of a label's name
 *       value_bytes_max: 1024       and of its value
 *       future_limit: 1m            how far ahead of the clock a sample may lie
 *       past_limit: 1d              and how far back; 0: the retention
 *
 * What a tenant does not name is the common limit.  A file of its own, since the settings
 * are a flat table in which each key is a flag and a variable too, and since tenants come
 * and go with the tokens that name them, which are in a file of their own as well.
 * Strict: an unknown or repeated key, a wrong type or a value out of range is refused with
 * file:line:column.
 * Limits: TENANTS_FILE_BYTES_MAX, TENANTS_MAX tenants, names as web_config.h takes them.
 * Owner: one thread; immutable after tenants_read.
 */
#ifndef COLLECTOR_INGEST_TENANTS_FILE_H
#define COLLECTOR_INGEST_TENANTS_FILE_H

#include "tsdb/base/arena.h"
#include "tsdb/tsdb.h"

struct fs;

enum { TENANTS_FILE_BYTES_MAX = 1 << 20, TENANTS_MAX = 1024 };

struct tenants {
    struct arena texts;
    struct tsdb_tenant_limits *at; /* in the arena, names too; for tsdb_options */
    size_t count;
};

/* common: what holds where the file says nothing.  path "": no tenant has its own.  On
 * anything but TSDB_OK out holds nothing. */
TSDB_NODISCARD enum tsdb_status tenants_read(struct fs *fs, const char *path,
                                             const struct tsdb_limits *common, struct tenants *out,
                                             struct tsdb_error *err);
/* Of a struct of zeroes it is a no-op. */
void tenants_release(struct tenants *t);

#endif
