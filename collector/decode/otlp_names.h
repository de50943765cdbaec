/* otlp_names.h - OpenTelemetry names to Prometheus names.
 *
 * The rules of the OpenTelemetry specification, "Prometheus and OpenMetrics
 * compatibility", as Prometheus 3 applies them:
 *   metric   runs of anything but [a-zA-Z0-9:] become one '_'; then the unit in
 *            words ("By/s" -> bytes_per_second), `_ratio` for gauges of unit 1,
 *            `_total` for monotonic sums, each only where not there yet; a
 *            leading digit gets a '_'
 *   label    each character outside [a-zA-Z0-9_] becomes '_'; a leading digit
 *            gets "key_", a single leading '_' gets "key"
 * Pure; memory from the caller's arena; outputs are borrowed from it or from the
 * input.
 */
#ifndef COLLECTOR_DECODE_OTLP_NAMES_H
#define COLLECTOR_DECODE_OTLP_NAMES_H

#include "tsdb/base/arena.h"
#include "tsdb/tsdb.h"

enum otlp_strategy {
    OTLP_UNDERSCORE_WITH_SUFFIXES = 0, /* UnderscoreEscapingWithSuffixes */
    OTLP_UNDERSCORE,                   /* UnderscoreEscapingWithoutSuffixes */
    OTLP_UTF8_WITH_SUFFIXES,           /* NoUTF8EscapingWithSuffixes */
    OTLP_UTF8,                         /* NoTranslation */
};

/* By its Prometheus name; false when there is no such strategy. */
bool otlp_strategy_parse(struct tsdb_text name, enum otlp_strategy *out);

enum otlp_type { OTLP_GAUGE, OTLP_COUNTER, OTLP_OTHER }; /* COUNTER: a monotonic sum */

/* Whether anything is left of the name once translated. */
bool otlp_metric_is_named(enum otlp_strategy strategy, struct tsdb_text name);
/* .at == NULL when the arena is full. */
struct tsdb_text otlp_metric_name(enum otlp_strategy strategy, struct tsdb_text name,
                                  struct tsdb_text unit, enum otlp_type type, struct arena *arena);
struct tsdb_text otlp_label_name(enum otlp_strategy strategy, struct tsdb_text name,
                                 struct arena *arena);
/* The unit in words, for metadata: "seconds", "bytes_per_second", "" for "1". */
struct tsdb_text otlp_unit_name(struct tsdb_text unit, struct arena *arena);

#endif
