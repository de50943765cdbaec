/* journal_rig.h - a journal over simulated files and a ledger of what went in.
 *
 * Record n holds its number and filler that follows from it, so that what comes
 * back is known to be whole and to be n's.
 */
#ifndef TESTS_TSDB_STORE_JOURNAL_RIG_H
#define TESTS_TSDB_STORE_JOURNAL_RIG_H

#include "tsdb/base/fs_sim.h"
#include "tsdb/base/mem.h"
#include "tsdb/store/journal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

enum { LEDGER_MAX = 1024, FILLER_MAX = 4096 };

struct ledger {
    uint64_t position[LEDGER_MAX]; /* of record n; 0: never taken */
    unsigned count;                /* n goes below it */
    unsigned acked;                /* records below it were covered by journal_synced() */
};

struct found {
    unsigned times[LEDGER_MAX];
    unsigned count;
    uint64_t last; /* position */
    const struct ledger *ledger;
};

static inline struct journal_options journal_rig_options(struct fs_sim *sim, enum tsdb_sync sync)
{
    return (struct journal_options){
        .fs = fs_sim_fs(sim),
        .dir = "j",
        .sync = sync,
        .segment_bytes = 8192 + 1024,
        .has_no_threads = true,
    };
}

static inline size_t record_fill(unsigned n, uint8_t out[FILLER_MAX])
{
    size_t len = 4 + (n * 2654435761u >> 16) % 300; /* wraps */
    memcpy(out, &n, 4);
    for (size_t i = 4; i < len; i++)
        out[i] = (uint8_t)(n * 31 + i);
    return len;
}

static inline enum tsdb_status ledger_append(struct ledger *l, struct journal *j,
                                             struct tsdb_error *err)
{
    uint8_t payload[FILLER_MAX];
    unsigned n = l->count;
    cr_assert_lt(n, LEDGER_MAX);
    size_t len = record_fill(n, payload);
    struct bytes parts[2] = {{payload, 3}, {payload + 3, len - 3}};
    uint64_t position = 0;
    enum tsdb_status st = journal_append(j, (uint8_t)(1 + n % 255), parts, 2, &position, err);
    if (st == TSDB_OK) {
        cr_assert_gt(position, n ? l->position[n - 1] : 0);
        l->position[n] = position;
        l->count++;
    }
    return st;
}

static inline void ledger_ack(struct ledger *l, uint64_t synced)
{
    while (l->acked < l->count && l->position[l->acked] <= synced)
        l->acked++;
}

static inline enum tsdb_status found_record(void *arg, uint64_t position, uint8_t type,
                                            struct bytes payload)
{
    struct found *f = arg;
    uint8_t want[FILLER_MAX];
    unsigned n;
    cr_assert_geq(payload.len, 4);
    memcpy(&n, payload.at, 4);
    cr_assert_lt(n, f->ledger->count, "record %u was never submitted", n);
    size_t len = record_fill(n, want);
    cr_assert(payload.len == len && memcmp(payload.at, want, len) == 0, "record %u differs", n);
    cr_assert_eq(type, 1 + n % 255);
    cr_assert_eq(position, f->ledger->position[n], "record %u at %lu, want %lu", n, position,
                 f->ledger->position[n]);
    cr_assert_gt(position, f->last, "out of order");
    f->last = position;
    f->times[n]++;
    f->count++;
    return TSDB_OK;
}

static inline struct found journal_rig_replay(struct journal *j, const struct ledger *l,
                                              uint64_t from)
{
    struct found f = {.ledger = l};
    struct tsdb_error err;
    enum tsdb_status st = journal_replay(j, from, found_record, &f, &err);
    cr_assert_eq(st, TSDB_OK, "replay: %s", err.msg);
    return f;
}

/* Every acked record above the floor is there, once. */
static inline unsigned found_lost(const struct found *f, uint64_t floor)
{
    unsigned lost = 0;
    for (unsigned n = 0; n < f->ledger->acked; n++)
        lost += f->ledger->position[n] > floor && f->times[n] != 1;
    return lost;
}

#endif
