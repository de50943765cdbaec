/* Goal: appending, sealing and TraceQL on several cores at once lose nothing and race nowhere
 * (run it under TSan).  Method: writers append traces of two spans; a reader counts them by
 * every way there is and never sees fewer than before; the journal is kept small, so that
 * sealing goes on all the time. */
#include "tsdb/tsdb.h"

#include "tsdb/base/clock.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITERS = 2, BATCH = 200, ROUNDS = 40 };

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

static void make_spans(const struct writer_thread *w, uint32_t round, struct tsdb_span spans[BATCH],
                       struct tsdb_field *n)
{
    for (uint32_t i = 0; i < BATCH; i++) {
        uint32_t trace = round * BATCH / 2 + i / 2 + 1;
        *n = (struct tsdb_field){text_of("writer"), TSDB_FIELD_INT, {.integer = w->id}};
        spans[i] = (struct tsdb_span){.start = w->shared->base + (int64_t)trace * NS_PER_MS,
                                      .name = text_of(i % 2 ? "child" : "root"),
                                      .attributes = {n, 1, 0}};
        spans[i].end = spans[i].start + NS_PER_MS;
        memcpy(spans[i].trace_id.at, &trace, sizeof trace);
        spans[i].trace_id.at[15] = (uint8_t)(w->id + 1);
        spans[i].span_id.at[0] = (uint8_t)(1 + i % 2);
        spans[i].parent_id.at[0] = (uint8_t)(i % 2);
    }
}

static void *write_spans(void *arg)
{
    struct writer_thread *w = arg;
    struct tsdb_field n,
        service = {text_of("service.name"), TSDB_FIELD_STRING, {.text = text_of("s")}};
    struct tsdb_span_source source = {.resource = {&service, 1, 0}};
    static _Thread_local struct tsdb_span spans[BATCH];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        make_spans(w, round, spans, &n);
        struct tsdb_span_batch batch = {"", &source, spans, 1, BATCH};
        struct tsdb_appended out = {0};
        struct tsdb_error err;
        while (tsdb_span_append(w->shared->db, &batch, &out, NULL, &err) == TSDB_ELIMIT)
            (void)usleep(1000);
        if (out.counts[TSDB_ACCEPTED] != BATCH)
            atomic_store(&w->shared->has_failed, true);
        (void)usleep(20000); /* several rounds of the driver */
    }
    return NULL;
}

static struct tsdb_trace_query *ask(struct shared *s, const char *text)
{
    struct tsdb_trace_options options = {
        .start = s->base, .end = s->base + NS_PER_HOUR, .limit = 100000};
    struct tsdb_trace_query *query;
    struct tsdb_error err = {0};
    if (tsdb_trace_query_open(s->db, text_of(text), &options, &query, &err) == TSDB_OK)
        return query;
    (void)fprintf(stderr, "%s\n", err.msg);
    atomic_store(&s->has_failed, true);
    return NULL;
}

/* The sum over the series of a query of one value. */
static double count(struct shared *s, const char *text)
{
    struct tsdb_trace_query *query = ask(s, text);
    struct tsdb_result row;
    const uint8_t *types;
    struct tsdb_error err = {0};
    enum tsdb_status st = query ? TSDB_OK : TSDB_END;
    double sum = 0;
    while (query && (st = tsdb_trace_query_next(query, &row, &types, &err)) == TSDB_OK)
        sum += row.values[0];
    if (st != TSDB_END)
        atomic_store(&s->has_failed, true);
    tsdb_trace_query_close(query);
    return sum;
}

static uint32_t find(struct shared *s, const char *text)
{
    struct tsdb_trace_query *query = ask(s, text);
    struct tsdb_found_trace trace;
    struct tsdb_error err = {0};
    uint32_t found = 0;
    while (query && tsdb_trace_query_trace(query, &trace, &err) == TSDB_OK)
        found++;
    tsdb_trace_query_close(query);
    return found;
}

