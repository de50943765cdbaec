/* D1 and F1 with the real engine: what was answered 2xx is there after the power went,
 * what could not be kept is never answered so. */
#include "collector/ingest/ingest.h"
#include "proto/remote_write.pb-c.h"
#include "proto/remote_write_2.pb-c.h"
#include "tests/collector/ingest/fake_peer.h"
#include "tsdb/base/clock.h"
#include "tsdb/base/fs_sim.h"
#include "tsdb/base/mem.h"

#include <snappy-c.h>

#define NOW (INT64_C(1767225600) * NS_PER_S)

struct rig {
    struct fs_sim *sim;
    struct clock_sim clock;
    struct tsdb_options options;
    struct tsdb *db;
    struct ingest *ingest;
};

static void on_synced(void *arg)
{
    struct rig *r = arg;
    if (r->ingest)
        ingest_on_synced(r->ingest);
}

static void open_all(struct rig *r)
{
    struct tsdb_error err = {0};
    struct ingest_options options;
    cr_assert_eq(tsdb_open(&r->options, &r->db, &err), TSDB_OK, "%s", err.msg);
    ingest_options_init(&options);
    options.db = r->db;
    options.clock = &r->clock.clock;
    r->ingest = ingest_new(&options);
}

static void close_all(struct rig *r)
{
    ingest_abandon(r->ingest);
    struct ingest *ingest = r->ingest;
    r->ingest = NULL;
    tsdb_close(r->db);
    ingest_free(ingest);
}

static void rig_init(struct rig *r)
{
    *r = (struct rig){.sim = fs_sim_new()};
    clock_sim_init(&r->clock, NOW);
    tsdb_options_init(&r->options);
    r->options.dir = "/store";
    r->options.fs = fs_sim_fs(r->sim);
    r->options.clock = &r->clock.clock;
    r->options.has_no_threads = true;
    r->options.on_synced = on_synced;
    r->options.arg = r;
    open_all(r);
}

static void call(struct rig *r, const char *path, struct exchange *x)
{
    size_t count;
    const struct exchange_route *routes = ingest_routes(r->ingest, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(routes[i].path, path) == 0)
            routes[i].handler(routes[i].arg, x);
}

static char *text(const char *t)
{
    return (char *)(uintptr_t)t;
}

static void send_packed(struct rig *r, struct exchange *x, const uint8_t *raw, size_t len)
{
    static char packed[4096];
    size_t n = sizeof packed;
    cr_assert_eq(snappy_compress((const char *)raw, len, packed, &n), SNAPPY_OK);
    x->body = (struct bytes){(const uint8_t *)packed, n};
    call(r, "/api/v1/write", x);
}

/* One sample of {__name__="m", n="I"} by remote write 1.0. */
static void send_1(struct rig *r, struct exchange *x, int i, double value)
{
    char number[16];
    uint8_t raw[256];
    Prw__WriteRequest request = PRW__WRITE_REQUEST__INIT;
    Prw__TimeSeries series = PRW__TIME_SERIES__INIT, *list[] = {&series};
    Prw__Label name = PRW__LABEL__INIT, n = PRW__LABEL__INIT, *labels[] = {&name, &n};
    Prw__Sample sample = PRW__SAMPLE__INIT, *samples[] = {&sample};
    (void)snprintf(number, sizeof number, "%d", i);
    name.name = text("__name__");
    name.value = text("m");
    n.name = text("n");
    n.value = number;
    sample.value = value;
    sample.timestamp = NOW / NS_PER_MS;
    series.labels = labels;
    series.n_labels = 2;
    series.samples = samples;
    series.n_samples = 1;
    request.timeseries = list;
    request.n_timeseries = 1;
    *x = (struct exchange){.status = 0};
    send_packed(r, x, raw, prw__write_request__pack(&request, raw));
}

/* How many series of m there are; *sum of their values. */
static uint32_t count(struct rig *r, double *sum)
{
    struct tsdb_query_options options = {.start = NOW, .end = NOW};
    struct tsdb_query *q;
    struct tsdb_result row;
    struct tsdb_error err = {0};
    uint32_t n = 0;
    *sum = 0;
    cr_assert_eq(tsdb_query_open(r->db, text_of("m"), &options, &q, &err), TSDB_OK, "%s", err.msg);
    while (tsdb_query_next(q, &row, &err) == TSDB_OK) {
        *sum += row.values[0];
        n++;
    }
    tsdb_query_close(q);
    return n;
}

static void run_steps(struct rig *r, struct exchange *x)
{
    while (x->answers == 0 && tsdb_step(r->db))
        fake_run_posted(x);
    fake_run_posted(x);
}

Test(durability, an_answer_comes_after_the_sync_and_not_before)
{
    struct rig r;
    struct exchange x;
    double sum;
    rig_init(&r);
    send_1(&r, &x, 1, 5);
    cr_assert_eq(x.answers, 0);
    cr_assert_eq(count(&r, &sum), 1, "visible at once");
    run_steps(&r, &x);
    cr_assert_eq(x.status, 204);
    close_all(&r);
    fs_sim_free(r.sim);
}

