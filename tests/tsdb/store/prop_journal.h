/* prop_journal.h - the law of a journal's bytes: whatever a file holds, opening
 * and replaying ends, twice with the same records, in order, and what comes out
 * was checked; and the journal can be written on. */
#ifndef TESTS_TSDB_STORE_PROP_JOURNAL_H
#define TESTS_TSDB_STORE_PROP_JOURNAL_H

#include "tsdb/base/assert.h"
#include "tsdb/base/fs_sim.h"
#include "tsdb/base/hash.h"
#include "tsdb/store/journal.h"

struct prop_seen {
    uint64_t digest, last, count;
};

static inline enum tsdb_status prop_record(void *arg, uint64_t position, uint8_t type,
                                           struct bytes payload)
{
    struct prop_seen *seen = arg;
    ASSERT(position > seen->last);
    ASSERT(type > 0);
    seen->digest = hash64(seen->digest + position + type, payload.at, payload.len); /* wraps */
    seen->last = position;
    seen->count++;
    return TSDB_OK;
}

static inline struct prop_seen prop_journal_read(struct fs_sim *sim, bool is_appending)
{
    struct journal_options options = {
        .fs = fs_sim_fs(sim), .dir = "j", .segment_bytes = 16384, .has_no_threads = true};
    struct journal *j;
    struct prop_seen seen = {0};
    enum tsdb_status st = journal_open(&options, 0, &j, NULL);
    ASSERT(st == TSDB_OK || st == TSDB_EINVAL);
    if (st != TSDB_OK)
        return seen;
    st = journal_replay(j, 0, prop_record, &seen, NULL);
    ASSERT(st == TSDB_OK);
    ASSERT(seen.last <= journal_end(j));
    uint64_t position;
    struct bytes part = {(const uint8_t *)"appended", 8};
    if (is_appending) {
        st = journal_append(j, 7, &part, 1, &position, NULL);
        ASSERT(st == TSDB_OK);
        st = journal_sync(j, NULL);
        ASSERT(st == TSDB_OK);
    }
    journal_close(j);
    return seen;
}

/* Two files in a row: what the halves of the input say.  Returns the records. */
static inline uint64_t prop_journal(const uint8_t *data, size_t len)
{
    struct fs_sim *sim = fs_sim_new();
    size_t half = len > 8192 ? len / 2 : len;
    enum tsdb_status st = fs_mkdir(fs_sim_fs(sim), "j", NULL);
    ASSERT(st == TSDB_OK);
    fs_sim_put(sim, "j/journal-00000001", (struct bytes){data, half});
    fs_sim_put(sim, "j/journal-00000002", (struct bytes){data + half, len - half});
    struct prop_seen first = prop_journal_read(sim, false);
    struct prop_seen second = prop_journal_read(sim, true);
    ASSERT(first.digest == second.digest);
    struct prop_seen third = prop_journal_read(sim, false);
    ASSERT(first.last == 0 || third.count > first.count);
    fs_sim_free(sim);
    return first.count;
}

#endif
