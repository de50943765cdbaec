#include "collector/self_store.h"

#include "collector/self/counters.h"
#include "collector/self/log.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <stdlib.h>
#include <string.h>

enum { SELF_LABELS_MAX = 8, SELF_BATCH = 256 };

/* One sample with its labels, the texts copied into `texts`. */
struct self_point {
    struct tsdb_label labels[SELF_LABELS_MAX];
    uint32_t count;
    char texts[512];
    size_t used;
};

struct self_store {
    struct tsdb *db; /* borrowed */
    char *instance;  /* owned */
    int64_t now;
    struct tsdb_point points[SELF_BATCH];
    struct self_point held[SELF_BATCH];
    struct tsdb_metadata metadata[SELF_BATCH];
    uint32_t count, metadata_count;
};

struct self_store *self_store_new(struct tsdb *db, const char *instance)
{
    struct self_store *s = MEM_NEW(struct self_store);
    s->db = db;
    s->instance = mem_text(instance, strlen(instance));
    return s;
}

void self_store_free(struct self_store *s)
{
    if (!s)
        return;
    mem_free(s->instance);
    mem_free(s);
}

static enum tsdb_status labels_of(void *arg, uint32_t index, struct tsdb_labels *out)
{
    struct self_store *s = arg;
    *out = (struct tsdb_labels){s->held[index].labels, s->held[index].count};
    return TSDB_OK;
}

static void flush(struct self_store *s)
{
    struct tsdb_batch batch = {.points = s->points,
                               .point_count = s->count,
                               .metadata = s->metadata,
                               .metadata_count = s->metadata_count,
                               .labels = labels_of,
                               .arg = s};
    struct tsdb_appended out;
    struct tsdb_error err = {0};
    uint32_t count = s->count;
    s->count = s->metadata_count = 0;
    counters_add(ITEMS_RECEIVED, AT(SIGNAL_METRICS, DOOR_SELF), count);
    if (tsdb_append(s->db, &batch, &out, NULL, &err) != TSDB_OK) {
        counters_add(ITEMS_REJECTED, AT(SIGNAL_METRICS, DOOR_SELF, REASON_UNWRITABLE), count);
        log_debug("self", "own metrics not stored: %s", err.msg);
        return;
    }
    counters_add(ITEMS_ACCEPTED, AT(SIGNAL_METRICS, DOOR_SELF),
                 out.counts[TSDB_ACCEPTED] + out.counts[TSDB_DUPLICATE]);
    for (unsigned v = TSDB_CONFLICT; v < TSDB_VERDICT_COUNT; v++)
        if (out.counts[v])
            counters_add(ITEMS_REJECTED, AT(SIGNAL_METRICS, DOOR_SELF, v), out.counts[v]);
}

static bool put_label(struct self_point *p, struct tsdb_text name, struct tsdb_text value)
{
    if (p->count == SELF_LABELS_MAX || name.len + value.len > sizeof p->texts - p->used)
        return false;
    char *at = p->texts + p->used;
    memcpy(at, name.at, name.len);
    memcpy(at + name.len, value.at, value.len);
    p->labels[p->count++] = (struct tsdb_label){{at, name.len}, {at + name.len, value.len}};
    p->used += name.len + value.len;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return text_compare(((const struct tsdb_label *)a)->name, ((const struct tsdb_label *)b)->name);
}

static void put_metadata(struct self_store *s, const struct counter_sample *sample)
{
    if (s->metadata_count > 0 &&
        text_equal(s->metadata[s->metadata_count - 1].family, sample->family))
        return;
    s->metadata[s->metadata_count++] =
        (struct tsdb_metadata){sample->family, sample->help, sample->unit, sample->type};
}

/* Texts of families are constants; those of labels are copied. */
static void put_sample(void *arg, const struct counter_sample *sample)
{
    struct self_store *s = arg;
    struct self_point *p = &s->held[s->count];
    p->count = 0;
    p->used = 0;
    bool fits = put_label(p, text_of("__name__"), sample->name) &&
                put_label(p, text_of("job"), text_of("andon")) &&
                put_label(p, text_of("instance"), text_of(s->instance));
    for (uint32_t i = 0; i < sample->labels.count && fits; i++)
        fits = put_label(p, sample->labels.at[i].name, sample->labels.at[i].value);
    if (!fits)
        return;
    qsort(p->labels, p->count, sizeof *p->labels, by_name);
    struct tsdb_labels labels = {p->labels, p->count};
    s->points[s->count++] = (struct tsdb_point){tsdb_labels_hash(tsdb_seed(s->db), labels), s->now,
                                                sample->value, NULL};
    put_metadata(s, sample);
    if (s->count == SELF_BATCH)
        flush(s);
}

/* What a scrape would say of a target that answers. */
static const struct counter_sample up = {.name = {"up", 2},
                                         .family = {"up", 2},
                                         .help = {"1: the server stores its own metrics.", 37},
                                         .type = TSDB_METRIC_GAUGE,
                                         .value = 1};

void self_store_append(struct self_store *s, int64_t now)
{
    s->now = now;
    put_sample(s, &up);
    counters_each(put_sample, s);
    if (s->count > 0)
        flush(s);
}
