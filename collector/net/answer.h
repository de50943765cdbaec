/* answer.h - what every answer carries, and its compression.
 *
 * Fields added to a handler's own (a handler's field of the same name wins):
 *
 *   date                           cache-control: no-store
 *   x-content-type-options         referrer-policy
 *   cross-origin-opener-policy     cross-origin-resource-policy
 *   content-security-policy        for text/html: nothing inline, nothing foreign
 *   content-encoding, vary         gzip where the client takes it
 *
 * content-length or chunked framing is the carrier's.  gRPC answers carry only
 * date and content-type.  Field values that hold control characters are left
 * out: no answer can be split.
 */
#ifndef COLLECTOR_NET_ANSWER_H
#define COLLECTOR_NET_ANSWER_H

#include "collector/net/exchange.h"
#include "collector/net/site.h"
#include "tsdb/base/writer.h"

struct deflater;

const char *answer_reason(int status); /* "OK"; "" when unknown */

/* Appends the field lines for the answer. */
void answer_lines(struct site *site, const struct exchange_answer *answer, bool is_gzip,
                  struct writer *lines);
/* "date: ...\r\n" */
void answer_date(struct site *site, struct writer *lines);
void answer_line(struct writer *lines, struct tsdb_text name, struct tsdb_text value);
/* Worth compressing, going by its type, and nothing has coded it already. */
bool answer_is_compressible(const struct exchange_answer *answer);

/* ---- gzip (RFC 1952) by zlib ---- */

struct deflater *deflater_new(void);
void deflater_free(struct deflater *d);
/* Appends what comes out; is_last ends the stream. */
void deflater_add(struct deflater *d, struct bytes in, bool is_last, struct writer *out);

#endif
