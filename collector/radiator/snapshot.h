/* snapshot.h - what the board shows, once a second, as one line of JSON:
 *
 *   {"at":1767225600000,"writable":true,"version":"0.1.0","uptime_s":12,
 *    "arrivals":[{"signal":"metrics","door":"tcp","per_s":120.5,"total":9000}],
 *    "rejects":[{"door":"tcp","reason":"too_old","per_s":0,"total":3}],
 *    "series":{"active":1000,"new_per_s":0},
 *    "sync":{"last_ms":0.3,"p99_ms":2.1,"unsynced_ms":0,"per_s":10},
 *    "disk":{"segments":1,"segment_bytes":1,"journal_bytes":1,"free_bytes":1},
 *    "memory":{"used_bytes":1,"limit_bytes":2},
 *    "services":[{"name":"cart","series":10,"per_s":5.5}],"services_by":"samples"}
 *
 * Rates are over the time since the snapshot before.  services: those with most samples
 * in the last minute, asked from the store every SNAPSHOT_SERVICES_S seconds; per_s is null
 * and the order is by series where the store holds too much to ask.
 * Owner: one thread.
 */
#ifndef COLLECTOR_RADIATOR_SNAPSHOT_H
#define COLLECTOR_RADIATOR_SNAPSHOT_H

#include "collector/api/json.h"
#include "collector/self/counters.h"
#include "tsdb/base/clock.h"

enum { SNAPSHOT_SERVICES = 8, SNAPSHOT_SERVICES_S = 10, SERVICE_NAME_MAX = 128 };

struct service {
    char name[SERVICE_NAME_MAX];
    size_t name_len;
    double series, per_s;
};

struct snapshot {
    struct tsdb *db;
    struct clock *clock;
    int64_t started_ns, before_ns; /* monotonic */
    int64_t received[SIGNAL_COUNT][DOOR_COUNT];
    int64_t rejected[DOOR_COUNT][REASON_COUNT];
    uint64_t created, syncs;
    struct service services[SNAPSHOT_SERVICES];
    uint32_t service_count;
    bool has_traffic; /* services are by samples */
    int64_t services_due_ns;
};

void snapshot_init(struct snapshot *s, struct tsdb *db, struct clock *clock);
/* One JSON object. */
void snapshot_write(struct snapshot *s, struct json *out);

#endif
