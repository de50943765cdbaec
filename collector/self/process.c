#include "collector/self/counters.h"

#include "collector/self/proc.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void set_u64(enum family id, uint64_t value)
{
    counters_set(id, NOWHERE, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void counters_engine(const struct tsdb_stats *stats)
{
    set_u64(ENGINE_SERIES, stats->series_active);
    set_u64(ENGINE_SERIES_CREATED, stats->series_created);
    set_u64(ENGINE_SAMPLES, stats->samples_appended);
    set_u64(ENGINE_DUPLICATES, stats->samples_duplicate);
    set_u64(JOURNAL_BYTES, stats->journal_bytes);
    set_u64(JOURNAL_PENDING, stats->journal_pending_bytes);
    set_u64(JOURNAL_SYNCS, stats->journal_syncs);
    counters_set(JOURNAL_SYNC_LAST, NOWHERE, stats->journal_sync_ns_last);
    counters_set(JOURNAL_SYNC_P99, NOWHERE, stats->journal_sync_ns_p99);
    counters_set(JOURNAL_UNSYNCED, NOWHERE, stats->journal_oldest_unsynced_ns);
    set_u64(LOG_STREAMS, stats->log_streams);
    set_u64(LOG_RECORDS, stats->log_records);
    set_u64(LOG_SEGMENT_BYTES, stats->log_segment_bytes);
    set_u64(LOG_SEGMENT_RECORDS, stats->log_segment_records);
    set_u64(TRACE_SPANS, stats->trace_spans);
    set_u64(TRACE_SEGMENT_BYTES, stats->trace_segment_bytes);
    set_u64(TRACE_SEGMENT_SPANS, stats->trace_segment_spans);
    set_u64(SEGMENTS, stats->segments + stats->log_segments + stats->trace_segments);
    set_u64(SEGMENT_BYTES,
            stats->segment_bytes + stats->log_segment_bytes + stats->trace_segment_bytes);
    set_u64(SEGMENT_CHUNK_BYTES, stats->segment_chunk_bytes);
    set_u64(SEGMENT_INDEX_BYTES, stats->segment_index_bytes);
    set_u64(SEGMENT_SAMPLES, stats->segment_samples);
    set_u64(SEGMENTS_QUARANTINED, stats->quarantined);
    set_u64(SEALS, stats->seals);
    counters_set(SEAL_SECONDS, NOWHERE, stats->seal_ns_total);
    set_u64(MERGES, stats->merges);
    counters_set(MERGE_SECONDS, NOWHERE, stats->merge_ns_total);
    set_u64(SEGMENTS_EXPIRED, stats->expired);
    set_u64(TOMBSTONES, stats->tombstones);
    set_u64(MEMORY_BYTES, stats->memory_bytes);
    set_u64(MEMORY_LIMIT, stats->memory_limit);
    set_u64(HEAD_BYTES, stats->head_bytes + stats->log_head_bytes + stats->trace_head_bytes);
    set_u64(LABEL_PAIRS, stats->label_pairs);
    set_u64(EXEMPLARS, stats->exemplars);
    counters_set(REPLAY_SECONDS, NOWHERE, stats->replay_ns);
    set_u64(DISK_FREE, stats->disk_free_bytes);
}

static bool count_name(void *arg, const char *name)
{
    (void)name;
    ++*(int64_t *)arg;
    return true;
}

/* Fields of /proc/self/stat, numbered as proc(5) does; the command (field 2) is
 * in parentheses and may hold anything. */
static void stat_collect(const char *stat)
{
    enum { FIRST = 3, USER_TICKS = 14, SYSTEM_TICKS = 15, THREADS = 20, VSIZE = 23, RSS = 24 };
    const char *p = strrchr(stat, ')');
    if (!p)
        return;
    uint64_t fields[RSS + 1] = {0};
    char *end;
    p += 1 + strspn(p + 1, " ");
    p += strcspn(p, " "); /* the state, a letter */
    for (int i = FIRST + 1; i <= RSS && *p; i++, p = end) {
        fields[i] = strtoull(p, &end, 10);
        if (end == p)
            return;
    }
    long ticks_per_s = sysconf(_SC_CLK_TCK), page_bytes = sysconf(_SC_PAGESIZE);
    if (ticks_per_s <= 0 || page_bytes <= 0)
        return;
    uint64_t ticks = fields[USER_TICKS] + fields[SYSTEM_TICKS];
    set_u64(PROCESS_CPU, ticks * ((uint64_t)NS_PER_S / (uint64_t)ticks_per_s));
    set_u64(PROCESS_THREADS, fields[THREADS]);
    set_u64(PROCESS_VIRTUAL, fields[VSIZE]);
    set_u64(PROCESS_RESIDENT, fields[RSS] * (uint64_t)page_bytes);
}

void counters_process(struct fs *fs, int64_t started_ns)
{
    char stat[1024];
    if (proc_read(fs, "/proc/self/stat", stat, sizeof stat))
        stat_collect(stat);
    int64_t fds = 0;
    if (fs_list(fs, "/proc/self/fd", count_name, &fds, NULL) == TSDB_OK)
        counters_set(PROCESS_FDS, NOWHERE, fds > 0 ? fds - 1 : 0); /* without the listing's own */
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        set_u64(PROCESS_FDS_MAX, limit.rlim_cur);
    counters_set(PROCESS_START, NOWHERE, started_ns);
    set_u64(ALLOCATED_BYTES, mem_in_use());
}

void counters_reloaded(bool is_taken, int64_t wall_ns)
{
    counters_set(CONFIG_RELOAD_OK, NOWHERE, is_taken);
    if (is_taken)
        counters_set(CONFIG_RELOAD_TIME, NOWHERE, wall_ns);
}
