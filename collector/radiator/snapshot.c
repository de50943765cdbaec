#include "collector/radiator/snapshot.h"

#include "tsdb/base/text.h"

#include <math.h>
#include <string.h>

/* ---- marks ------------------------------------------------------------------------------ */

static int64_t rejected_of(unsigned door, unsigned reason)
{
    int64_t total = 0;
    for (unsigned i = 0; i < SIGNAL_COUNT; i++)
        total += counters_get(ITEMS_REJECTED, AT(i, door, reason)) +
                 counters_get(MESSAGES_REJECTED, AT(i, door, reason));
    return total;
}

static void take_mark(const struct snapshot *s, const struct tsdb_stats *stats,
                      struct snapshot_mark *out)
{
    out->at_ns = clock_mono_ns(s->clock);
    for (unsigned d = 0; d < DOOR_COUNT; d++) {
        for (unsigned i = 0; i < SIGNAL_COUNT; i++)
            out->received[i][d] = counters_get(ITEMS_RECEIVED, AT(i, d));
        for (unsigned r = 0; r < REASON_COUNT; r++)
            out->rejected[d][r] = rejected_of(d, r);
    }
    out->created = stats->series_created;
    out->syncs = stats->journal_syncs;
}

static void keep_mark(struct snapshot *s, const struct snapshot_mark *mark)
{
    s->newest = (s->newest + 1) % SNAPSHOT_MARKS;
    s->marks[s->newest] = *mark;
    if (s->mark_count < SNAPSHOT_MARKS)
        s->mark_count++;
}

/* The mark that rates at `now` begin at: the oldest within the window, or the newest of
 * all where every one is older.  Half a second more than the window: ticks are not exact. */
static const struct snapshot_mark *base_mark(const struct snapshot *s, int64_t now)
{
    const struct snapshot_mark *base = &s->marks[s->newest];
    for (uint32_t i = 1; i < s->mark_count; i++) {
        const struct snapshot_mark *m =
            &s->marks[(s->newest + SNAPSHOT_MARKS - i) % SNAPSHOT_MARKS];
        if (now - m->at_ns > SNAPSHOT_WINDOW_S * NS_PER_S + NS_PER_S / 2)
            break;
        base = m;
    }
    return base;
}

void snapshot_init(struct snapshot *s, struct tsdb *db, struct clock *clock, uint64_t disk_limit)
{
    *s = (struct snapshot){.db = db, .clock = clock, .disk_limit = disk_limit};
    s->started_ns = clock_mono_ns(clock);
    s->started_wall_ns = clock_wall_ns(clock);
    struct tsdb_stats stats;
    struct snapshot_mark mark;
    tsdb_stats(db, &stats);
    take_mark(s, &stats, &mark);
    keep_mark(s, &mark);
}

/* ---- writing --------------------------------------------------------------------------- */

static void put(struct json *j, const char *name, double v)
{
    json_key(j, name);
    if (isfinite(v))
        json_number(j, round(v * 1000) / 1000);
    else
        json_null(j);
}

static void put_rate(struct json *j, int64_t now, int64_t before, double seconds)
{
    put(j, "per_s", seconds > 0 ? (double)(now - before) / seconds : 0);
    put(j, "total", (double)now);
}

static void put_word(struct json *j, const char *name, const char *word)
{
    json_key(j, name);
    json_word(j, word);
}

/* The words of an enum, in its order. */
#define WORD(id, text) text,
static const char *const signal_words[] = {SIGNALS(WORD)};
static const char *const door_words[] = {DOORS(WORD)};
static const char *const reason_words[] = {REASONS(WORD)};
#undef WORD

/* Two moments and the time between them. */
struct span {
    const struct snapshot_mark *base, *now;
    double seconds;
};

static void put_arrivals(const struct span *w, struct json *j)
{
    json_key(j, "arrivals");
    json_array(j);
    for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
        for (unsigned d = 0; d < DOOR_COUNT; d++) {
            if (w->now->received[i][d] == 0)
                continue;
            json_object(j);
            put_word(j, "signal", signal_words[i]);
            put_word(j, "door", door_words[d]);
            put_rate(j, w->now->received[i][d], w->base->received[i][d], w->seconds);
            json_end_object(j);
        }
    }
    json_end_array(j);
}

static void put_rejects(const struct span *w, struct json *j)
{
    json_key(j, "rejects");
    json_array(j);
    for (unsigned d = 0; d < DOOR_COUNT; d++) {
        for (unsigned r = 0; r < REASON_COUNT; r++) {
            if (w->now->rejected[d][r] == 0)
                continue;
            json_object(j);
            put_word(j, "door", door_words[d]);
            put_word(j, "reason", reason_words[r]);
            put_rate(j, w->now->rejected[d][r], w->base->rejected[d][r], w->seconds);
            json_end_object(j);
        }
    }
    json_end_array(j);
}

static void begin(struct json *j, const char *name)
{
    json_key(j, name);
    json_object(j);
}

static void put_engine(const struct snapshot *s, const struct span *w, struct json *j)
{
    const struct tsdb_stats *t = &s->stats;
    double over = w->seconds > 0 ? w->seconds : 1;
    begin(j, "series");
    put(j, "active", (double)t->series_active);
    put(j, "new_per_s", (double)(w->now->created - w->base->created) / over);
    json_end_object(j);
    begin(j, "sync");
    put(j, "last_ms", (double)t->journal_sync_ns_last / 1e6);
    put(j, "p99_ms", (double)t->journal_sync_ns_p99 / 1e6);
    put(j, "unsynced_ms", (double)t->journal_oldest_unsynced_ns / 1e6);
    put(j, "per_s", (double)(w->now->syncs - w->base->syncs) / over);
    json_end_object(j);
    begin(j, "disk");
    put(j, "segments", (double)(t->segments + t->log_segments + t->trace_segments));
    put(j, "segment_bytes",
        (double)(t->segment_bytes + t->log_segment_bytes + t->trace_segment_bytes));
    put(j, "journal_bytes", (double)t->journal_bytes);
    put(j, "free_bytes", (double)t->disk_free_bytes);
    put(j, "limit_bytes", (double)s->disk_limit);
    json_end_object(j);
    begin(j, "memory");
    put(j, "used_bytes", (double)t->memory_bytes);
    put(j, "limit_bytes", (double)t->memory_limit);
    json_end_object(j);
}

void snapshot_take(struct snapshot *s)
{
    tsdb_stats(s->db, &s->stats);
    take_mark(s, &s->stats, &s->now);
    s->base = *base_mark(s, s->now.at_ns);
    s->at_ns = clock_wall_ns(s->clock);
    s->is_writable = tsdb_is_writable(s->db);
    keep_mark(s, &s->now);
}

void snapshot_write(const struct snapshot *s, const struct services *services, struct json *j)
{
    struct span w = {.base = &s->base, .now = &s->now};
    w.seconds = (double)(s->now.at_ns - s->base.at_ns) / 1e9;
    json_object(j);
    json_key(j, "at");
    json_i64(j, s->at_ns / NS_PER_MS);
    json_key(j, "started");
    json_i64(j, s->started_wall_ns / NS_PER_MS);
    put(j, "uptime_s", (double)(s->now.at_ns - s->started_ns) / 1e9);
    put(j, "window_s", w.seconds);
    json_key(j, "writable");
    json_bool(j, s->is_writable);
    put_word(j, "version", ANDON_VERSION);
    put_arrivals(&w, j);
    put_rejects(&w, j);
    put_engine(s, &w, j);
    services_write(services, j);
    json_end_object(j);
}
