/* es_bulk.h - the body of Elasticsearch's _bulk.
 *
 *   {"create":{"_index":"logs-web-prod"}}        action
 *   {"@timestamp":"...","message":"..."}         source, of create and index
 *
 * Sources become records by log_object.h: time @timestamp, timestamp, time; line message,
 * msg, log; labels index (the target's name), service_name (service.name, service, app, ...)
 * and host (host.name, host).  Actions are items; each has a result, in order, for the answer:
 * index and create 201 as far as decoding goes; 400 for what is not taken (update,
 * delete, a source that is no object, a bad time, no index).  The engine's verdicts come
 * with the batches: decode_log_batch.items are positions in the results, so a sink may
 * set statuses there.
 *
 * A bad action line ends the request (TSDB_ECORRUPT), as it does there.
 * (https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk)
 */
#ifndef COLLECTOR_DECODE_ES_BULK_H
#define COLLECTOR_DECODE_ES_BULK_H

#include "collector/decode/log_sink.h"

enum es_bulk_action { ES_BULK_CREATE = 0, ES_BULK_INDEX, ES_BULK_UPDATE, ES_BULK_DELETE };

struct es_bulk_result {
    struct tsdb_text index; /* borrowed from the input or the task's arena; may be "" */
    struct tsdb_text id;    /* as sent; "" when not */
    uint8_t action;         /* enum es_bulk_action */
    uint8_t reason;         /* enum decode_reason, of those refused here */
    uint16_t status;        /* 201, 400 */
};

/* In the task's arena; moves while it grows, so sinks go through this struct. */
struct es_bulk_results {
    struct es_bulk_result *at;
    uint32_t count, cap;
};

struct es_bulk_options {
    struct tsdb_text index; /* from the path: /INDEX/_bulk; "" when there is none */
};

/* "create", ... */
const char *es_bulk_action_name(enum es_bulk_action action);

/* An item is an action. */
enum tsdb_status es_bulk_decode(const struct decode_log_task *task,
                                const struct es_bulk_options *options, struct bytes in,
                                struct es_bulk_results *results, struct decode_tally *tally,
                                struct tsdb_error *err);

#endif