static void *read_spans(void *arg)
{
    static const char *const queries[] = {
        "{ } | count_over_time()", "{ span.writer >= 0 } | count_over_time() by (name)",
        "{ name = \"root\" } > { name = \"child\" } | count_over_time()"};
    struct shared *s = arg;
    double last[3] = {0};
    while (!atomic_load(&s->is_stopping)) {
        for (int i = 0; i < 3; i++) {
            double now = count(s, queries[i]);
            if (now < last[i])
                atomic_store(&s->has_failed, true);
            last[i] = now;
        }
        s->asked++;
    }
    return NULL;
}

static bool put_name(void *arg, enum tsdb_trace_place place, struct tsdb_text name)
{
    char *out = arg;
    size_t len = strlen(out);
    (void)place;
    (void)snprintf(out + len, 256 - len, "%s%.*s", len ? " " : "", (int)name.len, name.at);
    return true;
}

static bool put_value(void *arg, uint8_t type, struct tsdb_text value)
{
    (void)type;
    return put_name(arg, TSDB_PLACE_ANY, value);
}

static void check_all(struct shared *s)
{
    struct tsdb_error err = {0};
    struct tsdb_trace_scope scope = {.start = s->base, .end = s->base + NS_PER_HOUR};
    char text[256] = "", values[256] = "";
    double all = WRITERS * BATCH * ROUNDS;
    cr_expect_eq(count(s, "{ } | count_over_time()"), all);
    cr_expect_eq(count(s, "{ name = \"root\" } > { } | count_over_time()"), all / 2);
    cr_expect_eq(find(s, "{ name = \"child\" && span.writer = 1 }"), BATCH * ROUNDS / 2);
    cr_expect_eq(tsdb_trace_tags(s->db, &scope, TSDB_PLACE_ANY, put_name, text, &err), TSDB_OK);
    cr_expect_str_eq(text, "service.name writer");
    cr_expect_eq(tsdb_trace_tag_values(s->db, &scope, TSDB_PLACE_SPAN, text_of("writer"), put_value,
                                       values, &err),
                 TSDB_OK);
    cr_expect_str_eq(values, "0 1");
    struct tsdb_trace_query *query = ask(s, "{ } | rate()");
    struct tsdb_result row;
    const uint8_t *types;
    tsdb_trace_query_cancel(query);
    cr_expect_eq(tsdb_trace_query_next(query, &row, &types, &err), TSDB_ECANCELED);
    const struct tsdb_trace_exemplar *exemplars;
    cr_expect_eq(tsdb_trace_query_exemplars(query, &exemplars), 0);
    tsdb_trace_query_close(query);
}

Test(tsdb_trace_query, counts_while_it_appends_and_seals, .timeout = 120)
{
    char dir[] = "/tmp/andon-traceql-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    struct shared s = {.base = clock_wall_ns(clock_real()) - NS_PER_MINUTE};
    struct tsdb_options options;
    struct tsdb_error err = {0};
    tsdb_options_init(&options);
    options.dir = dir;
    options.sync = TSDB_SYNC_OS;
    options.journal_bytes_max = 256 << 10;
    cr_assert_eq(tsdb_open(&options, &s.db, &err), TSDB_OK, "%s", err.msg);
    struct writer_thread writers[WRITERS];
    struct thread threads[WRITERS], reader;
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer_thread){&s, i};
        thread_start(&threads[i], "writer", write_spans, &writers[i]);
    }
    thread_start(&reader, "reader", read_spans, &s);
    for (uint32_t i = 0; i < WRITERS; i++)
        thread_join(&threads[i]);
    atomic_store(&s.is_stopping, true);
    thread_join(&reader);
    cr_expect_gt(s.asked, 0);
    cr_expect_not(atomic_load(&s.has_failed));
    check_all(&s);
    tsdb_close(s.db);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}
