/* log_level.h - detected_level: how bad a record is, in one of eight words.
 *
 *   trace debug info warn error critical fatal unknown
 *
 * Looked for, first found: a field or label that is called level (the names Loki
 * takes: level, log.level, severity, severity_text, lvl, in the usual cases), the
 * severity number of OpenTelemetry, the line.  In the line, whose first
 * LOG_LEVEL_LOOK bytes alone are looked at: the same names as a JSON member or a
 * logfmt key, then the first word that is a level.  A lower-case word in the middle of a
 * sentence counts for info, debug and warning only (as Loki has it); the others want a
 * colon, brackets, capitals or the beginning of the line.
 *
 * Numbers as levels: 0 to 7 are syslog's, 10 to 60 those of pino and bunyan.
 * Texts that are no known level stay as they are, as Loki leaves them.
 * Pure; outputs are constants or borrowed from the input.
 */
#ifndef COLLECTOR_DECODE_LOG_LEVEL_H
#define COLLECTOR_DECODE_LOG_LEVEL_H

#include "tsdb/tsdb.h"

enum { LOG_LEVEL_LOOK = 256 }; /* bytes of a line */

/* By OpenTelemetry's severity number: 1-4 trace ... 21-24 fatal; else unknown. */
struct tsdb_text log_level_of_number(int64_t severity);
/* "WARNING" -> "warn"; .len == 0: no known level. */
struct tsdb_text log_level_of_text(struct tsdb_text text);
/* Never empty: "unknown" when the line does not tell. */
struct tsdb_text log_level_of_line(struct tsdb_text line);

/* Whether a field of this name tells the level. */
bool log_level_is_name_slow(struct tsdb_text name);
static inline bool log_level_is_name(struct tsdb_text name)
{
    return name.len >= 3 && name.len <= 13 &&
           ((name.at[0] | 0x20) == 'l' || (name.at[0] | 0x20) == 's') &&
           log_level_is_name_slow(name);
}

/* The level of a value that is called level; .len == 0: it tells nothing. */
struct tsdb_text log_level_of_field(const struct tsdb_field *field);

/* All of the above, for a record of these fields in a stream of these labels. */
struct tsdb_text log_level_detect(struct tsdb_labels labels, const struct tsdb_field *fields,
                                  uint32_t count, struct tsdb_text line);

#endif
