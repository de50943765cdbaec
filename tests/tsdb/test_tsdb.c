/* The facade, as an embedding program uses it, over simulated files. */
#include "tsdb/base/clock.h"
#include "tsdb/base/fs_sim.h"
#include "tsdb/base/text.h"
#include "tsdb/tsdb.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define NOW (INT64_C(1767225600) * NS_PER_S)

struct rig {
    struct fs_sim *sim;
    struct clock_sim clock;
    struct tsdb_options options;
    struct tsdb *db;
};

static void reopen(struct rig *r)
{
    struct tsdb_error err = {0};
    tsdb_close(r->db);
    cr_assert_eq(tsdb_open(&r->options, &r->db, &err), TSDB_OK, "%s", err.msg);
}

static void setup(struct rig *r)
{
    *r = (struct rig){.sim = fs_sim_new()};
    clock_sim_init(&r->clock, NOW);
    tsdb_options_init(&r->options);
    r->options.dir = "/store";
    r->options.fs = fs_sim_fs(r->sim);
    r->options.clock = &r->clock.clock;
    r->options.has_no_threads = true;
    reopen(r);
}

static void teardown(struct rig *r)
{
    tsdb_close(r->db);
    fs_sim_free(r->sim);
}

struct one {
    struct tsdb_label labels[3];
};

static enum tsdb_status on_labels(void *arg, uint32_t index, struct tsdb_labels *out)
{
    (void)index;
    *out = (struct tsdb_labels){((struct one *)arg)->labels, 3};
    return TSDB_OK;
}

static struct one series(const char *name, const char *host)
{
    return (struct one){{{text_of("__name__"), text_of(name)},
                         {text_of("host"), text_of(host)},
                         {text_of("job"), text_of("test")}}};
}

