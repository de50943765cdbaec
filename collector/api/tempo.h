/* tempo.h - Tempo's HTTP API and its streaming querier (gRPC) over the engine's traces: what
 * their handlers share.
 *
 * As Tempo 3 documents them (https://grafana.com/docs/tempo/latest/api_docs), at the root and
 * below /tempo, so that Grafana's data source works with either:
 *
 *   /api/traces/ID  /api/v2/traces/ID                               tempo_trace.c
 *   /api/search     /api/metrics/query_range  /api/metrics/query    tempo_query.c
 *   /api/search/tags        /api/v2/search/tags                     tempo_tags.c
 *   /api/search/tag/N/values  /api/v2/search/tag/N/values           tempo_tags.c
 *   /api/echo  /api/status/buildinfo  /tempo/ready                  tempo.c
 *
 *   tempopb.StreamingQuerier/{Search,SearchTags,SearchTagsV2,SearchTagValues,
 *       SearchTagValuesV2,MetricsQueryRange,MetricsQueryInstant}    the same handlers
 *
 * Parameters come from a form or, over gRPC, from a message (tempo_ask.c); an answer is
 * JSON, a message (Accept: application/protobuf), or a stream of them (tempo_answer.h).
 * Errors are plain text or a status.  At the root /api/traces/ID is Jaeger's too: Tempo's is
 * asked for by Accept: application/protobuf.
 *
 * Times without a zone: more than ten digits are nanoseconds, fewer seconds; or RFC 3339.  A
 * search without a range covers all there is, tags and values TEMPO_TAGS_SINCE.
 *
 * Private to the room.  Owner: the worker of the request.
 */
#ifndef COLLECTOR_API_TEMPO_H
#define COLLECTOR_API_TEMPO_H

#include "collector/api/request.h"

#define TEMPO_VERSION "3.0.2" /* whose API this is; clients look at it */
#define TEMPO_TAGS_SINCE NS_PER_DAY

enum {
    TEMPO_LIMIT_MAX = 10000, /* traces of a search */
    TEMPO_SPANS_MAX = 1000,  /* shown of a span set */
    TEMPO_EXEMPLARS_MAX = 10000,
    TEMPO_REQUEST_MAX = 1 << 20, /* bytes of a message that asks, inflated */
};

/* What a request says, from a form or a message.  Views into the exchange and its arena. */
struct tempo_asked {
    struct tsdb_text query, tags; /* tags: logfmt */
    struct tsdb_text filter;      /* made of tags and durations; empty: there are none */
    struct tsdb_text scope, name;
    bool has_range;
    int64_t start, end;                                   /* ns; without a range: everything */
    int64_t since;                                        /* ns; 0: not said */
    int64_t step;                                         /* ns; 0: not said */
    uint64_t limit, spans_per_set, exemplars, series_max; /* 0: not said */
};

/* Each of these answers the error itself and returns false. */
bool tempo_ask(struct request *r, struct tempo_asked *out);
/* The range of a metric query: the last hour, or `since`, where none is said. */
bool tempo_ask_range(struct request *r, struct tempo_asked *asked);
/* The parts of a message of the streaming querier, by its path. */
bool tempo_ask_message(struct request *r, struct tempo_asked *out);

/* How steps lie in a range: multiples of the step, the first one step after the start. */
void tempo_align(int64_t step, int64_t *start, int64_t *end);
/* The step for a range without one: some 240, in round numbers. */
int64_t tempo_step(int64_t start, int64_t end);

/* An identifier of TraceQL ("resource.service.name", ".a", "span.\"a b\"", "trace:id",
 * "status") as a place and a name; false: it is none. */
bool tempo_identifier(struct tsdb_text text, struct arena *arena, enum tsdb_trace_place *place,
                      struct tsdb_text *name);

/* A trace's id as hex, padded on the left; false: it is none. */
bool tempo_trace_id(struct tsdb_text text, struct tsdb_trace_id *out);
/* Reads a trace and counts it as a query.  False: answered that it failed; *out NULL: there is
 * no such trace. */
bool tempo_read_trace(struct request *r, const struct tsdb_trace_id *id, int64_t start, int64_t end,
                      struct tsdb_trace **out);
/* Whether the reader wants protocol buffers. */
bool tempo_takes_protobuf(const struct exchange *x);

/* Answers as a status where gRPC asks, else as text. */
void tempo_submit(void *arg, struct exchange *x, void (*work)(struct request *r));

exchange_handler_fn handle_tempo_trace, handle_tempo_trace_2; /* tempo_trace.c */
exchange_handler_fn handle_tempo_search, handle_tempo_range, handle_tempo_instant;
exchange_handler_fn handle_tempo_tags, handle_tempo_tags_2, handle_tempo_values,
    handle_tempo_values_2;

#endif
