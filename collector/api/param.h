/* param.h - the forms in which Prometheus' API takes times, durations, limits
 * and label names (its HTTP API documentation, "Format overview").
 *
 * time:      seconds with an optional fraction (rounded to milliseconds, as
 *            Prometheus does), or RFC 3339; beyond int64 nanoseconds it is held
 *            at the end.  Prometheus' own least and greatest time are taken.
 * duration:  seconds with an optional fraction, or "5m", "1h30m"
 * go:        Go's durations, numbers with a fraction and a unit, "1.5s", "1h2m", "300us", not
 *            negative; in Tempo's and Jaeger's parameters
 * limit:     a whole number, 0 for none
 * names:     U__ escaping of UTF-8 names ("U__http_2e_status" is "http.status")
 *
 * Messages are Prometheus' own, because clients show and match them.
 */
#ifndef COLLECTOR_API_PARAM_H
#define COLLECTOR_API_PARAM_H

#include "tsdb/base/arena.h"
#include "tsdb/tsdb.h"

TSDB_NODISCARD enum tsdb_status param_time(struct tsdb_text text, int64_t *ns,
                                           struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status param_duration(struct tsdb_text text, int64_t *ns,
                                               struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status param_go_duration(struct tsdb_text text, int64_t *ns,
                                                  struct tsdb_error *err);
TSDB_NODISCARD enum tsdb_status param_limit(struct tsdb_text text, uint64_t *limit,
                                            struct tsdb_error *err);
/* The name meant by `in`: itself, or unescaped into the arena.  EINVAL when it is
 * no label name (empty, or not UTF-8). */
TSDB_NODISCARD enum tsdb_status param_label_name(struct arena *arena, struct tsdb_text in,
                                                 struct tsdb_text *out);

#endif
