/* services.h - the jobs that send most, as one tenant may see them.
 *
 *   "services":[{"name":"cart","series":10,"per_s":5.5}],"services_by":"samples"
 *
 * Those with most samples in the last minute.  Asking the store for them costs a query and
 * a walk over the label pairs, so it is done while someone looks, every SERVICES_S; where
 * the store holds too much to ask, per_s is null and the order is by active series.
 * Owner: one thread.
 */
#ifndef COLLECTOR_RADIATOR_SERVICES_H
#define COLLECTOR_RADIATOR_SERVICES_H

#include "collector/api/json.h"
#include "tsdb/base/clock.h"

enum {
    SERVICES_SHOWN = 8,
    SERVICES_MAX = 512,    /* ranked; of more, any 512 */
    SERVICES_S = 5,        /* between two queries */
    SERVICES_RETRY_S = 60, /* after one that was too large */
    SERVICE_NAME_MAX = 128,
};

struct service {
    char name[SERVICE_NAME_MAX];
    size_t name_len;
    double series, per_s;
};

struct services {
    struct tsdb *db;                 /* borrowed */
    struct clock *clock;             /* borrowed */
    const char *tenant;              /* borrowed */
    struct service at[SERVICES_MAX]; /* the first SERVICES_SHOWN in order */
    uint32_t count;
    bool has_traffic;               /* ranked by samples */
    int64_t due_ns, traffic_due_ns; /* monotonic; 0: at once */
};

void services_init(struct services *s, struct tsdb *db, struct clock *clock, const char *tenant);
/* Asks the store.  When to: at due_ns. */
void services_refresh(struct services *s);
/* The two keys above, into an open object. */
void services_write(const struct services *s, struct json *j);

#endif
