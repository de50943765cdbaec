#include "collector/api/loki_streams.h"

#include "tsdb/base/hash.h"
#include "tsdb/base/text.h"

#include <string.h>

enum { SLOTS_MIN = 64 };

struct held_entry {
    struct held_entry *next;
    struct bytes json;
};

struct loki_stream {
    struct loki_stream *next;
    uint64_t hash;
    struct bytes labels; /* as JSON: what tells streams apart */
    struct held_entry *first, *last;
};

void loki_streams_init(struct loki_streams *s, struct arena *arena, bool is_categorized,
                       bool is_reversed)
{
    *s = (struct loki_streams){
        .arena = arena, .is_categorized = is_categorized, .is_reversed = is_reversed};
    s->last = &s->first;
    json_init(&s->scratch, 0, NULL, NULL);
}

void loki_streams_release(struct loki_streams *s)
{
    json_release(&s->scratch);
}

static void scratch_reset(struct loki_streams *s)
{
    writer_reset(&s->scratch.out);
    s->scratch.has_comma = false;
}

/* What the scratch holds, in the arena; at NULL when that is full. */
static struct bytes scratch_keep(struct loki_streams *s)
{
    struct bytes text = writer_bytes(&s->scratch.out);
    uint8_t *to = ARENA_ARRAY(s->arena, uint8_t, text.len);
    if (to)
        memcpy(to, text.at, text.len);
    return (struct bytes){to, text.len};
}

/* The set whose next name is the least; -1 when all are through. */
static int least(const struct tsdb_labels *const sets[3], const uint32_t at[3])
{
    int best = -1;
    for (int i = 0; i < 3; i++)
        if (at[i] < sets[i]->count &&
            (best < 0 || text_compare(sets[i]->at[at[i]].name, sets[best]->at[at[best]].name) < 0))
            best = i;
    return best;
}

/* The three disjoint sets as one object, sorted. */
static void put_merged(struct json *j, const struct tsdb_log_entry *e)
{
    const struct tsdb_labels *const sets[3] = {&e->stream, &e->metadata, &e->parsed};
    uint32_t at[3] = {0};
    json_object(j);
    for (int i; (i = least(sets, at)) >= 0; at[i]++) {
        json_key_text(j, sets[i]->at[at[i]].name);
        json_text(j, sets[i]->at[at[i]].value);
    }
    json_end_object(j);
}

static void put_entry(struct json *j, const struct tsdb_log_entry *e, bool is_categorized)
{
    char ts[24];
    size_t len = i64_format(e->ts, ts);
    json_array(j);
    json_text(j, (struct tsdb_text){ts, len});
    json_text(j, e->line);
    if (is_categorized) {
        json_object(j);
        if (e->metadata.count > 0) {
            json_key(j, "structuredMetadata");
            json_labels(j, e->metadata);
        }
        if (e->parsed.count > 0) {
            json_key(j, "parsed");
            json_labels(j, e->parsed);
        }
        json_end_object(j);
    }
    json_end_array(j);
}

static struct loki_stream **slot_of(struct loki_stream **slots, uint32_t count, uint64_t hash,
                                    struct bytes labels)
{
    uint32_t i = (uint32_t)hash & (count - 1);
    while (slots[i] && (slots[i]->hash != hash || slots[i]->labels.len != labels.len ||
                        memcmp(slots[i]->labels.at, labels.at, labels.len) != 0))
        i = (i + 1) & (count - 1);
    return &slots[i];
}

/* Room for one stream more; the old slots stay in the arena. */
static bool grow(struct loki_streams *s)
{
    if (s->slot_count > 0 && s->stream_count < s->slot_count / 2)
        return true;
    uint32_t count = s->slot_count ? 2 * s->slot_count : SLOTS_MIN;
    struct loki_stream **slots = ARENA_ARRAY(s->arena, struct loki_stream *, count);
    if (!slots)
        return false;
    for (struct loki_stream *stream = s->first; stream; stream = stream->next)
        *slot_of(slots, count, stream->hash, stream->labels) = stream;
    s->slots = slots;
    s->slot_count = count;
    return true;
}

/* NULL: the arena is full. */
static struct loki_stream *stream_of(struct loki_streams *s, const struct tsdb_log_entry *e)
{
    scratch_reset(s);
    if (s->is_categorized)
        json_labels(&s->scratch, e->stream);
    else
        put_merged(&s->scratch, e);
    struct bytes labels = writer_bytes(&s->scratch.out);
    uint64_t hash = hash64(0, labels.at, labels.len);
    if (!grow(s))
        return NULL;
    struct loki_stream **slot = slot_of(s->slots, s->slot_count, hash, labels);
    if (*slot)
        return *slot;
    struct loki_stream *stream = ARENA_ARRAY(s->arena, struct loki_stream, 1);
    labels = scratch_keep(s);
    if (!stream || !labels.at)
        return NULL;
    stream->hash = hash;
    stream->labels = labels;
    *slot = stream;
    *s->last = stream;
    s->last = &stream->next;
    s->stream_count++;
    return stream;
}

bool loki_streams_add(struct loki_streams *s, const struct tsdb_log_entry *e)
{
    struct loki_stream *stream = stream_of(s, e);
    struct held_entry *entry = stream ? ARENA_ARRAY(s->arena, struct held_entry, 1) : NULL;
    if (!entry)
        return false;
    scratch_reset(s);
    put_entry(&s->scratch, e, s->is_categorized);
    entry->json = scratch_keep(s);
    if (!entry->json.at)
        return false;
    if (s->is_reversed) {
        entry->next = stream->first;
        stream->first = entry;
    } else if (stream->last) {
        stream->last->next = entry;
    } else {
        stream->first = entry;
    }
    stream->last = entry;
    s->entry_count++;
    return true;
}

void loki_streams_write(const struct loki_streams *s, struct json *j)
{
    json_array(j);
    for (const struct loki_stream *stream = s->first; stream; stream = stream->next) {
        json_object(j);
        json_key(j, "stream");
        json_raw(j, stream->labels);
        json_key(j, "values");
        json_array(j);
        for (const struct held_entry *e = stream->first; e; e = e->next)
            json_raw(j, e->json);
        json_end_array(j);
        json_end_object(j);
    }
    json_end_array(j);
}
