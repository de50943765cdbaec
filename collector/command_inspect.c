#include "collector/command.h"
#include "collector/self/rfc3339.h"
#include "tsdb/base/fs.h"

#include <stdio.h>

static bool put_segment(void *arg, const struct tsdb_segment_info *s)
{
    struct writer *w = arg;
    char from[RFC3339_MAX], to[RFC3339_MAX];
    rfc3339_format(s->ts_min, 0, from);
    rfc3339_format(s->ts_max, 0, to);
    double per_sample = s->samples ? (double)s->bytes / (double)s->samples : 0;
    writer_format(w, "%-34s %5u  %s  %s %10llu %12llu %12llu %6.2f\n", s->name, (unsigned)s->level,
                  from, to, (unsigned long long)s->series, (unsigned long long)s->samples,
                  (unsigned long long)s->bytes, per_sample);
    return true;
}

static void put_stats(struct writer *w, const struct tsdb_stats *s)
{
    double per_sample =
        s->segment_samples ? (double)s->segment_bytes / (double)s->segment_samples : 0;
    writer_format(w, "\nsegments     %llu (%llu set aside as damaged)\n",
                  (unsigned long long)s->segments, (unsigned long long)s->quarantined);
    writer_format(w, "bytes        %llu (chunks %llu, index %llu), %.2f a sample\n",
                  (unsigned long long)s->segment_bytes, (unsigned long long)s->segment_chunk_bytes,
                  (unsigned long long)s->segment_index_bytes, per_sample);
    writer_format(w, "samples      %llu in segments\n", (unsigned long long)s->segment_samples);
    double per_record =
        s->log_segment_records ? (double)s->log_segment_bytes / (double)s->log_segment_records : 0;
    writer_format(w, "logs         %llu records in %llu segments, %llu bytes, %.2f a record\n",
                  (unsigned long long)s->log_segment_records, (unsigned long long)s->log_segments,
                  (unsigned long long)s->log_segment_bytes, per_record);
    double per_span = s->trace_segment_spans
                          ? (double)s->trace_segment_bytes / (double)s->trace_segment_spans
                          : 0;
    writer_format(w, "traces       %llu spans in %llu segments, %llu bytes, %.2f a span\n",
                  (unsigned long long)s->trace_segment_spans, (unsigned long long)s->trace_segments,
                  (unsigned long long)s->trace_segment_bytes, per_span);
    writer_format(w, "journal      %llu bytes, %llu series in memory\n",
                  (unsigned long long)s->journal_bytes, (unsigned long long)s->series_active);
}

int command_inspect(int argc, const char *const *argv)
{
    const char *dir = NULL;
    const struct command_line line = {"inspect DIR", NULL, 0, &dir, 1};
    if (!command_parse(argc, argv, &line))
        return COMMAND_USAGE;
    struct tsdb_options options;
    struct tsdb_error err = {0};
    struct tsdb *db = NULL;
    tsdb_options_init(&options);
    options.dir = dir;
    options.is_read_only = true;
    options.has_no_threads = true;
    if (tsdb_open(&options, &db, &err) != TSDB_OK)
        return command_fail(COMMAND_FAILED, "%s", err.msg);
    struct writer w = {0};
    struct tsdb_stats stats;
    writer_format(&w, "%-34s %5s  %-20s  %-20s %10s %12s %12s %6s\n", "SEGMENT", "LEVEL", "FROM",
                  "TO", "SERIES", "SAMPLES", "BYTES", "B/SMP");
    tsdb_segments(db, put_segment, &w);
    tsdb_stats(db, &stats);
    put_stats(&w, &stats);
    tsdb_close(db);
    bool is_written = command_print(&w);
    writer_release(&w);
    return is_written ? COMMAND_OK : COMMAND_FAILED;
}

static void put_fault(void *arg, const char *line)
{
    (void)arg;
    (void)command_fail(COMMAND_FAILED, "%s", line);
}

int command_verify(int argc, const char *const *argv)
{
    const char *dir = NULL;
    const struct command_line line = {"verify DIR", NULL, 0, &dir, 1};
    if (!command_parse(argc, argv, &line))
        return COMMAND_USAGE;
    struct tsdb_error err = {0};
    enum tsdb_status st = tsdb_verify(fs_posix(), dir, put_fault, NULL, &err);
    if (st != TSDB_OK)
        return command_fail(COMMAND_FAILED, "%s", err.msg);
    struct writer w = {0};
    writer_format(&w, "%s: good\n", dir);
    bool is_written = command_print(&w);
    writer_release(&w);
    return is_written ? COMMAND_OK : COMMAND_FAILED;
}
