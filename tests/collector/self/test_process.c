#include "collector/self/counters.h"

#include "tsdb/base/clock.h"

#include <criterion/criterion.h>

Test(process, proc_fills_the_gauges)
{
    volatile uint64_t sink = 0;
    for (uint64_t i = 0; i < 200000000 / 4; i++)
        sink += i; /* some ticks of CPU time */
    counters_process(fs_posix(), INT64_C(1795521600000000000));
    cr_assert_geq(counters_get(PROCESS_CPU, NOWHERE), NS_PER_MS);
    cr_assert_gt(counters_get(PROCESS_RESIDENT, NOWHERE), 1 << 20);
    cr_assert_gt(counters_get(PROCESS_VIRTUAL, NOWHERE), counters_get(PROCESS_RESIDENT, NOWHERE));
    cr_assert_geq(counters_get(PROCESS_FDS, NOWHERE), 3);
    cr_assert_gt(counters_get(PROCESS_FDS_MAX, NOWHERE), 3);
    cr_assert_geq(counters_get(PROCESS_THREADS, NOWHERE), 1);
    cr_assert_eq(counters_get(PROCESS_START, NOWHERE), INT64_C(1795521600000000000));
}

Test(process, engine_statistics_reach_their_families)
{
    struct tsdb_stats stats = {.series_active = 7,
                               .journal_sync_ns_p99 = 200000,
                               .memory_limit = UINT64_MAX,
                               .disk_free_bytes = 1 << 30};
    counters_engine(&stats);
    cr_assert_eq(counters_get(ENGINE_SERIES, NOWHERE), 7);
    cr_assert_eq(counters_get(JOURNAL_SYNC_P99, NOWHERE), 200000);
    cr_assert_eq(counters_get(MEMORY_LIMIT, NOWHERE), INT64_MAX);
    cr_assert_eq(counters_get(DISK_FREE, NOWHERE), 1 << 30);
}
