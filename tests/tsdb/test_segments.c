#include "tsdb/db.h"

#include "tsdb/base/fs_sim.h"
#include "tsdb/base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* A store with a day of metrics, one of traces and one of logs, the logs the oldest ones. */
struct rig {
    struct fs_sim *sim;
    struct clock_sim clock;
    struct tsdb_options options;
    struct tsdb *db;
};

static enum tsdb_status labels_of(void *arg, uint32_t index, struct tsdb_labels *out)
{
    static const struct tsdb_label label = {{"__name__", 8}, {"up", 2}};
    (void)arg;
    (void)index;
    *out = (struct tsdb_labels){&label, 1};
    return TSDB_OK;
}

static void put_log(struct rig *r, int64_t ts)
{
    struct tsdb_label label = {{"app", 3}, {"x", 1}};
    struct tsdb_log_stream stream = {.labels = {&label, 1}};
    struct tsdb_log_record record = {.ts = ts, .line = text_of("a line")};
    struct tsdb_log_batch batch = {"", &stream, &record, 1, 1};
    struct tsdb_appended out = {0};
    struct tsdb_error err = {0};
    cr_assert_eq(tsdb_log_append(r->db, &batch, &out, NULL, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(out.counts[TSDB_ACCEPTED], 1);
}

static void put_sample(struct rig *r, int64_t ts)
{
    struct tsdb_point point = {.key = {1, 2}, .ts = ts, .value = 1};
    struct tsdb_batch batch = {
        .tenant = "", .points = &point, .point_count = 1, .labels = labels_of};
    struct tsdb_appended out = {0};
    struct tsdb_error err = {0};
    cr_assert_eq(tsdb_append(r->db, &batch, &out, NULL, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(out.counts[TSDB_ACCEPTED], 1);
}

static void put_span(struct rig *r, int64_t ts)
{
    struct tsdb_span_source source = {0};
    struct tsdb_span span = {.trace_id = {{1}}, .span_id = {{1}}, .start = ts, .end = ts + 1};
    struct tsdb_span_batch batch = {"", &source, &span, 1, 1};
    struct tsdb_appended out = {0};
    struct tsdb_error err = {0};
    cr_assert_eq(tsdb_span_append(r->db, &batch, &out, NULL, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(out.counts[TSDB_ACCEPTED], 1);
}

static void setup(struct rig *r)
{
    *r = (struct rig){.sim = fs_sim_new()};
    clock_sim_init(&r->clock, 1000 * NS_PER_DAY);
    tsdb_options_init(&r->options);
    r->options.dir = "/db";
    r->options.fs = fs_sim_fs(r->sim);
    r->options.clock = &r->clock.clock;
    r->options.has_no_threads = true;
    struct tsdb_error err = {0};
    cr_assert_eq(tsdb_open(&r->options, &r->db, &err), TSDB_OK, "%s", err.msg);
    put_log(r, 995 * NS_PER_DAY);
    put_span(r, 997 * NS_PER_DAY);
    put_sample(r, 999 * NS_PER_DAY);
    cr_assert_eq(tsdb_seal(r->db, &err), TSDB_OK, "%s", err.msg);
}

static void teardown(struct rig *r)
{
    tsdb_close(r->db);
    fs_sim_free(r->sim);
}

static bool note(void *arg, const struct tsdb_segment_info *info)
{
    char *names = arg;
    (void)snprintf(names + strlen(names), 32, "%s ", info->signal);
    cr_assert_eq(info->samples, 1);
    cr_assert_gt(info->bytes, 0);
    return true;
}

static void ignore(void *arg, const char *line)
{
    (void)line;
    ++*(int *)arg;
}

Test(segments, of_every_signal_are_listed_and_checked)
{
    struct rig r;
    char names[64] = "";
    int faults = 0;
    struct tsdb_error err = {0};
    setup(&r);
    tsdb_segments(r.db, note, names);
    cr_assert_str_eq(names, "metrics logs traces ");
    cr_assert_eq(tsdb_verify(r.options.fs, "/db", ignore, &faults, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(faults, 0);
    teardown(&r);
}

/* Bytes of all segments, and how many of each signal. */
static uint64_t segment_bytes(struct rig *r, struct tsdb_stats *stats)
{
    tsdb_stats(r->db, stats);
    return stats->segment_bytes + stats->log_segment_bytes + stats->trace_segment_bytes;
}

static void expire_to(struct rig *r, uint64_t bytes)
{
    struct tsdb_error err = {0};
    atomic_store(&r->db->retention_bytes, bytes);
    cr_assert_eq(db_expire_by_size(r->db, &err), TSDB_OK, "%s", err.msg);
}

Test(segments, the_oldest_goes_first_whatever_its_signal)
{
    struct rig r;
    setup(&r);
    struct tsdb_stats stats;
    expire_to(&r, segment_bytes(&r, &stats));
    (void)segment_bytes(&r, &stats);
    cr_assert_eq(stats.segments + stats.log_segments + stats.trace_segments, 3);
    expire_to(&r, segment_bytes(&r, &stats) - 1);
    (void)segment_bytes(&r, &stats);
    cr_assert_eq(stats.log_segments, 0);
    cr_assert_eq(stats.trace_segments, 1);
    expire_to(&r, segment_bytes(&r, &stats) - 1);
    (void)segment_bytes(&r, &stats);
    cr_assert_eq(stats.trace_segments, 0);
    cr_assert_eq(stats.segments, 1);
    expire_to(&r, 1);
    (void)segment_bytes(&r, &stats);
    cr_assert_eq(stats.segments, 0);
    teardown(&r);
}
