/* tempo_answer.h - a list of items and what it cost to find them, in the form asked for.
 *
 *   form            items                            how it goes out
 *   JSON            {"LIST":[...],"metrics":{...}}   as reply.h does it
 *   protobuf        field 1 each; metrics field 2    whole, at most TEMPO_MESSAGE_MAX
 *   gRPC            the same                         messages of about TEMPO_PART_BYTES, at
 *                                                    least one; then the status
 *
 * Owner: the worker of the request.  Private to the room.
 */
#ifndef COLLECTOR_API_TEMPO_ANSWER_H
#define COLLECTOR_API_TEMPO_ANSWER_H

#include "collector/api/request.h"

enum { TEMPO_PART_BYTES = 512 << 10, TEMPO_MESSAGE_MAX = 64 << 20 };

struct tempo_answer {
    struct request *r;
    bool is_json, is_stream;
    struct writer message; /* owned */
    size_t item;
    bool is_gone, is_full;
};

/* list: the member's name in JSON. */
void tempo_answer_begin(struct tempo_answer *a, struct request *r, const char *list);
/* Around an item that is a message: its fields go to a->message.  Of JSON nothing is
 * written. */
void tempo_answer_item(struct tempo_answer *a);
void tempo_answer_item_end(struct tempo_answer *a);
static inline struct json *tempo_answer_json(struct tempo_answer *a)
{
    return &a->r->reply.json;
}
/* Nobody reads it any more, or it is larger than it may be. */
bool tempo_answer_is_over(const struct tempo_answer *a);
/* stats: NULL where there are none (tags).  Ends the exchange. */
void tempo_answer_end(struct tempo_answer *a, const struct tsdb_trace_stats *stats);
/* Instead of it, when something failed: the error is the caller's to answer. */
void tempo_answer_drop(struct tempo_answer *a);
/* A message that is whole already, as it is asked for: HTTP's answer. */
void tempo_answer_message(struct exchange *x, struct bytes message);

#endif