Test(durability, what_was_answered_survives_the_power)
{
    for (int mode = 0; mode < FS_SIM_MODE_COUNT; mode++) {
        struct rig r;
        struct exchange x[5];
        struct random random;
        double sum;
        random_init(&random, (uint64_t)mode + 1);
        rig_init(&r);
        for (int i = 0; i < 4; i++) {
            send_1(&r, &x[i], i, i + 1);
            run_steps(&r, &x[i]);
            cr_assert_eq(x[i].status, 204);
        }
        send_1(&r, &x[4], 4, 100); /* never synced, never answered */
        cr_assert_eq(x[4].answers, 0);
        fs_sim_crash(r.sim, (enum fs_sim_mode)mode, &random);
        close_all(&r);
        cr_assert_neq(x[4].status, 204);
        open_all(&r);
        uint32_t n = count(&r, &sum);
        cr_assert(n >= 4 && sum >= 10, "mode %d: %u series, sum %g", mode, n, sum);
        close_all(&r);
        fs_sim_free(r.sim);
    }
}

Test(durability, a_failed_sync_is_answered_503)
{
    struct rig r;
    struct exchange x;
    rig_init(&r);
    fs_sim_fail(r.sim, FS_SIM_SYNC, 1, 5, FS_SIM_FOR_EVER);
    send_1(&r, &x, 1, 5);
    for (int i = 0; i < 100 && x.answers == 0; i++) {
        (void)tsdb_step(r.db);
        fake_run_posted(&x);
    }
    ingest_abandon(r.ingest);
    cr_assert_eq(x.status, 503);
    cr_assert_not_null(strstr(x.headers, "retry-after"));
    close_all(&r);
    fs_sim_free(r.sim);
}

/* ---- logs ---- */

static void send_lines(struct rig *r, struct exchange *x, const char *body)
{
    *x = (struct exchange){.body = {(const uint8_t *)body, strlen(body)}};
    fake_header(x, "content-type", "application/x-ndjson");
    call(r, "/insert/jsonline", x);
}

static uint32_t count_lines(struct rig *r)
{
    struct tsdb_log_options options = {.start = NOW - 1, .end = NOW + 1, .limit = 100};
    struct tsdb_log_query *q;
    struct tsdb_log_entry entry;
    struct tsdb_error err = {0};
    uint32_t n = 0;
    cr_assert_eq(tsdb_log_query_open(r->db, text_of("{service_name=~\".+\"}"), &options, &q, &err),
                 TSDB_OK, "%s", err.msg);
    while (tsdb_log_query_entry(q, &entry, &err) == TSDB_OK)
        n++;
    tsdb_log_query_close(q);
    return n;
}

/* Answered after the sync, there after the power went, and 503 when it cannot be kept. */
Test(durability, lines_of_logs_too)
{
    for (int mode = 0; mode < FS_SIM_MODE_COUNT; mode++) {
        struct rig r;
        struct exchange x, lost;
        struct random random;
        random_init(&random, (uint64_t)mode + 1);
        rig_init(&r);
        send_lines(&r, &x, "{\"msg\":\"one\"}\n{\"msg\":\"two\"}\n");
        cr_assert_eq(x.answers, 0);
        run_steps(&r, &x);
        cr_assert_eq(x.status, 204);
        send_lines(&r, &lost, "{\"msg\":\"three\"}\n");
        cr_assert_eq(lost.answers, 0);
        fs_sim_crash(r.sim, (enum fs_sim_mode)mode, &random);
        close_all(&r);
        cr_assert_neq(lost.status, 204);
        open_all(&r);
        cr_assert_geq(count_lines(&r), 2, "mode %d", mode);
        arena_release(&x.arena);
        arena_release(&lost.arena);
        fs_sim_fail(r.sim, FS_SIM_SYNC, 1, 5, FS_SIM_FOR_EVER);
        send_lines(&r, &x, "{\"msg\":\"four\"}\n");
        for (int i = 0; i < 100 && x.answers == 0; i++) {
            (void)tsdb_step(r.db);
            fake_run_posted(&x);
        }
        ingest_abandon(r.ingest);
        cr_assert_eq(x.status, 503, "mode %d: %d", mode, x.status);
        close_all(&r);
        arena_release(&x.arena);
        fs_sim_free(r.sim);
    }
}

/* The same series by 1.0 and 2.0: one series, and the repeat is no conflict. */
Test(durability, formats_meet_in_one_series)
{
    struct rig r;
    struct exchange x, y;
    double sum;
    uint8_t raw[256];
    rig_init(&r);
    send_1(&r, &x, 1, 5);
    run_steps(&r, &x);
    char *symbols[] = {text(""), text("__name__"), text("m"), text("n"), text("1")};
    uint32_t refs[] = {1, 2, 3, 4};
    Prw2__Request request = PRW2__REQUEST__INIT;
    Prw2__TimeSeries series = PRW2__TIME_SERIES__INIT, *list[] = {&series};
    Prw2__Sample sample = PRW2__SAMPLE__INIT, *samples[] = {&sample};
    sample.value = 5;
    sample.timestamp = NOW / NS_PER_MS;
    series.labels_refs = refs;
    series.n_labels_refs = 4;
    series.samples = samples;
    series.n_samples = 1;
    request.symbols = symbols;
    request.n_symbols = 5;
    request.timeseries = list;
    request.n_timeseries = 1;
    y = (struct exchange){.status = 0};
    fake_header(&y, "content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request");
    send_packed(&r, &y, raw, prw2__request__pack(&request, raw));
    run_steps(&r, &y);
    cr_assert_eq(y.status, 204, "%.*s", (int)y.reply_len, (const char *)y.reply);
    cr_assert_eq(count(&r, &sum), 1);
    struct tsdb_stats stats;
    tsdb_stats(r.db, &stats);
    cr_assert_eq(stats.series_created, 1);
    cr_assert_eq(stats.samples_duplicate, 1);
    close_all(&r);
    fs_sim_free(r.sim);
}
