#include "collector/ingest/senders.h"

#include "collector/ingest/json_text.h"
#include "tsdb/base/assert.h"
#include "tsdb/base/hash.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <string.h>

void senders_init(struct senders *s)
{
    *s = (struct senders){.at = MEM_ARRAY(struct sender, SENDERS_MAX),
                          .tags = MEM_ARRAY(uint64_t, SENDERS_MAX)};
    mutex_init(&s->lock);
}

void senders_release(struct senders *s)
{
    mem_free(s->at);
    mem_free(s->tags);
    mutex_release(&s->lock);
}

static uint64_t tag_of(const char *tenant, struct tsdb_text id)
{
    return hash64(hash64(0, tenant, strlen(tenant)), id.at, id.len);
}

static struct sender *find(struct senders *s, const char *tenant, struct tsdb_text id)
{
    uint64_t tag = tag_of(tenant, id);
    for (uint32_t i = 0; i < s->count; i++)
        if (s->tags[i] == tag && text_equal(text_of(s->at[i].id), id) &&
            strcmp(s->at[i].tenant, tenant) == 0)
            return &s->at[i];
    return NULL;
}

static struct sender *get(struct senders *s, const char *tenant, struct tsdb_text id)
{
    struct sender *e = find(s, tenant, id);
    if (e)
        return e;
    if (s->count < SENDERS_MAX) {
        e = &s->at[s->count++];
    } else {
        e = &s->at[0];
        for (uint32_t i = 1; i < s->count; i++)
            if (s->at[i].seen_ns < e->seen_ns)
                e = &s->at[i];
    }
    *e = (struct sender){0};
    if (id.len)
        memcpy(e->id, id.at, id.len);
    memcpy(e->tenant, tenant, strlen(tenant) + 1);
    s->tags[e - s->at] = tag_of(tenant, id);
    return e;
}

int64_t senders_seen(struct senders *s, const char *tenant, struct tsdb_text id, uint64_t sequence,
                     int64_t now_ns)
{
    ASSERT(strlen(tenant) <= EXCHANGE_TENANT_MAX);
    if (id.len > ENVELOPE_SENDER_MAX)
        id.len = ENVELOPE_SENDER_MAX;
    mutex_lock(&s->lock);
    struct sender *e = get(s, tenant, id);
    int64_t missing = 0;
    bool is_first = e->received == 0;
    bool is_ahead = sequence > e->last;
    bool is_far = (is_ahead ? sequence - e->last : e->last - sequence) > SENDER_JUMP_MAX;
    e->received++;
    e->seen_ns = now_ns;
    if (sequence == 0) {
        /* not numbered */
    } else if (is_first || sequence == 1 || is_far) {
        e->last = sequence;
    } else if (is_ahead) {
        missing = (int64_t)(sequence - e->last - 1);
        e->last = sequence;
    } else {
        e->late++;
        missing = e->lost > 0 ? -1 : 0;
    }
    e->lost = (uint64_t)((int64_t)e->lost + missing);
    mutex_unlock(&s->lock);
    return missing;
}

void senders_rejected(struct senders *s, const char *tenant, struct tsdb_text id, uint64_t items,
                      bool is_whole)
{
    if (id.len > ENVELOPE_SENDER_MAX)
        id.len = ENVELOPE_SENDER_MAX;
    mutex_lock(&s->lock);
    struct sender *e = find(s, tenant, id);
    if (e) {
        e->rejected_items += items;
        e->rejected_messages += is_whole;
    }
    mutex_unlock(&s->lock);
}

uint32_t senders_count(struct senders *s)
{
    mutex_lock(&s->lock);
    uint32_t n = s->count;
    mutex_unlock(&s->lock);
    return n;
}

void senders_write_json(struct senders *s, const char *tenant, struct writer *out)
{
    uint32_t n = 0;
    mutex_lock(&s->lock);
    struct sender *copied = MEM_ARRAY(struct sender, s->count);
    for (uint32_t i = 0; i < s->count; i++)
        if (!tenant[0] || strcmp(s->at[i].tenant, tenant) == 0)
            copied[n++] = s->at[i];
    mutex_unlock(&s->lock);
    writer_text(out, "{\"senders\":[");
    for (uint32_t i = 0; i < n; i++) {
        writer_text(out, i > 0 ? ",{\"tenant\":" : "{\"tenant\":");
        json_text_write(out, text_of(copied[i].tenant));
        writer_text(out, ",\"id\":");
        json_text_write(out, text_of(copied[i].id));
        writer_format(
            out,
            ",\"received\":%llu,\"lost\":%llu,\"late\":%llu,\"rejectedItems\":%llu,"
            "\"rejectedMessages\":%llu,\"lastSequence\":%llu}",
            (unsigned long long)copied[i].received, (unsigned long long)copied[i].lost,
            (unsigned long long)copied[i].late, (unsigned long long)copied[i].rejected_items,
            (unsigned long long)copied[i].rejected_messages, (unsigned long long)copied[i].last);
    }
    writer_text(out, "]}");
    mem_free(copied);
}
