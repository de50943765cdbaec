/* snapshot.h - what the board shows, once a second, as one line of JSON:
 *
 *   {"at":1767225600000,"started":1767225588000,"uptime_s":12.001,"window_s":12.001,
 *    "writable":true,"version":"0.1.0",
 *    "arrivals":[{"signal":"metrics","door":"tcp","per_s":120.5,"total":9000}],
 *    "rejects":[{"door":"tcp","reason":"too_old","per_s":0,"total":3}],
 *    "series":{"active":1000,"new_per_s":0},
 *    "sync":{"last_ms":0.3,"p99_ms":2.1,"unsynced_ms":0,"per_s":10},
 *    "disk":{"segments":1,"segment_bytes":1,"journal_bytes":1,"free_bytes":1,"limit_bytes":0},
 *    "memory":{"used_bytes":1,"limit_bytes":2},
 *    "services":[{"name":"cart","series":10,"per_s":5.5}],"services_by":"samples"}
 *
 * Rates are over the window: up to SNAPSHOT_WINDOW_S, so that a sender that exports every
 * 15 s is a line and not a comb.  at and started are of the wall clock, uptime_s is not: it
 * tells how late a snapshot came.  disk.limit_bytes is 0 where only the file system bounds.
 * Figures are the process' totals: they name nobody.  services.h has what does, by tenant.
 * Owner: one thread.
 */
#ifndef COLLECTOR_RADIATOR_SNAPSHOT_H
#define COLLECTOR_RADIATOR_SNAPSHOT_H

#include "collector/radiator/services.h"
#include "collector/self/counters.h"
#include "tsdb/base/clock.h"

enum {
    SNAPSHOT_WINDOW_S = 15,
    SNAPSHOT_MARKS = SNAPSHOT_WINDOW_S + 1, /* one a second, and the one to subtract */
};

/* The counters at one moment. */
struct snapshot_mark {
    int64_t at_ns; /* monotonic */
    int64_t received[SIGNAL_COUNT][DOOR_COUNT];
    int64_t rejected[DOOR_COUNT][REASON_COUNT];
    uint64_t created, syncs;
};

struct snapshot {
    struct tsdb *db;     /* borrowed */
    struct clock *clock; /* borrowed */
    uint64_t disk_limit; /* bytes the store may take; 0: no bound */
    int64_t started_ns, started_wall_ns;
    struct snapshot_mark marks[SNAPSHOT_MARKS]; /* a ring; newest is the last written */
    uint32_t newest, mark_count;
    /* what snapshot_take saw */
    struct tsdb_stats stats;
    struct snapshot_mark now, base; /* rates are between them */
    int64_t at_ns;                  /* wall clock */
    bool is_writable;
};

void snapshot_init(struct snapshot *s, struct tsdb *db, struct clock *clock, uint64_t disk_limit);
/* Looks at the counters and the store; also the mark that later rates begin at. */
void snapshot_take(struct snapshot *s);
/* What was taken, as one JSON object. */
void snapshot_write(const struct snapshot *s, const struct services *services, struct json *j);

#endif
