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

/* Goal: deletions, snapshots, seals, merges, look-ups and new series at once, again and
 * again until a close in the midst of it; what was deleted never comes back.
 * Method: each thread does its one thing in a loop; the deleter checks what it deleted. */
enum { LIVES = 2, DOOMED = 6, OTHERS = 4 };

struct load {
    struct tsdb *db;
    int64_t base;
    int life;
    _Atomic bool is_stopping, has_failed;
    _Atomic uint32_t seals, snapshots, look_ups, series, deleted;
};

static void check(struct load *l, bool is_right, const char *what, const struct tsdb_error *err)
{
    if (is_right)
        return;
    (void)fprintf(stderr, "%s: %s\n", what, err ? err->msg : "");
    atomic_store(&l->has_failed, true);
}

struct named {
    struct tsdb_label labels[2];
    char text[32];
};

static enum tsdb_status on_named(void *arg, uint32_t index, struct tsdb_labels *out)
{
    struct named *n = arg;
    (void)index;
    *out = (struct tsdb_labels){n->labels, 2};
    return TSDB_OK;
}

static void put_named(struct load *l, const char *name, uint32_t id, int64_t ts)
{
    struct named n;
    int len = snprintf(n.text, sizeof n.text, "%d-%u", l->life, id);
    n.labels[0] = (struct tsdb_label){{"__name__", 8}, {name, strlen(name)}};
    n.labels[1] = (struct tsdb_label){{"id", 2}, {n.text, (size_t)len}};
    struct tsdb_point p = {tsdb_labels_hash(tsdb_seed(l->db), (struct tsdb_labels){n.labels, 2}),
                           ts, 1, NULL};
    struct tsdb_batch batch = {.points = &p, .point_count = 1, .labels = on_named, .arg = &n};
    struct tsdb_appended out;
    struct tsdb_error err = {0};
    check(l, tsdb_append(l->db, &batch, &out, NULL, &err) == TSDB_OK, "append", &err);
}

static uint64_t count(struct load *l, const char *selector)
{
    char text[96];
    int len = snprintf(text, sizeof text, "sum(count_over_time(%s[2h]))", selector);
    int64_t at = l->base + NS_PER_HOUR;
    struct tsdb_query_options options = {.start = at, .end = at};
    struct tsdb_query *query;
    struct tsdb_error err = {0};
    struct tsdb_text source = {text, (size_t)len};
    if (tsdb_query_open(l->db, source, &options, &query, &err) != TSDB_OK) {
        check(l, false, text, &err);
        return 0;
    }
    struct tsdb_result row;
    uint64_t n = 0;
    enum tsdb_status st = tsdb_query_next(query, &row, &err);
    if (st == TSDB_OK)
        n = (uint64_t)row.values[0];
    check(l, st == TSDB_OK || st == TSDB_END, text, &err);
    tsdb_query_close(query);
    return n;
}

static void *delete_series(void *arg)
{
    struct load *l = arg;
    for (uint32_t i = 0; i < DOOMED; i++) {
        char selector[64];
        int len = snprintf(selector, sizeof selector, "doomed{id=\"%d-%u\"}", l->life, i);
        for (int k = 0; k < 10; k++)
            put_named(l, "doomed", i, l->base + k * NS_PER_S);
        check(l, count(l, selector) == 10, "before the deletion", NULL);
        struct tsdb_text text = {selector, (size_t)len};
        struct tsdb_scope scope = {
            .selectors = &text, .selector_count = 1, .start = INT64_MIN, .end = INT64_MAX};
        struct tsdb_error err = {0};
        check(l, tsdb_delete(l->db, &scope, &err) == TSDB_OK, "delete", &err);
        for (int k = 0; k < 5; k++)
            check(l, count(l, "doomed") == 0, "what was deleted is back", NULL);
        (void)atomic_fetch_add(&l->deleted, 1);
    }
    return NULL;
}

