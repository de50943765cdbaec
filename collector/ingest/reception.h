/* reception.h - what every door does with a message, whatever its protocol.
 *
 *   coded bytes -> inflate -> (JSON to wire) -> intake -> outcome -> waiting line -> answer
 *
 * A refusal of the whole message is counted, remembered, and told when to try again.
 * Threads: any; the parts have their own locks.
 */
#ifndef COLLECTOR_INGEST_RECEPTION_H
#define COLLECTOR_INGEST_RECEPTION_H

#include "collector/decode/inflate.h"
#include "collector/ingest/ingest.h"
#include "collector/ingest/log_intake.h"
#include "collector/ingest/span_intake.h"
#include "collector/ingest/waiting.h"
#include "tsdb/base/random.h"

struct reception {
    const struct ingest_options *options; /* borrowed */
    struct intake_room room;
    struct rejects rejects;
    struct waiting waiting;
    struct mutex random_lock;
    struct random random; /* Guarded by: random_lock */
};

/* room: filled in by the caller, but for what is in options and here. */
void reception_init(struct reception *r, const struct ingest_options *options,
                    const struct intake_room *room);
void reception_release(struct reception *r);

/* How the bytes of one message are to be read. */
struct message {
    enum inflate_coding coding;
    struct bytes raw;
    size_t bytes_max; /* once decompressed */
    bool is_json;     /* OTLP */
    enum intake_format format;
    const struct log_hints *hints; /* NULL: the format needs none */
};

/* Plain bytes of a message: appended, with what became of them. */
void reception_take_plain(struct reception *r, const struct intake_source *source,
                          const struct message *message, struct bytes plain, struct outcome *out);
/* As it came. */
void reception_take(struct reception *r, const struct intake_source *source,
                    const struct message *message, struct outcome *out);

void refuse_status(struct outcome *out, enum tsdb_status st, const char *text);
/* Counts and remembers, if the message was refused as a whole. */
void reception_refused(struct reception *r, const struct intake_source *source,
                       struct outcome *out);

struct reply reply_to(const struct reception *r, struct exchange *x, enum protocol protocol,
                      enum door door);
/* Appended or refused: the answer, now or when it is synced. */
void reception_settle(struct reception *r, const struct intake_source *source, struct reply *reply);

struct inflate_limits reception_inflate_limits(const struct reception *r, size_t bytes_max);

#endif
