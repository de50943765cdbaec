/* Goal: appends, queries on several cores, following, sealing and merging of logs at once
 * lose nothing and race nowhere (run it under TSan).  Method: writers number their lines; a
 * reader counts them by stream and never sees fewer than before; the tail sees each once;
 * the journal is kept small, so that sealing goes on all the time. */
#include "tsdb/tsdb_logs.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITERS = 3, BATCH = 100, ROUNDS = 60 };

struct shared {
    struct tsdb *db;
    int64_t base;
    _Atomic bool is_stopping, has_failed;
    uint32_t asked;
};

struct writer_thread {
    struct shared *shared;
    uint32_t id;
};

static void *write_lines(void *arg)
{
    struct writer_thread *w = arg;
    char name[16], lines[BATCH][64];
    struct tsdb_label label = {{"writer", 6},
                               {name, (size_t)snprintf(name, sizeof name, "w%u", w->id)}};
    struct tsdb_log_stream stream = {.labels = {&label, 1}};
    struct tsdb_log_record records[BATCH];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < BATCH; i++) {
            int n = snprintf(lines[i], sizeof lines[i], "line %d of writer %u took %d ms",
                             round * BATCH + i, w->id, i * 7);
            records[i] =
                (struct tsdb_log_record){.ts = w->shared->base + (round * BATCH + i) * NS_PER_MS,
                                         .line = {lines[i], (size_t)n}};
        }
        struct tsdb_log_batch batch = {"", &stream, records, 1, BATCH};
        struct tsdb_appended out = {0};
        struct tsdb_error err;
        while (tsdb_log_append(w->shared->db, &batch, &out, NULL, &err) == TSDB_ELIMIT)
            (void)usleep(1000);
        if (out.counts[TSDB_ACCEPTED] != BATCH)
            atomic_store(&w->shared->has_failed, true);
        (void)usleep(20000); /* several rounds of the driver */
    }
    return NULL;
}

/* The sum over the series of an instant query. */
static double ask(struct shared *s, const char *text)
{
    struct tsdb_log_options options = {.end = s->base + NS_PER_HOUR};
    struct tsdb_log_query *query;
    struct tsdb_error err = {0};
    if (tsdb_log_query_open(s->db, text_of(text), &options, &query, &err) != TSDB_OK) {
        (void)fprintf(stderr, "%s\n", err.msg);
        atomic_store(&s->has_failed, true);
        return 0;
    }
    double sum = 0;
    struct tsdb_result row;
    enum tsdb_status st;
    while ((st = tsdb_log_query_next(query, &row, &err)) == TSDB_OK)
        sum += row.values[0];
    if (st != TSDB_END)
        atomic_store(&s->has_failed, true);
    tsdb_log_query_close(query);
    return sum;
}

static void *read_counts(void *arg)
{
    struct shared *s = arg;
    double before = 0;
    while (!atomic_load(&s->is_stopping)) {
        double now = ask(s, "sum by (writer) (count_over_time({writer=~\".+\"} |= \"took\" [2h]))");
        if (now < before)
            atomic_store(&s->has_failed, true);
        before = now;
        s->asked++;
    }
    return NULL;
}

static uint64_t follow(struct tsdb_log_tail *tail, struct shared *s)
{
    uint64_t n = 0;
    struct tsdb_log_entry entry;
    struct tsdb_error err = {0};
    enum tsdb_status st;
    while ((st = tsdb_log_tail_next(tail, &entry, &err)) == TSDB_OK)
        n++;
    if (st != TSDB_END)
        atomic_store(&s->has_failed, true);
    return n;
}

Test(tsdb_logs, appends_queries_tails_and_sealing_do_not_get_in_each_others_way, .timeout = 120)
{
    char dir[] = "/tmp/andon-log-threads-XXXXXX";
    cr_assert_neq(mkdtemp(dir), NULL);
    struct tsdb_options options;
    struct tsdb_error err = {0};
    tsdb_options_init(&options);
    options.dir = dir;
    options.journal_bytes_max = 100000;
    struct shared s = {0};
    cr_assert_eq(tsdb_open(&options, &s.db, &err), TSDB_OK, "%s", err.msg);
    s.base = clock_wall_ns(clock_real()) - NS_PER_HOUR;
    struct tsdb_log_tail *tail;
    cr_assert_eq(tsdb_log_tail_open(s.db, "", text_of("{writer=~\".+\"}"), &tail, &err), TSDB_OK);
    struct writer_thread writers[WRITERS];
    struct thread threads[WRITERS], reading;
    thread_start(&reading, "reader", read_counts, &s);
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer_thread){&s, i};
        thread_start(&threads[i], "writer", write_lines, &writers[i]);
    }
    for (int i = 0; i < 8; i++) { /* besides the driver, which may have no turn */
        (void)usleep(100000);
        cr_assert_eq(tsdb_seal(s.db, &err), TSDB_OK, "%s", err.msg);
    }
    uint64_t followed = 0, dropped = 0;
    for (uint32_t i = 0; i < WRITERS; i++) {
        thread_join(&threads[i]);
        followed += follow(tail, &s);
    }
    for (int i = 0; i < 200 && followed + dropped < WRITERS * BATCH * ROUNDS; i++) {
        (void)usleep(10000);
        followed += follow(tail, &s);
        dropped += tsdb_log_tail_dropped(tail);
    }
    cr_assert_eq(followed + dropped, WRITERS * BATCH * ROUNDS, "%llu followed, %llu dropped",
                 (unsigned long long)followed, (unsigned long long)dropped);
    tsdb_log_tail_close(tail);
    atomic_store(&s.is_stopping, true);
    thread_join(&reading);
    cr_assert_not(atomic_load(&s.has_failed));
    cr_assert_gt(s.asked, 3u);
    struct tsdb_stats stats;
    tsdb_stats(s.db, &stats);
    cr_assert_gt(stats.seals, 0u, "sealing went on meanwhile");
    cr_assert_eq(stats.log_records, WRITERS * BATCH * ROUNDS);
    const char *all = "sum(count_over_time({writer=~\".+\"}[2h]))";
    cr_assert_eq(ask(&s, all), WRITERS * BATCH * ROUNDS);
    tsdb_close(s.db);
    cr_assert_eq(tsdb_open(&options, &s.db, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(ask(&s, all), WRITERS * BATCH * ROUNDS);
    cr_assert_eq(tsdb_seal(s.db, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(ask(&s, all), WRITERS * BATCH * ROUNDS);
    cr_assert_not(atomic_load(&s.has_failed));
    tsdb_close(s.db);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}
