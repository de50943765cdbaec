/* json_text.h - a text as a JSON string (RFC 8259 section 7), quotes included.
 *
 * Control characters are escaped; bytes that are not UTF-8 become U+FFFD, so that
 * what a sender sent can never break an answer.
 */
#ifndef COLLECTOR_INGEST_JSON_TEXT_H
#define COLLECTOR_INGEST_JSON_TEXT_H

#include "tsdb/base/writer.h"
#include "tsdb/tsdb.h"

void json_text_write(struct writer *out, struct tsdb_text text);

#endif
