#include "collector/own_log.h"

#include "collector/self/counters.h"
#include "collector/self/log.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"
#include "tsdb/base/thread.h"

#include <string.h>

enum { DRAIN_BATCH = 64, FIELDS = 3 };

struct line {
    int64_t wall_ns;
    enum log_level level;
    const char *room; /* a constant of the program */
    size_t len;
    char text[LOG_LINE_MAX];
};

struct own_log {
    struct mutex lock;
    struct line ring[OWN_LOG_MAX];  /* Guarded by: lock */
    uint64_t put, taken;            /* Guarded by: lock; lines ever */
    struct line batch[DRAIN_BATCH]; /* the draining thread's */
};

static _Thread_local bool is_draining;

static void count_rejected(enum reason reason, int64_t n)
{
    if (n > 0)
        counters_add(ITEMS_REJECTED, AT(SIGNAL_LOGS, DOOR_SELF, reason), n);
}

static void on_line(void *arg, const struct log_event *event)
{
    struct own_log *s = arg;
    if (is_draining)
        return;
    mutex_lock(&s->lock);
    bool is_full = s->put - s->taken == OWN_LOG_MAX;
    s->taken += is_full;
    struct line *l = &s->ring[s->put++ % OWN_LOG_MAX];
    l->wall_ns = event->wall_ns;
    l->level = event->level;
    l->room = event->room;
    l->len = event->text.len < sizeof l->text ? event->text.len : sizeof l->text;
    memcpy(l->text, event->text.at, l->len);
    mutex_unlock(&s->lock);
    counters_add(ITEMS_RECEIVED, AT(SIGNAL_LOGS, DOOR_SELF), 1);
    count_rejected(REASON_OVERLOADED, is_full);
}

struct own_log *own_log_new(void)
{
    struct own_log *s = MEM_NEW(struct own_log);
    mutex_init(&s->lock);
    log_set_tap(on_line, s);
    return s;
}

void own_log_free(struct own_log *s)
{
    if (!s)
        return;
    log_set_tap(NULL, NULL);
    mutex_release(&s->lock);
    mem_free(s);
}

static uint32_t take_lines(struct own_log *s)
{
    uint32_t count = 0;
    mutex_lock(&s->lock);
    while (s->taken < s->put && count < DRAIN_BATCH) {
        const struct line *l = &s->ring[s->taken++ % OWN_LOG_MAX];
        struct line *out = &s->batch[count++];
        memcpy(out, l, offsetof(struct line, text) + l->len);
    }
    mutex_unlock(&s->lock);
    return count;
}

static void set_field(struct tsdb_field *f, const char *name, const char *value)
{
    *f = (struct tsdb_field){
        .name = text_of(name), .type = TSDB_FIELD_STRING, .text = text_of(value)};
}

static void append(const struct own_log *s, struct tsdb *db, uint32_t count)
{
    static const struct tsdb_label label = {{"service_name", 12}, {"andon", 5}};
    const struct tsdb_log_stream stream = {.labels = {&label, 1}};
    struct tsdb_log_record records[DRAIN_BATCH];
    struct tsdb_field fields[DRAIN_BATCH][FIELDS];
    struct tsdb_appended out = {0};
    struct tsdb_error err;
    for (uint32_t i = 0; i < count; i++) {
        const struct line *l = &s->batch[i];
        const char *level = log_level_name(l->level);
        set_field(&fields[i][0], "level", level);
        set_field(&fields[i][1], "component", l->room);
        set_field(&fields[i][2], "detected_level", level);
        records[i] = (struct tsdb_log_record){.ts = l->wall_ns,
                                              .line = {l->text, l->len},
                                              .fields = fields[i],
                                              .field_count = FIELDS};
    }
    const struct tsdb_log_batch batch = {.tenant = "",
                                         .streams = &stream,
                                         .stream_count = 1,
                                         .records = records,
                                         .record_count = count};
    if (tsdb_log_append(db, &batch, &out, NULL, &err) != TSDB_OK) {
        count_rejected(REASON_UNWRITABLE, count); /* saying so would be a line more */
        return;
    }
    counters_add(ITEMS_ACCEPTED, AT(SIGNAL_LOGS, DOOR_SELF),
                 out.counts[TSDB_ACCEPTED] + out.counts[TSDB_DUPLICATE]);
    for (unsigned v = TSDB_CONFLICT; v < TSDB_VERDICT_COUNT; v++)
        count_rejected((enum reason)v, out.counts[v]);
}

void own_log_drain(struct own_log *s, struct tsdb *db)
{
    if (!s || !tsdb_is_writable(db))
        return;
    is_draining = true;
    for (uint32_t n = take_lines(s); n > 0; n = take_lines(s))
        append(s, db, n);
    is_draining = false;
}
