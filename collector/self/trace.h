/* trace.h - the process' own spans: what a request was, and the steps within it.
 *
 *   trace_begin --> trace_step ... --> trace_end --tap--> whoever stores spans
 *
 * A request continues the trace of its caller, as its traceparent says (W3C Trace Context,
 * https://www.w3.org/TR/trace-context), else it begins one.  Whether it is kept is decided at
 * its end, when what it was is known: requests that failed (5xx) or took TRACE_SLOW_NS, those
 * whose caller sampled them, and of the others TRACE_RATE a second; of health checks and the
 * like only the first two, and nothing of what the caller left out but failures.
 *
 * Owner of a struct trace: the exchange, and so one thread at a time.  Texts of steps are
 * borrowed until trace_end.
 */
#ifndef COLLECTOR_SELF_TRACE_H
#define COLLECTOR_SELF_TRACE_H

#include "tsdb/tsdb.h"

enum { TRACE_STEPS_MAX = 8, TRACE_RATE = 10 };
#define TRACE_SLOW_NS 1000000000

struct trace_step {
    const char *name; /* a constant of the program, "query promql" */
    const char *key;  /* of its one attribute: a constant, or NULL */
    struct tsdb_text text;
    int64_t start_ns, end_ns; /* monotonic */
    bool is_error;
};

struct trace {
    struct tsdb_trace_id trace_id;
    struct tsdb_span_id span_id, parent_id; /* no parent: all zero */
    bool has_caller, is_sampled;            /* as the caller says */
    uint32_t step_count;
    struct trace_step steps[TRACE_STEPS_MAX];
};

/* traceparent: the header, or empty. */
void trace_begin(struct trace *t, struct tsdb_text traceparent);
/* One more; what passes TRACE_STEPS_MAX is left out. */
void trace_step(struct trace *t, const struct trace_step *step);

struct trace_request {
    struct tsdb_text method, path, peer;
    const char *route; /* the path as the program knows it; NULL: none */
    bool is_grpc;
    int status;
    uint64_t body_bytes;
    int64_t start_ns, end_ns; /* monotonic */
};
/* The request has been answered. */
void trace_end(const struct trace *t, const struct trace_request *request);

/* Where kept requests go, on the thread that ended them; both texts and steps are borrowed
 * during the call.  Before threads start, or after they ended; NULL: none. */
typedef void trace_tap_fn(void *arg, const struct trace *t, const struct trace_request *request);
void trace_set_tap(trace_tap_fn *tap, void *arg);

/* Which span an identifier of the program gets: random, never zero. */
struct tsdb_span_id trace_new_span_id(void);

#endif
