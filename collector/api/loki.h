/* loki.h - Loki's HTTP API over the engine's logs: what its handlers share.
 *
 * Below /loki/api/v1/, as Loki 3 documents it (https://grafana.com/docs/loki/latest/
 * reference/loki-http-api), so that Grafana, its Logs Drilldown and logcli work:
 *
 *   query query_range          loki_query.c     labels label/N/values series  loki_labels.c
 *   index/stats index/volume   loki_volume.c    detected_fields ...           loki_fields.c
 *   patterns                   loki_patterns.c  tail (WebSocket)              loki_tail.c
 *   format_query delete rules status drilldown-limits                         loki.c
 *
 * Times: more than ten digits are nanoseconds, fewer seconds; a number with a fraction
 * is seconds; or RFC 3339.  Ranges are half-open.  Errors are plain text.  The tenant is
 * the credential's; X-Scope-OrgID names none.
 *
 * Private to the room.  Owner: the worker of the request.
 */
#ifndef COLLECTOR_API_LOKI_H
#define COLLECTOR_API_LOKI_H

#include "collector/api/request.h"

enum {
    LOKI_LIMIT = 100,         /* entries, by default */
    LOKI_LIMIT_MAX = 50000,   /* ... at most; the answer's bytes have a bound besides */
    LOKI_STEPS_DEFAULT = 250, /* a range is cut into so many steps, if none is said */
};

#define LOKI_API "/loki/api/v1"
#define LOKI_VERSION "3.7.0" /* whose API this is; clients look at it */

struct loki_range {
    int64_t start, end; /* ns, half-open, start < end */
    int64_t step;       /* ns; loki_ask_step */
};

/* Each of these answers the error itself and returns false. */
/* start, end and since; `since` is the default reach back from end. */
bool loki_ask_range(struct request *r, int64_t since, struct loki_range *out);
/* step, or a 250th of the range in whole seconds; at most steps_max steps. */
bool loki_ask_step(struct request *r, int64_t steps_max, struct loki_range *range);
/* A range (six hours by default), the selectors of the parameter, a limit (0: none). */
bool loki_ask_scope(struct request *r, const char *param, struct tsdb_scope *out);
/* The encoding flag by which a client tells kinds of labels apart. */
bool loki_is_categorized(const struct request *r);

/* A log query, entry by entry, until fn says false.  The options' start, end, limit and
 * direction count.  False: it was answered that it failed. */
typedef bool loki_entry_fn(void *arg, const struct tsdb_log_entry *entry);
bool loki_each_entry(struct request *r, struct tsdb_text query,
                     const struct tsdb_log_options *options, loki_entry_fn *fn, void *arg);

exchange_handler_fn handle_loki_query, handle_loki_query_range; /* loki_query.c */
exchange_handler_fn handle_loki_labels, handle_loki_label_values,
    handle_loki_series; /* loki_labels.c */
exchange_handler_fn handle_loki_stats, handle_loki_volume, handle_loki_volume_range,
    handle_loki_detected_labels;                                           /* loki_volume.c */
exchange_handler_fn handle_loki_detected_fields, handle_loki_field_values; /* loki_fields.c */
exchange_handler_fn handle_loki_patterns;                                  /* loki_patterns.c */
exchange_handler_fn handle_loki_tail;                                      /* loki_tail.c */

#endif
