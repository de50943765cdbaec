/* Goal: appends, reads of traces, sealing and merging at once lose nothing and race nowhere
 * (run it under TSan).  Method: writers give every trace spans in turns; a reader never sees
 * fewer of a trace than before; the journal is kept small, so that sealing goes on all the
 * time; at the end, and after a restart, every trace is whole. */
#include "tsdb/tsdb_traces.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITERS = 3, TRACES = 50, ROUNDS = 60 };

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

static struct tsdb_trace_id trace_id(uint32_t n)
{
    struct tsdb_trace_id id = {{[15] = (uint8_t)(n + 1)}};
    return id;
}

static void *write_spans(void *arg)
{
    struct writer_thread *w = arg;
    char service[16];
    struct tsdb_field name = {
        .name = text_of("service.name"),
        .type = TSDB_FIELD_STRING,
        .text = {service, (size_t)snprintf(service, sizeof service, "w%u", w->id)}};
    struct tsdb_span_source source = {.resource = {&name, 1, 0}};
    struct tsdb_span spans[TRACES];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < TRACES; i++) {
            int64_t start = w->shared->base + (int64_t)(round * TRACES + i) * NS_PER_MS;
            spans[i] = (struct tsdb_span){
                .trace_id = trace_id(i), .start = start, .end = start + 5, .name = {"work", 4}};
            spans[i].span_id.at[0] = (uint8_t)(1 + w->id);
            spans[i].span_id.at[1] = (uint8_t)round;
        }
        struct tsdb_span_batch batch = {"", &source, spans, 1, TRACES};
        struct tsdb_appended out = {0};
        struct tsdb_error err;
        while (tsdb_span_append(w->shared->db, &batch, &out, NULL, &err) == TSDB_ELIMIT)
            (void)usleep(1000);
        if (out.counts[TSDB_ACCEPTED] != TRACES)
            atomic_store(&w->shared->has_failed, true);
        (void)usleep(20000); /* several rounds of the driver */
    }
    return NULL;
}

/* Spans of the trace; every one in its place. */
static uint32_t spans_of(struct shared *s, uint32_t trace)
{
    struct tsdb_trace_id id = trace_id(trace);
    struct tsdb_trace *t = NULL;
    struct tsdb_error err = {0};
    enum tsdb_status st = tsdb_trace_read(s->db, "", &id, 0, 0, 0, &t, &err);
    bool is_good = st == TSDB_ENOTFOUND || (st == TSDB_OK && !t->is_partial);
    uint32_t n = t ? t->span_count : 0;
    for (uint32_t i = 0; i < n; i++)
        is_good = is_good && (i == 0 || t->spans[i - 1].start <= t->spans[i].start) &&
                  t->spans[i].source < t->source_count;
    if (!is_good || (t && t->source_count > WRITERS)) {
        (void)fprintf(stderr, "%s\n", err.msg);
        atomic_store(&s->has_failed, true);
    }
    tsdb_trace_free(t);
    return n;
}

static void *read_traces(void *arg)
{
    struct shared *s = arg;
    uint32_t before[TRACES] = {0};
    while (!atomic_load(&s->is_stopping)) {
        uint32_t trace = s->asked++ % TRACES, now = spans_of(s, trace);
        if (now < before[trace])
            atomic_store(&s->has_failed, true);
        before[trace] = now;
    }
    return NULL;
}

static void expect_all(struct shared *s)
{
    for (uint32_t i = 0; i < TRACES; i++)
        cr_assert_eq(spans_of(s, i), WRITERS * ROUNDS);
}

Test(tsdb_traces, appends_reads_and_sealing_do_not_get_in_each_others_way, .timeout = 120)
{
    char dir[] = "/tmp/andon-trace-threads-XXXXXX";
    cr_assert_neq(mkdtemp(dir), NULL);
    struct tsdb_options options;
    struct tsdb_error err = {0};
    tsdb_options_init(&options);
    options.dir = dir;
    options.journal_bytes_max = 100000;
    struct shared s = {0};
    cr_assert_eq(tsdb_open(&options, &s.db, &err), TSDB_OK, "%s", err.msg);
    s.base = clock_wall_ns(clock_real()) - NS_PER_HOUR;
    struct writer_thread writers[WRITERS];
    struct thread threads[WRITERS], reading;
    thread_start(&reading, "reader", read_traces, &s);
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer_thread){&s, i};
        thread_start(&threads[i], "writer", write_spans, &writers[i]);
    }
    for (int i = 0; i < 8; i++) { /* besides the driver, which may have no turn */
        (void)usleep(100000);
        cr_assert_eq(tsdb_seal(s.db, &err), TSDB_OK, "%s", err.msg);
    }
    for (uint32_t i = 0; i < WRITERS; i++)
        thread_join(&threads[i]);
    atomic_store(&s.is_stopping, true);
    thread_join(&reading);
    cr_assert_gt(s.asked, 3u);
    struct tsdb_stats stats;
    tsdb_stats(s.db, &stats);
    cr_assert_gt(stats.seals, 0u, "sealing went on meanwhile");
    cr_assert_eq(stats.trace_spans, WRITERS * TRACES * ROUNDS);
    expect_all(&s);
    tsdb_close(s.db);
    cr_assert_eq(tsdb_open(&options, &s.db, &err), TSDB_OK, "%s", err.msg);
    expect_all(&s);
    cr_assert_eq(tsdb_seal(s.db, &err), TSDB_OK, "%s", err.msg);
    tsdb_stats(s.db, &stats);
    cr_assert_eq(stats.trace_segment_spans, WRITERS * TRACES * ROUNDS);
    cr_assert_eq(stats.trace_head_bytes, 0u);
    expect_all(&s);
    cr_assert_not(atomic_load(&s.has_failed));
    tsdb_close(s.db);
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}
