/* syslog.h - syslog messages: RFC 5424, RFC 3164, and what devices send instead.
 *
 *   <34>1 2003-10-11T22:14:15.003Z host app 8710 ID47 [id a="b"] message
 *   <34>Oct 11 22:14:15 host app[8710]: message
 *
 * The digit and blank after the priority tell them apart.  Every part but the message
 * may be missing: no priority means no facility and severity, no time is now; a time
 * without a year is in the year that brings it nearest to now, without a zone in UTC.  What is not
 * understood belongs to the message; a datagram that is nothing of this is a line as it is.
 *
 * labels   host (when there is one), service_name (the app, else unknown_service), app
 * fields   facility, severity (words), severity_number (INT, OpenTelemetry's mapping),
 *          proc_id, msg_id, structured data as SDID.PARAM, detected_level
 * line     the message, without its BOM and without a line end
 */
#ifndef COLLECTOR_DECODE_SYSLOG_H
#define COLLECTOR_DECODE_SYSLOG_H

#include "collector/decode/log_sink.h"

struct syslog_options {
    struct tsdb_text host; /* of messages that name none: the peer's address; may be "" */
};

/* An item is a message: a datagram, or what syslog_frame.h gives.  All are taken, the
 * empty ones excepted. */
enum tsdb_status syslog_decode(const struct decode_log_task *task,
                               const struct syslog_options *options, const struct bytes *messages,
                               uint32_t count, struct decode_tally *tally, struct tsdb_error *err);

#endif