static void *seal_often(void *arg)
{
    struct load *l = arg;
    while (!atomic_load(&l->is_stopping)) {
        struct tsdb_error err = {0};
        check(l, tsdb_seal(l->db, &err) == TSDB_OK, "seal", &err);
        (void)atomic_fetch_add(&l->seals, 1);
    }
    return NULL;
}

static void *snapshot_often(void *arg)
{
    struct load *l = arg;
    for (uint32_t i = 0; !atomic_load(&l->is_stopping); i++) {
        char name[32];
        struct tsdb_error err = {0};
        (void)snprintf(name, sizeof name, "s%d-%u", l->life, i);
        check(l, tsdb_snapshot(l->db, name, &err) == TSDB_OK, "snapshot", &err);
        (void)atomic_fetch_add(&l->snapshots, 1);
        (void)usleep(5000);
    }
    return NULL;
}

static void *make_series(void *arg)
{
    struct load *l = arg;
    for (uint32_t i = 0; !atomic_load(&l->is_stopping); i++) {
        put_named(l, "churning", i % 3000, l->base + i * NS_PER_MS);
        (void)atomic_fetch_add(&l->series, 1);
    }
    return NULL;
}

static bool ignore_text(void *arg, struct tsdb_text text)
{
    (void)text;
    return ++*(uint32_t *)arg < 1000000;
}

static void *look_up(void *arg)
{
    struct load *l = arg;
    while (!atomic_load(&l->is_stopping)) {
        struct tsdb_scope scope = {.start = INT64_MIN, .end = INT64_MAX};
        struct tsdb_error err = {0};
        struct tsdb_text name = {"id", 2};
        struct tsdb_stats stats;
        uint32_t n = 0;
        check(l, tsdb_label_names(l->db, &scope, ignore_text, &n, &err) == TSDB_OK, "names", &err);
        check(l, tsdb_label_values(l->db, name, &scope, ignore_text, &n, &err) == TSDB_OK, "values",
              &err);
        tsdb_stats(l->db, &stats);
        (void)atomic_fetch_add(&l->look_ups, 1);
    }
    return NULL;
}

static void live(struct load *l, const struct tsdb_options *options)
{
    static void *(*const others[OTHERS])(void *) = {seal_often, snapshot_often, make_series,
                                                    look_up};
    struct tsdb_error err = {0};
    struct thread threads[OTHERS], deleting;
    cr_assert_eq(tsdb_open(options, &l->db, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(count(l, "doomed"), 0u, "what was deleted before the restart is back");
    atomic_store(&l->is_stopping, false);
    for (int i = 0; i < OTHERS; i++)
        thread_start(&threads[i], "other", others[i], l);
    thread_start(&deleting, "deleter", delete_series, l);
    thread_join(&deleting);
    atomic_store(&l->is_stopping, true);
    for (int i = 0; i < OTHERS; i++)
        thread_join(&threads[i]);
    tsdb_close(l->db); /* merges may be going on */
}

Test(threads, what_is_deleted_stays_so_whatever_goes_on_meanwhile, .timeout = 120)
{
    char dir[] = "/tmp/andon-threads-XXXXXX";
    cr_assert_neq(mkdtemp(dir), NULL);
    struct tsdb_options options;
    tsdb_options_init(&options);
    options.dir = dir;
    options.journal_bytes_max = 50000;
    options.limits.series_new_per_s = 0;
    struct load l = {.base = clock_wall_ns(clock_real()) - NS_PER_HOUR};
    for (l.life = 0; l.life < LIVES; l.life++)
        live(&l, &options);
    cr_assert_not(atomic_load(&l.has_failed));
    cr_assert_eq(atomic_load(&l.deleted), (uint32_t)(LIVES * DOOMED));
    cr_assert_gt(atomic_load(&l.seals), 3u);
    cr_assert_gt(atomic_load(&l.snapshots), 3u);
    cr_assert_gt(atomic_load(&l.look_ups), 3u);
    cr_assert_gt(atomic_load(&l.series), 300u);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}
