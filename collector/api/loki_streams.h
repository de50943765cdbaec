/* loki_streams.h - entries of logs, gathered by stream, as Loki's API shows them.
 *
 *   [{"stream":{labels},"values":[["<ns>","line"],...]},...]           merged
 *   [{"stream":{labels},"values":[["<ns>","line",{                    categorized
 *       "structuredMetadata":{...},"parsed":{...}}],...]},...]
 *
 * Entries come in order of time, from many streams; they leave by stream, as they came
 * or in reverse.  Merged, what is one stream to the engine is as many as its records'
 * metadata and parsed labels differ: all are part of "stream".
 *
 * Each entry is written as JSON at once and held in the arena, whose limit bounds the
 * whole.  Private to the room.  Owner: one thread.
 */
#ifndef COLLECTOR_API_LOKI_STREAMS_H
#define COLLECTOR_API_LOKI_STREAMS_H

#include "collector/api/json.h"
#include "tsdb/base/arena.h"

struct loki_stream;

struct loki_streams {
    struct arena *arena; /* borrowed */
    bool is_categorized, is_reversed;
    struct loki_stream *first, **last;
    struct loki_stream **slots; /* by hash of the labels' text; a power of two */
    uint32_t slot_count, stream_count;
    uint64_t entry_count;
    struct json scratch; /* owned */
};

void loki_streams_init(struct loki_streams *s, struct arena *arena, bool is_categorized,
                       bool is_reversed);
void loki_streams_release(struct loki_streams *s);
/* False: the arena is full. */
bool loki_streams_add(struct loki_streams *s, const struct tsdb_log_entry *entry);
/* The array. */
void loki_streams_write(const struct loki_streams *s, struct json *j);

#endif
