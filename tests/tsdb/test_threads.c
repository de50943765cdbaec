/* Goal: appends, queries, sealing and merging at once lose nothing and race nowhere
 * (run it under TSan).  Method: writers own their series and count; a reader checks
 * that what it sees of a series is a prefix without gaps; the journal is kept small,
 * so that sealing goes on all the time. */
#include "tsdb/base/clock.h"
#include "tsdb/base/thread.h"
#include "tsdb/tsdb.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITERS = 3, SERIES = 200, ROUNDS = 60, STEP_MS = 1000 };

struct writer_thread {
    struct tsdb *db;
    uint32_t id, from;
    int64_t base;
    char text[32];
    struct tsdb_label labels[3];
    _Atomic bool *has_failed;
};

static struct tsdb_labels labels_of(struct writer_thread *w, uint32_t series)
{
    int n = snprintf(w->text, sizeof w->text, "%u-%u", w->id, series);
    w->labels[0] = (struct tsdb_label){{"__name__", 8}, {"counted", 7}};
    w->labels[1] = (struct tsdb_label){{"id", 2}, {w->text, (size_t)n}};
    w->labels[2] = (struct tsdb_label){{"job", 3}, {"test", 4}};
    return (struct tsdb_labels){w->labels, 3};
}

static enum tsdb_status on_labels(void *arg, uint32_t index, struct tsdb_labels *out)
{
    *out = labels_of(arg, index);
    return TSDB_OK;
}

static void *write_series(void *arg)
{
    struct writer_thread *w = arg;
    struct tsdb_point points[SERIES];
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < SERIES; i++)
            points[i] = (struct tsdb_point){tsdb_labels_hash(tsdb_seed(w->db), labels_of(w, i)),
                                            w->base + round * STEP_MS * NS_PER_MS, round, NULL};
        struct tsdb_batch batch = {
            .points = points, .point_count = SERIES, .labels = on_labels, .arg = w};
        struct tsdb_appended out;
        struct tsdb_error err;
        while (tsdb_append(w->db, &batch, &out, NULL, &err) == TSDB_ELIMIT)
            (void)usleep(1000);
        if (out.counts[TSDB_ACCEPTED] != SERIES)
            atomic_store(w->has_failed, true);
        (void)usleep(20000);
    }
    return NULL;
}

/* Every series' values are 0, 1, 2, ...; returns how many samples there are. */
static uint64_t check_all(struct tsdb *db, int64_t base, bool *is_right)
{
    int64_t end = base + (ROUNDS - 1) * STEP_MS * NS_PER_MS;
    struct tsdb_query_options options = {
        .start = base, .end = end, .step = STEP_MS * NS_PER_MS, .lookback = 1};
    struct tsdb_query *query;
    struct tsdb_error err = {0};
    struct tsdb_text text = {"counted", 7};
    if (tsdb_query_open(db, text, &options, &query, &err) != TSDB_OK)
        cr_assert_fail("%s", err.msg);
    uint64_t samples = 0;
    struct tsdb_result row;
    enum tsdb_status st;
    while ((st = tsdb_query_next(query, &row, &err)) == TSDB_OK) {
        for (uint32_t i = 0; i < row.count; i++)
            *is_right = *is_right && row.values[i] == i;
        samples += row.count;
    }
    cr_assert_eq(st, TSDB_END, "%s", err.msg);
    tsdb_query_close(query);
    return samples;
}

struct reader_thread {
    struct tsdb *db;
    int64_t base;
    _Atomic bool is_stopping;
    bool is_right;
    uint32_t rounds;
};

static void *read_series(void *arg)
{
    struct reader_thread *r = arg;
    uint64_t before = 0;
    while (!atomic_load(&r->is_stopping)) {
        uint64_t now = check_all(r->db, r->base, &r->is_right);
        r->is_right = r->is_right && now >= before;
        before = now;
        r->rounds++;
    }
    return NULL;
}

Test(threads, appends_queries_and_sealing_do_not_get_in_each_others_way, .timeout = 120)
{
    char dir[] = "/tmp/andon-threads-XXXXXX";
    cr_assert_neq(mkdtemp(dir), NULL);
    struct tsdb_options options;
    struct tsdb_error err = {0};
    tsdb_options_init(&options);
    options.dir = dir;
    options.journal_bytes_max = 100000;
    struct tsdb *db;
    cr_assert_eq(tsdb_open(&options, &db, &err), TSDB_OK, "%s", err.msg);
    int64_t base = clock_wall_ns(clock_real()) / NS_PER_S * NS_PER_S - NS_PER_HOUR;
    _Atomic bool has_failed = false;
    struct writer_thread writers[WRITERS];
    struct thread threads[WRITERS], reading;
    struct reader_thread reader = {.db = db, .base = base, .is_right = true};
    thread_start(&reading, "reader", read_series, &reader);
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] =
            (struct writer_thread){.db = db, .id = i, .base = base, .has_failed = &has_failed};
        thread_start(&threads[i], "writer", write_series, &writers[i]);
    }
    for (uint32_t i = 0; i < WRITERS; i++)
        thread_join(&threads[i]);
    atomic_store(&reader.is_stopping, true);
    thread_join(&reading);
    cr_assert_not(atomic_load(&has_failed));
    cr_assert(reader.is_right, "a reader saw a gap or a loss");
    cr_assert_gt(reader.rounds, 3u);
    struct tsdb_stats stats;
    tsdb_stats(db, &stats);
    cr_assert_gt(stats.seals, 0u, "sealing went on meanwhile");
    bool is_right = true;
    cr_assert_eq(check_all(db, base, &is_right), (uint64_t)WRITERS * SERIES * ROUNDS);
    cr_assert(is_right);
    tsdb_close(db);
    cr_assert_eq(tsdb_open(&options, &db, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(check_all(db, base, &is_right), (uint64_t)WRITERS * SERIES * ROUNDS);
    tsdb_close(db);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}
