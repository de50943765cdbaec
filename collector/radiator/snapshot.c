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

/* ---- services ------------------------------------------------------------------------ */

/* A name cut between characters to what is kept of it. */
static size_t name_cut(struct tsdb_text name)
{
    size_t len = name.len < SERVICE_NAME_MAX ? name.len : SERVICE_NAME_MAX;
    while (len > 0 && !utf8_check(name.at, len))
        len--;
    return len;
}

static bool on_pair(void *arg, struct tsdb_label pair, uint32_t series)
{
    struct snapshot *s = arg;
    if (!text_equal(pair.name, text_of("job")) || pair.value.len == 0)
        return true;
    struct service *v = &s->services[s->service_count++];
    *v = (struct service){.name_len = name_cut(pair.value), .series = series};
    memcpy(v->name, pair.value.at, v->name_len);
    return s->service_count < SNAPSHOT_SERVICES_MAX;
}

static bool service_is(const struct service *v, struct tsdb_text job)
{
    return v->name_len == job.len && memcmp(v->name, job.at, job.len) == 0;
}

/* Neighbours in an answer are often of one job: the search begins where the last one ended. */
static struct service *service_find(struct snapshot *s, struct tsdb_labels labels, uint32_t *hint)
{
    struct tsdb_text job = {0};
    for (uint32_t i = 0; i < labels.count && !job.at; i++)
        if (text_equal(labels.at[i].name, text_of("job")))
            job = labels.at[i].value;
    job.len = name_cut(job);
    for (uint32_t i = 0; i < s->service_count; i++) {
        uint32_t at = (*hint + i) % s->service_count;
        if (!service_is(&s->services[at], job))
            continue;
        *hint = at;
        return &s->services[at];
    }
    return NULL; /* newer than the list, or beyond its end */
}

/* Samples of the last minute by job; false when that would read too much.  Read as they
 * are: a function over them would have to drop their names, which makes series collide. */
static bool ask_traffic(struct snapshot *s)
{
    enum { TRAFFIC_SAMPLES_MAX = 4000000, TRAFFIC_SERIES_MAX = 200000, TRAFFIC_S = 60 };
    static const char text[] = "{job!=\"\"}[1m]";
    int64_t now = clock_wall_ns(s->clock);
    struct tsdb_query_options options = {.start = now,
                                         .end = now,
                                         .deadline = NS_PER_S / 2,
                                         .samples_max = TRAFFIC_SAMPLES_MAX,
                                         .series_max = TRAFFIC_SERIES_MAX};
    struct tsdb_query *query;
    if (tsdb_query_open(s->db, text_of(text), &options, &query, NULL) != TSDB_OK)
        return false;
    struct tsdb_result row;
    enum tsdb_status st;
    uint32_t hint = 0;
    while ((st = tsdb_query_next(query, &row, NULL)) == TSDB_OK) {
        struct service *v = service_find(s, row.labels, &hint);
        if (v)
            v->per_s += (double)row.count / TRAFFIC_S;
    }
    tsdb_query_close(query);
    return st == TSDB_END;
}

static bool ranks_before(const struct snapshot *s, const struct service *a, const struct service *b)
{
    if (s->has_traffic && (a->per_s > b->per_s || a->per_s < b->per_s))
        return a->per_s > b->per_s;
    return a->series > b->series;
}

/* The SNAPSHOT_SERVICES first, in order; the rest is left as it lies. */
static void rank_services(struct snapshot *s)
{
    for (uint32_t place = 0; place < s->service_count && place < SNAPSHOT_SERVICES; place++) {
        uint32_t best = place;
        for (uint32_t i = place + 1; i < s->service_count; i++)
            if (ranks_before(s, &s->services[i], &s->services[best]))
                best = i;
        struct service held = s->services[place];
        s->services[place] = s->services[best];
        s->services[best] = held;
    }
}

void snapshot_refresh(struct snapshot *s)
{
    int64_t now = clock_mono_ns(s->clock);
    if (now < s->services_due_ns)
        return;
    s->services_due_ns = now + SNAPSHOT_SERVICES_S * NS_PER_S;
    s->service_count = 0;
    tsdb_cardinality(s->db, on_pair, s);
    s->has_traffic = false;
    if (now >= s->traffic_due_ns) {
        s->has_traffic = ask_traffic(s);
        if (!s->has_traffic)
            s->traffic_due_ns = now + SNAPSHOT_RETRY_S * NS_PER_S;
    }
    rank_services(s);
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

static void put_engine(const struct snapshot *s, const struct tsdb_stats *t, const struct span *w,
                       struct json *j)
{
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
    put(j, "segments", (double)t->segments);
    put(j, "segment_bytes", (double)t->segment_bytes);
    put(j, "journal_bytes", (double)t->journal_bytes);
    put(j, "free_bytes", (double)t->disk_free_bytes);
    put(j, "limit_bytes", (double)s->disk_limit);
    json_end_object(j);
    begin(j, "memory");
    put(j, "used_bytes", (double)t->memory_bytes);
    put(j, "limit_bytes", (double)t->memory_limit);
    json_end_object(j);
}

static void put_services(const struct snapshot *s, struct json *j)
{
    json_key(j, "services");
    json_array(j);
    for (uint32_t i = 0; i < s->service_count && i < SNAPSHOT_SERVICES; i++) {
        const struct service *v = &s->services[i];
        json_object(j);
        json_key(j, "name");
        json_text(j, (struct tsdb_text){v->name, v->name_len});
        put(j, "series", v->series);
        put(j, "per_s", s->has_traffic ? v->per_s : (double)NAN);
        json_end_object(j);
    }
    json_end_array(j);
    put_word(j, "services_by", s->has_traffic ? "samples" : "series");
}

void snapshot_write(struct snapshot *s, struct json *j)
{
    struct tsdb_stats stats;
    struct snapshot_mark mark;
    tsdb_stats(s->db, &stats);
    take_mark(s, &stats, &mark);
    struct span w = {.base = base_mark(s, mark.at_ns), .now = &mark};
    w.seconds = (double)(mark.at_ns - w.base->at_ns) / 1e9;
    json_object(j);
    json_key(j, "at");
    json_i64(j, clock_wall_ns(s->clock) / NS_PER_MS);
    json_key(j, "started");
    json_i64(j, s->started_wall_ns / NS_PER_MS);
    put(j, "uptime_s", (double)(mark.at_ns - s->started_ns) / 1e9);
    put(j, "window_s", w.seconds);
    json_key(j, "writable");
    json_bool(j, tsdb_is_writable(s->db));
    put_word(j, "version", ANDON_VERSION);
    put_arrivals(&w, j);
    put_rejects(&w, j);
    put_engine(s, &stats, &w, j);
    put_services(s, j);
    json_end_object(j);
    keep_mark(s, &mark);
}
