/* log_object.h - one JSON object as a log record; what json_lines and es_bulk share.
 *
 * time     the first of the time fields that is there; it must be a time (log_time.h);
 *          none of them: now
 * line     the first of the message fields that is there, as text; none: the object as
 *          it was sent
 * labels   the stream fields that are there, under the label given or their own name made
 *          into a label name; and service_name from a text field that Loki would look at
 *          were it a label (log_service.h; `name` alone is left out: it is anyone's)
 * The fields that became time, line or label are fields no more, except the source of
 * service_name; the others stay, with their types.
 */
#ifndef COLLECTOR_DECODE_LOG_OBJECT_H
#define COLLECTOR_DECODE_LOG_OBJECT_H

#include "collector/decode/log_stage.h"

enum { LOG_OBJECT_STREAMS_MAX = 32 };

struct log_object_stream {
    struct tsdb_text field;
    struct tsdb_text label; /* empty: the field's name made into a label name */
};

struct log_object_names {
    const struct tsdb_text *times, *messages;
    uint32_t time_count, message_count;
    const struct log_object_stream *streams;
    uint32_t stream_count; /* at most LOG_OBJECT_STREAMS_MAX */
};

/* Where an object stands, for the message of its refusal: "line 3". */
struct log_object_place {
    const char *what;
    uint64_t number;
};

/* `in` is all of the object's text; the record was begun.  `fixed` is a label that the
 * record has anyway, or NULL.  An object that cannot be taken is refused and *refusal says
 * why; else it is DECODE_REASON_COUNT.  TSDB_ELIMIT: the arena is full. */
enum tsdb_status log_object_put(struct log_stage *s, const struct log_object_names *names,
                                struct bytes in, const struct tsdb_label *fixed,
                                const struct log_object_place *place, enum decode_reason *refusal);

#endif
