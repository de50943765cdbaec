/* elastic.h - Elasticsearch as its clients want to find it: which requests are theirs, what
 * they ask before they send, and the words of the answers.
 *
 *   below /elasticsearch and /insert/elasticsearch      everything
 *   at the root   /_..., /INDEX/_bulk, /INDEX/_refresh  everything
 *                 /, HEAD /INDEX                        of clients that say that they are such:
 *                                                       the paths are others' as well
 *
 * Every answer has X-Elastic-Product, or the clients refuse the server (the family's header).
 * Templates, pipelines and policies are said to be there and taken, and mean nothing: an index
 * is the label `index`, fields have the types they come with.
 *
 *   outcome of _bulk    OK, PARTIAL, LIMITED: 200 and one item per action
 *                       else 400, 413, 415, 503 {"error":{"type","reason"},"status"}
 *   item                201; 400 for good; 429 over a limit, try again
 * (https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk)
 */
#ifndef COLLECTOR_INGEST_ELASTIC_H
#define COLLECTOR_INGEST_ELASTIC_H

#include "collector/decode/es_bulk.h"
#include "collector/ingest/outcome.h"
#include "collector/net/exchange.h"
#include "tsdb/base/writer.h"

#define ELASTIC_VERSION "8.17.0" /* whose API this is */

bool elastic_has(const struct exchange *x);
/* Whether the request is for _bulk; *index is the path's, or "". */
bool elastic_is_bulk(const struct exchange *x, struct tsdb_text *index);
/* Answers all but _bulk. */
void elastic_answer_probe(struct exchange *x);
/* POST, PUT. */
void elastic_refuse_method(struct exchange *x);

/* The engine refused an action that the decoder had taken. */
void elastic_result_refuse(struct es_bulk_result *result, enum reason reason);
enum reason elastic_result_reason(const struct es_bulk_result *result);
/* {"took":1,"errors":false,"items":[...]}; never longer than elastic_results_bound. */
void elastic_results_write(const struct es_bulk_results *results, int64_t took_ms,
                           struct writer *out);
size_t elastic_results_bound(const struct es_bulk_results *results);
/* {"error":{...},"status":N} */
void elastic_error_write(int status, const char *reason, struct writer *out);
/* As the client asks for JSON. */
const char *elastic_content_type(const struct exchange *x);

#endif
