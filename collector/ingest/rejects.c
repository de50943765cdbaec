#include "collector/ingest/rejects.h"

#include "collector/ingest/json_text.h"
#include "collector/ingest/outcome.h"
#include "collector/self/rfc3339.h"
#include "tsdb/base/mem.h"
#include "tsdb/base/text.h"

#include <string.h>

void rejects_init(struct rejects *r)
{
    *r = (struct rejects){0};
    mutex_init(&r->lock);
}

void rejects_release(struct rejects *r)
{
    mutex_release(&r->lock);
}

static void copy(char *out, size_t size, struct tsdb_text text)
{
    size_t n = text.len < size ? text.len : size - 1;
    if (n)
        memcpy(out, text.at, n);
    out[n] = '\0';
}

void rejects_put(struct rejects *r, int64_t wall_ns, const struct intake_source *source,
                 enum reason reason, struct tsdb_text text)
{
    mutex_lock(&r->lock);
    struct reject *e = &r->ring[r->count++ % REJECTS_MAX];
    e->wall_ns = wall_ns;
    e->door = source->door;
    e->reason = reason;
    copy(e->tenant, sizeof e->tenant, text_of(source->tenant));
    copy(e->peer, sizeof e->peer, source->peer);
    copy(e->text, sizeof e->text, text);
    mutex_unlock(&r->lock);
}

static void write_one(const struct reject *e, struct writer *out)
{
    char time[RFC3339_MAX];
    (void)rfc3339_format(e->wall_ns, 3, time);
    writer_format(out, "{\"time\":\"%s\",\"door\":\"%s\",\"tenant\":", time,
                  outcome_door_name(e->door));
    json_text_write(out, text_of(e->tenant));
    writer_text(out, ",\"peer\":");
    json_text_write(out, text_of(e->peer));
    writer_format(out, ",\"reason\":\"%s\",\"text\":", outcome_reason_name(e->reason));
    json_text_write(out, text_of(e->text));
    writer_u8(out, '}');
}

void rejects_write_json(struct rejects *r, const char *tenant, struct writer *out)
{
    bool sees_all = tenant[0] == '\0';
    uint64_t shown = 0;
    mutex_lock(&r->lock);
    uint64_t count = r->count, have = count < REJECTS_MAX ? count : REJECTS_MAX;
    struct reject *copied = MEM_ARRAY(struct reject, have);
    for (uint64_t i = 0; i < have; i++) {
        const struct reject *e = &r->ring[(count - 1 - i) % REJECTS_MAX];
        if (sees_all || strcmp(e->tenant, tenant) == 0)
            copied[shown++] = *e;
    }
    mutex_unlock(&r->lock);
    writer_format(out, "{\"total\":%llu,\"rejects\":[",
                  (unsigned long long)(sees_all ? count : shown));
    for (uint64_t i = 0; i < shown; i++) {
        if (i > 0)
            writer_u8(out, ',');
        write_one(&copied[i], out);
    }
    writer_text(out, "]}");
    mem_free(copied);
}
