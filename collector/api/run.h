/* run.h - one query of the engine from the queue to how it ended, whatever its language.
 *
 *   run_prepare     is there time left?
 *   run_enter       the query is open: it is watched (watch.h) and counted
 *     ... read ...
 *   run_leave       before it is closed
 *   run_end         how it ended is counted; what failed is answered
 *
 * Private to the room.  Owner: the worker of the request.
 */
#ifndef COLLECTOR_API_RUN_H
#define COLLECTOR_API_RUN_H

#include "collector/api/request.h"

struct run {
    struct request *r;
    const char *language; /* "query LogQL": its step in the trace, set when prepared; NULL: none */
    struct tsdb_text text;
    int64_t deadline_ns; /* monotonic */
    int64_t waited_ns;   /* for a worker */
    unsigned place;
    enum watch_verdict verdict;
};

/* *deadline: how long the engine may take.  False: the time was over already, and that
 * is answered. */
bool run_prepare(struct run *run, struct request *r, int64_t *deadline);
/* The request waited for its worker, and what it was for (a constant, and a text that lives as
 * long as the exchange), as steps of its trace. */
void run_trace_wait(struct request *r, int64_t now_ns);
void run_trace_query(struct request *r, const char *name, struct tsdb_text text, int64_t exec_ns,
                     bool is_error);
void run_enter(struct run *run, struct watch_target target);
void run_leave(struct run *run, int64_t exec_ns);
/* True when st is TSDB_OK; else the exchange has ended. */
bool run_end(struct run *run, enum tsdb_status st, const struct tsdb_error *err);

#endif