static void append(struct rig *r, const char *name, const char *host, int64_t ts, double v,
                   const struct tsdb_histogram *h)
{
    struct one one = series(name, host);
    struct tsdb_point p = {tsdb_labels_hash(tsdb_seed(r->db), (struct tsdb_labels){one.labels, 3}),
                           ts, v, h};
    struct tsdb_label trace = {text_of("trace_id"), text_of("abc")};
    struct tsdb_exemplar e = {0, ts, v, {&trace, 1}};
    struct tsdb_metadata m = {text_of(name), text_of("what it is"), text_of("seconds"),
                              TSDB_METRIC_GAUGE};
    struct tsdb_batch batch = {.points = &p,
                               .point_count = 1,
                               .exemplars = &e,
                               .exemplar_count = 1,
                               .metadata = &m,
                               .metadata_count = 1,
                               .labels = on_labels,
                               .arg = &one};
    struct tsdb_appended out;
    struct tsdb_error err = {0};
    cr_assert_eq(tsdb_append(r->db, &batch, &out, NULL, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(out.counts[TSDB_ACCEPTED], 1u);
    while (tsdb_synced(r->db) < out.position)
        cr_assert(tsdb_step(r->db));
}

/* The instant answer at NOW, or NAN when there is none. */
static double ask(struct rig *r, const char *text, uint32_t *count)
{
    struct tsdb_query_options options = {.start = NOW, .end = NOW};
    struct tsdb_query *q;
    struct tsdb_error err = {0};
    cr_assert_eq(tsdb_query_open(r->db, text_of(text), &options, &q, &err), TSDB_OK, "%s", err.msg);
    struct tsdb_result row;
    double v = -1;
    *count = 0;
    while (tsdb_query_next(q, &row, &err) == TSDB_OK) {
        v = row.values[0];
        (*count)++;
    }
    tsdb_query_close(q);
    return v;
}

static bool count_series(void *arg, struct tsdb_labels labels)
{
    cr_assert_eq(labels.count, 3u);
    ++*(uint32_t *)arg;
    return true;
}

static bool join_text(void *arg, struct tsdb_text text)
{
    char *all = arg;
    (void)strncat(all, text.at, text.len);
    (void)strcat(all, " ");
    return true;
}

static bool count_exemplar(void *arg, struct tsdb_labels labels, const struct tsdb_exemplar *e)
{
    cr_assert_eq(labels.count, 3u);
    cr_assert(text_equal(e->labels.at[0].value, text_of("abc")));
    ++*(uint32_t *)arg;
    return true;
}

static bool check_metadata(void *arg, const struct tsdb_metadata *m)
{
    cr_assert(text_equal(m->help, text_of("what it is")));
    cr_assert_eq(m->type, TSDB_METRIC_GAUGE);
    ++*(uint32_t *)arg;
    return true;
}

static void check_lookups(struct rig *r)
{
    struct tsdb_error err = {0};
    struct tsdb_text selector = text_of("cpu{host=~\"a|b\"}");
    struct tsdb_scope scope = {
        .selectors = &selector, .selector_count = 1, .start = NOW - NS_PER_HOUR, .end = NOW};
    uint32_t n = 0;
    cr_assert_eq(tsdb_series(r->db, &scope, count_series, &n, &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(n, 2u);
    char text[256] = "";
    cr_assert_eq(tsdb_label_values(r->db, text_of("host"), &scope, join_text, text, &err), TSDB_OK);
    cr_assert_str_eq(text, "a b ");
    text[0] = '\0';
    struct tsdb_scope all = {.start = NOW - NS_PER_HOUR, .end = NOW};
    cr_assert_eq(tsdb_label_names(r->db, &all, join_text, text, &err), TSDB_OK);
    cr_assert_str_eq(text, "__name__ host job ");
    n = 0;
    cr_assert_eq(tsdb_exemplars(r->db, text_of("rate(cpu[5m])"), &scope, count_exemplar, &n, &err),
                 TSDB_OK);
    cr_assert_eq(n, 3u, "one of each series of the query, got %u", n);
    n = 0;
    tsdb_metadata(r->db, "", check_metadata, &n);
    cr_assert_eq(n, 2u);
}

Test(tsdb, looks_up_alike_from_head_journal_and_segments)
{
    struct rig r;
    setup(&r);
    append(&r, "cpu", "a", NOW, 1, NULL);
    append(&r, "cpu", "b", NOW, 2, NULL);
    append(&r, "cpu", "c", NOW, 3, NULL);
    append(&r, "mem", "a", NOW, 4, NULL);
    check_lookups(&r);
    reopen(&r);
    check_lookups(&r);
    cr_assert_eq(tsdb_seal(r.db, NULL), TSDB_OK);
    check_lookups(&r);
    reopen(&r);
    check_lookups(&r);
    teardown(&r);
}

Test(tsdb, keeps_native_histograms_whole)
{
    struct rig r;
    setup(&r);
    struct tsdb_bucket_span spans[] = {{-1, 2}, {3, 1}};
    double counts[] = {1, 2, 3};
    struct tsdb_histogram h = {.schema = 1,
                               .zero_threshold = 1e-9,
                               .zero_count = 4,
                               .count = 10,
                               .sum = 12.5,
                               .positive_spans = spans,
                               .positive_span_count = 2,
                               .positive = counts,
                               .positive_count = 3};
    append(&r, "lat", "a", NOW, 0, &h);
    uint32_t n;
    for (int pass = 0; pass < 3; pass++) {
        cr_assert_eq(ask(&r, "histogram_count(lat)", &n), 10);
        cr_assert_eq(ask(&r, "histogram_sum(lat)", &n), 12.5);
        cr_assert_eq(n, 1u);
        if (pass == 0)
            reopen(&r);
        else
            cr_assert_eq(tsdb_seal(r.db, NULL), TSDB_OK);
    }
    teardown(&r);
}

Test(tsdb, hides_what_is_deleted_at_once_and_for_good)
{
    struct rig r;
    setup(&r);
    append(&r, "cpu", "a", NOW, 1, NULL);
    append(&r, "cpu", "b", NOW, 2, NULL);
    struct tsdb_text selector = text_of("cpu{host=\"a\"}");
    struct tsdb_scope scope = {
        .selectors = &selector, .selector_count = 1, .start = INT64_MIN, .end = INT64_MAX};
    struct tsdb_error err = {0};
    cr_assert_eq(tsdb_delete(r.db, &scope, &err), TSDB_OK, "%s", err.msg);
    uint32_t n;
    for (int pass = 0; pass < 3; pass++) {
        cr_assert_eq(ask(&r, "cpu", &n), 2);
        cr_assert_eq(n, 1u);
        if (pass == 0)
            reopen(&r);
        else
            cr_assert_eq(tsdb_seal(r.db, NULL), TSDB_OK, "the merge drops it for good");
    }
    append(&r, "cpu", "a", NOW, 9, NULL);
    (void)ask(&r, "cpu", &n);
    cr_assert_eq(n, 2u, "what comes after a deletion is not hidden");
    struct tsdb_scope none = {.start = INT64_MIN, .end = INT64_MAX};
    cr_assert_eq(tsdb_delete(r.db, &none, &err), TSDB_EINVAL);
    teardown(&r);
}

Test(tsdb, a_snapshot_is_a_store_of_that_moment)
{
    struct rig r;
    setup(&r);
    append(&r, "cpu", "a", NOW, 1, NULL);
    struct tsdb_error err = {0};
    cr_assert_eq(tsdb_snapshot(r.db, "before", &err), TSDB_OK, "%s", err.msg);
    cr_assert_eq(tsdb_snapshot(r.db, "../evil", &err), TSDB_EINVAL);
    append(&r, "cpu", "b", NOW, 2, NULL);
    tsdb_close(r.db);
    r.db = NULL;
    r.options.dir = "/store/snapshots/before";
    reopen(&r);
    uint32_t n;
    cr_assert_eq(ask(&r, "cpu", &n), 1);
    cr_assert_eq(n, 1u);
    append(&r, "cpu", "c", NOW, 3, NULL);
    (void)ask(&r, "cpu", &n);
    cr_assert_eq(n, 2u, "and it can be written to");
    teardown(&r);
}

static void count_line(void *arg, const char *line)
{
    (void)line;
    ++*(uint32_t *)arg;
}

static bool note_segment(void *arg, const struct tsdb_segment_info *info)
{
    (void)snprintf(arg, 128, "/store/%s", info->name);
    return true;
}

Test(tsdb, verifies_every_byte_and_sets_damage_aside)
{
    struct rig r;
    setup(&r);
    append(&r, "cpu", "a", NOW, 1, NULL);
    cr_assert_eq(tsdb_seal(r.db, NULL), TSDB_OK);
    char path[128];
    tsdb_segments(r.db, note_segment, path);
    tsdb_close(r.db);
    r.db = NULL;
    uint32_t lines = 0;
    struct tsdb_error err = {0};
    cr_assert_eq(tsdb_verify(r.options.fs, "/store", count_line, &lines, &err), TSDB_OK, "%s",
                 err.msg);
    cr_assert_eq(lines, 0u);
    struct bytes file = fs_sim_get(r.sim, path);
    cr_assert_gt(file.len, 100u);
    fs_sim_flip(r.sim, path, file.len / 2, 1);
    cr_assert_eq(tsdb_verify(r.options.fs, "/store", count_line, &lines, &err), TSDB_ECORRUPT);
    cr_assert_eq(lines, 1u);
    fs_sim_truncate(r.sim, path, 50);
    reopen(&r); /* one bad segment does not stop the rest */
    struct tsdb_stats stats;
    tsdb_stats(r.db, &stats);
    cr_assert_eq(stats.quarantined, 1u);
    append(&r, "cpu", "b", NOW, 2, NULL);
    struct tsdb_query_options options = {.start = NOW, .end = NOW};
    struct tsdb_query *q;
    cr_assert_eq(tsdb_query_open(r.db, text_of("cpu"), &options, &q, &err), TSDB_OK);
    struct tsdb_result row;
    cr_assert_eq(tsdb_query_next(q, &row, &err), TSDB_OK);
    struct tsdb_query_stats answered;
    tsdb_query_stats(q, &answered);
    cr_assert(answered.is_partial);
    tsdb_query_close(q);
    teardown(&r);
}

Test(tsdb, a_year_of_backfill_is_kept_and_found)
{
    struct rig r;
    setup(&r);
    r.options.retention = 0;
    tsdb_configure(r.db, &r.options);
    for (int day = 365; day >= 0; day--)
        append(&r, "cpu", "a", NOW - day * NS_PER_DAY, day, NULL);
    for (int pass = 0; pass < 2; pass++) {
        uint32_t n;
        cr_assert_eq(ask(&r, "count_over_time(cpu[400d])", &n), 366);
        cr_assert_eq(ask(&r, "sum_over_time(cpu[400d])", &n), 365 * 366 / 2);
        cr_assert_eq(tsdb_seal(r.db, NULL), TSDB_OK);
    }
    struct tsdb_stats stats;
    tsdb_stats(r.db, &stats);
    cr_assert_leq(stats.segments, 50u, "windows grow with age: %llu segments",
                  (unsigned long long)stats.segments);
    teardown(&r);
}

Test(tsdb, refuses_a_second_opener_and_appends_when_read_only)
{
    struct rig r;
    setup(&r);
    struct tsdb *second;
    struct tsdb_error err = {0};
    cr_assert_eq(tsdb_open(&r.options, &second, &err), TSDB_EINVAL);
    cr_assert(strstr(err.msg, "in use"), "%s", err.msg);
    append(&r, "cpu", "a", NOW, 1, NULL);
    cr_assert_eq(tsdb_seal(r.db, NULL), TSDB_OK);
    r.options.is_read_only = true;
    reopen(&r);
    uint32_t n;
    cr_assert_eq(ask(&r, "cpu", &n), 1);
    struct tsdb_batch batch = {0};
    struct tsdb_appended out;
    cr_assert_eq(tsdb_append(r.db, &batch, &out, NULL, &err), TSDB_EINVAL);
    teardown(&r);
}
